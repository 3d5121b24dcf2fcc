//! The program as a process: started, looked at, told to stop, killed.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// No start takes longer, on whatever machine.
const START: Duration = Duration::from_secs(60);

/// Builds what is put around the program.
pub(crate) fn build_around(folder: &Path) -> anyhow::Result<PathBuf> {
    let (source, library) = (folder.join("around.c"), folder.join("around.so"));
    std::fs::write(&source, include_str!("around.c"))?;
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut words = compiler.split_whitespace();
    let made = Command::new(words.next().unwrap_or("cc"))
        .args(words)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .with_context(|| compiler.clone())?;
    ensure!(made.status.success(), "{compiler}: {}", String::from_utf8_lossy(&made.stderr));
    Ok(library)
}

/// What is the same for each start of a host.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) around: PathBuf,
    /// Where it listens.
    pub(crate) url: String,
    clock: File,
    clock_path: PathBuf,
    pub(crate) log: PathBuf,
    running: Option<Child>,
    /// The most memory that any run of it took, in KiB.
    pub(crate) peak: u64,
}

impl Host {
    pub(crate) fn new(
        name: String,
        folder: &Path,
        logs: &Path,
        program: &Path,
        config: PathBuf,
        around: &Path,
        url: String,
    ) -> anyhow::Result<Self> {
        let clock_path = folder.join(format!("{name}.clock"));
        let log = logs.join(format!("{name}.log"));
        let clock = File::create(&clock_path)?;
        let (program, around) = (program.to_owned(), around.to_owned());
        let host =
            Self { name, program, config, around, url, clock, clock_path, log, running: None, peak: 0 };
        host.set_clock(0)?;
        Ok(host)
    }

    /// Sets its clock to so many seconds from the machine's.
    pub(crate) fn set_clock(&self, seconds: i64) -> anyhow::Result<()> {
        Ok(self.clock.write_all_at(&seconds.to_ne_bytes(), 0)?)
    }

    /// Starts it; with a limit, no file of its may grow beyond so many blocks of 512 bytes.
    ///
    /// To be called on the main thread: the process dies with the thread that started it.
    pub(crate) fn start(&mut self, most_blocks: Option<u64>) -> anyhow::Result<()> {
        ensure!(self.running.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = match most_blocks {
            None => Command::new(&self.program),
            // A write beyond the limit then fails, as on a full disk, instead of killing the writer.
            Some(blocks) => {
                let mut shell = Command::new("/bin/sh");
                let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
                shell.args(["-c", &script]).arg(&self.program);
                shell
            }
        };
        let child = command
            .args(["serve", "--config"])
            .arg(&self.config)
            .env("LD_PRELOAD", &self.around)
            .env("SOAK_CLOCK", &self.clock_path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| self.program.display().to_string())?;
        self.running = Some(child);
        Ok(())
    }

    /// SIGKILL. Whether there was something to kill.
    pub(crate) fn kill(&mut self) -> anyhow::Result<bool> {
        self.weigh();
        let Some(mut child) = self.running.take() else { return Ok(false) };
        let ended = child.try_wait()?.is_some();
        let _ = child.kill();
        child.wait()?;
        Ok(!ended)
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> anyhow::Result<bool> {
        let Some(child) = &mut self.running else { return Ok(false) };
        Ok(child.try_wait()?.is_none())
    }

    /// SIGTERM.
    pub(crate) fn terminate(&mut self) -> anyhow::Result<()> {
        self.weigh();
        let Some(child) = &self.running else { return Ok(()) };
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        ensure!(told.success(), "{} cannot be told to stop", self.name);
        Ok(())
    }

    /// Waits for its end and tells its exit status; `None` where it had to be killed after all.
    pub(crate) async fn ended(&mut self, within: Duration) -> anyhow::Result<Option<i32>> {
        let Some(mut child) = self.running.take() else { bail!("{} does not run", self.name) };
        let until = Instant::now() + within;
        while Instant::now() < until {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code());
            }
            tokio::time::sleep(LOOK).await;
        }
        child.kill()?;
        child.wait()?;
        Ok(None)
    }

    /// Waits until it takes webhooks. An error where it ends instead.
    pub(crate) async fn ready(&mut self, client: &reqwest::Client) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let url = format!("{}/readyz", self.url);
        while begun.elapsed() < START {
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(begun.elapsed());
            }
            if let Some(child) = &mut self.running
                && let Some(status) = child.try_wait()?
            {
                self.running = None;
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                bail!(
                    "{} ended while it started: {status}: {}",
                    self.name,
                    log.lines().last().unwrap_or_default()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("{} was not ready within {} s", self.name, START.as_secs());
    }

    fn weigh(&mut self) {
        let Some(child) = &self.running else { return };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        self.peak = self.peak.max(peak.unwrap_or(0));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// How many pieces of work a host has finished, by its own numbers.
pub(crate) async fn finished(client: &reqwest::Client, url: &str) -> Option<u64> {
    let text = client.get(format!("{url}/metrics")).send().await.ok()?.text().await.ok()?;
    let lines = text
        .lines()
        .filter(|line| line.starts_with("staykey_work_total{") && line.contains(r#"result="done""#));
    Some(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}
