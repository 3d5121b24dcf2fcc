//! Each library as it would be published: packaged, unpacked, and built from nothing but that.
//!
//! `cargo package --workspace` could build the archives itself. But it passes them through a registry of its own, whose
//! unpacked sources cargo keeps as if a version never changed: a second run in the same folder builds the *first* run's
//! sources, and passes or fails by them. So it only packages, and the archives are laid out here as a workspace in
//! which each stands in for the one of its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::call::Call;
use crate::workspace::{Member, Workspace};

/// The calls that package and build, and between them the layout.
#[derive(Debug)]
pub(crate) struct Packaging<'a> {
    workspace: &'a Workspace,
    /// Where cargo builds.
    target: String,
}

impl<'a> Packaging<'a> {
    /// What is built goes beside what is built already: the same dependencies need not be built twice.
    pub(crate) fn new(workspace: &'a Workspace, target: Option<String>) -> Self {
        Self { workspace, target: target.unwrap_or_else(|| "target".to_owned()) }
    }

    /// Packages all that is published; changes that are not committed are let pass on a desk, not in CI.
    pub(crate) fn package(&self, allow_dirty: bool) -> Call {
        let excluded = self.workspace.unpublished().flat_map(|member| ["--exclude", &member.name]);
        let call = Call::cargo("package --workspace").with(excluded);
        let call = call.with(["--no-verify", "--exclude-lockfile", "--target-dir", &self.target]);
        if allow_dirty { call.with(["--allow-dirty"]) } else { call }
    }

    /// Builds each alone, with just the features that it asks for itself.
    pub(crate) fn builds(&self) -> impl Iterator<Item = Call> {
        self.workspace.published().map(|member| {
            let manifest = format!("{}/Cargo.toml", self.folder());
            let call = Call::cargo("check").with(["-p", &member.name, "--manifest-path", &manifest]);
            call.with(["--target-dir", &self.target])
        })
    }

    /// Unpacks the archives and makes a workspace of them.
    pub(crate) fn lay_out(&self, root: &Path) -> anyhow::Result<()> {
        let folder = root.join(self.folder());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(&folder)?;
        for member in self.workspace.published() {
            self.unpack(root, member)?;
        }
        fs::write(folder.join("Cargo.toml"), self.manifest()?)?;
        // The versions that were tested.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).context("Cargo.lock")?;
        Ok(())
    }

    /// Where the archives are laid out, from the root.
    pub(crate) fn folder(&self) -> String {
        format!("{}/package/alone", self.target)
    }

    fn unpack(&self, root: &Path, member: &Member) -> anyhow::Result<()> {
        let name = self.workspace.archive(member)?;
        let archive: PathBuf = root.join(&self.target).join("package").join(format!("{name}.crate"));
        // In archives all files are of one date long ago, by which cargo would take them for unchanged: hence `-m`.
        let mut tar = Command::new("tar");
        tar.arg("-xzmf").arg(&archive).arg("-C").arg(root.join(self.folder()));
        let status = tar.status().context("tar")?;
        anyhow::ensure!(status.success(), "{} cannot be unpacked", archive.display());
        Ok(())
    }

    fn manifest(&self) -> anyhow::Result<String> {
        let mut members = String::new();
        let mut patches = String::new();
        for member in self.workspace.published() {
            let archive = self.workspace.archive(member)?;
            members += &format!("    \"{archive}\",\n");
            patches += &format!("{} = {{ path = \"{archive}\" }}\n", member.name);
        }
        Ok(format!("[workspace]\nresolver = \"3\"\nmembers = [\n{members}]\n\n[patch.crates-io]\n{patches}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Files;

    #[test]
    fn archives_stand_in_for_each_other() {
        let files = [
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"core\", \"b\", \"tool\"]\npackage.version = \"0.2.0\"\n",
            ),
            ("core/Cargo.toml", "[package]\nname = \"a-core\"\nversion.workspace = true\n"),
            ("b/Cargo.toml", "[package]\nname = \"b\"\nversion = \"1.0.0\"\n"),
            ("tool/Cargo.toml", "[package]\nname = \"tool\"\npublish = false\n"),
        ];
        let files: Files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let workspace = Workspace::read(&files).unwrap();
        let packaging = Packaging::new(&workspace, None);
        let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\n    \"a-core-0.2.0\",\n    \"b-1.0.0\",\n]\n\n\
                        [patch.crates-io]\na-core = { path = \"a-core-0.2.0\" }\nb = { path = \"b-1.0.0\" }\n";
        assert_eq!(packaging.manifest().unwrap(), manifest);
        let builds: Vec<_> = packaging.builds().map(|call| call.to_string()).collect();
        assert_eq!(builds, ["a-core", "b"].map(|name| {
            format!("cargo check -p {name} --manifest-path target/package/alone/Cargo.toml --target-dir target")
        }));
    }
}
