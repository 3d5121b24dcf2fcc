//! The schema: migrations that only go forward, each of which leaves hosts of one version before able to work.

use booking_core::store::StoreError;
use refinery::{Migration, Runner};
use tokio_postgres::error::SqlState;

use super::pool::{Pool, failed};
use super::tables::column;

const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__tables", include_str!("../../migrations/postgres/V1__tables.sql")),
    ("V2__queue", include_str!("../../migrations/postgres/V2__queue.sql")),
    ("V3__turns", include_str!("../../migrations/postgres/V3__turns.sql")),
    ("V4__claim_door", include_str!("../../migrations/postgres/V4__claim_door.sql")),
];

/// How often hosts that start together may come into each other's way.
const ATTEMPTS: usize = 50;

/// Brings a database to the schema of this version. Of hosts that start together one migrates; the others, whose
/// statements the database refuses meanwhile, find the work done.
pub(super) async fn migrate(pool: &Pool) -> Result<(), StoreError> {
    // Its text may quote a statement, but those of a migration hold nothing of anybody.
    let refused = |error: refinery::Error| {
        StoreError::Unavailable(format!("the schema cannot be brought up to date: {error}"))
    };
    let migrations: Result<Vec<_>, _> =
        MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect();
    let migrations = migrations.map_err(refused)?;
    let newest = migrations.last().map_or(0, Migration::version);
    let runner = Runner::new(&migrations);
    let mut attempts = 0;
    loop {
        // A database that is not there is not waited for.
        let mut connection = pool.get().await?;
        let client = connection.client_mut()?;
        let end = match applied(client).await? {
            // A newer host was here: hosts of both versions work side by side while one replaces the other.
            Some(version) if version == newest + 1 => Ok(()),
            Some(version) if version > newest => {
                return Err(StoreError::Unavailable(format!(
                    "the database has schema {version}, this version knows {newest}: run a newer one"
                )));
            }
            _ => runner.run_async(client).await.map(drop),
        };
        match end {
            Ok(()) => {
                connection.back();
                return Ok(());
            }
            Err(error) if attempts == ATTEMPTS => return Err(refused(error)),
            Err(_) => attempts += 1,
        }
    }
}

/// Whether a database has exactly the schema of this version.
#[cfg(feature = "sqlite")]
pub(super) async fn is_current(client: &tokio_postgres::Client) -> Result<bool, StoreError> {
    Ok(applied(client).await?.and_then(|version| usize::try_from(version).ok()) == Some(MIGRATIONS.len()))
}

/// The newest migration that a database has had; `None` where it is new.
async fn applied(client: &tokio_postgres::Client) -> Result<Option<i32>, StoreError> {
    match client.query_one("SELECT max(version) FROM refinery_schema_history", &[]).await {
        Ok(row) => column(&row, 0),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}
