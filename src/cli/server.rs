//! From the options of a server to a client, and from its faults to diagnostics.

use std::path::Path;
use std::time::Duration;

use super::args::server::ServerOptions;
use super::args::subject::SubjectOptions;
use super::manifest::environment;
use super::session::Session;
use crate::deploy::{Client, Credentials, Fault, Secret, Settings};
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::codes::deploy::{OTHER_RELEASE, TOO_OLD};
use crate::diag::codes::server::CREDENTIALS;
use crate::diag::{Diagnostic, Failed, Place};
use crate::sql::dialect::{self, Dialect, Server, of_server};

/// For a connection.
const CONNECTION: Duration = Duration::from_secs(10);
/// For answers about rows and names.
const ANSWER: Duration = Duration::from_secs(30);
/// For answers to statements, which the server compiles first.
const STATEMENT: Duration = Duration::from_secs(180);

/// A client for questions; sends nothing.
pub(super) fn client(options: &ServerOptions, session: &mut Session) -> Result<Client, Failed> {
    patient_client(options, ANSWER, session)
}

/// A client for statements that the server has to compile; sends nothing.
pub(super) fn statement_client(options: &ServerOptions, session: &mut Session) -> Result<Client, Failed> {
    patient_client(options, STATEMENT, session)
}

fn patient_client(options: &ServerOptions, patience: Duration, session: &mut Session) -> Result<Client, Failed> {
    let options = match &options.environment {
        Some(name) => &over(options, environment(&options.manifest.manifest, name, session)?),
        None => options,
    };
    let credentials = credentials(options, session)?;
    let authorities = match &options.ca {
        Some(path) => Some(session.read(path)?.1),
        None => None,
    };
    let defaults = Settings::default();
    let server = options.server.clone().or_else(|| variable("M2KSQL_SERVER")).unwrap_or(defaults.server);
    let settings = Settings {
        server,
        credentials,
        authorities,
        connect: options.connect_timeout.unwrap_or(CONNECTION),
        answer: options.timeout.unwrap_or(patience),
        pause: defaults.pause,
    };
    Client::new(settings).map_err(|message| {
        let help =
            "name the server by `--server http://HOST:8088`, its authority by `--ca FILE`, and who asks by `--user`";
        session.report.fail(Diagnostic::new(&BAD_OPTIONS, message).help(help))
    })
}

/// What SQL is written for: the release that `--target` names, else the one that the server says it is.
pub(super) fn dialect(
    subject: &SubjectOptions,
    client: &Client,
    session: &mut Session,
) -> Result<&'static dyn Dialect, Failed> {
    if subject.results.target.is_some() {
        return Ok(subject.dialect());
    }
    release(client, session)
}

/// What SQL is written for where only the server says what it is. Of one that is not known: the default, and a warning.
pub(super) fn release(client: &Client, session: &mut Session) -> Result<&'static dyn Dialect, Failed> {
    let version = client.info().map_err(|fault| fail(client, &fault, None, session))?.version;
    match of_server(&version) {
        Server::Takes(dialect) => Ok(dialect),
        Server::TooOld => {
            let message = format!("`{}` is ksqlDB {version}, for which no SQL is written", client.server());
            let help = "upgrade it to 0.21 (7.0) or later; `--target 0.21` writes SQL all the same";
            Err(session.report.fail(Diagnostic::new(&TOO_OLD, message).help(help)))
        }
        Server::Unknown => {
            let default = dialect::default();
            let message = format!("`{}` is a release that is not known: `{version}`", client.server());
            let note = format!("the SQL is written for {}", default.name());
            let help = "name the release it is like with `--target`";
            session.report.push(Diagnostic::new(&OTHER_RELEASE, message).note(note).help(help));
            Ok(default)
        }
    }
}

/// The options of an environment, where the command line does not give them.
fn over(given: &ServerOptions, environment: ServerOptions) -> ServerOptions {
    let named = given.user.is_some() || given.password.is_some() || given.password_file.is_some();
    // who asks is given as a whole: by one file, or by name and password
    let (whole, parts) = (given.credentials.is_some(), named);
    ServerOptions {
        server: given.server.clone().or(environment.server),
        user: given.user.clone().or(environment.user).filter(|_| !whole),
        password: given.password.clone(),
        password_file: given.password_file.clone().or(environment.password_file).filter(|_| !whole),
        credentials: given.credentials.clone().or(environment.credentials.filter(|_| !parts)),
        ca: given.ca.clone().or(environment.ca),
        connect_timeout: given.connect_timeout.or(environment.connect_timeout),
        timeout: given.timeout.or(environment.timeout),
        environment: None,
        manifest: given.manifest.clone(),
    }
}

/// Reports a fault. `statement` is what was sent.
pub(super) fn fail(client: &Client, fault: &Fault, statement: Option<&str>, session: &mut Session) -> Failed {
    let diagnostic = fault.diagnose(client.server(), statement, &mut session.sources);
    session.report.fail(diagnostic)
}

fn credentials(options: &ServerOptions, session: &mut Session) -> Result<Option<Credentials>, Failed> {
    if let Some(path) = &options.credentials {
        let text = secret_text(path, session)?;
        return match text.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => {
                Ok(Some(Credentials { user: user.to_owned(), password: Secret::new(password) }))
            }
            _ => {
                let place = Place::file(session.sources.add(path.display().to_string(), ""));
                let message = "expected one line with a name, a colon and a password";
                Err(session.report.fail(Diagnostic::new(&CREDENTIALS, message).at(place)))
            }
        };
    }
    let password = match (&options.password, &options.password_file) {
        (Some(password), _) => Some(password.clone()),
        (None, Some(path)) => Some(Secret::new(secret_text(path, session)?)),
        (None, None) => variable("M2KSQL_PASSWORD").map(Secret::new),
    };
    let user = options.user.clone().or_else(|| variable("M2KSQL_USER"));
    let message = match (user, password.filter(|password| !password.is_empty())) {
        (None, None) => return Ok(None),
        (Some(user), Some(password)) if !user.contains(':') => return Ok(Some(Credentials { user, password })),
        (Some(_), Some(_)) => "the name of a user cannot hold a colon",
        (Some(_), None) => "there is a user but no password",
        (None, Some(_)) => "there is a password but no user",
    };
    let help = "give `--user` and `--password-file`, or set M2KSQL_USER and M2KSQL_PASSWORD";
    Err(session.report.fail(Diagnostic::new(&CREDENTIALS, message).help(help)))
}

/// The text of a file that holds a secret: it is not entered among the sources, which diagnostics show.
fn secret_text(path: &Path, session: &mut Session) -> Result<String, Failed> {
    let (name, bytes) = session.read(path)?;
    match String::from_utf8(bytes) {
        Ok(text) if text.trim().lines().count() == 1 => Ok(text.trim().to_owned()),
        _ => {
            let place = Place::file(session.sources.add(name, ""));
            let message = "expected one line of text";
            Err(session.report.fail(Diagnostic::new(&CREDENTIALS, message).at(place)))
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
