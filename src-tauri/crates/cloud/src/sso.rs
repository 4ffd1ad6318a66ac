//! Signing in with IAM Identity Center by the device flow: somebody confirms a code in a browser, here or elsewhere, and
//! the token that follows is kept where the AWS CLI and every SDK look for it
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/understanding-sso.html>), so that whoever signed in with one is
//! signed in with all.
//!
//! [`begin`] asks for a code; [`Pending::signed_in`] waits for the answer. Dropping either of them ends it, and nothing
//! is half written.

mod cache;
mod failure;
mod flow;
mod portal;
#[cfg(test)]
mod tests;

pub(crate) use cache::{token, token_file};
pub(crate) use failure::why;
pub(crate) use flow::begin;
pub use flow::{Code, Pending};
pub(crate) use portal::Portal;
