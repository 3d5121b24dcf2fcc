//! What no log may show.

use std::collections::BTreeSet;

use booking_sim::Simulators;

use crate::judge::Kept;
use crate::town::{self, PREFIX};

/// Words that only secrets and guests have.
const WORDS: [&str; 8] = [
    town::HOOK,
    town::TOKEN,
    town::MASTER_KEY,
    "sim-password",
    "sim-secret",
    town::DIALLED,
    town::MAILED,
    town::CALLED,
];

/// The digits that open doors, as they are stored and as they are typed.
#[derive(Debug, Default)]
pub(crate) struct Private(BTreeSet<String>);

impl Private {
    /// Takes in what is on doors, and what guests were told.
    pub(crate) fn learn(&mut self, sims: &Simulators, kept: &Kept) {
        let on_doors = town::doors().flat_map(|door| sims.thekeys.codes_on(town::lock(door)));
        on_doors.for_each(|share| self.add(&share.code));
        kept.told_digits().filter_map(|typed| typed.strip_prefix(PREFIX)).for_each(|stored| self.add(stored));
    }

    fn add(&mut self, stored: &str) {
        self.0.extend([stored.to_owned(), format!("{PREFIX}{stored}")]);
    }

    /// Whether a line shows any of it.
    pub(crate) fn is_in(&self, line: &str) -> bool {
        WORDS.iter().any(|word| line.contains(word)) || numbers(line).any(|number| self.0.contains(number))
    }
}

/// The words of a line that may be numbers. The fraction of a second has as many digits as a code, and is none.
fn numbers(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '.');
    words.flat_map(|word| {
        let mut is_fraction = false;
        word.split('.').filter(move |part| {
            let is_number = !part.is_empty() && part.bytes().all(|sign| sign.is_ascii_digit());
            !std::mem::replace(&mut is_fraction, is_number)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: bool) {
        let mut private = Private::default();
        private.add("482913");
        assert_eq!(private.is_in(line), expected, "{line}");
    }

    #[test]
    fn codes_names_and_secrets_are_seen() {
        check(r#"{"message":"made","code":"482913"}"#, true);
        check("made 482913.", true);
        check("pin=31482913", true);
        check("code.482913", true);
        check("for Ada 90000001", true);
        check("to +48690000001", true);
        check("to 90000001@example.org", true);
        check("key 0123456789abcdef0123456789abcdef", true);
    }

    #[test]
    fn times_and_names_of_bookings_are_none() {
        check(r#"{"timestamp":"2026-11-21T14:01:53.482913Z","key":"grant/soak/482913bcdfgh"}"#, false);
        check("booking 90000001 took 4829137 ns", false);
    }
}
