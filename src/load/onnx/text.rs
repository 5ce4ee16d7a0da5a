//! ONNX written as JSON (`onnx.save(model, "model.json", format="json")`): turned into the binary form, then read as that.
//!
//! Protobuf's JSON writes 64-bit integers as text, bytes in base64, NaN and infinities as words, names in snake_case or
//! camelCase. [`FIELDS`] is the part of ONNX's schema that the loader reads; a key that is not in it is refused, since
//! it might change the model.

use super::wire::MAX_DEPTH;
use crate::diag::codes::onnx as codes;
use crate::diag::{Diagnostic, Failed, Report};
use crate::load::Content;
use crate::load::json::{Json, Kind as JsonKind};

/// A message of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Model,
    Opset,
    Entry,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TypeTensor,
    TypeSequence,
    TypeMap,
    Shape,
    Dimension,
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Integer,
    Float,
    Double,
    Text,
    Bytes,
    Message(Kind),
    /// A number, or one of these names with their numbers.
    Name(&'static [(&'static str, i64)]),
}

const ATTRIBUTE_TYPES: &[(&str, i64)] = &[
    ("UNDEFINED", 0),
    ("FLOAT", 1),
    ("INT", 2),
    ("STRING", 3),
    ("TENSOR", 4),
    ("GRAPH", 5),
    ("FLOATS", 6),
    ("INTS", 7),
    ("STRINGS", 8),
    ("TENSORS", 9),
    ("GRAPHS", 10),
];

/// Message, name in snake_case, number, form.
static FIELDS: &[(Kind, &str, u32, Form)] = &[
    (Kind::Model, "ir_version", 1, Form::Integer),
    (Kind::Model, "producer_name", 2, Form::Text),
    (Kind::Model, "producer_version", 3, Form::Text),
    (Kind::Model, "domain", 4, Form::Text),
    (Kind::Model, "model_version", 5, Form::Integer),
    (Kind::Model, "doc_string", 6, Form::Text),
    (Kind::Model, "graph", 7, Form::Message(Kind::Graph)),
    (Kind::Model, "opset_import", 8, Form::Message(Kind::Opset)),
    (Kind::Model, "metadata_props", 14, Form::Message(Kind::Entry)),
    (Kind::Opset, "domain", 1, Form::Text),
    (Kind::Opset, "version", 2, Form::Integer),
    (Kind::Entry, "key", 1, Form::Text),
    (Kind::Entry, "value", 2, Form::Text),
    (Kind::Graph, "node", 1, Form::Message(Kind::Node)),
    (Kind::Graph, "name", 2, Form::Text),
    (Kind::Graph, "initializer", 5, Form::Message(Kind::Tensor)),
    (Kind::Graph, "doc_string", 10, Form::Text),
    (Kind::Graph, "input", 11, Form::Message(Kind::ValueInfo)),
    (Kind::Graph, "output", 12, Form::Message(Kind::ValueInfo)),
    (Kind::Graph, "value_info", 13, Form::Message(Kind::ValueInfo)),
    (Kind::Graph, "metadata_props", 16, Form::Message(Kind::Entry)),
    (Kind::Node, "input", 1, Form::Text),
    (Kind::Node, "output", 2, Form::Text),
    (Kind::Node, "name", 3, Form::Text),
    (Kind::Node, "op_type", 4, Form::Text),
    (Kind::Node, "attribute", 5, Form::Message(Kind::Attribute)),
    (Kind::Node, "doc_string", 6, Form::Text),
    (Kind::Node, "domain", 7, Form::Text),
    (Kind::Node, "metadata_props", 9, Form::Message(Kind::Entry)),
    (Kind::Attribute, "name", 1, Form::Text),
    (Kind::Attribute, "f", 2, Form::Float),
    (Kind::Attribute, "i", 3, Form::Integer),
    (Kind::Attribute, "s", 4, Form::Bytes),
    (Kind::Attribute, "t", 5, Form::Message(Kind::Tensor)),
    (Kind::Attribute, "g", 6, Form::Message(Kind::Graph)),
    (Kind::Attribute, "floats", 7, Form::Float),
    (Kind::Attribute, "ints", 8, Form::Integer),
    (Kind::Attribute, "strings", 9, Form::Bytes),
    (Kind::Attribute, "tensors", 10, Form::Message(Kind::Tensor)),
    (Kind::Attribute, "graphs", 11, Form::Message(Kind::Graph)),
    (Kind::Attribute, "doc_string", 13, Form::Text),
    (Kind::Attribute, "type", 20, Form::Name(ATTRIBUTE_TYPES)),
    (Kind::Attribute, "ref_attr_name", 21, Form::Text),
    (Kind::Tensor, "dims", 1, Form::Integer),
    (Kind::Tensor, "data_type", 2, Form::Integer),
    (Kind::Tensor, "float_data", 4, Form::Float),
    (Kind::Tensor, "int32_data", 5, Form::Integer),
    (Kind::Tensor, "string_data", 6, Form::Bytes),
    (Kind::Tensor, "int64_data", 7, Form::Integer),
    (Kind::Tensor, "name", 8, Form::Text),
    (Kind::Tensor, "raw_data", 9, Form::Bytes),
    (Kind::Tensor, "double_data", 10, Form::Double),
    (Kind::Tensor, "uint64_data", 11, Form::Integer),
    (Kind::Tensor, "doc_string", 12, Form::Text),
    (Kind::Tensor, "external_data", 13, Form::Message(Kind::Entry)),
    (Kind::Tensor, "data_location", 14, Form::Name(&[("DEFAULT", 0), ("EXTERNAL", 1)])),
    (Kind::ValueInfo, "name", 1, Form::Text),
    (Kind::ValueInfo, "type", 2, Form::Message(Kind::Type)),
    (Kind::ValueInfo, "doc_string", 3, Form::Text),
    (Kind::ValueInfo, "metadata_props", 4, Form::Message(Kind::Entry)),
    (Kind::Type, "tensor_type", 1, Form::Message(Kind::TypeTensor)),
    (Kind::Type, "sequence_type", 4, Form::Message(Kind::TypeSequence)),
    (Kind::Type, "map_type", 5, Form::Message(Kind::TypeMap)),
    (Kind::Type, "denotation", 6, Form::Text),
    (Kind::TypeTensor, "elem_type", 1, Form::Integer),
    (Kind::TypeTensor, "shape", 2, Form::Message(Kind::Shape)),
    (Kind::TypeSequence, "elem_type", 1, Form::Message(Kind::Type)),
    (Kind::TypeMap, "key_type", 1, Form::Integer),
    (Kind::TypeMap, "value_type", 2, Form::Message(Kind::Type)),
    (Kind::Shape, "dim", 1, Form::Message(Kind::Dimension)),
    (Kind::Dimension, "dim_value", 1, Form::Integer),
    (Kind::Dimension, "dim_param", 2, Form::Text),
    (Kind::Dimension, "denotation", 3, Form::Text),
];

/// Whether a JSON text is an ONNX model: it has a graph with a list of nodes.
pub fn sniff(content: &Content<'_>) -> bool {
    let Content::Json(root) = content else { return false };
    root.get("graph").and_then(|graph| graph.get("node")).is_some_and(|nodes| nodes.kind() == JsonKind::Array)
}

/// The binary form of a model.
pub fn to_binary(root: Json<'_>, report: &mut Report) -> Result<Vec<u8>, Failed> {
    let since = report.len();
    let mut out = Vec::new();
    message(root, Kind::Model, 0, &mut out, report);
    report.check(since).map(|()| out)
}

fn fail(value: Json<'_>, expected: &str, report: &mut Report) {
    let found = format!("found {}, expected {expected}", value.found());
    report.push(Diagnostic::new(&codes::DAMAGED, found).at(value.place()));
}

/// Appends the fields of a message. Messages nest no deeper than the binary form may.
fn message(value: Json<'_>, kind: Kind, depth: usize, out: &mut Vec<u8>, report: &mut Report) {
    if value.kind() != JsonKind::Object || depth >= MAX_DEPTH {
        return fail(value, "an object that is not nested too deeply", report);
    }
    for (key, value) in value.members() {
        let name = snake(&key.text().unwrap_or_default());
        let Some((.., number, form)) = FIELDS.iter().find(|field| field.0 == kind && field.1 == name) else {
            let found = format!("`{name}` is not a field that m2ksql reads here");
            report
                .push(Diagnostic::new(&codes::DAMAGED, found).at(value.place()).help("save the model as binary ONNX"));
            continue;
        };
        match value.kind() {
            JsonKind::Array => value.items().for_each(|item| field(item, *number, *form, depth, out, report)),
            _ if value.is_null() => {}
            _ => field(value, *number, *form, depth, out, report),
        }
    }
}

fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

fn field(value: Json<'_>, number: u32, form: Form, depth: usize, out: &mut Vec<u8>, report: &mut Report) {
    let key = |wire: u32| u64::from(number << 3 | wire);
    match form {
        Form::Integer => match integer(value) {
            Some(integer) => {
                varint(key(0), out);
                varint(integer as u64, out);
            }
            None => fail(value, "an integer", report),
        },
        Form::Name(names) => {
            let text = value.text().unwrap_or_default();
            let named = names.iter().find(|entry| entry.0 == text).map(|entry| entry.1);
            match named.or_else(|| integer(value)) {
                Some(integer) => {
                    varint(key(0), out);
                    varint(integer as u64, out);
                }
                None => fail(value, "a name of the enumeration", report),
            }
        }
        Form::Float => match float(value) {
            Some(float) => {
                varint(key(5), out);
                // the text of a float32 has been written from it: rounding its double gives it back
                out.extend_from_slice(&(float as f32).to_le_bytes());
            }
            None => fail(value, "a number", report),
        },
        Form::Double => match float(value) {
            Some(float) => {
                varint(key(1), out);
                out.extend_from_slice(&float.to_le_bytes());
            }
            None => fail(value, "a number", report),
        },
        Form::Text => match value.text() {
            Some(text) => bytes(key(2), text.as_bytes(), out),
            None => fail(value, "a string", report),
        },
        Form::Bytes => match value.text().and_then(|text| base64(&text)) {
            Some(decoded) => bytes(key(2), &decoded, out),
            None => fail(value, "a string in base64", report),
        },
        Form::Message(kind) => {
            let mut inner = Vec::new();
            message(value, kind, depth + 1, &mut inner, report);
            bytes(key(2), &inner, out);
        }
    }
}

fn integer(value: Json<'_>) -> Option<i64> {
    value.integer().or_else(|| {
        let text = value.text()?;
        text.parse::<i64>().ok().or_else(|| text.parse::<u64>().ok().map(|number| number as i64))
    })
}

fn float(value: Json<'_>) -> Option<f64> {
    value.number().or_else(|| match &*value.text()? {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    })
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(key: u64, content: &[u8], out: &mut Vec<u8>) {
    varint(key, out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Base64 in the standard or the URL alphabet (RFC 4648), with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for &byte in text {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    // at most six bits are left over, and they are padding
    (text.len() % 4 != 1 && bits == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::load;
    use crate::model::eval::Evaluator;
    use crate::model::{Graph, Value};

    #[test]
    fn base64_of_the_rfc() {
        let cases =
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob"), ("Zm9vYmFy", "foobar")];
        for (text, want) in cases {
            assert_eq!(base64(text).unwrap(), want.as_bytes());
        }
        assert_eq!(base64("-_8").unwrap(), base64("+/8=").unwrap());
        assert!(base64("Zg=x").is_none() && base64("Z").is_none() && base64("Zh").is_none());
    }

    fn read(text: &str) -> Result<Graph, Vec<String>> {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        load::load(&mut sources, "m.json", text.as_bytes().to_vec(), &load::Options::default(), &mut report)
            .map_err(|_| report.diagnostics().iter().map(|d| format!("{} {}", d.code.id, d.message)).collect())
    }

    /// As `onnx.save(model, "model.json", format="json")` writes a pipeline of Imputer and MatMul.
    const MODEL: &str = r#"{
      "ir_version": "8", "producer_name": "hand",
      "opset_import": [{"domain": "", "version": "13"}, {"domain": "ai.onnx.ml", "version": "1"}],
      "graph": {
        "node": [
          {"input": ["X"], "output": ["F"], "op_type": "Imputer", "domain": "ai.onnx.ml", "attribute": [
            {"name": "imputed_value_floats", "floats": [0.1, 2.0], "type": "FLOATS"},
            {"name": "replaced_value_float", "f": "NaN", "type": "FLOAT"}]},
          {"input": ["F", "w"], "output": ["Y"], "opType": "MatMul"}
        ],
        "name": "g",
        "initializer": [{"dims": ["2", "1"], "data_type": 1, "raw_data": "AAAAPwAAgD8=", "name": "w"}],
        "input": [{"name": "X", "type": {"tensor_type": {"elem_type": 1, "shape": {"dim": [{}, {"dim_value": "2"}]}}}}],
        "output": [{"name": "Y", "type": {"tensor_type": {"elem_type": 1, "shape": {"dim": [{}, {"dim_value": "1"}]}}}}]
      }
    }"#;

    #[test]
    fn a_model_in_json_is_the_binary_one() {
        let graph = read(MODEL).unwrap();
        assert_eq!(graph.format, "onnx-json");
        let rows = Evaluator::new(&graph).unwrap();
        // the weights are 0.5 and 1; the missing first column is filled with float32's 0.1
        let got = rows.row(&[Value::Missing, Value::Number(3.0)]);
        assert_eq!(got[0], [Value::Number(f64::from((0.1f32 * 0.5) + 3.0))]);
    }

    #[test]
    fn unknown_fields_and_wrong_kinds_are_refused_with_their_places() {
        let wrong = read(&MODEL.replace("\"name\": \"g\"", "\"name\": 7, \"surprise\": 1")).unwrap_err();
        assert!(wrong[0].starts_with("E0301 found `7`, expected a string"), "{wrong:?}");
        assert!(wrong[1].starts_with("E0301 `surprise` is not a field"), "{wrong:?}");
        assert!(read(&MODEL.replace("AAAAPwAAgD8=", "?")).unwrap_err()[0].contains("base64"));
    }
}
