//! Who asks: a user with keys that do not end, or the session of a role.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>

use crate::world::SIMULATED_ACCOUNT;

/// The only user there is.
const USER: &str = "on-call";

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Whoever looks at the platform has it.
    Operations,
    /// For acting: its sessions are narrowed to a call.
    Act,
}

impl Role {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Operations, Self::Act];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Act => "quarterdeck-act",
        }
    }

    /// Its unique id.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Operations => "AROAQUARTERDECKSIM01",
            Self::Act => "AROAQUARTERDECKSIM02",
        }
    }

    /// Its ARN.
    pub(crate) fn arn(self) -> String {
        format!("arn:aws:iam::{SIMULATED_ACCOUNT}:role/{}", self.name())
    }

    /// The role of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The role of an ARN.
    pub(crate) fn at(arn: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.arn() == arn)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// The user.
    User,
    /// The session of a role.
    Session {
        /// Which role.
        role: Role,
        /// Its `RoleSessionName`.
        name: String,
    },
}

impl Principal {
    /// Whoever looks at the platform.
    pub(crate) fn operations() -> Self {
        Self::Session {
            role: Role::Operations,
            name: USER.to_owned(),
        }
    }

    /// As STS names it.
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::User => format!("arn:aws:iam::{SIMULATED_ACCOUNT}:user/{USER}"),
            Self::Session { role, name } => {
                let role = role.name();
                format!("arn:aws:sts::{SIMULATED_ACCOUNT}:assumed-role/{role}/{name}")
            }
        }
    }

    /// Its unique id.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::User => "AIDAQUARTERDECKSIM01".to_owned(),
            Self::Session { role, name } => format!("{}:{name}", role.id()),
        }
    }
}
