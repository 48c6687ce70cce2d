//! `RedisStore` over servers and networks that fail: killed, stopped, full,
//! forgetful, refused, cut off at every byte of an answer.
//!
//! Each test starts servers of its own. Sizes come from
//! `TOLLGATE_REDIS_RESTARTS`, `TOLLGATE_REDIS_CUTS` and
//! `TOLLGATE_REDIS_PROGRAMS`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

mod support;

mod cuts;
mod fences;
mod lost;
mod model;
mod network;
mod refusals;
mod restarts;
mod sessions;
mod storms;
mod watched;
