//! `qd login`: signing in with IAM Identity Center.

use crate::args::LoginArgs;
use crate::failure::Failure;
use crate::print;
use crate::text::clean;
use cloud::Stack;
use cloud::sso::{Code, SignInError, SignedIn, begin};
use cloud::stack::StackFiles;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

/// Nobody was signed in because somebody, or time, said no.
const REFUSED: u8 = 5;
/// There is something to choose or to correct first.
const MISUSED: u8 = 2;

/// Prints a code, waits until it is confirmed, and says who is signed in. A signal ends it and leaves nothing.
pub(crate) async fn run(args: &LoginArgs) -> Result<u8, Failure> {
    let unable = |error| Failure::new(format!("Signals cannot be received: {error}."));
    let mut terminate = signal(SignalKind::terminate()).map_err(unable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unable)?;
    let files = files(args)?;
    tokio::select! {
        outcome = sign_in(args, &files) => outcome,
        _ = terminate.recv() => Err(stopped()),
        _ = interrupt.recv() => Err(stopped()),
    }
}

fn stopped() -> Failure {
    Failure::new(
        "Stopped: unless the code was confirmed already, nobody was signed in, and what was signed in before still is.",
    )
}

fn files(args: &LoginArgs) -> Result<StackFiles, Failure> {
    let mut files = match &args.stack {
        Some(file) => {
            Stack::load(file)
                .map_err(|error| Failure::new(error.to_string()))?
                .files
        }
        None => StackFiles::default(),
    };
    if let Some(config) = &args.aws_config {
        files.aws_config = Some(config.clone());
    }
    match files.aws_config.as_ref().filter(|file| !file.is_file()) {
        Some(missing) => Err(Failure::with_code(
            format!("There is no AWS config {}.", missing.display()),
            MISUSED,
        )),
        None => Ok(files),
    }
}

async fn sign_in(args: &LoginArgs, files: &StackFiles) -> Result<u8, Failure> {
    let outcome = match begin(&args.profile, files).await {
        Ok(pending) => {
            tell(args, pending.code())?;
            pending.signed_in().await
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(signed_in) => {
            done(args, &signed_in)?;
            Ok(0)
        }
        Err(error) => {
            if args.json {
                let (sentence, next) = (error.to_string(), error.next_step());
                print::line(&json!({"event": "failed", "sentence": sentence, "next_step": next}))?;
            }
            Err(Failure {
                sentence: format!("{error} {}", error.next_step()),
                code: code(&error),
            })
        }
    }
}

fn code(error: &SignInError) -> Option<u8> {
    match error {
        SignInError::NoProfile { .. }
        | SignInError::OtherWay { .. }
        | SignInError::Config { .. } => Some(MISUSED),
        other if other.is_refusal() => Some(REFUSED),
        _ => None,
    }
}

fn tell(args: &LoginArgs, code: &Code) -> Result<(), Failure> {
    if args.json {
        return print::line(&event("code", &json!(code)));
    }
    eprintln!(
        "To sign in to {}, open this page in a browser, here or on any other machine:\n\n    {}\n\n\
        It must show the code {}. Waiting until {} …",
        clean(&code.portal),
        clean(&code.verification_uri_complete),
        clean(&code.user_code),
        code.expires_at.strftime("%H:%M:%S UTC"),
    );
    Ok(())
}

fn done(args: &LoginArgs, signed_in: &SignedIn) -> Result<(), Failure> {
    if args.json {
        return print::line(&event("signed-in", &json!(signed_in)));
    }
    let until = signed_in.expires_at.strftime("%Y-%m-%d %H:%M UTC");
    let renews = match signed_in.renews {
        true => "; it is renewed by itself until the session ends",
        false => "",
    };
    print::text(&format!(
        "Signed in to {} for profile {} until {until}{renews}. What runs goes on by itself.\n",
        clean(&signed_in.portal),
        clean(&signed_in.profile),
    ))
}

fn event(name: &str, what: &Value) -> Value {
    let mut line = what.clone();
    line["event"] = name.into();
    line
}
