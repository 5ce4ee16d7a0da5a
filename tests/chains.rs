//! Deployments of several statements: the earlier ones make streams between, called after their content, that the last one
//! reads. Made, changed while they run, taken back, dropped.
//!
//! Runs against a recorded conversation with ksqlDB 0.29, and with `M2KSQL_KSQLDB_URL=http://…` against a live server, where
//! it makes and drops streams whose names begin with `CHAIN_`; with `M2KSQL_RECORD=1` too, that becomes the recording.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "deploy")]

mod replay;

use std::time::Duration;

use m2ksql::deploy::apply::{Patience, Progress};
use m2ksql::deploy::change::Change;
use m2ksql::deploy::deployment::{Deployment, Model};
use m2ksql::deploy::plan::{Action, read};
use m2ksql::deploy::talk::Talk;
use m2ksql::deploy::{Client, Properties, Repeat, Settings, drop, rollback, shadow, status};
use m2ksql::diag::{Failed, Report, Sources};
use m2ksql::schema::{Column, Kind, Relation, Type};
use replay::live_or;

struct Story {
    client: Client,
    patience: Patience,
    sources: Sources,
    report: Report,
    /// What was done, step by step.
    done: Vec<String>,
}

impl Story {
    fn talk(&mut self) -> Talk<'_> {
        Talk { client: &self.client, sources: &mut self.sources, report: &mut self.report }
    }

    fn send(&self, sql: &str) {
        let answer = self.client.ksql(sql, &Properties::new(), Repeat::OnlyUnsent);
        answer.unwrap_or_else(|fault| panic!("{sql}\n{fault:?}"));
    }

    /// Drops a stream, and waits until it is gone.
    fn away(&mut self, name: &str) {
        self.send(&format!("DROP STREAM {name} DELETE TOPIC;"));
        while self.talk().describe(name).unwrap().is_some() {
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    fn rows(&self, ids: std::ops::Range<u32>) {
        for id in ids {
            self.send(&format!("INSERT INTO CHAIN_S (ID, X) VALUES ({id}, {id}E0);"));
        }
    }

    #[track_caller]
    fn change(&mut self, deployment: &Deployment) -> Change {
        let change = Change::new(deployment, &mut self.talk());
        change.unwrap_or_else(|_| panic!("{:#?}", self.report.diagnostics()))
    }

    fn carry_out(&mut self, change: &Change) -> Result<(), Failed> {
        let (mut done, patience) = (Vec::new(), self.patience);
        // rows that come right behind a new query would else not be for it
        let earliest = Properties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]);
        let properties = if change.plan.steps.iter().all(|step| step.action == Action::Create) {
            earliest
        } else {
            Properties::new()
        };
        let result = change.carry_out(&properties, patience, &mut self.talk(), &mut |progress| {
            if let Progress::Done(step) = progress {
                done.push(step.name.clone());
            }
        });
        self.done = done;
        result
    }

    #[track_caller]
    fn ok(&mut self, change: &Change) -> Vec<&str> {
        let result = self.carry_out(change);
        assert!(result.is_ok() && self.report.is_empty(), "{:#?}", self.report.diagnostics());
        self.done.iter().map(String::as_str).collect()
    }

    /// Rows of the sink once there are so many: id, result, mark.
    #[track_caller]
    fn scored(&mut self, count: usize) -> Vec<(u32, f64, String)> {
        for _ in 0..40 {
            let mut rows = Vec::new();
            let select = "SELECT ID, P, MODEL FROM CHAIN_T";
            let read = self.talk().rows(select, None, &mut |values| {
                let text = |at: usize| values[at].get().to_owned();
                rows.push((text(0).parse().unwrap(), text(1).parse().unwrap(), text(2)));
            });
            assert!(read.is_ok(), "{:#?}", self.report.diagnostics());
            if rows.len() >= count {
                return rows;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        panic!("no {count} rows");
    }

    /// The streams of the deployment that are there, in order.
    fn streams(&mut self) -> Vec<String> {
        let answer = self.client.ksql("SHOW STREAMS;", &Properties::new(), Repeat::Harmless).unwrap();
        let streams = answer.entities[0]["streams"].as_array().unwrap().iter();
        let mut names: Vec<String> = streams.map(|stream| stream["name"].as_str().unwrap().to_owned()).collect();
        names.retain(|name| name.starts_with("CHAIN_T"));
        names.sort();
        names
    }
}

/// The model `P = factor * (scale * X) + 1`, its inner product in a stream between.
fn chain(sink: &str, content: &str, scale: &str, factor: &str) -> Deployment {
    let between = format!("{sink}_S1_{content}");
    deployment(
        &[
            &format!("CREATE STREAM {between} AS SELECT ID, {scale} * X AS Z FROM CHAIN_S EMIT CHANGES;"),
            &format!("CREATE STREAM {sink} AS SELECT ID, {factor} * Z + 1E0 AS P FROM {between} EMIT CHANGES;"),
        ],
        &format!("{scale} {factor}"),
    )
}

fn deployment(statements: &[&str], content: &str) -> Deployment {
    let column = |name: &str, ty| Column { name: name.to_owned(), ty, key: None };
    let columns = vec![column("ID", Type::Integer), column("X", Type::Double)];
    let source = Relation { name: "CHAIN_S".to_owned(), kind: Kind::Stream, columns };
    let statements = statements.iter().map(|text| read(text).unwrap()).collect();
    Deployment::new(statements, &["P"], &source, &Model::new(content.as_bytes(), "m.json", ""), Some("MODEL"))
}

fn actions(change: &Change) -> Vec<(&str, &Action)> {
    change.plan.steps.iter().map(|step| (step.name.as_str(), &step.action)).collect()
}

fn gone(topic: &str) -> Action {
    Action::Drop { topic: topic.to_owned(), deleted: true }
}

#[test]
fn a_chain_from_end_to_end() {
    let server = live_or("chains.conversation");
    let client = Client::new(Settings { server: server.url.clone(), ..Settings::default() }).unwrap();
    let mut patience = Patience::default();
    if !server.is_live() {
        (patience.settle, patience.pause) = (Duration::from_millis(1), Duration::from_millis(1));
    }
    let mut story = Story { client, patience, sources: Sources::new(), report: Report::new(), done: Vec::new() };
    story.send("CREATE STREAM CHAIN_S (ID INT KEY, X DOUBLE) WITH (KAFKA_TOPIC = 'chain_s', VALUE_FORMAT = 'JSON', PARTITIONS = 1);");

    // new: the streams between first
    let first = chain("CHAIN_T", "AAAA", "2E0", "3E0");
    let change = story.change(&first);
    assert_eq!(actions(&change), [("CHAIN_T_S1_AAAA", &Action::Create), ("CHAIN_T", &Action::Create)]);
    assert_eq!(change.plan.steps[1].notes, ["not tried out on the server, since `CHAIN_T_S1_AAAA` is not there yet"]);
    assert_eq!(story.ok(&change), ["CHAIN_T_S1_AAAA", "CHAIN_T"]);
    assert!(story.change(&first).plan.is_done());
    story.rows(0..3);
    let rows = story.scored(3);
    assert!(rows.iter().all(|(id, p, _)| *p == 3.0 * (2.0 * f64::from(*id)) + 1.0), "{rows:?}");

    // the last statement alone: in place
    let factor = chain("CHAIN_T", "AAAA", "2E0", "5E0");
    let change = story.change(&factor);
    assert_eq!(actions(&change), [("CHAIN_T_S1_AAAA", &Action::Nothing), ("CHAIN_T", &Action::Replace)]);
    assert_eq!(story.ok(&change), ["CHAIN_T"]);

    // another content between: the sink is made anew over its topic, and what nothing reads goes
    let second = chain("CHAIN_T", "BBBB", "7E0", "5E0");
    let change = story.change(&second);
    assert_eq!(
        actions(&change),
        [
            ("CHAIN_T_S1_BBBB", &Action::Create),
            ("CHAIN_T", &Action::Switch("CHAIN_T_S1_AAAA".to_owned())),
            ("CHAIN_T_S1_AAAA", &gone("CHAIN_T_S1_AAAA")),
        ]
    );
    assert_eq!(story.ok(&change), ["CHAIN_T_S1_BBBB", "CHAIN_T", "CHAIN_T_S1_AAAA"]);
    assert!(story.change(&second).plan.is_done());
    assert_eq!(story.streams(), ["CHAIN_T", "CHAIN_T_S1_BBBB"]);
    story.rows(3..5);
    let rows = story.scored(5);
    assert_eq!(rows.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [0, 1, 2, 3, 4], "none lost, none twice");
    assert!(rows[3..].iter().all(|(id, p, _)| *p == 5.0 * (7.0 * f64::from(*id)) + 1.0), "{rows:?}");
    assert!(rows[3].2 != rows[0].2, "each row says by which model: {rows:?}");

    // what ksqlDB would refuse is known beforehand, although the stream between is not there yet
    let text = deployment(
        &[
            "CREATE STREAM CHAIN_T_S1_CCCC AS SELECT ID, 2E0 * X AS Z FROM CHAIN_S EMIT CHANGES;",
            "CREATE STREAM CHAIN_T AS SELECT ID, CAST(Z AS STRING) AS P FROM CHAIN_T_S1_CCCC EMIT CHANGES;",
        ],
        "text",
    );
    let change = story.change(&text);
    let Action::Refused(reasons) = &change.plan.steps[1].action else { panic!("{change:?}") };
    assert_eq!(reasons[0].what, "the column `P` would change its type from DOUBLE to STRING");
    assert!(reasons[0].advice.contains("--into CHAIN_T_V2"), "{reasons:?}");

    // what only the server finds stops the change before the sink is touched
    let wrong = deployment(
        &[
            "CREATE STREAM CHAIN_T_S1_DDDD AS SELECT ID, 2E0 * X AS Z FROM CHAIN_S EMIT CHANGES;",
            "CREATE STREAM CHAIN_T AS SELECT ID, NO_SUCH_FUNCTION(Z) AS P FROM CHAIN_T_S1_DDDD EMIT CHANGES;",
        ],
        "wrong",
    );
    let change = story.change(&wrong);
    assert!(story.carry_out(&change).is_err());
    let found = story.report.diagnostics().last().unwrap().clone();
    assert_eq!((story.report.len(), found.code.id), (1, "E0901"), "{found:#?}");
    assert!(found.notes.contains(&"applied before it: `CHAIN_T_S1_DDDD`".to_owned()), "{found:#?}");
    assert!(found.help.unwrap().contains("`m2ksql rollback CHAIN_T`"));
    story.report = Report::new();
    let now = status::status(Some("CHAIN_T"), &mut story.talk()).unwrap().remove(0);
    assert_eq!((now.state().as_str(), now.entries.last().unwrap().action.as_str()), ("RUNNING", "failed"));
    // taking it back: the sink runs as before, the new stream between goes
    let (_, change) = rollback::rollback("CHAIN_T", None, &mut story.talk()).unwrap();
    assert_eq!(
        actions(&change),
        [
            ("CHAIN_T_S1_BBBB", &Action::Nothing),
            ("CHAIN_T", &Action::Nothing),
            ("CHAIN_T_S1_DDDD", &gone("CHAIN_T_S1_DDDD"))
        ]
    );
    assert_eq!(story.ok(&change), ["CHAIN_T_S1_DDDD"]);

    // a candidate has streams between of its own, and leaves none
    let candidate = story.change(&chain(&shadow::shadow("CHAIN_T"), "EEEE", "4E0", "5E0"));
    assert_eq!(story.ok(&candidate), ["CHAIN_T_SHADOW_S1_EEEE", "CHAIN_T_SHADOW"]);
    let change = shadow::promote("CHAIN_T", &mut story.talk()).unwrap();
    assert_eq!(story.ok(&change), ["CHAIN_T_S1_EEEE", "CHAIN_T", "CHAIN_T_S1_BBBB"]);
    let change = drop::drop(&shadow::shadow("CHAIN_T"), true, &mut story.talk()).unwrap();
    assert_eq!(story.ok(&change), ["CHAIN_T_SHADOW", "CHAIN_T_SHADOW_S1_EEEE"]);
    assert_eq!(story.streams(), ["CHAIN_T", "CHAIN_T_S1_EEEE"]);

    // back to the first: its stream between is made again
    let number = now.entries[0].number;
    let (_, change) = rollback::rollback("CHAIN_T", Some(number), &mut story.talk()).unwrap();
    assert_eq!(story.ok(&change), ["CHAIN_T_S1_AAAA", "CHAIN_T", "CHAIN_T_S1_EEEE"]);
    story.rows(5..7);
    let rows = story.scored(7);
    let ids: Vec<u32> = rows.iter().map(|(id, ..)| *id).collect();
    assert!(ids.ends_with(&[5, 6]) && rows.last().unwrap().1 == 37.0, "{rows:?}");

    // a sink that is read is not made anew
    story.send("CREATE STREAM CHAIN_U AS SELECT * FROM CHAIN_T EMIT CHANGES;");
    let change = story.change(&second);
    let Action::Refused(reasons) = &change.plan.steps[1].action else { panic!("{change:?}") };
    assert!(reasons[0].what.contains("is read by CHAIN_U"), "{reasons:?}");
    assert!(drop::drop("CHAIN_T", true, &mut story.talk()).is_err());
    assert_eq!(story.report.diagnostics().last().unwrap().code.id, "E0905");
    story.report = Report::new();
    story.away("CHAIN_U");

    // away, readers before what they read
    let change = drop::drop("CHAIN_T", true, &mut story.talk()).unwrap();
    assert_eq!(story.ok(&change), ["CHAIN_T", "CHAIN_T_S1_AAAA"]);
    assert!(story.streams().is_empty());
    story.away("CHAIN_S");
}
