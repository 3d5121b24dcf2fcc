//! Texts for staff.

use chrono::NaiveDate;
use fluent::FluentArgs;

use super::catalog::Stop;
use super::data::{LINE, UNIT, line};
use super::guest::fit;
use super::{FailedText, Form, Language, Languages, Rendered, TextError, Texts, date};
use crate::alert::AlertKind;

/// What an alert is about; each that is there gets a line of its own. No guest's name and no PIN belongs here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaffArgs {
    /// The booking, as its source calls it, or a code's marker.
    pub reference: Option<String>,
    /// The unit.
    pub unit: Option<String>,
    /// The door.
    pub door: Option<String>,
    /// The source, lock account or notifier, as configured.
    pub account: Option<String>,
    /// The day that matters: arrival, where it is near, or departure.
    pub date: Option<NaiveDate>,
    /// What else is known, in English.
    pub detail: Option<String>,
}

impl StaffArgs {
    #[cfg(test)]
    pub(super) const LINES: [&str; 6] = ["reference", "unit", "door", "account", "date", "detail"];

    fn lines(&self, texts: &Texts, language: Language) -> Result<Vec<String>, FailedText> {
        let Self { reference, unit, door, account, date, detail } = self;
        let lines = [
            ("reference", reference.as_deref().map(|text| line(text, UNIT))),
            ("unit", unit.as_deref().map(|text| line(text, UNIT))),
            ("door", door.as_deref().map(|text| line(text, UNIT))),
            ("account", account.as_deref().map(|text| line(text, UNIT))),
            ("date", date.map(|date| date::day(language, date))),
            ("detail", detail.as_deref().map(|text| line(text, LINE))),
        ];
        let there =
            lines.into_iter().filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)));
        there
            .map(|(name, text)| {
                let mut args = FluentArgs::new();
                args.set(name, text);
                texts.format(language, &format!("staff-line-{name}"), &args)
            })
            .collect()
    }
}

impl Texts {
    /// The text of an alert to staff, in the first of the languages that has a complete one.
    ///
    /// In a thread it explains what has happened and what to do; a text message is the subject and as many of the
    /// lines as fit.
    ///
    /// # Errors
    ///
    /// [`TextError::Unusable`] when no language has a complete text, [`TextError::TooLong`] when not even the
    /// subject fits.
    pub fn render_staff(
        &self,
        languages: &Languages,
        form: Form,
        kind: AlertKind,
        about: &StaffArgs,
    ) -> Result<Rendered, TextError> {
        let ((subject, body), language, failed) = self.first(languages, |language| {
            let none = FluentArgs::new();
            let subject = self.format(language, &format!("staff-{kind}-subject"), &none)?;
            let lines = about.lines(self, language)?;
            let body = match form {
                Form::Thread => {
                    let text = self.format(language, &format!("staff-{kind}"), &none)?;
                    if lines.is_empty() { text } else { format!("{text}\n\n{}", lines.join("\n")) }
                }
                Form::Sms { max_segments } => {
                    let mut lines = [vec![subject.clone()], lines].concat();
                    loop {
                        match fit(lines.join("\n"), language, max_segments) {
                            Ok(text) => break text,
                            Err(_) if lines.len() > 1 => drop(lines.pop()),
                            Err(segments) => {
                                return Err(Stop::Message(TextError::TooLong {
                                    language,
                                    segments,
                                    max_segments,
                                }));
                            }
                        }
                    }
                }
            };
            Ok((subject, body))
        })?;
        Ok(Rendered { subject, body, language, failed })
    }
}
