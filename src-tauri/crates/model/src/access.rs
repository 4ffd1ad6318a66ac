//! Credentials as a state: whose they are, how they are come by, until when, and what is wrong with
//! them. Judged from what was seen; time is passed in.

use crate::failure::{FailureClass, SourceFailure};
use crate::id::AccountId;
use crate::time::Timestamp;
use crate::verb::Verb;
use crate::words::clock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// From so many seconds before they end on, credentials that nothing renews are expiring.
pub const EXPIRING_WITHIN: f64 = 900.0;

/// What AWS calls credentials that were good once
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
const EXPIRED_CODES: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "TokenRefreshRequired",
];

/// How a profile signs in (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// IAM Identity Center.
    Sso,
    /// It assumes a role.
    Role,
    /// It assumes a role with a code of a device (`mfa_serial`).
    Mfa,
    /// A program gives the credentials.
    Program,
    /// Keys stand in a file.
    Keys,
    /// It says nothing: whatever the default chain finds.
    Chain,
}

impl Way {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Way::Sso => "IAM Identity Center",
            Way::Role => "assumes a role",
            Way::Mfa => "assumes a role with a code",
            Way::Program => "credential_process",
            Way::Keys => "keys in a file",
            Way::Chain => "default chain",
        }
    }
}

/// How an account's credentials are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "kebab-case")]
pub enum AccessState {
    /// STS answered, and they last.
    Valid,
    /// STS answered; they end within 15 minutes and nothing says that they renew themselves.
    Expiring,
    /// They were good once.
    Expired,
    /// AWS knows who asks and gives nothing.
    Denied,
    /// They are of another account than the stack file says.
    WrongAccount,
    /// There are none, or none that can be used.
    Unusable,
    /// STS did not say: not yet, or it cannot be reached. Nothing speaks against them.
    Unknown,
}

impl AccessState {
    /// Whether somebody must do something before the account is read again.
    #[must_use]
    pub const fn shuts_out(self) -> bool {
        match self {
            AccessState::Expired
            | AccessState::Denied
            | AccessState::WrongAccount
            | AccessState::Unusable => true,
            AccessState::Valid | AccessState::Expiring | AccessState::Unknown => false,
        }
    }

    /// What a failure of STS says of them.
    #[must_use]
    pub fn told_by(failure: &SourceFailure) -> Self {
        let expired = |code: &String| EXPIRED_CODES.contains(&code.as_str());
        match failure.class {
            _ if failure.code.as_ref().is_some_and(expired) => AccessState::Expired,
            FailureClass::Credentials => AccessState::Unusable,
            FailureClass::Denied => AccessState::Denied,
            FailureClass::Throttled
            | FailureClass::Unreachable
            | FailureClass::TimedOut
            | FailureClass::Malformed
            | FailureClass::Unsupported
            | FailureClass::Server
            | FailureClass::Other => AccessState::Unknown,
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            AccessState::Valid => "valid",
            AccessState::Expiring => "expiring",
            AccessState::Expired => "expired",
            AccessState::Denied => "denied",
            AccessState::WrongAccount => "wrong account",
            AccessState::Unusable => "unusable",
            AccessState::Unknown => "not known",
        }
    }
}

/// One account of the stack file and the way into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Access {
    /// The account, or what it is called until STS names it.
    pub account: AccountId,
    /// Profile of the AWS config; absent: the default chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub profile: Option<String>,
    /// How the profile signs in.
    pub way: Way,
    /// ARN of the user or assumed role, as STS said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub arn: Option<String>,
    /// ARN of the role that acts, where the stack file names one; absent: who reads acts too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub act_role: Option<String>,
    /// ARNs of the roles of their own that some actions have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[ts(optional, as = "Option<BTreeMap<Verb, String>>")]
    pub act_roles: BTreeMap<Verb, String>,
    /// When it ends unless somebody does something; absent where it renews itself, never ends, or
    /// nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expires_at: Option<Timestamp>,
    /// How it is.
    pub state: AccessState,
    /// What is the matter, a sentence; absent where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sentence: Option<String>,
    /// What to do, a sentence; absent where nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next_step: Option<String>,
    /// The command that does it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub command: Option<String>,
}

impl Access {
    /// ARN of the role that signs an action; `None`: who reads acts too.
    #[must_use]
    pub fn acts_as(&self, verb: Verb) -> Option<&str> {
        self.act_roles
            .get(&verb)
            .or(self.act_role.as_ref())
            .map(String::as_str)
    }
}

/// Why no credentials were handed out; nothing was sent to the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They are of another account than the stack file says.
    Another(Told),
    /// There is no such profile, its program was not approved, or its key is no key.
    Unfit(Told),
    /// AWS refuses to give them.
    Denied,
    /// What they are got with has expired.
    Over,
    /// Somebody has to sign in first.
    SignIn(Told),
    /// None were found, or they could not be read.
    Missing,
    /// Whoever gives them could not be reached.
    Unreached,
}

/// What is known already, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What is the matter, a sentence.
    pub sentence: String,
    /// What to do, a sentence.
    pub next_step: String,
}

/// Where a profile gets its credentials from in the end: its own section, or what its
/// `source_profile` leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Name of that profile; `None`: the default chain.
    pub profile: Option<String>,
    /// How it signs in.
    pub way: Way,
    /// The file in which that is corrected, as a person names it.
    pub file: String,
    /// The command that signs in again, where there is one.
    pub command: Option<String>,
}

/// What STS said last.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Nothing yet.
    Awaited,
    /// Who we are.
    Given,
    /// That it will not say, or nothing.
    Failed(&'a SourceFailure),
}

/// What was seen of the way into an account.
#[derive(Clone, Debug)]
pub struct WayIn<'a> {
    /// The account, or its stand-in.
    pub account: AccountId,
    /// Profile of the AWS config.
    pub profile: Option<String>,
    /// How the profile signs in.
    pub way: Way,
    /// Where its credentials come from in the end.
    pub root: Root,
    /// ARN that STS said.
    pub arn: Option<String>,
    /// When it ends unless somebody does something.
    pub ends: Option<Timestamp>,
    /// Why no credentials were handed out when they were last asked for.
    pub refusal: Option<Refusal>,
    /// What STS said last.
    pub answer: Answer<'a>,
}

impl WayIn<'_> {
    /// How it is at `now`, platform time.
    #[must_use]
    pub fn judge(&self, now: Timestamp) -> Access {
        let state = self.state(now);
        let (sentence, next_step) = match self.words(state) {
            Some(told) => (Some(told.sentence), Some(told.next_step)),
            None => (None, None),
        };
        let signs_in = self.is_renewed_by_signing_in(state);
        Access {
            account: self.account.clone(),
            profile: self.profile.clone(),
            way: self.way,
            arn: self.arn.clone(),
            act_role: None,
            act_roles: BTreeMap::new(),
            expires_at: self.ends,
            state,
            sentence,
            next_step,
            command: self.root.command.clone().filter(|_| signs_in),
        }
    }

    /// Whether signing in is what helps.
    fn is_renewed_by_signing_in(&self, state: AccessState) -> bool {
        match (state, &self.refusal, self.answer) {
            (AccessState::Expired | AccessState::Expiring, ..)
            | (_, Some(Refusal::Missing | Refusal::SignIn(_)), _) => true,
            (AccessState::Unusable, None, Answer::Failed(failure)) => !is_about_the_clock(failure),
            _ => false,
        }
    }

    fn state(&self, now: Timestamp) -> AccessState {
        let left = self.ends.map(|ends| ends.seconds_since(now));
        match (&self.refusal, self.answer) {
            (Some(Refusal::Another(_)), _) => AccessState::WrongAccount,
            (Some(Refusal::Unfit(_)), _) => AccessState::Unusable,
            (Some(Refusal::Denied), _) => AccessState::Denied,
            (Some(Refusal::Over), _) => AccessState::Expired,
            (Some(Refusal::SignIn(_)), _) => AccessState::Unusable,
            _ if left.is_some_and(|left| left <= 0.0) => AccessState::Expired,
            (Some(Refusal::Missing), _) => AccessState::Unusable,
            (Some(Refusal::Unreached), _) => AccessState::Unknown,
            (None, Answer::Failed(failure)) => AccessState::told_by(failure),
            (None, Answer::Awaited) => AccessState::Unknown,
            (None, Answer::Given) if left.is_some_and(|left| left < EXPIRING_WITHIN) => {
                AccessState::Expiring
            }
            (None, Answer::Given) => AccessState::Valid,
        }
    }

    /// What is the matter and what to do.
    fn words(&self, state: AccessState) -> Option<Told> {
        let told = self.refusal.as_ref();
        if let Some(Refusal::Another(told) | Refusal::Unfit(told) | Refusal::SignIn(told)) = told {
            return Some(told.clone());
        }
        let who = self.who();
        let (sentence, next_step) = match state {
            AccessState::Valid | AccessState::Unknown => return None,
            AccessState::Expiring => {
                let at = self.ends.map(clock).unwrap_or_default();
                let sentence = format!(
                    "The credentials of {who} end at {at} UTC, and nothing says that they renew themselves."
                );
                (sentence, self.renew())
            }
            AccessState::Expired => {
                let at = self.ends.map(clock);
                let at = at.map_or_else(String::new, |at| format!(" (until {at} UTC)"));
                let sentence = format!("The credentials of {who} have expired{at}.");
                (sentence, self.renew())
            }
            AccessState::Denied => (
                format!("AWS denies {who} its credentials{}.", self.code()),
                self.allow(),
            ),
            AccessState::WrongAccount | AccessState::Unusable => self.unusable(&who),
        };
        Some(Told {
            sentence,
            next_step,
        })
    }

    fn unusable(&self, who: &str) -> (String, String) {
        match self.answer {
            _ if self.refusal.is_some() => (
                format!("There are no credentials of {who}, or they could not be read."),
                self.renew(),
            ),
            // What it says is about more than keys: a clock that is off, an account that is suspended.
            Answer::Failed(failure) => (
                failure.sentence.clone(),
                match is_about_the_clock(failure) {
                    true => failure.next_step.clone(),
                    false => self.renew(),
                },
            ),
            Answer::Awaited | Answer::Given => (
                format!("The credentials of {who} cannot be used."),
                self.renew(),
            ),
        }
    }

    /// `profile prod (account 111122223333)`.
    fn who(&self) -> String {
        let profile = match &self.profile {
            Some(profile) => format!("profile {profile}"),
            None => "the default chain".to_owned(),
        };
        match self.account.is_named() {
            true => format!("{profile} (account {})", self.account),
            false => profile,
        }
    }

    fn code(&self) -> String {
        match self.answer {
            Answer::Failed(SourceFailure {
                code: Some(code), ..
            }) => format!(" ({code})"),
            Answer::Failed(_) | Answer::Awaited | Answer::Given => String::new(),
        }
    }

    /// How credentials of this root are renewed.
    fn renew(&self) -> String {
        let Root {
            profile,
            way,
            file,
            command,
        } = &self.root;
        let profile = profile.as_deref().unwrap_or("default");
        match way {
            Way::Sso if command.is_some() => "Sign in again; reading goes on by itself.".to_owned(),
            Way::Sso => format!("Sign in again with profile {profile}; reading goes on by itself."),
            Way::Mfa => {
                "Sign in again with a code of the device; reading goes on by itself.".to_owned()
            }
            Way::Program => format!(
                "Run what credential_process of profile {profile} in {file} names, to see what it gives; once it gives new ones, reading goes on by itself."
            ),
            Way::Keys => format!(
                "Put new keys under profile {profile} in {file}; reading goes on by itself."
            ),
            Way::Role => format!(
                "Correct role_arn and source_profile of profile {profile} in {file}; reading goes on by itself."
            ),
            Way::Chain => format!(
                "Put keys or a way to sign in under profile {profile} in {file}, and reading goes on by itself; where the environment or a role of this machine gives the credentials, renew them there (a changed environment needs a new start)."
            ),
        }
    }

    /// What is done about a denial.
    fn allow(&self) -> String {
        match (self.way, &self.profile) {
            (Way::Role | Way::Mfa, Some(profile)) => format!(
                "Let the role of profile {profile} trust who asks (its trust policy, sts:AssumeRole), or correct its role_arn; reading goes on by itself."
            ),
            (Way::Sso, Some(profile)) => format!(
                "Have the permission set of profile {profile} assigned to you in IAM Identity Center, or correct sso_role_name; reading goes on by itself."
            ),
            (Way::Role | Way::Mfa | Way::Sso | Way::Program | Way::Keys | Way::Chain, _) => {
                "Ask who runs the account what denies it (a service control policy, or a denied session); reading goes on by itself."
                    .to_owned()
            }
        }
    }
}

/// Codes about the time of a request
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
fn is_about_the_clock(failure: &SourceFailure) -> bool {
    let code = failure.code.as_deref();
    code.is_some_and(|code| {
        matches!(
            code,
            "RequestTimeTooSkewed" | "RequestInTheFuture" | "RequestExpired"
        )
    })
}

#[cfg(test)]
mod tests;
