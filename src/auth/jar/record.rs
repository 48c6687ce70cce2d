//! [`Record`]: a token whose parts are cookies, with its stamp.
//!
//! The stamp lives beside the jar and goes up whenever one of the cookies is
//! set, by whomsoever: a pair that came and went is another sign-in, one that
//! was replaced is the next version.

use std::{sync::Arc, time::SystemTime};

use futures_util::lock::Mutex;
use http::HeaderMap;
use url::Url;

use super::{contents::Contents, entry::Entry, shared::Source};
use crate::auth::{Presented, Secret, Stamp, Stored, Swap, Token};

/// Stands for an access token that is not there, and is never sent: it has
/// expired in 1970.
const GONE: &str = "gone";

/// Which cookies make up a token.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::auth) struct Names {
    pub(in crate::auth) url: Url,
    pub(in crate::auth) access: Option<String>,
    pub(in crate::auth) refresh: Option<String>,
}

impl Names {
    pub(super) fn has(&self, name: &str) -> bool {
        self.all().any(|known| known == name)
    }

    pub(super) fn names(&self, entry: &Entry) -> bool {
        self.has(entry.name()) && entry.belongs_to(&self.url)
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.access.iter().chain(&self.refresh).map(String::as_str)
    }
}

/// The serials of the two cookies, as far as there are any.
type Seen = (Option<u64>, Option<u64>);

pub(in crate::auth) struct Record {
    pub(super) names: Arc<Names>,
    stamp: Stamp,
    seen: Seen,
    /// The stamp before the answer of a refresh, which a session may
    /// overwrite: what the answer has set is what it is about to write.
    answered: Option<Stamp>,
    dead: bool,
    fence: u64,
    presented: Option<Presented>,
    /// What was written last: of a token more than its cookies can tell.
    last: Option<Token>,
    pub(in crate::auth) leases: Arc<Mutex<()>>,
    leased: u64,
}

impl Record {
    pub(super) fn of(names: &Arc<Names>, contents: &Contents) -> Self {
        let mut record = Self {
            names: Arc::clone(names),
            stamp: Stamp::default(),
            seen: (None, None),
            answered: None,
            dead: false,
            fence: 0,
            presented: None,
            last: None,
            leases: Arc::default(),
            leased: 0,
        };
        record.settle(contents);
        record
    }

    fn entry<'a>(&self, name: Option<&String>, contents: &'a Contents) -> Option<&'a Entry> {
        let found = contents.find(name?, &self.names.url)?;
        // Some servers delete a cookie by emptying it.
        (!found.bare().is_empty()).then_some(found)
    }

    fn access<'a>(&self, contents: &'a Contents) -> Option<&'a Entry> {
        self.entry(self.names.access.as_ref(), contents)
    }

    fn refresh<'a>(&self, contents: &'a Contents) -> Option<&'a Entry> {
        self.entry(self.names.refresh.as_ref(), contents)
    }

    fn look(&self, contents: &Contents) -> Seen {
        (
            self.access(contents).map(|it| it.serial),
            self.refresh(contents).map(|it| it.serial),
        )
    }

    /// Follows what has become of the cookies.
    pub(super) fn settle(&mut self, contents: &Contents) {
        let seen = self.look(contents);
        if seen == self.seen {
            return;
        }
        let (was, is) = (self.seen != (None, None), seen != (None, None));
        self.stamp = if was && is {
            self.stamp.next()
        } else {
            self.stamp.next_epoch()
        };
        self.seen = seen;
        self.answered = None;
        self.presented = None;
        self.fence = 0;
        self.dead = false;
        // A token in memory may be another user's than the new cookie.
        if !is || self.names.access.is_none() {
            self.last = None;
        }
    }

    /// Takes in what the answer of a refresh sets, which the session that has
    /// asked may write. Tells whether the access token is among it.
    pub(in crate::auth) fn take_answer(
        &mut self,
        contents: &mut Contents,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> bool {
        let (before, access) = (self.stamp, self.seen.0);
        contents.store(&self.names.url, headers, now, Source::Answer);
        self.settle(contents);
        if self.stamp != before {
            self.answered = Some(before);
        }
        self.seen.0.is_some() && self.seen.0 != access
    }

    /// Reads the token out of the cookies.
    pub(in crate::auth) fn token(&self, contents: &Contents) -> Option<Token> {
        let refresh = self
            .refresh(contents)
            .map(|entry| Secret::from(entry.bare()));
        let access = match &self.names.access {
            Some(_) => self.access(contents).map(|it| (it.bare(), it.expires_at)),
            None => {
                let last = self.last.as_ref();
                last.map(|last| (last.access_token().expose(), last.expiry()))
            }
        };
        let Some((access, expires_at)) = access else {
            let token = Token::new(GONE).expires_at(SystemTime::UNIX_EPOCH);
            return refresh.map(|refresh| token.refresh(refresh));
        };
        // What was written tells more than a cookie, as long as it is the same.
        let whole = |last: &&Token| {
            last.access_token().expose() == access
                && (refresh.is_some()
                    || self.names.refresh.is_none()
                    || last.refresh_token().is_none())
        };
        let last = self.last.as_ref().filter(whole).cloned();
        let mut token = last.unwrap_or_else(|| Token::new(access));
        if let Some(at) = expires_at {
            token = token.expires_at(at);
        }
        Some(match refresh {
            Some(refresh) => token.refresh(refresh),
            None => token,
        })
    }

    pub(in crate::auth) fn stored(&self, contents: &Contents) -> Stored {
        let stored = match self.token(contents) {
            _ if self.dead => Stored::dead(self.stamp),
            Some(token) => Stored::live(self.stamp, token),
            None => Stored::empty(self.stamp),
        };
        let stored = stored.with_fence(self.fence);
        match self.presented {
            Some(presented) => stored.with_presented(presented),
            None => stored,
        }
    }

    /// Writes a record if the stamp is the expected one; says what cannot be
    /// a cookie.
    pub(in crate::auth) fn swap(
        &mut self,
        contents: &mut Contents,
        expected: Stamp,
        new: &Stored,
        now: SystemTime,
    ) -> Result<Swap, &'static str> {
        if self.stamp != expected && self.answered != Some(expected) {
            return Ok(Swap::Conflict(self.stored(contents)));
        }
        match new.token() {
            Some(token) => self.write(contents, token, now)?,
            None => self.remove(contents),
        }
        self.last = new.token().cloned();
        self.dead = new.is_dead();
        self.fence = new.fence();
        self.presented = new.presented();
        self.stamp = self.stamp.max(new.stamp());
        self.answered = None;
        self.seen = self.look(contents);
        Ok(Swap::Done)
    }

    /// Writes the cookies of a token: both, or none if one of them cannot be.
    fn write(
        &self,
        contents: &mut Contents,
        token: &Token,
        now: SystemTime,
    ) -> Result<(), &'static str> {
        let access = token.access_token().expose();
        let access = match self.names.access.as_deref().filter(|_| access != GONE) {
            Some(name) => {
                let known = self.access(contents);
                let mut made = self.made(known, (name, access), "/")?;
                made.expires_at = token.expiry().or(made.expires_at);
                Some(made)
            }
            None => None,
        };
        let refresh = token.refresh_token().map(Secret::expose);
        match (self.names.refresh.as_deref(), refresh) {
            (Some(name), Some(value)) => {
                let known = self.refresh(contents);
                let folder = default_path(&self.names.url);
                let refresh = self.made(known, (name, value), folder)?;
                contents.keep(refresh, now);
            }
            (Some(name), None) => contents.remove(name, &self.names.url),
            (None, _) => {}
        }
        if let Some(access) = access {
            contents.keep(access, now);
        }
        Ok(())
    }

    /// Makes the cookie of a value.
    ///
    /// It goes where the one before it went. The first one is not for scripts,
    /// and stays below `path`.
    fn made(
        &self,
        known: Option<&Entry>,
        (name, value): (&str, &str),
        path: &str,
    ) -> Result<Entry, &'static str> {
        if let Some(known) = known {
            if known.bare() == value {
                // Set by the server, which knows best until when.
                return Ok(known.clone());
            }
            let mut next = known.clone().with_value(value)?;
            next.expires_at = None;
            return Ok(next);
        }
        let url = &self.names.url;
        let secure = if url.scheme() == "https" {
            "; Secure"
        } else {
            ""
        };
        let path = if name.starts_with("__Host-") {
            "/"
        } else {
            path
        };
        let text = format!("{name}=; Path={path}; HttpOnly{secure}");
        Entry::parse(&text, url, SystemTime::UNIX_EPOCH)?.with_value(value)
    }

    fn remove(&self, contents: &mut Contents) {
        for name in self.names.all() {
            contents.remove(name, &self.names.url);
        }
    }

    /// Ends the sign-ins up to `epoch`.
    pub(in crate::auth) fn clear(&mut self, contents: &mut Contents, epoch: u64) -> Stamp {
        if self.stamp.epoch <= epoch {
            let empty = Stored::empty(self.stamp.next_epoch());
            // Without a token there is nothing that could be refused.
            drop(self.swap(contents, self.stamp, &empty, SystemTime::UNIX_EPOCH));
        }
        self.stamp
    }

    pub(in crate::auth) fn present(
        &mut self,
        contents: &Contents,
        stamp: Stamp,
        presented: Option<Presented>,
    ) -> Swap {
        if self.stamp != stamp {
            return Swap::Conflict(self.stored(contents));
        }
        self.presented = presented;
        Swap::Done
    }

    /// Returns the fence of the next lease.
    pub(in crate::auth) fn next_fence(&mut self) -> u64 {
        self.leased += 1;
        self.leased
    }

    /// Tells whether the refresh cookie goes to the token endpoint.
    pub(in crate::auth) fn can_refresh(&self, contents: &Contents, now: SystemTime) -> bool {
        match &self.names.refresh {
            Some(name) => {
                let going = contents.going_to(&self.names.url, now);
                going
                    .iter()
                    .any(|it| it.name() == name && !it.bare().is_empty())
            }
            None => true,
        }
    }
}

/// The folder of an address (RFC 6265 §5.1.4).
fn default_path(url: &Url) -> &str {
    match url.path().rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}
