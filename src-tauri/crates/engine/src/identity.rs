//! Who and where we are, and how the way in is. SIMULATED is shown only when nothing could be otherwise.

use cloud::{AccountSessions, ActRole, Sessions};
use collect::kubernetes::Cluster;
use model::access::Answer;
use model::{
    Access, Identity, SIMULATED_ACCOUNT, Service, Source, SourceId, SourceStatus, State, Timestamp,
};

/// What the sessions and the STS sources say now; it can change (a request that left this machine
/// unmasks a tunnel, credentials expire, a program waits).
pub(crate) fn identity(
    sessions: &Sessions,
    clusters: &[Cluster],
    sources: &[SourceStatus],
) -> Identity {
    let callers = || {
        sessions
            .accounts
            .iter()
            .filter_map(|a| a.identity.as_ref().ok())
    };
    let mut accounts: Vec<_> = callers().map(|caller| caller.account.clone()).collect();
    accounts.sort();
    accounts.dedup();
    let caller = callers().next().map(|caller| caller.arn.clone());
    let (some, all) = loopback(sessions, clusters);
    let answered = sessions.accounts.iter().all(|a| a.identity.is_ok());
    let reserved = !accounts.is_empty() && accounts.iter().all(|a| a.as_str() == SIMULATED_ACCOUNT);
    let simulated = answered && reserved && all;
    Identity {
        accounts,
        caller,
        simulated,
        tunnel: some && !simulated,
        access: access(sessions, sources, sessions.clock.now()),
        programs: sessions.programs.waiting(),
        certificates: sessions.certificates.judged(sessions.clock.now()),
    }
}

/// The source that asks STS about an account.
pub(crate) fn asks(account: &AccountSessions) -> SourceId {
    Source::new(Service::Sts, account.global.scope(), "identity").id
}

/// What STS said last of an account: its source, and what it said at the opening before that.
pub(crate) fn answer<'a>(account: &'a AccountSessions, sources: &'a [SourceStatus]) -> Answer<'a> {
    let id = asks(account);
    let status = sources.iter().find(|status| status.source.id == id);
    let state = status.map_or(State::Pending, |status| status.state);
    let failure = status.and_then(|status| status.failure.as_ref());
    match (state, failure, &account.identity) {
        (State::Failed, Some(failure), _) => Answer::Failed(failure),
        (State::Failed, None, _) => Answer::Awaited,
        (State::Ok | State::Stale, ..) | (State::Pending, _, Ok(_)) => Answer::Given,
        (State::Pending, _, Err(failure)) => Answer::Failed(failure),
    }
}

/// The way into every account, at `now`.
fn access(sessions: &Sessions, sources: &[SourceStatus], now: Timestamp) -> Vec<Access> {
    let judged = sessions.accounts.iter().map(|account| {
        let arn = account.identity.as_ref().ok();
        let arn = arn.map(|caller| caller.arn.as_str());
        let seen = account
            .standing
            .way_in(&account.account, arn, answer(account, sources));
        let roles = &account.global.act_roles;
        let named = |role: &ActRole| role.arn().to_owned();
        let own = roles.own.iter();
        Access {
            act_role: roles.other.as_ref().map(named),
            act_roles: own.map(|(verb, role)| (*verb, named(role))).collect(),
            ..seen.judge(now)
        }
    });
    judged.collect()
}

/// Whether some endpoint, and whether every endpoint, is this machine.
fn loopback(sessions: &Sessions, clusters: &[Cluster]) -> (bool, bool) {
    let aws = sessions
        .accounts
        .iter()
        .flat_map(|account| account.regional.iter().chain([&account.global]));
    let mut some = clusters.iter().any(|c| c.session().endpoint_is_loopback());
    let mut all = clusters.iter().all(|c| c.session().endpoint_is_loopback());
    for session in aws {
        some |= session.endpoint_is_loopback;
        all &= session.stayed_home();
    }
    (some, all)
}
