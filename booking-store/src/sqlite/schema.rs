//! The schema: migrations that only go forward.

use booking_core::store::StoreError;
use refinery::{Migration, Runner};
use rusqlite::Connection;

use super::tables::failed;
use crate::columns::limit;

const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__tables", include_str!("../../migrations/V1__tables.sql")),
    ("V2__brake_and_plan", include_str!("../../migrations/V2__brake_and_plan.sql")),
    ("V3__queue", include_str!("../../migrations/V3__queue.sql")),
    ("V4__fair_queue", include_str!("../../migrations/V4__fair_queue.sql")),
    ("V5__turns", include_str!("../../migrations/V5__turns.sql")),
];

/// The newest schema that this version knows, and the one that a database has; `None` where it has none of ours.
pub(super) fn versions(connection: &Connection) -> Result<(i64, Option<i64>), StoreError> {
    let has_any = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history')";
    let has_any: bool = connection.query_row(has_any, [], |row| row.get(0)).map_err(failed)?;
    let newest = "SELECT max(version) FROM refinery_schema_history";
    let has = has_any.then(|| connection.query_row(newest, [], |row| row.get::<_, Option<i64>>(0)));
    Ok((limit(MIGRATIONS.len()), has.transpose().map_err(failed)?.flatten()))
}

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
