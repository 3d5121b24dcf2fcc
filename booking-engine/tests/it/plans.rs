//! Plans that are reviewed before they are applied.

use booking_core::conformance::block_on;
use booking_core::store::{PlanRecord, PlanState};
use booking_engine::{Draft, Mode, Scope};
use booking_sim::smoobu::BookingPatch;
use chrono::Duration;

use crate::house::{House, Plan, STUDIO, day, stay, tenant_slug};

fn house(mode: Mode) -> House {
    House::with(Plan { mode, ..Plan::default() }).restarted(|_| {})
}

fn draft(house: &House, scope: &Scope) -> Draft {
    let tenant = house.engine.tenant(&tenant_slug()).unwrap().clone();
    block_on(house.engine.draft(&tenant, scope, &|_| {})).unwrap()
}

fn apply(house: &House, plan: &str) -> (usize, usize) {
    let applied = block_on(house.engine.apply(&tenant_slug(), plan)).unwrap();
    house.settle();
    (applied.approved, applied.left)
}

fn reviewed(house: &House, plan: &str) -> Vec<PlanRecord> {
    block_on(house.engine.reviewed(&tenant_slug(), plan)).unwrap()
}

fn words(draft: &Draft) -> Vec<String> {
    let steps = draft.stays.iter().flat_map(|stay| &stay.steps);
    steps.map(|step| format!("{}{}", step.what, if step.later { " later" } else { "" })).collect()
}

#[test]
fn n01_given_differences_when_a_dry_run_is_asked_then_writes_and_messages_are_listed_and_nothing_is_written()
{
    let house = house(Mode::Observe);
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let draft = draft(&house, &Scope::Tenant);
    assert_eq!(words(&draft), ["create", "tell later", "tell later"]);
    assert_eq!(draft.looked_at, 1);
    house.pass(Duration::hours(2));
    assert_eq!(house.writes(), (0, 0, 0));
    assert!(house.sms().is_empty());
}

#[test]
fn n02_given_a_reviewed_plan_when_it_is_applied_then_exactly_it_runs() {
    let house = house(Mode::Observe);
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let draft = draft(&house, &Scope::Tenant);
    let digits = draft.stays[0].pins[0].1.typed.expose().to_owned();
    assert_eq!(apply(&house, &draft.id), (1, 0));
    assert_eq!(house.writes(), (1, 0, 0));
    assert_eq!(house.typed(STUDIO, id), Some(digits.clone()), "the digits that were drawn for the review");
    assert!(house.sms()[0].contains(&digits));
    assert_eq!(reviewed(&house, &draft.id)[0].state, PlanState::Applied);
    // A second time there is nothing left to approve, and the tenant is observed as before.
    assert_eq!(apply(&house, &draft.id), (0, 1));
    house.change(id, BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() });
    assert_eq!(house.writes(), (1, 0, 0));
}

#[test]
fn n02_given_a_reviewed_plan_when_the_world_has_moved_then_it_is_refused_and_says_what_moved() {
    type Moves = fn(&House, u64);
    let moves: [(&str, Moves); 3] = [
        ("changed: booking", |house, id| {
            house.change(id, BookingPatch { departure: Some(day(3, 9)), ..BookingPatch::default() });
        }),
        ("no longer: create", |house, id| house.cancel(id)),
        ("its time is over", |house, _| house.pass(Duration::minutes(61))),
    ];
    for (why, moves) in moves {
        let house = house(Mode::Observe);
        let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
        let draft = draft(&house, &Scope::Tenant);
        moves(&house, id);
        let _ = apply(&house, &draft.id);
        assert_eq!(house.writes(), (0, 0, 0), "{why}");
        assert!(house.sms().is_empty(), "{why}");
        let record = &reviewed(&house, &draft.id)[0];
        let refused =
            record.state == PlanState::Refused && record.moved.iter().any(|moved| moved.starts_with(why));
        assert!(refused || why == "its time is over", "{why}: {:?}", record.moved);
    }
}

#[test]
fn n02_given_a_plan_half_applied_when_the_host_dies_then_the_next_one_ends_it_and_tells_once() {
    let house = house(Mode::Observe);
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    let draft = draft(&house, &Scope::Tenant);
    assert_eq!(block_on(house.engine.apply(&tenant_slug(), &draft.id)).unwrap().approved, 1);
    house.die_after(booking_sim::Operation::CreateCode);
    let house = house.restarted(|_| {});
    house.outlive_leases();
    house.pass(Duration::minutes(30));
    assert_eq!(house.writes(), (1, 0, 0));
    assert_eq!(house.sms().len(), 1);
    assert_eq!(reviewed(&house, &draft.id)[0].state, PlanState::Applied);
}

#[test]
fn n03_given_upsert_only_when_a_plan_with_a_removal_is_applied_then_just_that_is_removed() {
    let house = house(Mode::UpsertOnly);
    let id = house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.cancel(id);
    house.pass(Duration::hours(1));
    assert_eq!(house.codes(STUDIO).len(), 1, "reported, not removed");
    let draft = draft(&house, &Scope::Stay(house.booking_id(id)));
    assert_eq!(words(&draft), ["delete"]);
    assert_eq!(apply(&house, &draft.id), (1, 0));
    assert!(house.codes(STUDIO).is_empty());
    assert_eq!(reviewed(&house, &draft.id)[0].state, PlanState::Applied);
}

#[test]
fn n02_given_two_stays_on_one_door_when_their_plan_is_applied_then_neither_moves_the_other() {
    let house = house(Mode::Observe);
    house.book(stay(STUDIO, day(3, 5), day(3, 8)));
    house.book(stay(STUDIO, day(3, 8), day(3, 11)));
    let draft = draft(&house, &Scope::Unit(booking_core::UnitId::parse("studio-a").unwrap()));
    assert_eq!(draft.stays.len(), 2);
    assert_eq!(apply(&house, &draft.id), (2, 0));
    assert_eq!(house.codes(STUDIO).len(), 2);
    assert!(reviewed(&house, &draft.id).iter().all(|record| record.state == PlanState::Applied));
}
