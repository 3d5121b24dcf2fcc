//! The bundles: one for each language, built in and overridden.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource};

use super::overrides::{self, Layer, Problem};
use super::{FailedText, Language, Languages, TextError};

/// The files that are always there.
const BUILT_IN: [(Language, &str, &str); 10] = [
    (Language::En, "guest", include_str!("../../locales/en/guest.ftl")),
    (Language::En, "staff", include_str!("../../locales/en/staff.ftl")),
    (Language::De, "guest", include_str!("../../locales/de/guest.ftl")),
    (Language::De, "staff", include_str!("../../locales/de/staff.ftl")),
    (Language::Pl, "guest", include_str!("../../locales/pl/guest.ftl")),
    (Language::Pl, "staff", include_str!("../../locales/pl/staff.ftl")),
    (Language::Ru, "guest", include_str!("../../locales/ru/guest.ftl")),
    (Language::Ru, "staff", include_str!("../../locales/ru/staff.ftl")),
    (Language::Uk, "guest", include_str!("../../locales/uk/guest.ftl")),
    (Language::Uk, "staff", include_str!("../../locales/uk/staff.ftl")),
];

/// A tenant's texts in every language.
pub struct Texts {
    bundles: BTreeMap<Language, FluentBundle<FluentResource>>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("languages", &self.bundles.keys()).finish_non_exhaustive()
    }
}

impl Texts {
    /// Loads the texts that are built in and, over them, a tenant's own.
    ///
    /// `overrides` is a folder with a folder for each language whose texts are changed (`de`), and in that any
    /// number of `.ftl` files with just the messages that differ. They may bring terms (`-house = …`) of their own.
    ///
    /// # Errors
    ///
    /// [`TextError::Files`] with all that is wrong at once: what cannot be read or parsed, messages and variables
    /// that there are none of in English, references to nothing, texts that leave out a PIN or a time.
    pub fn load(overrides: Option<&Path>) -> Result<Self, TextError> {
        let mut problems = Vec::new();
        let mut layers = built_in();
        if let Some(folder) = overrides {
            layers.extend(overrides::read(folder, &mut problems));
        }
        Self::of(layers, problems)
    }

    pub(super) fn of(layers: Vec<Layer>, mut problems: Vec<Problem>) -> Result<Self, TextError> {
        problems.extend(overrides::check(&layers));
        if !problems.is_empty() {
            problems.sort();
            return Err(TextError::Files(problems));
        }
        let mut bundles = BTreeMap::new();
        for layer in layers {
            let bundle = bundles.entry(layer.language).or_insert_with(|| {
                let mut bundle = FluentBundle::new_concurrent(vec![layer.language.identifier()]);
                // The isolating marks would turn an SMS into UCS-2, and booking systems show them as boxes.
                bundle.set_use_isolating(false);
                bundle
            });
            let resource = FluentResource::try_new(layer.source).unwrap_or_else(|(resource, _)| resource);
            bundle.add_resource_overriding(resource);
        }
        Ok(Self { bundles })
    }

    /// Tries each language until one has the text.
    pub(super) fn first<T>(
        &self,
        languages: &Languages,
        mut make: impl FnMut(Language) -> Result<T, Stop>,
    ) -> Result<(T, Language, Vec<FailedText>), TextError> {
        let mut failed = Vec::new();
        for language in languages.iter() {
            match make(language) {
                Ok(text) => return Ok((text, language, failed)),
                Err(Stop::Language(text)) => failed.push(text),
                Err(Stop::Message(error)) => return Err(error),
            }
        }
        Err(TextError::Unusable(failed))
    }

    /// One message of the files, complete or not at all.
    pub(super) fn format(
        &self,
        language: Language,
        id: &str,
        args: &FluentArgs<'_>,
    ) -> Result<String, FailedText> {
        let failed = |what: String| FailedText { language, id: id.to_owned(), what };
        let bundle = self.bundles.get(&language).ok_or_else(|| failed("no such language".to_owned()))?;
        let pattern = bundle
            .get_message(id)
            .and_then(|message| message.value())
            .ok_or_else(|| failed("no such text".to_owned()))?;
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(args), &mut errors);
        match errors.first() {
            None => Ok(tidy(&text)),
            Some(error) => Err(failed(error.to_string())),
        }
    }
}

/// Why a language's text was not made.
pub(super) enum Stop {
    /// The next language may have it.
    Language(FailedText),
    /// No language will.
    Message(TextError),
}

impl From<FailedText> for Stop {
    fn from(failed: FailedText) -> Self {
        Self::Language(failed)
    }
}

pub(super) fn built_in() -> Vec<Layer> {
    let layer = |(language, file, source): (Language, &str, &str)| Layer {
        language,
        file: format!("built in {language}/{file}.ftl"),
        source: source.to_owned(),
        overriding: false,
    };
    BUILT_IN.into_iter().map(layer).collect()
}

/// Without blanks at the ends of lines, which a list of codes after a colon would leave.
fn tidy(text: &str) -> String {
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}
