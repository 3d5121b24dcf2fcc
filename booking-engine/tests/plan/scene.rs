//! A drawn case as records: all that a plan depends on, and what is on the keypads in truth.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use booking_core::conformance::{ManualClock, MemoryNotifier};
use booking_core::store::{
    BookingRecord, CodeRecord, CodeState, GrantRecord, MessageKind, MessageRecord, MessageState, Pins,
    Standing, Told as ToldRecord, ToldCode, WriteKind, WriteRecord, WriteState,
};
use booking_core::{
    Booking, BookingId, BookingKind, BookingStatus, Call, Channel, CodeId, CodeSpec, DateProblem, Door,
    DoorCodes, DoorId, DoorKey, DoorRules, ExternalId, FoundDoor, GrantId, Guest, IntegrationName,
    ListedCode, Listing, LockError, LockProvider, Marker, MessageId, Pin, Proof, Receipt, StayDates,
    TenantSlug, TimeSemantics, UnitId, UnitRef, VendorCodeId, VendorError, Window,
};
use booking_engine::plan::{Budget, DoorView, Linked, Plan, Rival, Situation, plan};
use booking_engine::text::Texts;
use booking_engine::{
    Brake, CancelInHouse, DoorSetup, Drift, GuestChannels, Mode, NotifierSetup, Policy, Tell, Tenant, Unit,
};
use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use crate::case::{Case, CodeCase, DoorCase, MessageCase, Stranger, TenantCase, There, Told, ViewCase};

pub(crate) const DOORS: [&str; 4] = ["lobby", "flat", "roof", "barn"];
const ZONE: Tz = chrono_tz::Europe::Warsaw;
const MARKER: &str = "Smoobu#9001";
/// The marker of those who need a place, too.
const RIVAL: &str = "Smoobu#555";

/// Keypads as rules; nobody calls them.
pub(crate) struct Keypads(pub(crate) BTreeMap<DoorKey, DoorRules>);

#[async_trait]
impl LockProvider for Keypads {
    fn rules(&self, door: &Door) -> DoorRules {
        self.0.get(&door.key).cloned().unwrap_or_else(|| DoorRules::new(4))
    }

    async fn doors(&self, _: Call) -> Result<Vec<FoundDoor>, LockError> {
        Err(LockError::NoSuchCode)
    }

    async fn codes(&self, _: Call, _: &Door) -> Result<DoorCodes, LockError> {
        Err(LockError::NoSuchCode)
    }

    async fn create(&self, _: Call, _: &Door, _: &CodeSpec) -> Result<VendorCodeId, LockError> {
        Err(LockError::NoSuchCode)
    }

    async fn replace(&self, _: Call, _: &Door, _: &VendorCodeId, _: &CodeSpec) -> Result<(), LockError> {
        Err(LockError::NoSuchCode)
    }

    async fn delete(&self, _: Call, _: &Door, _: &VendorCodeId) -> Result<(), LockError> {
        Err(LockError::NoSuchCode)
    }

    async fn check(&self, _: Call) -> Result<(), VendorError> {
        Ok(())
    }
}

pub(crate) fn name(text: &str) -> IntegrationName {
    IntegrationName::parse(text).unwrap()
}

pub(crate) fn door_id(text: &str) -> DoorId {
    DoorId::parse(text).unwrap()
}

pub(crate) fn key(device: &str) -> DoorKey {
    DoorKey { vendor: "model".into(), device: device.into(), keypad: "".into() }
}

pub(crate) fn marker() -> Marker {
    Marker::new("Smoobu", "9001").unwrap()
}

pub(crate) fn code_id(number: usize) -> CodeId {
    let text: String = format!("{number:0>12}")
        .chars()
        .map(|digit| char::from(b'a' + u8::try_from(digit.to_digit(10).unwrap()).unwrap()))
        .collect();
    CodeId::parse(&text).unwrap()
}

pub(crate) fn message_id(number: usize) -> MessageId {
    MessageId::parse(code_id(number).as_str()).unwrap()
}

fn vendor_id(text: &str) -> VendorCodeId {
    VendorCodeId::parse(text).unwrap()
}

fn digits(which: usize, length: usize) -> Pin {
    Pin::parse(&["482193", "750316", "936472", "604185"][which % 4][..length]).unwrap()
}

/// All that a plan depends on, and what is on the keypads in truth.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) now: DateTime<Utc>,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) booking: BookingRecord,
    pub(crate) grant: Option<GrantRecord>,
    pub(crate) codes: Vec<CodeRecord>,
    pub(crate) messages: Vec<MessageRecord>,
    pub(crate) views: BTreeMap<DoorKey, DoorView>,
    pub(crate) truth: BTreeMap<DoorKey, Vec<ListedCode>>,
    /// Codes of other stays.
    pub(crate) others: BTreeMap<DoorKey, Vec<Rival>>,
    pub(crate) reissued_at: Option<DateTime<Utc>>,
    pub(crate) without_backup: BTreeSet<DoorId>,
    /// The token that names the booking on codes.
    pub(crate) marker: Option<Marker>,
    /// The tokens of references that the booking had before.
    pub(crate) former: Vec<Marker>,
    /// Unmarked codes that staff has made the stay's own.
    pub(crate) linked: BTreeSet<Linked>,
    /// When integrations that had failed worked again.
    pub(crate) recovered: BTreeMap<IntegrationName, DateTime<Utc>>,
    pub(crate) budgets: BTreeMap<String, Budget>,
    /// What a budget that is looked up allows.
    pub(crate) allowed: usize,
    /// Whether a message of unknown outcome went out.
    pub(crate) found: bool,
    /// For new ids.
    pub(crate) drawn: usize,
}

fn texts() -> Arc<Texts> {
    static TEXTS: OnceLock<Arc<Texts>> = OnceLock::new();
    TEXTS.get_or_init(|| Arc::new(Texts::load(None).unwrap())).clone()
}

fn policy(case: &TenantCase) -> Policy {
    let mut policy = Policy::default();
    policy.proof = case.proof;
    policy.tell =
        case.tell_before.map_or(Tell::WhenProven, |ago| Tell::BeforeArrival(Duration::minutes(ago)));
    policy.settle = Duration::zero();
    policy.drift = if case.adopt_drift { Drift::Adopt } else { Drift::Restore };
    policy.cancel_in_house = if case.remove_in_house { CancelInHouse::Remove } else { CancelInHouse::Keep };
    policy.write_back = case.write_back;
    policy
}

fn rules(case: &DoorCase) -> DoorRules {
    let mut rules = DoorRules::new(case.length);
    rules.listing = case.listing;
    rules.highest_proof = case.highest;
    rules.settle = Duration::minutes(case.settle).to_std().unwrap();
    rules.capacity = case.capacity;
    rules.look_ahead = case.look_ahead.map(|ahead| Duration::minutes(ahead).to_std().unwrap());
    rules.past_start = case.past_start;
    if case.whole_days {
        rules.time = TimeSemantics::WholeLocalDays;
    }
    rules
}

fn unit(id: &str, doors: &[&str], case: &Case, policy: &Policy) -> Unit {
    let time = |(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    Unit {
        id: UnitId::parse(id).unwrap(),
        name: None,
        sources: BTreeMap::from([(name("smoobu"), UnitRef::parse(id).unwrap())]),
        zone: ZONE,
        check_in: time(case.stay.check_in),
        check_out: time(case.stay.check_out),
        doors: doors.iter().map(|door| door_id(door)).collect(),
        policy: policy.clone(),
        contact: None,
    }
}

fn tenant(case: &Case, now: DateTime<Utc>) -> Tenant {
    let clock = Arc::new(ManualClock::new(now));
    let notifier = |channel| NotifierSetup {
        notifier: Arc::new(MemoryNotifier::new(channel, clock.clone())),
        source: None,
    };
    let setup = |id: &str| DoorSetup {
        id: door_id(id),
        label: None,
        confirm: None,
        lock: name("model"),
        door: Door { key: key(id), zone: ZONE, pin_prefix: None, pin_length: None },
        backup_codes: 0,
    };
    let keypads = DOORS.iter().zip(&case.doors).map(|(id, case)| (key(id), rules(case))).collect();
    let channels: Vec<_> = ["sms", "thread"][..case.tenant.channels].iter().map(|text| name(text)).collect();
    let policy = policy(&case.tenant);
    let backups = usize::from(case.stay.told == Told::Standing);
    let mut doors: BTreeMap<_, _> = DOORS.iter().map(|id| (door_id(id), setup(id))).collect();
    doors.entry(door_id("flat")).and_modify(|setup| setup.backup_codes = u8::try_from(backups).unwrap());
    Tenant {
        slug: TenantSlug::parse("harbour").unwrap(),
        mode: case.tenant.mode,
        default_language: "en".into(),
        default_region: None,
        sources: BTreeMap::new(),
        locks: BTreeMap::from([(name("model"), Arc::new(Keypads(keypads)) as Arc<dyn LockProvider>)]),
        notifiers: BTreeMap::from([
            (name("sms"), notifier(Channel::Sms)),
            (name("thread"), notifier(Channel::Thread)),
        ]),
        units: vec![
            unit("studio", &DOORS[..case.stay.doors], case, &policy),
            unit("shed", &["lobby", "barn"], case, &policy),
            unit("yard", &[], case, &policy),
        ],
        doors,
        guest: if case.tenant.first_only {
            GuestChannels::First(channels)
        } else {
            GuestChannels::All(channels)
        },
        staff: Vec::new(),
        policy,
        full_read_every: Duration::minutes(30),
        full_read_ahead: Duration::days(365),
        door_read_every: Duration::minutes(30),
        brake: Brake::default(),
        retired: if case.tenant.retired { BTreeSet::from([key("old")]) } else { BTreeSet::new() },
        texts: texts(),
    }
}

/// The days, and the window of the stay where there is one.
fn window(case: &Case) -> (StayDates, Window) {
    let stay = &case.stay;
    let (month, day) = [(3, 27), (6, 10), (10, 30)][stay.season];
    let arrival = NaiveDate::from_ymd_opt(2027, month, day).unwrap();
    let dates = StayDates::new(arrival, arrival + Days::new(stay.nights)).unwrap();
    let time = |(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    let window =
        Window::of_stay(dates, time(stay.check_in), time(stay.check_out), ZONE).unwrap_or_else(|_| {
            Window::new(
                arrival.and_hms_opt(15, 0, 0).unwrap(),
                (arrival + Days::new(1)).and_time(NaiveTime::MIN),
                ZONE,
            )
            .unwrap()
        });
    (dates, window)
}

fn booking(case: &Case, dates: StayDates, now: DateTime<Utc>) -> BookingRecord {
    let told = case.stay.told;
    let unit = match told {
        Told::Unmapped => "unknown",
        Told::Elsewhere => "shed",
        Told::Doorless => "yard",
        _ => "studio",
    };
    let reference = ExternalId::parse("9001").unwrap();
    let booking = Booking {
        reference: reference.clone(),
        unit: Some(UnitRef::parse(unit).unwrap()),
        unit_name: None,
        kind: if told == Told::Block { BookingKind::Block } else { BookingKind::Stay },
        status: if told == Told::Cancelled { BookingStatus::Cancelled } else { BookingStatus::Confirmed },
        guest: Guest {
            name: Some("Ada Example".into()),
            phone: case.stay.reachable.then(|| "+48 600 000 001".into()),
            ..Guest::default()
        },
        dates: if told == Told::NoDates { Err(DateProblem::Missing) } else { Ok(dates) },
        check_in: None,
        check_out: None,
        revision: None,
    };
    let ended = now - Duration::minutes(case.stay.cancelled_ago);
    BookingRecord {
        id: BookingId::parse("aaaaaaaaaaaa").unwrap(),
        tenant: TenantSlug::parse("harbour").unwrap(),
        source: name("smoobu"),
        reference,
        booking: (!matches!(told, Told::NeverSeen | Told::Standing)).then_some(booking),
        seen_at: None,
        deleted_at: None,
        absences: 0,
        contradicted_since: None,
        not_found_since: (told == Told::NotFound || told == Told::NeverSeen).then_some(ended),
        gone_at: (told == Told::Gone).then_some(ended),
        cancelled_at: matches!(told, Told::Gone | Told::Cancelled).then_some(ended),
        last_error: None,
        former: Vec::new(),
        standing: (told == Told::Standing).then(|| Standing { door: door_id("flat"), number: 0 }),
        created_at: now - Duration::days(20),
    }
}

impl Scene {
    pub(crate) fn new(case: &Case) -> Self {
        let (dates, window) = window(case);
        let now = window.opens() + Duration::minutes(case.stay.clock);
        let booking = booking(case, dates, now);
        let held = ["studio", "shed"].get(case.stay.grant.wrapping_sub(1));
        let grant = held.map(|unit| GrantRecord {
            id: GrantId::parse("aaaaaaaaaaaa").unwrap(),
            tenant: booking.tenant.clone(),
            stay: booking.id.clone(),
            unit: Some(UnitId::parse(unit).unwrap()),
            unit_ref: Some(UnitRef::parse(unit).unwrap()),
            window: Some(window.clone()),
            core: Some(digits(0, 4)),
            write_back: None,
            created_at: booking.created_at,
        });
        let mut scene = Self {
            now,
            tenant: Arc::new(tenant(case, now)),
            booking,
            grant,
            codes: Vec::new(),
            messages: Vec::new(),
            views: BTreeMap::new(),
            truth: DOORS.into_iter().chain(["old"]).map(|id| (key(id), Vec::new())).collect(),
            others: BTreeMap::new(),
            reissued_at: case.stay.reissued_ago.map(|ago| now - Duration::minutes(ago)),
            without_backup: BTreeSet::new(),
            marker: Some(marker()),
            former: Vec::new(),
            linked: BTreeSet::new(),
            recovered: BTreeMap::new(),
            budgets: BTreeMap::new(),
            allowed: case.tenant.allowed,
            found: case.tenant.found,
            drawn: 1000,
        };
        for (number, code) in case.codes.iter().enumerate() {
            scene.put_code(number, code, &window, case);
        }
        for (id, door) in DOORS.iter().zip(&case.doors) {
            scene.put_others(id, door, &window);
        }
        for (number, message) in case.messages.iter().enumerate() {
            scene.put_message(number, message, &window);
        }
        if case.tenant.weighed {
            for name in ["source/smoobu", "door/lobby", "door/flat", "door/roof", "door/barn"] {
                scene.weigh(name);
            }
        }
        let old = ViewCase::Complete { ago: 1 };
        let views = DOORS.into_iter().zip(case.doors.iter().map(|door| door.view)).chain([("old", old)]);
        for (id, view) in views {
            scene.put_view(&key(id), view);
        }
        scene
    }

    pub(crate) fn weigh(&mut self, name: &str) {
        let budget = Budget { allowed: self.allowed, ..Budget::default() };
        self.budgets.entry(name.to_owned()).or_insert(budget);
    }

    fn put_code(&mut self, number: usize, case: &CodeCase, window: &Window, whole: &Case) {
        let ago = |minutes| self.now - Duration::minutes(minutes);
        let id = DOORS.get(case.door).copied().unwrap_or("old");
        let rules = whole.doors.get(case.door).map_or_else(|| DoorRules::new(4), rules);
        let shifted = match case.window {
            1 => Window::new(window.start(), window.start() + Duration::hours(2), ZONE),
            2 => Ok(window.widened(Duration::hours(3), Duration::zero())),
            3 => Window::new(window.start() - Duration::days(9), window.start() - Duration::days(8), ZONE),
            _ => Ok(rules.window(window)),
        };
        let stored = digits(case.digits, usize::from(rules.stored_len));
        let write = case.write.map(|(kind, state, minutes)| WriteRecord {
            kind,
            intended_at: ago(minutes),
            ended_at: (state != WriteState::Intended).then(|| ago(minutes)),
            state,
            error: None,
        });
        let proof = proof_of(case, rules.listing);
        let listed = proof >= Proof::Listed;
        // An answer brings the id.
        let taken = matches!(case.write, Some((_, WriteState::Applied, _)));
        let known = listed || taken || (case.has_id && write.is_some());
        let record = CodeRecord {
            id: code_id(number),
            tenant: self.booking.tenant.clone(),
            stay: self.booking.id.clone(),
            grant: GrantId::parse("aaaaaaaaaaaa").unwrap(),
            door: door_id(if id == "old" { "flat" } else { id }),
            key: key(id),
            lock: name("model"),
            pins: Some(Pins { typed: rules.typed(&stored), stored }),
            vendor_id: known.then(|| vendor_id(&format!("v{number}"))),
            known_ids: known.then(|| vendor_id(&format!("v{number}"))).into_iter().collect(),
            name: "Ada Example".into(),
            note: MARKER.into(),
            window: shifted.unwrap(),
            state: case.state,
            write,
            attempts: case.attempts,
            retry_at: case.retry_in.map(|minutes| self.now + Duration::minutes(minutes)),
            proof,
            proof_at: ago(90),
            missing_since: case.missing_ago.filter(|_| listed).map(ago),
            adopted: case.adopted,
            backup: self.booking.standing.is_some(),
            pool_note: None,
            by_staff: None,
            created_at: ago(600) + Duration::seconds(i64::try_from(number).unwrap()),
        };
        // What was never tried is on no keypad.
        if case.there != There::Nothing && (record.write.is_some() || listed) {
            let mut code = listing_of(&record, &vendor_id(&format!("v{number}")));
            match case.there {
                There::OtherDigits => code.stored = Some(digits(case.digits + 1, code_length(&record))),
                There::OtherEnd => code.end = code.end.map(|end| end - Duration::hours(1)),
                There::SwitchedOff => code.active = false,
                There::AsWritten | There::Nothing => {}
            }
            self.truth.entry(record.key.clone()).or_default().push(code);
        }
        self.codes.push(record);
    }

    fn put_others(&mut self, id: &str, case: &DoorCase, window: &Window) {
        let own = |id: &str, note: &str, which| ListedCode {
            id: vendor_id(id),
            stored: Some(digits(which, usize::from(case.length))),
            name: "Somebody".into(),
            note: note.into(),
            start: Some(window.wall().0),
            end: Some(window.wall().1),
            active: true,
            proof: Proof::Listed,
        };
        let codes = self.truth.entry(key(id)).or_default();
        for (number, stranger) in case.strangers.iter().enumerate() {
            let text = format!("x{number}");
            let both = format!("{MARKER} and Smoobu#77");
            let found = match stranger {
                Stranger::Unmarked => vec![own(&text, "Cleaner", 3)],
                Stranger::Foreign => vec![own(&text, "Smoobu#90012", 0)],
                Stranger::TwoMarkers => vec![own(&text, &both, 0)],
                Stranger::Ours => vec![own(&text, MARKER, 0)],
                Stranger::OursTwice => vec![own(&text, MARKER, 0), own(&format!("y{number}"), MARKER, 1)],
                Stranger::OursMasked => vec![ListedCode { stored: None, ..own(&text, MARKER, 0) }],
            };
            codes.extend(found);
        }
        if case.capacity.is_none() {
            return;
        }
        let stay = |number: usize| BookingId::parse(&code_id(number + 1).to_string()).unwrap();
        let rivals = case.rivals.iter().enumerate().map(|(number, (opens, there))| Rival {
            stay: stay(number),
            opens: self.now + Duration::minutes(*opens),
            wanted: true,
            backup: false,
            note: RIVAL.to_owned(),
            vendor_id: there.then(|| vendor_id(&format!("r{number}"))),
            on_its_way: false,
        });
        let rivals: Vec<Rival> = rivals.collect();
        for rival in rivals.iter().filter_map(|rival| rival.vendor_id.as_ref()) {
            codes.push(own(rival.as_str(), RIVAL, 2));
        }
        self.others.insert(key(id), rivals);
    }

    fn put_message(&mut self, number: usize, case: &MessageCase, window: &Window) {
        let at = self.now - Duration::minutes(500) + Duration::seconds(i64::try_from(number).unwrap());
        let unit = self.tenant.units[usize::from(case.tells == 3)].clone();
        let codes = unit.doors.iter().filter_map(|door| {
            let stands = |code: &&CodeRecord| code.state == CodeState::Wanted && code.door == *door;
            let code = self.codes.iter().rfind(stands)?;
            let typed = match case.tells {
                1 => Some(digits(3, 4)),
                _ => code.pins.as_ref().map(|pins| pins.typed.clone()),
            };
            Some(ToldCode { door: door.clone(), code: code.id.clone(), typed })
        });
        let late = Duration::hours(i64::from(case.tells == 2));
        let told = ToldRecord {
            unit: unit.id.clone(),
            start: window.start() + late,
            end: window.end(),
            codes: codes.collect(),
        };
        let state = [
            MessageState::Sent(Receipt { vendor_id: None }),
            MessageState::Intended,
            MessageState::Unknown,
            MessageState::Failed,
            MessageState::Undeliverable,
            MessageState::Superseded,
        ];
        let record = MessageRecord {
            id: message_id(number),
            tenant: self.booking.tenant.clone(),
            stay: self.booking.id.clone(),
            notifier: name(["sms", "thread", "earlier-system"][case.channel]),
            kind: MessageKind::CodeReady,
            state: if case.channel == 2 { state[0].clone() } else { state[case.state].clone() },
            maybe_twice: case.maybe_twice,
            attempts: case.attempts,
            retry_at: case.retry_in.map(|minutes| self.now + Duration::minutes(minutes)),
            intended_at: at,
            tried_at: at,
            ended_at: (case.state != 1).then_some(at),
            error: None,
            told: Some(told),
            text: None,
        };
        self.messages.push(record);
    }

    fn put_view(&mut self, key: &DoorKey, case: ViewCase) {
        let at = |ago| Some(self.now - Duration::minutes(ago));
        let half = |mut codes: Vec<ListedCode>| codes.split_off(codes.len() / 2);
        let view = match case {
            ViewCase::Complete { ago } => DoorView::of(at(ago), true, self.seen_at(key, at(ago))),
            ViewCase::Partial { ago } => DoorView::of(at(ago), false, half(self.seen_at(key, at(ago)))),
            ViewCase::Failing { ago, retry_in } => {
                let mut view = DoorView::of(at(ago + 20), true, self.seen_at(key, at(ago + 20)));
                view.failing = at(ago).map(|at| (at, "down".to_owned()));
                view.retry_at = Some(self.now + Duration::minutes(retry_in));
                view
            }
            ViewCase::None => return,
        };
        self.views.insert(key.clone(), view);
    }

    /// What a complete read showed then: nothing that was written later.
    fn seen_at(&self, key: &DoorKey, at: Option<DateTime<Utc>>) -> Vec<ListedCode> {
        let later = |write: &WriteRecord| write.kind != WriteKind::Delete && Some(write.intended_at) >= at;
        let written =
            self.codes.iter().enumerate().filter(|(_, code)| code.write.as_ref().is_some_and(later));
        let written: Vec<_> = written.map(|(number, _)| vendor_id(&format!("v{number}"))).collect();
        self.seen(key).into_iter().filter(|listed| !written.contains(&listed.id)).collect()
    }

    /// What a complete read of a keypad shows.
    pub(crate) fn seen(&self, key: &DoorKey) -> Vec<ListedCode> {
        let rules = self.rules(key);
        let codes = self.truth.get(key).cloned().unwrap_or_default();
        let shown = codes.into_iter().map(|code| ListedCode {
            stored: code.stored.filter(|_| rules.listing == Listing::Codes),
            proof: rules.highest_proof.max(Proof::Listed),
            ..code
        });
        if rules.listing == Listing::Nothing { Vec::new() } else { shown.collect() }
    }

    pub(crate) fn rules(&self, key: &DoorKey) -> DoorRules {
        let door = Door { key: key.clone(), zone: ZONE, pin_prefix: None, pin_length: None };
        self.tenant.locks[&name("model")].rules(&door)
    }

    pub(crate) fn rivals(&self) -> BTreeMap<DoorKey, Vec<Rival>> {
        let mut rivals = self.others.clone();
        for (key, rivals) in &mut rivals {
            let own = self.codes.iter().filter(|code| code.key == *key && code.state != CodeState::Removed);
            rivals.extend(own.map(rival));
        }
        rivals
    }

    pub(crate) fn plan(&self) -> Plan {
        let rivals = self.rivals();
        self.plan_with(&self.views, &rivals, &self.budgets)
    }

    /// The plan when just this is known of doors, rivals and budgets.
    pub(crate) fn plan_with(
        &self,
        views: &BTreeMap<DoorKey, DoorView>,
        rivals: &BTreeMap<DoorKey, Vec<Rival>>,
        budgets: &BTreeMap<String, Budget>,
    ) -> Plan {
        plan(&Situation {
            now: self.now,
            tenant: &self.tenant,
            mode: self.tenant.mode,
            booking: &self.booking,
            former: &self.former,
            marker: self.marker.as_ref(),
            grant: self.grant.as_ref(),
            codes: &self.codes,
            messages: &self.messages,
            views,
            recovered: &self.recovered,
            rivals,
            reissued_at: self.reissued_at,
            linked: &self.linked,
            without_backup: &self.without_backup,
            budgets,
        })
    }

    pub(crate) fn full(&self) -> bool {
        self.tenant.mode == Mode::Full
    }
}

/// Proofs that the other fields allow: a write that is open or failed proves nothing, a keypad that shows nothing
/// proves no more than an answer.
fn proof_of(case: &CodeCase, listing: Listing) -> Proof {
    let most = if listing == Listing::Nothing { Proof::Accepted } else { Proof::Used };
    let proof = match case.write {
        Some((WriteKind::Delete, ..)) => case.proof,
        Some((_, WriteState::Applied, _)) => case.proof.max(Proof::Accepted),
        Some(_) => Proof::Requested,
        None if case.adopted => case.proof.max(Proof::Listed),
        None => Proof::Requested,
    };
    proof.min(most)
}

fn code_length(code: &CodeRecord) -> usize {
    code.pins.as_ref().map_or(4, |pins| pins.stored.len())
}

fn rival(code: &CodeRecord) -> Rival {
    let open = |write: &WriteRecord| {
        write.kind == WriteKind::Create && matches!(write.state, WriteState::Intended | WriteState::Unknown)
    };
    Rival {
        stay: code.stay.clone(),
        opens: code.window.opens(),
        wanted: code.state == CodeState::Wanted,
        backup: code.backup,
        note: code.note.clone(),
        vendor_id: code.vendor_id.clone(),
        on_its_way: code.write.as_ref().is_some_and(open),
    }
}

/// A ledger entry as a keypad lists it.
pub(crate) fn listing_of(code: &CodeRecord, id: &VendorCodeId) -> ListedCode {
    let (start, end) = code.window.wall();
    ListedCode {
        id: id.clone(),
        stored: code.pins.as_ref().map(|pins| pins.stored.clone()),
        name: code.name.clone(),
        note: code.note.clone(),
        start: Some(start),
        end: Some(end),
        active: true,
        proof: Proof::Listed,
    }
}
