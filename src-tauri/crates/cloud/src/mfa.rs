//! Roles that take a code of a device (`mfa_serial` of the AWS config,
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html#cli-configure-role-mfa>). The SDK knows no
//! `mfa_serial`: it would assume the role without a code. So somebody gives a code, STS gives a session for it, the
//! session is kept where the AWS CLI keeps it, and that is what is handed to the SDK until it ends. Nothing is asked of
//! AWS with the keys the role is assumed with before that.

mod cache;
mod flow;
mod given;
mod role;
#[cfg(test)]
mod tests;

pub(crate) use cache::{session, session_file};
pub(crate) use flow::begin;
pub use flow::{Asked, Code, NoCode};
pub(crate) use given::{Given, climbed};
pub(crate) use role::{Role, Step};
