//! Vendors down, slow, limiting, talking nonsense: in the end the right codes, and each guest told once.

use booking_sim::{Fault, FaultKind, Operation, Vendor};
use chrono::Duration;

use crate::house::{House, LOFT, STUDIO, day, local, stay};

/// Every fault that any vendor may show, for an hour, each on every vendor.
#[test]
fn each_trouble_of_each_vendor_ends_in_the_right_code_told_once() {
    let slow = FaultKind::Delay(std::time::Duration::from_secs(45));
    let kinds = [
        FaultKind::Down,
        FaultKind::Status(500, "oops".into()),
        FaultKind::Status(503, "busy".into()),
        FaultKind::Status(403, "no".into()),
        FaultKind::Html200,
        FaultKind::Garbage,
        slow,
        FaultKind::DropBefore,
        FaultKind::DropAfter,
        FaultKind::ErrorAfterApply,
        FaultKind::RateLimit { seconds: 30, absolute: true },
        FaultKind::RateLimit { seconds: 30, absolute: false },
        FaultKind::TokenDies,
    ];
    for vendor in Vendor::ALL {
        for kind in &kinds {
            let house = House::new().restarted(|_| {});
            let until = house.now() + Duration::hours(1);
            house.sims().add_fault(Fault::new(vendor, kind.clone()).until(until));
            let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
            house.pass(Duration::hours(4));
            let got = (house.codes(STUDIO).len(), house.sms().len(), house.thread(id).len());
            let twice = house.messages(id).iter().filter(|message| message.maybe_twice).count();
            if twice == 0 {
                assert_eq!(got, (1, 1, 1), "{vendor:?} {kind:?}");
            } else {
                // What nobody could clear up for an hour may have been sent again, and is on record as that.
                assert!(got.0 == 1 && got.1 >= 1 && got.2 >= 1, "{vendor:?} {kind:?} {got:?}");
            }
            let typed = house.typed(STUDIO, id).unwrap();
            assert!(
                house.sms().iter().chain(&house.thread(id)).all(|text| text.contains(&typed)),
                "{vendor:?} {kind:?}"
            );
        }
    }
}

#[test]
fn l01_after_a_429_the_soonest_arrival_goes_first() {
    let house = House::new();
    let until = house.now() + Duration::minutes(10);
    house.sims().down_until(Vendor::TheKeys, until);
    let late = house.book(stay(STUDIO, day(3, 20), day(3, 22)));
    let soon = house.book(stay(LOFT, day(3, 2), day(3, 4)));
    house.pass(Duration::minutes(30));
    assert!(house.typed(STUDIO, late).is_some() && house.typed(LOFT, soon).is_some());
    let creates: Vec<String> = house
        .sims()
        .log()
        .iter()
        .filter(|call| call.operation == Operation::CreateCode && call.applied)
        .map(|call| call.target.clone())
        .collect();
    assert!(creates[0].contains("4422"), "{creates:?}");
}

#[test]
fn l04_what_waits_for_a_vendor_starts_when_it_is_back() {
    let house = House::new();
    let until = house.now() + Duration::hours(8);
    house.sims().down_until(Vendor::TheKeys, until);
    // Far away, so that its own back-off is long; and many, so that some wait longer than others.
    let ids: Vec<u64> =
        (0..6).map(|n| house.book(stay(STUDIO, day(4, 1 + 3 * n), day(4, 2 + 3 * n)))).collect();
    house.pass(Duration::hours(8) - Duration::seconds(1));
    assert!(house.codes(STUDIO).is_empty());
    house.pass(Duration::minutes(31));
    assert!(ids.iter().all(|id| house.typed(STUDIO, *id).is_some()));
}

#[test]
fn l05_a_poison_booking_keeps_no_other_from_its_code() {
    let house = House::new();
    let poison = house.sims().smoobu.create_booking(house.now(), stay(STUDIO, day(3, 5), day(3, 8)));
    let path = format!("/api/reservations/{poison}");
    house.sims().add_fault(Fault::new(Vendor::Smoobu, FaultKind::Garbage).on_path(&http::Method::GET, &path));
    house.settle();
    let good = house.book(stay(LOFT, day(3, 5), day(3, 8)));
    house.pass(Duration::hours(1));
    assert!(house.typed(LOFT, good).is_some());
    assert!(house.typed(STUDIO, poison).is_none());
    assert!(house.audit(poison).iter().any(|entry| entry.what == "source-failed"));
    house.sims().clear_faults();
    house.pass(Duration::hours(1));
    assert!(house.typed(STUDIO, poison).is_some());
}

#[test]
fn staff_hears_of_a_door_out_of_reach_before_somebody_arrives_there() {
    let house = House::new().restarted(|_| {});
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let later = house.book(stay(STUDIO, day(3, 20), day(3, 22)));
    house.pass_until(local(3, 4, 20, 0));
    let until = local(3, 5, 12, 0);
    house.sims().down_until(Vendor::TheKeys, until);
    house.pass(Duration::minutes(30));
    assert!(house.alerts(id).is_empty());
    house.pass(Duration::hours(5));
    assert_eq!(house.alerts(id), ["door-unreadable"]);
    assert!(house.alerts(later).is_empty());
    house.pass_until(until + Duration::hours(2));
    assert!(house.alerts(id).is_empty());
}

#[test]
fn a_source_that_keeps_failing_is_staffs_to_know_until_it_is_back() {
    let house = House::new().restarted(|_| {});
    house.settle();
    let until = house.now() + Duration::hours(3);
    house.sims().down_until(Vendor::Smoobu, until);
    house.pass(Duration::minutes(40));
    assert!(house.tenant_alerts().is_empty());
    house.pass(Duration::hours(2));
    assert_eq!(house.tenant_alerts(), ["source-failing"]);
    house.pass(Duration::hours(2));
    assert!(house.tenant_alerts().is_empty());
}
