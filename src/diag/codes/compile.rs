//! Codes of binding, lowering and the compiler's options (05xx), of planning and limits (06xx).

super::codes! {
    NO_SUCH_OUTPUT = "E0501", "the model has no such output",
        "An output was asked for with `--select` that the model cannot give: a regression has no label, a linear support \
         vector machine or a perceptron has margins but no probabilities. The message lists what the model has. A \
         probability can be had only from a model that was trained to give one.";
    NEEDS_TWO_CLASSES = "E0502", "a threshold needs two classes",
        "`--threshold t` makes the label the second class where its probability is at least t. That means something only \
         for a model with two classes and probabilities. For other models the label follows the library's own rule.";
    SAME_COLUMN = "E0503", "two features feed from one column",
        "Two features of the model fold to the same column name: ksqlDB stores a name written bare in upper case, so that \
         `age` and `Age` are one column. Rename one of them with `--rename feature=COLUMN`, where a name in backticks \
         keeps its letters: `--rename 'Age=`Age`'`.";
    BAD_NAME = "E0504", "a name that ksqlDB cannot hold",
        "A column name with a backtick or a line break cannot be written: ksqlDB stores the text of a query with names \
         quoted but not escaped, and reads it again at every restart. Map the feature to a column with \
         `--rename feature=COLUMN`.";
    UNKNOWN_FEATURE = "E0505", "no such feature",
        "`--rename` names a feature that the model does not have. The message suggests the nearest name; `m2ksql inspect` \
         lists all of them.";
    BAD_COLUMN = "E0506", "not a column",
        "An option that takes a column was given something else. A column is a name, a name in backticks, or a nested \
         field: `ADDRESS->ZIPCODE`. `--column` takes a name, a type and, for a key column, `KEY`: `'ORDERID INT KEY'`.";
    UNKNOWN_COLUMN = "E0507", "no such column",
        "A feature or an option refers to a column that the source does not have. The message suggests the nearest name. \
         Map a feature to another column with `--rename feature=COLUMN`.";
    WRONG_TYPE = "E0508", "a column of a type that cannot feed the feature",
        "A numeric feature takes INTEGER, BIGINT, DECIMAL, DOUBLE or BOOLEAN columns, a categorical feature STRING, \
         integer or BOOLEAN columns. Anything else has to be converted first, for instance with \
         `--rename 'feature=CAST(COLUMN AS DOUBLE)'`.";
    OUTPUT_COLLIDES = "E0509", "two output columns with one name",
        "Every column of a SELECT needs a name of its own: outputs among themselves, and outputs and kept columns. Rename \
         an output with `--select label=NAME`.";
    KEY_NOT_KEPT = "E0510", "a key column is not kept",
        "A CREATE STREAM AS or CREATE TABLE AS must have all key columns of its source in its projection; ksqlDB refuses \
         it otherwise. Add the column to `--keep`.";
    BAD_OPTIONS = "E0511", "options that do not go together",
        "Some options need others: a statement needs `--from`, a statement that creates or fills something needs `--into`, \
         `--nulls skip` needs a WHERE clause and so a statement.";
    DUPLICATE_RENAME = "E0512", "a feature renamed twice",
        "Two `--rename` options name the same feature, and only one of them can feed it. Keep the one that is meant.";
    UNKNOWN_RELATION = "E0513", "source not in the schema",
        "The file given with `--schema` declares streams and tables, but not the one that `--from` names, or it declares \
         several and `--from` does not say which is meant. A name written bare is stored in upper case: `Orders` in \
         backticks and `ORDERS` are two streams.";
    DEFINED_TWICE = "E0514", "a feature defined twice",
        "Two definitions have one name, or feed one feature, or a feature is both renamed and defined. A name written bare \
         is stored in upper case, so that `amount` and `AMOUNT` are one name. Keep the one that is meant. Only what the \
         model file itself defines may be defined anew.";
    DEFINED_BY_ITSELF = "E0515", "a definition that needs itself, or one below it",
        "The expression of a feature refers to columns and to definitions above it: `a = LN(amount + 1E0); b = a * a;`. The \
         name of a definition below, or the definition's own where the source has no column of that name, refers to \
         nothing yet. Move what is used up.";
    UNUSED_DEFINITION = "W0516", "a definition that nothing uses",
        "A file of definitions defines a name that is no feature of the model, and no definition below it uses that name. \
         Mostly a feature is misspelt, which is then read from a column. The message suggests the nearest name.";
    SHADOWS_COLUMN = "W0517", "a definition with the name of a column",
        "A name in an expression is that of a definition above it, even if the source has a column of that name too. If the \
         column is meant, move the definition that uses it above, or give the other one another name.";
    DEFINITION_TOO_LARGE = "E0518", "a definition that cannot be written out",
        "Names of definitions are replaced by what they stand for, since ksqlDB has no names for parts of an expression. A \
         definition that uses another one many times, which uses a third one many times, grows beyond any server's limits. \
         A column must also not come under a lambda that has a variable of its name. Compute a part of it in an earlier \
         stream.";
    BAD_MANIFEST = "E0519", "a manifest that cannot be built",
        "m2ksql.toml is not TOML, has a key that is not known, names a file that is not there, or a setting has a value that the \
         option of that name does not take. The keys are the long options of `m2ksql compile`; `m2ksql build --schema` prints \
         the JSON Schema, by which editors complete them.";
    OUT_OF_DATE = "E0520", "SQL that is out of date",
        "`m2ksql build --check` compiled the models of the manifest, and a file is missing or is not what came out. The \
         difference is on standard output. Run `m2ksql build`, look at the difference, and commit it with the model.";
    SORTS_IN_PLACE = "E0521", "a column that would be sorted",
        "ksqlDB's ARRAY_SORT sorts the array itself. Where that is a column, every other expression of the statement that \
         reads the column finds it sorted, also the column that passes through, so that a result would depend on what \
         stands beside it. Sort a copy: `ARRAY_SORT(TRANSFORM(arr, _X => _X))`.";
    NO_SCALAR_FORM = "E0601", "no SQL form for an operator",
        "An operator of the model has no form in scalar SQL that is exact enough, so it is refused rather than \
         approximated. The message names it.";
    TOO_DEEP = "E0602", "deeper than a server can replay",
        "ksqlDB takes a deeply nested expression on a warm server and then cannot read it back from its command log at the \
         next start, where stacks are deeper: the server does not come up again, and all other queries with it. So at most \
         100 operators are nested in one SELECT item. `--no-limits` lifts the bound, for other uses of the SQL.";
    TOO_LARGE = "E0603", "too large for one statement",
        "The text of the statement, or the work of compiling it, is beyond what a ksqlDB server takes. The message says \
         by how much. `--no-limits` lifts the bound.";
    NOT_FINITE = "E0604", "a constant that SQL cannot write",
        "After folding, a constant of the expression is NaN or infinite, for which ksqlDB has no literal. The model has \
         weights that overflow when combined (for instance a scale that is almost zero).";
    VARIABLE_IN_TEXT = "E0605", "a text that ksqlDB would change",
        "ksqlDB replaces `${name}` by the value of a variable, inside of string literals too, before it reads a statement. \
         A class or category whose text holds `${` would be compared as something else, so it is refused, wherever it stands: \
         in the model, in the definition of a feature, in `--where`, `--keep` or `--with`.";
    LATER_FUNCTION = "E0606", "a function that the target does not have yet",
        "An expression calls a function that came with a later release of ksqlDB than the one that `--target` names, or than \
         the server is. The message says since when there is one.";
    NOT_READ_BACK = "W0607", "SQL that was not read back",
        "What is printed is read back and compared with what was meant, so that a fault of the printer is found before a server \
         sees it. A text of more than a mebibyte is not, since that would take longer than compiling it; `m2ksql verify` reads it. \
         No server takes a statement that long; only `--no-limits` and chains of many statements get there.";
    INTERNAL = "E0699", "internal error",
        "The compiler found a fault of its own: what it printed does not read back to what it meant. Nothing was written. \
         Please report it with the model, or with its structure if the model is confidential.";
}
