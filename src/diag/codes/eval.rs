//! Codes of evaluation and verification (07xx).

super::codes! {
    UNKNOWN_COLUMN = "E0701", "unknown column in an expression",
        "The expression names a column that the stream or table does not have, or a field that a STRUCT does not have. \
         Bare names are stored in upper case; a name that was declared in back quotes has to be quoted here too.";
    TYPE_MISMATCH = "E0702", "types do not fit",
        "ksqlDB has no implicit conversions between text, booleans and numbers, and CASE, COALESCE and IFNULL want exactly \
         one type in all their branches: `CASE WHEN x > 1E0 THEN 1E0 ELSE 0 END` mixes DOUBLE with INTEGER. A number is \
         DOUBLE only when it is written with an exponent (`2E0`); `2.0` is a DECIMAL. Write the literal in the other form, \
         or convert with CAST.";
    UNKNOWN_FUNCTION = "E0703", "unknown function",
        "Neither the evaluator nor, probably, ksqlDB has a function of this name. The evaluator refuses what it does not \
         know rather than guess a value.";
    WRONG_ARGUMENTS = "E0704", "arguments do not fit a function",
        "The function exists, but not for these types or this number of arguments, or several of its variants fit equally \
         well: `GREATEST(int_column, bigint_column)` could be BIGINT, DECIMAL or DOUBLE. Convert an argument with CAST.";
    LAMBDA = "E0705", "lambda misused",
        "A lambda (`x => …`, `(s, x) => …`) stands only as a trailing argument of TRANSFORM, REDUCE or FILTER, its \
         variables must not have the name of a column nor of a variable of an enclosing lambda, and consist of letters, \
         digits, `_` and `$`.";
    DOES_NOT_COMPILE = "E0706", "ksqlDB cannot compile it",
        "ksqlDB translates an expression to Java, and some expressions that look right have no translation: \
         `(a + b) IS NULL` fails because the sum is a primitive number in Java. `CAST(a + b AS DOUBLE) IS NULL` works.";
    NOT_EVALUATED = "E0707", "outside of what the evaluator computes",
        "ksqlDB may accept the expression, but its value depends on something that the evaluator does not have (a random \
         number, the order of a hash table, a time zone, the details of Java's regular expressions), so that it would have \
         to guess.";
    TOO_DEEP = "E0708", "expression too deeply nested",
        "A cold ksqlDB server overflows its stack at some fifty nested calls. The evaluator stops far beyond that. Bind \
         inner parts in an earlier stream, or balance the nesting.";
    NO_TYPE = "E0709", "expression without a type",
        "A bare NULL has no type, so that it can be no column, no CASE with only NULL branches and no array of NULLs. \
         Write `CAST(NULL AS DOUBLE)`. A WHERE clause has to be BOOLEAN.";
    NOT_THE_MODEL = "E0711", "the SQL is not the model",
        "The printed SQL gives another value than the model for a row, and rounding does not explain it. This is a fault of \
         m2ksql. Please report it with the row that the message shows and the model, or its structure if the model is \
         confidential.";
    NOT_EXPECTED = "E0712", "the SQL gives other values than expected",
        "The SQL is the model in the file, but the values of `--expected` are others, by more than rounding and `--tolerance` \
         explain. Perhaps the rows are in another order, or features are not those of the training; perhaps the export has \
         changed the model (m2ksql warns where it knows that), or the predictions are of another version.";
    EXPECTED = "E0713", "expected values that do not fit",
        "The file of `--expected` goes row by row with that of `--input`, and its columns have the names of the results, as in \
         the SQL or as in the model's library (`score --names source` writes them): `predict`, `predict_proba_<class>`, an \
         ONNX graph's outputs.";
    NOT_THE_SERVER = "E0714", "the server gives other values",
        "`verify --server` ran the query on the rows, and a result is another than here. It is compared with what the evaluator \
         gives, bit for bit unless EXP, LN and the like are computed, and with what the model gives, within what rounding \
         explains for the row. Either is a fault of m2ksql, or the server is a release that computes otherwise. Please report it \
         with the row and the version of the server.";
    MISSING_INPUT = "E0720", "column not among the rows",
        "The model reads a column that the header line of the rows does not have. A column is found by the name of the \
         feature, by the second name that data of an ONNX model uses (`X_3`), or by the name of the column in the SQL; in \
         another letter case only where no other column has that name.";
    BAD_VALUE = "E0721", "value that cannot be read",
        "A field of a row is not of its column's type: text where a number is wanted, a fraction where a whole number is. \
         It counts as NULL, and the other rows are computed; the exit code is 1. An empty field of CSV is NULL, and is no \
         error. Only `NaN`, `Infinity` and `-Infinity` stand for what is no decimal number.";
    BAD_ROW = "E0722", "row that cannot be read",
        "A line is not a JSON object, or a row of CSV has more or fewer fields than the header. All its results are NULL, \
         so that results and rows stay side by side; the other rows are computed. The exit code is 1.";
    MISSING_IN_ROWS = "W0723", "value missing in a row",
        "Lines of JSON do not have a key that the model reads. As in ksqlDB such a value is NULL.";
    UNDECLARED_COLUMNS = "W0724", "columns without a declared type",
        "An expression that feeds a feature reads columns whose types nobody has declared. They are assumed to have the types \
         that the features need, mostly DOUBLE, and something in the expression does not fit that. Declare the columns with \
         `--column 'NAME TYPE'`, or give the source's CREATE STREAM with `--schema`.";
    CASE_FAILED = "E0725", "a case that fails",
        "`m2ksql test` scored the rows of a case, and a value is not the expected one. Numbers may differ by the relative \
         `--tolerance`, all else must be equal; an empty field of expected.csv is NULL. If the model was meant to change, \
         write the new values to expected.csv: `m2ksql score MODEL --input rows.csv --format csv`.";
    NO_CASES = "E0726", "no cases to run",
        "No model of the manifest has a folder of cases: rows.csv (or rows.jsonl) and expected.csv in a folder of the model's \
         name with the ending .cases. A run that checks nothing must not pass.";
    NO_EXAMPLES = "E0727", "no row to test with",
        "`compile --as test` takes rows whose results are certain to the digits that a test compares. None was found: every row \
         that was tried gives NaN, an infinite or a very large number, or a result that hangs on rounding. `m2ksql verify` \
         checks such a model within a bound for each row.";
}
