//! Copies of an SQLite file: whole or not there, and put back as what they are: old.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use booking_core::conformance::SeededRng;
use booking_core::store::{
    AuditEntry, Commit, DoorReadRecord, Places, Record, SecretRecord, Store, StoreError, Tx, WorkKey, Write,
};
use booking_core::{BookingId, DoorKey, Secret, TenantSlug};
use booking_store::{Keys, SqliteStore, TransferError, backup_sqlite, restore_sqlite};
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn keys(digit: char) -> Keys {
    Keys::parse(&Secret::new(digit.to_string().repeat(64))).unwrap()
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_900_000_000) + TimeDelta::minutes(minutes)
}

fn harbour() -> TenantSlug {
    TenantSlug::parse("harbour").unwrap()
}

fn rng() -> Arc<SeededRng> {
    Arc::new(SeededRng::new(1))
}

/// Two secrets that are always written together.
fn pair(number: u32) -> Tx {
    let secret = |name: &str| {
        let value = Some(Secret::new(format!("value-{number}")));
        Record::Secret(SecretRecord { name: name.to_owned(), tenant: harbour(), value, at: at(0) })
    };
    let entry = AuditEntry {
        at: at(i64::from(number)),
        tenant: harbour(),
        stay: None,
        what: "what".to_owned(),
        detail: String::new(),
    };
    let writes =
        vec![Write::Put(Box::new(secret("one"))), Write::Put(Box::new(secret("other"))), Write::Audit(entry)];
    Tx { writes, ..Tx::new(at(0)) }
}

async fn done(store: &SqliteStore, tx: Tx) {
    let end = store.commit(tx).await.unwrap();
    assert!(matches!(end, Commit::Done { .. }), "{end:?}");
}

/// The number that both secrets of a store hold.
async fn number(store: &SqliteStore) -> String {
    let mut values = Vec::new();
    for row in store.rows(booking_core::store::Kind::Secret, &harbour(), None, 9).await.unwrap() {
        if let Record::Secret(secret) = row.record {
            values.push(secret.value.unwrap().expose().to_owned());
        }
    }
    assert_eq!((values.len(), &values[0]), (2, &values[1]), "a change is in it whole or not at all");
    values.pop().unwrap()
}

struct Rig {
    folder: TempDir,
}

impl Rig {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.file("staykey.db"), keys('1'), rng()).unwrap()
    }

    fn backup(&self, to: &str) -> Result<(), TransferError> {
        backup_sqlite(&self.file("staykey.db"), &self.file(to), keys('1'), rng()).map(drop)
    }

    fn restore(&self, from: &str, replace: bool) -> Result<Option<PathBuf>, TransferError> {
        let (from, to) = (self.file(from), self.file("staykey.db"));
        restore_sqlite(&from, &to, keys('1'), rng(), replace, at(60)).map(|restored| restored.kept)
    }

    fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(end: Result<T, TransferError>, words: &str) {
    match end {
        Err(TransferError::Refused { why, remedy }) => {
            assert!(why.contains(words) && !remedy.is_empty(), "{why}");
        }
        other => panic!("not refused for {words:?}: {other:?}"),
    }
}

#[track_caller]
fn damaged<T: std::fmt::Debug>(end: Result<T, TransferError>) {
    assert!(matches!(end, Err(TransferError::Store(StoreError::Damaged(_)))), "{end:?}");
}

#[test]
fn a_copy_made_while_a_host_writes_is_of_one_moment() {
    let rig = Rig::new();
    let store = rig.open();
    run(done(&store, pair(0)));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for written in 1.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                run(done(&store, pair(written)));
            }
        });
        for round in 0..8 {
            rig.backup(&format!("copy-{round}")).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    for round in 0..8 {
        let copy = rig.file(&format!("copy-{round}"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        run(number(&SqliteStore::open(copy, keys('1'), rng()).unwrap()));
    }
    assert!(!rig.names().iter().any(|name| name.ends_with(".part")), "{:?}", rig.names());
}

#[test]
fn what_is_no_good_copy_gets_no_name() {
    let rig = Rig::new();
    refused(rig.backup("copy"), "there is no file");
    let store = rig.open();
    run(done(&store, pair(0)));
    // Left by one that was killed.
    std::fs::write(rig.file("copy.part"), "half of a copy").unwrap();
    rig.backup("copy").unwrap();
    let before = std::fs::read(rig.file("copy")).unwrap();
    refused(rig.backup("copy"), "there already is a file");
    assert_eq!(std::fs::read(rig.file("copy")).unwrap(), before);
    let other = backup_sqlite(&rig.file("staykey.db"), &rig.file("more"), keys('2'), rng());
    damaged(other);
    drop(store);
    let tamper = rusqlite::Connection::open(rig.file("staykey.db")).unwrap();
    tamper.execute_batch("UPDATE secret SET sealed = zeroblob(60) WHERE id = 'one'").unwrap();
    drop(tamper);
    damaged(rig.backup("more"));
    assert_eq!(rig.names(), ["copy", "staykey.db", "staykey.db.lock"]);
    let elsewhere = backup_sqlite(&rig.file("copy"), &rig.file("nowhere/copy"), keys('1'), rng());
    assert!(matches!(elsewhere, Err(TransferError::Store(StoreError::Unavailable(_)))), "{elsewhere:?}");
}

#[test]
fn a_copy_is_put_back_and_what_was_there_is_kept() {
    let rig = Rig::new();
    let store = rig.open();
    run(done(&store, pair(1)));
    rig.backup("copy").unwrap();
    run(done(&store, pair(2)));
    refused(rig.restore("copy", true), "in use");
    drop(store);
    refused(rig.restore("copy", false), "there already is a store");
    refused(rig.restore("staykey.db", true), "the store itself");
    refused(rig.restore("nowhere", true), "there is no file");
    assert_eq!(run(number(&rig.open())), "value-2", "refused, it is as it was");
    let kept = rig.restore("copy", true).unwrap().unwrap();
    assert_eq!(run(number(&rig.open())), "value-1");
    assert_eq!(run(number(&SqliteStore::open(&kept, keys('1'), rng()).unwrap())), "value-2");
    // The copy is as it was, and good for another time.
    std::fs::remove_file(rig.file("staykey.db")).unwrap();
    assert_eq!(rig.restore("copy", false), Ok(None));
    assert_eq!(run(number(&rig.open())), "value-1");
}

#[test]
fn the_log_of_a_store_that_was_killed_stays_with_it() {
    let rig = Rig::new();
    run(done(&rig.open(), pair(1)));
    rig.backup("copy").unwrap();
    let store = rig.open();
    run(done(&store, pair(2)));
    // As a kill leaves them: the newest change is in the log alone.
    let killed = Rig::new();
    for name in ["staykey.db", "staykey.db-wal"] {
        std::fs::copy(rig.file(name), killed.file(name)).unwrap();
    }
    std::fs::copy(rig.file("copy"), killed.file("copy")).unwrap();
    let kept = killed.restore("copy", true).unwrap().unwrap();
    assert_eq!(run(number(&killed.open())), "value-1", "a log of another database is not read into it");
    assert_eq!(run(number(&SqliteStore::open(kept, keys('1'), rng()).unwrap())), "value-2");
    // A log without its database.
    let alone = Rig::new();
    std::fs::copy(rig.file("staykey.db-wal"), alone.file("staykey.db-wal")).unwrap();
    std::fs::copy(rig.file("copy"), alone.file("copy")).unwrap();
    refused(alone.restore("copy", false), "there already is a store");
    alone.restore("copy", true).unwrap();
    assert_eq!(run(number(&alone.open())), "value-1");
}

#[test]
fn a_copy_that_is_none_is_not_put_back() {
    let rig = Rig::new();
    run(done(&rig.open(), pair(1)));
    rig.backup("copy").unwrap();
    let whole = std::fs::read(rig.file("copy")).unwrap();
    std::fs::write(rig.file("text"), "no database").unwrap();
    std::fs::write(rig.file("empty"), "").unwrap();
    std::fs::write(rig.file("short"), &whole[..whole.len() / 2]).unwrap();
    rusqlite::Connection::open(rig.file("other")).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    std::fs::copy(rig.file("copy"), rig.file("later")).unwrap();
    let later = "INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, '1' FROM refinery_schema_history LIMIT 1";
    rusqlite::Connection::open(rig.file("later")).unwrap().execute_batch(later).unwrap();
    damaged(rig.restore("text", true));
    damaged(rig.restore("short", true));
    refused(rig.restore("empty", true), "holds no store");
    refused(rig.restore("other", true), "holds no store");
    refused(rig.restore("later", true), "schema 99");
    let (from, to) = (rig.file("copy"), rig.file("staykey.db"));
    damaged(restore_sqlite(&from, &to, keys('2'), rng(), true, at(60)));
    assert_eq!(run(number(&rig.open())), "value-1");
    assert!(
        !rig.names().iter().any(|name| name.contains(".part") || name.contains("2030")),
        "{:?}",
        rig.names()
    );
}

#[test]
fn leases_are_over_and_doors_are_doubted_in_what_was_put_back() {
    let rig = Rig::new();
    let store = rig.open();
    let key = DoorKey { vendor: "thekeys".into(), device: "1".into(), keypad: "".into() };
    let read = Record::DoorRead(DoorReadRecord {
        tenant: harbour(),
        key,
        observed_at: Some(at(0)),
        complete: true,
        codes: Vec::new(),
        failing: None,
    });
    let stay = WorkKey::Grant(harbour(), BookingId::parse("aaaaaaaaaaaa").unwrap());
    let source = WorkKey::Source(harbour(), booking_core::IntegrationName::parse("smoobu").unwrap());
    let due = |work: &WorkKey, minutes| Write::Due { work: work.clone(), at: at(minutes), priority: None };
    run(async {
        let row = read.key();
        let writes = vec![Write::Put(Box::new(read)), due(&stay, 0), due(&source, 600)];
        done(&store, Tx { writes, ..Tx::new(at(0)) }).await;
        let held = store.claim_work(at(1), Duration::from_secs(36_000), &Places::free(9)).await.unwrap();
        assert_eq!(held.len(), 1);
        rig.backup("copy").unwrap();
        drop(store);
        rig.restore("copy", true).unwrap();
        let store = rig.open();
        let claimed = store.claim_work(at(60), Duration::from_secs(60), &Places::free(9)).await.unwrap();
        let claimed: Vec<_> = claimed.into_iter().map(|lease| (lease.work, lease.token)).collect();
        assert!(
            claimed.contains(&(stay, held[0].token + 1)) && claimed.iter().any(|(work, _)| *work == source)
        );
        let Some(Record::DoorRead(read)) = store.get(&row).await.unwrap().map(|row| row.record) else {
            unreachable!()
        };
        assert!(!read.complete && read.observed_at == Some(at(0)));
    });
}
