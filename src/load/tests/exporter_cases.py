"""Fits estimators, exports them with sklearn_export.py and writes their own predictions: exporter_cases.py EXPORTER OUT"""
import csv
import importlib.util
import json
import math
import os
import sys
import warnings

import numpy as np
import pandas as pd
from sklearn import *  # noqa: F403
from sklearn.compose import *  # noqa: F403
from sklearn.decomposition import *  # noqa: F403
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import *  # noqa: F403
from sklearn.impute import *  # noqa: F403
from sklearn.linear_model import *  # noqa: F403
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import *  # noqa: F403
from sklearn.random_projection import GaussianRandomProjection
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC

warnings.filterwarnings("ignore")
exporter, out = sys.argv[1:]
spec = importlib.util.spec_from_file_location("sklearn_export", exporter)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

rng = np.random.default_rng(7)
N = 120
X = pd.DataFrame({"a": rng.normal(3, 2, N), "b": rng.normal(0, 1, N), "c d (x)": rng.gamma(2, 2, N), "e": rng.uniform(-5, 5, N)}).round(3)
three = np.digitize(X["a"] + X["b"] * 2 - X["e"] / 3 + rng.normal(0, 1, N), [1, 4.5])
two = (X["a"] - X["e"] + rng.normal(0, 2, N) > 2).astype(int)
y = 2 * X["a"] - X["b"] + 0.3 * X["c d (x)"] + rng.normal(0, 1, N)
words = np.array(["low", "mid", "high"])[three]
positive = np.exp(y / 8)
mixed = pd.DataFrame({
    "n": np.where(rng.random(N) < 0.15, np.nan, rng.normal(10, 3, N).round(2)),
    "color": rng.choice(["red", "green", "blue", "o'hare", "grün", ""], N, p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.05]),
    "size": rng.choice([1, 2, 3, 10], N),
    "flag": rng.choice([True, False], N),
    "m": rng.normal(0, 1, N).round(3),
})
holes = X.where(rng.random(X.shape) > 0.2)
cases = {}


def case(name, model, features=X, target=None, probe=None):
    cases[name] = (model, features, target, probe)


# regressors
for model in [LinearRegression(), LinearRegression(fit_intercept=False), Ridge(), RidgeCV(), Lasso(0.1), LassoCV(), ElasticNet(0.1), ElasticNetCV(), Lars(), LassoLars(0.01),
              LassoLarsIC(), OrthogonalMatchingPursuit(), BayesianRidge(), ARDRegression(), HuberRegressor(), TheilSenRegressor(random_state=0), QuantileRegressor(solver="highs"),
              LinearSVR(max_iter=20000), SGDRegressor(random_state=0), SVR(kernel="linear")]:
    case(type(model).__name__ + ("_nointercept" if getattr(model, "fit_intercept", True) is False else ""), model, X, y)
for model in [PoissonRegressor(), GammaRegressor(), TweedieRegressor(power=1.5), TweedieRegressor(power=0), TweedieRegressor(power=0, link="log")]:
    case(f"{type(model).__name__}_{getattr(model, 'power', '')}_{getattr(model, 'link', '')}", model, X / 10, positive)
two_targets = np.column_stack([y, y ** 2 / 10])
for model in [MultiTaskLasso(0.1), MultiTaskElasticNetCV(), Ridge(), LinearRegression(fit_intercept=False)]:
    case(type(model).__name__ + "_two_targets", model, X, two_targets)
case("ridge_column_target", Ridge(), X, y.to_numpy().reshape(-1, 1))
case("no_names", Ridge(), X.to_numpy(), y)

# classifiers
labels = {"int": three, "str": words, "bin": two, "bool": two.astype(bool), "float": two * 1.0 + 1, "negative": two * 2 - 1, "binstr": np.where(two, "yes", "no")}
for kind, target in labels.items():
    case(f"logistic_{kind}", LogisticRegression(max_iter=2000), X, target)
for name, model in {"cv": LogisticRegressionCV(max_iter=2000), "nointercept": LogisticRegression(fit_intercept=False), "l1": LogisticRegression(l1_ratio=1, solver="saga", max_iter=5000, C=0.05)}.items():
    case(f"logistic_{name}_multi", model, X, words)
case("logistic_liblinear", LogisticRegression(solver="liblinear"), X, two)
for loss in ["hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"]:
    model = lambda: make_pipeline(StandardScaler(), SGDClassifier(loss=loss, random_state=0))
    case(f"sgd_{loss}_bin", model(), X, two)
    case(f"sgd_{loss}_multi", model(), X, words)
for model in [LinearSVC(), Perceptron(), RidgeClassifier(), RidgeClassifierCV(), LinearDiscriminantAnalysis(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")]:
    name = type(model).__name__ + ("_lsqr" if getattr(model, "solver", "") == "lsqr" else "")
    case(name + "_bin", model, X, two)
    case(name + "_multi", model, X, words)
case("svc_linear", SVC(kernel="linear"), X, two)
case("nusvc_linear", NuSVC(kernel="linear", nu=0.3), X, np.where(two, "b", "a"))
case("multinomial_nb", MultinomialNB(), X.abs(), words)
for name, model in {"logistic": LogisticRegression(), "svc": LinearSVC(), "ridge": RidgeClassifier(), "regressor": Ridge(), "sgd": SGDClassifier(loss="modified_huber", random_state=0), "scaled": make_pipeline(StandardScaler(), LogisticRegression())}.items():
    case(f"ovr_{name}_multi", OneVsRestClassifier(model), X, words)
    case(f"ovr_{name}_bin", OneVsRestClassifier(model), X, two)
case("grid", GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1]}), X, words)

# scalers and functions
for model in [StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False), StandardScaler(with_mean=False, with_std=False), MinMaxScaler((-2, 3), clip=True), MinMaxScaler(), MaxAbsScaler(),
              RobustScaler(), RobustScaler(with_centering=False), RobustScaler(with_scaling=False, quantile_range=(10, 90)), Normalizer(), Normalizer("l1"), Normalizer("max"), Binarizer(threshold=1.5),
              PowerTransformer(), PowerTransformer(standardize=False), QuantileTransformer, PolynomialFeatures(3), PolynomialFeatures(3, interaction_only=True, include_bias=False), PolynomialFeatures((2, 3)),
              KBinsDiscretizer(4, encode="ordinal"), KBinsDiscretizer(3), KBinsDiscretizer(5, encode="onehot-dense", strategy="kmeans"), PCA(2), PCA(3, whiten=True), TruncatedSVD(2), IncrementalPCA(2), FastICA(2, random_state=0),
              GaussianRandomProjection(2, random_state=0), VarianceThreshold(1.5), FunctionTransformer(np.cbrt) and FunctionTransformer(np.tanh), FunctionTransformer(), LinearDiscriminantAnalysis()]:
    if isinstance(model, type):
        continue
    flags = "_".join(f"{key}={value}" for key, value in model.get_params().items() if key in ("with_mean", "with_std", "with_centering", "with_scaling", "norm", "degree", "encode", "whiten", "standardize", "feature_range"))
    last = Ridge() if not isinstance(model, LinearDiscriminantAnalysis) else LogisticRegression()
    case(f"then_{type(model).__name__}_{flags}".replace(" ", ""), make_pipeline(model, last), X, y if isinstance(last, Ridge) else words)
for model in [StandardScaler(), PolynomialFeatures(2), PCA(2), KBinsDiscretizer(3, encode="onehot-dense")]:
    case(f"transform_{type(model).__name__}", model, X, None)
case("box_cox", make_pipeline(PowerTransformer(method="box-cox"), Ridge()), X.abs() + 0.5, y)
case("log1p", make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), Ridge()), X.abs(), y)
for name, selector in {"kbest": SelectKBest(k=2), "percentile": SelectPercentile(percentile=50), "rfe": RFE(LogisticRegression(), n_features_to_select=2), "model": SelectFromModel(LogisticRegression(l1_ratio=1, solver="saga", C=0.1)), "sequential": SequentialFeatureSelector(RidgeClassifier(), n_features_to_select=2)}.items():
    case(f"select_{name}", make_pipeline(StandardScaler(), selector, LogisticRegression()), X, words)

# missing values
case("impute_mean", make_pipeline(SimpleImputer(), Ridge()), holes, y)
case("impute_indicator", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), LogisticRegression()), holes, words)
case("impute_constant", make_pipeline(SimpleImputer(strategy="constant", fill_value=-1), Ridge()), holes, y)
case("impute_value", make_pipeline(SimpleImputer(missing_values=-999), Ridge()), X.mask(rng.random(X.shape) < 0.1, -999), y)
case("impute_empty", make_pipeline(SimpleImputer(), Ridge()), holes.assign(b=np.nan), y)
case("impute_empty_kept", make_pipeline(SimpleImputer(keep_empty_features=True), Ridge()), holes.assign(b=np.nan), y)
case("indicator_union", make_pipeline(make_union(SimpleImputer(), MissingIndicator()), LogisticRegression(max_iter=1000)), holes, words)

# categories
probe = mixed.copy()
probe.loc[:5, "color"] = "unseen"
probe.loc[3:8, "size"] = 7
text = ["color"]
frame = mixed[["color", "size", "flag"]]


def columns(encoder, chosen=("color", "size", "flag"), **rest):
    return ColumnTransformer([("enc", encoder, list(chosen)), ("num", make_pipeline(SimpleImputer(), StandardScaler()), ["n", "m"])], **rest)


case("onehot_ignore", make_pipeline(columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression()), mixed, words, probe)
case("onehot_first", make_pipeline(columns(OneHotEncoder(drop="first")), Ridge()), mixed, y)
case("onehot_first_ignore", make_pipeline(columns(OneHotEncoder(drop="first", handle_unknown="ignore")), Ridge()), mixed, y, probe)
case("onehot_if_binary", make_pipeline(columns(OneHotEncoder(drop="if_binary")), Ridge()), mixed, y)
case("onehot_drop_list", make_pipeline(columns(OneHotEncoder(drop=["red", 3, True])), Ridge()), mixed, y)
case("onehot_infrequent", make_pipeline(columns(OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist")), Ridge()), mixed, y, probe)
case("onehot_infrequent_drop", make_pipeline(columns(OneHotEncoder(max_categories=3, drop="first", handle_unknown="infrequent_if_exist")), Ridge()), mixed, y, probe)
case("onehot_infrequent_ignore", make_pipeline(columns(OneHotEncoder(max_categories=3, handle_unknown="ignore")), Ridge()), mixed, y, probe)
case("ordinal", make_pipeline(columns(OrdinalEncoder()), Ridge()), mixed, y)
case("ordinal_value", make_pipeline(columns(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)), Ridge()), mixed, y, probe)
case("ordinal_infrequent", make_pipeline(columns(OrdinalEncoder(max_categories=3, handle_unknown="use_encoded_value", unknown_value=-5)), Ridge()), mixed, y, probe)
case("ordinal_nan_imputed", make_pipeline(columns(make_pipeline(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), SimpleImputer())), Ridge()), mixed, y, probe)
case("ordinal_missing", make_pipeline(columns(OrdinalEncoder(encoded_missing_value=-2), ["n"]), Ridge()), mixed.assign(n=mixed["n"].round(0)), y)
case("onehot_missing", make_pipeline(columns(OneHotEncoder(handle_unknown="ignore"), ["n"]), Ridge()), mixed.assign(n=mixed["n"].round(0)), y)
case("target_encoder", make_pipeline(columns(TargetEncoder(random_state=0)), Ridge()), mixed, y, probe)
case("impute_text", make_pipeline(columns(make_pipeline(SimpleImputer(missing_values="", strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), text), Ridge()), mixed, y)
case("impute_int_category", make_pipeline(columns(make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["size"]), Ridge()), mixed, y)
case("passthrough_flags", make_pipeline(ColumnTransformer([("o", OneHotEncoder(), ["color"])], remainder="passthrough"), SimpleImputer(), Ridge()), mixed, y)
case("number_and_category", make_pipeline(ColumnTransformer([("o", OneHotEncoder(), ["size"]), ("s", StandardScaler(), ["size", "m"])]), Ridge()), mixed, y)

# composition
numeric = X.to_numpy()
case("positions", make_pipeline(ColumnTransformer([("s", StandardScaler(), [0, -1]), ("m", MinMaxScaler(), slice(1, 3))]), Ridge()), numeric, y)
case("mask", make_pipeline(ColumnTransformer([("s", StandardScaler(), [True, False, True, False])], remainder=MaxAbsScaler()), Ridge()), numeric, y)
case("label_slice", make_pipeline(ColumnTransformer([("s", StandardScaler(), slice("a", "c d (x)"))], remainder="drop"), Ridge()), X, y)
case("weights", make_pipeline(ColumnTransformer([("s", StandardScaler(), ["a"]), ("p", "passthrough", ["b"])], transformer_weights={"s": 0.25, "p": 3}), Ridge()), X, y)
case("selector", make_pipeline(make_column_transformer((StandardScaler(), make_column_selector(dtype_include=float)), (OneHotEncoder(), ["color"])), SimpleImputer(), Ridge()), mixed, y)
case("union", make_pipeline(FeatureUnion([("p", PCA(2)), ("k", SelectKBest(k=1)), ("x", "passthrough"), ("d", "drop")], transformer_weights={"p": 2}), LogisticRegression()), X, words)
case("nested", Pipeline([("outer", Pipeline([("none", None), ("pass", "passthrough"), ("s", StandardScaler())])), ("poly", PolynomialFeatures(2, include_bias=False)), ("pca", PCA(3)), ("clf", LogisticRegression())]), X, words)
case("pandas_out", make_pipeline(StandardScaler().set_output(transform="pandas"), ColumnTransformer([("p", PolynomialFeatures(2), ["a", "b"])], remainder="passthrough"), Ridge()), X, y)
case("target_log", TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), X, positive)
case("target_log1p", TransformedTargetRegressor(make_pipeline(StandardScaler(), Ridge()), func=np.log1p, inverse_func=np.expm1), X, positive)
case("target_scaled", TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), X, y)
case("target_minmax", make_pipeline(StandardScaler(), TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler())), X, y)


def plain(value):
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


only = os.environ.get("M2KSQL_ONLY", "")
for name, (model, features, target, probe) in cases.items():
    if only not in name:
        continue
    try:
        model.fit(features, target) if target is not None else model.fit(features)
    except Exception as error:
        print(f"not fitted: {name}: {error!r}", file=sys.stderr)
        continue
    rows = (features if probe is None else probe)[:40]
    expected = []
    rtol = 1e-6 if name.startswith("nusvc") else 1e-9  # sums of large dual coefficients cancel
    for method in ["predict", "predict_proba", "decision_function"] if hasattr(model, "predict") else ["transform"]:
        if not hasattr(model, method):
            continue
        try:
            values = getattr(model, method)(rows)
        except Exception as error:
            print(f"not computed: {name} {method}: {error!r}", file=sys.stderr)
            continue
        values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
        label = method == "predict" and hasattr(model, "classes_")
        for index in range(1 if values.ndim == 1 else values.shape[1]):
            column = values if values.ndim == 1 else values[:, index]
            expected.append({"output": method, "index": None if values.ndim == 1 else index, "kind": "label" if label else "number", "values": [plain(value) for value in column], "rtol": rtol, "atol": rtol})
    folder = os.path.join(out, name)
    os.makedirs(folder)
    module.export(model, os.path.join(folder, "model.json"))
    header = list(rows.columns) if hasattr(rows, "columns") else [f"x{index}" for index in range(rows.shape[1])]
    with open(os.path.join(folder, "inputs.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in np.asarray(rows, dtype=object):
            writer.writerow(["" if isinstance(value, float) and math.isnan(value) else value for value in row])
    with open(os.path.join(folder, "expected.json"), "w", encoding="utf-8") as file:
        json.dump({"format": 1, "checks": [{"model": "model.json", "reference": "scikit-learn", "columns": expected}]}, file)
