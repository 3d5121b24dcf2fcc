//! The embedded database.

mod copy;
mod schema;
#[cfg(feature = "postgres")]
mod source;
mod sql;
mod tables;
mod threads;

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::store::{
    AuditRow, CodeRecord, CodeState, Commit, InboxRow, Kind, Lease, Places, Purged, Row, RowKey, Store,
    StoreError, Tx, WorkKey, WorkRow,
};
use booking_core::{
    Begun, BookingId, DoorKey, ExternalId, IdempotencyStore, IdempotencyToken, IntegrationName, Rng,
    TenantSlug,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags};
use zeroize::Zeroizing;

pub use self::copy::{BackedUp, Restored, backup_sqlite, restore_sqlite};
#[cfg(feature = "postgres")]
pub(crate) use self::source::Source;
use self::tables::{Sql, failed};
use self::threads::{Keep, Line};
use crate::columns::Shared;
use crate::rules::{self, at_once};
use crate::seal::{Keys, Seals};
use crate::time::Micros;

/// How many connections read.
const READERS: usize = 3;

/// A store in an SQLite file: durable, sealed, for one process.
///
/// Changes go to one writer thread, which puts those that wait at the same time into one transaction, each in a
/// savepoint of its own, and answers once that is on disk. Reads run on threads of their own, each on one snapshot.
/// No async runtime is needed, and any will do. A future that is dropped leaves nothing open: its change is made
/// whole or not at all.
///
/// PINs, message texts, door reads, facts, secrets, inbox events and idempotency answers are sealed
/// (XChaCha20-Poly1305). Bookings are not: they hold the guest's name, phone and address in plain text until
/// [`Store::purge`], which overwrites what it deletes. Keep the file as private as that.
pub struct SqliteStore {
    writer: Option<Line>,
    readers: Option<Line>,
    /// The readers', then the writer's.
    threads: Vec<JoinHandle<()>>,
    path: PathBuf,
    /// Held as long as the threads use the file.
    _lock: File,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a database, or makes a new one, and brings its schema up to date. Blocks meanwhile.
    ///
    /// A file beside it, with `.lock` after its name, keeps a second process out. `rng` must be a cryptographic one:
    /// nonces and the key of the claims are drawn from it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the file cannot be opened or written, or is in use;
    /// [`StoreError::Damaged`] when it is no database, or is sealed with a key that is not among `keys`.
    pub fn open(path: impl AsRef<Path>, keys: Keys, rng: Arc<dyn Rng>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let lock = lock(path)?;
        // SQLite gives the files of its log the mode of the database.
        open_private(path)?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let mode: String =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
        if mode != "wal" {
            return Err(StoreError::Unavailable(
                "the file's place does not allow a write-ahead log".to_owned(),
            ));
        }
        let settings = "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON";
        connection.execute_batch(settings).map_err(failed)?;
        schema::migrate(&mut connection)?;
        let seals = Seals::new(keys, rng);
        let transaction = connection.transaction().map_err(failed)?;
        let claim_key = tables::unlock(&transaction, &seals)?;
        transaction.commit().map_err(failed)?;

        let readers: Result<Vec<_>, _> =
            (0..READERS).map(|_| connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)).collect();
        let shared = Arc::new(Shared { seals, claim_key });
        let (readers, mut threads) = threads::start_readers(readers?, &shared)?;
        let (writer, thread) = threads::start_writer(connection, shared)?;
        threads.push(thread);
        Ok(Self { writer: Some(writer), readers: Some(readers), threads, path: path.to_owned(), _lock: lock })
    }

    /// Seals up to `limit` values with the active key that an older key had sealed, and says how many. Once it has
    /// said 0, the older keys are no longer needed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the database cannot be written.
    pub async fn reseal(&self, limit: usize) -> Result<usize, StoreError> {
        let limit = limit.max(1);
        self.write(move |sql| Ok(Keep::Changes(sql.reseal(limit)?))).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Sql<'_>) -> Result<Keep<T>, StoreError> + Send + 'static,
    {
        line(self.writer.as_ref())?.ask(work).await
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        line(self.readers.as_ref())?.ask(|sql| Ok(Keep::Nothing(work(sql)?))).await
    }
}

impl Drop for SqliteStore {
    /// Waits for the threads, so that the file is free afterwards. The writer closes last: only a connection that may
    /// write folds the log into the database and removes it.
    fn drop(&mut self) {
        let writer = self.threads.pop();
        drop(self.readers.take());
        let readers = self.threads.drain(..).collect::<Vec<_>>();
        // A panic was answered to those whom it concerned.
        readers.into_iter().for_each(|thread| drop(thread.join()));
        drop(self.writer.take());
        writer.into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn line(line: Option<&Line>) -> Result<&Line, StoreError> {
    line.ok_or_else(|| StoreError::Unavailable("the store is closing".to_owned()))
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    // All that runs often stays prepared.
    connection.set_prepared_statement_cache_capacity(256);
    let settings = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY";
    connection.execute_batch(settings).map_err(failed)?;
    Ok(connection)
}

/// Keeps other processes, and other stores of this one, out.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = open_private(Path::new(&name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::Unavailable(format!("{} is in use by another store", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(unopened(path, &error)),
    }
}

/// Opens a file that only its owner may read, if it is new.
fn open_private(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| unopened(path, &error))
}

fn unopened(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{} cannot be opened: {error}", path.display()))
}

#[async_trait]
impl Store for SqliteStore {
    fn is_shared(&self) -> bool {
        false
    }

    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError> {
        self.write(move |sql| {
            let end = at_once(rules::commit(sql, tx))?;
            Ok(if matches!(end, Commit::Done { .. }) { Keep::Changes(end) } else { Keep::Nothing(end) })
        })
        .await
    }

    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        let (now, places) = (Micros::of(now), places.clone());
        self.write(move |sql| Ok(Keep::Changes(sql.claim_work(now, now.plus(lease_for), &places)?))).await
    }

    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError> {
        let (now, work) = (Micros::of(now), work.clone());
        self.write(move |sql| {
            Ok(Keep::Changes(at_once(rules::claim_key(sql, now, now.plus(lease_for), &work))?))
        })
        .await
    }

    async fn extend(
        &self,
        now: DateTime<Utc>,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let lease = lease.clone();
        self.write(move |sql| {
            Ok(Keep::Changes(at_once(rules::extend(sql, Micros::of(now), &lease, Micros::of(until)))?))
        })
        .await
    }

    async fn next_due(&self, after: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let after = after.map(Micros::of);
        self.read(move |sql| sql.next_due(after)).await
    }

    async fn work(&self, after: Option<&WorkKey>, limit: usize) -> Result<Vec<WorkRow>, StoreError> {
        let after = after.cloned();
        self.read(move |sql| sql.list_work(after.as_ref(), limit)).await
    }

    async fn work_row(&self, work: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        let work = work.clone();
        self.read(move |sql| sql.work_row(&work)).await
    }

    async fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let key = key.clone();
        self.read(move |sql| sql.get(&key)).await
    }

    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        let (tenant, booking) = (tenant.clone(), booking.clone());
        self.read(move |sql| sql.stay(&tenant, &booking)).await
    }

    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let (tenant, after) = (tenant.clone(), after.map(str::to_owned));
        self.read(move |sql| sql.rows(kind, &tenant, after.as_deref(), limit)).await
    }

    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        let (tenant, door) = (tenant.clone(), door.clone());
        self.read(move |sql| sql.codes_of_door(&tenant, &door))
            .await
            .map(|codes| codes.into_iter().filter(|code| code.state != CodeState::Removed).collect())
    }

    async fn codes_ever_on(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        let (tenant, door) = (tenant.clone(), door.clone());
        self.read(move |sql| sql.codes_of_door(&tenant, &door)).await
    }

    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError> {
        let (tenant, source, reference) = (tenant.clone(), source.clone(), reference.clone());
        self.read(move |sql| tables::alias(sql, &tenant, &source, &reference)).await
    }

    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
        let work = work.clone();
        self.read(move |sql| sql.unread_rows(&work)).await
    }

    async fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |sql| sql.inbox(&tenant, before, limit)).await
    }

    async fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let (tenant, stay) = (tenant.clone(), stay.cloned());
        self.read(move |sql| sql.audit(&tenant, stay.as_ref(), before, limit)).await
    }

    async fn purge(
        &self,
        now: DateTime<Utc>,
        older_than: DateTime<Utc>,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        let (now, older_than, stays) = (Micros::of(now), Micros::of(older_than), stays.to_vec());
        self.write(move |sql| Ok(Keep::Changes(sql.purge(now, older_than, &stays)?))).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.write(|sql| Ok(Keep::Changes(sql.ping()?))).await
    }
}

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn begin(&self, now: DateTime<Utc>, key: &str, ttl: Duration) -> Result<Begun, StoreError> {
        let (now, key) = (Micros::of(now), key.to_owned());
        self.write(move |sql| Ok(Keep::Changes(sql.begin(now, &key, now.plus(ttl))?))).await
    }

    async fn complete(
        &self,
        now: DateTime<Utc>,
        key: &str,
        token: &IdempotencyToken,
        answer: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let (now, key, token) = (Micros::of(now), key.to_owned(), token.clone());
        let answer = Zeroizing::new(answer.to_vec());
        self.write(move |sql| Ok(Keep::Changes(sql.complete(now, &key, &token, &answer, now.plus(ttl))?)))
            .await
    }

    async fn abandon(&self, key: &str, token: &IdempotencyToken) -> Result<bool, StoreError> {
        let (key, token) = (key.to_owned(), token.clone());
        self.write(move |sql| Ok(Keep::Changes(sql.abandon(&key, &token)?))).await
    }
}
