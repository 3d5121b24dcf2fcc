//! Locks and the codes on their keypads.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::error::VendorError;
use crate::id::{DoorKey, VendorCodeId};
use crate::secret::{Pin, sealed_pin};
use crate::window::Window;
use crate::world::Call;

/// How far we know that a code revision works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// We want it; nothing has said yes.
    Requested,
    /// The vendor took the write.
    Accepted,
    /// A read lists it as we want it.
    Listed,
    /// The device itself has acknowledged it.
    Confirmed,
    /// Somebody opened the door with it.
    Used,
}

/// How a provider reads the times of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeSemantics {
    /// Wall time at the lock: windows go through [`Window::wall`].
    LocalWallTime,
    /// Instants.
    Instants,
    /// Whole local days only: a code works from the first midnight at or before its start to the first at or after
    /// its end.
    WholeLocalDays,
}

/// What a read of a door shows of its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listing {
    /// Codes with their digits.
    Codes,
    /// Codes, their digits hidden.
    Masked,
    /// Nothing: the keypad can only be written. Then [`LockProvider::codes`] is never asked, an accepted write is all
    /// the proof there is, and [`LockProvider::create`] with the same note must leave one code, however often it is
    /// sent.
    Nothing,
}

/// What a door's keypad and vendor allow, as data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DoorRules {
    /// How many digits the vendor stores, without the prefix.
    pub stored_len: u8,
    /// Digits typed before the stored ones, told to the guest and not sent to the vendor.
    pub prefix: Option<Pin>,
    /// Which digits may occur in what the vendor stores.
    pub digits: &'static str,
    /// What the stored digits may not start with.
    pub forbidden_starts: &'static [&'static str],
    /// The longest name, in characters.
    pub name_len: usize,
    /// How many codes the keypad holds, where known.
    pub capacity: Option<usize>,
    /// How times are read.
    pub time: TimeSemantics,
    /// Whether a start in the past is taken.
    pub past_start: bool,
    /// Whether two codes with the same digits may be on the keypad at once.
    pub same_pin_twice: bool,
    /// The highest proof that the provider can ever give.
    pub highest_proof: Proof,
    /// How long after an accepted write a read or the door may still show the old state.
    pub settle: Duration,
    /// What a read shows.
    pub listing: Listing,
    /// Whether two codes on the keypad may not have the same name.
    pub unique_names: bool,
    /// How many numbers above and below a code's digits the keypad reserves (a silent alarm at code + 1 takes one);
    /// nobody else gets those.
    pub neighbours: u8,
    /// How long before it opens a code can be written at the earliest; `None` takes any.
    pub look_ahead: Option<Duration>,
}

impl DoorRules {
    /// Plain rules: digits of the given length, wall time, proof by listing, no settle time.
    #[must_use]
    pub const fn new(stored_len: u8) -> Self {
        Self {
            stored_len,
            prefix: None,
            digits: "0123456789",
            forbidden_starts: &[],
            name_len: 100,
            capacity: None,
            time: TimeSemantics::LocalWallTime,
            past_start: true,
            same_pin_twice: true,
            highest_proof: Proof::Listed,
            settle: Duration::ZERO,
            listing: Listing::Codes,
            unique_names: false,
            neighbours: 0,
            look_ahead: None,
        }
    }

    /// Whether a vendor would store these digits.
    #[must_use]
    pub fn allow(&self, stored: &Pin) -> bool {
        let digits = stored.expose();
        let typed_len = self.prefix.as_ref().map_or(0, Pin::len) + digits.len();
        // Digits that do not fit behind the prefix could not be told whole.
        digits.len() == usize::from(self.stored_len)
            && typed_len <= 16
            && digits.chars().all(|digit| self.digits.contains(digit))
            && !self.forbidden_starts.iter().any(|start| digits.starts_with(start))
    }

    /// The digits that the keypad reserves beside these, both ways and around the end (9999 is followed by 0000).
    #[must_use]
    pub fn reserved(&self, stored: &Pin) -> Vec<Pin> {
        let length = stored.expose().len();
        let Ok(number) = stored.expose().parse::<u64>() else { return Vec::new() };
        // At most 16 digits.
        let all = 10_u64.saturating_pow(u32::try_from(length).unwrap_or(16));
        let beside = (1..=u64::from(self.neighbours)).flat_map(|by| [number + by, number + all - by % all]);
        beside.filter_map(|other| Pin::parse(&format!("{:0length$}", other % all)).ok()).collect()
    }

    /// The window that a code for this stay gets on the door.
    #[must_use]
    pub fn window(&self, window: &Window) -> Window {
        match self.time {
            TimeSemantics::WholeLocalDays => window.whole_days(),
            TimeSemantics::LocalWallTime | TimeSemantics::Instants => window.clone(),
        }
    }

    /// What the guest presses for these stored digits.
    #[must_use]
    pub fn typed(&self, stored: &Pin) -> Pin {
        let prefix = self.prefix.as_ref().map_or("", Pin::expose);
        Pin::parse(&format!("{prefix}{}", stored.expose())).unwrap_or_else(|_| stored.clone())
    }
}

/// A door as the configuration names it to its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The keypad.
    pub key: DoorKey,
    /// The zone of the unit behind it, to be compared with the lock's own.
    pub zone: Tz,
    /// Digits typed before the stored ones.
    pub pin_prefix: Option<Pin>,
    /// How many digits the vendor stores; `None` takes the provider's usual number.
    pub pin_length: Option<u8>,
}

/// A keypad that the account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundDoor {
    /// The keypad.
    pub key: DoorKey,
    /// Its name at the vendor.
    pub name: String,
    /// The lock's own zone, where it tells one.
    pub zone: Option<String>,
}

/// What we want on a keypad. `Debug` leaves the name out, which is the guest's.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeSpec {
    /// The digits that the vendor stores.
    pub stored: Pin,
    /// The name shown in the vendor's app.
    pub name: String,
    /// Free text on the code; our marker is in it.
    pub note: String,
    /// When it opens.
    pub window: Window,
}

impl fmt::Debug for CodeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeSpec")
            .field("note", &self.note)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// A code as a vendor lists it. `Debug` leaves out the name, and of the note all but its markers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCode {
    /// The vendor's id.
    pub id: VendorCodeId,
    /// The stored digits; `None` where the vendor masks them.
    #[serde(with = "sealed_pin", default)]
    pub stored: Option<Pin>,
    /// The name in the vendor's app.
    pub name: String,
    /// Free text, where markers are.
    pub note: String,
    /// Local start, where it has one.
    pub start: Option<NaiveDateTime>,
    /// Local end, where it has one.
    pub end: Option<NaiveDateTime>,
    /// Whether it is switched on.
    pub active: bool,
    /// What the listing itself proves: [`Proof::Listed`], or more where the vendor tells that the device has it.
    #[serde(default = "listed")]
    pub proof: Proof,
}

fn listed() -> Proof {
    Proof::Listed
}

impl fmt::Debug for ListedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedCode")
            .field("id", &self.id)
            .field("stored", &self.stored)
            .field("markers", &crate::Marker::find_all(&self.note))
            .field("start", &self.start)
            .field("end", &self.end)
            .field("active", &self.active)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

/// All codes on a keypad, as one read showed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorCodes {
    /// Whether the vendor showed everything. Only then does absence prove anything.
    pub complete: bool,
    /// The codes.
    pub codes: Vec<ListedCode>,
}

/// Why a lock did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The keypad has these digits already. Nothing was changed.
    #[error("the keypad has these digits already")]
    DuplicatePin,
    /// The keypad can hold no more codes. Nothing was changed.
    #[error("the keypad is full")]
    Full,
    /// There is no such code (any more). Nothing was changed.
    #[error("no such code")]
    NoSuchCode,
    /// Anything else.
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

/// A lock vendor's account.
///
/// # Contract
///
/// - [`codes`](Self::codes) is complete, incomplete or an error; what could not be read is never an empty list.
/// - [`create`](Self::create) is sent at most once per call. When it is not certain what became of a write, the
///   error's outcome is [`Outcome::Unknown`](crate::Outcome::Unknown), and a later `codes` shows it if it was applied.
/// - [`replace`](Self::replace) leaves the code with exactly the given fields, whatever it held before.
/// - [`delete`](Self::delete) of a code that is gone is [`LockError::NoSuchCode`] or success; only a complete
///   `codes` proves a removal.
/// - What is written is listed back: same digits (or masked), note and times; [`shows`](Self::shows) says whether.
///
/// `booking_core::conformance::lock_provider` checks it.
#[async_trait]
pub trait LockProvider: Send + Sync {
    /// The rules of a door.
    fn rules(&self, door: &Door) -> DoorRules;

    /// The keypads of the account.
    async fn doors(&self, call: Call) -> Result<Vec<FoundDoor>, LockError>;

    /// The codes on a door.
    async fn codes(&self, call: Call, door: &Door) -> Result<DoorCodes, LockError>;

    /// Puts a new code on a door and returns the vendor's id of it.
    async fn create(&self, call: Call, door: &Door, code: &CodeSpec) -> Result<VendorCodeId, LockError>;

    /// Gives a code new fields.
    async fn replace(
        &self,
        call: Call,
        door: &Door,
        id: &VendorCodeId,
        code: &CodeSpec,
    ) -> Result<(), LockError>;

    /// Takes a code off a door.
    async fn delete(&self, call: Call, door: &Door, id: &VendorCodeId) -> Result<(), LockError>;

    /// A cheap authenticated read that shows whether the account works.
    async fn check(&self, call: Call) -> Result<(), VendorError>;

    /// Whether a listed code is what `spec` asks for: digits (where not masked), note's markers, times, switched on.
    /// The name is no part of it: vendors cut and clean names, and no door opens by them.
    fn shows(&self, _door: &Door, listed: &ListedCode, spec: &CodeSpec) -> bool {
        let (start, end) = spec.window.wall();
        listed.active
            && listed.stored.as_ref().is_none_or(|stored| *stored == spec.stored)
            && listed.start == Some(start)
            && listed.end == Some(end)
            && crate::Marker::find_all(&listed.note) == crate::Marker::find_all(&spec.note)
    }
}

/// The first `characters` of a text.
#[must_use]
pub fn truncated(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_digits_go_around_the_end() {
        for (stored, neighbours, reserved) in [
            ("4821", 0, vec![]),
            ("4821", 1, vec!["4822", "4820"]),
            ("9999", 1, vec!["0000", "9998"]),
            ("0000", 2, vec!["0001", "9999", "0002", "9998"]),
        ] {
            let rules = DoorRules { neighbours, ..DoorRules::new(4) };
            let found = rules.reserved(&Pin::parse(stored).unwrap());
            assert_eq!(found.iter().map(Pin::expose).collect::<Vec<_>>(), reserved, "{stored}");
        }
    }

    #[test]
    fn digits_that_do_not_fit_behind_their_prefix_are_not_allowed() {
        for (prefix, stored, allowed) in
            [("31", "4821", true), ("1234567890123", "4821", false), ("31", "482", false)]
        {
            let mut rules = DoorRules::new(4);
            rules.prefix = Some(Pin::parse(prefix).unwrap());
            let stored = Pin::parse(stored).unwrap();
            assert_eq!(rules.allow(&stored), allowed, "{prefix}");
            if allowed {
                assert_eq!(rules.typed(&stored).expose(), format!("{prefix}{}", stored.expose()));
            }
        }
    }
}
