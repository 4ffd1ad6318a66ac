//! Tokens of EKS: a signed GetCallerIdentity that the cluster completes with its own name and has STS judge
//! (<https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>). Signed
//! is as the IAM User Guide says
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use crate::clock::Millis;

/// For how long a token is taken from its date.
const LIFE_SECONDS: i64 = 15 * 60;
/// What stays as it is in a canonical query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The secret of an access key that came with a session token, where both hold.
pub(super) type Secrets<'a> = &'a dyn Fn(&str, Option<&str>) -> Option<String>;

/// Whether a token was signed for this cluster by a key that holds, and its time is not over.
pub(super) fn is_of(token: &str, cluster: &str, now: Millis, secrets: Secrets<'_>) -> bool {
    let signed = token.strip_prefix("k8s-aws-v1.");
    let url = signed.and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
    let url = url.and_then(|bytes| String::from_utf8(bytes).ok());
    url.and_then(|url| judged(&url, cluster, now, secrets)) == Some(true)
}

fn judged(url: &str, cluster: &str, now: Millis, secrets: Secrets<'_>) -> Option<bool> {
    let (host, query) = url.strip_prefix("https://")?.split_once("/?")?;
    let mut query = read(query)?;
    let signature = query.remove("X-Amz-Signature")?;
    let of = |name: &str| query.get(name).map(String::as_str);
    let (key, scope) = of("X-Amz-Credential")?.split_once('/')?;
    let secret = secrets(key, of("X-Amz-Security-Token"))?;
    let date = of("X-Amz-Date")?;
    let mut parts = scope.split('/');
    let (day, region) = (parts.next()?, parts.next()?);
    let sts = host == format!("sts.{region}.amazonaws.com")
        && of("Action") == Some("GetCallerIdentity")
        && of("X-Amz-SignedHeaders") == Some("host;x-k8s-aws-id")
        && parts.eq(["sts", "aws4_request"]);
    let age = (now.0 / 1000) - seconds(date)?;
    let text = canonical(&query, host, cluster);
    let scope = format!("{day}/{region}/sts/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(text))
    );
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, region, "sts", "aws4_request", &text] {
        key = mac(&key, part)?;
    }
    // A minute ahead is another clock, not another age.
    Some(sts && (-60..LIFE_SECONDS).contains(&age) && hex(&key) == signature)
}

fn read(query: &str) -> Option<BTreeMap<String, String>> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        Some(text.into_owned())
    };
    let pairs = query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((decoded(name)?, decoded(value)?))
    });
    pairs.collect()
}

fn canonical(query: &BTreeMap<String, String>, host: &str, cluster: &str) -> String {
    let pair =
        |(name, value): (&String, &String)| format!("{name}={}", utf8_percent_encode(value, PLAIN));
    let query: Vec<String> = query.iter().map(pair).collect();
    format!(
        "GET\n/\n{}\nhost:{host}\nx-k8s-aws-id:{cluster}\n\nhost;x-k8s-aws-id\n{}",
        query.join("&"),
        hex(&Sha256::digest(b""))
    )
}

/// `20261129T110000Z` in seconds of the epoch.
fn seconds(date: &str) -> Option<i64> {
    let read = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    let zoned = read.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

fn mac(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
