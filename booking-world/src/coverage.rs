//! What was reached of all that can happen.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::Trouble;

/// An await of a host: what it asks of its store or a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Point {
    /// The store takes a webhook.
    Accept,
    /// The store takes intents of writes or messages, or what became of them.
    Record,
    /// The store ends a lease.
    Finish,
    /// The store gives leases.
    Claim,
    /// The store prolongs a lease.
    Extend,
    /// The store is read.
    Load,
    /// A source is asked for one booking.
    Ask,
    /// A source is read.
    Page,
    /// Codes are written into a booking.
    WriteBack,
    /// A door is read.
    Codes,
    /// A code is made.
    Create,
    /// A code is changed.
    Replace,
    /// A code is taken off.
    Delete,
    /// Somebody is told.
    Send,
    /// A message is looked for.
    Find,
    /// Anything else: logins, health checks.
    Other,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Accept,
        Self::Record,
        Self::Finish,
        Self::Claim,
        Self::Extend,
        Self::Load,
        Self::Ask,
        Self::Page,
        Self::WriteBack,
        Self::Codes,
        Self::Create,
        Self::Replace,
        Self::Delete,
        Self::Send,
        Self::Find,
        Self::Other,
    ];

    /// Whether it may change something.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::Accept
                | Self::Record
                | Self::Finish
                | Self::Claim
                | Self::Extend
                | Self::WriteBack
                | Self::Create
                | Self::Replace
                | Self::Delete
                | Self::Send
        )
    }
}

/// Which side of the effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// Before it.
    Before,
    /// After it.
    After,
}

/// A step of a plan, as the world sees it done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// A webhook was acknowledged.
    Accepted,
    /// A door was read.
    Read,
    /// A source was asked.
    Asked,
    /// A source was read.
    Paged,
    /// A code was made.
    Created,
    /// A code was changed.
    Replaced,
    /// A code was taken off.
    Deleted,
    /// A code was taken over from the door.
    Adopted,
    /// A removal was proven.
    Proven,
    /// A guest heard something.
    Told,
    /// A message was looked for.
    Found,
    /// Staff was alerted.
    Alerted,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Accepted,
        Self::Read,
        Self::Asked,
        Self::Paged,
        Self::Created,
        Self::Replaced,
        Self::Deleted,
        Self::Adopted,
        Self::Proven,
        Self::Told,
        Self::Found,
        Self::Alerted,
    ];
}

const TROUBLES: usize = Trouble::ALL.len();
const POINTS: usize = Point::ALL.len();
const STEPS: usize = Step::ALL.len();

/// Counts of what was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    faults: [[u64; POINTS]; TROUBLES],
    crashes: [[u64; 2]; POINTS],
    steps: [u64; STEPS],
    pairs: [[u64; STEPS]; TROUBLES],
}

/// Something that can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A fault on a call.
    Fault(Trouble, Point),
    /// A death at an await.
    Crash(Point, Side),
    /// A step.
    Step(Step),
    /// A step taken while a fault was in force somewhere.
    Pair(Trouble, Step),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(trouble, point) => write!(f, "fault {trouble:?} on {point:?}"),
            Self::Crash(point, side) => write!(f, "crash {side:?} {point:?}"),
            Self::Step(step) => write!(f, "step {step:?}"),
            Self::Pair(trouble, step) => write!(f, "step {step:?} under {trouble:?}"),
        }
    }
}

impl Coverage {
    pub(crate) fn fault(&mut self, trouble: Trouble, point: Point) {
        self.faults[trouble as usize][point as usize] += 1;
    }

    pub(crate) fn crash(&mut self, point: Point, side: Side) {
        self.crashes[point as usize][side as usize] += 1;
    }

    pub(crate) fn step(&mut self, step: Step, under: impl Iterator<Item = Trouble>) {
        self.steps[step as usize] += 1;
        for trouble in under {
            self.pairs[trouble as usize][step as usize] += 1;
        }
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        let flat = |of: &mut Self, other: &Self, each: fn(&mut u64, u64)| {
            of.counts_mut().zip(other.counts()).for_each(|(mine, (_, theirs))| each(mine, theirs));
        };
        flat(self, other, |mine, theirs| *mine += theirs);
    }

    fn counts_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        let Self { faults, crashes, steps, pairs } = self;
        faults
            .iter_mut()
            .flatten()
            .chain(crashes.iter_mut().flatten())
            .chain(steps.iter_mut())
            .chain(pairs.iter_mut().flatten())
    }

    /// Everything that can be reached, with how often it was.
    pub fn counts(&self) -> impl Iterator<Item = (Place, u64)> {
        let faults = Trouble::ALL.into_iter().flat_map(move |trouble| {
            Point::ALL.into_iter().map(move |point| {
                (Place::Fault(trouble, point), self.faults[trouble as usize][point as usize])
            })
        });
        let crashes = Point::ALL.into_iter().flat_map(move |point| {
            [Side::Before, Side::After]
                .into_iter()
                .map(move |side| (Place::Crash(point, side), self.crashes[point as usize][side as usize]))
        });
        let steps = Step::ALL.into_iter().map(move |step| (Place::Step(step), self.steps[step as usize]));
        let pairs = Trouble::ALL.into_iter().flat_map(move |trouble| {
            Step::ALL
                .into_iter()
                .map(move |step| (Place::Pair(trouble, step), self.pairs[trouble as usize][step as usize]))
        });
        faults.chain(crashes).chain(steps).chain(pairs)
    }

    /// What was never reached although it can be.
    #[must_use]
    pub fn missing(&self) -> Vec<Place> {
        self.counts()
            .filter(|(place, count)| *count == 0 && unreachable(*place).is_none())
            .map(|(place, _)| place)
            .collect()
    }
}

/// Why a place cannot be reached, where it cannot.
#[must_use]
pub fn unreachable(place: Place) -> Option<&'static str> {
    match place {
        Place::Fault(trouble, point) => {
            let lists = matches!(point, Point::Codes | Point::Page);
            match trouble {
                _ if point == Point::Other => Some("logins belong to the simulators' clients"),
                _ if point <= Point::Load && !STORE_TROUBLES.contains(&trouble) => {
                    Some("a store fails or is late; it lists nothing and knows no credentials")
                }
                Trouble::Stale | Trouble::EmptyList | Trouble::TruncatedList if !lists => {
                    Some("only lists are stale, empty or cut")
                }
                _ => None,
            }
        }
        Place::Crash(Point::Other, _) => Some("logins belong to the simulators' clients"),
        _ => None,
    }
}

/// What may befall a store.
pub(crate) const STORE_TROUBLES: [Trouble; 2] = [Trouble::TimeoutBefore, Trouble::TimeoutAfter];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_reached_is_named() {
        let mut coverage = Coverage::default();
        let all = coverage.missing().len();
        coverage.crash(Point::Create, Side::After);
        coverage.step(Step::Told, [Trouble::Slow].into_iter());
        assert_eq!(coverage.missing().len(), all - 3);
        assert!(!coverage.missing().contains(&Place::Crash(Point::Create, Side::After)));
        let mut twice = coverage.clone();
        twice.add(&coverage);
        assert!(twice.counts().any(|(place, count)| place == Place::Step(Step::Told) && count == 2));
    }
}
