//! Smoobu as a [`BookingSource`]: [`Smoobu`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use booking_core::{
    Booking, BookingSource, Call, Clock, Cursor, DateRange, Delivery, ExternalId, Fault, Lookup, Marker,
    MessageId, Outcome, Page, RawRequest, Refusal, Retry, Rng, Unreadable, VendorError, WebhookReceiver,
    WriteBack, WrittenBack,
};
use booking_http::Transport;
use chrono::{DateTime, Utc};

use crate::client::{PlaceholderCreated, SmoobuClient};
use crate::config::SmoobuConfig;
use crate::request;
use crate::thread::SmoobuThread;
use crate::webhook::SmoobuWebhooks;
use crate::wire::Id;

/// The word of Smoobu's markers, as in `Smoobu#9001`.
const WORD: &str = "Smoobu";

/// One Smoobu account: bookings, webhooks, and through [`thread`](Self::thread) messages to guests. Clones share it.
#[derive(Clone)]
pub struct Smoobu(Arc<Inner>);

struct Inner {
    client: SmoobuClient,
    webhooks: SmoobuWebhooks,
    config: SmoobuConfig,
    attempts: Attempts,
}

/// When the attempts to send messages ended that were made here.
pub(crate) type Attempts = Mutex<BTreeMap<MessageId, DateTime<Utc>>>;

impl fmt::Debug for Smoobu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smoobu").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Smoobu {
    /// An account, reached through `transport`.
    ///
    /// # Errors
    ///
    /// [`Fault::Configuration`] with all that is wrong with the configuration.
    pub fn new(
        config: SmoobuConfig,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        let client = SmoobuClient::new(&config, transport, clock, rng)?;
        let webhooks = SmoobuWebhooks::new(&config)?;
        let attempts = Attempts::default();
        Ok(Self(Arc::new(Inner { client, webhooks, config, attempts })))
    }

    /// An account, reached over the network.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and where the machine has no usable TLS.
    #[cfg(feature = "reqwest")]
    pub fn connect(
        config: SmoobuConfig,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VendorError> {
        Self::new(config, Arc::new(booking_http::ReqwestTransport::new()?), clock, rng)
    }

    /// Messages to the guests of this account's bookings.
    #[must_use]
    pub fn thread(&self) -> SmoobuThread {
        SmoobuThread::new(self.clone())
    }

    /// The calls below, one by one.
    #[must_use]
    pub fn client(&self) -> &SmoobuClient {
        &self.0.client
    }

    pub(crate) fn config(&self) -> &SmoobuConfig {
        &self.0.config
    }

    pub(crate) fn attempts(&self) -> &Attempts {
        &self.0.attempts
    }
}

/// Where a list is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) page: u64,
    /// How many entries came before.
    seen: u64,
    /// How many there were in all, by the answer before.
    total: Option<u64>,
}

impl Place {
    pub(crate) const START: Self = Self { page: 1, seen: 0, total: None };

    /// The page first, since that is what tells a person where a read stands.
    fn cursor(self) -> Cursor {
        let total = self.total.map(|total| total.to_string()).unwrap_or_default();
        Cursor(format!("{}/{}/{total}", self.page, self.seen))
    }

    fn parse(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.split('/');
        let (page, seen, total) = (parts.next()?, parts.next()?, parts.next()?);
        let total = if total.is_empty() { None } else { Some(total.parse().ok()?) };
        let place = Self { page: page.parse().ok()?, seen: seen.parse().ok()?, total };
        (parts.next().is_none() && place.page > 1).then_some(place)
    }

    /// Where to go on after an answer; `None` when that was all. The error says why the read is not complete.
    ///
    /// Lists change while they are read. What comes in between makes pages longer: entries come twice, which the
    /// caller sees. What goes makes the rest move up, over the edge of the page just read: then entries were missed.
    pub(crate) fn after(
        self,
        entries: usize,
        page_count: u64,
        total: Option<u64>,
        check_totals: bool,
    ) -> Result<Option<Self>, &'static str> {
        if self.total.zip(total).is_some_and(|(before, now)| now < before) {
            return Err("the list became shorter while it was read");
        }
        let seen = self.seen.saturating_add(u64::try_from(entries).unwrap_or(u64::MAX));
        if self.page < page_count {
            if entries == 0 {
                return Err("a page before the last one is empty");
            }
            return Ok(Some(Self { page: self.page + 1, seen, total: total.or(self.total) }));
        }
        if check_totals && total.is_some_and(|total| seen < total) {
            return Err("the list holds fewer entries than it counts");
        }
        Ok(None)
    }
}

/// An incomplete read.
pub(crate) fn incomplete(label: &str, problem: &str) -> VendorError {
    VendorError::unreadable(format!("smoobu: {label}: {problem}")).of_read()
}

fn is_in(range: DateRange, item: &Result<Booking, Unreadable>) -> bool {
    match item {
        Ok(Booking { dates: Ok(dates), .. }) => {
            dates.departure() >= range.departing_from && dates.arrival() <= range.arriving_until
        }
        // Whether this one belongs to the range nobody can tell, so that it must be seen.
        Ok(_) | Err(_) => true,
    }
}

#[async_trait]
impl BookingSource for Smoobu {
    async fn booking(&self, call: Call, reference: &ExternalId) -> Result<Lookup, VendorError> {
        self.0.client.reservation(call, reference).await
    }

    async fn page(&self, call: Call, range: DateRange, from: Option<&Cursor>) -> Result<Page, VendorError> {
        let place = match from {
            None => Place::START,
            Some(cursor) => Place::parse(cursor).ok_or_else(|| {
                VendorError::new(
                    Fault::Request,
                    Retry::Never,
                    Outcome::NotApplied,
                    "smoobu: not a cursor of this source",
                )
            })?,
        };
        let list = self.0.client.reservations(call, range, place.page).await?;
        let next = place
            .after(list.items.len(), list.page_count, list.total_items, self.0.config.check_totals)
            .map_err(|problem| incomplete("GET /api/reservations", problem))?;
        let items = list.items.into_iter().filter(|item| is_in(range, item)).collect();
        Ok(Page { items, next: next.map(Place::cursor) })
    }

    async fn write_back(&self, call: Call, codes: &WriteBack) -> Result<WrittenBack, VendorError> {
        let Some(key) = self.0.config.placeholder_key.as_deref() else { return Ok(WrittenBack::Unsupported) };
        let wrong = |detail| VendorError::new(Fault::Request, Retry::Never, Outcome::NotApplied, detail);
        let id = Id::of(&codes.reference).ok_or_else(|| wrong("smoobu: not a booking number"))?;
        if codes.codes.is_empty() {
            return Err(wrong("smoobu: no codes to write back"));
        }
        let value = request::placeholder_value(&codes.codes);
        match self.0.client.create_placeholder(call, &id, key, &value).await? {
            PlaceholderCreated::Created => Ok(WrittenBack::Written),
            // It may be our own, written by an attempt whose answer was lost.
            PlaceholderCreated::Refused => Ok(match self.0.client.placeholder(call, &id, key).await? {
                Some(there) if there.is(&codes.codes) => WrittenBack::Written,
                _ => WrittenBack::CannotUpdate,
            }),
        }
    }

    fn marker(&self, reference: &ExternalId) -> Option<Marker> {
        Marker::new(WORD, reference.as_str()).ok()
    }

    fn marked(&self, marker: &Marker) -> Option<ExternalId> {
        if marker.word() == WORD { ExternalId::parse(marker.reference()).ok() } else { None }
    }

    async fn check(&self, call: Call) -> Result<(), VendorError> {
        self.0.client.check(call).await
    }
}

impl WebhookReceiver for Smoobu {
    fn verify(&self, request: &RawRequest<'_>) -> Result<(), Refusal> {
        self.0.webhooks.verify(request)
    }

    fn parse(&self, request: &RawRequest<'_>) -> Result<Delivery, Refusal> {
        self.0.webhooks.parse(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        for place in [Place { page: 2, seen: 100, total: Some(250) }, Place { page: 9, seen: 0, total: None }]
        {
            assert_eq!(Place::parse(&place.cursor()), Some(place));
        }
        for wrong in ["", "2", "1/0/", "2/x/", "2/1/3/4", "-2/0/", "2/0/x", "99999999999999999999/0/"] {
            assert_eq!(Place::parse(&Cursor(wrong.into())), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_list_that_changes_while_it_is_read() {
        const SECOND: Place = Place { page: 2, seen: 100, total: Some(250) };
        #[track_caller]
        fn check(
            place: Place,
            (entries, page_count, total): (usize, u64, Option<u64>),
            expected: Result<Option<&str>, &str>,
        ) {
            let next = place.after(entries, page_count, total, true);
            let next = next.map(|place| place.map(|place| place.cursor().0));
            assert_eq!(next, expected.map(|cursor| cursor.map(str::to_owned)));
        }
        check(Place::START, (0, 0, Some(0)), Ok(None));
        check(Place::START, (7, 1, Some(7)), Ok(None));
        check(Place::START, (100, 3, Some(250)), Ok(Some("2/100/250")));
        check(SECOND, (100, 3, Some(250)), Ok(Some("3/200/250")));
        check(SECOND, (100, 3, None), Ok(Some("3/200/250")));
        check(SECOND, (100, 4, Some(301)), Ok(Some("3/200/301")));
        check(SECOND, (49, 2, Some(149)), Err("the list became shorter while it was read"));
        check(SECOND, (0, 3, Some(250)), Err("a page before the last one is empty"));
        check(SECOND, (75, 2, Some(250)), Err("the list holds fewer entries than it counts"));
        check(Place::START, (3, 1, Some(7)), Err("the list holds fewer entries than it counts"));
        // Nothing goes on for ever: the page counts up to what the list says itself.
        check(Place { page: u64::MAX, seen: u64::MAX, total: None }, (1, u64::MAX, None), Ok(None));
        assert_eq!(Place::START.after(3, 1, Some(7), false), Ok(None));
    }
}
