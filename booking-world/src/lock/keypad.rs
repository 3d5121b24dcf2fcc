//! One keypad: the cloud's list, what the device holds, and what is under way between them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use booking_core::{
    CodeSpec, Door, DoorCodes, Fault, ListedCode, Listing, LockError, Outcome, Pin, Proof, Retry,
    TimeSemantics, VendorCodeId, VendorError, Window, truncated,
};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::seam::Spoilt;
use super::spec::{KeypadSpec, Sync};

/// How many changes of the cloud's list a stale read can look past.
const REMEMBERED: usize = 64;

/// A code as the vendor keeps it. `Debug` leaves the name out.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelCode {
    /// The vendor's id.
    pub id: VendorCodeId,
    /// The stored digits.
    pub stored: Pin,
    /// The name in the vendor's app.
    pub name: String,
    /// Free text, where markers are.
    pub note: String,
    /// When it begins to work, on the clock that the device goes by: wall time, or UTC where its times are instants.
    pub start: Option<NaiveDateTime>,
    /// When it ends.
    pub end: Option<NaiveDateTime>,
    /// Whether it is switched on.
    pub active: bool,
}

impl ModelCode {
    fn works(&self, reading: NaiveDateTime) -> bool {
        self.active
            && self.start.is_none_or(|start| start <= reading)
            && self.end.is_none_or(|end| reading < end)
    }
}

impl fmt::Debug for ModelCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelCode")
            .field("id", &self.id)
            .field("markers", &booking_core::Marker::find_all(&self.note))
            .field("start", &self.start)
            .field("end", &self.end)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// A code that staff enters in the vendor's app. `Debug` leaves the name out.
#[derive(Clone, PartialEq, Eq)]
pub struct StaffCode {
    /// The stored digits.
    pub stored: Pin,
    /// Its name.
    pub name: String,
    /// Its note; a marker of ours in it makes it look like one of ours.
    pub note: String,
    /// When it opens; always, where there is none.
    pub window: Option<Window>,
}

impl fmt::Debug for StaffCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaffCode")
            .field("note", &self.note)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// A code in the cloud's list.
#[derive(Clone, Debug)]
pub struct CloudCode {
    /// The code as it was last written.
    pub code: Arc<ModelCode>,
    /// What the cloud knows of it.
    pub proof: Proof,
    /// Whether it was deleted and is listed until the device has dropped it.
    pub leaving: bool,
}

/// Who brought a change about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A caller of the provider.
    Caller,
    /// Staff, in the vendor's app.
    Staff,
    /// Nobody: chance, or a new lock.
    Chance,
}

/// What happened at a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceChange {
    /// It holds this code now, in place of that one where it held the same id before.
    Holds {
        /// The code.
        code: Arc<ModelCode>,
        /// What it held under this id.
        before: Option<Arc<ModelCode>>,
    },
    /// It holds this code no longer.
    Dropped(Arc<ModelCode>),
    /// Somebody opened the door with this code.
    Opened(Arc<ModelCode>),
    /// Somebody typed what is reserved beside a code.
    Alarmed,
    /// The cloud lost sight of it.
    Offline,
    /// The cloud sees it again.
    Online,
    /// The battery is empty; no code opens.
    PowerLost,
    /// It has power again.
    PowerBack,
}

/// One line of a device's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: By,
    /// What.
    pub what: DeviceChange,
}

/// What typing digits does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The door opens, by this code.
    Opened(Arc<ModelCode>),
    /// The door stays shut and somebody is called.
    Alarm,
    /// The door stays shut.
    Shut,
}

#[derive(Debug)]
struct OnDevice {
    code: Arc<ModelCode>,
    used: bool,
}

/// What passes between cloud and device with a sync.
#[derive(Debug)]
enum Sent {
    /// The device shall hold this.
    Put(Arc<ModelCode>),
    /// The device shall drop this.
    Drop(VendorCodeId),
    /// The cloud learns what the device holds under this id.
    Report(VendorCodeId),
}

impl Sent {
    fn id(&self) -> &VendorCodeId {
        match self {
            Self::Put(code) => &code.id,
            Self::Drop(id) | Self::Report(id) => id,
        }
    }
}

#[derive(Debug)]
struct Pending {
    due: DateTime<Utc>,
    sent: Sent,
    by: By,
}

/// What the cloud's list held under an id before a change of it.
#[derive(Debug)]
struct Earlier {
    at: DateTime<Utc>,
    id: VendorCodeId,
    was: Option<CloudCode>,
}

#[derive(Debug)]
pub(super) struct Keypad {
    pub(super) spec: KeypadSpec,
    pub(super) zone: Tz,
    cloud: Vec<CloudCode>,
    device: Vec<OnDevice>,
    /// In the order of their times: one keypad's lag never changes.
    pending: VecDeque<Pending>,
    online: bool,
    powered: bool,
    reachable_since: DateTime<Utc>,
    earlier: VecDeque<Earlier>,
    history: Vec<DeviceEvent>,
}

impl Keypad {
    pub(super) fn new(spec: KeypadSpec, zone: Tz) -> Self {
        Self {
            spec,
            zone,
            cloud: Vec::new(),
            device: Vec::new(),
            pending: VecDeque::new(),
            online: true,
            powered: true,
            reachable_since: DateTime::UNIX_EPOCH,
            earlier: VecDeque::new(),
            history: Vec::new(),
        }
    }

    // What the provider is asked.

    pub(super) fn list(
        &self,
        door: &Door,
        spoilt: Spoilt,
        now: DateTime<Utc>,
    ) -> Result<DoorCodes, LockError> {
        self.answers()?;
        if self.spec.listing == Listing::Nothing {
            return Err(refusal("the keypad lists nothing"));
        }
        let listed = |entry: &CloudCode| self.listed(entry, door.zone);
        let (complete, codes) = match spoilt {
            Spoilt::Not => (true, self.cloud.iter().map(listed).collect()),
            Spoilt::Empty => (true, Vec::new()),
            Spoilt::Truncated => (false, self.cloud.iter().take(self.cloud.len() / 2).map(listed).collect()),
            Spoilt::Stale(by) => {
                let since = Duration::from_std(by).ok().and_then(|by| now.checked_sub_signed(by));
                (true, self.cloud_at(since.unwrap_or(DateTime::UNIX_EPOCH)).iter().map(listed).collect())
            }
        };
        Ok(DoorCodes { complete, codes })
    }

    pub(super) fn create(
        &mut self,
        door: &Door,
        spec: &CodeSpec,
        next_id: &mut u64,
        now: DateTime<Utc>,
    ) -> Result<VendorCodeId, LockError> {
        self.answers()?;
        let again = self.written_before(&spec.note);
        let id = again.clone().map_or_else(|| code_id(*next_id), Ok)?;
        let code = self.made(id.clone(), door, spec, now)?;
        if again.is_none() {
            self.has_room(self.cloud.len())?;
            *next_id += 1;
        }
        self.write(Arc::new(code), By::Caller, now);
        Ok(id)
    }

    pub(super) fn replace(
        &mut self,
        door: &Door,
        id: &VendorCodeId,
        spec: &CodeSpec,
        now: DateTime<Utc>,
    ) -> Result<(), LockError> {
        self.answers()?;
        if !self.cloud.iter().any(|entry| entry.code.id == *id && !entry.leaving) {
            return Err(LockError::NoSuchCode);
        }
        let code = self.made(id.clone(), door, spec, now)?;
        self.write(Arc::new(code), By::Caller, now);
        Ok(())
    }

    pub(super) fn delete(&mut self, id: &VendorCodeId, by: By, now: DateTime<Utc>) -> Result<(), LockError> {
        self.answers()?;
        let entry = self.cloud.iter().find(|entry| entry.code.id == *id).ok_or(LockError::NoSuchCode)?;
        if entry.leaving {
            return Ok(());
        }
        let ghost = self.spec.ghosts.then(|| CloudCode { leaving: true, ..entry.clone() });
        self.set_cloud(id, ghost, now);
        self.send(Sent::Drop(id.clone()), by, now);
        Ok(())
    }

    /// Without a cloud, an absent device is an absent vendor.
    pub(super) fn can_be_asked(&self) -> bool {
        self.spec.sync != Sync::Direct || self.reachable()
    }

    fn answers(&self) -> Result<(), LockError> {
        if !self.can_be_asked() {
            let what = "the lock does not answer";
            return Err(VendorError::new(Fault::Network, Retry::Backoff, Outcome::NotApplied, what).into());
        }
        Ok(())
    }

    fn has_room(&self, taken: usize) -> Result<(), LockError> {
        match self.spec.capacity {
            Some(most) if taken >= most => Err(LockError::Full),
            _ => Ok(()),
        }
    }

    /// Who can never be asked must take the same wish twice for one.
    fn written_before(&self, note: &str) -> Option<VendorCodeId> {
        let unread = self.spec.listing == Listing::Nothing && !note.is_empty();
        let same = |entry: &&CloudCode| unread && !entry.leaving && entry.code.note == note;
        self.cloud.iter().find(same).map(|entry| entry.code.id.clone())
    }

    /// The code that a wish becomes, unless the rules forbid it. Nothing of a code before it is kept.
    fn made(
        &self,
        id: VendorCodeId,
        door: &Door,
        spec: &CodeSpec,
        now: DateTime<Utc>,
    ) -> Result<ModelCode, LockError> {
        let rules = self.spec.rules(door);
        if !rules.allow(&spec.stored) {
            return Err(refusal("the rules do not allow these digits"));
        }
        self.check_start(&rules.window(&spec.window), now)?;
        let name = truncated(&spec.name, rules.name_len);
        let others = self.cloud.iter().map(|entry| &*entry.code).filter(|code| code.id != id);
        self.check_others(others, &spec.stored, name)?;
        let (start, end) = self.spec.times(&spec.window);
        Ok(ModelCode {
            id,
            stored: spec.stored.clone(),
            name: name.to_owned(),
            note: spec.note.clone(),
            start: Some(start),
            end: Some(end),
            active: true,
        })
    }

    fn check_start(&self, window: &Window, now: DateTime<Utc>) -> Result<(), LockError> {
        let past = match self.spec.time {
            // Today began in the past whenever one asks.
            TimeSemantics::WholeLocalDays => window.start().date() < self.spec.reading(now, self.zone).date(),
            TimeSemantics::LocalWallTime | TimeSemantics::Instants => window.opens() < now,
        };
        if past && !self.spec.past_start {
            return Err(refusal("a start in the past"));
        }
        let ahead = self.spec.look_ahead_hours.map(|hours| Duration::hours(i64::from(hours)));
        if ahead.is_some_and(|ahead| window.opens() - now > ahead) {
            return Err(refusal("a start too far ahead"));
        }
        Ok(())
    }

    fn check_others<'a>(
        &self,
        others: impl Iterator<Item = &'a ModelCode>,
        stored: &Pin,
        name: &str,
    ) -> Result<(), LockError> {
        for other in others {
            let apart = apart(other.stored.expose(), stored.expose());
            let same = apart == Some(0) && !self.spec.same_pin_twice;
            if same || self.is_beside(apart) {
                return Err(LockError::DuplicatePin);
            }
            if self.spec.unique_names && other.name == name {
                return Err(refusal("the name is taken"));
            }
        }
        Ok(())
    }

    fn is_beside(&self, apart: Option<u64>) -> bool {
        apart.is_some_and(|apart| (1..=u64::from(self.spec.neighbours)).contains(&apart))
    }

    fn listed(&self, entry: &CloudCode, zone: Tz) -> ListedCode {
        let code = &*entry.code;
        let time = |time: Option<NaiveDateTime>| time.map(|time| self.spec.listed_time(time, zone));
        ListedCode {
            id: code.id.clone(),
            stored: (self.spec.listing == Listing::Codes).then(|| code.stored.clone()),
            name: code.name.clone(),
            note: code.note.clone(),
            start: time(code.start),
            end: time(code.end),
            active: code.active,
            // A code in a list is listed, however little its vendor's lists are worth.
            proof: entry.proof.min(self.spec.highest_proof).max(Proof::Listed),
        }
    }

    // The cloud's list.

    fn write(&mut self, code: Arc<ModelCode>, by: By, now: DateTime<Utc>) {
        let id = code.id.clone();
        let entry = CloudCode { code: Arc::clone(&code), proof: Proof::Listed, leaving: false };
        self.set_cloud(&id, Some(entry), now);
        self.send(Sent::Put(code), by, now);
    }

    fn set_cloud(&mut self, id: &VendorCodeId, entry: Option<CloudCode>, at: DateTime<Utc>) {
        let was = put_cloud(&mut self.cloud, id, entry);
        if self.earlier.len() == REMEMBERED {
            self.earlier.pop_front();
        }
        self.earlier.push_back(Earlier { at, id: id.clone(), was });
    }

    /// The list at an earlier time, or the earliest that is remembered.
    fn cloud_at(&self, at: DateTime<Utc>) -> Vec<CloudCode> {
        let mut cloud = self.cloud.clone();
        for earlier in self.earlier.iter().rev().take_while(|earlier| earlier.at > at) {
            put_cloud(&mut cloud, &earlier.id, earlier.was.clone());
        }
        cloud
    }

    // Between cloud and device.

    fn reachable(&self) -> bool {
        self.online && self.powered
    }

    fn send(&mut self, sent: Sent, by: By, now: DateTime<Utc>) {
        self.pending.push_back(Pending { due: self.spec.due(now), sent, by });
        self.catch_up(now);
    }

    /// Does what was due since somebody looked last, each at its own time.
    pub(super) fn catch_up(&mut self, now: DateTime<Utc>) {
        while self.next_due().is_some_and(|due| due <= now) {
            let Some(Pending { due, sent, by }) = self.pending.pop_front() else { return };
            let at = due.max(self.reachable_since);
            match sent {
                Sent::Put(code) => self.device_puts(code, by, at),
                Sent::Drop(id) => self.device_drops(&id, by, at),
                Sent::Report(id) => self.cloud_learns(&id, at),
            }
        }
    }

    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.pending.front().filter(|_| self.reachable()).map(|pending| pending.due)
    }

    pub(super) fn under_way(&self) -> usize {
        self.pending.len()
    }

    fn device_puts(&mut self, code: Arc<ModelCode>, by: By, at: DateTime<Utc>) {
        self.hold(Arc::clone(&code), by, at);
        // Acknowledged, unless it was written anew since.
        let entry = self.cloud.iter().find(|entry| Arc::ptr_eq(&entry.code, &code));
        if let Some(entry) = entry.filter(|entry| entry.proof < Proof::Confirmed) {
            let entry = CloudCode { proof: Proof::Confirmed, ..entry.clone() };
            self.set_cloud(&code.id, Some(entry), at);
        }
    }

    fn device_drops(&mut self, id: &VendorCodeId, by: By, at: DateTime<Utc>) {
        self.release(id, by, at);
        if self.cloud.iter().any(|entry| entry.code.id == *id && entry.leaving) {
            self.set_cloud(id, None, at);
        }
    }

    fn cloud_learns(&mut self, id: &VendorCodeId, at: DateTime<Utc>) {
        // What the cloud wants by now outweighs what it hears.
        if self.pending.iter().any(|pending| pending.sent.id() == id) {
            return;
        }
        let held = self.device.iter().find(|held| held.code.id == *id);
        let entry = held.map(|held| CloudCode {
            code: Arc::clone(&held.code),
            proof: if held.used { Proof::Used } else { Proof::Confirmed },
            leaving: false,
        });
        self.set_cloud(id, entry, at);
    }

    // The device.

    fn note(&mut self, at: DateTime<Utc>, by: By, what: DeviceChange) {
        self.history.push(DeviceEvent { at, by, what });
    }

    fn hold(&mut self, code: Arc<ModelCode>, by: By, at: DateTime<Utc>) {
        let held = OnDevice { code: Arc::clone(&code), used: false };
        let before = match self.device.iter_mut().find(|held| held.code.id == code.id) {
            Some(place) => Some(std::mem::replace(place, held).code),
            None => {
                self.device.push(held);
                None
            }
        };
        self.note(at, by, DeviceChange::Holds { code, before });
    }

    fn release(&mut self, id: &VendorCodeId, by: By, at: DateTime<Utc>) -> bool {
        let Some(index) = self.device.iter().position(|held| held.code.id == *id) else { return false };
        let held = self.device.remove(index);
        self.note(at, by, DeviceChange::Dropped(held.code));
        true
    }

    pub(super) fn typing(&self, typed: &str, at: DateTime<Utc>) -> Opening {
        let prefix = self.spec.prefix.as_deref().unwrap_or_default();
        let Some(digits) = typed.strip_prefix(prefix).filter(|_| self.powered) else { return Opening::Shut };
        let reading = self.spec.reading(at, self.zone);
        let mut opening = Opening::Shut;
        for code in self.device.iter().map(|held| &held.code).filter(|code| code.works(reading)) {
            let apart = apart(code.stored.expose(), digits);
            if self.is_beside(apart) {
                return Opening::Alarm;
            }
            if apart == Some(0) && opening == Opening::Shut {
                opening = Opening::Opened(Arc::clone(code));
            }
        }
        opening
    }

    pub(super) fn types(&mut self, typed: &str, now: DateTime<Utc>) -> Opening {
        let opening = self.typing(typed, now);
        match &opening {
            Opening::Opened(code) => {
                self.note(now, By::Chance, DeviceChange::Opened(Arc::clone(code)));
                self.log_use(&code.id, now);
            }
            Opening::Alarm => self.note(now, By::Chance, DeviceChange::Alarmed),
            Opening::Shut => {}
        }
        opening
    }

    fn log_use(&mut self, id: &VendorCodeId, now: DateTime<Utc>) {
        let held = self.device.iter_mut().find(|held| held.code.id == *id && !held.used);
        let Some(held) = held.filter(|_| self.spec.highest_proof == Proof::Used) else { return };
        held.used = true;
        self.send(Sent::Report(id.clone()), By::Chance, now);
    }

    // What befalls it.

    pub(super) fn set_online(&mut self, online: bool, now: DateTime<Utc>) {
        if std::mem::replace(&mut self.online, online) != online {
            let what = if online { DeviceChange::Online } else { DeviceChange::Offline };
            self.note(now, By::Chance, what);
            self.reached(now);
        }
    }

    pub(super) fn set_powered(&mut self, powered: bool, now: DateTime<Utc>) {
        if std::mem::replace(&mut self.powered, powered) != powered {
            let what = if powered { DeviceChange::PowerBack } else { DeviceChange::PowerLost };
            self.note(now, By::Chance, what);
            self.reached(now);
        }
    }

    fn reached(&mut self, now: DateTime<Utc>) {
        if self.reachable() {
            self.reachable_since = now;
            self.catch_up(now);
        }
    }

    /// The device forgets a code; the cloud hears of it with the next sync.
    pub(super) fn lose(&mut self, id: &VendorCodeId, now: DateTime<Utc>) -> bool {
        let lost = self.release(id, By::Chance, now);
        if lost {
            self.send(Sent::Report(id.clone()), By::Chance, now);
        }
        lost
    }

    /// A new lock in the old one's place: nothing of the old one is known to it or to the cloud.
    pub(super) fn renew(&mut self, now: DateTime<Utc>) {
        self.pending.clear();
        let gone: Vec<VendorCodeId> = self.device.iter().map(|held| held.code.id.clone()).collect();
        for id in gone {
            self.release(&id, By::Chance, now);
        }
        while let Some(entry) = self.cloud.last() {
            let id = entry.code.id.clone();
            self.set_cloud(&id, None, now);
        }
        self.set_powered(true, now);
    }

    // Staff with the vendor's app.

    pub(super) fn staff_adds(
        &mut self,
        code: StaffCode,
        next_id: &mut u64,
        now: DateTime<Utc>,
    ) -> Result<VendorCodeId, LockError> {
        let id = code_id(*next_id)?;
        let StaffCode { stored, name, note, window } = code;
        let (start, end) = window.map(|window| self.spec.times(&window)).unzip();
        let code = ModelCode { id: id.clone(), stored, name, note, start, end, active: true };
        self.has_room(if self.spec.app_at_door { self.device.len() } else { self.cloud.len() })?;
        self.staff_writes(code, now)?;
        *next_id += 1;
        Ok(id)
    }

    pub(super) fn staff_edits(
        &mut self,
        id: &VendorCodeId,
        edit: impl FnOnce(&mut ModelCode),
        now: DateTime<Utc>,
    ) -> Result<(), LockError> {
        let mut code = self.staff_sees(id).ok_or(LockError::NoSuchCode)?;
        edit(&mut code);
        code.id = id.clone();
        self.staff_writes(code, now)
    }

    pub(super) fn staff_deletes(&mut self, id: &VendorCodeId, now: DateTime<Utc>) -> Result<(), LockError> {
        if !self.spec.app_at_door {
            return self.delete(id, By::Staff, now);
        }
        if !self.release(id, By::Staff, now) {
            return Err(LockError::NoSuchCode);
        }
        self.send(Sent::Report(id.clone()), By::Staff, now);
        Ok(())
    }

    fn staff_sees(&self, id: &VendorCodeId) -> Option<ModelCode> {
        let code = if self.spec.app_at_door {
            self.device.iter().map(|held| &held.code).find(|code| code.id == *id)
        } else {
            self.cloud
                .iter()
                .filter(|entry| !entry.leaving)
                .map(|entry| &entry.code)
                .find(|code| code.id == *id)
        };
        code.map(|code| ModelCode::clone(code))
    }

    /// The app keeps staff from what the keypad cannot hold, and from nothing else.
    fn staff_writes(&mut self, code: ModelCode, now: DateTime<Utc>) -> Result<(), LockError> {
        let is_other = |other: &&ModelCode| other.id != code.id;
        if self.spec.app_at_door {
            let others = self.device.iter().map(|held| &*held.code).filter(is_other);
            self.check_others(others, &code.stored, &code.name)?;
            let id = code.id.clone();
            self.hold(Arc::new(code), By::Staff, now);
            self.send(Sent::Report(id), By::Staff, now);
        } else {
            self.answers()?;
            let others = self.cloud.iter().map(|entry| &*entry.code).filter(is_other);
            self.check_others(others, &code.stored, &code.name)?;
            self.write(Arc::new(code), By::Staff, now);
        }
        Ok(())
    }

    // What a world looks at.

    pub(super) fn on_device(&self) -> impl Iterator<Item = &Arc<ModelCode>> {
        self.device.iter().map(|held| &held.code)
    }

    pub(super) fn in_cloud(&self) -> &[CloudCode] {
        &self.cloud
    }

    pub(super) fn take_history(&mut self) -> Vec<DeviceEvent> {
        std::mem::take(&mut self.history)
    }

    pub(super) fn works(&self, code: &ModelCode, at: DateTime<Utc>) -> bool {
        self.powered && code.works(self.spec.reading(at, self.zone))
    }
}

/// Sets what a list holds under an id, and returns what it held.
fn put_cloud(cloud: &mut Vec<CloudCode>, id: &VendorCodeId, entry: Option<CloudCode>) -> Option<CloudCode> {
    let place = cloud.iter().position(|entry| entry.code.id == *id);
    match (place, entry) {
        (Some(index), Some(entry)) => Some(std::mem::replace(&mut cloud[index], entry)),
        (Some(index), None) => Some(cloud.remove(index)),
        (None, Some(entry)) => {
            cloud.push(entry);
            None
        }
        (None, None) => None,
    }
}

fn code_id(number: u64) -> Result<VendorCodeId, LockError> {
    VendorCodeId::parse(&number.to_string()).map_err(|_| refusal("no id is left"))
}

fn refusal(why: &'static str) -> LockError {
    VendorError::new(Fault::Request, Retry::Never, Outcome::NotApplied, why).into()
}

/// How far two codes are from each other, around the end too; `None` where their lengths differ.
fn apart(one: &str, other: &str) -> Option<u64> {
    if one == other {
        return Some(0);
    }
    if one.len() != other.len() {
        return None;
    }
    let all = 10_u64.checked_pow(u32::try_from(one.len()).ok()?)?;
    let apart = one.parse::<u64>().ok()?.abs_diff(other.parse().ok()?);
    Some(apart.min(all - apart))
}
