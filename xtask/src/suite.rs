//! `cargo xtask test`: everything that must hold before a change is merged.

use std::env;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::call::Call;
use crate::count::Count;
use crate::deploy;
use crate::l10n;
use crate::package::Packaging;
use crate::packages;

use crate::tidy;
use crate::workspace::Workspace;

const FACTS: &str = "STAYKEY_VENDOR_FACTS";

/// Which steps to run.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Runs only these steps.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<Step>,
    /// Leaves these steps out.
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    skip: Vec<Step>,
    /// Lists the steps with what they run, and runs nothing.
    #[arg(long)]
    list: bool,
}

impl Options {
    fn wants(&self, step: Step) -> bool {
        (self.only.is_empty() || self.only.contains(&step)) && !self.skip.contains(&step)
    }
}

/// One step; they run in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The formatting.
    Fmt,
    /// All lints, on everything.
    Clippy,
    /// All lints, on the libraries without their default features.
    Bare,
    /// The servers that tests start.
    Servers,
    /// All tests but those in documentation.
    Test,
    /// The program, killed under load.
    Soak,
    /// Histories of the simulated world.
    World,
    /// The tests in documentation.
    Doctest,
    /// The documentation, without a broken link.
    Doc,
    /// What we depend on: bans, licences, sources.
    Deny,
    /// The locale files.
    L10n,
    /// What operators are given besides the program: rules, dashboard, unit, container file.
    Deploy,
    /// Each library, built from the archive that would be published.
    Package,
    /// The demonstration, once through.
    Demo,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    /// Runs a program.
    Run(Call),
    /// Runs tests with nextest and counts them.
    Nextest(Call),
    /// Runs tests with cargo and counts them.
    CargoTest(Call),
    /// Installs servers where they are missing.
    Servers,
    /// Checks the locale files, in this very process.
    L10n,
    /// Holds the files of `deploy/` against the tools that read them.
    Deploy,
    /// Unpacks what was packaged into this folder.
    LayOut(String),
}

/// A cargo command that is installed where it is missing.
#[derive(Debug)]
struct Tool {
    command: &'static str,
    install: &'static str,
}

const NEXTEST: Tool =
    Tool { command: "nextest", install: "install cargo-nextest --locked --version 0.9.143" };
// Its advisory check would fetch a database from elsewhere, so it is neither compiled in nor run.
const DENY: Tool =
    Tool { command: "deny", install: "install cargo-deny --locked --version 0.20.2 --no-default-features" };

impl Tool {
    fn is_there(&self, root: &Path) -> bool {
        Call::cargo(self.command).with(["--version"]).succeeds(root)
    }

    /// Whether it is there, after an attempt to install it.
    fn get(&self, root: &Path) -> anyhow::Result<bool> {
        if self.is_there(root) {
            return Ok(true);
        }
        let install = Call::cargo(self.install);
        println!("    cargo-{} is missing, takes a few minutes: {install}", self.command);
        Ok(install.run(root)? && self.is_there(root))
    }
}

/// What the steps depend on.
#[derive(Debug)]
struct Surroundings {
    workspace: Workspace,
    /// Nobody watches, and the tree is as it was committed.
    ci: bool,
    /// Where cargo builds, if not where it always does.
    target: Option<String>,
    /// Where the world's fresh histories begin.
    seed: u64,
}

impl Surroundings {
    fn packaging(&self) -> Packaging<'_> {
        Packaging::new(&self.workspace, self.target.clone())
    }
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn tool(self) -> Option<Tool> {
        match self {
            Self::Test => Some(NEXTEST),
            Self::Deny => Some(DENY),
            _ => None,
        }
    }

    fn actions(self, around: &Surroundings) -> Vec<Action> {
        let run = |arguments: &str| Action::Run(Call::cargo(arguments));
        match self {
            Self::Fmt => vec![run("fmt --all --check")],
            Self::Clippy => vec![run("clippy --workspace --all-targets --all-features -- -D warnings")],
            Self::Bare => [bare(&around.workspace), databases(&around.workspace)].concat(),
            Self::Servers => vec![Action::Servers],
            Self::Test => vec![Action::Nextest(Call::cargo("nextest run --workspace --all-features"))],
            Self::Soak => crate::soak::calls(around.target.as_deref()).map(Action::Run).into(),
            Self::World => crate::world::calls(around.seed).map(Action::Run).into(),
            Self::Doctest => {
                vec![Action::CargoTest(Call::cargo("test --workspace --doc --all-features --no-fail-fast"))]
            }
            Self::Doc => {
                let call = Call::cargo("doc --workspace --no-deps --all-features");
                vec![Action::Run(call.variable("RUSTDOCFLAGS", "-Dwarnings"))]
            }
            Self::Deny => vec![run("deny check bans licenses sources")],
            Self::L10n => vec![Action::L10n],
            Self::Deploy => vec![Action::Deploy],
            Self::Package => {
                let packaging = around.packaging();
                let package = Action::Run(packaging.package(!around.ci));
                let builds = packaging.builds().map(Action::Run);
                [package, Action::LayOut(packaging.folder())].into_iter().chain(builds).collect()
            }
            Self::Demo => vec![run("run -p axum-host -- demo --once")],
        }
    }
}

/// The store with each of its databases alone: what they share must not be dead without the others.
fn databases(workspace: &Workspace) -> Vec<Action> {
    const STORE: &str = "booking-store";
    let features = workspace.member(STORE).and_then(|store| store.manifest.get("features")?.as_table());
    let alone = features.into_iter().flat_map(|features| features.keys()).filter(|name| *name != "default");
    alone
        .map(|name| {
            Action::Run(
                Call::cargo("clippy")
                    .with(["-p", STORE, "--no-default-features", "--features", name])
                    .with(["--", "-D", "warnings"]),
            )
        })
        .collect()
}

/// The host asks its parts for features of theirs; it gets a run of its own, lest it hide what is missing without them.
fn bare(workspace: &Workspace) -> Vec<Action> {
    let (hosts, parts): (Vec<_>, Vec<_>) =
        workspace.published().map(|member| member.name.as_str()).partition(|name| name.ends_with("-host"));
    [parts, hosts]
        .into_iter()
        .filter(|names| !names.is_empty())
        .map(|names| {
            let packages = names.into_iter().flat_map(|name| ["-p", name]);
            Action::Run(Call::cargo("clippy").with(packages).with([
                "--no-default-features",
                "--",
                "-D",
                "warnings",
            ]))
        })
        .collect()
}

/// Runs the steps.
///
/// # Errors
///
/// When a step fails, and when nothing could be begun.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let workspace = Workspace::read(&tidy::files(root)?)?;
    let ci = is_ci(env::var("CI").ok().as_deref());
    let target = env::var("CARGO_TARGET_DIR").ok();
    let around = Surroundings { workspace, ci, target, seed: crate::world::seed_of_commit(root) };
    if options.list {
        print!("{}", list(&around));
        return Ok(());
    }
    check_c_compiler()?;
    let facts = facts(env::var_os(FACTS).map(PathBuf::from))?;
    let wanted: Vec<_> = Step::value_variants().iter().copied().filter(|step| options.wants(*step)).collect();
    let begun = now();
    let mut rows = Vec::new();
    let mut count = Count::default();
    let mut failed = None;
    for (index, step) in wanted.iter().copied().enumerate() {
        if failed.is_some() {
            rows.push((step, None));
            continue;
        }
        println!("==> {}/{} {}", index + 1, wanted.len(), step.name());
        let begun = now();
        if let Err(error) = perform(step, root, &around, facts.as_deref(), &mut count) {
            failed = Some(error.context(format!("step {}", step.name())));
        }
        let took = begun.elapsed();
        println!("==> {}: {}, {}", step.name(), said(failed.is_none()), seconds(took));
        rows.push((step, Some((failed.is_none(), took))));
    }
    println!("\n{}{:<8} {:>17}", table(&rows), "all", seconds(begun.elapsed()));
    if failed.is_some() && count.failed == 0 {
        count.failed = 1;
    }
    println!("{count}");
    failed.map_or(Ok(()), Err)
}

fn perform(
    step: Step,
    root: &Path,
    around: &Surroundings,
    facts: Option<&str>,
    count: &mut Count,
) -> anyhow::Result<()> {
    let mut actions = step.actions(around);
    if let Some(tool) = step.tool()
        && !tool.get(root)?
    {
        anyhow::ensure!(step == Step::Test, "cargo-{} could not be installed", tool.command);
        println!("    WITHOUT cargo-nextest, which could not be installed: `cargo test` runs instead");
        actions = vec![Action::CargoTest(Call::cargo(
            "test --workspace --all-features --all-targets --no-fail-fast",
        ))];
    }
    for action in actions {
        println!("    {}", action.shown());
        let passed = match &action {
            Action::Run(call) => told(call, facts).run(root)?,
            Action::Nextest(call) => reading(&told(call, facts), root, Count::from_nextest, count)?,
            Action::CargoTest(call) => reading(&told(call, facts), root, Count::from_cargo_test, count)?,
            Action::Servers => packages::get(root)?,
            Action::L10n => l10n::run(root).map(|()| true)?,
            Action::Deploy => deploy::run(root, around.target.as_deref()).map(|()| true)?,
            Action::LayOut(_) => around.packaging().lay_out(root).map(|()| true)?,
        };
        anyhow::ensure!(passed, "failed: {}", action.shown());
    }
    Ok(())
}

/// With the folder of vendor facts, which may have been given relative to where we were called.
fn told(call: &Call, facts: Option<&str>) -> Call {
    facts.map_or_else(|| call.clone(), |facts| call.clone().variable(FACTS, facts))
}

fn reading(
    call: &Call,
    root: &Path,
    of: fn(&str) -> Option<Count>,
    count: &mut Count,
) -> anyhow::Result<bool> {
    call.run_reading(root, |line| {
        if let Some(more) = of(line) {
            *count += more;
        }
    })
}

impl Action {
    fn shown(&self) -> String {
        match self {
            Self::Run(call) | Self::Nextest(call) | Self::CargoTest(call) => call.to_string(),
            Self::Servers => packages::SHOWN.to_owned(),
            Self::L10n => "cargo xtask l10n".to_owned(),
            Self::Deploy => "cargo xtask deploy".to_owned(),
            Self::LayOut(folder) => format!("(unpacks the archives as a workspace in {folder})"),
        }
    }
}

fn list(around: &Surroundings) -> String {
    let mut list = String::new();
    for step in Step::value_variants() {
        for action in step.actions(around) {
            let _ = writeln!(list, "{:<8} {}", step.name(), action.shown());
        }
    }
    list
}

type Row = (Step, Option<(bool, Duration)>);

fn table(rows: &[Row]) -> String {
    let mut table = String::new();
    for (step, done) in rows {
        let (result, took) = done.map_or(("not run", String::new()), |(ok, took)| (said(ok), seconds(took)));
        let row = format!("{:<8} {result:<8}{took:>9}", step.name());
        let _ = writeln!(table, "{}", row.trim_end());
    }
    table
}

fn said(ok: bool) -> &'static str {
    if ok { "ok" } else { "FAILED" }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[expect(clippy::disallowed_methods, reason = "tells people how long a step took")]
fn now() -> Instant {
    Instant::now()
}

fn is_ci(value: Option<&str>) -> bool {
    value.is_some_and(|value| !matches!(value, "" | "0" | "false"))
}

/// The folder of vendor facts, made absolute, since tests run in the folders of their crates.
fn facts(given: Option<PathBuf>) -> anyhow::Result<Option<String>> {
    let Some(folder) = given.filter(|folder| !folder.as_os_str().is_empty()) else {
        println!(
            "!!! {FACTS} IS NOT SET: the contract tests against the vendors' own descriptions ARE SKIPPED !!!"
        );
        return Ok(None);
    };
    let absolute = folder.canonicalize().with_context(|| format!("{FACTS}: {}", folder.display()))?;
    anyhow::ensure!(absolute.is_dir(), "{FACTS}: {} is no folder", folder.display());
    Ok(Some(absolute.to_str().with_context(|| format!("{FACTS}: not UTF-8"))?.to_owned()))
}

/// TLS (aws-lc) and the embedded SQLite are compiled from C; without a compiler they fail late and at length.
fn check_c_compiler() -> anyhow::Result<()> {
    if cfg!(windows) {
        // Found by way of the registry there, not by name.
        return Ok(());
    }
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    anyhow::ensure!(
        compiles(&compiler).unwrap_or(false),
        "`{compiler}` compiles no C: install a compiler (Debian: apt-get install build-essential, Fedora: dnf install \
         gcc, macOS: xcode-select --install) or name one in CC"
    );
    Ok(())
}

fn compiles(compiler: &str) -> anyhow::Result<bool> {
    let mut words = compiler.split_whitespace();
    let mut child = Command::new(words.next().unwrap_or("cc"))
        .args(words)
        .args(["-x", "c", "-fsyntax-only", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("no input")?
        .write_all(b"#include <stdlib.h>\nint main(void) { return 0; }\n")?;
    child.stderr.take().context("no output")?.read_to_end(&mut Vec::new())?;
    Ok(child.wait()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Files;

    fn around(ci: bool) -> Surroundings {
        let mut files = Files::new();
        let members = ["booking-core", "a-client", "booking-host", "booking-store", "tool"];
        files.insert("Cargo.toml".to_owned(), format!("[workspace]\nmembers = {members:?}\n"));
        for name in members {
            let publish = if name == "tool" { "publish = false\n" } else { "" };
            let features = if name == "booking-store" {
                "[features]\ndefault = []\nredis = []\nsqlite = []\n"
            } else {
                ""
            };
            files.insert(
                format!("{name}/Cargo.toml"),
                format!("[package]\nname = \"{name}\"\n{publish}{features}"),
            );
        }
        Surroundings { workspace: Workspace::read(&files).unwrap(), ci, target: None, seed: 1 }
    }

    #[test]
    fn the_steps_run_this() {
        let expected = "\
fmt      cargo fmt --all --check
clippy   cargo clippy --workspace --all-targets --all-features -- -D warnings
bare     cargo clippy -p booking-core -p a-client -p booking-store --no-default-features -- -D warnings
bare     cargo clippy -p booking-host --no-default-features -- -D warnings
bare     cargo clippy -p booking-store --no-default-features --features redis -- -D warnings
bare     cargo clippy -p booking-store --no-default-features --features sqlite -- -D warnings
servers  (apt-get install -y postgresql redis-server, what of it is missing)
test     cargo nextest run --workspace --all-features
soak     cargo build --workspace --all-features --bin axum-host --bin booking-soak
soak     target/debug/booking-soak --binary target/debug/axum-host --store sqlite --hosts 1 --seed 1 --kills 10
soak     target/debug/booking-soak --binary target/debug/axum-host --store postgres --hosts 3 --seed 2 --kills 10
world    cargo run --profile world -q -p booking-world -- directed
world    cargo run --profile world -q -p booking-world -- run --seed 7 --stays 4000
world    cargo run --profile world -q -p booking-world -- run --seed 1 --stays 20000
doctest  cargo test --workspace --doc --all-features --no-fail-fast
doc      RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --all-features
deny     cargo deny check bans licenses sources
l10n     cargo xtask l10n
deploy   cargo xtask deploy
package  cargo package --workspace --exclude tool --no-verify --exclude-lockfile --target-dir target
package  (unpacks the archives as a workspace in target/package/alone)
package  cargo check -p booking-core --manifest-path target/package/alone/Cargo.toml --target-dir target
package  cargo check -p a-client --manifest-path target/package/alone/Cargo.toml --target-dir target
package  cargo check -p booking-host --manifest-path target/package/alone/Cargo.toml --target-dir target
package  cargo check -p booking-store --manifest-path target/package/alone/Cargo.toml --target-dir target
demo     cargo run -p axum-host -- demo --once
";
        assert_eq!(list(&around(true)), expected);
        let expected =
            expected.replace("lockfile --target-dir target", "lockfile --target-dir target --allow-dirty");
        assert_eq!(list(&around(false)), expected);
    }

    #[test]
    fn steps_are_chosen() {
        let chosen = |options: Options| -> Vec<Step> {
            Step::value_variants().iter().copied().filter(|step| options.wants(*step)).collect()
        };
        assert_eq!(chosen(Options::default()), Step::value_variants());
        assert_eq!(
            chosen(Options { only: vec![Step::Deny, Step::Fmt], ..Options::default() }),
            [Step::Fmt, Step::Deny]
        );
        let options = Options { only: vec![Step::Deny, Step::Fmt], skip: vec![Step::Fmt], list: false };
        assert_eq!(chosen(options), [Step::Deny]);
    }

    #[test]
    fn the_table_tells_what_was_not_run() {
        let rows = [
            (Step::Fmt, Some((true, Duration::from_millis(840)))),
            (Step::Clippy, Some((false, Duration::from_secs(102)))),
            (Step::Bare, None),
        ];
        assert_eq!(
            table(&rows),
            "fmt      ok          0.8 s\nclippy   FAILED    102.0 s\nbare     not run\n"
        );
    }

    #[test]
    fn ci_is_recognised() {
        for (value, expected) in [
            (None, false),
            (Some(""), false),
            (Some("0"), false),
            (Some("false"), false),
            (Some("true"), true),
            (Some("1"), true),
        ] {
            assert_eq!(is_ci(value), expected, "{value:?}");
        }
    }

    #[test]
    fn vendor_facts_must_be_a_folder_when_they_are_named() {
        assert_eq!(facts(None).unwrap(), None);
        assert_eq!(facts(Some(PathBuf::new())).unwrap(), None);
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(
            facts(Some(folder.join("src/.."))).unwrap(),
            Some(folder.canonicalize().unwrap().display().to_string())
        );
        assert!(facts(Some(folder.join("Cargo.toml"))).is_err());
        assert!(facts(Some(folder.join("none"))).is_err());
    }

    #[test]
    fn a_compiler_is_tried_out() {
        assert!(!compiles("no-such-compiler").unwrap_or(false));
        assert!(!compiles("false").unwrap_or(false));
    }
}
