//! What goes wrong on the wire goes wrong alike: every fault mode over reqwest
//! and over ureq, async and blocking.
//!
//! | file | what it holds |
//! |---|---|
//! | `modes/` | the table: what the server does, what the call is to give |
//! | `mode.rs` | the words in which the table is written |
//! | `lane.rs` | the four lanes |
//! | `cell.rs` | one mode on one lane: call, judge, call again |
//! | `alone.rs` | a lane in a process of its own, whose threads and descriptors count |
//! | `matrix.rs`, `cuts.rs`, `cancels.rs`, `held.rs`, `memory.rs` | the tests |
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it should be, and shows its table"
)]

mod alone;
mod cancels;
mod cell;
mod cuts;
mod held;
mod lane;
mod matrix;
mod memory;
mod mode;
mod modes;
