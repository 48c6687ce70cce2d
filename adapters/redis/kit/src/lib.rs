//! Redis servers for tests: started on a free port, stopped, cut off.
//!
//! ```
//! use tollgate_redis_kit::{Proxy, Server};
//!
//! let Some(server) = Server::start() else {
//!     return; // There is no `redis-server`; it has said so.
//! };
//! let proxy = Proxy::start(server.port());
//! let mut connection = tollgate_redis_kit::connect(&proxy.url());
//! let answer: String = redis::cmd("PING").query(&mut connection).unwrap();
//! assert_eq!(answer, "PONG");
//! ```
//!
//! Whatever is started ends when it is dropped, with its folder.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a kit for tests: where a server does not do as it is told, the test fails"
)]

mod cluster;
mod folder;
mod proxy;
mod sentinel;
mod server;
mod wait;

pub use cluster::Cluster;
pub use folder::Folder;
pub use proxy::{Mode, Proxy};
pub use sentinel::{MASTER, Sentinels};
pub use server::{Server, ServerBuilder, connect, is_installed};
pub use wait::{until, until_within};
