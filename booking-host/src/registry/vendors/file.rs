//! `kind = "file"`.

use std::sync::Arc;

use booking_core::VendorError;
use booking_notify::FileNotifier;

use crate::config::{KeySpec, Notes, Settings, Shape};
use crate::registry::{AdapterParts, BuiltNotifier, NotifierKind};

pub(super) struct File;

impl NotifierKind for File {
    fn keys(&self) -> &[KeySpec] {
        const { &[KeySpec::required("folder", Shape::Path)] }
    }

    fn check(&self, _: &Settings, notes: &Notes<'_, '_>) {
        notes.warning(
            "",
            "PINs and names are written into files, and nobody is told",
            "use it for trials only",
        );
    }

    fn build(&self, settings: &Settings, _: &AdapterParts) -> Result<BuiltNotifier, VendorError> {
        let folder =
            settings.path_of("folder").ok_or_else(|| VendorError::configuration("folder is missing"))?;
        Ok(BuiltNotifier::new(Arc::new(FileNotifier::new(folder)?)))
    }
}
