//! The servers that tests start for themselves: Debian's packages, installed where they are missing.

use std::path::{Path, PathBuf};

use crate::call::Call;

/// One package. Its programs are what is needed: the service that it may set up is not, and need not run.
#[derive(Debug)]
struct Package {
    name: &'static str,
    /// One of its programs.
    program: &'static str,
    /// Where Debian puts it, if not on the path: in each folder of this one, under `bin`.
    versions: Option<&'static str>,
}

const PACKAGES: [Package; 2] = [
    Package { name: "postgresql", program: "initdb", versions: Some("/usr/lib/postgresql") },
    Package { name: "redis-server", program: "redis-server", versions: None },
];

/// How it is told to people.
pub(crate) const SHOWN: &str = "(apt-get install -y postgresql redis-server, what of it is missing)";

/// Whether all are there, after an attempt to install those that are not.
pub(crate) fn get(root: &Path) -> anyhow::Result<bool> {
    if missing().is_empty() {
        return Ok(true);
    }
    // Without them the tests say what is missing.
    let quiet =
        |arguments: &str| Call::program("apt-get", arguments).variable("DEBIAN_FRONTEND", "noninteractive");
    for call in [quiet("update"), quiet("install -y").with(missing())] {
        println!("    {call}");
        if !call.run(root).unwrap_or(false) {
            break;
        }
    }
    let missing = missing().join(" ");
    anyhow::ensure!(
        missing.is_empty(),
        "servers that tests start are not installed: run `apt-get install -y {missing}` as root, or put their programs \
         on the PATH"
    );
    Ok(true)
}

fn missing() -> Vec<&'static str> {
    PACKAGES.iter().filter(|package| !package.is_there()).map(|package| package.name).collect()
}

impl Package {
    /// Where the tests look: among Debian's versions, then on the path.
    fn is_there(&self) -> bool {
        let versions = self.versions.and_then(|folder| std::fs::read_dir(folder).ok());
        let packaged = versions.into_iter().flatten().flatten().map(|version| version.path().join("bin"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = packaged.chain(std::env::split_paths(&path).collect::<Vec<PathBuf>>());
        folders.any(|folder| folder.join(self.program).is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_names_every_package() {
        for package in &PACKAGES {
            assert!(SHOWN.contains(package.name), "{}", package.name);
        }
    }

    #[test]
    fn a_program_is_found_on_the_path() {
        let of = |program| Package { name: "", program, versions: None };
        assert!(of("sh").is_there());
        assert!(!of("no-such-program").is_there());
    }
}
