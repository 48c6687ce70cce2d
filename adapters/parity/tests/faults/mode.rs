//! [`Mode`]: one way in which a server or its network goes wrong, and what a
//! call is to make of it.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use tollgate::{
    ErrorCode, ErrorKind,
    adapter::conformance::{Reply, Script, Step},
};

use crate::lane::Upload;

/// The time limit of the modes that need one.
pub(crate) const LIMIT: Duration = Duration::from_millis(300);

/// A row of the table.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) method: &'static str,
    pub(crate) upload: Upload,
    /// Any of these is right, but the same one on each lane, unless it varies.
    pub(crate) outcomes: Vec<Outcome>,
    /// How long the server takes on purpose.
    pub(crate) takes: Duration,
    pub(crate) connection: Connection,
    /// Why the lanes may differ.
    pub(crate) varies: Option<&'static str>,
    /// Connections that the call may make.
    pub(crate) trips: usize,
    /// How long nothing happens between the call and the clean one.
    pub(crate) rest: Duration,
    /// It is the same where the caller reads the body from the wire.
    pub(crate) streams: bool,
}

/// Where the call goes.
pub(crate) enum Place {
    Server(Box<dyn Fn() -> Script + Send + Sync>),
    /// A port on which nobody listens.
    Nobody,
    /// A port on which somebody listens and does not accept.
    Full,
    /// A name that does not exist.
    NoName,
}

/// What a call gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Fails(ErrorKind, ErrorCode),
    /// A status that is refused.
    Refused(u16),
    Gives(u16, Bytes),
    /// By the attempt's limit, or by whichever limit the test sets instead.
    TimesOut,
}

/// What becomes of the first connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// It serves the clean call too.
    Kept,
    /// The client ends it before the clean call.
    Closed,
    /// It does not serve the clean call.
    Left,
    Any,
}

impl Mode {
    fn new(name: &'static str, place: Place) -> Self {
        Self {
            name,
            place,
            method: "GET",
            upload: Upload::Nothing,
            outcomes: Vec::new(),
            takes: Duration::ZERO,
            connection: Connection::Any,
            varies: None,
            trips: 1,
            rest: Duration::ZERO,
            streams: false,
        }
    }

    pub(crate) fn at(name: &'static str, place: Place) -> Self {
        Self::new(name, place)
    }

    pub(crate) fn script(
        name: &'static str,
        script: impl Fn() -> Script + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Place::Server(Box::new(script)))
    }

    /// The server does these steps as soon as it has accepted.
    pub(crate) fn opening(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Self {
        let steps: Vec<_> = steps.into_iter().collect();
        Self::script(name, move || {
            Script::new().on_connection(0, steps.iter().cloned())
        })
    }

    /// The server reads the request and answers so.
    pub(crate) fn reply(name: &'static str, reply: Reply) -> Self {
        Self::script(name, move || reply.clone().into())
    }

    /// The server writes these bytes and waits for the next request.
    pub(crate) fn answer(name: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::reply(name, Reply::steps([Step::Write(bytes.into())]))
    }

    /// The server writes these bytes and ends the connection.
    pub(crate) fn answer_fin(name: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::reply(name, Reply::steps([Step::Write(bytes.into()), Step::Fin]))
    }

    /// The server writes these bytes and is silent.
    pub(crate) fn answer_stall(name: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::reply(name, Reply::steps([Step::Write(bytes.into()), Step::Stall])).times_out()
    }

    pub(crate) fn head(mut self) -> Self {
        self.method = "HEAD";
        self
    }

    pub(crate) fn post(mut self, bytes: usize) -> Self {
        self.method = "POST";
        self.upload = Upload::Bytes(filler().slice(..bytes));
        self
    }

    pub(crate) fn post_endless(mut self) -> Self {
        self.method = "POST";
        self.upload = Upload::Endless;
        self
    }

    fn or(mut self, outcome: Outcome) -> Self {
        self.outcomes.push(outcome);
        self
    }

    pub(crate) fn fails(self, kind: ErrorKind, code: ErrorCode) -> Self {
        self.or(Outcome::Fails(kind, code))
    }

    /// The connection ends before the answer does.
    pub(crate) fn cut(self) -> Self {
        self.fails(ErrorKind::Transport, ErrorCode::Network)
    }

    pub(crate) fn reset(self) -> Self {
        self.fails(ErrorKind::Transport, ErrorCode::ConnectionReset)
    }

    /// What came is no answer, or contradicts itself.
    pub(crate) fn garbage(self) -> Self {
        self.fails(ErrorKind::Transport, ErrorCode::Network)
            .fails(ErrorKind::Transport, ErrorCode::BadResponse)
    }

    pub(crate) fn undecodable(self) -> Self {
        self.fails(ErrorKind::Decode, ErrorCode::BadResponse)
    }

    pub(crate) fn too_large(self) -> Self {
        self.fails(ErrorKind::ResponseTooLarge, ErrorCode::BadResponse)
    }

    pub(crate) fn times_out(self) -> Self {
        self.or(Outcome::TimesOut)
    }

    pub(crate) fn refuses(self, status: u16) -> Self {
        self.or(Outcome::Refused(status))
    }

    pub(crate) fn gives(self, body: &'static str) -> Self {
        self.or(Outcome::Gives(200, body.into()))
    }

    pub(crate) fn gives_status(self, status: u16, body: &'static str) -> Self {
        self.or(Outcome::Gives(status, body.into()))
    }

    pub(crate) fn takes(mut self, duration: Duration) -> Self {
        self.takes = duration;
        self
    }

    /// The lanes may differ, for this reason.
    pub(crate) fn varies(mut self, reason: &'static str) -> Self {
        self.varies = Some(reason);
        self
    }

    pub(crate) fn kept(mut self) -> Self {
        self.connection = Connection::Kept;
        self
    }

    pub(crate) fn closed(mut self) -> Self {
        self.connection = Connection::Closed;
        self
    }

    pub(crate) fn left(mut self) -> Self {
        self.connection = Connection::Left;
        self
    }

    pub(crate) fn trips(mut self, trips: usize) -> Self {
        self.trips = trips;
        self
    }

    /// Lets the server's last steps come to pass before the clean call.
    pub(crate) fn rests(mut self) -> Self {
        self.rest = Duration::from_millis(1500);
        self
    }

    pub(crate) fn streams(mut self) -> Self {
        self.streams = true;
        self
    }

    /// The body is handed over as it came, and says that it is encoded.
    pub(crate) fn or_still_encoded(mut self, body: Vec<u8>) -> Self {
        self.outcomes.push(Outcome::Gives(200, body.into()));
        self
    }

    /// Tells whether only a limit or a cancel ends the call.
    pub(crate) fn hangs(&self) -> bool {
        self.outcomes == [Outcome::TimesOut]
    }
}

/// How long it may take until what is large is there, or is too much.
pub(crate) const FLOODED: Duration = Duration::from_secs(1);

/// The most that an upload in memory has; all of them share it.
const MOST: usize = 64 << 20;

fn filler() -> &'static Bytes {
    static BYTES: OnceLock<Bytes> = OnceLock::new();
    BYTES.get_or_init(|| vec![b'x'; MOST].into())
}

/// Writes again and again, at some megabytes a second: a client that is busy
/// reading is not to keep the machine from the other calls.
pub(crate) fn flood(bytes: &str) -> Step {
    again(bytes, 8192, Duration::from_millis(2))
}

/// Writes again and again, so slowly that even a client that looks at each byte
/// by itself has time left.
pub(crate) fn trickle(bytes: &str) -> Step {
    again(bytes, 1024, Duration::from_millis(5))
}

fn again(bytes: &str, at_once: usize, pause: Duration) -> Step {
    let often = at_once.div_ceil(bytes.len());
    Step::Flood(bytes.repeat(often).into(), pause)
}

pub(crate) fn write(bytes: impl Into<Bytes>) -> Step {
    Step::Write(bytes.into())
}
