//! Bugs planted on purpose, to see that the tests catch them.
//!
//! Compiled only with `--cfg staykey_planted`, which `cargo xtask mutants` sets and nothing else. At most one bug is
//! alive at a time.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A classic bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bug {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
}

macro_rules! bugs {
    ($($constant:ident $name:literal $what:literal,)*) => {
        $(#[doc = $what] pub const $constant: Bug = Bug { name: $name, what: $what };)*
        /// Every bug.
        pub const ALL: &[Bug] = &[$($constant),*];
    };
}

bugs! {
    READ_FAILURE_IS_EMPTY "read-failure-is-empty" "A door that cannot be read counts as empty.",
    PARTIAL_IS_COMPLETE "partial-is-complete" "A list that shows a part counts as complete.",
    SUBSTRING_MARKER "substring-marker" "A marker is looked for as a piece of text.",
    FIRST_OF_TWO_MARKERS "first-of-two-markers" "A code with two markers belongs to the first.",
    DELETE_BEFORE_CREATE "delete-before-create" "The old code goes before the new one is proven and told.",
    RETRY_WITHOUT_LOOKING "retry-without-looking" "A write of unknown outcome is sent again at once.",
    REVISION_IGNORED "revision-ignored" "Whatever arrives last wins, however old it is.",
    WINDOW_IN_UTC "window-in-utc" "Check-in and check-out are read as UTC.",
    WRONG_SIDE_OF_DST "wrong-side-of-dst" "Of a repeated hour the wrong reading is taken.",
    NO_FENCING_TOKEN "no-fencing-token" "Whoever lost the lease may still write.",
    MESSAGE_BEFORE_PROOF "message-before-proof" "The guest is told before the code is proven.",
    NO_QUARANTINE "no-quarantine" "Digits are free again at once.",
    NO_CLAIMS "no-claims" "Digits are not held against those of other stays.",
    LONGER_WITHOUT_CLAIM "longer-without-claim" "A longer window is not claimed.",
    BRAKE_OFF "brake-off" "The brake never stops anything.",
    DEDUP_BY_TIME "dedup-by-time" "A second delivery about a booking within a minute is dropped.",
    TOLD_AGAIN "told-again" "A message of unknown outcome is sent again without looking for it.",
    NEVER_TOLD_AGAIN "never-told-again" "A message that failed is given up.",
    NOT_FOUND_IS_CANCELLED "not-found-is-cancelled" "One \"not found\" counts as a cancellation.",
    SUSPECT_IS_GOOD "suspect-is-good" "An emptied feed is believed.",
    CANCELLED_IN_HOUSE_REMOVED "cancelled-in-house-removed" "A cancellation cuts off a guest in the house.",
    CANCELLATION_FORGOTTEN "cancellation-forgotten" "A cancelled stay keeps its code.",
    MINT_BLINDLY "mint-blindly" "A code is made on a door that could not be read.",
    NO_SETTLE_TIME "no-settle-time" "What is not seen at once is written again.",
    STALE_READ "stale-read" "A read from before the write is taken for one after it.",
    REMOVED_UNSEEN "removed-unseen" "An accepted delete counts as a removal.",
    MARKED_UNREAD "marked-unread" "What arrives during the work is marked as read.",
    MARK_LOST "mark-lost" "A mark during the lease is lost at its end.",
    BUFFERS_TWICE "buffers-twice" "Buffers are added twice.",
    A_DAY_LONGER "a-day-longer" "The day of departure is added to the stay.",
    NEW_PIN_FOR_NEW_DATES "new-pin-for-new-dates" "A stay whose dates change gets another PIN.",
    IN_HOUSE_YIELDS "in-house-yields" "A guest in the house makes room for a sooner arrival.",
    BACKUP_TWICE "backup-twice" "Two guests get one backup code.",
    SECOND_CODE "second-code" "What an earlier run wrote is not recognised, and written again.",
    NEIGHBOURS_IGNORED "neighbours-ignored" "Digits beside another's are given out.",
    DRIFT_IGNORED "drift-ignored" "A code that somebody took off stays off.",
    OBSERVE_WRITES "observe-writes" "A tenant that is only observed is written to.",
    ESCALATION_FORGOTTEN "escalation-forgotten" "Missing proof near arrival is told to nobody.",
    RETIRED_AT_ONCE "old-keypad-forgotten" "Codes on a keypad that a door had before are forgotten.",
}

/// 0 for none, else one more than the place in [`ALL`]; [`UNSET`] until somebody has planted one.
static ALIVE: AtomicUsize = AtomicUsize::new(UNSET);
const UNSET: usize = usize::MAX;
/// What names the bug for programs that plant none themselves: test binaries.
const ENVIRONMENT: &str = "STAYKEY_PLANTED";

/// Brings one bug to life, or none. `false` when there is no bug of that name.
pub fn plant(name: Option<&str>) -> bool {
    let place = match name {
        None => Some(0),
        Some(name) => ALL.iter().position(|bug| bug.name == name).map(|place| place + 1),
    };
    if let Some(place) = place {
        ALIVE.store(place, Ordering::SeqCst);
    }
    place.is_some()
}

/// Whether this bug is alive.
#[must_use]
pub fn planted(bug: Bug) -> bool {
    let mut alive = ALIVE.load(Ordering::Relaxed);
    if alive == UNSET {
        let name = std::env::var(ENVIRONMENT).ok().filter(|name| !name.is_empty());
        assert!(plant(name.as_deref()), "{ENVIRONMENT} names no bug");
        alive = ALIVE.load(Ordering::Relaxed);
    }
    alive.checked_sub(1).is_some_and(|place| ALL.get(place) == Some(&bug))
}
