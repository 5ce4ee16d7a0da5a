//! The table of formats and the choice among them by content.

use super::{Options, json};
use crate::diag::codes::load as codes;
use crate::diag::codes::onnx::FEATURES;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId, Sources};
use crate::model::Graph;
use std::string::FromUtf8Error;

/// A format that model files come in.
#[derive(Debug)]
pub struct Format {
    /// Its name: `m2ksql`, `scikit-learn`; also [`Graph::format`].
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// By what it is recognized, in words.
    pub sign: &'static str,
    /// Whether the content is of this format. At most one format of the table says so.
    pub(super) sniff: fn(&Content<'_>) -> bool,
    /// Reads it.
    pub(super) load: fn(&Content<'_>, &mut Context<'_>) -> Result<Graph, Failed>,
}

/// The content of a file: JSON that was parsed, or bytes.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// The outermost value.
    Json(json::Json<'a>),
    /// Anything that is not JSON.
    Binary(&'a [u8]),
}

/// What every loader gets.
#[derive(Debug)]
pub struct Context<'a> {
    /// The file.
    pub source: SourceId,
    /// What the caller says about the model.
    pub options: &'a Options,
    /// For what is found wrong.
    pub report: &'a mut Report,
}

/// The formats, by name.
pub static FORMATS: &[Format] = &[
    json::trees::CATBOOST,
    json::coefficients::FORMAT,
    json::trees::LIGHTGBM,
    json::own::FORMAT,
    #[cfg(feature = "onnx")]
    super::onnx::FORMAT,
    #[cfg(feature = "onnx")]
    super::onnx::JSON,
    json::sklearn::FORMAT,
    json::xgboost::FORMAT,
];

/// Loads the content by the format that recognizes it.
pub(super) fn dispatch(content: &Content<'_>, context: &mut Context<'_>) -> Result<Graph, Failed> {
    let Some(format) = FORMATS.iter().find(|format| (format.sniff)(content)) else {
        return Err(context.report.fail(unknown(content, context.source)));
    };
    let mut graph = (format.load)(content, context)?;
    graph.format = format.name;
    sound(&graph, context)?;
    named(&graph, context)?;
    Ok(graph)
}

/// Names that the user gives are for files without names; those of a file are not passed over in silence.
fn named(graph: &Graph, context: &mut Context<'_>) -> Result<(), Failed> {
    let Some(given) = context.options.features.as_deref() else { return Ok(()) };
    if graph.features.iter().map(|feature| &feature.name).eq(given) {
        return Ok(());
    }
    let message = "`--features` gives other names than the file, which names its features itself";
    let names: Vec<String> = graph.features.iter().take(8).map(|feature| format!("`{}`", feature.name)).collect();
    let more = if graph.features.len() > names.len() { ", …" } else { "" };
    let found = Diagnostic::new(&FEATURES, message).at(Place::file(context.source));
    let help = "leave `--features` out; `--rename FEATURE=COLUMN` feeds a feature by another column";
    Err(context.report.fail(found.note(format!("they are {}{more}", names.join(", "))).help(help)))
}

/// What a loader made must be a sound graph; everything behind relies on it.
fn sound(graph: &Graph, context: &mut Context<'_>) -> Result<(), Failed> {
    let Err(faults) = crate::model::check(graph) else { return Ok(()) };
    let message = format!("the model was read, but is inconsistent: {}", faults.first().map_or("", String::as_str));
    let mut diagnostic = Diagnostic::new(&codes::INCONSISTENT, message).at(Place::file(context.source));
    diagnostic.notes = faults.into_iter().skip(1).take(5).collect();
    Err(context.report.fail(diagnostic.help("this is a defect of m2ksql: please report it with the file")))
}

/// JSON texts begin with `{` or `[`. So does XGBoost's binary form of JSON, whose next byte is a type marker.
pub(super) fn looks_like_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii_start();
    match (bytes.first(), bytes.get(1)) {
        (Some(b'{'), Some(b'L' | b'l' | b'i' | b'U' | b'I')) => !bytes.contains(&0),
        (first, _) => {
            known_sign(bytes).is_none() && first.is_some_and(|byte| !is_binary(bytes) || b"{[".contains(byte))
        }
    }
}

/// Whether the beginning holds bytes that no text holds.
fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(512).any(|&byte| byte < 0x20 && !byte.is_ascii_whitespace())
}

/// Files that are not read, by how they begin, and what to do with them.
static SIGNS: &[(&[u8], &str, &str)] = &[
    (b"\x80\x02", "a Python pickle", PICKLE),
    (b"\x80\x03", "a Python pickle", PICKLE),
    (b"\x80\x04", "a Python pickle", PICKLE),
    (b"\x80\x05", "a Python pickle", PICKLE),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"PK\x03\x04", "a zip archive", "unpack it first; skops and MOJO files are not supported"),
    (b"\x93NUMPY", "a NumPy array", PICKLE),
    (b"PAR1", "a Parquet file", "export the model as JSON or ONNX"),
    (b"\x89HDF", "an HDF5 file", "export the model to ONNX"),
    (b"tree\nversion=", "a LightGBM text model", TREES),
    (b"tree\r\nversion=", "a LightGBM text model", TREES),
    (b"{L", "an XGBoost UBJSON model", "save it as JSON: `booster.save_model(\"model.json\")`"),
    (b"\xff\xfe", "a text in UTF-16", UTF16),
    (b"\xfe\xff", "a text in UTF-16", UTF16),
    (b"<", "an XML file", "PMML is not supported: export the model as JSON or ONNX"),
];

const PICKLE: &str = "export the fitted estimator to JSON: `m2ksql exporter sklearn` prints a script that does it";
const UTF16: &str = "save it as UTF-8: in PowerShell, `python export.py … | Out-File -Encoding utf8 model.json`";
const TREES: &str = "use a linear model; see `m2ksql formats` for what is supported";

fn known_sign(bytes: &[u8]) -> Option<&'static (&'static [u8], &'static str, &'static str)> {
    SIGNS.iter().find(|(sign, ..)| bytes.starts_with(sign))
}

fn unknown(content: &Content<'_>, source: SourceId) -> Diagnostic {
    let names: Vec<String> = FORMATS.iter().map(|format| format!("{} ({})", format.name, format.sign)).collect();
    let known = format!("known formats: {}", names.join(", "));
    match content {
        Content::Binary(bytes) => match known_sign(bytes.trim_ascii_start()) {
            Some((_, what, help)) => {
                Diagnostic::new(&codes::UNREAD_FORMAT, format!("the file is {what}, which is not read"))
                    .at(Place::file(source))
                    .help(*help)
            }
            None => Diagnostic::new(&codes::UNKNOWN_FORMAT, "the file is of no known model format")
                .at(Place::file(source))
                .note(known)
                .help("see `m2ksql formats`"),
        },
        Content::Json(root) => {
            let keys: Vec<String> =
                root.members().take(8).filter_map(|(key, _)| key.text()).map(|key| format!("`{key}`")).collect();
            let message = match keys.is_empty() {
                true => format!("{} is no model of a known format", root.found()),
                false => format!("an object with the keys {} is no model of a known format", keys.join(", ")),
            };
            Diagnostic::new(&codes::UNKNOWN_FORMAT, message).at(root.place()).note(known).help(
                "add `\"type\"` (m2ksql's own format) or `\"class\"` (a scikit-learn estimator); see `m2ksql formats`",
            )
        }
    }
}

/// Refuses a text that is not UTF-8. Its readable part is entered, so that the place can be shown.
pub(super) fn fail_utf8(sources: &mut Sources, name: &str, error: FromUtf8Error, report: &mut Report) -> Failed {
    let at = error.utf8_error().valid_up_to();
    let mut bytes = error.into_bytes();
    let byte = bytes.get(at).copied().unwrap_or(0);
    bytes.truncate(at);
    let source = sources.add(name, String::from_utf8(bytes).unwrap_or_default());
    report.fail(
        Diagnostic::new(&codes::NOT_UTF8, format!("the byte 0x{byte:02x} at offset {at} is not UTF-8"))
            .at(Place::span(source, at..at))
            .help("save the file as UTF-8"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsound_graph_is_refused() {
        let (mut sources, mut report) = (Sources::new(), Report::new());
        let source = sources.add("model.json", "");
        let mut context = Context { source, options: &Options::default(), report: &mut report };
        assert!(sound(&Graph::default(), &mut context).is_err());
        assert_eq!(report.diagnostics()[0].code.id, "E0224");
    }
}
