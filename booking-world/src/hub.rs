//! The middle of a world: its time, its chance, which host acts, what goes wrong, and what was done.
//!
//! Everything runs in one thread, and before a future of a host is polled the runner says whose it is. So one set of
//! wrappers serves all hosts: each await of store or vendor asks the hub whether this host dies here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::{Call, Clock, Fault, Outcome, Retry, Rng, VendorError};
use chrono::{DateTime, Duration, Utc};

use crate::chance::Chance;
use crate::coverage::{Coverage, Point, Side};
use crate::deed::Deed;
use crate::history::{Ops, Target, Trouble};
use crate::lock::Verdict;

/// How old what a vendor shows may be.
pub(crate) const OLDEST_ANSWER: Duration = Duration::hours(2);

/// The middle of a world.
pub struct Hub(Mutex<State>);

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("now", &self.state().now).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State {
    now: DateTime<Utc>,
    chance: Chance,
    /// Digits and ids have a stream of their own.
    digits: Chance,
    timers: BinaryHeap<Reverse<(DateTime<Utc>, u64)>>,
    sleepers: BTreeMap<u64, Waker>,
    next_timer: u64,
    current: usize,
    /// How many futures are under way: one alone need not yield.
    under_way: usize,
    hosts: Vec<Fate>,
    faults: Vec<Active>,
    /// When somebody was last told what had been.
    outdated: Vec<(Target, DateTime<Utc>)>,
    /// Who was put off last, and when.
    put_off: Vec<(Target, DateTime<Utc>)>,
    calm: bool,
    deeds: Vec<Deed>,
    coverage: Coverage,
}

/// What awaits a host.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    /// It dies after so many more awaits.
    countdown: Option<(u32, Side)>,
    dead: bool,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    target: Target,
    ops: Ops,
    trouble: Trouble,
    until: DateTime<Utc>,
}

impl Hub {
    /// A hub whose clock shows `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>, seed: u64, hosts: usize) -> Self {
        Self(Mutex::new(State {
            now,
            chance: Chance::new(seed ^ 0x5EED),
            digits: Chance::new(seed ^ 0xD161),
            timers: BinaryHeap::new(),
            sleepers: BTreeMap::new(),
            next_timer: 0,
            current: 0,
            under_way: 0,
            hosts: vec![Fate::default(); hosts],
            faults: Vec::new(),
            outdated: Vec::new(),
            put_off: Vec::new(),
            calm: false,
            deeds: Vec::new(),
            coverage: Coverage::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock and wakes whoever slept until then.
    pub(crate) fn set_now(&self, now: DateTime<Utc>) {
        let mut due = Vec::new();
        {
            let mut state = self.state();
            state.now = state.now.max(now);
            while let Some(Reverse((at, id))) = state.timers.peek().copied() {
                if at > state.now {
                    break;
                }
                state.timers.pop();
                due.extend(state.sleepers.remove(&id));
            }
        }
        due.into_iter().for_each(Waker::wake);
    }

    /// When the next sleeper wakes.
    pub(crate) fn next_timer(&self) -> Option<DateTime<Utc>> {
        self.state().timers.peek().map(|Reverse((at, _))| *at)
    }

    /// From now on a host acts, with so many futures under way in all.
    pub(crate) fn acts(&self, host: usize, under_way: usize) {
        let mut state = self.state();
        state.current = host;
        state.under_way = under_way;
    }

    /// The host that acts.
    pub(crate) fn current(&self) -> usize {
        self.state().current
    }

    /// Draws.
    pub(crate) fn chance<T>(&self, draw: impl FnOnce(&mut Chance) -> T) -> T {
        draw(&mut self.state().chance)
    }

    /// Writes down what was done.
    pub(crate) fn did(&self, deed: Deed) {
        let mut state = self.state();
        let step = deed.step();
        let now = state.now;
        if let Some(step) = step {
            let State { faults, coverage, .. } = &mut *state;
            coverage.step(step, faults.iter().filter(|fault| fault.until > now).map(|fault| fault.trouble));
        }
        state.deeds.push(deed);
    }

    /// What was done since this was asked last.
    pub(crate) fn take_deeds(&self) -> Vec<Deed> {
        let mut state = self.state();
        if state.deeds.is_empty() { Vec::new() } else { std::mem::take(&mut state.deeds) }
    }

    /// What was reached.
    pub(crate) fn take_coverage(&self) -> Coverage {
        std::mem::take(&mut self.state().coverage)
    }

    /// A host will die at its n-th await from now.
    pub(crate) fn doom(&self, host: usize, awaits: u32, side: Side) {
        if let Some(fate) = self.state().hosts.get_mut(host) {
            fate.countdown = Some((awaits, side));
        }
    }

    /// Whether a host has died.
    pub(crate) fn is_dead(&self, host: usize) -> bool {
        self.state().hosts.get(host).is_some_and(|fate| fate.dead)
    }

    /// A host lives from now on.
    pub(crate) fn revive(&self, host: usize) {
        if let Some(fate) = self.state().hosts.get_mut(host) {
            *fate = Fate::default();
        }
    }

    /// From now on something goes wrong.
    pub(crate) fn trouble(&self, target: Target, ops: Ops, trouble: Trouble, until: DateTime<Utc>) {
        self.state().faults.push(Active { target, ops, trouble, until });
    }

    /// Whether calls there may show now what was.
    pub(crate) fn is_outdated(&self, target: Target) -> bool {
        let state = self.state();
        let stale = |fault: &Active| fault.trouble == Trouble::Stale && fault.until > state.now;
        // What was told a moment ago is still being worked on.
        let just_told = |at: DateTime<Utc>| state.now - at < Duration::minutes(2);
        state.faults.iter().any(|fault| fault.target == target && stale(fault))
            || state.outdated.iter().any(|(told, at)| *told == target && just_told(*at))
    }

    /// Whether calls there are put off, or were until a moment ago.
    pub(crate) fn is_put_off(&self, target: Target, lately: Duration) -> bool {
        let state = self.state();
        let limited = |fault: &Active| fault.trouble == Trouble::RateLimited && fault.until > state.now;
        state.faults.iter().any(|fault| fault.target.hits(target) && limited(fault))
            || state.put_off.iter().any(|(told, at)| *told == target && state.now - *at < lately)
    }

    /// No faults and no deaths any more.
    pub(crate) fn calm(&self) {
        let mut state = self.state();
        state.calm = true;
        state.faults.clear();
        state.hosts.iter_mut().for_each(|fate| fate.countdown = None);
    }

    /// One side of an await: whether the host that acts dies here. What is dead stays still for ever.
    pub(crate) async fn side(&self, point: Point, side: Side) {
        if self.dies(point, side) {
            pending::<()>().await;
        }
    }

    fn dies(&self, point: Point, side: Side) -> bool {
        let mut state = self.state();
        let host = state.current;
        let Some(fate) = state.hosts.get_mut(host) else { return false };
        if fate.dead {
            return true;
        }
        let Some((left, wanted)) = &mut fate.countdown else { return false };
        if *wanted != side {
            return false;
        }
        if *left > 0 {
            *left -= 1;
            return false;
        }
        fate.countdown = None;
        fate.dead = true;
        state.coverage.crash(point, side);
        true
    }

    /// Lets others go first, where there are any.
    pub(crate) async fn give_way(&self) {
        if self.state().under_way <= 1 {
            return;
        }
        let mut yielded = false;
        poll_fn(|context| {
            if yielded {
                return Poll::Ready(());
            }
            yielded = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// What becomes of a call, by the faults in force.
    fn struck(&self, target: Target, op: Point) -> Option<Trouble> {
        let mut state = self.state();
        let now = state.now;
        if state.faults.is_empty() {
            return None;
        }
        state.faults.retain(|fault| fault.until > now);
        let State { faults, chance, coverage, outdated, put_off, .. } = &mut *state;
        let fault = faults.iter().find(|fault| fault.target.hits(target) && fault.ops.hit(op))?;
        let strikes = chance.percent(if fault.trouble.is_lasting() { 100 } else { 70 });
        if strikes {
            coverage.fault(fault.trouble, op);
        }
        let remembered = match fault.trouble {
            Trouble::Stale => Some(outdated),
            Trouble::RateLimited => Some(put_off),
            _ => None,
        };
        if let Some(told) = remembered.filter(|_| strikes) {
            told.retain(|(other, _)| *other != target);
            told.push((target, now));
        }
        strikes.then_some(fault.trouble)
    }

    /// The way into a vendor: time passes, and the verdict falls.
    pub(crate) async fn enter(&self, call: Call, target: Target, op: Point) -> Verdict {
        self.side(op, Side::Before).await;
        let trouble = self.struck(target, op);
        let (wait, verdict) = self.chance(|chance| verdict(trouble, chance));
        let now = self.now();
        // An answer that does not come in time is one that does not come.
        let patience = (call.deadline - now - Duration::seconds(1)).max(Duration::zero());
        if wait > patience {
            self.sleep_until(now + patience).await;
            return Verdict::TimeoutBefore;
        }
        self.sleep_until(now + wait).await;
        verdict
    }

    /// The way back.
    pub(crate) async fn leave(&self, op: Point) {
        self.side(op, Side::After).await;
    }

    /// The way into the store; an error where it is down, with the word whether it does its work all the same.
    pub(crate) async fn enter_store(&self, op: Point) -> Result<(), bool> {
        self.side(op, Side::Before).await;
        self.give_way().await;
        match self.struck(Target::Store, op) {
            None | Some(Trouble::Slow) => Ok(()),
            Some(Trouble::TimeoutAfter | Trouble::NonsenseAfter) => Err(true),
            Some(_) => Err(false),
        }
    }
}

fn verdict(trouble: Option<Trouble>, chance: &mut Chance) -> (Duration, Verdict) {
    let usual = Duration::milliseconds(chance.between(40, 900));
    let secs = |seconds: i64| StdDuration::from_secs(seconds.unsigned_abs());
    let Some(trouble) = trouble else { return (usual, Verdict::Go) };
    match trouble {
        Trouble::Refused => {
            let detail = "the vendor failed: status 500";
            let error = VendorError::new(Fault::Vendor, Retry::Backoff, Outcome::NotApplied, detail);
            (usual, Verdict::Refuse(error))
        }
        Trouble::Credentials => {
            let detail = "the vendor refused who we are: status 401";
            let error = VendorError::new(Fault::Credentials, Retry::Never, Outcome::NotApplied, detail);
            (usual, Verdict::Refuse(error))
        }
        Trouble::Slow => (Duration::seconds(chance.between(5, 70)), Verdict::Go),
        Trouble::TimeoutBefore => (Duration::seconds(30), Verdict::TimeoutBefore),
        Trouble::TimeoutAfter => (usual, Verdict::TimeoutAfter),
        Trouble::Nonsense => (usual, Verdict::Nonsense { applied: false }),
        Trouble::NonsenseAfter => (usual, Verdict::Nonsense { applied: true }),
        Trouble::Stale => (usual, Verdict::Stale(secs(chance.between(30, OLDEST_ANSWER.num_seconds())))),
        Trouble::EmptyList => (usual, Verdict::EmptyList),
        Trouble::TruncatedList => (usual, Verdict::TruncatedList),
        Trouble::RateLimited => (usual, Verdict::RateLimited(secs(chance.between(30, 600)))),
    }
}

/// A sleep of a world's clock.
struct Nap<'a> {
    hub: &'a Hub,
    until: DateTime<Utc>,
    timer: Option<u64>,
}

impl Future for Nap<'_> {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<()> {
        let mut state = self.hub.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        if self.timer.is_none() {
            state.next_timer += 1;
            let id = state.next_timer;
            state.timers.push(Reverse((self.until, id)));
            state.sleepers.insert(id, context.waker().clone());
            drop(state);
            self.timer = Some(id);
        }
        Poll::Pending
    }
}

#[async_trait]
impl Clock for Hub {
    fn now(&self) -> DateTime<Utc> {
        self.state().now
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        Nap { hub: self, until: at, timer: None }.await;
    }
}

impl Rng for Hub {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state();
        for chunk in bytes.chunks_mut(8) {
            let word = state.digits.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
