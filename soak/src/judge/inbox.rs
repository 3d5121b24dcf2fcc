//! Whether what was acknowledged is in the inbox.

use booking_core::store::{InboxRow, Origin};
use booking_core::{Booking, BookingStatus, Event, UnitRef};
use chrono::TimeDelta;
use serde_json::Value;

use crate::journal::Owed;

/// How exactly a host's clock is known.
const SLACK: TimeDelta = TimeDelta::milliseconds(200);

/// What was acknowledged and is not in the inbox. Each has a row of its own, that came while it was under way and says
/// what it said.
pub(super) fn missing<'a>(owed: &'a [Owed], inbox: &[InboxRow]) -> Vec<&'a Owed> {
    let mut open: Vec<&Owed> = owed.iter().collect();
    let mut rows: Vec<&InboxRow> = inbox.iter().filter(|row| row.origin == Origin::Webhook).collect();
    rows.sort_by_key(|row| row.received_at);
    for row in rows {
        // The one that has to be found first: so none goes without a row where all could have one.
        let fitting = open.iter().enumerate().filter(|(_, owed)| is_of(row, owed));
        if let Some((place, _)) = fitting.min_by_key(|(_, owed)| owed.to) {
            open.swap_remove(place);
        }
    }
    open.sort_by_key(|owed| owed.from);
    open
}

fn is_of(row: &InboxRow, owed: &Owed) -> bool {
    let reference = row.event.as_ref().and_then(Event::reference).map_or("", |reference| reference.as_str());
    (row.action.as_str(), reference) == (&owed.action, &owed.reference)
        && (owed.from - SLACK..=owed.to + SLACK).contains(&row.received_at)
        && match &row.event {
            Some(Event::Snapshot(booking)) => says(booking, &owed.data),
            // A hint says no more than which booking it is about.
            _ => true,
        }
}

/// Whether a booking is as a webhook told it.
fn says(booking: &Booking, data: &Value) -> bool {
    let unit = data["apartment"]["id"].as_u64().map(|id| id.to_string());
    let cancelled = booking.status == BookingStatus::Cancelled;
    booking.dates.is_ok_and(|dates| {
        data["arrival"] == dates.arrival().to_string() && data["departure"] == dates.departure().to_string()
    }) && booking.unit.as_ref().map(UnitRef::as_str) == unit.as_deref()
        && (data["type"] == "cancellation") == cancelled
}

#[cfg(test)]
mod tests {
    use booking_core::{BookingKind, ExternalId, Guest, IntegrationName, StayDates};
    use chrono::{Days, NaiveDate};
    use serde_json::json;

    use super::*;
    use crate::judge::tests::at;
    use crate::town;

    /// An update that was acknowledged: when it was sent and answered, in seconds, and how many nights it tells of.
    type Told = (i64, i64, u64);

    fn first() -> NaiveDate {
        at().date_naive()
    }

    fn owed((from, to, nights): Told) -> Owed {
        let second = |seconds| at() + TimeDelta::seconds(seconds);
        let data = json!({"id": 7, "type": "reservation", "apartment": {"id": 500_003},
            "arrival": first().to_string(), "departure": (first() + Days::new(nights)).to_string()});
        let (action, reference) = ("updateReservation".to_owned(), "7".to_owned());
        Owed { action, reference, data, from: second(from), to: second(to) }
    }

    fn row((seconds, nights): (i64, Option<u64>)) -> InboxRow {
        let reference = ExternalId::parse("7").unwrap();
        let event = match nights {
            None => Event::Hint { reference, deleted: false },
            Some(nights) => Event::Snapshot(Box::new(Booking {
                reference,
                unit: Some(UnitRef::parse("500003").unwrap()),
                unit_name: None,
                kind: BookingKind::Stay,
                status: BookingStatus::Confirmed,
                guest: Guest::default(),
                dates: Ok(StayDates::new(first(), first() + Days::new(nights)).unwrap()),
                check_in: None,
                check_out: None,
                revision: None,
            })),
        };
        InboxRow {
            number: 1,
            tenant: town::tenant(),
            integration: IntegrationName::parse("smoobu").unwrap(),
            origin: Origin::Webhook,
            action: "updateReservation".to_owned(),
            work: None,
            event: Some(event),
            received_at: at() + TimeDelta::seconds(seconds),
            read_at: None,
        }
    }

    /// What was acknowledged, when what came into the inbox, and when what is missing was sent.
    fn check(acknowledged: &[Told], inbox: &[(i64, Option<u64>)], expected: &[i64]) {
        let owed: Vec<_> = acknowledged.iter().copied().map(owed).collect();
        let inbox: Vec<_> = inbox.iter().copied().map(row).collect();
        let found: Vec<_> =
            missing(&owed, &inbox).iter().map(|owed| (owed.from - at()).num_seconds()).collect();
        assert_eq!(found, expected, "{acknowledged:?} {inbox:?}");
    }

    #[test]
    fn each_acknowledged_webhook_has_a_row_of_its_own() {
        check(&[(0, 5, 1)], &[(3, None)], &[]);
        check(&[(0, 5, 1)], &[], &[0]);
        check(&[(0, 5, 1), (1, 6, 2)], &[(3, None)], &[1]);
        check(&[(0, 5, 1), (1, 6, 2)], &[(3, None), (4, None)], &[]);
        // The earlier row is the one that only the first can have.
        check(&[(0, 20, 1), (2, 10, 2)], &[(15, None), (8, None)], &[]);
    }

    #[test]
    fn a_row_of_another_webhook_makes_up_for_none() {
        // One that nobody answered was kept, a minute before the one that is lost.
        check(&[(60, 65, 2)], &[(3, None)], &[60]);
        check(&[(60, 65, 2)], &[(62, Some(1))], &[60]);
        check(&[(60, 65, 2)], &[(62, Some(2))], &[]);
        check(&[(60, 65, 2), (60, 65, 3)], &[(62, Some(3)), (62, Some(2))], &[]);
        check(&[(60, 65, 2), (60, 65, 3)], &[(62, Some(3)), (62, Some(3))], &[60]);
    }
}
