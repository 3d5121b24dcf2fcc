//! Windows of access in a unit's own time zone, sound on the days when clocks change.

use chrono::{
    DateTime, Datelike as _, Duration, LocalResult, NaiveDateTime, NaiveTime, TimeZone, Timelike as _, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::booking::StayDates;
use crate::parse::Invalid;
#[cfg(staykey_planted)]
use crate::planted::{self, planted};

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
    /// [`Invalid`] unless the end lies after the start and both in the years 1970 to 9999.
    pub fn new(start: NaiveDateTime, end: NaiveDateTime, zone: Tz) -> Result<Self, Invalid> {
        // Dates come from outside; near the ends of what chrono can hold, adding to them would panic.
        let in_years = |local: &NaiveDateTime| YEARS.contains(&local.year());
        let end = Some(end).filter(in_years).map(ceil_minute).filter(in_years);
        let (true, Some(end)) = (in_years(&start), end) else {
            return Err(Invalid::new("window", "years from 1970 to 9999"));
        };
        let window = Self { start: floor_minute(start), end, zone };
        if window.opens() < window.closes() {
            Ok(window)
        } else {
            Err(Invalid::new("window", "an end after its start"))
        }
    }

    /// The window of a stay: from check-in on the arrival day to check-out on the departure day.
    ///
    /// # Errors
    ///
    /// [`Invalid`] when check-out does not come after check-in.
    pub fn of_stay(
        dates: StayDates,
        check_in: NaiveTime,
        check_out: NaiveTime,
        zone: Tz,
    ) -> Result<Self, Invalid> {
        #[cfg(staykey_planted)]
        let zone = if planted(planted::WINDOW_IN_UTC) { Tz::UTC } else { zone };
        #[cfg(staykey_planted)]
        if planted(planted::A_DAY_LONGER) {
            let end = dates.departure() + Duration::days(1);
            return Self::new(dates.arrival().and_time(check_in), end.and_time(check_out), zone);
        }
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

    /// The same window opening `before` earlier and closing `after` later, in elapsed time and whole minutes; a
    /// negative time counts as none, one of more than ten years as ten years, and an end that would leave the years of
    /// [`Window::new`] stays.
    ///
    /// Where the new start or end lies in a repeated hour, the wider of its two readings is taken.
    #[must_use]
    pub fn widened(&self, before: Duration, after: Duration) -> Self {
        let by = |by: Duration| by.clamp(Duration::zero(), Duration::days(3653));
        let local = |at: DateTime<Utc>| at.with_timezone(&self.zone).naive_local();
        #[cfg(staykey_planted)]
        let (before, after) = match planted(planted::BUFFERS_TWICE) {
            true => (before * 2, after * 2),
            false => (before, after),
        };
        let start = floor_minute(local(self.opens() - by(before)));
        let end = ceil_minute(local(self.closes() + by(after)));
        // Where nothing is added, a start or end in a gap stays the local time that the guest was told.
        let start = if before > Duration::zero() && YEARS.contains(&start.year()) {
            start.min(self.start)
        } else {
            self.start
        };
        let end = if after > Duration::zero() && YEARS.contains(&end.year()) {
            end.max(self.end)
        } else {
            self.end
        };
        Self { start, end, zone: self.zone }
    }

    /// The same window, not opening before `at`: for providers that refuse a start in the past. The start is the next
    /// whole minute; in the second run of a repeated hour it is the end of that hour, since a local start stands for
    /// the first.
    ///
    /// A window that opens later anyway, is over, or would have no minute left, stays as it is.
    #[must_use]
    pub fn starting_no_earlier_than(&self, at: DateTime<Utc>) -> Self {
        if self.opens() >= at || at >= self.closes() {
            return self.clone();
        }
        let mut start = ceil_minute(at.with_timezone(&self.zone).naive_local());
        if local_to_utc(start, self.zone, Fold::Earlier) < at {
            start = unambiguous(start, self.zone, Duration::minutes(1));
        }
        Self::new(start, self.end, self.zone).unwrap_or_else(|_| self.clone())
    }

    /// From the first midnight at or before the start to the first at or after the end: for keypads that know days only.
    #[must_use]
    pub fn whole_days(&self) -> Self {
        let start = self.start.date().and_time(NaiveTime::MIN);
        let end = match self.end.time() {
            NaiveTime::MIN => self.end,
            _ => self.end.date().succ_opt().map_or(self.end, |day| day.and_time(NaiveTime::MIN)),
        };
        Self::new(start, end, self.zone).unwrap_or_else(|_| self.clone())
    }

    /// Local start and end for a lock that evaluates wall time itself and may read a repeated hour either way:
    /// a start in a repeated hour moves before it, an end in one moves behind it, and a time in a gap becomes the
    /// first one after it.
    #[must_use]
    pub fn wall(&self) -> (NaiveDateTime, NaiveDateTime) {
        (
            unambiguous(self.start, self.zone, Duration::minutes(-1)),
            unambiguous(self.end, self.zone, Duration::minutes(1)),
        )
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

/// What a window may lie in: far more than any stay, and far from where dates end.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

fn floor_minute(local: NaiveDateTime) -> NaiveDateTime {
    local.with_second(0).and_then(|t| t.with_nanosecond(0)).unwrap_or(local)
}

fn ceil_minute(local: NaiveDateTime) -> NaiveDateTime {
    let floor = floor_minute(local);
    if floor < local { floor + Duration::minutes(1) } else { local }
}

#[derive(Clone, Copy)]
enum Fold {
    Earlier,
    Later,
}

fn local_to_utc(local: NaiveDateTime, zone: Tz, fold: Fold) -> DateTime<Utc> {
    #[cfg(staykey_planted)]
    let fold = match fold {
        Fold::Earlier if planted(planted::WRONG_SIDE_OF_DST) => Fold::Later,
        Fold::Later if planted(planted::WRONG_SIDE_OF_DST) => Fold::Earlier,
        fold => fold,
    };
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
    let valid = |seconds: i64| zone.from_local_datetime(&(local + Duration::seconds(seconds))).earliest();
    let (mut low, mut high) = (0_i64, 26 * 3600);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if valid(middle).is_some() { high = middle } else { low = middle }
    }
    match valid(high) {
        Some(at) => at.with_timezone(&Utc),
        // No zone leaves out more than a day.
        None => DateTime::from_naive_utc_and_offset(local, Utc),
    }
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

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use chrono::NaiveDate;
    use chrono_tz::{TZ_VARIANTS, Tz};
    use proptest::prelude::*;

    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        local(text).and_utc()
    }

    fn window(start: &str, end: &str, zone: Tz) -> Window {
        Window::new(local(start), local(end), zone).unwrap()
    }

    /// Every instant that a local time may stand for, the one after the gap where there is none.
    fn readings(local: NaiveDateTime, zone: Tz) -> Vec<DateTime<Utc>> {
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) => vec![at.with_timezone(&Utc)],
            LocalResult::Ambiguous(first, second) => {
                [first, second].map(|at| at.with_timezone(&Utc)).to_vec()
            }
            LocalResult::None => vec![after_gap(local, zone)],
        }
    }

    /// Opens and closes (UTC) of a window, and what a wall clock is given.
    #[track_caller]
    fn check(zone: Tz, (start, end): (&str, &str), instants: (&str, &str), wall: (&str, &str)) {
        let window = window(start, end, zone);
        assert_eq!(
            (window.opens(), window.closes()),
            (utc(instants.0), utc(instants.1)),
            "{zone} {start} to {end}"
        );
        assert_eq!(window.wall(), (local(wall.0), local(wall.1)), "{zone} {start} to {end}");
    }

    #[test]
    fn ordinary_days_stay_as_they_are() {
        check(
            Tz::Europe__Warsaw,
            ("2027-06-01 15:00", "2027-06-04 12:00"),
            ("2027-06-01 13:00", "2027-06-04 10:00"),
            ("2027-06-01 15:00", "2027-06-04 12:00"),
        );
    }

    #[test]
    fn f03_nobody_is_shut_out_in_either_run_of_the_repeated_hour() {
        // Warsaw, 25 October 2026: 03:00 becomes 02:00.
        let repeated = ("2026-10-25 02:30", "2026-10-25 02:30");
        check(
            Tz::Europe__Warsaw,
            repeated,
            ("2026-10-25 00:30", "2026-10-25 01:30"),
            ("2026-10-25 01:59", "2026-10-25 03:00"),
        );
        // New York, 1 November 2026: 02:00 becomes 01:00.
        let repeated = ("2026-11-01 01:00", "2026-11-01 01:59");
        check(
            Tz::America__New_York,
            repeated,
            ("2026-11-01 05:00", "2026-11-01 06:59"),
            ("2026-11-01 00:59", "2026-11-01 02:00"),
        );
        // Lord Howe, 5 April 2026: 02:00 becomes 01:30, half an hour.
        let repeated = ("2026-04-05 01:45", "2026-04-05 01:45");
        check(
            Tz::Australia__Lord_Howe,
            repeated,
            ("2026-04-04 14:45", "2026-04-04 15:15"),
            ("2026-04-05 01:29", "2026-04-05 02:00"),
        );
        // The buffer reaches into the hour although the stay does not.
        let buffered = window("2026-10-24 15:00", "2026-10-25 01:30", Tz::Europe__Warsaw)
            .widened(Duration::zero(), Duration::minutes(45));
        assert_eq!(buffered.closes(), utc("2026-10-25 01:15"), "the later run of 02:15");
        assert_eq!(buffered.wall().1, local("2026-10-25 03:00"));
    }

    #[test]
    fn a_missing_hour_ends_at_its_first_valid_instant() {
        // Warsaw, 28 March 2027: 02:00 becomes 03:00.
        let at_check_in = ("2027-03-28 02:30", "2027-03-30 12:00");
        check(
            Tz::Europe__Warsaw,
            at_check_in,
            ("2027-03-28 01:00", "2027-03-30 10:00"),
            ("2027-03-28 03:00", "2027-03-30 12:00"),
        );
        let at_check_out = ("2027-03-25 15:00", "2027-03-28 02:00");
        check(
            Tz::Europe__Warsaw,
            at_check_out,
            ("2027-03-25 14:00", "2027-03-28 01:00"),
            ("2027-03-25 15:00", "2027-03-28 03:00"),
        );
        // Lord Howe, 4 October 2026: 02:00 becomes 02:30.
        let at_both = ("2026-10-04 01:00", "2026-10-04 02:15");
        check(
            Tz::Australia__Lord_Howe,
            at_both,
            ("2026-10-03 14:30", "2026-10-03 15:30"),
            ("2026-10-04 01:00", "2026-10-04 02:30"),
        );
        // New York, 14 March 2027: 02:00 becomes 03:00.
        let at_check_in = ("2027-03-14 02:59", "2027-03-15 11:00");
        check(
            Tz::America__New_York,
            at_check_in,
            ("2027-03-14 07:00", "2027-03-15 15:00"),
            ("2027-03-14 03:00", "2027-03-15 11:00"),
        );
        // Cairo, 28 April 2023: midnight becomes 01:00.
        let at_midnight = ("2023-04-28 00:00", "2023-04-29 00:00");
        check(
            Tz::Africa__Cairo,
            at_midnight,
            ("2023-04-27 22:00", "2023-04-28 21:00"),
            ("2023-04-28 01:00", "2023-04-29 00:00"),
        );
        // Monrovia, 7 January 1972: 44 minutes and 30 seconds were left out.
        let odd = window("1972-01-07 00:10", "1972-01-08 00:00", Tz::Africa__Monrovia);
        assert_eq!(odd.opens(), utc("1972-01-07 00:44") + Duration::seconds(30));
    }

    #[test]
    fn a_missing_day_is_passed_over() {
        // Apia left out 30 December 2011.
        check(
            Tz::Pacific__Apia,
            ("2011-12-30 15:00", "2012-01-02 10:00"),
            ("2011-12-30 10:00", "2012-01-01 20:00"),
            ("2011-12-31 00:00", "2012-01-02 10:00"),
        );
        check(
            Tz::Pacific__Apia,
            ("2011-12-28 15:00", "2011-12-30 10:00"),
            ("2011-12-29 01:00", "2011-12-30 10:00"),
            ("2011-12-28 15:00", "2011-12-31 00:00"),
        );
        let within = Window::new(local("2011-12-30 01:00"), local("2011-12-30 23:00"), Tz::Pacific__Apia);
        assert!(within.is_err(), "a stay within a day that never was");
    }

    #[test]
    fn f02_the_same_stay_reads_the_same_before_and_after_the_change() {
        for (start, end, hours) in
            [("2026-10-23 15:00", "2026-10-27 12:00", 94), ("2027-03-26 15:00", "2027-03-30 12:00", 92)]
        {
            let stay = window(start, end, Tz::Europe__Warsaw);
            assert_eq!(stay.wall(), (local(start), local(end)));
            assert_eq!(stay.closes() - stay.opens(), Duration::hours(hours));
            // What a host wrote down before the change and reads after it.
            let read: Window = serde_json::from_str(&serde_json::to_string(&stay).unwrap()).unwrap();
            assert_eq!((read.wall(), read), (stay.wall(), stay));
        }
    }

    #[test]
    fn f05_only_the_propertys_zone_matters() {
        let dates =
            StayDates::new(local("2027-06-01 00:00").date(), local("2027-06-04 00:00").date()).unwrap();
        let (check_in, check_out) = (local("2027-06-01 15:00").time(), local("2027-06-01 11:00").time());
        for (zone, opens, closes) in [
            (Tz::Europe__Warsaw, "2027-06-01 13:00", "2027-06-04 09:00"),
            (Tz::America__New_York, "2027-06-01 19:00", "2027-06-04 15:00"),
            (Tz::Pacific__Apia, "2027-06-01 02:00", "2027-06-03 22:00"),
        ] {
            let stay = Window::of_stay(dates, check_in, check_out, zone).unwrap();
            assert_eq!((stay.opens(), stay.closes()), (utc(opens), utc(closes)), "{zone}");
            assert_eq!(stay.wall(), (local("2027-06-01 15:00"), local("2027-06-04 11:00")), "{zone}");
            // The same instant, said by a server or a lock elsewhere.
            for elsewhere in [Tz::Asia__Kolkata, Tz::America__St_Johns] {
                let at = stay.opens().with_timezone(&elsewhere);
                assert!(stay.contains(at.with_timezone(&Utc)), "{zone} as seen in {elsewhere}");
            }
        }
    }

    #[test]
    fn f12_the_day_of_departure_is_not_slept_in() {
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
        let (check_in, check_out) = (local("2027-06-01 15:00").time(), local("2027-06-01 11:00").time());
        let stay = |arrival, departure| {
            let dates = StayDates::new(day(arrival), day(departure)).unwrap();
            Window::of_stay(dates, check_in, check_out, Tz::Europe__Warsaw)
        };
        let nights = stay("2027-06-01", "2027-06-03").unwrap();
        assert_eq!((nights.start(), nights.end()), (local("2027-06-01 15:00"), local("2027-06-03 11:00")));
        // The next guest's code begins after this one's has ended.
        assert!(nights.closes() < stay("2027-06-03", "2027-06-04").unwrap().opens());
        assert!(stay("2027-06-01", "2027-06-01").is_err(), "check-out before check-in");
    }

    #[test]
    fn f09_a_start_is_never_in_the_past() {
        let stay = window("2026-10-24 15:00", "2026-10-26 12:00", Tz::Europe__Warsaw);
        for (at, start) in [
            ("2026-10-24 12:00", "2026-10-24 15:00"),
            ("2026-10-24 13:00", "2026-10-24 15:00"),
            ("2026-10-24 18:07", "2026-10-24 20:07"),
            // The first 02:30, then the second, which a local start cannot name.
            ("2026-10-25 00:30", "2026-10-25 02:30"),
            ("2026-10-25 01:30", "2026-10-25 03:00"),
            ("2026-10-26 11:00", "2026-10-24 15:00"),
        ] {
            assert_eq!(stay.starting_no_earlier_than(utc(at)).start(), local(start), "{at}");
        }
        let odd = utc("2026-10-24 18:07") + Duration::seconds(1);
        assert_eq!(stay.starting_no_earlier_than(odd).start(), local("2026-10-24 20:08"));
        let late = stay.closes() - Duration::seconds(1);
        assert_eq!(stay.starting_no_earlier_than(late), stay);
    }

    #[test]
    fn seconds_never_shorten_a_window() {
        let second = Duration::seconds(1);
        let stay =
            Window::new(local("2027-06-01 15:00") + second, local("2027-06-04 12:00") + second, Tz::UTC)
                .unwrap();
        assert_eq!((stay.start(), stay.end()), (local("2027-06-01 15:00"), local("2027-06-04 12:01")));
        let wider = stay.widened(second, second);
        assert_eq!((wider.start(), wider.end()), (local("2027-06-01 14:59"), local("2027-06-04 12:02")));
    }

    #[test]
    fn odd_dates_are_refused_and_never_panic() {
        let ends = [
            NaiveDateTime::MIN,
            NaiveDateTime::MAX,
            local("1969-12-31 23:59"),
            local("9999-12-31 23:59") + Duration::days(1),
        ];
        for (start, end) in ends.into_iter().flat_map(|start| ends.map(|end| (start, end))) {
            let made = catch_unwind(|| Window::new(start, end, Tz::Pacific__Apia)).expect("no panic");
            assert!(made.is_err(), "{start} to {end}");
        }
        let widest = Window::new(
            local("1970-01-01 00:00"),
            local("9999-12-31 23:59") + Duration::seconds(59),
            Tz::Pacific__Kiritimati,
        );
        assert!(widest.is_err(), "rounded up, it would end in the year 10000");
        let widest = window("1970-01-01 00:00", "9999-12-31 23:59", Tz::Pacific__Kiritimati);
        let wider = widest.widened(Duration::MAX, Duration::MAX);
        assert_eq!(wider, widest);
        assert_eq!(widest.widened(Duration::MIN, Duration::MIN), widest);
        let ordinary = window("2027-06-01 15:00", "2027-06-04 12:00", Tz::UTC);
        assert_eq!(ordinary.widened(Duration::MAX, Duration::zero()).start(), local("2017-05-31 15:00"));
        for text in [
            r#"["+262142-12-31T23:59:59","+262142-12-31T23:59:59","Europe/Warsaw"]"#,
            r#"["2027-06-04T12:00:00","2027-06-01T15:00:00","Europe/Warsaw"]"#,
            r#"["2027-06-01T15:00:00","2027-06-04T12:00:00","Mars/Olympus"]"#,
        ] {
            assert!(serde_json::from_str::<Window>(text).is_err(), "{text}");
        }
    }

    /// A zone, a start near one of its changes or anywhere, and a length in minutes.
    fn cases() -> impl Strategy<Value = (Tz, NaiveDateTime, i64)> {
        let zone = prop::sample::select(&TZ_VARIANTS[..]);
        let minutes = 0..(120 * 366 * 24 * 60_i64);
        let length = prop_oneof![1..180_i64, 1..(40 * 24 * 60_i64)];
        (zone, minutes, length, any::<bool>(), -150..150_i64).prop_map(
            |(zone, minutes, length, near, offset)| {
                let first = local("1970-01-10 00:00") + Duration::minutes(minutes);
                let start = if near {
                    next_change(first, zone).map_or(first, |at| at + Duration::minutes(offset))
                } else {
                    first
                };
                (zone, start, length)
            },
        )
    }

    /// A local time near the zone's next change of offset in two years from there.
    fn next_change(from: NaiveDateTime, zone: Tz) -> Option<NaiveDateTime> {
        let offset = |at: NaiveDateTime| at.and_utc().with_timezone(&zone).naive_local() - at;
        let days = |days: i64| from + Duration::days(days);
        let day = (0..730).find(|day| offset(days(*day)) != offset(days(day + 1)))?;
        let (mut low, mut high) = (0, 24 * 60);
        while high - low > 1 {
            let middle = i64::midpoint(low, high);
            let changed = offset(days(day) + Duration::minutes(middle)) != offset(days(day));
            if changed { high = middle } else { low = middle }
        }
        let at = days(day) + Duration::minutes(high);
        Some(at + offset(at))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn windows_hold_in_every_zone((zone, start, length) in cases()) {
            let end = start + Duration::minutes(length);
            let Ok(window) = Window::new(start, end, zone) else {
                // Only where the whole window lies in a gap.
                prop_assert_eq!(after_gap_or_self(start, zone), after_gap_or_self(end, zone));
                return Ok(());
            };
            let (opens, closes) = (window.opens(), window.closes());
            prop_assert!(opens < closes);
            // Neither end is shortened, whichever run of a repeated hour was meant.
            prop_assert!(readings(start, zone).iter().all(|reading| opens <= *reading));
            prop_assert!(readings(end, zone).iter().all(|reading| *reading <= closes));
            prop_assert!(window.contains(opens) && !window.contains(closes));
            prop_assert!(window.contains(closes - Duration::seconds(1)));
            // What is not in a gap stands for itself: the guest's clock shows the local time.
            for (local, at) in [(start, opens), (end, closes)] {
                if !matches!(zone.from_local_datetime(&local), LocalResult::None) {
                    prop_assert_eq!(at.with_timezone(&zone).naive_local(), local);
                } else {
                    // A second earlier the clock had not yet reached the gap.
                    prop_assert!(at.with_timezone(&zone).naive_local() > local);
                    prop_assert!((at - Duration::seconds(1)).with_timezone(&zone).naive_local() < local);
                }
            }
        }

        #[test]
        fn wall_times_hold_in_either_reading((zone, start, length) in cases()) {
            let Ok(window) = Window::new(start, start + Duration::minutes(length), zone) else { return Ok(()) };
            let (first, last) = window.wall();
            for (wall, local, step) in [(first, window.start(), -1), (last, window.end(), 1)] {
                // There is just one reading left.
                prop_assert!(matches!(zone.from_local_datetime(&wall), LocalResult::Single(_)), "{wall}");
                match zone.from_local_datetime(&local) {
                    LocalResult::Single(_) => prop_assert_eq!(wall, local),
                    LocalResult::None => prop_assert!(wall > local && wall - local <= Duration::days(1)),
                    LocalResult::Ambiguous(..) => {
                        let moved = (wall - local) * step;
                        prop_assert!(moved > Duration::zero() && moved <= Duration::hours(24), "{moved}");
                    }
                }
            }
            prop_assert!(readings(first, zone).iter().all(|reading| *reading <= window.opens()));
            prop_assert!(readings(last, zone).iter().all(|reading| window.closes() <= *reading));
            prop_assert!(first < last);
        }

        #[test]
        fn widening_only_widens(
            (zone, start, length) in cases(), before in -600..400_000_i64, after in -600..400_000_i64,
        ) {
            let Ok(window) = Window::new(start, start + Duration::minutes(length), zone) else { return Ok(()) };
            let (before, after) = (Duration::seconds(before), Duration::seconds(after));
            let wider = window.widened(before, after);
            prop_assert!(wider.opens() <= window.opens() - before.max(Duration::zero()));
            prop_assert!(window.closes() + after.max(Duration::zero()) <= wider.closes());
            // By no more than was asked for, a minute, and the longest repeated stretch.
            let slack = Duration::hours(24) + Duration::minutes(1);
            prop_assert!(window.opens() - wider.opens() <= before.max(Duration::zero()) + slack);
            prop_assert!(wider.closes() - window.closes() <= after.max(Duration::zero()) + slack);
            prop_assert_eq!(&window.widened(Duration::zero(), Duration::zero()), &window);
            // It is a window as any other.
            prop_assert_eq!(Window::new(wider.start(), wider.end(), zone), Ok(wider));
        }

        #[test]
        fn a_clamped_start_is_neither_past_nor_lost((zone, start, length) in cases(), share in 0..=100_i32, odd in 0..60_i64) {
            let Ok(window) = Window::new(start, start + Duration::minutes(length), zone) else { return Ok(()) };
            let at = window.opens() + (window.closes() - window.opens()) * share / 100 + Duration::seconds(odd);
            let clamped = window.starting_no_earlier_than(at);
            prop_assert_eq!(clamped.closes(), window.closes());
            prop_assert!(clamped.opens() >= at || clamped == window);
            prop_assert!(clamped.opens() >= window.opens());
            if clamped != window {
                // Later than asked for only by the rest of a minute and of a repeated stretch.
                prop_assert!(clamped.opens() - at <= Duration::hours(24) + Duration::minutes(1));
            }
        }

        #[test]
        fn windows_survive_being_written_down((zone, start, length) in cases(), by in 0..100_000_i64) {
            let Ok(window) = Window::new(start, start + Duration::minutes(length), zone) else { return Ok(()) };
            for window in [window.widened(Duration::seconds(by), Duration::seconds(by)), window] {
                let text = serde_json::to_string(&window).unwrap();
                prop_assert_eq!(serde_json::from_str::<Window>(&text).unwrap(), window);
            }
        }
    }

    fn after_gap_or_self(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
        readings(local, zone)[0]
    }
}
