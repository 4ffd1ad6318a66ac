//! The authenticator of the user: codes that are right for half a minute, each of them once
//! (RFC 6238, <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html>).

use hmac::{Hmac, Mac as _};
use sha1::Sha1;

use crate::clock::Millis;
use crate::world::SIMULATED_ACCOUNT;
use crate::world::dice::Dice;

/// Seconds a code is shown.
const STEP: i64 = 30;
/// A code of so many steps ago or ahead is taken, too: clocks differ (RFC 6238, section 5.2).
const DRIFT: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A virtual device.
#[derive(Debug)]
pub struct Authenticator {
    seed: Vec<u8>,
    /// The step of the last code that was taken.
    used: Option<i64>,
}

impl Authenticator {
    /// One with a seed of its own.
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self {
            seed: dice.lower(20).into_bytes(),
            used: None,
        }
    }

    /// Its serial number: the ARN that a profile names as `mfa_serial`.
    #[must_use]
    pub fn serial() -> String {
        format!("arn:aws:iam::{SIMULATED_ACCOUNT}:mfa/on-call")
    }

    /// Its seed, as authenticators take it: RFC 4648, base 32.
    #[must_use]
    pub fn seed(&self) -> String {
        let mut bits = self
            .seed
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1));
        let letters = self.seed.len() * 8 / 5;
        let letter = |_| {
            let n = bits
                .by_ref()
                .take(5)
                .fold(0, |n, bit| n << 1 | usize::from(bit));
            char::from(BASE32[n])
        };
        (0..letters).map(letter).collect()
    }

    /// Whether a code is right at `now`; then it is not a second time, nor one before it.
    pub(crate) fn takes(&mut self, code: &str, now: Millis) -> bool {
        let step = now.0.div_euclid(1000) / STEP;
        let mut near = step - DRIFT..=step + DRIFT;
        let right = near.find(|n| totp(&self.seed, *n) == code);
        match right {
            Some(n) if self.used.is_none_or(|used| n > used) => self.used = Some(n),
            Some(_) | None => return false,
        }
        true
    }
}

/// The code of a step: RFC 4226, section 5.3, six digits.
fn totp(seed: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(seed) else {
        return String::new();
    };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 0xf);
    let number = hash[at..at + 4]
        .iter()
        .fold(0u32, |n, byte| n << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Authenticator {
        let seed = b"12345678901234567890".to_vec();
        Authenticator { seed, used: None }
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, SHA-1; the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp(&device().seed, seconds / STEP), code);
        }
        // RFC 4648: `oathtool` and authenticators write this seed so.
        assert_eq!(device().seed(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn a_code_is_good_once_and_no_earlier_one_after_it() {
        let mut device = device();
        let now = Millis(1_111_111_109_000);
        let step = 1_111_111_109 / STEP;
        let code = |n: i64| totp(b"12345678901234567890", step + n);
        assert!(!device.takes("000000", now));
        assert!(!device.takes(&code(2), now) && !device.takes(&code(-2), now));
        assert!(device.takes(&code(0), now));
        assert!(!device.takes(&code(0), now) && !device.takes(&code(-1), now));
        assert!(device.takes(&code(1), now));
    }
}
