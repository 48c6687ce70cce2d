//! One mode on one lane: a call, what came of it, and a clean call after it.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tollgate::{
    Error, Response,
    adapter::conformance::{Reply, Script, Server},
};
use tollgate_parity::Nobody;

use crate::{
    alone::{now, sleep},
    lane::{Ask, Lane},
    mode::{Connection, LIMIT, Mode, Outcome, Place},
};

/// How late a call may end, on a busy machine.
pub(crate) const GRACE: Duration = Duration::from_millis(250);

/// A limit that is not meant to be reached.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// Which limit ends a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Timeout,
    Deadline,
    /// The deadline, of a call whose body is read from the wire.
    OfStream,
}

/// Why a cell is not as it should be.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// Right, but not in time: a busy machine may be late once.
    Late(String),
    Wrong(String),
}

pub(crate) type Verdict<T = ()> = Result<T, Flaw>;

pub(crate) fn wrong<T>(text: impl Into<String>) -> Verdict<T> {
    Err(Flaw::Wrong(text.into()))
}

/// What a call gave, and how long that took.
pub(crate) struct Seen {
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// A mode's server, and what else it needs.
pub(crate) struct Stage {
    pub(crate) server: Server,
    target: String,
    _full: Option<Full>,
    _nobody: Option<Nobody>,
}

impl Stage {
    pub(crate) fn set(mode: &Mode) -> Self {
        let script = match &mode.place {
            Place::Server(script) => script(),
            Place::Nobody | Place::Full | Place::NoName => Script::new(),
        };
        let server = Server::start(clean_first(script)).unwrap();
        let full = matches!(mode.place, Place::Full).then(Full::new);
        let nobody = matches!(mode.place, Place::Nobody).then(|| Nobody::new().unwrap());
        let authority = match &mode.place {
            Place::Server(_) => server.address().to_string(),
            Place::Nobody => nobody.as_ref().unwrap().address().to_string(),
            Place::Full => full.as_ref().unwrap().address.to_string(),
            Place::NoName => "tollgate-faults.invalid".to_owned(),
        };
        Self {
            server,
            target: format!("http://CANARY-user:CANARY-pass@{authority}/?key=CANARY-query"),
            _full: full,
            _nobody: nobody,
        }
    }

    pub(crate) fn ask(&self, mode: &Mode) -> Ask {
        Ask {
            method: mode.method,
            url: self.target.clone(),
            upload: mode.upload.clone(),
            ..Ask::default()
        }
    }

    /// Checks what the call left behind, by a clean call among others.
    pub(crate) fn leave(self, lane: &dyn Lane, connection: Connection) -> Verdict {
        let server = &self.server;
        if connection == Connection::Closed && !server.wait_until_closed(AMPLE) {
            return wrong("the connection stays open");
        }
        let ask = Ask {
            method: "GET",
            url: server.url("/clean"),
            timeout: Some(AMPLE),
            ..Ask::default()
        };
        let text = lane.send(&ask).and_then(|response| response.text());
        match text {
            Ok(text) if text == "clean" => {}
            Ok(text) => return wrong(format!("the next clean call gave `{text}`")),
            Err(error) => return wrong(format!("the next clean call: {}", chain(&error))),
        }
        let used = server.requests().last().map(|request| request.connection());
        match (connection, used) {
            // It goes back to the pool behind the call's back.
            (Connection::Kept, Some(1)) => Err(Flaw::Late("it was not kept".to_owned())),
            (Connection::Kept, Some(0)) | (Connection::Any, _) => Ok(()),
            (Connection::Closed | Connection::Left, Some(number)) if number > 0 => Ok(()),
            _ => wrong(format!("the next call came on connection {used:?}")),
        }
    }
}

/// The connection ends with the clean answer: the system gives the port of a
/// server that is gone to the next one at once, and a pool that has not heard of
/// it yet would take an old connection for one to that.
fn clean_first(script: Script) -> Script {
    let clean = Reply::new(200).header("connection", "close").body("clean");
    script.on("/clean", clean)
}

/// Plays one mode on one lane.
pub(crate) fn play(mode: &Mode, lane: &dyn Lane, limit: Limit) -> Verdict<Seen> {
    let stage = Stage::set(mode);
    let mut ask = stage.ask(mode);
    let right = &mode.outcomes;
    let within = if right.contains(&Outcome::TimesOut) {
        LIMIT
    } else {
        AMPLE
    };
    match limit {
        Limit::Timeout => ask.timeout = Some(within),
        Limit::Deadline => ask.deadline = Some(within),
        Limit::OfStream => {
            ask.deadline = Some(within);
            ask.stream = true;
        }
    }
    let started = now();
    let result = lane.send(&ask);
    let took = now().saturating_duration_since(started);
    let outcome = outcome_of(result)?;
    if matches!(mode.place, Place::Server(_)) && stage.server.connections() == 0 {
        return Err(Flaw::Late(format!("{outcome:?}, and not connected yet")));
    }
    if !right.contains(&outcome) {
        return wrong(format!("{outcome:?} after {took:?}"));
    }
    judge_trips(mode, &stage.server)?;
    if !mode.rest.is_zero() {
        sleep(mode.rest);
    }
    stage.leave(lane, mode.connection)?;
    judge_time(mode, &outcome, took)?;
    Ok(Seen { outcome, took })
}

/// Nothing is asked for twice unless the mode says so.
fn judge_trips(mode: &Mode, server: &Server) -> Verdict {
    let trips = server.connections().max(server.requests().len());
    if trips > mode.trips {
        return wrong(format!("{trips} trips, {} expected", mode.trips));
    }
    Ok(())
}

fn judge_time(mode: &Mode, outcome: &Outcome, took: Duration) -> Verdict {
    let due = match outcome {
        Outcome::TimesOut if took < LIMIT => return wrong(format!("timed out after {took:?}")),
        Outcome::TimesOut => LIMIT,
        _ => mode.takes,
    };
    if took > due + GRACE {
        return Err(Flaw::Late(format!("{outcome:?} after {took:?}")));
    }
    Ok(())
}

/// Says what a call gave; a secret in an error is a flaw.
pub(crate) fn outcome_of(result: tollgate::Result<Response>) -> Verdict<Outcome> {
    let error = match result {
        Ok(response) => {
            let body = response.bytes().unwrap_or_default();
            return Ok(Outcome::Gives(response.status().as_u16(), body));
        }
        Err(error) => error,
    };
    for text in [chain(&error), format!("{error:?}"), error.to_json()] {
        if text.contains("CANARY") {
            return wrong(format!("a secret stands in: {text}"));
        }
    }
    Ok(match (error.kind(), error.code(), error.status()) {
        (tollgate::ErrorKind::Timeout, tollgate::ErrorCode::TimedOut, _) => Outcome::TimesOut,
        (tollgate::ErrorKind::Status, _, Some(status)) => Outcome::Refused(status.as_u16()),
        (kind, code, _) => Outcome::Fails(kind, code),
    })
}

/// Prints an error and its causes.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// A listener whose queue is full: the system drops who comes next.
struct Full {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Full {
    fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
            waiting.push(stream);
            assert!(waiting.len() < 16, "the queue has no end");
        }
        Self {
            address,
            _listener: listener,
            _waiting: waiting,
        }
    }
}
