//! The list of mutants that nobody can notice, because they change nothing that matters.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::KNOWN;
use super::list::{Key, Mutant};
use super::results::{Fate, Found};

/// The list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known(BTreeSet<Key>);

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    equivalent: Vec<Equivalent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Equivalent {
    file: String,
    mutant: String,
    #[serde(default = "first")]
    occurrence: usize,
    reason: String,
}

fn first() -> usize {
    1
}

impl Known {
    /// Reads the list.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        let content: Content = toml::from_str(text)?;
        let mut keys = BTreeSet::new();
        for Equivalent { file, mutant, occurrence, reason } in content.equivalent {
            let key = Key { file, mutant, occurrence };
            anyhow::ensure!(!reason.trim().is_empty(), "{KNOWN}: no reason: {key}");
            anyhow::ensure!(!keys.contains(&key), "{KNOWN}: twice: {key}");
            keys.insert(key);
        }
        Ok(Self(keys))
    }

    /// Those of the list that are no mutants (any more).
    pub(crate) fn absent(&self, mutants: &[Mutant]) -> Vec<String> {
        let present: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.key).collect();
        self.0.iter().filter(|key| !present.contains(key)).map(ToString::to_string).collect()
    }

    /// What the list and the hunt do not agree on.
    pub(crate) fn problems(&self, found: &[&Found]) -> Vec<String> {
        let problem = |found: &&Found| match (&found.fate, self.0.contains(&found.key)) {
            (Fate::Unnoticed, false) => Some(format!("nobody notices {}", found.key)),
            (Fate::Noticed(_) | Fate::TimedOut(_), true) => {
                Some(format!("in {KNOWN}, but noticed: {}", found.key))
            }
            (Fate::NotBuilt, true) => Some(format!("in {KNOWN}, but does not compile: {}", found.key)),
            _ => None,
        };
        found.iter().filter_map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::{key, mutant};
    use super::*;

    const LIST: &str = "\
[[equivalent]]
file = \"plan.rs\"
mutant = \"odd\"
reason = \"because\"

[[equivalent]]
file = \"plan.rs\"
mutant = \"even\"
occurrence = 2
reason = \"because\"
";

    #[test]
    fn the_list_is_read() {
        let read = |text: &str| Known::read(text).map_err(|error| error.to_string());
        let keys = BTreeSet::from([key("plan.rs", "odd", 1), key("plan.rs", "even", 2)]);
        assert_eq!(read(LIST), Ok(Known(keys)));
        assert_eq!(read("# Nothing.\n"), Ok(Known(BTreeSet::new())));
        for (wrong, said) in [
            (LIST.replace("because", " "), "no reason"),
            (LIST.replace("even", "odd").replace("occurrence = 2", ""), "twice"),
            (LIST.replace("occurrence", "line"), "unknown field"),
            (LIST.replace("file", "# file"), "missing field"),
        ] {
            let error = read(&wrong).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_list_of_this_repository_is_read() {
        Known::read(include_str!("../../planner-mutants.toml")).unwrap();
    }

    #[test]
    fn the_list_cannot_rot() {
        let known = Known::read(LIST).unwrap();
        let (odd, even) = (mutant("plan.rs", 1, false), mutant("plan.rs", 2, true));
        assert_eq!(known.absent(&[odd.clone(), even.clone()]), [""; 0]);
        assert_eq!(known.absent(&[odd]), ["plan.rs: even (2)"]);
        let new = key("plan.rs", "new", 1);
        for (key, fate, said) in [
            (&even.key, Fate::Unnoticed, None),
            (&even.key, Fate::Noticed("plan".to_owned()), Some("but noticed: plan.rs: even (2)")),
            (&even.key, Fate::TimedOut("plan".to_owned()), Some("but noticed: plan.rs: even (2)")),
            (&even.key, Fate::NotBuilt, Some("but does not compile: plan.rs: even (2)")),
            (&new, Fate::Unnoticed, Some("nobody notices plan.rs: new")),
            (&new, Fate::Noticed("plan".to_owned()), None),
            (&new, Fate::TimedOut("plan".to_owned()), None),
            (&new, Fate::NotBuilt, None),
        ] {
            let found = Found { key: key.clone(), fate, seconds: 0.0 };
            let problems = known.problems(&[&found]);
            assert_eq!(problems.len(), usize::from(said.is_some()), "{found}: {problems:?}");
            assert!(problems.iter().zip(said).all(|(problem, said)| problem.ends_with(said)), "{problems:?}");
        }
    }
}
