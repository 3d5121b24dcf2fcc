//! An inn over stand-ins: keypads that obey whatever rules a test gives them, guests and a desk that can be overheard,
//! restarts with another configuration, and a second host over the same store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::conformance::{MemoryLock, MemoryNotifier, MemorySource, SeededRng, block_on};
use booking_core::store::{
    AlertRecord, AuditEntry, CodeRecord, CodeState, Kind, MessageRecord, Record, Store,
};
use booking_core::{
    Booking, BookingId, BookingKind, BookingStatus, Call, Channel, Clock, CodeSpec, Dedup, Delivery, Door,
    DoorCodes, DoorId, DoorKey, DoorRules, Event, ExternalId, Fault, FoundDoor, Guest, IntegrationName,
    ListedCode, LockError, LockProvider, Outcome, Pin, Recipient, Reply, Retry, Revision, StayDates, UnitId,
    UnitRef, VendorCodeId, VendorError,
};
use booking_engine::text::Texts;
use booking_engine::{Brake, DoorSetup, Engine, GuestChannels, Mode, NotifierSetup, Policy, Tenant, Unit};
use booking_http::testing::LeapingClock;
use booking_store::MemoryStore;
use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};

use crate::house::{ZONE, local, name, tenant_slug};

/// A door: its name, its lock account, its keypad, the prefix and the backup codes.
#[derive(Clone, Debug)]
pub(crate) struct Entrance {
    pub(crate) id: &'static str,
    pub(crate) account: &'static str,
    pub(crate) keypad: &'static str,
    pub(crate) prefix: Option<&'static str>,
    pub(crate) backup_codes: u8,
}

/// A door whose keypad has its name.
pub(crate) fn entrance(id: &'static str) -> Entrance {
    Entrance { id, account: "lock", keypad: id, prefix: None, backup_codes: 0 }
}

/// What the configuration of an inn says.
#[derive(Clone)]
pub(crate) struct Layout {
    /// The keypads that exist, by lock account, with their rules.
    pub(crate) keypads: Vec<(&'static str, &'static str, DoorRules)>,
    pub(crate) doors: Vec<Entrance>,
    /// Each unit, which the source calls by the same name, with its doors.
    pub(crate) units: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) policy: Policy,
    pub(crate) mode: Mode,
    pub(crate) brake: Brake,
    pub(crate) retired: Vec<&'static str>,
    /// How many calls each account makes in this time; the others wait.
    pub(crate) paced: Option<(u32, StdDuration)>,
    /// How long a call waits for its turn before it comes back with the time to wait.
    pub(crate) patience: Duration,
    pub(crate) seed: u64,
}

impl Layout {
    /// One unit, `flat`, behind one keypad with these rules.
    pub(crate) fn flat(rules: DoorRules) -> Self {
        Self::behind(vec![("flat", rules)])
    }

    /// One unit, `flat`, behind these keypads of one account.
    pub(crate) fn behind(keypads: Vec<(&'static str, DoorRules)>) -> Self {
        let mut policy = Policy::default();
        policy.settle = Duration::zero();
        let ids: Vec<_> = keypads.iter().map(|(id, _)| *id).collect();
        Self {
            keypads: keypads.into_iter().map(|(id, rules)| ("lock", id, rules)).collect(),
            doors: ids.iter().map(|id| entrance(id)).collect(),
            units: vec![("flat", ids)],
            policy,
            mode: Mode::Full,
            brake: Brake::default(),
            retired: Vec::new(),
            paced: None,
            patience: Duration::seconds(10),
            seed: 5,
        }
    }
}

pub(crate) struct Inn {
    pub(crate) clock: Arc<LeapingClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) source: Arc<MemorySource>,
    pub(crate) guests: Arc<MemoryNotifier>,
    pub(crate) desk: Arc<MemoryNotifier>,
    locks: BTreeMap<&'static str, Arc<MemoryLock>>,
    pub(crate) engine: Engine,
    pub(crate) layout: Layout,
}

pub(crate) fn key(keypad: &str) -> DoorKey {
    DoorKey { vendor: "memory".into(), device: keypad.into(), keypad: "1".into() }
}

pub(crate) fn reference(text: &str) -> ExternalId {
    ExternalId::parse(text).unwrap()
}

pub(crate) fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

pub(crate) fn digits(code: &ListedCode) -> String {
    code.stored.as_ref().unwrap().expose().to_owned()
}

impl Inn {
    /// An inn at noon of 1 March 2027, in its own zone.
    pub(crate) fn new(layout: Layout) -> Self {
        Self::over(layout, Arc::new(MemoryStore::new()))
    }

    /// The same over a store of the test's own.
    pub(crate) fn over(layout: Layout, store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(LeapingClock::new(local(3, 1, 12, 0)));
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let mut accounts: BTreeMap<&'static str, MemoryLock> = BTreeMap::new();
        for (account, keypad, rules) in &layout.keypads {
            let lock = accounts.remove(account).unwrap_or_else(|| MemoryLock::new(dyn_clock.clone()));
            accounts.insert(account, lock.with_door(key(keypad), ZONE, rules.clone()));
        }
        let locks: BTreeMap<_, _> =
            accounts.into_iter().map(|(account, lock)| (account, Arc::new(lock))).collect();
        let source = Arc::new(MemorySource::new());
        let guests = Arc::new(MemoryNotifier::new(Channel::Thread, dyn_clock.clone()));
        let desk = Arc::new(MemoryNotifier::new(Channel::Record, dyn_clock));
        let tenant = tenant(&layout, &clock, &source, &locks, &guests, &desk);
        let engine = engine(&clock, &store, layout.seed, tenant);
        let inn = Self { clock, store, source, guests, desk, locks, engine, layout };
        block_on(inn.engine.start()).unwrap();
        inn.settle();
        inn
    }

    /// Another host over the same store and the same vendors.
    pub(crate) fn other_host(&self) -> Engine {
        let tenant = tenant(&self.layout, &self.clock, &self.source, &self.locks, &self.guests, &self.desk);
        engine(&self.clock, &self.store, self.layout.seed + 77, tenant)
    }

    /// After a restart, perhaps with another configuration. What is due has not been worked on yet.
    pub(crate) fn restarting(mut self, change: impl FnOnce(&mut Layout)) -> Self {
        self.layout.seed += 1000;
        change(&mut self.layout);
        let tenant = tenant(&self.layout, &self.clock, &self.source, &self.locks, &self.guests, &self.desk);
        self.engine = engine(&self.clock, &self.store, self.layout.seed, tenant);
        block_on(self.engine.start()).unwrap();
        self
    }

    /// The same, and all that was due is done.
    pub(crate) fn restarted(self, change: impl FnOnce(&mut Layout)) -> Self {
        let inn = self.restarting(change);
        inn.settle();
        inn
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn account(&self, account: &str) -> &MemoryLock {
        &self.locks[account]
    }

    pub(crate) fn lock(&self) -> &MemoryLock {
        self.account("lock")
    }

    fn account_of(&self, keypad: &str) -> &MemoryLock {
        let (account, ..) = self.layout.keypads.iter().find(|(_, id, _)| *id == keypad).unwrap();
        self.account(account)
    }

    /// A confirmed stay in the source; nothing hears of it yet.
    pub(crate) fn put(&self, text: &str, unit: &str, from: NaiveDate, to: NaiveDate) {
        self.source.put(Booking {
            reference: reference(text),
            unit: Some(UnitRef::parse(unit).unwrap()),
            unit_name: None,
            kind: BookingKind::Stay,
            status: BookingStatus::Confirmed,
            guest: Guest { name: Some("Ada Example".into()), ..Guest::default() },
            dates: Ok(StayDates::new(from, to).unwrap()),
            check_in: None,
            check_out: None,
            revision: Some(Revision(1)),
        });
    }

    /// A webhook about a booking.
    pub(crate) fn hint(&self, text: &str) {
        let delivery = Delivery {
            action: "changed",
            dedup: Dedup::Content { hash: format!("{text}{}", self.now()) },
            events: vec![Event::Hint { reference: reference(text), deleted: false }],
            reply: Reply { status: 200, body: serde_json::Value::Null },
        };
        let _ = block_on(self.engine.accept(&tenant_slug(), &name("source"), delivery)).unwrap();
    }

    /// A new stay and what follows at once.
    pub(crate) fn book(&self, text: &str, unit: &str, from: NaiveDate, to: NaiveDate) {
        self.put(text, unit, from, to);
        self.hint(text);
        self.settle();
    }

    /// A changed stay; nothing hears of it yet.
    pub(crate) fn edit(&self, text: &str, change: impl FnOnce(&mut Booking)) {
        let changed = self.source.change(&reference(text), |booking| {
            change(booking);
            booking.revision = booking.revision.map(|Revision(number)| Revision(number + 1));
        });
        assert!(changed, "no booking {text}");
    }

    /// A changed stay and what follows at once.
    pub(crate) fn change(&self, text: &str, change: impl FnOnce(&mut Booking)) {
        self.edit(text, change);
        self.hint(text);
        self.settle();
    }

    pub(crate) fn until(&self, text: &str, day: NaiveDate) {
        self.change(text, |booking| {
            let dates = booking.dates.unwrap();
            booking.dates = Ok(StayDates::new(dates.arrival(), day).unwrap());
        });
    }

    pub(crate) fn cancel(&self, text: &str) {
        self.change(text, |booking| booking.status = BookingStatus::Cancelled);
    }

    /// A webhook about a stay, and what follows at once.
    pub(crate) fn poke(&self, text: &str) {
        self.hint(text);
        self.settle();
    }

    pub(crate) fn reissue(&self, text: &str) {
        self.clock.advance(std::time::Duration::from_secs(1));
        block_on(self.engine.reissue(&tenant_slug(), &self.id(text))).unwrap();
        self.settle();
    }

    /// Works until nothing is due now.
    pub(crate) fn settle(&self) {
        block_on(self.engine.run_due()).unwrap();
        self.assert_unparked();
    }

    fn assert_unparked(&self) {
        let audit = block_on(self.store.audit(&tenant_slug(), None, None, 200)).unwrap();
        assert!(
            !audit.iter().any(|row| row.entry.what == "parked"),
            "a plan does not come to rest: {audit:#?}"
        );
    }

    /// Lets time pass, event by event.
    pub(crate) fn pass(&self, by: Duration) {
        self.pass_until(self.now() + by);
    }

    pub(crate) fn pass_until(&self, until: DateTime<Utc>) {
        self.settle();
        while self.now() < until {
            let due = block_on(self.store.next_due(None)).unwrap().unwrap_or(until);
            let next = due.max(self.now() + Duration::seconds(1)).min(until);
            self.clock.advance((next - self.now()).to_std().unwrap());
            self.settle();
        }
    }

    pub(crate) fn id(&self, text: &str) -> BookingId {
        let known = block_on(self.store.alias(&tenant_slug(), &name("source"), &reference(text)));
        known.unwrap().unwrap_or_else(|| panic!("{text} is not known"))
    }

    /// The codes that are on a keypad in truth.
    pub(crate) fn on(&self, keypad: &str) -> Vec<ListedCode> {
        self.account_of(keypad).codes_on(&key(keypad))
    }

    /// Those of a stay.
    pub(crate) fn codes(&self, keypad: &str, text: &str) -> Vec<ListedCode> {
        let marker = format!("Memory#{text}");
        self.on(keypad).into_iter().filter(|code| code.note.contains(&marker)).collect()
    }

    /// The stored digits of a stay's only code on a keypad.
    pub(crate) fn pin(&self, keypad: &str, text: &str) -> String {
        let codes = self.codes(keypad, text);
        assert_eq!(codes.len(), 1, "{codes:?} {:?}", self.audit(text));
        digits(&codes[0])
    }

    /// Staff changes a stay's only code in the vendor's app.
    pub(crate) fn edit_code(&self, keypad: &str, text: &str, change: impl FnOnce(&mut ListedCode)) {
        let mut code = self.codes(keypad, text).remove(0);
        change(&mut code);
        assert!(self.account_of(keypad).put(&key(keypad), code));
    }

    pub(crate) fn opens(&self, keypad: &str, typed: &str, at: DateTime<Utc>) -> bool {
        self.account_of(keypad).opens(&key(keypad), &pin(typed), at)
    }

    /// How many writes all accounts got, and how many guests' messages went out.
    pub(crate) fn done(&self) -> (usize, usize) {
        (self.locks.values().map(|lock| lock.writes()).sum(), self.guests.sent().len())
    }

    /// The texts that a stay's guest got.
    pub(crate) fn told(&self, text: &str) -> Vec<String> {
        self.guests.received(&Recipient::Thread(reference(text)))
    }

    /// The texts that staff got about this kind of trouble.
    pub(crate) fn desk(&self, kind: &str) -> usize {
        let texts = Texts::load(None).unwrap();
        let subject = texts
            .render_staff(
                &booking_engine::text::Languages::of(None, "en"),
                booking_engine::text::Form::Thread,
                booking_engine::AlertKind::parse(kind).unwrap(),
                &booking_engine::text::StaffArgs::default(),
            )
            .unwrap()
            .subject;
        self.desk.sent().iter().filter(|(_, message)| message.subject == subject).count()
    }

    fn records(&self, id: &BookingId) -> Vec<Record> {
        let rows = block_on(self.store.stay(&tenant_slug(), id)).unwrap();
        rows.into_iter().map(|row| row.record).collect()
    }

    pub(crate) fn ledger(&self, text: &str) -> Vec<CodeRecord> {
        let code = |record| match record {
            Record::Code(code) => Some(code),
            _ => None,
        };
        self.records(&self.id(text)).into_iter().filter_map(code).collect()
    }

    /// The stay's ledger entries that are not gone.
    pub(crate) fn live(&self, text: &str) -> Vec<CodeRecord> {
        self.ledger(text).into_iter().filter(|code| code.state != CodeState::Removed).collect()
    }

    pub(crate) fn messages(&self, text: &str) -> Vec<MessageRecord> {
        let message = |record| match record {
            Record::Message(message) => Some(message),
            _ => None,
        };
        let mut messages: Vec<_> = self.records(&self.id(text)).into_iter().filter_map(message).collect();
        messages.sort_by_key(|message| message.intended_at);
        messages
    }

    fn all_alerts(&self) -> Vec<AlertRecord> {
        let rows = block_on(self.store.rows(Kind::Alert, &tenant_slug(), None, 10_000)).unwrap();
        let alert = |record| match record {
            Record::Alert(alert) => Some(alert),
            _ => None,
        };
        rows.into_iter().filter_map(|row| alert(row.record)).collect()
    }

    /// The open alerts: kind, door and detail. Those of two stays in one unit are left out: here any number may share.
    pub(crate) fn alerts(&self) -> Vec<(String, Option<String>, String)> {
        let meant = |alert: &AlertRecord| alert.closed_at.is_none() && alert.kind != "turnover-conflict";
        let open = self.all_alerts().into_iter().filter(meant);
        open.map(|alert| (alert.kind, alert.door.map(|door| door.to_string()), alert.detail)).collect()
    }

    /// The kinds of the open alerts, each once.
    pub(crate) fn trouble(&self) -> Vec<String> {
        let kinds: BTreeSet<_> = self.alerts().into_iter().map(|(kind, ..)| kind).collect();
        kinds.into_iter().collect()
    }

    pub(crate) fn audit(&self, text: &str) -> Vec<AuditEntry> {
        let rows = block_on(self.store.audit(&tenant_slug(), Some(&self.id(text)), None, 1000)).unwrap();
        rows.into_iter().map(|row| row.entry).collect()
    }

    /// How often something was put on record for a stay.
    pub(crate) fn noted(&self, text: &str, what: &str) -> usize {
        self.audit(text).iter().filter(|entry| entry.what == what).count()
    }

    pub(crate) fn release(&self, source_or_door: Result<&str, &str>) {
        let tenant = self.engine.tenant(&tenant_slug()).unwrap();
        let (source, door);
        let which = match source_or_door {
            Ok(text) => {
                source = name(text);
                Ok(&source)
            }
            Err(text) => {
                door = DoorId::parse(text).unwrap();
                Err(&door)
            }
        };
        block_on(self.engine.release_brake(tenant, which, self.now() + Duration::hours(1))).unwrap();
        self.settle();
    }
}

fn engine(clock: &Arc<LeapingClock>, store: &Arc<dyn Store>, seed: u64, tenant: Tenant) -> Engine {
    Engine::new(store.clone(), clock.clone(), Arc::new(SeededRng::new(seed)), vec![tenant])
}

fn tenant(
    layout: &Layout,
    clock: &Arc<LeapingClock>,
    source: &Arc<MemorySource>,
    locks: &BTreeMap<&'static str, Arc<MemoryLock>>,
    guests: &Arc<MemoryNotifier>,
    desk: &Arc<MemoryNotifier>,
) -> Tenant {
    let notifier =
        |notifier: &Arc<MemoryNotifier>| NotifierSetup { notifier: notifier.clone(), source: None };
    Tenant {
        slug: tenant_slug(),
        mode: layout.mode,
        default_language: "en".into(),
        default_region: None,
        sources: BTreeMap::from([(name("source"), source.clone() as _)]),
        locks: locks.iter().map(|(account, lock)| (name(account), provider(layout, clock, lock))).collect(),
        notifiers: BTreeMap::from([(name("thread"), notifier(guests)), (name("desk"), notifier(desk))]),
        units: layout.units.iter().map(|(id, doors)| unit(id, doors, &layout.policy)).collect(),
        doors: layout.doors.iter().map(|door| (DoorId::parse(door.id).unwrap(), setup(door))).collect(),
        guest: GuestChannels::All(vec![name("thread")]),
        staff: vec![name("desk")],
        policy: layout.policy.clone(),
        full_read_every: Duration::minutes(30),
        full_read_ahead: Duration::days(400),
        door_read_every: Duration::minutes(60),
        brake: layout.brake,
        retired: layout.retired.iter().map(|keypad| key(keypad)).collect(),
        texts: Arc::new(Texts::load(None).unwrap()),
    }
}

fn provider(layout: &Layout, clock: &Arc<LeapingClock>, lock: &Arc<MemoryLock>) -> Arc<dyn LockProvider> {
    match layout.paced {
        None => lock.clone(),
        Some((calls, per)) => Arc::new(Paced {
            inner: lock.clone(),
            clock: clock.clone(),
            interval: Duration::from_std(per / calls).unwrap(),
            burst: i32::try_from(calls).unwrap(),
            patience: layout.patience,
            empty_at: Mutex::new(clock.now()),
        }),
    }
}

/// A client that paces itself: what must wait longer than it has patience comes back with the time to wait, and is not
/// sent.
struct Paced {
    inner: Arc<MemoryLock>,
    clock: Arc<LeapingClock>,
    interval: Duration,
    burst: i32,
    patience: Duration,
    empty_at: Mutex<DateTime<Utc>>,
}

impl Paced {
    async fn turn(&self) -> Result<(), VendorError> {
        let now = self.clock.now();
        let wait = {
            let mut empty_at = self.empty_at.lock().unwrap();
            let ahead = (*empty_at).max(now) + self.interval - now;
            let wait = ahead - self.interval * self.burst;
            if wait > self.patience {
                let wait = Retry::After(wait.to_std().unwrap());
                return Err(VendorError::new(Fault::Vendor, wait, Outcome::NotApplied, "paced"));
            }
            *empty_at = now + ahead;
            wait
        };
        self.clock.sleep_until(now + wait).await;
        Ok(())
    }
}

#[async_trait]
impl LockProvider for Paced {
    fn rules(&self, door: &Door) -> DoorRules {
        self.inner.rules(door)
    }
    async fn doors(&self, call: Call) -> Result<Vec<FoundDoor>, LockError> {
        self.turn().await?;
        self.inner.doors(call).await
    }
    async fn codes(&self, call: Call, door: &Door) -> Result<DoorCodes, LockError> {
        self.turn().await?;
        self.inner.codes(call, door).await
    }
    async fn create(&self, call: Call, door: &Door, code: &CodeSpec) -> Result<VendorCodeId, LockError> {
        self.turn().await?;
        self.inner.create(call, door, code).await
    }
    async fn replace(
        &self,
        call: Call,
        door: &Door,
        id: &VendorCodeId,
        code: &CodeSpec,
    ) -> Result<(), LockError> {
        self.turn().await?;
        self.inner.replace(call, door, id, code).await
    }
    async fn delete(&self, call: Call, door: &Door, id: &VendorCodeId) -> Result<(), LockError> {
        self.turn().await?;
        self.inner.delete(call, door, id).await
    }
    async fn check(&self, call: Call) -> Result<(), VendorError> {
        self.inner.check(call).await
    }
}

fn unit(id: &str, doors: &[&str], policy: &Policy) -> Unit {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    Unit {
        id: UnitId::parse(id).unwrap(),
        name: None,
        sources: BTreeMap::from([(name("source"), UnitRef::parse(id).unwrap())]),
        zone: ZONE,
        check_in: time(15),
        check_out: time(12),
        doors: doors.iter().map(|door| DoorId::parse(door).unwrap()).collect(),
        policy: policy.clone(),
        contact: None,
    }
}

fn setup(door: &Entrance) -> DoorSetup {
    DoorSetup {
        id: DoorId::parse(door.id).unwrap(),
        label: None,
        confirm: None,
        lock: IntegrationName::parse(door.account).unwrap(),
        door: Door { key: key(door.keypad), zone: ZONE, pin_prefix: door.prefix.map(pin), pin_length: None },
        backup_codes: door.backup_codes,
    }
}
