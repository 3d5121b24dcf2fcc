//! Telephones, languages, texts, and times to wait.

use std::time::Duration;

use booking_core::sms::{self, Encoding};
use booking_core::{PhoneNumber, signature, truncated};
use booking_engine::text::phone::normalize;
use booking_engine::text::{Language, Languages};
use booking_http::retry_after;
use http::{HeaderMap, HeaderValue};

use crate::rig::{NOW, choice, says_nothing};

/// A telephone as people write it: a valid one is international, and stays what it is.
pub(crate) fn phone(data: &[u8]) {
    const REGIONS: [Option<&str>; 6] = [None, Some("PL"), Some("de"), Some("US"), Some("FR"), Some("zz")];
    let (region, text) = choice(data, REGIONS.len());
    let Ok(text) = std::str::from_utf8(text) else { return };
    match PhoneNumber::parse(text) {
        Ok(number) => {
            assert_eq!(number.as_str(), text);
            let shown = format!("{number:?}");
            assert!(!shown.contains(&text[..text.len() - 2]), "Debug shows the last two digits: {shown}");
        }
        Err(error) => says_nothing(&error),
    }
    if let Some(number) = normalize(text, REGIONS[region]) {
        assert_eq!(normalize(number.as_str(), None).as_ref(), Some(&number), "it stays what it is");
        assert_eq!(normalize(number.as_str(), REGIONS[region]).as_ref(), Some(&number));
    }
}

/// A language tag of anybody's.
pub(crate) fn language(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let chain: Vec<_> = Languages::of(Some(text), "pl").iter().collect();
    assert!((2..=3).contains(&chain.len()));
    assert_eq!(chain.last(), Some(&Language::En).filter(|_| chain[0] != Language::En).or(chain.last()));
    if let Some(language) = Language::negotiate(text) {
        assert_eq!(chain[0], language);
        assert_eq!(Language::negotiate(language.code()), Some(language));
    }
}

/// A text for a telephone: the count is honest, and respelling only ever helps.
pub(crate) fn sms_text(data: &[u8]) {
    let (cut, rest) = choice(data, 200);
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let count = sms::segments(text);
    let (encoding, alone, each) = match count.encoding {
        Encoding::Gsm7 => (true, 160, 153),
        Encoding::Ucs2 => (false, 70, 67),
    };
    assert_eq!(encoding, sms::fits_gsm7(text));
    assert!(count.segments >= 1 && count.units <= count.segments * each.max(alone));
    assert_eq!(count.segments == 1, count.units <= alone);
    // A segment may stay one unit short, or the escape of one character.
    assert!(count.segments == 1 || count.units > (count.segments - 1) * (each - 1));

    let spelled = sms::transliterate(text);
    assert_eq!(sms::transliterate(&spelled), spelled, "respelling is done once");
    if sms::fits_gsm7(text) {
        assert_eq!(spelled, text);
    }
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    assert!(digits(&spelled).starts_with(&digits(text)) || digits(text).len() <= digits(&spelled).len());

    let short = truncated(text, cut);
    assert!(text.starts_with(short) && short.chars().count() == text.chars().count().min(cut));
}

/// When to come back, as a vendor's header says; and when something was signed.
pub(crate) fn retry_after(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let wait = retry_after::parse(text, NOW);
    assert_eq!(retry_after::parse(&format!(" {text} "), NOW), wait, "blanks say nothing");
    let later = retry_after::parse(text, NOW + chrono::TimeDelta::hours(1));
    assert_eq!(wait.is_some(), later.is_some());
    assert!(later <= wait, "later there is not longer to wait");
    if let Ok(seconds) = text.parse::<u32>()
        && !text.starts_with('+')
        && seconds <= 1_000_000_000
    {
        assert_eq!(wait, Some(Duration::from_secs(seconds.into())));
    }
    if let Ok(value) = HeaderValue::from_str(text) {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]);
        assert!(retry_after::standard(&headers, NOW).is_none_or(|told| Some(told) == wait));
    }
    match signature::parse_timestamp(text) {
        Ok(at) => {
            let again = signature::parse_timestamp(&at.timestamp().to_string()).unwrap();
            assert_eq!(again, at, "the same second, by its number");
        }
        Err(error) => says_nothing(&error),
    }
}
