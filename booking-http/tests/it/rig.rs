//! A client over a scripted transport, in virtual time.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use booking_core::conformance::SeededRng;
use booking_core::{Call, Clock, VendorError};
use booking_http::testing::{FnTransport, LeapingClock};
use booking_http::{
    NoSigner, Safety, TransportError, TransportErrorKind, VendorClient, VendorRequest, VendorResponse,
    VendorSettings,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Method, StatusCode};

/// What the vendor does with one attempt.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Status(u16),
    /// A status with a header.
    Header(u16, &'static str, &'static str),
    Body(u16, &'static str),
    Fail(TransportErrorKind),
    /// So many milliseconds pass before the act.
    Slow(u64, Box<Act>),
}

/// When and how an attempt reached the vendor.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) at: DateTime<Utc>,
    pub(crate) within: Duration,
    pub(crate) request: http::Request<Bytes>,
}

pub(crate) struct Rig {
    pub(crate) clock: Arc<LeapingClock>,
    pub(crate) client: VendorClient,
    acts: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

pub(crate) fn start() -> DateTime<Utc> {
    "2027-01-01T10:00:00Z".parse().unwrap()
}

pub(crate) fn settings() -> VendorSettings {
    VendorSettings::new("vendor", "https://api.example.com")
}

pub(crate) fn request(safety: Safety) -> VendorRequest {
    let method = if safety == Safety::Read { Method::GET } else { Method::POST };
    VendorRequest::new(method, "CALL /things/{id}", "/things/1", safety)
}

impl Rig {
    pub(crate) fn new(settings: VendorSettings, seed: u64, acts: impl IntoIterator<Item = Act>) -> Self {
        let clock = Arc::new(LeapingClock::new(start()));
        let acts = Arc::new(Mutex::new(acts.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let transport = FnTransport::new({
            let (clock, acts, seen) = (clock.clone(), acts.clone(), seen.clone());
            move |request, within| {
                seen.lock().unwrap().push(Seen { at: clock.now(), within, request });
                let act = acts.lock().unwrap().pop_front().unwrap_or(Act::Status(200));
                perform(&clock, act, within)
            }
        });
        let rng = Arc::new(SeededRng::new(seed));
        let client = VendorClient::new(settings, Arc::new(transport), clock.clone(), rng).unwrap();
        Self { clock, client, acts, seen }
    }

    pub(crate) fn then(&self, acts: impl IntoIterator<Item = Act>) {
        self.acts.lock().unwrap().extend(acts);
    }

    pub(crate) fn send(&self, seconds: u64, request: &VendorRequest) -> Result<VendorResponse, VendorError> {
        let call = Call::until(self.clock.now() + Duration::from_secs(seconds));
        ready(self.client.send(call, request, &NoSigner))
    }

    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn perform(
    clock: &LeapingClock,
    act: Act,
    within: Duration,
) -> Result<http::Response<Bytes>, TransportError> {
    let mut response = http::Response::new(Bytes::new());
    let status = match act {
        Act::Status(status) => status,
        Act::Header(status, name, value) => {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            response.headers_mut().insert(name, value);
            status
        }
        Act::Body(status, body) => {
            *response.body_mut() = Bytes::from_static(body.as_bytes());
            status
        }
        Act::Fail(kind) => return Err(TransportError::new(kind)),
        Act::Slow(by, act) => {
            let by = Duration::from_millis(by);
            clock.advance(by.min(within));
            if by > within {
                return Err(TransportError::new(TransportErrorKind::Timeout));
            }
            return perform(clock, *act, within - by);
        }
    };
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

/// The result of a future that never really waits.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match poll(&mut Box::pin(future)) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the future waits for something that nobody will do"),
    }
}

pub(crate) fn poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
