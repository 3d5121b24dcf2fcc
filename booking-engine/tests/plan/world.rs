//! A small world without trouble: every step does exactly what it says, and reads show everything.

use booking_core::store::{
    CodeRecord, CodeState, GrantRecord, MessageRecord, MessageState, Pins, Told, ToldCode, WriteBackRecord,
    WriteKind, WriteRecord, WriteState,
};
use booking_core::{
    CodeId, DoorKey, GrantId, ListedCode, Listing, Pin, Proof, Receipt, VendorCodeId, Window,
};
use booking_engine::Place;
use booking_engine::plan::{Content, DoorView, Gate, NewCode, Plan, Step, Tell};
use chrono::{DateTime, Duration, Utc};

use crate::scene::{Scene, code_id, listing_of, message_id, name};

/// More rounds than any honest plan needs.
const MOST_ROUNDS: usize = 25;

/// Looks at each plan before it is applied.
pub(crate) type Watch<'w> = &'w mut dyn FnMut(&Scene, &Plan);

impl Scene {
    /// Plans and applies until nothing is left to do now; steps that `skip` names are never taken. The last plan.
    pub(crate) fn settle(&mut self, skip: &dyn Fn(&Step) -> bool, watch: Watch<'_>) -> Plan {
        let mut last = None;
        for _ in 0..MOST_ROUNDS {
            let plan = self.plan();
            watch(self, &plan);
            self.learn(&plan);
            let ready: Vec<Step> = plan.ready().filter(|step| !skip(step)).cloned().collect();
            if ready.is_empty() {
                return plan;
            }
            self.wave(&ready, &plan);
            last = Some(ready);
        }
        panic!("no rest: {last:?}");
    }

    /// Lets time pass until nothing more is waited for, or until then.
    pub(crate) fn pass(&mut self, until: DateTime<Utc>, watch: Watch<'_>) -> Plan {
        loop {
            let plan = self.settle(&|_| false, watch);
            let next = plan.next.map(|next| next.max(self.now + Duration::seconds(5)));
            match next.filter(|next| *next <= until) {
                Some(next) => self.now = next,
                None => return plan,
            }
        }
    }

    fn learn(&mut self, plan: &Plan) {
        self.codes.clone_from(&plan.codes);
        let Some((unit, window)) = plan.access.clone() else { return };
        let unit_ref = self.booking.booking.as_ref().and_then(|booking| booking.unit.clone());
        let grant = self.grant();
        grant.unit = Some(unit);
        grant.unit_ref = unit_ref;
        grant.window = Some(window);
    }

    fn grant(&mut self) -> &mut GrantRecord {
        let (tenant, stay) = (self.booking.tenant.clone(), self.booking.id.clone());
        let created_at = self.now;
        self.grant.get_or_insert_with(|| GrantRecord {
            id: GrantId::parse("aaaaaaaaaaaa").unwrap(),
            tenant,
            stay,
            unit: None,
            unit_ref: None,
            window: None,
            core: None,
            write_back: None,
            created_at,
        })
    }

    /// One wave, in the engine's order: knowledge first, then doors, then people.
    fn wave(&mut self, ready: &[Step], plan: &Plan) {
        let knows = |step: &&Step| {
            matches!(
                step,
                Step::Read { .. } | Step::Adopt { .. } | Step::Weigh { .. } | Step::LetStand { .. }
            )
        };
        let writes = |step: &&Step| {
            matches!(
                step,
                Step::Create { .. } | Step::Replace { .. } | Step::Delete { .. } | Step::Mint { .. }
            )
        };
        let wave: Vec<&Step> = if ready.iter().any(|step| knows(&step)) {
            ready.iter().filter(knows).collect()
        } else if ready.iter().any(|step| writes(&step)) {
            ready.iter().filter(writes).collect()
        } else {
            ready.iter().collect()
        };
        let mut touched: Vec<DoorKey> = Vec::new();
        for step in wave {
            self.apply(step, plan, &mut touched);
        }
        for key in touched {
            self.read(&key);
        }
    }

    fn apply(&mut self, step: &Step, plan: &Plan, touched: &mut Vec<DoorKey>) {
        match step {
            Step::Read { place } => self.read(&place.key),
            Step::Weigh { budgets } => budgets.iter().for_each(|name| self.weigh(name)),
            Step::Adopt { place, listed, wanted } => self.adopt(place, listed, *wanted, plan),
            Step::LetStand { code, listed } => self.let_stand(code, listed, plan),
            Step::Issue { door, .. } => {
                self.without_backup.insert(door.clone());
            }
            Step::Mint { codes, fresh } => self.mint(codes, *fresh, touched),
            Step::Create { code, content } => self.write(code, WriteKind::Create, Some(content), touched),
            Step::Replace { code, content, .. } => {
                self.write(code, WriteKind::Replace, Some(content), touched)
            }
            Step::Delete { code } => {
                for (budget, code) in plan.draws.iter().filter(|(_, drawn)| drawn == code) {
                    let spent = (code.clone(), self.now);
                    self.budgets.entry(budget.clone()).and_modify(|budget| budget.spent.push(spent));
                }
                self.write(code, WriteKind::Delete, None, touched);
            }
            Step::Tell(tell) => self.tell(tell),
            Step::Find { message } => self.find(message),
            Step::Supersede { message } => {
                self.message(message).state = MessageState::Superseded;
            }
            Step::WriteBack { codes } => {
                let (codes, at) = (codes.clone(), self.now);
                let record = WriteBackRecord { codes, at, written: true, attempts: 0, retry_at: None };
                self.grant().write_back = Some(record);
            }
            other => panic!("a step that this world does not know: {other:?}"),
        }
    }

    fn last_write(&self, key: &DoorKey) -> DateTime<Utc> {
        let ends = self.codes.iter().filter(|code| code.key == *key);
        let ends = ends
            .filter_map(|code| code.write.as_ref())
            .map(|write| write.ended_at.unwrap_or(write.intended_at));
        ends.max().map_or(self.now, |end| end.max(self.now))
    }

    /// Later than every read so far.
    fn write_time(&self, key: &DoorKey) -> DateTime<Utc> {
        let seen = self.views.get(key).and_then(|view| view.observed_at);
        seen.map_or(self.now, |at| self.now.max(at + Duration::microseconds(1)))
    }

    fn read(&mut self, key: &DoorKey) {
        let at = self.last_write(key) + Duration::microseconds(1);
        self.views.insert(key.clone(), DoorView::of(Some(at), true, self.seen(key)));
    }

    fn draw(&mut self) -> usize {
        self.drawn += 1;
        self.drawn
    }

    fn code_time(&self) -> DateTime<Utc> {
        let last = self.codes.last().map(|code| code.created_at + Duration::microseconds(1));
        last.map_or(self.now, |last| last.max(self.now))
    }

    fn adopt(&mut self, place: &Place, listed: &ListedCode, wanted: bool, plan: &Plan) {
        let at = self.code_time();
        let rules = self.rules(&place.key);
        let stored = listed.stored.clone().unwrap();
        let held =
            listed.start.zip(listed.end).and_then(|(start, end)| Window::new(start, end, place.zone).ok());
        let wall = self.now.naive_utc();
        let window = held
            .or_else(|| plan.access.as_ref().map(|(_, window)| window.clone()))
            .unwrap_or_else(|| Window::new(wall, wall + Duration::minutes(1), place.zone).unwrap());
        let id = code_id(self.draw());
        let typed = rules.typed(&stored);
        if wanted {
            self.grant().core.get_or_insert_with(|| stored.clone());
            self.presume_told(&id, &typed, place, &window, plan);
        }
        self.codes.push(CodeRecord {
            id,
            tenant: self.booking.tenant.clone(),
            stay: self.booking.id.clone(),
            grant: GrantId::parse("aaaaaaaaaaaa").unwrap(),
            door: place.door.clone(),
            key: place.key.clone(),
            lock: place.lock.clone(),
            pins: Some(Pins { typed, stored }),
            known_ids: vec![listed.id.clone()],
            vendor_id: Some(listed.id.clone()),
            name: listed.name.clone(),
            note: listed.note.clone(),
            window,
            state: if wanted { CodeState::Wanted } else { CodeState::Unwanted },
            write: None,
            attempts: 0,
            retry_at: None,
            proof: if listed.active { Proof::Listed } else { Proof::Requested },
            proof_at: at,
            missing_since: None,
            adopted: true,
            backup: false,
            pool_note: None,
            by_staff: None,
            created_at: at,
        });
    }

    /// The earlier system has told the guest what is adopted.
    fn presume_told(&mut self, code: &CodeId, typed: &Pin, place: &Place, window: &Window, plan: &Plan) {
        let Some((unit, _)) = plan.access.clone() else { return };
        let told = ToldCode { door: place.door.clone(), code: code.clone(), typed: Some(typed.clone()) };
        let known = self.messages.iter_mut().find(|message| message.notifier.as_str() == "earlier-system");
        if let Some(known) = known.and_then(|message| message.told.as_mut()) {
            known.codes.push(told);
            return;
        }
        let told = Told { unit, start: window.start(), end: window.end(), codes: vec![told] };
        let tell = Tell {
            notifier: name("earlier-system"),
            recipient: None,
            kind: booking_core::store::MessageKind::CodeReady,
            told,
            works_from: None,
            again: None,
        };
        self.tell(&tell);
        self.messages.last_mut().unwrap().state = MessageState::Sent(Receipt { vendor_id: None });
    }

    fn let_stand(&mut self, id: &CodeId, listed: &ListedCode, plan: &Plan) {
        let Some(code) = self.codes.iter().find(|code| code.id == *id) else { return };
        let rules = self.rules(&code.key);
        let zone = code.window.zone();
        let held = listed.start.zip(listed.end).and_then(|(start, end)| Window::new(start, end, zone).ok());
        let instead = plan.access.as_ref().map_or(code.window.clone(), |(_, window)| rules.window(window));
        let Some(code) = self.codes.iter_mut().find(|code| code.id == *id) else { return };
        if let Some(stored) = listed.stored.clone() {
            code.pins = Some(Pins { typed: rules.typed(&stored), stored });
        }
        if let Some(held) = held.filter(|held| *held != code.window) {
            code.by_staff = Some((held.clone(), instead));
            code.window = held;
        }
    }

    /// Digits that no keypad of these has yet: the grant's, where they fit.
    fn digits(&mut self, codes: &[NewCode], fresh: bool) -> Pin {
        let keys: Vec<DoorKey> =
            codes.iter().map(|new| self.tenant.doors[&new.door].door.key.clone()).collect();
        let length = usize::from(self.rules(&keys[0]).stored_len);
        let core = self.grant().core.clone().filter(|core| core.len() == length && !fresh);
        let is_free = |pin: &Pin| {
            let on = keys.iter().flat_map(|key| &self.truth[key]);
            on.filter_map(|listed| listed.stored.as_ref()).all(|other| other != pin)
        };
        if let Some(core) = core.filter(is_free) {
            return core;
        }
        let drawn = self.draw();
        Pin::parse(&format!("{drawn:0>length$}")).unwrap()
    }

    fn mint(&mut self, codes: &[NewCode], fresh: bool, touched: &mut Vec<DoorKey>) {
        let stored = self.digits(codes, fresh);
        let core = self.grant().core.clone().filter(|_| !fresh).unwrap_or_else(|| stored.clone());
        self.grant().core = Some(core);
        let at = self.code_time();
        for new in codes {
            let setup = self.tenant.doors[&new.door].clone();
            let key = setup.door.key.clone();
            let earlier = match &new.gate {
                Gate::InPlaceOf(earlier) => self.codes.iter_mut().find(|code| code.id == *earlier),
                Gate::Open | Gate::Closed => None,
            };
            let vendor_id = earlier.and_then(|earlier| {
                earlier.state = CodeState::Removed;
                earlier.vendor_id.take()
            });
            let id = code_id(self.draw());
            let rules = self.rules(&key);
            self.codes.push(CodeRecord {
                id: id.clone(),
                tenant: self.booking.tenant.clone(),
                stay: self.booking.id.clone(),
                grant: GrantId::parse("aaaaaaaaaaaa").unwrap(),
                door: new.door.clone(),
                key,
                lock: setup.lock,
                pins: Some(Pins { typed: rules.typed(&stored), stored: stored.clone() }),
                known_ids: vendor_id.iter().cloned().collect(),
                vendor_id,
                name: new.content.name.clone(),
                note: new.content.note.clone(),
                window: new.content.window.clone(),
                state: CodeState::Wanted,
                write: None,
                attempts: 0,
                retry_at: None,
                proof: Proof::Requested,
                proof_at: at,
                missing_since: None,
                adopted: false,
                backup: self.booking.standing.is_some(),
                pool_note: None,
                by_staff: None,
                created_at: at,
            });
            let kind = match new.gate {
                Gate::Open => WriteKind::Create,
                Gate::InPlaceOf(_) => WriteKind::Replace,
                Gate::Closed => continue,
            };
            self.write(&id, kind, Some(&new.content), touched);
        }
    }

    fn write(&mut self, id: &CodeId, kind: WriteKind, content: Option<&Content>, touched: &mut Vec<DoorKey>) {
        let standing = self.booking.standing.is_some();
        let Some(place) = self.codes.iter().position(|code| code.id == *id) else {
            panic!("a write for a code that is not in the ledger");
        };
        let key = self.codes[place].key.clone();
        let at = self.write_time(&key);
        if let Some(content) = content {
            let code = &mut self.codes[place];
            code.window = content.window.clone();
            code.name.clone_from(&content.name);
            code.note.clone_from(&content.note);
            code.backup &= standing;
        }
        let vendor_id = self.hold(place, kind);
        let found = vendor_id.is_some();
        let code = &mut self.codes[place];
        let state =
            if found || kind == WriteKind::Delete { WriteState::Applied } else { WriteState::NotApplied };
        code.write = Some(WriteRecord { kind, intended_at: at, ended_at: Some(at), state, error: None });
        code.attempts = if found { 0 } else { code.attempts + 1 };
        code.retry_at = (!found).then(|| at + Duration::seconds(10));
        if kind != WriteKind::Delete {
            code.proof = if found { Proof::Accepted } else { Proof::Requested };
            code.proof_at = at;
            vendor_id.iter().for_each(|id| code.learn_id(id));
        }
        if self.rules(&key).listing != Listing::Nothing && !touched.contains(&key) {
            touched.push(key);
        }
    }

    /// What a write does to the keypad: the vendor's id, or `None` where there is no such code.
    fn hold(&mut self, place: usize, kind: WriteKind) -> Option<VendorCodeId> {
        let drawn = self.draw();
        let code = self.codes[place].clone();
        let rules = self.rules(&code.key);
        let codes = self.truth.entry(code.key.clone()).or_default();
        if kind == WriteKind::Create {
            // One note, one code: the contract of keypads that show nothing.
            if rules.listing == Listing::Nothing {
                codes.retain(|listed| listed.note != code.note);
            }
            let id = VendorCodeId::parse(&format!("w{drawn}")).unwrap();
            codes.push(listing_of(&code, &id));
            assert!(
                rules.listing == Listing::Nothing || rules.capacity.is_none_or(|most| codes.len() <= most),
                "a code is made on a full keypad"
            );
            return Some(id);
        }
        let id = code.vendor_id.clone()?;
        let at = codes.iter().position(|listed| listed.id == id)?;
        match kind {
            WriteKind::Delete => drop(codes.remove(at)),
            _ => codes[at] = listing_of(&code, &id),
        }
        Some(id)
    }

    fn message(&mut self, id: &booking_core::MessageId) -> &mut MessageRecord {
        self.messages.iter_mut().find(|message| message.id == *id).unwrap()
    }

    fn tell(&mut self, tell: &Tell) {
        let sent = match tell.recipient {
            Some(_) => MessageState::Sent(Receipt { vendor_id: None }),
            None => MessageState::Undeliverable,
        };
        let now = self.now;
        if let Some(again) = &tell.again {
            let message = self.message(again);
            message.state = sent;
            message.told = Some(tell.told.clone());
            message.tried_at = now;
            message.error = tell.recipient.is_none().then(|| "no address".to_owned());
            return;
        }
        let last = self.messages.last().map(|last| last.intended_at + Duration::microseconds(1));
        let at = last.map_or(now, |last| last.max(now));
        let id = message_id(self.draw());
        self.messages.push(MessageRecord {
            id,
            tenant: self.booking.tenant.clone(),
            stay: self.booking.id.clone(),
            notifier: tell.notifier.clone(),
            kind: tell.kind,
            state: sent,
            maybe_twice: false,
            attempts: 0,
            retry_at: None,
            intended_at: at,
            tried_at: at,
            ended_at: Some(at),
            error: tell.recipient.is_none().then(|| "no address".to_owned()),
            told: Some(tell.told.clone()),
            text: None,
        });
    }

    fn find(&mut self, id: &booking_core::MessageId) {
        let sent =
            if self.found { MessageState::Sent(Receipt { vendor_id: None }) } else { MessageState::Failed };
        let now = self.now;
        let message = self.message(id);
        message.state = sent;
        message.retry_at = None;
        message.ended_at = Some(now);
    }
}
