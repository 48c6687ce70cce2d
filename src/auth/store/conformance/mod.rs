//! The suite that every [`TokenStore`](super::TokenStore) passes.
//!
//! *In and out*: a function that makes fresh stores in, two handles to each; a
//! [`StoreReport`] with one line for each law of the contract of `store` out.
//!
//! *Not here*: crashes, and what only one store does; those stand in the
//! store's own tests.
//!
//! *Concurrency*: one case after the other, each over a store of its own. What
//! has to happen at once is polled at once: a store that works in the
//! background, or elsewhere, does it at once.

mod bench;
mod leases;
mod report;
mod suite;
mod writes;

pub use report::StoreReport;
pub use suite::StoreSuite;
