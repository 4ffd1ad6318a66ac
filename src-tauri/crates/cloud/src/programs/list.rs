//! What the files of a stack name, whether it waits or not: for somebody who looks before starting.

use super::{Named, Programs};
use crate::kubernetes::programs_of;
use crate::profile;
use crate::stack::{Entrance, Stack};

impl Programs {
    /// Looks at every program that the stack's files name: those that were not approved wait from
    /// then on. Gives a sentence for each that cannot be looked at. Nothing is run or sent.
    pub async fn look(&self, stack: &Stack) -> Vec<String> {
        let contexts = stack
            .clusters
            .iter()
            .filter_map(|cluster| match &cluster.entrance {
                Entrance::Context(context) => Some(context.as_str()),
                Entrance::Eks(_) => None,
            });
        let contexts: Vec<&str> = contexts.collect();
        let kubeconfig = stack.files.kubeconfig.as_deref();
        let mut told = Vec::new();
        let mut all = match programs_of(kubeconfig, Some(&contexts)) {
            Ok(all) => all,
            Err(sentence) => {
                told.push(sentence);
                Vec::new()
            }
        };
        for account in &stack.accounts {
            let profile = account.profile.as_deref();
            match profile::program_of(profile, &stack.files).await {
                Ok(named) => all.extend(named),
                Err(stop) => told.push(stop.failure().sentence),
            }
        }
        told.extend(self.look_at(all).await);
        told
    }

    /// The same of every context of the usual kubeconfig, without a stack.
    pub async fn look_at_kubeconfig(&self) -> Vec<String> {
        match programs_of(None, None) {
            Ok(all) => self.look_at(all).await,
            Err(sentence) => vec![sentence],
        }
    }

    async fn look_at(&self, all: Vec<Named>) -> Vec<String> {
        let mut told = Vec::new();
        for named in all {
            if let Err(stop) = self.check(&named).await
                && !self.waits_for(&named)
            {
                let failure = stop.failure();
                told.push(format!("{} {}", failure.sentence, failure.next_step));
            }
        }
        told
    }

    fn waits_for(&self, named: &Named) -> bool {
        self.held().contains_key(&super::key(named))
    }
}
