#![doc = include_str!("../README.md")]

mod alert;
mod audit_door;
mod compare;
mod doors;
mod engine;
mod fold;
mod grant;
mod notice;
mod operator;
pub mod pin;
pub mod plan;
pub mod retry;
mod same_stay;
mod source;
mod stay;
mod tenant;
pub mod text;
pub mod wish;

pub use alert::AlertKind;
pub use engine::{Done, Engine, WorkError};
pub use grant::{Applied, Draft, Looking, Scope, SourceLook, Suggestion};
pub use operator::{DoorSeen, Erased, Explained, FoundCode, OnDoor, PinExplained, Unlinkable, Whose};
pub use tenant::{
    Brake, CancelInHouse, DoorSetup, Drift, GuestChannels, Mode, NotifierSetup, PinSource, Place, Policy,
    Tell, Tenant, Unit,
};
