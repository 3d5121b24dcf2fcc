//! Copies of a store's file: made while a host works on it, and put back in its place.
//!
//! A copy stands under its own name only once it is whole, was read through and is on disk. Until then it is a file
//! beside, with `.part` after its name, which the next attempt writes over.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use booking_core::Rng;
use booking_core::store::StoreError;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::tables::{failed, unlock};
use super::{connect, lock, open_private, schema, sql, unopened};
use crate::columns::{SealedColumn, time};
use crate::seal::{Keys, Seals};
use crate::time::Micros;
use crate::transfer::TransferError;

/// Whoever held a lease is gone. Sources and doors are read before anything else is done.
const END_LEASES: &str = "UPDATE work SET due_at = min(coalesce(due_at, ?1), ?1), leased_until = NULL
    WHERE leased_until IS NOT NULL OR rank IN (1, 2)";
/// What a door showed then says little of what it holds now: a read that showed only a part is believed as little.
const DOUBT_READS: &str =
    "UPDATE door_read SET plain = json_set(plain, '$.complete', json('false')), revision = revision + 1";
/// A code that its ledger does not know was made since, and it is the one that its guest was told last. Where the ledger's
/// own counted as told by us, it would be taken for one too many, and removed.
const DOUBT_CODES: &str =
    "UPDATE code SET plain = json_set(plain, '$.adopted', json('true')), revision = revision + 1
    WHERE json_extract(plain, '$.state') <> 'removed'";
const NEWEST: &str = "SELECT max(at) FROM audit";

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// How long the file is.
    pub bytes: u64,
    /// When something was last done that it knows of; `None` where nothing ever was.
    pub newest: Option<DateTime<Utc>>,
}

/// A copy that was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// Where the database is that was there before.
    pub kept: Option<PathBuf>,
    /// When something was last done that it knows of; `None` where nothing ever was.
    pub newest: Option<DateTime<Utc>>,
}

/// Copies a store's file as it is at one moment, also while a host works on it. The copy is a single file that only its
/// owner may read; what was sealed stays sealed in it, and what was deleted is not in it. Blocks meanwhile.
///
/// # Errors
///
/// [`TransferError::Refused`] where there is no store, or there already is a file `to`; [`TransferError::Store`] where
/// something cannot be read or written, is damaged or does not open with `keys`. Then there is no file `to`.
pub fn backup_sqlite(
    from: &Path,
    to: &Path,
    keys: Keys,
    rng: Arc<dyn Rng>,
) -> Result<BackedUp, TransferError> {
    must_be_there(from)?;
    if exists(to) {
        let why = format!("there already is a file {}", to.display());
        return Err(TransferError::refused(why, "name another: a backup is never written over"));
    }
    let part = Part::beside(to)?;
    vacuum_into(&connect(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?, &part.path)?;
    let newest = examined(&part.path, &Seals::new(keys, rng))?;
    let bytes = part.file.metadata().map_err(|error| unopened(&part.path, &error))?.len();
    part.becomes_new(to)?;
    Ok(BackedUp { bytes, newest })
}

/// Puts a copy where hosts look for their store; the copy itself stays as it is. With `replace` what is there is kept
/// beside it, with the time `now` after its name. Blocks meanwhile.
///
/// In what was put back all leases are over, sources and doors are due, no read of a door is believed to be whole, and no
/// code to be the last one that its guest was told: the world went on after the copy was made.
///
/// # Errors
///
/// [`TransferError::Refused`] where a host has the place open, there is a store and `replace` is not given, or the copy
/// is no store, or of a later version; [`TransferError::Store`] where something cannot be read or written, is damaged
/// or does not open with `keys`. Then what was there is untouched.
pub fn restore_sqlite(
    from: &Path,
    to: &Path,
    keys: Keys,
    rng: Arc<dyn Rng>,
    replace: bool,
    now: DateTime<Utc>,
) -> Result<Restored, TransferError> {
    must_be_there(from)?;
    if same_file(from, to) {
        return Err(TransferError::refused("the copy is the store itself", "name a copy of it"));
    }
    let _lock = lock(to).map_err(|error| match error {
        StoreError::Unavailable(why) => TransferError::refused(why, "stop the host first"),
        error => TransferError::Store(error),
    })?;
    let (is_there, log) = (exists(to), named(to, "-wal"));
    if (is_there || exists(&log)) && !replace {
        let why = format!("there already is a store {}", to.display());
        return Err(TransferError::refused(why, "with --replace it is kept beside, under another name"));
    }
    let part = Part::beside(to)?;
    let copy = connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    sound(&copy)?;
    vacuum_into(&copy, &part.path)?;
    let newest = examined(&part.path, &Seals::new(keys, rng))?;
    age(&part.path, now)?;
    let kept = is_there.then(|| named(to, &now.format(".%Y%m%dT%H%M%SZ").to_string()));
    if let Some(kept) = &kept {
        keep(to, kept)?;
    }
    // A log without its database, or of one that was too damaged to take it in, must not be taken for this one's.
    for end in ["-wal", "-shm"] {
        let (stale, aside) = (named(to, end), named(kept.as_deref().unwrap_or(&part.path), end));
        if exists(&stale) {
            fs::rename(&stale, &aside).map_err(|error| unopened(&stale, &error))?;
        }
    }
    part.replaces(to)?;
    Ok(Restored { kept, newest })
}

/// A file that becomes a copy.
struct Part {
    path: PathBuf,
    /// Locked: two at a time would write into one another.
    file: File,
}

impl Part {
    fn beside(to: &Path) -> Result<Self, TransferError> {
        let path = named(to, ".part");
        let file = open_private(&path)?;
        file.try_lock().map_err(|_| {
            let why = format!("{} is being written by another process", path.display());
            TransferError::refused(why, "wait for it, or name another file")
        })?;
        let part = Self { path, file };
        part.empty().map_err(|error| unopened(&part.path, &error))?;
        Ok(part)
    }

    /// What an earlier attempt left is written over.
    fn empty(&self) -> io::Result<()> {
        #[cfg(unix)]
        self.file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        self.file.set_len(0)
    }

    /// Gives it its name, which no file may have.
    fn becomes_new(self, to: &Path) -> Result<(), TransferError> {
        self.on_disk()?;
        match fs::hard_link(&self.path, to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists || exists(to) => {
                let why = format!("there already is a file {}", to.display());
                return Err(TransferError::refused(why, "name another: a backup is never written over"));
            }
            // Not every file system has links.
            Err(_) => fs::rename(&self.path, to).map_err(|error| unopened(to, &error))?,
        }
        Ok(known_to_disk(to)?)
    }

    /// Gives it its name, in place of the file that may have it.
    fn replaces(self, to: &Path) -> Result<(), TransferError> {
        self.on_disk()?;
        fs::rename(&self.path, to).map_err(|error| unopened(to, &error))?;
        Ok(known_to_disk(to)?)
    }

    fn on_disk(&self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|error| unopened(&self.path, &error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Where it has its name by now, this one is gone already.
        let _ = fs::remove_file(&self.path);
    }
}

/// A path with this after its name.
fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn must_be_there(path: &Path) -> Result<(), TransferError> {
    if path.is_file() {
        return Ok(());
    }
    Err(TransferError::refused(format!("there is no file {}", path.display()), "name one that is there"))
}

/// A new name is on disk once its folder is.
fn known_to_disk(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unopened(folder, &error))?;
    }
    Ok(())
}

fn vacuum_into(connection: &Connection, part: &Path) -> Result<(), TransferError> {
    let Some(part) = part.to_str() else {
        return Err(TransferError::refused("the file's name is not text", "give it another"));
    };
    connection.execute("VACUUM INTO ?1", [part]).map_err(failed)?;
    Ok(())
}

fn sound(connection: &Connection) -> Result<(), StoreError> {
    let check: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if check == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged("the file does not stand an integrity check".to_owned()))
}

/// Reads a copy through: it is sound, a store of a version that is known here, and all that is sealed in it opens. Says
/// when something was last done that it knows of.
fn examined(part: &Path, seals: &Seals) -> Result<Option<DateTime<Utc>>, TransferError> {
    let mut connection = connect(part, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    sound(&connection)?;
    let (known, has) = schema::versions(&connection)?;
    match has {
        None => {
            return Err(TransferError::refused("the file holds no store", "name the file of a store"));
        }
        Some(has) if has > known => {
            let why = format!("the file has schema {has}, this version knows {known}");
            return Err(TransferError::refused(why, "use the version that made it"));
        }
        Some(_) => {}
    }
    // What it writes of keys is for hosts to write.
    let transaction = connection.transaction().map_err(failed)?;
    if !has_claim_key(&transaction)? {
        return Err(TransferError::refused("the file holds no store", "name the file of a store"));
    }
    unlock(&transaction, seals)?;
    transaction.rollback().map_err(failed)?;
    for column in SealedColumn::all() {
        opens(&connection, column, seals)?;
    }
    let newest = connection.query_row(NEWEST, [], |row| row.get(0)).map_err(failed)?;
    Ok(time(newest)?)
}

fn has_claim_key(connection: &Connection) -> Result<bool, StoreError> {
    let found = connection.query_row(sql::GET_META, ["claim_key"], |_| Ok(())).optional();
    Ok(found.map_err(failed)?.is_some())
}

/// Opens every value of a column, where the schema has it already.
fn opens(connection: &Connection, column: SealedColumn, seals: &Seals) -> Result<(), StoreError> {
    let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
    let is_there: bool =
        connection.query_row(is_there, [column.table()], |row| row.get(0)).map_err(failed)?;
    if !is_there {
        return Ok(());
    }
    // Of any other key than none.
    let mut statement = connection.prepare(sql::sealed(column).0).map_err(failed)?;
    let mut rows = statement.query([&[] as &[u8]]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (tenant, id, sealed): (String, String, Vec<u8>) = row.try_into().map_err(failed)?;
        seals.open(column.place(&tenant, &id), &sealed)?;
    }
    Ok(())
}

/// Makes a copy what it is: old.
fn age(part: &Path, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut connection = connect(part, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let transaction = connection.transaction().map_err(failed)?;
    transaction.execute(END_LEASES, params![Micros::of(now).0]).map_err(failed)?;
    for doubt in [DOUBT_READS, DOUBT_CODES] {
        transaction.execute(doubt, []).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Gives a store's file a second name. The first stays until another file takes it, so that no host ever finds none.
fn keep(store: &Path, kept: &Path) -> Result<(), TransferError> {
    if exists(kept) {
        let why = format!("there already is a file {}", kept.display());
        return Err(TransferError::refused(why, "try again"));
    }
    // Best effort: what is too damaged for that keeps its log.
    if let Ok(connection) = connect(store, OpenFlags::SQLITE_OPEN_READ_WRITE) {
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
    // Not every file system has links.
    if fs::hard_link(store, kept).is_err() {
        fs::copy(store, kept)
            .and_then(|_| File::open(kept)?.sync_all())
            .map_err(|error| unopened(kept, &error))?;
    }
    Ok(known_to_disk(kept)?)
}
