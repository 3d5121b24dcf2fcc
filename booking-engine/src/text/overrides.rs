//! Reading a tenant's own texts, and finding all that is wrong with texts before any is used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser::parse_runtime;

use super::Language;

/// Variables that a text may not leave out where the English one shows them.
const ESSENTIAL: [&str; 5] = ["codes", "end", "moment", "pin", "start"];

/// Something wrong with a locale file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file or folder.
    pub file: String,
    /// The line, where it is a matter of one.
    pub line: Option<usize>,
    /// What is wrong, and where it helps, what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// One file of one language.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) language: Language,
    pub(super) file: String,
    pub(super) source: String,
    pub(super) overriding: bool,
}

/// Reads a folder of overrides, as far as it can be read.
pub(super) fn read(folder: &Path, problems: &mut Vec<Problem>) -> Vec<Layer> {
    let mut layers = Vec::new();
    for path in listed(folder, problems) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        let known = Language::ALL.into_iter().find(|language| language.code() == name);
        match known {
            _ if !path.is_dir() => {
                if is_ftl(&path) {
                    problems.push(problem(&path, "texts belong into the folder of their language"));
                }
            }
            None => {
                let known = Language::ALL.map(Language::code).join(", ");
                problems.push(problem(&path, &format!("no language of these texts; there are {known}")));
            }
            Some(language) => {
                for file in listed(&path, problems).into_iter().filter(|file| is_ftl(file)) {
                    match fs::read_to_string(&file) {
                        Ok(source) => layers.push(Layer {
                            language,
                            file: file.display().to_string(),
                            source: source.trim_start_matches('\u{feff}').replace("\r\n", "\n"),
                            overriding: true,
                        }),
                        Err(error) => problems.push(problem(&file, &format!("cannot be read: {error}"))),
                    }
                }
            }
        }
    }
    layers
}

fn listed(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = entries.unwrap_or_else(|error: std::io::Error| {
        problems.push(problem(folder, &format!("cannot be read: {error}")));
        Vec::new()
    });
    paths.sort();
    paths
}

fn is_ftl(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "ftl")
}

fn problem(path: &Path, what: &str) -> Problem {
    Problem { file: path.display().to_string(), line: None, what: what.to_owned() }
}

/// All that is wrong with these files, taken together. Files that override come after those that they override.
pub(super) fn check(layers: &[Layer]) -> Vec<Problem> {
    let mut problems = BTreeSet::new();
    // What the built-in English text has counts even where it is overridden itself.
    let base = collect(
        layers.iter().filter(|layer| !layer.overriding && layer.language == Language::En),
        &mut BTreeSet::new(),
    );
    let expected: BTreeMap<Id<'_>, Uses<'_>> =
        base.keys().map(|id| (*id, Walk::over(&base, &mut BTreeSet::new()).uses(*id))).collect();
    for language in Language::ALL {
        let texts = collect(layers.iter().filter(|layer| layer.language == language), &mut problems);
        for (id, text) in &texts {
            let uses = Walk::over(&texts, &mut problems).uses(*id);
            if let Id::Message(name) = id {
                for what in differences(name, &uses, expected.get(id)) {
                    problems.insert(text.problem(what));
                }
            }
        }
    }
    problems.into_iter().collect()
}

fn differences(name: &str, uses: &Uses<'_>, expected: Option<&Uses<'_>>) -> Vec<String> {
    let Some(expected) = expected else { return vec![format!("there is no message `{name}`")] };
    let has = expected.all.iter().map(|variable| format!("${variable}")).collect::<Vec<_>>().join(", ");
    let has = if has.is_empty() { "none".to_owned() } else { has };
    let strange = uses.all.difference(&expected.all);
    let missing = expected.shown.difference(&uses.shown).filter(|variable| ESSENTIAL.contains(*variable));
    strange
        .map(|variable| format!("`{name}` has no variable ${variable}; it has {has}"))
        .chain(missing.map(|variable| format!("`{name}` must always show ${variable}")))
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Id<'a> {
    Message(&'a str),
    Term(&'a str),
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(name) => f.write_str(name),
            Self::Term(name) => write!(f, "-{name}"),
        }
    }
}

/// A message or term, and where it stands.
struct Text<'a> {
    layer: &'a Layer,
    line: Option<usize>,
    value: Pattern<&'a str>,
    attributes: BTreeMap<&'a str, Pattern<&'a str>>,
}

impl Text<'_> {
    fn problem(&self, what: String) -> Problem {
        Problem { file: self.layer.file.clone(), line: self.line, what }
    }
}

type Texts<'a> = BTreeMap<Id<'a>, Text<'a>>;

/// The messages and terms of these files; of several with one id the last.
fn collect<'a>(layers: impl Iterator<Item = &'a Layer>, problems: &mut BTreeSet<Problem>) -> Texts<'a> {
    let mut texts = Texts::new();
    for layer in layers {
        let source = layer.source.as_str();
        let at = |line, what| Problem { file: layer.file.clone(), line, what };
        let resource = parse_runtime(source).unwrap_or_else(|(resource, errors)| {
            problems.extend(
                errors.iter().map(|error| at(Some(line_at(source, error.pos.start)), error.kind.to_string())),
            );
            resource
        });
        for entry in resource.body {
            let (id, value, attributes) = match entry {
                Entry::Message(message) => (Id::Message(message.id.name), message.value, message.attributes),
                Entry::Term(term) => (Id::Term(term.id.name), Some(term.value), term.attributes),
                Entry::Comment(_)
                | Entry::GroupComment(_)
                | Entry::ResourceComment(_)
                | Entry::Junk { .. } => continue,
            };
            let line = line_of(source, id);
            let attributes: BTreeMap<_, _> =
                attributes.into_iter().map(|attribute| (attribute.id.name, attribute.value)).collect();
            if matches!(id, Id::Message(_)) && !attributes.is_empty() {
                problems.insert(at(line, format!("`{id}` has attributes, which no text here has")));
            }
            let Some(value) = value else {
                problems.insert(at(line, format!("`{id}` has no text")));
                continue;
            };
            if let Some(earlier) = texts.insert(id, Text { layer, line, value, attributes })
                && earlier.layer.overriding == layer.overriding
            {
                problems
                    .insert(at(line, format!("`{id}` stands a second time, after {}", earlier.layer.file)));
            }
        }
    }
    texts
}

/// The variables of a text.
#[derive(Clone, Debug, Default)]
struct Uses<'a> {
    /// All that it names.
    all: BTreeSet<&'a str>,
    /// Those that it shows whichever variants are chosen.
    shown: BTreeSet<&'a str>,
}

impl<'a> Uses<'a> {
    fn add(&mut self, other: Self) {
        self.all.extend(other.all);
        self.shown.extend(other.shown);
    }
}

/// Follows a text through all that it refers to.
struct Walk<'w, 'a> {
    texts: &'w Texts<'a>,
    path: Vec<Id<'a>>,
    problems: &'w mut BTreeSet<Problem>,
}

impl<'w, 'a> Walk<'w, 'a> {
    fn over(texts: &'w Texts<'a>, problems: &'w mut BTreeSet<Problem>) -> Self {
        Self { texts, path: Vec::new(), problems }
    }

    fn uses(&mut self, id: Id<'a>) -> Uses<'a> {
        let Some(text) = self.texts.get(&id) else { return Uses::default() };
        self.path.push(id);
        let uses = self.pattern(&text.value);
        for attribute in text.attributes.values() {
            self.pattern(attribute);
        }
        self.path.pop();
        // A term sees only what it is called with.
        if matches!(id, Id::Term(_)) { Uses::default() } else { uses }
    }

    fn pattern(&mut self, pattern: &Pattern<&'a str>) -> Uses<'a> {
        let mut uses = Uses::default();
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                uses.add(self.expression(expression));
            }
        }
        uses
    }

    fn expression(&mut self, expression: &Expression<&'a str>) -> Uses<'a> {
        match expression {
            Expression::Inline(inline) => self.inline(inline),
            Expression::Select { selector, variants } => {
                let mut uses = match selector {
                    InlineExpression::VariableReference { id } => {
                        Uses { all: BTreeSet::from([id.name]), ..Uses::default() }
                    }
                    other => Uses { shown: BTreeSet::new(), ..self.inline(other) },
                };
                let mut shown: Option<BTreeSet<&str>> = None;
                for variant in variants {
                    let branch = self.pattern(&variant.value);
                    uses.all.extend(branch.all);
                    shown = Some(match shown {
                        Some(shown) => shown.intersection(&branch.shown).copied().collect(),
                        None => branch.shown,
                    });
                }
                uses.shown.extend(shown.unwrap_or_default());
                uses
            }
        }
    }

    fn inline(&mut self, inline: &InlineExpression<&'a str>) -> Uses<'a> {
        match inline {
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {
                Uses::default()
            }
            InlineExpression::VariableReference { id } => {
                if matches!(self.path.last(), Some(Id::Term(_))) {
                    // Fluent would print the placeholder and call it no error.
                    self.problem(format!("shows ${}, but terms can only choose by a variable", id.name));
                }
                let variable = BTreeSet::from([id.name]);
                Uses { all: variable.clone(), shown: variable }
            }
            InlineExpression::FunctionReference { id, .. } => {
                self.problem(format!("calls {}(), but there are no functions", id.name));
                Uses::default()
            }
            InlineExpression::MessageReference { id, attribute } => {
                self.reference(Id::Message(id.name), attribute.as_ref().map(|attribute| attribute.name))
            }
            InlineExpression::TermReference { id, attribute, arguments } => {
                for argument in arguments.iter().flat_map(|arguments| &arguments.positional) {
                    self.inline(argument);
                    self.problem(format!(
                        "calls -{} with an argument that has no name, which is ignored",
                        id.name
                    ));
                }
                self.reference(Id::Term(id.name), attribute.as_ref().map(|attribute| attribute.name))
            }
            InlineExpression::Placeable { expression } => self.expression(expression),
        }
    }

    fn reference(&mut self, id: Id<'a>, attribute: Option<&'a str>) -> Uses<'a> {
        let Some(text) = self.texts.get(&id) else {
            self.problem(format!("refers to {id}, which does not exist"));
            return Uses::default();
        };
        if let Some(attribute) = attribute {
            if !text.attributes.contains_key(attribute) {
                self.problem(format!("refers to {id}.{attribute}, which does not exist"));
            }
            return Uses::default();
        }
        if self.path.contains(&id) {
            self.problem(format!("refers to itself through {id}"));
            return Uses::default();
        }
        self.uses(id)
    }

    /// A problem of the text that is being walked.
    fn problem(&mut self, what: String) {
        if let Some((id, text)) = self.path.last().and_then(|id| self.texts.get_key_value(id)) {
            self.problems.insert(text.problem(format!("`{id}` {what}")));
        }
    }
}

fn line_at(source: &str, at: usize) -> usize {
    1 + source.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// The line on which an id is defined; ids begin lines, and nothing else without an indent does but comments.
fn line_of(source: &str, id: Id<'_>) -> Option<usize> {
    let id = id.to_string();
    let defines = |line: &str| line.strip_prefix(&id).is_some_and(|rest| rest.trim_start().starts_with('='));
    Some(1 + source.lines().position(defines)?)
}
