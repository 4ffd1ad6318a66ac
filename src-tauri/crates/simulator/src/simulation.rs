//! A running simulation: the servers, the clock and the files.

use std::path::PathBuf;

/// Why a simulation could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The scenario is not one of [`crate::scenario::NAMES`].
    #[error("there is no scenario named {0}")]
    UnknownScenario(String),
    /// A file or a socket failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// A simulation that is being served.
pub struct Simulation {
    /// Base URL of the AWS APIs, without a trailing slash.
    pub aws_url: String,
    /// Base URL of each cluster's Kubernetes API.
    pub kubernetes: Vec<String>,
    /// Where the files are.
    pub dir: PathBuf,
}
