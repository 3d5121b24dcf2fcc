//! One history, run: hosts, vendors, guests and staff in one thread, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;

use booking_core::store::{Lease, Places, Store, StoreError};
use booking_core::{Clock as _, Delivery, DoorKey, RawRequest, Rng, WebhookReceiver as _};
use booking_engine::Engine;
use booking_store::MemoryStore;
use chrono::{DateTime, Duration, Utc};

use crate::coverage::Coverage;
use crate::deed::Deed;
use crate::history::{Event, History, HookMode, ModeSetup, PolicySetup};
use crate::hub::Hub;
use crate::names;
use crate::promise::{Broken, Promises};
use crate::store::PausingStore;
use crate::story::Story;
use crate::tasks::Tasks;
use crate::truth::Stay;
use crate::vendors::{HOOK_SECRET, Kit, Vendors};

/// How many pieces of work a host does at once.
const AT_ONCE: usize = 3;
/// More steps at one instant than any honest world takes.
const MOST_AT_ONCE: u64 = 20_000;
/// More steps than a whole history takes: what goes on for ever is a fault, too.
const MOST: u64 = 2_000_000;
/// How often staff lets go, at rest, of what a brake holds back.
const MOST_RELEASES: usize = 3;

/// What became of a history.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first promise that was broken.
    pub broken: Option<Broken>,
    /// How many stays were booked.
    pub stays: u64,
    /// How many steps were taken.
    pub steps: u64,
    /// What was reached.
    pub coverage: Coverage,
    /// The longest time that a guest in the house was without a code because one was replaced.
    pub longest_gap: Duration,
    /// A sum over all that was done: equal for equal runs.
    pub digest: u64,
    /// The story, where it was wanted.
    pub story: Vec<String>,
}

/// What a future came to.
enum Done {
    Started(Result<(), StoreError>),
    Claimed(Result<Vec<Lease>, StoreError>),
    Worked,
    Accepted(Box<Hook>, Result<booking_core::store::Accepted, StoreError>),
    Released,
}

#[derive(Default)]
struct Host {
    engine: Option<Arc<Engine>>,
    running: usize,
    claiming: bool,
    /// Dead until then.
    down_until: Option<DateTime<Utc>>,
    /// How long it stays down when it dies.
    down: Duration,
    stalled_until: Option<DateTime<Utc>>,
    /// After a store that failed, not before then.
    claims_from: Option<DateTime<Utc>>,
}

/// A webhook on its way.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) tenant: usize,
    pub(crate) at: DateTime<Utc>,
    pub(crate) delivery: Delivery,
    tries: u32,
}

/// What becomes of a tenant's webhooks now.
#[derive(Clone, Copy)]
struct Mode {
    mode: HookMode,
    until: DateTime<Utc>,
}

/// A world that runs.
pub struct World {
    pub(crate) hub: Arc<Hub>,
    pub(crate) store: Arc<MemoryStore>,
    pausing: Arc<PausingStore>,
    pub(crate) vendors: Vendors,
    pub(crate) history: Arc<History>,
    pub(crate) policies: Vec<PolicySetup>,
    pub(crate) stays: Vec<Stay>,
    hosts: Vec<Host>,
    tasks: Tasks<Done>,
    hooks: Vec<Hook>,
    /// Those that went out, for echoes.
    pub(crate) went_out: Vec<Hook>,
    modes: Vec<Option<Mode>>,
    /// What ends at a time: a keypad comes back.
    pub(crate) back: Vec<(DateTime<Utc>, DoorKey, Back)>,
    next_event: usize,
    next_due: Option<DateTime<Utc>>,
    pub(crate) steps: u64,
    at_once: u64,
    digest: u64,
    promises: Promises,
    pub(crate) story: Story,
    /// Whether events still come.
    pub(crate) resting: bool,
    ready: Vec<usize>,
    /// Until when hosts, sources or the store are in trouble.
    troubled: Option<DateTime<Utc>>,
    /// From when to when hosts stood still.
    stalls: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// When a vendor left messages out that it was asked for.
    left_out: Vec<DateTime<Utc>>,
    /// When a device came back that then let a stay's code go, on which keypad.
    pub(crate) let_go: Vec<(DateTime<Utc>, usize, usize)>,
    /// When a keypad was last replaced by an empty one, without a word to anybody.
    pub(crate) renewed: BTreeMap<usize, DateTime<Utc>>,
}

/// What comes back at a keypad.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Back {
    Online,
    Power,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("seed", &self.history.seed).finish_non_exhaustive()
    }
}

impl World {
    /// A world before anything happens.
    #[must_use]
    pub fn new(kit: &Kit, history: Arc<History>, told: bool) -> Self {
        let setup = &history.setup;
        let hub = Arc::new(Hub::new(setup.begins, history.seed, setup.hosts));
        let store = Arc::new(MemoryStore::new());
        let policies: Vec<_> = setup.tenants.iter().map(|tenant| tenant.policy).collect();
        Self {
            pausing: Arc::new(PausingStore::new(store.clone(), hub.clone(), told)),
            vendors: Vendors::new(hub.clone(), kit.clone(), setup),
            stays: Vec::new(),
            hosts: (0..setup.hosts).map(|_| Host::default()).collect(),
            tasks: Tasks::new(),
            hooks: Vec::new(),
            went_out: Vec::new(),
            modes: vec![None; setup.tenants.len()],
            back: Vec::new(),
            next_event: 0,
            next_due: None,
            steps: 0,
            at_once: 0,
            digest: 0,
            promises: Promises::new(&policies, setup.begins),
            story: Story::new(told, setup.begins),
            resting: false,
            ready: Vec::new(),
            troubled: None,
            stalls: Vec::new(),
            left_out: Vec::new(),
            let_go: Vec::new(),
            renewed: BTreeMap::new(),
            policies,
            hub,
            store,
            history,
        }
    }

    /// Runs it to its rest and beyond.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        let broken = self.live().err();
        if let Some(broken) = &broken {
            self.story.line(broken.at, || format!("BROKEN: {}: {}", broken.promise, broken.text));
        }
        Outcome {
            broken,
            stays: self.stays.len() as u64,
            steps: self.steps,
            coverage: self.hub.take_coverage(),
            longest_gap: crate::gap::longest(&self),
            digest: self.digest,
            story: self.story.take(),
        }
    }

    fn live(&mut self) -> Result<(), Broken> {
        (0..self.hosts.len()).for_each(|host| self.start(host));
        let begins = self.history.setup.begins;
        let last = begins + Duration::seconds(i64::from(self.history.length()));
        self.until(last)?;
        self.rest()
    }

    /// Faults are over, and time passes; then everything must be as it should.
    fn rest(&mut self) -> Result<(), Broken> {
        self.calm();
        let now = self.hub.now();
        let daily =
            self.history.setup.keypads.iter().any(|keypad| {
                matches!(self.vendors.kit.keypad(&keypad.spec).sync, crate::lock::Sync::Daily(_))
            });
        // Two reads of a door and three of a source are what it takes to see that something is gone.
        let setup = &self.history.setup;
        let doors = setup.tenants.iter().map(|tenant| tenant.door_read_minutes * 2);
        let sources = setup.tenants.iter().map(|tenant| tenant.full_read_minutes * 3);
        let reads = Duration::minutes(i64::from(doors.chain(sources).max().unwrap_or(0)));
        let suspected = self.is_alerted("source-suspect");
        self.until(now + reads + Duration::hours(if daily { 50 } else { 2 }))?;
        // What is suspect counts for nothing until it is whole again.
        let again = self.promises.suspected_at().filter(|at| *at > now);
        if suspected || again.is_some() {
            self.until(again.map_or(self.hub.now() + reads, |at| at + reads * 2))?;
            // It may be whole again since a moment ago only.
            if !self.is_alerted("source-suspect") {
                self.until(self.hub.now() + reads)?;
            }
        }
        for _ in 0..MOST_RELEASES {
            // Whoever is vouched for tells the same once more, and again.
            let suspects = self.is_alerted("source-suspect");
            let long = if suspects { reads } else { Duration::zero() } + Duration::hours(2);
            let released = self.hub.now();
            self.release_brakes(suspects, long);
            self.until(released + long + Duration::hours(if daily { 25 } else { 0 }))?;
            // What was told late may be held back once more.
            if !self.is_alerted("brake") {
                break;
            }
        }
        self.look(Promises::at_rest)?;
        self.look(Promises::before_echoes)?;
        self.echo_all();
        self.until(self.hub.now() + Duration::minutes(20))?;
        self.look(Promises::after_echoes)
    }

    fn calm(&mut self) {
        let now = self.hub.now();
        self.resting = true;
        self.story.line(now, || "the faults are over".to_owned());
        self.hub.calm();
        self.vendors.sources.iter().for_each(|source| source.leads_elsewhere(now));
        self.modes.fill(None);
        for hook in &mut self.hooks {
            hook.at = hook.at.min(now);
        }
        // Whoever only watched lets the engine do its work in the end, and knows which keypads are gone.
        let watches = self.policies.iter().any(|policy| policy.mode != ModeSetup::Full);
        self.policies.iter_mut().for_each(|policy| policy.mode = ModeSetup::Full);
        if self.vendors.retire() || watches {
            self.restart_all();
        }
        for host in &mut self.hosts {
            host.stalled_until = None;
            host.down_until = host.down_until.map(|at| at.min(now));
        }
        for (at, ..) in &mut self.back {
            *at = now;
        }
        for keypad in
            (0..self.history.setup.keypads.len()).filter(|keypad| self.vendors.is_simulated(*keypad))
        {
            self.vendors.sims().thekeys.offline_until(now, names::lock(keypad), now);
        }
    }

    /// Whether staff has something of this kind to see to.
    fn is_alerted(&self, kind: &str) -> bool {
        let has = |tenant: usize| crate::promise::alerts(self, tenant).iter().any(|alert| alert.kind == kind);
        (0..self.policies.len()).any(has)
    }

    /// Staff has looked at what the brake holds back, and lets it go for as long as this; and at sources that tell far less
    /// than they did, and vouches for them.
    fn release_brakes(&mut self, suspects: bool, long: Duration) {
        self.promises.brakes_are_lifted();
        let until = self.hub.now() + long;
        let Some(engine) = self.hosts.iter().find_map(|host| host.engine.clone()) else { return };
        self.tasks.spawn(
            0,
            Box::pin(async move {
                for tenant in engine.tenants() {
                    for source in tenant.sources.keys() {
                        let _ = engine.release_brake(tenant, Ok(source), until).await;
                        if suspects {
                            let _ = engine.trust_source(&tenant.slug, source).await;
                        }
                    }
                    for door in tenant.doors.keys() {
                        let _ = engine.release_brake(tenant, Err(door), until).await;
                    }
                }
                Done::Released
            }),
        );
    }

    /// Staff wants other digits for a stay.
    pub(crate) fn redraw(&mut self, number: usize) {
        let now = self.hub.now();
        let mut hosts = self.hosts.iter().enumerate();
        let Some((host, engine)) = hosts.find_map(|(at, host)| Some((at, host.engine.clone()?))) else {
            return;
        };
        let booking = self.rows_of(number).into_iter().find_map(|row| match row.record {
            booking_core::store::Record::Booking(record) => Some(record.id),
            _ => None,
        });
        let Some(booking) = booking else { return };
        let tenant = names::tenant(self.stays[number].tenant);
        self.stays[number].redrawn.push(now);
        let job = async move {
            let _ = engine.reissue(&tenant, &booking).await;
            Done::Released
        };
        self.tasks.spawn(host, Box::pin(job));
    }

    fn look(&mut self, check: impl FnOnce(&mut Promises, &Self) -> Result<(), Broken>) -> Result<(), Broken> {
        let mut promises = std::mem::take(&mut self.promises);
        let held = check(&mut promises, self);
        self.promises = promises;
        held
    }

    /// Every webhook that ever went out comes once more, in some order.
    fn echo_all(&mut self) {
        let at = self.hub.now() + Duration::seconds(10);
        let mut echoes = self.went_out.clone();
        echoes.iter_mut().for_each(|hook| hook.at = at);
        while !echoes.is_empty() {
            let which = self.hub.chance(|chance| chance.index(echoes.len()));
            self.hooks.push(echoes.swap_remove(which));
        }
    }

    /// Runs until a time.
    fn until(&mut self, end: DateTime<Utc>) -> Result<(), Broken> {
        loop {
            self.happen()?;
            self.claim();
            if self.step()? {
                continue;
            }
            let now = self.hub.now();
            let Some(next) = self.next().filter(|at| *at <= end) else {
                self.move_to(end)?;
                return Ok(());
            };
            self.move_to(next.max(now))?;
        }
    }

    fn move_to(&mut self, to: DateTime<Utc>) -> Result<(), Broken> {
        if self.promises.next_moment().is_some_and(|at| at <= self.hub.now()) {
            self.look(Promises::time_passes)?;
        }
        if to > self.hub.now() {
            self.at_once = 0;
            self.hub.set_now(to);
        }
        Ok(())
    }

    /// One future is polled; `false` where none is ready.
    fn step(&mut self) -> Result<bool, Broken> {
        let mut ready = std::mem::take(&mut self.ready);
        let now = self.hub.now();
        self.tasks.ready(|host| self.hosts[host].stalled_until.is_none_or(|until| until <= now), &mut ready);
        let chosen = match ready.len() {
            0 => None,
            1 => ready.first().copied(),
            many => ready.get(self.hub.chance(|chance| chance.index(many))).copied(),
        };
        self.ready = ready;
        let Some(number) = chosen else { return Ok(false) };
        let Some(host) = self.tasks.host(number) else { return Ok(false) };
        self.count()?;
        self.hub.acts(host, self.tasks.len());
        let done = self.tasks.poll(number);
        if self.hub.is_dead(host) {
            self.died(host);
        } else if let Some(done) = done {
            self.done(host, done)?;
        }
        self.deeds()?;
        Ok(true)
    }

    fn count(&mut self) -> Result<(), Broken> {
        self.steps += 1;
        self.at_once += 1;
        if self.at_once > MOST_AT_ONCE || self.steps > MOST {
            let text = "the hosts do not come to rest";
            return Err(Broken::new("at-rest-nothing-goes-on", self.hub.now(), text));
        }
        Ok(())
    }

    fn deeds(&mut self) -> Result<(), Broken> {
        let deeds = self.hub.take_deeds();
        for deed in deeds {
            self.digest_of(&deed);
            self.notice(&deed);
            self.look(|promises, world| promises.after(world, &deed))?;
        }
        Ok(())
    }

    /// What the world learns of a deed before it is judged.
    fn notice(&mut self, deed: &Deed) {
        let now = self.hub.now();
        if self.story.is_told()
            && let Some(line) = crate::story::deed(self, deed)
        {
            self.story.line(now, || line);
        }
        if let Deed::Found { whole: false } = deed {
            self.left_out.push(self.hub.now());
        }
        if let Deed::Heard { tenant, channel, to, id, at, body } = deed {
            self.hears(*tenant, *channel, to, id.as_ref(), body, *at);
        }
    }

    fn digest_of(&mut self, deed: &Deed) {
        let mut add = |word: u64| self.digest = (self.digest ^ word).wrapping_mul(0x0000_0100_0000_01B3);
        add(deed.step().map_or(99, |step| step as u64));
        if let Deed::Wrote { keypad, after, .. } = deed {
            add(*keypad as u64);
            for code in after {
                code.stored.expose().bytes().for_each(|byte| add(u64::from(byte)));
            }
        }
        let now = self.hub.now();
        self.digest ^= u64::from(now.timestamp_subsec_nanos());
        self.digest = self.digest.wrapping_add(now.timestamp().unsigned_abs());
    }

    fn died(&mut self, host: usize) {
        let now = self.hub.now();
        self.is_troubled(60);
        self.story.line(now, || format!("host {host} dies"));
        self.tasks.drop_host(host);
        let state = &mut self.hosts[host];
        state.engine = None;
        state.running = 0;
        state.claiming = false;
        state.down_until = Some(now + state.down);
    }

    fn start(&mut self, host: usize) {
        self.hub.revive(host);
        let tenants = self.vendors.tenants(&self.policies);
        let store: Arc<dyn Store> = self.pausing.clone();
        let rng: Arc<dyn Rng> = self.hub.clone();
        let engine = Arc::new(Engine::new(store, self.hub.clone(), rng, tenants));
        let state = &mut self.hosts[host];
        state.engine = Some(engine.clone());
        state.down_until = None;
        state.claims_from = None;
        state.claiming = true;
        self.tasks.spawn(host, Box::pin(async move { Done::Started(engine.start().await) }));
    }

    /// All hosts stop, and start with another configuration.
    pub(crate) fn restart_all(&mut self) {
        let now = self.hub.now();
        self.promises.policies_changed(&self.policies, now);
        for host in 0..self.hosts.len() {
            self.tasks.drop_host(host);
            self.hosts[host] = Host::default();
            self.start(host);
        }
    }

    fn claim(&mut self) {
        if self.pausing.was_touched() {
            self.next_due = now_or_never(self.store.next_due(None)).and_then(Result::ok).flatten();
        }
        let now = self.hub.now();
        if self.next_due.is_none_or(|due| due > now) {
            return;
        }
        let many = self.hosts.len();
        let first = if many > 1 { self.hub.chance(|chance| chance.index(many)) } else { 0 };
        for host in (0..many).map(|at| (first + at) % many) {
            if !self.may_claim(host, now) {
                continue;
            }
            let state = &mut self.hosts[host];
            let Some(engine) = state.engine.clone() else { continue };
            let places = Places::free(AT_ONCE - state.running);
            state.claiming = true;
            self.tasks.spawn(host, Box::pin(async move { Done::Claimed(engine.claim(&places).await) }));
        }
    }

    fn may_claim(&self, host: usize, now: DateTime<Utc>) -> bool {
        let host = &self.hosts[host];
        host.engine.is_some()
            && !host.claiming
            && host.running < AT_ONCE
            && host.stalled_until.is_none_or(|until| until <= now)
            && host.claims_from.is_none_or(|from| from <= now)
    }

    fn done(&mut self, host: usize, done: Done) -> Result<(), Broken> {
        let now = self.hub.now();
        let state = &mut self.hosts[host];
        match done {
            Done::Started(result) => {
                state.claiming = false;
                if result.is_err() {
                    // A host that cannot start stops, and whoever watches it starts it again.
                    state.engine = None;
                    state.down_until = Some(now + Duration::seconds(30));
                }
            }
            Done::Claimed(Ok(leases)) => {
                state.claiming = false;
                let Some(engine) = state.engine.clone() else { return Ok(()) };
                state.running += leases.len();
                if self.at_once > MOST_AT_ONCE / 2 && self.at_once < MOST_AT_ONCE / 2 + 20 {
                    let keys: Vec<String> = leases.iter().map(|lease| lease.work.to_string()).collect();
                    self.story.line(now, || format!("host {host} works on {}", keys.join(", ")));
                }
                for lease in leases {
                    let engine = engine.clone();
                    // What was given up is due again by itself.
                    let job = async move {
                        let _ = engine.work(lease).await;
                        Done::Worked
                    };
                    self.tasks.spawn(host, Box::pin(job));
                }
            }
            Done::Claimed(Err(_)) => {
                state.claiming = false;
                state.claims_from = Some(now + Duration::seconds(5));
            }
            Done::Worked => state.running = state.running.saturating_sub(1),
            Done::Accepted(hook, result) => self.answered(*hook, result)?,
            Done::Released => {}
        }
        Ok(())
    }

    fn answered(
        &mut self,
        mut hook: Hook,
        result: Result<booking_core::store::Accepted, StoreError>,
    ) -> Result<(), Broken> {
        match result {
            Ok(accepted) => {
                let reference = hook.delivery.events.first().and_then(crate::promise::reference_of).cloned();
                self.hub.did(Deed::Acknowledged { reference, duplicate: accepted.duplicate });
                self.look(|promises, world| {
                    promises.acknowledged(world, &hook.delivery, hook.tenant, &accepted)
                })
            }
            Err(_) => {
                self.again(&mut hook);
                Ok(())
            }
        }
    }

    /// A webhook that was not taken is sent again, a few times.
    fn again(&mut self, hook: &mut Hook) {
        hook.tries += 1;
        if hook.tries < 4 {
            hook.at = self.hub.now() + Duration::minutes(5);
            self.hooks.push(hook.clone());
        }
    }

    /// Everything that is due happens.
    fn happen(&mut self) -> Result<(), Broken> {
        let now = self.hub.now();
        while let Some(timed) = self.history.events.get(self.next_event) {
            let at = self.history.setup.begins + Duration::seconds(i64::from(timed.at));
            if at > now {
                break;
            }
            self.next_event += 1;
            let event = timed.event.clone();
            self.count()?;
            self.event(&event);
            self.deeds()?;
        }
        self.come_back(now);
        for host in 0..self.hosts.len() {
            if self.hosts[host].down_until.is_some_and(|at| at <= now) {
                self.story.line(now, || format!("host {host} starts"));
                self.start(host);
            }
        }
        self.deliver(now);
        Ok(())
    }

    fn come_back(&mut self, now: DateTime<Utc>) {
        let (due, later): (Vec<_>, Vec<_>) = self.back.drain(..).partition(|(at, ..)| *at <= now);
        self.back = later;
        for (_, key, back) in due {
            self.story.line(now, || format!("{key} is back"));
            self.comes_back(&key, back);
        }
    }

    fn deliver(&mut self, now: DateTime<Utc>) {
        let mut at = 0;
        while at < self.hooks.len() {
            if self.hooks[at].at > now {
                at += 1;
                continue;
            }
            let mut hook = self.hooks.remove(at);
            let able: Vec<usize> = (0..self.hosts.len())
                .filter(|host| {
                    let host = &self.hosts[*host];
                    host.engine.is_some() && host.stalled_until.is_none_or(|until| until <= now)
                })
                .collect();
            let chosen = self.hub.chance(|chance| chance.pick(&able).copied());
            let Some((host, engine)) = chosen.and_then(|host| Some((host, self.hosts[host].engine.clone()?)))
            else {
                self.again(&mut hook);
                continue;
            };
            let job = async move {
                let slug = names::tenant(hook.tenant);
                let result = engine.accept(&slug, &names::source(), hook.delivery.clone()).await;
                Done::Accepted(Box::new(hook), result)
            };
            self.tasks.spawn(host, Box::pin(job));
        }
    }

    /// When something happens by itself.
    fn next(&self) -> Option<DateTime<Utc>> {
        let now = self.hub.now();
        let begins = self.history.setup.begins;
        let event = self.history.events.get(self.next_event);
        let event = event.map(|timed| begins + Duration::seconds(i64::from(timed.at)));
        let hosts =
            self.hosts.iter().flat_map(|host| [host.down_until, host.stalled_until, host.claims_from]);
        let hosts = hosts.flatten().filter(|at| *at > now);
        let due = self.next_due.filter(|at| *at > now);
        let hooks = self.hooks.iter().map(|hook| hook.at);
        let back = self.back.iter().map(|(at, ..)| *at);
        let moments = self.promises.next_moment();
        [event, due, self.hub.next_timer(), moments]
            .into_iter()
            .flatten()
            .chain(hosts)
            .chain(hooks)
            .chain(back)
            .min()
    }

    /// What the source told goes on its way.
    pub(crate) fn send_out(&mut self, tenant: usize) {
        let deliveries = match self.vendors.receiver.is_some() && tenant == 0 {
            true => self.smoobu_hooks(),
            false => self.vendors.sources[tenant].take_outbox(),
        };
        let now = self.hub.now();
        let latency = self.hub.chance(|chance| Duration::milliseconds(chance.between(200, 4000)));
        for delivery in deliveries {
            let hook = Hook { tenant, at: now + latency, delivery, tries: 0 };
            self.went_out.push(hook.clone());
            self.carry(hook, now);
        }
    }

    fn carry(&mut self, hook: Hook, now: DateTime<Utc>) {
        let mode = self.modes[hook.tenant].filter(|mode| mode.until > now);
        match mode.map(|mode| (mode.mode, mode.until)) {
            None => self.hooks.push(hook),
            Some((HookMode::Lost, _)) => self.story.line(now, || "its webhook is lost".to_owned()),
            Some((HookMode::Doubled, _)) => {
                self.hooks.push(hook.clone());
                self.hooks.push(hook);
            }
            Some((HookMode::Delayed(minutes), _)) => {
                let at = hook.at + Duration::minutes(i64::from(minutes));
                self.hooks.push(Hook { at, ..hook });
            }
            // Whatever was held comes in one instant, the newest first.
            Some((HookMode::Reversed, until)) => self.hooks.insert(0, Hook { at: until, ..hook }),
        }
    }

    fn smoobu_hooks(&self) -> Vec<Delivery> {
        let now = self.hub.now();
        let hooks = self.vendors.sims().take_webhooks(now + Duration::hours(1));
        let Some(receiver) = &self.vendors.receiver else { return Vec::new() };
        let headers = http::HeaderMap::new();
        let read = |body: &[u8]| {
            let request = RawRequest {
                method: &http::Method::POST,
                url: "https://keys.example.org/api/webhooks/source/t/tenant-0",
                topic: None,
                path_secret: Some(HOOK_SECRET),
                query: None,
                headers: &headers,
                body,
                peer: None,
                now,
            };
            receiver.receive(&request).ok()
        };
        hooks.iter().filter_map(|hook| read(hook.body.as_bytes())).collect()
    }

    pub(crate) fn set_mode(&mut self, tenant: usize, mode: HookMode, minutes: u32) {
        self.is_troubled(minutes);
        let until = self.hub.now() + Duration::minutes(i64::from(minutes));
        if let Some(slot) = self.modes.get_mut(tenant) {
            *slot = Some(Mode { mode, until });
        }
    }

    pub(crate) fn echo(&mut self, tenant: usize, which: usize) {
        let of_tenant: Vec<&Hook> = self.went_out.iter().filter(|hook| hook.tenant == tenant).collect();
        if let Some(hook) = of_tenant.get(which % of_tenant.len().max(1)) {
            let hook = Hook { at: self.hub.now(), tries: 0, ..(*hook).clone() };
            self.hooks.push(hook);
        }
    }

    pub(crate) fn crash(&mut self, host: usize, awaits: u32, side: crate::coverage::Side, down: u32) {
        if let Some(state) = self.hosts.get_mut(host) {
            state.down = Duration::seconds(i64::from(down));
            self.hub.doom(host, awaits, side);
        }
    }

    pub(crate) fn stall(&mut self, host: usize, seconds: u32) {
        self.is_troubled(seconds.div_ceil(60));
        let now = self.hub.now();
        let until = now + Duration::seconds(i64::from(seconds));
        if let Some(state) = self.hosts.get_mut(host) {
            state.stalled_until = Some(until);
            self.stalls.push((now, until));
        }
    }

    /// Whether the second of two calls may be what a host had begun before it stood still, and another host did in its
    /// stead.
    pub(crate) fn woke(&self, first: DateTime<Utc>, second: DateTime<Utc>) -> bool {
        let soon = Duration::minutes(1);
        self.stalls.iter().any(|(from, until)| *from <= first && *until <= second && second - *until < soon)
    }

    /// Whether a vendor left out what it was asked for between two messages.
    pub(crate) fn was_misled(&self, first: DateTime<Utc>, second: DateTime<Utc>) -> bool {
        self.left_out.iter().any(|at| (first..=second).contains(at))
    }

    /// Whether for so long no host has died, stood still or started, and no source or store was in trouble.
    pub(crate) fn is_settled(&self, long: Duration) -> bool {
        self.troubled.is_none_or(|at| self.hub.now() - at > long)
    }

    /// Whether one of several hosts may do what another one has begun: it stood still or waited for longer than its lease.
    pub(crate) fn may_act_twice(&self) -> bool {
        self.hosts.len() > 1 && !self.is_settled(Duration::minutes(10))
    }

    /// Something happened after which hosts need time.
    pub(crate) fn is_troubled(&mut self, for_minutes: u32) {
        let until = self.hub.now() + Duration::minutes(i64::from(for_minutes));
        self.troubled = self.troubled.max(Some(until));
    }

    /// A stay has new words.
    pub(crate) fn has_new_words(&mut self, number: usize) {
        let stay = &self.stays[number];
        let setup = &self.history.setup.tenants[stay.tenant];
        let policy = &self.policies[stay.tenant];
        if let Some(at) = stay.content().let_in(setup, policy, |keypad| self.vendors.rules(keypad)) {
            self.promises.arrives(number, at);
        }
    }

    /// Whether what a guest heard last is what their source says, and is listed on each door.
    pub(crate) fn knows_the_way(&self, number: usize) -> bool {
        let stay = &self.stays[number];
        let setup = &self.history.setup.tenants[stay.tenant];
        let reaches = |keypad: &usize| {
            let rules = self.vendors.rules(*keypad);
            let codes = self.vendors.in_cloud(*keypad);
            let mine = codes.iter().filter(|code| !code.leaving && self.stay_of(code) == Some(number));
            let typed: Vec<_> = mine.map(|code| rules.typed(&code.stored)).collect();
            stay.heard.iter().any(|heard| heard.typed(*keypad).is_some_and(|pin| typed.contains(pin)))
        };
        stay.content().doors(setup).iter().all(reaches)
    }

    pub(crate) fn event(&mut self, event: &Event) {
        let now = self.hub.now();
        if self.story.is_told() {
            let line = crate::story::event(self, event);
            self.story.line(now, || line);
        }
        crate::happen::event(self, event);
    }
}

/// The answer of a future that is ready at once.
pub(crate) fn now_or_never<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}
