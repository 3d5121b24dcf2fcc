//! Codes: which are missing, which differ, which are to go, and in which order.

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{CodeRecord, CodeState, WriteKind, WriteRecord, WriteState};
use booking_core::{CodeId, DoorId, DoorRules, ListedCode, Marker, Pin, Proof, Window, truncated};
use chrono::{DateTime, Duration, Utc};

use super::observe::SECOND_LOOK;
use super::room::FULL;
use super::{Content, Gate, NewCode, Planner, Step, When, last_write_was, write_end, write_is_open};
use crate::alert::AlertKind;
use crate::doors::DOUBT;
use crate::tenant::Mode;
use crate::wish::{Access, Wish};

/// What a guest without a name is called on a code.
const NAMELESS: &str = "Guest";
/// How long a door may be in trouble before a guest gets a backup code: less where the guest is near.
const LEAST_PATIENCE: Duration = Duration::minutes(1);
const MOST_PATIENCE: Duration = Duration::minutes(5);
/// How many failures in a row are no accident.
const REFUSALS: u32 = 3;
/// How long a keypad that takes codes and shows none is left alone before it gets another.
const PAUSE: Duration = Duration::hours(1);
/// How many characters of our id make a name the only one on its keypad.
const UNIQUE: usize = 6;

impl Planner<'_> {
    pub(super) fn codes(&mut self) {
        match self.wished.wish.clone() {
            Wish::Access(access) => self.codes_of(&access),
            Wish::Keep { until } if until.is_some_and(|until| until <= self.s.now) => self.all_unwanted(),
            Wish::Keep { .. } => {
                self.keep_what_waits();
                self.keep_as_is();
            }
            Wish::Nothing => self.all_unwanted(),
        }
        // A write whose result is open is looked into before anything else happens on its door.
        for code in self.plan.codes.clone() {
            if code.state != CodeState::Removed && write_is_open(&code) {
                self.look_into(&code);
            }
        }
    }

    fn all_unwanted(&mut self) {
        let mut codes = std::mem::take(&mut self.plan.codes);
        for code in codes.iter_mut().filter(|code| code.state == CodeState::Wanted) {
            match self.stays_on(code) {
                Some(until) => self.wake(until),
                None => code.state = CodeState::Unwanted,
            }
        }
        self.plan.codes = codes;
    }

    /// Until when a code stays that staff gave a later end, although the stay itself is over.
    fn stays_on(&self, code: &CodeRecord) -> Option<DateTime<Utc>> {
        let now = self.s.now;
        let booking = self.s.booking;
        let ended = booking.cancelled_at.is_some() || booking.gone_at.is_some();
        let (given, instead) = code.by_staff.as_ref().filter(|_| !ended)?;
        Some(given.closes()).filter(|until| *until > now && instead.closes() <= now)
    }

    /// A code that waits to be taken off stays where the stay is to keep what it has, unless another stands for it there.
    fn keep_what_waits(&mut self) {
        let unit = self.s.grant.and_then(|grant| self.s.tenant.unit(grant.unit.as_ref()?));
        for door in unit.into_iter().flat_map(|unit| &unit.doors) {
            if self.wanted_on(door).is_none() && !self.adopting(door) {
                self.revive(door);
            }
        }
    }

    /// Codes that stay as they are are put back as they were where they vanish.
    fn keep_as_is(&mut self) {
        for code in self.plan.codes.clone() {
            let here = |other: &&CodeRecord| other.state == CodeState::Wanted && other.key == code.key;
            let mut here = self.plan.codes.iter().filter(here);
            // Of several on one keypad the newest stands for it.
            let stands = here.clone().next_back().is_some_and(|last| last.id == code.id);
            // Where the list shows another one with the same digits, the door opens.
            let opens =
                here.any(|other| other.id != code.id && other.vendor_id.is_some() && other.pins == code.pins);
            // What waited to be taken off until now is held against what reads have shown by the next look.
            let wanted = stands && !opens && !write_is_open(&code) && !self.behind.contains(&code.door);
            match code.missing_since {
                Some(since) if wanted => self.ask_for(&self.place(&code), since + SECOND_LOOK),
                _ if wanted
                    && last_write_was(&code, WriteKind::Delete)
                    && code.write.as_ref().is_some_and(|write| write.state == WriteState::Applied) =>
                {
                    self.look_into(&code);
                }
                _ if wanted && code.proof < Proof::Listed => {
                    let content = Content {
                        window: code.window.clone(),
                        name: code.name.clone(),
                        note: code.note.clone(),
                    };
                    self.write_or_wait(&code, content);
                }
                _ => {}
            }
        }
    }

    fn codes_of(&mut self, access: &Access<'_>) {
        self.plan.access = Some((access.unit.id.clone(), access.window.clone()));
        let mut to_mint: Vec<DoorId> = Vec::new();
        for door in &access.unit.doors {
            if self.adopting(door) {
                continue;
            }
            self.ask_for_backup(access, door);
            match self.wanted_on(door).cloned() {
                None if self.revive(door) => {}
                None => {
                    let readable = self.s.tenant.place(door).is_some_and(|place| self.readable(&place));
                    #[cfg(staykey_planted)]
                    let readable = readable || planted(planted::MINT_BLINDLY);
                    if readable && !self.looks_for_earlier(door) {
                        to_mint.push(door.clone());
                    }
                }
                Some(code) => self.keep_right(access, &code),
            }
        }
        if !to_mint.is_empty() {
            self.mint(access, to_mint);
        }
    }

    /// A code that was about to go is what the stay should have again: a cancellation was taken back.
    fn revive(&mut self, door: &DoorId) -> bool {
        // A backup code that was to go may have the digits of one that a guest was given since.
        if self.s.booking.standing.is_some() {
            return false;
        }
        let reissued_at = self.s.reissued_at;
        let code = self.plan.codes.iter_mut().rfind(|code| {
            let stands = reissued_at.is_none_or(|at| code.created_at >= at);
            let here =
                code.door == *door && self.s.tenant.doors.get(door).is_some_and(|s| s.door.key == code.key);
            code.state == CodeState::Unwanted && here && stands && code.pins.is_some()
        });
        let Some(code) = code else { return false };
        code.state = CodeState::Wanted;
        if last_write_was(code, WriteKind::Delete) {
            // Whether it is still there only a read can tell; the next plan decides on that.
            code.proof = code.proof.min(Proof::Accepted);
        }
        let code = code.clone();
        // Nothing is proven of it before the next look holds it against what the stay should have now.
        self.behind.insert(door.clone());
        self.look_into(&code);
        // What is known already is folded into a wanted code by the next look.
        self.wake(self.s.now);
        true
    }

    fn adopting(&self, door: &DoorId) -> bool {
        self.plan
            .steps
            .iter()
            .any(|(step, _)| matches!(step, Step::Adopt { place, wanted: true, .. } if place.door == *door))
    }

    /// One PIN for all doors whose rules allow one and that had no different ones; otherwise one for each group of alike
    /// doors.
    fn mint(&mut self, access: &Access<'_>, doors: Vec<DoorId>) {
        let mut groups: Vec<Vec<DoorId>> = Vec::new();
        for door in doors {
            let Some(rules) = self.s.tenant.rules(&door) else { continue };
            let fits = |group: &&mut Vec<DoorId>| {
                let mut all: Vec<_> = group.iter().filter_map(|other| self.s.tenant.rules(other)).collect();
                all.push(rules.clone());
                let known = self.last_digits(&door);
                let differs = |other: &DoorId| {
                    known.zip(self.last_digits(other)).is_some_and(|(here, there)| here != there)
                };
                crate::pin::fit_together(&all) && !group.iter().any(differs)
            };
            match groups.iter_mut().find(fits) {
                Some(group) => group.push(door),
                None => groups.push(vec![door]),
            }
        }
        for doors in groups {
            let codes = doors.into_iter().filter_map(|door| self.new_code(access, door)).collect();
            let fresh = self.s.reissued_at.is_some_and(|at| !self.s.codes.iter().any(|c| c.created_at >= at));
            self.step(Step::Mint { codes, fresh }, When::Now);
        }
    }

    /// A guest who is about to arrive at a door that does not get the code gets one that is on it already.
    fn ask_for_backup(&mut self, access: &Access<'_>, door: &DoorId) {
        let spare = self.s.tenant.doors.get(door).is_some_and(|setup| setup.backup_codes > 0)
            && !self.s.without_backup.contains(door)
            && self.s.booking.standing.is_none();
        let code = self.wanted_on(door).cloned();
        if !spare || self.proven(door) || code.as_ref().is_some_and(|code| code.backup) {
            return;
        }
        let now = self.s.now;
        let Some(needed) = self.needed_from(access, code.as_ref()) else { return };
        let at = needed - self.wished.policy.backup_before;
        let patience = ((needed - now) / 8).clamp(LEAST_PATIENCE, MOST_PATIENCE);
        match self.stuck_since(door, code.as_ref()) {
            _ if at > now => self.wake(at),
            Some(since) if since + patience <= now => {
                if self.looks_first(door) {
                    return;
                }
                let (door, window) = (door.clone(), access.window.clone());
                let proof = self.required(&door);
                self.step(Step::Issue { door, window, proof }, When::Now);
            }
            Some(since) => self.wake(since + patience),
            None => {}
        }
    }

    /// Whether a keypad that can be read is read before one of its backup codes is handed out.
    fn looks_first(&mut self, door: &DoorId) -> bool {
        let Some(place) = self.s.tenant.place(door).filter(|place| !self.is_blind(place)) else {
            return false;
        };
        let oldest = self.s.now - LEAST_PATIENCE;
        let outdated = self.s.views.get(&place.key).is_none_or(|view| {
            let must_wait = view.retry_at.is_some_and(|at| at > self.s.now);
            view.failing.is_none() && !must_wait && view.observed_at.is_none_or(|at| at < oldest)
        });
        if outdated {
            self.ask_for(&place, oldest);
        }
        outdated
    }

    /// From when on the guest needs another code than the one on the door; `None` for never. While a change of times
    /// does not get through, what the guest was told before works on.
    fn needed_from(&self, access: &Access<'_>, code: Option<&CodeRecord>) -> Option<DateTime<Utc>> {
        let changing = |code: &&CodeRecord| {
            let failed = code.write.as_ref().is_some_and(|write| write.error.is_some());
            let unchanged = write_is_open(code) || failed;
            code.vendor_id.is_some()
                && code.missing_since.is_none()
                && last_write_was(code, WriteKind::Replace)
                && unchanged
        };
        let begins = access.window.opens();
        let told = code.filter(changing).and_then(|code| self.told_window(code));
        match told.filter(|told| told.opens() <= begins.max(self.s.now)) {
            Some(told) if told.closes() >= access.stay.closes() => None,
            Some(told) => Some(told.closes().max(begins)),
            None => Some(begins),
        }
    }

    /// Since when a code does not get onto its door, or nobody knows whether it does.
    fn stuck_since(&self, door: &DoorId, code: Option<&CodeRecord>) -> Option<DateTime<Utc>> {
        let place = self.s.tenant.place(door)?;
        let failing = self.s.views.get(&place.key).and_then(|view| view.failing.as_ref());
        if let Some((since, _)) = failing {
            return Some(*since);
        }
        let code = code?;
        let write = code.write.as_ref()?;
        match write.state {
            WriteState::Applied => Some(write_end(code)? + self.settle(code)),
            // One failure may be an accident, and is tried again in a moment.
            _ if write.error.is_some() && code.attempts >= REFUSALS => Some(write_end(code)? - MOST_PATIENCE),
            _ => None,
        }
    }

    /// The digits that the stay last had on a door.
    fn last_digits(&self, door: &DoorId) -> Option<&Pin> {
        let last = self.s.codes.iter().rfind(|code| code.door == *door)?;
        let last = Some(last).filter(|code| self.s.reissued_at.is_none_or(|at| code.created_at >= at));
        last.and_then(|code| code.pins.as_ref()).map(|pins| &pins.stored)
    }

    fn new_code(&mut self, access: &Access<'_>, door: DoorId) -> Option<NewCode> {
        let place = self.s.tenant.place(&door)?;
        let content = self.content(access, &door, None);
        let gate = self.gate(&place, content.window.opens(), None);
        Some(NewCode { door, content, gate })
    }

    /// What a code on a door shall hold. Text that staff put around our marker stays.
    fn content(&self, access: &Access<'_>, door: &DoorId, code: Option<&CodeRecord>) -> Content {
        let rules = self.s.tenant.rules(door).unwrap_or_else(|| DoorRules::new(4));
        let marker = self.s.marker.map(ToString::to_string).unwrap_or_default();
        let is_marked = |listed: &&ListedCode| {
            Marker::find_all(&listed.note).iter().map(ToString::to_string).eq([marker.clone()])
        };
        let listed = code.and_then(|code| self.s.views.get(&code.key)?.code(code.vendor_id.as_ref()?));
        let listed = listed.filter(is_marked).map(|listed| listed.note.clone());
        // What may be on a keypad that shows nothing is written as it was, whatever name its booking has by now: a note that
        // the keypad does not know makes a second code there.
        let unseen = |code: &&CodeRecord| {
            self.is_blind(&self.place(code))
                && code.vendor_id.is_none()
                && last_write_was(code, WriteKind::Create)
        };
        let note = code.filter(unseen).map(|code| code.note.clone()).or(listed).unwrap_or(marker);
        let by_staff = code.and_then(|code| code.by_staff.as_ref());
        let stands = by_staff.filter(|(_, instead)| *instead == rules.window(&access.window));
        let window = match stands {
            Some((given, _)) => given.clone(),
            None => rules.window(&self.window(access, !rules.past_start, code)),
        };
        Content { window, name: self.name(&rules, door, code), note }
    }

    fn guest_name(&self) -> String {
        let name = self.s.booking.booking.as_ref().and_then(|booking| booking.guest.name.as_deref());
        let name = name.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() { NAMELESS.to_owned() } else { name }
    }

    /// The guest's name as a keypad takes it.
    fn name(&self, rules: &DoorRules, door: &DoorId, code: Option<&CodeRecord>) -> String {
        let name = match &self.s.booking.standing {
            Some(standing) => format!("Backup {}", standing.number + 1),
            None => self.guest_name(),
        };
        if !rules.unique_names {
            return truncated(&name, rules.name_len).trim_end().to_owned();
        }
        // Two tenants may have a keypad, and call its door the same: their backup codes tell apart by their grants.
        let grant = self.s.grant.filter(|_| self.s.booking.standing.is_some());
        let own = grant.map_or(self.s.booking.id.as_str(), |grant| grant.id.as_str());
        // Two guests may have one name, one guest two stays, and one stay two codes while one replaces the other.
        let mut names = (0..=self.plan.codes.len()).map(|number| {
            let id = truncated(own, UNIQUE);
            let tail = if number == 0 { id.to_owned() } else { format!("{id}{number}") };
            let name = truncated(&name, rules.name_len.saturating_sub(tail.len() + 1));
            format!("{} {tail}", name.trim_end()).trim_start().to_owned()
        });
        let key = self.s.tenant.doors.get(door).map(|setup| &setup.door.key);
        let others = self.plan.codes.iter().filter(|other| {
            Some(&other.key) == key
                && other.state != CodeState::Removed
                && code.is_none_or(|code| code.id != other.id)
        });
        let taken: Vec<&str> = others.map(|other| other.name.as_str()).collect();
        let free = |name: &String| !taken.contains(&name.as_str());
        // A name of ours stays as it is when the first one comes free again.
        let known =
            code.map(|code| code.name.clone()).filter(|known| names.clone().any(|name| name == *known));
        known.filter(free).or_else(|| names.find(free)).unwrap_or_default()
    }

    fn window(&self, access: &Access<'_>, clamp: bool, code: Option<&CodeRecord>) -> Window {
        let window = &access.window;
        if !clamp || window.opens() > self.s.now {
            return window.clone();
        }
        // A start that is over, and was taken, stays as it is: what works already need not be written again.
        let taken = |code: &&CodeRecord| code.proof >= Proof::Accepted;
        match code.filter(taken).map(|code| &code.window) {
            Some(held) if held.end() == window.end() && held.opens() <= self.s.now => held.clone(),
            _ => window.starting_no_earlier_than(self.s.now),
        }
    }

    /// Brings one code to what it should hold.
    fn keep_right(&mut self, access: &Access<'_>, code: &CodeRecord) {
        let content = self.content(access, &code.door, Some(code));
        if write_is_open(code) {
            self.behind.insert(code.door.clone());
            return;
        }
        if let Some(since) = code.missing_since {
            self.behind.insert(code.door.clone());
            self.ask_for(&self.place(code), since + SECOND_LOOK);
            return;
        }
        if last_write_was(code, WriteKind::Delete)
            && code.write.as_ref().is_some_and(|w| w.state == WriteState::Applied)
        {
            // Taken off for somebody else, or about to go when it was wanted again: only a read tells.
            self.behind.insert(code.door.clone());
            self.look_into(code);
            return;
        }
        if self.yields(code) {
            return;
        }
        // A backup code that a guest was given opens as it is, where it is there. It gets the stay's window once the guest
        // has it.
        let opens_anyway = code.backup
            && self.s.booking.standing.is_none()
            && code.proof >= Proof::Accepted
            && code.window.opens() <= content.window.opens().max(self.s.now)
            && code.window.closes() >= content.window.closes();
        if opens_anyway && (!self.knows_truth(access) || self.becomes_one_with_another(code, &content)) {
            return;
        }
        let differs = code.window != content.window || code.name != content.name;
        if code.window != content.window && !opens_anyway {
            self.behind.insert(code.door.clone());
        }
        let unwritten = code.proof == Proof::Requested;
        if !differs && !unwritten {
            // Taken by the vendor, but not seen yet: not written a second time, only looked for.
            if code.proof < Proof::Listed {
                self.look_into(code);
            } else if code.proof < self.required(&code.door) {
                self.await_proof(code);
            }
            return;
        }
        self.write_or_wait(code, content);
    }

    /// Whether a keypad that shows nothing would take this code and an earlier one of the stay for one: that one is
    /// taken off first.
    fn becomes_one_with_another(&self, code: &CodeRecord, content: &Content) -> bool {
        let alike = |other: &CodeRecord| {
            other.id != code.id
                && other.key == code.key
                && other.state != CodeState::Removed
                && other.note == content.note
        };
        self.is_blind(&self.place(code)) && self.plan.codes.iter().any(alike)
    }

    fn write_or_wait(&mut self, code: &CodeRecord, mut content: Content) {
        if code.proof == Proof::Accepted && code.window == content.window && code.name == content.name {
            self.look_into(code);
            return;
        }
        if let Some(rules) = self.s.tenant.rules_at(&self.place(code)).filter(|rules| !rules.past_start) {
            // A start that stands there already is none that can be written again.
            content.window = rules.window(&content.window.starting_no_earlier_than(self.s.now));
        }
        if let Some(at) = self.waits(code) {
            self.wake(at);
            return;
        }
        if !self.readable(&self.place(code)) {
            return;
        }
        if self.vanishes(code) {
            return;
        }
        if code.vendor_id.is_some() && self.comes_back_later(code, &content) {
            return;
        }
        if code.vendor_id.is_some() {
            let room = self.has_room_beside(&self.place(code));
            self.step(Step::Replace { code: code.id.clone(), content, room }, When::Now);
            return;
        }
        match self.gate(&self.place(code), content.window.opens(), Some(code)) {
            Gate::Open => self.step(Step::Create { code: code.id.clone(), content }, When::Now),
            // The keypad holds no second code, and this one is written down already: the earlier one makes room.
            Gate::InPlaceOf(earlier) => {
                self.held.insert(code.door.clone(), FULL);
                let earlier = self.plan.codes.iter_mut().find(|known| known.id == earlier);
                if let Some(earlier) = earlier {
                    earlier.state = CodeState::Unwanted;
                }
            }
            Gate::Closed => {}
        }
    }

    /// Whether a keypad takes codes and then shows none at all: its list is not to be believed, and each further write
    /// might make a further code.
    fn vanishes(&mut self, code: &CodeRecord) -> bool {
        let now = self.s.now;
        let taken =
            |write: &WriteRecord| write.error.is_none() && write.ended_at.is_some_and(|at| now - at < PAUSE);
        let taken = code.write.as_ref().is_some_and(taken);
        let view = self.s.views.get(&code.key);
        let shows_nothing = view.is_some_and(|view| view.codes().is_empty());
        if code.vendor_id.is_some() || code.attempts < 2 || !taken || !shows_nothing {
            return false;
        }
        let detail = "the keypad takes codes, and its list shows none";
        self.alert(AlertKind::DoorUnreadable, Some(&code.door.clone()), detail);
        let seen = view.and_then(|view| view.observed_at).unwrap_or(self.s.now);
        self.ask_for(&self.place(code), seen + Duration::minutes(10));
        true
    }

    /// What a list does not show yet, or the device has not said that it has, is looked for again, the more often the
    /// nearer the arrival.
    fn await_proof(&mut self, code: &CodeRecord) {
        let seen = self.s.views.get(&code.key).and_then(|view| view.observed_at).unwrap_or(self.s.now);
        let waited = u32::try_from((self.s.now - code.proof_at).num_minutes().max(0)).unwrap_or(u32::MAX);
        let pause = crate::retry::delay(waited.min(6) + 3, self.s.now, self.wished.opens);
        self.ask_for(&self.place(code), seen + pause);
    }

    /// Asks for the read that tells what became of a write.
    pub(super) fn look_into(&mut self, code: &CodeRecord) {
        let Some(end) = write_end(code) else {
            self.ask_for(&self.place(code), self.s.now);
            return;
        };
        let seen = self.s.views.get(&code.key).and_then(|view| view.observed_at).filter(|at| *at > end);
        let since = if seen.is_none() { end } else { end + self.settle(code) };
        let partial = self.s.views.get(&code.key).is_some_and(|view| !view.complete);
        if seen.is_none_or(|at| at < since) {
            self.ask_for(&self.place(code), since);
        } else if partial && write_is_open(code) {
            // What a list leaves out may be what is looked for.
            self.ask_for(&self.place(code), self.s.now);
        } else if partial && code.proof < Proof::Listed {
            self.await_proof(code);
        } else if let Some(at) = seen.filter(|_| partial && last_write_was(code, WriteKind::Delete)) {
            // A list that shows none at once is doubted for a while, and then proves the removal.
            self.ask_for(&self.place(code), at + DOUBT);
        }
    }

    /// Codes that should be gone: at once where the right to them has ended, and after the new ones are proven and
    /// told where the stay has moved.
    pub(super) fn removals(&mut self) {
        let moved_from = self.moved_from();
        let when = if self.may_break() { When::Now } else { When::Later };
        for code in self.plan.codes.iter_mut().filter(|code| moved_from.contains(&code.id)) {
            if when == When::Now || has_no_place(code) {
                code.state = CodeState::Unwanted;
            }
        }
        for code in self.plan.codes.clone() {
            let unwanted = code.state == CodeState::Unwanted;
            if unwanted && self.stands_alone(&code) {
                self.await_proof(&code);
            } else if unwanted && (when == When::Now || !self.guest_goes_by(&code)) {
                self.remove(&code);
            } else if (unwanted || moved_from.contains(&code.id)) && self.may_delete() {
                self.step(Step::Delete { code: code.id.clone() }, When::Later);
            }
        }
    }

    /// Whether a surplus code on a door of the stay may be the one that opens it: unless the very list that shows it shows
    /// the wanted code too, as it should be, taking it off might shut the guest out.
    fn stands_alone(&self, code: &CodeRecord) -> bool {
        let Wish::Access(access) = &self.wished.wish else { return false };
        let place = self.place(code);
        let needed = self.s.tenant.is_present(&place) && access.unit.doors.contains(&code.door);
        if !needed || self.is_blind(&place) || self.held.contains_key(&code.door) || code.vendor_id.is_none()
        {
            return false;
        }
        let Some(wanted) = self.wanted_on(&code.door) else { return false };
        // What was written a moment ago may open only from the next minute on.
        let wait = wanted.window.opens() - self.s.now;
        if code.window.opens() <= self.s.now && wait > Duration::zero() && wait < Duration::minutes(5) {
            return true;
        }
        let listed = self.s.views.get(&place.key).zip(wanted.vendor_id.as_ref());
        let listed = listed.and_then(|(view, id)| view.code(id));
        listed.is_none_or(|listed| !self.shows(wanted, listed))
    }

    /// Whether the guest was last told a code on a door that the stay no longer has, which was about to go, for whatever
    /// reason, when it got other doors.
    fn guest_goes_by(&self, code: &CodeRecord) -> bool {
        let Wish::Access(access) = &self.wished.wish else { return false };
        let told = self.last_told().and_then(|message| message.told.as_ref());
        !access.unit.doors.contains(&code.door)
            && !last_write_was(code, WriteKind::Delete)
            && told.is_some_and(|told| told.codes.iter().any(|told| told.code == code.id))
    }

    /// Codes on doors that the stay no longer has, and earlier codes on doors that have a newer one.
    fn moved_from(&self) -> Vec<booking_core::CodeId> {
        let Wish::Access(access) = &self.wished.wish else { return Vec::new() };
        let mut kept: Vec<&DoorId> = Vec::new();
        let mut gone = Vec::new();
        for code in self.plan.codes.iter().rev().filter(|code| code.state == CodeState::Wanted) {
            let present = self.s.tenant.is_present(&self.place(code));
            if present && access.unit.doors.contains(&code.door) && !kept.contains(&&code.door) {
                kept.push(&code.door);
            } else {
                gone.push(code.id.clone());
            }
        }
        gone
    }

    fn remove(&mut self, code: &CodeRecord) {
        let now = self.s.now;
        if write_is_open(code) && !last_write_was(code, WriteKind::Delete) {
            self.look_into(code);
            return;
        }
        let deleted = code
            .write
            .as_ref()
            .is_some_and(|write| write.kind == WriteKind::Delete && write.state != WriteState::NotApplied);
        if deleted {
            self.look_into(code);
            return;
        }
        if let Some(at) = self.waits(code) {
            self.wake(at);
            return;
        }
        let place = self.place(code);
        if !self.may_delete() && (code.vendor_id.is_some() || self.is_blind(&place)) {
            self.note("would-delete", format!("a code of ours on door {} is not wanted", code.door));
            return;
        }
        if self.readable(&place) {
            match code.vendor_id {
                // The last read has missed it: the next one tells whether there is anything to take off.
                Some(_) if code.missing_since.is_some() => self.ask_for(&place, now),
                Some(_) if self.brake_allows(code) => {
                    self.note_in_place(code);
                    self.step(Step::Delete { code: code.id.clone() }, When::Now);
                }
                Some(_) => {}
                // What may be on a keypad that shows nothing is written once more: its id comes with the answer.
                None if self.is_blind(&place) => self.forget_or_create(code),
                // Nothing is known to delete; the read that proves its absence is all that is missing.
                None => self.ask_for(&place, now),
            }
        }
    }

    /// Where the keypad holds no second code, one of the stay goes before its successor is there: on record, since it leaves
    /// a gap.
    fn note_in_place(&mut self, code: &CodeRecord) {
        let full = self.held.get(&code.door).is_some_and(|held| *held == FULL);
        if full && self.wanted_on(&code.door).is_some_and(|wanted| wanted.key == code.key) {
            let detail = format!("the keypad of door {} holds no second code", code.door);
            self.note("replaced-in-place", detail);
        }
    }

    /// What may be on a keypad that shows nothing. One with the same note has taken its place there.
    fn forget_or_create(&mut self, code: &CodeRecord) {
        let alike =
            |other: &&CodeRecord| other.id != code.id && other.key == code.key && other.note == code.note;
        let successor = self.plan.codes.iter().filter(alike).find(|other| other.state == CodeState::Wanted);
        let tried = last_write_was(code, WriteKind::Create);
        match successor {
            Some(other) if tried && other.proof < Proof::Accepted => {}
            None if tried => {
                let content =
                    Content { window: code.window.clone(), name: code.name.clone(), note: code.note.clone() };
                self.step(Step::Create { code: code.id.clone(), content }, When::Now);
            }
            _ => self.forget(&code.id),
        }
    }

    fn forget(&mut self, id: &CodeId) {
        if let Some(code) = self.plan.codes.iter_mut().find(|known| known.id == *id) {
            code.state = CodeState::Removed;
        }
        // What it was in the way of comes next.
        self.wake(self.s.now);
    }

    /// Until when a failed write must wait, unless its lock account has recovered since.
    pub(super) fn waits(&self, code: &CodeRecord) -> Option<DateTime<Utc>> {
        let at = code.retry_at.filter(|at| *at > self.s.now)?;
        let recovered =
            self.s.recovered.get(&code.lock).zip(write_end(code)).is_some_and(|(up, failed)| *up > failed);
        (!recovered).then_some(at)
    }

    pub(super) fn observing(&self) -> bool {
        self.s.mode == Mode::Observe
    }
}

/// Whether a code waits for a place on its keypad: it was taken off for somebody else, or never offered.
fn has_no_place(code: &CodeRecord) -> bool {
    let taken_off =
        |write: &WriteRecord| write.kind == WriteKind::Delete && write.state == WriteState::NotApplied;
    code.vendor_id.is_none() && code.write.as_ref().is_none_or(taken_off)
}
