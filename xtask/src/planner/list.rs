//! The mutants as cargo-mutants lists them.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// One mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// What it is known by.
    pub(crate) key: Key,
    /// What it replaces.
    pub(crate) span: Span,
    /// With what.
    pub(crate) replacement: String,
}

/// What a mutant is known by, however far its line moves.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Key {
    /// The file, from the root.
    pub(crate) file: String,
    /// What is replaced by what, and in which function.
    pub(crate) mutant: String,
    /// Which of several such in this function, counted from 1.
    pub(crate) occurrence: usize,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Its first character.
    pub(crate) start: Position,
    /// The character after its last.
    pub(crate) end: Position,
}

/// A character of a file, both counted from 1.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Its line.
    pub(crate) line: usize,
    /// Its place in the line.
    pub(crate) column: usize,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.mutant)?;
        if self.occurrence > 1 { write!(f, " ({})", self.occurrence) } else { Ok(()) }
    }
}

/// What cargo-mutants says of one.
#[derive(Deserialize)]
struct Listed {
    file: String,
    /// File, line and column, then what is replaced by what.
    name: String,
    replacement: String,
    span: Span,
}

/// Reads its list, which comes back in the order of the source.
pub(crate) fn read(json: &str) -> anyhow::Result<Vec<Mutant>> {
    let mut listed: Vec<Listed> = serde_json::from_str(json).context("the list of cargo-mutants")?;
    listed.sort_by(|a, b| (&a.file, a.span, &a.name).cmp(&(&b.file, b.span, &b.name)));
    let mut counts = BTreeMap::new();
    let keyed = listed.into_iter().map(|Listed { file, name, replacement, span }| {
        let (_, mutant) = name.split_once(": ").with_context(|| format!("no name of a mutant: {name}"))?;
        let count = counts.entry((file.clone(), mutant.to_owned())).or_insert(0);
        *count += 1;
        let key = Key { file, mutant: mutant.to_owned(), occurrence: *count };
        Ok(Mutant { key, span, replacement })
    });
    keyed.collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A mutant of this line, of one of two descriptions.
    pub(crate) fn mutant(file: &str, line: usize, even: bool) -> Mutant {
        let name = if even { "even" } else { "odd" };
        let at = Position { line, column: 1 };
        Mutant { key: key(file, name, line), span: Span { start: at, end: at }, replacement: String::new() }
    }

    pub(crate) fn key(file: &str, mutant: &str, occurrence: usize) -> Key {
        Key { file: file.to_owned(), mutant: mutant.to_owned(), occurrence }
    }

    #[test]
    fn equal_ones_are_counted_in_the_order_of_the_source() {
        let listed = |line: usize, what: &str| {
            format!(
                r#"{{"file": "a/plan.rs", "name": "a/plan.rs:{line}:5: {what}", "genre": "BinaryOperator",
                "replacement": "||", "span": {{"start": {{"line": {line}, "column": 5}},
                "end": {{"line": {line}, "column": 7}}}}}}"#
            )
        };
        let lines = [listed(9, "x in f"), listed(8, "x in f"), listed(7, "y: z in f")];
        let mutants = read(&format!("[{}]", lines.join(","))).unwrap();
        let read: Vec<_> =
            mutants.iter().map(|mutant| (mutant.span.start.line, mutant.key.clone())).collect();
        let expected = [
            (7, key("a/plan.rs", "y: z in f", 1)),
            (8, key("a/plan.rs", "x in f", 1)),
            (9, key("a/plan.rs", "x in f", 2)),
        ];
        assert_eq!(read, expected);
        assert_eq!(mutants[2].key.to_string(), "a/plan.rs: x in f (2)");
    }
}
