//! `explain`: what a code of a diagnostic means.

use std::fmt::Write;

use super::args::Explain;
use super::session::Session;
use crate::diag::{Failed, codes};

const WIDTH: usize = 80;

/// Prints the explanation of a code, or the list of all.
pub(super) fn run(args: &Explain, session: &mut Session) -> Result<(), Failed> {
    let text = match args.code {
        Some(code) => format!("{}: {}\n\n{}", code.id, code.title, wrap(code.explanation)),
        None => codes::all().fold(String::new(), |mut list, code| {
            // writing to a String cannot fail
            let _ = writeln!(list, "{}  {}", code.id, code.title);
            list
        }),
    };
    session.write(None, text.as_bytes())
}

/// Breaks lines at spaces, except indented ones, which are examples.
fn wrap(text: &str) -> String {
    let mut result = String::new();
    for line in text.lines() {
        let mut column = 0;
        let words: Vec<&str> = if line.starts_with(' ') { vec![line] } else { line.split(' ').collect() };
        for word in words {
            let width = word.chars().count();
            if column > 0 {
                let fits = column + 1 + width <= WIDTH;
                result.push(if fits { ' ' } else { '\n' });
                column = if fits { column + 1 } else { 0 };
            }
            result.push_str(word);
            column += width;
        }
        result.push('\n');
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped_and_examples_are_not() {
        let word = "x".repeat(39);
        let example = format!("    {}", "y ".repeat(60).trim_end());
        let text = format!("{word} {word} {word}\n\n{example}\nend");
        // 39 + 1 + 39 = 79 characters fit, 40 more do not
        assert_eq!(wrap(&text), format!("{word} {word}\n{word}\n\n{example}\nend\n"));
    }
}
