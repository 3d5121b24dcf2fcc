//! Reading a TOML document so that every mistake in it is found at once.
//!
//! serde stops at the first mistake; here each value is read by itself, and what is wrong is noted with its line.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Range;

use chrono::TimeDelta;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::{nearest, parse_duration};
use super::{Problem, Warning};

/// All that was found so far.
pub(super) struct Report<'d> {
    text: &'d str,
    pub(super) env: &'d dyn Fn(&str) -> Option<String>,
    found: RefCell<Found>,
}

#[derive(Default)]
pub(super) struct Found {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
    /// Every key that was looked for.
    pub(super) keys: BTreeSet<&'static str>,
}

impl<'d> Report<'d> {
    pub(super) fn new(text: &'d str, env: &'d dyn Fn(&str) -> Option<String>) -> Self {
        Self { text, env, found: RefCell::default() }
    }

    pub(super) fn line_at(&self, span: Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn problem(
        &self,
        line: usize,
        key: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let problem = Problem { line, key: key.into(), what: what.into(), remedy: remedy.into() };
        self.found.borrow_mut().problems.push(problem);
    }

    pub(super) fn warning(
        &self,
        line: usize,
        key: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let warning = Warning { line, key: key.into(), what: what.into(), remedy: remedy.into() };
        self.found.borrow_mut().warnings.push(warning);
    }

    /// All of it, in the order of the file.
    pub(super) fn into_found(self) -> Found {
        let mut found = self.found.into_inner();
        found.problems.sort();
        found.warnings.sort();
        found
    }
}

/// A table of the document.
pub(super) struct Section<'d> {
    report: &'d Report<'d>,
    table: &'d DeTable<'d>,
    pub(super) path: String,
    pub(super) line: usize,
    known: RefCell<Vec<&'static str>>,
}

impl<'d> Section<'d> {
    pub(super) fn new(
        report: &'d Report<'d>,
        table: &'d DeTable<'d>,
        path: impl Into<String>,
        line: usize,
    ) -> Self {
        Self { report, table, path: path.into(), line, known: RefCell::default() }
    }

    /// A section that a document lacks: all in it is missing or by default.
    pub(super) fn absent(report: &'d Report<'d>, empty: &'d DeTable<'d>, path: &str) -> Self {
        Self::new(report, empty, path, 1)
    }

    pub(super) fn report(&self) -> &'d Report<'d> {
        self.report
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if it is there. From now on the key is a known one.
    pub(super) fn get(&self, key: &'static str) -> Option<Entry<'d>> {
        self.known.borrow_mut().push(key);
        self.report.found.borrow_mut().keys.insert(key);
        let (name, value) = self.table.get_key_value(key)?;
        Some(Entry {
            report: self.report,
            path: self.join(key),
            line: self.report.line_at(name.span()),
            value,
        })
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &'static str, remedy: &str) -> Option<Entry<'d>> {
        let entry = self.get(key);
        if entry.is_none() {
            self.report.problem(self.line, self.join(key), "is missing", remedy);
        }
        entry
    }

    /// The sections under a key: `[tenant.lock.NAME]`.
    pub(super) fn named(&self, key: &'static str) -> Vec<(&'d str, Section<'d>)> {
        let Some(section) = self.get(key).and_then(|entry| entry.section()) else { return Vec::new() };
        section.entries().filter_map(|(name, entry)| Some((name, entry.section()?))).collect()
    }

    /// Every key with its value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, Entry<'d>)> {
        self.table.iter().map(|(name, value)| {
            let (line, path) = (self.report.line_at(name.span()), self.join(name.get_ref()));
            (name.get_ref().as_ref(), Entry { report: self.report, path, line, value })
        })
    }

    /// The tables of an array: `[[tenant.door]]`. Each is called by its `label`, or by its number where it has none.
    pub(super) fn array(&self, key: &'static str, label: &str) -> Vec<Section<'d>> {
        let Some(entry) = self.get(key) else { return Vec::new() };
        let Some(items) = entry.value.get_ref().as_array() else {
            entry.wrong(
                format!("is {}, not a list of sections", kind(entry.value)),
                format!("write [[{key}]] sections"),
            );
            return Vec::new();
        };
        let sections = items.iter().enumerate().filter_map(|(index, item)| {
            let line = self.report.line_at(item.span());
            let Some(table) = item.get_ref().as_table() else {
                self.report.problem(
                    line,
                    &entry.path,
                    "holds what is no section",
                    format!("write [[{key}]] sections"),
                );
                return None;
            };
            let name = table.get(label).and_then(|label| label.get_ref().as_str());
            let path = match name {
                Some(name) if !name.is_empty() => self.join(&format!("{key}.{name}")),
                _ => self.join(&format!("{key}[{}]", index + 1)),
            };
            Some(Section::new(self.report, table, path, line))
        });
        sections.collect()
    }

    pub(super) fn problem(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let (line, path) = self.at(key);
        self.report.problem(line, path, what, remedy);
    }

    pub(super) fn warning(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let (line, path) = self.at(key);
        self.report.warning(line, path, what, remedy);
    }

    fn at(&self, key: &str) -> (usize, String) {
        if key.is_empty() {
            return (self.line, self.path.clone());
        }
        let line =
            self.table.get_key_value(key).map_or(self.line, |(name, _)| self.report.line_at(name.span()));
        (line, self.join(key))
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        let mut known = self.known.take();
        known.sort_unstable();
        known.dedup();
        for (name, entry) in self.entries().filter(|(name, _)| !known.contains(name)) {
            let remedy = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            entry.wrong("unknown key", remedy);
        }
    }
}

/// A value of the document.
pub(super) struct Entry<'d> {
    pub(super) report: &'d Report<'d>,
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) value: &'d Spanned<DeValue<'d>>,
}

impl<'d> Entry<'d> {
    pub(super) fn wrong(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.report.problem(self.line, &self.path, what, remedy);
    }

    pub(super) fn warn(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.report.warning(self.line, &self.path, what, remedy);
    }

    fn not(&self, wanted: &str, remedy: &str) {
        self.wrong(format!("is {}, not {wanted}", kind(self.value)), remedy);
    }

    pub(super) fn text(&self) -> Option<&'d str> {
        let text = self.value.get_ref().as_str();
        match text {
            None => self.not("a text", "write it in quotes"),
            Some(text) if text.trim().is_empty() => {
                self.wrong("is blank", "fill it in, or take the key out");
                return None;
            }
            Some(_) => {}
        }
        text
    }

    /// A text that must have a certain form.
    pub(super) fn parse<T, E: Display>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        remedy: &str,
    ) -> Option<T> {
        let text = self.text()?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(error.to_string(), remedy);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn choice<T: Clone>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.unknown(text, "value", &words);
        None
    }

    /// A name that nothing has.
    pub(super) fn unknown(&self, name: &str, what: &str, known: &[&str]) {
        let remedy = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there is none".to_owned(),
            None => format!("there are {}", known.join(", ")),
        };
        self.wrong(format!("there is no {what} `{name}`"), remedy);
    }

    pub(super) fn flag(&self) -> Option<bool> {
        let flag = self.value.get_ref().as_bool();
        if flag.is_none() {
            self.not("true or false", "write true or false without quotes");
        }
        flag
    }

    pub(super) fn integer(&self, range: Range<i64>) -> Option<i64> {
        let Some(integer) = self.value.get_ref().as_integer() else {
            self.not("a whole number", "write digits without quotes");
            return None;
        };
        match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                self.wrong(
                    "is out of range",
                    format!("write a number from {} to {}", range.start, range.end - 1),
                );
                None
            }
        }
    }

    /// A fraction from 0 to 1.
    pub(super) fn fraction(&self) -> Option<f64> {
        let number = match self.value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => integer.as_str().parse().ok(),
            _ => None,
        };
        let fraction = number.filter(|number| (0.0..=1.0).contains(number));
        if fraction.is_none() {
            self.wrong("is not a fraction", "write a number from 0 to 1, such as 0.2");
        }
        fraction
    }

    pub(super) fn duration(&self) -> Option<TimeDelta> {
        self.parse(parse_duration, "write a number with s, m, h or d, as in \"48h\"")
    }

    /// A duration of at least `least`.
    pub(super) fn duration_from(&self, least: TimeDelta, least_text: &str) -> Option<TimeDelta> {
        let duration = self.duration()?;
        if duration < least {
            self.wrong("is too short", format!("write at least \"{least_text}\""));
            return None;
        }
        Some(duration)
    }

    /// The items of a list; a single value is a list of one.
    pub(super) fn one_or_many(&self) -> Vec<Entry<'d>> {
        match self.value.get_ref().as_array() {
            Some(_) => self.list(),
            None => vec![Entry {
                report: self.report,
                path: self.path.clone(),
                line: self.line,
                value: self.value,
            }],
        }
    }

    pub(super) fn list(&self) -> Vec<Entry<'d>> {
        let Some(items) = self.value.get_ref().as_array() else {
            self.not("a list", "write [\"…\", \"…\"]");
            return Vec::new();
        };
        let items = items.iter().map(|value| {
            let line = self.report.line_at(value.span());
            Entry { report: self.report, path: self.path.clone(), line, value }
        });
        items.collect()
    }

    pub(super) fn section(&self) -> Option<Section<'d>> {
        let table = self.value.get_ref().as_table();
        if table.is_none() {
            self.not("a section", "write it as a [section] or { inline table }");
        }
        Some(Section::new(self.report, table?, self.path.clone(), self.line))
    }

    pub(super) fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }
}

/// What kind of value it is, with its article.
fn kind(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}
