//! The options of a server: where it is, who asks, how long to wait.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::build::ManifestOptions;
use crate::deploy::Secret;

/// A server. Without `Debug`, since it may hold a secret.
#[derive(Args)]
#[command(next_help_heading = "Server")]
pub(in crate::cli) struct ServerOptions {
    /// Take these options from [environment.NAME] of the manifest, where the command line does not give them
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) environment: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestOptions,

    /// Address of ksqlDB's REST API [default: $M2KSQL_SERVER, or http://localhost:8088]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(in crate::cli) server: Option<String>,

    /// User, or API key [default: $M2KSQL_USER]
    #[arg(long, value_name = "NAME", visible_alias = "api-key")]
    pub(in crate::cli) user: Option<String>,

    /// Password, or API secret [default: $M2KSQL_PASSWORD]
    ///
    /// Other users of this machine can see it here: the environment and files are better places.
    #[arg(long, value_name = "SECRET", visible_alias = "api-secret", value_parser = secret, hide_default_value = true)]
    pub(in crate::cli) password: Option<Secret>,

    /// File that holds the password, or API secret
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "password")]
    pub(in crate::cli) password_file: Option<PathBuf>,

    /// File that holds `user:password`, or `key:secret`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["user", "password", "password_file"])]
    pub(in crate::cli) credentials: Option<PathBuf>,

    /// Certificates (PEM) of the authorities to trust instead of the usual ones
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) ca: Option<PathBuf>,

    /// How long to wait for a connection [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(in crate::cli) connect_timeout: Option<Duration>,

    /// How long to wait for an answer, including for a server that is not ready yet [default: 30, with statements 180]
    ///
    /// A server takes up to a minute to compile a statement of thousands of terms before it answers.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(in crate::cli) timeout: Option<Duration>,
}

impl ServerOptions {
    /// Whether the command line names a server, where one is not needed.
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.server.is_some() || self.environment.is_some()
    }
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

/// A time span in seconds.
pub(in crate::cli) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number of seconds above 0".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if !span.is_zero() && seconds <= 1e9 => Ok(span),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(["0", "-1", "NaN", "inf", "1e30", "5s", ""].into_iter().all(|text| seconds(text).is_err()));
    }
}
