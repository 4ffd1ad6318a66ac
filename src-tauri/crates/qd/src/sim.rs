//! `qd sim`: the simulated platform, until it is told to stop.

use crate::args::SimArgs;
use crate::failure::Failure;
use simulator::{ClockMode, Options, SignInWay, Simulation};
use tokio::signal::unix::{SignalKind, signal};

/// Serves until SIGTERM, SIGINT or SIGHUP; stdout gets the ready line and nothing else.
pub(crate) async fn run(args: SimArgs) -> Result<u8, Failure> {
    let mut stop = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ]
    .into_iter()
    .map(signal)
    .collect::<Result<Vec<_>, _>>()
    .map_err(|error| Failure::new(format!("Signals cannot be received: {error}.")))?;
    let mut options = options(args)?;
    // Whoever reads the ready line may stand elsewhere.
    options.dir = std::path::absolute(&options.dir).unwrap_or(options.dir);
    let simulation = Simulation::start(options).await.map_err(|error| {
        Failure::new(format!("The simulated platform could not start: {error}."))
    })?;
    let ready = serde_json::json!({
        "ready": true,
        "stack": simulation.dir.join("quarterdeck.toml"),
        "aws": simulation.aws_url,
        "kubernetes": simulation.kubernetes,
    });
    crate::print::line(&ready)?;
    futures::future::select_all(stop.iter_mut().map(|s| Box::pin(s.recv()))).await;
    simulation.shutdown().await;
    Ok(0)
}

fn options(args: SimArgs) -> Result<Options, Failure> {
    let clock = match args.clock.as_str() {
        "auto" => ClockMode::Auto,
        "explicit" => ClockMode::Explicit,
        other => {
            return Err(Failure::new(format!(
                "--clock {other:?} is not known: give auto or explicit."
            )));
        }
    };
    let sign_in = match args.sign_in.as_str() {
        "keys" => SignInWay::Keys,
        "sso" => SignInWay::Sso,
        "role" => SignInWay::Role,
        "mfa" => SignInWay::Mfa,
        other => {
            return Err(Failure::new(format!(
                "--sign-in {other:?} is not known: give keys, sso, role or mfa."
            )));
        }
    };
    Ok(Options {
        sign_in,
        scenario: args.scenario,
        dir: args.dir,
        latency_ms: args.latency_ms,
        pods: args.pods,
        regions: args.regions as usize,
        speed: args.speed,
        seed: args.seed,
        clock,
        start: args.start,
        faults: args.faults,
    })
}
