//! What lets the suites run in a plain `#[test]`: a way to drive a future, and a clock that nobody must move.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::world::Clock;

/// Runs a future to its end on this thread. No runtime: whatever the future waits for must come from itself or from
/// another thread.
///
/// ```
/// assert_eq!(booking_core::conformance::block_on(async { 6 * 7 }), 42);
/// ```
///
/// # Panics
///
/// When the future waits and nobody wakes it for 30 seconds: a test that hangs says so.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let woken = Arc::new(Woken { thread: std::thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // Parking may end for no reason, so a few rounds of it are allowed.
        let mut rounds = 0;
        while !woken.woken.swap(false, Ordering::AcqRel) {
            assert!(rounds < 10, "the future waits for something that does not come");
            std::thread::park_timeout(Duration::from_secs(3));
            rounds += 1;
        }
    }
}

struct Woken {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// A clock that stands still until somebody sleeps, and then is at once where the sleeper wanted: for code that waits
/// between retries, run alone in one thread. With several sleepers use a [`ManualClock`](super::ManualClock).
#[derive(Debug)]
pub struct LeapingClock(Mutex<DateTime<Utc>>);

impl LeapingClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: chrono::Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

#[async_trait]
impl Clock for LeapingClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = at.max(*now);
    }
}
