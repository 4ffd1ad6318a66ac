//! Who keeps an event source mapping: the CloudFormation stack its tags name. A source of its own, for it needs a
//! permission of its own, one call for each mapping, and changes by the day.

use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use cloud::Session;
use model::{Fact, Facts, Found, FoundNode, Kind, NONE, Service, SourceFailure};
use std::time::Duration;

/// The tag CloudFormation puts on what a stack makes, where the type of resource takes such tags
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-resource-tags.html>).
const STACK: &str = "aws:cloudformation:stack-name";

/// Mappings asked about in one reading: beyond, the few calls a second that Lambda takes (Lambda quotas, API requests)
/// would be kept from everybody else for longer than ten seconds, and who keeps them stays unsaid.
const MOST: usize = 150;

/// The stack of every mapping.
pub struct Tags;

#[async_trait]
impl Collector for Tags {
    fn service(&self) -> Service {
        Service::Lambda
    }

    fn part(&self) -> &'static str {
        "tags"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// No action changes a tag.
    fn floor(&self) -> Duration {
        self.period()
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Lambda]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Lambda);
        let mappings = known.here(session, Kind::Mapping);
        let named = mappings.filter_map(|mapping| Some((mapping, mapping.facts.text(Fact::Arn)?)));
        let asked: Vec<(&FoundNode, &str)> = named.take(MOST).collect();
        let read = each(asked, |(mapping, arn)| stack(&round, mapping, arn)).await;
        let outcome = round.most(read);
        round.end(outcome)
    }
}

/// ListTags (<https://docs.aws.amazon.com/lambda/latest/api/API_ListTags.html>). `None` when the mapping was deleted
/// since it was listed.
async fn stack(
    round: &Round<'_>,
    mapping: &FoundNode,
    arn: &str,
) -> Result<Option<Found>, SourceFailure> {
    let call = round.session.lambda().list_tags().resource(arn);
    let answer = match round.ask("ListTags", &mapping.name, call.send()).await {
        Err(failure) if failure.code.as_deref() == Some("ResourceNotFoundException") => {
            return Ok(None);
        }
        answer => answer?,
    };
    let tags = answer.tags.unwrap_or_default();
    let mut facts = Facts::default();
    let named = tags.get(STACK).map_or(NONE, String::as_str);
    facts.set(Fact::OwnerStack, named);
    Ok(Some(Found::Readings(round.readings(&mapping.id, facts))))
}
