//! The host from outside: through its router, and whole.

mod host;
mod logs;
mod rig;
mod router;
mod worker;
