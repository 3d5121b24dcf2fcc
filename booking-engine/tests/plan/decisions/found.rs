//! Codes on keypads that are ours: found again, taken over, changed by somebody.

use booking_core::store::CodeState;
use booking_core::store::WriteKind::{Create, Delete, Replace};
use booking_core::store::WriteState::{Applied, Intended, NotApplied, Unknown};
use booking_core::{Listing, LockError, Marker, Proof, VendorCodeId};
use booking_engine::Mode;
use chrono::Duration;

use super::situations::{
    after, awaited, heard, in_house, linked, look, lost, made, named, note, on, only_listed, refused, relist,
    removed, served, without_id, write,
};
use super::{FAR, check, nothing};
use crate::case::ViewCase::Complete;
use crate::case::{Case, CodeCase, Stranger, There, Told};
use crate::scene::{Scene, door_id, key, marker, name};

/// A code whose id a list that hid it has lost, taken for gone before the last read.
fn hidden(case: &mut Case) {
    let lost = without_id(after(Create, NotApplied));
    case.codes = vec![CodeCase { state: CodeState::Removed, ..lost }];
    case.stay.told = Told::Cancelled;
    case.doors[0].view = Complete { ago: 0 };
}

/// The lobby's list shows no digits.
fn mask(scene: &mut Scene) {
    scene.truth.get_mut(&key("lobby")).unwrap().iter_mut().for_each(|code| code.stored = None);
    look(scene, "lobby");
}

/// The keypad said that it has the digits, after so many failures.
fn refused_digits(scene: &mut Scene, attempts: u32) {
    refused(scene, 0, attempts);
    write(scene, 0).error = Some(LockError::DuplicatePin.to_string());
}

#[test]
#[rustfmt::skip]
fn found() {
    check(FAR, &[
        ("a code made anew by somebody with our digits",
            |c| {
                served(c); c.codes[0].there = There::Nothing; c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["code 0: id x0", "wake in 1275600"]),
        ("a code made anew by somebody with other digits",
            |c| {
                served(c); c.codes[0].there = There::Nothing; c.codes[0].digits = 1;
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["adopt x0 on lobby as surplus", "code 0: missing Some(0)", "wake in 30"]),
        ("a masked code is ours by its marker",
            |c| {
                served(c); c.codes = vec![without_id(after(Create, Unknown))];
                c.doors[0].listing = Listing::Masked;
            },
            nothing,
            &["code 0: proof Listed, since 0, write Some(Applied), id v0", "wake in 1275600"]),
        ("of two codes the one as it was written",
            |c| {
                served(c);
                c.codes = vec![CodeCase { has_id: false, there: There::OtherEnd, ..after(Create, Unknown) }];
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &[
                "adopt v0 on lobby as surplus",
                "code 0: proof Listed, since 0, write Some(Applied), id x0",
                "wake in 1275600",
            ]),
        ("of two codes with one end the one with the right start",
            |c| {
                served(c);
                c.codes = vec![CodeCase { has_id: false, there: There::AsWritten, ..after(Create, Unknown) }];
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            |s| {
                let codes = s.truth.get_mut(&key("lobby")).unwrap();
                codes[0].start = codes[0].start.map(|at| at + Duration::hours(1)); look(s, "lobby");
            },
            &[
                "adopt v0 on lobby as surplus",
                "code 0: proof Listed, since 0, write Some(Applied), id x0",
                "wake in 1275600",
            ]),
        ("a code that another entry has is not taken for this one",
            |c| { c.codes = vec![made(), lost(after(Create, Unknown))]; c.messages = vec![heard()]; },
            nothing,
            &[
                "create 1 10 15:00 to 11 12:00",
                "delete 0 later",
                "code 1: write Some(NotApplied)",
                "wake in 1113600",
            ]),
        ("a code made anew with the digits of one that is gone",
            |c| {
                c.codes = vec![removed(), without_id(after(Create, Unknown))];
                c.messages = vec![heard()];
            },
            nothing,
            &["code 1: proof Listed, since 0, write Some(Applied), id v1", "wake in 1275600"]),
        ("what is there is matched before what was taken for gone",
            |c| {
                hidden(c); c.codes[0].there = There::Nothing; c.codes.push(without_id(after(Create, Unknown)));
                c.messages = vec![heard()]; c.stay.told = Told::Confirmed;
            },
            mask,
            &["code 1: proof Listed, since 0, write Some(Applied), id v1", "wake in 1275600"]),
        ("a code that a list hid shows again, although its unit is not mapped",
            |c| { hidden(c); c.stay.told = Told::Unmapped; }, nothing,
            &["adopt v0 on lobby as surplus", "alert UnmappedUnit all", "wake in 1275600"]),
        ("a code with other digits is another system's where the unit is not mapped",
            |c| { hidden(c); c.stay.told = Told::Unmapped; c.codes[0].there = There::OtherDigits; }, nothing,
            &["alert UnmappedUnit all", "wake in 1275600"]),
        ("a code on another keypad is another system's where the unit is not mapped",
            |c| { hidden(c); c.stay.told = Told::Unmapped; },
            |s| s.codes[0].key = key("other"),
            &["alert UnmappedUnit all", "wake in 1275600"]),
        ("a code beside one that was never gone is another system's where the unit is not mapped",
            |c| {
                c.codes = vec![made()]; c.stay.told = Told::Unmapped;
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted",
                "alert UnmappedUnit all",
                "wake in 1275600",
            ]),
        ("a masked code of a known id that was proven gone is not looked for under another one",
            hidden,
            |s| { mask(s); named(s, 0, &[], Some("other")); },
            &["alert ForeignMarker lobby a code with our marker whose digits are masked"]),
        ("a masked code that a list hid is known by an id that it had",
            |c| { hidden(c); c.codes[0].there = There::OtherEnd; },
            |s| { mask(s); named(s, 0, &["v0"], None); },
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted, id v0",
                "note code-back: a removed code is on door lobby again",
            ]),
        ("a masked code that another entry had is that one's",
            |c| {
                c.codes = vec![removed(), without_id(after(Create, Unknown))];
                c.messages = vec![heard()];
            },
            |s| { mask(s); named(s, 0, &["v1"], None); },
            &[
                "create 1 10 15:00 to 11 12:00",
                "code 0: Unwanted, write Some(NotApplied), id v1",
                "code 1: write Some(NotApplied)",
                "note code-back: a removed code is on door lobby again",
                "wake in 1800",
            ]),
        ("of two codes that it had the newest is it",
            |c| { served(c); c.doors[0].strangers = vec![Stranger::Ours]; },
            |s| named(s, 0, &["v0", "x0"], Some("v0")),
            &["adopt v0 on lobby as surplus", "code 0: id x0", "wake in 1275600"]),
        ("of two codes that it had the older one is surplus",
            |c| { served(c); c.doors[0].strangers = vec![Stranger::Ours]; },
            |s| named(s, 0, &["x0", "v0"], Some("x0")),
            &["adopt x0 on lobby as surplus", "code 0: id v0", "wake in 1275600"]),
        ("a masked code that it had before is surplus beside it",
            |c| { served(c); c.doors[0].strangers = vec![Stranger::Ours]; },
            |s| { mask(s); named(s, 0, &["x0", "v0"], Some("v0")); },
            &["adopt x0 on lobby as surplus", "wake in 1275600"]),
        ("an id that it had is another stay's by now",
            |c| {
                served(c); c.codes = vec![lost(after(Create, Unknown))];
                c.doors[0].strangers = vec![Stranger::Foreign];
            },
            |s| named(s, 0, &["x0"], None),
            &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)", "wake in 1113600"]),
        ("the id of a removed code is another stay's by now",
            |c| {
                c.codes = vec![removed()]; c.doors[0].strangers = vec![Stranger::Foreign];
                c.stay.told = Told::Cancelled;
            },
            |s| named(s, 0, &[], Some("x0")),
            &[]),
        ("the id of a code is still its own under a note that somebody changed",
            served, |s| note(s, "Smoobu#90012"),
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: another marker",
                "wake in 1113600",
            ]),
        ("a removed code without a marker is back",
            |c| {
                c.codes = vec![removed()]; c.doors[0].strangers = vec![Stranger::Unmarked];
                c.stay.told = Told::Cancelled;
            },
            |s| {
                named(s, 0, &[], Some("x0"));
                s.codes[0].note = s.truth[&key("lobby")][0].note.clone();
            },
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted, write Some(NotApplied)",
                "note code-back: a removed code is on door lobby again",
            ]),
        ("a masked code that a list hid is known by its times",
            hidden, mask,
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted, id v0",
                "note code-back: a removed code is on door lobby again",
            ]),
        ("a masked code with another end need not be the one that a list hid",
            |c| { hidden(c); c.codes[0].there = There::OtherEnd; }, mask,
            &["alert ForeignMarker lobby a code with our marker whose digits are masked"]),
        ("a masked code is the one whose digits the keypad refused twice",
            |c| { hidden(c); c.codes[0].there = There::OtherEnd; }, |s| { mask(s); refused_digits(s, 1); },
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted, id v0",
                "note code-back: a removed code is on door lobby again",
            ]),
        ("a masked code may be in the way of one that was offered once",
            |c| { hidden(c); c.codes[0].there = There::OtherEnd; }, |s| { mask(s); refused_digits(s, 0); },
            &["alert ForeignMarker lobby a code with our marker whose digits are masked"]),
        ("a masked code need not be one that was refused for another reason",
            |c| { hidden(c); c.codes[0].there = There::OtherEnd; }, |s| { mask(s); refused(s, 0, 1); },
            &["alert ForeignMarker lobby a code with our marker whose digits are masked"]),
        ("a code under a marker from before",
            |c| {
                served(c); c.codes = vec![lost(after(Create, Unknown))];
                c.doors[0].strangers = vec![Stranger::Foreign];
            },
            |s| s.former = vec![Marker::new("Smoobu", "90012").unwrap()],
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: write Some(NotApplied), id x0",
                "wake in 1113600",
            ]),
        ("a code under the marker that it was written with goes before one from before",
            |c| {
                served(c); c.codes = vec![without_id(after(Create, Unknown))];
                c.doors[0].strangers = vec![Stranger::Foreign];
            },
            |s| s.former = vec![Marker::new("Smoobu", "90012").unwrap(), marker()],
            &[
                "adopt x0 on lobby as surplus",
                "code 0: proof Listed, since 0, write Some(Applied), id v0",
                "wake in 1275600",
            ]),
        ("a former marker is the one that it was written with",
            |c| {
                served(c); c.codes = vec![lost(after(Create, Unknown))];
                c.doors[0].strangers = vec![Stranger::Foreign];
            },
            |s| s.former = vec![marker()],
            &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)", "wake in 1113600"]),
        ("a proof may fall",
            |c| { served(c); c.codes[0].proof = Proof::Confirmed; }, only_listed,
            &["code 0: proof Listed, since -60", "wake in 1275600"]),
        ("a proof of use stays",
            |c| { served(c); c.codes[0].proof = Proof::Used; }, only_listed,
            &["wake in 1275600"]),
        ("a read from before the write shows nothing of it",
            |c| { served(c); c.codes[0].there = There::OtherEnd; c.doors[0].view = Complete { ago: 6 }; },
            nothing,
            &["wake in 1275600"]),
        ("a refused write that shows as it should be",
            |c| { served(c); c.codes = vec![after(Replace, NotApplied)]; },
            |s| s.codes[0].vendor_id = Some(VendorCodeId::parse("v0").unwrap()),
            &["code 0: proof Listed, since 0", "wake in 1275600"]),
        ("a keypad that got another name",
            |c| { served(c); c.codes[0].door = 0; },
            |s| { s.codes[0].door = door_id("entrance"); s.codes[0].lock = name("former"); },
            &["code 0: door lobby", "wake in 1275600"]),
        ("a removed code on a keypad that got another name",
            |c| { served(c); c.codes.insert(0, removed()); }, |s| s.codes[0].door = door_id("entrance"),
            &["wake in 1275600"]),
        ("a code on a keypad that is retired",
            |c| { served(c); c.codes.insert(0, on(4, made())); c.tenant.retired = true; }, nothing,
            &[
                "code 0: Removed, id none",
                "note code-written-off: the keypad that door flat had is retired",
                "wake in 1275600",
            ]),
        ("a code on a keypad that is gone and not retired",
            |c| { served(c); c.codes.insert(0, on(4, made())); }, nothing,
            &["delete 0", "code 0: Unwanted", "wake in 1275600"]),
        ("an open write on a keypad that shows nothing",
            |c| {
                served(c); c.codes = vec![without_id(after(Create, Intended))];
                c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)", "wake in 1113600"]),
        ("an open write on a keypad that shows nothing, and another name since",
            |c| {
                served(c); c.codes = vec![without_id(after(Create, Intended))];
                c.doors[0].listing = Listing::Nothing;
            },
            |s| s.codes[0].note = "Smoobu#9002".into(),
            &[
                "create 0 10 15:00 to 11 12:00 noted Smoobu#9002",
                "code 0: write Some(NotApplied)",
                "wake in 1113600",
            ]),
        ("a write that a keypad took which shows nothing, and another name since",
            |c| {
                served(c); c.codes = vec![after(Create, Applied)];
                c.doors[0].listing = Listing::Nothing;
            },
            |s| { s.codes[0].note = "Smoobu#9002".into(); s.codes[0].name = "Bo Example".into(); },
            &["replace 0 10 15:00 to 11 12:00 without room", "wake in 1275600"]),
        ("a replace that found nothing on a keypad that shows nothing, and another name since",
            |c| {
                served(c); c.codes = vec![without_id(after(Replace, NotApplied))];
                c.doors[0].listing = Listing::Nothing;
            },
            |s| s.codes[0].note = "Smoobu#9002".into(),
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a write that failed on a keypad that lists, and another name since",
            |c| { served(c); c.codes = vec![without_id(after(Create, NotApplied))]; },
            |s| {
                s.codes[0].note = "Smoobu#9002".into();
                s.truth.get_mut(&key("lobby")).unwrap().clear(); look(s, "lobby");
            },
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("an open replace on a keypad that shows nothing",
            |c| {
                served(c); c.codes = vec![CodeCase { proof: Proof::Accepted, ..after(Replace, Unknown) }];
                c.doors[0].listing = Listing::Nothing;
            },
            |s| s.codes[0].proof = Proof::Accepted,
            &["code 0: write Some(NotApplied)", "wake in 1275600"]),
        ("an open removal on a keypad that shows nothing, wanted again",
            |c| {
                served(c); c.codes = vec![CodeCase { proof: Proof::Accepted, ..after(Delete, Unknown) }];
                c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &[
                "replace 0 10 15:00 to 11 12:00 without room",
                "code 0: proof Requested, write Some(NotApplied)",
                "wake in 1113600",
            ]),
        ("a removed code is not found on a keypad that lists it under another id",
            |c| {
                c.codes = vec![removed()]; c.doors[0].strangers = vec![Stranger::Foreign];
                c.stay.told = Told::Cancelled;
            },
            nothing,
            &[]),
        ("a code that vanished a moment ago and whose write did not last",
            |c| {
                served(c);
                c.codes = vec![CodeCase { there: There::Nothing, attempts: 1, ..after(Replace, Applied) }];
            },
            nothing,
            &[
                "code 0: proof Requested, since 0, write Some(NotApplied), id none, attempts 2, retry Some(20)",
                "wake in 20",
            ]),
        ("a listed code that changed is written at once",
            |c| { served(c); c.codes[0].there = There::OtherEnd; c.codes[0].attempts = 2; }, nothing,
            &[
                "replace 0 10 15:00 to 11 12:00",
                "code 0: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: end 2027-06-11 12:00 became 2027-06-11 11:00",
                "wake in 1113600",
            ]),
    ]);
}

#[test]
#[rustfmt::skip]
fn adopted() {
    check(FAR, &[
        ("a code of an earlier system is taken over",
            |c| c.doors[0].strangers = vec![Stranger::Ours], nothing,
            &["adopt x0 on lobby as wanted", "wake in 1113600"]),
        ("a code of an earlier system on another door is surplus",
            |c| c.doors[1].strangers = vec![Stranger::Ours], nothing,
            &["adopt x0 on flat as surplus", "mint lobby 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code of an earlier system beside ours is surplus",
            |c| { served(c); c.doors[0].strangers = vec![Stranger::Ours]; }, nothing,
            &["adopt x0 on lobby as surplus", "wake in 1275600"]),
        ("a code of an earlier system beside one that was taken over",
            |c| { served(c); c.codes[0].adopted = true; c.doors[0].strangers = vec![Stranger::Ours]; },
            nothing,
            &["adopt x0 on lobby as wanted", "wake in 1275600"]),
        ("a code of an earlier system whose stay is over",
            |c| { c.stay.told = Told::Cancelled; c.doors[0].strangers = vec![Stranger::Ours]; }, nothing,
            &["adopt x0 on lobby as surplus"]),
        ("a code of an earlier system whose guest is kept in the house",
            |c| {
                in_house(c, 60); c.codes.clear(); c.stay.told = Told::Cancelled;
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["adopt x0 on lobby as wanted", "alert CancelledInHouse all", "wake in 72000"]),
        ("a code of an earlier system of a unit that nobody knows",
            |c| {
                c.stay.told = Told::Unmapped; c.stay.grant = 0; c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["alert UnmappedUnit all"]),
        ("a code of an earlier system of a stay without dates",
            |c| {
                c.stay.told = Told::NoDates; c.stay.grant = 0; c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["alert UnusableDates all"]),
        ("a code of an earlier system of a booking that nobody has seen",
            |c| {
                c.stay.told = Told::NeverSeen; c.stay.grant = 0;
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["alert ForeignMarker lobby the source does not know the booking that the marker names"]),
        ("a code of an earlier system that is only observed",
            |c| { c.doors[0].strangers = vec![Stranger::Ours]; c.tenant.mode = Mode::Observe; }, nothing,
            &[
                "mint lobby 10 15:00 to 11 12:00 later",
                "note would-adopt: a code with our marker on door lobby",
                "wake in 1113600",
            ]),
        ("a code of an earlier system whose digits are masked",
            |c| { c.doors[0].strangers = vec![Stranger::OursMasked]; c.doors[0].listing = Listing::Masked; },
            nothing,
            &[
                "mint lobby 10 15:00 to 11 12:00",
                "alert ForeignMarker lobby a code with our marker whose digits are masked",
                "wake in 1113600",
            ]),
        ("two codes of an earlier system",
            |c| c.doors[0].strangers = vec![Stranger::OursTwice], nothing,
            &["adopt x0 on lobby as wanted", "adopt y0 on lobby as wanted", "wake in 1113600"]),
        ("a code with two markers is nobody's",
            |c| c.doors[0].strangers = vec![Stranger::TwoMarkers], nothing,
            &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code with another stay's marker is not ours",
            |c| c.doors[0].strangers = vec![Stranger::Foreign], nothing,
            &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code with a marker from before",
            |c| c.doors[0].strangers = vec![Stranger::Foreign],
            |s| s.former = vec![Marker::new("Smoobu", "90012").unwrap()],
            &["adopt x0 on lobby as wanted", "wake in 1113600"]),
        ("an unmarked code that staff has linked",
            |c| c.doors[0].strangers = vec![Stranger::Unmarked], |s| linked(s, "lobby"),
            &["adopt x0 on lobby as wanted", "wake in 1113600"]),
        ("an unmarked code that staff has linked on another keypad",
            |c| c.doors[0].strangers = vec![Stranger::Unmarked], |s| linked(s, "flat"),
            &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a code in the ledger is not taken over",
            served, nothing,
            &["wake in 1275600"]),
        ("a code of the same id on another keypad is taken over",
            |c| { c.stay.doors = 2; c.codes = vec![made()]; c.doors[1].strangers = vec![Stranger::Ours]; },
            |s| { named(s, 0, &[], Some("x0")); relist(s); },
            &["adopt x0 on flat as wanted", "adopt v0 on lobby as surplus", "wake in 1113600"]),
        ("a code that may be the one written after the read is awaited",
            awaited, nothing,
            &["read lobby", "tell CodeReady by sms to phone later", "wake in 1113600"]),
        ("other digits are none that is awaited",
            |c| { awaited(c); c.codes[0].digits = 1; }, nothing,
            &[
                "adopt x0 on lobby as surplus",
                "read lobby",
                "tell CodeReady by sms to phone later",
                "wake in 1113600",
            ]),
        ("a code that a read shows that began after the write",
            |c| { awaited(c); c.codes[0].write = Some((Create, Unknown, 7)); }, nothing,
            &[
                "tell CodeReady by sms to phone",
                "code 0: proof Listed, since -300, write Some(Applied), id x0",
                "wake in 1275600",
            ]),
        ("a code on another door is none that is awaited",
            |c| { awaited(c); c.stay.doors = 2; c.codes[0].door = 1; }, nothing,
            &[
                "adopt x0 on lobby as wanted",
                "create 0 10 15:00 to 11 12:00",
                "code 0: write Some(NotApplied)",
                "wake in 1113600",
            ]),
        ("a code of an entry that has a place already is none that is awaited",
            awaited, |s| s.codes[0].vendor_id = Some(VendorCodeId::parse("v9").unwrap()),
            &[
                "adopt x0 on lobby as surplus",
                "read lobby",
                "tell CodeReady by sms to phone later",
                "wake in 1113600",
            ]),
        ("a code of an entry that is to go is none that is awaited",
            |c| { awaited(c); c.codes[0].state = CodeState::Unwanted; }, nothing,
            &["adopt x0 on lobby as wanted", "read lobby", "wake in 1113600"]),
    ]);
}
