//! What can be done, by the words of the command line and of the stack file.

use serde::{Deserialize, Serialize};

macro_rules! verbs {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What an action does; the same verb for every kind of node it fits.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Verb { $($(#[$doc])* $variant,)* }

        impl Verb {
            /// Every verb.
            pub const ALL: &'static [Verb] = &[$(Verb::$variant,)*];

            /// The word of the command line, e.g. `redrive`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Verb::$variant => $text,)* }
            }
        }
    };
}

verbs! {
    /// Native redrive of a dead-letter queue (`StartMessageMoveTask`).
    Redrive = "redrive",
    /// Redrive of selected messages of a dead-letter queue, as they are or edited.
    RedriveSelected = "redrive-selected",
    /// Delete every message of a queue.
    Purge = "purge",
    /// How many of something there are: nodes of a nodegroup, replicas of a workload.
    Scale = "scale",
    /// Hold something for a time.
    Pause = "pause",
    /// Let what was held go on.
    Resume = "resume",
    /// How many of something run at once.
    Concurrency = "concurrency",
    /// A reader of a database becomes its writer (`FailoverDBCluster`).
    Failover = "failover",
    /// One more reader of a database (`CreateDBInstance`).
    AddReader = "add-reader",
    /// One reader of a database fewer (`DeleteDBInstance`).
    RemoveReader = "remove-reader",
    /// A rolling restart of a deployment.
    Restart = "restart",
    /// The fewest and most replicas an autoscaler may set.
    Bounds = "bounds",
    /// Back to an older revision of a deployment.
    Undo = "undo",
}

impl Verb {
    /// The verb of a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verb| verb.as_str() == text)
    }
}
