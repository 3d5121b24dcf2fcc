//! A plan that is applied, followed to its end.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use booking_core::{BookingId, TenantSlug};
use booking_host::api::views::{ExplainedView, LogKind, LogQuery, LogView, PinsQuery, PlanStay, PlanView};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::args::Patience;
use super::desk::{Desk, Got, escape};
use super::fault::{Answer, Fault};
use super::show::{self, Times};

/// How soon is looked again at first, and at most how late.
const SOONEST: Duration = Duration::from_millis(50);
const LATEST: Duration = Duration::from_secs(1);
/// How many entries of the history are asked for at once.
const PAGE: usize = 200;

/// A line at the end of a terminal that is written again and again; nothing elsewhere.
pub(super) struct Line(bool);

impl Line {
    pub(super) fn stderr() -> Self {
        Self(std::io::stderr().is_terminal())
    }

    pub(super) fn set(&mut self, text: &str) {
        if self.0 {
            let mut err = std::io::stderr();
            let _ = write!(err, "\r\u{1b}[K{text}").and_then(|()| err.flush());
        }
    }

    pub(super) fn clear(&mut self) {
        self.set("");
    }
}

/// So much is done.
pub(super) fn bar(done: usize, of: usize) -> String {
    let width = 20;
    let full = done.min(of) * width / of.max(1);
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

/// The number of the history's newest entry.
pub(super) async fn newest(desk: &Desk) -> Answer<u64> {
    let query = LogQuery { kind: Some(LogKind::History), limit: Some(1), ..LogQuery::default() };
    let page: Got<LogView> = desk.get("/log", &query).await?;
    Ok(page.view.entries.first().map_or(0, |entry| entry.number))
}

/// Follows a plan until every part of it is decided, nothing moves for as long as there is patience, or somebody ends
/// it. Where no host runs, the work is done here meanwhile.
pub(super) async fn follow(
    desk: &Desk,
    plan: &str,
    after: u64,
    patience: Patience,
    quiet: bool,
) -> Answer<()> {
    let mut watch = Watch::new(desk, plan, after, patience, quiet);
    let Some(here) = desk.way.here() else { return watch.run().await };
    let stays = watch.look().await?.stays.into_iter().filter(is_open);
    let stays: Vec<BookingId> = stays.filter_map(|stay| BookingId::parse(&stay.booking).ok()).collect();
    let slug = TenantSlug::parse(&desk.slug)
        .map_err(|_| Fault::error("this is no tenant", "name it as the configuration does"))?;
    let (tell, told) = oneshot::channel::<()>();
    let work = here.work_on(&slug, stays, async {
        // Dropped is as good as told.
        let _ = told.await;
    });
    let watched = async {
        let watched = watch.run().await;
        drop(tell);
        watched
    };
    let (worked, watched) = tokio::join!(work, watched);
    // What was cut off is repaired when it goes on.
    let _ = worked.map_err(|error| Fault::error(error, "run it again: it goes on where it was"))?;
    watched
}

fn is_open(stay: &PlanStay) -> bool {
    matches!(stay.state.as_str(), "approved" | "begun")
}

struct Watch<'a> {
    desk: &'a Desk,
    plan: &'a str,
    /// The newest entry of the history that was told.
    after: u64,
    patience: Duration,
    quiet: bool,
    line: Line,
}

impl<'a> Watch<'a> {
    fn new(desk: &'a Desk, plan: &'a str, after: u64, patience: Patience, quiet: bool) -> Self {
        let patience = Duration::from_secs(patience.patience);
        Self { desk, plan, after, patience, quiet, line: Line::stderr() }
    }

    async fn look(&self) -> Answer<PlanView> {
        let got: Got<PlanView> = self.desk.get(&format!("/plans/{}", escape(self.plan)), &()).await?;
        Ok(got.view)
    }

    async fn run(&mut self) -> Answer<()> {
        let mut stop = std::pin::pin!(crate::told_to_stop());
        let tenant = self.desk.tenant().await?;
        let (mut moved_at, mut nap) = (Instant::now(), SOONEST);
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let plan = self.look().await?;
            let mut moved = self.tell_steps(&plan, Times::of(&tenant, None)).await?;
            for stay in &plan.stays {
                let before = known.insert(stay.booking.clone(), stay.state.clone());
                moved |= before.is_some_and(|before| before != stay.state);
            }
            let open: Vec<&PlanStay> = plan.stays.iter().filter(|stay| is_open(stay)).collect();
            if open.is_empty() {
                self.line.clear();
                return Ok(());
            }
            if moved {
                (moved_at, nap) = (Instant::now(), SOONEST);
            }
            self.tell_progress(&plan, &open);
            let left = self.patience.saturating_sub(moved_at.elapsed());
            tokio::select! {
                () = sleep(nap.min(left)) => {}
                () = &mut stop => {
                    self.tell("Interrupted: what was begun ends, the rest waits.");
                    return Ok(());
                }
            }
            if moved_at.elapsed() >= self.patience {
                self.tell_waiting(&open, Times::of(&tenant, None)).await?;
                return Ok(());
            }
            nap = (nap * 2).min(LATEST);
        }
    }

    /// Tells what was done for the plan's stays since the last look; whether there was any.
    async fn tell_steps(&mut self, plan: &PlanView, times: Times) -> Answer<bool> {
        let query = LogQuery { kind: Some(LogKind::History), limit: Some(PAGE), ..LogQuery::default() };
        let page: Got<LogView> = self.desk.get("/log", &query).await?;
        let after = self.after;
        let mut moved = false;
        for entry in page.view.entries.iter().rev().filter(|entry| entry.number > after) {
            self.after = self.after.max(entry.number);
            let stay = plan.stays.iter().find(|stay| Some(&stay.booking) == entry.booking.as_ref());
            let Some(stay) = stay else { continue };
            moved = true;
            let detail = entry.detail.as_deref().unwrap_or_default().trim().trim_end_matches(':');
            let line = format!("{}  {}  {} {detail}", times.exactly(entry.at), show::name(stay), entry.what);
            self.tell(line.trim_end());
        }
        Ok(moved)
    }

    fn tell_progress(&mut self, plan: &PlanView, open: &[&PlanStay]) {
        let (of, done) = (plan.stays.len(), plan.stays.len() - open.len());
        let bar = bar(done, of);
        let now = open.iter().find(|stay| stay.state == "begun").or(open.first());
        let now = now.map(|stay| format!("  {} {}", show::name(stay), show::state(stay))).unwrap_or_default();
        self.line.set(&format!("{bar} {done} of {of} stays{now}"));
    }

    /// Why stays wait, in the vendors' own words.
    async fn tell_waiting(&mut self, open: &[&PlanStay], times: Times) -> Answer<()> {
        for stay in open {
            let path = format!("/bookings/{}", escape(&stay.booking));
            let explained: Got<ExplainedView> = self.desk.get(&path, &PinsQuery::default()).await?;
            let lines = show::waits(&explained.view, times);
            let why = if lines.is_empty() { "nothing says why".to_owned() } else { lines.join("; ") };
            self.tell(&format!("{} waits: {why}", show::name(stay)));
        }
        Ok(())
    }

    fn tell(&mut self, line: &str) {
        self.line.clear();
        if !self.quiet {
            // A reader who has gone is no reason to stop.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }
}
