//! What an instance of a database costs by the hour, by the on-demand list price: GetProducts of the AWS Price List
//! (<https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html>).
//!
//! The API answers in `us-east-1`, `eu-central-1` and `ap-south-1` for every region of the partition
//! (<https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-pelong.html>): the global session looks into the
//! first. Discounts (reserved instances, private rates) are not in the list.

use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_pricing::types::{Filter, FilterType};
use cloud::{Session, failure};
use model::{Fact, Facts, FailureClass, Found, FoundNode, Kind, Service, SourceFailure, Standing};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The service whose products are instances of databases.
const SERVICE_CODE: &str = "AmazonRDS";
/// The partition whose prices are asked for: GovCloud has no such API, and its prices are in the list of this
/// partition, which its credentials do not reach; China's are not in USD.
const PARTITION: &str = "aws";

/// How long prices are waited for, and how much longer for each instance (the list takes five questions a
/// second): the first whole picture waits for every source, and for prices only so long.
const WITHIN: Duration = Duration::from_secs(8);
const EACH: Duration = Duration::from_millis(200);

/// Hourly prices, said of every Aurora instance of the account.
pub struct Instances;

#[async_trait]
impl Collector for Instances {
    fn service(&self) -> Service {
        Service::Pricing
    }

    fn part(&self) -> &'static str {
        "instances"
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    /// Twice a day, and once a day while nothing changes.
    fn period(&self) -> Duration {
        Duration::from_secs(12 * 60 * 60)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Rds]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Pricing);
        let instances: Vec<(&FoundNode, Product)> = match session.partition {
            PARTITION => sold(session, known).collect(),
            _ => Vec::new(),
        };
        let within = WITHIN + EACH * u32::try_from(instances.len()).unwrap_or(u32::MAX);
        let outcome = match tokio::time::timeout(within, prices(&round, &instances)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(silent(session, within)),
        };
        round.end(outcome)
    }
}

fn silent(session: &Session, within: Duration) -> SourceFailure {
    let happened = format!("got no answer in {} s", within.as_secs());
    let asked = session.asked(Service::Pricing, "GetProducts", "");
    failure::tell(FailureClass::TimedOut, &asked, &happened)
}

/// What is asked for: once, however many instances there are of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Product {
    region: String,
    engine: &'static str,
    class: String,
}

/// The instances of the account that are charged by the hour, with what they are in the list.
fn sold<'k>(
    session: &'k Session,
    known: &'k Known,
) -> impl Iterator<Item = (&'k FoundNode, Product)> {
    let nodes = known.nodes.iter().map(AsRef::as_ref);
    let own = nodes.filter(|node: &&FoundNode| {
        node.kind == Kind::DbInstance
            && node.standing == Standing::Read
            && node.scope.account.as_ref() == Some(&session.account)
    });
    own.filter_map(|node| Some((node, product(node)?)))
}

fn product(instance: &FoundNode) -> Option<Product> {
    let engine = match instance.facts.text(Fact::Engine)? {
        "aurora-mysql" | "aurora" => "Aurora MySQL",
        "aurora-postgresql" => "Aurora PostgreSQL",
        _ => return None,
    };
    let class = instance.facts.text(Fact::InstanceClass)?;
    // Charged by the capacity it uses, not by the instance (Aurora User Guide, "Aurora Serverless v2").
    (class != "db.serverless").then_some(())?;
    Some(Product {
        region: instance.scope.region.as_deref()?.to_owned(),
        engine,
        class: class.to_owned(),
    })
}

async fn prices(
    round: &Round<'_>,
    instances: &[(&FoundNode, Product)],
) -> Result<Vec<Found>, SourceFailure> {
    let products: BTreeSet<&Product> = instances.iter().map(|(_, product)| product).collect();
    let asked = each(products, |product| async move {
        let prices = listed(round, product).await?;
        Ok(Some((product, prices)))
    });
    let prices: BTreeMap<&Product, Prices> = round.most(asked.await)?.into_iter().collect();
    let said = instances.iter().filter_map(|(instance, product)| {
        let storage = instance.facts.text(Fact::StorageType)?;
        let mut facts = Facts::default();
        facts.set(Fact::HourlyUsd, prices.get(product)?.of(storage)?);
        Some(Found::Readings(round.readings(&instance.id, facts)))
    });
    Ok(said.collect())
}

async fn listed(round: &Round<'_>, product: &Product) -> Result<Prices, SourceFailure> {
    let filter = |field: &str, value: &str| {
        let filter = Filter::builder().r#type(FilterType::TermMatch);
        filter.field(field).value(value).build().ok()
    };
    // An Aurora cluster is as many products as it has instances, each in one zone.
    let filters: Vec<Filter> = [
        filter("regionCode", &product.region),
        filter("databaseEngine", product.engine),
        filter("instanceType", &product.class),
        filter("deploymentOption", "Single-AZ"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let thing = format!("{} in {}", product.class, product.region);
    let list = all_pages!(
        round,
        "GetProducts",
        |mark| {
            let call = || {
                let call = round.session.pricing().get_products();
                let call = call.service_code(SERVICE_CODE).set_next_token(mark.clone());
                call.set_filters(Some(filters.clone())).send()
            };
            round.ask_patiently("GetProducts", &thing, call).await?
        },
        page => (page.price_list.unwrap_or_default(), page.next_token)
    );
    let items = list
        .iter()
        .filter_map(|item| round.take(serde_json::from_str(item).ok()));
    Ok(Prices::of_list(items))
}

/// USD an hour, by how the cluster's storage is charged. Where the list has several, none is meant.
#[derive(Debug, Default, PartialEq)]
struct Prices {
    standard: Vec<f64>,
    io_optimized: Vec<f64>,
}

impl Prices {
    /// The usage types of instance hours end in `InstanceUsage:CLASS`, with I/O-Optimized storage in
    /// `InstanceUsageIOOptimized:CLASS`.
    fn of_list(items: impl Iterator<Item = Item>) -> Self {
        let mut prices = Self::default();
        for item in items {
            let usage = item.product.attributes.usagetype.as_str();
            let these = match () {
                () if usage.contains("InstanceUsageIOOptimized:") => &mut prices.io_optimized,
                () if usage.contains("InstanceUsage:") => &mut prices.standard,
                () => continue,
            };
            let terms = item.terms.on_demand.values();
            let dimensions = terms.flat_map(|term| term.price_dimensions.values());
            let hourly = dimensions.filter(|dimension| dimension.unit == "Hrs");
            let usd = hourly.filter_map(|dimension| dimension.price_per_unit.get("USD"));
            let usd = usd.filter_map(|text| text.parse::<f64>().ok());
            these.extend(usd.filter(|usd| usd.is_finite() && *usd > 0.0));
        }
        prices
    }

    /// The one price for a storage type, as RDS names it.
    fn of(&self, storage: &str) -> Option<f64> {
        let these = match storage {
            "aurora-iopt1" => &self.io_optimized,
            _ => &self.standard,
        };
        let first = *these.first()?;
        let same = |price: &f64| (price - first).abs() < f64::EPSILON;
        these.iter().all(same).then_some(first)
    }
}

/// One product of the list, as far as it is read
/// (<https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html>).
#[derive(Debug, Deserialize)]
struct Item {
    product: Described,
    terms: Terms,
}

#[derive(Debug, Deserialize)]
struct Described {
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
struct Attributes {
    usagetype: String,
}

#[derive(Debug, Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Term>,
}

#[derive(Debug, Deserialize)]
struct Term {
    #[serde(rename = "priceDimensions")]
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Debug, Deserialize)]
struct Dimension {
    unit: String,
    /// By currency.
    #[serde(rename = "pricePerUnit")]
    price_per_unit: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::{Item, Prices};

    fn item(usage: &str, unit: &str, currency: &str, price: &str) -> Item {
        serde_json::from_value(serde_json::json!({
            "product": {"sku": "S", "attributes": {"usagetype": usage}},
            "terms": {"OnDemand": {"S.T": {"priceDimensions": {"S.T.R": {"unit": unit, "pricePerUnit": {currency: price}}}}}},
        }))
        .expect("an item")
    }

    #[test]
    fn a_price_is_told_only_where_the_list_has_one_for_the_storage() {
        let prices = |items: Vec<Item>| Prices::of_list(items.into_iter());
        let both = prices(vec![
            item("EU-InstanceUsage:db.r6g.xl", "Hrs", "USD", "0.5750000000"),
            item(
                "EU-InstanceUsageIOOptimized:db.r6g.xl",
                "Hrs",
                "USD",
                "0.7480000000",
            ),
            item("EU-Multi-AZUsage:db.r6g.xl", "Hrs", "USD", "9.0"),
        ]);
        assert_eq!(both.of("aurora"), Some(0.575));
        assert_eq!(both.of("aurora-iopt1"), Some(0.748));
        let two = prices(vec![
            item("InstanceUsage:a", "Hrs", "USD", "1"),
            item("InstanceUsage:a", "Hrs", "USD", "2"),
        ]);
        assert_eq!((two.of("aurora"), two.of("aurora-iopt1")), (None, None));
        for other in [
            item("InstanceUsage:a", "Quantity", "USD", "1"),
            item("InstanceUsage:a", "Hrs", "CNY", "1"),
            item("InstanceUsage:a", "Hrs", "USD", "free"),
            item("InstanceUsage:a", "Hrs", "USD", "0.0000000000"),
        ] {
            assert_eq!(prices(vec![other]).of("aurora"), None);
        }
    }
}
