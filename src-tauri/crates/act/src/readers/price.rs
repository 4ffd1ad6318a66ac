//! What a reader costs by the hour, by the on-demand list price. It is told, never judged: no price keeps anybody from
//! anything, and none that was not read does.

use crate::database::Database;
use crate::finding::{Answer, Words, finding, not_checked};
use crate::origin::{Origin, silence};
use crate::plan::{Finding, Severity};
use crate::words::thousands;
use model::{Fact, Kind, Node, Service, Snapshot, SourceId, SourceStatus, State};

/// Hours of a month: the twelfth part of a year.
const MONTH: f64 = 730.0;

/// Of one more reader of this class.
pub(super) fn of_one_more(database: &Database<'_>, class: &str) -> Finding {
    match told(database, class) {
        Ok((origin, usd)) => listed(
            "add-reader.price",
            origin,
            usd,
            format!("{class} costs {}, until it is removed.", sum(usd)),
        ),
        Err(why) => not_checked(
            "add-reader.price",
            &format!("the price of {class} ({why})"),
            "It costs by the hour until it is removed.",
        ),
    }
}

/// Of the reader that goes; nothing is said where its price is not known.
pub(super) fn of_one_fewer(database: &Database<'_>, reader: &Node) -> Option<Finding> {
    let class = reader.facts.text(Fact::InstanceClass)?;
    let (origin, usd) = told(database, class).ok()?;
    let saved = format!("Without {} ({class}) it is {} less.", reader.name, sum(usd));
    Some(listed("remove-reader.price", origin, usd, saved))
}

/// Whether a source tells prices: they do not change while somebody plans or a run goes on, so nothing is asked again.
pub(super) fn tells(snapshot: &Snapshot, id: &SourceId) -> bool {
    sources(snapshot).any(|status| status.source.id == *id)
}

fn sources(snapshot: &Snapshot) -> impl Iterator<Item = &SourceStatus> {
    let all = snapshot.sources.iter();
    all.filter(|status| status.source.service == Service::Pricing)
}

fn listed(id: &'static str, origin: Origin, usd: f64, sentence: String) -> Finding {
    finding(
        id,
        Severity::Info,
        Answer::of(origin, Some(true), format!("{} USD/h", hourly(usd))),
        Words {
            pass: sentence,
            fail: String::new(),
            unknown: String::new(),
            threshold: "told only: the list price, without discounts",
            next: "",
        },
    )
}

/// `0.58 USD/h (on demand), 423 USD per month`.
fn sum(usd: f64) -> String {
    let month = thousands((usd * MONTH).round() as i64);
    format!("{} USD/h (on demand), {month} USD per month", hourly(usd))
}

/// With two decimals at least and four at most.
fn hourly(usd: f64) -> String {
    let text = format!("{usd:.4}");
    let short = text.strip_suffix('0').unwrap_or(&text);
    short.strip_suffix('0').unwrap_or(short).to_owned()
}

/// The price of a class beside the cluster, as it was read of any instance that is charged alike; else why not.
fn told(database: &Database<'_>, class: &str) -> Result<(Origin, f64), String> {
    let (snapshot, cluster) = (database.snapshot, database.cluster);
    let alike = |node: &&Node| {
        let text = |fact| node.facts.text(fact);
        node.kind == Kind::DbInstance
            && node.scope.account == cluster.scope.account
            && node.scope.region == cluster.scope.region
            && text(Fact::InstanceClass) == Some(class)
            && text(Fact::Engine) == cluster.facts.text(Fact::Engine)
            && text(Fact::StorageType) == cluster.facts.text(Fact::StorageType)
    };
    let nodes = snapshot.nodes.iter().map(AsRef::as_ref).filter(alike);
    let mut priced = nodes.filter_map(|node| Some((node, node.facts.number(Fact::HourlyUsd)?)));
    let Some((node, usd)) = priced.next() else {
        return Err(unread(snapshot, cluster, class));
    };
    let origin = Origin::of(snapshot, node, Fact::HourlyUsd);
    match (origin.believed, &origin.silence) {
        (true, _) => Ok((origin, usd)),
        (false, Some(why)) => Err(why.clone()),
        (false, None) => Err("it was not read".to_owned()),
    }
}

fn unread(snapshot: &Snapshot, cluster: &Node, class: &str) -> String {
    let region = cluster.scope.region.as_deref().unwrap_or("");
    if class == "db.serverless" {
        return "it is charged by the capacity it uses".to_owned();
    }
    if region.starts_with("us-gov-") || region.starts_with("cn-") {
        return format!("prices of {region} are not read here");
    }
    let mut own = sources(snapshot).filter(|s| s.source.scope.account == cluster.scope.account);
    match own.next() {
        None => "nobody reads prices".to_owned(),
        Some(status) if status.state != State::Ok || status.error.is_some() => silence(status),
        Some(_) => "prices are read once a day, of the classes in use".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{hourly, sum};

    #[test]
    fn a_price_has_as_many_decimals_as_it_needs() {
        let rows = [
            (0.58, "0.58"),
            (1.152, "1.152"),
            (0.0725, "0.0725"),
            (2.0, "2.00"),
            (0.2, "0.20"),
        ];
        for (usd, text) in rows {
            assert_eq!(hourly(usd), text);
        }
        assert_eq!(sum(9.19), "9.19 USD/h (on demand), 6,709 USD per month");
    }
}
