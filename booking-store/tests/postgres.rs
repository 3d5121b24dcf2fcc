//! What only a database that is shared, and far away, can get wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![expect(clippy::disallowed_methods, reason = "a real database has real time and real tasks")]

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use booking_core::conformance::{self, SeededRng};
use booking_core::store::{
    AlertRecord, Arrival, Candidate, Claim, ClaimedPin, Commit, Finish, Origin, Places, Record, RowKey,
    SecretRecord, Store, StoreError, Tx, WorkKey, Write,
};
use booking_core::{
    Begun, BookingId, CodeId, Dedup, DoorKey, Event, ExternalId, IdempotencyStore, IntegrationName, Pin,
    Reply, Rng, Secret, TenantSlug,
};
use booking_store::{Keys, PostgresStore, PostgresUrl};
use booking_test_servers::postgres::{Server, ask};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const WORD: &str = "Plantagenet-83726154";

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn key(digit: char) -> Keys {
    Keys::parse(&secret(digit)).unwrap()
}

fn secret(digit: char) -> Secret {
    Secret::new(digit.to_string().repeat(64))
}

async fn try_open(url: &str, keys: Keys, seed: u64) -> Result<PostgresStore, StoreError> {
    PostgresStore::open(&PostgresUrl::parse(url).unwrap(), keys, Arc::new(SeededRng::new(seed))).await
}

async fn open(url: &str) -> PostgresStore {
    try_open(url, key('1'), 7).await.unwrap()
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

fn stay(number: u32) -> BookingId {
    BookingId::parse(&id12(number)).unwrap()
}

fn work(number: u32) -> WorkKey {
    WorkKey::Grant(harbour(), stay(number))
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

fn token(value: &str) -> Record {
    Record::Secret(SecretRecord {
        name: "token".to_owned(),
        tenant: harbour(),
        value: Some(Secret::new(value)),
        at: at(0),
    })
}

fn put(record: Record) -> Tx {
    Tx { writes: vec![Write::Put(Box::new(record))], ..Tx::new(at(0)) }
}

fn due(number: u32) -> Tx {
    Tx { writes: vec![Write::Due { work: work(number), at: at(0), priority: None }], ..Tx::new(at(0)) }
}

fn arrival(reference: &str, id: u32) -> Tx {
    let arrival = Arrival {
        tenant: harbour(),
        integration: IntegrationName::parse("smoobu").unwrap(),
        origin: Origin::Webhook,
        action: "a\0b".to_owned(),
        dedup: None,
        events: vec![(
            Event::Hint { reference: ExternalId::parse(reference).unwrap(), deleted: false },
            stay(id),
        )],
        priority: None,
        reply: Reply { status: 200, body: serde_json::json!("\0") },
    };
    Tx { arrivals: vec![arrival], ..Tx::new(at(0)) }
}

async fn done(store: &PostgresStore, tx: Tx) {
    let end = store.commit(tx).await.unwrap();
    assert!(matches!(end, Commit::Done { .. }), "{end:?}");
}

#[test]
fn it_is_a_store() {
    run(conformance::store(async || Arc::new(open(&Server::shared().database().await).await) as _));
}

#[test]
fn it_is_an_idempotency_store() {
    run(conformance::idempotency_store(async || {
        Arc::new(open(&Server::shared().database().await).await) as _
    }));
}

#[test]
fn hosts_that_start_together_find_one_schema_and_one_claim_key() {
    run(async {
        let url = Server::shared().database().await;
        let opened = join_all((0..6).map(|seed| try_open(&url, key('1'), seed))).await;
        let stores: Vec<_> = opened.into_iter().map(Result::unwrap).collect();
        let pin = |holder: u32| {
            let pins = vec![ClaimedPin {
                holder: CodeId::parse(&id12(holder)).unwrap(),
                door: DoorKey { vendor: "thekeys".into(), device: "1".into(), keypad: "".into() },
                stored: Pin::parse("1234").unwrap(),
                apart: Vec::new(),
            }];
            let candidates = vec![Candidate { pins, writes: Vec::new() }];
            Tx { claims: vec![Claim { from: at(0), until: at(9), candidates }], ..Tx::new(at(0)) }
        };
        let ends = join_all(stores.iter().zip(0..).map(|(store, holder)| store.commit(pin(holder)))).await;
        let taken = ends.iter().filter(|end| **end == Ok(Commit::Taken(0))).count();
        assert_eq!(taken, stores.len() - 1, "digits are on a keypad once: {ends:?}");
    });
}

#[test]
fn a_schema_of_the_next_version_will_do_and_a_later_one_will_not() {
    run(async {
        let url = Server::shared().database().await;
        done(&open(&url).await, put(alert("a", "kept"))).await;
        let later = |version: u32| {
            format!(
                "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                SELECT {version}, 'later', applied_on, '1' FROM refinery_schema_history WHERE version = 1"
            )
        };
        ask(&url, &later(5)).await;
        let store = open(&url).await;
        assert!(store.get(&alert("a", "").key()).await.unwrap().is_some());
        ask(&url, &later(6)).await;
        let refused = try_open(&url, key('1'), 1).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Unavailable(text) if text.contains("schema 6")), "{refused}");
    });
}

#[test]
fn two_hosts_share_the_work() {
    run(async {
        let url = Server::shared().database().await;
        let hosts = [open(&url).await, open(&url).await];
        const KEYS: u32 = 60;
        for number in 0..KEYS {
            done(&hosts[0], due(number)).await;
        }
        let claim = async |host: &PostgresStore| {
            let mut worked = Vec::new();
            // A key that another holds at this moment is skipped: what is left is seen by whoever looks next.
            while host.next_due(None).await.unwrap().is_some_and(|due| due <= at(1)) {
                for lease in host.claim_work(at(1), Duration::from_secs(600), &Places::free(3)).await.unwrap()
                {
                    let finish = Some(Finish { next: None, failed: false, priority: None });
                    done(host, Tx { finish, ..Tx::under(at(2), &lease) }).await;
                    worked.push(lease.work);
                }
            }
            worked
        };
        let worked = join_all(hosts.iter().chain(&hosts).map(claim)).await.concat();
        let keys: BTreeSet<_> = worked.iter().cloned().collect();
        assert_eq!((worked.len(), keys.len()), (KEYS as usize, KEYS as usize), "each key once");
    });
}

/// So many pages PostgreSQL looks at to claim one key.
async fn pages_of_a_claim(url: &str, store: &PostgresStore, places: &Places) -> i64 {
    const READ: &str = "SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)
        FROM pg_statio_user_tables WHERE relname = 'work'";
    // What a session counts is told at its end.
    let idle = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let count = async || {
        ask(url, idle).await;
        while ask(url, idle).await.iter().any(|row| row[0].as_deref() == Some("t")) {}
        ask(url, READ).await[0][0].as_deref().unwrap().parse::<i64>().unwrap()
    };
    let before = count().await;
    assert_eq!(store.claim_work(at(1), Duration::from_secs(60), places).await.unwrap().len(), 1);
    count().await - before
}

#[test]
fn a_claim_costs_the_same_however_much_is_due() {
    run(async {
        let url = Server::shared().database().await;
        let store = open(&url).await;
        let mark = async |tenant: &str, from: u32, until: u32| {
            let rows = format!(
                "INSERT INTO work (rank, tenant, id, due_at, priority, token, failures)
                SELECT 0, '{tenant}', translate(lpad(n::text, 12, '0'), '0123456789', 'abcdefghij'),
                    {due}, {due} + n % 1000, 0, 0
                FROM generate_series({from}, {until}) AS n",
                due = at(0).timestamp_micros()
            );
            ask(&url, &rows).await;
            // What had to be put into the queue is there, and the tables are known for what they are.
            drop(store.claim_work(at(1), Duration::from_secs(60), &Places::free(0)).await.unwrap());
            ask(&url, "VACUUM ANALYZE work").await;
        };
        mark("harbour", 1, 20).await;
        let few = pages_of_a_claim(&url, &store, &Places::free(1)).await;
        mark("harbour", 21, 50_000).await;
        mark("hill", 1, 50_000).await;
        let many = pages_of_a_claim(&url, &store, &Places::free(1)).await;
        assert!(many < 3 * few, "{few} pages where little is due, {many} where much is");
        let has_its_share = Places { per_tenant: 1, taken: [(harbour(), 1)].into(), ..Places::free(1) };
        let past = pages_of_a_claim(&url, &store, &has_its_share).await;
        assert!(past < 3 * few, "{few} pages where little is due, {past} past a tenant that has its share");
    });
}

#[test]
fn a_host_that_knows_no_queue_may_be_beside() {
    run(async {
        let url = Server::shared().database().await;
        let store = open(&url).await;
        let claim = async |minutes: i64| {
            let leases =
                store.claim_work(at(minutes), Duration::from_secs(60), &Places::free(9)).await.unwrap();
            leases.into_iter().map(|lease| lease.work).collect::<Vec<_>>()
        };
        for number in 0..3 {
            done(&store, due(number)).await;
        }
        // What the version before makes of a claim and of a change: they say nothing of the queue.
        let micros = |minutes: i64| at(minutes).timestamp_micros();
        let old = async |set: &str, number: u32| {
            ask(&url, &format!("UPDATE work SET {set} WHERE id = '{}'", stay(number))).await
        };
        old(&format!("leased_until = {}, due_at = NULL, token = token + 1", micros(30)), 0).await;
        old(&format!("due_at = {}", micros(20)), 1).await;
        assert_eq!(claim(1).await, [work(2)]);
        assert_eq!(claim(20).await, [work(2), work(1)]);
        assert_eq!(claim(30).await.len(), 3);
        old("leased_until = NULL", 0).await;
        assert_eq!(claim(31).await, [work(1), work(2)], "nothing is due of the first");
    });
}

#[test]
fn of_many_changes_that_meet_none_is_given_up() {
    const HOSTS: u32 = 3;
    const AT_ONCE: u32 = 16;
    run(async {
        let url = Server::shared().database().await;
        let stores = join_all((0..HOSTS).map(|_| open(&url))).await;
        // Each makes the same keys due, among rows of its own: all of them are on the same few pages.
        let change = |host: u32, number: u32| {
            let dues = (0..16).flat_map(|key| due((key + number) % 24).writes);
            let alerts = (0..16).flat_map(|n| put(alert(&format!("{host}-{number}-{n}"), "d")).writes);
            Tx { writes: dues.chain(alerts).collect(), ..Tx::new(at(0)) }
        };
        let changes = stores.iter().zip(0..HOSTS).flat_map(|(store, host)| {
            (0..AT_ONCE).map(move |lane| async move {
                for round in 0..4 {
                    done(store, change(host, lane * 4 + round)).await;
                }
            })
        });
        join_all(changes).await;
    });
}

#[test]
fn a_lease_that_was_taken_over_writes_nothing() {
    run(async {
        let url = Server::shared().database().await;
        let hosts = [open(&url).await, open(&url).await];
        for round in 0..20_u32 {
            done(&hosts[0], due(round)).await;
            let old = hosts[0]
                .claim_work(at(1), Duration::from_secs(60), &Places::free(1))
                .await
                .unwrap()
                .remove(0);
            // As one host sees the time the lease is good, as the other does it is over.
            let write =
                Tx { writes: vec![Write::Put(Box::new(alert(&id12(round), "")))], ..Tx::under(at(1), &old) };
            let (end, new) = futures_util::future::join(hosts[0].commit(write), async {
                let taken =
                    hosts[1].claim_work(at(5), Duration::from_secs(60), &Places::free(1)).await.unwrap();
                let seen = hosts[1].get(&alert(&id12(round), "").key()).await.unwrap().is_some();
                (taken, seen)
            })
            .await;
            let (taken, seen) = new;
            let there = hosts[1].get(&alert(&id12(round), "").key()).await.unwrap().is_some();
            assert_eq!(there, matches!(end.unwrap(), Commit::Done { .. }));
            if !taken.is_empty() {
                assert_eq!(there, seen, "the old lease wrote after it was taken over");
            }
            let Some(lease) = taken.first() else {
                let lease = hosts[1]
                    .claim_work(at(5), Duration::from_secs(60), &Places::free(1))
                    .await
                    .unwrap()
                    .remove(0);
                let finish = Some(Finish { next: None, failed: false, priority: None });
                done(&hosts[1], Tx { finish, ..Tx::under(at(5), &lease) }).await;
                continue;
            };
            let finish = Some(Finish { next: None, failed: false, priority: None });
            done(&hosts[1], Tx { finish, ..Tx::under(at(5), lease) }).await;
        }
    });
}

#[test]
fn nothing_that_arrives_is_marked_read_unseen() {
    run(async {
        let url = Server::shared().database().await;
        let hosts = [open(&url).await, open(&url).await];
        const ARRIVALS: u32 = 60;
        done(&hosts[0], arrival("1", 1)).await;
        let arrive = join_all((0..ARRIVALS).map(|number| done(&hosts[number as usize % 2], arrival("1", 1))));
        let read = async {
            let mut seen = BTreeSet::new();
            while seen.len() < ARRIVALS as usize + 1 {
                let rows = hosts[1].unread(&work(1)).await.unwrap();
                assert!(rows.iter().all(|row| row.action == "a\u{FFFD}b"));
                let Some(last) = rows.last() else { continue };
                seen.extend(rows.iter().map(|row| row.number));
                let read = Write::MarkRead { work: work(1), up_to: last.number };
                done(&hosts[1], Tx { writes: vec![read], ..Tx::new(at(1)) }).await;
            }
        };
        // A row that nobody saw would let the reader wait for ever.
        let both = futures_util::future::join(arrive, read);
        tokio::time::timeout(Duration::from_secs(60), both).await.expect("a row was marked read unseen");
    });
}

#[test]
fn those_who_arrive_together_share_transactions() {
    run(async {
        let url = Server::shared().database().await;
        let store = open(&url).await;
        // A row knows the transaction that wrote it.
        join_all((0..200).map(|number| done(&store, arrival(&number.to_string(), number)))).await;
        let count = "SELECT count(*), count(DISTINCT xmin::text) FROM inbox";
        let counted = ask(&url, count).await.concat();
        assert_eq!(counted[0].as_deref(), Some("200"));
        let transactions: u32 = counted[1].as_deref().unwrap().parse().unwrap();
        assert!(transactions < 20, "{transactions} transactions");
    });
}

#[test]
fn one_that_is_refused_takes_nobody_along() {
    run(async {
        let url = Server::shared().database().await;
        let store = open(&url).await;
        let rng = SeededRng::new(3);
        // Too long for an index, and too random to be made shorter.
        let mut bytes = [0; 8000];
        rng.fill(&mut bytes);
        let long: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let sent = |number: u32| {
            let mut tx = arrival(&number.to_string(), number);
            let id = if number == 7 { long.clone() } else { number.to_string() };
            tx.arrivals[0].dedup = Some(Dedup::VendorId { id, ttl: Duration::from_secs(60) });
            tx
        };
        let ends = join_all((0..100).map(|number| store.commit(sent(number)))).await;
        for (number, end) in (0..).zip(&ends) {
            assert_eq!(matches!(end, Ok(Commit::Done { .. })), number != 7, "{number}: {end:?}");
            assert_eq!(store.unread(&work(number)).await.unwrap().len(), usize::from(number != 7));
        }
        let repeated =
            join_all((0..100).filter(|number| *number != 7).map(|number| store.commit(sent(number)))).await;
        let is_repetition = |end: &Result<Commit, StoreError>| matches!(end, Ok(Commit::Done { accepted, .. }) if accepted[0].duplicate);
        assert!(repeated.iter().all(is_repetition), "{repeated:?}");
    });
}

/// Lets a future get on so many times and drops it.
async fn drop_after<T>(mut times: u32, future: impl Future<Output = T>) {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        future.as_mut().poll(context).map(drop)
    })
    .await;
}

/// A change of several rows, each of which is looked for before it is written.
fn group(number: u32) -> Tx {
    let row = |part: u32| Write::Put(Box::new(alert(&format!("group-{number}-{part}"), "")));
    Tx { writes: (0..6).map(row).collect(), ..Tx::new(at(0)) }
}

#[test]
fn dropped_futures_leave_no_connection_in_a_transaction() {
    run(async {
        let url = Server::shared().database().await;
        let store = Arc::new(open(&url).await);
        // There are connections to be had.
        join_all((0..64).map(|number| done(&store, put(alert(&format!("first-{number}"), ""))))).await;
        let rng = SeededRng::new(5);
        let drawn = |below: u32| {
            let mut bytes = [0; 4];
            rng.fill(&mut bytes);
            u32::from_le_bytes(bytes) % below
        };
        let dropped = (0..300).map(|number| {
            let (store, polls, what) = (Arc::clone(&store), drawn(30), drawn(5));
            tokio::spawn(async move {
                match what {
                    0 => drop_after(polls, store.commit(arrival(&(number % 7).to_string(), number))).await,
                    1 => drop_after(polls, store.commit(group(number))).await,
                    2 => {
                        drop_after(polls, store.claim_work(at(1), Duration::from_secs(1), &Places::free(2)))
                            .await
                    }
                    3 => drop_after(polls, store.stay(&harbour(), &stay(number))).await,
                    _ => drop_after(polls, store.begin(at(0), "key", Duration::from_secs(9))).await,
                }
            })
        });
        join_all(dropped).await;
        // Whoever goes on in the background has come to an end once as many as there are connections have had their turn.
        let turns = (0..64).map(|number| done(&store, put(alert(&format!("turn-{number}"), ""))));
        join_all(turns).await;
        let idle = "SELECT state, count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            GROUP BY state";
        let everyone_is_idle = async {
            while ask(&url, idle).await.iter().any(|row| row[0].as_deref() != Some("idle")) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), everyone_is_idle).await;
        assert!(waited.is_ok(), "{:?}", ask(&url, idle).await);
        // Whatever was done was done whole.
        let broken = "SELECT split_part(id, '-', 2), count(*) FROM alert WHERE id LIKE 'group-%'
            GROUP BY split_part(id, '-', 2) HAVING count(*) <> 6";
        assert_eq!(ask(&url, broken).await, Vec::<Vec<_>>::new());
        let halves = ask(
            &url,
            "SELECT count(*) FROM alias FULL JOIN booking ON booking.id = alias.booking
            WHERE booking.id IS NULL OR alias.booking IS NULL",
        )
        .await;
        assert_eq!(halves[0][0].as_deref(), Some("0"));
    });
}

#[test]
fn a_server_that_was_restarted_is_found_again() {
    let server = Server::start("-c listen_addresses=");
    run(async {
        let url = server.database().await;
        let store = open(&url).await;
        for round in 0..3 {
            let ids = (0..8).map(|number| format!("{round}-{number}"));
            let puts: Vec<_> = ids.clone().map(|id| alert(&id, "")).collect();
            join_all(puts.iter().map(|record| done(&store, put(record.clone())))).await;
            server.restart();
            // What was acknowledged has outlived it, and the first that asks is answered.
            for record in &puts {
                assert!(store.get(&record.key()).await.unwrap().is_some());
            }
        }
        server.control(&["stop", "-m", "fast", "-s"]);
        let gone = store.ping().await.unwrap_err();
        assert!(matches!(&gone, StoreError::Unavailable(text) if text.contains("reached")), "{gone}");
        server.control(&[
            "start",
            "-w",
            "-s",
            "-o",
            &format!("-k {} -c listen_addresses=", server.folder().display()),
        ]);
        store.ping().await.unwrap();
    });
}

/// What becomes of that which goes by a [`Proxy`].
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Nothing is carried.
    is_silent: bool,
    /// So many questions are answered.
    answered: u32,
    /// How often connections were cut.
    cuts: u32,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU32,
    questions: AtomicU32,
}

/// A way to a server of its own, which can be watched and disturbed.
struct Proxy {
    server: Server,
    direct: u16,
    port: u16,
    way: watch::Sender<Way>,
    counts: Arc<Counts>,
}

impl Proxy {
    async fn start() -> Self {
        let direct = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Server::start(&format!("-c listen_addresses=127.0.0.1 -c port={direct}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = watch::Sender::new(Way { is_silent: false, answered: u32::MAX, cuts: 0 });
        let counts = Arc::new(Counts::default());
        let (see, count) = (way.subscribe(), Arc::clone(&counts));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.connections.fetch_add(1, Ordering::SeqCst);
                let (here, there) = client.into_split();
                let (answers, questions) =
                    TcpStream::connect(("127.0.0.1", direct)).await.unwrap().into_split();
                let (asked, so_far) = (Arc::clone(&count), Arc::clone(&count));
                let asks = move || {
                    asked.questions.fetch_add(1, Ordering::SeqCst);
                };
                let is_answered = move |way: &Way| {
                    !way.is_silent && so_far.questions.load(Ordering::SeqCst) <= way.answered
                };
                tokio::spawn(carry(here, questions, see.clone(), asks, |way| !way.is_silent));
                tokio::spawn(carry(answers, there, see.clone(), || {}, is_answered));
            }
        });
        Self { server, direct, port, way, counts }
    }

    /// The way by the proxy.
    fn url(&self) -> PostgresUrl {
        PostgresUrl::parse(&format!("postgres://staykey@127.0.0.1:{}/postgres?sslmode=disable", self.port))
            .unwrap()
    }

    /// The way past it.
    fn direct(&self) -> String {
        format!("{}&port={}", self.server.url("postgres"), self.direct)
    }

    fn silence(&self, is_silent: bool) {
        self.way.send_modify(|way| way.is_silent = is_silent);
    }

    fn connections(&self) -> u32 {
        self.counts.connections.load(Ordering::SeqCst)
    }

    fn questions(&self) -> u32 {
        self.counts.questions.load(Ordering::SeqCst)
    }
}

/// Carries bytes between a client and a server where it may, until the way is cut.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
    seen: impl Fn(),
    may: impl Fn(&Way) -> bool,
) {
    let mut bytes = [0; 4096];
    let cuts = way.borrow().cuts;
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            _ = way.wait_for(|way| way.cuts != cuts) => break,
        };
        let Ok(count @ 1..) = read else { break };
        seen();
        let waits = way.wait_for(|way| way.cuts != cuts || may(way));
        if waits.await.map_or(true, |way| way.cuts != cuts) || to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
}

#[test]
fn a_server_that_falls_silent_keeps_nobody_waiting_and_is_found_again() {
    run(async {
        let proxy = Proxy::start().await;
        let url = proxy.url().with_connections(3).with_patience(Duration::from_secs(6));
        let open = || PostgresStore::open(&url, key('1'), Arc::new(SeededRng::new(7)));
        let store = open().await.unwrap();
        let all = |round: u32| (0..12).map(move |number| alert(&format!("{round}-{number}"), ""));
        join_all(all(0).map(|record| done(&store, put(record)))).await;
        let connected = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'staykey'";
        let count: u32 = ask(&proxy.direct(), connected).await[0][0].as_deref().unwrap().parse().unwrap();
        assert!((1..=3).contains(&count), "{count} connections, and it was told three");

        proxy.silence(true);
        let is_late =
            |error: &StoreError| matches!(error, StoreError::Unavailable(text) if text.contains("in time"));
        let ends = async {
            let puts = join_all(all(1).map(|record| store.commit(put(record))));
            let arrivals = join_all((0..12).map(|number| store.commit(arrival("1", number))));
            let (puts, arrivals, ping, other) = tokio::join!(puts, arrivals, store.ping(), open());
            let others = [ping.unwrap_err(), other.unwrap_err()];
            assert!(others.iter().all(is_late), "{others:?}");
            puts.into_iter().chain(arrivals)
        };
        let ends =
            tokio::time::timeout(Duration::from_secs(60), ends).await.expect("an answer, though a bad one");
        for end in ends {
            assert!(end.as_ref().is_err_and(is_late), "{end:?}");
        }

        proxy.silence(false);
        join_all(all(2).map(|record| done(&store, put(record)))).await;
        for (round, is_there) in [(0, true), (1, false), (2, true)] {
            for record in all(round) {
                assert_eq!(store.get(&record.key()).await.unwrap().is_some(), is_there, "{round}");
            }
        }
    });
}

#[test]
fn a_purge_costs_the_same_however_much_goes() {
    const STAYS: u32 = 200;
    const OLD: u32 = 12_000;
    run(async {
        let proxy = Proxy::start().await;
        let store = PostgresStore::open(&proxy.url(), key('1'), Arc::new(SeededRng::new(7))).await.unwrap();
        join_all((0..STAYS).map(|number| done(&store, arrival(&number.to_string(), number)))).await;
        let old = format!(
            "INSERT INTO audit (tenant, at, what, detail) SELECT 'harbour', n, 'w', '' FROM generate_series(1, {OLD}) AS n"
        );
        ask(&proxy.direct(), &old).await;
        let stays: Vec<_> = (0..STAYS).map(|number| (harbour(), stay(number))).collect();
        // Its statements are known to the connection from then on.
        let first = store.purge(at(0), at(0), &stays[..1]).await.unwrap();
        assert_eq!((first.records, first.inbox, first.audit), (1, 1, u64::from(OLD)));
        let before = proxy.questions();
        let rest = store.purge(at(0), at(0), &stays[1..]).await.unwrap();
        let asked = proxy.questions() - before;
        assert_eq!((rest.records, rest.inbox), (u64::from(STAYS) - 1, u64::from(STAYS) - 1));
        assert!(asked < STAYS / 2, "{asked} journeys for {STAYS} stays");
    });
}

#[test]
fn a_change_in_vain_costs_no_connection() {
    const CONNECTIONS: u32 = 4;
    run(async {
        let proxy = Proxy::start().await;
        let url = proxy.url().with_connections(CONNECTIONS as usize);
        let store = PostgresStore::open(&url, key('1'), Arc::new(SeededRng::new(7))).await.unwrap();
        for round in 0..40 {
            // All but one find out at their end that they have not found the row.
            let same = (0..CONNECTIONS).map(|_| done(&store, put(alert(&round.to_string(), ""))));
            join_all(same).await;
        }
        let made = proxy.connections();
        assert!(made <= CONNECTIONS, "{made} connections for changes that met");
    });
}

#[test]
fn a_claim_whose_answer_is_lost_claims_no_more() {
    run(async {
        let proxy = Proxy::start().await;
        let url = proxy.url().with_connections(1);
        let store = PostgresStore::open(&url, key('1'), Arc::new(SeededRng::new(7))).await.unwrap();
        let one = Places::free(1);
        let claim = || store.claim_work(at(1), Duration::from_secs(60), &one);
        assert_eq!(claim().await, Ok(Vec::new()));
        for number in 0..3 {
            done(&store, due(number)).await;
        }
        // What puts keys into the queue is answered, what claims them is not.
        let answered = proxy.questions() + 1;
        proxy.way.send_modify(|way| way.answered = answered);
        let leased = async || {
            let count = "SELECT count(*) FROM work WHERE leased_until IS NOT NULL";
            ask(&proxy.direct(), count).await[0][0].as_deref().unwrap().parse::<u32>().unwrap()
        };
        let cut = async {
            while leased().await == 0 {}
            proxy.way.send_modify(|way| (way.answered, way.cuts) = (u32::MAX, way.cuts + 1));
        };
        let both = futures_util::future::join(claim(), cut);
        let (claimed, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
        assert!(claimed.is_err(), "{claimed:?}");
        assert_eq!(leased().await, 1, "what nobody is told of");
        assert_eq!(claim().await.unwrap().len(), 1);
    });
}

#[test]
fn a_new_connection_that_gets_no_further_keeps_nobody_waiting() {
    run(async {
        let text = Server::shared().database().await;
        let url = PostgresUrl::parse(&text).unwrap().with_patience(Duration::from_secs(4));
        let store = PostgresStore::open(&url, key('1'), Arc::new(SeededRng::new(7))).await.unwrap();
        // Whoever logs in is let in, and its first statement waits.
        let (client, connection) = tokio_postgres::connect(&text, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
            .batch_execute("BEGIN; LOCK TABLE pg_catalog.pg_settings IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'staykey'";
        ask(&text, others).await;
        let one = Places::free(1);
        let ends = async {
            let (ping, put) = tokio::join!(store.ping(), store.commit(put(alert("late", ""))));
            let (claim, told) = tokio::join!(
                store.claim_work(at(1), Duration::from_secs(60), &one),
                store.commit(arrival("1", 1)),
            );
            [ping.unwrap_err(), put.unwrap_err(), claim.unwrap_err(), told.unwrap_err()]
        };
        let ends =
            tokio::time::timeout(Duration::from_secs(12), ends).await.expect("an answer, though a bad one");
        for end in ends {
            assert!(matches!(&end, StoreError::Unavailable(text) if text.contains("in time")), "{end}");
        }
        client.batch_execute("ROLLBACK").await.unwrap();
        store.ping().await.unwrap();
    });
}

#[test]
fn what_is_sealed_is_nowhere_in_the_database() {
    run(async {
        let url = Server::shared().database().await;
        let store = open(&url).await;
        done(&store, put(token(WORD))).await;
        let Begun::Fresh(begun) = store.begin(at(0), "k", Duration::from_secs(60)).await.unwrap() else {
            panic!("a new key is fresh")
        };
        assert!(store.complete(at(0), "k", &begun, WORD.as_bytes(), Duration::from_secs(60)).await.unwrap());
        let rows = [
            ask(&url, "SELECT encode(sealed, 'escape'), plain FROM secret").await,
            ask(&url, "SELECT encode(answer, 'escape'), key FROM idempotency").await,
        ];
        for row in rows.iter().map(|rows| rows.first().unwrap()) {
            assert!(row.iter().flatten().all(|text| !text.is_empty() && !text.contains(WORD)));
        }
        let read = store.get(&token("").key()).await.unwrap().unwrap();
        assert!(matches!(read.record, Record::Secret(secret) if secret.value == Some(Secret::new(WORD))));
    });
}

#[test]
fn another_key_is_refused_and_keys_are_rotated() {
    run(async {
        let url = Server::shared().database().await;
        {
            let store = open(&url).await;
            done(&store, put(token(WORD))).await;
            done(&store, arrival("1", 1)).await;
            let Begun::Fresh(begun) = store.begin(at(0), "k", Duration::from_secs(60)).await.unwrap() else {
                panic!("a new key is fresh")
            };
            assert!(store.complete(at(0), "k", &begun, b"answer", Duration::from_secs(60)).await.unwrap());
        }
        let refused = try_open(&url, key('2'), 1).await.unwrap_err();
        assert!(matches!(refused, StoreError::Damaged(_)), "{refused}");

        let both = key('2').with_older(&secret('1')).unwrap();
        let store = try_open(&url, both, 2).await.unwrap();
        assert_eq!(store.reseal(2).await, Ok(2));
        assert_eq!(store.reseal(100).await, Ok(1));
        assert_eq!(store.reseal(100).await, Ok(0));
        drop(store);
        let store = try_open(&url, key('2'), 3).await.unwrap();
        assert_eq!(store.unread(&work(1)).await.unwrap().len(), 1);
        let key = RowKey { ..token("").key() };
        assert!(store.get(&key).await.unwrap().is_some());
        let answer = store.begin(at(0), "k", Duration::from_secs(1)).await.unwrap();
        assert_eq!(answer, Begun::Done(b"answer".to_vec()));
    });
}

#[test]
fn the_way_there_is_as_private_as_it_is_told() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = format!("-c listen_addresses=127.0.0.1 -c port={port}");
    let server = Server::start(&options);
    let local = |database: &str| format!("{}&port={port}", server.url(database));
    let far = |host: &str, query: &str| format!("postgres://staykey@{host}:{port}/postgres?{query}");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, private) = (made.cert.pem(), made.signing_key.serialize_pem());
    let trust = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trust.path(), &certificate).unwrap();
    let trusted = format!("sslmode=verify-full&sslrootcert={}", trust.path().display());
    run(async {
        let opens = async |url: &str| try_open(url, key('1'), 1).await.is_ok();
        assert!(opens(&local("postgres")).await);
        assert!(opens(&far("127.0.0.1", "sslmode=disable")).await);
        assert!(opens(&far("127.0.0.1", "")).await, "prefer takes what there is");
        assert!(!opens(&far("127.0.0.1", "sslmode=require")).await, "this server has no TLS yet");

        for (name, text) in [("server.crt", &certificate), ("server.key", &private)] {
            // Written by the server itself, so that it owns them; its folder keeps others out.
            let path = server.folder().join("data").join(name);
            let lines: Vec<_> = text.lines().map(|line| format!("('{line}')")).collect();
            let copy = format!(
                "COPY (SELECT line FROM (VALUES {}) AS lines (line)) TO '{}'",
                lines.join(", "),
                path.display()
            );
            ask(&local("postgres"), &copy).await;
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
        ask(&local("postgres"), "ALTER SYSTEM SET ssl = on").await;
        server.restart();
        // The newest session but this one: those before it may still be ending.
        let encrypted = "SELECT count(*) FROM (SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
            ORDER BY backend_start DESC LIMIT 1) AS newest WHERE ssl";
        for (query, is_encrypted) in
            [("sslmode=disable", "0"), ("", "1"), ("sslmode=require", "1"), (&*trusted, "1")]
        {
            let store = try_open(&far("localhost", query), key('1'), 1).await.unwrap();
            store.ping().await.unwrap();
            let count = ask(&local("postgres"), encrypted).await;
            assert_eq!(count[0][0].as_deref(), Some(is_encrypted), "{query}");
        }
        assert!(!opens(&far("localhost", "sslmode=verify-full")).await, "nobody vouches for it");
        assert!(!opens(&far("127.0.0.1", &trusted)).await, "it has another name");
    });
}
