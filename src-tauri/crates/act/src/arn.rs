//! The ARNs of what a plan is about: as they were read, else built from the place
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).

use model::{Fact, Node, Scope, partition};

/// The ARN of a queue.
pub(crate) fn queue(queue: &Node) -> String {
    read(queue).unwrap_or_else(|| within(&queue.scope, "sqs", &queue.name))
}

/// The ARN of a database cluster.
pub(crate) fn database(cluster: &Node) -> String {
    read(cluster)
        .unwrap_or_else(|| within(&cluster.scope, "rds", &format!("cluster:{}", cluster.name)))
}

/// The ARN of an instance of a database cluster, there or to be.
pub(crate) fn instance(cluster: &Node, name: &str) -> String {
    within(&cluster.scope, "rds", &format!("db:{name}"))
}

/// The ARN of an event source mapping (Service Authorization Reference, AWS Lambda).
pub(crate) fn mapping(mapping: &Node) -> String {
    let resource = format!("event-source-mapping:{}", mapping.name);
    read(mapping).unwrap_or_else(|| within(&mapping.scope, "lambda", &resource))
}

/// The ARN of a managed node group, which ends with an id that only EKS knows (Service Authorization Reference, Amazon
/// EKS).
pub(crate) fn nodegroup(group: &Node) -> String {
    let cluster = group.scope.cluster.as_deref().unwrap_or("");
    let resource = format!("nodegroup/{cluster}/{}/*", group.name);
    read(group).unwrap_or_else(|| within(&group.scope, "eks", &resource))
}

fn read(node: &Node) -> Option<String> {
    node.facts.text(Fact::Arn).map(ToOwned::to_owned)
}

/// What is in an account and region.
fn within(scope: &Scope, service: &str, resource: &str) -> String {
    let account = scope.account.as_ref().map_or("", |a| a.as_str());
    let region = scope.region.as_deref().unwrap_or("");
    let partition = partition(region);
    format!("arn:{partition}:{service}:{region}:{account}:{resource}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::AccountId;

    #[test]
    fn an_arn_is_of_its_regions_partition() {
        let arn = |region: &str| {
            let scope = Scope {
                account: Some(AccountId::new("111122223333")),
                region: Some(region.into()),
                ..Scope::default()
            };
            within(&scope, "rds", "db:ledger-2")
        };
        let of = |partition: &str, region: &str| {
            format!("arn:{partition}:rds:{region}:111122223333:db:ledger-2")
        };
        assert_eq!(arn("eu-west-1"), of("aws", "eu-west-1"));
        assert_eq!(arn("cn-north-1"), of("aws-cn", "cn-north-1"));
        assert_eq!(arn("us-gov-west-1"), of("aws-us-gov", "us-gov-west-1"));
    }
}
