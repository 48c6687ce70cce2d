//! What a failure of the adapter's becomes: the core's words and, where the
//! call has ended meanwhile, the reason for that.
//!
//! An async adapter is dropped at the end of the call, a blocking one notices
//! it itself: the caller reads the same.

use super::watch::{self, Limits};
use crate::{
    adapter::AdapterError,
    body::BodyError,
    cancel::CancelHandle,
    error::{Error, ErrorKind, Stage},
};

/// Why no answer came.
#[cold]
pub(super) fn of_answer(limits: &Limits<'_>, error: AdapterError) -> Error {
    of_call(limits, from_adapter(error))
}

/// Why a body ended too early.
#[cold]
pub(super) fn of_body(limits: &Limits<'_>, error: BodyError) -> Error {
    of_call(limits, from_body(error))
}

/// Says that the call was cancelled, or its time is over, in one wording,
/// whoever noticed it first.
fn of_call(limits: &Limits<'_>, error: Error) -> Error {
    match of_cancel(limits.cancel, error) {
        error if error.is_timeout() && limits.check().is_err() => limits.timed_out(),
        error => error,
    }
}

/// Gives a cancellation its reason.
pub(super) fn of_cancel(cancel: Option<&CancelHandle>, error: Error) -> Error {
    match cancel {
        Some(cancel) if error.is_cancelled() && cancel.is_cancelled() => watch::cancelled(cancel),
        _ => error,
    }
}

/// A request's body may have failed with an error of ours inside.
fn from_adapter(error: AdapterError) -> Error {
    let inner = std::error::Error::source(&error).and_then(Error::find_in);
    let of_body = |inner: &&Error| {
        matches!(
            inner.kind(),
            ErrorKind::RequestTooLarge | ErrorKind::InvalidRequest
        )
    };
    match inner.filter(of_body) {
        Some(inner) => inner.copy(),
        None => error.into(),
    }
}

/// Finds our error, or the adapter's, in what ended a body.
pub(super) fn from_body(error: BodyError) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let error = match error.downcast::<AdapterError>() {
        Ok(error) => return error.into_error(Stage::Body),
        Err(error) => error,
    };
    match error.downcast::<std::io::Error>() {
        Ok(error) => from_io(*error),
        Err(error) => broken(ErrorKind::Transport, error),
    }
}

fn from_io(error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Transport,
    };
    match into_inner(error) {
        Ok(inner) => from_body(inner),
        Err(error) => broken(kind, error.into()),
    }
}

fn broken(kind: ErrorKind, source: BodyError) -> Error {
    AdapterError::of(kind)
        .with_source(source)
        .into_error(Stage::Body)
}

/// Takes out the error that an I/O error was made of.
fn into_inner(error: std::io::Error) -> Result<BodyError, std::io::Error> {
    let kind = error.kind();
    if error.get_ref().is_none() {
        return Err(error);
    }
    error.into_inner().ok_or_else(|| kind.into())
}
