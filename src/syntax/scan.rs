//! One linear pass over a SQL text before it is parsed: statements, comments, brackets, depth.
//!
//! The parser recurses for brackets and CASE, so their depth is known and bounded before it starts. What the pass finds
//! wrong (a quote without its end, a bracket that closes nothing) is reported here, where the other end is known.
//! The pass and `lexical.pest` must cut a text alike; a property test compares them.

use std::ops::Range;

use crate::diag::codes::sql as codes;
use crate::diag::{Diagnostic, Place, Report, SourceId};

/// Brackets and CASE deeper than this are refused. ksqlDB takes 500 parentheses; the text in which it echoes a flat sum
/// has one pair for every term.
pub(super) const MAX_NESTING: usize = 1000;

/// A comment: where it stands and what it says.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    /// With its marks and, for `--`, without the end of the line.
    pub range: Range<usize>,
    /// Its lines without marks and outer blanks.
    pub lines: Vec<String>,
}

/// The text between two `;`.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// From its first token to its last, without the `;`. Comments before the first token are outside.
    pub range: Range<usize>,
    /// Where the `;` is, or the end of the text.
    pub end: usize,
    /// The largest number of brackets and CASEs open at once.
    pub nesting: usize,
    /// Nothing was reported about it.
    pub sound: bool,
    /// It holds something that no statement of `sql::ast` has: a join, a window, grouping, `->*`, `COUNT(*)`.
    pub foreign: bool,
}

/// What the pass found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The statements that have at least one token.
    pub parts: Vec<Part>,
    /// All comments, in order.
    pub comments: Vec<Comment>,
}

struct Open {
    at: usize,
    text: &'static str,
    close: &'static str,
}

struct Scanner<'a> {
    source: SourceId,
    text: &'a str,
    report: &'a mut Report,
    scan: Scan,
    open: Vec<Open>,
    /// `<` of types open inside the innermost bracket.
    angles: usize,
    constructor: bool,
    start: Option<usize>,
    last: usize,
    nesting: usize,
    sound: bool,
    foreign: bool,
}

/// Reads the whole text. Findings go to the report; the parts that have some are marked.
pub(super) fn scan(source: SourceId, text: &str, report: &mut Report) -> Scan {
    let mut scanner = Scanner {
        source,
        text,
        report,
        scan: Scan::default(),
        open: Vec::new(),
        angles: 0,
        constructor: false,
        start: None,
        last: 0,
        nesting: 0,
        sound: true,
        foreign: false,
    };
    scanner.run();
    scanner.scan
}

impl Scanner<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                b'-' if bytes.get(at + 1) == Some(&b'-') => at = self.line_comment(at),
                b'/' if bytes.get(at + 1) == Some(&b'*') => at = self.block_comment(at),
                b';' => {
                    self.end_part(at);
                    at += 1;
                }
                _ => {
                    let end = token_end(self.text, at);
                    self.token(at..end);
                    at = end;
                }
            }
        }
        self.end_part(bytes.len());
    }

    fn token(&mut self, range: Range<usize>) {
        let token = &self.text[range.clone()];
        self.start.get_or_insert(range.start);
        self.last = range.end;
        let constructor = std::mem::take(&mut self.constructor);
        match token.as_bytes()[0] {
            quote @ (b'\'' | b'"' | b'`') => {
                if token.len() < 2 || !closed(token, quote) {
                    let mark = char::from(quote);
                    self.fail(
                        Diagnostic::new(
                            &codes::UNCLOSED,
                            format!("{} that begins here has no end", quoted_thing(quote)),
                        )
                        .at(Place::span(self.source, range.start..range.start + 1))
                        .help(format!("close it with {mark}; inside, {mark} is written twice")),
                    );
                }
            }
            b'(' => self.push(range.start, "(", ")"),
            b'[' => self.push(range.start, "[", "]"),
            b')' | b']' => self.pop(range),
            b'<' if constructor && token == "<" => {
                self.angles += 1;
                self.deepen(range.start);
            }
            b'>' => self.angles = self.angles.saturating_sub(1),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.word(token, range.clone()),
            b',' | b'0'..=b'9' => {}
            // `->*` and `COUNT(*)`
            b'*' if ["->", "("].iter().any(|before| self.text[..range.start].trim_end().ends_with(before)) => {
                self.foreign = true;
            }
            _ => self.angles = 0,
        }
    }

    fn word(&mut self, word: &str, range: Range<usize>) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        if is("CASE") {
            self.push(range.start, "CASE", "END");
        } else if is("END") {
            self.pop(range);
        } else if is("ARRAY") || is("MAP") || is("STRUCT") {
            self.constructor = true;
        } else if is("AND") || is("OR") || is("THEN") || is("WHEN") || is("AS") {
            self.angles = 0;
        }
        if self.open.is_empty() && ["JOIN", "WINDOW", "GROUP", "HAVING"].into_iter().any(is) {
            self.foreign = true;
        }
    }

    fn push(&mut self, at: usize, text: &'static str, close: &'static str) {
        self.open.push(Open { at, text, close });
        self.deepen(at);
    }

    fn deepen(&mut self, at: usize) {
        let depth = self.open.len() + self.angles;
        if depth == MAX_NESTING + 1 && self.nesting < depth {
            self.fail(
                Diagnostic::new(&codes::TOO_DEEP, format!("the text is nested deeper than {MAX_NESTING}"))
                    .at(Place::span(self.source, at..at + 1))
                    .help("split the expression over several statements"),
            );
        }
        self.nesting = self.nesting.max(depth);
    }

    fn pop(&mut self, range: Range<usize>) {
        let token = self.text[range.clone()].to_ascii_uppercase();
        match self.open.last() {
            Some(open) if open.close == token => {
                self.open.pop();
            }
            Some(open) => {
                let place = Place::span(self.source, range);
                let message = format!("expected `{}`, found `{token}`", open.close);
                let related = Place::span(self.source, open.at..open.at + open.text.len());
                let words = format!("`{}` is open since here", open.text);
                self.fail(Diagnostic::new(&codes::UNCLOSED, message).at(place).related(related, words));
                self.open.pop();
            }
            None => {
                let begin = match token.as_str() {
                    ")" => "(",
                    "]" => "[",
                    _ => "CASE",
                };
                let place = Place::span(self.source, range);
                self.fail(
                    Diagnostic::new(&codes::UNCLOSED, format!("found `{token}` without a `{begin}` before it"))
                        .at(place),
                );
            }
        }
    }

    fn end_part(&mut self, at: usize) {
        // Once a part is known to be wrong, its open brackets say nothing new.
        if let (Some(open), true) = (self.open.first(), self.sound) {
            let place = Place::span(self.source, open.at..open.at + open.text.len());
            let message = format!("`{}` is never closed", open.text);
            let help = format!("add the `{}` that belongs to it", open.close);
            self.fail(Diagnostic::new(&codes::UNCLOSED, message).at(place).help(help));
        }
        if let Some(start) = self.start.take() {
            self.scan.parts.push(Part {
                range: start..self.last,
                end: at,
                nesting: self.nesting,
                sound: self.sound,
                foreign: self.foreign,
            });
        }
        self.open.clear();
        (self.angles, self.nesting, self.sound, self.constructor, self.foreign) = (0, 0, true, false, false);
    }

    /// From `--` to the end of the line; the character after `--` belongs to it, even a line feed.
    fn line_comment(&mut self, at: usize) -> usize {
        let first_line = &self.text[at + 2..];
        if first_line.is_empty() || first_line.starts_with('\n') {
            let swallowed = first_line.get(1..).unwrap_or("");
            let swallowed = &swallowed[..swallowed.find(['\r', '\n']).unwrap_or(swallowed.len())];
            let harmless = swallowed.trim().is_empty() || swallowed.trim_start().starts_with("--");
            if first_line.is_empty() || !harmless {
                let diagnostic =
                    Diagnostic::new(&codes::EMPTY_COMMENT, "ksqlDB joins an empty `--` with the next line")
                        .at(Place::span(self.source, at..at + 2))
                        .help("write something after `--`, or remove the line");
                self.fail(diagnostic);
            }
            let end = (at + 3 + swallowed.len()).min(self.text.len());
            let line = swallowed.trim().trim_start_matches('-').trim().to_owned();
            let lines = if line.is_empty() || !harmless { Vec::new() } else { vec![line] };
            self.scan.comments.push(Comment { range: at..end, lines });
            return end;
        }
        let end = at + 2 + first_line.find(['\r', '\n']).unwrap_or(first_line.len());
        // `--@` is a directive, `-- @` is not; the blank tells them apart.
        let line = self.text[at + 2..end].trim();
        let blank = if line.starts_with('@') && !first_line.starts_with('@') { " " } else { "" };
        let line = format!("{blank}{line}");
        let lines = if line.is_empty() { Vec::new() } else { vec![line] };
        self.scan.comments.push(Comment { range: at..end, lines });
        end
    }

    fn block_comment(&mut self, at: usize) -> usize {
        let Some(length) = self.text[at + 2..].find("*/") else {
            let diagnostic = Diagnostic::new(&codes::UNCLOSED, "the comment that begins here has no end")
                .at(Place::span(self.source, at..at + 2))
                .help("close it with `*/`");
            self.fail(diagnostic);
            return self.text.len();
        };
        let body = &self.text[at + 2..at + 2 + length];
        let lines = body.lines().map(|line| line.trim().trim_start_matches('*').trim().to_owned());
        let lines = lines.filter(|line| !line.is_empty()).collect();
        let end = at + length + 4;
        self.scan.comments.push(Comment { range: at..end, lines });
        end
    }

    fn fail(&mut self, diagnostic: Diagnostic) {
        self.report.push(diagnostic);
        self.sound = false;
    }
}

fn quoted_thing(quote: u8) -> &'static str {
    if quote == b'\'' { "the string" } else { "the quoted name" }
}

/// Whether the quoted token ends with its quote, which is not the first half of a doubled one.
fn closed(token: &str, quote: u8) -> bool {
    token.len() >= 2 && token.bytes().filter(|&byte| byte == quote).count() % 2 == 0
}

/// The tokens of a range, without blanks and comments.
pub(super) fn tokens(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        at = skip_blanks(text, at, range.end);
        if at >= range.end {
            return None;
        }
        let token = at..token_end(text, at).min(range.end);
        at = token.end;
        Some(token)
    })
}

/// The first position from `at` on that is neither blank nor in a comment.
pub(super) fn skip_blanks(text: &str, mut at: usize, end: usize) -> usize {
    loop {
        let rest = &text[at..end];
        at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let rest = &text[at..end];
        if let Some(line) = rest.strip_prefix("--") {
            let Some(first) = line.chars().next() else { return at };
            let line = &line[first.len_utf8()..];
            at += 2 + first.len_utf8() + line.find(['\r', '\n']).unwrap_or(line.len());
        } else if let (true, Some(length)) = (rest.starts_with("/*"), rest.get(2..).and_then(|body| body.find("*/"))) {
            at += length + 4;
        } else {
            return at;
        }
    }
}

/// Where the token that begins at `at` ends, by the longest match. `at` must not be white space or a comment.
pub(super) fn token_end(text: &str, at: usize) -> usize {
    let rest = &text.as_bytes()[at..];
    let word = |from: usize| {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@');
        from + rest[from..].iter().take_while(|byte| is_word(byte)).count()
    };
    let length = match rest[0] {
        quote @ (b'\'' | b'"' | b'`') => {
            let mut end = 1;
            loop {
                match rest[end..].iter().position(|&byte| byte == quote) {
                    None => break rest.len(),
                    Some(found) if rest.get(end + found + 1) == Some(&quote) => end += found + 2,
                    Some(found) => break end + found + 1,
                }
            }
        }
        b'A'..=b'Z' | b'a'..=b'z' | b'_' => word(0),
        b'0'..=b'9' => number_end(rest).max(word(0)),
        b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => number_end(rest),
        _ => match rest.get(..2) {
            Some(b"->" | b"<>" | b"!=" | b"<=" | b">=" | b"||" | b":=" | b"=>") => 2,
            Some(b"${") => rest.iter().position(|&byte| byte == b'}').map_or(2, |end| end + 1),
            _ => text[at..].chars().next().map_or(1, char::len_utf8),
        },
    };
    at + length
}

/// The length of the number at the start: digits with a point, and an exponent.
fn number_end(rest: &[u8]) -> usize {
    let digits = |from: usize| from + rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if rest.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if rest.get(end).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'e')) {
        let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diag::Sources;
    use crate::sql::ast::Expr;

    fn read(text: &str) -> Option<Expr> {
        let source = Sources::new().add("<test>", text);
        crate::syntax::expression(source, text, &mut Report::new()).ok()
    }

    const OPERANDS: &[&str] = &[
        "A",
        "_a@1",
        "1",
        "-1",
        "007",
        "1.",
        ".5",
        "1.5",
        "-.5E-3",
        "1E5",
        "1e+5",
        "1.E5",
        "1D",
        "1E5X",
        "1E",
        "1_0",
        "'it''s'",
        "''",
        "'--'",
        "'/*'",
        "`a``b`",
        "`--`",
        "\"x\"\"y\"",
        "A.B",
        "A. 1D",
        "A->B",
        "A[1]",
        "F()",
        "F(1.)",
        "F(X,Y=>X)",
        "ARRAY[.5]",
        "(A)",
        "NULL",
        "TRUE",
        "CASE WHEN A THEN B END",
        "CAST(A AS ARRAY<ARRAY<INT>>)",
        "DATE'x'",
        "MAP(A:=1)",
    ];
    const JOINTS: &[&str] = &[
        "+", "-", "--", "*", "/", "%", "||", "|", "=", "==", "<", "<>", "!=", ">", "=>", "->", " AND ", " IN ", ".",
        "", "@", ";",
    ];
    const BLANKS: &[&str] =
        &["", "", "", " ", "\n", "/*c*/", "/**/", "--c\n", "--c\r\n", "--\r\n", "--'\n", "/*'*/", "/"];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// If the scan cut a token of the grammar in two, or saw a comment in a string, one of the two would be refused or
        /// read differently.
        #[test]
        fn the_scan_cuts_a_text_as_the_grammar_does(
            first in prop::sample::select(OPERANDS),
            rest in prop::collection::vec(
                (prop::sample::select(BLANKS), prop::sample::select(JOINTS), prop::sample::select(BLANKS), prop::sample::select(OPERANDS)),
                0..3
            ),
        ) {
            let mut text = first.to_owned();
            for (before, joint, after, operand) in rest {
                text.extend([before, joint, after, operand]);
            }
            let mut report = Report::new();
            scan(Sources::new().add("<test>", text.as_str()), &text, &mut report);
            // An empty comment is refused on purpose; without it the text is another one.
            prop_assume!(!report.has_errors());
            let cut: Vec<&str> = tokens(&text, 0..text.len()).map(|token| &text[token]).collect();
            prop_assert_eq!(read(&text), read(&cut.join("\n")), "{} / {:?}", text, cut);
        }
    }

    #[test]
    fn most_of_the_texts_compared_are_readable() {
        for text in OPERANDS {
            assert!(read(text).is_some(), "{text}");
        }
    }
}
