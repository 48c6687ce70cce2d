//! What goes wrong on the wire goes wrong alike: every fault mode over reqwest
//! and over ureq, async and blocking.
//!
//! | file | what it holds |
//! |---|---|
//! | `modes/` | the table: what the server does, what the call is to give |
//! | `mode.rs` | the words in which the table is written |
//! | `brotli.rs` | compressed bodies, and bombs; gzip is the conformance suite's |
//! | `lane.rs` | the four lanes |
//! | `cell.rs` | one mode on one lane: call, judge, call again |
//! | `alone.rs` | a lane in a process of its own, whose threads and descriptors count |
//! | `matrix.rs`, `cuts.rs`, `cancels.rs`, `held.rs`, `memory.rs`, `names.rs` | the tests |
//! | `page.rs` | `docs/adapters.md` lists the modes that vary |
//!
//! What holds which fault, by the part of the exchange that goes wrong:
//!
//! | fault | where |
//! |---|---|
//! | no connection: refused, nobody accepts | `modes/before.rs`: `connecting` |
//! | no address: no such name, a server of names that fails or is silent | `modes/before.rs`, `names.rs`; under the limits of ureq's adapter, `lookup.rs` there |
//! | fin, reset or silence at accept and in the request | `modes/before.rs`: `accepted`, `asked` |
//! | a head that drips, a body that drips | `modes/heads.rs`: `slow`; `modes/lengths.rs`, `modes/chunks.rs`; least rates, the conformance suite |
//! | a cut at every byte, of each framing and of gzip | `cuts.rs` |
//! | lengths and codings that contradict each other | `modes/lengths.rs`: `ambiguous`; `modes/chunks.rs`: `malformed`, `encodings` |
//! | bodies and heads without end, bombs of gzip and brotli, in a 401 and a redirect too | `modes/lengths.rs`, `chunks.rs`, `heads.rs`, `encodings.rs`, `brotli.rs`; their memory, `memory.rs` |
//! | chains of 2 to 1000 encodings | `modes/brotli.rs`: `chains` |
//! | damaged, cut or unknown encodings | `modes/encodings.rs`, `modes/brotli.rs` |
//! | an answer that overtakes 32 and 64 MiB of upload, then fin, reset or silence | `modes/uploads.rs`, `held.rs` |
//! | surplus bytes and a late 408 on an idle connection | `modes/reuse.rs` |
//! | what is no HTTP/1.1: banners, HTTP/0.9, TLS, HTTP/2, statuses that are none | `modes/heads.rs`: `garbage`; `modes/before.rs` |
//! | a body that is read from the wire | those of `modes/lengths.rs`, `chunks.rs`, `encodings.rs`, `brotli.rs`, in `matrix.rs` |
//! | redirects without end, to the same and to ever new addresses; to what is no address | `modes/redirects.rs` |
//! | calls ended 500 times and more, wherever they hang | `cancels.rs` |
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where something is not as it should be, and shows its table"
)]

mod alone;
mod brotli;
mod cancels;
mod cell;
mod cuts;
mod held;
mod lane;
mod matrix;
mod memory;
mod mode;
mod modes;
mod names;
mod page;
