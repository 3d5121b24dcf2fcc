//! Commands on a whole store: moved, backed up, put back. They need no host, and no API.

use std::io::{IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use booking_core::Secret;
use booking_host::stores::{self, Moved, Progress, Source, Step, StoresError, Target, TransferError};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::args::{BackupArgs, MoveStoreArgs, RestoreArgs};
use super::fault::{Answer, Exit, Fault};
use super::follow::{Line, bar};
use super::{print, reach};
use crate::table;

pub(super) async fn move_store(args: MoveStoreArgs) -> Answer<Exit> {
    let config = reach::read(&args.configured.config)?.store;
    let password = std::env::var(&args.password_env).ok().map(Secret::new);
    let from = Source::of(args.from.as_deref(), &config)?;
    let to = Target::of(args.to.as_deref(), password.as_ref(), &config)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&stopped);
    tokio::spawn(async move {
        crate::told_to_stop().await;
        stop.store(true, Ordering::Relaxed);
    });
    let mut shown = Shown { line: Line::stderr(), step: None };
    let mut watch = |progress| {
        shown.tell(progress);
        match stopped.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let moved = stores::move_store(&config, &from, &to, &mut watch).await;
    shown.line.clear();
    let moved = moved?;
    let tables = moved.tables.iter().map(|t| json!({"table": t.table, "rows": t.rows, "checksum": t.sum}));
    let raw = json!({"before": moved.before, "tables": tables.collect::<Vec<_>>()});
    print(args.configured.json, &raw, || text(&moved))?;
    Ok(Exit::Complete)
}

fn text(moved: &Moved) -> String {
    let rows: Vec<_> = moved
        .tables
        .iter()
        .map(|table| [table.table.clone(), table.rows.to_string(), table.sum.clone()])
        .collect();
    let mut lines = table::lines(["Table", "Rows", "Checksum, alike in both"], &rows);
    let all: u64 = moved.tables.iter().map(|table| table.rows).sum();
    lines.push(String::new());
    lines.push(match moved.before {
        true => format!("All {all} rows were moved before: nothing is left to do."),
        false => format!("All {all} rows are moved, and were compared."),
    });
    lines.push("Write the database's URL into [store], start the host, and put the file away.".to_owned());
    lines.join("\n")
}

/// A bar on a terminal, a line for each step elsewhere.
struct Shown {
    line: Line,
    step: Option<Step>,
}

impl Shown {
    fn tell(&mut self, progress: Progress) {
        let Progress { step, table, rows, of, .. } = progress;
        let word = match step {
            Step::Reading => "reading",
            Step::Copying => "copying",
            Step::Checking => "comparing",
        };
        let (done, all) =
            (usize::try_from(rows).unwrap_or_default(), usize::try_from(of).unwrap_or_default());
        self.line.set(&format!("{} {word} {table}, {rows} of {of} rows", bar(done, all)));
        if self.step.replace(step) != Some(step) && !std::io::stderr().is_terminal() {
            // A reader who has gone is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{word}: {rows} of {of} rows are done");
        }
    }
}

pub(super) async fn backup(args: BackupArgs) -> Answer<Exit> {
    let config = reach::read(&args.configured.config)?.store;
    let file = args.file.clone();
    let made = blocking(move || stores::backup(&config, &file)).await?;
    let raw = json!({"file": args.file.display().to_string(), "bytes": made.bytes, "newest": made.newest});
    print(args.configured.json, &raw, || {
        format!("{}: whole, {} bytes. {}", args.file.display(), made.bytes, knows(made.newest))
    })?;
    Ok(Exit::Complete)
}

pub(super) async fn restore(args: RestoreArgs) -> Answer<Exit> {
    let config = reach::read(&args.configured.config)?.store;
    let (file, replace) = (args.file.clone(), args.replace);
    let restored = blocking(move || stores::restore(&config, &file, replace)).await?;
    let kept = restored.kept.as_ref().map(|kept| kept.display().to_string());
    let raw = json!({"kept": kept, "newest": restored.newest});
    print(args.configured.json, &raw, || {
        let mut lines = vec![format!("{} is the store now. {}", args.file.display(), knows(restored.newest))];
        lines.extend(kept.map(|kept| format!("What was there before is kept as {kept}.")));
        lines.push("Look before a host does: axum-host sync --dry-run shows what it would do.".to_owned());
        lines.join("\n")
    })?;
    Ok(Exit::Complete)
}

fn knows(newest: Option<DateTime<Utc>>) -> String {
    match newest {
        Some(at) => format!("The last thing that it knows of is of {}.", at.format("%a %F %T UTC")),
        None => "It knows of nothing that was done.".to_owned(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoresError> + Send + 'static,
) -> Answer<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    Ok(ended.map_err(|_| Fault::error("it panicked", "nothing was changed"))??)
}

impl From<StoresError> for Fault {
    fn from(error: StoresError) -> Self {
        match error {
            StoresError::Transfer(error) => error.into(),
            error => Self::error(error, "axum-host check-config tells what is wrong with a configuration"),
        }
    }
}

impl From<TransferError> for Fault {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Refused { why, remedy } => Self::new(Exit::Refused, why, remedy),
            TransferError::Interrupted => {
                Self::new(Exit::Partial, "interrupted", "run it again: it goes on where it was")
            }
            error => Self::error(error, "nothing of it counts: see to that, and run it again"),
        }
    }
}
