//! C08: rights that would end before their time, many at once, wait for somebody's word.

use std::sync::Arc;

use booking_core::conformance::block_on;
use booking_core::store::{Record, Tx, Write};
use booking_core::{BookingStatus, DoorRules, StayDates, TimeSemantics, UnitRef};
use booking_engine::{Brake, CancelInHouse};
use chrono::Duration;

use crate::house::{day, local};
use crate::inn::{Inn, Layout, entrance, reference};
use crate::watched::Watched;

fn brake(share: f64, least: u32, hours: i64) -> Brake {
    let mut brake = Brake::default();
    brake.share = share;
    brake.least = least;
    brake.per = Duration::hours(hours);
    brake
}

/// Two flats with a door each and this many future stays in the first one.
fn inn(stays: usize, brake: Brake) -> Inn {
    let rules = DoorRules::new(4);
    let inn = Inn::new(Layout {
        doors: vec![entrance("flat"), entrance("loft")],
        units: vec![("flat", vec!["flat"]), ("loft", vec!["loft"])],
        brake,
        ..Layout::behind(vec![("flat", rules.clone()), ("loft", rules)])
    });
    for n in 0..stays {
        inn.book(&format!("s{n}"), "flat", day(4, 1), day(4, 3));
    }
    inn
}

fn cancel_all(inn: &Inn, stays: usize) {
    for n in 0..stays {
        inn.cancel(&format!("s{n}"));
    }
}

#[test]
fn c08_many_cancellations_stop_at_the_share_and_staff_hears_once() {
    // Of the source's stays as the last full read counted them, and of the codes on the door.
    for (share, least, stays, removed) in [(0.2, 3, 10, 3), (0.5, 1, 10, 5), (0.0, 0, 4, 0), (1.0, 0, 6, 6)] {
        let inn = inn(stays, brake(share, least, 24));
        inn.pass(Duration::minutes(31));
        cancel_all(&inn, stays);
        assert_eq!(inn.on("flat").len(), stays - removed, "{share} {least}");
        assert_eq!(
            inn.desk("brake"),
            if removed < stays { 2 } else { 0 },
            "one for the door, one for the source"
        );
        // Other work goes on, on the very door.
        inn.book("later", "flat", day(5, 1), day(5, 3));
        assert_eq!((inn.codes("flat", "later").len(), inn.told("later").len()), (1, 1));
        inn.pass(Duration::hours(3));
        assert_eq!(inn.on("flat").len(), stays - removed + 1);
        assert!(inn.desk("brake") <= 2, "staff is told again and again");
    }
}

#[test]
fn c08_what_was_stopped_goes_once_somebody_lifts_the_brake_and_the_alert_ends() {
    let inn = inn(8, brake(0.0, 2, 24));
    cancel_all(&inn, 8);
    assert_eq!(inn.on("flat").len(), 6);
    inn.release(Ok("source"));
    assert_eq!(inn.on("flat").len(), 6, "the door's own brake holds still");
    inn.release(Err("flat"));
    assert!(inn.on("flat").is_empty(), "{:?}", inn.alerts());
    inn.pass(Duration::hours(2));
    assert!(!inn.trouble().contains(&"brake".to_owned()), "{:?}", inn.alerts());
    // The word was for an hour.
    for n in 0..3 {
        inn.book(&format!("t{n}"), "flat", day(4, 1), day(4, 3));
    }
    (0..3).for_each(|n| inn.cancel(&format!("t{n}")));
    assert_eq!(inn.on("flat").len(), 3);
}

#[test]
fn c08_what_waits_at_the_brake_stays_once_the_policy_is_to_keep_it() {
    let mut layout = Layout { brake: brake(0.0, 0, 24), ..Layout::flat(DoorRules::new(4)) };
    layout.policy.cancel_in_house = CancelInHouse::Remove;
    let inn = Inn::new(layout);
    inn.book("1", "flat", day(3, 1), day(3, 4));
    let pin = inn.pin("flat", "1");
    inn.pass_until(local(3, 2, 9, 0));
    inn.cancel("1");
    assert_eq!((inn.on("flat").len(), inn.noted("1", "brake")), (1, 1));
    let inn = inn.restarted(|layout| layout.policy.cancel_in_house = CancelInHouse::Keep);
    inn.pass_until(local(3, 4, 11, 55));
    assert!(inn.opens("flat", &pin, inn.now()), "{:?}", inn.alerts());
    inn.pass_until(local(3, 4, 13, 0));
    assert!(inn.on("flat").is_empty());
}

/// A stay is called off and taken back, again and again, and draws on the brake each time that its code has to go.
#[track_caller]
fn check_drawn_each_time(taken_back_after: Duration) {
    let mut layout = Layout { brake: brake(0.0, 2, 24), ..Layout::flat(DoorRules::new(4)) };
    layout.policy.settle = Duration::minutes(2);
    let inn = Inn::new(layout);
    inn.lock().set_lag(Duration::minutes(1));
    inn.book("1", "flat", day(4, 1), day(4, 3));
    inn.pass(Duration::minutes(10));
    for removed in [true, true, false] {
        inn.cancel("1");
        assert_eq!(inn.on("flat").is_empty(), removed, "{:?}", inn.alerts());
        inn.pass(taken_back_after);
        inn.change("1", |booking| booking.status = BookingStatus::Confirmed);
        inn.pass(Duration::minutes(10));
        assert_eq!(inn.on("flat").len(), 1);
    }
}

#[test]
fn c08_a_code_that_came_back_and_goes_again_is_drawn_again() {
    check_drawn_each_time(Duration::minutes(10));
}

#[test]
fn c08_a_code_that_is_made_anew_before_its_removal_is_proven_is_drawn_again() {
    check_drawn_each_time(Duration::seconds(10));
}

#[test]
fn c08_an_emptied_feed_takes_nothing_and_draws_nothing() {
    let inn = inn(9, brake(0.2, 3, 24));
    inn.pass(Duration::hours(1));
    (0..9).for_each(|n| assert!(inn.source.remove(&reference(&format!("s{n}")))));
    inn.pass(Duration::hours(5));
    assert_eq!(inn.on("flat").len(), 9);
    assert!(!inn.trouble().contains(&"brake".to_owned()));
}

#[test]
fn c08_a_wave_of_cancellations_stops_at_the_least_and_its_return_takes_everything_back() {
    let inn = inn(9, brake(0.2, 3, 24));
    inn.pass(Duration::hours(1));
    let pins: Vec<_> = (0..9).map(|n| inn.pin("flat", &format!("s{n}"))).collect();
    cancel_all(&inn, 9);
    inn.pass(Duration::hours(5));
    assert_eq!(inn.on("flat").len(), 6);
    assert!(inn.trouble().contains(&"brake".to_owned()));
    for n in 0..9 {
        inn.edit(&format!("s{n}"), |booking| booking.status = BookingStatus::Confirmed);
    }
    inn.pass(Duration::hours(2));
    let back: Vec<_> = (0..9).map(|n| inn.pin("flat", &format!("s{n}"))).collect();
    assert_eq!(back, pins);
    assert_eq!(inn.guests.sent().len(), 9, "nobody needed to hear anything");
    assert!(!inn.trouble().contains(&"brake".to_owned()), "nothing waits any more: {:?}", inn.alerts());
}

#[test]
fn c08_the_budget_rolls_and_outlives_a_restart() {
    let inn = inn(9, brake(0.0, 3, 24));
    inn.cancel("s0");
    inn.pass(Duration::hours(10));
    cancel_all(&inn, 9);
    assert_eq!(inn.on("flat").len(), 6);
    let inn = inn.restarted(|_| {});
    inn.pass(Duration::hours(13));
    assert_eq!(inn.on("flat").len(), 6, "a restart spends nothing and frees nothing");
    // What the first removal drew is free again after a day, what the next two drew ten hours later.
    inn.pass(Duration::hours(2));
    assert_eq!(inn.on("flat").len(), 5);
    inn.pass(Duration::hours(10));
    assert_eq!(inn.on("flat").len(), 3);
    inn.pass(Duration::days(3));
    assert!(inn.on("flat").is_empty());
    assert!(!inn.trouble().contains(&"brake".to_owned()), "{:?}", inn.alerts());
    assert_eq!(inn.desk("brake"), 2);
}

#[test]
fn c08_a_changeover_day_draws_nothing() {
    for rules in [DoorRules::new(4), {
        let mut rules = DoorRules::new(4);
        rules.time = TimeSemantics::WholeLocalDays;
        rules
    }] {
        let mut layout = Layout {
            doors: vec![entrance("flat"), entrance("loft")],
            units: vec![("flat", vec!["flat"]), ("loft", vec!["loft"])],
            brake: brake(0.0, 0, 24),
            ..Layout::behind(vec![("flat", rules.clone()), ("loft", rules.clone()), ("new", rules)])
        };
        layout.policy.buffer_after = Duration::minutes(30);
        let inn = Inn::new(layout);
        for n in 0..4 {
            inn.book(&format!("e{n}"), "flat", day(3, 1), day(3, 5));
            inn.book(&format!("m{n}"), "flat", day(3, 3), day(3, 9));
            inn.book(&format!("k{n}"), "loft", day(3, 4), day(3, 10));
        }
        inn.pass_until(local(3, 5, 9, 0));
        // Four leave, four move to the other flat, and the loft gets another keypad.
        for n in 0..4 {
            inn.change(&format!("m{n}"), |booking| booking.unit = Some(UnitRef::parse("loft").unwrap()));
        }
        let inn = inn.restarted(|layout| layout.doors[1].keypad = "new");
        inn.pass_until(local(3, 5, 13, 0));
        assert!(inn.on("flat").is_empty() && inn.on("loft").is_empty(), "{:?}", inn.alerts());
        assert_eq!(inn.on("new").len(), 8);
        assert_eq!((inn.trouble().len(), inn.desk("brake")), (0, 0), "{:?}", inn.alerts());
    }
}

#[test]
fn c08_a_stay_shortened_into_the_past_draws_like_a_cancellation() {
    let inn = inn(0, brake(0.0, 0, 24));
    inn.book("1", "flat", day(3, 1), day(3, 9));
    inn.pass_until(local(3, 5, 9, 0));
    inn.change("1", |booking| booking.dates = Ok(StayDates::new(day(3, 1), day(3, 4)).unwrap()));
    assert_eq!(inn.on("flat").len(), 1);
    assert!(inn.trouble().contains(&"brake".to_owned()));
}

#[test]
fn c08_two_hosts_at_once_do_not_overdraw() {
    let store = Arc::new(Watched::new());
    let layout = Layout { brake: brake(0.0, 1, 24), ..Layout::flat(DoorRules::new(4)) };
    let inn = Inn::over(layout, store.clone());
    for n in 0..2 {
        inn.book(&format!("s{n}"), "flat", day(4, 1), day(4, 3));
    }
    for n in 0..2 {
        inn.edit(&format!("s{n}"), |booking| booking.status = BookingStatus::Cancelled);
        inn.hint(&format!("s{n}"));
    }
    // The other host decides between this one's look at the budget and its change.
    let other = inn.other_host();
    let draws = |tx: &Tx| {
        let brake =
            |write: &Write| matches!(write, Write::Put(record) if matches!(**record, Record::Brake(_)));
        tx.writes.iter().any(brake)
    };
    store.before(draws, move || {
        block_on(other.run_due()).unwrap();
    });
    inn.settle();
    assert_eq!(inn.on("flat").len(), 1);
}
