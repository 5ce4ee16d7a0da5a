//! What the loader computes with: tensors that are constants or belong to a row, with one dimension for the rows.
//!
//! Every tensor of the graph is interpreted with the rows taken one at a time: the dimension that counts rows, wherever
//! it stands, has size 1 here and is remembered as `batch`. A row tensor is one node of the model graph that holds its
//! elements in row-major order, so that reshaping is free; a constant is folded as long as only constants meet it. What
//! would combine several rows is refused where it happens.

use super::build::Builder;
use super::node::{Attributes, Refused, refuse, refuse_with};
use super::tensor::{Array, Data, Floats};
use super::types::Type;
use crate::diag::Diagnostic;
use crate::diag::codes::onnx as codes;
use crate::model::{Elem, NodeId, Precision, Value};
use std::rc::Rc;

/// Elements that a tensor may have.
pub const MAX_WIDTH: usize = 1 << 22;

/// A tensor of the graph.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// The type of its elements.
    pub ty: Type,
    /// Its shape for one row: the dimension of the rows has size 1.
    pub dims: Vec<usize>,
    /// Which dimension counts rows; none for what is the same for all rows.
    pub batch: Option<usize>,
    /// Its elements.
    pub body: Body<'a>,
    /// Of a ZipMap: the key of each element.
    pub keys: Option<Rc<Vec<String>>>,
}

/// The elements of a tensor.
#[derive(Clone, Debug)]
pub enum Body<'a> {
    /// The same for every row.
    Constant(Rc<Array<'a>>),
    /// Computed for each row.
    Row(NodeId),
    /// A shape or a part of one: sizes known but for the number of rows, `None`.
    Sizes(Vec<Option<i64>>),
}

impl<'a> Tensor<'a> {
    /// A constant.
    pub fn constant(array: Array<'a>) -> Self {
        Tensor { ty: array.ty, dims: array.dims.clone(), batch: None, body: Body::Constant(Rc::new(array)), keys: None }
    }

    /// A tensor of a row.
    pub fn row(ty: Type, dims: Vec<usize>, batch: Option<usize>, node: NodeId) -> Self {
        Tensor { ty, dims, batch, body: Body::Row(node), keys: None }
    }

    /// The same elements in another shape.
    pub fn shaped(&self, dims: Vec<usize>, batch: Option<usize>) -> Self {
        let body = match &self.body {
            Body::Constant(array) => Body::Constant(Rc::new(Array { dims: dims.clone(), ..(**array).clone() })),
            other => other.clone(),
        };
        Tensor { ty: self.ty, dims, batch, body, keys: None }
    }

    /// The number of elements of one row.
    pub fn width(&self) -> usize {
        self.dims.iter().product()
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// The array of a constant that is the same for every row count, too.
    pub fn array(&self) -> Option<&Rc<Array<'a>>> {
        match (&self.body, self.batch) {
            (Body::Constant(array), None) => Some(array),
            _ => None,
        }
    }

    /// Whether it is the same for every row.
    pub fn is_constant(&self) -> bool {
        matches!(self.body, Body::Constant(_))
    }

    /// Its shape in words: `[N, 4]`.
    pub fn shape(&self) -> String {
        let dims: Vec<String> = (0..self.dims.len())
            .map(|axis| if self.batch == Some(axis) { "N".to_owned() } else { self.dims[axis].to_string() })
            .collect();
        format!("[{}]", dims.join(", "))
    }
}

impl Array<'_> {
    /// Its elements as values of the model.
    pub fn values(&self) -> Vec<Value> {
        match &self.data {
            Data::Float(values) => (0..values.len()).map(|at| Value::Number(values.get(at))).collect(),
            Data::Int(values) => values.iter().map(|&value| Value::Integer(value)).collect(),
            Data::Text(values) => values.iter().map(|value| Value::Text(value.clone())).collect(),
            Data::Bool(values) => values.iter().map(|&value| Value::Boolean(value)).collect(),
        }
    }

    /// Its elements as numbers, if they are of a floating-point type.
    pub fn floats(&self) -> Option<&Floats<'_>> {
        match &self.data {
            Data::Float(values) => Some(values),
            _ => None,
        }
    }

    /// Its elements as integers, if they are of an integer type.
    pub fn ints(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Int(values) => Some(values),
            _ => None,
        }
    }

    /// The elements at these positions in another shape.
    pub fn pick(&self, positions: &[usize], dims: Vec<usize>) -> Array<'static> {
        let data = match &self.data {
            Data::Float(values) => Data::Float(Floats::Owned(positions.iter().map(|&at| values.get(at)).collect())),
            Data::Int(values) => Data::Int(positions.iter().map(|&at| values[at]).collect()),
            Data::Text(values) => Data::Text(positions.iter().map(|&at| values[at].clone()).collect()),
            Data::Bool(values) => Data::Bool(positions.iter().map(|&at| values[at]).collect()),
        };
        Array { ty: self.ty, dims, data }
    }
}

/// The model's type for an element type of ONNX.
pub fn elem(ty: Type) -> Elem {
    match ty {
        Type::Text => Elem::Text,
        Type::Bool => Elem::Boolean,
        ty if ty.is_float() => Elem::Number,
        _ => Elem::Integer,
    }
}

/// The model's precision for an element type of ONNX.
pub fn precision(ty: Type) -> Precision {
    if ty == Type::F32 { Precision::Single } else { Precision::Double }
}

/// What the loaders of operators share: the graph in the making and what was found about the file.
#[derive(Debug, Default)]
pub struct Context {
    /// The model graph.
    pub builder: Builder,
    /// Warnings of the node at hand.
    pub warnings: Vec<Diagnostic>,
    /// Whether skl2onnx wrote the file: its known mistakes are warned of.
    pub skl2onnx: bool,
    /// The number of rows, where the exporter fixed it.
    pub rows: Option<usize>,
    /// Elements that may still be made, over all nodes.
    pub budget: usize,
    /// Nodes that classifiers made their scores, with the classes.
    pub scores: Vec<(NodeId, Vec<Value>)>,
    /// Nodes that are the value of a regression.
    pub predictions: Vec<NodeId>,
}

/// A node of the file with its operands.
#[derive(Debug)]
pub struct Call<'c, 'a> {
    /// The operator.
    pub op: &'c str,
    /// The version of its domain that the file imports.
    pub version: i64,
    /// Its attributes.
    pub attributes: &'c Attributes<'c>,
    /// Its operands; `None` where an optional one is left out.
    pub inputs: Vec<Option<&'c Tensor<'a>>>,
    /// The number of its results.
    pub outputs: usize,
}

impl<'c, 'a> Call<'c, 'a> {
    /// An operand that must be there.
    pub fn input(&self, index: usize) -> Result<&'c Tensor<'a>, Refused> {
        self.maybe(index).ok_or_else(|| refuse(&codes::SHAPE, format!("operand {} is missing", index + 1)))
    }

    /// An operand that may be left out.
    pub fn maybe(&self, index: usize) -> Option<&'c Tensor<'a>> {
        self.inputs.get(index).copied().flatten()
    }

    /// An operand that must be a constant, such as axes or a new shape.
    pub fn constant(&self, index: usize, what: &str) -> Result<&'c Rc<Array<'a>>, Refused> {
        let input = self.input(index)?;
        input.array().ok_or_else(|| {
            refuse_with(
                &codes::MEANING,
                format!("the {what} must be a constant, it is computed from the row"),
                "fold the constants of the model first, or export with fixed shapes",
            )
        })
    }

    /// A constant list of integers, if the operand is there.
    pub fn ints(&self, index: usize, what: &str) -> Result<Option<Vec<i64>>, Refused> {
        if self.maybe(index).is_none() {
            return Ok(None);
        }
        let array = self.constant(index, what)?;
        match array.ints() {
            Some(values) => Ok(Some(values.to_vec())),
            None => Err(refuse(&codes::SHAPE, format!("the {what} must be integers, they are {}", array.ty.name()))),
        }
    }
}

impl Context {
    /// Takes elements out of the budget.
    pub fn spend(&mut self, elements: usize) -> Result<(), Refused> {
        match self.budget.checked_sub(elements) {
            Some(left) if elements <= MAX_WIDTH => {
                self.budget = left;
                Ok(())
            }
            _ => Err(refuse(
                &codes::SIZE,
                format!("the node makes {elements} elements for each row, more than m2ksql unrolls"),
            )),
        }
    }

    /// Takes the elements of a shape out of the budget.
    pub fn afford(&mut self, dims: &[usize]) -> Result<usize, Refused> {
        let width = dims.iter().try_fold(1usize, |width, &size| width.checked_mul(size.max(1)));
        self.spend(width.unwrap_or(usize::MAX))?;
        Ok(dims.iter().product())
    }

    /// The node of a tensor; a constant becomes one.
    pub fn node(&mut self, tensor: &Tensor<'_>) -> Result<NodeId, Refused> {
        match &tensor.body {
            Body::Row(node) => Ok(*node),
            Body::Constant(array) => {
                if tensor.width() == 0 {
                    return Err(refuse(&codes::SHAPE, format!("the shape {} holds no element", tensor.shape())));
                }
                self.computable(tensor.ty)?;
                self.spend(tensor.width())?;
                Ok(self.builder.constant(array.values(), elem(tensor.ty), precision(tensor.ty)))
            }
            Body::Sizes(_) => Err(refuse(&codes::ROWS, "the node computes with the number of rows")),
        }
    }

    /// Refuses to compute rows in a type that the model graph has no precision for.
    pub fn computable(&self, ty: Type) -> Result<(), Refused> {
        if matches!(ty, Type::F16 | Type::Bf16) {
            return Err(refuse_with(
                &codes::MEANING,
                format!("rows are computed in {}, which is not supported", ty.name()),
                "export the model in float32",
            ));
        }
        Ok(())
    }

    /// The elements at these positions, in another shape.
    pub fn pick<'a>(
        &mut self,
        tensor: &Tensor<'a>,
        positions: &[usize],
        dims: Vec<usize>,
        batch: Option<usize>,
    ) -> Result<Tensor<'a>, Refused> {
        if positions.len() != tensor.width() {
            self.spend(positions.len())?;
        }
        let body = match &tensor.body {
            Body::Constant(array) => Body::Constant(Rc::new(array.pick(positions, dims.clone()))),
            Body::Row(node) => {
                if positions.is_empty() {
                    return Err(refuse(&codes::SHAPE, "the result holds no element"));
                }
                Body::Row(self.builder.pick(*node, positions))
            }
            Body::Sizes(sizes) => Body::Sizes(positions.iter().map(|&at| sizes[at]).collect()),
        };
        Ok(Tensor { ty: tensor.ty, dims, batch, body, keys: None })
    }
}

/// An axis of a tensor of this rank; negative ones count from the end.
pub fn axis(axis: i64, rank: usize) -> Result<usize, Refused> {
    let found = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(found) {
        Ok(found) if found < rank => Ok(found),
        _ => Err(refuse(&codes::SHAPE, format!("there is no axis {axis} in {rank} dimensions"))),
    }
}

/// That an operation goes along the rows.
pub fn mixes_rows(what: &str) -> Refused {
    refuse(&codes::ROWS, format!("{what} goes along the rows of the batch"))
}

/// The positions of a tensor of shape `from` that a tensor of shape `to` shows when it is broadcast; `None` if they are
/// all in order.
pub fn spread(from: &[usize], to: &[usize]) -> Option<Vec<usize>> {
    let width: usize = to.iter().product();
    if from.iter().product::<usize>() == width {
        return None;
    }
    // strides of the operand, 0 where it is repeated
    let mut strides = vec![0usize; to.len()];
    let mut stride = 1;
    for (axis, &size) in from.iter().enumerate().rev() {
        let at = axis + to.len() - from.len();
        strides[at] = if size == 1 { 0 } else { stride };
        stride *= size;
    }
    Some(positions(to, &strides))
}

/// The offsets of all elements of a shape under these strides, row-major.
pub fn positions(dims: &[usize], strides: &[usize]) -> Vec<usize> {
    let width: usize = dims.iter().product();
    let mut out = Vec::with_capacity(width);
    let mut index = vec![0usize; dims.len()];
    let mut offset = 0;
    for _ in 0..width {
        out.push(offset);
        for axis in (0..dims.len()).rev() {
            index[axis] += 1;
            offset += strides[axis];
            if index[axis] < dims[axis] {
                break;
            }
            offset -= strides[axis] * dims[axis];
            index[axis] = 0;
        }
    }
    out
}

/// The strides of a shape in row-major order.
pub fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (0..dims.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * dims[axis + 1];
    }
    strides
}

/// The common shape of operands under numpy's rules, and the dimension of the rows in it.
pub fn broadcast(tensors: &[&Tensor<'_>]) -> Result<(Vec<usize>, Option<usize>), Refused> {
    let rank = tensors.iter().map(|tensor| tensor.rank()).max().unwrap_or(0);
    let (mut dims, mut batch) = (vec![1usize; rank], None);
    for tensor in tensors {
        let shift = rank - tensor.rank();
        for (axis, &size) in tensor.dims.iter().enumerate() {
            let known = &mut dims[axis + shift];
            match (*known, size) {
                (1, _) => *known = size,
                (_, 1) => {}
                (a, b) if a == b => {}
                _ => {
                    let shapes: Vec<String> = tensors.iter().map(|tensor| tensor.shape()).collect();
                    return Err(refuse(
                        &codes::SHAPE,
                        format!("the shapes {} do not fit together", shapes.join(" and ")),
                    ));
                }
            }
        }
        if let Some(axis) = tensor.batch {
            match batch {
                Some(known) if known != axis + shift => return Err(mixes_rows("the combination of the operands")),
                _ => batch = Some(axis + shift),
            }
        }
    }
    match batch {
        Some(axis) if dims[axis] != 1 => Err(mixes_rows("the combination of the operands")),
        _ => Ok((dims, batch)),
    }
}
