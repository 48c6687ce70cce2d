//! [`Session`]: a client with a pair, and what its events were.

use std::sync::{Arc, Mutex, PoisonError};

use super::bench::{AMPLE, good};
use crate::{
    Response, Result,
    adapter::conformance::{Driver, Failure, Lane, Verdict},
    auth::{AuthEvent, Token, TokenRefresh},
    client::{Call, Client},
};

/// A client with a pair.
pub(super) struct Session<E: Lane> {
    driver: Arc<Driver<E>>,
    api: String,
    pub(super) pair: TokenRefresh,
    pub(super) client: Client<E>,
    events: Arc<Mutex<Vec<AuthEvent>>>,
}

impl<E: Lane> Session<E> {
    pub(super) fn new(driver: &Arc<Driver<E>>, api: String, pair: TokenRefresh) -> Verdict<Self> {
        let client = E::build(E::builder(driver).timeout(AMPLE))?;
        client.interceptors.use_pair(pair.clone());
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        pair.on_event(move |event| {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(event.clone());
        });
        Ok(Self {
            driver: Arc::clone(driver),
            api,
            pair,
            client,
            events,
        })
    }

    /// Awaits in the adapter's runtime.
    pub(super) fn run<T: Send>(&self, future: impl Future<Output = T> + Send) -> Verdict<T> {
        let output = self.driver.run(future);
        output.ok_or_else(|| Failure::new("`block_on` came back before the future's end"))
    }

    pub(super) fn sign_in(&self, token: Token) -> Verdict {
        Ok(self.run(self.pair.sign_in(token))??)
    }

    pub(super) fn sign_out(&self) -> Verdict {
        Ok(self.run(self.pair.sign_out())??)
    }

    /// Returns the address of a path of the API.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api)
    }

    /// Gets a path of the API.
    pub(super) fn call(&self, path: &str) -> Call<E> {
        self.client.get(self.url(path))
    }

    pub(super) fn send(&self, call: Call<E>) -> Result<Response> {
        E::send(&self.driver, call)
    }

    pub(super) fn get(&self, path: &str) -> Result<Response> {
        self.send(self.call(path))
    }

    /// Gets a path, which has to succeed.
    #[track_caller]
    pub(super) fn ok(&self, path: &str) -> Verdict<Response> {
        good(self.get(path))
    }

    /// Makes so many calls side by side.
    pub(super) fn get_all(&self, count: usize) -> Vec<Result<Response>> {
        let calls = (0..count).map(|number| self.call(&format!("/{number}")));
        E::send_all(&self.driver, calls.collect())
    }

    /// Makes so many calls side by side, all of which have to succeed.
    #[track_caller]
    pub(super) fn all_ok(&self, count: usize) -> Verdict {
        for result in self.get_all(count) {
            good(result)?;
        }
        Ok(())
    }

    pub(super) fn events(&self) -> Vec<AuthEvent> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.clone()
    }

    /// Returns how often the session was told to be over.
    pub(super) fn expiries(&self) -> usize {
        let expired = |event: &AuthEvent| matches!(event, AuthEvent::SessionExpired { .. });
        self.events().iter().filter(|it| expired(it)).count()
    }
}

/// Returns the one token that a call was sent with, as text of a header.
pub(super) fn sent(response: &Response) -> Verdict<String> {
    let head = response
        .request()
        .ok_or_else(|| Failure::new("the answer names no request"))?;
    let mut values = head.headers().get_all("authorization").iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.to_str()?.to_owned()),
        (None, _) => Err(Failure::new("the call had no token")),
        (Some(_), Some(_)) => Err(Failure::new("the call had two headers")),
    }
}
