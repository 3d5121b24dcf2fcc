//! The memory store keeps to the contracts.

use std::sync::Arc;

use booking_core::conformance;
use booking_store::MemoryStore;
use futures_util::FutureExt;

#[test]
fn it_is_a_store() {
    let suite = conformance::store(async || Arc::new(MemoryStore::new()) as _);
    suite.now_or_never().expect("the futures of a memory store are ready at their first poll");
}

#[test]
fn it_is_an_idempotency_store() {
    let suite = conformance::idempotency_store(async || Arc::new(MemoryStore::new()) as _);
    suite.now_or_never().expect("the futures of a memory store are ready at their first poll");
}
