//! Sessions: one per account and region, plus one for the account's global services.

use crate::acting::{ActRoles, ActUser, Acting, Errand};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::failure::{self, Asked};
use crate::guarded::Guarded;
use crate::kubernetes::Certificates;
use crate::programs::Programs;
use crate::skew::SignedAnew;
use crate::standing::Standing;
use crate::wire::Wire;
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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long one question to STS may take, a second attempt included.
pub(crate) const CALLER_WITHIN: Duration = Duration::from_secs(6);

mod opening;

pub use opening::{OpenError, look, open, open_anew, open_within};

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
    /// The roles that act.
    pub act_roles: ActRoles,
    /// The user that acts on its clusters; `None`: whoever reads them does.
    pub act_user: Option<ActUser>,
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
        let sdk = by_clock(self.sdk.clone(), &self.clock).into_builder();
        Self {
            region: region.into(),
            partition: partition(region),
            global,
            sdk: sdk
                .region(Region::new(region.to_owned()))
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

    /// The same session on an errand: writes are signed by the role of its action, where the account has one. Nothing is
    /// asked before the first of them.
    #[must_use]
    pub fn on(&self, errand: &Errand) -> Self {
        let role = self.act_roles.of(errand.verb).cloned();
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

/// The same, signed by the platform's clock and by no correction of the SDK besides: that one would be added to it.
pub(crate) fn by_clock(sdk: SdkConfig, clock: &Clock) -> SdkConfig {
    let sdk = sdk.into_builder().time_source(clock.clone());
    sdk.disable_clock_skew_correction(true).build()
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
                self.clients.$name.get_or_init(|| {
                    let config = $crate_name::config::Builder::from(&self.sdk);
                    $crate_name::Client::from_conf(config.retry_classifier(SignedAnew).build())
                })
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
