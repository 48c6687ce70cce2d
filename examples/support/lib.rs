//! A server on loopback for the examples. No part of it is tollgate.

mod http_server;

pub use http_server::{Answer, Asked, Server};

/// The blocks of the README, run as doctests: they need the adapters, which the
/// core must not depend on.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
