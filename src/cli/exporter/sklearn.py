"""Writes a fitted scikit-learn estimator or pipeline as JSON, to be read by m2ksql.

From a file that was written with joblib or pickle (only one that you trust: loading it runs code):

    python export_sklearn.py model.joblib model.json

From Python, where the estimator is at hand:

    from export_sklearn import dump
    dump(estimator, "model.json")

The file holds the class, the parameters and every fitted attribute, as they are.
"""

import json
import sys

import numpy as np
import sklearn
from sklearn.base import BaseEstimator

# fitted attributes that are computed when they are asked for
COMPUTED = ("coef_", "intercept_", "powers_", "infrequent_categories_")


def dump(estimator, path):
    """Writes the estimator to a file; `-` is standard output."""
    model = describe(estimator)
    model["sklearn_version"] = sklearn.__version__
    text = json.dumps(model, ensure_ascii=False, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def describe(estimator):
    """The estimator as a value that JSON can hold."""
    if hasattr(estimator, "best_estimator_"):  # GridSearchCV and its like
        return describe(estimator.best_estimator_)
    if hasattr(estimator, "steps"):  # Pipeline
        steps = [[name, step if isinstance(step, str) else describe(step)] for name, step in estimator.steps if step is not None]
        return {"class": "Pipeline", "steps": steps}
    result = {"class": type(estimator).__name__, "params": {}}
    for name, parameter in estimator.get_params(deep=False).items():
        if name not in ("steps", "transformers", "estimators") and not isinstance(parameter, BaseEstimator):
            result["params"][name] = plain(parameter)
    fitted = [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]
    for name in fitted + [name for name in COMPUTED if name not in fitted and has(estimator, name)]:
        value = getattr(estimator, name)
        if name == "transformers_":  # ColumnTransformer: what is fitted, with the columns it gets
            names = list(getattr(estimator, "feature_names_in_", range(estimator.n_features_in_)))
            result[name] = [[label, plain(part), columns(chosen, names)] for label, part, chosen in value]
        elif not name.startswith("named_"):
            result[name] = plain(value)
    return result


def has(estimator, name):
    try:
        getattr(estimator, name)
    except Exception:  # not this estimator, or not with these parameters
        return False
    return True


def columns(chosen, names):
    """Columns by name, or by position where they have none, however they were chosen."""
    if isinstance(chosen, (str, int, np.integer)):
        chosen = [chosen]
    if isinstance(chosen, slice):
        if any(isinstance(end, str) for end in (chosen.start, chosen.stop)):  # by name, the last one too
            start = names.index(chosen.start) if chosen.start is not None else 0
            stop = names.index(chosen.stop) + 1 if chosen.stop is not None else len(names)
            return [plain(name) for name in names[start:stop]]
        return [plain(name) for name in names[chosen]]
    chosen = list(chosen)
    if chosen and all(isinstance(one, (bool, np.bool_)) for one in chosen):
        return [plain(name) for name, one in zip(names, chosen) if one]
    return [plain(one) if isinstance(one, str) else plain(names[one]) for one in chosen]


def plain(value):
    """Numbers, texts, lists and objects; of anything else the name."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, BaseEstimator):
        return describe(value)
    if hasattr(value, "toarray"):  # sparse coefficients
        value = value.toarray()
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    return getattr(value, "__name__", type(value).__name__)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    import joblib

    dump(joblib.load(sys.argv[1]), sys.argv[2])
