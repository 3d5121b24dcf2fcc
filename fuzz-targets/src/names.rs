//! Names, work keys and markers.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use booking_core::store::WorkKey;
use booking_core::{
    BookingId, CodeId, DoorId, ExternalId, GrantId, IntegrationName, Invalid, Marker, MessageId, Pin,
    TenantSlug, UnitId, UnitRef, VendorCodeId,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rig::says_nothing;

/// It is parsed, shown and kept in one spelling, or refused without being repeated.
fn name<T>(text: &str, longest: usize) -> bool
where
    T: FromStr<Err = Invalid> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let kept = serde_json::from_value::<T>(text.into());
    match text.parse::<T>() {
        Ok(name) => {
            assert_eq!(name.to_string(), text);
            assert_eq!(kept.unwrap(), name);
            assert_eq!(serde_json::to_value(&name).unwrap(), text);
            assert!((1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
            true
        }
        Err(error) => {
            assert!(kept.is_err());
            says_nothing(&error);
            false
        }
    }
}

/// One text as every kind of name, and as a PIN.
pub(crate) fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let slugs = [
        name::<TenantSlug>(text, 40),
        name::<IntegrationName>(text, 40),
        name::<UnitId>(text, 40),
        name::<DoorId>(text, 40),
    ];
    let references =
        [name::<ExternalId>(text, 128), name::<UnitRef>(text, 128), name::<VendorCodeId>(text, 128)];
    let drawn = [
        name::<BookingId>(text, 12),
        name::<GrantId>(text, 12),
        name::<CodeId>(text, 12),
        name::<MessageId>(text, 12),
    ];
    for group in [&slugs[..], &references, &drawn] {
        assert!(group.iter().all(|taken| *taken == group[0]), "one rule for each kind");
    }
    assert!(!slugs[0] || (references[0] && !text.contains(['/', '.'])), "a slug fits into paths");
    match Pin::parse(text) {
        Ok(pin) => {
            assert_eq!((pin.expose(), pin.len()), (text, text.len()));
            assert!((1..=16).contains(&pin.len()) && !format!("{pin:?}").contains(text));
        }
        Err(error) => says_nothing(&error),
    }
}

/// A key of work comes back as it was written.
pub(crate) fn work_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<WorkKey>() {
        Ok(key) => {
            let written = key.to_string();
            assert_eq!(written.as_str(), text, "one spelling");
            assert_eq!(written.parse::<WorkKey>().unwrap(), key);
            assert!(written.starts_with(key.kind()) && written.contains(key.tenant().as_str()));
        }
        Err(error) => says_nothing(&error),
    }
}

/// Every marker that is found stands alone in the text, once, and is found again.
pub(crate) fn marker(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let found = Marker::find_all(text);
    for (index, marker) in found.iter().enumerate() {
        assert!(marker.as_str().len() <= Marker::MAX && marker.as_str().is_ascii());
        assert!(!found[..index].contains(marker), "each once");
        assert_eq!(Marker::new(marker.word(), marker.reference()).as_ref(), Ok(marker));
        let stands_alone = text.match_indices(marker.as_str()).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + marker.as_str().len()..].chars().next();
            [before, after].iter().flatten().all(|c| !c.is_alphanumeric() && !matches!(c, '#' | '-' | '_'))
        });
        assert!(stands_alone, "a part of a longer token is no marker");
    }
    let written: Vec<_> = found.iter().map(Marker::as_str).collect();
    assert_eq!(Marker::find_all(&written.join(" ")), found, "what is written is found");
}
