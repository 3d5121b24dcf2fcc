//! The control API: what tests and people do to the vendors from outside, as JSON. No vendor has it.

mod smoobu;
mod thekeys;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Method, Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::operation::{Operation, Vendor};
use crate::serwersms::{ErrorStyle, ReportStage};
use crate::web::{self, decode_path};
use crate::{Fault, FaultId, Simulators};

/// Why a control call failed: a status and a word about it.
type Problem = (u16, String);
type Done = Result<Value, Problem>;

/// One control call: method, the parts of the path after `/control`, query and body.
struct Order<'a> {
    now: DateTime<Utc>,
    method: &'a str,
    parts: Vec<String>,
    query: Vec<(String, String)>,
    body: &'a [u8],
}

impl Order<'_> {
    /// The body; an empty one counts as `{}`.
    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { self.body };
        serde_json::from_slice(body).map_err(|error| (400, error.to_string()))
    }

    fn value(&self, key: &str) -> Result<&str, Problem> {
        let found = self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        found.ok_or_else(|| (400, format!("the query lacks {key}")))
    }
}

impl Simulators {
    /// Answers a call of the control API; the README lists the routes. The clock is not here: a pure simulator has
    /// none, only the loopback server has.
    pub fn control(&mut self, now: DateTime<Utc>, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        let order = Order {
            now,
            method: request.method().as_str(),
            parts: path
                .split('/')
                .filter(|part| !part.is_empty())
                .skip_while(|part| *part == "control")
                .map(decode_path)
                .collect(),
            query: web::pairs(request.uri().query().unwrap_or_default()),
            body: request.body(),
        };
        match self.obey(&order) {
            Ok(value) if request.method() == Method::POST => web::json(201, &value),
            Ok(value) => web::json(200, &value),
            Err((status, error)) => web::json(status, &json!({"error": error})),
        }
    }

    fn obey(&mut self, order: &Order<'_>) -> Done {
        let parts: Vec<&str> = order.parts.iter().map(String::as_str).collect();
        match (order.method, parts.as_slice()) {
            (_, ["smoobu", rest @ ..]) => smoobu::obey(&mut self.smoobu, order, rest),
            (_, ["thekeys", rest @ ..]) => thekeys::obey(&mut self.thekeys, order, rest),
            ("GET", ["guests", "sms"]) => Ok(json!(self.serwersms.phones())),
            ("GET", ["guests", "sms", phone, "received"]) => Ok(json!(self.serwersms.messages_to(phone))),
            ("GET", ["guests", "bookings", id, "received"]) => {
                Ok(json!(self.smoobu.guest_messages(number(id)?)))
            }
            ("POST", ["serwersms", "reports"]) => {
                let script: Script = order.read()?;
                self.serwersms.set_report(&script.suffix, script.stages);
                Ok(json!({}))
            }
            ("POST", ["serwersms", "settings"]) => self.sms_settings(order.read()?),
            ("GET", ["faults"]) => {
                let faults: Vec<Value> =
                    self.faults().map(|(id, fault)| json!({"id": id.0, "fault": fault})).collect();
                Ok(json!(faults))
            }
            ("POST", ["faults"]) => {
                let fault: Fault = order.read()?;
                Ok(json!({"id": self.add_fault(fault).0}))
            }
            ("DELETE", ["faults"]) => {
                self.clear_faults();
                Ok(json!({}))
            }
            ("DELETE", ["faults", id]) => {
                let id = FaultId(number(id)?);
                if self.remove_fault(id) { Ok(json!({})) } else { Err(nothing()) }
            }
            ("GET", ["log"]) => self.show_log(order),
            ("DELETE", ["log"]) => {
                self.clear_log();
                Ok(json!({}))
            }
            _ => Err((404, "no such control route; see the README of booking-sim".into())),
        }
    }

    fn sms_settings(&mut self, settings: SmsSettings) -> Done {
        let config = &mut self.serwersms.config;
        change(&mut config.error_style, settings.error_style);
        change(&mut config.senders, settings.senders);
        change(&mut config.eco_left, settings.eco_left);
        change(&mut config.full_left, settings.full_left);
        change(&mut config.refuse_repeated_unique_id, settings.refuse_repeated_unique_id);
        Ok(json!({}))
    }

    fn show_log(&self, order: &Order<'_>) -> Done {
        let vendor = match order.value("vendor") {
            Ok(name) => Some(parse::<Vendor>(name)?),
            Err(_) => None,
        };
        let operation = match order.value("operation") {
            Ok(name) => Some(parse::<Operation>(name)?),
            Err(_) => None,
        };
        let calls: Vec<Value> = self
            .log()
            .iter()
            .filter(|call| vendor.is_none_or(|vendor| call.vendor == vendor))
            .filter(|call| operation.is_none_or(|operation| call.operation == operation))
            .map(|call| {
                json!({
                    "at": call.at, "vendor": call.vendor, "method": call.method, "operation": call.operation,
                    "pattern": call.operation.pattern(), "applied": call.applied, "status": call.status,
                    "fault": call.fault,
                })
            })
            .collect();
        Ok(json!({"count": calls.len(), "calls": calls}))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    suffix: String,
    stages: Vec<ReportStage>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct SmsSettings {
    error_style: Option<ErrorStyle>,
    senders: Option<Vec<String>>,
    eco_left: Option<u32>,
    full_left: Option<u32>,
    refuse_repeated_unique_id: Option<bool>,
}

fn change<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn parse<T: DeserializeOwned>(name: &str) -> Result<T, Problem> {
    serde_json::from_value(json!(name)).map_err(|error| (400, error.to_string()))
}

fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| (400, "the path needs a number here".into()))
}

fn nothing() -> Problem {
    (404, "there is no such thing".into())
}

/// `{}` where something was there, 404 where not.
fn found(yes: bool) -> Done {
    if yes { Ok(json!({})) } else { Err(nothing()) }
}
