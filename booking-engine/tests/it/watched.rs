//! A store that counts its changes, and lets something happen just before one of them, as another host would.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::store::{
    AuditRow, CodeRecord, Commit, InboxRow, Kind, Lease, Places, Purged, Row, RowKey, Store, StoreError, Tx,
    WorkKey, WorkRow, Write,
};
use booking_core::{BookingId, DoorKey, ExternalId, IntegrationName, TenantSlug};
use booking_store::MemoryStore;
use chrono::{DateTime, Utc};

type When = fn(&Tx) -> bool;
type Happens = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(crate) struct Watched {
    inner: MemoryStore,
    commits: AtomicUsize,
    widest: AtomicUsize,
    before: Mutex<Option<(When, Happens)>>,
}

impl Watched {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How many changes were asked for.
    pub(crate) fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    /// The most keys that one change made due.
    pub(crate) fn widest(&self) -> usize {
        self.widest.load(Ordering::SeqCst)
    }

    /// Lets something happen once, just before the first change of this sort.
    pub(crate) fn before(&self, when: When, happens: impl FnOnce() + Send + 'static) {
        *self.before.lock().unwrap() = Some((when, Box::new(happens)));
    }
}

#[async_trait]
impl Store for Watched {
    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        let marks = tx.writes.iter().filter(|write| matches!(write, Write::Due { .. })).count();
        self.widest.fetch_max(marks, Ordering::SeqCst);
        let due = self.before.lock().unwrap().take_if(|(when, _)| when(&tx));
        if let Some((_, happens)) = due {
            happens();
        }
        self.inner.commit(tx).await
    }
    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: StdDuration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        self.inner.claim_work(now, lease_for, places).await
    }
    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: StdDuration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError> {
        self.inner.claim_key(now, lease_for, work).await
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
        self.inner.get(key).await
    }
    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        self.inner.stay(tenant, booking).await
    }
    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.inner.rows(kind, tenant, after, limit).await
    }
    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        self.inner.codes_on(tenant, door).await
    }
    async fn codes_ever_on(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        self.inner.codes_ever_on(tenant, door).await
    }
    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError> {
        self.inner.alias(tenant, source, reference).await
    }
    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
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
