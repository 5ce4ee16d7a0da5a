"""Fits models on small data, exports them, and writes the library's answers to cases.json."""

import json
import warnings

import numpy as np
from export_sklearn import dump
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, PoissonRegressor, Ridge, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

warnings.simplefilter("ignore")
random = np.random.default_rng(0)
X = random.normal(size=(90, 3)).round(2)
score = X @ [1.5, -2.0, 0.5] + 0.25
two = score > 0
three = np.array(["low", "mid", "high"])[np.digitize(score, [-1.0, 1.0])]
mixed = np.array([[a, b, c] for a, b, c in zip(X[:, 0], X[:, 1], random.choice(["red", "o'hare", ""], 90))], dtype=object)
holes = X.copy()
holes[::7, 1] = np.nan

encode = ColumnTransformer(
    [("numbers", StandardScaler(), slice(0, 2)), ("colours", OneHotEncoder(handle_unknown="ignore"), [2])],
    remainder="passthrough",
)
masked = ColumnTransformer([("scaled", MinMaxScaler(), [True, False, True])], remainder="passthrough")

MODELS = [
    ("linear", LinearRegression(), X, score),
    ("ridge_two_targets", Ridge(), X, np.column_stack([score, -3 * score])),
    ("poisson", PoissonRegressor(), X, np.exp(score / 4)),
    ("logistic_booleans", LogisticRegression(), X, two),
    ("logistic_integers", LogisticRegression(), X, two.astype(int) + 1),
    ("multinomial", LogisticRegression(), X, three),
    ("one_vs_rest", OneVsRestClassifier(LogisticRegression()), X, three),
    ("svc", LinearSVC(), X, three),
    ("ridge_classifier", RidgeClassifier(), X, two),
    ("perceptron", Perceptron(), X, three),
    ("sgd", SGDClassifier(loss="modified_huber", random_state=0), X, two),
    ("pipeline", make_pipeline(SimpleImputer(), PolynomialFeatures(2, include_bias=False), StandardScaler(), LogisticRegression()), holes, three),
    ("columns", make_pipeline(encode, LogisticRegression()), mixed, two),
    ("mask", make_pipeline(masked, LinearRegression()), X, score),
    ("search", GridSearchCV(Ridge(), {"alpha": [0.5, 2.0]}), X, score),
    ("transformer", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), holes, None),
]


def plain(values):
    return None if values is None else [[None if one != one else one for one in row] if isinstance(row, list) else row for row in values.tolist()]


cases = []
for name, model, data, target in MODELS:
    model.fit(data, target)
    dump(model, name + ".json")
    ask = lambda method: plain(getattr(model, method)(data[:40])) if hasattr(model, method) else None
    columns = [f"x{index}" for index in range(data.shape[1])]
    cases.append({"file": name + ".json", "columns": columns, "rows": plain(data[:40]),
                  "predict": ask("predict"), "predict_proba": ask("predict_proba"), "transform": ask("transform") if target is None else None})
with open("cases.json", "w") as file:
    json.dump(cases, file)
