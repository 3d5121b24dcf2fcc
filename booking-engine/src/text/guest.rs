//! Texts for guests: which door, which code, from when to when.

use std::fmt;

use booking_core::store::MessageKind;
use booking_core::{Pin, sms};
use chrono::NaiveDateTime;
use fluent::FluentArgs;

use super::catalog::Stop;
use super::data::{LINE, NAME, UNIT, line, some_line};
use super::{FailedText, Form, Language, Languages, Rendered, TextError, Texts, date};

/// What a guest is told. `Debug` shows no name and no PIN.
#[derive(Clone, PartialEq, Eq)]
pub struct GuestMessage {
    /// Why they are told.
    pub kind: MessageKind,
    /// Their name; without one they are greeted without one.
    pub guest_name: Option<String>,
    /// The unit's name.
    pub unit: String,
    /// For [`MessageKind::Moved`]: the unit before. Where it is not known or the same, only the access has changed.
    pub previous_unit: Option<String>,
    /// The local start of the stay.
    pub start: NaiveDateTime,
    /// The local end of the stay.
    pub end: NaiveDateTime,
    /// The doors on the way, in order. At least one.
    pub doors: Vec<GuestDoor>,
    /// The local time from which the codes work, where that is later than now and than the start.
    pub works_from: Option<NaiveDateTime>,
    /// Whom to ask for help: a number, an address.
    pub help: Option<String>,
}

impl fmt::Debug for GuestMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestMessage")
            .field("kind", &self.kind)
            .field("doors", &self.doors.len())
            .finish_non_exhaustive()
    }
}

/// A door and what is typed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestDoor {
    /// Its name for guests, told where doors have different codes.
    pub label: String,
    /// What is typed, prefix included.
    pub typed: Pin,
    /// What is pressed after it, where the keypad wants that.
    pub confirm: Option<ConfirmKey>,
}

/// The key of a keypad that ends a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ConfirmKey {
    /// A tick.
    Check,
    /// The word Enter.
    Enter,
    /// `#`.
    Hash,
    /// The picture of a key.
    Key,
    /// `*`.
    Star,
}

impl ConfirmKey {
    /// Every key.
    pub const ALL: [Self; 5] = [Self::Check, Self::Enter, Self::Hash, Self::Key, Self::Star];

    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Check => "key-check",
            Self::Enter => "key-enter",
            Self::Hash => "key-hash",
            Self::Key => "key-key",
            Self::Star => "key-star",
        }
    }
}

/// Which family of messages tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    CodeReady,
    TimesChanged,
    Moved,
    DoorChanged,
    CodeChanged,
}

impl Topic {
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] =
        [Self::CodeReady, Self::TimesChanged, Self::Moved, Self::DoorChanged, Self::CodeChanged];
    #[cfg(test)]
    pub(super) const PARTS: [&str; 5] = ["subject", "thread", "sms", "sms-nameless", "sms-short"];

    fn of(message: &GuestMessage) -> Option<Self> {
        Some(match message.kind {
            MessageKind::CodeReady => Self::CodeReady,
            MessageKind::TimesChanged => Self::TimesChanged,
            MessageKind::Moved
                if message.previous_unit.as_ref().is_some_and(|previous| *previous != message.unit) =>
            {
                Self::Moved
            }
            MessageKind::Moved => Self::DoorChanged,
            MessageKind::CodeChanged => Self::CodeChanged,
            _ => return None,
        })
    }

    pub(super) fn id(self, part: &str) -> String {
        let family = match self {
            Self::CodeReady => "code-ready",
            Self::TimesChanged => "times-changed",
            Self::Moved => "moved",
            Self::DoorChanged => "door-changed",
            Self::CodeChanged => "code-changed",
        };
        format!("{family}-{part}")
    }
}

/// How much a text message says; each says less than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Full,
    Nameless,
    Short,
}

impl Texts {
    /// The text of a message to a guest, in the first of the languages that has a complete one.
    ///
    /// A text message that is too long is tried without accents (where the language has them), then without the
    /// guest's name, then in a short form without greeting and help.
    ///
    /// # Errors
    ///
    /// [`TextError::Unusable`] when no language has a complete text, [`TextError::TooLong`] when the shortest does
    /// not fit, [`TextError::NoDoor`] and [`TextError::UnknownKind`] when there is nothing to tell.
    pub fn render(
        &self,
        languages: &Languages,
        form: Form,
        message: &GuestMessage,
    ) -> Result<Rendered, TextError> {
        let topic = Topic::of(message).ok_or(TextError::UnknownKind)?;
        if message.doors.is_empty() {
            return Err(TextError::NoDoor);
        }
        let ((subject, body), language, failed) = self.first(languages, |language| {
            let writer = Writer { texts: self, language, topic, message };
            let full = writer.facts(false)?;
            let subject = writer.part("subject", &full)?;
            let body = match form {
                Form::Thread => writer.thread(&full)?,
                Form::Sms { max_segments } => writer.sms(&full, max_segments)?,
            };
            Ok((subject, body))
        })?;
        Ok(Rendered { subject, body, language, failed })
    }
}

/// What a text is filled with.
struct Facts {
    args: FluentArgs<'static>,
    /// Doors that share the one code.
    shared: bool,
    /// One key for all codes.
    confirm: bool,
}

struct Writer<'a> {
    texts: &'a Texts,
    language: Language,
    topic: Topic,
    message: &'a GuestMessage,
}

impl Writer<'_> {
    fn facts(&self, short: bool) -> Result<Facts, FailedText> {
        let GuestMessage { guest_name, unit, previous_unit, start, end, doors, works_from, help, .. } =
            self.message;
        let moment = if short { date::moment_short } else { date::moment };
        let mut args = FluentArgs::new();
        let mut set = |name: &'static str, value: Option<String>| {
            if let Some(value) = value {
                args.set(name, value);
            }
        };
        set("name", some_line(guest_name.as_deref(), NAME));
        set("unit", Some(some_line(Some(unit), UNIT).unwrap_or_else(|| "-".to_owned())));
        set("previous", some_line(previous_unit.as_deref(), UNIT));
        set("start", Some(moment(self.language, *start)));
        set("end", Some(moment(self.language, *end)));
        set("moment", works_from.map(|at| moment(self.language, at)));
        set("contact", some_line(help.as_deref(), LINE));
        let labels: Vec<_> = (1..).zip(doors).map(|(number, door)| label(number, door)).collect();
        let mut keys = doors.iter().map(|door| door.confirm);
        let first_key = keys.next().flatten();
        let one_key = keys.all(|key| key == first_key);
        let one_code = one_key && doors.iter().all(|door| door.typed == doors[0].typed);
        if one_key {
            set("key", first_key.map(|key| self.format(key.id(), &FluentArgs::new())).transpose()?);
        }
        let (count, codes) = if one_code {
            set("doors", Some(labels.join(", ")));
            (1, doors[0].typed.expose().to_owned())
        } else {
            let lines = labels.iter().zip(doors).map(|(label, door)| self.door(label, door, one_key));
            (doors.len(), format!("\n{}", lines.collect::<Result<Vec<_>, _>>()?.join("\n")))
        };
        set("codes", Some(codes));
        args.set("count", count);
        Ok(Facts { args, shared: one_code && doors.len() > 1, confirm: one_key && first_key.is_some() })
    }

    fn door(&self, label: &str, door: &GuestDoor, one_key: bool) -> Result<String, FailedText> {
        let mut args = FluentArgs::new();
        args.set("door", label.to_owned());
        args.set("pin", door.typed.expose().to_owned());
        match door.confirm.filter(|_| !one_key) {
            Some(key) => {
                args.set("key", self.format(key.id(), &FluentArgs::new())?);
                self.format("door-confirm", &args)
            }
            None => self.format("door", &args),
        }
    }

    fn thread(&self, facts: &Facts) -> Result<String, FailedText> {
        let named = facts.args.get("name").is_some();
        let mut paragraphs = vec![
            self.format(if named { "greeting" } else { "greeting-nameless" }, &facts.args)?,
            self.part("thread", facts)?,
            self.format("codes", &facts.args)?,
        ];
        if facts.shared {
            paragraphs.push(self.format("codes-shared", &facts.args)?);
        }
        if facts.confirm {
            paragraphs.push(self.format("confirm", &facts.args)?);
        }
        paragraphs.push(self.format("times", &facts.args)?);
        if self.message.works_from.is_some() {
            paragraphs.push(self.format("works-from", &facts.args)?);
        }
        if facts.args.get("contact").is_some() {
            paragraphs.push(self.format("help", &facts.args)?);
        }
        paragraphs.push(self.format("closing", &facts.args)?);
        Ok(paragraphs.join("\n\n"))
    }

    fn sms(&self, facts: &Facts, max_segments: usize) -> Result<String, Stop> {
        let named = facts.args.get("name").is_some();
        let short = self.facts(true)?;
        let mut least = usize::MAX;
        for length in [Length::Full, Length::Nameless, Length::Short] {
            let text = match length {
                Length::Full if !named => continue,
                Length::Short => self.lines(length, &short)?,
                _ => self.lines(length, facts)?,
            };
            match fit(text, self.language, max_segments) {
                Ok(text) => return Ok(text),
                Err(segments) => least = least.min(segments),
            }
        }
        Err(Stop::Message(TextError::TooLong { language: self.language, segments: least, max_segments }))
    }

    fn lines(&self, length: Length, facts: &Facts) -> Result<String, FailedText> {
        let (intro, suffix) = match length {
            Length::Full => ("sms", ""),
            Length::Nameless => ("sms-nameless", ""),
            Length::Short => ("sms-short", "-short"),
        };
        let mut lines = vec![self.part(intro, facts)?];
        if facts.confirm {
            lines.push(self.format(&format!("confirm{suffix}"), &facts.args)?);
        }
        lines.push(self.format(&format!("times{suffix}"), &facts.args)?);
        if self.message.works_from.is_some() {
            lines.push(self.format(&format!("works-from{suffix}"), &facts.args)?);
        }
        if length != Length::Short && facts.args.get("contact").is_some() {
            lines.push(self.format("help-sms", &facts.args)?);
        }
        Ok(lines.join("\n"))
    }

    fn part(&self, part: &str, facts: &Facts) -> Result<String, FailedText> {
        self.format(&self.topic.id(part), &facts.args)
    }

    fn format(&self, id: &str, args: &FluentArgs<'_>) -> Result<String, FailedText> {
        self.texts.format(self.language, id, args)
    }
}

fn label(number: usize, door: &GuestDoor) -> String {
    let label = line(&door.label, NAME);
    if label.is_empty() { number.to_string() } else { label }
}

/// The text as it fits, or how many segments it takes at least.
pub(super) fn fit(text: String, language: Language, max_segments: usize) -> Result<String, usize> {
    let segments = sms::segments(&text).segments;
    if segments <= max_segments {
        return Ok(text);
    }
    if !sms::is_latin_script(language.code()) {
        return Err(segments);
    }
    let spelled = sms::transliterate(&text);
    let respelled = sms::segments(&spelled).segments;
    if respelled <= max_segments { Ok(spelled.into_owned()) } else { Err(segments.min(respelled)) }
}
