//! The PostgreSQL server that tests start for themselves: installed where it is missing.

use std::path::Path;

use crate::call::Call;

/// How it is told to people.
pub(crate) const SHOWN: &str = "(apt-get install -y postgresql, where no PostgreSQL server is installed)";

/// Whether there is one, after an attempt to install it.
pub(crate) fn get(root: &Path) -> anyhow::Result<bool> {
    if is_there() {
        return Ok(true);
    }
    // Without it the tests say what is missing; with it they need no more than its programs.
    let quiet =
        |arguments: &str| Call::program("apt-get", arguments).variable("DEBIAN_FRONTEND", "noninteractive");
    for call in [quiet("update"), quiet("install -y postgresql")] {
        println!("    {call}");
        if !call.run(root).unwrap_or(false) {
            break;
        }
    }
    anyhow::ensure!(
        is_there(),
        "no PostgreSQL server is installed, which the tests of its store start: run `apt-get install -y postgresql` as \
         root, or put initdb and pg_ctl on the PATH"
    );
    Ok(true)
}

/// Where the tests look: among Debian's packages, then on the path.
fn is_there() -> bool {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    packaged
        .map(|version| version.path().join("bin"))
        .chain(std::env::split_paths(&path))
        .any(|folder| folder.join("initdb").is_file())
}
