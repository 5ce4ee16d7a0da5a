//! A server on this machine that answers as a recorded ksqlDB did, or worse: cut, slow, or with something else.

#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a connection does, in order; then it is closed.
#[derive(Clone, Debug)]
pub enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Until this is set.
    Until(Arc<AtomicBool>),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /query`
    pub line: String,
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn is(&self, line: &str) -> bool {
        self.line == line
    }

    /// The statement in the body.
    pub fn sql(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["ksql"].as_str().or(body["sql"].as_str()).unwrap_or_default().to_owned()
    }
}

pub struct Server {
    pub url: String,
    live: bool,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers every request by what the function says; the number counts requests from 0.
    pub fn start(answer: impl Fn(&Request, usize) -> Vec<Step> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&requests), Arc::new(answer));
        // it ends with the process
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    let number = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    play(stream, answer(&request, number));
                });
            }
        });
        Server { url, live: false, requests }
    }

    /// Always the same bytes.
    pub fn fixed(bytes: impl Into<Vec<u8>>) -> Server {
        let bytes = bytes.into();
        Server::start(move |_, _| vec![Step::Send(bytes.clone())])
    }

    /// Whether there is a server behind it.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
    Some(Request { line, head, body: String::from_utf8(body).ok()? })
}

fn play(mut stream: TcpStream, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Send(bytes) => {
                if stream.write_all(&bytes).is_err() {
                    return;
                }
            }
            Step::Wait(time) => std::thread::sleep(time),
            Step::Until(set) => {
                while !set.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }
}

/// An answer with a length.
pub fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

/// A JSON answer.
pub fn json(status: &str, body: &serde_json::Value) -> Vec<u8> {
    answer(status, "content-type: application/json\r\n", &body.to_string())
}

/// A recorded answer, by the name of its file.
pub fn recorded(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/rest/{name}.response"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The head of an answer with the blank line, and its body as it was sent.
pub fn divided(answer: &[u8]) -> (&[u8], &[u8]) {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    answer.split_at(end)
}

/// The bytes that so much of a chunked body stands for.
pub fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        let rest = &body[end + 2..];
        bytes.extend_from_slice(&rest[..length.min(rest.len())]);
        if length == 0 || rest.len() < length + 2 {
            break;
        }
        body = &rest[length + 2..];
    }
    bytes
}

/// One exchange of a recorded conversation.
#[derive(Clone, serde::Deserialize, serde::Serialize)]
struct Exchange {
    request: String,
    body: String,
    status: u16,
    answer: String,
}

impl Exchange {
    /// Whether it changed something: then what was answered before it holds no longer.
    fn changes(&self) -> bool {
        let request = Request { line: self.request.clone(), head: String::new(), body: self.body.clone() };
        let sql = request.sql();
        let verbs = ["CREATE", "INSERT", "DROP", "TERMINATE"];
        self.request == "POST /ksql" && verbs.iter().any(|verb| sql.starts_with(verb))
    }

    /// Whether a request asks for this. What an entry of the history says of the time does not count.
    fn is(&self, request: &Request) -> bool {
        const HISTORY: &str = "{\"ksql\":\"INSERT INTO M2KSQL_DEPLOYMENTS";
        self.request == request.line
            && (self.body == request.body || self.body.starts_with(HISTORY) && request.body.starts_with(HISTORY))
    }
}

/// A server for a test that tells a story: the one that `M2KSQL_KSQLDB_URL` names, else a recorded conversation. With
/// `M2KSQL_RECORD=1` what is said with the former becomes the latter.
pub fn live_or(name: &'static str) -> Server {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("M2KSQL_KSQLDB_URL"), variable("M2KSQL_RECORD")) {
        (None, _) => conversation(name),
        (Some(url), None) => Server { url, live: true, requests: Arc::default() },
        (Some(url), Some(_)) => recorder(url.trim_start_matches("http://").trim_end_matches('/').to_owned(), name),
    }
}

/// Hands everything on to a server and back, and writes it down.
fn recorder(upstream: String, name: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let file = std::fs::File::create(fixture(name)).unwrap();
    // what was said since the last change: a wait is recorded by its first and its last answer
    let said = std::collections::BTreeMap::<String, String>::new();
    let (file, requests) = (Arc::new(Mutex::new((file, said))), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&requests);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (file, log, upstream) = (Arc::clone(&file), Arc::clone(&log), upstream.clone());
            std::thread::spawn(move || {
                let Some(request) = read(&stream) else { return };
                log.lock().unwrap().push(request.clone());
                let mut server = TcpStream::connect(&upstream).unwrap();
                let mut head = String::new();
                for line in request.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:")) {
                    head += &format!("{line}\r\n");
                }
                write!(server, "{head}Connection: close\r\n\r\n{}", request.body).unwrap();
                let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
                while let Ok(count @ 1..) = server.read(&mut buffer) {
                    bytes.extend_from_slice(&buffer[..count]);
                    if stream.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
                let (head, body) = divided(&bytes);
                let head = String::from_utf8_lossy(head).to_ascii_lowercase();
                let body = if head.contains("chunked") { unchunked(body) } else { body.to_vec() };
                let exchange = Exchange {
                    request: request.line,
                    body: request.body,
                    status: head.split(' ').nth(1).unwrap().parse().unwrap(),
                    answer: String::from_utf8(body).unwrap(),
                };
                let (file, said) = &mut *file.lock().unwrap();
                if exchange.changes() {
                    said.clear();
                }
                let question = format!("{} {}", exchange.request, exchange.body);
                let answer = said.insert(question, exchange.answer.clone());
                if answer.as_ref() != Some(&exchange.answer) {
                    writeln!(file, "{}", serde_json::to_string(&exchange).unwrap()).unwrap();
                }
            });
        }
    });
    Server { url, live: true, requests }
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rest").join(name)
}

/// A server that keeps to a recorded conversation: between two statements that change something, each question has its
/// answers, the last of which holds for further questions; statements that change something come in their order.
pub fn conversation(name: &str) -> Server {
    let path = fixture(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let all: Vec<Exchange> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // where it is: the exchange that changed something last, and which questions were asked since
    let state = Mutex::new((0_usize, std::collections::BTreeMap::<String, usize>::new()));
    Server::start(move |request, _| {
        let mut state = state.lock().unwrap();
        let (at, asked) = &mut *state;
        let next = (*at..all.len()).find(|index| all[*index].changes());
        let found = match next {
            Some(next) if all[next].is(request) => {
                (*at, *asked) = (next + 1, std::collections::BTreeMap::new());
                Some(next)
            }
            _ => {
                let here = *at..next.unwrap_or(all.len());
                let answers: Vec<usize> = here.filter(|index| all[*index].is(request)).collect();
                let count = asked.entry(format!("{} {}", request.line, request.body)).or_default();
                *count += 1;
                answers.get((*count - 1).min(answers.len().saturating_sub(1))).copied()
            }
        };
        vec![Step::Send(match found {
            Some(index) => answer(&format!("{} Recorded", all[index].status), "", &all[index].answer),
            None => {
                let expected = next.map_or("the end", |next| all[next].body.as_str());
                let message = format!("not in the recording: {} {}; next is {expected}", request.line, request.body);
                let body = serde_json::json!({"@type": "generic_error", "error_code": 40099, "message": message});
                json("400 Bad Request", &body)
            }
        })]
    })
}
