//! STS: who we are. A source of its own, so that credentials that expire are seen as what they are.

use crate::{Collector, Known, Reach, Reading};
use async_trait::async_trait;
use cloud::Session;
use model::Service;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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
        let sent = Arc::new(AtomicU32::new(0));
        let answer = cloud::counting(Arc::clone(&sent), session.caller()).await;
        Reading {
            requests: sent.load(Ordering::Relaxed),
            skipped: 0,
            partial: None,
            outcome: answer.map(|_| Vec::new()),
        }
    }
}
