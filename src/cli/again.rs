//! A command line that shows one row of this run again.

use clap::{Args as _, Command};

use super::args::subject::{FromOptions, SubjectOptions};
use super::args::verify::Verify;

/// A command that gives the row to `verify`, or to `score` if that shows more. The options that say what is compiled are those
/// of this process; `more` are added. Secrets are not among them.
pub(super) fn command(verb: &str, args: &Verify, row: &str, more: &str) -> String {
    let mut words = vec!["m2ksql".to_owned(), verb.to_owned(), word(&args.model.display().to_string())];
    words.extend(kept(std::env::args().skip(1)).iter().map(|option| word(option)));
    if let Some(stages) = args.stages.filter(|_| verb == "verify") {
        words.push(format!("--stages {stages}"));
    }
    format!("printf '%s\\n' {} | {} --input -{more}", quoted(row), words.join(" "))
}

/// Of these arguments the options that say what is compiled, with their values.
fn kept(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let subject = FromOptions::augment_args(SubjectOptions::augment_args(Command::new("m2ksql")));
    let mut kept = Vec::new();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let Some(name) = argument.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or_default()) else {
            continue;
        };
        let Some(option) = subject.get_arguments().find(|option| option.get_long() == Some(name)) else { continue };
        let value_follows = option.get_action().takes_values() && !argument.contains('=');
        kept.push(argument);
        if value_follows {
            kept.extend(arguments.next());
        }
    }
    kept
}

/// A word of a shell's command line.
fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-=,+:".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_is_kept_and_nothing_else() {
        let given =
            "verify m.json --input rows.csv --nulls -1 --password hunter2 --strict --select=label --rows 5 --rename";
        let given = given.split(' ').map(str::to_owned).chain(["a=`b c`".to_owned()]);
        let words: Vec<String> = kept(given).iter().map(|option| word(option)).collect();
        assert_eq!(words.join(" "), "--nulls -1 --strict --select=label --rename 'a=`b c`'");
    }
}
