//! What staff hears, and what is shown for review.

use booking_core::store::WriteKind::Create;
use booking_core::store::WriteState::NotApplied;
use booking_core::{DateProblem, Proof};
use booking_engine::plan::Step;
use chrono::Duration;

use super::situations::{
    after, backup, capacity, failing, given, in_house, in_seconds, made, near, refused, removed, served,
    spare, unproven, unwanted,
};
use super::{FAR, NEAR, check, check_shown, nothing, plain};
use crate::case::{CodeCase, Stranger, There, Told};
use crate::regressions::case;
use crate::scene::Scene;

#[test]
#[rustfmt::skip]
fn reports() {
    check(FAR, &[
        ("nobody has proven the code an hour after arrival",
            |c| { unproven(c); c.stay.clock = 60; }, nothing,
            &[
                "tell CodeReady by sms to phone from 10 22:15 later",
                "alert CodeNotProven lobby",
                "wake in 29700",
            ]),
        ("a code is not proven a day before arrival",
            |c| { unproven(c); c.stay.clock = -1440; }, nothing,
            &["tell CodeReady by sms to phone later", "alert CodeNotProven lobby", "wake in 29700"]),
        ("a code is not proven a day and a second before arrival",
            |c| { unproven(c); c.stay.clock = -1440; }, |s| s.now -= Duration::seconds(1),
            &["tell CodeReady by sms to phone later", "wake in 1"]),
        ("a code is not proven and its write failed",
            |c| { unproven(c); c.stay.clock = -60; }, |s| refused(s, 0, 1),
            &[
                "tell CodeReady by sms to phone from 10 20:15 later",
                "alert CodeNotProven lobby refused",
                "wake in 29700",
            ]),
        ("a code is not proven and its keypad is full",
            |c| { c.stay.clock = -60; capacity(c, 0, vec![]); }, nothing,
            &[
                "mint lobby 10 15:00 to 11 12:00 not yet",
                "alert CodeNotProven lobby the keypad is full",
                "wake in 3600",
            ]),
        ("a code is not proven since a minute, for a booking that came then",
            |c| { unproven(c); c.stay.clock = -60; }, |s| s.booking.created_at = in_seconds(s, -60),
            &["tell CodeReady by sms to phone from 10 20:15 later", "wake in 60"]),
        ("a code is not proven since two minutes, for a booking that came then",
            |c| { unproven(c); c.stay.clock = -60; }, |s| s.booking.created_at = in_seconds(s, -120),
            &[
                "tell CodeReady by sms to phone from 10 20:15 later",
                "alert CodeNotProven lobby",
                "wake in 29700",
            ]),
        ("a code is not proven on a keypad that takes it only now",
            |c| { c.stay.clock = -60; c.doors[0].look_ahead = Some(59); }, nothing,
            &["mint lobby 10 15:00 to 11 12:00 not yet", "wake in 60"]),
        ("a code has the window before",
            |c| { c.codes = vec![CodeCase { window: 2, ..made() }]; c.stay.clock = -60; }, nothing,
            &[
                "replace 0 10 15:00 to 11 12:00",
                "tell CodeReady by sms to phone later",
                "alert CodeNotProven lobby",
                "wake in 79200",
            ]),
        ("a booking that its source does not find",
            |c| { served(c); c.stay.told = Told::NotFound; }, nothing,
            &["alert GoneUnconfirmed all the source does not find it any more", "wake in 1275600"]),
        ("a booking that its source does not find, and is gone",
            |c| { served(c); c.stay.told = Told::NotFound; },
            |s| s.booking.gone_at = s.booking.not_found_since,
            &["weigh door/lobby source/smoobu", "code 0: Unwanted"]),
        ("a booking that nobody has ever seen, and a code with its marker",
            |c| {
                c.stay.told = Told::NeverSeen; c.stay.grant = 0;
                c.doors[1].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["alert ForeignMarker flat the source does not know the booking that the marker names"]),
        ("a booking that nobody has ever seen, and no code",
            |c| { c.stay.told = Told::NeverSeen; c.stay.grant = 0; }, nothing,
            &[]),
        ("a booking that nobody has ever seen, without a marker",
            |c| {
                c.stay.told = Told::NeverSeen; c.stay.grant = 0;
                c.doors[1].strangers = vec![Stranger::Ours];
            },
            |s| s.marker = None,
            &[]),
        ("a guest without a unit",
            |c| { c.stay.told = Told::Unmapped; c.stay.grant = 0; }, nothing,
            &["alert UnmappedUnit all"]),
        ("a guest without a unit whose stay has a window",
            |c| { c.stay.told = Told::Unmapped; c.stay.grant = 1; c.codes = vec![made()]; }, nothing,
            &[
                "weigh door/lobby source/smoobu",
                "code 0: Unwanted",
                "alert UnmappedUnit all",
                "wake in 1275600",
            ]),
        ("a guest without a unit whose stay ends this moment",
            |c| { in_house(c, 1260); c.stay.told = Told::NoDates; }, nothing,
            &["delete 0", "code 0: Unwanted", "alert UnusableDates all"]),
        ("a guest who goes by a backup code",
            |c| { near(c, 100); given(c); },
            |s| { spare(s); backup(s, 1); s.codes[0].proof = Proof::Listed; },
            &[
                "replace 0 10 15:00 to 11 12:00",
                "alert BackupIssued lobby the door does not get the guest's own code",
                "wake in 81600",
            ]),
        ("a kept stay with a code wakes at its end",
            |c| { in_house(c, 60); c.stay.told = Told::NotFound; },
            |s| s.booking.booking.as_mut().unwrap().dates = Err(DateProblem::Missing),
            &[
                "alert UnusableDates all",
                "alert GoneUnconfirmed all the source does not find it any more",
                "wake in 72000",
            ]),
        ("a kept stay without a code does not",
            |c| { in_house(c, 60); c.stay.told = Told::Cancelled; c.codes = vec![removed()]; }, nothing,
            &["alert CancelledInHouse all", "wake in 72000"]),
        ("a stay that nobody has ever seen wakes at its end while it has a code",
            |c| { c.stay.told = Told::NeverSeen; c.codes = vec![made()]; }, nothing,
            &[
                "alert ForeignMarker lobby the source does not know the booking that the marker names",
                "wake in 1275600",
            ]),
        ("a stay that nobody has ever seen does not wake without a code",
            |c| { c.stay.told = Told::NeverSeen; c.codes = vec![removed()]; }, nothing,
            &[]),
        ("a stay that nobody has ever seen and that is over",
            |c| { c.stay.told = Told::NeverSeen; c.codes = vec![made()]; c.stay.clock = 3000; }, nothing,
            &[
                "delete 0",
                "code 0: Unwanted",
                "alert ForeignMarker lobby the source does not know the booking that the marker names",
            ]),
    ]);
}

#[test]
fn what_is_shown_for_review() {
    check_shown(&[
        (
            "a code to be made",
            plain,
            nothing,
            &["create lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)"],
        ),
        (
            "a code in the place of another",
            |c| {
                served(c);
                c.doors[0].capacity = Some(1);
                c.stay.reissued_ago = Some(0);
            },
            nothing,
            &["replace lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)"],
        ),
        (
            "a refused code, and who is to hear of it",
            |c| {
                served(c);
                c.codes =
                    vec![CodeCase { has_id: false, there: There::Nothing, ..after(Create, NotApplied) }];
                c.messages[0].tells = 2;
            },
            nothing,
            &[
                "create lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)",
                "tell - times-changed by sms later",
            ],
        ),
        (
            "other times",
            |c| {
                served(c);
                c.codes[0].window = 1;
            },
            nothing,
            &[
                "replace lobby 2027-06-10 15:00 to 2027-06-10 17:00 (Europe/Warsaw) becomes 2027-06-10 15:00 to \
               2027-06-11 12:00 (Europe/Warsaw)",
            ],
        ),
        (
            "a change from outside",
            |c| {
                served(c);
                c.codes[0].there = There::SwitchedOff;
            },
            nothing,
            &["replace lobby what was changed from outside, or the name"],
        ),
        (
            "a removal",
            |c| {
                c.codes = vec![unwanted(made())];
                (c.stay.told, c.tenant.weighed) = (Told::Cancelled, true);
            },
            nothing,
            &["delete lobby 2027-06-10 15:00 to 2027-06-11 12:00 (Europe/Warsaw)"],
        ),
        (
            "a look at the brake is none",
            |c| {
                c.codes = vec![unwanted(made())];
                c.stay.told = Told::Cancelled;
            },
            nothing,
            &[],
        ),
        (
            "a code that is taken over",
            |c| c.doors[0].strangers = vec![Stranger::Ours],
            nothing,
            &["adopt lobby its digits are kept"],
        ),
        (
            "a surplus one",
            |c| {
                served(c);
                c.doors[0].strangers = vec![Stranger::Ours];
            },
            nothing,
            &["adopt lobby surplus"],
        ),
        (
            "a change that may stand",
            |c| {
                served(c);
                c.codes[0].there = There::OtherEnd;
                c.tenant.adopt_drift = true;
            },
            nothing,
            &["adopt lobby a change from outside"],
        ),
        (
            "a backup code",
            |c| near(c, 100),
            |s| {
                spare(s);
                failing(s, "lobby", 3600);
            },
            &["issue lobby a backup code", "tell - code-ready by sms later"],
        ),
        (
            "what is told and written into the booking",
            |c| {
                c.codes = vec![made()];
                (c.tenant.channels, c.tenant.write_back) = (2, true);
            },
            nothing,
            &["tell - code-ready by sms", "tell - code-ready by thread", "write-back - "],
        ),
        (
            "other digits",
            |c| {
                served(c);
                c.messages[0].tells = 1;
            },
            nothing,
            &["tell - code-changed by sms"],
        ),
        (
            "another unit",
            |c| {
                served(c);
                c.messages[0].tells = 3;
            },
            nothing,
            &["tell - moved by sms"],
        ),
    ]);
}

#[test]
fn a_plan_says_when_access_begins() {
    let scene = Scene::new(&case(Vec::new()));
    assert_eq!(scene.plan().opens, Some(scene.now + Duration::minutes(NEAR)));
}

#[test]
fn content_does_not_show_the_guest() {
    let scene = Scene::new(&case(Vec::new()));
    let plan = scene.plan();
    let Some((Step::Mint { codes, .. }, _)) = plan.steps.first() else { panic!("nothing is minted") };
    let shown = format!("{:?}", codes[0].content);
    assert!(shown.contains("Smoobu#9001") && shown.contains("window"), "{shown}");
    assert!(!shown.contains("Ada"), "{shown}");
}
