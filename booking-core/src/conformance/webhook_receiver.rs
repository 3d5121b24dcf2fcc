//! The suite of [`WebhookReceiver`]. Like the trait it is pure: no future, no clock.
//!
//! The harness gives requests as the vendor sends them, built with the vendor's own signing; the suite bends them.
//! The crate `booking_core::signature` has a signer beside each check for that.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::report::{CaseResult, OrFail as _, Report, ensure, fail, panic_text, says_nothing_of, skip};
use crate::id::ExternalId;
use crate::webhook::{Dedup, Delivery, Event, RawRequest, Refusal, WebhookReceiver};

/// A request that owns its parts; [`RawRequest`] borrows from it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL under which the vendor knows us.
    pub url: String,
    /// The topic in the path.
    pub topic: Option<String>,
    /// The secret in the path.
    pub path_secret: Option<String>,
    /// The query, undecoded.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The exact body bytes.
    pub body: Bytes,
    /// The caller's address.
    pub peer: Option<IpAddr>,
    /// When it came.
    pub now: DateTime<Utc>,
}

impl Request {
    /// A `POST` of a JSON body to `https://keys.example.org/hook`, without topic, secret or query.
    pub fn post(body: impl Into<Bytes>, now: DateTime<Utc>) -> Self {
        let content_type = (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            method: Method::POST,
            url: "https://keys.example.org/hook".to_owned(),
            topic: None,
            path_secret: None,
            query: None,
            headers: HeaderMap::from_iter([content_type]),
            body: body.into(),
            peer: None,
            now,
        }
    }

    /// What a receiver sees of it.
    #[must_use]
    pub fn raw(&self) -> RawRequest<'_> {
        RawRequest {
            method: &self.method,
            url: &self.url,
            topic: self.topic.as_deref(),
            path_secret: self.path_secret.as_deref(),
            query: self.query.as_deref(),
            headers: &self.headers,
            body: &self.body,
            peer: self.peer,
            now: self.now,
        }
    }
}

/// What a sample must give.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Expected {
    /// Exactly these events.
    Events(Vec<Event>),
    /// Hints or snapshots of exactly these bookings, in this order, and maybe facts.
    About(Vec<ExternalId>),
    /// A delivery without events: the action is known, but not our concern.
    Nothing,
}

/// A valid request with what it must give.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sample {
    /// Its name in failures.
    pub name: &'static str,
    /// The request.
    pub request: Request,
    /// What it gives.
    pub expected: Expected,
}

/// What the vendor's check covers: a change of it must be refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Covered {
    /// The exact body bytes.
    pub body: bool,
    /// The secret in the path.
    pub path_secret: bool,
    /// These headers must be there and as sent.
    pub headers: Vec<HeaderName>,
    /// The query must be as sent.
    pub query: bool,
    /// How much later than sent a request is refused, where the signature has a time.
    pub stale_after: Option<Duration>,
}

impl Covered {
    /// Nothing at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The secret in the path.
    #[must_use]
    pub fn path_secret(mut self) -> Self {
        self.path_secret = true;
        self
    }

    /// The exact body bytes.
    #[must_use]
    pub fn body(mut self) -> Self {
        self.body = true;
        self
    }

    /// This header.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.headers.push(name);
        self
    }

    /// The query.
    #[must_use]
    pub fn query(mut self) -> Self {
        self.query = true;
        self
    }

    /// The time of sending.
    #[must_use]
    pub fn stale_after(mut self, age: Duration) -> Self {
        self.stale_after = Some(age);
        self
    }
}

/// A receiver with samples of what its vendor sends.
pub trait Harness {
    /// The receiver under test.
    fn receiver(&self) -> &dyn WebhookReceiver;

    /// Valid requests of every kind that the vendor sends, with personal data planted wherever the vendor has some.
    fn samples(&self) -> Vec<Sample>;

    /// A valid request with an action that the vendor does not have yet; `None` where there are no actions.
    fn unknown_action(&self) -> Option<Request>;

    /// What the vendor's check covers.
    fn covered(&self) -> Covered;

    /// The planted personal data and every secret: none of it may come out in a reply, an action or a refusal.
    fn planted(&self) -> Vec<String>;
}

/// Runs the whole suite.
pub fn run(harness: &dyn Harness) -> Report {
    type Case = fn(&dyn Harness) -> CaseResult;
    let cases: [(&'static str, Case); 14] = [
        ("valid_samples_are_received", valid_samples_are_received),
        ("the_same_request_gives_the_same_delivery", the_same_request_gives_the_same_delivery),
        ("a_repetition_later_has_the_same_key", a_repetition_later_has_the_same_key),
        ("different_bodies_have_different_content_keys", different_bodies_have_different_content_keys),
        ("a_tampered_body_is_refused", a_tampered_body_is_refused),
        ("a_wrong_path_secret_is_refused", a_wrong_path_secret_is_refused),
        ("a_wrong_header_is_refused", a_wrong_header_is_refused),
        ("a_tampered_query_is_refused", a_tampered_query_is_refused),
        ("a_stale_request_is_refused", a_stale_request_is_refused),
        ("an_unknown_action_gives_no_events", an_unknown_action_gives_no_events),
        ("garbage_never_panics", garbage_never_panics),
        ("bent_samples_never_panic", bent_samples_never_panic),
        ("replies_hold_nothing_personal", replies_hold_nothing_personal),
        ("refusals_hold_nothing_from_the_request", refusals_hold_nothing_from_the_request),
    ];
    let mut report = Report::new("WebhookReceiver");
    for (name, case) in cases {
        let ended = catch_unwind(AssertUnwindSafe(|| case(harness)));
        report.add(name, ended.unwrap_or_else(|panic| fail(format!("panicked: {}", panic_text(&*panic)))));
    }
    report
}

fn valid_samples_are_received(harness: &dyn Harness) -> CaseResult {
    let samples = harness.samples();
    ensure!(!samples.is_empty(), "the harness has no samples");
    for Sample { name, request, expected } in samples {
        let delivery = harness.receiver().receive(&request.raw()).or_fail(name)?;
        ensure!(
            (200..300).contains(&delivery.reply.status),
            "{name}: the reply's status is {}",
            delivery.reply.status
        );
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-:/ ".contains(c);
        ensure!(
            !delivery.action.is_empty() && delivery.action.chars().all(plain),
            "{name}: the action {:?} is not a plain word",
            delivery.action
        );
        match expected {
            Expected::Events(events) => {
                ensure!(
                    delivery.events == events,
                    "{name}: {} events, not the expected {}",
                    delivery.events.len(),
                    events.len()
                );
            }
            Expected::Nothing => {
                ensure!(
                    delivery.events.is_empty(),
                    "{name}: {} events, none expected",
                    delivery.events.len()
                );
            }
            Expected::About(references) => {
                let about: Vec<&ExternalId> = delivery.events.iter().filter_map(Event::reference).collect();
                ensure!(
                    about.iter().copied().eq(&references),
                    "{name}: it is about {about:?}, not {references:?}"
                );
            }
        }
    }
    Ok(())
}

fn the_same_request_gives_the_same_delivery(harness: &dyn Harness) -> CaseResult {
    for Sample { name, request, .. } in harness.samples() {
        let first = harness.receiver().receive(&request.raw()).or_fail(name)?;
        let second = harness.receiver().receive(&request.raw()).or_fail(name)?;
        ensure!(first == second, "{name}: two deliveries of one request differ");
    }
    Ok(())
}

fn a_repetition_later_has_the_same_key(harness: &dyn Harness) -> CaseResult {
    for Sample { name, request, .. } in harness.samples() {
        let first = harness.receiver().parse(&request.raw()).or_fail(name)?;
        let mut later = request.clone();
        later.now += Duration::seconds(7);
        later.headers.insert("x-repeated", HeaderValue::from_static("1"));
        let second = harness.receiver().parse(&later.raw()).or_fail(name)?;
        ensure!(
            first.dedup == second.dedup,
            "{name}: the same request seven seconds later is not recognised"
        );
    }
    Ok(())
}

fn different_bodies_have_different_content_keys(harness: &dyn Harness) -> CaseResult {
    let mut seen: Vec<(&'static str, Request, String)> = Vec::new();
    for Sample { name, request, .. } in harness.samples() {
        let Dedup::Content { hash } = harness.receiver().parse(&request.raw()).or_fail(name)?.dedup else {
            continue;
        };
        ensure!(hash.len() >= 16, "{name}: a content key of {} characters", hash.len());
        let same = |earlier: &Request| {
            (&earlier.body, &earlier.query, &earlier.topic) == (&request.body, &request.query, &request.topic)
        };
        if let Some((earlier, ..)) = seen.iter().find(|(_, earlier, key)| *key == hash && !same(earlier)) {
            return fail(format!("{earlier} and {name} differ, but have the same content key"));
        }
        seen.push((name, request, hash));
    }
    if seen.is_empty() { skip("no sample has a content key") } else { Ok(()) }
}

fn must_be_refused(harness: &dyn Harness, request: &Request, what: &str) -> CaseResult {
    match harness.receiver().verify(&request.raw()) {
        Ok(()) => fail(format!("{what} was taken")),
        Err(Refusal::Unauthenticated(_) | Refusal::Malformed(_)) => {
            match harness.receiver().receive(&request.raw()) {
                Ok(_) => fail(format!("{what} was refused by verify() and taken by receive()")),
                Err(_) => Ok(()),
            }
        }
        Err(other) => fail(format!("{what} was refused as {other:?}")),
    }
}

fn a_tampered_body_is_refused(harness: &dyn Harness) -> CaseResult {
    if !harness.covered().body {
        return skip("the vendor does not sign the body");
    }
    for Sample { name, request, .. } in harness.samples() {
        let length = request.body.len();
        for at in [0, length / 3, length / 2, length.saturating_sub(1)] {
            let mut body = request.body.to_vec();
            let Some(byte) = body.get_mut(at) else { continue };
            *byte ^= 1;
            let tampered = Request { body: body.into(), ..request.clone() };
            must_be_refused(harness, &tampered, &format!("{name} with another byte {at}"))?;
        }
        let mut longer = request.body.to_vec();
        longer.push(b' ');
        must_be_refused(
            harness,
            &Request { body: longer.into(), ..request.clone() },
            &format!("{name} with one blank more"),
        )?;
        must_be_refused(
            harness,
            &Request { body: Bytes::new(), ..request.clone() },
            &format!("{name} without its body"),
        )?;
    }
    Ok(())
}

fn a_wrong_path_secret_is_refused(harness: &dyn Harness) -> CaseResult {
    if !harness.covered().path_secret {
        return skip("the check has no secret in the path");
    }
    for Sample { name, request, .. } in harness.samples() {
        let Some(secret) = request.path_secret.clone() else {
            return fail(format!("{name} has no path secret"));
        };
        let mut shorter = secret.clone();
        shorter.pop();
        let other_case: String = secret
            .chars()
            .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect();
        let mut wrong = vec![
            None,
            Some(String::new()),
            Some(shorter),
            Some(format!("{secret}x")),
            Some(format!(" {secret}")),
            Some("x".repeat(secret.len())),
        ];
        if other_case != secret {
            wrong.push(Some(other_case));
        }
        for (number, path_secret) in wrong.into_iter().enumerate() {
            let request = Request { path_secret, ..request.clone() };
            must_be_refused(harness, &request, &format!("{name} with wrong path secret {number}"))?;
        }
    }
    Ok(())
}

fn a_wrong_header_is_refused(harness: &dyn Harness) -> CaseResult {
    let headers = harness.covered().headers;
    if headers.is_empty() {
        return skip("the check uses no header");
    }
    for Sample { name, request, .. } in harness.samples() {
        for header in &headers {
            let Some(value) = request.headers.get(header).cloned() else {
                return fail(format!("{name} has no header {header}"));
            };
            let mut without = request.clone();
            without.headers.remove(header);
            must_be_refused(harness, &without, &format!("{name} without {header}"))?;
            let mut bytes = value.as_bytes().to_vec();
            if let Some(last) = bytes.last_mut() {
                *last = if *last == b'0' { b'1' } else { b'0' };
            }
            for wrong in [Vec::new(), b"x".to_vec(), bytes, vec![0xFF; 40], vec![b'a'; 10_000]] {
                let Ok(wrong) = HeaderValue::from_bytes(&wrong) else { continue };
                let mut tampered = request.clone();
                tampered.headers.insert(header.clone(), wrong);
                must_be_refused(harness, &tampered, &format!("{name} with another {header}"))?;
            }
        }
    }
    Ok(())
}

fn a_tampered_query_is_refused(harness: &dyn Harness) -> CaseResult {
    if !harness.covered().query {
        return skip("the vendor does not sign the query");
    }
    for Sample { name, request, .. } in harness.samples() {
        let query = request.query.clone().unwrap_or_default();
        for wrong in [None, Some(String::new()), Some(format!("{query}&x=1"))] {
            if wrong == request.query {
                continue;
            }
            must_be_refused(
                harness,
                &Request { query: wrong, ..request.clone() },
                &format!("{name} with another query"),
            )?;
        }
    }
    Ok(())
}

fn a_stale_request_is_refused(harness: &dyn Harness) -> CaseResult {
    let Some(age) = harness.covered().stale_after else { return skip("the signature has no time") };
    for Sample { name, request, .. } in harness.samples() {
        let mut late = request.clone();
        late.now += age;
        must_be_refused(harness, &late, &format!("{name}, {} seconds old,", age.num_seconds()))?;
    }
    Ok(())
}

fn an_unknown_action_gives_no_events(harness: &dyn Harness) -> CaseResult {
    let Some(request) = harness.unknown_action() else { return skip("the vendor has no actions") };
    let delivery = harness.receiver().receive(&request.raw()).or_fail("an unknown action")?;
    ensure!(delivery.events.is_empty(), "an unknown action gave {} events", delivery.events.len());
    ensure!(delivery.action == "unknown", "the unknown action is called {:?}", delivery.action);
    ensure!((200..300).contains(&delivery.reply.status), "it is answered {}", delivery.reply.status);
    Ok(())
}

/// Whatever comes of it, it comes without a panic, twice the same, and holds nothing that was planted.
fn survives(harness: &dyn Harness, request: &Request, what: &str) -> CaseResult<Option<Delivery>> {
    let receiver = harness.receiver();
    let attempt = || (receiver.verify(&request.raw()).is_ok(), receiver.parse(&request.raw()));
    let Ok((verified, parsed)) = catch_unwind(AssertUnwindSafe(attempt)) else {
        return fail(format!("panicked at {what}"));
    };
    let again = attempt();
    ensure!((verified, &parsed) == (again.0, &again.1), "{what} was read in two ways");
    match parsed {
        Ok(delivery) => Ok(Some(delivery)),
        Err(refusal) => {
            says_nothing_of(&refusal, &harness.planted())?;
            ensure!((400..500).contains(&refusal.status()), "{what} is answered {}", refusal.status());
            Ok(None)
        }
    }
}

fn garbage_never_panics(harness: &dyn Harness) -> CaseResult {
    let Some(sample) = harness.samples().into_iter().next() else {
        return fail("the harness has no samples");
    };
    let texts = [
        "",
        " ",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "\"\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{\"\":{}}",
        "{",
        "}",
        "{\"a\":",
        "\u{feff}{}",
        "a=b",
        "a=%ZZ&=&&",
        "<html>",
        "--x\r\n\r\n--x--",
        "\0",
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(vec![0xFF, 0xFE, 0x80]);
    bodies.push("[".repeat(20_000).into_bytes());
    bodies.push("{\"data\":".repeat(20_000).into_bytes());
    bodies.push(vec![b'9'; 20_000]);
    let mut noise = Noise(0x5EED);
    bodies.extend((0..64).map(|length| (0..length * 7).map(|_| noise.byte()).collect()));
    for body in bodies {
        let what = format!("a body of {} bytes of garbage", body.len());
        let request = Request { body: body.into(), ..sample.request.clone() };
        survives(harness, &request, &what)?;
    }
    for query in ["", "&", "=", "%", "%F", "%FF=%FF", "a&b=c&b=d", "+", "\u{fffd}"] {
        let request = Request { query: Some(query.to_owned()), ..sample.request.clone() };
        survives(harness, &request, &format!("the query {query:?}"))?;
    }
    for topic in ["", "..", "%00", "no-such-topic"] {
        let request = Request { topic: Some(topic.to_owned()), ..sample.request.clone() };
        survives(harness, &request, &format!("the topic {topic:?}"))?;
    }
    for method in [Method::GET, Method::PUT, Method::OPTIONS] {
        survives(
            harness,
            &Request { method: method.clone(), ..sample.request.clone() },
            &format!("{method}"),
        )?;
    }
    let bare = Request { headers: HeaderMap::new(), peer: None, ..sample.request.clone() };
    survives(harness, &bare, "no headers")?;
    for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        survives(harness, &Request { now, ..sample.request.clone() }, "the ends of time")?;
    }
    Ok(())
}

fn bent_samples_never_panic(harness: &dyn Harness) -> CaseResult {
    for Sample { name, request, .. } in harness.samples() {
        let length = request.body.len();
        let step = (length / 200).max(1);
        for end in (0..length).step_by(step) {
            let request = Request { body: request.body.slice(..end), ..request.clone() };
            survives(harness, &request, &format!("{name} cut off at byte {end}"))?;
        }
        let mut noise = Noise(length as u64 + 1);
        for round in 0..200 {
            let mut body = request.body.to_vec();
            if body.is_empty() {
                break;
            }
            let at = noise.below(body.len());
            body[at] = noise.byte();
            let request = Request { body: body.into(), ..request.clone() };
            survives(harness, &request, &format!("{name} with noise {round}"))?;
        }
        let Ok(value) = serde_json::from_slice::<Value>(&request.body) else { continue };
        let mut paths = Vec::new();
        all_paths(&value, &mut Vec::new(), &mut paths);
        for path in paths {
            for bent in odd_values() {
                let mut value = value.clone();
                let Some(place) = value.pointer_mut(&path) else { continue };
                *place = bent;
                let request = Request { body: value.to_string().into(), ..request.clone() };
                survives(harness, &request, &format!("{name} with an odd value at {path}"))?;
            }
        }
    }
    Ok(())
}

fn odd_values() -> [Value; 12] {
    [
        Value::Null,
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1.5e300),
        json!(""),
        json!("12"),
        json!("ż\u{0}\u{202e}"),
        json!("9999-99-99"),
        json!("+262142-12-31"),
        json!([]),
        json!({}),
    ]
}

fn all_paths(value: &Value, at: &mut Vec<String>, paths: &mut Vec<String>) {
    paths.push(
        at.iter().fold(String::new(), |path, part| {
            format!("{path}/{}", part.replace('~', "~0").replace('/', "~1"))
        }),
    );
    let parts: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
        _ => Vec::new(),
    };
    for (part, value) in parts {
        at.push(part);
        all_paths(value, at, paths);
        at.pop();
    }
}

fn replies_hold_nothing_personal(harness: &dyn Harness) -> CaseResult {
    let planted = harness.planted();
    ensure!(!planted.is_empty(), "the harness planted nothing");
    for Sample { name, request, .. } in harness.samples() {
        let delivery = harness.receiver().receive(&request.raw()).or_fail(name)?;
        let reply = delivery.reply.body.to_string();
        for (number, text) in planted.iter().enumerate() {
            ensure!(!reply.contains(text.as_str()), "{name}: the reply holds planted value {number}");
            ensure!(
                !delivery.action.contains(text.as_str()),
                "{name}: the action holds planted value {number}"
            );
        }
    }
    Ok(())
}

fn refusals_hold_nothing_from_the_request(harness: &dyn Harness) -> CaseResult {
    let planted = harness.planted();
    for Sample { name, request, .. } in harness.samples() {
        let cut = request.body.len().saturating_sub(1);
        let bent = [
            Request { path_secret: None, ..request.clone() },
            Request { headers: HeaderMap::new(), ..request.clone() },
            Request { body: request.body.slice(..cut), ..request.clone() },
            Request { method: Method::DELETE, ..request.clone() },
        ];
        for request in bent {
            if let Err(refusal) = harness.receiver().receive(&request.raw()) {
                says_nothing_of(&refusal, &planted)?;
            }
        }
        let seen = format!("{:?}", request.raw());
        ensure!(
            !planted.iter().any(|text| seen.contains(text.as_str())),
            "{name}: Debug of the request tells too much"
        );
    }
    Ok(())
}

/// Bytes without a pattern, the same on every run.
struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[0]
    }

    fn below(&mut self, bound: usize) -> usize {
        let bytes = [self.byte(), self.byte(), self.byte()];
        bytes.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)) % bound
    }
}
