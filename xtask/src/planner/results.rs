//! What became of the mutants, kept beside the build so that a hunt can be interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::list::{Key, Mutant};

/// What became of a mutant, and after how long.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Found {
    /// Which one.
    pub(crate) key: Key,
    /// What became of it.
    pub(crate) fate: Fate,
    /// All stages together.
    pub(crate) seconds: f64,
}

/// What can become of a mutant.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Fate {
    /// It does not compile.
    NotBuilt,
    /// This stage failed.
    Noticed(String),
    /// This stage went on and on.
    TimedOut(String),
    /// No stage failed.
    Unnoticed,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match &self.fate {
            Fate::NotBuilt => "does not compile".to_owned(),
            Fate::Noticed(stage) => stage.clone(),
            Fate::TimedOut(stage) => format!("time out in {stage}"),
            Fate::Unnoticed => "NOBODY".to_owned(),
        };
        write!(f, "{:>6.1} s  {by:<22} {}", self.seconds, self.key)
    }
}

/// The file of what became of them, one JSON value a line.
#[derive(Debug)]
pub(crate) struct Results {
    found: BTreeMap<Key, Found>,
    file: File,
}

impl Results {
    /// Opens those for sources with this fingerprint, of all stages or of this one alone.
    pub(crate) fn open(folder: &Path, fingerprint: &str, stage: Option<&str>) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let stage = stage.map(|stage| format!("-{stage}")).unwrap_or_default();
        let path = folder.join(format!("results-{fingerprint}{stage}.jsonl"));
        let file = File::options().read(true).append(true).create(true).open(&path);
        let mut file = file.with_context(|| path.display().to_string())?;
        let text = fs::read_to_string(&path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { found: read(&text), file })
    }

    /// What became of this one.
    pub(crate) fn get(&self, key: &Key) -> Option<&Found> {
        self.found.get(key)
    }

    /// The places in the list of those that are known not to compile.
    pub(crate) fn not_built(&self, mutants: &[Mutant]) -> BTreeSet<usize> {
        let is_broken = |mutant: &Mutant| self.get(&mutant.key).is_some_and(|f| f.fate == Fate::NotBuilt);
        mutants.iter().enumerate().filter(|(_, mutant)| is_broken(mutant)).map(|(index, _)| index).collect()
    }

    /// Keeps one.
    pub(crate) fn add(&mut self, found: Found) -> anyhow::Result<()> {
        if self.get(&found.key) != Some(&found) {
            self.file.write_all(format!("{}\n", serde_json::to_string(&found)?).as_bytes())?;
            self.found.insert(found.key.clone(), found);
        }
        Ok(())
    }
}

/// A line that was cut off by an interruption counts for nothing.
fn read(text: &str) -> BTreeMap<Key, Found> {
    let found = text.lines().filter_map(|line| serde_json::from_str::<Found>(line).ok());
    found.map(|found| (found.key.clone(), found)).collect()
}

/// How many each stage noticed, in the order of the stages, and how long that took.
pub(crate) fn table(found: &[&Found], stages: &[&str]) -> String {
    let mut table = format!("{:<16}{:>9}{:>11}\n", "noticed by", "mutants", "median s");
    let mut row = |name: &str, is_of: &dyn Fn(&Fate) -> bool| {
        let mut seconds: Vec<_> = found.iter().filter(|f| is_of(&f.fate)).map(|f| f.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let median = seconds.get(seconds.len() / 2).map_or_else(String::new, |median| format!("{median:.1}"));
        let _ = writeln!(table, "{name:<16}{:>9}{median:>11}", seconds.len());
    };
    for stage in stages {
        row(stage, &|fate| matches!(fate, Fate::Noticed(by) if by == stage));
    }
    row("time out", &|fate| matches!(fate, Fate::TimedOut(_)));
    row("nobody", &|fate| *fate == Fate::Unnoticed);
    table
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::{key, mutant};
    use super::*;

    fn found(line: usize, fate: Fate, seconds: f64) -> Found {
        Found { key: mutant("plan.rs", line, true).key, fate, seconds }
    }

    #[test]
    fn an_interrupted_hunt_goes_on() {
        let folder = std::env::temp_dir().join(format!("planner-results-{}", std::process::id()));
        let noticed = found(1, Fate::Noticed("plan".to_owned()), 0.5);
        let broken = found(2, Fate::NotBuilt, 0.0);
        let mut results = Results::open(&folder, "a", None).unwrap();
        for found in [&noticed, &broken, &broken] {
            results.add(found.clone()).unwrap();
        }
        results.file.write_all(b"{\"key\":").unwrap();
        let text = fs::read_to_string(folder.join("results-a.jsonl")).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        let later = found(3, Fate::Unnoticed, 99.0);
        Results::open(&folder, "a", None).unwrap().add(later.clone()).unwrap();
        let again = Results::open(&folder, "a", None).unwrap();
        let others = [("b", None), ("a", Some("plan"))]
            .map(|(fingerprint, stage)| Results::open(&folder, fingerprint, stage).unwrap());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(again.get(&noticed.key), Some(&noticed));
        assert_eq!(again.get(&later.key), Some(&later));
        assert_eq!(again.get(&key("plan.rs", "new", 1)), None);
        assert_eq!(others.map(|others| others.get(&noticed.key).cloned()), [None, None]);
        let mutants = [1, 2, 3].map(|line| mutant("plan.rs", line, true));
        assert_eq!(again.not_built(&mutants), BTreeSet::from([1]));
    }

    #[test]
    fn the_table_counts_by_stage() {
        let noticed = |line, stage: &str, seconds| found(line, Fate::Noticed(stage.to_owned()), seconds);
        let all = [
            noticed(1, "plan", 0.3),
            noticed(2, "plan", 9.0),
            noticed(3, "plan", 0.2),
            found(4, Fate::TimedOut("plan".to_owned()), 20.0),
            found(5, Fate::Unnoticed, 99.0),
        ];
        assert_eq!(
            table(&all.iter().collect::<Vec<_>>(), &["plan", "lib"]),
            "noticed by        mutants   median s\n\
             plan                    3        0.3\n\
             lib                     0           \n\
             time out                1       20.0\n\
             nobody                  1       99.0\n"
        );
    }
}
