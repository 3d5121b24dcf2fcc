//! An account's turns, where several processes use it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What is known of an account's turns: all that its pacing and its pauses depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// When the turns booked so far are over.
    pub until: Option<DateTime<Utc>>,
    /// Until when nobody goes, because the vendor asked for a pause.
    pub pause_until: Option<DateTime<Utc>>,
}

/// It cannot be asked. The process then keeps its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account's turns cannot be looked up")]
pub struct TurnsAway;

/// The book in which all processes that use an account write down the turns that they take.
///
/// An account may have several lines, each with a pace of its own, such as `calls` and `messages`.
///
/// # Contract
///
/// - [`write`](Self::write) changes the book only if nothing was written to the line since the [`read`](Self::read) that
///   gave the number; of two that come from one read, one is told `false`.
/// - A read sees every write that was answered `true` before it.
#[async_trait]
pub trait Turns: Send + Sync {
    /// What is booked of a line, and a number that grows with each write; 0 where nothing was ever booked.
    async fn read(&self, line: &str) -> Result<(Booked, u64), TurnsAway>;

    /// Writes down what is booked now, if nobody else has since.
    async fn write(&self, line: &str, booked: Booked, read: u64) -> Result<bool, TurnsAway>;
}
