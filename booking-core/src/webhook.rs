//! Webhooks: verified as raw requests, then parsed to events.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::booking::Booking;
use crate::id::ExternalId;
use crate::signature::SignatureError;

/// A request exactly as it came.
#[derive(Clone, Copy)]
pub struct RawRequest<'a> {
    /// The method.
    pub method: &'a http::Method,
    /// The URL under which the vendor knows us, as some vendors sign it; without the path secret.
    pub url: &'a str,
    /// The topic in the path, where the route has one.
    pub topic: Option<&'a str>,
    /// The secret in the path, where the route has one.
    pub path_secret: Option<&'a str>,
    /// The query, undecoded.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a http::HeaderMap,
    /// The exact body bytes.
    pub body: &'a [u8],
    /// The caller's address, a trusted proxy's word already taken into account.
    pub peer: Option<IpAddr>,
    /// When it came.
    pub now: DateTime<Utc>,
}

impl fmt::Debug for RawRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRequest")
            .field("method", self.method)
            .field("topic", &self.topic)
            .field("bytes", &self.body.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What a webhook tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Something about this booking may have changed: ask the source.
    Hint {
        /// The booking.
        reference: ExternalId,
        /// Whether the delivery says that the booking is gone: one of the two witnesses that "not found" needs.
        deleted: bool,
    },
    /// The whole booking, from a source that cannot be asked again or whose word the operator trusts.
    Snapshot(Box<Booking>),
    /// A receipt, an inbound text, a call summary, a lock's log entry: appended, used once by its id.
    Fact {
        /// The vendor's id of it.
        id: String,
        /// The whole of it.
        payload: serde_json::Value,
    },
}

impl Event {
    /// The booking that it is about, as its source calls it; facts are about none.
    #[must_use]
    pub fn reference(&self) -> Option<&ExternalId> {
        match self {
            Self::Hint { reference, .. } => Some(reference),
            Self::Snapshot(booking) => Some(&booking.reference),
            Self::Fact { .. } => None,
        }
    }
}

/// How repeated deliveries are recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dedup {
    /// The vendor's delivery id: a second one within `ttl` is suppressed.
    VendorId {
        /// The id.
        id: String,
        /// For how long it is remembered.
        ttl: Duration,
    },
    /// A hash of the content: equal only to deliveries that nobody has worked on or works on, because some vendors
    /// send equal bodies for different changes.
    Content {
        /// The hash.
        hash: String,
    },
}

/// What the vendor is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The HTTP status; the one that the vendor takes as success.
    pub status: u16,
    /// A JSON body, without personal data and without PINs.
    pub body: serde_json::Value,
}

/// A verified, parsed webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The vendor's word for what happened, from a fixed list: safe to log. Unknown ones are `"unknown"`.
    pub action: &'static str,
    /// How a repetition is recognised.
    pub dedup: Dedup,
    /// What it tells; empty where it concerns nothing of ours (rates, messages).
    pub events: Vec<Event>,
    /// The answer, given once all of it is on disk.
    pub reply: Reply,
}

/// Why a webhook was not taken. The texts hold nothing from the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It could not show that it comes from the vendor: 401.
    #[error("not authenticated: {0}")]
    Unauthenticated(#[from] SignatureError),
    /// The caller's address is not on the list: 403.
    #[error("address not allowed")]
    AddressNotAllowed,
    /// The method is not one that the vendor uses: 405.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The body is not what the vendor sends: 400.
    #[error("malformed: {0}")]
    Malformed(&'static str),
}

impl Refusal {
    /// The HTTP status to answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated(_) => 401,
            Self::AddressNotAllowed => 403,
            Self::MethodNotAllowed => 405,
            Self::Malformed(_) => 400,
        }
    }
}

/// Takes one vendor's webhooks for one tenant. Pure and synchronous.
///
/// # Contract
///
/// - Nothing of the body is trusted, acted on or logged before [`verify`](Self::verify) has said yes; where the
///   check itself needs a part of the body, only that part is read.
/// - [`parse`](Self::parse) never panics, whatever the bytes.
/// - An action that is unknown or concerns no booking gives a delivery without events.
/// - The same request gives the same delivery.
///
/// `booking_core::conformance::webhook_receiver` checks it.
pub trait WebhookReceiver: Send + Sync {
    /// Checks that the request comes from the vendor.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when it does not, or cannot show it.
    fn verify(&self, request: &RawRequest<'_>) -> Result<(), Refusal>;

    /// Reads a verified request.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] when it is not what the vendor sends.
    fn parse(&self, request: &RawRequest<'_>) -> Result<Delivery, Refusal>;

    /// Verifies, then parses.
    ///
    /// # Errors
    ///
    /// Those of both.
    fn receive(&self, request: &RawRequest<'_>) -> Result<Delivery, Refusal> {
        self.verify(request)?;
        self.parse(request)
    }
}
