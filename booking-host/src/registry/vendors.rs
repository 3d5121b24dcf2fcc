//! The vendors whose features are switched on.

mod file;
mod record;
#[cfg(feature = "serwersms")]
mod serwersms;
#[cfg(feature = "smoobu")]
mod smoobu;
#[cfg(feature = "thekeys")]
mod thekeys;

use super::Registry;

pub(super) fn register(registry: &mut Registry) {
    registry.notifier("file", file::File).notifier("record", record::Record);
    #[cfg(feature = "serwersms")]
    registry.notifier("serwersms", serwersms::Kind);
    #[cfg(feature = "smoobu")]
    registry.source("smoobu", smoobu::Kind);
    #[cfg(feature = "thekeys")]
    registry.lock("thekeys", thekeys::Kind);
}
