//! cloud

pub mod kubernetes;
