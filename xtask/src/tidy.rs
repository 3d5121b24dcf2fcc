//! The rules of this repository, each a test: a rule that nothing checks is soon forgotten.
//!
//! A pattern that is looked for stands here in two pieces, so that no check finds itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use toml::Value;

use crate::workspace::{Files, Kind, Member, Workspace};

/// What the rules are held against.
#[derive(Debug)]
struct Repository {
    files: Files,
    workspace: Workspace,
}

type Problems = Vec<String>;
type Rule = fn(&Repository) -> Problems;

/// All rules, by the name under which problems are told.
const RULES: [(&str, Rule); 20] = [
    ("tests are never ignored", no_ignored_tests),
    ("nothing is left unfinished", nothing_unfinished),
    ("tests do not sleep", no_sleeps_in_tests),
    ("text is clean", clean_text),
    ("no machine is named", no_machine_paths),
    ("the pages are there", pages),
    ("published crates introduce themselves", published_crates),
    ("crates share the lints", shared_lints),
    ("crates know only the floors below", floors),
    ("vendors are behind features", vendors_behind_features),
    ("databases stay in the store", databases_in_the_store),
    ("axum stays in the host", axum_in_the_host),
    ("versions stand in the root", versions_in_the_root),
    ("the root names no features", no_features_in_the_root),
    ("clients have the same files", client_files),
    ("tests of scenarios have names of their own", scenario_ids),
    ("numbers are known by one name", numbers),
    ("a kind of alert is in a rule, or is left out for a reason", alerts),
    ("the changelog is open", changelog),
    ("CI runs the README's command", ci_command),
];

/// Holds the repository against all rules.
///
/// # Errors
///
/// When it cannot be read, and when a rule is broken.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let repository = Repository::read(root)?;
    let mut number = 0;
    for (name, rule) in RULES {
        for problem in rule(&repository) {
            println!("{name}: {problem}");
            number += 1;
        }
    }
    anyhow::ensure!(number == 0, "{number} to tidy up");
    Ok(())
}

impl Repository {
    fn read(root: &Path) -> anyhow::Result<Self> {
        Self::of(files(root)?)
    }

    fn of(files: Files) -> anyhow::Result<Self> {
        let workspace = Workspace::read(&files)?;
        Ok(Self { files, workspace })
    }

    /// The files whose name ends so, with their paths.
    fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .filter(move |(path, _)| path.ends_with(end))
    }

    /// Those lines of Rust for which `is_bad` holds.
    fn bad_rust(&self, is_bad: impl Fn(&str) -> bool) -> Problems {
        self.ending(".rs").flat_map(|(path, text)| bad_lines(path, text, &is_bad)).collect()
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
}

/// All text files that git knows or would take; without git, all but those of the build.
pub(crate) fn files(root: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for path in listed_by_git(root).map_or_else(|| walked(root), Ok)? {
        match fs::read(root.join(&path)) {
            Ok(bytes) => drop(String::from_utf8(bytes).map(|text| files.insert(path, text))),
            // Deleted, and git was not told yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context(path),
        }
    }
    Ok(files)
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    // Of a bare archive inside a checkout of something else, git would list nothing.
    if !root.join(".git").exists() {
        return None;
    }
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let output = git.output().ok().filter(|output| output.status.success())?;
    let paths = String::from_utf8(output.stdout).ok()?;
    Some(paths.split_terminator('\0').map(str::to_owned).collect())
}

fn walked(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).with_context(|| folder.clone())? {
            let entry = entry?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_file() {
                found.push(path);
            } else if kind.is_dir() && !matches!(path.as_str(), "target" | ".git") {
                folders.push(format!("{path}/"));
            }
        }
    }
    Ok(found)
}

fn bad_lines(path: &str, text: &str, is_bad: impl Fn(&str) -> bool) -> Problems {
    let lines = text.lines().enumerate().filter(|(_, line)| is_bad(line));
    lines.map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim())).collect()
}

fn has_any(line: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| line.contains(pattern))
}

/// A test that nobody runs is wrong before long. What cannot hold yet is asserted as it is, with the reason.
fn no_ignored_tests(repository: &Repository) -> Problems {
    let patterns = [
        concat!("#[ig", "nore"),
        concat!(", ig", "nore)]"),
        concat!("```ig", "nore"),
        concat!("```rust,ig", "nore"),
    ];
    let mut problems = repository.bad_rust(|line| has_any(line, &patterns));
    problems.extend(
        repository
            .ending(".md")
            .flat_map(|(path, text)| bad_lines(path, text, |line| has_any(line, &patterns))),
    );
    problems
}

fn nothing_unfinished(repository: &Repository) -> Problems {
    let patterns =
        [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("XX", "X")];
    repository.bad_rust(|line| has_any(line, &patterns))
}

/// A test that sleeps is slow where it is not wrong: the clock is a parameter, and an event can be awaited.
fn no_sleeps_in_tests(repository: &Repository) -> Problems {
    let patterns = [concat!("thread::", "sleep"), concat!("time::", "sleep")];
    let mut problems = Vec::new();
    for (path, text) in repository.ending(".rs") {
        let first = if is_test_file(path) { Some(0) } else { test_module(text) };
        let Some(first) = first else { continue };
        for (index, line) in text.lines().enumerate().skip(first).filter(|(_, line)| has_any(line, &patterns))
        {
            problems.push(format!("{path}:{}: {}", index + 1, line.trim()));
        }
    }
    problems
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_test.rs"))
}

/// The line, counted from 0, where the test module begins, which is the last in its file.
fn test_module(text: &str) -> Option<usize> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let is_module = |line: &str| line.starts_with("mod ") && line.ends_with('{');
    lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && is_module(pair[1]))
}

fn clean_text(repository: &Repository) -> Problems {
    let mut problems = Vec::new();
    for (path, text) in &repository.files {
        if path.ends_with(".lock") || is_sample(path) {
            continue;
        }
        for (index, line) in text.split('\n').enumerate() {
            let at = format!("{path}:{}", index + 1);
            if line.contains('\t') {
                problems.push(format!("{at}: a tab"));
            }
            if line.ends_with(char::is_whitespace) {
                problems.push(format!("{at}: blank at the end"));
            }
        }
        if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
            problems.push(format!("{path}: does not end with exactly one line break"));
        }
    }
    problems
}

/// What holds on one machine only helps nobody else, and where packages come from is the reader's own affair.
fn no_machine_paths(repository: &Repository) -> Problems {
    let folders = [
        concat!("/wo", "rk/"),
        concat!("/fa", "rm/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
    ];
    let hosts = [
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("registry", ".npmjs"),
        concat!("deb", ".debian"),
    ];
    let files = repository.files.iter().filter(|(path, _)| !is_lock_file(path));
    files
        .flat_map(|(path, text)| {
            bad_lines(path, text, |line| {
                has_any(line, &hosts) || folders.iter().any(|folder| has_absolute(line, folder))
            })
        })
        .collect()
}

/// What parsers are held against need not be clean.
fn is_sample(path: &str) -> bool {
    ["fuzz/corpus/", "fuzz/crashes/"].iter().any(|folder| path.starts_with(folder))
}

fn is_lock_file(path: &str) -> bool {
    ["Cargo.lock", "package-lock.json"].contains(&path.rsplit('/').next().unwrap_or(path))
}

/// Whether a path in the line begins with this folder.
fn has_absolute(line: &str, folder: &str) -> bool {
    line.match_indices(folder)
        .any(|(index, _)| !line[..index].ends_with(|c: char| c.is_ascii_alphanumeric() || "_.-}".contains(c)))
}

fn pages(repository: &Repository) -> Problems {
    let pages = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "Cargo.lock",
        ".ci/run",
    ];
    pages
        .into_iter()
        .filter(|page| !repository.has(page))
        .map(|page| format!("{page}: there is none"))
        .collect()
}

/// Each can be found, judged and used alone, and its README is its documentation, examples compiled.
fn published_crates(repository: &Repository) -> Problems {
    let mut problems = Vec::new();
    for member in repository.workspace.published() {
        let manifest = member.path("Cargo.toml");
        for key in ["description", "license", "keywords", "categories", "readme", "rust-version", "version"] {
            if member.package(key).is_none() {
                problems.push(format!("{manifest}: no {key}"));
            }
        }
        let readme = member.path("README.md");
        match repository.files.get(&readme).map(|text| text.lines().next().unwrap_or_default()) {
            None => problems.push(format!("{readme}: there is none")),
            Some(title) if !title.starts_with("# ") || !title.contains(&member.name) => {
                problems.push(format!("{readme}:1: the title does not name {}", member.name));
            }
            Some(_) => {}
        }
        let library = member.path("src/lib.rs");
        let included = "#![doc = include_str!(\"../README.md\")]";
        if !repository.files.get(&library).is_some_and(|text| text.lines().any(|line| line == included)) {
            problems.push(format!("{library}: no {included}"));
        }
    }
    problems
}

fn shared_lints(repository: &Repository) -> Problems {
    let members = repository.workspace.members.iter();
    let deaf = members.filter(|member| !is_from_workspace(member.manifest.get("lints")));
    deaf.map(|member| format!("{}: no [lints] workspace = true", member.path("Cargo.toml"))).collect()
}

fn is_from_workspace(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool).unwrap_or(false)
}

fn is_vendor(name: &str) -> bool {
    name.ends_with("-client") || name.ends_with("-source")
}

/// It holds the whole against what a bare server and a bare database could do.
const BENCH: &str = "booking-bench";

/// It starts databases and other servers of the installed packages.
const SERVERS: &str = "booking-test-servers";

/// It holds every parser against any bytes, from the lowest floor to the whole host.
const FUZZ: &str = "booking-fuzz";

/// It starts the real host, and kills it.
const SOAK: &str = "booking-soak";

/// Whether a crate of ours may know another of ours; none where the first has no floor yet.
///
/// ARCHITECTURE.md draws the house. A new crate is given its floor here.
fn may_know(name: &str, other: &str, kind: Kind) -> Option<bool> {
    const GROUND: [&str; 2] = ["booking-core", "booking-http"];
    let is_low =
        || GROUND.contains(&other) || ["booking-engine", "booking-store", "booking-notify"].contains(&other);
    let allowed = match name {
        // Shares no code with the clients, so that a misreading cannot hide in both.
        "booking-sim" => return Some(false),
        "booking-core" | SERVERS | "xtask" => false,
        _ if other == SERVERS => kind == Kind::Dev || name == BENCH || name == SOAK,
        "booking-http" | "booking-store" => other == "booking-core",
        // It knows traits only; its tests may put real adapters behind them.
        "booking-engine" => other == "booking-core" || (kind == Kind::Dev && (is_low() || is_vendor(other))),
        "booking-notify" => GROUND.contains(&other),
        "booking-host" => is_low() || is_vendor(other),
        "booking-world" => other != "booking-world",
        BENCH | SOAK => other != name,
        FUZZ => other != FUZZ && ![BENCH, SOAK, "booking-world"].contains(&other),
        _ if is_vendor(name) => GROUND.contains(&other),
        // The examples: thin binaries around the host.
        _ if name.ends_with("-host") => {
            is_low() || is_vendor(other) || ["booking-host", "booking-sim"].contains(&other)
        }
        _ => return None,
    };
    // Of itself, a crate's tests may ask for more features. The simulators are for everybody's tests.
    Some(allowed || (kind == Kind::Dev && (other == "booking-sim" || other == name)))
}

fn floors(repository: &Repository) -> Problems {
    let mut problems = Vec::new();
    for member in &repository.workspace.members {
        let manifest = member.path("Cargo.toml");
        for dependency in member.dependencies() {
            if repository.workspace.member(dependency.name).is_none() {
                continue;
            }
            match may_know(&member.name, dependency.name, dependency.kind) {
                Some(true) => {}
                Some(false) => {
                    problems.push(format!("{manifest}: {} must not know {}", member.name, dependency.name))
                }
                None => {
                    problems.push(format!("{manifest}: {} has no floor (xtask/src/tidy.rs)", member.name))
                }
            }
        }
    }
    problems.dedup();
    problems
}

/// Those dependencies in all crates that are outside the crates which may have them.
fn strays<'a>(
    repository: &'a Repository,
    is_wanted: impl Fn(&Member, &crate::workspace::Dependency<'_>) -> bool + 'a,
) -> Problems {
    let members = repository.workspace.members.iter();
    members
        .flat_map(|member| member.dependencies().into_iter().map(move |dependency| (member, dependency)))
        .filter(|(member, dependency)| is_wanted(member, dependency))
        .map(|(member, dependency)| format!("{}: {}", member.path("Cargo.toml"), dependency.name))
        .collect()
}

/// A host carries only the vendors that it uses.
fn vendors_behind_features(repository: &Repository) -> Problems {
    strays(repository, |member, dependency| {
        member.name == "booking-host"
            && is_vendor(dependency.name)
            && dependency.kind == Kind::Normal
            && !dependency.is_optional()
    })
}

fn databases_in_the_store(repository: &Repository) -> Problems {
    const DATABASES: [&str; 14] = [
        "aws-sdk-dynamodb",
        "deadpool-postgres",
        "deadpool-sqlite",
        "diesel",
        "libsqlite3-sys",
        "pgtemp",
        "postgres",
        "redis",
        "refinery",
        "rusqlite",
        "sea-query",
        "sqlx",
        "tokio-postgres",
        "tokio-postgres-rustls",
    ];
    strays(repository, |member, dependency| {
        !["booking-store", BENCH, SERVERS].contains(&member.name.as_str())
            && DATABASES.contains(&dependency.name)
    })
}

/// A new axum is then a change of one crate; the simulators' server is no part of their library.
fn axum_in_the_host(repository: &Repository) -> Problems {
    strays(repository, |member, dependency| match dependency.name {
        "axum" | "axum-core" | "axum-extra" | "utoipa-axum" => {
            !(["booking-host", BENCH, FUZZ].contains(&member.name.as_str())
                || (member.name == "booking-sim" && dependency.is_optional()))
        }
        _ => false,
    })
}

fn versions_in_the_root(repository: &Repository) -> Problems {
    strays(repository, |_, dependency| !is_from_workspace(Some(dependency.value)))
}

/// A crate published alone must not live on features that a neighbour asked for.
fn no_features_in_the_root(repository: &Repository) -> Problems {
    let table =
        repository.workspace.root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let lines = table.and_then(Value::as_table).into_iter().flatten();
    // What is not published cannot be asked for by its version: packages leave such a dependency of their tests out.
    let is_bare = |name: &str, value: &Value| {
        value.get("default-features").and_then(Value::as_bool) == Some(false)
            && value.get("features").is_none()
            && value.get("git").is_none()
            && value.get("version").is_some() != (name == SERVERS)
    };
    let wrong = lines.filter(|(name, value)| !is_bare(name, value));
    wrong
        .map(|(name, _)| {
            format!("Cargo.toml: {name} needs a version, `default-features = false`, and no more")
        })
        .collect()
}

/// Who knows one client knows all; each vendor of messages is a client in a folder of booking-notify.
fn client_files(repository: &Repository) -> Problems {
    let crates = repository.workspace.members.iter().filter(|member| is_vendor(&member.name));
    let mut clients: BTreeSet<_> = crates.map(|member| (member.path("src"), "lib.rs")).collect();
    if let Some(notify) = repository.workspace.member("booking-notify") {
        let source = notify.path("src");
        let inside = repository.files.keys().filter_map(|path| path.strip_prefix(&source)?.strip_prefix('/'));
        let folders = inside.filter_map(|path| path.split_once('/'));
        clients.extend(folders.map(|(folder, _)| (format!("{source}/{folder}"), "mod.rs")));
    }
    let files = clients.iter().flat_map(|(folder, first)| {
        [first, "config.rs", "request.rs", "wire.rs", "client.rs"].map(|file| format!("{folder}/{file}"))
    });
    files.filter(|path| !repository.has(path)).map(|path| format!("{path}: there is none")).collect()
}

/// A test that is named after a scenario (`a01_…`) has a name of its own in its crate, so that it can be found.
fn scenario_ids(repository: &Repository) -> Problems {
    let mut problems = Vec::new();
    for member in &repository.workspace.members {
        let mut known = BTreeMap::<String, String>::new();
        for (path, text) in repository.ending(".rs") {
            let inside = path.strip_prefix(&member.folder).and_then(|rest| rest.strip_prefix('/'));
            if !inside.is_some_and(|inside| inside.starts_with("src/") || inside.starts_with("tests/")) {
                continue;
            }
            for (line, name) in tests(text).filter(|(_, name)| is_scenario(name)) {
                let place = format!("{path}:{line}: {name}");
                if let Some(first) = known.insert(name.to_owned(), place.clone()) {
                    problems.push(format!("{place}, and {first}"));
                }
            }
        }
    }
    problems
}

fn is_scenario(name: &str) -> bool {
    matches!(name.as_bytes(), [b'a'..=b'z', b'0'..=b'9', b'0'..=b'9', b'_', ..])
}

/// The names of the test functions, with their lines.
fn tests(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_test = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim();
        is_test |= line.starts_with("#[") && (line.contains("test]") || line.contains("test("));
        let rest = line.strip_prefix("pub ").unwrap_or(line);
        let rest = rest.strip_prefix("async ").unwrap_or(rest).strip_prefix("fn ")?;
        let (name, _) = rest.split_once(['(', '<'])?;
        std::mem::take(&mut is_test).then_some((index + 1, name))
    })
}

/// Whoever reads of a number, or is woken by it, must find it at `/metrics`.
fn numbers(repository: &Repository) -> Problems {
    const MADE: &str = "booking-host/src/metrics.rs";
    const EXPLAINED: &str = "docs/metrics.md";
    let of = |path: &str| -> BTreeSet<String> {
        repository.files.get(path).map(|text| named(text)).unwrap_or_default()
    };
    let (made, explained) = (of(MADE), of(EXPLAINED));
    let mut problems: Problems =
        made.difference(&explained).map(|name| format!("{EXPLAINED}: nothing about {name}")).collect();
    let readers =
        repository.files.iter().filter(|(path, _)| path.starts_with("deploy/") || *path == EXPLAINED);
    for (path, text) in readers {
        // What Prometheus itself makes of a histogram.
        let bare = |name: String| match name.strip_suffix("_bucket") {
            Some(bare) => bare.to_owned(),
            None => name,
        };
        let unknown = named(text).into_iter().map(bare).filter(|name| !made.contains(name));
        problems.extend(unknown.map(|name| format!("{path}: {name} is no number of {MADE}")));
    }
    problems
}

/// Kinds of alerts that call nobody beyond the message that staff gets.
const CALL_NOBODY: [(&str, &str); 5] = [
    ("backup-issued", "the guest has a code that opens"),
    ("drift", "a code that no longer opens is another alert's"),
    ("foreign-marker", "the code is left alone, and opens for whoever set it"),
    ("gone-unconfirmed", "the code stays until a second witness, and opens meanwhile"),
    ("same-stay-twice", "both have their codes"),
];

/// Whoever is to be called when a guest may stand before a locked door is called.
fn alerts(repository: &Repository) -> Problems {
    const KINDS: &str = "booking-engine/src/alert.rs";
    const RULES: &str = "deploy/prometheus/staykey.rules.yml";
    const HERE: &str = "xtask/src/tidy.rs";
    let text = |path: &str| repository.files.get(path).map(String::as_str).unwrap_or_default();
    let kinds: BTreeSet<&str> = text(KINDS)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \"")?.1.strip_suffix("\","))
        .collect();
    let selectors = text(RULES).split("staykey_alerts_open{").skip(1);
    let ruled: BTreeSet<&str> = selectors
        .filter_map(|rest| rest.split_once('}')?.0.split_once("kind="))
        .filter_map(|(_, rest)| rest.trim_start_matches('~').strip_prefix('"')?.split_once('"'))
        .flat_map(|(kinds, _)| kinds.split('|'))
        .collect();
    let left_out: BTreeSet<&str> = CALL_NOBODY.into_iter().map(|(kind, _)| kind).collect();
    let mut problems: Problems = kinds
        .iter()
        .filter(|kind| ruled.contains(*kind) == left_out.contains(*kind))
        .map(|kind| format!("{RULES}: {kind} must be in a rule, or left out in {HERE} with the reason"))
        .collect();
    let unknown = ruled.iter().chain(&left_out).filter(|kind| !kinds.contains(*kind));
    problems.extend(unknown.map(|kind| format!("{RULES}: {kind} is no kind of {KINDS}")));
    problems
}

/// The names of numbers in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    text.split(|letter: char| !is_part(letter))
        .filter(|word| word.starts_with("staykey_") && word.len() > "staykey_".len())
        .map(str::to_owned)
        .collect()
}

fn changelog(repository: &Repository) -> Problems {
    let is_open =
        |text: &String| text.lines().any(|line| matches!(line, "## Unreleased" | "## [Unreleased]"));
    match repository.files.get("CHANGELOG.md") {
        Some(text) if is_open(text) => Vec::new(),
        _ => vec!["CHANGELOG.md: no section `## Unreleased`".to_owned()],
    }
}

fn ci_command(repository: &Repository) -> Problems {
    const COMMAND: &str = "cargo xtask test";
    let without = |page: &&str| !repository.files.get(*page).is_some_and(|text| text.contains(COMMAND));
    let pages = ["README.md", "CONTRIBUTING.md", ".ci/run"].into_iter().filter(without);
    pages.map(|page| format!("{page}: does not name `{COMMAND}`")).collect()
}

#[cfg(test)]
mod tests;
