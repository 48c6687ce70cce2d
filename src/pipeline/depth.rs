//! Counts calls within calls, so that an interceptor that calls its own client
//! without end meets an error and not the end of the stack.
//!
//! A nested call is polled inside the poll of the outer one, in both engines,
//! so the depth is the thread's.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result};

/// The deepest nesting of calls on one thread.
const MAX_DEPTH: u32 = 8;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One level, until it is dropped.
pub(crate) struct Level(());

/// Goes one level deeper for the time of a poll.
pub(crate) fn enter() -> Result<Level> {
    let depth = DEPTH.get();
    if depth >= MAX_DEPTH {
        return Err(Error::new(
            ErrorKind::Interceptor,
            format!("calls are nested more than {MAX_DEPTH} deep, which is the limit"),
        )
        .with_hint("call through `client.derive().build()`, which has no interceptors"));
    }
    DEPTH.set(depth + 1);
    Ok(Level(()))
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}
