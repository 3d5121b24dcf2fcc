//! The alphabet of short messages: what fits, how long it is, what becomes of the rest.

/// The GSM 03.38 basic alphabet without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// What takes two places.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// Places that a character takes in the basic alphabet.
fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else if EXTENDED.contains(character) {
        Some(2)
    } else {
        None
    }
}

/// The text with only characters of the basic set: Polish letters lose their marks, the rest becomes `?`.
pub(super) fn replaced(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            _ if septets(character).is_some() => character,
            'ą' => 'a',
            'ć' => 'c',
            'ę' => 'e',
            'ł' => 'l',
            'ń' => 'n',
            'ó' => 'o',
            'ś' => 's',
            'ź' | 'ż' => 'z',
            'Ą' => 'A',
            'Ć' => 'C',
            'Ę' => 'E',
            'Ł' => 'L',
            'Ń' => 'N',
            'Ó' => 'O',
            'Ś' => 'S',
            'Ź' | 'Ż' => 'Z',
            _ => '?',
        })
        .collect()
}

/// How many messages the text takes; an empty one takes none.
pub(super) fn parts(text: &str, utf: bool) -> usize {
    let (length, single, several) = if utf {
        (text.encode_utf16().count(), 70, 67)
    } else {
        (text.chars().map(|character| septets(character).unwrap_or(1)).sum(), 160, 153)
    };
    match length {
        0 => 0,
        length if length <= single => 1,
        length => length.div_ceil(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_in_parts() {
        let check =
            |text: &str, utf, expected| assert_eq!(parts(text, utf), expected, "{} chars", text.len());
        check("", false, 0);
        check(&"a".repeat(160), false, 1);
        check(&"a".repeat(161), false, 2);
        check(&"€".repeat(80), false, 1);
        check(&"€".repeat(81), false, 2);
        check(&"ż".repeat(70), true, 1);
        check(&"ż".repeat(71), true, 2);
        check(&"ż".repeat(135), true, 3);
    }

    #[test]
    fn what_does_not_fit_is_replaced() {
        let check = |text, expected| assert_eq!(replaced(text), expected);
        check("Zażółć gęślą jaźń", "Zazolc gesla jazn");
        check("Größe: 10 €", "Größe: 10 €");
        check("Ваш код 1234", "??? ??? 1234");
    }
}
