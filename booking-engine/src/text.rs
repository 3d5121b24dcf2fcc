//! What guests and staff read: texts in five languages, from Fluent files that are built in and that a tenant may
//! override.
//!
//! A text is complete or it is an error: a message that is missing, a variable without a value or a reference to
//! nothing makes the next language of the [`Languages`] be tried, never a text with a placeholder in it. Names are
//! data, cleaned and cut, and nothing in them is interpreted.
//!
//! Times are those of the stay as it was agreed. What a lock is told beyond that is nobody's business here.

mod catalog;
mod data;
pub mod date;
mod guest;
mod language;
mod overrides;
pub mod phone;
mod staff;
#[cfg(test)]
mod tests;

use std::fmt;

pub use catalog::Texts;
pub use guest::{ConfirmKey, GuestDoor, GuestMessage};
pub use language::{Language, Languages};
pub use overrides::Problem;
pub use staff::StaffArgs;

/// What a text is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A text message of at most so many segments: short lines, and spelled without accents where that alone makes
    /// it fit.
    Sms {
        /// The most segments.
        max_segments: usize,
    },
    /// A message in a thread, without a limit: paragraphs with a subject.
    Thread,
}

/// A finished text. `Debug` shows neither subject nor body.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line without a PIN, for channels that show one.
    pub subject: String,
    /// The text.
    pub body: String,
    /// In which language it is.
    pub language: Language,
    /// Which texts of languages before this one could not be used; empty if the first one could.
    pub failed: Vec<FailedText>,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered")
            .field("characters", &self.body.chars().count())
            .field("language", &self.language)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// A message of the locale files that could not be made into a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{language}: {id}: {what}")]
pub struct FailedText {
    /// In which language.
    pub language: Language,
    /// Its id.
    pub id: String,
    /// What is wrong with it, without any value.
    pub what: String,
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// What is wrong with the locale files, all of it.
    #[error("{} in the texts: {}", count(.0), list(.0))]
    Files(Vec<Problem>),
    /// No language has a usable text; one entry for each that was tried.
    #[error("no usable text: {}", list(.0))]
    Unusable(Vec<FailedText>),
    /// Not even the shortest text fits.
    #[error("the shortest text in {language} takes {segments} segments where {max_segments} are allowed")]
    TooLong {
        /// In which language.
        language: Language,
        /// How many segments it takes.
        segments: usize,
        /// How many it may take.
        max_segments: usize,
    },
    /// A guest message without a door.
    #[error("there is no door to name a code for")]
    NoDoor,
    /// A kind of message that has no texts.
    #[error("there are no texts for this kind of message")]
    UnknownKind,
}

fn count(problems: &[Problem]) -> String {
    match problems.len() {
        1 => "1 problem".to_owned(),
        several => format!("{several} problems"),
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join("; ")
}
