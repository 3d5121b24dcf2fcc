//! `cargo xtask mutants --planner`: what cargo-mutants would change in the planner, all of it in one build.
//!
//! A build for each mutant would take most of the time. Here each is a branch beside what it replaces, and a variable
//! chooses at run time (*mutant schemata*), so that one build serves them all.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use crate::call::Call;
use crate::tidy;

mod build;
mod hunt;
mod known;
mod list;
mod results;
mod schemata;

use build::Source;
use known::Known;
use list::{Key, Mutant};
use results::{Fate, Found, Results};

/// Where the copy with the mutants in it is, what is built of it, and what became of each.
const FOLDER: &str = "target/planner-mutants";
/// Those that nobody can notice.
const KNOWN: &str = "xtask/planner-mutants.toml";
/// What is changed.
const FILES: [&str; 2] = ["booking-engine/src/plan.rs", "booking-engine/src/plan/*.rs"];

/// Which mutants to hunt.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rather than planted bugs, everything that cargo-mutants would change in the planner (some ten minutes).
    #[arg(long)]
    pub(crate) planner: bool,
    /// Only mutants whose file or description has this text in it.
    #[arg(long, value_name = "TEXT", requires = "planner")]
    only: Option<String>,
    /// Only so many of them, evenly spread.
    #[arg(long, value_name = "NUMBER", requires = "planner")]
    sample: Option<usize>,
    /// Only with this program, which shows how sharp it is alone: what it leaves unnoticed is told, and is no failure.
    #[arg(long, value_name = "STAGE", requires = "planner", value_parser = hunt::STAGES.map(|stage| stage.name))]
    stage: Option<String>,
}

/// Hunts them, from where an earlier hunt through the same sources was interrupted.
///
/// # Errors
///
/// When what it needs is missing, the healthy programs fail, or a mutant's fate is not the one that it should have.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let known = Known::read(&std::fs::read_to_string(root.join(KNOWN))?)?;
    let mutants = listed(root)?;
    let absent = known.absent(&mutants);
    anyhow::ensure!(absent.is_empty(), "in {KNOWN}, but there is no such mutant:\n{}", lines(&absent));

    let folder = root.canonicalize()?.join(FOLDER);
    let source = Source::new(&folder, tidy::files(root)?);
    let stages = options.stages();
    let mut results = Results::open(&folder, &source.fingerprint(), options.stage.as_deref())?;
    let mut excluded = results.not_built(&mutants);
    source.exclude_broken(&mutants, &mut excluded)?;
    for index in &excluded {
        results.add(Found { key: mutants[*index].key.clone(), fate: Fate::NotBuilt, seconds: 0.0 })?;
    }
    println!("{} mutants, and {} that do not compile", mutants.len() - excluded.len(), excluded.len());

    let chosen = options.chosen(&mutants, &excluded);
    let open: Vec<_> =
        chosen.iter().copied().filter(|index| results.get(&mutants[*index].key).is_none()).collect();
    if !open.is_empty() {
        let ready = hunt::ready(&stages, &source.build()?, &folder)?;
        let mut number = chosen.len() - open.len();
        hunt::run(&ready, &mutants, &open, |found| {
            number += 1;
            println!("{number:>4}/{} {found}", chosen.len());
            results.add(found)
        })?;
    }

    let found: Vec<_> =
        chosen.iter().chain(&excluded).filter_map(|index| results.get(&mutants[*index].key)).collect();
    println!("{}", results::table(&found, &stages.iter().map(|stage| stage.name).collect::<Vec<_>>()));
    let problems = match options.stage {
        Some(_) => Vec::new(),
        None => known.problems(&found),
    };
    anyhow::ensure!(problems.is_empty(), "not as it should be:\n{}", lines(&problems));
    Ok(())
}

impl Options {
    fn stages(&self) -> Vec<hunt::Stage> {
        let is_wanted = |stage: &hunt::Stage| self.stage.as_ref().is_none_or(|name| name == stage.name);
        hunt::STAGES.into_iter().filter(is_wanted).collect()
    }

    /// Those that are wanted among those that were built, by their place in the list.
    fn chosen(&self, mutants: &[Mutant], excluded: &BTreeSet<usize>) -> Vec<usize> {
        let is_wanted =
            |key: &Key| self.only.as_ref().is_none_or(|text| key.to_string().contains(text.as_str()));
        let all: Vec<_> = (0..mutants.len())
            .filter(|index| !excluded.contains(index) && is_wanted(&mutants[*index].key))
            .collect();
        let number = self.sample.unwrap_or(all.len()).min(all.len());
        (0..number).map(|n| all[n * all.len() / number]).collect()
    }
}

/// All that cargo-mutants knows of the planner, but for what is compiled for planted bugs only.
fn listed(root: &Path) -> anyhow::Result<Vec<Mutant>> {
    anyhow::ensure!(
        Call::cargo("mutants --version").succeeds(root),
        "the mutants are those of cargo-mutants: run `cargo install --locked cargo-mutants`"
    );
    let call = Call::cargo("mutants --list --json -p booking-engine")
        .with(FILES.iter().flat_map(|files| ["-f", files]));
    println!("    {call}");
    let mut mutants = list::read(&call.output(root)?)?;
    let paths: BTreeSet<_> = mutants.iter().map(|mutant| mutant.key.file.clone()).collect();
    for path in paths {
        let text = std::fs::read_to_string(root.join(&path))?;
        let planted = schemata::planted(&text)?;
        let is_planted = |mutant: &Mutant| {
            let range = schemata::range(&text, mutant.span);
            range.is_some_and(|range| planted.iter().any(|part| part.contains(&range.start)))
        };
        mutants.retain(|mutant| mutant.key.file != path || !is_planted(mutant));
    }
    anyhow::ensure!(!mutants.is_empty(), "cargo-mutants finds nothing in {}", FILES.join(", "));
    Ok(mutants)
}

fn lines(problems: &[String]) -> String {
    problems.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_what_is_wanted() {
        let mutants: Vec<_> = (0..10).map(|n| list::tests::mutant("plan.rs", n + 1, n % 2 == 0)).collect();
        let excluded = BTreeSet::from([3]);
        for (only, sample, chosen) in [
            (None, None, vec![0, 1, 2, 4, 5, 6, 7, 8, 9]),
            (None, Some(3), vec![0, 4, 7]),
            (None, Some(0), vec![]),
            (Some("even"), None, vec![0, 2, 4, 6, 8]),
            (Some("even"), Some(2), vec![0, 4]),
            (Some("even"), Some(99), vec![0, 2, 4, 6, 8]),
            (Some("none"), Some(2), vec![]),
        ] {
            let options = Options { planner: true, only: only.map(str::to_owned), sample, stage: None };
            assert_eq!(options.chosen(&mutants, &excluded), chosen, "{options:?}");
        }
    }
}
