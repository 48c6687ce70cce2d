//! Servers on loopback for the examples: a strict OAuth server and an API that
//! it guards. No part of them is tollgate.

mod http_server;
mod oauth;

pub use http_server::{Answer, Asked, Server};
pub use oauth::{OAuth, Tally};

/// The blocks of the README, run as doctests: they need the adapters, which the
/// core must not depend on.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
