//! Who and where we are. SIMULATED is shown only when nothing could be otherwise.

use cloud::Sessions;
use collect::kubernetes::Cluster;
use model::{Identity, SIMULATED_ACCOUNT};

/// What the sessions say now; it can change (a request that left this machine unmasks a tunnel).
pub(crate) fn identity(sessions: &Sessions, clusters: &[Cluster]) -> Identity {
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
    }
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
