//! Keypads that hold only so many codes, or take them only shortly before they open.

use booking_core::store::WriteKind::{Create, Delete};
use booking_core::store::WriteState::{Applied, NotApplied, Unknown};
use booking_core::{Listing, Window};
use booking_engine::Mode;
use chrono::Duration;

use super::situations::{
    after, capacity, heard, in_house, lobby_rival, look, lost, made, relist, served, unseen, unwanted,
};
use super::{NEAR, check, nothing, plain};
use crate::case::ViewCase::Complete;
use crate::case::{CodeCase, Stranger, There, Told};
use crate::scene::{Scene, key};

/// The first code was written for a stay that began so many hours later.
fn written_for(scene: &mut Scene, hours: i64) {
    let window = scene.codes[0].window.clone();
    scene.codes[0].window =
        Window::new(window.start() + Duration::hours(hours), window.end(), window.zone()).unwrap();
    relist(scene);
}

/// The host of this rival has yet to hear the id of its code on the lobby's keypad.
fn unnamed(scene: &mut Scene, rival: usize) {
    let rival = &mut scene.others.get_mut(&key("lobby")).unwrap()[rival];
    (rival.vendor_id, rival.on_its_way) = (None, true);
}

/// No read of the lobby's keypad has shown this code yet.
fn unlisted(scene: &mut Scene, id: &str) {
    scene.truth.get_mut(&key("lobby")).unwrap().retain(|code| code.id.as_str() != id);
    look(scene, "lobby");
}

#[test]
#[rustfmt::skip]
fn places() {
    check(NEAR, &[
        ("no code: one is made",
            plain, nothing,
            &["mint lobby 10 15:00 to 11 12:00", "wake in 120"]),
        ("a sooner arrival waits for the only place",
            |c| capacity(c, 1, vec![(60, false)]), nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("a sooner arrival that no read has shown yet holds the only place",
            |c| capacity(c, 1, vec![(60, false)]), |s| lobby_rival(s).on_its_way = true,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("a sooner arrival that a read has shown, of unknown id, holds one of two places",
            |c| capacity(c, 2, vec![(60, true)]), |s| unnamed(s, 0),
            &["mint lobby 10 15:00 to 11 12:00", "wake in 120"]),
        ("a sooner arrival that a read has shown, and another one of its stay that no read has shown yet",
            |c| capacity(c, 2, vec![(60, true), (90, true)]), |s| { unnamed(s, 1); unlisted(s, "r1"); },
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("a later arrival has the only place",
            |c| capacity(c, 1, vec![(9000, true)]), nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"]),
        ("who has the only place has the same arrival",
            |c| capacity(c, 1, vec![(1442, true)]), nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"]),
        ("a backup code has the only place",
            |c| capacity(c, 1, vec![(60, true)]), |s| lobby_rival(s).backup = true,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"]),
        ("a code that nobody wants any more has the only place",
            |c| capacity(c, 1, vec![(9000, true)]), |s| lobby_rival(s).wanted = false,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("a stranger has the only place",
            |c| { capacity(c, 1, vec![]); c.doors[0].strangers = vec![Stranger::Unmarked]; }, nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("a stranger and a later arrival have both places",
            |c| {
                capacity(c, 2, vec![]); c.doors[0].strangers = vec![Stranger::Unmarked];
                c.doors[0].rivals = vec![(9000, true)];
            },
            nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"]),
        ("a later arrival has one of two places",
            |c| capacity(c, 2, vec![(9000, true)]), nothing,
            &["mint lobby 10 15:00 to 11 12:00", "wake in 120"]),
        ("two sooner arrivals have both places",
            |c| capacity(c, 2, vec![(60, true), (90, true)]), nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("one in the house, though later booked in, goes before a sooner arrival",
            |c| { capacity(c, 1, vec![(60, false)]); in_house(c, 10); }, nothing,
            &["wake in 75000"]),
        ("who holds the place keeps it while a later arrival waits",
            |c| { served(c); capacity(c, 1, vec![(9000, false)]); }, nothing,
            &["wake in 162120"]),
        ("who holds the place makes room for a sooner arrival",
            |c| { served(c); capacity(c, 1, vec![(60, false)]); }, nothing,
            &["delete 0", "note code-yields: for a sooner arrival on door lobby", "wake in 120"]),
        ("who holds the place and begins sooner than it was written for keeps it",
            |c| { served(c); capacity(c, 1, vec![(1450, false)]); }, |s| written_for(s, 1),
            &["replace 0 10 15:00 to 11 12:00 without room", "wake in 120"]),
        ("who holds the place and is in the house by now keeps it",
            |c| { in_house(c, 10); capacity(c, 1, vec![(-90, false)]); }, |s| written_for(s, 1),
            &[
                "replace 0 10 15:00 to 11 12:00 without room",
                "alert CodeNotProven lobby",
                "wake in 75000",
            ]),
        ("who holds the place makes no room while a second one is free",
            |c| { served(c); capacity(c, 2, vec![(60, false)]); }, nothing,
            &["wake in 162120"]),
        ("nobody makes room for a sooner arrival that has a place",
            |c| { served(c); capacity(c, 2, vec![(60, true)]); }, nothing,
            &["wake in 162120"]),
        ("a code makes no room for an earlier one of its stay that waits, too",
            |c| {
                c.codes = vec![lost(after(Create, NotApplied)), made()]; c.messages = vec![heard()];
                capacity(c, 1, vec![]);
            },
            |s| {
                let window = s.codes[0].window.clone();
                let start = window.start() - Duration::hours(2);
                s.codes[0].window = Window::new(start, window.end(), window.zone()).unwrap();
            },
            &["read lobby", "code 0: Unwanted", "wake in 162120"]),
        ("nobody makes room for one that nobody wants",
            |c| { served(c); capacity(c, 1, vec![(60, false)]); }, |s| lobby_rival(s).wanted = false,
            &["wake in 162120"]),
        ("room is made once the pause after a failure is over",
            |c| { served(c); capacity(c, 1, vec![(60, false)]); c.codes[0].retry_in = Some(3); }, nothing,
            &[
                "delete 0",
                "code 0: retry None",
                "note code-yields: for a sooner arrival on door lobby",
                "wake in 120",
            ]),
        ("room is made only when the keypad was read",
            |c| { served(c); capacity(c, 1, vec![(60, false)]); c.doors[0].view = Complete { ago: 11 }; },
            nothing,
            &["read lobby", "wake in 120"]),
        ("nothing is deleted to make room in upsert-only",
            |c| { served(c); capacity(c, 1, vec![(60, false)]); c.tenant.mode = Mode::UpsertOnly; },
            nothing,
            &["note would-delete: a sooner arrival waits for a place on door lobby", "wake in 162120"]),
        ("a guest with a backup code in hand is no backup code",
            |c| { served(c); capacity(c, 1, vec![(9000, false)]); }, |s| s.codes[0].backup = true,
            &["alert BackupIssued lobby the door does not get the guest's own code", "wake in 162120"]),
        ("a removed code tells who waits",
            |c| {
                c.codes = vec![CodeCase { there: There::Nothing, write: Some((Delete, Applied, 5)), ..unwanted(made()) }];
                c.stay.told = Told::Cancelled; capacity(c, 1, vec![(60, false), (90, true)]);
            },
            nothing,
            &[
                "code 0: Removed, since 0",
                "note code-removed: a complete read shows no code of ours on door lobby",
                "nudge 1",
            ]),
        ("a code that is gone frees its place for who waits",
            |c| {
                c.codes = vec![CodeCase { there: There::Nothing, missing_ago: Some(2), ..made() }];
                capacity(c, 1, vec![(60, false)]);
            },
            nothing,
            &[
                "tell CodeReady by sms to phone later",
                "code 0: proof Requested, since 0, write Some(NotApplied), id none, missing None",
                "alert Drift lobby a code of ours is gone",
                "note drift: the code on door lobby is gone",
                "nudge 1",
                "wake in 120",
            ]),
        ("a code that stays tells nobody",
            |c| { served(c); capacity(c, 2, vec![(9000, false)]); }, nothing,
            &["wake in 162120"]),
        ("a code made anew while another is on its way waits for its place",
            |c| {
                c.codes = vec![CodeCase { has_id: false, there: There::Nothing, ..unwanted(after(Create, Unknown)) }];
                capacity(c, 1, vec![]); c.doors[0].view = Complete { ago: 6 };
                c.stay.reissued_ago = Some(0);
            },
            nothing,
            &["mint fresh lobby 10 15:00 to 11 12:00 not yet", "read lobby", "wake in 120"]),
        ("a code made anew beside a refused one takes the place",
            |c| {
                c.codes = vec![CodeCase { has_id: false, there: There::Nothing, ..unwanted(after(Create, NotApplied)) }];
                capacity(c, 1, vec![]); c.stay.reissued_ago = Some(0);
            },
            nothing,
            &[
                "mint fresh lobby 10 15:00 to 11 12:00",
                "code 0: Removed, since 0",
                "note code-removed: a complete read shows no code of ours on door lobby",
                "wake in 120",
            ]),
        ("a code made anew takes the place of the one before",
            |c| { served(c); capacity(c, 1, vec![]); c.stay.reissued_ago = Some(0); }, nothing,
            &["mint fresh lobby 10 15:00 to 11 12:00 in place of 0", "wake in 120"]),
        ("a code made anew takes the free place beside the one before",
            |c| { served(c); capacity(c, 2, vec![]); c.stay.reissued_ago = Some(0); }, nothing,
            &["mint fresh lobby 10 15:00 to 11 12:00", "wake in 120"]),
        ("a code whose place is to be taken is looked for first",
            |c| {
                served(c); capacity(c, 1, vec![]); c.stay.reissued_ago = Some(0);
                c.codes[0].there = There::Nothing; c.codes[0].missing_ago = Some(0);
            },
            nothing,
            &["wake in 30"]),
        ("one that was written and not seen is looked for first",
            |c| {
                served(c); c.codes = vec![unseen(after(Create, Applied))];
                c.doors[0].view = Complete { ago: 6 }; capacity(c, 1, vec![]);
                c.stay.reissued_ago = Some(0);
            },
            nothing,
            &["read lobby", "wake in 120"]),
        ("a keypad that shows nothing takes the new code in the place of the earlier",
            |c| {
                served(c); c.doors[0].listing = Listing::Nothing; c.codes = vec![after(Create, Applied)];
                c.stay.reissued_ago = Some(0);
            },
            nothing,
            &["mint fresh lobby 10 15:00 to 11 12:00 in place of 0", "wake in 120"]),
        ("a keypad that takes codes a day ahead",
            |c| c.doors[0].look_ahead = Some(1440), nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("a keypad that takes codes from now on",
            |c| c.doors[0].look_ahead = Some(1442), nothing,
            &["mint lobby 10 15:00 to 11 12:00", "wake in 120"]),
        ("a stay put off further than the keypad looks ahead",
            |c| { served(c); c.doors[0].look_ahead = Some(1440); c.codes[0].window = 3; }, nothing,
            &[
                "delete 0",
                "note code-yields: until the keypad of door lobby takes it again",
                "wake in 120",
            ]),
        ("a stay put off further than the keypad looks ahead, in upsert-only",
            |c| {
                served(c); c.doors[0].look_ahead = Some(1440); c.codes[0].window = 3;
                c.tenant.mode = Mode::UpsertOnly;
            },
            nothing,
            &["note would-delete: a code on door lobby opens before its stay", "wake in 120"]),
        ("a stay put off, but not further than that",
            |c| { served(c); c.doors[0].look_ahead = Some(1500); c.codes[0].window = 3; }, nothing,
            &["replace 0 10 15:00 to 11 12:00", "wake in 120"]),
        ("changed beside a full keypad",
            |c| { served(c); capacity(c, 1, vec![]); c.codes[0].window = 2; }, nothing,
            &["replace 0 10 15:00 to 11 12:00 without room", "wake in 120"]),
        ("changed with room for a second",
            |c| { served(c); capacity(c, 2, vec![]); c.codes[0].window = 2; }, nothing,
            &["replace 0 10 15:00 to 11 12:00", "wake in 120"]),
        ("changed on a keypad without limits",
            |c| { served(c); c.codes[0].window = 2; }, nothing,
            &["replace 0 10 15:00 to 11 12:00", "wake in 120"]),
        ("changed on a keypad that shows nothing",
            |c| {
                served(c); c.doors[0].listing = Listing::Nothing;
                c.codes = vec![CodeCase { window: 2, ..after(Create, Applied) }];
            },
            nothing,
            &["replace 0 10 15:00 to 11 12:00 without room", "wake in 120"]),
        ("who waits for a place looks again by itself",
            |c| { c.stay.clock = -20_000; capacity(c, 1, vec![(60, true)]); }, nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 3600"]),
        ("a guest in the house whose code is a sooner one's rival keeps it",
            |c| { in_house(c, 10); capacity(c, 1, vec![(-90, false)]); }, nothing,
            &["wake in 75000"]),
        ("a code that opens this minute is one in the house",
            |c| { in_house(c, 0); capacity(c, 1, vec![(-90, false)]); }, nothing,
            &["wake in 75600"]),
        ("two codes of the stay on its way out of one place",
            |c| { c.codes = vec![made(), made()]; c.messages = vec![heard()]; capacity(c, 1, vec![]); },
            nothing,
            &["delete 0", "code 0: Unwanted", "wake in 162120"]),
        ("another door's rivals do not count",
            |c| {
                c.stay.doors = 2; c.codes = vec![made()]; capacity(c, 1, vec![]);
                c.doors[1].capacity = Some(2); c.doors[1].rivals = vec![(60, true)];
            },
            nothing,
            &["mint flat 10 15:00 to 11 12:00", "wake in 120"]),
        ("a refused code tries again where there is one place",
            |c| { c.codes = vec![lost(after(Create, NotApplied))]; capacity(c, 1, vec![]); }, nothing,
            &["create 0 10 15:00 to 11 12:00", "tell CodeReady by sms to phone later", "wake in 120"]),
        ("a stranger and a code that no read has shown yet have both places",
            |c| {
                capacity(c, 2, vec![]); c.doors[0].strangers = vec![Stranger::Unmarked];
                c.doors[0].rivals = vec![(60, false)];
            },
            |s| lobby_rival(s).on_its_way = true,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 120"]),
        ("a code makes no room while a place is free for one of two sooner arrivals",
            |c| { served(c); capacity(c, 2, vec![(60, false), (90, false)]); }, nothing,
            &["wake in 162120"]),
        ("the later of two codes of a stay makes room",
            |c| {
                c.codes = vec![CodeCase { window: 2, ..made() }, made()]; c.messages = vec![heard()];
                capacity(c, 2, vec![(-60, false)]);
            },
            nothing,
            &[
                "delete 1",
                "delete 0 later",
                "note code-yields: for a sooner arrival on door lobby",
                "wake in 120",
            ]),
        ("a code that is to go tells nobody yet",
            |c| {
                c.codes = vec![made()]; c.stay.told = Told::Cancelled; capacity(c, 1, vec![(60, false)]);
            },
            nothing,
            &["weigh door/lobby source/smoobu", "code 0: Unwanted"]),
        ("a refused code takes the place of the stay's earlier one",
            |c| {
                c.codes = vec![made(), lost(after(Create, NotApplied))]; c.messages = vec![heard()];
                capacity(c, 1, vec![]);
            },
            nothing,
            &["delete 0", "code 0: Unwanted",
              "note replaced-in-place: the keypad of door lobby holds no second code", "wake in 120"]),
        ("a refused code gets no place where nothing is deleted",
            |c| {
                c.codes = vec![made(), lost(after(Create, NotApplied))]; c.messages = vec![heard()];
                capacity(c, 1, vec![]); c.tenant.mode = Mode::UpsertOnly;
            },
            nothing,
            &["code 0: Unwanted", "note would-delete: a code of ours on door lobby is not wanted", "wake in 120"]),
        ("who holds one of two places keeps it while a later arrival has the other",
            |c| { served(c); capacity(c, 2, vec![(60, false), (9000, true)]); }, nothing,
            &["wake in 162120"]),
        ("a stranger and a later code that no read has shown yet have both places",
            |c| {
                capacity(c, 2, vec![]); c.doors[0].strangers = vec![Stranger::Unmarked];
                c.doors[0].rivals = vec![(9000, false)];
            },
            |s| lobby_rival(s).on_its_way = true,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "nudge 1", "wake in 120"]),
        ("a rival that opens this moment is in the house",
            |c| { capacity(c, 1, vec![(0, true)]); c.stay.clock = -1; }, nothing,
            &[
                "mint lobby 10 15:00 to 11 12:00 not yet",
                "alert CodeNotProven lobby the keypad is full",
                "wake in 3600",
            ]),
    ]);
}
