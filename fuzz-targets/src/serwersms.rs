//! SerwerSMS: answers.

use booking_core::{MessageId, Notifier, NotifyError, OutgoingMessage, PhoneNumber, Recipient, Sent};
use booking_notify::serwersms::{SerwerSms, SerwerSmsConfig};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::rig::{Answer, NOW, at_once, call, choice, clock, rng, says_nothing, sound, vendor};

const PHONE: &str = "+48500600700";
const TEXT: &str = "The code is 28-12";

fn account(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> SerwerSms {
    SerwerSms::new(SerwerSmsConfig::new("token"), vendor(answer), clock(), rng()).unwrap()
}

fn message() -> OutgoingMessage {
    OutgoingMessage {
        id: MessageId::parse("abcdefghijkl").unwrap(),
        recipient: Recipient::Phone(PhoneNumber::parse(PHONE).unwrap()),
        subject: String::new(),
        body: TEXT.to_owned(),
        language: "en".to_owned(),
        first_tried: NOW - TimeDelta::hours(1),
        last_tried: NOW - TimeDelta::hours(1),
    }
}

/// A byte for the call, one for the status, a line for a header, and the body.
pub(crate) fn answers(data: &[u8]) {
    let (which, rest) = choice(data, 5);
    let answer = Answer::read(rest);
    let success = answer.status.is_success();
    let account = account(move |_| answer.clone());
    match which {
        0 => match at_once(account.send(call(), &message())) {
            Ok(_) => assert!(success),
            Err(NotifyError::Vendor(error)) => sound(&error),
            Err(error) => says_nothing(&error),
        },
        1 => match at_once(account.find(call(), &message())) {
            Ok(_) => assert!(success),
            Err(error) => sound(&error),
        },
        2 => match at_once(account.reports(call(), &["aB3", "77"])) {
            Ok(reports) => {
                assert!(success && reports.reports.len() <= 2);
                assert!(reports.reports.iter().all(|report| ["aB3", "77"].contains(&report.id.as_str())));
            }
            Err(error) => sound(&error),
        },
        3 => match at_once(account.limits_left(call())) {
            Ok(_) => assert!(success),
            Err(error) => sound(&error),
        },
        _ => match at_once(account.check(call())) {
            Ok(()) => assert!(success),
            Err(error) => sound(&error),
        },
    }
}

/// One entry of a list, whatever it is, beside a good one: that is still there, and is still found.
pub(crate) fn items(data: &[u8]) {
    let Ok(odd) = serde_json::from_slice::<Value>(data) else { return };
    let good = json!({"id": "aB3", "status": "delivered", "phone": PHONE, "text": TEXT});
    let body = json!({"items": [odd, good]}).to_string();
    if serde_json::from_str::<Value>(&body).is_err() {
        return;
    }
    let account = account(move |_| Answer::ok(body.clone()));
    let reports = at_once(account.reports(call(), &["aB3"])).expect("the list itself is good");
    assert_eq!(reports.reports.len(), 1);
    let found = at_once(account.find(call(), &message())).expect("the list itself is good");
    assert_ne!(found, Sent::No, "a message that is listed as delivered was sent");
}
