//! PINs: drawn from an injected generator under the rules of all the doors that they must open.

use std::collections::BTreeSet;

use booking_core::{DoorRules, Pin, Rng};

/// How many candidates a claim carries. Each one that is taken costs nothing but its row in the change.
const CANDIDATES: usize = 8;

/// Whether digits are among the first that anybody would try: one digit repeated, a run up or down, one pair or
/// triple repeated, or a year of the 20th or 21st century.
#[must_use]
pub fn is_weak(pin: &Pin) -> bool {
    let digits = pin.expose().as_bytes();
    if digits.len() < 3 {
        return false;
    }
    let steps = |by: i16| digits.windows(2).all(|pair| i16::from(pair[1]) - i16::from(pair[0]) == by);
    let run = steps(0) || steps(1) || steps(-1);
    let repeats = |length: usize| {
        digits.len() > length
            && digits.len().is_multiple_of(length)
            && digits.chunks(length).all(|c| c == &digits[..length])
    };
    let year = digits.len() == 4 && matches!(&digits[..2], b"19" | b"20");
    run || repeats(2) || repeats(3) || year
}

/// How many PINs a door's rules allow, weak ones included.
fn space(rules: &DoorRules) -> u64 {
    u64::try_from(rules.digits.len()).unwrap_or(10).saturating_pow(u32::from(rules.stored_len))
}

/// Whether one PIN can be stored on all of these doors.
#[must_use]
pub fn fit_together(rules: &[DoorRules]) -> bool {
    let Some(first) = rules.first() else { return true };
    rules.iter().all(|other| other.stored_len == first.stored_len)
        && first.digits.chars().any(|digit| rules.iter().all(|other| other.digits.contains(digit)))
}

/// Candidate PINs for doors with these rules, none weak, none in `taken` and none twice: first `preferred`, if it is
/// allowed, then drawn ones.
///
/// Fewer than asked for, down to none, come back when the space is nearly exhausted; live codes are never touched
/// for it.
#[must_use]
pub fn candidates(
    rules: &[DoorRules],
    preferred: Option<&Pin>,
    taken: &BTreeSet<String>,
    rng: &dyn Rng,
) -> Vec<Pin> {
    let Some(first) = rules.first().filter(|_| fit_together(rules)) else {
        return Vec::new();
    };
    let allowed = |pin: &Pin| rules.iter().all(|rules| rules.allow(pin)) && !taken.contains(pin.expose());
    // A PIN that the guest knows stays, even if we would not draw it.
    let mut found: Vec<Pin> = preferred.filter(|pin| allowed(pin)).cloned().into_iter().collect();
    let digits: Vec<char> = first
        .digits
        .chars()
        .filter(|digit| rules.iter().all(|other| other.digits.contains(*digit)))
        .collect();
    let tries = space(first).saturating_mul(4).clamp(64, 4096);
    for _ in 0..tries {
        if found.len() >= CANDIDATES {
            break;
        }
        let text: String = (0..first.stored_len).filter_map(|_| draw(&digits, rng)).collect();
        if let Ok(pin) = Pin::parse(&text)
            && allowed(&pin)
            && !is_weak(&pin)
            && !found.contains(&pin)
        {
            found.push(pin);
        }
    }
    found
}

fn draw(digits: &[char], rng: &dyn Rng) -> Option<char> {
    let index = rng.below(u32::try_from(digits.len()).ok()?);
    digits.get(usize::try_from(index).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use booking_core::conformance::SeededRng;

    use super::*;

    #[test]
    fn weak_pins() {
        for (digits, weak) in [
            ("0000", true),
            ("1234", true),
            ("9876", true),
            ("1212", true),
            ("123123", true),
            ("1999", true),
            ("2027", true),
            ("4821", false),
            ("0042", false),
            ("120000", false),
            ("7", false),
        ] {
            assert_eq!(is_weak(&Pin::parse(digits).unwrap()), weak, "{digits}");
        }
    }

    #[test]
    fn e01_a_nuki_like_door_never_gets_a_forbidden_pin() {
        let mut rules = DoorRules::new(6);
        rules.digits = "123456789";
        rules.forbidden_starts = &["12"];
        for seed in 0..500 {
            for pin in candidates(std::slice::from_ref(&rules), None, &BTreeSet::new(), &SeededRng::new(seed))
            {
                let digits = pin.expose();
                assert!(digits.len() == 6 && !digits.contains('0') && !digits.starts_with("12"), "{digits}");
            }
        }
    }

    #[test]
    fn e02_a_shared_pin_satisfies_both_doors_or_there_is_none() {
        let mut strict = DoorRules::new(4);
        strict.digits = "123456789";
        let plain = DoorRules::new(4);
        let both = candidates(&[plain.clone(), strict.clone()], None, &BTreeSet::new(), &SeededRng::new(7));
        assert!(!both.is_empty() && both.iter().all(|pin| strict.allow(pin) && plain.allow(pin)));
        let longer = DoorRules::new(6);
        assert!(candidates(&[plain, longer], None, &BTreeSet::new(), &SeededRng::new(7)).is_empty());
    }

    #[test]
    fn a_known_pin_comes_first_and_a_taken_one_never() {
        let known = Pin::parse("1234").unwrap();
        let rules = [DoorRules::new(4)];
        let free = candidates(&rules, Some(&known), &BTreeSet::new(), &SeededRng::new(1));
        assert_eq!(free.first(), Some(&known));
        let taken = BTreeSet::from(["1234".to_owned()]);
        assert!(!candidates(&rules, Some(&known), &taken, &SeededRng::new(1)).contains(&known));
    }

    #[test]
    fn e11_an_exhausted_space_gives_no_candidate() {
        let taken: BTreeSet<String> = (0..100).map(|n| format!("{n:02}")).collect();
        assert!(candidates(&[DoorRules::new(2)], None, &taken, &SeededRng::new(3)).is_empty());
    }
}
