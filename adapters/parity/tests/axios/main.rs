//! The cases that tell what axios does, each under its number, on every lane:
//! the mock and the wire, async and blocking, over reqwest and over ureq.
//!
//! A case is a function over a [`World`](support::World). It is played on each
//! lane with each style of hook, and what it logs is the same everywhere.
//! Where tollgate does something else on purpose, the list says why.
//!
//! `cargo test -p tollgate-parity --test axios -- --nocapture` prints the
//! table; `AXIOS_CASE=18` plays one number only.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test: what is not there fails it"
)]

mod address;
mod cancel;
mod case;
mod errors;
mod flow;
mod lanes;
mod limits;
mod message;
mod order;
mod refresh;
mod registry;
mod replay;
#[expect(dead_code, reason = "the core's own tests use more of it")]
#[path = "../../../../tests/it/scripted.rs"]
mod scripted;
mod snapshot;
mod status;
mod suite;
mod support;

/// The numbers of the list, in its order.
const NUMBERS: [u32; 94] = [
    1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 17, // registry
    18, 19, 21, 22, 23, 24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,
    38, // order and flow
    39, 40, 41, // conditions
    44, 45, 46, 48, 49, 50, 51, 53, 54, 55, 56, 57, 59, 60, 61, 63, 64, 65, // errors
    66, 67, 68, 71, 72, 75, 76, 77, 78, 79, // replay and refresh
    81, 82, 83, 85, 87, 88, 89, 90, 91, // cancellation and time
    93, 94, 96, 99, 100, 102, 103, // addresses and parameters
    105, 107, 108, 109, 111, 112, 114, 115, 116, 117, 121, 122, 124, 125, 127, // messages
];

#[test]
fn every_case_holds_on_every_lane() {
    let rows = suite::run();
    let table = suite::table(&rows);
    println!("{table}");
    let failed = rows.iter().filter(|row| row.has_failed()).count();
    assert_eq!(failed, 0, "{failed} cases failed\n{table}");
}

#[test]
fn the_list_is_whole_and_says_why_where_it_deviates() {
    let listed = suite::listed();
    let mut numbers: Vec<_> = listed.iter().map(|(number, _)| *number).collect();
    numbers.dedup();
    numbers.sort_unstable();
    assert_eq!(numbers, NUMBERS);
    for (number, reason) in listed {
        assert!(reason.is_none_or(|reason| reason.len() > 20), "{number}");
    }
}
