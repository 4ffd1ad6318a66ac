//! The lock that other consoles honour: a Kubernetes Lease per blast domain.
//!
//! A Lease names its holder, since when, and how long it counts without being renewed
//! (<https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/>), so a console
//! that died locks nobody out for longer than that. Every write carries the resourceVersion that was
//! read, or creates: of two consoles that try at once the API server refuses one (409, API concepts,
//! "Resource versions"). The lock is besides the platform's own state, never instead of it: where no
//! lease can be had, that is said, and what the platform shows is what is left.
//!
//! `kubectl get leases -n NAMESPACE` shows them; deleting one frees its domain.

use crate::finding::{Answer, Words};
use crate::plan::{Finding, Severity, hex};
use cloud::kubernetes::ClusterSession;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use model::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a lease counts after its last renewal, seconds of platform time.
pub const LEASE_SECONDS: i32 = 120;
/// The check's id.
pub const LOCK: &str = "plan.lock";
/// How long one request may go unanswered.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Whose run it is and on what; both for people who look with kubectl.
const RUN: &str = "quarterdeck/run";
const DOMAIN: &str = "quarterdeck/domain";
/// Characters that are repeated of what another console says it does.
const WORDS: usize = 300;
/// What is being done and why, for whoever meets the lock: broken glass is announced by it.
const DOING: &str = "quarterdeck/doing";

/// The name of a domain's lease: names of domains are longer and wilder than those of objects may be.
#[must_use]
pub fn name(domain: &str) -> String {
    let sum = hex(&Sha256::digest(domain.as_bytes()));
    format!("quarterdeck-{}", &sum[..16])
}

/// Who takes it, for which run.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The blast domain.
    pub domain: &'a str,
    /// The namespace of the leases.
    pub namespace: &'a str,
    /// Who: user, machine, caller.
    pub holder: &'a str,
    /// The run's id: the same run takes its own lease up again.
    pub run: &'a str,
    /// What is done, and why: `Purge orders-dlq, reason: INC-7`; empty where it is only looked for.
    pub doing: &'a str,
    /// Platform time.
    pub now: Timestamp,
}

/// What came of trying.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Ours(Box<Lease>),
    /// Somebody else has it.
    Theirs(Theirs),
    /// There is none to be had; why, a clause.
    Nowhere(String),
}

/// Somebody else's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theirs {
    /// Who, as they said.
    pub holder: String,
    /// Since when, as they said.
    pub since: Option<Timestamp>,
    /// What they do and why, as they said; nothing where the lock was not taken by a console.
    pub doing: Option<String>,
    /// Where to look: `lease NAME in NAMESPACE of CLUSTER`.
    pub place: String,
}

impl Theirs {
    /// What they do in parentheses, after who and since when.
    #[must_use]
    pub fn doing(&self) -> String {
        let said = self.doing.as_deref();
        said.map_or_else(String::new, |doing| format!(" ({doing})"))
    }
}

/// A lease that is ours until it is released or lapses.
#[derive(Debug)]
pub struct Lease {
    cluster: ClusterSession,
    object: Object,
    namespace: String,
}

/// Why a lease could not be kept.
#[derive(Debug, PartialEq, Eq)]
pub enum Lost {
    /// Somebody else has it, or took it away.
    Taken(String),
    /// The API server did not say; it counts until it lapses.
    Unsaid(String),
}

/// Whether somebody else has a domain's lease, without taking it; nothing where nobody says so.
pub async fn look(cluster: &ClusterSession, claim: &Claim<'_>) -> Option<Theirs> {
    let name = name(claim.domain);
    let found = answered(leases(cluster, claim.namespace).get_opt(&name)).await;
    held(&found.ok()??, claim, place(cluster, claim.namespace, &name))
}

/// Takes a domain's lease: makes it, or takes one over that is free, lapsed or of the same run.
pub async fn take(cluster: &ClusterSession, claim: &Claim<'_>) -> Taken {
    let api = leases(cluster, claim.namespace);
    let name = name(claim.domain);
    let found = match answered(api.get_opt(&name)).await {
        Ok(found) => found,
        Err(error) => return Taken::Nowhere(unavailable(cluster, claim.namespace, &error)),
    };
    let there = place(cluster, claim.namespace, &name);
    if let Some(theirs) = found.as_ref().and_then(|found| held(found, claim, there)) {
        return Taken::Theirs(theirs);
    }
    let wanted = written(claim, &name, found.as_ref());
    let params = PostParams::default();
    let put = match &found {
        Some(_) => answered(api.replace(&name, &params, &wanted)).await,
        None => answered(api.create(&params, &wanted)).await,
    };
    match put {
        Ok(object) => Taken::Ours(Box::new(Lease {
            cluster: cluster.clone(),
            object,
            namespace: claim.namespace.to_owned(),
        })),
        Err(Trouble::Refused(409, _)) => Taken::Theirs(Theirs {
            holder: "another console that took it at the same moment".to_owned(),
            since: None,
            doing: None,
            place: place(cluster, claim.namespace, &name),
        }),
        Err(error) => Taken::Nowhere(unavailable(cluster, claim.namespace, &error)),
    }
}

impl Lease {
    /// `lease NAME in NAMESPACE of CLUSTER`.
    #[must_use]
    pub fn place(&self) -> String {
        let name = self.object.metadata.name.as_deref().unwrap_or_default();
        place(&self.cluster, &self.namespace, name)
    }

    /// Renews it at `now` (platform time).
    ///
    /// # Errors
    /// [`Lost`]; after [`Lost::Taken`] nothing that it guarded may go on.
    pub async fn renew(&mut self, now: Timestamp) -> Result<(), Lost> {
        let mut wanted = self.object.clone();
        if let Some(spec) = &mut wanted.spec {
            spec.renew_time = micro(now);
        }
        let api = leases(&self.cluster, &self.namespace);
        let name = self.object.metadata.name.clone().unwrap_or_default();
        let params = PostParams::default();
        match answered(api.replace(&name, &params, &wanted)).await {
            Ok(object) => {
                self.object = object;
                Ok(())
            }
            Err(Trouble::Refused(409, _)) => self.look(&api, &name).await,
            Err(Trouble::Refused(404, _)) => {
                Err(Lost::Taken(format!("{} was deleted", self.place())))
            }
            Err(error) => Err(Lost::Unsaid(error.words())),
        }
    }

    /// Somebody wrote it since: it is lost only if it is theirs now. A renewal whose answer was lost
    /// is seen here too.
    async fn look(&mut self, api: &Api<Object>, name: &str) -> Result<(), Lost> {
        match answered(api.get_opt(name)).await {
            Ok(Some(object)) if run_of(&object) == run_of(&self.object) => {
                self.object = object;
                Ok(())
            }
            Ok(Some(object)) => {
                let holder = holder_of(&object).unwrap_or_else(|| "somebody".to_owned());
                Err(Lost::Taken(format!(
                    "{holder} has taken over {}",
                    self.place()
                )))
            }
            Ok(None) => Err(Lost::Taken(format!("{} was deleted", self.place()))),
            Err(error) => Err(Lost::Unsaid(error.words())),
        }
    }

    /// Gives it back. What cannot be given back lapses by itself.
    pub async fn release(self) {
        let api = leases(&self.cluster, &self.namespace);
        let name = self.object.metadata.name.clone().unwrap_or_default();
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: self.object.metadata.uid.clone(),
                resource_version: self.object.metadata.resource_version.clone(),
            }),
            ..DeleteParams::default()
        };
        let _ = answered(api.delete(&name, &params)).await;
    }
}

/// What is said of a lock that somebody else holds, among a plan's checks.
pub(crate) fn locked(theirs: &Theirs) -> Finding {
    let since = theirs.since;
    let since = since.map_or_else(String::new, |at| format!(" since {at}"));
    crate::finding::finding(
        LOCK,
        Severity::Block,
        Answer::given(false, format!("held by {}", theirs.holder)),
        Words {
            pass: String::new(),
            fail: format!(
                "{} is acting on it{since}{}: {}.",
                theirs.holder,
                theirs.doing(),
                theirs.place
            ),
            unknown: String::new(),
            threshold: "one action at a time in each blast domain",
            next: "Wait until that is over, or ask them; a lock whose holder has gone lapses by itself.",
        },
    )
}

/// What is said of the lock among a run's checks: where it is, or why there is none.
#[must_use]
pub fn finding(place: &Result<String, String>) -> Finding {
    let (value, sentence) = match place {
        Ok(place) => (
            "taken",
            format!("Other consoles keep off until this run ends: {place}."),
        ),
        Err(why) => (
            "none",
            format!(
                "Other consoles see no lock: {why}. Only what the platform shows of a running change keeps them off."
            ),
        ),
    };
    crate::finding::finding(
        LOCK,
        Severity::Info,
        Answer::given(true, value),
        Words {
            pass: sentence,
            fail: String::new(),
            unknown: String::new(),
            threshold: "one action at a time in each blast domain",
            next: "",
        },
    )
}

fn leases(cluster: &ClusterSession, namespace: &str) -> Api<Object> {
    Api::namespaced(cluster.client(), namespace)
}

fn place(cluster: &ClusterSession, namespace: &str, name: &str) -> String {
    format!("lease {name} in {namespace} of {}", cluster.name())
}

fn micro(at: Timestamp) -> Option<MicroTime> {
    let at = k8s_openapi::jiff::Timestamp::from_millisecond(at.millis());
    at.ok().map(MicroTime)
}

fn time(at: &MicroTime) -> Timestamp {
    Timestamp::from_millis(at.0.as_millisecond())
}

fn holder_of(lease: &Object) -> Option<String> {
    let holder = lease.spec.as_ref()?.holder_identity.clone();
    holder.filter(|holder| !holder.is_empty())
}

fn run_of(lease: &Object) -> Option<&str> {
    note(lease, RUN)
}

/// Somebody else's words, fit for one line and not endless.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !model::unfit(*c))
        .take(WORDS)
        .collect()
}

fn note<'l>(lease: &'l Object, name: &str) -> Option<&'l str> {
    let annotations = lease.metadata.annotations.as_ref()?;
    annotations.get(name).map(String::as_str)
}

/// Who has it, where that is somebody else and has not lapsed.
fn held(lease: &Object, claim: &Claim<'_>, place: String) -> Option<Theirs> {
    let holder = holder_of(lease)?;
    let spec = lease.spec.as_ref()?;
    if run_of(lease) == Some(claim.run) {
        return None;
    }
    let seconds = spec.lease_duration_seconds.unwrap_or(LEASE_SECONDS);
    let renewed = spec.renew_time.as_ref().map(time);
    let lapsed = renewed.is_some_and(|at| claim.now > at.plus_seconds(i64::from(seconds)));
    (!lapsed).then(|| Theirs {
        holder,
        since: spec.acquire_time.as_ref().map(time),
        doing: note(lease, DOING).map(plain),
        place,
    })
}

/// The lease as it is to be: over `found` with its resourceVersion, which must still be the same.
fn written(claim: &Claim<'_>, name: &str, found: Option<&Object>) -> Object {
    let annotations = [
        (RUN, claim.run),
        (DOMAIN, claim.domain),
        (DOING, claim.doing),
    ];
    let annotations: BTreeMap<String, String> = annotations
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let before = found
        .map(|found| found.metadata.clone())
        .unwrap_or_default();
    let transitions = found.and_then(|found| found.spec.as_ref()?.lease_transitions);
    let transitions = found.map_or(0, |_| transitions.unwrap_or(0) + 1);
    Object {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(claim.namespace.to_owned()),
            annotations: Some(annotations),
            resource_version: before.resource_version,
            uid: before.uid,
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(claim.holder.to_owned()),
            acquire_time: micro(claim.now),
            renew_time: micro(claim.now),
            lease_duration_seconds: Some(LEASE_SECONDS),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }),
    }
}

/// Why a request was not answered well.
#[derive(Debug)]
enum Trouble {
    /// The API server said no: its code and reason.
    Refused(u16, String),
    /// Nothing came that could be read.
    Silent(String),
}

impl Trouble {
    fn words(&self) -> String {
        match self {
            Trouble::Refused(code, reason) => format!("the API server answered {code} {reason}"),
            Trouble::Silent(why) => why.clone(),
        }
    }
}

async fn answered<T>(sent: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(ANSWERED_WITHIN, sent).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => {
            Err(Trouble::Refused(status.code, status.reason.clone()))
        }
        Ok(Err(error)) => Err(Trouble::Silent(error.to_string())),
        Err(_) => Err(Trouble::Silent(format!(
            "no answer in {} s",
            ANSWERED_WITHIN.as_secs()
        ))),
    }
}

/// Why there is no lock, and what would give one.
fn unavailable(cluster: &ClusterSession, namespace: &str, error: &Trouble) -> String {
    let cluster = cluster.name();
    match error {
        Trouble::Refused(404, _) => format!(
            "there is no namespace {namespace} in {cluster} (make it, or name another as [lock] namespace in the stack file)"
        ),
        Trouble::Refused(403, _) => format!(
            "we may not get, create, update and delete leases.coordination.k8s.io in {namespace} of {cluster}"
        ),
        Trouble::Refused(..) | Trouble::Silent(_) => {
            format!("{cluster} gives no lease ({})", error.words())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(run: &str, now: i64) -> Claim<'_> {
        Claim {
            domain: "deployment/1/eu-west-1/c/orders/order-writer",
            namespace: "ops",
            holder: "ann@desk",
            run,
            doing: "Undo order-writer, reason: INC-7",
            now: Timestamp::from_seconds(now),
        }
    }

    fn theirs(lease: &Object, claim: &Claim<'_>) -> Option<Theirs> {
        held(lease, claim, "lease x".to_owned())
    }

    #[test]
    fn a_lease_is_its_holders_until_it_lapses_or_is_the_same_run() {
        let lease = written(&claim("r1", 1_000), "quarterdeck-x", None);
        let found = theirs(&lease, &claim("r2", 1_060)).expect("it is held");
        assert_eq!(found.holder, "ann@desk");
        assert_eq!(found.since, Some(Timestamp::from_seconds(1_000)));
        let said = locked(&found).sentence;
        assert!(
            said.contains("(Undo order-writer, reason: INC-7): lease x"),
            "{said}"
        );
        let mut loud = lease.clone();
        let noise = format!("a\u{202e}b\n{}", "x".repeat(9_000));
        loud.metadata
            .annotations
            .as_mut()
            .expect("some")
            .insert(DOING.to_owned(), noise);
        let heard = theirs(&loud, &claim("r2", 1_060)).and_then(|theirs| theirs.doing);
        let heard = heard.expect("it is said");
        assert!(heard.starts_with("abxx") && heard.len() == WORDS, "{heard}");
        assert_eq!(theirs(&lease, &claim("r1", 1_060)), None);
        assert!(theirs(&lease, &claim("r2", 1_120)).is_some());
        assert_eq!(theirs(&lease, &claim("r2", 1_121)), None);
        let mut free = lease.clone();
        free.spec.as_mut().expect("a spec").holder_identity = Some(String::new());
        assert_eq!(theirs(&free, &claim("r2", 1_060)), None);
    }

    #[test]
    fn taking_over_carries_what_was_read_and_counts() {
        let mut first = written(&claim("r1", 1_000), "quarterdeck-x", None);
        assert_eq!(first.metadata.resource_version, None);
        first.metadata.resource_version = Some("41".to_owned());
        let second = written(&claim("r2", 2_000), "quarterdeck-x", Some(&first));
        assert_eq!(second.metadata.resource_version.as_deref(), Some("41"));
        let spec = second.spec.as_ref().expect("a spec");
        assert_eq!(spec.lease_transitions, Some(1));
        assert_eq!(run_of(&second), Some("r2"));
    }

    #[test]
    fn a_name_is_an_objects_name_and_one_per_domain() {
        let (a, b) = (name("queue/1/eu-west-1/a"), name("queue/1/eu-west-1/b"));
        assert_ne!(a, b);
        assert!(a.len() <= 63 && a.starts_with("quarterdeck-"));
        assert_eq!(a, name("queue/1/eu-west-1/a"));
    }
}
