//! The plan: the smallest list of steps from what is observed to what is desired.
//!
//! A pure function. It reads the ledger, what reads of the doors have shown, the booking and the clock's time, and
//! does nothing itself: [`Plan::codes`] is the ledger with the new knowledge folded in, [`Plan::steps`] what is to be
//! done, [`Plan::next`] when to look again although nothing happens.

mod brake;
mod codes;
mod guest;
mod observe;
mod room;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use crate::doors::DoorView;
pub(crate) use guest::{EARLIER_SYSTEM, NO_RECIPIENT, may_have_reached};
pub(crate) use observe::difference;
pub use shown::shown;

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{
    BookingRecord, CodeRecord, CodeState, GrantRecord, MessageKind, MessageRecord, Told, WriteKind,
    WriteState,
};
use booking_core::{
    BookingId, CodeId, DoorId, DoorKey, IntegrationName, ListedCode, Listing, Marker, MessageId, Proof,
    Recipient, VendorCodeId, Window,
};
use chrono::{DateTime, Duration, Utc};

use crate::alert::AlertKind;
pub use crate::stay::Linked;
use crate::tenant::{Mode, Place, Tenant};
use crate::wish::{Wish, Wished, wish};

/// How often staff's word of a door that cannot be read is looked at again.
const LOOK_AT_DOORS: Duration = Duration::minutes(30);
/// How often a backup code is looked at. A later end is given to it a little more than that before its end.
const LOOK_AT_BACKUPS: Duration = Duration::days(29);

/// All that a plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The clock's time.
    pub now: DateTime<Utc>,
    /// Whose stay it is, and what holds there.
    pub tenant: &'a Tenant,
    /// How much may be done.
    pub mode: Mode,
    /// The booking.
    pub booking: &'a BookingRecord,
    /// The token that names it on codes; `None` when its reference does not fit into one.
    pub marker: Option<&'a Marker>,
    /// The tokens of the references that it had before: codes may carry them still.
    pub former: &'a [Marker],
    /// Its grant, if it has one.
    pub grant: Option<&'a GrantRecord>,
    /// Its ledger entries, oldest first.
    pub codes: &'a [CodeRecord],
    /// Its messages, oldest first.
    pub messages: &'a [MessageRecord],
    /// The keypads that matter as last seen: those of the stay's unit, those in its ledger, and those where its marker
    /// was seen.
    pub views: &'a BTreeMap<DoorKey, DoorView>,
    /// When integrations that had failed worked again: what waits on one need not wait any longer.
    pub recovered: &'a BTreeMap<IntegrationName, DateTime<Utc>>,
    /// All codes of the tenant on those of its keypads that hold only so many.
    pub rivals: &'a BTreeMap<DoorKey, Vec<Rival>>,
    /// Since when staff wants other digits, if it does: codes from before that are replaced.
    pub reissued_at: Option<DateTime<Utc>>,
    /// Unmarked codes that staff has made the stay's own.
    pub linked: &'a BTreeSet<Linked>,
    /// Doors that were asked for a backup code and have none to give.
    pub without_backup: &'a BTreeSet<DoorId>,
    /// The brake's budgets, as far as they were asked for.
    pub budgets: &'a BTreeMap<String, Budget>,
}

/// A code that needs a place on a keypad that holds only so many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Whose.
    pub stay: BookingId,
    /// When it opens.
    pub opens: DateTime<Utc>,
    /// Whether it should be there.
    pub wanted: bool,
    /// Whether it is a backup code: those make room for everybody.
    pub backup: bool,
    /// The text with the marker.
    pub note: String,
    /// The vendor's id, where it has a place.
    pub vendor_id: Option<VendorCodeId>,
    /// Whether it may have a place that no read has shown yet.
    pub on_its_way: bool,
}

impl Rival {
    pub(crate) fn of(code: &CodeRecord) -> Self {
        Self {
            stay: code.stay.clone(),
            opens: code.window.opens(),
            wanted: code.state == CodeState::Wanted,
            backup: code.backup && crate::grant::is_in_pool(code),
            note: code.note.clone(),
            vendor_id: code.vendor_id.clone(),
            on_its_way: write_is_open(code) && last_write_was(code, WriteKind::Create),
        }
    }

    fn is_there(&self) -> bool {
        self.vendor_id.is_some() || self.on_its_way
    }
}

/// What the brake still allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// How many early removals in its time.
    pub allowed: usize,
    /// Those of its last time.
    pub spent: Vec<(CodeId, DateTime<Utc>)>,
    /// Whether somebody has lifted the brake.
    pub released: bool,
    /// The revision of its record.
    pub revision: u64,
}

/// What a code shall hold beside its PIN. `Debug` leaves the name out, which is the guest's.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// When it opens.
    pub window: Window,
    /// The name in the vendor's app.
    pub name: String,
    /// The text with the marker.
    pub note: String,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("window", &self.window)
            .field("note", &self.note)
            .finish_non_exhaustive()
    }
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Tell {
    /// By which notifier.
    pub notifier: IntegrationName,
    /// To whom; `None` when the guest cannot be reached this way.
    pub recipient: Option<Recipient>,
    /// Why.
    pub kind: MessageKind,
    /// What.
    pub told: Told,
    /// From when the code works, where that is later than the start of the stay and still to come.
    pub works_from: Option<DateTime<Utc>>,
    /// A message of the same content that could not be sent and is to be tried again.
    pub again: Option<MessageId>,
}

/// A code to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCode {
    /// Its door.
    pub door: DoorId,
    /// What it shall hold.
    pub content: Content,
    /// Whether it can be written now.
    pub gate: Gate,
}

/// Whether a new code can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Now.
    Open,
    /// Only in the place of an earlier code of the stay, which ends with it: the keypad holds no other.
    InPlaceOf(CodeId),
    /// Not yet: its digits are claimed, and it is written when there is room, or when the keypad takes it.
    Closed,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Read a keypad: what is known of it does not suffice.
    Read {
        /// The keypad.
        place: Place,
    },
    /// Take a code on a keypad that carries our marker into the ledger, its PIN kept.
    Adopt {
        /// The keypad.
        place: Place,
        /// The code.
        listed: ListedCode,
        /// Whether it is what the stay should have; otherwise it is surplus.
        wanted: bool,
    },
    /// Draw and claim one PIN for these doors, and create a code on each.
    Mint {
        /// The codes.
        codes: Vec<NewCode>,
        /// Whether the stay's earlier digits must not be used again.
        fresh: bool,
    },
    /// Let what staff changed in the vendor's app stand.
    LetStand {
        /// The ledger entry.
        code: CodeId,
        /// The code as it is by now.
        listed: ListedCode,
    },
    /// Give the stay a backup code of this door.
    Issue {
        /// The door.
        door: DoorId,
        /// What it must at least cover.
        window: Window,
        /// The proof that it must have.
        proof: Proof,
    },
    /// Create a code whose PIN is in the ledger.
    Create {
        /// The ledger entry.
        code: CodeId,
        /// What it shall hold.
        content: Content,
    },
    /// Give a code new content.
    Replace {
        /// The ledger entry.
        code: CodeId,
        /// What it shall hold.
        content: Content,
        /// Whether the keypad has room for a second code, should this one need new digits.
        room: bool,
    },
    /// Look up what the brake still allows.
    Weigh {
        /// The budgets.
        budgets: BTreeSet<String>,
    },
    /// Take a code off its door.
    Delete {
        /// The ledger entry.
        code: CodeId,
    },
    /// Tell the guest.
    Tell(Box<Tell>),
    /// Ask whether a message of unknown outcome went out.
    Find {
        /// The message.
        message: MessageId,
    },
    /// A message that something newer replaces before it was sent.
    Supersede {
        /// The message.
        message: MessageId,
    },
    /// Write the codes into the booking.
    WriteBack {
        /// The ledger entries.
        codes: Vec<CodeId>,
    },
}

/// When a step may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// Once what stands before it is proven or told: it is listed so that a dry run shows the whole way.
    Later,
}

/// A plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The ledger with what the reads have shown.
    pub codes: Vec<CodeRecord>,
    /// What is to be done, in order.
    pub steps: Vec<(Step, When)>,
    /// When to look again; `None` when nothing more can happen by itself.
    pub next: Option<DateTime<Utc>>,
    /// When access begins, where that can be told: what is due soonest goes first.
    pub opens: Option<DateTime<Utc>>,
    /// What staff must know now, by kind and door, with detail free of personal data.
    pub alerts: BTreeMap<(AlertKind, Option<DoorId>), String>,
    /// What was noticed, for the audit trail.
    pub notes: Vec<(&'static str, String)>,
    /// The unit and window of the grant from now on.
    pub access: Option<(booking_core::UnitId, Window)>,
    /// Other stays to be looked at: they are to make room on a keypad, or there is room for them.
    pub nudge: BTreeSet<BookingId>,
    /// Early removals among the steps, and the budgets that they draw on.
    pub draws: Vec<(String, CodeId)>,
    /// Budgets that are spent, so that a removal waits.
    pub braked: BTreeSet<String>,
}

impl Plan {
    /// The steps that may be taken now.
    pub fn ready(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|(_, when)| *when == When::Now).map(|(step, _)| step)
    }
}

/// Makes the plan.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let live = situation.codes.iter().any(|code| code.state == CodeState::Wanted);
    let wished = wish(situation.tenant, situation.booking, situation.grant, live, situation.now);
    let mut planner = Planner {
        s: *situation,
        behind: BTreeSet::new(),
        held: BTreeMap::new(),
        plan: Plan { codes: situation.codes.to_vec(), opens: wished.opens, ..Plan::default() },
        wished,
    };
    planner.observe();
    planner.adopt();
    planner.codes();
    planner.guest();
    planner.removals();
    planner.tell_of_room();
    planner.report();
    planner.plan
}

struct Planner<'a> {
    s: Situation<'a>,
    /// Doors whose code does not have the wanted window yet: what is proven there is no longer what is wanted.
    behind: BTreeSet<DoorId>,
    /// Doors whose code cannot be written yet: why, and from when on it can, where that is known.
    held: BTreeMap<DoorId, (&'static str, Option<DateTime<Utc>>)>,
    wished: Wished<'a>,
    plan: Plan,
}

impl Planner<'_> {
    fn step(&mut self, step: Step, when: When) {
        let looks = matches!(step, Step::Read { .. } | Step::Weigh { .. });
        let when = if self.observing() && !looks { When::Later } else { when };
        if !self.plan.steps.iter().any(|(known, _)| *known == step) {
            self.plan.steps.push((step, when));
        }
    }

    /// Asks to be called again at `at`.
    fn wake(&mut self, at: DateTime<Utc>) {
        self.plan.next = Some(self.plan.next.map_or(at, |next| next.min(at)));
    }

    fn alert(&mut self, kind: AlertKind, door: Option<&DoorId>, detail: impl Into<String>) {
        self.plan.alerts.entry((kind, door.cloned())).or_insert_with(|| detail.into());
    }

    fn note(&mut self, what: &'static str, detail: impl Into<String>) {
        self.plan.notes.push((what, detail.into()));
    }

    fn place(&self, code: &CodeRecord) -> Place {
        self.s.tenant.place_of(code)
    }

    fn settle(&self, code: &CodeRecord) -> Duration {
        #[cfg(staykey_planted)]
        if planted(planted::NO_SETTLE_TIME) {
            return Duration::zero();
        }
        self.s.tenant.settle(&self.place(code), self.wished.policy)
    }

    /// Whether reads of a keypad show nothing, so that an accepted write is all that can be known.
    fn is_blind(&self, place: &Place) -> bool {
        self.s.tenant.rules_at(place).is_some_and(|rules| rules.listing == Listing::Nothing)
    }

    /// The proof that a door must have before the guest is told.
    fn required(&self, door: &DoorId) -> Proof {
        self.s.tenant.required(door, self.wished.policy)
    }

    /// Whether what is known of a keypad is good enough to decide on. Where not, it is read, or waited for.
    fn readable(&mut self, place: &Place) -> bool {
        let now = self.s.now;
        if self.is_blind(place) {
            return true;
        }
        let fresh = self.s.views.get(&place.key).is_some_and(|view| {
            view.complete
                && view.failing.is_none()
                && view.observed_at.is_some_and(|at| now - at <= self.wished.policy.door_read_max_age)
        });
        if !fresh {
            self.ask_for(place, now);
        }
        fresh
    }

    /// Asks for a read of a keypad that is not older than `since`, unless reads of it must wait.
    fn ask_for(&mut self, place: &Place, since: DateTime<Utc>) {
        let now = self.s.now;
        if self.s.tenant.at(place).is_none() {
            let detail = "its lock account is no longer in the configuration";
            self.alert(AlertKind::DoorUnreadable, Some(&place.door), detail);
            return;
        }
        if self.is_blind(place) {
            return;
        }
        if since > now {
            self.wake(since);
            return;
        }
        let view = self.s.views.get(&place.key);
        if let Some(retry) = view.and_then(|view| view.retry_at).filter(|at| *at > now) {
            self.wake(retry);
            return;
        }
        // A read that showed only a part a moment ago will not show more now.
        let partial =
            view.filter(|view| !view.complete && view.failing.is_none()).and_then(|view| view.observed_at);
        if let Some(at) = partial.filter(|at| now - *at < Duration::minutes(1)) {
            let detail = "the vendor lists only a part of the codes";
            self.alert(AlertKind::DoorUnreadable, Some(&place.door), detail);
            self.wake(at + Duration::minutes(1));
            return;
        }
        self.step(Step::Read { place: place.clone() }, When::Now);
    }

    /// What staff must know, beyond single steps.
    fn report(&mut self) {
        let now = self.s.now;
        let booking = self.s.booking;
        if let Some(kind) = self.wished.alert {
            self.alert(kind, None, "");
            // With the stay the trouble ends too.
            let closes = self.s.grant.and_then(|grant| grant.window.as_ref()).map(Window::closes);
            if let Some(at) = closes.filter(|at| *at > now) {
                self.wake(at);
            }
        }
        if booking.not_found_since.is_some() && booking.gone_at.is_none() {
            match &booking.booking {
                Some(_) => {
                    self.alert(AlertKind::GoneUnconfirmed, None, "the source does not find it any more")
                }
                // Never seen: all that we know of it is a marker on a code, if even that.
                None => self.report_stranger(),
            }
        }
        for place in self.involved() {
            let Some(view) = self.s.views.get(&place.key) else { continue };
            if let Some((_, detail)) = view.failing.clone() {
                let kind = match self.s.tenant.is_present(&place) {
                    true => view.trouble.unwrap_or(AlertKind::DoorUnreadable),
                    false => AlertKind::FormerKeypad,
                };
                self.alert(kind, Some(&place.door), detail);
                // Once that time has come, whoever needs the door reads it; the others look whether somebody could.
                self.wake(view.retry_at.filter(|at| *at > now).unwrap_or(now + LOOK_AT_DOORS));
            }
        }
        let stuck = |code: &&CodeRecord| code.state == CodeState::Unwanted && code.attempts >= 3;
        let stuck: Vec<_> =
            self.plan.codes.iter().filter(stuck).map(|code| (code.door.clone(), error_of(code))).collect();
        for (door, error) in stuck {
            self.alert(AlertKind::CodeNotRemoved, Some(&door), error.unwrap_or_default());
        }
        self.report_backups();
        self.escalate();
        // Codes end with the window; then there is something to take away.
        if let Wish::Access(access) = &self.wished.wish {
            let closes = access.window.closes();
            self.wake(closes);
        }
        if let Wish::Keep { until: Some(until) } = self.wished.wish
            && until > now
            && self.has_live_codes()
        {
            self.wake(until);
        }
    }

    /// Guests who go by a backup code, as long as they do.
    fn report_backups(&mut self) {
        let Wish::Access(access) = self.wished.wish.clone() else { return };
        if self.s.booking.standing.is_some() {
            // Nothing else makes its code due before it gets a later end.
            self.wake(self.s.now + LOOK_AT_BACKUPS);
            return;
        }
        for door in &access.unit.doors {
            if self.wanted_on(door).is_some_and(|code| code.backup) {
                self.alert(AlertKind::BackupIssued, Some(door), "the door does not get the guest's own code");
            }
        }
    }

    /// Missing proof near arrival is told to staff, door by door.
    fn escalate(&mut self) {
        let (Wish::Access(access), Some(opens)) = (self.wished.wish.clone(), self.wished.opens) else {
            return;
        };
        let now = self.s.now;
        #[cfg(staykey_planted)]
        if planted(planted::ESCALATION_FORGOTTEN) {
            return;
        }
        for door in &access.unit.doors {
            if self.proven(door) {
                continue;
            }
            let held = self.held.get(door).copied();
            // What the keypad takes only later, or what was booked a moment ago, gets its first attempts.
            let first_chance = held.and_then(|(_, from)| from).map(|from| from + Duration::minutes(10));
            let patience = first_chance.max(Some(self.s.booking.created_at + Duration::minutes(2)));
            let at = patience.map_or(opens, |at| at.max(opens - self.wished.policy.escalate_before));
            if at > now {
                self.wake(at);
                continue;
            }
            let detail = held.map(|(why, _)| why.to_owned()).or_else(|| self.last_error(door));
            self.alert(AlertKind::CodeNotProven, Some(door), detail.unwrap_or_default());
        }
    }

    /// A code that carries the marker of a booking that its source does not know: foreign, and only reported.
    fn report_stranger(&mut self) {
        let Some(marker) = self.s.marker else { return };
        let carries =
            |key: &DoorKey| self.s.views.get(key).is_some_and(|view| view.marked(marker).next().is_some());
        let door = self.s.tenant.doors.values().find(|setup| carries(&setup.door.key));
        if let Some(door) = door.map(|setup| setup.id.clone()) {
            let detail = "the source does not know the booking that the marker names";
            self.alert(AlertKind::ForeignMarker, Some(&door), detail);
        }
    }

    fn has_live_codes(&self) -> bool {
        self.plan.codes.iter().any(|code| code.state != CodeState::Removed)
    }

    /// The keypads that this stay needs or still has codes on.
    fn involved(&self) -> Vec<Place> {
        let mut places: Vec<Place> = match &self.wished.wish {
            Wish::Access(access) => {
                access.unit.doors.iter().filter_map(|door| self.s.tenant.place(door)).collect()
            }
            _ => Vec::new(),
        };
        for code in self.plan.codes.iter().filter(|code| code.state != CodeState::Removed) {
            let place = self.place(code);
            if !places.iter().any(|known| known.key == place.key) {
                places.push(place);
            }
        }
        places
    }

    /// The ledger entry that stands for a door: the newest, where a new PIN replaces an old one.
    fn wanted_on(&self, door: &DoorId) -> Option<&CodeRecord> {
        let key = &self.s.tenant.doors.get(door)?.door.key;
        let stands = |code: &&CodeRecord| {
            code.state == CodeState::Wanted
                && code.door == *door
                && code.key == *key
                && self.s.reissued_at.is_none_or(|at| code.created_at >= at)
        };
        self.plan.codes.iter().rfind(stands)
    }

    fn proven(&self, door: &DoorId) -> bool {
        !self.behind.contains(door)
            && self.wanted_on(door).is_some_and(|code| code.proof >= self.required(door))
    }

    fn last_error(&self, door: &DoorId) -> Option<String> {
        self.wanted_on(door).and_then(error_of)
    }

    /// Whether steps that take codes away may be taken.
    fn may_delete(&self) -> bool {
        self.s.mode != Mode::UpsertOnly
    }
}

fn error_of(code: &CodeRecord) -> Option<String> {
    code.write.as_ref().and_then(|write| write.error.clone())
}

/// When the last write's result came in, or when it was written down.
pub(crate) fn write_end(code: &CodeRecord) -> Option<DateTime<Utc>> {
    code.write.as_ref().map(|write| write.ended_at.unwrap_or(write.intended_at))
}

/// Whether what became of the last write is still open.
fn write_is_open(code: &CodeRecord) -> bool {
    code.write.as_ref().is_some_and(|write| matches!(write.state, WriteState::Intended | WriteState::Unknown))
}

fn last_write_was(code: &CodeRecord, kind: WriteKind) -> bool {
    code.write.as_ref().is_some_and(|write| write.kind == kind)
}
