//! `qd`: the engine of Quarterdeck without a window; see `qd help`.

mod action;
mod args;
mod audit;
mod failure;
mod print;
mod reading;
mod runs;
mod sim;
mod status;
mod text;

use args::{Cli, Command};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("QUARTERDECK_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let command = Cli::parse().command;
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

async fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Sim(args) => sim::run(args).await,
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
            read,
            json,
        } => {
            let words = action::Words {
                reason,
                confirm,
                digest,
            };
            action::act(&what, &words, &read, json).await
        }
        Command::Runs { json } => runs::list(json),
        Command::Resume { run, read, json } => runs::resume(&run, &read, json).await,
        Command::Audit(command) => audit::run(&command),
    }
}
