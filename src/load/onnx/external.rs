//! Weights in a file beside the model, as torch writes them.
//!
//! The path comes from the model file, so it is not trusted: only names inside the model's folder are read, and a link
//! that leads out of it is refused.

use super::Reader;
use super::file::File;
use crate::diag::codes::onnx as codes;
use crate::diag::{Diagnostic, Failed, Place, Report, SourceId};
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The contents of other files, by location.
pub type Outside = BTreeMap<String, Vec<u8>>;

/// Whether a location stays in the folder: relative, without `..`, and the same on every system.
fn is_inside(location: &str) -> bool {
    let plain = !location.is_empty() && !location.contains(['\\', ':', '\0']);
    plain && Path::new(location).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A reader of the files in this folder, for [`reader`](super::Options::reader).
pub fn beside(folder: PathBuf) -> impl Fn(&str) -> io::Result<Vec<u8>> {
    move |location| {
        if !is_inside(location) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the path leads out of the model's folder"));
        }
        let folder = folder.canonicalize()?;
        let path = folder.join(location).canonicalize()?;
        if !path.starts_with(&folder) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the file is a link out of the model's folder",
            ));
        }
        std::fs::read(path)
    }
}

/// Reads every file that the tensors name, once.
pub fn read(
    file: &File<'_>,
    source: SourceId,
    reader: Option<&Reader<'_>>,
    report: &mut Report,
) -> Result<Outside, Failed> {
    let since = report.len();
    let mut outside = Outside::new();
    for tensor in &file.initializers {
        let mut fail = |what: String| {
            let place = Place::path(source, format!("initializer {}", tensor.name));
            report.push(
                Diagnostic::new(&codes::EXTERNAL, what)
                    .at(place)
                    .help("put the file beside the model, or export with `external_data=False`"),
            );
        };
        let external = match tensor.external() {
            Ok(None) => continue,
            Ok(Some(external)) => external,
            Err(what) => {
                fail(what);
                continue;
            }
        };
        let location = &external.location;
        if !is_inside(location) {
            fail(format!("the weights are said to be in `{location}`, outside of the model's folder"));
            continue;
        }
        if !outside.contains_key(location) {
            let read = reader
                .ok_or_else(|| io::Error::other("the model was not read from a folder"))
                .and_then(|read| read(location));
            match read {
                Ok(bytes) => {
                    outside.insert(location.clone(), bytes);
                }
                Err(error) => {
                    fail(format!("the weights are in `{location}`, which cannot be read: {error}"));
                    // one message for each file
                    outside.insert(location.clone(), Vec::new());
                    continue;
                }
            }
        }
        let size = outside.get(location).map_or(0, Vec::len) as u64;
        let end = external.length.map_or(Some(size), |length| external.offset.checked_add(length));
        if end.is_none_or(|end| end > size || external.offset > end) && size > 0 {
            fail(format!(
                "the weights of `{}` are said to be at byte {} of `{location}`, which has {size}",
                tensor.name, external.offset
            ));
        }
    }
    report.check(since).map(|()| outside)
}

/// Puts the bytes in the place of the references.
pub fn fill<'a>(file: &mut File<'a>, outside: &'a Outside) {
    for tensor in &mut file.initializers {
        let Ok(Some(external)) = tensor.external() else { continue };
        let Some(bytes) = outside.get(&external.location) else { continue };
        let start = usize::try_from(external.offset).unwrap_or(usize::MAX).min(bytes.len());
        let length = external.length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        let end = start.saturating_add(length).min(bytes.len());
        tensor.fill(&bytes[start..end]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_stay_in_the_folder() {
        for location in ["model.onnx.data", "./weights/a.bin", "a"] {
            assert!(is_inside(location), "{location}");
        }
        for location in ["", "/etc/passwd", "../a", "a/../../b", "C:\\a", "\\\\host\\a", "a\0b", "c:a"] {
            assert!(!is_inside(location), "{location}");
        }
    }

    #[test]
    fn the_reader_refuses_links_out_of_the_folder() {
        let folder = std::env::temp_dir().join(format!("m2ksql-external-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("model")).unwrap();
        std::fs::write(folder.join("secret"), "secret").unwrap();
        std::fs::write(folder.join("model/data"), "weights").unwrap();
        let read = beside(folder.join("model"));
        assert_eq!(read("data").unwrap(), b"weights");
        assert!(read("../secret").is_err());
        assert!(read("missing").is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.join("secret"), folder.join("model/link")).unwrap();
            assert!(read("link").unwrap_err().to_string().contains("link out of"));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn options_are_shown_without_the_reader() {
        assert!(format!("{:?}", super::super::Options::default()).starts_with("Options"));
    }
}
