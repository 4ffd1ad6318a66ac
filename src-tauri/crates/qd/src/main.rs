//! `qd`: the engine of Quarterdeck without a window; see `qd help`.

mod action;
mod approve;
mod args;
mod audit;
mod failure;
mod init;
mod keys;
mod login;
mod loops;
mod print;
mod queue;
mod reading;
mod runs;
mod sim;
mod status;
mod text;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("qd: This machine gives no threads: {error}.");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(whole());
    // A keyring that waits for its password keeps nobody here.
    runtime.shutdown_background();
    code
}

async fn whole() -> ExitCode {
    cloud::quiet();
    tracing_subscriber::fmt()
        // Without it nothing is logged: what libraries call an error is told as a source's sentence.
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("QUARTERDECK_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off")),
        )
        .with_writer(std::io::stderr)
        .finish()
        // Below that the SDK prints what it was configured with, the keys of the AWS files among it.
        .with(LevelFilter::DEBUG)
        .init();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(misused) => return usage(&misused),
    };
    // A monitor must not take "could not look" for "looked and found it critical".
    let unable = if matches!(command, Command::Status { .. }) {
        3
    } else {
        1
    };
    match run(command).await {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("qd: {}", text::clean(&failure.sentence));
            ExitCode::from(failure.code.unwrap_or(unable))
        }
    }
}

/// Help goes to stdout, what was misused to stderr. `qd status` was asked by a monitor, for whom 2
/// is "critical": there it is 3, "unknown", as the plugin guidelines say.
fn usage(misused: &clap::Error) -> ExitCode {
    let _ = misused.print();
    match misused.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if std::env::args_os()
            .nth(1)
            .is_some_and(|word| word == "status") =>
        {
            ExitCode::from(3)
        }
        code => ExitCode::from(u8::try_from(code).unwrap_or(2)),
    }
}

async fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Sim(args) => sim::run(args).await,
        Command::Init(args) => init::run(&args).await,
        Command::Keys(command) => keys::run(&command).await,
        Command::Login(args) => login::run(&args).await,
        Command::Approve(args) => approve::run(&args).await,
        Command::Topology { read, json } => reading::topology(&read, json).await,
        Command::Status { read } => reading::status(&read).await,
        Command::Watch { stack, json: _ } => reading::watch(&stack).await,
        Command::Offers { node, read, json } => action::offers(&node, &read, json).await,
        Command::Plan { what, read, json } => action::plan(&what, &read, json).await,
        Command::Act {
            what,
            reason,
            confirm,
            digest,
            break_glass,
            read,
            json,
        } => {
            let words = action::Words {
                reason,
                confirm,
                digest,
                break_glass,
            };
            action::act(&what, &words, &read, json).await
        }
        Command::Runs { stack: _, json } => runs::list(json),
        Command::Undo { run, read, json } => action::undo(&run, &read, json).await,
        Command::Loops { read, json } => loops::list(&read, json).await,
        Command::Resume { run, read, json } => runs::resume(run.as_deref(), &read, json).await,
        Command::Peek(args) => queue::peek(&args).await,
        Command::Export(args) => queue::export(&args).await,
        Command::Audit(command) => audit::run(&command),
    }
}
