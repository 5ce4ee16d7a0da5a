//! Codes of reading ONNX models (03xx).

super::codes! {
    DAMAGED = "E0301", "damaged ONNX file",
        "The file starts like an ONNX model, but its protobuf structure is broken: a length runs past the end, a message \
         is nested too deeply, or a part cannot be parsed. Often the file is truncated (an interrupted download, a Git \
         LFS pointer). Check its size and export or copy it again.";
    VERSION = "E0302", "ONNX version not supported",
        "The container (ir_version) or an operator set is of a version that m2ksql does not know. Newer versions may \
         change what an operator computes, so they are not guessed. Export with a lower `target_opset`.";
    OPERATOR = "E0303", "ONNX operator not supported",
        "The model uses operators that m2ksql has no translation for. All of them are listed at once, each with the \
         nearest supported operator. `m2ksql ops` prints what is supported.";
    STRUCTURE = "E0304", "model structure not supported",
        "The file holds something other than one inference graph with initializers: training information, local \
         functions, sparse initializers, more than one graph, or names that do not fit together. Export the model for \
         inference, for torch with `torch.onnx.export(..., training=TrainingMode.EVAL)`.";
    ATTRIBUTE = "E0305", "attribute missing, wrong or unknown",
        "An attribute of a node is missing, has another type than the operator defines, a value outside of what it \
         allows, or is one that m2ksql does not know. An attribute that nobody reads could change what the model \
         computes, so it is an error.";
    SHAPE = "E0306", "shapes or types do not fit",
        "The operands of a node have shapes or element types that the operator does not take together. Either the file \
         is inconsistent, or m2ksql derives a shape wrongly: please report it with the file.";
    ROWS = "E0307", "operation mixes rows",
        "m2ksql computes every row on its own, as a stream processor does. This node combines several rows of the batch, \
         or depends on how many there are, so it has no translation. Move it out of the model.";
    TENSOR = "E0308", "tensor cannot be read",
        "A constant of the model is inconsistent: its number of elements does not match its shape, the field that holds \
         it does not match its type, or the type is one that m2ksql does not read.";
    EXTERNAL = "E0309", "external tensor data cannot be read",
        "The weights are in another file beside the model (`model.onnx.data`, as torch writes by default). The file must \
         lie in the folder of the model; absolute paths and `..` are refused. Copy both files, or export with \
         `external_data=False`.";
    INPUT = "E0310", "model input cannot become features",
        "An input of the graph has an element type or a shape that a row of columns cannot feed. Inputs are tensors \
         `[N, 1]` or `[N, F]` of numbers, booleans or strings; the width F must be known. If the file leaves it open, \
         give the names of the columns with `--features a,b,c`.";
    FEATURES = "E0311", "feature names do not fit the model",
        "The number of names given (or found in the file's metadata) is not the number of features that the graph takes, \
         or a name stands twice. Give one name for every column, in the order of the training data.";
    MEANING = "E0312", "use of an operator not supported",
        "The operator is supported, but not with these attributes or operands: translating them literally would give \
         other values than the runtime, or values that an SQL engine cannot compute. The message says which.";
    SIZE = "E0313", "model too large",
        "A shape in the file asks for more elements than m2ksql unrolls. SQL has one expression for each element, so \
         such a model could not be deployed anyway.";
    OUTPUT = "E0314", "model output cannot be computed",
        "An output of the graph is not computed by any node, does not depend on the row, or is of a kind (a sequence, a \
         tensor over several rows) that a row of columns cannot hold.";
    LDA_BINARY = "W0320", "binary discriminant analysis exported with doubled margin",
        "skl2onnx exports a LinearDiscriminantAnalysis with two classes as a softmax over [-z, z], which is sigmoid(2z) \
         where scikit-learn computes sigmoid(z). m2ksql computes what the file says; the probabilities differ from \
         scikit-learn's by up to 0.15. Labels are the same.";
    LABELS_ROUNDED = "W0321", "class labels went through float32",
        "The exporter casts the integer class labels to float32 on their way out. Labels above 2^24 = 16777216 change, \
         and several may become one. The labels in the generated SQL are those that onnxruntime returns. Train with \
         smaller class numbers or with strings.";
    NORM_MAX = "W0322", "Normalizer MAX is signed in onnxruntime",
        "onnxruntime divides by the largest element, scikit-learn and the ONNX reference by the largest absolute value. \
         For rows whose largest absolute value is negative the sign flips. m2ksql follows onnxruntime.";
    ISOTONIC = "W0323", "isotonic calibration exported without interpolation",
        "skl2onnx exports CalibratedClassifierCV(method='isotonic') as a look-up of the nearest knot, where scikit-learn \
         interpolates between knots. m2ksql computes what the file says; probabilities differ from scikit-learn's.";
    IGNORED_TRANSFORM = "W0324", "post_transform that onnxruntime ignores",
        "onnxruntime ignores the post_transform of a LinearRegressor with one target, and SOFTMAX and SOFTMAX_ZERO of a \
         LinearClassifier with one row of coefficients. m2ksql follows onnxruntime; the values are raw scores.";
    ONEHOT_TRUNCATES = "W0325", "one-hot encoding truncates numbers",
        "OneHotEncoder with integer categories truncates a fractional input (1.75 counts as category 1), where \
         scikit-learn calls it unknown. m2ksql follows onnxruntime.";
    NORM_DOUBLE = "W0326", "normalization of a zero row",
        "The double export of scikit-learn's Normalizer divides by the norm without a guard: a row of zeros gives NaN, \
         where scikit-learn gives zeros. m2ksql computes what the file says.";
    CONSTANT_OUTPUT = "W0327", "constant output left out",
        "An output of the graph is the same for every row (the list of class labels, a version). It has no column in the \
         generated SQL.";
}
