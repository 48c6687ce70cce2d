//! What tokens cost: attaching one that is valid, a refused one, and waking
//! those who wait for the next; beside a refresh written by hand.
//!
//! Nothing goes over a network. What is compared is measured in turns, so that
//! other programs disturb all of it alike.
//!
//! ```text
//! cargo bench -p tollgate-benches --bench tokens [-- WORD]
//! ```
//!
//! With `WORD` (`attach`, `threads`, `refused`, `wake`), only that part is run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a bench: it reads the clock, prints, and stops at a failure"
)]

#[path = "tokens/attach.rs"]
mod attach;
#[path = "tokens/by_mutex.rs"]
mod by_mutex;
#[path = "tokens/leaping.rs"]
mod leaping;
#[path = "tokens/refused.rs"]
mod refused;
#[path = "tokens/turns.rs"]
mod turns;
#[path = "tokens/wake.rs"]
mod wake;

use std::time::{Duration, SystemTime};

use tollgate::auth::Token;

const BASE: &str = "https://bench.invalid";
const PATH: &str = "/things/7";
const HOUR: Duration = Duration::from_secs(3600);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--test") {
        return;
    }
    let word = args.iter().find(|arg| !arg.starts_with('-'));
    let parts: [(&str, fn()); 4] = [
        ("attach", attach::run),
        ("threads", attach::in_threads),
        ("refused", refused::run),
        ("wake", wake::run),
    ];
    for (name, part) in parts {
        if word.is_none_or(|word| word == name) {
            part();
        }
    }
}

/// A token of usual length.
fn token() -> Token {
    Token::new("a-token-of-usual-length-0123456789").refresh("r1")
}

/// One that is valid for an hour.
fn expiring() -> Token {
    token().expires_in(HOUR, SystemTime::now())
}
