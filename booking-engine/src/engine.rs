//! The engine: takes what arrives, and works on what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use booking_core::store::{
    Accepted, Arrival, AuditEntry, BookingRecord, CodeState, Commit, FactRecord, Finish, Kind, Lease, Origin,
    Places, Record, Store, StoreError, Tx, WorkKey, Write,
};
use booking_core::{BookingId, Call, Clock, Delivery, Event, IntegrationName, Rng, TenantSlug};
use chrono::{DateTime, Duration, SubsecRound, Utc};
use sha2::{Digest as _, Sha256};

use crate::alert::AlertKind;
use crate::doors::Doors;
use crate::stay::REISSUE;
use crate::tenant::Tenant;

/// A lease with less than this left is prolonged before the next calls.
const LEAST_LEFT: Duration = Duration::seconds(60);
/// How much earlier than its lease a call must end.
const MARGIN: Duration = Duration::seconds(10);
/// How long an integration must be quiet for its next word to be news.
const WHILE: Duration = Duration::seconds(30);
/// How many keys a start makes due at once. Other hosts work on the same ones meanwhile, and in a shared store a change
/// of many would lose against theirs, again and again, until the host could not start.
const DUE_AT_ONCE: usize = 16;
/// How many rows are read at once.
pub(crate) const BATCH: usize = 200;

/// Why a piece of work was given up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The store failed. The lease runs out, and the work is due again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else holds the key now.
    #[error("the lease is over")]
    Fenced,
}

/// What a piece of work came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// When it is due again, if it is.
    pub next: Option<DateTime<Utc>>,
    /// Whether something failed on the way that is tried again.
    pub failed: bool,
}

/// What an account failed at. One that can be read need not take writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doing {
    Read,
    Write,
}

/// Whose trouble a failed call is: what waits for it goes on when it is over.
type Account = (TenantSlug, IntegrationName, Doing);

#[derive(Debug, Default)]
struct Waiting {
    /// Work that a failing account holds up.
    work: BTreeMap<Account, BTreeSet<WorkKey>>,
    /// When accounts that had failed worked again.
    recovered: BTreeMap<Account, DateTime<Utc>>,
}

/// The engine of a host: every tenant's desired, observed, plan and apply over one store.
///
/// It spawns nothing and reads no clock of its own: a host claims work with [`Engine::claim`], runs
/// [`Engine::work`] on each lease as it likes, and sleeps until [`Store::next_due`].
pub struct Engine {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    tenants: BTreeMap<TenantSlug, Arc<Tenant>>,
    pub(crate) doors: Doors,
    waiting: Mutex<Waiting>,
    /// When each integration's last webhook came.
    heard: Mutex<BTreeMap<(TenantSlug, IntegrationName), DateTime<Utc>>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("tenants", &self.tenants.keys()).finish_non_exhaustive()
    }
}

impl Engine {
    /// How long a lease lasts that [`Engine::claim`] takes.
    pub const LEASE: Duration = Duration::seconds(120);

    /// An engine over a store, with a cryptographic `rng`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        tenants: Vec<Tenant>,
    ) -> Self {
        let tenants = tenants.into_iter().map(|tenant| (tenant.slug.clone(), Arc::new(tenant))).collect();
        Self {
            store,
            clock,
            rng,
            tenants,
            doors: Doors::default(),
            waiting: Mutex::default(),
            heard: Mutex::default(),
        }
    }

    /// The tenants.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.tenants.values()
    }

    /// The tenant of this name.
    #[must_use]
    pub fn tenant(&self, slug: &TenantSlug) -> Option<&Arc<Tenant>> {
        self.tenants.get(slug)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Remembers what earlier runs have read, and makes due: every source, one after the other, every door, and every
    /// stay that is not over, since the configuration may have changed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn start(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.remember().await?;
        let spread = self.spread();
        for tenant in self.tenants.values() {
            let mut writes = Vec::new();
            for name in tenant.sources.keys() {
                let work = WorkKey::Source(tenant.slug.clone(), name.clone());
                let wait = spread.get(&work).copied().unwrap_or_default();
                writes.push(Write::Due { work, at: now + wait, priority: None });
            }
            let mut due = |work: WorkKey| writes.push(Write::Due { work, at: now, priority: None });
            tenant.doors.keys().for_each(|door| due(WorkKey::Door(tenant.slug.clone(), door.clone())));
            due(WorkKey::Notice(tenant.slug.clone()));
            writes.extend(self.keep_backups(tenant, now).await?);
            let mut stays: BTreeMap<BookingId, Option<DateTime<Utc>>> = BTreeMap::new();
            self.rows(Kind::Grant, &tenant.slug, |record| {
                if let Record::Grant(grant) = record
                    && let Some(window) = grant.window.filter(|window| window.closes() > now)
                {
                    stays.insert(grant.stay, Some(window.opens()));
                }
            })
            .await?;
            // What could not be taken off by an earlier configuration may go by this one.
            self.rows(Kind::Code, &tenant.slug, |record| {
                if let Record::Code(code) = record
                    && code.state == CodeState::Unwanted
                {
                    stays.entry(code.stay).or_insert(None);
                }
            })
            .await?;
            self.rows(Kind::Alert, &tenant.slug, |record| {
                if let Record::Alert(alert) = record
                    && let (Some(stay), None) = (alert.stay, alert.closed_at)
                {
                    stays.entry(stay).or_insert(None);
                }
            })
            .await?;
            writes.extend(stays.into_iter().map(|(stay, priority)| Write::Due {
                work: WorkKey::Grant(tenant.slug.clone(), stay),
                at: now,
                priority,
            }));
            for chunk in writes.chunks(DUE_AT_ONCE) {
                let _ = self.store.commit(Tx { writes: chunk.to_vec(), ..Tx::new(now) }).await?;
            }
        }
        Ok(())
    }

    /// Remembers what earlier runs have read of doors. Nothing is made due: for a program that only asks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn remember(&self) -> Result<(), StoreError> {
        for tenant in self.tenants.values() {
            self.rows(Kind::DoorRead, &tenant.slug, |record| {
                if let Record::DoorRead(read) = record {
                    self.doors.remember(read);
                }
            })
            .await?;
        }
        Ok(())
    }

    /// How long after the start each source is first read: a second after one another, or closer where they would not
    /// all be read before the first is due again. From then on each keeps its own time. The order is that of hashes of
    /// their names, so that it is the same at each start and favours no tenant.
    fn spread(&self) -> BTreeMap<WorkKey, Duration> {
        let mut sources: Vec<(u64, WorkKey, Duration)> = Vec::new();
        for tenant in self.tenants.values() {
            for name in tenant.sources.keys() {
                let work = WorkKey::Source(tenant.slug.clone(), name.clone());
                let digest = Sha256::digest(work.to_string().as_bytes());
                let hash = digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
                sources.push((hash, work, tenant.full_read_every));
            }
        }
        sources.sort();
        let number = i32::try_from(sources.len()).unwrap_or(i32::MAX).max(1);
        let places = sources.into_iter().zip(0..);
        places
            .map(|((_, work, every), place)| (work, (every / number).min(Duration::seconds(1)) * place))
            .collect()
    }

    /// Every row of a kind of a tenant.
    pub(crate) async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        mut each: impl FnMut(Record),
    ) -> Result<(), StoreError> {
        let mut after: Option<String> = None;
        loop {
            let rows = self.store.rows(kind, tenant, after.as_deref(), BATCH).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.record.key().id);
            rows.into_iter().for_each(|row| each(row.record));
        }
    }

    /// Takes a verified webhook: it is on disk, and its work due, before this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails: the vendor must be answered 503.
    pub async fn accept(
        &self,
        tenant: &TenantSlug,
        integration: &IntegrationName,
        delivery: Delivery,
    ) -> Result<Accepted, StoreError> {
        let now = self.clock.now();
        let reply = delivery.reply.clone();
        let arrival = Arrival {
            tenant: tenant.clone(),
            integration: integration.clone(),
            origin: Origin::Webhook,
            action: delivery.action.to_owned(),
            dedup: Some(delivery.dedup),
            priority: delivery.events.iter().map(|event| priority(event, now)).min(),
            events: delivery.events.into_iter().map(|event| (event, BookingId::draw(&*self.rng))).collect(),
            reply: delivery.reply,
        };
        // It tells again.
        let writes = match self.tenants.get(tenant) {
            Some(tenant) if self.is_first_word(&tenant.slug, integration) => {
                self.tenant_alert(tenant, AlertKind::WebhooksSilent, integration.as_str(), None).await?
            }
            _ => Vec::new(),
        };
        match self.store.commit(Tx { arrivals: vec![arrival], writes, ..Tx::new(now) }).await? {
            Commit::Done { mut accepted, .. } => {
                Ok(accepted.pop().unwrap_or(Accepted { bookings: Vec::new(), duplicate: false, reply }))
            }
            // A change without lease, expectations and claims is never refused.
            other => Err(StoreError::Damaged(format!("an arrival was refused: {other:?}"))),
        }
    }

    /// Whether nothing has come from an integration for a while: a crowd of webhooks need not ask one by one whether it
    /// was missed.
    fn is_first_word(&self, tenant: &TenantSlug, integration: &IntegrationName) -> bool {
        let now = self.clock.now();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let before = heard.insert((tenant.clone(), integration.clone()), now);
        before.is_none_or(|before| now - before >= WHILE || now < before)
    }

    /// Takes due keys as long as there are places for them, the soonest arrival first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn claim(&self, places: &Places) -> Result<Vec<Lease>, StoreError> {
        self.store.claim_work(self.clock.now(), Self::LEASE.to_std().unwrap_or_default(), places).await
    }

    /// Takes this key, if it is due and nobody has it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn claim_key(&self, work: &WorkKey) -> Result<Option<Lease>, StoreError> {
        self.store.claim_key(self.clock.now(), Self::LEASE.to_std().unwrap_or_default(), work).await
    }

    /// Works on one lease to its end.
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the work was given up; it is due again by itself.
    pub async fn work(&self, lease: Lease) -> Result<Done, WorkError> {
        let Some(tenant) = self.tenants.get(lease.work.tenant()).cloned() else {
            // Another host's configuration may have it, or a later one of ours.
            return self.put_off(lease).await;
        };
        match lease.work.clone() {
            WorkKey::Grant(_, booking) => self.work_grant(&tenant, &booking, lease).await,
            WorkKey::Source(_, name) => self.work_source(&tenant, &name, lease).await,
            WorkKey::Door(_, door) => self.work_door(&tenant, &door, lease).await,
            WorkKey::Notice(_) => self.work_notice(&tenant, lease).await,
            _ => self.put_off(lease).await,
        }
    }

    /// Claims and works until nothing is due now. Returns how many keys were worked on.
    ///
    /// # Errors
    ///
    /// The first [`WorkError`] but [`WorkError::Fenced`]: what was fenced is due again.
    pub async fn run_due(&self) -> Result<usize, WorkError> {
        let mut worked = 0;
        // One at a time: the next key's lease must not run out while this one is worked on.
        while let Some(lease) = self.claim(&Places::free(1)).await?.pop() {
            worked += 1;
            match self.work(lease).await {
                Ok(_) | Err(WorkError::Fenced) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(worked)
    }

    /// Gives a stay other digits, because somebody learnt them who should not: the new code is proven and told before
    /// the old one goes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn reissue(&self, tenant: &TenantSlug, stay: &BookingId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let work = WorkKey::Grant(tenant.clone(), stay.clone());
        let mut writes = self.wants_other_digits(tenant, stay);
        writes.push(Write::Due { work, at: now, priority: Some(now) });
        match self.store.commit(Tx { writes, ..Tx::new(now) }).await? {
            Commit::Done { .. } => Ok(()),
            other => Err(StoreError::Damaged(format!("a plain write was refused: {other:?}"))),
        }
    }

    /// That staff wants other digits for a stay from now on.
    pub(crate) fn wants_other_digits(&self, tenant: &TenantSlug, stay: &BookingId) -> Vec<Write> {
        let now = self.clock.now();
        let fact = FactRecord {
            id: format!("{REISSUE}{stay}/{}", now.timestamp_micros()),
            tenant: tenant.clone(),
            stay: Some(stay.clone()),
            at: now,
            payload: serde_json::Value::Null,
        };
        vec![
            Write::Put(Box::new(Record::Fact(fact))),
            self.audit(tenant, Some(stay), "reissue", "staff wants other digits"),
        ]
    }

    /// Stays that ended before `before` and have no code on any door: what retention may forget. A stay without
    /// usable dates counts from when it was last heard of.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn forgettable(
        &self,
        before: DateTime<Utc>,
    ) -> Result<Vec<(TenantSlug, BookingId)>, StoreError> {
        let mut stays = Vec::new();
        for slug in self.tenants.keys() {
            let mut over: BTreeSet<BookingId> = BTreeSet::new();
            self.rows(Kind::Booking, slug, |record| {
                if let Record::Booking(record) = record
                    && ended_before(&record, before)
                {
                    over.insert(record.id);
                }
            })
            .await?;
            self.rows(Kind::Code, slug, |record| {
                if let Record::Code(code) = record
                    && code.state != CodeState::Removed
                {
                    over.remove(&code.stay);
                }
            })
            .await?;
            stays.extend(over.into_iter().map(|stay| (slug.clone(), stay)));
        }
        Ok(stays)
    }

    async fn put_off(&self, lease: Lease) -> Result<Done, WorkError> {
        self.finish(
            &lease,
            Vec::new(),
            Done { next: Some(self.clock.now() + Duration::hours(1)), failed: true },
            None,
        )
        .await
    }

    /// Ends a lease.
    pub(crate) async fn finish(
        &self,
        lease: &Lease,
        writes: Vec<Write>,
        done: Done,
        priority: Option<DateTime<Utc>>,
    ) -> Result<Done, WorkError> {
        // Rounded up, so that whoever is called then finds that the time has come.
        let next = done
            .next
            .map(|at| at.trunc_subsecs(3) + Duration::milliseconds(i64::from(at.trunc_subsecs(3) < at)));
        let finish = Finish { next, failed: done.failed, priority };
        let tx = Tx { writes, finish: Some(finish), ..Tx::under(self.clock.now(), lease) };
        self.commit(tx).await?;
        Ok(done)
    }

    /// Commits a change without claims under a lease.
    pub(crate) async fn commit(&self, tx: Tx) -> Result<Vec<Accepted>, WorkError> {
        match self.store.commit(tx).await? {
            Commit::Done { accepted, .. } => Ok(accepted),
            Commit::Fenced | Commit::Moved(_) | Commit::Taken(_) => Err(WorkError::Fenced),
        }
    }

    /// How long calls under this lease may take; the lease is prolonged first where little is left.
    pub(crate) async fn call(&self, lease: &mut Lease) -> Result<Call, WorkError> {
        let now = self.clock.now();
        if lease.until - now < LEAST_LEFT {
            *lease = self.store.extend(now, lease, now + Self::LEASE).await?.ok_or(WorkError::Fenced)?;
        }
        Ok(Call::until(lease.until - MARGIN))
    }

    /// An account failed: what waits for it is made due when it works again.
    pub(crate) fn waits_for(
        &self,
        tenant: &TenantSlug,
        account: &IntegrationName,
        doing: Doing,
        work: &WorkKey,
    ) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.work.entry((tenant.clone(), account.clone(), doing)).or_default().insert(work.clone());
    }

    /// An account works: what waited for it is due now. One that takes writes can be read too, but not the other way
    /// round.
    pub(crate) fn works(&self, tenant: &Tenant, account: &IntegrationName, doing: Doing) -> Vec<Write> {
        let now = self.clock.now();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due: BTreeSet<WorkKey> = BTreeSet::new();
        for done in [Doing::Read, Doing::Write].into_iter().filter(|done| *done <= doing) {
            let key = (tenant.slug.clone(), account.clone(), done);
            if let Some(work) = waiting.work.remove(&key) {
                waiting.recovered.insert(key, now);
                due.extend(work);
            }
        }
        drop(waiting);
        if !due.is_empty() {
            self.doors.recovered(tenant, account);
        }
        due.into_iter().map(|work| Write::Due { work, at: now, priority: None }).collect()
    }

    /// When a tenant's accounts that had refused writes took one again.
    pub(crate) fn recovered(&self, tenant: &TenantSlug) -> BTreeMap<IntegrationName, DateTime<Utc>> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let of_tenant =
            waiting.recovered.iter().filter(|((slug, _, doing), _)| slug == tenant && *doing == Doing::Write);
        of_tenant.map(|((_, name, _), at)| (name.clone(), *at)).collect()
    }

    /// An audit entry.
    pub(crate) fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        what: &str,
        detail: impl Into<String>,
    ) -> Write {
        Write::Audit(AuditEntry {
            at: self.clock.now(),
            tenant: tenant.clone(),
            stay: stay.cloned(),
            what: what.to_owned(),
            detail: detail.into(),
        })
    }
}

fn ended_before(record: &BookingRecord, before: DateTime<Utc>) -> bool {
    let departure =
        record.booking.as_ref().and_then(|booking| booking.dates.ok()).map(|dates| dates.departure());
    match departure {
        // A day later for zones behind UTC.
        Some(day) => day + Duration::days(1) < before.date_naive(),
        None => record.seen_at.unwrap_or(record.created_at) < before,
    }
}

/// What goes first: the soonest arrival. A hint may be about somebody who stands at the door.
fn priority(event: &Event, now: DateTime<Utc>) -> DateTime<Utc> {
    match event {
        Event::Snapshot(booking) => booking
            .dates
            .ok()
            .and_then(|dates| dates.arrival().and_hms_opt(0, 0, 0))
            .map_or(now, |arrival| arrival.and_utc().max(now)),
        _ => now,
    }
}
