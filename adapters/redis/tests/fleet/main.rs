//! A fleet of processes on one Redis refreshes once: whoever is killed, stopped
//! or slow, and whatever Redis forgets.
//!
//! The processes are this program, run again: see `child.rs`. Sizes come from
//! `TOLLGATE_ROUNDS` and `TOLLGATE_CRASHES`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

mod child;
mod gate;
mod processes;
mod world;

mod crashes;
mod late;
mod news;
mod once;
mod rights;
