//! A command as a value: shown as it is run, and run from the root of the repository.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

/// One call of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Call {
    /// `cargo` with these arguments, split at blanks.
    pub(crate) fn cargo(arguments: &str) -> Self {
        Self::program("cargo", arguments)
    }

    /// Another program with these arguments, split at blanks.
    pub(crate) fn program(program: &str, arguments: &str) -> Self {
        Self { program: program.to_owned(), ..Self::default() }.with(arguments.split_whitespace())
    }

    /// Adds arguments.
    pub(crate) fn with<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it on this terminal; tells whether it succeeded.
    pub(crate) fn run(&self, root: &Path) -> anyhow::Result<bool> {
        let status = self.command(root).status().with_context(|| self.to_string())?;
        Ok(status.success())
    }

    /// Runs it in silence; tells whether it succeeded. A program that is not there has not.
    pub(crate) fn succeeds(&self, root: &Path) -> bool {
        let mut command = self.command(root);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Runs it and gives what it writes; what it complains of goes to this terminal.
    pub(crate) fn output(&self, root: &Path) -> anyhow::Result<String> {
        let mut command = self.command(root);
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.with_context(|| self.to_string())?;
        anyhow::ensure!(output.status.success(), "failed: {self}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs it, shows its output, and lets each line of it be read, colours taken off.
    pub(crate) fn run_reading(&self, root: &Path, mut read: impl FnMut(&str)) -> anyhow::Result<bool> {
        self.lines(root, |line| {
            io::stdout().write_all(line)?;
            read(&plain(&String::from_utf8_lossy(line)));
            Ok(())
        })
    }

    /// Runs it and lets each line of its output be read, without showing it.
    pub(crate) fn read(&self, root: &Path, mut read: impl FnMut(&str)) -> anyhow::Result<bool> {
        self.lines(root, |line| {
            read(&plain(&String::from_utf8_lossy(line)));
            Ok(())
        })
    }

    fn lines(&self, root: &Path, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> anyhow::Result<bool> {
        let (output, input) = io::pipe()?;
        let mut command = self.command(root);
        if io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            .spawn()
            .with_context(|| self.to_string())?;
        // It holds ends of the pipe, which would never close.
        drop(command);
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line)? > 0 {
            each(&line)?;
            line.clear();
        }
        Ok(child.wait()?.success())
    }

    /// The same as a command that is yet to be run.
    pub(crate) fn command(&self, root: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(root);
        // What `cargo run` told this program about itself would make build scripts run again.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_about_us(name)) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn is_about_us(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_PACKAGE"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// The line without its end and without escape sequences.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line.trim_end();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest);
    }
    plain + rest
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={value} ")?;
        }
        f.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_shown_as_it_would_be_typed() {
        let call = Call::cargo("doc --no-deps").with(["--workspace"]).variable("RUSTDOCFLAGS", "-Dwarnings");
        assert_eq!(call.to_string(), "RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --workspace");
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(plain("\u{1b}[32;1m     Summary\u{1b}[0m [ 1s]\r\n"), "     Summary [ 1s]");
        assert_eq!(plain("plain\n"), "plain");
    }

    #[test]
    fn output_is_read_line_by_line_and_failure_is_told() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut lines = Vec::new();
        assert!(Call::cargo("--version").run_reading(root, |line| lines.push(line.to_owned())).unwrap());
        assert!(matches!(&lines[..], [line] if line.starts_with("cargo 1.")), "{lines:?}");
        assert!(!Call::cargo("no-such-command").run_reading(root, |_| ()).unwrap());
        assert!(!Call::cargo("no-such-command").succeeds(root));
        assert!(Call::cargo("--version").output(root).unwrap().starts_with("cargo 1."));
        assert!(Call::cargo("no-such-command").output(root).is_err());
    }
}
