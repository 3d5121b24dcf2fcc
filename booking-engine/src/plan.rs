//! The plan: the smallest list of steps from what is observed to what is desired.
//!
//! A pure function. It reads the ledger, what reads of the doors have shown, the booking and the clock's time, and
//! does nothing itself: [`Plan::codes`] is the ledger with the new knowledge folded in, [`Plan::steps`] what is to be
//! done, [`Plan::next`] when to look again although nothing happens.

mod codes;
mod guest;
mod observe;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

pub(crate) use guest::{EARLIER_SYSTEM, NO_RECIPIENT};

use booking_core::store::{
    BookingRecord, CodeRecord, CodeState, GrantRecord, MessageKind, MessageRecord, Told, WriteKind,
    WriteState,
};
use booking_core::{
    CodeId, DoorId, IntegrationName, ListedCode, Marker, MessageId, Proof, Recipient, Window,
};
use chrono::{DateTime, Duration, Utc};

use crate::alert::AlertKind;
use crate::tenant::{Mode, Tenant};
use crate::wish::{Wish, Wished, wish};

/// What reads of a door have shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoorView {
    /// When the read that showed `codes` began; `None` while none has succeeded.
    pub observed_at: Option<DateTime<Utc>>,
    /// Whether it showed everything.
    pub complete: bool,
    /// What it showed.
    pub codes: Arc<[ListedCode]>,
    /// Since when reads fail, in the vendor's words; a failed read says nothing about the codes.
    pub failing: Option<(DateTime<Utc>, String)>,
    /// Not before this may it be read again after a failure.
    pub retry_at: Option<DateTime<Utc>>,
    /// What kind of trouble a failure is for staff.
    pub trouble: Option<AlertKind>,
}

/// All that a plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The clock's time.
    pub now: DateTime<Utc>,
    /// Whose stay it is, and what holds there.
    pub tenant: &'a Tenant,
    /// The booking.
    pub booking: &'a BookingRecord,
    /// The token that names it on codes; `None` when its reference does not fit into one.
    pub marker: Option<&'a Marker>,
    /// Its grant, if it has one.
    pub grant: Option<&'a GrantRecord>,
    /// Its ledger entries, oldest first.
    pub codes: &'a [CodeRecord],
    /// Its messages, oldest first.
    pub messages: &'a [MessageRecord],
    /// The tenant's doors as last seen.
    pub views: &'a BTreeMap<DoorId, DoorView>,
    /// When integrations that had failed worked again: what waits on one need not wait any longer.
    pub recovered: &'a BTreeMap<IntegrationName, DateTime<Utc>>,
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

/// One step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Read a door: what is known of it does not suffice.
    Read {
        /// The door.
        door: DoorId,
    },
    /// Take a code on a door that carries our marker into the ledger, its PIN kept.
    Adopt {
        /// The door.
        door: DoorId,
        /// The code.
        listed: ListedCode,
        /// Whether it is what the stay should have; otherwise it is surplus.
        wanted: bool,
    },
    /// Draw and claim one PIN for these doors, and create a code on each.
    Mint {
        /// The doors.
        doors: Vec<DoorId>,
        /// What the codes hold.
        content: Content,
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
        plan: Plan { codes: situation.codes.to_vec(), opens: wished.opens, ..Plan::default() },
        wished,
    };
    planner.observe();
    planner.adopt();
    planner.codes();
    planner.guest();
    planner.removals();
    planner.report();
    planner.plan
}

struct Planner<'a> {
    s: Situation<'a>,
    /// Doors whose code does not have the wanted window yet: what is proven there is no longer what is wanted.
    behind: BTreeSet<DoorId>,
    wished: Wished<'a>,
    plan: Plan,
}

impl Planner<'_> {
    fn step(&mut self, step: Step, when: When) {
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

    fn settle(&self, door: &DoorId) -> Duration {
        self.s.tenant.settle(door, self.wished.policy)
    }

    /// The proof that a door must have before the guest is told.
    fn required(&self, door: &DoorId) -> Proof {
        let highest = self.s.tenant.rules(door).map_or(Proof::Listed, |rules| rules.highest_proof);
        self.wished.policy.proof.min(highest)
    }

    /// Whether what is known of a door is good enough to decide on. Where not, it is read, or waited for.
    fn readable(&mut self, door: &DoorId) -> bool {
        let now = self.s.now;
        let view = self.s.views.get(door);
        let configured = self.s.tenant.door(door).is_some();
        let fresh = view.is_some_and(|view| {
            configured
                && view.complete
                && view.failing.is_none()
                && view.observed_at.is_some_and(|at| now - at <= self.wished.policy.door_read_max_age)
        });
        if !fresh {
            self.ask_for(door, now);
        }
        fresh
    }

    /// Asks for a read of a door that is not older than `since`, unless reads of it must wait.
    fn ask_for(&mut self, door: &DoorId, since: DateTime<Utc>) {
        let now = self.s.now;
        if self.s.tenant.door(door).is_none() {
            self.alert(AlertKind::DoorUnreadable, Some(door), "the door is no longer in the configuration");
            return;
        }
        if since > now {
            self.wake(since);
            return;
        }
        let view = self.s.views.get(door);
        if let Some(retry) = view.and_then(|view| view.retry_at).filter(|at| *at > now) {
            self.wake(retry);
            return;
        }
        // A read that showed only a part a moment ago will not show more now.
        let partial =
            view.filter(|view| !view.complete && view.failing.is_none()).and_then(|view| view.observed_at);
        if let Some(at) = partial.filter(|at| *at >= since || now - *at < Duration::minutes(1)) {
            self.alert(AlertKind::DoorUnreadable, Some(door), "the vendor lists only a part of the codes");
            self.wake(at + Duration::minutes(1));
            return;
        }
        self.step(Step::Read { door: door.clone() }, When::Now);
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
        let involved: Vec<DoorId> = self.involved_doors();
        for door in &involved {
            let Some(view) = self.s.views.get(door) else { continue };
            if let Some((_, detail)) = view.failing.clone() {
                self.alert(view.trouble.unwrap_or(AlertKind::DoorUnreadable), Some(door), detail);
                // Once that time has come, whoever needs the door reads it.
                if let Some(at) = view.retry_at.filter(|at| *at > now) {
                    self.wake(at);
                }
            }
        }
        let stuck = |code: &&CodeRecord| code.state == CodeState::Unwanted && code.attempts >= 3;
        let stuck: Vec<_> =
            self.plan.codes.iter().filter(stuck).map(|code| (code.door.clone(), error_of(code))).collect();
        for (door, error) in stuck {
            self.alert(AlertKind::CodeNotRemoved, Some(&door), error.unwrap_or_default());
        }
        let unproven: Vec<(DoorId, Option<String>)> = match &self.wished.wish {
            Wish::Access(access) => access
                .unit
                .doors
                .iter()
                .filter(|door| !self.proven(door))
                .map(|door| (door.clone(), self.last_error(door)))
                .collect(),
            _ => Vec::new(),
        };
        if let (false, Some(opens)) = (unproven.is_empty(), self.wished.opens) {
            let escalate = opens - self.wished.policy.escalate_before;
            if escalate <= now {
                // A stay that is booked within that time gets a moment for its first attempts.
                let patience = self.s.booking.created_at + Duration::minutes(2);
                if patience <= now {
                    for (door, error) in &unproven {
                        self.alert(AlertKind::CodeNotProven, Some(door), error.clone().unwrap_or_default());
                    }
                } else {
                    self.wake(patience);
                }
            } else {
                self.wake(escalate);
            }
        }
        // Codes end with the window; then there is something to take away.
        if let Wish::Access(access) = &self.wished.wish {
            let closes = access.window.closes();
            self.wake(closes);
        }
        if let Wish::Keep { until: Some(until) } = self.wished.wish
            && self.has_live_codes()
        {
            self.wake(until);
        }
    }

    /// A code that carries the marker of a booking that its source does not know: foreign, and only reported.
    fn report_stranger(&mut self) {
        let Some(marker) = self.s.marker else { return };
        let carries =
            |view: &DoorView| view.codes.iter().any(|listed| Marker::find_all(&listed.note).contains(marker));
        let door = self.s.views.iter().find(|(_, view)| carries(view)).map(|(door, _)| door.clone());
        if let Some(door) = door {
            self.alert(
                AlertKind::ForeignMarker,
                Some(&door),
                "the source does not know the booking that the marker names",
            );
        }
    }

    fn has_live_codes(&self) -> bool {
        self.plan.codes.iter().any(|code| code.state != CodeState::Removed)
    }

    /// The doors that this stay needs or still has codes on.
    fn involved_doors(&self) -> Vec<DoorId> {
        let mut doors: Vec<DoorId> = match &self.wished.wish {
            Wish::Access(access) => access.unit.doors.clone(),
            _ => Vec::new(),
        };
        for code in self.plan.codes.iter().filter(|code| code.state != CodeState::Removed) {
            if !doors.contains(&code.door) {
                doors.push(code.door.clone());
            }
        }
        doors
    }

    /// The ledger entry that stands for a door: the newest, where a new PIN replaces an old one.
    fn wanted_on(&self, door: &DoorId) -> Option<&CodeRecord> {
        self.plan.codes.iter().rfind(|code| code.state == CodeState::Wanted && code.door == *door)
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
        self.s.tenant.mode != Mode::UpsertOnly
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
