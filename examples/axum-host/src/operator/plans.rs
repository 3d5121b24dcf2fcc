//! Plans: made, shown, applied.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use booking_host::api::views::{AppliedView, PlanLine, PlanRequest, PlanScope, PlanView};
use booking_host::config::ApiScope;
use serde_json::{Value, json};

use super::args::{ApplyArgs, Common, Patience, ReissueArgs, ScopeArgs, SyncArgs};
use super::desk::{Desk, Got, escape};
use super::fault::{Answer, Exit, Fault};
use super::follow::{self, Line};
use super::print;
use super::show::{self, Commands, Times};

/// What is to be planned, and what becomes of the plan.
struct Asked {
    request: PlanRequest,
    dry_run: bool,
    yes: bool,
    patience: Patience,
    common: Common,
}

pub(super) async fn sync(args: SyncArgs) -> Answer<Exit> {
    let ScopeArgs { source, unit, booking } = args.scope;
    let scope = match (source, unit, booking) {
        (Some(name), ..) => PlanScope::Source(name),
        (_, Some(id), _) => PlanScope::Unit(id),
        (.., Some(text)) => PlanScope::Booking(text),
        _ => PlanScope::Tenant,
    };
    let SyncArgs { dry_run, show_pins, yes, patience, common, .. } = args;
    let request = PlanRequest { scope, reissue: false, pins: show_pins };
    Asked { request, dry_run, yes, patience, common }.answer().await
}

pub(super) async fn reissue(args: ReissueArgs) -> Answer<Exit> {
    let ReissueArgs { booking, dry_run, show_pins, yes, patience, common } = args;
    let request = PlanRequest { scope: PlanScope::Booking(booking), reissue: true, pins: show_pins };
    Asked { request, dry_run, yes, patience, common }.answer().await
}

impl Asked {
    async fn answer(self) -> Answer<Exit> {
        let asks = !self.dry_run && !self.yes;
        if asks && (self.common.json || !std::io::stdin().is_terminal()) {
            return Err(Fault::usage(
                "nobody is there to be asked whether the plan is good",
                "add --dry-run to look only, or --yes to have it applied without asking",
            ));
        }
        let mut needed = vec![ApiScope::Read, ApiScope::Plan];
        needed.extend((!self.dry_run).then_some(ApiScope::Apply));
        needed.extend(self.request.pins.then_some(ApiScope::Pins));
        let desk = Desk::open(&self.common, &needed).await?;
        let raw = self.draft(&desk).await?;
        let plan: PlanView = serde_json::from_value(raw.clone()).map_err(|_| {
            Fault::error("the plan cannot be read", "use the command line of the host's own version")
        })?;
        let nothing = plan.stays.is_empty();
        if self.dry_run || nothing || !self.common.json {
            self.show(&desk, &raw, &plan).await?;
        }
        let seen = seen(&plan);
        if self.dry_run || nothing {
            return Ok(seen);
        }
        if asks && !ask("Apply it? [y/N] ")? {
            print(false, &Value::Null, || "Not applied.".to_owned())?;
            return Ok(seen);
        }
        let done = apply_plan(&desk, &plan.plan, true, self.patience, self.common.json).await?;
        Ok(if done == Exit::Complete { seen } else { done })
    }

    /// Makes the dry run, and tells meanwhile how far it is.
    async fn draft(&self, desk: &Desk) -> Answer<Value> {
        let mut line = Line::stderr();
        let raw = desk
            .draft(&self.request, |looking| match looking {
                PlanLine::Source { source } => line.set(&format!("reading {source}")),
                PlanLine::Door { door } => line.set(&format!("reading {door}")),
                PlanLine::Stays { done, of } => line.set(&format!("looking at stays: {done} of {of}")),
                _ => {}
            })
            .await;
        line.clear();
        raw.map_err(|mut fault| {
            if fault.view.remedy.contains("GET ") {
                fault.view.remedy =
                    format!("{} names sources, and the configuration units", desk.command("health"));
            }
            fault
        })
    }

    async fn show(&self, desk: &Desk, raw: &Value, plan: &PlanView) -> Answer<()> {
        let tenant = desk.tenant().await?;
        let times = Times::of(&tenant, None);
        let command = |words: &str| desk.command(words);
        print(self.common.json, raw, || show::draft(plan, &desk.slug, times, &Commands(&command)))
    }
}

/// Whether a dry run could see everything.
fn seen(plan: &PlanView) -> Exit {
    let blind = |look: &booking_host::api::views::SourceLookView| {
        look.failing.is_some() || look.suspect || look.unreadable > 0
    };
    if plan.unread.is_empty() && !plan.sources.iter().any(blind) { Exit::Complete } else { Exit::Partial }
}

fn ask(question: &str) -> Answer<bool> {
    write!(std::io::stderr(), "{question}")?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

pub(super) async fn apply(args: ApplyArgs) -> Answer<Exit> {
    let desk = Desk::open(&args.common, &[ApiScope::Read, ApiScope::Apply]).await?;
    apply_plan(&desk, &args.plan, args.follow, args.patience, args.common.json).await
}

/// Applies a plan, and follows it where that is wanted or nobody else would do the work.
async fn apply_plan(desk: &Desk, plan: &str, follow: bool, patience: Patience, json: bool) -> Answer<Exit> {
    let path = format!("/plans/{}", escape(plan));
    let follow = follow || desk.way.here().is_some();
    let before = if follow { follow::newest(desk).await? } else { 0 };
    let applied: Got<AppliedView> =
        desk.post(&format!("{path}/apply"), &json!({})).await.map_err(|fault| no_plan(fault, desk))?;
    if !json {
        let AppliedView { approved, left, refused } = applied.view;
        let mut parts = vec![format!("{approved} to be worked on")];
        parts.extend((left > 0).then(|| format!("{left} decided before")));
        parts.extend((refused > 0).then(|| format!("{refused} refused at once")));
        print(false, &Value::Null, || format!("Plan {plan}: {}.", parts.join(", ")))?;
    }
    if follow {
        follow::follow(desk, plan, before, patience, json).await?;
    }
    let got: Got<PlanView> = desk.get(&path, &()).await?;
    let command = |words: &str| desk.command(words);
    let (text, exit) = show::applied(&got.view, follow, &Commands(&command));
    print(json, &got.raw, || text)?;
    Ok(exit)
}

fn no_plan(mut fault: Fault, desk: &Desk) -> Fault {
    if fault.view.error == "there is no such plan" {
        fault.view.remedy = format!("make one: {}", desk.command("sync --dry-run"));
    }
    fault
}
