//! Stays that their source has given another id: recognised before a second code is made.

use std::collections::BTreeSet;

use booking_core::store::{
    BookingRecord, CodeRecord, Commit, Finish, Kind, Record, RowKey, Tx, WorkKey, Write,
};
use booking_core::{Booking, BookingKind, BookingStatus, Guest, Lookup};
use chrono::{DateTime, Duration, Utc};

use crate::engine::{Done, WorkError};
use crate::grant::Run;
use crate::wish::stay_window;

/// For how many bookings that equal a new one its source is asked: where there are more, ids tell stays apart.
const MOST_EQUALS: usize = 3;

/// How far a code's time may be from that of its stay: moves that its door has not heard of yet.
const NEAR: Duration = Duration::days(3);

/// How soon a booking is looked at again after what it was to be joined with has moved.
const SOON: Duration = Duration::seconds(5);

/// Whether two bookings tell of one stay: the same guest in the same unit on the same days; on days that have some in
/// common, where not only the name but the phone number or the address is the same too.
#[must_use]
pub(crate) fn is_same_stay(a: &Booking, b: &Booking) -> bool {
    let holds = |booking: &Booking| {
        booking.kind == BookingKind::Stay
            && booking.status == BookingStatus::Confirmed
            && booking.dates.is_ok()
    };
    holds(a)
        && holds(b)
        && a.unit.is_some()
        && a.unit == b.unit
        && is_same_guest(&a.guest, &b.guest)
        && (a.dates == b.dates || (overlap(a, b) && is_surely_same_guest(&a.guest, &b.guest)))
}

fn overlap(a: &Booking, b: &Booking) -> bool {
    a.dates
        .ok()
        .zip(b.dates.ok())
        .is_some_and(|(a, b)| a.arrival() < b.departure() && b.arrival() < a.departure())
}

fn is_surely_same_guest(a: &Guest, b: &Guest) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| words(a).is_some() && words(a) == words(b);
    same(&a.name, &b.name) && (same(&a.phone, &b.phone) || same(&a.email, &b.email))
}

/// The name decides; where one has none, the phone number or the address. Two guests of one agency have its number in
/// common and must not get each other's code.
fn is_same_guest(a: &Guest, b: &Guest) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| Some(words(a)? == words(b)?);
    same(&a.name, &b.name)
        .unwrap_or_else(|| same(&a.phone, &b.phone) == Some(true) || same(&a.email, &b.email) == Some(true))
}

/// What a field holds, however it is spaced and capitalised; `None` for nothing.
fn words(field: &Option<String>) -> Option<String> {
    let words = field.as_deref()?.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    (!words.is_empty()).then_some(words)
}

impl Run<'_> {
    /// Joins a booking that is new with an older one that it is under another id: what arrived belongs to that one, and
    /// this one is forgotten. Only where its source, asked, has lost exactly one that equals it.
    pub(crate) async fn rejoin(&mut self) -> Result<Option<Done>, WorkError> {
        let mut lost = Vec::new();
        let mut equals = self.equals().await?;
        if equals.len() > MOST_EQUALS {
            equals.clear();
        }
        let any = !equals.is_empty();
        for older in equals {
            match self.ask(&older.reference).await? {
                Ok((Lookup::NotFound, _)) => lost.push(older),
                // One that is cancelled can come back beside the new one.
                Ok(_) => {}
                Err(again) => return self.hold(again).await.map(Some),
            }
        }
        match &lost[..] {
            [] if any => self.doubt_itself().await,
            [] => Ok(None),
            [older] => self.join(older).await,
            several => {
                self.audit("same-stay-twice", format!("{} lost bookings equal it", several.len()));
                Ok(None)
            }
        }
    }

    /// Another booking tells of the same stay, and its source still has that one: a late word may have brought this one.
    async fn doubt_itself(&mut self) -> Result<Option<Done>, WorkError> {
        let own = self.stay.booking.reference.clone();
        match self.ask(&own).await? {
            Ok((Lookup::NotFound, at)) => {
                // The other booking is the second witness.
                self.stay.booking.not_found_since = Some(at);
                self.stay.booking.gone_at = Some(at);
                self.stay.booking.cancelled_at.get_or_insert(at);
                self.audit("booking-gone", "another booking tells of the same stay");
                Ok(None)
            }
            Ok(_) => Ok(None),
            Err(again) => self.hold(again).await.map(Some),
        }
    }

    /// The bookings of the same source that tell of the same stay, where this one is new. They are found by their codes:
    /// a stay without any loses nothing, and the next full read joins it.
    async fn equals(&self) -> Result<Vec<BookingRecord>, WorkError> {
        let own = &self.stay.booking;
        let mut equals = Vec::new();
        let Some(booking) = own.booking.as_ref().filter(|_| self.is_newcomer) else { return Ok(equals) };
        let unit = booking.unit.as_ref().and_then(|unit| self.tenant.unit_of(&own.source, unit));
        // The last door is the unit's own; those before it may be a whole street's.
        let door = unit.and_then(|unit| Some((unit, self.tenant.doors.get(unit.doors.last()?)?)));
        let Some((unit, door)) = door else { return Ok(equals) };
        let Ok(window) = stay_window(unit, booking) else { return Ok(equals) };
        // One stay under two ids has days in common with itself; its code may not have followed its last move.
        let near = window.widened(NEAR, NEAR);
        let meets = |code: &CodeRecord| {
            code.window.opens() < near.closes() && near.opens() < code.window.closes() && code.stay != own.id
        };
        let codes = self.engine.store.codes_ever_on(&own.tenant, &door.door.key).await?;
        let stays: BTreeSet<_> = codes.into_iter().filter(meets).map(|code| code.stay).collect();
        for stay in stays {
            let key = RowKey { kind: Kind::Booking, tenant: own.tenant.clone(), id: stay.to_string() };
            if let Some(Record::Booking(other)) = self.engine.store.get(&key).await?.map(|row| row.record)
                && other.source == own.source
                && other.booking.as_ref().is_some_and(|before| is_same_stay(before, booking))
            {
                equals.push(other);
            }
        }
        Ok(equals)
    }

    /// Nothing is decided, and nothing read, until the source can be asked: the guest may have a code already.
    async fn hold(&mut self, again: DateTime<Utc>) -> Result<Done, WorkError> {
        let failed = |write: &Write| matches!(write, Write::Audit(entry) if entry.what == "source-failed");
        self.along.retain(|write| is_due(write) || failed(write));
        let writes = std::mem::take(&mut self.along);
        self.engine.finish(&self.lease, writes, Done { next: Some(again), failed: self.failed }, None).await
    }

    /// Moves the reference, and with it what is unread, to the older booking, unless either has changed meanwhile.
    async fn join(&mut self, older: &BookingRecord) -> Result<Option<Done>, WorkError> {
        let (now, own) = (self.now(), &self.stay.booking);
        let rows = self.engine.store.stay(&own.tenant, &own.id).await?;
        if rows.iter().any(|row| matches!(row.record, Record::Code(_) | Record::Message(_))) {
            return Ok(None);
        }
        let older_key = Record::Booking(older.clone()).key();
        let before = self.engine.store.get(&older_key).await?;
        let Some(before) = before.filter(|row| row.record == Record::Booking(older.clone())) else {
            return self.hold(now + SOON).await.map(Some);
        };
        let gone: Vec<RowKey> = rows.iter().map(|row| row.record.key()).collect();
        let expect = rows.iter().map(|row| (row.record.key(), row.revision));
        let alias = Write::Alias {
            tenant: own.tenant.clone(),
            source: own.source.clone(),
            reference: own.reference.clone(),
            booking: older.id.clone(),
        };
        let due = Write::Due {
            work: WorkKey::Grant(own.tenant.clone(), older.id.clone()),
            at: now,
            priority: None,
        };
        let entry = self.engine.audit(&own.tenant, Some(&older.id), "new-id", own.reference.to_string());
        let tx = Tx {
            expect: expect.chain([(older_key, before.revision)]).collect(),
            writes: [alias, due, entry]
                .into_iter()
                .chain(gone.into_iter().map(Write::Delete))
                .chain(self.along.iter().filter(|write| is_due(write)).cloned())
                .collect(),
            finish: Some(Finish { next: None, failed: false, priority: None }),
            ..Tx::under(now, &self.lease)
        };
        match self.engine.store.commit(tx).await? {
            Commit::Done { .. } => Ok(Some(Done { next: None, failed: false })),
            Commit::Fenced => Err(WorkError::Fenced),
            Commit::Moved(_) | Commit::Taken(_) => self.hold(now + SOON).await.map(Some),
        }
    }
}

fn is_due(write: &Write) -> bool {
    matches!(write, Write::Due { .. })
}

#[cfg(test)]
mod tests {
    use booking_core::{ExternalId, Revision, StayDates, UnitRef};
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    fn booking() -> Booking {
        let day = |day| NaiveDate::from_ymd_opt(2027, 3, day).unwrap();
        Booking {
            reference: ExternalId::parse("12").unwrap(),
            unit: Some(UnitRef::parse("500001").unwrap()),
            unit_name: None,
            kind: BookingKind::Stay,
            status: BookingStatus::Confirmed,
            guest: Guest { name: Some("Ada Example".into()), ..Guest::default() },
            dates: Ok(StayDates::new(day(5), day(8)).unwrap()),
            check_in: None,
            check_out: None,
            revision: Some(Revision(3)),
        }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Booking), same: bool) {
        let mut other = Booking { reference: ExternalId::parse("34").unwrap(), ..booking() };
        change(&mut other);
        assert_eq!(is_same_stay(&booking(), &other), same, "{other:?}");
        assert_eq!(is_same_stay(&other, &booking()), same, "{other:?}");
    }

    #[test]
    fn d03_unit_days_and_guest_make_a_stay() {
        let dates = |from, to| {
            let day = |day| NaiveDate::from_ymd_opt(2027, 3, day).unwrap();
            Ok(StayDates::new(day(from), day(to)).unwrap())
        };
        check(|_| {}, true);
        check(|other| other.revision = None, true);
        check(|other| other.guest.language = Some("pl".into()), true);
        check(|other| other.unit_name = Some("Studio".into()), true);
        check(|other| other.check_in = chrono::NaiveTime::from_hms_opt(10, 0, 0), true);
        check(|other| other.guest.name = Some("  ada  EXAMPLE ".into()), true);
        check(|other| other.unit = Some(UnitRef::parse("500002").unwrap()), false);
        check(|other| other.unit = None, false);
        check(|other| other.dates = dates(5, 9), false);
        check(|other| other.dates = dates(4, 8), false);
        check(|other| (other.dates, other.guest.phone) = (dates(5, 9), Some("1".into())), false);
        check(|other| other.dates = Err(booking_core::DateProblem::Missing), false);
        check(|other| other.guest.name = Some("Ada".into()), false);
        check(|other| other.guest.name = None, false);
        check(|other| other.guest.name = Some(" ".into()), false);
        check(|other| other.kind = BookingKind::Block, false);
        check(|other| other.status = BookingStatus::Cancelled, false);
    }

    #[test]
    fn d03_other_days_need_a_surer_guest_and_a_day_in_common() {
        let days = |from, to| {
            let day = |day| NaiveDate::from_ymd_opt(2027, 3, day).unwrap();
            Ok(StayDates::new(day(from), day(to)).unwrap())
        };
        for (from, to, fields, same) in [
            (5, 9, ["Ada Example", "1", "-"], true),
            (7, 12, ["Ada Example", "-", "a@x"], true),
            (8, 12, ["Ada Example", "1", "-"], false),
            (5, 9, ["Ada Example", "2", "-"], false),
            (5, 9, ["-", "1", "-"], false),
        ] {
            let known = Booking { guest: guest(["Ada Example", "1", "a@x"]), ..booking() };
            let other = Booking { guest: guest(fields), dates: days(from, to), ..booking() };
            assert_eq!(is_same_stay(&known, &other), same, "{from} to {to} {fields:?}");
        }
    }

    /// A guest as name, phone and e-mail, where `-` stands for none.
    fn guest([name, phone, email]: [&str; 3]) -> Guest {
        let field = |text: &str| (text != "-").then(|| text.to_owned());
        Guest { name: field(name), phone: field(phone), email: field(email), language: None }
    }

    #[test]
    fn d03_the_name_decides_and_without_it_number_or_address() {
        for (a, b, same) in [
            (["Ada", "1", "a@x"], ["Ada", "1", "a@x"], true),
            (["Ada", "1", "-"], ["Ada", "2", "-"], true),
            (["Ada", "1", "a@x"], ["Bea", "1", "a@x"], false),
            (["-", "1", "-"], ["Ada", "1", "-"], true),
            (["-", "1", "-"], ["-", "1", "b@x"], true),
            (["-", "1", "a@x"], ["-", "2", "A@X"], true),
            (["-", "1", "a@x"], ["-", "2", "b@x"], false),
            (["", "", ""], ["", "", ""], false),
            (["-", "-", "-"], ["-", "-", "-"], false),
            (["Ada", "-", "-"], ["-", "-", "-"], false),
        ] {
            assert_eq!(is_same_guest(&guest(a), &guest(b)), same, "{a:?} {b:?}");
            assert_eq!(is_same_guest(&guest(b), &guest(a)), same, "{a:?} {b:?}");
        }
    }

    proptest! {
        #[test]
        fn d03_guests_with_different_names_are_never_one(
            names in ("[a-c]{1,3}", "[a-c]{1,3}"), phones in ("[1-2]?", "[1-2]?"), emails in ("[x-y]?", "[x-y]?"),
        ) {
            let a = Guest { name: Some(names.0.clone()), phone: Some(phones.0), email: Some(emails.0), language: None };
            let b = Guest { name: Some(names.1.clone()), phone: Some(phones.1), email: Some(emails.1), language: None };
            prop_assert_eq!(is_same_guest(&a, &b), names.0 == names.1);
        }
    }
}
