//! From a stack file to its sessions: each account is asked who we are in it, and one that does not answer is opened all
//! the same.

use super::{AccountSessions, CALLER_WITHIN, Caller, Session, Sessions};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::failure;
use crate::keys::Unusable;
use crate::kubernetes::Certificates;
use crate::profile::{self, Access};
use crate::programs::Programs;
use crate::sign_in;
use crate::stack::{Stack, StackAccount, StackFiles};
use crate::standing::Standing;
use crate::wire::{self, Wire};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use model::{AccountId, Service, SourceFailure, partition};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long opening waits to be told who we are, before it goes on with a stand-in: enough for a
/// role to be assumed across an ocean, too short to keep somebody from seeing the rest.
const IDENTITY_WITHIN: Duration = Duration::from_secs(2);

/// Why a stack cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A configuration file the stack names is not there.
    #[error("The stack file names {0}, but there is no such file.", path.display())]
    NoFile {
        /// Which.
        path: PathBuf,
    },
}

/// Opens a session for every account and region of the stack. An account that STS does not answer
/// for is opened all the same: its failure is in [`AccountSessions::identity`].
///
/// # Errors
/// When a file the stack names is missing.
pub async fn open(stack: &Stack) -> Result<Sessions, OpenError> {
    open_within(stack, IDENTITY_WITHIN).await
}

/// As [`open`], for somebody who has less time: STS is waited for no longer than `limit`.
///
/// # Errors
/// When a file the stack names is missing.
pub async fn open_within(stack: &Stack, limit: Duration) -> Result<Sessions, OpenError> {
    opened(stack, Programs::of(stack), limit.min(IDENTITY_WITHIN)).await
}

/// Opens everything anew in the background: STS is waited for as long as one question to it may take. A program that
/// runs for `held`, or gave keys a moment ago, is not run once more.
///
/// # Errors
/// When a file the stack names is missing.
pub async fn open_anew(stack: &Stack, held: &Sessions) -> Result<Sessions, OpenError> {
    opened(stack, held.programs.clone(), CALLER_WITHIN).await
}

async fn opened(stack: &Stack, programs: Programs, limit: Duration) -> Result<Sessions, OpenError> {
    let named = [&stack.files.aws_config, &stack.files.aws_credentials];
    for path in named.into_iter().flatten() {
        if !path.is_file() {
            return Err(OpenError::NoFile { path: path.clone() });
        }
    }
    let clock = Clock::new();
    let accounts = stack
        .accounts
        .iter()
        .map(|account| open_account(account, stack, (&clock, &programs), limit));
    let accounts = futures::future::join_all(accounts).await;
    let resolver = stack.dns.as_ref().map(|dns| dns.server);
    Ok(Sessions {
        accounts,
        clock,
        resolver,
        programs,
        certificates: Certificates::default(),
    })
}

async fn open_account(
    account: &StackAccount,
    stack: &Stack,
    shared: (&Clock, &Programs),
    limit: Duration,
) -> AccountSessions {
    let first = account.regions.first().map_or("us-east-1", String::as_str);
    let home = global_region(first);
    let (draft, standing, pool) = nameless(account, stack, shared, home).await;
    let mut budgets: BTreeMap<&str, Budget> = BTreeMap::new();
    budgets.insert(home, Budget::new());
    let profile = draft.profile.clone();
    let mut identity = who(&draft.in_region(home, true, &pool, &mut budgets), limit).await;
    let (mut draft, mut of_another) = (draft, false);
    let account_id = match (&account.id, &identity) {
        (Some(wanted), Ok(caller)) if caller.account.as_str() != wanted => {
            // Nothing of another account is asked for, and so nothing of it is shown.
            of_another = true;
            let refused = leads_to_another(profile.as_deref(), &caller.account, wanted);
            draft.sdk = profile::checked(draft.sdk, refused, &standing.ledger);
            identity = draft
                .in_region(home, true, &pool, &mut budgets)
                .caller()
                .await;
            AccountId::new(wanted.clone())
        }
        (_, Ok(caller)) => caller.account.clone(),
        // What the stack file says is not yet known to be so.
        (_, Err(_)) => stand_in(profile.as_deref(), &stack.files).await,
    };
    draft.account = account_id.clone();
    AccountSessions {
        profile,
        account: account_id,
        identity,
        standing,
        of_another,
        global: draft.in_region(home, true, &pool, &mut budgets),
        regional: account
            .regions
            .iter()
            .map(|region| draft.in_region(region, false, &pool, &mut budgets))
            .collect(),
    }
}

fn leads_to_another(profile: Option<&str>, is: &AccountId, wanted: &str) -> Unusable {
    let named = |profile: &str| format!("profile {profile}");
    Unusable::Account {
        who: profile.map_or_else(|| "the default chain".to_owned(), named),
        is: is.to_string(),
        wanted: wanted.to_owned(),
    }
}

/// A session for global services of an account that has no name yet, its way in and its pool of
/// connections.
async fn nameless(
    account: &StackAccount,
    stack: &Stack,
    shared: (&Clock, &Programs),
    home: &str,
) -> (Session, Standing, SharedHttpClient) {
    let clock = shared.0;
    let Access {
        sdk,
        standing,
        pool,
        signs_in,
    } = profile::access(account.profile.as_deref(), &stack.files, home, shared).await;
    let budget = Budget::new();
    let strayed = Arc::<AtomicBool>::default();
    let wire = Wire::new(pool.clone(), clock.clone(), budget.clone(), strayed.clone());
    let session = Session {
        account: AccountId::new(""),
        region: home.into(),
        partition: partition(home),
        global: true,
        covered: account.regions.iter().any(|region| region == home),
        profile: account.profile.as_deref().map(Arc::from),
        login: signs_in.map(|profile| sign_in::command(&profile, stack).into()),
        act_roles: account.act_roles.clone(),
        act_user: account.act_user.clone(),
        acting: None,
        hosted_zones: stack.hosted_zones.clone().into(),
        endpoint_is_loopback: sdk.endpoint_url().is_some_and(wire::is_loopback),
        sdk,
        clock: clock.clone(),
        budget,
        strayed,
        wire,
        clients: Arc::default(),
    };
    let standing = standing.mended_by(session.login.as_deref());
    (session, standing, pool)
}

/// Whom the profile of an account of the stack file leads to as its files are now, asked through a
/// session of its own: credentials that were corrected on disk are tried without touching what is
/// open in `sessions`.
///
/// # Errors
/// As [`Session::caller`].
pub async fn look(
    account: &StackAccount,
    stack: &Stack,
    sessions: &Sessions,
) -> Result<Caller, SourceFailure> {
    let first = account.regions.first().map_or("us-east-1", String::as_str);
    let home = global_region(first);
    let shared = (&sessions.clock, &sessions.programs);
    let (draft, _, pool) = nameless(account, stack, shared, home).await;
    let session = draft.in_region(home, true, &pool, &mut BTreeMap::new());
    session.caller().await
}

async fn who(session: &Session, limit: Duration) -> Result<Caller, SourceFailure> {
    match tokio::time::timeout(limit, session.caller()).await {
        Ok(identity) => identity,
        Err(_) => Err(failure::tell(
            model::FailureClass::TimedOut,
            &session.asked(Service::Sts, "GetCallerIdentity", ""),
            &format!(
                "got no answer in {} s",
                limit.as_secs_f64().round().max(1.0)
            ),
        )),
    }
}

/// What the account is called until STS says.
async fn stand_in(profile: Option<&str>, files: &StackFiles) -> AccountId {
    let Some(profile) = profile else {
        return AccountId::new("profile:default-chain");
    };
    match profile::declared_account(profile, files).await {
        Some(account) => AccountId::new(account),
        None => AccountId::new(format!("profile:{profile}")),
    }
}

/// The region that hosts a partition's global services (AWS General Reference, Route 53 endpoints).
fn global_region(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}
