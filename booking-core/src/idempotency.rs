//! A memory of what was already answered, for integrators and front caches.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::store::StoreError;

/// The right to complete or abandon one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyToken(pub u64);

/// What the store knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Never seen, or forgotten: it is the caller's to do, and then to complete or abandon.
    Fresh(IdempotencyToken),
    /// Somebody is doing it: answer 503.
    InProgress,
    /// Done; this was the answer.
    Done(Vec<u8>),
}

/// A memory of keys that expire.
///
/// # Contract
///
/// - Of any number of concurrent [`begin`](Self::begin) calls with one key exactly one is [`Begun::Fresh`].
/// - A key in progress becomes fresh again after `ttl`; the earlier token then completes nothing.
/// - [`complete`](Self::complete) keeps the answer for `ttl` from then; [`abandon`](Self::abandon) makes the key fresh.
///
/// `booking_core::conformance::idempotency_store` checks it.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Asks for a key.
    async fn begin(&self, now: DateTime<Utc>, key: &str, ttl: Duration) -> Result<Begun, StoreError>;

    /// Stores the answer. `false` when the token is no longer the key's.
    async fn complete(
        &self,
        now: DateTime<Utc>,
        key: &str,
        token: &IdempotencyToken,
        answer: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError>;

    /// Gives the key back. `false` when the token is no longer the key's.
    async fn abandon(&self, key: &str, token: &IdempotencyToken) -> Result<bool, StoreError>;
}
