//! What the examples need beside tollgate: a server on loopback, and a page of
//! HTML. No part of it is tollgate.

mod http_server;
mod timeline;
mod waterfall;

pub use http_server::{Answer, Asked, Server};
pub use timeline::{Attempt, CallRecord, Tally, Timeline};
pub use waterfall::{Band, Mark, Phase, Row, Span, Waterfall};

/// The blocks of the README, run as doctests: they need the adapters, which the
/// core must not depend on.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
