//! The one call of a scale and the AWS CLI line that does the same.
//!
//! `UpdateNodegroupConfig`: <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupConfig.html>.
//! Only sizes that change are sent, so that nothing is set back that somebody else sets meanwhile.
//! The client token is made when the call is made (the CLI makes one too): EKS answers a repeated
//! token with the update it stands for.

use super::settings::Sizes;
use super::subject::Subject;
use crate::arn;
use crate::plan::ApiCall;
use crate::rights::Right;
use crate::words::shell;
use model::Node;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The call.
pub(super) const UPDATE: &str = "eks:UpdateNodegroupConfig";
/// The step that makes it.
pub(super) const STEP: &str = "update";
/// Its size parameters, with the CLI's words.
pub(super) const MIN: &str = "scalingConfig.minSize";
pub(super) const MAX: &str = "scalingConfig.maxSize";
pub(super) const DESIRED: &str = "scalingConfig.desiredSize";

pub(super) fn update(subject: &Subject<'_>, wanted: Sizes) -> ApiCall {
    let (group, before) = (subject.group, subject.sizes);
    let cluster = cluster(group);
    let region = group.scope.region.as_deref().unwrap_or("us-east-1");
    let changed: Vec<(&str, i64)> = [
        (MIN, before.min, wanted.min),
        (MAX, before.max, wanted.max),
        (DESIRED, before.desired, wanted.desired),
    ]
    .into_iter()
    .filter(|(_, was, now)| was != now)
    .map(|(name, _, now)| (name, now))
    .collect();
    let mut parameters: BTreeMap<String, Value> = BTreeMap::from([
        ("clusterName".to_owned(), json!(cluster)),
        ("nodegroupName".to_owned(), json!(group.name)),
        ("clientRequestToken".to_owned(), json!("made with the call")),
    ]);
    let mut sizes = Vec::new();
    for (name, nodes) in changed {
        parameters.insert(name.to_owned(), json!(nodes));
        let short = name.rsplit('.').next().unwrap_or(name);
        sizes.push(format!("{short}={nodes}"));
    }
    ApiCall {
        operation: UPDATE.to_owned(),
        region: region.to_owned(),
        cli: format!(
            "aws eks update-nodegroup-config --region {} --cluster-name {} --nodegroup-name {} --scaling-config {}",
            shell(region),
            shell(cluster),
            shell(&group.name),
            sizes.join(",")
        ),
        parameters,
        step: STEP.to_owned(),
    }
}

/// The EKS cluster's name.
pub(super) fn cluster(group: &Node) -> &str {
    group.scope.cluster.as_deref().unwrap_or("")
}

/// What the call needs (Service Authorization Reference, Amazon EKS, UpdateNodegroupConfig).
pub(super) fn rights(subject: &Subject<'_>) -> Vec<Right> {
    vec![Right::Iam {
        action: UPDATE.to_owned(),
        resource: arn::nodegroup(subject.group),
    }]
}
