//! The operator's command line as an operator meets it: the real binary, played vendors on loopback, with a host that
//! serves and without one.

#![allow(clippy::disallowed_methods, reason = "a process is waited for in real time")]

mod help;
mod stores;
mod world;

use booking_sim::smoobu::BookingPatch;
use booking_sim::thekeys::Share;
use booking_sim::{Fault, FaultKind, Operation, Vendor};
use chrono::Utc;
use serde_json::json;

use self::world::{BOTH, How, LOFT, PHONE, STUDIO, World, day, id};

const BULLETS: &str = "••••••••";

#[test]
fn n01_a_dry_run_shows_every_step_and_calls_nothing_that_writes() {
    for how in BOTH {
        let world = World::new(how);
        let booking = world.book(STUDIO, 3, PHONE);
        let told = world.run(&["sync", "--dry-run"]);
        let stay = format!("smoobu:{booking}");
        let nights = format!("{} to {}", day(3), day(6));
        told.is(
            0,
            &[
                &stay,
                "studio",
                &nights,
                "now",
                "create",
                "studio-door",
                BULLETS,
                "then",
                "tell",
                "code-ready by sms",
            ],
        );
        told.is(0, &["In all: 1 create, 1 tell.", "Europe/Warsaw", "apply "]);
        told.lacks(&["Ada", "Example", PHONE, "600000001", "planted"]);
        assert_eq!(world.writes(), 0, "{how:?}");
        let plan = world.plan();
        let pin = plan["stays"][0]["pins"][0]["typed"].as_str().expect("digits").to_owned();
        assert!(pin.starts_with("31") && pin.len() == 8, "{pin}");
        assert!(world.codes(STUDIO).is_empty() && world.sms(PHONE) == 0);
        world
            .run(&["sync", "--unit", "loft", "--dry-run"])
            .is(0, &["something to do for 0"])
            .lacks(&["apply "]);
        world.run(&["sync", "--unit", "attic", "--dry-run"]).is(1, &["there is no such unit"]);
    }
}

#[test]
fn n02_exactly_what_was_shown_is_done_and_once() {
    for how in BOTH {
        let world = World::new(how);
        world.book(STUDIO, 3, PHONE);
        let plan = world.plan();
        let typed = plan["stays"][0]["pins"][0]["typed"].as_str().expect("digits").to_owned();
        world.run(&["apply", &id(&plan), "--follow"]).is(0, &["1 to be worked on", "1 of 1 stay applied."]);
        let codes = world.codes(STUDIO);
        assert_eq!(
            codes.iter().map(|code| format!("31{}", code.code)).collect::<Vec<_>>(),
            [typed],
            "{how:?}"
        );
        world.run(&["apply", &id(&plan), "--follow"]).is(0, &["1 decided before", "1 of 1 stay applied."]);
        assert_eq!((world.codes(STUDIO).len(), world.sms(PHONE)), (1, 1));
        world.run(&["apply", "no-such-plan"]).is(1, &["there is no such plan", "sync --dry-run"]);
    }
}

#[test]
fn n02_a_plan_that_the_world_has_left_is_refused_and_says_what_moved() {
    for how in BOTH {
        let world = World::new(how);
        let booking = world.book(STUDIO, 3, PHONE);
        world.sync();
        let [code] = &world.codes(STUDIO)[..] else { panic!("one code") };
        let patch = BookingPatch { departure: Some(day(8)), ..BookingPatch::default() };
        assert!(world.sims().smoobu.update_booking(Utc::now(), booking, patch));
        let plan = world.plan();
        assert!(plan["stays"][0]["steps"][0]["what"] == "replace", "{plan}");
        // Somebody has taken the code off by hand, and the door was read since.
        assert!(world.sims().thekeys.remove_share(Utc::now(), code.id));
        world
            .run(&["codes", "studio-door", "--fresh"])
            .is(0, &["It showed no code.", "Should be there and is not shown"]);
        let told = world.run(&["apply", &id(&plan), "--follow"]);
        told.is(
            5,
            &[
                "1 refused",
                &format!("smoobu:{booking}"),
                "changed: keypad",
                "make a new plan",
                "sync --dry-run",
            ],
        );
        assert!(world.codes(STUDIO).is_empty(), "{how:?}");
        assert_eq!(world.sms(PHONE), 1);
    }
}

#[test]
fn n05_an_apply_that_is_interrupted_goes_on_and_tells_nobody_twice() {
    interrupted(How::Here);
}

#[test]
fn n05_an_apply_that_a_host_does_goes_on_when_it_is_started_anew_and_tells_nobody_twice() {
    interrupted(How::Served);
}

/// What has failed is tried again in its time, of which most of this is.
fn interrupted(how: How) {
    let mut world = World::new(how);
    let phones = [PHONE, "+48600000002"];
    world.book(STUDIO, 3, phones[0]);
    world.book(LOFT, 4, phones[1]);
    let plan = id(&world.plan());
    // One code goes well, the other does not.
    let fault = Fault::new(Vendor::TheKeys, FaultKind::Status(500, "out of order".into()));
    world.sims().add_fault(Fault { skip: 1, ..fault.on(Operation::CreateCode) });
    let running = world.start(&["apply", &plan, "--follow"]);
    let sent = |world: &World| phones.map(|phone| world.sms(phone)).iter().sum::<usize>();
    world.until("a guest who is told", |world| sent(world) == 1);
    running.interrupt().is(4, &["Interrupted", "under way", &format!("apply {plan} --follow")]);
    let told = world.run(&["apply", &plan, "--follow", "--patience", "1"]);
    told.is(4, &["waits: the code on", "500", "1 under way"]);
    world.sims().clear_faults();
    if how == How::Served {
        world.stop();
        world.serve();
    }
    world.run(&["apply", &plan, "--follow"]).is(0, &["2 of 2 stays applied."]);
    for (flat, phone) in [(STUDIO, phones[0]), (LOFT, phones[1])] {
        assert_eq!((world.codes(flat).len(), world.sms(phone)), (1, 1), "{how:?} {flat:?}");
    }
}

#[test]
fn an_apply_without_a_host_works_on_its_plan_alone_and_hands_the_rest_to_the_next_host() {
    let mut world = World::idle(true);
    world.book(STUDIO, 3, PHONE);
    let other = world.book(LOFT, 4, "+48600000002").to_string();
    let by_hand = Share::permanent(LOFT.lock, LOFT.keypad, "by hand", "304713");
    let code = world.sims().thekeys.plant_share(Utc::now(), by_hand).to_string();
    world.serve();
    world.until("a booking that is known", |world| world.run(&["explain", &other]).code == 0);
    world.stop();
    world.configure("mode = \"observe\"", "mode = \"full\"");
    // From now on the other stay is due, too.
    world.run(&["link", "loft-door", &code, &other]).is(0, &["No host is running", "sync --booking"]);
    world.run(&["sync", "--unit", "studio", "--yes"]).is(0, &["1 of 1 stay applied."]);
    let markers =
        |world: &World, flat| world.codes(flat).into_iter().map(|code| code.description).collect::<Vec<_>>();
    assert_eq!((world.codes(STUDIO).len(), markers(&world, LOFT)), (1, vec![None]));
    world.serve();
    world.until("a marker on the other code", |world| {
        markers(world, LOFT) == [Some(format!("Smoobu#{other}"))]
    });
    assert_eq!(world.codes(LOFT)[0].code, "304713");
}

fn planted(name: &str, code: &str, marker: Option<&str>) -> Share {
    let share = Share::permanent(STUDIO.lock, STUDIO.keypad, name, code);
    Share {
        description: marker.map(str::to_owned),
        date_start: Some(day(0)),
        date_end: Some(day(3)),
        ..share
    }
}

#[test]
fn n06_codes_of_an_earlier_system_are_listed_first_and_guests_keep_their_pin() {
    for how in BOTH {
        let mut world = World::idle(true);
        let (marked, named) = (world.book(STUDIO, 0, PHONE), world.book(STUDIO, 5, "+48600000002"));
        let patch = BookingPatch { guest_name: Some("Bo Beispiel".into()), ..BookingPatch::default() };
        world.sims().smoobu.update_booking(Utc::now(), named, patch);
        let now = Utc::now();
        let marker = format!("Smoobu#{marked}");
        world.sims().thekeys.plant_share(now, planted("old", "104711", Some(&marker)));
        let by_name = world.sims().thekeys.plant_share(now, planted("Bo Beispiel", "204712", None));
        if how == How::Served {
            world.serve();
            world.until("a booking that is known", |world| {
                world.run(&["explain", &named.to_string()]).code == 0
            });
        }
        let told = world.run(&["codes", "studio-door", "--fresh"]);
        told.is(0, &[&marker, "foreign", "never touched", "••••••"]).lacks(&["104711", "Beispiel"]);
        let told = world.run(&["sync", "--dry-run"]);
        told.is(
            0,
            &[
                "adopt",
                "its digits are kept",
                &format!("link studio-door {by_name}"),
                &format!("# booking {named}"),
            ],
        );
        told.lacks(&["Beispiel", "104711"]);
        if how == How::Here {
            // Nobody but the plan has told of this booking yet.
            world
                .run(&["sync", "--booking", &named.to_string(), "--dry-run"])
                .is(1, &["there is no such booking"]);
            world.sync();
        } else {
            let linked = world.run(&["link", "studio-door", &by_name.to_string(), &named.to_string()]);
            linked.is(0, &["with the digits that it has", "The host works on it."]);
            world.sync();
            assert!(world.codes(STUDIO).iter().any(|code| code.code == "204712" && code.id == by_name));
        }
        let code = world.codes(STUDIO).into_iter().find(|code| code.description.as_ref() == Some(&marker));
        assert_eq!(code.expect("the guest's code").code, "104711", "{how:?}");
    }
}

#[test]
fn d09_codes_of_others_are_shown_and_never_touched_by_any_command() {
    for how in BOTH {
        let world = World::new(how);
        let booking = world.book(STUDIO, 3, PHONE).to_string();
        let cleaner = world.sims().thekeys.plant_share(Utc::now(), planted("cleaner", "555555", None));
        let before = world.codes(STUDIO);
        world.sync();
        world.run(&["reissue", &booking, "--yes"]).is(0, &["applied"]);
        world
            .run(&["codes", "studio-door", "--show-pins", "--fresh"])
            .is(0, &["foreign", "cleaner", "555555", "ours"]);
        world.sims().smoobu.cancel(Utc::now(), booking.parse().expect("a number"));
        world.sync();
        assert_eq!(world.codes(STUDIO), before, "{how:?}");
        let linked = world.run(&["link", "studio-door", &cleaner.to_string(), "nobody"]);
        linked.is(1, &["there is no such booking"]);
        world
            .run(&["link", "studio-door", "1", &booking])
            .is(1, &["no such code", "codes studio-door --fresh"]);
        world
            .run(&["link", "attic-door", "1", &booking])
            .is(1, &["there is no door `attic-door`", "loft-door, studio-door"]);
    }
}

#[test]
fn a_stay_and_a_door_are_explained_without_digits_and_names() {
    for how in BOTH {
        let world = World::new(how);
        let booking = world.book(STUDIO, 3, PHONE).to_string();
        world.sync();
        let told = world.run(&["explain", &booking]);
        let stay = format!("smoobu:{booking}, confirmed");
        told.is(0, &[&stay, "Harbour Studio", "15:00 to", "Europe/Warsaw (", "14:00 to"]);
        told.is(
            0,
            &[
                "a code on each of its doors",
                BULLETS,
                "listed",
                "create applied",
                "code-ready",
                "sent",
                "What comes next",
                "History, newest first",
                "write-applied",
            ],
        );
        let pin = world.codes(STUDIO)[0].code.clone();
        told.lacks(&[&pin, "Ada", "600000001"]);
        world.run(&["explain", &format!("smoobu:{booking}"), "--show-pins"]).is(0, &[&pin]);
        world
            .run(&["explain", "--door", "studio-door"])
            .is(0, &["device 4411, keypad AbCd1234", "complete", "ours", "studio"]);
        world.run(&["explain", "404"]).is(1, &["there is no such booking", "SOURCE:REFERENCE"]);
        world.run(&["explain"]).is(2, &["--help"]);
        let json = world.run(&["explain", &booking, "--json"]).json();
        assert_eq!(json["booking"]["reference"], booking);
    }
}

#[test]
fn other_digits_are_shown_first_and_told_before_the_old_ones_go() {
    for how in BOTH {
        let world = World::new(how);
        let booking = world.book(STUDIO, 3, PHONE).to_string();
        world.sync();
        let before = world.codes(STUDIO);
        let told = world.run(&["reissue", &booking, "--dry-run"]);
        told.is(0, &["create", "then", "tell", "code-changed by sms", "delete"]).lacks(&[&before[0].code]);
        assert_eq!((world.codes(STUDIO), world.sms(PHONE)), (before.clone(), 1));
        world.run(&["reissue", &booking, "--yes"]).is(0, &["1 of 1 stay applied."]);
        let [after] = &world.codes(STUDIO)[..] else { panic!("one code") };
        assert_ne!(after.code, before[0].code, "{how:?}");
        assert_eq!(world.sms(PHONE), 2);
    }
}

#[test]
fn health_tells_what_fails_and_what_to_do() {
    for how in BOTH {
        let world = World::new(how);
        world.run(&["health", "--check"]).is(
            0,
            &["all is well", "source smoobu", "lock thekeys", "notifier sms", "works, called just now"],
        );
        world.sims().add_fault(Fault::new(Vendor::TheKeys, FaultKind::Status(401, "no".into())));
        world.sims().thekeys.kill_tokens();
        let told = world.run(&["health", "--check"]);
        told.is(
            4,
            &[
                "something needs you",
                "thekeys fails",
                "fails, called just now",
                "tenant.harbour.lock.thekeys.username at the vendor",
            ],
        );
        told.lacks(&["planted"]);
        let told = world.run(&["codes", "studio-door", "--fresh"]);
        told.is(4, &["fails since", "health --check"]);
        world.book(STUDIO, 3, PHONE);
        world.run(&["sync", "--dry-run"]).is(4, &["could not be read", "explain --door studio-door"]);
        if how == How::Here {
            world.run(&["health"]).is(4, &["No host is running"]);
        }
    }
}

#[test]
fn logs_tell_what_was_done_and_what_arrived() {
    for how in BOTH {
        let world = World::new(how);
        let booking = world.book(STUDIO, 3, PHONE).to_string();
        world.sync();
        world
            .run(&["log"])
            .is(0, &["write-applied", "create on door studio-door", "plan-approved", "Europe/Warsaw"]);
        world
            .run(&["log", "--what", "message", "--booking", &booking, "--since", "1h"])
            .is(0, &["sms"])
            .lacks(&["write-applied"]);
        world.run(&["log", "--since", "2031-01-01"]).is(0, &["Nothing of that is there."]);
        world.run(&["log", "--limit", "1"]).is(0, &["There is more: axum-host log --before"]);
        world.run(&["log", "--webhooks", "--from", "smoobu"]).is(0, &["smoobu", &booking, "full-read"]);
        world.run(&["log", "--since", "yesterday"]).is(2, &["`yesterday` is no time", "90m"]);
        world.run(&["log", "--from", "smoobu"]).is(2, &["--webhooks"]);
        world.run(&["log", "--mail", "--webhooks"]).is(2, &["cannot be used with"]);
    }
}

#[test]
fn a_stay_is_forgotten_once_nothing_of_it_is_on_a_door() {
    for how in BOTH {
        let world = World::new(how);
        let booking = world.book(STUDIO, 3, PHONE).to_string();
        world.sync();
        world.run(&["erase", &booking]).is(2, &["add --yes"]);
        world.run(&["erase", &booking, "--yes"]).is(5, &["1 of its codes are on doors"]);
        world.sims().smoobu.cancel(Utc::now(), booking.parse().expect("a number"));
        world.run(&["sync", "--yes"]).is(0, &["delete", "applied"]);
        assert!(world.codes(STUDIO).is_empty());
        world.run(&["erase", &booking, "--yes"]).is(0, &["Forgotten", "delete it there too"]);
        world.run(&["explain", &booking]).is(1, &["there is no such booking"]);
    }
}

#[test]
fn brakes_and_trust_are_asked_for_by_name() {
    for how in BOTH {
        let world = World::new(how);
        world.run(&["brake"]).is(0, &["nothing is held back"]);
        world.run(&["brake", "release", "source/smoobu", "--hours", "2"]).is(0, &["lifted for 2 h"]);
        world.run(&["brake"]).is(0, &["source/smoobu", "until"]);
        world
            .run(&["brake", "release", "attic"])
            .is(1, &["there is no such brake", "source/NAME or door/ID"]);
        world.run(&["brake", "release", "door/studio-door", "--hours", "49"]).is(1, &["1 to 48"]);
        world.run(&["trust", "smoobu"]).is(0, &["vouched for"]);
        world.run(&["health"]).is(0, &["vouched for until"]);
        world.run(&["trust", "attic"]).is(1, &["there is no such source", "health names the sources"]);
    }
}

const MAIL: &str =
    "From: Zoe <zoe@planted.example>\r\nSubject: planted\r\nMessage-ID: <1@planted.example>\r\n\r\ntext\r\n";

#[test]
fn mails_are_kept_or_left_to_the_mail_server() {
    for how in BOTH {
        let world = World::new(how);
        let told = world.pipe(&["mail-pipe"], MAIL);
        assert_eq!((told.code, told.text.as_str()), (0, ""));
        assert_eq!(world.pipe(&["mail-pipe", "--json"], MAIL).json(), json!({"duplicate": true}));
        world.run(&["log", "--mail"]).is(0, &["…@planted.example", "not shown"]).lacks(&["zoe"]);
        world.run(&["log", "--mail", "--show-pins"]).is(0, &["zoe@planted.example", "planted"]);
        world.pipe(&["mail-pipe"], "no mail").is(1, &["the body is no mail"]);
        world.pipe(&["mail-pipe", "--host", "http://127.0.0.1:9"], MAIL).is(75, &["cannot be reached"]);
        world.pipe(&["mail-pipe", "--config", "/nowhere/staykey.toml"], MAIL).is(75, &["cannot be read"]);
    }
}

#[test]
fn a_store_that_a_host_without_an_api_has_is_told_with_what_to_do() {
    let mut world = World::idle(false);
    world.serve();
    world
        .run(&["health"])
        .is(1, &["in use by another store", "give its configuration an [[api.token]]", "or stop it"]);
    world.pipe(&["mail-pipe"], MAIL).is(75, &["in use by another store"]);
}

#[test]
fn who_may_not_is_told_what_is_missing() {
    let world = World::new(How::Served);
    world.configure(
        "scopes = [\"read\", \"plan\", \"apply\", \"pins\", \"erase\", \"mail\"]",
        "scopes = [\"read\"]",
    );
    let told = world.run(&["sync", "--dry-run"]);
    told.is(1, &["no token of", "read, plan", "--token-env"]);
    world.run(&["health", "--token-env", "ABSENT"]).is(2, &["ABSENT is not set"]);
    world.run(&["health", "--token-env", "TOKEN"]).is(0, &["all is well"]);
    world.run(&["health", "--tenant", "attic"]).is(1, &["there is no tenant `attic`", "harbour"]);
    world.run(&["sync"]).is(2, &["--dry-run", "--yes"]);
    world.run(&["sync", "--unit", "studio", "--source", "smoobu"]).is(2, &["cannot be used with"]);
    let told = world.run(&["explain", "404", "--json"]);
    assert_eq!(told.json()["error"], "there is no such booking");
}
