//! A PostgreSQL server for this run, durable as it is delivered.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use booking_core::Secret;
use booking_core::store::Store;
use booking_host::OsRng;
use booking_store::{Keys, PostgresStore, PostgresUrl};
use booking_test_servers::postgres::{Server, ask, can_reach};

use crate::Scale;
use crate::report::Report;
use crate::town::MASTER_KEY;

/// The server; it ends when this is dropped.
pub(crate) struct Database(Server);

impl Database {
    /// Starts it with its data on the disk of the build.
    pub(crate) async fn start(
        scale: &Scale,
        bench: &'static str,
        report: &mut Report,
    ) -> anyhow::Result<Self> {
        let mut place = scale.disk.clone();
        if !can_reach(&place) {
            place = std::env::temp_dir();
            report.note(bench, "the database's user may not go to the folder of the build: its data is in the folder for temporary files, maybe on another disk");
        }
        // Room for the hosts of a measurement while those of the one before leave.
        let options = "-c listen_addresses= -c max_connections=200";
        // It panics where no server is installed, and says so.
        let started = tokio::task::spawn_blocking(move || Server::start_in(&place, options));
        let server = Self(started.await.context("no PostgreSQL server")?);
        let lax = "SELECT name FROM pg_settings
            WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting <> 'on'";
        let lax = ask(&server.0.url("postgres"), lax).await;
        ensure!(lax.is_empty(), "the server answers before it is on disk: {lax:?}");
        Ok(server)
    }

    /// The URL of a new database.
    pub(crate) async fn url(&self) -> String {
        self.0.database().await
    }
}

/// The database's store, as another host opens it.
pub(crate) async fn store(url: &str) -> anyhow::Result<Arc<dyn Store>> {
    let url = PostgresUrl::parse(url).map_err(|_| anyhow::anyhow!("no URL of a database"))?;
    let keys = Keys::parse(&Secret::new(MASTER_KEY))?;
    Ok(Arc::new(PostgresStore::open(&url, keys, Arc::new(OsRng)).await?))
}
