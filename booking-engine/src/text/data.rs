//! What comes from elsewhere and stands in a text: names of people, units and doors.

/// The most characters of a guest's name or a door's label.
pub(super) const NAME: usize = 40;
/// The most characters of a unit's name or another reference.
pub(super) const UNIT: usize = 60;
/// The most characters of a contact or a detail.
pub(super) const LINE: usize = 160;

/// The text as one line of at most `most` characters: blanks and line breaks folded into one blank, control
/// characters and invisible format characters (bidirectional marks, isolates, zero-width blanks) left out.
pub(super) fn line(text: &str, most: usize) -> String {
    let visible = text.chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    });
    let mut line = String::new();
    let mut length = 0;
    for c in visible {
        if length == most {
            break;
        }
        if c == ' ' && (line.is_empty() || line.ends_with(' ')) {
            continue;
        }
        line.push(c);
        length += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// [`line`], if anything is left.
pub(super) fn some_line(text: Option<&str>, most: usize) -> Option<String> {
    text.map(|text| line(text, most)).filter(|line| !line.is_empty())
}

fn is_invisible(c: char) -> bool {
    // The joiners U+200C and U+200D are part of how some names are written.
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_clean_line() {
        let long = "ł".repeat(41);
        for (text, clean) in [
            ("Anna", "Anna"),
            ("  Anna \t\r\n Maria\u{a0}\u{2028}", "Anna Maria"),
            ("An\0n\u{7}a\u{85}", "Anna"),
            ("\u{2068}Anna\u{2069}\u{202e}\u{200b}\u{feff}", "Anna"),
            ("{full_pin} $& { $codes }", "{full_pin} $& { $codes }"),
            ("\u{200e}\n", ""),
            (&long, &long[..80]),
            ("aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa b", "aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa"),
        ] {
            assert_eq!(line(text, NAME), clean, "{text:?}");
        }
        assert_eq!(some_line(Some(" \n"), NAME), None);
    }
}
