//! Deployments on a server in memory: what is asked, what is left, what is refused beforehand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "deploy")]

mod fake;
mod program;
mod replay;

use fake::{Fake, Stream};
use program::{Run, run_with};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MODEL: &str = "{ \"type\": \"logistic\", \"features\": { \"x\": 10.0 }, \"intercept\": 2.0 }";
const NEWER: &str = "{ \"type\": \"logistic\", \"features\": { \"x\": 11.0 }, \"intercept\": 2.5 }";

#[track_caller]
fn run(fake: &Fake, arguments: &str, model: &str) -> Run {
    let mut words: Vec<&str> = arguments.split(' ').filter(|word| !word.is_empty()).collect();
    words.extend(["--server", fake.url(), "--timeout", "2"]);
    run_with(&words, model)
}

#[track_caller]
fn ok(fake: &Fake, arguments: &str, model: &str) -> String {
    let result = run(fake, arguments, model);
    assert_eq!(result.code, 0, "{arguments}\n{}{}", result.stdout, result.stderr);
    result.stdout
}

const APPLY: &str = "apply - --from S --into T --keep ID --yes";

#[test]
fn a_candidate_is_promoted_by_one_plan() {
    let fake = Fake::start("0.29.0");
    ok(&fake, APPLY, MODEL);
    ok(&fake, &format!("{APPLY} --shadow"), NEWER);
    assert_eq!(fake.streams(), ["M2KSQL_DEPLOYMENTS", "S", "T", "T_SHADOW"]);
    // nothing is done before the whole of it is shown and agreed to
    let shown = ok(&fake, "promote T --dry-run", "");
    assert!(shown.contains("replace    T in place") && shown.contains("drop       T_SHADOW and its topic"), "{shown}");
    assert_eq!(shown.matches("ksqlDB 0.29.0 at").count(), 1, "{shown}");
    let asked = run(&fake, "promote T", "");
    assert!(asked.code == 2 && asked.stderr.matches("--yes").count() == 1, "{}", asked.stderr);
    assert_eq!(fake.streams(), ["M2KSQL_DEPLOYMENTS", "S", "T", "T_SHADOW"]);
    let done = run(&fake, "promote T --yes", "");
    assert_eq!((done.code, done.stderr.as_str()), (0, "T: replaced\nT_SHADOW: dropped\n"));
    assert_eq!(fake.streams(), ["M2KSQL_DEPLOYMENTS", "S", "T"]);
    // a candidate that others read is not dropped, and then nothing is replaced either
    ok(&fake, &format!("{APPLY} --shadow"), MODEL);
    ok(&fake, "apply - --from T_SHADOW --into U --keep ID --rename x=PROBABILITY --yes", MODEL);
    let before = fake.done().len();
    let refused = run(&fake, "promote T --yes", "");
    assert!(refused.code == 1 && refused.stderr.contains("error[E0905]"), "{}", refused.stderr);
    assert_eq!(fake.done().len(), before);
    // all that is there, and how the server is
    let status = ok(&fake, "status", "");
    assert!(status.starts_with(&format!("ksqlDB 0.29.0 at {}, healthy\n", fake.url())), "{status}");
    let names: Vec<&str> = status.lines().skip(3).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["T", "T_SHADOW", "U"], "{status}");
}

#[test]
fn sql_is_written_for_the_release_of_the_server() {
    // TANH came with 0.28 and 7.3: before, it is computed by EXP
    let apply = format!("{APPLY} --rename x=TANH(X)");
    let written = |version: &str, more: &str| {
        let fake = Fake::start(version);
        ok(&fake, &format!("{apply} {more}"), MODEL);
        fake.done().into_iter().find(|sql| sql.starts_with("CREATE STREAM T ")).unwrap()
    };
    for (version, tanh) in
        [("0.29.0", true), ("8.1.0-12", true), ("7.3.2", true), ("7.2.0", false), ("0.23.1-RC5", false)]
    {
        let sql = written(version, "");
        assert_eq!(sql.contains("TANH("), tanh, "{version}: {sql}");
    }
    assert!(written("7.2.0", "--target 7.4").contains("TANH("), "what is named counts");
    let shown = ok(&Fake::start("7.2.0"), "query --model - --from S --rename x=TANH(X) --show", MODEL);
    assert!(!shown.contains("TANH("), "{shown}");
    // nothing is written for a server that lacks what every model may need
    let fake = Fake::start("6.2.1");
    let refused = run(&fake, APPLY, MODEL);
    assert!(refused.code == 1 && refused.stderr.contains("error[E0909]"), "{}", refused.stderr);
    assert!(fake.done().is_empty());
    ok(&fake, &format!("{APPLY} --target 0.21"), MODEL);
    // nothing is known of this one
    let fake = Fake::start("main-SNAPSHOT");
    let result = run(&fake, APPLY, MODEL);
    assert!(result.code == 0 && result.stderr.contains("warning[W0910]"), "{}", result.stderr);
    assert!(result.stderr.contains("written for ksqldb-0.29"), "{}", result.stderr);
}

#[test]
fn the_history_belongs_to_the_service_and_holds_statements_of_any_length() {
    let fake = Fake::start("0.29.0");
    ok(&fake, APPLY, MODEL);
    let made = fake.done().into_iter().find(|sql| sql.contains("IF NOT EXISTS M2KSQL_DEPLOYMENTS")).unwrap();
    assert!(made.contains("KAFKA_TOPIC='m2ksql_deployments_fake_'") && made.contains("RETENTION_MS=-1"), "{made}");
    // a name of a version that makes the entry longer than a message
    let long = "v".repeat(300_000);
    let file = folder("long").join("model.json");
    std::fs::write(&file, NEWER).unwrap();
    let model = file.to_str().unwrap();
    ok(&fake, &format!("apply {model} --from S --into T --keep ID --yes --model-version {}", &long[..100_000]), "");
    let entries = |fake: &Fake| fake.state.lock().unwrap().history.len();
    assert_eq!(entries(&fake), 3, "the version stands in the entry and in the statement");
    assert!(fake.done().iter().all(|sql| !sql.starts_with("INSERT") || sql.len() < 1_000_000));
    let status = run(&fake, "status T --format json", "");
    let all: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let history = all["deployments"][0]["history"].as_array().unwrap();
    assert_eq!(history.iter().map(|entry| entry["number"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(history[1]["version"].as_str().map(str::len), Some(100_000));
    // one whose last part is lost is missed, and its number is not given again
    fake.state.lock().unwrap().history.pop();
    let status = run(&fake, "status T", "");
    assert!(status.stderr.contains("warning[W0911]") && status.stderr.contains("entry 2 of `T`"), "{}", status.stderr);
    ok(&fake, APPLY, MODEL);
    let status = run(&fake, "status T --format json", "");
    let all: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let history = all["deployments"][0]["history"].as_array().unwrap();
    assert_eq!(history.iter().map(|entry| entry["number"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3]);
}

/// What is refused by rule, before anything is sent.
#[test]
fn what_cannot_be_replaced_is_said_before_anything_is_sent() {
    type Change = fn(&mut Stream);
    let nothing: Change = |_| {};
    let kept = "apply - --from S --into T --keep ID,C --yes";
    let cases: &[(&str, Change, &str)] = &[
        ("--select probability=P", nothing, "the column `PROBABILITY` would be missing (`P` is new)"),
        ("--select label=PROBABILITY", nothing, "the column `PROBABILITY` would change its type from DOUBLE to BIGINT"),
        ("--partition-by C", nothing, "PARTITION BY cannot change"),
        ("--with PARTITIONS=4,KAFKA_TOPIC='other'", nothing, "the property KAFKA_TOPIC is"),
        ("", |stream| stream.writers = 2, "several queries write into `T`: CSAS_T_0, CSAS_T_1"),
        (
            // INSERT INTO fills a stream that CREATE STREAM has declared
            "",
            |stream| {
                stream.statement = "CREATE STREAM T (ID INTEGER KEY, C STRING, PROBABILITY DOUBLE, MODEL STRING) WITH \
                                    (KAFKA_TOPIC='T', VALUE_FORMAT='JSON');"
                    .into();
            },
            "`T` is declared over the topic `T`; no query computes it",
        ),
        (
            "",
            |stream| {
                stream.statement = stream.statement.replace("FROM S", "FROM OTHER");
            },
            "it reads from `OTHER` and cannot change to `S`",
        ),
        (
            // the columns that are there stand in another order
            "",
            |stream| stream.columns.swap(1, 2),
            "",
        ),
        (
            "",
            |stream| stream.columns[1].1 = "BIGINT".to_owned(),
            "the column `C` would change its type from BIGINT to STRING",
        ),
        ("", |stream| stream.key = None, "`ID`"),
    ];
    for (options, change, words) in cases {
        let fake = Fake::start("0.29.0");
        ok(&fake, kept, MODEL);
        change(fake.state.lock().unwrap().streams.get_mut("T").unwrap());
        let before = fake.done().len();
        for command in ["plan - --from S --into T --keep ID,C", kept, &format!("{kept} --dry-run")] {
            let refused = run(&fake, &format!("{command} {options}"), NEWER);
            if words.is_empty() {
                assert_eq!(refused.code, 0, "{options}: {}{}", refused.stdout, refused.stderr);
                break;
            }
            assert_eq!(refused.code, 1, "{command} {options}: {}{}", refused.stdout, refused.stderr);
            assert!(refused.stderr.contains("error[E0902]") && refused.stderr.contains(words), "{}", refused.stderr);
            assert!(refused.stderr.contains("`--into T_V2`"), "what to do: {}", refused.stderr);
            assert_eq!(fake.done().len(), before, "{options}");
        }
    }
}

#[test]
fn a_dry_run_shows_everything_and_changes_nothing() {
    let fake = Fake::start("0.29.0");
    let shown = run(&fake, "apply - --from S --into T --keep ID --dry-run", MODEL);
    assert!(shown.code == 0 && shown.stdout.contains("create     T from S"), "{}{}", shown.stdout, shown.stderr);
    assert!(shown.stdout.contains("CREATE STREAM T AS") && shown.stdout.contains("1 to create"), "{}", shown.stdout);
    ok(&fake, APPLY, MODEL);
    let before = fake.done().len();
    let shown = ok(&fake, "apply - --from S --into T --keep ID --dry-run --select probability,label", NEWER);
    assert!(shown.contains("replace    T in place, query CSAS_T_0") && shown.contains("LABEL is new"), "{shown}");
    ok(&fake, "drop T --dry-run", "");
    ok(&fake, "apply - --from S --into T --keep ID --dry-run", MODEL);
    assert_eq!(fake.done().len(), before);
}

#[test]
fn from_a_stream_to_the_file_of_its_model() {
    let fake = Fake::start("0.29.0");
    let file = folder("trace").join("model.json");
    std::fs::write(&file, MODEL).unwrap();
    let model = file.to_str().unwrap();
    ok(&fake, &format!("apply {model} --from S --into T --keep ID --yes --model-version 1.2"), "");
    let local: serde_json::Value =
        serde_json::from_str(&program::run(&["inspect", model, "--format", "json"]).stdout).unwrap();
    let found: serde_json::Value = serde_json::from_str(&ok(&fake, "inspect t --format json", "")).unwrap();
    assert_eq!(found["sha256"], local["sha256"]);
    assert_eq!((&found["entry"]["file"], &found["entry"]["version"]), (&model.into(), &"1.2".into()));
    assert_eq!((&found["query"], &found["agrees"]), (&"CSAS_T_0".into(), &true.into()));
    let missing = run(&fake, "inspect NOTHING", "");
    assert!(missing.code == 1 && missing.stderr.contains("error[E0904]"), "{}", missing.stderr);
}

#[test]
fn what_runs_without_a_record_is_recorded_by_the_next_apply() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let denied = Arc::new(AtomicBool::new(true));
    let refuses = Arc::clone(&denied);
    let fake = Fake::start_with("0.29.0", move |request, _, answer| {
        let refused = refuses.load(Ordering::SeqCst) && request.sql().contains("IF NOT EXISTS M2KSQL_DEPLOYMENTS");
        vec![replay::Step::Send(if refused { fake::refused(400, "Authorization denied") } else { answer() })]
    });
    let first = run(&fake, APPLY, MODEL);
    assert!(first.code == 0 && first.stderr.contains("warning[W0906]"), "{}", first.stderr);
    assert!(first.stderr.contains("apply again to record it"), "{}", first.stderr);
    denied.store(false, Ordering::SeqCst);
    let second = run(&fake, APPLY, MODEL);
    assert!(second.code == 0 && second.stdout.contains("1 unchanged"), "{}{}", second.stdout, second.stderr);
    assert_eq!(second.stderr, "T: recorded in the history\n");
    let third = run(&fake, APPLY, MODEL);
    assert_eq!((third.code, third.stderr.as_str()), (0, ""));
    assert!(ok(&fake, "status T", "").contains("CSAS_T_0"));
}

/// A folder for the files of a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deployments").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// `apply --watch` in the background, with what it says line by line.
struct Watch {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Watch {
    fn start(model: &Path, url: &str) -> Watch {
        let mut child = Command::new(env!("CARGO_BIN_EXE_m2ksql"))
            .args(["apply", model.to_str().unwrap(), "--from", "S", "--into", "T", "--keep", "ID", "--yes", "--watch"])
            .args(["--server", url, "--timeout", "2"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Watch { child, lines }
    }

    /// Waits for a line with these words.
    #[track_caller]
    fn says(&self, words: &str) {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(std::time::Duration::from_secs(20)) {
                Ok(line) if line.contains(words) => return,
                Ok(line) => seen.push(line),
                Err(_) => panic!("`{words}` is not said: {seen:#?}"),
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[cfg(unix)]
fn a_watched_model_is_applied_when_it_is_whole_and_the_server_is_there() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let away = Arc::new(AtomicBool::new(true));
    let gone = Arc::clone(&away);
    let fake = Fake::start_with("0.29.0", move |_, _, answer| match gone.load(Ordering::SeqCst) {
        true => Vec::new(),
        false => vec![replay::Step::Send(answer())],
    });
    let file = folder("watch").join("model.json");
    let mut watch = Watch::start(&file, fake.url());
    watch.says("cannot be read yet");
    // the server hangs up: the model waits for it
    std::fs::write(&file, MODEL).unwrap();
    watch.says("error[E0813]");
    watch.says("trying again in 2 s");
    away.store(false, Ordering::SeqCst);
    watch.says("T: created");
    watch.says("watching the files");
    // half of a file that is left like this
    std::fs::write(&file, &NEWER[..NEWER.len() / 2]).unwrap();
    watch.says("error[E0");
    watch.says("what ran before goes on");
    // one that is written slowly counts when it is whole: no model is ever made of a part of it
    for end in [10, 25, 40, NEWER.len()] {
        std::fs::write(&file, &NEWER[..end]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(400));
    }
    watch.says("T: replaced");
    watch.says("watching the files");
    let made = |sql: &String| sql.starts_with("CREATE") && sql.contains(" STREAM T ");
    let created: Vec<String> = fake.done().into_iter().filter(made).collect();
    assert_eq!(created.len(), 2, "{created:#?}");
    assert!(created[1].contains("1.1E1"), "{created:#?}");
    // Ctrl-C ends it
    assert!(Command::new("kill").args(["-INT", &watch.child.id().to_string()]).status().unwrap().success());
    assert_eq!(watch.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_somebody_else_writes_into_is_not_dropped() {
    let fake = Fake::start("0.29.0");
    ok(&fake, APPLY, MODEL);
    let insert = |queries: &[&str]| {
        let queries = queries.iter().map(|id| (*id).to_owned()).collect();
        fake.state.lock().unwrap().streams.get_mut("T").unwrap().inserters = queries;
    };
    insert(&["INSERTQUERY_7"]);
    let before = fake.done().len();
    let refused = run(&fake, "drop T --yes", "");
    assert!(refused.code == 1 && refused.stderr.contains("error[E0905]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("`T` is written by INSERTQUERY_7 too"), "{}", refused.stderr);
    assert!(refused.stderr.contains("`TERMINATE INSERTQUERY_7;`"), "{}", refused.stderr);
    assert_eq!(fake.done().len(), before);
    insert(&[]);
    ok(&fake, "drop T --yes", "");
    assert_eq!(fake.streams(), ["M2KSQL_DEPLOYMENTS", "S"]);
}

#[test]
fn a_source_that_is_not_there_is_said_with_the_names_that_are() {
    let fake = Fake::start("0.29.0");
    for name in ["ORDERS_RAW", "lower", "PAYMENTS"] {
        fake.state.lock().unwrap().streams.insert(name.to_owned(), Stream::default());
    }
    let plan = |from: &str| run(&fake, &format!("plan - --from {from} --into T"), MODEL);
    let result = plan("orders_rav");
    let words = format!(
        "error[E0912]: `{}` has no stream or table `ORDERS_RAV`\n  = note: it has ORDERS_RAW, PAYMENTS, S, lower\n  \
         = help: did you mean `ORDERS_RAW`? otherwise create it before, or name another with `--from`\n\n",
        fake.url()
    );
    assert_eq!((result.code, result.stderr.as_str()), (1, words.as_str()));
    // without quotes the name is another
    let result = plan("lower");
    assert!(result.stderr.contains("no stream or table `LOWER`"), "{}", result.stderr);
    assert!(result.stderr.contains("did you mean ``lower``? otherwise"), "{}", result.stderr);
    let result = plan("NOTHING");
    assert!(result.stderr.contains("help: create it before, or name another with `--from`"), "{}", result.stderr);
    for number in 0..30 {
        fake.state.lock().unwrap().streams.insert(format!("A{number:02}"), Stream::default());
    }
    let result = plan("NOTHING");
    assert!(
        result.stderr.contains("it has A00, A01, A02") && result.stderr.contains("A19 and 14 more"),
        "{}",
        result.stderr
    );
    // nothing but questions were sent
    assert!(fake.done().is_empty());
}

/// A new query has no offsets of the old one.
#[test]
fn a_stream_whose_query_was_ended_gets_a_new_one_and_the_plan_says_what_it_reads() {
    let fake = Fake::start("0.29.0");
    ok(&fake, APPLY, MODEL);
    fake.state.lock().unwrap().streams.get_mut("T").unwrap().writers = 0;
    assert!(ok(&fake, "status", "").contains("STOPPED"));
    let plan = ok(&fake, "plan - --from S --into T --keep ID", MODEL);
    let words = "no query writes it any more: a new one takes the rows that come from now on; rows that came meanwhile only \
                 `apply --from-beginning` scores";
    assert!(plan.contains("replace    T in place\n") && plan.contains(words), "{plan}");
    ok(&fake, APPLY, MODEL);
    assert!(ok(&fake, "status", "").contains("RUNNING"));
    assert!(ok(&fake, APPLY, MODEL).contains("unchanged  T"));
}
