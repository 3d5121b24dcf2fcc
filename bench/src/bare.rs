//! The limits: what a handler, and a handler with a table, could do at best.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use axum::Router;
use axum::http::StatusCode;
use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, NoTls, Statement};

use crate::town::listener;

/// So many inserts share one commit at most, as in the store.
const GROUP: usize = 128;

type Insert = (Bytes, oneshot::Sender<bool>);

/// A served router. It ends when this is dropped.
pub(crate) struct Served {
    pub(crate) addr: SocketAddr,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a router on loopback.
pub(crate) async fn serve(router: Router) -> anyhow::Result<Served> {
    let listener = listener().await?;
    let addr = listener.local_addr()?;
    // As the host does it.
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(Served { addr, task })
}

/// A handler that reads the body and answers.
pub(crate) fn handler() -> Router {
    Router::new().fallback(async |_: Bytes| (StatusCode::OK, "{}"))
}

/// The way to one table on disk. Its thread ends when this and every handler are gone.
pub(crate) struct Table(Sender<Insert>);

impl Table {
    /// A new table in this folder.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(folder.join("bare.db"))?;
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        anyhow::ensure!(mode == "wal", "no write-ahead log here");
        connection.execute_batch(
            "PRAGMA synchronous = FULL;
             CREATE TABLE inbox (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
        )?;
        let (writer, inserts) = channel();
        std::thread::Builder::new()
            .name("bare-writer".to_owned())
            .spawn(move || write(&connection, &inserts))?;
        Ok(Self(writer))
    }

    /// A handler that inserts the body and answers once that is on disk.
    pub(crate) fn handler(&self) -> Router {
        let writer = self.0.clone();
        inserts(move |insert| writer.send(insert).is_ok())
    }
}

fn inserts(send: impl Fn(Insert) -> bool + Clone + Send + Sync + 'static) -> Router {
    Router::new().fallback(async move |body: Bytes| {
        let (done, is_done) = oneshot::channel();
        let is_sent = send((body, done));
        match is_sent && is_done.await.unwrap_or(false) {
            true => (StatusCode::OK, "{}"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "{}"),
        }
    })
}

fn write(connection: &Connection, inserts: &Receiver<Insert>) {
    while let Ok(first) = inserts.recv() {
        let group: Vec<Insert> = std::iter::once(first).chain(inserts.try_iter().take(GROUP - 1)).collect();
        let is_done = commit(connection, &group).is_ok();
        for (_, done) in group {
            let _ = done.send(is_done);
        }
    }
}

fn commit(connection: &Connection, group: &[Insert]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut insert = connection.prepare_cached("INSERT INTO inbox (body) VALUES (?1)")?;
    for (body, _) in group {
        insert.execute([body.as_ref()])?;
    }
    connection.execute_batch("COMMIT")
}

/// The way to one table in PostgreSQL. Its task ends when this and every handler are gone.
pub(crate) struct PostgresTable(mpsc::UnboundedSender<Insert>);

impl PostgresTable {
    /// A new table in this database, and one connection to it.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let table = "CREATE TABLE inbox (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body BYTEA NOT NULL)";
        client.batch_execute(table).await?;
        let insert = client.prepare("INSERT INTO inbox (body) SELECT unnest($1::BYTEA[])").await?;
        let (writer, inserts) = mpsc::unbounded_channel();
        tokio::spawn(write_rows(client, insert, inserts));
        Ok(Self(writer))
    }

    /// A handler that inserts the body and answers once that is on disk.
    pub(crate) fn handler(&self) -> Router {
        let writer = self.0.clone();
        inserts(move |insert| writer.send(insert).is_ok())
    }
}

async fn write_rows(client: Client, insert: Statement, mut inserts: mpsc::UnboundedReceiver<Insert>) {
    let mut group = Vec::new();
    while inserts.recv_many(&mut group, GROUP).await > 0 {
        let bodies: Vec<&[u8]> = group.iter().map(|(body, _)| body.as_ref()).collect();
        let is_done = client.execute(&insert, &[&bodies]).await.is_ok();
        for (_, done) in group.drain(..) {
            let _ = done.send(is_done);
        }
    }
}
