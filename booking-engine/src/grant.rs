//! Work on a stay: fold, plan, and apply wave by wave, each step written down before it is tried.

mod backup;
mod brake;
mod draft;
mod review;
mod tell;
mod write;

pub(crate) use backup::is_in_pool;
use brake::Weighed;
pub use draft::{Draft, Looking, Scope, SourceLook, Suggestion};
pub use review::Applied;
pub(crate) use tell::staff_recipient;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use booking_core::store::{
    AlertRecord, AuditEntry, CodeState, Kind, Lease, Origin, PlanRecord, Record, RowKey, StoreError, Tx,
    WorkKey, Write,
};
use booking_core::{BookingId, CodeId, DoorId, DoorKey, ExternalId, Lookup, Marker, VendorError};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::alert::AlertKind;
use crate::doors::{self, DoorView};
use crate::engine::{Doing, Done, Engine, WorkError};
use crate::fold::{fold, must_ask, rename};
use crate::plan::{Plan, Rival, Situation, Step, plan};
use crate::retry;
use crate::stay::Stay;
use crate::tenant::{Mode, Place, Policy, Tenant};

/// More rounds of planning than any honest stay needs: the bound only stops a plan that never comes to rest.
const MOST_ROUNDS: usize = 40;

/// What would be done if nobody only watched.
const WOULD: &str = "would";
/// What goes on standing: each run finds it again.
const STANDING: [&str; 4] = [WOULD, "would-adopt", "would-delete", "brake"];
/// How many entries of a stay's record are looked through for what stands there.
const LATELY: usize = 50;

/// One stay being worked on.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) tenant: &'a Arc<Tenant>,
    pub(crate) stay: Stay,
    pub(crate) lease: Lease,
    /// What goes with the next change: reads of doors, audit entries, marks, inbox rows read.
    pub(crate) along: Vec<Write>,
    /// Doors for which no PIN was free in this run.
    pub(crate) exhausted: BTreeSet<DoorId>,
    /// Doors whose code gets new digits with its next change.
    pub(crate) anew: BTreeSet<DoorId>,
    /// Codes whose write failed in this run, and doors whose read did: once a run is enough.
    pub(crate) tried: BTreeSet<CodeId>,
    /// What was reviewed and is to be applied, exactly.
    pub(crate) reviewed: Option<PlanRecord>,
    /// Doors that have no backup code to give.
    pub(crate) without_backup: BTreeSet<DoorId>,
    /// What the brake allows, as far as it was looked up.
    pub(crate) budgets: BTreeMap<String, Weighed>,
    /// All codes on those keypads of the stay that hold only so many.
    rivals: BTreeMap<DoorKey, Vec<Rival>>,
    unread: BTreeSet<DoorKey>,
    /// What was noticed on the way and is mended by now: staff must hear of it all the same.
    pub(crate) alerts: BTreeMap<(AlertKind, Option<DoorId>), String>,
    /// When to look again, beyond what the plan says.
    later: Option<DateTime<Utc>>,
    /// Whether this run hears the booking's own words for the first time, and not from a full read.
    pub(crate) is_newcomer: bool,
    pub(crate) failed: bool,
}

impl Engine {
    pub(crate) async fn work_grant(
        &self,
        tenant: &Arc<Tenant>,
        booking: &BookingId,
        lease: Lease,
    ) -> Result<Done, WorkError> {
        let Some(mut stay) = Stay::load(&*self.store, &tenant.slug, booking).await? else {
            // Forgotten by retention or erased.
            return self.finish(&lease, Vec::new(), Done { next: None, failed: false }, None).await;
        };
        let reviewed = stay.approved(self.clock.now());
        let mut run = self.run(tenant, stay, lease);
        run.reviewed = reviewed;
        run.work().await
    }

    /// Takes over what another host has stored of a keypad since this one read it.
    pub(crate) async fn learn_read(&self, tenant: &Tenant, key: &DoorKey) -> Result<(), StoreError> {
        if !self.store.is_shared() {
            return Ok(());
        }
        let row = RowKey { kind: Kind::DoorRead, tenant: tenant.slug.clone(), id: key.to_string() };
        if let Some(Record::DoorRead(read)) = self.store.get(&row).await?.map(|row| row.record) {
            self.doors.learn(read);
        }
        Ok(())
    }

    pub(crate) fn run<'a>(&'a self, tenant: &'a Arc<Tenant>, stay: Stay, lease: Lease) -> Run<'a> {
        Run {
            engine: self,
            tenant,
            stay,
            lease,
            along: Vec::new(),
            exhausted: BTreeSet::new(),
            anew: BTreeSet::new(),
            tried: BTreeSet::new(),
            reviewed: None,
            without_backup: BTreeSet::new(),
            budgets: BTreeMap::new(),
            rivals: BTreeMap::new(),
            unread: BTreeSet::new(),
            alerts: BTreeMap::new(),
            later: None,
            is_newcomer: false,
            failed: false,
        }
    }
}

impl Run<'_> {
    async fn work(mut self) -> Result<Done, WorkError> {
        let asked_again = self.fold().await?;
        if let Some(done) = self.rejoin().await? {
            return Ok(done);
        }
        if self.marker().is_none() {
            // A reference that fits into no marker: the grant's id stands for it.
            let now = self.now();
            self.stay.grant(&*self.engine.rng, now);
        }
        self.learn_reads().await?;
        for _ in 0..MOST_ROUNDS {
            self.rivals().await?;
            let plan = self.plan();
            self.stay.learn(&plan, &*self.engine.rng, self.now());
            self.note(&plan).await?;
            self.nudge(&plan);
            self.tell_of_brake(&plan).await?;
            if self.weigh(&plan).await? || self.read(&plan).await? {
                continue;
            }
            if self.review(&plan) || self.let_stand(&plan).await? || self.adopt(&plan).await? {
                continue;
            }
            if self.mode() == Mode::Observe {
                self.report_only(&plan).await?;
                return self.rest(&plan, asked_again).await;
            }
            self.supersede(&plan);
            if self.issue(&plan).await? || self.write(&plan).await? || self.tell(&plan).await? {
                continue;
            }
            return self.rest(&plan, asked_again).await;
        }
        self.park().await
    }

    /// A plan that does not come to rest is a fault of ours: what was learnt is kept, and the stay waits with its reason.
    async fn park(mut self) -> Result<Done, WorkError> {
        let now = self.now();
        tracing::error!(tenant = %self.tenant.slug, stay = %self.stay.booking.id, "a plan does not come to rest");
        self.audit("parked", "the plan does not come to rest");
        let done = Done { next: Some(now + retry::delay(self.lease.failures + 5, now, None)), failed: true };
        self.end(done, None).await
    }

    /// What holds for this stay: its unit's policy, or the tenant's.
    pub(crate) fn policy(&self) -> &Policy {
        let unit = self.stay.grant.as_ref().and_then(|grant| self.tenant.unit(grant.unit.as_ref()?));
        unit.map_or(&self.tenant.policy, |unit| &unit.policy)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.engine.clock.now()
    }

    pub(crate) fn audit(&mut self, what: &str, detail: impl Into<String>) {
        self.along.push(self.engine.audit(&self.tenant.slug, Some(&self.stay.booking.id), what, detail));
    }

    /// Folds what arrived, asking the source where only it can answer. Returns when to ask again after a failure.
    async fn fold(&mut self) -> Result<Option<DateTime<Utc>>, WorkError> {
        let rows = self.engine.store.unread(&self.lease.work).await?;
        let absent_reads = self.policy().absent_reads;
        self.is_newcomer =
            self.stay.booking.booking.is_none() && rows.iter().any(|row| row.origin != Origin::FullRead);
        let before = self.stay.booking.clone();
        rename(&mut self.stay.booking, &rows);
        let mut answer = None;
        if must_ask(&self.stay.booking, &rows) {
            match self.ask(&self.stay.booking.reference.clone()).await? {
                Ok(lookup) => answer = Some(lookup),
                Err(again) => return Ok(Some(again)),
            }
        }
        fold(&mut self.stay.booking, &rows, answer.as_ref().map(|(lookup, at)| (lookup, *at)), absent_reads);
        self.stay.booking.last_error = None;
        if let Some(grant) =
            self.stay.grant.as_mut().filter(|_| before.reference != self.stay.booking.reference)
        {
            // The booking of the new name has no codes in it yet.
            grant.write_back = None;
        }
        if let Some(last) = rows.last() {
            self.along.push(Write::MarkRead { work: self.lease.work.clone(), up_to: last.number });
        }
        if before != self.stay.booking {
            let booking = &self.stay.booking;
            let what = match (booking.gone_at.is_some(), booking.cancelled_at.is_some()) {
                (true, _) => "booking-gone",
                (_, true) => "booking-cancelled",
                _ => "booking-changed",
            };
            self.audit(what, "");
        }
        Ok(None)
    }

    /// Asks the source; the inner error is when to ask again.
    pub(crate) async fn ask(
        &mut self,
        reference: &ExternalId,
    ) -> Result<Result<(Lookup, DateTime<Utc>), DateTime<Utc>>, WorkError> {
        let name = self.stay.booking.source.clone();
        let Some(source) = self.tenant.sources.get(&name).cloned() else {
            let error = VendorError::configuration("the source is not in the configuration");
            return Ok(Err(self.ask_failed(&error)));
        };
        let call = self.engine.call(&mut self.lease).await?;
        let asked_at = self.now();
        match source.booking(call, reference).await {
            Ok(lookup) => {
                let due = self.engine.works(self.tenant, &name, Doing::Read);
                self.along.extend(due);
                Ok(Ok((lookup, asked_at)))
            }
            Err(error) => {
                self.engine.waits_for(&self.tenant.slug, &name, Doing::Read, &self.lease.work);
                Ok(Err(self.ask_failed(&error)))
            }
        }
    }

    fn ask_failed(&mut self, error: &VendorError) -> DateTime<Utc> {
        self.failed = true;
        self.audit("source-failed", error.to_string());
        self.stay.booking.last_error = Some(error.to_string());
        let opens =
            self.stay.grant.as_ref().and_then(|grant| grant.window.as_ref()).map(booking_core::Window::opens);
        retry::after(error, self.lease.failures, self.now(), opens)
    }

    pub(crate) fn marker(&self) -> Option<Marker> {
        let of_grant = || Marker::new("Staykey", self.stay.grant.as_ref()?.id.as_str()).ok();
        if self.stay.booking.standing.is_some() {
            return of_grant();
        }
        let source = self.tenant.sources.get(&self.stay.booking.source)?;
        source.marker(&self.stay.booking.reference).or_else(of_grant)
    }

    /// The markers of codes that were written when the booking had another reference.
    fn former_markers(&self) -> Vec<Marker> {
        let booking = &self.stay.booking;
        let source = self.tenant.sources.get(&booking.source);
        source
            .into_iter()
            .flat_map(|source| booking.former.iter().filter_map(|of| source.marker(of)))
            .collect()
    }

    pub(crate) fn plan(&self) -> Plan {
        let (marker, former) = (self.marker(), self.former_markers());
        let views = self.views(marker.as_ref());
        let recovered = self.engine.recovered(&self.tenant.slug);
        plan(&Situation {
            now: self.now(),
            tenant: self.tenant,
            mode: self.mode(),
            booking: &self.stay.booking,
            marker: marker.as_ref(),
            former: &former,
            grant: self.stay.grant.as_ref(),
            codes: &self.stay.codes,
            messages: &self.stay.messages,
            views: &views,
            recovered: &recovered,
            rivals: &self.rivals,
            reissued_at: self.stay.reissued_at,
            linked: &self.stay.linked,
            without_backup: &self.without_backup,
            budgets: &self
                .budgets
                .iter()
                .map(|(name, weighed)| (name.clone(), weighed.budget.clone()))
                .collect(),
        })
    }

    /// Takes over newer reads of the stay's keypads that other hosts have stored.
    async fn learn_reads(&self) -> Result<(), WorkError> {
        for key in self.keys(None) {
            self.engine.learn_read(self.tenant, &key).await?;
        }
        Ok(())
    }

    /// Who else needs a place on keypads that hold only so many.
    async fn rivals(&mut self) -> Result<(), WorkError> {
        let limited: BTreeSet<DoorKey> = self
            .keys(None)
            .into_iter()
            .filter(|key| {
                let setup = self.tenant.doors.values().find(|setup| setup.door.key == *key);
                setup
                    .and_then(|setup| self.tenant.rules(&setup.id))
                    .is_some_and(|rules| rules.capacity.is_some())
            })
            .collect();
        self.rivals.clear();
        for key in limited {
            let codes = self.engine.store.codes_on(&self.tenant.slug, &key).await?;
            let others = codes.iter().filter(|code| code.stay != self.stay.booking.id);
            let own = self.stay.codes.iter().filter(|c| c.key == key && c.state != CodeState::Removed);
            self.rivals.insert(key.clone(), others.chain(own).map(Rival::of).collect());
        }
        Ok(())
    }

    /// Makes due who is to make room on a keypad, or for whom there is room now.
    fn nudge(&mut self, plan: &Plan) {
        let now = self.now();
        for stay in &plan.nudge {
            let work = WorkKey::Grant(self.tenant.slug.clone(), stay.clone());
            let known = |write: &Write| matches!(write, Write::Due { work: due, .. } if *due == work);
            if !self.along.iter().any(known) {
                self.along.push(Write::Due { work, at: now, priority: plan.opens });
            }
        }
    }

    /// The keypads that matter for this stay, as last seen.
    fn views(&self, marker: Option<&Marker>) -> BTreeMap<DoorKey, DoorView> {
        let slug = &self.tenant.slug;
        self.keys(marker)
            .into_iter()
            .filter_map(|key| {
                let view = self.engine.doors.view(slug, &key)?;
                Some((key, view))
            })
            .collect()
    }

    /// The keypads that matter for this stay: those of its unit, those in its ledger, those where its marker is.
    fn keys(&self, marker: Option<&Marker>) -> BTreeSet<DoorKey> {
        let slug = &self.tenant.slug;
        let mut keys: BTreeSet<DoorKey> = self.stay.codes.iter().map(|code| code.key.clone()).collect();
        keys.extend(self.stay.linked.iter().map(|linked| linked.keypad.clone()));
        let former = self.former_markers();
        let markers = marker.into_iter().chain(&former);
        keys.extend(markers.flat_map(|marker| self.engine.doors.marked(slug, marker)));
        let reference = self.stay.booking.booking.as_ref().and_then(|booking| booking.unit.as_ref());
        let unit = reference.and_then(|unit| self.tenant.unit_of(&self.stay.booking.source, unit));
        let standing = self.stay.booking.standing.as_ref().map(|standing| &standing.door);
        let doors = unit.into_iter().flat_map(|unit| &unit.doors).chain(standing);
        keys.extend(doors.filter_map(|door| Some(self.tenant.doors.get(door)?.door.key.clone())));
        keys
    }

    /// Asks to be called again, in a few seconds where no time is known.
    pub(crate) fn wake(&mut self, at: Option<DateTime<Utc>>) {
        let soon = self.now() + chrono::Duration::seconds(5);
        let at = at.map_or(soon, |at| at.max(soon));
        self.later = Some(self.later.map_or(at, |later| later.min(at)));
    }

    async fn note(&mut self, plan: &Plan) -> Result<(), WorkError> {
        let drift = plan.alerts.iter().filter(|((kind, _), _)| *kind == AlertKind::Drift);
        self.alerts.extend(drift.map(|(about, detail)| (about.clone(), detail.clone())));
        for (what, detail) in &plan.notes {
            let entry =
                self.engine.audit(&self.tenant.slug, Some(&self.stay.booking.id), what, detail.clone());
            let known = |write: &Write| matches!((write, &entry), (Write::Audit(a), Write::Audit(b)) if a.what == b.what && a.detail == b.detail);
            if !self.along.iter().any(known) && !self.stands(what, detail).await? {
                self.along.push(entry);
            }
        }
        Ok(())
    }

    /// Whether it is on record already that this would be done, or waits, and nothing has happened to the stay since: every
    /// run finds it again.
    async fn stands(&self, what: &str, detail: &str) -> Result<bool, WorkError> {
        let is_standing = |entry: &AuditEntry| STANDING.contains(&entry.what.as_str());
        let news = |write: &Write| matches!(write, Write::Audit(entry) if !is_standing(entry));
        if !STANDING.contains(&what) || self.along.iter().any(news) {
            return Ok(false);
        }
        let stay = Some(&self.stay.booking.id);
        let rows = self.engine.store.audit(&self.tenant.slug, stay, None, LATELY).await?;
        let standing = rows.iter().map(|row| &row.entry).take_while(|entry| is_standing(entry));
        let standing = standing.filter(|entry| entry.what == what);
        // What would be done is one entry of all steps: the last one tells.
        let last = if what == WOULD { 1 } else { LATELY };
        Ok(standing.take(last).any(|entry| entry.detail == detail))
    }

    /// Reads the keypads that the plan asks for.
    async fn read(&mut self, plan: &Plan) -> Result<bool, WorkError> {
        let places: Vec<Place> = plan
            .ready()
            .filter_map(|step| match step {
                Step::Read { place } => Some(place.clone()),
                _ => None,
            })
            .collect();
        let (failed, places): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|place| self.unread.contains(&place.key));
        for place in failed {
            let view = self.engine.doors.view(&self.tenant.slug, &place.key);
            self.wake(view.and_then(|view| view.retry_at));
        }
        if places.is_empty() {
            return Ok(false);
        }
        self.read_places(&places, plan.opens).await?;
        Ok(true)
    }

    /// One read a keypad, side by side.
    pub(crate) async fn read_places(
        &mut self,
        places: &[Place],
        opens: Option<DateTime<Utc>>,
    ) -> Result<(), WorkError> {
        let call = self.engine.call(&mut self.lease).await?;
        let (engine, tenant) = (self.engine, self.tenant);
        let reads = places.iter().map(|place| {
            // Nobody arrives at a keypad that its door no longer has.
            let opens = opens.filter(|_| tenant.is_present(place));
            engine.doors.read(&*engine.clock, tenant, place, self.last_write(place), call, opens)
        });
        let results = join_all(reads).await;
        for (place, result) in places.iter().zip(results) {
            let Some((record, up)) = result else { continue };
            self.along.push(Write::Put(Box::new(record)));
            if up {
                let due = self.engine.works(self.tenant, &place.lock, Doing::Read);
                self.along.extend(due);
            } else {
                self.failed = true;
                self.unread.insert(place.key.clone());
                self.engine.waits_for(&self.tenant.slug, &place.lock, Doing::Read, &self.lease.work);
            }
        }
        Ok(())
    }

    /// A read must be later than this to show all that this stay has written to a keypad.
    fn last_write(&self, place: &Place) -> DateTime<Utc> {
        let writes =
            self.stay.codes.iter().filter(|code| code.key == place.key).filter_map(crate::plan::write_end);
        writes.max().map_or(self.now(), |last| last.max(self.now()))
    }

    /// The time of a write to a keypad: later than any read of it that was made before, even on a clock that stands
    /// still or was set back, so that reads and writes of a door have one order.
    pub(crate) fn write_time(&self, key: &DoorKey) -> DateTime<Utc> {
        let seen = self.engine.doors.observed_at(self.tenant, key);
        seen.map_or(self.now(), |at| self.now().max(at + chrono::Duration::microseconds(1)))
    }

    fn supersede(&mut self, plan: &Plan) {
        for step in plan.ready() {
            if let Step::Supersede { message } = step
                && let Some(message) = self.stay.message_mut(message)
            {
                message.state = booking_core::store::MessageState::Superseded;
            }
        }
    }

    /// In `observe` mode the plan is only told.
    async fn report_only(&mut self, plan: &Plan) -> Result<(), WorkError> {
        let steps: Vec<&'static str> = plan.steps.iter().map(|(step, _)| step_word(step)).collect();
        let steps = steps.join(", ");
        if !steps.is_empty() && !self.stands(WOULD, &steps).await? {
            self.audit(WOULD, steps);
        }
        Ok(())
    }

    /// Commits what has become of the wave before and the intents of the next one.
    pub(crate) async fn commit_along(&mut self) -> Result<(), WorkError> {
        let now = self.now();
        let mut writes = self.stay.changes(now, self.policy().quarantine);
        writes.append(&mut self.along);
        let expect = self.stay.expect();
        self.engine.commit(Tx { writes, expect, ..Tx::under(now, &self.lease) }).await?;
        self.stay.stored();
        Ok(())
    }

    /// Nothing is left to do now: the last change, with the time to look again.
    async fn rest(mut self, plan: &Plan, asked_again: Option<DateTime<Utc>>) -> Result<Done, WorkError> {
        let now = self.now();
        if !self.exhausted.is_empty() {
            // Digits come free when stays end, not within a minute.
            self.wake(Some(now + chrono::Duration::minutes(15)));
        }
        let next = [plan.next, asked_again, self.later].into_iter().flatten().min().map(|at| at.max(now));
        self.settle_alerts(plan);
        let done = Done { next, failed: self.failed };
        self.end(done, plan.opens).await
    }

    /// The last change of a run.
    async fn end(mut self, done: Done, opens: Option<DateTime<Utc>>) -> Result<Done, WorkError> {
        if self.stay.booking.standing.is_some() {
            // A guest may have taken the code meanwhile, and then it is no longer this run's to write.
            self.commit_along().await?;
        }
        let mut writes = self.stay.changes(self.now(), self.policy().quarantine);
        writes.append(&mut self.along);
        self.engine.finish(&self.lease, writes, done, opens).await
    }

    /// Opens alerts that are new, closes those that are over.
    fn settle_alerts(&mut self, plan: &Plan) {
        let now = self.now();
        let mut current = std::mem::take(&mut self.alerts);
        current.extend(plan.alerts.clone());
        for door in &self.exhausted {
            current.insert((AlertKind::PinSpaceExhausted, Some(door.clone())), String::new());
        }
        let mut open: BTreeSet<String> = BTreeSet::new();
        let mut news = false;
        for ((kind, door), detail) in current {
            let id = alert_id(kind, &self.stay.booking.id, door.as_ref());
            open.insert(id.clone());
            match self.stay.alerts.iter_mut().find(|alert| alert.id == id) {
                Some(alert) if alert.closed_at.is_none() => {}
                known => {
                    let alert = AlertRecord {
                        id,
                        tenant: self.tenant.slug.clone(),
                        stay: Some(self.stay.booking.id.clone()),
                        door,
                        kind: kind.key().to_owned(),
                        detail,
                        opened_at: now,
                        closed_at: None,
                        told_at: self.tenant.staff.is_empty().then_some(now),
                    };
                    tracing::warn!(tenant = %alert.tenant, alert = %alert.kind, door = alert.door.as_ref().map(|d| d.as_str()), "staff must look at this");
                    news = true;
                    match known {
                        Some(known) => *known = alert,
                        None => self.stay.alerts.push(alert),
                    }
                }
            }
        }
        for alert in &mut self.stay.alerts {
            let elsewhere = AlertKind::parse(&alert.kind).is_some_and(AlertKind::is_of_reads);
            if !open.contains(&alert.id) && alert.closed_at.is_none() && !elsewhere {
                alert.closed_at = Some(now);
            }
        }
        if news && !self.tenant.staff.is_empty() {
            self.along.push(Write::Due {
                work: WorkKey::Notice(self.tenant.slug.clone()),
                at: now,
                priority: Some(now),
            });
        }
    }
}

pub(crate) fn alert_id(kind: AlertKind, stay: &BookingId, door: Option<&DoorId>) -> String {
    door.map_or_else(|| format!("{kind}/{stay}"), |door| format!("{kind}/{stay}/{door}"))
}

fn step_word(step: &Step) -> &'static str {
    match step {
        Step::Read { .. } | Step::Weigh { .. } => "read",
        Step::Adopt { .. } | Step::LetStand { .. } => "adopt",
        Step::Issue { .. } => "issue",
        Step::Mint { .. } | Step::Create { .. } => "create",
        Step::Replace { .. } => "replace",
        Step::Delete { .. } => "delete",
        Step::Tell(_) | Step::Find { .. } => "tell",
        Step::Supersede { .. } => "supersede",
        Step::WriteBack { .. } => "write-back",
    }
}

/// A vendor's refusal of a write, for staff: only faults that somebody must mend.
pub(crate) fn needs_staff(error: &VendorError) -> bool {
    doors::trouble(error) == AlertKind::LockCredentials
}
