//! The tables inside a change, as its rules want them.
//!
//! What only writes is sent and not waited for: its answer is taken before the next thing is read, or with that of the
//! commit. What a change is known to ask for is read together. So it costs a journey for that, one for each thing that
//! only turns out on the way, and one for its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use booking_core::store::{AuditEntry, Kind, Purged, Record, RowKey, StoreError, Tx, WorkKey, Write};
use booking_core::{
    Begun, BookingId, CodeId, DoorKey, IdempotencyToken, IntegrationName, Pin, Reply, TenantSlug,
};
use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Error, Row, Statement};

use super::pool::{Borrowed, Sent, Vain, Value, failed, optional_text, rows, text, texts, value};
use super::sql::{self, Records};
use crate::columns::{
    Locked, SealedColumn, Shared, booking_id, columns, from_json, int, limit, number, to_json, work_state,
};
use crate::rules::{self, AliasKey, ContentMark, DeliveryKey, InboxEntry, Intake, Tables, WorkState};
use crate::seal::Seals;
use crate::time::Micros;

/// So many old values are looked at in one statement.
const PAGE: i64 = 100;

/// A column of a row.
pub(super) fn column<T: FromSqlOwned>(row: &Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(|_| StoreError::Damaged("a column holds what it never should".to_owned()))
}

/// What may be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing was changed: others were in the way, or the connection ended.
    Again,
    /// Nothing was changed: of several changes in one transaction one is to blame.
    Apart,
    None,
}

/// Why an attempt failed.
pub(super) type Failed = (StoreError, Remedy);

/// An open transaction.
pub(super) struct Sql {
    connection: Arc<Borrowed>,
    sent: Vec<Sent<u64>>,
    /// Why it is in vain, where the database says so.
    vain: Option<Vain>,
}

impl Sql {
    /// Opens a transaction.
    pub(super) fn begin(connection: Borrowed) -> Self {
        let connection = Arc::new(connection);
        let sent = vec![order(&connection, "BEGIN ISOLATION LEVEL REPEATABLE READ")];
        Self { connection, sent, vain: None }
    }

    /// What to do about an error of the work so far.
    pub(super) fn remedy(&self) -> Remedy {
        match self.vain {
            Some(vain) if vain.is_repeatable() => Remedy::Again,
            None | Some(Vain::Refused) => Remedy::Apart,
            Some(_) => Remedy::None,
        }
    }

    /// Ends the transaction and keeps its changes.
    pub(super) async fn commit(mut self) -> Result<(), Failed> {
        let commit = order(&self.connection, "COMMIT");
        let before = self.settle().await;
        let end = commit.answer().await;
        let is_over = end.is_ok();
        let failed = match before {
            Ok(()) => end.map(drop).map_err(|error| self.note(&error)),
            failed => failed,
        };
        // Where the connection was lost, nobody knows whether the database had been told.
        let remedy = if self.vain == Some(Vain::Lost) { Remedy::None } else { self.remedy() };
        // What was in vain is over as well: the connection is as good as before.
        if is_over {
            self.back();
        }
        failed.map_err(|error| (error, remedy))
    }

    /// Ends the transaction and takes its changes back.
    pub(super) async fn roll_back(mut self) {
        // What they failed with is told already; the transaction ends all the same.
        self.sent.clear();
        let end = order(&self.connection, "ROLLBACK").answer().await;
        if end.is_ok() {
            self.back();
        }
    }

    fn back(self) {
        drop(self.sent);
        if let Some(connection) = Arc::into_inner(self.connection) {
            connection.back();
        }
    }

    fn note(&mut self, error: &Error) -> StoreError {
        self.vain = Some(Vain::of(error));
        failed(error)
    }

    /// Takes the answers to what was sent. The first that is an error is why the others are.
    async fn settle(&mut self) -> Result<(), StoreError> {
        for sent in std::mem::take(&mut self.sent) {
            sent.answer().await.map_err(|error| self.note(&error))?;
        }
        Ok(())
    }

    async fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        let prepared = self.connection.client()?.prepare_cached(sql).await;
        match prepared {
            Ok(statement) => Ok(statement),
            Err(error) => {
                self.settle().await?;
                Err(self.note(&error))
            }
        }
    }

    async fn send(&mut self, sql: &str, values: Vec<Value>) -> Result<Sent<u64>, StoreError> {
        let statement = self.prepare(sql).await?;
        let connection = Arc::clone(&self.connection);
        Ok(Sent::now(async move {
            let Ok(client) = connection.client() else { return Ok(0) };
            client.execute_raw(&statement, values).await
        }))
    }

    /// Sends what changes rows.
    pub(super) async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<(), StoreError> {
        let sent = self.send(sql, values).await?;
        self.sent.push(sent);
        Ok(())
    }

    /// Changes rows in one journey and says how many each change concerned.
    async fn counts(&mut self, changes: Vec<(&str, Vec<Value>)>) -> Result<Vec<u64>, StoreError> {
        let mut sent = Vec::new();
        for (sql, values) in changes {
            sent.push(self.send(sql, values).await?);
        }
        self.settle().await?;
        let mut counts = Vec::new();
        for sent in sent {
            counts.push(sent.answer().await.map_err(|error| self.note(&error))?);
        }
        Ok(counts)
    }

    async fn all(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let [rows] = self.all_of([(sql, values)]).await?;
        Ok(rows)
    }

    /// Reads several things in one journey.
    pub(super) async fn all_of<const N: usize>(
        &mut self,
        reads: [(&str, Vec<Value>); N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        let answers = self.each_of(reads).await?;
        Ok(answers.try_into().unwrap_or_else(|_| unreachable!("an answer to each")))
    }

    /// The same with as many as there are.
    async fn each_of(
        &mut self,
        reads: impl IntoIterator<Item = (&str, Vec<Value>)>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let mut prepared = Vec::new();
        for (sql, values) in reads {
            prepared.push((self.prepare(sql).await?, values));
        }
        let send = |(statement, values)| {
            let connection = Arc::clone(&self.connection);
            Sent::now(async move {
                let Ok(client) = connection.client() else { return Ok(Vec::new()) };
                rows(client, &statement, values).await
            })
        };
        let sent: Vec<_> = prepared.into_iter().map(send).collect();
        self.settle().await?;
        let mut answers = Vec::new();
        for sent in sent {
            answers.push(sent.answer().await.map_err(|error| self.note(&error))?);
        }
        Ok(answers)
    }

    async fn one<T: FromSqlOwned>(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<T>, StoreError> {
        let rows = self.all(sql, values).await?;
        rows.first().map(|row| column(row, 0)).transpose()
    }

    /// The next number of a sequence.
    async fn next(&mut self, sql: &str) -> Result<i64, StoreError> {
        let next = self.one(sql, Vec::new()).await?;
        next.ok_or_else(|| StoreError::Damaged("a sequence gives no number".to_owned()))
    }

    async fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.one::<Option<Vec<u8>>>(sql::GET_BYTES, vec![text(name)]).await?.flatten())
    }

    /// The key of the claims, made where the database is new.
    pub(super) async fn unlock(&mut self, seals: &Seals) -> Result<zeroize::Zeroizing<[u8; 32]>, StoreError> {
        crate::transfer::refuse_unfinished(self.bytes("transfer").await?.as_deref())?;
        let locked =
            Locked { key_ids: self.bytes("key_ids").await?, claim_key: self.bytes("claim_key").await? };
        let (claim_key, written) = crate::columns::unlock(seals, &locked)?;
        for (name, bytes) in [("key_ids", written.key_ids), ("claim_key", written.claim_key)] {
            if let Some(bytes) = bytes {
                self.execute(sql::SET_BYTES, vec![text(name), value(bytes)]).await?;
            }
        }
        Ok(claim_key)
    }

    /// Reads keys, in their order, and keeps others from them until the end of the change.
    async fn lock_works(
        &mut self,
        keys: BTreeSet<WorkKey>,
    ) -> Result<BTreeMap<WorkKey, WorkState>, StoreError> {
        let found = self.all(sql::LOCK_WORKS, works_values(keys.iter())?).await?;
        let mut places = BTreeMap::new();
        for row in &found {
            places.insert(column::<i64>(row, 0)?, placed_work(row)?);
        }
        Ok((1..).zip(keys).filter_map(|(place, key)| Some((key, places.remove(&place)?))).collect())
    }

    /// Forgets stays that nobody works on, in two journeys however many there are.
    pub(super) async fn purge(
        &mut self,
        now: Micros,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        // So that those who held a key until it is locked here are seen, whatever they have added.
        self.sent.push(order(&self.connection, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"));
        let grant =
            |(tenant, booking): &(TenantSlug, BookingId)| WorkKey::Grant(tenant.clone(), booking.clone());
        let work = self.lock_works(stays.iter().map(grant).collect()).await?;
        let is_over = |stay: &&(TenantSlug, BookingId)| rules::is_forgettable(work.get(&grant(stay)), now);
        let over: Vec<_> = stays.iter().filter(is_over).collect();
        let names = || texts(over.iter().map(|(tenant, booking)| [tenant.to_string(), booking.to_string()]));
        let keys: Vec<_> = over.iter().copied().map(grant).collect();

        let token = |key: &WorkKey| Some(int(work.get(key)?.token));
        let mut changes = Vec::new();
        for kind in Kind::ALL {
            changes.push((Records::of(kind).purge.as_str(), names()));
        }
        changes.extend([
            (sql::PURGE_INBOX_OF, texts(keys.iter().map(|key| [key.to_string()]))),
            (sql::PURGE_ALIASES, names()),
            (sql::PURGE_WORKS, works_values(keys.iter())?),
            (sql::RAISE_NUMBER, vec![text("first_token"), value(keys.iter().filter_map(token).max())]),
        ]);
        let counts = self.counts(changes).await?;
        let (records, rest) = counts.split_at(Kind::ALL.len());
        let left = (stays.len() - over.len()) as u64;
        Ok(Purged { inbox: rest[0], records: records.iter().sum(), left, ..Purged::default() })
    }

    /// Seals up to `most` values with the active key that are sealed with another; says how many.
    pub(super) async fn reseal(&mut self, shared: &Shared, most: usize) -> Result<usize, StoreError> {
        let active = shared.seals.active();
        let mut count = 0;
        for sealed_column in SealedColumn::all() {
            let (old, set) = sql::sealed(sealed_column);
            let mut after = (String::new(), String::new());
            while count < most {
                let page = vec![
                    value(active.to_vec()),
                    text(after.0.as_str()),
                    text(after.1.as_str()),
                    value(limit(most - count).min(PAGE)),
                ];
                let page = self.all(old, page).await?;
                let Some(last) = page.last() else { break };
                after = (column(last, 0)?, column(last, 1)?);
                for row in &page {
                    let (tenant, id): (String, String) = (column(row, 0)?, column(row, 1)?);
                    // What does not open is left.
                    let sealed: Vec<u8> = column(row, 2)?;
                    if let Some(sealed) = shared.reseal(sealed_column.place(&tenant, &id), &sealed)? {
                        self.execute(set, vec![text(tenant), text(id), value(sealed)]).await?;
                        count += 1;
                    }
                }
            }
        }
        if count == 0 {
            self.execute(sql::SET_BYTES, vec![text("key_ids"), value(active.to_vec())]).await?;
        }
        Ok(count)
    }

    pub(super) async fn begin_key(
        &mut self,
        shared: &Shared,
        now: Micros,
        key: &str,
        until: Micros,
    ) -> Result<Begun, StoreError> {
        if let Some((_, answer, until)) = self.remembered(shared, key).await?
            && now < until
        {
            return Ok(answer.map_or(Begun::InProgress, Begun::Done));
        }
        let token = self.next(sql::IDEMPOTENCY_TOKEN).await?;
        let values = vec![text(key), value(token), value(None::<Vec<u8>>), value(until.0)];
        self.execute(sql::SET_IDEMPOTENCY, values).await?;
        Ok(Begun::Fresh(IdempotencyToken(number(token)?)))
    }

    pub(super) async fn complete(
        &mut self,
        shared: &Shared,
        now: Micros,
        key: &str,
        token: &IdempotencyToken,
        answer: &[u8],
        until: Micros,
    ) -> Result<bool, StoreError> {
        let holds = self
            .remembered(shared, key)
            .await?
            .is_some_and(|(holder, answer, until)| holder == token.0 && answer.is_none() && now < until);
        if holds {
            let sealed = shared.close_answer(key, answer)?;
            let values = vec![text(key), value(int(token.0)), value(sealed), value(until.0)];
            self.execute(sql::SET_IDEMPOTENCY, values).await?;
        }
        Ok(holds)
    }

    pub(super) async fn abandon(&mut self, key: &str, token: &IdempotencyToken) -> Result<bool, StoreError> {
        Ok(self.counts(vec![(sql::ABANDON, vec![text(key), value(int(token.0))])]).await? != [0])
    }

    async fn remembered(
        &mut self,
        shared: &Shared,
        key: &str,
    ) -> Result<Option<(u64, Option<Vec<u8>>, Micros)>, StoreError> {
        let rows = self.all(sql::GET_IDEMPOTENCY, vec![text(key)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let answer: Option<Vec<u8>> = column(row, 1)?;
        let answer = answer.map(|sealed| shared.open_answer(key, &sealed)).transpose()?;
        Ok(Some((number(column(row, 0)?)?, answer, Micros(column(row, 2)?))))
    }
}

/// Sends an order about the transaction.
fn order(connection: &Arc<Borrowed>, order: &'static str) -> Sent<u64> {
    let connection = Arc::clone(connection);
    Sent::now(async move {
        let Ok(client) = connection.client() else { return Ok(0) };
        client.batch_execute(order).await.map(|()| 0)
    })
}

pub(super) fn work_values(work: &WorkKey) -> Result<Vec<Value>, StoreError> {
    let (rank, tenant, id) = columns(work)?;
    Ok(vec![value(rank), text(tenant), text(id)])
}

/// The columns of several keys.
pub(super) fn works_values<'w>(works: impl Iterator<Item = &'w WorkKey>) -> Result<Vec<Value>, StoreError> {
    let (mut ranks, mut names) = (Vec::new(), Vec::new());
    for work in works {
        let (rank, tenant, id) = columns(work)?;
        ranks.push(rank);
        names.push([tenant, id]);
    }
    let mut values = vec![value(ranks)];
    values.extend(texts(names));
    Ok(values)
}

pub(super) fn row_values(key: &RowKey) -> Vec<Value> {
    vec![text(key.tenant.as_str()), text(key.id.as_str())]
}

pub(super) fn alias_values((tenant, source, reference): &AliasKey) -> Vec<Value> {
    vec![text(tenant.as_str()), text(source.as_str()), text(reference.as_str())]
}

pub(super) fn work_of(row: &Row) -> Result<WorkState, StoreError> {
    work_state((column(row, 0)?, column(row, 1)?, column(row, 2)?, column(row, 3)?, column(row, 4)?))
}

/// The same behind the place of its key among those asked for.
pub(super) fn placed_work(row: &Row) -> Result<WorkState, StoreError> {
    work_state((column(row, 1)?, column(row, 2)?, column(row, 3)?, column(row, 4)?, column(row, 5)?))
}

pub(super) fn inbox_row(shared: &Shared, row: &Row) -> Result<booking_core::store::InboxRow, StoreError> {
    shared.inbox_row((
        column(row, 0)?,
        column(row, 1)?,
        column(row, 2)?,
        column(row, 3)?,
        column(row, 4)?,
        column(row, 5)?,
        column(row, 6)?,
        column(row, 7)?,
        column(row, 8)?,
    ))
}

/// The tables of a change, with what seals their values.
pub(super) struct Change<'c> {
    sql: &'c mut Sql,
    shared: &'c Shared,
    /// When it is made.
    now: Micros,
    /// Keys that were read, and so locked, and what became of them since.
    work: BTreeMap<WorkKey, Option<WorkState>>,
    /// Which of them are to be written.
    marked: BTreeSet<WorkKey>,
    /// Revisions that were read, and what became of them since; 0 where there is no row.
    revisions: BTreeMap<RowKey, u64>,
    /// Read where a key is new.
    first_token: Option<u64>,
}

impl<'c> Change<'c> {
    pub(super) fn new(sql: &'c mut Sql, shared: &'c Shared, now: Micros) -> Self {
        let (work, marked, revisions) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { sql, shared, now, work, marked, revisions, first_token: None }
    }

    /// Sends what was kept back: keys, in their order.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        let works = self.marked.iter().filter_map(|key| Some((key, self.work.get(key)?.as_ref()?)));
        if self.marked.is_empty() { Ok(()) } else { set_works(self.sql, self.now, works).await }
    }

    /// Reads in one journey what a change is going to ask for. Keys are locked in their order, so that of two changes
    /// neither waits for what the other holds while it holds what that one waits for. Which keys references lead to is
    /// not known yet.
    pub(super) async fn look_ahead(&mut self, tx: &Tx) -> Result<(), StoreError> {
        let firsts = tx.claims.iter().filter_map(|claim| claim.candidates.first());
        let writes = || tx.writes.iter().chain(firsts.clone().flat_map(|candidate| &candidate.writes));
        let mut keys: BTreeSet<&WorkKey> = tx.lease.iter().map(|lease| &lease.work).collect();
        let mut rows: BTreeSet<RowKey> = tx.expect.iter().map(|(key, _)| key.clone()).collect();
        for write in writes() {
            match write {
                Write::Due { work, .. } => drop(keys.insert(work)),
                Write::Put(record) => drop(rows.insert(record.key())),
                _ => {}
            }
        }
        let candidates = tx.claims.iter().flat_map(|claim| &claim.candidates);
        let doors: BTreeSet<String> =
            candidates.flat_map(|candidate| &candidate.pins).map(|pin| pin.door.to_string()).collect();
        let mut reads = Vec::new();
        // First, since that is where most will have to wait.
        for door in &doors {
            reads.push((sql::LOCK_DOOR, vec![text(door.as_str())]));
        }
        for key in &keys {
            reads.push((sql::LOCK_WORK, work_values(key)?));
        }
        for key in &rows {
            reads.push((Records::of(key.kind).revision.as_str(), row_values(key)));
        }
        if reads.is_empty() {
            return Ok(());
        }
        let mut found = self.sql.each_of(reads).await?.into_iter().skip(doors.len());
        for (key, found) in keys.into_iter().zip(&mut found) {
            self.work.insert(key.clone(), found.first().map(work_of).transpose()?);
        }
        for (key, found) in rows.into_iter().zip(found) {
            let revision = found.first().map_or(Ok(0), |row| column::<i64>(row, 0))?;
            self.revisions.insert(key, number(revision)?);
        }
        Ok(())
    }
}

/// Sends what became of keys.
pub(super) async fn set_works<'w>(
    sql: &mut Sql,
    now: Micros,
    works: impl Iterator<Item = (&'w WorkKey, &'w WorkState)>,
) -> Result<(), StoreError> {
    let (mut names, mut ranks, mut states) = (Vec::new(), Vec::new(), Vec::new());
    for (key, state) in works {
        let (rank, tenant, id) = columns(key)?;
        names.push([tenant, id]);
        ranks.push(rank);
        states.push(state);
    }
    let times = |of: fn(&WorkState) -> Option<Micros>| {
        value(states.iter().map(|state| of(state).map(|at| at.0)).collect::<Vec<_>>())
    };
    let mut values = texts(names);
    values.extend([
        value(ranks),
        times(|state| state.due_at),
        times(|state| state.priority),
        times(|state| state.leased_until),
        value(states.iter().map(|state| int(state.token)).collect::<Vec<_>>()),
        value(states.iter().map(|state| i64::from(state.failures)).collect::<Vec<_>>()),
        value(now.0),
    ]);
    sql.execute(sql::SET_WORKS, values).await
}

impl Intake for Change<'_> {
    async fn revision(&mut self, key: &RowKey) -> Result<u64, StoreError> {
        if let Some(known) = self.revisions.get(key) {
            return Ok(*known);
        }
        let revision = self.sql.one::<i64>(&Records::of(key.kind).revision, row_values(key)).await?;
        revision.map_or(Ok(0), number)
    }

    async fn put(&mut self, record: Record, revision: u64, now: Micros) -> Result<(), StoreError> {
        let key = record.key();
        let (plain, sealed) = self.shared.close(&key, &record)?;
        let values = vec![
            text(key.tenant.as_str()),
            text(key.id.as_str()),
            optional_text(record.stay().map(BookingId::as_str)),
            optional_text(record.door().map(DoorKey::to_string)),
            value(int(revision)),
            text(plain),
            value(sealed),
            value(now.0),
        ];
        self.sql.execute(&Records::of(key.kind).put, values).await?;
        self.revisions.insert(key, revision);
        Ok(())
    }

    async fn alias(&mut self, key: &AliasKey) -> Result<Option<BookingId>, StoreError> {
        booking_id(self.sql.one(sql::GET_ALIAS, alias_values(key)).await?)
    }

    async fn set_alias(&mut self, key: &AliasKey, booking: &BookingId) -> Result<(), StoreError> {
        let mut values = alias_values(key);
        values.push(text(booking.as_str()));
        self.sql.execute(sql::SET_ALIAS, values).await
    }

    async fn work(&mut self, key: &WorkKey) -> Result<Option<WorkState>, StoreError> {
        if let Some(known) = self.work.get(key) {
            return Ok(known.clone());
        }
        let rows = self.sql.all(sql::LOCK_WORK, work_values(key)?).await?;
        rows.first().map(work_of).transpose()
    }

    async fn first_token(&mut self) -> Result<u64, StoreError> {
        if let Some(known) = self.first_token {
            return Ok(known);
        }
        let read = self.sql.one::<i64>(sql::GET_NUMBER, vec![text("first_token")]).await?;
        Ok(*self.first_token.insert(number(read.unwrap_or(0))?))
    }

    async fn set_work(&mut self, key: &WorkKey, state: &WorkState) -> Result<(), StoreError> {
        self.work.insert(key.clone(), Some(state.clone()));
        self.marked.insert(key.clone());
        Ok(())
    }

    async fn delivery(
        &mut self,
        (tenant, integration, id): &DeliveryKey,
    ) -> Result<Option<(Micros, Reply)>, StoreError> {
        let values = vec![text(tenant.as_str()), text(integration.as_str()), text(id.as_str())];
        let rows = self.sql.all(sql::GET_DELIVERY, values).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let reply: String = column(row, 1)?;
        Ok(Some((Micros(column(row, 0)?), from_json(reply.as_bytes(), "a reply")?)))
    }

    async fn set_delivery(
        &mut self,
        (tenant, integration, id): &DeliveryKey,
        until: Micros,
        reply: &Reply,
    ) -> Result<(), StoreError> {
        let values = vec![
            text(tenant.as_str()),
            text(integration.as_str()),
            text(id.as_str()),
            value(until.0),
            text(to_json(reply)?),
        ];
        self.sql.execute(sql::SET_DELIVERY, values).await
    }

    async fn add_inbox(&mut self, entry: InboxEntry) -> Result<(), StoreError> {
        let InboxEntry { row, content, reply } = entry;
        // The seal is bound to the number.
        let number = self.sql.next(sql::INBOX_NUMBER).await?;
        let values = vec![
            value(number),
            text(row.tenant.as_str()),
            text(row.integration.as_str()),
            text(to_json(&row.origin)?),
            text(row.action.as_str()),
            optional_text(row.work.as_ref().map(WorkKey::to_string)),
            value(self.shared.close_event(&row, number)?),
            optional_text(content.as_ref().map(|content| content.hash.as_str())),
            value(content.as_ref().map(|content| i64::from(content.event))),
            text(to_json(&reply)?),
            value(Micros::of(row.received_at).0),
            value(row.read_at.map(|at| Micros::of(at).0)),
        ];
        self.sql.execute(sql::ADD_INBOX, values).await
    }

    async fn unread_equal(
        &mut self,
        work: &WorkKey,
        integration: &IntegrationName,
        content: &ContentMark,
    ) -> Result<Option<Reply>, StoreError> {
        let values = vec![
            text(work.to_string()),
            text(integration.as_str()),
            text(content.hash.as_str()),
            value(i64::from(content.event)),
        ];
        let reply: Option<String> = self.sql.one(sql::UNREAD_EQUAL, values).await?;
        reply.map(|reply| from_json(reply.as_bytes(), "a reply")).transpose()
    }

    async fn has_unread(&mut self, work: &WorkKey) -> Result<bool, StoreError> {
        Ok(self.sql.one(sql::HAS_UNREAD, vec![text(work.to_string())]).await?.unwrap_or(false))
    }
}

impl Tables for Change<'_> {
    async fn delete(&mut self, key: &RowKey) -> Result<(), StoreError> {
        self.sql.execute(&Records::of(key.kind).delete, row_values(key)).await?;
        self.revisions.insert(key.clone(), 0);
        Ok(())
    }

    async fn unread(&mut self, work: &WorkKey) -> Result<Vec<InboxEntry>, StoreError> {
        let rows = self.sql.all(sql::UNREAD, vec![text(work.to_string())]).await?;
        let entry = |row: &Row| {
            let (hash, event): (Option<String>, Option<i64>) = (column(row, 9)?, column(row, 10)?);
            let reply: String = column(row, 11)?;
            let content = match hash.zip(event) {
                Some((hash, event)) => Some(ContentMark { hash, event: number(event)? }),
                None => None,
            };
            Ok(InboxEntry {
                row: inbox_row(self.shared, row)?,
                content,
                reply: from_json(reply.as_bytes(), "a reply")?,
            })
        };
        rows.iter().map(entry).collect()
    }

    async fn remove_inbox(&mut self, tenant: &TenantSlug, number: u64) -> Result<(), StoreError> {
        self.sql.execute(sql::REMOVE_INBOX, vec![text(tenant.as_str()), value(int(number))]).await
    }

    async fn mark_read(&mut self, work: &WorkKey, up_to: u64, now: Micros) -> Result<(), StoreError> {
        let values = vec![text(work.to_string()), value(int(up_to)), value(now.0)];
        self.sql.execute(sql::MARK_READ, values).await
    }

    async fn taken(
        &mut self,
        door: &DoorKey,
        stored: &Pin,
        (from, until): (Micros, Micros),
        holders: &BTreeSet<&CodeId>,
    ) -> Result<bool, StoreError> {
        let hash = rules::claim_hash(&self.shared.claim_key, door, stored);
        let values = vec![text(door.to_string()), text(hash), value(from.0), value(until.0)];
        for row in self.sql.all(sql::OVERLAPPING, values).await? {
            let held: String = column(&row, 0)?;
            if !holders.iter().any(|holder| holder.as_str() == held) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn set_claim(
        &mut self,
        holder: &CodeId,
        door: &DoorKey,
        stored: &Pin,
        (from, until): (Micros, Micros),
    ) -> Result<(), StoreError> {
        let hash = rules::claim_hash(&self.shared.claim_key, door, stored);
        let values =
            vec![text(door.to_string()), text(holder.as_str()), text(hash), value(from.0), value(until.0)];
        self.sql.execute(sql::SET_CLAIM, values).await
    }

    async fn release(&mut self, holder: &CodeId, until: Micros) -> Result<(), StoreError> {
        for sql in [sql::DROP_CLAIMS, sql::END_CLAIMS] {
            self.sql.execute(sql, vec![text(holder.as_str()), value(until.0)]).await?;
        }
        Ok(())
    }

    async fn add_audit(&mut self, entry: AuditEntry) -> Result<(), StoreError> {
        let AuditEntry { at, tenant, stay, what, detail } = entry;
        let values = vec![
            text(tenant.as_str()),
            optional_text(stay.as_ref().map(BookingId::as_str)),
            value(Micros::of(at).0),
            text(what),
            text(detail),
        ];
        self.sql.execute(sql::ADD_AUDIT, values).await
    }
}
