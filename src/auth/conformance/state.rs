//! [`State`]: families, their tokens, and what is good at the moment.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, SystemTime},
};

use super::{
    ApiCall, ApiFault, RefreshFault, Report, Rotation, authorize::Code, mint::Mint,
    options::Options,
};

/// The latest calls of the API that are kept.
const MAX_CALLS: usize = 1 << 16;

/// All that changes, behind one mutex: what is decided is decided at once.
pub(super) struct State {
    mint: Mint,
    rotation: Rotation,
    lifetime: Duration,
    families: Vec<Family>,
    refresh: HashMap<String, Refresh>,
    access: HashMap<String, Access>,
    /// Counts expiries: a token of an earlier one is good no more.
    epoch: u64,
    /// Counts of accepted calls at which all tokens expire, last one first.
    schedule: Vec<u64>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) refresh_faults: VecDeque<RefreshFault>,
    pub(super) api_faults: VecDeque<ApiFault>,
    pub(super) api_always: Option<ApiFault>,
    pub(super) calls: VecDeque<ApiCall>,
    pub(super) counts: Report,
}

/// All that came from one sign-in.
struct Family {
    user: String,
    current: String,
    revoked: bool,
}

struct Refresh {
    family: usize,
    presentations: u64,
    /// Uses after it was superseded; `None` before that.
    graced: Option<u32>,
    /// What superseded it.
    next: Option<String>,
}

struct Access {
    family: usize,
    epoch: u64,
    /// `None` where no clock can express it.
    expires_at: Option<SystemTime>,
    revoked: bool,
}

/// What a sign-in or a refresh gives.
pub(super) struct Pair {
    pub(super) access: String,
    /// `None` where the answer leaves it out.
    pub(super) refresh: Option<String>,
    pub(super) lifetime: Duration,
}

impl State {
    pub(super) fn new(mark: &str, options: &Options) -> Self {
        Self {
            mint: Mint::new(mark, options.jwt),
            rotation: options.rotation,
            lifetime: options.lifetime,
            families: Vec::new(),
            refresh: HashMap::new(),
            access: HashMap::new(),
            epoch: 0,
            schedule: Vec::new(),
            codes: HashMap::new(),
            refresh_faults: VecDeque::new(),
            api_faults: VecDeque::new(),
            api_always: None,
            calls: VecDeque::new(),
            counts: Report::default(),
        }
    }

    /// Starts a family; returns its number too.
    pub(super) fn sign_in(&mut self, user: &str, now: SystemTime) -> (usize, Pair) {
        let number = self.families.len();
        let current = self.new_refresh(number);
        self.families.push(Family {
            user: user.to_owned(),
            current: current.clone(),
            revoked: false,
        });
        self.counts.families += 1;
        (number, self.pair(number, Some(current), now))
    }

    /// Returns a code for the authorization endpoint.
    pub(super) fn new_code(&mut self) -> String {
        self.mint.opaque("code")
    }

    fn new_refresh(&mut self, family: usize) -> String {
        let text = self.mint.opaque("refresh");
        let fresh = Refresh {
            family,
            presentations: 0,
            graced: None,
            next: None,
        };
        self.refresh.insert(text.clone(), fresh);
        text
    }

    fn pair(&mut self, family: usize, refresh: Option<String>, now: SystemTime) -> Pair {
        let user = self.families.get(family).map_or("", |it| it.user.as_str());
        let access = self.mint.access(user, now, self.lifetime);
        let issued = Access {
            family,
            epoch: self.epoch,
            expires_at: now.checked_add(self.lifetime),
            revoked: false,
        };
        self.access.insert(access.clone(), issued);
        Pair {
            access,
            refresh,
            lifetime: self.lifetime,
        }
    }

    /// Counts that a refresh token came.
    pub(super) fn present(&mut self, refresh: &str) {
        if let Some(known) = self.refresh.get_mut(refresh) {
            known.presentations += 1;
            let most = &mut self.counts.max_presentations;
            *most = known.presentations.max(*most);
        }
    }

    /// Grants a refresh, or not: `None` is `invalid_grant`.
    pub(super) fn refresh(&mut self, presented: &str, now: SystemTime) -> Option<Pair> {
        self.present(presented);
        let family = self.refresh.get(presented)?.family;
        let next = match self.rotation {
            Rotation::None => Some(presented.to_owned()),
            Rotation::Omitted => None,
            Rotation::Strict => Some(self.rotate(presented, family, 0)?),
            Rotation::Grace(uses) => Some(self.rotate(presented, family, uses)?),
        };
        if self.is_revoked(family) {
            return None;
        }
        self.counts.refreshes += 1;
        Some(self.pair(family, next, now))
    }

    /// Spends a refresh token and returns the one to go on with.
    fn rotate(&mut self, presented: &str, family: usize, grace: u32) -> Option<String> {
        let current = self.families.get(family)?.current.clone();
        if presented == current {
            if self.is_revoked(family) {
                return None;
            }
            let fresh = self.new_refresh(family);
            let spent = self.refresh.get_mut(presented)?;
            spent.graced = Some(0);
            spent.next = Some(fresh.clone());
            self.families.get_mut(family)?.current.clone_from(&fresh);
            return Some(fresh);
        }
        let revoked = self.is_revoked(family);
        let spent = self.refresh.get_mut(presented)?;
        let just_before = spent.next.as_ref() == Some(&current);
        let used = spent.graced.unwrap_or(0);
        if just_before && used < grace && !revoked {
            spent.graced = Some(used + 1);
            return Some(current);
        }
        self.counts.reuses += 1;
        self.revoke(family);
        None
    }

    fn is_revoked(&self, family: usize) -> bool {
        self.families.get(family).is_none_or(|it| it.revoked)
    }

    /// Makes all tokens of a family worthless.
    pub(super) fn revoke(&mut self, family: usize) {
        if let Some(family) = self.families.get_mut(family)
            && !family.revoked
        {
            family.revoked = true;
            self.counts.families_revoked += 1;
        }
    }

    /// Revokes what a user has; returns how many families those were.
    pub(super) fn revoke_user(&mut self, user: &str) -> usize {
        let theirs: Vec<usize> = (0..)
            .zip(&self.families)
            .filter(|(_, family)| family.user == user && !family.revoked)
            .map(|(number, _)| number)
            .collect();
        for family in &theirs {
            self.revoke(*family);
        }
        theirs.len()
    }

    /// Revokes a token (RFC 7009): a refresh token with all of its family.
    pub(super) fn revoke_token(&mut self, token: &str) {
        if let Some(refresh) = self.refresh.get(token) {
            self.revoke(refresh.family);
        } else if let Some(access) = self.access.get_mut(token) {
            access.revoked = true;
        } else {
            return;
        }
        self.counts.revocations += 1;
    }

    /// Makes all access tokens expire.
    pub(super) fn expire_all(&mut self) {
        self.epoch += 1;
        self.counts.expiries += 1;
    }

    /// Plans expiries, counted in accepted calls from now on.
    pub(super) fn expire_at(&mut self, accepted: &[u64]) {
        let base = self.counts.accepted;
        self.schedule = accepted
            .iter()
            .map(|count| base.saturating_add(*count))
            .collect();
        self.schedule.sort_unstable_by(|a, b| b.cmp(a));
        self.expire_if_due();
    }

    pub(super) fn expire_if_due(&mut self) {
        let accepted = self.counts.accepted;
        if self.schedule.pop_if(|at| accepted >= *at).is_some() {
            self.expire_all();
        }
    }

    /// Returns whose access token this is, and whether it is good.
    pub(super) fn look_up(&self, access: &str, now: SystemTime) -> Option<(&str, bool)> {
        let known = self.access.get(access)?;
        let family = self.families.get(known.family)?;
        let in_time = known.expires_at.is_none_or(|at| now < at);
        let good = in_time && known.epoch == self.epoch && !known.revoked && !family.revoked;
        Some((&family.user, good))
    }

    /// Keeps a call of the API.
    pub(super) fn keep(&mut self, call: ApiCall) {
        if self.calls.len() == MAX_CALLS {
            self.calls.pop_front();
        }
        self.counts.api_calls += 1;
        self.counts.unauthorized += u64::from(call.status == 401);
        self.calls.push_back(call);
    }
}
