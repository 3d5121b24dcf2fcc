//! The real time and real randomness.

use std::time::Duration;

use async_trait::async_trait;
use booking_core::{Clock, Rng};
use chrono::{DateTime, Utc};

/// A sleep is cut into pieces of this length, so that a clock that was set is noticed.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// The machine's clock. Sleeping needs a tokio runtime with time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        // Not there yet by less than a millisecond would otherwise spin.
        while let Ok(left) = (at - Utc::now()).to_std() {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.clamp(Duration::from_millis(1), LONGEST_NAP)).await;
        }
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRng;

impl Rng for OsRng {
    /// # Panics
    ///
    /// When the system has no randomness: nothing secret may be drawn then.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has randomness");
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[tokio::test]
    async fn sleeping_ends_at_or_after_its_time() {
        let at = SystemClock.now() + TimeDelta::milliseconds(20);
        SystemClock.sleep_until(at).await;
        assert!(SystemClock.now() >= at);
        SystemClock.sleep_until(at - TimeDelta::days(1)).await;
    }

    #[test]
    fn randomness_differs() {
        let (mut one, mut two) = ([0_u8; 16], [0_u8; 16]);
        OsRng.fill(&mut one);
        OsRng.fill(&mut two);
        assert_ne!(one, two);
    }
}
