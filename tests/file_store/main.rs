//! `FileStore` in the hands of many processes: killed at any moment and at
//! every system call, at work all at once, over files that are not as they
//! should be.
//!
//! Child processes are this program, run again: see `child.rs`. Sizes come
//! from `TOLLGATE_KILLS`, `TOLLGATE_PROCESSES` and `TOLLGATE_ROTATIONS`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

mod child;
mod conformance;
mod kills;
mod rotations;
mod support;

#[cfg(unix)]
mod files;
mod holders;
#[cfg(target_os = "linux")]
mod syscalls;
