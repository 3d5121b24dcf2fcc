//! Dry runs: what would be done, for whom, and what the sources would tell. Doors and sources are read; nothing is
//! written to any vendor, and nobody is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use booking_core::store::{
    BookingRecord, CodeRecord, CodeState, InboxRow, Kind, Lease, News, Origin, Pins, PlanRecord, PlanState,
    PlannedStep, Record, StoreError, Tx, WorkKey, Write,
};
use booking_core::{
    Booking, BookingId, DoorId, Event, ExternalId, GrantId, IntegrationName, Lookup, Proof, TenantSlug,
    UnitId, VendorCodeId,
};
use chrono::{DateTime, Duration, Utc};

use super::Run;
use super::review::is_same;
use crate::compare::Findings;
use crate::engine::{BATCH, Engine, WorkError};
use crate::fold::fold;
use crate::operator::Names;
use crate::plan::{Plan, Step, shown};
use crate::source::range_of;
use crate::stay::Stay;
use crate::tenant::{Tenant, Unit};

/// How long a plan may be applied.
const LIFE: Duration = Duration::hours(1);
/// How long one stay's reads may take in a dry run, or those of one source.
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

/// How far a dry run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looking {
    /// It asks this source.
    Source(IntegrationName),
    /// It reads this door.
    Door(DoorId),
    /// It looks at stays.
    Stays {
        /// This many have been looked at
        done: usize,
        /// of this many.
        of: usize,
    },
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
    /// What the sources showed.
    pub sources: Vec<SourceLook>,
    /// Unmarked codes that may well be a stay's: for a person to decide, never taken over by themselves.
    pub suggestions: Vec<Suggestion>,
}

/// What a source showed in a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLook {
    /// The source.
    pub source: IntegrationName,
    /// How many bookings it listed.
    pub listed: usize,
    /// How many of them tell more than was known: the plan is made with it.
    pub news: usize,
    /// How many known bookings it did not list. A plan removes nothing for that; complete reads of a running host do.
    pub missing: usize,
    /// How many could not be read.
    pub unreadable: usize,
    /// Whether so much is missing that its word is doubted.
    pub suspect: bool,
    /// Why it could not be read: then the plan is made with what was known.
    pub failing: Option<String>,
}

/// A code without marker whose name is that of a guest who should have one there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suggestion {
    /// The door.
    pub door: DoorId,
    /// The vendor's id of the code.
    pub code: VendorCodeId,
    /// The stay.
    pub stay: BookingId,
    /// What its source calls it.
    pub reference: ExternalId,
}

/// A stay to look at, with what its source told just now.
struct Candidate {
    stay: Stay,
    news: Option<News>,
}

impl Run<'_> {
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

    /// What would be to do once the plan is applied: what follows when codes are taken over, then messages, and what
    /// waits for them. Also the digits that all of it gives to doors. The run is of no use afterwards.
    fn foresee(&mut self, plan: &Plan) -> (Vec<PlannedStep>, Vec<(DoorId, Pins)>) {
        let mut digits = self.draw(plan);
        let adopted = self.foresee_adoption(plan);
        let mut steps = adopted.as_ref().map(shown).unwrap_or_default();
        let plan = adopted.as_ref().unwrap_or(plan);
        if adopted.is_some() {
            let more = self.draw(plan).into_iter();
            let is_new = |(door, _): &(DoorId, Pins)| !digits.iter().any(|(drawn, _)| drawn == door);
            let more: Vec<_> = more.filter(is_new).collect();
            digits.extend(more);
        }
        self.foresee_codes(plan);
        let follows = |step: &PlannedStep| matches!(step.what.as_str(), "tell" | "write-back" | "delete");
        steps.extend(shown(&self.plan()).into_iter().filter(follows));
        (steps, digits)
    }

    /// The plan once its codes are taken over; `None` where it takes none over.
    fn foresee_adoption(&mut self, plan: &Plan) -> Option<Plan> {
        let mut any = false;
        for (step, _) in &plan.steps {
            if let Step::Adopt { place, listed, wanted } = step {
                any |= self.adopt_one(&place.door, listed.clone(), *wanted, plan).is_some();
            }
        }
        any.then(|| self.plan())
    }

    /// Takes the plan's codes for written and proven.
    fn foresee_codes(&mut self, plan: &Plan) {
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
    }

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
            news: None,
            reissue: false,
            pins: Vec::new(),
        }
    }

    /// The stay's doors that cannot be read: tried now, or not since the account wants to be left alone.
    fn failed_doors(&self, plan: &Plan) -> Vec<DoorId> {
        let unit = plan.access.as_ref().and_then(|(unit, _)| self.tenant.unit(unit));
        let is_own = |door: &DoorId| {
            unit.is_some_and(|unit| unit.doors.contains(door))
                || self.stay.codes.iter().any(|code| code.door == *door && code.state != CodeState::Removed)
        };
        let is_failing = |key| {
            let view = self.engine.doors.view(&self.tenant.slug, key);
            view.is_some_and(|view| view.failing.is_some())
        };
        let doors = self.tenant.doors.values().filter(|setup| {
            self.unread.contains(&setup.door.key) || (is_own(&setup.id) && is_failing(&setup.door.key))
        });
        doors.map(|setup| setup.id.clone()).collect()
    }
}

impl Engine {
    /// A dry run: what would be done for these stays, and whom it would tell. Sources are asked and doors are read;
    /// nothing is written to any vendor, and nobody is told. What it found is kept for an hour and can be
    /// [applied](Self::apply).
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails.
    pub async fn draft(
        &self,
        tenant: &Arc<Tenant>,
        scope: &Scope,
        progress: &(dyn Fn(Looking) + Send + Sync),
    ) -> Result<Draft, WorkError> {
        let mut draft = self.empty_draft();
        let mut names = Names::default();
        let candidates = self.look(tenant, scope, &mut draft, progress).await?;
        for door in scope.doors(tenant, &candidates) {
            progress(Looking::Door(door.clone()));
            if !self.read_once(tenant, &door).await? {
                draft.unread.push(door);
            }
        }
        let of = candidates.len();
        progress(Looking::Stays { done: 0, of });
        for (done, candidate) in candidates.into_iter().enumerate() {
            self.draft_stay(tenant, candidate, false, &mut draft, &mut names).await?;
            progress(Looking::Stays { done: done + 1, of });
        }
        draft.suggestions = self.suggest(tenant, &names).await?;
        self.keep(draft).await
    }

    /// What it would take to give a stay other digits. Applying it asks for them.
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails.
    pub async fn draft_reissue(&self, tenant: &Arc<Tenant>, stay: &BookingId) -> Result<Draft, WorkError> {
        let mut draft = self.empty_draft();
        if let Some(mut stay) = Stay::load(&*self.store, &tenant.slug, stay).await? {
            stay.reissued_at = Some(self.clock.now());
            let candidate = Candidate { stay, news: None };
            self.draft_stay(tenant, candidate, true, &mut draft, &mut Names::default()).await?;
        }
        self.keep(draft).await
    }

    fn empty_draft(&self) -> Draft {
        Draft {
            id: GrantId::draw(&*self.rng).to_string(),
            stays: Vec::new(),
            looked_at: 0,
            unread: Vec::new(),
            sources: Vec::new(),
            suggestions: Vec::new(),
        }
    }

    /// Keeps a draft for whoever applies it.
    async fn keep(&self, mut draft: Draft) -> Result<Draft, WorkError> {
        draft.unread.sort();
        draft.unread.dedup();
        let now = self.clock.now();
        let writes: Vec<Write> =
            draft.stays.iter().map(|record| Write::Put(Box::new(Record::Plan(record.clone())))).collect();
        for chunk in writes.chunks(BATCH) {
            self.commit(Tx { writes: chunk.to_vec(), ..Tx::new(now) }).await?;
        }
        Ok(draft)
    }

    async fn draft_stay(
        &self,
        tenant: &Arc<Tenant>,
        candidate: Candidate,
        reissue: bool,
        draft: &mut Draft,
        names: &mut Names,
    ) -> Result<(), WorkError> {
        let now = self.clock.now();
        let Candidate { stay, news } = candidate;
        draft.looked_at += 1;
        // Nobody's lease: nothing of this run is committed but what it read.
        let work = WorkKey::Grant(tenant.slug.clone(), stay.booking.id.clone());
        let lease = Lease { work, token: 0, until: now + PATIENCE, failures: 0 };
        let mut run = self.run(tenant, stay, lease);
        let empty = run.empty_review(&draft.id, now);
        run.reviewed = Some(empty.clone());
        let plan = run.dry().await?;
        draft.unread.extend(run.failed_doors(&plan));
        names.gather(tenant, &run.stay, &plan);
        let read = std::mem::take(&mut run.along);
        let mut steps = shown(&plan);
        if !steps.is_empty() {
            let mut record = PlanRecord { rests_on: run.rests_on(&plan), news, reissue, ..empty };
            let (later, pins) = run.foresee(&plan);
            for step in later {
                if !steps.iter().any(|known| is_same(known, &step)) {
                    steps.push(PlannedStep { later: true, ..step });
                }
            }
            record.pins = pins;
            draft.stays.push(PlanRecord { steps, ..record });
        }
        self.commit(Tx { writes: read, ..Tx::new(now) }).await?;
        Ok(())
    }

    /// Asks the sources, and gathers the stays to look at, the soonest arrival first.
    async fn look(
        &self,
        tenant: &Arc<Tenant>,
        scope: &Scope,
        draft: &mut Draft,
        progress: &(dyn Fn(Looking) + Send + Sync),
    ) -> Result<Vec<Candidate>, WorkError> {
        let mut news: BTreeMap<BookingId, News> = BTreeMap::new();
        if let Scope::Stay(stay) = scope {
            news.extend(self.look_at_one(tenant, stay, draft, progress).await?);
        }
        let is_read = |name: &IntegrationName| match scope {
            Scope::Tenant => true,
            Scope::Source(source) => source == name,
            Scope::Unit(unit) => tenant.unit(unit).is_some_and(|unit| unit.sources.contains_key(name)),
            Scope::Stay(_) => false,
        };
        for name in tenant.sources.keys().filter(|name| is_read(name)) {
            progress(Looking::Source(name.clone()));
            news.extend(self.look_at_all(tenant, name, draft).await?);
        }
        let known = self.stays_in(tenant, scope, &news).await?;
        let mut candidates = Vec::new();
        for id in &known {
            let stay = Stay::load(&*self.store, &tenant.slug, id).await?;
            candidates.extend(stay.map(|stay| self.with_news(tenant, stay, news.remove(id))));
        }
        // What is left nobody knew of.
        for (id, news) in news {
            if scope.takes(tenant, &news.source, &news.booking) {
                let stay = Stay::new(self.stranger_record(tenant, id, &news));
                candidates.push(self.with_news(tenant, stay, Some(news)));
            }
        }
        candidates.sort_by_key(|candidate| arrival(&candidate.stay.booking));
        Ok(candidates)
    }

    /// A stay as it would be once its source's word is taken in.
    fn with_news(&self, tenant: &Tenant, mut stay: Stay, news: Option<News>) -> Candidate {
        if let Some(news) = &news {
            let row = InboxRow {
                number: 0,
                tenant: tenant.slug.clone(),
                integration: news.source.clone(),
                origin: Origin::FullRead,
                action: String::new(),
                work: None,
                event: Some(Event::Snapshot(Box::new(news.booking.clone()))),
                received_at: self.clock.now(),
                read_at: None,
            };
            fold(&mut stay.booking, &[row], None, tenant.policy.absent_reads);
        }
        Candidate { stay, news }
    }

    fn stranger_record(&self, tenant: &Tenant, id: BookingId, news: &News) -> BookingRecord {
        BookingRecord {
            id,
            tenant: tenant.slug.clone(),
            source: news.source.clone(),
            reference: news.booking.reference.clone(),
            former: Vec::new(),
            booking: None,
            seen_at: None,
            deleted_at: None,
            absences: 0,
            not_found_since: None,
            contradicted_since: None,
            gone_at: None,
            cancelled_at: None,
            last_error: None,
            standing: None,
            created_at: self.clock.now(),
        }
    }

    /// What a source says of one stay now, where that is news.
    async fn look_at_one(
        &self,
        tenant: &Arc<Tenant>,
        id: &BookingId,
        draft: &mut Draft,
        progress: &(dyn Fn(Looking) + Send + Sync),
    ) -> Result<Option<(BookingId, News)>, WorkError> {
        let Some(stay) = Stay::load(&*self.store, &tenant.slug, id).await? else { return Ok(None) };
        let record = stay.booking;
        let Some(source) = tenant.sources.get(&record.source).filter(|_| record.standing.is_none()) else {
            return Ok(None);
        };
        progress(Looking::Source(record.source.clone()));
        let mut look = SourceLook::new(&record.source);
        let mut lease = self.nobodys(WorkKey::Source(tenant.slug.clone(), record.source.clone()));
        let call = self.call(&mut lease).await?;
        let mut news = None;
        match source.booking(call, &record.reference).await {
            Ok(Lookup::Found(booking) | Lookup::Cancelled(booking)) => {
                look.listed = 1;
                let known = record.booking.as_ref().is_some_and(|known| known.same_content(&booking));
                if !known || record.gone_at.is_some() {
                    look.news = 1;
                    let source = record.source.clone();
                    news = Some((id.clone(), News { source, booking: *booking }));
                }
            }
            Ok(Lookup::NotFound) => look.missing = 1,
            Err(error) => look.failing = Some(error.to_string()),
        }
        draft.sources.push(look);
        Ok(news)
    }

    /// What a complete read of a source shows beyond what is known.
    async fn look_at_all(
        &self,
        tenant: &Arc<Tenant>,
        name: &IntegrationName,
        draft: &mut Draft,
    ) -> Result<Vec<(BookingId, News)>, WorkError> {
        let Some(source) = tenant.sources.get(name) else { return Ok(Vec::new()) };
        let mut look = SourceLook::new(name);
        let range = range_of(tenant, self.clock.now());
        let mut lease = self.nobodys(WorkKey::Source(tenant.slug.clone(), name.clone()));
        let mut news = Vec::new();
        match self.read_source(&**source, range, &mut lease).await? {
            Ok(read) => {
                let known = self.known(tenant, name, None).await?;
                let findings = Findings::of(&read, &known, range);
                look.listed = read.bookings.len();
                look.unreadable = read.unreadable.len();
                look.missing = findings.missing.len();
                look.suspect = findings.is_suspect(&tenant.brake, &read);
                // A known stay under another reference is joined by the next complete read of a running host.
                let renamed: BTreeSet<&ExternalId> =
                    findings.renamed.iter().map(|(_, newer)| &newer.reference).collect();
                for booking in findings.news.iter().filter(|news| !renamed.contains(&news.reference)) {
                    let known = self.store.alias(&tenant.slug, name, &booking.reference).await?;
                    let id = known.unwrap_or_else(|| BookingId::draw(&*self.rng));
                    news.push((id, News { source: name.clone(), booking: (*booking).clone() }));
                }
                look.news = news.len();
            }
            Err(error) => look.failing = Some(error.to_string()),
        }
        draft.sources.push(look);
        Ok(news)
    }

    /// A lease that nothing is written under, long enough for a dry run's calls.
    fn nobodys(&self, work: WorkKey) -> Lease {
        Lease { work, token: 0, until: self.clock.now() + PATIENCE, failures: 0 }
    }

    /// The known stays of a scope that are not over, and those that would come into it.
    async fn stays_in(
        &self,
        tenant: &Tenant,
        scope: &Scope,
        news: &BTreeMap<BookingId, News>,
    ) -> Result<BTreeSet<BookingId>, StoreError> {
        if let Scope::Stay(stay) = scope {
            return Ok(BTreeSet::from([stay.clone()]));
        }
        let today = self.clock.now().date_naive();
        let held = self.held(&tenant.slug).await?;
        let mut stays = BTreeSet::new();
        self.rows(Kind::Booking, &tenant.slug, |record| {
            let Record::Booking(record) = record else { return };
            let dates = record.booking.as_ref().and_then(|booking| booking.dates.ok());
            let over = dates.is_some_and(|dates| dates.departure() + Duration::days(2) < today);
            let was_inside = match scope {
                Scope::Unit(id) => held.get(&record.id).is_some_and(|unit| unit.as_ref() == Some(id)),
                _ => false,
            };
            let told = news.get(&record.id).map(|news| &news.booking).or(record.booking.as_ref());
            let inside = match told {
                Some(booking) => scope.takes(tenant, &record.source, booking),
                None => !matches!(scope, Scope::Unit(_)),
            };
            let inside = inside && (!over || held.contains_key(&record.id) || news.contains_key(&record.id));
            if inside || was_inside {
                stays.insert(record.id);
            }
        })
        .await?;
        Ok(stays)
    }

    /// Which stays have a grant, and for which unit.
    async fn held(&self, tenant: &TenantSlug) -> Result<BTreeMap<BookingId, Option<UnitId>>, StoreError> {
        let mut held = BTreeMap::new();
        self.rows(Kind::Grant, tenant, |record| {
            if let Record::Grant(grant) = record {
                held.insert(grant.stay, grant.unit);
            }
        })
        .await?;
        Ok(held)
    }
}

impl Scope {
    /// The doors that its stays have to do with.
    fn doors(&self, tenant: &Tenant, candidates: &[Candidate]) -> BTreeSet<DoorId> {
        let is_inside = |unit: &&Unit| match self {
            Self::Tenant => true,
            Self::Source(name) => unit.sources.contains_key(name),
            Self::Unit(id) => unit.id == *id,
            Self::Stay(_) => candidates.iter().any(|candidate| {
                let booking = candidate.stay.booking.booking.as_ref();
                let reference = booking.and_then(|booking| booking.unit.as_ref());
                unit.sources.get(&candidate.stay.booking.source) == reference && reference.is_some()
            }),
        };
        let units = tenant.units.iter().filter(is_inside).flat_map(|unit| unit.doors.iter().cloned());
        let held = candidates.iter().flat_map(|candidate| &candidate.stay.codes);
        let held = held.filter(|code| code.state != CodeState::Removed).map(|code| code.door.clone());
        units.chain(held).filter(|door| tenant.doors.contains_key(door)).collect()
    }

    /// Whether a booking, as its source tells it, is in this scope.
    fn takes(&self, tenant: &Tenant, source: &IntegrationName, booking: &Booking) -> bool {
        match self {
            Self::Tenant | Self::Stay(_) => true,
            Self::Source(name) => source == name,
            Self::Unit(id) => {
                let unit = booking.unit.as_ref().and_then(|unit| tenant.unit_of(source, unit));
                unit.is_some_and(|unit| unit.id == *id)
            }
        }
    }
}

impl SourceLook {
    fn new(source: &IntegrationName) -> Self {
        Self {
            source: source.clone(),
            listed: 0,
            news: 0,
            missing: 0,
            unreadable: 0,
            suspect: false,
            failing: None,
        }
    }
}

fn arrival(record: &BookingRecord) -> Option<chrono::NaiveDate> {
    Some(record.booking.as_ref()?.dates.ok()?.arrival())
}
