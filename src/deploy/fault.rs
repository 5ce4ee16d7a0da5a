//! What can go wrong between a request and its answer, whether it may be sent again, and how it is told.

use std::time::Duration;

use serde::Deserialize;

use super::release::Meaning;
use crate::diag::codes::{deploy, server as codes};
use crate::diag::{Diagnostic, Place, SourceId, Sources};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// No connection: nothing was sent.
    Unreachable(String),
    /// No secure connection: nothing was sent.
    Insecure(String),
    /// Not in time.
    Late(Duration),
    /// The connection ended before the answer was complete.
    Broken(String),
    /// The server says no.
    Refused(Refusal),
    /// What answers is no ksqlDB server, or something before it.
    Foreign {
        /// The HTTP status.
        status: u16,
        /// The first words.
        words: String,
    },
}

/// A server's own error.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    #[serde(skip)]
    pub status: u16,
    /// The server's code: mostly the status and two digits.
    #[serde(default)]
    pub error_code: u32,
    /// Its words, maybe of several lines.
    #[serde(default)]
    pub message: String,
    /// Seconds after which to come back.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Fault {
    /// The fault in an answer that is not 200.
    pub(super) fn of_answer(status: u16, retry_after: Option<u64>, body: &[u8]) -> Fault {
        match serde_json::from_slice::<Refusal>(body) {
            Ok(refusal) if refusal.error_code != 0 || !refusal.message.is_empty() => {
                Fault::Refused(Refusal { status, retry_after, ..refusal })
            }
            // proxies answer these in their own words
            _ if matches!(status, 401 | 403 | 429 | 502..=504) => Fault::Refused(Refusal {
                status,
                retry_after,
                error_code: u32::from(status) * 100,
                message: words(body),
            }),
            _ => Fault::Foreign { status, words: words(body) },
        }
    }

    /// Whether the request certainly had no effect, and another attempt may do better.
    pub fn is_unsent(&self) -> bool {
        match self {
            Fault::Unreachable(_) => true,
            // 502 and 504 come from a proxy, behind which it may have had an effect
            Fault::Refused(refusal) => matches!(refusal.status, 429 | 503),
            _ => false,
        }
    }

    /// Whether another attempt may do better.
    pub fn is_passing(&self) -> bool {
        match self {
            Fault::Broken(_) => true,
            Fault::Refused(refusal) => matches!(refusal.status, 429 | 502..=504),
            _ => self.is_unsent(),
        }
    }

    /// Whether it is not known if the request was carried out.
    pub fn is_open(&self) -> bool {
        match self {
            Fault::Late(_) | Fault::Broken(_) => true,
            // of a proxy that has lost the server, or of a server that answers something else
            Fault::Refused(refusal) => matches!(refusal.status, 502 | 504),
            Fault::Foreign { status, .. } => *status == 200 || *status >= 500,
            Fault::Unreachable(_) | Fault::Insecure(_) => false,
        }
    }

    /// The server still carries out an earlier statement, and has not written this one.
    pub fn is_busy(&self) -> bool {
        matches!(self, Fault::Refused(refusal) if refusal.says(Meaning::Busy))
    }

    /// As a finding. `statement` is the text that was sent, for the place that the server names.
    pub fn diagnose(&self, server: &str, statement: Option<&str>, sources: &mut Sources) -> Diagnostic {
        match self {
            Fault::Unreachable(why) => {
                Diagnostic::new(&codes::UNREACHABLE, format!("no connection to `{server}`: {why}"))
                    .help("check that the server runs and that `--server` names it: `http://HOST:8088`")
            }
            Fault::Insecure(why) => Diagnostic::new(
                &codes::INSECURE,
                format!("no secure connection to `{server}`: {why}"),
            )
            .help("give the certificate of its authority with `--ca FILE`; a server without TLS is named by `http://`"),
            Fault::Late(after) => {
                Diagnostic::new(&codes::LATE, format!("no answer from `{server}` within {} s", after.as_secs_f64()))
                    .help("wait longer with `--timeout SECONDS`")
            }
            Fault::Broken(why) => Diagnostic::new(&codes::BROKEN, format!("the connection to `{server}` broke: {why}"))
                .help("try again; check that `--server` names ksqlDB's REST API and not a Kafka broker"),
            Fault::Foreign { status, words } => {
                let message = format!("`{server}` does not answer as a ksqlDB server does: HTTP status {status}");
                let mut diagnostic = Diagnostic::new(&codes::STRANGE, message);
                if !words.is_empty() {
                    diagnostic = diagnostic.note(format!("it says: {words}"));
                }
                diagnostic.help("check that `--server` names a ksqlDB server and not something before or beside it")
            }
            Fault::Refused(refusal) => refusal.diagnose(server, statement, sources),
        }
    }
}

impl Refusal {
    fn diagnose(&self, server: &str, statement: Option<&str>, sources: &mut Sources) -> Diagnostic {
        let message = self.message.trim();
        let (code, lead, help) = match self.status {
            401 => (
                &codes::UNAUTHORIZED,
                "the server does not accept the credentials",
                Some("give a name and a password or an API key and its secret: `m2ksql query --help`, Server"),
            ),
            403 => (
                &codes::UNAUTHORIZED,
                "the server does not allow this",
                Some("ask for the rights on the server and its topics"),
            ),
            429 => (&codes::BUSY, "the server takes no more requests for now", Some("try again later")),
            502..=504 => (
                &codes::BUSY,
                "the server is not ready",
                Some("try again later, or wait longer with `--timeout SECONDS`"),
            ),
            500.. => (&codes::SERVER_FAULT, "the server failed", None),
            _ => (&deploy::REFUSED, "the server refuses the statement", None),
        };
        let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let (place, first) = match located(first) {
            Some((line, column, rest)) if statement.is_some() => (Some((line, column)), rest),
            _ => (None, first),
        };
        let message = if first.is_empty() { format!("{lead} (`{server}`)") } else { format!("{lead}: {first}") };
        let mut diagnostic = Diagnostic::new(code, message);
        if let (Some((line, column)), Some(text)) = (place, statement) {
            let source = sources.add("<statement>", text);
            diagnostic = diagnostic.at(span(source, text, line, column));
        }
        for line in lines {
            // the statement is shown with a caret
            let echo = line.strip_prefix("Statement: ").is_some_and(|_| place.is_some());
            if !echo {
                diagnostic = diagnostic.note(line);
            }
        }
        if self.error_code != 0 {
            diagnostic = diagnostic.note(format!("the server's code is {}", self.error_code));
        }
        diagnostic.help = help.map(str::to_owned);
        diagnostic
    }
}

/// Line, column and the rest of `line 1:35: Syntax Error` or `… Line: 1, Col: 56: SELECT column …`.
fn located(message: &str) -> Option<(usize, usize, &str)> {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    if let Some(rest) = message.strip_prefix("line ") {
        let mut parts = rest.splitn(3, ':');
        return Some((number(parts.next()?)?, number(parts.next()?)?, parts.next()?.trim()));
    }
    let rest = &message[message.find("Line: ")? + 6..];
    let (line, rest) = rest.split_once(", Col: ")?;
    let (column, rest) = rest.split_once(':')?;
    Some((number(line)?, number(column)?, rest.trim()))
}

/// The word at a line and column, both from 1.
fn span(source: SourceId, text: &str, line: usize, column: usize) -> Place {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let start = start.min(text.len());
    let at = text[start..].char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| start + at);
    let word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '@' | '$');
    let mut length = text[at..].find(|char| !word(char)).unwrap_or(text.len() - at);
    if length == 0 {
        length = text[at..].chars().next().map_or(0, char::len_utf8);
    }
    Place::span(source, at..at + length)
}

/// The first words of a page, without its tags.
fn words(body: &[u8]) -> String {
    let body = &body[..body.len().min(4096)];
    let (mut words, mut tag) = (String::new(), false);
    for char in String::from_utf8_lossy(body).chars() {
        match char {
            '<' => tag = true,
            '>' if tag => {
                tag = false;
                words.push(' ');
            }
            _ if tag => {}
            _ if char.is_control() => words.push(' '),
            _ => words.push(char),
        }
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: u32, message: &str) -> Fault {
        let body =
            serde_json::json!({"@type": "statement_error", "error_code": code, "message": message, "entities": []});
        Fault::of_answer(status, None, body.to_string().as_bytes())
    }

    #[test]
    fn a_place_that_the_server_names_is_found_in_the_statement() {
        let text = "CREATE STREAM X AS\n  SELECT ORDERID, NOPE FROM S;";
        for (message, wanted) in [
            ("line 2:19: Syntax Error\nStatement: CREATE", "NOPE"),
            (
                "Could not determine output schema for query due to error: Line: 2, Col: 10: SELECT column 'ORDERID'",
                "ORDERID",
            ),
            ("line 2:17: Syntax Error\n", ","),
        ] {
            let mut sources = Sources::new();
            let found = refused(400, 40001, message).diagnose("http://h", Some(text), &mut sources);
            let span = found.place.and_then(|place| place.span).unwrap();
            assert!(text[span.clone()].starts_with(wanted.chars().next().unwrap()), "{:?}", &text[span]);
            assert_eq!(found.code.id, deploy::REFUSED.id);
        }
        // past the end, as for a missing `;`
        let found = refused(400, 40001, "line 1:13: Syntax Error\nmissing ';' at '<EOF>'");
        let found = found.diagnose("http://h", Some("SHOW STREAMS"), &mut Sources::new());
        assert_eq!(found.place.and_then(|place| place.span), Some(12..12));
        assert_eq!(found.notes[0], "missing ';' at '<EOF>'");
    }

    #[test]
    fn pages_of_proxies_are_told_from_servers() {
        let page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";
        assert!(Fault::of_answer(502, None, page).is_passing() && !Fault::of_answer(502, None, page).is_unsent());
        assert!(
            matches!(Fault::of_answer(404, None, page), Fault::Foreign { words, .. } if words == "502 Bad Gateway nginx")
        );
        assert!(Fault::of_answer(503, None, b"").is_unsent());
        assert!(!refused(500, 50000, "x").is_passing() && !refused(400, 40001, "x").is_passing());
        assert!(
            refused(500, 50000, "Caused by: Timeout while waiting for command topic consumer to process").is_busy()
        );
    }
}
