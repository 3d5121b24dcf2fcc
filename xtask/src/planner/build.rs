//! The copy of the sources with the mutants in it, and what is built of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::list::Mutant;
use super::schemata::{self, MODULE, Rewritten};
use crate::call::Call;
use crate::tidy;
use crate::workspace::Files;

/// The crate that has the mutants in it.
const CRATE: &str = "booking-engine";
/// What every build has in common.
const COMMON: &str = "--profile world --quiet --message-format=json";
/// Whether it compiles.
const CHECK: &str = "check -p booking-engine";
/// Everything that a stage runs.
const BUILDS: [&str; 2] =
    ["test --no-run -p booking-engine --lib --test plan --test it", "build -p booking-world"];

/// The programs of a build, by their targets' names.
pub(crate) type Programs = BTreeMap<String, PathBuf>;

/// The sources, and where their copy goes.
#[derive(Debug)]
pub(crate) struct Source {
    files: Files,
    copy: PathBuf,
    target: PathBuf,
}

/// What cargo said of a build.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    errors: Vec<Error>,
    programs: Programs,
}

/// What the compiler did not take.
#[derive(Debug, PartialEq, Eq)]
struct Error {
    /// As it is told to people.
    text: String,
    /// File and byte: where it is, then what it has to do with.
    places: Vec<(String, usize)>,
}

impl Source {
    /// The copy is in this folder.
    pub(crate) fn new(folder: &Path, files: Files) -> Self {
        Self { files, copy: folder.join("source"), target: folder.join("build") }
    }

    /// Another one whenever something was changed that could make a difference.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.files.iter().filter(|(path, _)| matters(path)).for_each(|file| file.hash(&mut hasher));
        format!("{:016x}", hasher.finish())
    }

    /// Puts the mutants into the copy, and excludes one after another what does not compile.
    pub(crate) fn exclude_broken(
        &self,
        mutants: &[Mutant],
        excluded: &mut BTreeSet<usize>,
    ) -> anyhow::Result<()> {
        loop {
            let rewritten = self.rewritten(mutants, excluded)?;
            self.write(&rewritten)?;
            let said = self.cargo(CHECK)?;
            if said.errors.is_empty() {
                return Ok(());
            }
            let broken: BTreeSet<_> =
                said.errors.iter().flat_map(|error| error.mutants(&rewritten)).copied().collect();
            println!("{} mutants do not compile", broken.len());
            anyhow::ensure!(!broken.is_empty(), "no mutant is the cause:\n{}", said.told());
            excluded.extend(broken);
        }
    }

    /// Builds everything that a stage runs.
    pub(crate) fn build(&self) -> anyhow::Result<Programs> {
        let mut programs = Programs::new();
        for build in BUILDS {
            let said = self.cargo(build)?;
            anyhow::ensure!(said.errors.is_empty(), "{}", said.told());
            programs.extend(said.programs);
        }
        Ok(programs)
    }

    /// The files that have mutants in them.
    fn rewritten(
        &self,
        mutants: &[Mutant],
        excluded: &BTreeSet<usize>,
    ) -> anyhow::Result<BTreeMap<String, Rewritten>> {
        let paths: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.key.file).collect();
        let rewrite = |path: &String| {
            let text = self.files.get(path).with_context(|| format!("{path}: there is none"))?;
            let all = mutants.iter().enumerate();
            let here = all.filter(|(number, mutant)| mutant.key.file == *path && !excluded.contains(number));
            let rewritten = schemata::rewrite(text, here).with_context(|| path.clone())?;
            Ok((path.clone(), rewritten))
        };
        paths.into_iter().map(rewrite).collect()
    }

    /// Writes only what is not so already, so that cargo builds no more than it must.
    fn write(&self, rewritten: &BTreeMap<String, Rewritten>) -> anyhow::Result<()> {
        let mut files = self.files.clone();
        files.extend(rewritten.iter().map(|(path, rewritten)| (path.clone(), rewritten.text.clone())));
        files.insert(format!("{CRATE}/src/{MODULE}.rs"), schemata::module());
        let library = format!("{CRATE}/src/lib.rs");
        let library = files.get_mut(&library).with_context(|| format!("{library}: there is none"))?;
        library.push_str(&format!("\nmod {MODULE};\n"));

        fs::create_dir_all(&self.copy)?;
        let present = tidy::files(&self.copy)?;
        for path in present.keys().filter(|path| !files.contains_key(*path)) {
            fs::remove_file(self.copy.join(path)).with_context(|| path.clone())?;
        }
        for (path, text) in files.iter().filter(|(path, text)| present.get(*path) != Some(text)) {
            let file = self.copy.join(path);
            fs::create_dir_all(file.parent().unwrap_or(&self.copy))?;
            fs::write(file, text).with_context(|| path.clone())?;
        }
        Ok(())
    }

    fn cargo(&self, arguments: &str) -> anyhow::Result<Said> {
        let target = self.target.display().to_string();
        let call =
            Call::cargo(arguments).with(COMMON.split_whitespace()).variable("CARGO_TARGET_DIR", &target);
        println!("    {call}");
        let mut said = Said::default();
        let mut rest = Vec::new();
        // What is written by a machine is no matter of lints.
        let call = call.variable("RUSTFLAGS", "--cap-lints=allow");
        let succeeded = call.read(&self.copy, |line| match serde_json::from_str(line) {
            Ok(message) => said.read(&message),
            Err(_) => rest.push(line.to_owned()),
        })?;
        anyhow::ensure!(succeeded || !said.errors.is_empty(), "failed: {call}\n{}", rest.join("\n"));
        Ok(said)
    }
}

/// The list of mutants that nobody can notice is held against a hunt and does not change it.
fn matters(path: &str) -> bool {
    let is_other_task = path.starts_with("xtask/") && !path.starts_with("xtask/src/planner");
    !is_other_task && !path.ends_with(".md")
}

impl Said {
    fn read(&mut self, message: &Value) {
        if let Some(program) = message["executable"].as_str() {
            let name = message["target"]["name"].as_str().unwrap_or_default();
            self.programs.insert(name.to_owned(), program.into());
        }
        let message = &message["message"];
        // The last one only counts the others.
        let spans = message["spans"].as_array().filter(|spans| !spans.is_empty());
        if let (Some("error"), Some(spans)) = (message["level"].as_str(), spans) {
            let mut spans: Vec<_> = spans.iter().collect();
            spans.sort_by_key(|span| span["is_primary"] != true);
            let text = message["rendered"].as_str().unwrap_or_default().to_owned();
            self.errors.push(Error { text, places: spans.into_iter().filter_map(place).collect() });
        }
    }

    fn told(&self) -> String {
        self.errors.iter().map(|error| error.text.as_str()).collect::<Vec<_>>().join("\n")
    }
}

fn place(span: &Value) -> Option<(String, usize)> {
    Some((span["file_name"].as_str()?.to_owned(), span["byte_start"].as_u64()?.try_into().ok()?))
}

impl Error {
    /// The mutants without which it would not be there.
    fn mutants<'a>(&self, rewritten: &'a BTreeMap<String, Rewritten>) -> &'a [usize] {
        let at = |(file, byte): &(String, usize)| rewritten.get(file).map(|file| file.mutants_at(*byte));
        let mut causes = self.places.iter().filter_map(at);
        causes.find(|mutants| !mutants.is_empty()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::{Position, Span};
    use super::*;

    #[test]
    fn what_cargo_says_is_read() {
        let mut said = Said::default();
        for line in [
            r#"{"reason": "compiler-artifact", "target": {"name": "plan"}, "executable": "/deps/plan-1"}"#,
            r#"{"reason": "compiler-artifact", "target": {"name": "serde"}, "executable": null}"#,
            r#"{"reason": "compiler-message", "message": {"level": "warning", "spans": [{}]}}"#,
            r#"{"reason": "compiler-message", "message": {"level": "error", "rendered": "no", "spans": [
                {"file_name": "a.rs", "byte_start": 9, "is_primary": false},
                {"file_name": "a.rs", "byte_start": 5, "is_primary": true}]}}"#,
            r#"{"reason": "compiler-message", "message": {"level": "error", "rendered": "1 error", "spans": []}}"#,
        ] {
            said.read(&serde_json::from_str(line).unwrap());
        }
        let places = vec![("a.rs".to_owned(), 5), ("a.rs".to_owned(), 9)];
        let expected = Said {
            errors: vec![Error { text: "no".to_owned(), places }],
            programs: Programs::from([("plan".to_owned(), "/deps/plan-1".into())]),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn only_what_makes_a_difference_is_in_the_fingerprint() {
        let of = |path: &str, text: &str| {
            let files =
                Files::from([("a.rs".to_owned(), "a".to_owned()), (path.to_owned(), text.to_owned())]);
            Source::new(Path::new(""), files).fingerprint()
        };
        for (path, differs) in [
            ("booking-engine/tests/it/main.rs", true),
            ("Cargo.lock", true),
            ("xtask/src/planner/schemata.rs", true),
            ("xtask/planner-mutants.toml", false),
            ("xtask/src/tidy.rs", false),
            ("CONTRIBUTING.md", false),
        ] {
            assert_eq!(of(path, "b") != of(path, "c"), differs, "{path}");
        }
    }

    #[test]
    fn the_copy_has_the_mutants_and_nothing_of_before() {
        let folder = std::env::temp_dir().join(format!("planner-build-{}", std::process::id()));
        let path = "booking-engine/src/plan.rs";
        let files = [("booking-engine/src/lib.rs", "mod plan;\n"), (path, "fn f() -> u8 { 1 }\n")];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let source = Source::new(&folder, Files::from(files));
        let at = |column| Position { line: 1, column };
        let mut mutant = super::super::list::tests::mutant(path, 1, true);
        mutant.span = Span { start: at(16), end: at(17) };
        mutant.replacement = "0".to_owned();
        let mutants = [mutant];
        let excluded = BTreeSet::from([0]);

        source.write(&source.rewritten(&mutants, &excluded).unwrap()).unwrap();
        let without = tidy::files(&source.copy).unwrap();
        fs::write(source.copy.join("left.rs"), "").unwrap();
        let rewritten = source.rewritten(&mutants, &BTreeSet::new()).unwrap();
        source.write(&rewritten).unwrap();
        let with = tidy::files(&source.copy).unwrap();
        fs::remove_dir_all(&folder).unwrap();

        assert_eq!(without[path], "fn f() -> u8 { 1 }\n");
        assert!(with[path].contains("{ 1 } else { 0 }"), "{with:?}");
        assert!(with["booking-engine/src/lib.rs"].ends_with("\nmod planner_mutant;\n"), "{with:?}");
        let paths: Vec<_> = with.keys().map(String::as_str).collect();
        assert_eq!(paths, ["booking-engine/src/lib.rs", path, "booking-engine/src/planner_mutant.rs"]);

        let error = |file: &str, text: &str| Error {
            text: String::new(),
            places: vec![
                ("elsewhere.rs".to_owned(), 1),
                (file.to_owned(), with[path].find(text).expect("it is there")),
            ],
        };
        for (error, mutants) in
            [(error(path, "0 }"), &[0][..]), (error(path, "fn"), &[]), (error("other.rs", "0 }"), &[])]
        {
            assert_eq!(error.mutants(&rewritten), mutants, "{error:?}");
        }
    }
}
