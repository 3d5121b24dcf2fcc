//! Keypads that hold only so many codes, or take them only shortly before they open: who has a place, who waits, who
//! makes room.
//!
//! Guests in the house come first, then the soonest arrivals; backup codes come last. Whoever is asked to make room
//! keeps the PIN, and gets the place back before arrival.

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{CodeRecord, CodeState};
use booking_core::{DoorId, DoorRules, ListedCode, Listing, VendorCodeId};
use chrono::{DateTime, Duration, Utc};

use super::observe::SECOND_LOOK;
use super::{Content, Gate, Planner, Rival, Step, When};
use crate::tenant::Place;

/// How often a code that waits for a place looks again by itself.
const LOOK_AGAIN: Duration = Duration::hours(1);

/// Why a code is held that has no place, and from when on it could be written: nobody knows.
pub(super) const FULL: (&str, Option<DateTime<Utc>>) = ("the keypad is full", None);

/// The places of a keypad.
struct Room<'a> {
    /// Wanted codes, those with the better right first.
    order: Vec<&'a Rival>,
    /// How many of them can have a place.
    places: usize,
    /// How many more fit now.
    free: usize,
}

impl Room<'_> {
    /// Whether the code that opens then, of this stay, is among those that can have a place.
    fn has_right(&self, code: &CodeRecord) -> bool {
        self.order.iter().take(self.places).any(|rival| is(rival, code))
    }
}

fn is(rival: &Rival, code: &CodeRecord) -> bool {
    rival.stay == code.stay && rival.vendor_id == code.vendor_id
}

impl Planner<'_> {
    fn room<'r>(&self, place: &Place, rules: &DoorRules, rivals: &'r [Rival]) -> Option<Room<'r>> {
        let capacity = rules.capacity?;
        let listed = self.s.views.get(&place.key).map(|view| view.codes()).unwrap_or_default();
        let is_known = |id: &VendorCodeId| rivals.iter().any(|rival| rival.vendor_id.as_ref() == Some(id));
        let is_it = |rival: &Rival, listed: &ListedCode| match &rival.vendor_id {
            Some(id) => listed.id == *id,
            // A list may show what its host does not know the id of yet: one code, and not two.
            None => rival.on_its_way && listed.note == rival.note && !is_known(&listed.id),
        };
        let is_ours = |listed: &&ListedCode| rivals.iter().any(|rival| is_it(rival, listed));
        let is_unseen = |rival: &&Rival| rival.is_there() && !listed.iter().any(|code| is_it(rival, code));
        let of_ours = listed.iter().filter(is_ours).count();
        let unseen = rivals.iter().filter(is_unseen).count();
        let mut order: Vec<&Rival> = rivals.iter().filter(|rival| rival.wanted).collect();
        // Who is in the house has come before all who are still to come.
        order.sort_by_key(|rival| {
            let last = rival.backup;
            #[cfg(staykey_planted)]
            let last = last || (planted(planted::IN_HOUSE_YIELDS) && rival.opens <= self.s.now);
            let place = (rival.vendor_id.is_none(), rival.vendor_id.clone());
            (last, rival.opens, rival.stay.clone(), place)
        });
        Some(Room {
            order,
            places: capacity.saturating_sub(listed.len() - of_ours),
            free: capacity.saturating_sub(listed.len() + unseen),
        })
    }

    /// All codes that need a place on a keypad: the stay's own as the last read has shown them.
    fn rivals(&self, place: &Place) -> Vec<Rival> {
        let known = self.s.rivals.get(&place.key).map(Vec::as_slice).unwrap_or_default();
        let others = known.iter().filter(|rival| rival.stay != self.s.booking.id).cloned();
        let here = |code: &&CodeRecord| code.key == place.key && code.state != CodeState::Removed;
        let own = |code| Rival { opens: self.needed_by(code), ..Rival::of(code) };
        others.chain(self.plan.codes.iter().filter(here).map(own)).collect()
    }

    /// When a code of the stay must be there: its stay may begin sooner by now than when it was written.
    fn needed_by(&self, code: &CodeRecord) -> DateTime<Utc> {
        let written = code.window.opens();
        let is_wanted = self.wanted_on(&code.door).is_some_and(|wanted| wanted.id == code.id);
        self.wished.opens.filter(|_| is_wanted).map_or(written, |opens| opens.min(written))
    }

    /// Whether a keypad does not take a code yet that opens then.
    fn is_too_early(&mut self, place: &Place, rules: &DoorRules, opens: DateTime<Utc>) -> bool {
        let ahead = rules.look_ahead.and_then(|ahead| Duration::from_std(ahead).ok());
        let Some(from) = ahead.map(|ahead| opens - ahead).filter(|from| *from > self.s.now) else {
            return false;
        };
        let why = "the keypad takes it only shortly before it opens";
        self.held.insert(place.door.clone(), (why, Some(from)));
        self.wake(from);
        true
    }

    /// Takes a code off whose stay was put off for longer than its keypad looks ahead: it comes back, with its digits,
    /// when the time is near.
    pub(super) fn comes_back_later(&mut self, code: &CodeRecord, content: &Content) -> bool {
        let place = self.place(code);
        let Some(rules) = self.s.tenant.rules_at(&place) else { return false };
        if !self.is_too_early(&place, &rules, content.window.opens()) {
            return false;
        }
        if self.may_delete() {
            self.note("code-yields", format!("until the keypad of door {} takes it again", place.door));
            self.step(Step::Delete { code: code.id.clone() }, When::Now);
        } else {
            self.note("would-delete", format!("a code on door {} opens before its stay", code.door));
        }
        true
    }

    /// Whether a code that is not on its keypad can be written now. `opens` is when it should open.
    pub(super) fn gate(&mut self, place: &Place, opens: DateTime<Utc>, code: Option<&CodeRecord>) -> Gate {
        let Some(rules) = self.s.tenant.rules_at(place) else { return Gate::Open };
        if self.is_too_early(place, &rules, opens) {
            return Gate::Closed;
        }
        if rules.listing == Listing::Nothing
            && let Some(earlier) = self.earlier_on(place, code)
        {
            // What is written there twice for one stay is one code.
            return Gate::InPlaceOf(earlier.id.clone());
        }
        let mut rivals = self.rivals(place);
        let new = code.is_none().then(|| Rival {
            stay: self.s.booking.id.clone(),
            opens,
            wanted: true,
            backup: self.s.booking.standing.is_some(),
            note: String::new(),
            vendor_id: None,
            on_its_way: false,
        });
        rivals.extend(new);
        let Some(room) = self.room(place, &rules, &rivals) else { return Gate::Open };
        let mine = |rival: &&&Rival| rival.stay == self.s.booking.id && !rival.is_there();
        let has_right = room.order.iter().take(room.places).any(|rival| mine(&rival));
        if has_right && room.free > 0 {
            return Gate::Open;
        }
        if let Some(earlier) = self.earlier_on(place, code) {
            return Gate::InPlaceOf(earlier.id.clone());
        }
        if has_right {
            let yielding = room.order.iter().skip(room.places).filter(|rival| rival.is_there());
            self.plan.nudge.extend(yielding.map(|rival| rival.stay.clone()));
        }
        self.held.insert(place.door.clone(), FULL);
        self.wake(self.s.now + LOOK_AGAIN);
        Gate::Closed
    }

    /// The stay's other code on this keypad, which a new one can take the place of.
    fn earlier_on(&self, place: &Place, code: Option<&CodeRecord>) -> Option<&CodeRecord> {
        self.plan.codes.iter().rfind(|earlier| {
            earlier.state == CodeState::Wanted
                && earlier.key == place.key
                && earlier.vendor_id.is_some()
                && code.is_none_or(|code| code.id != earlier.id)
        })
    }

    /// Whether the stay's other code, whose place a new one may have to take, must be looked for first.
    pub(super) fn looks_for_earlier(&mut self, door: &DoorId) -> bool {
        let Some(place) = self.s.tenant.place(door).filter(|place| !self.is_blind(place)) else {
            return false;
        };
        let limited = self.s.tenant.rules_at(&place).is_some_and(|rules| rules.capacity.is_some());
        let seen = |code: &CodeRecord| {
            let view = self.s.views.get(&place.key);
            view.zip(code.vendor_id.as_ref()).is_some_and(|(view, id)| view.code(id).is_some())
        };
        let earlier = self.earlier_on(&place, None).filter(|earlier| limited && !seen(earlier));
        let Some(earlier) = earlier.cloned() else { return false };
        self.held.insert(door.clone(), FULL);
        match earlier.missing_since {
            Some(since) => self.ask_for(&place, since + SECOND_LOOK),
            None => self.look_into(&earlier),
        }
        true
    }

    /// Whether a second code of the stay fits on the keypad.
    pub(super) fn has_room_beside(&self, place: &Place) -> bool {
        let Some(rules) = self.s.tenant.rules_at(place) else { return true };
        if rules.listing == Listing::Nothing {
            return false;
        }
        self.room(place, &rules, &self.rivals(place)).is_none_or(|room| room.free > 0)
    }

    /// Takes a code off for somebody with a better right to the place. Its PIN stays claimed.
    pub(super) fn yields(&mut self, code: &CodeRecord) -> bool {
        let place = self.place(code);
        let has_place = code.vendor_id.is_some();
        let Some(rules) = self.s.tenant.rules_at(&place).filter(|_| has_place) else {
            return false;
        };
        let rivals = self.rivals(&place);
        let Some(room) = self.room(&place, &rules, &rivals) else { return false };
        let in_house = self.needed_by(code) <= self.s.now && self.s.booking.standing.is_none();
        #[cfg(staykey_planted)]
        let in_house = in_house && !planted(planted::IN_HOUSE_YIELDS);
        // One of its own that waits, too, needs no place beside it.
        let waits = |rival: &&Rival| !rival.is_there() && rival.stay != self.s.booking.id;
        let needed = room.order.iter().take(room.places).any(waits);
        if in_house || room.free > 0 || !needed || room.has_right(code) {
            return false;
        }
        if !self.may_delete() {
            self.note("would-delete", format!("a sooner arrival waits for a place on door {}", place.door));
            return false;
        }
        self.held.insert(place.door.clone(), FULL);
        self.behind.insert(place.door.clone());
        match self.waits(code) {
            Some(at) => self.wake(at),
            None if self.readable(&place) => {
                self.note("code-yields", format!("for a sooner arrival on door {}", place.door));
                self.step(Step::Delete { code: code.id.clone() }, When::Now);
            }
            None => {}
        }
        true
    }

    /// Whoever waits for a place hears that there is one.
    pub(super) fn tell_of_room(&mut self) {
        let freed =
            |before: &CodeRecord, now: &CodeRecord| before.vendor_id.is_some() && now.vendor_id.is_none();
        let left: Vec<_> = self
            .plan
            .codes
            .iter()
            .filter(|now| {
                let before = self.s.codes.iter().find(|before| before.id == now.id);
                let gone = now.state == CodeState::Removed;
                before.is_some_and(|before| freed(before, now) || (gone && before.state != now.state))
            })
            .map(|code| code.key.clone())
            .collect();
        let waiting = left.iter().filter_map(|key| self.s.rivals.get(key)).flatten();
        let waiting = waiting.filter(|rival| rival.wanted && !rival.is_there());
        let stays: Vec<_> = waiting.map(|rival| rival.stay.clone()).collect();
        if stays.contains(&self.s.booking.id) {
            // The place that this stay has left is counted from the next look on.
            self.wake(self.s.now);
        }
        self.plan.nudge.extend(stays.into_iter().filter(|stay| *stay != self.s.booking.id));
    }
}
