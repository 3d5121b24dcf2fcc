//! What The Keys answers, read tolerantly: nothing here is documented by the vendor, so every reading that is known
//! from any client is taken, and what fits none of them is called unreadable, never empty.

use std::fmt;

use booking_core::{ListedCode, Pin, Secret, VendorCodeId};
use chrono::{Days, NaiveDate, NaiveTime};
use http::StatusCode;
use serde_json::{Map, Value};

/// What a login gave.
pub(crate) struct Login {
    pub(crate) token: Secret,
    /// Seconds.
    pub(crate) expires_in: u64,
}

/// The token in the answer to a login, if there is one that can be sent.
pub(crate) fn login(body: &[u8]) -> Option<Login> {
    let answer = object(body)?;
    let token = ["token", "access_token"]
        .iter()
        .find_map(|key| answer.get(*key)?.as_str().filter(|token| sendable(token)))?;
    let expires_in = answer.get("expires_in").and_then(number).unwrap_or(3600);
    Some(Login { token: Secret::new(token), expires_in })
}

fn sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether an answer belongs to a call that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// What an answer says, from its HTTP status, then its own `status`, then its `data`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// It worked; nothing where the answer has no `data` at all.
    Done(Option<Value>),
    /// Our token is not (or no longer) good. The call had no effect.
    TokenRefused,
    /// The account may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// Come back later. The call had no effect.
    Busy,
    /// The vendor does not want what we sent, and says why in its own, unscrubbed words. The call had no effect.
    Refused { status: u64, messages: Vec<String> },
    /// Anything else: what became of the call is not known.
    Unreadable(Unclear),
}

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    Http(u16),
    Body(u64),
    NotJson,
    NoStatus,
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "HTTP status {status}"),
            Self::Body(status) => write!(f, "status {status} in its answer"),
            Self::NotJson => f.write_str("something else than its JSON"),
            Self::NoStatus => f.write_str("JSON without a status"),
        }
    }
}

/// Judges an answer.
pub(crate) fn answer(http: StatusCode, body: &[u8], kind: Kind) -> Answer {
    let mut envelope = object(body);
    // Taken out, since a list is long.
    let data = envelope.as_mut().and_then(|envelope| envelope.remove("data"));
    let own = envelope.as_ref().and_then(|envelope| envelope.get("status"));
    let messages = || envelope.as_ref().map(messages).unwrap_or_default();
    if http == StatusCode::UNAUTHORIZED
        || own.and_then(number) == Some(401)
        || says_invalid_grant(http, envelope.as_ref(), body)
    {
        return Answer::TokenRefused;
    }
    if http.is_client_error() {
        return refusal(http.as_u16().into(), messages());
    }
    if !http.is_success() {
        return Answer::Unreadable(Unclear::Http(http.as_u16()));
    }
    if envelope.is_none() {
        return Answer::Unreadable(Unclear::NotJson);
    }
    match (own.map(number), kind) {
        (Some(Some(200)), _) => Answer::Done(data),
        // The seed's reads go by the HTTP status alone.
        (None, Kind::Read) if data.is_some() => Answer::Done(data),
        (Some(Some(status @ 400..=499)), _) => refusal(status, messages()),
        // A longer number is no status: it may be digits of a code, and is not repeated.
        (Some(Some(status @ ..=999)), _) => Answer::Unreadable(Unclear::Body(status)),
        (None | Some(_), _) => Answer::Unreadable(Unclear::NoStatus),
    }
}

fn refusal(status: u64, messages: Vec<String>) -> Answer {
    match status {
        403 => Answer::Forbidden,
        404 | 410 => Answer::NotFound,
        408 | 429 => Answer::Busy,
        _ => Answer::Refused { status, messages },
    }
}

/// The OAuth word for a dead token; where it stands in the answer is not known for sure.
fn says_invalid_grant(http: StatusCode, envelope: Option<&Map<String, Value>>, body: &[u8]) -> bool {
    const WORD: &str = "invalid_grant";
    match envelope {
        Some(envelope) => {
            envelope.get("error").and_then(Value::as_str) == Some(WORD)
                || messages(envelope).iter().any(|message| message.trim() == WORD)
        }
        None => http.is_client_error() && String::from_utf8_lossy(body).contains(WORD),
    }
}

/// `message.global` and `message.form`, flattened. The texts are the vendor's and may repeat what was sent.
fn messages(envelope: &Map<String, Value>) -> Vec<String> {
    fn flatten(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) if !text.trim().is_empty() && into.len() < 8 => into.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| flatten(item, into)),
            Value::Object(fields) => fields.values().for_each(|field| flatten(field, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    match envelope.get("message") {
        Some(Value::Object(message)) => {
            ["global", "form"]
                .iter()
                .filter_map(|key| message.get(*key))
                .for_each(|part| flatten(part, &mut found));
        }
        Some(other) => flatten(other, &mut found),
        None => {}
    }
    found
}

/// The id in the answer to a create.
pub(crate) fn created_id(data: Option<&Value>) -> Option<VendorCodeId> {
    id(data?.get("id"))
}

/// A lock of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The lock's own zone, where it tells one.
    pub(crate) zone: Option<String>,
    /// Accessories of the kind keypad.
    pub(crate) keypads: Vec<Keypad>,
    /// Whether there may be more, because not every accessory could be read.
    pub(crate) more_keypads: bool,
}

/// A keypad of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keypad {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// The locks of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    pub(crate) locks: Vec<Lock>,
    /// How many entries could not be read.
    pub(crate) unreadable: usize,
}

/// The locks in the `data` of a user; nothing where it holds none of the kind that is known.
pub(crate) fn locks(data: &Value) -> Option<Locks> {
    let mut found = Locks::default();
    for item in items(data.get("serrures")?)? {
        match lock(item) {
            Some(lock) => found.locks.push(lock),
            None => found.unreadable += 1,
        }
    }
    Some(found)
}

fn lock(item: &Value) -> Option<Lock> {
    let zone = match item.get("timezone") {
        None | Some(Value::Null) => None,
        Some(Value::String(zone)) => Some(zone.trim()).filter(|zone| !zone.is_empty()).map(str::to_owned),
        Some(_) => return None,
    };
    let accessories = item.get("accessoires").and_then(items);
    let mut lock = Lock {
        id: number(item.get("id")?)?.to_string(),
        name: text(item.get("nom")),
        zone,
        keypads: Vec::new(),
        more_keypads: accessories.is_none(),
    };
    for entry in accessories.into_iter().flatten() {
        match keypad(entry) {
            Some(Some(keypad)) => lock.keypads.push(keypad),
            Some(None) => {}
            None => lock.more_keypads = true,
        }
    }
    Some(lock)
}

/// A keypad; `Some(None)` where the accessory is something else.
fn keypad(entry: &Value) -> Option<Option<Keypad>> {
    let accessory = entry.get("accessoire")?;
    if accessory.get("type").and_then(number)? != KEYPAD {
        return Some(None);
    }
    let id = accessory.get("id_accessoire")?.as_str()?.to_owned();
    Some(Some(Keypad { id, name: text(accessory.get("nom")) }))
}

const KEYPAD: u64 = 2;

/// The shares on one keypad.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shares {
    /// What could be read.
    pub codes: Vec<ListedCode>,
    /// What could not, or not wholly.
    pub unreadable: Vec<UnreadableShare>,
}

impl Shares {
    /// Whether nothing on the keypad escaped us.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.unreadable.is_empty()
    }
}

/// A share that is or may be on the keypad and does not fit anything known. While there is one, no absence is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableShare {
    /// Its id, where that could be read: to find it in the vendor's app.
    pub id: Option<VendorCodeId>,
    /// What was not understood.
    pub why: &'static str,
}

/// Whose a share is.
enum Owner {
    Ours,
    Other,
    Unknown,
}

/// The shares of one keypad in the `data` of a lock's list; nothing where it holds no list of the kind that is known.
///
/// `stored_len` is for PINs that come as numbers, without their leading zeros.
pub(crate) fn shares(data: &Value, keypad: &str, stored_len: u8) -> Option<Shares> {
    let mut found = Shares::default();
    for item in items(data.get("partages_accessoire")?)? {
        let unreadable = |why| UnreadableShare { id: id(item.get("id")), why };
        match owner(item, keypad) {
            Owner::Other => {}
            Owner::Unknown => found.unreadable.push(unreadable("its accessory")),
            Owner::Ours => match share(item, stored_len) {
                Ok(code) => {
                    if code.stored.is_none() {
                        found.unreadable.push(unreadable("its digits"));
                    }
                    found.codes.push(code);
                }
                Err(why) => found.unreadable.push(unreadable(why)),
            },
        }
    }
    Some(found)
}

fn owner(item: &Value, keypad: &str) -> Owner {
    let Some(accessory) = item.get("accessoire") else { return Owner::Unknown };
    match accessory.get("id_accessoire").and_then(Value::as_str) {
        Some(id) if id == keypad => Owner::Ours,
        Some(id) if !id.is_empty() => Owner::Other,
        // A gateway or a remote is no keypad, whatever it is called.
        _ if accessory.get("type").and_then(number).is_some_and(|kind| kind == 1 || kind == 3) => {
            Owner::Other
        }
        _ => Owner::Unknown,
    }
}

/// One share of our keypad. Without `stored` where it has no digits that a keypad could know.
fn share(item: &Value, stored_len: u8) -> Result<ListedCode, &'static str> {
    let id = id(item.get("id")).ok_or("its id")?;
    let stored = match item.get("code") {
        Some(Value::String(code)) => Pin::parse(code.trim()).ok(),
        Some(code @ Value::Number(_)) => number(code)
            .and_then(|code| Pin::parse(&format!("{code:0width$}", width = usize::from(stored_len))).ok()),
        _ => None,
    };
    let active = item.get("actif").and_then(boolean).ok_or("whether it is on")?;
    let start_day = date(item.get("date_debut")).ok_or("its first day")?;
    let end_day = date(item.get("date_fin")).ok_or("its last day")?;
    let start_hour = time(item.get("heure_debut")).ok_or("its first hour")?;
    let end_hour = time(item.get("heure_fin")).ok_or("its last hour")?;
    // A day without an hour is taken whole. Hours without a day bound nothing.
    let start = start_day.map(|day| day.and_time(start_hour.unwrap_or(NaiveTime::MIN)));
    let end = end_day.and_then(|day| match end_hour {
        Some(hour) => Some(day.and_time(hour)),
        None => day.checked_add_days(Days::new(1)).map(|next| next.and_time(NaiveTime::MIN)),
    });
    Ok(ListedCode {
        id,
        stored,
        name: text(item.get("nom")),
        note: text(item.get("description")),
        start,
        end,
        active,
        proof: booking_core::Proof::Listed,
    })
}

/// A calendar day; `Some(None)` where there is none.
fn date(value: Option<&Value>) -> Option<Option<NaiveDate>> {
    let text = match value {
        None | Some(Value::Null) => return Some(None),
        Some(Value::String(text)) => text.trim(),
        // PHP's own form of a date.
        Some(Value::Object(fields)) => fields.get("date")?.as_str()?.trim(),
        Some(_) => return None,
    };
    if text.is_empty() {
        return Some(None);
    }
    let (day, rest) = text.split_at_checked(10)?;
    // A time of day other than midnight would raise the question whose day it is.
    let midnight = rest.is_empty() || clock(rest.strip_prefix(['T', ' '])?)? == NaiveTime::MIN;
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    midnight.then_some(Some(day))
}

/// A time of day; `Some(None)` where there is none.
fn time(value: Option<&Value>) -> Option<Option<NaiveTime>> {
    match value {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => {
            let text = text.trim();
            if text.is_empty() { Some(None) } else { clock(after_date(text)).map(Some) }
        }
        Some(Value::Object(fields)) if fields.contains_key("hour") => {
            let part = |key: &str| match fields.get(key) {
                None | Some(Value::Null) => Some(None),
                Some(Value::String(text)) if text.trim().is_empty() => Some(None),
                Some(value) => number(value).map(Some),
            };
            match (part("hour")?, part("minute")?) {
                (None, None) => Some(None),
                (None, Some(_)) => None,
                (Some(hour), minute) => hour_minute(hour, minute.unwrap_or(0)).map(Some),
            }
        }
        Some(Value::Object(fields)) => clock(after_date(fields.get("date")?.as_str()?.trim())).map(Some),
        Some(Value::Number(_) | Value::Bool(_) | Value::Array(_)) => None,
    }
}

/// What follows the day, where a text starts with one.
fn after_date(text: &str) -> &str {
    match text.split_at_checked(10) {
        Some((day, rest)) if NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok() => {
            rest.strip_prefix(['T', ' ']).unwrap_or(text)
        }
        _ => text,
    }
}

/// `15`, `15:00`, `15:00:00` or `15:00:00.000000`, with an offset at most; it is wall time in any case.
fn clock(text: &str) -> Option<NaiveTime> {
    let text = text.trim_end_matches('Z');
    let text = text.split_once(['+', '-']).map_or(text, |(time, _)| time);
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut parts = text.split(':').map(|part| {
        let two_digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if two_digits { part.parse::<u32>().ok() } else { None }
    });
    let hour = parts.next()??;
    let minute = parts.next().unwrap_or(Some(0))?;
    let second = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() { None } else { NaiveTime::from_hms_opt(hour, minute, second) }
}

fn hour_minute(hour: u64, minute: u64) -> Option<NaiveTime> {
    NaiveTime::from_hms_opt(u32::try_from(hour).ok()?, u32::try_from(minute).ok()?, 0)
}

pub(crate) fn is_object(body: &[u8]) -> bool {
    object(body).is_some()
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// A list. PHP writes one whose first keys were taken out as an object with numbers for keys.
fn items(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::Object(fields)
            if !fields.is_empty() && fields.keys().all(|key| key.parse::<u64>().is_ok()) =>
        {
            Some(fields.values().collect())
        }
        _ => None,
    }
}

/// A whole number, as such or in a text.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            let text = text.trim();
            if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
        }
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text == "true" => Some(true),
        Value::String(text) if text == "false" => Some(false),
        other => match number(other) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
    }
}

fn id(value: Option<&Value>) -> Option<VendorCodeId> {
    VendorCodeId::parse(&number(value?)?.to_string()).ok()
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_login(body: &str, expected: Option<(&str, u64)>) {
        let login = login(body.as_bytes());
        let got = login.as_ref().map(|login| (login.token.expose(), login.expires_in));
        assert_eq!(got, expected, "{body}");
    }

    #[test]
    fn tokens() {
        check_login(r#"{"token":"a","access_token":"b","expires_in":60}"#, Some(("a", 60)));
        check_login(r#"{"token":"a"}"#, Some(("a", 3600)));
        check_login(r#"{"access_token":"b","expires_in":"7200"}"#, Some(("b", 7200)));
        check_login(r#"{"token":null,"access_token":"b","expires_in":-1}"#, Some(("b", 3600)));
        check_login("\u{feff}{\"token\":\"a\"}", Some(("a", 3600)));
        check_login(r#"{"token":""}"#, None);
        check_login(r#"{"token":"a b"}"#, None);
        check_login(r#"{"token":"a\r\nX: y"}"#, None);
        check_login(r#"{"status":200}"#, None);
        check_login("[]", None);
        check_login("<html>", None);
        check_login("", None);
    }

    #[track_caller]
    fn check_answer(http: u16, body: &str, read: &Answer, write: &Answer) {
        for (kind, expected) in [(Kind::Read, read), (Kind::Write, write)] {
            assert_eq!(
                &answer(StatusCode::from_u16(http).unwrap(), body.as_bytes(), kind),
                expected,
                "{http} {body} {kind:?}"
            );
        }
    }

    #[track_caller]
    fn check_both(http: u16, body: &str, expected: &Answer) {
        check_answer(http, body, expected, expected);
    }

    fn refused(status: u64, messages: &[&str]) -> Answer {
        Answer::Refused { status, messages: messages.iter().map(|message| (*message).to_owned()).collect() }
    }

    #[test]
    fn http_status_then_own_status_then_data() {
        use Answer::{Busy, Done, Forbidden, NotFound, TokenRefused, Unreadable};
        use Unclear::{Body, Http, NoStatus, NotJson};
        let data = Done(Some(json!({"id": 1})));
        check_both(200, r#"{"status":200,"data":{"id":1}}"#, &data);
        check_both(200, r#"{"status":"200","data":{"id":1}}"#, &data);
        check_both(200, r#"{"status":200,"data":null}"#, &Done(Some(Value::Null)));
        check_both(200, r#"{"status":200}"#, &Done(None));
        check_answer(200, r#"{"data":{"id":1}}"#, &data, &Unreadable(NoStatus));
        check_both(200, r#"{"status":null,"data":{"id":1}}"#, &Unreadable(NoStatus));
        check_both(200, "{}", &Unreadable(NoStatus));
        check_both(200, r#"{"status":500,"data":null}"#, &Unreadable(Body(500)));
        check_both(200, r#"{"status":0,"data":null}"#, &Unreadable(Body(0)));
        check_both(200, r#"{"status":4821000,"data":null}"#, &Unreadable(NoStatus));
        for text in ["", "<html>", "null", "[]", "Internal Server Error", r#"{"status":200,"data":{"pa"#] {
            check_both(200, text, &Unreadable(NotJson));
        }
        check_both(302, "", &Unreadable(Http(302)));
        check_both(401, "Unauthorized", &TokenRefused);
        check_both(400, r#"{"error":"invalid_grant"}"#, &TokenRefused);
        check_both(400, "error: invalid_grant", &TokenRefused);
        check_both(200, r#"{"error":"invalid_grant","error_description":"x"}"#, &TokenRefused);
        check_both(200, r#"{"status":401,"data":null}"#, &TokenRefused);
        check_both(200, r#"{"status":400,"message":{"global":["invalid_grant"]}}"#, &TokenRefused);
        // A guest may be called so.
        check_both(
            200,
            r#"{"status":200,"data":{"nom":"invalid_grant"}}"#,
            &Done(Some(json!({"nom": "invalid_grant"}))),
        );
        check_both(403, "<html>", &Forbidden);
        check_both(200, r#"{"status":403,"data":null}"#, &Forbidden);
        check_both(404, "", &NotFound);
        check_both(200, r#"{"status":404,"data":null}"#, &NotFound);
        check_both(200, r#"{"status":429,"data":null}"#, &Busy);
        check_both(
            200,
            r#"{"status":400,"data":null,"message":{"global":["a"],"form":{"code":["b",["c"]]}}}"#,
            &refused(400, &["a", "b", "c"]),
        );
        check_both(422, r#"{"message":"no"}"#, &refused(422, &["no"]));
        check_both(400, "plain", &refused(400, &[]));
    }

    #[track_caller]
    fn check_date(value: Value, expected: Option<Option<&str>>) {
        let got = date(Some(&value)).map(|date| date.map(|date| date.to_string()));
        assert_eq!(got, expected.map(|date| date.map(str::to_owned)), "{value}");
    }

    #[test]
    fn dates() {
        check_date(json!("2027-03-01"), Some(Some("2027-03-01")));
        check_date(json!("2027-03-01 00:00:00"), Some(Some("2027-03-01")));
        check_date(json!("2027-03-01T00:00:00+01:00"), Some(Some("2027-03-01")));
        check_date(
            json!({"date": "2027-03-01 00:00:00.000000", "timezone": "Europe/Berlin"}),
            Some(Some("2027-03-01")),
        );
        check_date(json!(null), Some(None));
        check_date(json!(""), Some(None));
        for bad in [
            json!("2027-02-29"),
            json!("2027-03-01T23:00:00Z"),
            json!("01/03/2027"),
            json!("du Jan 26, 2026 au"),
            json!(20_270_301),
            json!({}),
            json!([]),
            json!("2027-03-01x"),
            json!("äöüäöü"),
        ] {
            check_date(bad, None);
        }
        assert_eq!(date(None), Some(None));
    }

    #[track_caller]
    fn check_time(value: Value, expected: Option<Option<&str>>) {
        let got = time(Some(&value)).map(|time| time.map(|time| time.to_string()));
        assert_eq!(got, expected.map(|time| time.map(str::to_owned)), "{value}");
    }

    #[test]
    fn hours() {
        for at_15 in [
            json!({"hour": "15", "minute": "0"}),
            json!({"hour": 15, "minute": 0}),
            json!({"hour": "15"}),
            json!({"hour": "15", "minute": null}),
            json!({"hour": "15", "minute": ""}),
            json!("15:00"),
            json!("15:00:00"),
            json!("15"),
            json!("15:00:00.000000"),
            json!("1970-01-01T15:00:00+01:00"),
            json!("1970-01-01 15:00:00"),
            json!({"date": "1970-01-01 15:00:00.000000", "timezone_type": 3, "timezone": "Europe/Paris"}),
        ] {
            check_time(at_15, Some(Some("15:00:00")));
        }
        check_time(json!({"hour": "9", "minute": "05"}), Some(Some("09:05:00")));
        check_time(json!("9:5"), Some(Some("09:05:00")));
        for none in
            [json!(null), json!(""), json!({"hour": null, "minute": null}), json!({"hour": "", "minute": ""})]
        {
            check_time(none, Some(None));
        }
        for bad in [
            json!("24:00"),
            json!("15:60"),
            json!("15:00:00:00"),
            json!("15h00"),
            json!("noon"),
            json!(15),
            json!(true),
            json!([]),
            json!({}),
            json!({"minute": "5"}),
            json!({"hour": "25"}),
            json!({"hour": "x"}),
            json!("-1:00"),
            json!({"hour": null, "minute": "5"}),
            json!("1970-01-01"),
            json!(":"),
            json!("15:00:00."),
            json!("150:00"),
        ] {
            check_time(bad, None);
        }
        assert_eq!(time(None), Some(None));
    }

    fn sample() -> Value {
        json!({
            "id": 700_001, "nom": "Ada Example", "actif": true, "iddesc": null,
            "date_debut": "2027-03-01", "date_fin": "2027-03-04",
            "heure_debut": {"hour": "15", "minute": "0"}, "heure_fin": {"hour": "12", "minute": "0"},
            "description": "Smoobu#9001", "notification_enabled": false, "horaires": [],
            "accessoire": {"id": 42, "id_accessoire": "AbCd1234", "nom": "Keypad", "type": 2, "configuration": []},
            "code": "0042",
        })
    }

    fn with(change: Value) -> Value {
        let mut share = sample();
        for (key, value) in change.as_object().unwrap() {
            share[key] = value.clone();
        }
        share
    }

    fn without(key: &str) -> Value {
        let mut share = sample();
        share.as_object_mut().unwrap().remove(key);
        share
    }

    fn list(items: &[Value]) -> Value {
        json!({"partages_utilisateur": [], "partages_accessoire": items, "partages_demande": []})
    }

    /// What one share is read as, the good sample beside it notwithstanding.
    fn read(share: Value) -> (Vec<ListedCode>, Vec<&'static str>) {
        let other = with(json!({"id": 1}));
        let found = shares(&list(&[share, other]), "AbCd1234", 4).unwrap();
        assert_eq!(found.codes.last().unwrap().id.as_str(), "1", "one bad share does not spoil the list");
        assert_eq!(found.complete(), found.unreadable.is_empty());
        let codes = found.codes[..found.codes.len() - 1].to_vec();
        (codes, found.unreadable.into_iter().map(|share| share.why).collect())
    }

    #[track_caller]
    fn check_times(share: Value, start: Option<&str>, end: Option<&str>) {
        let (codes, unreadable) = read(share);
        assert_eq!(unreadable, [""; 0]);
        let shown = |at: Option<chrono::NaiveDateTime>| at.map(|at| at.format("%F %H:%M").to_string());
        assert_eq!((shown(codes[0].start).as_deref(), shown(codes[0].end).as_deref()), (start, end));
    }

    #[test]
    fn a_share_is_read_whole() {
        let (codes, unreadable) = read(sample());
        assert_eq!(unreadable, [""; 0]);
        let at = |day, hour| NaiveDate::from_ymd_opt(2027, 3, day).unwrap().and_hms_opt(hour, 0, 0);
        assert_eq!(
            codes,
            [ListedCode {
                id: VendorCodeId::parse("700001").unwrap(),
                stored: Some(Pin::parse("0042").unwrap()),
                name: "Ada Example".to_owned(),
                note: "Smoobu#9001".to_owned(),
                start: at(1, 15),
                end: at(4, 12),
                active: true,
                proof: booking_core::Proof::Listed,
            }]
        );
    }

    #[test]
    fn times_of_shares() {
        let none = json!({"date_debut": null, "date_fin": null, "heure_debut": null, "heure_fin": null});
        check_times(with(none), None, None);
        check_times(
            with(json!({"heure_debut": "15:30", "heure_fin": "12:00:00"})),
            Some("2027-03-01 15:30"),
            Some("2027-03-04 12:00"),
        );
        check_times(
            with(json!({"heure_debut": null, "heure_fin": null})),
            Some("2027-03-01 00:00"),
            Some("2027-03-05 00:00"),
        );
        check_times(with(json!({"date_fin": null})), Some("2027-03-01 15:00"), None);
        check_times(with(json!({"date_debut": null, "date_fin": null})), None, None);
    }

    #[test]
    fn other_readings_of_a_share() {
        let first = |share| read(share).0.remove(0);
        assert!(!first(with(json!({"actif": "0"}))).active);
        assert!(first(with(json!({"actif": 1}))).active);
        assert_eq!(first(with(json!({"id": "700001"}))).id.as_str(), "700001");
        assert_eq!(first(with(json!({"code": 42}))).stored, Some(Pin::parse("0042").unwrap()));
        assert_eq!(first(with(json!({"description": null}))).note, "");
        assert_eq!(first(without("nom")).name, "");
        assert_eq!(first(with(json!({"unheard_of": {"x": []}}))).name, "Ada Example");
    }

    #[track_caller]
    fn check_unreadable(share: Value, listed: usize, why: &str) {
        let (codes, unreadable) = read(share);
        assert_eq!((codes.len(), unreadable.as_slice()), (listed, [why].as_slice()));
        assert!(codes.iter().all(|code| code.stored.is_none()));
    }

    #[test]
    fn what_cannot_be_read_is_never_dropped_in_silence() {
        check_unreadable(without("id"), 0, "its id");
        check_unreadable(with(json!({"id": -1})), 0, "its id");
        check_unreadable(without("actif"), 0, "whether it is on");
        check_unreadable(with(json!({"date_debut": "soon"})), 0, "its first day");
        check_unreadable(with(json!({"date_fin": 7})), 0, "its last day");
        check_unreadable(with(json!({"heure_debut": []})), 0, "its first hour");
        check_unreadable(with(json!({"heure_fin": "noon"})), 0, "its last hour");
        for code in [json!(null), json!(""), json!("Gx7-secret"), json!("12345678901234567"), json!(1.5)] {
            check_unreadable(with(json!({"code": code})), 1, "its digits");
        }
        for share in [
            without("accessoire"),
            with(json!({"accessoire": null})),
            with(json!({"accessoire": {"type": 2}})),
            with(json!({"accessoire": {"id_accessoire": 7}})),
            json!(null),
            json!("x"),
            json!(7),
            json!([]),
        ] {
            check_unreadable(share, 0, "its accessory");
        }
    }

    #[test]
    fn shares_of_other_accessories_are_left_out() {
        for accessory in [
            json!({"id_accessoire": "GaTeWay1", "type": 1}),
            json!({"id_accessoire": "abcd1234", "type": 2}),
            json!({"type": 1}),
            json!({"type": "3", "id_accessoire": null}),
        ] {
            let share = with(json!({"accessoire": accessory, "code": "Gx7-secret", "date_debut": "?"}));
            assert_eq!(read(share), (vec![], vec![]));
        }
    }

    #[test]
    fn only_a_list_is_a_list() {
        let complete =
            |data: Value| shares(&data, "AbCd1234", 4).map(|found| (found.codes.len(), found.complete()));
        assert_eq!(complete(list(&[])), Some((0, true)));
        assert_eq!(complete(json!({"partages_accessoire": {"1": sample(), "3": sample()}})), Some((2, true)));
        for data in [
            json!(null),
            json!({}),
            json!([]),
            json!("x"),
            json!({"partages_accessoire": null}),
            json!({"partages_accessoire": {}}),
            json!({"partages_accessoire": sample()}),
            json!({"partages_utilisateur": []}),
        ] {
            assert_eq!(complete(data), None);
        }
    }

    #[test]
    fn locks_of_an_account() {
        let data = json!({"id": 1, "serrures": [
            {"id": 4411, "nom": "Flat", "timezone": "Europe/Paris", "code": "secret", "accessoires": [
                {"id": 1, "accessoire": {"id": 14_411, "id_accessoire": "AbCd1234", "nom": "Pad", "type": 2}, "info": null},
                {"id": 2, "accessoire": {"id": 14_412, "id_accessoire": "GaTeWay1", "nom": "Gate", "type": 1}, "info": null},
            ]},
            {"id": "4412", "timezone": null, "accessoires": "?"},
            {"id": 4413, "timezone": 7},
            {"id": 4414, "timezone": "", "nom": 7, "accessoires": [
                {"accessoire": null},
                {"accessoire": {"id_accessoire": "AbCd1234", "nom": "Pad", "type": "2"}},
            ]},
            "garbage",
        ]});
        let pad = Keypad { id: "AbCd1234".to_owned(), name: "Pad".to_owned() };
        let expected = Locks {
            locks: vec![
                Lock {
                    id: "4411".to_owned(),
                    name: "Flat".to_owned(),
                    zone: Some("Europe/Paris".to_owned()),
                    keypads: vec![pad.clone()],
                    more_keypads: false,
                },
                Lock {
                    id: "4412".to_owned(),
                    name: String::new(),
                    zone: None,
                    keypads: vec![],
                    more_keypads: true,
                },
                Lock {
                    id: "4414".to_owned(),
                    name: "7".to_owned(),
                    zone: None,
                    keypads: vec![pad],
                    more_keypads: true,
                },
            ],
            unreadable: 2,
        };
        assert_eq!(locks(&data), Some(expected));
        for data in [json!(null), json!({}), json!({"serrures": null}), json!({"serrures": 1})] {
            assert_eq!(locks(&data), None);
        }
    }

    /// JSON that often has the names that matter.
    fn any_json() -> impl Strategy<Value = Value> {
        let word = prop_oneof![
            Just("partages_accessoire"),
            Just("accessoire"),
            Just("id_accessoire"),
            Just("AbCd1234"),
            Just("type"),
            Just("id"),
            Just("code"),
            Just("actif"),
            Just("date_debut"),
            Just("heure_fin"),
            Just("hour"),
            Just("minute"),
            Just("status"),
            Just("data"),
            Just("serrures"),
            Just("timezone"),
            Just("2027-03-01"),
            Just("15:00"),
            Just("0"),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (0_u64..5).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            word.clone().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Whether a complete and empty list is really what was said: a list, and each share in it another accessory's.
    fn says_nothing_is_here(data: &Value) -> bool {
        let Some(all) = data.get("partages_accessoire").and_then(items) else { return false };
        let is_list = data["partages_accessoire"].is_array() || !all.is_empty();
        is_list
            && all.iter().all(|share| {
                let accessory = &share["accessoire"];
                let other =
                    accessory["id_accessoire"].as_str().is_some_and(|id| !id.is_empty() && id != "AbCd1234");
                other || number(&accessory["type"]).is_some_and(|kind| kind == 1 || kind == 3)
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn garbage_is_never_an_empty_list(data in any_json()) {
            if let Some(found) = shares(&data, "AbCd1234", 4) && found.codes.is_empty() && found.complete() {
                prop_assert!(says_nothing_is_here(&data), "{data}");
            }
            let _ = locks(&data);
        }

        #[test]
        fn a_bent_share_is_listed_or_reported(key in 0_usize..13, value in any_json()) {
            let keys: Vec<String> = sample().as_object().unwrap().keys().cloned().collect();
            let share = with(json!({ keys[key % keys.len()].as_str(): value }));
            let data = list(&[share]);
            let found = shares(&data, "AbCd1234", 4).unwrap();
            prop_assert!(!found.codes.is_empty() || !found.complete() || says_nothing_is_here(&data), "{data}");
        }

        #[test]
        fn bytes_never_panic(http in 200_u16..500, body in prop::collection::vec(any::<u8>(), 0..200), kind in prop_oneof![Just(Kind::Read), Just(Kind::Write)]) {
            let _ = login(&body);
            if let Answer::Done(Some(data)) = answer(StatusCode::from_u16(http).unwrap(), &body, kind) {
                let _ = shares(&data, "AbCd1234", 4);
            }
        }

        #[test]
        fn texts_never_panic(text in ".{0,40}") {
            let value = Value::from(text);
            let _ = (date(Some(&value)), time(Some(&value)), number(&value), boolean(&value), id(Some(&value)));
        }
    }
}
