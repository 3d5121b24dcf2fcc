//! Leaving a vendor alone that does not answer anyway.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::gate::{after, left};
use crate::settings::CircuitSettings;

/// Whether calls go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CircuitState {
    /// They do.
    Closed,
    /// They do not: too many failed in a row.
    Open,
    /// One is under way to see whether the vendor is back.
    Probing,
}

/// Three states, one probe, no clock of its own.
#[derive(Debug)]
pub(crate) struct Circuit {
    settings: CircuitSettings,
    /// The longest that `until` may lie ahead; beyond that the clock was set back.
    horizon: Duration,
    state: CircuitState,
    /// While open: when a probe may go. While probing: when the probe counts as lost, since whoever made it may have
    /// been dropped.
    until: DateTime<Utc>,
    failures: u32,
    /// How often in a row it has opened.
    opened: u32,
}

impl Circuit {
    pub(crate) fn new(settings: CircuitSettings, longest_hint: Duration) -> Self {
        Self {
            settings,
            horizon: settings.longest.max(longest_hint),
            state: CircuitState::Closed,
            until: DateTime::UNIX_EPOCH,
            failures: 0,
            opened: 0,
        }
    }

    pub(crate) fn state(&self) -> CircuitState {
        self.state
    }

    /// How long calls are refused from now on; zero when one may go.
    pub(crate) fn refuses(&self, now: DateTime<Utc>) -> Duration {
        match self.state {
            CircuitState::Closed => Duration::ZERO,
            _ => left(self.until, now, self.horizon),
        }
    }

    /// A call goes now. Where a probe is due, it is that probe, and others are refused for as long as it may take.
    pub(crate) fn enter(&mut self, now: DateTime<Utc>, within: Duration) -> Result<(), Duration> {
        let refused = self.refuses(now);
        if !refused.is_zero() {
            return Err(refused);
        }
        if self.state != CircuitState::Closed {
            self.state = CircuitState::Probing;
            self.until = after(now, within.min(self.horizon));
        }
        Ok(())
    }

    /// The vendor answered.
    pub(crate) fn answered(&mut self) {
        self.state = CircuitState::Closed;
        self.failures = 0;
        self.opened = 0;
    }

    /// Vendor or network failed; `hint` is when the vendor asked us to come back.
    pub(crate) fn failed(&mut self, now: DateTime<Utc>, hint: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        match self.state {
            CircuitState::Closed if self.failures < self.settings.failures => return,
            // A call that was under way when it opened tells nothing new.
            CircuitState::Open if !self.refuses(now).is_zero() && hint.is_none() => return,
            _ => {}
        }
        let own = self.settings.first.saturating_mul(1 << self.opened.min(20)).min(self.settings.longest);
        self.opened = self.opened.saturating_add(1);
        self.state = CircuitState::Open;
        // The vendor knows better than we do, whether it says sooner or later.
        self.until = after(now, hint.unwrap_or(own).min(self.horizon));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Do {
        /// A call wants to go: seconds for which it is refused, 0 when it goes.
        Enter(u64),
        Answer,
        Fail,
        FailWithHint(u64),
        Pass(i64),
    }
    use Do::{Answer, Enter, Fail, FailWithHint, Pass};

    #[track_caller]
    fn check(what: &str, steps: &[Do], expected: CircuitState) {
        let settings =
            CircuitSettings { failures: 3, first: Duration::from_secs(10), longest: Duration::from_secs(60) };
        let mut circuit = Circuit::new(settings, Duration::from_secs(3600));
        let mut now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (step, todo) in steps.iter().enumerate() {
            match todo {
                Enter(seconds) => {
                    let wait = circuit.enter(now, Duration::from_secs(20)).err().unwrap_or_default();
                    assert_eq!(wait.as_secs(), *seconds, "{what}: step {step}");
                }
                Answer => circuit.answered(),
                Fail => circuit.failed(now, None),
                FailWithHint(seconds) => circuit.failed(now, Some(Duration::from_secs(*seconds))),
                Pass(seconds) => now += chrono::TimeDelta::seconds(*seconds),
            }
        }
        assert_eq!(circuit.state(), expected, "{what}");
    }

    #[test]
    fn opens_probes_and_closes() {
        use CircuitState::{Closed, Open, Probing};
        check("two failures are borne", &[Fail, Fail, Enter(0)], Closed);
        check("an answer in between counts", &[Fail, Fail, Answer, Fail, Fail, Enter(0)], Closed);
        check("three are not", &[Fail, Fail, Fail, Enter(10), Pass(9), Enter(1)], Open);
        check("one probe", &[Fail, Fail, Fail, Pass(10), Enter(0), Enter(20)], Probing);
        check("the probe is answered", &[Fail, Fail, Fail, Pass(10), Enter(0), Answer, Enter(0)], Closed);
        check(
            "failed probes double the wait up to the longest",
            &[
                Fail,
                Fail,
                Fail,
                Pass(10),
                Enter(0),
                Fail,
                Enter(20),
                Pass(20),
                Enter(0),
                Fail,
                Enter(40),
                Pass(40),
                Enter(0),
                Fail,
                Enter(60),
                Pass(60),
                Enter(0),
                Fail,
                Enter(60),
            ],
            Open,
        );
        check(
            "an answer forgets the doubling",
            &[
                Fail,
                Fail,
                Fail,
                Pass(10),
                Enter(0),
                Fail,
                Pass(20),
                Enter(0),
                Answer,
                Fail,
                Fail,
                Fail,
                Enter(10),
            ],
            Open,
        );
        check(
            "a lost probe gives way to the next",
            &[Fail, Fail, Fail, Pass(10), Enter(0), Pass(19), Enter(1), Pass(1), Enter(0), Enter(20)],
            Probing,
        );
        check("late failures change nothing", &[Fail, Fail, Fail, Pass(5), Fail, Fail, Enter(5)], Open);
        check("the vendor says when", &[Fail, Fail, FailWithHint(120), Enter(120)], Open);
        check("and may correct itself", &[Fail, Fail, FailWithHint(120), FailWithHint(30), Enter(30)], Open);
        check("but not beyond reason", &[Fail, Fail, FailWithHint(1 << 40), Enter(3600)], Open);
        check("a clock set back does not lock it", &[Fail, Fail, Fail, Pass(-86_400), Enter(0)], Probing);
    }
}
