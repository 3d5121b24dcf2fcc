//! The public suites of the three traits.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::conformance::booking_source::Wanted;
use booking_core::conformance::webhook_receiver::{Covered, Expected, Request, Sample};
use booking_core::conformance::{
    On, SeededRng, Trouble, block_on, booking_source, notifier, webhook_receiver,
};
use booking_core::{
    BookingKind, BookingSource, Call, ExternalId, Notifier, PhoneNumber, Pin, Recipient, Secret, UnitRef,
    WebhookReceiver,
};
use booking_sim::smoobu::{BookingPatch, NewBooking};
use booking_sim::{Fault, FaultKind, Vendor};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use http::Method;
use serde_json::json;
use smoobu_client::{Smoobu, SmoobuConfig, SmoobuThread};

use crate::world::{KEY, SECRET, World, day, reference, stay};

struct Harness {
    world: World,
    refused: Smoobu,
    thread: SmoobuThread,
    refused_thread: SmoobuThread,
    guest: Recipient,
}

impl Harness {
    fn new() -> Self {
        let world = World::with(|config| config.placeholder_key = Some("door_code".to_owned()));
        let config = SmoobuConfig::new(Secret::new(KEY), Secret::new("planted-wrong-secret"));
        let refused = world.another(config, TimeDelta::zero(), Arc::new(SeededRng::new(1)));
        let thread = world.smoobu.thread();
        let refused_thread = refused.thread();
        Self { world, refused, thread, refused_thread, guest: Recipient::Channel }
    }

    fn with_guest() -> Self {
        let mut harness = Self::new();
        harness.guest = Recipient::Thread(harness.world.make(stay(3)));
        harness
    }

    fn plant(&self, trouble: Trouble, on: On) -> bool {
        let kind = match trouble {
            Trouble::NoAnswer => FaultKind::DropBefore,
            Trouble::AnswerLost => FaultKind::DropAfter,
            Trouble::Html => FaultKind::Html200,
            Trouble::CutOff => FaultKind::Garbage,
            Trouble::Null => FaultKind::NullData,
            Trouble::ServerError => FaultKind::Status(500, "planted".to_owned()),
            Trouble::TooMany(wait) => {
                FaultKind::RateLimit { seconds: wait.as_secs().try_into().unwrap(), absolute: true }
            }
            Trouble::Refused => FaultKind::TokenDies,
            _ => return false,
        };
        let fault = Fault::new(Vendor::Smoobu, kind);
        self.world.sim().add_fault(match on {
            On::All => fault,
            On::Reads => fault.on_path(&Method::GET, "/"),
            On::Writes => fault.on_path(&Method::POST, "/"),
        });
        true
    }

    fn mend(&self) {
        self.world.sim().clear_faults();
        // The circuit breaker has seen enough failures to want a pause.
        self.world.clock.advance(Duration::from_secs(600));
    }

    fn secrets() -> Vec<String> {
        [KEY, SECRET, "planted-wrong-secret"].map(str::to_owned).to_vec()
    }
}

fn number(reference: &ExternalId) -> u64 {
    reference.as_str().parse().unwrap()
}

fn text(time: Option<NaiveTime>) -> Option<String> {
    time.map(|time| time.format("%H:%M").to_string())
}

#[async_trait]
impl booking_source::Harness for Harness {
    fn source(&self) -> &dyn BookingSource {
        &self.world.smoobu
    }
    fn refused_source(&self) -> Option<&dyn BookingSource> {
        Some(&self.refused)
    }
    fn today(&self) -> NaiveDate {
        day(1)
    }
    fn call(&self) -> Call {
        self.world.call()
    }
    fn units(&self) -> Vec<UnitRef> {
        ["500001", "500002"].map(|unit| UnitRef::parse(unit).unwrap()).to_vec()
    }
    fn has_blocks(&self) -> bool {
        true
    }
    fn has_times(&self) -> bool {
        true
    }
    fn page_size(&self) -> Option<usize> {
        Some(100)
    }
    fn unknown_reference(&self) -> ExternalId {
        reference(4711)
    }
    fn sample_references(&self) -> Vec<ExternalId> {
        [1, 90_000_001, 900_000_011, 9_999_999_999_999].map(reference).to_vec()
    }
    async fn make(&self, wanted: &Wanted) -> ExternalId {
        let unit = wanted.unit.as_str().parse().unwrap();
        let (arrival, departure) = (wanted.dates.arrival(), wanted.dates.departure());
        let plain = match wanted.kind {
            BookingKind::Stay => NewBooking::stay(unit, arrival, departure),
            BookingKind::Block => NewBooking::block(unit, arrival, departure),
        };
        self.world.make(NewBooking {
            guest_name: wanted.guest.name.clone().unwrap_or_default(),
            phone: wanted.guest.phone.clone(),
            email: wanted.guest.email.clone(),
            language: wanted.guest.language.clone(),
            check_in: text(wanted.check_in),
            check_out: text(wanted.check_out),
            ..plain
        })
    }
    async fn change(&self, reference: &ExternalId, wanted: &Wanted) {
        let patch = BookingPatch {
            apartment: Some(wanted.unit.as_str().parse().unwrap()),
            arrival: Some(wanted.dates.arrival()),
            departure: Some(wanted.dates.departure()),
            guest_name: wanted.guest.name.clone(),
            phone: Some(wanted.guest.phone.clone()),
            email: Some(wanted.guest.email.clone()),
            language: Some(wanted.guest.language.clone()),
            check_in: Some(text(wanted.check_in)),
            check_out: Some(text(wanted.check_out)),
            ..BookingPatch::default()
        };
        let now = self.world.now();
        assert!(self.world.sim().smoobu.update_booking(now, number(reference), patch));
    }
    async fn cancel(&self, reference: &ExternalId) {
        let now = self.world.now();
        assert!(self.world.sim().smoobu.cancel(now, number(reference)));
    }
    async fn delete(&self, reference: &ExternalId) -> bool {
        let now = self.world.now();
        self.world.sim().smoobu.delete(now, number(reference))
    }
    async fn plant_bad_entry(&self) -> bool {
        self.world.add_bad_entry();
        true
    }
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        Harness::plant(self, trouble, on)
    }
    async fn mend(&self) {
        Harness::mend(self);
    }
    async fn shows_code(&self, reference: &ExternalId, typed: &Pin) -> Option<bool> {
        let sim = self.world.sim();
        let own = |id| id == Some(number(reference));
        Some(
            sim.smoobu.placeholders().iter().any(|each| own(each.foreign_id) && each.value == typed.expose()),
        )
    }
    fn secrets(&self) -> Vec<String> {
        Self::secrets()
    }
}

#[test]
fn a_booking_source() {
    let report = block_on(booking_source::run(Harness::new));
    report.assert_passed();
    assert!(report.skipped().is_empty(), "{report}");
}

#[async_trait]
impl notifier::Harness for Harness {
    fn notifier(&self) -> &dyn Notifier {
        &self.thread
    }
    fn refused_notifier(&self) -> Option<&dyn Notifier> {
        Some(&self.refused_thread)
    }
    fn now(&self) -> DateTime<Utc> {
        self.world.now()
    }
    fn call(&self) -> Call {
        self.world.call()
    }
    fn recipient(&self) -> Recipient {
        self.guest.clone()
    }
    fn unreachable(&self) -> Option<Recipient> {
        Some(Recipient::Thread(reference(4711)))
    }
    fn wrong_kind(&self) -> Option<Recipient> {
        Some(Recipient::Phone(PhoneNumber::parse("+48600000001").unwrap()))
    }
    async fn received(&self, recipient: &Recipient) -> Vec<String> {
        let Recipient::Thread(reference) = recipient else { return Vec::new() };
        let messages = self.world.sim().smoobu.guest_messages(number(reference));
        messages.into_iter().map(|message| message.text).collect()
    }
    fn can_find(&self) -> bool {
        true
    }
    async fn let_settle(&self) {
        self.world.clock.advance(Duration::from_secs(61));
    }
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        Harness::plant(self, trouble, on)
    }
    async fn mend(&self) {
        // Time must not pass here, so that a look-up right after is an early one.
        self.world.sim().clear_faults();
    }
    fn secrets(&self) -> Vec<String> {
        Self::secrets()
    }
}

#[test]
fn a_notifier() {
    let report = block_on(notifier::run(Harness::with_guest));
    report.assert_passed();
    assert_eq!(report.skipped(), ["limits_are_obeyed"], "{report}");
}

struct Hook(Smoobu);

const PATH_SECRET: &str = "planted-path-secret";

impl webhook_receiver::Harness for Hook {
    fn receiver(&self) -> &dyn WebhookReceiver {
        &self.0
    }
    fn samples(&self) -> Vec<Sample> {
        let sample = |name, expected, data| Sample { name, request: hook(name, &data), expected };
        let booking = || Expected::About(vec![reference(90_000_001)]);
        let reservation = json!({
            "id": 90_000_001, "type": "cancellation", "arrival": "2027-03-01", "departure": "2027-03-04",
            "apartment": {"id": 500_001, "name": "Studio A"}, "guest-name": "Planted Guest",
            "phone": "+48700800900", "email": "planted@guest.example",
        });
        vec![
            sample("newReservation", booking(), reservation.clone()),
            sample("updateReservation", booking(), reservation.clone()),
            sample("cancelReservation", booking(), reservation),
            sample("deleteReservation", booking(), json!({"id": 90_000_001})),
            sample("onlineCheckInUpdate", booking(), json!({"bookingId": "90000001"})),
            sample(
                "newMessage",
                Expected::Nothing,
                json!({"id": 5, "sender": "Planted Guest", "booking": {"id": 9}}),
            ),
            sample("updateRates", Expected::Nothing, json!([1, 2])),
        ]
    }
    fn unknown_action(&self) -> Option<Request> {
        Some(hook("Planted Guest", &json!({"id": 5})))
    }
    fn covered(&self) -> Covered {
        Covered::nothing().path_secret()
    }
    fn planted(&self) -> Vec<String> {
        ["Planted Guest", "+48700800900", "planted@guest.example", PATH_SECRET].map(str::to_owned).to_vec()
    }
}

fn hook(action: &str, data: &serde_json::Value) -> Request {
    let body = json!({"action": action, "user": 77, "data": data}).to_string();
    let mut request = Request::post(body, "2027-03-01T12:00:00Z".parse().unwrap());
    request.path_secret = Some(PATH_SECRET.to_owned());
    request
}

#[test]
fn a_webhook_receiver() {
    for payload in [smoobu_client::WebhookPayload::Reread, smoobu_client::WebhookPayload::Trust] {
        let world = World::with(|config| {
            config.webhook_path_secrets = vec![Secret::new(PATH_SECRET)];
            config.webhook_payload = payload;
        });
        let report = webhook_receiver::run(&Hook(world.smoobu));
        report.assert_passed();
        let skipped = [
            "a_tampered_body_is_refused",
            "a_wrong_header_is_refused",
            "a_tampered_query_is_refused",
            "a_stale_request_is_refused",
        ];
        assert_eq!(report.skipped(), skipped, "{report}");
    }
}
