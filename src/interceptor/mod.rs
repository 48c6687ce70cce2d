//! What users write: interceptors of requests and of responses.
//!
//! *In and out*: a [`Request`] in; [`RequestFlow`] or [`Error`] out. A
//! [`Response`] or an [`Error`] in; [`ResponseFlow`] or [`Error`] out.
//!
//! ```text
//! caller ─ Call ─▶ prepare ─▶ [request interceptors] ─▶ adapter ⟲ redirects
//!          caller ◀─ [response interceptors] ◀─ settle ◀───────┘
//! ```
//!
//! *Order*: request interceptors last registered first, response interceptors
//! first registered first, as in axios; [`Order`](crate::Order) reverses the
//! former. A call works on the snapshot that it took when it started.
//!
//! *Pairing* is axios's `then(fulfilled, rejected)`: what a hook's own
//! `on_fulfilled` throws, its `on_rejected` does not see; the next one's does.
//!
//! | to write | register with |
//! |---|---|
//! | a plain closure, no future, no allocation | `use_sync` |
//! | an async closure | `use_` |
//! | both halves of axios's `use(ok, err)` | `use_both` |
//! | only the error half | `use_rejected` |
//! | an early answer, or a replay | `use_flow` |
//! | a type with state | `use_interceptor` |
//!
//! *Concurrency*: no lock is held while a hook runs. A hook whose call is
//! cancelled is dropped at its await.

mod chain;
mod explain;
mod from_fn;
mod hooks;
mod ids;
mod outcome;
mod pass;
mod registry;
mod step;

use std::{borrow::Cow, future::Future};

pub(crate) use chain::{Chain, Hook, Registries};
pub use from_fn::SendCall;
pub use ids::{AnyInterceptorId, InterceptorId, PairId, RequestSide, ResponseSide};
pub use outcome::{NotReplayed, Replay, RequestFlow, ResponseFlow};
use pass::PassThrough;

pub use registry::{Entry, Interceptors, Registration, Registry, Scoped};
pub(crate) use step::{DynRequest, DynResponse, Step};

use crate::{
    error::{Error, Result},
    request::Request,
    response::Response,
};

/// An interceptor of requests, as a type with state.
///
/// Write the methods as native `async fn`; one that is not overridden passes
/// its argument on and costs nothing.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use tollgate::{Client, MockAdapter, Request, RequestFlow, RequestInterceptor, Result};
///
/// /// Numbers the calls.
/// #[derive(Default)]
/// struct Numbered(AtomicU64);
///
/// impl RequestInterceptor for Numbered {
///     async fn on_fulfilled(&self, mut request: Request) -> Result<RequestFlow> {
///         let number = self.0.fetch_add(1, Ordering::Relaxed);
///         request.headers_mut().insert("x-number", number.into());
///         Ok(request.into())
///     }
/// }
///
/// let client = Client::new(MockAdapter::new());
/// client.interceptors.request.use_interceptor(Numbered::default());
/// ```
pub trait RequestInterceptor: Send + Sync + 'static {
    /// Sees the request on its way out.
    ///
    /// * **When**: once per attempt; skipped if `run_when` says no, or if an
    ///   earlier hook has failed or answered.
    /// * **Given**: an absolute address, the client's defaults merged in.
    /// * **May answer**: `Continue` to go on, `Respond` to answer the call.
    /// * **On error**: the next interceptor's `on_rejected` sees it; nothing is
    ///   sent unless one of them recovers.
    /// * **If dropped**: the call was cancelled or ran out of time.
    fn on_fulfilled(&self, request: Request) -> impl Future<Output = Result<RequestFlow>> + Send {
        PassThrough::new(Ok(request.into()))
    }

    /// Sees the failure of an earlier request interceptor.
    ///
    /// * **When**: once per attempt, only after such a failure.
    /// * **Given**: the error; [`Error::original_request`] makes a request to
    ///   go on with.
    /// * **May answer**: as [`on_fulfilled`](Self::on_fulfilled).
    /// * **On error**: the next interceptor's `on_rejected` sees it.
    /// * **If dropped**: the call was cancelled or ran out of time.
    fn on_rejected(&self, error: Error) -> impl Future<Output = Result<RequestFlow>> + Send {
        PassThrough::new(Err(error))
    }

    /// Answers without a future where it can: the path that does not allocate.
    ///
    /// `Ok` holds what [`on_fulfilled`](Self::on_fulfilled) would have
    /// answered. By default it gives the request back and that is awaited.
    ///
    /// # Errors
    ///
    /// The request, untouched, where the answer has to be awaited.
    fn try_sync(&self, request: Request) -> Result<Result<RequestFlow>, Request> {
        Err(request)
    }

    /// Returns the name in errors and in [`explain`](crate::Client::explain).
    fn name(&self) -> Cow<'static, str> {
        std::any::type_name::<Self>().into()
    }
}

/// An interceptor of responses, as a type with state.
///
/// ```
/// use tollgate::{Client, Error, MockAdapter, ResponseFlow, ResponseInterceptor, Result};
///
/// /// Sends a call once more when the server was busy.
/// struct OnceMore;
///
/// impl ResponseInterceptor for OnceMore {
///     async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
///         if error.is_status(503) && error.attempts() == 1 {
///             return error.replay();
///         }
///         Err(error)
///     }
/// }
///
/// # tollgate::runtime::block_on(async {
/// let client = Client::new(MockAdapter::new().reply(503, "").reply(200, "now"));
/// client.interceptors.response.use_interceptor(OnceMore);
/// assert_eq!(client.get("http://h/").await.unwrap().text().unwrap(), "now");
/// # });
/// ```
pub trait ResponseInterceptor: Send + Sync + 'static {
    /// Sees an accepted response.
    ///
    /// * **When**: once per attempt, or once per call if registered after the
    ///   interceptor that replays.
    /// * **Given**: the response, its body in memory unless the call streams.
    /// * **May answer**: `Continue` with any response, `Replay`.
    /// * **On error**: the next interceptor's `on_rejected` sees it.
    /// * **If dropped**: the call was cancelled or ran out of time.
    fn on_fulfilled(
        &self,
        response: Response,
    ) -> impl Future<Output = Result<ResponseFlow>> + Send {
        PassThrough::new(Ok(response.into()))
    }

    /// Sees a failure: of an interceptor, the adapter, the status or a body.
    ///
    /// * **When**: as [`on_fulfilled`](Self::on_fulfilled), for failures.
    /// * **Given**: the error, with request and response where there are any.
    /// * **May answer**: `Continue` recovers the call, `Replay` starts over.
    /// * **On error**: the next interceptor's `on_rejected` sees it.
    /// * **If dropped**: the call was cancelled or ran out of time.
    fn on_rejected(&self, error: Error) -> impl Future<Output = Result<ResponseFlow>> + Send {
        PassThrough::new(Err(error))
    }

    /// Answers without a future where it can: the path that does not allocate.
    ///
    /// # Errors
    ///
    /// The response, untouched, where the answer has to be awaited.
    fn try_sync(&self, response: Response) -> Result<Result<ResponseFlow>, Response> {
        Err(response)
    }

    /// Returns the name in errors and in [`explain`](crate::Client::explain).
    fn name(&self) -> Cow<'static, str> {
        std::any::type_name::<Self>().into()
    }
}

/// Two interceptors that belong together, as token refresh's do.
///
/// ```
/// use std::borrow::Cow;
/// use tollgate::{
///     Client, InterceptorPair, MockAdapter, RequestInterceptor, ResponseInterceptor,
/// };
///
/// struct Stamp;
/// struct Check;
/// impl RequestInterceptor for Stamp {}
/// impl ResponseInterceptor for Check {}
///
/// struct Stamping;
/// impl InterceptorPair for Stamping {
///     type Request = Stamp;
///     type Response = Check;
///     fn into_pair(self) -> (Stamp, Check) {
///         (Stamp, Check)
///     }
///     fn name(&self) -> Cow<'static, str> {
///         "stamping".into()
///     }
/// }
///
/// let client = Client::new(MockAdapter::new());
/// let pair = client.interceptors.use_pair(Stamping);
/// assert!(client.interceptors.eject_pair(pair));
/// ```
pub trait InterceptorPair {
    /// The half that sees requests.
    type Request: RequestInterceptor;
    /// The half that sees responses.
    type Response: ResponseInterceptor;

    /// Takes the pair apart.
    fn into_pair(self) -> (Self::Request, Self::Response);

    /// Returns the name that both halves bear.
    fn name(&self) -> Cow<'static, str>;
}
