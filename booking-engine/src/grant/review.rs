//! Plans that are reviewed before they are applied: exactly what was shown, or nothing.

use std::collections::BTreeMap;

use booking_core::store::{
    Arrival, Kind, News, Origin, PlanRecord, PlanState, PlannedStep, Record, StoreError, Tx, WorkKey, Write,
};
use booking_core::{Event, Reply, TenantSlug};
use sha2::{Digest, Sha256};

use super::Run;
use crate::engine::{Engine, WorkError};
use crate::plan::{Plan, shown};
use crate::tenant::Mode;

/// What became of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Stays that are to be worked on now.
    pub approved: usize,
    /// Stays whose part was decided before, or whose time is over.
    pub left: usize,
    /// Stays whose part rests on something that has changed.
    pub refused: usize,
}

impl Run<'_> {
    /// How much may be done: what was reviewed and approved is done whatever the tenant's mode says.
    pub(super) fn mode(&self) -> Mode {
        #[cfg(staykey_planted)]
        if booking_core::planted::planted(booking_core::planted::OBSERVE_WRITES) {
            return Mode::Full;
        }
        if self.reviewed.is_some() { Mode::Full } else { self.tenant.mode }
    }

    /// Holds a plan against what was reviewed. Answers whether the stay must be planned anew: without what was
    /// reviewed, which is refused or done.
    pub(super) fn review(&mut self, plan: &Plan) -> bool {
        let Some(reviewed) = self.reviewed.clone() else { return false };
        let steps = shown(plan);
        let mut moved = self.moved_since(&reviewed, plan);
        let unknown = |step: &&PlannedStep| !reviewed.steps.iter().any(|known| is_same(known, step));
        moved.extend(steps.iter().filter(unknown).map(|step| format!("now also: {}", line(step))));
        if reviewed.state == PlanState::Approved {
            let at_once = reviewed.steps.iter().filter(|known| !known.later);
            let gone = at_once.filter(|known| !steps.iter().any(|step| is_same(known, step)));
            moved.extend(gone.map(|step| format!("no longer: {}", line(step))));
        }
        match (moved.is_empty(), steps.is_empty()) {
            (false, _) => self.decide(PlanState::Refused, moved),
            (true, true) => self.decide(PlanState::Applied, moved),
            (true, false) => {
                self.mark(PlanState::Begun, Vec::new());
                return false;
            }
        }
        true
    }

    /// What was reviewed and is no longer so. Once a plan is begun, its own changes are no such thing.
    fn moved_since(&self, reviewed: &PlanRecord, plan: &Plan) -> Vec<String> {
        let begun = reviewed.state == PlanState::Begun;
        let now = self.rests_on(plan);
        let differs = |(what, hash): &(&String, &String)| {
            let own = begun && !matches!(what.as_str(), "booking" | "configuration");
            !own && now.get(*what) != Some(*hash)
        };
        reviewed.rests_on.iter().filter(differs).map(|(what, _)| format!("changed: {what}")).collect()
    }

    /// Refuses what was reviewed.
    pub(super) fn refuse(&mut self, why: &str) {
        self.decide(PlanState::Refused, vec![why.to_owned()]);
    }

    fn mark(&mut self, state: PlanState, moved: Vec<String>) {
        let Some(reviewed) = &mut self.reviewed else { return };
        reviewed.state = state;
        if let Some(record) = self.stay.plans.iter_mut().find(|record| record.plan == reviewed.plan) {
            record.state = state;
            record.moved = moved;
        }
    }

    /// Ends a reviewed plan.
    fn decide(&mut self, state: PlanState, moved: Vec<String>) {
        let what = if state == PlanState::Applied { "plan-applied" } else { "plan-refused" };
        let plan = self.reviewed.as_ref().map(|reviewed| reviewed.plan.clone()).unwrap_or_default();
        self.audit(what, format!("{plan} {}", moved.join(", ")).trim().to_owned());
        self.mark(state, moved);
        self.reviewed = None;
    }

    /// What a plan rests on, as hashes.
    pub(super) fn rests_on(&self, plan: &Plan) -> BTreeMap<String, String> {
        let stay = &self.stay;
        let booking = stay.booking.booking.as_ref();
        let ledger: Vec<_> =
            stay.codes.iter().map(|code| (&code.id, &code.vendor_id, &code.window, code.state)).collect();
        let told: Vec<_> = stay.messages.iter().map(|message| (&message.id, &message.state)).collect();
        let unit = plan.access.as_ref().and_then(|(unit, _)| self.tenant.unit(unit));
        let setups: Vec<_> = unit
            .into_iter()
            .flat_map(|unit| &unit.doors)
            .filter_map(|door| Some((self.tenant.doors.get(door)?, self.tenant.rules(door)?.prefix)))
            .map(|(setup, prefix)| (setup, prefix.map(|prefix| hash(prefix.expose()))))
            .collect();
        let mut rests = BTreeMap::from([
            ("booking".to_owned(), hash(&format!("{booking:?} {:?}", stay.booking.gone_at))),
            ("ledger".to_owned(), hash(&format!("{ledger:?}"))),
            ("messages".to_owned(), hash(&format!("{told:?}"))),
            ("configuration".to_owned(), hash(&format!("{unit:?} {setups:?}"))),
        ]);
        let (marker, former) = (self.marker(), self.former_markers());
        for (key, view) in self.views(marker.as_ref()) {
            let markers: Vec<_> = marker.iter().chain(&former).collect();
            let own = view.codes().iter().filter(|listed| {
                let is_in_ledger = stay.codes.iter().any(|code| code.vendor_id.as_ref() == Some(&listed.id));
                let is_linked =
                    stay.linked.iter().any(|linked| linked.keypad == key && linked.code == listed.id);
                let mut marked = markers.iter().flat_map(|marker| view.marked(marker));
                is_in_ledger || is_linked || marked.any(|other| other.id == listed.id)
            });
            let own: Vec<_> =
                own.map(|listed| (listed, listed.stored.as_ref().map(|pin| hash(pin.expose())))).collect();
            rests.insert(format!("keypad {key}"), hash(&format!("{own:?}")));
        }
        rests
    }

    /// The digits that were reviewed for these doors.
    pub(super) fn reviewed_digits(&self, codes: &[crate::plan::NewCode]) -> Option<booking_core::Pin> {
        let door = &codes.first()?.door;
        let (_, pins) = self.reviewed.as_ref()?.pins.iter().find(|(of, _)| of == door)?;
        Some(pins.stored.clone())
    }
}

impl Engine {
    /// Applies a plan that was reviewed: exactly it. A stay that has moved on since is refused, and its record tells
    /// what moved. The work is done by whoever claims it.
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails.
    pub async fn apply(&self, tenant: &TenantSlug, plan: &str) -> Result<Applied, WorkError> {
        let now = self.clock.now();
        let mut applied = Applied::default();
        for record in self.reviewed(tenant, plan).await? {
            if record.state != PlanState::Drafted || record.expires_at <= now {
                applied.left += 1;
            } else if self.approve(record).await? {
                applied.approved += 1;
            } else {
                applied.refused += 1;
            }
        }
        let detail = format!("{plan}: {} stays, {} refused", applied.approved, applied.refused);
        let writes = vec![self.audit(tenant, None, "plan-approved", detail)];
        self.commit(Tx { writes, ..Tx::new(now) }).await?;
        Ok(applied)
    }

    /// Approves one stay's part, with what it rests on that nobody knew before. Answers `false` when that has become
    /// known meanwhile, so that the part is refused.
    async fn approve(&self, record: PlanRecord) -> Result<bool, WorkError> {
        let now = self.clock.now();
        let (tenant, stay) = (record.tenant.clone(), record.stay.clone());
        let put =
            |state, moved| Write::Put(Box::new(Record::Plan(PlanRecord { state, moved, ..record.clone() })));
        let work = WorkKey::Grant(tenant.clone(), stay.clone());
        let mut writes =
            vec![put(PlanState::Approved, Vec::new()), Write::Due { work, at: now, priority: Some(now) }];
        if record.reissue {
            writes.extend(self.wants_other_digits(&tenant, &stay));
        }
        let arrivals = record.news.iter().map(|news| arrival(&record, news)).collect();
        let accepted = self.commit(Tx { arrivals, writes, ..Tx::new(now) }).await?;
        if accepted.iter().flat_map(|accepted| &accepted.bookings).all(|booking| *booking == stay) {
            return Ok(true);
        }
        let moved = vec!["the booking has become known meanwhile".to_owned()];
        self.commit(Tx { writes: vec![put(PlanState::Refused, moved)], ..Tx::new(now) }).await?;
        Ok(false)
    }

    /// What was reviewed under a name, stay by stay, with what has become of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn reviewed(&self, tenant: &TenantSlug, plan: &str) -> Result<Vec<PlanRecord>, StoreError> {
        let mut records = Vec::new();
        self.rows(Kind::Plan, tenant, |record| {
            if let Record::Plan(record) = record
                && record.plan == plan
            {
                records.push(record);
            }
        })
        .await?;
        Ok(records)
    }
}

/// What a source told in the dry run, as an answer of it.
fn arrival(record: &PlanRecord, news: &News) -> Arrival {
    let event = Event::Snapshot(Box::new(news.booking.clone()));
    Arrival {
        tenant: record.tenant.clone(),
        integration: news.source.clone(),
        origin: Origin::FullRead,
        action: "plan".to_owned(),
        dedup: None,
        events: vec![(event, record.stay.clone())],
        priority: None,
        reply: Reply { status: 200, body: serde_json::Value::Null },
    }
}

/// Whether a step is one that was reviewed: what waited then may be due now.
pub(super) fn is_same(reviewed: &PlannedStep, step: &PlannedStep) -> bool {
    (&reviewed.what, &reviewed.door, &reviewed.detail) == (&step.what, &step.door, &step.detail)
}

fn line(step: &PlannedStep) -> String {
    let door = step.door.as_ref().map(|door| format!(" on door {door}")).unwrap_or_default();
    format!("{}{door} {}", step.what, step.detail).trim_end().to_owned()
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
