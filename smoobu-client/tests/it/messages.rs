//! Messages to guests.

use std::time::Duration;

use booking_core::{
    Call, Channel, ExternalId, Fault, MessageId, Notifier, NotifyError, Outcome, OutgoingMessage,
    PhoneNumber, Recipient, Retry, Sent,
};
use booking_sim::smoobu::ThreadMessage;
use booking_sim::{FaultKind, Operation, Vendor};
use chrono::TimeDelta;

use crate::world::{World, run, stay};

const BODY: &str = "Hi Ada & Bob,\nyour code is 4821.";

fn message(world: &World, booking: &ExternalId, body: &str) -> OutgoingMessage {
    OutgoingMessage {
        id: MessageId::parse("aaaaaaaaaaaa").unwrap(),
        recipient: Recipient::Thread(booking.clone()),
        subject: "Your code".to_owned(),
        body: body.to_owned(),
        language: "en".to_owned(),
        first_tried: world.now(),
        last_tried: world.now(),
    }
}

fn thread(world: &World, booking: &ExternalId) -> Vec<ThreadMessage> {
    world.sim().smoobu.guest_messages(booking.as_str().parse().unwrap())
}

#[test]
fn a_message_arrives_once() {
    let world = World::new();
    let booking = world.make(stay(3));
    let notifier = world.smoobu.thread();
    assert_eq!(notifier.channel(), Channel::Thread);
    let receipt = run(notifier.send(world.call(), &message(&world, &booking, BODY))).unwrap();
    let arrived = thread(&world, &booking);
    assert_eq!(arrived.len(), 1);
    assert_eq!((arrived[0].text.as_str(), arrived[0].subject.as_deref()), (BODY, Some("Your code")));
    assert_eq!(receipt.vendor_id, Some(arrived[0].id.to_string()));
    run(notifier.check(world.call())).unwrap();
}

#[test]
fn a_lost_answer_is_found_again() {
    for (echo, older) in [(false, 0), (true, 0), (false, 120)] {
        let world = World::new();
        world.sim().smoobu.config.echo_messages = echo;
        let booking = world.make(stay(3));
        let notifier = world.smoobu.thread();
        for number in 0..older {
            let now = world.now();
            world.sim().smoobu.guest_writes(
                now,
                booking.as_str().parse().unwrap(),
                &format!("Hello {number}"),
            );
        }
        let wanted = message(&world, &booking, BODY);
        world.fault(FaultKind::DropAfter, Operation::SendToGuest);
        let Err(NotifyError::Vendor(error)) = run(notifier.send(world.call(), &wanted)) else {
            panic!("lost")
        };
        assert_eq!((error.fault, error.outcome), (Fault::Network, Outcome::Unknown));
        let arrived = thread(&world, &booking);
        let ours: Vec<_> = arrived.iter().filter(|message| message.text == BODY).collect();
        assert_eq!(ours.len(), 1, "one call sends at most once");
        let Sent::Yes(receipt) = run(notifier.find(world.call(), &wanted)).unwrap() else { panic!("found") };
        assert_eq!(receipt.vendor_id, Some(ours[0].id.to_string()));
    }
}

#[test]
fn what_was_not_sent_is_missing_only_after_a_while() {
    let world = World::new();
    let booking = world.make(stay(3));
    let notifier = world.smoobu.thread();
    let wanted = message(&world, &booking, BODY);
    world.fault_once(FaultKind::DropBefore, Operation::SendToGuest);
    run(notifier.send(world.call(), &wanted)).unwrap_err();

    let error = run(notifier.find(world.call(), &wanted)).unwrap_err();
    assert_eq!((error.retry, error.outcome), (Retry::After(Duration::from_secs(60)), Outcome::NotApplied));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(run(notifier.find(world.call(), &wanted)).unwrap(), Sent::No);

    // A later attempt counts, although the message only tells the first.
    world.fault_once(FaultKind::DropBefore, Operation::SendToGuest);
    run(notifier.send(world.call(), &wanted)).unwrap_err();
    world.clock.advance(Duration::from_secs(20));
    let error = run(notifier.find(world.call(), &wanted)).unwrap_err();
    assert_eq!(error.retry, Retry::After(Duration::from_secs(40)));

    // So does one of an earlier process, of which nothing is remembered.
    let restarted = World::new();
    let mut wanted = message(&restarted, &restarted.make(stay(3)), BODY);
    wanted.first_tried -= TimeDelta::hours(1);
    assert!(run(restarted.smoobu.thread().find(restarted.call(), &wanted)).is_err());
}

#[test]
fn a_thread_that_cannot_be_read_says_neither() {
    for kind in
        [FaultKind::Html200, FaultKind::Garbage, FaultKind::NullData, FaultKind::Status(500, String::new())]
    {
        let world = World::new();
        let wanted = message(&world, &world.make(stay(3)), BODY);
        world.clock.advance(Duration::from_secs(3600));
        world.fault(kind, Operation::ListMessages);
        let error = run(world.smoobu.thread().find(world.call(), &wanted)).unwrap_err();
        assert_eq!((error.fault, error.outcome), (Fault::Vendor, Outcome::NotApplied));
    }
    let world = World::new();
    let booking = world.make(stay(3));
    for number in 0..10 {
        let now = world.now();
        world.sim().smoobu.guest_writes(now, booking.as_str().parse().unwrap(), &format!("Hello {number}"));
    }
    let wanted = message(&world, &booking, BODY);
    world.clock.advance(Duration::from_secs(3600));
    world.fault_once(FaultKind::TruncatedList, Operation::ListMessages);
    run(world.smoobu.thread().find(world.call(), &wanted)).unwrap_err();
    assert_eq!(run(world.smoobu.thread().find(world.call(), &wanted)).unwrap(), Sent::No);
}

#[test]
fn an_answer_that_is_none_leaves_the_outcome_open() {
    for kind in [
        FaultKind::Html200,
        FaultKind::Garbage,
        FaultKind::NullData,
        FaultKind::ErrorAfterApply,
        FaultKind::Status(503, String::new()),
        FaultKind::Status(202, "{}".to_owned()),
    ] {
        let world = World::new();
        let booking = world.make(stay(3));
        world.fault(kind.clone(), Operation::SendToGuest);
        let result = run(world.smoobu.thread().send(world.call(), &message(&world, &booking, BODY)));
        let Err(NotifyError::Vendor(error)) = result else { panic!("{}", kind.name()) };
        assert_eq!(error.outcome, Outcome::Unknown, "{error}");
        assert_eq!(world.sim().call_log(Vendor::Smoobu).len(), 1, "{}", kind.name());
    }
}

#[test]
fn both_statuses_are_success() {
    for (status, body) in [(200, "{}"), (201, ""), (200, "[]"), (201, r#"{"id":"x9"}"#)] {
        let world = World::new();
        let booking = world.make(stay(3));
        world.fault(FaultKind::Status(status, body.to_owned()), Operation::SendToGuest);
        run(world.smoobu.thread().send(world.call(), &message(&world, &booking, BODY))).unwrap();
    }
}

#[test]
fn who_cannot_be_reached_this_way() {
    let world = World::new();
    let notifier = world.smoobu.thread();
    let phone = Recipient::Phone(PhoneNumber::parse("+48600000001").unwrap());
    let thread = |text: &str| Recipient::Thread(ExternalId::parse(text).unwrap());
    for recipient in [phone, Recipient::Channel, thread("4711"), thread("..")] {
        let message =
            OutgoingMessage { recipient, ..message(&world, &ExternalId::parse("1").unwrap(), BODY) };
        let error = run(notifier.send(world.call(), &message)).unwrap_err();
        assert!(matches!(error, NotifyError::Undeliverable(_)), "{error}");
    }
}

#[test]
fn what_smoobu_does_not_want_is_the_requests_fault() {
    let world = World::new();
    let booking = world.make(stay(3));
    let Err(NotifyError::Vendor(error)) =
        run(world.smoobu.thread().send(world.call(), &message(&world, &booking, " ")))
    else {
        panic!("422")
    };
    assert_eq!(
        (error.fault, error.retry, error.outcome),
        (Fault::Request, Retry::Never, Outcome::NotApplied)
    );
}

#[test]
fn messages_keep_their_distance() {
    let world = World::new();
    let booking = world.make(stay(3));
    let notifier = world.smoobu.thread();
    let started = world.now();
    for _ in 0..3 {
        run(notifier.send(world.call(), &message(&world, &booking, BODY))).unwrap();
    }
    assert_eq!(world.now() - started, TimeDelta::milliseconds(5000));
    // Reads do not wait for them.
    run(notifier.check(world.call())).unwrap();
    assert_eq!(world.now() - started, TimeDelta::milliseconds(5000));

    // No time is left for the wait: it is returned, and nothing was sent.
    let hurried = Call::until(world.now() + TimeDelta::seconds(3));
    let Err(NotifyError::Vendor(error)) = run(notifier.send(hurried, &message(&world, &booking, BODY)))
    else {
        panic!()
    };
    assert_eq!(
        (error.retry, error.outcome),
        (Retry::After(Duration::from_millis(2500)), Outcome::NotApplied)
    );
    assert_eq!(thread(&world, &booking).len(), 3);
}

#[test]
fn too_many_at_once_is_no_loss() {
    let world = World::new();
    let booking = world.make(stay(3));
    world.fault_once(FaultKind::RateLimit { seconds: 4, absolute: true }, Operation::SendToGuest);
    run(world.smoobu.thread().send(world.call(), &message(&world, &booking, BODY))).unwrap();
    assert_eq!(thread(&world, &booking).len(), 1);
}
