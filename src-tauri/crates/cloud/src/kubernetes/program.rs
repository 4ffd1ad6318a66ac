//! Programs a kubeconfig would have run to sign in. None is run; what makes tokens for EKS is done here.

use super::kubeconfig::{ClusterArn, ClusterPlace, file};
use super::sign::Signer;
use crate::Session;
use kube::config::{AuthInfo, ExecConfig, Kubeconfig};
use model::{FailureClass, SourceFailure};

/// What the context's user signs in by, where that is a program; it is taken out, because it is not run.
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
    Some(AuthInfo {
        exec,
        auth_provider,
        ..AuthInfo::default()
    })
}

/// A program named by a file is not run: what it may do was not approved by anybody. What makes tokens
/// for EKS is known, and done here instead.
pub(super) fn stands_in(
    place: &ClusterPlace,
    context: &str,
    arn: Option<&ClusterArn<'_>>,
    auth: &AuthInfo,
) -> Result<Signer, SourceFailure> {
    let asked = auth.exec.as_ref().and_then(TokenAsked::of);
    let (Some(asked), Some(session)) = (asked, &place.session) else {
        return Err(not_run(place, context, auth));
    };
    if let Some(other) = somebody_else(&asked, session, arn) {
        return Err(not_ours(place, context, &other, session));
    }
    let region = asked.region.as_deref().or(arn.map(|arn| arn.region));
    Ok(Signer::new(
        session,
        region.unwrap_or(&session.region),
        &asked.cluster,
    ))
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
    let known = session.account.as_str().bytes().all(|b| b.is_ascii_digit());
    let other = account.filter(|account| known && *account != session.account.as_str())?;
    Some(format!("to account {other}"))
}

fn not_run(place: &ClusterPlace, context: &str, auth: &AuthInfo) -> SourceFailure {
    let program = match (&auth.exec, &auth.auth_provider) {
        (Some(exec), _) => exec.command.clone().unwrap_or_default(),
        (None, Some(provider)) => provider.name.clone(),
        (None, None) => String::new(),
    };
    SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!(
            "Context {context} of {} signs in by running the program {program:?}, which Quarterdeck does not run.",
            file(place),
        ),
        next_step: "Give the context's user a token, a token file or a client certificate; an EKS cluster can be named in the stack file by eks = \"NAME\"."
            .to_owned(),
        code: None,
        request_id: None,
    }
}

fn not_ours(place: &ClusterPlace, context: &str, other: &str, session: &Session) -> SourceFailure {
    let own = match &session.profile {
        Some(profile) => format!("profile {profile} (account {})", session.account),
        None => format!("the default chain (account {})", session.account),
    };
    SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!(
            "Context {context} of {} signs in {other}, and its account in the stack file is {own}.",
            file(place)
        ),
        next_step:
            "Give the [[cluster]] the profile of an [[account]] that leads there (a profile may have a role_arn), or reach the cluster by eks = \"NAME\"."
                .to_owned(),
        code: None,
        request_id: None,
    }
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
