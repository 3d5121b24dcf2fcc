//! Connections, borrowed: one comes back only from whoever says that it is clean.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use booking_core::store::StoreError;
use deadpool_postgres::{ClientWrapper, Hook, HookError, Manager, Object, PoolError};
use futures_util::TryStreamExt;
use futures_util::future::{BoxFuture, FutureExt, MaybeDone, maybe_done};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::url::PostgresUrl;

/// What each connection is told once. A change is on disk before it is answered, whatever the server does otherwise;
/// statements and locks end without us. Small tables are not read whole where there is an index: whoever reads a table
/// whole is in the way of everyone who writes to it.
const SETTINGS: &str = "SET default_transaction_isolation = 'read committed';
    SET statement_timeout = '15s';
    SET idle_in_transaction_session_timeout = '30s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
    SELECT set_config('enable_seqscan', 'off', false) FROM pg_settings WHERE name = 'enable_seqscan'";

/// A value of a statement.
pub(super) type Value = Box<dyn ToSql + Sync + Send>;

/// Text for a column. PostgreSQL keeps no NUL.
pub(super) fn text(value: impl Into<String>) -> Value {
    Box::new(clean(value.into()))
}

pub(super) fn optional_text(value: Option<impl Into<String>>) -> Value {
    Box::new(value.map(|value| clean(value.into())))
}

pub(super) fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

/// The columns of several rows, an array each.
pub(super) fn texts<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> Vec<Value> {
    let mut columns = [const { Vec::new() }; N];
    for row in rows {
        columns.iter_mut().zip(row).for_each(|(column, text)| column.push(clean(text)));
    }
    columns.into_iter().map(value).collect()
}

pub(super) fn optional_texts(texts: impl Iterator<Item = Option<String>>) -> Value {
    value(texts.map(|text| text.map(clean)).collect::<Vec<_>>())
}

/// Any other value.
pub(super) fn value(value: impl ToSql + Sync + Send + 'static) -> Value {
    Box::new(value)
}

/// What an error means. The database's own text may quote values, so only its code is told.
pub(super) fn failed(error: &Error) -> StoreError {
    if let Some(code) = error.code() {
        let text = format!("PostgreSQL: {}", code.code());
        return match code.code() {
            "XX001" | "XX002" => StoreError::Damaged(text),
            "28P01" | "28000" => {
                StoreError::Unavailable(format!("{text}, it refuses the user or the password"))
            }
            "3D000" => StoreError::Unavailable(format!("{text}, there is no such database")),
            _ => StoreError::Unavailable(text),
        };
    }
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return StoreError::Unavailable(format!("PostgreSQL cannot be reached: {}", io.kind()));
        }
        source = inner.source();
    }
    StoreError::Unavailable("PostgreSQL cannot be reached, or broke off".to_owned())
}

/// Why an attempt was in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vain {
    /// The database undid it for the sake of others.
    Undone,
    /// The connection ended. What was not told to commit is undone.
    Lost,
    /// The database does not take one of the values.
    Refused,
    /// Anything else.
    Failed,
}

impl Vain {
    pub(super) fn of(error: &Error) -> Self {
        let Some(code) = error.code() else {
            let source = std::error::Error::source(error);
            let is_lost = error.is_closed() || source.is_some_and(|source| source.is::<std::io::Error>());
            return if is_lost { Self::Lost } else { Self::Failed };
        };
        // Data, constraints, cardinality, and limits such as the length of an index entry.
        let is_of_values = ["21", "22", "23", "54"].iter().any(|class| code.code().starts_with(class));
        if [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED].contains(&code) {
            Self::Undone
        } else if [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN].contains(&code) {
            Self::Lost
        } else if is_of_values {
            Self::Refused
        } else {
            Self::Failed
        }
    }

    /// Whether nothing was changed, as long as no end was told, and the same may succeed.
    pub(super) fn is_repeatable(self) -> bool {
        matches!(self, Self::Undone | Self::Lost)
    }

    /// Whether nothing was changed for certain, and the same may succeed.
    pub(super) fn is_undone(self) -> bool {
        self == Self::Undone
    }
}

/// Connections to one database.
pub(super) struct Pool {
    connections: deadpool_postgres::Pool,
    patience: Duration,
}

impl Pool {
    pub(super) fn new(url: &PostgresUrl) -> Result<Self, StoreError> {
        let manager = Manager::new(url.config().clone(), MakeRustlsConnect::new(url.tls()?));
        let settings = Hook::async_fn(|client: &mut ClientWrapper, _| {
            Box::pin(async move { client.batch_execute(SETTINGS).await.map_err(HookError::Backend) })
        });
        let patience = url.patience();
        let connections = deadpool_postgres::Pool::builder(manager)
            .max_size(url.connections())
            .post_create(settings)
            .build()
            .map_err(|_| StoreError::Unavailable("no pool of connections can be made".to_owned()))?;
        Ok(Self { connections, patience })
    }

    /// How long an attempt of whatever is asked may take.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// A connection that is free, or a new one.
    #[expect(clippy::disallowed_methods, reason = "how long a network may take is no time of the world's")]
    pub(super) async fn get(&self) -> Result<Borrowed, StoreError> {
        // What a new one is told first counts as well.
        let got = tokio::time::timeout(self.patience / 2, self.connections.get());
        match got.await.map_err(|_| late())? {
            Ok(connection) => Ok(Borrowed(Some(connection))),
            Err(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error))) => {
                Err(failed(&error))
            }
            Err(_) => Err(StoreError::Unavailable("no connection to PostgreSQL can be made".to_owned())),
        }
    }
}

/// A connection on loan. Dropped, it is closed: nobody knows what it was left in.
pub(super) struct Borrowed(Option<Object>);

impl Borrowed {
    /// Gives it back for others to use.
    pub(super) fn back(mut self) {
        drop(self.0.take());
    }

    pub(super) fn client(&self) -> Result<&ClientWrapper, StoreError> {
        self.0.as_deref().ok_or_else(lost)
    }

    pub(super) fn client_mut(&mut self) -> Result<&mut tokio_postgres::Client, StoreError> {
        self.0.as_deref_mut().map(|client| &mut **client).ok_or_else(lost)
    }
}

pub(super) fn late() -> StoreError {
    StoreError::Unavailable("PostgreSQL does not answer in time".to_owned())
}

fn lost() -> StoreError {
    StoreError::Unavailable("a connection was used after its end".to_owned())
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

type Answer<T> = BoxFuture<'static, Result<T, Error>>;

/// A request that is on its way before anybody waits for its answer.
pub(super) struct Sent<T>(MaybeDone<Answer<T>>);

impl<T> Sent<T> {
    /// Sends: the client writes a request into the line of its connection at the first poll.
    pub(super) fn now(request: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        let mut request = maybe_done(request.boxed());
        let _ = request.poll_unpin(&mut Context::from_waker(Waker::noop()));
        Self(request)
    }

    /// Its answer.
    pub(super) async fn answer(mut self) -> Result<T, Error> {
        (&mut self.0).await;
        Pin::new(&mut self.0).take_output().unwrap_or_else(|| unreachable!("an answer is taken once"))
    }
}

/// All rows that a statement answers with.
pub(super) async fn rows(
    client: &tokio_postgres::Client,
    statement: &Statement,
    values: Vec<Value>,
) -> Result<Vec<Row>, Error> {
    client.query_raw(statement, values).await?.try_collect().await
}
