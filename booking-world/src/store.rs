//! The store as a host of a world has it: each call is an await at which the host may die or the store fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::store::*;
use booking_core::{BookingId, DoorKey, ExternalId, IntegrationName, LockError, TenantSlug};
use booking_store::MemoryStore;
use chrono::{DateTime, Utc};

use crate::coverage::{Point, Side};
use crate::deed::Deed;
use crate::hub::Hub;
use crate::names;

/// A [`MemoryStore`] behind awaits.
pub(crate) struct PausingStore {
    inner: Arc<MemoryStore>,
    hub: Arc<Hub>,
    /// Whether what is due may have changed.
    touched: AtomicBool,
    /// Who holds what, by what was handed out: the last token, and until when.
    leases: Mutex<BTreeMap<WorkKey, (u64, DateTime<Utc>)>>,
    /// Whether a story is told.
    told: bool,
}

impl PausingStore {
    pub(crate) fn new(inner: Arc<MemoryStore>, hub: Arc<Hub>, told: bool) -> Self {
        Self { inner, hub, touched: AtomicBool::new(true), leases: Mutex::default(), told }
    }

    /// Whether what is due may have changed since this was asked last.
    pub(crate) fn was_touched(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }

    fn leases(&self) -> MutexGuard<'_, BTreeMap<WorkKey, (u64, DateTime<Utc>)>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handed_out(&self, lease: &Lease) {
        self.leases().insert(lease.work.clone(), (lease.token, lease.until));
    }

    /// Whether a lease is one that was handed out last, and has not run out.
    fn is_held(&self, lease: &Lease, now: DateTime<Utc>) -> bool {
        let leases = self.leases();
        leases.get(&lease.work).is_some_and(|(token, until)| *token == lease.token && now < *until)
    }

    /// The inbox rows that came after those which a change marks as read.
    async fn unseen(&self, tx: &Tx) -> Vec<InboxRow> {
        let mut unseen = Vec::new();
        for write in &tx.writes {
            if let Write::MarkRead { work, up_to } = write {
                let unread = self.inner.unread(work).await.unwrap_or_default();
                unseen.extend(unread.into_iter().filter(|row| row.number > *up_to));
            }
        }
        unseen
    }

    /// Whether one of these rows is marked as read by now.
    async fn is_read(&self, rows: &[InboxRow]) -> bool {
        for row in rows {
            let here = self.inner.inbox(&row.tenant, Some(row.number + 1), 1).await.unwrap_or_default();
            if here.iter().any(|other| other.number == row.number && other.read_at.is_some()) {
                return true;
            }
        }
        false
    }

    async fn reach<T>(
        &self,
        point: Point,
        act: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let entered = self.hub.enter_store(point).await;
        let done = match entered {
            Err(false) => return Err(down()),
            _ => act.await,
        };
        if point.writes() {
            self.touched.store(true, Ordering::Relaxed);
        }
        self.hub.side(point, Side::After).await;
        if entered.is_err() { Err(down()) } else { done }
    }

    /// What a change tells the world, kept until it is done.
    fn watch(&self, tx: &Tx) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for write in &tx.writes {
            match write {
                Write::Put(record) => watch_record(record, &mut deeds),
                Write::Audit(entry) if self.told => {
                    deeds.push(Deed::Noted(format!("{} {}", entry.what, entry.detail)));
                    watch_audit(entry, &mut deeds);
                }
                Write::Audit(entry) => watch_audit(entry, &mut deeds),
                _ => {}
            }
        }
        deeds
    }
}

fn watch_audit(entry: &AuditEntry, deeds: &mut Vec<Deed>) {
    match entry.what.as_str() {
        "code-adopted" | "code-surplus" => deeds.push(Deed::Adopted),
        "parked" => deeds.push(Deed::Parked),
        _ => {}
    }
}

fn watch_record(record: &Record, deeds: &mut Vec<Deed>) {
    match record {
        Record::Code(code) => {
            let refused = code.write.as_ref().and_then(|write| write.error.as_deref());
            if refused == Some(LockError::DuplicatePin.to_string().as_str())
                && let Some(keypad) = names::keypad_of(&code.key)
            {
                deeds.push(Deed::Duplicate { keypad, code: Box::new(code.clone()) });
            }
            if code.state == CodeState::Removed {
                deeds.push(Deed::Code(Box::new(code.clone())));
            }
        }
        Record::Booking(booking) => deeds.push(Deed::Booking(Box::new(booking.clone()))),
        Record::Alert(alert) if alert.closed_at.is_none() => {
            deeds.push(Deed::Alert(Box::new(alert.clone())));
        }
        _ => {}
    }
}

fn down() -> StoreError {
    StoreError::Unavailable("the store is down".to_owned())
}

fn point_of(tx: &Tx) -> Point {
    match (&tx.lease, &tx.finish) {
        (None, _) => Point::Accept,
        (Some(_), Some(_)) => Point::Finish,
        (Some(_), None) => Point::Record,
    }
}

#[async_trait]
impl Store for PausingStore {
    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError> {
        let deeds = self.watch(&tx);
        let (lease, now) = (tx.lease.clone(), tx.now);
        let done = self.reach(point_of(&tx), async {
            let held = lease.is_none_or(|lease| self.is_held(&lease, now));
            let unseen = self.unseen(&tx).await;
            let done = self.inner.commit(tx).await;
            if matches!(done, Ok(Commit::Done { .. })) {
                if self.is_read(&unseen).await {
                    self.hub.did(Deed::Skipped);
                }
                if !held {
                    self.hub.did(Deed::Late);
                }
                deeds.into_iter().for_each(|deed| self.hub.did(deed));
            }
            done
        });
        done.await
    }

    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        let claimed = self.reach(Point::Claim, async {
            let claimed = self.inner.claim_work(now, lease_for, places).await;
            claimed.iter().flatten().for_each(|lease| self.handed_out(lease));
            claimed
        });
        claimed.await
    }

    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError> {
        let claimed = self.reach(Point::Claim, async {
            let claimed = self.inner.claim_key(now, lease_for, work).await;
            claimed.iter().flatten().for_each(|lease| self.handed_out(lease));
            claimed
        });
        claimed.await
    }

    async fn extend(
        &self,
        now: DateTime<Utc>,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let extended = self.reach(Point::Extend, async {
            let extended = self.inner.extend(now, lease, until).await;
            extended.iter().flatten().for_each(|lease| self.handed_out(lease));
            extended
        });
        extended.await
    }

    async fn next_due(&self, after: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.inner.next_due(after).await
    }

    async fn work(&self, after: Option<&WorkKey>, limit: usize) -> Result<Vec<WorkRow>, StoreError> {
        self.reach(Point::Load, self.inner.work(after, limit)).await
    }

    async fn work_row(&self, work: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        self.reach(Point::Load, self.inner.work_row(work)).await
    }

    async fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.reach(Point::Load, self.inner.get(key)).await
    }

    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        self.reach(Point::Load, self.inner.stay(tenant, booking)).await
    }

    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.reach(Point::Load, self.inner.rows(kind, tenant, after, limit)).await
    }

    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        self.reach(Point::Load, self.inner.codes_on(tenant, door)).await
    }

    async fn codes_ever_on(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        self.reach(Point::Load, self.inner.codes_ever_on(tenant, door)).await
    }

    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError> {
        self.reach(Point::Load, self.inner.alias(tenant, source, reference)).await
    }

    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
        self.reach(Point::Load, self.inner.unread(work)).await
    }

    async fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        self.reach(Point::Load, self.inner.inbox(tenant, before, limit)).await
    }

    async fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.reach(Point::Load, self.inner.audit(tenant, stay, before, limit)).await
    }

    async fn purge(
        &self,
        now: DateTime<Utc>,
        older_than: DateTime<Utc>,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        self.reach(Point::Record, self.inner.purge(now, older_than, stays)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }
}
