//! Arrivals that wait at the same time share one transaction.
//!
//! What the rules may ask for is known beforehand. So it is read in two journeys for all of them; the rules run over it in
//! memory, one arrival after the other; and what they changed is written together with the commit.
//!
//! Keys, and then bookings, are locked when they are read, in their order: a row that goes away beside this is one that
//! the group rests on, and writing it would only make it anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use booking_core::store::{Accepted, Arrival, Kind, Record, RowKey, StoreError, Tx, WorkKey};
use booking_core::{BookingId, Dedup, IntegrationName, Reply, TenantSlug};
use tokio_postgres::Row;

use super::pool::{optional_texts, text, texts, value};
use super::sql;
use super::tables::{Sql, column, placed_work, set_works, works_values};
use crate::columns::{Shared, from_json, int, limit, name, number, to_json};
use crate::rules::{self, AliasKey, ContentMark, DeliveryKey, InboxEntry, Intake, WorkState, at_once};
use crate::time::Micros;

/// So many changes share a transaction at most.
const GROUP: usize = 128;

/// What waits for its turn.
pub(super) struct Line<T> {
    waiting: Mutex<VecDeque<T>>,
    turn: tokio::sync::Mutex<()>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

impl<T> Line<T> {
    pub(super) fn add(&self, one: T) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(one);
    }

    /// Waits for the turn and works on those that wait then. Each that was added asks for one turn, so that none is left;
    /// the turn of one whom an earlier group took along is empty.
    pub(super) async fn take_turn(&self, work: impl AsyncFnOnce(Vec<T>)) {
        let _turn = self.turn.lock().await;
        let group: Vec<T> = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let most = waiting.len().min(GROUP);
            waiting.drain(..most).collect()
        };
        if !group.is_empty() {
            work(group).await;
        }
    }
}

/// Whether a change is nothing but what arrived.
pub(super) fn is_arrivals_only(tx: &Tx) -> bool {
    let Tx { now: _, lease, expect, arrivals, writes, claims, finish: _ } = tx;
    lease.is_none() && expect.is_empty() && writes.is_empty() && claims.is_empty() && !arrivals.is_empty()
}

/// Takes in what arrived with several changes, one after the other.
pub(super) async fn accept(
    sql: &mut Sql,
    shared: &Shared,
    txs: &[Tx],
) -> Result<Vec<Vec<Accepted>>, StoreError> {
    let mut known = Known::read(sql, txs).await?;
    let mut ends = Vec::new();
    for tx in txs {
        let arrivals = tx.arrivals.iter().cloned();
        let accepted = arrivals.map(|arrival| at_once(rules::accept(&mut known, arrival, tx.now)));
        ends.push(accepted.collect::<Result<_, _>>()?);
    }
    known.write(sql, shared).await?;
    Ok(ends)
}

/// Rows of a table that are asked for, and what becomes of them.
struct Rows<K, V> {
    /// `None`: it is not there.
    rows: BTreeMap<K, Option<V>>,
    changed: BTreeSet<K>,
}

impl<K: Ord + Clone, V: Clone> Rows<K, V> {
    fn of(keys: impl IntoIterator<Item = K>) -> Self {
        Self { rows: keys.into_iter().map(|key| (key, None)).collect(), changed: BTreeSet::new() }
    }

    /// Takes what was found: in the first column the place of its key among those asked for.
    fn fill(
        &mut self,
        found: &[Row],
        read: impl Fn(&Row) -> Result<V, StoreError>,
    ) -> Result<(), StoreError> {
        let mut values = BTreeMap::new();
        for row in found {
            values.insert(column::<i64>(row, 0)?, read(row)?);
        }
        for (place, value) in (1..).zip(self.rows.values_mut()) {
            *value = values.remove(&place);
        }
        Ok(())
    }

    fn get(&self, key: &K) -> Result<Option<V>, StoreError> {
        let asked = self.rows.get(key).cloned();
        asked.ok_or_else(|| StoreError::Unavailable("an arrival needs what was not read for it".to_owned()))
    }

    fn set(&mut self, key: &K, value: V) {
        self.rows.insert(key.clone(), Some(value));
        self.changed.insert(key.clone());
    }

    fn changes(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        self.changed.iter().filter_map(|key| Some((key, self.rows.get(key)?.as_ref()?)))
    }
}

type Equal = (WorkKey, IntegrationName, ContentMark);

/// What the rules may ask for, and what they changed of it.
struct Known {
    aliases: Rows<AliasKey, BookingId>,
    deliveries: Rows<DeliveryKey, (Micros, Reply)>,
    /// Revisions.
    records: Rows<RowKey, u64>,
    work: Rows<WorkKey, WorkState>,
    /// What unread rows of equal content were answered.
    equal: Rows<Equal, Reply>,
    /// Which keys have unread rows.
    unread: Rows<WorkKey, ()>,
    first_token: u64,
    /// Numbers for rows of the inbox.
    numbers: VecDeque<i64>,
    made: Vec<(Record, u64, Micros)>,
    inbox: Vec<(i64, InboxEntry)>,
    /// When the last of them arrived.
    now: Micros,
}

impl Known {
    async fn read(sql: &mut Sql, txs: &[Tx]) -> Result<Self, StoreError> {
        let arrivals: Vec<&Arrival> = txs.iter().flat_map(|tx| &tx.arrivals).collect();
        let mut aliases =
            Rows::of(arrivals.iter().flat_map(|arrival| told(arrival)).map(|(_, alias, _)| alias));
        let mut deliveries = Rows::of(arrivals.iter().filter_map(|arrival| delivery(arrival)));
        let most: usize = arrivals.iter().map(|arrival| arrival.events.len().max(1)).sum();
        let asked = |(tenant, of, name): (&TenantSlug, &IntegrationName, &str)| {
            [tenant.to_string(), of.to_string(), name.to_owned()]
        };
        let of_aliases = aliases.rows.keys().map(|(tenant, of, name)| asked((tenant, of, name.as_str())));
        let of_deliveries = deliveries.rows.keys().map(|(tenant, of, name)| asked((tenant, of, name)));
        let [numbers, first_token, of_aliases, of_deliveries] = sql
            .all_of([
                // Drawn when the transaction has taken its view of the data, so that those of a key grow.
                (sql::INBOX_NUMBERS, vec![value(limit(most))]),
                (sql::GET_NUMBER, vec![text("first_token")]),
                (sql::GET_ALIASES, texts(of_aliases)),
                (sql::GET_DELIVERIES, texts(of_deliveries)),
            ])
            .await?;
        aliases.fill(&of_aliases, |row| name(BookingId::parse(&column::<String>(row, 1)?)))?;
        deliveries.fill(&of_deliveries, |row| {
            let reply: String = column(row, 2)?;
            Ok((Micros(column(row, 1)?), from_json(reply.as_bytes(), "a reply")?))
        })?;

        // What a reference may name by the time that its arrival is taken in.
        let mut named: BTreeMap<AliasKey, BTreeSet<BookingId>> = BTreeMap::new();
        for (_, alias, drawn) in arrivals.iter().flat_map(|arrival| told(arrival)) {
            let booking = aliases.get(&alias)?.unwrap_or_else(|| drawn.clone());
            named.entry(alias).or_default().insert(booking);
        }
        let grants = |alias: &AliasKey| {
            let tenant = alias.0.clone();
            let bookings = named.get(alias).into_iter().flatten().cloned();
            bookings.map(move |booking| WorkKey::Grant(tenant.clone(), booking))
        };
        let mut work = Rows::of(named.keys().flat_map(grants));
        let mut records = Rows::of(named.iter().flat_map(|((tenant, ..), bookings)| {
            bookings.iter().map(|booking| booking_key(tenant, booking))
        }));
        let repeatable = arrivals.iter().filter(|arrival| delivery(arrival).is_some());
        let mut unread =
            Rows::of(repeatable.flat_map(|arrival| told(arrival)).flat_map(|(_, alias, _)| grants(&alias)));
        let mut equal = Rows::of(arrivals.iter().flat_map(|arrival| equal(arrival, grants)));

        let of_work = works_values(work.rows.keys())?;
        let of_equal: Vec<_> = equal.rows.keys().collect();
        let [of_work, of_records, of_unread, of_equal] = sql
            .all_of([
                (sql::LOCK_WORKS, of_work),
                (
                    sql::LOCK_BOOKINGS,
                    texts(records.rows.keys().map(|key| [key.tenant.to_string(), key.id.clone()])),
                ),
                (sql::HAVE_UNREAD, texts(unread.rows.keys().map(|work| [work.to_string()]))),
                (sql::UNREAD_EQUALS, {
                    let mut values = texts(of_equal.iter().map(|(work, integration, content)| {
                        [work.to_string(), integration.to_string(), content.hash.clone()]
                    }));
                    let events = of_equal.iter().map(|(_, _, content)| i64::from(content.event));
                    values.push(value(events.collect::<Vec<_>>()));
                    values
                }),
            ])
            .await?;
        work.fill(&of_work, placed_work)?;
        records.fill(&of_records, |row| number(column(row, 1)?))?;
        unread.fill(&of_unread, |_| Ok(()))?;
        equal.fill(&of_equal, |row| from_json(column::<String>(row, 1)?.as_bytes(), "a reply"))?;

        let first_token = first_token.first().map_or(Ok(0), |row| column(row, 0)).and_then(number)?;
        let numbers = numbers.iter().map(|row| column(row, 0)).collect::<Result<_, _>>()?;
        let (made, inbox) = (Vec::new(), Vec::new());
        let now = txs.iter().map(|tx| Micros::of(tx.now)).max().unwrap_or(Micros(0));
        Ok(Self { aliases, deliveries, records, work, equal, unread, first_token, numbers, made, inbox, now })
    }

    /// Sends what is to be written: a statement for each table.
    async fn write(self, sql: &mut Sql, shared: &Shared) -> Result<(), StoreError> {
        self.write_bookings(sql, shared).await?;
        let aliases = self.aliases.changes().map(|((tenant, source, reference), booking)| {
            [tenant.to_string(), source.to_string(), reference.to_string(), booking.to_string()]
        });
        sql.execute(sql::SET_ALIASES, texts(aliases)).await?;
        let deliveries: Vec<_> = self.deliveries.changes().collect();
        let replies =
            deliveries.iter().map(|(_, (_, reply))| to_json(reply)).collect::<Result<Vec<_>, _>>()?;
        let mut values =
            texts(deliveries.iter().zip(replies).map(|(((tenant, integration, id), _), reply)| {
                [tenant.to_string(), integration.to_string(), id.clone(), reply]
            }));
        values.push(value(deliveries.iter().map(|(_, (until, _))| until.0).collect::<Vec<_>>()));
        sql.execute(sql::SET_DELIVERIES, values).await?;
        self.write_inbox(sql, shared).await?;
        set_works(sql, self.now, self.work.changes()).await
    }

    async fn write_bookings(&self, sql: &mut Sql, shared: &Shared) -> Result<(), StoreError> {
        let (mut names, mut sealed, mut revisions, mut times) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (record, revision, now) in &self.made {
            let key = record.key();
            let (plain, secret) = shared.close(&key, record)?;
            names.push([key.tenant.to_string(), key.id, plain]);
            sealed.push(secret);
            revisions.push(int(*revision));
            times.push(now.0);
        }
        let mut values = texts(names);
        values.extend([value(revisions), value(sealed), value(times)]);
        sql.execute(sql::PUT_BOOKINGS, values).await
    }

    async fn write_inbox(&self, sql: &mut Sql, shared: &Shared) -> Result<(), StoreError> {
        let entries = || self.inbox.iter().map(|(_, entry)| entry);
        let rows = || entries().map(|entry| &entry.row);
        let marks = || entries().map(|entry| entry.content.as_ref());
        let mut names = Vec::new();
        let mut events = Vec::new();
        for (number, InboxEntry { row, reply, .. }) in &self.inbox {
            names.push([
                row.tenant.to_string(),
                row.integration.to_string(),
                to_json(&row.origin)?,
                row.action.clone(),
                to_json(reply)?,
            ]);
            events.push(shared.close_event(row, *number)?);
        }
        let mut values = texts(names);
        values.extend([
            value(self.inbox.iter().map(|(number, _)| *number).collect::<Vec<_>>()),
            optional_texts(rows().map(|row| row.work.as_ref().map(WorkKey::to_string))),
            value(events),
            optional_texts(marks().map(|mark| mark.map(|mark| mark.hash.clone()))),
            value(marks().map(|mark| mark.map(|mark| i64::from(mark.event))).collect::<Vec<_>>()),
            value(rows().map(|row| Micros::of(row.received_at).0).collect::<Vec<_>>()),
            value(rows().map(|row| row.read_at.map(|at| Micros::of(at).0)).collect::<Vec<_>>()),
        ]);
        sql.execute(sql::ADD_INBOXES, values).await
    }
}

/// What an arrival tells about bookings: the place of the event, the reference, and the id for a new booking.
fn told(arrival: &Arrival) -> impl Iterator<Item = (u32, AliasKey, &BookingId)> {
    (0..).zip(&arrival.events).filter_map(|(number, (event, id))| {
        let reference = event.reference()?.clone();
        Some((number, (arrival.tenant.clone(), arrival.integration.clone(), reference), id))
    })
}

fn delivery(arrival: &Arrival) -> Option<DeliveryKey> {
    let Some(Dedup::VendorId { id, .. }) = &arrival.dedup else { return None };
    Some((arrival.tenant.clone(), arrival.integration.clone(), id.clone()))
}

/// The rows that an arrival may repeat.
fn equal<G: Iterator<Item = WorkKey>>(arrival: &Arrival, grants: impl Fn(&AliasKey) -> G) -> Vec<Equal> {
    let Some(Dedup::Content { hash }) = &arrival.dedup else { return Vec::new() };
    let mut equal = Vec::new();
    for (event, alias, _) in told(arrival) {
        let mark = ContentMark { hash: hash.clone(), event };
        equal.extend(grants(&alias).map(|work| (work, arrival.integration.clone(), mark.clone())));
    }
    equal
}

fn booking_key(tenant: &TenantSlug, booking: &BookingId) -> RowKey {
    RowKey { kind: Kind::Booking, tenant: tenant.clone(), id: booking.to_string() }
}

impl Intake for Known {
    async fn revision(&mut self, key: &RowKey) -> Result<u64, StoreError> {
        Ok(self.records.get(key)?.unwrap_or(0))
    }

    async fn put(&mut self, record: Record, revision: u64, now: Micros) -> Result<(), StoreError> {
        self.records.set(&record.key(), revision);
        self.made.push((record, revision, now));
        Ok(())
    }

    async fn alias(&mut self, key: &AliasKey) -> Result<Option<BookingId>, StoreError> {
        self.aliases.get(key)
    }

    async fn set_alias(&mut self, key: &AliasKey, booking: &BookingId) -> Result<(), StoreError> {
        self.aliases.set(key, booking.clone());
        Ok(())
    }

    async fn work(&mut self, key: &WorkKey) -> Result<Option<WorkState>, StoreError> {
        self.work.get(key)
    }

    async fn first_token(&mut self) -> Result<u64, StoreError> {
        Ok(self.first_token)
    }

    async fn set_work(&mut self, key: &WorkKey, state: &WorkState) -> Result<(), StoreError> {
        self.work.set(key, state.clone());
        Ok(())
    }

    async fn delivery(&mut self, key: &DeliveryKey) -> Result<Option<(Micros, Reply)>, StoreError> {
        self.deliveries.get(key)
    }

    async fn set_delivery(
        &mut self,
        key: &DeliveryKey,
        until: Micros,
        reply: &Reply,
    ) -> Result<(), StoreError> {
        self.deliveries.set(key, (until, reply.clone()));
        Ok(())
    }

    async fn add_inbox(&mut self, entry: InboxEntry) -> Result<(), StoreError> {
        let number = self.numbers.pop_front();
        let number = number.ok_or_else(|| StoreError::Damaged("a sequence gives no number".to_owned()))?;
        if let (Some(work), None) = (&entry.row.work, entry.row.read_at) {
            self.unread.set(work, ());
            if let Some(content) = &entry.content {
                let equal = (work.clone(), entry.row.integration.clone(), content.clone());
                self.equal.set(&equal, entry.reply.clone());
            }
        }
        self.inbox.push((number, entry));
        Ok(())
    }

    async fn unread_equal(
        &mut self,
        work: &WorkKey,
        integration: &IntegrationName,
        content: &ContentMark,
    ) -> Result<Option<Reply>, StoreError> {
        self.equal.get(&(work.clone(), integration.clone(), content.clone()))
    }

    async fn has_unread(&mut self, work: &WorkKey) -> Result<bool, StoreError> {
        Ok(self.unread.get(work)?.is_some())
    }
}
