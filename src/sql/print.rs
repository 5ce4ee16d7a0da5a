//! `sql::ast` to text: parentheses by the table of levels, line breaks by width.
//!
//! Reading the text gives the same tree, and its layout is that of a careful writer: what fits stands on one line; a sum
//! that does not fit has one operand a line behind its operator; CASE has one arm a line; a call whose only or last
//! argument is long keeps its head on the line and closes at the indentation of that line.
//! Numbers are in their shortest form, always in E-notation for DOUBLE. Names are bare where that is safe.

mod expr;
mod statement;

use super::ast::{Expr, Item, Name, Script, Statement};
use super::doc::Doc;
use super::words;
use crate::schema::Type;

/// When names are put in backticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quote {
    /// Where they could not be read otherwise.
    #[default]
    Needed,
    /// Always, but for functions and lambda variables.
    Always,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The largest number of columns where there is a choice.
    pub width: usize,
    /// Backticks.
    pub quote: Quote,
    /// One line, no blanks that are not needed, no comments.
    pub compact: bool,
    /// Several plain terms of a sum a line.
    pub pack: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 100, quote: Quote::Needed, compact: false, pack: false }
    }
}

/// An expression.
pub fn expression(expr: &Expr, style: Style) -> String {
    let mut printer = Printer::new(style);
    printer.hanging(expr);
    printer.finish()
}

/// The items of a SELECT list, one a line, with commas between them.
pub fn items(items: &[Item], style: Style) -> String {
    let mut printer = Printer::new(style);
    printer.broken();
    printer.items(items);
    printer.doc.close();
    printer.finish()
}

/// A statement with its `;`.
pub fn statement(statement: &Statement, style: Style) -> String {
    let mut printer = Printer::new(style);
    printer.statement(statement);
    printer.finish()
}

/// Statements with their comments, an empty line between them, and a line feed at the end.
pub fn script(script: &Script, style: Style) -> String {
    let mut text = String::new();
    for (index, commented) in script.statements.iter().enumerate() {
        if index > 0 && !style.compact {
            text.push('\n');
        }
        let mut printer = Printer::new(style);
        printer.comments(&commented.comments);
        printer.statement(&commented.statement);
        text.push_str(&printer.finish());
        text.push('\n');
    }
    let mut printer = Printer::new(style);
    printer.comments(&script.comments);
    let comments = printer.finish();
    if !comments.is_empty() {
        text.push_str(if text.is_empty() { "" } else { "\n" });
        text.push_str(&comments);
        text.push('\n');
    }
    text
}

/// A name as it is written.
pub fn name(name: &Name, quote: Quote) -> String {
    if quote == Quote::Needed && words::is_bare(name.as_str()) {
        return name.0.clone();
    }
    debug_assert!(!name.0.is_empty(), "an empty name was not refused");
    format!("`{}`", name.0.replace('`', "``"))
}

/// A DOUBLE literal: the shortest text that reads back to the same number, in E-notation.
pub fn double(value: f64) -> String {
    debug_assert!(value.is_finite(), "{value} has no literal");
    format!("{value:E}")
}

/// A string literal.
pub fn string(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A type as it is written.
pub fn ty(ty: &Type, quote: Quote) -> String {
    match ty {
        Type::Array(item) => format!("ARRAY<{}>", self::ty(item, quote)),
        Type::Map(key, value) => format!("MAP<{}, {}>", self::ty(key, quote), self::ty(value, quote)),
        // `<>` would be read as an operator.
        Type::Struct(fields) if fields.is_empty() => "STRUCT< >".to_owned(),
        Type::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                let name = name(&Name::new(field.name.as_str()), quote);
                format!("{name} {}", self::ty(&field.ty, quote))
            });
            format!("STRUCT<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A document and what the layout depends on.
struct Printer<'a> {
    doc: Doc,
    style: Style,
    /// Lambda variables in scope, innermost last.
    scope: Vec<&'a Name>,
}

impl<'a> Printer<'a> {
    fn new(style: Style) -> Self {
        Printer { doc: Doc::new(), style, scope: Vec::new() }
    }

    fn finish(self) -> String {
        self.doc.render(if self.style.compact { usize::MAX } else { self.style.width })
    }

    /// Text, with a blank where two minus signs would make a comment.
    fn text(&mut self, text: &str) {
        if text.starts_with('-') && self.doc.ends_with('-') {
            self.doc.text(" ");
        }
        self.doc.text(text);
    }

    fn name(&mut self, name: &Name) {
        let text = self::name(name, self.style.quote);
        self.doc.text(&text);
    }

    /// A blank that only looks good.
    fn blank(&mut self) {
        if !self.style.compact {
            self.doc.text(" ");
        }
    }

    /// A possible break that is a blank if the group is flat, or nothing in compact style.
    fn line(&mut self) {
        if self.style.compact { self.doc.soft_line() } else { self.doc.line() }
    }

    /// Begins a group that breaks in any case, but for compact style.
    fn broken(&mut self) {
        self.doc.open();
        if !self.style.compact {
            self.doc.break_group();
        }
    }

    /// Comment lines, each on a line of its own. An empty one is left out: ksqlDB would join `--` with the next line.
    fn comments(&mut self, comments: &[String]) {
        if self.style.compact {
            return;
        }
        let lines = comments.iter().flat_map(|comment| comment.lines());
        for line in lines.map(str::trim_end).filter(|line| !line.is_empty()) {
            // `--@` is a directive of ksqlDB's test tool.
            let blank = if line.starts_with(['@', ' ']) { "" } else { " " };
            self.doc.hard_line();
            self.doc.text(&format!("--{blank}{line}"));
            self.doc.hard_line();
        }
    }
}
