//! The schema: migrations that only go forward.

use booking_core::store::StoreError;
use refinery::{Migration, Runner};
use rusqlite::Connection;

const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__tables", include_str!("../../migrations/V1__tables.sql")),
    ("V2__brake_and_plan", include_str!("../../migrations/V2__brake_and_plan.sql")),
    ("V3__queue", include_str!("../../migrations/V3__queue.sql")),
    ("V4__turns", include_str!("../../migrations/V4__turns.sql")),
];

/// Brings a database to the schema of this version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let refused = |error: refinery::Error| {
        StoreError::Unavailable(format!("the schema cannot be brought up to date: {error}"))
    };
    let migrations: Result<Vec<_>, _> =
        MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect();
    Runner::new(&migrations.map_err(refused)?).run(connection).map_err(refused)?;
    Ok(())
}
