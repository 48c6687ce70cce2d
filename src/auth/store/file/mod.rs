//! [`FileStore`]: one record in a file that several processes share.
//!
//! *In and out*: records in and out, as files; errors that name the file and
//! never what it holds.
//!
//! ```text
//! FileStore ─▶ line (a thread) ─▶ disk ─▶ lock files, record
//! ```
//!
//! *Not here*: what the text of a record looks like (`record.rs`).
//!
//! *Concurrency*: no file is touched on the caller's thread, but for closing
//! the one that held a lease. A store has at most two threads: one that reads
//! and writes, one that waits for the lease. They end when nothing is left to
//! do.

mod disk;
mod fault;
mod file_store;
mod line;
mod lock_file;
mod places;

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use elsewhere as platform;
pub use file_store::FileStore;
#[cfg(unix)]
use unix as platform;
