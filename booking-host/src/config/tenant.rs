//! `[[tenant]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use booking_core::{Door, DoorId, DoorKey, IntegrationName, Pin, Proof, TenantSlug, UnitId, UnitRef};
use booking_engine::text::{ConfirmKey, Language, TextError, Texts};
use booking_engine::{Brake, CancelInHouse, DoorSetup, GuestChannels, Mode, Policy, Tell, Unit};
use chrono::{NaiveTime, TimeDelta};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::read::{Entry, Report, Section};
use super::settings::Reach;
use super::value::nearest;
use super::{Alias, KeySpec, Notes, Settings};
use crate::registry::{Registry, WebhookTerms};

/// The longest name that leaves room for what is put before it (`thread-smoobu`).
const LONGEST_SOURCE: usize = 33;

/// One tenant, checked. Its adapters are described, not built.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TenantConfig {
    /// Its name.
    pub slug: TenantSlug,
    /// How much is done for it.
    pub mode: Mode,
    /// The language of guests whose own is not known.
    pub default_language: String,
    /// The country of telephone numbers without a country code.
    pub phone_region: Option<String>,
    /// The folder of its own texts.
    pub texts: Option<PathBuf>,
    /// Its booking systems.
    pub sources: BTreeMap<IntegrationName, Settings>,
    /// Its lock accounts.
    pub locks: BTreeMap<IntegrationName, Settings>,
    /// Its ways to tell people.
    pub notifiers: BTreeMap<IntegrationName, Settings>,
    /// How guests are told. `thread` is spelled out: one `thread-SOURCE` for each source that has threads.
    pub guest: GuestChannels,
    /// How staff is told.
    pub staff: Vec<IntegrationName>,
    /// What holds where no unit says otherwise.
    pub policy: Policy,
    /// How often each source is read in full.
    pub full_read_every: TimeDelta,
    /// How far ahead a full read looks.
    pub full_read_ahead: TimeDelta,
    /// How often each door is read to find drift.
    pub door_read_every: TimeDelta,
    /// How many codes may be removed early without being asked.
    pub brake: Brake,
    /// Its doors.
    pub doors: Vec<DoorSetup>,
    /// What it lets.
    pub units: Vec<Unit>,
}

/// The name under which a source's own thread is a notifier.
pub(crate) fn thread_of(source: &IntegrationName) -> Option<IntegrationName> {
    IntegrationName::parse(&format!("thread-{source}")).ok()
}

/// All tenants, and what the rest of the file refers to.
pub(super) struct Tenants {
    pub(super) configs: Vec<TenantConfig>,
    /// Every name that stands there, even of a tenant with mistakes.
    pub(super) slugs: BTreeSet<String>,
    /// Every integration, and the terms of its webhooks if it takes any.
    pub(super) webhooks: BTreeMap<(TenantSlug, IntegrationName), Option<WebhookTerms>>,
    /// Integrations whose own URL would refuse every webhook: where, and which key would mend it.
    shut: Vec<Shut>,
}

struct Shut {
    tenant: TenantSlug,
    integration: IntegrationName,
    line: usize,
    path: String,
    key: &'static str,
}

impl Tenants {
    /// An integration whose webhooks nothing can verify is a mistake unless they come by an alias.
    pub(super) fn check_unused_webhooks(&self, report: &Report<'_>, aliases: &[Alias]) {
        for shut in &self.shut {
            let has_alias = aliases
                .iter()
                .any(|alias| alias.tenant == shut.tenant && alias.integration == shut.integration);
            if !has_alias {
                report.problem(
                    shut.line,
                    format!("{}.{}", shut.path, shut.key),
                    "is missing, and without it every webhook is refused",
                    format!("set {} = {{ env = \"…\" }} and give the vendor the URL with it, or set webhooks = false", shut.key),
                );
            }
        }
    }
}

/// A keypad's PIN rules as a tenant has them, to be compared across tenants.
struct Keypad {
    tenant: TenantSlug,
    door: String,
    line: usize,
    prefix: Option<Pin>,
    length: u8,
}

pub(super) fn read_all(root: &Section<'_>, registry: &Registry, foreign: bool) -> Tenants {
    let mut tenants =
        Tenants { configs: Vec::new(), slugs: BTreeSet::new(), webhooks: BTreeMap::new(), shut: Vec::new() };
    let mut keypads: BTreeMap<DoorKey, Keypad> = BTreeMap::new();
    let sections = root.array("tenant", "slug");
    if sections.is_empty() {
        root.problem("tenant", "there is no tenant", "add a [[tenant]] section");
    }
    for section in sections {
        let slug = section.require("slug", "name it; the name can never change later").and_then(|entry| {
            let slug = entry.parse(TenantSlug::parse, "choose another; it can never change later")?;
            if !tenants.slugs.insert(slug.to_string()) {
                entry.wrong("two tenants have this name", "give each tenant a name of its own");
            }
            Some(slug)
        });
        let reader = Reader { registry, slug, foreign };
        if let Some(config) = reader.read(section, &mut tenants, &mut keypads) {
            tenants.configs.push(config);
        }
    }
    tenants
}

struct Reader<'r> {
    registry: &'r Registry,
    slug: Option<TenantSlug>,
    foreign: bool,
}

/// The integrations of a tenant while it is read.
#[derive(Default)]
struct Names {
    /// Each name with the line where it stands.
    taken: BTreeMap<String, usize>,
    sources: BTreeMap<String, Option<Settings>>,
    locks: BTreeMap<String, Option<Settings>>,
    notifiers: BTreeMap<String, Option<Settings>>,
}

impl Names {
    fn of(map: &BTreeMap<String, Option<Settings>>) -> Vec<&str> {
        map.keys().map(String::as_str).collect()
    }
}

/// A door while its tenant is read.
struct DraftDoor {
    id: DoorId,
    path: String,
    line: usize,
    label: Option<String>,
    confirm: Option<ConfirmKey>,
    lock: IntegrationName,
    key: DoorKey,
    zone: Option<Tz>,
    prefix: Option<Pin>,
    length: Option<u8>,
    /// How many digits this kind of lock stores where the door does not say.
    usual: u8,
}

#[derive(Default)]
struct Doors {
    drafts: Vec<DraftDoor>,
    /// Every name that stands there, even of a door with mistakes, and its line.
    ids: BTreeMap<String, usize>,
}

/// A unit while its tenant is read.
struct DraftUnit {
    zone: Option<Tz>,
    doors: Vec<DoorId>,
    unit: Option<Unit>,
}

impl Reader<'_> {
    fn read(
        self,
        section: Section<'_>,
        tenants: &mut Tenants,
        keypads: &mut BTreeMap<DoorKey, Keypad>,
    ) -> Option<TenantConfig> {
        let mode = match section.get("mode") {
            None => Some(Mode::Full),
            Some(entry) => entry.choice(&[
                ("full", Mode::Full),
                ("upsert-only", Mode::UpsertOnly),
                ("observe", Mode::Observe),
            ]),
        };
        let default_language = match section.get("default_language") {
            None => Some("en".to_owned()),
            Some(entry) => entry.text().and_then(|text| match Language::negotiate(text) {
                Some(_) => Some(text.to_owned()),
                None => {
                    entry.unknown(text, "language", &Language::ALL.map(Language::code));
                    None
                }
            }),
        };
        let phone_region = section.get("phone_region").map(|entry| {
            let region = |text: &str| {
                let good = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
                if good { Ok(text.to_owned()) } else { Err("is not a country") }
            };
            entry.parse(region, "write two capital letters, such as \"PL\"")
        });
        let texts = section.get("texts").map(|entry| texts(&entry));
        let internal =
            section.get("allow_internal_addresses").and_then(|entry| entry.flag()).unwrap_or(false);
        let reach = Reach { foreign: self.foreign, internal };

        let names = self.integrations(&section, reach, tenants);
        let (guest, staff) = self.messages(&section, &names);
        let policy = section.get("policy").and_then(|entry| entry.section());
        let (policy, timing) = match policy {
            Some(section) => read_tenant_policy(section),
            None => (Policy::default(), Timing::default()),
        };
        let doors = self.doors(&section, &names);
        let units = self.units(&section, &names, &doors, &policy);
        self.check_write_back(&section, &names, &policy, &units);
        let doors = self.finish_doors(&section, doors, &units, keypads);
        section.finish();

        Some(TenantConfig {
            slug: self.slug?,
            mode: mode?,
            default_language: default_language?,
            phone_region: phone_region.flatten(),
            texts: texts.flatten(),
            sources: settled(names.sources)?,
            locks: settled(names.locks)?,
            notifiers: settled(names.notifiers)?,
            guest,
            staff,
            policy,
            full_read_every: timing.full_read_every,
            full_read_ahead: timing.full_read_ahead,
            door_read_every: timing.door_read_every,
            brake: timing.brake,
            doors,
            units: units.into_iter().map(|draft| draft.unit).collect::<Option<_>>()?,
        })
    }

    fn integrations(&self, section: &Section<'_>, reach: Reach, tenants: &mut Tenants) -> Names {
        let mut names = Names::default();
        for (name, section) in section.named("source") {
            if name.len() > LONGEST_SOURCE {
                section.problem("", format!("the name has more than {LONGEST_SOURCE} letters"), "shorten it");
            }
            let kinds: Vec<&str> = self.registry.source_kinds().collect();
            let settings = kind_of(&section, &kinds).and_then(|kind| {
                let kind_of = self.registry.get_source(kind)?;
                let settings = adapter(&section, kind, kind_of.keys(), reach, |settings, notes| {
                    kind_of.check(settings, notes)
                });
                self.hear(&section, name, kind_of.webhooks(&settings), tenants);
                Some(settings)
            });
            take(&mut names.taken, name, &section);
            if settings.is_some() {
                section.finish();
            }
            names.sources.insert(name.to_owned(), settings);
        }
        for (name, section) in section.named("lock") {
            let kinds: Vec<&str> = self.registry.lock_kinds().collect();
            let settings = kind_of(&section, &kinds).and_then(|kind| {
                let kind_of = self.registry.get_lock(kind)?;
                let settings = adapter(&section, kind, kind_of.keys(), reach, |settings, notes| {
                    kind_of.check(settings, notes)
                });
                self.hear(&section, name, kind_of.webhooks(&settings), tenants);
                Some(settings)
            });
            take(&mut names.taken, name, &section);
            if settings.is_some() {
                section.finish();
            }
            names.locks.insert(name.to_owned(), settings);
        }
        for (name, section) in section.named("notifier") {
            if name == "thread" || name.starts_with("thread-") {
                section.problem(
                    "",
                    "names that begin with `thread` are those of the sources' own threads",
                    "choose another",
                );
            }
            let kinds: Vec<&str> = self.registry.notifier_kinds().collect();
            let settings = kind_of(&section, &kinds).and_then(|kind| {
                let kind_of = self.registry.get_notifier(kind)?;
                let settings = adapter(&section, kind, kind_of.keys(), reach, |settings, notes| {
                    kind_of.check(settings, notes)
                });
                self.hear(&section, name, kind_of.webhooks(&settings), tenants);
                Some(settings)
            });
            take(&mut names.taken, name, &section);
            if settings.is_some() {
                section.finish();
            }
            names.notifiers.insert(name.to_owned(), settings);
        }
        names
    }

    /// Notes an integration's webhooks and judges their check.
    fn hear(&self, section: &Section<'_>, name: &str, terms: Option<WebhookTerms>, tenants: &mut Tenants) {
        let (Some(tenant), Ok(integration)) = (&self.slug, IntegrationName::parse(name)) else { return };
        tenants.webhooks.insert((tenant.clone(), integration.clone()), terms);
        let Some(terms) = terms else { return };
        let checked = terms.by_path || terms.by_request;
        if !checked && terms.trusted {
            section.problem(
                "webhook_payload",
                "\"trust\" needs a check, or whoever knows the URL can send bookings",
                format!("set {} = {{ env = \"…\" }} or accept_ips, or write \"reread\"", terms.secret_key),
            );
        }
        if !checked && terms.unchecked {
            section.warning(
                "webhook_unauthenticated",
                "whoever knows the URL can send hints",
                format!("set {} = {{ env = \"…\" }} instead", terms.secret_key),
            );
        }
        if !checked && !terms.unchecked && !terms.trusted {
            let (line, path) = (section.line, section.path.clone());
            tenants.shut.push(Shut {
                tenant: tenant.clone(),
                integration,
                line,
                path,
                key: terms.secret_key,
            });
        }
    }

    fn messages(&self, section: &Section<'_>, names: &Names) -> (GuestChannels, Vec<IntegrationName>) {
        let threads: Vec<IntegrationName> = names
            .sources
            .iter()
            .filter(|(_, settings)| {
                let kind = settings.as_ref().and_then(|settings| self.registry.get_source(settings.kind()));
                kind.is_some_and(|kind| kind.has_thread())
            })
            .filter_map(|(name, _)| thread_of(&IntegrationName::parse(name).ok()?))
            .collect();
        let channels: Vec<IntegrationName> =
            names.notifiers.keys().filter_map(|name| IntegrationName::parse(name).ok()).collect();
        let all = || GuestChannels::All(channels.iter().chain(&threads).cloned().collect());
        let Some(messages) = section.get("messages").and_then(|entry| entry.section()) else {
            return (all(), Vec::new());
        };
        let read = |entry: Entry<'_>| {
            let mut found: Vec<IntegrationName> = Vec::new();
            for item in entry.list() {
                let Some(text) = item.text() else { continue };
                let named: Vec<_> = if text == "thread" {
                    threads.clone()
                } else {
                    channels.iter().chain(&threads).filter(|name| name.as_str() == text).cloned().collect()
                };
                if text == "thread" && threads.is_empty() {
                    item.wrong("no source has threads", "take it out");
                } else if named.is_empty() {
                    let mut known: Vec<&str> =
                        channels.iter().chain(&threads).map(IntegrationName::as_str).collect();
                    known.push("thread");
                    item.unknown(text, "notifier", &known);
                } else if named.iter().any(|name| found.contains(name)) {
                    item.wrong(format!("`{text}` stands twice"), "take one out");
                }
                found.extend(named);
            }
            found
        };
        let guest = match messages.get("guest") {
            None => all(),
            Some(entry) => match entry.section() {
                None => all(),
                Some(ways) => {
                    let (every, first) = (ways.get("all"), ways.get("first"));
                    let guest = match (every, first) {
                        (Some(every), None) => GuestChannels::All(read(every)),
                        (None, Some(first)) => GuestChannels::First(read(first)),
                        (None, None) => {
                            entry.wrong("names no way", "write { all = […] } or { first = […] }");
                            all()
                        }
                        (Some(_), Some(_)) => {
                            entry.wrong("names two ways", "keep one of all and first");
                            all()
                        }
                    };
                    ways.finish();
                    guest
                }
            },
        };
        let staff = match messages.get("staff") {
            None => Vec::new(),
            Some(entry) => {
                let staff = read(entry);
                for name in &staff {
                    let settings = names.notifiers.get(name.as_str());
                    let Some(settings) = settings else {
                        messages.problem("staff", format!("`{name}` reaches guests only"), "name a notifier");
                        continue;
                    };
                    let kind = settings
                        .as_ref()
                        .and_then(|settings| Some((self.registry.get_notifier(settings.kind())?, settings)));
                    if kind.is_some_and(|(kind, settings)| !kind.reaches_staff(settings)) {
                        messages.problem(
                            "staff",
                            format!("`{name}` does not know whom to write to"),
                            "set its staff recipients, or name another notifier",
                        );
                    }
                }
                staff
            }
        };
        messages.finish();
        if guest.names().is_empty() {
            section.warning(
                "messages",
                "guests are told by nobody",
                "add a notifier, or name one under guest",
            );
        }
        (guest, staff)
    }

    fn doors(&self, section: &Section<'_>, names: &Names) -> Doors {
        let mut ids: BTreeMap<String, usize> = BTreeMap::new();
        let mut doors = Vec::new();
        for section in section.array("door", "id") {
            let id = section.require("id", "name it").and_then(|entry| {
                let id = entry.parse(DoorId::parse, "choose another name")?;
                unique(&entry, &mut ids, id.as_str(), "doors").then_some(id)
            });
            let label = section.get("label").and_then(|entry| entry.text().map(str::to_owned));
            let confirm = section.get("confirm_key").and_then(|entry| {
                entry.choice(&[
                    ("check", ConfirmKey::Check),
                    ("enter", ConfirmKey::Enter),
                    ("hash", ConfirmKey::Hash),
                    ("key", ConfirmKey::Key),
                    ("star", ConfirmKey::Star),
                ])
            });
            let lock = section.require("lock", "name a [tenant.lock.NAME]").and_then(|entry| {
                let text = entry.text()?;
                if !names.locks.contains_key(text) {
                    entry.unknown(text, "lock", &Names::of(&names.locks));
                    return None;
                }
                IntegrationName::parse(text).ok()
            });
            let device = section
                .require("device", "write the lock's id at its vendor")
                .and_then(|entry| reference(&entry));
            let keypad = match section.get("keypad") {
                None => Some(String::new()),
                Some(entry) => reference(&entry),
            };
            let zone = section.get("time_zone").and_then(|entry| zone(&entry));
            let prefix =
                section.get("pin_prefix").map(|entry| entry.parse(Pin::parse, "write digits in quotes"));
            let length = section
                .get("pin_length")
                .map(|entry| entry.integer(1..17).and_then(|n| u8::try_from(n).ok()));

            let settings = lock.as_ref().and_then(|lock| names.locks.get(lock.as_str())?.as_ref());
            let kind = settings.and_then(|settings| self.registry.get_lock(settings.kind()));
            let mut key = None;
            if let (Some(kind), Some(device), Some(keypad)) = (kind, &device, &keypad) {
                match kind.door_key(device, keypad) {
                    Ok(found) => key = Some(found),
                    Err(error) => section.problem("", error, "look it up in the vendor's own pages"),
                }
                let lengths = kind.pin_lengths();
                let stored = length.map_or(Some(kind.usual_pin_length()), |length| length);
                if let Some(stored) = stored {
                    if !lengths.contains(&stored) {
                        section.problem(
                            "pin_length",
                            format!(
                                "this kind of lock stores {} to {} digits",
                                lengths.start(),
                                lengths.end()
                            ),
                            "write a number of them",
                        );
                    }
                    if let Some(Some(prefix)) = &prefix
                        && prefix.len() + usize::from(stored) > 16
                    {
                        section.problem(
                            "pin_prefix",
                            "prefix and PIN have more than 16 digits together",
                            "shorten one",
                        );
                    }
                    if stored < 4 && lengths.contains(&stored) {
                        section.warning(
                            "pin_length",
                            "so short a PIN is soon guessed",
                            "take at least 4 digits",
                        );
                    }
                }
            }
            let (path, line) = (section.path.clone(), section.line);
            section.finish();
            if let (Some(id), Some(lock), Some(key)) = (id, lock, key) {
                let (prefix, length) = (prefix.flatten(), length.flatten());
                let usual = kind.map_or(0, |kind| kind.usual_pin_length());
                doors.push(DraftDoor {
                    id,
                    path,
                    line,
                    label,
                    confirm,
                    lock,
                    key,
                    zone,
                    prefix,
                    length,
                    usual,
                });
            }
        }
        Doors { drafts: doors, ids }
    }

    fn units(&self, section: &Section<'_>, names: &Names, doors: &Doors, policy: &Policy) -> Vec<DraftUnit> {
        let mut ids: BTreeMap<String, usize> = BTreeMap::new();
        let mut references: BTreeMap<(IntegrationName, UnitRef), String> = BTreeMap::new();
        let mut units = Vec::new();
        for section in section.array("unit", "id") {
            let id = section.require("id", "name it").and_then(|entry| {
                let id = entry.parse(UnitId::parse, "choose another name")?;
                unique(&entry, &mut ids, id.as_str(), "units").then_some(id)
            });
            let name = section.get("name").and_then(|entry| entry.text().map(str::to_owned));
            let contact = section.get("contact").and_then(|entry| entry.text().map(str::to_owned));
            let mut sources = BTreeMap::new();
            let entry = section.require("source", "write { SOURCE = \"the unit's id there\" }");
            if let Some(given) = entry.as_ref().and_then(Entry::section) {
                for (name, entry) in given.entries() {
                    if !names.sources.contains_key(name) {
                        entry.unknown(name, "source", &Names::of(&names.sources));
                        continue;
                    }
                    let reference =
                        entry.parse(UnitRef::parse, "write the unit's id at the source, in quotes");
                    let (Ok(source), Some(reference)) = (IntegrationName::parse(name), reference) else {
                        continue;
                    };
                    let here = section.path.clone();
                    if let Some(other) = references.insert((source.clone(), reference.clone()), here) {
                        entry.wrong(format!("{other} has this id too"), "give each unit an id of its own");
                    }
                    sources.insert(source, reference);
                }
            }
            let zone = section
                .require("time_zone", "write a name such as \"Europe/Warsaw\"")
                .and_then(|entry| zone(&entry));
            let check_in = section.require("check_in", "write \"15:00\"").and_then(|entry| time(&entry));
            let check_out = section.require("check_out", "write \"12:00\"").and_then(|entry| time(&entry));
            let mut passed: Vec<DoorId> = Vec::new();
            let mut all_known = true;
            match section.get("doors") {
                None => {}
                Some(entry) => {
                    for item in entry.list() {
                        let Some(text) = item.text() else { continue };
                        if !doors.ids.contains_key(text) {
                            all_known = false;
                            item.unknown(
                                text,
                                "door",
                                &doors.ids.keys().map(String::as_str).collect::<Vec<_>>(),
                            );
                        } else if passed.iter().any(|door| door.as_str() == text) {
                            item.wrong(format!("`{text}` stands twice"), "take one out");
                        } else if let Ok(door) = DoorId::parse(text) {
                            passed.push(door);
                        }
                    }
                }
            }
            if passed.is_empty() && all_known {
                section.warning(
                    "doors",
                    "guests of this unit get no code",
                    "name the doors that they pass, once there are any",
                );
            }
            let policy = match section.get("policy").and_then(|entry| entry.section()) {
                None => policy.clone(),
                Some(own) => {
                    let policy = read_policy(&own, policy.clone());
                    own.finish();
                    policy
                }
            };
            let unit = (|| {
                Some(Unit {
                    id: id?,
                    name,
                    sources,
                    zone: zone?,
                    check_in: check_in?,
                    check_out: check_out?,
                    doors: passed.clone(),
                    policy,
                    contact,
                })
            })();
            units.push(DraftUnit { zone, doors: passed, unit });
            section.finish();
        }
        if units.is_empty() {
            section.warning(
                "unit",
                "there is no unit, so no booking gets a code",
                "add [[tenant.unit]] sections",
            );
        }
        units
    }

    fn check_write_back(&self, section: &Section<'_>, names: &Names, policy: &Policy, units: &[DraftUnit]) {
        let wanted = policy.write_back
            || units.iter().filter_map(|draft| draft.unit.as_ref()).any(|unit| unit.policy.write_back);
        let able = names.sources.values().any(|settings| {
            // One with mistakes may well be able.
            settings.as_ref().is_none_or(|settings| {
                self.registry.get_source(settings.kind()).is_some_and(|kind| kind.writes_back(settings))
            })
        });
        if wanted && !able {
            section.problem(
                "policy",
                "write_back is on, but no source can be written to",
                "set what the source needs for it (smoobu: placeholder_key), or take write_back out",
            );
        }
    }

    fn finish_doors(
        &self,
        section: &Section<'_>,
        doors: Doors,
        units: &[DraftUnit],
        keypads: &mut BTreeMap<DoorKey, Keypad>,
    ) -> Vec<DoorSetup> {
        let report = section.report();
        let mut finished = Vec::new();
        for draft in doors.drafts {
            let of: Vec<&DraftUnit> = units.iter().filter(|unit| unit.doors.contains(&draft.id)).collect();
            let zones: BTreeSet<&str> =
                of.iter().filter_map(|unit| unit.zone).map(|zone| zone.name()).collect();
            if zones.len() > 1 && draft.zone.is_none() {
                report.problem(
                    draft.line,
                    format!("{}.time_zone", draft.path),
                    format!("its units lie in {}", zones.iter().copied().collect::<Vec<_>>().join(" and ")),
                    "one door is in one zone: mend the units, or write the door's own time_zone",
                );
            }
            if of.is_empty() {
                report.warning(
                    draft.line,
                    &draft.path,
                    "no unit names this door",
                    "name it under the doors of a unit",
                );
            }
            let zone = draft.zone.or_else(|| of.iter().find_map(|unit| unit.zone)).unwrap_or(Tz::UTC);
            self.check_keypad(report, &draft, keypads);
            let DraftDoor { id, label, confirm, lock, key, prefix, length, .. } = draft;
            let door = Door { key, zone, pin_prefix: prefix, pin_length: length };
            finished.push(DoorSetup { id, label, confirm, lock, door, backup_codes: 0 });
        }
        finished
    }

    fn check_keypad(&self, report: &Report<'_>, draft: &DraftDoor, keypads: &mut BTreeMap<DoorKey, Keypad>) {
        let Some(tenant) = &self.slug else { return };
        let length = draft.length.unwrap_or(draft.usual);
        let Some(other) = keypads.get(&draft.key) else {
            let keypad = Keypad {
                tenant: tenant.clone(),
                door: draft.path.clone(),
                line: draft.line,
                prefix: draft.prefix.clone(),
                length,
            };
            keypads.insert(draft.key.clone(), keypad);
            return;
        };
        if other.tenant == *tenant {
            report.problem(
                draft.line,
                &draft.path,
                format!("{} of line {} is the same keypad", other.door, other.line),
                "describe each keypad once; several units may name one door",
            );
        } else if other.prefix != draft.prefix || other.length != length {
            report.problem(
                draft.line,
                &draft.path,
                format!(
                    "{} of line {} is the same keypad with another pin_prefix or pin_length",
                    other.door, other.line
                ),
                "one keypad has one rule: make them agree",
            );
        }
    }
}

/// How often and how far is looked.
struct Timing {
    full_read_every: TimeDelta,
    full_read_ahead: TimeDelta,
    door_read_every: TimeDelta,
    brake: Brake,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            full_read_every: TimeDelta::minutes(30),
            full_read_ahead: TimeDelta::days(365),
            door_read_every: TimeDelta::minutes(30),
            brake: Brake::default(),
        }
    }
}

fn read_tenant_policy(section: Section<'_>) -> (Policy, Timing) {
    let policy = read_policy(&section, Policy::default());
    let mut timing = Timing::default();
    let minute = TimeDelta::minutes(1);
    set(&mut timing.full_read_every, section.get("full_read_every"), |entry| {
        entry.duration_from(minute, "1m")
    });
    set(&mut timing.full_read_ahead, section.get("full_read_ahead"), |entry| {
        entry.duration_from(TimeDelta::days(1), "1d")
    });
    set(&mut timing.door_read_every, section.get("door_read_every"), |entry| {
        entry.duration_from(minute, "1m")
    });
    if let Some(entry) = section.get("brake")
        && let Some(brake) = entry.section()
    {
        entry.warn(
            "it is read and checked, but this version of the engine has no brake yet",
            "watch the first days in mode = \"upsert-only\"",
        );
        set(&mut timing.brake.share, brake.get("share"), |entry| entry.fraction());
        set(&mut timing.brake.least, brake.get("least"), |entry| {
            u32::try_from(entry.integer(0..1_000_000)?).ok()
        });
        set(&mut timing.brake.per, brake.get("per"), |entry| entry.duration_from(minute, "1m"));
        brake.finish();
    }
    section.finish();
    (policy, timing)
}

fn read_policy(section: &Section<'_>, mut policy: Policy) -> Policy {
    set(&mut policy.proof, section.get("proof"), |entry| {
        entry.choice(&[
            ("accepted", Proof::Accepted),
            ("listed", Proof::Listed),
            ("confirmed", Proof::Confirmed),
            ("used", Proof::Used),
        ])
    });
    set(&mut policy.tell, section.get("tell"), tell);
    set(&mut policy.buffer_before, section.get("buffer_before"), |entry| entry.duration());
    set(&mut policy.buffer_after, section.get("buffer_after"), |entry| entry.duration());
    set(&mut policy.quarantine, section.get("quarantine"), |entry| entry.duration());
    set(&mut policy.cancel_in_house, section.get("cancel_in_house"), |entry| {
        entry.choice(&[("keep", CancelInHouse::Keep), ("remove", CancelInHouse::Remove)])
    });
    set(&mut policy.settle, section.get("settle"), |entry| entry.duration());
    set(&mut policy.door_read_max_age, section.get("door_read_max_age"), |entry| entry.duration());
    set(&mut policy.escalate_before, section.get("escalate_before"), |entry| entry.duration());
    set(&mut policy.absent_reads, section.get("absent_reads"), |entry| {
        u32::try_from(entry.integer(1..101)?).ok()
    });
    set(&mut policy.tell_adopted, section.get("tell_adopted"), |entry| entry.flag());
    set(&mut policy.write_back, section.get("write_back"), |entry| entry.flag());
    for (key, buffer) in [("buffer_before", policy.buffer_before), ("buffer_after", policy.buffer_after)] {
        if buffer > TimeDelta::days(1) {
            section.warning(
                key,
                "the code works for more than a day outside the stay",
                "check the unit: \"15m\" are minutes",
            );
        }
    }
    policy
}

fn tell(entry: &Entry<'_>) -> Option<Tell> {
    if !entry.is_table() {
        return entry.choice(&[("when-proven", Tell::WhenProven)]);
    }
    let section = entry.section()?;
    let before = section
        .require("before_arrival", "write { before_arrival = \"48h\" }")
        .and_then(|entry| entry.duration());
    section.finish();
    before.map(Tell::BeforeArrival)
}

/// Sets what a key says, if it is there and can be read.
fn set<T>(value: &mut T, entry: Option<Entry<'_>>, read: impl FnOnce(&Entry<'_>) -> Option<T>) {
    if let Some(read) = entry.as_ref().and_then(read) {
        *value = read;
    }
}

fn kind_of<'d>(section: &Section<'d>, kinds: &[&str]) -> Option<&'d str> {
    let entry = section.require("kind", &format!("write one of {}", kinds.join(", ")))?;
    let kind = entry.text()?;
    if !kinds.contains(&kind) {
        entry.unknown(kind, "kind", kinds);
        // Which keys it would have nobody knows.
        return None;
    }
    Some(kind)
}

fn adapter(
    section: &Section<'_>,
    kind: &str,
    keys: &[KeySpec],
    reach: Reach,
    check: impl FnOnce(&Settings, &Notes<'_, '_>),
) -> Settings {
    let settings = Settings::read(section, kind, keys, reach);
    check(&settings, &Notes { section, settings: &settings });
    settings
}

/// Integrations have one name space in a tenant: webhook URLs hold nothing else.
fn take(taken: &mut BTreeMap<String, usize>, name: &str, section: &Section<'_>) {
    if let Err(error) = IntegrationName::parse(name) {
        section.problem("", error.to_string(), "choose another name");
    }
    if let Some(line) = taken.insert(name.to_owned(), section.line) {
        section.problem(
            "",
            format!("line {line} has an integration `{name}` already"),
            "give each source, lock and notifier a name of its own",
        );
    }
}

fn settled(map: BTreeMap<String, Option<Settings>>) -> Option<BTreeMap<IntegrationName, Settings>> {
    map.into_iter().map(|(name, settings)| Some((IntegrationName::parse(&name).ok()?, settings?))).collect()
}

fn unique(entry: &Entry<'_>, ids: &mut BTreeMap<String, usize>, id: &str, what: &str) -> bool {
    match ids.get(id) {
        Some(line) => {
            entry.wrong(
                format!("two {what} have this name, the other in line {line}"),
                "give each a name of its own",
            );
            false
        }
        None => {
            ids.insert(id.to_owned(), entry.line);
            true
        }
    }
}

fn reference(entry: &Entry<'_>) -> Option<String> {
    let good = |text: &str| {
        let plain = text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if plain { Ok(text.to_owned()) } else { Err("has blanks, slashes or other than plain characters") }
    };
    entry.parse(good, "write the id as its vendor shows it, in quotes")
}

fn zone(entry: &Entry<'_>) -> Option<Tz> {
    let text = entry.text()?;
    let zone = text.parse().ok();
    if zone.is_none() {
        let remedy = match nearest(text, TZ_VARIANTS.iter().map(|zone| zone.name())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a name such as \"Europe/Warsaw\"".to_owned(),
        };
        entry.wrong(format!("there is no time zone `{text}`"), remedy);
    }
    zone
}

fn time(entry: &Entry<'_>) -> Option<NaiveTime> {
    entry.parse(
        |text| NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "is not a time of day"),
        "write hours and minutes, as in \"15:00\"",
    )
}

fn texts(entry: &Entry<'_>) -> Option<PathBuf> {
    let folder = PathBuf::from(entry.text()?);
    match Texts::load(Some(&folder)) {
        Ok(_) => return Some(folder),
        Err(TextError::Files(problems)) => {
            for problem in problems {
                entry.wrong(problem.to_string(), "mend that file");
            }
        }
        Err(error) => entry.wrong(error.to_string(), "mend the texts"),
    }
    None
}
