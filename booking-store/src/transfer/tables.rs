//! What is carried: every table row by row, every column that both databases have.
//!
//! Columns are read from the schemas, so that one that a migration adds to both is carried along. One that only one of
//! them has must be named in [`OWN`]; otherwise nothing is carried at all, and a test fails.

use std::collections::BTreeMap;

use booking_core::store::Kind;

use super::{TransferError, Value};
use crate::columns::{Locked, SealedColumn};

/// A table, and the columns by which its rows are told apart and ordered, alike in both databases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    keys: &'static [&'static str],
}

/// The tables that are no records.
const OTHERS: [Table; 7] = [
    Table { name: "alias", keys: &["tenant", "source", "reference"] },
    Table { name: "work", keys: &["rank", "tenant", "id"] },
    Table { name: "delivery", keys: &["tenant", "integration", "id"] },
    Table { name: "inbox", keys: &["tenant", "number"] },
    Table { name: "claim", keys: &["door", "holder"] },
    Table { name: "audit", keys: &["tenant", "number"] },
    Table { name: "idempotency", keys: &["key"] },
];

/// Tables of which each database keeps its own: what keeps changes apart, numbers and keys, which are carried one by one,
/// and its migrations.
const APART: [&str; 3] = ["claim_door", "meta", "refinery_schema_history"];

/// Columns that a database keeps for its own queue, and fills anew by itself.
const OWN: [(&str, &str); 2] = [("work", "queued"), ("work", "queued_for")];

pub(crate) fn all() -> impl Iterator<Item = Table> {
    let records = Kind::ALL.into_iter().map(|kind| Table { name: kind.table(), keys: &["tenant", "id"] });
    records.chain(OTHERS)
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Int,
    Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// `None` for a type that no table of ours has.
    pub(crate) holds: Option<Type>,
}

/// The columns of each table that are not made from others.
pub(crate) type Schema = BTreeMap<String, Vec<Column>>;

/// A column of sealed values, and where a row says what they are bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) column: SealedColumn,
    pub(crate) at: usize,
    /// An answer has no tenant.
    pub(crate) tenant: Option<usize>,
    pub(crate) id: usize,
}

/// A table with the columns that are carried, in the order of their names.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) table: &'static str,
    pub(crate) columns: Vec<(String, Type)>,
    /// Which of them are its key.
    pub(crate) keys: Vec<usize>,
    pub(crate) sealed: Option<Sealed>,
}

impl Layout {
    /// The layouts of all tables, where two schemas agree on them.
    pub(crate) fn of_all(source: &Schema, target: &Schema) -> Result<Vec<Self>, TransferError> {
        for (place, schema) in [("source", source), ("target", target)] {
            let stray =
                schema.keys().find(|name| !APART.contains(&&***name) && !all().any(|t| t.name == **name));
            if let Some(stray) = stray {
                return Err(unknown(format!("the {place} has a table `{stray}` that is not known here")));
            }
        }
        all().map(|table| Self::of(table, source, target)).collect()
    }

    fn of(table: Table, source: &Schema, target: &Schema) -> Result<Self, TransferError> {
        let name = table.name;
        let carried = |place: &str, schema: &Schema| -> Result<BTreeMap<String, Type>, TransferError> {
            let columns = schema.get(name).ok_or_else(|| unknown(format!("the {place} has no {name}")))?;
            let columns =
                columns.iter().filter(|column| !OWN.contains(&(name, column.name.as_str()))).map(|column| {
                    let holds = column.holds.ok_or_else(|| {
                        unknown(format!("{name}.{} of the {place} holds what nothing should", column.name))
                    })?;
                    Ok((column.name.clone(), holds))
                });
            columns.collect()
        };
        let (columns, others) = (carried("source", source)?, carried("target", target)?);
        if columns != others {
            let only = columns.iter().find(|&(name, holds)| others.get(name) != Some(holds));
            let only = only.or_else(|| others.iter().find(|(name, _)| !columns.contains_key(*name)));
            let column = only.map(|(name, _)| name.as_str()).unwrap_or_default();
            return Err(unknown(format!("source and target do not agree on the column {name}.{column}")));
        }
        let columns: Vec<(String, Type)> = columns.into_iter().collect();
        let index = |wanted: &str| {
            let index = columns.iter().position(|(name, _)| name == wanted);
            index.ok_or_else(|| unknown(format!("there is no {name}.{wanted}")))
        };
        let keys = table.keys.iter().map(|key| index(key)).collect::<Result<_, _>>()?;
        let sealed = SealedColumn::all().find(|column| column.table() == name);
        let sealed = sealed.map(|column| {
            let (value, tenant, id) = column.columns();
            Ok::<_, TransferError>(Sealed {
                column,
                at: index(value)?,
                tenant: tenant.map(index).transpose()?,
                id: index(id)?,
            })
        });
        Ok(Self { table: name, keys, sealed: sealed.transpose()?, columns })
    }

    /// The key of a row.
    pub(crate) fn key(&self, row: &[Value]) -> Vec<Value> {
        self.keys.iter().filter_map(|index| row.get(*index).cloned()).collect()
    }

    /// The columns, as they stand in a statement.
    pub(crate) fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The columns of the key, as they stand in a statement.
    pub(crate) fn key_names(&self) -> String {
        let names = self.keys.iter().filter_map(|index| self.columns.get(*index));
        names.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn unknown(why: String) -> TransferError {
    TransferError::refused(
        why,
        "source and target must have the schema of this version: use one that fits both",
    )
}

/// What a database keeps apart from its tables.
#[derive(Debug)]
pub(crate) struct Locks {
    pub(crate) locked: Locked,
    /// The greatest fencing token of keys that were forgotten.
    pub(crate) first_token: i64,
    pub(crate) pings: i64,
    /// The greatest numbers that were ever given, by the name of what gives the next ones.
    pub(crate) given: [(&'static str, i64); 3],
}
