//! The languages that there are texts in, and which of them a guest gets.

use std::fmt;

use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use unic_langid::LanguageIdentifier;

/// A language of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Language {
    /// English.
    En,
    /// German.
    De,
    /// Polish.
    Pl,
    /// Russian.
    Ru,
    /// Ukrainian.
    Uk,
}

impl Language {
    /// Every language; the first is the one that is always there.
    pub const ALL: [Self; 5] = [Self::En, Self::De, Self::Pl, Self::Ru, Self::Uk];

    /// Its BCP 47 tag, which is also the name of its folder.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Pl => "pl",
            Self::Ru => "ru",
            Self::Uk => "uk",
        }
    }

    /// The language that a tag asks for, however it is written: `de-AT`, `EN`, `pl_PL.UTF-8`. `ua`, which some
    /// sources send, is taken for Ukrainian.
    #[must_use]
    pub fn negotiate(tag: &str) -> Option<Self> {
        let tag = tag.trim();
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(tag.len());
        let tag = &tag[..end];
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let wanted: LanguageIdentifier = if primary.eq_ignore_ascii_case("ua") {
            Self::Uk.identifier()
        } else {
            tag.parse().or_else(|_| primary.parse()).ok()?
        };
        if wanted.language.is_empty() {
            // Taken for a range, it would match whatever comes first.
            return None;
        }
        let available = Self::ALL.map(Self::identifier);
        let found = *negotiate_languages(&[wanted], &available, None, NegotiationStrategy::Lookup).first()?;
        Self::ALL.into_iter().find(|language| language.identifier() == *found)
    }

    pub(super) fn identifier(self) -> LanguageIdentifier {
        self.code().parse().unwrap_or_default()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The languages in which a text is tried, in this order; the last is always English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Languages(Vec<Language>);

impl Languages {
    /// The guest's language, then the tenant's, then English; tags without texts are left out.
    #[must_use]
    pub fn of(guest: Option<&str>, tenant: &str) -> Self {
        let mut chain = Vec::with_capacity(3);
        let wanted = [guest.and_then(Language::negotiate), Language::negotiate(tenant), Some(Language::En)];
        for language in wanted.into_iter().flatten() {
            if !chain.contains(&language) {
                chain.push(language);
            }
        }
        Self(chain)
    }

    /// The languages, best first.
    pub fn iter(&self) -> impl Iterator<Item = Language> + '_ {
        self.0.iter().copied()
    }
}

impl From<Language> for Languages {
    fn from(language: Language) -> Self {
        Self::of(Some(language.code()), language.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_negotiated() {
        for (tag, language) in [
            ("en", Some(Language::En)),
            ("EN", Some(Language::En)),
            ("en-GB", Some(Language::En)),
            ("en-US-u-ca-gregory", Some(Language::En)),
            ("de", Some(Language::De)),
            ("de-AT", Some(Language::De)),
            ("de_CH", Some(Language::De)),
            ("DE-Latn-CH-1996", Some(Language::De)),
            (" pl ", Some(Language::Pl)),
            ("pl_PL.UTF-8", Some(Language::Pl)),
            ("ru-KZ", Some(Language::Ru)),
            ("ru-Cyrl", Some(Language::Ru)),
            ("uk", Some(Language::Uk)),
            ("uk-UA", Some(Language::Uk)),
            ("ua", Some(Language::Uk)),
            ("UA", Some(Language::Uk)),
            ("ua-UA", Some(Language::Uk)),
            ("de,en;q=0.5", Some(Language::De)),
            ("fr", None),
            ("pt_BR", None),
            ("zh-Hant", None),
            ("und", None),
            ("*", None),
            ("", None),
            ("-", None),
            ("english", None),
            ("constructor", None),
            ("../../etc/passwd", None),
            ("дe", None),
        ] {
            assert_eq!(Language::negotiate(tag), language, "{tag:?}");
        }
    }

    #[test]
    fn languages_end_in_english() {
        use Language::{De, En, Pl};
        for (guest, tenant, chain) in [
            (Some("pl"), "de", &[Pl, De, En][..]),
            (Some("de-AT"), "de", &[De, En]),
            (Some("fr"), "de", &[De, En]),
            (Some("en"), "de", &[En, De]),
            (None, "pl", &[Pl, En]),
            (Some("fr"), "it", &[En]),
            (None, "", &[En]),
        ] {
            assert_eq!(
                Languages::of(guest, tenant).iter().collect::<Vec<_>>(),
                chain,
                "{guest:?} {tenant:?}"
            );
        }
    }
}
