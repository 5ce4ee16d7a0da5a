//! The library's interface, held by reading its source: it is small, every item of it has an example, and its signatures
//! name its own types and those of the standard library only.

#![allow(clippy::unwrap_used)]

#[cfg(feature = "cli")]
mod program;

use std::collections::BTreeSet;
use std::fs;

/// Types of the standard library that the signatures may name.
const STD: &[&str] = &["Err", "Into", "Item", "Iterator", "Option", "PathBuf", "Result", "Self", "String", "Vec"];

fn read(file: &str) -> String {
    fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What the root shows.
fn shown() -> BTreeSet<String> {
    let root = read("src/lib.rs");
    let list = root.split("pub use api::{").nth(1).unwrap().split("};").next().unwrap().to_owned();
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_root_shows_the_interface_and_hides_the_stages() {
    let root = read("src/lib.rs");
    let lines: Vec<&str> = root.lines().collect();
    let mut modules = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("pub ")) {
        if line.starts_with("pub mod ") {
            assert_eq!(lines[at - 1], "#[cfg_attr(not(internals), doc(hidden))]", "{line}");
            modules += 1;
        } else {
            assert!(line.starts_with("pub use api::{"), "{line}");
        }
    }
    assert!(modules > 10, "{modules} modules");
}

/// A public item, method or field: the words of its declaration, and its documentation.
struct Declared {
    words: String,
    docs: String,
}

/// The public declarations of a file, with fields and variants.
fn declared(text: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    let mut docs = String::new();
    let mut inside_enum = false;
    let mut lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if let Some(doc) = trimmed.strip_prefix("///") {
            docs += doc;
            docs.push('\n');
            continue;
        }
        if trimmed.starts_with("#[") {
            continue;
        }
        let variant = inside_enum && trimmed.ends_with(',');
        inside_enum &= !line.starts_with('}');
        if trimmed.starts_with("pub ") && !trimmed.starts_with("pub use ") || variant {
            let mut words = trimmed.to_owned();
            let function = words.contains("fn ");
            while !words.ends_with(['{', ';']) && (function || !words.ends_with(',')) {
                words += lines.next().unwrap().trim();
            }
            inside_enum |= words.starts_with("pub enum ");
            found.push(Declared { words, docs: std::mem::take(&mut docs) });
        }
        docs.clear();
    }
    found
}

fn interface() -> Vec<Declared> {
    ["mod", "options", "problem"].iter().flat_map(|file| declared(&read(&format!("src/api/{file}.rs")))).collect()
}

#[test]
fn every_item_of_the_interface_has_an_example_that_runs() {
    let mut items = BTreeSet::new();
    for Declared { words, docs } in interface() {
        assert!(!docs.is_empty(), "no documentation: {words}");
        let kind = ["pub struct ", "pub enum ", "pub fn "].iter().any(|kind| words.starts_with(kind));
        if kind {
            assert!(
                docs.contains("```\n") && !docs.contains("```ignore") && !docs.contains("no_run"),
                "no example: {words}"
            );
            items.insert(words.split([' ', '(', '<', ';']).nth(2).unwrap().to_owned());
        }
    }
    let missing: Vec<String> = shown().difference(&items).cloned().collect();
    assert!(missing.is_empty(), "not found in src/api: {missing:?}");
    assert!(items.len() > 20, "{items:?}");
}

#[test]
fn signatures_name_no_foreign_type() {
    let allowed: BTreeSet<String> = shown().into_iter().chain(STD.iter().map(|name| (*name).to_owned())).collect();
    let mut seen = 0;
    for Declared { words, .. } in interface() {
        assert!(!words.contains("::"), "a path in a signature: {words}");
        let names = words.split(|char: char| !char.is_alphanumeric() && char != '_');
        for name in names.filter(|name| name.starts_with(|char: char| char.is_uppercase())) {
            // a variant's own name
            let variant = !words.starts_with("pub ") && words.starts_with(name);
            assert!(variant || allowed.contains(name), "`{name}` in: {words}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} types");
}

/// Options of `compile` that have another name in the library.
#[cfg(feature = "cli")]
const OTHER_NAMES: &[(&str, &str)] = &[
    // files of definitions, which the library takes as text; names of features are `features` in both
    ("features", "definitions"),
    ("from", "source"),
    ("as", "form"),
    ("where", "filter"),
    // its lines are for the caller to write
    ("header", "comments"),
    ("no-limits", "limits"),
    ("no-verify", "verify"),
];

/// Options that the library has no use for: where the product and the diagnostics go, and what is printed instead of the SQL.
#[cfg(feature = "cli")]
const OF_THE_PROGRAM: &[&str] = &["output", "emit", "explain-plan", "format", "help", "version"];

/// An option that is added to one of them is added to all, or is listed above with the reason.
#[test]
#[cfg(feature = "cli")]
fn compile_the_manifest_and_the_library_have_the_same_options() {
    let stdout = |arguments: &[&str]| {
        let program::Run { code, stdout, stderr } = program::run(arguments);
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let help = stdout(&["compile", "--help"]);
    let named = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let options: BTreeSet<&str> = named
        .filter_map(|line| line.split("--").nth(1)?.split([' ', ',', '=']).next())
        .filter(|name| !OF_THE_PROGRAM.contains(name))
        .collect();
    assert!(options.len() > 25 && options.contains("stages") && options.contains("link"), "{options:?}");

    let schema: serde_json::Value = serde_json::from_str(&stdout(&["build", "--schema"])).unwrap();
    let keys = schema["properties"]["defaults"]["properties"].as_object().unwrap();
    let missing: Vec<_> = options.iter().filter(|option| !keys.contains_key(**option)).collect();
    assert!(missing.is_empty(), "no keys of the manifest: {missing:?}");

    let fields = fields("options");
    let other = |option: &str| OTHER_NAMES.iter().filter(|it| it.0 == option).map(|it| it.1).collect::<Vec<_>>();
    let same: BTreeSet<String> = options.iter().map(|option| option.replace('-', "_")).collect();
    let has = |option: &&&str| {
        let others = other(option);
        fields.contains(&option.replace('-', "_")) || !others.is_empty() && others.iter().all(|it| fields.contains(*it))
    };
    let missing: Vec<_> = options.iter().filter(|option| !has(option)).collect();
    assert!(missing.is_empty(), "no options of the library: {missing:?}");
    let others: BTreeSet<&str> = OTHER_NAMES.iter().map(|it| it.1).collect();
    // the file's own folder is known to the program
    let more: Vec<_> = fields.iter().filter(|it| !same.contains(*it) && !others.contains(it.as_str())).collect();
    assert_eq!(more, ["folder"], "options of the library alone");
}

/// The public fields of the structs of a file of the interface.
#[cfg(feature = "cli")]
fn fields(file: &str) -> BTreeSet<String> {
    let declared = declared(&read(&format!("src/api/{file}.rs")));
    let named = declared.iter().filter_map(|it| it.words.strip_prefix("pub ")?.split_once(": "));
    named.map(|(name, _)| name.to_owned()).filter(|name| !name.contains([' ', '('])).collect()
}

#[test]
fn declarations_are_found() {
    let text = "/// A.\n///\n/// ```\npub struct A {\n    /// B.\n    pub b: Vec<u8>,\n    c: u8,\n}\n/// E.\n#[derive(Debug)]\npub enum E {\n    \
                /// F.\n    F(u8),\n}\nimpl A {\n    /// G.\n    pub fn g(\n        &self,\n    ) -> toml::Value {\n    }\n    fn h() {}\n    \
                pub(super) fn i() {}\n}\n";
    let found: Vec<String> = declared(text).into_iter().map(|it| it.words).collect();
    assert_eq!(
        found,
        ["pub struct A {", "pub b: Vec<u8>,", "pub enum E {", "F(u8),", "pub fn g(&self,) -> toml::Value {"]
    );
}

#[test]
fn options_without_sense_are_refused_as_on_the_command_line() {
    use m2ksql::{BindOptions, CompileOptions, LoadOptions, Model, Nulls};
    let file = r#"{ "type": "logistic", "features": { "x": 1.0 }, "classes": ["a", "b"] }"#;
    let model = Model::load("model.json", file, &LoadOptions::default()).unwrap();
    let bound = model.bind(&BindOptions::default()).unwrap();
    let options = CompileOptions {
        select: vec!["lable".into()],
        target: Some("6.0".into()),
        threshold: Some(1.0),
        reasons: Some(0),
        stages: Some(17),
        nulls: Nulls::Value(f64::NAN),
        ..CompileOptions::default()
    };
    let problems = bound.compile(&options).unwrap_err();
    let found: Vec<_> = problems.iter().map(|it| (it.code, it.file.as_deref(), it.message.as_str())).collect();
    assert_eq!(found.len(), 6, "{problems}");
    for words in
        ["`lable` is no result", "ksqldb-0.29", "no probability", "from 1 to 100", "from 1 to 16", "not finite"]
    {
        assert!(found.iter().any(|it| it.0 == "E0511" && it.2.contains(words)), "{words}: {problems}");
    }
    assert_eq!(found.iter().filter_map(|it| it.1).collect::<Vec<_>>(), ["select", "target"]);
    let alone = CompileOptions { stages: Some(2), ..CompileOptions::default() };
    assert!(bound.compile(&alone).unwrap_err().to_string().contains("sink"));
}
