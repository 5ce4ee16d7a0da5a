//! The graph itself: features, nodes, outputs.

use super::op::{Elem, Op, Precision, Value};
use crate::diag::Place;

/// A node of the graph it was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Its position among the nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value that a row brings: a column in the training data.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its name in the model, not empty, unique.
    pub name: String,
    /// A second name that data made for the source's library may use (`X_3` for element 3 of the ONNX input `X`); empty
    /// for none.
    pub alias: String,
    /// The type of its values.
    pub elem: Elem,
    /// Single: the runtime rounds the value to binary32 before anything else.
    pub precision: Precision,
    /// A SQL expression over columns that computes it, as the file gives it, and where; without one the feature is read
    /// from a column.
    pub expression: Option<(String, Place)>,
    /// Where the file names it.
    pub place: Option<Place>,
}

/// One operation on vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// Operands: earlier nodes.
    pub args: Vec<NodeId>,
    /// The number of elements of the result, at least 1.
    pub width: usize,
    /// Their type.
    pub elem: Elem,
    /// In which precision the source's runtime computes it.
    pub precision: Precision,
    /// What the source calls it: a pipeline step (`scaler`), an ONNX node. Empty if nothing.
    pub name: String,
}

/// What an output means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The class. Width 1.
    Label,
    /// The score before the link: width 1 (two classes: of the second class; regression: the linear predictor), or one
    /// per class or target.
    Margin,
    /// One per class, in the order of the classes, for two classes too.
    Probabilities,
    /// The value of a regression, one per target.
    Prediction,
    /// Anything else: a transformed row, an output whose meaning the file does not say.
    Value,
}

/// A result of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// What it means. `Label`, `Margin`, `Probabilities` and `Prediction` occur at most once each.
    pub role: Role,
    /// What the source's library calls it: `predict_proba`, a graph output's name.
    pub name: String,
    /// The node that computes it.
    pub node: NodeId,
    /// The source's name for each element where it has one (`predict_proba` of class `x`: `x`); empty, or one per element.
    pub elements: Vec<String>,
}

/// A model. See the [module](super) for what it computes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The format it was read from, by its name in the table of formats.
    pub format: &'static str,
    /// Who made the file, as far as it says (`scikit-learn 1.9.1`, `skl2onnx 1.20.0`).
    pub producer: String,
    /// What the model is, in the source's words (`LogisticRegression`, `Pipeline(StandardScaler, Ridge)`).
    pub title: String,
    /// In the order of the training data.
    pub features: Vec<Feature>,
    /// Operands before users.
    pub nodes: Vec<Node>,
    /// In the source's order.
    pub outputs: Vec<Output>,
    /// The classes of a classifier, in the order of its scores, all of one type; empty for other models.
    pub classes: Vec<Value>,
}

impl Graph {
    /// Appends a node and gives its name. Width, type and operands are checked by [`super::check`], not here.
    pub fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId((self.nodes.len() - 1) as u32)
    }

    /// The node of this name.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The output of this role, if the model has one.
    pub fn output(&self, role: Role) -> Option<&Output> {
        self.outputs.iter().find(|output| output.role == role)
    }
}
