//! The threads that own the connections: one that writes, a few that read.
//!
//! A job is sent as a value and runs to its end whether or not anybody still waits for it, so that a dropped future
//! leaves nothing open. A job that panics fails alone; should a thread end, its jobs fail instead of hanging.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use booking_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::tables::{Sql, failed};
use crate::columns::Shared;

/// So many changes share one commit at most.
const GROUP: usize = 128;

/// What a change wants of its transaction.
pub(super) enum Keep<T> {
    Changes(T),
    Nothing(T),
}

trait Job: Send {
    /// Works; says whether what it changed is to be kept.
    fn run(&mut self, sql: &mut Sql<'_>) -> bool;
    fn fail(&mut self, error: StoreError);
    /// Answers, once the transaction has ended in `end`.
    fn answer(self: Box<Self>, end: Result<(), StoreError>);
}

type Answer<T> = Result<T, StoreError>;

struct Ask<F, T> {
    work: Option<F>,
    result: Option<Answer<T>>,
    reply: oneshot::Sender<Answer<T>>,
}

impl<F, T> Job for Ask<F, T>
where
    F: FnOnce(&mut Sql<'_>) -> Answer<Keep<T>> + Send,
    T: Send,
{
    fn run(&mut self, sql: &mut Sql<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let (result, keep) = match work(sql) {
            Ok(Keep::Changes(value)) => (Ok(value), true),
            Ok(Keep::Nothing(value)) => (Ok(value), false),
            Err(error) => (Err(error), false),
        };
        self.result = Some(result);
        keep
    }

    fn fail(&mut self, error: StoreError) {
        self.result = Some(Err(error));
    }

    fn answer(self: Box<Self>, end: Result<(), StoreError>) {
        let result = match (self.result, end) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => Err(closed()),
        };
        // Nobody waits any more: the change stands all the same.
        let _ = self.reply.send(result);
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the thread of the database has ended".to_owned())
}

fn panicked() -> StoreError {
    StoreError::Unavailable("a panic in the thread of the database".to_owned())
}

/// A way to a thread, or to several that share the work.
#[derive(Debug)]
pub(super) struct Line(Sender<Box<dyn Job>>);

impl Line {
    pub(super) async fn ask<T, F>(&self, work: F) -> Answer<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Sql<'_>) -> Answer<Keep<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.0.send(Box::new(Ask { work: Some(work), result: None, reply })).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let refused = |_| StoreError::Unavailable("a thread for the database cannot be started".to_owned());
    Builder::new().name(name.to_owned()).spawn(work).map_err(refused)
}

/// Starts the writer.
pub(super) fn start_writer(
    connection: Connection,
    shared: Arc<Shared>,
) -> Result<(Line, JoinHandle<()>), StoreError> {
    let (sender, jobs) = channel::<Box<dyn Job>>();
    let thread = start("staykey-writer", move || {
        let mut checkpoint = false;
        while let Ok(first) = jobs.recv() {
            let mut group = VecDeque::from([first]);
            group.extend(jobs.try_iter().take(GROUP - 1));
            while !group.is_empty() {
                write_group(&connection, &shared, &mut group, &mut checkpoint);
            }
            if std::mem::take(&mut checkpoint) {
                // Best effort: readers may hold it back, then a later one does it.
                let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            }
        }
    })?;
    Ok((Line(sender), thread))
}

/// Runs jobs of a group in one transaction: all of them, or those up to one at which SQLite gave the whole up.
fn write_group(
    connection: &Connection,
    shared: &Shared,
    group: &mut VecDeque<Box<dyn Job>>,
    checkpoint: &mut bool,
) {
    let mut ran = Vec::new();
    let end = (|| {
        connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        while let Some(mut job) = group.pop_front() {
            let kept = one_of_group(connection, shared, &mut *job, checkpoint);
            ran.push(job);
            kept?;
        }
        connection.execute_batch("COMMIT").map_err(failed)
    })();
    if !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
        // The next BEGIN will fail and say so.
        debug_assert!(end.is_err(), "after a commit no transaction is open");
    }
    if ran.is_empty() {
        // Not even begun: whoever waits is told now.
        ran.extend(group.drain(..));
    }
    for job in ran {
        job.answer(end.clone());
    }
}

/// Runs one job in a savepoint of its own. An error means that the whole transaction is lost.
fn one_of_group(
    connection: &Connection,
    shared: &Shared,
    job: &mut dyn Job,
    checkpoint: &mut bool,
) -> Result<(), StoreError> {
    connection.execute_batch("SAVEPOINT job").map_err(failed)?;
    let mut sql = Sql { connection, shared, checkpoint };
    let keep = catch_unwind(AssertUnwindSafe(|| job.run(&mut sql))).unwrap_or_else(|_| {
        job.fail(panicked());
        false
    });
    if connection.is_autocommit() {
        return Err(StoreError::Unavailable("SQLite gave up the transaction".to_owned()));
    }
    let end = if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    connection.execute_batch(end).map_err(failed)
}

/// Starts readers that share one line of jobs.
pub(super) fn start_readers(
    connections: Vec<Connection>,
    shared: &Arc<Shared>,
) -> Result<(Line, Vec<JoinHandle<()>>), StoreError> {
    let (sender, jobs) = channel::<Box<dyn Job>>();
    let jobs = Arc::new(Mutex::new(jobs));
    let threads = connections.into_iter().map(|connection| {
        let (jobs, shared) = (Arc::clone(&jobs), Arc::clone(shared));
        start("staykey-reader", move || {
            while let Some(mut job) = next(&jobs) {
                let end = read_one(&connection, &shared, &mut *job);
                job.answer(end);
            }
        })
    });
    let threads = threads.collect::<Result<_, _>>()?;
    Ok((Line(sender), threads))
}

fn next(jobs: &Mutex<Receiver<Box<dyn Job>>>) -> Option<Box<dyn Job>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Runs one job on one snapshot.
fn read_one(connection: &Connection, shared: &Shared, job: &mut dyn Job) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN").map_err(failed)?;
    let mut sql = Sql { connection, shared, checkpoint: &mut false };
    if catch_unwind(AssertUnwindSafe(|| job.run(&mut sql))).is_err() {
        job.fail(panicked());
    }
    if connection.is_autocommit() { Ok(()) } else { connection.execute_batch("ROLLBACK").map_err(failed) }
}

#[cfg(test)]
mod tests {
    use booking_core::conformance::SeededRng;
    use booking_core::{IdempotencyToken, Secret};
    use tempfile::TempDir;

    use super::*;
    use crate::seal::{Keys, Seals};
    use crate::sqlite::schema;
    use crate::time::Micros;

    fn shared() -> Arc<Shared> {
        let keys = Keys::parse(&Secret::new("1".repeat(64))).unwrap();
        let seals = Seals::new(keys, Arc::new(SeededRng::new(1)));
        Arc::new(Shared { seals, claim_key: zeroize::Zeroizing::new([0; 32]) })
    }

    fn database(folder: &TempDir) -> Connection {
        let mut connection = Connection::open(folder.path().join("t.db")).unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn is_unavailable<T>(answer: &Answer<T>) -> bool {
        matches!(answer, Err(StoreError::Unavailable(_)))
    }

    #[test]
    fn a_panic_is_answered_and_takes_nothing_along() {
        let folder = tempfile::tempdir().unwrap();
        let (line, thread) = start_writer(database(&folder), shared()).unwrap();
        run(async {
            let panicking = line.ask(|sql: &mut Sql<'_>| -> Answer<Keep<()>> {
                sql.begin(Micros(0), "half", Micros(9))?;
                panic!("on purpose")
            });
            assert!(is_unavailable(&panicking.await));
            let token =
                line.ask(|sql| Ok(Keep::Changes(sql.begin(Micros(0), "half", Micros(9))?))).await.unwrap();
            assert_eq!(
                token,
                booking_core::Begun::Fresh(IdempotencyToken(1)),
                "what it had done was taken back"
            );
        });
        drop(line);
        thread.join().unwrap();
    }

    #[test]
    fn a_panic_of_a_read_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let (line, threads) = start_readers(vec![database(&folder)], &shared()).unwrap();
        run(async {
            let panicking = line.ask(|_| -> Answer<Keep<()>> { panic!("on purpose") });
            assert!(is_unavailable(&panicking.await));
            assert_eq!(line.ask(|sql| Ok(Keep::Nothing(sql.next_due(None)?))).await, Ok(None));
        });
        drop(line);
        for thread in threads {
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_dead_thread_is_answered_for() {
        let (sender, jobs) = channel();
        let line = Line(sender);
        run(async {
            // One job is in the line when the thread ends, one comes later.
            let (sent, ()) =
                futures_util::future::join(line.ask(|_| Ok(Keep::Nothing(()))), async { drop(jobs) }).await;
            assert!(is_unavailable(&sent));
            assert!(is_unavailable(&line.ask(|_| Ok(Keep::Nothing(()))).await));
        });
    }

    #[test]
    fn a_full_disk_is_told_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let connection = database(&folder);
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let _: i64 =
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get(0)).unwrap();
        let (line, thread) = start_writer(connection, shared()).unwrap();
        let remember =
            |key: String| line.ask(move |sql| Ok(Keep::Changes(sql.begin(Micros(0), &key, Micros(9))?)));
        run(async {
            let full = remember("x".repeat(1_000_000)).await;
            assert!(matches!(&full, Err(StoreError::Unavailable(text)) if text.contains("full")), "{full:?}");
            assert!(remember("small".to_owned()).await.is_ok(), "what fits is still written");
        });
        drop(line);
        thread.join().unwrap();
    }
}
