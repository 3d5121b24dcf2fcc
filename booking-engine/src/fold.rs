//! Folding what arrived into what is known of a booking: newer wins, a stale word changes nothing.

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{BookingRecord, InboxRow, Origin};
use booking_core::{Booking, BookingStatus, Event, ExternalId, Lookup};
use chrono::{DateTime, Duration, Utc};

/// How old an answer may be that a source gives when it is asked: some are read from a copy that lags behind.
const OLDEST_ANSWER: Duration = Duration::hours(12);

/// What an unread row says.
enum Word<'a> {
    /// What its booking is now.
    News(&'a Booking),
    /// That something may have changed: what, only the source can tell.
    Question,
    /// Nothing that is not known.
    Nothing,
}

/// Whether these unread rows leave a question that only the source can answer.
#[must_use]
pub(crate) fn must_ask(record: &BookingRecord, rows: &[InboxRow]) -> bool {
    let is_answer = |row: &&InboxRow| row.origin == Origin::FullRead && !is_outdated(record, row);
    let last_answer = rows.iter().filter(is_answer).map(|row| row.received_at).max();
    let mut known = record.clone();
    let mut asks = |row: &InboxRow| {
        // An answer of the source that is newer has settled it.
        let open = last_answer.is_none_or(|answer| answer < row.received_at);
        let asks = open && matches!(word(&known, row), Word::Question);
        hear(&mut known, row);
        asks
    };
    rows.iter().any(&mut asks)
        || (record.booking.is_none()
            && record.gone_at.is_none()
            && record.standing.is_none()
            && rows.is_empty())
}

fn word<'a>(record: &BookingRecord, row: &'a InboxRow) -> Word<'a> {
    match (&row.event, row.origin) {
        (Some(Event::Hint { .. }), _) => Word::Question,
        // Whoever speaks of a former name may mean the stay: its present name is asked for.
        (Some(Event::Snapshot(_)), Origin::Webhook) if is_outdated(record, row) => Word::Question,
        (Some(Event::Snapshot(booking)), Origin::Webhook) => delivered(record, booking),
        (Some(Event::Snapshot(booking)), _) if !is_outdated(record, row) => Word::News(booking),
        _ => Word::Nothing,
    }
}

/// What a snapshot says that somebody delivered, at any time and maybe again: it speaks for itself where nothing is
/// known, and where its revision is newer. Else, if it differs, only the source knows which of the two holds.
fn delivered<'a>(record: &BookingRecord, booking: &'a Booking) -> Word<'a> {
    let of_name = |known: &&Booking| known.reference == booking.reference;
    let doubted = record.gone_at.is_some();
    let Some(known) = record.booking.as_ref().filter(of_name) else {
        return if doubted { Word::Question } else { Word::News(booking) };
    };
    let doubted = doubted || record.not_found_since.is_some() || record.deleted_at.is_some();
    match (booking.revision, known.revision) {
        // Of a booking that may be gone even a newer word may be older than its end.
        (Some(new), Some(old)) if new > old && !doubted => Word::News(booking),
        #[cfg(staykey_planted)]
        _ if planted(planted::REVISION_IGNORED) => Word::News(booking),
        (Some(new), Some(old)) if new < old => Word::Nothing,
        _ if doubted || !known.same_content(booking) => Word::Question,
        _ => Word::Nothing,
    }
}

/// Folds unread rows, in order, and then the source's answer, if it was asked.
pub(crate) fn fold(
    record: &mut BookingRecord,
    rows: &[InboxRow],
    answer: Option<(&Lookup, DateTime<Utc>)>,
    absent_reads: u32,
) {
    rows.iter().for_each(|row| hear(record, row));
    match answer {
        Some((Lookup::Found(booking) | Lookup::Cancelled(booking), asked_at)) => {
            take(record, booking, asked_at)
        }
        Some((Lookup::NotFound, asked_at)) => {
            record.not_found_since.get_or_insert(asked_at);
        }
        None => {}
    }
    witness(record, absent_reads, answer.map(|(_, asked_at)| asked_at));
}

/// Takes over what a row says.
fn hear(record: &mut BookingRecord, row: &InboxRow) {
    if let Word::News(booking) = word(record, row) {
        take(record, booking, row.received_at);
    }
    match (&row.event, row.origin) {
        _ if is_outdated(record, row) => {}
        (Some(Event::Hint { deleted: true, .. }), _) => {
            record.deleted_at = Some(record.deleted_at.map_or(row.received_at, |at| at.max(row.received_at)));
        }
        (Some(Event::Hint { .. }), Origin::Absence)
            if record.not_found_since.is_some_and(|since| since < row.received_at) =>
        {
            record.absences += 1;
        }
        _ => {}
    }
}

/// Gives the booking the name that its rows bring: they came here because its source had lost the present one.
pub(crate) fn rename(record: &mut BookingRecord, rows: &[InboxRow]) {
    for reference in rows.iter().filter_map(|row| row.event.as_ref()?.reference()) {
        if !record.former.contains(reference) {
            call(record, reference);
        }
    }
}

/// Another name of the same stay. What its source has said of the name before, and how it counted changes, ends with it.
fn call(record: &mut BookingRecord, reference: &ExternalId) {
    if record.reference == *reference {
        return;
    }
    let before = std::mem::replace(&mut record.reference, reference.clone());
    record.former.retain(|former| former != reference);
    record.former.push(before);
    if let Some(booking) = &mut record.booking {
        booking.revision = None;
    }
    record.deleted_at = None;
    record.contradicted_since = None;
    record.absences = 0;
    record.not_found_since = None;
}

/// Whether a row speaks of a name that the stay no longer has. Only a source that is asked and shows the stay under it
/// gives it that name again.
fn is_outdated(record: &BookingRecord, row: &InboxRow) -> bool {
    let reference = row.event.as_ref().and_then(Event::reference);
    let is_former = reference.is_some_and(|reference| record.former.contains(reference));
    let is_shown = row.origin == Origin::FullRead
        && matches!(&row.event, Some(Event::Snapshot(booking)) if booking.status == BookingStatus::Confirmed);
    is_former && !is_shown
}

/// Takes over a booking's words unless newer ones are known.
fn take(record: &mut BookingRecord, booking: &Booking, at: DateTime<Utc>) {
    let renamed = record.reference != booking.reference;
    let revisions = record.booking.as_ref().and_then(|known| booking.revision.zip(known.revision));
    let stale = match revisions {
        Some((new, old)) if new != old && !renamed => new < old && !insists(record, booking, at),
        // What was asked for before the source lost it is older than the loss.
        _ => {
            let known = [record.seen_at, record.not_found_since].into_iter().flatten();
            record.booking.is_some() && known.into_iter().any(|known| at < known)
        }
    };
    #[cfg(staykey_planted)]
    let stale = stale && !planted(planted::REVISION_IGNORED);
    if stale {
        return;
    }
    call(record, &booking.reference);
    record.cancelled_at = match booking.status {
        BookingStatus::Cancelled => record.cancelled_at.or(Some(at)),
        BookingStatus::Confirmed => None,
    };
    record.booking = Some(booking.clone());
    record.seen_at = Some(at);
    record.contradicted_since = None;
    record.absences = 0;
    record.not_found_since = None;
    record.gone_at = None;
    if record.deleted_at.is_some_and(|deleted| deleted < at) {
        record.deleted_at = None;
    }
}

/// Whether a source that is asked says something else than what is known for longer than any cache would, although by
/// its revision that is older: then its revisions went back, as a wall clock does once a year.
fn insists(record: &mut BookingRecord, booking: &Booking, at: DateTime<Utc>) -> bool {
    let agrees = record.booking.as_ref().is_some_and(|known| known.same_content(booking));
    if agrees && record.gone_at.is_none() && record.not_found_since.is_none() {
        record.contradicted_since = None;
        return false;
    }
    at - *record.contradicted_since.get_or_insert(at) >= OLDEST_ANSWER
}

/// "Not found" counts only with a second witness.
fn witness(record: &mut BookingRecord, absent_reads: u32, now: Option<DateTime<Utc>>) {
    let witnessed = record.deleted_at.is_some() || record.absences >= absent_reads.max(1);
    #[cfg(staykey_planted)]
    let witnessed = witnessed || planted(planted::NOT_FOUND_IS_CANCELLED);
    if let (Some(since), true, None) = (record.not_found_since, witnessed, record.gone_at) {
        let at = now.unwrap_or(since);
        record.gone_at = Some(at);
        record.cancelled_at.get_or_insert(at);
    }
}

#[cfg(test)]
mod tests {
    use booking_core::store::WorkKey;
    use booking_core::{
        BookingId, BookingKind, Guest, IntegrationName, Revision, StayDates, TenantSlug, UnitRef,
    };
    use chrono::{Duration, NaiveDate};

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + Duration::minutes(minutes)
    }

    fn booking(day: u32, revision: Option<i64>, status: BookingStatus) -> Booking {
        let date = |day| NaiveDate::from_ymd_opt(2027, 3, day).unwrap();
        Booking {
            reference: ExternalId::parse("12").unwrap(),
            unit: Some(UnitRef::parse("500001").unwrap()),
            unit_name: None,
            kind: BookingKind::Stay,
            status,
            guest: Guest::default(),
            dates: Ok(StayDates::new(date(day), date(day + 2)).unwrap()),
            check_in: None,
            check_out: None,
            revision: revision.map(Revision),
        }
    }

    fn empty() -> BookingRecord {
        BookingRecord {
            id: BookingId::parse("aaaaaaaaaaaa").unwrap(),
            tenant: TenantSlug::parse("harbour").unwrap(),
            source: IntegrationName::parse("smoobu").unwrap(),
            reference: ExternalId::parse("12").unwrap(),
            former: Vec::new(),
            booking: None,
            seen_at: None,
            deleted_at: None,
            absences: 0,
            not_found_since: None,
            contradicted_since: None,
            gone_at: None,
            cancelled_at: None,
            last_error: None,
            standing: None,
            created_at: at(0),
        }
    }

    fn row(minutes: i64, origin: Origin, event: Event) -> InboxRow {
        let tenant = TenantSlug::parse("harbour").unwrap();
        InboxRow {
            number: 1,
            tenant: tenant.clone(),
            integration: IntegrationName::parse("smoobu").unwrap(),
            origin,
            action: "updateReservation".into(),
            work: Some(WorkKey::Grant(tenant, BookingId::parse("aaaaaaaaaaaa").unwrap())),
            event: Some(event),
            received_at: at(minutes),
            read_at: None,
        }
    }

    fn hint(deleted: bool) -> Event {
        Event::Hint { reference: ExternalId::parse("12").unwrap(), deleted }
    }

    fn snapshot(booking: Booking) -> Event {
        Event::Snapshot(Box::new(booking))
    }

    use BookingStatus::{Cancelled, Confirmed};

    /// Folds snapshots in the given order and tells the arrival day and whether it is cancelled.
    #[track_caller]
    fn check(rows: &[(i64, Booking)], day: u32, cancelled: bool) {
        let mut record = empty();
        for (minutes, booking) in rows {
            fold(&mut record, &[row(*minutes, Origin::Webhook, snapshot(booking.clone()))], None, 2);
        }
        let known = record.booking.as_ref().unwrap();
        let arrival = known.dates.unwrap().arrival();
        assert_eq!(arrival, NaiveDate::from_ymd_opt(2027, 3, day).unwrap());
        assert_eq!(record.cancelled_at.is_some(), cancelled);
    }

    #[test]
    fn newer_wins_in_any_order() {
        check(&[(1, booking(1, Some(1), Confirmed)), (2, booking(5, Some(2), Confirmed))], 5, false);
        check(&[(1, booking(5, Some(2), Confirmed)), (2, booking(1, Some(1), Confirmed))], 5, false);
        // A cancellation that overtakes the booking itself stays.
        check(&[(1, booking(1, Some(9), Cancelled)), (2, booking(1, Some(1), Confirmed))], 1, true);
        // A real revival carries a newer revision.
        check(&[(1, booking(1, Some(1), Cancelled)), (2, booking(1, Some(2), Confirmed))], 1, false);
        // An echo of what was known before, and one without revision, are no revival: the source must be asked first.
        check(&[(1, booking(1, Some(2), Cancelled)), (2, booking(1, Some(2), Confirmed))], 1, true);
        check(&[(1, booking(1, None, Cancelled)), (2, booking(1, None, Confirmed))], 1, true);
    }

    /// A booking is known (day, revision, status), and somebody delivers a snapshot: whether the source is asked, and
    /// on which day, and whether at all, the stay is by the delivery alone.
    #[track_caller]
    fn check_delivered(
        known: Option<(u32, Option<i64>, BookingStatus)>,
        delivered: (u32, Option<i64>, BookingStatus),
        (asks, day, holds): (bool, Option<u32>, bool),
    ) {
        let make = |(day, revision, status)| booking(day, revision, status);
        let mut record = empty();
        if let Some(known) = known {
            fold(&mut record, &[row(1, Origin::Webhook, snapshot(make(known)))], None, 2);
        }
        let before = record.clone();
        let rows = [row(2, Origin::Webhook, snapshot(make(delivered)))];
        assert_eq!(must_ask(&record, &rows), asks, "{known:?} {delivered:?}");
        fold(&mut record, &rows, None, 2);
        let arrival = record.booking.as_ref().map(|booking| booking.dates.unwrap().arrival());
        let expected = day.and_then(|day| NaiveDate::from_ymd_opt(2027, 3, day));
        assert_eq!((arrival, record.cancelled_at.is_none()), (expected, holds), "{known:?} {delivered:?}");
        if asks {
            assert_eq!(record, before, "a question changes nothing");
            fold(&mut record, &rows, Some((&Lookup::Found(Box::new(make(delivered))), at(3))), 2);
            assert!(record.booking.unwrap().same_content(&make(delivered)));
        }
    }

    #[test]
    fn a_delivery_speaks_for_itself_only_where_it_is_new_or_newer() {
        let known = Some((1, None, Confirmed));
        // Nothing is known.
        check_delivered(None, (1, None, Confirmed), (false, Some(1), true));
        check_delivered(None, (1, None, Cancelled), (false, Some(1), false));
        // What is known already.
        check_delivered(known, (1, None, Confirmed), (false, Some(1), true));
        // Something else, and nobody can tell which is newer.
        check_delivered(known, (5, None, Confirmed), (true, Some(1), true));
        check_delivered(known, (1, None, Cancelled), (true, Some(1), true));
        check_delivered(Some((1, None, Cancelled)), (1, None, Confirmed), (true, Some(1), false));
        check_delivered(Some((1, Some(2), Confirmed)), (1, Some(2), Cancelled), (true, Some(1), true));
        check_delivered(Some((1, Some(2), Cancelled)), (5, None, Confirmed), (true, Some(1), false));
        // A revision tells.
        check_delivered(Some((1, Some(2), Confirmed)), (5, Some(3), Confirmed), (false, Some(5), true));
        check_delivered(Some((1, Some(2), Confirmed)), (5, Some(1), Cancelled), (false, Some(1), true));
    }

    #[test]
    fn of_two_deliveries_at_once_the_second_is_a_question() {
        let rows = [(1, booking(1, None, Confirmed)), (2, booking(1, None, Cancelled))];
        let rows = rows.map(|(minutes, booking)| row(minutes, Origin::Webhook, snapshot(booking)));
        assert!(must_ask(&empty(), &rows));
        assert!(!must_ask(&empty(), &rows[..1]));
        // Unless the source has been read since.
        let answer = row(3, Origin::FullRead, snapshot(booking(1, None, Confirmed)));
        assert!(!must_ask(&empty(), &[rows.to_vec(), vec![answer]].concat()));
    }

    #[test]
    fn an_echo_does_not_bring_back_what_is_gone() {
        let mut record = empty();
        let last = || row(1, Origin::Webhook, snapshot(booking(1, Some(7), Confirmed)));
        fold(&mut record, &[last()], None, 2);
        record.gone_at = Some(at(5));
        assert!(must_ask(&record, &[last()]));
        fold(&mut record, &[last()], None, 2);
        assert_eq!(record.gone_at, Some(at(5)));
        // Nor does a newer word, which may be older than the end: the source is asked.
        let newer = booking(1, Some(8), Confirmed);
        let rows = [row(6, Origin::Webhook, snapshot(newer.clone()))];
        assert!(must_ask(&record, &rows));
        fold(&mut record, &rows, Some((&Lookup::Found(Box::new(newer)), at(7))), 2);
        assert_eq!(record.gone_at, None);
    }

    /// A stay from day 1 is known by revision 7. Its source, asked at these minutes, answers these days and revisions:
    /// on which day the stay is held to begin after each.
    #[track_caller]
    fn check_answers(answers: &[(i64, u32, i64, u32)]) {
        let mut record = empty();
        fold(&mut record, &[row(0, Origin::Webhook, snapshot(booking(1, Some(7), Confirmed)))], None, 2);
        for (minutes, day, revision, expected) in answers {
            let answer = snapshot(booking(*day, Some(*revision), Confirmed));
            fold(&mut record, &[row(*minutes, Origin::FullRead, answer)], None, 2);
            let arrival = record.booking.as_ref().unwrap().dates.unwrap().arrival();
            let expected = NaiveDate::from_ymd_opt(2027, 3, *expected).unwrap();
            assert_eq!(arrival, expected, "{answers:?} at {minutes}");
        }
    }

    #[test]
    fn a_source_that_insists_on_an_older_revision_is_believed() {
        check_answers(&[(10, 5, 8, 5)]);
        // An old answer, for as long as any may be.
        check_answers(&[(10, 5, 6, 1), (729, 5, 6, 1), (730, 5, 6, 5), (740, 9, 6, 9)]);
        // One that agrees in between, by whatever revision, ends it.
        for revision in [6, 7] {
            check_answers(&[
                (10, 5, 6, 1),
                (100, 1, revision, 1),
                (190, 5, 6, 1),
                (909, 5, 6, 1),
                (910, 5, 6, 5),
            ]);
        }
        // What it says need not be the same each time.
        check_answers(&[(10, 5, 6, 1), (730, 9, 5, 9)]);
    }

    #[test]
    fn what_insists_brings_back_what_is_gone() {
        for day in [1, 5] {
            let mut record = empty();
            let rows = [
                row(0, Origin::Webhook, snapshot(booking(1, Some(7), Confirmed))),
                row(1, Origin::Webhook, hint(true)),
            ];
            fold(&mut record, &rows, Some((&Lookup::NotFound, at(2))), 2);
            for (minutes, gone) in [(10, true), (729, true), (730, false)] {
                fold(
                    &mut record,
                    &[row(minutes, Origin::FullRead, snapshot(booking(day, Some(6), Confirmed)))],
                    None,
                    2,
                );
                assert_eq!(record.gone_at.is_some(), gone, "{day} {minutes}");
            }
        }
    }

    #[test]
    fn an_answer_asked_for_before_the_loss_does_not_bring_a_booking_back() {
        for revision in [None, Some(7)] {
            let mut record = empty();
            let shown = |seconds| row(seconds, Origin::FullRead, snapshot(booking(1, revision, Confirmed)));
            fold(
                &mut record,
                &[shown(1), row(2, Origin::Webhook, hint(true))],
                Some((&Lookup::NotFound, at(4))),
                2,
            );
            assert_eq!(record.gone_at, Some(at(4)));
            fold(&mut record, &[shown(3)], None, 2);
            assert_eq!(record.gone_at, Some(at(4)), "{revision:?}");
            fold(&mut record, &[shown(5)], None, 2);
            assert_eq!(record.gone_at, None, "{revision:?}");
        }
    }

    #[test]
    fn an_echo_is_no_witness_against_a_deletion() {
        let mut record = empty();
        let last = row(1, Origin::Webhook, snapshot(booking(1, Some(7), Confirmed)));
        fold(&mut record, std::slice::from_ref(&last), None, 2);
        let rows = [row(2, Origin::Webhook, hint(true)), InboxRow { received_at: at(3), ..last }];
        fold(&mut record, &rows, Some((&Lookup::NotFound, at(4))), 2);
        assert_eq!(record.gone_at, Some(at(4)));
    }

    #[test]
    fn an_answer_in_a_full_read_settles_an_earlier_hint() {
        let answer = row(5, Origin::FullRead, snapshot(booking(1, None, Confirmed)));
        assert!(!must_ask(&empty(), &[row(4, Origin::Webhook, hint(false)), answer.clone()]));
        assert!(must_ask(&empty(), &[answer, row(6, Origin::Webhook, hint(false))]));
    }

    /// A stay that was 12 and is 34 now, or comes to be, hears this at last: what it is called, whether it holds, and
    /// whether its source must be asked first.
    #[track_caller]
    fn check_names(
        was: bool,
        origin: Origin,
        reference: &str,
        status: BookingStatus,
        expected: (&str, bool, bool),
    ) {
        let named = |text: &str, revision, status| Booking {
            reference: ExternalId::parse(text).unwrap(),
            ..booking(1, Some(revision), status)
        };
        let mut record = empty();
        fold(&mut record, &[row(1, Origin::Webhook, snapshot(named("12", 9, Confirmed)))], None, 2);
        if was {
            let renamed = [row(2, Origin::FullRead, snapshot(named("34", 1, Confirmed)))];
            rename(&mut record, &renamed);
            fold(&mut record, &renamed, None, 2);
        }
        let last = [row(3, origin, snapshot(named(reference, 5, status)))];
        rename(&mut record, &last);
        let asks = must_ask(&record, &last);
        fold(&mut record, &last, None, 2);
        let known = (record.reference.as_str(), record.cancelled_at.is_none(), asks);
        assert_eq!(known, expected, "{was} {origin:?} {reference} {status:?}");
        assert_eq!(record.booking.unwrap().reference.as_str(), expected.0);
    }

    #[test]
    fn d03_only_the_present_name_speaks_for_a_stay() {
        // Another name brings its own count of changes.
        check_names(false, Origin::Webhook, "34", Confirmed, ("34", true, false));
        check_names(false, Origin::Webhook, "12", Confirmed, ("12", true, false));
        check_names(true, Origin::Webhook, "34", Cancelled, ("34", false, false));
        // A former one says nothing, but may be asked about under the present one.
        check_names(true, Origin::Webhook, "12", Cancelled, ("34", true, true));
        check_names(true, Origin::Webhook, "12", Confirmed, ("34", true, true));
        check_names(true, Origin::FullRead, "12", Cancelled, ("34", true, false));
        // Unless the source, asked, shows the stay under it.
        check_names(true, Origin::FullRead, "12", Confirmed, ("12", true, false));
    }

    #[test]
    fn d03_a_deletion_of_a_former_name_is_no_witness() {
        let mut record = empty();
        fold(&mut record, &[row(1, Origin::Webhook, snapshot(booking(1, None, Confirmed)))], None, 2);
        let new = Event::Hint { reference: ExternalId::parse("34").unwrap(), deleted: false };
        for order in [[0, 1], [1, 0]] {
            let mut record = record.clone();
            let both = [row(2, Origin::Webhook, hint(true)), row(3, Origin::Webhook, new.clone())];
            let rows = order.map(|at: usize| both[at].clone());
            rename(&mut record, &rows);
            fold(&mut record, &rows, Some((&Lookup::NotFound, at(4))), 2);
            assert_eq!((record.gone_at, record.deleted_at, record.absences), (None, None, 0), "{order:?}");
            assert_eq!((record.reference.as_str(), record.former.len()), ("34", 1));
        }
    }

    #[test]
    fn not_found_needs_a_second_witness() {
        let known = || {
            let mut record = empty();
            fold(&mut record, &[row(1, Origin::Webhook, snapshot(booking(1, None, Confirmed)))], None, 2);
            record
        };
        let gone = |record: &mut BookingRecord, rows: &[InboxRow], minutes| {
            fold(record, rows, Some((&Lookup::NotFound, at(minutes))), 2);
            record.gone_at.is_some()
        };
        // A word from before the end that comes after it brings nothing back.
        let mut record = known();
        record.booking.iter_mut().for_each(|known| known.revision = Some(Revision(1)));
        assert!(gone(&mut record, &[row(2, Origin::Webhook, hint(true))], 3));
        let late = row(4, Origin::Webhook, snapshot(booking(1, Some(2), Confirmed)));
        assert!(must_ask(&record, std::slice::from_ref(&late)));
        assert!(gone(&mut record, &[late], 5));
        // A plain hint is no witness.
        let mut record = known();
        assert!(!gone(&mut record, &[row(2, Origin::Webhook, hint(false))], 3));
        // Two complete reads after the first "not found" are.
        assert!(!gone(&mut record, &[row(10, Origin::Absence, hint(false))], 11));
        assert!(gone(&mut record, &[row(20, Origin::Absence, hint(false))], 21));
        // So is a verified delete event.
        let mut record = known();
        assert!(gone(&mut record, &[row(2, Origin::Webhook, hint(true))], 3));
        // A delete event for a booking that the source still has is none.
        let mut record = known();
        let found = Lookup::Found(Box::new(booking(1, None, Confirmed)));
        fold(&mut record, &[row(2, Origin::Webhook, hint(true))], Some((&found, at(3))), 2);
        assert_eq!((record.gone_at, record.deleted_at), (None, None));
    }
}
