//! Reads a model file into a [`Graph`].
//!
//! [`FORMATS`] is the table of what can be read: each format says by what it is recognized in the content of a file (file
//! names are never looked at) and how it is loaded. A loader reads every attribute of the file or refuses it, reports all
//! problems of the file in one run, and leaves SQL texts that it finds as texts with their places.

mod format;
pub mod json;
mod link;
#[cfg(feature = "onnx")]
pub mod onnx;

pub use format::{Content, Context, FORMATS, Format};
pub use link::Link;

use crate::diag::codes::load as codes;
use crate::diag::{Diagnostic, Failed, Place, Report, Sources};
use crate::model::Graph;

#[cfg(test)]
mod tests;

/// What the caller says about a model beyond its file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The link function of a file of coefficients that does not name one.
    pub link: Option<Link>,
    /// The names of the features in order, for a file that does not name them (ONNX).
    pub features: Option<Vec<String>>,
    /// The folder of the model, for a file whose weights are in another file beside it (ONNX).
    pub folder: Option<std::path::PathBuf>,
}

/// Reads a model. `name` is shown in diagnostics. The text of the file is entered into `sources`, so that places in it can
/// be shown; a binary file is entered without text.
pub fn load(
    sources: &mut Sources,
    name: &str,
    bytes: Vec<u8>,
    options: &Options,
    report: &mut Report,
) -> Result<Graph, Failed> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let place = Place::file(sources.add(name, ""));
        return Err(report.fail(Diagnostic::new(&codes::EMPTY_FILE, "the file is empty").at(place)));
    }
    if !format::looks_like_json(&bytes) {
        let source = sources.add(name, "");
        let content = Content::Binary(&bytes);
        return format::dispatch(&content, &mut Context { source, options, report });
    }
    if bytes.len() > json::MAX_BYTES {
        let place = Place::file(sources.add(name, ""));
        let (found, most) = (bytes.len() >> 20, json::MAX_BYTES >> 20);
        let message = format!("the file has {found} MiB, at most {most} MiB are read");
        return Err(report.fail(Diagnostic::new(&codes::FILE_TOO_LARGE, message).at(place)));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(format::fail_utf8(sources, name, error, report)),
    };
    let source = sources.add(name, text);
    let document = json::parse(sources, source, report)?;
    format::dispatch(&Content::Json(document.root()), &mut Context { source, options, report })
}
