//! Typed calls: [`SmoobuClient`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use booking_core::{
    Booking, BookingStatus, Call, Clock, DateRange, ExternalId, Fault, Lookup, Outcome, Pin, Receipt, Retry,
    Rng, Unreadable, VendorError,
};
use booking_http::{
    Pacing, Transport, VendorClient, VendorHealth, VendorRequest, VendorResponse, VendorSettings, retry_after,
};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::config::SmoobuConfig;
use crate::request;
use crate::sign::SmoobuSigner;
use crate::wire::{self, Apartment, Field, Id, List, Reservation, Text};

const VENDOR: &str = "smoobu";

/// One page of the list of bookings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReservationPage {
    /// Each entry, readable or an error of its own.
    pub items: Vec<Result<Booking, Unreadable>>,
    /// How many pages there are, by this answer.
    pub page_count: u64,
    /// How many entries there are on all pages, by this answer.
    pub total_items: Option<u64>,
}

/// What became of a new placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceholderCreated {
    Created,
    /// 400: most likely the key exists already.
    Refused,
}

/// Smoobu's API, one method for each call. Clones share pacing and pauses; make one for each account.
#[derive(Clone)]
pub struct SmoobuClient(Arc<Inner>);

struct Inner {
    calls: VendorClient,
    /// Guest messages have a pace of their own, and a pause that a channel asks for stops nothing else. Smoobu's own
    /// limit is on the account or its key: a pause of it stops them too.
    messages: VendorClient,
    signer: SmoobuSigner,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for SmoobuClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmoobuClient").field("signer", &self.0.signer).finish_non_exhaustive()
    }
}

impl SmoobuClient {
    /// A client for one account.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`] with all that is wrong with the configuration.
    pub fn new(
        config: &SmoobuConfig,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        let signer = SmoobuSigner::new(config)?;
        let settings = VendorSettings::new(VENDOR, &config.base_url)
            .with_user_agent(&config.user_agent)
            .with_retry_hint(hint);
        let calls = settings.clone().with_pacing(pacing(config.requests_per_minute));
        let messages = if config.message_spacing.is_zero() {
            settings
        } else {
            settings.with_line("messages").with_pacing(Pacing {
                per: config.message_spacing,
                calls: 1,
                burst: 1,
            })
        };
        let calls = VendorClient::new(calls, transport, Arc::clone(&clock), rng)?;
        let messages = calls.line(messages)?;
        Ok(Self(Arc::new(Inner { calls, messages, signer, clock })))
    }

    /// How the account is doing.
    #[must_use]
    pub fn health(&self) -> VendorHealth {
        self.0.calls.health()
    }

    /// How guest messages are doing, which have a pace of their own.
    #[must_use]
    pub fn message_health(&self) -> VendorHealth {
        self.0.messages.health()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// The account's number, the `user` of its webhooks.
    ///
    /// # Errors
    ///
    /// As every read: [`Fault::Credentials`] where Smoobu refuses the key, [`Fault::Vendor`] where its answer cannot
    /// be used, [`Fault::Network`] where there is none.
    pub async fn me(&self, call: Call) -> Result<u64, VendorError> {
        let request = request::me();
        let body = self.read(call, &request).await?;
        match Field::<Id>::of(body.get("id")) {
            Field::Is(id) => id.0.parse().map_err(|_| unusable(&request, "has no usable id")),
            _ => Err(unusable(&request, "has no readable id")),
        }
    }

    /// Whether Smoobu takes our credentials. Unlike [`me`](Self::me) it reads nothing out of the answer.
    ///
    /// # Errors
    ///
    /// As [`me`](Self::me).
    pub async fn check(&self, call: Call) -> Result<(), VendorError> {
        self.read(call, &request::me()).await.map(|_| ())
    }

    /// The apartments of the account.
    ///
    /// # Errors
    ///
    /// As [`me`](Self::me).
    pub async fn apartments(&self, call: Call) -> Result<Vec<Apartment>, VendorError> {
        let request = request::apartments();
        let body = self.read(call, &request).await?;
        wire::apartments(&body).map_err(|problem| unusable(&request, problem))
    }

    /// One booking, cancelled ones included.
    ///
    /// # Errors
    ///
    /// As [`me`](Self::me).
    pub async fn reservation(&self, call: Call, reference: &ExternalId) -> Result<Lookup, VendorError> {
        // What is no number was never given out by Smoobu, and asking might name another resource.
        let Some(id) = Id::of(reference) else { return Ok(Lookup::NotFound) };
        let request = request::reservation(&id);
        let response = self.0.calls.send(call, &request, &self.0.signer).await?;
        if response.status == StatusCode::NOT_FOUND && !response.is_html() {
            return Ok(Lookup::NotFound);
        }
        let body = object(&request, &response).map_err(VendorError::of_read)?;
        let reservation: Reservation = serde_json::from_value(Value::Object(body))
            .map_err(|_| unusable(&request, "is no reservation"))?;
        let booking =
            reservation.into_booking().map_err(|unreadable| unusable(&request, &unreadable.problem))?;
        if booking.reference != *reference {
            return Err(unusable(&request, "is another reservation than the one asked for"));
        }
        Ok(match booking.status {
            BookingStatus::Confirmed => Lookup::Found(Box::new(booking)),
            BookingStatus::Cancelled => Lookup::Cancelled(Box::new(booking)),
        })
    }

    /// One page (the first is 1) of all stays that depart on the first day of the range or later, blocks and
    /// cancelled ones included.
    ///
    /// Smoobu is not asked for the range's other end; who wants it compares the arrivals, as the
    /// [`BookingSource`](booking_core::BookingSource) of this crate does.
    ///
    /// # Errors
    ///
    /// As [`me`](Self::me).
    pub async fn reservations(
        &self,
        call: Call,
        range: DateRange,
        page: u64,
    ) -> Result<ReservationPage, VendorError> {
        let request = request::reservations(range, page);
        let list = list(&request, self.read(call, &request).await?, "bookings", page)?;
        Ok(ReservationPage {
            items: list.items.iter().map(wire::booking).collect(),
            page_count: list.page_count,
            total_items: list.total_items,
        })
    }

    /// One page of a booking's thread; `None` where the booking is gone.
    pub(crate) async fn messages(&self, call: Call, id: &Id, page: u64) -> Result<Option<List>, VendorError> {
        let request = request::messages(id, page);
        let response = self.0.calls.send(call, &request, &self.0.signer).await?;
        if response.status == StatusCode::NOT_FOUND && !response.is_html() {
            return Ok(None);
        }
        let body = object(&request, &response).map_err(VendorError::of_read)?;
        list(&request, body, "messages", page).map(Some)
    }

    /// Sends a text to the guest of a booking on the booking's channel. `None` where Smoobu does not know the booking.
    pub(crate) async fn send_to_guest(
        &self,
        call: Call,
        id: &Id,
        subject: &str,
        body: &str,
    ) -> Result<Option<Receipt>, VendorError> {
        let request = request::send_to_guest(id, subject, body)?;
        let response = self.0.messages.send(call, &request, &self.0.signer).await?;
        match response.status {
            StatusCode::OK | StatusCode::CREATED if response.body.is_empty() => {
                Ok(Some(Receipt { vendor_id: None }))
            }
            StatusCode::OK | StatusCode::CREATED => {
                let answer: Value = response.json(&label(&request))?;
                if answer.is_null() {
                    return Err(VendorError::unreadable(format!("{}: answer is null", label(&request))));
                }
                let vendor_id = Field::<Text>::of(answer.get("id")).ok().map(|id| id.0);
                Ok(Some(Receipt { vendor_id }))
            }
            StatusCode::NOT_FOUND if !response.is_html() => Ok(None),
            _ => Err(refused(&request, &response)),
        }
    }

    pub(crate) async fn create_placeholder(
        &self,
        call: Call,
        id: &Id,
        key: &str,
        value: &str,
    ) -> Result<PlaceholderCreated, VendorError> {
        let request = request::create_placeholder(id, key, value)?;
        let response = self.0.calls.send(call, &request, &self.0.signer).await?;
        match response.status {
            StatusCode::OK | StatusCode::CREATED => {
                // What stands in it is not documented, but a web page is no success.
                if !response.body.is_empty() {
                    let answer: Value = response.json(&label(&request))?;
                    if answer.is_null() {
                        return Err(VendorError::unreadable(format!("{}: answer is null", label(&request))));
                    }
                }
                Ok(PlaceholderCreated::Created)
            }
            StatusCode::BAD_REQUEST if !response.is_html() => Ok(PlaceholderCreated::Refused),
            _ => Err(refused(&request, &response)),
        }
    }

    /// The value of a booking's placeholder, where it has one that can be read.
    pub(crate) async fn placeholder(
        &self,
        call: Call,
        id: &Id,
        key: &str,
    ) -> Result<Option<Pinned>, VendorError> {
        let body = self.read(call, &request::placeholders(id)).await?;
        Ok(body.values().filter_map(Value::as_array).flatten().find_map(|entry| {
            let name = entry.get("key").and_then(Value::as_str)?;
            let value = ["value", "defaultValue"]
                .into_iter()
                .find_map(|field| Field::<Text>::of(entry.get(field)).ok())?;
            (name == key).then_some(Pinned(value.0))
        }))
    }

    async fn read(&self, call: Call, request: &VendorRequest) -> Result<Map<String, Value>, VendorError> {
        let response = self.0.calls.send(call, request, &self.0.signer).await?;
        object(request, &response).map_err(VendorError::of_read)
    }
}

/// What a guest reads in a placeholder; never printed.
pub(crate) struct Pinned(String);

impl Pinned {
    pub(crate) fn is(&self, codes: &[(String, Pin)]) -> bool {
        self.0 == request::placeholder_value(codes)
    }
}

/// Evenly spread, with a small burst, so that any minute stays within the limit.
fn pacing(per_minute: u32) -> Pacing {
    let burst = (per_minute / 10).clamp(1, 20);
    Pacing { per: Duration::from_secs(60), calls: per_minute.saturating_sub(burst).max(1), burst }
}

/// Smoobu's own header, in seconds or as a Unix time, or the standard one: the later counts.
fn hint(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    retry_after::from_header(headers, "x-ratelimit-retry-after", now).max(retry_after::standard(headers, now))
}

fn label(request: &VendorRequest) -> String {
    format!("{VENDOR}: {}", request.label)
}

/// The JSON object of a 200, or what to make of anything else.
fn object(request: &VendorRequest, response: &VendorResponse) -> Result<Map<String, Value>, VendorError> {
    if response.status != StatusCode::OK {
        return Err(refused(request, response));
    }
    match response.json(&label(request))? {
        Value::Object(body) => Ok(body),
        _ => Err(VendorError::unreadable(format!("{}: answer 200 is no JSON object", label(request)))),
    }
}

fn list(
    request: &VendorRequest,
    body: Map<String, Value>,
    key: &str,
    page: u64,
) -> Result<List, VendorError> {
    let list = List::read(body, key).map_err(|problem| unusable(request, problem))?;
    // A page beyond the last may be answered with another one; an empty list may number its page as it likes.
    if list.page.is_some_and(|number| number != page) && (page > 1 || !list.items.is_empty()) {
        return Err(unusable(request, "is another page than the one asked for"));
    }
    Ok(list)
}

/// An answer to a read that cannot be used.
fn unusable(request: &VendorRequest, problem: &str) -> VendorError {
    VendorError::unreadable(format!("{}: answer: {problem}", label(request))).of_read()
}

/// What a status that is no success means. Nothing of the body is repeated: it may quote what was sent.
fn refused(request: &VendorRequest, response: &VendorResponse) -> VendorError {
    let status = response.status;
    let (fault, retry, outcome, advice) = match status {
        // A clock that is off, or a nonce that collided, is refused in the same way as a wrong key, and passes.
        StatusCode::UNAUTHORIZED => (
            Fault::Credentials,
            Retry::Backoff,
            Outcome::NotApplied,
            ": check api_key, api_secret and this machine's clock",
        ),
        // The page of a web firewall is not Smoobu's word on the key.
        StatusCode::FORBIDDEN if response.is_html() => (
            Fault::Credentials,
            Retry::Backoff,
            Outcome::NotApplied,
            ": a web page, maybe of a firewall: check user_agent",
        ),
        StatusCode::FORBIDDEN => {
            (Fault::Credentials, Retry::Never, Outcome::NotApplied, ": check what the API key may do")
        }
        _ if status.is_redirection() => {
            (Fault::Configuration, Retry::Never, Outcome::NotApplied, ", a redirect: check base_url")
        }
        _ if status.is_success() => {
            (Fault::Vendor, Retry::Backoff, Outcome::Unknown, ", not an answer to this call")
        }
        _ if response.is_html() => {
            (Fault::Vendor, Retry::Backoff, Outcome::Unknown, ", a web page where JSON was expected")
        }
        _ => (Fault::Request, Retry::Never, Outcome::NotApplied, ""),
    };
    VendorError::new(
        fault,
        retry,
        outcome,
        format!("{}: answered {}{advice}", label(request), status.as_u16()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_what_they_mean() {
        #[track_caller]
        fn check(status: u16, body: &'static str, expected: (Fault, Retry, Outcome)) {
            let status = StatusCode::from_u16(status).unwrap();
            let error = refused(&request::me(), &VendorResponse::new(status, HeaderMap::new(), body));
            assert_eq!((error.fault, error.retry, error.outcome), expected, "{error}");
            assert!(error.detail().starts_with("smoobu: GET /api/me: answered "), "{error}");
        }
        let page = "<!DOCTYPE html><html></html>";
        check(401, "{}", (Fault::Credentials, Retry::Backoff, Outcome::NotApplied));
        check(403, "{}", (Fault::Credentials, Retry::Never, Outcome::NotApplied));
        check(403, page, (Fault::Credentials, Retry::Backoff, Outcome::NotApplied));
        check(404, "{}", (Fault::Request, Retry::Never, Outcome::NotApplied));
        check(404, page, (Fault::Vendor, Retry::Backoff, Outcome::Unknown));
        check(422, r#"{"detail":"x"}"#, (Fault::Request, Retry::Never, Outcome::NotApplied));
        check(302, "", (Fault::Configuration, Retry::Never, Outcome::NotApplied));
        check(204, "", (Fault::Vendor, Retry::Backoff, Outcome::Unknown));
    }

    #[test]
    fn any_minute_stays_within_the_limit() {
        for per_minute in [1, 5, 60, 700, 1000, u32::MAX] {
            let pacing = pacing(per_minute);
            assert!(pacing.calls > 0 && pacing.burst > 0);
            assert!(per_minute == 1 || pacing.calls + pacing.burst <= per_minute, "{per_minute}");
        }
    }

    #[test]
    fn hints_in_both_readings() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        for (name, value, seconds) in [
            ("x-ratelimit-retry-after", "1790000042", Some(42)),
            ("x-ratelimit-retry-after", "42", Some(42)),
            ("retry-after", "42", Some(42)),
            ("x-ratelimit-retry-after", "soon", None),
            ("x-ratelimit-remaining", "42", None),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(hint(&headers, now), seconds.map(Duration::from_secs), "{name}: {value}");
        }
    }
}
