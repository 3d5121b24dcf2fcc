//! A lean HTTP/1.1 client: keep-alive connections that each have one request under way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After so many requests.
    Sent(u64),
}

/// What a load came to.
#[derive(Debug)]
pub(crate) struct Load {
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// How long each answer took.
    pub(crate) answers: Vec<Duration>,
    /// The time on a processor that the client itself took; `None` where the system does not tell.
    pub(crate) cpu: Option<Duration>,
}

impl Load {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let answers = self.answers.len() as f64;
        answers / self.elapsed.as_secs_f64()
    }

    /// The share of one processor that the client took.
    pub(crate) fn share(&self) -> Option<f64> {
        self.cpu.map(|cpu| cpu.as_secs_f64() / self.elapsed.as_secs_f64())
    }
}

/// The bytes of a request by its number.
pub(crate) type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// A POST of a JSON body on a connection that stays open.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends requests on so many connections, spread evenly over these addresses, from a thread of its own, and waits for the
/// answers.
pub(crate) async fn load(
    addrs: &[SocketAddr],
    connections: usize,
    until: Until,
    requests: Requests,
) -> anyhow::Result<Load> {
    let addrs = addrs.to_vec();
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("load".to_owned()).spawn(move || {
        let _ = sender.send(run(&addrs, connections, until, &requests));
    })?;
    receiver.await.context("the client panicked")?
}

fn run(addrs: &[SocketAddr], connections: usize, until: Until, requests: &Requests) -> anyhow::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let next = Arc::new(AtomicU64::new(0));
        let mut open = Vec::new();
        for addr in addrs.iter().cycle().take(connections) {
            open.push(Connection::open(*addr).await?);
        }
        let (cpu, begun) = (thread_cpu(), Instant::now());
        let tasks: Vec<_> = open
            .into_iter()
            .map(|connection| {
                tokio::spawn(drive(connection, until, begun, Arc::clone(&next), Arc::clone(requests)))
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.extend(task.await??);
        }
        let elapsed = begun.elapsed();
        let cpu = thread_cpu().zip(cpu).map(|(after, before)| after.saturating_sub(before));
        Ok(Load { elapsed, answers, cpu })
    })
}

async fn drive(
    mut connection: Connection,
    until: Until,
    begun: Instant,
    next: Arc<AtomicU64>,
    requests: Requests,
) -> anyhow::Result<Vec<Duration>> {
    let mut answers = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let is_over = match until {
            Until::Elapsed(time) => begun.elapsed() >= time,
            Until::Sent(count) => number >= count,
        };
        if is_over {
            return Ok(answers);
        }
        answers.push(connection.send(&requests(number)).await?);
    }
}

/// A connection that stays open.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends a request and reads the whole answer, which must be a success. Returns how long that took.
    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<Duration> {
        self.answer.clear();
        let sent = Instant::now();
        self.stream.write_all(request).await?;
        loop {
            if let Some(whole) = length(&self.answer)?
                && self.answer.len() >= whole
            {
                ensure!(self.answer.len() == whole, "more was answered than was asked for");
                return Ok(sent.elapsed());
            }
            ensure!(self.stream.read_buf(&mut self.answer).await? > 0, "the connection was closed");
        }
    }

    /// Asks for a page.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<String> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
        Ok(String::from_utf8_lossy(&self.answer).into_owned())
    }
}

/// How long an answer is with its head, once that is there.
fn length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..head])?;
    let status = text.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("answered {status}");
    }
    let mut headers = text.lines().filter_map(|line| line.split_once(':'));
    let body = headers
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("no content-length")?
        .1
        .trim()
        .parse::<usize>()?;
    Ok(Some(head + 4 + body))
}

/// The time that this thread has been on a processor.
fn thread_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(length(&answer[..20]).unwrap(), None);
        assert_eq!(length(answer).unwrap(), Some(answer.len()));
        assert!(length(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").is_err());
        assert!(length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
