//! `kind = "record"`.

use std::sync::Arc;

use booking_core::{Channel, VendorError};
use booking_notify::RecordNotifier;

use crate::config::{KeySpec, Notes, Settings};
use crate::registry::{AdapterParts, BuiltNotifier, NotifierKind};

pub(super) struct Record;

impl NotifierKind for Record {
    fn keys(&self) -> &[KeySpec] {
        &[]
    }

    fn check(&self, _: &Settings, notes: &Notes<'_, '_>) {
        notes.warning("", "messages are kept in memory, and nobody is told", "use it for trials only");
    }

    fn build(&self, _: &Settings, _: &AdapterParts) -> Result<BuiltNotifier, VendorError> {
        Ok(BuiltNotifier::new(Arc::new(RecordNotifier::new(Channel::Record))))
    }
}
