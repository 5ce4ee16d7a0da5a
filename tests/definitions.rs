//! Features as SQL expressions: what is compiled from them, what it gives, and what other commands make of them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod program;

use program::{Run, run, run_with};
use std::path::PathBuf;

const SCHEMA: &str =
    "CREATE STREAM PAYMENTS (ID STRING KEY, AMOUNT DOUBLE, TOTAL DECIMAL(8, 2), QUANTITY INTEGER, WEEKDAY INTEGER,
    CITY STRING, T TIMESTAMP, ADDRESS STRUCT<ZIPCODE BIGINT>, M MAP<STRING, DOUBLE>, L ARRAY<DOUBLE>)
  WITH (KAFKA_TOPIC = 'payments', VALUE_FORMAT = 'JSON');";

/// A folder with a schema, and the program run on files of it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("m2ksql-definitions-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("schema.sql"), SCHEMA).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        Folder(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Runs a command on the model with the schema; `@name` among the arguments is a file of the folder.
    fn run(&self, command: &str, arguments: &[&str], input: &str) -> Run {
        let (model, schema) = (self.path("model.json"), self.path("schema.sql"));
        let files: Vec<String> =
            arguments.iter().map(|it| it.strip_prefix('@').map_or((*it).to_owned(), |name| self.path(name))).collect();
        let mut all = vec![command, &model, "--schema", &schema];
        all.extend(files.iter().map(String::as_str));
        run_with(&all, input)
    }

    fn sql(&self, arguments: &[&str]) -> String {
        let result = self.run("compile", arguments, "");
        assert_eq!((result.code, result.stderr.as_str()), (0, ""));
        result.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The values of the rows, one a line.
    fn score(&self, arguments: &[&str], rows: &str) -> String {
        let result = self.run("score", &[&["--input", "-", "--format", "csv"], arguments].concat(), rows);
        assert_eq!(result.stderr.lines().filter(|line| line.starts_with("error")).count(), 0, "{}", result.stderr);
        result.stdout.lines().skip(1).collect::<Vec<_>>().join("\n")
    }
}

/// A linear model of these features, all of weight 1.
fn linear(features: &str) -> String {
    format!(r#"{{ "type": "linear", "features": {{ {features} }}, "intercept": 0.0 }}"#)
}

const FILE: [&str; 2] = ["--features", "@features.sql"];

#[test]
fn doubles_are_optimized_with_the_model_and_all_else_is_left_to_the_engine() {
    let model = linear(r#""log_amount": 2.0, "is_weekend": 3.0, "half": 4.0, "total": 5.0, "city_length": 6.0"#);
    let definitions = "
        shifted = amount + 1E0;          -- no feature, but used
        log_amount = LN(shifted);
        is_weekend = CASE WHEN weekday >= 6 THEN 1E0 ELSE 0E0 END;
        half = quantity / 2;             -- truncates
        total = total * 2;
        city_length = LEN(city) -- the last needs no semicolon";
    let folder = Folder::new("sql", &[("model.json", &model), ("features.sql", definitions)]);
    let expected = "2E0 * LN(AMOUNT + 1E0) + 3E0 * CASE WHEN WEEKDAY >= 6 THEN 1E0 ELSE 0E0 END \
                    + 4E0 * CAST(QUANTITY / 2 AS INTEGER) + 5E0 * CAST(TOTAL * 2 AS DECIMAL(19, 2)) \
                    + 6E0 * CAST(LEN(CITY) AS INTEGER) AS PREDICTION";
    assert_eq!(folder.sql(&FILE), expected);
    // by hand: 2 ln(e) is not exact, so ln(1) is taken
    let rows = r#"{"AMOUNT": 0.0, "TOTAL": 1.25, "QUANTITY": -7, "WEEKDAY": 6, "CITY": "Rome"}
                  {"AMOUNT": 0.0, "TOTAL": 1.25, "QUANTITY": 7, "WEEKDAY": null, "CITY": "Rome"}
                  {"AMOUNT": null, "TOTAL": 1.25, "QUANTITY": 7, "WEEKDAY": 1, "CITY": "Rome"}"#;
    assert_eq!(folder.score(&FILE, rows), "27.5\n48.5\n");
    // what a missing value counts as is said of the features, not of the columns
    assert_eq!(folder.score(&[&FILE[..], &["--nulls", "1"]].concat(), rows), "27.5\n48.5\n50.5");
    let verify = folder.run("verify", &FILE, "");
    assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{}", verify.stdout);
    assert!(!verify.stdout.contains(" 0 of them the same"), "{}", verify.stdout);
}

#[test]
fn a_model_file_defines_features_too_and_options_define_them_anew() {
    let model = linear(
        r#""a": {"expression": "amount * 2E0", "coefficient": 1.0}, "b": {"expression": "a + 1E0", "coefficient": 1.0}"#,
    );
    let folder = Folder::new("model", &[("model.json", &model), ("features.sql", "a = amount * 4E0;")]);
    assert_eq!(folder.score(&[], "{\"AMOUNT\": 10}"), "41.0");
    assert_eq!(folder.score(&FILE, "{\"AMOUNT\": 10}"), "81.0");
    assert_eq!(folder.score(&["--rename", "a=AMOUNT"], "{\"AMOUNT\": 10}"), "21.0");
}

#[test]
fn parts_of_columns_feed_features() {
    let model = linear(r#""zip": 1.0, "k": 1.0, "first": 1.0"#);
    let folder = Folder::new("parts", &[("model.json", &model)]);
    let renames = ["--rename", "zip=ADDRESS->ZIPCODE", "--rename", "k=M['k']", "--rename", "first=L[1]"];
    assert_eq!(folder.sql(&renames), "ADDRESS->ZIPCODE + M['k'] + L[1] AS PREDICTION");
    let rows = r#"{"ADDRESS": {"ZIPCODE": 10000}, "M": {"k": 0.5}, "L": [0.25, 8]}
                  {"ADDRESS": {"ZIPCODE": 10000}, "M": {"x": 0.5}, "L": [0.25]}
                  {"ADDRESS": {"ZIPCODE": 10000}, "M": {"k": 0.5}, "L": []}"#;
    assert_eq!(folder.score(&renames, rows), "10000.75\n\n");
    let verify = folder.run("verify", &renames, "");
    assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{}", verify.stdout);
    assert!(!verify.stdout.contains(" 0 of them the same"), "{}", verify.stdout);
    // what is wrong with a part points into the option
    let wrong =
        folder.run("compile", &["--rename", "zip=ADDRESS->ZIP", "--rename", "k=M->K", "--rename", "first=L"], "");
    assert_eq!(wrong.code, 1);
    for words in ["has no field `ZIP`", "`->` takes a STRUCT", "is numeric, but `L` is ARRAY", "`L[1]`"] {
        assert!(wrong.stderr.contains(words), "{words}: {}", wrong.stderr);
    }
}

#[test]
fn a_feature_that_is_missing_is_so_for_the_model_too() {
    // NULL in the arithmetic of an expression is a missing feature, which has a category of its own
    let model = r#"{ "type": "linear", "features": { "bulk": { "categories": { "big": 1.0, "small": 2.0 }, "unknown": "zero" } },
        "intercept": 8.0 }"#;
    let definitions = "bulk = CASE WHEN amount * 2E0 > 100E0 THEN 'big' ELSE 'small' END;";
    let folder = Folder::new("missing", &[("model.json", model), ("features.sql", definitions)]);
    let rows = "{\"AMOUNT\": 1}\n{\"AMOUNT\": 51}\n{\"AMOUNT\": null}";
    let verify = folder.run("verify", &FILE, "");
    assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{}", verify.stdout);
    let found = folder.score(&FILE, rows);
    assert!(found.starts_with("10.0\n9.0"), "{found}");
}

#[test]
fn names_of_onnx_columns_and_files_of_definitions_share_an_option() {
    let folder = Folder::new("both", &[("model.json", &linear(r#""a": 1.0"#)), ("features.sql", "a = amount;")]);
    assert_eq!(folder.sql(&FILE), "AMOUNT AS PREDICTION");
    let missing = run(&["compile", &folder.path("model.json"), "--features", "no/such.sql"]);
    assert_eq!(missing.code, 3);
    assert!(missing.stderr.contains("no/such.sql"), "{}", missing.stderr);
}

#[test]
fn without_a_schema_columns_are_taken_for_what_the_features_need() {
    let model = linear(r#""hour": 1.0, "length": 1.0"#);
    let definitions = "hour = LN(amount + 1E0); length = LEN(city);";
    let folder = Folder::new("assumed", &[("model.json", &model), ("features.sql", definitions)]);
    let (model, features) = (folder.path("model.json"), folder.path("features.sql"));
    let rows = r#"{"AMOUNT": 0, "CITY": "Rome"}"#;
    let arguments = ["score", &model, "--features", &features, "--input", "-", "--format", "csv"];
    let wrong = run_with(&arguments, rows);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (1, ""));
    assert!(wrong.stderr.contains("E0704") && wrong.stderr.contains("W0724"), "{}", wrong.stderr);
    let right = run_with(&[&arguments[..], &["--column", "CITY STRING"]].concat(), rows);
    assert_eq!((right.code, right.stdout.as_str()), (0, "PREDICTION\n4.0\n"), "{}", right.stderr);
}

#[test]
fn a_name_stands_for_a_value_that_may_be_null() {
    let model = linear(r#""filled": 1.0, "absent": 10.0, "inside": 100.0, "divided": 1000.0"#);
    let definitions = "
        product = amount * M['k'];
        filled = COALESCE(product, 5E0);
        absent = CASE WHEN product IS NULL THEN 1E0 ELSE 2E0 END;
        logarithm = LN(amount);
        inside = CASE WHEN logarithm BETWEEN 0E0 AND 1E0 THEN 1E0 ELSE 2E0 END;
        quotient = quantity / weekday;
        divided = COALESCE(quotient, 7);";
    let folder = Folder::new("values", &[("model.json", &model), ("features.sql", definitions)]);
    // NULL in arithmetic fails in ksqlDB, and `(A * B) IS NULL`, `LN(A) BETWEEN …` do not even compile
    let sql = folder.sql(&FILE);
    for part in [
        "COALESCE(CAST(AMOUNT * M['k'] AS DOUBLE), 5E0)",
        "WHEN CAST(AMOUNT * M['k'] AS DOUBLE) IS NULL",
        "WHEN CAST(LN(AMOUNT) AS DOUBLE) >= 0E0 AND CAST(LN(AMOUNT) AS DOUBLE) <= 1E0",
        "COALESCE(CAST(QUANTITY / WEEKDAY AS INTEGER), 7)",
    ] {
        assert!(sql.contains(part), "{part}\n{sql}");
    }
    let rows = r#"{"AMOUNT": 2, "M": {"k": 3}, "QUANTITY": 7, "WEEKDAY": 2}
                  {"AMOUNT": 2, "M": null, "QUANTITY": 7, "WEEKDAY": 0}
                  {"AMOUNT": null, "M": {"k": 3}, "QUANTITY": null, "WEEKDAY": 1}"#;
    assert_eq!(folder.score(&FILE, rows), "3126.0\n7115.0\n7215.0");
    let verify = folder.run("verify", &FILE, "");
    assert_eq!((verify.code, verify.stderr.as_str()), (0, ""), "{}", verify.stdout);
    // what cannot be had even so is said where it is defined
    let wrong = "a = 1E0; filled = CASE WHEN a IS NULL THEN 1E0 ELSE 2E0 END;";
    let folder = Folder::new("values-wrong", &[("model.json", &linear(r#""filled": 1.0"#)), ("features.sql", wrong)]);
    let result = folder.run("compile", &FILE, "");
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("E0706") && result.stderr.contains("features.sql:1:10"), "{}", result.stderr);
}

#[test]
fn decimal_literals_mean_in_a_persistent_query_what_they_mean_here() {
    // recorded on a server: CREATE STREAM AS stores `100.` as 100, an INTEGER that wraps, and `0.0000001` as 1E-7
    let model = linear(r#""a": 1.0, "b": 1.0, "c": 1.0"#);
    let definitions = "a = quantity * 100.; b = quantity * 0.0000001; c = quantity * 0.5;";
    let folder = Folder::new("literals", &[("model.json", &model), ("features.sql", definitions)]);
    let expected = "CAST(CAST(QUANTITY * CAST('100' AS DECIMAL(3, 0)) AS DECIMAL(14, 0)) AS DOUBLE) \
                    + CAST(QUANTITY * CAST('0.0000001' AS DECIMAL(8, 7)) AS DECIMAL(19, 7)) \
                    + CAST(QUANTITY * 0.5 AS DECIMAL(13, 1)) AS PREDICTION";
    assert_eq!(folder.sql(&FILE), expected);
    assert_eq!(folder.score(&FILE, r#"{"QUANTITY": 2000000000}"#), "201000000200.0");
}

/// What ksqlDB, which is Java, makes of a power whose exponent is no finite number; for C's `pow`, and so for models, 1 to any
/// power is 1.
#[test]
fn powers_are_the_engines_in_definitions() {
    let folder = Folder::new("power", &[("model.json", &linear(r#""a": 2.0"#))]);
    let rename = |definition: &'static str| ["--rename", definition];
    let rows = "{\"AMOUNT\": 1}\n{\"AMOUNT\": -1}\n{\"AMOUNT\": 4}";
    assert_eq!(folder.score(&rename("a=POWER(AMOUNT, 5E-1)"), rows), "2.0\nNaN\n4.0");
    // to the power NaN, and 0
    assert_eq!(folder.score(&rename("a=POWER(AMOUNT, LN(-AMOUNT))"), rows), "NaN\n2.0\nNaN");
    let folded = folder.run("compile", &rename("a=POWER(1E0, LN(-1E0))"), "");
    assert!(folded.code != 0 && !folded.stdout.contains("2E0"), "{} {}", folded.stdout, folded.stderr);
}

/// `SELECT ARR, ARRAY_SORT(ARR)[1] …, ARR[1] …` of a server gives the column sorted, and its smallest item twice.
#[test]
fn a_column_is_not_sorted_where_it_stands() {
    let folder = Folder::new(
        "sorted",
        &[
            ("model.json", &linear(r#""least": 1.0, "first": 10.0"#)),
            ("bad.sql", "first = L[1]; least = ARRAY_SORT(L)[1];"),
            ("good.sql", "first = L[1]; least = ARRAY_SORT(TRANSFORM(L, _X => _X))[1];"),
        ],
    );
    let refused = |arguments: &[&str]| {
        let result = folder.run("compile", arguments, "");
        assert_eq!(result.code, 1);
        assert!(result.stderr.contains("E0521") && result.stderr.contains("TRANSFORM"), "{}", result.stderr);
        result.stderr
    };
    assert!(refused(&["--features", "@bad.sql"]).contains("bad.sql:1:15"));
    let from = ["--features", "@good.sql", "--from", "PAYMENTS"];
    assert!(refused(&[&from[..], &["--where", "ARRAY_SORT(L)[1] > 0E0"]].concat()).contains("--where"));
    assert!(refused(&[&from[..], &["--keep", "ID,ARRAY_SORT(L) AS SORTED"]].concat()).contains("--keep"));
    assert_eq!(folder.score(&["--features", "@good.sql"], r#"{"L": [3, 1, 2]}"#), "31.0");
}

/// A help to copy has to work: bare, `id` would be ID.
#[test]
fn a_key_in_lower_case_is_kept_by_its_quoted_name() {
    let folder = Folder::new("quoted", &[("model.json", &linear(r#""a": 1.0"#))]);
    let schema = "CREATE STREAM S (`id` INT KEY, A DOUBLE) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON');";
    std::fs::write(folder.path("schema.sql"), schema).unwrap();
    let into = ["--from", "S", "--into", "OUT"];
    let result = folder.run("compile", &into, "");
    assert!(result.stderr.contains("--keep '`id`'"), "{}", result.stderr);
    assert!(folder.sql(&[&into[..], &["--keep", "`id`"]].concat()).contains("`id`, A AS PREDICTION"));
}
