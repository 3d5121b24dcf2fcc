//! Values, whichever database they are of.

use serde::{Deserialize, Serialize};

/// What stands in a column of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}
