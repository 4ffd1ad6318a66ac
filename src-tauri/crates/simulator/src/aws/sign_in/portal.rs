//! The access portal: which accounts and roles one has, and their credentials. Service model `sso` 2019-06-10.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ROLE, Refusal, SignIn};
use crate::clock::Millis;
use crate::world::SIMULATED_ACCOUNT;

/// ListAccounts.
pub(super) fn accounts(brand: &str) -> Value {
    let account = json!({
        "accountId": SIMULATED_ACCOUNT, "accountName": brand,
        "emailAddress": format!("{brand}@example.com"),
    });
    json!({"accountList": [account]})
}

/// ListAccountRoles.
pub(super) fn roles(query: &BTreeMap<String, String>) -> Result<Value, Refusal> {
    match given(query, "account_id")? {
        SIMULATED_ACCOUNT => {
            let role = json!({"roleName": ROLE, "accountId": SIMULATED_ACCOUNT});
            Ok(json!({"roleList": [role]}))
        }
        _ => Err(Refusal::Forbidden),
    }
}

/// GetRoleCredentials.
pub(super) fn credentials(
    state: &mut SignIn,
    query: &BTreeMap<String, String>,
    now: Millis,
) -> Result<Value, Refusal> {
    let (account, role) = (given(query, "account_id")?, given(query, "role_name")?);
    if (account, role) != (SIMULATED_ACCOUNT, ROLE) {
        return Err(Refusal::Forbidden);
    }
    let keys = state.operations(now);
    Ok(json!({"roleCredentials": {
        "accessKeyId": keys.id, "secretAccessKey": keys.secret, "sessionToken": keys.session,
        "expiration": keys.ends.0,
    }}))
}

fn given<'a>(query: &'a BTreeMap<String, String>, name: &str) -> Result<&'a str, Refusal> {
    let value = query.get(name).map(String::as_str).unwrap_or_default();
    match value {
        "" => Err(Refusal::Request("account_id or role_name is missing")),
        value => Ok(value),
    }
}
