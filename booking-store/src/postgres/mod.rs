//! The database that many hosts share.

mod group;
mod pool;
mod schema;
mod sql;
mod tables;
#[cfg(feature = "sqlite")]
mod target;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::store::{
    AuditEntry, AuditRow, CodeRecord, CodeState, Commit, InboxRow, Kind, Lease, Places, Purged, Record, Row,
    RowKey, Store, StoreError, Tx, WorkKey, WorkRow,
};
use booking_core::{
    Begun, BookingId, DoorKey, ExternalId, IdempotencyStore, IdempotencyToken, IntegrationName, Rng,
    TenantSlug,
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

#[cfg(feature = "sqlite")]
pub(crate) use target::Target;
pub use url::PostgresUrl;

use self::group::Line;
use self::pool::{Pool, Vain, Value, failed, late, text, texts, value};
use self::sql::Records;
use self::tables::{Change, Failed, Remedy, Sql, alias_values, column, inbox_row, row_values, work_of};
use crate::columns::{Shared, booking_id, columns, int, limit, number, time, work_key, work_row};
use crate::rules;
use crate::seal::{Keys, Seals};
use crate::time::Micros;

/// How often a change is tried that the database undoes for the sake of others.
const ATTEMPTS: u32 = 48;
/// After so many attempts a change lets those of its host go first that have tried for longer.
const CROWDED: u32 = 3;
/// So many keys are put into the queue at once.
const RIPE: i64 = 10_000;

/// So many rows that are too old are forgotten at once.
const PART: i64 = 5_000;

/// What a change wants of its transaction.
enum Keep<T> {
    Changes(T),
    Nothing(T),
}

/// A store in a PostgreSQL database: durable, sealed, for any number of hosts.
///
/// Each change is one transaction in a task of its own, and is tried anew where the database undoes it for the sake of
/// another: what two changes must not do beside each other, they do by writing the same row. Changes that only take in
/// what arrived share a transaction, those that wait at the same time. A future that is dropped leaves nothing open: its
/// change is made whole or not at all, and a connection whose state is not known is closed. All of it happens in the
/// Tokio runtime of the caller.
///
/// What is sealed and what is not is the same as in an SQLite file (`SqliteStore`), except that PostgreSQL does not
/// overwrite what it deletes until it vacuums.
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    shared: Shared,
    rng: Arc<dyn Rng>,
    arriving: Line<Waiting>,
    crowd: Crowd,
}

/// Where changes of this host wait that others were in the way of: of many that want the same rows one at a time tries.
type Crowd = tokio::sync::Mutex<()>;

/// A change that is nothing but what arrived, and who asks for it.
struct Waiting {
    tx: Tx,
    answer: oneshot::Sender<Result<Commit, StoreError>>,
}

impl Inner {
    /// Takes in what waits: together, or one by one where one of them is refused.
    async fn take_in(&self, waiting: Vec<Waiting>) {
        let (txs, answers): (Vec<_>, Vec<_>) = waiting.into_iter().map(|one| (one.tx, one.answer)).unzip();
        let txs: Arc<[Tx]> = txs.into();
        let ends: Vec<_> = match self.accepted(Arc::clone(&txs)).await {
            Ok(ends) => ends.into_iter().map(Ok).collect(),
            Err((_, Remedy::Apart)) if txs.len() > 1 => {
                one_by_one(&txs, |tx| self.accepted(Arc::new([tx.clone()]))).await
            }
            Err((error, _)) => vec![Err(error); txs.len()],
        };
        for (answer, end) in answers.into_iter().zip(ends) {
            // Nobody waits any more: the change stands all the same.
            let _ = answer.send(end);
        }
    }

    async fn accepted(&self, txs: Arc<[Tx]>) -> Result<Vec<Commit>, Failed> {
        let accepted = changed(&self.pool, &*self.rng, &self.crowd, &self.shared, move |sql, shared| {
            let txs = Arc::clone(&txs);
            Box::pin(async move { Ok(Keep::Changes(group::accept(sql, shared, &txs).await?)) })
        });
        let done = |accepted| Commit::Done { accepted, claimed: Vec::new() };
        Ok(accepted.await?.into_iter().map(done).collect())
    }
}

/// Takes each in by itself. Once one fails that is not to blame for it, the database is away, and the others hear so at
/// once: whoever arrives later does not wait until each of them has waited in vain.
async fn one_by_one<F>(txs: &[Tx], alone: impl Fn(&Tx) -> F) -> Vec<Result<Commit, StoreError>>
where
    F: Future<Output = Result<Vec<Commit>, Failed>>,
{
    let mut ends = Vec::new();
    for tx in txs {
        match alone(tx).await {
            Ok(done) => ends.extend(done.into_iter().map(Ok)),
            Err((error, Remedy::None)) => {
                ends.resize(txs.len(), Err(error));
                break;
            }
            Err((error, Remedy::Again | Remedy::Apart)) => ends.push(Err(error)),
        }
    }
    ends
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens a database and brings its schema up to date. Any number of stores may do so at once.
    ///
    /// `rng` must be a cryptographic one: nonces and the key of the claims are drawn from it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the database cannot be reached or has a schema that is too new;
    /// [`StoreError::Damaged`] when it is sealed with a key that is not among `keys`.
    pub async fn open(url: &PostgresUrl, keys: Keys, rng: Arc<dyn Rng>) -> Result<Self, StoreError> {
        let pool = Pool::new(url)?;
        schema::migrate(&pool).await?;
        let seals = Seals::new(keys, Arc::clone(&rng));
        let claim_key = changed(&pool, &*rng, &Crowd::default(), &seals, |sql, seals| {
            Box::pin(async move { Ok(Keep::Changes(sql.unlock(seals).await?)) })
        })
        .await
        .map_err(|(error, _)| error)?;
        let shared = Shared { seals, claim_key };
        Ok(Self {
            inner: Arc::new(Inner { pool, shared, rng, arriving: Line::default(), crowd: Crowd::default() }),
        })
    }

    /// Seals up to `limit` values with the active key that an older key had sealed, and says how many. Once it has
    /// said 0, and every host has the new key as its active one, the older keys are no longer needed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when the database cannot be written.
    pub async fn reseal(&self, limit: usize) -> Result<usize, StoreError> {
        let limit = limit.max(1);
        self.change(move |sql, shared| {
            Box::pin(async move { Ok(Keep::Changes(sql.reseal(shared, limit).await?)) })
        })
        .await
    }

    /// Makes a change, in a task that goes on whether or not anybody still waits for it.
    #[expect(clippy::disallowed_methods, reason = "a dropped future must not leave a transaction half done")]
    async fn change<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'w> Fn(&'w mut Sql, &'w Shared) -> BoxFuture<'w, Result<Keep<T>, StoreError>>
            + Send
            + Sync
            + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move {
            let Inner { pool, shared, rng, crowd, .. } = &*inner;
            changed(pool, &**rng, crowd, shared, work).await.map_err(|(error, _)| error)
        });
        task.await.map_err(|_| broken_off())?
    }

    /// Takes in what arrived, together with what else arrives meanwhile. A task of its own sees to it whether or not
    /// anybody still waits.
    #[expect(clippy::disallowed_methods, reason = "a dropped future must not leave a transaction half done")]
    async fn accept(&self, tx: Tx) -> Result<Commit, StoreError> {
        let inner = Arc::clone(&self.inner);
        let (answer, end) = oneshot::channel();
        inner.arriving.add(Waiting { tx, answer });
        tokio::spawn(async move { inner.arriving.take_turn(|waiting| inner.take_in(waiting)).await });
        end.await.map_err(|_| broken_off())?
    }

    /// Reads, or changes, with one statement; again after failures that are `repeatable`.
    async fn one_statement(
        &self,
        sql: &str,
        values: impl Fn() -> Vec<Value> + Send + Sync,
        repeatable: fn(Vain) -> bool,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let Inner { pool, rng, crowd, .. } = &*self.inner;
        let values = &values;
        repeat(&**rng, crowd, || async move {
            in_time(pool.patience(), async {
                let connection = pool.get().await.map_err(|error| (error, Remedy::None))?;
                let client = connection.client().map_err(|error| (error, Remedy::None))?;
                let known = |error: &tokio_postgres::Error, repeatable: fn(Vain) -> bool| {
                    let again = repeatable(Vain::of(error));
                    (failed(error), if again { Remedy::Again } else { Remedy::None })
                };
                let prepared = client.prepare_cached(sql).await;
                let statement = prepared.map_err(|error| known(&error, Vain::is_repeatable))?;
                let answer = pool::rows(client, &statement, values()).await;
                let answer = answer.map_err(|error| known(&error, repeatable))?;
                connection.back();
                Ok(answer)
            })
            .await
        })
        .await
        .map_err(|(error, _)| error)
    }

    /// Reads, or changes so that it may be done twice.
    async fn read<T>(
        &self,
        sql: &str,
        values: impl Fn() -> Vec<Value> + Send + Sync,
        read: impl Fn(&tokio_postgres::Row) -> Result<T, StoreError> + Send,
    ) -> Result<Vec<T>, StoreError> {
        self.one_statement(sql, values, Vain::is_repeatable).await?.iter().map(read).collect()
    }

    /// Forgets what is older, in as many parts as it takes.
    async fn forget(&self, sql: &str, older_than: Micros) -> Result<u64, StoreError> {
        let values = || vec![value(older_than.0), value(PART)];
        let mut gone = 0;
        loop {
            let parts = self.read(sql, values, |row| column::<i64>(row, 0)).await?;
            let part: i64 = parts.into_iter().sum();
            gone += number::<u64>(part)?;
            if part < PART {
                return Ok(gone);
            }
        }
    }

    fn record(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        row: &tokio_postgres::Row,
        first: usize,
    ) -> Result<Row, StoreError> {
        let at = |index| first + index;
        let columns = (column(row, at(0))?, column(row, at(1))?, column(row, at(2))?, column(row, at(3))?);
        self.inner.shared.row(kind, tenant, columns)
    }

    async fn codes(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        let values = || vec![text(tenant.as_str()), text(door.to_string())];
        let rows = self
            .read(&Records::of(Kind::Code).on_door, values, |row| self.record(Kind::Code, tenant, row, 0))
            .await?;
        // Two keys may read alike as text.
        let codes = rows.into_iter().filter_map(|row| match row.record {
            Record::Code(code) if code.key == *door => Some(code),
            _ => None,
        });
        Ok(codes.collect())
    }
}

fn broken_off() -> StoreError {
    StoreError::Unavailable("a panic in a change, or no runtime".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "how long a network may take is no time of the world's")]
async fn in_time<T>(patience: Duration, work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::time::timeout(patience, work).await.map_err(|_| (late(), Remedy::None))?
}

/// Makes a change with what it needs to know, as often as it takes.
async fn changed<T, C: Sync>(
    pool: &Pool,
    rng: &dyn Rng,
    crowd: &Crowd,
    context: &C,
    work: impl for<'w> Fn(&'w mut Sql, &'w C) -> BoxFuture<'w, Result<Keep<T>, StoreError>> + Send + Sync,
) -> Result<T, Failed> {
    let work = &work;
    repeat(rng, crowd, || attempt(pool, context, work)).await
}

/// Runs a change once, in a transaction of its own.
async fn attempt<T, C: Sync>(
    pool: &Pool,
    context: &C,
    work: &(impl for<'w> Fn(&'w mut Sql, &'w C) -> BoxFuture<'w, Result<Keep<T>, StoreError>> + Sync),
) -> Result<T, Failed> {
    in_time(pool.patience(), async {
        let connection = pool.get().await.map_err(|error| (error, Remedy::None))?;
        let mut sql = Sql::begin(connection);
        match work(&mut sql, context).await {
            Ok(Keep::Changes(answer)) => sql.commit().await.map(|()| answer),
            Ok(Keep::Nothing(answer)) => {
                sql.roll_back().await;
                Ok(answer)
            }
            Err(error) => {
                let remedy = sql.remedy();
                sql.roll_back().await;
                Err((error, remedy))
            }
        }
    })
    .await
}

/// Tries until it succeeds, or fails for another reason than that others were in the way.
#[expect(clippy::disallowed_methods, reason = "how long a network may take is no time of the world's")]
async fn repeat<T, F>(rng: &dyn Rng, crowd: &Crowd, attempt: impl Fn() -> F) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>>,
{
    let (mut number, mut turn) = (0, None);
    loop {
        if number == CROWDED && turn.is_none() {
            turn = Some(crowd.lock().await);
        }
        match attempt().await {
            Ok(answer) => return Ok(answer),
            Err((_, Remedy::Again)) if number < ATTEMPTS => number += 1,
            Err(failed) => return Err(failed),
        }
        tokio::time::sleep(pause(rng, number)).await;
    }
}

/// How long to stand back after so many attempts: drawn, so that those who met do not meet again.
fn pause(rng: &dyn Rng, attempts: u32) -> Duration {
    let most = 1000_u32 << attempts.min(6);
    let mut drawn = [0; 4];
    rng.fill(&mut drawn);
    Duration::from_micros(u64::from(u32::from_le_bytes(drawn) % most))
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, tx: Tx) -> Result<Commit, StoreError> {
        if group::is_arrivals_only(&tx) {
            return self.accept(tx).await;
        }
        self.change(move |sql, shared| {
            let tx = tx.clone();
            Box::pin(async move {
                let mut change = Change::new(sql, shared, Micros::of(tx.now));
                change.look_ahead(&tx).await?;
                let end = rules::commit(&mut change, tx).await?;
                if !matches!(end, Commit::Done { .. }) {
                    return Ok(Keep::Nothing(end));
                }
                change.flush().await?;
                Ok(Keep::Changes(end))
            })
        })
        .await
    }

    async fn claim_work(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        places: &Places,
    ) -> Result<Vec<Lease>, StoreError> {
        let now = Micros::of(now);
        let until = now.plus(lease_for);
        let end = until.utc()?;
        let ripe = || vec![value(now.0), value(RIPE)];
        while self.read(sql::QUEUE_WORK, ripe, |row| column::<i64>(row, 0)).await?.contains(&RIPE) {}
        let values = || {
            let mut values = vec![value(now.0), value(until.0), value(limit(places.free))];
            values.push(value(limit(places.per_tenant)));
            values.extend(texts(places.taken.keys().map(|tenant| [tenant.to_string()])));
            values.push(value(places.taken.values().copied().map(limit).collect::<Vec<_>>()));
            values
        };
        // What a lost connection has claimed is leased to nobody: claimed again, further keys would be as well.
        let claimed = self.one_statement(sql::CLAIM_WORK, values, Vain::is_undone).await?;
        let lease = |row: &tokio_postgres::Row| {
            let (tenant, id): (String, String) = (column(row, 1)?, column(row, 2)?);
            let lease = Lease {
                work: work_key(column(row, 0)?, &tenant, &id)?,
                token: number(column(row, 3)?)?,
                until: end,
                failures: number(column(row, 4)?)?,
            };
            let (priority, since): (Option<i64>, i64) = (column(row, 5)?, column(row, 6)?);
            Ok(((priority.is_none(), priority, since), lease))
        };
        let mut claimed = claimed.iter().map(lease).collect::<Result<Vec<_>, StoreError>>()?;
        // They come back in any order.
        claimed
            .sort_by(|(one, lease), (next, other)| one.cmp(next).then_with(|| lease.work.cmp(&other.work)));
        Ok(claimed.into_iter().map(|(_, lease)| lease).collect())
    }

    async fn claim_key(
        &self,
        now: DateTime<Utc>,
        lease_for: Duration,
        work: &WorkKey,
    ) -> Result<Option<Lease>, StoreError> {
        let (now, work) = (Micros::of(now), work.clone());
        self.change(move |sql, shared| {
            let work = work.clone();
            Box::pin(async move {
                let mut change = Change::new(sql, shared, now);
                let claimed = rules::claim_key(&mut change, now, now.plus(lease_for), &work).await?;
                change.flush().await?;
                Ok(Keep::Changes(claimed))
            })
        })
        .await
    }

    async fn extend(
        &self,
        now: DateTime<Utc>,
        lease: &Lease,
        until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let lease = lease.clone();
        self.change(move |sql, shared| {
            let lease = lease.clone();
            Box::pin(async move {
                let (now, until) = (Micros::of(now), Micros::of(until));
                let mut change = Change::new(sql, shared, now);
                let extended = rules::extend(&mut change, now, &lease, until).await?;
                change.flush().await?;
                Ok(Keep::Changes(extended))
            })
        })
        .await
    }

    async fn next_due(&self, after: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let after = after.map_or(i64::MIN, |after| Micros::of(after).0);
        let due = self.read(sql::NEXT_DUE, || vec![value(after)], |row| time(column(row, 0)?)).await?;
        Ok(due.into_iter().next().flatten())
    }

    async fn work(&self, after: Option<&WorkKey>, most: usize) -> Result<Vec<WorkRow>, StoreError> {
        let (rank, tenant, id) =
            after.map(columns).transpose()?.unwrap_or((-1, String::new(), String::new()));
        let values = || vec![value(rank), text(tenant.as_str()), text(id.as_str()), value(limit(most))];
        self.read(sql::LIST_WORK, values, |row| {
            work_row((
                column(row, 0)?,
                column(row, 1)?,
                column(row, 2)?,
                column(row, 3)?,
                column(row, 4)?,
                column(row, 5)?,
            ))
        })
        .await
    }

    async fn work_row(&self, work: &WorkKey) -> Result<Option<WorkRow>, StoreError> {
        let (rank, tenant, id) = columns(work)?;
        let values = || vec![value(rank), text(tenant.as_str()), text(id.as_str())];
        let rows = self.read(sql::GET_WORK, values, work_of).await?;
        let row = rows.into_iter().next().filter(|row| row.ready_at().is_some());
        row.map(|row| row.shown(work)).transpose()
    }

    async fn get(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let rows = self.read(
            &Records::of(key.kind).get,
            || row_values(key),
            |row| self.record(key.kind, &key.tenant, row, 0),
        );
        Ok(rows.await?.into_iter().next())
    }

    async fn stay(&self, tenant: &TenantSlug, booking: &BookingId) -> Result<Vec<Row>, StoreError> {
        let values = || vec![text(tenant.as_str()), text(booking.as_str())];
        self.read(Records::of_stay(), values, |row| {
            let kind = Kind::ALL.get(number::<usize>(column(row, 0)?)?);
            let kind = kind.ok_or_else(|| StoreError::Damaged("a row of an unknown kind".to_owned()))?;
            self.record(*kind, tenant, row, 1)
        })
        .await
    }

    async fn rows(
        &self,
        kind: Kind,
        tenant: &TenantSlug,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let values = || vec![text(tenant.as_str()), text(after.unwrap_or_default()), value(limit(most))];
        self.read(&Records::of(kind).page, values, |row| self.record(kind, tenant, row, 0)).await
    }

    async fn codes_on(&self, tenant: &TenantSlug, door: &DoorKey) -> Result<Vec<CodeRecord>, StoreError> {
        let codes = self.codes(tenant, door).await?;
        Ok(codes.into_iter().filter(|code| code.state != CodeState::Removed).collect())
    }

    async fn codes_ever_on(
        &self,
        tenant: &TenantSlug,
        door: &DoorKey,
    ) -> Result<Vec<CodeRecord>, StoreError> {
        self.codes(tenant, door).await
    }

    async fn alias(
        &self,
        tenant: &TenantSlug,
        source: &IntegrationName,
        reference: &ExternalId,
    ) -> Result<Option<BookingId>, StoreError> {
        let key = (tenant.clone(), source.clone(), reference.clone());
        let found = self.read(sql::GET_ALIAS, || alias_values(&key), |row| booking_id(Some(column(row, 0)?)));
        Ok(found.await?.into_iter().next().flatten())
    }

    async fn unread(&self, work: &WorkKey) -> Result<Vec<InboxRow>, StoreError> {
        let values = || vec![text(work.to_string())];
        self.read(sql::UNREAD, values, |row| inbox_row(&self.inner.shared, row)).await
    }

    async fn inbox(
        &self,
        tenant: &TenantSlug,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let values = || vec![text(tenant.as_str()), value(before.map_or(i64::MAX, int)), value(limit(most))];
        self.read(sql::INBOX, values, |row| inbox_row(&self.inner.shared, row)).await
    }

    async fn audit(
        &self,
        tenant: &TenantSlug,
        stay: Option<&BookingId>,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let values = || {
            let mut values =
                vec![text(tenant.as_str()), value(before.map_or(i64::MAX, int)), value(limit(most))];
            values.extend(stay.map(|stay| text(stay.as_str())));
            values
        };
        let sql = if stay.is_some() { sql::AUDIT_OF } else { sql::AUDIT };
        self.read(sql, values, |row| {
            let entry = AuditEntry {
                at: Micros(column(row, 1)?).utc()?,
                tenant: tenant.clone(),
                stay: booking_id(column(row, 2)?)?,
                what: column(row, 3)?,
                detail: column(row, 4)?,
            };
            Ok(AuditRow { number: number(column(row, 0)?)?, entry })
        })
        .await
    }

    async fn purge(
        &self,
        now: DateTime<Utc>,
        older_than: DateTime<Utc>,
        stays: &[(TenantSlug, BookingId)],
    ) -> Result<Purged, StoreError> {
        let (now, stays) = (Micros::of(now), Arc::<[_]>::from(stays));
        let of_stays = self.change(move |sql, _| {
            let stays = Arc::clone(&stays);
            Box::pin(async move { Ok(Keep::Changes(sql.purge(now, &stays).await?)) })
        });
        let mut purged = of_stays.await?;
        let old = Micros::of(older_than);
        purged.inbox += self.forget(sql::PURGE_INBOX, old).await?;
        purged.audit += self.forget(sql::PURGE_AUDIT, old).await?;
        for sql in [sql::PURGE_DELIVERIES, sql::PURGE_CLAIMS, sql::PURGE_IDEMPOTENCY] {
            self.forget(sql, old).await?;
        }
        Ok(purged)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.one_statement(sql::PING, Vec::new, Vain::is_repeatable).await.map(drop)
    }
}

#[async_trait]
impl IdempotencyStore for PostgresStore {
    async fn begin(&self, now: DateTime<Utc>, key: &str, ttl: Duration) -> Result<Begun, StoreError> {
        let (now, key) = (Micros::of(now), key.to_owned());
        self.change(move |sql, shared| {
            let key = key.clone();
            Box::pin(async move { Ok(Keep::Changes(sql.begin_key(shared, now, &key, now.plus(ttl)).await?)) })
        })
        .await
    }

    async fn complete(
        &self,
        now: DateTime<Utc>,
        key: &str,
        token: &IdempotencyToken,
        answer: &[u8],
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let (now, key, token) = (Micros::of(now), key.to_owned(), token.clone());
        let answer = Arc::new(Zeroizing::new(answer.to_vec()));
        self.change(move |sql, shared| {
            let (key, token, answer) = (key.clone(), token.clone(), Arc::clone(&answer));
            Box::pin(async move {
                let until = now.plus(ttl);
                Ok(Keep::Changes(sql.complete(shared, now, &key, &token, &answer, until).await?))
            })
        })
        .await
    }

    async fn abandon(&self, key: &str, token: &IdempotencyToken) -> Result<bool, StoreError> {
        let (key, token) = (key.to_owned(), token.clone());
        self.change(move |sql, _| {
            let (key, token) = (key.clone(), token.clone());
            Box::pin(async move { Ok(Keep::Changes(sql.abandon(&key, &token).await?)) })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn where_the_database_is_away_the_others_are_not_tried() {
        let done = || Commit::Done { accepted: Vec::new(), claimed: Vec::new() };
        let error = |text: &str| StoreError::Unavailable(text.to_owned());
        let refused = (error("refused"), Remedy::Apart);
        let crowded = (error("in the way of others"), Remedy::Again);
        let away = (error("away"), Remedy::None);
        let answers = [Ok(vec![done()]), Err(refused), Ok(vec![done()]), Err(crowded), Err(away)];
        let tried = AtomicUsize::new(0);
        let alone = |_: &Tx| {
            let answer = answers.get(tried.fetch_add(1, Ordering::Relaxed)).cloned();
            async { answer.expect("the others are not tried") }
        };
        let txs: Vec<_> = (0..9).map(|_| Tx::new(DateTime::UNIX_EPOCH)).collect();
        let ends = one_by_one(&txs, alone).await;
        let (first, rest) = ends.split_at(4);
        assert_eq!(
            first,
            [Ok(done()), Err(error("refused")), Ok(done()), Err(error("in the way of others"))]
        );
        assert_eq!(rest, vec![Err(error("away")); 5]);
    }
}
