//! Why a command could not do its work: a sentence on stderr.

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A sentence.
    pub(crate) sentence: String,
    /// The exit code, where the command has one of its own for this.
    pub(crate) code: Option<u8>,
}

impl Failure {
    /// With the command's ordinary failure code.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            code: None,
        }
    }

    /// With a code of its own.
    pub(crate) fn with_code(sentence: impl Into<String>, code: u8) -> Self {
        Self {
            sentence: sentence.into(),
            code: Some(code),
        }
    }
}
