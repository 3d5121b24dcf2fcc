//! Which digits a guest gets: from the phone, others on demand, and what staff changes in the vendor's app.

use std::time::Duration as StdDuration;

use booking_core::conformance::{On, Planted, Trouble};
use booking_core::store::MessageKind;
use booking_core::{Booking, DoorRules, ListedCode, StayDates, UnitRef};
use booking_engine::{Drift, PinSource};
use chrono::Duration;

use crate::house::{day, local, naive};
use crate::inn::{Inn, Layout, entrance, key, pin};

const PHONE: &str = "+48 600 358 241";

fn by_phone(keypads: Vec<(&'static str, DoorRules)>) -> Layout {
    let mut layout = Layout::behind(keypads);
    layout.policy.pin = PinSource::Phone;
    layout
}

fn with_phone(phone: &str) -> impl FnOnce(&mut Booking) {
    let phone = phone.to_owned();
    move |booking| booking.guest.phone = Some(phone)
}

fn book_with_phone(inn: &Inn, text: &str, unit: &str, phone: &str) {
    inn.put(text, unit, day(3, 3), day(3, 6));
    inn.edit(text, with_phone(phone));
    inn.poke(text);
}

// ---- E07, E08: digits from the phone

#[test]
fn e07_the_last_digits_of_the_phone_are_the_pin_where_they_can_be() {
    let strict = || {
        let mut rules = DoorRules::new(4);
        rules.forbidden_starts = &["82"];
        rules
    };
    for (phone, rules, expected) in [
        (PHONE, DoorRules::new(4), Some("8241")),
        (PHONE, DoorRules::new(6), Some("358241")),
        // No number, too short a one, digits that anybody tries first, digits that the keypad does not take.
        ("", DoorRules::new(4), None),
        ("241", DoorRules::new(4), None),
        ("+48 600 001 234", DoorRules::new(4), None),
        (PHONE, strict(), None),
    ] {
        let inn = Inn::new(by_phone(vec![("flat", rules)]));
        book_with_phone(&inn, "1", "flat", phone);
        let pin = inn.pin("flat", "1");
        assert_eq!(expected.unwrap_or(&pin), pin, "{phone}");
        assert!(expected.is_some() || !phone.replace(' ', "").ends_with(&pin), "{phone}");
        let told = inn.told("1");
        assert!(told.len() == 1 && told[0].contains(&pin), "E07: the message has the real one");
    }
}

#[test]
fn e07_digits_of_the_phone_that_somebody_has_are_not_given_twice() {
    let inn = Inn::new(by_phone(vec![("flat", DoorRules::new(4))]));
    ["1", "2"].iter().for_each(|text| book_with_phone(&inn, text, "flat", PHONE));
    assert_eq!(inn.pin("flat", "1"), "8241");
    assert_ne!(inn.pin("flat", "2"), "8241");
    // A keypad that refuses them although no list shows why.
    let inn = Inn::new(by_phone(vec![("flat", {
        let mut rules = DoorRules::new(4);
        rules.listing = booking_core::Listing::Masked;
        rules.same_pin_twice = false;
        rules
    })]));
    let staff = ListedCode {
        id: booking_core::VendorCodeId::parse("7").unwrap(),
        stored: Some(pin("8241")),
        name: "Cleaner".into(),
        note: String::new(),
        start: None,
        end: None,
        active: true,
        proof: booking_core::Proof::Listed,
    };
    assert!(inn.lock().put(&key("flat"), staff));
    book_with_phone(&inn, "1", "flat", PHONE);
    inn.pass(Duration::hours(1));
    assert_ne!(inn.pin("flat", "1"), "8241");
    assert_eq!((inn.noted("1", "pin-refused"), inn.told("1").len()), (1, 1));
}

#[test]
fn e07_a_stay_that_comes_back_to_digits_which_another_has_gets_others_and_that_is_on_record() {
    let mut layout = by_phone(vec![("flat", DoorRules::new(4))]);
    layout.policy.quarantine = Duration::days(2);
    let inn = Inn::new(layout);
    book_with_phone(&inn, "1", "flat", PHONE);
    assert_eq!(inn.pin("flat", "1"), "8241");
    inn.pass(Duration::days(9));
    inn.put("2", "flat", day(3, 20), day(3, 24));
    inn.change("2", with_phone(PHONE));
    assert_eq!((inn.pin("flat", "2"), inn.noted("1", "pin-taken")), ("8241".to_owned(), 0));
    inn.change("1", |booking| booking.dates = Ok(StayDates::new(day(3, 3), day(3, 16)).unwrap()));
    let digits = inn.pin("flat", "1");
    assert_ne!(digits, "8241");
    assert!(inn.told("1").last().is_some_and(|text| text.contains(&digits)));
    assert_eq!((inn.noted("1", "pin-taken"), inn.noted("2", "pin-taken")), (1, 0));
}

/// A coming stay with these digits changes its dates and is called off; another one with the same phone comes before it.
#[track_caller]
fn check_rest(move_to: Option<u32>, pause: Duration, again: bool) {
    let mut layout = by_phone(vec![("flat", DoorRules::new(4))]);
    layout.policy.quarantine = Duration::days(2);
    let inn = Inn::new(layout);
    inn.put("1", "flat", day(3, 5), day(3, 9));
    inn.change("1", with_phone(PHONE));
    assert_eq!(inn.pin("flat", "1"), "8241");
    if let Some(from) = move_to {
        inn.change("1", |booking| booking.dates = Ok(StayDates::new(day(3, from), day(3, 10)).unwrap()));
    }
    inn.cancel("1");
    inn.pass(pause);
    inn.put("2", "flat", day(3, 4), day(3, 8));
    inn.change("2", with_phone(PHONE));
    assert_eq!(inn.pin("flat", "2") == "8241", again, "{move_to:?} {pause}");
}

#[test]
fn e05_digits_of_a_coming_stay_rest_from_the_day_that_it_is_called_off() {
    let (soon, late) = (Duration::minutes(10), Duration::hours(49));
    for (move_to, pause, again) in
        [(None, soon, false), (Some(6), soon, false), (Some(4), soon, false), (Some(6), late, true)]
    {
        check_rest(move_to, pause, again);
    }
}

#[test]
fn e07_doors_of_other_lengths_take_as_many_digits_as_they_hold() {
    let inn = Inn::new(by_phone(vec![("house", DoorRules::new(6)), ("flat", DoorRules::new(4))]));
    book_with_phone(&inn, "1", "flat", PHONE);
    assert_eq!([inn.pin("house", "1"), inn.pin("flat", "1")], ["358241", "8241"]);
}

#[test]
fn e08_another_phone_changes_no_pin() {
    for first in ["", PHONE] {
        let inn = Inn::new(by_phone(vec![("flat", DoorRules::new(4))]));
        book_with_phone(&inn, "1", "flat", first);
        let pin = inn.pin("flat", "1");
        inn.change("1", with_phone("+48 600 997 635"));
        inn.until("1", day(3, 8));
        inn.pass(Duration::hours(2));
        assert_eq!(inn.pin("flat", "1"), pin);
        assert!(inn.told("1").iter().all(|text| text.contains(&pin)));
    }
}

// ---- E10: other digits on demand

/// Holds that at no time a told PIN opens nothing: an old one goes only after the new one is told.
#[track_caller]
fn reissued(inn: &Inn, text: &str, keypads: &[&str], earlier: &mut Vec<String>) {
    let pins: Vec<_> = keypads.iter().map(|keypad| inn.pin(keypad, text)).collect();
    assert!(pins.iter().all(|pin| *pin == pins[0]), "both doors share the PIN");
    assert!(!earlier.contains(&pins[0]), "a PIN that was given up came back");
    let told = inn.told(text);
    assert_eq!(told.len(), earlier.len() + 1);
    assert!(told.last().unwrap().contains(&pins[0]));
    if !earlier.is_empty() {
        assert_eq!(inn.messages(text).last().unwrap().kind, MessageKind::CodeChanged);
    }
    earlier.push(pins[0].clone());
}

#[test]
fn e10_other_digits_are_proven_and_told_before_the_old_ones_go() {
    for source in [PinSource::Random, PinSource::Phone] {
        let mut layout = by_phone(vec![("house", DoorRules::new(4)), ("flat", DoorRules::new(4))]);
        layout.policy.pin = source;
        let inn = Inn::new(layout);
        book_with_phone(&inn, "1", "flat", PHONE);
        inn.book("2", "flat", day(3, 3), day(3, 6));
        let mut earlier = Vec::new();
        reissued(&inn, "1", &["house", "flat"], &mut earlier);
        let other = inn.pin("flat", "2");
        for _ in 0..3 {
            inn.guests.plant(Planted::new(Trouble::TooMany(StdDuration::from_secs(600))).times(1));
            inn.reissue("1");
            // Both are there while the guest does not know the new one.
            for keypad in ["house", "flat"] {
                assert_eq!(inn.codes(keypad, "1").len(), 2, "{:?}", inn.audit("1"));
                assert!(inn.opens(keypad, earlier.last().unwrap(), local(3, 4, 12, 0)));
            }
            inn.pass(Duration::hours(1));
            reissued(&inn, "1", &["house", "flat"], &mut earlier);
            let done = inn.done();
            inn.poke("1");
            inn.pass(Duration::hours(2));
            assert_eq!(inn.done(), done, "once asked, once done");
        }
        assert_eq!(inn.pin("flat", "2"), other);
        assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
        // The new ones stay through a restart, an extension and a move.
        let inn = inn.restarted(|layout| {
            layout.keypads.truncate(2);
            layout.units.push(("house", vec!["house"]));
        });
        inn.until("1", day(3, 8));
        inn.change("1", |booking| booking.unit = Some(UnitRef::parse("house").unwrap()));
        assert_eq!(inn.pin("house", "1"), *earlier.last().unwrap());
        assert!(inn.codes("flat", "1").is_empty());
    }
}

#[test]
fn e10_a_guest_who_moved_does_not_get_the_given_up_digits_back_from_the_phone() {
    let mut layout = by_phone(vec![("flat", DoorRules::new(4)), ("loft", DoorRules::new(4))]);
    layout.units = vec![("flat", vec!["flat"]), ("loft", vec!["loft"])];
    let inn = Inn::new(layout);
    book_with_phone(&inn, "1", "flat", PHONE);
    assert_eq!(inn.pin("flat", "1"), "8241");
    inn.edit("1", |booking| booking.unit = Some(UnitRef::parse("loft").unwrap()));
    inn.hint("1");
    inn.reissue("1");
    inn.pass(Duration::hours(1));
    assert_ne!(inn.pin("loft", "1"), "8241");
    assert!(inn.codes("flat", "1").is_empty());
}

#[test]
fn e10_on_a_keypad_with_no_second_place_the_new_digits_take_the_old_ones_place() {
    let mut full = DoorRules::new(4);
    full.capacity = Some(1);
    let mut blind = DoorRules::new(4);
    blind.listing = booking_core::Listing::Nothing;
    for rules in [full, blind] {
        let inn = Inn::new(Layout::flat(rules));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        let mut earlier = Vec::new();
        reissued(&inn, "1", &["flat"], &mut earlier);
        for round in 1..4 {
            inn.reissue("1");
            inn.pass(Duration::hours(1));
            reissued(&inn, "1", &["flat"], &mut earlier);
            assert_eq!(inn.noted("1", "replaced-in-place"), round);
            assert!(!inn.opens("flat", &earlier[round - 1], local(3, 4, 12, 0)));
        }
        inn.until("1", day(3, 9));
        assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 9, 12)));
        inn.cancel("1");
        inn.pass(Duration::hours(1));
        assert!(inn.on("flat").is_empty() && inn.live("1").is_empty());
        assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    }
}

#[test]
fn e10_on_a_full_keypad_a_code_that_was_not_seen_yet_is_looked_for_first() {
    for gone in [false, true] {
        let mut rules = DoorRules::new(4);
        rules.capacity = Some(1);
        rules.settle = StdDuration::from_secs(600);
        let inn = Inn::new(Layout::flat(rules));
        inn.lock().set_lag(Duration::minutes(5));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        let first = inn.pin("flat", "1");
        if gone {
            assert!(inn.lock().remove(&key("flat"), &inn.on("flat")[0].id));
        }
        inn.reissue("1");
        inn.pass(Duration::hours(2));
        let second = inn.pin("flat", "1");
        assert_ne!(first, second, "{gone}");
        let told = inn.told("1");
        assert!(told.last().unwrap().contains(&second), "{gone} {told:?}");
        assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    }
}

#[test]
fn e10_lost_answers_leave_one_code_and_the_digits_that_were_told() {
    for trouble in [Trouble::AnswerLost, Trouble::NoAnswer] {
        for capacity in [None, Some(1)] {
            let mut rules = DoorRules::new(4);
            rules.capacity = capacity;
            let inn = Inn::new(Layout::flat(rules));
            inn.book("1", "flat", day(3, 3), day(3, 6));
            let mut earlier = Vec::new();
            reissued(&inn, "1", &["flat"], &mut earlier);
            inn.lock().plant(Planted::new(trouble).on(On::Writes).times(1));
            inn.reissue("1");
            inn.pass(Duration::hours(1));
            reissued(&inn, "1", &["flat"], &mut earlier);
        }
    }
}

#[test]
fn e10_while_the_door_is_off_the_old_digits_stay_and_a_second_wish_changes_nothing() {
    let inn = Inn::new(Layout::behind(vec![("house", DoorRules::new(4)), ("flat", DoorRules::new(4))]));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    let mut earlier = Vec::new();
    reissued(&inn, "1", &["house", "flat"], &mut earlier);
    inn.lock().plant(Planted::new(Trouble::NoAnswer).on_door(key("flat")));
    inn.clock.advance(StdDuration::from_secs(660));
    inn.reissue("1");
    inn.pass(Duration::hours(2));
    assert_eq!(inn.told("1").len(), 1);
    for keypad in ["house", "flat"] {
        assert!(inn.opens(keypad, &earlier[0], local(3, 4, 12, 0)), "{keypad}");
    }
    inn.reissue("1");
    inn.pass(Duration::hours(1));
    inn.lock().mend();
    inn.pass(Duration::hours(1));
    reissued(&inn, "1", &["house", "flat"], &mut earlier);
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
}

#[test]
fn e10_a_stay_that_is_over_or_cancelled_gets_no_other_digits() {
    let inn = Inn::new(Layout::flat(DoorRules::new(4)));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn.cancel("1");
    inn.reissue("1");
    inn.pass(Duration::hours(1));
    assert_eq!((inn.on("flat").len(), inn.told("1").len()), (0, 1));
    // The cancellation is taken back: other digits it is.
    let old = inn.ledger("1")[0].pins.clone().unwrap().stored.expose().to_owned();
    inn.change("1", |booking| booking.status = booking_core::BookingStatus::Confirmed);
    inn.pass(Duration::hours(1));
    assert_ne!(inn.pin("flat", "1"), old);
    assert_eq!(inn.told("1").len(), 2);
}

#[test]
fn e10_digits_given_up_while_their_removal_fails_do_not_come_back() {
    let inn = Inn::new(Layout::flat(DoorRules::new(4)));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    let first = inn.pin("flat", "1");
    // The new code gets on the door; nothing gets off it.
    inn.reissue("1");
    let second = inn.pin("flat", "1");
    assert!(inn.lock().put(&key("flat"), {
        let mut back = inn.codes("flat", "1").remove(0);
        back.id = booking_core::VendorCodeId::parse("700000").unwrap();
        back.stored = Some(pin(&first));
        back
    }));
    inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Writes));
    inn.pass(Duration::hours(2));
    inn.reissue("1");
    inn.pass(Duration::hours(1));
    inn.lock().mend();
    inn.pass(Duration::hours(2));
    let third = inn.pin("flat", "1");
    assert!(third != first && third != second);
    assert!(inn.told("1").last().unwrap().contains(&third));
}

// ---- D08: what staff changes in the vendor's app

fn drifting(drift: Drift, change: impl FnOnce(&mut DoorRules)) -> Inn {
    let mut rules = DoorRules::new(4);
    change(&mut rules);
    let mut layout = Layout::flat(rules);
    layout.policy.drift = drift;
    let inn = Inn::new(layout);
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn.pass(Duration::hours(1));
    inn
}

/// What is on record about a change, and that it holds no digits.
#[track_caller]
fn on_record(inn: &Inn, what: &str, digits: &[&str]) -> String {
    let entries = inn.audit("1");
    let detail = entries.iter().find(|entry| entry.what == what).map(|entry| entry.detail.clone());
    let detail = detail.unwrap_or_else(|| panic!("no {what} in {entries:?}"));
    assert!(digits.iter().all(|digits| !detail.contains(digits)), "{detail}");
    detail
}

type Edit = fn(&mut ListedCode);

#[test]
fn d08_a_change_from_outside_is_put_right_and_on_record() {
    let edits: [(Edit, &str); 4] = [
        (|code| code.stored = Some(pin("7351")), "other digits"),
        (|code| code.end = Some(naive(3, 20, 12)), "end 2027-03-06 12:00 became 2027-03-20 12:00"),
        (|code| code.start = None, "start 2027-03-03 15:00 became none"),
        (|code| code.active = false, "switched off"),
    ];
    for (edit, word) in edits {
        let inn = drifting(Drift::Restore, |_| {});
        let before = inn.codes("flat", "1");
        let own = inn.pin("flat", "1");
        inn.edit_code("flat", "1", edit);
        inn.pass(Duration::hours(2));
        assert_eq!(inn.codes("flat", "1"), before);
        assert!(on_record(&inn, "drift", &["7351", &own]).contains(word), "{word}");
        assert_eq!((inn.told("1").len(), inn.desk("drift")), (1, 1));
    }
}

#[test]
fn d08_other_digits_may_stand_and_the_guest_hears_of_them() {
    let inn = drifting(Drift::Adopt, |_| {});
    let own = inn.pin("flat", "1");
    inn.edit_code("flat", "1", |code| code.stored = Some(pin("7351")));
    let writes = inn.lock().writes();
    inn.pass(Duration::hours(2));
    assert_eq!((inn.pin("flat", "1"), inn.lock().writes()), ("7351".to_owned(), writes));
    assert_eq!(on_record(&inn, "change-adopted", &["7351", &own]), "the code on door flat: other digits");
    assert!(inn.told("1").len() == 2 && inn.told("1")[1].contains("7351"));
    // They are the stay's from now on: on another keypad too, and nobody else's.
    inn.until("1", day(3, 9));
    let inn = inn.restarted(|_| {});
    inn.pass(Duration::hours(2));
    assert_eq!((inn.pin("flat", "1"), inn.told("1").len()), ("7351".to_owned(), 3));
    assert!(inn.told("1")[2].contains("7351"));
}

#[test]
fn d08_adopted_digits_go_along_to_another_door() {
    let mut layout = Layout::behind(vec![("flat", DoorRules::new(4)), ("loft", DoorRules::new(4))]);
    layout.doors = vec![entrance("flat"), entrance("loft")];
    layout.units = vec![("flat", vec!["flat"]), ("loft", vec!["loft"])];
    layout.policy.drift = Drift::Adopt;
    let inn = Inn::new(layout);
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn.edit_code("flat", "1", |code| code.stored = Some(pin("7351")));
    inn.pass(Duration::hours(2));
    inn.change("1", |booking| booking.unit = Some(UnitRef::parse("loft").unwrap()));
    assert_eq!(inn.pin("loft", "1"), "7351");
}

#[test]
fn d08_other_times_may_stand_until_the_booking_changes() {
    // In advance, and while the guest is in the house; on keypads that take past starts and on one that does not.
    for past_start in [true, false] {
        for at in [local(3, 2, 12, 0), local(3, 4, 12, 0)] {
            let inn = drifting(Drift::Adopt, |rules| rules.past_start = past_start);
            inn.pass_until(at);
            let own = inn.pin("flat", "1");
            let writes = inn.lock().writes();
            inn.edit_code("flat", "1", |code| code.end = Some(naive(3, 6, 18)));
            inn.pass(Duration::hours(3));
            assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 6, 18)));
            let detail = on_record(&inn, "change-adopted", &[&own]);
            assert_eq!(detail, "the code on door flat: end 2027-03-06 12:00 became 2027-03-06 18:00");
            let inn = inn.restarted(|_| {});
            inn.poke("1");
            assert_eq!((inn.lock().writes(), inn.told("1").len()), (writes, 1), "{past_start} {at}");
            // The booking changes, and changes back: what staff meant for the first one is over.
            inn.until("1", day(3, 7));
            assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 7, 12)), "{past_start} {at}");
            inn.until("1", day(3, 6));
            assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 6, 12)), "{past_start} {at}");
            assert_eq!(inn.pin("flat", "1"), own);
        }
    }
}

#[test]
fn d08_other_times_do_not_stand_against_dates_that_are_new_in_the_same_moment() {
    for end in [naive(3, 6, 9), naive(3, 6, 18)] {
        let mut layout = Layout::flat(DoorRules::new(4));
        layout.policy.drift = Drift::Adopt;
        layout.policy.door_read_max_age = Duration::seconds(1);
        let inn = Inn::new(layout);
        inn.book("1", "flat", day(3, 3), day(3, 6));
        inn.pass(Duration::minutes(5));
        inn.edit_code("flat", "1", |code| code.end = Some(end));
        // The read that shows what staff did is the one that the later end asks for.
        inn.until("1", day(3, 8));
        inn.pass(Duration::hours(2));
        assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 8, 12)), "{end}");
        assert_eq!(inn.noted("1", "change-adopted"), 1, "{end}");
    }
}

#[test]
fn d08_a_later_end_by_staff_stands_beyond_check_out_and_draws_on_no_brake() {
    let inn = drifting(Drift::Adopt, |_| {});
    inn.edit_code("flat", "1", |code| code.end = Some(naive(3, 6, 18)));
    inn.pass_until(local(3, 6, 11, 0));
    let inn = inn.restarted(|_| {});
    inn.pass_until(local(3, 6, 17, 55));
    inn.poke("1");
    assert!(inn.opens("flat", &inn.pin("flat", "1"), inn.now()));
    inn.pass_until(local(3, 6, 18, 5));
    assert!(inn.on("flat").is_empty());
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
}

#[test]
fn d08_what_cannot_stand_is_put_right_even_where_changes_may() {
    let edits: [Edit; 5] = [
        |code| code.active = false,
        |code| code.end = None,
        |code| code.end = Some(naive(3, 1, 9)),
        |code| code.end = naive(3, 6, 12).checked_add_signed(Duration::seconds(30)),
        |code| code.note = "Memory#1 Memory#2".into(),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let inn = drifting(Drift::Adopt, |_| {});
        let before = inn.codes("flat", "1");
        inn.edit_code("flat", "1", edit);
        inn.pass(Duration::hours(2));
        assert_eq!(inn.codes("flat", "1"), before, "{number} {:?}", inn.alerts());
        assert_eq!((inn.told("1").len(), inn.noted("1", "change-adopted")), (1, 0), "{number}");
    }
}

#[test]
fn d08_digits_that_another_stay_has_are_told_to_staff() {
    let inn = drifting(Drift::Adopt, |_| {});
    inn.book("2", "flat", day(3, 3), day(3, 6));
    let other = inn.pin("flat", "2");
    inn.edit_code("flat", "1", |code| code.stored = Some(pin(&other)));
    inn.pass(Duration::hours(2));
    assert_eq!(inn.desk("drift"), 1);
    assert_eq!(inn.pin("flat", "2"), other);
}
