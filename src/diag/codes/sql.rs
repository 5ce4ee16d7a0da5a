//! Codes of reading SQL text (04xx).

super::codes! {
    SYNTAX = "E0401", "SQL that cannot be read",
        "The text is not what ksqlDB's grammar allows at this place. The message says what was found and what was \
         expected. Some habits of other databases that ksqlDB does not have: `==`, `^`, subqueries, `NOT` after a \
         comparison operator, comparisons in a row (`A < B < C`: write `A < B AND B < C`).";
    RESERVED_WORD = "E0402", "reserved word used as a name",
        "ksqlDB reserves 88 words, among them some that are natural names of columns: SIZE, DAYS, HOURS, SAMPLE, QUERY, \
         VIEW, LIST, LOAD, END, LEFT, RIGHT, TOPIC, LIMIT, VALUES. Write such a name in backticks and in the letter \
         case in which it is stored, normally upper case: `` `SIZE` ``.";
    UNCLOSED = "E0403", "bracket, quote, comment or CASE without its end",
        "Something was opened and never closed: `(`, `[`, `CASE`, a quote or `/*`; or an end was found without its \
         beginning. The place of the beginning is shown. In a string a quote is written twice: `'it''s'`.";
    EMPTY_COMMENT = "E0404", "empty comment that swallows a line",
        "ksqlDB reads a `--` with nothing behind it as a comment that goes on to the end of the *next* line. What \
         stands there would be lost without a message, so m2ksql refuses the text. Write something after `--`, or \
         remove the line.";
    TOO_DEEP = "E0405", "nested too deep",
        "Parentheses, CASE, calls, signs, NOT, `->` and `[]` are nested deeper than m2ksql reads. ksqlDB itself refuses \
         less: it takes 500 nested parentheses, and a server that has just started about 200 nested operators. Long \
         sums and long lists are no problem, they are not nested.";
    BAD_NUMBER = "E0406", "number out of range",
        "An integer literal has at most 64 bits (-9223372036854775808 to 9223372036854775807), and a literal in \
         E-notation must not be larger than the largest DOUBLE, 1.7976931348623157E308. ksqlDB refuses such literals. \
         For a larger integer write a decimal point behind it (a DECIMAL) or an exponent (a DOUBLE).";
    UNKNOWN_TYPE = "E0407", "unknown SQL type",
        "ksqlDB's types are BOOLEAN, INTEGER (INT), BIGINT, DOUBLE, DECIMAL(p, s), STRING (VARCHAR), BYTES, TIME, DATE, \
         TIMESTAMP, ARRAY<T>, MAP<K, V> and STRUCT<name T, …>. There is no FLOAT, REAL, SMALLINT or TEXT. A type made \
         by CREATE TYPE is known after that statement in the same file.";
    UNSUPPORTED_SQL = "E0408", "SQL that ksqlDB cannot run or m2ksql does not read",
        "The text is in ksqlDB's grammar, but either ksqlDB itself fails on it (`CASE x WHEN …`, `AT TIME ZONE`), or its \
         meaning depends on something that is not in the text (a variable `${x}`). The message says what to write \
         instead.";
    BAD_NAME = "E0409", "name that ksqlDB does not take",
        "A name must not be empty and must not begin or end with a blank. A name with a backtick in it is not read back \
         by ksqlDB from its own plans.";
    DUPLICATE_COLUMN = "E0410", "column declared twice",
        "Two columns of a CREATE STREAM or CREATE TABLE have the same stored name. Bare names are stored in upper case, \
         so `amount` and `AMOUNT` are the same column; `` `amount` `` in backticks is another one.";
    LEFT_AS_IT_IS = "W0411", "statement that the formatter leaves as it is",
        "Comments above a statement and above an item of a SELECT list are kept by `m2ksql fmt`. A statement with \
         comments elsewhere, such as inside an expression or a list of columns, is left as it stands, and so is one with a \
         type that no CREATE TYPE above it in the file has made.";
    NO_RELATION = "E0412", "schema file without a stream or table",
        "The file given as a schema declares no stream or table with its columns. It should hold the CREATE STREAM or \
         CREATE TABLE that made the source, or the JSON that ksqlDB's REST API answers to `DESCRIBE name;`. A CREATE … AS \
         SELECT does not say what types its columns have.";
    NO_COLUMNS = "W0413", "declaration without columns",
        "A CREATE STREAM or CREATE TABLE without a list of columns takes them from the schema registry, so they are not \
         in the file. The JSON that ksqlDB answers to `DESCRIBE name;` has them.";
    NOT_A_DESCRIPTION = "E0414", "JSON that is no answer to DESCRIBE",
        "A schema file in JSON must be what ksqlDB's REST API answers to `DESCRIBE name;`: an array with an entity that \
         has a `sourceDescription`, or that description alone. The path shows the part that is missing or different.";
    NOT_FORMATTED = "E0415", "file that is not formatted",
        "`m2ksql fmt --check` found files whose text is not what `m2ksql fmt` would write. Their names are on standard \
         output. Run `m2ksql fmt` on them, with the same `--width`.";
}
