//! What only a database can get wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use booking_core::conformance::{self, SeededRng};
use booking_core::store::{
    AlertRecord, Arrival, Candidate, Claim, ClaimedPin, CodeRecord, CodeState, Commit, DoorReadRecord,
    FactRecord, GrantRecord, Kind, MessageKind, MessageRecord, MessageState, MessageText, Origin, Pins,
    Places, Record, Row, RowKey, SecretRecord, Store, StoreError, Tx, WorkKey, Write,
};
use booking_core::{
    Begun, Booking, BookingId, BookingKind, BookingStatus, CodeId, DoorId, DoorKey, Event, ExternalId,
    GrantId, Guest, IdempotencyStore, IntegrationName, ListedCode, MessageId, Pin, Proof, Recipient, Reply,
    Secret, StayDates, TenantSlug, VendorCodeId, Window,
};
use booking_store::{Keys, SqliteStore};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use futures_util::future::join_all;
use tempfile::TempDir;

const PIN: &str = "83726154";
const GUEST: &str = "Plantagenet Guestson";

/// A database in a folder of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("staykey.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("staykey.db-wal")
    }

    fn try_open(&self, keys: Keys) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(self.file(), keys, Arc::new(SeededRng::new(7)))
    }

    fn open(&self) -> SqliteStore {
        self.try_open(key('1')).unwrap()
    }

    /// Changes the file behind the store's back.
    fn tamper(&self, sql: &str) {
        rusqlite::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }

    /// Whether the text is anywhere in the database or its log.
    fn holds(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| contains(&bytes, text.as_bytes()))
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn key(digit: char) -> Keys {
    Keys::parse(&secret(digit)).unwrap()
}

fn secret(digit: char) -> Secret {
    Secret::new(digit.to_string().repeat(64))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_900_000_000) + TimeDelta::minutes(minutes)
}

fn id12(number: u32) -> String {
    format!("{number:012}").bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

fn harbour() -> TenantSlug {
    TenantSlug::parse("harbour").unwrap()
}

fn name(text: &str) -> IntegrationName {
    IntegrationName::parse(text).unwrap()
}

fn stay(number: u32) -> BookingId {
    BookingId::parse(&id12(number)).unwrap()
}

fn door() -> DoorKey {
    DoorKey { vendor: "thekeys".into(), device: "4411".into(), keypad: "AbCd1234".into() }
}

fn digits(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

fn alert(id: &str, detail: &str) -> Record {
    Record::Alert(AlertRecord {
        id: id.to_owned(),
        tenant: harbour(),
        stay: None,
        door: None,
        kind: "k".to_owned(),
        detail: detail.to_owned(),
        opened_at: at(0),
        closed_at: None,
        told_at: None,
    })
}

fn code(number: u32) -> Record {
    let date = |day| NaiveDate::from_ymd_opt(2031, 5, day).unwrap().and_hms_opt(12, 0, 0).unwrap();
    Record::Code(CodeRecord {
        id: CodeId::parse(&id12(number)).unwrap(),
        tenant: harbour(),
        stay: stay(number),
        grant: GrantId::parse(&id12(1)).unwrap(),
        door: DoorId::parse("studio-a-door").unwrap(),
        key: door(),
        lock: name("thekeys"),
        pins: Some(Pins { typed: digits(&format!("31{PIN}")), stored: digits(PIN) }),
        vendor_id: None,
        known_ids: Vec::new(),
        name: GUEST.to_owned(),
        note: "Smoobu#9001".to_owned(),
        window: Window::new(date(1), date(4), Tz::Europe__Warsaw).unwrap(),
        state: CodeState::Wanted,
        write: None,
        attempts: 0,
        retry_at: None,
        proof: Proof::Requested,
        proof_at: at(0),
        missing_since: None,
        adopted: false,
        backup: false,
        pool_note: None,
        by_staff: None,
        created_at: at(0),
    })
}

fn arrival(reference: &str, number: u32) -> Arrival {
    let day = |day| NaiveDate::from_ymd_opt(2031, 5, day).unwrap();
    let booking = Booking {
        reference: ExternalId::parse(reference).unwrap(),
        unit: None,
        unit_name: None,
        kind: BookingKind::Stay,
        status: BookingStatus::Confirmed,
        guest: Guest { name: Some(GUEST.to_owned()), ..Guest::default() },
        dates: Ok(StayDates::new(day(1), day(4)).unwrap()),
        check_in: None,
        check_out: None,
        revision: None,
    };
    Arrival {
        tenant: harbour(),
        integration: name("smoobu"),
        origin: Origin::Webhook,
        action: "newReservation".to_owned(),
        dedup: None,
        events: vec![(Event::Snapshot(Box::new(booking)), stay(number))],
        priority: None,
        reply: Reply { status: 200, body: serde_json::Value::Null },
    }
}

fn put(record: Record) -> Tx {
    Tx { writes: vec![Write::Put(Box::new(record))], ..Tx::new(at(0)) }
}

async fn done(store: &SqliteStore, tx: Tx) {
    let end = store.commit(tx).await.unwrap();
    assert!(matches!(end, Commit::Done { .. }), "{end:?}");
}

fn code_key(number: u32) -> RowKey {
    code(number).key()
}

fn is_damaged<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Damaged(_)))
}

/// Every sealed thing, with the same PIN and name in each.
async fn plant(store: &SqliteStore) {
    let text = MessageText {
        recipient: Recipient::Channel,
        subject: GUEST.to_owned(),
        body: format!("{GUEST}: {PIN}"),
        language: "en".to_owned(),
    };
    let listed = ListedCode {
        id: VendorCodeId::parse("1").unwrap(),
        stored: Some(digits(PIN)),
        name: GUEST.to_owned(),
        note: String::new(),
        start: None,
        end: None,
        active: true,
        proof: booking_core::Proof::Listed,
    };
    let records = [
        code(1),
        Record::Grant(GrantRecord {
            id: GrantId::parse(&id12(1)).unwrap(),
            tenant: harbour(),
            stay: stay(1),
            unit: None,
            unit_ref: None,
            window: None,
            core: Some(digits(PIN)),
            write_back: None,
            created_at: at(0),
        }),
        Record::Message(MessageRecord {
            id: MessageId::parse(&id12(1)).unwrap(),
            tenant: harbour(),
            stay: stay(1),
            notifier: name("sms"),
            kind: MessageKind::CodeReady,
            state: MessageState::Intended,
            maybe_twice: false,
            attempts: 0,
            retry_at: None,
            intended_at: at(0),
            tried_at: at(0),
            ended_at: None,
            error: None,
            told: None,
            text: Some(text),
        }),
        Record::DoorRead(DoorReadRecord {
            tenant: harbour(),
            key: door(),
            observed_at: None,
            complete: true,
            codes: vec![listed],
            failing: None,
        }),
        Record::Fact(FactRecord {
            id: "sms/1".to_owned(),
            tenant: harbour(),
            stay: Some(stay(1)),
            at: at(0),
            payload: serde_json::json!({ "text": format!("{GUEST} {PIN}") }),
        }),
        Record::Secret(SecretRecord {
            name: "token".to_owned(),
            tenant: harbour(),
            value: Some(Secret::new(format!("{GUEST}{PIN}"))),
            at: at(0),
        }),
    ];
    for record in records {
        done(store, put(record)).await;
    }
    let pin = ClaimedPin {
        holder: CodeId::parse(&id12(1)).unwrap(),
        door: door(),
        stored: digits(PIN),
        apart: Vec::new(),
    };
    let claim = Claim {
        from: at(0),
        until: at(100),
        candidates: vec![Candidate { pins: vec![pin], writes: vec![] }],
    };
    done(store, Tx { arrivals: vec![arrival("9001", 1)], claims: vec![claim], ..Tx::new(at(0)) }).await;
    let ttl = Duration::from_secs(3600);
    let Begun::Fresh(token) = store.begin(at(0), "k", ttl).await.unwrap() else { panic!("not fresh") };
    assert!(store.complete(at(0), "k", &token, format!("{GUEST} {PIN}").as_bytes(), ttl).await.unwrap());
}

/// What [`plant`] wrote is there to be read.
async fn check_planted(store: &SqliteStore) {
    for kind in [Kind::Code, Kind::Grant, Kind::Message, Kind::DoorRead, Kind::Fact, Kind::Secret] {
        assert_eq!(store.rows(kind, &harbour(), None, 10).await.unwrap().len(), 1, "{kind:?}");
    }
    assert_eq!(store.get(&code_key(1)).await.unwrap(), Some(Row { revision: 1, record: code(1) }));
    let unread = store.unread(&WorkKey::Grant(harbour(), stay(1))).await.unwrap();
    assert_eq!(unread[0].event, Some(arrival("9001", 1).events[0].0.clone()));
    let answer = Begun::Done(format!("{GUEST} {PIN}").into_bytes());
    assert_eq!(store.begin(at(1), "k", Duration::ZERO).await.unwrap(), answer);
}

#[test]
fn it_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    run(conformance::store(async || {
        number.set(number.get() + 1);
        let file = folder.path().join(format!("{}.db", number.get()));
        Arc::new(SqliteStore::open(file, key('1'), Arc::new(SeededRng::new(number.get()))).unwrap()) as _
    }));
}

#[test]
fn it_is_an_idempotency_store() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    run(conformance::idempotency_store(async || {
        number.set(number.get() + 1);
        let file = folder.path().join(format!("{}.db", number.get()));
        Arc::new(SqliteStore::open(file, key('1'), Arc::new(SeededRng::new(number.get()))).unwrap()) as _
    }));
}

#[test]
fn pins_and_names_are_nowhere_in_the_files() {
    let place = Place::new();
    let store = place.open();
    run(async {
        plant(&store).await;
        assert!(place.holds("newReservation"), "the search finds what is plain");
        assert!(!place.holds(PIN) && !place.holds(GUEST), "in the log");
        check_planted(&store).await;
    });
    drop(store);
    assert!(!place.holds(PIN) && !place.holds(GUEST), "in the database");
}

#[test]
fn purged_rows_are_nowhere_in_the_files() {
    let place = Place::new();
    let store = place.open();
    run(async {
        done(&store, Tx { arrivals: vec![arrival("ref-of-the-stay", 1)], ..Tx::new(at(0)) }).await;
        let key = RowKey { kind: Kind::Booking, tenant: harbour(), id: stay(1).to_string() };
        let Some(Row { record: Record::Booking(mut record), .. }) = store.get(&key).await.unwrap() else {
            panic!("no booking")
        };
        let (Event::Snapshot(booking), _) = arrival("ref-of-the-stay", 1).events.remove(0) else {
            unreachable!()
        };
        record.booking = Some(*booking);
        done(&store, put(Record::Booking(record))).await;
        assert!(place.holds(GUEST), "a booking is plain");
        store.purge(at(0), at(0), &[(harbour(), stay(1))]).await.unwrap();
        // What follows waits until the log is cut.
        store.ping().await.unwrap();
    });
    assert!(!place.holds(GUEST) && !place.holds("ref-of-the-stay"));
}

#[test]
fn reopening_keeps_everything() {
    let place = Place::new();
    let store = place.open();
    let lease = run(async {
        plant(&store).await;
        store.claim_work(at(0), Duration::from_secs(600), &Places::free(10)).await.unwrap().remove(0)
    });
    drop(store);
    // All of it is in the one file, which can be copied as it is.
    assert!(!place.log().exists());
    let store = place.open();
    run(async {
        check_planted(&store).await;
        done(&store, Tx::under(at(9), &lease)).await;
        let again = store.claim_work(at(10), Duration::from_secs(600), &Places::free(10)).await.unwrap();
        assert!(again[0].token > lease.token);
        let pin = ClaimedPin {
            holder: CodeId::parse(&id12(2)).unwrap(),
            door: door(),
            stored: digits(PIN),
            apart: Vec::new(),
        };
        let claim = Claim {
            from: at(0),
            until: at(100),
            candidates: vec![Candidate { pins: vec![pin], writes: vec![] }],
        };
        let end = store.commit(Tx { claims: vec![claim], ..Tx::new(at(10)) }).await.unwrap();
        assert_eq!(end, Commit::Taken(0));
    });
}

#[test]
fn another_key_is_refused() {
    let place = Place::new();
    drop(place.open());
    let error = place.try_open(key('2')).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged(text) if text.contains("not among the keys")), "{error}");
    assert!(!format!("{error:?}").contains("2222"));
    drop(place.open());
    let swapped = key('2').with_older(&secret('1')).unwrap();
    drop(place.try_open(swapped).unwrap());
}

#[test]
fn keys_are_rotated() {
    let place = Place::new();
    let store = place.open();
    run(async {
        plant(&store).await;
        done(&store, put(code(2))).await;
    });
    drop(store);

    let both = || key('2').with_older(&secret('1')).unwrap();
    let store = place.try_open(both()).unwrap();
    run(async {
        assert_eq!(store.get(&code_key(1)).await.unwrap().unwrap().record, code(1), "old seals still open");
        done(&store, put(code(2))).await;
    });
    drop(store);
    let error = place.try_open(key('2')).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "the old key is still needed: {error}");

    let store = place.try_open(both()).unwrap();
    let mut steps = Vec::new();
    run(async {
        loop {
            let count = store.reseal(3).await.unwrap();
            steps.push(count);
            if count == 0 {
                break;
            }
        }
        assert_eq!(store.get(&code_key(1)).await.unwrap().unwrap().revision, 1, "no revision moved");
    });
    assert_eq!(steps, [3, 3, 2, 0], "six records, an event, an answer; one was written anew");
    drop(store);

    let error = place.try_open(key('1')).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "the old key alone no longer opens it: {error}");
    let store = place.try_open(key('2')).unwrap();
    run(async {
        for number in [1, 2] {
            assert_eq!(store.get(&code_key(number)).await.unwrap().unwrap().record, code(number));
        }
        let unread = store.unread(&WorkKey::Grant(harbour(), stay(1))).await.unwrap();
        assert_eq!(unread[0].event, Some(arrival("9001", 1).events[0].0.clone()));
        let answer = Begun::Done(format!("{GUEST} {PIN}").into_bytes());
        assert_eq!(store.begin(at(1), "k", Duration::ZERO).await.unwrap(), answer);
        // The key of the claims has outlived the rotation.
        let pin = ClaimedPin {
            holder: CodeId::parse(&id12(9)).unwrap(),
            door: door(),
            stored: digits(PIN),
            apart: Vec::new(),
        };
        let claim = Claim {
            from: at(0),
            until: at(9),
            candidates: vec![Candidate { pins: vec![pin], writes: vec![] }],
        };
        let end = store.commit(Tx { claims: vec![claim], ..Tx::new(at(0)) }).await.unwrap();
        assert_eq!(end, Commit::Taken(0));
    });
}

#[test]
fn damage_is_told_and_stays_where_it_is() {
    let sealed_of = |number: u32| format!("(SELECT sealed FROM code WHERE id = '{}')", id12(number));
    let of = |number: u32| format!("WHERE id = '{}'", id12(number));
    for (what, sql) in [
        ("moved from another row", format!("UPDATE code SET sealed = {} {}", sealed_of(2), of(1))),
        ("from another table", format!("UPDATE code SET sealed = (SELECT sealed FROM grant_) {}", of(1))),
        ("cut short", format!("UPDATE code SET sealed = substr(sealed, 1, 20) {}", of(1))),
        ("empty", format!("UPDATE code SET sealed = x'' {}", of(1))),
        ("gone", format!("UPDATE code SET sealed = NULL {}", of(1))),
        ("not JSON", format!("UPDATE code SET plain = '{{' {}", of(1))),
        (
            "another's plain part",
            format!("UPDATE code SET plain = (SELECT plain FROM code {}) {}", of(2), of(1)),
        ),
        ("renamed", format!("UPDATE code SET id = '{}' {}", id12(77), of(1))),
    ] {
        let place = Place::new();
        let store = place.open();
        run(async {
            plant(&store).await;
            done(&store, put(code(2))).await;
        });
        drop(store);
        place.tamper(&sql);
        let store = place.open();
        run(async {
            let key = RowKey { id: if what == "renamed" { id12(77) } else { id12(1) }, ..code_key(1) };
            let read = store.get(&key).await;
            assert!(is_damaged(&read), "{what}: {read:?}");
            assert!(!format!("{read:?}").contains(PIN), "{what}");
            assert!(is_damaged(&store.stay(&harbour(), &stay(1)).await), "{what}: its stay");
            assert!(is_damaged(&store.codes_on(&harbour(), &door()).await), "{what}: not an empty door");
            assert_eq!(
                store.get(&code_key(2)).await.unwrap().unwrap().record,
                code(2),
                "{what}: its neighbour"
            );
            assert_eq!(
                store.stay(&harbour(), &stay(2)).await.unwrap().len(),
                1,
                "{what}: its neighbour's stay"
            );
            done(&store, put(code(1))).await;
            assert_eq!(
                store.get(&code_key(1)).await.unwrap().unwrap().record,
                code(1),
                "{what}: written anew"
            );
        });
    }
}

#[test]
fn a_moved_event_is_damage() {
    let place = Place::new();
    let store = place.open();
    run(async {
        done(&store, Tx { arrivals: vec![arrival("1", 1), arrival("2", 2)], ..Tx::new(at(0)) }).await;
    });
    drop(store);
    place.tamper("UPDATE inbox SET event = (SELECT event FROM inbox WHERE number = 2) WHERE number = 1");
    let store = place.open();
    run(async {
        assert!(is_damaged(&store.unread(&WorkKey::Grant(harbour(), stay(1))).await));
        assert_eq!(store.unread(&WorkKey::Grant(harbour(), stay(2))).await.unwrap().len(), 1);
    });
}

#[test]
fn many_threads_commit_at_once() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let store = &store;
            scope.spawn(move || {
                run(async {
                    for round in 0..5_u32 {
                        let changes = (0..8_u32).map(|number| {
                            let id = thread * 1000 + round * 100 + number;
                            let tx =
                                Tx { arrivals: vec![arrival(&id.to_string(), id)], ..put(alert("all", "")) };
                            done(store, tx)
                        });
                        join_all(changes).await;
                    }
                });
            });
        }
    });
    run(async {
        let row = store.get(&alert("all", "").key()).await.unwrap().unwrap();
        assert_eq!(row.revision, 8 * 5 * 8, "none was lost");
        assert_eq!(store.rows(Kind::Booking, &harbour(), None, 1000).await.unwrap().len(), 8 * 5 * 8);
    });
}

/// Makes every future send its change while the database is locked, so that one group takes them all.
async fn in_one_group(
    place: &Place,
    store: &SqliteStore,
    changes: Vec<Tx>,
) -> Vec<Result<Commit, StoreError>> {
    let blocker = rusqlite::Connection::open(place.file()).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut changes: Vec<_> = changes.into_iter().map(|tx| store.commit(tx)).collect();
    for change in &mut changes {
        assert!(poll_once(change.as_mut()).is_pending());
    }
    blocker.execute_batch("COMMIT").unwrap();
    join_all(changes).await
}

fn poll_once<T>(future: std::pin::Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn one_bad_change_fails_alone() {
    let place = Place::new();
    drop(place.open());
    place.tamper(
        "CREATE TRIGGER bad BEFORE INSERT ON alert WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    let store = place.open();
    run(async {
        let ids = ["first", "a", "bad", "b"];
        let ends = in_one_group(&place, &store, ids.iter().map(|id| put(alert(id, ""))).collect()).await;
        for (id, end) in ids.iter().zip(ends) {
            let there = store.get(&alert(id, "").key()).await.unwrap().is_some();
            if *id == "bad" {
                assert!(matches!(end, Err(StoreError::Unavailable(_))) && !there, "{end:?}");
            } else {
                assert!(matches!(end, Ok(Commit::Done { .. })) && there, "{id}: {end:?}");
            }
        }
    });
}

#[test]
fn a_lost_transaction_is_nobodys_success() {
    let place = Place::new();
    drop(place.open());
    // This is what SQLite may do of itself when the disk is full.
    place.tamper(
        "CREATE TRIGGER bad BEFORE INSERT ON alert WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    );
    let store = place.open();
    run(async {
        let ids = ["first", "a", "bad", "b"];
        let ends = in_one_group(&place, &store, ids.iter().map(|id| put(alert(id, ""))).collect()).await;
        for (id, end) in ids.iter().zip(&ends) {
            let there = store.get(&alert(id, "").key()).await.unwrap().is_some();
            assert_eq!(end.is_ok(), there, "{id}: {end:?}");
        }
        assert!(ends[2].is_err());
        assert!(ends[3].is_ok(), "those behind it have a transaction of their own");
        done(&store, put(alert("after", ""))).await;
    });
}

#[test]
fn dropped_futures_leave_nothing_open() {
    let place = Place::new();
    let store = place.open();
    run(async {
        drop(store.commit(put(alert("never polled", ""))));
        for number in 0..50 {
            let change = Tx {
                arrivals: vec![arrival(&number.to_string(), number)],
                ..put(alert(&format!("dropped {number}"), ""))
            };
            let mut change = pin!(store.commit(change));
            let _ = poll_once(change.as_mut());
        }
        // Serial with what was dropped: an answer means that all before it has ended.
        done(&store, put(alert("after", ""))).await;
        let alerts = store.rows(Kind::Alert, &harbour(), None, 1000).await.unwrap();
        assert_eq!(alerts.len(), 51, "each was sent whole, and made whole");
        assert_eq!(store.rows(Kind::Booking, &harbour(), None, 1000).await.unwrap().len(), 50);
    });
    // No transaction is open: another connection can write at once.
    place.tamper("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE; COMMIT");
    drop(store);
    drop(place.open());
}

#[test]
fn a_dropped_store_has_done_what_it_was_sent() {
    let place = Place::new();
    let store = place.open();
    {
        let mut change = pin!(store.commit(put(alert("a", ""))));
        assert!(poll_once(change.as_mut()).is_pending());
    }
    drop(store);
    let store = place.open();
    run(async { assert!(store.get(&alert("a", "").key()).await.unwrap().is_some()) });
}

#[test]
fn a_file_has_one_store() {
    let place = Place::new();
    let store = place.open();
    let second = place.try_open(key('1')).unwrap_err();
    assert!(matches!(&second, StoreError::Unavailable(text) if text.contains("in use")), "{second}");
    drop(store);
    drop(place.open());
}

#[test]
fn what_cannot_be_opened_is_told() {
    let place = Place::new();
    let open = |path: &Path| SqliteStore::open(path, key('1'), Arc::new(SeededRng::new(1))).unwrap_err();
    let error = open(&place.folder.path().join("no/such/folder.db"));
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let error = open(place.folder.path());
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    std::fs::write(place.file(), "this is not a database, however long it is made ".repeat(200)).unwrap();
    let error = open(&place.file());
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");
}

#[test]
fn a_database_of_a_later_version_is_refused() {
    let place = Place::new();
    drop(place.open());
    place.tamper(
        "INSERT INTO refinery_schema_history
        SELECT max(version) + 1, 'later', max(applied_on), '1' FROM refinery_schema_history",
    );
    let error = place.try_open(key('1')).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let store = place.open();
    run(async { done(&store, put(alert("a", ""))).await });
    for file in std::fs::read_dir(place.folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}

#[test]
fn any_runtime_will_do() {
    let place = Place::new();
    let store = place.open();
    // Not a runtime at all: a thread that polls.
    let mut change = pin!(store.commit(put(alert("a", ""))));
    let end = loop {
        if let Poll::Ready(end) = poll_once(change.as_mut()) {
            break end;
        }
        std::thread::yield_now();
    };
    assert!(matches!(end, Ok(Commit::Done { .. })));
}
