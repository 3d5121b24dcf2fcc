//! How a text becomes text messages: its alphabet, its segments, and a spelling that costs fewer of them.
//!
//! A text whose every character is in the GSM 7-bit default alphabet or its extension table (3GPP TS 23.038) has 160
//! of them in one segment and 153 in each of several; any other text is sent as UCS-2, with 70 and 67 UTF-16 units.
//!
//! ```
//! use booking_core::sms::{Encoding, segments, transliterate};
//!
//! let polish = "Kod do drzwi: 281234, zażółć gęślą jaźń";
//! assert_eq!(segments(polish).encoding, Encoding::Ucs2);
//! assert_eq!(transliterate(polish), "Kod do drzwi: 281234, zazolc gesla jazn");
//! assert_eq!(segments(&transliterate(polish)).encoding, Encoding::Gsm7);
//! ```

use std::borrow::Cow;

/// The alphabet in which a text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet with its extension table; units are septets.
    Gsm7,
    /// UCS-2, in practice UTF-16; units are of 16 bits.
    Ucs2,
}

/// How much a text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// In which alphabet.
    pub encoding: Encoding,
    /// How many septets (an extension character takes two) or UTF-16 units.
    pub units: usize,
    /// How many text messages the guest's operator counts. An empty text takes one.
    pub segments: usize,
}

/// The default alphabet without its escape character.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table: an escape, then one more septet.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// How many septets a character takes, if the alphabet has it.
fn septets(character: char) -> Option<usize> {
    if character.is_ascii_alphanumeric() || BASIC.contains(character) {
        Some(1)
    } else if EXTENDED.contains(character) {
        Some(2)
    } else {
        None
    }
}

/// Whether the whole text can be sent in the 7-bit alphabet.
#[must_use]
pub fn fits_gsm7(text: &str) -> bool {
    text.chars().all(|character| septets(character).is_some())
}

/// Counts. A character is never split between two segments, so a segment may stay one unit short.
#[must_use]
pub fn segments(text: &str) -> Segments {
    let gsm7 = fits_gsm7(text);
    let (encoding, alone, each) = if gsm7 { (Encoding::Gsm7, 160, 153) } else { (Encoding::Ucs2, 70, 67) };
    let size = |character: char| septets(character).filter(|_| gsm7).unwrap_or(character.len_utf16());
    let units = text.chars().map(size).sum();
    if units <= alone {
        return Segments { encoding, units, segments: 1 };
    }
    let (mut segments, mut used) = (1, 0);
    for size in text.chars().map(size) {
        if used + size > each {
            segments += 1;
            used = 0;
        }
        used += size;
    }
    Segments { encoding, units, segments }
}

/// Spells Latin letters and typographic signs that the 7-bit alphabet lacks with those that it has: `ą` becomes `a`,
/// `–` becomes `-`. Whatever the alphabet has stays (`ß`, `ö`, `Ç`, `€`), and so does every other script: Cyrillic,
/// Greek and emoji are not for a machine to respell.
#[must_use]
pub fn transliterate(text: &str) -> Cow<'_, str> {
    if fits_gsm7(text) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len());
    let mut last_is_base = false;
    for character in text.chars() {
        // An accent on its own (NFD) goes when the letter below it is one of ours.
        if matches!(character, '\u{300}'..='\u{36f}') && last_is_base {
            continue;
        }
        match septets(character) {
            Some(_) => spelled.push(character),
            None => match respelled(character) {
                Some(other) => spelled.push_str(other),
                None => spelled.push(character),
            },
        }
        last_is_base = spelled.chars().next_back().is_some_and(|last| last.is_ascii_alphabetic());
    }
    Cow::Owned(spelled)
}

const LATIN: [&str; 46] = [
    "af", "bs", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fil", "fo", "fr", "fy", "ga",
    "gd", "gl", "hr", "hu", "id", "is", "it", "lb", "lt", "lv", "mi", "ms", "mt", "nb", "nl", "nn", "no",
    "pl", "pt", "rm", "ro", "sk", "sl", "sq", "sv", "sw", "tl", "tr", "vi",
];

/// Whether a language (BCP 47) is written in Latin letters, as far as its tag tells: its script, else its language.
#[must_use]
pub fn is_latin_script(language: &str) -> bool {
    let mut parts = language.split(['-', '_']);
    let primary = parts.next().unwrap_or_default().to_ascii_lowercase();
    if let Some(script) =
        parts.find(|part| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_alphabetic()))
    {
        return script.eq_ignore_ascii_case("latn");
    }
    LATIN.contains(&primary.as_str())
}

fn respelled(character: char) -> Option<&'static str> {
    let spelled = match character {
        'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ' | 'ả' | 'ấ' | 'ầ' | 'ẩ' | 'ẫ' | 'ậ' | 'ắ' | 'ằ'
        | 'ẳ' | 'ẵ' | 'ặ' => "a",
        'Á' | 'À' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' | 'Ǎ' | 'Ạ' | 'Ả' | 'Ấ' | 'Ầ' | 'Ẩ' | 'Ẫ' | 'Ậ' | 'Ắ'
        | 'Ằ' | 'Ẳ' | 'Ẵ' | 'Ặ' => "A",
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => "c",
        'Ć' | 'Č' | 'Ĉ' | 'Ċ' => "C",
        'ď' | 'đ' | 'ð' => "d",
        'Ď' | 'Đ' | 'Ð' => "D",
        'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ' | 'ẻ' | 'ẽ' | 'ế' | 'ề' | 'ể' | 'ễ' | 'ệ' => {
            "e"
        }
        'È' | 'Ê' | 'Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' | 'Ẹ' | 'Ẻ' | 'Ẽ' | 'Ế' | 'Ề' | 'Ể' | 'Ễ' | 'Ệ' => {
            "E"
        }
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'ĥ' | 'ħ' => "h",
        'Ĥ' | 'Ħ' => "H",
        'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ị' | 'ỉ' => "i",
        'Í' | 'Ì' | 'Î' | 'Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' | 'Ị' | 'Ỉ' => "I",
        'ĵ' => "j",
        'Ĵ' => "J",
        'ķ' => "k",
        'Ķ' => "K",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'ń' | 'ņ' | 'ň' | 'ŉ' => "n",
        'Ń' | 'Ņ' | 'Ň' => "N",
        'ó' | 'ô' | 'õ' | 'ō' | 'ŏ' | 'ő' | 'ơ' | 'ọ' | 'ỏ' | 'ố' | 'ồ' | 'ổ' | 'ỗ' | 'ộ' | 'ớ' | 'ờ'
        | 'ở' | 'ỡ' | 'ợ' => "o",
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ō' | 'Ŏ' | 'Ő' | 'Ơ' | 'Ọ' | 'Ỏ' | 'Ố' | 'Ồ' | 'Ổ' | 'Ỗ' | 'Ộ' | 'Ớ'
        | 'Ờ' | 'Ở' | 'Ỡ' | 'Ợ' => "O",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' | 'Ș' => "S",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'Ţ' | 'Ť' | 'Ŧ' | 'Ț' => "T",
        'ú' | 'û' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ' | 'ủ' | 'ứ' | 'ừ' | 'ử' | 'ữ' | 'ự' => {
            "u"
        }
        'Ú' | 'Ù' | 'Û' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' | 'Ư' | 'Ụ' | 'Ủ' | 'Ứ' | 'Ừ' | 'Ử' | 'Ữ'
        | 'Ự' => "U",
        'ŵ' => "w",
        'Ŵ' => "W",
        'ý' | 'ÿ' | 'ŷ' | 'ỳ' | 'ỵ' | 'ỷ' | 'ỹ' => "y",
        'Ý' | 'Ÿ' | 'Ŷ' | 'Ỳ' | 'Ỵ' | 'Ỷ' | 'Ỹ' => "Y",
        'ź' | 'ż' | 'ž' => "z",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'þ' => "th",
        'Þ' => "Th",
        'œ' => "oe",
        'Œ' => "OE",
        'ĳ' => "ij",
        'Ĳ' => "IJ",
        'ẞ' => "SS",
        '‘' | '’' | '‚' | '‛' | '′' | '´' | '`' | 'ʼ' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '…' => "...",
        '•' => "*",
        '·' => ".",
        '×' => "x",
        '\t' | '\u{a0}' | '\u{2002}'..='\u{200a}' | '\u{202f}' => " ",
        '\u{ad}' | '\u{200b}' | '\u{feff}' => "",
        _ => return None,
    };
    Some(spelled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, spelled: &str) {
        assert_eq!(transliterate(text), spelled);
    }

    #[test]
    fn latin_letters_and_signs_are_respelled() {
        check("zażółć gęślą jaźń", "zazolc gesla jazn");
        check("ZAŻÓŁĆ GĘŚLĄ JAŹŃ", "ZAZOLC GESLA JAZN");
        check("Kód dverí: príjazd, žltá", "Kod dveri: prijazd, zlta");
        check("Přístupový kód", "Pristupovy kod");
        check("ajtókód: őű, âêîô", "ajtokod: ou, aeio");
        check("„Tür“ – ‘x’…\u{a0}ok", "\"Tür\" - 'x'... ok");
        check("français, garçon", "francais, garcon");
        check("e\u{301}clair z\u{30c}", "eclair z");
    }

    #[test]
    fn the_alphabet_itself_stays() {
        for text in ["Straße, schöne Grüße, Çok Ñandù", BASIC, EXTENDED, "€ £ ¿qué", ""] {
            check(text, text);
            assert_eq!(segments(text).encoding, Encoding::Gsm7, "{text:?}");
        }
    }

    #[test]
    fn other_scripts_stay() {
        for text in ["Код дверей: 281234", "Код дверей й ё ї", "κωδικός", "鍵", "🔑"]
        {
            check(text, text);
        }
        // A Cyrillic letter with an accent of its own keeps it.
        check("Код и\u{306} é ž", "Код и\u{306} é z");
    }

    #[test]
    fn scripts_are_told_by_the_tag() {
        for (tag, latin) in [
            ("pl", true),
            ("de-AT", true),
            ("PT_br", true),
            ("sr-Latn", true),
            ("sr", false),
            ("sr-Cyrl-RS", false),
            ("uk", false),
            ("ru-RU", false),
            ("el", false),
            ("zh-Hans", false),
            ("", false),
        ] {
            assert_eq!(is_latin_script(tag), latin, "{tag:?}");
        }
    }

    proptest! {
        #[test]
        fn transliteration_is_done_once_and_keeps_digits(text in "[ -~ąćęłńóśźżáčďéěíňřšťúůýžőű„”–…é\u{300}\u{301}жї€🔑]{0,400}") {
            let once = transliterate(&text).into_owned();
            prop_assert_eq!(transliterate(&once), once.as_str());
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            prop_assert_eq!(digits(&text), digits(&once));
            let others_left = once.chars().any(|c| "жї🔑\u{300}\u{301}".contains(c));
            prop_assert!(fits_gsm7(&once) || others_left);
        }

        #[test]
        fn segments_hold_what_they_count(text in "\\PC{0,400}") {
            let counted = segments(&text);
            let (alone, each) = match counted.encoding {
                Encoding::Gsm7 => (160, 153),
                Encoding::Ucs2 => (70, 67),
            };
            let room = if counted.segments == 1 { alone } else { counted.segments * each };
            prop_assert!(counted.units <= room);
            prop_assert!(counted.segments >= 1);
            if counted.segments > 1 {
                prop_assert!(counted.units > alone);
                prop_assert!(counted.units > (counted.segments - 1) * (each - 1));
            }
            prop_assert_eq!(counted.encoding == Encoding::Gsm7, fits_gsm7(&text));
        }
    }
}
