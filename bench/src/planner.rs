//! The planner alone, and full syncs around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use booking_core::store::{BookingRecord, CodeRecord, GrantRecord, Kind, MessageRecord, Record, Store};
use booking_core::{ExternalId, IntegrationName, ListedCode, Marker, VendorCodeId};
use booking_engine::Tenant;
use booking_engine::plan::{DoorView, Plan, Situation, Step, plan};
use booking_host::{HostParts, SystemClock};
use chrono::{DateTime, Utc};

use crate::Scale;
use crate::memory::resident;
use crate::played::Played;
use crate::report::{Figure, Report};
use crate::stats::Sample;
use crate::town::{Running, Town, store, tenant};
use crate::watched::Watched;

const NAME: &str = "planner";
/// Microseconds for one plan.
const AIM: f64 = 10.0;
/// How many flats the bookings are spread over.
const FLATS: u64 = 200;

pub(crate) async fn run(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let stays = templates(scale).await?;
    for count in scale.plans {
        let before = resident("self")?.now;
        let views = stays.views(*count)?;
        let ready = resident("self")?.now;
        let mut times: [Vec<f64>; 2] = Default::default();
        for _ in 0..scale.rounds {
            for (times, settled) in times.iter_mut().zip([true, false]) {
                times.push(stays.plan_all(*count, &views, settled)?.as_secs_f64() * 1e6);
            }
        }
        let after = resident("self")?.now;
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let each = times.map(|times| Sample::of(times.into_iter().map(|time| time / *count as f64)));
        let [settled, new] = each;
        report.add(
            NAME,
            [
                Figure::median(format!("{count} bookings, nothing to do"), &settled, "µs each").at_most(AIM),
                Figure::median(format!("{count} bookings, all new"), &new, "µs each").at_most(AIM),
                Figure::one("    what is on the doors takes", ready - before, "MiB"),
                Figure::one("    memory grew while planning by", after - ready, "MiB"),
            ],
        );
    }
    report.note(NAME, "the pure function alone, 200 doors: from records and reads in memory to a plan, which is then dropped");
    sync(scale, report).await
}

/// Real stays, one a flat, as a host has left them.
struct Stays {
    tenant: Arc<Tenant>,
    source: IntegrationName,
    now: DateTime<Utc>,
    flats: Vec<Stay>,
}

struct Stay {
    booking: BookingRecord,
    grant: GrantRecord,
    code: CodeRecord,
    messages: Vec<MessageRecord>,
    listed: ListedCode,
}

/// Lets a host make one stay a flat.
async fn templates(scale: &Scale) -> anyhow::Result<Stays> {
    let flats = FLATS.min(*scale.plans.first().unwrap_or(&FLATS));
    let town = Town { flats, doors: flats, ..Town::default() };
    let folder = scale.folder()?;
    let mut sims = town.simulators();
    let now = Utc::now();
    for flat in 0..town.flats {
        sims.smoobu.create_booking(now, town.stay(flat, now));
    }
    let watched = Watched::new(Arc::new(booking_store::MemoryStore::new()));
    let played = Played::new(sims, Arc::new(SystemClock), Duration::ZERO);
    let mut parts = HostParts::with_transport(played);
    parts.store = Some(watched.clone());
    let running = Running::start(&town, folder.path(), parts).await?;
    watched.until_stays(town.flats).await?;
    watched.quiet().await?;
    let engine = Arc::clone(&running.engine);
    running.stop().await?;
    let tenant = engine.tenant(&tenant()).context("no tenant")?.clone();
    let source = tenant.sources.keys().next().context("no source")?.clone();
    let mut reads = BTreeMap::new();
    for record in records(&*watched, &tenant, Kind::DoorRead).await? {
        if let Record::DoorRead(read) = record {
            reads.insert(read.key.clone(), read.codes);
        }
    }
    let mut flats = Vec::new();
    for record in records(&*watched, &tenant, Kind::Booking).await? {
        let Record::Booking(booking) = record else { continue };
        let (mut grant, mut code, mut messages) = (None, None, Vec::new());
        for row in watched.stay(&tenant.slug, &booking.id).await? {
            match row.record {
                Record::Grant(record) => grant = Some(record),
                Record::Code(record) => code = Some(record),
                Record::Message(record) => messages.push(record),
                _ => {}
            }
        }
        let (grant, code) = grant.zip(code).context("a stay without a code")?;
        let mut listed = reads.get(&code.key).into_iter().flatten();
        let listed = listed.find(|listed| Some(&listed.id) == code.vendor_id.as_ref()).cloned();
        let listed = listed.context("a code that no read has shown")?;
        flats.push(Stay { booking, grant, code, messages, listed });
    }
    ensure!(flats.len() as u64 == town.flats, "{} stays", flats.len());
    Ok(Stays { tenant, source, now: Utc::now(), flats })
}

async fn records(store: &dyn Store, tenant: &Tenant, kind: Kind) -> anyhow::Result<Vec<Record>> {
    let rows = store.rows(kind, &tenant.slug, None, usize::from(u16::MAX)).await?;
    Ok(rows.into_iter().map(|row| row.record).collect())
}

impl Stays {
    fn template(&self, number: u64) -> anyhow::Result<&Stay> {
        let place = usize::try_from(number)? % self.flats.len();
        Ok(&self.flats[place])
    }

    /// The reads of all doors with the codes of so many stays on them.
    fn views(&self, count: u64) -> anyhow::Result<BTreeMap<booking_core::DoorKey, DoorView>> {
        let mut listed: BTreeMap<_, Vec<ListedCode>> = BTreeMap::new();
        for number in 0..count {
            let stay = self.template(number)?;
            let (id, marker) = self.names(number)?;
            let note = marker.to_string();
            let code = ListedCode { id, note, ..stay.listed.clone() };
            listed.entry(stay.code.key.clone()).or_default().push(code);
        }
        let views = listed.into_iter().map(|(key, codes)| (key, DoorView::of(Some(self.now), true, codes)));
        Ok(views.collect())
    }

    /// What the vendor calls the code of a stay, and the marker that names its booking.
    fn names(&self, number: u64) -> anyhow::Result<(VendorCodeId, Marker)> {
        let source = self.tenant.sources.get(&self.source).context("no source")?;
        let marker = source.marker(&reference(number)?).context("no marker")?;
        Ok((VendorCodeId::parse(&(700_001 + number).to_string())?, marker))
    }

    /// Plans so many stays, one after the other; returns the time in the planner.
    fn plan_all(
        &self,
        count: u64,
        views: &BTreeMap<booking_core::DoorKey, DoorView>,
        settled: bool,
    ) -> anyhow::Result<Duration> {
        let mut took = Duration::ZERO;
        for number in 0..count {
            let stay = self.template(number)?;
            let (id, marker) = self.names(number)?;
            let mut booking = stay.booking.clone();
            // Those that are new come after all that are on the doors.
            let (reference, marker) = match settled {
                true => (reference(number)?, marker),
                false => (reference(count + number)?, self.names(count + number)?.1),
            };
            booking.reference = reference.clone();
            booking.booking.as_mut().context("no booking")?.reference = reference;
            let code = CodeRecord {
                known_ids: vec![id.clone()],
                vendor_id: Some(id),
                note: marker.to_string(),
                ..stay.code.clone()
            };
            let codes = [code];
            // As a host does it: the stay's own doors only.
            let own: BTreeMap<_, _> = views
                .get(&stay.code.key)
                .map(|view| (stay.code.key.clone(), view.clone()))
                .into_iter()
                .collect();
            let situation = Situation {
                now: self.now,
                tenant: &self.tenant,
                mode: self.tenant.mode,
                booking: &booking,
                marker: Some(&marker),
                former: &[],
                grant: settled.then_some(&stay.grant),
                codes: if settled { &codes } else { &[] },
                messages: if settled { &stay.messages } else { &[] },
                views: &own,
                recovered: &BTreeMap::new(),
                rivals: &BTreeMap::new(),
                reissued_at: None,
                linked: &BTreeSet::new(),
                without_backup: &BTreeSet::new(),
                budgets: &BTreeMap::new(),
            };
            let begun = Instant::now();
            let plan = std::hint::black_box(plan(std::hint::black_box(&situation)));
            took += begun.elapsed();
            check(&plan, settled)?;
        }
        Ok(took)
    }
}

fn reference(number: u64) -> anyhow::Result<ExternalId> {
    Ok(ExternalId::parse(&(90_000_001 + number).to_string())?)
}

fn check(plan: &Plan, settled: bool) -> anyhow::Result<()> {
    let steps: Vec<&Step> = plan.ready().collect();
    let is_right = match settled {
        true => steps.is_empty(),
        false => matches!(steps[..], [Step::Mint { .. }]),
    };
    ensure!(is_right, "not the plan that was to be made: {steps:?}");
    Ok(())
}

/// Full syncs: with every code to be made, and with nothing to do.
async fn sync(scale: &Scale, report: &mut Report) -> anyhow::Result<()> {
    let flats = FLATS.min(scale.sync);
    let town = Town { flats, doors: flats, ..Town::default() };
    let folder = scale.folder()?;
    let mut sims = town.simulators();
    for number in 0..scale.sync {
        sims.smoobu.create_booking(Utc::now(), town.stay(number, Utc::now()));
    }
    let played = Played::new(sims, Arc::new(SystemClock), Duration::ZERO);
    for words in ["every code to be made", "nothing to do"] {
        let watched = Watched::new(Arc::new(store(folder.path())?));
        let mut parts = HostParts::with_transport(played.clone());
        parts.store = Some(watched.clone());
        played.take_busy();
        played.sims().clear_log();
        let begun = Instant::now();
        let running = Running::start(&town, folder.path(), parts).await?;
        watched.until_stays(scale.sync).await?;
        let took = watched.last().context("no stay ended")? - begun;
        let (busy, commits) = (played.take_busy(), watched.commits());
        watched.quiet().await?;
        running.stop().await?;
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let each = 1e3 / scale.sync as f64;
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let commits = commits as f64;
        report.add(
            NAME,
            [
                Figure::one(format!("full sync of {}, {words}", scale.sync), took.as_secs_f64(), "s"),
                Figure::one("    a booking", took.as_secs_f64() * each, "ms"),
                Figure::one(
                    "    of that time, the simulators took",
                    busy.as_secs_f64() / took.as_secs_f64() * 100.0,
                    "%",
                ),
                Figure::one("    transactions a booking", commits * each / 1e3, ""),
            ],
        );
    }
    report.note(NAME, "full sync: a host starts, reads the source and every door in full, and works on every stay, SQLite FULL");
    Ok(())
}
