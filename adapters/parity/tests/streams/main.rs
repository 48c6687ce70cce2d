//! Bodies by chunks over every adapter: sent from a stream, and taken from the
//! wire as they come.

#![expect(clippy::unwrap_used, reason = "a test: what is not there fails it")]

mod down;
mod trailers;
mod up;

use std::time::Duration;

/// A limit that is not meant to be reached.
const AMPLE: Duration = Duration::from_secs(10);

/// Plays a law on every lane.
macro_rules! everywhere {
    ($law:ident) => {
        $law::<tollgate_parity::ReqwestAsync>();
        $law::<tollgate_parity::ReqwestBlocking>();
        $law::<tollgate_parity::UreqBlocking>();
        $law::<tollgate_parity::UreqOffload>();
    };
}
use everywhere;
