//! A folder that is gone when this process is, however that came about.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Waits until nobody holds the other end of its input, and clears up; what dies at that moment may still write.
const KEEPER: &str = r#"read -r _; rm -rf "$1"; sleep 1; rm -rf "$1""#;

pub(crate) struct Folder {
    path: PathBuf,
    keeper: Child,
}

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let path = tempfile::Builder::new().prefix("staykey-soak-").tempdir()?.keep();
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What interrupts this process from a terminal goes to its whole group.
            .process_group(0)
            .spawn()?;
        Ok(Self { path, keeper })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
