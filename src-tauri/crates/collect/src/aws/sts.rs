//! STS: who we are. A source of its own, so that credentials that expire are seen as what they are.

use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use cloud::Session;
use model::Service;
use std::time::Duration;

/// GetCallerIdentity: finds nothing, fails when the credentials do.
pub struct Who;

#[async_trait]
impl Collector for Who {
    fn service(&self) -> Service {
        Service::Sts
    }

    fn part(&self) -> &'static str {
        "identity"
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Sts);
        let call = session.sts().get_caller_identity().send();
        let answer = round.ask("GetCallerIdentity", "", call).await;
        round.end(answer.map(|_| Vec::new()))
    }
}
