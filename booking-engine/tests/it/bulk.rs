//! L02: much work against an account that takes only so many calls.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use booking_core::conformance::{On, Planted, Trouble, block_on};
use booking_core::{DoorRules, VendorCodeId};
use chrono::{Duration, NaiveDateTime};

use crate::house::day;
use crate::inn::{Inn, Layout};
use crate::watched::Watched;

/// An account of 20 calls a minute, whose client lets a call wait this long for its turn, and so many stays
/// that the next full read shows.
fn inn(patience: i64, stays: i64) -> Inn {
    let mut layout = Layout::flat(DoorRules::new(6));
    layout.paced = Some((20, StdDuration::from_secs(60)));
    layout.patience = Duration::seconds(patience);
    let inn = Inn::new(layout);
    // The vendor allows as much, and a burst on top.
    inn.lock().set_ration(40, Duration::seconds(60));
    for n in 0..stays {
        let arrival = day(3, 3) + Duration::days(n * 37 % stays);
        inn.put(&n.to_string(), "flat", arrival, arrival + Duration::days(1));
    }
    inn
}

/// When the codes open, in the order in which they were made.
fn order(inn: &Inn) -> Vec<Option<NaiveDateTime>> {
    let mut made: Vec<(VendorCodeId, _)> =
        inn.on("flat").into_iter().map(|code| (code.id.clone(), code.start)).collect();
    made.sort();
    made.into_iter().map(|(_, start)| start).collect()
}

#[test]
fn l02_two_hundred_stays_go_through_a_narrow_account_and_the_soonest_first() {
    for (patience, stays, hours) in [(10, 200, 2), (0, 60, 1)] {
        let inn = inn(patience, stays);
        inn.pass(Duration::hours(hours));
        let stays = usize::try_from(stays).unwrap();
        assert_eq!((inn.on("flat").len(), inn.guests.sent().len()), (stays, stays), "{:?}", inn.alerts());
        assert_eq!(inn.lock().refused_by_ration(), 0);
        assert!(inn.desk.sent().is_empty(), "waiting for a turn is no trouble");
        // Who was told to wait comes back when its time is over, and not before somebody later.
        let order = order(&inn);
        let late = order.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(late <= if patience > 0 { 0 } else { 6 }, "{late} of {stays}");
    }
}

#[test]
fn a_host_that_starts_makes_few_keys_due_at_once_since_others_work_on_them() {
    let store = Arc::new(Watched::new());
    let inn = Inn::over(Layout::flat(DoorRules::new(6)), store.clone());
    for n in 0..100 {
        inn.put(&n.to_string(), "flat", day(3, 3) + Duration::days(n), day(3, 4) + Duration::days(n));
    }
    inn.pass(Duration::hours(1));
    assert_eq!(inn.on("flat").len(), 100);
    let before = store.commits();
    block_on(inn.other_host().start()).unwrap();
    assert!(store.commits() > before, "nothing was made due");
    assert!(store.widest() <= 20, "{} keys at once", store.widest());
}

#[test]
fn l01_who_is_blocked_waits_and_the_soonest_arrival_goes_first_after_it() {
    let inn = Inn::new(Layout::flat(DoorRules::new(6)));
    inn.lock().plant(Planted::new(Trouble::TooMany(StdDuration::from_secs(600))).on(On::Writes));
    for n in 0..30 {
        let arrival = day(3, 3) + Duration::days(n * 7 % 30);
        inn.book(&n.to_string(), "flat", arrival, arrival + Duration::days(1));
    }
    let tried = inn.lock().writes();
    inn.pass(Duration::minutes(9));
    assert_eq!(inn.lock().writes(), tried, "nobody asks again before the time");
    inn.lock().mend();
    inn.pass(Duration::minutes(3));
    let order = order(&inn);
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!(order.len(), 30);
    assert_eq!(order, sorted);
    assert!(inn.desk.sent().is_empty());
}
