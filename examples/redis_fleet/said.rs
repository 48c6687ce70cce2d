//! What parent and processes tell each other: a line of JSON each.

use serde::{Deserialize, Serialize};
use tollgate_examples::CallRecord;

/// What a process is started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) redis: String,
    pub(crate) api: String,
    pub(crate) token_url: String,
    /// Whether the store gives leases.
    pub(crate) leases: bool,
    /// When the parent has begun, in milliseconds since the Unix epoch.
    pub(crate) begun: f64,
}

/// What a process says. Times are milliseconds since the parent has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// One of its threads has made a call.
    Call { thread: usize, call: CallRecord },
    /// It has done or met something of a refresh.
    Step { step: Step, at: f64 },
    /// It has stopped, and has adopted so many pairs of others.
    Bye { adopted: u64 },
}

/// What a process does on the way to a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// It asks for the lease.
    Asks,
    /// It has the lease.
    Leased,
    /// It has no lease, and what somebody else has stored.
    Withheld,
    /// It is about to send the refresh token.
    Refreshing,
    /// It has stored the answer, and has no lease any more.
    Stored,
    /// It gives the lease back, where that is not done yet.
    Freed,
    /// It hears from Redis that there is another record.
    Told,
    /// The session is over.
    Over,
}

/// What a process is told.
pub(crate) const HALT: &str = "halt before the next refresh";
pub(crate) const GO_ON: &str = "go on";
pub(crate) const STOP: &str = "stop";
