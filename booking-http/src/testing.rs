//! Stand-ins for the network and for waiting, for tests of whatever calls vendors.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::Clock;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::gate;
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// A transport that is a function.
///
/// ```
/// use booking_http::testing::FnTransport;
/// use bytes::Bytes;
///
/// let transport = FnTransport::new(|request, _within| {
///     assert_eq!(request.uri().path(), "/api/me");
///     Ok(http::Response::new(Bytes::from_static(b"{}")))
/// });
/// ```
pub struct FnTransport<F>(F);

impl<F> FnTransport<F>
where
    F: Fn(http::Request<Bytes>, Duration) -> Result<http::Response<Bytes>, TransportError> + Send + Sync,
{
    /// A transport that answers what `answer` says.
    pub fn new(answer: F) -> Self {
        Self(answer)
    }
}

impl<F> fmt::Debug for FnTransport<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnTransport")
    }
}

#[async_trait]
impl<F> Transport for FnTransport<F>
where
    F: Fn(http::Request<Bytes>, Duration) -> Result<http::Response<Bytes>, TransportError> + Send + Sync,
{
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        (self.0)(request, within)
    }
}

/// A transport that answers from a queue and keeps what it was asked.
///
/// Asked more often than it has answers, it fails with [`TransportErrorKind::Other`], which is not retried.
#[derive(Default)]
pub struct RecordingTransport(Mutex<Record>);

#[derive(Default)]
struct Record {
    answers: VecDeque<Result<http::Response<Bytes>, TransportErrorKind>>,
    seen: Vec<(http::Request<Bytes>, Duration)>,
}

impl RecordingTransport {
    /// A transport without answers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an answer.
    pub fn push(&self, answer: http::Response<Bytes>) -> &Self {
        self.record().answers.push_back(Ok(answer));
        self
    }

    /// Adds an answer with this status and body and without headers.
    ///
    /// # Panics
    ///
    /// When `status` is none.
    pub fn push_status(&self, status: u16, body: impl Into<Bytes>) -> &Self {
        let mut answer = http::Response::new(body.into());
        *answer.status_mut() = http::StatusCode::from_u16(status).expect("a test names a valid status");
        self.push(answer)
    }

    /// Adds a failure.
    pub fn push_error(&self, kind: TransportErrorKind) -> &Self {
        self.record().answers.push_back(Err(kind));
        self
    }

    /// How many requests came.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.record().seen.len()
    }

    /// How many answers are left.
    #[must_use]
    pub fn unused(&self) -> usize {
        self.record().answers.len()
    }

    /// The requests as they came, each with the time that it was given, and forgets them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<(http::Request<Bytes>, Duration)> {
        std::mem::take(&mut self.record().seen)
    }
}

impl fmt::Debug for RecordingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingTransport").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for RecordingTransport {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let mut record = self.record();
        record.seen.push((request, within));
        record.answers.pop_front().unwrap_or(Err(TransportErrorKind::Other)).map_err(TransportError::new)
    }
}

/// A clock on which each wait is over at once: sleeping moves the time to where the sleeper wanted it.
#[derive(Debug)]
pub struct LeapingClock(Mutex<(DateTime<Utc>, Duration)>);

impl LeapingClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(Mutex::new((now, Duration::ZERO)))
    }

    fn state(&self) -> MutexGuard<'_, (DateTime<Utc>, Duration)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock on, as a slow answer would.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.0 = gate::after(state.0, by);
    }

    /// How much time was slept in all.
    #[must_use]
    pub fn slept(&self) -> Duration {
        self.state().1
    }
}

#[async_trait]
impl Clock for LeapingClock {
    fn now(&self) -> DateTime<Utc> {
        self.state().0
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let mut state = self.state();
        if let Ok(by) = (at - state.0).to_std() {
            *state = (at, state.1 + by);
        }
    }
}
