//! Who we are and how we ask: the stack file, one session per account and region, platform time,
//! request budgets, and failures as data.
//!
//! Everything that talks to AWS goes through a [`Session`]: its HTTP client counts requests and
//! reads platform time from every answer, its [`Budget`] keeps below the documented limits, and
//! [`Session::ask`] turns whatever goes wrong into a [`model::SourceFailure`] that names the call,
//! the thing and the place.

pub mod acting;
pub mod budget;
mod chain;
pub mod clock;
pub mod dns;
pub mod ec2;
pub mod failure;
mod flaw;
pub mod folders;
mod guarded;
pub mod keyring;
mod keys;
pub mod kubernetes;
pub mod mfa;
pub mod probe;
mod process;
mod profile;
pub mod profiles;
pub mod programs;
mod proxy;
pub mod session;
pub mod sign_in;
mod skew;
pub mod sso;
pub mod stack;
mod standing;
mod supply;
mod whole;
mod wire;
mod words;

pub use acting::{ActRole, ActRoles, ActUser, Errand};
pub use budget::Budget;
pub use clock::Clock;
pub use failure::Asked;
pub use guarded::{Guarded, quiet};
pub use profiles::{Profile, Way, profiles};
pub use programs::Programs;
pub use session::{
    AccountSessions, Caller, OpenError, Session, Sessions, look, open, open_anew, open_within,
};
pub use stack::{Stack, StackError};
pub use standing::Standing;
pub use wire::counting;
