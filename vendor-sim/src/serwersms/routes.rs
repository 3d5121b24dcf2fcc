//! The actions of the API.

use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Europe::Warsaw;
use http::Response;
use serde_json::{Value, json};

use super::alphabet::{parts, replaced};
use super::fields::Fields;
use super::{ReceivedSms, SerwerSmsSim, Stored, error, explain};
use crate::operation::Operation;
use crate::web::{self, Answer, Call, later};

/// The longest text, in parts.
const MOST_PARTS: usize = 10;
/// The vendor's number for a wrong sender name.
const WRONG_SENDER: u16 = 2205;

impl SerwerSmsSim {
    pub(super) fn answer(&mut self, call: &Call<'_>) -> Answer {
        let Some(fields) = Fields::parse(call) else { return self.refuse(1006) };
        if call.operation == Operation::Unknown {
            return self.refuse(1000);
        }
        if !self.admits(call, &fields) {
            return self.refuse(1001);
        }
        let result = match call.operation {
            Operation::SendSms => self.send(call, &fields),
            Operation::Reports => Ok(Answer::read(self.reports(call, &fields))),
            Operation::Limits => Ok(Answer::read(self.limits())),
            _ => explained(call).map(Answer::read),
        };
        result.unwrap_or_else(|code| self.refuse(code))
    }

    fn refuse(&self, code: u16) -> Answer {
        Answer::read(error(self.config.error_style, code))
    }

    fn admits(&self, call: &Call<'_>, fields: &Fields) -> bool {
        if let Some(token) = call.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
            return token == self.config.token;
        }
        self.config.user.as_ref().is_some_and(|(name, password)| {
            fields.one("username") == Some(name) && fields.one("password") == Some(password)
        })
    }

    fn send(&mut self, call: &Call<'_>, fields: &Fields) -> Result<Answer, u16> {
        let phones = fields.all("phone");
        if phones.is_empty() {
            return Err(2000);
        }
        if !phones.iter().all(|phone| is_phone(phone)) {
            return Err(2001);
        }
        let unique_ids = fields.all("unique_id");
        let good_ids = unique_ids.iter().all(|id| is_unique_id(id));
        if !unique_ids.is_empty() && (unique_ids.len() != phones.len() || !good_ids) {
            return Err(1006);
        }
        let used = |id: &String| self.messages.iter().any(|stored| stored.sms.unique_id.as_ref() == Some(id));
        if self.config.refuse_repeated_unique_id && unique_ids.iter().any(used) {
            return Err(1006);
        }
        let sender = fields.one("sender").map(str::to_owned);
        // Special characters are for FULL only: in ECO+ the wish is passed over and the text replaced.
        let utf = fields.is("utf") && sender.is_some();
        let text = fields.one("text").unwrap_or_default();
        let text = if utf { text.to_owned() } else { replaced(text) };
        let parts = parts(&text, utf);
        if text.trim().is_empty() {
            return Err(3101);
        }
        if parts > MOST_PARTS {
            return Err(3102);
        }
        let at = match fields.one("date") {
            None => call.now,
            Some(date) => local_time(date).ok_or(1006_u16)?.max(call.now),
        };
        let known = sender.as_ref().is_none_or(|name| {
            name == "2waySMS" || self.config.senders.contains(name) || is_number_sender(name)
        });
        let test = fields.is("test");
        self.spend(phones.len() * parts, sender.is_some(), test || !known)?;
        let mut items = Vec::new();
        for (place, phone) in phones.iter().enumerate() {
            let number = self.messages.len() + place;
            let sms = ReceivedSms {
                id: format!("sim{number:07}"),
                text: text.clone(),
                sender: sender.clone(),
                at,
                unique_id: unique_ids.get(place).cloned(),
                parts,
            };
            let unsent = (!known).then_some("wrong_sender_name");
            items.push(Stored { phone: phone.clone(), utf, unsent, sms });
        }
        let unsent = items.iter().filter(|stored| stored.unsent.is_some()).count();
        let mut body = json!({"success": true, "queued": items.len() - unsent, "unsent": unsent});
        if let Some(map) = body.as_object_mut().filter(|_| fields.is("details")) {
            let shown: Vec<Value> = items.iter().map(|stored| show_sent(stored, call.now)).collect();
            map.insert("items".into(), Value::Array(shown));
        }
        let response = web::json(200, &body);
        if test {
            return Ok(Answer::read(response));
        }
        self.messages.extend(items);
        Ok(Answer::applied(response))
    }

    fn spend(&mut self, count: usize, full: bool, only_check: bool) -> Result<(), u16> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let (left, used_up) =
            if full { (&mut self.config.full_left, 3002_u16) } else { (&mut self.config.eco_left, 3000_u16) };
        let rest = left.checked_sub(count).ok_or(used_up)?;
        if !only_check {
            *left = rest;
        }
        Ok(())
    }

    fn limits(&self) -> Response<Bytes> {
        let items = json!([
            {"type": "eco", "chars_limit": false, "value": self.config.eco_left},
            {"type": "full", "chars_limit": false, "value": self.config.full_left},
        ]);
        web::json(200, &json!({"items": items}))
    }

    fn reports(&self, call: &Call<'_>, fields: &Fields) -> Response<Bytes> {
        let wanted = |key: &str, value: Option<&str>| {
            let list = fields.all(key);
            list.is_empty() || value.is_some_and(|value| list.iter().any(|each| each == value))
        };
        let hits: Vec<Value> = self
            .messages
            .iter()
            .filter(|stored| {
                wanted("id", Some(&stored.sms.id))
                    && wanted("unique_id", stored.sms.unique_id.as_deref())
                    && wanted("phone", Some(&stored.phone))
                    && wanted("type", Some(kind(stored)))
                    && wanted("status", Some(&self.stage(stored, call.now).0))
            })
            .map(|stored| self.show_report(stored, call.now))
            .collect();
        let number = |key: &str| fields.one(key).and_then(|value| value.parse::<usize>().ok());
        let limit = number("limit").unwrap_or(500).clamp(1, 500);
        let page = number("page").unwrap_or(1).max(1);
        let count = hits.len().div_ceil(limit);
        let items: Vec<Value> = hits.into_iter().skip((page - 1).saturating_mul(limit)).take(limit).collect();
        web::json(200, &json!({"paging": {"page": page, "count": count}, "items": items}))
    }

    /// Status, reason, and when the status began.
    fn stage(&self, stored: &Stored, now: DateTime<Utc>) -> (String, Option<String>, DateTime<Utc>) {
        let at = stored.sms.at;
        if let Some(reason) = stored.unsent {
            return ("unsent".into(), Some(reason.into()), at);
        }
        if now < at {
            return ("saved".into(), None, at);
        }
        self.stages(&stored.phone)
            .iter()
            .map(|stage| (stage.status.clone(), stage.reason.clone(), later(at, stage.after)))
            .rfind(|(.., begins)| *begins <= now)
            .unwrap_or_else(|| ("pending".into(), None, at))
    }

    fn show_report(&self, stored: &Stored, now: DateTime<Utc>) -> Value {
        let (status, reason, since) = self.stage(stored, now);
        let sent = matches!(status.as_str(), "sent" | "delivered" | "undelivered");
        json!({
            "id": stored.sms.id, "phone": stored.phone, "status": status, "queued": warsaw(stored.sms.at),
            "sent": sent.then(|| warsaw(stored.sms.at)),
            "delivered": (status == "delivered").then(|| warsaw(since)),
            "sender": stored.sms.sender.clone().unwrap_or_default(), "type": kind(stored),
            "text": stored.sms.text, "flash": false, "utf": stored.utf, "parts": stored.sms.parts,
            "cost": 0, "method": "api", "mnc": null, "country": null, "network": null, "reason": reason,
            "contact": null,
        })
    }
}

fn explained(call: &Call<'_>) -> Result<Response<Bytes>, u16> {
    let asked = call.segment(1);
    let code: u16 = asked.strip_suffix(".json").unwrap_or(&asked).parse().map_err(|_| 2002_u16)?;
    let (kind, message) = explain(code).ok_or(2002_u16)?;
    Ok(web::json(200, &json!({"code": code, "type": kind, "message": message})))
}

fn show_sent(stored: &Stored, now: DateTime<Utc>) -> Value {
    let unsent = stored.unsent.is_some();
    json!({
        "id": stored.sms.id, "phone": stored.phone, "status": if unsent { "unsent" } else { "queued" },
        "queued": warsaw(now), "parts": stored.sms.parts,
        "error_code": unsent.then_some(WRONG_SENDER), "error_message": stored.unsent,
        "text": stored.sms.text,
    })
}

fn kind(stored: &Stored) -> &'static str {
    if stored.sms.sender.is_some() { "full" } else { "eco" }
}

fn warsaw(at: DateTime<Utc>) -> String {
    at.with_timezone(&Warsaw).format("%Y-%m-%d %H:%M:%S").to_string()
}

fn local_time(text: &str) -> Option<DateTime<Utc>> {
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M"))
        .ok()?;
    Warsaw.from_local_datetime(&naive).earliest().map(|at| at.with_timezone(&Utc))
}

fn is_phone(phone: &str) -> bool {
    phone.strip_prefix('+').is_some_and(|rest| {
        (8..=15).contains(&rest.len()) && rest.chars().all(|digit| digit.is_ascii_digit())
    })
}

fn is_unique_id(id: &str) -> bool {
    (3..=50).contains(&id.len()) && id.chars().all(|character| character.is_ascii_alphanumeric())
}

fn is_number_sender(name: &str) -> bool {
    matches!(name.len(), 4 | 9) && name.chars().all(|digit| digit.is_ascii_digit())
}
