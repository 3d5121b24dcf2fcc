//! Why a store stays where and as it is.

use std::fmt;

use booking_core::store::StoreError;

/// Why a store was not moved, backed up or restored. No text holds content of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferError {
    /// It must not be done as things are; nothing was changed.
    Refused {
        /// Why.
        why: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// It was told to stop. What was done so far stands, and another run goes on there.
    Interrupted,
    /// A store cannot be read or written, or is damaged.
    Store(StoreError),
}

impl TransferError {
    pub(crate) fn refused(why: impl Into<String>, remedy: &'static str) -> Self {
        Self::Refused { why: why.into(), remedy }
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { why, .. } => f.write_str(why),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TransferError {}

impl From<StoreError> for TransferError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
