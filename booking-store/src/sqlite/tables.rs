//! The tables, as the rules of a change and the reads want them.

use std::collections::BTreeSet;

use booking_core::store::{
    AuditEntry, AuditRow, CodeRecord, InboxRow, Kind, Lease, Places, Purged, Record, Row, RowKey, StoreError,
    WorkKey, WorkRow,
};
use booking_core::{
    Begun, BookingId, CodeId, DoorKey, ExternalId, IdempotencyToken, IntegrationName, Pin, Reply, TenantSlug,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Params, params};
use zeroize::Zeroizing;

use super::sql::{self, Records};
use crate::columns::{
    self, Locked, SealedColumn, Shared, WorkColumns, booking_id, columns, from_json, int, limit, name,
    number, time, to_json, work_key, work_row, work_state,
};
use crate::rules::{self, AliasKey, ContentMark, DeliveryKey, InboxEntry, Intake, Tables, WorkState};
use crate::seal::{KeyId, Seals};
use crate::time::Micros;

/// An open transaction.
pub(super) struct Sql<'a> {
    pub(super) connection: &'a Connection,
    pub(super) shared: &'a Shared,
    /// Set where what was deleted should leave the log soon.
    pub(super) checkpoint: &'a mut bool,
}

/// A key in the queue, in the order in which keys are claimed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Queued {
    /// Whether it goes after those with a priority.
    is_late: bool,
    priority: Option<i64>,
    ready_at: i64,
    rank: i64,
    tenant: String,
    id: String,
}

/// What an error of SQLite means. Its own text may quote a statement's values, so only its code is told.
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    use rusqlite::ffi::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        rusqlite::Error::SqliteFailure(error, _) => {
            let text = format!("SQLite: {}", rusqlite::ffi::code_to_str(error.extended_code));
            match error.code {
                DatabaseCorrupt | NotADatabase => StoreError::Damaged(text),
                _ => StoreError::Unavailable(text),
            }
        }
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => {
            StoreError::Damaged("a column holds what it never should".to_owned())
        }
        _ => StoreError::Unavailable("SQLite refused a statement".to_owned()),
    }
}

fn door_text(door: &DoorKey) -> String {
    door.to_string()
}

impl Sql<'_> {
    fn execute(&self, sql: &str, values: impl Params) -> Result<usize, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map_err(failed)
    }

    fn one<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        statement.query_row(values, read).optional().map_err(failed)
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl Params,
        mut read: impl FnMut(&rusqlite::Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(values).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    // Records.

    fn read_row(&self, kind: Kind, tenant: &TenantSlug, row: &rusqlite::Row<'_>) -> Result<Row, StoreError> {
        self.shared.row(kind, tenant, row.try_into().map_err(failed)?)
    }

    pub(super) fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let values = params![key.tenant.as_str(), key.id];
        let rows =
            self.all(&Records::of(key.kind).get, values, |row| self.read_row(key.kind, &key.tenant, row))?;
        Ok(rows.into_iter().next())
    }

    pub(super) fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for kind in Kind::ALL {
            let values = params![tenant.as_str(), booking.as_str()];
            rows.extend(
                self.all(&Records::of(kind).of_stay, values, |row| self.read_row(kind, tenant, row))?,
            );
        }
        Ok(rows)
    }

    pub(super) fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let values = params![tenant.as_str(), after.unwrap_or_default(), limit(most)];
        self.all(&Records::of(kind).page, values, |row| self.read_row(kind, tenant, row))
    }

    /// The codes of a keypad, those removed included.
    pub(super) fn codes_of_door(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        let values = params![tenant.as_str(), door_text(door)];
        let rows =
            self.all(&Records::of(Kind::Code).on_door, values, |row| self.read_row(Kind::Code, tenant, row))?;
        // Two keys may read alike as text.
        let codes = rows.into_iter().filter_map(|row| match row.record {
            Record::Code(code) if code.key == *door => Some(code),
            _ => None,
        });
        Ok(codes.collect())
    }

    // Work.

    pub(super) fn claim_work(
        &self,
        now: Micros,
        until: Micros,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        self.execute(sql::QUEUE_WORK, [now.0])?;
        let mut first = BTreeSet::new();
        let mut tenant = String::new();
        while let Some(next) = self.queued(sql::FIRST_OF_NEXT, now, &tenant)? {
            tenant.clone_from(&next.tenant);
            let left = places.free_for(&name(TenantSlug::parse(&tenant))?);
            if left > 0 {
                first.insert((next, left));
            }
        }
        let mut leases = Vec::new();
        while leases.len() < places.free
            && let Some((key, left)) = first.pop_first()
        {
            leases.push(self.lease(&key, now, until)?);
            if left > 1
                && let Some(next) = self.queued(sql::FIRST_OF, now, &key.tenant)?
            {
                first.insert((next, left - 1));
            }
        }
        Ok(leases)
    }

    fn queued(&self, sql: &str, now: Micros, tenant: &str) -> Result<Option<Queued>, StoreError> {
        self.one(sql, params![now.0, tenant], |row| {
            let priority: Option<i64> = row.get(0)?;
            let (ready_at, rank, tenant, id) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok(Queued { is_late: priority.is_none(), priority, ready_at, rank, tenant, id })
        })
    }

    fn lease(&self, key: &Queued, now: Micros, until: Micros) -> Result<Lease, StoreError> {
        let values = params![now.0, until.0, key.rank, key.tenant, key.id];
        let claimed =
            self.one(sql::CLAIM_WORK, values, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let (token, failures) = claimed
            .ok_or_else(|| StoreError::Damaged("a key is in the queue and not in its table".to_owned()))?;
        let work = work_key(key.rank, &key.tenant, &key.id)?;
        Ok(Lease { work, token: number(token)?, until: until.utc()?, failures: number(failures)? })
    }

    pub(super) fn next_due(&self, after: Option<Micros>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let after = after.map_or(i64::MIN, |after| after.0);
        time(self.one(sql::NEXT_DUE, [after], |row| row.get(0))?.flatten())
    }

    pub(super) fn work_row(&self, key: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        let row = self.work_state(key)?.filter(|row| row.ready_at().is_some());
        row.map(|row| row.shown(key)).transpose()
    }

    fn work_state(&self, key: &WorkKey) -> Result<Option<WorkState>, StoreError> {
        let row = self.one(sql::GET_WORK, columns(key)?, |row| WorkColumns::try_from(row))?;
        row.map(work_state).transpose()
    }

    pub(super) fn list_work(&self, after: Option<&WorkKey>, most: usize) -> Result<Vec<WorkRow>, StoreError> {
        let (rank, tenant, id) =
            after.map(columns).transpose()?.unwrap_or((-1, String::new(), String::new()));
        self.all(sql::LIST_WORK, params![rank, tenant, id, limit(most)], |row| {
            work_row(row.try_into().map_err(failed)?)
        })
    }

    // The inbox.

    fn read_inbox(&self, row: &rusqlite::Row<'_>) -> Result<InboxRow, StoreError> {
        let columns = (|| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
            ))
        })();
        self.shared.inbox_row(columns.map_err(failed)?)
    }

    pub(super) fn unread_rows(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
        self.all(sql::UNREAD, [work.to_string()], |row| self.read_inbox(row))
    }

    pub(super) fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let values = params![tenant.as_str(), before.map_or(i64::MAX, int), limit(most)];
        self.all(sql::INBOX, values, |row| self.read_inbox(row))
    }

    // The audit trail.

    pub(super) fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            let columns: (i64, i64, Option<String>, String, String) = row.try_into().map_err(failed)?;
            let (number, at, stay, what, detail) = columns;
            let stay = booking_id(stay)?;
            let entry = AuditEntry { at: Micros(at).utc()?, tenant: tenant.clone(), stay, what, detail };
            Ok(AuditRow { number: u64::try_from(number).unwrap_or_default(), entry })
        };
        let (tenant, before, most) = (tenant.as_str(), before.map_or(i64::MAX, int), limit(most));
        match stay {
            Some(stay) => self.all(sql::AUDIT_OF, params![tenant, before, most, stay.as_str()], read),
            None => self.all(sql::AUDIT, params![tenant, before, most], read),
        }
    }

    // Forgetting.

    pub(super) fn purge(
        &mut self,
        now: Micros,
        older_than: Micros,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        let mut purged = Purged::default();
        for (tenant, booking) in stays {
            let work = WorkKey::Grant(tenant.clone(), booking.clone());
            if !rules::is_forgettable(self.work_state(&work)?.as_ref(), now) {
                purged.left += 1;
                continue;
            }
            for kind in Kind::ALL {
                let values = params![tenant.as_str(), booking.as_str()];
                purged.records += self.execute(&Records::of(kind).purge, values)? as u64;
            }
            self.execute(sql::PURGE_ALIASES, params![tenant.as_str(), booking.as_str()])?;
            if let Some(token) = self.one(sql::PURGE_WORK, columns(&work)?, |row| row.get::<_, i64>(0))?
                && token > self.counter("first_token")?
            {
                self.execute(sql::SET_META, params!["first_token", token])?;
            }
            purged.inbox += self.execute(sql::PURGE_INBOX_OF, [work.to_string()])? as u64;
        }
        purged.inbox += self.execute(sql::PURGE_INBOX, [older_than.0])? as u64;
        purged.audit = self.execute(sql::PURGE_AUDIT, [older_than.0])? as u64;
        for sql in [sql::PURGE_DELIVERIES, sql::PURGE_CLAIMS, sql::PURGE_IDEMPOTENCY] {
            self.execute(sql, [older_than.0])?;
        }
        *self.checkpoint = true;
        Ok(purged)
    }

    // Idempotency.

    pub(super) fn begin(&self, now: Micros, key: &str, until: Micros) -> Result<Begun, StoreError> {
        if let Some((_, answer, until)) = self.remembered(key)?
            && now < until
        {
            return Ok(answer.map_or(Begun::InProgress, Begun::Done));
        }
        let token: i64 = self
            .one(sql::COUNT_META, ["idempotency_token"], |row| row.get(0))?
            .ok_or_else(|| StoreError::Damaged("a counter is missing".to_owned()))?;
        self.execute(sql::SET_IDEMPOTENCY, params![key, token, None::<Vec<u8>>, until.0])?;
        Ok(Begun::Fresh(IdempotencyToken(number(token)?)))
    }

    pub(super) fn complete(
        &self,
        now: Micros,
        key: &str,
        token: &IdempotencyToken,
        answer: &[u8],
        until: Micros,
    ) -> Result<bool, StoreError> {
        let holds = self
            .remembered(key)?
            .is_some_and(|(holder, answer, until)| holder == token.0 && answer.is_none() && now < until);
        if holds {
            let sealed = self.shared.close_answer(key, answer)?;
            self.execute(sql::SET_IDEMPOTENCY, params![key, int(token.0), sealed, until.0])?;
        }
        Ok(holds)
    }

    pub(super) fn abandon(&self, key: &str, token: &IdempotencyToken) -> Result<bool, StoreError> {
        Ok(self.execute(sql::ABANDON, params![key, int(token.0)])? > 0)
    }

    #[expect(clippy::type_complexity, reason = "token, answer and end of one row, used twice")]
    fn remembered(&self, key: &str) -> Result<Option<(u64, Option<Vec<u8>>, Micros)>, StoreError> {
        let row = self.one(sql::GET_IDEMPOTENCY, [key], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<Vec<u8>>>(1)?, row.get::<_, i64>(2)?))
        })?;
        let Some((token, answer, until)) = row else { return Ok(None) };
        let open = |sealed: Vec<u8>| self.shared.open_answer(key, &sealed);
        Ok(Some((number(token)?, answer.map(open).transpose()?, Micros(until))))
    }

    // Meta.

    fn counter(&self, of: &str) -> Result<i64, StoreError> {
        Ok(self.one(sql::GET_META, [of], |row| row.get(0))?.unwrap_or(0))
    }

    pub(super) fn ping(&self) -> Result<(), StoreError> {
        self.one(sql::COUNT_META, ["pings"], |row| row.get::<_, i64>(0)).map(|_| ())
    }

    // Rotation.

    /// Seals up to `most` values with the active key that are sealed with another; says how many.
    pub(super) fn reseal(&mut self, most: usize) -> Result<usize, StoreError> {
        let active = self.shared.seals.active();
        let mut count = 0;
        for column in SealedColumn::all() {
            let (old, set) = sql::sealed(column);
            for (tenant, id, sealed) in self.old(column, old, active, most - count)? {
                self.execute(set, params![tenant, id, sealed])?;
                count += 1;
            }
        }
        if count == 0 {
            self.execute(sql::SET_META, params!["key_ids", active.as_slice()])?;
            *self.checkpoint = true;
        }
        Ok(count)
    }

    /// Values sealed with another key than the active one, opened and sealed anew. What does not open is left.
    fn old(
        &self,
        column: SealedColumn,
        sql: &str,
        active: KeyId,
        most: usize,
    ) -> Result<Vec<(String, String, Vec<u8>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query([active.as_slice()]).map_err(failed)?;
        let mut found = Vec::new();
        while found.len() < most {
            let Some(row) = rows.next().map_err(failed)? else { break };
            let (tenant, id, sealed): (String, String, Vec<u8>) = row.try_into().map_err(failed)?;
            if let Some(sealed) = self.shared.reseal(column.place(&tenant, &id), &sealed)? {
                found.push((tenant, id, sealed));
            }
        }
        Ok(found)
    }
}

impl Intake for Sql<'_> {
    async fn revision(&mut self, key: &RowKey) -> Result<u64, StoreError> {
        let values = params![key.tenant.as_str(), key.id];
        let revision: Option<i64> = self.one(&Records::of(key.kind).revision, values, |row| row.get(0))?;
        revision.map_or(Ok(0), number)
    }

    async fn put(&mut self, record: Record, revision: u64, now: Micros) -> Result<(), StoreError> {
        let key = record.key();
        let (plain, sealed) = self.shared.close(&key, &record)?;
        let values = params![
            key.tenant.as_str(),
            key.id,
            record.stay().map(BookingId::as_str),
            record.door().map(door_text),
            int(revision),
            plain,
            sealed,
            now.0
        ];
        self.execute(&Records::of(key.kind).put, values).map(|_| ())
    }

    async fn alias(
        &mut self,
        (tenant, source, reference): &AliasKey,
    ) -> Result<Option<BookingId>, StoreError> {
        alias(self, tenant, source, reference)
    }

    async fn set_alias(
        &mut self,
        (tenant, source, reference): &AliasKey,
        booking: &BookingId,
    ) -> Result<(), StoreError> {
        let values = [tenant.as_str(), source.as_str(), reference.as_str(), booking.as_str()];
        self.execute(sql::SET_ALIAS, values).map(|_| ())
    }

    async fn work(&mut self, key: &WorkKey) -> Result<Option<WorkState>, StoreError> {
        self.work_state(key)
    }

    async fn first_token(&mut self) -> Result<u64, StoreError> {
        number(self.counter("first_token")?)
    }

    async fn set_work(&mut self, key: &WorkKey, state: &WorkState) -> Result<(), StoreError> {
        let (rank, tenant, id) = columns(key)?;
        let micros = |at: Option<Micros>| at.map(|at| at.0);
        let values = params![
            rank,
            tenant,
            id,
            micros(state.due_at),
            micros(state.priority),
            micros(state.leased_until),
            int(state.token),
            state.failures
        ];
        self.execute(sql::SET_WORK, values).map(|_| ())
    }

    async fn delivery(
        &mut self,
        (tenant, integration, id): &DeliveryKey,
    ) -> Result<Option<(Micros, Reply)>, StoreError> {
        let row = self.one(sql::GET_DELIVERY, [tenant.as_str(), integration.as_str(), id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        row.map(|(until, reply)| Ok((Micros(until), from_json(reply.as_bytes(), "a reply")?))).transpose()
    }

    async fn set_delivery(
        &mut self,
        (tenant, integration, id): &DeliveryKey,
        until: Micros,
        reply: &Reply,
    ) -> Result<(), StoreError> {
        let values = params![tenant.as_str(), integration.as_str(), id, until.0, to_json(reply)?];
        self.execute(sql::SET_DELIVERY, values).map(|_| ())
    }

    async fn add_inbox(&mut self, entry: InboxEntry) -> Result<(), StoreError> {
        let InboxEntry { row, content, reply } = entry;
        let values = params![
            row.tenant.as_str(),
            row.integration.as_str(),
            to_json(&row.origin)?,
            row.action,
            row.work.as_ref().map(WorkKey::to_string),
            content.as_ref().map(|content| content.hash.as_str()),
            content.as_ref().map(|content| content.event),
            to_json(&reply)?,
            Micros::of(row.received_at).0,
            row.read_at.map(|at| Micros::of(at).0)
        ];
        self.execute(sql::ADD_INBOX, values)?;
        // The seal is bound to the number, which SQLite gives.
        let number = self.connection.last_insert_rowid();
        if let Some(sealed) = self.shared.close_event(&row, number)? {
            self.execute(sql::SET_EVENT, params![number, sealed])?;
        }
        Ok(())
    }

    async fn unread_equal(
        &mut self,
        work: &WorkKey,
        integration: &IntegrationName,
        content: &ContentMark,
    ) -> Result<Option<Reply>, StoreError> {
        let values = params![work.to_string(), integration.as_str(), content.hash, content.event];
        let reply: Option<String> = self.one(sql::UNREAD_EQUAL, values, |row| row.get(0))?;
        reply.map(|reply| from_json(reply.as_bytes(), "a reply")).transpose()
    }

    async fn has_unread(&mut self, work: &WorkKey) -> Result<bool, StoreError> {
        Ok(self.one(sql::HAS_UNREAD, [work.to_string()], |row| row.get(0))?.unwrap_or(false))
    }
}

impl Tables for Sql<'_> {
    async fn delete(&mut self, key: &RowKey) -> Result<(), StoreError> {
        self.execute(&Records::of(key.kind).delete, params![key.tenant.as_str(), key.id]).map(|_| ())
    }

    async fn unread(&mut self, work: &WorkKey) -> Result<Vec<InboxEntry>, StoreError> {
        self.all(sql::UNREAD, [work.to_string()], |row| {
            let hash: Option<String> = row.get(9).map_err(failed)?;
            let event: Option<u32> = row.get(10).map_err(failed)?;
            let reply: String = row.get(11).map_err(failed)?;
            Ok(InboxEntry {
                row: self.read_inbox(row)?,
                content: hash.zip(event).map(|(hash, event)| ContentMark { hash, event }),
                reply: from_json(reply.as_bytes(), "a reply")?,
            })
        })
    }

    async fn remove_inbox(&mut self, _tenant: &TenantSlug, number: u64) -> Result<(), StoreError> {
        self.execute(sql::REMOVE_INBOX, [int(number)]).map(|_| ())
    }

    async fn mark_read(&mut self, work: &WorkKey, up_to: u64, now: Micros) -> Result<(), StoreError> {
        self.execute(sql::MARK_READ, params![work.to_string(), int(up_to), now.0]).map(|_| ())
    }

    async fn taken(
        &mut self,
        door: &DoorKey,
        stored: &Pin,
        (from, until): (Micros, Micros),
        holders: &BTreeSet<&CodeId>,
    ) -> Result<bool, StoreError> {
        let hash = rules::claim_hash(&self.shared.claim_key, door, stored);
        let values = params![door_text(door), hash, from.0, until.0];
        let holding: Vec<String> = self.all(sql::OVERLAPPING, values, |row| row.get(0).map_err(failed))?;
        Ok(holding.iter().any(|held| !holders.iter().any(|holder| holder.as_str() == held)))
    }

    async fn set_claim(
        &mut self,
        holder: &CodeId,
        door: &DoorKey,
        stored: &Pin,
        (from, until): (Micros, Micros),
    ) -> Result<(), StoreError> {
        let hash = rules::claim_hash(&self.shared.claim_key, door, stored);
        self.execute(sql::SET_CLAIM, params![door_text(door), holder.as_str(), hash, from.0, until.0])
            .map(|_| ())
    }

    async fn release(&mut self, holder: &CodeId, until: Micros) -> Result<(), StoreError> {
        let values = params![holder.as_str(), until.0];
        self.execute(sql::DROP_CLAIMS, values)?;
        self.execute(sql::END_CLAIMS, values).map(|_| ())
    }

    async fn add_audit(&mut self, entry: AuditEntry) -> Result<(), StoreError> {
        let AuditEntry { at, tenant, stay, what, detail } = entry;
        let stay = stay.as_ref().map(BookingId::as_str);
        let values = params![tenant.as_str(), stay, Micros::of(at).0, what, detail];
        self.execute(sql::ADD_AUDIT, values).map(|_| ())
    }
}

pub(super) fn alias(
    sql: &Sql<'_>,
    tenant: &TenantSlug,
    source: &IntegrationName,
    reference: &ExternalId,
) -> Result<Option<BookingId>, StoreError> {
    let values = [tenant.as_str(), source.as_str(), reference.as_str()];
    let booking: Option<String> = sql.one(sql::GET_ALIAS, values, |row| row.get(0))?;
    booking_id(booking)
}

/// The key of the claims, made where the database is new.
pub(super) fn unlock(connection: &Connection, seals: &Seals) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let read = |name: &str| -> Result<Option<Vec<u8>>, StoreError> {
        connection.query_row(sql::GET_META, [name], |row| row.get(0)).optional().map_err(failed)
    };
    let locked = Locked { key_ids: read("key_ids")?, claim_key: read("claim_key")? };
    let (claim_key, written) = columns::unlock(seals, &locked)?;
    for (name, value) in [("key_ids", written.key_ids), ("claim_key", written.claim_key)] {
        if let Some(value) = value {
            connection.execute(sql::SET_META, params![name, value]).map_err(failed)?;
        }
    }
    Ok(claim_key)
}
