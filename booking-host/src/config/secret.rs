//! Secrets in a configuration: named, not written.

use std::fmt;
use std::fs;

use booking_core::Secret;

use super::read::Entry;

/// No secret is longer; a longer file is not one.
const LONGEST_FILE: u64 = 64 * 1024;

/// A secret and where it comes from. `Debug` and `Display` show only the latter.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue {
    origin: Origin,
    value: Option<Secret>,
}

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An environment variable.
    Env(String),
    /// A file.
    File(String),
    /// The store, sealed, under this name.
    Stored(String),
    /// The configuration itself.
    Plain,
}

impl SecretValue {
    /// A secret at hand.
    #[must_use]
    pub fn plain(secret: Secret) -> Self {
        Self { origin: Origin::Plain, value: Some(secret) }
    }

    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The secret itself; `None` while one of [`Origin::Stored`] was not read from the store yet.
    #[must_use]
    pub fn get(&self) -> Option<&Secret> {
        self.value.as_ref()
    }

    pub(crate) fn fill(&mut self, secret: Secret) {
        self.value = Some(secret);
    }

    pub(super) fn read(entry: &Entry<'_>) -> Option<Self> {
        if !entry.is_table() {
            let remedy = "write { env = \"NAME\" }, { file = \"path\" } or { stored = \"name\" }";
            let Some(text) = entry.value.get_ref().as_str() else {
                entry.wrong("is no secret", remedy);
                return None;
            };
            if text.trim().is_empty() {
                entry.wrong("is blank", remedy);
                return None;
            }
            entry.warn("a secret stands in the file", remedy);
            return Some(Self::plain(Secret::new(text)));
        }
        let section = entry.section()?;
        let ways = [section.get("env"), section.get("file"), section.get("stored")];
        let mut ways = ways.into_iter().zip([Origin::Env, Origin::File, Origin::Stored]);
        let mut given = ways.by_ref().filter_map(|(entry, origin)| Some((entry?, origin)));
        let (first, second) = (given.next(), given.next().is_some());
        section.finish();
        let Some((way, origin)) = first else {
            entry.wrong(
                "names no place of the secret",
                "write { env = \"NAME\" }, { file = \"path\" } or { stored = \"name\" }",
            );
            return None;
        };
        if second {
            entry.wrong("names several places of one secret", "keep one of env, file and stored");
        }
        let name = way.text()?;
        let value = match origin(String::new()) {
            Origin::Env(_) => Some(from_env(entry, name)?),
            Origin::File(_) => Some(from_file(entry, name)?),
            Origin::Stored(_) | Origin::Plain => None,
        };
        Some(Self { origin: origin(name.to_owned()), value })
    }
}

fn from_env(entry: &Entry<'_>, name: &str) -> Option<Secret> {
    // What is set to a blank text was forgotten as much as what is not set.
    let value = (entry.report.env)(name).map(|value| value.trim_end_matches(['\r', '\n']).to_owned());
    match value {
        Some(value) if !value.trim().is_empty() => Some(Secret::new(value)),
        Some(_) => {
            entry.wrong(
                format!("environment variable {name} is blank"),
                "give it a value where the host is started",
            );
            None
        }
        None => {
            entry
                .wrong(format!("environment variable {name} is not set"), "set it where the host is started");
            None
        }
    }
}

fn from_file(entry: &Entry<'_>, path: &str) -> Option<Secret> {
    let remedy = "put the secret there, readable by the host alone";
    let text = match fs::metadata(path) {
        Err(error) => Err(error.kind().to_string()),
        Ok(data) if !data.is_file() => Err("not a file".to_owned()),
        Ok(data) if data.len() > LONGEST_FILE => Err("too large for a secret".to_owned()),
        Ok(_) => fs::read_to_string(path).map_err(|error| error.kind().to_string()),
    };
    match text {
        Err(error) => {
            entry.wrong(format!("file {path} cannot be read: {error}"), remedy);
            None
        }
        Ok(text) if text.trim().is_empty() => {
            entry.wrong(format!("file {path} is blank"), remedy);
            None
        }
        Ok(text) => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
    }
}

impl fmt::Display for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Env(name) => write!(f, "${name}"),
            Origin::File(path) => write!(f, "(file {path})"),
            Origin::Stored(name) => write!(f, "(stored {name})"),
            Origin::Plain => f.write_str("(in the configuration)"),
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretValue({self})")
    }
}
