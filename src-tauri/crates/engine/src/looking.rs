//! Looking into queues: peek and export. Reads that leave a trace, which they say, and no writes: they
//! need no arming.

use crate::{Engine, errand};
use act::selected::edit::Edit;
use act::selected::export::{ExportFailure, Exported, export, signatures};
use act::selected::filter::Misread;
use act::selected::peek::{Peek, peek};
use act::shelf::{self, KeptExport, KeptPeek};
use cloud::Session;
use model::{Kind, Node, NodeId, SourceFailure};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why nothing was looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The node is not in the picture.
    #[error("Nothing here has the id {0}.")]
    NoSuchNode(NodeId),
    /// Only queues hold messages.
    #[error("{0} is no queue: only queues can be looked into.")]
    NoQueue(String),
    /// No session reaches it.
    #[error("No session reaches {0}: its account is not open.")]
    NoSession(String),
    /// The edit cannot be read.
    #[error("The edit cannot be read {0}.")]
    Edit(#[from] Misread),
    /// SQS refused, or did not answer.
    #[error("{} {}", .0.sentence, .0.next_step)]
    Sqs(SourceFailure),
    /// There is no finished export.
    #[error(transparent)]
    Export(#[from] ExportFailure),
    /// What was found cannot be kept.
    #[error("It cannot be kept in the state folder: {0}.")]
    Shelf(#[from] std::io::Error),
}

impl Engine {
    fn folder(&self) -> PathBuf {
        self.state_dir().join(crate::runs::FOLDER)
    }

    fn queue(&self, id: &NodeId) -> Result<(Arc<Node>, Session), LookError> {
        let snapshot = self.snapshot();
        let node = snapshot
            .node(id)
            .ok_or_else(|| LookError::NoSuchNode(id.clone()))?;
        if node.kind != Kind::Queue {
            return Err(LookError::NoQueue(node.name.clone()));
        }
        let session = self.session_of(node);
        let session = session.ok_or_else(|| LookError::NoSession(node.name.clone()))?;
        // Receiving hides messages for a while: what may do that is the role that acts, where there is one.
        let session = match errand::of_look(&act::selected::peek::rights(node)) {
            Some(errand) => session.on(&errand),
            None => session,
        };
        Ok((node.clone(), session))
    }

    /// Looks at up to `sample` messages of a queue and lets them go; with `edit` (and whether the body
    /// may become of another shape), says what it would change. Kept for ten minutes as what an edit
    /// is checked against.
    ///
    /// # Errors
    /// [`LookError`], a sentence.
    pub async fn peek(
        &self,
        node: &NodeId,
        sample: u32,
        edit: Option<(&str, bool)>,
    ) -> Result<Peek, LookError> {
        let (queue, session) = self.queue(node)?;
        let edit = edit
            .map(|(text, free)| Edit::parse(text, free))
            .transpose()?;
        let found = peek(&session, &queue, sample, edit.as_ref())
            .await
            .map_err(LookError::Sqs)?;
        let kept = KeptPeek {
            at: found.peek.at,
            messages: found.messages,
        };
        shelf::keep_peek(&self.folder(), node.as_str(), &kept)?;
        let signatures = kept.signatures().into_keys();
        shelf::keep_signatures(&self.folder(), node.as_str(), signatures, kept.at)?;
        Ok(found.peek)
    }

    /// Writes every message of a queue that can be received into a file, and lets them go.
    ///
    /// # Errors
    /// [`LookError`], a sentence; a file that was begun stays and is taken up by the next export.
    pub async fn export(&self, node: &NodeId, to: &Path) -> Result<Exported, LookError> {
        let (queue, session) = self.queue(node)?;
        let done = export(&session, &queue, to).await?;
        let kept = KeptExport {
            path: done.path.clone(),
            at: done.at,
            messages: done.messages,
            complete: done.complete,
            bytes: done.bytes,
        };
        let file = done.path.clone();
        let held = tokio::task::spawn_blocking(move || signatures(&file)).await;
        // What cannot be looked through is a finished export all the same.
        if let Ok(Ok(held)) = held {
            shelf::keep_signatures(&self.folder(), node.as_str(), held, done.at)?;
        }
        shelf::keep_export(&self.folder(), node.as_str(), &kept)?;
        Ok(done)
    }
}
