//! Histories from seeds.

use booking_core::Proof;
use chrono::{DateTime, Days, Duration, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::chance::Chance;
use crate::coverage::{STORE_TROUBLES, Side};
use crate::history::{
    Booked, Change, ChannelSetup, Event, History, HookMode, KeypadSetup, ModeSetup, Ops, PolicySetup, Setup,
    SourceSetup, StaffAct, THE_KEYS, Target, TenantSetup, Timed, Trouble,
};
use crate::lock::catalogue;

/// Which things a history may have in it.
#[derive(Clone, Debug)]
pub struct Features {
    /// Keypads, by their names in the catalogue.
    pub keypads: Vec<&'static str>,
    /// Whether vendors may be the simulators.
    pub simulators: bool,
    /// What may go wrong with a call.
    pub troubles: Vec<Trouble>,
    /// Whether hosts die and stand still.
    pub crashes: bool,
    /// Whether bookings get other names.
    pub reissue: bool,
    /// Whether locks are replaced, lose codes and run out of battery.
    pub broken_locks: bool,
    /// Whether staff acts in the vendor's app.
    pub staff: bool,
    /// Whether the configuration changes.
    pub reconfigure: bool,
    /// Whether lists of codes may be empty, cut or old.
    pub bad_lists: bool,
    /// Whether a source may tell an old word twice after a stay is gone.
    pub gone_and_back: bool,
    /// Whether hosts know what other hosts have read of a door.
    pub shared_views: bool,
    /// Whether most histories have many stays, and doors and sources are read seldom: then more of a run is stays and
    /// less of it is reads that show nothing new.
    pub busy: bool,
    /// Whether tenants may watch only, or not delete.
    pub modes: bool,
    /// Whether doors have backup codes.
    pub backups: bool,
    /// Whether doors get other keypads in the configuration.
    pub replacements: bool,
    /// Whether what staff changes in the vendor's app may stand.
    pub adopt: bool,
    /// Whether digits may come from telephones.
    pub phone_pins: bool,
    /// Whether codes are written into bookings.
    pub write_back: bool,
    /// Whether the brake is drawn tighter.
    pub brake: bool,
    /// Whether staff hears of alerts.
    pub staff_channel: bool,
    /// Whether staff wants other digits for a stay.
    pub redraws: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            keypads: HELD.to_vec(),
            simulators: true,
            troubles: Trouble::ALL.to_vec(),
            crashes: true,
            reissue: true,
            broken_locks: true,
            staff: true,
            reconfigure: true,
            bad_lists: true,
            gone_and_back: true,
            shared_views: true,
            modes: true,
            backups: true,
            replacements: true,
            adopt: true,
            phone_pins: true,
            write_back: true,
            brake: true,
            staff_channel: true,
            redraws: true,
            busy: false,
        }
    }
}

impl Features {
    /// Everything, what is known to be broken included.
    #[must_use]
    pub fn all() -> Self {
        let keypads = catalogue().into_iter().map(|(name, _)| name).collect();
        Self { keypads, ..Self::default() }
    }

    /// What the third lot of kept seeds was drawn from: no keypads of three places.
    #[must_use]
    pub fn third() -> Self {
        Self { keypads: HELD.iter().take(16).copied().collect(), ..Self::default() }
    }

    /// What the second lot of kept seeds was drawn from: fewer keypads, no backups, no brake, no replaced locks.
    #[must_use]
    pub fn second() -> Self {
        let keypads = HELD.iter().take(9).copied().collect();
        Self { keypads, backups: false, replacements: false, adopt: false, brake: false, ..Self::default() }
    }

    /// What the first histories had in them. What these draw from a seed stays as it is, for the seeds that are kept.
    #[must_use]
    pub fn first() -> Self {
        Self {
            keypads: vec!["plain", "direct", "late-sync", "ghost", "instants", "app-at-door"],
            simulators: true,
            troubles: Trouble::ALL.to_vec(),
            crashes: true,
            reissue: false,
            broken_locks: true,
            staff: true,
            reconfigure: true,
            bad_lists: false,
            gone_and_back: false,
            shared_views: false,
            busy: false,
            modes: false,
            backups: false,
            replacements: false,
            adopt: false,
            phone_pins: false,
            write_back: false,
            brake: false,
            staff_channel: false,
            redraws: false,
        }
    }

    /// The same with all that was known to be broken then.
    #[must_use]
    pub fn first_all() -> Self {
        Self { reissue: true, bad_lists: true, gone_and_back: true, shared_views: true, ..Self::first() }
    }

    /// These, and one more by its name: a field, or a keypad of the catalogue, which then is the one drawn.
    ///
    /// # Errors
    ///
    /// When there is nothing of this name.
    pub fn with(mut self, name: &str) -> Result<Self, String> {
        let field = match name {
            "reissue" => Some(&mut self.reissue),
            "bad-lists" => Some(&mut self.bad_lists),
            "gone-and-back" => Some(&mut self.gone_and_back),
            "shared-views" => Some(&mut self.shared_views),
            "modes" => Some(&mut self.modes),
            "backups" => Some(&mut self.backups),
            "replacements" => Some(&mut self.replacements),
            "adopt" => Some(&mut self.adopt),
            "phone-pins" => Some(&mut self.phone_pins),
            "write-back" => Some(&mut self.write_back),
            "brake" => Some(&mut self.brake),
            "staff-channel" => Some(&mut self.staff_channel),
            "redraws" => Some(&mut self.redraws),
            "busy" => Some(&mut self.busy),
            _ => None,
        };
        if let Some(field) = field {
            *field = true;
            return Ok(self);
        }
        let keypads = catalogue().into_iter().map(|(keypad, _)| keypad).find(|keypad| *keypad == name);
        self.keypads = vec![keypads.ok_or_else(|| format!("there is no {name}"))?, "plain"];
        Ok(self)
    }
}

/// The keypads that every promise holds on.
const HELD: [&str; 17] = [
    "plain",
    "direct",
    "late-sync",
    "ghost",
    "instants",
    "app-at-door",
    "no-future",
    "accepted-only",
    "used",
    "daily-sync",
    "look-ahead-week",
    "masked",
    "neighbours",
    "unique-names",
    "whole-days",
    "write-only",
    "small",
];
const ZONES: [Tz; 3] = [Tz::Europe__Warsaw, Tz::America__New_York, Tz::Asia__Tokyo];
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The history of a seed.
#[must_use]
pub fn generate(seed: u64, features: &Features) -> History {
    let mut drawer = Drawer { chance: Chance::new(seed), features };
    let setup = drawer.setup();
    let events = drawer.events(&setup);
    History { seed, setup, events }
}

struct Drawer<'a> {
    chance: Chance,
    features: &'a Features,
}

impl Drawer<'_> {
    fn setup(&mut self) -> Setup {
        // Their JSON costs ten times what a model costs.
        let often = if self.features.busy { 10 } else { 20 };
        let simulated = self.features.simulators && self.chance.percent(often);
        let zone = self.zone();
        let tenants = if self.chance.percent(25) { 2 } else { 1 };
        let mut setup = Setup {
            begins: self.begins(zone),
            hosts: self.chance.weighed(&[(5, 1), (3, 2), (1, 3)]).unwrap_or(1),
            keypads: Vec::new(),
            tenants: Vec::new(),
        };
        for number in 0..tenants {
            let tenant = self.tenant(&mut setup, zone, simulated && number == 0);
            setup.tenants.push(tenant);
        }
        setup
    }

    fn zone(&mut self) -> Tz {
        self.chance.weighed(&[(5, ZONES[0]), (3, ZONES[1]), (1, ZONES[2])]).unwrap_or(Tz::UTC)
    }

    /// A third of all worlds live through a night in which the clocks change.
    fn begins(&mut self, zone: Tz) -> DateTime<Utc> {
        let (month, day) = match (self.chance.below(6), zone) {
            (0, Tz::America__New_York) => (3, 9),
            (0, _) => (3, 23),
            (1, Tz::America__New_York) => (11, 2),
            (1, _) => (10, 26),
            _ => (5, 4),
        };
        let hour = u32::try_from(self.chance.below(24)).unwrap_or(0);
        Utc.with_ymd_and_hms(2027, month, day, hour, 0, 0).single().unwrap_or_default()
    }

    fn keypad(&mut self, setup: &mut Setup, zone: Tz, simulated: bool) -> usize {
        let spec = if simulated {
            THE_KEYS
        } else {
            self.chance.pick(&self.features.keypads).copied().unwrap_or("plain")
        };
        setup.keypads.push(KeypadSetup { spec: spec.to_owned(), zone });
        setup.keypads.len() - 1
    }

    fn tenant(&mut self, setup: &mut Setup, zone: Tz, simulated: bool) -> TenantSetup {
        let first = setup.keypads.first().is_some_and(|keypad| !keypad.is_simulated());
        // The street door, shared with the tenant before.
        let lobby = (first && self.chance.percent(60)).then_some(0);
        let lobby = match lobby {
            None if self.chance.percent(40) => Some(self.keypad(setup, zone, simulated)),
            lobby => lobby,
        };
        let many = self.chance.weighed(&[(3, 1), (4, 2), (2, 3), (1, 4)]).unwrap_or(1);
        let mut units = Vec::new();
        for _ in 0..many {
            let mut doors: Vec<usize> = lobby.into_iter().collect();
            let own = self.chance.weighed(&[(8, 1), (2, 2), (1, 3)]).unwrap_or(1);
            for _ in 0..own {
                doors.push(self.keypad(setup, zone, simulated));
            }
            units.push(doors);
        }
        let busy = self.features.busy;
        let full_reads: &[_] =
            if busy { &[(1, 30), (2, 240), (4, 480), (2, 720)] } else { &[(2, 30), (4, 120), (3, 240)] };
        let door_reads: &[_] =
            if busy { &[(1, 60), (4, 360), (4, 720)] } else { &[(2, 60), (4, 180), (3, 360)] };
        TenantSetup {
            zone,
            source: self.source(simulated),
            channels: self.channels(simulated),
            first_only: self.chance.percent(25),
            units,
            policy: self.policy(),
            full_read_minutes: self.chance.weighed(full_reads).unwrap_or(240),
            door_read_minutes: self.chance.weighed(door_reads).unwrap_or(360),
        }
    }

    fn source(&mut self, simulated: bool) -> SourceSetup {
        if simulated {
            return SourceSetup::Smoobu { trust: self.chance.percent(30) };
        }
        SourceSetup::Model {
            snapshots: self.chance.percent(40),
            revisions: self.chance.percent(60),
            ids: self.chance.percent(50),
        }
    }

    fn channels(&mut self, simulated: bool) -> Vec<ChannelSetup> {
        let can_find = simulated || self.chance.percent(70);
        let sms = ChannelSetup { thread: false, can_find };
        let thread = ChannelSetup { thread: true, can_find: true };
        match self.chance.below(if simulated { 1 } else { 4 }) {
            0 => vec![sms, thread],
            1 => vec![thread, sms],
            2 => vec![sms],
            _ => vec![thread],
        }
    }

    fn policy(&mut self) -> PolicySetup {
        let features = self.features;
        let chance = &mut self.chance;
        let buffer = |chance: &mut Chance| chance.weighed(&[(6, 0), (2, 30), (1, 120)]).unwrap_or(0);
        PolicySetup {
            proof: chance
                .weighed(&[(1, Proof::Accepted), (6, Proof::Listed), (2, Proof::Confirmed)])
                .unwrap_or(Proof::Listed),
            tell_hours_before: chance.weighed(&[(6, None), (2, Some(48)), (1, Some(6))]).flatten(),
            buffer_before: buffer(chance),
            buffer_after: buffer(chance),
            quarantine_days: chance.weighed(&[(1, 0), (2, 2), (4, 7)]).unwrap_or(7),
            keep_in_house: chance.percent(60),
            escalate_hours: chance.weighed(&[(4, 24), (1, 3)]).unwrap_or(24),
            mode: match features.modes.then(|| chance.below(16)) {
                Some(0) => ModeSetup::Observe,
                Some(1) => ModeSetup::UpsertOnly,
                _ => ModeSetup::Full,
            },
            adopt: features.adopt && chance.percent(25),
            phone_pin: features.phone_pins && chance.percent(20),
            write_back: features.write_back && chance.percent(30),
            backups: if features.backups {
                chance.weighed(&[(3, 0), (1, 1), (1, 2)]).unwrap_or(0)
            } else {
                0
            },
            brake_least: (features.brake && chance.percent(20)).then_some(1),
            staff_channel: features.staff_channel && chance.percent(50),
        }
    }

    fn events(&mut self, setup: &Setup) -> Vec<Timed> {
        let days = self.chance.between(3, 12);
        // Many stays share the reads of their doors; few make a story that is soon shrunk.
        let many = self.features.busy && self.chance.percent(70);
        let stays = if many { self.chance.between(12, 40) } else { self.chance.between(4, 12) };
        let mut events: Vec<Timed> = Vec::new();
        let mut booked: Vec<(i64, Booked)> = Vec::new();
        for _ in 0..stays {
            let at = self.chance.between(0, (days - 1).max(1) * DAY);
            let stay = self.booked(setup, at);
            booked.push((at, stay));
            events.push(timed(at, Event::Book(stay)));
        }
        booked.sort_by_key(|(at, _)| *at);
        let others = if many { self.chance.between(stays, stays * 4) } else { self.chance.between(10, 36) };
        for _ in 0..others {
            let at = self.moment(setup, &booked, days);
            if let Some(event) = self.event(setup, &booked) {
                events.push(timed(at, event));
            }
        }
        if !self.features.shared_views && setup.hosts > 1 {
            events.retain(|timed| is_seen_by_all(&timed.event));
        }
        events.sort_by_key(|timed| timed.at);
        // No two things in one second: there are sources whose revisions are the time of a change in seconds.
        for at in 1..events.len() {
            events[at].at = events[at].at.max(events[at - 1].at + 2);
        }
        events
    }

    /// Most things happen about when stays are booked and guests arrive.
    fn moment(&mut self, setup: &Setup, booked: &[(i64, Booked)], days: i64) -> i64 {
        let Some((at, stay)) = self.chance.pick(booked).copied() else { return 0 };
        let arrival = stay.arrival.and_hms_opt(13, 0, 0).map(|time| time.and_utc() - setup.begins);
        let arrival = arrival.map_or(at, |since| since.num_seconds());
        let departure = arrival + i64::from(stay.nights) * DAY;
        let moment = match self.chance.below(5) {
            0 => self.chance.between(0, days * DAY),
            1 => at + self.chance.between(-120, 60),
            2 => at + self.chance.between(0, 6 * HOUR),
            3 => arrival + self.chance.between(-12 * HOUR, 12 * HOUR),
            _ => departure + self.chance.between(-12 * HOUR, 6 * HOUR),
        };
        moment.clamp(0, days * DAY)
    }

    fn booked(&mut self, setup: &Setup, at: i64) -> Booked {
        let tenant = self.chance.index(setup.tenants.len());
        let units = setup.tenants[tenant].units.len();
        // Now and then one that the configuration does not know.
        let unit = if self.chance.percent(4) { units } else { self.chance.index(units) };
        let today =
            (setup.begins + Duration::seconds(at)).with_timezone(&setup.tenants[tenant].zone).date_naive();
        let ahead = self.chance.weighed(&[(3, 0), (3, 1), (3, 2), (3, 5), (1, 12)]).unwrap_or(1);
        Booked {
            tenant,
            unit,
            arrival: today.checked_add_days(Days::new(ahead)).unwrap_or(today),
            nights: u32::try_from(self.chance.between(1, 5)).unwrap_or(1),
            check_in: self.chance.percent(15).then_some(17),
            phone: self.chance.percent(85),
        }
    }

    fn event(&mut self, setup: &Setup, booked: &[(i64, Booked)]) -> Option<Event> {
        let keypad = self.chance.index(setup.keypads.len());
        let tenant = self.chance.index(setup.tenants.len());
        let host = self.chance.index(setup.hosts);
        let which = self.chance.index(8);
        Some(match self.chance.below(100) {
            0..26 => self.change(setup, booked),
            26..52 => self.trouble(setup, keypad, tenant)?,
            52..66 => self.crash(host)?,
            66..70 if self.features.crashes && setup.hosts > 1 => {
                Event::Stall { host, seconds: u32::try_from(self.chance.between(30, 400)).unwrap_or(60) }
            }
            70..80 => self.hooks(tenant),
            80..83 => Event::Echo { tenant, which: self.chance.index(20) },
            83..87 => Event::Offline { keypad, minutes: self.minutes(20, 3 * 24 * 60) },
            87..94 if self.features.staff => {
                Event::Staff { keypad, act: self.chance.pick(&StaffAct::DRAWN).copied()?, which }
            }
            94..97 if self.features.broken_locks => match self.chance.below(3) {
                0 => Event::Lose { keypad, which },
                1 => Event::Battery { keypad, minutes: self.minutes(20, 24 * 60) },
                _ => Event::Renew { keypad },
            },
            99 if self.features.replacements && self.chance.percent(60) => {
                Event::Replace { keypad, dead: self.chance.percent(40) }
            }
            99 if self.features.redraws => Event::Redraw { stay: self.chance.index(booked.len()) },
            97..99 if self.features.reconfigure => Event::Reconfigure { tenant, policy: self.policy() },
            _ => return None,
        })
    }

    fn minutes(&mut self, least: i64, most: i64) -> u32 {
        // Short ones are the more frequent.
        let most = self.chance.between(least, most);
        u32::try_from(self.chance.between(least, most)).unwrap_or(30)
    }

    fn change(&mut self, setup: &Setup, booked: &[(i64, Booked)]) -> Event {
        let stay = self.chance.index(booked.len());
        let tenant = booked.get(stay).map_or(0, |(_, booked)| booked.tenant);
        let units = setup.tenants[tenant].units.len();
        let days = u32::try_from(self.chance.between(1, 4)).unwrap_or(1);
        let change = match self.chance.below(if self.features.reissue { 22 } else { 20 }) {
            0..3 => Change::Extend(days),
            3..5 => Change::Shorten(days),
            5..7 => Change::Shift(i32::try_from(self.chance.between(-2, 4)).unwrap_or(1)),
            7..10 => {
                // Now and then to one that the configuration does not know.
                let more = usize::from(self.chance.percent(15));
                Change::Move(self.chance.index(units + more))
            }
            10..13 => Change::Cancel,
            13..15 => Change::Uncancel,
            15 if self.features.gone_and_back => Change::Delete,
            15 => Change::Cancel,
            16 if self.features.gone_and_back => Change::Vanish,
            16 => Change::Cancel,
            17 => Change::Swap,
            18 => Change::Phone,
            19 => Change::CheckIn(u32::try_from(self.chance.between(10, 20)).unwrap_or(15)),
            _ => Change::Reissue,
        };
        Event::Change { stay, change }
    }

    fn trouble(&mut self, setup: &Setup, keypad: usize, tenant: usize) -> Option<Event> {
        let channels = setup.tenants[tenant].channels.len();
        let target = match self.chance.below(10) {
            0 => Target::Store,
            1..3 => Target::Source(tenant),
            3..6 => Target::Keypad(keypad),
            6..8 => Target::Locks,
            _ => Target::Channel(tenant * 8 + self.chance.index(channels)),
        };
        let trouble = match target {
            Target::Store => self.chance.pick(&STORE_TROUBLES).copied()?,
            _ => self.chance.pick(&self.features.troubles).copied()?,
        };
        let lists = matches!(trouble, Trouble::EmptyList | Trouble::TruncatedList | Trouble::Stale);
        if lists && !self.features.bad_lists && matches!(target, Target::Keypad(_) | Target::Locks) {
            return None;
        }
        let ops = self.chance.weighed(&[(2, Ops::All), (1, Ops::Reads), (2, Ops::Writes)])?;
        let minutes = match target {
            Target::Store => self.minutes(1, 20),
            _ => self.minutes(2, 600),
        };
        Some(Event::Trouble { target, ops, trouble, minutes })
    }

    fn crash(&mut self, host: usize) -> Option<Event> {
        self.features.crashes.then(|| Event::Crash {
            host,
            awaits: u32::try_from(self.chance.below(40)).unwrap_or(0),
            side: if self.chance.percent(50) { Side::Before } else { Side::After },
            down: u32::try_from(self.chance.between(1, 1800)).unwrap_or(60),
        })
    }

    fn hooks(&mut self, tenant: usize) -> Event {
        let mode = match self.chance.below(4) {
            0 => HookMode::Lost,
            1 => HookMode::Doubled,
            2 => HookMode::Delayed(self.minutes(5, 300)),
            _ => HookMode::Reversed,
        };
        Event::Hooks { tenant, mode, minutes: self.minutes(10, 600) }
    }
}

/// Whether nobody need know what another host has read.
fn is_seen_by_all(event: &Event) -> bool {
    match event {
        Event::Staff { act, .. } => *act == StaffAct::Adds,
        Event::Lose { .. } | Event::Renew { .. } => false,
        Event::Trouble { trouble, .. } => {
            !matches!(trouble, Trouble::EmptyList | Trouble::TruncatedList | Trouble::Stale)
        }
        _ => true,
    }
}

fn timed(at: i64, event: Event) -> Timed {
    Timed { at: u32::try_from(at).unwrap_or(0), event }
}
