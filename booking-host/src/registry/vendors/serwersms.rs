//! `kind = "serwersms"`.

use std::sync::Arc;

use booking_core::{Secret, VendorError};
use booking_notify::serwersms::BASE_URL;
use booking_notify::{SerwerSms, SerwerSmsConfig};

use crate::config::{KeySpec, Notes, Settings, Shape};
use crate::registry::{AdapterParts, BuiltNotifier, NotifierKind};

const KEYS: [KeySpec; 8] = [
    KeySpec::optional("base_url", Shape::BaseUrl { own: Some(BASE_URL) }),
    KeySpec::required("token", Shape::Secret),
    KeySpec::optional("sender", Shape::Text),
    KeySpec::optional("transliterate", Shape::Flag),
    KeySpec::optional("segments", Shape::Integer(1, 255)),
    KeySpec::optional("settle", Shape::Duration),
    KeySpec::optional("test", Shape::Flag),
    KeySpec::optional("timeout", Shape::Duration),
];

pub(super) struct Kind;

impl NotifierKind for Kind {
    fn keys(&self) -> &[KeySpec] {
        &KEYS
    }

    fn check(&self, settings: &Settings, notes: &Notes<'_, '_>) {
        let plain = |sender: &str| {
            sender.len() <= 11 && sender.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        };
        if settings.text("sender").is_some_and(|sender| !plain(sender)) {
            notes.problem(
                "sender",
                "is longer than 11 characters, or not plain ASCII",
                "write the name that the vendor has approved",
            );
        }
        if settings.flag("test") == Some(true) {
            notes.warning("test", "the vendor checks texts and sends none", "take it out for real guests");
        }
    }

    /// It reaches telephones, and staff is told on channels.
    fn reaches_staff(&self, _: &Settings) -> bool {
        false
    }

    fn build(&self, settings: &Settings, parts: &AdapterParts) -> Result<BuiltNotifier, VendorError> {
        let mut config =
            SerwerSmsConfig::new(settings.secret("token").map(Secret::expose).unwrap_or_default());
        if let Some(base_url) = settings.text("base_url") {
            config.base_url = base_url.to_owned();
        }
        config.sender = settings.text("sender").unwrap_or_default().to_owned();
        config.transliterate = settings.flag("transliterate").unwrap_or(config.transliterate);
        config.test = settings.flag("test").unwrap_or(config.test);
        config.settle = settings.duration("settle").unwrap_or(config.settle);
        config.timeout = settings.duration("timeout").unwrap_or(config.timeout);
        if let Some(segments) =
            settings.integer("segments").and_then(|segments| usize::try_from(segments).ok())
        {
            config.segments = segments;
        }
        let sms = SerwerSms::new(config, parts.transport.clone(), parts.clock.clone(), parts.rng.clone())?;
        Ok(BuiltNotifier::new(Arc::new(sms)))
    }
}
