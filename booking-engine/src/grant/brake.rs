//! What the brake still allows: its records, read when a plan asks for them.

use std::collections::{BTreeMap, BTreeSet};

use booking_core::store::{
    BrakeRecord, CodeState, Kind, Record, RowKey, SourceRecord, StoreError, Tx, Write,
};
use booking_core::{CodeId, DoorId, IntegrationName, TenantSlug};
use chrono::{DateTime, Utc};

use super::Run;
use crate::alert::AlertKind;
use crate::engine::{Engine, WorkError};
use crate::plan::{Budget, Plan, Step};
use crate::tenant::Tenant;

/// A budget with its record.
#[derive(Clone, Debug)]
pub(crate) struct Weighed {
    pub(crate) budget: Budget,
    record: BrakeRecord,
}

impl Weighed {
    /// The record with these codes drawn, and the revision that it must still have.
    pub(crate) fn spend(&self, codes: Vec<CodeId>, now: DateTime<Utc>) -> (BrakeRecord, u64) {
        let mut record = self.record.clone();
        record.spent.extend(codes.into_iter().map(|code| (code, now)));
        (record, self.budget.revision)
    }
}

impl Run<'_> {
    /// Reads the budgets that the plan asks for. Answers whether there were any.
    pub(super) async fn weigh(&mut self, plan: &Plan) -> Result<bool, WorkError> {
        let wanted: BTreeSet<&String> = plan
            .ready()
            .filter_map(|step| match step {
                Step::Weigh { budgets } => Some(budgets),
                _ => None,
            })
            .flatten()
            .collect();
        for name in &wanted {
            let weighed = self.engine.weigh(self.tenant, name).await?;
            self.budgets.insert((*name).clone(), weighed);
        }
        Ok(!wanted.is_empty())
    }

    /// Tells staff which budgets are spent. That lasts until nothing waits any more, or until somebody lifts the brake.
    pub(super) async fn tell_of_brake(&mut self, plan: &Plan) -> Result<(), WorkError> {
        for name in &plan.braked {
            let allowed = self.budgets.get(name).map_or(0, |weighed| weighed.budget.allowed);
            let detail = format!(
                "{name}: {allowed} early removals in {} h are spent",
                self.tenant.brake.per.num_hours()
            );
            self.along
                .extend(self.engine.tenant_alert(self.tenant, AlertKind::Brake, name, Some(detail)).await?);
        }
        Ok(())
    }
}

impl Engine {
    /// What a budget still allows.
    pub(crate) async fn weigh(&self, tenant: &Tenant, name: &str) -> Result<Weighed, WorkError> {
        let now = self.clock.now();
        let key = RowKey { kind: Kind::Brake, tenant: tenant.slug.clone(), id: name.to_owned() };
        let row = self.store.get(&key).await?;
        let revision = row.as_ref().map_or(0, |row| row.revision);
        let mut record = match row.map(|row| row.record) {
            Some(Record::Brake(record)) => record,
            _ => BrakeRecord {
                tenant: tenant.slug.clone(),
                budget: name.to_owned(),
                spent: Vec::new(),
                released_until: None,
            },
        };
        record.spent.retain(|(_, at)| *at + tenant.brake.per > now);
        let live = self.live_on(tenant, name, &record.spent).await?;
        let budget = Budget {
            allowed: tenant.brake.allows(live),
            spent: record.spent.clone(),
            released: record.released_until.is_some_and(|until| until > now),
            revision,
        };
        Ok(Weighed { budget, record })
    }

    /// How many codes a budget's share is taken of: what it has let go counts on, so that the share does not shrink
    /// while it is used.
    async fn live_on(
        &self,
        tenant: &Tenant,
        name: &str,
        spent: &[(CodeId, DateTime<Utc>)],
    ) -> Result<u64, WorkError> {
        let parsed = name.split_once('/');
        if let Some(("door", id)) = parsed {
            let key = DoorId::parse(id).ok().and_then(|id| Some(tenant.doors.get(&id)?.door.key.clone()));
            let Some(key) = key else { return Ok(0) };
            let codes = self.store.codes_on(&tenant.slug, &key).await?;
            let live: BTreeSet<&CodeId> =
                codes.iter().map(|code| &code.id).chain(spent.iter().map(|(code, _)| code)).collect();
            return Ok(u64::try_from(live.len()).unwrap_or(u64::MAX));
        }
        let source = parsed.map_or("", |(_, name)| name);
        let key = RowKey { kind: Kind::Source, tenant: tenant.slug.clone(), id: source.to_owned() };
        Ok(match self.store.get(&key).await?.map(|row| row.record) {
            Some(Record::Source(SourceRecord { bookings, .. })) => bookings,
            _ => 0,
        })
    }

    /// Lifts the brake of a source or of a door until then: what waited goes on. The one explicit override.
    ///
    /// # Errors
    ///
    /// [`WorkError`] when the store fails, or when somebody else changed the budget at the same time.
    pub async fn release_brake(
        &self,
        tenant: &Tenant,
        source_or_door: Result<&IntegrationName, &DoorId>,
        until: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let name = match source_or_door {
            Ok(source) => format!("source/{source}"),
            Err(door) => format!("door/{door}"),
        };
        let weighed = self.weigh(tenant, &name).await?;
        let record = Record::Brake(BrakeRecord { released_until: Some(until), ..weighed.record });
        let mut writes = self.waiting_removals(&tenant.slug).await?;
        writes.push(self.audit(&tenant.slug, None, "brake-released", format!("{name} until {until}")));
        writes.extend(self.tenant_alert(tenant, AlertKind::Brake, &name, None).await?);
        let expect = vec![(record.key(), weighed.budget.revision)];
        writes.push(Write::Put(Box::new(record)));
        self.commit(Tx { writes, expect, ..Tx::new(self.clock.now()) }).await?;
        Ok(())
    }

    /// Ends the alerts of brakes behind which nothing waits any more: it went, or its booking came back.
    pub(crate) async fn settle_brakes(&self, tenant: &Tenant) -> Result<Vec<Write>, StoreError> {
        let mut open: Vec<String> = Vec::new();
        let prefix = format!("{}/", AlertKind::Brake);
        self.rows(Kind::Alert, &tenant.slug, |record| {
            if let Record::Alert(alert) = record
                && alert.closed_at.is_none()
                && let Some(budget) = alert.id.strip_prefix(&prefix)
            {
                open.push(budget.to_owned());
            }
        })
        .await?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let mut doors: BTreeSet<String> = BTreeSet::new();
        self.rows(Kind::Code, &tenant.slug, |record| {
            if let Record::Code(code) = record
                && code.state == CodeState::Unwanted
            {
                doors.insert(format!("door/{}", code.door));
            }
        })
        .await?;
        let waits = |budget: &String| match budget.starts_with("door/") {
            true => doors.contains(budget),
            false => !doors.is_empty(),
        };
        let mut writes = Vec::new();
        for budget in open.iter().filter(|budget| !waits(budget)) {
            writes.extend(self.tenant_alert(tenant, AlertKind::Brake, budget, None).await?);
        }
        Ok(writes)
    }

    /// Makes every stay due that has a code to be removed.
    async fn waiting_removals(&self, slug: &TenantSlug) -> Result<Vec<Write>, WorkError> {
        let mut stays = BTreeMap::new();
        self.rows(Kind::Code, slug, |record| {
            if let Record::Code(code) = record
                && code.state == CodeState::Unwanted
            {
                stays.insert(code.stay, code.window.closes());
            }
        })
        .await?;
        let now = self.clock.now();
        let due = |stay| booking_core::store::WorkKey::Grant(slug.clone(), stay);
        Ok(stays.into_keys().map(|stay| Write::Due { work: due(stay), at: now, priority: None }).collect())
    }
}
