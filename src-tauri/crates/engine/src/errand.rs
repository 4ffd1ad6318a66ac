//! What a role is assumed for: the plan's rights become its session policy, its verb and the operator the session's
//! name, by which CloudTrail tells who did it.

use act::rights::policy;
use act::{Plan, Right, Verb};
use cloud::Errand;

/// Of a run; `None`: it writes nothing to AWS.
pub(crate) fn of_run(plan: &Plan) -> Option<Errand> {
    errand(plan.action.as_str(), plan.action, &plan.rights)
}

/// Of a look into a queue, which selected messages begin with.
pub(crate) fn of_look(rights: &[Right]) -> Option<Errand> {
    errand("look", Verb::RedriveSelected, rights)
}

fn errand(what: &str, verb: Verb, rights: &[Right]) -> Option<Errand> {
    let policy = policy(verb, rights)?;
    Some(Errand::new(verb, &format!("{what}-{}", user()), policy))
}

/// Who is logged in to this machine.
pub(crate) fn user() -> String {
    let user = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "unknown".to_owned())
}
