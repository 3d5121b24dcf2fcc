//! The account's turns in the store, for hosts that share it.

use std::sync::Arc;

use async_trait::async_trait;
use booking_core::store::{Commit, Kind, Record, RowKey, Store, StoreError, TurnsRecord, Tx, Write};
use booking_core::{Clock, IntegrationName, TenantSlug};
use booking_http::{Booked, Turns, TurnsAway};

/// The turns of one account.
pub(crate) struct StoreTurns {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tenant: TenantSlug,
    pub(crate) integration: IntegrationName,
}

impl StoreTurns {
    fn key(&self, line: &str) -> RowKey {
        let id = format!("{}/{line}", self.integration);
        RowKey { kind: Kind::Turns, tenant: self.tenant.clone(), id }
    }
}

/// What went wrong is the store's to tell, with the work that fails for the same reason.
fn away(_: StoreError) -> TurnsAway {
    TurnsAway
}

#[async_trait]
impl Turns for StoreTurns {
    async fn read(&self, line: &str) -> Result<(Booked, u64), TurnsAway> {
        let row = self.store.get(&self.key(line)).await.map_err(away)?;
        Ok(match row.map(|row| (row.record, row.revision)) {
            Some((Record::Turns(turns), revision)) => {
                (Booked { until: turns.booked_until, pause_until: turns.pause_until }, revision)
            }
            _ => (Booked::default(), 0),
        })
    }

    async fn write(&self, line: &str, booked: Booked, read: u64) -> Result<bool, TurnsAway> {
        let record = TurnsRecord {
            tenant: self.tenant.clone(),
            integration: self.integration.clone(),
            line: line.to_owned(),
            booked_until: booked.until,
            pause_until: booked.pause_until,
        };
        let mut tx = Tx::new(self.clock.now());
        tx.expect.push((self.key(line), read));
        tx.writes.push(Write::Put(Box::new(Record::Turns(record))));
        Ok(matches!(self.store.commit(tx).await.map_err(away)?, Commit::Done { .. }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use booking_core::conformance::ManualClock;
    use booking_store::MemoryStore;
    use chrono::{TimeDelta, Utc};

    use super::*;

    #[tokio::test]
    async fn two_hosts_book_in_one_store() {
        let clock =
            Arc::new(ManualClock::new("2027-03-01T12:00:00Z".parse::<chrono::DateTime<Utc>>().unwrap()));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let host = |integration: &str| StoreTurns {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            tenant: TenantSlug::parse("harbour").unwrap(),
            integration: IntegrationName::parse(integration).unwrap(),
        };
        let (one, other) = (host("smoobu"), host("smoobu"));
        assert_eq!(one.read("calls").await, Ok((Booked::default(), 0)));
        let later = Some(clock.now() + TimeDelta::from_std(Duration::from_millis(125)).unwrap());
        let booked = Booked { until: later, pause_until: None };
        assert_eq!(one.write("calls", booked, 0).await, Ok(true));
        assert_eq!(other.write("calls", Booked::default(), 0).await, Ok(false), "from an old read");
        assert_eq!(other.read("calls").await, Ok((booked, 1)));
        assert_eq!(other.write("calls", Booked { pause_until: later, ..booked }, 1).await, Ok(true));
        assert_eq!(one.read("calls").await, Ok((Booked { pause_until: later, ..booked }, 2)));
        for nothing in [(&one, "messages"), (&host("beds"), "calls")] {
            assert_eq!(nothing.0.read(nothing.1).await, Ok((Booked::default(), 0)));
        }
    }
}
