//! The public suite of lock providers, with the simulator as the vendor.

#![allow(clippy::unwrap_used, reason = "clippy takes helpers of tests for other code")]

mod common;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use booking_core::conformance::lock_provider::{Harness, run};
use booking_core::conformance::{On, SeededRng, Trouble};
use booking_core::{Call, Clock, Door, LockProvider, Secret};
use booking_http::testing::LeapingClock;
use booking_sim::thekeys::{Lock, Share};
use booking_sim::{Fault, FaultKind, Operation, Vendor};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use common::{KEYPAD, LOCK, PASSWORD, SimTransport, USERNAME, door, simulators, start};
use thekeys_client::{TheKeys, TheKeysConfig};

struct Vendors {
    net: Arc<SimTransport>,
    clock: Arc<LeapingClock>,
    keys: TheKeys,
    refused: TheKeys,
}

impl Vendors {
    fn new(same_pin_twice: bool) -> Self {
        let clock = Arc::new(LeapingClock::new(start()));
        let mut sim = simulators(|_| {});
        sim.thekeys.lock_mut(LOCK).unwrap().refuse_duplicates = !same_pin_twice;
        sim.thekeys.add_lock(Lock::with_keypad(4412, "Zz00yy11", Tz::Europe__Warsaw));
        let net = Arc::new(SimTransport { sim: Mutex::new(sim), clock: clock.clone(), gives_way: false });
        let client = |password: &str| {
            let mut config = TheKeysConfig::new(USERNAME, "");
            config.password = Secret::new(password);
            config.same_pin_twice = same_pin_twice;
            TheKeys::new(config, net.clone(), clock.clone(), Arc::new(SeededRng::new(1))).unwrap()
        };
        let (keys, refused) = (client(PASSWORD), client("wrong"));
        Self { net, clock, keys, refused }
    }
}

fn at(lock: &str, keypad: &str) -> Door {
    Door { key: TheKeys::door_key(lock, keypad).unwrap(), ..door() }
}

#[async_trait]
impl Harness for Vendors {
    fn provider(&self) -> &dyn LockProvider {
        &self.keys
    }

    fn refused_provider(&self) -> Option<&dyn LockProvider> {
        Some(&self.refused)
    }

    fn door(&self) -> Door {
        door()
    }

    fn other_door(&self) -> Option<Door> {
        Some(at("4412", "Zz00yy11"))
    }

    fn missing_door(&self) -> Door {
        at("4411", "Zz99zz99")
    }

    fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
    }

    fn call(&self) -> Call {
        Call::until(self.clock.now() + TimeDelta::seconds(120))
    }

    async fn let_settle(&self) {
        self.clock.advance(std::time::Duration::from_secs(60));
    }

    async fn put_foreign(&self, door: &Door) {
        let lock = door.key.device.parse().unwrap();
        let share = Share::permanent(lock, &door.key.keypad, "Cleaning", "7777");
        self.net.sim.lock().unwrap().thekeys.plant_share(self.clock.now(), share);
    }

    async fn plant(&self, trouble: Trouble, on: On) -> bool {
        let kind = match trouble {
            Trouble::NoAnswer => FaultKind::DropBefore,
            Trouble::AnswerLost => FaultKind::DropAfter,
            Trouble::Html => FaultKind::Html200,
            Trouble::CutOff => FaultKind::Garbage,
            Trouble::Null => FaultKind::NullData,
            Trouble::ServerError => FaultKind::Status(500, "Internal Server Error".to_owned()),
            Trouble::TooMany(wait) => {
                FaultKind::RateLimit { seconds: u32::try_from(wait.as_secs()).unwrap(), absolute: false }
            }
            Trouble::Refused => FaultKind::Status(401, "Unauthorized".to_owned()),
            _ => return false,
        };
        let reads = [Operation::GetUser, Operation::ListCodes];
        let writes = [Operation::CreateCode, Operation::UpdateCode, Operation::DeleteCode];
        let hit: Vec<Operation> = match on {
            On::Reads => reads.to_vec(),
            On::Writes => writes.to_vec(),
            On::All => [&reads[..], &writes[..], &[Operation::Login]].concat(),
        };
        let mut sim = self.net.sim.lock().unwrap();
        for operation in hit {
            sim.add_fault(Fault::new(Vendor::TheKeys, kind.clone()).on(operation));
        }
        true
    }

    async fn mend(&self) {
        self.net.sim.lock().unwrap().clear_faults();
        // The circuit breaker has opened meanwhile.
        self.clock.advance(std::time::Duration::from_secs(3600));
    }

    fn secrets(&self) -> Vec<String> {
        [PASSWORD, USERNAME, "sim-token"].map(str::to_owned).to_vec()
    }
}

fn on_this_thread<F: Future>(future: F) -> F::Output {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("on a leaping clock nothing waits"),
    }
}

#[test]
fn a_vendor_that_refuses_the_same_digits_twice() {
    let report = on_this_thread(run(|| Vendors::new(false)));
    report.assert_passed();
    // The vendor's word for a full keypad is not known.
    assert_eq!(report.skipped(), ["a_full_keypad_says_so"]);
}

#[test]
fn a_vendor_that_takes_the_same_digits_twice() {
    let report = on_this_thread(run(|| Vendors::new(true)));
    report.assert_passed();
    assert_eq!(report.skipped(), ["a_full_keypad_says_so"]);
}

#[test]
fn a_keypad_named_in_the_suite_is_the_simulator_s() {
    assert_eq!(door().key, at(&LOCK.to_string(), KEYPAD).key);
}
