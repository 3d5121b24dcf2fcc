//! Codes that stay as they are.

use booking_core::store::WriteKind::{Create, Delete, Replace};
use booking_core::store::WriteState::{Applied, NotApplied, Unknown};

use super::situations::{after, in_house, made, missed, missing, on, served, staff_end, unseen, unwanted};
use super::{FAR, check, nothing};
use crate::case::ViewCase::{Complete, Partial};
use crate::case::{CodeCase, Stranger, There, Told};

#[test]
#[rustfmt::skip]
fn kept() {
    check(FAR, &[
        ("a cancelled guest in the house keeps the code",
            |c| { in_house(c, 60); c.stay.told = Told::Cancelled; }, nothing,
            &["alert CancelledInHouse all", "wake in 72000"]),
        ("a cancelled guest in the house whose end has come",
            |c| { in_house(c, 1260); c.stay.told = Told::Cancelled; c.stay.cancelled_ago = 60; }, nothing,
            &["delete 0", "code 0: Unwanted"]),
        ("a vanished guest in the house keeps the code",
            |c| { in_house(c, 60); c.stay.told = Told::Gone; }, nothing,
            &["alert VanishedInHouse all", "wake in 72000"]),
        ("policy takes the code from a cancelled guest in the house",
            |c| { in_house(c, 60); c.stay.told = Told::Cancelled; c.tenant.remove_in_house = true; },
            nothing,
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted",
                "alert CancelledInHouse all",
                "wake in 72000",
            ]),
        ("a stay without dates keeps its code",
            |c| { served(c); c.stay.told = Told::NoDates; }, nothing,
            &["alert UnusableDates all", "wake in 1275600"]),
        ("a kept code that vanishes is looked for",
            |c| { in_house(c, 60); c.stay.told = Told::Cancelled; c.codes[0].there = There::Nothing; },
            nothing,
            &["code 0: missing Some(0)", "alert CancelledInHouse all", "wake in 30"]),
        ("a kept code that was missed half a minute ago is made again",
            |c| { in_house(c, 60); c.stay.told = Told::Cancelled; c.codes[0].there = There::Nothing; },
            |s| missing(s, 30),
            &[
                "create 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert CancelledInHouse all",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "wake in 72000",
            ]),
        ("a kept code that was missed and not read since",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled; c.codes[0].there = There::Nothing;
                c.doors[0].view = Partial { ago: 1 };
            },
            |s| missing(s, 20),
            &["alert CancelledInHouse all", "wake in 10"]),
        ("of two kept codes on a keypad the newer is made again",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled;
                c.codes = vec![unseen(made()), unseen(made())];
            },
            |s| { missing(s, 30); missed(s, 1, 30); },
            &[
                "create 1 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "code 1: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert CancelledInHouse all",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "note drift: the code on door lobby is gone",
                "wake in 72000",
            ]),
        ("a kept code is not made again beside an older one with its digits",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled; c.codes = vec![made(), unseen(made())];
            },
            |s| missed(s, 1, 30),
            &[
                "code 1: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert CancelledInHouse all",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "wake in 72000",
            ]),
        ("a kept code is made again beside an older one with other digits",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled;
                c.codes = vec![CodeCase { digits: 1, ..made() }, unseen(made())];
            },
            |s| missed(s, 1, 30),
            &[
                "create 1 10 15:00 to 11 12:00",
                "code 1: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert CancelledInHouse all",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "wake in 72000",
            ]),
        ("a kept code is made again beside one with its digits that is to go",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled; c.codes = vec![unwanted(made()), unseen(made())];
            },
            |s| missed(s, 1, 30),
            &[
                "create 1 10 15:00 to 11 12:00",
                "delete 0",
                "code 1: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert CancelledInHouse all",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "wake in 72000",
            ]),
        ("a kept code is made again whatever is on another keypad",
            |c| {
                in_house(c, 60); c.stay.doors = 2; c.stay.told = Told::Cancelled;
                c.codes = vec![on(1, made()), unseen(made())];
            },
            |s| missed(s, 1, 30),
            &[
                "create 1 10 15:00 to 11 12:00",
                "code 1: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert CancelledInHouse all",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "wake in 72000",
            ]),
        ("a kept code with an open write is looked into",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled;
                c.codes = vec![unseen(after(Replace, Unknown))]; c.doors[0].settle = 8;
            },
            nothing,
            &["alert CancelledInHouse all", "wake in 180"]),
        ("a kept code that was taken off",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled;
                c.codes[0].write = Some((Delete, Applied, 5)); c.doors[0].settle = 8;
            },
            nothing,
            &["alert CancelledInHouse all", "wake in 180"]),
        ("a kept code whose removal failed",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled;
                c.codes[0].write = Some((Delete, NotApplied, 5));
            },
            nothing,
            &["alert CancelledInHouse all", "wake in 72000"]),
        ("a kept code that was accepted",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled;
                c.codes = vec![unseen(after(Create, Applied))]; c.doors[0].settle = 8;
            },
            nothing,
            &["alert CancelledInHouse all", "wake in 180"]),
        ("a kept code that was to go",
            |c| { in_house(c, 60); c.stay.told = Told::Cancelled; c.codes = vec![unwanted(made())]; },
            nothing,
            &["code 0: Wanted", "alert CancelledInHouse all", "wake in 0"]),
        ("a kept code that was to go beside one that stands",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled; c.codes = vec![unwanted(made()), made()];
            },
            nothing,
            &["delete 0", "alert CancelledInHouse all", "wake in 72000"]),
        ("a kept code that was to go while another is taken over",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled;
                c.codes = vec![CodeCase { digits: 1, ..unwanted(made()) }];
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["adopt x0 on lobby as wanted", "delete 0", "alert CancelledInHouse all", "wake in 72000"]),
        ("a code that staff lets work longer outlives the stay",
            |c| in_house(c, 1300), |s| staff_end(s, 5),
            &["wake in 15600"]),
        ("a code that staff lets work until now",
            |c| in_house(c, 1260 + 300), |s| staff_end(s, 5),
            &["delete 0", "code 0: Unwanted"]),
        ("a code that staff lets work longer, of a stay that is put off",
            |c| { in_house(c, 60); c.stay.told = Told::Block; }, |s| staff_end(s, 5),
            &["weigh door/lobby source/smoobu", "code 0: Unwanted"]),
        ("a code that staff lets work longer, of a stay that was cancelled",
            |c| { in_house(c, 1300); c.stay.told = Told::Cancelled; }, |s| staff_end(s, 5),
            &["delete 0", "code 0: Unwanted"]),
        ("a code that staff lets work longer, of a stay that is gone",
            |c| { in_house(c, 1300); c.stay.told = Told::Gone; },
            |s| { staff_end(s, 5); s.booking.cancelled_at = None; },
            &["delete 0", "code 0: Unwanted"]),
        ("an older code on the keypad of a kept one is not looked for",
            |c| {
                in_house(c, 60); c.stay.told = Told::Cancelled; c.codes = vec![unseen(made()), made()];
                c.doors[0].view = Partial { ago: 1 };
            },
            |s| missing(s, 10),
            &["alert CancelledInHouse all", "wake in 72000"]),
        ("a kept code is looked for whatever is on another door",
            |c| {
                in_house(c, 60); c.stay.doors = 2; c.stay.told = Told::Cancelled;
                c.codes = vec![unseen(made()), on(1, made())]; c.doors[0].view = Partial { ago: 1 };
            },
            |s| missing(s, 10),
            &["alert CancelledInHouse all", "wake in 20"]),
        ("a kept code that was seen is not looked for again",
            |c| { in_house(c, 60); c.stay.told = Told::Cancelled; c.doors[0].view = Complete { ago: 6 }; },
            nothing,
            &["alert CancelledInHouse all", "wake in 72000"]),
    ]);
}
