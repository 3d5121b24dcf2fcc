//! All vendors in one value.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response};
use serde_json::Value;

use crate::fault::{Fault, FaultKind, Faults, bend, too_many};
use crate::log::{CallLog, CallRecord};
use crate::operation::{Operation, Vendor};
use crate::serwersms::{self, SerwerSmsConfig, SerwerSmsSim};
use crate::smoobu::{self, OutgoingWebhook, SmoobuConfig, SmoobuSim};
use crate::thekeys::{self, TheKeysConfig, TheKeysSim};
use crate::web::{self, Answer, Call, later};

/// One account at each vendor.
#[derive(Clone, Debug, Default)]
pub struct SimConfig {
    /// Smoobu.
    pub smoobu: SmoobuConfig,
    /// The Keys.
    pub thekeys: TheKeysConfig,
    /// SerwerSMS.
    pub serwersms: SerwerSmsConfig,
}

/// What comes back to the caller, and how late.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What comes back.
    pub outcome: Outcome,
    /// How much later than at once. The effect of the call is there at once all the same.
    pub delay: Duration,
}

/// What comes back to the caller.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An answer.
    Response(Response<Bytes>),
    /// None: the connection dies. Whether the call had an effect, only the log tells.
    Dropped,
}

impl Outcome {
    /// The answer, if there is one.
    #[must_use]
    pub fn response(self) -> Option<Response<Bytes>> {
        match self {
            Self::Response(response) => Some(response),
            Self::Dropped => None,
        }
    }
}

/// The number of a fault, to remove it early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(pub(crate) u64);

/// A vendor's state at some time.
#[derive(Clone, Debug)]
enum Frozen {
    Smoobu(Box<SmoobuSim>),
    TheKeys(Box<TheKeysSim>),
    SerwerSms(Box<SerwerSmsSim>),
}

/// Smoobu, The Keys and SerwerSMS. Every step is a pure function of what was before: no clock, no chance, no I/O.
#[derive(Clone, Debug)]
pub struct Simulators {
    /// Smoobu and its control methods.
    pub smoobu: SmoobuSim,
    /// The Keys and its control methods.
    pub thekeys: TheKeysSim,
    /// SerwerSMS and its control methods.
    pub serwersms: SerwerSmsSim,
    faults: Faults,
    frozen: BTreeMap<u64, Frozen>,
    /// For lagging reads: the states before writes, by the fault that needs them.
    past: BTreeMap<u64, Vec<(DateTime<Utc>, Frozen)>>,
    log: CallLog,
}

impl Simulators {
    /// All vendors, with nothing in them yet.
    #[must_use]
    pub fn new(config: SimConfig) -> Self {
        Self {
            smoobu: SmoobuSim::new(config.smoobu),
            thekeys: TheKeysSim::new(config.thekeys),
            serwersms: SerwerSmsSim::new(config.serwersms),
            faults: Faults::default(),
            frozen: BTreeMap::new(),
            past: BTreeMap::new(),
            log: CallLog::default(),
        }
    }

    /// A vendor receives a request. The path may begin with the vendor's prefix on the loopback server, host and
    /// scheme are not looked at.
    pub fn handle(&mut self, now: DateTime<Utc>, vendor: Vendor, request: &Request<Bytes>) -> Reply {
        let path = vendor.own_path(request.uri().path());
        let operation = Operation::classify(vendor, request.method(), path);
        let call = Call {
            now,
            operation,
            method: request.method(),
            path,
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            body: request.body(),
        };
        let (delay, fault) = self.faults.strike(now, vendor, request.method(), path, operation);
        let (outcome, applied) = self.play(vendor, &call, fault.as_ref());
        self.forget_spent();
        let status = match &outcome {
            Outcome::Response(response) => Some(response.status().as_u16()),
            Outcome::Dropped => None,
        };
        let target = match call.query {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        };
        self.log.push(CallRecord {
            at: now,
            vendor,
            method: request.method().to_string(),
            operation,
            target,
            body: request.body().clone(),
            applied,
            status,
            fault: fault.map(|(_, kind)| kind.name()),
        });
        Reply { outcome, delay }
    }

    /// As [`handle`](Self::handle), for the vendor that the address names; 404 where it names none.
    pub fn route(&mut self, now: DateTime<Utc>, request: &Request<Bytes>) -> Reply {
        match Vendor::of(request.uri()) {
            Some(vendor) => self.handle(now, vendor, request),
            None => Reply {
                outcome: Outcome::Response(web::text(404, "no vendor lives here")),
                delay: Duration::ZERO,
            },
        }
    }

    /// The webhooks that are due by now, oldest first.
    pub fn take_webhooks(&mut self, now: DateTime<Utc>) -> Vec<OutgoingWebhook> {
        self.smoobu.take_webhooks(now)
    }

    /// From now on this goes wrong.
    pub fn add_fault(&mut self, fault: Fault) -> FaultId {
        let (vendor, stale) = (fault.vendor, fault.kind == FaultKind::StaleRead);
        let lags = matches!(fault.kind, FaultKind::ReadLag(_));
        let id = self.faults.add(fault);
        if stale {
            self.frozen.insert(id, self.freeze(vendor));
        }
        if lags {
            self.past.insert(id, Vec::new());
        }
        FaultId(id)
    }

    /// A vendor is down until then.
    pub fn down_until(&mut self, vendor: Vendor, until: DateTime<Utc>) -> FaultId {
        self.add_fault(Fault::new(vendor, FaultKind::Down).until(until))
    }

    /// Takes a fault back. False if it is over.
    pub fn remove_fault(&mut self, id: FaultId) -> bool {
        let found = self.faults.remove(id.0);
        self.forget_spent();
        found
    }

    /// Takes all faults back.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
        self.forget_spent();
    }

    /// The faults that are still to come, each with its number and what is left of it.
    pub fn faults(&self) -> impl Iterator<Item = (FaultId, &Fault)> {
        self.faults.iter().map(|(id, fault)| (FaultId(id), fault))
    }

    /// All calls so far.
    #[must_use]
    pub fn log(&self) -> &CallLog {
        &self.log
    }

    /// The calls to one vendor, oldest first.
    #[must_use]
    pub fn call_log(&self, vendor: Vendor) -> Vec<&CallRecord> {
        self.log.of(vendor).collect()
    }

    /// Forgets all calls so far; counters begin at zero again.
    pub fn clear_log(&mut self) {
        self.log.clear();
    }

    fn play(&mut self, vendor: Vendor, call: &Call<'_>, fault: Option<&(u64, FaultKind)>) -> (Outcome, bool) {
        let Some((id, kind)) = fault else { return answered(self.live(vendor, call, None)) };
        match kind {
            FaultKind::Down | FaultKind::DropBefore => (Outcome::Dropped, false),
            FaultKind::Status(status, body) => {
                let is_json = serde_json::from_str::<Value>(body).is_ok();
                let media = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
                unapplied(web::raw(*status, media, body.clone()))
            }
            FaultKind::Html200 => unapplied(web::html_status(200)),
            FaultKind::Garbage => {
                unapplied(web::raw(200, "application/json", r#"{"status":200,"data":{"pa"#))
            }
            FaultKind::BodyStatus(status) => unapplied(match vendor {
                Vendor::Smoobu => smoobu::error(*status, "Error occurred", "the simulator was asked to fail"),
                Vendor::TheKeys => thekeys::envelope(200, *status, Value::Null, &["Error"], &[]),
                Vendor::SerwerSms => serwersms::error(self.serwersms.config.error_style, *status),
            }),
            FaultKind::RateLimit { seconds, absolute } => {
                unapplied(too_many(vendor, call.now, *seconds, *absolute))
            }
            FaultKind::DropAfter => {
                let answer = self.live(vendor, call, None);
                (Outcome::Dropped, answer.applied)
            }
            FaultKind::ErrorAfterApply => {
                let answer = self.live(vendor, call, None);
                (Outcome::Response(web::text(500, "Internal Server Error")), answer.applied)
            }
            FaultKind::EmptyList | FaultKind::TruncatedList | FaultKind::NullData => {
                let answer = self.live(vendor, call, None);
                let response = if answer.response.status().is_success() {
                    bend(vendor, kind, answer.response)
                } else {
                    answer.response
                };
                (Outcome::Response(response), answer.applied)
            }
            FaultKind::StaleRead | FaultKind::ReadLag(_) => {
                let mut earlier =
                    if call.operation.is_write() { None } else { self.earlier(*id, kind, call.now) };
                answered(self.live(vendor, call, earlier.as_mut()))
            }
            FaultKind::TokenDies => match vendor {
                Vendor::TheKeys => {
                    self.thekeys.kill_tokens();
                    answered(self.live(vendor, call, None))
                }
                Vendor::Smoobu => unapplied(smoobu::error(401, "Unauthorized", "verification error")),
                Vendor::SerwerSms => unapplied(serwersms::error(self.serwersms.config.error_style, 1001)),
            },
            FaultKind::Delay(_) => answered(self.live(vendor, call, None)),
        }
    }

    fn live(&mut self, vendor: Vendor, call: &Call<'_>, frozen: Option<&mut Frozen>) -> Answer {
        if call.operation.is_write() {
            self.remember(vendor, call.now);
        }
        match (vendor, frozen) {
            (Vendor::Smoobu, Some(Frozen::Smoobu(earlier))) => self.smoobu.call(call, Some(earlier)),
            (Vendor::TheKeys, Some(Frozen::TheKeys(earlier))) => self.thekeys.call(call, Some(earlier)),
            (Vendor::SerwerSms, Some(Frozen::SerwerSms(earlier))) => self.serwersms.call(call, Some(earlier)),
            (Vendor::Smoobu, _) => self.smoobu.call(call, None),
            (Vendor::TheKeys, _) => self.thekeys.call(call, None),
            (Vendor::SerwerSms, _) => self.serwersms.call(call, None),
        }
    }

    fn freeze(&self, vendor: Vendor) -> Frozen {
        match vendor {
            Vendor::Smoobu => Frozen::Smoobu(Box::new(self.smoobu.clone())),
            Vendor::TheKeys => Frozen::TheKeys(Box::new(self.thekeys.clone())),
            Vendor::SerwerSms => Frozen::SerwerSms(Box::new(self.serwersms.clone())),
        }
    }

    /// Keeps the state before a write for as long as a lagging read may need it.
    fn remember(&mut self, vendor: Vendor, now: DateTime<Utc>) {
        let lags: Vec<(u64, Duration)> = self
            .faults
            .iter()
            .filter_map(|(id, fault)| match fault.kind {
                FaultKind::ReadLag(by) if fault.vendor == vendor => Some((id, by)),
                _ => None,
            })
            .collect();
        for (id, by) in lags {
            let before = self.freeze(vendor);
            let past = self.past.entry(id).or_default();
            past.retain(|(at, _)| now < later(*at, by));
            past.push((now, before));
        }
    }

    fn earlier(&self, fault: u64, kind: &FaultKind, now: DateTime<Utc>) -> Option<Frozen> {
        match kind {
            FaultKind::ReadLag(by) => self
                .past
                .get(&fault)?
                .iter()
                .find(|(at, _)| now < later(*at, *by))
                .map(|(_, state)| state.clone()),
            _ => self.frozen.get(&fault).cloned(),
        }
    }

    fn forget_spent(&mut self) {
        if self.frozen.is_empty() && self.past.is_empty() {
            return;
        }
        let active: Vec<u64> = self.faults.iter().map(|(id, _)| id).collect();
        self.frozen.retain(|id, _| active.contains(id));
        self.past.retain(|id, _| active.contains(id));
    }
}

fn answered(answer: Answer) -> (Outcome, bool) {
    (Outcome::Response(answer.response), answer.applied)
}

fn unapplied(response: Response<Bytes>) -> (Outcome, bool) {
    (Outcome::Response(response), false)
}
