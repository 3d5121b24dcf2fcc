//! PINs: unique on the door, kept for the guest, never weak.

use std::collections::BTreeSet;

use booking_core::Pin;
use booking_engine::pin::is_weak;
use booking_sim::smoobu::BookingPatch;
use booking_sim::thekeys::Share;
use chrono::Duration;

use crate::house::{House, Plan, STUDIO, day, keypad, stay};

#[test]
fn e03_e04_no_two_live_codes_on_a_door_share_a_pin() {
    let house = House::new();
    let ids: Vec<u64> = (0..60).map(|_| house.book(stay(STUDIO, day(3, 5), day(3, 8)))).collect();
    let pins: BTreeSet<String> = ids.iter().map(|id| house.typed(STUDIO, *id).unwrap()).collect();
    assert_eq!(pins.len(), ids.len());
    assert!(pins.iter().all(|typed| !is_weak(&Pin::parse(&typed[2..]).unwrap())));
}

#[test]
fn a_staff_code_on_the_door_is_never_given_to_a_guest() {
    for seed in 0..2 {
        let house = House::with(Plan { seed, ..Plan::default() });
        let (lock, keypad, _) = keypad(STUDIO);
        let now = house.now();
        // Every PIN but those that end in 7 is taken.
        let taken: BTreeSet<String> =
            (0..10_000).map(|n| format!("{n:04}")).filter(|pin| !pin.ends_with('7')).collect();
        for pin in &taken {
            house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Staff", pin));
        }
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        assert!(house.typed(STUDIO, id).unwrap().ends_with('7'));
    }
}

#[test]
fn e08_a_corrected_phone_number_changes_no_pin() {
    let house = House::new();
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let typed = house.typed(STUDIO, id);
    house.change(id, BookingPatch { phone: Some(Some("+49 170 0000001".into())), ..BookingPatch::default() });
    house.pass(Duration::hours(2));
    assert_eq!(house.typed(STUDIO, id), typed);
}

#[test]
fn e11_with_every_pin_taken_the_failure_is_loud_and_live_codes_stay() {
    let house = House::new();
    let (lock, keypad, _) = keypad(STUDIO);
    let now = house.now();
    for n in 0..10_000 {
        house.sims().thekeys.plant_share(now, Share::permanent(lock, keypad, "Staff", &format!("{n:04}")));
    }
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    assert_eq!(house.alerts(id), ["pin-space-exhausted"]);
    assert_eq!((house.codes(STUDIO).len(), house.writes(), house.sms().len()), (10_000, (0, 0, 0), 0));
}

#[test]
fn a_pin_that_the_keypad_refuses_is_replaced_by_another() {
    let house = House::new();
    house.sims().thekeys.lock_mut(keypad(STUDIO).0).unwrap().refuse_duplicates = true;
    let ids: Vec<u64> = (0..5).map(|_| house.book(stay(STUDIO, day(3, 5), day(3, 8)))).collect();
    assert!(ids.iter().all(|id| house.typed(STUDIO, *id).is_some()));
}
