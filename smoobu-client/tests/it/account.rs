//! Credentials, limits, and answers that are none.

use std::sync::Arc;
use std::time::Duration;

use booking_core::conformance::SeededRng;
use booking_core::{
    BookingSource, Clock, Fault, Lookup, Outcome, Retry, Rng, Secret, VendorError, WriteBack, WrittenBack,
};
use booking_core::{ExternalId, Pin};
use booking_sim::{FaultKind, Operation, Vendor};
use chrono::TimeDelta;
use smoobu_client::{Smoobu, SmoobuConfig};

use crate::world::{KEY, SECRET, World, run, stay};

#[test]
fn a_signed_call_is_taken() {
    let world = World::new();
    run(world.smoobu.check(world.call())).unwrap();
    assert_eq!(run(world.smoobu.client().me(world.call())).unwrap(), 77);
    let apartments = run(world.smoobu.client().apartments(world.call())).unwrap();
    let names: Vec<_> = apartments.iter().map(|each| (each.id.as_str(), each.name.as_deref())).collect();
    assert_eq!(names, [("500001", Some("Studio 500001")), ("500002", Some("Studio 500002"))]);
}

#[test]
fn the_prefix_of_a_base_url_is_not_signed() {
    let world = World::with(|config| config.base_url = "http://127.0.0.1:9/smoobu".to_owned());
    run(world.smoobu.check(world.call())).unwrap();
    assert!(World::with_error(|config| config.base_url = "http://smoobu.example".to_owned()).is_some());
}

impl World {
    fn with_error(change: impl FnOnce(&mut SmoobuConfig)) -> Option<VendorError> {
        let world = Self::new();
        let mut config = SmoobuConfig::new(Secret::new(KEY), Secret::new(SECRET));
        change(&mut config);
        let transport = booking_http::testing::RecordingTransport::new();
        Smoobu::new(config, Arc::new(transport), world.clock.clone(), Arc::new(SeededRng::new(1))).err()
    }
}

#[track_caller]
fn refused(result: Result<(), VendorError>) {
    let error = result.unwrap_err();
    assert_eq!(
        (error.fault, error.retry, error.outcome),
        (Fault::Credentials, Retry::Backoff, Outcome::NotApplied)
    );
    assert!(error.detail().contains("clock"), "{error}");
}

#[test]
fn a_wrong_key_or_secret_is_refused() {
    let world = World::new();
    for (key, secret) in [("another", SECRET), (KEY, "another")] {
        let config = SmoobuConfig::new(Secret::new(key), Secret::new(secret));
        let smoobu = world.another(config, TimeDelta::zero(), Arc::new(SeededRng::new(1)));
        refused(run(smoobu.check(world.call())));
    }
}

#[test]
fn a_clock_that_is_off_is_refused() {
    let world = World::new();
    let off = |minutes| {
        let config = SmoobuConfig::new(Secret::new(KEY), Secret::new(SECRET));
        world.another(config, TimeDelta::minutes(minutes), Arc::new(SeededRng::new(1)))
    };
    run(off(4).check(world.call())).unwrap();
    refused(run(off(6).check(world.call())));
    refused(run(off(-6).check(world.call())));
}

/// Draws the same nonce each time.
struct StuckRng;

impl Rng for StuckRng {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }
}

#[test]
fn a_nonce_is_good_for_one_attempt() {
    let world = World::new();
    let config = SmoobuConfig::new(Secret::new(KEY), Secret::new(SECRET));
    let smoobu = world.another(config, TimeDelta::zero(), Arc::new(StuckRng));
    run(smoobu.check(world.call())).unwrap();
    refused(run(smoobu.check(world.call())));

    // With a working random source each retry is signed anew.
    world.fault_once(FaultKind::DropBefore, Operation::Me);
    run(world.smoobu.check(world.call())).unwrap();
    let calls =
        world.sim().call_log(Vendor::Smoobu).iter().rev().take(2).map(|call| call.status).collect::<Vec<_>>();
    assert_eq!(calls, [Some(200), None]);
}

#[test]
fn the_legacy_key_only_where_it_is_asked_for() {
    let world = World::with(|config| {
        config.legacy_api_key = true;
        config.api_secret = None;
    });
    refused(run(world.smoobu.check(world.call())));
    world.sim().smoobu.config.accept_legacy_key = true;
    run(world.smoobu.check(world.call())).unwrap();
}

#[test]
fn a_short_pause_is_waited_for_and_a_long_one_returned() {
    for absolute in [true, false] {
        let world = World::new();
        world.fault_once(FaultKind::RateLimit { seconds: 5, absolute }, Operation::Me);
        run(world.smoobu.check(world.call())).unwrap();
        assert!(
            (Duration::from_secs(5)..Duration::from_secs(7)).contains(&world.clock.slept()),
            "{absolute}"
        );

        world.fault_once(FaultKind::RateLimit { seconds: 600, absolute }, Operation::Me);
        let error = run(world.smoobu.check(world.call())).unwrap_err();
        assert_eq!((error.fault, error.retry), (Fault::Vendor, Retry::After(Duration::from_secs(600))));
    }
}

#[test]
fn calls_keep_the_pace() {
    let world = World::with(|config| config.requests_per_minute = 60);
    let started = world.now();
    for _ in 0..120 {
        run(world.smoobu.check(world.call())).unwrap();
    }
    assert!(world.clock.now() - started > TimeDelta::seconds(120));
}

#[test]
fn answers_that_are_none() {
    for kind in [
        FaultKind::Html200,
        FaultKind::Garbage,
        FaultKind::NullData,
        FaultKind::Status(200, String::new()),
        FaultKind::Status(200, "[]".to_owned()),
        FaultKind::Status(200, "{}".to_owned()),
        FaultKind::Status(200, r#"{"id":{"a":"planted"}}"#.to_owned()),
        FaultKind::Status(404, "<html><body>planted</body></html>".to_owned()),
        FaultKind::Status(204, String::new()),
    ] {
        let world = World::new();
        let booking = world.make(stay(3));
        for operation in
            [Operation::GetReservation, Operation::ListReservations, Operation::ListApartments, Operation::Me]
        {
            world.fault(kind.clone(), operation);
        }
        let errors = [
            run(world.smoobu.booking(world.call(), &booking)).map(|_| ()),
            world.page(None).map(|_| ()),
            run(world.smoobu.client().apartments(world.call())).map(|_| ()),
            run(world.smoobu.client().me(world.call())).map(|_| ()),
        ];
        for error in errors {
            let error = error.expect_err(kind.name());
            assert_eq!(
                (error.fault, error.retry, error.outcome),
                (Fault::Vendor, Retry::Backoff, Outcome::NotApplied),
                "{error}"
            );
            assert!(!error.to_string().contains("planted"), "{error}");
        }
    }
}

#[test]
fn what_is_not_there() {
    let world = World::new();
    world.make(stay(3));
    for text in ["1", "12345678901234567890123", "..", "a/b", "090000001", "HM-EXAMPLE"] {
        let lookup = run(world.smoobu.booking(world.call(), &ExternalId::parse(text).unwrap()));
        assert_eq!(lookup.unwrap(), Lookup::NotFound, "{text}");
    }
    // What cannot be a number of Smoobu's is not asked for.
    assert_eq!(world.sim().call_log(Vendor::Smoobu).len(), 1);
}

fn codes(reference: &ExternalId, pin: &str) -> WriteBack {
    WriteBack { reference: reference.clone(), codes: vec![("Flat".into(), Pin::parse(pin).unwrap())] }
}

#[test]
fn nothing_is_written_back_unless_configured() {
    let world = World::new();
    let booking = world.make(stay(3));
    let written = run(world.smoobu.write_back(world.call(), &codes(&booking, "4821")));
    assert_eq!(written.unwrap(), WrittenBack::Unsupported);
    assert!(world.sim().call_log(Vendor::Smoobu).is_empty());
}

#[test]
fn a_placeholder_is_written_once() {
    let world = World::with(|config| config.placeholder_key = Some("door_code".to_owned()));
    let (booking, other) = (world.make(stay(3)), world.make(stay(4)));
    #[track_caller]
    fn check(world: &World, booking: &ExternalId, pin: &str, expected: WrittenBack) {
        let written = run(world.smoobu.write_back(world.call(), &codes(booking, pin)));
        assert_eq!(written.unwrap(), expected);
    }
    check(&world, &booking, "4821", WrittenBack::Written);
    check(&world, &booking, "4821", WrittenBack::Written);
    check(&world, &booking, "5555", WrittenBack::CannotUpdate);
    check(&world, &other, "5555", WrittenBack::Written);
    let sim = world.sim();
    let values: Vec<_> =
        sim.smoobu.placeholders().iter().map(|each| (each.key.as_str(), each.value.as_str())).collect();
    assert_eq!(values, [("door_code", "4821"), ("door_code", "5555")]);
}

#[test]
fn a_placeholder_whose_answer_was_lost_is_recognised() {
    let world = World::with(|config| config.placeholder_key = Some("door_code".to_owned()));
    let booking = world.make(stay(3));
    world.fault_once(FaultKind::DropAfter, Operation::CreatePlaceholder);
    let error = run(world.smoobu.write_back(world.call(), &codes(&booking, "4821"))).unwrap_err();
    assert_eq!(error.outcome, Outcome::Unknown);
    let written = run(world.smoobu.write_back(world.call(), &codes(&booking, "4821")));
    assert_eq!(written.unwrap(), WrittenBack::Written);
    // A booking that is gone has no placeholders.
    let error = run(world.smoobu.write_back(world.call(), &codes(&ExternalId::parse("7").unwrap(), "4821")))
        .unwrap_err();
    assert_eq!((error.fault, error.outcome), (Fault::Request, Outcome::NotApplied));
}
