//! The paths that a Rust source names: a lexer and a reader of `use` trees, no more than the layer test needs.

use std::path::Path as FilePath;

/// A path as it stands in the source, from its root: `crate::diag::Place`, `std::fs::read`. `super` and `self` are
/// resolved.
pub struct Path {
    /// From 1.
    pub line: usize,
    /// Segments joined by `::`.
    pub name: String,
    /// A macro's name, without `!`.
    pub is_macro: bool,
}

/// The modules of a source tree with their texts, without modules of tests.
pub fn files(root: &str) -> Vec<(String, String)> {
    let mut result = Vec::new();
    let mut pending = vec![FilePath::new(root).to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let module = path.strip_prefix(root).unwrap().with_extension("");
        let mut segments: Vec<&str> = module.iter().map(|segment| segment.to_str().unwrap()).collect();
        if path.extension().is_none_or(|extension| extension != "rs") || segments.contains(&"tests") {
            continue;
        }
        if segments.last() == Some(&"mod") {
            segments.pop();
        }
        result.push((segments.join("::"), std::fs::read_to_string(&path).unwrap()));
    }
    result.sort();
    result
}

/// Every path of two or more segments, and every macro, outside of comments, strings and modules of tests.
pub fn paths(module: &str, text: &str) -> Vec<Path> {
    let tokens = without_tests(tokens(text));
    let mut result = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = tokens[at].is_name() && (at == 0 || !["::", "."].contains(&tokens[at - 1].text.as_str()));
        if begins {
            at = read(&tokens, at, String::new(), &mut result);
        } else {
            at += 1;
        }
    }
    for path in &mut result {
        path.name = resolve(module, &path.name);
    }
    result
}

/// Reads one path of a tree of paths; gives the position behind it.
fn read(tokens: &[Token], mut at: usize, mut name: String, result: &mut Vec<Path>) -> usize {
    let line = tokens[at].line;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    loop {
        if !name.is_empty() {
            name.push_str("::");
        }
        name.push_str(text(at));
        at += 1;
        let next_is_name = tokens.get(at + 1).is_some_and(|token| token.is_name() || token.text == "*");
        match text(at) {
            "::" if next_is_name => at += 1,
            "::" if text(at + 1) == "{" => {
                at += 2;
                while at < tokens.len() && text(at) != "}" {
                    at = if tokens[at].is_name() { read(tokens, at, name.clone(), result) } else { at + 1 };
                }
                return at + 1;
            }
            "!" => {
                result.push(Path { line, name, is_macro: true });
                return at;
            }
            _ => {
                if name.contains("::") {
                    result.push(Path { line, name, is_macro: false });
                }
                return at;
            }
        }
    }
}

/// The path from the root of the crate: `super::ast` in `sql::print` is `crate::sql::ast`.
fn resolve(module: &str, name: &str) -> String {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut segments = name.split("::").peekable();
    match segments.peek() {
        Some(&"self") => {
            segments.next();
        }
        Some(&"super") => {
            while segments.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        _ => return name.to_owned(),
    }
    ["crate"].into_iter().chain(base).chain(segments).collect::<Vec<&str>>().join("::")
}

struct Token {
    line: usize,
    text: String,
}

impl Token {
    fn is_name(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// Leaves out `#[cfg(test)] mod name { … }`, and a `#[cfg(test)]` in front of anything else with what follows up to `;`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut result = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        result.push(token);
        let end = &result[result.len().saturating_sub(7)..];
        if end.iter().map(|token| token.text.as_str()).eq(["#", "[", "cfg", "(", "test", ")", "]"]) {
            let mut depth = 0;
            for token in tokens.by_ref() {
                match token.text.as_str() {
                    "{" => depth += 1,
                    "}" if depth == 1 => break,
                    "}" => depth -= 1,
                    ";" if depth == 0 => break,
                    _ => {}
                }
            }
        }
    }
    result
}

/// Names, `::` and single characters; comments, strings, characters and lifetimes are left out.
fn tokens(text: &str) -> Vec<Token> {
    let mut result = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => string(rest),
            'r' | 'b' | 'c' if raw(rest).is_some() => raw(rest).unwrap(),
            '\'' => character(rest),
            first if first.is_alphanumeric() || first == '_' => {
                let end = rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len());
                result.push(Token { line, text: rest[..end].to_owned() });
                end
            }
            _ if rest.starts_with("::") => {
                result.push(Token { line, text: "::".to_owned() });
                2
            }
            first => {
                if !first.is_whitespace() {
                    result.push(Token { line, text: first.to_string() });
                }
                first.len_utf8()
            }
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    result
}

fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().unwrap().len_utf8();
        }
    }
}

/// A string in double quotes.
fn string(text: &str) -> usize {
    let mut escaped = true;
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A raw string, or a string of bytes.
fn raw(text: &str) -> Option<usize> {
    let start = text.find(['"', '#'])?;
    match &text[..start] {
        "r" | "br" | "cr" => {
            let hashes =
                text[start..].find('"').filter(|&length| text[start..start + length].bytes().all(|b| b == b'#'))?;
            let end = format!("\"{}", "#".repeat(hashes));
            let body = start + hashes + 1;
            Some(body + text[body..].find(&end)? + end.len())
        }
        "b" | "c" if text[start..].starts_with('"') => Some(start + string(&text[start..])),
        _ => None,
    }
}

/// `'x'`, `'\n'`; the tick alone of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            chars.find(|&(_, char)| char == '\'').map_or(1, |(at, _)| at + 1)
        }
        Some(_) => chars.next().filter(|&(_, char)| char == '\'').map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}
