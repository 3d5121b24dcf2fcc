//! A store with an eye on it: what was claimed and finished, and the changes themselves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use async_trait::async_trait;
use booking_core::store::*;
use booking_core::{BookingId, DoorKey, ExternalId, IntegrationName, TenantSlug};
use chrono::{DateTime, Utc};

/// So long no run takes.
const PATIENCE: Duration = Duration::from_secs(180);

/// What was done so far.
#[derive(Debug, Default)]
struct Seen {
    /// Stays whose work ended without a failure, and when the last of them did.
    stays: u64,
    last: Option<Instant>,
    failed: u64,
    /// The changes of each stay, in order, where they are kept.
    kept: Option<BTreeMap<WorkKey, Vec<Tx>>>,
}

/// The watched store.
pub(crate) struct Watched {
    inner: Arc<dyn Store>,
    eye: Arc<Eye>,
}

/// What watches it, and those beside it.
#[derive(Default)]
struct Eye {
    /// What is under way: leases, and the claiming itself.
    begun: AtomicU64,
    over: AtomicU64,
    /// Pieces of work that have ended.
    ended: AtomicU64,
    commits: AtomicU64,
    /// Single rows that were read, and lists.
    gets: AtomicU64,
    lists: AtomicU64,
    seen: Mutex<Seen>,
}

impl Watched {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, eye: Arc::default() })
    }

    /// The same database as another host opened it: whatever is asked of one is answered of both.
    pub(crate) fn beside(&self, inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, eye: Arc::clone(&self.eye) })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.eye.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on keeps the changes of stays.
    pub(crate) fn keep(&self) {
        self.seen().kept = Some(BTreeMap::new());
    }

    /// The changes of each stay.
    pub(crate) fn take_kept(&self) -> BTreeMap<WorkKey, Vec<Tx>> {
        self.seen().kept.take().unwrap_or_default()
    }

    /// How many changes were made.
    pub(crate) fn commits(&self) -> u64 {
        self.eye.commits.load(Ordering::Relaxed)
    }

    /// How many single rows were read, and how many lists of them.
    pub(crate) fn reads(&self) -> [u64; 2] {
        [&self.eye.gets, &self.eye.lists].map(|reads| reads.load(Ordering::Relaxed))
    }

    /// How many stays were worked on to their end without a failure.
    pub(crate) fn stays(&self) -> u64 {
        self.seen().stays
    }

    /// When the last of them ended.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.seen().last
    }

    /// Waits until a host that has just started has done so much work, and nothing more is due.
    pub(crate) async fn at_rest(&self, work: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.eye.ended.load(Ordering::SeqCst) < work {
            ensure!(begun.elapsed() < PATIENCE, "the host does not get through what it starts with");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.quiet().await
    }

    /// Waits until nothing is due and nothing is worked on.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let is_due = self.inner.next_due(None).await?.is_some_and(|next| next <= Utc::now());
            if !is_due && self.eye.begun.load(Ordering::SeqCst) == self.eye.over.load(Ordering::SeqCst) {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "the host does not come to rest");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until so many stays are done.
    pub(crate) async fn until_stays(&self, count: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.stays() < count {
            self.none_failed()?;
            ensure!(begun.elapsed() < PATIENCE, "{} of {count} stays after three minutes", self.stays());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.none_failed()
    }

    fn none_failed(&self) -> anyhow::Result<()> {
        let failed = self.seen().failed;
        ensure!(failed == 0, "{failed} pieces of work failed");
        Ok(())
    }

    fn note(&self, tx: Option<Tx>, finish: Option<(Lease, bool)>, end: &Commit) {
        self.eye.commits.fetch_add(1, Ordering::Relaxed);
        let is_stay = |work: &WorkKey| matches!(work, WorkKey::Grant(..));
        let mut seen = self.seen();
        if let (Some(tx), Commit::Done { accepted, .. }, Some(kept)) = (tx, end, &mut seen.kept) {
            let of_lease = tx.lease.as_ref().map(|lease| lease.work.clone());
            let of_arrival =
                tx.arrivals.first().zip(accepted.first().and_then(|accepted| accepted.bookings.first()));
            let of_arrival =
                of_arrival.map(|(arrival, id)| WorkKey::Grant(arrival.tenant.clone(), id.clone()));
            if let Some(work) = of_lease.or(of_arrival).filter(is_stay) {
                kept.entry(work).or_default().push(tx);
            }
        }
        if let Some((lease, failed)) = finish {
            self.eye.over.fetch_add(1, Ordering::SeqCst);
            self.eye.ended.fetch_add(1, Ordering::SeqCst);
            seen.failed += u64::from(failed);
            if is_stay(&lease.work) && !failed && matches!(end, Commit::Done { .. }) {
                seen.stays += 1;
                seen.last = Some(Instant::now());
            }
        }
    }
}

#[async_trait]
impl Store for Watched {
    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError> {
        let kept = self.seen().kept.is_some().then(|| tx.clone());
        let finish = tx.lease.clone().zip(tx.finish.map(|finish| finish.failed));
        let end = self.inner.commit(tx).await?;
        self.note(kept, finish, &end);
        Ok(end)
    }

    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        // Counted before anything of it can be finished, and never seen as at rest in between.
        self.eye.begun.fetch_add(1, Ordering::SeqCst);
        let leases = self.inner.claim_work(now, lease_for, places).await;
        let count = leases.as_ref().map_or(0, Vec::len);
        self.eye.begun.fetch_add(u64::try_from(count).unwrap_or_default(), Ordering::SeqCst);
        self.eye.over.fetch_add(1, Ordering::SeqCst);
        leases
    }

    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError> {
        self.eye.begun.fetch_add(1, Ordering::SeqCst);
        let lease = self.inner.claim_key(now, lease_for, work).await;
        if matches!(lease, Ok(Some(_))) {
            self.eye.begun.fetch_add(1, Ordering::SeqCst);
        }
        self.eye.over.fetch_add(1, Ordering::SeqCst);
        lease
    }

    async fn extend(
        &self,
        now: DateTime<Utc>,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.inner.extend(now, lease, until).await
    }

    async fn next_due(&self, after: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.inner.next_due(after).await
    }

    async fn work(&self, after: Option<&WorkKey>, limit: usize) -> Result<Vec<WorkRow>, StoreError> {
        self.inner.work(after, limit).await
    }

    async fn work_row(&self, work: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        self.inner.work_row(work).await
    }

    async fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.eye.gets.fetch_add(1, Ordering::Relaxed);
        self.inner.get(key).await
    }

    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        self.eye.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.stay(tenant, booking).await
    }

    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.eye.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.rows(kind, tenant, after, limit).await
    }

    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        self.eye.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.codes_on(tenant, door).await
    }

    async fn codes_ever_on(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        self.eye.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.codes_ever_on(tenant, door).await
    }

    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError> {
        self.eye.gets.fetch_add(1, Ordering::Relaxed);
        self.inner.alias(tenant, source, reference).await
    }

    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
        self.eye.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.unread(work).await
    }

    async fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        self.inner.inbox(tenant, before, limit).await
    }

    async fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.inner.audit(tenant, stay, before, limit).await
    }

    async fn purge(
        &self,
        now: DateTime<Utc>,
        older_than: DateTime<Utc>,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        self.inner.purge(now, older_than, stays).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
}
