//! The store that forgets: for tests, simulated worlds and trying things out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::store::{
    AuditEntry, AuditRow, CodeRecord, CodeState, Commit, InboxRow, Kind, Lease, Places, Purged, Record, Row,
    RowKey, Store, StoreError, Tx, WorkKey, WorkRow,
};
use booking_core::{
    Begun, BookingId, CodeId, DoorKey, ExternalId, IdempotencyStore, IdempotencyToken, IntegrationName, Pin,
    Reply, TenantSlug,
};
use chrono::{DateTime, Utc};

use crate::rules::{
    self, AliasKey, ContentMark, DeliveryKey, InboxEntry, Intake, Tables, WorkState, at_once,
};
use crate::time::Micros;

/// A store in memory: whole, deterministic, gone when it is dropped.
///
/// It keeps every promise of [`Store`] and [`IdempotencyStore`] but durability. It has no clock, no thread and no
/// randomness, its futures are ready at their first poll, and the same calls give the same answers.
#[derive(Default)]
pub struct MemoryStore(Mutex<State>);

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What a panic left half done, if one ever does.
        state.roll_back();
        state
    }
}

/// Claims hold no digits that outlive the process, so that any key will do.
const CLAIM_KEY: [u8; 32] = [0; 32];

/// A map that can take back what was done to it since the last [`keep`](Self::keep).
#[derive(Debug)]
struct Table<K, V> {
    rows: BTreeMap<K, V>,
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    fn set(&mut self, key: K, value: V) {
        let before = self.rows.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        let before = self.rows.remove(key);
        if before.is_some() {
            self.undo.push((key.clone(), before.clone()));
        }
        before
    }

    fn keep(&mut self) {
        self.undo.clear();
    }

    fn roll_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ClaimRow {
    hash: String,
    from: Micros,
    until: Micros,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Remembered {
    token: u64,
    answer: Option<Vec<u8>>,
    until: Micros,
}

/// The last numbers given.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    inbox: u64,
    audit: u64,
    /// The highest token of a row that was deleted.
    token: u64,
    idempotency: u64,
}

#[derive(Debug, Default)]
struct State {
    rows: Table<RowKey, Row>,
    of_stay: Table<(TenantSlug, BookingId, RowKey), ()>,
    of_door: Table<(TenantSlug, DoorKey, RowKey), ()>,
    aliases: Table<AliasKey, BookingId>,
    work: Table<WorkKey, WorkState>,
    deliveries: Table<DeliveryKey, (Micros, Reply)>,
    inbox: Table<u64, InboxEntry>,
    unread: Table<(WorkKey, u64), ()>,
    claims: Table<(DoorKey, CodeId), ClaimRow>,
    audit: Table<u64, AuditEntry>,
    remembered: BTreeMap<String, Remembered>,
    counters: Counters,
    /// As they were before the change.
    kept: Counters,
}

impl State {
    fn keep(&mut self) {
        self.rows.keep();
        self.of_stay.keep();
        self.of_door.keep();
        self.aliases.keep();
        self.work.keep();
        self.deliveries.keep();
        self.inbox.keep();
        self.unread.keep();
        self.claims.keep();
        self.audit.keep();
        self.kept = self.counters;
    }

    fn roll_back(&mut self) {
        self.rows.roll_back();
        self.of_stay.roll_back();
        self.of_door.roll_back();
        self.aliases.roll_back();
        self.work.roll_back();
        self.deliveries.roll_back();
        self.inbox.roll_back();
        self.unread.roll_back();
        self.claims.roll_back();
        self.audit.roll_back();
        self.counters = self.kept;
    }

    fn unread_of(&self, work: &WorkKey) -> impl Iterator<Item = &InboxEntry> {
        let range = (work.clone(), 0)..=(work.clone(), u64::MAX);
        self.unread.rows.range(range).filter_map(|((_, number), ())| self.inbox.rows.get(number))
    }

    fn row(&self, key: &RowKey) -> Option<Row> {
        self.rows.rows.get(key).cloned()
    }

    fn keys_of_stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Vec<RowKey> {
        let first = RowKey { kind: Kind::ALL[0], tenant: tenant.clone(), id: String::new() };
        self.of_stay
            .rows
            .range((tenant.clone(), booking.clone(), first)..)
            .take_while(|((of, stay, _), ())| of == tenant && stay == booking)
            .map(|((_, _, key), ())| key.clone())
            .collect()
    }

    fn codes_of_door(&self, tenant: &TenantSlug, door: &DoorKey) -> Vec<CodeRecord> {
        let first = RowKey { kind: Kind::ALL[0], tenant: tenant.clone(), id: String::new() };
        self.of_door
            .rows
            .range((tenant.clone(), door.clone(), first)..)
            .take_while(|((of, on, _), ())| of == tenant && on == door)
            .filter_map(|((_, _, key), ())| match &self.rows.rows.get(key)?.record {
                Record::Code(code) => Some(code.clone()),
                _ => None,
            })
            .collect()
    }

    fn unindex(&mut self, record: &Record) {
        let key = record.key();
        if let Some(stay) = record.stay() {
            self.of_stay.remove(&(key.tenant.clone(), stay.clone(), key.clone()));
        }
        if let Some(door) = record.door() {
            self.of_door.remove(&(key.tenant.clone(), door.clone(), key));
        }
    }
}

impl Intake for State {
    async fn revision(&mut self, key: &RowKey) -> Result<u64, StoreError> {
        Ok(self.rows.rows.get(key).map_or(0, |row| row.revision))
    }

    async fn put(&mut self, record: Record, revision: u64, _now: Micros) -> Result<(), StoreError> {
        let key = record.key();
        if let Some(before) = self.row(&key) {
            self.unindex(&before.record);
        }
        if let Some(stay) = record.stay() {
            self.of_stay.set((key.tenant.clone(), stay.clone(), key.clone()), ());
        }
        if let Some(door) = record.door() {
            self.of_door.set((key.tenant.clone(), door.clone(), key.clone()), ());
        }
        self.rows.set(key, Row { revision, record });
        Ok(())
    }

    async fn alias(&mut self, key: &AliasKey) -> Result<Option<BookingId>, StoreError> {
        Ok(self.aliases.rows.get(key).cloned())
    }

    async fn set_alias(&mut self, key: &AliasKey, booking: &BookingId) -> Result<(), StoreError> {
        self.aliases.set(key.clone(), booking.clone());
        Ok(())
    }

    async fn work(&mut self, key: &WorkKey) -> Result<Option<WorkState>, StoreError> {
        Ok(self.work.rows.get(key).cloned())
    }

    async fn first_token(&mut self) -> Result<u64, StoreError> {
        Ok(self.counters.token)
    }

    async fn set_work(&mut self, key: &WorkKey, state: &WorkState) -> Result<(), StoreError> {
        self.work.set(key.clone(), state.clone());
        Ok(())
    }

    async fn delivery(&mut self, key: &DeliveryKey) -> Result<Option<(Micros, Reply)>, StoreError> {
        Ok(self.deliveries.rows.get(key).cloned())
    }

    async fn set_delivery(
        &mut self,
        key: &DeliveryKey,
        until: Micros,
        reply: &Reply,
    ) -> Result<(), StoreError> {
        self.deliveries.set(key.clone(), (until, reply.clone()));
        Ok(())
    }

    async fn add_inbox(&mut self, mut entry: InboxEntry) -> Result<(), StoreError> {
        self.counters.inbox += 1;
        entry.row.number = self.counters.inbox;
        if let (Some(work), None) = (&entry.row.work, entry.row.read_at) {
            self.unread.set((work.clone(), self.counters.inbox), ());
        }
        self.inbox.set(self.counters.inbox, entry);
        Ok(())
    }

    async fn unread_equal(
        &mut self,
        work: &WorkKey,
        integration: &IntegrationName,
        content: &ContentMark,
    ) -> Result<Option<Reply>, StoreError> {
        let equal = self
            .unread_of(work)
            .find(|entry| entry.row.integration == *integration && entry.content.as_ref() == Some(content));
        Ok(equal.map(|entry| entry.reply.clone()))
    }

    async fn has_unread(&mut self, work: &WorkKey) -> Result<bool, StoreError> {
        Ok(self.unread_of(work).next().is_some())
    }
}

impl Tables for State {
    async fn delete(&mut self, key: &RowKey) -> Result<(), StoreError> {
        if let Some(before) = self.rows.remove(key) {
            self.unindex(&before.record);
        }
        Ok(())
    }

    async fn unread(&mut self, work: &WorkKey) -> Result<Vec<InboxEntry>, StoreError> {
        Ok(self.unread_of(work).cloned().collect())
    }

    async fn remove_inbox(&mut self, _tenant: &TenantSlug, number: u64) -> Result<(), StoreError> {
        if let Some(InboxEntry { row: InboxRow { work: Some(work), .. }, .. }) = self.inbox.remove(&number) {
            self.unread.remove(&(work, number));
        }
        Ok(())
    }

    async fn mark_read(&mut self, work: &WorkKey, up_to: u64, now: Micros) -> Result<(), StoreError> {
        let read_at = Some(now.utc()?);
        let read: Vec<u64> = self
            .unread_of(work)
            .map(|entry| entry.row.number)
            .take_while(|number| *number <= up_to)
            .collect();
        for number in read {
            self.unread.remove(&(work.clone(), number));
            if let Some(mut entry) = self.inbox.rows.get(&number).cloned() {
                entry.row.read_at = read_at;
                self.inbox.set(number, entry);
            }
        }
        Ok(())
    }

    async fn taken(
        &mut self,
        door: &DoorKey,
        stored: &Pin,
        (from, until): (Micros, Micros),
        holders: &BTreeSet<&CodeId>,
    ) -> Result<bool, StoreError> {
        let hash = rules::claim_hash(&CLAIM_KEY, door, stored);
        Ok(self.claims.rows.iter().any(|((on, holder), claim)| {
            on == door
                && claim.hash == hash
                && claim.from < until
                && from < claim.until
                && !holders.contains(holder)
        }))
    }

    async fn set_claim(
        &mut self,
        holder: &CodeId,
        door: &DoorKey,
        stored: &Pin,
        (from, until): (Micros, Micros),
    ) -> Result<(), StoreError> {
        let hash = rules::claim_hash(&CLAIM_KEY, door, stored);
        self.claims.set((door.clone(), holder.clone()), ClaimRow { hash, from, until });
        Ok(())
    }

    async fn release(&mut self, holder: &CodeId, until: Micros) -> Result<(), StoreError> {
        let held: Vec<_> = self.claims.rows.keys().filter(|(_, of)| of == holder).cloned().collect();
        for key in held {
            if let Some(mut claim) = self.claims.remove(&key)
                && claim.from < until
            {
                claim.until = until;
                self.claims.set(key, claim);
            }
        }
        Ok(())
    }

    async fn add_audit(&mut self, entry: AuditEntry) -> Result<(), StoreError> {
        self.counters.audit += 1;
        self.audit.set(self.counters.audit, entry);
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError> {
        let mut state = self.state();
        let answer = at_once(rules::commit(&mut *state, tx));
        match answer {
            Ok(Commit::Done { .. }) => state.keep(),
            _ => state.roll_back(),
        }
        answer
    }

    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        let now = Micros::of(now);
        let until = now.plus(lease_for);
        let mut state = self.state();
        let mut ready: Vec<_> = state
            .work
            .rows
            .iter()
            .filter_map(|(work, row)| {
                let since = row.ready_at().filter(|at| *at <= now)?;
                Some(((row.priority.is_none(), row.priority, since), work.clone()))
            })
            .collect();
        ready.sort();
        let mut places = places.clone();
        ready.retain(|(_, work)| {
            let has_place = places.free_for(work.tenant()) > 0;
            if has_place {
                places.free -= 1;
                *places.taken.entry(work.tenant().clone()).or_default() += 1;
            }
            has_place
        });
        let mut leases = Vec::new();
        for (_, work) in ready {
            let Some(mut row) = state.work.rows.get(&work).cloned() else { continue };
            leases.extend(row.lease(&work, now, until)?);
            state.work.set(work, row);
        }
        state.keep();
        Ok(leases)
    }

    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError> {
        let now = Micros::of(now);
        let mut state = self.state();
        let claimed = at_once(rules::claim_key(&mut *state, now, now.plus(lease_for), work));
        state.keep();
        claimed
    }

    async fn extend(
        &self,
        now: DateTime<Utc>,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let mut state = self.state();
        let extended = at_once(rules::extend(&mut *state, Micros::of(now), lease, Micros::of(until)));
        state.keep();
        extended
    }

    async fn next_due(&self, after: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let after = after.map(Micros::of);
        let state = self.state();
        let times = state.work.rows.values().filter_map(WorkState::ready_at);
        times.filter(|at| after.is_none_or(|after| *at > after)).min().map(Micros::utc).transpose()
    }

    async fn work(&self, after: Option<&WorkKey>, limit: usize) -> Result<Vec<WorkRow>, StoreError> {
        let state = self.state();
        let waiting = state
            .work
            .rows
            .iter()
            .filter(|(work, row)| after.is_none_or(|after| *work > after) && row.ready_at().is_some())
            .take(limit);
        waiting.map(|(work, row)| row.shown(work)).collect()
    }

    async fn work_row(&self, work: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        let state = self.state();
        let row = state.work.rows.get(work).filter(|row| row.ready_at().is_some());
        row.map(|row| row.shown(work)).transpose()
    }

    async fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        Ok(self.state().row(key))
    }

    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        let state = self.state();
        Ok(state.keys_of_stay(tenant, booking).iter().filter_map(|key| state.row(key)).collect())
    }

    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let state = self.state();
        let from = RowKey { kind, tenant: tenant.clone(), id: after.unwrap_or_default().to_owned() };
        let rows = state
            .rows
            .rows
            .range(from..)
            .take_while(|(key, _)| key.kind == kind && key.tenant == *tenant)
            .filter(|(key, _)| after.is_none_or(|after| key.id != after))
            .take(limit)
            .map(|(_, row)| row.clone());
        Ok(rows.collect())
    }

    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        let codes = self.state().codes_of_door(tenant, door);
        Ok(codes.into_iter().filter(|code| code.state != CodeState::Removed).collect())
    }

    async fn codes_ever_on(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        Ok(self.state().codes_of_door(tenant, door))
    }

    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError> {
        let alias = (tenant.clone(), source.clone(), reference.clone());
        Ok(self.state().aliases.rows.get(&alias).cloned())
    }

    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
        Ok(self.state().unread_of(work).map(|entry| entry.row.clone()).collect())
    }

    async fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let state = self.state();
        let rows = state.inbox.rows.range(..before.unwrap_or(u64::MAX)).rev();
        let rows = rows.map(|(_, entry)| &entry.row).filter(|row| row.tenant == *tenant).take(limit);
        Ok(rows.cloned().collect())
    }

    async fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let state = self.state();
        let entries = state.audit.rows.range(..before.unwrap_or(u64::MAX)).rev();
        let entries = entries
            .filter(|(_, entry)| {
                entry.tenant == *tenant && stay.is_none_or(|stay| entry.stay.as_ref() == Some(stay))
            })
            .take(limit);
        Ok(entries.map(|(number, entry)| AuditRow { number: *number, entry: entry.clone() }).collect())
    }

    async fn purge(
        &self,
        now: DateTime<Utc>,
        older_than: DateTime<Utc>,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        let mut state = self.state();
        let (now, old) = (Micros::of(now), Micros::of(older_than));
        let mut purged = Purged::default();
        for (tenant, booking) in stays {
            let work = WorkKey::Grant(tenant.clone(), booking.clone());
            if !rules::is_forgettable(state.work.rows.get(&work), now) {
                purged.left += 1;
                continue;
            }
            for key in state.keys_of_stay(tenant, booking) {
                at_once(state.delete(&key))?;
                purged.records += 1;
            }
            let names = |(of, ..): &AliasKey, to: &BookingId| of == tenant && to == booking;
            state.aliases.rows.retain(|alias, to| !names(alias, to));
            if let Some(row) = state.work.remove(&work) {
                state.counters.token = state.counters.token.max(row.token);
            }
            let told = state.inbox.rows.values().filter(|entry| entry.row.work.as_ref() == Some(&work));
            for number in told.map(|entry| entry.row.number).collect::<Vec<_>>() {
                at_once(state.remove_inbox(tenant, number))?;
                purged.inbox += 1;
            }
        }
        let before = state.inbox.rows.len();
        state
            .inbox
            .rows
            .retain(|_, entry| entry.row.read_at.is_none() || Micros::of(entry.row.received_at) >= old);
        purged.inbox += (before - state.inbox.rows.len()) as u64;
        let before = state.audit.rows.len();
        state.audit.rows.retain(|_, entry| Micros::of(entry.at) >= old);
        purged.audit = (before - state.audit.rows.len()) as u64;
        state.deliveries.rows.retain(|_, (until, _)| *until >= old);
        state.claims.rows.retain(|_, claim| claim.until >= old);
        state.remembered.retain(|_, remembered| remembered.until >= old);
        state.keep();
        Ok(purged)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl IdempotencyStore for MemoryStore {
    async fn begin(&self, now: DateTime<Utc>, key: &str, ttl: Duration) -> Result<Begun, StoreError> {
        let now = Micros::of(now);
        let mut state = self.state();
        if let Some(remembered) = state.remembered.get(key)
            && now < remembered.until
        {
            return Ok(remembered.answer.clone().map_or(Begun::InProgress, Begun::Done));
        }
        state.counters.idempotency += 1;
        state.kept = state.counters;
        let token = state.counters.idempotency;
        state.remembered.insert(key.to_owned(), Remembered { token, answer: None, until: now.plus(ttl) });
        Ok(Begun::Fresh(IdempotencyToken(token)))
    }

    async fn complete(
        &self,
        now: DateTime<Utc>,
        key: &str,
        token: &IdempotencyToken,
        answer: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let now = Micros::of(now);
        let mut state = self.state();
        let Some(remembered) = state.remembered.get_mut(key) else { return Ok(false) };
        if remembered.token != token.0 || remembered.answer.is_some() || now >= remembered.until {
            return Ok(false);
        }
        *remembered = Remembered { token: token.0, answer: Some(answer.to_vec()), until: now.plus(ttl) };
        Ok(true)
    }

    async fn abandon(&self, key: &str, token: &IdempotencyToken) -> Result<bool, StoreError> {
        let mut state = self.state();
        let holds =
            state.remembered.get(key).is_some_and(|known| known.token == token.0 && known.answer.is_none());
        if holds {
            state.remembered.remove(key);
        }
        Ok(holds)
    }
}
