//! The way from the cloud to the door.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::model::{Offline, Share};
use crate::web::later;

/// A change under way: the new share, or nothing where it was removed.
#[derive(Clone, Debug)]
struct Change {
    share: u64,
    to: Option<Share>,
    /// When it gets there if the lock hears it.
    due: DateTime<Utc>,
}

/// What the keypads of one lock know.
#[derive(Clone, Debug, Default)]
pub(super) struct Door {
    known: BTreeMap<u64, Share>,
    under_way: Vec<Change>,
    offline: Vec<Offline>,
}

impl Door {
    pub(super) fn send(
        &mut self,
        now: DateTime<Utc>,
        delay: std::time::Duration,
        share: u64,
        to: Option<Share>,
    ) {
        self.settle(now);
        self.under_way.push(Change { share, to, due: later(now, delay) });
    }

    /// The lock hears nothing from now on until then. What arrived before stays arrived.
    pub(super) fn cut_off(&mut self, now: DateTime<Utc>, until: DateTime<Utc>) {
        self.settle(now);
        self.offline.clear();
        if now < until {
            self.offline.push(Offline { from: now, until });
        }
    }

    /// When a change arrives: not while the lock is cut off, and never before one that was sent earlier.
    fn arrivals(&self) -> impl Iterator<Item = (DateTime<Utc>, &Change)> {
        let mut last = DateTime::<Utc>::MIN_UTC;
        self.under_way.iter().map(move |change| {
            let mut at = change.due.max(last);
            for cut in &self.offline {
                if cut.from <= at && at < cut.until {
                    at = cut.until;
                }
            }
            last = at;
            (at, change)
        })
    }

    fn settle(&mut self, now: DateTime<Utc>) {
        let arrived = self.arrivals().take_while(|(at, _)| *at <= now).count();
        for change in self.under_way.drain(..arrived) {
            match change.to {
                Some(share) => self.known.insert(change.share, share),
                None => self.known.remove(&change.share),
            };
        }
    }

    /// A code is put in at the door itself.
    pub(super) fn plant(&mut self, now: DateTime<Utc>, share: Share) {
        self.settle(now);
        self.known.insert(share.id, share);
    }

    /// The door itself forgets a code, whatever the cloud says.
    pub(super) fn forget(&mut self, now: DateTime<Utc>, share: u64) -> bool {
        self.settle(now);
        self.known.remove(&share).is_some()
    }

    /// The codes that the door knows at this time.
    pub(super) fn codes(&self, now: DateTime<Utc>) -> BTreeMap<u64, &Share> {
        let mut codes: BTreeMap<u64, &Share> = self.known.iter().map(|(id, share)| (*id, share)).collect();
        for (_, change) in self.arrivals().take_while(|(at, _)| *at <= now) {
            match &change.to {
                Some(share) => codes.insert(change.share, share),
                None => codes.remove(&change.share),
            };
        }
        codes
    }
}
