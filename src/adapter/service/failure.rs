//! A service's errors as ours, by the table of `ServiceAdapter`.

use std::{error::Error as StdError, io, iter};

use crate::{
    adapter::AdapterError,
    body::BodyError,
    error::{Error, ErrorCode, ErrorKind},
};

type Found = (ErrorKind, Option<ErrorCode>);
type Cause<'a> = &'a (dyn StdError + 'static);

/// Why no answer came.
pub(super) fn of_service(error: BodyError) -> AdapterError {
    classified(error, "the service failed", of_io)
}

/// Why the body of an answer stopped.
pub(super) fn of_body(error: BodyError) -> BodyError {
    if error.is::<Error>() {
        // The core takes it as it is.
        return error;
    }
    classified(error, "the body stopped before its end", of_decoder).into()
}

fn classified(
    error: BodyError,
    message: &'static str,
    by_io: fn(&io::Error) -> Found,
) -> AdapterError {
    let error = match error.downcast::<AdapterError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let Some((kind, code)) = found(&*error, by_io) else {
        // There need not be a connection to speak of.
        return AdapterError::core(ErrorKind::Transport, message).with_source(error);
    };
    let out = AdapterError::new(kind, message).with_source(error);
    match code {
        Some(code) => out.with_code(code),
        None => out,
    }
}

fn found(error: Cause<'_>, by_io: fn(&io::Error) -> Found) -> Option<Found> {
    let of_ours = causes(error).find_map(|cause| {
        if let Some(ours) = cause.downcast_ref::<AdapterError>() {
            return Some((ours.kind(), Some(ours.code())));
        }
        let ours = cause.downcast_ref::<Error>()?;
        Some((ours.kind(), Some(ours.code())))
    });
    // The innermost one: connectors wrap I/O errors in each other.
    let io = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last();
    of_ours.or_else(|| io.map(by_io))
}

/// A layer that decompresses has errors of its own in a body.
fn of_decoder(error: &io::Error) -> Found {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => (ErrorKind::Decode, None),
        _ => of_io(error),
    }
}

fn of_io(error: &io::Error) -> Found {
    match error.kind() {
        io::ErrorKind::TimedOut => (ErrorKind::Timeout, None),
        io::ErrorKind::ConnectionRefused => {
            (ErrorKind::Connect, Some(ErrorCode::ConnectionRefused))
        }
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => (ErrorKind::Connect, None),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => (ErrorKind::Transport, Some(ErrorCode::ConnectionReset)),
        _ => (ErrorKind::Transport, None),
    }
}

fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    iter::successors(Some(error), |cause| below(*cause))
}

/// Returns the next cause; `source` alone steps over what an I/O error wraps.
fn below<'a>(cause: Cause<'a>) -> Option<Cause<'a>> {
    match cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}
