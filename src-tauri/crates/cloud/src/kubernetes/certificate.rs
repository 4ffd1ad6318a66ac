//! Until when the certificates of a kubeconfig are good: told before a TLS error that nobody understands.

use super::kubeconfig::{ClusterPlace, named_by};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kube::Config;
use kube::config::AuthInfo;
use model::{AccessState, Certificate, CertificateUse, FailureClass, SourceFailure, Timestamp};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use x509_cert::der::Decode as _;

/// Until when the certificates are good that the clusters of one stack are reached with, by who names
/// them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Arc<Mutex<BTreeMap<String, Endings>>>);

/// When the certificates of one context end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Endings {
    /// Of the client's own, the first of its chain.
    pub(super) client: Option<Timestamp>,
    /// Of the authority; of several, the one that lasts longest.
    authority: Option<Timestamp>,
}

impl Certificates {
    /// Those that have ended or are about to at `now`, the first to end first. `now` is the
    /// platform's time: the server judges them by its own.
    #[must_use]
    pub fn judged(&self, now: Timestamp) -> Vec<Certificate> {
        let mut all: Vec<Certificate> = Vec::new();
        for (by, endings) in self.held().iter() {
            all.extend(endings.judged(by, now));
        }
        all.sort_by_key(|one| one.ends_at);
        all
    }

    pub(super) fn note(&self, place: &ClusterPlace, endings: Endings) {
        self.held().insert(named_by(place), endings);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Endings>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endings {
    /// What the files say; what cannot be read is told when a client is made of it.
    pub(super) fn of(config: &Config) -> Self {
        let authorities = config.root_cert.iter().flatten();
        let unproven = config.accept_invalid_certs;
        Self {
            client: pem(&config.auth_info).and_then(|pem| of_pem(&pem)),
            authority: authorities
                .filter(|_| !unproven)
                .filter_map(|der| not_after(der))
                .max(),
        }
    }

    fn judged(&self, by: &str, now: Timestamp) -> impl Iterator<Item = Certificate> {
        let both = [
            (CertificateUse::Client, self.client),
            (CertificateUse::Authority, self.authority),
        ];
        let judged = both
            .into_iter()
            .filter_map(move |(used_as, ends)| Certificate::judge(by, used_as, ends?, now));
        judged.collect::<Vec<_>>().into_iter()
    }

    /// Why nothing can be asked with them at `now`, by the time that the server has. An authority that has ended is told
    /// and asked all the same: TLS takes it as long as the key is the same, because the validity of a trust anchor is no
    /// part of the path that is validated (<https://www.rfc-editor.org/rfc/rfc5280#section-6.1>, rustls-webpki).
    pub(super) fn over(&self, place: &ClusterPlace, now: Timestamp) -> Option<SourceFailure> {
        let by = named_by(place);
        let over = Certificate::judge(&by, CertificateUse::Client, self.client?, now)?;
        (over.state == AccessState::Expired).then_some(SourceFailure {
            class: FailureClass::Credentials,
            sentence: over.sentence,
            next_step: over.next_step,
            code: None,
            request_id: None,
        })
    }
}

fn pem(auth: &AuthInfo) -> Option<Vec<u8>> {
    match (&auth.client_certificate_data, &auth.client_certificate) {
        (Some(data), _) if !data.is_empty() => BASE64_STANDARD.decode(data).ok(),
        (_, Some(file)) => std::fs::read(file).ok(),
        (_, None) => None,
    }
}

/// Of the first certificate in a PEM text: the client's own comes first in its chain
/// (<https://www.rfc-editor.org/rfc/rfc8446#section-4.4.2>).
pub(super) fn of_pem(pem: &[u8]) -> Option<Timestamp> {
    let first = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    not_after(&first)
}

fn not_after(der: &[u8]) -> Option<Timestamp> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let ends = certificate.tbs_certificate().validity().not_after;
    let millis = i64::try_from(ends.to_unix_duration().as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::super::tests::place;
    use super::*;

    /// Self-signed, with a `notAfter` before 2050 (UTCTime) and one after it (GeneralizedTime)
    /// (<https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5>).
    const UNTIL_2031: &str = "\
-----BEGIN CERTIFICATE-----
MIIBDzCBt6ADAgECAgEHMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB29uLWNhbGww
HhcNMjAwMTAxMDAwMDAwWhcNMzEwNTA2MDcwODA5WjASMRAwDgYDVQQDDAdvbi1j
YWxsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfznAwKRxqwnJciys+Whhai7I
LP03CDm4eSXH5fB+jIiSaC1oUcYiqKz5W2S740hM5VpxormGbdWoCV40f4ejzjAK
BggqhkjOPQQDAgNHADBEAiB7pWsQntHLq2qCQ38Vaqqe2p+K5Baekc8rK4D/bgu2
BgIgBfuLkEnd9fmKVQDy516iMfKAq4BvvedK6xqT4lkqlAM=
-----END CERTIFICATE-----
";
    const UNTIL_2060: &str = "\
-----BEGIN CERTIFICATE-----
MIIBETCBuaADAgECAgEHMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB29uLWNhbGww
IBcNMjAwMTAxMDAwMDAwWhgPMjA2MDAxMDIwMzA0MDVaMBIxEDAOBgNVBAMMB29u
LWNhbGwwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR/OcDApHGrCclyLKz5aGFq
Lsgs/TcIObh5Jcfl8H6MiJJoLWhRxiKorPlbZLvjSEzlWnGiuYZt1agJXjR/h6PO
MAoGCCqGSM49BAMCA0cAMEQCIGvPUontaRVCcBkmGj/JkzbczhYThXzixD3VZnpd
bSC1AiBXMbDmeXxp7z6dU5pd1Y723qFVlQxH4ue65haMwXhLyg==
-----END CERTIFICATE-----
";

    #[test]
    fn the_end_of_a_certificate_is_read_from_its_first_one() {
        let told = |pem: &str| of_pem(pem.as_bytes()).map(|ends| ends.to_string());
        assert_eq!(
            told(UNTIL_2031).as_deref(),
            Some("2031-05-06T07:08:09.000Z")
        );
        assert_eq!(
            told(UNTIL_2060).as_deref(),
            Some("2060-01-02T03:04:05.000Z")
        );
        let chain = format!("{UNTIL_2060}{UNTIL_2031}");
        assert_eq!(told(&chain), told(UNTIL_2060));
        assert_eq!(told("no certificate"), None);
        let cut = UNTIL_2031.replace("BEGIN CERTIFICATE", "BEGIN NOTHING");
        assert_eq!(told(&cut), None);
    }

    #[test]
    fn of_several_authorities_the_longest_counts() {
        let der = |pem: &str| {
            let first = CertificateDer::pem_slice_iter(pem.as_bytes()).next();
            first.expect("one").expect("PEM").to_vec()
        };
        let mut config = Config::new("https://k".parse().expect("a URL"));
        config.root_cert = Some(vec![der(UNTIL_2060), der(UNTIL_2031)]);
        config.auth_info.client_certificate_data = Some(BASE64_STANDARD.encode(UNTIL_2031));
        let endings = Endings::of(&config);
        assert_eq!(endings.authority, of_pem(UNTIL_2060.as_bytes()));
        assert_eq!(endings.client, of_pem(UNTIL_2031.as_bytes()));
        // Where nobody looks at the authority, it does not matter that it ended.
        config.accept_invalid_certs = true;
        assert_eq!(Endings::of(&config).authority, None);
    }

    #[test]
    fn a_client_that_ended_is_not_asked_with_and_an_authority_is_told_and_asked() {
        let place = place(std::path::Path::new("/k"), "c");
        let after = |pem: &str| of_pem(pem.as_bytes()).map(|ends| ends.plus_seconds(1));
        let (client, authority) = (of_pem(UNTIL_2060.as_bytes()), of_pem(UNTIL_2031.as_bytes()));
        let endings = Endings { client, authority };
        let now = after(UNTIL_2031).expect("a time");
        assert_eq!(endings.over(&place, now), None);
        let certificates = Certificates::default();
        certificates.note(&place, endings);
        let told = certificates.judged(now);
        let [told] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(told.used_as, CertificateUse::Authority);
        let over = endings.over(&place, after(UNTIL_2060).expect("a time"));
        assert!(over.expect("told").sentence.contains("client certificate"));
    }
}
