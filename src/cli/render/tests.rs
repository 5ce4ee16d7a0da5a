//! What people see: the shape of a diagnostic in text and in JSON.

use super::{json, text};
use crate::diag::codes::load::{NOT_JSON, UNKNOWN_FORMAT};
use crate::diag::{Diagnostic, Place, Report, SourceId, Sources};

fn report(name: &str, content: &str, make: impl FnOnce(SourceId) -> Diagnostic) -> (Report, Sources) {
    let mut sources = Sources::new();
    let source = sources.add(name, content);
    let mut report = Report::new();
    report.push(make(source));
    (report, sources)
}

fn show(name: &str, content: &str, make: impl FnOnce(SourceId) -> Diagnostic) -> String {
    let (report, sources) = report(name, content, make);
    anstream::adapter::strip_str(&text(&report, &sources)).to_string()
}

const MODEL: &str = "{\n  \"coef_\": [[1.5, 2.5]],\n  \"intercept_\": [0.5],\n  \"classes_\": [\"no\", \"yes\"]\n}\n";

fn mismatch(source: SourceId) -> Diagnostic {
    Diagnostic::new(&UNKNOWN_FORMAT, "`coef_` has 2 weights, expected 3")
        .at(Place::span(source, 14..26).with_path("/coef_"))
        .label("2 weights")
        .related(Place::span(source, 60..75), "2 classes")
        .note("a row of `coef_` has one weight a feature")
        .note("the features are `a`, `b`, `c`")
        .help("export the model again")
}

#[test]
fn everything_a_diagnostic_can_have() {
    insta::assert_snapshot!(show("model.json", MODEL, mismatch), @r#"
    error[E0101]: `coef_` has 2 weights, expected 3
     --> model.json:2:13
      |
    2 |   "coef_": [[1.5, 2.5]],
      |             ^^^^^^^^^^^^ 2 weights
     ::: model.json:4:11
      |
    4 |   "classes_": ["no", "yes"]
      |           --------------- 2 classes
      |
      = at: /coef_
      = note: a row of `coef_` has one weight a feature
      = note: the features are `a`, `b`, `c`
      = help: export the model again
    "#);
}

#[test]
fn for_programs() {
    let (report, sources) = report("model.json", MODEL, mismatch);
    insta::assert_snapshot!(json(&report, &sources), @r#"
    {"severity":"error","code":"E0101","title":"unknown model format","message":"`coef_` has 2 weights, expected 3","place":{"file":"model.json","path":"/coef_","line":2,"column":13,"offset":14,"length":12},"label":"2 weights","related":[{"file":"model.json","path":null,"line":4,"column":11,"offset":60,"length":15,"label":"2 classes"}],"notes":["a row of `coef_` has one weight a feature","the features are `a`, `b`, `c`"],"help":"export the model again"}
    "#);
}

#[test]
fn a_binary_file_shows_the_path() {
    let make = |source| {
        Diagnostic::new(&UNKNOWN_FORMAT, "operator `Conv` is not supported")
            .at(Place::path(source, "node 3 (Conv)"))
            .help("remove it")
    };
    insta::assert_snapshot!(show("model.onnx", "", make), @r"
    error[E0101]: operator `Conv` is not supported
     --> model.onnx: node 3 (Conv)
      = help: remove it
    ");
}

#[test]
fn a_file_as_a_whole_and_no_place_at_all() {
    let make = |source| Diagnostic::new(&UNKNOWN_FORMAT, "the file is empty").at(Place::file(source)).label("here");
    insta::assert_snapshot!(show("model.json", "", make), @r"
    error[E0101]: the file is empty
     --> model.json
      = note: here
    ");
    insta::assert_snapshot!(show("", "", |_| Diagnostic::new(&UNKNOWN_FORMAT, "nothing to do")), @r"
    error[E0101]: nothing to do
    ");
}

#[test]
fn a_file_of_one_huge_line_shows_a_window() {
    let content = format!("[{}x{}]", "1.25, ".repeat(1 << 20), ", 1.25".repeat(1 << 20));
    let at = 1 + 6 * (1 << 20);
    let make = |source| Diagnostic::new(&NOT_JSON, "found `x`, expected a value").at(Place::span(source, at..at + 1));
    insta::assert_snapshot!(show("model.json", &content, make), @r"
    error[E0102]: found `x`, expected a value
     --> model.json:1:6291458
      |
    1 | …25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, x, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25, 1.2…
      |                                          ^
    ");
}

#[test]
fn a_place_of_several_lines_marks_the_first_and_the_end_of_the_text_has_a_caret() {
    let make = |source| Diagnostic::new(&NOT_JSON, "no model").at(Place::span(source, 14..60)).label("this object");
    insta::assert_snapshot!(show("model.json", MODEL, make), @r#"
    error[E0102]: no model
     --> model.json:2:13
      |
    2 |   "coef_": [[1.5, 2.5]],
      |             ^^^^^^^^^^^^ this object
    "#);
    let end = MODEL.len();
    let make = |source| Diagnostic::new(&NOT_JSON, "the text ends too soon").at(Place::span(source, end..end));
    insta::assert_snapshot!(show("model.json", MODEL, make), @r"
    error[E0102]: the text ends too soon
     --> model.json:6:1
      |
    6 |
      | ^
    ");
    let make = |source| Diagnostic::new(&NOT_JSON, "the text ends too soon").at(Place::span(source, 1..1));
    insta::assert_snapshot!(show("model.json", "{", make), @r"
    error[E0102]: the text ends too soon
     --> model.json:1:2
      |
    1 | {
      |  ^
    ");
}

#[test]
fn line_ends_and_control_characters_of_a_file_do_not_reach_the_terminal() {
    let make = |source| {
        Diagnostic::new(&NOT_JSON, "the feature `a\nb\u{1b}[31m` has a line end")
            .at(Place::span(source, 1..5))
            .note("called `a\n\u{1b}[31mb`")
    };
    let shown = show("model\n\u{1b}[31m.json", "[\"\u{1b}[31m\t漢\"]", make);
    insta::assert_snapshot!(shown, @r#"
    error[E0102]: the feature `a\nb␛[31m` has a line end
     --> model\n␛[31m.json:1:2
      |
    1 | ["␛[31m    漢"]
      |  ^^^^
      |
      = note: called `a
              ␛[31mb`
    "#);
}

#[test]
fn carets_stand_below_wide_characters() {
    let content = "[\"漢字\", \"ä\", \"é\u{301}x\"]";
    let place =
        |source, word: &str| Place::span(source, content.find(word).unwrap()..content.find(word).unwrap() + word.len());
    let make = |source| Diagnostic::new(&NOT_JSON, "wide").at(place(source, "字")).related(place(source, "x"), "other");
    insta::assert_snapshot!(show("model.json", content, make), @r#"
    error[E0102]: wide
     --> model.json:1:4
      |
    1 | ["漢字", "ä", "é́x"]
      |     ^^
     ::: model.json:1:16
      |
    1 | ["漢字", "ä", "é́x"]
      |                 - other
    "#);
}
