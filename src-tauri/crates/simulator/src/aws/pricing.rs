//! AWS Price List: the on-demand prices of Aurora's instances. Service model `pricing` 2017-10-15.
//!
//! Prices: made up near what Aurora costs in `us-east-1`, per virtual core, with a surcharge for I/O-Optimized storage
//! and for dearer regions; nobody is to calculate with them. The shape of an item:
//! Billing User Guide, "Reading the service price list file for an AWS service".

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::render::Answer;
use super::request::{Call, int};
use crate::world::database::{DbClass, Engine};
use crate::world::geography::PLACES;

/// Where the API answers (Billing User Guide, "Using the AWS Price List Query API").
const SERVED: &[&str] = &["us-east-1", "eu-central-1", "ap-south-1"];
const FORMAT: &str = "aws_v1";
/// USD an hour for a virtual core in us-east-1, by family.
const CORE: &[(&str, f64)] = &[
    ("t3", 0.041),
    ("t4g", 0.0365),
    ("r5", 0.145),
    ("r6g", 0.12975),
    ("r6i", 0.145),
    ("r7g", 0.13825),
    ("r7i", 0.1525),
    ("r8g", 0.138),
];
const SIZES: &[&str] = &[
    "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
    "24xlarge",
];
/// Of the price with Standard storage.
const IO_OPTIMIZED: f64 = 1.3;

pub(super) fn handle(call: &Call) -> Result<Answer, AwsError> {
    if !SERVED.contains(&call.region.as_str()) {
        return Err(AwsError::new(
            "InvalidSignatureException",
            format!(
                "Credential should be scoped to a valid region, not '{}'.",
                call.region
            ),
        ));
    }
    match call.operation.as_str() {
        "GetProducts" => get_products(call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn invalid(why: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", why)
}

fn get_products(call: &Call) -> Result<Answer, AwsError> {
    if call.text("ServiceCode") != Some("AmazonRDS") {
        return Err(invalid("The service code is invalid."));
    }
    if call.text("FormatVersion").is_some_and(|v| v != FORMAT) {
        return Err(invalid("The format version is invalid."));
    }
    let size = call.input.get("MaxResults").map_or(Some(100), int);
    let size = size.filter(|n| (1..=100).contains(n));
    let size = size.ok_or_else(|| invalid("MaxResults must be between 1 and 100."))?;
    let filters = call.list("Filters").iter().map(filter);
    let filters: Vec<Filter<'_>> = filters.collect::<Result<_, _>>()?;
    let mut products = products();
    products.retain(|product| filters.iter().all(|filter| filter.lets(product)));
    let wrong = || AwsError::new("InvalidNextTokenException", "The NextToken is invalid.");
    let list = format!("products {:?}", call.list("Filters"));
    let page = page(&list, products, call.text("NextToken"), size as usize).ok_or_else(wrong)?;
    let items: Vec<String> = page.items.iter().map(|p| item(p).to_string()).collect();
    Ok(json!({"FormatVersion": FORMAT, "PriceList": items, "NextToken": page.next}).into())
}

/// A constraint (API reference, Filter).
struct Filter<'a> {
    kind: &'a str,
    field: &'a str,
    value: &'a str,
}

fn filter(given: &Value) -> Result<Filter<'_>, AwsError> {
    let text = |name: &str| {
        let text = given[name].as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| invalid(format!("A filter has no {name}.")))
    };
    let (kind, field, value) = (text("Type")?, text("Field")?, text("Value")?);
    match kind {
        "TERM_MATCH" | "EQUALS" | "CONTAINS" | "ANY_OF" | "NONE_OF" => {
            Ok(Filter { kind, field, value })
        }
        _ => Err(invalid(format!("The filter type {kind} is invalid."))),
    }
}

impl Filter<'_> {
    fn lets(&self, product: &Product) -> bool {
        let attributes = product.attributes();
        let Some(is) = attributes[self.field].as_str() else {
            return false;
        };
        let mut values = self.value.split(',');
        match self.kind {
            "CONTAINS" => is.contains(self.value),
            "ANY_OF" => values.any(|value| value == is),
            "NONE_OF" => values.all(|value| value != is),
            _ => is.eq_ignore_ascii_case(self.value),
        }
    }
}

/// One thing that is sold.
struct Product {
    region: &'static str,
    engine: Engine,
    class: DbClass,
    io_optimized: bool,
}

fn products() -> Vec<Product> {
    let names = CORE
        .iter()
        .flat_map(|(family, _)| SIZES.iter().map(move |size| format!("db.{family}.{size}")));
    let classes: Vec<DbClass> = names.filter_map(|name| DbClass::parse(&name)).collect();
    let mut all = Vec::new();
    for place in PLACES {
        for class in &classes {
            for engine in [Engine::MySql, Engine::Postgres] {
                all.extend([false, true].map(|io_optimized| Product {
                    region: place.name,
                    engine,
                    class: class.clone(),
                    io_optimized,
                }));
            }
        }
    }
    all
}

impl Product {
    fn family(&self) -> &str {
        self.class.name().split('.').nth(1).unwrap_or_default()
    }

    fn usd(&self) -> f64 {
        let core = CORE.iter().find(|(family, _)| *family == self.family());
        let place = match self.region {
            "us-east-1" | "us-west-2" => 1.0,
            "eu-west-1" => 1.11,
            _ => 1.2,
        };
        let storage = if self.io_optimized { IO_OPTIMIZED } else { 1.0 };
        let usd = core.map_or(0.0, |(_, usd)| usd * self.class.vcpus * place * storage);
        (usd * 1000.0).round() / 1000.0
    }

    /// The prefix of usage types in the region and its name in the list.
    fn place(&self) -> (&'static str, &'static str) {
        match self.region {
            "us-east-1" => ("", "US East (N. Virginia)"),
            "us-west-2" => ("USW2-", "US West (Oregon)"),
            "eu-west-1" => ("EU-", "EU (Ireland)"),
            "eu-central-1" => ("EUC1-", "EU (Frankfurt)"),
            "ap-southeast-1" => ("APS1-", "Asia Pacific (Singapore)"),
            _ => ("APN1-", "Asia Pacific (Tokyo)"),
        }
    }

    /// Usage types shorten the sizes.
    fn usage(&self) -> String {
        let storage = if self.io_optimized { "IOOptimized" } else { "" };
        let class = self.class.name().replace("xlarge", "xl");
        format!("{}InstanceUsage{storage}:{class}", self.place().0)
    }

    fn engine(&self) -> (&'static str, &'static str) {
        match self.engine {
            Engine::MySql => ("Aurora MySQL", "16"),
            Engine::Postgres => ("Aurora PostgreSQL", "21"),
        }
    }

    fn attributes(&self) -> Value {
        let (engine, code) = self.engine();
        json!({
            "servicecode": "AmazonRDS", "servicename": "Amazon Relational Database Service",
            "instanceType": self.class.name(),
            "vcpu": self.class.vcpus.to_string(), "memory": format!("{} GiB", self.class.memory),
            "storage": if self.io_optimized { "Aurora IO Optimization Mode" } else { "EBS Only" },
            "databaseEngine": engine, "engineCode": code, "deploymentOption": "Single-AZ",
            "licenseModel": "No license required", "location": self.place().1, "locationType": "AWS Region",
            "regionCode": self.region, "usagetype": self.usage(), "operation": format!("CreateDBInstance:00{code}"),
        })
    }

    /// Sixteen letters that are always the same for the same product.
    fn sku(&self) -> String {
        let seed = format!("{}{}", self.usage(), self.engine().1);
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let letters = (0..16_u64).map(|turn| {
            for byte in seed.bytes() {
                hash = (hash ^ (u64::from(byte) + turn)).wrapping_mul(0x0100_0000_01b3);
            }
            char::from(b'A' + (hash >> 32) as u8 % 26)
        });
        letters.collect()
    }
}

fn item(product: &Product) -> Value {
    let (sku, usd) = (product.sku(), product.usd());
    let (term, rate) = (format!("{sku}.JRTCKXETXF"), "6YS6EN2CT7");
    let description = format!(
        "$ {usd} per RDS {} Single-AZ instance hour (or partial hour) running {}",
        product.class.name(),
        product.engine().0
    );
    let dimension = json!({
        "rateCode": format!("{term}.{rate}"), "description": description, "unit": "Hrs",
        "beginRange": "0", "endRange": "Inf", "appliesTo": [], "pricePerUnit": {"USD": format!("{usd:.10}")},
    });
    let on_demand = json!({
        "sku": sku, "offerTermCode": "JRTCKXETXF", "effectiveDate": "2025-11-01T00:00:00Z", "termAttributes": {},
        "priceDimensions": {format!("{term}.{rate}"): dimension},
    });
    json!({
        "product": {"productFamily": "Database Instance", "sku": sku, "attributes": product.attributes()},
        "serviceCode": "AmazonRDS", "terms": {"OnDemand": {term: on_demand}},
        "version": "20251125000000", "publicationDate": "2025-11-25T00:00:00Z",
    })
}
