//! The error of every parsed newtype.

/// A text that is not what its type promises. It names the type and what was expected, never the text itself,
/// since that may be personal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: expected {expected}")]
pub struct Invalid {
    what: &'static str,
    expected: &'static str,
}

impl Invalid {
    /// An error for the type `what`, which wants `expected`.
    #[must_use]
    pub const fn new(what: &'static str, expected: &'static str) -> Self {
        Self { what, expected }
    }
}
