//! What goes wrong with a server, and how it is told: with a kind and a
//! remedy, in time, without a secret.
#![expect(clippy::unwrap_used, reason = "what is shared by tests is a test too")]

mod network;
mod records;
mod refusals;
mod settings;
mod support;
