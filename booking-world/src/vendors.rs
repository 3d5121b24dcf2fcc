//! The vendors of a world, and the tenants of an engine that talk to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration as StdDuration;

use booking_core::{Clock, Door, DoorKey, DoorRules, LockProvider, Pin, Rng, Secret, UnitRef};
use booking_engine::text::Texts;
use booking_engine::{
    Brake, CancelInHouse, DoorSetup, Drift, GuestChannels, Mode, NotifierSetup, PinSource, Policy, Tell,
    Tenant, Unit,
};
use booking_http::Transport;
use booking_notify::{SerwerSms, SerwerSmsConfig};
use booking_sim::smoobu::Apartment;
use booking_sim::thekeys::{Lock, Share};
use booking_sim::{SimConfig, Simulators};
use chrono::{Duration, NaiveTime};
use chrono_tz::Tz;
use smoobu_client::{Smoobu, SmoobuConfig, WebhookPayload};
use thekeys_client::{TheKeys, TheKeysConfig};

use crate::deed::OnDoor;
use crate::history::{ChannelSetup, ModeSetup, PolicySetup, Setup, SourceSetup, TenantSetup};
use crate::hub::Hub;
use crate::lock::{self, KeypadSpec, ModelLocks, catalogue};
use crate::locks::{HubSeam, in_cloud, on_door};
use crate::names::{self, parsed};
use crate::notifier::ModelNotifier;
use crate::sims::{SimTransport, on_share};
use crate::source::ModelSource;
use crate::truth::{CHECK_IN, CHECK_OUT};

/// The secret in the path of Smoobu's webhooks.
pub(crate) const HOOK_SECRET: &str = "hook-secret";

/// What all histories of a run share, since it is dear to make.
#[derive(Clone)]
pub struct Kit {
    texts: Arc<Texts>,
    keypads: Arc<BTreeMap<&'static str, KeypadSpec>>,
    adapter: Option<Adapter>,
}

/// An adapter whose vendor is the world's.
type Adapter = Arc<dyn Fn(Arc<ModelLocks>) -> Arc<dyn LockProvider> + Send + Sync>;

impl std::fmt::Debug for Kit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit").finish_non_exhaustive()
    }
}

impl Default for Kit {
    fn default() -> Self {
        let texts = parsed(Texts::load(None));
        Self { texts: Arc::new(texts), keypads: Arc::new(catalogue().into_iter().collect()), adapter: None }
    }
}

impl Kit {
    /// The same with one more keypad, or with another one of this name.
    #[must_use]
    pub fn with_keypad(mut self, name: &'static str, spec: KeypadSpec) -> Self {
        Arc::make_mut(&mut self.keypads).insert(name, spec);
        self
    }

    /// The same with an adapter between hosts and the model locks, which then are its vendor. What it does wrong is
    /// held against it as if Staykey did it.
    #[must_use]
    pub fn with_adapter(
        mut self,
        adapter: impl Fn(Arc<ModelLocks>) -> Arc<dyn LockProvider> + Send + Sync + 'static,
    ) -> Self {
        self.adapter = Some(Arc::new(adapter));
        self
    }

    /// The keypad of this name; a plain one where there is none.
    #[must_use]
    pub fn keypad(&self, name: &str) -> KeypadSpec {
        self.keypads.get(name).cloned().unwrap_or_default()
    }
}

/// The vendors of one world.
pub(crate) struct Vendors {
    pub(crate) hub: Arc<Hub>,
    pub(crate) kit: Kit,
    pub(crate) setup: Setup,
    pub(crate) locks: Arc<ModelLocks>,
    pub(crate) sims: Arc<Mutex<Simulators>>,
    pub(crate) sources: Vec<Arc<ModelSource>>,
    notifiers: Vec<Vec<Arc<ModelNotifier>>>,
    transport: Arc<dyn Transport>,
    /// How many keypads each door had before the present one.
    generations: Vec<u32>,
    /// Keypads that are gone for good: their doors, and whether the configuration says so.
    dead: Vec<(DoorKey, bool)>,
    /// Verifies Smoobu's webhooks, as a host's router would.
    pub(crate) receiver: Option<Smoobu>,
}

impl Vendors {
    pub(crate) fn new(hub: Arc<Hub>, kit: Kit, setup: &Setup) -> Self {
        let seam = Arc::new(HubSeam::new(hub.clone()));
        let locks = Arc::new(ModelLocks::new(hub.clone(), seam.clone()));
        seam.bind(&locks);
        let sims = Arc::new(Mutex::new(simulators(setup)));
        for (number, keypad) in setup.keypads.iter().enumerate().filter(|(_, keypad)| !keypad.is_simulated())
        {
            locks.add_keypad(names::model_key(number), keypad.zone, kit.keypad(&keypad.spec));
        }
        let sources = setup.tenants.iter().enumerate();
        let sources = sources
            .map(|(tenant, setup)| Arc::new(ModelSource::new(hub.clone(), tenant, setup.source)))
            .collect();
        let channels = |(tenant, setup): (usize, &TenantSetup)| {
            let models = setup.channels.iter().enumerate();
            let model = |(place, channel): (usize, &ChannelSetup)| {
                Arc::new(ModelNotifier::new(hub.clone(), tenant, place, *channel))
            };
            models.map(model).collect()
        };
        let notifiers = setup.tenants.iter().enumerate().map(channels).collect();
        let transport: Arc<dyn Transport> = Arc::new(SimTransport::new(hub.clone(), sims.clone(), setup));
        let mut vendors = Self {
            hub,
            kit,
            setup: setup.clone(),
            locks,
            sims,
            sources,
            notifiers,
            transport,
            generations: vec![0; setup.keypads.len()],
            dead: Vec::new(),
            receiver: None,
        };
        vendors.receiver = vendors.setup.tenants.iter().find_map(|tenant| vendors.smoobu(tenant));
        vendors
    }

    /// How many keypads a door had before the present one.
    pub(crate) fn generation(&self, keypad: usize) -> u32 {
        self.generations.get(keypad).copied().unwrap_or(0)
    }

    /// Whether a door has the keypad of this key now.
    pub(crate) fn is_present(&self, keypad: usize, key: &DoorKey) -> bool {
        self.is_simulated(keypad) || self.key(keypad) == *key
    }

    /// The key of the model keypad that a door has now.
    pub(crate) fn key(&self, keypad: usize) -> DoorKey {
        names::later_key(keypad, self.generation(keypad))
    }

    /// The key of the keypad that a door has now, of whatever kind.
    pub(crate) fn present_key(&self, keypad: usize) -> DoorKey {
        if self.is_simulated(keypad) { key_of(&self.setup, keypad) } else { self.key(keypad) }
    }

    /// The keys of those that it had before and that still answer.
    pub(crate) fn former_keys(&self, keypad: usize) -> impl Iterator<Item = DoorKey> {
        let keys = (0..self.generation(keypad)).map(move |generation| names::later_key(keypad, generation));
        keys.filter(|key| self.dead.iter().all(|(dead, _)| dead != key))
    }

    /// A door gets another keypad; `false` where it cannot.
    pub(crate) fn replace(&mut self, keypad: usize, dead: bool) -> bool {
        let Some(setup) = self.setup.keypads.get(keypad).filter(|setup| !setup.is_simulated()) else {
            return false;
        };
        let old = self.key(keypad);
        self.generations[keypad] += 1;
        self.locks.add_keypad(self.key(keypad), setup.zone, self.kit.keypad(&setup.spec));
        if dead {
            self.locks.remove_keypad(&old);
            self.dead.push((old, false));
        }
        true
    }

    /// The configuration says of every dead keypad that it is gone; `false` where it did already.
    pub(crate) fn retire(&mut self) -> bool {
        let some = self.dead.iter().any(|(_, said)| !said);
        self.dead.iter_mut().for_each(|(_, said)| *said = true);
        some
    }

    pub(crate) fn sims(&self) -> MutexGuard<'_, Simulators> {
        self.sims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.hub.clone()
    }

    fn rng(&self) -> Arc<dyn Rng> {
        self.hub.clone()
    }

    fn smoobu(&self, tenant: &TenantSetup) -> Option<Smoobu> {
        let SourceSetup::Smoobu { trust } = tenant.source else { return None };
        let mut config = SmoobuConfig::new(Secret::new("usr_live_sim"), Secret::new("sim-secret"));
        config.webhook_path_secrets = vec![Secret::new(HOOK_SECRET)];
        config.webhook_payload = if trust { WebhookPayload::Trust } else { WebhookPayload::Reread };
        config.settle = StdDuration::from_secs(5);
        Some(parsed(Smoobu::new(config, self.transport.clone(), self.clock(), self.rng())))
    }

    /// The tenants of an engine.
    pub(crate) fn tenants(&self, policies: &[PolicySetup]) -> Vec<Tenant> {
        let tenants = self.setup.tenants.iter().zip(policies).enumerate();
        tenants.map(|(number, (setup, policy))| self.tenant(number, setup, policy)).collect()
    }

    fn tenant(&self, number: usize, setup: &TenantSetup, policy: &PolicySetup) -> Tenant {
        let smoobu = self.smoobu(setup);
        let source = match &smoobu {
            Some(smoobu) => Arc::new(smoobu.clone()) as _,
            None => self.sources[number].clone() as _,
        };
        let drawn = policy;
        let policy = policy_of(policy);
        let mut doors: Vec<usize> = setup.units.iter().flatten().copied().collect();
        doors.sort_unstable();
        doors.dedup();
        let names: Vec<_> = (0..setup.channels.len()).map(names::channel).collect();
        Tenant {
            slug: names::tenant(number),
            mode: mode_of(drawn.mode),
            default_language: "en".to_owned(),
            default_region: Some("PL".to_owned()),
            sources: BTreeMap::from([(names::source(), source)]),
            locks: self.lock_accounts(&doors),
            notifiers: self.channels(number, setup, smoobu.as_ref()),
            units: setup
                .units
                .iter()
                .enumerate()
                .map(|(at, doors)| unit(at, doors, setup, &policy))
                .collect(),
            doors: doors
                .into_iter()
                .map(|keypad| (names::door(keypad), self.door(keypad, setup, drawn)))
                .collect(),
            guest: if setup.first_only { GuestChannels::First(names) } else { GuestChannels::All(names) },
            staff: drawn.staff_channel.then(names::staff).into_iter().collect(),
            policy,
            full_read_every: Duration::minutes(i64::from(setup.full_read_minutes)),
            full_read_ahead: Duration::days(400),
            door_read_every: Duration::minutes(i64::from(setup.door_read_minutes)),
            brake: brake_of(drawn),
            retired: self.dead.iter().filter(|(_, said)| *said).map(|(key, _)| key.clone()).collect(),
            texts: self.kit.texts.clone(),
        }
    }

    fn lock_accounts(
        &self,
        doors: &[usize],
    ) -> BTreeMap<booking_core::IntegrationName, Arc<dyn LockProvider>> {
        let mut accounts: BTreeMap<_, Arc<dyn LockProvider>> = BTreeMap::new();
        for keypad in doors {
            if self.is_simulated(*keypad) {
                accounts.entry(names::thekeys()).or_insert_with(|| self.thekeys());
            } else {
                let locks = self.locks.clone();
                accounts.entry(names::model_lock()).or_insert_with(|| match &self.kit.adapter {
                    Some(adapter) => adapter(locks),
                    None => locks,
                });
            }
        }
        accounts
    }

    fn thekeys(&self) -> Arc<dyn LockProvider> {
        let config = TheKeysConfig::new("+33600000001", "sim-password");
        Arc::new(parsed(TheKeys::new(config, self.transport.clone(), self.clock(), self.rng())))
    }

    fn channels(
        &self,
        number: usize,
        setup: &TenantSetup,
        smoobu: Option<&Smoobu>,
    ) -> BTreeMap<booking_core::IntegrationName, NotifierSetup> {
        let channels = setup.channels.iter().enumerate().map(|(place, channel)| {
            let notifier = match smoobu {
                Some(smoobu) if channel.thread => {
                    NotifierSetup { notifier: Arc::new(smoobu.thread()), source: Some(names::source()) }
                }
                Some(_) => NotifierSetup { notifier: Arc::new(self.sms()), source: None },
                None => NotifierSetup { notifier: self.notifiers[number][place].clone(), source: None },
            };
            (names::channel(place), notifier)
        });
        // Staff has a notebook of its own.
        let staff = ModelNotifier::of_staff(self.hub.clone(), number);
        let staff = NotifierSetup { notifier: Arc::new(staff), source: None };
        channels.chain([(names::staff(), staff)]).collect()
    }

    fn sms(&self) -> SerwerSms {
        let mut config = SerwerSmsConfig::new("sim-sms-token");
        config.sender = "STAYKEY".to_owned();
        config.settle = StdDuration::from_secs(5);
        parsed(SerwerSms::new(config, self.transport.clone(), self.clock(), self.rng()))
    }

    fn door(&self, keypad: usize, tenant: &TenantSetup, policy: &PolicySetup) -> DoorSetup {
        let simulated = self.is_simulated(keypad);
        DoorSetup {
            id: names::door(keypad),
            label: None,
            confirm: None,
            backup_codes: policy.backups,
            lock: if simulated { names::thekeys() } else { names::model_lock() },
            door: Door {
                key: if simulated { key_of(&self.setup, keypad) } else { self.key(keypad) },
                zone: tenant.zone,
                pin_prefix: simulated.then(|| parsed(Pin::parse(&prefix(keypad)))),
                pin_length: simulated.then_some(4),
            },
        }
    }

    pub(crate) fn is_simulated(&self, keypad: usize) -> bool {
        self.setup.keypads.get(keypad).is_some_and(crate::history::KeypadSetup::is_simulated)
    }

    /// What a door's keypad allows.
    pub(crate) fn rules(&self, keypad: usize) -> DoorRules {
        let zone = self.setup.keypads.get(keypad).map_or(Tz::UTC, |keypad| keypad.zone);
        let door = Door { key: self.key(keypad), zone, pin_prefix: None, pin_length: None };
        if self.is_simulated(keypad) {
            let mut rules = DoorRules::new(4);
            rules.prefix = Pin::parse(&prefix(keypad)).ok();
            return rules;
        }
        self.locks.rules(&door)
    }

    /// What the cloud of a keypad lists.
    pub(crate) fn in_cloud(&self, keypad: usize) -> Vec<OnDoor> {
        if self.is_simulated(keypad) {
            return self.sims().thekeys.codes_on(names::lock(keypad)).iter().map(on_share).collect();
        }
        in_cloud(&self.locks, &self.key(keypad))
    }

    /// What the keypad itself holds.
    pub(crate) fn on_device(&self, keypad: usize) -> Vec<OnDoor> {
        if self.is_simulated(keypad) {
            let now = self.hub.now();
            let codes = self.sims().thekeys.codes_at_door(now, names::lock(keypad));
            return codes.iter().map(on_share).collect();
        }
        self.locks.codes_on_device(&self.key(keypad)).iter().map(|code| on_door(code)).collect()
    }

    /// How long the cloud of a keypad may take to learn what became of a code at the door.
    pub(crate) fn tells_after(&self, keypad: usize) -> Duration {
        let spec = self.setup.keypads.get(keypad).map(|keypad| self.kit.keypad(&keypad.spec));
        match spec.map(|spec| spec.sync) {
            Some(lock::Sync::Daily(_)) => Duration::days(1),
            Some(lock::Sync::After(seconds)) => Duration::seconds(seconds.into()),
            Some(lock::Sync::Direct) | None => Duration::zero(),
        }
    }

    /// Whether something is still under way to the device.
    pub(crate) fn is_syncing(&self, keypad: usize) -> bool {
        self.locks.under_way(&self.key(keypad)) > 0
    }
}

fn simulators(setup: &Setup) -> Simulators {
    let mut config = SimConfig::default();
    config.smoobu.webhook_targets = vec!["http://127.0.0.1:1/hook".to_owned()];
    let mut sims = Simulators::new(config);
    if let Some(tenant) =
        setup.tenants.iter().find(|tenant| matches!(tenant.source, SourceSetup::Smoobu { .. }))
    {
        // One more than there are: an apartment that the configuration does not know.
        for unit in 0..=tenant.units.len() {
            let name = format!("Unit {unit}");
            sims.smoobu.add_apartment(Apartment { id: names::apartment(unit), name, time_zone: tenant.zone });
        }
    }
    for (number, keypad) in setup.keypads.iter().enumerate().filter(|(_, keypad)| keypad.is_simulated()) {
        let lock = Lock::with_keypad(names::lock(number), &names::accessory(number), keypad.zone);
        sims.thekeys.add_lock(Lock { prefix: prefix(number), ..lock });
    }
    sims
}

/// What is typed before the digits of a simulated keypad.
fn prefix(keypad: usize) -> String {
    format!("{:02}", 31 + keypad % 60)
}

/// The key of any keypad.
pub(crate) fn key_of(setup: &Setup, keypad: usize) -> DoorKey {
    if setup.keypads.get(keypad).is_some_and(crate::history::KeypadSetup::is_simulated) {
        return parsed(TheKeys::door_key(&names::lock(keypad).to_string(), &names::accessory(keypad)));
    }
    names::model_key(keypad)
}

/// What a source calls a unit.
pub(crate) fn unit_ref(source: SourceSetup, unit: usize) -> UnitRef {
    let text = match source {
        SourceSetup::Smoobu { .. } => names::apartment(unit).to_string(),
        SourceSetup::Model { .. } => format!("room-{unit}"),
    };
    parsed(UnitRef::parse(&text))
}

fn unit(number: usize, doors: &[usize], setup: &TenantSetup, policy: &Policy) -> Unit {
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
    Unit {
        id: names::unit(number),
        name: None,
        sources: BTreeMap::from([(names::source(), unit_ref(setup.source, number))]),
        zone: setup.zone,
        check_in: time(CHECK_IN),
        check_out: time(CHECK_OUT),
        doors: doors.iter().copied().map(names::door).collect(),
        policy: policy.clone(),
        contact: None,
    }
}

fn policy_of(setup: &PolicySetup) -> Policy {
    let minutes = |minutes| Duration::minutes(i64::from(minutes));
    let hours = |hours| Duration::hours(i64::from(hours));
    let mut policy = Policy::default();
    policy.proof = setup.proof;
    policy.tell =
        setup.tell_hours_before.map_or(Tell::WhenProven, |before| Tell::BeforeArrival(hours(before)));
    policy.buffer_before = minutes(setup.buffer_before);
    policy.buffer_after = minutes(setup.buffer_after);
    policy.quarantine = Duration::days(i64::from(setup.quarantine_days));
    policy.cancel_in_house = if setup.keep_in_house { CancelInHouse::Keep } else { CancelInHouse::Remove };
    policy.escalate_before = hours(setup.escalate_hours);
    policy.drift = if setup.adopt { Drift::Adopt } else { Drift::Restore };
    policy.pin = if setup.phone_pin { PinSource::Phone } else { PinSource::Random };
    policy.write_back = setup.write_back;
    policy
}

fn mode_of(mode: ModeSetup) -> Mode {
    match mode {
        ModeSetup::Full => Mode::Full,
        ModeSetup::UpsertOnly => Mode::UpsertOnly,
        ModeSetup::Observe => Mode::Observe,
    }
}

/// A tenant's brake.
pub(crate) fn brake_of(setup: &PolicySetup) -> Brake {
    let mut brake = Brake::default();
    if let Some(least) = setup.brake_least {
        brake.least = least;
        brake.share = 0.0;
    }
    brake
}

/// A code of staff's own at a simulated keypad.
pub(crate) fn staff_share(keypad: usize, name: &str, digits: &str) -> Share {
    Share::permanent(names::lock(keypad), &names::accessory(keypad), name, digits)
}
