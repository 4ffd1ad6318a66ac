//! Sessions: one per account and region, plus one for the account's global services.

use crate::acting::{ActRole, Acting, Errand};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::failure::{self, Asked};
use crate::guarded::Guarded;
use crate::keys::Unusable;
use crate::kubernetes::Certificates;
use crate::profile::{self, Access};
use crate::programs::Programs;
use crate::sign_in;
use crate::stack::{Stack, StackAccount, StackFiles};
use crate::standing::Standing;
use crate::wire::{self, Wire};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use model::{AccountId, Scope, Service, SourceFailure, partition};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long opening waits to be told who we are, before it goes on with a stand-in: enough for a
/// role to be assumed across an ocean, too short to keep somebody from seeing the rest.
const IDENTITY_WITHIN: Duration = Duration::from_secs(2);
/// How long one question to STS may take, a second attempt included.
const CALLER_WITHIN: Duration = Duration::from_secs(6);

/// Everything one stack gives access to.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// In the order of the stack file.
    pub accounts: Vec<AccountSessions>,
    /// The platform's time, told by every answer of every account.
    pub clock: Clock,
    /// The resolver of the platform's private names; `None`: the machine's own.
    pub resolver: Option<SocketAddr>,
    /// The programs that the stack's files name to sign in with.
    pub programs: Programs,
    /// Until when the certificates are good that its clusters are reached with.
    pub certificates: Certificates,
}

/// One account's sessions.
#[derive(Clone, Debug)]
pub struct AccountSessions {
    /// Profile of the AWS config; `None`: the default chain.
    pub profile: Option<Arc<str>>,
    /// The account. When STS did not say: what the profile declares, else `profile:NAME`.
    pub account: AccountId,
    /// Who STS says we are. When it failed and succeeds later, open the stack again, as the engine
    /// does: node ids carry the account.
    pub identity: Result<Caller, SourceFailure>,
    /// The way in.
    pub standing: Standing,
    /// STS named another account than the stack file: nothing of it is asked for.
    pub of_another: bool,
    /// For Route 53, CloudFront, STS, the Price List and the metrics of global services.
    pub global: Session,
    /// One per region, in the order of the stack file.
    pub regional: Vec<Session>,
}

/// Who STS says we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: AccountId,
    /// ARN of the user or assumed role.
    pub arn: String,
}

/// One account in one region (or its global services). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Session {
    /// The account.
    pub account: AccountId,
    /// The region; of a global session, the one that hosts the partition's global services.
    pub region: Arc<str>,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'static str,
    /// Whether it is for global services.
    pub global: bool,
    /// Of a global session: whether a regional one looks into the same region.
    pub covered: bool,
    /// Profile of the AWS config; `None`: the default chain.
    pub profile: Option<Arc<str>>,
    /// The command that signs in, where somebody has to for the credentials: `qd login prod`.
    pub login: Option<Arc<str>>,
    /// The role that acts; `None`: who reads acts too.
    pub act_role: Option<ActRole>,
    /// Configuration for reads: standard retries, two attempts.
    pub sdk: SdkConfig,
    /// The platform's time.
    pub clock: Clock,
    /// Its request budget, shared with other sessions of the same account and region.
    pub budget: Budget,
    /// Hosted zones the stack file limits itself to, by name without trailing dot or by id; empty: all.
    pub hosted_zones: Arc<[String]>,
    /// Whether the configured endpoint is this machine. See also [`Session::stayed_home`].
    pub endpoint_is_loopback: bool,
    strayed: Arc<AtomicBool>,
    wire: Wire,
    clients: Arc<Clients>,
    /// What signs writes instead of what signs reads.
    acting: Option<SharedCredentialsProvider>,
}

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
    opened(stack, limit.min(IDENTITY_WITHIN)).await
}

/// As [`open`], in the background: STS is waited for as long as one question to it may take.
///
/// # Errors
/// When a file the stack names is missing.
pub async fn open_patiently(stack: &Stack) -> Result<Sessions, OpenError> {
    opened(stack, CALLER_WITHIN).await
}

async fn opened(stack: &Stack, limit: Duration) -> Result<Sessions, OpenError> {
    let named = [&stack.files.aws_config, &stack.files.aws_credentials];
    for path in named.into_iter().flatten() {
        if !path.is_file() {
            return Err(OpenError::NoFile { path: path.clone() });
        }
    }
    let (clock, programs) = (Clock::new(), Programs::of(stack));
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
    (clock, programs): (&Clock, &Programs),
    home: &str,
) -> (Session, Standing, SharedHttpClient) {
    let Access {
        sdk,
        standing,
        pool,
        signs_in,
    } = profile::access(account.profile.as_deref(), &stack.files, home, programs).await;
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
        act_role: account.act_role.clone(),
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

impl Session {
    fn in_region<'r>(
        &self,
        region: &'r str,
        global: bool,
        pool: &SharedHttpClient,
        budgets: &mut BTreeMap<&'r str, Budget>,
    ) -> Self {
        let budget = budgets.entry(region).or_default().sharing();
        let strayed = Arc::<AtomicBool>::default();
        let wire = Wire::new(
            pool.clone(),
            self.clock.clone(),
            budget.clone(),
            strayed.clone(),
        );
        let sdk = self.sdk.clone().into_builder();
        Self {
            region: region.into(),
            partition: partition(region),
            global,
            sdk: sdk
                .region(Region::new(region.to_owned()))
                .time_source(self.clock.clone())
                .http_client(wire.clone())
                .build(),
            wire,
            budget,
            strayed,
            clients: Arc::default(),
            ..self.clone()
        }
    }

    /// Who STS says we are.
    ///
    /// # Errors
    /// When STS does not say, or says it without an account.
    pub async fn caller(&self) -> Result<Caller, SourceFailure> {
        let call = self.sts().get_caller_identity().customize();
        let limits = TimeoutConfig::builder()
            .operation_attempt_timeout(CALLER_WITHIN / 2)
            .operation_timeout(CALLER_WITHIN);
        let limits = aws_sdk_sts::config::Config::builder().timeout_config(limits.build());
        let call = call.config_override(limits).send();
        let answer = self
            .ask(Service::Sts, "GetCallerIdentity", "", call)
            .await?;
        let asked = self.asked(Service::Sts, "GetCallerIdentity", "");
        let account = answer.account.filter(|account| !account.is_empty());
        let account = account.ok_or_else(|| failure::incomplete(&asked, "an account"))?;
        Ok(Caller {
            account: AccountId::new(account),
            arn: answer.arn.unwrap_or_default(),
        })
    }

    /// Configuration for writes: the SDK never repeats them, and where the account has a role that acts and this
    /// session goes on an errand, that role signs them.
    #[must_use]
    pub fn sdk_for_writes(&self) -> SdkConfig {
        let sdk = self.sdk.clone().into_builder();
        let sdk = sdk.http_client(self.wire.for_writes());
        let sdk = match &self.acting {
            Some(acting) => sdk.credentials_provider(acting.clone()),
            None => sdk,
        };
        sdk.retry_config(RetryConfig::disabled()).build()
    }

    /// The same session on an errand: writes are signed by the role that acts, where the account has one. Nothing is
    /// asked before the first of them.
    #[must_use]
    pub fn on(&self, errand: &Errand) -> Self {
        let role = self.act_role.clone();
        let acting = role.map(|role| Acting::new(self.clone(), role, errand.clone()));
        Self {
            acting: acting.map(SharedCredentialsProvider::new),
            ..self.clone()
        }
    }

    /// Spends from the budget, makes the call and turns a failure into words. `thing` is what the
    /// call is about, empty when it lists everything.
    ///
    /// # Errors
    /// Whatever went wrong, classified; a panic inside the SDK is a malformed answer.
    pub async fn ask<O, E>(
        &self,
        service: Service,
        call: &str,
        thing: &str,
        answer: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<O, SourceFailure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.budget.spend(service).await;
        let answered = Guarded::new(answer).await;
        self.clock.call_ended();
        match answered {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failure::from_sdk(&error, &self.asked(service, call, thing))),
            Err(_) => Err(failure::panicked(&self.asked(service, call, thing))),
        }
    }

    /// How a failure names a call of this session.
    #[must_use]
    pub fn asked<'a>(&'a self, service: Service, call: &'a str, thing: &'a str) -> Asked<'a> {
        Asked {
            service,
            call,
            thing,
            place: &self.region,
            profile: self.profile.as_deref(),
            login: self.login.as_deref(),
        }
    }

    /// Where things read through it live; a global session's have no region.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope {
            account: Some(self.account.clone()),
            region: (!self.global).then(|| self.region.clone()),
            ..Scope::default()
        }
    }

    /// Whether the endpoint is loopback and no request ever went anywhere else (a service can
    /// have an endpoint of its own).
    #[must_use]
    pub fn stayed_home(&self) -> bool {
        self.endpoint_is_loopback && !self.strayed.load(Ordering::Relaxed)
    }
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $crate_name:ident,)*) => {
        /// SDK clients for reads, made when first used.
        #[derive(Debug, Default)]
        struct Clients { $($name: OnceLock<$crate_name::Client>,)* }

        impl Session {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> &$crate_name::Client {
                self.clients.$name.get_or_init(|| $crate_name::Client::new(&self.sdk))
            })*
        }
    };
}

clients! {
    /// STS, for reads.
    sts: aws_sdk_sts,
    /// Route 53, for reads.
    route53: aws_sdk_route53,
    /// CloudFront, for reads.
    cloudfront: aws_sdk_cloudfront,
    /// Elastic Load Balancing v2, for reads.
    elb: aws_sdk_elasticloadbalancingv2,
    /// EKS, for reads.
    eks: aws_sdk_eks,
    /// RDS, for reads.
    rds: aws_sdk_rds,
    /// SQS, for reads.
    sqs: aws_sdk_sqs,
    /// IAM, for reads.
    iam: aws_sdk_iam,
    /// Lambda, for reads.
    lambda: aws_sdk_lambda,
    /// CloudWatch, for reads.
    cloudwatch: aws_sdk_cloudwatch,
    /// Price List, for reads.
    pricing: aws_sdk_pricing,
    /// Application Recovery Controller's zonal shifts, for reads.
    zonal_shift: aws_sdk_arczonalshift,
}

/// The region that hosts a partition's global services (AWS General Reference, Route 53 endpoints).
fn global_region(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}
