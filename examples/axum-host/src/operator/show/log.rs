//! What arrived and what was done.

use booking_host::api::views::{LogEntry, LogKind, LogView};

use super::plan::Commands;
use super::{Times, push, push_table};

/// A page of a log.
pub(in super::super) fn log(page: &LogView, kind: LogKind, times: Times, commands: &Commands<'_>) -> String {
    let mut text = String::new();
    if page.entries.is_empty() {
        push(&mut text, "Nothing of that is there.");
    } else {
        push(&mut text, format!("Newest first; times are {}.", times.0));
        match kind {
            LogKind::History => history(&mut text, &page.entries, times),
            LogKind::Webhook => arrivals(&mut text, &page.entries, times),
            LogKind::Mail => mails(&mut text, &page.entries, times),
        }
    }
    if let Some(next) = page.next {
        let flag = match kind {
            LogKind::History => "",
            LogKind::Webhook => "--webhooks ",
            LogKind::Mail => "--mail ",
        };
        text.push('\n');
        push(&mut text, format!("There is more: {}", (commands.0)(&format!("log {flag}--before {next}"))));
    }
    text
}

fn history(text: &mut String, entries: &[LogEntry], times: Times) {
    let row = |entry: &LogEntry| {
        let detail = entry.detail.clone().unwrap_or_default();
        [
            times.exactly(entry.at),
            entry.what.clone(),
            entry.booking.clone().unwrap_or_default(),
            detail.trim().trim_end_matches(':').to_owned(),
        ]
    };
    let rows: Vec<[String; 4]> = entries.iter().map(row).collect();
    push_table(text, "", ["When", "What", "Booking", "Detail"], &rows);
}

fn arrivals(text: &mut String, entries: &[LogEntry], times: Times) {
    let row = |entry: &LogEntry| {
        [
            times.exactly(entry.at),
            entry.integration.clone().unwrap_or_default(),
            entry.origin.clone().unwrap_or_default().replace('_', "-"),
            entry.what.clone(),
            entry.reference.clone().unwrap_or_default(),
            entry.booking.clone().unwrap_or_default(),
            entry.read_at.map_or("not yet".to_owned(), |at| times.exactly(at)),
        ]
    };
    let rows: Vec<[String; 7]> = entries.iter().map(row).collect();
    push_table(text, "", ["When", "From", "How", "What", "Reference", "Booking", "Worked on"], &rows);
}

fn mails(text: &mut String, entries: &[LogEntry], times: Times) {
    let row = |entry: &LogEntry| {
        let mail = entry.mail.as_ref();
        [
            times.exactly(entry.at),
            mail.map(|mail| mail.from.clone()).unwrap_or_default(),
            mail.and_then(|mail| mail.subject.clone()).unwrap_or_else(|| "not shown".to_owned()),
            mail.map(|mail| mail.bytes.to_string()).unwrap_or_default(),
        ]
    };
    let rows: Vec<[String; 4]> = entries.iter().map(row).collect();
    push_table(text, "", ["When", "From", "Subject", "Bytes"], &rows);
}
