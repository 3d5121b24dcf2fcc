//! The operator's API through its router, over the played vendors, in virtual time.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use booking_core::conformance::SeededRng;
use booking_core::store::{
    Arrival, AuditEntry, Kind, Origin, PlanRecord, PlanState, Record, Store, Tx, Write as StoreWrite,
};
use booking_core::{BookingId, Clock, Event, Reply};
use booking_host::api::views::*;
use booking_host::api::{Access, ErrorView, document};
use booking_host::{Config, Ended, Host, HostError, HostParts, SystemClock, telemetry};
use booking_http::testing::LeapingClock;
use booking_http::{Transport, TransportError, TransportErrorKind};
use booking_sim::smoobu::{Apartment, NewBooking};
use booking_sim::thekeys::{Lock, Share};
use booking_sim::{Outcome, SimConfig, Simulators, Vendor};
use booking_store::MemoryStore;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::rig::{name, slug};

const TEXT: &str = r#"
[server]
listen = "127.0.0.1:0"
public_url = "https://keys.example.org"
drain = "1s"
[store]
url = "memory:"
[log]
filter = "trace"
[[api.token]]
name = "office"
token = { env = "office" }
scopes = ["read", "plan", "apply", "pins", "erase", "mail"]
[[api.token]]
name = "reader"
token = { env = "reader" }
scopes = ["read"]
tenants = ["harbour"]
[[api.token]]
name = "mute"
token = { env = "mute" }
scopes = ["mail"]
[[api.token]]
name = "elsewhere"
token = { env = "elsewhere" }
scopes = ["read", "plan", "apply", "pins", "erase", "mail"]
tenants = ["quay"]
[[tenant]]
slug = "harbour"
phone_region = "PL"
[tenant.source.smoobu]
kind = "smoobu"
api_key = { env = "smoobu-key" }
api_secret = { env = "smoobu-secret" }
webhook_path_secret = { env = "hook" }
settle = "0s"
[tenant.lock.thekeys]
kind = "thekeys"
username = { env = "thekeys-user" }
password = { env = "thekeys-password" }
[tenant.notifier.sms]
kind = "serwersms"
token = { env = "sms" }
[tenant.messages]
guest = { all = ["sms"] }
[tenant.policy]
settle = "0s"
[[tenant.door]]
id = "front"
lock = "thekeys"
device = "4411"
keypad = "AbCd1234"
pin_prefix = "31"
[[tenant.unit]]
id = "studio-a"
source = { smoobu = "500001" }
time_zone = "Europe/Warsaw"
check_in = "15:00"
check_out = "12:00"
doors = ["front"]
[[tenant]]
slug = "quay"
[tenant.source.one]
kind = "smoobu"
api_key = { env = "smoobu-key" }
api_secret = { env = "smoobu-secret" }
webhooks = false
[tenant.source.two]
kind = "smoobu"
api_key = { env = "smoobu-key" }
api_secret = { env = "smoobu-secret" }
webhooks = false
"#;

const GUEST: &str = "Planted Guestname";

fn token(name: &str) -> String {
    format!("planted-token-of-{name}-0123456789abcdef")
}

fn env(name: &str) -> Option<String> {
    Some(match name {
        "smoobu-key" => "usr_live_sim".to_owned(),
        "smoobu-secret" => "sim-secret".to_owned(),
        "thekeys-user" => "+33600000001".to_owned(),
        "thekeys-password" => "sim-password".to_owned(),
        "sms" => "sim-sms-token".to_owned(),
        "hook" => "planted-hook-0123456789".to_owned(),
        name => token(name),
    })
}

/// The played vendors as a network.
struct InProcess {
    sims: Mutex<Simulators>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for InProcess {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        // So that whoever waits for an answer may think again.
        tokio::task::yield_now().await;
        let vendor = Vendor::of(request.uri()).expect("a vendor's host");
        let reply = self.sims.lock().unwrap().handle(self.clock.now(), vendor, &request);
        match reply.outcome {
            Outcome::Response(response) => Ok(response),
            _ => Err(TransportError::new(TransportErrorKind::Reset)),
        }
    }
}

impl InProcess {
    fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let mut sims = Simulators::new(SimConfig::default());
        let zone = chrono_tz::Europe::Warsaw;
        sims.smoobu.add_apartment(Apartment { id: 500_001, name: "Studio A".into(), time_zone: zone });
        sims.thekeys.add_lock(Lock { prefix: "31".into(), ..Lock::with_keypad(4411, "AbCd1234", zone) });
        Arc::new(Self { sims: Mutex::new(sims), clock })
    }
}

/// A host that runs in real time, with a way to stop it.
async fn run(
    text: &str,
    store: Arc<MemoryStore>,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<Result<Ended, HostError>>) {
    let mut parts = HostParts::with_transport(InProcess::new(Arc::new(SystemClock)));
    parts.store = Some(store);
    let (config, _) = Config::parse(text, &env).unwrap();
    let host = Host::build(config, parts).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(host.run(listener, async {
        let _ = stopped.await;
    }));
    (address, stop, running)
}

struct Office {
    clock: Arc<LeapingClock>,
    vendors: Arc<InProcess>,
    store: Arc<MemoryStore>,
    host: Host,
    router: Router,
}

impl Office {
    async fn new() -> Self {
        Self::with(TEXT).await
    }

    async fn with(text: &str) -> Self {
        let clock = Arc::new(LeapingClock::new("2027-03-01T11:00:00Z".parse().unwrap()));
        let vendors = InProcess::new(clock.clone());
        let store = Arc::new(MemoryStore::new());
        let mut parts = HostParts::with_transport(vendors.clone());
        parts.clock = clock.clone();
        parts.rng = Arc::new(SeededRng::new(11));
        parts.store = Some(store.clone());
        let (config, _) = Config::parse(text, &env).unwrap_or_else(|problems| panic!("{problems:?}"));
        let host = Host::build(config, parts).await.unwrap();
        let router = host.router();
        Self { clock, vendors, store, host, router }
    }

    /// With one stay whose code is on its door, and told.
    async fn with_stay() -> (Self, u64) {
        let office = Self::new().await;
        let id = office.book(5, 8);
        office.work().await;
        (office, id)
    }

    fn sims(&self) -> MutexGuard<'_, Simulators> {
        self.vendors.sims.lock().unwrap()
    }

    fn book(&self, from: u32, to: u32) -> u64 {
        let day = |day| NaiveDate::from_ymd_opt(2027, 3, day).unwrap();
        let booking = NewBooking {
            guest_name: GUEST.into(),
            phone: Some("+48 600 000 001".into()),
            language: Some("en".into()),
            ..NewBooking::stay(500_001, day(from), day(to))
        };
        self.sims().smoobu.create_booking(self.clock.now(), booking)
    }

    /// As after a start: everything is looked at.
    async fn work(&self) {
        self.host.engine().start().await.unwrap();
        self.settle().await;
    }

    async fn settle(&self) {
        for _ in 0..6 {
            while self.host.engine().run_due().await.unwrap() > 0 {}
            self.clock.advance(Duration::from_secs(2));
        }
    }

    async fn send(&self, request: Request<Body>) -> Told {
        let answer = crate::rig::send(&self.router, request).await;
        Told { status: answer.status(), body: answer.body }
    }

    async fn ask(&self, who: &str, method: &str, path: &str, body: Value) -> Told {
        self.send(request(who, method, path, body)).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.ask("office", "GET", path, Value::Null).await.good(200)
    }

    async fn mail(&self, kind: &str, text: impl Into<Body>) -> Told {
        let request = Request::post("/api/v1/tenants/harbour/mail")
            .header("authorization", format!("Bearer {}", token("office")))
            .header("content-type", kind);
        self.send(request.body(text.into()).unwrap()).await
    }

    /// The digits on the door, as the vendor has them.
    fn digits(&self) -> Vec<String> {
        self.sims().thekeys.codes_on(4411).into_iter().map(|share| share.code).collect()
    }

    async fn plan(&self, body: Value) -> (Vec<PlanLine>, PlanView) {
        let told = self.ask("office", "POST", "/api/v1/tenants/harbour/plans", body).await;
        assert_eq!(told.status, 200, "{told:?}");
        let mut lines: Vec<PlanLine> =
            told.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        match lines.pop() {
            Some(PlanLine::Plan { plan }) => (lines, *plan),
            last => panic!("{last:?}"),
        }
    }
}

fn request(who: &str, method: &str, path: &str, body: Value) -> Request<Body> {
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder().method(method).uri(path);
    match who {
        "" => request,
        who => request.header("authorization", format!("Bearer {}", token(who))),
    }
    .body(body)
    .unwrap()
}

#[derive(Debug)]
struct Told {
    status: u16,
    body: String,
}

impl Told {
    #[track_caller]
    fn good<T: DeserializeOwned>(&self, status: u16) -> T {
        assert_eq!(self.status, status, "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error, which says what to do.
    #[track_caller]
    fn bad(&self, status: u16) -> ErrorView {
        let view: ErrorView = self.good(status);
        assert!(!view.error.is_empty() && !view.remedy.is_empty(), "{self:?}");
        assert!(!self.body.contains("planted") && !self.body.contains("Planted"), "{self:?}");
        view
    }
}

/// Every route and method of the document, with names that are there.
fn operations(booking: &str) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let names = [
            ("{tenant}", "harbour"),
            ("{booking}", booking),
            ("{door}", "front"),
            ("{code}", "1"),
            ("{budget}", "door%2Ffront"),
            ("{source}", "smoobu"),
            ("{plan}", "abcdefghijkl"),
        ];
        let path = names.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
        assert!(!path.contains('{'), "{path}");
        all.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    assert_eq!(all.len(), 18);
    all
}

#[tokio::test]
async fn nobody_gets_anything_without_the_right_token() {
    let (office, id) = Office::with_stay().await;
    for (method, path) in operations(&id.to_string()) {
        for header in [
            None,
            Some("Bearer".to_owned()),
            Some("Bearer planted".to_owned()),
            Some(format!("Basic {}", token("office"))),
            Some(format!("Bearer {}x", token("office"))),
            Some(format!("Bearer {}", &token("office")[1..])),
        ] {
            let mut request = Request::builder().method(method.as_str()).uri(&path);
            if let Some(header) = &header {
                request = request.header("authorization", header);
            }
            let told = office.send(request.body(Body::empty()).unwrap()).await;
            told.bad(401);
        }
        if path.contains("harbour") {
            let other = office.ask("elsewhere", &method, &path, Value::Null).await;
            // A body that is asked for is looked at first where there is one.
            assert!(other.bad(if other.status == 400 { 400 } else { 404 }).candidates.is_empty());
            assert!(other.status == 404 || path.ends_with("/link"), "{path} {other:?}");
            let reader = office.ask("reader", &method, &path, Value::Null).await;
            match method.as_str() {
                "GET" => assert!(![401, 403].contains(&reader.status), "{path} {reader:?}"),
                _ if path.ends_with("/link") => drop(reader.bad(400)),
                _ => assert!(reader.bad(403).remedy.contains("[[api.token]] reader"), "{path}"),
            }
            if method == "GET" {
                office.ask("mute", &method, &path, Value::Null).await.bad(403);
            }
        }
    }
    let link = json!({"booking": id.to_string()});
    let path = "/api/v1/tenants/harbour/doors/front/codes/1/link";
    office.ask("reader", "POST", path, link.clone()).await.bad(403);
    office.ask("elsewhere", "POST", path, link).await.bad(404);
    // What is masked is shown to no token that may not see it, however it asks.
    for path in [
        format!("bookings/{id}?pins=true"),
        "doors/front/codes?pins=true".to_owned(),
        "plans/x?pins=true".to_owned(),
        "log?kind=mail&pins=true".to_owned(),
    ] {
        office.ask("reader", "GET", &format!("/api/v1/tenants/harbour/{path}"), Value::Null).await.bad(403);
    }
    let own: TenantsView = office.ask("elsewhere", "GET", "/api/v1/tenants", Value::Null).await.good(200);
    assert_eq!(own.tenants.iter().map(|tenant| tenant.tenant.as_str()).collect::<Vec<_>>(), ["quay"]);
    let all: TenantsView = office.get("/api/v1/tenants").await;
    assert_eq!(all.tenants.len(), 2);
    assert_eq!(all.tenants[0].units[0].doors, ["front"]);
}

#[tokio::test]
async fn without_a_token_in_the_configuration_there_is_no_api() {
    let from = TEXT.find("[[api.token]]").unwrap();
    let to = TEXT.find("[[tenant]]").unwrap();
    let office = Office::with(&format!("{}{}", &TEXT[..from], &TEXT[to..])).await;
    assert_eq!(office.ask("office", "GET", "/api/v1/tenants", Value::Null).await.status, 404);
    // In process it is there all the same, and asks for no token.
    let open = office.host.api(Access::Open);
    let response = open.oneshot(request("", "GET", "/api/v1/tenants", Value::Null)).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_plan_is_shown_and_applied() {
    let office = Office::new().await;
    let id = office.book(5, 8);
    let (lines, plan) = office.plan(json!({"scope": "tenant"})).await;
    assert_eq!(lines[0], PlanLine::Source { source: "smoobu".into() });
    assert!(lines.iter().any(|line| matches!(line, PlanLine::Stays { of: 1, .. })), "{lines:?}");
    assert_eq!((plan.looked_at, plan.stays.len(), plan.sources[0].listed), (Some(1), 1, 1));
    let stay = &plan.stays[0];
    assert_eq!((stay.state.as_str(), stay.reference.as_deref()), ("drafted", Some(&*id.to_string())));
    let whats: Vec<_> = stay.steps.iter().map(|step| (step.what.as_str(), step.later)).collect();
    assert!(whats.contains(&("tell", true)), "{whats:?}");
    assert_eq!(stay.pins[0].digits.stored.as_deref(), Some("••••"));
    assert_eq!(stay.pins[0].digits.typed.as_deref(), Some("••••••"));
    assert!(office.digits().is_empty());

    let path = format!("/api/v1/tenants/harbour/plans/{}", plan.plan);
    let shown: PlanView = office.get(&format!("{path}?pins=true")).await;
    let digits = shown.stays[0].pins[0].digits.stored.clone().unwrap();
    assert!(digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
    assert_eq!(office.get::<PlanView>(&path).await.stays, plan.stays);

    let applied: AppliedView =
        office.ask("office", "POST", &format!("{path}/apply"), Value::Null).await.good(202);
    assert_eq!((applied.approved, applied.left, applied.refused), (1, 0, 0));
    office.settle().await;
    assert_eq!(office.digits(), [digits]);
    assert_eq!(office.get::<PlanView>(&path).await.stays[0].state, "applied");
    let again: AppliedView =
        office.ask("office", "POST", &format!("{path}/apply"), Value::Null).await.good(202);
    assert_eq!((again.approved, again.left, again.refused), (0, 1, 0));

    for scope in
        [json!({"source": "smoobu"}), json!({"unit": "studio-a"}), json!({"booking": id.to_string()})]
    {
        let (_, plan) = office.plan(json!({"scope": scope})).await;
        assert_eq!((plan.looked_at, plan.stays.len()), (Some(1), 0), "{scope}");
    }
    let (_, other) =
        office.plan(json!({"scope": {"booking": id.to_string()}, "reissue": true, "pins": true})).await;
    assert!(other.stays[0].reissue);
    assert_ne!(other.stays[0].pins[0].digits.stored.as_ref(), office.digits().first());
    for (body, status) in [
        (json!({"scope": {"source": "planted"}}), 404),
        (json!({"scope": {"unit": "planted"}}), 404),
        (json!({"scope": {"unit": "Planted Unit"}}), 404),
        (json!({"scope": {"booking": "planted"}}), 404),
        (json!({"scope": {"planted": "planted"}}), 400),
        (json!({"planted": true}), 400),
        (json!("planted"), 400),
        (json!({"scope": "tenant", "reissue": true}), 400),
    ] {
        office.ask("office", "POST", "/api/v1/tenants/harbour/plans", body).await.bad(status);
    }
    for (method, path) in [("GET", "plans/planted"), ("POST", "plans/planted/apply")] {
        office.ask("office", method, &format!("/api/v1/tenants/harbour/{path}"), Value::Null).await.bad(404);
    }
}

#[tokio::test]
async fn a_dry_run_ends_with_its_caller() {
    let office = Office::new().await;
    for day in 2..20 {
        office.book(day, day + 1);
    }
    let ask = || request("office", "POST", "/api/v1/tenants/harbour/plans", json!({}));
    let response = office.router.clone().oneshot(ask()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let mut lines = response.into_body().into_data_stream();
    assert!(lines.next().await.is_some());
    drop(lines);
    let calls = office.sims().call_log(Vendor::Smoobu).len();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(office.sims().call_log(Vendor::Smoobu).len(), calls);
    assert!(office.store.rows(Kind::Plan, &slug("harbour"), None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_stay_is_explained_by_each_of_its_names() {
    let (office, id) = Office::with_stay().await;
    let path = |name: &str| format!("/api/v1/tenants/harbour/bookings/{name}");
    let by_reference: ExplainedView = office.get(&path(&id.to_string())).await;
    let ours = by_reference.booking.booking.clone();
    for name in [ours.clone(), format!("smoobu:{id}")] {
        assert_eq!(office.get::<ExplainedView>(&path(&name)).await, by_reference, "{name}");
    }
    assert_eq!((by_reference.wish.as_str(), by_reference.unit.as_deref()), ("access", Some("studio-a")));
    let window = by_reference.window.clone().unwrap();
    assert_eq!(window.start.to_string(), "2027-03-05 15:00:00");
    assert_eq!(window.opens, "2027-03-05T14:00:00Z".parse::<DateTime<Utc>>().unwrap());
    let code = &by_reference.codes[0];
    assert_eq!((code.proof.as_str(), code.state.as_str()), ("listed", "wanted"));
    assert_eq!(code.digits, Digits { typed: Some("••••••".into()), stored: Some("••••".into()) });
    assert_eq!((by_reference.messages[0].state.as_str(), by_reference.steps.len()), ("sent", 0));
    assert!(by_reference.history.iter().any(|line| line.what == "plan" || !line.what.is_empty()));

    let shown: ExplainedView = office.get(&path(&format!("{id}?pins=true"))).await;
    let digits = office.digits();
    assert_eq!(shown.codes[0].digits.stored.as_ref(), digits.first());
    assert_eq!(shown.messages[0].told[0].typed, Some(format!("31{}", digits[0])));
    // Nothing of the guest is in either.
    for path in [path(&id.to_string()), path(&format!("{id}?pins=true"))] {
        let text = office.ask("office", "GET", &path, Value::Null).await.body;
        assert!(!text.contains("Planted") && !text.contains("600000001"), "{text}");
    }
    let masked = office.ask("reader", "GET", &path(&id.to_string()), Value::Null).await.body;
    assert!(!masked.contains(&digits[0]), "{masked}");
    for name in ["planted", "4711", "other:1", "a%20b", "%FF"] {
        office.ask("office", "GET", &path(name), Value::Null).await.bad(if name == "%FF" {
            400
        } else {
            404
        });
    }
    office.ask("office", "GET", &path(&format!("{id}?pins=planted")), Value::Null).await.bad(400);
    office.ask("office", "GET", &path(&format!("{id}?planted=true")), Value::Null).await.bad(400);
}

#[tokio::test]
async fn a_name_that_several_bookings_have_is_not_guessed() {
    let office = Office::new().await;
    for source in ["one", "two"] {
        let rng = SeededRng::new(source.len() as u64 + u64::from(source == "two"));
        let event = Event::Hint { reference: "77".parse().unwrap(), deleted: false };
        let arrival = Arrival {
            tenant: slug("quay"),
            integration: name(source),
            origin: Origin::Webhook,
            action: "changed".to_owned(),
            dedup: None,
            events: vec![(event, BookingId::draw(&rng))],
            priority: None,
            reply: Reply { status: 200, body: Value::Null },
        };
        let tx = Tx { arrivals: vec![arrival], ..Tx::new(office.clock.now()) };
        let _ = office.store.commit(tx).await.unwrap();
    }
    let path = |name: &str| format!("/api/v1/tenants/quay/bookings/{name}");
    let two = office.ask("elsewhere", "GET", &path("77"), Value::Null).await.bad(409);
    assert_eq!(two.candidates.len(), 2);
    for candidate in two.candidates.iter().map(String::as_str).chain(["one:77", "two:77"]) {
        office.ask("elsewhere", "GET", &path(candidate), Value::Null).await.good::<ExplainedView>(200);
    }
}

#[tokio::test]
async fn other_digits_and_being_forgotten() {
    let (office, id) = Office::with_stay().await;
    let path = format!("/api/v1/tenants/harbour/bookings/{id}");
    let before = office.digits();
    office.ask("office", "POST", &format!("{path}/reissue"), Value::Null).await.good::<DoneView>(202);
    office.settle().await;
    let after = office.digits();
    assert!(after.len() == 1 && after != before, "{after:?}");

    let held = office.ask("office", "DELETE", &path, Value::Null).await.bad(409);
    assert!(held.error.contains("1 of its codes"), "{held:?}");
    assert!(office.sims().smoobu.cancel(office.clock.now(), id));
    for _ in 0..3 {
        office.clock.advance(Duration::from_secs(1900));
        office.settle().await;
    }
    assert!(office.digits().is_empty());
    let gone: ErasedView = office.ask("office", "DELETE", &path, Value::Null).await.good(200);
    assert!(gone.records > 2 && gone.arrivals > 0, "{gone:?}");
    office.ask("office", "GET", &path, Value::Null).await.bad(404);
    office.ask("office", "DELETE", &path, Value::Null).await.bad(404);
}

#[tokio::test]
async fn what_is_on_a_door_and_whose_it_becomes() {
    let (office, id) = Office::with_stay().await;
    let now = office.clock.now();
    let foreign = Share {
        description: Some("planted note".into()),
        ..Share::permanent(4411, "AbCd1234", GUEST, "7301")
    };
    let foreign = office.sims().thekeys.plant_share(now, foreign);
    let codes = "/api/v1/tenants/harbour/doors/front/codes";
    let last: OnDoorView = office.get(codes).await;
    assert_eq!(last.codes.len(), 1, "as last read");
    let fresh: OnDoorView = office.get(&format!("{codes}?fresh=true")).await;
    let of = |view: &OnDoorView, id: u64| {
        view.codes.iter().find(|code| code.code == id.to_string()).cloned().unwrap()
    };
    let found = of(&fresh, foreign);
    assert_eq!(
        (found.whose, found.stored.as_deref(), found.name, found.note),
        (WhoseView::Foreign, Some("••••"), None, None)
    );
    let ours = fresh.codes.iter().find(|code| code.whose == WhoseView::Ours).unwrap();
    assert_eq!(ours.markers, [format!("Smoobu#{id}")]);
    assert!(fresh.complete && fresh.missing.is_empty() && fresh.failing.is_none());
    let shown = of(&office.get::<OnDoorView>(&format!("{codes}?pins=true")).await, foreign);
    assert_eq!((shown.stored.as_deref(), shown.name.as_deref()), (Some("7301"), Some(GUEST)));
    assert_eq!(shown.note.as_deref(), Some("planted note"));

    let later = office.book(12, 15);
    office.clock.advance(Duration::from_secs(1));
    let link = async |code: &str, booking: &str| {
        office.ask("office", "POST", &format!("{codes}/{code}/link"), json!({"booking": booking})).await
    };
    link(&foreign.to_string(), &id.to_string()).await.bad(409);
    link(&ours.code, &id.to_string()).await.bad(409);
    link(&foreign.to_string(), "planted").await.bad(404);
    link("4711", &id.to_string()).await.bad(404);
    let wrong = "/api/v1/tenants/harbour/doors/planted/codes";
    office.ask("office", "GET", wrong, Value::Null).await.bad(404);
    office
        .ask("office", "POST", &format!("{wrong}/1/link"), json!({"booking": id.to_string()}))
        .await
        .bad(404);
    office.ask("office", "POST", &format!("{codes}/1/link"), json!({"planted": "x"})).await.bad(400);
    // The source tells of the later stay before its own code is made.
    let known: PlanView = office.plan(json!({})).await.1;
    assert_eq!(known.stays.len(), 1);
    assert_eq!(known.suggestions.len(), 1, "{known:?}");
    assert_eq!(known.suggestions[0].reference, later.to_string());

    let doors: DoorsView = office.get("/api/v1/tenants/harbour/doors").await;
    assert_eq!((doors.doors.len(), doors.doors[0].units.as_slice()), (1, &["studio-a".to_owned()][..]));
}

#[tokio::test]
async fn health_tells_what_fails_and_what_to_do() {
    let (office, _) = Office::with_stay().await;
    let path = "/api/v1/tenants/harbour/health";
    let of = |view: &HealthView, name: &str| {
        view.integrations.iter().find(|one| one.name == name).cloned().unwrap()
    };
    let well: HealthView = office.get(&format!("{path}?check=true")).await;
    for name in ["smoobu", "thekeys", "sms"] {
        let one = of(&well, name);
        assert!(one.last_good_call.is_some() && one.last_failed_call.is_none(), "{one:?}");
        assert!(one.check.unwrap().works, "{name}");
    }
    let smoobu = of(&well, "smoobu");
    assert_eq!(smoobu.inbound, Some(Inbound { last: None, silent_since: None }));
    assert_eq!(smoobu.source.as_ref().map(|source| (source.bookings, source.every_minutes)), Some((1, 30)));
    assert!(of(&well, "sms").inbound.is_none());
    assert!(
        well.alerts.is_empty() && well.work.failing.is_empty() && well.work.parked.is_empty(),
        "{well:?}"
    );
    let without: HealthView = office.get(path).await;
    assert!(without.integrations.iter().all(|one| one.check.is_none()));

    let hook = r#"{"action":"updateRates","user":1,"data":{"id":77}}"#;
    let hook =
        Request::post("/api/webhooks/smoobu/t/harbour/k/planted-hook-0123456789").body(Body::from(hook));
    assert_eq!(office.send(hook.unwrap()).await.status, 200);
    assert!(of(&office.get(path).await, "smoobu").inbound.unwrap().last.is_some());

    let until = office.clock.now() + TimeDelta::hours(3);
    office.sims().down_until(Vendor::Smoobu, until);
    for _ in 0..4 {
        office.clock.advance(Duration::from_secs(1800));
        office.settle().await;
    }
    let ill: HealthView = office.get(&format!("{path}?check=true")).await;
    let smoobu = of(&ill, "smoobu");
    assert!(smoobu.source.as_ref().unwrap().failing.is_some(), "{smoobu:?}");
    assert!(!smoobu.check.unwrap().works);
    let failed = smoobu.last_failed_call.unwrap();
    assert!(
        ["network", "vendor"].contains(&failed.fault.as_str()) && !failed.remedy.is_empty(),
        "{failed:?}"
    );
    assert!(ill.work.failing.contains(&"source/harbour/smoobu".to_owned()), "{:?}", ill.work);
    assert!(ill.alerts.iter().any(|alert| alert.kind == "source-failing"), "{:?}", ill.alerts);
    office.ask("office", "GET", &format!("{path}?check=planted"), Value::Null).await.bad(400);

    let wrong = TEXT.replace("\"smoobu-secret\"", "\"another\"");
    let refused = Office::with(&wrong).await;
    let view: HealthView = refused.get(&format!("{path}?check=true")).await;
    let smoobu = of(&view, "smoobu");
    for failed in [smoobu.last_failed_call.unwrap(), smoobu.check.unwrap().failed.unwrap()] {
        assert_eq!(failed.fault, "credentials", "{failed:?}");
        let keys = "tenant.harbour.source.smoobu.api_key and tenant.harbour.source.smoobu.api_secret";
        assert!(failed.remedy.contains(keys), "{failed:?}");
    }
    assert!(!serde_json::to_string(&view).unwrap().contains("planted"));
}

#[tokio::test]
async fn logs_are_read_page_by_page() {
    let (office, id) = Office::with_stay().await;
    let path = "/api/v1/tenants/harbour/log";
    let whole: LogView = office.get(&format!("{path}?limit=500")).await;
    assert!(whole.entries.len() > 3 && whole.next.is_none(), "{whole:?}");
    let (mut pages, mut before) = (Vec::new(), String::new());
    loop {
        let page: LogView = office.get(&format!("{path}?limit=2{before}")).await;
        pages.extend(page.entries);
        let Some(next) = page.next else { break };
        before = format!("&before={next}");
    }
    assert_eq!(pages, whole.entries);
    assert!(pages.windows(2).all(|two| two[0].number > two[1].number), "newest first");

    let what = &whole.entries[0].what;
    let same: LogView = office.get(&format!("{path}?what={what}")).await;
    assert!(!same.entries.is_empty() && same.entries.iter().all(|entry| entry.what == *what));
    let of_stay: LogView = office.get(&format!("{path}?booking={id}")).await;
    assert!(!of_stay.entries.is_empty() && of_stay.entries.iter().all(|entry| entry.booking.is_some()));
    let time = |by: i64| (office.clock.now() + TimeDelta::hours(by)).format("%Y-%m-%dT%H:%M:%SZ");
    for (query, some) in [
        (format!("since={}", time(-1)), true),
        (format!("since={}", time(1)), false),
        (format!("until={}", time(1)), true),
        (format!("until={}", time(-1)), false),
    ] {
        let view: LogView = office.get(&format!("{path}?{query}")).await;
        assert_eq!(!view.entries.is_empty(), some, "{query}");
    }
    let arrived: LogView = office.get(&format!("{path}?kind=webhook&integration=smoobu&booking={id}")).await;
    let first = &arrived.entries[0];
    assert_eq!(first.reference.as_deref(), Some(&*id.to_string()));
    assert_eq!(first.origin.as_deref(), Some("full_read"));
    assert!(first.read_at.is_some());
    assert!(
        office.get::<LogView>(&format!("{path}?kind=webhook&integration=other")).await.entries.is_empty()
    );
    for query in [
        "kind=planted",
        "limit=0",
        "limit=501",
        "limit=planted",
        "since=planted",
        "before=planted",
        "planted=1",
        "integration=smoobu",
    ] {
        office.ask("office", "GET", &format!("{path}?{query}"), Value::Null).await.bad(400);
    }
    office.ask("office", "GET", &format!("{path}?booking=planted"), Value::Null).await.bad(404);
}

#[tokio::test]
async fn mails_are_kept_once_and_shown_masked() {
    let office = Office::new().await;
    let text = "From: Someone <planted.sender@shop.example>\r\nTo: keys@harbour.example\r\n\
        Subject: =?UTF-8?Q?Planted_s=C3=BCbject?=\r\nMessage-ID: <planted-id@shop.example>\r\n\r\nplanted body";
    assert!(!office.mail("message/rfc822", text).await.good::<MailTaken>(200).duplicate);
    assert!(office.mail("application/octet-stream", text).await.good::<MailTaken>(200).duplicate);
    let path = "/api/v1/tenants/harbour/log?kind=mail";
    let masked = office.ask("reader", "GET", path, Value::Null).await;
    let view: LogView = masked.good(200);
    assert_eq!(view.entries.len(), 1);
    let mail = view.entries[0].mail.clone().unwrap();
    assert_eq!((mail.from.as_str(), mail.subject, mail.to.len()), ("…@shop.example", None, 0));
    assert!(!masked.body.to_lowercase().contains("planted"), "{masked:?}");
    let whole: LogView = office.get(&format!("{path}&pins=true")).await;
    let mail = whole.entries[0].mail.clone().unwrap();
    assert_eq!(mail.from, "planted.sender@shop.example");
    assert_eq!(mail.subject.as_deref(), Some("Planted sübject"));
    assert_eq!(mail.message_id.as_deref(), Some("planted-id@shop.example"));
    // A mail is no webhook.
    assert!(office.get::<LogView>("/api/v1/tenants/harbour/log?kind=webhook").await.entries.is_empty());

    office.mail("text/html", text).await.bad(415);
    office.mail("message/rfc822", "").await.bad(400);
    office.mail("message/rfc822", "planted").await.bad(400);
    let long = format!("{text}{}", "x".repeat(256 * 1024));
    office.mail("message/rfc822", long).await.bad(413);
    let just = format!("{}{}", text.replace("planted-id", "other"), "x".repeat(250 * 1024));
    assert!(!office.mail("message/rfc822", just).await.good::<MailTaken>(200).duplicate);
}

#[tokio::test]
async fn sources_and_brakes() {
    let (office, _) = Office::with_stay().await;
    let tenant = "/api/v1/tenants/harbour";
    let post =
        async |path: &str, body: Value| office.ask("office", "POST", &format!("{tenant}/{path}"), body).await;
    let calls = office.sims().call_log(Vendor::Smoobu).len();
    post("sources/smoobu/read", Value::Null).await.good::<DoneView>(202);
    office.settle().await;
    assert!(office.sims().call_log(Vendor::Smoobu).len() > calls);
    post("sources/smoobu/trust", Value::Null).await.good::<DoneView>(200);
    let health: HealthView = office.get(&format!("{tenant}/health")).await;
    assert!(health.integrations[0].source.as_ref().unwrap().trusted_until.is_some());

    let brakes: BrakesView = office.get(&format!("{tenant}/brakes")).await;
    assert_eq!((brakes.least, brakes.per_hours, brakes.brakes.len()), (3, 24, 0));
    for budget in ["source%2Fsmoobu", "door%2Ffront"] {
        post(&format!("brakes/{budget}/release"), json!({"hours": 2})).await.good::<DoneView>(200);
    }
    let brakes: BrakesView = office.get(&format!("{tenant}/brakes")).await;
    let released: Vec<_> =
        brakes.brakes.iter().map(|brake| (brake.budget.as_str(), brake.released_until.is_some())).collect();
    assert_eq!(released, [("door/front", true), ("source/smoobu", true)]);
    for (path, body, status) in [
        ("sources/planted/read", Value::Null, 404),
        ("sources/Planted/trust", Value::Null, 404),
        ("brakes/planted/release", Value::Null, 404),
        ("brakes/door%2Fplanted/release", Value::Null, 404),
        ("brakes/source%2Fplanted/release", Value::Null, 404),
        ("brakes/door%2Ffront/release", json!({"hours": 0}), 400),
        ("brakes/door%2Ffront/release", json!({"hours": 49}), 400),
        ("brakes/door%2Ffront/release", json!({"planted": 1}), 400),
    ] {
        post(path, body).await.bad(status);
    }
    let get = office.ask("office", "GET", &format!("{tenant}/sources/smoobu/read"), Value::Null).await;
    assert_eq!(get.status, 405);
}

#[derive(Clone, Default)]
struct LogLines(Arc<Mutex<Vec<u8>>>);

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_name_or_digit_is_logged() {
    let lines = LogLines::default();
    let (config, _) = Config::parse(TEXT, &env).unwrap();
    let writer = lines.clone();
    let layer = telemetry::layer(&config.log, move || writer.clone()).unwrap();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let (office, id) = Office::with_stay().await;
    for (method, path) in operations(&id.to_string()) {
        for who in ["", "office", "reader", "elsewhere"] {
            let body = if path.ends_with("/link") { json!({"booking": id.to_string()}) } else { Value::Null };
            let path =
                if path.ends_with("/codes") { format!("{path}?pins=true&fresh=true") } else { path.clone() };
            office.ask(who, &method, &path, body).await;
        }
    }
    office.mail("message/rfc822", "From: planted@b.example\r\nSubject: planted\r\n\r\n").await;
    office.settle().await;
    let digits = office.digits();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for word in
        ["/api/v1/tenants/{tenant}/bookings/{booking}", "\"caller\":\"office\"", "other digits are wanted"]
    {
        assert!(text.contains(word), "{word}\n{text}");
    }
    let quoted: Vec<String> =
        digits.iter().flat_map(|pin| [format!("\"{pin}\""), format!(" {pin} ")]).collect();
    for word in ["planted", "Planted", "600000001"].into_iter().chain(quoted.iter().map(String::as_str)) {
        let line = text.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "{word}: {line:?}");
    }
}

#[tokio::test]
async fn plans_that_are_over_are_forgotten() {
    let (tenant, now, store) = (slug("harbour"), SystemClock.now(), Arc::new(MemoryStore::new()));
    let plan = |name: &str, state, hours: i64| {
        let at = now - TimeDelta::hours(hours);
        StoreWrite::Put(Box::new(Record::Plan(PlanRecord {
            plan: name.to_owned(),
            tenant: tenant.clone(),
            stay: BookingId::draw(&SeededRng::new(3)),
            made_at: at,
            expires_at: at + TimeDelta::hours(1),
            state,
            steps: Vec::new(),
            rests_on: std::collections::BTreeMap::new(),
            moved: Vec::new(),
            news: None,
            reissue: false,
            pins: Vec::new(),
        })))
    };
    let long_ago = 93 * 24;
    let writes = vec![
        plan("drafted-now", PlanState::Drafted, 0),
        plan("drafted", PlanState::Drafted, 2),
        plan("begun", PlanState::Begun, long_ago),
        plan("applied", PlanState::Applied, 2),
        plan("applied-long-ago", PlanState::Applied, long_ago),
        plan("refused-long-ago", PlanState::Refused, long_ago),
        StoreWrite::Audit(AuditEntry {
            at: now - TimeDelta::hours(long_ago),
            tenant: tenant.clone(),
            stay: None,
            what: "old".to_owned(),
            detail: String::new(),
        }),
    ];
    let _ = store.commit(Tx { writes, ..Tx::new(now) }).await.unwrap();
    let (_, stop, running) = run(TEXT, store.clone()).await;
    let left = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let rows = store.rows(Kind::Plan, &tenant, None, 100).await.unwrap();
            let keys = rows.into_iter().map(|row| row.record.key().id);
            let left: Vec<String> = keys.map(|id| id.split_once('/').unwrap().0.to_owned()).collect();
            if left.len() == 3 {
                return left;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(left.await.unwrap(), ["applied", "begun", "drafted-now"]);
    drop(stop);
    assert_eq!(running.await.unwrap().unwrap(), Ended::Clean);
}

#[tokio::test]
async fn mails_are_forgotten_as_whatever_arrived() {
    let office = Office::new().await;
    office.mail("message/rfc822", "From: a@b.example\r\n\r\n").await.good::<MailTaken>(200);
    let kept = async |store: &MemoryStore| {
        let rows = store.inbox(&slug("harbour"), None, 10).await.unwrap();
        rows.iter().filter(|row| row.origin == Origin::Mail).count()
    };
    let now = office.clock.now();
    for (older_than, left) in [(now - TimeDelta::days(1), 1), (now + TimeDelta::days(1), 0)] {
        let _ = office.store.purge(now, older_than, &[]).await.unwrap();
        assert_eq!(kept(&office.store).await, left);
    }
}

#[tokio::test]
async fn a_listener_of_its_own_is_served_and_drained() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = TEXT.replacen("[[api.token]]", &format!("[api]\nlisten = \"{free}\"\n[[api.token]]"), 1);
    let (main, stop, running) = run(&text, Arc::new(MemoryStore::new())).await;
    let ask = async |address, path: &str| {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let bearer = token("office");
        let text = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    assert!(ask(free, "/api/v1/tenants").await.starts_with("HTTP/1.1 200"));
    assert!(ask(free, "/healthz").await.starts_with("HTTP/1.1 404"));
    assert!(ask(main, "/api/v1/tenants").await.starts_with("HTTP/1.1 404"));
    assert!(ask(main, "/healthz").await.starts_with("HTTP/1.1 200"));
    drop(stop);
    assert_eq!(running.await.unwrap().unwrap(), Ended::Clean);
    assert!(TcpStream::connect(free).await.is_err());
}

/// `openapi.json` is what the code says. `STAYKEY_RENEW_OPENAPI=1 cargo nextest run -p booking-host openapi` renews it.
#[test]
fn the_openapi_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("STAYKEY_RENEW_OPENAPI").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let remedy = "booking-host/openapi.json is not current: STAYKEY_RENEW_OPENAPI=1 cargo nextest run -p booking-host openapi";
    assert!(kept == document(), "{remedy}");
    let document: Value = serde_json::from_str(&kept).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(
                operation["description"].is_string() || operation["summary"].is_string(),
                "{method} {path}"
            );
            assert_eq!(operation["security"], json!([{"token": []}]), "{method} {path}");
            assert!(operation["responses"]["401"].is_object(), "{method} {path}");
        }
    }
}
