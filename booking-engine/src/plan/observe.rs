//! Folding what reads have shown into the ledger, and taking codes with our marker over.

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{CodeRecord, CodeState, Pins, WriteKind, WriteRecord, WriteState};
use booking_core::{DoorKey, ListedCode, LockError, Marker, Proof, VendorCodeId, Window};
use chrono::{Duration, NaiveDateTime};

use super::{DoorView, Planner, Step, When, last_write_was, write_end};
use crate::alert::AlertKind;
use crate::tenant::{Drift, Mode, Place};
use crate::wish::Wish;

/// How long after a read that misses a listed code a second one must miss it too.
pub(super) const SECOND_LOOK: Duration = Duration::seconds(30);

impl Planner<'_> {
    pub(super) fn observe(&mut self) {
        let mut codes = std::mem::take(&mut self.plan.codes);
        let mut owned: Vec<_> =
            codes.iter().filter_map(|code| Some((code.key.clone(), code.vendor_id.clone()?))).collect();
        // What is there is matched first: of what is left something may have been taken for gone.
        for removed in [false, true] {
            for code in codes.iter_mut().filter(|code| (code.state == CodeState::Removed) == removed) {
                self.observe_one(code, &mut owned);
            }
        }
        self.plan.codes = codes;
    }

    fn observe_one(&mut self, code: &mut CodeRecord, owned: &mut Vec<(DoorKey, VendorCodeId)>) {
        self.rebind(code);
        if self.s.tenant.retired.contains(&code.key) || self.s.tenant.at(&self.place(code)).is_none() {
            return;
        }
        if self.is_blind(&self.place(code)) {
            self.observe_blindly(code);
            return;
        }
        let Some(view) = self.s.views.get(&code.key) else { return };
        let taken = |listed: &ListedCode| {
            owned.iter().any(|(key, id)| *key == code.key && *id == listed.id)
                && code.vendor_id.as_ref() != Some(&listed.id)
        };
        let found = self.find(code, view, taken).cloned();
        // One listed code stands for one entry.
        owned.extend(found.as_ref().map(|listed| (code.key.clone(), listed.id.clone())));
        match code.state {
            CodeState::Wanted => self.observe_wanted(code, view, found.as_ref()),
            CodeState::Unwanted => self.observe_unwanted(code, view, found.as_ref()),
            CodeState::Removed => self.observe_removed(code, view, found.as_ref()),
        }
    }

    /// What the configuration says of a code's keypad by now: its door may have another name, or the keypad be gone.
    fn rebind(&mut self, code: &mut CodeRecord) {
        let tenant = self.s.tenant;
        if code.state == CodeState::Removed || tenant.is_present(&tenant.place_of(code)) {
            return;
        }
        if let Some(setup) = tenant.doors.values().find(|setup| setup.door.key == code.key) {
            code.door = setup.id.clone();
            code.lock = setup.lock.clone();
            return;
        }
        let retired = tenant.retired.contains(&code.key);
        #[cfg(staykey_planted)]
        let retired = retired || planted(planted::RETIRED_AT_ONCE);
        if retired {
            code.state = CodeState::Removed;
            code.vendor_id = None;
            self.note("code-written-off", format!("the keypad that door {} had is retired", code.door));
        }
    }

    /// On a keypad that shows nothing an accepted write is all the proof there is, and one whose outcome is open is
    /// sent again: there it does no harm.
    fn observe_blindly(&mut self, code: &mut CodeRecord) {
        let Some(write) = &mut code.write else { return };
        match (code.state, write.kind, write.state) {
            (_, kind, WriteState::Intended | WriteState::Unknown) => {
                write.state = WriteState::NotApplied;
                if kind == WriteKind::Delete {
                    // It may be gone: whoever wants it again writes it again.
                    code.proof = Proof::Requested;
                }
            }
            (CodeState::Unwanted, WriteKind::Delete, WriteState::Applied) => {
                code.state = CodeState::Removed;
                code.retry_at = None;
                self.note("code-removed", format!("the keypad of door {} took the removal", code.door));
            }
            (CodeState::Wanted, WriteKind::Delete, WriteState::Applied) => {
                code.vendor_id = None;
                write.state = WriteState::NotApplied;
                code.proof = Proof::Requested;
            }
            _ => {}
        }
    }

    /// Whether a read was made late enough after the last write to show it for certain.
    fn settled(&self, code: &CodeRecord, view: &DoorView) -> bool {
        let refused = code.write.as_ref().is_some_and(|write| write.state == WriteState::NotApplied);
        let settle = if refused { Duration::zero() } else { self.settle(code) };
        write_end(code).is_none_or(|end| view.observed_at.is_some_and(|at| at >= end + settle))
    }

    fn observe_wanted(&mut self, code: &mut CodeRecord, view: &DoorView, found: Option<&ListedCode>) {
        let Some(observed_at) = view.observed_at else { return };
        if write_end(code).is_some_and(|end| observed_at <= end) {
            return;
        }
        // What a list has shown since it was written needs no time to show any more.
        let settled = code.proof >= Proof::Listed || self.settled(code, view);
        if found.is_some() {
            code.missing_since = None;
        }
        let deleted = last_write_was(code, WriteKind::Delete)
            && code.write.as_ref().is_some_and(|write| write.state != WriteState::NotApplied);
        if deleted {
            // Wanted again after a delete: a list may still show what is about to go, but it cannot hide what is there.
            match found {
                Some(_) if !self.settled(code, view) => return,
                // It was not taken off after all.
                Some(_) => code.write.iter_mut().for_each(|write| write.state = WriteState::NotApplied),
                None if view.complete => {
                    code.missing_since = None;
                    code.vendor_id = None;
                    self.fall_back(code, view);
                    return;
                }
                None => return,
            }
        }
        match found {
            Some(listed) if self.shows(code, listed) => {
                code.learn_id(&listed.id);
                if let Some(write) = code.write.as_mut().filter(|write| write.state != WriteState::NotApplied)
                {
                    write.state = WriteState::Applied;
                    write.ended_at.get_or_insert(observed_at);
                }
                code.attempts = 0;
                code.retry_at = None;
                // What a listing proves can fall, too: a device may lose what it had. Only use is never undone.
                let proof = listed.proof.max(Proof::Listed);
                if code.proof != proof && code.proof != Proof::Used {
                    code.proof = proof;
                    code.proof_at = observed_at;
                }
            }
            Some(listed) => {
                code.learn_id(&listed.id);
                if settled && self.may_stand(code, listed) {
                    self.step(Step::LetStand { code: code.id.clone(), listed: listed.clone() }, When::Now);
                } else if settled {
                    self.differs(code, view, listed);
                }
            }
            #[cfg(staykey_planted)]
            None if planted(planted::DRIFT_IGNORED) => {}
            None if view.complete && settled => {
                if code.proof >= Proof::Listed {
                    let since = *code.missing_since.get_or_insert(observed_at);
                    if observed_at < since + SECOND_LOOK {
                        return;
                    }
                    self.note("drift", format!("the code on door {} is gone", code.door));
                    self.alert(AlertKind::Drift, Some(&code.door.clone()), "a code of ours is gone");
                }
                code.missing_since = None;
                code.vendor_id = None;
                self.again_later(code);
                self.fall_back(code, view);
            }
            None => {}
        }
    }

    /// A write that the vendor took but that did not last is not repeated at once.
    fn again_later(&self, code: &mut CodeRecord) {
        let taken = code.write.as_ref().is_some_and(|write| write.state == WriteState::Applied);
        let deleted = last_write_was(code, WriteKind::Delete);
        if taken && (deleted || code.proof < Proof::Listed) {
            code.attempts += 1;
            code.retry_at =
                Some(self.s.now + crate::retry::delay(code.attempts, self.s.now, self.wished.opens));
        }
    }

    /// Whether policy lets a change from outside stand: other digits or times on a code that is still ours and on.
    fn may_stand(&self, code: &CodeRecord, listed: &ListedCode) -> bool {
        self.wished.policy.drift == Drift::Adopt
            && self.s.mode != Mode::Observe
            && self.s.booking.standing.is_none()
            && code.proof >= Proof::Listed
            && self.shows(&standing(code, listed), listed)
    }

    /// The door holds something else than was last written.
    fn differs(&mut self, code: &mut CodeRecord, view: &DoorView, listed: &ListedCode) {
        if code.proof >= Proof::Listed {
            let what = difference(code, listed);
            self.note("drift", format!("the code on door {} was changed: {what}", code.door));
            self.alert(AlertKind::Drift, Some(&code.door.clone()), "a code of ours was changed");
        }
        self.again_later(code);
        self.fall_back(code, view);
    }

    fn fall_back(&self, code: &mut CodeRecord, view: &DoorView) {
        if let Some(write) = &mut code.write {
            write.state = WriteState::NotApplied;
        }
        if code.proof > Proof::Requested {
            code.proof = Proof::Requested;
            code.proof_at = view.observed_at.unwrap_or(self.s.now);
        }
    }

    fn observe_unwanted(&mut self, code: &mut CodeRecord, view: &DoorView, found: Option<&ListedCode>) {
        let Some(observed_at) = view.observed_at else { return };
        if write_end(code).is_some_and(|end| observed_at <= end) {
            return;
        }
        match found {
            Some(listed) => {
                code.learn_id(&listed.id);
                code.missing_since = None;
                if !last_write_was(code, WriteKind::Delete) {
                    // It is there, whatever became of the answer.
                    let open = |write: &&mut WriteRecord| {
                        matches!(write.state, WriteState::Intended | WriteState::Unknown)
                    };
                    if let Some(write) = code.write.as_mut().filter(open) {
                        write.state = WriteState::Applied;
                    }
                } else if self.settled(code, view) {
                    // Said to be deleted, and still there.
                    self.again_later(code);
                    if let Some(write) = &mut code.write {
                        write.state = WriteState::NotApplied;
                    }
                }
            }
            None if view.complete => {
                // A write that no read has shown yet may show only after the settle time.
                let may_still_come = !last_write_was(code, WriteKind::Delete)
                    && code.proof < Proof::Listed
                    && !self.settled(code, view);
                if !may_still_come {
                    code.state = CodeState::Removed;
                    code.proof_at = observed_at;
                    code.retry_at = None;
                    self.note(
                        "code-removed",
                        format!("a complete read shows no code of ours on door {}", code.door),
                    );
                }
            }
            None => {}
        }
    }

    /// A code that was proven gone and is there again is taken off again.
    fn observe_removed(&mut self, code: &mut CodeRecord, view: &DoorView, found: Option<&ListedCode>) {
        let newer = view.observed_at.is_some_and(|at| at > code.proof_at);
        if let Some(listed) = found.filter(|_| newer) {
            code.state = CodeState::Unwanted;
            code.learn_id(&listed.id);
            if let Some(write) = &mut code.write {
                write.state = WriteState::NotApplied;
            }
            self.note("code-back", format!("a removed code is on door {} again", code.door));
        }
    }

    pub(super) fn shows(&self, code: &CodeRecord, listed: &ListedCode) -> bool {
        self.s.tenant.shows(code, listed)
    }

    /// Codes on the tenant's doors that carry this booking's marker but are not in the ledger.
    pub(super) fn adopt(&mut self) {
        if self.s.booking.booking.is_none() && self.s.booking.standing.is_none() {
            return;
        }
        let gap = matches!(self.wished.alert, Some(AlertKind::UnmappedUnit | AlertKind::UnusableDates));
        let mut found: Vec<(Place, ListedCode)> = Vec::new();
        for setup in self.s.tenant.doors.values() {
            let Some(view) = self.s.views.get(&setup.door.key) else { continue };
            let Some(place) = self.s.tenant.place(&setup.id) else { continue };
            let is_new = |listed: &&ListedCode| {
                // A gap in our configuration is no reason to take over, and then take away, what another system made.
                !self.in_ledger(&place, listed)
                    && !self.is_awaited(&place, listed, view)
                    && (!gap || self.was_ours(&place, listed))
            };
            for listed in self.own(view, &place).filter(is_new) {
                found.push((place.clone(), listed.clone()));
            }
        }
        for (place, mut listed) in found {
            let door = place.door.clone();
            let digits = || Some(self.entry_of(&place.key, &listed.id)?.pins.as_ref()?.stored.clone());
            listed.stored = listed.stored.clone().or_else(digits);
            if self.s.mode == Mode::Observe {
                self.note("would-adopt", format!("a code with our marker on door {door}"));
                continue;
            }
            // A create of ours whose outcome is open is matched by its digits first; what is left is surplus, unless
            // nobody knows which of several codes of an earlier system the guest was told.
            let told_by_us = self.wanted_on(&door).is_some_and(|code| !code.adopted);
            if listed.stored.is_none() {
                self.alert(
                    AlertKind::ForeignMarker,
                    Some(&door),
                    "a code with our marker whose digits are masked",
                );
                continue;
            }
            let wanted = match &self.wished.wish {
                Wish::Access(access) => !told_by_us && access.unit.doors.contains(&door),
                Wish::Keep { .. } => true,
                Wish::Nothing => false,
            };
            self.step(Step::Adopt { place, listed, wanted }, When::Now);
        }
    }

    /// The codes on a keypad that are this stay's by their marker, by that of a backup code that it was given, or because
    /// staff says so.
    fn own<'v>(&'v self, view: &'v DoorView, place: &'v Place) -> impl Iterator<Item = &'v ListedCode> {
        let markers = self.s.marker.into_iter().chain(self.s.former);
        let marked = markers.flat_map(|marker| view.marked(marker));
        let here = self.s.codes.iter().filter(|code| code.key == place.key);
        let given: Vec<&str> = here.filter_map(|code| code.pool_note.as_deref()).collect();
        let given = view.codes().iter().filter(move |listed| given.contains(&listed.note.as_str()));
        let linked = self.s.linked.iter().filter(|linked| linked.keypad == place.key);
        marked.chain(given).chain(linked.filter_map(|linked| view.code(&linked.code)))
    }

    /// Whether this may be a code whose write ended after the read that shows it: the next read tells.
    fn is_awaited(&self, place: &Place, listed: &ListedCode, view: &DoorView) -> bool {
        self.plan.codes.iter().any(|code| {
            code.key == place.key
                && code.state == CodeState::Wanted
                && code.vendor_id.is_none()
                && write_end(code) >= view.observed_at
                && code.pins.as_ref().map(|pins| &pins.stored) == listed.stored.as_ref()
        })
    }

    /// The listed code that is this ledger entry: by the newest of its ids, or else by a marker of the stay and the same
    /// digits (somebody made it anew, or the answer that held its id was lost).
    fn find<'v>(
        &self,
        code: &CodeRecord,
        view: &'v DoorView,
        taken: impl Fn(&ListedCode) -> bool,
    ) -> Option<&'v ListedCode> {
        let markers = self.markers_of(code);
        let removed = code.state == CodeState::Removed;
        // An id that it no longer has may be another code's by now.
        let is_it = |listed: &&ListedCode| {
            let has = !removed && code.vendor_id.as_ref() == Some(&listed.id);
            let is_marked = || Marker::find_all(&listed.note).iter().any(|found| markers.contains(found));
            !taken(listed) && (has || listed.note == code.note || is_marked())
        };
        let known = code.ids().filter_map(|id| view.code(id)).find(is_it);
        // What was proven gone is not looked for under an id that it never had: its successor may have its digits.
        if known.is_some() || (removed && code.ids().next().is_some()) {
            return known;
        }
        #[cfg(staykey_planted)]
        if planted(planted::SECOND_CODE) {
            return None;
        }
        // Of several the one that needs no further write.
        let is_alike = |listed: &&ListedCode| !taken(listed) && self.has_its_digits(code, listed);
        let best =
            |marker| view.marked(marker).filter(is_alike).min_by_key(|listed| !is_as_written(code, listed));
        markers.iter().find_map(best)
    }

    /// The markers that a code may have: the one that it was written with, since the booking may have another name by now,
    /// and those from before, since the write that gave it that one may have failed.
    fn markers_of(&self, code: &CodeRecord) -> Vec<Marker> {
        let Ok([written]) = <[Marker; 1]>::try_from(Marker::find_all(&code.note)) else { return Vec::new() };
        let of_pool = code.pool_note.iter().flat_map(|note| Marker::find_all(note));
        let before = self.s.former.iter().cloned().chain(of_pool).filter(|before| *before != written);
        [written.clone()].into_iter().chain(before).collect()
    }

    /// Whether a listed code of the stay has the digits of an entry that has no id there. Whether masked ones are those of
    /// what was taken for gone, its times tell, or that the keypad refused them.
    fn has_its_digits(&self, code: &CodeRecord, listed: &ListedCode) -> bool {
        let removed = code.state == CodeState::Removed;
        match &listed.stored {
            Some(stored) => !removed && code.pins.as_ref().is_some_and(|pins| pins.stored == *stored),
            None if self.entry_of(&code.key, &listed.id).is_some() => false,
            None => !removed || is_as_written(code, listed) || was_hidden(code),
        }
    }

    /// The ledger entry that had the listed code of this id.
    fn entry_of(&self, key: &DoorKey, id: &VendorCodeId) -> Option<&CodeRecord> {
        self.s.codes.iter().rfind(|code| code.key == *key && code.ids().any(|known| known == id))
    }

    /// Whether the ledger had a code with these digits there, and took it for gone: a list hid this one.
    fn was_ours(&self, place: &Place, listed: &ListedCode) -> bool {
        let alike = |pins: &Pins| Some(&pins.stored) == listed.stored.as_ref();
        let gone = |code: &&CodeRecord| code.key == place.key && code.state == CodeState::Removed;
        self.plan.codes.iter().filter(gone).any(|code| code.pins.as_ref().is_some_and(alike))
    }

    fn in_ledger(&self, place: &Place, listed: &ListedCode) -> bool {
        self.plan
            .codes
            .iter()
            .any(|code| code.key == place.key && code.vendor_id.as_ref() == Some(&listed.id))
    }
}

/// Whether a listed code has the times that an entry was written with.
fn is_as_written(code: &CodeRecord, listed: &ListedCode) -> bool {
    let (start, end) = code.window.wall();
    (listed.start, listed.end) == (Some(start), Some(end))
}

/// Whether the keypad said of digits that were offered once more that it has them.
fn was_hidden(code: &CodeRecord) -> bool {
    let refused = code.write.as_ref().and_then(|write| write.error.as_deref());
    code.attempts > 0 && refused == Some(&LockError::DuplicatePin.to_string())
}

/// The ledger entry as it would be if a change from outside stood.
fn standing(code: &CodeRecord, listed: &ListedCode) -> CodeRecord {
    let held = listed.start.zip(listed.end);
    let held = held.and_then(|(start, end)| Window::new(start, end, code.window.zone()).ok());
    let stored = listed.stored.clone();
    let pins = stored.map(|stored| Pins { typed: stored.clone(), stored }).or_else(|| code.pins.clone());
    CodeRecord { window: held.unwrap_or_else(|| code.window.clone()), pins, ..code.clone() }
}

/// What somebody changed, before and after, without digits or names.
pub(crate) fn difference(code: &CodeRecord, listed: &ListedCode) -> String {
    let mut parts = Vec::new();
    let stored = code.pins.as_ref().map(|pins| &pins.stored).zip(listed.stored.as_ref());
    if stored.is_some_and(|(before, after)| before != after) {
        parts.push("other digits".to_owned());
    }
    let time = |at: Option<NaiveDateTime>| at.map_or("none".to_owned(), |at| at.format("%F %R").to_string());
    let (start, end) = code.window.wall();
    for (what, before, after) in [("start", start, listed.start), ("end", end, listed.end)] {
        if Some(before) != after {
            parts.push(format!("{what} {} became {}", time(Some(before)), time(after)));
        }
    }
    if !listed.active {
        parts.push("switched off".to_owned());
    }
    if Marker::find_all(&listed.note) != Marker::find_all(&code.note) {
        parts.push("another marker".to_owned());
    }
    parts.join(", ")
}
