//! What a complete read of a source shows, held against what is known: a pure comparison.

use std::collections::{BTreeMap, BTreeSet};

use booking_core::store::BookingRecord;
use booking_core::{
    Booking, BookingId, BookingKind, BookingStatus, DateRange, ExternalId, IntegrationName, UnitId,
    Unreadable, Window,
};
use chrono::{DateTime, Duration, Utc};

use crate::same_stay::is_same_stay;
use crate::tenant::{Brake, Tenant};
use crate::wish::stay_window;

/// How late a webhook may be before it counts as not sent.
const GRACE: Duration = Duration::minutes(10);

/// How long before an arrival a conflict with the stay before it is reported.
const AHEAD: Duration = Duration::days(14);

/// What a complete read showed.
pub(crate) struct Read {
    pub(crate) bookings: BTreeMap<ExternalId, Booking>,
    pub(crate) unreadable: Vec<Unreadable>,
}

/// What is known before a read of a source is looked at.
#[derive(Default)]
pub(crate) struct Known {
    /// Its bookings by what it calls them now.
    pub(crate) bookings: BTreeMap<ExternalId, BookingRecord>,
    /// References that these had before, and what they are called now.
    pub(crate) former: BTreeMap<ExternalId, ExternalId>,
    /// The bookings of the tenant's other sources.
    pub(crate) others: Vec<BookingRecord>,
    /// What the last complete read asked for.
    pub(crate) range: Option<DateRange>,
}

/// A known booking that was not listed, and a listed one that equals it.
type Pair<'a> = (&'a BookingRecord, &'a Booking);

/// What a read says beside what is known.
pub(crate) struct Findings<'a> {
    /// Bookings that tell more than is known of them.
    pub(crate) news: Vec<&'a Booking>,
    /// Known bookings that should have been listed and were not.
    pub(crate) missing: Vec<&'a BookingRecord>,
    /// How many known bookings should have been listed.
    pub(crate) expected: usize,
    /// Known bookings, each with itself under the reference that it has now.
    pub(crate) renamed: Vec<Pair<'a>>,
    /// The same, where they cannot be joined, or were and should not have been.
    pub(crate) unclear: Vec<Pair<'a>>,
    /// Whether there are changes that a webhook should have told.
    pub(crate) changed: bool,
}

impl<'a> Findings<'a> {
    pub(crate) fn of(read: &'a Read, known: &'a Known, range: DateRange) -> Self {
        let unreadable: BTreeSet<&ExternalId> =
            read.unreadable.iter().filter_map(|item| item.reference.as_ref()).collect();
        let is_shown =
            |reference: &ExternalId| read.bookings.contains_key(reference) || unreadable.contains(reference);
        let expected: Vec<&BookingRecord> =
            known.bookings.values().filter(|record| should_be_listed(record, range)).collect();
        let lost = |record: &&BookingRecord| !is_shown(&record.reference);
        let (renamed, mut unclear) = known.joined(read, known.bookings.values().filter(lost).collect());
        unclear.extend(known.doubled(read));
        let explained: BTreeSet<&BookingId> = renamed.iter().map(|(older, _)| &older.id).collect();
        let missing = expected.iter().copied().filter(lost).filter(|record| !explained.contains(&record.id));
        let news = read.bookings.values().filter(|booking| known.is_news(booking, read));
        let news: Vec<&Booking> = news.collect();
        Self {
            changed: news.iter().any(|booking| known.should_have_been_told(booking)),
            news,
            missing: missing.collect(),
            expected: expected.len(),
            renamed,
            unclear,
        }
    }

    /// Whether so much is missing that the account, the feed or its pages are more likely wrong than the bookings
    /// gone: more than may go unasked, or all of several.
    pub(crate) fn is_suspect(&self, brake: &Brake, read: &Read) -> bool {
        let expected = u64::try_from(self.expected).unwrap_or(u64::MAX);
        let is_empty = read.bookings.is_empty() && self.missing.len() == self.expected;
        self.missing.len() > brake.allows(expected) || (is_empty && self.expected > 1)
    }
}

impl Known {
    /// Of bookings that are new, and lost ones that they equal: those that belong together, and those of which that
    /// cannot be said for certain.
    fn joined<'a>(&'a self, read: &'a Read, lost: Vec<&'a BookingRecord>) -> (Vec<Pair<'a>>, Vec<Pair<'a>>) {
        let pairs: Vec<Pair<'_>> = lost
            .into_iter()
            .filter_map(|older| Some((older, older.booking.as_ref()?)))
            .flat_map(|(older, before)| {
                let equal = read.bookings.values().filter(|booking| is_same_stay(before, booking));
                equal.map(move |booking| (older, booking))
            })
            .collect();
        let alone = |(older, newer): &Pair<'_>| {
            let others = pairs.iter().filter(|(o, n)| o.id == older.id || n.reference == newer.reference);
            others.count() == 1
        };
        let mut renamed = Vec::new();
        let mut unclear = Vec::new();
        for pair in &pairs {
            match self.bookings.get(&pair.1.reference) {
                None if alone(pair) && !self.former.contains_key(&pair.1.reference) => renamed.push(*pair),
                // It is being looked at: its own work asks the source for the older one.
                Some(record) if record.booking.is_none() => {}
                // What is gone already needs nobody's decision.
                _ if pair.0.gone_at.is_none() => unclear.push(*pair),
                _ => {}
            }
        }
        (renamed, unclear)
    }

    /// Bookings under a reference that a stay had before, and that are shown beside it: it may be two stays after all.
    fn doubled<'a>(&'a self, read: &'a Read) -> Vec<Pair<'a>> {
        let owners = self.former.iter().filter(|(_, present)| read.bookings.contains_key(*present));
        let doubled = owners.filter_map(|(reference, present)| {
            let booking = read.bookings.get(reference)?;
            (booking.status == BookingStatus::Confirmed).then_some((self.bookings.get(present)?, booking))
        });
        doubled.collect()
    }

    fn is_news(&self, booking: &Booking, read: &Read) -> bool {
        match self.bookings.get(&booking.reference) {
            Some(known) => {
                let missed = known.absences > 0 || known.not_found_since.is_some() || known.gone_at.is_some();
                // That it agrees again is news, too.
                let doubted = missed || known.contradicted_since.is_some();
                // A revision that says the same is news, too: what is known is as new as that.
                let is_newer = |before: &Booking| booking.revision > before.revision;
                let differs = |before: &Booking| !before.same_content(booking) || is_newer(before);
                doubted || known.booking.as_ref().is_none_or(differs)
            }
            // The source may list for long what it has replaced.
            None => match self.former.get(&booking.reference) {
                // The source may list for long what it has replaced.
                Some(present) => {
                    booking.status == BookingStatus::Confirmed && !read.bookings.contains_key(present)
                }
                None => true,
            },
        }
    }

    /// Whether news were there to be told before: a change, or a booking that the last read would have shown.
    fn should_have_been_told(&self, booking: &Booking) -> bool {
        let Some(range) = self.range else { return false };
        match self.bookings.get(&booking.reference) {
            Some(known) => known.booking.as_ref().is_some_and(|before| !before.same_content(booking)),
            None => booking.dates.is_ok_and(|dates| dates.arrival() <= range.arriving_until),
        }
    }
}

/// Whether a known booking belongs into a list of this range.
fn should_be_listed(record: &BookingRecord, range: DateRange) -> bool {
    record.gone_at.is_none()
        && record.booking.as_ref().is_some_and(|booking| {
            booking.status == BookingStatus::Confirmed
                && booking.dates.is_ok_and(|dates| {
                    dates.departure() > range.departing_from && dates.arrival() <= range.arriving_until
                })
        })
}

/// When reads have found what no webhook told, this one included.
pub(crate) fn untold(
    before: &[DateTime<Utc>],
    heard: bool,
    changed: bool,
    now: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let mut untold = if heard { Vec::new() } else { before.to_vec() };
    let apart = untold.last().is_none_or(|last| now - *last >= GRACE);
    if changed && !heard && apart && untold.len() < 2 {
        untold.push(now);
    }
    untold
}

/// Whether webhooks have failed to come twice, and the last one is not merely late.
pub(crate) fn is_silent(untold: &[DateTime<Utc>], now: DateTime<Utc>) -> bool {
    untold.get(1).is_some_and(|second| now - *second >= GRACE)
}

/// Somebody's time in a unit.
#[derive(Clone, Debug)]
pub(crate) struct Occupied<'a> {
    unit: UnitId,
    pub(crate) window: Window,
    pub(crate) source: &'a IntegrationName,
    pub(crate) booking: &'a Booking,
}

impl<'a> Occupied<'a> {
    /// The time of a stay that holds and is not over, in a unit that is configured.
    pub(crate) fn of(
        tenant: &Tenant,
        source: &'a IntegrationName,
        booking: &'a Booking,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let holds = booking.kind == BookingKind::Stay && booking.status == BookingStatus::Confirmed;
        let unit = tenant.unit_of(source, booking.unit.as_ref().filter(|_| holds)?)?;
        let window = stay_window(unit, booking).ok().filter(|window| window.closes() > now)?;
        Some(Self { unit: unit.id.clone(), window, source, booking })
    }

    fn order(&self) -> (&UnitId, DateTime<Utc>, &IntegrationName, &ExternalId) {
        (&self.unit, self.window.opens(), self.source, &self.booking.reference)
    }
}

/// Stays that begin soon, each with one of the same unit that is not over by then.
pub(crate) fn conflicts(
    mut stays: Vec<Occupied<'_>>,
    now: DateTime<Utc>,
) -> Vec<(Occupied<'_>, Occupied<'_>)> {
    stays.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut conflicts = Vec::new();
    let mut last: Option<Occupied<'_>> = None;
    for stay in stays {
        match &last {
            Some(before) if before.unit == stay.unit => {
                if stay.window.opens() < before.window.closes() && stay.window.opens() <= now + AHEAD {
                    conflicts.push((stay.clone(), before.clone()));
                }
                if stay.window.closes() > before.window.closes() {
                    last = Some(stay);
                }
            }
            _ => last = Some(stay),
        }
    }
    conflicts
}
