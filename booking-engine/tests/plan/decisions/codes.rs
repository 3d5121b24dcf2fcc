//! Codes that a stay should have: made, kept as they should be, taken back, named.

use booking_core::store::WriteKind::{Create, Delete, Replace};
use booking_core::store::WriteState::{Applied, NotApplied, Unknown};
use booking_core::{Listing, Proof};
use booking_engine::Mode;
use chrono::Duration;

use super::situations::{
    after, by_staff, deleted, guest_name, heard, in_house, in_seconds, keypad, lost, made, missing, note, on,
    other_digits, relist, removed, served, staff_end, unwanted, write,
};
use super::{FAR, check, nothing, plain};
use crate::case::ViewCase::{Complete, Partial};
use crate::case::{CodeCase, There, Told};

#[test]
#[rustfmt::skip]
fn minted() {
    check(FAR, &[
        ("one code for doors that are alike",
            |c| c.stay.doors = 3, nothing,
            &[
                "mint lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00 + roof 10 15:00 to 11 12:00",
                "wake in 1113600",
            ]),
        ("a code for each length",
            |c| { c.stay.doors = 3; c.doors[1].length = 6; }, nothing,
            &[
                "mint lobby 10 15:00 to 11 12:00 + roof 10 15:00 to 11 12:00",
                "mint flat 10 15:00 to 11 12:00",
                "wake in 1113600",
            ]),
        ("other digits for doors that had others",
            |c| { c.stay.doors = 2; c.codes = vec![removed(), on(1, other_digits(removed()))]; }, nothing,
            &["mint lobby 10 15:00 to 11 12:00", "mint flat 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("one code for doors that had the same",
            |c| { c.stay.doors = 2; c.codes = vec![removed(), on(1, removed())]; }, nothing,
            &["mint lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("the latest digits of a door count",
            |c| { c.stay.doors = 2; c.codes = vec![other_digits(removed()), on(1, removed()), removed()]; },
            nothing,
            &["mint lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("digits from before other ones were wanted do not count",
            |c| {
                c.stay.doors = 2; c.stay.reissued_ago = Some(10);
                c.codes = vec![removed(), on(1, other_digits(removed()))];
            },
            nothing,
            &["mint fresh lobby 10 15:00 to 11 12:00 + flat 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("other digits were made for one door already",
            |c| { c.stay.doors = 2; c.stay.reissued_ago = Some(600); c.codes = vec![made()]; }, nothing,
            &["mint flat 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code that is to go is taken back",
            |c| { c.codes = vec![unwanted(made())]; c.messages = vec![heard()]; }, nothing,
            &["tell CodeChanged by sms to phone later", "code 0: Wanted", "wake in 0"]),
        ("a code that is to go on another keypad is not",
            |c| c.codes = vec![on(4, unwanted(made()))], nothing,
            &["mint lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"]),
        ("a code that is to go on another door is not",
            |c| c.codes = vec![on(1, unwanted(made()))], nothing,
            &["mint lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"]),
        ("a code that is gone is not taken back",
            |c| c.codes = vec![removed()], nothing,
            &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code that is to go since other digits were wanted is not",
            |c| { c.codes = vec![unwanted(made())]; c.stay.reissued_ago = Some(10); }, nothing,
            &["mint fresh lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"]),
        ("a code that is to go but was made after other digits were wanted is",
            |c| { c.codes = vec![unwanted(made())]; c.stay.reissued_ago = Some(600); }, nothing,
            &["tell CodeReady by sms to phone later", "code 0: Wanted", "wake in 0"]),
        ("a code whose digits are forgotten is not",
            |c| c.codes = vec![unwanted(made())], |s| s.codes[0].pins = None,
            &["mint lobby 10 15:00 to 11 12:00", "delete 0", "wake in 1113600"]),
        ("a removal that is taken back is held against a read",
            |c| { c.codes = vec![unwanted(deleted(Applied))]; c.doors[0].settle = 8; }, nothing,
            &["tell CodeReady by sms to phone later", "code 0: Wanted, proof Accepted", "wake in 0"]),
        ("a code that is to go on the keypad that the door had before is not taken back",
            |c| { c.stay.doors = 2; c.codes = vec![made(), on(4, unwanted(made()))]; }, nothing,
            &["mint flat 10 15:00 to 11 12:00", "delete 1", "wake in 1113600"]),
        ("a code that is to go is taken back, with a list in parts",
            |c| {
                c.codes = vec![unwanted(made())]; c.messages = vec![heard()];
                c.doors[0].view = Partial { ago: 11 };
            },
            nothing,
            &["read lobby", "tell CodeChanged by sms to phone later", "code 0: Wanted", "wake in 0"]),
        ("other digits for doors that had others, whatever a third had",
            |c| {
                c.stay.doors = 2;
                c.codes = vec![removed(), on(1, other_digits(removed())), on(2, removed())];
            },
            nothing,
            &["mint lobby 10 15:00 to 11 12:00", "mint flat 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code that is to go is taken back, with a later list in parts",
            |c| {
                c.codes = vec![CodeCase { write: Some((Create, Applied, 30)), ..unwanted(made()) }];
                c.messages = vec![heard()]; c.doors[0].view = Partial { ago: 11 };
            },
            nothing,
            &["tell CodeChanged by sms to phone later", "code 0: Wanted", "wake in 0"]),
    ]);
}

#[test]
#[rustfmt::skip]
fn kept_right() {
    check(FAR, &[
        ("what is there and is known needs nothing",
            served, nothing,
            &["wake in 1275600"]),
        ("a code with other times",
            |c| { served(c); c.codes[0].window = 3; }, nothing,
            &["replace 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code with another name",
            served, |s| s.codes[0].name = "Somebody".into(),
            &["replace 0 10 15:00 to 11 12:00", "wake in 1275600"]),
        ("a code with other times that is not proven any more",
            |c| { served(c); c.codes[0].window = 2; }, |s| s.codes[0].proof = Proof::Used,
            &["replace 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("times that the keypad rounds",
            |c| { served(c); c.doors[0].whole_days = true; }, nothing,
            &["wake in 1275600"]),
        ("a code that vanished once is looked for again",
            |c| { served(c); c.codes[0].there = There::Nothing; c.doors[0].view = Complete { ago: 0 }; },
            nothing,
            &["code 0: missing Some(0)", "wake in 30"]),
        ("a code that vanished half a minute ago is made again",
            |c| { served(c); c.codes[0].there = There::Nothing; },
            |s| { missing(s, 30); write(s, 0).intended_at -= Duration::hours(1); },
            &[
                "create 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "wake in 1113600",
            ]),
        ("a code that vanished less than half a minute ago",
            |c| { served(c); c.codes[0].there = There::Nothing; }, |s| missing(s, 29),
            &["wake in 1"]),
        ("a code that was missed and is there",
            served, |s| missing(s, 20),
            &["code 0: missing None", "wake in 1275600"]),
        ("a code that was missed, and no read since",
            |c| { served(c); c.codes[0].there = There::Nothing; c.doors[0].view = Partial { ago: 1 }; },
            |s| missing(s, 20),
            &["wake in 10"]),
        ("a code that was missed, and no read since for long",
            |c| { served(c); c.codes[0].there = There::Nothing; c.doors[0].view = Partial { ago: 1 }; },
            |s| missing(s, 90),
            &["read lobby", "wake in 1113600"]),
        ("a code that was taken off and is wanted again, and a list still shows it",
            |c| { served(c); c.codes[0].write = Some((Delete, Applied, 5)); c.doors[0].settle = 8; },
            nothing,
            &["wake in 180"]),
        ("a code that was taken off and is wanted again, and is there after all",
            |c| { served(c); c.codes[0].write = Some((Delete, Applied, 5)); }, nothing,
            &["code 0: write Some(NotApplied)", "wake in 1275600"]),
        ("a code that was taken off and is wanted again, and is gone",
            |c| {
                served(c); c.codes[0].write = Some((Delete, Applied, 5)); c.codes[0].there = There::Nothing;
                c.doors[0].settle = 8;
            },
            nothing,
            &[
                "create 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied), id none",
                "wake in 1113600",
            ]),
        ("the same as a list in parts shows it",
            |c| {
                served(c); c.codes[0].write = Some((Delete, Applied, 5)); c.codes[0].there = There::Nothing;
                c.doors[0].view = Partial { ago: 1 };
            },
            nothing,
            &["wake in 540"]),
        ("a removal of unknown outcome, wanted again",
            |c| {
                served(c); c.codes[0].write = Some((Delete, Unknown, 5)); c.codes[0].there = There::Nothing;
                c.doors[0].view = Partial { ago: 1 };
            },
            nothing,
            &["read lobby", "wake in 1113600"]),
        ("a refused removal, wanted again",
            |c| { served(c); c.codes[0].write = Some((Delete, NotApplied, 5)); },
            |s| s.codes[0].proof = Proof::Listed,
            &["wake in 1275600"]),
        ("a code taken off on a keypad that shows nothing, wanted again",
            |c| {
                served(c); c.codes = vec![CodeCase { proof: Proof::Accepted, ..after(Delete, Applied) }];
                c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &[
                "create 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, write Some(NotApplied), id none",
                "wake in 1113600",
            ]),
        ("a code with another end in the app",
            |c| { served(c); c.codes[0].there = There::OtherEnd; }, nothing,
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                "wake in 1113600",
            ]),
        ("a code with other digits in the app",
            |c| { served(c); c.codes[0].there = There::OtherDigits; }, nothing,
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: other digits",
                "wake in 1113600",
            ]),
        ("a code switched off in the app",
            |c| { served(c); c.codes[0].there = There::SwitchedOff; }, nothing,
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: switched off",
                "wake in 1113600",
            ]),
        ("another end may stand",
            |c| { served(c); c.codes[0].there = There::OtherEnd; c.tenant.adopt_drift = true; }, nothing,
            &["let 0 stand", "wake in 1275600"]),
        ("other digits may stand",
            |c| { served(c); c.codes[0].there = There::OtherDigits; c.tenant.adopt_drift = true; }, nothing,
            &["let 0 stand", "wake in 1275600"]),
        ("what is switched off may not stand",
            |c| { served(c); c.codes[0].there = There::SwitchedOff; c.tenant.adopt_drift = true; }, nothing,
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: switched off",
                "wake in 1113600",
            ]),
        ("another end may not stand before it was seen right",
            |c| {
                served(c); c.codes = vec![CodeCase { there: There::OtherEnd, ..after(Create, Applied) }];
                c.tenant.adopt_drift = true;
            },
            nothing,
            &[
                "code 0: proof Requested, since 0, write Some(NotApplied), attempts 1, retry Some(10)",
                "wake in 10",
            ]),
        ("who observes lets nothing stand",
            |c| {
                served(c); c.codes[0].there = There::OtherEnd; c.tenant.adopt_drift = true;
                c.tenant.mode = Mode::Observe;
            },
            nothing,
            &[
                "replace 0 10 15:00 to 11 12:00 later",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                "wake in 1113600",
            ]),
        ("a write that shows otherwise before it is settled",
            |c| {
                served(c); c.codes = vec![CodeCase { there: There::OtherEnd, ..after(Replace, Applied) }];
                c.doors[0].settle = 8;
            },
            nothing,
            &["wake in 180"]),
        ("a write that shows otherwise when it is settled",
            |c| {
                served(c); c.codes = vec![CodeCase { there: There::OtherEnd, ..after(Replace, Applied) }];
            },
            nothing,
            &[
                "code 0: proof Requested, since 0, write Some(NotApplied), attempts 1, retry Some(10)",
                "wake in 10",
            ]),
        ("a start that is over is written as now",
            |c| {
                c.codes = vec![lost(after(Create, NotApplied))]; c.stay.clock = 60;
                c.doors[0].past_start = false;
            },
            nothing,
            &[
                "create 0 10 16:00 to 11 12:00",
                "tell CodeReady by sms to phone later",
                "alert CodeNotProven lobby",
                "wake in 72000",
            ]),
        ("a start that is over and was taken stays",
            |c| { in_house(c, 60); c.doors[0].past_start = false; }, nothing,
            &["wake in 72000"]),
        ("a start that was over and was taken stays",
            |c| { in_house(c, 60); c.doors[0].past_start = false; c.codes[0].window = 2; }, nothing,
            &["wake in 72000"]),
        ("a start that is over is as it is where the end is another",
            |c| { in_house(c, 60); c.doors[0].past_start = false; c.codes[0].window = 1; }, nothing,
            &["replace 0 10 16:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"]),
        ("a start to come on a code that was taken",
            |c| { in_house(c, 60); c.doors[0].past_start = false; },
            |s| {
                s.codes[0].window = s.codes[0].window.starting_no_earlier_than(in_seconds(s, 7200));
                relist(s);
            },
            &["replace 0 10 16:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"]),
        ("a start that is over on a code that was not taken",
            |c| {
                in_house(c, 60); c.doors[0].past_start = false;
                c.codes = vec![CodeCase { window: 2, has_id: false, there: There::Nothing, ..after(Create, NotApplied) }];
            },
            nothing,
            &["create 0 10 16:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"]),
        ("a start that is this moment",
            |c| { c.stay.clock = 0; c.doors[0].past_start = false; }, nothing,
            &["mint lobby 10 15:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 75600"]),
        ("a start that is over where such starts are taken",
            |c| c.stay.clock = 60, nothing,
            &["mint lobby 10 15:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 72000"]),
        ("staff's own end stays",
            served, |s| staff_end(s, 5),
            &["wake in 1275600"]),
        ("staff's own end for other times of the stay does not",
            served, |s| { staff_end(s, 5); by_staff(s).1 = by_staff(s).0.clone(); },
            &["replace 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("text around the marker stays",
            |c| { served(c); c.codes[0].window = 2; }, |s| note(s, "Smoobu#9001 late"),
            &["replace 0 10 15:00 to 11 12:00 noted Smoobu#9001 late", "wake in 1113600"]),
        ("text with another marker does not",
            |c| { served(c); c.codes[0].window = 2; }, |s| note(s, "Smoobu#9001 Smoobu#12"),
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: another marker",
                "wake in 1113600",
            ]),
        ("a start this moment on a code that opened before",
            |c| { in_house(c, 0); c.doors[0].past_start = false; c.codes[0].window = 2; }, nothing,
            &["wake in 75600"]),
        ("a start to come on a code that opened before",
            |c| { in_house(c, -60); c.doors[0].past_start = false; c.codes[0].window = 2; }, nothing,
            &["replace 0 10 15:00 to 11 12:00", "alert CodeNotProven lobby", "wake in 79200"]),
        ("a start that is over on a code that was changed",
            |c| {
                in_house(c, 60); c.doors[0].past_start = false; c.codes[0].window = 2;
                c.codes[0].there = There::OtherEnd;
            },
            nothing,
            &[
                "replace 0 10 16:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert CodeNotProven lobby",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                "wake in 72000",
            ]),
    ]);
}

#[test]
#[rustfmt::skip]
fn names() {
    check(FAR, &[
        ("a name is cut to what the keypad takes",
            |c| c.codes.clear(), |s| keypad(s, |rules| rules.name_len = 5),
            &["mint lobby 10 15:00 to 11 12:00 as Ada E", "wake in 1113600"]),
        ("a name is cut before a blank",
            |c| c.codes.clear(), |s| keypad(s, |rules| rules.name_len = 4),
            &["mint lobby 10 15:00 to 11 12:00 as Ada", "wake in 1113600"]),
        ("a name without blanks around it",
            plain, |s| guest_name(s, Some("  Ada   Example ")),
            &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a guest without a name",
            plain, |s| guest_name(s, None),
            &["mint lobby 10 15:00 to 11 12:00 as Guest", "wake in 1113600"]),
        ("a guest whose name is blank",
            plain, |s| guest_name(s, Some("  ")),
            &["mint lobby 10 15:00 to 11 12:00 as Guest", "wake in 1113600"]),
        ("names that must be unique",
            plain, |s| keypad(s, |rules| rules.unique_names = true),
            &["mint lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa", "wake in 1113600"]),
        ("names that must be unique and short",
            plain, |s| { keypad(s, |rules| { rules.unique_names = true; rules.name_len = 10; }); },
            &["mint lobby 10 15:00 to 11 12:00 as Ada aaaaaa", "wake in 1113600"]),
        ("a second code of the stay where names must be unique",
            |c| { c.codes = vec![unwanted(made())]; c.stay.reissued_ago = Some(0); },
            |s| {
                keypad(s, |rules| rules.unique_names = true); s.codes[0].name = "Ada Example aaaaaa".into();
            },
            &[
                "mint fresh lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa1",
                "delete 0",
                "wake in 1113600",
            ]),
        ("a third code of the stay where names must be unique",
            |c| { c.codes = vec![unwanted(made()), unwanted(made())]; c.stay.reissued_ago = Some(0); },
            |s| {
                keypad(s, |rules| rules.unique_names = true); s.codes[0].name = "Ada Example aaaaaa".into();
                s.codes[1].name = "Ada Example aaaaaa1".into();
            },
            &[
                "mint fresh lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa2",
                "delete 0",
                "delete 1",
                "wake in 1113600",
            ]),
        ("a name that is free again where names must be unique",
            |c| c.codes = vec![removed()],
            |s| {
                keypad(s, |rules| rules.unique_names = true); s.codes[0].name = "Ada Example aaaaaa".into();
            },
            &["mint lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa", "wake in 1113600"]),
        ("a name on another keypad where names must be unique",
            |c| c.codes = vec![on(1, unwanted(made()))],
            |s| {
                keypad(s, |rules| rules.unique_names = true); s.codes[0].name = "Ada Example aaaaaa".into();
            },
            &["mint lobby 10 15:00 to 11 12:00 as Ada Example aaaaaa", "delete 0", "wake in 1113600"]),
        ("a name of ours stays where names must be unique",
            served,
            |s| {
                keypad(s, |rules| rules.unique_names = true);
                s.codes[0].name = "Ada Example aaaaaa1".into();
            },
            &["wake in 1275600"]),
        ("a name that two of ours have changes where names must be unique",
            |c| { c.codes = vec![made(), made()]; c.messages = vec![heard()]; },
            |s| {
                keypad(s, |rules| rules.unique_names = true); s.codes[0].name = "Ada Example aaaaaa".into();
                s.codes[1].name = "Ada Example aaaaaa".into();
            },
            &[
                "replace 1 10 15:00 to 11 12:00 as Ada Example aaaaaa1",
                "delete 0",
                "code 0: Unwanted",
                "wake in 1275600",
            ]),
        ("another name where names must be unique",
            served, |s| keypad(s, |rules| rules.unique_names = true),
            &["replace 0 10 15:00 to 11 12:00 as Ada Example aaaaaa", "wake in 1275600"]),
        ("a backup code's name where names must be unique",
            |c| c.stay.told = Told::Standing, |s| keypad(s, |rules| rules.unique_names = true),
            &["mint flat 07 00:00 to 06 00:00 as Backup 1 aaaaaa", "wake in 2505600"]),
        ("a backup code's name is cut to what the keypad takes",
            |c| c.stay.told = Told::Standing, |s| keypad(s, |rules| rules.name_len = 4),
            &["mint flat 07 00:00 to 06 00:00 as Back", "wake in 2505600"]),
        ("a backup code's name",
            |c| { c.stay.told = Told::Standing; c.stay.grant = 0; },
            |s| s.booking.standing.as_mut().unwrap().number = 0,
            &["mint flat 07 00:00 to 06 00:00 as Backup 1", "wake in 2505600"]),
        ("names that must be unique and a bit longer",
            plain, |s| { keypad(s, |rules| { rules.unique_names = true; rules.name_len = 12; }); },
            &["mint lobby 10 15:00 to 11 12:00 as Ada E aaaaaa", "wake in 1113600"]),
    ]);
}
