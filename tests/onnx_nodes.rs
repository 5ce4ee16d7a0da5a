//! The node tests of the ONNX project for the operators that are supported.
//!
//! They ship inside the Python wheel `onnx` 1.22: `M2KSQL_ONNX_NODE_TESTS` names the folder `onnx/backend/test/data/node`,
//! or the Python on the path has the package. Without them the test is skipped and says so. A test's operands are taken
//! as rows along their first dimension; where the operator would then mix rows, the second and further operands are
//! taken as constants; what still cannot be a table of rows is counted as not tabular.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use m2ksql::diag::{Report, Sources};
use m2ksql::load;
use m2ksql::load::onnx::ops;
use m2ksql::model::eval::Evaluator;
use m2ksql::model::{Graph, Role, Value};
use onnx_protobuf::{Message, ModelProto, TensorProto, tensor_shape_proto, type_proto};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("M2KSQL_ONNX_NODE_TESTS") {
        return Some(PathBuf::from(folder));
    }
    let script = "import importlib.util as u; print(u.find_spec('onnx').submodule_search_locations[0])";
    let output = std::process::Command::new("python3").args(["-c", script]).output().ok()?;
    let path = Path::new(String::from_utf8(output.stdout).ok()?.trim()).join("backend/test/data/node");
    path.is_dir().then_some(path)
}

/// The elements of a tensor of the test's data; `None` for types that rows cannot have.
fn elements(tensor: &TensorProto) -> Option<Vec<Value>> {
    let raw = &tensor.raw_data;
    let chunks = |size: usize| raw.chunks_exact(size);
    Some(match tensor.data_type {
        1 if raw.is_empty() => tensor.float_data.iter().map(|&v| Value::Number(v.into())).collect(),
        1 => chunks(4).map(|b| Value::Number(f32::from_le_bytes(b.try_into().unwrap()).into())).collect(),
        11 => chunks(8).map(|b| Value::Number(f64::from_le_bytes(b.try_into().unwrap()))).collect(),
        9 => raw.iter().map(|&b| Value::Boolean(b != 0)).collect(),
        2 => raw.iter().map(|&b| Value::Integer(b.into())).collect(),
        3 => raw.iter().map(|&b| Value::Integer((b as i8).into())).collect(),
        4 => chunks(2).map(|b| Value::Integer(u16::from_le_bytes(b.try_into().unwrap()).into())).collect(),
        5 => chunks(2).map(|b| Value::Integer(i16::from_le_bytes(b.try_into().unwrap()).into())).collect(),
        6 => chunks(4).map(|b| Value::Integer(i32::from_le_bytes(b.try_into().unwrap()).into())).collect(),
        12 => chunks(4).map(|b| Value::Integer(u32::from_le_bytes(b.try_into().unwrap()).into())).collect(),
        7 => chunks(8).map(|b| Value::Integer(i64::from_le_bytes(b.try_into().unwrap()))).collect(),
        13 => chunks(8)
            .map(|b| i64::try_from(u64::from_le_bytes(b.try_into().unwrap())).ok().map(Value::Integer))
            .collect::<Option<_>>()?,
        8 => tensor
            .string_data
            .iter()
            .map(|b| Some(Value::Text(String::from_utf8(b.clone()).ok()?)))
            .collect::<Option<_>>()?,
        _ => return None,
    })
}

fn tensors(folder: &Path, stem: &str) -> Option<Vec<TensorProto>> {
    let mut out = Vec::new();
    for at in 0.. {
        let path = folder.join(format!("{stem}_{at}.pb"));
        if !path.is_file() {
            break;
        }
        out.push(TensorProto::parse_from_bytes(&std::fs::read(path).ok()?).ok()?);
    }
    Some(out)
}

enum Verdict {
    Agrees,
    Wrong(String),
    /// Refused, or not a table of rows.
    Skipped(String),
}

/// The model with these operands as constants.
fn with_constants(model: &ModelProto, inputs: &[TensorProto], rows: &[bool]) -> ModelProto {
    let mut model = model.clone();
    let graph = model.graph.as_mut().unwrap();
    let infos = std::mem::take(&mut graph.input);
    for ((mut info, tensor), &row) in infos.into_iter().zip(inputs).zip(rows) {
        if row {
            if let Some(type_proto::Value::TensorType(tensor)) = info.type_.mut_or_insert_default().value.as_mut()
                && let Some(first) = tensor.shape.as_mut().and_then(|shape| shape.dim.first_mut())
            {
                first.value = Some(tensor_shape_proto::dimension::Value::DimParam("N".into()));
            }
            graph.input.push(info);
        } else {
            let mut tensor = tensor.clone();
            tensor.name.clone_from(&info.name);
            graph.initializer.push(tensor);
        }
    }
    model
}

fn load_model(model: &ModelProto) -> Result<Graph, String> {
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let bytes = model.write_to_bytes().unwrap();
    load::load(&mut sources, "model.onnx", bytes, &load::Options::default(), &mut report)
        .map_err(|_| format!("{} {}", report.diagnostics()[0].code.id, report.diagnostics()[0].message))
}

fn same(got: &Value, want: &Value) -> bool {
    match (got, want) {
        (Value::Number(got), Value::Number(want)) => {
            got.to_bits() == want.to_bits()
                || got == want
                || (got.is_nan() && want.is_nan())
                || (got - want).abs() <= 1e-6 + 1e-5 * want.abs()
        }
        _ => got == want,
    }
}

fn try_rows(model: &ModelProto, inputs: &[TensorProto], outputs: &[TensorProto], rows: &[bool]) -> Verdict {
    let count = inputs.iter().zip(rows).filter(|(_, row)| **row).map(|(tensor, _)| tensor.dims.first().copied());
    let counts: Vec<Option<i64>> = count.collect();
    let Some(Some(count)) = counts.first().copied() else { return Verdict::Skipped("no row".into()) };
    if counts.iter().any(|other| *other != Some(count)) || count <= 0 {
        return Verdict::Skipped("different numbers of rows".into());
    }
    let count = count as usize;
    let graph = match load_model(&with_constants(model, inputs, rows)) {
        Ok(graph) => graph,
        Err(why) => return Verdict::Skipped(why),
    };
    let evaluator = Evaluator::new(&graph).unwrap();
    let fed: Option<Vec<Vec<Value>>> =
        inputs.iter().zip(rows).filter(|(_, row)| **row).map(|(tensor, _)| elements(tensor)).collect();
    let want: Option<Vec<Vec<Value>>> = outputs.iter().map(elements).collect();
    let (Some(fed), Some(want)) = (fed, want) else { return Verdict::Skipped("element type".into()) };
    for row in 0..count {
        let part = |all: &[Value]| all[row * (all.len() / count)..(row + 1) * (all.len() / count)].to_vec();
        let values: Vec<Value> = fed.iter().flat_map(|all| part(all)).collect();
        let results = evaluator.row(&values);
        let named: Vec<_> =
            graph.outputs.iter().filter(|output| output.role != Role::Margin || output.name != "margin").collect();
        if named.len() != want.len() {
            return Verdict::Skipped("an output is constant".into());
        }
        for (at, want) in want.iter().enumerate() {
            // outputs keep the rows first; what moved them (a transpose) is not compared here
            if outputs[at].dims.first() != Some(&(count as i64)) {
                return Verdict::Skipped("the rows are not first in the result".into());
            }
            let want = part(want);
            let got = &results[at];
            if got.len() != want.len() || !got.iter().zip(&want).all(|(got, want)| same(got, want)) {
                return Verdict::Wrong(format!("row {row}: {got:?}, expected {want:?}"));
            }
        }
    }
    Verdict::Agrees
}

fn run(test: &Path) -> Option<Verdict> {
    let bytes = std::fs::read(test.join("model.onnx")).ok()?;
    let model = ModelProto::parse_from_bytes(&bytes).ok()?;
    let graph = model.graph.as_ref()?;
    let known = |node: &onnx_protobuf::NodeProto| ops::find(&node.domain, &node.op_type).is_some();
    if graph.node.is_empty() || !graph.node.iter().all(known) {
        return None;
    }
    let data = test.join("test_data_set_0");
    let (Some(inputs), Some(outputs)) = (tensors(&data, "input"), tensors(&data, "output")) else {
        return Some(Verdict::Skipped("sequences".into()));
    };
    if inputs.is_empty() || inputs.len() != graph.input.len() || outputs.is_empty() {
        return Some(Verdict::Skipped("no operands".into()));
    }
    let all = vec![true; inputs.len()];
    let mut first = vec![false; inputs.len()];
    first[0] = true;
    let mut last = vec![false; inputs.len()];
    *last.last_mut().unwrap() = true;
    let mut why = String::new();
    for rows in [all, first, last] {
        match try_rows(&model, &inputs, &outputs, &rows) {
            Verdict::Skipped(reason) => why = reason,
            verdict => return Some(verdict),
        }
    }
    Some(Verdict::Skipped(why))
}

#[test]
fn node_tests_of_onnx_agree() {
    let Some(folder) = folder() else {
        println!("skipped: no node tests of ONNX (pip install onnx==1.22.0, or set M2KSQL_ONNX_NODE_TESTS)");
        return;
    };
    let mut tests: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    tests.sort();
    let (mut agree, mut foreign, mut wrong) = (0, 0, Vec::new());
    let mut skipped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for test in &tests {
        let name = test.file_name().unwrap().to_string_lossy().into_owned();
        match run(test) {
            None => foreign += 1,
            Some(Verdict::Agrees) => agree += 1,
            Some(Verdict::Wrong(why)) => wrong.push(format!("{name}: {why}")),
            Some(Verdict::Skipped(why)) => skipped.entry(why).or_default().push(name),
        }
    }
    let count: usize = skipped.values().map(Vec::len).sum();
    println!(
        "{agree} agree, {} wrong, {count} are refused or not tabular, {foreign} are of other operators",
        wrong.len()
    );
    for (why, names) in &skipped {
        println!("  {}: {why} ({})", names.len(), names.join(" "));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agree > 100, "only {agree} node tests were compared");
}
