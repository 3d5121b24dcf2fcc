//! The token on a code that names its booking.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::Invalid;

/// A token such as `Smoobu#9001`: a word, `#`, and a reference, at most 20 ASCII characters in all.
///
/// Text around it on the code does not matter, but it must stand alone: `Smoobu#12` is not in `Smoobu#123`.
///
/// ```
/// use booking_core::Marker;
/// let text = "late check-out agreed, Smoobu#12; see notes";
/// assert_eq!(Marker::find_all(text), vec![Marker::new("Smoobu", "12").unwrap()]);
/// assert!(!Marker::find_all("Smoobu#123").contains(&Marker::new("Smoobu", "12").unwrap()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Marker {
    text: String,
    hash: usize,
}

impl Marker {
    /// The longest marker, in ASCII characters.
    pub const MAX: usize = 20;

    /// A marker of a word and a reference.
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless the word is letters, the reference letters, digits, hyphens and underscores, and both
    /// with the `#` have at most 20 characters.
    pub fn new(word: &str, reference: &str) -> Result<Self, Invalid> {
        let fits = word.len() + 1 + reference.len() <= Self::MAX;
        let word_ok = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
        let reference_ok = !reference.is_empty() && reference.chars().all(is_reference_char);
        if fits && word_ok && reference_ok {
            Ok(Self { text: format!("{word}#{reference}"), hash: word.len() })
        } else {
            Err(Invalid::new("marker", "WORD#REFERENCE of at most 20 ASCII characters"))
        }
    }

    /// The word before the `#`.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.text[..self.hash]
    }

    /// The reference after the `#`.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.text[self.hash + 1..]
    }

    /// The whole token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Every marker in a code's text, each once, in order. Two different ones make a code ambiguous.
    #[must_use]
    pub fn find_all(text: &str) -> Vec<Self> {
        let mut found = Vec::new();
        for (at, _) in text.match_indices('#') {
            let word_start = text[..at]
                .char_indices()
                .rev()
                .take_while(|(_, c)| c.is_alphanumeric() || *c == '_' || *c == '-')
                .last()
                .map_or(at, |(index, _)| index);
            let after = &text[at + 1..];
            let reference_end = after
                .char_indices()
                .find(|(_, c)| !is_reference_char(*c) && !c.is_alphanumeric())
                .map_or(after.len(), |(i, _)| i);
            // A token that continues with another `#` is none of ours.
            if after[reference_end..].starts_with('#') || text[..word_start].ends_with('#') {
                continue;
            }
            if let Ok(marker) = Self::new(&text[word_start..at], &after[..reference_end])
                && !found.contains(&marker)
            {
                found.push(marker);
            }
        }
        found
    }
}

fn is_reference_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Marker {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        let (word, reference) = text.split_once('#').unwrap_or((&text, ""));
        Self::new(word, reference)
    }
}

impl From<Marker> for String {
    fn from(marker: Marker) -> Self {
        marker.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = Marker::find_all(text).into_iter().map(String::from).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn only_whole_tokens_count() {
        check("Smoobu#9001", &["Smoobu#9001"]);
        check("Smoobu#123", &["Smoobu#123"]);
        check("(Smoobu#12)", &["Smoobu#12"]);
        check("copied from 4411: Smoobu#12.", &["Smoobu#12"]);
        check("Smoobu#12 Smoobu#12", &["Smoobu#12"]);
        check("Smoobu#12, Smoobu#34", &["Smoobu#12", "Smoobu#34"]);
        check("xSmoobu#12", &["xSmoobu#12"]);
        check("Smoobu#", &[]);
        check("#12", &[]);
        check("Smoobu#12ż", &[]);
        check("Smoobu#12#3", &[]);
        check("9Smoobu#12", &[]);
        check("żSmoobu#12", &[]);
        check("", &[]);
    }
}
