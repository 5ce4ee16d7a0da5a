//! The example of the documentation from end to end: orders, a model, scored orders, a newer model, back, away.
//!
//! Runs against a recorded conversation with ksqlDB 0.29, and with `M2KSQL_KSQLDB_URL=http://…` against a live server, where
//! it makes and drops streams whose names begin with `DEMO_`; with `M2KSQL_RECORD=1` too, that becomes the recording.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "deploy")]

mod program;
mod replay;

use m2ksql::deploy::{Client, Properties, Repeat, Settings};
use program::Run;
use replay::live_or;

/// A server and what is done with it.
struct Story {
    url: String,
    folder: std::path::PathBuf,
}

impl Story {
    #[track_caller]
    fn run(&self, arguments: &str) -> Run {
        // a blank within an argument is written as one that does not break
        let words = arguments.split(' ').filter(|word| !word.is_empty());
        let mut words: Vec<String> = words.map(|word| word.replace('\u{a0}', " ")).collect();
        words.extend(["--server".to_owned(), self.url.clone()]);
        program::run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs a command that must succeed; its standard output.
    #[track_caller]
    fn ok(&self, arguments: &str) -> String {
        let result = self.run(arguments);
        assert_eq!(result.code, 0, "{arguments}\n{}{}", result.stdout, result.stderr);
        result.stdout
    }

    fn order(&self, id: usize, units: f64, zip: u32) {
        self.statements(&format!(
            "INSERT INTO DEMO_ORDERS (ORDERID, ORDERTIME, ITEMID, ORDERUNITS, ADDRESS) VALUES ({id}, 1487715775521, \
             'Item_{id}', {units:?}E0, STRUCT(CITY := 'City_1', STATE := 'State_1', ZIPCODE := {zip}));"
        ));
    }

    fn statements(&self, text: &str) {
        let client = Client::new(Settings { server: self.url.clone(), ..Settings::default() }).unwrap();
        let earliest = Properties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]);
        let answer = client.ksql(text, &earliest, Repeat::OnlyUnsent);
        answer.unwrap_or_else(|fault| panic!("{text}\n{fault:?}"));
    }
}

const APPLY: &str = "--from DEMO_ORDERS --into DEMO_SCORED --keep ORDERID,ORDERUNITS --rename zipcode=ADDRESS->ZIPCODE";

#[test]
fn orders_from_end_to_end() {
    let url = live_or("orders.conversation").url;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("orders");
    std::fs::create_dir_all(&folder).unwrap();
    let story = Story { url, folder };

    // a stream of orders
    story.statements(
        "CREATE STREAM DEMO_ORDERS (ORDERID INT KEY, ORDERTIME BIGINT, ITEMID STRING, ORDERUNITS DOUBLE, \
         ADDRESS STRUCT<CITY STRING, STATE STRING, ZIPCODE BIGINT>) \
         WITH (KAFKA_TOPIC = 'demo_orders', VALUE_FORMAT = 'JSON', PARTITIONS = 1);",
    );
    let rows: [(f64, u32); 6] = [(3.6, 52189), (8.1, 31136), (2.5, 10082), (7.0, 85380), (9.9, 99999), (0.1, 10000)];
    for (id, (units, zip)) in rows.iter().enumerate() {
        story.order(id, *units, *zip);
    }

    // rows to train with
    let file = story.folder.join("train.csv");
    story.ok(&format!(
        "query --from-beginning --limit 6 -o {} SELECT\u{a0}*\u{a0}FROM\u{a0}DEMO_ORDERS\u{a0}EMIT\u{a0}CHANGES;",
        file.display()
    ));
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(text.starts_with("ORDERID,ORDERTIME,ITEMID,ORDERUNITS,ADDRESS\n0,1487715775521,Item_0,3.6,"), "{text}");

    // scored without creating anything, bound to the server's columns
    let model = "examples/orders/model.json";
    let scored = story.ok(&format!(
        "query --model {model} --from DEMO_ORDERS --rename zipcode=ADDRESS->ZIPCODE --keep ORDERID --from-beginning --limit 6 \
         --format csv"
    ));
    let probabilities = column(&scored, 1);
    let expected: Vec<f64> = rows.iter().map(|(units, zip)| local(model, *units, *zip)).collect();
    close(&probabilities, &expected);

    // a new stream
    let plan = story.ok(&format!("plan {model} {APPLY}"));
    assert!(plan.contains("create     DEMO_SCORED from DEMO_ORDERS") && plan.contains("1 to create"), "{plan}");
    let refused = story.run(&format!("apply {model} {APPLY}"));
    assert!(refused.code == 2 && refused.stderr.contains("--yes"), "nobody was asked: {}", refused.stderr);
    story.ok(&format!("apply {model} {APPLY} --dry-run"));
    let first = story.run(&format!("apply {model} {APPLY} --yes --from-beginning --model-version one"));
    assert_eq!((first.code, first.stderr.as_str()), (0, "DEMO_SCORED: created\n"), "{}", first.stdout);

    // a live server may know of earlier runs of this test
    let entries = || -> Vec<u64> {
        let status: serde_json::Value = serde_json::from_str(&story.ok("status DEMO_SCORED --format json")).unwrap();
        let history = status["deployments"][0]["history"].as_array().unwrap();
        history.iter().map(|entry| entry["number"].as_u64().unwrap()).collect()
    };
    let number = *entries().last().unwrap();

    // again: nothing changes
    let again = story.run(&format!("apply {model} {APPLY} --yes --model-version one"));
    assert!(again.code == 0 && again.stderr.is_empty() && again.stdout.contains("1 unchanged"), "{}", again.stdout);

    // what was scored says by which model
    let scores = "query --from-beginning --limit 6 --format csv \
                  SELECT\u{a0}ORDERID,\u{a0}PROBABILITY,\u{a0}MODEL\u{a0}FROM\u{a0}DEMO_SCORED\u{a0}EMIT\u{a0}CHANGES;";
    let scored = story.ok(scores);
    close(&self::column(&scored, 1), &expected);
    assert!(scored.lines().skip(1).all(|line| line.contains(",one sha256:")), "{scored}");

    // newer rows, a newer model: replaced while it runs
    let newer = "examples/orders/model-2.json";
    let plan = story.ok(&format!("plan {newer} {APPLY}"));
    assert!(plan.contains("replace    DEMO_SCORED in place, query CSAS_DEMO_SCORED_"), "{plan}");
    assert!(plan.contains("  PROBABILITY\n    - ") && plan.contains("\n    + "), "{plan}");
    let second = story.run(&format!("apply {newer} {APPLY} --yes --model-version two"));
    assert_eq!((second.code, second.stderr.as_str()), (0, "DEMO_SCORED: replaced\n"), "{}", second.stdout);

    // a column more comes last, although the model's results stand before its version
    let appended = story.ok(&format!("apply {newer} {APPLY} --select probability,label --yes --model-version two"));
    assert!(appended.contains("  LABEL is new\n") && appended.contains("1 to replace in place"), "{appended}");

    // what ksqlDB would refuse is found before anything is sent
    for (options, words) in [
        ("--select probability=P,label", "the column `PROBABILITY` would be missing (`P` is new)"),
        ("--select label,prediction=PROBABILITY", ""),
        ("--where ORDERUNITS>1E0 --select probability,label --with PARTITIONS=3", "the property PARTITIONS is 1"),
        ("--select probability,label --partition-by ITEMID --keep ITEMID", "PARTITION BY cannot change"),
        (
            "--select label=PROBABILITY,probability=LABEL",
            "the column `PROBABILITY` would change its type from DOUBLE to BIGINT",
        ),
    ] {
        let refused = story.run(&format!("apply {newer} {APPLY} {options} --yes"));
        assert_eq!(refused.code, 1, "{options}: {}{}", refused.stdout, refused.stderr);
        if !words.is_empty() {
            assert!(refused.stderr.contains("error[E0902]") && refused.stderr.contains(words), "{}", refused.stderr);
            assert!(refused.stderr.contains("`--into DEMO_SCORED_V2`"), "{}", refused.stderr);
        }
    }

    // a candidate beside it, into a stream of its own; later rows are scored by both
    let select = "--select probability,label --yes";
    story.ok(&format!("apply {model} {APPLY} {select} --shadow --from-beginning --model-version three"));
    let later: [(f64, u32); 3] = [(4.5, 20000), (6.5, 70000), (2.0, 90000)];
    for (id, (units, zip)) in later.iter().enumerate() {
        story.order(id + 6, *units, *zip);
    }
    for (stream, count) in [("DEMO_SCORED\u{a0}WHERE\u{a0}ORDERID\u{a0}>=\u{a0}6", 3), ("DEMO_SCORED_SHADOW", 9)] {
        story.ok(&format!(
            "query --from-beginning --limit {count} SELECT\u{a0}LABEL\u{a0}FROM\u{a0}{stream}\u{a0}EMIT\u{a0}CHANGES;"
        ));
    }
    let compared: serde_json::Value = serde_json::from_str(&story.ok("compare DEMO_SCORED --format json")).unwrap();
    assert_eq!((&compared["rows"], &compared["only_shadow"]), (&3.into(), &6.into()), "{compared:#}");
    let both = later.iter().map(|(units, zip)| (local(newer, *units, *zip), local(model, *units, *zip)));
    let differences: Vec<f64> = both.map(|(newer, old)| (newer - old).abs()).collect();
    let column = |number: usize, name: &str| compared["columns"][number][name].clone();
    close(&[column(0, "mean").as_f64().unwrap()], &[differences.iter().sum::<f64>() / 3.0]);
    let flips = later.iter().filter(|(u, z)| (local(newer, *u, *z) > 0.5) != (local(model, *u, *z) > 0.5)).count();
    assert!(flips > 0 && column(1, "differ") == flips, "{compared:#}");
    // it becomes the current model, and can go back
    let promoted = story.run("promote DEMO_SCORED --yes");
    assert_eq!((promoted.code, promoted.stderr.as_str()), (0, "DEMO_SCORED: replaced\nDEMO_SCORED_SHADOW: dropped\n"));
    assert!(story.ok("abort DEMO_SCORED --yes").contains("not there any more"));

    // from the stream to the file of its model
    let inspected = program::run(&["inspect", model, "--format", "json"]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    let traced: serde_json::Value = serde_json::from_str(&story.ok("inspect DEMO_SCORED --format json")).unwrap();
    assert_eq!(traced["sha256"], inspected["sha256"]);
    assert_eq!((&traced["agrees"], &traced["state"]), (&true.into(), &"RUNNING".into()));
    assert!(story.ok("inspect DEMO_SCORED").contains("file     examples/orders/model.json\nversion  three\n"));

    // what runs, and what ran
    let status = story.ok("status DEMO_SCORED");
    let lines: Vec<&str> = status.lines().collect();
    assert!(lines[0].starts_with("ksqlDB ") && lines[0].ends_with(", healthy"), "{status}");
    assert!(lines[3].starts_with("DEMO_SCORED  RUNNING  CSAS_DEMO_SCORED_"), "{status}");
    assert_eq!(entries()[(number - 1) as usize..], [number, number + 1, number + 2, number + 3]);

    // back to the model before
    let back = story.ok(&format!("rollback demo_scored --to {number} --yes"));
    assert!(back.contains(&format!("back to entry {number}, model ")) && back.contains("LABEL"), "{back}");
    assert!(story.ok(&format!("rollback DEMO_SCORED --to {number} --yes")).contains("1 unchanged"));
    let status = story.ok("status DEMO_SCORED");
    assert!(status.contains(&format!(" rollback to {number} ")), "{status}");

    // away
    let dropped = story.ok("drop DEMO_SCORED --delete-topic --yes");
    assert!(dropped.contains("drop       DEMO_SCORED and its topic DEMO_SCORED"), "{dropped}");
    assert!(story.ok("status demo_scored").contains("DROPPED"));
    assert!(story.ok("drop DEMO_SCORED --yes").contains("not there any more"));
    let unknown = story.run("rollback DEMO_NOTHING --yes");
    assert!(unknown.code == 1 && unknown.stderr.contains("error[E0904]"), "{}", unknown.stderr);
    story.statements("DROP STREAM DEMO_ORDERS DELETE TOPIC;");
}

/// A column of CSV as numbers.
fn column(csv: &str, number: usize) -> Vec<f64> {
    csv.lines().skip(1).map(|line| line.split(',').nth(number).unwrap().parse().unwrap()).collect()
}

/// The model's probability, from its file by the definition.
fn local(model: &str, units: f64, zip: u32) -> f64 {
    let text = std::fs::read_to_string(program::path(model)).unwrap();
    let model: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (scaler, classifier) = (&model["steps"][0][1], &model["steps"][1][1]);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let mut margin = number(&classifier["intercept_"][0]);
    for (index, value) in [units, f64::from(zip)].into_iter().enumerate() {
        let scaled = (value - number(&scaler["mean_"][index])) / number(&scaler["scale_"][index]);
        margin += number(&classifier["coef_"][0][index]) * scaled;
    }
    1.0 / (1.0 + (-margin).exp())
}

#[track_caller]
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found} {expected}");
    }
}
