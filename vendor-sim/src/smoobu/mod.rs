//! Smoobu: bookings, apartments, threads, placeholders and webhooks.

mod auth;
mod control;
mod model;
mod routes;
mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use http::Response;
use serde_json::json;

pub use auth::sign_request;
pub use control::{AccountEvent, OldId};
pub use model::{Apartment, Booking, BookingPatch, NewBooking, Placeholder, Sender, ThreadMessage};
pub use webhooks::{OutgoingWebhook, Release, WebhookMode};

use crate::web::{self, Answer, Call};

/// The Smoobu account that is played.
#[derive(Clone, Debug)]
pub struct SmoobuConfig {
    /// The API key.
    pub api_key: String,
    /// The secret that signs requests.
    pub api_secret: String,
    /// Whether the old `Api-Key` header alone is enough.
    pub accept_legacy_key: bool,
    /// Requests per minute.
    pub limit_per_minute: u32,
    /// Whether 429 tells a Unix time (as two clients say) or a number of seconds.
    pub limit_hint_absolute: bool,
    /// Where webhooks go. Smoobu has one address per account; more are for tests.
    pub webhook_targets: Vec<String>,
    /// How long a webhook takes; about two seconds at the real Smoobu, nothing here unless set.
    pub webhook_latency: Duration,
    /// The number of the account: `user` in webhooks.
    pub user: u64,
    /// The zone of `created-at` and `modifiedAt`, which carry none.
    pub account_zone: Tz,
    /// The number of the first booking.
    pub first_booking_id: u64,
    /// Whether the thread shows each message that was sent twice, as channels sometimes do.
    pub echo_messages: bool,
}

impl Default for SmoobuConfig {
    fn default() -> Self {
        Self {
            api_key: "usr_live_sim".into(),
            api_secret: "sim-secret".into(),
            accept_legacy_key: false,
            limit_per_minute: 700,
            limit_hint_absolute: true,
            webhook_targets: Vec::new(),
            webhook_latency: Duration::ZERO,
            user: 77,
            account_zone: Tz::Europe__Berlin,
            first_booking_id: 90_000_001,
            echo_messages: false,
        }
    }
}

/// Smoobu as it stands: its state and what tests may do to it.
#[derive(Clone, Debug)]
pub struct SmoobuSim {
    /// The account; may be changed at any time.
    pub config: SmoobuConfig,
    gate: auth::Gate,
    apartments: BTreeMap<u64, Apartment>,
    bookings: BTreeMap<u64, Booking>,
    threads: BTreeMap<u64, Vec<ThreadMessage>>,
    placeholders: Vec<Placeholder>,
    outbox: webhooks::Outbox,
    last_booking: u64,
    last_message: u64,
    last_other: u64,
}

impl SmoobuSim {
    /// An account without apartments and bookings.
    #[must_use]
    pub fn new(config: SmoobuConfig) -> Self {
        let last_booking = config.first_booking_id.saturating_sub(1);
        Self {
            config,
            gate: auth::Gate::default(),
            apartments: BTreeMap::new(),
            bookings: BTreeMap::new(),
            threads: BTreeMap::new(),
            placeholders: Vec::new(),
            outbox: webhooks::Outbox::default(),
            last_booking,
            last_message: 500,
            last_other: 40,
        }
    }

    /// Answers a call; a frozen copy of an earlier state answers in place of this one where given.
    pub(crate) fn call(&mut self, call: &Call<'_>, frozen: Option<&mut Self>) -> Answer {
        let mut answer = match self.gate.pass(&self.config, call) {
            Ok(()) => match frozen {
                Some(earlier) => earlier.answer(call),
                None => self.answer(call),
            },
            Err(refusal) => Answer::read(*refusal),
        };
        self.gate.stamp(&self.config, &mut answer.response);
        answer
    }

    fn emit(&mut self, now: DateTime<Utc>, action: &str, data: &serde_json::Value) {
        self.outbox.emit(now, self.config.webhook_latency, action, self.config.user, data);
    }

    fn show(&self, booking: &Booking, price_elements: bool) -> serde_json::Value {
        let name =
            self.apartments.get(&booking.data.apartment).map_or("", |apartment| apartment.name.as_str());
        booking.show(name, self.config.account_zone, price_elements)
    }
}

/// An error in Smoobu's words.
pub(crate) fn error(status: u16, title: &str, detail: &str) -> Response<Bytes> {
    web::json(status, &json!({"status": status, "title": title, "detail": detail}))
}

/// 429 with the header that says when to come back.
pub(crate) fn too_many(hint: &str) -> Response<Bytes> {
    let mut response = error(429, "Too Many Requests", "rate limit exceeded");
    web::set_header(&mut response, "x-ratelimit-remaining", "0");
    web::set_header(&mut response, "x-ratelimit-retry-after", hint);
    response
}
