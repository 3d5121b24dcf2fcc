//! All records of one stay, and what of them has changed since they were last stored.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{
    AlertRecord, BookingRecord, CodeRecord, CodeState, GrantRecord, MessageRecord, PlanRecord, PlanState,
    Record, Row, RowKey, Store, StoreError, Write,
};
use booking_core::{BookingId, DoorKey, Rng, TenantSlug, UnitId, VendorCodeId, Window};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// What the id of a fact begins with that asks for other digits.
pub(crate) const REISSUE: &str = "reissue/";
/// What the id of a fact begins with that makes an unmarked code a stay's.
pub(crate) const LINK: &str = "link/";

/// A code on a keypad that staff has made a stay's own although nothing on it says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Linked {
    /// The keypad.
    pub keypad: DoorKey,
    /// The vendor's id of the code.
    pub code: VendorCodeId,
}

/// One stay.
#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) booking: BookingRecord,
    pub(crate) grant: Option<GrantRecord>,
    /// Oldest first.
    pub(crate) codes: Vec<CodeRecord>,
    /// Oldest first.
    pub(crate) messages: Vec<MessageRecord>,
    pub(crate) alerts: Vec<AlertRecord>,
    /// What was reviewed of it.
    pub(crate) plans: Vec<PlanRecord>,
    /// When staff last wanted other digits.
    pub(crate) reissued_at: Option<DateTime<Utc>>,
    /// Unmarked codes that staff has made its own.
    pub(crate) linked: BTreeSet<Linked>,
    revisions: BTreeMap<RowKey, u64>,
    stored: BTreeMap<RowKey, Record>,
}

impl Stay {
    /// Loads a stay; `None` when the store has no such booking.
    pub(crate) async fn load(
        store: &dyn Store,
        tenant: &TenantSlug,
        id: &BookingId,
    ) -> Result<Option<Self>, StoreError> {
        Ok(Self::of(store.stay(tenant, id).await?))
    }

    fn of(rows: Vec<Row>) -> Option<Self> {
        let (mut booking, mut grant) = (None, None);
        let (mut codes, mut messages, mut alerts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut plans, mut linked) = (Vec::new(), BTreeSet::new());
        let (mut stored, mut revisions, mut reissued_at) = (BTreeMap::new(), BTreeMap::new(), None);
        for Row { record, revision } in rows {
            revisions.insert(record.key(), revision);
            stored.insert(record.key(), record.clone());
            match record {
                Record::Booking(record) => booking = Some(record),
                Record::Grant(record) => grant = Some(record),
                Record::Code(record) => codes.push(record),
                Record::Message(record) => messages.push(record),
                Record::Alert(record) => alerts.push(record),
                Record::Plan(record) => plans.push(record),
                Record::Fact(fact) if fact.id.starts_with(REISSUE) => {
                    reissued_at = reissued_at.max(Some(fact.at));
                }
                Record::Fact(fact) if fact.id.starts_with(LINK) => {
                    linked.extend(serde_json::from_value::<Linked>(fact.payload));
                }
                _ => {}
            }
        }
        codes.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        messages.sort_by(|a, b| (a.intended_at, &a.id).cmp(&(b.intended_at, &b.id)));
        Some(Self {
            booking: booking?,
            grant,
            codes,
            messages,
            alerts,
            plans,
            reissued_at,
            linked,
            revisions,
            stored,
        })
    }

    /// A stay of which only its booking is known.
    pub(crate) fn new(booking: BookingRecord) -> Self {
        Self {
            booking,
            grant: None,
            codes: Vec::new(),
            messages: Vec::new(),
            alerts: Vec::new(),
            plans: Vec::new(),
            reissued_at: None,
            linked: BTreeSet::new(),
            revisions: BTreeMap::new(),
            stored: BTreeMap::new(),
        }
    }

    /// The grant, made now if there is none.
    pub(crate) fn grant(&mut self, rng: &dyn Rng, now: DateTime<Utc>) -> &mut GrantRecord {
        let (tenant, stay) = (self.booking.tenant.clone(), self.booking.id.clone());
        self.grant.get_or_insert_with(|| GrantRecord {
            id: booking_core::GrantId::draw(rng),
            tenant,
            stay,
            unit: None,
            unit_ref: None,
            window: None,
            core: None,
            write_back: None,
            created_at: now,
        })
    }

    /// Takes over a plan's knowledge.
    pub(crate) fn learn(&mut self, plan: &Plan, rng: &dyn Rng, now: DateTime<Utc>) {
        self.codes.clone_from(&plan.codes);
        if let Some((unit, window)) = plan.access.clone() {
            self.hold(unit, window, rng, now);
        }
    }

    fn hold(&mut self, unit: UnitId, window: Window, rng: &dyn Rng, now: DateTime<Utc>) {
        let unit_ref = self.booking.booking.as_ref().and_then(|booking| booking.unit.clone());
        let grant = self.grant(rng, now);
        grant.unit = Some(unit);
        grant.unit_ref = unit_ref;
        grant.window = Some(window);
    }

    /// The newest plan that is to be applied. Those whose time is over are refused.
    pub(crate) fn approved(&mut self, now: DateTime<Utc>) -> Option<PlanRecord> {
        let is_open = |plan: &PlanRecord| matches!(plan.state, PlanState::Approved | PlanState::Begun);
        for plan in self.plans.iter_mut().filter(|plan| is_open(plan)) {
            if plan.expires_at <= now {
                plan.state = PlanState::Refused;
                plan.moved = vec!["its time is over".to_owned()];
            }
        }
        self.plans.iter().filter(|plan| is_open(plan)).max_by_key(|plan| plan.made_at).cloned()
    }

    pub(crate) fn code_mut(&mut self, id: &booking_core::CodeId) -> Option<&mut CodeRecord> {
        self.codes.iter_mut().find(|code| code.id == *id)
    }

    pub(crate) fn code(&self, id: &booking_core::CodeId) -> Option<&CodeRecord> {
        self.codes.iter().find(|code| code.id == *id)
    }

    pub(crate) fn message_mut(&mut self, id: &booking_core::MessageId) -> Option<&mut MessageRecord> {
        self.messages.iter_mut().find(|message| message.id == *id)
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        std::iter::once(Record::Booking(self.booking.clone()))
            .chain(self.grant.clone().map(Record::Grant))
            .chain(self.codes.iter().cloned().map(Record::Code))
            .chain(self.messages.iter().cloned().map(Record::Message))
            .chain(self.alerts.iter().cloned().map(Record::Alert))
            .chain(self.plans.iter().cloned().map(Record::Plan))
    }

    /// What must be written so that the store knows this state. Digits of codes that are gone rest for `quarantine`.
    pub(crate) fn changes(&self, now: DateTime<Utc>, quarantine: Duration) -> Vec<Write> {
        #[cfg(staykey_planted)]
        let quarantine = if planted(planted::NO_QUARANTINE) { Duration::zero() } else { quarantine };
        let mut writes = Vec::new();
        for record in self.records() {
            let before = self.stored.get(&record.key());
            if before == Some(&record) {
                continue;
            }
            if let (Record::Code(code), Some(Record::Code(earlier))) = (&record, before)
                && code.state == CodeState::Removed
                && earlier.state != CodeState::Removed
            {
                let rests = code.window.closes().min(now) + quarantine;
                writes.push(Write::Release { holder: code.id.clone(), until: rests.max(now) });
            }
            writes.push(Write::Put(Box::new(record)));
        }
        writes
    }

    /// The ledger as the store knows it: what was intended and not committed never was.
    pub(crate) fn restore_codes(&mut self) {
        let rows = self.stored.values().map(|record| Row { revision: 0, record: record.clone() }).collect();
        if let Some(stored) = Self::of(rows) {
            self.codes = stored.codes;
        }
    }

    /// What must not have changed meanwhile: the codes of a backup, which a stay may take at any time.
    pub(crate) fn expect(&self) -> Vec<(RowKey, u64)> {
        if self.booking.standing.is_none() {
            return Vec::new();
        }
        let codes = self.codes.iter().map(|code| Record::Code(code.clone()).key());
        codes.map(|key| (key.clone(), self.revisions.get(&key).copied().unwrap_or(0))).collect()
    }

    /// The store knows this state now.
    pub(crate) fn stored(&mut self) {
        for record in self.records().collect::<Vec<_>>() {
            let key = record.key();
            if self.stored.get(&key) != Some(&record) {
                *self.revisions.entry(key.clone()).or_default() += 1;
                self.stored.insert(key, record);
            }
        }
    }
}
