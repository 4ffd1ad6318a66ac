//! Which calls were made and who signed them: what CloudTrail would tell
//! (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html>).

use std::collections::BTreeMap;

/// Counts by action and signer. Refused calls are in it as well, but for those of a key that nobody has.
#[derive(Debug, Default)]
pub struct Trail(BTreeMap<(String, String), u64>);

impl Trail {
    /// One more call: its IAM action (`sqs:SendMessage`) and the ARN of who signed it, or what was asked of a cluster
    /// (`kubernetes:patch:apps:deployments/scale`) and the user whose it was.
    pub(crate) fn note(&mut self, action: String, signer: impl Into<String>) {
        *self.0.entry((action, signer.into())).or_default() += 1;
    }

    /// Action, signer, how often, in the order of actions.
    pub fn calls(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        let calls = self.0.iter();
        calls.map(|((action, signer), times)| (action.as_str(), signer.as_str(), *times))
    }
}
