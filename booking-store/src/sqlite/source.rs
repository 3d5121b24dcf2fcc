//! A database whose store is moved elsewhere: read as of one moment, and kept from hosts meanwhile.

use std::fs::File;
use std::path::Path;

use booking_core::store::StoreError;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use super::tables::failed;
use super::{connect, lock, schema};
use crate::columns::{Locked, limit, number};
use crate::transfer::{Column, Layout, Locks, Schema, TransferError, Type, Value};

/// What `meta` has. Anything else would be left behind.
const META: [&str; 5] = ["claim_key", "first_token", "idempotency_token", "key_ids", "pings"];

pub(crate) struct Source {
    connection: Connection,
    _lock: File,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, TransferError> {
        if !path.is_file() {
            let why = format!("there is no file {}", path.display());
            return Err(TransferError::refused(why, "name the file that hosts work on"));
        }
        let lock = lock(path).map_err(|_| {
            let why = format!("{} is in use: a host works on it", path.display());
            TransferError::refused(why, "stop the host first")
        })?;
        // One that may write folds the log of a host that was killed into the file.
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("PRAGMA query_only = ON; BEGIN").map_err(failed)?;
        let source = Self { connection, _lock: lock };
        let (newest, has) = schema::versions(&source.connection)?;
        if has != Some(newest) {
            let has = has.map_or_else(|| "no schema of a store".to_owned(), |has| format!("schema {has}"));
            let why = format!("{} has {has}, this version moves {newest}", path.display());
            let remedy = "run a version that knows it, and any command on it once: that brings an older one up to date";
            return Err(TransferError::refused(why, remedy));
        }
        Ok(source)
    }

    pub(crate) fn schema(&self) -> Result<Schema, StoreError> {
        let tables =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let tables: Vec<String> = self.all(tables, &[], |row| row.get(0))?;
        let columns = |table: String| {
            let sql = "SELECT name, type FROM pragma_table_info(?1)";
            let columns = self.all(sql, &[Value::Text(table.clone())], |row| {
                let (name, holds): (String, String) = row.try_into()?;
                let holds = match holds.as_str() {
                    "TEXT" => Some(Type::Text),
                    "INTEGER" => Some(Type::Int),
                    "BLOB" => Some(Type::Bytes),
                    _ => None,
                };
                Ok(Column { name, holds })
            });
            Ok((table, columns?))
        };
        tables.into_iter().map(columns).collect()
    }

    pub(crate) fn locks(&self) -> Result<Locks, TransferError> {
        let names: Vec<String> = self.all("SELECT name FROM meta", &[], |row| row.get(0))?;
        if let Some(stray) = names.iter().find(|name| !META.contains(&name.as_str())) {
            let why = format!("the source keeps a `{stray}` that is not known here");
            return Err(TransferError::refused(why, "use the version that made it"));
        }
        let bytes = |name: &str| -> Result<Option<Vec<u8>>, StoreError> {
            let values = [Value::Text(name.to_owned())];
            Ok(self.all("SELECT value FROM meta WHERE name = ?1", &values, |row| row.get(0))?.pop())
        };
        let counter = |name: &str| -> Result<i64, StoreError> {
            let values = [Value::Text(name.to_owned())];
            let found = self.all("SELECT value FROM meta WHERE name = ?1", &values, |row| row.get(0))?;
            Ok(found.first().copied().unwrap_or(0))
        };
        let given = |table: &str| -> Result<i64, StoreError> {
            let values = [Value::Text(table.to_owned())];
            let found =
                self.all("SELECT seq FROM sqlite_sequence WHERE name = ?1", &values, |row| row.get(0))?;
            Ok(found.first().copied().unwrap_or(0))
        };
        Ok(Locks {
            locked: Locked { key_ids: bytes("key_ids")?, claim_key: bytes("claim_key")? },
            first_token: counter("first_token")?,
            pings: counter("pings")?,
            given: [
                ("inbox_number", given("inbox")?),
                ("audit_number", given("audit")?),
                ("idempotency_token", counter("idempotency_token")?),
            ],
        })
    }

    pub(crate) fn count(&self, layout: &Layout) -> Result<u64, StoreError> {
        let counted = self.all(&format!("SELECT count(*) FROM {}", layout.table), &[], |row| row.get(0))?;
        number(counted.first().copied().unwrap_or(0_i64))
    }

    /// The next rows in the order of their keys.
    pub(crate) fn page(
        &self,
        layout: &Layout,
        after: Option<&[Value]>,
        most: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let (names, keys) = (layout.names(), layout.key_names());
        let places: Vec<String> = (2..layout.keys.len() + 2).map(|place| format!("?{place}")).collect();
        let beyond = after.map(|_| format!("WHERE ({keys}) > ({})", places.join(", "))).unwrap_or_default();
        let sql = format!("SELECT {names} FROM {} {beyond} ORDER BY {keys} LIMIT ?1", layout.table);
        let mut values = vec![Value::Int(limit(most))];
        values.extend(after.unwrap_or_default().iter().cloned());
        self.all(&sql, &values, |row| (0..layout.columns.len()).map(|index| value(row, index)).collect())
    }

    fn all<T>(
        &self,
        sql: &str,
        values: &[Value],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let rows = statement.query_map(params_from_iter(values), read).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}

fn value(row: &Row<'_>, index: usize) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        text => Value::Text(text.as_str()?.to_owned()),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
