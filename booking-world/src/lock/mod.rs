//! Locks whose rules are data.
//!
//! A [`ModelLocks`] is a vendor's account with any number of keypads, each described by a [`KeypadSpec`]: what its
//! [`DoorRules`] say, and what no rule says: a cloud in front of the device that syncs late or once a day, ghosts, an
//! app that bypasses the cloud. It tells what the *device* would do, which is the truth that promises are held
//! against, and what befalls it: [`offline`](ModelLocks::set_online), [an empty battery](ModelLocks::set_powered),
//! [a lost code](ModelLocks::lose), [a new lock](ModelLocks::renew), [staff](ModelLocks::staff_adds),
//! [guests](ModelLocks::types).
//!
//! Nothing here waits but in the [`Seam`], and nothing is drawn: the same calls at the same times give the same world.

mod keypad;
mod seam;
mod spec;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use booking_core::{
    Call, Clock, CodeSpec, Door, DoorCodes, DoorKey, DoorRules, FoundDoor, ListedCode, LockError,
    LockProvider, Marker, VendorCodeId, VendorError,
};
use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

pub use self::keypad::{By, CloudCode, DeviceChange, DeviceEvent, ModelCode, Opening, StaffCode};
pub use self::seam::{LockOp, NoSeam, Seam, Verdict};
pub use self::spec::{Digits, KeypadSpec, Sync, catalogue};

use self::keypad::Keypad;
use self::seam::{Course, Spoilt, no_answer};

/// A lock vendor's account whose keypads are described by data.
///
/// Tenants that share a door share the account: each sees the other's codes as anybody's.
///
/// ```
/// use std::sync::Arc;
/// use booking_core::conformance::ManualClock;
/// use booking_core::{DoorKey, Pin};
/// use booking_world::lock::{KeypadSpec, ModelLocks, NoSeam, StaffCode, Sync};
/// use chrono::{DateTime, Duration};
///
/// let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
/// let key = DoorKey { vendor: "model".into(), device: "1".into(), keypad: "".into() };
/// let spec = KeypadSpec { sync: Sync::After(600), ..KeypadSpec::default() };
/// let locks = ModelLocks::new(clock.clone(), Arc::new(NoSeam)).with_keypad(key.clone(), chrono_tz::UTC, spec);
///
/// let stored = Pin::parse("482109")?;
/// let code = StaffCode { stored, name: "Plumber".into(), note: String::new(), window: None };
/// locks.staff_adds(&key, code)?;
/// assert_eq!(locks.codes_in_cloud(&key).len(), 1);
/// assert!(!locks.would_open(&key, "482109", DateTime::UNIX_EPOCH));
/// clock.advance(Duration::minutes(10));
/// assert!(locks.would_open(&key, "482109", DateTime::UNIX_EPOCH));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ModelLocks {
    clock: Arc<dyn Clock>,
    seam: Arc<dyn Seam>,
    state: Mutex<State>,
}

struct State {
    keypads: BTreeMap<DoorKey, Keypad>,
    next_id: u64,
}

impl ModelLocks {
    /// An account without keypads.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, seam: Arc<dyn Seam>) -> Self {
        Self { clock, seam, state: Mutex::new(State { keypads: BTreeMap::new(), next_id: 1 }) }
    }

    /// The same with one more keypad, in the zone that its clock goes by.
    #[must_use]
    pub fn with_keypad(self, key: DoorKey, zone: Tz, spec: KeypadSpec) -> Self {
        self.add_keypad(key, zone, spec);
        self
    }

    /// Adds an empty keypad, in the place of one with this key.
    pub fn add_keypad(&self, key: DoorKey, zone: Tz, spec: KeypadSpec) {
        self.state().keypads.insert(key, Keypad::new(spec, zone));
    }

    /// Takes a keypad off the account; `false` where there was none.
    pub fn remove_keypad(&self, key: &DoorKey) -> bool {
        self.state().keypads.remove(key).is_some()
    }

    // The truth. Of a keypad that the account does not have, nothing is true.

    /// What typing these digits, prefix and all, does to what the device holds now, were its clock to show `at`.
    #[must_use]
    pub fn typing(&self, key: &DoorKey, typed: &str, at: DateTime<Utc>) -> Opening {
        self.on(key, |keypad, _| keypad.typing(typed, at)).unwrap_or(Opening::Shut)
    }

    /// Whether typing these digits would open the door.
    #[must_use]
    pub fn would_open(&self, key: &DoorKey, typed: &str, at: DateTime<Utc>) -> bool {
        matches!(self.typing(key, typed, at), Opening::Opened(_))
    }

    /// Whether this code would open the door, were the device to hold it and its clock to show `at`.
    #[must_use]
    pub fn works(&self, key: &DoorKey, code: &ModelCode, at: DateTime<Utc>) -> bool {
        self.on(key, |keypad, _| keypad.works(code, at)).unwrap_or(false)
    }

    /// The codes that the device holds.
    #[must_use]
    pub fn codes_on_device(&self, key: &DoorKey) -> Vec<Arc<ModelCode>> {
        self.on(key, |keypad, _| keypad.on_device().cloned().collect()).unwrap_or_default()
    }

    /// The codes that the cloud lists, or would list if it were asked.
    #[must_use]
    pub fn codes_in_cloud(&self, key: &DoorKey) -> Vec<CloudCode> {
        self.on(key, |keypad, _| keypad.in_cloud().to_vec()).unwrap_or_default()
    }

    /// Whether a call for this keypad would reach it: without a cloud only where its device can be reached.
    #[must_use]
    pub fn can_be_asked(&self, key: &DoorKey) -> bool {
        self.on(key, |keypad, _| keypad.can_be_asked()).unwrap_or_default()
    }

    /// What happened at the device since this was asked last, in order. Whoever never asks keeps it all in memory.
    #[must_use]
    pub fn take_history(&self, key: &DoorKey) -> Vec<DeviceEvent> {
        self.on(key, |keypad, _| keypad.take_history()).unwrap_or_default()
    }

    /// When the next change reaches a device by itself.
    #[must_use]
    pub fn next_sync(&self) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        let keypads = &mut self.state().keypads;
        keypads.values_mut().for_each(|keypad| keypad.catch_up(now));
        keypads.values().filter_map(Keypad::next_due).min()
    }

    /// How many changes are under way between cloud and device.
    #[must_use]
    pub fn under_way(&self, key: &DoorKey) -> usize {
        self.on(key, |keypad, _| keypad.under_way()).unwrap_or_default()
    }

    /// The keypad's description.
    #[must_use]
    pub fn spec(&self, key: &DoorKey) -> Option<KeypadSpec> {
        self.on(key, |keypad, _| keypad.spec.clone())
    }

    /// The account's keypads.
    #[must_use]
    pub fn keys(&self) -> Vec<DoorKey> {
        self.state().keypads.keys().cloned().collect()
    }

    // What befalls a keypad.

    /// Somebody types digits at the door, now.
    pub fn types(&self, key: &DoorKey, typed: &str) -> Opening {
        self.on(key, |keypad, now| keypad.types(typed, now)).unwrap_or(Opening::Shut)
    }

    /// The cloud loses sight of the device, or sees it again. Offline, the device opens by what it holds.
    pub fn set_online(&self, key: &DoorKey, online: bool) {
        self.on(key, |keypad, now| keypad.set_online(online, now));
    }

    /// The battery is empty, or was replaced. Codes outlive it.
    pub fn set_powered(&self, key: &DoorKey, powered: bool) {
        self.on(key, |keypad, now| keypad.set_powered(powered, now));
    }

    /// The device forgets a code, and the cloud learns it with the next sync; `false` where it did not hold it.
    pub fn lose(&self, key: &DoorKey, id: &VendorCodeId) -> bool {
        self.on(key, |keypad, now| keypad.lose(id, now)).unwrap_or(false)
    }

    /// The lock is replaced by an empty one with the same key; the cloud lists nothing either.
    pub fn renew(&self, key: &DoorKey) {
        self.on(key, |keypad, now| keypad.renew(now));
    }

    /// Staff enters a code in the vendor's app.
    ///
    /// # Errors
    ///
    /// What the app says: [`LockError::Full`], [`LockError::DuplicatePin`] or a refusal.
    pub fn staff_adds(&self, key: &DoorKey, code: StaffCode) -> Result<VendorCodeId, LockError> {
        let now = self.clock.now();
        let state = &mut *self.state();
        let keypad = state.keypads.get_mut(key).ok_or_else(no_such_keypad)?;
        keypad.catch_up(now);
        keypad.staff_adds(code, &mut state.next_id, now)
    }

    /// Staff changes a code in the vendor's app. Its id stays.
    ///
    /// # Errors
    ///
    /// What the app says, [`LockError::NoSuchCode`] where it does not show the code.
    pub fn staff_edits(
        &self,
        key: &DoorKey,
        id: &VendorCodeId,
        edit: impl FnOnce(&mut ModelCode),
    ) -> Result<(), LockError> {
        self.on(key, |keypad, now| keypad.staff_edits(id, edit, now)).unwrap_or_else(|| Err(no_such_keypad()))
    }

    /// Staff deletes a code in the vendor's app.
    ///
    /// # Errors
    ///
    /// What the app says, [`LockError::NoSuchCode`] where it does not show the code.
    pub fn staff_deletes(&self, key: &DoorKey, id: &VendorCodeId) -> Result<(), LockError> {
        self.on(key, |keypad, now| keypad.staff_deletes(id, now)).unwrap_or_else(|| Err(no_such_keypad()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a keypad, or lets something happen to it, once it is where it must be by now.
    fn on<T>(&self, key: &DoorKey, does: impl FnOnce(&mut Keypad, DateTime<Utc>) -> T) -> Option<T> {
        let now = self.clock.now();
        let state = &mut *self.state();
        let keypad = state.keypads.get_mut(key)?;
        keypad.catch_up(now);
        Some(does(keypad, now))
    }

    /// One call: the seam decides, the effect follows or not, the seam may end it once more.
    async fn call<T>(
        &self,
        call: Call,
        op: LockOp,
        key: Option<&DoorKey>,
        effect: impl FnOnce(&mut State, Spoilt, DateTime<Utc>) -> Result<T, LockError> + Send,
    ) -> Result<T, LockError>
    where
        T: Send,
    {
        let Course { before, after, spoilt, slow } = self.seam.enter(call, op, key).await.into();
        let mut result = match before {
            Some(error) => Err(error.into()),
            None => effect(&mut self.state(), spoilt, self.clock.now()),
        };
        if let Some(error) = after {
            result = Err(error.into());
        }
        if !slow.is_zero() {
            let slow = Duration::from_std(slow).ok();
            let answered = slow.and_then(|slow| self.clock.now().checked_add_signed(slow));
            let in_time = answered.filter(|at| *at <= call.deadline);
            self.clock.sleep_until(in_time.unwrap_or(call.deadline)).await;
            if in_time.is_none() {
                result = Err(no_answer().into());
            }
        }
        self.seam.leave(op, key).await;
        if op.writes() { result } else { result.map_err(of_read) }
    }
}

impl fmt::Debug for ModelLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelLocks").field("keypads", &self.state().keypads.len()).finish_non_exhaustive()
    }
}

impl State {
    fn keypad(&mut self, key: &DoorKey, now: DateTime<Utc>) -> Result<(&mut Keypad, &mut u64), LockError> {
        let keypad = self.keypads.get_mut(key).ok_or_else(no_such_keypad)?;
        keypad.catch_up(now);
        Ok((keypad, &mut self.next_id))
    }
}

fn no_such_keypad() -> LockError {
    VendorError::configuration("the account has no such keypad").into()
}

fn of_read(error: LockError) -> LockError {
    match error {
        LockError::Vendor(error) => error.of_read().into(),
        other => other,
    }
}

#[async_trait]
impl LockProvider for ModelLocks {
    fn rules(&self, door: &Door) -> DoorRules {
        match self.state().keypads.get(&door.key) {
            Some(keypad) => keypad.spec.rules(door),
            None => KeypadSpec::default().rules(door),
        }
    }

    async fn doors(&self, call: Call) -> Result<Vec<FoundDoor>, LockError> {
        self.call(call, LockOp::Doors, None, |state, spoilt, _| {
            let shown = match spoilt {
                Spoilt::Not | Spoilt::Stale(_) => state.keypads.len(),
                Spoilt::Empty => 0,
                // Without a word for incomplete, a list that breaks off is no list.
                Spoilt::Truncated => return Err(VendorError::unreadable("a list that breaks off").into()),
            };
            let found = |(key, keypad): (&DoorKey, &Keypad)| FoundDoor {
                key: key.clone(),
                name: format!("Keypad {}", key.device),
                zone: Some(keypad.zone.name().to_owned()),
            };
            Ok(state.keypads.iter().take(shown).map(found).collect())
        })
        .await
    }

    async fn codes(&self, call: Call, door: &Door) -> Result<DoorCodes, LockError> {
        self.call(call, LockOp::Codes, Some(&door.key), |state, spoilt, now| {
            let (keypad, _) = state.keypad(&door.key, now)?;
            keypad.list(door, spoilt, now)
        })
        .await
    }

    async fn create(&self, call: Call, door: &Door, code: &CodeSpec) -> Result<VendorCodeId, LockError> {
        self.call(call, LockOp::Create, Some(&door.key), |state, _, now| {
            let (keypad, next_id) = state.keypad(&door.key, now)?;
            keypad.create(door, code, next_id, now)
        })
        .await
    }

    async fn replace(
        &self,
        call: Call,
        door: &Door,
        id: &VendorCodeId,
        code: &CodeSpec,
    ) -> Result<(), LockError> {
        self.call(call, LockOp::Replace, Some(&door.key), |state, _, now| {
            state.keypad(&door.key, now)?.0.replace(door, id, code, now)
        })
        .await
    }

    async fn delete(&self, call: Call, door: &Door, id: &VendorCodeId) -> Result<(), LockError> {
        self.call(call, LockOp::Delete, Some(&door.key), |state, _, now| {
            state.keypad(&door.key, now)?.0.delete(id, By::Caller, now)
        })
        .await
    }

    async fn check(&self, call: Call) -> Result<(), VendorError> {
        let checked = self.call(call, LockOp::Check, None, |_, _, _| Ok(())).await;
        checked.map_err(|error| match error {
            LockError::Vendor(error) => error,
            other => VendorError::unreadable(other.to_string()).of_read(),
        })
    }

    fn shows(&self, door: &Door, listed: &ListedCode, wish: &CodeSpec) -> bool {
        let state = self.state();
        let Some(spec) = state.keypads.get(&door.key).map(|keypad| &keypad.spec) else { return false };
        let (start, end) = spec.times(&wish.window);
        listed.active
            && listed.stored.as_ref().is_none_or(|stored| *stored == wish.stored)
            && listed.start == Some(spec.listed_time(start, door.zone))
            && listed.end == Some(spec.listed_time(end, door.zone))
            && Marker::find_all(&listed.note) == Marker::find_all(&wish.note)
    }
}
