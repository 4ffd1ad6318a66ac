//! From a profile of the AWS config to the place where it signs in
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>).

use crate::chain::Chain;
use crate::profiles::{Way, way_of};
use crate::sign_in::{SignInError, missing};
use aws_runtime::env_config::section::{EnvConfigSections, Profile};

/// Where a profile signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Portal {
    /// Name of its `[sso-session]`; `None`: the profile has the start URL itself, the older form.
    pub(crate) session: Option<String>,
    /// `sso_start_url`, e.g. `https://corp.awsapps.com/start`.
    pub(crate) start_url: String,
    /// `sso_region`.
    pub(crate) region: String,
    /// `sso_registration_scopes`; `None` where the config says nothing.
    pub(crate) scopes: Option<Vec<String>>,
}

impl Portal {
    /// What the token is kept under: the session's name, in the older form the start URL.
    pub(crate) fn key(&self) -> &str {
        self.session.as_deref().unwrap_or(&self.start_url)
    }

    /// `session corp`, `https://corp.awsapps.com/start`.
    pub(crate) fn words(&self) -> String {
        match &self.session {
            Some(session) => format!("session {session}"),
            None => self.start_url.clone(),
        }
    }

    /// Where `profile` signs in, or the profile that it takes its credentials from.
    pub(crate) fn of(set: &EnvConfigSections, profile: &str) -> Result<Self, SignInError> {
        let Some(Chain { root, .. }) = Chain::of(set, profile) else {
            return Err(missing(set, profile));
        };
        let source = root
            .get("source_profile")
            .filter(|_| way_of(root) == Way::Role);
        match source.filter(|source| set.get_profile(source).is_none()) {
            Some(source) => Err(missing(set, source)),
            None => Self::own(set, root, profile),
        }
    }

    fn own(set: &EnvConfigSections, found: &Profile, asked: &str) -> Result<Self, SignInError> {
        if let Some(name) = found.get("sso_session") {
            return Self::of_session(set, found.name(), name);
        }
        let Some(start_url) = found.get("sso_start_url") else {
            return Err(SignInError::OtherWay {
                profile: asked.to_owned(),
                through: (found.name() != asked).then(|| found.name().to_owned()),
                way: way_of(found),
            });
        };
        let lacks = || lacks("sso_region", &format!("Profile {}", found.name()));
        Ok(Self {
            session: None,
            start_url: start_url.to_owned(),
            region: found.get("sso_region").ok_or_else(lacks)?.to_owned(),
            scopes: None,
        })
    }

    fn of_session(set: &EnvConfigSections, profile: &str, name: &str) -> Result<Self, SignInError> {
        let section = format!("[sso-session {name}]");
        let Some(session) = set.sso_session(name) else {
            return Err(SignInError::Config {
                sentence: format!(
                    "Profile {profile} signs in with {section}, which the AWS config does not have."
                ),
            });
        };
        let need = |setting: &str| {
            let value = session.get(setting).map(ToOwned::to_owned);
            value.ok_or_else(|| lacks(setting, &section))
        };
        Ok(Self {
            session: Some(name.to_owned()),
            start_url: need("sso_start_url")?,
            region: need("sso_region")?,
            scopes: session.get("sso_registration_scopes").map(scopes),
        })
    }
}

fn lacks(setting: &str, section: &str) -> SignInError {
    SignInError::Config {
        sentence: format!("{section} of the AWS config has no {setting}."),
    }
}

/// Scopes stand between commas (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>).
fn scopes(text: &str) -> Vec<String> {
    let scopes = text.split(',').map(str::trim);
    let scopes = scopes.filter(|scope| !scope.is_empty());
    scopes.map(ToOwned::to_owned).collect()
}
