//! What was registered, asked for, confirmed and issued.

use std::collections::BTreeMap;

use super::Refusal;
use super::authenticator::Authenticator;
use super::keys::{KeyRing, Keys};
use crate::aws::authorize::Caller;
use crate::aws::principal::Principal;
use crate::clock::Millis;
use crate::options::SignInWay;
use crate::world::dice::Dice;

/// A client that asks again sooner than its interval less this was too fast, milliseconds.
const LENIENT_MS: i64 = 100;

/// For how long things hold, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A user code.
    pub code: i64,
    /// An access token.
    pub token: i64,
    /// A session: until then its refresh token gives new access tokens.
    pub session: i64,
    /// Credentials of a role, at most.
    pub role: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 600,
            token: 3600,
            session: 8 * 3600,
            role: 3600,
        }
    }
}

/// What somebody said to a code in their browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Waiting,
    /// Yes.
    Approved,
    /// No.
    Denied,
}

#[derive(Debug)]
struct Client {
    secret: String,
    ends: Millis,
    refreshes: bool,
}

#[derive(Debug)]
struct Device {
    user_code: String,
    client: String,
    ends: Millis,
    verdict: Verdict,
    asked: Option<Millis>,
}

#[derive(Debug)]
struct Refresh {
    client: String,
    ends: Millis,
}

/// A token as it is issued.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) seconds: i64,
}

/// What is known of everybody who signs in.
#[derive(Debug)]
pub struct SignIn {
    /// The keys that were issued.
    pub(crate) keys: KeyRing,
    /// The authenticator of the user, where its codes are asked for.
    pub(crate) device: Option<Authenticator>,
    /// Of what is issued from now on.
    pub lifetimes: Lifetimes,
    /// So many of the next polls are answered that they come too fast.
    pub slow_down: u32,
    /// What the next code meets as soon as it is asked for.
    pub next: Verdict,
    /// Where people sign in; requests name it.
    pub start_url: String,
    /// Seconds between two polls.
    pub interval: i64,
    dice: Dice,
    clients: BTreeMap<String, Client>,
    devices: BTreeMap<String, Device>,
    tokens: BTreeMap<String, Millis>,
    refreshes: BTreeMap<String, Refresh>,
}

impl SignIn {
    /// Nothing registered, nothing issued. Seeded with the time: what an earlier simulation issued is not known here.
    #[must_use]
    pub fn new(way: SignInWay, now: Millis) -> Self {
        let mut dice = Dice::new(now.0.unsigned_abs(), 11);
        let asks = way == SignInWay::Mfa;
        Self {
            keys: KeyRing::new(way, now),
            device: asks.then(|| Authenticator::new(&mut dice)),
            lifetimes: Lifetimes::default(),
            slow_down: 0,
            next: Verdict::Waiting,
            start_url: "https://quarterdeck-sim.awsapps.com/start".to_owned(),
            interval: 1,
            dice,
            clients: BTreeMap::new(),
            devices: BTreeMap::new(),
            tokens: BTreeMap::new(),
            refreshes: BTreeMap::new(),
        }
    }

    /// Codes that wait for somebody, in no order.
    #[must_use]
    pub fn waiting(&self, now: Millis) -> Vec<&str> {
        let devices = self.devices.values();
        devices
            .filter(|device| device.verdict == Verdict::Waiting && device.ends > now)
            .map(|device| device.user_code.as_str())
            .collect()
    }

    /// So many clients have registered.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Somebody says yes or no to a code that waits, or to the next one. False when no such code waits.
    pub fn judge(&mut self, code: Option<&str>, verdict: Verdict, now: Millis) -> bool {
        let Some(code) = code else {
            self.next = verdict;
            return true;
        };
        let mut devices = self.devices.values_mut();
        let waiting = devices.find(|device| {
            device.user_code == code && device.verdict == Verdict::Waiting && device.ends > now
        });
        match waiting {
            Some(device) => device.verdict = verdict,
            None => return false,
        }
        true
    }

    /// A client registers: its id, its secret, its end. With scopes its tokens can be renewed.
    pub(super) fn register(&mut self, refreshes: bool, now: Millis) -> (String, String, Millis) {
        let (id, secret) = (self.dice.lower(22), self.dice.lower(64));
        let ends = now.plus_seconds(90 * 86_400);
        let client = Client {
            secret: secret.clone(),
            ends,
            refreshes,
        };
        self.clients.insert(id.clone(), client);
        (id, secret, ends)
    }

    /// Whether a client is one.
    pub(super) fn known(&self, id: &str, secret: &str, now: Millis) -> Result<(), Refusal> {
        match self.clients.get(id) {
            Some(client) if client.secret == secret && client.ends > now => Ok(()),
            Some(_) | None => Err(Refusal::Client),
        }
    }

    /// A device code and a user code.
    pub(super) fn device(&mut self, client: &str, now: Millis) -> (String, String) {
        let code = self.dice.lower(40);
        let user_code = format!("{}-{}", self.dice.upper(4), self.dice.upper(4));
        let device = Device {
            user_code: user_code.clone(),
            client: client.to_owned(),
            ends: now.plus_seconds(self.lifetimes.code),
            verdict: std::mem::replace(&mut self.next, Verdict::Waiting),
            asked: None,
        };
        self.devices.insert(code.clone(), device);
        (code, user_code)
    }

    /// A poll: the token once the code is approved. A code gives one token.
    pub(super) fn poll(
        &mut self,
        client: &str,
        code: &str,
        now: Millis,
    ) -> Result<Issued, Refusal> {
        let device = self.devices.get_mut(code).ok_or(Refusal::Grant)?;
        if device.client != client {
            return Err(Refusal::Grant);
        }
        if device.ends <= now {
            return Err(Refusal::Expired);
        }
        let soonest = self.interval * 1000 - LENIENT_MS;
        let fast = device.asked.is_some_and(|at| now.since(at) < soonest);
        device.asked = Some(now);
        if self.slow_down > 0 {
            self.slow_down -= 1;
            return Err(Refusal::SlowDown);
        }
        match device.verdict {
            Verdict::Denied => Err(Refusal::Denied),
            _ if fast => Err(Refusal::SlowDown),
            Verdict::Waiting => Err(Refusal::Pending),
            Verdict::Approved => {
                self.devices.remove(code);
                let session = now.plus_seconds(self.lifetimes.session);
                Ok(self.issue(client, session, now))
            }
        }
    }

    /// A refresh: a new token of the same session. A refresh token is used once.
    pub(super) fn refresh(
        &mut self,
        client: &str,
        token: &str,
        now: Millis,
    ) -> Result<Issued, Refusal> {
        let refresh = self.refreshes.get(token).ok_or(Refusal::Grant)?;
        if refresh.client != client {
            return Err(Refusal::Grant);
        }
        let ends = refresh.ends;
        self.refreshes.remove(token);
        match ends > now {
            true => Ok(self.issue(client, ends, now)),
            false => Err(Refusal::Expired),
        }
    }

    fn issue(&mut self, client: &str, session: Millis, now: Millis) -> Issued {
        let ends = now.plus_seconds(self.lifetimes.token).min(session);
        let access = self.dice.lower(64);
        self.tokens.insert(access.clone(), ends);
        let refreshes = self.clients.get(client).is_some_and(|c| c.refreshes);
        let refresh = refreshes.then(|| self.dice.lower(64));
        if let Some(refresh) = &refresh {
            let kept = Refresh {
                client: client.to_owned(),
                ends: session,
            };
            self.refreshes.insert(refresh.clone(), kept);
        }
        Issued {
            access,
            refresh,
            seconds: ends.since(now) / 1000,
        }
    }

    /// Whether an access token holds.
    pub(super) fn holds(&self, token: &str, now: Millis) -> Result<(), Refusal> {
        match self.tokens.get(token) {
            Some(ends) if *ends > now => Ok(()),
            Some(_) | None => Err(Refusal::Unauthorized),
        }
    }

    /// Credentials of whoever looks at the platform.
    pub(super) fn operations(&mut self, now: Millis) -> Keys {
        let holder = Caller::whole(Principal::operations());
        let ends = now.plus_seconds(self.lifetimes.role);
        self.keys.issue(holder, ends, now)
    }

    /// Another authenticator in the place of the one there is; false where there is none.
    pub fn replace_device(&mut self) -> bool {
        let there = self.device.is_some();
        if there {
            self.device = Some(Authenticator::new(&mut self.dice));
        }
        there
    }
}
