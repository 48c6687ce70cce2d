//! The session under loom: every order of events that up to three preemptions
//! make, and every value that a read may see.
//!
//! What runs here is what ships: calls through a real client, a real session,
//! `MemoryStore`. Only the types of [`sync`](super::sync) are loom's.

mod flights;
mod sessions;
mod world;
