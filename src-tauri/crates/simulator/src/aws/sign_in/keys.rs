//! The keys that were issued, whose they are, and until when.

use std::collections::BTreeMap;

use super::KeyRefusal;
use crate::aws::authorize::Caller;
use crate::aws::principal::Principal;
use crate::aws::{ACCESS_KEY, SECRET_KEY};
use crate::clock::Millis;
use crate::options::SignInWay;
use crate::world::dice::Dice;

/// How long it is remembered that a key was given, after its end, seconds.
const REMEMBERED: i64 = 3600;

#[derive(Debug)]
struct Key {
    secret: String,
    session: String,
    ends: Millis,
    holder: Caller,
}

/// Temporary credentials.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) session: String,
    pub(crate) ends: Millis,
}

/// All that were issued.
#[derive(Debug)]
pub(crate) struct KeyRing {
    /// Which keys are let in that were not issued here.
    way: SignInWay,
    dice: Dice,
    keys: BTreeMap<String, Key>,
}

impl KeyRing {
    pub(super) fn new(way: SignInWay, now: Millis) -> Self {
        Self {
            way,
            dice: Dice::new(now.0.unsigned_abs(), 12),
            keys: BTreeMap::new(),
        }
    }

    /// Which keys are let in that were not issued here.
    pub(crate) fn way(&self) -> SignInWay {
        self.way
    }

    /// Issues keys to `holder`.
    pub(crate) fn issue(&mut self, holder: Caller, ends: Millis, now: Millis) -> Keys {
        let long_ago = now.plus_seconds(-REMEMBERED);
        self.keys.retain(|_, key| key.ends > long_ago);
        let keys = Keys {
            id: format!("ASIA{}", self.dice.upper(16)),
            secret: self.dice.lower(40),
            session: self.dice.lower(120),
            ends,
        };
        let key = Key {
            secret: keys.secret.clone(),
            session: keys.session.clone(),
            ends,
            holder,
        };
        self.keys.insert(keys.id.clone(), key);
        keys
    }

    /// Who signed a request with `key` that carries `session`.
    pub(crate) fn admits(
        &self,
        key: &str,
        session: Option<&str>,
        now: Millis,
    ) -> Result<Caller, KeyRefusal> {
        match (self.keys.get(key), self.way) {
            (Some(known), _) if session != Some(known.session.as_str()) => Err(KeyRefusal::Unknown),
            (Some(known), _) if known.ends <= now => Err(KeyRefusal::Expired),
            (Some(known), _) => Ok(known.holder.clone()),
            // Keys of a session that ended long ago are nobody's; those of a user are whoever's.
            (None, SignInWay::Keys) if key.starts_with("ASIA") => Err(KeyRefusal::Unknown),
            (None, SignInWay::Keys) => Ok(Caller::whole(Principal::operations())),
            (None, SignInWay::Role | SignInWay::Mfa) if key == ACCESS_KEY => {
                Ok(Caller::whole(Principal::User))
            }
            (None, SignInWay::Sso | SignInWay::Role | SignInWay::Mfa) => Err(KeyRefusal::Unknown),
        }
    }

    /// The secret of a key that holds and opens a cluster, for what is checked to the last bit.
    pub(crate) fn secret(&self, key: &str, session: Option<&str>, now: Millis) -> Option<String> {
        match self.keys.get(key) {
            Some(known) => {
                self.admits(key, session, now).ok()?;
                Some(known.secret.clone())
            }
            None if key == ACCESS_KEY && self.way == SignInWay::Keys => Some(SECRET_KEY.to_owned()),
            None => None,
        }
    }
}
