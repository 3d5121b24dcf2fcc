//! Webhooks on the wire: one plain HTTP/1.1 POST each, never repeated, as nothing says that Smoobu repeats them.

#![allow(clippy::disallowed_methods, reason = "only the server waits and spawns")]

use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::SimState;
use crate::smoobu::OutgoingWebhook;

/// How often the outbox is looked at, in real time.
const LOOK: Duration = Duration::from_millis(20);
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(state: SimState, mut stopped: watch::Receiver<bool>) {
    loop {
        let due = {
            let mut simulators = state.lock();
            let now = state.clock.now();
            simulators.take_webhooks(now)
        };
        // One after another, so that the order on the wire is the order of the outbox.
        for webhook in due {
            let _ = tokio::time::timeout(PATIENCE, post(&webhook)).await;
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Sends one webhook and waits for the head of the answer. Only plain `http` is spoken.
async fn post(webhook: &OutgoingWebhook) -> Option<()> {
    let uri: Uri = webhook.url.parse().ok()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(80));
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut head = format!("POST {target} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n");
    for (name, value) in &webhook.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", webhook.body.len()));
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(webhook.body.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            break;
        }
    }
    Some(())
}
