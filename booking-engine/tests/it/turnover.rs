//! Guests who come and go on one day.

use booking_core::conformance::block_on;
use booking_core::{Booking, Clock as _, DoorRules, Guest, Proof, Revision, StayDates, VendorCodeId};
use chrono::{Duration, NaiveTime};

use crate::house::{day, local};
use crate::tenants::{Street, key, reference};

fn at(hour: u32) -> Option<NaiveTime> {
    NaiveTime::from_hms_opt(hour, 0, 0)
}

/// Two stays of one flat, the first until 8 March, the second from then on.
fn neighbours(out: Option<u32>, back: Option<u32>, ahead: i64) -> [Booking; 2] {
    let shift = Duration::days(ahead);
    let stay = |text: &str, from: u32, to: u32| Booking {
        guest: Guest { name: Some(format!("Guest {text}")), ..Guest::default() },
        dates: Ok(StayDates::new(day(3, from) + shift, day(3, to) + shift).unwrap()),
        ..Street::booking(text)
    };
    let first = Booking { check_out: out.and_then(at), ..stay("1", 5, 8) };
    let second = Booking { check_in: back.and_then(at), ..stay("2", 8, 10) };
    [first, second]
}

fn street(stays: [Booking; 2]) -> Street {
    let street = Street::new(&["flat"], &DoorRules::new(4));
    stays.into_iter().for_each(|booking| street.sides[0].source.put(booking));
    block_on(street.engine.start()).unwrap();
    street.pass(Duration::minutes(1));
    street
}

/// Which bookings have a conflict open.
fn conflicts(street: &Street) -> Vec<String> {
    let alerts = street.open_alerts().into_iter().filter(|alert| alert.kind == "turnover-conflict");
    let named = alerts.map(|alert| {
        let stay = alert.stay.expect("an alert of a stay");
        ["1", "2"].into_iter().find(|text| street.known(0, text).as_ref() == Some(&stay)).unwrap().to_owned()
    });
    named.collect()
}

/// Check-out and check-in hours on the day of the change, how many days ahead it all is, and who has a conflict.
#[track_caller]
fn check(out: Option<u32>, back: Option<u32>, ahead: i64, expected: &[&str]) {
    let street = street(neighbours(out, back, ahead));
    assert_eq!(conflicts(&street), expected, "{out:?} {back:?} {ahead}");
}

#[test]
fn g02_a_late_check_out_that_meets_an_early_check_in_is_reported_before_arrival() {
    check(Some(14), Some(13), 0, &["2"]);
    check(None, Some(11), 0, &["2"]);
    check(Some(16), None, 0, &["2"]);
    // One goes as the other comes.
    check(None, None, 0, &[]);
    check(Some(13), Some(13), 0, &[]);
    // There is time enough to mend it.
    check(Some(14), Some(13), 30, &[]);
}

#[test]
fn g02_a_conflict_is_over_when_the_times_are_mended() {
    let street = street(neighbours(Some(14), Some(13), 0));
    // What the later stay's own work finds says nothing about its neighbour.
    street.tells("2");
    street.pass(Duration::hours(1));
    assert_eq!(conflicts(&street), ["2"]);
    street.sides[0].source.change(&reference("2"), |booking| {
        booking.check_in = at(15);
        booking.revision = Some(Revision(2));
    });
    street.tells("2");
    street.pass(Duration::minutes(31));
    assert!(conflicts(&street).is_empty());
    street.sides[0].source.change(&reference("2"), |booking| booking.check_in = at(12));
    street.sides[0].source.change(&reference("1"), |booking| booking.check_out = at(16));
    street.pass(Duration::minutes(31));
    assert_eq!(conflicts(&street), ["2"]);
    street.sides[0].source.cancel(&reference("1"));
    street.pass(Duration::minutes(31));
    assert!(conflicts(&street).is_empty());
}

#[test]
fn g03_opening_a_door_changes_nothing() {
    let street = street(neighbours(None, None, 0));
    street.pass(Duration::days(5));
    assert!(street.clock.now() > local(3, 6, 11, 0));
    let lock = &street.sides[0].lock;
    let ids =
        || -> Vec<VendorCodeId> { lock.codes_on(&key("flat")).into_iter().map(|code| code.id).collect() };
    let (before, writes, told) = (ids(), lock.writes(), street.sides[0].notifier.sent().len());
    for mut code in lock.codes_on(&key("flat")) {
        code.proof = Proof::Used;
        assert!(lock.put(&key("flat"), code));
    }
    street.pass(Duration::hours(20));
    assert_eq!((ids(), lock.writes(), street.sides[0].notifier.sent().len()), (before, writes, told));
    assert!(street.alert_kinds().is_empty(), "{:?}", street.alert_kinds());
}
