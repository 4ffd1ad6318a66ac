//! What the window is told when a command fails: a sentence, a code to branch on, a next step.

use serde::Serialize;

/// Why a command did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
pub enum IpcCode {
    /// The platform could not be opened (stack file, credentials file, simulator).
    NotOpen,
    /// A guard, the gate or the operator's phrase refused.
    Refused,
}

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct IpcError {
    /// To branch on.
    pub code: IpcCode,
    /// A sentence for people.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hint: Option<String>,
    /// Whether asking again may help.
    pub retryable: bool,
}

impl IpcError {
    /// A failure that asking again does not mend.
    pub(crate) fn new(code: IpcCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            retryable: false,
        }
    }

    /// The same with a next step.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<engine::Refusal> for IpcError {
    fn from(refusal: engine::Refusal) -> Self {
        Self::new(IpcCode::Refused, refusal.to_string())
    }
}

impl From<act::PlanError> for IpcError {
    fn from(error: act::PlanError) -> Self {
        Self::new(IpcCode::Refused, error.to_string())
    }
}

impl From<engine::LookError> for IpcError {
    fn from(error: engine::LookError) -> Self {
        Self::new(IpcCode::Refused, error.to_string())
    }
}
