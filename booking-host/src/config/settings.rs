//! What an adapter's section holds, described as data and read by one reader.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use booking_core::signature::Network;
use booking_core::{PhoneNumber, Secret};

use super::read::{Entry, Section};
use super::secret::SecretValue;
use super::value::Address;

/// A key of an adapter's section.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KeySpec {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
}

impl KeySpec {
    /// A key that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false }
    }

    /// A key that must be there.
    #[must_use]
    pub const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: true }
    }
}

/// What a key holds.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Shape {
    /// A text.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A duration: `"48h"`.
    Duration,
    /// A secret.
    Secret,
    /// A secret or a list of them, all valid at once while one is replaced.
    Secrets,
    /// A list of addresses and networks.
    Networks,
    /// A list of telephone numbers in international form.
    Phones,
    /// A file or folder.
    Path,
    /// A list of sections with these two texts.
    Pairs(&'static str, &'static str),
    /// Where the vendor is. Another place than the vendor's own needs `allow_foreign_base_url`; an address of an
    /// internal network needs the tenant's `allow_internal_addresses`.
    BaseUrl {
        /// The vendor's own place; `None` for devices that each have their own.
        own: Option<&'static str>,
    },
}

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Flag(bool),
    Integer(i64),
    Duration(Duration),
    Secrets(Vec<SecretValue>),
    Networks(Vec<Network>),
    Phones(Vec<PhoneNumber>),
    Path(PathBuf),
    Pairs(Vec<(String, String)>),
}

/// An adapter's section, read: its kind and the values of its keys.
#[derive(Clone, Debug)]
pub struct Settings {
    kind: String,
    path: String,
    line: usize,
    values: BTreeMap<&'static str, (usize, Value)>,
    /// Keys that stand there and could not be read.
    unreadable: BTreeSet<&'static str>,
}

/// What vendors may be reached.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    pub(super) foreign: bool,
    pub(super) internal: bool,
}

impl Settings {
    pub(super) fn read(section: &Section<'_>, kind: &str, keys: &[KeySpec], reach: Reach) -> Self {
        let mut settings = Self {
            kind: kind.to_owned(),
            path: section.path.clone(),
            line: section.line,
            values: BTreeMap::new(),
            unreadable: BTreeSet::new(),
        };
        for key in keys {
            let entry = if key.required {
                section.require(key.name, "this kind needs it")
            } else {
                section.get(key.name)
            };
            let Some(entry) = entry else { continue };
            match value(&entry, key.shape, reach) {
                Some(value) => {
                    settings.values.insert(key.name, (entry.line, value));
                }
                None => {
                    settings.unreadable.insert(key.name);
                }
            }
        }
        settings
    }

    /// The kind of adapter.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The section: `tenant.harbour.lock.thekeys`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the key stands there, even if it cannot be read and was reported for that.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key) || self.unreadable.contains(key)
    }

    /// The value of a [`Shape::Text`], [`Shape::OneOf`] or [`Shape::BaseUrl`].
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some((_, Value::Text(text))) => Some(text),
            _ => None,
        }
    }

    /// The value of a [`Shape::Flag`].
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.values.get(key) {
            Some((_, Value::Flag(flag))) => Some(*flag),
            _ => None,
        }
    }

    /// The value of a [`Shape::Integer`].
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.values.get(key) {
            Some((_, Value::Integer(integer))) => Some(*integer),
            _ => None,
        }
    }

    /// The value of a [`Shape::Duration`].
    #[must_use]
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.values.get(key) {
            Some((_, Value::Duration(duration))) => Some(*duration),
            _ => None,
        }
    }

    /// The value of a [`Shape::Networks`]; empty where there is none.
    #[must_use]
    pub fn networks(&self, key: &str) -> &[Network] {
        match self.values.get(key) {
            Some((_, Value::Networks(networks))) => networks,
            _ => &[],
        }
    }

    /// The value of a [`Shape::Phones`]; empty where there is none.
    #[must_use]
    pub fn phones(&self, key: &str) -> &[PhoneNumber] {
        match self.values.get(key) {
            Some((_, Value::Phones(phones))) => phones,
            _ => &[],
        }
    }

    /// The value of a [`Shape::Path`].
    #[must_use]
    pub fn path_of(&self, key: &str) -> Option<&Path> {
        match self.values.get(key) {
            Some((_, Value::Path(path))) => Some(path),
            _ => None,
        }
    }

    /// The value of a [`Shape::Pairs`]; empty where there is none.
    #[must_use]
    pub fn pairs(&self, key: &str) -> &[(String, String)] {
        match self.values.get(key) {
            Some((_, Value::Pairs(pairs))) => pairs,
            _ => &[],
        }
    }

    /// The values of a [`Shape::Secret`] or [`Shape::Secrets`] with where they come from; empty where there is none.
    #[must_use]
    pub fn secret_values(&self, key: &str) -> &[SecretValue] {
        match self.values.get(key) {
            Some((_, Value::Secrets(secrets))) => secrets,
            _ => &[],
        }
    }

    /// The secret of a [`Shape::Secret`]. Those of the store are there when an adapter is built, not when it is checked.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        self.secret_values(key).first().and_then(SecretValue::get)
    }

    /// The secrets of a [`Shape::Secrets`]. Those of the store are there when an adapter is built, not when it is checked.
    #[must_use]
    pub fn secrets(&self, key: &str) -> Vec<Secret> {
        self.secret_values(key).iter().filter_map(SecretValue::get).cloned().collect()
    }

    /// The keys that show the vendor who we are: secrets, but for those that the vendor shows us.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &'static str> {
        let ours = |key: &&'static str| !key.starts_with("webhook_");
        let secret = |(key, (_, value)): (&&'static str, &(usize, Value))| {
            matches!(value, Value::Secrets(_)).then_some(*key)
        };
        self.values.iter().filter_map(secret).filter(ours)
    }

    /// Every secret with its key, to be read from the store where it is there.
    pub(crate) fn secrets_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut SecretValue)> {
        self.values.iter_mut().flat_map(|(key, (_, value))| {
            let secrets = match value {
                Value::Secrets(secrets) => secrets.as_mut_slice(),
                _ => &mut [],
            };
            secrets.iter_mut().map(|secret| (*key, secret))
        })
    }

    fn at(&self, key: &str) -> (usize, String) {
        let line = self.values.get(key).map_or(self.line, |(line, _)| *line);
        (line, if key.is_empty() { self.path.clone() } else { format!("{}.{key}", self.path) })
    }
}

fn value(entry: &Entry<'_>, shape: Shape, reach: Reach) -> Option<Value> {
    Some(match shape {
        Shape::Text => Value::Text(entry.text()?.to_owned()),
        Shape::OneOf(words) => {
            let choices: Vec<_> = words.iter().map(|word| (*word, *word)).collect();
            Value::Text(entry.choice(&choices)?.to_owned())
        }
        Shape::Flag => Value::Flag(entry.flag()?),
        Shape::Integer(least, most) => Value::Integer(entry.integer(least..most.saturating_add(1))?),
        Shape::Duration => Value::Duration(entry.duration()?.to_std().unwrap_or_default()),
        Shape::Secret => Value::Secrets(vec![SecretValue::read(entry)?]),
        Shape::Secrets => {
            let entries = entry.one_or_many();
            if entries.is_empty() {
                entry.wrong("is an empty list", "name a secret, or take the key out");
            }
            // All or nothing: with one of several secrets missing, what it opens would silently stay shut.
            Value::Secrets(entries.iter().map(SecretValue::read).collect::<Option<_>>()?)
        }
        Shape::Networks => {
            let remedy = "write addresses and networks such as \"192.0.2.7\" or \"192.0.2.0/24\"";
            let networks = entry
                .list()
                .iter()
                .map(|item| item.parse(str::parse::<Network>, remedy))
                .collect::<Option<_>>();
            Value::Networks(networks?)
        }
        Shape::Phones => {
            let remedy = "write numbers such as \"+48500600700\"";
            Value::Phones(
                entry
                    .list()
                    .iter()
                    .map(|item| item.parse(PhoneNumber::parse, remedy))
                    .collect::<Option<_>>()?,
            )
        }
        Shape::Pairs(first, second) => {
            let pairs = entry.list().iter().map(|item| pair(item, first, second)).collect::<Option<_>>();
            Value::Pairs(pairs?)
        }
        Shape::Path => Value::Path(PathBuf::from(entry.text()?)),
        Shape::BaseUrl { own } => Value::Text(base_url(entry, own, reach)?),
    })
}

fn pair(item: &Entry<'_>, first: &'static str, second: &'static str) -> Option<(String, String)> {
    let section = item.section()?;
    let remedy = format!("write {{ {first} = \"…\", {second} = \"…\" }}");
    let text = |key| section.require(key, &remedy).and_then(|entry| entry.text().map(str::to_owned));
    let pair = (text(first), text(second));
    section.finish();
    pair.0.zip(pair.1)
}

fn base_url(entry: &Entry<'_>, own: Option<&str>, reach: Reach) -> Option<String> {
    let address = entry.parse(Address::parse, "write https://host[:port][/prefix]")?;
    let own_origin = own.and_then(|own| Address::parse(own).ok()).map(|own| own.origin);
    if own_origin.as_ref() == Some(&address.origin) {
        return Some(entry.text()?.to_owned());
    }
    let mut good = true;
    if let (Some(own), false) = (own, reach.foreign) {
        entry.wrong(
            format!(
                "{} is not the vendor's own address {own}, and credentials would go there",
                address.origin
            ),
            "take it out, or set server.allow_foreign_base_url = true if that is meant",
        );
        good = false;
    }
    if address.is_internal() && !reach.internal {
        entry.wrong(
            format!("{} lies in an internal network", address.origin),
            "take it out, or set allow_internal_addresses = true in this tenant if that is meant",
        );
        good = false;
    }
    if !address.https && !address.is_loopback() && own.is_some() {
        entry.wrong(format!("{} would carry credentials in the clear", address.origin), "write https://");
        good = false;
    }
    if !good {
        return None;
    }
    Some(entry.text()?.to_owned())
}

/// Where an adapter's kind says what is wrong with its section.
#[expect(missing_debug_implementations, reason = "it only lends a report to a kind's check")]
pub struct Notes<'a, 'd> {
    pub(super) section: &'a Section<'d>,
    pub(super) settings: &'a Settings,
}

impl Notes<'_, '_> {
    /// Something is wrong with a key, or with the section where the key is `""`. Neither text may hold a secret.
    pub fn problem(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let (line, path) = self.settings.at(key);
        self.section.report().problem(line, path, what, remedy);
    }

    /// Something is allowed but unwise.
    pub fn warning(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let (line, path) = self.settings.at(key);
        self.section.report().warning(line, path, what, remedy);
    }
}
