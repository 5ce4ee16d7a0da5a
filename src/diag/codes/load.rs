//! Codes of reading files and JSON texts (01xx) and of the content of a model (02xx).

super::codes! {
    UNKNOWN_FORMAT = "E0101", "unknown model format",
        "The content of the file matches none of the model formats that m2ksql reads. `m2ksql formats` lists them with \
         what each is recognized by. A pickle or joblib file has to be exported first: `m2ksql exporter sklearn` prints \
         a script that does it.";
    NOT_JSON = "E0102", "not JSON",
        "The text is not valid JSON. The place where reading stopped is shown; the mistake is there or just before. \
         Common causes: a comma after the last item, single quotes, a comment.";
    TRUNCATED = "E0103", "truncated file",
        "The file ends in the middle of a value. It was probably cut off while it was written, downloaded or copied. The \
         second place shown is where the value begins that was not finished.";
    DUPLICATE_KEY = "E0104", "duplicate key",
        "An object holds the same key twice. Programs differ in which of the two they take, so the file has no one \
         meaning. Keep one of them.";
    TOO_DEEP = "E0105", "nested too deep",
        "Arrays and objects are nested deeper than any known producer of models nests them. The limit protects against \
         files that are made to exhaust memory.";
    FILE_TOO_LARGE = "E0106", "file too large",
        "The file is larger than what is read into memory. Linear models are small; a file of this size usually holds \
         training data or an ensemble of trees.";
    NOT_UTF8 = "E0107", "not UTF-8",
        "The text contains bytes that are not UTF-8, the one encoding of JSON. Files saved by spreadsheet programs or old \
         editors are often in Latin-1 or UTF-16: save them as UTF-8.";
    EMPTY_FILE = "E0108", "empty file",
        "The file holds nothing but white space. It was probably not written yet, or standard input was given without \
         content.";
    UNREAD_FORMAT = "E0109", "format that is not read",
        "The file is of a kind that m2ksql recognizes but does not read, such as a Python pickle. The help line says what \
         to do instead.";
    UNKNOWN_KEY = "E0201", "unknown key",
        "m2ksql's own format knows no such key at this place. Keys are checked strictly, because a misspelt key would \
         otherwise be left out silently. `m2ksql formats --schema` prints the JSON Schema.";
    MISSING_KEY = "E0202", "missing key",
        "A key that is needed to compute the model is not there. For a scikit-learn dump this means that the estimator was \
         not fitted or that the exporter left the attribute out.";
    WRONG_TYPE = "E0203", "wrong type",
        "A value is of another type than what is expected at its place, for instance a string where a number must stand.";
    WRONG_LENGTH = "E0204", "wrong length",
        "Two parts of the model do not fit: as many coefficients as features are needed, as many rows of coefficients and \
         intercepts as classes or targets, and rows of equal length.";
    NOT_FINITE = "E0205", "not a finite number",
        "A coefficient or another parameter of the computation is NaN, infinite or beyond the range of a double. Every \
         prediction of such a model would be NaN or infinite; the fit has probably diverged.";
    UNSUPPORTED_ESTIMATOR = "E0206", "unsupported estimator",
        "The file holds an estimator that m2ksql cannot compile. The note lists the nearest supported ones; the docs list \
         all.";
    UNSUPPORTED_SETTING = "E0207", "unsupported setting",
        "The estimator is supported, but not with this value of one of its parameters: what it would compute cannot be \
         expressed, or the file does not hold what is needed to compute it.";
    EMPTY_MODEL = "E0208", "empty model",
        "The model has no coefficients, no features, or fewer than two classes: there is nothing to compute.";
    REPEATED = "E0209", "repeated name",
        "Two features, classes or categories of the model are the same. It cannot be said which one is meant.";
    OUT_OF_RANGE = "E0210", "value out of range",
        "A number is outside of what makes sense at its place: a threshold that is no probability, a scale of zero, the \
         position of a column that does not exist.";
    UNKNOWN_WORD = "E0211", "unknown word",
        "At this place one of a few words must stand, and another one was found. The note lists them.";
    MIXED_TYPES = "E0212", "values of different types",
        "Classes, or the categories of a feature, must be of one type: all numbers, all strings or all booleans.";
    UNKNOWN_ATTRIBUTE = "E0213", "unknown attribute",
        "A fitted attribute (its name ends in `_`) of a scikit-learn estimator is not known. It may change what the \
         estimator computes, so it is not ignored. Remove it from the file if it does not.";
    NOT_READ = "W0214", "key that is not read",
        "The file holds a key that m2ksql does not use. Parameters that only matter while a model is fitted are known and \
         not reported; this one is not among them.";
    LINK_UNKNOWN = "W0215", "link function not given",
        "The file holds coefficients, but does not say whether a link function belongs to them. They are compiled as the \
         linear predictor. Say `--link logit`, `--link log` and so on to get the mean, `--link identity` for a linear model.";
    TREES = "E0216", "tree model",
        "The file holds an ensemble of decision trees. Tree models are not supported yet.";
    BAD_TERM = "E0217", "term that is not understood",
        "The name of a coefficient is a formula that m2ksql does not know. It knows `a`, `a:b`, `I(x^2)`, `I(x ** 2)`, \
         `C(g)[T.b]`, `log(x)`, `np.log(x)`, `sqrt(x)`, `exp(x)` and products of them.";
    AMBIGUOUS_TERM = "E0218", "ambiguous term",
        "R glues the name of a factor and its level together (`Speciesvirginica`), and nothing in the file says where the \
         one ends and the other begins. Add a map `\"factors\": { \"Species\": [\"setosa\", \"versicolor\", \"virginica\"] }` \
         beside the coefficients.";
    WRONG_USE = "E0219", "column of the wrong type",
        "A column is used in a way that does not fit its type, such as arithmetic on a column of strings.";
    TOO_MANY = "E0220", "too many",
        "The model has more features, terms or columns than m2ksql reads. The message says how many there are and how many \
         are allowed.";
    LINK_CONFLICT = "E0221", "link function given twice",
        "The option `--link` is for files of coefficients that do not say which link function belongs to them. This file \
         does say it, or is a model without a link function.";
    NO_PROBABILITY = "W0222", "probabilities are not available",
        "The estimator can compute probabilities in its library, but by a procedure that is not supported. Its label and \
         margin are available.";
    DROPPED_TERM = "W0223", "term without estimate",
        "A coefficient is NA: R leaves a term out that is a linear combination of others. It is left out here too.";
    INCONSISTENT = "E0224", "inconsistent model",
        "The model was read, but the result contradicts itself. This is checked behind every loader and should not happen: \
         it is a defect of m2ksql, not of the file. Please report it.";
}
