//! The manifests of the workspace, as far as the tasks need them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use toml::{Table, Value};

/// Text files by their path from the root, with `/` between the parts.
pub(crate) type Files = BTreeMap<String, String>;

/// The root manifest and those of its members.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The root manifest.
    pub(crate) root: Table,
    /// The members, in the order of the root manifest.
    pub(crate) members: Vec<Member>,
}

/// One crate.
#[derive(Debug)]
pub(crate) struct Member {
    /// Where it is, from the root.
    pub(crate) folder: String,
    /// Its name as a package, which need not be the folder's.
    pub(crate) name: String,
    /// Its manifest.
    pub(crate) manifest: Table,
}

/// How a crate depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For its users too; build dependencies count as such.
    Normal,
    /// For its tests and examples only.
    Dev,
}

/// One line of a table of dependencies.
#[derive(Debug)]
pub(crate) struct Dependency<'a> {
    /// How it depends.
    pub(crate) kind: Kind,
    /// On what: the name in the manifest, which is the one in the root manifest.
    pub(crate) name: &'a str,
    /// What the manifest says.
    pub(crate) value: &'a Value,
}

impl Dependency<'_> {
    /// Whether a feature switches it on.
    pub(crate) fn is_optional(&self) -> bool {
        self.value.get("optional").and_then(Value::as_bool).unwrap_or(false)
    }
}

impl Workspace {
    /// Reads all manifests.
    pub(crate) fn read(files: &Files) -> anyhow::Result<Self> {
        let root = parse(files, "Cargo.toml")?;
        let folders =
            root.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
        let folders = folders.context("Cargo.toml: no members")?.iter().filter_map(Value::as_str);
        let members = folders.map(|folder| Member::read(files, folder)).collect::<anyhow::Result<_>>()?;
        Ok(Self { root, members })
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// What cargo calls the archive of a crate: its name and version.
    pub(crate) fn archive(&self, member: &Member) -> anyhow::Result<String> {
        let shared = || self.root.get("workspace")?.get("package")?.get("version")?.as_str();
        let version = member.package("version").and_then(Value::as_str).or_else(shared);
        let version = version.with_context(|| format!("{}: no version", member.path("Cargo.toml")))?;
        Ok(format!("{}-{version}", member.name))
    }

    /// The crates that are published.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_published())
    }

    /// The crates that are not published.
    pub(crate) fn unpublished(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_published())
    }
}

impl Member {
    fn read(files: &Files, folder: &str) -> anyhow::Result<Self> {
        let path = format!("{folder}/Cargo.toml");
        let manifest = parse(files, &path)?;
        let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        let name = name.with_context(|| format!("{path}: no name"))?.to_owned();
        Ok(Self { folder: folder.to_owned(), name, manifest })
    }

    /// What the `[package]` table says.
    pub(crate) fn package(&self, key: &str) -> Option<&Value> {
        self.manifest.get("package")?.get(key)
    }

    /// Whether it is meant for others.
    pub(crate) fn is_published(&self) -> bool {
        self.package("publish").and_then(Value::as_bool).unwrap_or(true)
    }

    /// A file of this crate, from the root.
    pub(crate) fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }

    /// All dependencies, those for some targets only among them.
    pub(crate) fn dependencies(&self) -> Vec<Dependency<'_>> {
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let targets = targets.into_iter().flat_map(|targets| targets.values().filter_map(Value::as_table));
        let kinds = [
            ("dependencies", Kind::Normal),
            ("build-dependencies", Kind::Normal),
            ("dev-dependencies", Kind::Dev),
        ];
        let mut dependencies = Vec::new();
        for table in std::iter::once(&self.manifest).chain(targets) {
            for (section, kind) in kinds {
                let lines = table.get(section).and_then(Value::as_table).into_iter().flatten();
                dependencies.extend(lines.map(|(name, value)| Dependency { kind, name, value }));
            }
        }
        dependencies
    }
}

fn parse(files: &Files, path: &str) -> anyhow::Result<Table> {
    let text = files.get(path).with_context(|| format!("{path}: there is none"))?;
    text.parse().with_context(|| path.to_owned())
}
