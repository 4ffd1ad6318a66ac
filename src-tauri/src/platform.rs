//! What the window looks at: a stack file, or the simulated platform of a drill. Opened once, in
//! the background, so that the window is there at once and a failure is a sentence in it.

use crate::error::{IpcCode, IpcError};
use engine::Engine;
use simulator::{Options, Simulation, scenario};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What was asked for on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A stack file.
    Stack(PathBuf),
    /// A scenario of the simulated platform.
    Drill(String),
    /// Nothing: the window asks, and offers the drill.
    Nothing,
}

/// Reads the command line.
///
/// # Errors
/// A sentence when it cannot be understood.
pub(crate) fn asked(args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let args: Vec<String> = args.collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(Asked::Nothing),
        ["--stack", file] => Ok(Asked::Stack(PathBuf::from(file))),
        ["--drill", scenario] => Ok(Asked::Drill((*scenario).to_owned())),
        ["--drill"] => Ok(Asked::Drill("dlq-fills".to_owned())),
        other => Err(format!(
            "{:?} is not understood: start `quarterdeck --stack FILE`, or `quarterdeck --drill calm|az-degraded|dlq-fills|writer-sick|writer-load`.",
            other.join(" ")
        )),
    }
}

/// A platform that is being opened, open, or could not be.
#[derive(Clone)]
pub(crate) enum Opening {
    /// Not yet.
    Underway,
    /// The engine runs.
    Open(Engine),
    /// Why not.
    Failed(IpcError),
}

/// What was asked for, or why that is not understood.
type Wish = Result<Asked, String>;

/// The handle the commands share.
#[derive(Clone)]
pub(crate) struct Platform {
    asked: Arc<Mutex<Wish>>,
    tell: watch::Sender<Opening>,
    opening: watch::Receiver<Opening>,
}

impl Platform {
    /// Starts opening in the background of the current runtime.
    pub(crate) fn open(asked: Wish) -> Self {
        let (tell, opening) = watch::channel(Opening::Underway);
        let platform = Self {
            asked: Arc::new(Mutex::new(asked.clone())),
            tell,
            opening,
        };
        platform.begin(asked);
        platform
    }

    /// What was asked for.
    pub(crate) fn asked(&self) -> Wish {
        self.wish().clone()
    }

    /// Opens a drill where nothing was asked for.
    ///
    /// # Errors
    /// When a platform was named already (one that cannot be opened is never replaced by the
    /// simulated one), or there is no such scenario.
    pub(crate) fn start_drill(&self, scenario: &str) -> Result<(), IpcError> {
        if !scenario::NAMES.contains(&scenario) {
            let known = scenario::NAMES.join(", ");
            let sentence = format!("There is no drill {scenario:?}; there are {known}.");
            return Err(IpcError::new(IpcCode::Refused, sentence));
        }
        let mut wish = self.wish();
        if *wish != Ok(Asked::Nothing) {
            let sentence =
                "A platform was named already; start the window without one to practise.";
            return Err(IpcError::new(IpcCode::Refused, sentence));
        }
        *wish = Ok(Asked::Drill(scenario.to_owned()));
        self.tell.send_replace(Opening::Underway);
        self.begin(wish.clone());
        Ok(())
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, asked: Wish) {
        let tell = self.tell.clone();
        tauri::async_runtime::spawn(async move {
            let (outcome, _simulation) = match asked {
                Ok(Asked::Stack(file)) => (open_stack(&file).await, None),
                Ok(Asked::Drill(scenario)) => open_drill(&scenario).await,
                Ok(Asked::Nothing) => (Err(nothing()), None),
                Err(sentence) => (Err(IpcError::new(IpcCode::NotOpen, sentence)), None),
            };
            tell.send_replace(outcome.map_or_else(Opening::Failed, Opening::Open));
            // The simulated platform lives as long as somebody may look at it.
            tell.closed().await;
        });
    }

    /// The engine, once it is open.
    ///
    /// # Errors
    /// Why it could not be opened.
    pub(crate) async fn engine(&self) -> Result<Engine, IpcError> {
        let mut opening = self.opening.clone();
        let settled = opening.wait_for(|o| !matches!(o, Opening::Underway)).await;
        match settled.as_deref() {
            Ok(Opening::Open(engine)) => Ok(engine.clone()),
            Ok(Opening::Failed(error)) => Err(error.clone()),
            Ok(Opening::Underway) | Err(_) => Err(IpcError::new(
                IpcCode::NotOpen,
                "The platform is being closed.",
            )),
        }
    }
}

/// The scenarios a drill can be opened with.
pub(crate) fn drills() -> Vec<String> {
    scenario::NAMES
        .iter()
        .map(|&name| name.to_owned())
        .collect()
}

fn nothing() -> IpcError {
    IpcError::new(IpcCode::NotOpen, "No platform was named.").hint(
        "Start `quarterdeck --stack FILE` to look at yours, or `quarterdeck --drill dlq-fills` to practise on the simulated one.",
    )
}

async fn open_stack(file: &Path) -> Result<Engine, IpcError> {
    let mend = "Mend it and start again; the README describes the stack file.";
    let stack = cloud::Stack::load(file)
        .map_err(|error| IpcError::new(IpcCode::NotOpen, error.to_string()).hint(mend))?;
    let sessions = cloud::open(&stack)
        .await
        .map_err(|error| IpcError::new(IpcCode::NotOpen, error.to_string()).hint(mend))?;
    Ok(Engine::start(stack, sessions, &engine::state_dir()).await)
}

async fn open_drill(scenario: &str) -> (Result<Engine, IpcError>, Option<Simulation>) {
    let dir = engine::state_dir().join("drill");
    let options = Options {
        scenario: scenario.to_owned(),
        dir: dir.clone(),
        ..Options::default()
    };
    match Simulation::start(options).await {
        Ok(simulation) => (
            open_stack(&dir.join("quarterdeck.toml")).await,
            Some(simulation),
        ),
        Err(error) => (
            Err(IpcError::new(IpcCode::NotOpen, error.to_string())),
            None,
        ),
    }
}
