//! The road of an action against an SQS double: every fault at every call, a crash at every point.

mod crash;
mod double;
mod faults;
mod press;
mod road;
mod stage;
