//! `qd login`: signing in, by a page to confirm or by a code of a device.

use crate::args::LoginArgs;
use crate::failure::Failure;
use crate::print;
use crate::text::clean;
use cloud::Stack;
use cloud::mfa::{Asked, Code};
use cloud::sign_in::{SignInError, SignedIn, SigningIn, begin};
use cloud::sso;
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
        "Stopped: unless the code was taken already, nobody was signed in, and what was signed in before still is.",
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
    if let Some(credentials) = &args.aws_credentials {
        files.aws_credentials = Some(credentials.clone());
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
        Ok(SigningIn::Page(pending)) => {
            tell(args, pending.code())?;
            pending.signed_in().await
        }
        Ok(SigningIn::Code(asked)) => {
            let code = code_of(args, &asked).await?;
            asked.signed_in(&code).await
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
                code: exit(&error),
            })
        }
    }
}

fn exit(error: &SignInError) -> Option<u8> {
    match error {
        SignInError::NoProfile { .. }
        | SignInError::OtherWay { .. }
        | SignInError::Config { .. } => Some(MISUSED),
        other if other.is_refusal() => Some(REFUSED),
        _ => None,
    }
}

/// The code that was given with the command, or that is asked for: one line. It may be seen: it is good once.
async fn code_of(args: &LoginArgs, asked: &Asked) -> Result<Code, Failure> {
    let told = |error: cloud::mfa::NoCode| Failure::with_code(error.to_string(), MISUSED);
    if let Some(code) = &args.code {
        return Code::parse(code).map_err(told);
    }
    let (role, device) = (asked.role(), asked.device().to_owned());
    if args.json {
        print::line(&json!({"event": "asked", "role": role, "device": device}))?;
    } else {
        eprint!(
            "A code of the device {} is needed for {}.\nSix digits: ",
            clean(&device),
            clean(&role)
        );
    }
    let line = || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    };
    let unread = |why: String| Failure::new(format!("The code cannot be read: {why}."));
    let typed = tokio::task::spawn_blocking(line).await;
    let typed = typed.map_err(|error| unread(error.to_string()))?;
    Code::parse(&typed.map_err(|error| unread(error.to_string()))?).map_err(told)
}

fn tell(args: &LoginArgs, code: &sso::Code) -> Result<(), Failure> {
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
