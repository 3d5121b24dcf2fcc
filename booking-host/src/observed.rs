//! What calls to vendors came to, seen at the network. Kept in memory, since the start of the host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::{Clock, IntegrationName, TenantSlug};
use booking_http::{Transport, TransportError, Turns, retry_after};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode};
use tracing::Instrument as _;

use crate::metrics::Metrics;

/// What a call came to, in numbers: `answered`, or a [`Failure::word`].
pub(crate) const CALLED: [&str; 7] =
    ["answered", "network", "credentials", "limited", "redirect", "request", "vendor"];

/// What a call failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing, or only a part, came through.
    Network,
    /// The vendor refused who we are, with this status.
    Credentials(u16),
    /// The vendor wants fewer calls; until when, where it says so.
    Limited(Option<DateTime<Utc>>),
    /// The vendor sends us elsewhere, with this status.
    Elsewhere(u16),
    /// The vendor refused what was asked, with this status.
    Request(u16),
    /// The vendor failed, with this status.
    Vendor(u16),
}

impl Failure {
    /// What it is called in numbers.
    fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Credentials(_) => "credentials",
            Self::Limited(_) => "limited",
            Self::Elsewhere(_) => "redirect",
            Self::Request(_) => "request",
            Self::Vendor(_) => "vendor",
        }
    }
}

/// How calls of one integration went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// The last that was answered.
    pub(crate) good_at: Option<DateTime<Utc>>,
    /// The last that was not, and why.
    pub(crate) failed: Option<(DateTime<Utc>, Failure)>,
}

/// How the calls of every integration went.
#[derive(Debug, Default)]
pub(crate) struct Observations(Mutex<BTreeMap<(TenantSlug, IntegrationName), Calls>>);

impl Observations {
    pub(crate) fn of(&self, tenant: &TenantSlug, integration: &IntegrationName) -> Calls {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(tenant.clone(), integration.clone())).copied().unwrap_or_default()
    }

    fn note(&self, whose: &(TenantSlug, IntegrationName), now: DateTime<Utc>, failure: Option<Failure>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = all.entry(whose.clone()).or_default();
        match failure {
            None => calls.good_at = Some(now),
            Some(failure) => calls.failed = Some((now, failure)),
        }
    }
}

/// A transport whose calls are noted down for one integration.
pub(crate) struct Observed {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) whose: (TenantSlug, IntegrationName),
    /// The kind of its adapter.
    pub(crate) vendor: String,
    pub(crate) notes: Arc<Observations>,
    pub(crate) metrics: Arc<Metrics>,
    /// Where hosts that share the store book their turns.
    pub(crate) turns: Option<Arc<dyn Turns>>,
}

#[async_trait]
impl Transport for Observed {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let sent = self.clock.now();
        let span = tracing::info_span!("vendor_call", vendor = self.vendor);
        let answer = self.inner.call(request, within).instrument(span).await;
        let now = self.clock.now();
        let failure = match &answer {
            Err(_) => Some(Failure::Network),
            Ok(answer) => failure(answer.status(), answer.headers(), now),
        };
        self.notes.note(&self.whose, now, failure);
        let took = (now - sent).to_std().unwrap_or_default();
        self.metrics.vendor_call(&self.vendor, failure.map_or("answered", Failure::word), took);
        answer
    }

    fn turns(&self) -> Option<Arc<dyn Turns>> {
        self.turns.clone()
    }
}

/// What an answer failed at, if it did. That something is not there, or there already, is an answer like any other.
fn failure(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Failure> {
    let number = status.as_u16();
    Some(match number {
        100..=299 | 304 | 404 | 409 | 410 | 422 => return None,
        300..=399 => Failure::Elsewhere(number),
        401 | 403 => Failure::Credentials(number),
        429 => Failure::Limited(until(headers, now)),
        400..=499 => Failure::Request(number),
        _ => Failure::Vendor(number),
    })
}

fn until(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let names = ["retry-after", "x-ratelimit-retry-after"];
    let wait = names.iter().filter_map(|name| retry_after::from_header(headers, name, now)).max()?;
    now.checked_add_signed(TimeDelta::from_std(wait).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_mean() {
        let now = "2027-03-01T12:00:00Z".parse().unwrap();
        let later = now + TimeDelta::seconds(90);
        for (status, header, expected) in [
            (200, None, None),
            (404, None, None),
            (301, None, Some(Failure::Elsewhere(301))),
            (400, None, Some(Failure::Request(400))),
            (401, None, Some(Failure::Credentials(401))),
            (403, None, Some(Failure::Credentials(403))),
            (429, None, Some(Failure::Limited(None))),
            (429, Some(("retry-after", "90")), Some(Failure::Limited(Some(later)))),
            (429, Some(("x-ratelimit-retry-after", "90")), Some(Failure::Limited(Some(later)))),
            (429, Some(("retry-after", "soon")), Some(Failure::Limited(None))),
            (500, None, Some(Failure::Vendor(500))),
        ] {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header {
                headers.insert(name, value.parse().unwrap());
            }
            assert_eq!(failure(StatusCode::from_u16(status).unwrap(), &headers, now), expected, "{status}");
        }
    }
}
