//! The stand-ins pass the suites, and what breaks a contract fails them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Duration, NaiveDate, TimeZone as _, Utc};
use serde_json::{Value, json};

use super::webhook_receiver::{Covered, Expected, Request, Sample};
use super::{
    ManualClock, MemoryLock, MemoryNotifier, MemorySource, On, Planted, Report, SeededRng, Trouble, block_on,
    booking_source, lock_provider, notifier, webhook_receiver,
};
use crate::signature::{Part, SignatureError};
use crate::world::{Clock as _, Rng as _};
use crate::*;

const SECRET: &str = "5d0a4e63b51ae8e0a8c5";

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 9, 0, 0).unwrap()
}

fn soon() -> Call {
    Call::until(now() + Duration::hours(1))
}

fn today() -> NaiveDate {
    now().date_naive()
}

struct Source {
    source: MemorySource,
    refused: MemorySource,
    next: ManualNumber,
}

/// References in order of making.
struct ManualNumber(std::sync::Mutex<u32>);

impl ManualNumber {
    fn next(&self) -> ExternalId {
        let mut number = self.0.lock().unwrap();
        *number += 1;
        ExternalId::parse(&number.to_string()).unwrap()
    }
}

impl Source {
    fn new() -> Self {
        let source = MemorySource::new().with_page_size(7).with_write_back(WrittenBack::Written);
        let refused = MemorySource::new();
        refused.refuse_credentials(true);
        Self { source, refused, next: ManualNumber(9000.into()) }
    }
}

fn booking(reference: &ExternalId, wanted: &booking_source::Wanted) -> Booking {
    Booking {
        reference: reference.clone(),
        unit: Some(wanted.unit.clone()),
        unit_name: None,
        kind: wanted.kind,
        status: BookingStatus::Confirmed,
        guest: wanted.guest.clone(),
        dates: Ok(wanted.dates),
        check_in: wanted.check_in,
        check_out: wanted.check_out,
        revision: None,
    }
}

#[async_trait]
impl booking_source::Harness for Source {
    fn source(&self) -> &dyn BookingSource {
        &self.source
    }
    fn refused_source(&self) -> Option<&dyn BookingSource> {
        Some(&self.refused)
    }
    fn today(&self) -> NaiveDate {
        today()
    }
    fn call(&self) -> Call {
        soon()
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
        Some(7)
    }
    fn unknown_reference(&self) -> ExternalId {
        ExternalId::parse("404").unwrap()
    }
    fn sample_references(&self) -> Vec<ExternalId> {
        ["1", "a-b", "a_b", "99999999999999"].map(|text| ExternalId::parse(text).unwrap()).to_vec()
    }
    async fn make(&self, wanted: &booking_source::Wanted) -> ExternalId {
        let reference = self.next.next();
        self.source.put(booking(&reference, wanted));
        reference
    }
    async fn change(&self, reference: &ExternalId, wanted: &booking_source::Wanted) {
        self.source.put(booking(reference, wanted));
    }
    async fn cancel(&self, reference: &ExternalId) {
        assert!(self.source.cancel(reference));
    }
    async fn delete(&self, reference: &ExternalId) -> bool {
        self.source.remove(reference)
    }
    async fn plant_bad_entry(&self) -> bool {
        self.source.put_unreadable(None);
        true
    }
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        self.source.plant(Planted::new(trouble).on(on));
        true
    }
    async fn mend(&self) {
        self.source.mend();
    }
    async fn shows_code(&self, reference: &ExternalId, typed: &Pin) -> Option<bool> {
        Some(self.source.written(reference).is_some_and(|codes| codes.iter().any(|(_, pin)| pin == typed)))
    }
}

#[test]
fn the_memory_source_passes() {
    let report = block_on(booking_source::run(Source::new));
    report.assert_passed();
    assert!(report.skipped().is_empty(), "{report}");
    assert_eq!(report.cases().len(), 24);
}

struct Lock {
    clock: Arc<ManualClock>,
    lock: MemoryLock,
    refused: MemoryLock,
    zone: chrono_tz::Tz,
}

impl Lock {
    fn new(zone: chrono_tz::Tz, bend: impl Fn(&mut DoorRules)) -> Self {
        let clock = Arc::new(ManualClock::new(now()));
        let mut rules = DoorRules::new(4);
        rules.capacity = Some(20);
        bend(&mut rules);
        let account = || {
            MemoryLock::new(clock.clone()).with_door(key("1"), zone, rules.clone()).with_door(
                key("2"),
                zone,
                rules.clone(),
            )
        };
        let (lock, refused) = (account(), account());
        lock.set_lag(Duration::seconds(90));
        refused.refuse_credentials(true);
        Self { clock, lock, refused, zone }
    }

    fn door_of(&self, device: &str) -> Door {
        Door {
            key: key(device),
            zone: self.zone,
            pin_prefix: Some(Pin::parse("28").unwrap()),
            pin_length: None,
        }
    }
}

fn key(device: &str) -> DoorKey {
    DoorKey { vendor: "memory".into(), device: device.into(), keypad: "".into() }
}

#[async_trait]
impl lock_provider::Harness for Lock {
    fn provider(&self) -> &dyn LockProvider {
        &self.lock
    }
    fn refused_provider(&self) -> Option<&dyn LockProvider> {
        Some(&self.refused)
    }
    fn door(&self) -> Door {
        self.door_of("1")
    }
    fn other_door(&self) -> Option<Door> {
        Some(self.door_of("2"))
    }
    fn missing_door(&self) -> Door {
        self.door_of("3")
    }
    fn today(&self) -> NaiveDate {
        today()
    }
    fn call(&self) -> Call {
        soon()
    }
    async fn let_settle(&self) {
        self.clock.advance(Duration::minutes(2));
    }
    async fn put_foreign(&self, door: &Door) {
        let code = ListedCode {
            id: VendorCodeId::parse("1").unwrap(),
            stored: None,
            name: "Cleaner".to_owned(),
            note: "every Tuesday".to_owned(),
            start: None,
            end: None,
            active: true,
            proof: crate::lock::Proof::Listed,
        };
        assert!(self.lock.put(&door.key, code));
    }
    async fn fill(&self, door: &Door) -> bool {
        let Some(capacity) = self.lock.rules(door).capacity else { return false };
        for number in 0..capacity {
            let id = VendorCodeId::parse(&number.to_string()).unwrap();
            let code = ListedCode {
                id,
                stored: None,
                name: String::new(),
                note: String::new(),
                start: None,
                end: None,
                active: true,
                proof: crate::lock::Proof::Listed,
            };
            self.lock.put(&door.key, code);
        }
        true
    }
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        self.lock.plant(Planted::new(trouble).on(on));
        true
    }
    async fn mend(&self) {
        self.lock.mend();
    }
}

#[test]
fn the_memory_lock_passes() {
    let report = block_on(lock_provider::run(|| Lock::new(chrono_tz::Europe::Warsaw, |_| {})));
    report.assert_passed();
    assert!(report.skipped().is_empty(), "{report}");
    assert_eq!(report.cases().len(), 30);
}

#[test]
fn the_memory_lock_passes_with_strict_rules() {
    let strict = |rules: &mut DoorRules| {
        rules.stored_len = 6;
        rules.digits = "123456789";
        rules.forbidden_starts = &["12"];
        rules.name_len = 20;
        rules.past_start = false;
        rules.same_pin_twice = false;
        rules.capacity = None;
    };
    let report = block_on(lock_provider::run(|| Lock::new(chrono_tz::Asia::Kolkata, strict)));
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        [
            "leading_zeros_are_kept",
            "a_window_over_the_repeated_hour_is_kept",
            "a_window_in_the_missing_hour_is_kept",
            "a_full_keypad_says_so",
        ]
    );
}

#[test]
fn the_memory_lock_passes_with_masked_digits_and_an_odd_zone() {
    let make = || {
        let harness = Lock::new(chrono_tz::Australia::Lord_Howe, |_| {});
        harness.lock.mask_pins(true);
        harness
    };
    let report = block_on(lock_provider::run(make));
    report.assert_passed();
    assert!(report.skipped().is_empty(), "{report}");
}

#[test]
fn a_keypad_opens_for_what_is_typed_and_only_then() {
    let harness =
        Lock::new(chrono_tz::Europe::Warsaw, |rules| rules.prefix = Some(Pin::parse("28").unwrap()));
    let zone = chrono_tz::Europe::Warsaw;
    let from = today().and_hms_opt(15, 0, 0).unwrap();
    let window = Window::new(from, from + Duration::days(2), zone).unwrap();
    let spec =
        CodeSpec { stored: Pin::parse("1234").unwrap(), name: String::new(), note: String::new(), window };
    block_on(harness.lock.create(soon(), &harness.door_of("1"), &spec)).unwrap();
    let opens =
        |typed: &str, at: DateTime<Utc>| harness.lock.opens(&key("1"), &Pin::parse(typed).unwrap(), at);
    let open = spec.window.opens();
    for (typed, at, expected) in [
        ("281234", open, true),
        ("1234", open, false),
        ("281234", open - Duration::minutes(1), false),
        ("281234", spec.window.closes(), false),
        ("281234", spec.window.closes() - Duration::minutes(1), true),
    ] {
        assert_eq!(opens(typed, at), expected, "{typed} at {at}");
    }
    assert!(!opens("281234", now() + Duration::seconds(5)));
}

struct Teller {
    clock: Arc<ManualClock>,
    notifier: MemoryNotifier,
    refused: MemoryNotifier,
}

impl Teller {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(now()));
        let notifier = MemoryNotifier::new(Channel::Sms, clock.clone()).with_limits(MessageLimits::sms(6));
        notifier.make_unreachable(phone("+48500600799"));
        let refused = MemoryNotifier::new(Channel::Sms, clock.clone());
        refused.refuse_credentials(true);
        Self { clock, notifier, refused }
    }
}

fn phone(text: &str) -> Recipient {
    Recipient::Phone(PhoneNumber::parse(text).unwrap())
}

#[async_trait]
impl notifier::Harness for Teller {
    fn notifier(&self) -> &dyn Notifier {
        &self.notifier
    }
    fn refused_notifier(&self) -> Option<&dyn Notifier> {
        Some(&self.refused)
    }
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
    fn call(&self) -> Call {
        soon()
    }
    fn recipient(&self) -> Recipient {
        phone("+48500600700")
    }
    fn unreachable(&self) -> Option<Recipient> {
        Some(phone("+48500600799"))
    }
    fn wrong_kind(&self) -> Option<Recipient> {
        Some(Recipient::Channel)
    }
    async fn received(&self, recipient: &Recipient) -> Vec<String> {
        self.notifier.received(recipient)
    }
    fn can_find(&self) -> bool {
        true
    }
    async fn let_settle(&self) {
        self.clock.advance(Duration::minutes(2));
    }
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        self.notifier.plant(Planted::new(trouble).on(on));
        true
    }
    async fn mend(&self) {
        self.notifier.mend();
    }
    fn secrets(&self) -> Vec<String> {
        vec!["+48500600700".to_owned(), "500600799".to_owned()]
    }
}

#[test]
fn the_memory_notifier_passes() {
    let report = block_on(notifier::run(Teller::new));
    report.assert_passed();
    assert!(report.skipped().is_empty(), "{report}");
    assert_eq!(report.cases().len(), 14);
}

/// A receiver of `{"action", "id", "guest"}`, whose check is a secret in the path.
struct Hook {
    /// Breaks the contract.
    careless: bool,
}

impl WebhookReceiver for Hook {
    fn verify(&self, request: &RawRequest<'_>) -> Result<(), Refusal> {
        match request.path_secret {
            Some(secret) if self.careless || secret == SECRET => Ok(()),
            Some(_) => Err(SignatureError::Mismatch.into()),
            None => Err(SignatureError::Missing(Part::Secret).into()),
        }
    }

    fn parse(&self, request: &RawRequest<'_>) -> Result<Delivery, Refusal> {
        let body: Value = serde_json::from_slice(request.body).map_err(|_| Refusal::Malformed("no JSON"))?;
        let id = body["id"].as_u64().map(|id| ExternalId::parse(&id.to_string()));
        let id = if self.careless { Some(id.unwrap()) } else { id };
        let (action, events) = match (body["action"].as_str(), id) {
            (Some("changed"), Some(Ok(reference))) => {
                ("changed", vec![Event::Hint { reference, deleted: false }])
            }
            (Some("rates"), _) => ("rates", Vec::new()),
            (Some(_), _) => ("unknown", Vec::new()),
            _ => return Err(Refusal::Malformed("no action")),
        };
        let guest = if self.careless { body["guest"].clone() } else { Value::Null };
        let hash = format!(
            "{:016x}",
            request
                .body
                .iter()
                .fold(7_u64, |hash, byte| { hash.wrapping_mul(1_099_511_628_211) ^ u64::from(*byte) })
        );
        let reply = Reply { status: 200, body: json!({ "ok": true, "guest": guest }) };
        Ok(Delivery { action, dedup: Dedup::Content { hash }, events, reply })
    }
}

impl Hook {
    fn request(body: &Value) -> Request {
        let mut request = Request::post(Bytes::from(body.to_string()), now());
        request.path_secret = Some(SECRET.to_owned());
        request
    }
}

impl webhook_receiver::Harness for Hook {
    fn receiver(&self) -> &dyn WebhookReceiver {
        self
    }
    fn samples(&self) -> Vec<Sample> {
        let sample = |name, action: &str, expected| Sample {
            name,
            request: Self::request(&json!({ "action": action, "id": 9001, "guest": "Planted Guest" })),
            expected,
        };
        let reference = ExternalId::parse("9001").unwrap();
        vec![
            sample("changed", "changed", Expected::About(vec![reference])),
            sample("rates", "rates", Expected::Nothing),
        ]
    }
    fn unknown_action(&self) -> Option<Request> {
        Some(Self::request(&json!({ "action": "sung", "id": 1 })))
    }
    fn covered(&self) -> Covered {
        Covered::nothing().path_secret()
    }
    fn planted(&self) -> Vec<String> {
        vec![SECRET.to_owned(), "Planted Guest".to_owned()]
    }
}

#[test]
fn a_careful_receiver_passes() {
    let report = webhook_receiver::run(&Hook { careless: false });
    report.assert_passed();
    assert_eq!(
        report.skipped(),
        [
            "a_tampered_body_is_refused",
            "a_wrong_header_is_refused",
            "a_tampered_query_is_refused",
            "a_stale_request_is_refused",
        ]
    );
}

#[test]
fn a_careless_receiver_fails_by_name() {
    let report = webhook_receiver::run(&Hook { careless: true });
    assert_eq!(
        report.failed(),
        [
            "a_wrong_path_secret_is_refused",
            "garbage_never_panics",
            "bent_samples_never_panic",
            "replies_hold_nothing_personal",
        ]
    );
}

/// A source that takes every failed read for an empty one, as many do.
struct Forgetful(Source);

#[async_trait]
impl BookingSource for Forgetful {
    async fn booking(&self, call: Call, reference: &ExternalId) -> Result<Lookup, VendorError> {
        Ok(self.0.source.booking(call, reference).await.unwrap_or(Lookup::NotFound))
    }
    async fn page(&self, call: Call, range: DateRange, from: Option<&Cursor>) -> Result<Page, VendorError> {
        let page = self.0.source.page(call, range, from).await;
        Ok(page.unwrap_or(Page { items: Vec::new(), next: None }))
    }
    async fn write_back(&self, call: Call, codes: &WriteBack) -> Result<WrittenBack, VendorError> {
        self.0.source.write_back(call, codes).await
    }
    fn marker(&self, reference: &ExternalId) -> Option<Marker> {
        // Cut to fit: two references may get one marker.
        Marker::new("Memory", truncated(reference.as_str(), 2)).ok()
    }
    fn marked(&self, marker: &Marker) -> Option<ExternalId> {
        self.0.source.marked(marker)
    }
    async fn check(&self, call: Call) -> Result<(), VendorError> {
        self.0.source.check(call).await
    }
}

#[async_trait]
impl booking_source::Harness for Forgetful {
    fn source(&self) -> &dyn BookingSource {
        self
    }
    fn refused_source(&self) -> Option<&dyn BookingSource> {
        None
    }
    fn today(&self) -> NaiveDate {
        today()
    }
    fn call(&self) -> Call {
        soon()
    }
    fn units(&self) -> Vec<UnitRef> {
        self.0.units()
    }
    fn has_blocks(&self) -> bool {
        true
    }
    fn has_times(&self) -> bool {
        false
    }
    fn page_size(&self) -> Option<usize> {
        Some(7)
    }
    fn unknown_reference(&self) -> ExternalId {
        self.0.unknown_reference()
    }
    fn sample_references(&self) -> Vec<ExternalId> {
        self.0.sample_references()
    }
    async fn make(&self, wanted: &booking_source::Wanted) -> ExternalId {
        self.0.make(wanted).await
    }
    async fn change(&self, reference: &ExternalId, wanted: &booking_source::Wanted) {
        self.0.change(reference, wanted).await;
    }
    async fn cancel(&self, reference: &ExternalId) {
        self.0.cancel(reference).await;
    }
    async fn delete(&self, reference: &ExternalId) -> bool {
        self.0.delete(reference).await
    }
    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        self.0.plant(trouble, on).await
    }
    async fn mend(&self) {
        self.0.mend().await;
    }
}

#[test]
fn a_forgetful_source_fails_by_name() {
    let report: Report = block_on(booking_source::run(|| Forgetful(Source::new())));
    assert_eq!(
        report.failed(),
        [
            "a_lost_page_is_an_error",
            "an_unreadable_answer_is_an_error",
            "trouble_ends_with_its_cause",
            "markers_come_back_as_their_reference",
        ]
    );
    assert_eq!(
        report.skipped(),
        [
            "check_in_times_are_local_and_unchanged",
            "a_bad_entry_does_not_spoil_the_list",
            "refused_credentials_are_said_so",
        ]
    );
}

#[test]
fn what_the_suite_cannot_do_is_said_by_name() {
    let report =
        block_on(lock_provider::run(|| Lock::new(chrono_tz::Europe::Warsaw, |rules| rules.digits = "1")));
    // One PIN is too few for whatever needs two; the rest still runs and says what is wrong.
    assert!(report.failed().len() < report.cases().len(), "{report}");
    assert!(report.to_string().contains("too few PINs"), "{report}");
}

#[test]
fn troubles_strike_where_they_were_planted() {
    let source = MemorySource::new();
    source.plant(Planted::new(Trouble::TooMany(std::time::Duration::from_secs(9))).on_reads().times(2));
    let check = || block_on(source.check(soon()));
    assert_eq!(check().unwrap_err().retry, Retry::After(std::time::Duration::from_secs(9)));
    assert!(check().is_err());
    assert!(check().is_ok());
    assert_eq!(source.calls(), 3);
}

#[test]
fn a_seed_repeats_itself() {
    let draw = |seed| {
        let rng = SeededRng::new(seed);
        (0..8).map(|_| rng.below(1000)).collect::<Vec<_>>()
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}
