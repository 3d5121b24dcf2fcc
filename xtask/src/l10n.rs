//! `cargo xtask l10n`: holds the locale files of booking-engine against each other.
//!
//! English says which messages there are and which variables each has; `keys.txt` says which are used, and a test of
//! booking-engine holds that list against the code. That every text renders and fits is tested there too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, VariantKey};
use fluent_syntax::parser::parse;

const LOCALES: &str = "booking-engine/locales";
const ENGLISH: &str = "en";
/// The plural categories of cardinal numbers (CLDR).
const PLURALS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// The sources by language and file.
type Sources = BTreeMap<String, BTreeMap<String, String>>;

/// Checks all locale files and tells all that is wrong.
///
/// # Errors
///
/// When a file cannot be read, and when there is a problem in any.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let folder = root.join(LOCALES);
    let keys = fs::read_to_string(folder.join("keys.txt")).with_context(|| format!("{LOCALES}/keys.txt"))?;
    let mut sources = Sources::new();
    for path in listed(&folder)?.into_iter().filter(|path| path.is_dir()) {
        let files = sources.entry(name(&path)).or_default();
        for file in listed(&path)? {
            let source = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            files.insert(name(&file), source);
        }
    }
    let problems = check(&sources, &keys);
    anyhow::ensure!(problems.is_empty(), "{} in {LOCALES}:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}

fn listed(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// One message of one language.
struct Text {
    at: String,
    /// The variables of the text and of each attribute, under its name; the text itself has none.
    variables: BTreeMap<Option<String>, BTreeSet<String>>,
}

/// All that is wrong, sorted.
fn check(sources: &Sources, keys: &str) -> Vec<String> {
    let mut problems = BTreeSet::new();
    let texts: BTreeMap<&str, BTreeMap<String, Text>> = sources
        .iter()
        .map(|(language, files)| (language.as_str(), read(language, files, &mut problems)))
        .collect();
    let (Some(english), Some(english_files)) = (texts.get(ENGLISH), sources.get(ENGLISH)) else {
        return vec![format!("{ENGLISH}: there is none")];
    };
    let used: BTreeSet<&str> = keys.lines().map(str::trim).filter(|key| !key.is_empty()).collect();
    for (key, text) in english {
        if !used.contains(key.as_str()) {
            problems.insert(format!("{}: `{key}` is used nowhere (keys.txt)", text.at));
        }
    }
    for key in used.iter().filter(|key| !english.contains_key(**key)) {
        problems.insert(format!("{ENGLISH}: there is no `{key}`, which is used (keys.txt)"));
    }
    for (language, texts) in &texts {
        for file in english_files.keys().filter(|file| !sources[*language].contains_key(*file)) {
            problems.insert(format!("{language}/{file}: there is none"));
        }
        for (key, text) in texts {
            match english.get(key) {
                None => {
                    problems.insert(format!("{}: there is no `{key}` in English", text.at));
                }
                Some(english) => problems.extend(differences(key, text, english)),
            }
        }
        for key in english.keys().filter(|key| !texts.contains_key(*key)) {
            problems.insert(format!("{language}: there is no `{key}`"));
        }
    }
    problems.into_iter().collect()
}

fn differences(key: &str, text: &Text, english: &Text) -> Vec<String> {
    let mut differences = Vec::new();
    let parts: BTreeSet<_> = text.variables.keys().chain(english.variables.keys()).collect();
    for part in parts {
        let whole = part.as_ref().map_or_else(|| key.to_owned(), |attribute| format!("{key}.{attribute}"));
        match (text.variables.get(part), english.variables.get(part)) {
            (Some(own), Some(theirs)) if own != theirs => {
                differences.push(format!("{}: `{whole}` has {own:?}, in English {theirs:?}", text.at));
            }
            (Some(_), None) => differences.push(format!("{}: there is no `{whole}` in English", text.at)),
            (None, Some(_)) => differences.push(format!("{}: there is no `{whole}`", text.at)),
            _ => {}
        }
    }
    differences
}

/// Parses a language's files.
fn read(
    language: &str,
    files: &BTreeMap<String, String>,
    problems: &mut BTreeSet<String>,
) -> BTreeMap<String, Text> {
    let mut texts = BTreeMap::new();
    let mut terms = BTreeSet::new();
    let mut wanted = Vec::new();
    for (file, source) in files {
        let resource = parse(source.as_str()).unwrap_or_else(|(resource, errors)| {
            for error in errors {
                let line = 1 + source.bytes().take(error.pos.start).filter(|byte| *byte == b'\n').count();
                problems.insert(format!("{language}/{file}:{line}: {}", error.kind));
            }
            resource
        });
        for entry in &resource.body {
            match entry {
                Entry::Message(message) => {
                    let key = message.id.name.to_owned();
                    let at = place(language, file, source, &key);
                    let mut variables = BTreeMap::new();
                    for (part, pattern) in message.value.iter().map(|value| (None, value)).chain(
                        message
                            .attributes
                            .iter()
                            .map(|attribute| (Some(attribute.id.name.to_owned()), &attribute.value)),
                    ) {
                        let mut found = Found::default();
                        found.pattern(pattern);
                        problems
                            .extend(plurals(language, &found).map(|what| format!("{at}: `{key}` {what}")));
                        wanted.extend(found.references.into_iter().map(|reference| (at.clone(), reference)));
                        variables.insert(part, found.variables);
                    }
                    if texts.insert(key.clone(), Text { at: at.clone(), variables }).is_some() {
                        problems.insert(format!("{at}: `{key}` stands a second time"));
                    }
                }
                Entry::Term(term) => {
                    let key = format!("-{}", term.id.name);
                    let at = place(language, file, source, &key);
                    let mut found = Found::default();
                    found.pattern(&term.value);
                    problems.extend(plurals(language, &found).map(|what| format!("{at}: `{key}` {what}")));
                    wanted.extend(found.references.into_iter().map(|reference| (at.clone(), reference)));
                    if !terms.insert(key.clone()) {
                        problems.insert(format!("{at}: `{key}` stands a second time"));
                    }
                }
                _ => {}
            }
        }
    }
    for (at, reference) in &wanted {
        if !terms.contains(reference) && !texts.contains_key(reference) {
            problems.insert(format!("{at}: there is no `{reference}`, which it refers to"));
        }
    }
    for term in terms.iter().filter(|term| !wanted.iter().any(|(_, reference)| reference == *term)) {
        problems.insert(format!("{language}: `{term}` is used nowhere"));
    }
    texts
}

fn place(language: &str, file: &str, source: &str, key: &str) -> String {
    let defines = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    match source.lines().position(defines) {
        Some(index) => format!("{language}/{file}:{}", index + 1),
        None => format!("{language}/{file}"),
    }
}

/// What a pattern holds.
#[derive(Default)]
struct Found {
    variables: BTreeSet<String>,
    references: BTreeSet<String>,
    /// The words of each choice, the default last.
    choices: Vec<(BTreeSet<String>, Option<String>)>,
}

impl Found {
    fn pattern(&mut self, pattern: &Pattern<&str>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.expression(expression);
            }
        }
    }

    fn expression(&mut self, expression: &Expression<&str>) {
        match expression {
            Expression::Inline(inline) => self.inline(inline),
            Expression::Select { selector, variants } => {
                self.inline(selector);
                let mut words = BTreeSet::new();
                let mut default = None;
                for variant in variants {
                    if let VariantKey::Identifier { name } = variant.key {
                        words.insert(name.to_owned());
                        if variant.default {
                            default = Some(name.to_owned());
                        }
                    }
                    self.pattern(&variant.value);
                }
                self.choices.push((words, default));
            }
        }
    }

    fn inline(&mut self, inline: &InlineExpression<&str>) {
        match inline {
            InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
            InlineExpression::VariableReference { id } => {
                self.variables.insert(id.name.to_owned());
            }
            InlineExpression::MessageReference { id, .. } => {
                self.references.insert(id.name.to_owned());
            }
            InlineExpression::TermReference { id, .. } => {
                self.references.insert(format!("-{}", id.name));
            }
            InlineExpression::FunctionReference { id, arguments } => {
                self.references.insert(format!("{}()", id.name));
                for argument in &arguments.positional {
                    self.inline(argument);
                }
            }
            InlineExpression::Placeable { expression } => self.expression(expression),
        }
    }
}

/// What is wrong with choices by number in this language.
fn plurals<'a>(language: &'a str, found: &'a Found) -> impl Iterator<Item = String> + 'a {
    let own: Option<&[&str]> = match language {
        "en" | "de" => Some(&["one", "other"]),
        "pl" | "ru" | "uk" => Some(&["one", "few", "many", "other"]),
        _ => None,
    };
    let by_number =
        found.choices.iter().filter(|(words, _)| words.iter().any(|word| PLURALS.contains(&word.as_str())));
    by_number.filter_map(move |(words, default)| {
        let Some(own) = own else {
            return Some(format!("chooses by number; which plurals {language} has is to be added here"));
        };
        if let Some(strange) = words.iter().find(|word| !own.contains(&word.as_str())) {
            return Some(format!("chooses by number, and {language} has no plural `{strange}`"));
        }
        (default.as_deref() != Some("other"))
            .then(|| "chooses by number without `other` as default".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Sources {
        let mut sources = Sources::new();
        for (path, source) in files {
            let (language, file) = path.split_once('/').unwrap();
            sources.entry(language.to_owned()).or_default().insert(file.to_owned(), (*source).to_owned());
        }
        sources
    }

    #[track_caller]
    fn check_all(files: &[(&str, &str)], keys: &str, problems: &[&str]) {
        assert_eq!(check(&sources(files), keys), problems);
    }

    #[test]
    fn the_locale_files_are_sound() {
        run(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).unwrap();
    }

    #[test]
    fn what_is_alike_is_sound() {
        let english = "a = { $n ->\n    [one] day\n   *[other] days\n } { -house }\n-house = Home\nb = Go\n    .title = To { $x }\n";
        let polish = "-house = Dom\na = { $n ->\n    [one] dzień\n   *[other] dni\n } { -house }\nb = Idź\n    .title = Do { $x }\n";
        check_all(&[("en/a.ftl", english), ("pl/a.ftl", polish)], "a\nb\n", &[]);
    }

    #[test]
    fn every_difference_is_told() {
        check_all(&[], "", &["en: there is none"]);
        check_all(
            &[("en/a.ftl", "a = A\nb = B\n")],
            "a\nc\n",
            &["en/a.ftl:2: `b` is used nowhere (keys.txt)", "en: there is no `c`, which is used (keys.txt)"],
        );
        check_all(
            &[
                ("en/a.ftl", "a = A { $x }\nb = B\n    .t = T\nc = C\n"),
                ("de/a.ftl", "a = A { $y }\nb = B\nd = D { -none }\n-lone = L\na = Again { $x }\n"),
                ("de/b.ftl", "c = C {\n"),
            ],
            "a\nb\nc\n",
            &[
                "de/a.ftl:1: `a` stands a second time",
                "de/a.ftl:2: there is no `b.t`",
                "de/a.ftl:3: there is no `-none`, which it refers to",
                "de/a.ftl:3: there is no `d` in English",
                "de/b.ftl:2: Expected an inline expression",
                "de: `-lone` is used nowhere",
                "de: there is no `c`",
            ],
        );
        check_all(
            &[
                (
                    "en/a.ftl",
                    "a = { $n ->\n    [few] x\n   *[other] y\n }\nb = { $n ->\n   *[one] x\n    [other] y\n }\n",
                ),
                ("it/a.ftl", "a = { $n ->\n    [one] x\n   *[other] y\n }\nb = { $n }\n"),
            ],
            "a\nb\n",
            &[
                "en/a.ftl:1: `a` chooses by number, and en has no plural `few`",
                "en/a.ftl:5: `b` chooses by number without `other` as default",
                "it/a.ftl:1: `a` chooses by number; which plurals it has is to be added here",
            ],
        );
    }
}
