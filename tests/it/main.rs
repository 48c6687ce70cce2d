//! The promises to users, one file each, through the public API alone.
//!
//! Each law runs on both engines and has to leave identical logs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail loudly, and what supports them does too"
)]

mod scripted;
mod support;

mod abort;
mod bad_input;
mod bad_tokens;
mod both_rates;
mod cancel;
mod client_wide;
mod conditions;
mod context;
mod credentials;
mod defaults;
mod depth;
mod derive;
mod hops;
mod http_client;
mod ids;
mod interop;
mod json_bombs;
mod limits;
mod max_rates;
mod multipart;
mod multipart_files;
mod multipart_values;
mod nested;
mod order;
mod ownership;
mod pairing;
mod panics;
mod per_call;
mod printed;
mod progress;
mod progress_ends;
mod queries;
mod query_defaults;
mod query_formats;
mod rates;
mod redaction;
mod redirects;
mod replay;
mod requests;
mod respond;
mod responses;
mod runaway;
mod secrets;
mod settle;
mod sizes;
mod snapshot;
mod streamed_errors;
mod time;
mod transforms;
mod updates;
mod uri_for;
