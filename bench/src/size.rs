//! The size of the program, and how long it takes to build.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::Scale;
use crate::report::{Figure, Report};

pub(crate) fn size(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let binary = scale.binary.display().to_string();
    let length = std::fs::metadata(&scale.binary).with_context(|| format!("{binary}: build it first"))?.len();
    #[expect(clippy::cast_precision_loss, reason = "a size in mebibytes")]
    let size = length as f64 / 1024.0 / 1024.0;
    let name = scale.binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
    report.add("size", [Figure::one(format!("{name}, as released"), size, "MiB")]);
    Ok(())
}

/// Builds the host from nothing, in a folder of its own.
pub(crate) fn compile(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for (what, profile) in [("checked", &["check"][..]), ("released", &["build", "--release"])] {
        let folder = scale.folder()?;
        let begun = Instant::now();
        let status = Command::new("cargo")
            .args(profile)
            .args(["--quiet", "--package", "axum-host", "--target-dir"])
            .arg(folder.path())
            .current_dir(root)
            .stdin(Stdio::null())
            .status()?;
        ensure!(status.success(), "the host does not build");
        let what = format!("axum-host from nothing, {what}");
        report.add("compile", [Figure::one(what, begun.elapsed().as_secs_f64(), "s")]);
    }
    Ok(())
}
