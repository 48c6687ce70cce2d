//! [`Snapshot`]: what a call sees of the session, in one read.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Uri};

use crate::{Origins, Result, auth::Token};

/// A part of the lifetime that the leeway never exceeds: a token that lives
/// shorter than the leeway would never be fresh.
const LEEWAY_PART: u32 = 4;
/// The same for the time in which a refresh is made in the background.
const EARLY_PART: u32 = 2;
/// How much of that time the beginnings are spread over. The rest is left for
/// the refresh itself.
const EARLY_SPREAD: f64 = 0.75;

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
    /// The time for which a look into the store counts; `None` where it is not
    /// looked at.
    pub(in crate::auth) seen: Option<Range<SystemTime>>,
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
    /// From when on a call starts a refresh for which nobody waits.
    pub(in crate::auth) early_at: Option<SystemTime>,
    /// The fingerprint of the header's value.
    pub(super) mark: u64,
    /// The fingerprint of what a refresh spends.
    pub(super) key: u64,
}

/// How a [`Held`] is made of a token.
pub(super) struct Making<'a> {
    pub(super) name: &'a HeaderName,
    pub(super) leeway: Duration,
    /// How long before the expiry a refresh is made in the background.
    pub(super) early: Duration,
    /// 0 to 1: how much of a tenth is added to the leeway, and when in its time
    /// the background refresh begins, so that processes whose tokens expire
    /// together do not refresh together.
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
        let (early_at, mandatory_at) = self.times(&token).unzip();
        Ok(Arc::new(Held {
            mark: fingerprint(self.keys, header.as_bytes()),
            key: fingerprint(self.keys, spent.expose().as_bytes()),
            mandatory_at,
            early_at: early_at.flatten(),
            header,
            token,
        }))
    }

    /// When a refresh begins in the background, if ever, and from when on calls
    /// wait for it.
    fn times(&self, token: &Token) -> Option<(Option<SystemTime>, SystemTime)> {
        let expiry = token.expiry()?;
        let lifetime = token.lifetime().or_else(|| {
            // What is left is a lower bound of the lifetime.
            let left = expiry.duration_since(self.now?);
            Some(left.unwrap_or_default())
        });
        let part = |time: Duration, part| lifetime.map_or(time, |all| time.min(all / part));
        let share = self.share.clamp(0.0, 1.0);
        let more = (self.leeway / 10).mul_f64(share);
        let leeway = part(self.leeway.saturating_add(more), LEEWAY_PART);
        let before = |time| expiry.checked_sub(time).unwrap_or(SystemTime::UNIX_EPOCH);
        let window = part(self.early, EARLY_PART).saturating_sub(leeway);
        let early = window.mul_f64(1.0 - EARLY_SPREAD * share);
        let early = (!early.is_zero()).then(|| before(leeway.saturating_add(early)));
        Some((early, before(leeway)))
    }
}

impl Held {
    pub(in crate::auth) fn is_fresh(&self, now: SystemTime) -> bool {
        self.mandatory_at.is_none_or(|mandatory| now < mandatory)
    }

    /// Tells whether a refresh should begin in the background.
    pub(in crate::auth) fn is_due(&self, now: SystemTime) -> bool {
        self.early_at.is_some_and(|early| now >= early)
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

    /// Tells whether a call should start something in the background.
    pub(in crate::auth) fn is_due(&self, now: SystemTime) -> bool {
        self.is_look_due(now) || self.held().is_some_and(|held| held.is_due(now))
    }

    /// Tells whether the store should be looked at: also where the clock was set
    /// back meanwhile.
    pub(super) fn is_look_due(&self, now: SystemTime) -> bool {
        self.seen.as_ref().is_some_and(|seen| !seen.contains(&now))
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

/// The fingerprints of what this session has used before: headers, or refresh
/// tokens.
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

    fn hold(token: Token, share: f64) -> Arc<Held> {
        let keys = std::hash::RandomState::new();
        let making = Making {
            name: &AUTHORIZATION,
            leeway: Duration::from_secs(60),
            early: Duration::from_secs(300),
            share,
            now: Some(NOW),
            keys: &keys,
        };
        making.hold(token).unwrap()
    }

    fn after(at: Option<SystemTime>) -> Option<Duration> {
        Some(at?.duration_since(NOW).unwrap())
    }

    fn mandatory_after(token: Token, share: f64) -> Option<Duration> {
        after(hold(token, share).mandatory_at)
    }

    fn early_after(token: Token, share: f64) -> Option<Duration> {
        after(hold(token, share).early_at)
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
    fn the_background_refresh_is_spread_and_ends_before_calls_wait() {
        let lives = |lifetime| Token::new("a").expires_in(seconds(lifetime), NOW);
        assert_eq!(early_after(lives(3600), 0.0), Some(seconds(3300)));
        // A quarter of the 234 s that are left of the window.
        let last = early_after(lives(3600), 1.0).unwrap();
        assert_eq!(last, Duration::from_millis(3_475_500));
        assert_eq!(early_after(lives(40), 0.0), Some(seconds(20)));
        assert_eq!(early_after(lives(0), 0.5), None);
        assert_eq!(early_after(Token::new("a"), 0.0), None);
        let held = hold(lives(40), 0.0);
        assert!(!held.is_due(NOW + seconds(19)) && held.is_due(NOW + seconds(20)));
        assert!(held.is_fresh(NOW + seconds(29)) && !held.is_fresh(NOW + seconds(30)));
    }

    #[test]
    fn a_thousand_processes_spread_over_the_window() {
        let token = || Token::new("a").expires_in(seconds(3600), NOW);
        let mut random = fastrand::Rng::with_seed(7);
        let mut buckets = [0_u32; 10];
        for _ in 0..1_000 {
            let early = early_after(token(), random.f64()).unwrap();
            let into = early.saturating_sub(seconds(3300)).as_secs_f64() / 240.0;
            buckets[(into * 10.0) as usize] += 1;
        }
        // 100 a bucket would be uniform over all of the window.
        assert!(buckets.iter().all(|bucket| *bucket <= 165), "{buckets:?}");
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
