//! Codes that are to go: at once, when the brake lets them, when the wanted one is seen.

use booking_core::store::CodeState;
use booking_core::store::WriteKind::{Create, Delete};
use booking_core::store::WriteState::{Applied, Intended, NotApplied, Unknown};
use booking_core::{Listing, Proof};
use booking_engine::Mode;
use chrono::Duration;

use super::situations::{
    after, cancelled, capacity, deleted, failing, heard, in_house, lost, made, on, other_digits, recovered,
    refused, served, spent, unseen, unwanted, without_id,
};
use super::{FAR, check, nothing};
use crate::case::ViewCase::{Complete, Partial};
use crate::case::{CodeCase, MessageCase, There, Told, ViewCase};
use crate::scene::{Scene, code_id};

/// The first message told the guest this code instead.
fn goes_by(scene: &mut Scene, code: usize) {
    let door = scene.codes[code].door.clone();
    let told = &mut scene.messages[0].told.as_mut().unwrap().codes[0];
    (told.door, told.code) = (door, code_id(code));
}

#[test]
#[rustfmt::skip]
fn removals() {
    check(FAR, &[
        ("a cancelled stay's code asks the brake",
            |c| { c.codes = vec![made()]; c.stay.told = Told::Cancelled; }, nothing,
            &["weigh door/lobby source/smoobu", "code 0: Unwanted"]),
        ("a cancelled stay's code goes",
            |c| { c.codes = vec![made()]; cancelled(c, 3); }, nothing,
            &["delete 0", "code 0: Unwanted", "draw source/smoobu for 0", "draw door/lobby for 0"]),
        ("a stay over takes no look at the brake",
            |c| in_house(c, 2000), nothing,
            &["delete 0", "code 0: Unwanted"]),
        ("the end itself ends no right",
            |c| in_house(c, 1260), nothing,
            &["delete 0", "code 0: Unwanted"]),
        ("a second before the end the code stays",
            |c| in_house(c, 1260), |s| s.now -= Duration::seconds(1),
            &["wake in 1"]),
        ("a right that ends this moment draws nothing",
            |c| { c.codes = vec![unwanted(made())]; c.stay.told = Told::Cancelled; c.stay.clock = 1260; },
            nothing,
            &["delete 0"]),
        ("a code whose window was made longer than the stay draws nothing once the stay is over",
            |c| { c.codes = vec![unwanted(made())]; c.stay.told = Told::Cancelled; c.stay.clock = 1261; },
            |s| s.codes[0].window = s.codes[0].window.widened(Duration::zero(), Duration::hours(5)),
            &["delete 0"]),
        ("the brake has nothing left",
            |c| { c.codes = vec![made()]; cancelled(c, 0); }, nothing,
            &[
                "code 0: Unwanted",
                "note brake: a removal on door lobby waits",
                "braked door/lobby",
                "braked source/smoobu",
                "wake in 3600",
            ]),
        ("the brake has nothing left for the door until the oldest removal is a day old",
            |c| { c.codes = vec![made()]; cancelled(c, 1); }, |s| spent(s, "door/lobby", 7, 59 * 60),
            &[
                "code 0: Unwanted",
                "note brake: a removal on door lobby waits",
                "braked door/lobby",
                "wake in 82860",
            ]),
        ("the brake has nothing left but comes back within seconds",
            |c| { c.codes = vec![made()]; cancelled(c, 1); }, |s| spent(s, "door/lobby", 7, 86_399),
            &[
                "code 0: Unwanted",
                "note brake: a removal on door lobby waits",
                "braked door/lobby",
                "wake in 30",
            ]),
        ("both budgets are spent, one for longer",
            |c| { c.codes = vec![made()]; cancelled(c, 1); },
            |s| { spent(s, "door/lobby", 7, 600); spent(s, "source/smoobu", 8, 1200); },
            &[
                "code 0: Unwanted",
                "note brake: a removal on door lobby waits",
                "braked door/lobby",
                "braked source/smoobu",
                "wake in 85800",
            ]),
        ("a budget of two, one spent",
            |c| { c.codes = vec![made()]; cancelled(c, 2); }, |s| spent(s, "door/lobby", 7, 600),
            &["delete 0", "code 0: Unwanted", "draw source/smoobu for 0", "draw door/lobby for 0"]),
        ("two codes on one door with a budget of one",
            |c| { c.codes = vec![made(), made()]; cancelled(c, 1); }, nothing,
            &[
                "delete 0",
                "code 0: Unwanted",
                "code 1: Unwanted",
                "note brake: a removal on door lobby waits",
                "draw source/smoobu for 0",
                "draw door/lobby for 0",
                "braked door/lobby",
                "braked source/smoobu",
                "wake in 3600",
            ]),
        ("a removal that was drawn already draws nothing more",
            |c| { c.codes = vec![made()]; cancelled(c, 1); },
            |s| { spent(s, "door/lobby", 0, 60); spent(s, "source/smoobu", 0, 60); },
            &["delete 0", "code 0: Unwanted"]),
        ("a code written since it was drawn draws anew",
            |c| { c.codes = vec![made()]; cancelled(c, 1); },
            |s| { spent(s, "door/lobby", 0, 301); spent(s, "source/smoobu", 0, 301); },
            &[
                "code 0: Unwanted",
                "note brake: a removal on door lobby waits",
                "braked door/lobby",
                "braked source/smoobu",
                "wake in 86099",
            ]),
        ("a code drawn in the moment of its last write was drawn after it",
            |c| { c.codes = vec![made()]; cancelled(c, 1); },
            |s| { spent(s, "door/lobby", 0, 300); spent(s, "source/smoobu", 0, 300); },
            &["delete 0", "code 0: Unwanted"]),
        ("a failed removal since it was drawn draws nothing more",
            |c| { c.codes = vec![unwanted(deleted(NotApplied))]; cancelled(c, 1); },
            |s| { spent(s, "door/lobby", 0, 400); spent(s, "source/smoobu", 0, 400); },
            &["delete 0"]),
        ("a released brake lets all go",
            |c| { c.codes = vec![made()]; cancelled(c, 0); },
            |s| s.budgets.values_mut().for_each(|budget| budget.released = true),
            &["delete 0", "code 0: Unwanted"]),
        ("only the source's brake is released",
            |c| { c.codes = vec![made()]; cancelled(c, 0); },
            |s| s.budgets.get_mut("source/smoobu").unwrap().released = true,
            &[
                "code 0: Unwanted",
                "note brake: a removal on door lobby waits",
                "braked door/lobby",
                "wake in 3600",
            ]),
        ("a backup code in the pool is nobody's right",
            |c| { c.codes = vec![unwanted(made())]; c.stay.told = Told::Standing; c.stay.grant = 0; },
            |s| s.booking.standing.as_mut().unwrap().number = 9,
            &["delete 0"]),
        ("a code that another system's failure left is taken off again",
            |c| {
                c.codes = vec![CodeCase { state: CodeState::Removed, ..made() }];
                c.stay.told = Told::Cancelled; c.doors[0].view = Complete { ago: 0 };
            },
            nothing,
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted, write Some(NotApplied)",
                "note code-back: a removed code is on door lobby again",
            ]),
        ("a removed code is not back by a read from before",
            |c| {
                c.codes = vec![CodeCase { state: CodeState::Removed, ..made() }];
                c.stay.told = Told::Cancelled; c.doors[0].view = Complete { ago: 90 };
            },
            nothing,
            &[]),
        ("a removal that the list still shows a moment after",
            |c| {
                c.codes = vec![unwanted(deleted(Applied))]; c.stay.told = Told::Cancelled;
                c.doors[0].settle = 8;
            },
            nothing,
            &["wake in 180"]),
        ("a removal that the list still shows long after",
            |c| {
                c.codes = vec![unwanted(deleted(Applied))]; c.stay.told = Told::Cancelled;
                c.doors[0].settle = 5;
            },
            nothing,
            &["code 0: write Some(NotApplied), attempts 1, retry Some(10)", "wake in 10"]),
        ("a removal of unknown outcome that the list still shows long after",
            |c| { c.codes = vec![unwanted(deleted(Unknown))]; c.stay.told = Told::Cancelled; }, nothing,
            &["weigh door/lobby source/smoobu", "code 0: write Some(NotApplied)"]),
        ("a removal that a list in parts cannot prove",
            |c| {
                c.codes = vec![unwanted(CodeCase { proof: Proof::Listed, there: There::Nothing, ..after(Delete, Applied) })];
                c.stay.told = Told::Cancelled; c.doors[0].view = Partial { ago: 2 };
            },
            nothing,
            &["wake in 480"]),
        ("a removal that a list in parts a moment ago cannot prove",
            |c| {
                c.codes = vec![unwanted(CodeCase { proof: Proof::Listed, there: There::Nothing, ..after(Delete, Applied) })];
                c.stay.told = Told::Cancelled; c.doors[0].view = Partial { ago: 0 };
            },
            nothing,
            &["wake in 600"]),
        ("a list in parts doubts a removal for ten minutes",
            |c| {
                c.codes = vec![unwanted(CodeCase { proof: Proof::Listed, there: There::Nothing, write: Some((Delete, Applied, 30)), ..made() })];
                c.stay.told = Told::Cancelled; c.doors[0].view = Partial { ago: 11 };
            },
            nothing,
            &["read lobby"]),
        ("an open write of a code that is not wanted is looked into",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Intended)))]; c.stay.told = Told::Cancelled;
                c.doors[0].settle = 8;
            },
            nothing,
            &["wake in 180"]),
        ("an open write of a code that is not wanted shows at last",
            |c| { c.codes = vec![unwanted(without_id(after(Create, Unknown)))]; cancelled(c, 3); }, nothing,
            &[
                "delete 0",
                "code 0: write Some(Applied), id v0",
                "draw source/smoobu for 0",
                "draw door/lobby for 0",
            ]),
        ("a write that no read shows in its time came to nothing",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Unknown)))]; c.stay.told = Told::Cancelled;
                c.doors[0].settle = 5;
            },
            nothing,
            &[
                "code 0: Removed, since 0",
                "note code-removed: a complete read shows no code of ours on door lobby",
            ]),
        ("a refused write may not come any more",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, NotApplied)))]; c.stay.told = Told::Cancelled;
                c.doors[0].settle = 8;
            },
            nothing,
            &[
                "code 0: Removed, since 0",
                "note code-removed: a complete read shows no code of ours on door lobby",
            ]),
        ("a listed code that is gone while it was to go",
            |c| {
                c.codes = vec![unwanted(unseen(made()))]; c.stay.told = Told::Cancelled;
                c.doors[0].settle = 8;
            },
            nothing,
            &[
                "code 0: Removed, since 0",
                "note code-removed: a complete read shows no code of ours on door lobby",
            ]),
        ("an accepted code, not seen yet, that is to go",
            |c| {
                c.codes = vec![unwanted(unseen(after(Create, Applied)))]; c.stay.told = Told::Cancelled;
                c.doors[0].settle = 8;
            },
            nothing,
            &["weigh door/lobby source/smoobu"]),
        ("an adopted code without a write that is gone",
            |c| {
                c.codes = vec![unwanted(CodeCase { there: There::Nothing, write: None, adopted: true, ..made() })];
                c.stay.told = Told::Cancelled;
            },
            nothing,
            &[
                "code 0: Removed, since 0",
                "note code-removed: a complete read shows no code of ours on door lobby",
            ]),
        ("a removal that waits after a failure",
            |c| {
                c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                c.stay.told = Told::Cancelled; c.doors[0].view = Complete { ago: 6 };
            },
            nothing,
            &["wake in 420"]),
        ("a removal whose pause is over",
            |c| { c.codes = vec![unwanted(CodeCase { retry_in: Some(0), ..made() })]; cancelled(c, 3); },
            nothing,
            &["delete 0", "draw source/smoobu for 0", "draw door/lobby for 0"]),
        ("a removal that waits no longer, its lock account works again",
            |c| { c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })]; cancelled(c, 3); },
            |s| recovered(s, "model", -299),
            &["delete 0", "draw source/smoobu for 0", "draw door/lobby for 0"]),
        ("a removal that waits on, its lock account worked again before it failed",
            |c| { c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })]; cancelled(c, 3); },
            |s| recovered(s, "model", -300),
            &["wake in 420"]),
        ("a removal in upsert-only is told",
            |c| { c.codes = vec![made()]; c.stay.told = Told::Cancelled; c.tenant.mode = Mode::UpsertOnly; },
            nothing,
            &["code 0: Unwanted", "note would-delete: a code of ours on door lobby is not wanted"]),
        ("a removal in upsert-only of what never was there",
            |c| {
                c.codes = vec![unwanted(CodeCase { has_id: false, there: There::Nothing, write: None, ..after(Create, NotApplied) })];
                c.stay.told = Told::Cancelled; c.tenant.mode = Mode::UpsertOnly;
                c.doors[0].view = ViewCase::None;
            },
            nothing,
            &["read lobby"]),
        ("a removal in upsert-only on a keypad that shows nothing",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Unknown)))]; c.stay.told = Told::Cancelled;
                c.tenant.mode = Mode::UpsertOnly; c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &[
                "code 0: write Some(NotApplied)",
                "note would-delete: a code of ours on door lobby is not wanted",
            ]),
        ("an open write on a keypad that shows nothing is made again to be removed",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Unknown)))]; c.stay.told = Told::Cancelled;
                c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)"]),
        ("a code that was never written on a keypad that shows nothing",
            |c| {
                c.codes = vec![unwanted(CodeCase { has_id: false, there: There::Nothing, write: None, ..after(Create, NotApplied) })];
                c.stay.told = Told::Cancelled; c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &["code 0: Removed", "wake in 0"]),
        ("a code whose place on a keypad that shows nothing its successor took",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Unknown))), after(Create, Applied)];
                c.doors[0].listing = Listing::Nothing; c.messages = vec![heard()];
            },
            nothing,
            &["code 0: Removed, write Some(NotApplied)", "wake in 0"]),
        ("a code whose successor on a keypad that shows nothing is not taken yet",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Unknown))), lost(after(Create, NotApplied))];
                c.doors[0].listing = Listing::Nothing; c.messages = vec![heard()];
            },
            nothing,
            &[
                "create 1 10 15:00 to 11 12:00",
                "code 0: write Some(NotApplied)",
                "wake in 1113600",
            ]),
        ("a code with another note on a keypad that shows nothing is no successor",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Unknown))), after(Create, Applied)];
                c.doors[0].listing = Listing::Nothing; c.messages = vec![heard()];
            },
            |s| s.codes[0].note = "Smoobu#9002".into(),
            &[
                "create 0 10 15:00 to 11 12:00 noted Smoobu#9002",
                "code 0: write Some(NotApplied)",
                "wake in 1275600",
            ]),
        ("a code that goes, too, is no successor",
            |c| {
                c.codes = vec![unwanted(lost(after(Create, Unknown))), unwanted(after(Create, Applied))];
                c.doors[0].listing = Listing::Nothing; cancelled(c, 3);
            },
            nothing,
            &[
                "create 0 10 15:00 to 11 12:00",
                "delete 1",
                "code 0: write Some(NotApplied)",
                "draw source/smoobu for 1",
                "draw door/lobby for 1",
            ]),
        ("a removal that a keypad took which shows nothing",
            |c| {
                c.codes = vec![unwanted(after(Delete, Applied))]; c.stay.told = Told::Cancelled;
                c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &["code 0: Removed", "note code-removed: the keypad of door lobby took the removal"]),
        ("a removal of unknown outcome on a keypad that shows nothing",
            |c| {
                c.codes = vec![unwanted(CodeCase { proof: Proof::Accepted, ..after(Delete, Unknown) })];
                cancelled(c, 3); c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &[
                "delete 0",
                "code 0: proof Requested, write Some(NotApplied)",
                "draw source/smoobu for 0",
                "draw door/lobby for 0",
            ]),
        ("a code missed once is looked for before it goes",
            |c| {
                c.codes = vec![unwanted(CodeCase { missing_ago: Some(0), there: There::Nothing, write: None, adopted: true, ..made() })];
                c.stay.told = Told::Cancelled; c.doors[0].view = Partial { ago: 3 };
            },
            nothing,
            &["read lobby"]),
        ("three failed removals are told",
            |c| {
                c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                c.stay.told = Told::Cancelled;
            },
            |s| refused(s, 0, 3),
            &["alert CodeNotRemoved lobby refused", "wake in 420"]),
        ("two failed removals are not told yet",
            |c| {
                c.codes = vec![unwanted(CodeCase { retry_in: Some(7), ..made() })];
                c.stay.told = Told::Cancelled;
            },
            |s| refused(s, 0, 2),
            &["wake in 420"]),
        ("three failures of a wanted code are not told as removals",
            served, |s| { s.codes[0].attempts = 3; failing(s, "lobby", 60); },
            &["code 0: attempts 0", "alert DoorUnreadable lobby down", "wake in 1800"]),
        ("two codes on two doors with a budget of one",
            |c| { c.stay.doors = 2; c.codes = vec![made(), on(1, made())]; cancelled(c, 1); }, nothing,
            &[
                "delete 0",
                "code 0: Unwanted",
                "code 1: Unwanted",
                "note brake: a removal on door flat waits",
                "draw source/smoobu for 0",
                "draw door/lobby for 0",
                "braked source/smoobu",
                "wake in 3600",
            ]),
        ("two codes on one door with one left of a budget of two",
            |c| { c.codes = vec![made(), made()]; cancelled(c, 2); }, |s| spent(s, "door/lobby", 7, 600),
            &[
                "delete 0",
                "code 0: Unwanted",
                "code 1: Unwanted",
                "note brake: a removal on door lobby waits",
                "draw source/smoobu for 0",
                "draw door/lobby for 0",
                "braked door/lobby",
                "wake in 85800",
            ]),
        ("an adopted code that was removed is not back by the read that showed it gone",
            |c| {
                c.codes = vec![CodeCase { state: CodeState::Removed, write: None, adopted: true, ..made() }];
                c.stay.told = Told::Cancelled; c.doors[0].view = Complete { ago: 90 };
            },
            nothing,
            &[]),
    ]);
}

#[test]
#[rustfmt::skip]
fn surplus() {
    check(FAR, &[
        ("a surplus code goes when the list shows both",
            |c| { c.codes = vec![unwanted(made()), made()]; c.messages = vec![heard()]; }, nothing,
            &["delete 0", "wake in 1275600"]),
        ("a surplus code stays while the list does not show the wanted one",
            |c| { c.codes = vec![unwanted(made()), unseen(made())]; c.messages = vec![heard()]; }, nothing,
            &["code 1: missing Some(0)", "wake in 30"]),
        ("a surplus code stays while the list shows the wanted one switched off",
            |c| {
                c.codes = vec![unwanted(made()), CodeCase { there: There::SwitchedOff, ..made() }];
                c.messages = vec![heard()];
            },
            nothing,
            &[
                "replace 1 10 15:00 to 11 12:00",
                "code 1: proof Requested, since 0, write Some(NotApplied)",
                "alert Drift lobby a code of ours was changed",
                "note drift: the code on door lobby was changed: switched off",
                "wake in 1800",
            ]),
        ("a surplus code on another door goes",
            |c| { c.codes = vec![on(1, unwanted(made())), unseen(made())]; c.messages = vec![heard()]; },
            nothing,
            &["delete 0", "code 1: missing Some(0)", "wake in 30"]),
        ("a surplus code on a keypad that shows nothing goes",
            |c| {
                c.codes = vec![unwanted(after(Create, Applied)), after(Create, Applied)];
                c.messages = vec![heard()]; c.doors[0].listing = Listing::Nothing;
            },
            nothing,
            &["delete 0", "wake in 1275600"]),
        ("a surplus code on a keypad of before goes",
            |c| { c.codes = vec![on(4, unwanted(made())), unseen(made())]; c.messages = vec![heard()]; },
            nothing,
            &["delete 0", "code 1: missing Some(0)", "wake in 30"]),
        ("a surplus code stays for the minutes until the wanted one opens",
            |c| { in_house(c, -4); c.codes = vec![CodeCase { window: 2, ..unwanted(made()) }, made()]; },
            nothing,
            &["wake in 30"]),
        ("a surplus code goes five minutes before the wanted one opens",
            |c| { in_house(c, -5); c.codes = vec![CodeCase { window: 2, ..unwanted(made()) }, made()]; },
            nothing,
            &["delete 0", "wake in 75900"]),
        ("a surplus code goes when the wanted one opens",
            |c| { in_house(c, 0); c.codes = vec![CodeCase { window: 2, ..unwanted(made()) }, made()]; },
            nothing,
            &["delete 0", "wake in 75600"]),
        ("a surplus code that opens no earlier goes",
            |c| { in_house(c, -4); c.codes = vec![unwanted(made()), made()]; }, nothing,
            &["delete 0", "wake in 75840"]),
        ("a surplus code that opens this moment stays for the minutes",
            |c| { in_house(c, -4); c.codes = vec![unwanted(made()), made()]; },
            |s| s.codes[0].window = s.codes[0].window.widened(Duration::minutes(4), Duration::zero()),
            &["wake in 30"]),
        ("a surplus code goes although the wanted one waits for a place",
            |c| {
                c.codes = vec![unwanted(made()), CodeCase { has_id: false, there: There::Nothing, write: None, ..after(Create, NotApplied) }];
                capacity(c, 1, vec![]); c.stay.reissued_ago = Some(600);
            },
            nothing,
            &["tell CodeReady by sms to phone later", "delete 0",
                "note replaced-in-place: the keypad of door lobby holds no second code", "wake in 3600"]),
        ("a code of the unit before stays until the new one is told",
            |c| {
                c.codes = vec![on(1, made()), made()];
                c.messages = vec![MessageCase { tells: 3, ..heard() }];
            },
            nothing,
            &["tell Moved by sms to phone", "delete 0 later", "wake in 1275600"]),
        ("a code of the unit before goes once the new one is told",
            |c| { c.codes = vec![on(1, made()), made()]; c.messages = vec![heard()]; }, nothing,
            &["delete 0", "code 0: Unwanted", "wake in 1275600"]),
        ("a code of the unit before goes when nobody was told",
            |c| { c.codes = vec![on(1, made()), made()]; c.tenant.tell_before = Some(60); }, nothing,
            &["tell CodeReady by sms to phone later", "delete 0", "code 0: Unwanted", "wake in 1196400"]),
        ("a code of the unit before stays while the new one is not proven",
            |c| {
                c.codes = vec![on(1, made()), unseen(after(Create, Applied))]; c.messages = vec![heard()];
                c.doors[0].settle = 8;
            },
            nothing,
            &["delete 0 later", "wake in 180"]),
        ("a code of the unit before that has no place is let go at once",
            |c| {
                c.codes = vec![CodeCase { door: 1, has_id: false, there: There::Nothing, write: None, ..after(Create, NotApplied) }, unseen(after(Create, Applied))];
                c.messages = vec![heard()]; c.doors[0].settle = 8;
            },
            nothing,
            &["read flat", "code 0: Unwanted", "wake in 180"]),
        ("a code of the unit before that was about to go stays while its guest goes by it",
            |c| {
                c.codes = vec![on(1, unwanted(made())), unseen(after(Create, Applied))]; c.messages = vec![heard()];
                c.doors[0].settle = 8;
            },
            |s| goes_by(s, 0),
            &["tell TimesChanged by sms to phone later", "delete 0 later", "wake in 180"]),
        ("the same where nothing may be taken off",
            |c| {
                c.codes = vec![on(1, unwanted(made())), unseen(after(Create, Applied))]; c.messages = vec![heard()];
                c.doors[0].settle = 8; c.tenant.mode = Mode::UpsertOnly;
            },
            |s| goes_by(s, 0),
            &["tell TimesChanged by sms to phone later", "wake in 180"]),
        ("the same when taking it off was tried",
            |c| {
                c.codes = vec![on(1, unwanted(after(Delete, NotApplied))), unseen(after(Create, Applied))];
                c.messages = vec![heard()]; c.doors[0].settle = 8;
            },
            |s| goes_by(s, 0),
            &["tell TimesChanged by sms to phone later", "delete 0", "wake in 180"]),
        ("the same on a door of the unit, where its successor is shown",
            |c| { c.codes = vec![unwanted(made()), other_digits(made())]; c.messages = vec![heard()]; },
            |s| goes_by(s, 0),
            &["delete 0", "wake in 1275600"]),
        ("the same when its digits, which the guest knows, open the door of the unit",
            |c| { c.codes = vec![on(1, unwanted(made())), made()]; c.messages = vec![heard()]; },
            |s| s.messages[0].told.as_mut().unwrap().codes[0].code = code_id(0),
            &["delete 0", "wake in 1275600"]),
        ("the same when the guest was told another one since",
            |c| {
                c.codes = vec![on(1, unwanted(made())), unseen(after(Create, Applied))];
                c.messages = vec![heard(), heard()]; c.doors[0].settle = 8;
            },
            |s| goes_by(s, 0),
            &["delete 0", "wake in 180"]),
        ("a code of the unit before whose create was refused stays listed for later",
            |c| {
                c.codes = vec![on(1, lost(after(Create, NotApplied))), unseen(after(Create, Applied))];
                c.messages = vec![heard()]; c.doors[0].settle = 8;
            },
            nothing,
            &["delete 0 later", "wake in 180"]),
        ("a code of the unit before that was taken off for somebody is let go at once",
            |c| {
                c.codes = vec![on(1, lost(after(Delete, NotApplied))), unseen(after(Create, Applied))];
                c.messages = vec![heard()]; c.doors[0].settle = 8;
            },
            nothing,
            &["read flat", "code 0: Unwanted", "wake in 180"]),
        ("a code of the unit before stays in upsert-only",
            |c| {
                c.codes = vec![on(1, made()), unseen(after(Create, Applied))]; c.messages = vec![heard()];
                c.doors[0].settle = 8; c.tenant.mode = Mode::UpsertOnly;
            },
            nothing,
            &["wake in 180"]),
        ("a surplus code on another door goes although that door's other code is not listed",
            |c| {
                c.codes = vec![on(1, unwanted(made())), on(1, unseen(made())), made()];
                c.messages = vec![heard()];
            },
            nothing,
            &["delete 0", "read flat", "code 1: Unwanted, missing Some(0)", "wake in 1275600"]),
        ("a code of the unit before stays while the message of the new one fails",
            |c| {
                c.codes = vec![on(1, made()), made()];
                c.messages = vec![MessageCase { tells: 3, ..heard() }, MessageCase { state: 3, retry_in: Some(5), ..heard() }];
            },
            nothing,
            &["delete 0 later", "wake in 300"]),
        ("a surplus code on another door goes although that door's other code still stands",
            |c| {
                c.codes = vec![on(1, unwanted(made())), on(1, unseen(made())), unseen(after(Create, Applied))];
                c.messages = vec![heard()]; c.doors[0].settle = 8;
            },
            nothing,
            &["delete 0", "delete 1 later", "code 1: missing Some(0)", "wake in 180"]),
    ]);
}
