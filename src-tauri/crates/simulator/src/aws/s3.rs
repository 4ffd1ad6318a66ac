//! S3: which buckets there are. Service model `s3` 2006-03-01; answers carry no wrapping result element.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::error::AwsError;
use super::render::Answer;
use super::request::Call;
use crate::world::edge::Bucket;
use crate::world::{SIMULATED_ACCOUNT, World};

pub(super) fn operation(
    method: &Method,
    path: &[&str],
    query: &BTreeMap<String, String>,
) -> Option<&'static str> {
    match (method.as_str(), path) {
        ("GET", []) => Some("ListBuckets"),
        ("GET", [_]) if query.contains_key("location") => Some("GetBucketLocation"),
        ("HEAD", [_]) => Some("HeadBucket"),
        _ => None,
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    match call.operation.as_str() {
        "ListBuckets" => {
            let one = |b: &Bucket| json!({"Name": b.name, "CreationDate": b.created.iso_millis(), "BucketRegion": b.region});
            let all: Vec<_> = world.edge.buckets.iter().map(one).collect();
            let owner = json!({"ID": SIMULATED_ACCOUNT, "DisplayName": "operations"});
            Ok(Answer::xml(
                "ListAllMyBucketsResult",
                json!({"Owner": owner, "Buckets": {"Bucket": all}}),
            ))
        }
        "GetBucketLocation" => {
            let bucket = find(world, call)?;
            let place = if bucket.region == "us-east-1" {
                ""
            } else {
                &bucket.region
            };
            Ok(Answer::xml("LocationConstraint", json!(place)))
        }
        "HeadBucket" => {
            let bucket = find(world, call)?;
            Ok(Answer::default().header("x-amz-bucket-region", &bucket.region))
        }
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn find<'a>(world: &'a World, call: &Call) -> Result<&'a Bucket, AwsError> {
    let missing =
        || AwsError::new("NoSuchBucket", "The specified bucket does not exist").status(404);
    world
        .edge
        .buckets
        .iter()
        .find(|b| b.name == call.segment(0))
        .ok_or_else(missing)
}
