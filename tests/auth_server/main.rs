//! The strict OAuth server's own tests: raw HTTP in, raw HTTP out.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod wire;

mod api;
mod clients;
mod codes;
mod control;
mod dialects;
mod faults;
mod rotation;
mod storm;
