//! Several processes that use one account, and the book in which they write down their turns.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use booking_core::conformance::{ManualClock, SeededRng};
use booking_core::{Call, Clock, Retry};
use booking_http::{
    Booked, NoSigner, Pacing, Safety, Transport, TransportError, Turns, TurnsAway, VendorClient,
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::rig::{poll, ready, request, settings, start};

#[derive(Default)]
struct Book {
    lines: Mutex<BTreeMap<String, (Booked, u64)>>,
    reads: AtomicU32,
    /// How many writes are lost to another process that was quicker.
    overtaken: AtomicU32,
    away: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Turns for Book {
    async fn read(&self, line: &str) -> Result<(Booked, u64), TurnsAway> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            return Err(TurnsAway);
        }
        Ok(self.lines.lock().unwrap().get(line).copied().unwrap_or_default())
    }

    async fn write(&self, line: &str, booked: Booked, read: u64) -> Result<bool, TurnsAway> {
        let overtaken = self.overtaken.load(Ordering::Relaxed);
        if overtaken > 0 {
            self.overtaken.store(overtaken - 1, Ordering::Relaxed);
            return Ok(false);
        }
        let mut lines = self.lines.lock().unwrap();
        let (now, number) = lines.get(line).copied().unwrap_or_default();
        if number != read {
            return Ok(false);
        }
        assert_ne!(now, booked, "nothing new is written");
        lines.insert(line.to_owned(), (booked, number + 1));
        Ok(true)
    }
}

/// The vendor as all processes see it: when it was called, and whether it asks for a pause.
#[derive(Default)]
struct Vendor {
    called: Mutex<Vec<DateTime<Utc>>>,
    pause: Mutex<Option<u32>>,
}

struct Process {
    vendor: Arc<Vendor>,
    clock: Arc<ManualClock>,
    book: Option<Arc<Book>>,
}

#[async_trait]
impl Transport for Process {
    async fn call(
        &self,
        _: http::Request<Bytes>,
        _: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        self.vendor.called.lock().unwrap().push(self.clock.now());
        let answer = http::Response::builder();
        let answer = match *self.vendor.pause.lock().unwrap() {
            Some(seconds) => answer.status(429).header("retry-after", seconds),
            None => answer,
        };
        Ok(answer.body(Bytes::new()).unwrap())
    }

    fn turns(&self) -> Option<Arc<dyn Turns>> {
        self.book.clone().map(|book| book as Arc<dyn Turns>)
    }
}

struct Rig {
    clock: Arc<ManualClock>,
    vendor: Arc<Vendor>,
    book: Arc<Book>,
    clients: Vec<VendorClient>,
}

impl Rig {
    fn new(processes: u64, pacing: Option<Pacing>) -> Self {
        let (clock, vendor, book) =
            (Arc::new(ManualClock::new(start())), Arc::<Vendor>::default(), Arc::<Book>::default());
        let client = |seed| {
            let (vendor, clock) = (Arc::clone(&vendor), Arc::clone(&clock));
            let transport =
                Arc::new(Process { vendor, clock: Arc::clone(&clock), book: Some(Arc::clone(&book)) });
            let settings = settings().with_attempts(1);
            let settings = match pacing {
                Some(pacing) => settings.with_pacing(pacing),
                None => settings,
            };
            VendorClient::new(settings, transport, clock, Arc::new(SeededRng::new(seed))).unwrap()
        };
        let clients = (0..processes).map(client).collect();
        Self { clock, vendor, book, clients }
    }

    /// A call of one process that cannot wait: whether it went, else how many milliseconds it would have had to wait.
    fn call(&self, process: usize) -> Result<(), u64> {
        // The least time that is worth sending for, and none to spare.
        let call = Call::until(self.clock.now() + Duration::from_secs(2));
        match ready(self.clients[process].send(call, &request(Safety::Read), &NoSigner)) {
            Ok(_) => Ok(()),
            Err(error) => match error.retry {
                Retry::After(wait) => Err(u64::try_from(wait.as_millis()).unwrap()),
                other => panic!("{other:?}"),
            },
        }
    }

    fn pass(&self, millis: i64) {
        self.clock.advance(TimeDelta::milliseconds(millis));
    }
}

const PACING: Pacing = Pacing { per: Duration::from_secs(1), calls: 10, burst: 3 };

#[test]
fn processes_keep_one_pace_together() {
    let rig = Rig::new(3, Some(PACING));
    let went: Vec<_> = (0..6).map(|number| rig.call(number % 3)).collect();
    assert_eq!(went, [Ok(()), Ok(()), Ok(()), Err(100), Err(100), Err(100)]);
    rig.pass(100);
    assert_eq!([rig.call(2), rig.call(0)], [Ok(()), Err(100)]);
}

#[test]
fn an_overtaken_booking_is_made_anew() {
    let rig = Rig::new(1, Some(PACING));
    rig.book.overtaken.store(5, Ordering::Relaxed);
    assert_eq!(rig.call(0), Ok(()));
    assert_eq!(rig.book.reads.load(Ordering::Relaxed), 6);
    let booked = rig.book.lines.lock().unwrap()["calls"];
    assert_eq!(
        booked,
        (Booked { until: Some(start() + TimeDelta::milliseconds(100)), pause_until: None }, 1)
    );
}

#[test]
fn turns_are_booked_ahead_where_there_are_many() {
    let per_second = Pacing { per: Duration::from_secs(1), calls: 100, burst: 50 };
    let rig = Rig::new(2, Some(per_second));
    let went = (0..200).filter(|number| rig.call(number % 2).is_ok()).count();
    assert_eq!(went, 50, "no more than the burst in an instant");
    let reads = rig.book.reads.load(Ordering::Relaxed) - 150;
    assert!(reads <= 12, "{reads} looks for 50 calls");
    // What was booked ahead and not used is gone after a second.
    rig.pass(60_000);
    assert_eq!(rig.call(0), Ok(()));
    rig.pass(60_000);
    let went = (0..200).filter(|number| rig.call(number % 2).is_ok()).count();
    assert_eq!(went, 50);
}

#[test]
fn no_second_holds_more_than_its_calls_and_a_burst() {
    let pacing = Pacing { per: Duration::from_secs(1), calls: 40, burst: 20 };
    let rig = Rig::new(4, Some(pacing));
    for number in 0..4000_usize {
        let _ = rig.call((number * 7 + number / 13) % 4);
        rig.pass(3);
    }
    let called = rig.vendor.called.lock().unwrap();
    assert!(called.len() >= 12 * 40, "all that may be used is used: {}", called.len());
    for at in called.iter() {
        let later = called
            .iter()
            .filter(|other| (TimeDelta::zero()..TimeDelta::seconds(1)).contains(&(**other - at)));
        // Of what was booked ahead, each process may carry one turn over into the next second.
        assert!(later.count() <= 40 + 20 + 4);
    }
}

#[test]
fn a_pause_that_one_is_asked_for_all_keep() {
    for pacing in [Some(PACING), None] {
        let rig = Rig::new(2, pacing);
        *rig.vendor.pause.lock().unwrap() = Some(30);
        assert_eq!(rig.call(0), Err(30_000), "{pacing:?}");
        assert_eq!(rig.call(1), Err(30_000), "{pacing:?}");
        assert_eq!(rig.vendor.called.lock().unwrap().len(), 1);
        *rig.vendor.pause.lock().unwrap() = None;
        rig.pass(29_000);
        assert_eq!([rig.call(1), rig.call(0)], [Err(1000), Err(1000)]);
        rig.pass(1000);
        assert_eq!([rig.call(1), rig.call(0)], [Ok(()), Ok(())]);
    }
}

#[test]
fn a_pause_stops_turns_that_another_process_has_booked_already() {
    let spaced = Pacing { per: Duration::from_secs(3), calls: 1, burst: 1 };
    let rig = Rig::new(1, Some(spaced));
    let call = Call::until(start() + Duration::from_secs(60));
    let message = request(Safety::Read);
    let mut calls: Vec<_> =
        (0..4).map(|_| Box::pin(rig.clients[0].send(call, &message, &NoSigner))).collect();
    calls.retain_mut(|call| poll(call).is_pending());
    assert_eq!(calls.len(), 3, "all but the first have their turns later");
    // Another process is asked for a pause of a minute, and writes it down.
    rig.pass(1000);
    let pause_until = Some(rig.clock.now() + TimeDelta::seconds(60));
    {
        let mut lines = rig.book.lines.lock().unwrap();
        let (booked, number) = lines["calls"];
        lines.insert("calls".to_owned(), (Booked { pause_until, ..booked }, number + 1));
    }
    for millis in [2000, 3000, 3000] {
        rig.pass(millis);
        calls.retain_mut(|call| match poll(call) {
            Poll::Ready(Err(refused)) => {
                assert!(matches!(refused.retry, Retry::After(_)), "{refused:?}");
                false
            }
            Poll::Ready(Ok(_)) => panic!("it went, pause or not"),
            Poll::Pending => true,
        });
    }
    assert!(calls.is_empty());
    assert_eq!(rig.vendor.called.lock().unwrap().len(), 1);
}

#[test]
fn a_line_keeps_its_accounts_pauses_and_the_account_none_of_the_lines() {
    let mut rig = Rig::new(2, Some(PACING));
    for process in 0..2 {
        let line = rig.clients[process].line(settings().with_attempts(1).with_line("messages")).unwrap();
        rig.clients.push(line);
    }
    let pause = |seconds| *rig.vendor.pause.lock().unwrap() = seconds;
    pause(Some(30));
    assert_eq!(rig.call(2), Err(30_000));
    pause(None);
    assert_eq!([rig.call(0), rig.call(1)], [Ok(()), Ok(())], "a line's pause is its own");
    assert_eq!(rig.call(3), Err(30_000), "and is the same line's in another process");
    rig.pass(60_000);
    pause(Some(20));
    assert_eq!(rig.call(0), Err(20_000));
    pause(None);
    assert_eq!([rig.call(2), rig.call(3)], [Err(20_000), Err(20_000)]);
    assert_eq!(rig.vendor.called.lock().unwrap().len(), 4);
    rig.pass(20_000);
    assert_eq!([rig.call(2), rig.call(3)], [Ok(()), Ok(())]);
}

#[test]
fn a_pause_of_a_clock_that_is_ahead_hides_none() {
    for pacing in [Some(PACING), None] {
        let rig = Rig::new(2, pacing);
        let ahead = Booked { until: None, pause_until: Some(start() + TimeDelta::hours(3)) };
        rig.book.lines.lock().unwrap().insert("calls".to_owned(), (ahead, 1));
        assert_eq!(rig.call(1), Ok(()), "{pacing:?}");
        rig.pass(2000);
        *rig.vendor.pause.lock().unwrap() = Some(30);
        assert_eq!(rig.call(0), Err(30_000), "{pacing:?}");
        assert_eq!(rig.call(1), Err(30_000), "{pacing:?}");
        assert_eq!(rig.vendor.called.lock().unwrap().len(), 2, "{pacing:?}");
    }
}

#[test]
fn without_pacing_the_book_is_looked_into_once_a_second() {
    let rig = Rig::new(1, None);
    for _ in 0..100 {
        assert_eq!(rig.call(0), Ok(()));
        rig.pass(20);
    }
    assert_eq!(rig.book.reads.load(Ordering::Relaxed), 2);
    assert!(rig.book.lines.lock().unwrap().is_empty());
}

#[test]
fn a_book_that_is_away_stops_nobody() {
    let rig = Rig::new(1, Some(PACING));
    rig.book.away.store(true, Ordering::Relaxed);
    let went: Vec<_> = (0..4).map(|_| rig.call(0)).collect();
    assert_eq!(went, [Ok(()), Ok(()), Ok(()), Err(100)], "at our own pace");
    *rig.vendor.pause.lock().unwrap() = Some(5);
    rig.pass(1000);
    assert_eq!(rig.call(0), Err(5000));
    rig.book.away.store(false, Ordering::Relaxed);
    assert_eq!(rig.call(0), Err(5000), "and a pause that could not be told is kept");
}
