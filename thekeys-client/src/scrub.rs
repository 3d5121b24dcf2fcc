//! The vendor's own words, made fit for errors and logs.

/// The longest text that is kept.
const LONGEST: usize = 160;

/// Joins what a vendor said and takes out what it may have repeated: digits, quoted values, and the words of `names`.
pub(crate) fn scrub(messages: &[String], names: &[&str]) -> String {
    let words: Vec<String> = names.iter().flat_map(|name| words(name)).map(str::to_lowercase).collect();
    let mut text = messages.join("; ");
    for name in names.iter().map(|name| name.trim()).filter(|name| name.chars().count() > 1) {
        text = text.replace(name, "…");
    }
    let text = without_quoted(&text);
    let mut clean = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let is_word = in_word(first);
        let end = rest.find(|c: char| in_word(c) != is_word).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        if !is_word {
            clean.extend(part.chars().map(|c| if c.is_control() { ' ' } else { c }));
        } else if words.contains(&part.to_lowercase()) {
            clean.push('…');
        } else {
            let mut before = None;
            for c in part.chars().map(|c| if c.is_numeric() { '#' } else { c }) {
                if c != '#' || before != Some('#') {
                    clean.push(c);
                }
                before = Some(c);
            }
        }
    }
    booking_core::truncated(clean.trim(), LONGEST).to_owned()
}

/// The words of a name that would show whose it is.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !in_word(c)).filter(|word| word.chars().count() > 1)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric()
}

fn without_quoted(text: &str) -> String {
    const QUOTES: [(char, char); 3] = [('"', '"'), ('«', '»'), ('“', '”')];
    let mut clean = String::new();
    let mut until = None;
    for c in text.chars() {
        match until {
            Some(close) if c == close => {
                clean.push('…');
                clean.push(c);
                until = None;
            }
            Some(_) => {}
            None => {
                clean.push(c);
                until = QUOTES.iter().find(|(open, _)| *open == c).map(|(_, close)| *close);
            }
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(messages: &[&str], expected: &str) {
        let messages: Vec<String> = messages.iter().map(|message| (*message).to_owned()).collect();
        assert_eq!(scrub(&messages, &["Ada Lovelace-Byron", "+33100000000"]), expected);
    }

    #[test]
    fn only_the_vendor_s_own_words_stay() {
        check(&[], "");
        check(&["code: This value is already used."], "code: This value is already used.");
        check(&["Le code 4821 existe", "déjà"], "Le code # existe; déjà");
        check(&["code48x21"], "code#x#");
        check(&["ADA and lovelace, Byron's door"], "… and …, …'s door");
        check(&["Ada Lovelace-Byron"], "…");
        check(&["the value \"Grace H.\" is not «so» valid"], "the value \"…\" is not «…» valid");
        check(&["line\nbreak ٤٨٢١"], "line break #");
        check(&["call +33100000000 or 06 12 34"], "call … or # # #");
        check(&["an open \"quote never closes, Grace"], "an open \"");
        check(&["x".repeat(500).as_str()], &"x".repeat(160));
    }
}
