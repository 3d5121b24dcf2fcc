//! The simulators as a transport: time, faults and deaths from the hub, and what a call changed to the hub.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration as StdDuration;

use async_trait::async_trait;
use booking_core::{Call, Clock as _, Pin, VendorCodeId};
use booking_http::{Transport, TransportError, TransportErrorKind};
use booking_sim::thekeys::Share;
use booking_sim::{Fault, FaultKind, Operation, Outcome, Simulators, Vendor};
use bytes::Bytes;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use crate::coverage::{Point, Step};
use crate::deed::{Deed, OnDoor, View};
use crate::history::{Setup, Target};
use crate::hub::{Hub, OLDEST_ANSWER};
use crate::lock::Verdict;
use crate::names::{self, parsed};

type Answer = Result<http::Response<Bytes>, TransportErrorKind>;
/// What was answered to a question, and when, oldest first.
type Answers = Vec<(DateTime<Utc>, http::Response<Bytes>)>;

/// The simulators, reached without sockets.
pub(crate) struct SimTransport {
    hub: Arc<Hub>,
    sims: Arc<Mutex<Simulators>>,
    keypads: Vec<usize>,
    /// Where the thread and the telephone stand among the channels of the tenant that has the simulators.
    thread: Option<usize>,
    phone: Option<usize>,
    /// What is told again where an answer is stale.
    answers: Mutex<BTreeMap<String, Answers>>,
}

impl SimTransport {
    pub(crate) fn new(hub: Arc<Hub>, sims: Arc<Mutex<Simulators>>, setup: &Setup) -> Self {
        let channels = setup.tenants.first().map_or(&[][..], |tenant| &tenant.channels);
        let place = |thread: bool| channels.iter().position(|channel| channel.thread == thread);
        let keypads = setup.keypads.iter().enumerate().filter(|(_, keypad)| keypad.is_simulated());
        Self {
            hub,
            sims,
            keypads: keypads.map(|(number, _)| number).collect(),
            thread: place(true),
            phone: place(false),
            answers: Mutex::default(),
        }
    }

    fn sims(&self) -> MutexGuard<'_, Simulators> {
        self.sims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn target(&self, operation: Operation, path: &str) -> Target {
        match point_of(operation) {
            Point::Ask | Point::Page => Target::Source(0),
            Point::Send | Point::Find => match operation {
                Operation::SendToGuest | Operation::ListMessages => Target::Channel(self.thread.unwrap_or(0)),
                _ => Target::Channel(self.phone.unwrap_or(0)),
            },
            // A code is named by its own number: which keypad it is on only the vendor knows.
            _ => Target::Keypad(self.keypad(path).or(self.keypads.first().copied()).unwrap_or(usize::MAX)),
        }
    }

    fn keypad(&self, path: &str) -> Option<usize> {
        let numbers = path.split('/').filter_map(|part| part.parse::<u64>().ok());
        let mut keypads =
            numbers.filter_map(|lock| self.keypads.iter().find(|keypad| names::lock(**keypad) == lock));
        keypads.next().copied()
    }

    fn codes(&self) -> Vec<Vec<OnDoor>> {
        let sims = self.sims();
        let of = |keypad: &usize| sims.thekeys.codes_on(names::lock(*keypad)).iter().map(on_share).collect();
        self.keypads.iter().map(of).collect()
    }

    /// The call itself, and what it changed.
    fn handle(
        &self,
        request: &http::Request<Bytes>,
        operation: Operation,
        bend: Option<FaultKind>,
    ) -> Outcome {
        let Some(vendor) = Vendor::of(request.uri()) else { return Outcome::Dropped };
        let now = self.hub.now();
        let step = match operation {
            Operation::CreateCode => Some(Step::Created),
            Operation::UpdateCode => Some(Step::Replaced),
            Operation::DeleteCode => Some(Step::Deleted),
            _ => None,
        };
        let before = step.map(|_| self.codes());
        let heard = matches!(point_of(operation), Point::Send).then(|| self.heard());
        let view = match bend {
            None => View::Whole,
            // The Keys counts nothing: a part looks like the whole.
            Some(FaultKind::TruncatedList) => View::Other,
            Some(FaultKind::EmptyList) => View::Empty,
            Some(_) => View::Failed,
        };
        let reply = {
            let mut sims = self.sims();
            sims.clear_log();
            let fault = bend.map(|kind| sims.add_fault(Fault::new(vendor, kind).times(1)));
            let reply = sims.handle(now, vendor, request);
            if let Some(fault) = fault {
                sims.remove_fault(fault);
            }
            reply
        };
        if let (Some(step), Some(before)) = (step, before) {
            self.wrote(step, before);
        }
        if let Some(before) = heard {
            self.told(&before, now);
        }
        self.tells(request, operation, view);
        reply.outcome
    }

    /// Whoever asked knows this now.
    fn tells(&self, request: &http::Request<Bytes>, operation: Operation, view: View) {
        match point_of(operation) {
            Point::Ask => self.hub.did(Deed::Asked),
            Point::Page => self.hub.did(Deed::Paged),
            Point::Find => self.hub.did(Deed::Found { whole: !matches!(view, View::Empty | View::Other) }),
            Point::Codes => {
                let host = self.hub.current();
                if let Some(keypad) = self.keypad(request.uri().path()) {
                    self.hub.did(Deed::Read { host, keypad, generation: 0, view });
                }
            }
            _ => {}
        }
    }

    /// The answer of now, which may be told again later.
    fn fresh(&self, request: &http::Request<Bytes>, operation: Operation) -> Outcome {
        let outcome = self.handle(request, operation, None);
        if lists(operation)
            && let Outcome::Response(response) = &outcome
        {
            let now = self.hub.now();
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            let answers = answers.entry(request.uri().to_string()).or_default();
            answers.push((now, response.clone()));
            // One of before the oldest that may be told is enough.
            let too_old = answers.iter().take_while(|(at, _)| *at < now - OLDEST_ANSWER).count();
            answers.drain(..too_old.saturating_sub(1));
        }
        outcome
    }

    /// The same question's last answer of so long ago.
    fn stale(
        &self,
        request: &http::Request<Bytes>,
        operation: Operation,
        by: StdDuration,
    ) -> Option<Outcome> {
        let until = self.hub.now().checked_sub_signed(Duration::from_std(by).ok()?)?;
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, response) = answers.get(&request.uri().to_string())?.iter().rfind(|(at, _)| *at <= until)?;
        self.tells(request, operation, View::Other);
        Some(Outcome::Response(response.clone()))
    }

    fn wrote(&self, step: Step, before: Vec<Vec<OnDoor>>) {
        let host = self.hub.current();
        let after = self.codes();
        for (keypad, (before, after)) in self.keypads.iter().zip(before.into_iter().zip(after)) {
            if before != after {
                self.hub.did(Deed::Wrote { host, keypad: *keypad, generation: 0, step, before, after });
            }
        }
    }

    /// How much each guest heard so far: by thread, by telephone.
    fn heard(&self) -> Vec<(usize, String, usize)> {
        let sims = self.sims();
        let mut heard = Vec::new();
        for booking in sims.smoobu.bookings() {
            let texts = sims.smoobu.guest_messages(booking.id).len();
            heard.extend(self.thread.map(|thread| (thread, booking.id.to_string(), texts)));
        }
        for phone in sims.serwersms.phones() {
            let texts = sims.serwersms.messages_to(&phone).len();
            heard.extend(self.phone.map(|place| (place, phone, texts)));
        }
        heard
    }

    fn told(&self, before: &[(usize, String, usize)], at: DateTime<Utc>) {
        let knew = |channel: usize, to: &str| {
            before
                .iter()
                .find(|(place, whom, _)| *place == channel && whom == to)
                .map_or(0, |(.., many)| *many)
        };
        for (channel, to, many) in self.heard() {
            for number in knew(channel, &to)..many {
                let body = self.body(channel, &to, number);
                self.hub.did(Deed::Heard { tenant: 0, channel, to: to.clone(), id: None, body, at });
            }
        }
    }

    fn body(&self, channel: usize, to: &str, number: usize) -> String {
        let sims = self.sims();
        let text = if Some(channel) == self.thread {
            let id = to.parse().unwrap_or_default();
            sims.smoobu.guest_messages(id).get(number).map(|message| message.text.clone())
        } else {
            sims.serwersms.messages_to(to).get(number).map(|message| message.text.clone())
        };
        text.unwrap_or_default()
    }

    fn play(&self, request: &http::Request<Bytes>, operation: Operation, verdict: Verdict) -> Answer {
        let outcome = match verdict {
            Verdict::TimeoutBefore => return Err(TransportErrorKind::Timeout),
            Verdict::TimeoutAfter => {
                self.handle(request, operation, None);
                return Err(TransportErrorKind::Reset);
            }
            Verdict::Refuse(error) => {
                let status = if error.fault == booking_core::Fault::Credentials { 401 } else { 500 };
                self.handle(request, operation, Some(FaultKind::Status(status, "{}".to_owned())))
            }
            Verdict::Nonsense { applied: false } => self.handle(request, operation, Some(FaultKind::Garbage)),
            Verdict::Nonsense { applied: true } => {
                self.handle(request, operation, Some(FaultKind::ErrorAfterApply))
            }
            Verdict::EmptyList => self.handle(request, operation, Some(FaultKind::EmptyList)),
            Verdict::TruncatedList => self.handle(request, operation, Some(FaultKind::TruncatedList)),
            Verdict::RateLimited(wait) => {
                let seconds = u32::try_from(wait.as_secs()).unwrap_or(60);
                let kind = FaultKind::RateLimit { seconds, absolute: false };
                self.handle(request, operation, Some(kind))
            }
            Verdict::Stale(by) => {
                self.stale(request, operation, by).unwrap_or_else(|| self.fresh(request, operation))
            }
            Verdict::Go | Verdict::Slow(_) => self.fresh(request, operation),
        };
        outcome.response().ok_or(TransportErrorKind::Reset)
    }
}

/// A share as a code on a door.
pub(crate) fn on_share(share: &Share) -> OnDoor {
    let at = |day: Option<chrono::NaiveDate>, time: Option<(u32, u32)>| -> Option<NaiveDateTime> {
        let (hour, minute) = time.unwrap_or_default();
        day?.and_hms_opt(hour, minute, 0)
    };
    OnDoor {
        id: parsed(VendorCodeId::parse(&share.id.to_string())),
        stored: parsed(Pin::parse(&share.code)),
        note: share.description.clone().unwrap_or_default(),
        start: at(share.date_start, share.hour_start),
        end: at(share.date_end, share.hour_end),
        active: share.active,
        leaving: false,
    }
}

/// Whether what is answered may be older than the question.
fn lists(operation: Operation) -> bool {
    matches!(point_of(operation), Point::Codes | Point::Page | Point::Ask)
}

fn point_of(operation: Operation) -> Point {
    match operation {
        Operation::GetReservation => Point::Ask,
        Operation::ListReservations => Point::Page,
        Operation::SendToGuest | Operation::SendSms => Point::Send,
        Operation::ListMessages | Operation::Reports => Point::Find,
        Operation::ListCodes => Point::Codes,
        Operation::CreateCode => Point::Create,
        Operation::UpdateCode => Point::Replace,
        Operation::DeleteCode => Point::Delete,
        _ => Point::Other,
    }
}

#[async_trait]
impl Transport for SimTransport {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: StdDuration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let vendor = Vendor::of(request.uri());
        let path = request.uri().path().to_owned();
        let operation =
            vendor.map_or(Operation::Unknown, |vendor| Operation::classify(vendor, request.method(), &path));
        let point = point_of(operation);
        let within = Duration::from_std(within).unwrap_or_else(|_| Duration::seconds(30));
        // The hub gives up a second before the end, so that the answer of a call that is just in time counts.
        let call = Call::until(self.hub.now() + within + Duration::seconds(1));
        let verdict = self.hub.enter(call, self.target(operation, &path), point).await;
        let answer = self.play(&request, operation, verdict);
        self.hub.leave(point).await;
        answer.map_err(TransportError::new)
    }
}
