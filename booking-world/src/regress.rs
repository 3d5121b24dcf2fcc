//! Seeds that once broke a promise.

use crate::generate::Features;

/// Histories made by hand that break a promise and wait for a mending.
pub const OPEN: [&str; 7] = [
    "EmptyList at the simulators",
    "TruncatedList at the simulators",
    // A list that was under way while a code was made shows it, and it is taken for one too many.
    "NonsenseAfter at the simulators",
    "deaths before, 7",
    // What a later list proves does not wake the stay.
    "a change while lists break off, 0",
    "a change while lists break off, 1",
    "a change while lists break off, 2",
];

/// Each with what it is drawn with. A seed goes in here together with the mending; what it draws changes when the
/// generator does, which is why the promises matter more than the seeds.
pub const REGRESSIONS: [(u64, fn() -> Features); 22] = [
    (14_297_319_031_814_387_239, Features::first_all),
    (107_525_813_313_702_098, Features::first_all),
    (17_735_025_804_904_131_267, Features::first_all),
    (12_242_650_047_585_075_306, Features::first_all),
    (1_763_620_069_323_456_146, Features::first_all),
    (3_521_644_244_425_122_877, Features::first_all),
    (7_963_684_349_045_413_451, Features::first_all),
    (12_800_593_337_778_147_927, Features::first_all),
    (1_892_329_416_305_335_704, Features::first_all),
    (8_522_670_606_472_130_886, Features::first_all),
    (9_945_933_822_599_747_431, Features::first_all),
    (15_939_754_950_975_556_631, Features::first_all),
    (17_078_953_781_735_856_831, Features::first_all),
    (7_451_237_885_853_869_196, Features::first_all),
    (14_479_262_236_125_737_640, Features::first_all),
    (204_705_103_918_042_342, Features::first_all),
    (18_277_233_844_776_556_313, Features::first_all),
    (3_659_632_774_179_089_145, Features::first_all),
    (2_486_123_796_601_432_379, Features::first_all),
    (5_978_100_228_086_565_197, Features::first_all),
    (4_670_144_732_894_363_568, Features::first_all),
    (12_210_359_575_026_129_076, Features::first_all),
];
