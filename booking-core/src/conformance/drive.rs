//! What lets the suites run in a plain `#[test]`.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

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
