//! The one way in which a request reaches a vendor.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use booking_core::{Call, Clock, Fault, Outcome, Retry, Rng, VendorError};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, StatusCode};

use crate::circuit::{Circuit, CircuitState};
use crate::gate::{Gate, after};
use crate::request::{BodyLimit, VendorRequest};
use crate::response::VendorResponse;
use crate::retry::{Attempt, Decision, Failure, decide};
use crate::settings::{Base, VendorSettings};
use crate::signer::Signer;
use crate::transport::{Transport, TransportError, TransportErrorKind};
use crate::turns::{Booked, Turns, TurnsAway};

/// What a call is told that has no time left to be sent.
const NEXT_TIME: Duration = Duration::from_secs(1);

/// How often a turn is booked anew because another process was quicker. Of those that meet, one gets through each time.
const SWAPS: u32 = 16;

/// Sends requests to one account of one vendor.
///
/// Clones share pacing, pauses and the circuit breaker, so that each account needs exactly one of them, cloned.
#[derive(Clone)]
pub struct VendorClient(Arc<Inner>);

struct Inner {
    settings: VendorSettings,
    base: Base,
    user_agent: HeaderValue,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    turns: Option<Arc<dyn Turns>>,
    /// Whose pauses this line keeps beside its own.
    account: Option<VendorClient>,
    state: Mutex<State>,
    waiting: AtomicUsize,
}

struct State {
    gate: Gate,
    circuit: Circuit,
    last_success: Option<DateTime<Utc>>,
    last_failure: Option<LastFailure>,
}

/// How a vendor account is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VendorHealth {
    /// The vendor.
    pub name: &'static str,
    /// Whether calls go through.
    pub circuit: CircuitState,
    /// Until when no call goes, because the vendor asked for a pause or the circuit is open. `None` when they go.
    pub back_at: Option<DateTime<Utc>>,
    /// When the vendor last gave an answer other than 408, 429 and 5xx.
    pub last_success: Option<DateTime<Utc>>,
    /// The last failure, forgotten by no success.
    pub last_failure: Option<LastFailure>,
    /// How many calls are waiting for their turn or for their next attempt.
    pub waiting: usize,
}

/// A failure, in words that hold nothing personal or secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastFailure {
    /// When.
    pub at: DateTime<Utc>,
    /// The label of the request.
    pub label: &'static str,
    /// What happened, as in `answered 503`.
    pub what: String,
}

impl VendorClient {
    /// A client with these settings.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`] with all that is wrong with the settings.
    pub fn new(
        settings: VendorSettings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        Self::with(settings, transport, clock, rng, None)
    }

    /// A further line of the same account, with a pace and pauses of its own. A pause that the account is asked for is
    /// kept by this line, too; one that this line is asked for is its own.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn line(&self, settings: VendorSettings) -> Result<Self, VendorError> {
        let Inner { transport, clock, rng, .. } = &*self.0;
        let (transport, clock, rng) = (Arc::clone(transport), Arc::clone(clock), Arc::clone(rng));
        Self::with(settings, transport, clock, rng, Some(self.clone()))
    }

    fn with(
        settings: VendorSettings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        account: Option<Self>,
    ) -> Result<Self, VendorError> {
        let base = settings.check()?;
        let user_agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| {
            VendorError::configuration(format!("{}: user_agent cannot be sent", settings.name))
        })?;
        let state = State {
            gate: Gate::new(settings.pacing, settings.longest_wait, settings.longest_pause),
            circuit: Circuit::new(settings.circuit, settings.longest_pause.max(settings.timeout)),
            last_success: None,
            last_failure: None,
        };
        Ok(Self(Arc::new(Inner {
            settings,
            base,
            user_agent,
            turns: transport.turns(),
            account,
            transport,
            clock,
            rng,
            state: Mutex::new(state),
            waiting: AtomicUsize::new(0),
        })))
    }

    /// What errors and logs call the vendor.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.settings.name
    }

    /// How the account is doing.
    #[must_use]
    pub fn health(&self) -> VendorHealth {
        let now = self.0.clock.now();
        let state = self.0.state();
        let wait = state.gate.paused(now).max(state.circuit.refuses(now)).max(self.0.account_paused(now));
        VendorHealth {
            name: self.0.settings.name,
            circuit: state.circuit.state(),
            back_at: (!wait.is_zero()).then(|| after(now, wait)),
            last_success: state.last_success,
            last_failure: state.last_failure.clone(),
            waiting: self.0.waiting.load(Ordering::Relaxed),
        }
    }

    /// Sends a request, again where that is safe and fits before the deadline, and returns the answer.
    ///
    /// Any status but 408, 429 and 5xx is an answer, which the client judges. Redirects are answers too: they are
    /// never followed.
    ///
    /// # Errors
    ///
    /// - [`Fault::Configuration`]: the request cannot be sent as it is.
    /// - [`Fault::Vendor`]: 408, 429, 5xx, or an answer that is too large or no HTTP; also without sending, while the
    ///   circuit is open, the vendor asked for a pause, or our pacing is used up beyond the deadline.
    /// - [`Fault::Network`]: no answer, or the deadline leaves no time to ask.
    /// - whatever the signer says.
    ///
    /// The outcome is [`Outcome::Unknown`] where *any* attempt of a write may have been applied, whatever became of
    /// the later ones. A wait that does not fit before the deadline is returned as [`Retry::After`].
    pub async fn send(
        &self,
        call: Call,
        request: &VendorRequest,
        signer: &dyn Signer,
    ) -> Result<VendorResponse, VendorError> {
        let inner = &*self.0;
        let mut template = request.build(&inner.base, BodyLimit(inner.settings.max_body))?;
        template.headers_mut().entry(USER_AGENT).or_insert_with(|| inner.user_agent.clone());
        let mut delays = None;
        let mut outcome = Outcome::NotApplied;
        // The failure that the caller is told when there is no further attempt after all.
        let mut failed: Option<VendorError> = None;
        let mut made = 0;
        loop {
            let begun = inner.begin(call, request.label, &template, signer).await;
            let (signed, within) = match (begun, failed.take()) {
                (Ok(begun), _) => begun,
                (Err(refused), Some(mut failed)) => {
                    failed.retry = refused.retry;
                    return Err(failed);
                }
                (Err(refused), None) => return Err(refused),
            };
            made += 1;
            let started = inner.clock.now();
            let answer = inner.transport.call(signed, within).await;
            let now = inner.clock.now();
            let elapsed = (now - started).to_std().unwrap_or_default();

            let (failure, hint, source) = match inner.judge(answer, now) {
                Ok(mut response) => {
                    inner.note_success(now);
                    inner.trace(request.label, made, elapsed, response.status.as_str());
                    response.repeated = outcome == Outcome::Unknown;
                    return Ok(response);
                }
                Err(failed) => failed,
            };
            inner.trace(request.label, made, elapsed, &failure.words());
            if failure.outcome(request.safety) == Outcome::Unknown {
                outcome = Outcome::Unknown;
            }
            let delays = delays.get_or_insert_with(|| inner.delays());
            let delay = delays.next().unwrap_or(inner.settings.longest_wait);
            let (blocked, pause) = inner.note_failure(now, request.label, failure, hint, delay);
            if pause {
                inner.tell_pause().await;
            }
            let decision = decide(&Attempt {
                safety: request.safety,
                failure,
                hint: hint.max(blocked),
                made,
                allowed: inner.settings.attempts,
                delay,
                timeout: inner.settings.timeout,
                left: (call.deadline - now).to_std().unwrap_or_default(),
                longest_wait: inner.settings.longest_wait,
            });
            let error = |retry| {
                let attempts = if made == 1 { String::new() } else { format!(", attempt {made}") };
                let detail =
                    format!("{}: {}: {}{attempts}", inner.settings.name, request.label, failure.words());
                let error = VendorError::new(failure.fault(), retry, outcome, detail);
                match source {
                    Some(source) => error.with_source(source),
                    None => error,
                }
            };
            match decision {
                Decision::Stop(retry) => return Err(error(retry)),
                Decision::Again(wait) => {
                    failed = Some(error(Retry::After(wait)));
                    inner.sleep(after(now, wait)).await;
                }
            }
        }
    }
}

impl fmt::Debug for VendorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorClient").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the account's pause lasts, where this is a line of it.
    fn account_paused(&self, now: DateTime<Utc>) -> Duration {
        self.account.as_ref().map_or(Duration::ZERO, |account| account.0.state().gate.paused(now))
    }

    /// Waits for the account's turn, signs, and passes the circuit breaker as the last thing before sending, so that
    /// a probe that was let through is a request that is sent.
    async fn begin(
        &self,
        call: Call,
        label: &'static str,
        template: &http::Request<Bytes>,
        signer: &dyn Signer,
    ) -> Result<(http::Request<Bytes>, Duration), VendorError> {
        let refuse = |fault, wait, why| {
            let detail = format!("{}: {label}: not sent, {why}", self.settings.name);
            VendorError::new(fault, Retry::After(wait), Outcome::NotApplied, detail)
        };
        let (least, longest) = (self.settings.least_timeout, self.settings.longest_wait);
        let mut booked = false;
        loop {
            if let Some(account) = &self.account {
                account.0.look_again().await;
            }
            let now = self.clock.now();
            let left = (call.deadline - now).to_std().unwrap_or_default();
            let Some(spare) = left.checked_sub(least) else {
                return Err(refuse(Fault::Network, NEXT_TIME, "too little time before the deadline"));
            };
            let wait = {
                let state = self.state();
                let refused = state.circuit.refuses(now);
                if !refused.is_zero() {
                    return Err(refuse(Fault::Vendor, refused, "the vendor failed too often"));
                }
                let paused = state.gate.paused(now).max(self.account_paused(now));
                if paused > spare.min(longest) {
                    return Err(refuse(Fault::Vendor, paused, "the vendor asked for a pause"));
                }
                if !paused.is_zero() {
                    // Turns booked before a pause would all come due at its end.
                    booked = false;
                    paused
                } else {
                    Duration::ZERO
                }
            };
            if !wait.is_zero() {
                self.sleep(after(now, wait)).await;
                continue;
            }
            if !booked {
                booked = true;
                let turn = self.book(now, spare).await;
                let wait =
                    turn.map_err(|wait| refuse(Fault::Vendor, wait, "its calls are used up for now"))?;
                if !wait.is_zero() {
                    self.sleep(after(now, wait)).await;
                    self.look_again().await;
                }
                // The book may have told of a pause, and it takes its time.
                continue;
            }
            let mut signed = template.clone();
            signer.sign(&mut signed, now, &*self.rng)?;
            hide_credentials(&mut signed);
            let within = self.settings.timeout.min(left);
            let entered = self.state().circuit.enter(now, within);
            entered.map_err(|wait| refuse(Fault::Vendor, wait, "the vendor failed too often"))?;
            return Ok((signed, within));
        }
    }

    /// Looks into the account's book whether another process was asked for a pause while this one waited for its turn.
    /// Where it cannot be asked, what is known counts.
    async fn look_again(&self) {
        let Some(turns) = &self.turns else { return };
        if self.state().gate.looked_lately(self.clock.now()) {
            return;
        }
        if let Ok((booked, _)) = turns.read(self.settings.line).await {
            self.state().gate.look(self.clock.now(), booked);
        }
    }

    /// Books a turn, in the account's book where there is one. Where that cannot be asked, at our own pace.
    async fn book(&self, now: DateTime<Utc>, latest: Duration) -> Result<Duration, Duration> {
        let Some(turns) = &self.turns else { return self.state().gate.book(now, latest) };
        if self.state().gate.take_ahead(now) {
            return Ok(Duration::ZERO);
        }
        let line = self.settings.line;
        for _ in 0..SWAPS {
            let Ok((booked, number)) = turns.read(line).await else { break };
            let (turn, ahead) = {
                let mut state = self.state();
                state.gate.look(now, booked);
                if !state.gate.paused(now).is_zero() {
                    return Ok(Duration::ZERO);
                }
                state.gate.book_ahead(now, latest)
            };
            if ahead.booked == booked {
                return turn;
            }
            match turns.write(line, ahead.booked, number).await {
                Ok(true) => {
                    self.state().gate.written(now, &ahead);
                    return turn;
                }
                Ok(false) => {}
                Err(TurnsAway) => break,
            }
        }
        self.state().gate.book(now, latest)
    }

    /// Lets the other processes know of a pause that the vendor asked for. In vain, they will hear it from the vendor.
    async fn tell_pause(&self) {
        let (Some(turns), Some(pause)) = (&self.turns, self.state().gate.booked().pause_until) else {
            return;
        };
        for _ in 0..SWAPS {
            let Ok((booked, number)) = turns.read(self.settings.line).await else { return };
            if self.state().gate.within_reason(self.clock.now(), booked.pause_until) >= Some(pause) {
                return;
            }
            let booked = Booked { pause_until: Some(pause), ..booked };
            if turns.write(self.settings.line, booked, number).await != Ok(false) {
                return;
            }
        }
    }

    fn judge(
        &self,
        answer: Result<http::Response<Bytes>, TransportError>,
        now: DateTime<Utc>,
    ) -> Result<VendorResponse, (Failure, Option<Duration>, Option<TransportError>)> {
        let transport = |error: TransportError| (Failure::Transport(error.kind()), None, Some(error));
        let (parts, body) = answer.map_err(transport)?.into_parts();
        if let Some(failure) = Failure::of_status(parts.status) {
            let hint = (self.settings.retry_hint)(&parts.headers, now);
            return Err((failure, hint.map(|hint| hint.min(self.settings.longest_pause)), None));
        }
        if body.len() > self.settings.max_body {
            return Err(transport(TransportError::new(TransportErrorKind::TooLarge)));
        }
        Ok(VendorResponse::new(parts.status, parts.headers, body))
    }

    fn note_success(&self, now: DateTime<Utc>) {
        let mut state = self.state();
        state.circuit.answered();
        state.last_success = Some(now);
    }

    /// Returns how long no call of this account goes, and whether the vendor asked for it.
    fn note_failure(
        &self,
        now: DateTime<Utc>,
        label: &'static str,
        failure: Failure,
        hint: Option<Duration>,
        delay: Duration,
    ) -> (Option<Duration>, bool) {
        let mut state = self.state();
        if failure.is_sign_of_life() {
            state.circuit.answered();
        } else {
            state.circuit.failed(now, hint);
        }
        // A limit is the account's, not this call's: the others would only be refused as well.
        let limited = failure == Failure::Status(StatusCode::TOO_MANY_REQUESTS);
        let pause = hint.or(limited.then_some(delay));
        if let Some(pause) = pause {
            state.gate.pause(now, pause);
        }
        state.last_failure = Some(LastFailure { at: now, label, what: failure.words() });
        let blocked = state.gate.paused(now).max(state.circuit.refuses(now));
        ((!blocked.is_zero()).then_some(blocked), pause.is_some())
    }

    fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let mut seed = [0; 8];
        self.rng.fill(&mut seed);
        ExponentialBuilder::new()
            .with_min_delay(self.settings.first_delay)
            .with_max_delay(self.settings.longest_wait)
            .with_jitter()
            .with_jitter_seed(u64::from_le_bytes(seed))
            .without_max_times()
            .build()
    }

    async fn sleep(&self, until: DateTime<Utc>) {
        /// Counts down even where the sleeper is dropped.
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        self.clock.sleep_until(until).await;
    }

    fn trace(&self, label: &'static str, attempt: u32, elapsed: Duration, result: &str) {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(vendor = self.settings.name, label, attempt, elapsed_ms, result, "vendor call");
    }
}

/// Keeps header values out of the logs of whatever lies below: all but those known to be harmless.
fn hide_credentials(request: &mut http::Request<Bytes>) {
    for (name, value) in request.headers_mut() {
        if ![ACCEPT, CACHE_CONTROL, CONTENT_TYPE, USER_AGENT].contains(name) {
            value.set_sensitive(true);
        }
    }
}

#[expect(dead_code, reason = "proves at compile time that hosts may share the client and spawn its futures")]
fn assert_send(client: VendorClient, call: Call, request: &VendorRequest, signer: &dyn Signer) {
    fn is_send_sync<T: Send + Sync + 'static>(_: &T) {}
    fn is_send<T: Send>(_: T) {}
    is_send_sync(&client);
    is_send(client.send(call, request, signer));
}
