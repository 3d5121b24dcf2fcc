//! What the vendor answers, and what it means.
//!
//! Errors come with any status, often 200, so the body is read before the status is believed. Texts of the vendor are
//! not repeated: they may name the phone.

use std::time::Duration;

use booking_core::{Fault, NotifyError, Outcome, PhoneNumber, Receipt, Retry, VendorError};
use booking_http::VendorResponse;
use serde_json::{Map, Value};

/// How long what only money or the vendor's staff can mend is left alone: nobody tells us that it is mended.
const NEXT_LOOK: Duration = Duration::from_secs(15 * 60);

/// Why the vendor refused, for sure: nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    /// `None`: the recipient's.
    fault: Option<Fault>,
    retry: Retry,
    words: &'static str,
}

impl Refusal {
    const fn recipient(words: &'static str) -> Self {
        Self { fault: None, retry: Retry::Never, words }
    }

    const fn of(fault: Fault, words: &'static str) -> Self {
        Self { fault: Some(fault), retry: Retry::Never, words }
    }

    const fn look_again(self) -> Self {
        Self { retry: Retry::After(NEXT_LOOK), ..self }
    }

    const fn soon(self) -> Self {
        Self { retry: Retry::Backoff, ..self }
    }

    /// The table of the errors, and the numbers of unsent messages (2200 to 2208).
    const fn by_code(code: u64) -> Self {
        use Fault::{Configuration, Credentials, Request, Vendor};
        match code {
            1000 => Self::of(Request, "no or unknown action"),
            1001 => Self::of(Credentials, "wrong credentials"),
            1002 => Self::of(Configuration, "the user may not use the API"),
            1003 => Self::of(Configuration, "our address is not on the account's list"),
            1004 => Self::of(Request, "bad id"),
            1005 => Self::of(Configuration, "no permission"),
            1006 => Self::of(Request, "bad format"),
            1007 => Self::of(Configuration, "the account is not fully active"),
            1008 => Self::of(Configuration, "the user may not see numbers"),
            2000 => Self::of(Request, "a parameter is missing"),
            2001 => Self::recipient("bad phone number"),
            2002 => Self::of(Request, "bad error code"),
            3000 => Self::of(Configuration, "the limit of ECO+ messages is used up").look_again(),
            3001 => Self::of(Configuration, "ECO+ messages are not permitted"),
            3002 => Self::of(Configuration, "the limit of FULL messages is used up").look_again(),
            3003 => Self::of(Configuration, "FULL messages are not permitted"),
            3004..=3007 => Self::of(Configuration, "MMS and voice are not permitted"),
            3008 => Self::of(Configuration, "flash messages are not permitted"),
            3009 => Self::of(Configuration, "SMS is not permitted"),
            3100 => Self::of(Configuration, "sending is blocked").look_again(),
            3101 => Self::of(Request, "the text is empty"),
            3102 => Self::of(Request, "the text is too long"),
            2200 => Reason::WrongNumber.refusal(),
            2201 => Reason::LimitExhausted.refusal(),
            2202 => Reason::LockSend.refusal(),
            2203 => Reason::WrongMessage.refusal(),
            2204 => Reason::OperatorError.refusal(),
            2205 => Reason::WrongSenderName.refusal(),
            2206 => Reason::NumberIsBlacklisted.refusal(),
            2207 => Reason::SendingToForeignNetworksIsLocked.refusal(),
            2208 => Reason::NoPermissionToSendMessages.refusal(),
            _ => Self::of(Vendor, "an error without a known meaning").soon(),
        }
    }

    fn into_error(self, label: &str, code: Option<u64>) -> NotifyError {
        // Theirs have four digits. What is longer is no error's number, and may be a telephone's.
        let number =
            code.filter(|code| *code < 10_000).map(|code| format!("error {code}, ")).unwrap_or_default();
        let detail = format!("serwersms: {label}: {number}{}", self.words);
        match self.fault {
            None => NotifyError::Undeliverable(detail),
            Some(fault) => VendorError::new(fault, self.retry, Outcome::NotApplied, detail).into(),
        }
    }
}

/// Why a message was not sent or not delivered, in the vendor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The phone was not reached in time.
    MessageExpired,
    /// Numbers of this kind cannot be reached.
    UnsupportedNumber,
    /// The operator refused it.
    MessageRejected,
    /// A call was not taken.
    MissedCall,
    /// There is no such number.
    WrongNumber,
    /// The account's limit is used up.
    LimitExhausted,
    /// The account's sending is locked.
    LockSend,
    /// The text was refused.
    WrongMessage,
    /// The operator failed.
    OperatorError,
    /// The sender's name is not approved.
    WrongSenderName,
    /// The number is on a black list.
    NumberIsBlacklisted,
    /// The account may not send abroad: usual for a fresh Polish account with foreign guests.
    SendingToForeignNetworksIsLocked,
    /// The account may not send.
    NoPermissionToSendMessages,
    /// Anything else, unknown reasons included.
    OtherError,
}

/// Whose fault an undelivered message is, and so who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The number: no text will ever reach it.
    Recipient,
    /// The account: staff must act.
    Account,
    /// Nobody in particular: it may go well later.
    Passing,
}

impl Reason {
    fn parse(text: &str) -> Self {
        match text {
            "message_expired" => Self::MessageExpired,
            "unsupported_number" => Self::UnsupportedNumber,
            "message_rejected" => Self::MessageRejected,
            "missed_call" => Self::MissedCall,
            "wrong_number" => Self::WrongNumber,
            "limit_exhausted" => Self::LimitExhausted,
            "lock_send" => Self::LockSend,
            "wrong_message" => Self::WrongMessage,
            "operator_error" => Self::OperatorError,
            "wrong_sender_name" => Self::WrongSenderName,
            "number_is_blacklisted" => Self::NumberIsBlacklisted,
            "sending_to_foreign_networks_is_locked" => Self::SendingToForeignNetworksIsLocked,
            "no_permission_to_send_messages" => Self::NoPermissionToSendMessages,
            _ => Self::OtherError,
        }
    }

    /// Who can mend it.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Self::WrongNumber | Self::UnsupportedNumber | Self::NumberIsBlacklisted => Blame::Recipient,
            Self::WrongSenderName
            | Self::LockSend
            | Self::LimitExhausted
            | Self::SendingToForeignNetworksIsLocked
            | Self::NoPermissionToSendMessages
            | Self::WrongMessage => Blame::Account,
            Self::MessageExpired
            | Self::MessageRejected
            | Self::MissedCall
            | Self::OperatorError
            | Self::OtherError => Blame::Passing,
        }
    }

    const fn refusal(self) -> Refusal {
        let words = match self {
            Self::MessageExpired => "the message expired",
            Self::UnsupportedNumber => "the number is not supported",
            Self::MessageRejected => "the message was rejected",
            Self::MissedCall => "the call was not taken",
            Self::WrongNumber => "wrong number",
            Self::LimitExhausted => "the account's limit is used up",
            Self::LockSend => "the account's sending is locked",
            Self::WrongMessage => "the text was refused",
            Self::OperatorError => "the operator failed",
            Self::WrongSenderName => "the sender's name is not approved",
            Self::NumberIsBlacklisted => "the number is on a black list",
            Self::SendingToForeignNetworksIsLocked => "the account may not send abroad",
            Self::NoPermissionToSendMessages => "the account may not send",
            Self::OtherError => "unsent for an unknown reason",
        };
        match (self, self.blame()) {
            (_, Blame::Recipient) => Refusal::recipient(words),
            (Self::LimitExhausted | Self::LockSend, _) => {
                Refusal::of(Fault::Configuration, words).look_again()
            }
            (Self::WrongMessage, _) => Refusal::of(Fault::Request, words),
            (_, Blame::Account) => Refusal::of(Fault::Configuration, words),
            (_, Blame::Passing) => Refusal::of(Fault::Vendor, words).soon(),
        }
    }
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// Kept to be sent later.
    Saved,
    /// Waiting.
    Pending,
    /// On its way to the operator.
    InProgress,
    /// With the operator.
    Sent,
    /// On the phone.
    Delivered,
    /// It did not reach the phone.
    Undelivered,
    /// It never left.
    Unsent,
    /// A status without a known meaning.
    Unknown,
}

impl Delivery {
    fn parse(text: &str) -> Self {
        match text {
            "saved" => Self::Saved,
            // What the answer to sending says.
            "pending" | "queued" => Self::Pending,
            "in_progress" => Self::InProgress,
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "undelivered" => Self::Undelivered,
            "unsent" => Self::Unsent,
            _ => Self::Unknown,
        }
    }

    /// Whether it will not change any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Undelivered | Self::Unsent)
    }
}

/// What the vendor says of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The vendor's id of the message.
    pub id: String,
    /// How far it came.
    pub delivery: Delivery,
    /// Why not further, where the vendor says.
    pub reason: Option<Reason>,
    /// How many segments were counted.
    pub parts: Option<u64>,
}

/// What the vendor says of several messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reports {
    /// Those that could be read. Messages that the vendor does not know are missing.
    pub reports: Vec<Report>,
    /// How many entries could not be read.
    pub unreadable: usize,
}

/// How much of one kind of message the account may still send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limit {
    /// `eco`, `full`, `voice` and so on.
    pub kind: String,
    /// What is left, in the vendor's unit. `None` where the vendor names no number.
    pub left: Option<i64>,
}

/// The body, unless it is an error.
fn object(label: &str, response: &VendorResponse) -> Result<Map<String, Value>, NotifyError> {
    let body: Value = response.json(label)?;
    let unreadable = |what: &str| VendorError::unreadable(format!("serwersms: {label}: {what}"));
    let Value::Object(object) = body else { return Err(unreadable("no object was answered").into()) };
    match object.get("error") {
        None | Some(Value::Null | Value::Bool(false)) => {}
        Some(error) => {
            let code = number(error.get("code").unwrap_or(error));
            return Err(Refusal::by_code(code.unwrap_or(0)).into_error(label, code));
        }
    }
    if !response.status.is_success() {
        return Err(unreadable(&format!("answered {} without an error", response.status.as_u16())).into());
    }
    Ok(object)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A read's error: nobody is undeliverable by a look-up.
pub(super) fn of_read(error: NotifyError) -> VendorError {
    match error {
        NotifyError::Vendor(error) => error.of_read(),
        other => VendorError::new(Fault::Request, Retry::Never, Outcome::NotApplied, other.to_string()),
    }
}

/// What became of sending one message.
pub(super) fn sent(label: &str, response: &VendorResponse) -> Result<Receipt, NotifyError> {
    let body = object(label, response)?;
    let unreadable = |what: &str| VendorError::unreadable(format!("serwersms: {label}: {what}"));
    let count = |key: &str| body.get(key).and_then(number);
    let items = body.get("items").and_then(Value::as_array);
    // `success` is true even where nothing was sent, so the message's own entry comes first.
    for item in items.into_iter().flatten() {
        if item.get("status").and_then(Value::as_str) == Some("unsent") {
            return Err(unsent(label, item));
        }
    }
    if count("unsent").is_some_and(|unsent| unsent > 0) {
        return Err(unsent(label, &Value::Null));
    }
    if body.get("success") != Some(&Value::Bool(true)) {
        return Err(unreadable("answered neither success nor an error").into());
    }
    match (items.map(Vec::as_slice), count("queued")) {
        (Some([item]), _) if item.get("status").and_then(Value::as_str) == Some("queued") => {
            Ok(Receipt { vendor_id: item.get("id").and_then(text) })
        }
        // Without the entry there is no id to ask reports with, but the message is on its way.
        (None | Some([]), Some(1)) => Ok(Receipt { vendor_id: None }),
        _ => Err(unreadable("answered success without one queued message").into()),
    }
}

fn unsent(label: &str, item: &Value) -> NotifyError {
    let code = item.get("error_code").and_then(number);
    let named = item.get("error_message").and_then(Value::as_str).map_or(Reason::OtherError, Reason::parse);
    // A number without a known meaning says less than a reason by name.
    match code.map(|code| (code, Refusal::by_code(code))) {
        Some((code, refusal)) if named == Reason::OtherError || refusal != Refusal::by_code(0) => {
            refusal.into_error(label, Some(code))
        }
        _ => named.refusal().into_error(label, code),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The entries of a list, which must be there even when there are none.
fn items<'a>(label: &str, body: &'a Map<String, Value>) -> Result<&'a Vec<Value>, VendorError> {
    let items = body.get("items").and_then(Value::as_array);
    items.ok_or_else(|| VendorError::unreadable(format!("serwersms: {label}: a list was expected")).of_read())
}

/// Reports, each entry for itself.
pub(super) fn reports(label: &str, response: &VendorResponse) -> Result<Reports, VendorError> {
    let body = object(label, response).map_err(of_read)?;
    let mut found = Reports::default();
    for item in items(label, &body)? {
        match report(item) {
            Some(report) => found.reports.push(report),
            None => found.unreadable += 1,
        }
    }
    Ok(found)
}

fn report(item: &Value) -> Option<Report> {
    let delivery = Delivery::parse(item.get("status")?.as_str()?);
    let reason = item.get("reason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
    Some(Report {
        id: text(item.get("id")?)?,
        delivery,
        reason: reason.map(Reason::parse),
        parts: item.get("parts").and_then(number),
    })
}

/// What a look-up by our own id showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The message, with the vendor's id.
    Message(Receipt),
    /// The vendor has it and did not send it, for good.
    Unsent,
    /// Nothing.
    Nothing,
    /// Something, but not surely this message.
    Doubtful,
}

/// Looks for a message in what was answered to a look-up. The answer does not repeat our id; were the filter ever
/// ignored, any message would look like ours, so phone and text must agree too.
pub(super) fn found(
    label: &str,
    response: &VendorResponse,
    phone: &PhoneNumber,
    sent_text: &str,
) -> Result<Found, VendorError> {
    let body = object(label, response).map_err(of_read)?;
    let items = items(label, &body)?;
    let digits = |text: &str| text.trim_start_matches(['+', '0', ' ']).to_owned();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let ours = |item: &&Value| {
        let same_phone =
            item.get("phone").and_then(text).is_some_and(|other| digits(&other) == digits(phone.as_str()));
        let other_text = item.get("text").and_then(Value::as_str);
        same_phone && other_text.is_none_or(|other| words(other) == words(sent_text))
    };
    let mut unsent = false;
    for report in items.iter().filter(ours).map(report) {
        match report {
            Some(report) if report.delivery == Delivery::Unsent => unsent = true,
            Some(report) => return Ok(Found::Message(Receipt { vendor_id: Some(report.id) })),
            None => return Ok(Found::Doubtful),
        }
    }
    Ok(match (unsent, items.is_empty()) {
        (true, _) => Found::Unsent,
        (false, true) => Found::Nothing,
        (false, false) => Found::Doubtful,
    })
}

/// The limits of the account.
pub(super) fn limits(label: &str, response: &VendorResponse) -> Result<Vec<Limit>, VendorError> {
    let body = object(label, response).map_err(of_read)?;
    let limit = |item: &Value| {
        let value = item.get("value")?;
        let left = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        Some(Limit { kind: item.get("type")?.as_str()?.to_owned(), left })
    };
    Ok(items(label, &body)?.iter().filter_map(limit).collect())
}

#[cfg(test)]
mod tests {
    use booking_core::Retry::{After, Backoff, Never};
    use http::{HeaderMap, StatusCode};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: impl ToString) -> VendorResponse {
        VendorResponse::new(StatusCode::from_u16(status).unwrap(), HeaderMap::new(), body.to_string())
    }

    #[track_caller]
    fn refused(status: u16, body: impl ToString) -> (Fault, Retry, Outcome) {
        match sent("send", &answer(status, body)) {
            Err(NotifyError::Vendor(error)) => (error.fault, error.retry, error.outcome),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_are_errors_at_any_status() {
        use Fault::{Configuration, Credentials, Request, Vendor};
        for status in [200, 400, 401, 403] {
            for (code, fault, retry) in [
                (1000, Request, Never),
                (1001, Credentials, Never),
                (1002, Configuration, Never),
                (1003, Configuration, Never),
                (1006, Request, Never),
                (1007, Configuration, Never),
                (3000, Configuration, After(NEXT_LOOK)),
                (3001, Configuration, Never),
                (3002, Configuration, After(NEXT_LOOK)),
                (3003, Configuration, Never),
                (3100, Configuration, After(NEXT_LOOK)),
                (3102, Request, Never),
                (3199, Vendor, Backoff),
            ] {
                let body = json!({"error": {"code": code, "type": "X", "message": "+48500600700 refused"}});
                assert_eq!(refused(status, &body), (fault, retry, Outcome::NotApplied), "{code}");
                let text = sent("send", &answer(status, &body)).unwrap_err().to_string();
                assert!(text.contains(&code.to_string()) && !text.contains("500600"), "{text}");
            }
        }
        let body = json!({"error": {"code": "2001", "message": "+48500600700"}});
        let error = sent("send", &answer(200, body)).unwrap_err();
        assert_eq!(error.to_string(), "undeliverable: serwersms: send: error 2001, bad phone number");
        assert_eq!(refused(200, json!({"error": "boom"})), (Vendor, Backoff, Outcome::NotApplied));
        for body in [json!({"error": {"code": 48_500_600_700_u64}}), json!({"error": "48500600700"})] {
            let text = sent("send", &answer(200, &body)).unwrap_err().to_string();
            assert_eq!(text, "serwersms: send: an error without a known meaning", "a number of any length");
        }
    }

    #[test]
    fn success_is_judged_by_the_message_itself() {
        #[track_caller]
        fn check(body: Value, expected: Result<Option<&str>, (Fault, Retry, Outcome)>) {
            let result = match sent("send", &answer(200, &body)) {
                Ok(receipt) => Ok(receipt.vendor_id),
                Err(NotifyError::Vendor(error)) => Err((error.fault, error.retry, error.outcome)),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(result, expected.map(|id| id.map(str::to_owned)), "{body}");
        }
        let unknown = Err((Fault::Vendor, Backoff, Outcome::Unknown));
        check(
            json!({"success": true, "queued": 1, "unsent": 0, "items": [{"id": "aB3", "status": "queued"}]}),
            Ok(Some("aB3")),
        );
        check(
            json!({"success": true, "queued": 1, "unsent": 0, "items": [{"id": 77, "status": "queued"}]}),
            Ok(Some("77")),
        );
        check(json!({"success": true, "queued": 1, "unsent": 0}), Ok(None));
        check(json!({"success": true, "queued": 0, "unsent": 0, "items": []}), unknown);
        check(json!({"success": true}), unknown);
        check(json!({"success": "true", "queued": 1}), unknown);
        check(json!({"success": false}), unknown);
        check(json!({}), unknown);
        check(json!([]), unknown);
        check(Value::Null, unknown);
        check(
            json!({"success": true, "queued": 0, "unsent": 1}),
            Err((Fault::Vendor, Backoff, Outcome::NotApplied)),
        );
        let unsent = |code: Value, message: Value| {
            json!({"success": true, "queued": 0, "unsent": 1,
                   "items": [{"id": "x", "status": "unsent", "error_code": code, "error_message": message}]})
        };
        let ours = Err((Fault::Configuration, Never, Outcome::NotApplied));
        check(unsent(json!(2205), json!("wrong_sender_name")), ours);
        check(unsent(json!(2207), Value::Null), ours);
        check(unsent(Value::Null, json!("wrong_sender_name")), ours);
        check(unsent(json!(9999), json!("wrong_sender_name")), ours);
        check(
            unsent(json!(3000), Value::Null),
            Err((Fault::Configuration, After(NEXT_LOOK), Outcome::NotApplied)),
        );
        check(unsent(json!(9999), Value::Null), Err((Fault::Vendor, Backoff, Outcome::NotApplied)));
        for body in [
            unsent(json!(2001), Value::Null),
            unsent(json!(2206), Value::Null),
            unsent(Value::Null, json!("wrong_number")),
        ] {
            assert!(
                matches!(sent("send", &answer(200, &body)), Err(NotifyError::Undeliverable(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_not_the_vendors_json_leaves_the_outcome_open() {
        let unknown = (Fault::Vendor, Backoff, Outcome::Unknown);
        for (status, body) in [
            (200, "<html>"),
            (200, "OK"),
            (200, ""),
            (200, "{\"success\":tr"),
            (302, "{}"),
            (403, "{\"message\": \"forbidden\"}"),
            (404, "{\"success\":true,\"queued\":1,\"unsent\":0}"),
        ] {
            assert_eq!(refused(status, body), unknown, "{status} {body}");
        }
    }

    #[test]
    fn every_reason_has_somebody_to_mend_it() {
        for (text, blame) in [
            ("wrong_number", Blame::Recipient),
            ("unsupported_number", Blame::Recipient),
            ("number_is_blacklisted", Blame::Recipient),
            ("wrong_sender_name", Blame::Account),
            ("lock_send", Blame::Account),
            ("limit_exhausted", Blame::Account),
            ("sending_to_foreign_networks_is_locked", Blame::Account),
            ("no_permission_to_send_messages", Blame::Account),
            ("wrong_message", Blame::Account),
            ("message_expired", Blame::Passing),
            ("message_rejected", Blame::Passing),
            ("missed_call", Blame::Passing),
            ("operator_error", Blame::Passing),
            ("other_error", Blame::Passing),
            ("never heard of", Blame::Passing),
        ] {
            assert_eq!(Reason::parse(text).blame(), blame, "{text}");
        }
    }

    #[test]
    fn reports_are_read_one_by_one() {
        let body = json!({"paging": {"page": 1, "count": 1}, "items": [
            {"id": "a", "status": "delivered", "parts": 1, "reason": null},
            {"id": "b", "status": "undelivered", "reason": "wrong_number", "parts": "2"},
            {"status": "sent"},
            "nonsense",
            {"id": "c", "status": "brand_new", "reason": ""},
        ]});
        let reports = reports("reports", &answer(200, body)).unwrap();
        assert_eq!(reports.unreadable, 2);
        let seen: Vec<_> =
            reports.reports.iter().map(|r| (r.id.as_str(), r.delivery, r.reason, r.parts)).collect();
        assert_eq!(
            seen,
            [
                ("a", Delivery::Delivered, None, Some(1)),
                ("b", Delivery::Undelivered, Some(Reason::WrongNumber), Some(2)),
                ("c", Delivery::Unknown, None, None),
            ]
        );
    }

    #[test]
    fn a_look_up_believes_only_what_is_surely_ours() {
        #[track_caller]
        fn check(items: Value, expected: Found) {
            let phone = PhoneNumber::parse("+48500600700").unwrap();
            let body = json!({"paging": {"page": 1, "count": 1}, "items": items});
            let found = found("reports", &answer(200, &body), &phone, "Your code is 281234").unwrap();
            assert_eq!(found, expected, "{body}");
        }
        let item = |phone: &str, text: &str, status: &str| json!({"id": "x", "phone": phone, "text": text, "status": status});
        let ours = || Found::Message(Receipt { vendor_id: Some("x".to_owned()) });
        let (phone, text) = ("+48500600700", "Your code is 281234");
        check(json!([]), Found::Nothing);
        for status in ["saved", "pending", "in_progress", "sent", "delivered", "undelivered", "brand_new"] {
            check(json!([item(phone, text, status)]), ours());
        }
        check(json!([item("48500600700", "Your code is  281234 ", "sent")]), ours());
        check(json!([{"id": "x", "phone": phone, "status": "sent"}]), ours());
        check(json!([item(phone, text, "unsent")]), Found::Unsent);
        check(json!([item(phone, text, "unsent"), item(phone, text, "sent")]), ours());
        check(json!([item("+48500600701", text, "sent")]), Found::Doubtful);
        check(json!([item(phone, "Your code is 999999", "sent")]), Found::Doubtful);
        check(json!([{"id": "x", "status": "sent"}]), Found::Doubtful);
        check(json!([{"phone": phone, "text": text}]), Found::Doubtful);
    }

    #[test]
    fn an_unreadable_list_is_no_empty_one() {
        let phone = PhoneNumber::parse("+48500600700").unwrap();
        for (status, body) in [
            (200, "null"),
            (200, "{}"),
            (200, "{\"items\": null}"),
            (200, "<html>"),
            (404, "{\"items\": []}"),
            (200, "{\"error\": {\"code\": 2001}}"),
        ] {
            let error = found("reports", &answer(status, body), &phone, "x").unwrap_err();
            assert_eq!(error.outcome, Outcome::NotApplied, "{body}");
            assert!(reports("reports", &answer(status, body)).is_err(), "{body}");
            assert!(limits("limits", &answer(status, body)).is_err(), "{body}");
        }
    }

    #[test]
    fn limits_are_shown_as_they_come() {
        let body = json!({"items": [{"type": "eco", "value": 12}, {"type": "full", "value": "7"},
                                    {"type": "voice", "value": "unlimited"}, {"kind": 1}]});
        let limits = limits("limits", &answer(200, body)).unwrap();
        let seen: Vec<_> = limits.iter().map(|limit| (limit.kind.as_str(), limit.left)).collect();
        assert_eq!(seen, [("eco", Some(12)), ("full", Some(7)), ("voice", None)]);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_a_panic(body in "\\PC{0,80}", status in 200_u16..500) {
            let phone = PhoneNumber::parse("+48500600700").unwrap();
            let answer = answer(status, body);
            prop_assert!(sent("send", &answer).is_err());
            prop_assert!(found("reports", &answer, &phone, "x").is_err());
        }
    }
}
