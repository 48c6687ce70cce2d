//! The tests of `faults`, over stores without tokio.
#![cfg(feature = "blocking")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

mod line {
    use tollgate_redis::{RedisStore, RedisStoreBuilder};

    pub(crate) fn build(builder: RedisStoreBuilder) -> RedisStore {
        builder.build_blocking().unwrap()
    }
}
#[path = "../faults/support.rs"]
mod support;

#[path = "../faults/cuts.rs"]
mod cuts;
#[path = "../faults/deadlines.rs"]
mod deadlines;
#[path = "../faults/fences.rs"]
mod fences;
#[path = "../faults/lost.rs"]
mod lost;
#[path = "../faults/model.rs"]
mod model;
#[path = "../faults/network.rs"]
mod network;
#[path = "../faults/others.rs"]
mod others;
#[path = "../faults/refusals.rs"]
mod refusals;
#[path = "../faults/restarts.rs"]
mod restarts;
#[path = "../faults/sessions.rs"]
mod sessions;
#[path = "../faults/storms.rs"]
mod storms;
#[path = "../faults/watched.rs"]
mod watched;
