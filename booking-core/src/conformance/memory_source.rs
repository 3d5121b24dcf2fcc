//! A booking system in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::trouble::{Planted, Troubles, refused};
use crate::booking::{Booking, BookingStatus};
use crate::error::{Fault, Outcome, Retry, VendorError};
use crate::id::ExternalId;
use crate::marker::Marker;
use crate::secret::Pin;
use crate::source::{BookingSource, Cursor, DateRange, Lookup, Page, Unreadable, WriteBack, WrittenBack};
use crate::world::Call;

/// A [`BookingSource`] that holds what a test puts into it. Its word in markers is `Memory`.
///
/// It has no delays of its own and ignores deadlines; what shall go wrong is [planted](Self::plant).
///
/// ```
/// use booking_core::conformance::{MemorySource, Planted, Trouble, block_on};
/// use booking_core::{BookingSource as _, Call, ExternalId, Lookup};
///
/// let source = MemorySource::new();
/// let call = Call::until(chrono::DateTime::UNIX_EPOCH);
/// let reference = ExternalId::parse("9001")?;
/// assert_eq!(block_on(source.booking(call, &reference)).unwrap(), Lookup::NotFound);
///
/// source.plant(Planted::new(Trouble::CutOff).times(1));
/// assert!(block_on(source.booking(call, &reference)).is_err());
/// # Ok::<(), booking_core::Invalid>(())
/// ```
pub struct MemorySource {
    state: Mutex<State>,
}

struct State {
    bookings: BTreeMap<ExternalId, Booking>,
    bad: Vec<Unreadable>,
    page_size: usize,
    write_back: WrittenBack,
    written: BTreeMap<ExternalId, Vec<(String, Pin)>>,
    tells: bool,
    refuses: bool,
    troubles: Troubles,
    calls: usize,
}

impl MemorySource {
    /// An empty booking system with pages of 100 that takes no codes back.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State {
                bookings: BTreeMap::new(),
                bad: Vec::new(),
                page_size: 100,
                write_back: WrittenBack::Unsupported,
                written: BTreeMap::new(),
                tells: true,
                refuses: false,
                troubles: Troubles::default(),
                calls: 0,
            }),
        }
    }

    /// The same with pages of at least one and at most `size` entries.
    #[must_use]
    pub fn with_page_size(self, size: usize) -> Self {
        self.state().page_size = size.max(1);
        self
    }

    /// The same with this answer to every write-back; only [`WrittenBack::Written`] keeps the codes.
    #[must_use]
    pub fn with_write_back(self, answer: WrittenBack) -> Self {
        self.state().write_back = answer;
        self
    }

    /// Makes or changes a booking: what had its reference is no more.
    pub fn put(&self, booking: Booking) {
        self.state().bookings.insert(booking.reference.clone(), booking);
    }

    /// Changes a booking; `false` when there is none.
    pub fn change(&self, reference: &ExternalId, change: impl FnOnce(&mut Booking)) -> bool {
        self.state().bookings.get_mut(reference).map(change).is_some()
    }

    /// Cancels a booking; `false` when there is none.
    pub fn cancel(&self, reference: &ExternalId) -> bool {
        self.change(reference, |booking| booking.status = BookingStatus::Cancelled)
    }

    /// Removes a booking for good; `false` when there is none.
    pub fn remove(&self, reference: &ExternalId) -> bool {
        self.state().bookings.remove(reference).is_some()
    }

    /// Adds an entry to the list that cannot be read.
    pub fn put_unreadable(&self, reference: Option<ExternalId>) {
        self.state().bad.push(Unreadable { reference, problem: "an entry planted by a test".to_owned() });
    }

    /// Refuses everybody from now on, or takes everybody again.
    pub fn refuse_credentials(&self, refuse: bool) {
        self.state().refuses = refuse;
    }

    /// Says from now on whether it tells of changes; what it tells is a test's own doing.
    pub fn set_tells(&self, tells: bool) {
        self.state().tells = tells;
    }

    /// Adds a trouble.
    pub fn plant(&self, planted: Planted) {
        self.state().troubles.plant(planted);
    }

    /// Ends all trouble.
    pub fn mend(&self) {
        self.state().troubles.mend();
    }

    /// What was last written back into a booking.
    #[must_use]
    pub fn written(&self, reference: &ExternalId) -> Option<Vec<(String, Pin)>> {
        self.state().written.get(reference).cloned()
    }

    /// How many calls came, failed ones included.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What every call begins with.
    fn called(&self) -> Result<MutexGuard<'_, State>, VendorError> {
        let mut state = self.state();
        state.calls += 1;
        if state.refuses { Err(refused()) } else { Ok(state) }
    }
}

impl Default for MemorySource {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource").field("bookings", &self.state().bookings.len()).finish_non_exhaustive()
    }
}

const WORD: &str = "Memory";

fn in_range(booking: &Booking, range: DateRange) -> bool {
    // A booking without usable dates may lie anywhere, so it is always listed.
    booking.dates.is_ok_and(|dates| {
        dates.departure() >= range.departing_from && dates.arrival() <= range.arriving_until
    }) || booking.dates.is_err()
}

#[async_trait]
impl BookingSource for MemorySource {
    async fn booking(&self, _call: Call, reference: &ExternalId) -> Result<Lookup, VendorError> {
        let mut state = self.called()?;
        state.troubles.read(None)?;
        Ok(match state.bookings.get(reference) {
            None => Lookup::NotFound,
            Some(booking) if booking.status == BookingStatus::Cancelled => {
                Lookup::Cancelled(Box::new(booking.clone()))
            }
            Some(booking) => Lookup::Found(Box::new(booking.clone())),
        })
    }

    async fn page(&self, _call: Call, range: DateRange, from: Option<&Cursor>) -> Result<Page, VendorError> {
        let mut state = self.called()?;
        state.troubles.read(None)?;
        // The cursor is the last reference shown, so that bookings made meanwhile move nothing.
        let after = match from {
            None => Bound::Unbounded,
            Some(Cursor(last)) => match ExternalId::parse(last) {
                Ok(last) => Bound::Excluded(last),
                Err(_) => {
                    return Err(VendorError::new(
                        Fault::Request,
                        Retry::Never,
                        Outcome::NotApplied,
                        "not a cursor of ours",
                    ));
                }
            },
        };
        let mut found = state
            .bookings
            .range((after, Bound::Unbounded))
            .map(|(_, booking)| booking)
            .filter(|b| in_range(b, range));
        let bookings: Vec<Booking> = found.by_ref().take(state.page_size).cloned().collect();
        let next = found.next().and_then(|_| bookings.last()).map(|last| Cursor(last.reference.to_string()));
        let bad = if from.is_none() { state.bad.clone() } else { Vec::new() };
        Ok(Page { items: bad.into_iter().map(Err).chain(bookings.into_iter().map(Ok)).collect(), next })
    }

    async fn write_back(&self, _call: Call, codes: &WriteBack) -> Result<WrittenBack, VendorError> {
        let mut state = self.called()?;
        let lost = state.troubles.write(None)?;
        if state.write_back == WrittenBack::Written {
            if !state.bookings.contains_key(&codes.reference) {
                return Err(VendorError::new(
                    Fault::Request,
                    Retry::Never,
                    Outcome::NotApplied,
                    "no such booking",
                ));
            }
            state.written.insert(codes.reference.clone(), codes.codes.clone());
        }
        lost.map_or(Ok(state.write_back), Err)
    }

    fn marker(&self, reference: &ExternalId) -> Option<Marker> {
        Marker::new(WORD, reference.as_str()).ok()
    }

    fn marked(&self, marker: &Marker) -> Option<ExternalId> {
        (marker.word() == WORD).then(|| ExternalId::parse(marker.reference()).ok()).flatten()
    }

    fn tells(&self) -> bool {
        self.state().tells
    }

    async fn check(&self, _call: Call) -> Result<(), VendorError> {
        self.called()?.troubles.read(None)
    }
}
