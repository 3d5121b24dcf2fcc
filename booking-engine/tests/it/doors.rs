//! Keypads with rules of their own: few places, none ahead of time, no lists, masked lists, whole days, reserved digits.

use std::collections::BTreeSet;
use std::time::Duration as StdDuration;

use booking_core::conformance::{On, Planted, Trouble};
use booking_core::store::CodeState;
use booking_core::{
    BookingStatus, DoorRules, ListedCode, Listing, Pin, Proof, StayDates, TimeSemantics, UnitRef,
    VendorCodeId,
};
use booking_engine::Mode;
use chrono::{Duration, NaiveDate};

use crate::house::{day, local, naive};
use crate::inn::{Inn, Layout, digits, key, pin};

fn rules(change: impl FnOnce(&mut DoorRules)) -> DoorRules {
    let mut rules = DoorRules::new(4);
    change(&mut rules);
    rules
}

fn small(places: usize) -> DoorRules {
    rules(|rules| rules.capacity = Some(places))
}

fn hours(hours: u64) -> StdDuration {
    StdDuration::from_secs(hours * 3600)
}

/// A code that somebody made in the vendor's app.
fn staff_code(id: &str, stored: Option<&str>) -> ListedCode {
    ListedCode {
        id: VendorCodeId::parse(id).unwrap(),
        stored: stored.map(pin),
        name: format!("Cleaner {id}"),
        note: String::new(),
        start: None,
        end: None,
        active: true,
        proof: Proof::Listed,
    }
}

/// Which of the stays have a code on the flat's keypad.
fn there(inn: &Inn, stays: &[&str]) -> Vec<bool> {
    stays.iter().map(|text| !inn.codes("flat", text).is_empty()).collect()
}

// ---- B11: few places

#[test]
fn b11_on_a_full_keypad_the_soonest_arrivals_have_the_places_whatever_came_first() {
    let stays: [(&str, NaiveDate, NaiveDate); 5] = [
        ("d", day(3, 20), day(3, 22)),
        ("a", day(3, 1), day(3, 9)),
        ("c", day(3, 12), day(3, 14)),
        ("e", day(3, 25), day(3, 27)),
        ("b", day(3, 2), day(3, 5)),
    ];
    for turn in 0..5 {
        let inn = Inn::new(Layout::flat(small(2)));
        for n in 0..5 {
            let (text, from, to) = stays[(turn + n) % 5];
            inn.book(text, "flat", from, to);
        }
        inn.pass(Duration::hours(1));
        let all = ["a", "b", "c", "d", "e"];
        assert_eq!(there(&inn, &all), [true, true, false, false, false], "{turn}");
        // Everybody has digits of their own already, and keeps them.
        let claimed: Vec<_> = all
            .iter()
            .map(|text| inn.live(text)[0].pins.clone().unwrap().stored.expose().to_owned())
            .collect();
        assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 5);
        for (at, expected) in [
            (local(3, 5, 13, 0), [true, false, true, false, false]),
            (local(3, 9, 13, 0), [false, false, true, true, false]),
            (local(3, 14, 13, 0), [false, false, false, true, true]),
        ] {
            inn.pass_until(at);
            assert_eq!(there(&inn, &all), expected, "{turn} {at}");
            assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
        }
        for (text, digits) in all.iter().zip(&claimed) {
            let told = inn.told(text);
            assert!(told.len() == 1 && told[0].contains(digits), "{turn} {text} {told:?}");
        }
    }
}

#[test]
fn b11_the_farthest_yields_and_gets_its_place_and_its_pin_back_in_time() {
    let inn = Inn::new(Layout::flat(small(2)));
    inn.book("far", "flat", day(3, 20), day(3, 22));
    inn.book("near", "flat", day(3, 10), day(3, 12));
    let pins = ["far", "near"].map(|text| inn.pin("flat", text));
    inn.book("tomorrow", "flat", day(3, 2), day(3, 4));
    assert_eq!(there(&inn, &["far", "near", "tomorrow"]), [false, true, true]);
    assert_eq!((inn.told("tomorrow").len(), inn.noted("far", "code-yields")), (1, 1));
    assert!(inn.trouble().is_empty(), "yielding draws nothing and alarms nobody: {:?}", inn.alerts());
    inn.pass_until(local(3, 4, 13, 0));
    assert_eq!(["far", "near"].map(|text| inn.pin("flat", text)), pins);
    inn.pass_until(local(3, 20, 15, 0));
    assert!(inn.opens("flat", &pins[0], inn.now()));
    assert_eq!(inn.told("far").len(), 1);
}

#[test]
fn b11_who_is_in_the_house_never_yields_and_who_gets_no_place_is_told_to_staff() {
    let inn = Inn::new(Layout::flat(small(2)));
    ["in1", "in2"].iter().for_each(|text| inn.book(text, "flat", day(3, 1), day(3, 30)));
    inn.pass_until(local(3, 1, 16, 0));
    inn.book("late", "flat", day(3, 10), day(3, 12));
    inn.pass_until(local(3, 9, 14, 0));
    assert_eq!(there(&inn, &["in1", "in2", "late"]), [true, true, false]);
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    inn.pass_until(local(3, 9, 16, 0));
    let alerts = inn.alerts();
    assert!(
        alerts.iter().any(|(kind, _, detail)| kind == "code-not-proven" && detail.contains("full")),
        "{alerts:?}"
    );
    inn.pass_until(local(3, 10, 16, 0));
    assert_eq!((there(&inn, &["in1", "in2", "late"]), inn.told("late").len()), (vec![true, true, false], 0));
    // Somebody leaves early: the place goes to who waits for it, at once.
    inn.cancel("in1");
    inn.change("in1", |booking| booking.status = booking_core::BookingStatus::Confirmed);
    inn.until("in2", day(3, 10));
    inn.pass(Duration::minutes(1));
    assert_eq!(inn.told("late").len(), 1);
    assert!(!inn.trouble().contains(&"code-not-proven".to_owned()), "{:?}", inn.alerts());
}

#[test]
fn b11_places_that_staff_holds_are_left_to_them() {
    let inn = Inn::new(Layout::flat(small(3)));
    ["71", "72"].iter().for_each(|id| assert!(inn.lock().put(&key("flat"), staff_code(id, Some("4711")))));
    inn.pass(Duration::hours(1));
    inn.book("far", "flat", day(3, 20), day(3, 22));
    inn.book("soon", "flat", day(3, 3), day(3, 5));
    assert_eq!(there(&inn, &["far", "soon"]), [false, true]);
    assert_eq!(inn.on("flat").len(), 3);
    inn.pass_until(local(3, 5, 13, 0));
    assert_eq!(there(&inn, &["far", "soon"]), [true, false]);
    assert_eq!(inn.on("flat").iter().filter(|code| code.name.starts_with("Cleaner")).count(), 2);
}

#[test]
fn b11_who_moves_away_while_waiting_for_a_place_keeps_nobody_from_it() {
    let mut layout = Layout::behind(vec![("flat", small(1)), ("loft", small(1))]);
    layout.units = vec![("flat", vec!["flat"]), ("loft", vec!["loft"])];
    let inn = Inn::new(layout);
    inn.book("in", "loft", day(3, 1), day(3, 30));
    inn.pass_until(local(3, 1, 16, 0));
    inn.book("far", "flat", day(3, 20), day(3, 22));
    inn.book("soon", "flat", day(3, 3), day(3, 5));
    inn.change("far", |booking| booking.unit = Some(UnitRef::parse("loft").unwrap()));
    inn.book("later", "flat", day(3, 21), day(3, 23));
    inn.pass_until(local(3, 5, 13, 0));
    assert_eq!(there(&inn, &["far", "soon", "later"]), [false, false, true], "{:?}", inn.alerts());
}

#[test]
fn b11_without_leave_to_delete_nobody_is_made_to_yield() {
    let inn = Inn::new(Layout { mode: Mode::UpsertOnly, ..Layout::flat(small(1)) });
    inn.book("far", "flat", day(3, 20), day(3, 22));
    inn.book("soon", "flat", day(3, 3), day(3, 5));
    inn.pass(Duration::hours(2));
    assert_eq!(there(&inn, &["far", "soon"]), [true, false]);
}

#[test]
fn b11_codes_that_nobody_might_take_off_make_room_once_somebody_may() {
    let inn = Inn::new(Layout { mode: Mode::UpsertOnly, ..Layout::flat(small(3)) });
    ["1", "2", "3"].iter().for_each(|text| inn.book(text, "flat", day(3, 1), day(3, 4)));
    inn.book("late", "flat", day(3, 2), day(3, 8));
    inn.pass_until(local(3, 4, 18, 0));
    assert_eq!(there(&inn, &["1", "2", "3", "late"]), [true, true, true, false]);
    let inn = inn.restarted(|layout| layout.mode = Mode::Full);
    inn.pass(Duration::minutes(30));
    assert_eq!(there(&inn, &["1", "2", "3", "late"]), [false, false, false, true], "{:?}", inn.alerts());
}

#[test]
fn h06_a_removal_that_leaves_a_keypad_empty_at_once_is_proven_when_the_doubt_is_over() {
    let inn = Inn::new(Layout::flat(small(3)));
    inn.book("1", "flat", day(3, 5), day(3, 9));
    ["71", "72"].iter().for_each(|id| assert!(inn.lock().put(&key("flat"), staff_code(id, Some("4711")))));
    inn.pass(Duration::hours(7));
    ["71", "72"].map(|id| assert!(inn.lock().remove(&key("flat"), &VendorCodeId::parse(id).unwrap())));
    inn.cancel("1");
    assert_eq!((inn.on("flat").len(), inn.live("1").len()), (0, 1), "shows none where there were three");
    inn.pass(Duration::minutes(15));
    assert_eq!(inn.live("1"), [], "{:?}", inn.alerts());
}

#[test]
fn b11_a_yield_whose_answers_are_lost_comes_right() {
    for trouble in [Trouble::AnswerLost, Trouble::NoAnswer] {
        for times in 1..4 {
            let inn = Inn::new(Layout::flat(small(1)));
            inn.book("far", "flat", day(3, 20), day(3, 22));
            let far = inn.pin("flat", "far");
            inn.lock().plant(Planted::new(trouble).on(On::Writes).times(times));
            inn.book("soon", "flat", day(3, 3), day(3, 5));
            inn.pass(Duration::hours(3));
            assert_eq!(there(&inn, &["far", "soon"]), [false, true], "{trouble:?} {times}");
            inn.pass_until(local(3, 5, 14, 0));
            assert_eq!(inn.pin("flat", "far"), far, "{trouble:?} {times}");
        }
    }
}

#[test]
fn b11_who_is_in_the_house_keeps_the_place_even_where_somebody_has_an_older_right() {
    let inn = Inn::new(Layout::flat(small(2)));
    inn.book("older", "flat", day(3, 1), day(3, 9));
    inn.book("younger", "flat", day(3, 2), day(3, 9));
    inn.pass_until(local(3, 3, 12, 0));
    // Staff takes a place away from the one by hand; that is no reason to shut the other one out.
    assert!(inn.lock().remove(&key("flat"), &inn.codes("flat", "older")[0].id));
    assert!(inn.lock().put(&key("flat"), staff_code("71", Some("4711"))));
    inn.pass(Duration::hours(6));
    assert_eq!(there(&inn, &["older", "younger"]), [false, true]);
    assert!(inn.trouble().contains(&"code-not-proven".to_owned()));
    assert!(inn.lock().remove(&key("flat"), &VendorCodeId::parse("71").unwrap()));
    inn.pass(Duration::hours(2));
    assert_eq!((there(&inn, &["older", "younger"]), inn.trouble().len()), (vec![true, true], 0));
}

// ---- ahead of time, and too late

#[test]
fn b11_a_keypad_that_takes_codes_only_shortly_before_gets_them_then_and_nobody_is_alarmed() {
    for ahead in [48, 6, 1, 0] {
        let inn = Inn::new(Layout::flat(rules(|rules| rules.look_ahead = Some(hours(ahead)))));
        inn.book("1", "flat", day(3, 10), day(3, 12));
        let from = local(3, 10, 15, 0) - Duration::hours(i64::try_from(ahead).unwrap());
        inn.pass_until(from - Duration::seconds(1));
        assert_eq!((inn.on("flat").len(), inn.told("1").len()), (0, 0), "{ahead}");
        assert!(inn.trouble().is_empty(), "{ahead} {:?}", inn.alerts());
        assert_eq!(inn.lock().writes(), 0, "{ahead}");
        inn.pass_until(from + Duration::minutes(2));
        assert_eq!((inn.on("flat").len(), inn.told("1").len()), (1, 1), "{ahead} {:?}", inn.audit("1"));
        inn.pass_until(local(3, 11, 12, 0));
        assert!(inn.trouble().is_empty(), "{ahead} {:?}", inn.alerts());
        assert_eq!(inn.desk.sent().len(), 0, "{ahead}");
    }
}

#[test]
fn b11_a_stay_put_off_for_longer_than_the_keypad_looks_ahead_does_not_open_before() {
    let inn = Inn::new(Layout::flat(rules(|rules| rules.look_ahead = Some(hours(48)))));
    inn.book("1", "flat", day(3, 2), day(3, 5));
    let pin = inn.pin("flat", "1");
    inn.change("1", |booking| booking.dates = Ok(StayDates::new(day(3, 12), day(3, 14)).unwrap()));
    inn.pass(Duration::hours(1));
    assert!(!inn.opens("flat", &pin, local(3, 3, 16, 0)), "{:?}", inn.audit("1"));
    inn.pass_until(local(3, 12, 15, 0));
    assert_eq!((inn.pin("flat", "1"), inn.told("1").len()), (pin.clone(), 2), "{:?}", inn.alerts());
    assert!(inn.told("1")[1].contains(&pin) && inn.trouble().is_empty());
    assert_eq!(inn.noted("1", "write-failed") + inn.noted("1", "write-refused"), 0);
}

#[test]
fn f09_a_start_in_the_past_is_clamped_once() {
    for ahead in [None, Some(StdDuration::ZERO)] {
        let inn = Inn::new(Layout::flat(rules(|rules| {
            rules.past_start = false;
            rules.look_ahead = ahead;
        })));
        inn.pass_until(local(3, 3, 21, 30));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        inn.pass(Duration::minutes(2));
        let pin = inn.pin("flat", "1");
        assert!(inn.opens("flat", &pin, inn.now()) && inn.told("1").len() == 1);
        let done = inn.done();
        inn.pass(Duration::days(1));
        inn.poke("1");
        assert_eq!(inn.done(), done, "the clock's hand is no reason to write again");
        inn.until("1", day(3, 7));
        assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 7, 12)));
        assert_eq!(inn.pin("flat", "1"), pin);
    }
}

// ---- B12: keypads that can only be written

fn blind(change: impl FnOnce(&mut DoorRules)) -> DoorRules {
    rules(|rules| {
        rules.listing = Listing::Nothing;
        rules.highest_proof = Proof::Accepted;
        change(rules);
    })
}

#[test]
fn b12_a_keypad_that_can_only_be_written_is_never_read() {
    let inn = Inn::new(Layout::flat(blind(|_| {})));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    inn.book("2", "flat", day(3, 4), day(3, 8));
    let pins = ["1", "2"].map(|text| inn.pin("flat", text));
    assert_ne!(pins[0], pins[1]);
    assert_eq!((inn.told("1").len(), inn.lock().writes()), (1, 2));
    inn.until("1", day(3, 7));
    assert_eq!((inn.told("1").len(), inn.pin("flat", "1")), (2, pins[0].clone()));
    inn.cancel("2");
    assert_eq!((inn.on("flat").len(), inn.lock().writes()), (1, 4));
    assert!(inn.live("2").is_empty());
    inn.pass_until(local(3, 8, 12, 0));
    assert!(inn.on("flat").is_empty() && inn.live("1").is_empty());
    assert_eq!((inn.lock().reads(), inn.lock().writes()), (0, 5));
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
}

#[test]
fn b12_what_became_of_a_write_is_found_out_by_writing_again() {
    for trouble in [Trouble::AnswerLost, Trouble::NoAnswer, Trouble::ServerError] {
        for failing in 0..3 {
            let inn = Inn::new(Layout::flat(blind(|_| {})));
            let plant = |at| {
                if at == failing {
                    inn.lock().plant(Planted::new(trouble).on(On::Writes).times(2));
                }
            };
            plant(0);
            inn.book("1", "flat", day(3, 3), day(3, 6));
            inn.pass(Duration::hours(1));
            let pin = inn.pin("flat", "1");
            assert!(inn.told("1").len() == 1 && inn.told("1")[0].contains(&pin), "{trouble:?} {failing}");
            plant(1);
            inn.until("1", day(3, 8));
            inn.pass(Duration::hours(1));
            assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 8, 12)), "{trouble:?} {failing}");
            assert_eq!(inn.pin("flat", "1"), pin, "{trouble:?} {failing}");
            plant(2);
            inn.cancel("1");
            inn.pass(Duration::hours(1));
            assert!(inn.on("flat").is_empty() && inn.live("1").is_empty(), "{trouble:?} {failing}");
            assert_eq!(inn.lock().reads(), 0);
        }
    }
}

#[test]
fn b12_a_create_in_doubt_whose_booking_is_cancelled_meanwhile_leaves_nothing() {
    for trouble in [Trouble::AnswerLost, Trouble::NoAnswer] {
        let inn = Inn::new(Layout::flat(blind(|_| {})));
        inn.lock().plant(Planted::new(trouble).on(On::Writes).times(1));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        inn.cancel("1");
        inn.pass(Duration::hours(1));
        assert!(inn.on("flat").is_empty() && inn.live("1").is_empty(), "{trouble:?}");
        assert!(inn.told("1").is_empty());
    }
}

#[test]
fn b12_a_removal_in_doubt_whose_booking_is_on_again_leaves_a_code() {
    for trouble in [Trouble::AnswerLost, Trouble::NoAnswer] {
        let inn = Inn::new(Layout::flat(blind(|_| {})));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        let pin = inn.pin("flat", "1");
        inn.lock().plant(Planted::new(trouble).on(On::Writes).times(1));
        inn.cancel("1");
        inn.change("1", |booking| booking.status = BookingStatus::Confirmed);
        inn.pass(Duration::hours(1));
        assert_eq!(inn.pin("flat", "1"), pin, "{trouble:?}");
    }
}

#[test]
fn b12_digits_that_a_keypad_refuses_are_drawn_anew() {
    // Nine of ten digits are staff's, which no read tells.
    let inn = Inn::new(Layout::flat(rules(|rules| {
        *rules = blind(|_| {});
        rules.stored_len = 1;
        rules.same_pin_twice = false;
    })));
    for n in 0..7 {
        assert!(inn.lock().put(&key("flat"), staff_code(&n.to_string(), Some(&n.to_string()))));
    }
    for text in ["1", "2"] {
        inn.book(text, "flat", day(3, 3), day(3, 6));
        inn.pass(Duration::hours(6));
        assert_eq!(inn.codes("flat", text).len(), 1, "{:?} {:?}", inn.alerts(), inn.audit(text));
        assert!(inn.told(text)[0].contains(&inn.pin("flat", text)));
    }
    assert!(inn.lock().writes() < 80, "{}", inn.lock().writes());
}

#[test]
fn b12_a_keypad_that_lost_its_codes_gets_them_anew() {
    let inn = Inn::new(Layout::flat(blind(|_| {})));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    let before = inn.on("flat").remove(0);
    assert!(inn.lock().remove(&key("flat"), &before.id));
    inn.until("1", day(3, 8));
    inn.pass(Duration::hours(1));
    assert_eq!(inn.pin("flat", "1"), digits(&before));
    assert_eq!(inn.codes("flat", "1")[0].end, Some(naive(3, 8, 12)));
    // And what is gone already need not be removed.
    assert!(inn.lock().remove(&key("flat"), &inn.on("flat")[0].id));
    inn.cancel("1");
    inn.pass(Duration::hours(1));
    assert!(inn.live("1").is_empty());
}

// ---- masked lists

#[test]
fn b03_on_a_masked_list_a_lost_answer_is_found_by_the_marker_and_nothing_is_made_twice() {
    let masked = rules(|rules| rules.listing = Listing::Masked);
    for times in [1, 2] {
        let inn = Inn::new(Layout::flat(masked.clone()));
        inn.lock().plant(Planted::new(Trouble::AnswerLost).on(On::Writes).times(times));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        inn.pass(Duration::hours(1));
        let pin = inn.pin("flat", "1");
        let told = inn.told("1");
        assert!(told.len() == 1 && told[0].contains(&pin), "{told:?}");
        assert_eq!(inn.lock().writes(), 1, "{times}");
        let done = inn.done();
        let inn = inn.restarted(|_| {});
        inn.pass(Duration::hours(3));
        assert_eq!(inn.done(), done);
        assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
        inn.until("1", day(3, 8));
        inn.pass(Duration::hours(1));
        assert_eq!((inn.pin("flat", "1"), inn.told("1").len()), (pin, 2));
        inn.cancel("1");
        assert!(inn.on("flat").is_empty());
    }
}

// ---- names, neighbours, whole days

#[test]
fn e14_where_names_must_differ_two_stays_of_one_guest_and_two_codes_of_one_stay_both_fit() {
    for name_len in [100, 16] {
        let inn = Inn::new(Layout::flat(rules(|rules| {
            rules.unique_names = true;
            rules.name_len = name_len;
        })));
        inn.book("1", "flat", day(3, 3), day(3, 6));
        inn.book("2", "flat", day(3, 6), day(3, 9));
        let names: BTreeSet<_> = inn.on("flat").iter().map(|code| code.name.clone()).collect();
        assert_eq!(names.len(), 2);
        assert!(names.iter().all(|name| name.starts_with("Ada") && name.chars().count() <= name_len));
        // Other digits: for a while both codes of the stay are on the keypad, and the old one goes last.
        for round in 1..4 {
            inn.lock().plant(Planted::new(Trouble::ServerError).on(On::Reads).times(1));
            inn.reissue("1");
            inn.pass(Duration::hours(1));
            assert_eq!(inn.codes("flat", "1").len(), 1, "{:?} {:?}", inn.alerts(), inn.audit("1"));
            assert_eq!(inn.told("1").len(), 1 + round);
            assert_eq!(inn.lock().writes(), 2 + 2 * round, "one code is made and one goes");
        }
        assert_eq!(
            inn.noted("1", "write-refused") + inn.noted("1", "write-failed"),
            0,
            "{:?}",
            inn.audit("1")
        );
        let done = inn.done();
        let inn = inn.restarted(|_| {});
        inn.pass(Duration::hours(2));
        assert_eq!(inn.done(), done, "a name is changed for nothing");
    }
}

fn apart(a: &str, b: &str, by: u64) -> bool {
    let all = 10_u64.pow(u32::try_from(a.len()).unwrap());
    let (a, b): (u64, u64) = (a.parse().unwrap(), b.parse().unwrap());
    let up = (a + all - b) % all;
    up.min(all - up) > by
}

#[test]
fn e15_digits_beside_a_code_are_given_to_nobody() {
    use Listing::{Codes, Masked, Nothing};
    let listings =
        [(1, 2, 20, Codes), (2, 2, 12, Codes), (1, 1, 3, Codes), (1, 2, 25, Nothing), (2, 2, 14, Masked)];
    for (neighbours, len, stays, listing) in listings {
        let inn = Inn::new(Layout::flat(rules(|rules| {
            rules.neighbours = neighbours;
            rules.stored_len = len;
            rules.same_pin_twice = false;
            rules.listing = listing;
        })));
        let seen = usize::from(listing == Codes);
        if listing == Codes {
            assert!(inn.lock().put(&key("flat"), staff_code("9", Some(&"5".repeat(usize::from(len))))));
        }
        inn.pass(Duration::hours(1));
        for n in 0..stays {
            inn.book(&n.to_string(), "flat", day(3, 3), day(3, 6));
        }
        inn.pass(Duration::hours(1));
        let pins: Vec<String> = inn.on("flat").iter().map(digits).collect();
        assert!(pins.len() >= 2, "{pins:?}");
        for (n, a) in pins.iter().enumerate() {
            let others = pins.iter().skip(n + 1);
            assert!(others.clone().all(|b| apart(a, b, u64::from(neighbours))), "{neighbours} {pins:?}");
        }
        let refused: usize = (0..stays).map(|n| inn.noted(&n.to_string(), "pin-refused")).sum();
        assert_eq!(refused, 0, "what can be known is not tried");
        // Whoever got none is told to staff, and to nobody else.
        let without = stays + seen - pins.len();
        let exhausted = inn.alerts().iter().filter(|(kind, ..)| kind == "pin-space-exhausted").count();
        assert_eq!((exhausted, inn.guests.sent().len()), (without, stays - without));
    }
}

#[test]
fn f10_a_keypad_that_knows_days_only_gets_whole_days_and_the_guest_hears_the_times() {
    let inn = Inn::new(Layout::flat(rules(|rules| rules.time = TimeSemantics::WholeLocalDays)));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    let code = inn.codes("flat", "1").remove(0);
    assert_eq!((code.start, code.end), (Some(naive(3, 3, 0)), Some(naive(3, 7, 0))));
    assert!(inn.told("1")[0].contains("15:00") && inn.told("1")[0].contains("12:00"));
    let done = inn.done();
    inn.pass_until(local(3, 5, 12, 0));
    inn.poke("1");
    assert_eq!(inn.done(), done);
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    // The right ends with the stay, not with the day.
    inn.pass_until(local(3, 6, 12, 5));
    assert!(inn.on("flat").is_empty());
}

#[test]
fn e02_doors_with_rules_that_do_not_fit_together_get_digits_each_and_the_guest_hears_both() {
    let six = || {
        let mut rules = DoorRules::new(6);
        rules.digits = "123456789";
        rules.forbidden_starts = &["12"];
        rules
    };
    let mut days = DoorRules::new(4);
    days.time = TimeSemantics::WholeLocalDays;
    let inn = Inn::new(Layout::behind(vec![("house", days), ("flat", six()), ("loft", DoorRules::new(4))]));
    inn.book("1", "flat", day(3, 3), day(3, 6));
    let [house, flat, loft] = ["house", "flat", "loft"].map(|keypad| inn.pin(keypad, "1"));
    assert_eq!(house, loft, "doors of one kind share theirs");
    assert_eq!((house.len(), flat.len()), (4, 6));
    assert!(six().allow(&Pin::parse(&flat).unwrap()));
    let told = inn.told("1");
    assert!(told.len() == 1 && told[0].contains(&format!("house: {house}")), "{told:?}");
    assert!(told[0].contains(&format!("flat: {flat}")) && told[0].contains(&format!("loft: {loft}")));
    inn.until("1", day(3, 9));
    assert_eq!(["house", "flat", "loft"].map(|keypad| inn.pin(keypad, "1")), [house, flat, loft]);
    assert_eq!(inn.told("1").len(), 2);
}

// ---- B02: proof above the listing

fn confirming() -> Layout {
    let mut layout = Layout::flat(rules(|rules| rules.highest_proof = Proof::Confirmed));
    layout.policy.proof = Proof::Confirmed;
    layout
}

#[test]
fn b02_what_the_cloud_lists_is_not_told_until_the_device_has_it() {
    let inn = Inn::new(confirming());
    inn.lock().set_device_lag(None);
    inn.book("1", "flat", day(3, 5), day(3, 8));
    inn.pass_until(local(3, 4, 14, 0));
    assert_eq!((inn.on("flat").len(), inn.told("1").len()), (1, 0));
    assert!(inn.trouble().is_empty(), "{:?}", inn.alerts());
    inn.pass_until(local(3, 4, 16, 0));
    assert_eq!(inn.trouble(), ["code-not-proven"]);
    inn.pass_until(local(3, 5, 14, 0));
    assert_eq!((inn.told("1").len(), inn.desk("code-not-proven"), inn.lock().writes()), (0, 1, 1));
    inn.lock().set_device_lag(Some(Duration::zero()));
    inn.pass(Duration::minutes(30));
    assert_eq!((inn.told("1").len(), inn.trouble().len()), (1, 0), "{:?}", inn.alerts());
    let done = inn.done();
    inn.pass(Duration::hours(2));
    assert_eq!(inn.done(), done);
}

#[test]
fn b02_a_device_that_confirms_late_is_waited_for() {
    let inn = Inn::new(confirming());
    inn.lock().set_device_lag(Some(Duration::hours(3)));
    inn.book("1", "flat", day(3, 5), day(3, 8));
    inn.pass(Duration::hours(2));
    assert_eq!((inn.told("1").len(), inn.live("1")[0].proof), (0, Proof::Listed));
    inn.pass(Duration::hours(2));
    assert_eq!((inn.told("1").len(), inn.live("1")[0].proof), (1, Proof::Confirmed));
    // New times wait for the device too.
    inn.until("1", day(3, 9));
    inn.pass(Duration::hours(2));
    assert_eq!(inn.told("1").len(), 1);
    inn.pass(Duration::hours(2));
    assert_eq!(inn.told("1").len(), 2);
    assert_eq!((inn.lock().writes(), inn.trouble().len()), (2, 0));
}

#[test]
fn b02_a_proof_that_falls_back_is_noticed() {
    let inn = Inn::new(confirming());
    inn.book("1", "flat", day(3, 3), day(3, 8));
    assert_eq!(inn.told("1").len(), 1);
    // The device was reset: the cloud writes it there again, and it does not arrive.
    inn.lock().set_device_lag(None);
    inn.lock().forget_on_device(&key("flat"));
    inn.pass(Duration::hours(3));
    assert_eq!(inn.live("1")[0].proof, Proof::Listed);
    inn.pass_until(local(3, 2, 16, 0));
    assert_eq!(inn.trouble(), ["code-not-proven"]);
    inn.lock().set_device_lag(Some(Duration::zero()));
    inn.pass(Duration::hours(1));
    assert_eq!((inn.trouble().len(), inn.told("1").len(), inn.lock().writes()), (0, 1, 1));
    assert!(inn.ledger("1").iter().all(|code| code.state == CodeState::Wanted));
}
