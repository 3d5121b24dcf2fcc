//! A database into which a store is moved.

use booking_core::store::StoreError;
use tokio_postgres::{IsolationLevel, Row};

use super::PostgresUrl;
use super::pool::{Borrowed, Pool, failed, text, value};
use super::tables::column;
use super::{schema, sql};
use crate::columns::{Locked, limit, to_json};
use crate::transfer::{Column, Layout, Locks, Record, Schema, TransferError, Type, Value};

/// Where the record of a transfer is kept.
const RECORD: &str = "transfer";
const REPLACE_RECORD: &str = "UPDATE meta SET bytes = $2 WHERE name = 'transfer' AND bytes = $1";

pub(crate) struct Target {
    connection: Borrowed,
}

impl Target {
    /// Opens a database, and gives it the schema of this version where it has none.
    pub(crate) async fn open(url: &PostgresUrl) -> Result<Self, TransferError> {
        let pool = Pool::new(url)?;
        schema::migrate(&pool).await?;
        let connection = pool.get().await?;
        if !schema::is_current(connection.client()?).await? {
            return Err(TransferError::refused(
                "the database has the schema of another version",
                "use that version, or give an empty database",
            ));
        }
        Ok(Self { connection })
    }

    pub(crate) async fn schema(&self) -> Result<Schema, StoreError> {
        let sql =
            "SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_generated = 'ALWAYS'
            FROM information_schema.columns c
            JOIN information_schema.tables t USING (table_schema, table_name)
            WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'";
        let mut schema = Schema::new();
        for row in self.query(sql, Vec::new()).await? {
            let (table, name, holds): (String, String, String) =
                (column(&row, 0)?, column(&row, 1)?, column(&row, 2)?);
            let columns = schema.entry(table).or_default();
            if column(&row, 3)? {
                continue;
            }
            let holds = match holds.as_str() {
                "text" => Some(Type::Text),
                "bigint" => Some(Type::Int),
                "bytea" => Some(Type::Bytes),
                _ => None,
            };
            columns.push(Column { name, holds });
        }
        Ok(schema)
    }

    /// What is known here of a transfer.
    pub(crate) async fn record(&self) -> Result<Option<Record>, StoreError> {
        let rows = self.query(sql::GET_BYTES, vec![text(RECORD)]).await?;
        let bytes: Option<Vec<u8>> = rows.first().map(|row| column(row, 0)).transpose()?.flatten();
        bytes.map(|bytes| Record::parse(&bytes)).transpose()
    }

    /// Begins a transfer, unless somebody has put anything here. A host that opens the database at this moment and this
    /// are in each other's way, and one of them is undone.
    pub(crate) async fn begin(&mut self, record: &Record, locked: &Locked) -> Result<(), TransferError> {
        let written = [
            (RECORD, Some(bytes_of(record)?)),
            ("key_ids", locked.key_ids.clone()),
            ("claim_key", locked.claim_key.clone()),
        ];
        let client = self.connection.client_mut()?;
        let transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::Serializable)
            .start()
            .await
            .map_err(known)?;
        let kept = "SELECT EXISTS (SELECT 1 FROM meta WHERE bytes IS NOT NULL)";
        let tables = record.sums.iter().map(|(table, ..)| format!("SELECT EXISTS (SELECT 1 FROM {table})"));
        for sql in std::iter::once(kept.to_owned()).chain(tables) {
            let row = transaction.query_one(&sql, &[]).await.map_err(known)?;
            if column(&row, 0)? {
                return Err(TransferError::refused(
                    "the database is not empty: a host has opened it",
                    "give an empty database, which no host was started on",
                ));
            }
        }
        for (name, bytes) in written {
            transaction.execute(sql::SET_BYTES, &[&name, &bytes]).await.map_err(known)?;
        }
        Ok(transaction.commit().await.map_err(known)?)
    }

    /// Adds rows, and writes down that they are there: both or neither.
    pub(crate) async fn append(
        &mut self,
        layout: &Layout,
        rows: Vec<Vec<Value>>,
        before: &Record,
        after: &Record,
    ) -> Result<(), StoreError> {
        let client = self.connection.client_mut()?;
        let transaction = client.transaction().await.map_err(known)?;
        replace(&transaction, before, after).await?;
        if !rows.is_empty() {
            let kinds = layout.columns.iter().zip(1..).map(|((_, kind), place)| {
                let kind = match kind {
                    Type::Text => "text",
                    Type::Int => "bigint",
                    Type::Bytes => "bytea",
                };
                format!("${place}::{kind}[]")
            });
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            let sql =
                format!("INSERT INTO {} ({}) SELECT * FROM unnest({kinds})", layout.table, layout.names());
            let columns = by_column(layout, rows)?;
            transaction.execute_raw(&sql, columns).await.map_err(known)?;
        }
        transaction.commit().await.map_err(known)
    }

    /// The next rows in the order of their keys.
    pub(crate) async fn page(
        &self,
        layout: &Layout,
        after: Option<&[Value]>,
        most: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let (names, keys) = (layout.names(), layout.key_names());
        let places: Vec<String> = (2..layout.keys.len() + 2).map(|place| format!("${place}")).collect();
        let beyond = after.map(|_| format!("WHERE ({keys}) > ({})", places.join(", "))).unwrap_or_default();
        let sql = format!("SELECT {names} FROM {} {beyond} ORDER BY {keys} LIMIT $1", layout.table);
        let mut values = vec![value(limit(most))];
        for key in after.unwrap_or_default() {
            values.push(match key {
                Value::Int(number) => value(*number),
                Value::Text(part) => text(part.as_str()),
                Value::Bytes(_) | Value::Null => return Err(strange(layout)),
            });
        }
        let rows = self.query(&sql, values).await?;
        rows.iter().map(|row| values_of(layout, row)).collect()
    }

    /// Takes over what stands beside the tables, lets numbers go on after the greatest that was given, and opens the
    /// database to hosts.
    pub(crate) async fn finish(&mut self, record: &mut Record, locks: &Locks) -> Result<(), StoreError> {
        let done = Record { done: true, ..record.clone() };
        let client = self.connection.client_mut()?;
        let transaction = client.transaction().await.map_err(known)?;
        replace(&transaction, record, &done).await?;
        for (name, number) in [("first_token", locks.first_token), ("pings", locks.pings)] {
            let sql = "INSERT INTO meta (name, number) VALUES ($1, $2)
                ON CONFLICT (name) DO UPDATE SET number = excluded.number";
            transaction.execute(sql, &[&name, &number]).await.map_err(known)?;
        }
        for (sequence, given) in locks.given {
            let sql = format!("SELECT setval('{sequence}', $1, $2)");
            transaction.execute(&sql, &[&given.max(1), &(given > 0)]).await.map_err(known)?;
        }
        transaction.commit().await.map_err(known)?;
        *record = done;
        Ok(())
    }

    async fn query(&self, sql: &str, values: Vec<super::pool::Value>) -> Result<Vec<Row>, StoreError> {
        let client = self.connection.client()?;
        let statement = client.prepare_cached(sql).await.map_err(known)?;
        super::pool::rows(client, &statement, values).await.map_err(known)
    }
}

/// Writes down how far it is, unless another process has done so meanwhile.
async fn replace(
    transaction: &tokio_postgres::Transaction<'_>,
    before: &Record,
    after: &Record,
) -> Result<(), StoreError> {
    let (before, after) = (bytes_of(before)?, bytes_of(after)?);
    match transaction.execute(REPLACE_RECORD, &[&before, &after]).await.map_err(known)? {
        1 => Ok(()),
        _ => Err(StoreError::Unavailable("another process moves a store into this database".to_owned())),
    }
}

fn bytes_of(record: &Record) -> Result<Vec<u8>, StoreError> {
    to_json(record).map(String::into_bytes)
}

fn known(error: tokio_postgres::Error) -> StoreError {
    failed(&error)
}

fn strange(layout: &Layout) -> StoreError {
    StoreError::Damaged(format!("a row of {} is not as its table", layout.table))
}

/// A row's columns, in an array each.
fn by_column(layout: &Layout, rows: Vec<Vec<Value>>) -> Result<Vec<super::pool::Value>, StoreError> {
    let mut rows: Vec<_> = rows.into_iter().map(Vec::into_iter).collect();
    let columns = layout.columns.iter().map(|(_, kind)| {
        let cells: Vec<Value> = rows.iter_mut().filter_map(Iterator::next).collect();
        let cells = cells.into_iter();
        Ok(match kind {
            Type::Text => {
                let cells = cells.map(|cell| match cell {
                    Value::Null => Ok(None),
                    Value::Text(text) => Ok(Some(super::pool::clean(text))),
                    _ => Err(strange(layout)),
                });
                value(cells.collect::<Result<Vec<_>, _>>()?)
            }
            Type::Int => {
                let cells = cells.map(|cell| match cell {
                    Value::Null => Ok(None),
                    Value::Int(number) => Ok(Some(number)),
                    _ => Err(strange(layout)),
                });
                value(cells.collect::<Result<Vec<_>, _>>()?)
            }
            Type::Bytes => {
                let cells = cells.map(|cell| match cell {
                    Value::Null => Ok(None),
                    Value::Bytes(bytes) => Ok(Some(bytes)),
                    _ => Err(strange(layout)),
                });
                value(cells.collect::<Result<Vec<_>, _>>()?)
            }
        })
    });
    columns.collect()
}

fn values_of(layout: &Layout, row: &Row) -> Result<Vec<Value>, StoreError> {
    let values = layout.columns.iter().enumerate().map(|(index, (_, kind))| {
        Ok(match kind {
            Type::Text => column::<Option<String>>(row, index)?.map_or(Value::Null, Value::Text),
            Type::Int => column::<Option<i64>>(row, index)?.map_or(Value::Null, Value::Int),
            Type::Bytes => column::<Option<Vec<u8>>>(row, index)?.map_or(Value::Null, Value::Bytes),
        })
    });
    values.collect()
}
