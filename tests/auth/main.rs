//! Token refresh, as its users see it: only the public API, no network.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
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

mod apart;
mod attach;
mod cancel;
mod carried;
mod challenge;
mod clock;
mod configure;
mod cookie_jar;
mod cookies;
mod counted;
mod down;
mod dpop;
mod dpop_nonce;
mod early;
mod ejected;
mod failure;
mod file_store;
mod handlers;
mod identity;
mod interleaved;
mod jwt;
mod keyed;
mod keyed_limit;
mod keyed_model;
mod keyed_replay;
mod leaving;
mod lifecycle;
mod mark;
mod overtaken;
mod panics;
mod predicate;
mod printed;
mod races;
mod reactive;
mod refreshers;
mod replay;
mod rotation;
mod saturated;
mod secrecy;
mod seeds;
mod shared_store;
mod step_up;
mod store;
mod store_panics;
mod storm;
mod tries;
