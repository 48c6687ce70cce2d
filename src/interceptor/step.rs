//! The object-safe twins of the public traits.

use std::{
    borrow::Cow,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::{RequestFlow, RequestInterceptor, ResponseFlow, ResponseInterceptor, pass};
use crate::{
    error::{Error, Result},
    request::Request,
    response::Response,
    runtime::BoxFuture,
};

/// What a hook did: answered, or needs to be awaited.
/// `M` is the message that the hook sees, `F` the flow that it may answer with.
pub(crate) enum Step<'a, M, F> {
    Ready(Result<F>),
    /// The future of a closure that answers with the message itself.
    Message(BoxFuture<'a, Result<M>>),
    Later(BoxFuture<'a, Result<F>>),
}

impl<'a, M, T> Step<'a, M, T> {
    /// Boxes a future, unless it is the one of a hook that was not overridden.
    fn of<F: Future<Output = Result<T>> + Send + 'a>(future: F) -> Self {
        if pass::is_pass_through::<F>() {
            let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
            return Self::Ready(match polled {
                Poll::Ready(result) => result,
                Poll::Pending => Err(Error::message("a hook that does nothing did not end")),
            });
        }
        Self::Later(Box::pin(future))
    }
}

/// [`RequestInterceptor`], object-safe.
pub(crate) trait DynRequest: Send + Sync {
    fn fulfilled(&self, request: Request) -> Step<'_, Request, RequestFlow>;
    fn rejected(&self, error: Error) -> Step<'_, Request, RequestFlow>;
    fn name(&self) -> Cow<'static, str>;
}

/// [`ResponseInterceptor`], object-safe.
pub(crate) trait DynResponse: Send + Sync {
    fn fulfilled(&self, response: Response) -> Step<'_, Response, ResponseFlow>;
    fn rejected(&self, error: Error) -> Step<'_, Response, ResponseFlow>;
    fn name(&self) -> Cow<'static, str>;
}

/// A user's type; the closures have twins of their own.
pub(super) struct Native<T>(pub(super) T);

impl<T: RequestInterceptor> Native<T> {
    /// Who only looks at requests recovers no failed one.
    pub(super) fn wants_original(&self) -> bool {
        !is_default(T::on_rejected)
    }
}

/// Tells whether a method is the trait's own.
fn is_default<'a, T: 'a, F>(_: impl Fn(&'a T, Error) -> F) -> bool {
    pass::is_pass_through::<F>()
}

impl<T: RequestInterceptor> DynRequest for Native<T> {
    fn fulfilled(&self, request: Request) -> Step<'_, Request, RequestFlow> {
        match self.0.try_sync(request) {
            Ok(result) => Step::Ready(result),
            Err(request) => Step::of(self.0.on_fulfilled(request)),
        }
    }

    fn rejected(&self, error: Error) -> Step<'_, Request, RequestFlow> {
        Step::of(self.0.on_rejected(error))
    }

    fn name(&self) -> Cow<'static, str> {
        self.0.name()
    }
}

/// The same for responses: one type cannot implement both twins, as a user's
/// type may implement both traits.
pub(super) struct NativeResponse<T>(pub(super) T);

impl<T: ResponseInterceptor> NativeResponse<T> {
    /// Each half may replay.
    #[expect(clippy::unused_self, reason = "as its twin")]
    pub(super) fn wants_original(&self) -> bool {
        true
    }
}

impl<T: ResponseInterceptor> DynResponse for NativeResponse<T> {
    fn fulfilled(&self, response: Response) -> Step<'_, Response, ResponseFlow> {
        match self.0.try_sync(response) {
            Ok(result) => Step::Ready(result),
            Err(response) => Step::of(self.0.on_fulfilled(response)),
        }
    }

    fn rejected(&self, error: Error) -> Step<'_, Response, ResponseFlow> {
        Step::of(self.0.on_rejected(error))
    }

    fn name(&self) -> Cow<'static, str> {
        self.0.name()
    }
}
