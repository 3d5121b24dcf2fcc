//! A lock vendor's account in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::trouble::{Planted, Troubles, refused};
use crate::error::{Fault, Outcome, Retry, VendorError};
use crate::id::{DoorKey, VendorCodeId};
use crate::lock::{
    CodeSpec, Door, DoorCodes, DoorRules, FoundDoor, ListedCode, Listing, LockError, LockProvider, Proof,
    TimeSemantics, truncated,
};
use crate::secret::Pin;
use crate::world::{Call, Clock};

/// A [`LockProvider`] whose keypads obey the [`DoorRules`] that a test gives them.
///
/// It refuses what the rules forbid (length, digits, past starts, parts of days, windows too far ahead, the same digits
/// or a name twice, reserved neighbours, a full keypad), keeps names as long as the rules say, lists what they let it
/// list, reads times as wall time at the lock, ignores deadlines, and tells
/// [whether a PIN would open a door](Self::opens). Writes can be made to show [late](Self::set_lag) or to reach the
/// device [late or never](Self::set_device_lag), PINs to be [masked](Self::mask_pins), lists to be
/// [incomplete](Self::set_incomplete), calls to be [rationed](Self::set_ration); what else shall go wrong is
/// [planted](Self::plant).
///
/// ```
/// use std::sync::Arc;
/// use booking_core::conformance::{ManualClock, MemoryLock};
/// use booking_core::{DoorKey, DoorRules};
///
/// let clock = Arc::new(ManualClock::new(chrono::DateTime::UNIX_EPOCH));
/// let mut rules = DoorRules::new(6);
/// rules.capacity = Some(2);
/// let key = DoorKey { vendor: "memory".into(), device: "1".into(), keypad: "".into() };
/// let lock = MemoryLock::new(clock).with_door(key.clone(), chrono_tz::Europe::Warsaw, rules);
/// assert!(lock.codes_on(&key).is_empty());
/// ```
pub struct MemoryLock {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    keypads: BTreeMap<DoorKey, Keypad>,
    next_id: u64,
    lag: Duration,
    /// How long the device takes to have what the cloud took; `None` while it cannot be reached.
    device_lag: Option<Duration>,
    masked: bool,
    incomplete: bool,
    refuses: bool,
    troubles: Troubles,
    writes: usize,
    reads: usize,
    ration: Option<Ration>,
}

/// So many calls in this time, and not one more.
struct Ration {
    most: usize,
    within: Duration,
    calls: Vec<DateTime<Utc>>,
    refused: usize,
}

impl Ration {
    fn take(&mut self, now: DateTime<Utc>) -> Result<(), VendorError> {
        self.calls.retain(|at| *at + self.within > now);
        if self.calls.len() < self.most {
            self.calls.push(now);
            return Ok(());
        }
        self.refused += 1;
        let free = self.calls.first().map_or(self.within, |oldest| *oldest + self.within - now);
        let wait = free.to_std().unwrap_or_default();
        Err(VendorError::new(
            Fault::Vendor,
            Retry::After(wait),
            Outcome::NotApplied,
            "asked too often: status 429",
        ))
    }
}

struct Keypad {
    zone: Tz,
    rules: DoorRules,
    codes: BTreeMap<VendorCodeId, ListedCode>,
    /// When each code was last written.
    written: BTreeMap<VendorCodeId, DateTime<Utc>>,
    /// What the codes were before each write that still matters to a lagging read, oldest first.
    before: Vec<(DateTime<Utc>, BTreeMap<VendorCodeId, ListedCode>)>,
}

impl Keypad {
    fn seen(&self, now: DateTime<Utc>, lag: Duration) -> &BTreeMap<VendorCodeId, ListedCode> {
        // The state before the first write that is too young to be seen.
        self.before.iter().find(|(at, _)| *at + lag > now).map_or(&self.codes, |(_, codes)| codes)
    }

    fn keep(&mut self, code: ListedCode, now: DateTime<Utc>) {
        self.written.insert(code.id.clone(), now);
        self.codes.insert(code.id.clone(), code);
    }

    /// Where nothing can be read, a code of the same note is the same one sent again.
    fn again(&self, spec: &CodeSpec) -> Option<VendorCodeId> {
        let blind = self.rules.listing == Listing::Nothing;
        self.codes.values().find(|code| blind && code.note == spec.note).map(|code| code.id.clone())
    }

    fn is_on_device(&self, id: &VendorCodeId, now: DateTime<Utc>, lag: Option<Duration>) -> bool {
        self.written.get(id).is_none_or(|written| lag.is_some_and(|lag| *written + lag <= now))
    }

    fn remember(&mut self, now: DateTime<Utc>, lag: Duration) {
        self.before.retain(|(at, _)| *at + lag > now);
        if lag > Duration::zero() {
            self.before.push((now, self.codes.clone()));
        }
    }
}

impl MemoryLock {
    /// An account without doors.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::new(State {
                keypads: BTreeMap::new(),
                next_id: 700_000,
                lag: Duration::zero(),
                device_lag: Some(Duration::zero()),
                masked: false,
                incomplete: false,
                refuses: false,
                troubles: Troubles::default(),
                writes: 0,
                reads: 0,
                ration: None,
            }),
        }
    }

    /// The same with one more door.
    #[must_use]
    pub fn with_door(self, key: DoorKey, zone: Tz, rules: DoorRules) -> Self {
        let keypad =
            Keypad { zone, rules, codes: BTreeMap::new(), written: BTreeMap::new(), before: Vec::new() };
        self.state().keypads.insert(key, keypad);
        self
    }

    /// Lets devices have, and tell that they have, what was written only after this long; with `None` never, since
    /// they cannot be reached. Where the rules know no proof above the listing, only the door shows it.
    pub fn set_device_lag(&self, lag: Option<Duration>) {
        let now = self.clock.now();
        let state = &mut *self.state();
        for keypad in state.keypads.values_mut() {
            // What a device has stays there when it can no longer be reached.
            let there: Vec<_> = keypad
                .codes
                .keys()
                .filter(|id| keypad.is_on_device(id, now, state.device_lag))
                .cloned()
                .collect();
            keypad.written.retain(|id, _| !there.contains(id));
        }
        state.device_lag = lag;
    }

    /// Lets a keypad's device lose its codes, which the cloud still lists and sends there again.
    pub fn forget_on_device(&self, key: &DoorKey) {
        let now = self.clock.now();
        if let Some(keypad) = self.state().keypads.get_mut(key) {
            keypad.written = keypad.codes.keys().map(|id| (id.clone(), now)).collect();
        }
    }

    /// Takes so many calls in this time from now on, and refuses the others.
    pub fn set_ration(&self, most: usize, within: Duration) {
        self.state().ration = Some(Ration { most, within, calls: Vec::new(), refused: 0 });
    }

    /// How many calls came above the ration.
    #[must_use]
    pub fn refused_by_ration(&self) -> usize {
        self.state().ration.as_ref().map_or(0, |ration| ration.refused)
    }

    /// Lets reads, and the door itself, show a write only after this long.
    pub fn set_lag(&self, lag: Duration) {
        self.state().lag = lag;
    }

    /// Hides the digits in lists from now on, or shows them again.
    pub fn mask_pins(&self, mask: bool) {
        self.state().masked = mask;
    }

    /// Lets lists show only the first half and say so, or everything again.
    pub fn set_incomplete(&self, incomplete: bool) {
        self.state().incomplete = incomplete;
    }

    /// Refuses everybody from now on, or takes everybody again.
    pub fn refuse_credentials(&self, refuse: bool) {
        self.state().refuses = refuse;
    }

    /// Adds a trouble.
    pub fn plant(&self, planted: Planted) {
        self.state().troubles.plant(planted);
    }

    /// Ends all trouble.
    pub fn mend(&self) {
        self.state().troubles.mend();
    }

    /// What is on a keypad in truth, whatever a read would show.
    #[must_use]
    pub fn codes_on(&self, key: &DoorKey) -> Vec<ListedCode> {
        self.state()
            .keypads
            .get(key)
            .map(|keypad| keypad.codes.values().cloned().collect())
            .unwrap_or_default()
    }

    /// Puts or changes a code as a person with the vendor's app would: no rule stands in the way. `false` when there
    /// is no such door.
    pub fn put(&self, key: &DoorKey, code: ListedCode) -> bool {
        let state = &mut *self.state();
        // Somebody stands at the door: the device has it.
        let put = |keypad: &mut Keypad| {
            keypad.written.remove(&code.id);
            keypad.codes.insert(code.id.clone(), code);
        };
        state.keypads.get_mut(key).map(put).is_some()
    }

    /// Takes a code off a keypad behind everybody's back; `false` when it was not there.
    pub fn remove(&self, key: &DoorKey, id: &VendorCodeId) -> bool {
        self.state().keypads.get_mut(key).is_some_and(|keypad| keypad.codes.remove(id).is_some())
    }

    /// Whether typing these digits opens the door at this time.
    #[must_use]
    pub fn opens(&self, key: &DoorKey, typed: &Pin, at: DateTime<Utc>) -> bool {
        let state = self.state();
        let Some(keypad) = state.keypads.get(key) else { return false };
        let local = at.with_timezone(&keypad.zone).naive_local();
        keypad.seen(at, state.lag).values().any(|code| {
            keypad.is_on_device(&code.id, at, state.device_lag)
                && code.active
                && code.stored.as_ref().is_some_and(|stored| keypad.rules.typed(stored) == *typed)
                && code.start.is_none_or(|start| start <= local)
                && code.end.is_none_or(|end| local < end)
        })
    }

    /// How many writes came, failed ones included.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// How many lists were asked for, failed ones included.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.state().reads
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One write: what every write begins with, then the effect, then the answer or its loss.
    fn write<T>(
        &self,
        door: &Door,
        effect: impl FnOnce(&mut Keypad, &mut u64, DateTime<Utc>) -> Result<T, LockError>,
    ) -> Result<T, LockError> {
        let now = self.clock.now();
        let state = &mut *self.state();
        state.writes += 1;
        if state.refuses {
            return Err(refused().into());
        }
        if let Some(ration) = &mut state.ration {
            ration.take(now)?;
        }
        let lost = state.troubles.write(Some(&door.key))?;
        let keypad = state.keypads.get_mut(&door.key).ok_or_else(no_such_door)?;
        let before = keypad.codes.clone();
        let written = effect(keypad, &mut state.next_id, now)?;
        let after = std::mem::replace(&mut keypad.codes, before);
        keypad.remember(now, state.lag);
        keypad.codes = after;
        match lost {
            Some(error) => Err(error.into()),
            None => Ok(written),
        }
    }
}

impl fmt::Debug for MemoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLock").field("doors", &self.state().keypads.len()).finish_non_exhaustive()
    }
}

fn no_such_door() -> LockError {
    VendorError::configuration("the account has no such door").into()
}

fn refusal(why: &'static str) -> LockError {
    VendorError::new(Fault::Request, Retry::Never, Outcome::NotApplied, why).into()
}

fn rules_for(keypad: &Keypad, door: &Door) -> DoorRules {
    let mut rules = keypad.rules.clone();
    rules.stored_len = door.pin_length.unwrap_or(rules.stored_len);
    rules.prefix = door.pin_prefix.clone().or(rules.prefix);
    rules
}

/// The code that a wish becomes, unless the rules forbid it.
fn made(
    keypad: &Keypad,
    door: &Door,
    id: VendorCodeId,
    spec: &CodeSpec,
    now: DateTime<Utc>,
) -> Result<ListedCode, LockError> {
    let rules = rules_for(keypad, door);
    if !rules.allow(&spec.stored) {
        return Err(refusal("the rules do not allow these digits"));
    }
    if !rules.past_start && spec.window.opens() < now {
        return Err(refusal("a start in the past"));
    }
    if rules.time == TimeSemantics::WholeLocalDays && spec.window.whole_days() != spec.window {
        return Err(refusal("the keypad knows whole days only"));
    }
    let ahead = rules.look_ahead.and_then(|ahead| Duration::from_std(ahead).ok());
    if ahead.is_some_and(|ahead| spec.window.opens() > now + ahead) {
        return Err(refusal("a start too far ahead"));
    }
    let mut others = keypad.codes.values().filter(|code| code.id != id);
    if rules.unique_names && others.clone().any(|code| code.name == truncated(&spec.name, rules.name_len)) {
        return Err(refusal("the keypad has this name already"));
    }
    let reserved = rules.reserved(&spec.stored);
    let twin = |stored: &Pin| (!rules.same_pin_twice && *stored == spec.stored) || reserved.contains(stored);
    if others.any(|code| code.stored.as_ref().is_some_and(twin)) {
        return Err(LockError::DuplicatePin);
    }
    let (start, end) = spec.window.wall();
    Ok(ListedCode {
        id,
        stored: Some(spec.stored.clone()),
        name: truncated(&spec.name, rules.name_len).to_owned(),
        note: spec.note.clone(),
        start: Some(start),
        end: Some(end),
        active: true,
        proof: Proof::Listed,
    })
}

#[async_trait]
impl LockProvider for MemoryLock {
    fn rules(&self, door: &Door) -> DoorRules {
        match self.state().keypads.get(&door.key) {
            Some(keypad) => rules_for(keypad, door),
            None => DoorRules::new(door.pin_length.unwrap_or(4)),
        }
    }

    async fn doors(&self, call: Call) -> Result<Vec<FoundDoor>, LockError> {
        self.check(call).await?;
        let found = |(key, keypad): (&DoorKey, &Keypad)| FoundDoor {
            key: key.clone(),
            name: format!("Keypad {}", key.device),
            zone: Some(keypad.zone.name().to_owned()),
        };
        Ok(self.state().keypads.iter().map(found).collect())
    }

    async fn codes(&self, _call: Call, door: &Door) -> Result<DoorCodes, LockError> {
        let now = self.clock.now();
        let state = &mut *self.state();
        state.reads += 1;
        if state.refuses {
            return Err(refused().into());
        }
        if let Some(ration) = &mut state.ration {
            ration.take(now)?;
        }
        state.troubles.read(Some(&door.key))?;
        let keypad = state.keypads.get(&door.key).ok_or_else(no_such_door)?;
        if keypad.rules.listing == Listing::Nothing {
            return Err(VendorError::configuration("the keypad can only be written").into());
        }
        let seen = keypad.seen(now, state.lag);
        let shown = if state.incomplete { seen.len() / 2 } else { seen.len() };
        let mut codes: Vec<ListedCode> = seen.values().take(shown).cloned().collect();
        for code in &mut codes {
            if keypad.rules.highest_proof > Proof::Listed
                && keypad.is_on_device(&code.id, now, state.device_lag)
            {
                code.proof = code.proof.max(Proof::Confirmed.min(keypad.rules.highest_proof));
            }
            if state.masked || keypad.rules.listing == Listing::Masked {
                code.stored = None;
            }
        }
        Ok(DoorCodes { complete: !state.incomplete, codes })
    }

    async fn create(&self, _call: Call, door: &Door, code: &CodeSpec) -> Result<VendorCodeId, LockError> {
        self.write(door, |keypad, next_id, now| {
            let id = match keypad.again(code) {
                Some(known) => known,
                None => VendorCodeId::parse(&next_id.to_string()).map_err(|_| refusal("no id left"))?,
            };
            let made = made(keypad, door, id.clone(), code, now)?;
            if keypad.codes.contains_key(&id) {
                keypad.keep(made, now);
                return Ok(id);
            }
            if keypad.rules.capacity.is_some_and(|most| keypad.codes.len() >= most) {
                return Err(LockError::Full);
            }
            *next_id += 1;
            keypad.keep(made, now);
            Ok(id)
        })
    }

    async fn replace(
        &self,
        _call: Call,
        door: &Door,
        id: &VendorCodeId,
        code: &CodeSpec,
    ) -> Result<(), LockError> {
        self.write(door, |keypad, _, now| {
            if !keypad.codes.contains_key(id) {
                return Err(LockError::NoSuchCode);
            }
            let made = made(keypad, door, id.clone(), code, now)?;
            keypad.keep(made, now);
            Ok(())
        })
    }

    async fn delete(&self, _call: Call, door: &Door, id: &VendorCodeId) -> Result<(), LockError> {
        self.write(door, |keypad, _, _| keypad.codes.remove(id).map(drop).ok_or(LockError::NoSuchCode))
    }

    async fn check(&self, _call: Call) -> Result<(), VendorError> {
        let mut state = self.state();
        if state.refuses {
            return Err(refused());
        }
        state.troubles.read(None)
    }
}
