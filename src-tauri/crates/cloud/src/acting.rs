//! Acting as a role of its own: the way in reads and may change nothing; what changes something is signed by a role
//! that is assumed for it, with a session policy that allows that and nothing else.
//!
//! A session's rights are those that both the role's policies and the session policy give
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session>).

use crate::keys::Unusable;
use crate::session::Session;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use aws_smithy_types::DateTime;
use http::HeaderValue;
use model::{AccountId, FailureClass, Service, SourceFailure, Verb};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The longest session policy, characters
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
pub const LONGEST_POLICY: usize = 2048;
/// For how long a role is assumed, seconds: the shortest that STS gives to every role. A longer run assumes it again.
const ASSUMED_SECONDS: i32 = 900;
/// So long before its end by our own reckoning a role is assumed anew, seconds.
const AHEAD_SECONDS: u64 = 60;
/// How long STS may take, well within the time that the call has that is signed with it: what was not signed in time was
/// not sent.
const ASSUMED_WITHIN: Duration = Duration::from_secs(5);
/// The longest name of a session.
const LONGEST_NAME: usize = 64;

/// The role that acts, by its ARN (IAM User Guide, "IAM identifiers").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActRole(Arc<str>);

impl ActRole {
    /// Of an ARN; `None`: it is not one of a role.
    #[must_use]
    pub fn of(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else {
            return None;
        };
        let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
        let fits = partition.starts_with("aws") && model::is_account(account) && !name.is_empty();
        (fits && arn.chars().all(|c| c.is_ascii_graphic())).then(|| Self(arn.into()))
    }

    /// The whole ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.0
    }

    /// Its account, twelve digits.
    #[must_use]
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

/// Which role acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActRoles {
    /// Where the action has none of its own; `None`: the profile itself acts.
    pub other: Option<ActRole>,
    /// Of these actions.
    pub own: BTreeMap<Verb, ActRole>,
}

impl ActRoles {
    /// The role of an action; `None`: the profile itself acts.
    #[must_use]
    pub fn of(&self, verb: Verb) -> Option<&ActRole> {
        self.own.get(&verb).or(self.other.as_ref())
    }
}

/// The user that acts on clusters, by the name RBAC binds.
///
/// Who reads says for each write that it is this user's, and needs nothing but the right to say so: `impersonate` of this
/// one user (<https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/>). The API server's audit log
/// names both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActUser(HeaderValue);

impl ActUser {
    /// Of a name; `None`: it is none.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
        let value = HeaderValue::from_str(name).ok().filter(|_| fits)?;
        Some(Self(value))
    }

    /// As a header's value.
    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// What a role is assumed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    pub(crate) verb: Verb,
    name: String,
    policy: String,
}

impl Errand {
    /// Of an action, with `what` in the session's name, which CloudTrail records with every call, and all that it may
    /// do, as a JSON policy of at most [`LONGEST_POLICY`] characters.
    #[must_use]
    pub fn new(verb: Verb, what: &str, policy: String) -> Self {
        Self {
            verb,
            name: session_name(what),
            policy,
        }
    }
}

/// The characters that STS takes in a session's name (API reference of `AssumeRole`, RoleSessionName).
fn session_name(what: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
    let fitting = what.chars().map(|c| if fits(c) { c } else { '-' });
    format!("quarterdeck-{what}", what = fitting.collect::<String>())
        .chars()
        .take(LONGEST_NAME)
        .collect()
}

/// Credentials of the role, asked for when the first request is signed.
#[derive(Debug)]
pub(crate) struct Acting {
    session: Session,
    role: ActRole,
    errand: Errand,
}

impl Acting {
    /// Assumed with the credentials of `session`.
    pub(crate) fn new(session: Session, role: ActRole, errand: Errand) -> Self {
        Self {
            session,
            role,
            errand,
        }
    }

    async fn assumed(&self) -> provider::Result {
        if let Some(failure) = misplaced(&self.role, &self.session.account) {
            return Err(self.refused(failure));
        }
        let answer = tokio::time::timeout(ASSUMED_WITHIN, self.assume()).await;
        answer.unwrap_or_else(|_| Err(self.refused(self.silent())))
    }

    async fn assume(&self) -> provider::Result {
        let began = self.session.clock.signing_time();
        let call = self.session.sts().assume_role();
        let call = call
            .role_arn(self.role.arn())
            .role_session_name(&self.errand.name)
            .policy(&self.errand.policy)
            .duration_seconds(ASSUMED_SECONDS)
            .send();
        let thing = self.role.arn();
        let answer = self
            .session
            .ask(Service::Sts, "AssumeRole", thing, call)
            .await
            .map_err(|failure| self.refused(failure))?;
        let Some(keys) = answer.credentials else {
            let asked = self.session.asked(Service::Sts, "AssumeRole", thing);
            return Err(self.refused(crate::failure::incomplete(&asked, "credentials")));
        };
        Ok(Credentials::new(
            keys.access_key_id,
            keys.secret_access_key,
            Some(keys.session_token),
            Some(ends(began, keys.expiration)),
            "QuarterdeckActRole",
        ))
    }

    fn silent(&self) -> SourceFailure {
        SourceFailure {
            class: FailureClass::TimedOut,
            sentence: format!(
                "STS did not say within {} s whether {} is assumed.",
                ASSUMED_WITHIN.as_secs(),
                self.role.arn()
            ),
            next_step: "Plan it again in a moment.".to_owned(),
            code: None,
            request_id: None,
        }
    }

    fn refused(&self, failure: SourceFailure) -> CredentialsError {
        CredentialsError::provider_error(Unusable::ActRole(Box::new(failure)))
    }
}

/// When the keys are no longer used, by the clock that judges it: STS told the end by its own.
fn ends(began: SystemTime, told: DateTime) -> SystemTime {
    let seconds = u64::try_from(ASSUMED_SECONDS).unwrap_or_default();
    let ours = began + Duration::from_secs(seconds - AHEAD_SECONDS);
    SystemTime::try_from(told).map_or(ours, |told| told.min(ours))
}

/// Why the role is not assumed for an account that STS says is not its own: what it would do happened elsewhere. The
/// stack file is checked for this where it says an `id`; an account that STS did not name yet is let through.
fn misplaced(role: &ActRole, account: &AccountId) -> Option<SourceFailure> {
    let elsewhere = account.is_named() && account.as_str() != role.account();
    elsewhere.then(|| SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!(
            "{} is of account {}, and STS says that this is account {account}.",
            role.arn(),
            role.account()
        ),
        next_step: "Name a role of this account as its act_role or in act_roles of the [[account]] in the stack file, and start again."
            .to_owned(),
        code: None,
        request_id: None,
    })
}

impl ProvideCredentials for Acting {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assumed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_arn() {
        let role = |arn: &str| ActRole::of(arn).map(|role| role.account().to_owned());
        let account = Some("111122223333".to_owned());
        assert_eq!(role("arn:aws:iam::111122223333:role/act"), account);
        assert_eq!(
            role("arn:aws-us-gov:iam::111122223333:role/ops/desk/act"),
            account
        );
        for wrong in [
            "",
            "act",
            "arn:aws:iam::111122223333:user/act",
            "arn:aws:iam::11112222333:role/act",
            "arn:aws:sts::111122223333:assumed-role/act/me",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/a b",
        ] {
            assert_eq!(role(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_role_of_another_account_than_sts_named_is_not_assumed() {
        let role = ActRole::of("arn:aws:iam::111122223333:role/act").expect("a role");
        let told = |account: &str| misplaced(&role, &AccountId::new(account));
        assert_eq!(told("111122223333"), None);
        assert_eq!(told("profile:prod"), None, "nobody named it yet");
        let told = told("444455556666").expect("told");
        assert!(told.sentence.contains("444455556666") && told.sentence.contains("111122223333"));
    }

    #[test]
    fn a_user_is_a_name_that_fits_into_a_header() {
        for fits in ["quarterdeck-act", "system:serviceaccount:ops:act"] {
            assert_eq!(ActUser::of(fits).expect("a user").name(), fits);
        }
        for wrong in ["", "a b", "a\nb", "kim@ä"] {
            assert_eq!(ActUser::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn keys_end_by_the_clock_that_judges_it() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let left = |told: i64| {
            let end = ends(now, DateTime::from_secs(1_000_000 + told));
            end.duration_since(now).expect("later").as_secs()
        };
        assert_eq!(left(900), 840, "a minute before the end");
        assert_eq!(left(900 + 200), 840, "though this machine is behind");
        assert_eq!(left(600), 600, "never after what STS said");
    }

    #[test]
    fn a_session_has_a_name_that_sts_takes() {
        assert_eq!(
            session_name("failover-kim@desk"),
            "quarterdeck-failover-kim@desk"
        );
        assert_eq!(session_name("purge-ä b"), "quarterdeck-purge---b");
        assert_eq!(session_name(&"x".repeat(90)).len(), LONGEST_NAME);
    }
}
