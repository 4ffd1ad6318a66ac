//! Every chance and every made name of a cluster, from one seed: the same seed gives the same cluster.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The alphabet of Kubernetes' random names: no vowels and nothing easily mistaken
/// (`k8s.io/apimachinery/pkg/util/rand`).
const NAME_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A seeded source of chance.
pub(super) struct Dice(SmallRng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// A whole number of `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            low
        } else {
            self.0.random_range(low..=high)
        }
    }

    /// Milliseconds between `low` and `high` seconds.
    pub(super) fn seconds(&mut self, low: i64, high: i64) -> i64 {
        self.between(low * 1000, high * 1000)
    }

    /// A number of `0.0..1.0`.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random::<f64>()
    }

    /// An index below `len`; 0 when `len` is 0.
    pub(super) fn index(&mut self, len: usize) -> usize {
        if len == 0 {
            0
        } else {
            self.0.random_range(0..len)
        }
    }

    /// Any 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.random()
    }

    /// A version-4 UUID.
    pub(super) fn uid(&mut self) -> String {
        let (a, b) = (self.bits(), self.bits());
        let text = format!("{a:016x}{b:016x}");
        format!(
            "{}-{}-4{}-{:x}{}-{}",
            &text[..8],
            &text[8..12],
            &text[13..16],
            8 + (b >> 62),
            &text[17..20],
            &text[20..]
        )
    }

    /// The random end of a generated name.
    pub(super) fn suffix(&mut self, len: usize) -> String {
        (0..len)
            .map(|_| char::from(NAME_ALPHABET[self.index(NAME_ALPHABET.len())]))
            .collect()
    }

    /// An EC2 instance id.
    pub(super) fn instance_id(&mut self) -> String {
        format!("i-0{:016x}", self.bits())
    }
}

/// FNV-1a, for what must follow from content and not from the order of throws.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A pod-template hash: the digits of a 32-bit number in the alphabet of names, as `SafeEncodeString` writes them.
pub(super) fn template_hash(text: &str) -> String {
    let full = hash(text);
    let folded = (full >> 32) ^ (full & 0xffff_ffff);
    folded
        .to_string()
        .bytes()
        .map(|b| char::from(NAME_ALPHABET[usize::from(b) % NAME_ALPHABET.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_has_the_form_of_version_4() {
        let uid = Dice::new(7).uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.as_bytes()[14], b'4');
        assert!(matches!(uid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }

    #[test]
    fn the_same_seed_gives_the_same_names() {
        let (mut a, mut b) = (Dice::new(3), Dice::new(3));
        assert_eq!(
            (a.uid(), a.suffix(5), a.instance_id()),
            (b.uid(), b.suffix(5), b.instance_id())
        );
    }
}
