//! Telephone numbers as people write them.

use booking_core::PhoneNumber;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

/// The international form of a number, if it is a valid one. A number without a country code is read as one of
/// `default_region` (ISO 3166, `PL`), or not at all where none is given.
///
/// ```
/// use booking_engine::text::phone::normalize;
///
/// let number = normalize("(0048) 500-600.700", None);
/// assert_eq!(number.as_ref().map(|number| number.as_str()), Some("+48500600700"));
/// assert_eq!(normalize("500 600 700", None), None);
/// ```
#[must_use]
pub fn normalize(raw: &str, default_region: Option<&str>) -> Option<PhoneNumber> {
    let region: Option<Region> = match default_region {
        Some(region) => Some(Region::from_code(&region.trim().to_ascii_uppercase()).ok()?),
        None => None,
    };
    // Of the blanks that people and forms put in, libphonenumber knows but a few.
    let raw: String = raw.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let number = PHONE_NUMBER_UTIL.parse(international(&raw), region).ok()?;
    if !number.is_valid() {
        return None;
    }
    PhoneNumber::parse(&number.format_as(PhoneNumberFormat::E164)).ok()
}

/// The same with `+` for a leading `00`, whatever stands before, between or after the two zeros.
fn international(raw: &str) -> String {
    let raw = raw.trim_start_matches(|c: char| !c.is_numeric() && !is_plus(c));
    let is_zero = |c: char| matches!(c, '0' | '\u{ff10}');
    let mut rest = raw.char_indices().filter(|(_, c)| c.is_numeric() || is_plus(*c));
    match (rest.next(), rest.next()) {
        (Some((_, first)), Some((at, second))) if is_zero(first) && is_zero(second) => {
            format!("+{}", raw[at + second.len_utf8()..].trim_start_matches(|c: char| !c.is_numeric()))
        }
        _ => raw.to_owned(),
    }
}

fn is_plus(c: char) -> bool {
    matches!(c, '+' | '\u{ff0b}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messy_numbers_become_international() {
        for (raw, region, number) in [
            ("+48500600700", None, Some("+48500600700")),
            ("+48 500 600 700", None, Some("+48500600700")),
            ("0048 500-600-700", None, Some("+48500600700")),
            ("(0048) 500.600.700", None, Some("+48500600700")),
            ("+48\u{a0}500\u{2009}600\t700", None, Some("+48500600700")),
            ("＋４８５００６００７００", None, Some("+48500600700")),
            ("００４８ ５００ ６００ ７００", None, Some("+48500600700")),
            ("500 600 700", Some("PL"), Some("+48500600700")),
            ("500 600 700", Some("pl"), Some("+48500600700")),
            ("500 600 700", None, None),
            ("0660/123 45 67", Some("AT"), Some("+436601234567")),
            ("+43 (0) 660 1234567", None, Some("+436601234567")),
            ("+43 660 1234567", Some("PL"), Some("+436601234567")),
            ("+39 06 698 12345", None, Some("+390669812345")),
            ("06 698 12345", Some("IT"), Some("+390669812345")),
            ("tel: +49 (30) 901820", None, Some("+4930901820")),
            ("030 / 901820", Some("DE"), Some("+4930901820")),
            ("8 (912) 345-67-89", Some("RU"), Some("+79123456789")),
            ("067 123 45 67", Some("UA"), Some("+380671234567")),
            ("+1 (415) 555-2671", None, Some("+14155552671")),
            ("+44 7400 123456\u{202c}", None, Some("+447400123456")),
            ("+48 500", None, None),
            ("+999 123 456 789", None, None),
            ("+48 500 600 700 800 900", None, None),
            ("500 600 700", Some("Poland"), None),
            ("unknown", Some("PL"), None),
            ("00", Some("PL"), None),
            ("+", None, None),
            ("", Some("PL"), None),
            ("—", None, None),
        ] {
            let found = normalize(raw, region);
            assert_eq!(found.as_ref().map(PhoneNumber::as_str), number, "{raw:?} in {region:?}");
        }
    }
}
