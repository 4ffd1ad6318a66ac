//! Whom Aurora would promote if nobody were named.
//!
//! The lowest promotion tier decides, then the largest size, then an arbitrary one of those (Aurora User
//! Guide, "Fault tolerance for an Aurora DB cluster").

use crate::database::{Database, is_available, size};
use crate::words::list;
use model::{Fact, Node};

/// The instance, and why in a clause; `None` without an available reader. Where the last step is
/// arbitrary, the first by name, and the clause says so.
pub(super) fn heir<'a>(database: &Database<'a>) -> Option<(&'a Node, String)> {
    let mut left: Vec<&Node> = database
        .readers
        .iter()
        .copied()
        .filter(|r| is_available(r))
        .collect();
    if let [only] = left.as_slice() {
        return Some((only, "it is the only available reader".to_owned()));
    }
    let tier = |node: &&Node| node.facts.count(Fact::PromotionTier).unwrap_or(15);
    let lowest = left.iter().map(tier).min()?;
    left.retain(|node| tier(node) == lowest);
    if let [only] = left.as_slice() {
        return Some((only, format!("its promotion tier {lowest} is the lowest")));
    }
    let memory = |node: &&Node| size(node).1.unwrap_or(0.0);
    let largest = left.iter().map(memory).fold(0.0, f64::max);
    left.retain(|node| memory(node) >= largest);
    let first = *left.first()?;
    if left.len() == 1 {
        let why = format!("of promotion tier {lowest} it is the largest");
        return Some((first, why));
    }
    let names: Vec<&str> = left.iter().map(|node| node.name.as_str()).collect();
    let why = format!(
        "{} are of the same tier {lowest} and size, and AWS takes any of them",
        list(&names)
    );
    Some((first, why))
}
