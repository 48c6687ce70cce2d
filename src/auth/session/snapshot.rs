//! [`Snapshot`]: what a call sees of the session, in one read.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Uri};

use crate::{Origins, Result, auth::Token};

/// A part of the lifetime that the leeway never exceeds: a token that lives
/// shorter than the leeway would never be fresh.
const LEEWAY_PART: u32 = 4;

/// The session as it was published last. It is replaced, never changed.
#[derive(Clone)]
pub(in crate::auth) struct Snapshot {
    /// Which sign-in of this process: grows with every sign-in and sign-out.
    pub(in crate::auth) generation: u64,
    /// Which token of this process: grows with every one that is published.
    pub(in crate::auth) version: u64,
    pub(in crate::auth) status: Status,
    /// A server has refused this token.
    pub(in crate::auth) rejected: bool,
    /// The origins of the base addresses of the clients so far, one set each;
    /// empty where the builder named the origins.
    pub(in crate::auth) homes: Arc<[Origins]>,
}

/// What there is to attach.
#[derive(Clone)]
pub(in crate::auth) enum Status {
    /// The store has not been read yet.
    Unloaded,
    /// Nobody is signed in.
    Empty,
    Live(Arc<Held>),
    /// The server has ended the session.
    Dead(Arc<crate::auth::RefreshError>),
}

/// A token, ready to be attached.
pub(in crate::auth) struct Held {
    pub(in crate::auth) token: Token,
    pub(in crate::auth) header: HeaderValue,
    /// From when on calls wait for the next token; `None` if it does not
    /// expire, as far as we know.
    pub(in crate::auth) mandatory_at: Option<SystemTime>,
    /// The fingerprint of the header's value.
    pub(super) mark: u64,
    /// The fingerprint of what a refresh spends.
    pub(super) key: u64,
}

/// How a [`Held`] is made of a token.
pub(super) struct Making<'a> {
    pub(super) name: &'a HeaderName,
    pub(super) leeway: Duration,
    /// 0 to 1: how much of a tenth is added to the leeway, so that processes
    /// whose tokens expire together do not refresh together.
    pub(super) share: f64,
    /// `None` where no clock is known yet.
    pub(super) now: Option<SystemTime>,
    pub(super) keys: &'a std::hash::RandomState,
}

impl Making<'_> {
    /// Checks a token and builds its header.
    pub(super) fn hold(&self, token: Token) -> Result<Arc<Held>> {
        let header = token.header(self.name)?;
        let spent = token.refresh_token().unwrap_or(token.access_token());
        Ok(Arc::new(Held {
            mark: fingerprint(self.keys, header.as_bytes()),
            key: fingerprint(self.keys, spent.expose().as_bytes()),
            mandatory_at: self.mandatory_at(&token),
            header,
            token,
        }))
    }

    fn mandatory_at(&self, token: &Token) -> Option<SystemTime> {
        let expiry = token.expiry()?;
        let lifetime = token.lifetime().or_else(|| {
            // What is left is a lower bound of the lifetime.
            let left = expiry.duration_since(self.now?);
            Some(left.unwrap_or_default())
        });
        let more = (self.leeway / 10).mul_f64(self.share.clamp(0.0, 1.0));
        let leeway = self.leeway.saturating_add(more);
        let leeway = lifetime.map_or(leeway, |lifetime| leeway.min(lifetime / LEEWAY_PART));
        Some(expiry.checked_sub(leeway).unwrap_or(SystemTime::UNIX_EPOCH))
    }
}

impl Held {
    pub(in crate::auth) fn is_fresh(&self, now: SystemTime) -> bool {
        self.mandatory_at.is_none_or(|mandatory| now < mandatory)
    }
}

impl Snapshot {
    pub(super) fn held(&self) -> Option<&Arc<Held>> {
        match &self.status {
            Status::Live(held) => Some(held),
            Status::Unloaded | Status::Empty | Status::Dead(_) => None,
        }
    }

    /// Tells whether a token can be attached without asking anybody.
    pub(super) fn is_usable(&self, now: SystemTime) -> bool {
        !self.rejected && self.held().is_some_and(|held| held.is_fresh(now))
    }

    /// Finds the client's base among those that were seen.
    pub(in crate::auth) fn home(&self, uri: &Uri) -> Option<&Origins> {
        self.homes.iter().find(|home| home.contains(uri))
    }
}

/// Returns the keyed fingerprint of a secret; it means nothing outside of this
/// process.
pub(super) fn fingerprint(keys: &std::hash::RandomState, secret: &[u8]) -> u64 {
    use std::hash::BuildHasher;

    keys.hash_one(secret)
}

/// The fingerprints of the headers that this session sent before.
#[derive(Debug, Default)]
pub(super) struct Past(VecDeque<u64>);

impl Past {
    const LIMIT: usize = 64;

    pub(super) fn push(&mut self, mark: u64) {
        if self.0.len() == Self::LIMIT {
            self.0.pop_front();
        }
        self.0.push_back(mark);
    }

    pub(super) fn contains(&self, mark: u64) -> bool {
        self.0.contains(&mark)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn mandatory_after(token: Token, share: f64) -> Option<Duration> {
        let keys = std::hash::RandomState::new();
        let making = Making {
            name: &AUTHORIZATION,
            leeway: Duration::from_secs(60),
            share,
            now: Some(NOW),
            keys: &keys,
        };
        let held = making.hold(token).unwrap();
        Some(held.mandatory_at?.duration_since(NOW).unwrap())
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_leeway_is_at_most_a_part_of_the_lifetime() {
        let lives = |lifetime| Token::new("a").expires_in(seconds(lifetime), NOW);
        assert_eq!(mandatory_after(lives(3600), 0.0), Some(seconds(3540)));
        assert_eq!(mandatory_after(lives(3600), 1.0), Some(seconds(3534)));
        assert_eq!(mandatory_after(lives(40), 1.0), Some(seconds(30)));
        let until = Token::new("a").expires_at(NOW + seconds(40));
        assert_eq!(mandatory_after(until, 0.0), Some(seconds(30)));
        assert_eq!(mandatory_after(Token::new("a"), 0.0), None);
    }

    #[test]
    fn the_past_is_bounded() {
        let mut past = Past::default();
        for mark in 0..100 {
            past.push(mark);
        }
        assert!(past.contains(99) && past.contains(36));
        assert!(!past.contains(35));
    }
}
