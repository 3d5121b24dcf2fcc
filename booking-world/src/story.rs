//! A history as a host would tell it.

use booking_core::Clock as _;
use chrono::{DateTime, Utc};

use crate::deed::Deed;
use crate::history::{Change, Event};
use crate::world::World;

/// The lines of a story; nothing is written where nobody wants one.
#[derive(Debug)]
pub(crate) struct Story {
    told: bool,
    begins: DateTime<Utc>,
    lines: Vec<String>,
}

impl Story {
    pub(crate) fn new(told: bool, begins: DateTime<Utc>) -> Self {
        Self { told, begins, lines: Vec::new() }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.told
    }

    pub(crate) fn line(&mut self, at: DateTime<Utc>, text: impl FnOnce() -> String) {
        if self.told {
            let day = (at.date_naive() - self.begins.date_naive()).num_days() + 1;
            self.lines.push(format!("day {day} {}: {}", at.format("%H:%M:%S%.3f"), text()));
        }
    }

    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}

/// An event in words.
pub(crate) fn event(world: &World, event: &Event) -> String {
    match event {
        Event::Book(booked) => format!(
            "stay {} is booked: tenant {}, unit {}, {} for {} nights{}",
            world.stays.len(),
            booked.tenant,
            booked.unit,
            booked.arrival,
            booked.nights,
            booked.check_in.map_or(String::new(), |hour| format!(", from {hour}:00")),
        ),
        Event::Change { stay, change } => format!("stay {stay} {}", change_words(*change)),
        Event::Hooks { tenant, mode, minutes } => {
            format!("webhooks of tenant {tenant} are {mode:?} for {minutes} minutes")
        }
        Event::Echo { tenant, which } => format!("webhook {which} of tenant {tenant} comes once more"),
        Event::Trouble { target, ops, trouble, minutes } => {
            format!("{target:?}: {trouble:?} on {ops:?} calls for {minutes} minutes")
        }
        Event::Offline { keypad, minutes } => {
            format!("keypad {keypad} is out of reach for {minutes} minutes")
        }
        Event::Battery { keypad, minutes } => {
            format!("the battery of keypad {keypad} is empty for {minutes} minutes")
        }
        Event::Lose { keypad, which } => format!("keypad {keypad} loses code {which}"),
        Event::Renew { keypad } => format!("keypad {keypad} is replaced by an empty one"),
        Event::Staff { keypad, act, which } => format!("staff at keypad {keypad}: {act:?} code {which}"),
        Event::Crash { host, awaits, side, down } => {
            format!("host {host} will die {side:?} await {awaits} from now, for {down} s")
        }
        Event::Stall { host, seconds } => format!("host {host} stands still for {seconds} s"),
        Event::Replace { keypad, dead } => {
            let old = if *dead { "dead" } else { "alive" };
            format!("all hosts restart; keypad {keypad} is another one, and the old one is {old}")
        }
        Event::Redraw { stay } => format!("staff wants other digits for stay {stay}"),
        Event::Elsewhere { tenant, minutes } => {
            format!("the source of tenant {tenant} shows another account for {minutes} minutes")
        }
        Event::Reconfigure { tenant, policy } => {
            format!("all hosts restart; tenant {tenant} has another policy: {policy:?}")
        }
    }
}

fn change_words(change: Change) -> String {
    match change {
        Change::Extend(days) => format!("ends {days} days later"),
        Change::Shorten(days) => format!("ends {days} days earlier"),
        Change::Shift(days) => format!("is shifted by {days} days"),
        Change::Move(unit) => format!("moves to unit {unit}"),
        Change::Cancel => "is cancelled".to_owned(),
        Change::Uncancel => "is on again".to_owned(),
        Change::Delete => "is deleted".to_owned(),
        Change::Vanish => "vanishes without a word".to_owned(),
        Change::Swap => "gets another guest".to_owned(),
        Change::Phone => "gets another telephone".to_owned(),
        Change::CheckIn(hour) => format!("is let in from {hour}:00"),
        Change::Reissue => "gets another name from its source".to_owned(),
    }
}

/// A deed in words, where it is worth a line.
pub(crate) fn deed(world: &World, deed: &Deed) -> Option<String> {
    let _ = world.hub.now();
    Some(match deed {
        Deed::Wrote { host, keypad, generation, step, before, after } => {
            let shown = |codes: &[crate::deed::OnDoor]| {
                let words = codes.iter().map(|code| {
                    let leaving = if code.leaving { " leaving" } else { "" };
                    let off = if code.active { "" } else { " off" };
                    let (start, end) = (text(code.start), text(code.end));
                    format!("{} {} {start}..{end}{leaving}{off}", code.note, code.stored.expose())
                });
                words.collect::<Vec<_>>().join(", ")
            };
            let gone: Vec<_> = before.iter().filter(|code| !after.contains(code)).cloned().collect();
            let new: Vec<_> = after.iter().filter(|code| !before.contains(code)).cloned().collect();
            let old = if *generation == world.vendors.generation(*keypad) { "" } else { "the former " };
            format!("host {host} {step:?} on {old}keypad {keypad}: -[{}] +[{}]", shown(&gone), shown(&new))
        }
        Deed::Heard { tenant, channel, to, body, .. } => {
            let digits: Vec<&str> =
                body.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() >= 4).collect();
            format!("tenant {tenant}, channel {channel}: {to} hears {}", digits.join(" "))
        }
        Deed::Alert(alert) => format!(
            "staff: {} {} {}",
            alert.kind,
            alert.door.as_ref().map_or("", |door| door.as_str()),
            alert.detail
        ),
        Deed::StaffHeard { tenant } => format!("staff of tenant {tenant} is told"),
        Deed::Code(code) => format!("removal proven on {}", code.door),
        Deed::Read { host, keypad, view, .. } if *view != crate::deed::View::Whole => {
            format!("host {host} reads keypad {keypad} and sees {view:?}")
        }
        Deed::Acknowledged { reference, duplicate, .. } => format!(
            "webhook about {} taken{}",
            reference.as_ref().map_or("?", |reference| reference.as_str()),
            if *duplicate { " as a repetition" } else { "" }
        ),
        Deed::Adopted => "a code on a door is taken over".to_owned(),
        Deed::Noted(text) => format!("host {} notes: {text}", world.hub.current()),
        Deed::Late => "a change is taken under a lease that is over".to_owned(),
        Deed::Skipped => "a webhook is marked as read that nobody has looked at".to_owned(),
        Deed::Parked => "a plan does not come to rest".to_owned(),
        Deed::Duplicate { keypad, .. } => format!("keypad {keypad} refuses digits that it has"),
        _ => return None,
    })
}

fn text(time: Option<chrono::NaiveDateTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%m-%d %H:%M").to_string())
}
