//! Smoobu: webhooks and answers.

use std::sync::Arc;

use booking_core::{
    Booking, BookingSource, Cursor, DateRange, Dedup, Event, ExternalId, Lookup, MessageId, Notifier,
    NotifyError, OutgoingMessage, Page, Pin, RawRequest, Recipient, Refusal, Secret, Unreadable, VendorError,
    WebhookReceiver, WriteBack,
};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use smoobu_client::{Smoobu, SmoobuConfig, SmoobuWebhooks, WebhookPayload};

use crate::rig::{Answer, NOW, at_once, call, choice, clock, line, rng, says_nothing, sound, vendor};

const SECRET: &str = "hook-of-the-harbour";

fn config() -> SmoobuConfig {
    let mut config = SmoobuConfig::new(Secret::new("usr_live_abc"), Secret::new("s3cret"));
    config.webhook_path_secrets = vec![Secret::new(SECRET)];
    config.placeholder_key = Some("door_code".to_owned());
    config
}

fn request<'a>(headers: &'a HeaderMap, secret: Option<&'a str>, body: &'a [u8]) -> RawRequest<'a> {
    RawRequest {
        method: &Method::POST,
        url: "https://keys.example.org/api/webhooks/smoobu/t/harbour",
        topic: None,
        path_secret: secret,
        query: None,
        headers,
        body,
        peer: None,
        now: NOW,
    }
}

/// A line that stands where the path's secret should, then a body: first as a stranger's, then as the vendor's.
pub(crate) fn webhook(data: &[u8]) {
    let (secret, body) = line(data);
    let headers = HeaderMap::new();
    let reread = SmoobuWebhooks::new(&config()).unwrap();
    let trusting = {
        let mut config = config();
        config.webhook_payload = WebhookPayload::Trust;
        SmoobuWebhooks::new(&config).unwrap()
    };
    let given = std::str::from_utf8(secret).ok();
    let stranger = reread.receive(&request(&headers, given, body));
    if given != Some(SECRET) {
        assert!(matches!(stranger, Err(Refusal::Unauthenticated(_))), "without the secret nothing is parsed");
    }

    let request = request(&headers, Some(SECRET), body);
    let read = reread.receive(&request);
    assert_eq!(read, reread.parse(&request), "one request, one delivery");
    match (&read, trusting.receive(&request)) {
        (Ok(read), Ok(trusted)) => {
            assert_eq!(
                (read.action, &read.dedup, &read.reply),
                (trusted.action, &trusted.dedup, &trusted.reply)
            );
            assert!(read.events.len() <= 1 && read.events.len() == trusted.events.len());
            assert_eq!(read.reply.status, 200);
            assert!(matches!(&read.dedup, Dedup::Content { hash } if hash.len() == 64));
            for (read, trusted) in read.events.iter().zip(&trusted.events) {
                assert!(matches!(read, Event::Hint { .. }), "a payload that is not trusted is a hint");
                assert_eq!(read.reference(), trusted.reference(), "both are about one booking");
                if let Event::Snapshot(booking) = trusted {
                    assert!(booking.unit.is_some() && booking.dates.is_ok(), "a whole booking");
                    stored(booking);
                }
            }
        }
        (Err(read), Err(trusted)) => {
            assert_eq!(*read, trusted);
            assert_eq!(read.status(), 400);
            says_nothing(read);
        }
        (read, trusted) => panic!("trust changes what is readable: {read:?}, {trusted:?}"),
    }
}

/// A booking comes back as it was kept.
fn stored(booking: &Booking) {
    let text = serde_json::to_string(booking).unwrap();
    assert_eq!(serde_json::from_str::<Booking>(&text).unwrap(), *booking);
}

fn smoobu(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Smoobu {
    Smoobu::new(config(), vendor(answer), clock(), rng()).unwrap()
}

fn range() -> DateRange {
    DateRange { departing_from: NOW.date_naive(), arriving_until: NOW.date_naive() + chrono::Days::new(400) }
}

fn booking_of_ours() -> ExternalId {
    ExternalId::parse("9001").unwrap()
}

fn message() -> OutgoingMessage {
    OutgoingMessage {
        id: MessageId::parse("abcdefghijkl").unwrap(),
        recipient: Recipient::Thread(booking_of_ours()),
        subject: "Your door".to_owned(),
        body: "The code is 28-12".to_owned(),
        language: "en".to_owned(),
        first_tried: NOW,
        last_tried: NOW,
    }
}

/// A byte for the call, one for the status, a line for a header, and the body.
pub(crate) fn answers(data: &[u8]) {
    let (which, rest) = choice(data, 8);
    let answer = Answer::read(rest);
    let (success, given) = (answer.status == 200, answer.clone());
    let smoobu = smoobu(move |_| given.clone());
    let client = smoobu.client();
    match which {
        0 => read(success, at_once(client.me(call()))),
        1 => read(success, at_once(client.apartments(call()))),
        2 => match at_once(smoobu.booking(call(), &booking_of_ours())) {
            Ok(Lookup::Found(booking) | Lookup::Cancelled(booking)) => {
                assert!(success);
                assert_eq!(booking.reference, booking_of_ours(), "it is the one that was asked for");
                stored(&booking);
            }
            Ok(Lookup::NotFound) => assert_eq!(answer.status, 404),
            Err(error) => sound(&error),
        },
        3 => page(success, at_once(smoobu.page(call(), range(), None))),
        4 => page(success, at_once(smoobu.page(call(), range(), Some(&Cursor("2/100/250".to_owned()))))),
        5 => {
            let codes = WriteBack {
                reference: booking_of_ours(),
                codes: vec![("Front door".to_owned(), Pin::parse("2812").unwrap())],
            };
            let _ = at_once(smoobu.write_back(call(), &codes)).inspect_err(sound);
        }
        6 => {
            let sent = at_once(smoobu.thread().send(call(), &message()));
            match sent {
                Ok(_) => assert!(answer.status.is_success()),
                Err(NotifyError::Vendor(error)) => sound(&error),
                Err(error) => says_nothing(&error),
            }
        }
        _ => read(success || answer.status == 404, at_once(smoobu.thread().find(call(), &message()))),
    }
}

/// What is no success is never taken for one: a failed read is no empty read.
fn read<T>(success: bool, result: Result<T, VendorError>) {
    match result {
        Ok(_) => assert!(success, "a status that is no success was believed"),
        Err(error) => sound(&error),
    }
}

fn page(success: bool, page: Result<Page, VendorError>) {
    if let Ok(page) = &page {
        page.items.iter().for_each(item);
    }
    read(success, page);
}

fn item(item: &Result<Booking, Unreadable>) {
    match item {
        Ok(booking) => stored(booking),
        // The reference is the vendor's own number, which is told.
        Err(unreadable) => says_nothing(&unreadable.problem),
    }
}

/// One entry of a list, whatever it is, between two good ones: both are still there.
pub(crate) fn items(data: &[u8]) {
    let Ok(odd) = serde_json::from_slice::<Value>(data) else { return };
    let good = |id: u64| json!({"id": id, "arrival": "2027-03-01", "departure": "2027-03-04", "apartment": {"id": 5}});
    let list = json!({"page_count": 1, "page": 1, "bookings": [good(1), odd, good(3)]});
    let body = list.to_string();
    if serde_json::from_str::<Value>(&body).is_err() {
        // Nested deeper than any JSON is read.
        return;
    }
    let smoobu = smoobu(move |_| Answer::ok(body.clone()));
    let page = at_once(smoobu.client().reservations(call(), range(), 1)).expect("the list itself is good");
    page.items.iter().for_each(item);
    let seen: Vec<_> =
        page.items.iter().map(|item| item.as_ref().ok().map(|b| b.reference.as_str())).collect();
    assert_eq!((seen.len(), seen[0], seen[2]), (3, Some("1"), Some("3")));
}

/// A cursor of anybody's making.
pub(crate) fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let given = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let asked = Arc::clone(&given);
    let smoobu = smoobu(move |_| {
        asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Answer::ok(r#"{"page_count": 3, "bookings": [{"id": 1}]}"#)
    });
    match at_once(smoobu.page(call(), range(), Some(&Cursor(text.to_owned())))) {
        Ok(page) => {
            assert_ne!(page.next.map(|next| next.0).as_deref(), Some(text), "a read goes on");
        }
        Err(error) => sound(&error),
    }
    assert!(given.load(std::sync::atomic::Ordering::Relaxed) <= 1);
}
