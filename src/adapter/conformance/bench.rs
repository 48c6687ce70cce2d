//! [`Bench`]: what a case works with: a client over the adapter, servers, and
//! the questions that many cases ask.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::Body as HttpBody;

use super::{
    InProcess, Received, Reply, Script, Server,
    lane::{Driver, Lane},
    verdict::{Failure, Verdict, chain, ensure, keeps_secrets, same},
};
use crate::{
    adapter::AdapterError,
    body::{Body, BodyError},
    client::{Call, Client, ClientBuilder},
    error::{Error, ErrorKind, Result},
    response::Response,
    runtime::{Runtime, ThreadRuntime},
};

/// How late an attempt may end after its limit, on a busy machine.
pub(super) const GRACE: Duration = Duration::from_millis(250);

/// A limit that is meant to be reached, and soon.
pub(super) const BRIEF: Duration = Duration::from_millis(250);

/// A limit that is not meant to be reached.
pub(super) const AMPLE: Duration = Duration::from_secs(5);

pub(super) struct Bench<E: Lane> {
    driver: Driver<E>,
    client: Client<E>,
    in_process: Option<InProcess>,
    /// For the watchdog, which ends them where a case hangs.
    servers: Mutex<Vec<Weak<Server>>>,
}

impl<E: Lane> Bench<E> {
    pub(super) fn new(driver: Driver<E>, in_process: Option<InProcess>) -> Result<Self> {
        let client = E::build(E::builder(&driver).timeout(AMPLE))?;
        Ok(Self {
            driver,
            client,
            in_process,
            servers: Mutex::default(),
        })
    }

    /// Starts a server that also answers [`clean`](Self::clean).
    pub(super) fn serve(&self, script: impl Into<Script>) -> Verdict<Arc<Server>> {
        let script = script.into().on("/clean", Reply::new(200).body("clean"));
        let server = Arc::new(Server::start(script)?);
        if let Some(in_process) = &self.in_process {
            in_process.add(&server);
        }
        self.servers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(&server));
        Ok(server)
    }

    /// Ends what a hanging case may be waiting for.
    pub(super) fn stop_servers(&self) {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        for server in servers.iter().filter_map(Weak::upgrade) {
            server.stop();
        }
    }

    /// Returns the client that all cases share.
    pub(super) fn client(&self) -> &Client<E> {
        &self.client
    }

    /// Builds a client of the case's own.
    pub(super) fn other_client(
        &self,
        configure: impl FnOnce(ClientBuilder<E>) -> ClientBuilder<E>,
    ) -> Result<Client<E>> {
        E::build(configure(E::builder(&self.driver).timeout(AMPLE)))
    }

    pub(super) fn send(&self, call: Call<E>) -> Result<Response> {
        E::send(&self.driver, call)
    }

    pub(super) fn send_all(&self, calls: Vec<Call<E>>) -> Vec<Result<Response>> {
        E::send_all(&self.driver, calls)
    }

    /// Gets a path of a server through the shared client.
    pub(super) fn get(&self, server: &Server, path: &str) -> Result<Response> {
        self.send(self.client.get(secret_url(server, path)))
    }

    /// Sends through the adapter alone.
    pub(super) fn raw(&self, request: http::Request<Body>) -> Verdict<http::Response<Body>> {
        match E::raw(&self.driver, request) {
            Ok(response) => Ok(response),
            Err(error) => Err(Failure::from(error)),
        }
    }

    /// Sends through the adapter alone what it must refuse.
    pub(super) fn raw_error(&self, request: http::Request<Body>) -> Verdict<AdapterError> {
        match E::raw(&self.driver, request) {
            Ok(response) => Err(Failure::new(format_args!(
                "expected an error, got {}",
                response.status()
            ))),
            Err(error) => {
                keeps_secrets(&chain(&error))?;
                keeps_secrets(&format!("{error:?}"))?;
                Ok(error)
            }
        }
    }

    /// Reads a body to its end, good or bad.
    pub(super) fn read(&self, mut body: Body) -> (Vec<u8>, Option<BodyError>) {
        let mut out = Vec::new();
        loop {
            match self.chunk(&mut body) {
                None => return (out, None),
                Some(Ok(chunk)) => out.extend(chunk),
                Some(Err(error)) => return (out, Some(error)),
            }
        }
    }

    /// Reads a body whose end must be good.
    pub(super) fn read_whole(&self, body: Body) -> Verdict<Vec<u8>> {
        match self.read(body) {
            (out, None) => Ok(out),
            (_, Some(error)) => Err(Failure::new(chain(&*error))),
        }
    }

    /// Reads the next chunk of a body; trailers are passed over.
    pub(super) fn chunk(&self, body: &mut Body) -> Option<Result<Bytes, BodyError>> {
        loop {
            let next = poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
            match self.driver.run(next)?? {
                Err(error) => return Some(Err(error)),
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
            }
        }
    }

    /// Awaits `future` as a caller of the async engine would.
    pub(super) fn run<T: Send>(&self, future: impl Future<Output = T> + Send) -> Verdict<T> {
        let output = self.driver.run(future);
        output.ok_or_else(|| Failure::new("`block_on` came back before the future's end"))
    }

    /// Waits as a reader that takes its time.
    pub(super) fn sleep(&self, duration: Duration) -> Verdict {
        self.run(ThreadRuntime.sleep(duration))
    }

    /// Checks that the shared client is as good as new.
    ///
    /// A server that has closed a connection may be asked over it once more, by
    /// a client that has not seen it yet (RFC 9112, 9.5): a second call is not.
    pub(super) fn clean(&self, server: &Server) -> Verdict {
        let answer = match self.get(server, "/clean") {
            Err(error) if error.kind() == ErrorKind::Transport => self.get(server, "/clean"),
            answer => answer,
        };
        match answer {
            Ok(response) => same("the next clean call's body", response.text()?, "clean"),
            Err(error) => {
                let text = chain(&error);
                Err(Failure::new(format_args!("the next clean call: {text}")))
            }
        }
    }
}

/// Returns an address whose query must not stand in any error.
pub(super) fn secret_url(server: &Server, path: &str) -> String {
    format!("{}{path}?key=CANARY-query", server.origin())
}

/// Starts a request for the adapter alone.
pub(super) fn raw_request(
    method: &str,
    url: &str,
    body: impl Into<Body>,
) -> Verdict<http::Request<Body>> {
    let request = http::Request::builder().method(method).uri(url);
    Ok(request.body(body.into())?)
}

/// Checks that a call failed in one way, and that its error keeps secrets.
#[track_caller]
pub(super) fn fails(result: Result<Response>, kind: ErrorKind) -> Verdict<Error> {
    let error = match result {
        Ok(response) => {
            let body = response.bytes().unwrap_or_default();
            return Err(Failure::new(format_args!(
                "expected {kind:?}, got {} with {} bytes",
                response.status(),
                body.len()
            )));
        }
        Err(error) => error,
    };
    for text in [chain(&error), format!("{error:?}"), error.to_json()] {
        keeps_secrets(&text)?;
    }
    if error.kind() != kind {
        return Err(Failure::new(format_args!(
            "expected {kind:?}, got {:?}: {}",
            error.kind(),
            chain(&error)
        )));
    }
    Ok(error)
}

/// Returns the only request that a server got.
#[track_caller]
pub(super) fn only_request(server: &Server) -> Verdict<Received> {
    let mut requests = server.requests();
    same("requests at the server", requests.len(), 1)?;
    requests.pop().ok_or_else(|| Failure::new("no request"))
}

/// Runs `action` and measures it.
pub(super) fn timed<T>(action: impl FnOnce() -> T) -> (T, Duration) {
    let started = now();
    let output = action();
    (output, now().saturating_duration_since(started))
}

/// Tries what is held to a time: with [`BRIEF`] for a limit, and where the
/// machine was late, with more. What is wrong ends it at once, by the outer
/// verdict; what is late, by the inner one, has to be late each time.
pub(super) fn unhurried(mut attempt: impl FnMut(Duration) -> Verdict<Verdict>) -> Verdict {
    let mut verdict = Ok(());
    for times in [1, 2, 4] {
        verdict = attempt(BRIEF * times)?;
        if verdict.is_ok() {
            break;
        }
    }
    verdict
}

/// Tells a result that came too late, inside, from one that is wrong.
#[track_caller]
pub(super) fn late<T>(result: Result<T>) -> Verdict<Verdict<T>> {
    match result {
        Err(error) if error.is_timeout() => Ok(Err(error.into())),
        result => Ok(Ok(result?)),
    }
}

pub(super) fn now() -> Instant {
    ThreadRuntime.now()
}

/// Fails if something took longer than it may.
#[track_caller]
pub(super) fn within(what: &str, took: Duration, limit: Duration) -> Verdict {
    ensure(
        took <= limit,
        format_args!("{what} took {took:?}, the limit is {limit:?}"),
    )
}
