//! Parameters and attributes that have no effect on what a fitted estimator predicts.
//!
//! Parameters of the fit, its diagnostics, and notes of exporters. A name that matters for one estimator may stand here if
//! the loader of that one asks for it: what a loader reads is never looked up in this list.

/// By name.
#[rustfmt::skip]
static INERT: &[&str] = &[
    "C", "C_", "Cs", "Cs_", "X_offset_", "X_scale_", "accept_sparse", "active_", "add_indicator", "algorithm",
    "alpha", "alpha_", "alpha_1", "alpha_2", "alpha_init", "alpha_per_target", "alphas", "alphas_", "average",
    "average_coef_", "average_intercept_", "batch_size", "batch_size_", "best_score_", "bootstrap", "breakdown_",
    "cache_size", "categories", "check_inverse", "class", "class_count_", "class_prior", "class_weight",
    "class_weight_", "coef0", "coef_path_", "coefs_paths_", "compute_inverse_components", "compute_score",
    "converged_", "copy", "copy_X", "covariance_", "covariance_estimator", "created_at", "criterion", "criterion_",
    "cv", "cv_alphas_", "cv_results_", "cv_values_", "data_max_", "data_min_", "data_range_", "dense_output",
    "density", "density_", "description", "direction", "do_early_stopping_", "dtype", "dual", "dual_gap_",
    "early_stopping", "eps", "eps_", "epsilon", "error_on_new", "estimator", "estimator_type", "eta0",
    "explained_variance_", "explained_variance_ratio_", "feature_count_", "feature_importances_",
    "feature_name_combiner", "feature_names", "feature_names_in_", "feature_names_out", "feature_types",
    "fit_intercept", "fit_path", "fit_prior", "force_alpha", "format", "fun", "fun_", "fun_args", "gcv_mode", "iid",
    "importance_getter", "intercept_scaling", "inv_kw_args", "inverse_components_", "iterated_power", "jitter", "k",
    "l1_ratio", "l1_ratio_", "l1_ratios", "l1_ratios_", "label_binarizer_", "lambda_", "lambda_1", "lambda_2",
    "lambda_init", "learning_rate", "library", "loss_function_", "max_abs_", "max_features", "max_features_",
    "max_iter", "max_n_alphas", "max_subpopulation", "memory", "meta", "metadata", "min_features_to_select",
    "mixing_", "module", "mse_path_", "n_bins", "n_bins_", "n_classes_", "n_components", "n_components_",
    "n_features_", "n_features_in_", "n_features_to_select", "n_features_to_select_", "n_iter", "n_iter_",
    "n_iter_no_change", "n_jobs", "n_nonzero_coefs", "n_nonzero_coefs_", "n_output_features_", "n_oversamples",
    "n_samples_", "n_samples_seen_", "n_subpopulation_", "n_subsamples", "name", "named_steps", "named_transformers_",
    "noise_variance", "noise_variance_", "norm_order", "normalize", "numpy_version", "order", "outliers_",
    "output_indices_", "penalty", "percentile", "positive", "power_iteration_normalizer", "power_t", "pre_dispatch",
    "precompute", "prefit", "priors", "priors_", "pvalues", "pvalues_", "python_version", "quantile",
    "quantile_method", "quantile_range", "random_state", "rank_", "refit", "refit_time_", "regressor",
    "return_train_score", "scikit_learn_version", "score_func", "scores_", "scoring", "selection", "shrinkage",
    "shuffle", "sigma_", "singular_", "singular_values_", "sklearn_version", "smooth", "solver", "solver_",
    "solver_options", "sparse", "sparse_coef_", "sparse_output", "sparse_output_", "sparse_threshold", "splitter",
    "standard_coef_", "standard_intercept_", "step", "store_covariance", "store_cv_results", "store_cv_values",
    "strategy", "subsample", "svd_solver", "t_", "target_names", "target_type", "threshold", "threshold_",
    "threshold_lambda", "tol", "transform_input", "transformer", "type", "unit_variance", "use_legacy_attributes",
    "validate", "validation_fraction", "validation_score_", "var_", "variance_", "variances_", "verbose",
    "verbose_feature_names_out", "version", "w_init", "warm_start", "whiten_solver", "whitening_",
];

/// Whether a member has no effect.
pub(super) fn is_inert(name: &str) -> bool {
    INERT.binary_search(&name).is_ok()
}

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    INERT.iter().copied()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_sorted_for_search() {
        assert!(super::INERT.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
