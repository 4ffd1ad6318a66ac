//! Buckets as others name them: S3 itself is not read, so a bucket is declared by the distribution
//! or record that leads to it.
//!
//! Host forms: S3 UserGuide, VirtualHosting, WebsiteEndpoints and dual-stack-endpoints.

use crate::Round;
use crate::aws::text::host_name;
use model::{Fact, Found, FoundNode, Kind, Name, NodeId, Scope, Standing};

/// A bucket named by one of its hosts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bucket<'a> {
    pub(crate) name: &'a str,
    pub(crate) region: Option<&'a str>,
    suffix: &'a str,
}

impl<'a> Bucket<'a> {
    /// Reads a host in lower case, e.g. `assets.s3.us-east-1.amazonaws.com`.
    pub(crate) fn of(host: &'a str) -> Option<Self> {
        let suffix = ["amazonaws.com", "amazonaws.com.cn"]
            .into_iter()
            .find(|suffix| host.ends_with(suffix))?;
        let rest = host.strip_suffix(suffix)?.strip_suffix('.')?;
        if let Some(name) = rest.strip_suffix(".s3") {
            return Self::named(name, None, suffix);
        }
        let dot = rest.rfind(".s3.").map(|at| (at, 4));
        let dash = rest.rfind(".s3-").map(|at| (at, 4));
        let (at, length) = dot.max(dash)?;
        let (name, region) = (&rest[..at], &rest[at + length..]);
        let region = ["dualstack.", "website-", "website."]
            .into_iter()
            .find_map(|form| region.strip_prefix(form))
            .unwrap_or(region);
        Self::named(name, Some(region), suffix)
    }

    /// The bucket behind a website alias: Route 53 names only the region's website endpoint, the
    /// bucket is called as the record (S3 UserGuide, website-hosting-custom-domain-walkthrough).
    pub(crate) fn of_website(endpoint: &'a str, record: &'a str) -> Option<Self> {
        let suffix = if endpoint.ends_with(".cn") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let region = endpoint.strip_suffix(suffix)?.strip_suffix('.')?;
        let region = region
            .strip_prefix("s3-website")?
            .trim_start_matches(['-', '.']);
        Self::named(record, Some(region), suffix)
    }

    fn named(name: &'a str, region: Option<&'a str>, suffix: &'a str) -> Option<Self> {
        (!name.is_empty()).then_some(Self {
            name,
            region,
            suffix,
        })
    }

    /// Every host it can be called by.
    fn hosts(&self) -> Vec<String> {
        let Self { name, suffix, .. } = self;
        let mut hosts = vec![format!("{name}.s3.{suffix}")];
        if let Some(region) = self.region {
            for form in ["s3.", "s3-", "s3.dualstack.", "s3-website-", "s3-website."] {
                hosts.push(format!("{name}.{form}{region}.{suffix}"));
            }
        }
        hosts
    }

    /// Its node id. Bucket names are unique in a partition, so there is no region in it.
    pub(crate) fn id(&self, round: &Round<'_>) -> NodeId {
        NodeId::aws(
            Kind::Bucket,
            round.session.account.as_str(),
            None,
            self.name,
        )
    }

    /// The bucket as a node that is named, not read.
    pub(crate) fn declared(&self, round: &Round<'_>) -> FoundNode {
        let scope = Scope {
            account: Some(round.session.account.clone()),
            region: self.region.map(Into::into),
            ..Scope::default()
        };
        let mut node = FoundNode::new(self.id(round), Kind::Bucket, self.name, scope);
        node.standing = Standing::Declared;
        let arn = format!("arn:{}:s3:::{}", round.session.partition, self.name);
        node.facts.set(Fact::Arn, arn.as_str());
        node.known_as.push(Name::Arn(arn.into()));
        node.known_as
            .extend(self.hosts().iter().map(|host| host_name(host)));
        node
    }
}

/// Adds the buckets, each once.
pub(crate) fn add_declared(found: &mut Vec<Found>, mut buckets: Vec<FoundNode>) {
    buckets.sort_by(|a, b| a.id.cmp(&b.id));
    buckets.dedup_by(|a, b| a.id == b.id);
    found.extend(
        buckets
            .into_iter()
            .map(|bucket| Found::Node(Box::new(bucket))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(host: &str) -> Option<(&str, Option<&str>)> {
        Bucket::of(host).map(|bucket| (bucket.name, bucket.region))
    }

    #[test]
    fn every_form_of_a_buckets_host_tells_bucket_and_region() {
        let region = Some("us-east-1");
        for host in [
            "a.b.s3.us-east-1.amazonaws.com",
            "a.b.s3-us-east-1.amazonaws.com",
            "a.b.s3.dualstack.us-east-1.amazonaws.com",
            "a.b.s3-website-us-east-1.amazonaws.com",
            "a.b.s3-website.us-east-1.amazonaws.com",
        ] {
            assert_eq!(parts(host), Some(("a.b", region)), "{host}");
        }
        assert_eq!(parts("assets.s3.amazonaws.com"), Some(("assets", None)));
        assert_eq!(
            parts("b.s3.cn-north-1.amazonaws.com.cn"),
            Some(("b", Some("cn-north-1")))
        );
        assert_eq!(parts("api-1.us-east-1.elb.amazonaws.com"), None);
        assert_eq!(parts("s3.amazonaws.com"), None);
        assert_eq!(parts("example.com"), None);
    }

    #[test]
    fn a_website_alias_names_the_region_and_the_record_names_the_bucket() {
        for endpoint in [
            "s3-website-us-east-1.amazonaws.com",
            "s3-website.us-east-1.amazonaws.com",
        ] {
            let bucket = Bucket::of_website(endpoint, "www.example.com").expect("is one");
            assert_eq!(
                (bucket.name, bucket.region),
                ("www.example.com", Some("us-east-1"))
            );
        }
        assert_eq!(
            Bucket::of_website("d1.cloudfront.net", "www.example.com"),
            None
        );
    }
}
