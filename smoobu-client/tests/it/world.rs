//! A simulated Smoobu, a client of it, and the time of both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::conformance::SeededRng;
use booking_core::{Call, Clock, Cursor, DateRange, ExternalId, Page, Rng, Secret, VendorError};
use booking_http::testing::LeapingClock;
use booking_http::{Transport, TransportError, TransportErrorKind};
use booking_sim::smoobu::{Apartment, NewBooking};
use booking_sim::{Fault, FaultKind, Operation, Outcome, SimConfig, Simulators, Vendor};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use smoobu_client::{Smoobu, SmoobuConfig};

/// The key and the secret of the simulated account.
pub(crate) const KEY: &str = "usr_live_planted_key";
pub(crate) const SECRET: &str = "planted-api-secret";

pub(crate) struct World {
    pub(crate) clock: Arc<LeapingClock>,
    pub(crate) smoobu: Smoobu,
    network: Network,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut SmoobuConfig)) -> Self {
        let clock = Arc::new(LeapingClock::new("2027-03-01T12:00:00Z".parse().unwrap()));
        let mut simulated = SimConfig::default();
        simulated.smoobu.api_key = KEY.to_owned();
        simulated.smoobu.api_secret = SECRET.to_owned();
        let mut sim = Simulators::new(simulated);
        for id in [500_001, 500_002] {
            let name = format!("Studio {id}");
            sim.smoobu.add_apartment(Apartment { id, name, time_zone: chrono_tz::Europe::Warsaw });
        }
        let network = Network {
            sim: Arc::new(Mutex::new(sim)),
            clock: Arc::clone(&clock),
            ahead: TimeDelta::zero(),
            bad_entry: Arc::default(),
        };
        let mut config = SmoobuConfig::new(Secret::new(KEY), Secret::new(SECRET));
        change(&mut config);
        let smoobu = network.clone().connect(config, Arc::new(SeededRng::new(7)));
        Self { clock, smoobu, network }
    }

    /// Another client of the same account, whose clock is behind Smoobu's, and with a random source of its own.
    pub(crate) fn another(&self, config: SmoobuConfig, behind: TimeDelta, rng: Arc<dyn Rng>) -> Smoobu {
        Network { ahead: behind, ..self.network.clone() }.connect(config, rng)
    }

    pub(crate) fn sim(&self) -> MutexGuard<'_, Simulators> {
        self.network.sim.lock().unwrap()
    }

    /// From now on each list of bookings ends with an entry that nobody can read.
    pub(crate) fn add_bad_entry(&self) {
        self.network.bad_entry.store(true, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn call(&self) -> Call {
        Call::until(self.now() + TimeDelta::minutes(2))
    }

    pub(crate) fn make(&self, new: NewBooking) -> ExternalId {
        let now = self.now();
        reference(self.sim().smoobu.create_booking(now, new))
    }

    pub(crate) fn fault(&self, kind: FaultKind, on: Operation) {
        self.sim().add_fault(Fault::new(Vendor::Smoobu, kind).on(on));
    }

    pub(crate) fn fault_once(&self, kind: FaultKind, on: Operation) {
        self.sim().add_fault(Fault::new(Vendor::Smoobu, kind).on(on).times(1));
    }

    pub(crate) fn page(&self, from: Option<&Cursor>) -> Result<Page, VendorError> {
        let range = DateRange { departing_from: day(1), arriving_until: day(1) + TimeDelta::days(400) };
        run(booking_core::BookingSource::page(&self.smoobu, self.call(), range, from))
    }

    /// All pages, read to the end.
    pub(crate) fn pages(&self) -> Result<Vec<Page>, VendorError> {
        let mut pages = vec![self.page(None)?];
        while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
            pages.push(self.page(Some(&next))?);
        }
        Ok(pages)
    }
}

/// Nothing here ever waits: the clock leaps and the simulator answers at once.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("nothing waits")
}

pub(crate) fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 3, day).unwrap()
}

pub(crate) fn stay(nights: u32) -> NewBooking {
    NewBooking::stay(500_001, day(10), day(10 + nights))
}

pub(crate) fn reference(id: u64) -> ExternalId {
    ExternalId::parse(&id.to_string()).unwrap()
}

/// What lies between both.
#[derive(Clone)]
struct Network {
    sim: Arc<Mutex<Simulators>>,
    clock: Arc<LeapingClock>,
    /// How far Smoobu's clock is ahead of the client's.
    ahead: TimeDelta,
    bad_entry: Arc<AtomicBool>,
}

impl Network {
    fn connect(self, config: SmoobuConfig, rng: Arc<dyn Rng>) -> Smoobu {
        let clock = Arc::clone(&self.clock);
        Smoobu::new(config, Arc::new(self), clock, rng).unwrap()
    }

    fn bend(&self, response: http::Response<Bytes>) -> http::Response<Bytes> {
        match serde_json::from_slice::<Value>(response.body()) {
            Ok(mut body) if body["bookings"].is_array() && self.bad_entry.load(Ordering::Relaxed) => {
                body["bookings"].as_array_mut().unwrap().push(json!({"id": {}}));
                body["total_items"] = json!(body["total_items"].as_u64().unwrap() + 1);
                response.map(|_| body.to_string().into())
            }
            _ => response,
        }
    }
}

#[async_trait]
impl Transport for Network {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let now = self.clock.now() + self.ahead;
        let reply = self.sim.lock().unwrap().handle(now, Vendor::Smoobu, &request);
        self.clock.advance(reply.delay.min(within));
        match reply.outcome {
            _ if reply.delay > within => Err(TransportError::new(TransportErrorKind::Timeout)),
            Outcome::Response(response) => Ok(self.bend(response)),
            Outcome::Dropped => Err(TransportError::new(TransportErrorKind::Reset)),
        }
    }
}
