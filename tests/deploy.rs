//! `apply`, `drop` and their like when things go wrong: slow, failing, busy and silent servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "deploy")]

mod program;
mod replay;

use program::{Run, run_with};
use replay::{Request, Server, Step, json};
use serde_json::{Value, json as value};
use std::sync::Mutex;

const MODEL: &str = "{ \"type\": \"logistic\", \"features\": { \"x\": 10.0 }, \"intercept\": 2.0 }";

/// What the server keeps of the model's statement.
const KEPT: &str = "CREATE STREAM T WITH (KAFKA_TOPIC='T', PARTITIONS=1) AS SELECT (1E0 / (1E0 + EXP(((-1E1 * S.X) - 2E0)))) \
                    PROBABILITY FROM S S EMIT CHANGES;";

fn field(name: &str, ty: &str) -> Value {
    value!({"name": name, "schema": {"type": ty, "fields": null, "memberSchema": null}})
}

fn described(name: &str, fields: &[Value], statement: &str, readers: &[&str]) -> Value {
    let query = |id: &str, text: &str, sink: &str| value!({"id": id, "queryString": text, "sinks": [sink], "queryType": "PERSISTENT", "state": "RUNNING"});
    let writers: Vec<Value> =
        if statement.contains(" AS SELECT") { vec![query("CSAS_T_1", statement, name)] } else { Vec::new() };
    let readers: Vec<Value> = readers.iter().map(|sink| query(&format!("CSAS_{sink}_2"), "", sink)).collect();
    value!([{"@type": "sourceDescription", "statementText": "", "sourceDescription": {
        "name": name, "type": "STREAM", "fields": fields, "topic": name, "statement": statement,
        "writeQueries": writers, "readQueries": readers }, "warnings": []}])
}

fn command(status: &str, message: &str) -> Value {
    value!([{"@type": "currentStatus", "statementText": "", "commandId": "stream/`T`/create",
        "commandStatus": {"status": status, "message": message, "queryId": null}, "commandSequenceNumber": 2}])
}

fn error(code: u32, message: &str) -> Value {
    value!({"@type": "statement_error", "error_code": code, "message": message, "statementText": "", "entities": []})
}

/// A server with a stream S (X DOUBLE) and, once it is made, T. `create` answers the statement that makes it, given how
/// often it came; `status` says how far it is, given how often it was asked.
fn server(
    create: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    status: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> Server {
    server_with(|_| None, create, status)
}

/// The same with a history of deployments that answers like this; without an answer there is none and none can be made.
fn server_with(
    history: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static,
    create: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
    status: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> Server {
    let counts = Mutex::new((0_usize, 0_usize, false));
    Server::start(move |request: &Request, _| {
        let mut counts = counts.lock().unwrap();
        let sql = request.sql();
        if let Some(answer) = history(request).filter(|_| sql.contains("M2KSQL_DEPLOYMENTS")) {
            return vec![Step::Send(answer)];
        }
        let answer = match (request.line.as_str(), sql.as_str()) {
            ("GET /info", _) => json("200 OK", &value!({"KsqlServerInfo": {"version": "0.29.0"}})),
            ("GET /healthcheck", _) => {
                let details = value!({"kafka": {"isHealthy": true}, "commandRunner": {"isHealthy": false}});
                json("200 OK", &value!({"isHealthy": false, "details": details, "serverState": "READY"}))
            }
            ("GET /status/stream/%60T%60/create", _) => {
                counts.1 += 1;
                let status = status(counts.1 - 1);
                counts.2 |= status["status"] == "SUCCESS";
                json("200 OK", &status)
            }
            (_, "DESCRIBE `S`;") => {
                json("200 OK", &described("S", &[field("X", "DOUBLE")], "CREATE STREAM S (X DOUBLE);", &[]))
            }
            (_, "DESCRIBE `T`;") if counts.2 => {
                json("200 OK", &described("T", &[field("PROBABILITY", "DOUBLE")], KEPT, &["U"]))
            }
            (_, sql) if sql.starts_with("DESCRIBE") => {
                json("400 Bad Request", &error(40001, "Could not find STREAM/TABLE 'T' in the Metastore"))
            }
            (_, sql) if sql.starts_with("EXPLAIN") => json(
                "200 OK",
                &value!([{"@type": "queryDescription", "queryDescription": {"fields": [field("PROBABILITY", "DOUBLE")]}}]),
            ),
            (_, sql) if sql.starts_with("CREATE STREAM T ") => {
                counts.0 += 1;
                let answer = create(counts.0 - 1);
                counts.2 |= String::from_utf8_lossy(&answer).contains("SUCCESS") || answer.is_empty();
                answer
            }
            // the history cannot be written
            (_, sql) if sql.contains("M2KSQL_DEPLOYMENTS") => json(
                "400 Bad Request",
                &error(40001, "Authorization denied to Create on topic(s): [m2ksql_deployments]"),
            ),
            other => panic!("{other:?}"),
        };
        vec![Step::Send(answer)]
    })
}

fn apply(server: &Server, more: &[&str]) -> Run {
    let base = ["apply", "-", "--from", "S", "--into", "T", "--no-provenance", "--yes", "--timeout", "1", "--server"];
    run_with(&[&base[..], &[&server.url], more].concat(), MODEL)
}

fn sent(server: &Server) -> usize {
    server.requests().iter().filter(|request| request.sql().starts_with("CREATE STREAM T ")).count()
}

fn status(word: &str, message: &str) -> Value {
    value!({"status": word, "message": message, "queryId": null})
}

#[test]
fn a_statement_is_done_when_the_server_says_so() {
    let words = ["QUEUED", "EXECUTING", "SUCCESS"];
    let server = server(
        |_| json("200 OK", &command("QUEUED", "Statement written to command topic")),
        move |number| status(words[number.min(2)], ""),
    );
    let result = apply(&server, &[]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(result.stderr.starts_with("T: created\n"), "{}", result.stderr);
    assert_eq!(server.requests().iter().filter(|it| it.line.starts_with("GET /status")).count(), 3);
    assert_eq!(sent(&server), 1);
    // that the history cannot be written does not undo it
    assert!(
        result.stderr.contains("warning[W0906]") && result.stderr.contains("Authorization denied"),
        "{}",
        result.stderr
    );
    // the second time it runs already
    let again = apply(&server, &[]);
    assert!(
        again.code == 0 && again.stdout.contains("unchanged  T, query CSAS_T_1"),
        "{}{}",
        again.stdout,
        again.stderr
    );
    assert_eq!(sent(&server), 1);
}

#[test]
fn a_200_is_no_success() {
    let server = server(
        |_| json("200 OK", &command("QUEUED", "")),
        |_| status("ERROR", "io.confluent.ksql.util.KsqlStatementException: out of memory\nCaused by: something"),
    );
    let result = apply(&server, &[]);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("error[E0903]") && result.stderr.contains("out of memory"), "{}", result.stderr);
    assert!(result.stderr.contains("run the same command again"), "{}", result.stderr);
}

#[test]
fn no_number_is_given_twice_when_the_history_cannot_be_read() {
    let history = [field("SINK", "STRING"), field("ENTRY", "STRING")];
    let server = server_with(
        move |request| {
            Some(match request.line.as_str() {
                "POST /query" => json("500 Internal Server Error", &error(50000, "the topic cannot be read")),
                _ => json("200 OK", &described("M2KSQL_DEPLOYMENTS", &history, "CREATE STREAM;", &[])),
            })
        },
        |_| json("200 OK", &command("SUCCESS", "")),
        |_| status("SUCCESS", ""),
    );
    let result = apply(&server, &[]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(result.stderr.contains("warning[W0906]"), "{}", result.stderr);
    assert!(result.stderr.contains("the topic cannot be read"), "{}", result.stderr);
    assert!(server.requests().iter().all(|request| !request.sql().starts_with("INSERT")));
}

#[test]
fn a_busy_server_is_sent_the_statement_again() {
    let busy = "Could not write the statement 'CREATE STREAM T' into the command topic.\nCaused by: Timeout while waiting for \
                command topic consumer to process command\n\ttopic";
    // another client's statement came in between
    let fenced = "Producer with transactionalId 'default_' and ProducerIdAndEpoch(producerId=1, epoch=1284) has been fenced by \
                  another producer with the same transactionalId";
    let busy_server = server(
        move |number| match number {
            0 => json("500 Internal Server Error", &error(50000, fenced)),
            1 => json("500 Internal Server Error", &error(50000, busy)),
            _ => json("200 OK", &command("SUCCESS", "")),
        },
        |_| status("SUCCESS", ""),
    );
    let result = apply(&busy_server, &[]);
    assert_eq!((result.code, sent(&busy_server)), (0, 3), "{}", result.stderr);
    // but not for ever
    let server = server(move |_| json("500 Internal Server Error", &error(50000, busy)), |_| status("SUCCESS", ""));
    let result = apply(&server, &["--wait", "0.3"]);
    assert!(result.code == 3 && result.stderr.contains("error[E0817]"), "{}", result.stderr);
    assert!(result.stderr.contains("not healthy: commandRunner"), "{}", result.stderr);
    assert!(sent(&server) >= 2);
}

#[test]
fn waiting_has_an_end() {
    let server = server(|_| json("200 OK", &command("EXECUTING", "")), |_| status("EXECUTING", ""));
    let result = apply(&server, &["--wait", "0.3"]);
    assert!(result.code == 3 && result.stderr.contains("error[E0812]"), "{}", result.stderr);
    assert!(result.stderr.contains("--wait"), "{}", result.stderr);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_wait_and_says_what_goes_on() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let server = server(|_| json("200 OK", &command("EXECUTING", "")), |_| status("EXECUTING", ""));
    let mut child = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
        .args(["apply", "-", "--from", "S", "--into", "T", "--yes", "--server", &server.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(MODEL.as_bytes()).unwrap();
    while !server.requests().iter().any(|request| request.line.starts_with("GET /status")) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("error[E0908]") && stderr.contains("the statement goes on"), "{stderr}");
    assert!(stderr.contains("run the same command again"), "{stderr}");
}

#[test]
fn a_statement_whose_answer_is_lost_is_looked_for_and_not_sent_twice() {
    // it arrived, and the answer did not
    let server = server(|_| Vec::new(), |_| status("SUCCESS", ""));
    let result = apply(&server, &[]);
    assert_eq!((result.code, sent(&server)), (0, 1), "{}", result.stderr);
}

#[test]
fn a_statement_that_was_refused_changes_nothing() {
    let server = server(
        |_| json("400 Bad Request", &error(40001, "Line: 2, Col: 3: Function 'EXP' does not exist")),
        |_| status("SUCCESS", ""),
    );
    let result = apply(&server, &[]);
    assert!(result.code == 1 && result.stderr.contains("error[E0901]"), "{}", result.stderr);
    assert!(result.stderr.contains("<statement>:2:3"), "{}", result.stderr);
}

#[test]
fn what_others_read_is_not_dropped() {
    let entry = value!({"sink": "T", "number": 1, "action": "apply", "source": "S", "statements": [KEPT]}).to_string();
    let server = Server::start(move |request, _| {
        let history = [field("SINK", "STRING"), field("ENTRY", "STRING")];
        let answer = match (request.line.as_str(), request.sql().as_str()) {
            (_, "DESCRIBE `M2KSQL_DEPLOYMENTS`;") => described("M2KSQL_DEPLOYMENTS", &history, "CREATE STREAM;", &[]),
            (_, "DESCRIBE `T`;") => described("T", &[field("PROBABILITY", "DOUBLE")], KEPT, &["U"]),
            (_, "DESCRIBE `U`;") => described("U", &[field("PROBABILITY", "DOUBLE")], "", &[]),
            ("GET /info", _) => value!({"KsqlServerInfo": {"version": "0.29.0"}}),
            ("GET /healthcheck", _) => {
                value!({"isHealthy": false, "details": {"kafka": {"isHealthy": true}, "commandRunner": {"isHealthy": false}}})
            }
            ("POST /query", _) => {
                let rows =
                    value!([{"header": {"queryId": "q", "schema": "`ENTRY` STRING"}}, {"row": {"columns": [entry]}}]);
                return vec![Step::Send(json("200 OK", &rows))];
            }
            other => panic!("{other:?}"),
        };
        vec![Step::Send(json("200 OK", &answer))]
    });
    let result = program::run(&["drop", "t", "--yes", "--server", &server.url]);
    assert!(result.code == 1 && result.stderr.contains("error[E0905]"), "{}{}", result.stdout, result.stderr);
    assert!(result.stderr.contains("CSAS_U_2"), "{}", result.stderr);
    let status = program::run(&["status", "--server", &server.url, "--format", "json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let deployed = &status["deployments"][0];
    assert_eq!((&deployed["state"], &deployed["query"]), (&value!("RUNNING"), &value!("CSAS_T_1")));
    assert_eq!((&status["version"], &status["healthy"]), (&value!("0.29.0"), &value!(false)));
    let status = program::run(&["status", "--server", &server.url]);
    assert!(status.stdout.contains(", not healthy: commandRunner\n"), "{}", status.stdout);
}

#[test]
fn migrations_are_numbered_and_divided_as_the_tool_does() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("migrations");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("V000041__earlier.sql"), "").unwrap();
    let base = ["compile", "-", "--as", "migration", "--from", "S", "--into", "T", "-o", folder.to_str().unwrap()];
    for _ in 0..2 {
        let result = run_with(&[&base[..], &["--header"]].concat(), MODEL);
        assert_eq!((result.code, result.stdout.as_str(), result.stderr.as_str()), (0, "", ""));
    }
    let text = std::fs::read_to_string(folder.join("V000043__T.sql")).unwrap();
    assert!(text.starts_with("-- m2ksql ") && text.contains("CREATE STREAM T AS") && text.ends_with(";\n"), "{text}");
    assert!(folder.join("V000042__T.sql").exists());
    let result = run_with(&[&base[..], &["--keep", "`a;b`"]].concat(), MODEL);
    assert!(result.code == 1 && result.stderr.contains("error[E0907]"), "{}", result.stderr);
}

/// A chain of two statements: the second reads what the first makes.
#[test]
fn statements_are_planned_and_applied_in_their_order() {
    use m2ksql::deploy::apply::{Patience, Progress, apply};
    use m2ksql::deploy::plan::{Action, plan, read};
    use m2ksql::deploy::talk::Talk;
    use m2ksql::deploy::{Client, Properties, Settings};
    use m2ksql::diag::{Report, Sources};
    use m2ksql::sql::print::Style;

    // what is there: name, columns, and what the server keeps of the statement
    let made: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let server = Server::start(move |request, _| {
        let mut made = made.lock().unwrap();
        let sql = request.sql();
        let double = |name: &str| field(name, "DOUBLE");
        let missing = |name: &str| {
            json("400 Bad Request", &error(40001, &format!("Could not find STREAM/TABLE '{name}' in the Metastore")))
        };
        let answer = match sql.as_str() {
            "" => json("200 OK", &value!({"KsqlServerInfo": {"version": "0.29.0"}})),
            "DESCRIBE `S`;" => json("200 OK", &described("S", &[double("X")], "CREATE STREAM S (X DOUBLE);", &[])),
            "DESCRIBE `T_1`;" if made.contains(&"T_1".to_owned()) => {
                let kept = "CREATE STREAM T_1 WITH (KAFKA_TOPIC='T_1') AS SELECT (2E0 * S.X) Z FROM S S EMIT CHANGES;";
                json("200 OK", &described("T_1", &[double("Z")], kept, &["T"]))
            }
            "DESCRIBE `T`;" if made.contains(&"T".to_owned()) => {
                let kept = "CREATE STREAM T WITH (KAFKA_TOPIC='T') AS SELECT EXP(T_1.Z) P FROM T_1 T_1 EMIT CHANGES;";
                json("200 OK", &described("T", &[double("P")], kept, &[]))
            }
            sql if sql.starts_with("DESCRIBE") => missing(sql),
            // only what reads from something that is there can be explained
            sql if sql.starts_with("EXPLAIN") && sql.contains("FROM S") => {
                json("200 OK", &value!([{"@type": "queryDescription", "queryDescription": {"fields": [double("Z")]}}]))
            }
            sql if sql.starts_with("CREATE STREAM T_1 ") => {
                made.push("T_1".to_owned());
                json("200 OK", &command("SUCCESS", ""))
            }
            sql if sql.starts_with("CREATE STREAM T ") && made.contains(&"T_1".to_owned()) => {
                made.push("T".to_owned());
                json("200 OK", &command("SUCCESS", ""))
            }
            other => json("400 Bad Request", &error(40001, other)),
        };
        vec![Step::Send(answer)]
    });
    let client = Client::new(Settings { server: server.url.clone(), ..Settings::default() }).unwrap();
    let statements = [
        read("CREATE STREAM T_1 AS SELECT 2E0 * X AS Z FROM S EMIT CHANGES;").unwrap(),
        read("CREATE STREAM T AS SELECT EXP(Z) AS P FROM T_1 EMIT CHANGES;").unwrap(),
    ];
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let mut talk = Talk { client: &client, sources: &mut sources, report: &mut report };
    let none = std::collections::BTreeSet::new();
    let first = plan(&statements, &none, Style::default(), &mut talk).unwrap();
    assert!(first.steps.iter().all(|step| step.action == Action::Create));
    assert!(first.steps[0].notes.is_empty() && first.steps[1].notes[0].contains("`T_1` is not there yet"));
    let mut done = Vec::new();
    let mut progress = |progress: Progress<'_>| {
        if let Progress::Done(step) = progress {
            done.push(step.name.clone());
        }
    };
    apply(&first, &Properties::new(), Patience::default(), &mut talk, &mut progress).unwrap();
    assert_eq!(done, ["T_1", "T"]);
    assert!(plan(&statements, &none, Style::default(), &mut talk).unwrap().is_done());
    // a first that fails stops the rest, and says so
    let broken = [read("CREATE STREAM T_2 AS SELECT X AS Z FROM S EMIT CHANGES;").unwrap(), {
        read("CREATE STREAM T_3 AS SELECT Z FROM T_2 EMIT CHANGES;").unwrap()
    }];
    let second = plan(&broken, &none, Style::default(), &mut talk).unwrap();
    assert!(apply(&second, &Properties::new(), Patience::default(), &mut talk, &mut |_| {}).is_err());
    let found = report.diagnostics().last().unwrap();
    assert!(found.notes.contains(&"not applied: `T_3`".to_owned()), "{found:?}");
}
