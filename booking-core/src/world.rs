//! What a rule may not take from its surroundings: the time and randomness, as parameters.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// The time, real or simulated.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Returns once [`Clock::now`] has reached `at`; at once where it has already.
    async fn sleep_until(&self, at: DateTime<Utc>);
}

/// Randomness. Whatever draws PINs must be given a cryptographic one.
pub trait Rng: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);

    /// A number below `bound`, each equally likely.
    ///
    /// # Panics
    ///
    /// When `bound` is 0.
    fn below(&self, bound: u32) -> u32 {
        assert!(bound > 0, "a number below zero cannot be drawn");
        // Rejecting the incomplete last stretch keeps every number equally likely.
        let limit = u32::MAX - u32::MAX % bound;
        loop {
            let mut bytes = [0_u8; 4];
            self.fill(&mut bytes);
            let number = u32::from_le_bytes(bytes);
            if number < limit {
                return number % bound;
            }
        }
    }
}

/// When a call must have ended: pacing, retries and all.
///
/// It lies before the end of the caller's lease, so that a call never outlives the right to make it. A wait that
/// would reach beyond it is returned as [`Retry::After`](crate::Retry::After), never slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The last instant at which the call may still be under way.
    pub deadline: DateTime<Utc>,
}

impl Call {
    /// A call that must end by `deadline`.
    #[must_use]
    pub const fn until(deadline: DateTime<Utc>) -> Self {
        Self { deadline }
    }
}
