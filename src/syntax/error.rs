//! What pest says about a text it could not read, in words of the language instead of names of rules.

use std::collections::BTreeSet;

use pest::error::{ErrorVariant, InputLocation};

use super::grammar::Rule;
use super::scan::{skip_blanks, token_end};
use crate::diag::codes::sql as codes;
use crate::diag::{Diagnostic, Place, SourceId};
use crate::sql::words::is_reserved;

/// The diagnostic for a failure inside `text[base..end]`; the positions of `error` count from `base`.
pub(super) fn diagnose(
    source: SourceId,
    text: &str,
    base: usize,
    end: usize,
    error: &pest::error::Error<Rule>,
) -> Diagnostic {
    let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
    let at = skip_blanks(text, base + at, end);
    let positives = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
        ErrorVariant::CustomError { message } => {
            let diagnostic =
                Diagnostic::new(&codes::TOO_DEEP, format!("the text is nested too deep to read: {message}"));
            return diagnostic.at(Place::span(source, at..at));
        }
    };
    let expected = expected(positives);
    let expected = if expected.is_empty() { String::new() } else { format!("expected {}, ", join(&expected)) };
    if at >= end {
        let what = if text[end..].starts_with(';') { "`;`" } else { "the end of the text" };
        let place = Place::span(source, at..(at + 1).min(text.len()).max(at));
        return Diagnostic::new(&codes::SYNTAX, format!("{expected}found {what}")).at(place);
    }
    let token = at..token_end(text, at).min(end);
    let word = &text[token.clone()];
    let place = Place::span(source, token.clone());
    let wants_name = expected.contains("a name") || expected.contains("an expression");
    if is_reserved(word) {
        let code = if wants_name { &codes::RESERVED_WORD } else { &codes::SYNTAX };
        let diagnostic = Diagnostic::new(code, format!("{expected}found the reserved word `{word}`")).at(place);
        if !wants_name {
            return diagnostic;
        }
        let upper = word.to_ascii_uppercase();
        return diagnostic.help(format!("if `{word}` is a name here, write it in backticks: `` `{upper}` ``"));
    }
    let diagnostic = Diagnostic::new(&codes::SYNTAX, format!("{expected}found {}", shown(word))).at(place);
    match advice(text, at, word) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// What to write instead of some habits of other languages.
fn advice(text: &str, at: usize, word: &str) -> Option<&'static str> {
    let before = text[..at].trim_end();
    match word {
        "=" if before.ends_with('=') => Some("equality is written `=`"),
        "^" => Some("write POWER(base, exponent)"),
        "*" if before.ends_with('*') => Some("write POWER(base, exponent)"),
        _ if word.starts_with("${") => Some("write the value of the variable in its place"),
        _ if word.starts_with('\'') || word.starts_with('"') => None,
        _ => None,
    }
}

/// The token for a message: in backticks, shortened, unprintable characters by number.
pub(super) fn shown(token: &str) -> String {
    let mut shown: String = token.chars().take(40).collect();
    if shown.len() < token.len() {
        shown.push('…');
    }
    if shown.chars().any(|c| c.is_control() || (c.is_whitespace() && c != ' ')) {
        shown = shown.escape_debug().to_string();
    }
    if shown.contains('`') { format!("`` {shown} ``") } else { format!("`{shown}`") }
}

fn join(words: &BTreeSet<(u8, &'static str)>) -> String {
    let words: Vec<&str> = words.iter().map(|&(_, word)| word).collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// The rules that could have gone on, in words and in the order in which they are named.
fn expected(rules: &[Rule]) -> BTreeSet<(u8, &'static str)> {
    let mut words: BTreeSet<(u8, &'static str)> = rules.iter().filter_map(|&rule| word(rule)).collect();
    let is_literal = |rule: &Rule| matches!(rule, Rule::number | Rule::double | Rule::null | Rule::boolean);
    if rules.iter().filter(|&&rule| word(rule) == Some(EXPRESSION)).all(is_literal) && words.remove(&EXPRESSION) {
        words.retain(|word| !matches!(*word, STRING | NUMBER | NULL));
        words.insert((0, "a number, a string or another literal"));
    }
    if words.contains(&EXPRESSION) {
        words.retain(|word| !matches!(*word, NAME | STRING | NUMBER));
    }
    if words.contains(&EXPRESSION) || words.contains(&OPERATOR) {
        words.retain(|word| !matches!(*word, NOT | NULL));
    }
    if words.contains(&TYPE) {
        words.remove(&NAME);
    }
    if words.contains(&OPERATOR) {
        // A string could only follow the name of a type.
        words.retain(|word| !matches!(*word, EXPRESSION | STRING));
    }
    words
}

const EXPRESSION: (u8, &str) = (0, "an expression");
const TYPE: (u8, &str) = (0, "a type");
const NAME: (u8, &str) = (1, "a name");
const NUMBER: (u8, &str) = (3, "a whole number");
const NOT: (u8, &str) = (5, "`NOT`");
const NULL: (u8, &str) = (6, "`NULL`");
const STRING: (u8, &str) = (3, "a string");
const OPERATOR: (u8, &str) = (2, "an operator");

fn word(rule: Rule) -> Option<(u8, &'static str)> {
    Some(match rule {
        Rule::expression
        | Rule::number
        | Rule::double
        | Rule::decimal
        | Rule::parentheses
        | Rule::null
        | Rule::boolean
        | Rule::case
        | Rule::k_case
        | Rule::cast
        | Rule::k_cast
        | Rule::array
        | Rule::map
        | Rule::struct_
        | Rule::reference
        | Rule::sign
        | Rule::lambda
        | Rule::unit => EXPRESSION,
        Rule::bare | Rule::digit_word | Rule::back_quoted | Rule::double_quoted => NAME,
        Rule::type_ | Rule::array_type | Rule::map_type | Rule::struct_type | Rule::decimal_type | Rule::named_type => {
            TYPE
        }
        Rule::operator
        | Rule::comparison
        | Rule::and
        | Rule::or
        | Rule::between
        | Rule::like
        | Rule::distinct
        | Rule::is_null
        | Rule::in_list => OPERATOR,
        Rule::integer => NUMBER,
        Rule::string => STRING,
        Rule::assign => (4, "`:=`"),
        Rule::open => (4, "`(`"),
        Rule::comma => (4, "`,`"),
        Rule::close => (5, "`)`"),
        Rule::close_bracket => (5, "`]`"),
        Rule::close_angle => (5, "`>`"),
        Rule::k_as => (6, "`AS`"),
        Rule::k_when | Rule::when_arm => (6, "`WHEN`"),
        Rule::not => NOT,
        Rule::k_null => NULL,
        Rule::k_distinct => (7, "`DISTINCT FROM`"),
        Rule::k_between => (6, "`BETWEEN`"),
        Rule::k_in => (7, "`IN`"),
        Rule::k_like => (8, "`LIKE`"),
        Rule::k_then => (6, "`THEN`"),
        Rule::k_else | Rule::else_arm => (7, "`ELSE`"),
        Rule::k_end => (8, "`END`"),
        Rule::k_from => (6, "`FROM`"),
        Rule::k_select | Rule::query => (6, "`SELECT`"),
        Rule::k_create | Rule::create => (5, "`CREATE`"),
        Rule::k_insert | Rule::insert => (5, "`INSERT`"),
        Rule::k_into => (6, "`INTO`"),
        Rule::k_stream => (6, "`STREAM`"),
        Rule::k_table => (7, "`TABLE`"),
        Rule::k_replace => (6, "`REPLACE`"),
        Rule::k_exists => (6, "`EXISTS`"),
        Rule::k_by => (6, "`BY`"),
        Rule::k_key => (6, "`KEY`"),
        Rule::primary_key | Rule::key | Rule::header | Rule::headers => (4, "`KEY`"),
        Rule::columns => (4, "`(`"),
        Rule::k_with | Rule::with => (6, "`WITH`"),
        Rule::equals => (4, "`=`"),
        Rule::k_where | Rule::where_ => (6, "`WHERE`"),
        Rule::k_partition | Rule::partition_by => (6, "`PARTITION BY`"),
        Rule::k_emit | Rule::emit => (7, "`EMIT`"),
        Rule::k_changes => (6, "`CHANGES`"),
        Rule::k_final => (7, "`FINAL`"),
        Rule::k_limit | Rule::limit => (8, "`LIMIT`"),
        Rule::star | Rule::source_star => (1, "`*`"),
        Rule::item => EXPRESSION,
        Rule::source | Rule::column | Rule::property => NAME,
        Rule::EOI => (9, "the end"),
        _ => return None,
    })
}
