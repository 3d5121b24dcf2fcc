//! Medians and percentiles.

use std::time::Duration;

/// Values of one kind, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// These values; those that are no numbers are left out.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// These times, in milliseconds.
    pub(crate) fn millis(times: impl IntoIterator<Item = Duration>) -> Self {
        Self::of(times.into_iter().map(|time| time.as_secs_f64() * 1e3))
    }

    /// The smallest value that at least this share of all values does not exceed; 0 of nothing.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list"
        )]
        let rank = (self.0.len() as f64 * share.clamp(0.0, 1.0)).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or_default()
    }

    /// The value in the middle, or between the two in the middle; 0 of nothing.
    pub(crate) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        match (self.0.get(middle.wrapping_sub(1)), self.0.get(middle)) {
            (Some(low), Some(high)) if self.0.len().is_multiple_of(2) => (low + high) / 2.0,
            (_, Some(high)) => *high,
            _ => 0.0,
        }
    }

    /// The smallest and the greatest value; 0 of nothing.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.0.first().copied().unwrap_or_default(), self.0.last().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [
            (vec![], 0.0),
            (vec![3.0], 3.0),
            (vec![9.0, 1.0], 5.0),
            (vec![9.0, 1.0, 2.0], 2.0),
            (vec![4.0, 1.0, 3.0, 2.0], 2.5),
            (vec![f64::NAN, 7.0], 7.0),
        ] {
            let median = Sample::of(values.clone()).median();
            assert!((median - expected).abs() < 1e-9, "{values:?}: {median}");
        }
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred = Sample::of((1..=100).rev().map(f64::from));
        for (share, expected) in
            [(0.0, 1.0), (0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (0.995, 100.0), (1.0, 100.0), (7.0, 100.0)]
        {
            let value = hundred.percentile(share);
            assert!((value - expected).abs() < 1e-9, "{share}: {value}");
        }
        assert_eq!(Sample::default().percentile(0.5), 0.0);
        assert_eq!(Sample::of([2.0]).percentile(0.99), 2.0);
    }

    #[test]
    fn times_are_milliseconds_and_the_range_is_whole() {
        let sample = Sample::millis([3, 1, 2].map(Duration::from_millis));
        assert_eq!(sample.range(), (1.0, 3.0));
        assert_eq!(Sample::default().range(), (0.0, 0.0));
    }
}
