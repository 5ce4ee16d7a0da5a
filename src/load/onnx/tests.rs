//! Operators against the examples of the ONNX specification, and the shapes of graphs that exporters' tails become.
