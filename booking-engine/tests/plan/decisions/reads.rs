//! What a plan must know first, and what it waits for.

use booking_core::Proof;
use booking_core::store::WriteKind::{Create, Replace};
use booking_core::store::WriteState::{Applied, Intended, NotApplied, Unknown};
use booking_engine::AlertKind;

use super::situations::{
    after, failing, lost, made, on, only_listed, proof_ago, recovered, refused, removed, retry_in, served,
    unseen, unwanted, vanished, view, without_id, write,
};
use super::{FAR, check, nothing};
use crate::case::ViewCase::{Complete, Failing, Partial};
use crate::case::{CodeCase, Stranger, There, ViewCase};
use crate::scene::name;

#[test]
#[rustfmt::skip]
fn reads() {
    check(FAR, &[
        ("a keypad that was never read",
            |c| c.doors[0].view = ViewCase::None, nothing,
            &["read lobby", "wake in 1113600"]),
        ("a read ten minutes old will do",
            |c| c.doors[0].view = Complete { ago: 10 }, nothing,
            &["mint lobby 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a read older than that will not",
            |c| c.doors[0].view = Complete { ago: 11 }, nothing,
            &["read lobby", "wake in 1113600"]),
        ("a list in parts a moment ago",
            |c| c.doors[0].view = Partial { ago: 0 }, nothing,
            &["alert DoorUnreadable lobby the vendor lists only a part of the codes", "wake in 60"]),
        ("a list in parts a minute ago",
            |c| c.doors[0].view = Partial { ago: 1 }, nothing,
            &["read lobby", "wake in 1113600"]),
        ("a list in parts a moment ago, and the next read failed",
            |c| c.doors[0].view = Partial { ago: 0 }, |s| failing(s, "lobby", 0),
            &["read lobby", "alert DoorUnreadable lobby down", "wake in 1800"]),
        ("a failed read waits for its time",
            |c| c.doors[0].view = Failing { ago: 1, retry_in: 4 }, nothing,
            &["alert DoorUnreadable lobby down", "wake in 240"]),
        ("a failed read whose time has come",
            |c| c.doors[0].view = Failing { ago: 1, retry_in: 0 }, nothing,
            &["read lobby", "alert DoorUnreadable lobby down", "wake in 1800"]),
        ("a list a moment ago that was whole, and reads fail since",
            |c| c.doors[0].view = Complete { ago: 0 }, |s| failing(s, "lobby", 0),
            &["read lobby", "alert DoorUnreadable lobby down", "wake in 1800"]),
        ("a keypad whose lock account is gone",
            |c| { served(c); c.codes[0].door = 4; c.doors[0].view = Complete { ago: 0 }; },
            |s| s.codes[0].lock = name("other"),
            &["mint lobby 10 15:00 to 11 12:00", "delete 0 later", "wake in 1113600"]),
        ("a failing keypad that the configuration no longer has",
            |c| { served(c); c.codes = vec![on(4, made()), made()]; }, |s| failing(s, "old", 60),
            &["read old", "code 0: Unwanted", "alert FormerKeypad flat down", "wake in 1800"]),
        ("a failing keypad that waits for its time is told until then",
            served, |s| { failing(s, "lobby", 60); retry_in(s, "lobby", 240); },
            &["alert DoorUnreadable lobby down", "wake in 240"]),
        ("a failing keypad whose time is now is told",
            served, |s| { failing(s, "lobby", 60); retry_in(s, "lobby", 0); },
            &["alert DoorUnreadable lobby down", "wake in 1800"]),
        ("what kind of trouble a keypad is in",
            served,
            |s| { failing(s, "lobby", 60); view(s, "lobby").trouble = Some(AlertKind::LockCredentials); },
            &["alert LockCredentials lobby down", "wake in 1800"]),
        ("a failing keypad of a code that was removed is nobody's business",
            |c| { served(c); c.codes.insert(0, on(1, removed())); }, |s| failing(s, "flat", 60),
            &["wake in 1275600"]),
        ("a failing keypad of a code that is to go",
            |c| {
                served(c); c.codes.insert(0, CodeCase { door: 1, retry_in: Some(5), ..unwanted(made()) });
            },
            |s| failing(s, "flat", 60),
            &["alert DoorUnreadable flat down", "wake in 300"]),
        ("a write that no read has shown is looked for when it is settled",
            |c| { served(c); c.codes = vec![unseen(after(Create, Applied))]; c.doors[0].settle = 8; },
            nothing,
            &["wake in 180"]),
        ("a write that no read has shown in its time is made again",
            |c| { served(c); c.codes = vec![unseen(after(Create, Applied))]; c.doors[0].settle = 5; },
            nothing,
            &[
                "code 0: proof Requested, since 0, write Some(NotApplied), id none, attempts 1, retry Some(10)",
                "wake in 10",
            ]),
        ("the second time after a longer pause",
            |c| {
                served(c);
                c.codes = vec![CodeCase { there: There::Nothing, attempts: 2, ..after(Create, Applied) }];
            },
            nothing,
            &[
                "code 0: proof Requested, since 0, write Some(NotApplied), id none, attempts 3, retry Some(40)",
                "wake in 40",
            ]),
        ("a write is looked for after the last read",
            |c| {
                served(c); c.codes = vec![after(Create, Applied)]; c.doors[0].view = Complete { ago: 6 };
            },
            nothing,
            &["read lobby", "wake in 1113600"]),
        ("a write that ended in the moment of the read is looked for",
            |c| {
                served(c); c.codes = vec![after(Create, Applied)]; c.doors[0].view = Complete { ago: 5 };
            },
            nothing,
            &["read lobby", "wake in 1113600"]),
        ("an open write that a list in parts does not show",
            |c| {
                served(c); c.codes = vec![lost(after(Create, Intended))];
                c.doors[0].view = Partial { ago: 2 };
            },
            nothing,
            &["read lobby", "wake in 1113600"]),
        ("an accepted write that a list in parts does not show",
            |c| {
                served(c); c.codes = vec![unseen(after(Create, Applied))];
                c.doors[0].view = Partial { ago: 2 };
            },
            nothing,
            &["wake in 1680"]),
        ("a listed code that a list in parts does not show",
            |c| { served(c); c.codes[0].there = There::Nothing; c.doors[0].view = Partial { ago: 2 }; },
            nothing,
            &["wake in 1275600"]),
        ("an open write is looked into",
            |c| { served(c); c.codes = vec![unseen(after(Replace, Unknown))]; c.doors[0].settle = 8; },
            nothing,
            &["wake in 180"]),
        ("an open write that shows",
            |c| { served(c); c.codes = vec![without_id(after(Create, Intended))]; }, nothing,
            &[
                "code 0: proof Listed, since 0, write Some(Applied), ended Some(0), id v0",
                "wake in 1275600",
            ]),
        ("an open write that came to nothing",
            |c| { served(c); c.codes = vec![lost(after(Create, Intended))]; }, nothing,
            &["create 0 10 15:00 to 11 12:00", "code 0: write Some(NotApplied)", "wake in 1113600"]),
        ("a proof that is not there yet is waited for",
            |c| { served(c); c.tenant.proof = Proof::Confirmed; c.doors[0].highest = Proof::Confirmed; },
            only_listed,
            &["wake in 1740"]),
        ("the same for hours",
            |c| { served(c); c.tenant.proof = Proof::Confirmed; c.doors[0].highest = Proof::Confirmed; },
            |s| { only_listed(s); proof_ago(s, 300); },
            &["wake in 1740"]),
        ("the same since two minutes",
            |c| { served(c); c.tenant.proof = Proof::Confirmed; c.doors[0].highest = Proof::Confirmed; },
            |s| { only_listed(s); proof_ago(s, 2); },
            &["wake in 100"]),
        ("a failed write waits",
            |c| {
                served(c);
                c.codes = vec![CodeCase { retry_in: Some(2), has_id: false, there: There::Nothing, ..after(Create, NotApplied) }];
            },
            nothing,
            &["wake in 120"]),
        ("a failed write waits no longer when its lock account works again",
            |c| {
                served(c);
                c.codes = vec![CodeCase { retry_in: Some(2), has_id: false, there: There::Nothing, ..after(Create, NotApplied) }];
            },
            |s| recovered(s, "model", 0),
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a failed write whose time has come",
            |c| {
                served(c);
                c.codes = vec![CodeCase { retry_in: Some(0), has_id: false, there: There::Nothing, ..after(Create, NotApplied) }];
            },
            nothing,
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("a keypad that takes codes and shows none",
            vanished, nothing,
            &["alert DoorUnreadable lobby the keypad takes codes, and its list shows none", "wake in 600"]),
        ("the same with a refusal",
            vanished, |s| refused(s, 0, 2),
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("the same an hour ago",
            |c| { vanished(c); c.codes[0].write = Some((Create, NotApplied, 60)); }, nothing,
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("the same with one try",
            |c| { vanished(c); c.codes[0].attempts = 1; }, nothing,
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("the same while it shows another's code",
            |c| { vanished(c); c.doors[0].strangers = vec![Stranger::Unmarked]; }, nothing,
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("the same with a write that has no end",
            vanished, |s| { write(s, 0).ended_at = None; write(s, 0).state = NotApplied; },
            &["create 0 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("an accepted write that a list in parts does not show, settled this moment",
            |c| {
                served(c); c.codes = vec![unseen(after(Create, Applied))];
                c.doors[0].view = Partial { ago: 0 }; c.doors[0].settle = 5;
            },
            nothing,
            &["wake in 1800"]),
    ]);
}
