//! [`Model`]: what a session may do, told by what can be seen of it from
//! outside. The first thing that it may not do is the fault of the schedule.
//!
//! A token has two numbers: its family (one for each sign-in) and its place in
//! it. Many kinds of answer are right; the model knows only what is wrong.

use std::time::{Duration, SystemTime};

use tollgate::auth::Token;

use crate::facts::{Called, Fact, Given, Id};

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) fault: Option<String>,
    /// Who is signed in, as this process was told.
    pub(crate) current: Option<u32>,
    /// How often somebody has signed in or out here.
    pub(crate) generation: u32,
    /// Whose tokens may be in use: those of other processes' users too.
    possible: u64,
    pub(crate) given: Vec<Given>,
    pub(crate) calls: Vec<Called>,
    /// Refresh tokens under way: family, number.
    presented: Vec<Id>,
    /// All presentations: family, number, flight, when.
    history: Vec<(u32, u32, usize, Duration)>,
    /// Refresh tokens that the server has refused, and the session knows it.
    pub(crate) denied: Vec<Id>,
    /// The session was told to be over, in this generation.
    pub(crate) expired: u32,
    /// The last token of this generation that a call has sent.
    shown: Option<Id>,
    /// A call that has to be on its way by the end of this poll.
    pub(crate) hurries: Option<usize>,
    /// Families signed in here, of which the session does not know that they
    /// are stored. Where another process refreshes one of them at once, the
    /// session stores it again and presents a spent token: a known limit.
    unsure: Vec<u32>,
    /// A call that is polled for the first time.
    pub(crate) starting: Option<usize>,
    /// The wall clock was set: what was decided before may look wrong now.
    pub(crate) clock_set: bool,
    /// Until when nothing is presented, after a failure.
    cooling: Option<Duration>,
    /// Somebody has asked for a refresh, who does not mind a failure.
    pub(crate) forced: bool,
    /// Another process has taken part.
    pub(crate) foreign: bool,
    pub(crate) hurried: u32,
}

/// Which presentations of a refresh token count as the same refresh.
const ATTEMPTS: usize = 3;
const WINDOW: Duration = Duration::from_secs(30);
const REFRESHES: usize = 5;

fn bit(family: u32) -> u64 {
    1 << family.min(63)
}

impl Model {
    pub(crate) fn fail(&mut self, law: &str, what: impl Into<String>) {
        let text = format!("{law}: {}", what.into());
        self.fault.get_or_insert(text);
    }

    pub(crate) fn require(&mut self, law: &str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(law, what());
        }
    }

    pub(crate) fn of(&mut self, id: Id) -> Option<&mut Given> {
        self.given.iter_mut().find(|given| given.id == id)
    }

    /// The server has made a pair.
    pub(crate) fn gives(&mut self, id: Id, spent: u32) {
        self.given.push(Given {
            id,
            spent,
            ..Given::default()
        });
    }

    /// Somebody signs in or out here: it is true from now on.
    pub(crate) fn begins(&mut self, token: Option<Id>) {
        self.current = token.map(|(family, _)| family);
        self.generation += 1;
        self.possible = 0;
        self.cooling = None;
        self.shown = None;
        self.expired = 0;
        if let Some(id) = token {
            self.appears(id.0);
            self.unsure.push(id.0);
            self.shown = Some(id);
        }
    }

    /// A family may be in use from now on.
    pub(crate) fn appears(&mut self, family: u32) {
        self.possible |= bit(family);
        let waiting =
            |call: &&mut Called| !call.facts.has(Fact::Over) && !call.facts.has(Fact::Settled);
        for call in self.calls.iter_mut().filter(waiting) {
            call.families |= bit(family);
        }
    }

    pub(crate) fn learns(&mut self, id: Id, token: &Token) {
        if let Some(given) = self.of(id) {
            given.expiry = token.expiry();
            given.lifetime = token.lifetime();
        }
    }

    pub(crate) fn starts_call(&mut self, now: SystemTime, hasty: bool) -> usize {
        let families = self.possible;
        let mut called = Called {
            families,
            waits_since: Some(self.generation),
            ..Called::default()
        };
        if self.shown.is_some() {
            called.facts.add(Fact::Settled);
        }
        if hasty {
            called.facts.add(Fact::Hasty);
        }
        self.calls.push(called);
        let call = self.calls.len() - 1;
        self.starting = Some(call);
        if self.has_usable(now) {
            self.hurried += 1;
            self.hurries = Some(call);
        }
        call
    }

    /// I10: whether a call needs no refresh, as far as that is certain.
    fn has_usable(&self, now: SystemTime) -> bool {
        let Some((family, number)) = self.shown else {
            return false;
        };
        !self.foreign
            && self.expired == 0
            && self.current == Some(family)
            && self
                .given
                .iter()
                .filter(|given| given.id.0 == family && given.id.1 >= number)
                .filter(|given| given.id.1 == number || given.delivered.is_some())
                .all(|given| given.is_usable(now))
    }

    /// A call arrives at the API, with a token or without.
    pub(crate) fn sends(&mut self, call: usize, token: Option<Id>, wall: SystemTime) {
        if self.hurries == Some(call) {
            self.hurries = None;
            self.calls[call].facts.add(Fact::Prompt);
        }
        self.calls[call].waits_since = None;
        self.calls[call].attempts += 1;
        let attempts = self.calls[call].attempts;
        self.require("I9", attempts <= 2, || format!("attempt {attempts}"));
        let Some(id) = token else {
            return;
        };
        let ours = self.calls[call].families & bit(id.0) != 0;
        self.require("I4", ours, || format!("call {call} sends {id:?} of others"));
        let before = self.calls[call].sent.replace(id.0);
        let same = before.is_none_or(|before| before == id.0);
        self.require("I4", same, || {
            format!("call {call} is sent again as {id:?}")
        });
        if self.starting == Some(call) {
            let given = self.of(id);
            let expired = given
                .and_then(|given| given.expiry)
                .is_some_and(|it| it <= wall);
            self.require("expiry", !expired, || {
                format!("{id:?} is sent, and has expired")
            });
            let barred = !self.foreign
                && self
                    .of(id)
                    .is_some_and(|given| given.facts.has(Fact::Barred));
            self.require("refused", !barred, || format!("{id:?} is sent once more"));
        }
        let known = self.of(id).is_some_and(|given| {
            let stored = given.delivered.is_some() && given.facts.has(Fact::Written);
            given.spent == 0 || given.facts.has(Fact::Committed) || stored
        });
        self.require("order", known, || format!("{id:?} is used, not yet stored"));
        if self.current == Some(id.0) {
            self.shown = self.shown.max(Some(id));
        }
    }

    /// A call gets an answer; a refusal of a token that was replaced since is
    /// replayed at once.
    pub(crate) fn answers(&mut self, call: usize, token: Option<Id>, status: u16, now: SystemTime) {
        self.calls[call].answer = Some(status);
        self.calls[call].waits_since = Some(self.generation);
        let Some(id) = token.filter(|_| status == 401) else {
            return;
        };
        let called = &self.calls[call];
        let barred = called.facts.has(Fact::Prompt)
            && called.attempts == 1
            && !called.facts.has(Fact::Hasty);
        if let Some(given) = self.of(id) {
            given.facts.add(Fact::Refused);
            if barred {
                given.facts.add(Fact::Barred);
            }
        }
        let replaced = self
            .shown
            .is_some_and(|shown| shown.0 == id.0 && shown.1 > id.1);
        let called = &self.calls[call];
        let first = called.attempts == 1 && !called.facts.has(Fact::Hasty);
        if replaced && first && self.has_usable(now) {
            self.hurries = Some(call);
        }
    }

    /// A refresh has failed, or succeeded.
    pub(crate) fn cools(&mut self, until: Option<Duration>) {
        self.cooling = until;
    }

    /// A refresh token arrives at the token server; `rotates` says that it is
    /// good for one use.
    pub(crate) fn presents(&mut self, id: Id, flight: usize, now: Duration, rotates: bool) {
        let (family, number) = id;
        let alone = self.presented.iter().all(|other| other.0 != family);
        self.require("I1", alone, || format!("{id:?} beside another one"));
        self.presented.push(id);
        let ours = self.possible & bit(family) != 0;
        self.require("I4", ours, || format!("{id:?} is presented for others"));
        let cooling = self.cooling.filter(|until| now < *until);
        let allowed = self.forced || self.foreign || cooling.is_none();
        self.require("cooldown", allowed, || {
            format!("{id:?} is presented at {now:?}, not after {cooling:?}")
        });
        let successor = self.given.iter().find(|given| {
            let known = given.facts.has(Fact::Binding) || given.is_held();
            given.id.0 == family && given.spent == number && known
        });
        let successor = successor.map(|given| given.id).filter(|_| rotates);
        self.require("I2", successor.is_none(), || {
            format!("{id:?} is presented after {successor:?} was there")
        });
        let entry = (family, number, flight, now);
        let same =
            |it: &&(u32, u32, usize, Duration)| (it.0, it.1, it.2) == (family, number, flight);
        let times = self.history.iter().filter(same).count();
        self.require("I2", times < ATTEMPTS, || format!("{id:?} again and again"));
        self.history.push(entry);
        let recent = |it: &&(u32, u32, usize, Duration)| it.0 == family && it.3 + WINDOW > now;
        let mut flights: Vec<usize> = self.history.iter().filter(recent).map(|it| it.2).collect();
        flights.dedup();
        let count = flights.len();
        // The refresh in which another sign-in is found is not counted in it.
        let most = REFRESHES + usize::from(self.foreign);
        self.require("I9", count <= most, || {
            format!("{count} refreshes of family {family} within 30 s")
        });
    }

    /// A refresh token that rotates is presented for no reason, as far as that
    /// is certain.
    pub(crate) fn needs(&mut self, id: Id, wall: SystemTime) {
        let idle = self.of(id).is_some_and(|given| given.is_young(wall));
        let known = self.forced || self.clock_set;
        self.require("needless", known || !idle, || {
            format!("{id:?} is good still")
        });
    }

    /// A sign-in or sign-out is stored.
    pub(crate) fn settles(&mut self, stored: Option<Id>) {
        // Where another process has gone on from a sign-in, its record stays.
        let ours = stored.is_none_or(|(family, number)| {
            self.possible & bit(family) != 0 || (self.foreign && number > 1)
        });
        self.require("sign-out", ours, || format!("{stored:?} is stored still"));
    }

    pub(crate) fn presentation_ends(&mut self, id: Id) {
        if let Some(at) = self.presented.iter().position(|other| *other == id) {
            self.presented.swap_remove(at);
        }
    }

    /// The refresher hands a new token to a flight.
    pub(crate) fn delivers(&mut self, id: Id, token: &Token, flight: usize) {
        self.learns(id, token);
        if let Some(given) = self.of(id) {
            given.delivered = Some(flight);
        }
    }

    /// Flights were dropped: what they had in hand is lost.
    pub(crate) fn cuts(&mut self, flights: &[usize]) {
        for given in &mut self.given {
            let dropped = given.delivered.is_some_and(|it| flights.contains(&it));
            if dropped && !given.facts.has(Fact::Committed) {
                given.facts.add(Fact::Cut);
            }
        }
    }

    /// A write of a live record begins.
    pub(crate) fn writes(&mut self, id: Id) {
        let ours = self.possible & bit(id.0) != 0;
        self.require("I4", ours, || {
            format!("{id:?} of a session that is over is stored")
        });
        if let Some(given) = self.of(id) {
            given.facts.add(Fact::Tried);
        }
    }

    pub(crate) fn write_ends(&mut self, id: Id) {
        if let Some(given) = self.of(id) {
            given.facts.add(Fact::Written);
        }
    }

    /// The session is told that a write is done.
    pub(crate) fn confirms(&mut self, id: Id) {
        self.unsure.retain(|family| *family != id.0);
    }

    /// The store holds a pair; `known` says that the session stored it, or
    /// finds it before it presents anything.
    pub(crate) fn commits(&mut self, id: Id, known: bool) {
        let binding = known && !self.unsure.contains(&id.0);
        if let Some(given) = self.of(id) {
            given.facts.add(Fact::Committed);
            if binding {
                given.facts.add(Fact::Binding);
            }
        }
    }

    pub(crate) fn revokes(&mut self, id: Id) {
        if let Some(given) = self.of(id) {
            given.facts.add(Fact::Revoked);
        }
    }

    /// I5, when all is over: nothing that the server gave was thrown away.
    pub(crate) fn nothing_is_lost(&mut self) {
        let lost = self.given.iter().find(|given| {
            let kept = given.facts.has(Fact::Tried) || given.facts.has(Fact::Revoked);
            given.is_held() && !kept
        });
        let lost = lost.map(|given| given.id);
        self.require("I5", lost.is_none(), || {
            format!("{lost:?} was neither stored nor revoked")
        });
    }

    /// Nobody can go on before time passes: then no call waits for a session
    /// that is over.
    pub(crate) fn idles(&mut self) {
        let late = self.calls.iter().position(|call| {
            let waits = call.waits_since.is_some_and(|it| it < self.generation);
            waits && call.facts.has(Fact::Settled) && !call.facts.has(Fact::Over)
        });
        self.require("superseded", late.is_none(), || {
            format!("call {late:?} waits on")
        });
    }

    /// A caller goes away, served or not.
    pub(crate) fn leaves(&mut self, call: usize) {
        self.calls[call].facts.add(Fact::Over);
    }

    /// A call is over, with a status or with an error of the session's.
    pub(crate) fn ends(&mut self, call: usize, status: Option<u16>) {
        let last = self.calls[call].answer;
        match status {
            Some(status) => self.require("answers", last == Some(status), || {
                format!("call {call} ends with {status} after {last:?}")
            }),
            None => self.require("I10", last != Some(200), || {
                format!("call {call} fails after its answer has come")
            }),
        }
    }
}
