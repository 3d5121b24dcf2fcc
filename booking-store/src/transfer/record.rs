//! What a target knows of the transfer into it.

use booking_core::store::StoreError;
use serde::{Deserialize, Serialize};

use super::Value;
use crate::columns::from_json;

/// How far a transfer is. It stands in the target from the first row to the last and after, and no host opens the
/// database before it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Which store is carried, known by the key of its claims.
    pub(crate) source: String,
    /// What it holds: table, rows, checksum.
    pub(crate) sums: Vec<(String, u64, String)>,
    /// How many tables are there whole.
    pub(crate) tables: usize,
    /// The key of the last row of the next one that is there, and how many are.
    pub(crate) after: Option<Vec<Value>>,
    pub(crate) rows: u64,
    /// Whether all is there and was compared.
    pub(crate) done: bool,
}

impl Record {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        from_json(bytes, "the record of a transfer")
    }
}

/// Refuses a database into which a store is being moved.
pub(crate) fn refuse_unfinished(record: Option<&[u8]>) -> Result<(), StoreError> {
    match record.map(Record::parse).transpose()? {
        Some(record) if !record.done => Err(StoreError::Unavailable(
            "a store is being moved into this database and is not all there: run `move-store` to its end, or give \
             an empty database"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}
