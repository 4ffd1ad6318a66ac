//! What every server of the simulation shares: the world behind one mutex, and the signal that it moved.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::aws::sign_in::SignIn;
use crate::fault::Faults;
use crate::trail::Trail;
use crate::world::World;

/// The world and what surrounds it, shared by all servers and the clock.
pub struct Shared {
    world: Mutex<World>,
    faults: Mutex<Faults>,
    sign_in: Mutex<SignIn>,
    trail: Mutex<Trail>,
    steps: watch::Sender<u64>,
    /// Pod changes per second and cluster, made for their own sake.
    churn: watch::Sender<u32>,
    /// Added to every answer, milliseconds.
    pub latency_ms: u64,
    /// The bearer token the written kubeconfig carries; any other is answered 401.
    pub bearer_token: String,
}

/// The handle the servers hold.
pub type SharedWorld = Arc<Shared>;

impl Shared {
    /// Wraps a world.
    #[must_use]
    pub fn new(
        world: World,
        faults: Faults,
        sign_in: SignIn,
        latency_ms: u64,
        bearer_token: String,
    ) -> SharedWorld {
        let (steps, _) = watch::channel(0);
        Arc::new(Self {
            world: Mutex::new(world),
            faults: Mutex::new(faults),
            sign_in: Mutex::new(sign_in),
            trail: Mutex::default(),
            steps,
            churn: watch::Sender::new(0),
            latency_ms,
            bearer_token,
        })
    }

    /// Locks the world. Never hold the guard across an await.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the faults in force. Never hold the guard across an await.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks what was issued to those who signed in. Never hold the guard across an await.
    pub fn sign_in(&self) -> MutexGuard<'_, SignIn> {
        self.sign_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks what was called and by whom. Never hold the guard across an await.
    pub fn trail(&self) -> MutexGuard<'_, Trail> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receiver that changes whenever the world moved: a step of the clock, or a write through an API.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.steps.subscribe()
    }

    /// How many pods of each cluster change per wall second for the sake of the change.
    #[must_use]
    pub fn churn(&self) -> &watch::Sender<u32> {
        &self.churn
    }

    /// Wakes everyone who subscribed. Called by the clock after a step and by a server after a write.
    pub fn notify(&self) {
        self.steps.send_modify(|n| *n += 1);
    }
}
