//! EC2, of which one call is needed: how many addresses subnets have left.
//!
//! `aws-sdk-ec2` is by far the largest of the SDK's crates; this is the one operation over the SDK's
//! own orchestrator, so that signing, retries, time limits and failures are those of every other call. The wire is the EC2 query protocol
//! (<https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html>).

use crate::skew::SignedAnew;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use aws_types::SdkConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use std::fmt;

const VERSION: &str = "2016-11-15";
/// Items of one page: the most the call takes.
const PAGE: &str = "1000";

/// A subnet, as far as it is read (EC2 API reference, Subnet).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// IPv4 addresses that are not used, nor reserved by AWS.
    pub available_addresses: i64,
    /// `us-east-1b`.
    pub zone: Option<String>,
    /// `use1-az2`: the same zone in every account, where names differ.
    pub zone_id: Option<String>,
}

/// One page of subnets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnets {
    /// In the order of the answer.
    pub subnets: Vec<Subnet>,
    /// Mark of the next page.
    pub next_token: Option<String>,
}

/// EC2's refusal.
#[derive(Debug)]
pub struct Refused(ErrorMetadata);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

#[derive(Debug)]
struct Asked {
    ids: Vec<String>,
    mark: Option<String>,
}

/// DescribeSubnets by id (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>),
/// as a filter: one that is gone is left out, where `SubnetId.N` would refuse all of them.
///
/// # Errors
/// As of any call of an SDK client.
pub async fn describe_subnets(
    sdk: &SdkConfig,
    ids: &[String],
    mark: Option<String>,
) -> Result<Subnets, SdkError<Refused, HttpResponse>> {
    let ids = ids.to_vec();
    operation(sdk)
        .serializer(|asked: Asked| Ok(request(&asked)?))
        .deserializer(answer)
        .build()
        .invoke(Asked { ids, mark })
        .await
}

/// What the SDK's generated clients put together for a service: where it is, who signs, how often it is tried.
fn operation(sdk: &SdkConfig) -> OperationBuilder {
    let region = sdk.region().map(ToString::to_string).unwrap_or_default();
    let mut components = RuntimeComponentsBuilder::new("ec2");
    components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
        StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
    )));
    components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
    components.set_identity_cache(sdk.identity_cache());
    if let Some(keys) = sdk.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, keys);
    }
    components.set_http_client(sdk.http_client());
    components.set_time_source(sdk.time_source());
    components.set_sleep_impl(sdk.sleep_impl());
    let mut layer = Layer::new("ec2");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: sdk.region().cloned().map(SigningRegion::from),
        region_set: None,
        name: Some(SigningName::from_static("ec2")),
        signing_options: SigningOptions::default(),
    });
    let signed = StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components);
    let mut operation = Operation::builder()
        .service_name("ec2")
        .operation_name("DescribeSubnets")
        .endpoint_url(&endpoint(sdk, &region))
        .retry_classifier(TransientErrorClassifier::<Refused>::new())
        .retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(SignedAnew)
        .runtime_plugin(signed);
    if let Some(retries) = sdk.retry_config() {
        operation = operation.standard_retry(retries);
    }
    match sdk.timeout_config() {
        Some(limits) => operation.timeout_config(limits.clone()),
        None => operation,
    }
}

/// The endpoint the configuration names, else EC2's in the region (AWS General Reference, Amazon EC2
/// endpoints and quotas).
fn endpoint(sdk: &SdkConfig, region: &str) -> String {
    let named = ServiceConfigKey::builder()
        .service_id("ec2")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = sdk.service_config().zip(named.ok());
    let own = own.and_then(|(set, key)| set.load_config(key));
    if let Some(url) = own.or_else(|| sdk.endpoint_url().map(ToOwned::to_owned)) {
        return url;
    }
    let host = match sdk.use_fips() {
        Some(true) if !region.starts_with("us-gov-") => "ec2-fips",
        _ => "ec2",
    };
    let suffix = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    format!("https://{host}.{region}.{suffix}/")
}

fn request(asked: &Asked) -> Result<HttpRequest, http::Error> {
    let mut form: Vec<(String, &str)> = vec![
        ("Action".to_owned(), "DescribeSubnets"),
        ("Version".to_owned(), VERSION),
        ("MaxResults".to_owned(), PAGE),
        ("Filter.1.Name".to_owned(), "subnet-id"),
    ];
    for (at, id) in asked.ids.iter().enumerate() {
        form.push((format!("Filter.1.Value.{}", at + 1), id));
    }
    if let Some(mark) = &asked.mark {
        form.push(("NextToken".to_owned(), mark));
    }
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = http::Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", body.len())
        .body(SdkBody::from(body))?;
    Ok(HttpRequest::try_from(request).unwrap_or_else(|_| HttpRequest::new(SdkBody::empty())))
}

fn answer(response: &HttpResponse) -> Result<Subnets, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return subnets(body).map_err(OrchestratorError::other);
    }
    // What is not EC2's XML has no code: it is told by its status, as of every other service.
    Err(OrchestratorError::operation(Refused(
        refusal(body).unwrap_or_default(),
    )))
}

/// `<DescribeSubnetsResponse><subnetSet><item>…`.
fn subnets(body: &[u8]) -> Result<Subnets, XmlDecodeError> {
    // The decoder takes the end of the text for the end of every element.
    if !body
        .trim_ascii_end()
        .ends_with(b"</DescribeSubnetsResponse>")
    {
        return Err(XmlDecodeError::custom("not a DescribeSubnetsResponse"));
    }
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    let mut found = Subnets::default();
    while let Some(mut part) = root.next_tag() {
        match part.start_el().local() {
            "subnetSet" => {
                while let Some(mut item) = part.next_tag() {
                    found.subnets.extend(subnet(&mut item)?);
                }
            }
            "nextToken" => {
                let mark = try_data(&mut part)?;
                found.next_token = (!mark.is_empty()).then(|| mark.into_owned());
            }
            _ => {}
        }
    }
    Ok(found)
}

/// `None` for one without an id or a number of addresses.
fn subnet(item: &mut ScopedDecoder<'_, '_>) -> Result<Option<Subnet>, XmlDecodeError> {
    let (mut id, mut free) = (None, None);
    let (mut zone, mut zone_id) = (None, None);
    while let Some(mut part) = item.next_tag() {
        match part.start_el().local() {
            "subnetId" => id = Some(try_data(&mut part)?.into_owned()),
            "availableIpAddressCount" => free = try_data(&mut part)?.parse().ok(),
            "availabilityZone" => zone = Some(try_data(&mut part)?.into_owned()),
            "availabilityZoneId" => zone_id = Some(try_data(&mut part)?.into_owned()),
            _ => {}
        }
    }
    let told = id.filter(|id| !id.is_empty()).zip(free);
    Ok(told.map(|(id, available_addresses)| Subnet {
        id,
        available_addresses,
        zone,
        zone_id,
    }))
}

/// `<Response><Errors><Error><Code>…<Message>…` (EC2 API reference, API error responses).
fn refusal(body: &[u8]) -> Result<ErrorMetadata, XmlDecodeError> {
    let mut document = Document::try_from(body)?;
    let mut told = ErrorMetadata::builder();
    while let Some(start) = document.next_start_element() {
        // To scope to an element is to go past it.
        match start.local() {
            "Code" => told = told.code(try_data(&mut document.scoped_to(start))?),
            "Message" => told = told.message(try_data(&mut document.scoped_to(start))?),
            _ => {}
        }
    }
    Ok(told.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_and_what_lacks_a_number_is_left_out() {
        let body = br#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><subnetSet>
<item><subnetId>subnet-1</subnetId><tagSet><item><key>k</key><value>v</value></item></tagSet><availabilityZone>us-east-1b</availabilityZone><availabilityZoneId>use1-az2</availabilityZoneId><availableIpAddressCount>251</availableIpAddressCount></item>
<item><subnetId>subnet-2</subnetId></item></subnetSet><nextToken>t</nextToken></DescribeSubnetsResponse>"#;
        let page = subnets(body).expect("reads");
        assert_eq!(page.next_token.as_deref(), Some("t"));
        let one = Subnet {
            id: "subnet-1".to_owned(),
            available_addresses: 251,
            zone: Some("us-east-1b".to_owned()),
            zone_id: Some("use1-az2".to_owned()),
        };
        assert_eq!(page.subnets, [one]);
        assert!(subnets(b"<html><body>hello</body></html>").is_err());
    }

    #[test]
    fn a_refusal_has_its_code() {
        let body = b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>";
        let told = refusal(body).expect("reads");
        assert_eq!(
            (told.code(), told.message()),
            (Some("UnauthorizedOperation"), Some("no"))
        );
    }
}
