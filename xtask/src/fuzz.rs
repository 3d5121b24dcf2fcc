//! `cargo xtask fuzz`: libFuzzer on every target of booking-fuzz, one after another.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::call::Call;

/// The package of the programs, which is no member of the workspace.
const FOLDER: &str = "fuzz";
/// Coverage for libFuzzer, and its view of what is compared. Safe code needs no sanitizer, which would make it several
/// times slower.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";
/// The longest input, in bytes, however short the samples are; where they are longer, twice the longest of them.
const LONGEST: u64 = 256;

/// What to run.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Runs only these targets.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    target: Vec<String>,
    /// How many executions of each.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000_000)]
    runs: u64,
}

/// What libFuzzer said of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    executions: u64,
    per_second: u64,
    /// Edges that the samples reach.
    begun: Option<u64>,
    /// Edges that were reached at last.
    reached: u64,
}

impl Told {
    fn read(&mut self, line: &str) {
        let number =
            |name: &str| -> Option<u64> { line.split_once(name)?.1.split_whitespace().next()?.parse().ok() };
        if let Some(reached) = number(" cov: ") {
            self.reached = self.reached.max(reached);
            if line.contains("INITED") {
                self.begun = Some(reached);
            }
        }
        self.executions = number("stat::number_of_executed_units:").unwrap_or(self.executions);
        self.per_second = number("stat::average_exec_per_sec:").unwrap_or(self.per_second);
    }
}

/// Builds the programs and runs them.
///
/// # Errors
///
/// When what it needs is missing, a program does not build, or a target broke.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let manifest = std::fs::read_to_string(root.join(FOLDER).join("Cargo.toml"))?;
    let all = targets(&manifest);
    let wanted = chosen(&all, &options.target)?;
    check_tools(root)?;
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root.join("target"), PathBuf::from);
    let target = target.canonicalize().unwrap_or(target).join(FOLDER);
    let host = host(root)?;
    let build = build(&wanted, &host).variable("CARGO_TARGET_DIR", &target.display().to_string());
    println!("    {build}");
    anyhow::ensure!(build.run(root)?, "failed: {build}");

    let mut rows = Vec::new();
    for name in wanted {
        let found = target.join("corpus").join(name);
        let crashes = root.join(FOLDER).join("crashes").join(name);
        std::fs::create_dir_all(&found)?;
        std::fs::create_dir_all(&crashes)?;
        let known = files(&crashes);
        let program = target.join(&host).join("release").join(name);
        let longest = longest(&root.join(FOLDER).join("corpus").join(name));
        let call = libfuzzer(&program, options.runs, longest, &found, name);
        println!("    {call}");
        let mut told = Told::default();
        let well = call.read(root, |line| told.read(line))?;
        let crashes_found = files(&crashes).saturating_sub(known);
        // Only a folder that holds something is kept.
        let _ = std::fs::remove_dir(&crashes);
        rows.push((name.to_owned(), told, crashes_found, well));
        println!("{}", table(&rows[rows.len() - 1..]));
    }
    println!("{}", table(&rows));
    let broken: Vec<_> =
        rows.iter().filter(|(_, _, _, well)| !well).map(|(name, ..)| name.as_str()).collect();
    anyhow::ensure!(broken.is_empty(), "broke, see fuzz/crashes: {}", broken.join(", "));
    Ok(())
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).into_iter().flatten().count()
}

/// How long inputs may be: long ones are tried less often, and say little that a short one does not.
fn longest(samples: &Path) -> u64 {
    let samples = std::fs::read_dir(samples).into_iter().flatten().flatten();
    let longest =
        samples.filter_map(|sample| sample.metadata().ok()).map(|data| data.len()).max().unwrap_or(0);
    LONGEST.max(2 * longest)
}

/// The programs that the manifest names.
fn targets(manifest: &str) -> Vec<&str> {
    let programs = manifest.split("[[bin]]").skip(1);
    programs.filter_map(|program| program.split('"').nth(1)).collect()
}

fn chosen<'a>(all: &[&'a str], names: &[String]) -> anyhow::Result<Vec<&'a str>> {
    for name in names {
        anyhow::ensure!(all.contains(&name.as_str()), "no target {name}: {}", all.join(", "));
    }
    Ok(all
        .iter()
        .copied()
        .filter(|name| names.is_empty() || names.iter().any(|wanted| wanted == name))
        .collect())
}

fn check_tools(root: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        Call::cargo("+nightly --version").succeeds(root),
        "coverage for libFuzzer wants a nightly compiler: run `rustup toolchain install nightly --profile minimal`"
    );
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    anyhow::ensure!(
        Call::program(&compiler, "--version").succeeds(root),
        "libFuzzer is C++, and `{compiler}` compiles none: install a compiler (Debian: apt-get install g++) or name one \
         in CXX"
    );
    Ok(())
}

/// What the compiler calls this machine. Named, so that flags for the programs are none for build scripts.
fn host(root: &Path) -> anyhow::Result<String> {
    let mut host = None;
    Call::program("rustc", "+nightly -vV").read(root, |line| {
        host = host.take().or_else(|| line.strip_prefix("host: ").map(str::to_owned));
    })?;
    host.context("rustc does not say for which machine it compiles")
}

fn build(names: &[&str], host: &str) -> Call {
    let programs = names.iter().flat_map(|name| ["--bin", name]);
    Call::cargo("+nightly build --release --manifest-path fuzz/Cargo.toml --target")
        .with([host])
        .with(programs)
        .variable("RUSTFLAGS", FLAGS)
}

/// Reads the samples, keeps what is new beside the build, and what breaks where tests replay it.
fn libfuzzer(program: &Path, runs: u64, longest: u64, found: &Path, name: &str) -> Call {
    Call::program(&program.display().to_string(), "").with([
        format!("-runs={runs}"),
        format!("-max_len={longest}"),
        "-rss_limit_mb=2048".to_owned(),
        "-timeout=20".to_owned(),
        "-report_slow_units=20".to_owned(),
        "-print_final_stats=1".to_owned(),
        format!("-artifact_prefix={FOLDER}/crashes/{name}/"),
        found.display().to_string(),
        format!("{FOLDER}/corpus/{name}"),
    ])
}

type Row = (String, Told, usize, bool);

fn table(rows: &[Row]) -> String {
    let mut table =
        format!("{:<20}{:>12}{:>9}{:>14}{:>9}\n", "target", "executions", "per s", "new coverage", "crashes");
    for (name, told, crashes, well) in rows {
        let begun = told.begun.unwrap_or(told.reached);
        let coverage = format!("{begun} +{}", told.reached - begun);
        let broke = if *well { "" } else { "  BROKE" };
        let _ = writeln!(
            table,
            "{name:<20}{:>12}{:>9}{coverage:>14}{crashes:>9}{broke}",
            told.executions, told.per_second
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
INFO: Seed: 7
#9      INITED cov: 345 ft: 400 corp: 7/1kb exec/s: 0 rss: 40Mb
#64     NEW    cov: 350 ft: 405 corp: 8/1kb lim: 4 exec/s: 0 rss: 41Mb L: 4/4 MS: 1 ChangeBit-
#10000  DONE   cov: 361 ft: 500 corp: 30/2kb lim: 103 exec/s: 5000 rss: 44Mb
stat::number_of_executed_units: 10000
stat::average_exec_per_sec:     5000";

    #[test]
    fn what_libfuzzer_says_is_read() {
        let mut told = Told::default();
        SAID.lines().for_each(|line| told.read(line));
        let expected = Told { executions: 10_000, per_second: 5000, begun: Some(345), reached: 361 };
        assert_eq!(told, expected);
        assert_eq!(
            table(&[("marker".to_owned(), told, 0, true), ("http".to_owned(), Told::default(), 1, false)]),
            "target                executions    per s  new coverage  crashes\n\
             marker                     10000     5000       345 +16        0\n\
             http                           0        0          0 +0        1  BROKE\n"
        );
    }

    #[test]
    fn targets_are_those_of_the_manifest() {
        let manifest =
            "[package]\nname = \"x\"\n[[bin]]\nname = \"a\"\npath = \"m\"\n[[bin]]\nname = \"b\"\n";
        let all = targets(manifest);
        assert_eq!(all, ["a", "b"]);
        assert_eq!(chosen(&all, &[]).unwrap(), ["a", "b"]);
        assert_eq!(chosen(&all, &["b".to_owned()]).unwrap(), ["b"]);
        assert!(chosen(&all, &["c".to_owned()]).is_err());
    }

    #[test]
    fn only_the_programs_are_built_for_libfuzzer() {
        let shown = build(&["a", "b"], "x86_64-unknown-linux-gnu").to_string();
        assert!(shown.starts_with("RUSTFLAGS=-Cpasses=sancov-module "), "{shown}");
        assert!(shown.ends_with(" --target x86_64-unknown-linux-gnu --bin a --bin b"), "{shown}");
        let call = libfuzzer(Path::new("p"), 7, 256, Path::new("found"), "a").to_string();
        assert!(call.starts_with("p -runs=7 ") && call.ends_with(" found fuzz/corpus/a"), "{call}");
    }
}
