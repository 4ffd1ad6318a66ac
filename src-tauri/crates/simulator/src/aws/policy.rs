//! A session policy: what temporary credentials may at most.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
//!
//! Conditions are not evaluated here, so a policy that has one is refused instead of half obeyed; but for statements
//! about keys of KMS alone, which nothing here is encrypted with.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;

/// Characters a session policy may have (STS API Reference, AssumeRole).
pub(super) const MAX_CHARACTERS: usize = 2048;
/// Bytes it may have once it is packed. AWS publishes no number; it says that a policy can be too
/// large packed and short enough as text.
const MAX_PACKED: usize = 1024;

/// What a policy says of an action on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// A statement allows it, and none denies it.
    Allow,
    /// A statement denies it.
    Deny,
    /// Nothing.
    Nothing,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    allows: bool,
    actions: Patterns,
    resources: Patterns,
}

/// What an element names, or with `Not` all but that.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Patterns {
    except: bool,
    all: Vec<String>,
}

impl Patterns {
    /// `name`, or `Not` and `name`, of a statement: one text or several.
    fn of(statement: &Value, name: &str) -> Option<Self> {
        let not = format!("Not{name}");
        let (except, value) = match (statement.get(name), statement.get(&not)) {
            (Some(value), None) => (false, value),
            (None, Some(value)) => (true, value),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let all = match value {
            Value::String(one) => vec![one.clone()],
            Value::Array(several) => several
                .iter()
                .map(|one| one.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            _ => return None,
        };
        Some(Self { except, all })
    }

    fn have(&self, text: &str) -> bool {
        let named = self.all.iter().any(|pattern| like(pattern, text));
        named != self.except
    }
}

impl Policy {
    /// Reads one; the error is AWS's sentence.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let document: Value = serde_json::from_str(text)
            .map_err(|_| "The policy is not in the valid JSON format.")?;
        let version = document.get("Version").and_then(Value::as_str);
        if !matches!(version, None | Some("2012-10-17" | "2008-10-17")) {
            return Err("The policy must contain a valid version string");
        }
        let statements = match document.get("Statement") {
            Some(Value::Array(several)) => several.iter().map(statement).collect(),
            Some(one @ Value::Object(_)) => statement(one).map(|one| vec![one]),
            _ => Err("Syntax errors in policy."),
        };
        Ok(Self {
            statements: statements?,
        })
    }

    /// What it says of an action on a resource. Actions have no case.
    pub(crate) fn says(&self, action: &str, resource: &str) -> Says {
        let action = action.to_ascii_lowercase();
        let about = |s: &&Statement| s.actions.have(&action) && s.resources.have(resource);
        let mut about = self.statements.iter().filter(about).peekable();
        match (about.peek().is_some(), about.any(|s| !s.allows)) {
            (_, true) => Says::Deny,
            (true, false) => Says::Allow,
            (false, false) => Says::Nothing,
        }
    }
}

fn statement(value: &Value) -> Result<Statement, &'static str> {
    let syntax = "Syntax errors in policy.";
    let allows = match value.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        Some(_) | None => return Err(syntax),
    };
    let mut actions = Patterns::of(value, "Action").ok_or(syntax)?;
    if actions.all.iter().any(|a| a != "*" && !a.contains(':')) {
        return Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    }
    actions
        .all
        .iter_mut()
        .for_each(|a| a.make_ascii_lowercase());
    let of_keys = actions.all.iter().all(|a| a.starts_with("kms:")) && !actions.except;
    if value.get("Condition").is_some() && !of_keys {
        return Err("The simulated platform evaluates no Condition.");
    }
    if value
        .get("Principal")
        .or(value.get("NotPrincipal"))
        .is_some()
    {
        return Err("Syntax errors in policy.");
    }
    Ok(Statement {
        allows,
        actions,
        resources: Patterns::of(value, "Resource").ok_or(syntax)?,
    })
}

/// Percent of the room that a policy takes once it is packed.
pub(super) fn packed_percent(text: &str) -> usize {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::best());
    let packed = packer
        .write_all(text.as_bytes())
        .and_then(|()| packer.finish());
    let bytes = packed.map_or(text.len(), |packed| packed.len());
    (bytes * 100).div_ceil(MAX_PACKED)
}

/// Whether a text is like a pattern: `*` is any text, `?` any character.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => {
                // The last `*` takes one character more.
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:100200300400:orders-dlq";

    fn says(policy: &str, action: &str, resource: &str) -> Says {
        Policy::parse(policy).unwrap().says(action, resource)
    }

    #[test]
    fn what_no_statement_allows_is_not_and_a_denial_wins() {
        let policy = r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sqs:Start*", "rds:Describe??Clusters"], "Resource": "arn:aws:sqs:*:orders-*"},
            {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"},
            {"Effect": "Deny", "NotAction": ["sqs:*", "rds:*", "lambda:List*"], "Resource": "*"}]}"#;
        assert_eq!(says(policy, "sqs:StartMessageMoveTask", QUEUE), Says::Allow);
        assert_eq!(says(policy, "SQS:startmessagemovetask", QUEUE), Says::Allow);
        assert_eq!(says(policy, "sqs:PurgeQueue", QUEUE), Says::Nothing);
        assert_eq!(says(policy, "sqs:StartMessageMoveTask", "*"), Says::Nothing);
        assert_eq!(
            says(policy, "rds:DescribeDBClusters", "arn:aws:sqs::orders-1"),
            Says::Allow
        );
        assert_eq!(
            says(policy, "rds:DescribeABCClusters", "arn:aws:sqs::orders-1"),
            Says::Nothing
        );
        assert_eq!(says(policy, "lambda:ListFunctions", "*"), Says::Allow);
        assert_eq!(
            says(policy, "lambda:UpdateEventSourceMapping", "*"),
            Says::Deny
        );
    }

    #[test]
    fn one_statement_may_stand_alone_and_a_resource_be_excepted() {
        let policy = r#"{"Statement": {"Effect": "Allow", "Action": "*", "NotResource": ["arn:aws:sqs:*"]}}"#;
        assert_eq!(says(policy, "sqs:PurgeQueue", QUEUE), Says::Nothing);
        assert_eq!(says(policy, "eks:ListClusters", "*"), Says::Allow);
    }

    #[test]
    fn what_is_no_policy_is_said_so() {
        let told = |text: &str| Policy::parse(text).unwrap_err();
        assert_eq!(told("{"), "The policy is not in the valid JSON format.");
        assert_eq!(told("{}"), "Syntax errors in policy.");
        let of = |inner: &str| format!(r#"{{"Statement": [{{{inner}}}]}}"#);
        assert_eq!(
            told(&of(r#""Effect": "Maybe""#)),
            "Syntax errors in policy."
        );
        assert_eq!(
            told(&of(r#""Effect": "Allow", "Action": "*""#)),
            "Syntax errors in policy."
        );
        let vendor = of(r#""Effect": "Allow", "Action": "Purge", "Resource": "*""#);
        assert!(told(&vendor).contains("prefaced by a vendor"));
        let condition = of(r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}"#);
        assert!(told(&condition).contains("no Condition"));
        assert!(told(r#"{"Version": "2020-01-01", "Statement": []}"#).contains("version"));
    }

    #[test]
    fn repeated_text_packs_well() {
        assert!(packed_percent(&"sqs:SendMessage".repeat(100)) < 10);
    }
}
