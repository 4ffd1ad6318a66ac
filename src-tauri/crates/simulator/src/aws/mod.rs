//! The AWS APIs over loopback.
