//! A running simulation: the servers, the clock and the files.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::aws::sign_in::{self, SignIn};
use crate::clock::Millis;
use crate::control;
use crate::fault::{self, Fault, FaultError, Faults, Kind};
use crate::files;
use crate::kubernetes::Door;
use crate::options::{ClockMode, Options};
use crate::scenario::{NAMES, Scenario};
use crate::shared::{Shared, SharedWorld};
use crate::world::dice::Dice;
use crate::world::{Size, World};

/// Why a simulation could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The scenario is not one of [`crate::scenario::NAMES`].
    #[error("there is no scenario {0}; there are {known}", known = NAMES.join(", "))]
    UnknownScenario(String),
    /// A fault is not one.
    #[error("fault {spec}: {source}")]
    Fault {
        /// As it was given.
        spec: String,
        /// Why.
        source: FaultError,
    },
    /// Another simulation serves from the folder.
    #[error("another simulated platform runs in {}; give --dir another folder, or stop it", .0.display())]
    Taken(PathBuf),
    /// A parameter is out of its range.
    #[error("{0}")]
    Parameter(&'static str),
    /// A file or a socket failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
}

impl StartError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// A simulation that is being served; it ends when it is dropped.
pub struct Simulation {
    /// Base URL of the AWS APIs, without a trailing slash.
    pub aws_url: String,
    /// Base URL of each cluster's Kubernetes API, in the order of the regions.
    pub kubernetes: Vec<String>,
    /// Base URL of the control endpoint.
    pub control_url: String,
    /// Where the resolver listens, over UDP.
    pub dns: SocketAddr,
    /// Where the files are.
    pub dir: PathBuf,
    /// The stack file.
    pub stack: PathBuf,
    shared: SharedWorld,
    tasks: Vec<JoinHandle<()>>,
    stops: Vec<oneshot::Sender<()>>,
    /// Held while the files in `dir` are this simulation's; the system frees it with the process.
    _claim: File,
}

impl Simulation {
    /// Makes the world, serves it on loopback, writes the files. Ready when it returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let scenario = Scenario::parse(&options.scenario)
            .ok_or_else(|| StartError::UnknownScenario(options.scenario.clone()))?;
        if !(1..=6).contains(&options.regions) {
            return Err(StartError::Parameter("--regions takes 1 to 6"));
        }
        if !options.speed.is_finite() || options.speed <= 0.0 {
            return Err(StartError::Parameter("--speed takes a number above 0"));
        }
        let faults = parse_faults(&options.faults)?;
        let size = Size {
            regions: options.regions,
            pods: options.pods,
            seed: options.seed,
        };
        let start = options.start.unwrap_or_else(sign_in::wall_time);
        let world = tokio::task::spawn_blocking(move || World::new(size, scenario, start))
            .await
            .map_err(|e| StartError::Io {
                what: "making the world".into(),
                source: std::io::Error::other(e),
            })?;
        let token = format!("sim-{}", Dice::new(options.seed, 9).lower(32));
        let signing = SignIn::new(options.sign_in, sign_in::wall_time());
        let shared = Shared::new(world, faults, signing, options.latency_ms, token);
        let mut simulation = Self::serve(&options, shared).await?;
        let churn = crate::churn::run(simulation.shared.clone());
        simulation.tasks.push(tokio::spawn(churn));
        if options.clock == ClockMode::Auto {
            simulation.tasks.push(tokio::spawn(run_clock(
                simulation.shared.clone(),
                options.speed,
            )));
        }
        Ok(simulation)
    }

    async fn serve(options: &Options, shared: SharedWorld) -> Result<Self, StartError> {
        let claim = files::claim(&options.dir)?;
        let (socket, dns) = crate::resolver::bind()
            .await
            .map_err(StartError::io("opening the resolver on loopback"))?;
        let resolver = tokio::spawn(crate::resolver::serve(socket, shared.clone()));
        let mut simulation = Self {
            aws_url: String::new(),
            dns,
            kubernetes: Vec::new(),
            control_url: String::new(),
            dir: options.dir.clone(),
            stack: options.dir.join("quarterdeck.toml"),
            shared: shared.clone(),
            tasks: vec![resolver],
            stops: Vec::new(),
            _claim: claim,
        };
        simulation.aws_url = simulation
            .listen(crate::aws::router(shared.clone()))
            .await?;
        let clusters = shared.lock().clusters.len();
        for n in 0..clusters {
            let region = shared.lock().regions[n].name();
            let routes = crate::kubernetes::serve(Arc::new(Door::new(shared.clone(), n)));
            let spoiled =
                middleware::from_fn_with_state((shared.clone(), region), spoil_kubernetes);
            let url = simulation.listen(routes.layer(spoiled)).await?;
            shared.lock().regions[n].eks.endpoint.clone_from(&url);
            simulation.kubernetes.push(url);
        }
        simulation.control_url = simulation.listen(control::router(shared.clone())).await?;
        files::write(&simulation, &shared)?;
        Ok(simulation)
    }

    /// Serves routes on a port of loopback; returns the base URL.
    async fn listen(&mut self, routes: Router) -> Result<String, StartError> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = TcpListener::bind(any)
            .await
            .map_err(StartError::io("opening a port on loopback"))?;
        let at = listener
            .local_addr()
            .map_err(StartError::io("reading the port"))?;
        let (stop, stopped) = oneshot::channel::<()>();
        self.stops.push(stop);
        self.tasks.push(tokio::spawn(async move {
            // A listener that fails ends its task; clients then see refused connections.
            tokio::select! {
                served = std::future::IntoFuture::into_future(axum::serve(listener, routes)) => drop(served),
                _ = stopped => {}
            }
        }));
        Ok(format!("http://{at}"))
    }

    /// The world and its surroundings, for tests in this process.
    #[must_use]
    pub fn shared(&self) -> &SharedWorld {
        &self.shared
    }

    /// World time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.shared.lock().now
    }

    /// Moves the world by whole seconds.
    pub async fn advance(&self, seconds: u32) {
        advance(&self.shared, seconds).await;
    }

    /// Stops the clock and the servers.
    pub async fn shutdown(mut self) {
        self.stops.clear();
        for task in self.tasks.drain(..) {
            task.abort();
            // Ended by the abort or by itself: both are the end.
            let _ = task.await;
        }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The faults of the wire that an API server knows nothing of. An open watch is not spoiled: it has no end.
async fn spoil_kubernetes(
    State((shared, region)): State<(SharedWorld, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let kinds = shared.faults().of("kubernetes", region);
    if kinds.contains(&Kind::Expired) {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
            "reason": "Unauthorized", "code": 401,
        });
        return (StatusCode::UNAUTHORIZED, Json(status)).into_response();
    }
    let watching = request.uri().query().is_some_and(|q| q.contains("watch="));
    let response = next.run(request).await;
    if watching {
        response
    } else {
        fault::spoil(&kinds, response).await
    }
}

fn parse_faults(specs: &[String]) -> Result<Faults, StartError> {
    let mut faults = Faults::default();
    for spec in specs {
        let fault: Fault = spec.parse().map_err(|source| StartError::Fault {
            spec: spec.clone(),
            source,
        })?;
        faults.add(fault);
    }
    Ok(faults)
}

/// Moves the world by whole seconds, letting the servers answer in between.
pub(crate) async fn advance(shared: &SharedWorld, seconds: u32) {
    for _ in 0..seconds {
        shared.lock().step();
        shared.notify();
        tokio::task::yield_now().await;
    }
}

/// Keeps world time at the speed; after a stall it catches up without starving the servers.
async fn run_clock(shared: SharedWorld, speed: f64) {
    let began = tokio::time::Instant::now();
    let tick = Duration::from_secs_f64((1.0 / speed).clamp(0.01, 1.0));
    let mut interval = tokio::time::interval(tick);
    let mut lived: u64 = 0;
    loop {
        interval.tick().await;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let due = (began.elapsed().as_secs_f64() * speed) as u64;
        let steps = u32::try_from(due.saturating_sub(lived))
            .unwrap_or(u32::MAX)
            .min(600);
        lived += u64::from(steps);
        advance(&shared, steps).await;
    }
}
