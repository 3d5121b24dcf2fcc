//! What all tests of the simulators share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use booking_sim::smoobu::{Apartment, sign_request};
use booking_sim::thekeys::Lock;
use booking_sim::{Outcome, SimConfig, Simulators, Vendor};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::Warsaw;
use http::{Method, Request, Response};
use serde_json::Value;

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

pub fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, month, day).expect("a day")
}

/// A world with one flat and one lock, and a clock that stands still until it is moved.
pub struct World {
    pub sim: Simulators,
    pub now: DateTime<Utc>,
    pub token: String,
    nonces: u32,
}

impl World {
    pub fn new() -> Self {
        Self::with(SimConfig::default())
    }

    pub fn with(mut config: SimConfig) -> Self {
        config.smoobu.webhook_targets = vec!["http://127.0.0.1:9/hook".into()];
        let mut sim = Simulators::new(config);
        sim.smoobu.add_apartment(Apartment { id: 1, name: "Studio A".into(), time_zone: Warsaw });
        sim.smoobu.add_apartment(Apartment { id: 2, name: "Studio B".into(), time_zone: Warsaw });
        sim.thekeys.add_lock(Lock { prefix: "31".into(), ..Lock::with_keypad(4411, "AbCd1234", Warsaw) });
        Self { sim, now: at("2027-02-01T10:00:00Z"), token: String::new(), nonces: 0 }
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += chrono::Duration::seconds(seconds);
    }

    pub fn nonce(&mut self) -> String {
        self.nonces += 1;
        format!("00000000-0000-4000-8000-{:012}", self.nonces)
    }

    pub fn send(&mut self, vendor: Vendor, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        match self.sim.handle(self.now, vendor, request).outcome {
            Outcome::Response(response) => Some(response),
            Outcome::Dropped => None,
        }
    }

    /// A signed call to Smoobu: status and body.
    pub fn smoobu(&mut self, method: Method, target: &str, body: &str) -> (u16, Value) {
        let mut request = request(method, target, body);
        let nonce = self.nonce();
        sign_request(&mut request, "usr_live_sim", "sim-secret", self.now, &nonce);
        seen(self.send(Vendor::Smoobu, &request))
    }

    pub fn login(&mut self) -> (u16, Value) {
        let form = "_username=%2B33600000001&_password=sim-password";
        let answer = seen(self.send(Vendor::TheKeys, &form_post("/api/login_check", form)));
        for key in ["token", "access_token"] {
            if let Some(token) = answer.1[key].as_str() {
                self.token = token.to_owned();
            }
        }
        answer
    }

    /// A call to The Keys with the last token; logs in first if there was none.
    pub fn thekeys(&mut self, method: Method, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        if self.token.is_empty() {
            self.login();
        }
        let form: Vec<String> = fields
            .iter()
            .map(|(key, value)| {
                format!(
                    "partage_accessoire%5B{}%5D={}",
                    key.replace('.', "%5D%5B"),
                    value.replace('#', "%23")
                )
            })
            .collect();
        let mut request = if method == Method::GET {
            request(Method::GET, path, "")
        } else {
            form_post(path, &form.join("&"))
        };
        let bearer = format!("Bearer {}", self.token).parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        seen(self.send(Vendor::TheKeys, &request))
    }

    /// A call to SerwerSMS with its token.
    pub fn sms(&mut self, path: &str, media: &'static str, body: &str) -> (u16, Value) {
        let mut request = request(Method::POST, path, body);
        request.headers_mut().insert("content-type", media.parse().expect("a header"));
        request.headers_mut().insert("authorization", "Bearer sim-sms-token".parse().expect("a header"));
        seen(self.send(Vendor::SerwerSms, &request))
    }

    /// The actions of the webhooks that are due.
    pub fn actions(&mut self) -> Vec<String> {
        let due = self.sim.take_webhooks(self.now);
        due.iter()
            .map(|webhook| {
                let body: Value = serde_json::from_str(&webhook.body).expect("JSON");
                body["action"].as_str().expect("an action").to_owned()
            })
            .collect()
    }
}

pub fn request(method: Method, target: &str, body: &str) -> Request<Bytes> {
    Request::builder().method(method).uri(target).body(Bytes::from(body.to_owned())).expect("a request")
}

pub fn form_post(target: &str, body: &str) -> Request<Bytes> {
    let mut request = request(Method::POST, target, body);
    let media = "application/x-www-form-urlencoded".parse().expect("a header");
    request.headers_mut().insert("content-type", media);
    request
}

/// Status and body; 0 where the connection died, a JSON string where the body is no JSON.
pub fn seen(response: Option<Response<Bytes>>) -> (u16, Value) {
    let Some(response) = response else { return (0, Value::Null) };
    let body = serde_json::from_slice(response.body())
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(response.body()).into_owned()));
    (response.status().as_u16(), body)
}
