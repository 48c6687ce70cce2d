//! No secret in anything that is printed, logged or said by a panic: canaries
//! in every place where a secret can be, on all lanes.
//!
//! | law | test |
//! |---|---|
//! | C1 types and errors | `outcomes`, `sessions`, `proxies`: clients, calls, requests, redirects, answers, errors with all causes, adapters |
//! | C2 logs | all scenes, with every target of `log` and `tracing` at `TRACE`; `logs` |
//! | C3 JSON | `Error::to_json` in all scenes |
//! | C4 panics | `panics`: messages and payloads of hooks that hold a token |
//! | C5 answers | `outcomes`: `set-cookie`, `location`, the addresses left behind |
//! | C7 token errors | `sessions::a_refused_refresh_shows_no_secret` |
//! | C8 events | `sessions`: events, status and counters |
//!
//! What the clients below us log: `ureq_proto` dumps what it reads and writes at
//! `TRACE`, and with `TRACE` on `ureq` prints the query in its lines of `DEBUG`.
//! `reqwest` and `hyper_util` print none of it, unless `connection_verbose` was
//! asked for. The filter `trace,ureq=debug,ureq_proto=debug` leaves no secret;
//! every scene is played without it and with it. TLS and HTTP/2 are not used
//! here.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test: what is not there fails it"
)]

mod canaries;
mod capture;
mod logs;
mod outcomes;
mod panics;
mod prints;
mod proxies;
mod scene;
mod sessions;
mod world;
