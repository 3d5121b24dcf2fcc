//! What guests hear, and what is written into the booking.

use booking_core::Proof;
use booking_core::store::WriteKind::Create;
use booking_core::store::WriteState::Applied;
use booking_engine::Mode;
use chrono::Duration;

use super::situations::{
    GUEST, OTHER, after, heard, made, on, recovered, served, text_to, thread_of, unseen, written_back,
};
use super::{FAR, check, nothing};
use crate::case::{CodeCase, MessageCase};
use crate::scene::{door_id, name};

#[test]
#[rustfmt::skip]
fn guest() {
    check(FAR, &[
        ("a proven code is told",
            |c| c.codes = vec![made()], nothing,
            &["tell CodeReady by sms to phone", "wake in 1275600"]),
        ("a code that is not proven is told later",
            |c| { c.codes = vec![unseen(after(Create, Applied))]; c.doors[0].settle = 8; }, nothing,
            &["tell CodeReady by sms to phone later", "wake in 180"]),
        ("a proven code is told a day before arrival",
            |c| { c.codes = vec![made()]; c.tenant.tell_before = Some(1440); }, nothing,
            &["tell CodeReady by sms to phone later", "wake in 1113600"]),
        ("a proven code is told when that time has come",
            |c| { c.codes = vec![made()]; c.tenant.tell_before = Some(20_000); }, nothing,
            &["tell CodeReady by sms to phone", "wake in 1275600"]),
        ("who was told hears of new times at once",
            |c| {
                c.codes = vec![made()]; c.messages = vec![MessageCase { tells: 2, ..heard() }];
                c.tenant.tell_before = Some(1440);
            },
            nothing,
            &["tell TimesChanged by sms to phone", "wake in 1275600"]),
        ("who was told hears of other digits",
            |c| { c.codes = vec![made()]; c.messages = vec![MessageCase { tells: 1, ..heard() }]; },
            nothing,
            &["tell CodeChanged by sms to phone", "wake in 1275600"]),
        ("who was told of another unit hears of this one",
            |c| { c.codes = vec![made()]; c.messages = vec![MessageCase { tells: 3, ..heard() }]; },
            nothing,
            &["tell Moved by sms to phone", "wake in 1275600"]),
        ("nobody is told while all is only observed",
            |c| { c.codes = vec![made()]; c.tenant.mode = Mode::Observe; }, nothing,
            &["tell CodeReady by sms to phone later", "wake in 1275600"]),
        ("two channels are told",
            |c| { c.codes = vec![made()]; c.tenant.channels = 2; }, nothing,
            &["tell CodeReady by sms to phone", "tell CodeReady by thread to thread", "wake in 1275600"]),
        ("the first channel is told",
            |c| { c.codes = vec![made()]; c.tenant.channels = 2; c.tenant.first_only = true; }, nothing,
            &["tell CodeReady by sms to phone", "wake in 1275600"]),
        ("the next channel is told where the first does not reach",
            |c| {
                c.codes = vec![made()]; c.tenant.channels = 2; c.tenant.first_only = true;
                c.stay.reachable = false;
            },
            nothing,
            &["tell CodeReady by sms to nobody", "tell CodeReady by thread to thread", "wake in 1275600"]),
        ("no channel reaches the guest",
            |c| {
                c.codes = vec![made()]; c.stay.reachable = false;
                c.messages = vec![MessageCase { state: 4, ..heard() }];
            },
            nothing,
            &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"]),
        ("no channel reaches the guest yet, and none was tried",
            |c| { c.codes = vec![made()]; c.stay.reachable = false; }, nothing,
            &[
                "tell CodeReady by sms to nobody",
                "alert MessageUndeliverable all no channel reaches the guest",
                "wake in 1275600",
            ]),
        ("no channel is there at all",
            |c| { c.codes = vec![made()]; c.tenant.channels = 0; }, nothing,
            &["wake in 1275600"]),
        ("one of two channels has told",
            |c| { served(c); c.tenant.channels = 2; }, nothing,
            &["tell CodeReady by thread to thread", "wake in 1275600"]),
        ("one of two channels was enough",
            |c| { served(c); c.tenant.channels = 2; c.tenant.first_only = true; }, nothing,
            &["wake in 1275600"]),
        ("the second of two channels was enough",
            |c| { served(c); c.messages[0].channel = 1; c.tenant.channels = 2; c.tenant.first_only = true; },
            nothing,
            &["wake in 1275600"]),
        ("a failed message waits",
            |c| { served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3); }, nothing,
            &["wake in 180"]),
        ("a failed message whose time has come",
            |c| { served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(0); }, nothing,
            &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"]),
        ("a failed message waits no longer when its channel works again",
            |c| { served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3); },
            |s| recovered(s, "sms", 0),
            &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"]),
        ("a failed message waits on when its channel worked before it failed",
            |c| { served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3); },
            |s| recovered(s, "sms", -30_000),
            &["wake in 180"]),
        ("a failed message waits on when its channel worked in that moment",
            |c| { served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3); },
            |s| { let at = s.messages[0].ended_at.unwrap(); s.recovered.insert(name("sms"), at); },
            &["wake in 180"]),
        ("two failures leave the next channel alone",
            |c| {
                served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 2; c.tenant.channels = 2; c.tenant.first_only = true;
            },
            nothing,
            &["wake in 180"]),
        ("three failures try the next channel",
            |c| {
                served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 3; c.tenant.channels = 2; c.tenant.first_only = true;
            },
            nothing,
            &["tell CodeReady by thread to thread", "wake in 180"]),
        ("four failures try the next channel",
            |c| {
                served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 4; c.tenant.channels = 2; c.tenant.first_only = true;
            },
            nothing,
            &["tell CodeReady by thread to thread", "wake in 180"]),
        ("three failures of the only channel are told to staff",
            |c| {
                served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 3;
            },
            nothing,
            &["alert MessageUndeliverable all no channel reaches the guest", "wake in 180"]),
        ("three failures of the only channel are not told while the code is not proven",
            |c| {
                served(c); c.messages[0].state = 3; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 3; c.codes = vec![unseen(after(Create, Applied))];
                c.doors[0].settle = 8;
            },
            nothing,
            &["wake in 180"]),
        ("a message of unknown outcome is asked about",
            |c| { served(c); c.messages[0].state = 2; }, nothing,
            &["find 0", "wake in 1275600"]),
        ("a message of unknown outcome waits to be asked about",
            |c| { served(c); c.messages[0].state = 2; c.messages[0].retry_in = Some(3); }, nothing,
            &["wake in 180"]),
        ("a message of unknown outcome that cannot be asked about tries the next channel",
            |c| {
                served(c); c.messages[0].state = 2; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 3; c.tenant.channels = 2; c.tenant.first_only = true;
            },
            nothing,
            &["tell CodeReady by thread to thread", "wake in 180"]),
        ("a message of unknown outcome, twice asked about, leaves the next channel alone",
            |c| {
                served(c); c.messages[0].state = 2; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 2; c.tenant.channels = 2; c.tenant.first_only = true;
            },
            nothing,
            &["wake in 180"]),
        ("an open message that cannot be asked about",
            |c| {
                served(c); c.messages[0].state = 1; c.messages[0].retry_in = Some(3);
                c.messages[0].attempts = 4; c.tenant.channels = 2; c.tenant.first_only = true;
            },
            nothing,
            &["tell CodeReady by thread to thread", "wake in 180"]),
        ("a message that never went out and says what is no longer true",
            |c| {
                c.codes = vec![made()]; c.messages = vec![MessageCase { state: 3, tells: 1, ..heard() }];
            },
            nothing,
            &["supersede 0", "tell CodeReady by sms to phone", "wake in 1275600"]),
        ("a message that was superseded and is true again",
            |c| { served(c); c.messages[0].state = 5; }, nothing,
            &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"]),
        ("an undeliverable message stays so",
            |c| { served(c); c.messages[0].state = 4; }, |s| s.messages[0].error = Some("refused".into()),
            &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"]),
        ("an undeliverable message to nobody goes to a number that came later",
            |c| { served(c); c.messages[0].state = 4; },
            |s| s.messages[0].error = Some("the guest has no address for this channel".into()),
            &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"]),
        ("an undeliverable message goes to another number",
            |c| { served(c); c.messages[0].state = 4; }, |s| text_to(s, 0, OTHER),
            &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"]),
        ("an undeliverable message does not go to the same number",
            |c| { served(c); c.messages[0].state = 4; }, |s| text_to(s, 0, GUEST),
            &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"]),
        ("an undeliverable message to nobody, and there still is none",
            |c| { served(c); c.messages[0].state = 4; c.stay.reachable = false; },
            |s| s.messages[0].error = Some("the guest has no address for this channel".into()),
            &["alert MessageUndeliverable all no channel reaches the guest", "wake in 1275600"]),
        ("a message that went to another number is told anew",
            served, |s| text_to(s, 0, OTHER),
            &["tell CodeReady by sms to phone", "wake in 1275600"]),
        ("a message that went to this number",
            served, |s| text_to(s, 0, GUEST),
            &["wake in 1275600"]),
        ("a message that went to another number and then to this one",
            |c| { served(c); c.messages = vec![heard(), heard()]; },
            |s| { text_to(s, 0, GUEST); text_to(s, 1, OTHER); },
            &["wake in 1275600"]),
        ("a message that went to another number where one channel is enough",
            |c| { served(c); c.tenant.first_only = true; c.tenant.channels = 2; }, |s| text_to(s, 0, OTHER),
            &["tell CodeReady by sms to phone", "wake in 1275600"]),
        ("a message from before another truth was told does not count",
            |c| { c.codes = vec![made()]; c.messages = vec![heard(), MessageCase { tells: 1, ..heard() }]; },
            nothing,
            &["tell CodeChanged by sms to phone", "wake in 1275600"]),
        ("a message from before another that only may have gone out",
            |c| {
                c.codes = vec![made()];
                c.messages = vec![heard(), MessageCase { tells: 1, state: 2, retry_in: Some(5), ..heard() }];
            },
            nothing,
            &["tell CodeChanged by sms to phone", "wake in 1275600"]),
        ("a message from before another that never went out does count",
            |c| {
                c.codes = vec![made()];
                c.messages = vec![heard(), MessageCase { tells: 1, state: 5, ..heard() }];
            },
            nothing,
            &["wake in 1275600"]),
        ("a message from before another that may have gone out twice",
            |c| {
                c.codes = vec![made()];
                c.messages = vec![heard(), MessageCase { tells: 1, state: 5, maybe_twice: true, ..heard() }];
            },
            nothing,
            &["tell CodeChanged by sms to phone", "wake in 1275600"]),
        ("what an earlier system told is not told again",
            |c| { c.codes = vec![made()]; c.messages = vec![MessageCase { channel: 2, ..heard() }]; },
            nothing,
            &["wake in 1275600"]),
        ("a door that has another name by now is the same door",
            served, |s| s.messages[0].told.as_mut().unwrap().codes[0].door = door_id("entrance"),
            &["wake in 1275600"]),
        ("a code that cannot be used for the first minutes says so",
            |c| {
                c.codes = vec![after(Create, Applied)]; c.tenant.proof = Proof::Accepted; c.stay.clock = 1;
                c.doors[0].settle = 8;
            },
            nothing,
            &[
                "tell CodeReady by sms to phone from 10 13:04",
                "code 0: proof Listed, since 0",
                "wake in 75540",
            ]),
        ("a code that works from the start on says nothing of it",
            |c| {
                c.codes = vec![after(Create, Applied)]; c.tenant.proof = Proof::Accepted;
                c.doors[0].settle = 8;
            },
            nothing,
            &["tell CodeReady by sms to phone", "code 0: proof Listed, since 0", "wake in 1275600"]),
        ("a code that works by now says nothing of it",
            |c| {
                c.codes = vec![after(Create, Applied)]; c.tenant.proof = Proof::Accepted; c.stay.clock = 30;
                c.doors[0].settle = 5;
            },
            nothing,
            &["tell CodeReady by sms to phone", "code 0: proof Listed, since 0", "wake in 73800"]),
        ("a code that works from the moment of the start",
            |c| {
                c.codes = vec![after(Create, Applied)]; c.tenant.proof = Proof::Accepted; c.stay.clock = -3;
                c.doors[0].settle = 8;
            },
            nothing,
            &["tell CodeReady by sms to phone", "code 0: proof Listed, since 0", "wake in 75780"]),
        ("a confirmed code works",
            |c| {
                c.codes = vec![CodeCase { proof: Proof::Confirmed, ..made() }]; c.stay.clock = 1;
                c.doors[0].settle = 8; c.doors[0].highest = Proof::Confirmed;
            },
            nothing,
            &["tell CodeReady by sms to phone", "wake in 75540"]),
        ("a door without a code keeps the others untold",
            |c| { c.stay.doors = 2; c.codes = vec![made()]; }, nothing,
            &["mint flat 10 15:00 to 11 12:00", "wake in 1113600"]),
        ("the codes are written into the booking",
            |c| { served(c); c.tenant.write_back = true; }, nothing,
            &["write back [0]", "wake in 1275600"]),
        ("the codes are written into the booking later",
            |c| { served(c); c.tenant.write_back = true; c.tenant.mode = Mode::Observe; }, nothing,
            &["write back [0] later", "wake in 1275600"]),
        ("the codes stand in the booking",
            |c| { served(c); c.tenant.write_back = true; }, |s| written_back(s, &[0], true, None),
            &["wake in 1275600"]),
        ("other codes stand in the booking",
            |c| { served(c); c.tenant.write_back = true; }, |s| written_back(s, &[7], true, None),
            &["write back [0]", "wake in 1275600"]),
        ("one code more stands in the booking",
            |c| { served(c); c.tenant.write_back = true; }, |s| written_back(s, &[0, 7], true, None),
            &["write back [0]", "wake in 1275600"]),
        ("writing into the booking waits",
            |c| { served(c); c.tenant.write_back = true; }, |s| written_back(s, &[0], false, Some(60)),
            &["wake in 60"]),
        ("writing into the booking waits no longer",
            |c| { served(c); c.tenant.write_back = true; }, |s| written_back(s, &[0], false, Some(0)),
            &["write back [0]", "wake in 1275600"]),
        ("writing into the booking was given up",
            |c| { served(c); c.tenant.write_back = true; }, |s| written_back(s, &[0], false, None),
            &["alert WriteBackStuck all the source cannot take the present code", "wake in 1275600"]),
        ("the thread of another source",
            |c| { served(c); c.tenant.channels = 2; }, |s| thread_of(s, "hospitable"),
            &["tell CodeReady by thread to nobody", "wake in 1275600"]),
        ("the thread of this source",
            |c| { served(c); c.tenant.channels = 2; }, |s| thread_of(s, "smoobu"),
            &["tell CodeReady by thread to thread", "wake in 1275600"]),
        ("other digits on one of two doors",
            |c| { c.stay.doors = 2; c.codes = vec![made(), on(1, made())]; c.messages = vec![heard()]; },
            |s| s.messages[0].told.as_mut().unwrap().codes.truncate(1),
            &["tell TimesChanged by sms to phone", "wake in 1275600"]),
        ("another end",
            served, |s| s.messages[0].told.as_mut().unwrap().end += Duration::hours(1),
            &["tell TimesChanged by sms to phone", "wake in 1275600"]),
        ("another start",
            served, |s| s.messages[0].told.as_mut().unwrap().start += Duration::hours(1),
            &["tell TimesChanged by sms to phone", "wake in 1275600"]),
        ("a message after three failures is tried again",
            |c| { served(c); c.messages[0].state = 3; c.messages[0].attempts = 3; }, nothing,
            &["tell CodeReady by sms to phone instead of 0", "wake in 1275600"]),
        ("a message after three questions is asked about again",
            |c| { served(c); c.messages[0].state = 2; c.messages[0].attempts = 3; }, nothing,
            &["find 0", "wake in 1275600"]),
        ("two doors that have other names by now are the same doors",
            |c| {
                c.stay.doors = 2; c.codes = vec![made(), CodeCase { door: 1, digits: 1, ..made() }];
                c.messages = vec![heard()];
            },
            |s| {
                let codes = &mut s.messages[0].told.as_mut().unwrap().codes;
                codes[0].door = door_id("entrance"); codes[1].door = door_id("attic");
            },
            &["wake in 1275600"]),
    ]);
}
