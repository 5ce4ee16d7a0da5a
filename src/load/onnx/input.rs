//! The inputs of the graph become features: their types, widths and names.

use super::file::File;
use super::node::{Attributes, Refused, refuse, refuse_with};
use super::types::Type;
use super::value::{Context, Tensor, elem, precision};
use crate::diag::codes::onnx as codes;
use crate::diag::{Place, SourceId};
use crate::model::Feature;
use onnx_protobuf::{ValueInfoProto, tensor_shape_proto::dimension, type_proto};
use std::collections::BTreeSet;

/// Features that a model may have.
const MAX_FEATURES: usize = 1 << 18;

/// Keys of the file's metadata under which exporters and people keep the names of the columns.
const NAMES: &[&str] = &["feature_names", "feature_names_in_", "input_features"];

/// An input of the graph, before it has features.
struct Input<'f> {
    name: &'f str,
    ty: Type,
    /// Sizes for one row; `None` where neither the file nor the operators that read it say.
    dims: Vec<Option<usize>>,
    batch: Option<usize>,
}

/// Makes the features and gives each input of the graph its tensor.
pub fn read<'a>(
    context: &mut Context,
    file: &File<'a>,
    names: Option<&[String]>,
    source: SourceId,
) -> Result<Vec<(String, Tensor<'a>)>, Vec<Refused>> {
    let constants: BTreeSet<&str> = file.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
    let (mut inputs, mut refused) = (Vec::new(), Vec::new());
    for info in file.inputs.iter().filter(|info| !constants.contains(info.name.as_str())) {
        match input(context, file, info) {
            Ok(input) => inputs.push(input),
            Err(finding) => refused.push(finding),
        }
    }
    if inputs.is_empty() && refused.is_empty() {
        refused.push(refuse(&codes::INPUT, "the graph has no input"));
    }
    // one open width can be had from the number of names
    let known: usize = inputs.iter().filter_map(Input::width).fold(0, usize::saturating_add);
    let mut open = inputs.iter_mut().filter(|input| input.width().is_none());
    if let (Some(input), None, Some(names)) = (open.next(), open.next(), names)
        && let Some(dim) = input.dims.iter_mut().find(|dim| dim.is_none())
    {
        *dim = names.len().checked_sub(known);
    }
    let mut total = 0usize;
    for input in &inputs {
        match input.width() {
            Some(width) if width > 0 => total = total.saturating_add(width),
            _ => refused.push(refuse_with(
                &codes::INPUT,
                format!("the file does not say how many columns the input `{}` has", input.name),
                "give their names: `--features a,b,c`",
            )),
        }
    }
    if total > MAX_FEATURES {
        refused.push(refuse(
            &codes::SIZE,
            format!("the model takes {total} features, at most {MAX_FEATURES} are handled"),
        ));
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let names = names.map(<[String]>::to_vec).or_else(|| from_metadata(file));
    let names = names_of(&inputs, names, total).map_err(|finding| vec![finding])?;
    let mut names = names.into_iter();
    let mut tensors = Vec::new();
    for input in inputs {
        let dims: Vec<usize> = input.dims.iter().map(|dim| dim.unwrap_or(1)).collect();
        let mut nodes = Vec::new();
        for (name, alias) in names.by_ref().take(dims.iter().product()) {
            nodes.push(context.builder.input(Feature {
                name,
                alias,
                elem: elem(input.ty),
                precision: precision(input.ty),
                expression: None,
                place: Some(Place::path(source, format!("input {}", input.name))),
            }));
        }
        let node = context.builder.concat(nodes);
        tensors.push((input.name.to_owned(), Tensor::row(input.ty, dims, input.batch, node)));
    }
    Ok(tensors)
}

impl Input<'_> {
    fn width(&self) -> Option<usize> {
        self.dims.iter().try_fold(1usize, |width, dim| width.checked_mul((*dim)?))
    }
}

fn input<'f>(context: &mut Context, file: &'f File<'_>, info: &'f ValueInfoProto) -> Result<Input<'f>, Refused> {
    let name = info.name.as_str();
    let refused = |what: &str| refuse(&codes::INPUT, format!("the input `{name}` {what}"));
    let Some(type_proto::Value::TensorType(tensor)) = info.type_.value.as_ref() else {
        return Err(refused("is not a tensor"));
    };
    let ty = match Type::from_number(tensor.elem_type) {
        Some(ty @ (Type::F16 | Type::Bf16)) => {
            return Err(refuse_with(
                &codes::INPUT,
                format!("the input `{name}` is {}, whose rounding of rows is not reproduced", ty.name()),
                "export the model with float inputs, and cast inside of it",
            ));
        }
        Some(ty) => ty,
        None => return Err(refused(&format!("has the element type {}, which is not supported", tensor.elem_type))),
    };
    let Some(shape) = tensor.shape.0.as_ref() else {
        // no shape at all: a table of unknown width
        return Ok(Input { name, ty, dims: vec![Some(1), width_from_readers(file, name)], batch: Some(0) });
    };
    let mut dims: Vec<Option<usize>> = shape
        .dim
        .iter()
        .map(|dim| match dim.value {
            Some(dimension::Value::DimValue(size)) => usize::try_from(size).ok().filter(|&size| size > 0),
            _ => None,
        })
        .collect();
    let batch = match dims[..] {
        [] => None,
        // a list of fixed length is one row
        [Some(size)] if size > 1 => None,
        _ => Some(0),
    };
    if batch.is_some() {
        if let Some(rows) = dims[0].replace(1) {
            context.rows = Some(rows);
        }
        if dims.len() == 2 && dims[1].is_none() {
            dims[1] = width_from_readers(file, name);
        }
    }
    if dims.iter().filter(|dim| dim.is_none()).count() > 1 {
        return Err(refused("has more than one dimension of unknown size besides the rows"));
    }
    Ok(Input { name, ty, dims, batch })
}

/// The number of columns that an operator which reads the input expects.
fn width_from_readers(file: &File<'_>, name: &str) -> Option<usize> {
    let dims =
        |name: &str| file.initializers.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.dims.clone());
    file.nodes.iter().filter(|node| node.input.first().is_some_and(|input| input == name)).find_map(|node| {
        let attributes = Attributes::new(&node.attribute);
        let list = |name: &str| attributes.floats(name).ok().map(|values| values.len());
        let width = match node.op_type.as_str() {
            "MatMul" => usize::try_from(*dims(node.input.get(1)?)?.first()?).ok()?,
            "Gemm" => {
                let flipped = attributes.flag("transB", false).ok()?;
                usize::try_from(*dims(node.input.get(1)?)?.get(usize::from(flipped))?).ok()?
            }
            "LinearClassifier" => list("coefficients")?.checked_div(list("intercepts")?)?,
            "LinearRegressor" => {
                list("coefficients")?.checked_div(usize::try_from(attributes.int("targets", 1).ok()?).ok()?)?
            }
            "Scaler" => list("offset").filter(|&len| len > 1)?,
            "Imputer" => list("imputed_value_floats").filter(|&len| len > 1)?,
            "Add" | "Sub" | "Mul" | "Div" => {
                usize::try_from(*dims(node.input.get(1)?)?.last()?).ok().filter(|&len| len > 1)?
            }
            _ => return None,
        };
        (width > 0).then_some(width)
    })
}

fn from_metadata(file: &File<'_>) -> Option<Vec<String>> {
    let (_, text) = file.metadata.iter().find(|(key, _)| NAMES.contains(&key.as_str()))?;
    serde_json::from_str::<Vec<String>>(text)
        .ok()
        .or_else(|| Some(text.split(',').map(|name| name.trim().to_owned()).collect()))
}

/// One name and alias for each feature, in order.
fn names_of(inputs: &[Input<'_>], given: Option<Vec<String>>, total: usize) -> Result<Vec<(String, String)>, Refused> {
    let mut names = Vec::with_capacity(total);
    for input in inputs {
        let width = input.width().unwrap_or(0);
        for at in 0..width {
            let own = if width == 1 { input.name.to_owned() } else { format!("{}_{at}", input.name) };
            names.push(match (&given, inputs.len()) {
                (Some(_), _) => (String::new(), own),
                (None, 1) if width > 1 => (format!("x{at}"), own),
                _ => (own, String::new()),
            });
        }
    }
    if let Some(given) = given {
        if given.len() != total {
            let shapes: Vec<String> =
                inputs.iter().map(|input| format!("`{}` {}", input.name, input.width().unwrap_or(0))).collect();
            return Err(refuse_with(
                &codes::FEATURES,
                format!("there are {} feature names, the model takes {total} ({})", given.len(), shapes.join(", ")),
                "give one name for each column, in the order of the training data: `--features a,b,c`",
            ));
        }
        for (name, given) in names.iter_mut().zip(given) {
            name.0 = given;
        }
    }
    let mut seen = BTreeSet::new();
    for (name, _) in &names {
        if name.is_empty() || !seen.insert(name.as_str()) {
            return Err(refuse(&codes::FEATURES, format!("the feature name `{name}` is empty or stands twice")));
        }
    }
    Ok(names)
}
