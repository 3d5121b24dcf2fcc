//! What every [`IdempotencyStore`] keeps to.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

use crate::idempotency::{Begun, IdempotencyStore, IdempotencyToken};

const TTL: Duration = Duration::from_secs(600);

/// Runs the whole suite; each part gets a store of its own from `fresh`.
///
/// # Panics
///
/// When the store breaks the contract of [`IdempotencyStore`].
pub async fn idempotency_store(fresh: impl AsyncFn() -> Arc<dyn IdempotencyStore>) {
    completed_is_remembered(&*fresh().await).await;
    abandoned_is_fresh_again(&*fresh().await).await;
    in_progress_runs_out(&*fresh().await).await;
    concurrent_duplicates(&*fresh().await).await;
    keys_do_not_meet(&*fresh().await).await;
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_900_000_000 + seconds)
}

async fn begin(store: &dyn IdempotencyStore, seconds: i64, key: &str) -> Begun {
    store.begin(at(seconds), key, TTL).await.expect("begin")
}

async fn fresh_token(store: &dyn IdempotencyStore, seconds: i64, key: &str) -> IdempotencyToken {
    match begin(store, seconds, key).await {
        Begun::Fresh(token) => token,
        other => panic!("{key} at {seconds} s should be fresh, is {other:?}"),
    }
}

async fn complete(
    store: &dyn IdempotencyStore,
    seconds: i64,
    key: &str,
    token: &IdempotencyToken,
    answer: &[u8],
) -> bool {
    store.complete(at(seconds), key, token, answer, TTL).await.expect("complete")
}

async fn completed_is_remembered(store: &dyn IdempotencyStore) {
    let token = fresh_token(store, 0, "a").await;
    assert_eq!(begin(store, 1, "a").await, Begun::InProgress);
    assert!(complete(store, 500, "a", &token, b"\x00answer\xff").await);
    let done = Begun::Done(b"\x00answer\xff".to_vec());
    assert_eq!(begin(store, 501, "a").await, done);
    assert_eq!(begin(store, 1099, "a").await, done, "the answer is kept for the ttl from when it was given");
    assert!(!store.abandon("a", &token).await.expect("abandon"), "what is done cannot be abandoned");
    assert_eq!(begin(store, 1099, "a").await, done);
    assert_ne!(fresh_token(store, 1100, "a").await, token, "the answer is forgotten after the ttl");
}

async fn abandoned_is_fresh_again(store: &dyn IdempotencyStore) {
    let first = fresh_token(store, 0, "a").await;
    assert!(store.abandon("a", &first).await.expect("abandon"));
    assert!(!store.abandon("a", &first).await.expect("abandon"), "it was given back already");
    assert!(!complete(store, 1, "a", &first, b"late").await);
    let second = fresh_token(store, 2, "a").await;
    assert_ne!(first, second, "a token is never given twice for a key");
    assert!(!store.abandon("a", &first).await.expect("abandon"), "another's key");
    assert!(!complete(store, 3, "a", &first, b"late").await, "another's key");
    assert_eq!(begin(store, 4, "a").await, Begun::InProgress);
    assert!(complete(store, 5, "a", &second, b"right").await);
    assert_eq!(begin(store, 6, "a").await, Begun::Done(b"right".to_vec()));
}

async fn in_progress_runs_out(store: &dyn IdempotencyStore) {
    let first = fresh_token(store, 0, "a").await;
    assert_eq!(begin(store, 599, "a").await, Begun::InProgress);
    assert!(!complete(store, 600, "a", &first, b"late").await, "its time is over");
    let second = fresh_token(store, 600, "a").await;
    assert!(!complete(store, 601, "a", &first, b"late").await);
    assert!(complete(store, 601, "a", &second, b"").await);
    assert_eq!(begin(store, 602, "a").await, Begun::Done(Vec::new()), "an empty answer is an answer");
}

async fn concurrent_duplicates(store: &dyn IdempotencyStore) {
    let begun = join_all((0..32).map(|_| begin(store, 0, "a"))).await;
    let fresh = begun.iter().filter(|begun| matches!(begun, Begun::Fresh(_))).count();
    let waiting = begun.iter().filter(|begun| **begun == Begun::InProgress).count();
    assert_eq!((fresh, waiting), (1, 31), "of concurrent calls exactly one is fresh");
}

async fn keys_do_not_meet(store: &dyn IdempotencyStore) {
    let one = fresh_token(store, 0, "a").await;
    let other = fresh_token(store, 0, "A").await;
    fresh_token(store, 0, "").await;
    fresh_token(store, 0, "a\0b/ü'\"").await;
    assert!(!complete(store, 1, "unknown", &one, b"x").await);
    assert!(complete(store, 1, "a", &one, b"one").await);
    assert!(complete(store, 1, "A", &other, b"other").await);
    assert_eq!(begin(store, 2, "a").await, Begun::Done(b"one".to_vec()));
    assert_eq!(begin(store, 2, "A").await, Begun::Done(b"other".to_vec()));
}
