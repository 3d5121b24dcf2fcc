//! What is so, whoever knows it: stays as their source has them, what their guests heard, what staff did.

use booking_core::store::Told;
use booking_core::{DoorId, ExternalId, Pin, StayDates, Window};
use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};

use crate::history::{Booked, Change, PolicySetup, TenantSetup};
use crate::names;

/// The usual hour of check-in.
pub(crate) const CHECK_IN: u32 = 15;
/// The usual hour of check-out.
pub(crate) const CHECK_OUT: u32 = 12;

/// A stay's words in its source at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// The unit, by number; beyond the tenant's it is not in the configuration.
    pub(crate) unit: usize,
    /// The day of arrival.
    pub(crate) arrival: NaiveDate,
    /// How many nights.
    pub(crate) nights: u32,
    /// The agreed hour of check-in.
    pub(crate) check_in: Option<u32>,
    /// Which guest, counted from 0.
    pub(crate) guest: u32,
    /// Which telephone, where there is one.
    pub(crate) phone: Option<u32>,
    /// Whether it is cancelled.
    pub(crate) cancelled: bool,
    /// Whether the source does not know it any more.
    pub(crate) gone: bool,
}

impl Content {
    /// As it is booked.
    #[must_use]
    pub(crate) fn of(booked: &Booked) -> Self {
        Self {
            unit: booked.unit,
            arrival: booked.arrival,
            nights: booked.nights,
            check_in: booked.check_in,
            guest: 0,
            phone: booked.phone.then_some(0),
            cancelled: false,
            gone: false,
        }
    }

    /// As a change leaves it.
    #[must_use]
    pub(crate) fn changed(&self, change: Change) -> Self {
        let mut next = self.clone();
        match change {
            Change::Extend(days) => next.nights += days,
            Change::Shorten(days) => next.nights = next.nights.saturating_sub(days).max(1),
            Change::Shift(days) => {
                next.arrival =
                    next.arrival.checked_add_signed(Duration::days(i64::from(days))).unwrap_or(next.arrival);
            }
            Change::Move(unit) => next.unit = unit,
            Change::Cancel => next.cancelled = true,
            Change::Uncancel => next.cancelled = false,
            Change::Delete | Change::Vanish => next.gone = true,
            Change::Swap => {
                next.guest += 1;
                next.phone = next.phone.map(|phone| phone + 1);
            }
            Change::Phone => next.phone = Some(next.phone.map_or(0, |phone| phone + 1)),
            Change::CheckIn(hour) => next.check_in = Some(hour),
            Change::Reissue => {}
        }
        next
    }

    /// Whether it is a stay that holds.
    #[must_use]
    pub(crate) fn holds(&self) -> bool {
        !self.cancelled && !self.gone
    }

    /// The days.
    #[must_use]
    pub(crate) fn dates(&self) -> Option<StayDates> {
        let departure = self.arrival.checked_add_signed(Duration::days(i64::from(self.nights)))?;
        StayDates::new(self.arrival, departure).ok()
    }

    /// Whether both have a night in common.
    #[must_use]
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let both = self.dates().zip(other.dates());
        both.is_some_and(|(a, b)| a.arrival() < b.departure() && b.arrival() < a.departure())
    }

    /// The stay as guests are told it.
    #[must_use]
    pub(crate) fn stay(&self, tenant: &TenantSetup) -> Option<Window> {
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0);
        let dates = self.dates()?;
        let start = dates.arrival().and_time(time(self.check_in.unwrap_or(CHECK_IN))?);
        let end = dates.departure().and_time(time(CHECK_OUT)?);
        Window::new(start, end, tenant.zone).ok()
    }

    /// When its codes work.
    #[must_use]
    pub(crate) fn access(&self, tenant: &TenantSetup, policy: &PolicySetup) -> Option<Window> {
        let stay = self.stay(tenant)?;
        // Reckoned here, not by the words that the engine uses too: check-in and check-out lie in no hour that is left
        // out or repeated, and buffers are shorter than the time to the next.
        let before = Duration::minutes(i64::from(policy.buffer_before));
        let after = Duration::minutes(i64::from(policy.buffer_after));
        Window::new(stay.start() - before, stay.end() + after, tenant.zone).ok()
    }

    /// When a guest who stands at the door may expect to be let in, by the rules of its keypads.
    #[must_use]
    pub(crate) fn let_in(
        &self,
        tenant: &TenantSetup,
        policy: &PolicySetup,
        rules: impl Fn(usize) -> booking_core::DoorRules,
    ) -> Option<DateTime<Utc>> {
        // What takes no code before it opens takes it, and shows it, only then.
        let at_once = |keypad: &usize| rules(*keypad).look_ahead.is_some_and(|ahead| ahead.is_zero());
        let late = self.doors(tenant).iter().any(at_once);
        let grace = if late { Duration::minutes(45) } else { Duration::zero() };
        Some(self.access(tenant, policy)?.opens() + grace)
    }

    /// The keypads that it needs.
    #[must_use]
    pub(crate) fn doors<'a>(&self, tenant: &'a TenantSetup) -> &'a [usize] {
        tenant.units.get(self.unit).map_or(&[], Vec::as_slice)
    }
}

/// Something that a guest heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// By which channel.
    pub(crate) channel: usize,
    /// Whether the address was the guest's of that time, rather than an earlier one's.
    pub(crate) to: String,
    /// What the record says that was told.
    pub(crate) told: Option<Told>,
    /// The record.
    pub(crate) id: Option<booking_core::MessageId>,
}

impl Heard {
    /// What is typed at a keypad, by this message.
    #[must_use]
    pub(crate) fn typed(&self, keypad: usize) -> Option<&Pin> {
        let door: DoorId = names::door(keypad);
        let told = self.told.as_ref()?;
        told.codes.iter().find(|code| code.door == door)?.typed.as_ref()
    }
}

/// A stay.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    /// Whose.
    pub(crate) tenant: usize,
    /// What the source calls it, the present name last.
    pub(crate) references: Vec<ExternalId>,
    /// Whether its source told what was while it gave it another name.
    pub(crate) unclear: bool,
    /// Its words, from when on, the present ones last.
    pub(crate) versions: Vec<(DateTime<Utc>, Content)>,
    /// What its guest heard, in order.
    pub(crate) heard: Vec<Heard>,
    /// When staff wanted other digits for it.
    pub(crate) redrawn: Vec<DateTime<Utc>>,
    /// When somebody else touched its code on a door: staff, chance.
    pub(crate) touched: Vec<(DateTime<Utc>, usize)>,
}

impl Stay {
    /// Its present words.
    #[must_use]
    pub(crate) fn content(&self) -> &Content {
        &self.versions[self.versions.len() - 1].1
    }

    /// Since when they hold.
    #[must_use]
    pub(crate) fn since(&self) -> DateTime<Utc> {
        self.versions[self.versions.len() - 1].0
    }

    /// The present name.
    #[must_use]
    pub(crate) fn reference(&self) -> &ExternalId {
        &self.references[self.references.len() - 1]
    }

    /// The last thing that its guest heard.
    #[must_use]
    pub(crate) fn last_heard(&self) -> Option<&Heard> {
        self.heard.last()
    }

    /// The telephone of its guest.
    #[must_use]
    pub(crate) fn phone(number: usize, which: u32) -> String {
        format!("+4860{number:03}{:04}", 1000 + which)
    }
}
