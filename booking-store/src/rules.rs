//! The rules of a change, once for every store: what [`Tx`] means in terms of a few table operations.
//!
//! A store wraps [`commit`] in something that it can roll back, and rolls back unless the answer is
//! [`Commit::Done`].
//!
//! The tables may take their time, because some are at the other end of a network. Those that answer at once are driven
//! by [`at_once`], without a runtime.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{
    Accepted, Arrival, AuditEntry, BookingRecord, Candidate, Claim, Commit, Finish, InboxRow, Lease, Record,
    RowKey, StoreError, Tx, WorkKey, WorkRow, Write,
};
use booking_core::{
    BookingId, CodeId, Dedup, DoorKey, Event, ExternalId, IntegrationName, Pin, Reply, TenantSlug,
};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::time::{Micros, earlier};

/// Whose reference: tenant, source, reference.
pub(crate) type AliasKey = (TenantSlug, IntegrationName, ExternalId);

/// Whose delivery: tenant, integration, the vendor's id.
pub(crate) type DeliveryKey = (TenantSlug, IntegrationName, String);

/// A key's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkState {
    pub(crate) due_at: Option<Micros>,
    pub(crate) priority: Option<Micros>,
    pub(crate) leased_until: Option<Micros>,
    pub(crate) token: u64,
    pub(crate) failures: u32,
}

impl WorkState {
    /// Since when the key may be claimed: a leased one only once the lease has run out.
    pub(crate) fn ready_at(&self) -> Option<Micros> {
        self.leased_until.or(self.due_at)
    }

    /// The row as readers see it.
    pub(crate) fn shown(&self, work: &WorkKey) -> Result<WorkRow, StoreError> {
        Ok(WorkRow {
            work: work.clone(),
            due_at: self.due_at.map(Micros::utc).transpose()?,
            leased_until: self.leased_until.map(Micros::utc).transpose()?,
            failures: self.failures,
        })
    }

    /// Whether somebody works on the key.
    pub(crate) fn is_leased(&self, now: Micros) -> bool {
        self.leased_until.is_some_and(|until| now < until)
    }

    /// Whether the lease with this token is still good.
    pub(crate) fn holds(&self, token: u64, now: Micros) -> bool {
        #[cfg(staykey_planted)]
        if planted(planted::NO_FENCING_TOKEN) {
            return true;
        }
        self.token == token && self.is_leased(now)
    }

    /// Gives the key away, if it may be claimed.
    pub(crate) fn lease(
        &mut self,
        work: &WorkKey,
        now: Micros,
        until: Micros,
    ) -> Result<Option<Lease>, StoreError> {
        if self.ready_at().is_none_or(|at| at > now) {
            return Ok(None);
        }
        self.token += 1;
        self.leased_until = Some(until);
        // Only what is due now is taken; a later mark still stands when a lease has run out.
        self.due_at = self.due_at.filter(|at| *at > now);
        let (work, until) = (work.clone(), until.utc()?);
        Ok(Some(Lease { work, token: self.token, until, failures: self.failures }))
    }

    fn mark(&mut self, at: Micros, priority: Option<Micros>) {
        self.due_at = earlier(self.due_at, Some(at));
        self.priority = earlier(self.priority, priority);
    }

    fn finish(&mut self, finish: &Finish) {
        #[cfg(staykey_planted)]
        if planted(planted::MARK_LOST) {
            self.due_at = None;
        }
        let priority = finish.priority.map(Micros::of);
        // A mark that waits keeps its own claim to go first.
        self.priority = if self.due_at.is_some() { earlier(self.priority, priority) } else { priority };
        self.due_at = earlier(self.due_at, finish.next.map(Micros::of));
        self.leased_until = None;
        self.failures = if finish.failed { self.failures.saturating_add(1) } else { 0 };
    }
}

/// How an unread inbox row with the same content is recognised: the hash, and which event of its delivery it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContentMark {
    pub(crate) hash: String,
    pub(crate) event: u32,
}

/// An inbox row and what only the store needs of it.
#[derive(Clone, Debug)]
pub(crate) struct InboxEntry {
    pub(crate) row: InboxRow,
    pub(crate) content: Option<ContentMark>,
    pub(crate) reply: Reply,
}

/// What taking in an arrival needs of a store, inside one change.
pub(crate) trait Intake {
    /// The row's revision; 0 when it is not there.
    async fn revision(&mut self, key: &RowKey) -> Result<u64, StoreError>;
    async fn put(&mut self, record: Record, revision: u64, now: Micros) -> Result<(), StoreError>;

    async fn alias(&mut self, key: &AliasKey) -> Result<Option<BookingId>, StoreError>;
    async fn set_alias(&mut self, key: &AliasKey, booking: &BookingId) -> Result<(), StoreError>;

    async fn work(&mut self, key: &WorkKey) -> Result<Option<WorkState>, StoreError>;
    /// What a new row starts with: no less than any token of a row that was deleted.
    async fn first_token(&mut self) -> Result<u64, StoreError>;
    async fn set_work(&mut self, key: &WorkKey, state: &WorkState) -> Result<(), StoreError>;

    /// Until when the delivery is remembered, and what it was answered.
    async fn delivery(&mut self, key: &DeliveryKey) -> Result<Option<(Micros, Reply)>, StoreError>;
    async fn set_delivery(
        &mut self,
        key: &DeliveryKey,
        until: Micros,
        reply: &Reply,
    ) -> Result<(), StoreError>;

    /// Adds a row under the next number; the one in the entry does not count.
    async fn add_inbox(&mut self, entry: InboxEntry) -> Result<(), StoreError>;
    /// What an unread row of the key with this content was answered.
    async fn unread_equal(
        &mut self,
        work: &WorkKey,
        integration: &IntegrationName,
        content: &ContentMark,
    ) -> Result<Option<Reply>, StoreError>;
    async fn has_unread(&mut self, work: &WorkKey) -> Result<bool, StoreError>;
}

/// What the rules need of a store, inside one change.
pub(crate) trait Tables: Intake {
    async fn delete(&mut self, key: &RowKey) -> Result<(), StoreError>;

    /// The key's unread rows, in order.
    async fn unread(&mut self, work: &WorkKey) -> Result<Vec<InboxEntry>, StoreError>;
    async fn remove_inbox(&mut self, tenant: &TenantSlug, number: u64) -> Result<(), StoreError>;
    async fn mark_read(&mut self, work: &WorkKey, up_to: u64, now: Micros) -> Result<(), StoreError>;

    /// Whether somebody but `holders` has these digits on the door at some time of the window.
    async fn taken(
        &mut self,
        door: &DoorKey,
        stored: &Pin,
        window: (Micros, Micros),
        holders: &BTreeSet<&CodeId>,
    ) -> Result<bool, StoreError>;
    /// Makes or replaces the holder's claim on the door.
    async fn set_claim(
        &mut self,
        holder: &CodeId,
        door: &DoorKey,
        stored: &Pin,
        window: (Micros, Micros),
    ) -> Result<(), StoreError>;
    async fn release(&mut self, holder: &CodeId, until: Micros) -> Result<(), StoreError>;

    async fn add_audit(&mut self, entry: AuditEntry) -> Result<(), StoreError>;
}

/// The end of what never waits: the rules over tables that answer at once.
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => end,
        Poll::Pending => unreachable!("these tables answer at once"),
    }
}

/// Makes a change. Whatever is not [`Commit::Done`] must be rolled back.
pub(crate) async fn commit(tables: &mut impl Tables, tx: Tx) -> Result<Commit, StoreError> {
    let now = Micros::of(tx.now);
    if let Some(lease) = &tx.lease
        && !tables.work(&lease.work).await?.is_some_and(|state| state.holds(lease.token, now))
    {
        return Ok(Commit::Fenced);
    }
    let mut moved = Vec::new();
    for (key, revision) in tx.expect {
        if tables.revision(&key).await? != revision {
            moved.push(key);
        }
    }
    if !moved.is_empty() {
        return Ok(Commit::Moved(moved));
    }
    let mut accepted = Vec::new();
    for arrival in tx.arrivals {
        accepted.push(accept(tables, arrival, tx.now).await?);
    }
    for write in tx.writes {
        apply(tables, write, now).await?;
    }
    let mut claimed = Vec::new();
    for (number, claim) in tx.claims.into_iter().enumerate() {
        let Some((choice, writes)) = take(tables, claim).await? else {
            return Ok(Commit::Taken(number));
        };
        for write in writes {
            apply(tables, write, now).await?;
        }
        claimed.push(choice);
    }
    if let (Some(lease), Some(finish)) = (&tx.lease, &tx.finish) {
        // A write of this very change may have made the row anew.
        if let Some(mut state) = tables.work(&lease.work).await? {
            state.finish(finish);
            tables.set_work(&lease.work, &state).await?;
        }
    }
    Ok(Commit::Done { accepted, claimed })
}

/// Takes a key, if it may be claimed.
pub(crate) async fn claim_key(
    tables: &mut impl Tables,
    now: Micros,
    until: Micros,
    work: &WorkKey,
) -> Result<Option<Lease>, StoreError> {
    let Some(mut state) = tables.work(work).await? else { return Ok(None) };
    let lease = state.lease(work, now, until)?;
    if lease.is_some() {
        tables.set_work(work, &state).await?;
    }
    Ok(lease)
}

/// Prolongs a lease, if it is still good.
pub(crate) async fn extend(
    tables: &mut impl Tables,
    now: Micros,
    lease: &Lease,
    until: Micros,
) -> Result<Option<Lease>, StoreError> {
    let Some(mut state) = tables.work(&lease.work).await?.filter(|state| state.holds(lease.token, now))
    else {
        return Ok(None);
    };
    let until = state.leased_until.map_or(until, |present| present.max(until));
    state.leased_until = Some(until);
    tables.set_work(&lease.work, &state).await?;
    Ok(Some(Lease { until: until.utc()?, failures: state.failures, ..lease.clone() }))
}

/// Whether a stay may be forgotten, as its key's row stands. Whoever works on it goes on to write rows of it.
pub(crate) fn is_forgettable(work: Option<&WorkState>, now: Micros) -> bool {
    work.is_none_or(|state| !state.is_leased(now))
}

async fn apply(tables: &mut impl Tables, write: Write, now: Micros) -> Result<(), StoreError> {
    match write {
        Write::Put(record) => {
            let revision = tables.revision(&record.key()).await? + 1;
            tables.put(*record, revision, now).await
        }
        Write::Delete(key) => tables.delete(&key).await,
        #[cfg(staykey_planted)]
        Write::MarkRead { work, .. } if planted(planted::MARKED_UNREAD) => {
            tables.mark_read(&work, u64::MAX, now).await
        }
        Write::MarkRead { work, up_to } => tables.mark_read(&work, up_to, now).await,
        Write::Due { work, at, priority } => {
            mark_due(tables, &work, Micros::of(at), priority.map(Micros::of)).await
        }
        Write::Alias { tenant, source, reference, booking } => {
            set_alias(tables, (tenant, source, reference), &booking, now).await
        }
        Write::Release { holder, until } => tables.release(&holder, Micros::of(until)).await,
        Write::Audit(entry) => {
            let at = Micros::of(entry.at).utc()?;
            tables.add_audit(AuditEntry { at, ..entry }).await
        }
        _ => Err(StoreError::Unavailable("this store does not know one of the writes".to_owned())),
    }
}

async fn mark_due(
    tables: &mut impl Intake,
    work: &WorkKey,
    at: Micros,
    priority: Option<Micros>,
) -> Result<(), StoreError> {
    let mut state = match tables.work(work).await? {
        Some(state) => state,
        None => {
            let token = tables.first_token().await?;
            WorkState { due_at: None, priority: None, leased_until: None, token, failures: 0 }
        }
    };
    state.mark(at, priority);
    tables.set_work(work, &state).await
}

/// Points a reference at a booking. Where it named another, that one's unread rows of this reference go along, under
/// new numbers: the new booking's worker may have read further than the old numbers, and would mark them unseen.
async fn set_alias(
    tables: &mut impl Tables,
    key: AliasKey,
    booking: &BookingId,
    now: Micros,
) -> Result<(), StoreError> {
    let before = tables.alias(&key).await?;
    tables.set_alias(&key, booking).await?;
    let Some(before) = before.filter(|before| before != booking) else {
        return Ok(());
    };
    let (tenant, source, reference) = key;
    let old = WorkKey::Grant(tenant.clone(), before);
    let new = WorkKey::Grant(tenant, booking.clone());
    let goes = |entry: &InboxEntry| {
        entry.row.integration == source
            && entry.row.event.as_ref().and_then(Event::reference) == Some(&reference)
    };
    // Whoever adds a row to a key writes the key's row of work: so none that is added beside this is missed here.
    if let Some(state) = tables.work(&old).await? {
        tables.set_work(&old, &state).await?;
    }
    let mut gone = tables.unread(&old).await?;
    gone.retain(goes);
    if gone.is_empty() {
        return Ok(());
    }
    for mut entry in gone {
        tables.remove_inbox(&entry.row.tenant, entry.row.number).await?;
        entry.row.work = Some(new.clone());
        tables.add_inbox(entry).await?;
    }
    mark_due(tables, &new, now, None).await
}

pub(crate) async fn accept(
    tables: &mut impl Intake,
    arrival: Arrival,
    now: DateTime<Utc>,
) -> Result<Accepted, StoreError> {
    let at = Micros::of(now);
    let now = at.utc()?;
    let priority = arrival.priority.map(Micros::of);
    let Arrival { tenant, integration, origin, action, dedup, events, reply, .. } = arrival;

    #[cfg(staykey_planted)]
    if planted(planted::DEDUP_BY_TIME) {
        for reference in events.iter().filter_map(|(event, _)| event.reference()) {
            let delivery = (tenant.clone(), integration.clone(), reference.to_string());
            if tables.delivery(&delivery).await?.is_some_and(|(until, _)| at < until) {
                return Ok(Accepted { bookings: Vec::new(), duplicate: true, reply });
            }
            tables.set_delivery(&delivery, at.plus(std::time::Duration::from_secs(60)), &reply).await?;
        }
    }
    let hash = match dedup {
        Some(Dedup::VendorId { id, ttl }) => {
            let delivery = (tenant.clone(), integration.clone(), id);
            if let Some((until, first)) = tables.delivery(&delivery).await?
                && at < until
            {
                return repeat(tables, &tenant, &integration, &events, at, priority, first).await;
            }
            tables.set_delivery(&delivery, at.plus(ttl), &reply).await?;
            None
        }
        Some(Dedup::Content { hash }) => Some(hash),
        None => None,
    };

    let mut bookings = Vec::new();
    let mut first_reply = None;
    let mut added = events.is_empty();
    let row = |work: Option<WorkKey>, event: Option<Event>| InboxRow {
        number: 0,
        tenant: tenant.clone(),
        integration: integration.clone(),
        origin,
        action: action.clone(),
        // Nobody folds a row without a key, so it counts as read.
        read_at: if work.is_some() { None } else { Some(now) },
        work,
        event,
        received_at: now,
    };
    if events.is_empty() {
        tables.add_inbox(InboxEntry { row: row(None, None), content: None, reply: reply.clone() }).await?;
    }
    for (number, (event, id)) in (0_u32..).zip(events) {
        let content = hash.as_ref().map(|hash| ContentMark { hash: hash.clone(), event: number });
        let Some(reference) = event.reference() else {
            tables
                .add_inbox(InboxEntry { row: row(None, Some(event)), content: None, reply: reply.clone() })
                .await?;
            added = true;
            continue;
        };
        let booking = resolve(tables, &tenant, &integration, reference, id, now).await?;
        let work = WorkKey::Grant(tenant.clone(), booking.clone());
        bookings.push(booking);
        let equal = match &content {
            Some(content) => tables.unread_equal(&work, &integration, content).await?,
            None => None,
        };
        // Whoever holds the key may have asked the source already: what is told now may be news to them.
        let worked_on = equal.is_some() && is_leased(tables, &work, at).await?;
        match equal.filter(|_| !worked_on) {
            Some(reply) => {
                first_reply.get_or_insert(reply);
            }
            None => {
                let row = row(Some(work.clone()), Some(event));
                tables.add_inbox(InboxEntry { row, content, reply: reply.clone() }).await?;
                added = true;
            }
        }
        mark_due(tables, &work, at, priority).await?;
    }
    let reply = if added { reply } else { first_reply.unwrap_or(reply) };
    Ok(Accepted { bookings, duplicate: !added, reply })
}

async fn is_leased(tables: &mut impl Intake, work: &WorkKey, now: Micros) -> Result<bool, StoreError> {
    Ok(tables.work(work).await?.is_some_and(|state| state.is_leased(now)))
}

/// Answers a delivery that was seen before, and makes what of it is unread due again.
async fn repeat(
    tables: &mut impl Intake,
    tenant: &TenantSlug,
    integration: &IntegrationName,
    events: &[(Event, BookingId)],
    at: Micros,
    priority: Option<Micros>,
    reply: Reply,
) -> Result<Accepted, StoreError> {
    let mut bookings = Vec::new();
    for reference in events.iter().filter_map(|(event, _)| event.reference()) {
        let alias = (tenant.clone(), integration.clone(), reference.clone());
        if let Some(booking) = tables.alias(&alias).await? {
            let work = WorkKey::Grant(tenant.clone(), booking.clone());
            if tables.has_unread(&work).await? {
                mark_due(tables, &work, at, priority).await?;
            }
            bookings.push(booking);
        }
    }
    Ok(Accepted { bookings, duplicate: true, reply })
}

/// The booking that a reference names; made under `id` where none is known yet.
async fn resolve(
    tables: &mut impl Intake,
    tenant: &TenantSlug,
    source: &IntegrationName,
    reference: &ExternalId,
    id: BookingId,
    now: DateTime<Utc>,
) -> Result<BookingId, StoreError> {
    let alias = (tenant.clone(), source.clone(), reference.clone());
    let known = tables.alias(&alias).await?;
    if known.is_none() {
        tables.set_alias(&alias, &id).await?;
    }
    let id = known.unwrap_or(id);
    let record = Record::Booking(BookingRecord {
        id: id.clone(),
        tenant: tenant.clone(),
        source: source.clone(),
        reference: reference.clone(),
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
        created_at: now,
    });
    if tables.revision(&record.key()).await? == 0 {
        tables.put(record, 1, Micros::of(now)).await?;
    }
    Ok(id)
}

/// Takes the first candidate that is free on all its doors.
async fn take(tables: &mut impl Tables, claim: Claim) -> Result<Option<(usize, Vec<Write>)>, StoreError> {
    let window = (Micros::of(claim.from), Micros::of(claim.until));
    for (number, candidate) in claim.candidates.into_iter().enumerate() {
        if is_free(tables, &candidate, window).await? {
            for pin in &candidate.pins {
                tables.set_claim(&pin.holder, &pin.door, &pin.stored, window).await?;
            }
            return Ok(Some((number, candidate.writes)));
        }
    }
    Ok(None)
}

async fn is_free(
    tables: &mut impl Tables,
    candidate: &Candidate,
    window: (Micros, Micros),
) -> Result<bool, StoreError> {
    let holders: BTreeSet<&CodeId> = candidate.pins.iter().map(|pin| &pin.holder).collect();
    for (number, pin) in candidate.pins.iter().enumerate() {
        let meets_itself = candidate.pins[..number]
            .iter()
            .any(|other| other.holder != pin.holder && other.door == pin.door && other.stored == pin.stored);
        if meets_itself {
            return Ok(false);
        }
        #[cfg(staykey_planted)]
        if planted(planted::NO_CLAIMS) {
            continue;
        }
        for digits in std::iter::once(&pin.stored).chain(&pin.apart) {
            #[cfg(staykey_planted)]
            if planted(planted::NEIGHBOURS_IGNORED) && *digits != pin.stored {
                continue;
            }
            if tables.taken(&pin.door, digits, window, &holders).await? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// What claims are compared by: reveals nothing of the digits without the key, which outlives the sealing keys.
pub(crate) fn claim_hash(key: &[u8; 32], door: &DoorKey, stored: &Pin) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes keys of any length");
    mac.update(door.to_string().as_bytes());
    mac.update(&[0]);
    mac.update(stored.expose().as_bytes());
    mac.finalize().into_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
