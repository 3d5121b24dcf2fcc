//! The seam of the model locks: time, faults and deaths come from the hub, and what a write changed goes to it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use async_trait::async_trait;
use booking_core::{Call, DoorKey};

use crate::coverage::{Point, Step};
use crate::deed::{Deed, OnDoor, View};
use crate::history::Target;
use crate::hub::Hub;
use crate::lock::{LockOp, ModelLocks, Seam, Verdict};
use crate::names;

/// Between hosts and the model locks.
pub(crate) struct HubSeam {
    hub: Arc<Hub>,
    locks: OnceLock<Weak<ModelLocks>>,
    /// What stood before the effect that is about to be. Nothing comes between the two: the effect does not wait.
    before: Mutex<Before>,
}

#[derive(Default)]
struct Before {
    codes: Vec<OnDoor>,
    view: View,
}

impl HubSeam {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, locks: OnceLock::new(), before: Mutex::default() }
    }

    pub(crate) fn bind(&self, locks: &Arc<ModelLocks>) {
        let _ = self.locks.set(Arc::downgrade(locks));
    }

    fn codes(&self, key: &DoorKey) -> Vec<OnDoor> {
        self.locks().map_or_else(Vec::new, |locks| in_cloud(&locks, key))
    }

    fn can_be_asked(&self, key: &DoorKey) -> bool {
        self.locks().is_some_and(|locks| locks.can_be_asked(key))
    }

    fn locks(&self) -> Option<Arc<ModelLocks>> {
        self.locks.get().and_then(Weak::upgrade)
    }
}

/// What the cloud of a model keypad lists.
pub(crate) fn in_cloud(locks: &ModelLocks, key: &DoorKey) -> Vec<OnDoor> {
    let shown = locks.codes_in_cloud(key);
    shown.iter().map(|listed| OnDoor { leaving: listed.leaving, ..on_door(&listed.code) }).collect()
}

pub(crate) fn on_door(code: &crate::lock::ModelCode) -> OnDoor {
    OnDoor {
        id: code.id.clone(),
        stored: code.stored.clone(),
        note: code.note.clone(),
        start: code.start,
        end: code.end,
        active: code.active,
        leaving: false,
    }
}

fn point_of(op: LockOp) -> Point {
    match op {
        LockOp::Codes => Point::Codes,
        LockOp::Create => Point::Create,
        LockOp::Replace => Point::Replace,
        LockOp::Delete => Point::Delete,
        LockOp::Doors | LockOp::Check => Point::Other,
    }
}

#[async_trait]
impl Seam for HubSeam {
    async fn enter(&self, call: Call, op: LockOp, keypad: Option<&DoorKey>) -> Verdict {
        let number = keypad.and_then(names::keypad_of).unwrap_or(usize::MAX);
        let verdict = self.hub.enter(call, Target::Keypad(number), point_of(op)).await;
        let codes = keypad.filter(|_| op.writes()).map(|key| self.codes(key)).unwrap_or_default();
        let view = match verdict {
            Verdict::Go | Verdict::Slow(_) => View::Whole,
            Verdict::Stale(_) => View::Other,
            Verdict::EmptyList => View::Empty,
            Verdict::TruncatedList => View::Part,
            _ => View::Failed,
        };
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Before { codes, view };
        verdict
    }

    async fn leave(&self, op: LockOp, keypad: Option<&DoorKey>) {
        let Before { codes: before, view } =
            std::mem::take(&mut *self.before.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(key) = keypad
            && let Some(keypad) = names::keypad_of(key)
        {
            let host = self.hub.current();
            let step = match op {
                LockOp::Create => Some(Step::Created),
                LockOp::Replace => Some(Step::Replaced),
                LockOp::Delete => Some(Step::Deleted),
                _ => None,
            };
            let generation = key.keypad.parse().unwrap_or(0);
            if op == LockOp::Codes {
                let view = if self.can_be_asked(key) { view } else { View::Failed };
                self.hub.did(Deed::Read { host, keypad, generation, view });
            }
            if let Some(step) = step {
                let after = self.codes(key);
                if before != after {
                    self.hub.did(Deed::Wrote { host, keypad, generation, step, before, after });
                }
            }
        }
        self.hub.leave(point_of(op)).await;
    }
}
