//! The layers of the design, held by reading the paths in the source.
//!
//! A module may name only what lies below it (`docs/architecture.md` has the table), each third-party crate has one
//! module that names it, and only three modules touch files, the network or the process. Test code is not held to it.

#![allow(clippy::unwrap_used)]

mod scan;

use scan::{Path, paths};

/// Modules and their ranks. What is longer wins, so `sql::ast` is not `sql`.
const RANKS: &[(&str, u8)] = &[
    ("main", 6),
    ("cli", 6),
    ("verify", 5),
    ("deploy", 5),
    ("build", 5),
    ("diff", 5),
    ("api", 5),
    ("compile", 4),
    ("bind", 3),
    ("lower", 3),
    ("opt", 3),
    ("sql::legalize", 3),
    ("sql::stages", 3),
    ("sql::plan", 3),
    ("sql::cost", 3),
    ("sql::accept", 3),
    ("sql::emit", 3),
    ("sql::print", 3),
    ("sql::doc", 3),
    ("sql::eval", 3),
    ("sql::dialect", 3),
    ("load", 2),
    ("syntax", 2),
    ("model", 1),
    ("schema", 1),
    ("score", 1),
    ("sql::ast", 1),
    ("sql::alias", 1),
    ("sql::words", 1),
    ("diag", 0),
];

/// What a stage may name besides the ranks that it may: its inputs, and the tables that it shares.
const INPUTS: &[(&str, &str)] = &[
    // types have one name everywhere
    ("score", "schema"),
    ("sql::ast", "schema"),
    ("sql::alias", "schema"),
    ("sql::alias", "sql::ast"),
    // SQL texts found in a model are read here
    ("bind", "syntax"),
    ("lower", "bind"),
    ("sql::legalize", "sql::dialect"),
    ("sql::plan", "sql::dialect"),
    ("sql::plan", "sql::cost"),
    ("sql::cost", "sql::dialect"),
    ("sql::cost", "sql::print"),
    // the statement's clauses, and what is written for each input
    ("bind", "sql::words"),
    // definitions are typed by the engine's rules
    ("bind", "sql::eval"),
    ("sql::plan", "bind"),
    ("sql::stages", "sql::dialect"),
    ("sql::stages", "sql::cost"),
    ("sql::stages", "bind"),
    ("sql::stages", "sql::legalize"),
    ("sql::stages", "sql::plan"),
    ("sql::accept", "sql::dialect"),
    ("sql::emit", "bind"),
    ("sql::emit", "sql::dialect"),
    ("sql::emit", "sql::plan"),
    ("sql::print", "sql::dialect"),
    ("sql::print", "sql::doc"),
];

/// What a rank would allow but the design forbids.
const FORBIDDEN: &[(&str, &str)] = &[("load", "schema")];

/// Third-party crates and the modules that may name them.
const CRATES: &[(&str, &str)] = &[
    ("onnx_protobuf", "load::onnx"),
    ("protobuf", "load::onnx"),
    ("pest", "syntax"),
    ("pest_derive", "syntax"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
    ("clap_mangen", "cli"),
    ("anstream", "cli"),
    ("csv", "cli"),
    ("anstyle", "cli"),
    ("glob", "cli"),
    ("toml", "build"),
    ("similar", "build"),
    ("unicode_width", "cli"),
    ("ureq", "deploy"),
    ("base64", "deploy"),
    ("ctrlc", "cli"),
];

/// The page of the architecture has the same table, a row for a rank.
#[test]
fn the_page_has_every_module_in_the_row_of_its_rank() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/architecture.md")).unwrap();
    for (module, rank) in RANKS {
        let row = page.lines().find(|line| line.starts_with(&format!("| {rank} |"))).unwrap();
        let words: Vec<&str> = row.split('|').nth(2).unwrap().split(|char: char| !char.is_alphanumeric()).collect();
        assert!(module.split("::").all(|part| words.contains(&part)), "`{module}` is not in the row of rank {rank}");
    }
}

/// Modules that may touch what lies outside of the process.
const IO: &[&str] = &["load", "deploy", "cli", "main"];
const IO_PATHS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::path::Path::exists",
];
const IO_MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

#[test]
fn the_source_keeps_to_its_layers() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let files = scan::files(root);
    assert!(files.len() > 10, "only {} files under {root}", files.len());
    let violations: Vec<String> = files.iter().flat_map(|(module, text)| check(module, text)).collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// What the text of this module (`sql::print`) names and must not.
fn check(module: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let mut found = |line: usize, words: String| violations.push(format!("{module}, line {line}: {words}"));
    let unit = unit(module);
    if unit.is_none() && !["lib", "sql"].contains(&module) {
        found(1, "the module is not in the table of layers".to_owned());
    }
    for Path { line, name, is_macro } in paths(module, text) {
        if is_macro {
            let base = name.rsplit("::").next().unwrap_or_default();
            if IO_MACROS.contains(&base) && !within(module, "cli") {
                found(line, format!("{base}! outside of cli"));
            }
            continue;
        }
        if let Some(inner) = name.strip_prefix("crate::") {
            if let (Some(user), Some(used)) = (unit, self::unit(inner))
                && !may_use(user, used)
            {
                found(line, format!("{} may not name {}", user.0, used.0));
            }
        } else if let Some((_, owner)) = CRATES.iter().find(|(krate, _)| within(&name, krate)) {
            if !within(module, owner) {
                found(line, format!("only {owner} may name {name}"));
            }
        } else if let Some(io) = IO_PATHS.iter().find(|io| within(&name, io))
            && !IO.iter().any(|owner| within(module, owner))
        {
            found(line, format!("only {} may use {io}", IO.join(", ")));
        }
    }
    violations.dedup();
    violations
}

fn unit(module: &str) -> Option<(&'static str, u8)> {
    RANKS.iter().copied().filter(|(unit, _)| within(module, unit)).max_by_key(|(unit, _)| unit.len())
}

fn within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn may_use(user: (&str, u8), used: (&str, u8)) -> bool {
    if user.0 == used.0 || INPUTS.contains(&(user.0, used.0)) {
        return true;
    }
    if FORBIDDEN.contains(&(user.0, used.0)) {
        return false;
    }
    match user.1 {
        6 => true,
        rank @ (4 | 5) => used.1 < rank,
        2 | 3 => used.1 <= 1,
        1 => used.1 == 0,
        _ => false,
    }
}

#[track_caller]
fn violation(module: &str, text: &str, words: &str) {
    let found = check(module, text);
    assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
}

#[track_caller]
fn fine(module: &str, text: &str) {
    assert_eq!(check(module, text), Vec::<String>::new());
}

#[test]
fn a_module_may_not_name_what_lies_above_or_beside() {
    violation("diag::codes", "use crate::model::Graph;", "diag may not name model");
    violation("model::eval", "use crate::{diag::Place, score::{self, Expr}};", "model may not name score");
    violation("model", "fn f() -> crate::schema::Type { todo() }", "model may not name schema");
    violation("load::json", "use crate::schema::Type;", "load may not name schema");
    violation("load::json", "use crate::syntax::parse;", "load may not name syntax");
    violation("opt::fold", "use crate::sql::dialect::Dialect;", "opt may not name sql::dialect");
    violation("sql::print", "use super::plan::Plan;", "sql::print may not name sql::plan");
    violation("sql::print::width", "use super::super::plan::Plan;", "sql::print may not name sql::plan");
    violation("score", "use crate::sql::ast::Expr;", "score may not name sql::ast");
    violation("lower::linear", "use crate::load::Link;", "lower may not name load");
    violation("bind", "use crate::compile::Options;", "bind may not name compile");
    violation("compile", "use crate::verify::rows;", "compile may not name verify");
    violation("stray", "", "not in the table");
}

#[test]
fn a_module_may_name_what_lies_below() {
    fine("model::eval", "use crate::diag::Place; use super::op::Op; use self::vector::sum;");
    fine("score", "use crate::schema::Type;");
    fine("lower::linear", "use crate::{bind::Bindings, model::{Graph, Op as O}, score::*};");
    fine("compile", "use crate::{load, lower, sql::{ast, print}};");
    fine("cli::compile", "use crate::compile::{Options, compile};");
    fine("sql::emit", "use super::{ast::Expr, plan::Plan};");
}

#[test]
fn third_party_crates_have_one_owner() {
    violation("load::json", "use protobuf::Message;", "only load::onnx may name protobuf::Message");
    violation("sql::print", "#[derive(pest_derive::Parser)] struct P;", "only syntax may name pest_derive::Parser");
    violation("compile", "fn f(e: clap::Error) {}", "only cli may name clap::Error");
    fine("load::onnx::wire", "use onnx_protobuf::{Message, ModelProto};");
    fine("syntax", "use pest::Parser;");
}

#[test]
fn only_three_modules_do_io() {
    violation("model", "use std::fs;", "may use std::fs");
    violation("bind", "use std::{collections::BTreeMap, io::stdin};", "may use std::io::stdin");
    violation("opt", "let seed = std::env::var(\"X\");", "may use std::env");
    violation("compile", "fn f() { println!(\"x\"); }", "println! outside of cli");
    violation("load", "fn f() { std::eprintln!(\"x\"); }", "eprintln! outside of cli");
    fine("load::onnx", "use std::{fs::File, path::Path};");
    fine("sql::print", "use std::io::Write; fn f() { write!(f, \"x\") }");
}

#[test]
fn comments_strings_and_tests_are_not_read() {
    fine("model", "//! Like crate::sql::ast.\n/* use crate::cli; /* nested */ use std::fs; */");
    fine("model", "const S: &str = \"crate::cli \\\" std::fs\"; const R: &str = r#\"std::fs \" crate::cli\"#;");
    fine("model", "const C: char = '\"'; const D: char = '\\''; fn f<'a>(x: &'a str) {} // crate::cli");
    fine("model", "#[cfg(test)]\nmod tests { use std::fs; use crate::sql::ast::Expr; }");
    violation("model", "#[cfg(test)]\nmod tests { fn f() {} }\nuse std::fs;", "may use std::fs");
    violation("model", "const C: char = '\"'; use std::fs; const D: char = '\"';", "may use std::fs");
}
