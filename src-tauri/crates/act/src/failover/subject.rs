//! What a failover is about, picked out of a snapshot.

use super::heir::heir;
use crate::action::PlanError;
use crate::database::{Database, User};
use model::strain::{Strain, strain};
use model::{Fact, Node, NodeId, Snapshot, Timestamp};
use std::collections::BTreeMap;

#[derive(Clone)]
pub(super) struct Subject<'a> {
    pub(super) database: Database<'a>,
    /// What was asked for, in words; empty: nobody was chosen.
    pub(super) asked: String,
    /// The reader that was asked for; `None` when nobody was chosen or it is no reader of the cluster.
    pub(super) target: Option<&'a Node>,
    /// Whom AWS would promote, and why.
    pub(super) heir: Option<(&'a Node, String)>,
    pub(super) users: Vec<User<'a>>,
    pub(super) balancers: Vec<&'a Node>,
    /// Load or host; `None` while the writer's CPU is not known.
    pub(super) strain: Option<Strain>,
    /// It takes an earlier failover back.
    pub(super) back: bool,
    /// When it was failed over from here last.
    pub(super) from_here: Option<Timestamp>,
}

impl<'a> Subject<'a> {
    /// # Errors
    /// For a setting it does not have, or a value that cannot be used.
    pub(super) fn new(
        snapshot: &'a Snapshot,
        cluster: &'a Node,
        settings: &BTreeMap<String, String>,
    ) -> Result<Self, PlanError> {
        let (mut asked, mut back) = (String::new(), false);
        for (name, value) in settings {
            match name.as_str() {
                "target" => value.trim().clone_into(&mut asked),
                "back" => back = is_back(value)?,
                _ => {
                    return Err(PlanError::NoSuchSetting {
                        verb: "failover",
                        name: name.clone(),
                        known: "target and back",
                    });
                }
            }
        }
        let database = Database::new(snapshot, cluster);
        let target = database.readers.iter().copied().find(|reader| {
            let arn = reader.facts.text(Fact::Arn);
            reader.name == asked || reader.id.as_str() == asked || arn == Some(asked.as_str())
        });
        let users = database.users();
        Ok(Self {
            heir: heir(&database),
            balancers: database.balancers(&users),
            strain: database.writer.and_then(|w| strain(w, &database.readers)),
            users,
            database,
            asked,
            target,
            back,
            from_here: None,
        })
    }

    pub(super) fn cluster(&self) -> &'a Node {
        self.database.cluster
    }

    /// The chosen reader's name, or what was asked for.
    pub(super) fn target_name(&self) -> &str {
        match self.target {
            Some(target) => &target.name,
            None => &self.asked,
        }
    }

    pub(super) fn targets(&self) -> Vec<NodeId> {
        let mut all = vec![self.cluster().id.clone()];
        all.extend(self.database.writer.map(|writer| writer.id.clone()));
        all.extend(self.target.map(|target| target.id.clone()));
        all
    }
}

/// Whether it is asked for as a fail back.
fn is_back(value: &str) -> Result<bool, PlanError> {
    match value.trim() {
        "yes" => Ok(true),
        "" | "no" => Ok(false),
        _ => Err(PlanError::BadSetting {
            name: "back",
            value: value.chars().take(200).collect(),
            why: "it is yes or no".to_owned(),
        }),
    }
}
