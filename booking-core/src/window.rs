//! Windows of access in a unit's own time zone, sound on the days when clocks change.

use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::booking::StayDates;
use crate::parse::Invalid;

/// From a local start to a local end in one zone; the instants are derived.
///
/// Where a local time happens twice (autumn) the start is the earlier and the end the later reading; where it does
/// not happen at all (spring) it stands for the first instant after the gap. So a guest is never shut out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(NaiveDateTime, NaiveDateTime, Tz)", into = "(NaiveDateTime, NaiveDateTime, Tz)")]
pub struct Window {
    start: NaiveDateTime,
    end: NaiveDateTime,
    zone: Tz,
}

impl Window {
    /// A window; seconds are dropped from the start and rounded up at the end, since locks know minutes.
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless the end lies after the start.
    pub fn new(start: NaiveDateTime, end: NaiveDateTime, zone: Tz) -> Result<Self, Invalid> {
        let start = start.with_second(0).and_then(|t| t.with_nanosecond(0)).unwrap_or(start);
        let floor = end.with_second(0).and_then(|t| t.with_nanosecond(0)).unwrap_or(end);
        let end = if floor < end { floor + Duration::minutes(1) } else { end };
        let window = Self { start, end, zone };
        if window.opens() < window.closes() { Ok(window) } else { Err(Invalid::new("window", "an end after its start")) }
    }

    /// The window of a stay: from check-in on the arrival day to check-out on the departure day.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when check-out does not come after check-in.
    pub fn of_stay(dates: StayDates, check_in: NaiveTime, check_out: NaiveTime, zone: Tz) -> Result<Self, Invalid> {
        Self::new(dates.arrival().and_time(check_in), dates.departure().and_time(check_out), zone)
    }

    /// The local start, as guests are told it.
    #[must_use]
    pub fn start(&self) -> NaiveDateTime {
        self.start
    }

    /// The local end, as guests are told it.
    #[must_use]
    pub fn end(&self) -> NaiveDateTime {
        self.end
    }

    /// The zone of both.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The instant at which access begins.
    #[must_use]
    pub fn opens(&self) -> DateTime<Utc> {
        local_to_utc(self.start, self.zone, Fold::Earlier)
    }

    /// The instant at which access ends.
    #[must_use]
    pub fn closes(&self) -> DateTime<Utc> {
        local_to_utc(self.end, self.zone, Fold::Later)
    }

    /// Whether access is open at this instant.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.opens() <= at && at < self.closes()
    }

    /// The same window opening `before` earlier and closing `after` later, in elapsed time.
    #[must_use]
    pub fn widened(&self, before: Duration, after: Duration) -> Self {
        let start = (self.opens() - before.max(Duration::zero())).with_timezone(&self.zone).naive_local();
        let end = (self.closes() + after.max(Duration::zero())).with_timezone(&self.zone).naive_local();
        // A later local time may read smaller in the repeated hour; the wider of both readings is kept.
        Self { start: start.min(self.start), end: end.max(self.end), zone: self.zone }
    }

    /// The same window, not starting before `at`: for providers that refuse a start in the past.
    #[must_use]
    pub fn starting_no_earlier_than(&self, at: DateTime<Utc>) -> Self {
        if self.opens() >= at || at >= self.closes() {
            return self.clone();
        }
        let start = at.with_timezone(&self.zone).naive_local();
        Self::new(start, self.end, self.zone).unwrap_or_else(|_| self.clone())
    }

    /// Local start and end for a lock that evaluates wall time itself and may read a repeated hour either way:
    /// a start in a repeated hour moves before it, an end in one moves behind it, and a time in a gap becomes the
    /// first one after it.
    #[must_use]
    pub fn wall(&self) -> (NaiveDateTime, NaiveDateTime) {
        (unambiguous(self.start, self.zone, Duration::minutes(-1)), unambiguous(self.end, self.zone, Duration::minutes(1)))
    }
}

impl TryFrom<(NaiveDateTime, NaiveDateTime, Tz)> for Window {
    type Error = Invalid;
    fn try_from((start, end, zone): (NaiveDateTime, NaiveDateTime, Tz)) -> Result<Self, Invalid> {
        Self::new(start, end, zone)
    }
}

impl From<Window> for (NaiveDateTime, NaiveDateTime, Tz) {
    fn from(window: Window) -> Self {
        (window.start, window.end, window.zone)
    }
}

#[derive(Clone, Copy)]
enum Fold {
    Earlier,
    Later,
}

fn local_to_utc(local: NaiveDateTime, zone: Tz, fold: Fold) -> DateTime<Utc> {
    match (zone.from_local_datetime(&local), fold) {
        (LocalResult::Single(at), _)
        | (LocalResult::Ambiguous(at, _), Fold::Earlier)
        | (LocalResult::Ambiguous(_, at), Fold::Later) => at.with_timezone(&Utc),
        (LocalResult::None, _) => after_gap(local, zone),
    }
}

/// The first valid instant after the gap that holds `local`.
fn after_gap(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    // The longest gap on record is a whole day (a zone that crossed the date line).
    let valid = |minutes: i64| zone.from_local_datetime(&(local + Duration::minutes(minutes))).earliest();
    let (mut low, mut high) = (0_i64, 26 * 60);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if valid(middle).is_some() { high = middle } else { low = middle }
    }
    let Some(at) = valid(high) else {
        return DateTime::from_naive_utc_and_offset(local, Utc);
    };
    // Gaps may end between two minutes of our search when `local` has odd seconds; the transition itself is sharp.
    let mut at = at.with_timezone(&Utc);
    while {
        let earlier = at - Duration::seconds(1);
        earlier.with_timezone(&zone).naive_local() > local && at.timestamp() % 60 != 0
    } {
        at -= Duration::seconds(1);
    }
    at
}

fn unambiguous(local: NaiveDateTime, zone: Tz, step: Duration) -> NaiveDateTime {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(_) => local,
        LocalResult::None => after_gap(local, zone).with_timezone(&zone).naive_local(),
        LocalResult::Ambiguous(..) => {
            let mut local = local;
            // Repeated stretches last at most three hours in the zones on record; the bound only stops a bad table.
            for _ in 0..26 * 60 {
                local += step;
                if matches!(zone.from_local_datetime(&local), LocalResult::Single(_)) {
                    break;
                }
            }
            local
        }
    }
}
