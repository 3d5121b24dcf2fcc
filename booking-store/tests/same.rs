//! Whatever is done to two stores, both answer alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use booking_core::conformance::SeededRng;
use booking_core::store::{
    AlertRecord, Arrival, AuditEntry, Candidate, Claim, ClaimedPin, Finish, Kind, Lease, Origin, Places,
    Record, Row, RowKey, SecretRecord, Store, Tx, WorkKey, Write,
};
use booking_core::{
    BookingId, CodeId, Dedup, DoorId, DoorKey, Event, ExternalId, IdempotencyStore, IdempotencyToken,
    IntegrationName, Pin, Reply, Secret, TenantSlug,
};
use booking_store::{Keys, MemoryStore};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::sample::select;

const TENANTS: [&str; 2] = ["harbour", "hill"];
const STAYS: u32 = 4;

#[derive(Clone, Debug)]
enum Op {
    /// A change, perhaps under one of the leases given so far.
    Commit(Box<Tx>, Option<usize>),
    ClaimWork(i64, u64, Places),
    ClaimKey(i64, u64, WorkKey),
    Extend(i64, usize, i64),
    Purge(i64, i64, Vec<(TenantSlug, BookingId)>),
    Begin(i64, usize),
    Complete(i64, usize, u64),
    Abandon(usize, u64),
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_900_000_000) + TimeDelta::minutes(minutes)
}

fn id12(number: u32) -> String {
    format!("{number:012}").bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}

fn tenant() -> impl Strategy<Value = TenantSlug> {
    select(&TENANTS[..]).prop_map(|slug| TenantSlug::parse(slug).unwrap())
}

fn stay() -> impl Strategy<Value = BookingId> {
    (0..STAYS).prop_map(|number| BookingId::parse(&id12(number)).unwrap())
}

fn source() -> impl Strategy<Value = IntegrationName> {
    select(&["smoobu", "beds24"][..]).prop_map(|name| IntegrationName::parse(name).unwrap())
}

fn reference() -> impl Strategy<Value = ExternalId> {
    select(&["1", "2", "3"][..]).prop_map(|text| ExternalId::parse(text).unwrap())
}

fn holder() -> impl Strategy<Value = CodeId> {
    (0..4_u32).prop_map(|number| CodeId::parse(&id12(number)).unwrap())
}

fn door() -> impl Strategy<Value = DoorKey> {
    select(&["1", "2"][..]).prop_map(|device| DoorKey {
        vendor: "thekeys".into(),
        device: device.into(),
        keypad: "".into(),
    })
}

fn minutes() -> impl Strategy<Value = i64> {
    0..30_i64
}

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    minutes().prop_map(at)
}

fn work() -> impl Strategy<Value = WorkKey> {
    prop_oneof![
        5 => (tenant(), stay()).prop_map(|(tenant, stay)| WorkKey::Grant(tenant, stay)),
        1 => (tenant(), source()).prop_map(|(tenant, source)| WorkKey::Source(tenant, source)),
        1 => tenant().prop_map(|tenant| WorkKey::Door(tenant, DoorId::parse("studio-a").unwrap())),
        1 => tenant().prop_map(WorkKey::Notice),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let alert = (tenant(), select(&["a", "b"][..]), proptest::option::of(stay()), time()).prop_map(
        |(tenant, id, stay, opened_at)| {
            Record::Alert(AlertRecord {
                id: id.to_owned(),
                tenant,
                stay,
                door: None,
                kind: "k".to_owned(),
                detail: String::new(),
                opened_at,
                closed_at: None,
                told_at: None,
            })
        },
    );
    let secret = (tenant(), "[a-z]{0,4}", time()).prop_map(|(tenant, value, at)| {
        Record::Secret(SecretRecord { name: "token".to_owned(), tenant, value: Some(Secret::new(value)), at })
    });
    prop_oneof![3 => alert, 1 => secret]
}

fn row_key() -> impl Strategy<Value = RowKey> {
    let booking = (tenant(), stay()).prop_map(|(tenant, stay)| RowKey {
        kind: Kind::Booking,
        tenant,
        id: stay.to_string(),
    });
    prop_oneof![record().prop_map(|record| record.key()), booking]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => record().prop_map(|record| Write::Put(Box::new(record))),
        1 => row_key().prop_map(Write::Delete),
        2 => (work(), 0..20_u64).prop_map(|(work, up_to)| Write::MarkRead { work, up_to }),
        3 => (work(), time(), proptest::option::of(time()))
            .prop_map(|(work, at, priority)| Write::Due { work, at, priority }),
        2 => (tenant(), source(), reference(), stay()).prop_map(|(tenant, source, reference, booking)| {
            Write::Alias { tenant, source, reference, booking }
        }),
        1 => (holder(), time()).prop_map(|(holder, until)| Write::Release { holder, until }),
        1 => (tenant(), proptest::option::of(stay()), time()).prop_map(|(tenant, stay, at)| {
            Write::Audit(AuditEntry { at, tenant, stay, what: "w".to_owned(), detail: "d".to_owned() })
        }),
    ]
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let event = prop_oneof![
        5 => (reference(), any::<bool>()).prop_map(|(reference, deleted)| Event::Hint { reference, deleted }),
        1 => Just(Event::Fact { id: "f".to_owned(), payload: serde_json::json!({ "n": 1 }) }),
    ];
    let dedup = prop_oneof![
        Just(None),
        select(&["x", "y"][..]).prop_map(|hash| Some(Dedup::Content { hash: hash.to_owned() })),
        (select(&["x", "y"][..]), 1..1200_u64).prop_map(|(id, seconds)| Some(Dedup::VendorId {
            id: id.to_owned(),
            ttl: Duration::from_secs(seconds)
        })),
    ];
    let events = proptest::collection::vec((event, stay()), 0..3);
    (tenant(), source(), dedup, events, proptest::option::of(time()), 200..204_u16).prop_map(
        |(tenant, integration, dedup, events, priority, status)| Arrival {
            tenant,
            integration,
            origin: Origin::FullRead,
            action: "a".to_owned(),
            dedup,
            events,
            priority,
            reply: Reply { status, body: serde_json::Value::Null },
        },
    )
}

fn claim() -> impl Strategy<Value = Claim> {
    let pin = (holder(), door(), select(&["1111", "2222"][..])).prop_map(|(holder, door, digits)| {
        ClaimedPin { holder, door, stored: Pin::parse(digits).unwrap(), apart: Vec::new() }
    });
    let candidate = (proptest::collection::vec(pin, 0..3), proptest::collection::vec(write(), 0..2))
        .prop_map(|(pins, writes)| Candidate { pins, writes });
    (minutes(), minutes(), proptest::collection::vec(candidate, 0..3)).prop_map(|(one, other, candidates)| {
        Claim { from: at(one.min(other)), until: at(one.max(other)), candidates }
    })
}

fn tx() -> impl Strategy<Value = Tx> {
    let finish = (proptest::option::of(time()), any::<bool>(), proptest::option::of(time()))
        .prop_map(|(next, failed, priority)| Finish { next, failed, priority });
    (
        time(),
        proptest::collection::vec((row_key(), 0..3_u64), 0..2),
        proptest::collection::vec(arrival(), 0..3),
        proptest::collection::vec(write(), 0..4),
        proptest::collection::vec(claim(), 0..2),
        proptest::option::of(finish),
    )
        .prop_map(|(now, expect, arrivals, writes, claims, finish)| Tx {
            now,
            lease: None,
            // Most expectations fail; those that do not are worth more.
            expect: if now.timestamp() % 4 == 0 { expect } else { Vec::new() },
            arrivals,
            writes,
            claims,
            finish,
        })
}

fn places() -> impl Strategy<Value = Places> {
    let taken = proptest::collection::btree_map(tenant(), 0..3_usize, 0..3);
    (0..4_usize, prop_oneof![Just(usize::MAX), 0..3_usize], taken)
        .prop_map(|(free, per_tenant, taken)| Places { free, per_tenant, taken })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (tx(), proptest::option::of(0..4_usize)).prop_map(|(tx, lease)| Op::Commit(Box::new(tx), lease)),
        3 => (minutes(), 0..10_u64, places()).prop_map(|(now, length, places)| Op::ClaimWork(now, length, places)),
        1 => (minutes(), 0..10_u64, work()).prop_map(|(now, length, work)| Op::ClaimKey(now, length, work)),
        1 => (minutes(), 0..4_usize, minutes()).prop_map(|(now, lease, until)| Op::Extend(now, lease, until)),
        1 => (minutes(), minutes(), proptest::collection::vec((tenant(), stay()), 0..3))
            .prop_map(|(now, older, stays)| Op::Purge(now, older, stays)),
        1 => (minutes(), 0..2_usize).prop_map(|(now, key)| Op::Begin(now, key)),
        1 => (minutes(), 0..2_usize, 1..4_u64).prop_map(|(now, key, token)| Op::Complete(now, key, token)),
        1 => (0..2_usize, 1..4_u64).prop_map(|(key, token)| Op::Abandon(key, token)),
    ]
}

/// A store with both of its faces.
trait Both: Store + IdempotencyStore {}

impl<T: Store + IdempotencyStore> Both for T {}

/// Does something to a store; tells what it answered, what waits now, and adds the leases that it gave.
async fn does(store: &dyn Both, leases: &mut Vec<Lease>, op: &Op) -> String {
    let ttl = Duration::from_secs(300);
    let key = |number: usize| ["k", "l"][number];
    // Mostly the newest, some that are over.
    let lease = |back: usize| leases.len().checked_sub(back + 1).map(|index| leases[index].clone());
    let answer = match op {
        Op::Commit(tx, back) => {
            let tx = Tx { lease: back.and_then(lease), ..(**tx).clone() };
            text(&store.commit(tx).await)
        }
        Op::ClaimWork(now, length, places) => {
            let length = Duration::from_secs(60 * length);
            let claimed = store.claim_work(at(*now), length, places).await;
            leases.extend(claimed.clone().unwrap());
            text(&claimed)
        }
        Op::ClaimKey(now, length, work) => {
            let claimed = store.claim_key(at(*now), Duration::from_secs(60 * length), work).await;
            leases.extend(claimed.clone().unwrap());
            text(&claimed)
        }
        Op::Extend(now, back, until) => match lease(*back) {
            Some(lease) => text(&store.extend(at(*now), &lease, at(*until)).await),
            None => String::new(),
        },
        Op::Purge(now, older, stays) => text(&store.purge(at(*now), at(*older), stays).await),
        Op::Begin(now, number) => text(&store.begin(at(*now), key(*number), ttl).await),
        Op::Complete(now, number, token) => {
            let token = IdempotencyToken(*token);
            text(&store.complete(at(*now), key(*number), &token, b"answer", ttl).await)
        }
        Op::Abandon(number, token) => text(&store.abandon(key(*number), &IdempotencyToken(*token)).await),
    };
    answer
        + &text(&store.next_due(None).await)
        + &text(&store.next_due(Some(at(9))).await)
        + &text(&store.work(None, 100).await)
}

fn text<T: Debug>(answer: &T) -> String {
    format!("{answer:?}\n")
}

/// All that can be read.
async fn all_of(store: &dyn Both) -> String {
    let mut all = String::new();
    for slug in TENANTS {
        let tenant = TenantSlug::parse(slug).unwrap();
        all += &text(&store.inbox(&tenant, None, 100).await);
        all += &text(&store.audit(&tenant, None, None, 100).await);
        for kind in Kind::ALL {
            for row in store.rows(kind, &tenant, None, 100).await.unwrap() {
                all += &text(&shown(&row));
            }
        }
        for number in 0..STAYS {
            let stay = BookingId::parse(&id12(number)).unwrap();
            for row in store.stay(&tenant, &stay).await.unwrap() {
                all += &text(&shown(&row));
            }
            all += &text(&store.audit(&tenant, Some(&stay), None, 2).await);
            let work = WorkKey::Grant(tenant.clone(), stay);
            all += &text(&store.work_row(&work).await);
            all += &text(&store.unread(&work).await);
        }
        for source in ["smoobu", "beds24"].map(|name| IntegrationName::parse(name).unwrap()) {
            for reference in ["1", "2", "3"].map(|text| ExternalId::parse(text).unwrap()) {
                all += &text(&store.alias(&tenant, &source, &reference).await);
            }
        }
    }
    all
}

/// A row with its secret, which its own `Debug` leaves out.
fn shown(row: &Row) -> (u64, String, Option<String>) {
    let stored = row.record.to_stored().unwrap();
    (row.revision, stored.plain, stored.sealed.map(|sealed| sealed.expose().to_owned()))
}

/// Holds a store against the one in memory; `between` is done to it after each step.
async fn hold_against_memory(
    store: &dyn Both,
    ops: &[Op],
    between: impl AsyncFn(),
) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    hold_on(&memory, store, &mut (Vec::new(), Vec::new()), ops, between).await
}

/// The same with two that have a past, and the leases that each gave in it.
async fn hold_on(
    memory: &MemoryStore,
    store: &dyn Both,
    (given, same): &mut (Vec<Lease>, Vec<Lease>),
    ops: &[Op],
    between: impl AsyncFn(),
) -> Result<(), TestCaseError> {
    for op in ops {
        let expected = does(memory, given, op).await;
        let answer = does(store, same, op).await;
        between().await;
        prop_assert_eq!(expected, answer, "after {:?}", op);
    }
    prop_assert_eq!(all_of(memory).await, all_of(store).await, "after {:?}", ops.last());
    Ok(())
}

fn run(work: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn keys() -> Keys {
    Keys::parse(&Secret::new("11".repeat(32))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[cfg(feature = "sqlite")]
    #[test]
    fn both_stores_answer_alike(ops in proptest::collection::vec(op(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("staykey.db");
        let store = booking_store::SqliteStore::open(file, keys(), Arc::new(SeededRng::new(1))).unwrap();
        run(hold_against_memory(&store, &ops, async || {}))?;
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_shared_database_answers_alike(ops in proptest::collection::vec(op(), 1..40)) {
        run(async {
            let url = postgres::emptied().await;
            let parsed = booking_store::PostgresUrl::parse(url).unwrap();
            let store = booking_store::PostgresStore::open(&parsed, keys(), Arc::new(SeededRng::new(1)));
            let numbers = postgres::Numbers::new(url);
            hold_against_memory(&store.await.unwrap(), &ops, async || numbers.set_back().await).await
        })?;
    }
}

#[cfg(all(feature = "postgres", feature = "sqlite"))]
proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_moved_store_answers_alike_and_goes_on_alike(
        ops in proptest::collection::vec(op(), 1..40),
        later in proptest::collection::vec(op(), 1..20),
        batch in 1..9_usize,
    ) {
        run(async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("staykey.db");
            let rng = || Arc::new(SeededRng::new(1));
            let url = booking_store::PostgresUrl::parse(postgres::emptied().await).unwrap();
            let (memory, mut leases) = (MemoryStore::new(), (Vec::new(), Vec::new()));
            let source = booking_store::SqliteStore::open(&file, keys(), rng()).unwrap();
            hold_on(&memory, &source, &mut leases, &ops, async || {}).await?;
            drop(source);
            let mut watch = |_| std::ops::ControlFlow::Continue(());
            booking_store::move_store(&file, &url, keys(), rng(), batch, &mut watch).await.unwrap();
            let store = booking_store::PostgresStore::open(&url, keys(), rng()).await.unwrap();
            prop_assert_eq!(all_of(&memory).await, all_of(&store).await);
            let numbers = postgres::Numbers::as_they_are(postgres::emptied_url()).await;
            hold_on(&memory, &store, &mut leases, &later, async || numbers.set_back().await).await
        })?;
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::cell::RefCell;
    use std::sync::OnceLock;

    use booking_test_servers::postgres::{Server, ask};

    static URL: OnceLock<String> = OnceLock::new();

    /// The URL of the database that was emptied.
    #[cfg(feature = "sqlite")]
    pub(crate) fn emptied_url() -> &'static str {
        URL.get().unwrap()
    }

    /// The URL of a database that is empty: the same for each history, because a new one takes its time.
    pub(crate) async fn emptied() -> &'static str {
        let Some(url) = URL.get() else {
            let url = Server::shared().database().await;
            return URL.get_or_init(|| url);
        };
        let deletes = TABLES.map(|table| format!("DELETE FROM {table}"));
        ask(url, &format!("{}; {RESET}", deletes.join("; "))).await;
        url
    }

    const TABLES: [&str; 17] = [
        "booking",
        "grant_",
        "code",
        "message",
        "door_read",
        "alert",
        "source",
        "fact",
        "secret",
        "brake",
        "plan",
        "alias",
        "work",
        "delivery",
        "inbox",
        "claim",
        "idempotency",
    ];

    const RESET: &str = "DELETE FROM audit; DELETE FROM meta WHERE bytes IS NOT NULL; UPDATE meta SET number = 0 WHERE number IS NOT NULL;
        SELECT setval('inbox_number', 1, false), setval('audit_number', 1, false),
            setval('idempotency_token', 1, false)";

    /// A sequence does not take back the numbers that it gave for nothing, the other stores do. So that the rest can be
    /// compared to the letter, it is set back here to the last that a row has had.
    pub(crate) struct Numbers {
        url: &'static str,
        last: RefCell<Vec<String>>,
    }

    impl Numbers {
        pub(crate) fn new(url: &'static str) -> Self {
            Self { url, last: RefCell::new(vec!["0".to_owned(); 2]) }
        }

        #[cfg(feature = "sqlite")]
        pub(crate) async fn as_they_are(url: &'static str) -> Self {
            let last = |sequence: &str| {
                format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")
            };
            let both = format!("{} UNION ALL {}", last("inbox_number"), last("audit_number"));
            let rows = ask(url, &both).await;
            Self { url, last: RefCell::new(rows.concat().into_iter().flatten().collect()) }
        }

        pub(crate) async fn set_back(&self) {
            let last = self.last.borrow().clone();
            let set = |table: &str, last: &str| {
                format!(
                    "SELECT number, setval('{table}_number', greatest(number, 1), number > 0)
                    FROM (SELECT greatest({last}, max(number)) AS number FROM {table}) AS last"
                )
            };
            let both = format!("{} UNION ALL {}", set("inbox", &last[0]), set("audit", &last[1]));
            let rows = ask(self.url, &both).await;
            *self.last.borrow_mut() = rows.into_iter().filter_map(|mut row| row.swap_remove(0)).collect();
        }
    }
}
