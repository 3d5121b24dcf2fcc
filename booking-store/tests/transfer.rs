//! A store moved from an SQLite file into PostgreSQL: whole, once, or refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::future::Future;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use booking_core::conformance::SeededRng;
use booking_core::store::{
    AlertRecord, Arrival, AuditEntry, Candidate, Claim, ClaimedPin, Commit, DoorReadRecord, Origin, Places,
    Record, Row, SecretRecord, Store, StoreError, Tx, WorkKey, Write,
};
use booking_core::{
    Begun, BookingId, CodeId, DoorKey, Event, ExternalId, IdempotencyStore, IntegrationName, Pin, Reply,
    Secret, TenantSlug,
};
use booking_store::{
    Keys, Moved, PostgresStore, PostgresUrl, Progress, SqliteStore, Step, TransferError, move_store,
};
use booking_test_servers::postgres::{Server, ask};
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;

const SEALED: &str = "Plantagenet-83726154";

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn keys(digit: char) -> Keys {
    Keys::parse(&secret(digit)).unwrap()
}

fn secret(digit: char) -> Secret {
    Secret::new(digit.to_string().repeat(64))
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_900_000_000) + TimeDelta::minutes(minutes)
}

fn harbour() -> TenantSlug {
    TenantSlug::parse("harbour").unwrap()
}

fn id12(number: u32) -> String {
    format!("{number:012}").bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

fn stay(number: u32) -> BookingId {
    BookingId::parse(&id12(number)).unwrap()
}

fn work(number: u32) -> WorkKey {
    WorkKey::Grant(harbour(), stay(number))
}

/// Digits on a keypad.
fn claim(holder: u32, digits: &str) -> Tx {
    let pins = vec![ClaimedPin {
        holder: CodeId::parse(&id12(holder)).unwrap(),
        door: DoorKey { vendor: "thekeys".into(), device: "1".into(), keypad: "".into() },
        stored: Pin::parse(digits).unwrap(),
        apart: Vec::new(),
    }];
    let candidates = vec![Candidate { pins, writes: Vec::new() }];
    Tx { claims: vec![Claim { from: at(0), until: at(9), candidates }], ..Tx::new(at(0)) }
}

fn arrival(number: u32) -> Arrival {
    Arrival {
        tenant: harbour(),
        integration: IntegrationName::parse("smoobu").unwrap(),
        origin: Origin::Webhook,
        action: "a\0b".to_owned(),
        dedup: None,
        events: vec![(
            Event::Hint { reference: ExternalId::parse(&number.to_string()).unwrap(), deleted: false },
            stay(number),
        )],
        priority: None,
        reply: Reply { status: 200, body: serde_json::json!("\0") },
    }
}

fn audit(detail: &str) -> Write {
    Write::Audit(AuditEntry {
        at: at(0),
        tenant: harbour(),
        stay: None,
        what: "what".to_owned(),
        detail: detail.to_owned(),
    })
}

fn token(number: u32) -> Record {
    let name = format!("token-{number}");
    Record::Secret(SecretRecord { name, tenant: harbour(), value: Some(Secret::new(SEALED)), at: at(0) })
}

fn alert(number: u32) -> Record {
    Record::Alert(AlertRecord {
        id: format!("alert-{number}"),
        tenant: harbour(),
        stay: Some(stay(number)),
        door: None,
        kind: "k".to_owned(),
        detail: "ц\0".to_owned(),
        opened_at: at(0),
        closed_at: None,
        told_at: None,
    })
}

async fn done(store: &dyn Store, tx: Tx) {
    let end = store.commit(tx).await.unwrap();
    assert!(matches!(end, Commit::Done { .. }), "{end:?}");
}

/// A file with something in most tables, beside an empty database.
struct Rig {
    folder: TempDir,
    url: String,
}

impl Rig {
    async fn new() -> Self {
        Self::of(keys('1'), 1).await
    }

    async fn of(keys: Keys, seed: u64) -> Self {
        let rig =
            Self { folder: tempfile::tempdir().unwrap(), url: Server::shared().database().await.to_owned() };
        let store = SqliteStore::open(rig.file(), keys, Arc::new(SeededRng::new(seed))).unwrap();
        let writes = (0..3).flat_map(|number| {
            let put = |record| Write::Put(Box::new(record));
            let due = Write::Due { work: work(number), at: at(0), priority: None };
            [put(token(number)), put(alert(number)), due, audit("d\0")]
        });
        let arrivals = vec![arrival(1), arrival(2)];
        done(&store, Tx { writes: writes.collect(), arrivals, ..Tx::new(at(0)) }).await;
        done(&store, claim(0, "1234")).await;
        assert_eq!(
            store.claim_work(at(1), Duration::from_secs(600), &Places::free(1)).await.unwrap().len(),
            1
        );
        let Begun::Fresh(begun) = store.begin(at(0), "key", Duration::from_secs(600)).await.unwrap() else {
            unreachable!()
        };
        assert!(
            store.complete(at(0), "key", &begun, SEALED.as_bytes(), Duration::from_secs(600)).await.unwrap()
        );
        rig
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("staykey.db")
    }

    fn source(&self) -> SqliteStore {
        SqliteStore::open(self.file(), keys('1'), Arc::new(SeededRng::new(1))).unwrap()
    }

    fn tamper(&self, sql: &str) {
        rusqlite::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }

    fn parsed(&self) -> PostgresUrl {
        PostgresUrl::parse(&self.url).unwrap()
    }

    async fn try_open(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::open(&self.parsed(), keys('1'), Arc::new(SeededRng::new(2))).await
    }

    async fn watched(
        &self,
        batch: usize,
        mut watch: impl FnMut(Progress) -> ControlFlow<()> + Send,
    ) -> Result<Moved, TransferError> {
        let rng = Arc::new(SeededRng::new(3));
        move_store(&self.file(), &self.parsed(), keys('1'), rng, batch, &mut watch).await
    }

    async fn moves(&self, batch: usize) -> Result<Moved, TransferError> {
        self.watched(batch, |_| ControlFlow::Continue(())).await
    }

    /// All is there, as it was; and the target goes on where the source ended.
    async fn check(&self) {
        let store = self.try_open().await.unwrap();
        let shown = |row: Option<Row>| {
            let row = row.unwrap();
            (row.revision, row.record.to_stored().unwrap().sealed.map(|sealed| sealed.expose().to_owned()))
        };
        for number in 0..3 {
            let (revision, sealed) = shown(store.get(&token(number).key()).await.unwrap());
            assert_eq!((revision, sealed.unwrap().contains(SEALED)), (1, true));
            assert!(store.get(&alert(number).key()).await.unwrap().is_some());
        }
        let inbox = store.inbox(&harbour(), None, 9).await.unwrap();
        assert_eq!(inbox.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(inbox[0].action, "a\u{FFFD}b");
        assert!(inbox[0].event.is_some());
        assert_eq!(store.audit(&harbour(), None, None, 9).await.unwrap().len(), 3);
        let begun = store.begin(at(1), "key", Duration::from_secs(600)).await.unwrap();
        assert_eq!(begun, Begun::Done(SEALED.into()));
        assert_eq!(
            store.commit(claim(1, "1234")).await.unwrap(),
            Commit::Taken(0),
            "the claim key came along"
        );
        done(&store, Tx { arrivals: vec![arrival(3)], writes: vec![audit("n")], ..Tx::new(at(2)) }).await;
        assert_eq!(store.inbox(&harbour(), None, 1).await.unwrap()[0].number, 3);
        assert_eq!(store.audit(&harbour(), None, None, 1).await.unwrap()[0].number, 4);
        // One lease was given: it lasts, and the next one of its key is newer.
        let claimed = store.claim_work(at(5), Duration::from_secs(60), &Places::free(9)).await.unwrap();
        assert_eq!(claimed.iter().map(|lease| lease.token).collect::<Vec<_>>(), [1, 1, 1]);
        let rest = store.claim_work(at(20), Duration::from_secs(60), &Places::free(9)).await.unwrap();
        assert!(rest.iter().any(|lease| lease.token == 2 && lease.work == work(0)), "{rest:?}");
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

#[test]
fn a_store_is_moved_whole_and_once() {
    run(async {
        let rig = Rig::new().await;
        let mut told = Vec::new();
        let moved = rig
            .watched(2, |progress| {
                told.push(progress);
                ControlFlow::Continue(())
            })
            .await
            .unwrap();
        assert!(!moved.before);
        let rows = |table: &str| moved.tables.iter().find(|sum| sum.table == table).unwrap().rows;
        assert_eq!(
            (rows("secret"), rows("alert"), rows("inbox"), rows("claim"), rows("plan")),
            (3, 3, 2, 1, 0)
        );
        for step in [Step::Reading, Step::Copying, Step::Checking] {
            let rows = told.iter().filter(|progress| progress.step == step).map(|progress| progress.rows);
            let (rows, of): (Vec<_>, _) = (rows.collect(), told[0].of);
            assert!(rows.is_sorted() && rows.last() == Some(&of), "{step:?} {rows:?} of {of}");
        }
        let again = rig.moves(2).await.unwrap();
        assert!(again.before);
        assert_eq!(again.tables, moved.tables);
        rig.check().await;
        assert!(rig.moves(2).await.unwrap().before, "hosts have worked on the target by now");
        drop(rig.source().commit(Tx { writes: vec![audit("late")], ..Tx::new(at(9)) }).await.unwrap());
        refused(rig.moves(2).await, "has worked on the file since");
    });
}

#[test]
fn a_move_goes_on_from_every_border() {
    run(async {
        for batch in [1, 100] {
            let rig = Rig::new().await;
            // The first ends before anything is there, each other one step later than the one before.
            let mut ends = 20;
            loop {
                let mut left = ends;
                let end = rig
                    .watched(batch, |_| match left {
                        0 => ControlFlow::Break(()),
                        _ => {
                            left -= 1;
                            ControlFlow::Continue(())
                        }
                    })
                    .await;
                match end {
                    Err(TransferError::Interrupted) => ends += 1,
                    end => break assert!(!end.unwrap().before),
                }
                if let Err(error) = &rig.try_open().await {
                    assert!(error.to_string().contains("move-store"), "{error}");
                } else {
                    // Opened by a host before anything was there: not the target any more.
                    ask(&rig.url, "DELETE FROM meta WHERE name <> 'transfer' AND bytes IS NOT NULL").await;
                }
            }
            assert!(ends > 45, "{ends}");
            rig.check().await;
        }
    });
}

/// The future, dropped after so many polls.
async fn broken_off<T>(work: impl Future<Output = T>, polls: u32) -> Option<T> {
    let (mut work, mut left) = (pin!(work), polls);
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[test]
fn a_move_that_was_killed_anywhere_goes_on() {
    run(async {
        let rig = Rig::new().await;
        let mut kills = 0;
        let moved = loop {
            match broken_off(rig.moves(2), 12 + kills % 7 + kills / 2).await {
                None => kills += 1,
                // What was under way at the kill ended only now.
                Some(Err(TransferError::Store(StoreError::Unavailable(_)))) => {}
                Some(end) => break end.unwrap(),
            }
        };
        assert!(kills > 10, "{kills}");
        assert_eq!(rig.moves(1).await.unwrap().tables, moved.tables);
        rig.check().await;
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    run(async {
        let rig = Rig::new().await;
        let host = rig.source();
        refused(rig.moves(9).await, "a host works on it");
        drop(host);

        // A target that a host has opened, or that has something else in it.
        let opened = Rig { folder: tempfile::tempdir().unwrap(), url: Server::shared().database().await };
        drop(opened.try_open().await.unwrap());
        let into = |other: &Rig| Rig { folder: tempfile::tempdir().unwrap(), url: other.url.clone() };
        let onto = |to: Rig| {
            std::fs::copy(rig.file(), to.file()).unwrap();
            to
        };
        refused(onto(into(&opened)).moves(9).await, "not empty");
        ask(&opened.url, "DELETE FROM meta WHERE bytes IS NOT NULL").await;
        ask(&opened.url, "INSERT INTO alias VALUES ('a', 'b', 'c', 'd')").await;
        refused(onto(into(&opened)).moves(9).await, "not empty");

        // An unfinished one of another store, or of this one as it was.
        let mut left = 60;
        let stopped = rig.watched(1, |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(stopped.await, Err(TransferError::Interrupted));
        let other = Rig::of(keys('1'), 9).await;
        refused(Rig { url: rig.url.clone(), folder: other.folder }.moves(9).await, "another store");
        drop(rig.source().commit(Tx { writes: vec![audit("late")], ..Tx::new(at(9)) }).await.unwrap());
        refused(rig.moves(9).await, "has changed since");

        let rig = Rig::new().await;
        rig.tamper("INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, '1' FROM refinery_schema_history LIMIT 1");
        refused(rig.moves(9).await, "has schema 99");
        rig.tamper("DELETE FROM refinery_schema_history WHERE version = 99");
        ask(&rig.url, "CREATE TABLE guest (a text)").await;
        refused(rig.moves(9).await, "a table `guest`");
        ask(&rig.url, "DROP TABLE guest; ALTER TABLE audit ADD COLUMN extra text").await;
        refused(rig.moves(9).await, "audit.extra");
        ask(&rig.url, "ALTER TABLE audit DROP COLUMN extra").await;
        rig.tamper("ALTER TABLE claim ADD COLUMN extra TEXT");
        refused(rig.moves(9).await, "claim.extra");
        ask(&rig.url, "ALTER TABLE claim ADD COLUMN extra TEXT").await;
        rig.tamper("UPDATE claim SET extra = 'x'; INSERT INTO meta VALUES ('more', 1)");
        refused(rig.moves(9).await, "keeps a `more`");
        rig.tamper("DELETE FROM meta WHERE name = 'more'");
        assert!(!rig.moves(9).await.unwrap().before);
        let extra = ask(&rig.url, "SELECT extra FROM claim").await;
        assert_eq!(extra, [[Some("x".to_owned())]], "a column that both have is carried along");

        let nowhere = Rig { folder: tempfile::tempdir().unwrap(), url: rig.url.clone() };
        refused(nowhere.moves(9).await, "there is no file");
        assert!(std::fs::read_dir(nowhere.folder.path()).unwrap().next().is_none(), "nothing was made");
    });
}

#[test]
fn a_value_that_does_not_open_or_does_not_arrive_is_told() {
    run(async {
        let rig = Rig::new().await;
        rig.tamper("UPDATE secret SET sealed = zeroblob(60) WHERE id = 'token-1'");
        assert!(matches!(rig.moves(9).await, Err(TransferError::Store(StoreError::Damaged(_)))));
        assert_eq!(ask(&rig.url, "SELECT 1 FROM meta WHERE bytes IS NOT NULL").await.len(), 0);

        let rig = Rig::new().await;
        let other = Rig { folder: tempfile::tempdir().unwrap(), url: rig.url.clone() };
        std::fs::copy(rig.file(), other.file()).unwrap();
        let rng = Arc::new(SeededRng::new(3));
        let mut on = |_| ControlFlow::Continue(());
        let end = move_store(&rig.file(), &rig.parsed(), keys('2'), rng, 9, &mut on).await;
        assert!(matches!(end, Err(TransferError::Store(StoreError::Damaged(text))) if text.contains("key")));

        // Somebody changes what has arrived.
        let mut tampered = false;
        let end = rig.watched(100, |progress| {
            if progress.step == Step::Checking && !tampered {
                tampered = true;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        assert_eq!(end.await, Err(TransferError::Interrupted));
        ask(&rig.url, "UPDATE audit SET at = at + 1 WHERE number = 2").await;
        let end = rig.moves(100).await;
        let told = "audit did not arrive as it was";
        assert!(
            matches!(&end, Err(TransferError::Store(StoreError::Damaged(text))) if text.contains(told)),
            "{end:?}"
        );
        assert!(rig.try_open().await.is_err(), "no host works on it");
        ask(&rig.url, "UPDATE audit SET at = at - 1 WHERE number = 2").await;
        assert!(!rig.moves(100).await.unwrap().before);
        rig.check().await;
    });
}

#[test]
fn no_seal_of_an_older_key_is_lost() {
    run(async {
        let rig = Rig::new().await;
        let both = || keys('2').with_older(&secret('1')).unwrap();
        drop(SqliteStore::open(rig.file(), both(), Arc::new(SeededRng::new(5))).unwrap());
        let mut on = |_| ControlFlow::Continue(());
        let rng = || Arc::new(SeededRng::new(6));
        move_store(&rig.file(), &rig.parsed(), both(), rng(), 9, &mut on).await.unwrap();
        let without = PostgresStore::open(&rig.parsed(), keys('2'), rng()).await;
        assert!(matches!(without, Err(StoreError::Damaged(_))), "it knows of the older key");
        let store = PostgresStore::open(&rig.parsed(), both(), rng()).await.unwrap();
        while store.reseal(2).await.unwrap() > 0 {}
        let store = PostgresStore::open(&rig.parsed(), keys('2'), rng()).await.unwrap();
        assert!(store.get(&token(1).key()).await.unwrap().is_some());
    });
}

/// What `docs/postgresql.md` tells operators to do.
#[test]
fn a_dump_that_is_restored_is_the_same_store() {
    run(async {
        let rig = Rig::new().await;
        rig.moves(100).await.unwrap();
        let server = Server::shared();
        let restored = server.database().await;
        let dump = server.folder().join("staykey.dump");
        server.runs("pg_dump", &["--format=custom", "--file", dump.to_str().unwrap(), &rig.url]);
        server.runs("pg_restore", &["--exit-on-error", "--dbname", &restored, dump.to_str().unwrap()]);
        let copy = Rig { url: restored, folder: tempfile::tempdir().unwrap() };
        copy.check().await;
        rig.check().await;
    });
}

/// The statements that the page tells operators to run on what they have restored.
#[test]
fn a_restored_database_is_told_that_it_is_old() {
    run(async {
        let rig = Rig::new().await;
        let key = DoorKey { vendor: "thekeys".into(), device: "1".into(), keypad: "".into() };
        let read = Record::DoorRead(DoorReadRecord {
            tenant: harbour(),
            key,
            observed_at: Some(at(0)),
            complete: true,
            codes: Vec::new(),
            failing: None,
        });
        let row = read.key();
        done(&rig.source(), Tx { writes: vec![Write::Put(Box::new(read))], ..Tx::new(at(0)) }).await;
        rig.moves(100).await.unwrap();
        let page = include_str!("../../docs/postgresql.md");
        let sql = page.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
        ask(&rig.url, sql).await;
        let store = rig.try_open().await.unwrap();
        let Some(Record::DoorRead(read)) = store.get(&row).await.unwrap().map(|row| row.record) else {
            unreachable!()
        };
        assert!(!read.complete);
        // Minutes before the lease that was given would have ended.
        assert_eq!(
            store.claim_work(at(2), Duration::from_secs(60), &Places::free(9)).await.unwrap().len(),
            3
        );
    });
}
