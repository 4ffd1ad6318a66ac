//! What the window looks at: a stack file, or the simulated platform of a drill. Opened once, in
//! the background, so that the window is there at once and a failure is a sentence in it.

use crate::error::{IpcCode, IpcError};
use cloud::stack::{self, Saved};
use engine::Engine;
use model::NodeId;
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
        [] => Ok(only_one(&stack::saved(&engine::config_dir()))),
        ["--stack", file] => Ok(Asked::Stack(PathBuf::from(file))),
        ["--drill", scenario] => Ok(Asked::Drill((*scenario).to_owned())),
        ["--drill"] => Ok(Asked::Drill("dlq-fills".to_owned())),
        other => Err(format!(
            "{:?} is not understood: start `quarterdeck --stack FILE`, or `quarterdeck --drill calm|az-degraded|dlq-fills|writer-sick|writer-load|spot-storm`.",
            other.join(" ")
        )),
    }
}

/// The stack file that is kept, where it is the only one: somebody who is woken up wants to see, not to
/// choose.
fn only_one(kept: &[Saved]) -> Asked {
    match kept {
        [only] => Asked::Stack(only.file.clone()),
        _ => Asked::Nothing,
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
    /// What a drill looks at.
    simulation: Arc<Mutex<Option<Simulation>>>,
}

impl Platform {
    /// Starts opening in the background of the current runtime.
    pub(crate) fn open(asked: Wish) -> Self {
        let (tell, opening) = watch::channel(Opening::Underway);
        let platform = Self {
            asked: Arc::new(Mutex::new(asked.clone())),
            tell,
            opening,
            simulation: Arc::default(),
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
        let began = self.tell.send_if_modified(|opening| {
            let idle = matches!(opening, Opening::Failed(_));
            if idle {
                *opening = Opening::Underway;
            }
            idle
        });
        if !began {
            let sentence = "A platform is being opened just now.";
            return Err(IpcError::new(IpcCode::Refused, sentence));
        }
        *wish = Ok(Asked::Drill(scenario.to_owned()));
        self.begin(wish.clone());
        Ok(())
    }

    /// Opens a stack file in the place of what is looked at.
    ///
    /// # Errors
    /// While a run is under way, or something is being opened.
    pub(crate) async fn open_stack(&self, file: PathBuf) -> Result<(), IpcError> {
        self.turn_to(Ok(Asked::Stack(file))).await
    }

    /// Closes what is looked at, so that something else can be chosen.
    ///
    /// # Errors
    /// While a run is under way, or something is being opened.
    pub(crate) async fn leave(&self) -> Result<(), IpcError> {
        self.turn_to(Ok(Asked::Nothing)).await
    }

    /// Opens what was asked for once more.
    ///
    /// # Errors
    /// While a run is under way, or something is being opened.
    pub(crate) async fn reopen(&self) -> Result<(), IpcError> {
        self.turn_to(self.asked()).await
    }

    async fn turn_to(&self, asked: Wish) -> Result<(), IpcError> {
        let present = self.present()?;
        *self.wish() = asked.clone();
        if let Some(engine) = present {
            engine.stop().await;
        }
        self.begin(asked);
        Ok(())
    }

    /// Takes the engine that runs out of sight, so that two turns never meet.
    fn present(&self) -> Result<Option<Engine>, IpcError> {
        let mut refusal = None;
        let mut present = None;
        self.tell.send_if_modified(|opening| {
            match opening {
                Opening::Underway => refusal = Some("A platform is being opened just now."),
                Opening::Open(engine) if !engine.helm().close() => {
                    refusal = Some(
                        "A press or a run is under way here, and what it did would not be verified: wait for its receipt, or cancel it first.",
                    );
                }
                Opening::Open(engine) => present = Some(engine.clone()),
                Opening::Failed(_) => {}
            }
            if refusal.is_none() {
                *opening = Opening::Underway;
            }
            refusal.is_none()
        });
        match refusal {
            Some(sentence) => Err(IpcError::new(IpcCode::Refused, sentence)),
            None => Ok(present),
        }
    }

    /// Whether the platform that is looked at has this node.
    pub(crate) fn knows(&self, node: &NodeId) -> bool {
        match &*self.opening.borrow() {
            Opening::Open(engine) => engine.snapshot().nodes.iter().any(|n| n.id == *node),
            Opening::Underway | Opening::Failed(_) => false,
        }
    }

    fn wish(&self) -> MutexGuard<'_, Wish> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, asked: Wish) {
        let tell = self.tell.clone();
        let kept = Arc::clone(&self.simulation);
        tauri::async_runtime::spawn(async move {
            // The last one holds the folder.
            drop(kept.lock().unwrap_or_else(PoisonError::into_inner).take());
            let (outcome, simulation) = match asked {
                Ok(Asked::Stack(file)) => (open_stack(&file).await, None),
                Ok(Asked::Drill(scenario)) => open_drill(&scenario).await,
                Ok(Asked::Nothing) => (Err(nothing()), None),
                Err(sentence) => (Err(IpcError::new(IpcCode::NotOpen, sentence)), None),
            };
            // The simulated platform lives as long as it is looked at.
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = simulation;
            tell.send_replace(outcome.map_or_else(Opening::Failed, Opening::Open));
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
    let mend = "Mend it and try again; the README describes the stack file.";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_the_only_platform_that_is_kept_is_opened_and_of_several_one_asks() {
        let kept = |name: &str| Saved {
            file: PathBuf::from(name),
            identity: Err("wrong".to_owned()),
        };
        assert_eq!(only_one(&[]), Asked::Nothing);
        assert_eq!(only_one(&[kept("a")]), Asked::Stack(PathBuf::from("a")));
        assert_eq!(only_one(&[kept("a"), kept("b")]), Asked::Nothing);
    }

    #[tokio::test]
    async fn nothing_is_turned_to_while_something_is_being_opened() {
        let (tell, opening) = watch::channel(Opening::Underway);
        let platform = Platform {
            asked: Arc::new(Mutex::new(Ok(Asked::Nothing))),
            tell,
            opening,
            simulation: Arc::default(),
        };
        let refused = platform.leave().await.expect_err("it is being opened");
        assert_eq!(refused.code, IpcCode::Refused);
        assert_eq!(platform.asked(), Ok(Asked::Nothing));
    }
}
