//! The adapter registry: the only place that names vendors.
//!
//! A *kind* (`kind = "smoobu"`) says as data which keys its section has, checks what only it knows, and builds the
//! adapter. [`Registry::default`] has those of the features that are switched on; an integrator registers more:
//!
//! ```
//! use std::sync::Arc;
//!
//! use booking_core::{Channel, VendorError};
//! use booking_host::config::{KeySpec, Settings, Shape};
//! use booking_host::registry::{AdapterParts, BuiltNotifier, NotifierKind, Registry};
//! use booking_notify::RecordNotifier;
//!
//! struct Pigeon;
//!
//! impl NotifierKind for Pigeon {
//!     fn keys(&self) -> &[KeySpec] {
//!         const { &[KeySpec::required("loft", Shape::Text)] }
//!     }
//!
//!     fn build(&self, settings: &Settings, _: &AdapterParts) -> Result<BuiltNotifier, VendorError> {
//!         assert!(settings.text("loft").is_some());
//!         Ok(BuiltNotifier::new(Arc::new(RecordNotifier::new(Channel::Record))))
//!     }
//! }
//!
//! let mut registry = Registry::default();
//! registry.notifier("pigeon", Pigeon);
//! assert!(registry.notifier_kinds().any(|kind| kind == "pigeon"));
//! ```

mod vendors;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use booking_core::{
    BookingSource, Clock, DoorKey, IntegrationName, LockProvider, Notifier, Rng, TenantSlug, VendorError,
    WebhookReceiver,
};
use booking_http::Transport;

use crate::config::{KeySpec, Notes, Settings, Shape};

/// What adapters are built with.
#[derive(Clone)]
#[non_exhaustive]
pub struct AdapterParts {
    /// Whose adapter it is.
    pub tenant: TenantSlug,
    /// Its name there.
    pub name: IntegrationName,
    /// How vendors are reached.
    pub transport: Arc<dyn Transport>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cryptographic randomness.
    pub rng: Arc<dyn Rng>,
}

impl AdapterParts {
    pub(crate) fn new(
        tenant: &TenantSlug,
        name: &IntegrationName,
        transport: &Arc<dyn Transport>,
        clock: &Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
    ) -> Self {
        Self {
            tenant: tenant.clone(),
            name: name.clone(),
            transport: Arc::clone(transport),
            clock: Arc::clone(clock),
            rng: Arc::clone(rng),
        }
    }
}

impl fmt::Debug for AdapterParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdapterParts")
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How an integration's webhooks show where they come from, by its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookTerms {
    /// The key of its secret, for advice.
    pub secret_key: &'static str,
    /// Whether a secret in the path is asked for.
    pub by_path: bool,
    /// Whether a signature, a header or an address is checked.
    pub by_request: bool,
    /// Whether the operator takes webhooks without any check.
    pub unchecked: bool,
    /// Whether what they tell is believed without asking the source.
    pub trusted: bool,
}

impl WebhookTerms {
    /// Webhooks whose secret would stand under this key, without any check.
    #[must_use]
    pub const fn new(secret_key: &'static str) -> Self {
        Self { secret_key, by_path: false, by_request: false, unchecked: false, trusted: false }
    }
}

/// What takes an integration's webhooks.
#[derive(Clone)]
pub struct BuiltWebhooks {
    /// At the integration's own URL.
    pub receiver: Arc<dyn WebhookReceiver>,
    /// At an alias, which has no path secret; `None` where the other serves both.
    pub at_alias: Option<Arc<dyn WebhookReceiver>>,
}

impl fmt::Debug for BuiltWebhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltWebhooks").field("at_alias", &self.at_alias.is_some()).finish_non_exhaustive()
    }
}

macro_rules! built {
    ($(#[$doc:meta])* $name:ident, $field:ident: $adapter:ty $(, $(#[$extra_doc:meta])* $extra:ident: $extra_type:ty)?) => {
        $(#[$doc])*
        #[derive(Clone)]
        #[non_exhaustive]
        pub struct $name {
            /// The adapter.
            pub $field: Arc<$adapter>,
            $($(#[$extra_doc])* pub $extra: $extra_type,)?
            /// What takes its webhooks, if it has any.
            pub webhooks: Option<BuiltWebhooks>,
        }

        impl $name {
            /// An adapter without webhooks.
            #[must_use]
            pub fn new($field: Arc<$adapter>) -> Self {
                Self { $field, $($extra: None,)? webhooks: None }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("webhooks", &self.webhooks).finish_non_exhaustive()
            }
        }
    };
}

built! {
    /// A built booking system.
    BuiltSource, source: dyn BookingSource,
    /// Its own messages to guests, if [`SourceKind::has_thread`] says that it has them.
    thread: Option<Arc<dyn Notifier>>
}
built! {
    /// A built lock account.
    BuiltLock, lock: dyn LockProvider
}
built! {
    /// A built way to tell people.
    BuiltNotifier, notifier: dyn Notifier
}

/// A kind of booking system.
pub trait SourceKind: Send + Sync {
    /// The keys of its section, besides `kind`.
    fn keys(&self) -> &[KeySpec];

    /// Says what is wrong with a section whose keys could be read.
    fn check(&self, settings: &Settings, notes: &Notes<'_, '_>) {
        let _ = (settings, notes);
    }

    /// Its webhooks; `None` where it takes none.
    fn webhooks(&self, settings: &Settings) -> Option<WebhookTerms> {
        let _ = settings;
        None
    }

    /// Whether guests can be told in its own thread.
    fn has_thread(&self) -> bool {
        false
    }

    /// Whether codes can be written into its bookings with these settings.
    fn writes_back(&self, settings: &Settings) -> bool {
        let _ = settings;
        false
    }

    /// Builds the adapter.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings, without a secret in it.
    fn build(&self, settings: &Settings, parts: &AdapterParts) -> Result<BuiltSource, VendorError>;
}

/// A kind of lock account.
pub trait LockKind: Send + Sync {
    /// The keys of its section, besides `kind`.
    fn keys(&self) -> &[KeySpec];

    /// Says what is wrong with a section whose keys could be read.
    fn check(&self, settings: &Settings, notes: &Notes<'_, '_>) {
        let _ = (settings, notes);
    }

    /// Its webhooks; `None` where it takes none.
    fn webhooks(&self, settings: &Settings) -> Option<WebhookTerms> {
        let _ = settings;
        None
    }

    /// The keypad that `device` and `keypad` of a `[[tenant.door]]` name. It is global: two accounts that reach the
    /// same keypad must give the same key.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    fn door_key(&self, device: &str, keypad: &str) -> Result<DoorKey, String>;

    /// How many digits the vendor can store.
    fn pin_lengths(&self) -> RangeInclusive<u8> {
        1..=16
    }

    /// How many it stores where a door does not say.
    fn usual_pin_length(&self) -> u8;

    /// Builds the adapter.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings, without a secret in it.
    fn build(&self, settings: &Settings, parts: &AdapterParts) -> Result<BuiltLock, VendorError>;
}

/// A kind of way to tell people.
pub trait NotifierKind: Send + Sync {
    /// The keys of its section, besides `kind`.
    fn keys(&self) -> &[KeySpec];

    /// Says what is wrong with a section whose keys could be read.
    fn check(&self, settings: &Settings, notes: &Notes<'_, '_>) {
        let _ = (settings, notes);
    }

    /// Its webhooks; `None` where it takes none.
    fn webhooks(&self, settings: &Settings) -> Option<WebhookTerms> {
        let _ = settings;
        None
    }

    /// Whether it can reach staff with these settings.
    fn reaches_staff(&self, settings: &Settings) -> bool {
        let _ = settings;
        true
    }

    /// Builds the adapter.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings, without a secret in it.
    fn build(&self, settings: &Settings, parts: &AdapterParts) -> Result<BuiltNotifier, VendorError>;
}

/// The kinds of adapters that a host knows.
#[derive(Clone)]
pub struct Registry {
    sources: BTreeMap<String, Arc<dyn SourceKind>>,
    locks: BTreeMap<String, Arc<dyn LockKind>>,
    notifiers: BTreeMap<String, Arc<dyn NotifierKind>>,
}

impl Registry {
    /// No kinds at all.
    #[must_use]
    pub fn empty() -> Self {
        Self { sources: BTreeMap::new(), locks: BTreeMap::new(), notifiers: BTreeMap::new() }
    }

    /// Adds a kind of booking system, or replaces the one of this name.
    pub fn source(&mut self, kind: impl Into<String>, source: impl SourceKind + 'static) -> &mut Self {
        self.sources.insert(kind.into(), Arc::new(source));
        self
    }

    /// Adds a kind of lock account, or replaces the one of this name.
    pub fn lock(&mut self, kind: impl Into<String>, lock: impl LockKind + 'static) -> &mut Self {
        self.locks.insert(kind.into(), Arc::new(lock));
        self
    }

    /// Adds a kind of notifier, or replaces the one of this name.
    pub fn notifier(&mut self, kind: impl Into<String>, notifier: impl NotifierKind + 'static) -> &mut Self {
        self.notifiers.insert(kind.into(), Arc::new(notifier));
        self
    }

    /// The kinds of booking systems.
    pub fn source_kinds(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    /// The kinds of lock accounts.
    pub fn lock_kinds(&self) -> impl Iterator<Item = &str> {
        self.locks.keys().map(String::as_str)
    }

    /// The kinds of notifiers.
    pub fn notifier_kinds(&self) -> impl Iterator<Item = &str> {
        self.notifiers.keys().map(String::as_str)
    }

    pub(crate) fn get_source(&self, kind: &str) -> Option<&Arc<dyn SourceKind>> {
        self.sources.get(kind)
    }

    pub(crate) fn get_lock(&self, kind: &str) -> Option<&Arc<dyn LockKind>> {
        self.locks.get(kind)
    }

    pub(crate) fn get_notifier(&self, kind: &str) -> Option<&Arc<dyn NotifierKind>> {
        self.notifiers.get(kind)
    }
}

impl Default for Registry {
    /// Those of the features that are switched on, and the notifiers `file` and `record`.
    fn default() -> Self {
        let mut registry = Self::empty();
        vendors::register(&mut registry);
        registry
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("sources", &self.sources.keys())
            .field("locks", &self.locks.keys())
            .field("notifiers", &self.notifiers.keys())
            .finish()
    }
}

/// The keys by which the sources of this crate say how webhooks are checked; for integrators' kinds too.
pub const WEBHOOK_KEYS: [KeySpec; 6] = [
    KeySpec::optional("webhooks", Shape::Flag),
    KeySpec::optional("webhook_path_secret", Shape::Secret),
    KeySpec::optional("webhook_secrets", Shape::Secrets),
    KeySpec::optional("webhook_payload", Shape::OneOf(&["reread", "trust"])),
    KeySpec::optional("webhook_unauthenticated", Shape::Flag),
    KeySpec::optional("accept_ips", Shape::Networks),
];

/// The terms that [`WEBHOOK_KEYS`] set.
#[must_use]
pub fn webhook_terms(settings: &Settings) -> Option<WebhookTerms> {
    if settings.flag("webhooks") == Some(false) {
        return None;
    }
    Some(WebhookTerms {
        by_path: settings.has("webhook_path_secret") || settings.has("webhook_secrets"),
        by_request: !settings.networks("accept_ips").is_empty(),
        unchecked: settings.flag("webhook_unauthenticated") == Some(true),
        trusted: settings.text("webhook_payload") == Some("trust"),
        ..WebhookTerms::new("webhook_path_secret")
    })
}
