//! The tables, as the rules of a change and the reads want them.

use std::collections::BTreeSet;

use booking_core::store::{
    AuditEntry, AuditRow, CodeRecord, InboxRow, Kind, Lease, Origin, Purged, Record, Row, RowKey, StoreError,
    StoredRecord, WorkKey, WorkRow,
};
use booking_core::{
    Begun, BookingId, CodeId, DoorKey, ExternalId, IdempotencyToken, IntegrationName, Invalid, Pin, Reply,
    Secret, TenantSlug,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::seal::{KeyId, Place};
use super::sql::{self, Records};
use super::{Shared, seal};
use crate::rules::{self, AliasKey, ContentMark, DeliveryKey, InboxEntry, Tables, WorkState};
use crate::time::Micros;

/// An open transaction.
pub(super) struct Sql<'a> {
    pub(super) connection: &'a Connection,
    pub(super) shared: &'a Shared,
    /// Set where what was deleted should leave the log soon.
    pub(super) checkpoint: &'a mut bool,
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

/// A number as SQLite keeps it.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn number<T: TryFrom<i64>>(value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::Damaged("a number that no number should be".to_owned()))
}

fn time(value: Option<i64>) -> Result<Option<DateTime<Utc>>, StoreError> {
    value.map(|value| Micros(value).utc()).transpose()
}

/// A name that was valid when it was stored.
fn name<T>(parsed: Result<T, Invalid>) -> Result<T, StoreError> {
    parsed.map_err(|error| StoreError::Damaged(error.to_string()))
}

/// Work keys in the order of their ranks.
const RANKS: [&str; 4] = ["grant", "source", "door", "notice"];

/// A work key as its columns: rank, tenant, id.
fn columns(work: &WorkKey) -> Result<(i64, String, String), StoreError> {
    let rank = RANKS.iter().position(|kind| *kind == work.kind());
    let rank =
        rank.ok_or_else(|| StoreError::Unavailable("this store does not know such work".to_owned()))?;
    let text = work.to_string();
    let id = text.splitn(3, '/').nth(2).unwrap_or_default();
    Ok((limit(rank), work.tenant().to_string(), id.to_owned()))
}

fn work_key(rank: i64, tenant: &str, id: &str) -> Result<WorkKey, StoreError> {
    let kind = number::<usize>(rank)?;
    let kind = RANKS.get(kind).ok_or_else(|| StoreError::Damaged("work of an unknown kind".to_owned()))?;
    name(if id.is_empty() {
        format!("{kind}/{tenant}").parse()
    } else {
        format!("{kind}/{tenant}/{id}").parse()
    })
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|_| StoreError::Damaged("a value cannot be written as JSON".to_owned()))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &[u8], what: &str) -> Result<T, StoreError> {
    serde_json::from_slice(text).map_err(|_| StoreError::Damaged(format!("{what} cannot be read")))
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
        let damaged = |what: &str| StoreError::Damaged(format!("a row of {} {what}", kind.table()));
        let id: String = row.get(0).map_err(failed)?;
        let sealed: Option<Vec<u8>> = row.get(3).map_err(failed)?;
        let place = Place { tenant: tenant.as_str(), table: kind.table(), column: "sealed", id: &id };
        let sealed = match sealed {
            Some(sealed) => {
                let open = self.shared.seals.open(place, &sealed)?;
                let text = std::str::from_utf8(&open).map_err(|_| damaged("is not text"))?;
                Some(Secret::new(text))
            }
            // These always have a sealed part; without it they would read as rows that never had a PIN.
            None if matches!(kind, Kind::Code | Kind::Message | Kind::DoorRead | Kind::Fact) => {
                return Err(damaged("lacks its sealed part"));
            }
            None => None,
        };
        let stored = StoredRecord { plain: row.get(2).map_err(failed)?, sealed };
        let record = Record::from_stored(kind, &stored)?;
        let key = record.key();
        if key.id != id || key.tenant != *tenant {
            return Err(damaged("is not the one that it says"));
        }
        Ok(Row { revision: number(row.get(1).map_err(failed)?)?, record })
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
        most: usize,
    ) -> Result<Vec<Lease>, StoreError> {
        let end = until.utc()?;
        self.execute(sql::QUEUE_WORK, [now.0])?;
        let mut claimed = self.all(sql::CLAIM_WORK, params![now.0, until.0, limit(most)], |row| {
            let columns: (i64, String, String, i64, i64, Option<i64>, i64) =
                row.try_into().map_err(failed)?;
            let (rank, tenant, id, token, failures, priority, since) = columns;
            let work = work_key(rank, &tenant, &id)?;
            let lease = Lease { work, token: number(token)?, until: end, failures: number(failures)? };
            Ok(((priority.is_none(), priority, since), lease))
        })?;
        // SQLite returns them in any order.
        claimed
            .sort_by(|(one, lease), (next, other)| one.cmp(next).then_with(|| lease.work.cmp(&other.work)));
        Ok(claimed.into_iter().map(|(_, lease)| lease).collect())
    }

    pub(super) fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        time(self.one(sql::NEXT_DUE, [], |row| row.get(0))?.flatten())
    }

    pub(super) fn work_row(&self, key: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        let row = self.work_state(key)?.filter(|row| row.ready_at().is_some());
        row.map(|row| row.shown(key)).transpose()
    }

    fn work_state(&self, key: &WorkKey) -> Result<Option<WorkState>, StoreError> {
        let row = self.one(sql::GET_WORK, columns(key)?, |row| {
            <(Option<i64>, Option<i64>, Option<i64>, i64, i64)>::try_from(row)
        })?;
        let Some((due_at, priority, leased_until, token, failures)) = row else { return Ok(None) };
        Ok(Some(WorkState {
            due_at: due_at.map(Micros),
            priority: priority.map(Micros),
            leased_until: leased_until.map(Micros),
            token: number(token)?,
            failures: number(failures)?,
        }))
    }

    pub(super) fn list_work(&self, after: Option<&WorkKey>, most: usize) -> Result<Vec<WorkRow>, StoreError> {
        let (rank, tenant, id) =
            after.map(columns).transpose()?.unwrap_or((-1, String::new(), String::new()));
        self.all(sql::LIST_WORK, params![rank, tenant, id, limit(most)], |row| {
            let columns: (i64, String, String, Option<i64>, Option<i64>, i64) =
                row.try_into().map_err(failed)?;
            let (rank, tenant, id, due_at, leased_until, failures) = columns;
            Ok(WorkRow {
                work: work_key(rank, &tenant, &id)?,
                due_at: time(due_at)?,
                leased_until: time(leased_until)?,
                failures: number(failures)?,
            })
        })
    }

    // The inbox.

    fn read_inbox(&self, row: &rusqlite::Row<'_>) -> Result<InboxRow, StoreError> {
        type Columns =
            (i64, String, String, String, String, Option<String>, Option<Vec<u8>>, i64, Option<i64>);
        let text = |index: usize| row.get::<_, String>(index);
        let columns: rusqlite::Result<Columns> = (|| {
            Ok((
                row.get(0)?,
                text(1)?,
                text(2)?,
                text(3)?,
                text(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
            ))
        })();
        let (at, tenant, integration, origin, action, work, event, received_at, read_at) =
            columns.map_err(failed)?;
        let event = match event {
            Some(sealed) => {
                let id = at.to_string();
                let place = Place { tenant: &tenant, table: "inbox", column: "event", id: &id };
                Some(from_json(&self.shared.seals.open(place, &sealed)?, "an event")?)
            }
            None => None,
        };
        Ok(InboxRow {
            number: number(at)?,
            tenant: name(TenantSlug::parse(&tenant))?,
            integration: name(IntegrationName::parse(&integration))?,
            origin: from_json::<Origin>(origin.as_bytes(), "an origin")?,
            action,
            work: name(work.map(|work| work.parse()).transpose())?,
            event,
            received_at: Micros(received_at).utc()?,
            read_at: time(read_at)?,
        })
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
            let stay = name(stay.map(|stay| BookingId::parse(&stay)).transpose())?;
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
        older_than: Micros,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        let mut purged = Purged::default();
        for (tenant, booking) in stays {
            for kind in Kind::ALL {
                let values = params![tenant.as_str(), booking.as_str()];
                purged.records += self.execute(&Records::of(kind).purge, values)? as u64;
            }
            self.execute(sql::PURGE_ALIASES, params![tenant.as_str(), booking.as_str()])?;
            let work = WorkKey::Grant(tenant.clone(), booking.clone());
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
            let sealed = self.shared.seals.seal(answer_place(key), answer)?;
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
        let open = |sealed: Vec<u8>| {
            self.shared.seals.open(answer_place(key), &sealed).map(|answer| answer.to_vec())
        };
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
        for kind in Kind::ALL {
            let statements = Records::of(kind);
            let old = self.old(
                &statements.old_seals,
                active,
                most - count,
                |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?)),
                |(tenant, id)| Place { tenant, table: kind.table(), column: "sealed", id },
            )?;
            count += old.len();
            for ((tenant, id), sealed) in old {
                self.execute(&statements.set_sealed, params![tenant, id, sealed])?;
            }
        }
        let events = self.old(
            sql::OLD_EVENTS,
            active,
            most - count,
            |row| Ok((row.get::<_, String>(1)?, row.get::<_, i64>(0)?.to_string(), row.get(2)?)),
            |(tenant, id)| Place { tenant, table: "inbox", column: "event", id },
        )?;
        count += events.len();
        for ((_, id), sealed) in events {
            self.execute(sql::SET_EVENT, params![id, sealed])?;
        }
        let answers = self.old(
            sql::OLD_ANSWERS,
            active,
            most - count,
            |row| Ok((String::new(), row.get::<_, String>(0)?, row.get(1)?)),
            |(_, id)| answer_place(id),
        )?;
        count += answers.len();
        for ((_, id), sealed) in answers {
            self.execute(sql::SET_ANSWER, params![id, sealed])?;
        }
        if count == 0 {
            self.execute(sql::SET_META, params!["key_ids", active.as_slice()])?;
            *self.checkpoint = true;
        }
        Ok(count)
    }

    /// Values sealed with another key than the active one, opened and sealed anew. What does not open is left.
    #[expect(clippy::type_complexity, reason = "tenant, id and value, three times")]
    fn old(
        &self,
        sql: &str,
        active: KeyId,
        most: usize,
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<(String, String, Vec<u8>)>,
        place: impl for<'a> Fn((&'a str, &'a str)) -> Place<'a>,
    ) -> Result<Vec<((String, String), Vec<u8>)>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query([active.as_slice()]).map_err(failed)?;
        let mut found = Vec::new();
        while found.len() < most {
            let Some(row) = rows.next().map_err(failed)? else { break };
            let (tenant, id, sealed) = read(row).map_err(failed)?;
            let place = place((&tenant, &id));
            if let Ok(value) = self.shared.seals.open(place, &sealed) {
                let sealed = self.shared.seals.seal(place, &value)?;
                found.push(((tenant, id), sealed));
            }
        }
        Ok(found)
    }
}

fn answer_place(key: &str) -> Place<'_> {
    Place { tenant: "", table: "idempotency", column: "answer", id: key }
}

impl Tables for Sql<'_> {
    fn revision(&mut self, key: &RowKey) -> Result<u64, StoreError> {
        let values = params![key.tenant.as_str(), key.id];
        let revision: Option<i64> = self.one(&Records::of(key.kind).revision, values, |row| row.get(0))?;
        revision.map_or(Ok(0), number)
    }

    fn put(&mut self, record: Record, revision: u64, now: Micros) -> Result<(), StoreError> {
        let key = record.key();
        let StoredRecord { plain, sealed } = record.to_stored()?;
        let place =
            Place { tenant: key.tenant.as_str(), table: key.kind.table(), column: "sealed", id: &key.id };
        let sealed =
            sealed.map(|text| self.shared.seals.seal(place, text.expose().as_bytes())).transpose()?;
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

    fn delete(&mut self, key: &RowKey) -> Result<(), StoreError> {
        self.execute(&Records::of(key.kind).delete, params![key.tenant.as_str(), key.id]).map(|_| ())
    }

    fn alias(&mut self, (tenant, source, reference): &AliasKey) -> Result<Option<BookingId>, StoreError> {
        alias(self, tenant, source, reference)
    }

    fn set_alias(
        &mut self,
        (tenant, source, reference): &AliasKey,
        booking: &BookingId,
    ) -> Result<(), StoreError> {
        let values = [tenant.as_str(), source.as_str(), reference.as_str(), booking.as_str()];
        self.execute(sql::SET_ALIAS, values).map(|_| ())
    }

    fn work(&mut self, key: &WorkKey) -> Result<Option<WorkState>, StoreError> {
        self.work_state(key)
    }

    fn first_token(&mut self) -> Result<u64, StoreError> {
        number(self.counter("first_token")?)
    }

    fn set_work(&mut self, key: &WorkKey, state: &WorkState) -> Result<(), StoreError> {
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

    fn delivery(
        &mut self,
        (tenant, integration, id): &DeliveryKey,
    ) -> Result<Option<(Micros, Reply)>, StoreError> {
        let row = self.one(sql::GET_DELIVERY, [tenant.as_str(), integration.as_str(), id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        row.map(|(until, reply)| Ok((Micros(until), from_json(reply.as_bytes(), "a reply")?))).transpose()
    }

    fn set_delivery(
        &mut self,
        (tenant, integration, id): &DeliveryKey,
        until: Micros,
        reply: &Reply,
    ) -> Result<(), StoreError> {
        let values = params![tenant.as_str(), integration.as_str(), id, until.0, to_json(reply)?];
        self.execute(sql::SET_DELIVERY, values).map(|_| ())
    }

    fn add_inbox(&mut self, entry: InboxEntry) -> Result<(), StoreError> {
        let InboxEntry { row, content, reply } = entry;
        let values = params![
            row.tenant.as_str(),
            row.integration.as_str(),
            to_json(&row.origin)?,
            row.action,
            row.work.map(|work| work.to_string()),
            content.as_ref().map(|content| content.hash.as_str()),
            content.as_ref().map(|content| content.event),
            to_json(&reply)?,
            Micros::of(row.received_at).0,
            row.read_at.map(|at| Micros::of(at).0)
        ];
        self.execute(sql::ADD_INBOX, values)?;
        if let Some(event) = &row.event {
            // The seal is bound to the number, which SQLite gives.
            let id = self.connection.last_insert_rowid();
            let text = id.to_string();
            let place = Place { tenant: row.tenant.as_str(), table: "inbox", column: "event", id: &text };
            let event = Secret::new(to_json(event)?);
            let sealed = self.shared.seals.seal(place, event.expose().as_bytes())?;
            self.execute(sql::SET_EVENT, params![id, sealed])?;
        }
        Ok(())
    }

    fn unread_equal(
        &mut self,
        work: &WorkKey,
        integration: &IntegrationName,
        content: &ContentMark,
    ) -> Result<Option<Reply>, StoreError> {
        let values = params![work.to_string(), integration.as_str(), content.hash, content.event];
        let reply: Option<String> = self.one(sql::UNREAD_EQUAL, values, |row| row.get(0))?;
        reply.map(|reply| from_json(reply.as_bytes(), "a reply")).transpose()
    }

    fn has_unread(&mut self, work: &WorkKey) -> Result<bool, StoreError> {
        Ok(self.one(sql::HAS_UNREAD, [work.to_string()], |row| row.get(0))?.unwrap_or(false))
    }

    fn unread(&mut self, work: &WorkKey) -> Result<Vec<InboxEntry>, StoreError> {
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

    fn remove_inbox(&mut self, number: u64) -> Result<(), StoreError> {
        self.execute(sql::REMOVE_INBOX, [int(number)]).map(|_| ())
    }

    fn mark_read(&mut self, work: &WorkKey, up_to: u64, now: Micros) -> Result<(), StoreError> {
        self.execute(sql::MARK_READ, params![work.to_string(), int(up_to), now.0]).map(|_| ())
    }

    fn taken(
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

    fn set_claim(
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

    fn release(&mut self, holder: &CodeId, until: Micros) -> Result<(), StoreError> {
        let values = params![holder.as_str(), until.0];
        self.execute(sql::DROP_CLAIMS, values)?;
        self.execute(sql::END_CLAIMS, values).map(|_| ())
    }

    fn add_audit(&mut self, entry: AuditEntry) -> Result<(), StoreError> {
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
    booking.map(|booking| name(BookingId::parse(&booking))).transpose()
}

/// The keys that values of a database may be sealed with, its claim key among them; made where it is new.
pub(super) fn unlock(
    connection: &Connection,
    seals: &seal::Seals,
) -> Result<zeroize::Zeroizing<[u8; 32]>, StoreError> {
    let read = |name: &str| -> Result<Option<Vec<u8>>, StoreError> {
        connection.query_row(sql::GET_META, [name], |row| row.get(0)).optional().map_err(failed)
    };
    let write = |name: &str, value: &[u8]| -> Result<(), StoreError> {
        connection.execute(sql::SET_META, params![name, value]).map(|_| ()).map_err(failed)
    };
    let place = Place { tenant: "", table: "meta", column: "value", id: "claim_key" };
    let mut ids: Vec<KeyId> = Vec::new();
    for id in read("key_ids")?.unwrap_or_default().chunks_exact(size_of::<KeyId>()) {
        let mut known = KeyId::default();
        known.copy_from_slice(id);
        if !seals.knows(known) {
            let id = seal::name(known);
            let text = format!("it is sealed with the key {id}, which is not among the keys given");
            return Err(StoreError::Damaged(text));
        }
        ids.push(known);
    }
    let claim_key = match read("claim_key")? {
        Some(sealed) => {
            let open = seals.open(place, &sealed)?;
            let mut key = zeroize::Zeroizing::new([0; 32]);
            if open.len() != key.len() {
                return Err(StoreError::Damaged("its claim key has a wrong length".to_owned()));
            }
            key.copy_from_slice(&open);
            if seal::key_id(&sealed) != Some(seals.active()) {
                write("claim_key", &seals.seal(place, &*key)?)?;
            }
            key
        }
        None => {
            let key = seals.draw_key();
            write("claim_key", &seals.seal(place, &*key)?)?;
            key
        }
    };
    if !ids.contains(&seals.active()) {
        ids.push(seals.active());
        write("key_ids", ids.as_flattened())?;
    }
    Ok(claim_key)
}
