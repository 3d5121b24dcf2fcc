//! Windows: zones, clock changes, buffers, agreed times.

use booking_engine::Policy;
use booking_sim::smoobu::{BookingPatch, NewBooking};
use chrono::Duration;

use crate::house::{House, Plan, STUDIO, day, local, naive, stay};

#[test]
fn f02_reading_back_over_a_clock_change_shows_no_drift() {
    let house = House::new().restarted(|_| {});
    // 28 March 2027: clocks go forward.
    let id = house.book(stay(STUDIO, day(3, 27), day(3, 29)));
    house.pass_until(local(3, 29, 9, 0));
    assert_eq!((house.writes(), house.sms().len()), ((1, 0, 0), 1));
    assert!(!house.audit(id).iter().any(|entry| entry.what == "drift"));
}

#[test]
fn f06_buffers_are_applied_once_and_never_told() {
    let mut policy = Policy::default();
    policy.settle = Duration::zero();
    policy.buffer_before = Duration::minutes(90);
    policy.buffer_after = Duration::minutes(30);
    let house = House::with(Plan { policy, ..Plan::default() });
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    assert!(
        house.opens_at(STUDIO, &typed, local(3, 5, 13, 30))
            && !house.opens_at(STUDIO, &typed, local(3, 5, 13, 29))
    );
    assert!(
        house.opens_at(STUDIO, &typed, local(3, 8, 12, 29))
            && !house.opens_at(STUDIO, &typed, local(3, 8, 12, 30))
    );
    let text = &house.thread(id)[0];
    assert!(
        text.contains("15:00")
            && text.contains("12:00")
            && !text.contains("13:30")
            && !text.contains("12:30"),
        "{text}"
    );
    house.pass(Duration::hours(3));
    assert_eq!(house.writes(), (1, 0, 0));
}

#[test]
fn f08_an_agreed_early_check_in_moves_the_window_and_is_told() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.change(id, BookingPatch { check_in: Some(Some("13:00".into())), ..BookingPatch::default() });
    assert!(
        house.opens_at(STUDIO, &typed, local(3, 5, 13, 0))
            && !house.opens_at(STUDIO, &typed, local(3, 5, 12, 59))
    );
    assert_eq!(house.sms().len(), 2);
    assert!(house.sms()[1].contains("13:00"));
}

#[test]
fn f09_a_booking_made_after_its_own_check_in_works_at_once() {
    let house = House::new();
    house.pass_until(local(3, 1, 20, 0));
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 3)));
    let typed = house.typed(STUDIO, id).unwrap();
    assert!(house.opens_at(STUDIO, &typed, house.now()));
    assert_eq!(house.sms().len(), 1);
}

#[test]
fn f11_a_guest_three_days_early_stands_before_a_closed_door() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let typed = house.typed(STUDIO, id).unwrap();
    assert!(
        !house.opens_at(STUDIO, &typed, local(3, 2, 15, 0))
            && house.opens_at(STUDIO, &typed, local(3, 5, 15, 0))
    );
}

#[test]
fn f05_only_the_propertys_zone_matters() {
    // The engine runs on UTC throughout; what the lock holds is the property's wall time, winter and summer.
    for (month, at) in [(1, naive(1, 5, 15)), (7, naive(7, 5, 15))] {
        let house = House::new();
        let house = if month == 1 { house } else { house.restarted(|_| {}) };
        let (arrival, departure) = if month == 1 { (day(12, 5), day(12, 8)) } else { (day(7, 5), day(7, 8)) };
        let id = house.book(NewBooking { ..stay(STUDIO, arrival, departure) });
        let code = &house.ledger(id)[0];
        assert_eq!(code.window.start().time(), at.time());
        assert_eq!(house.codes(STUDIO)[0].hour_start, Some((15, 0)));
    }
}

#[test]
fn a_change_in_the_hour_that_comes_twice_is_taken_over_although_its_revision_went_back() {
    // 31 October 2027: `modifiedAt` carries no zone; by a local clock, as the simulator has it, what is dated 02:48 before
    // the clocks go back is older than what is dated 02:19.
    let (before, after) =
        (local(10, 31, 0, 0) + Duration::minutes(168), local(10, 31, 0, 0) + Duration::minutes(199));
    let house = House::new().restarted_at(before);
    let id = house.book(stay(STUDIO, day(11, 5), day(11, 8)));
    assert_eq!(house.codes(STUDIO).len(), 1);
    house.pass_until(after);
    house.cancel(id);
    // It looks like an old answer at first.
    house.pass(Duration::hours(11));
    assert_eq!(house.codes(STUDIO).len(), 1);
    house.pass(Duration::hours(3));
    assert_eq!(house.codes(STUDIO).len(), 0);
    assert!(house.audit(id).iter().any(|entry| entry.what == "booking-cancelled"));
}
