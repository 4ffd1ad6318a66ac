//! The AWS collectors: one file per service.

pub mod sqs;
pub mod sts;
mod text;
