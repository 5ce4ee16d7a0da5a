//! Requests to a server: addresses, credentials, timeouts, and what is sent again.
//!
//! A request is repeated only where that is safe: any request that was certainly not carried out, and those that change
//! nothing. Every request is a connection of its own, since one that a server has closed meanwhile looks like a request
//! that failed.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use ureq::http::{self, Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body, RequestBuilder};

use super::Secret;
use super::api::{Answer, CommandStatus, Health, Info};
use super::fault::Fault;
use super::release::Meaning;

/// ksqlDB's own JSON, which every release since 5.0 speaks.
const JSON: &str = "application/vnd.ksql.v1+json";
/// The longest answer to a statement.
const MOST: u64 = 256 << 20;
/// Attempts to reach a server that does not answer at all.
const ATTEMPTS: u32 = 3;
/// The longest pause before another attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Properties of a request: `auto.offset.reset` and the like.
pub type Properties = BTreeMap<String, String>;

/// Who asks: a user and a password, or an API key and its secret.
#[derive(Clone)]
pub struct Credentials {
    /// User or API key.
    pub user: String,
    /// Password or API secret.
    pub password: Secret,
}

/// Where the server is and how patient to be.
#[derive(Clone)]
pub struct Settings {
    /// `http://localhost:8088`, maybe with a path before those of the API.
    pub server: String,
    /// For HTTP Basic.
    pub credentials: Option<Credentials>,
    /// Certificates of authorities (PEM) to trust instead of the usual ones.
    pub authorities: Option<Vec<u8>>,
    /// For a connection.
    pub connect: Duration,
    /// For an answer that is not streamed, attempts and pauses included.
    pub answer: Duration,
    /// The first pause before another attempt; each further one is twice as long.
    pub pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            server: "http://localhost:8088".to_owned(),
            credentials: None,
            authorities: None,
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            pause: Duration::from_millis(200),
        }
    }
}

/// What another attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// No harm, whatever became of the first.
    Harmless,
    /// Harm, if the first was carried out.
    OnlyUnsent,
}

/// A server.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    authorization: Option<Secret>,
    settings: Settings,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    ksql: &'a str,
    streams_properties: &'a Properties,
}

#[derive(Serialize)]
struct StreamedQuery<'a> {
    sql: &'a str,
    properties: &'a Properties,
}

/// Where a query is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// `/query`, which every release has; says when it is done.
    #[default]
    Query,
    /// `/query-stream`, since 7.1 over HTTP/1.1.
    QueryStream,
}

impl Client {
    /// Checks the address and the certificates; sends nothing.
    pub fn new(settings: Settings) -> Result<Client, String> {
        let base = address(&settings.server)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // a redirect could lead credentials elsewhere
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .user_agent(concat!("m2ksql/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(settings.connect))
            .timeout_connect(Some(settings.connect))
            .timeout_send_request(Some(settings.connect));
        if let Some(pem) = &settings.authorities {
            let certificates = certificates(pem)?;
            config =
                config.tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build());
        }
        let authorization = settings.credentials.as_ref().map(|Credentials { user, password }| {
            Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
        });
        Ok(Client { agent: config.build().new_agent(), base, authorization, settings })
    }

    /// The address as it may be shown.
    pub fn server(&self) -> &str {
        &self.base
    }

    /// For how long an answer is waited for.
    pub fn patience(&self) -> Duration {
        self.settings.answer
    }

    /// `GET /info`.
    pub fn info(&self) -> Result<Info, Fault> {
        let text = self.get("/info")?;
        let member = serde_json::from_str::<serde_json::Value>(&text).ok();
        let info = member.as_ref().and_then(|it| it.get("KsqlServerInfo")).map(|it| serde_json::from_value(it.clone()));
        info.and_then(Result::ok).ok_or(Fault::Foreign { status: 200, words: text.chars().take(200).collect() })
    }

    /// `GET /healthcheck`: whether the server can do its work.
    pub fn health(&self) -> Result<Health, Fault> {
        let text = self.get("/healthcheck")?;
        serde_json::from_str(&text).map_err(|_| Fault::Foreign { status: 200, words: text.chars().take(200).collect() })
    }

    /// Runs statements with `POST /ksql`; one entity is answered for each.
    pub fn ksql(&self, statements: &str, properties: &Properties, repeat: Repeat) -> Result<Answer, Fault> {
        let body = Statement { ksql: statements, streams_properties: properties };
        let text = self.text(repeat, |left| self.post("/ksql", &body, Some(left), JSON))?;
        match serde_json::from_str(&text) {
            Ok(entities) => Ok(Answer { text, entities }),
            Err(_) => Err(Fault::Foreign { status: 200, words: text.chars().take(200).collect() }),
        }
    }

    /// How far a command has come: `GET /status/…`. `None` if the server does not know it.
    pub fn status(&self, command: &str) -> Result<Option<CommandStatus>, Fault> {
        let mut path = "/status".to_owned();
        for part in command.splitn(3, '/') {
            path.push('/');
            for byte in part.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => path.push(char::from(byte)),
                    _ => path.push_str(&format!("%{byte:02X}")),
                }
            }
        }
        match self.get(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|_| Fault::Foreign { status: 200, words: text.chars().take(200).collect() }),
            Err(Fault::Refused(refusal)) if refusal.status == 404 => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Starts a query. What it returns is read as it comes.
    pub fn query(&self, sql: &str, properties: &Properties, endpoint: Endpoint) -> Result<impl Read + use<>, Fault> {
        let answer = self.repeat(Repeat::Harmless, |_| match endpoint {
            // an answer may take any time: the user of the rows decides how long to wait
            Endpoint::Query => {
                self.post("/query", &Statement { ksql: sql, streams_properties: properties }, None, JSON)
            }
            Endpoint::QueryStream => {
                let accept = "application/vnd.ksqlapi.delimited.v1";
                self.post("/query-stream", &StreamedQuery { sql, properties }, None, accept)
            }
        })?;
        Ok(answer.into_body().into_reader())
    }

    /// Ends a query on the server. That there is none any more is as good.
    pub fn close_query(&self, query: &str) -> Result<(), Fault> {
        let body = BTreeMap::from([("queryId", query)]);
        let longest = self.settings.answer.min(Duration::from_secs(5));
        match self.post("/close-query", &body, Some(longest), JSON) {
            Ok(_) => Ok(()),
            // 400: it has ended; 404: a server so old that closing the connection ends a query
            Err(Fault::Refused(refusal)) if matches!(refusal.status, 400 | 404) => Ok(()),
            Err(Fault::Foreign { status: 404, .. }) => Ok(()),
            Err(Fault::Refused(refusal)) if refusal.says(Meaning::QueryEnded) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    fn get(&self, path: &str) -> Result<String, Fault> {
        self.text(Repeat::Harmless, |left| {
            let request = self.authorize(self.agent.get(format!("{}{path}", self.base))).header("Accept", JSON);
            let request = request.config().timeout_global(Some(left)).build();
            self.answered(request.call(), Some(left))
        })
    }

    fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        longest: Option<Duration>,
        accept: &str,
    ) -> Result<Response<Body>, Fault> {
        // a map of texts has a JSON text
        let body = serde_json::to_string(body).map_err(|error| Fault::Broken(error.to_string()))?;
        let request = self.authorize(self.agent.post(format!("{}{path}", self.base)));
        let request = request.header("Accept", accept).header("Content-Type", JSON);
        let request = request.config().timeout_global(longest).build();
        self.answered(request.send(body), longest)
    }

    fn authorize<T>(&self, request: RequestBuilder<T>) -> RequestBuilder<T> {
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization.expose()),
            None => request,
        }
    }

    /// An answer with status 200, or why there is none.
    fn answered(
        &self,
        result: Result<Response<Body>, ureq::Error>,
        longest: Option<Duration>,
    ) -> Result<Response<Body>, Fault> {
        let mut answer = result.map_err(|error| self.fault(error, longest))?;
        let status = answer.status().as_u16();
        if status == 200 {
            return Ok(answer);
        }
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        if let (300..400, Some(location)) = (status, header("location")) {
            return Err(Fault::Foreign { status, words: format!("see {location}") });
        }
        let retry_after = header("retry-after").and_then(|value| value.parse().ok());
        let body = match answer.body_mut().with_config().limit(1 << 20).read_to_vec() {
            Ok(body) => body,
            Err(ureq::Error::BodyExceedsLimit(_)) => Vec::new(),
            // half of an error would be taken for a page of someone else
            Err(error) => return Err(self.fault(error, longest)),
        };
        Err(Fault::of_answer(status, retry_after, self.without_secrets(&body).as_bytes()))
    }

    /// A text of the server without what it echoes of the credentials, as pages that help to find faults do.
    fn without_secrets(&self, body: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(body).into_owned();
        let password = self.settings.credentials.as_ref().map(|credentials| credentials.password.expose());
        let header = self.authorization.as_ref().and_then(|header| header.expose().strip_prefix("Basic "));
        for secret in header.into_iter().chain(password).filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "…");
        }
        text
    }

    /// The whole text of an answer.
    fn text(
        &self,
        repeat: Repeat,
        request: impl Fn(Duration) -> Result<Response<Body>, Fault>,
    ) -> Result<String, Fault> {
        self.repeat(repeat, |left| {
            let mut answer = request(left)?;
            let bytes = answer.body_mut().with_config().limit(MOST).read_to_vec();
            let bytes = bytes.map_err(|error| self.fault(error, Some(left)))?;
            String::from_utf8(bytes)
                .map_err(|_| Fault::Foreign { status: 200, words: "a text that is not UTF-8".to_owned() })
        })
    }

    /// Makes attempts until one succeeds, another would be of no use, or time is up.
    fn repeat<T>(&self, repeat: Repeat, attempt: impl Fn(Duration) -> Result<T, Fault>) -> Result<T, Fault> {
        let started = Instant::now();
        let mut pause = self.settings.pause;
        let mut silent = 0;
        loop {
            let left = self.settings.answer.saturating_sub(started.elapsed());
            let fault = match attempt(left.max(Duration::from_millis(1))) {
                Err(fault) => fault,
                done => return done,
            };
            let useful = match repeat {
                Repeat::Harmless => fault.is_passing(),
                Repeat::OnlyUnsent => fault.is_unsent(),
            };
            // a server that answers says that it will be ready; one that does not may never
            silent += u32::from(!matches!(fault, Fault::Refused(_)));
            let asked = match &fault {
                Fault::Refused(refusal) => refusal.retry_after.map(Duration::from_secs),
                _ => None,
            };
            let wait = asked.unwrap_or(pause);
            let left = self.settings.answer.saturating_sub(started.elapsed());
            if !useful || wait > left || silent >= ATTEMPTS {
                return Err(fault);
            }
            std::thread::sleep(wait);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn fault(&self, error: ureq::Error, longest: Option<Duration>) -> Fault {
        use std::io::ErrorKind;
        use ureq::{Error, Timeout};
        match error {
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Fault::Unreachable(format!("no connection within {} s", self.settings.connect.as_secs_f64()))
            }
            Error::Timeout(_) => Fault::Late(longest.unwrap_or(self.settings.connect)),
            Error::HostNotFound => Fault::Unreachable("there is no such host".to_owned()),
            Error::ConnectionFailed => Fault::Unreachable("the connection failed".to_owned()),
            Error::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused => Fault::Unreachable("the connection is refused".to_owned()),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => {
                    Fault::Unreachable(reason(&error.to_string()))
                }
                ErrorKind::UnexpectedEof => Fault::Broken("the server closed it".to_owned()),
                // rustls reports a bad certificate in this way
                ErrorKind::InvalidData if self.base.starts_with("https") => Fault::Insecure(reason(&error.to_string())),
                _ => Fault::Broken(reason(&error.to_string())),
            },
            Error::Tls(words) => Fault::Insecure(words.to_owned()),
            Error::Rustls(error) => Fault::Insecure(reason(&error.to_string())),
            Error::TlsRequired => Fault::Insecure("there is no TLS".to_owned()),
            // an answer that is not HTTP, or cut
            Error::Protocol(error) => Fault::Broken(reason(&error.to_string())),
            error => Fault::Broken(reason(&error.to_string())),
        }
    }
}

/// A fault in the middle of a body.
pub(super) fn broken(error: &std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Fault::Broken("the server closed it".to_owned()),
        _ => Fault::Broken(reason(&error.to_string())),
    }
}

fn reason(text: &str) -> String {
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// An address with a scheme and without a slash at its end.
fn address(server: &str) -> Result<String, String> {
    let server = server.trim();
    let (scheme, rest) = server.split_once("://").unwrap_or(("http", server));
    let server = format!("{scheme}://{}", rest.trim_end_matches('/'));
    // said first, so that it is not shown
    if server.split("://").nth(1).and_then(|rest| rest.split('/').next()).is_some_and(|host| host.contains('@')) {
        return Err("the address of a server must not hold credentials".to_owned());
    }
    let uri: Uri =
        server.parse().map_err(|error: http::uri::InvalidUri| format!("`{server}` is no address: {error}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() && uri.query().is_none() => Ok(server),
        (Some("http" | "https"), _) => Err(format!("`{server}` is no address of a server")),
        _ => Err(format!("`{server}` is no address of a server: expected `http://` or `https://`")),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(format!("the certificates cannot be read: {error}")),
        }
    }
    if certificates.is_empty() {
        return Err("there is no certificate in PEM form".to_owned());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address("localhost:8088").as_deref(), Ok("http://localhost:8088"));
        assert_eq!(address("https://h.example/ksql/").as_deref(), Ok("https://h.example/ksql"));
        for wrong in ["", "ftp://h", "http://", "http://h?x=1", "http://a b"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        let message = address("http://me:hunter2@h").unwrap_err();
        assert!(!message.contains("hunter2"), "{message}");
    }
}
