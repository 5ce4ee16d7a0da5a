//! A manifest and a server: cases that run there, models that are planned and applied at once.
//!
//! Runs against servers on this machine, and with `M2KSQL_KSQLDB_URL=http://…` against a live one, where it makes and drops
//! streams whose names begin with `M2KSQL_TEST_` and `F_`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "deploy")]

mod program;
mod replay;

use program::{Run, copy, path, run};
use replay::{Request, Server, Step, answer, json};
use std::fs;
use std::path::PathBuf;

fn live() -> Option<String> {
    std::env::var("M2KSQL_KSQLDB_URL").ok().filter(|url| !url.is_empty())
}

/// A copy of the sample project.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("m2ksql-manifest-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        copy(&path("examples/project"), &folder);
        Project(folder)
    }

    fn edit(&self, name: &str, old: &str, new: &str) {
        let file = self.0.join(name);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(old), "{name} has no {old}");
        fs::write(file, text.replace(old, new)).unwrap();
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Run {
        let manifest = self.0.join("m2ksql.toml");
        run(&[&[command, "--manifest", manifest.to_str().unwrap()], arguments].concat())
    }
}

/// A server that takes every statement, and gives these values for the rows of every query.
fn server(values: &'static [&'static str]) -> Server {
    server_of("0.29.0", values)
}

fn server_of(release: &'static str, values: &'static [&'static str]) -> Server {
    Server::start(move |request, _| {
        match request.line.as_str() {
            "POST /query" => {}
            "GET /info" => {
                let info = serde_json::json!({"KsqlServerInfo": {"version": release}});
                return vec![Step::Send(json("200 OK", &info))];
            }
            _ => return vec![Step::Send(json("200 OK", &serde_json::json!([])))],
        }
        let header = r#"[{"header":{"queryId":"q","schema":"`M2KSQL_ROW` BIGINT, `P` DOUBLE"}},"#;
        let rows: Vec<String> = values.iter().map(|row| format!("{{\"row\":{{\"columns\":[{row}]}}}},")).collect();
        let body = format!("{header}\n{}\n{{\"finalMessage\":\"Query Completed\"}}]\n", rows.join("\n"));
        vec![Step::Send(answer("200 OK", "content-type: application/vnd.ksql.v1+json\r\n", &body))]
    })
}

fn statements(requests: &[Request]) -> Vec<String> {
    let sql = requests
        .iter()
        .filter(|request| !request.is("GET /info"))
        .map(|request| request.sql().split_whitespace().collect::<Vec<_>>().join(" "));
    // the time and the number of the process tell runs apart
    sql.map(|sql| sql.replace(&format!("M2KSQL_TEST_{}", run_of(&sql)), "T")).collect()
}

fn run_of(sql: &str) -> String {
    let rest = sql.split("M2KSQL_TEST_").nth(1).unwrap_or_default();
    rest.split('_').take(2).collect::<Vec<_>>().join("_")
}

#[test]
fn cases_are_scored_by_a_server_in_streams_of_their_own() {
    let project = Project::new("cases");
    // in another order than the rows
    let fine = server(&["1,28.0", "0,60.00000000000001"]);
    let result = project.run("test", &["price", "--server", &fine.url]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    assert!(
        result.stdout.ends_with(&format!("price.cases on {}\n2 passed, 0 failed\n", fine.url)),
        "{}",
        result.stdout
    );
    assert_eq!(
        statements(&fine.requests()),
        [
            "CREATE STREAM `T_1_RAW` (V STRING) WITH (KAFKA_TOPIC = 'T_1', VALUE_FORMAT = 'KAFKA', PARTITIONS = 1);",
            "CREATE STREAM `T_1` (M2KSQL_ROW BIGINT, `AGE` INTEGER, `CALLS` INTEGER, `INCOME` DOUBLE) WITH (KAFKA_TOPIC = 'T_1', \
             VALUE_FORMAT = 'JSON');",
            "INSERT INTO `T_1_RAW` (V) VALUES ('{\"M2KSQL_ROW\": 0, \"AGE\": 40, \"CALLS\": 10, \"INCOME\": 3000.0}'); \
             INSERT INTO `T_1_RAW` (V) VALUES ('{\"M2KSQL_ROW\": 1, \"AGE\": 20, \"CALLS\": null, \"INCOME\": 1000.0}');",
            "SELECT M2KSQL_ROW, 7.5E-1 * COALESCE(CAST(AGE AS DOUBLE), 0E0) + 1.5E0 * COALESCE(CAST(CALLS AS DOUBLE), 0E0) + \
             1E-3 * COALESCE(INCOME, 0E0) + 1.2E1 AS PREDICTION FROM T_1;",
            "DROP STREAM IF EXISTS `T_1`;",
            "DROP STREAM IF EXISTS `T_1_RAW` DELETE TOPIC;",
        ]
    );
    // another value fails the case there and not here; what was made is dropped all the same
    let wrong = server(&["0,61.0", "1,28.0"]);
    let result = project.run("test", &["price", "--server", &wrong.url]);
    assert_eq!((result.code, result.stdout.ends_with("1 passed, 1 failed\n")), (1, true), "{}", result.stdout);
    assert!(result.stderr.contains("expected `60`, the server gives `61.0`"), "{}", result.stderr);
    assert!(statements(&wrong.requests()).last().unwrap().starts_with("DROP STREAM"));
    // a row that does not come back is NULL, as one that WHERE leaves out
    let less = server(&["0,60.0"]);
    let result = project.run("test", &["price", "--server", &less.url]);
    assert!(result.stderr.contains("expected `28`, the server gives `NULL`"), "{}", result.stderr);
    let Some(url) = live() else { return };
    let result = project.run("test", &["--server", &url]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    assert!(result.stdout.ends_with("4 passed, 0 failed\n"), "{}", result.stdout);
}

#[test]
fn cases_are_scored_by_the_sql_for_the_release_of_the_server() {
    let project = Project::new("release");
    let model = r#"{ "type": "linear", "features": { "t": 2.0 }, "intercept": 1.0 }"#;
    fs::write(project.0.join("models/power.json"), model).unwrap();
    fs::write(project.0.join("power.sql"), "t = TANH(income);").unwrap();
    let case = project.0.join("models/power.cases");
    fs::create_dir_all(&case).unwrap();
    fs::write(case.join("rows.csv"), "INCOME\n0\n").unwrap();
    fs::write(case.join("expected.csv"), "PREDICTION\n1\n").unwrap();
    let entry = "[[model]]\nfile = \"models/power.json\"\nfeatures = [\"power.sql\"]\ninto = \"T\"\n\n# `m2ksql plan";
    project.edit("m2ksql.toml", "# `m2ksql plan", entry);
    let query = |release: &'static str| {
        let server = server_of(release, &["0,1.0"]);
        let result = project.run("test", &["power", "--server", &server.url]);
        assert_eq!((result.code, result.stderr.as_str()), (0, ""), "{release}");
        statements(&server.requests()).into_iter().find(|sql| sql.starts_with("SELECT ")).unwrap()
    };
    // TANH is there since 7.3
    assert!(query("7.3.2").contains("TANH("), "{}", query("7.3.2"));
    assert!(query("7.2.0").contains("EXP("), "{}", query("7.2.0"));
    // a target of the manifest comes first
    project.edit("m2ksql.toml", "into = \"T\"", "into = \"T\"\ntarget = \"0.26\"");
    assert!(query("7.3.2").contains("EXP("), "{}", query("7.3.2"));
    let old = server_of("0.19.0", &[]);
    let result = project.run("test", &["power", "--server", &old.url]);
    assert!(result.stderr.contains("is ksqlDB 0.19.0, for which no SQL is written"), "{}", result.stderr);
}

#[test]
fn where_and_what_passes_through_are_tested_too() {
    let project = Project::new("where");
    let case = project.0.join("models/calls.cases");
    fs::create_dir_all(&case).unwrap();
    let row =
        |id: &str, plan: &str| format!("{{\"ID\": \"{id}\", \"AGE\": 20, \"CALLS_BEFORE\": 10, \"PLAN\": {plan}}}\n");
    let rows = row("a", "\"pro\"") + &row("b", "\"basic\"") + &row("c", "null");
    fs::write(case.join("rows.jsonl"), rows).unwrap();
    // 0.9 * 10 - 0.05 * 20 + 3.5
    fs::write(case.join("expected.csv"), "ID,PREDICTION\na,11.5\n,\n,\n").unwrap();
    let result = project.run("test", &["calls"]);
    assert_eq!((result.code, result.stderr.as_str()), (0, ""));
    fs::write(case.join("expected.csv"), "ID,PREDICTION,NAME\na,11.5,x\nb,11.5,x\n,,\n").unwrap();
    let result = project.run("test", &["calls"]);
    assert!(result.stderr.contains("expected `b`, the SQL gives `NULL`"), "{}", result.stderr);
    assert!(result.stderr.contains("the SQL has no column `NAME`, but ID, PREDICTION"), "{}", result.stderr);
}

#[test]
fn environments_name_servers_and_hold_no_secret() {
    let project = Project::new("environments");
    let fine = server(&["0,60.0", "1,28.0"]);
    project.edit("m2ksql.toml", "http://localhost:8088", &fine.url);
    let result = project.run("test", &["price", "--environment", "local"]);
    assert!(result.code == 0 && result.stdout.contains(&format!("on {}", fine.url)), "{}", result.stderr);
    // the command line comes first
    let other = server(&["0,60.0", "1,28.0"]);
    let result = project.run("test", &["price", "--environment", "local", "--server", &other.url]);
    assert!(result.code == 0 && result.stdout.contains(&format!("on {}", other.url)), "{}", result.stderr);
    let result = project.run("test", &["--environment", "lokal"]);
    assert!(result.code == 2 && result.stderr.contains("did you mean `local`?"), "{}", result.stderr);
    // credentials lie in a file that is named relative to the manifest
    project.edit("m2ksql.toml", "server = ", "credentials = \"secret\"\nserver = ");
    fs::write(project.0.join("secret"), "me:hunter2\n").unwrap();
    assert_eq!(project.run("test", &["price", "--environment", "local"]).code, 0);
    let head = fine.requests().pop().unwrap().head;
    // base64 of me:hunter2
    assert!(head.to_lowercase().contains("authorization: basic bwu6ahvudgvymg=="), "{head}");
    project.edit("m2ksql.toml", "credentials = \"secret\"", "password = \"hunter2\"");
    let result = project.run("build", &["--check"]);
    assert!(result.code == 1 && result.stderr.contains("`password` is no key of an environment"), "{}", result.stderr);
}

#[test]
fn a_source_of_several_models_that_is_not_there_is_said_once() {
    let project = Project::new("missing");
    let server = Server::start(|request, _| {
        let message = "Could not find STREAM/TABLE 'CUSTOMERS' in the Metastore";
        let refusal = serde_json::json!({"@type": "statement_error", "error_code": 40001, "message": message});
        let there = serde_json::json!([{"@type": "streams", "streams": [{"name": "CUSTOMER"}]}, {"tables": []}]);
        vec![Step::Send(match request.sql().as_str() {
            "SHOW STREAMS; SHOW TABLES;" => json("200 OK", &there),
            _ => json("400 Bad Request", &refusal),
        })]
    });
    let result = project.run("apply", &["--yes", "--server", &server.url]);
    assert_eq!((result.code, result.stderr.matches("error[").count()), (1, 1), "{}", result.stderr);
    assert!(result.stderr.contains("no stream or table `CUSTOMERS`"), "{}", result.stderr);
    assert!(result.stderr.contains("did you mean `CUSTOMER`?"), "{}", result.stderr);
    assert_eq!(statements(&server.requests()), ["DESCRIBE `CUSTOMERS`;", "SHOW STREAMS; SHOW TABLES;"]);
}

#[test]
fn models_of_a_manifest_are_named_and_must_write_a_stream() {
    let project = Project::new("named");
    let result = project.run("plan", &["chrun"]);
    assert!(result.code == 2 && result.stderr.contains("did you mean `churn`?"), "{}", result.stderr);
    let result = project.run("plan", &["churn", "--threshold", "0.4"]);
    assert!(result.code == 2 && result.stderr.contains("--from"), "{}", result.stderr);
    let result = project.run("plan", &["a.json", "b.json", "--from", "S", "--into", "T"]);
    assert!(result.code == 2 && result.stderr.contains("several models cannot write one stream"), "{}", result.stderr);
    project.edit("m2ksql.toml", "into = \"CUSTOMER_PRICE\"", "as = \"expression\"");
    let result = project.run("plan", &["price"]);
    assert!(
        result.code == 2 && result.stderr.contains("`price` cannot be applied: it has no `into`"),
        "{}",
        result.stderr
    );
    let result = run(&["plan", "a.json", "--manifest", "nothing.toml"]);
    assert!(result.code == 2 && result.stderr.contains("there is no nothing.toml"), "{}", result.stderr);
}
