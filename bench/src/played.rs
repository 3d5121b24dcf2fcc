//! The vendors' simulators as a transport within the process: with a latency, and with an eye on every call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use booking_core::Clock;
use booking_http::{Transport, TransportError, TransportErrorKind};
use booking_sim::{Operation, Simulators, Vendor};
use bytes::Bytes;

/// One call to a vendor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
}

/// The simulators behind the seam.
pub(crate) struct Played {
    sims: Mutex<Simulators>,
    clock: Arc<dyn Clock>,
    /// How long each call takes, half of it on the way there.
    latency: Duration,
    calls: Mutex<Vec<Call>>,
    /// For how long the simulators themselves were at work, in nanoseconds.
    busy: AtomicU64,
}

impl Played {
    pub(crate) fn new(sims: Simulators, clock: Arc<dyn Clock>, latency: Duration) -> Arc<Self> {
        Arc::new(Self {
            sims: Mutex::new(sims),
            clock,
            latency,
            calls: Mutex::default(),
            busy: AtomicU64::new(0),
        })
    }

    /// The simulators, for a moment.
    pub(crate) fn sims(&self) -> MutexGuard<'_, Simulators> {
        guard(&self.sims)
    }

    /// The calls since this was last asked.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *guard(&self.calls))
    }

    /// How long the simulators themselves worked since this was last asked.
    pub(crate) fn take_busy(&self) -> Duration {
        Duration::from_nanos(self.busy.swap(0, Ordering::Relaxed))
    }

    async fn travel(&self) {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency / 2).await;
        }
    }
}

#[async_trait]
impl Transport for Played {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let begun = Instant::now();
        let Some(vendor) = Vendor::of(request.uri()) else {
            return Err(TransportError::new(TransportErrorKind::Connect));
        };
        let operation = Operation::classify(vendor, request.method(), request.uri().path());
        self.travel().await;
        let reply = {
            let mut sims = self.sims();
            let began = Instant::now();
            let reply = sims.handle(self.clock.now(), vendor, &request);
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.busy.fetch_add(took, Ordering::Relaxed);
            reply
        };
        self.travel().await;
        guard(&self.calls).push(Call { operation, begun, ended: Instant::now() });
        reply.outcome.response().ok_or_else(|| TransportError::new(TransportErrorKind::Reset))
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many of these calls had to wait for each other: the longest chain in which each begins after the one before
/// has ended.
pub(crate) fn chain<'c>(calls: impl IntoIterator<Item = &'c Call>) -> usize {
    let mut calls: Vec<&Call> = calls.into_iter().collect();
    // Of intervals that do not overlap, the most are found by always taking the one that ends first.
    calls.sort_by_key(|call| call.ended);
    let mut last: Option<Instant> = None;
    let mut count = 0;
    for call in calls {
        if last.is_none_or(|last| call.begun >= last) {
            last = Some(call.ended);
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_by_side_counts_once() {
        let zero = Instant::now();
        let at = |millis| zero + Duration::from_millis(millis);
        let call = |begun, ended| Call { operation: Operation::Login, begun: at(begun), ended: at(ended) };
        for (calls, expected) in [
            (vec![], 0),
            (vec![call(0, 50), call(0, 50)], 1),
            (vec![call(0, 50), call(50, 100), call(51, 101)], 2),
            (vec![call(60, 90), call(0, 100), call(0, 50), call(90, 95)], 3),
        ] {
            assert_eq!(chain(&calls), expected, "{calls:?}");
        }
    }
}
