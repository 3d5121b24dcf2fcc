//! What one guest heard, held against what the records of it say.

use std::collections::{BTreeMap, BTreeSet};

use booking_core::store::{MessageRecord, MessageState, Told};
use chrono::{DateTime, TimeDelta, Utc};

/// By how much the clocks of hosts may differ from that of the vendors, and how long a send may take.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// A message as a guest got it.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) at: DateTime<Utc>,
    pub(super) text: String,
}

/// What a guest heard on one channel, in order, and the records of what was sent there.
pub(super) struct Said<'a> {
    pub(super) heard: Vec<Heard>,
    pub(super) records: Vec<&'a MessageRecord>,
}

impl Said<'_> {
    /// The record of what was heard: the last one with that text.
    fn record(&self, heard: &Heard) -> Option<&MessageRecord> {
        self.records.iter().copied().rfind(|record| text(record) == Some(&heard.text))
    }

    /// What was told, where a record says it.
    pub(super) fn told(&self, heard: &Heard) -> Option<&Told> {
        self.record(heard)?.told.as_ref()
    }

    /// What was heard that no record says, digit by digit.
    pub(super) fn unrecorded(&self) -> impl Iterator<Item = &Heard> {
        self.heard.iter().filter(|heard| {
            let says = |told: &Told| digits(told).all(|(_, typed)| heard.text.contains(typed));
            !self.told(heard).is_some_and(says)
        })
    }

    /// What was heard before, and more often than the records give leave to: each says that its text went out once,
    /// and one that may have gone out twice that it did so twice. What comes again directly after itself is to be such
    /// a one, or something else may have been told between the two.
    pub(super) fn repeats(&self) -> Vec<&Heard> {
        let mut repeats = Vec::new();
        for (place, later) in self.heard.iter().enumerate() {
            let before = &self.heard[..place];
            let of_it = || self.records.iter().filter(|record| self.is_alike(record, later));
            let twice = of_it().filter(|record| record.maybe_twice).count();
            let leave = of_it().filter(|record| may_be_there(record)).count() + twice;
            let often = before.iter().filter(|other| self.are_alike(other, later)).count() + 1;
            let in_a_row = before.last().is_some_and(|earlier| self.is_bare(earlier, later));
            let pairs = self.heard[..=place]
                .windows(2)
                .filter(|pair| matches!(pair, [a, b] if self.are_alike(b, later) && self.is_bare(a, b)));
            // A repeat that one of the two speaks against is one, however often the other would allow it.
            if (often > 1 && often > leave) || (in_a_row && pairs.count() > twice) {
                repeats.push(later);
            }
        }
        repeats
    }

    fn are_alike(&self, one: &Heard, other: &Heard) -> bool {
        one.text == other.text || self.record(one).is_some_and(|record| self.is_alike(record, other))
    }

    /// Whether a record tells the same as what was heard, in whatever words.
    fn is_alike(&self, record: &MessageRecord, heard: &Heard) -> bool {
        let same = |told: &Told| record.told.as_ref().is_some_and(|other| is_same(told, other));
        text(record) == Some(&heard.text) || self.told(heard).is_some_and(same)
    }

    /// Whether the same was heard twice with nothing between the two that may have told something else.
    fn is_bare(&self, earlier: &Heard, later: &Heard) -> bool {
        let between = earlier.at - SKEW..=later.at + SKEW;
        let is_other = |record: &MessageRecord| {
            let is_open = matches!(record.state, MessageState::Intended | MessageState::Unknown);
            (is_open || record.maybe_twice)
                && between.contains(&record.tried_at)
                && !self.is_alike(record, later)
        };
        self.are_alike(earlier, later) && !self.records.iter().any(|record| is_other(record))
    }
}

fn text(record: &MessageRecord) -> Option<&String> {
    record.text.as_ref().map(|text| &text.body)
}

/// Whether the text of a record went out, or may have.
fn may_be_there(record: &MessageRecord) -> bool {
    matches!(record.state, MessageState::Sent(_) | MessageState::Intended | MessageState::Unknown)
}

/// What is typed, door by door.
pub(super) fn digits(told: &Told) -> impl Iterator<Item = (&str, &str)> {
    told.codes.iter().filter_map(|code| Some((code.door.as_str(), code.typed.as_ref()?.expose())))
}

fn is_same(one: &Told, other: &Told) -> bool {
    let all = |told| digits(told).collect::<BTreeSet<_>>();
    (&one.unit, one.start, one.end) == (&other.unit, other.start, other.end) && all(one) == all(other)
}

/// The doors for which a guest was told more digits than one. Those that somebody else has too are a reason for
/// others: a stay that comes to a door or to days at which they are taken cannot keep them.
pub(super) fn changed<'a>(
    told: impl IntoIterator<Item = &'a Told>,
    taken: &BTreeSet<String>,
) -> Vec<&'a str> {
    let mut doors = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (door, typed) in told.into_iter().flat_map(digits) {
        doors.entry(door).or_default().insert(typed);
    }
    let without_reason =
        |typed: &BTreeSet<&str>| typed.len() > 1 && !typed.iter().any(|typed| taken.contains(*typed));
    doors.into_iter().filter(|(_, typed)| without_reason(typed)).map(|(door, _)| door).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::{at, message, told};

    /// What a guest heard, each as seconds and text, and the records of it, each as seconds, text and state.
    fn check(heard: &[(i64, &str)], records: &[(i64, &str, State)], repeats: &[i64]) {
        let second = |seconds| at() + TimeDelta::seconds(seconds);
        let records: Vec<_> = records
            .iter()
            .map(|(seconds, text, state)| {
                let mut record = message(text, told(text, "482913"));
                record.tried_at = second(*seconds);
                record.maybe_twice = *state == State::Twice;
                record.state = match state {
                    State::Sent | State::Twice => record.state,
                    State::Unknown => MessageState::Unknown,
                    State::Intended => MessageState::Intended,
                    State::Failed => MessageState::Failed,
                    State::Superseded => MessageState::Superseded,
                };
                record
            })
            .collect();
        let heard =
            heard.iter().map(|(seconds, text)| Heard { at: second(*seconds), text: (*text).to_owned() });
        let said = Said { heard: heard.collect(), records: records.iter().collect() };
        let found: Vec<_> = said.repeats().iter().map(|heard| (heard.at - at()).num_seconds()).collect();
        assert_eq!(found, repeats, "{:?}", said.heard);
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum State {
        Sent,
        /// It may have gone out twice.
        Twice,
        Unknown,
        Intended,
        Failed,
        Superseded,
    }
    use State::{Failed, Intended, Sent, Superseded, Twice, Unknown};

    #[test]
    fn the_same_thing_is_told_as_often_as_records_say() {
        check(&[(0, "1")], &[(0, "1", Sent)], &[]);
        check(&[(0, "1"), (30, "1")], &[(0, "1", Sent)], &[30]);
        check(&[(0, "1"), (30, "1")], &[(0, "1", Twice)], &[]);
        // One that may have gone out twice went out twice, not three times.
        check(&[(0, "1"), (30, "1"), (60, "1")], &[(0, "1", Twice)], &[60]);
        check(&[(0, "1"), (30, "1"), (60, "1")], &[(0, "1", Twice), (60, "1", Sent)], &[60]);
    }

    #[test]
    fn two_hosts_that_tell_in_turn_are_found_out() {
        let turns = [(0, "1"), (10, "2"), (20, "1"), (30, "2")];
        check(&turns, &[(0, "1", Sent), (10, "2", Sent)], &[20, 30]);
        check(&turns, &[(0, "1", Sent), (10, "2", Sent), (20, "1", Sent), (30, "2", Sent)], &[]);
        check(&turns, &[(0, "1", Sent), (10, "2", Sent), (20, "1", Failed), (30, "2", Sent)], &[20]);
    }

    #[test]
    fn only_what_may_have_been_told_between_excuses_telling_again() {
        let again = [(0, "1"), (300, "1")];
        let with = |seconds, state| [(0, "1", Sent), (seconds, "2", state), (300, "1", Sent)];
        check(&again, &with(150, Unknown), &[]);
        check(&again, &with(150, Intended), &[]);
        check(&again, &with(150, Twice), &[]);
        check(&again, &with(150, Sent), &[300]);
        check(&again, &with(150, Failed), &[300]);
        check(&again, &with(150, Superseded), &[300]);
        check(&again, &with(-150, Unknown), &[300]);
        check(&again, &with(450, Unknown), &[300]);
    }

    #[test]
    fn digits_change_only_where_somebody_else_has_them() {
        let told: Vec<Told> = ["482913", "482913", "773355"].map(|pin| told("1", pin)).to_vec();
        let none = BTreeSet::new();
        assert_eq!(changed(&told[..2], &none), Vec::<&str>::new());
        assert_eq!(changed(&told, &none), ["door-12", "door-3"]);
        assert_eq!(changed(&told, &BTreeSet::from(["31482913".to_owned()])), Vec::<&str>::new());
        assert_eq!(changed(&told, &BTreeSet::from(["31999999".to_owned()])), ["door-12", "door-3"]);
    }
}
