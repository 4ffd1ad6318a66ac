//! Programs that a kubeconfig signs in by. What makes tokens for EKS is done here, by no program; any
//! other is a plugin that is run once it was approved.

use super::kubeconfig::{ClusterArn, ClusterPlace, SignsIn, file};
use super::plugin::Plugin;
use super::sign::Signer;
use crate::Session;
use kube::config::{AuthInfo, Cluster, ExecConfig, Kubeconfig};
use model::{FailureClass, SourceFailure};

/// What the context's user signs in by, where that is a program; it is taken out, so that it is not run
/// unseen. A token or password beside it is what counts, as for kubectl.
pub(super) fn taken_out(context: &str, kubeconfig: &mut Kubeconfig) -> Option<AuthInfo> {
    let mut contexts = kubeconfig.contexts.iter();
    let named = contexts.find(|named| named.name == context)?;
    let user = named.context.as_ref()?.user.clone()?;
    let mut users = kubeconfig.auth_infos.iter_mut();
    let entry = users.find(|named| named.name == user)?;
    let entry = entry.auth_info.as_mut()?;
    if entry.exec.is_none() && entry.auth_provider.is_none() {
        return None;
    }
    let (exec, auth_provider) = (entry.exec.take(), entry.auth_provider.take());
    let by_itself = entry.token.is_some()
        || entry.token_file.is_some()
        || (entry.username.is_some() && entry.password.is_some());
    (!by_itself).then_some(AuthInfo {
        exec,
        auth_provider,
        ..AuthInfo::default()
    })
}

/// Who signs in where a program would: we do, for EKS; else the program, which nobody ran yet.
pub(super) fn stands_in(
    place: &ClusterPlace,
    context: &str,
    arn: Option<&ClusterArn<'_>>,
    auth: &AuthInfo,
    cluster: Option<&Cluster>,
) -> Result<SignsIn, SourceFailure> {
    let Some(exec) = &auth.exec else {
        return Err(not_run(place, context, auth));
    };
    let Some(asked) = TokenAsked::of(exec) else {
        let plugin = Plugin::of(place, exec, cluster).map_err(|stop| stop.failure())?;
        return Ok(SignsIn::Program(Box::new(plugin)));
    };
    let Some(session) = &place.session else {
        return Err(no_session(place, context));
    };
    if let Some(other) = somebody_else(&asked, session, arn) {
        return Err(not_ours(place, context, &other, session));
    }
    let region = asked.region.as_deref().or(arn.map(|arn| arn.region));
    let region = region.unwrap_or(&session.region);
    let signer = Signer::new(session, region, &asked.cluster);
    Ok(SignsIn::Signer(Box::new(signer)))
}

/// Whether what a kubeconfig names is done here, by no program.
pub(super) fn is_ours(exec: &ExecConfig) -> bool {
    TokenAsked::of(exec).is_some()
}

/// As whom a context signs in, where that is not who the session is: a role it would have assumed,
/// another profile, another account.
fn somebody_else(
    asked: &TokenAsked,
    session: &Session,
    arn: Option<&ClusterArn<'_>>,
) -> Option<String> {
    if let Some(role) = &asked.role {
        return Some(format!("as the role {role}"));
    }
    let of_shell = || std::env::var("AWS_PROFILE").ok();
    let own = session.profile.as_deref().map(ToOwned::to_owned);
    let own = own.or_else(of_shell);
    if asked.profile.is_some() && asked.profile != own {
        return asked
            .profile
            .as_ref()
            .map(|profile| format!("with profile {profile}"));
    }
    let account = arn.map(|arn| arn.account);
    let known = session.account.is_named();
    let other = account.filter(|account| known && *account != session.account.as_str())?;
    Some(format!("to account {other}"))
}

/// What kubectl does not run either
/// (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>
/// took the place of authentication providers).
fn not_run(place: &ClusterPlace, context: &str, auth: &AuthInfo) -> SourceFailure {
    let provider = auth.auth_provider.as_ref();
    let provider = provider.map_or("", |provider| provider.name.as_str());
    failure(
        format!(
            "Context {context} of {} signs in by the authentication provider {provider:?}, which kubectl knows no more and Quarterdeck does not either.",
            file(place),
        ),
        "Give the context's user an exec plugin, a token, a token file or a client certificate; an EKS cluster can be named in the stack file by eks = \"NAME\".",
    )
}

fn no_session(place: &ClusterPlace, context: &str) -> SourceFailure {
    failure(
        format!(
            "Context {context} of {} signs in to EKS, and no account of the stack file is open in its region.",
            file(place)
        ),
        "Give the [[cluster]] the profile of an [[account]] with its region.",
    )
}

fn failure(sentence: String, next_step: &str) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Credentials,
        sentence,
        next_step: next_step.to_owned(),
        code: None,
        request_id: None,
    }
}

fn not_ours(place: &ClusterPlace, context: &str, other: &str, session: &Session) -> SourceFailure {
    let own = match &session.profile {
        Some(profile) => format!("profile {profile} (account {})", session.account),
        None => format!("the default chain (account {})", session.account),
    };
    failure(
        format!(
            "Context {context} of {} signs in {other}, and its account in the stack file is {own}.",
            file(place)
        ),
        "Give the [[cluster]] the profile of an [[account]] that leads there (a profile may have a role_arn), or reach the cluster by eks = \"NAME\".",
    )
}

/// A token for EKS, as a kubeconfig asks a program for it.
#[derive(Debug, Default, PartialEq, Eq)]
struct TokenAsked {
    cluster: String,
    region: Option<String>,
    role: Option<String>,
    profile: Option<String>,
}

impl TokenAsked {
    /// Of `aws eks get-token`
    /// (<https://docs.aws.amazon.com/cli/latest/reference/eks/get-token.html>) and
    /// `aws-iam-authenticator token`
    /// (<https://github.com/kubernetes-sigs/aws-iam-authenticator#4-set-up-kubectl-to-use-authentication-tokens-provided-by-aws-iam-authenticator-for-kubernetes>);
    /// nothing of any other program, nor where something is asked that is not known here.
    fn of(exec: &ExecConfig) -> Option<Self> {
        let command = exec.command.as_deref()?.rsplit('/').next()?;
        let args = exec.args.as_deref().unwrap_or_default();
        let verb: &[&str] = match command {
            "aws" => &["eks", "get-token"],
            "aws-iam-authenticator" => &["token"],
            _ => return None,
        };
        let (mut asked, mut verbs) = (Self::default(), verb.iter());
        for variable in exec.env.iter().flatten() {
            match variable.get("name").map(String::as_str) {
                Some("AWS_PROFILE") => asked.profile = variable.get("value").cloned(),
                Some("AWS_STS_REGIONAL_ENDPOINTS") => {}
                _ => return None,
            }
        }
        let mut words = args.iter().flat_map(|arg| match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name, value],
            _ => vec![arg.as_str()],
        });
        while let Some(word) = words.next() {
            match word {
                "--cluster-name" | "--cluster-id" | "-i" => {
                    asked.cluster = words.next()?.to_owned()
                }
                "--region" => asked.region = Some(words.next()?.to_owned()),
                "--role-arn" | "--role" | "-r" => asked.role = Some(words.next()?.to_owned()),
                "--profile" => asked.profile = Some(words.next()?.to_owned()),
                "--output" => drop(words.next()?),
                word if verbs.next() == Some(&word) => {}
                _ => return None,
            }
        }
        (verbs.next().is_none() && !asked.cluster.is_empty()).then_some(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(command: &str, args: &[&str], env: &[(&str, &str)]) -> Option<TokenAsked> {
        let pair = |(name, value): &(&str, &str)| {
            let pair = [("name", *name), ("value", *value)];
            pair.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        };
        TokenAsked::of(&ExecConfig {
            command: Some(command.to_owned()),
            args: Some(args.iter().map(|arg| (*arg).to_owned()).collect()),
            env: Some(env.iter().map(pair).collect()),
            ..ExecConfig::default()
        })
    }

    #[test]
    fn what_makes_a_token_for_eks_is_known_and_nothing_else() {
        let whole = TokenAsked {
            cluster: "prod".to_owned(),
            region: Some("eu-west-1".to_owned()),
            role: Some("arn:aws:iam::1:role/r".to_owned()),
            profile: Some("ops".to_owned()),
        };
        let update_kubeconfig = [
            "--region",
            "eu-west-1",
            "eks",
            "get-token",
            "--cluster-name",
            "prod",
            "--output",
            "json",
            "--role-arn",
            "arn:aws:iam::1:role/r",
        ];
        assert_eq!(
            asked(
                "/usr/local/bin/aws",
                &update_kubeconfig,
                &[("AWS_PROFILE", "ops")]
            ),
            Some(whole)
        );
        let plain = TokenAsked {
            cluster: "prod".to_owned(),
            ..TokenAsked::default()
        };
        let authenticator = ["token", "-i", "prod"];
        assert_eq!(
            asked("aws-iam-authenticator", &authenticator, &[]),
            Some(plain)
        );
        let joined = asked("aws", &["eks", "get-token", "--cluster-name=prod"], &[]);
        assert_eq!(joined.map(|asked| asked.cluster), Some("prod".to_owned()));
        for (command, args, env) in [
            ("aws-vault", &["exec", "ops"][..], &[][..]),
            ("aws", &["eks", "get-token"], &[]),
            ("aws", &["get-token", "eks", "--cluster-name", "prod"], &[]),
            (
                "aws",
                &[
                    "eks",
                    "get-token",
                    "--cluster-name",
                    "prod",
                    "--endpoint-url",
                    "x",
                ],
                &[],
            ),
            (
                "aws",
                &["eks", "get-token", "--cluster-name", "prod"],
                &[("AWS_CONFIG_FILE", "x")],
            ),
            ("aws-iam-authenticator", &["token", "-i"], &[]),
        ] {
            assert_eq!(asked(command, args, env), None, "{command} {args:?}");
        }
    }
}
