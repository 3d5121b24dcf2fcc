//! When the next call of an account may go: pauses that the vendor asked for, and our own pacing.
//!
//! Pacing is the generic cell rate algorithm on injected time, written here and not taken from `governor`: a waiting
//! call must *book* its turn, and only if that lies before its deadline, so that calls go in the order in which they
//! came and a wait that is too long is known before it begins. `governor` only answers "not yet", after which the
//! callers race for each turn, and its booking variant waits by a timer of its own.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::settings::Pacing;
use crate::turns::Booked;

/// `at` plus `by`, without overflow.
pub(crate) fn after(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by).ok().and_then(|by| at.checked_add_signed(by)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How long until `until`; zero when that is further ahead than we ever plan, which means that the clock was set
/// back in the meantime.
pub(crate) fn left(until: DateTime<Utc>, now: DateTime<Utc>, horizon: Duration) -> Duration {
    let left = (until - now).to_std().unwrap_or_default();
    if left > horizon { Duration::ZERO } else { left }
}

#[derive(Debug)]
pub(crate) struct Gate {
    booked: Booked,
    longest_pause: Duration,
    pacing: Option<Bucket>,
    longest_wait: Duration,
    /// Turns that were booked ahead of need, to be taken until then.
    ahead: (u32, DateTime<Utc>),
    /// When the account's book was last looked into.
    looked_at: Option<DateTime<Utc>>,
}

impl Gate {
    pub(crate) fn new(pacing: Option<Pacing>, longest_wait: Duration, longest_pause: Duration) -> Self {
        Self {
            booked: Booked::default(),
            longest_pause,
            pacing: pacing.map(Bucket::new),
            longest_wait,
            ahead: (0, DateTime::UNIX_EPOCH),
            looked_at: None,
        }
    }

    /// Nobody goes for this long.
    pub(crate) fn pause(&mut self, now: DateTime<Utc>, pause: Duration) {
        let until = after(now, pause.min(self.longest_pause));
        if self.paused(now) < (until - now).to_std().unwrap_or_default() {
            self.booked.pause_until = Some(until);
            self.ahead.0 = 0;
        }
    }

    /// How long the pause still lasts.
    pub(crate) fn paused(&self, now: DateTime<Utc>) -> Duration {
        self.booked.pause_until.map_or(Duration::ZERO, |until| left(until, now, self.longest_pause))
    }

    /// Books a turn that begins within `latest` and tells how long until then, or tells how long it would take.
    pub(crate) fn book(&mut self, now: DateTime<Utc>, latest: Duration) -> Result<Duration, Duration> {
        self.book_some(now, latest, 1)
    }

    fn book_some(&mut self, now: DateTime<Utc>, latest: Duration, turns: u32) -> Result<Duration, Duration> {
        let latest = latest.min(self.longest_wait);
        let horizon = self.longest_wait;
        let Some(bucket) = &self.pacing else { return Ok(Duration::ZERO) };
        let (wait, until) = bucket.book(self.booked.until, now, latest, horizon, turns)?;
        self.booked.until = Some(until);
        Ok(wait)
    }

    /// Whether a turn may be taken without a look into the account's book: one that was booked ahead or, where there is no
    /// pacing, any so soon after the last look.
    pub(crate) fn take_ahead(&mut self, now: DateTime<Utc>) -> bool {
        if self.pacing.is_none() {
            return self.looked_lately(now);
        }
        let (turns, until) = self.ahead;
        let is_there = turns > 0 && is_lately(until - LOOK_EVERY, now);
        if is_there {
            self.ahead.0 -= 1;
        }
        is_there
    }

    /// Whether another process's pause, if there is one, is known.
    pub(crate) fn looked_lately(&self, now: DateTime<Utc>) -> bool {
        self.looked_at.is_some_and(|at| is_lately(at, now))
    }

    /// A pause, but for one further off than any may be: whoever wrote it down has a clock that is ahead. It must not stand
    /// where a later one is kept.
    pub(crate) fn within_reason(
        &self,
        now: DateTime<Utc>,
        pause_until: Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        pause_until.filter(|until| *until <= after(now, self.longest_pause))
    }

    /// Goes on from what the account's book says.
    pub(crate) fn look(&mut self, now: DateTime<Utc>, booked: Booked) {
        // A pause that could not be told is ours all the same.
        let [told, own] =
            [booked.pause_until, self.booked.pause_until].map(|until| self.within_reason(now, until));
        let pause_until = told.max(own);
        self.booked = Booked { pause_until, ..booked };
        self.looked_at = Some(now);
    }

    /// Books as [`Self::book`], and further turns with it where they can go at once. To be written into the book before
    /// any of them is taken.
    pub(crate) fn book_ahead(
        &mut self,
        now: DateTime<Utc>,
        latest: Duration,
    ) -> (Result<Duration, Duration>, Ahead) {
        let before = self.booked;
        let further = self.pacing.as_ref().map_or(0, Bucket::further);
        if further > 0 && self.book_some(now, Duration::ZERO, 1 + further).is_ok() {
            return (Ok(Duration::ZERO), Ahead { booked: self.booked, further });
        }
        self.booked = before;
        let turn = self.book(now, latest);
        (turn, Ahead { booked: self.booked, further: 0 })
    }

    /// What was booked stands in the book.
    pub(crate) fn written(&mut self, now: DateTime<Utc>, ahead: &Ahead) {
        self.ahead = (ahead.further, now + LOOK_EVERY);
    }

    pub(crate) fn booked(&self) -> Booked {
        self.booked
    }
}

/// How long turns that were booked ahead may be taken, and the longest until another process's pause is noticed.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(1);

fn is_lately(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..LOOK_EVERY).contains(&(now - at))
}

/// Turns as they are to be written into the account's book.
#[derive(Debug)]
pub(crate) struct Ahead {
    pub(crate) booked: Booked,
    further: u32,
}

/// One number tells all: the time at which the bucket would be empty again.
#[derive(Debug)]
struct Bucket {
    interval: Duration,
    /// How far ahead of time the burst may run.
    tolerance: Duration,
    burst: u32,
}

impl Bucket {
    fn new(pacing: Pacing) -> Self {
        let interval = pacing.per / pacing.calls;
        Self { interval, tolerance: interval.saturating_mul(pacing.burst - 1), burst: pacing.burst }
    }

    /// How many turns one process may book beyond what it needs now: few enough that others get theirs.
    fn further(&self) -> u32 {
        (self.burst / 10).saturating_sub(1)
    }

    /// How long until `turns` may all go, and when the bucket would be empty after them.
    fn book(
        &self,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        latest: Duration,
        horizon: Duration,
        turns: u32,
    ) -> Result<(Duration, DateTime<Utc>), Duration> {
        let fullest = self.tolerance.saturating_add(self.interval).saturating_add(horizon);
        let ahead = until.map_or(Duration::ZERO, |at| left(at, now, fullest));
        let taken = self.interval.saturating_mul(turns);
        let wait = ahead.saturating_add(taken - self.interval).saturating_sub(self.tolerance);
        if wait > latest {
            return Err(wait);
        }
        Ok((wait, after(now, ahead.saturating_add(taken))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// Ten calls a second, three at once; each line is: milliseconds since the start, the latest turn that suits,
    /// what is answered.
    #[track_caller]
    fn check(what: &str, calls: &[(i64, u64, Result<u64, u64>)]) {
        let pacing = Pacing { per: Duration::from_secs(1), calls: 10, burst: 3 };
        let mut gate = Gate::new(Some(pacing), MS(5000), MS(3_600_000));
        for (number, (at, latest, expected)) in calls.iter().enumerate() {
            let now = start() + TimeDelta::milliseconds(*at);
            assert_eq!(gate.book(now, MS(*latest)), expected.map(MS).map_err(MS), "{what}: call {number}");
        }
    }

    #[test]
    fn calls_are_spread() {
        check(
            "a burst, then one each interval",
            &[
                (0, 900, Ok(0)),
                (0, 900, Ok(0)),
                (0, 900, Ok(0)),
                (0, 900, Ok(100)),
                (0, 900, Ok(200)),
                (50, 900, Ok(250)),
            ],
        );
        check(
            "quiet time fills the burst, not more",
            &[
                (0, 0, Ok(0)),
                (60_000, 0, Ok(0)),
                (60_000, 0, Ok(0)),
                (60_000, 0, Ok(0)),
                (60_000, 0, Err(100)),
            ],
        );
        check(
            "who cannot wait takes no turn",
            &[
                (0, 0, Ok(0)),
                (0, 0, Ok(0)),
                (0, 0, Ok(0)),
                (0, 50, Err(100)),
                (0, 50, Err(100)),
                (0, 100, Ok(100)),
                (0, 100, Err(200)),
            ],
        );
        check("a clock set back does not stop it", &[(0, 0, Ok(0)), (-86_400_000, 0, Ok(0))]);
    }

    #[test]
    fn no_second_holds_more_than_its_calls_and_a_burst() {
        let mut gate = Gate::new(Some(Pacing { per: MS(1000), calls: 7, burst: 4 }), MS(60_000), MS(0));
        let mut turns = Vec::new();
        for call in 0..200_i64 {
            let at = call * 37;
            let wait = gate.book(start() + TimeDelta::milliseconds(at), MS(60_000)).unwrap();
            turns.push(u128::try_from(at).unwrap() * 1_000_000 + wait.as_nanos());
        }
        assert!(turns.is_sorted(), "who came first goes first");
        for turn in &turns {
            let in_second =
                turns.iter().filter(|other| (*turn..*turn + 1_000_000_000).contains(*other)).count();
            assert!(in_second <= 7 + 4, "{in_second} calls in a second");
        }
    }

    #[test]
    fn pauses() {
        #[track_caller]
        fn check(what: &str, pauses: &[(i64, u64)], at: i64, expected: u64) {
            let mut gate = Gate::new(None, MS(5000), MS(3_600_000));
            for (at, pause) in pauses {
                gate.pause(start() + TimeDelta::milliseconds(*at), MS(*pause));
            }
            assert_eq!(gate.paused(start() + TimeDelta::milliseconds(at)), MS(expected), "{what}");
        }
        check("none", &[], 0, 0);
        check("one", &[(0, 3000)], 1000, 2000);
        check("over", &[(0, 3000)], 3000, 0);
        check("the later end counts", &[(0, 3000), (1000, 500)], 1000, 2000);
        check("and may be later than before", &[(0, 3000), (1000, 5000)], 1000, 5000);
        check("never endless", &[(0, u64::MAX)], 0, 3_600_000);
        check("a clock set back ends it", &[(0, 3000)], -86_400_000, 0);
        check("and a new one begins", &[(0, 3000), (-86_400_000, 2000)], -86_400_000, 2000);
    }
}
