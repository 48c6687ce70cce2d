//! The suite that every adapter passes, with its loopback server.

mod connection;
mod gzip;
mod in_process;
mod received;
mod reply;
mod script;
mod server;

pub use gzip::{gzip, gzip_zeros};
pub use in_process::InProcess;
pub use received::Received;
pub use reply::Reply;
pub use script::Script;
pub use server::Server;
