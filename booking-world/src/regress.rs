//! Seeds that once broke a promise.

/// Each with whether it is drawn with [`crate::Features::all`]. A seed goes in here together with the mending; what
/// it draws changes when the generator does, which is why the promises matter more than the seeds.
pub const REGRESSIONS: [(u64, bool); 0] = [];
