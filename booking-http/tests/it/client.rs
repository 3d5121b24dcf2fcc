use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::conformance::{ManualClock, SeededRng};
use booking_core::{Call, Clock, Fault, Outcome, Retry, Rng, VendorError};
use booking_http::testing::RecordingTransport;
use booking_http::{
    CircuitSettings, CircuitState, Pacing, Safety, Signer, Transport, TransportError, TransportErrorKind,
    VendorClient, VendorPath, VendorRequest, VendorSettings, retry_after,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderValue;

use crate::rig::Act::{self, Body, Fail, Header, Slow, Status};
use crate::rig::{Rig, poll, ready, request, settings, start};

use Fault::{Network, Vendor};
use Outcome::{NotApplied, Unknown};
use Safety::{Once, Read, Repeatable};
use TransportErrorKind::{Connect, Decode, Reset, Timeout, TooLarge};

/// What the caller is told about a next attempt.
#[derive(Debug)]
enum Next {
    Backoff,
    /// After at least and at most so many seconds.
    After(f64, f64),
}
use Next::{After, Backoff};

type Told = Result<(u16, bool), (Fault, Next, Outcome)>;

/// One call with `seconds` to its deadline, against a vendor that acts so: how often was it sent, what is told?
#[track_caller]
fn check(what: &str, safety: Safety, seconds: u64, acts: &[Act], sent: usize, told: Told) {
    let rig = Rig::new(settings(), 1, acts.iter().cloned());
    let result = rig.send(seconds, &request(safety));
    assert_eq!(rig.take_seen().len(), sent, "{what}: {result:?}");
    match (&result, &told) {
        (Ok(answer), Ok((status, repeated))) => {
            assert_eq!((answer.status.as_u16(), answer.repeated), (*status, *repeated), "{what}");
        }
        (Err(error), Err((fault, next, outcome))) => {
            assert_eq!((error.fault, error.outcome), (*fault, *outcome), "{what}: {error}");
            let fits = match (error.retry, next) {
                (Retry::Backoff, Backoff) => true,
                (Retry::After(wait), After(least, most)) => (*least..=*most).contains(&wait.as_secs_f64()),
                _ => false,
            };
            assert!(fits, "{what}: {:?}, not {next:?}", error.retry);
        }
        _ => panic!("{what}: {result:?}, not {told:?}"),
    }
}

#[test]
fn answers_are_the_clients_to_judge() {
    for status in [200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 409, 418, 422] {
        check("an answer", Once, 60, &[Status(status)], 1, Ok((status, false)));
    }
}

#[test]
fn passing_failures_are_outlasted() {
    for act in [Status(500), Status(503), Status(408), Status(429), Fail(Connect), Fail(Timeout), Fail(Reset)]
    {
        let acts = [act.clone(), act.clone(), Status(200)];
        check("read", Read, 90, &acts, 3, Ok((200, false)));
    }
    check("refused, then done", Once, 90, &[Status(429), Fail(Connect), Status(201)], 3, Ok((201, false)));
}

#[test]
fn three_failures_are_told() {
    let acts = |act: Act| [act.clone(), act.clone(), act];
    check("read", Read, 90, &acts(Status(502)), 3, Err((Vendor, Backoff, NotApplied)));
    check("read", Read, 90, &acts(Fail(Timeout)), 3, Err((Network, Backoff, NotApplied)));
    check("write", Repeatable, 90, &acts(Status(502)), 3, Err((Vendor, Backoff, Unknown)));
    check("write", Repeatable, 90, &acts(Fail(Connect)), 3, Err((Network, Backoff, NotApplied)));
    check("limit", Repeatable, 90, &acts(Status(429)), 3, Err((Vendor, After(2.0, 4.0), NotApplied)));
}

#[test]
fn what_may_have_left_once_is_never_sent_again() {
    for act in [Fail(Timeout), Fail(Reset)] {
        check("no answer", Once, 90, &[act], 1, Err((Network, Backoff, Unknown)));
    }
    for act in [Status(500), Status(504), Status(408), Fail(TooLarge), Fail(Decode)] {
        check("no use", Once, 90, &[act], 1, Err((Vendor, Backoff, Unknown)));
    }
    check("late", Once, 90, &[Fail(Connect), Fail(Reset)], 2, Err((Network, Backoff, Unknown)));
}

#[test]
fn a_doubt_stays_whatever_comes_after() {
    let hint = Header(429, "retry-after", "40");
    check("limit", Repeatable, 90, &[Fail(Timeout), hint], 2, Err((Vendor, After(40.0, 40.0), Unknown)));
    let acts = [Status(500), Fail(Connect), Fail(Connect)];
    check("gone", Repeatable, 90, &acts, 3, Err((Network, Backoff, Unknown)));
    check("own echo", Repeatable, 90, &[Fail(Reset), Status(409)], 2, Ok((409, true)));
    check("none of a read", Read, 90, &[Fail(Reset), Status(404)], 2, Ok((404, false)));
    check("none before work", Repeatable, 90, &[Status(429), Status(404)], 2, Ok((404, false)));
}

#[test]
fn waits_that_do_not_fit_are_told_and_not_slept() {
    let busy = |seconds| Header(503, "retry-after", seconds);
    check("slept", Read, 60, &[busy("9"), Status(200)], 2, Ok((200, false)));
    check("too long", Read, 600, &[busy("11")], 1, Err((Vendor, After(11.0, 11.0), NotApplied)));
    check(
        "never beyond an hour",
        Read,
        60,
        &[busy("86400")],
        1,
        Err((Vendor, After(3600.0, 3600.0), NotApplied)),
    );
    check("deadline", Read, 28, &[busy("9")], 1, Err((Vendor, After(9.0, 9.0), NotApplied)));
    check("deadline", Read, 20, &[Status(500)], 1, Err((Vendor, After(0.5, 1.0), NotApplied)));
    check("no time at all", Read, 1, &[], 0, Err((Network, After(1.0, 1.0), NotApplied)));
    check("a deadline that has passed", Once, 0, &[], 0, Err((Network, After(1.0, 1.0), NotApplied)));
    let slow = Slow(30_000, Box::new(Status(200)));
    check("slow", Read, 40, std::slice::from_ref(&slow), 1, Err((Network, After(0.5, 1.0), NotApplied)));
    check("slow, and time enough", Read, 41, &[slow, Status(200)], 2, Ok((200, false)));
}

#[test]
fn each_attempt_has_its_time_and_ends_before_the_deadline() {
    for (deadline, within) in [(2, 2), (5, 5), (20, 20), (60, 20)] {
        let rig = Rig::new(settings(), 1, []);
        rig.send(deadline, &request(Read)).unwrap();
        assert_eq!(rig.take_seen()[0].within, Duration::from_secs(within), "deadline in {deadline} s");
    }
}

/// Whatever vendor and network do, from many seeds.
#[test]
fn promises_hold_for_any_course_of_events() {
    for seed in 0..3000 {
        let dice = SeededRng::new(seed);
        let acts = (0..4).map(|_| match dice.below(14) {
            0 => Status(200),
            1 => Status(404),
            2 => Status(500),
            3 => Status(503),
            4 => Status(429),
            5 => Header(429, "retry-after", "3"),
            6 => Header(503, "retry-after", "30"),
            7 => Fail(Connect),
            8 => Fail(Timeout),
            9 => Fail(Reset),
            10 => Fail(TooLarge),
            11 => Slow(u64::from(dice.below(30_000)), Box::new(Status(500))),
            12 => Slow(u64::from(dice.below(30_000)), Box::new(Status(200))),
            _ => Slow(4_000, Box::new(Fail(Connect))),
        });
        let acts = acts.collect::<Vec<_>>();
        let safety = [Read, Repeatable, Once][dice.below(3) as usize];
        let deadline = start() + Duration::from_secs(u64::from(dice.below(90)));
        let mut settings = settings();
        if dice.below(2) == 0 {
            settings = settings.with_pacing(Pacing { per: Duration::from_secs(8), calls: 2, burst: 1 });
        }
        let rig = Rig::new(settings, seed, acts.clone());
        let result = ready(rig.client.send(Call::until(deadline), &request(safety), &booking_http::NoSigner));
        let seen = rig.take_seen();

        let case = format!("seed {seed}: {safety:?} until {deadline}, {acts:?} gave {result:?}");
        assert!(seen.len() <= 3, "{case}");
        assert!(seen.iter().all(|seen| seen.at + seen.within <= deadline), "{case}");
        // Nothing is waited for in vain: the call ends by its deadline, or at once.
        assert!(rig.clock.now() <= deadline.max(start()), "{case}");
        let doubtful = |(number, act): (usize, &Act)| match act {
            Slow(by, act) => u128::from(*by) > seen[number].within.as_millis() || doubts(act),
            act => doubts(act),
        };
        let mut doubts = acts.iter().take(seen.len()).enumerate().map(doubtful).collect::<Vec<_>>();
        if safety == Once {
            let before_last = doubts.len().saturating_sub(1);
            assert!(!doubts[..before_last].contains(&true), "{case}");
        }
        match result {
            Ok(answer) => {
                doubts.pop();
                assert_eq!(answer.repeated, safety != Read && doubts.contains(&true), "{case}");
            }
            Err(error) => {
                let unknown = safety != Read && doubts.contains(&true);
                assert_eq!(error.outcome == Unknown, unknown, "{case}");
                assert_ne!(error.retry, Retry::Never, "{case}");
            }
        }
    }
}

fn doubts(act: &Act) -> bool {
    match act {
        Status(status) | Header(status, ..) | Body(status, _) => *status >= 500 || *status == 408,
        Fail(kind) => *kind != Connect,
        Slow(_, act) => doubts(act),
    }
}

/// Writes down what it was shown.
struct Nonce;

impl Signer for Nonce {
    fn sign(
        &self,
        request: &mut http::Request<Bytes>,
        now: DateTime<Utc>,
        rng: &dyn Rng,
    ) -> Result<(), VendorError> {
        let path = request.extensions().get::<VendorPath>().map(|path| path.0.clone()).unwrap_or_default();
        let line = format!("{} {path} {} {}", now.timestamp_millis(), request.uri(), rng.below(u32::MAX));
        request.headers_mut().insert("x-signature", HeaderValue::try_from(line).unwrap());
        Ok(())
    }
}

#[test]
fn each_attempt_is_signed_anew() {
    let settings = VendorSettings::new("vendor", "http://127.0.0.1:9/smoobu/");
    let rig = Rig::new(settings, 1, [Status(500), Fail(Reset), Status(200)]);
    let request = VendorRequest::get("GET /api/me", "/api/me").with_query_pairs([("a", "b c")]);
    let call = Call::until(rig.clock.now() + Duration::from_secs(90));
    ready(rig.client.send(call, &request, &Nonce)).unwrap();

    let mut nonces = std::collections::BTreeSet::new();
    for seen in rig.take_seen() {
        let value = &seen.request.headers()["x-signature"];
        assert!(value.is_sensitive(), "credentials must not appear in logs below");
        let parts = value.to_str().unwrap().split(' ').collect::<Vec<_>>();
        assert_eq!(
            parts[..3],
            [
                seen.at.timestamp_millis().to_string().as_str(),
                "/api/me",
                "http://127.0.0.1:9/smoobu/api/me?a=b%20c"
            ]
        );
        nonces.insert(parts[3].to_owned());
    }
    assert_eq!(nonces.len(), 3);
}

struct NoKey;

impl Signer for NoKey {
    fn sign(&self, _: &mut http::Request<Bytes>, _: DateTime<Utc>, _: &dyn Rng) -> Result<(), VendorError> {
        Err(VendorError::configuration("no key"))
    }
}

#[test]
fn what_cannot_be_signed_is_not_sent_and_is_no_probe() {
    let circuit = CircuitSettings { failures: 1, ..CircuitSettings::default() };
    let rig = Rig::new(settings().with_circuit(circuit).with_attempts(1), 1, [Status(500)]);
    rig.send(60, &request(Read)).unwrap_err();
    rig.clock.advance(Duration::from_secs(10));
    let call = Call::until(rig.clock.now() + Duration::from_secs(60));
    let error = ready(rig.client.send(call, &request(Read), &NoKey)).unwrap_err();
    assert_eq!((error.to_string().as_str(), rig.take_seen().len()), ("no key", 1));
    rig.send(60, &request(Read)).expect("the probe is still to be had");
}

#[test]
fn a_limit_pauses_the_whole_account() {
    let hint = |headers: &http::HeaderMap, now| {
        retry_after::standard(headers, now).max(retry_after::from_header(
            headers,
            "x-ratelimit-retry-after",
            now,
        ))
    };
    // Absolute: half a minute after the start.
    let limited = Header(429, "x-ratelimit-retry-after", "1798797630");
    let rig = Rig::new(settings().with_retry_hint(hint), 1, [limited]);
    let error = rig.send(90, &request(Once)).unwrap_err();
    assert_eq!((error.retry, error.outcome), (Retry::After(Duration::from_secs(30)), NotApplied));
    assert_eq!(error.to_string(), "vendor: CALL /things/{id}: answered 429");

    rig.clock.advance(Duration::from_secs(10));
    let error = rig.client.clone();
    let call = Call::until(rig.clock.now() + Duration::from_secs(90));
    let error = ready(error.send(call, &request(Read), &Nonce)).unwrap_err();
    assert_eq!((error.retry, error.fault), (Retry::After(Duration::from_secs(20)), Vendor));
    assert_eq!(error.to_string(), "vendor: CALL /things/{id}: not sent, the vendor asked for a pause");
    assert_eq!(rig.client.health().back_at, Some(start() + Duration::from_secs(30)));
    assert_eq!(rig.client.health().circuit, CircuitState::Closed);

    // Near its end, others wait for it, if they have the time.
    rig.clock.advance(Duration::from_secs(15));
    let error = rig.send(6, &request(Read)).unwrap_err();
    assert_eq!(error.retry, Retry::After(Duration::from_secs(5)));
    assert_eq!(rig.take_seen().len(), 1);
    rig.send(7, &request(Read)).unwrap();
    assert_eq!(rig.take_seen()[0].at, start() + Duration::from_secs(30));
}

#[test]
fn calls_are_paced() {
    let pacing = Pacing { per: Duration::from_secs(60), calls: 20, burst: 2 };
    let rig = Rig::new(settings().with_pacing(pacing), 1, []);
    for _ in 0..4 {
        rig.send(90, &request(Once)).unwrap();
    }
    let error = rig.send(4, &request(Once)).unwrap_err();
    let seconds = rig.take_seen().iter().map(|seen| (seen.at - start()).num_seconds()).collect::<Vec<_>>();
    assert_eq!(seconds, [0, 0, 3, 6]);
    assert_eq!((error.fault, error.retry), (Vendor, Retry::After(Duration::from_secs(3))));
    assert_eq!(error.to_string(), "vendor: CALL /things/{id}: not sent, its calls are used up for now");
}

#[test]
fn attempts_are_paced_too() {
    let pacing = Pacing { per: Duration::from_secs(60), calls: 10, burst: 1 };
    let rig = Rig::new(settings().with_pacing(pacing), 1, [Status(500), Status(500)]);
    rig.send(90, &request(Read)).unwrap();
    let seconds = rig.take_seen().iter().map(|seen| (seen.at - start()).num_seconds()).collect::<Vec<_>>();
    assert_eq!(seconds, [0, 6, 12]);
}

#[test]
fn a_vendor_that_is_down_is_left_alone_until_a_probe_succeeds() {
    let rig = Rig::new(settings(), 1, std::iter::repeat_n(Status(500), 4));
    rig.send(90, &request(Once)).unwrap_err();
    rig.send(90, &request(Read)).unwrap_err();
    assert_eq!(rig.client.health().circuit, CircuitState::Closed);
    rig.then([Fail(Connect)]);
    // The fifth failure opens the circuit: the next attempt of the same call waits for the probe or gives up.
    let error = rig.send(25, &request(Read)).unwrap_err();
    assert_eq!((error.fault, error.retry), (Network, Retry::After(Duration::from_secs(10))));
    let opened = rig.clock.now();
    assert_eq!(rig.take_seen().len(), 5);

    let error = rig.send(90, &request(Once)).unwrap_err();
    assert_eq!(
        (error.fault, error.retry, error.outcome),
        (Vendor, Retry::After(Duration::from_secs(10)), NotApplied)
    );
    assert_eq!(error.to_string(), "vendor: CALL /things/{id}: not sent, the vendor failed too often");
    let health = rig.client.health();
    assert_eq!(
        (health.circuit, health.back_at),
        (CircuitState::Open, Some(opened + Duration::from_secs(10)))
    );
    assert_eq!(health.last_success, None);
    let last = health.last_failure.unwrap();
    assert_eq!((last.at, last.label, last.what.as_str()), (opened, "CALL /things/{id}", "could not connect"));
    assert_eq!(rig.take_seen().len(), 0);

    rig.clock.advance(Duration::from_secs(10));
    rig.send(90, &request(Once)).unwrap();
    let health = rig.client.health();
    assert_eq!((health.circuit, health.back_at), (CircuitState::Closed, None));
    assert_eq!(health.last_success, Some(rig.clock.now()));
}

#[test]
fn the_call_that_opened_the_circuit_may_be_its_probe() {
    let circuit =
        CircuitSettings { failures: 1, first: Duration::from_secs(8), longest: Duration::from_secs(60) };
    let rig = Rig::new(settings().with_circuit(circuit), 1, [Status(500), Status(200)]);
    rig.send(90, &request(Read)).unwrap();
    assert_eq!(rig.take_seen()[1].at, start() + Duration::from_secs(8));
    assert_eq!(rig.client.health().circuit, CircuitState::Closed);
}

#[test]
fn answers_of_any_kind_keep_the_circuit_closed() {
    let acts = [Status(429), Fail(TooLarge), Status(404), Status(401), Status(302)];
    for act in acts {
        let circuit = CircuitSettings { failures: 1, ..CircuitSettings::default() };
        let rig = Rig::new(settings().with_circuit(circuit).with_attempts(1), 1, [act.clone()]);
        let _ = rig.send(90, &request(Read));
        assert_eq!(rig.client.health().circuit, CircuitState::Closed, "{act:?}");
    }
}

#[test]
fn long_answers_are_refused_even_where_a_transport_lets_them_through() {
    let rig = Rig::new(settings().with_max_body(3), 1, [Body(200, "1234"), Body(200, "123")]);
    let error = rig.send(90, &request(Once)).unwrap_err();
    assert_eq!((error.fault, error.outcome), (Vendor, Unknown));
    rig.send(90, &request(Once)).unwrap();
}

#[test]
fn the_user_agent_is_ours_unless_the_request_has_one() {
    let rig = Rig::new(settings().with_user_agent("house/1"), 1, []);
    rig.send(60, &request(Read)).unwrap();
    let own = request(Read).with_header(http::header::USER_AGENT, HeaderValue::from_static("own/2"));
    rig.send(60, &own).unwrap();
    let agents = rig.take_seen().into_iter().map(|seen| seen.request.headers()["user-agent"].clone());
    assert_eq!(agents.collect::<Vec<_>>(), ["house/1", "own/2"]);
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_happens() {
    let rig = Rig::new(settings(), 1, []);
    let error = rig.send(60, &VendorRequest::get("GET /things/{id}", "/things/a b")).unwrap_err();
    assert_eq!((error.fault, error.retry), (Fault::Configuration, Retry::Never));
    assert_eq!(rig.take_seen().len(), 0);
}

/// A transport that answers 200 when the clock says so, or 500 as long as it is told to.
struct Waiting {
    clock: Arc<ManualClock>,
    fails: AtomicBool,
}

#[async_trait]
impl Transport for Waiting {
    async fn call(
        &self,
        _: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(TransportError::new(Connect));
        }
        self.clock.sleep_until(self.clock.now() + Duration::from_secs(5)).await;
        Ok(http::Response::new(Bytes::new()))
    }
}

#[test]
fn one_probe_goes_and_a_dropped_one_is_replaced() {
    let clock = Arc::new(ManualClock::new(start()));
    let transport = Arc::new(Waiting { clock: clock.clone(), fails: AtomicBool::new(true) });
    let circuit = CircuitSettings { failures: 1, ..CircuitSettings::default() };
    let settings = settings().with_circuit(circuit).with_attempts(1);
    let rng = Arc::new(SeededRng::new(1));
    let client = VendorClient::new(settings, transport.clone(), clock.clone(), rng).unwrap();
    let request = request(Read);
    let send = || {
        Box::pin(client.send(
            Call::until(clock.now() + Duration::from_secs(60)),
            &request,
            &booking_http::NoSigner,
        ))
    };

    ready(send()).unwrap_err();
    transport.fails.store(false, Ordering::Relaxed);
    clock.advance(chrono::TimeDelta::seconds(10));
    let mut probe = send();
    assert!(poll(&mut probe).is_pending());
    assert_eq!(client.health().circuit, CircuitState::Probing);
    let refused = ready(send()).unwrap_err();
    assert_eq!(refused.retry, Retry::After(Duration::from_secs(20)));

    drop(probe);
    clock.advance(chrono::TimeDelta::seconds(20));
    let mut probe = send();
    assert!(poll(&mut probe).is_pending());
    clock.advance(chrono::TimeDelta::seconds(5));
    assert!(matches!(poll(&mut probe), Poll::Ready(Ok(_))));
    assert_eq!(client.health().circuit, CircuitState::Closed);
}

/// While this one signs, another call gets ahead of it.
struct Overtaken<'a>(&'a VendorClient, Call);

impl Signer for Overtaken<'_> {
    fn sign(&self, _: &mut http::Request<Bytes>, _: DateTime<Utc>, _: &dyn Rng) -> Result<(), VendorError> {
        let request = request(Read);
        assert!(poll(&mut Box::pin(self.0.send(self.1, &request, &booking_http::NoSigner))).is_pending());
        Ok(())
    }
}

#[test]
fn a_call_that_was_overtaken_by_the_probe_does_not_go() {
    let clock = Arc::new(ManualClock::new(start()));
    let transport = Arc::new(Waiting { clock: clock.clone(), fails: AtomicBool::new(true) });
    let circuit = CircuitSettings { failures: 1, ..CircuitSettings::default() };
    let settings = settings().with_circuit(circuit).with_attempts(1);
    let client =
        VendorClient::new(settings, transport.clone(), clock.clone(), Arc::new(SeededRng::new(1))).unwrap();
    let call = Call::until(start() + Duration::from_secs(60));
    ready(client.send(call, &request(Read), &booking_http::NoSigner)).unwrap_err();
    transport.fails.store(false, Ordering::Relaxed);
    clock.advance(chrono::TimeDelta::seconds(10));
    let refused = ready(client.send(call, &request(Read), &Overtaken(&client, call))).unwrap_err();
    assert_eq!((refused.fault, refused.retry), (Vendor, Retry::After(Duration::from_secs(20))));
}

#[test]
fn those_who_wait_are_counted_and_go_in_order() {
    let clock = Arc::new(ManualClock::new(start()));
    let transport = Arc::new(RecordingTransport::new());
    for _ in 0..3 {
        transport.push_status(200, "");
    }
    let settings = settings().with_pacing(Pacing { per: Duration::from_secs(1), calls: 1, burst: 1 });
    let rng = Arc::new(SeededRng::new(1));
    let client = VendorClient::new(settings, transport.clone(), clock.clone(), rng).unwrap();
    let requests = ["/1", "/2", "/3", "/4"].map(|path| VendorRequest::get("GET /{id}", path));
    let call = Call::until(start() + Duration::from_secs(60));
    let mut calls =
        requests.each_ref().map(|request| Box::pin(client.send(call, request, &booking_http::NoSigner)));

    assert!(poll(&mut calls[0]).is_ready());
    assert!(calls[1..].iter_mut().all(|call| poll(call).is_pending()));
    assert_eq!(client.health().waiting, 3);
    clock.advance(chrono::TimeDelta::seconds(2));
    // The later one asks first, but its turn has come as well.
    assert!(poll(&mut calls[2]).is_ready());
    assert!(poll(&mut calls[3]).is_pending());
    assert!(poll(&mut calls[1]).is_ready());
    assert_eq!(client.health().waiting, 1);
    drop(calls);
    assert_eq!(client.health().waiting, 0);
    assert_eq!((transport.calls(), transport.unused()), (3, 0));
}
