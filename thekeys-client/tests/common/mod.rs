//! A client in front of the simulator, in one thread and virtual time.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "clippy takes helpers of tests for other code")]

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use booking_core::conformance::{ManualClock, SeededRng};
use booking_core::{Call, Clock, CodeSpec, Door, Pin, Window};
use booking_http::{Transport, TransportError, TransportErrorKind};
use booking_sim::thekeys::{Accessory, AccessoryKind, Lock, Share};
use booking_sim::{Fault, FaultKind, Operation, Outcome, SimConfig, Simulators, Vendor};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use thekeys_client::{TheKeys, TheKeysConfig};

pub(crate) const PASSWORD: &str = "sim-password";
pub(crate) const USERNAME: &str = "+33600000001";
pub(crate) const LOCK: u64 = 4411;
pub(crate) const KEYPAD: &str = "AbCd1234";

/// The simulator as a network. Where it gives way once in every call, calls made together are really under way together.
pub(crate) struct SimTransport {
    pub(crate) sim: Mutex<Simulators>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gives_way: bool,
}

#[async_trait]
impl Transport for SimTransport {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        within: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if self.gives_way {
            futures_util::pending!();
        }
        let reply = self.sim.lock().unwrap().handle(self.clock.now(), Vendor::TheKeys, &request);
        if reply.delay > within {
            return Err(TransportError::new(TransportErrorKind::Timeout));
        }
        match reply.outcome {
            Outcome::Response(response) => Ok(response),
            Outcome::Dropped => Err(TransportError::new(TransportErrorKind::Reset)),
        }
    }
}

pub(crate) struct World {
    pub(crate) net: Arc<SimTransport>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keys: TheKeys,
}

/// 1 March 2027, noon in Warsaw.
pub(crate) fn start() -> DateTime<Utc> {
    "2027-03-01T11:00:00Z".parse().unwrap()
}

/// The vendor with one lock, which has a keypad and a gateway.
pub(crate) fn simulators(vendor: impl FnOnce(&mut booking_sim::thekeys::TheKeysConfig)) -> Simulators {
    let mut sim_config = SimConfig::default();
    sim_config.thekeys.username = USERNAME.to_owned();
    sim_config.thekeys.password = PASSWORD.to_owned();
    vendor(&mut sim_config.thekeys);
    let mut sim = Simulators::new(sim_config);
    let mut lock = Lock { prefix: "31".to_owned(), ..Lock::with_keypad(LOCK, KEYPAD, Tz::Europe__Warsaw) };
    lock.accessories.push(Accessory {
        id: 1,
        id_accessoire: "GaTeWay1".to_owned(),
        name: "Gateway".to_owned(),
        kind: AccessoryKind::Gateway,
    });
    sim.thekeys.add_lock(lock);
    sim
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub(crate) fn with(
        client: impl FnOnce(&mut TheKeysConfig),
        vendor: impl FnOnce(&mut booking_sim::thekeys::TheKeysConfig),
    ) -> Self {
        let clock = Arc::new(ManualClock::new(start()));
        let sim = simulators(vendor);
        let net = Arc::new(SimTransport { sim: Mutex::new(sim), clock: clock.clone(), gives_way: true });
        let mut config = TheKeysConfig::new(USERNAME, PASSWORD);
        client(&mut config);
        let keys = TheKeys::new(config, net.clone(), clock.clone(), Arc::new(SeededRng::new(1))).unwrap();
        Self { net, clock, keys }
    }

    pub(crate) fn sim(&self) -> MutexGuard<'_, Simulators> {
        self.net.sim.lock().unwrap()
    }

    pub(crate) fn fault(&self, kind: FaultKind, on: Operation, times: u32) {
        self.sim().add_fault(Fault::new(Vendor::TheKeys, kind).on(on).times(times));
    }

    pub(crate) fn seen(&self, operation: Operation) -> u64 {
        self.sim().log().seen(operation)
    }

    pub(crate) fn plant(&self, share: Share) -> String {
        let now = self.clock.now();
        self.sim().thekeys.plant_share(now, share).to_string()
    }

    pub(crate) fn call(&self) -> Call {
        Call::until(self.clock.now() + TimeDelta::seconds(60))
    }

    /// Runs a future; whenever it waits, a moment passes.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..20_000 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            self.clock.advance(TimeDelta::milliseconds(10));
        }
        panic!("nothing came of it in 200 seconds")
    }
}

pub(crate) fn door() -> Door {
    Door {
        key: TheKeys::door_key(&LOCK.to_string(), KEYPAD).unwrap(),
        zone: Tz::Europe__Warsaw,
        pin_prefix: Some(Pin::parse("31").unwrap()),
        pin_length: None,
    }
}

pub(crate) fn spec(pin: &str, name: &str, marker: &str) -> CodeSpec {
    let at = |day, hour| NaiveDate::from_ymd_opt(2027, 3, day).unwrap().and_hms_opt(hour, 0, 0).unwrap();
    CodeSpec {
        stored: Pin::parse(pin).unwrap(),
        name: name.to_owned(),
        note: marker.to_owned(),
        window: Window::new(at(1, 15), at(4, 12), Tz::Europe__Warsaw).unwrap(),
    }
}
