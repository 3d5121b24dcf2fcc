//! The operator's command line. Every command is a request to the operator's API, of the host that runs or, where none
//! does, of one that is built in this process; what comes back is shown to a person, or as JSON to a program.

#![allow(clippy::disallowed_methods, reason = "whoever sits before it lives in real time")]

mod args;
mod ask;
mod desk;
mod fault;
mod follow;
mod mail;
mod plans;
mod reach;
mod show;
mod stores;
mod when;

use std::io::Write as _;
use std::process::ExitCode;

use booking_core::Clock as _;
use booking_host::SystemClock;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub(crate) use self::args::Command;
use self::fault::{Answer, Fault};

/// Does what a command asks.
pub(crate) async fn run(command: Command) -> ExitCode {
    let json = command.json();
    let result = match command {
        Command::Sync(args) => plans::sync(args).await,
        Command::Apply(args) => plans::apply(args).await,
        Command::Reissue(args) => plans::reissue(args).await,
        Command::Explain(args) => ask::explain(args).await,
        Command::Codes(args) => ask::codes(args).await,
        Command::Link(args) => ask::link(args).await,
        Command::Health(args) => ask::health(args).await,
        Command::Log(args) => ask::log(args).await,
        Command::Erase(args) => ask::erase(args).await,
        Command::Brake(args) => ask::brake(args).await,
        Command::Trust(args) => ask::trust(args).await,
        Command::MailPipe(args) => mail::pipe(args).await,
        Command::MoveStore(args) => stores::move_store(args).await,
        Command::Backup(args) => stores::backup(args).await,
        Command::Restore(args) => stores::restore(args).await,
    };
    let exit = result.unwrap_or_else(|fault| {
        tell(&fault, json);
        fault.exit
    });
    exit.into()
}

impl Command {
    fn json(&self) -> bool {
        match self {
            Self::Sync(args) => args.common.json,
            Self::Apply(args) => args.common.json,
            Self::Reissue(args) => args.common.json,
            Self::Explain(args) => args.common.json,
            Self::Codes(args) => args.common.json,
            Self::Link(args) => args.common.json,
            Self::Health(args) => args.common.json,
            Self::Log(args) => args.common.json,
            Self::Erase(args) => args.common.json,
            Self::Brake(args) => args.common.json,
            Self::Trust(args) => args.common.json,
            Self::MailPipe(args) => args.common.json,
            Self::MoveStore(args) => args.configured.json,
            Self::Backup(args) => args.configured.json,
            Self::Restore(args) => args.configured.json,
        }
    }
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// Where nothing can be written, the exit status alone must do.
fn tell(fault: &Fault, json: bool) {
    if json {
        let _ = writeln!(std::io::stdout(), "{}", json!(fault.view));
    } else {
        let _ = writeln!(std::io::stderr(), "{fault}");
    }
}

/// Prints an answer: as it came for programs, else as a text.
fn print(json: bool, raw: &Value, text: impl FnOnce() -> String) -> Answer<()> {
    let text = if json { serde_json::to_string_pretty(raw).unwrap_or_default() } else { text() };
    let mut out = std::io::stdout();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()?;
    Ok(())
}
