//! A house for scenarios: the real clients against the simulators over an in-process transport, the real engine over
//! the in-memory store, all in one thread and in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::conformance::{SeededRng, block_on};
use booking_core::store::{AuditEntry, CodeRecord, Kind, MessageRecord, Record, Store};
use booking_core::{
    BookingId, Clock, Delivery, Door, DoorId, IntegrationName, LockProvider, Pin, RawRequest, Refusal,
    Secret, TenantSlug, UnitId, UnitRef, WebhookReceiver,
};
use booking_engine::text::Texts;
use booking_engine::{Brake, DoorSetup, Engine, GuestChannels, Mode, NotifierSetup, Policy, Tenant, Unit};
use booking_http::testing::LeapingClock;
use booking_http::{Transport, TransportError, TransportErrorKind};
use booking_notify::{SerwerSms, SerwerSmsConfig};
use booking_sim::smoobu::{Apartment, BookingPatch, NewBooking};
use booking_sim::thekeys::{Lock, Share};
use booking_sim::{Operation, Outcome, SimConfig, Simulators, Vendor};
use booking_store::MemoryStore;
use bytes::Bytes;
use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use smoobu_client::{Smoobu, SmoobuConfig, WebhookPayload};
use thekeys_client::{TheKeys, TheKeysConfig};

pub(crate) const ZONE: Tz = chrono_tz::Europe::Warsaw;
pub(crate) const STUDIO: u64 = 500_001;
pub(crate) const LOFT: u64 = 500_002;
/// An apartment that the source has and the configuration does not.
pub(crate) const SHED: u64 = 500_009;
pub(crate) const PHONE: &str = "+48600000001";

/// The keypad of an apartment: lock, keypad and prefix.
pub(crate) fn keypad(apartment: u64) -> (u64, &'static str, &'static str) {
    if apartment == STUDIO { (4411, "AbCd1234", "31") } else { (4422, "EfGh5678", "77") }
}

/// What can be different about a house.
pub(crate) struct Plan {
    pub(crate) payload: WebhookPayload,
    pub(crate) policy: Policy,
    pub(crate) mode: Mode,
    pub(crate) guest: Vec<&'static str>,
    pub(crate) first_only: bool,
    pub(crate) units: Vec<u64>,
    pub(crate) lock_zone: Tz,
    pub(crate) seed: u64,
    /// Whose doors a unit has.
    pub(crate) doors_of: fn(u64) -> Vec<u64>,
    /// Whose doors are in the configuration.
    pub(crate) keypads: Vec<u64>,
    /// Whose keypad a door is.
    pub(crate) keypad_of: fn(u64) -> u64,
}

impl Default for Plan {
    fn default() -> Self {
        let mut policy = Policy::default();
        policy.settle = Duration::zero();
        Self {
            payload: WebhookPayload::Reread,
            policy,
            mode: Mode::Full,
            guest: vec!["sms", "thread"],
            first_only: false,
            units: vec![STUDIO, LOFT],
            lock_zone: ZONE,
            seed: 1,
            doors_of: |apartment| if apartment == SHED { vec![] } else { vec![apartment] },
            keypads: vec![STUDIO, LOFT],
            keypad_of: |apartment| apartment,
        }
    }
}

/// The simulators as a transport, with a switch that freezes a call after its effect.
struct InProcess {
    sims: Arc<Mutex<Simulators>>,
    clock: Arc<LeapingClock>,
    freeze: Arc<Mutex<Option<Operation>>>,
    frozen: Arc<AtomicBool>,
}

#[async_trait]
impl Transport for InProcess {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: StdDuration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let (reply, operation) = {
            let mut sims = self.sims.lock().unwrap();
            let vendor = Vendor::of(request.uri()).expect("a vendor's host");
            let operation = Operation::classify(vendor, request.method(), request.uri().path());
            (sims.handle(self.clock.now(), vendor, &request), operation)
        };
        let freeze = self.freeze.lock().unwrap().take_if(|frozen| *frozen == operation).is_some();
        if freeze {
            self.frozen.store(true, Ordering::SeqCst);
            return pending().await;
        }
        if reply.delay > within {
            self.clock.advance(within);
            return Err(TransportError::new(TransportErrorKind::Timeout));
        }
        self.clock.advance(reply.delay);
        match reply.outcome {
            Outcome::Response(response) => Ok(response),
            _ => Err(TransportError::new(TransportErrorKind::Reset)),
        }
    }
}

pub(crate) struct House {
    pub(crate) clock: Arc<LeapingClock>,
    pub(crate) sims: Arc<Mutex<Simulators>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Engine,
    pub(crate) smoobu: Smoobu,
    freeze: Arc<Mutex<Option<Operation>>>,
    frozen: Arc<AtomicBool>,
    plan: Plan,
}

pub(crate) fn tenant_slug() -> TenantSlug {
    TenantSlug::parse("harbour").unwrap()
}

pub(crate) fn name(text: &str) -> IntegrationName {
    IntegrationName::parse(text).unwrap()
}

pub(crate) fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, month, day).unwrap()
}

/// A local time in the houses' zone.
pub(crate) fn local(month: u32, day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
    ZONE.with_ymd_and_hms(2027, month, day, hour, minute, 0).unwrap().with_timezone(&Utc)
}

pub(crate) fn stay(apartment: u64, arrival: NaiveDate, departure: NaiveDate) -> NewBooking {
    NewBooking {
        guest_name: "Ada Example".into(),
        phone: Some("+48 600 000 001".into()),
        language: Some("en".into()),
        ..NewBooking::stay(apartment, arrival, departure)
    }
}

impl House {
    /// A house at noon of 1 March 2027, in the units' zone.
    pub(crate) fn new() -> Self {
        Self::with(Plan::default())
    }

    pub(crate) fn with(plan: Plan) -> Self {
        let mut config = SimConfig::default();
        config.smoobu.webhook_targets = vec!["http://127.0.0.1:1/hook".into()];
        let mut sims = Simulators::new(config);
        for (id, name) in [(STUDIO, "Studio A"), (LOFT, "Loft B"), (SHED, "Shed")] {
            sims.smoobu.add_apartment(Apartment { id, name: name.into(), time_zone: ZONE });
        }
        for apartment in [STUDIO, LOFT] {
            let (lock, keypad, prefix) = keypad(apartment);
            sims.thekeys
                .add_lock(Lock { prefix: prefix.into(), ..Lock::with_keypad(lock, keypad, plan.lock_zone) });
        }
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let clock = Arc::new(LeapingClock::new(local(3, 1, 12, 0)));
        Self::over(plan, clock, Arc::new(Mutex::new(sims)), store)
    }

    fn over(
        plan: Plan,
        clock: Arc<LeapingClock>,
        sims: Arc<Mutex<Simulators>>,
        store: Arc<dyn Store>,
    ) -> Self {
        let (freeze, frozen) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
        let transport: Arc<dyn Transport> = Arc::new(InProcess {
            sims: sims.clone(),
            clock: clock.clone(),
            freeze: freeze.clone(),
            frozen: frozen.clone(),
        });
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let rng = Arc::new(SeededRng::new(plan.seed));
        let mut config = SmoobuConfig::new(Secret::new("usr_live_sim"), Secret::new("sim-secret"));
        config.webhook_path_secrets = vec![Secret::new("hook-secret")];
        config.webhook_payload = plan.payload;
        config.settle = StdDuration::from_secs(5);
        let smoobu = Smoobu::new(config, transport.clone(), dyn_clock.clone(), rng.clone()).unwrap();
        let thekeys: Arc<dyn LockProvider> = Arc::new(
            TheKeys::new(
                TheKeysConfig::new("+33600000001", "sim-password"),
                transport.clone(),
                dyn_clock.clone(),
                rng.clone(),
            )
            .unwrap(),
        );
        let mut sms = SerwerSmsConfig::new("sim-sms-token");
        sms.sender = "STAYKEY".into();
        sms.settle = StdDuration::from_secs(5);
        let sms = SerwerSms::new(sms, transport, dyn_clock.clone(), rng.clone()).unwrap();
        let thread = smoobu.thread();
        let names: Vec<_> = plan.guest.iter().map(|text| name(text)).collect();
        let tenant = Tenant {
            slug: tenant_slug(),
            mode: plan.mode,
            default_language: "en".into(),
            default_region: Some("PL".into()),
            sources: BTreeMap::from([(name("smoobu"), Arc::new(smoobu.clone()) as _)]),
            locks: BTreeMap::from([(name("thekeys"), thekeys)]),
            notifiers: BTreeMap::from([
                (name("sms"), NotifierSetup { notifier: Arc::new(sms), source: None }),
                (name("thread"), NotifierSetup { notifier: Arc::new(thread), source: Some(name("smoobu")) }),
            ]),
            units: plan.units.iter().map(|apartment| unit(*apartment, &plan)).collect(),
            doors: plan
                .keypads
                .iter()
                .map(|apartment| (door_id(*apartment), door(*apartment, (plan.keypad_of)(*apartment))))
                .collect(),
            guest: if plan.first_only { GuestChannels::First(names) } else { GuestChannels::All(names) },
            staff: Vec::new(),
            policy: plan.policy.clone(),
            full_read_every: Duration::minutes(30),
            full_read_ahead: Duration::days(400),
            door_read_every: Duration::minutes(60),
            brake: Brake::default(),
            retired: BTreeSet::new(),
            texts: Arc::new(Texts::load(None).unwrap()),
        };
        let engine = Engine::new(store.clone(), dyn_clock, rng, vec![tenant]);
        Self { clock, sims, store, engine, smoobu, freeze, frozen, plan }
    }

    /// A new engine over the same store, as after a restart, perhaps with another plan.
    pub(crate) fn restarted(self, change: impl FnOnce(&mut Plan)) -> Self {
        let Self { clock, sims, store, mut plan, .. } = self;
        plan.seed += 1000;
        change(&mut plan);
        let house = Self::over(plan, clock, sims, store);
        block_on(house.engine.start()).unwrap();
        house
    }

    /// The same with a clock that now shows another time.
    pub(crate) fn restarted_at(self, now: DateTime<Utc>) -> Self {
        let Self { sims, store, mut plan, .. } = self;
        plan.seed += 1000;
        let house = Self::over(plan, Arc::new(LeapingClock::new(now)), sims, store);
        block_on(house.engine.start()).unwrap();
        house
    }

    /// A new engine over an empty store: the database is lost.
    pub(crate) fn without_memory(self) -> Self {
        let Self { clock, sims, plan, .. } = self;
        let house = Self::over(plan, clock, sims, Arc::new(MemoryStore::new()));
        block_on(house.engine.start()).unwrap();
        house
    }

    pub(crate) fn sims(&self) -> MutexGuard<'_, Simulators> {
        self.sims.lock().unwrap()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A booking in the source, and what follows at once.
    pub(crate) fn book(&self, new: NewBooking) -> u64 {
        let id = self.sims().smoobu.create_booking(self.now(), new);
        self.settle();
        id
    }

    pub(crate) fn change(&self, id: u64, patch: BookingPatch) {
        assert!(self.sims().smoobu.update_booking(self.now(), id, patch));
        self.settle();
    }

    pub(crate) fn cancel(&self, id: u64) {
        assert!(self.sims().smoobu.cancel(self.now(), id));
        self.settle();
    }

    pub(crate) fn raw(&self, body: &[u8], secret: Option<&str>) -> Result<Delivery, Refusal> {
        let headers = http::HeaderMap::new();
        let request = RawRequest {
            method: &http::Method::POST,
            url: "https://keys.example.org/api/webhooks/smoobu/t/harbour",
            topic: None,
            path_secret: secret,
            query: None,
            headers: &headers,
            body,
            peer: None,
            now: self.now(),
        };
        self.smoobu.receive(&request)
    }

    /// Hands a body to the engine as the host would.
    pub(crate) fn deliver(&self, body: &[u8]) {
        let delivery = self.raw(body, Some("hook-secret")).unwrap();
        let _ = block_on(self.engine.accept(&tenant_slug(), &name("smoobu"), delivery)).unwrap();
    }

    /// Hands over the webhooks that are due.
    pub(crate) fn hooks(&self) -> usize {
        let hooks = self.sims().take_webhooks(self.now());
        hooks.iter().for_each(|hook| self.deliver(hook.body.as_ref()));
        hooks.len()
    }

    /// Delivers and works until nothing is due now.
    pub(crate) fn settle(&self) {
        for _ in 0..200 {
            let hooks = self.hooks();
            let worked = block_on(self.engine.run_due()).unwrap();
            if hooks + worked == 0 {
                let audit = block_on(self.store.audit(&tenant_slug(), None, None, 20)).unwrap();
                assert!(!audit.iter().any(|row| row.entry.what == "parked"), "a plan does not come to rest");
                return;
            }
        }
        panic!("the house does not come to rest");
    }

    /// Lets time pass, event by event.
    pub(crate) fn pass(&self, by: Duration) {
        self.pass_until(self.now() + by);
    }

    pub(crate) fn pass_until(&self, until: DateTime<Utc>) {
        self.settle();
        while self.now() < until {
            let hook = self.sims().smoobu.next_webhook_due();
            let due = block_on(self.store.next_due(None)).unwrap();
            let next = [hook, due]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(until)
                .max(self.now() + Duration::seconds(1))
                .min(until);
            self.clock.advance((next - self.now()).to_std().unwrap());
            self.settle();
        }
    }

    /// Works until a call of this kind has had its effect, and dies there: nothing of the answer is ever seen.
    pub(crate) fn die_after(&self, operation: Operation) {
        *self.freeze.lock().unwrap() = Some(operation);
        self.hooks();
        let mut work = Box::pin(self.engine.run_due());
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(result) = work.as_mut().poll(&mut context) {
            assert!(result.unwrap() > 0, "nothing called {operation:?}");
            work = Box::pin(self.engine.run_due());
        }
        assert!(self.frozen.load(Ordering::SeqCst), "{operation:?} was never called");
    }

    /// Lets leases of the dead run out.
    pub(crate) fn outlive_leases(&self) {
        self.clock.advance(StdDuration::from_secs(121));
        self.settle();
    }

    pub(crate) fn booking_id(&self, id: u64) -> BookingId {
        let reference = booking_core::ExternalId::parse(&id.to_string()).unwrap();
        block_on(self.store.alias(&tenant_slug(), &name("smoobu"), &reference))
            .unwrap()
            .expect("a known booking")
    }

    fn records(&self, id: u64) -> Vec<Record> {
        let rows = block_on(self.store.stay(&tenant_slug(), &self.booking_id(id))).unwrap();
        rows.into_iter().map(|row| row.record).collect()
    }

    pub(crate) fn ledger(&self, id: u64) -> Vec<CodeRecord> {
        self.records(id)
            .into_iter()
            .filter_map(|record| match record {
                Record::Code(code) => Some(code),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn messages(&self, id: u64) -> Vec<MessageRecord> {
        self.records(id)
            .into_iter()
            .filter_map(|record| match record {
                Record::Message(message) => Some(message),
                _ => None,
            })
            .collect()
    }

    /// The kinds of the stay's open alerts.
    pub(crate) fn alerts(&self, id: u64) -> Vec<String> {
        let mut alerts: Vec<String> = self
            .records(id)
            .into_iter()
            .filter_map(|record| match record {
                Record::Alert(alert) if alert.closed_at.is_none() => Some(alert.kind),
                _ => None,
            })
            .collect();
        alerts.sort();
        alerts
    }

    /// The kinds of all open alerts of the tenant.
    pub(crate) fn tenant_alerts(&self) -> Vec<String> {
        let rows = block_on(self.store.rows(Kind::Alert, &tenant_slug(), None, 1000)).unwrap();
        let kinds = rows.into_iter().filter_map(|row| match row.record {
            Record::Alert(alert) if alert.closed_at.is_none() => Some(alert.kind),
            _ => None,
        });
        kinds.collect()
    }

    pub(crate) fn audit(&self, id: u64) -> Vec<AuditEntry> {
        let rows =
            block_on(self.store.audit(&tenant_slug(), Some(&self.booking_id(id)), None, 1000)).unwrap();
        rows.into_iter().map(|row| row.entry).collect()
    }

    pub(crate) fn rows(&self, kind: Kind) -> usize {
        block_on(self.store.rows(kind, &tenant_slug(), None, 10_000)).unwrap().len()
    }

    /// The codes on an apartment's keypad, as the cloud lists them.
    pub(crate) fn codes(&self, apartment: u64) -> Vec<Share> {
        self.sims().thekeys.codes_on(keypad(apartment).0)
    }

    /// What a booking's guest types on an apartment's keypad, by what is on it.
    pub(crate) fn typed(&self, apartment: u64, id: u64) -> Option<String> {
        let marker = format!("Smoobu#{id}");
        let codes = self.codes(apartment);
        let code = codes.iter().find(|share| share.description.as_deref() == Some(&marker))?;
        Some(format!("{}{}", keypad(apartment).2, code.code))
    }

    pub(crate) fn opens_at(&self, apartment: u64, typed: &str, at: DateTime<Utc>) -> bool {
        let (lock, keypad, _) = keypad(apartment);
        self.sims().thekeys.would_open(at, lock, keypad, typed)
    }

    /// The texts that the guest got by SMS.
    pub(crate) fn sms(&self) -> Vec<String> {
        self.sims().serwersms.messages_to(PHONE).iter().map(|sms| sms.text.clone()).collect()
    }

    /// The texts that the guest got in the booking's thread.
    pub(crate) fn thread(&self, id: u64) -> Vec<String> {
        self.sims().smoobu.guest_messages(id).iter().map(|message| message.text.clone()).collect()
    }

    pub(crate) fn writes(&self) -> (u64, u64, u64) {
        let sims = self.sims();
        let log = sims.log();
        (
            log.applied(Operation::CreateCode),
            log.applied(Operation::UpdateCode),
            log.applied(Operation::DeleteCode),
        )
    }
}

pub(crate) fn door_id(apartment: u64) -> DoorId {
    DoorId::parse(if apartment == STUDIO { "studio-door" } else { "loft-door" }).unwrap()
}

fn door(apartment: u64, of: u64) -> DoorSetup {
    let (lock, keypad, prefix) = keypad(of);
    DoorSetup {
        id: door_id(apartment),
        label: None,
        confirm: None,
        backup_codes: 0,
        lock: name("thekeys"),
        door: Door {
            key: TheKeys::door_key(&lock.to_string(), keypad).unwrap(),
            zone: ZONE,
            pin_prefix: Some(Pin::parse(prefix).unwrap()),
            pin_length: Some(4),
        },
    }
}

fn unit(apartment: u64, plan: &Plan) -> Unit {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let doors = (plan.doors_of)(apartment).into_iter().map(door_id).collect();
    Unit {
        id: UnitId::parse(match apartment {
            STUDIO => "studio-a",
            LOFT => "loft-b",
            _ => "shed",
        })
        .unwrap(),
        name: None,
        sources: BTreeMap::from([(name("smoobu"), UnitRef::parse(&apartment.to_string()).unwrap())]),
        zone: ZONE,
        check_in: time(15),
        check_out: time(12),
        doors,
        policy: plan.policy.clone(),
        contact: None,
    }
}

pub(crate) fn naive(month: u32, d: u32, hour: u32) -> NaiveDateTime {
    day(month, d).and_hms_opt(hour, 0, 0).unwrap()
}
