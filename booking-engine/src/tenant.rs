//! One customer of a host: what the configuration says, with the adapters built.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use booking_core::store::CodeRecord;
use booking_core::{
    BookingSource, CodeSpec, Door, DoorId, DoorKey, DoorRules, IntegrationName, ListedCode, Listing,
    LockProvider, Notifier, Proof, TenantSlug, UnitId, UnitRef,
};
use chrono::{Duration, NaiveTime};
use chrono_tz::Tz;

use crate::text::{ConfirmKey, Texts};

/// How much the engine may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    #[default]
    Full,
    /// Codes are created and changed, never deleted; what would be is reported.
    UpsertOnly,
    /// Nothing is written and nobody is told; differences are reported.
    Observe,
}

/// When a guest is told a proven code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// As soon as it is proven.
    WhenProven,
    /// Once it is proven, but not earlier than this long before access begins.
    BeforeArrival(Duration),
}

/// What happens to the codes of a stay that is cancelled while the guest is in the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelInHouse {
    /// They stay until check-out, and staff is alerted.
    Keep,
    /// They are removed at once.
    Remove,
}

/// What happens to a code that somebody changed in the vendor's app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drift {
    /// It gets back what the stay should have.
    #[default]
    Restore,
    /// The change stands until the booking itself changes; a guest hears of new digits.
    Adopt,
}

/// Where the digits of a stay's PIN come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinSource {
    /// They are drawn.
    #[default]
    Random,
    /// The last digits of the guest's phone number where the doors allow them and they are free; drawn otherwise.
    /// A guest knows them without a message, and so does whoever knows the number.
    Phone,
}

/// How many codes may be removed before their time without being asked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Brake {
    /// This share of those that are there,
    pub share: f64,
    /// but always this many,
    pub least: u32,
    /// in this time.
    pub per: Duration,
}

impl Brake {
    /// How many early removals it allows where so many codes live.
    #[must_use]
    pub fn allows(&self, live: u64) -> usize {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count"
        )]
        let share = (live as f64 * self.share.clamp(0.0, 1.0)).floor() as u64;
        usize::try_from(share.max(u64::from(self.least))).unwrap_or(usize::MAX)
    }
}

impl Default for Brake {
    fn default() -> Self {
        Self { share: 0.2, least: 3, per: Duration::hours(24) }
    }
}

/// What a tenant decides, or a unit for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// The proof needed before a guest is told; capped by what the provider can reach.
    pub proof: Proof,
    /// When a guest is told.
    pub tell: Tell,
    /// How long before check-in the code works already.
    pub buffer_before: Duration,
    /// How long after check-out the code still works.
    pub buffer_after: Duration,
    /// How long digits rest on a door before they are used again.
    pub quarantine: Duration,
    /// What a cancellation during the stay does.
    pub cancel_in_house: CancelInHouse,
    /// Raises the provider's own settle time.
    pub settle: Duration,
    /// How old a read of a door may be for a decision.
    pub door_read_max_age: Duration,
    /// How long before access begins missing proof is escalated to staff.
    pub escalate_before: Duration,
    /// How many complete reads after a "not found" must miss a booking before it counts as gone.
    pub absent_reads: u32,
    /// Whether guests are told codes that were adopted from an earlier system, which has told them already.
    pub tell_adopted: bool,
    /// Whether codes are written into the booking.
    pub write_back: bool,
    /// What happens to a code that somebody changed in the vendor's app.
    pub drift: Drift,
    /// Where the digits come from.
    pub pin: PinSource,
    /// How long before access begins a guest whose code is not proven gets a backup code, where a door has them.
    pub backup_before: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            proof: Proof::Listed,
            tell: Tell::WhenProven,
            buffer_before: Duration::zero(),
            buffer_after: Duration::zero(),
            quarantine: Duration::days(7),
            cancel_in_house: CancelInHouse::Keep,
            settle: Duration::minutes(5),
            door_read_max_age: Duration::minutes(10),
            escalate_before: Duration::hours(24),
            absent_reads: 2,
            tell_adopted: false,
            write_back: false,
            drift: Drift::Restore,
            pin: PinSource::Random,
            backup_before: Duration::hours(2),
        }
    }
}

/// By which notifiers guests are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestChannels {
    /// By each of them.
    All(Vec<IntegrationName>),
    /// By the first that works.
    First(Vec<IntegrationName>),
}

impl GuestChannels {
    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> &[IntegrationName] {
        match self {
            Self::All(names) | Self::First(names) => names,
        }
    }
}

/// What is let.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name in the configuration.
    pub id: UnitId,
    /// Its name for guests; `None` takes the source's.
    pub name: Option<String>,
    /// What each source calls it.
    pub sources: BTreeMap<IntegrationName, UnitRef>,
    /// Its zone.
    pub zone: Tz,
    /// The usual check-in time.
    pub check_in: NaiveTime,
    /// The usual check-out time.
    pub check_out: NaiveTime,
    /// The doors that a guest must pass, in order.
    pub doors: Vec<DoorId>,
    /// What holds here.
    pub policy: Policy,
    /// Whom guests may call, as told in messages.
    pub contact: Option<String>,
}

/// A door with its provider's view of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorSetup {
    /// Its name in the configuration.
    pub id: DoorId,
    /// Its name for guests; `None` takes the id.
    pub label: Option<String>,
    /// What guests press after the digits, where the keypad wants that.
    pub confirm: Option<ConfirmKey>,
    /// The lock account.
    pub lock: IntegrationName,
    /// What the provider is told.
    pub door: Door,
    /// How many backup codes are kept on it.
    pub backup_codes: u8,
}

/// A keypad as the engine reaches it: the one that a door has, or one that it had and that the ledger still knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The door.
    pub door: DoorId,
    /// The lock account.
    pub lock: IntegrationName,
    /// The keypad.
    pub key: DoorKey,
    /// The zone of the unit behind it.
    pub zone: Tz,
}

/// A notifier and, where it writes into a source's own thread, that source.
#[derive(Clone)]
pub struct NotifierSetup {
    /// The adapter.
    pub notifier: Arc<dyn Notifier>,
    /// The source whose bookings it can reach; `None` for all.
    pub source: Option<IntegrationName>,
}

impl fmt::Debug for NotifierSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifierSetup")
            .field("channel", &self.notifier.channel())
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// A tenant.
pub struct Tenant {
    /// Its name.
    pub slug: TenantSlug,
    /// How much the engine may do for it.
    pub mode: Mode,
    /// The language of guests whose own is not known.
    pub default_language: String,
    /// The country of phone numbers without a country code (ISO 3166); `None` takes none.
    pub default_region: Option<String>,
    /// Its booking systems.
    pub sources: BTreeMap<IntegrationName, Arc<dyn BookingSource>>,
    /// Its lock accounts.
    pub locks: BTreeMap<IntegrationName, Arc<dyn LockProvider>>,
    /// Its ways to tell people.
    pub notifiers: BTreeMap<IntegrationName, NotifierSetup>,
    /// What it lets.
    pub units: Vec<Unit>,
    /// Its doors.
    pub doors: BTreeMap<DoorId, DoorSetup>,
    /// How guests are told.
    pub guest: GuestChannels,
    /// How staff is told.
    pub staff: Vec<IntegrationName>,
    /// What holds where no unit says otherwise.
    pub policy: Policy,
    /// How often each source is read in full.
    pub full_read_every: Duration,
    /// How far ahead a full read looks.
    pub full_read_ahead: Duration,
    /// How often each door is read to find drift.
    pub door_read_every: Duration,
    /// How many codes may be removed early without being asked.
    pub brake: Brake,
    /// Keypads that are gone for good: what the ledger has on them is written off.
    pub retired: BTreeSet<DoorKey>,
    /// The texts.
    pub texts: Arc<Texts>,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("slug", &self.slug)
            .field("mode", &self.mode)
            .field("units", &self.units.len())
            .field("doors", &self.doors.len())
            .finish_non_exhaustive()
    }
}

impl Tenant {
    /// The unit that a source calls so.
    #[must_use]
    pub fn unit_of(&self, source: &IntegrationName, reference: &UnitRef) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.sources.get(source) == Some(reference))
    }

    /// The unit of this name.
    #[must_use]
    pub fn unit(&self, id: &UnitId) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.id == *id)
    }

    /// The keypad that a door has.
    #[must_use]
    pub fn place(&self, id: &DoorId) -> Option<Place> {
        let setup = self.doors.get(id)?;
        Some(Place {
            door: id.clone(),
            lock: setup.lock.clone(),
            key: setup.door.key.clone(),
            zone: setup.door.zone,
        })
    }

    /// The keypad that a code is on.
    #[must_use]
    pub fn place_of(&self, code: &CodeRecord) -> Place {
        match self.place(&code.door) {
            Some(place) if place.key == code.key => place,
            _ => Place {
                door: code.door.clone(),
                lock: code.lock.clone(),
                key: code.key.clone(),
                zone: code.window.zone(),
            },
        }
    }

    /// Whether a keypad is the one that its door has.
    #[must_use]
    pub fn is_present(&self, place: &Place) -> bool {
        self.doors.get(&place.door).is_some_and(|setup| setup.door.key == place.key)
    }

    /// What the provider is told of a keypad, and the provider; `None` without its lock account.
    #[must_use]
    pub fn at(&self, place: &Place) -> Option<(Door, &Arc<dyn LockProvider>)> {
        match self.doors.get(&place.door).filter(|setup| setup.door.key == place.key) {
            Some(setup) => Some((setup.door.clone(), self.locks.get(&setup.lock)?)),
            None => {
                let door =
                    Door { key: place.key.clone(), zone: place.zone, pin_prefix: None, pin_length: None };
                Some((door, self.locks.get(&place.lock)?))
            }
        }
    }

    /// A door and its provider.
    #[must_use]
    pub fn door(&self, id: &DoorId) -> Option<(&DoorSetup, &Arc<dyn LockProvider>)> {
        let setup = self.doors.get(id)?;
        Some((setup, self.locks.get(&setup.lock)?))
    }

    /// A door's rules.
    #[must_use]
    pub fn rules(&self, id: &DoorId) -> Option<DoorRules> {
        let (setup, lock) = self.door(id)?;
        Some(lock.rules(&setup.door))
    }

    /// A keypad's rules.
    #[must_use]
    pub fn rules_at(&self, place: &Place) -> Option<DoorRules> {
        let (door, lock) = self.at(place)?;
        Some(lock.rules(&door))
    }

    /// Whether a listed code is a ledger entry as it should be.
    pub(crate) fn shows(&self, code: &CodeRecord, listed: &ListedCode) -> bool {
        let (Some((door, lock)), Some(pins)) = (self.at(&self.place_of(code)), &code.pins) else {
            return false;
        };
        let spec = CodeSpec {
            stored: pins.stored.clone(),
            name: code.name.clone(),
            note: code.note.clone(),
            window: code.window.clone(),
        };
        lock.shows(&door, listed, &spec)
    }

    /// The proof that a door must have before the guest is told: what policy asks, capped by what its provider can
    /// reach.
    #[must_use]
    pub fn required(&self, id: &DoorId, policy: &Policy) -> Proof {
        let highest = self.rules(id).map_or(Proof::Listed, |rules| match rules.listing {
            Listing::Nothing => rules.highest_proof.min(Proof::Accepted),
            Listing::Codes | Listing::Masked => rules.highest_proof,
        });
        policy.proof.min(highest)
    }

    /// How long an accepted write on a keypad may stay unseen.
    #[must_use]
    pub fn settle(&self, place: &Place, policy: &Policy) -> Duration {
        let own = self
            .rules_at(place)
            .map_or(Duration::zero(), |rules| Duration::from_std(rules.settle).unwrap_or(Duration::zero()));
        policy.settle.max(own)
    }
}
