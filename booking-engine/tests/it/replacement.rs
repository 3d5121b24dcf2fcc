//! A door gets another lock, or another name: codes move, and nobody hears what does not concern them.

use booking_core::conformance::{On, Planted, Trouble};
use booking_core::store::{CodeState, MessageKind, Places};
use booking_core::{DoorRules, Proof};
use chrono::Duration;

use crate::house::{day, local};
use crate::inn::{Entrance, Inn, Layout, entrance, key};

/// One flat, and a second keypad of another account in the cellar.
fn inn(rules: DoorRules) -> Inn {
    let mut layout = Layout::flat(rules.clone());
    layout.keypads.push(("other", "new", rules));
    let inn = Inn::new(layout);
    inn.book("1", "flat", day(3, 1), day(3, 8));
    inn.book("2", "flat", day(3, 9), day(3, 12));
    inn.pass(Duration::hours(1));
    inn
}

/// A lock whose lists lag behind its writes for up to half an hour.
fn slow() -> DoorRules {
    let mut rules = DoorRules::new(4);
    rules.settle = std::time::Duration::from_secs(30 * 60);
    rules
}

fn replaced(layout: &mut Layout) {
    layout.doors = vec![Entrance { account: "other", keypad: "new", ..entrance("flat") }];
}

/// Restarts until nothing changes any more, and holds that a run after that does nothing.
#[track_caller]
fn comes_to_rest(inn: Inn) -> Inn {
    inn.pass(Duration::hours(2));
    let done = inn.done();
    let inn = inn.restarted(|_| {});
    inn.pass(Duration::hours(2));
    ["1", "2"].iter().for_each(|text| inn.poke(text));
    assert_eq!(inn.done(), done);
    inn
}

#[test]
fn k07_a_replaced_lock_gets_the_same_pin_before_the_old_one_loses_it_and_nobody_hears() {
    let inn = inn(slow());
    let pins = ["1", "2"].map(|text| inn.pin("flat", text));
    let told = inn.guests.sent().len();
    // The new lock cannot be reached yet: the old one keeps everything.
    inn.account("other").plant(Planted::new(Trouble::ServerError));
    let inn = inn.restarted(replaced);
    inn.pass(Duration::hours(1));
    assert_eq!((inn.on("flat").len(), inn.on("new").len()), (2, 0));
    // It takes codes, and does not show them yet.
    inn.account("other").mend();
    inn.account("other").set_lag(Duration::minutes(20));
    inn.pass(Duration::minutes(15));
    assert_eq!(inn.on("flat").len(), 2, "the old code went before the new one was proven");
    inn.pass(Duration::hours(1));
    assert_eq!(["1", "2"].map(|text| inn.pin("new", text)), pins);
    assert!(inn.on("flat").is_empty());
    assert_eq!(inn.guests.sent().len(), told);
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    comes_to_rest(inn);
}

#[test]
fn k07_another_prefix_is_told_before_the_old_lock_forgets() {
    let inn = inn(DoorRules::new(4));
    let pins = ["1", "2"].map(|text| inn.pin("flat", text));
    inn.guests.plant(Planted::new(Trouble::ServerError).on(On::Writes));
    let inn = inn.restarted(|layout| {
        replaced(layout);
        layout.doors[0].prefix = Some("77");
    });
    inn.pass(Duration::minutes(30));
    assert_eq!((inn.on("flat").len(), inn.on("new").len()), (2, 2), "nobody could be told yet");
    inn.guests.mend();
    inn.pass(Duration::hours(2));
    assert!(inn.on("flat").is_empty());
    for (text, pin) in ["1", "2"].into_iter().zip(pins) {
        assert_eq!(inn.pin("new", text), pin);
        let told = inn.told(text);
        assert_eq!(told.len(), 2);
        assert!(told[1].contains(&format!("77{pin}")), "{}", told[1]);
        assert_eq!(inn.messages(text).last().unwrap().kind, MessageKind::CodeChanged);
    }
    comes_to_rest(inn);
}

#[test]
fn n05_a_replacement_that_is_interrupted_goes_on_where_it_was() {
    // The restart comes after so many calls of the new lock, or while its answers are lost.
    for steps in 0..6 {
        for trouble in [Trouble::NoAnswer, Trouble::AnswerLost] {
            let inn = inn(DoorRules::new(4));
            let pins = ["1", "2"].map(|text| inn.pin("flat", text));
            let told = inn.guests.sent().len();
            let inn = inn.restarting(replaced);
            for _ in 0..steps {
                let lease =
                    booking_core::conformance::block_on(inn.engine.claim(&Places::free(1))).unwrap().pop();
                let Some(lease) = lease else { break };
                let _ = booking_core::conformance::block_on(inn.engine.work(lease)).unwrap();
            }
            inn.account("other").plant(Planted::new(trouble).on(On::Writes).times(2));
            let inn = inn.restarted(|_| {});
            let inn = comes_to_rest(inn);
            assert_eq!(["1", "2"].map(|text| inn.pin("new", text)), pins, "{steps} {trouble:?}");
            assert!(inn.on("flat").is_empty(), "{steps} {trouble:?}");
            assert_eq!(inn.guests.sent().len(), told, "{steps} {trouble:?}");
        }
    }
}

#[test]
fn n05_a_replacement_taken_back_halfway_leaves_everything_as_it_was() {
    let inn = inn(slow());
    let pins = ["1", "2"].map(|text| inn.pin("flat", text));
    let told = inn.guests.sent().len();
    let doors = inn.layout.doors.clone();
    inn.account("other").set_lag(Duration::minutes(20));
    let inn = inn.restarted(replaced);
    inn.pass(Duration::minutes(5));
    let inn = inn.restarted(|layout| layout.doors = doors);
    let inn = comes_to_rest(inn);
    assert_eq!(["1", "2"].map(|text| inn.pin("flat", text)), pins);
    assert!(inn.on("new").is_empty());
    assert_eq!(inn.guests.sent().len(), told);
}

#[test]
fn k07_a_dead_lock_does_not_hold_up_the_new_one_and_staff_writes_it_off() {
    let inn = inn(DoorRules::new(4));
    let pins = ["1", "2"].map(|text| inn.pin("flat", text));
    let told = inn.guests.sent().len();
    inn.lock().plant(Planted::new(Trouble::NoAnswer));
    let inn = inn.restarted(replaced);
    inn.pass(Duration::hours(3));
    assert_eq!(["1", "2"].map(|text| inn.pin("new", text)), pins);
    assert_eq!(inn.guests.sent().len(), told);
    assert!(inn.trouble().contains(&"former-keypad".to_owned()), "{:?}", inn.alerts());
    // It stays open, even when the stays are over, until somebody says that the lock is gone for good.
    inn.pass_until(local(3, 14, 12, 0));
    assert!(inn.trouble().contains(&"former-keypad".to_owned()), "{:?}", inn.alerts());
    let inn = inn.restarted(|layout| layout.retired = vec!["flat"]);
    inn.pass(Duration::hours(1));
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    for text in ["1", "2"] {
        assert!(inn.ledger(text).iter().all(|code| code.state == CodeState::Removed));
    }
}

#[test]
fn k07_a_lock_written_off_before_it_was_reached_is_never_called_again() {
    let inn = inn(DoorRules::new(4));
    let inn = inn.restarted(|layout| {
        replaced(layout);
        layout.retired = vec!["flat"];
    });
    let calls = (inn.lock().reads(), inn.lock().writes());
    inn.pass(Duration::days(14));
    assert_eq!((inn.lock().reads(), inn.lock().writes()), calls);
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
}

#[test]
fn k07_a_door_that_is_only_renamed_changes_nothing() {
    let mut layout = Layout::behind(vec![("house", DoorRules::new(4)), ("flat", DoorRules::new(6))]);
    layout.doors[1].prefix = Some("9");
    let inn = Inn::new(layout);
    inn.book("1", "flat", day(3, 1), day(3, 8));
    inn.book("2", "flat", day(3, 9), day(3, 12));
    inn.pass(Duration::hours(1));
    let done = inn.done();
    let inn = inn.restarted(|layout| {
        layout.doors[0].id = "gate";
        layout.doors[1].id = "flat-door";
        layout.units = vec![("flat", vec!["gate", "flat-door"])];
    });
    inn.pass(Duration::hours(3));
    assert_eq!(inn.done(), done, "{:?} {:?}", inn.told("1"), inn.audit("1"));
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    // What changes later is told and written under the new names.
    inn.until("2", day(3, 14));
    assert_eq!(inn.told("2").len(), 2);
    assert!(inn.live("2").iter().all(|code| code.proof == Proof::Listed));
    comes_to_rest(inn);
}

#[test]
fn k07_two_doors_that_swap_their_keypads_swap_their_codes() {
    let inn = Inn::new(Layout {
        doors: vec![entrance("flat"), entrance("loft")],
        units: vec![("flat", vec!["flat"]), ("loft", vec!["loft"])],
        ..Layout::behind(vec![("flat", DoorRules::new(4)), ("loft", DoorRules::new(4))])
    });
    inn.book("1", "flat", day(3, 1), day(3, 8));
    inn.book("2", "loft", day(3, 1), day(3, 8));
    let pins = [inn.pin("flat", "1"), inn.pin("loft", "2")];
    let inn = inn.restarted(|layout| {
        layout.doors[0].keypad = "loft";
        layout.doors[1].keypad = "flat";
    });
    let inn = comes_to_rest(inn);
    assert_eq!([inn.pin("loft", "1"), inn.pin("flat", "2")], pins);
    assert_eq!((inn.on("flat").len(), inn.on("loft").len(), inn.guests.sent().len()), (1, 1, 2));
    assert!(inn.lock().codes_on(&key("flat")).iter().all(|code| code.active));
}

/// The new keypad is out of reach near an arrival, and has no backup code yet; the one on the keypad before opens nothing.
#[test]
fn k03_the_backup_code_of_the_keypad_before_is_given_to_nobody() {
    let mut layout = Layout::flat(DoorRules::new(4));
    layout.keypads.push(("other", "new", DoorRules::new(4)));
    layout.doors[0].backup_codes = 1;
    let inn = Inn::new(layout);
    assert_eq!(inn.on("flat").len(), 1);
    inn.account("other").plant(Planted::new(Trouble::NoAnswer));
    let inn = inn.restarted(|layout| {
        replaced(layout);
        layout.doors[0].backup_codes = 1;
    });
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn.pass_until(local(3, 3, 14, 30));
    assert_eq!(
        (inn.noted("1", "backup-issued"), inn.noted("1", "no-backup"), inn.told("1").len()),
        (0, 1, 0)
    );
    // It goes once the new one has its own.
    inn.account("other").mend();
    inn.pass(Duration::hours(2));
    assert!(inn.on("flat").is_empty() && inn.on("new").len() == 2);
}
