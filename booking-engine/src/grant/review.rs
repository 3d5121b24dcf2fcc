//! Plans that are reviewed before they are applied: exactly what was shown, or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use booking_core::store::{
    CodeRecord, Kind, Lease, Pins, PlanRecord, PlanState, PlannedStep, Record, StoreError, Tx, WorkKey, Write,
};
use booking_core::{BookingId, DoorId, GrantId, IntegrationName, Proof, TenantSlug, UnitId};
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use super::Run;
use crate::engine::{Engine, WorkError};
use crate::plan::{Plan, Step, shown};
use crate::stay::Stay;
use crate::tenant::{Mode, Tenant};

/// How long a plan may be applied.
const LIFE: Duration = Duration::hours(1);
/// How long one stay's reads may take in a dry run.
const PATIENCE: Duration = Duration::minutes(10);
/// More rounds of reading than a dry run needs.
const MOST_ROUNDS: usize = 8;

/// Which stays a dry run looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of a tenant.
    Tenant,
    /// Those of a source.
    Source(IntegrationName),
    /// Those in a unit, or that were in it.
    Unit(UnitId),
    /// One.
    Stay(BookingId),
}

/// What a dry run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its name, by which it is applied.
    pub id: String,
    /// The stays for which there is something to do.
    pub stays: Vec<PlanRecord>,
    /// How many were looked at.
    pub looked_at: usize,
    /// Keypads that could not be read: nothing is planned there.
    pub unread: Vec<DoorId>,
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Stays that are to be worked on now.
    pub approved: usize,
    /// Stays whose part was decided before, or whose time is over.
    pub left: usize,
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
    fn rests_on(&self, plan: &Plan) -> BTreeMap<String, String> {
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
        let marker = self.marker();
        for (key, view) in self.views(marker.as_ref()) {
            let own = view.codes().iter().filter(|listed| {
                let known = stay.codes.iter().any(|code| code.vendor_id.as_ref() == Some(&listed.id));
                known
                    || marker
                        .as_ref()
                        .is_some_and(|marker| view.marked(marker).any(|other| other.id == listed.id))
            });
            let own: Vec<_> =
                own.map(|listed| (listed, listed.stored.as_ref().map(|pin| hash(pin.expose())))).collect();
            rests.insert(format!("keypad {key}"), hash(&format!("{own:?}")));
        }
        rests
    }

    /// The digits that a plan would give to doors, drawn now.
    fn draw(&self, plan: &Plan) -> Vec<(DoorId, Pins)> {
        let mut drawn = Vec::new();
        for (step, _) in &plan.steps {
            let Step::Mint { codes, fresh } = step else { continue };
            let rules: Vec<_> = codes.iter().filter_map(|code| self.tenant.rules(&code.door)).collect();
            let Some(stored) = self.candidates(codes, &rules, !fresh).into_iter().next() else { continue };
            drawn.extend(codes.iter().zip(&rules).map(|(code, rules)| {
                (code.door.clone(), Pins { typed: rules.typed(&stored), stored: stored.clone() })
            }));
        }
        drawn
    }

    /// The digits that were reviewed for these doors.
    pub(super) fn reviewed_digits(&self, codes: &[crate::plan::NewCode]) -> Option<booking_core::Pin> {
        let door = &codes.first()?.door;
        let (_, pins) = self.reviewed.as_ref()?.pins.iter().find(|(of, _)| of == door)?;
        Some(pins.stored.clone())
    }

    /// What would be to do once the plan's codes are on their doors and proven: messages, and what waits for them.
    fn what_follows(&mut self, plan: &Plan) -> Vec<PlannedStep> {
        let mut proven: Vec<CodeRecord> = Vec::new();
        for (step, _) in &plan.steps {
            match step {
                Step::Mint { codes, fresh } => {
                    proven.extend(self.mint(codes, !fresh).into_iter().next().unwrap_or_default());
                }
                Step::Create { code, content } | Step::Replace { code, content, .. } => {
                    let code = self.stay.code(code).cloned();
                    proven.extend(code.map(|code| CodeRecord { window: content.window.clone(), ..code }));
                }
                _ => {}
            }
        }
        for code in proven {
            self.stay.codes.retain(|known| known.id != code.id);
            self.stay.codes.push(CodeRecord { proof: Proof::Used, write: None, ..code });
        }
        let after = self.plan();
        let follows = |step: &PlannedStep| matches!(step.what.as_str(), "tell" | "write-back" | "delete");
        shown(&after).into_iter().filter(follows).collect()
    }

    /// Reads what the plan needs, and plans, until it needs no more.
    async fn dry(&mut self) -> Result<Plan, WorkError> {
        for _ in 0..MOST_ROUNDS {
            self.rivals().await?;
            let plan = self.plan();
            self.stay.learn(&plan, &*self.engine.rng, self.now());
            let read = self.read(&plan).await?;
            if !self.weigh(&plan).await? && !read {
                return Ok(plan);
            }
        }
        Ok(self.plan())
    }
}

impl Engine {
    /// A dry run: what would be done for these stays, and whom it would tell. Doors are read; nothing is written to
    /// any vendor, and nobody is told. What it found is kept for an hour and can be [applied](Self::apply).
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails.
    pub async fn draft(&self, tenant: &Arc<Tenant>, scope: &Scope) -> Result<Draft, WorkError> {
        let now = self.clock.now();
        let mut draft = Draft {
            id: GrantId::draw(&*self.rng).to_string(),
            stays: Vec::new(),
            looked_at: 0,
            unread: Vec::new(),
        };
        for stay in self.stays_in(tenant, scope).await? {
            let Some(stay) = Stay::load(&*self.store, &tenant.slug, &stay).await? else { continue };
            draft.looked_at += 1;
            self.draft_stay(tenant, stay, &mut draft).await?;
        }
        draft.unread.sort();
        draft.unread.dedup();
        let writes: Vec<Write> =
            draft.stays.iter().map(|record| Write::Put(Box::new(Record::Plan(record.clone())))).collect();
        for chunk in writes.chunks(crate::engine::BATCH) {
            self.commit(Tx { writes: chunk.to_vec(), ..Tx::new(now) }).await?;
        }
        Ok(draft)
    }

    async fn draft_stay(&self, tenant: &Arc<Tenant>, stay: Stay, draft: &mut Draft) -> Result<(), WorkError> {
        let now = self.clock.now();
        // Nobody's lease: nothing of this run is committed but what it read.
        let work = WorkKey::Grant(tenant.slug.clone(), stay.booking.id.clone());
        let lease = Lease { work, token: 0, until: now + PATIENCE, failures: 0 };
        let mut run = self.run(tenant, stay, lease);
        let empty = run.empty_review(&draft.id, now);
        run.reviewed = Some(empty.clone());
        let plan = run.dry().await?;
        draft.unread.extend(run.failed_doors());
        let mut steps = shown(&plan);
        if !steps.is_empty() {
            let record = PlanRecord { rests_on: run.rests_on(&plan), pins: run.draw(&plan), ..empty };
            run.reviewed = Some(record.clone());
            for step in run.what_follows(&plan) {
                if !steps.iter().any(|known| is_same(known, &step)) {
                    steps.push(PlannedStep { later: true, ..step });
                }
            }
            draft.stays.push(PlanRecord { steps, ..record });
        }
        self.commit(Tx { writes: std::mem::take(&mut run.along), ..Tx::new(now) }).await?;
        Ok(())
    }

    /// Applies a plan that was reviewed: exactly it. A stay that has moved on since is refused, and its record tells
    /// what moved. The work is done by whoever claims it.
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails.
    pub async fn apply(&self, tenant: &TenantSlug, plan: &str) -> Result<Applied, WorkError> {
        let now = self.clock.now();
        let mut applied = Applied::default();
        let mut writes = Vec::new();
        for record in self.reviewed(tenant, plan).await? {
            if record.state != PlanState::Drafted || record.expires_at <= now {
                applied.left += 1;
                continue;
            }
            applied.approved += 1;
            let work = WorkKey::Grant(tenant.clone(), record.stay.clone());
            let record = PlanRecord { state: PlanState::Approved, ..record };
            writes.push(Write::Put(Box::new(Record::Plan(record))));
            writes.push(Write::Due { work, at: now, priority: Some(now) });
        }
        writes.push(self.audit(tenant, None, "plan-approved", format!("{plan}: {} stays", applied.approved)));
        for chunk in writes.chunks(crate::engine::BATCH) {
            self.commit(Tx { writes: chunk.to_vec(), ..Tx::new(now) }).await?;
        }
        Ok(applied)
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

    async fn stays_in(&self, tenant: &Tenant, scope: &Scope) -> Result<Vec<BookingId>, StoreError> {
        if let Scope::Stay(stay) = scope {
            return Ok(vec![stay.clone()]);
        }
        let now = self.clock.now();
        let mut held: BTreeMap<BookingId, Option<UnitId>> = BTreeMap::new();
        self.rows(Kind::Grant, &tenant.slug, |record| {
            if let Record::Grant(grant) = record {
                held.insert(grant.stay, grant.unit);
            }
        })
        .await?;
        let mut stays: Vec<(Option<chrono::NaiveDate>, BookingId)> = Vec::new();
        self.rows(Kind::Booking, &tenant.slug, |record| {
            let Record::Booking(record) = record else { return };
            let dates = record.booking.as_ref().and_then(|booking| booking.dates.ok());
            let over = dates.is_some_and(|dates| dates.departure() + Duration::days(2) < now.date_naive());
            let unit = record
                .booking
                .as_ref()
                .and_then(|booking| Some(&tenant.unit_of(&record.source, booking.unit.as_ref()?)?.id));
            let inside = match scope {
                Scope::Tenant | Scope::Stay(_) => true,
                Scope::Source(source) => record.source == *source,
                Scope::Unit(id) => {
                    unit == Some(id) || held.get(&record.id).is_some_and(|u| u.as_ref() == Some(id))
                }
            };
            if inside && (!over || held.contains_key(&record.id)) {
                stays.push((dates.map(|dates| dates.arrival()), record.id));
            }
        })
        .await?;
        stays.sort();
        Ok(stays.into_iter().map(|(_, stay)| stay).collect())
    }
}

impl Run<'_> {
    fn empty_review(&self, plan: &str, now: DateTime<Utc>) -> PlanRecord {
        PlanRecord {
            plan: plan.to_owned(),
            tenant: self.tenant.slug.clone(),
            stay: self.stay.booking.id.clone(),
            made_at: now,
            expires_at: now + LIFE,
            state: PlanState::Drafted,
            steps: Vec::new(),
            rests_on: BTreeMap::new(),
            moved: Vec::new(),
            pins: Vec::new(),
        }
    }

    fn failed_doors(&self) -> Vec<DoorId> {
        let doors = self.tenant.doors.values().filter(|setup| self.unread.contains(&setup.door.key));
        doors.map(|setup| setup.id.clone()).collect()
    }
}

/// Whether a step is one that was reviewed: what waited then may be due now.
fn is_same(reviewed: &PlannedStep, step: &PlannedStep) -> bool {
    (&reviewed.what, &reviewed.door, &reviewed.detail) == (&step.what, &step.door, &step.detail)
}

fn line(step: &PlannedStep) -> String {
    let door = step.door.as_ref().map(|door| format!(" on door {door}")).unwrap_or_default();
    format!("{}{door} {}", step.what, step.detail).trim_end().to_owned()
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
