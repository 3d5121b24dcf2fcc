//! SerwerSMS: texts to phones, and reports on them.

mod alphabet;
mod fields;
mod routes;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::web::{self, Answer, Call, seconds};

/// How an error comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorStyle {
    /// HTTP 200 and the error in the body, as the vendor's samples have it.
    #[default]
    Http200,
    /// HTTP 401 for credentials and 400 for the rest, the error in the body.
    HttpStatus,
    /// HTTP 500 and the error in the body.
    Http500,
    /// HTTP 200 and a page of HTML.
    Html,
}

/// One stage of a delivery: so long after sending, the report says this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportStage {
    /// How long after sending.
    #[serde(with = "seconds", rename = "after_seconds")]
    pub after: Duration,
    /// `pending`, `sent`, `delivered`, `undelivered` and so on.
    pub status: String,
    /// Why not.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The SerwerSMS account that is played.
#[derive(Clone, Debug)]
pub struct SerwerSmsConfig {
    /// The bearer token.
    pub token: String,
    /// User name and password in the body, where that is allowed.
    pub user: Option<(String, String)>,
    /// Approved sender names.
    pub senders: Vec<String>,
    /// How errors come back.
    pub error_style: ErrorStyle,
    /// How many ECO+ messages may still be sent.
    pub eco_left: u32,
    /// How many FULL messages may still be sent.
    pub full_left: u32,
    /// Whether a `unique_id` that was used is refused (undocumented; off).
    pub refuse_repeated_unique_id: bool,
}

impl Default for SerwerSmsConfig {
    fn default() -> Self {
        Self {
            token: "sim-sms-token".into(),
            user: Some(("sim-user".into(), "sim-password".into())),
            senders: vec!["STAYKEY".into()],
            error_style: ErrorStyle::Http200,
            eco_left: 1_000_000,
            full_left: 1_000_000,
            refuse_repeated_unique_id: false,
        }
    }
}

/// A message as its phone received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceivedSms {
    /// The vendor's id.
    pub id: String,
    /// The text, after replacement where there was one.
    pub text: String,
    /// The sender's name; nothing for ECO+, which comes from a random number.
    pub sender: Option<String>,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// The caller's own id.
    pub unique_id: Option<String>,
    /// How many parts it took.
    pub parts: usize,
}

/// A message as the vendor keeps it.
#[derive(Clone, Debug)]
struct Stored {
    phone: String,
    utf: bool,
    unsent: Option<&'static str>,
    sms: ReceivedSms,
}

/// SerwerSMS as it stands.
#[derive(Clone, Debug)]
pub struct SerwerSmsSim {
    /// The account; may be changed at any time.
    pub config: SerwerSmsConfig,
    messages: Vec<Stored>,
    scripts: BTreeMap<String, Vec<ReportStage>>,
}

/// The reasons of an undelivered message; the default script for phones that end in `9911`, `9912` and so on.
const REASONS: [&str; 14] = [
    "message_expired",
    "unsupported_number",
    "message_rejected",
    "missed_call",
    "wrong_number",
    "limit_exhausted",
    "lock_send",
    "wrong_message",
    "operator_error",
    "wrong_sender_name",
    "number_is_blacklisted",
    "sending_to_foreign_networks_is_locked",
    "no_permission_to_send_messages",
    "other_error",
];

impl SerwerSmsSim {
    /// An account that has sent nothing. By default phones ending in `9900` stay `sent`, in `9901` stay `pending`
    /// for a day, in `9902` stay `in_progress`, in `9911` to `9924` are `undelivered`, one for each reason of the
    /// fact sheet in its order; all others are `sent` at once and `delivered` after five seconds.
    #[must_use]
    pub fn new(config: SerwerSmsConfig) -> Self {
        let stage = |after, status: &str, reason: Option<&str>| ReportStage {
            after: Duration::from_secs(after),
            status: status.into(),
            reason: reason.map(Into::into),
        };
        let mut scripts = BTreeMap::new();
        scripts.insert(String::new(), vec![stage(0, "sent", None), stage(5, "delivered", None)]);
        scripts.insert("9900".to_owned(), vec![stage(0, "sent", None)]);
        scripts.insert(
            "9901".to_owned(),
            vec![stage(0, "pending", None), stage(86_400, "sent", None), stage(86_405, "delivered", None)],
        );
        scripts.insert("9902".to_owned(), vec![stage(0, "in_progress", None)]);
        for (suffix, reason) in (9911..).zip(REASONS) {
            let stages = vec![stage(0, "sent", None), stage(5, "undelivered", Some(reason))];
            scripts.insert(suffix.to_string(), stages);
        }
        Self { config, messages: Vec::new(), scripts }
    }

    pub(crate) fn call(&mut self, call: &Call<'_>, frozen: Option<&mut Self>) -> Answer {
        frozen.unwrap_or(self).answer(call)
    }

    /// What a phone received, oldest first. Unsent messages are not in it.
    #[must_use]
    pub fn messages_to(&self, phone: &str) -> Vec<ReceivedSms> {
        self.messages
            .iter()
            .filter(|stored| stored.phone == phone && stored.unsent.is_none())
            .map(|stored| stored.sms.clone())
            .collect()
    }

    /// The phones that received anything, in order.
    #[must_use]
    pub fn phones(&self) -> Vec<String> {
        let mut phones: Vec<String> = self
            .messages
            .iter()
            .filter(|stored| stored.unsent.is_none())
            .map(|stored| stored.phone.clone())
            .collect();
        phones.sort();
        phones.dedup();
        phones
    }

    /// What becomes of messages to phones that end so; the longest ending counts, the empty one is for all others.
    /// The stages must be in order of time.
    pub fn set_report(&mut self, suffix: &str, stages: Vec<ReportStage>) {
        self.scripts.insert(suffix.to_owned(), stages);
    }

    fn stages(&self, phone: &str) -> &[ReportStage] {
        self.scripts
            .iter()
            .filter(|(suffix, _)| phone.ends_with(suffix.as_str()))
            .max_by_key(|(suffix, _)| suffix.len())
            .map_or(&[], |(_, stages)| stages.as_slice())
    }
}

/// An error in SerwerSMS' words.
pub(crate) fn error(style: ErrorStyle, code: u16) -> Response<Bytes> {
    let (kind, message) = explain(code).unwrap_or(("SendError", "Error"));
    let status = match style {
        ErrorStyle::Http200 => 200,
        ErrorStyle::HttpStatus if matches!(code, 1001..=1003) => 401,
        ErrorStyle::HttpStatus => 400,
        ErrorStyle::Http500 => 500,
        ErrorStyle::Html => return web::html_status(200),
    };
    web::json(status, &json!({"error": {"code": code, "type": kind, "message": message}}))
}

fn explain(code: u16) -> Option<(&'static str, &'static str)> {
    Some(match code {
        1000 => ("InvalidAction", "No action or unknown action"),
        1001 => ("InvalidUser", "Incorrect login or password"),
        1002 => ("InvalidRole", "The user may not use the API"),
        1003 => ("InvalidIP", "The address is not allowed"),
        1004 => ("InvalidID", "Incorrect id"),
        1005 => ("InvalidRole", "No permission"),
        1006 => ("InvalidData", "Incorrect data format"),
        1007 => ("InvalidRole", "The account is not fully active"),
        1008 => ("InvalidRole", "The user may not see numbers"),
        2000 => ("ValidationRequiredError", "A parameter is missing"),
        2001 => ("ValidationPhoneError", "Incorrect phone number"),
        2002 => ("ValidationCodeError", "Incorrect error code"),
        3000 => ("SendError", "The limit of ECO+ messages is used up"),
        3001 => ("SendError", "ECO+ messages are not permitted"),
        3002 => ("SendError", "The limit of FULL messages is used up"),
        3003 => ("SendError", "FULL messages are not permitted"),
        3008 => ("SendError", "Flash messages are not permitted"),
        3009 => ("SendError", "SMS is not permitted"),
        3100 => ("SendError", "Sending is blocked"),
        3101 => ("SendError", "The text is empty"),
        3102 => ("SendError", "The text is too long"),
        _ => return None,
    })
}
