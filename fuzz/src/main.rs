//! One target under libFuzzer: the one that the program is named after.

#![no_main]

use booking_fuzz::{Target, target};

const TARGET: Target = target(env!("CARGO_BIN_NAME"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
