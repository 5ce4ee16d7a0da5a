//! Rows from a server that replays what a real one said, also cut, stalled and garbled: none that is complete is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "deploy")]

mod program;
mod replay;

use m2ksql::deploy::query::{End, Limits, Outcome, Query, Sink, run as run_query};
use m2ksql::deploy::{Client, Endpoint, Properties, Settings, frames::Column};
use program::{Run, run};
use replay::{Server, Step, answer, divided, json, recorded, unchunked};
use serde_json::value::RawValue;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Keeps everything.
#[derive(Default)]
struct Kept {
    columns: Vec<String>,
    rows: Vec<String>,
}

impl Sink for Kept {
    fn columns(&mut self, columns: &[Column]) -> io::Result<()> {
        assert!(self.columns.is_empty());
        self.columns = columns.iter().map(|column| column.name.clone()).collect();
        Ok(())
    }

    fn row(&mut self, values: &[&RawValue]) -> io::Result<()> {
        self.rows.push(format!("[{}]", values.iter().map(|value| value.get()).collect::<Vec<_>>().join(",")));
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn interrupted(&self) -> bool {
        false
    }
}

fn client(url: &str) -> Client {
    let settings = Settings {
        server: url.to_owned(),
        answer: Duration::from_secs(5),
        pause: Duration::from_millis(1),
        ..Settings::default()
    };
    Client::new(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn ask(url: &str, limits: Limits) -> (Kept, Outcome) {
    ask_with(&client(url), limits)
}

fn ask_with(client: &Client, limits: Limits) -> (Kept, Outcome) {
    let mut kept = Kept::default();
    let query = Query { sql: "SELECT 1 FROM S;".into(), properties: Properties::new(), through: Endpoint::Query };
    let outcome = run_query(client, &query, limits, &mut kept);
    assert_eq!(outcome.rows as usize, kept.rows.len());
    (kept, outcome)
}

/// The rows of a body with where each ends, by the texts that stand around them in these recordings.
fn rows_of(body: &[u8]) -> Vec<(usize, String)> {
    let text = String::from_utf8_lossy(body);
    let (open, close) = if text.contains("{\"row\":") { ("{\"row\":{\"columns\":[", "]}}") } else { ("[", "]") };
    let mut rows = Vec::new();
    let mut at = text.find('}').map_or(text.len(), |at| at + 1);
    while let Some(start) = text[at..].find(open).map(|start| at + start) {
        // no value of these rows has a bracket
        let Some(length) = text[start + open.len()..].find(close) else { break };
        let inner = &text[start + open.len()..start + open.len() + length];
        at = start + open.len() + length + close.len();
        rows.push((at, format!("[{inner}]")));
    }
    rows
}

const STREAMS: &[(&str, usize)] = &[
    ("60-push-delimited", 43),
    ("61-push-json", 43),
    ("62-push-v1json", 43),
    ("63-old-query-push", 43),
    ("68-pull-stream", 3),
    ("69-pull-stream-v1json", 2),
];

#[test]
fn recorded_answers_in_every_framing() {
    for (name, count) in STREAMS {
        let bytes = recorded(name);
        let wanted: Vec<String> = rows_of(&unchunked(divided(&bytes).1)).into_iter().map(|(_, row)| row).collect();
        assert_eq!(wanted.len(), *count, "{name}");
        let (kept, outcome) = ask(&Server::fixed(bytes).url, Limits::default());
        assert_eq!(kept.rows, wanted, "{name}");
        assert!(matches!(outcome.end, End::Complete(_)), "{name}: {:?}", outcome.end);
        assert_eq!(kept.columns[0], "ORDERID", "{name}");
    }
}

#[test]
fn a_connection_cut_anywhere_loses_no_complete_row() {
    let started = Instant::now();
    let mut cuts = 0;
    for (name, count) in STREAMS {
        let bytes = recorded(name);
        let (head, body) = divided(&bytes);
        let rows = rows_of(&unchunked(body));
        // within chunks and between them: short ones at every byte, long ones at some, as the tests beside the reader of
        // bodies cut them everywhere
        let step = if *count > 3 { 61 } else { 1 };
        let ends: Vec<usize> = (0..body.len()).step_by(step).collect();
        let (all, heads) = (bytes.clone(), head.len());
        let list = ends.clone();
        let server = Server::start(move |_, number| vec![Step::Send(all[..heads + list[number]].to_vec())]);
        let client = client(&server.url);
        for end in ends {
            let here = unchunked(&body[..end]).len();
            let wanted: Vec<&String> = rows.iter().filter(|(at, _)| *at <= here).map(|(_, row)| row).collect();
            let (kept, outcome) = ask_with(&client, Limits::default());
            assert_eq!(kept.rows.iter().collect::<Vec<_>>(), wanted, "{name}, {end}: {:?}", outcome.end);
            // only what came after the last byte of the stream may be missing
            match &outcome.end {
                End::Cut(..) | End::NoAnswer(_) => {}
                End::Complete(_) => assert_eq!(kept.rows.len(), rows.len(), "{name}, {end}"),
                other => panic!("{name}, {end}: {other:?}"),
            }
            cuts += 1;
        }
    }
    assert!(cuts > 500, "{cuts}");
    println!("{cuts} cuts in {:?}", started.elapsed());
}

#[test]
fn a_body_cut_by_a_server_that_gives_no_length_is_told_by_its_framing() {
    // without chunks only the framing can tell
    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let whole =
        b"[{\"header\":{\"queryId\":\"q\",\"schema\":\"`T` STRING\"}},\n{\"row\":{\"columns\":[\"\xc3\x84\"]}},\n";
    for (end, rows) in [(whole.len(), 1), (whole.len() - 7, 0), (whole.len() - 8, 0)] {
        let (kept, outcome) = ask(&Server::fixed([&head[..], &whole[..end]].concat()).url, Limits::default());
        assert_eq!(kept.rows.len(), rows);
        assert!(matches!(outcome.end, End::Cut(..)), "{:?}", outcome.end);
    }
}

#[test]
fn wrong_chunk_sizes_lose_no_row_before_them() {
    let bytes = recorded("69-pull-stream-v1json");
    let text = String::from_utf8(bytes).unwrap();
    // the size of the second row's chunk
    for wrong in ["ffffffff", "7fffffffffffffff", "fffffffffffffffffff", "-5", "zz", "", "2b;x=y", "1", "0"] {
        let garbled = text.replacen("\r\n2b\r\n", &format!("\r\n{wrong}\r\n"), 1);
        assert!(garbled != text);
        let (kept, outcome) = ask(&Server::fixed(garbled).url, Limits::default());
        assert!(kept.rows.starts_with(&["[0,0.9966651926925867]".to_owned()]), "{wrong}: {:?}", outcome.end);
        if wrong != "2b;x=y" {
            assert!(!matches!(outcome.end, End::Complete(_)), "{wrong}: {:?}", outcome.end);
        }
    }
}

#[test]
fn a_server_that_is_not_ready_is_asked_again() {
    let busy = |status: &str, code: u32| {
        let body = serde_json::json!({"@type": "generic_error", "error_code": code, "message": "not now"});
        answer(status, "Retry-After: 0\r\n", &body.to_string())
    };
    let good = recorded("69-pull-stream-v1json");
    let server = Server::start(move |_, number| {
        vec![Step::Send(match number {
            0 => busy("503 Service Unavailable", 50302),
            1 => busy("429 Too Many Requests", 42900),
            2 => answer("502 Bad Gateway", "", "<html>nginx</html>"),
            3 => Vec::new(),
            _ => good.clone(),
        })]
    });
    let (kept, outcome) = ask(&server.url, Limits::default());
    assert_eq!((kept.rows.len(), server.requests().len()), (2, 5), "{:?}", outcome.end);
}

/// A program that has secrets, and must not show them.
fn secretive(url: &str, more: &[&str]) -> Run {
    let arguments = ["query", "SELECT * FROM S EMIT CHANGES;", "--server", url, "--timeout", "0.4", "--user", "alice"];
    let arguments = [&arguments[..], &["--password", "hunter2"], more].concat();
    let result = run(&arguments);
    for secret in ["hunter2", "YWxpY2U6aHVudGVyMg"] {
        let shown = result.stdout.contains(secret) || result.stderr.contains(secret);
        assert!(!shown, "{arguments:?}: {}{}", result.stdout, result.stderr);
    }
    result
}

#[test]
fn faults_of_servers_by_code_and_exit_code_and_no_secret_in_any() {
    let error = |code: u32, message: &str| serde_json::json!({"@type": "generic_error", "error_code": code, "message": message});
    for (reply, code, words) in [
        (json("401 Unauthorized", &error(40100, "Unauthorized")), "E0814", "credentials"),
        (answer("401 Unauthorized", "WWW-Authenticate: Basic\r\n", "<html>who?</html>"), "E0814", "who?"),
        (json("403 Forbidden", &error(40301, "topic denied")), "E0814", "topic denied"),
        (answer("404 Not Found", "", "<html><body>Resource not found</body></html>"), "E0815", "Resource not found"),
        (answer("307 Temporary Redirect", "location: http://elsewhere/\r\n", ""), "E0815", "http://elsewhere/"),
        (answer("200 OK", "", "<html>Welcome to nginx!</html>"), "E0818", "<html>"),
        (answer("429 Too Many Requests", "Retry-After: 60\r\n", ""), "E0816", "no more requests"),
        (
            json("503 Service Unavailable", &error(50302, "KSQL is not yet ready to serve requests.")),
            "E0816",
            "not yet ready",
        ),
        (answer("502 Bad Gateway", "", "<html>proxy</html>"), "E0816", "proxy"),
        (answer("500 Internal Server Error", "", "<html>oops</html>"), "E0815", "oops"),
        (json("500 Internal Server Error", &error(50000, "java.lang.StackOverflowError")), "E0817", "StackOverflow"),
        (Vec::new(), "E0813", "closed"),
        (b"SSH-2.0-OpenSSH\r\n".to_vec(), "E0813", ""),
        (recorded("71-query-syntax-error"), "E0901", "Did you mean 'SELECT'?"),
    ] {
        let result = secretive(&Server::fixed(reply.clone()).url, &[]);
        let reply = String::from_utf8_lossy(&reply);
        assert!(result.stderr.contains(&format!("[{code}]")), "{reply}\n{}", result.stderr);
        assert!(result.stderr.contains(words), "{reply}\n{}", result.stderr);
        assert_eq!(result.code, if code == "E0901" { 1 } else { 3 }, "{reply}");
    }
    // a page that shows what it was asked, and an error that does
    let echo = Server::start(move |request, number| {
        let text = format!("{} hunter2", request.head);
        let body = if number == 0 { format!("<pre>{text}</pre>") } else { error(50000, &text).to_string() };
        vec![Step::Send(answer("500 Internal Server Error", "", &body))]
    });
    for code in ["E0815", "E0817"] {
        let result = secretive(&echo.url, &[]);
        assert!(result.stderr.contains(code) && result.stderr.to_lowercase().contains("accept"), "{}", result.stderr);
    }
    // nothing listens there any more
    let result = secretive("http://127.0.0.1:1", &[]);
    assert!(result.code == 3 && result.stderr.contains("[E0810]"), "{}", result.stderr);
    // TLS to a server without it
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            let _ = io::Read::read(&mut stream, &mut [0; 1 << 12]);
        }
    });
    let result = secretive(&url, &[]);
    assert!(result.code == 3 && result.stderr.contains("[E0811]"), "{}", result.stderr);
}

#[test]
fn credentials_reach_the_server_from_every_place() {
    let server = Server::fixed(recorded("69-pull-stream-v1json"));
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (password, both) = (folder.join("password"), folder.join("credentials"));
    std::fs::write(&password, "hunter2\n").unwrap();
    std::fs::write(&both, "alice:hunter2\n").unwrap();
    let base = ["query", "SELECT 1;", "--server", &server.url];
    let name = password.to_str().unwrap();
    for more in [
        &["--user", "alice", "--password", "hunter2"][..],
        &["--api-key", "alice", "--api-secret", "hunter2"],
        &["--user", "alice", "--password-file", name],
        &["--credentials", both.to_str().unwrap()],
    ] {
        let result = run(&[&base[..], more].concat());
        assert_eq!(result.code, 0, "{}", result.stderr);
    }
    let result = program::run_in(&base, "", &[("M2KSQL_USER", "alice"), ("M2KSQL_PASSWORD", "hunter2")]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let requests = server.requests();
    assert_eq!(requests.len(), 5);
    for request in requests {
        assert!(request.head.to_lowercase().contains("authorization: basic ywxpy2u6ahvudgvymg=="), "{}", request.head);
        assert!(request.head.contains("ccept: application/vnd.ksql.v1+json"), "{}", request.head);
    }
    std::fs::write(&both, "hunter2").unwrap();
    for more in [&["--user", "alice"][..], &["--credentials", both.to_str().unwrap()], &["--password", "hunter2"]] {
        let result = run(&[&base[..], more].concat());
        assert!(result.stderr.contains("error[E0819]") && !result.stderr.contains("hunter2"), "{}", result.stderr);
    }
    let result = run(&["query", "SELECT 1;", "--server", "http://alice:hunter2@localhost"]);
    assert!(result.code == 2 && !result.stderr.contains("hunter2"), "{}", result.stderr);
}

/// A stream of two rows that goes on for ever, and an end for it.
fn endless() -> Server {
    let bytes = recorded("69-pull-stream-v1json");
    // without the last words
    let end = bytes.windows(7).position(|window| window == b"\r\n20\r\n{").unwrap() + 2;
    let closed = Arc::new(AtomicBool::new(false));
    Server::start(move |request, _| match request.line.as_str() {
        "POST /close-query" => {
            closed.store(true, Ordering::SeqCst);
            vec![Step::Send(answer("200 OK", "", ""))]
        }
        _ => vec![Step::Send(bytes[..end].to_vec()), Step::Until(Arc::clone(&closed))],
    })
}

fn closed(server: &Server) -> bool {
    server
        .requests()
        .iter()
        .any(|it| it.is("POST /close-query") && it.body.contains("transient_ORDERS_SCORED_549374885398946162"))
}

#[test]
fn limits_end_the_query_on_the_server_too() {
    let server = endless();
    let (kept, outcome) = ask(&server.url, Limits { rows: Some(0), ..Limits::default() });
    assert!(kept.rows.is_empty() && matches!(outcome.end, End::Enough) && server.requests().is_empty());
    let server = endless();
    let (kept, outcome) = ask(&server.url, Limits { rows: Some(1), ..Limits::default() });
    assert!(kept.rows.len() == 1 && matches!(outcome.end, End::Enough) && closed(&server), "{:?}", outcome.end);
    let idle = Some(Duration::from_millis(80));
    let server = endless();
    let (kept, outcome) = ask(&server.url, Limits { idle, ..Limits::default() });
    assert!(kept.rows.len() == 2 && matches!(outcome.end, End::Idle(_)) && closed(&server), "{:?}", outcome.end);
    let server = endless();
    let (kept, outcome) = ask(&server.url, Limits { total: idle, ..Limits::default() });
    assert!(kept.rows.len() == 2 && matches!(outcome.end, End::Time(_)) && closed(&server), "{:?}", outcome.end);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_query_on_the_server_too() {
    use std::process::{Command, Stdio};
    let server = endless();
    let mut child = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
        .args(["query", "SELECT 1;", "--format", "csv", "--server", &server.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // rows are shown while the query runs
    let mut seen = String::new();
    let mut lines = io::BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        io::BufRead::read_line(&mut lines, &mut seen).unwrap();
    }
    assert_eq!(seen, "ORDERID,P\n0,0.9966651926925867\n1,0.999999999986112\n");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), closed(&server)), (Some(130), true));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "2 rows: interrupted\n");
}

#[test]
fn a_reader_that_leaves_ends_the_query_on_the_server_too() {
    use std::process::{Command, Stdio};
    let server = endless();
    let mut child = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
        .args(["query", "SELECT 1;", "--format", "csv", "--server", &server.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), closed(&server)), (Some(0), true), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[cfg(unix)]
fn a_reader_that_leaves_after_the_last_row_is_noticed() {
    use std::process::{Command, Stdio};
    let server = endless();
    let mut child = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
        .args(["query", "SELECT 1;", "--format", "csv", "--server", &server.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = io::BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        io::BufRead::read_line(&mut lines, &mut String::new()).unwrap();
    }
    // no row comes any more that could not be written
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), closed(&server)), (Some(0), true), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_file_keeps_what_came_before_the_end() {
    let bytes = recorded("62-push-v1json");
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cut.csv");
    let server = Server::fixed(bytes[..bytes.len() / 2].to_vec());
    let result = run(&["query", "SELECT 1;", "--server", &server.url, "-o", file.to_str().unwrap()]);
    assert_eq!((result.code, result.stdout.as_str()), (3, ""));
    assert!(result.stderr.contains("error[E0818]"), "{}", result.stderr);
    let text = std::fs::read_to_string(&file).unwrap();
    let rows = rows_of(&unchunked(divided(&bytes[..bytes.len() / 2]).1)).len();
    assert!(rows > 10);
    assert_eq!(text.lines().count(), 1 + rows);
    assert!(result.stderr.contains(&format!("{rows} rows came before")), "{}", result.stderr);
    assert!(
        text.starts_with("ORDERID,ITEMID,ORDERUNITS,ADDRESS,P\n0,Item_1,0.37,\"{\"\"CITY\"\":\"\"City_0\"\""),
        "{text}"
    );
}

#[test]
fn a_model_is_bound_to_the_columns_that_the_server_knows() {
    let server = Server::start(|request, _| {
        vec![Step::Send(match request.sql().as_str() {
            "DESCRIBE `ORDERS_RAW`;" => recorded("16-describe"),
            "DESCRIBE `NOPE`;" => recorded("19-describe-unknown"),
            "" => json("200 OK", &serde_json::json!({"KsqlServerInfo": {"version": "0.29.0"}})),
            _ => recorded("69-pull-stream-v1json"),
        })]
    });
    let model = "{ \"type\": \"logistic\", \"features\": { \"orderunits\": 10.0, \"zip\": 1e-5 }, \"intercept\": 2.0 }";
    let query = |from: &str, more: &[&str]| {
        let base = ["query", "--model", "-", "--from", from, "--server", &server.url, "--format", "csv"];
        program::run_with(&[&base[..], more].concat(), model)
    };
    let result = query("orders_raw", &["--rename", "zip=ADDRESS->ZIPCODE", "--from-beginning", "--keep", "ORDERID"]);
    assert_eq!((result.code, result.stdout.as_str()), (0, "ORDERID,P\n0,0.9966651926925867\n1,0.999999999986112\n"));
    let asked = server.requests().pop().unwrap();
    assert!(
        asked.is("POST /query") && asked.body.contains("\"streamsProperties\":{\"auto.offset.reset\":\"earliest\"}")
    );
    let sql = asked.sql().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        sql,
        "SELECT ORDERID, 1E0 / (1E0 + EXP(-1E1 * ORDERUNITS - 1E-5 * ADDRESS->ZIPCODE - 2E0)) AS PROBABILITY \
         FROM ORDERS_RAW EMIT CHANGES;"
    );
    // a feature that is no column is found out here, not there
    let result = query("ORDERS_RAW", &[]);
    assert!(result.code == 1 && result.stderr.contains("zip"), "{}", result.stderr);
    // a server that never answers
    let silent = Server::start(|_, _| vec![Step::Wait(Duration::from_secs(2))]);
    let late = ["query", "--model", "-", "--from", "S", "--server", &silent.url, "--timeout", "0.2"];
    let result = program::run_with(&late, model);
    assert!(result.code == 3 && result.stderr.contains("[E0812]"), "{}", result.stderr);
    let result = query("NOPE", &[]);
    assert!(result.code == 1 && result.stderr.contains("has no stream or table `NOPE`"), "{}", result.stderr);
    let result = run(&["query", "SELECT 1;", "--server", &server.url, "--threshold", "0.5"]);
    assert!(result.code == 2 && result.stderr.contains("--threshold"), "{}", result.stderr);
}
