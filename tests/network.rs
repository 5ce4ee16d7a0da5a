//! Deployments over a bad wire: answers cut at every byte, stalled, garbled, and those of proxies in between. Whatever
//! happens to an answer, a statement is carried out once, what is done is recorded once, and no secret is shown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "deploy")]

mod fake;
mod replay;

use fake::Fake;
use m2ksql::deploy::apply::Patience;
use m2ksql::deploy::change::Change;
use m2ksql::deploy::deployment::{Deployment, Model};
use m2ksql::deploy::plan::read;
use m2ksql::deploy::talk::Talk;
use m2ksql::deploy::{Client, Credentials, Fault, Properties, Repeat, Secret, Settings};
use m2ksql::diag::{Report, Sources};
use m2ksql::schema::{Column, Kind, Relation, Type};
use replay::{Request, Server, Step, answer, divided};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How a deployment over a wire came out.
#[derive(Debug)]
struct Outcome {
    ok: bool,
    /// Codes of what was reported.
    codes: Vec<&'static str>,
    /// What was asked, in order.
    asked: Vec<Request>,
    /// How often the stream was made, and entries of it were written.
    made: usize,
    recorded: usize,
}

const CREATE: &str = "CREATE STREAM T ";
const INSERT: &str = "INSERT INTO M2KSQL_DEPLOYMENTS ";

fn deployment() -> Deployment {
    let source = Relation {
        name: "S".into(),
        kind: Kind::Stream,
        columns: vec![Column { name: "X".into(), ty: Type::Double, key: None }],
    };
    let statement = read("CREATE STREAM T AS SELECT ID, 1E0 / (1E0 + EXP(-X)) AS P FROM S EMIT CHANGES;").unwrap();
    Deployment::new(vec![statement], &["P"], &source, &Model::new(b"{}", "m.json", "1"), Some("MODEL"))
}

fn client(url: &str, timeout: Duration) -> Client {
    let credentials = Credentials { user: "alice".into(), password: Secret::new("hunter2") };
    let client = Client::new(Settings {
        server: url.to_owned(),
        credentials: Some(credentials),
        answer: timeout,
        pause: Duration::from_millis(1),
        ..Settings::default()
    });
    client.unwrap_or_else(|error| panic!("{error}"))
}

/// Plans and applies over a wire that does this to the answer of a number.
fn deploy(
    timeout: Duration,
    wire: impl Fn(&Request, usize, &dyn Fn() -> Vec<u8>) -> Vec<Step> + Send + Sync + 'static,
) -> Outcome {
    let fake = Fake::start_with("0.29.0", wire);
    let client = client(fake.url(), timeout);
    let patience = Patience { total: timeout, pause: Duration::from_millis(1), ..Patience::default() };
    let (mut sources, mut report) = (Sources::new(), Report::new());
    let mut talk = Talk { client: &client, sources: &mut sources, report: &mut report };
    let change = Change::new(&deployment(), &mut talk);
    let done = change.and_then(|change| change.carry_out(&Properties::new(), patience, &mut talk, &mut |_| {}));
    let shown = format!("{report:?} {sources:?}");
    for secret in ["hunter2", "YWxpY2U6aHVudGVyMg"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let count = |verb: &str| fake.done().iter().filter(|sql| sql.starts_with(verb)).count();
    Outcome {
        ok: done.is_ok(),
        codes: report.diagnostics().iter().map(|found| found.code.id).collect(),
        made: count(CREATE),
        recorded: count(INSERT),
        asked: fake.server.requests(),
    }
}

/// The requests of a deployment that nothing disturbs, with their answers.
fn undisturbed() -> Vec<(Request, Vec<u8>)> {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&answers);
    let outcome = deploy(Duration::from_secs(5), move |_, _, answer| {
        let answer = answer();
        seen.lock().unwrap().push(answer.clone());
        vec![Step::Send(answer)]
    });
    assert!(outcome.ok && outcome.codes.is_empty(), "{outcome:?}");
    assert_eq!((outcome.made, outcome.recorded), (1, 1));
    let answers = answers.lock().unwrap().clone();
    assert_eq!(answers.len(), outcome.asked.len());
    outcome.asked.into_iter().zip(answers).collect()
}

fn is_change(request: &Request) -> bool {
    ["CREATE", "INSERT", "DROP"].iter().any(|verb| request.sql().starts_with(verb))
}

/// Runs cases on a few threads.
fn all<T: Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    run(case);
                }
            });
        }
    });
}

/// Longer than any answer here takes.
const LONG: Duration = Duration::from_secs(5);

/// What a client makes of one answer: its text, or the fault.
fn hear(client: &Client, request: &Request) -> Result<String, Fault> {
    let properties = Properties::new();
    match request.line.as_str() {
        "GET /info" => client.info().map(|info| format!("{info:?}")),
        "POST /ksql" => {
            let repeat = if is_change(request) { Repeat::OnlyUnsent } else { Repeat::Harmless };
            client.ksql(&request.sql(), &properties, repeat).map(|answer| answer.text)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_answer_cut_at_any_byte_is_told_from_a_whole_one() {
    let started = Instant::now();
    let requests = undisturbed();
    let whole = |request: &Request, answer: &[u8]| hear(&client(&Server::fixed(answer).url, LONG), request);
    let heard: Vec<_> = requests.iter().map(|(request, answer)| whole(request, answer)).collect();
    // streams that are not there yet
    let missing = |heard: &&Result<String, Fault>| matches!(heard, Err(Fault::Refused(it)) if it.status == 400);
    assert_eq!(heard.iter().filter(missing).count(), heard.iter().filter(|heard| heard.is_err()).count(), "{heard:?}");
    let cuts: usize = requests.iter().map(|(_, answer)| answer.len()).sum();
    assert!(cuts > 3000, "{cuts}");
    let cases: Vec<usize> = (0..requests.len()).collect();
    all(&cases, |number| {
        let (request, answer) = &requests[*number];
        // where the first answer is cut; those after it are not
        let (bytes, next) = (answer.clone(), Arc::new(Mutex::new(None)));
        let (cut, asked) = (Arc::clone(&next), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        let server = Server::start(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
            vec![Step::Send(bytes[..cut.lock().unwrap().take().unwrap_or(bytes.len())].to_vec())]
        });
        let client = client(&server.url, LONG);
        for end in 0..answer.len() {
            *next.lock().unwrap() = Some(end);
            let found = hear(&client, request);
            let words = format!("{} {}, {end}: {found:?}", request.line, request.sql());
            let times = asked.swap(0, Ordering::SeqCst);
            if is_change(request) {
                assert!(found.is_err_and(|fault| fault.is_open()) && times == 1, "{words}");
            } else {
                // it is asked again, and then answered in full
                assert!(found == heard[*number] && times == 2, "{words}");
            }
        }
    });
    println!("{cuts} cuts in {:?}", started.elapsed());
}

#[test]
fn an_answer_cut_anywhere_changes_nothing_twice() {
    let mut cuts = Vec::new();
    for (number, (request, answer)) in undisturbed().iter().enumerate() {
        // before it, within its first line, around the blank line, within the body, before its last byte
        let (head, body) = divided(answer);
        let (head, body) = (head.len(), body.len());
        let ends = [0, 1, 12, head - 2, head, head + 1, head + body / 2, head + body - 1];
        cuts.extend(ends.map(|end| (number, end, request.clone())));
    }
    all(&cuts, |(number, end, request)| {
        let (number, end) = (*number, *end);
        let outcome = deploy(Duration::from_secs(5), move |_, at, answer| {
            let answer = answer();
            vec![Step::Send(if at == number { answer[..end].to_vec() } else { answer })]
        });
        assert!(outcome.ok, "{} {}, {end}: {outcome:?}", request.line, request.sql());
        assert_eq!((outcome.made, outcome.recorded), (1, 1), "{} {}, {end}", request.line, request.sql());
        assert!(outcome.codes.is_empty(), "{} {}, {end}: {outcome:?}", request.line, request.sql());
    });
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for_for_ever() {
    let requests = undisturbed();
    let cases: Vec<usize> = (0..requests.len()).collect();
    all(&cases, |number| {
        let number = *number;
        let outcome = deploy(Duration::from_millis(250), move |_, at, answer| {
            let answer = answer();
            match at == number {
                true => vec![Step::Send(answer[..answer.len() / 2].to_vec()), Step::Wait(Duration::from_millis(900))],
                false => vec![Step::Send(answer)],
            }
        });
        let request = &requests[number].0;
        assert!(outcome.made <= 1 && outcome.recorded <= 1, "{}: {outcome:?}", request.sql());
        // before anything is sent it is an error, after that the server is asked what became of it
        if outcome.ok {
            assert_eq!(outcome.made, 1);
            assert!(outcome.recorded == 1 || outcome.codes == ["W0906"], "{}: {outcome:?}", request.sql());
        } else {
            assert_eq!(outcome.codes, ["E0812"], "{} {}", request.line, request.sql());
            assert_eq!(outcome.made, 0, "{} {}", request.line, request.sql());
        }
    });
}

#[test]
fn a_body_in_wrong_chunks_is_told_from_a_whole_one() {
    let requests = undisturbed();
    let sizes = ["ffffffff", "7fffffffffffffff", "fffffffffffffffff", "-5", "zz", "", "1", "0"];
    let cases: Vec<(usize, &str)> =
        (0..requests.len()).flat_map(|number| sizes.iter().map(move |size| (number, *size))).collect();
    all(&cases, |(number, size)| {
        let (number, size) = (*number, *size);
        let outcome = deploy(Duration::from_secs(2), move |_, at, answer| {
            let answer = answer();
            if at != number {
                return vec![Step::Send(answer)];
            }
            let (_, body) = divided(&answer);
            let body = String::from_utf8(body.to_vec()).unwrap();
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
            vec![Step::Send(format!("{head}{size}\r\n{body}\r\n0\r\n\r\n").into_bytes())]
        });
        let request = &requests[number].0;
        assert!(outcome.made <= 1 && outcome.recorded <= 1, "{size:?}, {}: {outcome:?}", request.sql());
        // an empty body is whole, and is no answer
        let known = outcome.ok || outcome.codes.iter().all(|code| ["E0813", "E0815"].contains(code));
        assert!(known, "{size:?}, {} {}: {outcome:?}", request.line, request.sql());
        assert!(outcome.ok || outcome.made == 0 || request.sql().starts_with(CREATE), "{size:?}: {outcome:?}");
    });
}

#[test]
fn answers_of_proxies_and_of_servers_that_are_not_ready() {
    let requests = undisturbed();
    let page = |status: &str| answer(status, "content-type: text/html\r\nRetry-After: 0\r\n", "<html><h1>sorry</h1>");
    let said = |status: &str, code: u32| {
        let body =
            serde_json::json!({"@type": "generic_error", "error_code": code, "message": "KSQL is not yet ready"});
        answer(status, "Retry-After: 0\r\n", &body.to_string())
    };
    // an answer, and whether it says that nothing was done, and that another attempt may do better
    let answers: [(Vec<u8>, bool, bool, &str); 8] = [
        (said("401 Unauthorized", 40100), true, false, "E0814"),
        (page("401 Unauthorized"), true, false, "E0814"),
        (page("404 Not Found"), true, false, "E0815"),
        (page("429 Too Many Requests"), true, true, "E0816"),
        (said("503 Service Unavailable", 50302), true, true, "E0816"),
        (page("502 Bad Gateway"), false, true, "E0816"),
        (page("504 Gateway Timeout"), false, true, "E0816"),
        (page("500 Internal Server Error"), false, false, "E0815"),
    ];
    let cases: Vec<(usize, usize)> =
        (0..requests.len()).flat_map(|number| (0..answers.len()).map(move |at| (number, at))).collect();
    all(&cases, |(number, which)| {
        let (number, request) = (*number, &requests[*number].0);
        let (reply, unsent, passing, code) = &answers[*which];
        let (sent, turned_away) = (reply.clone(), *unsent);
        let outcome = deploy(Duration::from_secs(2), move |_, at, answer| {
            if at != number {
                return vec![Step::Send(answer())];
            }
            // what was turned away has not reached the server
            if !turned_away {
                answer();
            }
            vec![Step::Send(sent.clone())]
        });
        let reply = String::from_utf8_lossy(reply);
        let words = format!("{} {}: {reply}\n{outcome:?}", request.line, request.sql());
        assert!(outcome.made <= 1 && outcome.recorded <= 1, "{words}");
        if *passing && (*unsent || !is_change(request)) {
            assert!(outcome.ok && outcome.codes.is_empty(), "{words}");
            assert_eq!((outcome.made, outcome.recorded), (1, 1), "{words}");
        } else if !outcome.ok {
            assert_eq!(outcome.codes, [*code], "{words}");
        } else {
            // what is done is done; that it is not recorded is said
            assert!(outcome.made == 1 && (outcome.recorded == 1 || outcome.codes == ["W0906"]), "{words}");
        }
    });
}
