//! Laws that hold for all programs, and not only for those somebody wrote.
//!
//! `TOLLGATE_PROGRAMS`, `TOLLGATE_OPERATIONS` and `TOLLGATE_CHANGES` set how
//! many are tried.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly, and what supports them does too"
)]

mod actor;
mod addresses;
mod concurrent;
mod forms;
mod merging;
mod model;
mod per_call;
mod program;
mod programs;
mod queries;
mod registry;

/// Reads how much to try from the environment.
fn amount(variable: &str, default: u32) -> u32 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => default,
    }
}
