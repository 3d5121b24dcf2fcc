//! Seeds that once broke a promise.

use crate::generate::Features;

/// Histories made by hand that break a promise and wait for a mending.
pub const OPEN: [&str; 2] = ["EmptyList at the simulators", "TruncatedList at the simulators"];

/// Each with what it is drawn with. A seed goes in here together with the mending; what it draws changes when the
/// generator does, which is why the promises matter more than the seeds.
pub const REGRESSIONS: [(u64, fn() -> Features); 49] = [
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
    (8_165_672_729_150_821_237, Features::first),
    (2_045_368_543_446_853_537, Features::first),
    (780_298_201_295_287_941, Features::second),
    (17_550_865_695_576_000_166, Features::second),
    (15_467_917_582_046_545_004, Features::second),
    (14_492_622_732_096_691_295, Features::second),
    (4_765_534_067_778_730_355, Features::second),
    (4_885_919_954_488_523_262, Features::second),
    (6_535_288_349_910_047_169, Features::second),
    (15_062_111_834_286_034_262, Features::second),
    (18_199_526_967_767_364_001, Features::second),
    (6_663_980_303_897_902_891, Features::second),
    (7_977_733_361_485_779_965, Features::second),
    (5_247_609_767_541_694_460, || second_with("replacements")),
    (10_306_745_421_871_806_985, || second_with("replacements")),
    (14_981_238_696_339_366_503, || second_with("adopt")),
    (14_577_281_497_295_572_127, || second_with("adopt")),
    (9_699_666_416_632_398_950, || second_with("backups")),
    (4_198_906_336_883_320_225, || second_with("backups")),
    (10_460_540_222_181_026_382, || second_with("backups")),
    (576_817_217_927_800_916, || second_with("look-ahead-week")),
    (237_182_196_088_490_785, || second_with("look-ahead-week")),
    (15_813_901_058_956_182_896, || second_with("look-ahead-week")),
    (2_189_945_657_282_526_129, || second_with("masked")),
    (4_553_896_263_576_924_784, || second_with("masked")),
    (12_330_566_436_936_334_346, || second_with("write-only")),
    (3_765_029_060_680_378_266, || second_with("write-only")),
];

fn second_with(name: &str) -> Features {
    Features::second().with(name).unwrap_or_else(|wrong| unreachable!("{wrong}"))
}
