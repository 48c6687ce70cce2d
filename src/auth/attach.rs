//! [`Attach`]: the request half, which puts the token on.

use std::sync::Arc;

use http::{HeaderValue, Uri};

use super::{
    RefreshClass, SkipAuth,
    replayed::{Awaited, Replayed},
    session::{Held, Join, Landed, Session, Snapshot, Status, Why, failure, superseded},
};
use crate::{
    Client, Error, ErrorKind, Origin, Origins, Request, RequestFlow, RequestInterceptor, Result,
};

/// How often a call looks again after something changed under it.
const ROUNDS: usize = 4;

/// Puts the session's token on requests; the first half of a
/// [`TokenRefresh`](super::TokenRefresh).
///
/// A fresh token is attached without a future and without an allocation.
#[derive(Clone, Debug)]
pub struct Attach {
    pub(super) session: Arc<Session>,
}

/// What a request gets.
enum Plan {
    /// Nothing: it has a header of its own, or no business with the session.
    Bare,
    Attach(HeaderValue, Origins),
    Wait,
    Fail(Error),
    /// The client's clock or base is not known yet.
    Unknown,
}

/// A header's value, and where it may go.
type Attached = Option<(HeaderValue, Origins)>;

impl RequestInterceptor for Attach {
    async fn on_fulfilled(&self, mut request: Request) -> Result<RequestFlow> {
        let (attached, landed) = self.obtain(&request).await?;
        if let Some((value, origins)) = attached {
            self.put(&mut request, value, origins);
        }
        if let Some(landed) = landed.filter(|landed| landed.minted) {
            Awaited::mark(&mut request, self.session.id, landed);
        }
        Ok(request.into())
    }

    fn try_sync(&self, mut request: Request) -> Result<Result<RequestFlow>, Request> {
        match self.plan(&request) {
            Plan::Bare => Ok(Ok(request.into())),
            Plan::Attach(value, origins) => {
                self.put(&mut request, value, origins);
                Ok(Ok(request.into()))
            }
            Plan::Fail(error) => Ok(Err(error)),
            Plan::Wait | Plan::Unknown => Err(request),
        }
    }
}

impl Attach {
    fn put(&self, request: &mut Request, value: HeaderValue, origins: Origins) {
        let name = &self.session.options.header;
        request.headers_mut().insert(name.clone(), value);
        request.bind_header(name.clone(), origins);
    }

    fn plan(&self, request: &Request) -> Plan {
        let leave = request.headers().contains_key(&self.session.options.header)
            || request.extensions().get::<SkipAuth>().is_some();
        if leave {
            return Plan::Bare;
        }
        match self
            .session
            .peek(|snapshot| self.plan_with(snapshot, request))
        {
            Plan::Unknown => match self.learn(request) {
                Err(error) => Plan::Fail(error),
                Ok(()) => match self.session.peek(|it| self.plan_with(it, request)) {
                    // The client's base is known now, and it is another.
                    Plan::Unknown => Plan::Bare,
                    plan => plan,
                },
            },
            plan => plan,
        }
    }

    fn plan_with(&self, snapshot: &Snapshot, request: &Request) -> Plan {
        let Some(origins) = self.destination(snapshot, request.uri()) else {
            return match self.session.options.origins {
                Some(_) => Plan::Bare,
                None => Plan::Unknown,
            };
        };
        let replayed = self.replayed(request);
        if replayed.is_some_and(|landed| landed.generation != snapshot.generation) {
            // What one user has sent is not sent again as another.
            return Plan::Fail(failure(&Arc::new(superseded())));
        }
        match &snapshot.status {
            Status::Unloaded => Plan::Wait,
            Status::Empty => Plan::Bare,
            Status::Dead(error) => Plan::Fail(failure(error)),
            Status::Live(_) if snapshot.rejected => Plan::Wait,
            Status::Live(held) => {
                let attach = || Plan::Attach(held.header.clone(), origins.clone());
                // The token that this very call was refreshed for is used,
                // however short its life.
                if replayed.is_some_and(|landed| landed.version == snapshot.version) {
                    return attach();
                }
                match is_fresh(held, snapshot) {
                    Some(true) => attach(),
                    Some(false) => Plan::Wait,
                    None => Plan::Unknown,
                }
            }
        }
    }

    fn replayed(&self, request: &Request) -> Option<Landed> {
        if request.attempt() < 2 {
            return None;
        }
        request.extensions().get::<Replayed>()?.of(self.session.id)
    }

    fn destination<'a>(&'a self, snapshot: &'a Snapshot, uri: &Uri) -> Option<&'a Origins> {
        match &self.session.options.origins {
            Some(origins) => Some(origins).filter(|origins| origins.contains(uri)),
            None => snapshot.home(uri),
        }
    }

    /// Gets to know the client: its clock, and the origin of its base.
    fn learn(&self, request: &Request) -> Result<()> {
        let client = request.client()?;
        let home = match self.session.options.origins {
            Some(_) => None,
            None => Some(self.home(&client)?),
        };
        self.session.learn(&client, home);
        Ok(())
    }

    fn home(&self, client: &Client) -> Result<Origins> {
        let Some(base) = client.config().base_url() else {
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

    /// Gets a token, waiting for a flight where it has to.
    async fn obtain(&self, request: &Request) -> Result<(Attached, Option<Landed>)> {
        for _ in 0..ROUNDS {
            match self.plan(request) {
                Plan::Bare => return Ok((None, None)),
                Plan::Attach(value, origins) => return Ok((Some((value, origins)), None)),
                Plan::Fail(error) => return Err(error),
                Plan::Wait | Plan::Unknown => {}
            }
            let waiter = match self.session.join(&request.client()?, Why::Stale) {
                Join::Wait(waiter) => waiter,
                Join::Failed(error) => return Err(failure(&error)),
                Join::Inside => return Ok((None, None)),
                Join::Ready | Join::SignedOut => continue,
            };
            let first = waiter.is_first();
            match waiter.await {
                Ok(landed) => return Ok((self.after(landed, request)?, Some(landed))),
                // Nobody knew yet for whom this call is.
                Err(error) if first && error.class() == RefreshClass::Superseded => {}
                Err(error) => return Err(failure(&error)),
            }
        }
        Err(failure(&Arc::new(superseded())))
    }

    /// Attaches what a flight has brought, however short its life.
    fn after(&self, landed: Landed, request: &Request) -> Result<Attached> {
        let snapshot = self.session.current();
        if snapshot.generation != landed.generation {
            return Err(failure(&Arc::new(superseded())));
        }
        match &snapshot.status {
            Status::Live(held) => {
                let origins = self.destination(&snapshot, request.uri());
                Ok(origins.map(|origins| (held.header.clone(), origins.clone())))
            }
            Status::Dead(error) => Err(failure(error)),
            Status::Unloaded | Status::Empty => Ok(None),
        }
    }
}

/// Asks the wall clock, if the token expires; `None` if there is no clock.
fn is_fresh(held: &Held, snapshot: &Snapshot) -> Option<bool> {
    if held.mandatory_at.is_none() {
        return Some(true);
    }
    let runtime = snapshot.runtime.as_ref()?;
    Some(held.is_fresh(runtime.wall()))
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
