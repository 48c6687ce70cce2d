//! [`Server`]: which tokens are good, as the authorization server has it.

use std::time::Duration;

use crate::{facts::Id, world::Rotation};

/// All families, one for each sign-in, numbered from 1.
#[derive(Default)]
pub(crate) struct Server {
    families: Vec<Family>,
    /// Spent refresh tokens that came again.
    pub(crate) reused: u32,
}

struct Family {
    /// The number of the newest pair.
    newest: u32,
    /// The number of the refresh token that is good.
    refresh: u32,
    /// The one before it, where that works still.
    previous: Option<u32>,
    /// No refresh token works any more.
    dead: bool,
    /// Pairs up to this one have been ended before their time.
    ended: u32,
    /// When the pairs expire, from the first one on.
    ends: Vec<Option<Duration>>,
}

/// How long a token lives from now on.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    pub(crate) now: Duration,
    pub(crate) seconds: Option<u64>,
}

impl Life {
    fn end(self) -> Option<Duration> {
        Some(self.now + Duration::from_secs(self.seconds?))
    }
}

impl Server {
    pub(crate) fn sign_in(&mut self, life: Life) -> Id {
        self.families.push(Family {
            newest: 1,
            refresh: 1,
            previous: None,
            dead: false,
            ended: 0,
            ends: vec![life.end()],
        });
        (self.families.len() as u32, 1)
    }

    fn family(&mut self, family: u32) -> &mut Family {
        &mut self.families[family as usize - 1]
    }

    /// Makes the next pair for a refresh token; the second value is the number
    /// of its refresh token, if it has one of its own.
    pub(crate) fn refresh(
        &mut self,
        (family, number): Id,
        rotation: Rotation,
        life: Life,
    ) -> Option<(Id, Option<u32>)> {
        let it = self.family(family);
        let good = number == it.refresh || Some(number) == it.previous;
        if it.dead || !good {
            it.dead = true;
            self.reused += 1;
            return None;
        }
        it.newest += 1;
        it.ends.push(life.end());
        let newest = it.newest;
        if rotation == Rotation::Kept {
            return Some(((family, newest), None));
        }
        it.previous = (rotation == Rotation::Grace).then_some(number);
        it.refresh = newest;
        Some(((family, newest), Some(newest)))
    }

    /// The user is thrown out.
    pub(crate) fn end(&mut self, family: u32) {
        self.family(family).dead = true;
    }

    pub(crate) fn is_dead(&mut self, family: u32) -> bool {
        self.family(family).dead
    }

    /// The refresh token that is good now.
    pub(crate) fn newest_refresh(&mut self, family: u32) -> u32 {
        self.family(family).refresh
    }

    /// The API refuses all access tokens that were given so far.
    pub(crate) fn expire(&mut self) {
        for family in &mut self.families {
            family.ended = family.newest;
        }
    }

    /// Tells whether the API takes an access token.
    pub(crate) fn accepts(&mut self, (family, number): Id, now: Duration) -> bool {
        let it = self.family(family);
        let end = it.ends[number as usize - 1];
        number > it.ended && end.is_none_or(|end| now < end)
    }
}
