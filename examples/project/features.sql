-- Features of the churn model that are no columns.
log_income = LN(income + 1E0);

growth = CAST(calls - calls_before AS DOUBLE) / (calls_before + 1E0);

signed_on_weekend =
  CASE WHEN CAST(FORMAT_TIMESTAMP(signed, 'e', 'UTC') AS INTEGER) IN (1, 7) THEN 1E0 ELSE 0E0 END;
