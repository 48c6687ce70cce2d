//! `RedisStore` over servers and networks that fail: killed, stopped, full,
//! forgetful, refused, cut off at every byte of an answer.
//!
//! Each test starts servers of its own. Sizes:
//!
//! | variable | default | in full |
//! |---|---|---|
//! | `TOLLGATE_REDIS_RESTARTS` | 10 kills | 100 |
//! | `TOLLGATE_REDIS_CUT_EVERY` | every 11th byte; every 60th where a cut takes the whole deadline | 1 |
//! | `TOLLGATE_REDIS_PROGRAMS` | 48 random programs | 1500 |
//! | `TOLLGATE_REDIS_STOPPED_MS` | 1000 ms | 5000 |
#![cfg(feature = "tokio")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

/// How the stores speak with Redis: over tokio. `faults_blocking` has the same
/// tests without it.
mod line {
    use tollgate_redis::{RedisStore, RedisStoreBuilder};

    pub(crate) fn build(builder: RedisStoreBuilder) -> RedisStore {
        builder.build().unwrap()
    }
}
mod support;

mod brought;
mod cuts;
mod deadlines;
mod fences;
mod lost;
mod model;
mod network;
mod others;
mod refusals;
mod restarts;
mod sessions;
mod storms;
mod watched;
