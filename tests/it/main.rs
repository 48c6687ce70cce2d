//! The promises to users, one file each, through the public API alone.
//!
//! Each law runs on both engines and has to leave identical logs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests fail loudly, and what supports them does too"
)]

mod support;

mod order;
mod pairing;
