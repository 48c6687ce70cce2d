//! Closures as interceptors.
//!
//! An async closure that captures something is not a `Fn`, and the future of
//! an `AsyncFn` cannot be bounded by `Send` on stable Rust. But every async
//! closure is an `FnOnce`, whose future has a name. So a clone of the closure
//! is called once per call, and the `AsyncFn` bound beside [`SendCall`] proves
//! that a shared call would be legal, so no mutation gets lost.

use std::{borrow::Cow, future::Future};

use super::{DynRequest, DynResponse, RequestFlow, ResponseFlow, Step};
use crate::{
    error::{Error, Result},
    request::Request,
    response::Response,
    runtime::BoxFuture,
};

/// An async closure that can be called once per call, with a `Send` future.
///
/// It is implemented for every closure that qualifies; nobody names it. A
/// capture has to be `Clone` and is cloned for each call: capture `Arc`s.
#[diagnostic::on_unimplemented(
    message = "this closure cannot be an interceptor",
    label = "not an async closure with a `Send` future and `Clone` captures",
    note = "write `async |request| Ok(request)` or `|request: Request| async move {{ Ok(request) }}`",
    note = "a plain closure goes into `use_sync`; what it captures has to be `Clone + Send + Sync`"
)]
pub trait SendCall<A, R>: Clone + Send + Sync + 'static {
    /// Calls the closure and boxes its future.
    #[doc(hidden)]
    fn send_call(self, argument: A) -> BoxFuture<'static, R>;
}

impl<F, Fut, A, R> SendCall<A, R> for F
where
    F: FnOnce(A) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = R> + Send + 'static,
{
    fn send_call(self, argument: A) -> BoxFuture<'static, R> {
        Box::pin(self(argument))
    }
}

fn type_name<T>() -> Cow<'static, str> {
    std::any::type_name::<T>().into()
}

/// `use_`: the success half, async.
pub(super) struct Ok_<F>(pub(super) F);
/// `use_sync`: the success half, a plain closure.
pub(super) struct Sync_<F>(pub(super) F);
/// `use_flow`: the success half, with a flow as the answer.
pub(super) struct Flow<F>(pub(super) F);
/// `use_rejected`: the error half.
pub(super) struct Rejected<G>(pub(super) G);
/// `use_both`: both halves.
pub(super) struct Both<F, G>(pub(super) F, pub(super) G);

macro_rules! twins {
    ($twin:ident, $message:ident, $flow:ident) => {
        impl<F: SendCall<$message, Result<$message>>> $twin for Ok_<F> {
            fn fulfilled(&self, message: $message) -> Step<'_, $message, $flow> {
                Step::Message(self.0.clone().send_call(message))
            }

            fn rejected(&self, error: Error) -> Step<'_, $message, $flow> {
                Step::Ready(Err(error))
            }

            fn name(&self) -> Cow<'static, str> {
                type_name::<F>()
            }
        }

        impl<F> $twin for Sync_<F>
        where
            F: Fn($message) -> Result<$message> + Send + Sync + 'static,
        {
            fn fulfilled(&self, message: $message) -> Step<'_, $message, $flow> {
                Step::Ready((self.0)(message).map(Into::into))
            }

            fn rejected(&self, error: Error) -> Step<'_, $message, $flow> {
                Step::Ready(Err(error))
            }

            fn name(&self) -> Cow<'static, str> {
                type_name::<F>()
            }
        }

        impl<F: SendCall<$message, Result<$flow>>> $twin for Flow<F> {
            fn fulfilled(&self, message: $message) -> Step<'_, $message, $flow> {
                Step::Later(self.0.clone().send_call(message))
            }

            fn rejected(&self, error: Error) -> Step<'_, $message, $flow> {
                Step::Ready(Err(error))
            }

            fn name(&self) -> Cow<'static, str> {
                type_name::<F>()
            }
        }

        impl<G: SendCall<Error, Result<$flow>>> $twin for Rejected<G> {
            fn fulfilled(&self, message: $message) -> Step<'_, $message, $flow> {
                Step::Ready(Ok(message.into()))
            }

            fn rejected(&self, error: Error) -> Step<'_, $message, $flow> {
                Step::Later(self.0.clone().send_call(error))
            }

            fn name(&self) -> Cow<'static, str> {
                type_name::<G>()
            }
        }

        impl<F, G> $twin for Both<F, G>
        where
            F: SendCall<$message, Result<$message>>,
            G: SendCall<Error, Result<$flow>>,
        {
            fn fulfilled(&self, message: $message) -> Step<'_, $message, $flow> {
                Step::Message(self.0.clone().send_call(message))
            }

            fn rejected(&self, error: Error) -> Step<'_, $message, $flow> {
                Step::Later(self.1.clone().send_call(error))
            }

            fn name(&self) -> Cow<'static, str> {
                type_name::<F>()
            }
        }
    };
}

twins!(DynRequest, Request, RequestFlow);
twins!(DynResponse, Response, ResponseFlow);
