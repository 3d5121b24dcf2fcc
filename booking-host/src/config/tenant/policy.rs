//! `[tenant.policy]`.

use booking_core::Proof;
use booking_engine::{Brake, CancelInHouse, Drift, PinSource, Policy, Tell};
use chrono::TimeDelta;

use crate::config::read::{Entry, Section};

/// How often and how far is looked.
pub(super) struct Timing {
    pub(super) full_read_every: TimeDelta,
    pub(super) full_read_ahead: TimeDelta,
    pub(super) door_read_every: TimeDelta,
    pub(super) brake: Brake,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            full_read_every: TimeDelta::minutes(30),
            full_read_ahead: TimeDelta::days(365),
            door_read_every: TimeDelta::minutes(30),
            brake: Brake::default(),
        }
    }
}

pub(super) fn read_tenant_policy(section: Section<'_>) -> (Policy, Timing) {
    let policy = read_policy(&section, Policy::default());
    let mut timing = Timing::default();
    let minute = TimeDelta::minutes(1);
    set(&mut timing.full_read_every, section.get("full_read_every"), |entry| {
        entry.duration_from(minute, "1m")
    });
    set(&mut timing.full_read_ahead, section.get("full_read_ahead"), |entry| {
        entry.duration_from(TimeDelta::days(1), "1d")
    });
    set(&mut timing.door_read_every, section.get("door_read_every"), |entry| {
        entry.duration_from(minute, "1m")
    });
    if let Some(entry) = section.get("brake")
        && let Some(brake) = entry.section()
    {
        set(&mut timing.brake.share, brake.get("share"), |entry| entry.fraction());
        set(&mut timing.brake.least, brake.get("least"), |entry| {
            u32::try_from(entry.integer(0..1_000_000)?).ok()
        });
        set(&mut timing.brake.per, brake.get("per"), |entry| entry.duration_from(minute, "1m"));
        brake.finish();
    }
    section.finish();
    (policy, timing)
}

pub(super) fn read_policy(section: &Section<'_>, mut policy: Policy) -> Policy {
    set(&mut policy.proof, section.get("proof"), |entry| {
        entry.choice(&[
            ("accepted", Proof::Accepted),
            ("listed", Proof::Listed),
            ("confirmed", Proof::Confirmed),
            ("used", Proof::Used),
        ])
    });
    set(&mut policy.tell, section.get("tell"), tell);
    set(&mut policy.buffer_before, section.get("buffer_before"), |entry| entry.duration());
    set(&mut policy.buffer_after, section.get("buffer_after"), |entry| entry.duration());
    set(&mut policy.quarantine, section.get("quarantine"), |entry| entry.duration());
    set(&mut policy.cancel_in_house, section.get("cancel_in_house"), |entry| {
        entry.choice(&[("keep", CancelInHouse::Keep), ("remove", CancelInHouse::Remove)])
    });
    set(&mut policy.settle, section.get("settle"), |entry| entry.duration());
    set(&mut policy.door_read_max_age, section.get("door_read_max_age"), |entry| entry.duration());
    set(&mut policy.escalate_before, section.get("escalate_before"), |entry| entry.duration());
    set(&mut policy.absent_reads, section.get("absent_reads"), |entry| {
        u32::try_from(entry.integer(1..101)?).ok()
    });
    set(&mut policy.tell_adopted, section.get("tell_adopted"), |entry| entry.flag());
    set(&mut policy.write_back, section.get("write_back"), |entry| entry.flag());
    set(&mut policy.drift, section.get("drift"), |entry| {
        entry.choice(&[("restore", Drift::Restore), ("adopt", Drift::Adopt)])
    });
    set(&mut policy.pin, section.get("pin"), |entry| {
        entry.choice(&[("random", PinSource::Random), ("phone", PinSource::Phone)])
    });
    set(&mut policy.backup_before, section.get("backup_before"), |entry| entry.duration());
    for (key, buffer) in [("buffer_before", policy.buffer_before), ("buffer_after", policy.buffer_after)] {
        if buffer > TimeDelta::days(1) {
            section.warning(
                key,
                "the code works for more than a day outside the stay",
                "check the unit: \"15m\" are minutes",
            );
        }
    }
    policy
}

fn tell(entry: &Entry<'_>) -> Option<Tell> {
    if !entry.is_table() {
        return entry.choice(&[("when-proven", Tell::WhenProven)]);
    }
    let section = entry.section()?;
    let before = section
        .require("before_arrival", "write { before_arrival = \"48h\" }")
        .and_then(|entry| entry.duration());
    section.finish();
    before.map(Tell::BeforeArrival)
}

/// Sets what a key says, if it is there and can be read.
fn set<T>(value: &mut T, entry: Option<Entry<'_>>, read: impl FnOnce(&Entry<'_>) -> Option<T>) {
    if let Some(read) = entry.as_ref().and_then(read) {
        *value = read;
    }
}
