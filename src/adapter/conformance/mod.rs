//! The suite that every adapter passes, with its loopback server.
//!
//! *In and out*: an adapter in; a [`Report`] with one line for each clause of
//! the contract of [`adapter`](crate::adapter) out. The cases go through a
//! client over the adapter, so that core and adapter are judged together, and
//! to the adapter alone where the core would hide what it does.
//!
//! ```text
//! Suite ─▶ case ─▶ Client ─▶ adapter ─▶ Server, which answers by a Script
//! ```
//!
//! | part | what it does |
//! |---|---|
//! | [`Suite`] | runs the cases over an adapter, async or blocking |
//! | [`Server`] | a loopback server that fails on request and forgets nothing |
//! | [`Script`], [`Reply`] | what it answers, and what goes wrong on the way |
//! | [`Step`] | what it does on a connection, one thing after the other |
//! | [`Received`] | what it got, byte by byte |
//! | [`InProcess`] | the same servers for an adapter without a wire |
//! | [`gzip`], [`gzip_zeros`] | compressed bodies, and bombs |
//!
//! *Not here*: TLS, proxies, HTTP/2, and what only one adapter does; those
//! stand in the adapter's own tests.
//!
//! ```
//! use tollgate::{MockAdapter, adapter::conformance::{InProcess, Suite}};
//!
//! let servers = InProcess::new();
//! let mock = MockAdapter::new().handler(servers.handler());
//! let report = Suite::for_blocking_adapter(mock)
//!     .in_process(&servers)
//!     .skip("gzip_is_decoded", "this adapter is built without gzip")
//!     .only("gzip_is_decoded")
//!     .only("no_cookie_is_kept")
//!     .run();
//! assert_eq!(report.skipped().count(), 1);
//! report.assert_passed();
//! ```

mod bench;
mod cases;
mod connection;
mod fountain;
mod guarded;
mod gzip;
mod in_process;
mod lane;
mod message;
mod received;
mod reply;
mod report;
mod script;
mod server;
mod steps;
mod suite;
mod verdict;

pub(crate) use cases::cases;
pub(crate) use guarded::guarded;
pub use gzip::{gzip, gzip_zeros};
pub use in_process::InProcess;
pub(crate) use lane::{Driver, Lane};
pub use received::Received;
pub use reply::Reply;
pub use report::{Entry, Outcome, Report};
pub use script::Script;
pub use server::Server;
pub use steps::Step;
pub use suite::Suite;
pub(crate) use verdict::{Failure, Verdict, ensure, same};
