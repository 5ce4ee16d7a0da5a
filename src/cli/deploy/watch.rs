//! `apply --watch`: models are applied whenever their files change, for as long as nobody ends it.
//!
//! Nothing ends it but Ctrl-C. A file that is being written is no model yet: only what has stayed the same for a while
//! counts, and just those bytes are deployed. What is wrong with a model is said once, and the next version is waited for;
//! what is wrong with the server may pass, so that it is asked again, less and less often.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::super::args::deploy::{Apply, Target};
use super::super::interrupt;
use super::super::session::Session;
use super::apply::once;
use crate::deploy::Client;
use crate::diag::codes::compile::BAD_OPTIONS;
use crate::diag::{Diagnostic, Failed, Group};

/// How often a file is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a file has to stay the same.
const QUIET: Duration = Duration::from_secs(1);
/// The pauses before the server is asked again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// A model and its file.
struct Watched {
    target: Target,
    /// What is in the file, since when.
    found: Option<(Rc<[u8]>, Instant)>,
    /// It has been dealt with: applied, or refused for what it is.
    settled: bool,
    /// After a fault of the server, when to try again, and how long the pause is.
    again: Option<(Instant, Duration)>,
    /// It was said that there is no file.
    missed: bool,
}

impl Watched {
    /// Looks at the file.
    fn look(&mut self, session: &Session) {
        match std::fs::read(&self.target.model) {
            Ok(bytes) => {
                self.missed = false;
                if self.found.as_ref().is_none_or(|(known, _)| **known != *bytes) {
                    self.found = Some((bytes.into(), Instant::now()));
                    (self.settled, self.again) = (false, None);
                }
            }
            Err(error) if !self.missed => {
                // programs that save a file may take the old one away first
                self.missed = true;
                if self.found.is_none() {
                    session.say(&format!("{} cannot be read yet: {error}", self.target.model.display()));
                }
            }
            Err(_) => {}
        }
    }

    /// The model with what is in its file, if it is to be applied now.
    fn due(&self) -> Option<Target> {
        let (bytes, since) = self.found.as_ref()?;
        let waits = self.again.is_some_and(|(at, _)| Instant::now() < at);
        let ready = !self.settled && !self.missed && !waits && since.elapsed() >= QUIET;
        ready.then(|| Target { bytes: Some(Rc::clone(bytes)), ..self.target.clone() })
    }

    /// Tries again later.
    fn postpone(&mut self) -> Duration {
        let pause = self.again.map_or(PAUSES.0, |(_, pause)| (pause * 2).min(PAUSES.1));
        self.again = Some((Instant::now() + pause, pause));
        pause
    }
}

/// Applies models until Ctrl-C.
pub(super) fn run(targets: &[Target], args: &Apply, client: &Client, session: &mut Session) -> Result<(), Failed> {
    if targets.iter().any(|target| target.model.as_os_str() == "-") {
        let diagnostic = Diagnostic::new(&BAD_OPTIONS, "standard input cannot be watched");
        return Err(session.report.fail(diagnostic.help("name the file of the model")));
    }
    interrupt::watch();
    let watched =
        |target: &Target| Watched { target: target.clone(), found: None, settled: false, again: None, missed: false };
    let mut all: Vec<Watched> = targets.iter().map(watched).collect();
    while !interrupt::asked() {
        let mut done = false;
        for watched in &mut all {
            watched.look(session);
            let Some(target) = watched.due() else { continue };
            let name = target.model.display().to_string();
            // each for itself: one that is broken does not keep the others from being applied
            let result = once(&[target], args, client, session);
            let passing = session.report.diagnostics().iter().any(|found| found.code.group() == Group::Environment);
            session.tell();
            if interrupt::asked() {
                return Ok(());
            }
            done = true;
            match result {
                Ok(()) => watched.settled = true,
                Err(_) if passing => {
                    let pause = watched.postpone();
                    session.say(&format!("{name} is not applied; trying again in {} s", pause.as_secs()));
                    done = false;
                }
                Err(_) => {
                    watched.settled = true;
                    session.say(&format!("{name} is not applied; what ran before goes on"));
                }
            }
        }
        if done && all.iter().all(|watched| watched.settled) {
            session.say("watching the files of the models; Ctrl-C ends");
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
