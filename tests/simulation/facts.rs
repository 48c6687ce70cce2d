//! [`Given`] and [`Called`]: what is known of each pair of tokens, and of each
//! call.

use std::time::{Duration, SystemTime};

/// Which pair of tokens: family, and number within it.
pub(crate) type Id = (u32, u32);

/// The default, and what is added to it at most.
const LEEWAY: Duration = Duration::from_secs(66);

/// What is true of a pair, or of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact {
    /// Its flight was dropped before it could land.
    Cut,
    /// A write of it was begun.
    Tried,
    /// A write of it has ended: done, failed or given up.
    Written,
    /// The store holds it, or held it.
    Committed,
    /// And nobody can have missed that: we stored it, or all take leases.
    Binding,
    /// The API has refused it.
    Refused,
    /// And the session has seen that: no call starts with it again.
    Barred,
    Revoked,
    /// It was known who is signed in when the call started: it is for nobody
    /// else.
    Settled,
    /// The call's own deadline may end it at any time.
    Hasty,
    /// The call had its token at once: nothing was refreshed for it.
    Prompt,
    Over,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts(u16);

impl Facts {
    pub(crate) fn has(self, fact: Fact) -> bool {
        self.0 & (1 << fact as u16) != 0
    }

    pub(crate) fn add(&mut self, fact: Fact) {
        self.0 |= 1 << fact as u16;
    }
}

/// What has become of a pair that the server gave.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) id: Id,
    /// The number of the refresh token that was spent for it; 0 at sign-in.
    pub(crate) spent: u32,
    pub(crate) expiry: Option<SystemTime>,
    pub(crate) lifetime: Option<Duration>,
    /// The flight that was given it by its refresher.
    pub(crate) delivered: Option<usize>,
    pub(crate) facts: Facts,
}

impl Given {
    /// No call has to wait for another one.
    pub(crate) fn is_usable(&self, now: SystemTime) -> bool {
        let life = self.lifetime.unwrap_or_default();
        !self.facts.has(Fact::Refused) && self.lives(LEEWAY.min(life / 4), now)
    }

    /// There is no reason to refresh it, not even ahead of time.
    pub(crate) fn is_young(&self, now: SystemTime) -> bool {
        let life = self.lifetime.unwrap_or_default();
        !self.facts.has(Fact::Refused) && self.lives(life / 2, now)
    }

    fn lives(&self, time: Duration, now: SystemTime) -> bool {
        self.expiry.is_none_or(|expiry| now + time < expiry)
    }

    /// The session has got it: from its refresher, and has not lost it since.
    pub(crate) fn is_held(&self) -> bool {
        self.delivered.is_some() && !self.facts.has(Fact::Cut)
    }
}

/// One call, as the API sees it.
#[derive(Debug, Default)]
pub(crate) struct Called {
    /// The families that were signed in at some time of its life.
    pub(crate) families: u64,
    /// The one whose token it has sent.
    pub(crate) sent: Option<u32>,
    pub(crate) attempts: u32,
    /// The generation in which it began to wait, unless the API has it.
    pub(crate) waits_since: Option<u32>,
    /// The last status.
    pub(crate) answer: Option<u16>,
    pub(crate) facts: Facts,
}
