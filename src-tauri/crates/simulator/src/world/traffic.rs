//! How much the customers want, by the hour.

use crate::clock::Millis;
use crate::world::dice::noise;

/// The shape of a trading day in a region `offset` hours from UTC: quiet at night, a rush at the open and the close.
/// Between about 0.25 and 1.2.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn shape(now: Millis, offset: i64) -> f64 {
    let hour = (now.seconds() + offset * 3600).rem_euclid(86_400) as f64 / 3600.0;
    let bump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
    0.3 + 0.45 * bump(12.5, 5.0) + 0.4 * bump(9.6, 0.9) + 0.3 * bump(15.8, 0.8)
}

/// Demand now against demand at `reference`, with a small noise of its own for each `stream`.
#[must_use]
pub fn factor(now: Millis, reference: Millis, offset: i64, seed: u64, stream: u64) -> f64 {
    let wobble = 1.0
        + 0.025 * noise(seed, stream, now.seconds(), 45)
        + 0.02 * noise(seed, stream ^ 77, now.seconds(), 400);
    shape(now, offset) / shape(reference, offset) * wobble
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_is_busier_than_the_night() {
        let midnight = Millis(1_700_006_400_000);
        assert!(
            shape(midnight.plus_seconds(9 * 3600 + 2000), 0)
                > 2.0 * shape(midnight.plus_seconds(2 * 3600), 0)
        );
    }

    #[test]
    fn the_factor_starts_at_about_one() {
        let at = Millis(1_700_000_000_000);
        assert!((factor(at, at, -5, 1, 1) - 1.0).abs() < 0.06);
    }
}
