#![doc = include_str!("../README.md")]

mod client;
mod config;
mod lock;
mod request;
mod scrub;
mod wire;

pub use client::TheKeys;
pub use config::{BASE_URL, TheKeysConfig, ZoneAlias};
pub use request::VENDOR;
pub use wire::{Shares, UnreadableShare};
