//! [`Attach`]: the request half, which puts the token on.

use std::{sync::Arc, time::SystemTime};

use http::Uri;

use super::{
    MissingToken, RefreshClass, SkipAuth, carrier, dpop,
    replayed::{Awaited, Nonced, Replayed},
    session::{Held, Join, Landed, Session, Snapshot, Status, Why, failure, superseded},
    sessions::Sessions,
};
use crate::{
    Client, Error, ErrorKind, Origin, Origins, Request, RequestFlow, RequestInterceptor, Result,
};

/// How often a call looks again after something changed under it.
const ROUNDS: usize = 4;

/// Puts the session's token on requests; the first half of a
/// [`TokenRefresh`](super::TokenRefresh) or a
/// [`KeyedTokenRefresh`](super::KeyedTokenRefresh).
///
/// A fresh token is attached without a future; that of a `TokenRefresh`
/// without an allocation too.
#[derive(Clone, Debug)]
pub struct Attach {
    pub(super) sessions: Sessions,
}

/// Puts the token of one session on a request.
struct Attaching<'a> {
    session: &'a Arc<Session>,
}

/// How far a request has come.
enum Step {
    /// It can go: with the token, or without.
    Done,
    /// It needs a token that is not there yet.
    Wait,
    /// The client's clock or base is not known yet.
    Unknown,
    Fail(Error),
}

impl RequestInterceptor for Attach {
    async fn on_fulfilled(&self, mut request: Request) -> Result<RequestFlow> {
        if let Some(session) = self.sessions.for_request(&mut request)? {
            let attaching = Attaching { session: &session };
            attaching.wait(&mut request).await?;
        }
        Ok(request.into())
    }

    fn try_sync(&self, mut request: Request) -> Result<Result<RequestFlow>, Request> {
        let session = match self.sessions.for_request(&mut request) {
            Ok(Some(session)) => session,
            Ok(None) => return Ok(Ok(request.into())),
            Err(error) => return Ok(Err(error)),
        };
        let attaching = Attaching { session: &session };
        match attaching.attach(&mut request) {
            Step::Done => Ok(Ok(request.into())),
            Step::Fail(error) => Ok(Err(error)),
            Step::Wait | Step::Unknown => Err(request),
        }
    }
}

impl Attaching<'_> {
    async fn wait(&self, request: &mut Request) -> Result<()> {
        for _ in 0..ROUNDS {
            match self.attach(request) {
                Step::Done => return Ok(()),
                Step::Fail(error) => return Err(error),
                Step::Wait | Step::Unknown => {}
            }
            let waiter = match self.session.join(&request.client()?, Why::Stale) {
                Join::Wait(waiter) => waiter,
                Join::Failed(error) => return Err(failure(&error)),
                Join::Inside => return Ok(()),
                Join::Ready | Join::SignedOut => continue,
            };
            let first = waiter.is_first();
            match waiter.await {
                Ok(landed) => {
                    self.attach_landed(request, landed)?;
                    return self.prove(request);
                }
                // Nobody knew yet for whom this call is.
                Err(error) if first && error.class() == RefreshClass::Superseded => {}
                Err(error) => return Err(failure(&error)),
            }
        }
        Err(failure(&Arc::new(superseded())))
    }

    fn attach(&self, request: &mut Request) -> Step {
        if self.session.is_new()
            && let Ok(client) = request.client()
        {
            self.session.meet(&client);
        }
        let leave = carrier::has_token(&self.session.options, request.headers())
            || request.extensions().get::<SkipAuth>().is_some();
        if leave {
            return Step::Done;
        }
        match self.place(request) {
            Step::Done if self.session.options.dpop.is_some() => {
                self.prove(request).map_or_else(Step::Fail, |()| Step::Done)
            }
            step => step,
        }
    }

    fn place(&self, request: &mut Request) -> Step {
        match self.attach_now(request, self.session.time()) {
            Step::Unknown => match self.learn(request) {
                Err(error) => Step::Fail(error),
                Ok(now) => match self.attach_now(request, Some(now)) {
                    // The client's base is known now, and it is another.
                    Step::Unknown => Step::Done,
                    step => step,
                },
            },
            step => step,
        }
    }

    /// Attaches what there is, and starts what is due in the background.
    fn attach_now(&self, request: &mut Request, now: Option<SystemTime>) -> Step {
        let (step, due) = self.session.peek(|snapshot| {
            let due = now.is_some_and(|now| snapshot.is_due(now));
            (self.attach_of(snapshot, request, now), due)
        });
        if due
            && !matches!(step, Step::Wait | Step::Unknown)
            && !self.session.is_refreshing()
            && let Ok(client) = request.client()
        {
            self.session.hasten(&client);
        }
        step
    }

    /// Attaches the token of a snapshot, if it can be attached at once.
    #[inline]
    fn attach_of(
        &self,
        snapshot: &Snapshot,
        request: &mut Request,
        now: Option<SystemTime>,
    ) -> Step {
        let Some(origins) = self.destination(snapshot, request.uri()) else {
            return match self.session.options.origins {
                Some(_) => Step::Done,
                None => Step::Unknown,
            };
        };
        let replayed = self.replayed(request);
        if replayed.is_some_and(|landed| landed.generation != snapshot.generation) {
            // What one user has sent is not sent again as another.
            return Step::Fail(failure(&Arc::new(superseded())));
        }
        let held = match &snapshot.status {
            Status::Unloaded => return Step::Wait,
            Status::Empty => return self.without_token().map_or(Step::Done, Step::Fail),
            Status::Dead(error) => return Step::Fail(failure(error)),
            Status::Live(_) if snapshot.rejected => return Step::Wait,
            Status::Live(held) => held,
        };
        // The token that this very call was refreshed for is used, however
        // short its life.
        let fresh = if replayed.is_some_and(|landed| landed.version == snapshot.version) {
            Some(true)
        } else {
            is_fresh(held, now)
        };
        match fresh {
            Some(true) => {
                self.put(request, held, origins);
                Step::Done
            }
            Some(false) => Step::Wait,
            None => Step::Unknown,
        }
    }

    #[inline]
    fn put(&self, request: &mut Request, held: &Held, origins: &Origins) {
        let options = &self.session.options;
        carrier::put(options, request.headers_mut(), &held.header);
        match origins.len() {
            // It is that of the request's address: see `destination`.
            1 => request.bind_here(&options.header),
            _ => request.bind_header(options.header.clone(), origins.clone()),
        }
    }

    /// The error of a call while nobody is signed in, if it is to fail.
    fn without_token(&self) -> Option<Error> {
        if self.session.options.missing == MissingToken::Bare {
            return None;
        }
        let text = "there is no token: nobody is signed in";
        Some(Error::new(ErrorKind::SessionExpired, text).with_hint("sign in first"))
    }

    /// Adds the proof of possession, if a token was attached that is bound to a
    /// key. The prover is the user's code: no lock is held.
    fn prove(&self, request: &mut Request) -> Result<()> {
        let Some(prover) = &self.session.options.dpop else {
            return Ok(());
        };
        let attached = request.headers().get(&self.session.options.header).cloned();
        let Some(token) = attached.as_ref().and_then(dpop::bound_token) else {
            return Ok(());
        };
        let now = self.session.clock(&request.client()?).wall();
        let bound_to = (request.method(), request.uri());
        let proof = prover.header(bound_to, Some(token), now)?;
        let snapshot = self.session.current();
        let origins = self.destination(&snapshot, request.uri()).cloned();
        request.headers_mut().insert(dpop::PROOF, proof);
        if let Some(origins) = origins {
            request.bind_header(dpop::PROOF, origins);
        }
        Ok(())
    }

    /// Attaches what a flight has brought, however short its life.
    fn attach_landed(&self, request: &mut Request, landed: Landed) -> Result<()> {
        let snapshot = self.session.current();
        if snapshot.generation != landed.generation {
            return Err(failure(&Arc::new(superseded())));
        }
        match &snapshot.status {
            Status::Live(held) => {
                if let Some(origins) = self.destination(&snapshot, request.uri()) {
                    self.put(request, held, origins);
                }
            }
            Status::Dead(error) => return Err(failure(error)),
            Status::Empty => {
                if let Some(error) = self.without_token() {
                    return Err(error);
                }
            }
            Status::Unloaded => {}
        }
        if landed.minted {
            Awaited::mark(request, self.session.id, landed);
        }
        Ok(())
    }

    fn replayed(&self, request: &Request) -> Option<Landed> {
        if request.attempt() < 2 {
            return None;
        }
        let (id, extensions) = (self.session.id, request.extensions());
        let replayed = extensions.get::<Replayed>().and_then(|it| it.of(id));
        replayed.or_else(|| extensions.get::<Nonced>()?.of(id))
    }

    fn destination<'a>(&'a self, snapshot: &'a Snapshot, uri: &Uri) -> Option<&'a Origins> {
        match &self.session.options.origins {
            Some(origins) => Some(origins).filter(|origins| origins.contains(uri)),
            None => snapshot.home(uri),
        }
    }

    /// Gets to know the client: its clock, and the origin of its base.
    /// Returns the time.
    fn learn(&self, request: &Request) -> Result<SystemTime> {
        let client = request.client()?;
        if self.session.options.origins.is_none() {
            self.session.learn(self.home(&client)?);
        }
        Ok(self.session.clock(&client).wall())
    }

    fn home(&self, client: &Client) -> Result<Origins> {
        let config = client.config();
        let Some(base) = config.base_url() else {
            return Err(Error::new(
                ErrorKind::Builder,
                "it is not known where the token may go: the client has no `base_url`",
            )
            .with_hint("set one, or name the origins with `TokenRefreshBuilder::origins`"));
        };
        if let Some(home) = self.session.peek(|snapshot| snapshot.home(base).cloned()) {
            return Ok(home);
        }
        let origin: Origin = base.to_string().parse()?;
        if !self.session.options.allow_plaintext {
            require_encryption(&origin)?;
        }
        Ok(origin.into())
    }
}

/// Tells whether a token can be attached; `None` without the time, if it
/// expires.
fn is_fresh(held: &Held, now: Option<SystemTime>) -> Option<bool> {
    match (held.mandatory_at, now) {
        (None, _) => Some(true),
        (Some(_), None) => None,
        (Some(_), Some(now)) => Some(held.is_fresh(now)),
    }
}

/// Refuses to send a secret where everybody on the way can read it.
pub(super) fn require_encryption(origin: &Origin) -> Result<()> {
    if origin.is_https() || origin.is_loopback() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Builder,
        format!("the token would go to `{origin}` without encryption"),
    )
    .with_hint("use https, or `TokenRefreshBuilder::allow_plaintext(true)`"))
}
