//! Cancellations, vanished bookings, expired codes.

use booking_core::store::CodeState;
use booking_core::{DoorRules, StayDates};
use booking_engine::{CancelInHouse, Policy};
use booking_sim::smoobu::{BookingPatch, WebhookMode};
use chrono::Duration;

use crate::house::{House, Plan, STUDIO, day, local, stay};
use crate::inn::{Inn, Layout};

#[test]
fn h01_a_cancelled_coming_stay_loses_its_code_and_a_read_proves_it() {
    for by_update in [false, true] {
        let house = House::new();
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        let now = house.now();
        if by_update {
            assert!(house.sims().smoobu.cancel_by_update(now, id));
            house.settle();
        } else {
            house.cancel(id);
        }
        assert!(house.codes(STUDIO).is_empty());
        assert_eq!(house.ledger(id)[0].state, CodeState::Removed);
        // Silent: the booking system tells its guest of the cancellation.
        assert_eq!(house.sms().len(), 1);
    }
}

#[test]
fn a_deleted_booking_loses_its_code_by_the_event_and_a_not_found() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let now = house.now();
    assert!(house.sims().smoobu.delete(now, id));
    house.settle();
    assert!(house.codes(STUDIO).is_empty());
}

#[test]
fn h03_a_cancellation_while_webhooks_were_lost_is_found_by_the_full_read() {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.sims().smoobu.set_webhook_mode(WebhookMode::Lost);
    house.cancel(id);
    assert_eq!(house.codes(STUDIO).len(), 1);
    house.pass(Duration::minutes(31));
    assert!(house.codes(STUDIO).is_empty());
}

#[test]
fn c02_a_booking_that_is_missing_once_keeps_its_code() {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert!(house.sims().smoobu.vanish(id));
    house.pass(Duration::minutes(31));
    assert_eq!(house.codes(STUDIO).len(), 1);
    assert_eq!(house.alerts(id), ["gone-unconfirmed"]);
    house.pass(Duration::minutes(31));
    assert_eq!(house.codes(STUDIO).len(), 1);
    // Missing from two complete reads after the source said "not found".
    house.pass(Duration::minutes(31));
    assert!(house.codes(STUDIO).is_empty());
}

#[test]
fn c03_a_guest_in_the_house_keeps_the_code_when_the_booking_vanishes() {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 1), day(3, 4)));
    let typed = house.typed(STUDIO, id).unwrap();
    house.pass_until(local(3, 2, 9, 0));
    assert!(house.sims().smoobu.vanish(id));
    house.pass_until(local(3, 4, 11, 0));
    assert!(house.opens_at(STUDIO, &typed, local(3, 4, 11, 0)));
    assert!(house.alerts(id).contains(&"vanished-in-house".to_owned()), "{:?}", house.alerts(id));
    house.pass_until(local(3, 4, 13, 0));
    assert!(house.codes(STUDIO).is_empty());
}

#[test]
fn h04_a_cancellation_in_the_house_keeps_the_code_and_alerts_staff_unless_policy_says_otherwise() {
    for (cancel_in_house, codes) in [(CancelInHouse::Keep, 1), (CancelInHouse::Remove, 0)] {
        let mut policy = Policy::default();
        policy.settle = Duration::zero();
        policy.cancel_in_house = cancel_in_house;
        let house = House::with(Plan { policy, ..Plan::default() });
        let id = house.book(stay(STUDIO, day(3, 1), day(3, 4)));
        house.pass_until(local(3, 2, 9, 0));
        house.cancel(id);
        house.pass(Duration::hours(1));
        assert_eq!(house.codes(STUDIO).len(), codes, "{cancel_in_house:?}");
        assert_eq!(house.alerts(id), ["cancelled-in-house"]);
        house.pass_until(local(3, 4, 13, 0));
        assert!(house.codes(STUDIO).is_empty());
        assert!(house.alerts(id).is_empty());
    }
}

/// A guest in the house until the 4th whose booking gets another end and is cancelled before anybody has looked.
#[track_caller]
fn check_kept(end: u32, kept_until: u32) {
    let inn = Inn::new(Layout::flat(DoorRules::new(4)));
    inn.book("1", "flat", day(3, 1), day(3, 4));
    inn.pass_until(local(3, 2, 9, 0));
    inn.edit("1", |booking| booking.dates = Ok(StayDates::new(day(3, 1), day(3, end)).unwrap()));
    inn.cancel("1");
    inn.pass_until(local(3, kept_until, 11, 55));
    let known = (inn.codes("flat", "1").len(), inn.trouble().contains(&"cancelled-in-house".to_owned()));
    assert_eq!(known, (1, true), "{end}");
    inn.pass_until(local(3, kept_until, 13, 0));
    assert!(inn.codes("flat", "1").is_empty(), "{end}");
}

#[test]
fn h04_a_guest_in_the_house_is_kept_until_the_later_of_two_ends() {
    for (end, kept_until) in [(4, 4), (6, 6), (3, 4)] {
        check_kept(end, kept_until);
    }
}

#[test]
fn h06_an_expired_code_is_removed_and_the_record_keeps_the_proof() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 2), day(3, 4)));
    house.pass_until(local(3, 4, 12, 5));
    assert!(house.codes(STUDIO).is_empty());
    let code = &house.ledger(id)[0];
    assert_eq!(code.state, CodeState::Removed);
    assert!(code.proof_at >= local(3, 4, 12, 0));
}

#[test]
fn a_stay_with_reversed_dates_gives_no_code_and_alerts_staff_until_it_is_mended() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 8), day(3, 5)));
    assert!(house.codes(STUDIO).is_empty() && house.sms().is_empty());
    assert_eq!(house.alerts(id), ["unusable-dates"]);
    house.change(id, BookingPatch { arrival: Some(day(3, 4)), ..BookingPatch::default() });
    assert_eq!((house.codes(STUDIO).len(), house.sms().len()), (1, 1));
    // In the house, a broken date takes nothing away.
    house.change(id, BookingPatch { arrival: Some(day(3, 9)), ..BookingPatch::default() });
    assert_eq!((house.codes(STUDIO).len(), house.sms().len()), (1, 1));
    assert_eq!(house.alerts(id), ["unusable-dates"]);
}
