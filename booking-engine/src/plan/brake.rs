//! The brake: rights that end before their time draw on a budget of their source and of their door.
//!
//! A wrong account or an emptied feed takes many rights away at once; a day of changeovers takes none before its time.
//! A code that goes because its stay has a proven one elsewhere takes nothing from anybody and draws nothing.

use booking_core::Window;
#[cfg(staykey_planted)]
use booking_core::planted::{self, planted};
use booking_core::store::{CodeRecord, WriteKind};
use chrono::{DateTime, Duration, Utc};

use super::{Planner, Step, When};
use crate::wish::Wish;

/// The budgets that a code draws on.
pub(crate) fn budgets(source: &booking_core::IntegrationName, door: &booking_core::DoorId) -> [String; 2] {
    [format!("source/{source}"), format!("door/{door}")]
}

impl Planner<'_> {
    /// Whether somebody could open with this code for longer if it stayed. What a keypad or staff added to the stay's
    /// own window is nobody's right, and a backup code in the pool is nobody's at all.
    fn ends_a_right(&self, code: &CodeRecord) -> bool {
        let held = self.s.grant.and_then(|grant| grant.window.as_ref()).map(Window::closes);
        let closes = held.map_or(code.window.closes(), |held| held.min(code.window.closes()));
        matches!(self.wished.wish, Wish::Nothing) && closes > self.s.now && self.s.booking.standing.is_none()
    }

    /// Whether the brake lets this code go. Where it does, the removal is drawn.
    pub(super) fn brake_allows(&mut self, code: &CodeRecord) -> bool {
        #[cfg(staykey_planted)]
        if planted(planted::BRAKE_OFF) {
            return true;
        }
        let now = self.s.now;
        if !self.ends_a_right(code) {
            return true;
        }
        let names = budgets(&self.s.booking.source, &code.door);
        if names.iter().any(|name| !self.s.budgets.contains_key(name)) {
            self.step(Step::Weigh { budgets: names.into_iter().collect() }, When::Now);
            return false;
        }
        let mut draws = Vec::new();
        let mut free_at = None;
        for name in names {
            let Some(budget) = self.s.budgets.get(&name) else { continue };
            let known = budget.spent.iter().any(|(spent, at)| *spent == code.id && !written_since(code, *at));
            if known || budget.released {
                continue;
            }
            let drawn = self.plan.draws.iter().filter(|(other, _)| *other == name).count();
            if budget.spent.len() + drawn < budget.allowed {
                draws.push((name, code.id.clone()));
                continue;
            }
            let oldest = budget.spent.iter().map(|(_, at)| *at + self.s.tenant.brake.per).min();
            free_at = free_at.max(Some(oldest.unwrap_or(now + Duration::hours(1))));
            self.plan.braked.insert(name);
        }
        match free_at {
            Some(at) => {
                self.note("brake", format!("a removal on door {} waits", code.door));
                self.wake(at.max(now + Duration::seconds(30)));
                false
            }
            None => {
                self.plan.draws.extend(draws);
                true
            }
        }
    }
}

/// Whether a code was put on its door again after it was drawn: that was for an earlier removal of the same entry.
fn written_since(code: &CodeRecord, drawn_at: DateTime<Utc>) -> bool {
    code.write.as_ref().is_some_and(|write| write.kind != WriteKind::Delete && write.intended_at > drawn_at)
}
