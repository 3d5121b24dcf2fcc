//! The client against the simulator, which was written from the same fact sheet by somebody else.

mod common;

use booking_core::{
    Clock, Fault, LockError, LockProvider, Outcome, Pin, Proof, Retry, VendorCodeId, VendorError,
};
use booking_sim::thekeys::{HourShape, Lock, Share, TokenShape};
use booking_sim::{FaultKind, Operation};
use chrono::TimeDelta;
use chrono_tz::Tz;
use common::{KEYPAD, LOCK, World, door, spec};
use futures_util::future::join_all;
use std::time::Duration;
use thekeys_client::{TheKeys, ZoneAlias};

#[track_caller]
fn vendor<T: std::fmt::Debug>(result: Result<T, LockError>) -> VendorError {
    match result {
        Err(LockError::Vendor(error)) => error,
        other => panic!("expected a vendor error, got {other:?}"),
    }
}

#[track_caller]
fn check_error(error: &VendorError, fault: Fault, outcome: Outcome, words: &str) {
    assert_eq!((error.fault, error.outcome), (fault, outcome), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn every_shape_of_a_login_works() {
    for shape in [TokenShape::Both, TokenShape::Token, TokenShape::AccessToken] {
        let world = World::with(|_| {}, |config| config.token_shape = shape);
        world.run(world.keys.check(world.call())).unwrap();
        world.run(world.keys.check(world.call())).unwrap();
        assert_eq!(world.seen(Operation::Login), 1, "{shape:?}");
    }
}

#[test]
fn a_refused_login_is_not_repeated_in_a_storm() {
    let world = World::with(|config| config.password = booking_core::Secret::new("wrong"), |_| {});
    let first = world.run(world.keys.check(world.call())).unwrap_err();
    check_error(&first, Fault::Credentials, Outcome::NotApplied, "refused");
    assert_eq!(first.retry, Retry::After(Duration::from_secs(300)));
    for _ in 0..10 {
        let next =
            vendor(world.run(world.keys.create(world.call(), &door(), &spec("0042", "Ada", "Smoobu#1"))));
        check_error(&next, Fault::Credentials, Outcome::NotApplied, "not sent");
        assert!(
            matches!(next.retry, Retry::After(wait) if wait > Duration::from_secs(200)),
            "{:?}",
            next.retry
        );
    }
    assert_eq!(world.seen(Operation::Login), 1);
    // The password was set right at the vendor.
    world.sim().thekeys.config.password = "wrong".to_owned();
    world.clock.advance(TimeDelta::seconds(301));
    world.run(world.keys.check(world.call())).unwrap();
    assert_eq!(world.seen(Operation::Login), 2);
}

#[test]
fn a_login_without_a_token_is_a_refusal() {
    let world = World::new();
    world.fault(FaultKind::NullData, Operation::Login, 1);
    let error = world.run(world.keys.check(world.call())).unwrap_err();
    check_error(&error, Fault::Credentials, Outcome::NotApplied, "without a token");
}

#[test]
fn a_page_in_place_of_a_login_is_the_vendor_s_fault() {
    let world = World::new();
    world.fault(FaultKind::Html200, Operation::Login, 1);
    let error = world.run(world.keys.check(world.call())).unwrap_err();
    check_error(&error, Fault::Vendor, Outcome::NotApplied, "JSON");
    world.run(world.keys.check(world.call())).unwrap();
}

#[test]
fn calls_made_together_share_one_login() {
    let world = World::new();
    let (call, door) = (world.call(), door());
    let all = world.run(join_all((0..20).map(|_| world.keys.codes(call, &door))));
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(world.seen(Operation::Login), 1);
}

#[test]
fn calls_made_together_share_one_failed_login() {
    let world = World::new();
    world.fault(FaultKind::Html200, Operation::Login, 1);
    let (call, door) = (world.call(), door());
    let all = world.run(join_all((0..20).map(|_| world.keys.codes(call, &door))));
    assert!(all.iter().all(Result::is_err));
    assert_eq!(world.seen(Operation::Login), 1);
}

#[test]
fn nobody_waits_for_another_s_login_beyond_the_deadline() {
    let world = World::new();
    world.fault(FaultKind::DropBefore, Operation::Login, 50);
    let (long, door) = (world.call(), door());
    let short = booking_core::Call::until(world.clock.now() + TimeDelta::milliseconds(2500));
    let both = world.run(futures_util::future::join(world.keys.codes(long, &door), async {
        let result = world.keys.codes(short, &door).await;
        (result, world.clock.now())
    }));
    let (result, ended) = both.1;
    check_error(&vendor(result), Fault::Network, Outcome::NotApplied, "");
    assert!(ended <= short.deadline + TimeDelta::milliseconds(10), "{ended}");
}

#[test]
fn a_token_is_renewed_a_minute_before_its_end() {
    let world = World::new();
    for (advance, logins) in [(0, 1), (3500, 1), (41, 2), (3539, 2)] {
        world.clock.advance(TimeDelta::seconds(advance));
        world.run(world.keys.check(world.call())).unwrap();
        assert_eq!(world.seen(Operation::Login), logins, "after {advance}");
    }
}

#[test]
fn a_dead_token_is_replaced_and_the_call_repeated_once() {
    let world = World::new();
    world.run(world.keys.check(world.call())).unwrap();
    for (made, operation) in
        [Operation::ListCodes, Operation::CreateCode, Operation::GetUser].into_iter().enumerate()
    {
        world.fault(FaultKind::TokenDies, operation, 1);
        world.clock.advance(TimeDelta::seconds(3600));
        world.run(world.keys.check(world.call())).unwrap_or_default();
        world.run(world.keys.codes(world.call(), &door())).unwrap();
        let pin = format!("100{made}");
        world.run(world.keys.create(world.call(), &door(), &spec(&pin, "Ada", "Smoobu#1"))).unwrap();
    }
    assert_eq!(world.sim().log().applied(Operation::CreateCode), 3);
    assert_eq!(world.sim().thekeys.codes_on(LOCK).len(), 3);
}

#[test]
fn tokens_that_die_after_each_call_still_work() {
    let world = World::with(|_| {}, |config| config.token_calls = Some(1));
    let id = world.run(world.keys.create(world.call(), &door(), &spec("0042", "Ada", "Smoobu#1"))).unwrap();
    world.run(world.keys.replace(world.call(), &door(), &id, &spec("0042", "Ada", "Smoobu#1"))).unwrap();
    assert_eq!(world.run(world.keys.codes(world.call(), &door())).unwrap().codes.len(), 1);
}

#[test]
fn an_invalid_grant_in_any_dress_is_a_dead_token() {
    for (status, body) in
        [(400, r#"{"error":"invalid_grant"}"#), (401, "Unauthorized"), (200, r#"{"error":"invalid_grant"}"#)]
    {
        let world = World::new();
        world.run(world.keys.check(world.call())).unwrap();
        world.fault(FaultKind::Status(status, body.to_owned()), Operation::CreateCode, 1);
        world.run(world.keys.create(world.call(), &door(), &spec("0042", "Ada", "Smoobu#1"))).unwrap();
        assert_eq!(world.seen(Operation::Login), 2, "{status} {body}");
    }
}

#[test]
fn a_new_token_that_is_refused_makes_no_storm_of_logins() {
    let world = World::new();
    world.fault(FaultKind::Status(401, String::new()), Operation::ListCodes, 100);
    for _ in 0..10 {
        let error = vendor(world.run(world.keys.codes(world.call(), &door())));
        check_error(&error, Fault::Credentials, Outcome::NotApplied, "token");
        assert!(matches!(error.retry, Retry::After(_)));
    }
    assert_eq!(world.seen(Operation::Login), 2);
    // What does work with that token goes on working.
    world.run(world.keys.check(world.call())).unwrap();
}

#[test]
fn a_code_is_made_changed_and_removed() {
    for shape in [HourShape::Object, HourShape::Text, HourShape::TextWithSeconds] {
        let world = World::with(|_| {}, |config| config.hour_shape = shape);
        let (keys, door) = (&world.keys, door());
        world.plant(Share::permanent(LOCK, KEYPAD, "Staff", "7777"));
        world.plant(Share {
            code: "gateway-secret".to_owned(),
            ..Share::permanent(LOCK, "GaTeWay1", "Gate", "")
        });

        let wanted = spec("0042", "Zoë Żak", "Smoobu#9001");
        let id = world.run(keys.create(world.call(), &door, &wanted)).unwrap();
        let list = world.run(keys.codes(world.call(), &door)).unwrap();
        assert!(list.complete);
        assert_eq!(list.codes.len(), 2, "the gateway's secret is no code");
        let listed = list.codes.iter().find(|code| code.id == id).unwrap();
        assert!(keys.shows(&door, listed, &wanted), "{shape:?} {listed:?}");
        let staff = list.codes.iter().find(|code| code.name == "Staff").unwrap();
        assert_eq!((staff.start, staff.end, staff.active), (None, None, true));
        world.clock.advance(TimeDelta::hours(4));
        assert!(world.sim().thekeys.would_open(world.clock.now(), LOCK, KEYPAD, "310042"));

        // Somebody switches it off and lets it be notified: a replacement leaves exactly what we want.
        let number: u64 = id.as_str().parse().unwrap();
        let now = world.clock.now();
        world.sim().thekeys.edit_share(now, number, |share| {
            share.active = false;
            share.notification_enabled = true;
            share.description = Some("late check-out".to_owned());
        });
        let list = world.run(keys.codes(world.call(), &door)).unwrap();
        assert!(!keys.shows(&door, list.codes.iter().find(|code| code.id == id).unwrap(), &wanted));
        let other = spec("0043", "Zoë", "Smoobu#9001");
        world.run(keys.replace(world.call(), &door, &id, &other)).unwrap();
        let list = world.run(keys.codes(world.call(), &door)).unwrap();
        assert!(keys.shows(&door, list.codes.iter().find(|code| code.id == id).unwrap(), &other));
        let share = world.sim().thekeys.codes_on(LOCK).into_iter().find(|share| share.id == number).unwrap();
        assert!(share.active && !share.notification_enabled);

        world.run(keys.delete(world.call(), &door, &id)).unwrap();
        let list = world.run(keys.codes(world.call(), &door)).unwrap();
        assert!(list.complete && list.codes.iter().all(|code| code.id != id));
        assert!(matches!(world.run(keys.delete(world.call(), &door, &id)), Err(LockError::NoSuchCode)));
        assert!(matches!(
            world.run(keys.replace(world.call(), &door, &id, &wanted)),
            Err(LockError::NoSuchCode)
        ));
    }
}

#[test]
fn hours_that_are_not_listed_count_only_where_the_operator_says_so() {
    for accept in [false, true] {
        let world = World::with(
            |config| config.accept_missing_hours = accept,
            |config| config.hour_shape = HourShape::Null,
        );
        let wanted = spec("0042", "Ada", "Smoobu#1");
        world.run(world.keys.create(world.call(), &door(), &wanted)).unwrap();
        let list = world.run(world.keys.codes(world.call(), &door())).unwrap();
        assert!(list.complete);
        assert_eq!(world.keys.shows(&door(), &list.codes[0], &wanted), accept);
    }
}

#[test]
fn a_name_is_compared_as_it_was_sent() {
    let world = World::new();
    for (number, name) in
        [String::new(), "  Ada  ".to_owned(), "ż".repeat(300), "a\tb".to_owned()].into_iter().enumerate()
    {
        let wanted = spec(&format!("100{number}"), &name, "Smoobu#1");
        let id = world.run(world.keys.create(world.call(), &door(), &wanted)).unwrap();
        let list = world.run(world.keys.codes(world.call(), &door())).unwrap();
        let listed = list.codes.iter().find(|code| code.id == id).unwrap();
        assert!(world.keys.shows(&door(), listed, &wanted), "{name:?} {listed:?}");
        assert!(!listed.name.is_empty() && listed.name.chars().count() <= 100);
    }
}

#[test]
fn digits_that_are_not_shown_prove_nothing() {
    let world = World::new();
    let wanted = spec("0042", "Ada", "Smoobu#1");
    world.run(world.keys.create(world.call(), &door(), &wanted)).unwrap();
    let mut listed = world.run(world.keys.codes(world.call(), &door())).unwrap().codes.remove(0);
    listed.stored = None;
    assert!(!world.keys.shows(&door(), &listed, &wanted));
}

#[test]
fn what_became_of_a_write_is_told_honestly() {
    use FaultKind::{BodyStatus, DropAfter, DropBefore, ErrorAfterApply, Garbage, Html200, NullData, Status};
    let cases = [
        (Status(500, "Internal Server Error".to_owned()), Fault::Vendor, Outcome::Unknown, 0),
        (ErrorAfterApply, Fault::Vendor, Outcome::Unknown, 1),
        (DropBefore, Fault::Network, Outcome::Unknown, 0),
        (DropAfter, Fault::Network, Outcome::Unknown, 1),
        (Html200, Fault::Vendor, Outcome::Unknown, 0),
        (Garbage, Fault::Vendor, Outcome::Unknown, 0),
        (NullData, Fault::Vendor, Outcome::Unknown, 1),
        (BodyStatus(500), Fault::Vendor, Outcome::Unknown, 0),
        (BodyStatus(400), Fault::Request, Outcome::NotApplied, 0),
        (BodyStatus(422), Fault::Request, Outcome::NotApplied, 0),
        (Status(400, "no".to_owned()), Fault::Request, Outcome::NotApplied, 0),
        (Status(403, "no".to_owned()), Fault::Configuration, Outcome::NotApplied, 0),
        (BodyStatus(403), Fault::Configuration, Outcome::NotApplied, 0),
        (BodyStatus(404), Fault::Configuration, Outcome::NotApplied, 0),
        (BodyStatus(429), Fault::Vendor, Outcome::NotApplied, 0),
        (Status(302, String::new()), Fault::Vendor, Outcome::Unknown, 0),
    ];
    for (kind, fault, outcome, stored) in cases {
        let world = World::new();
        world.fault(kind.clone(), Operation::CreateCode, 1);
        let wanted = spec("0042", "Ada", "Smoobu#1");
        let error = vendor(world.run(world.keys.create(world.call(), &door(), &wanted)));
        assert_eq!((error.fault, error.outcome), (fault, outcome), "{kind:?}: {error}");
        assert_eq!(world.seen(Operation::CreateCode), 1, "{kind:?}: a creation is sent once");
        let list = world.run(world.keys.codes(world.call(), &door())).unwrap();
        assert_eq!(list.codes.len(), stored, "{kind:?}: a later list shows what became of it");
        assert!(list.codes.iter().all(|code| world.keys.shows(&door(), code, &wanted)));
    }
}

#[test]
fn replacements_and_removals_are_repeated_by_themselves() {
    for kind in [
        FaultKind::Status(500, String::new()),
        FaultKind::ErrorAfterApply,
        FaultKind::DropBefore,
        FaultKind::DropAfter,
    ] {
        let world = World::new();
        let wanted = spec("0042", "Ada", "Smoobu#1");
        let id = world.run(world.keys.create(world.call(), &door(), &wanted)).unwrap();
        world.fault(kind.clone(), Operation::UpdateCode, 1);
        world.run(world.keys.replace(world.call(), &door(), &id, &spec("0043", "Ada", "Smoobu#1"))).unwrap();
        assert_eq!(world.seen(Operation::UpdateCode), 2, "{kind:?}");
        world.fault(kind.clone(), Operation::DeleteCode, 1);
        // The second attempt may find nothing any more, which is what the first was for.
        world.run(world.keys.delete(world.call(), &door(), &id)).unwrap();
        assert_eq!(world.seen(Operation::DeleteCode), 2, "{kind:?}");
        assert!(world.sim().thekeys.codes_on(LOCK).is_empty());
    }
}

#[test]
fn a_list_that_cannot_be_read_is_an_error_and_never_empty() {
    use FaultKind::{BodyStatus, DropBefore, Garbage, Html200, NullData, Status};
    for kind in [
        Status(500, "no".to_owned()),
        Html200,
        Garbage,
        NullData,
        BodyStatus(500),
        BodyStatus(400),
        DropBefore,
    ] {
        let world = World::new();
        world.plant(Share::permanent(LOCK, KEYPAD, "Staff", "7777"));
        world.fault(kind.clone(), Operation::ListCodes, 100);
        let error = vendor(world.run(world.keys.codes(world.call(), &door())));
        assert_eq!(error.outcome, Outcome::NotApplied, "{kind:?}: {error}");
    }
}

#[test]
fn an_empty_list_is_complete() {
    let world = World::new();
    let list = world.run(world.keys.codes(world.call(), &door())).unwrap();
    assert!(list.complete && list.codes.is_empty());
}

#[test]
fn null_is_an_empty_list_only_by_the_operator_s_word_and_for_a_lock_of_the_account() {
    let world = World::with(|config| config.accept_null_list = true, |_| {});
    world.fault(FaultKind::NullData, Operation::ListCodes, 100);
    let list = world.run(world.keys.codes(world.call(), &door())).unwrap();
    assert!(list.complete && list.codes.is_empty());
    let mut elsewhere = door();
    elsewhere.key = TheKeys::door_key("9999", KEYPAD).unwrap();
    let error = vendor(world.run(world.keys.codes(world.call(), &elsewhere)));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "9999");

    let world = World::with(|config| config.accept_null_list = true, |_| {});
    world.fault(FaultKind::NullData, Operation::ListCodes, 100);
    world.fault(FaultKind::Html200, Operation::GetUser, 100);
    let error = vendor(world.run(world.keys.codes(world.call(), &door())));
    check_error(&error, Fault::Vendor, Outcome::NotApplied, "");
}

#[test]
fn one_unreadable_share_makes_the_list_incomplete_and_can_be_found() {
    let world = World::new();
    world.plant(Share::permanent(LOCK, KEYPAD, "Staff", "7777"));
    let odd = world.plant(Share::permanent(LOCK, KEYPAD, "Badge", "no-digits"));
    let lost = world.plant(Share::permanent(LOCK, "GoneAway", "Old pad", "1234"));
    let list = world.run(world.keys.codes(world.call(), &door())).unwrap();
    assert!(!list.complete);
    assert_eq!(list.codes.iter().map(|code| code.stored.is_some()).collect::<Vec<_>>(), [true, false]);
    let shares = world.run(world.keys.shares(world.call(), &door())).unwrap();
    let unreadable: Vec<_> =
        shares.unreadable.iter().map(|share| (share.id.as_ref().unwrap().as_str(), share.why)).collect();
    assert_eq!(unreadable, [(odd.as_str(), "its digits"), (lost.as_str(), "its accessory")]);
}

#[test]
fn a_foreign_or_unknown_lock_is_a_mistake_in_the_configuration() {
    let world = World::new();
    world.sim().thekeys.lock_mut(LOCK).unwrap().foreign = true;
    let error = vendor(world.run(world.keys.codes(world.call(), &door())));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "4411");
    let error = vendor(world.run(world.keys.create(world.call(), &door(), &spec("0042", "Ada", "Smoobu#1"))));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "4411");
    let planted = VendorCodeId::parse(&world.plant(Share::permanent(LOCK, KEYPAD, "Staff", "7777"))).unwrap();
    let error = vendor(world.run(world.keys.delete(world.call(), &door(), &planted)));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "4411");

    let world = World::new();
    let mut wrong = door();
    wrong.key = TheKeys::door_key("4411", "Zz999999").unwrap();
    let error = vendor(world.run(world.keys.create(world.call(), &wrong, &spec("0042", "Ada", "Smoobu#1"))));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "no keypad Zz999999");
    assert_eq!(world.seen(Operation::CreateCode), 0);
    let error = vendor(world.run(world.keys.codes(world.call(), &wrong)));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "no keypad Zz999999");
    // The number of the accessory, as the portal shows it.
    wrong.key.keypad = "14411".into();
    let error = vendor(world.run(world.keys.codes(world.call(), &wrong)));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "id_accessoire");
    wrong.key.vendor = "nuki".into();
    check_error(
        &vendor(world.run(world.keys.codes(world.call(), &wrong))),
        Fault::Configuration,
        Outcome::NotApplied,
        "vendor",
    );
}

#[test]
fn a_lock_in_another_zone_is_not_written_to() {
    let wanted = spec("0042", "Ada", "Smoobu#1");
    let world = World::new();
    let id = world.run(world.keys.create(world.call(), &door(), &wanted)).unwrap();
    world.clock.advance(TimeDelta::hours(2));
    world.sim().thekeys.lock_mut(LOCK).unwrap().time_zone = Tz::Europe__Paris;
    for error in [
        vendor(world.run(world.keys.create(world.call(), &door(), &spec("0043", "Ada", "Smoobu#1")))),
        vendor(world.run(world.keys.replace(world.call(), &door(), &id, &wanted))),
    ] {
        check_error(&error, Fault::Configuration, Outcome::NotApplied, "Europe/Paris");
    }
    assert_eq!((world.seen(Operation::CreateCode), world.seen(Operation::UpdateCode)), (1, 0));
    // Nobody is kept inside by it.
    world.run(world.keys.delete(world.call(), &door(), &id)).unwrap();

    let alias = ZoneAlias::new("Europe/Paris", Tz::Europe__Warsaw);
    let world = World::with(|config| config.accept_time_zone = vec![alias], |_| {});
    world.sim().thekeys.lock_mut(LOCK).unwrap().time_zone = Tz::Europe__Paris;
    world.run(world.keys.create(world.call(), &door(), &wanted)).unwrap();
}

#[test]
fn the_zone_is_asked_once_an_hour_and_a_write_waits_for_it() {
    let world = World::new();
    for (number, (advance, asked)) in [(0, 1), (3500, 1), (200, 2)].into_iter().enumerate() {
        world.clock.advance(TimeDelta::seconds(advance));
        let pin = format!("100{number}");
        world.run(world.keys.create(world.call(), &door(), &spec(&pin, "Ada", "Smoobu#1"))).unwrap();
        assert_eq!(world.seen(Operation::GetUser), asked);
    }
    world.clock.advance(TimeDelta::hours(2));
    for kind in [
        FaultKind::Status(500, String::new()),
        FaultKind::Html200,
        FaultKind::NullData,
        FaultKind::DropBefore,
    ] {
        world.sim().clear_faults();
        world.clock.advance(TimeDelta::hours(2));
        world.fault(kind.clone(), Operation::GetUser, 100);
        let error =
            vendor(world.run(world.keys.create(world.call(), &door(), &spec("2000", "Ada", "Smoobu#1"))));
        assert_eq!(error.outcome, Outcome::NotApplied, "{kind:?}: {error}");
    }
    assert_eq!(world.seen(Operation::CreateCode), 3);
}

#[test]
fn a_refused_pin_is_called_a_duplicate_only_where_the_list_shows_one() {
    let world = World::new();
    world.sim().thekeys.lock_mut(LOCK).unwrap().refuse_duplicates = true;
    world.plant(Share::permanent(LOCK, KEYPAD, "Staff", "7777"));
    let taken = spec("7777", "Ada", "Smoobu#1");
    assert!(matches!(
        world.run(world.keys.create(world.call(), &door(), &taken)),
        Err(LockError::DuplicatePin)
    ));
    let id = world.run(world.keys.create(world.call(), &door(), &spec("0042", "Ada", "Smoobu#1"))).unwrap();
    assert!(matches!(
        world.run(world.keys.replace(world.call(), &door(), &id, &taken)),
        Err(LockError::DuplicatePin)
    ));
    // The vendor has no word for a full keypad that we know.
    world.sim().thekeys.lock_mut(LOCK).unwrap().capacity = Some(2);
    let error = vendor(world.run(world.keys.create(world.call(), &door(), &spec("0044", "Ada", "Smoobu#1"))));
    check_error(&error, Fault::Request, Outcome::NotApplied, "maximum number");
    world.fault(FaultKind::BodyStatus(400), Operation::UpdateCode, 1);
    let error =
        vendor(world.run(world.keys.replace(world.call(), &door(), &id, &spec("0042", "Ada", "Smoobu#1"))));
    check_error(&error, Fault::Request, Outcome::NotApplied, "status 400");
}

#[test]
fn an_update_answered_with_nothing_is_looked_up() {
    let world = World::new();
    let wanted = spec("0042", "Ada", "Smoobu#1");
    let id = world.run(world.keys.create(world.call(), &door(), &wanted)).unwrap();
    world.fault(FaultKind::NullData, Operation::UpdateCode, 1);
    world.run(world.keys.replace(world.call(), &door(), &id, &wanted)).unwrap();
    let null = r#"{"status":200,"data":null,"message":{"global":[],"form":[]}}"#;
    let gone = VendorCodeId::parse("123").unwrap();
    world.fault(FaultKind::Status(200, null.to_owned()), Operation::UpdateCode, 2);
    assert!(matches!(
        world.run(world.keys.replace(world.call(), &door(), &gone, &wanted)),
        Err(LockError::NoSuchCode)
    ));
    world.fault(FaultKind::Html200, Operation::ListCodes, 1);
    let error = vendor(world.run(world.keys.replace(world.call(), &door(), &gone, &wanted)));
    check_error(&error, Fault::Vendor, Outcome::Unknown, "");
}

#[test]
fn ids_of_other_vendors_name_no_code() {
    let world = World::new();
    for id in ["abc", "../1", "700001/x"] {
        let id = VendorCodeId::parse(id).unwrap();
        assert!(matches!(
            world.run(world.keys.delete(world.call(), &door(), &id)),
            Err(LockError::NoSuchCode)
        ));
        let spec = spec("0042", "Ada", "Smoobu#1");
        assert!(matches!(
            world.run(world.keys.replace(world.call(), &door(), &id, &spec)),
            Err(LockError::NoSuchCode)
        ));
    }
    assert!(world.sim().call_log(booking_sim::Vendor::TheKeys).is_empty());
}

#[test]
fn digits_beyond_the_rules_are_not_sent() {
    let world = World::new();
    let error =
        vendor(world.run(world.keys.create(world.call(), &door(), &spec("00421", "Ada", "Smoobu#1"))));
    check_error(&error, Fault::Request, Outcome::NotApplied, "rules");
    assert!(world.sim().call_log(booking_sim::Vendor::TheKeys).is_empty());
}

#[test]
fn rules_and_doors() {
    let world = World::with(|config| config.settle = Duration::from_secs(90), |_| {});
    let rules = world.keys.rules(&door());
    assert_eq!((rules.stored_len, rules.name_len, rules.highest_proof), (4, 100, Proof::Listed));
    assert_eq!(
        (rules.past_start, rules.same_pin_twice, rules.settle),
        (true, false, Duration::from_secs(90))
    );
    assert_eq!(rules.typed(&Pin::parse("0042").unwrap()), Pin::parse("310042").unwrap());
    let mut long = door();
    long.pin_length = Some(6);
    assert_eq!(world.keys.rules(&long).stored_len, 6);

    world
        .sim()
        .thekeys
        .add_lock(Lock { name: String::new(), ..Lock::with_keypad(4412, "Zz00yy11", Tz::Europe__Paris) });
    let found = world.run(world.keys.doors(world.call())).unwrap();
    let shown: Vec<_> = found
        .iter()
        .map(|door| (door.key.to_string(), door.name.as_str(), door.zone.as_deref().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("thekeys/4411/AbCd1234".to_owned(), "Lock, Keypad", "Europe/Warsaw"),
            ("thekeys/4412/Zz00yy11".to_owned(), "Keypad", "Europe/Paris"),
        ]
    );
}

#[test]
fn an_account_that_is_read_in_part_is_used_as_far_as_it_goes() {
    let create = |locks: &str| {
        let world = World::new();
        let body = format!(r#"{{"status":200,"data":{{"serrures":[{locks}]}}}}"#);
        world.fault(FaultKind::Status(200, body), Operation::GetUser, 100);
        world.run(world.keys.create(world.call(), &door(), &spec("0042", "Ada", "Smoobu#1")))
    };
    create(r#"{"id":4411,"timezone":"Europe/Warsaw"}"#).unwrap();
    create(r#"{"id":4411}, "garbage""#).unwrap();
    create(r#"{"id":"4411","timezone":null,"accessoires":[{"accessoire":{"type":2}}]}"#).unwrap();
    let error = vendor(create(r#"{"id":4411,"accessoires":[]}"#));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "no keypad");
    let error = vendor(create(r#"{"id":4412},"garbage""#));
    check_error(&error, Fault::Vendor, Outcome::NotApplied, "cannot be read");
    let error = vendor(create(r#"{"id":4411,"timezone":{}}"#));
    check_error(&error, Fault::Vendor, Outcome::NotApplied, "cannot be read");
    let error = vendor(create(r#"{"id":4412}"#));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "no lock 4411");
    let error = vendor(create(r#"{"id":4411,"timezone":"<b>somewhere</b>"}"#));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "an unknown zone");
}

#[test]
fn a_first_attempt_that_may_have_worked_is_not_forgotten() {
    let made = || {
        let world = World::new();
        world.plant(Share::permanent(LOCK, KEYPAD, "Staff", "7777"));
        let id =
            world.run(world.keys.create(world.call(), &door(), &spec("0042", "Ada", "Smoobu#1"))).unwrap();
        world.fault(FaultKind::DropAfter, Operation::UpdateCode, 1);
        (world, id)
    };
    let wanted = spec("7777", "Ada", "Smoobu#1");
    // The second is refused, and the digits are there twice, but what the first did is not known.
    let (world, id) = made();
    world.fault(FaultKind::BodyStatus(400), Operation::UpdateCode, 1);
    let error = vendor(world.run(world.keys.replace(world.call(), &door(), &id, &wanted)));
    check_error(&error, Fault::Request, Outcome::Unknown, "status 400");
    // The second finds the token dead, and there is no other.
    let (world, id) = made();
    world.fault(FaultKind::Status(401, String::new()), Operation::UpdateCode, 1);
    world.fault(FaultKind::Html200, Operation::Login, 1);
    let error = vendor(world.run(world.keys.replace(world.call(), &door(), &id, &wanted)));
    check_error(&error, Fault::Vendor, Outcome::Unknown, "login_check");
}

#[test]
fn a_token_that_worked_may_be_renewed_at_any_time() {
    let world = World::new();
    world.fault(FaultKind::Status(401, String::new()), Operation::ListCodes, 2);
    let error = vendor(world.run(world.keys.codes(world.call(), &door())));
    check_error(&error, Fault::Credentials, Outcome::NotApplied, "a new token was refused");
    world.run(world.keys.check(world.call())).unwrap();
    world.sim().thekeys.kill_tokens();
    world.run(world.keys.codes(world.call(), &door())).unwrap();
    assert_eq!(world.seen(Operation::Login), 3);
}

#[test]
fn a_refused_update_of_a_code_that_is_not_listed_finds_no_such_code() {
    let world = World::new();
    world.fault(FaultKind::Status(400, "no".to_owned()), Operation::UpdateCode, 1);
    let (gone, wanted) = (VendorCodeId::parse("123").unwrap(), spec("0042", "Ada", "Smoobu#1"));
    let result = world.run(world.keys.replace(world.call(), &door(), &gone, &wanted));
    assert!(matches!(result, Err(LockError::NoSuchCode)), "{result:?}");
}

#[test]
fn a_window_in_another_zone_than_the_door_s_is_not_written() {
    let world = World::new();
    let mut wanted = spec("0042", "Ada", "Smoobu#1");
    let (start, end) = (wanted.window.start(), wanted.window.end());
    wanted.window = booking_core::Window::new(start, end, Tz::Europe__London).unwrap();
    let error = vendor(world.run(world.keys.create(world.call(), &door(), &wanted)));
    check_error(&error, Fault::Configuration, Outcome::NotApplied, "Europe/London");
}
