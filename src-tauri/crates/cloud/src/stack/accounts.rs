//! The accounts of a stack file.

use super::{StackError, Wrong};
use crate::acting::{ActRole, ActRoles, ActUser};
use model::Verb;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackAccount {
    /// Profile of the AWS config; `None`: the default chain.
    pub profile: Option<String>,
    /// The account it must lead to, twelve digits; `None`: whichever it leads to.
    pub id: Option<String>,
    /// The roles that act.
    pub act_roles: ActRoles,
    /// The user that acts on its clusters; `None`: whoever reads them does.
    pub act_user: Option<ActUser>,
    /// Its regions, without repetition.
    pub regions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenAccount {
    profile: Option<String>,
    id: Option<Spanned<String>>,
    act_role: Option<Spanned<String>>,
    #[serde(default)]
    act_roles: BTreeMap<Verb, Spanned<String>>,
    act_user: Option<Spanned<String>>,
    regions: Vec<Spanned<String>>,
}

/// The accounts as they are written: at least one, none twice, each with regions.
pub(super) fn accounts(
    written: Vec<Spanned<WrittenAccount>>,
    wrong: &Wrong<'_>,
) -> Result<Vec<StackAccount>, StackError> {
    if written.is_empty() {
        let reason = "there is no [[account]]: name at least one with its regions";
        return Err(wrong(0..0, &reason));
    }
    let mut accounts: Vec<StackAccount> = Vec::new();
    for account in written {
        let span = account.span();
        let account = account.into_inner();
        if accounts.iter().any(|a| a.profile == account.profile) {
            let who = account.profile.as_deref().unwrap_or("of the default chain");
            return Err(wrong(span, &format!("the account {who} is there twice")));
        }
        if account.regions.is_empty() {
            return Err(wrong(span, &"this account has no regions"));
        }
        let id = account.id.map(|id| account_id(id, wrong)).transpose()?;
        let role = |arn| act_role(arn, id.as_deref(), wrong);
        let own = account.act_roles.into_iter();
        let roles = ActRoles {
            other: account.act_role.map(role).transpose()?,
            own: own
                .map(|(verb, arn)| Ok((verb, role(arn)?)))
                .collect::<Result<_, StackError>>()?,
        };
        let user = account.act_user.map(|name| act_user(name, wrong));
        accounts.push(StackAccount {
            profile: account.profile,
            act_roles: roles,
            act_user: user.transpose()?,
            id,
            regions: regions(account.regions, wrong)?,
        });
    }
    Ok(accounts)
}

fn regions(written: Vec<Spanned<String>>, wrong: &Wrong<'_>) -> Result<Vec<String>, StackError> {
    let mut regions: Vec<String> = Vec::new();
    for region in written {
        let span = region.span();
        let region = region.into_inner();
        if !is_region(&region) {
            return Err(wrong(span, &format!("{region:?} is no AWS region")));
        }
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    Ok(regions)
}

fn account_id(id: Spanned<String>, wrong: &Wrong<'_>) -> Result<String, StackError> {
    let span = id.span();
    let id = id.into_inner();
    if model::is_account(&id) {
        return Ok(id);
    }
    let reason = format!("{id:?} is no account id: it has twelve digits, in quotation marks");
    Err(wrong(span, &reason))
}

fn act_role(
    arn: Spanned<String>,
    id: Option<&str>,
    wrong: &Wrong<'_>,
) -> Result<ActRole, StackError> {
    let span = arn.span();
    let arn = arn.into_inner();
    let Some(role) = ActRole::of(&arn) else {
        let reason = format!(
            "{arn:?} is no role: its ARN is like arn:aws:iam::111122223333:role/quarterdeck-act"
        );
        return Err(wrong(span, &reason));
    };
    match id.filter(|id| *id != role.account()) {
        Some(id) => {
            let reason = format!("the role is of account {}, not {id}", role.account());
            Err(wrong(span, &reason))
        }
        None => Ok(role),
    }
}

fn act_user(name: Spanned<String>, wrong: &Wrong<'_>) -> Result<ActUser, StackError> {
    let span = name.span();
    let name = name.into_inner();
    ActUser::of(&name).ok_or_else(|| {
        let reason = format!("{name:?} is no user: a name without spaces, as RBAC binds it");
        wrong(span, &reason)
    })
}

/// The shape of a region's name: lower-case words joined by dashes, a number at the end.
fn is_region(name: &str) -> bool {
    let words: Vec<&str> = name.split('-').collect();
    let lower = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase());
    match words.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words.iter().all(lower)
                && !number.is_empty()
                && number.chars().all(|c| c.is_ascii_digit())
        }
        None => false,
    }
}
