//! Every throw of the dice, from one seed: the same seed and the same calls give the same world.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// A seeded source of chance and of identifiers in the forms AWS uses.
#[derive(Debug, Clone)]
pub struct Dice(SmallRng);

impl Dice {
    /// Dice for one stream of a seed; different streams do not disturb each other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(SmallRng::seed_from_u64(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ stream.wrapping_mul(0xD1B5_4A32_D192_ED03),
        ))
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        p > 0.0 && self.0.random::<f64>() < p
    }

    /// A number in `0..1`.
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// A whole number in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// A whole number in `from..=to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        self.0.random_range(from..=to.max(from))
    }

    /// `mean` on average: its whole part, and one more with the probability of its fraction.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn rounded(&mut self, mean: f64) -> u64 {
        let whole = mean.max(0.0).floor();
        whole as u64 + u64::from(self.chance(mean - whole))
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of some words, which must not be empty.
    pub fn choose(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }

    /// Takes `n` different items (fewer when there are fewer), in random order.
    pub fn draw<T: Clone>(&mut self, items: &[T], n: usize) -> Vec<T> {
        let mut pool: Vec<T> = items.to_vec();
        let mut out = Vec::with_capacity(n);
        while out.len() < n && !pool.is_empty() {
            out.push(pool.swap_remove(self.below(pool.len())));
        }
        out
    }

    /// `n` lower-case hexadecimal digits.
    pub fn hex(&mut self, n: usize) -> String {
        self.word(b"0123456789abcdef", n)
    }

    /// `n` characters of an upper-case AWS identifier.
    pub fn upper(&mut self, n: usize) -> String {
        self.word(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", n)
    }

    /// `n` lower-case letters and digits, beginning with a letter.
    pub fn lower(&mut self, n: usize) -> String {
        let mut word = self.word(b"abcdefghijklmnopqrstuvwxyz", 1);
        word.push_str(&self.word(b"abcdefghijklmnopqrstuvwxyz0123456789", n.saturating_sub(1)));
        word
    }

    /// A random UUID, version 4.
    pub fn uuid(&mut self) -> String {
        format_uuid(self.0.random())
    }

    /// 128 random bits.
    pub fn bits(&mut self) -> u128 {
        self.0.random()
    }

    fn word(&mut self, letters: &[u8], n: usize) -> String {
        (0..n)
            .map(|_| char::from(letters[self.below(letters.len())]))
            .collect()
    }
}

/// Writes 128 bits as a version 4 UUID.
#[must_use]
pub fn format_uuid(bits: u128) -> String {
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 96,
        (bits >> 80) & 0xffff,
        (bits >> 64) & 0xffff,
        (bits >> 48) & 0xffff,
        bits & 0xffff_ffff_ffff
    )
}

/// A smooth noise in `-1..1`, the same for the same seed, stream and time; changes over about `seconds`.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn noise(seed: u64, stream: u64, at_seconds: i64, seconds: i64) -> f64 {
    let corner = |n: i64| {
        let mut x = seed
            ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ n.cast_unsigned().wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
        (x >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    };
    let n = at_seconds.div_euclid(seconds);
    let f = at_seconds.rem_euclid(seconds) as f64 / seconds as f64;
    let f = f * f * (3.0 - 2.0 * f);
    corner(n) * (1.0 - f) + corner(n + 1) * f
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_version_4() {
        let id = Dice::new(7, 1).uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]));
    }

    #[test]
    fn rounding_keeps_the_mean() {
        let mut dice = Dice::new(3, 0);
        let total: u64 = (0..10_000).map(|_| dice.rounded(1.25)).sum();
        assert!((12_200..12_800).contains(&total), "{total}");
    }
}
