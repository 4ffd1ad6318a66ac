//! Certificates of a kubeconfig as a state: until when, and what to do. Time is passed in.

use crate::access::AccessState;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// From so many seconds before it ends on, a certificate is expiring: nothing renews it by itself,
/// and whoever signs certificates keeps office hours.
const EXPIRING_WITHIN: f64 = 86_400.0;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "lowercase")]
pub enum CertificateUse {
    /// It says who we are.
    Client,
    /// It says who the API server is: the cluster's certificate authority.
    Authority,
}

/// A certificate that has ended or is about to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Certificate {
    /// Who uses it: `context prod of /home/me/.kube/config`.
    pub named_by: String,
    /// What it is for.
    pub used_as: CertificateUse,
    /// Its `notAfter`.
    pub ends_at: Timestamp,
    /// `expiring` or `expired`.
    pub state: AccessState,
    /// What is the matter, a sentence.
    pub sentence: String,
    /// What to do, a sentence.
    pub next_step: String,
}

impl Certificate {
    /// How a certificate is at `now`; `None`: it lasts.
    #[must_use]
    pub fn judge(
        named_by: &str,
        used_as: CertificateUse,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Option<Self> {
        let left = ends_at.seconds_since(now);
        let (state, verb) = match left {
            left if left <= 0.0 => (AccessState::Expired, "ended on"),
            left if left < EXPIRING_WITHIN => (AccessState::Expiring, "ends on"),
            _ => return None,
        };
        let what = match used_as {
            CertificateUse::Client => "client certificate",
            CertificateUse::Authority => "certificate authority",
        };
        let next_step = match used_as {
            CertificateUse::Client => {
                "Have a new certificate signed and put it into the kubeconfig; reading goes on by itself."
            }
            CertificateUse::Authority => {
                "Put the cluster's present certificate authority into the kubeconfig (of an EKS cluster: aws eks update-kubeconfig); reading goes on by itself."
            }
        };
        Some(Self {
            named_by: named_by.to_owned(),
            used_as,
            ends_at,
            state,
            sentence: format!(
                "The {what} of {named_by} {verb} {} UTC.",
                ends_at.day_and_clock()
            ),
            next_step: next_step.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("an instant")
    }

    #[test]
    fn a_certificate_is_told_from_a_day_before_its_end_on() {
        let ends = at("2026-03-04T15:30:00Z");
        let judge =
            |now: &str| Certificate::judge("context c", CertificateUse::Client, ends, at(now));
        assert_eq!(judge("2026-03-03T15:29:59Z"), None);
        let soon = judge("2026-03-03T15:30:01Z").expect("told");
        assert_eq!(soon.state, AccessState::Expiring);
        assert_eq!(
            soon.sentence,
            "The client certificate of context c ends on 4 March 2026 15:30 UTC."
        );
        let over = judge("2026-03-04T15:30:00Z").expect("told");
        assert_eq!(over.state, AccessState::Expired);
        assert!(
            over.sentence.contains("ended on 4 March 2026"),
            "{}",
            over.sentence
        );
    }
}
