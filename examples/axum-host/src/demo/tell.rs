//! The terminal: headlines, facts, ticks and crosses, and what guests read.

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const CYAN: &str = "36";

/// How wide the label of a fact is.
const LABEL: usize = 11;

/// Writes the story. A reader who has gone is no reason to stop: the steps count.
pub(super) struct Tell {
    out: Box<dyn Write>,
    colour: bool,
}

impl Tell {
    /// To standard output; in colour if that is a terminal and `NO_COLOR` is not set.
    pub(super) fn stdout() -> Self {
        let out = io::stdout();
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colour: out.is_terminal() && !plain, out: Box::new(out) }
    }

    pub(super) fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
    }

    pub(super) fn title(&mut self, text: &str) {
        let text = self.paint(BOLD, text);
        self.line(text);
    }

    /// What comes now.
    pub(super) fn headline(&mut self, number: usize, text: &str) {
        let text = self.paint(BOLD, &format!("{number}  {text}"));
        self.line(format_args!("\n{text}"));
    }

    /// Something that happens or is so.
    pub(super) fn fact(&mut self, label: &str, text: impl Display) {
        let label = self.paint(DIM, &format!("{label:<LABEL$}"));
        self.line(format_args!("   {label} {text}"));
    }

    /// Something that was looked at and is as it should be.
    pub(super) fn held(&mut self, text: impl Display) {
        let tick = self.paint(GREEN, "✓");
        self.line(format_args!("   {tick} {text}"));
    }

    /// Something that is not as it should be.
    pub(super) fn broken(&mut self, text: impl Display) {
        let cross = self.paint(RED, "✗");
        self.line(format_args!("   {cross} {text}"));
    }

    /// A text as somebody reads it.
    pub(super) fn quote(&mut self, heading: impl Display, text: &str) {
        self.line(format_args!("     {heading}"));
        let bar = self.paint(CYAN, "│");
        for line in text.lines() {
            self.line(format_args!("     {bar} {line}").to_string().trim_end());
        }
    }

    /// Something to try, and the command for it.
    pub(super) fn command(&mut self, what: &str, command: &str) {
        let what = self.paint(DIM, &format!("# {what}"));
        self.line(format_args!("   {what}\n   {command}"));
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
