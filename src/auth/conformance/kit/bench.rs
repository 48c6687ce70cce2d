//! [`Bench`] and [`World`]: what a case works with.

use std::{
    panic::resume_unwind,
    sync::Arc,
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use super::{session::Session, spy::Spy};
use crate::{
    CancelHandle, ErrorKind, Response, Result,
    adapter::conformance::{Driver, Failure, Lane, Verdict, ensure, same},
    auth::{
        Refresher, Token, TokenRefresh, TokenRefreshBuilder, TokenStore,
        conformance::{Hold, StrictAuthServer, StrictAuthServerBuilder},
    },
    client::Call,
    runtime::{Runtime, ThreadRuntime, block_on},
};

/// A limit that is not meant to be reached.
pub(super) const AMPLE: Duration = Duration::from_secs(10);

/// Two handles to one store.
pub(super) type Handles = (Arc<dyn TokenStore>, Arc<dyn TokenStore>);

/// What is judged, beside the adapter.
pub(super) struct Subject {
    pub(super) store: Box<dyn Fn() -> Handles + Send + Sync>,
    pub(super) refresher: Box<MakeRefresher>,
}

/// Makes a refresher for a server.
type MakeRefresher = dyn Fn(&StrictAuthServer) -> Arc<dyn Refresher> + Send + Sync;

/// Gets an address through a client of the other engine that has the pair.
pub(super) type Twin = dyn Fn(&TokenRefresh, String) -> Result<Response> + Send + Sync;

/// One engine, with all that is judged.
pub(super) struct Bench<E: Lane> {
    pub(super) driver: Arc<Driver<E>>,
    pub(super) subject: Arc<Subject>,
    pub(super) twin: Option<Arc<Twin>>,
}

impl<E: Lane> Bench<E> {
    /// Starts a strict server with Ada signed in.
    pub(super) fn world(&self) -> Verdict<World<'_, E>> {
        self.signed_in(StrictAuthServer::builder())
    }

    /// The same with another server.
    pub(super) fn signed_in(&self, server: StrictAuthServerBuilder) -> Verdict<World<'_, E>> {
        let world = self.set_up(server, |pair| pair)?;
        world.sign_in("ada")?;
        Ok(world)
    }

    /// Starts a server with nobody signed in, and a session with other options.
    pub(super) fn set_up(
        &self,
        server: StrictAuthServerBuilder,
        configure: impl FnOnce(TokenRefreshBuilder) -> TokenRefreshBuilder,
    ) -> Verdict<World<'_, E>> {
        let server = Arc::new(server.start()?);
        let (first, second) = (self.subject.store)();
        let store = Spy::new(first);
        let user = self.session(&server, Arc::new(store.clone()), configure)?;
        Ok(World {
            bench: self,
            server,
            store,
            second,
            user,
        })
    }

    /// Makes a session over a store.
    fn session(
        &self,
        server: &StrictAuthServer,
        store: Arc<dyn TokenStore>,
        configure: impl FnOnce(TokenRefreshBuilder) -> TokenRefreshBuilder,
    ) -> Verdict<Session<E>> {
        let refresher = (self.subject.refresher)(server);
        let pair = TokenRefresh::builder(store, refresher)
            .origins([server.origin()])
            .refresh_attempts(1);
        Session::new(&self.driver, server.api_url(), configure(pair).build()?)
    }

    /// Makes a session for somebody else, with a store of its own.
    pub(super) fn stranger(&self, server: &StrictAuthServer) -> Verdict<Session<E>> {
        self.session(server, (self.subject.store)().0, |pair| pair)
    }
}

/// A server, a store and a session.
pub(super) struct World<'a, E: Lane> {
    bench: &'a Bench<E>,
    pub(super) server: Arc<StrictAuthServer>,
    pub(super) store: Spy,
    /// The other handle to the store.
    pub(super) second: Arc<dyn TokenStore>,
    pub(super) user: Session<E>,
}

impl<E: Lane> World<'_, E> {
    /// Signs somebody in, in place of who was; returns the token.
    pub(super) fn sign_in(&self, user: &str) -> Verdict<Token> {
        let token = self.server.sign_in(user);
        self.user.sign_in(token.clone())?;
        Ok(token)
    }

    /// Signs Ada in with a token that was good for a time and has this left;
    /// the server takes it for an hour all the same.
    pub(super) fn sign_in_aged(&self, lifetime: Duration, left: Duration) -> Verdict {
        let born = ThreadRuntime.wall() + left - lifetime;
        let token = self.server.sign_in("ada");
        self.user.sign_in(token.expires_in(lifetime, born))
    }

    /// Makes another session over the other handle: a second process, or the
    /// next run of this one.
    pub(super) fn other_session(&self) -> Verdict<Session<E>> {
        self.bench
            .session(&self.server, Arc::clone(&self.second), |pair| pair)
    }

    /// Returns the access token that is in the store.
    pub(super) fn stored(&self) -> Verdict<Option<Token>> {
        let stored = self.bench.driver.run(self.second.load());
        let stored = stored.ok_or_else(|| Failure::new("`block_on` came back early"))??;
        Ok(stored.token().cloned())
    }

    /// Makes a call whose refresh is held back, and acts meanwhile. Returns
    /// what came of the call, once the answer was let go.
    pub(super) fn while_held<T>(
        &self,
        call: Call<E>,
        act: impl FnOnce(&Hold) -> Verdict<T>,
    ) -> Verdict<(Result<Response>, T)> {
        thread::scope(|scope| {
            let hold = self.server.hold_refreshes();
            let call = scope.spawn(|| self.user.send(call));
            let acted = held(&hold, 1).and_then(|()| act(&hold));
            drop(hold);
            let result = joined(call);
            Ok((result, acted?))
        })
    }

    /// Checks how many refreshes came in, and that no token came twice.
    #[track_caller]
    pub(super) fn asked(&self, refreshes: u64) -> Verdict {
        let report = self.server.report();
        same("refreshes", report.refresh_calls(), refreshes)?;
        same("refresh tokens that came twice", report.reuses(), 0)
    }

    /// Checks how many calls came in.
    #[track_caller]
    pub(super) fn called(&self, calls: u64) -> Verdict {
        same("calls of the API", self.server.report().api_calls(), calls)
    }

    /// Makes a call of the session that is cancelled: in the async engine its
    /// future is dropped. Returns once it is over.
    pub(super) fn leave(&self, call: Call<E>, handle: &CancelHandle) -> Verdict {
        if E::IS_ASYNC {
            let left = self.bench.driver.run(async {
                let call = E::future(call);
                let stop = std::pin::pin!(handle.cancelled());
                let first = futures_util::future::select(call, stop).await;
                matches!(first, futures_util::future::Either::Right(_))
            });
            return ensure(left == Some(true), "the call ended by itself");
        }
        let error = fails(self.user.send(call.cancel_handle(handle)))?;
        same("the error", error.kind(), ErrorKind::Cancelled)
    }

    /// Makes a call of the other engine's, with the same session.
    pub(super) fn twin(&self, path: &str) -> Result<Response> {
        let url = format!("{}{path}", self.server.api_url());
        match &self.bench.twin {
            Some(twin) => twin(&self.user.pair, url),
            None => Err(crate::Error::new(
                ErrorKind::Unsupported,
                "there is no adapter of the other engine",
            )),
        }
    }
}

/// Waits until so many answers are held.
#[track_caller]
pub(super) fn held(hold: &Hold, answers: usize) -> Verdict {
    ensure(
        hold.wait_for(answers, AMPLE),
        format_args!("{} of {answers} answers are held", hold.waiting()),
    )
}

/// Waits until something holds.
#[track_caller]
pub(super) fn eventually(what: &str, holds: impl Fn() -> bool) -> Verdict {
    let until = ThreadRuntime.now() + AMPLE;
    while !holds() {
        if ThreadRuntime.now() >= until {
            return Err(Failure::new(format_args!("it never came about: {what}")));
        }
        block_on(ThreadRuntime.sleep(Duration::from_millis(1)));
    }
    Ok(())
}

/// Waits for a thread; its panic goes on here.
pub(super) fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Checks that a call was let through.
#[track_caller]
pub(super) fn good(result: Result<Response>) -> Verdict<Response> {
    let response = result?;
    same("the status", response.status().as_u16(), 200)?;
    Ok(response)
}

/// Checks that a call failed.
#[track_caller]
pub(super) fn fails(result: Result<Response>) -> Verdict<crate::Error> {
    match result {
        Err(error) => Ok(error),
        Ok(response) => Err(Failure::new(format_args!(
            "the call succeeded with {}",
            response.status()
        ))),
    }
}

/// Checks that a call was refused with a status.
#[track_caller]
pub(super) fn refused(result: Result<Response>, status: u16) -> Verdict<crate::Error> {
    let error = fails(result)?;
    same("the error", error.kind(), ErrorKind::Status)?;
    let seen = error.status().map(|it| it.as_u16());
    same("the status", seen, Some(status))?;
    Ok(error)
}
