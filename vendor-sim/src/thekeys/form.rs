//! The form of a keypad code, as Symfony reads it: every field that is not sent is empty.

use chrono::NaiveDate;

use super::model::{HourMinute, Share};
use crate::web::{self, Call, truthy};

const ROOT: &str = "partage_accessoire[";

/// The fields as sent, with what is wrong about them.
#[derive(Debug, Default)]
pub(super) struct CodeForm {
    name: String,
    active: bool,
    date_start: Option<NaiveDate>,
    date_end: Option<NaiveDate>,
    start: (Option<u32>, Option<u32>),
    end: (Option<u32>, Option<u32>),
    pub(super) code: Option<String>,
    description: Option<String>,
    notification_enabled: bool,
    iddesc: Option<String>,
    pub(super) errors: Vec<String>,
}

impl CodeForm {
    pub(super) fn parse(call: &Call<'_>) -> Self {
        let mut form = Self::default();
        if !call.is_type("application/x-www-form-urlencoded") {
            form.errors.push("the form was not submitted".into());
            return form;
        }
        for (key, value) in web::pairs(&String::from_utf8_lossy(call.body)) {
            let field = key.strip_prefix(ROOT).and_then(|rest| rest.strip_suffix(']'));
            match field {
                Some(field) => form.take(field, value),
                None => form.errors.push("This form should not contain extra fields.".into()),
            }
        }
        for (time, name) in [(form.start, "heure_debut"), (form.end, "heure_fin")] {
            if matches!(time, (None, Some(_))) {
                form.errors.push(format!("{name}: This value is not valid."));
            }
        }
        if let Some(code) = &form.code
            && !(code.chars().all(|digit| digit.is_ascii_digit()) && code.len() <= 10)
        {
            form.errors.push("code: This value is not valid.".into());
        }
        form
    }

    fn take(&mut self, field: &str, value: String) {
        let filled = Some(value.clone()).filter(|value| !value.is_empty());
        match field {
            "nom" => self.name = value,
            "actif" => self.active = truthy(&value),
            "date_debut" => self.date_start = self.date(field, filled),
            "date_fin" => self.date_end = self.date(field, filled),
            "heure_debut][hour" => self.start.0 = self.choice(field, filled, 24),
            "heure_debut][minute" => self.start.1 = self.choice(field, filled, 60),
            "heure_fin][hour" => self.end.0 = self.choice(field, filled, 24),
            "heure_fin][minute" => self.end.1 = self.choice(field, filled, 60),
            "code" => self.code = filled,
            "description" => self.description = filled,
            "notification_enabled" => self.notification_enabled = truthy(&value),
            "iddesc" => self.iddesc = filled,
            _ => self.errors.push("This form should not contain extra fields.".into()),
        }
    }

    fn date(&mut self, field: &str, value: Option<String>) -> Option<NaiveDate> {
        let value = value?;
        let date = value.parse::<NaiveDate>().ok().filter(|date| date.to_string() == value);
        if date.is_none() {
            self.errors.push(format!("{field}: This value is not valid."));
        }
        date
    }

    /// One of the numbers of a drop-down list: no leading zero.
    fn choice(&mut self, field: &str, value: Option<String>, below: u32) -> Option<u32> {
        let value = value?;
        let number =
            value.parse::<u32>().ok().filter(|number| *number < below && number.to_string() == value);
        if number.is_none() {
            let field = field.replace("][", ".");
            self.errors.push(format!("{field}: This value is not valid."));
        }
        number
    }

    /// The share with everything that was sent, and nothing of what was not.
    pub(super) fn share(self, id: u64, lock: u64, id_accessoire: String, code: String) -> Share {
        let time = |(hour, minute): (Option<u32>, Option<u32>)| -> Option<HourMinute> {
            hour.map(|hour| (hour, minute.unwrap_or(0)))
        };
        Share {
            id,
            lock,
            id_accessoire,
            code,
            hour_start: time(self.start),
            hour_end: time(self.end),
            name: self.name,
            description: self.description,
            active: self.active,
            date_start: self.date_start,
            date_end: self.date_end,
            notification_enabled: self.notification_enabled,
            iddesc: self.iddesc,
        }
    }
}
