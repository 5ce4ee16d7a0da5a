//! The table of estimators.

use super::object::Object;
use super::{Head, Loader, classify, compose, encode, impute, linear, meta, power, project, scale, select};
use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, nearest};
use crate::load::json::build::Columns;

/// What becomes of the columns of the step before.
type Step<T> = fn(&mut Loader<'_>, &Object<'_>, Columns) -> Result<T, Failed>;

/// What an estimator does: one of the two functions, or both.
pub(super) struct Estimator {
    pub(super) name: &'static str,
    pub(super) transform: Option<Step<Columns>>,
    pub(super) predict: Option<Step<Head>>,
    /// Parameters and attributes that have no effect on this estimator's predictions, beyond those of [`super::inert`].
    pub(super) inert: &'static [&'static str],
}

macro_rules! estimators {
    ($($name:literal $(transform $transform:path)? $(, predict $predict:path)? $(, inert $inert:expr)?;)*) => {
        /// By name.
        static ESTIMATORS: &[Estimator] = &[$(estimators!(@ $name, [$($transform)?], [$($predict)?], [$($inert)?])),*];
    };
    (@ $name:literal, $transform:tt, $predict:tt, $inert:tt) => {
        Estimator {
            name: $name,
            transform: estimators!(@some $transform),
            predict: estimators!(@some $predict),
            inert: estimators!(@list $inert),
        }
    };
    (@some []) => { None };
    (@some [$function:path]) => { Some($function) };
    (@list []) => { &[] };
    (@list [$list:expr]) => { &$list };
}

const LOSS: [&str; 1] = ["loss"];
const SVM: [&str; 5] = ["multi_class", "loss", "degree", "gamma", "coef0"];
const KERNEL: [&str; 18] = [
    "coef0",
    "degree",
    "dual_coef_",
    "fit_status_",
    "gamma",
    "n_support_",
    "nu",
    "probA_",
    "probB_",
    "shape_fit_",
    "support_",
    "support_vectors_",
    "decision_function_shape",
    "break_ties",
    "class_weight_",
    "epsilon",
    "shrinking",
    "probability",
];
const SEARCH: [&str; 15] = [
    "best_index_",
    "best_params_",
    "best_score_",
    "classes_",
    "cv_results_",
    "error_score",
    "estimator",
    "multimetric_",
    "n_splits_",
    "param_distributions",
    "param_grid",
    "refit",
    "refit_time_",
    "scorer_",
    "n_resources_",
];

estimators! {
    "ARDRegression", predict linear::regressor;
    "BayesianRidge", predict linear::regressor;
    "Binarizer" transform scale::binarizer;
    "ColumnTransformer" transform compose::column_transformer;
    "ElasticNet", predict linear::regressor;
    "ElasticNetCV", predict linear::regressor;
    "FastICA" transform project::ica, inert ["mean_"];
    "FeatureUnion" transform compose::union;
    "FunctionTransformer" transform power::function;
    "GammaRegressor", predict linear::log_link;
    "GaussianRandomProjection" transform project::components;
    "GridSearchCV", predict meta::search, inert SEARCH;
    "HalvingGridSearchCV", predict meta::search, inert SEARCH;
    "HalvingRandomSearchCV", predict meta::search, inert SEARCH;
    "HuberRegressor", predict linear::regressor, inert ["scale_"];
    "IncrementalPCA" transform project::pca;
    "KBinsDiscretizer" transform encode::bins;
    "Lars", predict linear::regressor;
    "LarsCV", predict linear::regressor;
    "Lasso", predict linear::regressor;
    "LassoCV", predict linear::regressor;
    "LassoLars", predict linear::regressor;
    "LassoLarsCV", predict linear::regressor;
    "LassoLarsIC", predict linear::regressor;
    "LinearDiscriminantAnalysis" transform project::discriminant, predict classify::discriminant, inert ["scalings_", "xbar_", "n_components", "covariance_", "means_", "solver"];
    "LinearRegression", predict linear::regressor;
    "LinearSVC", predict classify::margin_only, inert SVM;
    "LinearSVR", predict linear::regressor, inert LOSS;
    "LogisticRegression", predict classify::logistic;
    "LogisticRegressionCV", predict classify::logistic;
    "MaxAbsScaler" transform scale::max_abs;
    "MinMaxScaler" transform scale::min_max;
    "MissingIndicator" transform impute::indicator;
    "MultiTaskElasticNet", predict linear::regressor;
    "MultiTaskElasticNetCV", predict linear::regressor;
    "MultiTaskLasso", predict linear::regressor;
    "MultiTaskLassoCV", predict linear::regressor;
    "MultinomialNB", predict classify::multinomial_nb;
    "Normalizer" transform scale::normalizer;
    "NuSVC", predict classify::svc, inert KERNEL;
    "NuSVR", predict classify::svr, inert KERNEL;
    "OneHotEncoder" transform encode::one_hot;
    "OneVsRestClassifier", predict meta::one_vs_rest, inert ["estimator"];
    "OrdinalEncoder" transform encode::ordinal;
    "OrthogonalMatchingPursuit", predict linear::regressor;
    "OrthogonalMatchingPursuitCV", predict linear::regressor;
    "PCA" transform project::pca;
    "PassiveAggressiveClassifier", predict classify::margin_only, inert LOSS;
    "PassiveAggressiveRegressor", predict linear::regressor, inert LOSS;
    "Perceptron", predict classify::margin_only, inert LOSS;
    "Pipeline" transform compose::chain, predict compose::pipeline, inert ["classes_"];
    "PoissonRegressor", predict linear::log_link;
    "PolynomialFeatures" transform project::polynomial;
    "PowerTransformer" transform power::power;
    "QuantileRegressor", predict linear::regressor;
    "RFE" transform select::by_mask, inert ["classes_", "estimator_", "ranking_"];
    "RFECV" transform select::by_mask, inert ["classes_", "estimator_", "ranking_"];
    "RandomizedSearchCV", predict meta::search, inert SEARCH;
    "Ridge", predict linear::regressor;
    "RidgeCV", predict linear::regressor;
    "RidgeClassifier", predict classify::margin_only;
    "RidgeClassifierCV", predict classify::margin_only;
    "RobustScaler" transform scale::robust;
    "SGDClassifier", predict classify::sgd;
    "SGDRegressor", predict linear::regressor, inert LOSS;
    "SVC", predict classify::svc, inert KERNEL;
    "SVR", predict classify::svr, inert KERNEL;
    "SelectFdr" transform select::by_mask;
    "SelectFpr" transform select::by_mask;
    "SelectFromModel" transform select::from_model, inert ["estimator_"];
    "SelectFwe" transform select::by_mask;
    "SelectKBest" transform select::k_best;
    "SelectPercentile" transform select::by_mask;
    "SequentialFeatureSelector" transform select::by_mask;
    "SimpleImputer" transform impute::simple;
    "SparseRandomProjection" transform project::components;
    "StandardScaler" transform scale::standard;
    "TargetEncoder" transform encode::target, inert ["classes_"];
    "TheilSenRegressor", predict linear::regressor;
    "TransformedTargetRegressor", predict meta::transformed_target;
    "TruncatedSVD" transform project::components;
    "TweedieRegressor", predict linear::tweedie;
    "VarianceThreshold" transform select::variance;
    "_ConstantPredictor", predict classify::constant;
    "a linear model without `class`", predict linear::nameless;
}

/// Estimators that are known and not supported: those of trees, by their names in several libraries.
const TREES: &[&str] = &[
    "AdaBoostClassifier",
    "AdaBoostRegressor",
    "BaggingClassifier",
    "BaggingRegressor",
    "CatBoostClassifier",
    "CatBoostRegressor",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "IsolationForest",
    "LGBMClassifier",
    "LGBMRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "XGBClassifier",
    "XGBRegressor",
];

/// Estimators that are known and not supported, with what can be used instead.
const OTHERS: &[(&str, &str)] = &[
    ("BernoulliNB", "use `MultinomialNB` or `LogisticRegression`"),
    ("CCA", "use `Ridge`"),
    ("CalibratedClassifierCV", "use `LogisticRegression`, whose probabilities need no calibration"),
    ("CategoricalNB", "use `OneHotEncoder` and `LogisticRegression`"),
    ("ComplementNB", "use `MultinomialNB` or `LogisticRegression`"),
    ("CountVectorizer", "text cannot be split into words in SQL"),
    ("GaussianNB", "use `LinearDiscriminantAnalysis` or `LogisticRegression`"),
    ("HashingVectorizer", "text cannot be split into words in SQL"),
    ("IsotonicRegression", "use a linear model"),
    ("IterativeImputer", "use `SimpleImputer`"),
    ("KNNImputer", "use `SimpleImputer`"),
    ("KNeighborsClassifier", "use a linear model"),
    ("KNeighborsRegressor", "use a linear model"),
    ("KernelRidge", "use `Ridge`"),
    ("LabelBinarizer", "labels are not transformed; use `OneHotEncoder` for features"),
    ("LabelEncoder", "labels are not transformed; use `OrdinalEncoder` for features"),
    ("MLPClassifier", "use a linear model, or export the network to ONNX"),
    ("MLPRegressor", "use a linear model, or export the network to ONNX"),
    ("MultiOutputClassifier", "compile one classifier a target"),
    ("MultiOutputRegressor", "compile one regressor a target"),
    ("OneVsOneClassifier", "use `OneVsRestClassifier`"),
    ("OutputCodeClassifier", "use `OneVsRestClassifier`"),
    ("PLSRegression", "use `Ridge`"),
    ("QuadraticDiscriminantAnalysis", "use `LinearDiscriminantAnalysis`"),
    ("QuantileTransformer", "use `PowerTransformer` or `StandardScaler`"),
    ("RANSACRegressor", "compile its `estimator_`"),
    ("SplineTransformer", "use `PolynomialFeatures` or `KBinsDiscretizer`"),
    ("StackingClassifier", "use one estimator"),
    ("StackingRegressor", "use one estimator"),
    ("TfidfVectorizer", "text cannot be split into words in SQL"),
    ("VotingClassifier", "use one estimator"),
    ("VotingRegressor", "use one estimator"),
];

/// The entry of an estimator.
pub(super) fn find(class: &str) -> Option<&'static Estimator> {
    ESTIMATORS.binary_search_by(|estimator| estimator.name.cmp(class)).ok().map(|at| &ESTIMATORS[at])
}

/// Whether it is an estimator, supported or not.
pub(super) fn is_known(class: &str) -> bool {
    find(class).is_some() || TREES.contains(&class) || OTHERS.iter().any(|(name, _)| *name == class)
}

/// The names of the supported estimators, in order.
pub fn supported() -> impl Iterator<Item = &'static str> {
    ESTIMATORS
        .iter()
        .map(|estimator| estimator.name)
        .filter(|name| name.starts_with(|letter: char| letter.is_ascii_uppercase()))
}

/// Says that an estimator is not supported, and what is.
pub(super) fn unsupported(object: &Object<'_>) -> Diagnostic {
    let class = &object.class;
    let place = object.get("class").or(object.get("type")).unwrap_or(object.json).place();
    if TREES.contains(&class.as_str()) {
        let message = format!("`{class}`: tree models are not supported yet");
        return Diagnostic::new(&codes::TREES, message).at(place).help("use a linear model");
    }
    let diagnostic = Diagnostic::new(&codes::UNSUPPORTED_ESTIMATOR, format!("`{class}` is not supported")).at(place);
    match OTHERS.iter().find(|(name, _)| name == class) {
        Some((_, help)) => diagnostic.help(*help),
        None => match nearest(class, supported()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("see docs/formats.md for the supported estimators"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_for_search() {
        assert!(ESTIMATORS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(TREES.is_sorted() && OTHERS.is_sorted());
        assert!(ESTIMATORS.iter().all(|estimator| estimator.transform.is_some() || estimator.predict.is_some()));
    }
}
