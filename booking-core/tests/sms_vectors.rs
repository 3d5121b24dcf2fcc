//! The counts of the official calculator, which live outside the project: `STAYKEY_VENDOR_FACTS` names the folder.
//! Without it this test says so and proves nothing.

use std::path::PathBuf;

use booking_core::sms::{Encoding, segments, transliterate};
use serde_json::Value;

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
fn segments_are_counted_as_the_vendors_count() {
    let Some(folder) = std::env::var_os("STAYKEY_VENDOR_FACTS") else {
        eprintln!(
            "SKIPPED sms-segments: set STAYKEY_VENDOR_FACTS to the folder with vectors/sms-segments.json"
        );
        return;
    };
    let path = PathBuf::from(folder).join("vectors").join("sms-segments.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("STAYKEY_VENDOR_FACTS is set, but {}: {error}", path.display()));
    let document: Value = serde_json::from_str(&text).expect("vectors are JSON");
    let vectors = document["vectors"].as_array().expect("an array of vectors");
    assert!(!vectors.is_empty(), "{} holds no vectors", path.display());
    for vector in vectors {
        let name = &vector["name"];
        let text = vector["text"].as_str().expect("a text");
        let counted = segments(text);
        let encoding = match counted.encoding {
            Encoding::Gsm7 => "GSM-7",
            Encoding::Ucs2 => "UCS-2",
        };
        assert_eq!(vector["encoding"], encoding, "{name}");
        assert_eq!(vector["units"], counted.units, "{name}");
        assert_eq!(vector["segments"], counted.segments, "{name}");
        if counted.encoding == Encoding::Gsm7 {
            assert_eq!(transliterate(text), text, "{name} needs no other spelling");
        }
    }
}
