//! `verify --server`: the query on a server, against the evaluator and the model.
//!
//! Runs against servers on this machine, and with `M2KSQL_KSQLDB_URL=http://…` against a live one, where it makes and drops
//! streams whose names begin with `M2KSQL_VERIFY_`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![cfg(feature = "deploy")]

mod program;
mod replay;

use program::{Run, path, run};
use replay::{Request, Server, Step, answer, json};
use std::path::PathBuf;
use std::time::Duration;

/// 2 a + 0.5, and two rows of it.
const MODEL: &str = r#"{"type": "linear", "features": {"a": 2.0}, "intercept": 0.5}"#;
const ROWS: &str = "{\"A\": 1.5}\n{\"A\": \"NaN\"}\n";
const FINE: &[&str] = &["0,3.5", "1,\"NaN\""];

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("m2ksql-verify-server-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

/// The columns of the answer, a row number with values each, and how it ends.
fn rows(schema: &str, values: &[&str], end: &str) -> Vec<u8> {
    let header = format!(r#"[{{"header":{{"queryId":"q","schema":"`M2KSQL_ROW` BIGINT, {schema}"}}}},"#);
    let rows: Vec<String> = values.iter().map(|row| format!("{{\"row\":{{\"columns\":[{row}]}}}},")).collect();
    let body = format!("{header}\n{}\n{end}]\n", rows.join("\n"));
    answer("200 OK", "content-type: application/vnd.ksql.v1+json\r\n", &body)
}

const COMPLETE: &str = r#"{"finalMessage":"Query Completed"}"#;

/// A server that takes every statement, and answers every query so.
/// What a server says to all but queries.
fn yes(request: &Request) -> Vec<u8> {
    json(
        "200 OK",
        &match request.is("GET /info") {
            true => serde_json::json!({"KsqlServerInfo": {"version": "0.29.0"}}),
            false => serde_json::json!([]),
        },
    )
}

fn server(answer: Vec<u8>) -> Server {
    Server::start(move |request, _| {
        vec![Step::Send(match request.is("POST /query") {
            true => answer.clone(),
            false => yes(request),
        })]
    })
}

fn verify(name: &str, server: &Server, more: &[&str]) -> Run {
    let (model, input) = (file(&format!("{name}.json"), MODEL), file(&format!("{name}.jsonl"), ROWS));
    let base = ["verify", model.to_str().unwrap(), "--input", input.to_str().unwrap(), "--rows", "0"];
    run(&[&base[..], &["--server", &server.url], more].concat())
}

/// What was sent; the time and the number of the process tell runs apart.
fn statements(requests: &[Request]) -> Vec<String> {
    let sql = |request: &Request| {
        let sql = request.sql().split_whitespace().collect::<Vec<_>>().join(" ");
        let rest = sql.split("M2KSQL_VERIFY_").nth(1).unwrap_or_default();
        let number: String = rest.chars().take_while(|it| it.is_ascii_digit() || *it == '_').collect();
        let number = number.trim_end_matches('_').rsplit_once('_').unwrap_or_default().0;
        sql.replace(&format!("M2KSQL_VERIFY_{number}"), "V")
    };
    requests.iter().filter(|request| !request.is("GET /info")).map(sql).collect()
}

const DROPPED: [&str; 2] = ["DROP STREAM IF EXISTS `V_1`;", "DROP STREAM IF EXISTS `V_1_RAW` DELETE TOPIC;"];

#[test]
fn a_server_is_compared_bit_for_bit() {
    let fine = server(rows("`PREDICTION` DOUBLE", FINE, COMPLETE));
    let result = verify("fine", &fine, &[]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{}", result.stdout);
    let expected = format!(
        "\n\n{} gives the same\nrows                  2\nresults               2, 2 of them the same as the evaluator's bit \
         for bit\nlargest difference    0 ulp\nunlike the evaluator  0\nbeyond rounding       0\n",
        fine.url
    );
    assert!(result.stdout.contains(&expected), "{}", result.stdout);
    assert_eq!(
        statements(&fine.requests()),
        [
            "CREATE STREAM `V_1_RAW` (V STRING) WITH (KAFKA_TOPIC = 'V_1', VALUE_FORMAT = 'KAFKA', PARTITIONS = 1);",
            "CREATE STREAM `V_1` (M2KSQL_ROW BIGINT, `A` DOUBLE) WITH (KAFKA_TOPIC = 'V_1', VALUE_FORMAT = 'JSON');",
            "INSERT INTO `V_1_RAW` (V) VALUES ('{\"M2KSQL_ROW\": 0, \"A\": 1.5}'); \
             INSERT INTO `V_1_RAW` (V) VALUES ('{\"M2KSQL_ROW\": 1, \"A\": \"NaN\"}');",
            "SELECT M2KSQL_ROW, 2E0 * A + 5E-1 AS PREDICTION FROM V_1;",
            DROPPED[0],
            DROPPED[1],
        ]
    );
    let result = verify("fine", &fine, &["--format", "json"]);
    let outcome: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(outcome["server"]["server"], fine.url);
    assert_eq!(
        (&outcome["server"]["evaluator"]["identical"], &outcome["server"]["model"]["values"]),
        (&2.into(), &2.into())
    );
}

#[test]
fn what_a_server_gives_otherwise_fails_with_the_row() {
    // one double further: rounding admits it, and no elementary function explains it
    let near = server(rows("`PREDICTION` DOUBLE", &["0,3.5000000000000004", FINE[1]], COMPLETE));
    let result = verify("near", &near, &[]);
    assert_eq!(result.code, 1);
    assert!(result.stdout.contains("largest difference    1 ulp\nunlike the evaluator  1\nbeyond rounding       0\n"));
    assert!(
        result.stderr.starts_with("error[E0714]: the server gives other values than the evaluator\n"),
        "{}",
        result.stderr
    );
    assert!(result.stderr.contains("`PREDICTION` is 3.5000000000000004, the evaluator gives 3.5"));
    let again =
        format!("m2ksql verify {} --input - --rows 0 --server {}", file("near.json", MODEL).display(), near.url);
    assert!(result.stderr.contains(&format!("printf '%s\\n' '{{\"A\": 1.5}}' | {again}\n")), "{}", result.stderr);

    // far off: neither the evaluator's nor the model's
    let far = server(rows("`PREDICTION` DOUBLE", &["0,3.6", FINE[1]], COMPLETE));
    let result = verify("far", &far, &[]);
    assert!(
        result.stderr.contains("error[E0714]: the server gives other values than the model\n"),
        "{}",
        result.stderr
    );
    assert!(result.stdout.starts_with("the SQL is the model\n") && result.stdout.contains("does NOT give the same"));

    // NULL, a row that does not come, another type, a value that is none
    for (name, values, words) in [
        ("null", ["0,null", FINE[1]], "`PREDICTION` is NULL, the model gives 3.5"),
        ("missing", [FINE[1], FINE[1]], "`WHERE` is no result, the evaluator gives a result"),
        ("text", ["0,\"x\"", FINE[1]], "error[E0821]: the server answers `\"x\"`"),
    ] {
        let server = server(rows("`PREDICTION` DOUBLE", &values, COMPLETE));
        let result = verify(name, &server, &[]);
        assert!(result.code != 0 && result.stderr.contains(words), "{name}: {}", result.stderr);
        assert!(statements(&server.requests()).ends_with(&DROPPED.map(str::to_owned)), "{name}");
    }
    let other = server(rows("`PREDICTION` BIGINT", FINE, COMPLETE));
    let result = verify("type", &other, &[]);
    assert!(
        result.code == 1 && result.stderr.contains("`PREDICTION` is DOUBLE here, BIGINT there"),
        "{}",
        result.stderr
    );
}

#[test]
fn the_sql_is_that_for_the_release_of_the_server() {
    let (model, features) = (file("release.json", MODEL), file("release.sql", "a = TANH(x);"));
    for (release, function) in [("7.3.2", "TANH("), ("7.2.0", "EXP(")] {
        let server = Server::start(move |request, _| {
            vec![Step::Send(match request.is("GET /info") {
                true => json("200 OK", &serde_json::json!({"KsqlServerInfo": {"version": release}})),
                false => yes(request),
            })]
        });
        let words = [model.to_str().unwrap(), "--features", features.to_str().unwrap(), "--rows", "5"];
        run(&[&["verify"], &words[..], &["--server", &server.url]].concat());
        let asked = statements(&server.requests());
        let query = asked.iter().find(|sql| sql.starts_with("SELECT ")).unwrap();
        assert!(query.contains(function), "{release}: {query}");
    }
}

#[test]
fn nothing_is_left_behind_whatever_comes_of_it() {
    let refused = Server::start(|request, _| {
        let refusal = serde_json::json!({"@type": "generic_error", "error_code": 40001, "message": "no such function"});
        vec![Step::Send(match request.is("POST /query") {
            true => json("400 Bad Request", &refusal),
            false => yes(request),
        })]
    });
    let result = verify("refused", &refused, &[]);
    assert!(result.code == 1 && result.stderr.contains("no such function"), "{}", result.stderr);
    assert!(statements(&refused.requests()).ends_with(&DROPPED.map(str::to_owned)));
    // rows that break off are no rows
    let cut = server(rows(
        "`PREDICTION` DOUBLE",
        &FINE[..1],
        r#"{"errorMessage":{"message":"out of memory","errorCode":50000}}"#,
    ));
    let result = verify("cut", &cut, &[]);
    assert!(result.code == 3 && result.stderr.contains("break off: out of memory"), "{}", result.stderr);
    assert!(statements(&cut.requests()).ends_with(&DROPPED.map(str::to_owned)));
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_drops_its_streams() {
    use std::process::{Command, Stdio};
    let slow = Server::start(|request, _| match request.is("POST /query") {
        true => vec![Step::Wait(Duration::from_secs(60))],
        false => vec![Step::Send(yes(request))],
    });
    let model = file("slow.json", MODEL);
    let child = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
        .args(["verify", model.to_str().unwrap(), "--rows", "20", "--server", &slow.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !slow.requests().iter().any(|request| request.is("POST /query")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert!(error.starts_with("error[E0820]: interrupted"), "{error}");
    assert!(statements(&slow.requests()).ends_with(&DROPPED.map(str::to_owned)));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let model = file("options.json", MODEL);
    let model = model.to_str().unwrap();
    let result = run(&["verify", model, "--server-rows", "5"]);
    assert!(result.code == 2 && result.stderr.contains("name the server by `--server`"), "{}", result.stderr);
}

/// What the server gives for one query is what the next one reads there.
#[test]
fn statements_that_read_each_other_are_tried_one_after_the_other() {
    let model = r#"{"type": "logistic", "features": {"a": 2.0}, "intercept": 1.0, "classes": ["n", "y"]}"#;
    let (model, input) = (file("stages.json", model), file("stages.jsonl", "{\"A\": -0.5}\n{\"A\": null}\n"));
    // the margin is 0 at A = -1/2
    let first = |type_of_v2: &str| {
        let schema = format!("`_V1` DOUBLE, `_V2` {type_of_v2}, `_V3` DOUBLE");
        rows(&schema, &["0,0.0,0.5,0.5", "1,null,null,null"], COMPLETE)
    };
    let second = || {
        let schema = "`LABEL` STRING, `PROBABILITY_N` DOUBLE, `PROBABILITY_Y` DOUBLE, `MARGIN` DOUBLE";
        rows(schema, &["0,\"n\",0.5,0.5,0.0", "1,null,null,null,null"], COMPLETE)
    };
    let start = |first: Vec<u8>| {
        Server::start(move |request, _| {
            let of_second = request.is("POST /query") && request.sql().contains("AS LABEL");
            vec![Step::Send(match (request.is("POST /query"), of_second) {
                (true, false) => first.clone(),
                (true, true) => second(),
                _ => yes(request),
            })]
        })
    };
    let ask = |server: &Server| {
        let base = ["verify", model.to_str().unwrap(), "--input", input.to_str().unwrap(), "--rows", "0"];
        run(&[&base[..], &["--stages", "2", "--server", &server.url]].concat())
    };
    let server = start(first("DOUBLE"));
    let result = ask(&server);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{}", result.stdout);
    assert!(result.stdout.contains("rows                  2\nresults               8, 8 of them"), "{}", result.stdout);
    let sent = statements(&server.requests());
    let inserted =
        |stream: &str| sent.iter().find(|it| it.starts_with(&format!("INSERT INTO `V_{stream}_RAW`"))).unwrap();
    assert!(inserted("1").contains(r#"{"M2KSQL_ROW": 0, "A": -0.5}"#), "{sent:#?}");
    assert!(inserted("2").contains(r#"{"M2KSQL_ROW": 0, "_V1": 0.0, "_V2": 0.5, "_V3": 0.5}"#), "{sent:#?}");

    // a type that is another one between them is said too
    let result = ask(&start(first("DECIMAL(2, 1)")));
    assert_eq!(result.code, 1, "{}", result.stdout);
    assert!(result.stderr.contains("`_V2` is DOUBLE here, DECIMAL(2, 1) there"), "{}", result.stderr);
}

/// On a live server: labels, probabilities, categories, NULLs left out by WHERE, columns with types of their own.
#[test]
fn models_on_a_live_server() {
    let Some(url) = std::env::var("M2KSQL_KSQLDB_URL").ok().filter(|url| !url.is_empty()) else {
        return println!("skipped: M2KSQL_KSQLDB_URL names no server");
    };
    for arguments in [
        &["fixtures/own/softmax_strings/model.json"][..],
        &["fixtures/sklearn/pipe_coltransf_mixed_logreg_iris/model.json"],
        &["fixtures/sklearn/pipe_coltransf_mixed_logreg_iris/model.json", "--stages", "3", "--nulls", "skip"],
        &["fixtures/sklearn/logreg_bin_str_iris/model.json", "--nulls", "skip", "--strict"],
        &["fixtures/orders/model.json", "--schema", "fixtures/orders/source.sql", "--from", "ORDERS_RAW"],
        &[
            "fixtures/sklearn/logreg_bin_str_iris/model.json",
            "--probabilities",
            "map",
            "--select",
            "label,probabilities,reasons",
        ],
    ] {
        let model = path(arguments[0]);
        let base = ["verify", model.to_str().unwrap(), "--server", &url, "--server-rows", "120"];
        let result = run(&[&base[..], &arguments[1..]].concat());
        assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{arguments:?}\n{}", result.stdout);
        assert!(result.stdout.contains("gives the same\nrows                  120\n"), "{}", result.stdout);
    }
}
