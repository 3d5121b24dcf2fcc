//! Idempotency keys on a real Redis server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use booking_core::conformance::{self, SeededRng};
use booking_core::store::StoreError;
use booking_core::{Begun, IdempotencyStore, IdempotencyToken, Secret};
use booking_store::{Keys, RedisIdempotency, RedisUrl};
use booking_test_servers::redis::Server;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use redis::Value;

const TTL: Duration = Duration::from_secs(600);
const WORD: &str = "Plantagenet-83726154";

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn keys(digit: char) -> Keys {
    Keys::parse(&Secret::new(digit.to_string().repeat(64))).unwrap()
}

/// One of the server's databases, no other test's.
fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{}?db={}", Server::shared().url(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

async fn try_open(url: &str, seed: u64) -> Result<RedisIdempotency, StoreError> {
    RedisIdempotency::open(&RedisUrl::parse(url).unwrap(), keys('1'), Arc::new(SeededRng::new(seed))).await
}

async fn open(url: &str, seed: u64) -> RedisIdempotency {
    try_open(url, seed).await.unwrap()
}

/// What the server says to a command.
async fn ask(url: &str, words: &[&str]) -> Value {
    let mut connection = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let (name, arguments) = words.split_first().unwrap();
    redis::cmd(name).arg(arguments).query_async(&mut connection).await.unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_900_000_000 + seconds)
}

async fn fresh(store: &RedisIdempotency, key: &str) -> IdempotencyToken {
    match store.begin(at(0), key, TTL).await.unwrap() {
        Begun::Fresh(token) => token,
        other => panic!("{key}: {other:?}"),
    }
}

#[test]
fn it_is_an_idempotency_store() {
    run(conformance::idempotency_store(async || Arc::new(open(&database(), 7).await) as _));
}

#[test]
fn of_many_hosts_one_begins() {
    run(async {
        let url = database();
        let hosts = join_all((0..16).map(|seed| open(&url, seed))).await;
        for key in 0..20 {
            let key = key.to_string();
            let begun = join_all(hosts.iter().map(|host| host.begin(at(0), &key, TTL))).await;
            let fresh = begun.iter().filter(|begun| matches!(begun, Ok(Begun::Fresh(_)))).count();
            let waiting = begun.iter().filter(|begun| **begun == Ok(Begun::InProgress)).count();
            assert_eq!((fresh, waiting), (1, 15), "{key}");
        }
    });
}

#[test]
fn a_dropped_call_leaves_nothing_half_done() {
    run(async {
        let url = database();
        let store = open(&url, 7).await;
        for number in 0..100 {
            let (dropped, next) = (format!("dropped-{number}"), format!("next-{number}"));
            drop(store.begin(at(0), &dropped, TTL).now_or_never());
            // What comes after it on the same connection gets its own answer.
            let token = fresh(&store, &next).await;
            assert!(store.complete(at(1), &next, &token, number.to_string().as_bytes(), TTL).await.unwrap());
            let done = store.begin(at(2), &next, TTL).await.unwrap();
            assert_eq!(done, Begun::Done(number.to_string().into_bytes()));
            // Begun or not, it is never done, and its time ends.
            assert!(!matches!(store.begin(at(2), &dropped, TTL).await.unwrap(), Begun::Done(_)));
            assert!(matches!(store.begin(at(602), &dropped, TTL).await.unwrap(), Begun::Fresh(_)));
        }
    });
}

#[test]
fn the_server_clears_away_what_is_long_over_and_nothing_else() {
    #[track_caller]
    fn check(left: &Value, ttl: Duration) {
        let Value::Int(left) = left else { panic!("{left:?}") };
        let (kept, hour) = (ttl.as_millis() as i64, 3_600_000);
        assert!((kept..=kept + hour).contains(left), "{left} ms are left");
    }
    run(async {
        let url = database();
        let store = open(&url, 7).await;
        let token = fresh(&store, "a").await;
        check(&ask(&url, &["PTTL", "staykey:idempotency:a"]).await, TTL);
        let day = Duration::from_secs(86_400);
        assert!(store.complete(at(1), "a", &token, b"", day).await.unwrap());
        check(&ask(&url, &["PTTL", "staykey:idempotency:a"]).await, day);
        // Times without an end are no error.
        assert!(matches!(store.begin(at(0), "b", Duration::MAX).await.unwrap(), Begun::Fresh(_)));
        assert_eq!(
            store.begin(DateTime::<Utc>::MAX_UTC - TimeDelta::days(1), "b", TTL).await,
            Ok(Begun::InProgress)
        );
        // A caller whose clock is behind still finds what another's has outlived.
        assert_eq!(store.begin(at(-3000), "a", TTL).await, Ok(Begun::Done(Vec::new())));
    });
}

#[test]
fn answers_are_sealed_and_open_under_their_own_key_alone() {
    run(async {
        let url = database();
        let store = open(&url, 7).await;
        let token = fresh(&store, "a").await;
        assert!(store.complete(at(1), "a", &token, WORD.as_bytes(), TTL).await.unwrap());
        let kept = ask(&url, &["HGETALL", "staykey:idempotency:a"]).await;
        assert!(!format!("{kept:?}").contains(WORD));
        let Value::BulkString(dump) = ask(&url, &["DUMP", "staykey:idempotency:a"]).await else { panic!() };
        assert!(!dump.windows(WORD.len()).any(|part| part == WORD.as_bytes()));
        ask(&url, &["COPY", "staykey:idempotency:a", "staykey:idempotency:b"]).await;
        assert!(matches!(store.begin(at(2), "b", TTL).await, Err(StoreError::Damaged(_))));
        assert_eq!(store.begin(at(2), "a", TTL).await, Ok(Begun::Done(WORD.as_bytes().to_vec())));
    });
}

#[test]
fn a_server_that_is_gone_is_said_to_be_and_found_again() {
    run(async {
        let server = Server::start();
        let store = open(&server.url(), 7).await;
        let token = fresh(&store, WORD).await;
        server.restart();
        // The first call may still meet the connection that broke off.
        let mut begun = store.begin(at(1), WORD, TTL).await;
        for _ in 0..20 {
            let Err(StoreError::Unavailable(what)) = &begun else { break };
            assert!(what.starts_with("redis: ") && !what.contains(WORD), "{what}");
            begun = store.begin(at(1), WORD, TTL).await;
        }
        // It remembers nothing, as it was told to: what another has begun meanwhile is another's.
        assert!(matches!(begun, Ok(Begun::Fresh(_) | Begun::InProgress)), "{begun:?}");
        assert_eq!(store.complete(at(2), WORD, &token, b"late", TTL).await, Ok(false));
    });
}

#[test]
fn errors_hold_nothing_of_what_was_sent() {
    run(async {
        let url = database();
        let store = open(&url, 7).await;
        ask(&url, &["SET", &format!("staykey:idempotency:{WORD}"), WORD]).await;
        let refused = store.begin(at(0), WORD, TTL).await.unwrap_err();
        assert_eq!(refused, StoreError::Unavailable("redis: the server refuses".to_owned()));

        let nobody = format!("unix://{}/none", Server::shared().folder().display());
        let error = try_open(&nobody, 7).await.unwrap_err();
        assert_eq!(error, StoreError::Unavailable("redis: the connection failed".to_owned()));

        let denied = format!("{url}&user={WORD}&pass={WORD}");
        let error = try_open(&denied, 7).await.unwrap_err();
        assert_eq!(error, StoreError::Unavailable("redis: the server does not let us in".to_owned()));
    });
}

#[test]
fn a_url_is_not_shown() {
    for text in
        [format!("redis://u:{WORD}@h/0"), format!("rediss://u:{WORD}@h/0"), format!("unix:///s?pass={WORD}")]
    {
        let url = RedisUrl::parse(&text).unwrap();
        assert!(!format!("{url:?}").contains(WORD));
    }
    for text in ["", WORD, "http://h/0", "redis://h/x", &format!("redis://{WORD}")[..8]] {
        let error = RedisUrl::parse(text).unwrap_err().to_string();
        assert!(!error.contains(WORD), "{error}");
    }
}
