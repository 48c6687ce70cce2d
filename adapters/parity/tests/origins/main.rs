//! Where a request goes, what goes with it, and what can be smuggled into it:
//! over reqwest and over ureq, async and blocking.
//!
//! | file | what it holds |
//! |---|---|
//! | `place.rs`, `written.rs`, `recorders.rs` | scheme, host and port as each parser reads them; hostile addresses; adapters that only note where they would dial |
//! | `reading.rs`, `dialled.rs`, `reached.rs` | what is dialled is what was judged, or nothing is |
//! | `baits.rs`, `chains.rs`, `alias.rs` | tokens of the auth pair at another origin, and on the way back |
//! | `environment.rs`, `proxies.rs`, `exempt.rs` | proxies: unasked for, with credentials, and for whom not |
//! | `tenants.rs` | two clients over one pool |
//! | `injected.rs`, `heads.rs` | what a caller and a server smuggle into a head |
//! | `support.rs`, `child.rs` | the lanes; a test in a process of its own |
//!
//! `TOLLGATE_ADDRESSES` sets how many addresses are generated.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod support;

mod alias;
mod baits;
mod chains;
mod child;
mod dialled;
mod environment;
mod exempt;
mod heads;
mod injected;
mod place;
mod proxies;
mod reached;
mod reading;
mod recorders;
mod tenants;
mod written;
