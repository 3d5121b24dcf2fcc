//! Text messages by SerwerSMS.pl, HTTPS API v2.
//!
//! What the vendor does not document, and what is done about it:
//!
//! | unknown | what is done |
//! | --- | --- |
//! | what becomes of characters outside GSM-7 without `utf` | never sent so |
//! | the longest text | six segments unless configured; error 3102 is reported as too long |
//! | whether a repeated `unique_id` is refused | not relied on: a message of unknown outcome is looked up first |
//! | whether reports know a message at once | a look-up says no only after [`SerwerSmsConfig::settle`] |
//! | whether reports filter by `unique_id` in every case | what is found must also have the phone and the text |
//! | error numbers above 3102 | reported by number, tried again later |
//! | what reports call a time | not read |
//! | how limits count | [`SerwerSms::limits_left`] shows them, nothing is decided by them |
//! | push reports | not received; [`SerwerSms::reports`] is to be polled |

mod client;
mod config;
mod request;
mod wire;

pub use client::SerwerSms;
pub use config::{BASE_URL, SerwerSmsConfig};
pub use wire::{Blame, Delivery, Limit, Reason, Report, Reports};
