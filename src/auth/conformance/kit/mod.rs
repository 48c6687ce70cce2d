//! The scenarios of token refresh that every adapter, store and refresher
//! passes.
//!
//! *In and out*: adapters, what makes a store and what makes a refresher in; a
//! [`RefreshReport`] with one line for each scenario and engine out. Each
//! scenario is a call, or many, through a client over the adapter, against a
//! [`StrictAuthServer`](super::StrictAuthServer) of its own.
//!
//! ```text
//! RefreshSuite ─▶ case ─▶ Client ─▶ TokenRefresh ─▶ adapter ─▶ StrictAuthServer
//!                                     │      └─▶ refresher ─▶ adapter ─▲
//!                                     └─▶ spy ─▶ store
//! ```
//!
//! *Not here*: cookies as carriers, DPoP, processes that are killed, and what
//! needs a clock that stands still.
//!
//! *Concurrency*: one case after the other, each in a thread of its own.

mod bench;
mod cases;
mod report;
mod session;
mod spy;
mod suite;

pub use report::RefreshReport;
pub use suite::RefreshSuite;
