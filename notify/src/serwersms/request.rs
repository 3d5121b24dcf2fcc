//! Requests as values, and the text as it is sent.

use booking_core::sms::{self, Encoding};
use booking_core::{Fault, MessageId, Outcome, PhoneNumber, Retry, VendorError};
use booking_http::{Safety, VendorRequest};
use serde::Serialize;

use super::config::SerwerSmsConfig;

pub(super) const SEND: &str = "POST /messages/send_sms";
pub(super) const REPORTS: &str = "POST /messages/reports";
pub(super) const LIMITS: &str = "POST /account/limits";

/// The most ids that one call for reports may name.
pub(super) const REPORTS_AT_ONCE: usize = 500;

/// A text as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    /// Whether it needs UCS-2.
    pub(super) utf: bool,
}

impl Text {
    /// What becomes of a message's text with these settings; the same text each time.
    pub(super) fn of(config: &SerwerSmsConfig, body: &str, language: &str) -> Result<Self, VendorError> {
        let refuse = |fault, why: String| {
            Err(VendorError::new(
                fault,
                Retry::Never,
                Outcome::NotApplied,
                format!("serwersms: not sent, {why}"),
            ))
        };
        if body.trim().is_empty() {
            return refuse(Fault::Request, "the text is empty".to_owned());
        }
        let latin = config.transliterate && sms::is_latin_script(language);
        let respelled = if latin { sms::transliterate(body) } else { body.into() };
        let text = if sms::fits_gsm7(&respelled) {
            Self { text: respelled.into_owned(), utf: false }
        } else if !config.sender.is_empty() {
            // Where it needs UCS-2 anyway, respelling would only spoil it.
            Self { text: body.to_owned(), utf: true }
        } else if latin {
            Self { text: questioned(&respelled), utf: false }
        } else {
            let why = "the text needs more than GSM-7, which SerwerSMS sends only from a named sender";
            return refuse(Fault::Configuration, why.to_owned());
        };
        let counted = sms::segments(&text.text);
        debug_assert_eq!(counted.encoding == Encoding::Ucs2, text.utf, "the encoding follows the text");
        if counted.segments > config.segments {
            let (has, most) = (counted.segments, config.segments);
            return refuse(Fault::Request, format!("the text takes {has} segments of at most {most}"));
        }
        Ok(text)
    }
}

/// The text with `?` for whatever GSM-7 lacks: a name or a picture is lost, the code is not.
fn questioned(text: &str) -> String {
    let mut buffer = [0; 4];
    text.chars().map(|c| if sms::fits_gsm7(c.encode_utf8(&mut buffer)) { c } else { '?' }).collect()
}

#[derive(Serialize)]
struct SendSms<'a> {
    phone: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sender: &'a str,
    utf: bool,
    details: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    unique_id: &'a str,
}

#[derive(Serialize)]
struct ReportsOf<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    id: &'a [&'a str],
    page: usize,
    limit: usize,
}

#[derive(Serialize)]
struct Nothing {}

pub(super) fn send(
    config: &SerwerSmsConfig,
    id: &MessageId,
    phone: &PhoneNumber,
    text: &Text,
) -> Result<VendorRequest, VendorError> {
    VendorRequest::post(SEND, "/messages/send_sms.json", Safety::Once).with_json(&SendSms {
        phone: phone.as_str(),
        text: &text.text,
        sender: &config.sender,
        utf: text.utf,
        details: true,
        test: config.test,
        unique_id: id.as_str(),
    })
}

pub(super) fn find(id: &MessageId) -> Result<VendorRequest, VendorError> {
    reports_of(&ReportsOf { unique_id: Some(id.as_str()), id: &[], page: 1, limit: REPORTS_AT_ONCE })
}

pub(super) fn reports(ids: &[&str], page: usize) -> Result<VendorRequest, VendorError> {
    reports_of(&ReportsOf { unique_id: None, id: ids, page, limit: REPORTS_AT_ONCE })
}

fn reports_of(filter: &ReportsOf<'_>) -> Result<VendorRequest, VendorError> {
    VendorRequest::post(REPORTS, "/messages/reports.json", Safety::Read).with_json(filter)
}

pub(super) fn limits() -> Result<VendorRequest, VendorError> {
    VendorRequest::post(LIMITS, "/account/limits.json", Safety::Read).with_json(&Nothing {})
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(sender: &str) -> SerwerSmsConfig {
        let mut config = SerwerSmsConfig::new("planted-token");
        config.sender = sender.to_owned();
        config
    }

    #[test]
    fn a_message_becomes_exactly_this_body() {
        let check = |config: &SerwerSmsConfig, body: &str, language: &str, expected: Value| {
            let text = Text::of(config, body, language).unwrap();
            let id = MessageId::parse("abcdefghijk2").unwrap();
            let request = send(config, &id, &PhoneNumber::parse("+48500600700").unwrap(), &text).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected, "{body}");
            assert_eq!(request.safety, Safety::Once);
            assert_eq!(request.path, "/messages/send_sms.json");
            assert!(!format!("{request:?}").contains("500600"), "Debug tells too much");
        };
        check(
            &config(""),
            "Kod: 281234, zażółć",
            "pl",
            json!({"phone": "+48500600700", "text": "Kod: 281234, zazolc", "utf": false, "details": true,
                   "unique_id": "abcdefghijk2"}),
        );
        let mut test = config("HARBOUR");
        test.test = true;
        check(
            &test,
            "Код: 281234",
            "uk",
            json!({"phone": "+48500600700", "text": "Код: 281234", "sender": "HARBOUR", "utf": true, "details": true,
                   "test": true, "unique_id": "abcdefghijk2"}),
        );
    }

    #[test]
    fn texts_are_respelled_only_where_that_helps() {
        #[track_caller]
        fn check(config: &SerwerSmsConfig, body: &str, language: &str, text: &str, utf: bool) {
            let made = Text::of(config, body, language).unwrap();
            assert_eq!((made.text.as_str(), made.utf), (text, utf), "{body} in {language}");
        }
        let named = config("HARBOUR");
        check(&named, "schöne Grüße, 5 €", "de", "schöne Grüße, 5 €", false);
        check(&named, "Kód dverí", "sk", "Kod dveri", false);
        check(&named, "Dzień dobry, Ольга", "pl", "Dzień dobry, Ольга", true);
        check(&named, "Kód dverí", "uk", "Kód dverí", true);
        check(&named, "Код", "ru", "Код", true);
        let mut faithful = named.clone();
        faithful.transliterate = false;
        check(&faithful, "Kód dverí", "sk", "Kód dverí", true);
        let eco = config("");
        check(&eco, "Kód 🔑 281234, Ольга", "en", "Kod ? 281234, ?????", false);
        assert_eq!(Text::of(&eco, "Код: 281234", "uk").err().unwrap().fault, Fault::Configuration);
        faithful.sender.clear();
        assert_eq!(Text::of(&faithful, "Kód dverí", "sk").err().unwrap().fault, Fault::Configuration);
    }

    #[test]
    fn too_long_and_empty_are_refused_before_anything_is_sent() {
        let config = config("HARBOUR");
        let long =
            |text: String, language| Text::of(&config, &text, language).err().map(|error| error.to_string());
        assert_eq!(long("1".repeat(918), "en"), None);
        assert_eq!(
            long("1".repeat(919), "en").as_deref(),
            Some("serwersms: not sent, the text takes 7 segments of at most 6")
        );
        assert_eq!(long("ж".repeat(402), "uk"), None);
        assert!(long("ж".repeat(403), "uk").is_some());
        assert_eq!(long("ł".repeat(918), "pl"), None, "respelled, it fits");
        assert!(long(" \n".to_owned(), "en").is_some());
    }

    #[test]
    fn look_ups_are_reads() {
        let id = MessageId::parse("abcdefghijk2").unwrap();
        for (request, expected) in [
            (find(&id).unwrap(), json!({"unique_id": "abcdefghijk2", "page": 1, "limit": 500})),
            (reports(&["a", "b"], 2).unwrap(), json!({"id": ["a", "b"], "page": 2, "limit": 500})),
            (limits().unwrap(), json!({})),
        ] {
            assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
            assert_eq!(request.safety, Safety::Read);
        }
    }
}
