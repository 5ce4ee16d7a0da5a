CREATE OR REPLACE STREAM CUSTOMER_CHURN WITH (PARTITIONS = 4) AS
SELECT
  ID,
  REDUCE(
    ARRAY[
        -3E-2 * AGE
      - 2.1E-1 * LN(INCOME + 1E0)
      + 8.5E-1 * (CAST(CALLS - CALLS_BEFORE AS INTEGER) / (CALLS_BEFORE + 1E0))
      + 4E-1 * CAST(CASE
          WHEN CAST(FORMAT_TIMESTAMP(SIGNED, 'e', 'UTC') AS INTEGER) IN (1, 7) THEN 1E0
          ELSE 0E0
        END AS DOUBLE)
      + CASE
          WHEN PLAN IS NULL THEN NULL
          WHEN PLAN = 'basic' THEN 6E-1
          WHEN PLAN = 'plus' THEN 1E-1
          WHEN PLAN = 'pro' THEN -7E-1
          ELSE 0E0
        END
      + 1.5E0
    ],
    '',
    (_S, _Z) => CASE
      WHEN _Z IS NULL THEN NULL
      WHEN _Z >= -8.472978603872037E-1 THEN 'leaves'
      ELSE 'stays'
    END
  ) AS CHURN,
  1E0 / (1E0 + EXP(
      3E-2 * AGE
    + 2.1E-1 * LN(INCOME + 1E0)
    - 8.5E-1 * (CAST(CALLS - CALLS_BEFORE AS INTEGER) / (CALLS_BEFORE + 1E0))
    - 4E-1 * CAST(CASE
        WHEN CAST(FORMAT_TIMESTAMP(SIGNED, 'e', 'UTC') AS INTEGER) IN (1, 7) THEN 1E0
        ELSE 0E0
      END AS DOUBLE)
    + CASE
        WHEN PLAN IS NULL THEN NULL
        WHEN PLAN = 'basic' THEN -6E-1
        WHEN PLAN = 'plus' THEN -1E-1
        WHEN PLAN = 'pro' THEN 7E-1
        ELSE -0E0
      END
    - 1.5E0
  )) AS CHURN_PROBABILITY
FROM CUSTOMERS
EMIT CHANGES;
