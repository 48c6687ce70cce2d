//! The `use_…` methods, the same on both registries.

use super::{
    InterceptorId, Registration, Registry, RequestFlow, RequestInterceptor, RequestSide,
    ResponseFlow, ResponseInterceptor, ResponseSide, Scoped, SendCall,
    from_fn::{Both, Flow, Ok_, Rejected, Sync_},
    step::{Native, NativeResponse},
};
use crate::{
    error::{Error, Result},
    request::Request,
    response::Response,
};

macro_rules! hooks {
    ($side:ident, $message:ident, $flow:ident, $interceptor:ident, $native:ident, $replays:literal) => {
        impl Registration<'_, $side> {
            /// Registers an async closure; see [`Registry::use_`].
            pub fn use_<F>(self, fulfilled: F) -> InterceptorId<$side>
            where
                F: AsyncFn($message) -> Result<$message> + SendCall<$message, Result<$message>>,
            {
                self.add(Ok_(fulfilled), false)
            }

            /// Registers both halves; see [`Registry::use_both`].
            pub fn use_both<F, G>(self, fulfilled: F, rejected: G) -> InterceptorId<$side>
            where
                F: AsyncFn($message) -> Result<$message> + SendCall<$message, Result<$message>>,
                G: AsyncFn(Error) -> Result<$flow> + SendCall<Error, Result<$flow>>,
            {
                self.add(Both(fulfilled, rejected), true)
            }

            /// Registers the error half; see [`Registry::use_rejected`].
            pub fn use_rejected<G>(self, rejected: G) -> InterceptorId<$side>
            where
                G: AsyncFn(Error) -> Result<$flow> + SendCall<Error, Result<$flow>>,
            {
                self.add(Rejected(rejected), true)
            }

            /// Registers a closure with a flow; see [`Registry::use_flow`].
            pub fn use_flow<F>(self, fulfilled: F) -> InterceptorId<$side>
            where
                F: AsyncFn($message) -> Result<$flow> + SendCall<$message, Result<$flow>>,
            {
                self.add(Flow(fulfilled), $replays)
            }

            /// Registers a plain closure; see [`Registry::use_sync`].
            pub fn use_sync<F>(self, fulfilled: F) -> InterceptorId<$side>
            where
                F: Fn($message) -> Result<$message> + Send + Sync + 'static,
            {
                self.add(Sync_(fulfilled), false)
            }

            /// Registers a type; see [`Registry::use_interceptor`].
            pub fn use_interceptor(self, interceptor: impl $interceptor) -> InterceptorId<$side> {
                let hook = $native(interceptor);
                let wants_original = hook.wants_original();
                self.add(hook, wants_original)
            }

            /// Registers an async closure until the guard is dropped.
            pub fn use_scoped<F>(self, fulfilled: F) -> Scoped
            where
                F: AsyncFn($message) -> Result<$message> + SendCall<$message, Result<$message>>,
            {
                let registry = self.registry();
                registry.scoped(self.use_(fulfilled))
            }
        }

        impl Registry<$side> {
            /// Registers an async closure (axios: `use(onFulfilled)`).
            ///
            /// It is cloned for each call: capture `Arc`s, not buffers.
            /// Untyped arguments work with `async |it| …`; write their type to
            /// call methods in `|it: …| async move {…}`.
            #[doc(alias = "use")]
            pub fn use_<F>(&self, fulfilled: F) -> InterceptorId<$side>
            where
                F: AsyncFn($message) -> Result<$message> + SendCall<$message, Result<$message>>,
            {
                self.registration().use_(fulfilled)
            }

            /// Registers both halves (axios: `use(onFulfilled, onRejected)`).
            ///
            /// The second does not see what the first one throws.
            pub fn use_both<F, G>(&self, fulfilled: F, rejected: G) -> InterceptorId<$side>
            where
                F: AsyncFn($message) -> Result<$message> + SendCall<$message, Result<$message>>,
                G: AsyncFn(Error) -> Result<$flow> + SendCall<Error, Result<$flow>>,
            {
                self.registration().use_both(fulfilled, rejected)
            }

            /// Registers the error half (axios: `use(null, onRejected)`).
            ///
            /// `Ok` recovers: the later interceptors' success halves run.
            pub fn use_rejected<G>(&self, rejected: G) -> InterceptorId<$side>
            where
                G: AsyncFn(Error) -> Result<$flow> + SendCall<Error, Result<$flow>>,
            {
                self.registration().use_rejected(rejected)
            }

            /// Registers an async closure that may also change the flow: answer
            /// the call on the request side, replay it on the response side.
            pub fn use_flow<F>(&self, fulfilled: F) -> InterceptorId<$side>
            where
                F: AsyncFn($message) -> Result<$flow> + SendCall<$message, Result<$flow>>,
            {
                self.registration().use_flow(fulfilled)
            }

            /// Registers a plain closure: no future, no allocation (axios:
            /// `synchronous: true`, but with the same rules as all others).
            #[doc(alias = "synchronous")]
            pub fn use_sync<F>(&self, fulfilled: F) -> InterceptorId<$side>
            where
                F: Fn($message) -> Result<$message> + Send + Sync + 'static,
            {
                self.registration().use_sync(fulfilled)
            }

            /// Registers a type with state.
            pub fn use_interceptor(&self, interceptor: impl $interceptor) -> InterceptorId<$side> {
                self.registration().use_interceptor(interceptor)
            }

            /// Registers an async closure until the guard is dropped.
            ///
            /// For the other forms: `registry.scoped(registry.use_sync(…))`.
            pub fn use_scoped<F>(&self, fulfilled: F) -> Scoped
            where
                F: AsyncFn($message) -> Result<$message> + SendCall<$message, Result<$message>>,
            {
                self.registration().use_scoped(fulfilled)
            }
        }
    };
}

hooks!(
    RequestSide,
    Request,
    RequestFlow,
    RequestInterceptor,
    Native,
    false
);
hooks!(
    ResponseSide,
    Response,
    ResponseFlow,
    ResponseInterceptor,
    NativeResponse,
    true
);
