//! What is done with a whole store while no host works on it, or beside one: moved, backed up, put back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use booking_core::Clock as _;
pub use booking_store::{BackedUp, Restored, TransferError};
use booking_store::{backup_sqlite, restore_sqlite};

#[cfg(feature = "postgres")]
pub use self::moving::{Moved, Progress, Source, Step, TableSum, Target, move_store};
use crate::config::{StoreConfig, StorePlace};
use crate::host::{HostError, keys};
use crate::world::{OsRng, SystemClock};

/// Why a store was not moved, backed up or put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoresError {
    /// It must not be done, or failed.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The keys of the configuration cannot be used.
    #[error(transparent)]
    Keys(#[from] HostError),
}

/// Copies the configured SQLite file, also while a host works on it. Blocks meanwhile.
///
/// # Errors
///
/// As [`backup_sqlite`]; [`TransferError::Refused`] where the configured store is none in a file.
pub fn backup(config: &StoreConfig, to: &Path) -> Result<BackedUp, StoresError> {
    let from = file(config)?;
    Ok(backup_sqlite(from, to, keys(config)?, Arc::new(OsRng))?)
}

/// Puts a copy where the configured SQLite file is. Blocks meanwhile.
///
/// # Errors
///
/// As [`restore_sqlite`]; [`TransferError::Refused`] where the configured store is none in a file.
pub fn restore(config: &StoreConfig, from: &Path, replace: bool) -> Result<Restored, StoresError> {
    let to = file(config)?;
    Ok(restore_sqlite(from, to, keys(config)?, Arc::new(OsRng), replace, SystemClock.now())?)
}

fn file(config: &StoreConfig) -> Result<&PathBuf, TransferError> {
    let refused = |why: &str, remedy| TransferError::Refused { why: why.to_owned(), remedy };
    match &config.place {
        StorePlace::Sqlite(path) => Ok(path),
        #[cfg(feature = "postgres")]
        StorePlace::Postgres(_) => Err(refused(
            "the configured store is a PostgreSQL database",
            "back it up and restore it with PostgreSQL's own programs: docs/postgresql.md says how",
        )),
        StorePlace::Memory => {
            Err(refused("the configured store is a host's memory", "write \"sqlite://staykey.db\""))
        }
    }
}

#[cfg(feature = "postgres")]
mod moving {
    use std::ops::ControlFlow;
    use std::path::PathBuf;
    use std::sync::Arc;

    use booking_core::Secret;
    use booking_store::PostgresUrl;
    pub use booking_store::{Moved, Progress, Step, TableSum};

    use super::{StoreConfig, StorePlace, StoresError, TransferError, keys};
    use crate::world::OsRng;

    /// So many rows are carried in one transaction.
    const BATCH: usize = 500;

    /// Where a store is moved from.
    #[derive(Clone, Debug)]
    pub struct Source(PathBuf);

    /// Where a store is moved to.
    #[derive(Clone, Debug)]
    pub struct Target(PostgresUrl);

    impl Source {
        /// The file of a URL, or of the configured store.
        ///
        /// # Errors
        ///
        /// [`TransferError::Refused`] where that is no SQLite file.
        pub fn of(url: Option<&str>, config: &StoreConfig) -> Result<Self, TransferError> {
            let given = url.map(|url| url.strip_prefix("sqlite://").filter(|path| !path.is_empty()));
            match (given, &config.place) {
                (Some(Some(path)), _) => Ok(Self(path.into())),
                (None, StorePlace::Sqlite(path)) => Ok(Self(path.clone())),
                _ => Err(TransferError::Refused {
                    why: "a store is moved from an SQLite file".to_owned(),
                    remedy: "write --from sqlite:///var/lib/staykey/staykey.db",
                }),
            }
        }
    }

    impl Target {
        /// The database of a URL, with a password that is kept elsewhere, or of the configured store.
        ///
        /// # Errors
        ///
        /// [`TransferError::Refused`] where that is no PostgreSQL database.
        pub fn of(
            url: Option<&str>,
            password: Option<&Secret>,
            config: &StoreConfig,
        ) -> Result<Self, TransferError> {
            let given = url.map(|url| PostgresUrl::parse(url).ok());
            match (given, &config.place) {
                (Some(Some(url)), _) => Ok(Self(match password {
                    Some(password) if !url.has_password() => url.with_password(password),
                    _ => url,
                })),
                (None, StorePlace::Postgres(url)) => Ok(Self((**url).clone())),
                _ => Err(TransferError::Refused {
                    why: "a store is moved into a PostgreSQL database".to_owned(),
                    remedy: "write --to \"postgres://user@host/database?sslmode=verify-full\"",
                }),
            }
        }
    }

    /// Moves a store; `watch` is told how far it is, and may end it.
    ///
    /// # Errors
    ///
    /// As [`booking_store::move_store`].
    pub async fn move_store(
        config: &StoreConfig,
        from: &Source,
        to: &Target,
        watch: &mut (dyn FnMut(Progress) -> ControlFlow<()> + Send),
    ) -> Result<Moved, StoresError> {
        let keys = keys(config)?;
        Ok(booking_store::move_store(&from.0, &to.0, keys, Arc::new(OsRng), BATCH, watch).await?)
    }
}
