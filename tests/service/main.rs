//! Tower services as adapters, and the client as a service: no network.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy exempts test functions, but not the generic laws and helpers beside them"
)]

/// Runs each law on the async and on the blocking engine.
macro_rules! both {
    ($($law:ident),* $(,)?) => {
        mod on_async {
            $(#[test] fn $law() { super::$law::<tollgate::client::Async>(); })*
        }
        mod on_blocking {
            $(#[test] fn $law() { super::$law::<tollgate::client::Blocking>(); })*
        }
    };
}

mod support;

mod as_service;
mod conforming;
mod failures;
mod nested;
mod readiness;
mod router;
mod streams;
