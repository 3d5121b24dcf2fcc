//! `[[tenant]]`.

mod doors;
mod policy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use booking_core::{DoorId, DoorKey, IntegrationName, TenantSlug, UnitId, UnitRef};
use booking_engine::text::{Language, TextError, Texts};
use booking_engine::{Brake, DoorSetup, GuestChannels, Mode, Policy, Unit};
use chrono::{NaiveTime, TimeDelta};
use chrono_tz::{TZ_VARIANTS, Tz};

use self::doors::{Doors, Keypad};
use self::policy::{Timing, read_policy, read_tenant_policy};
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
    /// Whether its vendors may lie in an internal network.
    pub allow_internal_addresses: bool,
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
    /// Keypads that are gone for good.
    pub retired: BTreeSet<DoorKey>,
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
        let retired = self.retired(&section, &names, &doors);
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
            allow_internal_addresses: internal,
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
            retired,
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
