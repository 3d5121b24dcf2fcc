//! A history is data: a small world, and what happens to it and when.

use booking_core::Proof;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::coverage::{Point, Side};

/// All that decides how a world goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// From it come poll order, latencies, digits.
    pub seed: u64,
    /// The world.
    pub setup: Setup,
    /// What happens, in order of time.
    pub events: Vec<Timed>,
}

impl History {
    /// How many stays are booked in it.
    #[must_use]
    pub fn stays(&self) -> usize {
        self.events.iter().filter(|timed| matches!(timed.event, Event::Book(_))).count()
    }

    /// How many seconds after its beginning the last thing happens.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.events.iter().map(|timed| timed.at).max().unwrap_or(0)
    }
}

/// A world before anything happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// When it begins.
    pub begins: DateTime<Utc>,
    /// How many hosts share the work.
    pub hosts: usize,
    /// All keypads; units name them by number, and several may name one.
    pub keypads: Vec<KeypadSetup>,
    /// The tenants.
    pub tenants: Vec<TenantSetup>,
}

/// A keypad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeypadSetup {
    /// Its name in [`crate::lock::catalogue`], or [`THE_KEYS`].
    pub spec: String,
    /// The zone of its clock.
    pub zone: Tz,
}

/// The name of a keypad that the simulator of The Keys plays.
pub const THE_KEYS: &str = "the-keys";

impl KeypadSetup {
    /// Whether the simulator plays it.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.spec == THE_KEYS
    }
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantSetup {
    /// The zone of its units.
    pub zone: Tz,
    /// Its booking system.
    pub source: SourceSetup,
    /// How its guests are told, in order.
    pub channels: Vec<ChannelSetup>,
    /// Whether the first channel that works is enough.
    pub first_only: bool,
    /// The keypads of each unit.
    pub units: Vec<Vec<usize>>,
    /// What holds for its stays.
    pub policy: PolicySetup,
    /// How many minutes lie between two full reads of its source.
    pub full_read_minutes: u32,
    /// How many minutes lie between two reads of a door.
    pub door_read_minutes: u32,
}

/// A booking system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceSetup {
    /// Smoobu, played by its simulator; only the first tenant has it.
    Smoobu {
        /// Whether the payload of a webhook is believed.
        trust: bool,
    },
    /// A source of the world's own.
    Model {
        /// Webhooks carry the whole booking.
        snapshots: bool,
        /// Bookings carry revisions.
        revisions: bool,
        /// Deliveries carry ids of their own.
        ids: bool,
    },
}

/// A way to tell guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSetup {
    /// Whether it is the thread of the booking rather than a telephone.
    pub thread: bool,
    /// Whether it can say what became of a message.
    pub can_find: bool,
}

/// What a tenant decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySetup {
    /// The proof that a guest's message needs.
    pub proof: Proof,
    /// How many hours before access a guest is told at the earliest.
    pub tell_hours_before: Option<u32>,
    /// How many minutes a code works before check-in.
    pub buffer_before: u32,
    /// How many minutes a code works after check-out.
    pub buffer_after: u32,
    /// How many days digits rest.
    pub quarantine_days: u32,
    /// Whether a guest in the house keeps their code when the stay is cancelled.
    pub keep_in_house: bool,
    /// How many hours before access missing proof is escalated.
    pub escalate_hours: u32,
    /// How much the engine may do.
    #[serde(default)]
    pub mode: ModeSetup,
    /// Whether what somebody changed in the vendor's app stands.
    #[serde(default)]
    pub adopt: bool,
    /// Whether digits come from the guest's telephone.
    #[serde(default)]
    pub phone_pin: bool,
    /// Whether codes are written into the booking.
    #[serde(default)]
    pub write_back: bool,
    /// How many backup codes each door has.
    #[serde(default)]
    pub backups: u8,
    /// Another brake than the usual one: how many early removals a day, at least.
    #[serde(default)]
    pub brake_least: Option<u32>,
    /// Whether staff has a channel.
    #[serde(default)]
    pub staff_channel: bool,
}

/// How much the engine may do for a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModeSetup {
    /// Everything.
    #[default]
    Full,
    /// All but deleting.
    UpsertOnly,
    /// Nothing; it watches.
    Observe,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// How many seconds after the beginning.
    pub at: u32,
    /// What.
    pub event: Event,
}

/// What can happen. Stays are numbered in the order of their booking; a number that is not there yet means nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A stay is booked.
    Book(Booked),
    /// A stay changes in the booking system.
    Change {
        /// Which.
        stay: usize,
        /// How.
        change: Change,
    },
    /// What becomes of a tenant's webhooks for a time.
    Hooks {
        /// Whose.
        tenant: usize,
        /// What.
        mode: HookMode,
        /// For how many minutes.
        minutes: u32,
    },
    /// An earlier webhook comes once more.
    Echo {
        /// Whose.
        tenant: usize,
        /// Which of those that went out so far.
        which: usize,
    },
    /// Calls go wrong for a time.
    Trouble {
        /// Whose calls.
        target: Target,
        /// Which calls.
        ops: Ops,
        /// How.
        trouble: Trouble,
        /// For how many minutes.
        minutes: u32,
    },
    /// A keypad is out of reach.
    Offline {
        /// Which.
        keypad: usize,
        /// For how many minutes.
        minutes: u32,
    },
    /// A keypad's battery is empty.
    Battery {
        /// Which.
        keypad: usize,
        /// For how many minutes.
        minutes: u32,
    },
    /// A keypad loses one of its codes.
    Lose {
        /// Which keypad.
        keypad: usize,
        /// Which of its codes.
        which: usize,
    },
    /// A lock is replaced by an empty one.
    Renew {
        /// Which keypad.
        keypad: usize,
    },
    /// Staff acts in the vendor's app.
    Staff {
        /// At which keypad.
        keypad: usize,
        /// What they do.
        act: StaffAct,
        /// To which code.
        which: usize,
    },
    /// A host dies at one of its next awaits.
    Crash {
        /// Which.
        host: usize,
        /// After how many more awaits.
        awaits: u32,
        /// Before or after the effect.
        side: Side,
        /// For how many seconds it is down.
        down: u32,
    },
    /// A host stands still.
    Stall {
        /// Which.
        host: usize,
        /// For how many seconds.
        seconds: u32,
    },
    /// The keypad of a door is another one from now on, and the configuration says so.
    Replace {
        /// Which.
        keypad: usize,
        /// Whether the old one does not answer any more.
        dead: bool,
    },
    /// Staff wants other digits for a stay.
    Redraw {
        /// Which.
        stay: usize,
    },
    /// What a tenant's booking system shows is another account, which is empty: no list, no answer knows a stay.
    Elsewhere {
        /// Whose.
        tenant: usize,
        /// For how many minutes.
        minutes: u32,
    },
    /// All hosts stop and start with another policy of one tenant.
    Reconfigure {
        /// Whose.
        tenant: usize,
        /// The new policy.
        policy: PolicySetup,
    },
}

/// A new stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// Whose.
    pub tenant: usize,
    /// In which unit; one beyond the tenant's is one that the configuration does not know.
    pub unit: usize,
    /// From which day.
    pub arrival: NaiveDate,
    /// For how many nights.
    pub nights: u32,
    /// The agreed hour of check-in, where there is one.
    pub check_in: Option<u32>,
    /// Whether the guest has a telephone.
    pub phone: bool,
}

/// A change of a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It ends so many days later.
    Extend(u32),
    /// It ends so many days earlier, but not on its first day.
    Shorten(u32),
    /// All of it comes so many days later, or earlier.
    Shift(i32),
    /// It moves to another unit.
    Move(usize),
    /// It is cancelled.
    Cancel,
    /// A cancellation is taken back.
    Uncancel,
    /// It is deleted, and a webhook says so.
    Delete,
    /// It is not there any more, and nobody says so.
    Vanish,
    /// Another guest comes.
    Swap,
    /// The guest gets a telephone, or another one.
    Phone,
    /// Another hour of check-in is agreed.
    CheckIn(u32),
    /// The source calls it by another name from now on.
    Reissue,
}

/// What becomes of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookMode {
    /// They are lost.
    Lost,
    /// Each comes twice.
    Doubled,
    /// They come so many minutes later.
    Delayed(u32),
    /// They are held, and come in reversed order when the time is over.
    Reversed,
}

/// What staff does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StaffAct {
    /// Adds a code of their own.
    Adds,
    /// Deletes a code of a stay.
    Deletes,
    /// Lets a code of a stay end earlier.
    Shortens,
    /// Switches a code of a stay off.
    SwitchesOff,
    /// Writes a word beside the marker of a stay's code.
    Annotates,
    /// Adds a code of their own that names two stays.
    AddsForTwo,
}

impl StaffAct {
    /// Those that chance draws: another one would change what every seed means.
    pub const DRAWN: [Self; 5] =
        [Self::Adds, Self::Deletes, Self::Shortens, Self::SwitchesOff, Self::Annotates];
}

/// Whose calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// The store.
    Store,
    /// A tenant's booking system.
    Source(usize),
    /// A keypad; for The Keys, its whole account.
    Keypad(usize),
    /// All keypads.
    Locks,
    /// A channel, by its place among a tenant's: `tenant * 8 + place`.
    Channel(usize),
}

impl Target {
    /// Whether trouble here strikes a call there.
    #[must_use]
    pub fn hits(self, call: Self) -> bool {
        self == call || (self == Self::Locks && matches!(call, Self::Keypad(_)))
    }
}

/// Which calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ops {
    /// All.
    All,
    /// Those that look.
    Reads,
    /// Those that change something.
    Writes,
}

impl Ops {
    /// Whether a call is one of them.
    #[must_use]
    pub fn hit(self, op: Point) -> bool {
        match self {
            Self::All => true,
            Self::Reads => !op.writes(),
            Self::Writes => op.writes(),
        }
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trouble {
    /// It is refused: the vendor has failed.
    Refused,
    /// It is refused: wrong credentials.
    Credentials,
    /// It takes long.
    Slow,
    /// Nothing is done, and nobody answers.
    TimeoutBefore,
    /// It is done, and nobody answers.
    TimeoutAfter,
    /// Nothing is done, and the answer is nonsense.
    Nonsense,
    /// It is done, and the answer is nonsense.
    NonsenseAfter,
    /// A list shows what was.
    Stale,
    /// A list is empty.
    EmptyList,
    /// A list breaks off.
    TruncatedList,
    /// Asked too often.
    RateLimited,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Refused,
        Self::Credentials,
        Self::Slow,
        Self::TimeoutBefore,
        Self::TimeoutAfter,
        Self::Nonsense,
        Self::NonsenseAfter,
        Self::Stale,
        Self::EmptyList,
        Self::TruncatedList,
        Self::RateLimited,
    ];

    /// Whether each call is struck, not only most.
    #[must_use]
    pub fn is_lasting(self) -> bool {
        matches!(self, Self::Credentials | Self::RateLimited | Self::EmptyList)
    }
}
