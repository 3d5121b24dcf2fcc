//! What happens to bookings, and what goes wrong meanwhile: data, drawn from a seed. The same seed gives the same,
//! whatever the hosts make of it.

use std::collections::BTreeMap;
use std::time::Duration;

use booking_sim::{FaultKind, Operation, Vendor};
use booking_world::Chance;

use crate::town::FLATS;

/// A flat's time is cut into places of so many days, so that no two stays overlap.
const PLACE: u64 = 6;
const PLACES: u64 = 30;
/// About so many stays are to come at once.
const CROWD: u64 = 60;

/// What happens to a booking. Days count from yesterday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Book {
        number: u64,
        flat: u64,
        arrival: u64,
        nights: u64,
    },
    /// Other nights from the same day on: an extension, or an earlier departure.
    Nights {
        number: u64,
        departure: u64,
    },
    /// Other days, in the same flat.
    Shift {
        number: u64,
        arrival: u64,
        departure: u64,
    },
    /// Another flat, which is free then.
    Move {
        number: u64,
        flat: u64,
        arrival: u64,
        departure: u64,
    },
    Cancel {
        number: u64,
    },
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// How long after the one before.
    pub(crate) after: Duration,
    pub(crate) deed: Deed,
    /// Which host hears of it; none where the webhook is lost on its way.
    pub(crate) heard_by: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Stay {
    flat: u64,
    arrival: u64,
    nights: u64,
}

impl Stay {
    fn place(&self) -> (u64, u64) {
        (self.flat, self.arrival / PLACE)
    }
}

/// What happens to bookings, without end.
pub(crate) struct Stream {
    chance: Chance,
    hosts: u64,
    stays: BTreeMap<u64, Stay>,
    next: u64,
}

impl Stream {
    pub(crate) fn new(seed: u64, hosts: u64) -> Self {
        Self { chance: Chance::new(seed), hosts, stays: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn event(&mut self) -> Event {
        let after = Duration::from_millis(self.chance.below(400));
        let deed = self.deed();
        let heard = !self.chance.percent(5);
        let host = self.chance.below(self.hosts);
        Event { after, deed, heard_by: heard.then_some(host) }
    }

    fn deed(&mut self) -> Deed {
        let crowded = self.stays.len() as u64 >= CROWD;
        let kinds = [
            (if crowded { 10 } else { 40 }, 0),
            (20, 1),
            (10, 2),
            (12, 3),
            (if crowded { 30 } else { 12 }, 4),
        ];
        let kind = self.chance.weighed(&kinds).unwrap_or(0);
        let numbers: Vec<u64> = self.stays.keys().copied().collect();
        let Some(number) = self.chance.pick(&numbers).copied().filter(|_| kind > 0) else {
            return self.book();
        };
        let Some(mut stay) = self.stays.get(&number).copied() else { return self.book() };
        let deed = match kind {
            1 => {
                // Another number than now, so that there is something to tell.
                stay.nights = 1 + (stay.nights + self.chance.below(3)) % 4;
                Deed::Nights { number, departure: stay.arrival + stay.nights }
            }
            2 => {
                (stay.arrival, stay.nights) = self.days(stay.arrival / PLACE);
                Deed::Shift { number, arrival: stay.arrival, departure: stay.arrival + stay.nights }
            }
            3 => {
                let Some((flat, place)) = self.free() else { return self.book() };
                stay.flat = flat;
                (stay.arrival, stay.nights) = self.days(place);
                Deed::Move { number, flat, arrival: stay.arrival, departure: stay.arrival + stay.nights }
            }
            _ => {
                self.stays.remove(&number);
                return Deed::Cancel { number };
            }
        };
        self.stays.insert(number, stay);
        deed
    }

    fn book(&mut self) -> Deed {
        let number = self.next;
        self.next += 1;
        let (flat, place) = self.free().unwrap_or((0, 0));
        let (arrival, nights) = self.days(place);
        self.stays.insert(number, Stay { flat, arrival, nights });
        Deed::Book { number, flat, arrival, nights }
    }

    /// Days within a place.
    fn days(&mut self, place: u64) -> (u64, u64) {
        (place * PLACE + self.chance.below(2), 1 + self.chance.below(4))
    }

    /// A flat and a place there that are free; those that come first are taken rather, so that guests are in house.
    fn free(&mut self) -> Option<(u64, u64)> {
        let taken: Vec<(u64, u64)> = self.stays.values().map(Stay::place).collect();
        let near = PLACES / 6 + self.chance.below(PLACES);
        let all = (0..FLATS).flat_map(|flat| (0..PLACES).map(move |place| (flat, place)));
        let free: Vec<_> = all.filter(|(_, place)| *place <= near).filter(|at| !taken.contains(at)).collect();
        self.chance.pick(&free).copied()
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    /// A host is killed and started again; in its start once more, after so long.
    Kill { host: u64, again: Option<Duration> },
    /// All hosts are killed at once and started so many minutes later.
    PowerCut { minutes: i64 },
    /// A host is told to stop, and started again.
    Drain { host: u64 },
    /// The clock of a host is so many seconds off from now on.
    StepClock { host: u64, seconds: i64 },
    /// A vendor fails so often in this way.
    Fault { vendor: Vendor, operation: Operation, kind: FaultKind, times: u32 },
    /// PostgreSQL is broken off and started again.
    RestartServer,
    /// Every connection to PostgreSQL is cut.
    CutConnections,
    /// A host is killed, runs with no more than so many blocks of disk for so long, and is killed and started again.
    DiskFull { host: u64, blocks: u64, time: Duration },
}

impl Trouble {
    /// How many processes it kills.
    pub(crate) fn kills(&self, hosts: u64) -> u64 {
        match self {
            Self::Kill { again: Some(_), .. } | Self::DiskFull { .. } => 2,
            Self::Kill { .. } => 1,
            Self::PowerCut { .. } => hosts,
            _ => 0,
        }
    }
}

/// What goes wrong, without end.
pub(crate) struct Troubles {
    chance: Chance,
    hosts: u64,
    shared: bool,
}

impl Troubles {
    /// `shared` is whether the store is a server of its own.
    pub(crate) fn new(seed: u64, hosts: u64, shared: bool) -> Self {
        // Another stream of numbers than that of the bookings.
        Self { chance: Chance::new(!seed), hosts, shared }
    }

    /// The next trouble, and how long after the one before.
    pub(crate) fn trouble(&mut self) -> (Duration, Trouble) {
        (Duration::from_millis(self.chance.below(700)), self.draw())
    }

    fn draw(&mut self) -> Trouble {
        let kinds = [
            (30, 0),
            (8, 1),
            (5, 2),
            (6, 3),
            (40, 4),
            (if self.shared { 5 } else { 0 }, 5),
            (if self.shared { 6 } else { 0 }, 6),
        ];
        let disk = [(if self.shared { 0 } else { 6 }, 7)];
        let kinds: Vec<_> = kinds.into_iter().chain(disk).collect();
        let host = self.chance.below(self.hosts);
        match self.chance.weighed(&kinds).unwrap_or(0) {
            0 => {
                let again = self.chance.percent(25).then(|| Duration::from_millis(self.chance.below(300)));
                Trouble::Kill { host, again }
            }
            1 => Trouble::PowerCut { minutes: self.chance.between(0, 12) },
            2 => Trouble::Drain { host },
            3 => Trouble::StepClock { host, seconds: self.chance.between(-30, 30) },
            5 => Trouble::RestartServer,
            6 => Trouble::CutConnections,
            7 => Trouble::DiskFull {
                host,
                blocks: 64 + self.chance.below(1024),
                time: Duration::from_millis(500 + self.chance.below(1500)),
            },
            _ => self.fault(),
        }
    }

    fn fault(&mut self) -> Trouble {
        let faults = faults();
        let (vendor, operation, kind) = faults[self.chance.index(faults.len())].clone();
        Trouble::Fault {
            vendor,
            operation,
            kind,
            times: 1 + u32::try_from(self.chance.below(3)).unwrap_or(0),
        }
    }
}

/// The faults that are drawn from: whose call, which, and how it fails.
fn faults() -> Vec<(Vendor, Operation, FaultKind)> {
    use Operation as On;
    use Vendor::{SerwerSms, Smoobu, TheKeys};
    // Longer than any call may take: it had its effect, and nobody waited for the answer.
    let late = || FaultKind::Delay(Duration::from_secs(3));
    let status = |status| FaultKind::Status(status, "no".to_owned());
    let limit = || FaultKind::RateLimit { seconds: 2, absolute: false };
    let writes = |vendor, operation| {
        let kinds = [
            FaultKind::DropBefore,
            FaultKind::DropAfter,
            FaultKind::ErrorAfterApply,
            status(503),
            limit(),
            late(),
        ];
        kinds.map(|kind| (vendor, operation, kind))
    };
    let lists = |vendor, operation| {
        let kinds = [
            FaultKind::TruncatedList,
            FaultKind::EmptyList,
            FaultKind::StaleRead,
            FaultKind::Garbage,
            FaultKind::NullData,
            status(502),
        ];
        kinds.map(|kind| (vendor, operation, kind))
    };
    let reads = |vendor, operation| {
        [FaultKind::DropBefore, FaultKind::Html200, status(500), limit(), late()]
            .map(|kind| (vendor, operation, kind))
    };
    let mut faults = Vec::new();
    for operation in [On::CreateCode, On::UpdateCode, On::DeleteCode] {
        faults.extend(writes(TheKeys, operation));
    }
    faults.extend(writes(SerwerSms, On::SendSms));
    faults.extend(writes(Smoobu, On::SendToGuest));
    faults.extend(lists(TheKeys, On::ListCodes));
    faults.extend(lists(Smoobu, On::ListReservations));
    for (vendor, operation) in [
        (TheKeys, On::ListCodes),
        (Smoobu, On::ListReservations),
        (Smoobu, On::GetReservation),
        (Smoobu, On::ListMessages),
        (SerwerSms, On::Reports),
    ] {
        faults.extend(reads(vendor, operation));
    }
    faults.push((TheKeys, On::ListCodes, FaultKind::TokenDies));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let drawn = |seed| {
            let (mut stream, mut troubles) = (Stream::new(seed, 3), Troubles::new(seed, 3, true));
            let events: Vec<Event> = (0..500).map(|_| stream.event()).collect();
            let troubles: Vec<_> = (0..500).map(|_| troubles.trouble()).collect();
            (events, troubles)
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn stays_of_a_flat_do_not_overlap_and_everything_happens() {
        let mut stream = Stream::new(1, 1);
        let mut kinds = [0_u32; 5];
        for _ in 0..3_000 {
            let event = stream.event();
            kinds[match event.deed {
                Deed::Book { .. } => 0,
                Deed::Nights { .. } => 1,
                Deed::Shift { .. } => 2,
                Deed::Move { .. } => 3,
                Deed::Cancel { .. } => 4,
            }] += 1;
            let mut places: Vec<_> = stream.stays.values().map(Stay::place).collect();
            let count = places.len();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), count);
            assert!(stream.stays.values().all(|stay| stay.arrival % PLACE + stay.nights <= PLACE));
        }
        assert!(kinds.iter().all(|count| *count > 100), "{kinds:?}");
    }
}
