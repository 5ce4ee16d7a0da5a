#!/usr/bin/env python3
"""Writes a fitted scikit-learn estimator or pipeline as JSON, to be read by m2ksql.

From a file that was written with joblib or pickle (only one that you trust: loading it runs code):

    python export_sklearn.py model.joblib model.json

From Python, where the estimator is at hand:

    from export_sklearn import export
    export(estimator, "model.json")

The file holds the class, the parameters and every fitted attribute, as they are.
"""
import json
import sys

import numpy as np
import sklearn

# computed on demand and therefore not among the instance's own attributes
PROPERTIES = ("coef_", "intercept_", "classes_", "infrequent_categories_", "powers_", "feature_names_in_", "_scaler", "_infrequent_indices")
# large, private to the fit, or without effect on predictions
SKIP = ("cv_results_", "scores_path_", "coefs_paths_", "mse_path_", "support_vectors_", "dual_coef_", "label_binarizer_", "output_indices_")


def encode(value):
    """Anything an estimator holds, as values that the module json can write."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return encode(value.item())
    if hasattr(value, "toarray") and not isinstance(value, type):  # a sparse matrix
        value = value.toarray()
    if isinstance(value, np.ndarray):
        return encode(value.tolist())
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, slice):
        return {"start": encode(value.start), "stop": encode(value.stop), "step": encode(value.step)}
    if isinstance(value, np.ufunc):
        return "numpy." + value.__name__
    if isinstance(value, type):
        return value.__module__ + "." + value.__qualname__
    if hasattr(value, "get_params"):
        return describe(value)
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas' missing values
        return None
    if hasattr(value, "tolist"):  # a pandas index or series
        return encode(value.tolist())
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    return (getattr(value, "__module__", None) or type(value).__module__) + "." + name


def attribute(estimator, name):
    try:
        return getattr(estimator, name)
    except Exception:  # a property that this estimator, or its fit, does not have
        return None


def describe(estimator):
    """An estimator: its class, its parameters, and every attribute that its fit has left."""
    kind = type(estimator).__name__
    if kind == "Pipeline":
        return {"class": kind, "steps": [[name, encode(step)] for name, step in estimator.steps]}
    if kind == "FeatureUnion":
        return {"class": kind, "transformer_list": encode(estimator.transformer_list), "transformer_weights": encode(estimator.transformer_weights)}
    nested = ("estimator", "base_estimator", "regressor", "transformer", "transformers", "label_encoder_")
    params = {key: value for key, value in estimator.get_params(deep=False).items() if key not in nested}
    result = {"class": kind, "params": encode(params)}
    names = [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]
    for name in dict.fromkeys(names + list(PROPERTIES)):
        value = attribute(estimator, name)
        if value is not None and name not in SKIP:
            result[name] = encode(value)
    if hasattr(estimator, "get_support"):
        result["support_"] = encode(estimator.get_support())
    if hasattr(estimator, "best_estimator_"):
        result["best_estimator_"] = describe(estimator.best_estimator_)
    return result


def export(estimator, path):
    """Writes the model to a file; `-` is standard output."""
    text = json.dumps({**describe(estimator), "sklearn_version": sklearn.__version__}, ensure_ascii=False, indent=1) + "\n"
    if path == "-":
        sys.stdout.write(text)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    import joblib  # comes with scikit-learn, and reads plain pickles too

    export(joblib.load(sys.argv[1]), sys.argv[2])
