//! A booking system of a world's own: what it holds, what it tells by webhook, and what it answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::{
    Booking, BookingSource, BookingStatus, Call, Clock as _, Cursor, DateRange, Dedup, Delivery, Event,
    ExternalId, Fault, Lookup, Marker, Outcome, Page, Reply, Retry, Revision, VendorError, WriteBack,
    WrittenBack,
};
use chrono::{DateTime, Duration, Utc};

use crate::coverage::Point;
use crate::deed::Deed;
use crate::history::{SourceSetup, Target};
use crate::hub::Hub;
use crate::lock::Verdict;

const WORD: &str = "Model";
const PAGE: usize = 4;

/// A booking system whose webhooks the world carries.
pub struct ModelSource {
    hub: Arc<Hub>,
    tenant: usize,
    setup: SourceSetup,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bookings: BTreeMap<ExternalId, Booking>,
    revision: i64,
    /// What it held before each change, for stale answers; only as long as anybody could be shown it.
    past: Vec<(DateTime<Utc>, BTreeMap<ExternalId, Booking>)>,
    outbox: Vec<Delivery>,
    delivered: u64,
    /// Until when it shows another account.
    elsewhere_until: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for ModelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelSource").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl ModelSource {
    /// An empty booking system.
    #[must_use]
    pub fn new(hub: Arc<Hub>, tenant: usize, setup: SourceSetup) -> Self {
        Self { hub, tenant, setup, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, wanted: impl Fn(bool, bool, bool) -> bool) -> bool {
        matches!(self.setup, SourceSetup::Model { snapshots, revisions, ids } if wanted(snapshots, revisions, ids))
    }

    /// Makes or changes a booking, and tells of it.
    pub(crate) fn put(&self, mut booking: Booking, action: &'static str) {
        let mut state = self.state();
        self.remember(&mut state);
        state.revision += 1;
        booking.revision = self.has(|_, revisions, _| revisions).then_some(Revision(state.revision));
        state.bookings.insert(booking.reference.clone(), booking.clone());
        let event = if self.has(|snapshots, _, _| snapshots) {
            Event::Snapshot(Box::new(booking))
        } else {
            Event::Hint { reference: booking.reference, deleted: false }
        };
        self.tell(&mut state, action, event);
    }

    /// Takes a booking away, and says so where wanted.
    pub(crate) fn remove(&self, reference: &ExternalId, told: bool) {
        let mut state = self.state();
        self.remember(&mut state);
        state.bookings.remove(reference);
        if told {
            let event = Event::Hint { reference: reference.clone(), deleted: true };
            self.tell(&mut state, "deleted", event);
        }
    }

    /// Until then it shows another account, which is empty.
    pub(crate) fn leads_elsewhere(&self, until: DateTime<Utc>) {
        self.state().elsewhere_until = Some(until);
    }

    fn remember(&self, state: &mut State) {
        let now = self.hub.now();
        state.past.retain(|(at, _)| *at + Duration::hours(3) > now);
        let before = state.bookings.clone();
        state.past.push((now, before));
    }

    fn tell(&self, state: &mut State, action: &'static str, event: Event) {
        state.delivered += 1;
        let dedup = if self.has(|_, _, ids| ids) {
            let id = format!("delivery-{}", state.delivered);
            Dedup::VendorId { id, ttl: StdDuration::from_secs(24 * 3600) }
        } else {
            // Not its `Debug`, which leaves the guest out.
            Dedup::Content { hash: serde_json::to_string(&event).unwrap_or_default() }
        };
        let reply = Reply { status: 200, body: serde_json::Value::Null };
        state.outbox.push(Delivery { action, dedup, events: vec![event], reply });
    }

    /// The webhooks that went out since this was asked last.
    pub(crate) fn take_outbox(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.state().outbox)
    }

    async fn enter(&self, call: Call, op: Point) -> Result<Verdict, VendorError> {
        match self.hub.enter(call, Target::Source(self.tenant), op).await {
            Verdict::Refuse(error) => Err(error.of_read()),
            Verdict::TimeoutBefore | Verdict::TimeoutAfter => Err(silence()),
            Verdict::Nonsense { .. } | Verdict::TruncatedList => {
                Err(VendorError::unreadable("an answer that cannot be read").of_read())
            }
            Verdict::RateLimited(wait) => {
                let detail = "asked too often: status 429";
                Err(VendorError::new(Fault::Vendor, Retry::After(wait), Outcome::NotApplied, detail))
            }
            verdict => Ok(verdict),
        }
    }

    /// What is shown: what is there, or what was.
    fn shown<T>(&self, verdict: &Verdict, read: impl FnOnce(&BTreeMap<ExternalId, Booking>) -> T) -> T {
        let state = self.state();
        let empty = BTreeMap::new();
        let elsewhere = state.elsewhere_until.is_some_and(|until| self.hub.now() < until);
        let shown = match verdict {
            Verdict::EmptyList => &empty,
            _ if elsewhere => &empty,
            Verdict::Stale(by) => {
                let since = self.hub.now() - Duration::from_std(*by).unwrap_or_default();
                state.past.iter().find(|(at, _)| *at > since).map_or(&state.bookings, |(_, past)| past)
            }
            _ => &state.bookings,
        };
        read(shown)
    }
}

fn silence() -> VendorError {
    VendorError::new(Fault::Network, Retry::Backoff, Outcome::NotApplied, "no answer")
}

fn in_range(booking: &Booking, range: DateRange) -> bool {
    booking.dates.is_ok_and(|dates| {
        dates.departure() >= range.departing_from && dates.arrival() <= range.arriving_until
    })
}

#[async_trait]
impl BookingSource for ModelSource {
    async fn booking(&self, call: Call, reference: &ExternalId) -> Result<Lookup, VendorError> {
        let entered = self.enter(call, Point::Ask).await;
        let answer = entered.map(|verdict| {
            // An empty list is a fault of lists: a single booking is there or is not.
            let verdict = if matches!(verdict, Verdict::EmptyList) { Verdict::Go } else { verdict };
            let found = self.shown(&verdict, |bookings| bookings.get(reference).cloned());
            self.hub.did(Deed::Asked);
            match found {
                None => Lookup::NotFound,
                Some(booking) if booking.status == BookingStatus::Cancelled => {
                    Lookup::Cancelled(Box::new(booking))
                }
                Some(booking) => Lookup::Found(Box::new(booking)),
            }
        });
        self.hub.leave(Point::Ask).await;
        answer
    }

    async fn page(&self, call: Call, range: DateRange, from: Option<&Cursor>) -> Result<Page, VendorError> {
        let entered = self.enter(call, Point::Page).await;
        let answer = entered.map(|verdict| {
            let after = from.map(|cursor| cursor.0.clone());
            let page = self.shown(&verdict, |bookings| {
                let mut found = bookings
                    .values()
                    .filter(|booking| after.as_deref().is_none_or(|after| booking.reference.as_str() > after))
                    .filter(|booking| in_range(booking, range));
                let items: Vec<Booking> = found.by_ref().take(PAGE).cloned().collect();
                let next =
                    found.next().and(items.last()).map(|last| Cursor(last.reference.as_str().to_owned()));
                Page { items: items.into_iter().map(Ok).collect(), next }
            });
            self.hub.did(Deed::Paged);
            page
        });
        self.hub.leave(Point::Page).await;
        answer
    }

    async fn write_back(&self, call: Call, _codes: &WriteBack) -> Result<WrittenBack, VendorError> {
        self.enter(call, Point::WriteBack).await?;
        self.hub.leave(Point::WriteBack).await;
        Ok(WrittenBack::Written)
    }

    fn marker(&self, reference: &ExternalId) -> Option<Marker> {
        Marker::new(WORD, reference.as_str()).ok()
    }

    fn marked(&self, marker: &Marker) -> Option<ExternalId> {
        (marker.word() == WORD).then(|| ExternalId::parse(marker.reference()).ok()).flatten()
    }

    async fn check(&self, call: Call) -> Result<(), VendorError> {
        self.enter(call, Point::Other).await.map(|_| ())
    }
}
