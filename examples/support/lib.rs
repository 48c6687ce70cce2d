//! What the examples need beside tollgate: a server on loopback, a page of HTML,
//! child processes. No part of it is tollgate.

mod children;
mod http_server;
mod timeline;
mod waterfall;

pub use children::{Children, TempFolder};
pub use http_server::{Answer, Asked, Server};
pub use timeline::{Attempt, CALL_PHASES, CallRecord, Tally, Timeline};
pub use waterfall::{Band, Mark, Phase, Row, Sign, Span, Waterfall};

/// The blocks of the README, run as doctests: they need the adapters, which the
/// core must not depend on.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
