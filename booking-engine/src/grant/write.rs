//! Applying what concerns codes: adoptions, PINs and their claims, writes to doors.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{
    Candidate, Claim, ClaimedPin, CodeRecord, CodeState, Commit, MessageKind, MessageRecord, MessageState,
    Pins, Record, RowKey, Told, ToldCode, Tx, Write, WriteKind, WriteRecord, WriteState,
};
use booking_core::{
    Call, CodeId, CodeSpec, DoorId, DoorKey, DoorRules, IntegrationName, ListedCode, Listing, LockError,
    MessageId, Outcome, Pin, Proof, Receipt, VendorCodeId, Window,
};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::{Run, needs_staff};
use crate::alert::AlertKind;
use crate::doors::{DoorView, vendor_error};
use crate::engine::{Doing, WorkError};
use crate::pin;
use crate::plan::{Content, EARLIER_SYSTEM, Gate, NewCode, Plan, Step};
use crate::retry;
use crate::tenant::{PinSource, Place};

/// How often a claim is drawn anew before a door counts as exhausted.
const DRAWS: usize = 3;

/// How often digits that may be the stay's own already are offered to a keypad that says that it has them, before there are others.
const PATIENCE: u32 = 8;

/// One write of a wave.
struct Intent {
    code: CodeId,
    kind: WriteKind,
    /// Whether the keypad was offered the code before, and may have it from then.
    again: bool,
}

impl Run<'_> {
    /// Takes codes with our marker into the ledger. Answers whether there were any.
    pub(super) async fn adopt(&mut self, plan: &Plan) -> Result<bool, WorkError> {
        let adoptions: Vec<_> = plan
            .ready()
            .filter_map(|step| match step {
                Step::Adopt { place, listed, wanted } => Some((place.door.clone(), listed.clone(), *wanted)),
                _ => None,
            })
            .collect();
        let any = !adoptions.is_empty();
        for (door, listed, wanted) in adoptions {
            let adopted = self.adopt_one(&door, listed, wanted, plan);
            if let Some(id) = adopted.filter(|id| wanted && !self.is_second(id)) {
                self.claim_adopted(&id, &door).await?;
            }
        }
        Ok(any)
    }

    /// Whether another code of this stay has the same digits on the same door.
    fn is_second(&self, id: &CodeId) -> bool {
        let Some(code) = self.stay.code(id) else { return false };
        let same =
            |other: &&CodeRecord| other.id != code.id && other.door == code.door && other.pins == code.pins;
        self.stay.codes.iter().any(|other| same(&other) && other.state != CodeState::Removed)
    }

    /// The digits of a code that was taken over are claimed like any other's; where another stay has them, both codes
    /// are there already, and staff must know.
    async fn claim_adopted(&mut self, id: &CodeId, door: &DoorId) -> Result<(), WorkError> {
        let now = self.now();
        let mut writes = self.stay.changes(now, self.policy().quarantine);
        writes.extend(self.along.iter().cloned());
        let claims = self.longer_claim(id).into_iter().collect();
        let tx = Tx { writes, claims, ..Tx::under(now, &self.lease) };
        match self.engine.store.commit(tx).await? {
            Commit::Done { .. } => {
                self.along.clear();
                self.stay.stored();
            }
            Commit::Taken(_) => {
                self.audit("pin-shared", format!("the digits on door {door} are another stay's too"));
                self.alerts.insert(
                    (AlertKind::Drift, Some(door.clone())),
                    "two stays have the same digits".to_owned(),
                );
            }
            Commit::Fenced | Commit::Moved(_) => return Err(WorkError::Fenced),
        }
        Ok(())
    }

    pub(super) fn adopt_one(
        &mut self,
        door: &DoorId,
        listed: ListedCode,
        wanted: bool,
        plan: &Plan,
    ) -> Option<CodeId> {
        let now = self.code_time();
        let setup = self.tenant.doors.get(door)?.clone();
        let rules = self.tenant.rules(door)?;
        let stored = listed.stored.clone()?;
        let zone = setup.door.zone;
        // A code without times of its own never ends: it is ours to end now.
        let fallback = plan.access.as_ref().map(|(_, window)| window.clone());
        let held = listed.start.zip(listed.end).and_then(|(start, end)| Window::new(start, end, zone).ok());
        let window = held.or(fallback).or_else(|| {
            Window::new(now.naive_utc(), now.naive_utc() + chrono::Duration::minutes(1), zone).ok()
        })?;
        let (tenant, stay) = (self.tenant.slug.clone(), self.stay.booking.id.clone());
        // A surplus code claims nothing.
        let id = match wanted {
            true => self.entry_for(&setup.door.key, &stored),
            false => CodeId::draw(&*self.engine.rng),
        };
        let grant = self.stay.grant(&*self.engine.rng, now);
        if wanted {
            grant.core.get_or_insert_with(|| stored.clone());
        }
        let code = CodeRecord {
            id: id.clone(),
            tenant,
            stay,
            grant: grant.id.clone(),
            door: door.clone(),
            key: setup.door.key.clone(),
            lock: setup.lock.clone(),
            pins: Some(Pins { typed: rules.typed(&stored), stored }),
            known_ids: vec![listed.id.clone()],
            vendor_id: Some(listed.id),
            name: listed.name,
            note: listed.note,
            window,
            state: if wanted { CodeState::Wanted } else { CodeState::Unwanted },
            write: None,
            attempts: 0,
            retry_at: None,
            proof: if listed.active { Proof::Listed } else { Proof::Requested },
            proof_at: now,
            missing_since: None,
            adopted: true,
            backup: self.stay.booking.standing.is_some(),
            pool_note: None,
            by_staff: None,
            created_at: now,
        };
        self.audit(if wanted { "code-adopted" } else { "code-surplus" }, format!("door {door}"));
        if wanted && !self.policy().tell_adopted && self.stay.booking.standing.is_none() {
            self.presume_told(&code, plan);
        }
        self.stay.codes.retain(|known| known.id != id);
        self.stay.codes.push(code);
        Some(id)
    }

    /// The earlier system has told the guest this code: on record, so that only news is told.
    fn presume_told(&mut self, code: &CodeRecord, plan: &Plan) {
        let (Some((unit, _)), Ok(notifier)) = (plan.access.clone(), IntegrationName::parse(EARLIER_SYSTEM))
        else {
            return;
        };
        let typed = code.pins.as_ref().map(|pins| pins.typed.clone());
        let told_code = ToldCode { door: code.door.clone(), code: code.id.clone(), typed };
        let known = self
            .stay
            .messages
            .iter_mut()
            .find(|message| message.notifier == notifier)
            .and_then(|message| message.told.as_mut());
        if let Some(told) = known {
            told.codes.push(told_code);
            return;
        }
        let told = Told { unit, start: code.window.start(), end: code.window.end(), codes: vec![told_code] };
        self.stay.messages.push(MessageRecord {
            id: MessageId::draw(&*self.engine.rng),
            tenant: self.tenant.slug.clone(),
            stay: self.stay.booking.id.clone(),
            notifier,
            kind: MessageKind::CodeReady,
            state: MessageState::Sent(Receipt { vendor_id: None }),
            maybe_twice: false,
            attempts: 0,
            retry_at: None,
            intended_at: code.created_at,
            tried_at: code.created_at,
            ended_at: Some(code.created_at),
            error: None,
            told: Some(told),
            text: None,
        });
    }

    /// Writes to doors: intents first, then the calls side by side, then one read a door. Answers whether there were any.
    pub(super) async fn write(&mut self, plan: &Plan) -> Result<bool, WorkError> {
        let mut intents: Vec<Intent> = Vec::new();
        let mut mints: Vec<Vec<NewCode>> = Vec::new();
        let mut longer: Vec<CodeId> = Vec::new();
        for step in plan.ready() {
            if let Step::Create { code, .. } | Step::Replace { code, .. } | Step::Delete { code } = step
                && self.tried.contains(code)
            {
                // Once a run is enough; its next attempt has a time of its own.
                self.wake(self.stay.code(code).and_then(|code| code.retry_at));
                continue;
            }
            match step {
                Step::Mint { codes, fresh } => {
                    if let Some(grant) = self.stay.grant.as_mut().filter(|_| *fresh) {
                        grant.core = None;
                    }
                    mints.push(codes.clone());
                }
                Step::Create { code, content } => match self.new_digits_for(code) {
                    Some(door) => {
                        mints.push(vec![NewCode { door, content: content.clone(), gate: Gate::Open }]);
                    }
                    None => self.intend(code, WriteKind::Create, Some(content), &mut intents, &mut longer),
                },
                #[cfg(staykey_planted)]
                Step::Replace { code, content, .. }
                    if planted(planted::NEW_PIN_FOR_NEW_DATES)
                        && self.stay.code(code).is_some_and(|known| known.window != content.window) =>
                {
                    let door = self.stay.code(code).map(|known| known.door.clone());
                    self.stay.grant.iter_mut().for_each(|grant| grant.core = None);
                    let new = |door| NewCode { door, content: content.clone(), gate: Gate::Open };
                    mints.extend(door.map(|door| vec![new(door)]));
                }
                Step::Replace { code, content, room } => match self.new_digits_for(code) {
                    Some(door) => {
                        let gate = if *room { Gate::Open } else { Gate::InPlaceOf(code.clone()) };
                        mints.push(vec![NewCode { door, content: content.clone(), gate }]);
                    }
                    None => self.intend(code, WriteKind::Replace, Some(content), &mut intents, &mut longer),
                },
                Step::Delete { code } => {
                    self.intend(code, WriteKind::Delete, None, &mut intents, &mut longer)
                }
                _ => {}
            }
        }
        mints.iter_mut().for_each(|codes| codes.retain(|code| !self.exhausted.contains(&code.door)));
        mints.retain(|codes| !codes.is_empty());
        if intents.is_empty() && mints.is_empty() {
            return Ok(false);
        }
        if !self.commit_intents(&mut intents, &mut mints, &longer, &plan.draws).await? {
            // Another stay was quicker: the next plan starts from what holds now.
            return Ok(true);
        }
        self.perform(&intents, plan.opens).await?;
        Ok(true)
    }

    fn intend(
        &mut self,
        id: &CodeId,
        kind: WriteKind,
        content: Option<&Content>,
        intents: &mut Vec<Intent>,
        longer: &mut Vec<CodeId>,
    ) {
        let Some(key) = self.stay.code(id).map(|code| code.key.clone()) else { return };
        let now = self.write_time(&key);
        let Some(code) = self.stay.code_mut(id) else { return };
        if let Some(content) = content {
            let is_longer = content.window.closes() > code.window.closes()
                || content.window.opens() < code.window.opens();
            #[cfg(staykey_planted)]
            let is_longer = is_longer && !planted(planted::LONGER_WITHOUT_CLAIM);
            if is_longer {
                longer.push(id.clone());
            }
            code.by_staff = code.by_staff.take().filter(|(given, _)| *given == content.window);
            code.window = content.window.clone();
            code.name.clone_from(&content.name);
            code.note.clone_from(&content.note);
            code.proof = Proof::Requested;
            code.proof_at = now;
        }
        let again = code.write.replace(intended(kind, now)).is_some();
        intents.push(Intent { code: id.clone(), kind, again });
    }

    /// Writes down what is about to be tried, with the PINs claimed and the early removals drawn. `false` when a claim
    /// or a budget was lost to another stay.
    async fn commit_intents(
        &mut self,
        intents: &mut Vec<Intent>,
        mints: &mut Vec<Vec<NewCode>>,
        longer: &[CodeId],
        draws: &[(String, CodeId)],
    ) -> Result<bool, WorkError> {
        for draw in 0..=DRAWS {
            if draw == DRAWS {
                // No PIN is to be had; what else is intended goes on.
                self.exhausted.extend(mints.drain(..).flatten().map(|code| code.door));
            }
            let now = self.now();
            let mut claims: Vec<Claim> = longer.iter().filter_map(|id| self.longer_claim(id)).collect();
            let kept = claims.len();
            let mut choices: Vec<Vec<Vec<CodeRecord>>> = Vec::new();
            mints.retain(|codes| {
                let minted = self.mint(codes, draw == 0);
                if minted.is_empty() {
                    self.exhausted.extend(codes.iter().map(|code| code.door.clone()));
                    return false;
                }
                claims.push(self.claim_of(&minted, codes, now));
                choices.push(minted);
                true
            });
            let mut writes = self.stay.changes(now, self.policy().quarantine);
            writes.extend(self.along.iter().cloned());
            let (spent, mut expect) = self.spend(draws, intents, now);
            expect.extend(self.stay.expect());
            writes.extend(spent);
            let tx = Tx { writes, claims, expect, ..Tx::under(now, &self.lease) };
            match self.engine.store.commit(tx).await? {
                Commit::Done { claimed, .. } => {
                    self.along.clear();
                    let chosen = choices.into_iter().zip(mints.iter()).zip(claimed.into_iter().skip(kept));
                    for ((choice, codes), index) in chosen {
                        self.take(choice, codes, index, intents);
                    }
                    self.stay.stored();
                    return Ok(true);
                }
                Commit::Taken(lost) if lost < kept => {
                    self.lose_longer(longer.get(lost));
                    return Ok(false);
                }
                Commit::Taken(_) if self.reviewed.is_some() => {
                    self.stay.restore_codes();
                    self.refuse("the digits are taken by now");
                    return Ok(false);
                }
                Commit::Taken(_) => {}
                // A guest took the backup code: what is known of it here is of no use any more.
                Commit::Moved(_) if self.stay.booking.standing.is_some() => return Err(WorkError::Fenced),
                Commit::Moved(_) => {
                    self.stay.restore_codes();
                    self.budgets.clear();
                    return Ok(false);
                }
                Commit::Fenced => return Err(WorkError::Fenced),
            }
        }
        Ok(false)
    }

    /// A guest who knew other digits of a door gets new ones only for a reason, which is on record with them.
    fn lost_digits(&self, codes: &[CodeRecord]) -> impl Iterator<Item = Write> {
        let stored = |code: &CodeRecord| code.pins.as_ref().map(|pins| pins.stored.clone());
        let lost = move |code: &&CodeRecord| {
            self.last_digits(&code.door).is_some_and(|last| Some(last) != stored(code))
        };
        codes.iter().filter(lost).map(|code| {
            let detail = format!("the digits that the stay had on door {} cannot be had any more", code.door);
            self.engine.audit(&self.tenant.slug, Some(&self.stay.booking.id), "pin-taken", detail)
        })
    }

    /// What a code claims on its door: its digits, and that nobody has those that the keypad reserves beside them.
    fn claimed(&self, code: &CodeRecord) -> Option<ClaimedPin> {
        let stored = code.pins.as_ref()?.stored.clone();
        let apart = self.tenant.rules(&code.door).map(|rules| rules.reserved(&stored)).unwrap_or_default();
        Some(ClaimedPin { holder: code.id.clone(), door: code.key.clone(), stored, apart })
    }

    /// A longer window that keeps its digits.
    fn longer_claim(&self, id: &CodeId) -> Option<Claim> {
        let code = self.stay.code(id)?;
        let pin = self.claimed(code)?;
        // Somebody may know the digits before they open, so that they are held from now on, as a new code's. What was
        // taken over may share its digits with a code of other days.
        let opens = code.window.opens();
        Some(Claim {
            from: if code.adopted { opens } else { opens.min(self.now()) },
            until: code.window.closes() + self.quarantine(),
            candidates: vec![Candidate { pins: vec![pin], writes: Vec::new() }],
        })
    }

    /// The longer window meets another stay's digits: this stay gets a new PIN, told before the old one goes.
    fn lose_longer(&mut self, id: Option<&CodeId>) {
        let Some(door) = id.and_then(|id| self.stay.code(id)).map(|code| code.door.clone()) else { return };
        self.audit("pin-taken", format!("the digits on door {door} are taken in the new window"));
        self.stay.restore_codes();
        self.draw_anew(door);
    }

    /// From now on a change of the code on this door draws new digits for it.
    fn draw_anew(&mut self, door: DoorId) {
        if let Some(grant) = &mut self.stay.grant {
            grant.core = None;
        }
        self.anew.insert(door);
    }

    fn new_digits_for(&self, id: &CodeId) -> Option<DoorId> {
        self.stay.code(id).map(|code| code.door.clone()).filter(|door| self.anew.contains(door))
    }

    /// The time of a new ledger entry: entries have one order, and the newest stands for its door.
    pub(super) fn code_time(&self) -> DateTime<Utc> {
        let after = self.stay.codes.last().map(|last| last.created_at + chrono::Duration::microseconds(1));
        after.map_or(self.now(), |after| after.max(self.now()))
    }

    /// Ledger entries for each candidate PIN on these doors.
    pub(super) fn mint(&mut self, codes: &[NewCode], keep_core: bool) -> Vec<Vec<CodeRecord>> {
        let now = self.code_time();
        let setups: Vec<_> = codes
            .iter()
            .filter_map(|code| {
                Some((code, self.tenant.doors.get(&code.door)?, self.tenant.rules(&code.door)?))
            })
            .collect();
        let rules: Vec<_> = setups.iter().map(|(_, _, rules)| rules.clone()).collect();
        let slug = &self.tenant.slug;
        let pins = match self.reviewed_digits(codes) {
            Some(reviewed) => vec![reviewed],
            None => self.candidates(codes, &rules, keep_core),
        };
        let stay = self.stay.booking.id.clone();
        let backup = self.stay.booking.standing.is_some();
        let grant = self.stay.grant(&*self.engine.rng, now).id.clone();
        pins.into_iter()
            .map(|stored| {
                setups
                    .iter()
                    .map(|(new, setup, rules)| {
                        let replaced = match &new.gate {
                            Gate::InPlaceOf(earlier) => self.stay.code(earlier),
                            Gate::Open | Gate::Closed => None,
                        };
                        let write = |kind| intended(kind, self.write_time(&setup.door.key));
                        CodeRecord {
                            id: self.entry_for(&setup.door.key, &stored),
                            tenant: slug.clone(),
                            stay: stay.clone(),
                            grant: grant.clone(),
                            door: setup.id.clone(),
                            key: setup.door.key.clone(),
                            lock: setup.lock.clone(),
                            pins: Some(Pins { typed: rules.typed(&stored), stored: stored.clone() }),
                            vendor_id: replaced.and_then(|code| code.vendor_id.clone()),
                            known_ids: replaced.and_then(|code| code.vendor_id.clone()).into_iter().collect(),
                            name: new.content.name.clone(),
                            note: new.content.note.clone(),
                            window: new.content.window.clone(),
                            state: CodeState::Wanted,
                            write: match new.gate {
                                Gate::Open => Some(write(WriteKind::Create)),
                                Gate::InPlaceOf(_) => Some(write(WriteKind::Replace)),
                                Gate::Closed => None,
                            },
                            attempts: 0,
                            retry_at: None,
                            proof: Proof::Requested,
                            proof_at: now,
                            missing_since: None,
                            adopted: false,
                            backup,
                            pool_note: None,
                            by_staff: None,
                            created_at: now,
                        }
                    })
                    .collect()
            })
            .collect()
    }

    /// Possible digits for these doors, in order of preference.
    pub(super) fn candidates(&self, codes: &[NewCode], rules: &[DoorRules], keep_core: bool) -> Vec<Pin> {
        let views = codes.iter().zip(rules).filter_map(|(code, rules)| {
            let key = &self.tenant.doors.get(&code.door)?.door.key;
            Some((self.engine.doors.view(&self.tenant.slug, key)?, rules))
        });
        let on_doors: BTreeSet<String> = views
            .flat_map(|(view, rules)| {
                let pins = view.codes().iter().filter_map(|listed| listed.stored.as_ref());
                let beside = |pin: &Pin| rules.reserved(pin).into_iter().chain([pin.clone()]);
                pins.flat_map(beside).map(|pin| pin.expose().to_owned()).collect::<Vec<_>>()
            })
            .collect();
        let core = || self.stay.grant.as_ref().and_then(|grant| grant.core.clone());
        let known = codes.iter().find_map(|new| self.last_digits(&new.door));
        let preferred = known.or_else(core).or_else(|| self.phone_digits(rules)).filter(|_| keep_core);
        pin::candidates(rules, preferred.as_ref(), &on_doors, &*self.engine.rng)
    }

    /// The digits that the stay last had on a door: its guest may know them, whatever has become of the code.
    fn last_digits(&self, door: &DoorId) -> Option<Pin> {
        let may_be_used_again =
            |code: &&CodeRecord| self.stay.reissued_at.is_none_or(|at| code.created_at >= at);
        let last = self.stay.codes.iter().rfind(|code| code.door == *door)?;
        let last = Some(last).filter(may_be_used_again).filter(|_| !self.anew.contains(door));
        last.and_then(|code| code.pins.as_ref()).map(|pins| pins.stored.clone())
    }

    /// The last digits of the guest's phone, where a unit takes its PINs from there. A number that comes or changes
    /// later changes nothing: by then there is a core.
    fn phone_digits(&self, rules: &[DoorRules]) -> Option<Pin> {
        let unit = self.stay.grant.as_ref().and_then(|grant| self.tenant.unit(grant.unit.as_ref()?))?;
        // Digits that were refused, taken or given up once are not tried again.
        if unit.policy.pin != PinSource::Phone || !self.stay.codes.is_empty() {
            return None;
        }
        let phone = self.stay.booking.booking.as_ref()?.guest.phone.as_deref()?;
        let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
        let length = usize::from(rules.first()?.stored_len);
        let tail = digits.get(digits.len().checked_sub(length)?..)?;
        Pin::parse(&tail.iter().collect::<String>()).ok().filter(|pin| !pin::is_weak(pin))
    }

    /// Lets changes from outside stand, where policy wants that. Answers whether there were any.
    pub(super) async fn let_stand(&mut self, plan: &Plan) -> Result<bool, WorkError> {
        let mut any = false;
        for step in plan.ready() {
            let Step::LetStand { code: id, listed } = step else { continue };
            any = true;
            let Some(code) = self.stay.code(id).cloned() else { continue };
            let place = self.tenant.place_of(&code);
            let Some(rules) = self.tenant.rules_at(&place) else { continue };
            let what = crate::plan::difference(&code, listed);
            self.audit("change-adopted", format!("the code on door {}: {what}", code.door));
            let held = listed.start.zip(listed.end);
            let held = held.and_then(|(start, end)| Window::new(start, end, place.zone).ok());
            let wished = plan.access.as_ref().map(|(_, window)| rules.window(window));
            let instead = instead_of(&code, wished, self.now());
            let Some(code) = self.stay.code_mut(id) else { continue };
            let before = code.pins.as_ref().map(|pins| pins.stored.clone());
            if let Some(stored) = listed.stored.clone() {
                code.pins = Some(Pins { typed: rules.typed(&stored), stored });
            }
            if let Some(held) = held.filter(|held| *held != code.window) {
                code.by_staff = Some((held.clone(), instead));
                code.window = held;
            }
            let (door, after) = (code.door.clone(), code.pins.as_ref().map(|pins| pins.stored.clone()));
            self.follow_core(before.as_ref(), after);
            self.claim_adopted(id, &door).await?;
        }
        Ok(any)
    }

    /// Once no code has the stay's own digits any more, those that staff chose instead go along to other doors.
    fn follow_core(&mut self, before: Option<&Pin>, after: Option<Pin>) {
        let stored = |code: &CodeRecord| code.pins.as_ref().map(|pins| pins.stored.clone());
        let wanted = |code: &&CodeRecord| code.state == CodeState::Wanted;
        let left = self.stay.codes.iter().filter(wanted).any(|code| stored(code).as_ref() == before);
        if let Some(grant) = self.stay.grant.as_mut().filter(|grant| !left && grant.core.as_ref() == before) {
            grant.core = after;
        }
    }

    /// The id of an entry for digits on a keypad: an entry of ours with these digits whose code is proven gone is used
    /// again, so that its own claim does not stand in its way.
    fn entry_for(&self, key: &DoorKey, stored: &Pin) -> CodeId {
        let same = |code: &&CodeRecord| {
            code.state == CodeState::Removed
                && code.key == *key
                && code.pins.as_ref().is_some_and(|pins| pins.stored == *stored)
        };
        // Of several, the one that was made by us, and first, holds the claim; the others were surplus.
        let known = self.stay.codes.iter().filter(same).min_by_key(|code| code.adopted);
        let known = known.map(|code| code.id.clone());
        known.unwrap_or_else(|| CodeId::draw(&*self.engine.rng))
    }

    fn claim_of(&self, minted: &[Vec<CodeRecord>], new: &[NewCode], now: DateTime<Utc>) -> Claim {
        let windows = || new.iter().map(|code| &code.content.window);
        let candidates = minted
            .iter()
            .map(|codes| Candidate {
                pins: codes.iter().filter_map(|code| self.claimed(code)).collect(),
                writes: codes
                    .iter()
                    .map(|code| Record::Code(code.clone()))
                    .chain(self.ended_in_place(new).map(Record::Code))
                    .chain(self.grant_with(codes).map(Record::Grant))
                    .map(|record| Write::Put(Box::new(record)))
                    .chain(self.lost_digits(codes))
                    .chain(self.gaps(new))
                    .collect(),
            })
            .collect();
        Claim {
            from: windows().map(Window::opens).min().map_or(now, |opens| opens.min(now)),
            until: windows().map(Window::closes).max().unwrap_or(now) + self.quarantine(),
            candidates,
        }
    }

    /// How long digits rest before anybody else gets them.
    fn quarantine(&self) -> chrono::Duration {
        #[cfg(staykey_planted)]
        if planted(planted::NO_QUARANTINE) {
            return chrono::Duration::zero();
        }
        self.policy().quarantine
    }

    /// That the codes which end leave a gap is on record with them.
    fn gaps(&self, new: &[NewCode]) -> impl Iterator<Item = Write> {
        self.ended_in_place(new).map(|code| {
            let detail = format!("the keypad of door {} holds no second code", code.door);
            self.engine.audit(&self.tenant.slug, Some(&self.stay.booking.id), "replaced-in-place", detail)
        })
    }

    /// The codes that end because new ones take their places.
    fn ended_in_place(&self, new: &[NewCode]) -> impl Iterator<Item = CodeRecord> {
        new.iter().filter_map(|code| match &code.gate {
            Gate::InPlaceOf(earlier) => {
                let mut code = self.stay.code(earlier)?.clone();
                // Its successor has the id.
                let id = code.vendor_id.take();
                code.known_ids.retain(|known| Some(known) != id.as_ref());
                Some(CodeRecord { state: CodeState::Removed, ..code })
            }
            Gate::Open | Gate::Closed => None,
        })
    }

    /// The grant as it is once these codes are chosen: the first PIN becomes its core.
    fn grant_with(&self, codes: &[CodeRecord]) -> Option<booking_core::store::GrantRecord> {
        let mut grant = self.stay.grant.clone()?;
        if grant.core.is_none() {
            grant.core = core_of(codes);
        }
        Some(grant)
    }

    fn take(
        &mut self,
        mut choice: Vec<Vec<CodeRecord>>,
        new: &[NewCode],
        index: usize,
        intents: &mut Vec<Intent>,
    ) {
        if index >= choice.len() {
            return;
        }
        let codes = choice.swap_remove(index);
        if let Some(grant) = self.stay.grant.as_mut().filter(|grant| grant.core.is_none()) {
            grant.core = core_of(&codes);
        }
        let ended: Vec<_> = self.ended_in_place(new).collect();
        for code in ended {
            self.stay.codes.retain(|known| known.id != code.id);
            self.stay.codes.push(code);
        }
        for code in codes {
            if let Some(write) = &code.write {
                intents.push(Intent { code: code.id.clone(), kind: write.kind, again: false });
            }
            self.stay.codes.retain(|known| known.id != code.id);
            self.stay.codes.push(code);
        }
        self.stay.codes.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    }

    /// The brake's budgets with what is drawn now, and the revisions that they must still have.
    fn spend(
        &self,
        draws: &[(String, CodeId)],
        intents: &[Intent],
        now: DateTime<Utc>,
    ) -> (Vec<Write>, Vec<(RowKey, u64)>) {
        let mut spent: BTreeMap<&String, Vec<CodeId>> = BTreeMap::new();
        for (budget, code) in draws.iter().filter(|(_, code)| intents.iter().any(|i| i.code == *code)) {
            spent.entry(budget).or_default().push(code.clone());
        }
        let records = spent.into_iter().filter_map(|(name, codes)| {
            let (record, revision) = self.budgets.get(name)?.spend(codes, now);
            let record = Record::Brake(record);
            Some(((record.key(), revision), Write::Put(Box::new(record))))
        });
        let (expect, writes): (Vec<_>, Vec<_>) = records.unzip();
        (writes, expect)
    }

    /// Calls the doors side by side, notes what became of each write, and reads each door once.
    async fn perform(&mut self, intents: &[Intent], opens: Option<DateTime<Utc>>) -> Result<(), WorkError> {
        let call = self.engine.call(&mut self.lease).await?;
        let calls = intents
            .iter()
            .filter_map(|intent| Some(self.send(call, self.stay.code(&intent.code)?.clone(), intent)));
        let results: Vec<_> = join_all(calls).await;
        let mut touched: Vec<Place> = Vec::new();
        for (intent, result) in results {
            let looked_for = self.ended(intent, result, opens);
            if let Some(place) = looked_for.filter(|place| !touched.contains(place)) {
                touched.push(place);
            }
        }
        touched.retain(|place| {
            self.tenant.rules_at(place).is_none_or(|rules| rules.listing != Listing::Nothing)
        });
        if !touched.is_empty() {
            self.read_places(&touched, opens).await?;
        }
        Ok(())
    }

    async fn send<'i>(
        &self,
        call: Call,
        code: CodeRecord,
        intent: &'i Intent,
    ) -> (&'i Intent, Result<Option<VendorCodeId>, LockError>) {
        (intent, self.send_to(call, code, intent.kind).await)
    }

    async fn send_to(
        &self,
        call: Call,
        code: CodeRecord,
        kind: WriteKind,
    ) -> Result<Option<VendorCodeId>, LockError> {
        let missing = || {
            booking_core::VendorError::configuration(
                "the door or its lock account is not in the configuration",
            )
        };
        let (door, lock) = self.tenant.at(&self.tenant.place_of(&code)).ok_or_else(missing)?;
        let pins = code
            .pins
            .ok_or_else(|| booking_core::VendorError::configuration("the ledger entry has no digits"))?;
        let spec = CodeSpec { stored: pins.stored, name: code.name, note: code.note, window: code.window };
        match (kind, &code.vendor_id) {
            (WriteKind::Create, _) => lock.create(call, &door, &spec).await.map(Some),
            (WriteKind::Replace, Some(id)) => lock.replace(call, &door, id, &spec).await.map(|()| None),
            (WriteKind::Delete, Some(id)) => lock.delete(call, &door, id).await.map(|()| None),
            (_, None) => Err(LockError::NoSuchCode),
        }
    }

    /// Whether the guest may have been told the digits of a code.
    fn is_known_to_guest(&self, id: &CodeId) -> bool {
        let Some(pins) = self.stay.code(id).and_then(|code| code.pins.as_ref()) else { return false };
        let told = self.stay.messages.iter().filter(|message| crate::plan::may_have_reached(message));
        let told = told.filter_map(|message| message.told.as_ref()).flat_map(|told| &told.codes);
        told.into_iter().any(|told| told.typed.as_ref() == Some(&pins.typed))
    }

    /// Whether the keypad's list shows some code with the digits of this one.
    fn is_listed_with_digits(&self, id: &CodeId, place: &Place) -> bool {
        let stored = self.stay.code(id).and_then(|code| code.pins.as_ref()).map(|pins| &pins.stored);
        let listed = |listed: &ListedCode| listed.stored.is_some() && listed.stored.as_ref() == stored;
        self.view(place).codes().iter().any(listed)
    }

    fn view(&self, place: &Place) -> DoorView {
        self.engine.doors.view(&self.tenant.slug, &place.key).unwrap_or_default()
    }

    /// Notes what became of a write. Answers the keypad that must be read to see it.
    fn ended(
        &mut self,
        intent: &Intent,
        result: Result<Option<VendorCodeId>, LockError>,
        opens: Option<DateTime<Utc>>,
    ) -> Option<Place> {
        let (id, kind) = (&intent.code, intent.kind);
        let place = self.tenant.place_of(self.stay.code(id)?);
        // Nobody arrives at a keypad that its door no longer has.
        let opens = opens.filter(|_| self.tenant.is_present(&place));
        let now = self.write_time(&place.key);
        let blind = self.tenant.rules_at(&place).is_some_and(|rules| rules.listing == Listing::Nothing);
        let (tenant, work) = (self.tenant.clone(), self.lease.work.clone());
        let known = self.is_known_to_guest(id);
        let hidden = (known || intent.again) && !self.is_listed_with_digits(id, &place);
        // A keypad that has digits and lists nothing at all would not show other ones either.
        let lists_nothing = !blind && self.view(&place).codes().is_empty();
        let code = self.stay.code_mut(id)?;
        let (door, lock) = (code.door.clone(), code.lock.clone());
        let mut set = |state, error: Option<String>| {
            code.write = Some(WriteRecord { ended_at: Some(now), state, error, ..intended(kind, now) });
        };
        let (what, detail, look) = match result {
            Ok(vendor_id) => {
                set(WriteState::Applied, None);
                code.retry_at = None;
                if blind {
                    // Elsewhere a list tells whether that was the end of it.
                    code.attempts = 0;
                }
                if let Some(vendor_id) = vendor_id {
                    code.learn_id(&vendor_id);
                }
                #[cfg(staykey_planted)]
                if kind == WriteKind::Delete && planted(planted::REMOVED_UNSEEN) {
                    code.state = CodeState::Removed;
                }
                if kind != WriteKind::Delete {
                    code.proof = Proof::Accepted;
                    code.proof_at = now;
                }
                ("write-applied", String::new(), true)
            }
            Err(LockError::NoSuchCode) => {
                if kind == WriteKind::Replace && blind {
                    // No read will ever tell.
                    code.vendor_id = None;
                }
                // Gone already: what a delete wants. Only a read proves it.
                let state =
                    if kind == WriteKind::Delete { WriteState::Applied } else { WriteState::NotApplied };
                code.attempts += 1;
                code.retry_at = Some(now + retry::delay(code.attempts, now, opens));
                set(state, Some(LockError::NoSuchCode.to_string()));
                ("write-found-nothing", String::new(), true)
            }
            Err(LockError::DuplicatePin) if hidden && (lists_nothing || code.attempts < PATIENCE) => {
                // The stay's own code may be there, and the list not whole: other digits would be the greater harm.
                set(WriteState::NotApplied, Some(LockError::DuplicatePin.to_string()));
                code.attempts += 1;
                code.retry_at = Some(now + retry::delay(code.attempts, now, opens));
                (
                    "pin-hidden",
                    "the keypad has these digits, and its list does not show them".to_owned(),
                    true,
                )
            }
            Err(LockError::DuplicatePin) => {
                set(WriteState::NotApplied, Some(LockError::DuplicatePin.to_string()));
                // A code that is there already, or that the guest knows, stays until its successor is told.
                if kind == WriteKind::Create && (blind || !known) {
                    code.state = if blind { CodeState::Removed } else { CodeState::Unwanted };
                }
                ("pin-refused", "the keypad has these digits already".to_owned(), true)
            }
            Err(error) => {
                let error = vendor_error(error);
                let unknown = error.outcome == Outcome::Unknown;
                #[cfg(staykey_planted)]
                let unknown = unknown && !planted(planted::RETRY_WITHOUT_LOOKING);
                let state = if unknown { WriteState::Unknown } else { WriteState::NotApplied };
                set(state, Some(error.to_string()));
                code.attempts += 1;
                code.retry_at = Some(retry::after(&error, code.attempts, now, opens));
                let what = if needs_staff(&error) { "write-refused" } else { "write-failed" };
                (what, error.to_string(), state == WriteState::Unknown)
            }
        };
        match what {
            "write-applied" => {
                let due = self.engine.works(&tenant, &lock, Doing::Write);
                self.along.extend(due);
            }
            "pin-refused" => self.draw_anew(door.clone()),
            "pin-hidden" => {
                self.tried.insert(id.clone());
                self.alerts.insert((AlertKind::DoorUnreadable, Some(door.clone())), detail.clone());
            }
            "write-failed" | "write-refused" => {
                self.failed = true;
                self.tried.insert(id.clone());
                if what == "write-refused" {
                    // Only somebody can mend that, so they hear of it at once and not near arrival.
                    self.alerts.insert((AlertKind::LockCredentials, Some(door.clone())), detail.clone());
                }
                self.engine.waits_for(&tenant.slug, &lock, Doing::Write, &work);
            }
            _ => {}
        }
        self.audit(what, format!("{} on door {door}: {detail}", kind_word(kind)));
        look.then_some(place)
    }
}

/// What stood on a door before staff changed it, as the stay's own window: what somebody chose stands against the times
/// that they saw, and not against those that the stay got in the same moment.
fn instead_of(code: &CodeRecord, wished: Option<Window>, now: DateTime<Utc>) -> Window {
    if let Some((_, instead)) = &code.by_staff {
        return instead.clone();
    }
    // A start that was over when it was written may be another than the stay's.
    let both_over = |wished: &Window| wished.opens() <= now && code.window.opens() <= now;
    let written_for = |wished: &Window| {
        wished.end() == code.window.end() && (wished.start() == code.window.start() || both_over(wished))
    };
    wished.filter(written_for).unwrap_or_else(|| code.window.clone())
}

fn core_of(codes: &[CodeRecord]) -> Option<Pin> {
    codes.first().and_then(|code| code.pins.as_ref()).map(|pins| pins.stored.clone())
}

fn intended(kind: WriteKind, now: DateTime<Utc>) -> WriteRecord {
    WriteRecord { kind, intended_at: now, ended_at: None, state: WriteState::Intended, error: None }
}

fn kind_word(kind: WriteKind) -> &'static str {
    match kind {
        WriteKind::Create => "create",
        WriteKind::Replace => "replace",
        WriteKind::Delete => "delete",
    }
}
