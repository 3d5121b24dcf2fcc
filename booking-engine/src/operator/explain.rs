//! Why a stay is as it is: what is known, what is wanted, what is there, and what comes next.

use std::collections::BTreeMap;
use std::sync::Arc;

use booking_core::store::{
    AlertRecord, AuditEntry, BookingRecord, CodeRecord, CodeState, Lease, MessageRecord, PlanRecord,
    PlannedStep, StoreError, WorkKey, WorkRow,
};
use booking_core::{BookingId, DoorId, Proof, UnitId, Window};
use chrono::{DateTime, Utc};

use crate::engine::Engine;
use crate::plan::shown;
use crate::stay::Stay;
use crate::tenant::{PinSource, Tenant};
use crate::wish::{Wish, wish};

/// How many entries of a stay's history are shown.
const HISTORY: usize = 50;

/// All that is known of a stay, and what follows from it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The booking as its source told it.
    pub booking: BookingRecord,
    /// What the stay should have: `access`, `keep` (whatever it has now) or `nothing`.
    pub wish: &'static str,
    /// Its unit.
    pub unit: Option<UnitId>,
    /// The time of the stay.
    pub stay: Option<Window>,
    /// When its codes work: the stay and its buffers; what it was last given where nothing is wanted any more.
    pub window: Option<Window>,
    /// Where its digits come from.
    pub pin: PinExplained,
    /// Its ledger entries, oldest first.
    pub codes: Vec<CodeRecord>,
    /// The proof that each of its doors needs before the guest is told.
    pub required: BTreeMap<DoorId, Proof>,
    /// How each of its doors was last read.
    pub reads: BTreeMap<DoorId, DoorSeen>,
    /// Its messages, oldest first.
    pub messages: Vec<MessageRecord>,
    /// What staff was alerted of.
    pub alerts: Vec<AlertRecord>,
    /// What would be done now, by what is known without reading anything.
    pub steps: Vec<PlannedStep>,
    /// When it is looked at again.
    pub work: Option<WorkRow>,
    /// What has arrived about it and was not worked on yet.
    pub unread: usize,
    /// What was reviewed of it.
    pub plans: Vec<PlanRecord>,
    /// Its history, newest first.
    pub audit: Vec<AuditEntry>,
}

/// How a door was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorSeen {
    /// When the last good read was made; `None` before the first.
    pub observed_at: Option<DateTime<Utc>>,
    /// Since when reads fail, and why.
    pub failing: Option<(DateTime<Utc>, String)>,
}

/// Where a stay's digits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinExplained {
    /// By policy.
    pub source: PinSource,
    /// When staff last wanted other ones.
    pub reissued_at: Option<DateTime<Utc>>,
}

impl Engine {
    /// Explains a stay by what is stored and was last read; no vendor is called. `None` when there is no such stay.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn explain(
        &self,
        tenant: &Arc<Tenant>,
        id: &BookingId,
    ) -> Result<Option<Explained>, StoreError> {
        let now = self.clock.now();
        let Some(stay) = Stay::load(&*self.store, &tenant.slug, id).await? else { return Ok(None) };
        let work = WorkKey::Grant(tenant.slug.clone(), id.clone());
        let lease = Lease { work: work.clone(), token: 0, until: now, failures: 0 };
        let run = self.run(tenant, stay.clone(), lease);
        let steps = shown(&run.plan());
        let policy = run.policy().clone();

        let live = stay.codes.iter().any(|code| code.state == CodeState::Wanted);
        let wished = wish(tenant, &stay.booking, stay.grant.as_ref(), live, now);
        let held = stay.grant.as_ref().and_then(|grant| grant.window.clone());
        let (word, unit, window, times) = match wished.wish {
            Wish::Access(access) => {
                ("access", Some(access.unit.into_owned()), Some(access.window), Some(access.stay))
            }
            Wish::Keep { .. } => ("keep", None, held, None),
            Wish::Nothing => ("nothing", None, held, None),
        };
        let held_unit = stay.grant.as_ref().and_then(|grant| grant.unit.clone());
        let unit = unit.or_else(|| held_unit.and_then(|id| tenant.unit(&id).cloned()));
        let doors: Vec<DoorId> = unit.iter().flat_map(|unit| unit.doors.clone()).collect();
        let reads = doors.iter().filter_map(|door| {
            let view = self.doors.view(&tenant.slug, &tenant.place(door)?.key).unwrap_or_default();
            Some((door.clone(), DoorSeen { observed_at: view.observed_at, failing: view.failing }))
        });
        let audit = self.store.audit(&tenant.slug, Some(id), None, HISTORY).await?;
        Ok(Some(Explained {
            wish: word,
            stay: times,
            window,
            pin: PinExplained { source: policy.pin, reissued_at: stay.reissued_at },
            required: doors.iter().map(|door| (door.clone(), tenant.required(door, &policy))).collect(),
            reads: reads.collect(),
            unit: unit.map(|unit| unit.id),
            steps,
            unread: self.store.unread(&work).await?.len(),
            work: self.store.work_row(&work).await?,
            audit: audit.into_iter().map(|row| row.entry).collect(),
            booking: stay.booking,
            codes: stay.codes,
            messages: stay.messages,
            alerts: stay.alerts,
            plans: stay.plans,
        }))
    }
}
