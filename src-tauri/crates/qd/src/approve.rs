//! `qd approve`: programs that files name to sign in with, looked at and approved.

use crate::args::ApproveArgs;
use crate::failure::Failure;
use crate::print;
use crate::text::clean;
use cloud::Stack;
use cloud::programs::{Approval, ApproveError, Programs};
use model::{Program, Timestamp};
use serde_json::json;
use std::fmt::Write as _;
use std::time::SystemTime;

/// There is something to choose or to correct first.
const MISUSED: u8 = 2;

/// Lists what waits and what was approved, approves one, or takes an approval back. Runs nothing.
pub(crate) async fn run(args: &ApproveArgs) -> Result<u8, Failure> {
    if let Some(prefix) = &args.forget {
        return forget(prefix, args.json);
    }
    let (programs, told) = looked(args).await?;
    match &args.hash {
        Some(prefix) => approve(&programs, prefix, args.json),
        None => list(&programs, &told, args.json),
    }
}

async fn looked(args: &ApproveArgs) -> Result<(Programs, Vec<String>), Failure> {
    let Some(file) = &args.stack else {
        let programs = Programs::default();
        let told = programs.look_at_kubeconfig().await;
        return Ok((programs, told));
    };
    let stack = Stack::load(file).map_err(|error| Failure::new(error.to_string()))?;
    let programs = Programs::of(&stack);
    let told = programs.look(&stack).await;
    Ok((programs, told))
}

fn forget(prefix: &str, json: bool) -> Result<u8, Failure> {
    let gone = Programs::default()
        .forget(prefix)
        .map_err(|e| refused(&e))?;
    match json {
        true => print::line(&json!({"forgotten": gone}))?,
        false => print::text(&format!(
            "Forgotten: {} of {}. It is not run any more until it is approved again.\n",
            clean(&line(&gone.path, &gone.args)),
            clean(&gone.named_by)
        ))?,
    }
    Ok(0)
}

fn approve(programs: &Programs, prefix: &str, json: bool) -> Result<u8, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    let now = Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    let program = programs.approve(prefix, now).map_err(|e| refused(&e))?;
    match json {
        true => print::line(&json!({"approved": program}))?,
        false => {
            let mut text = "Approved, as it is now:\n".to_owned();
            facts(&mut text, &program);
            text.push_str("What runs goes on by itself.\n");
            print::text(&text)?;
        }
    }
    Ok(0)
}

fn refused(error: &ApproveError) -> Failure {
    let code = match error {
        ApproveError::None(..) | ApproveError::Several(_) | ApproveError::Short => Some(MISUSED),
        ApproveError::List(_) => None,
    };
    Failure {
        sentence: error.to_string(),
        code,
    }
}

fn list(programs: &Programs, told: &[String], json: bool) -> Result<u8, Failure> {
    let waiting = programs.waiting();
    let approved = programs.approved();
    let approved = approved.map_err(|error| Failure::new(error.to_string()))?;
    if json {
        print::line(&json!({"waiting": waiting, "approved": approved, "notes": told}))?;
        return Ok(0);
    }
    let mut text = String::new();
    match waiting.as_slice() {
        [] => text.push_str("No program waits.\n"),
        waiting => {
            text.push_str("Not run until approved:\n");
            waiting.iter().for_each(|program| facts(&mut text, program));
        }
    }
    for sentence in told {
        let _ = writeln!(text, "\n{}", clean(sentence));
    }
    if !approved.is_empty() {
        text.push_str("\nApproved (qd approve --forget HASH takes it back):\n");
        approved.iter().for_each(|known| row(&mut text, known));
    }
    print::text(&text)?;
    Ok(0)
}

fn facts(text: &mut String, program: &Program) {
    let changed = program.approved_at.map_or_else(String::new, |at| {
        format!(
            " · changed since it was approved on {} UTC",
            at.day_and_clock()
        )
    });
    let or_none = |words: String| match words.is_empty() {
        true => "none".to_owned(),
        false => words,
    };
    let rows = [
        ("named by", format!("{}{changed}", program.named_by)),
        ("program", format!("{} ({})", program.command, program.path)),
        ("arguments", or_none(words(&program.args))),
        ("variables", or_none(program.env.join(" "))),
        (
            "sent to",
            program.receiver.clone().unwrap_or_else(|| "AWS".to_owned()),
        ),
        ("hash", program.hash.clone()),
        ("approve", program.approve.clone()),
    ];
    text.push('\n');
    for (name, value) in rows {
        // Whole, whatever it is: somebody decides about it.
        let _ = writeln!(text, "  {name:<10} {value}");
    }
}

/// Each a word of its own: in quotes where it is not one by itself.
fn words(args: &[String]) -> String {
    let word = |arg: &String| match arg.is_empty() || arg.contains(char::is_whitespace) {
        true => format!("{arg:?}"),
        false => arg.clone(),
    };
    args.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn row(text: &mut String, known: &Approval) {
    let _ = writeln!(
        text,
        "  {}  {} UTC  {}  {}",
        clean(&known.hash.chars().take(12).collect::<String>()),
        known.approved_at.day_and_clock(),
        clean(&line(&known.path, &known.args)),
        clean(&known.named_by)
    );
}

fn line(path: &str, args: &[String]) -> String {
    format!("{path} {}", words(args)).trim_end().to_owned()
}
