//! What a service's errors are called, by the table of `ServiceAdapter`.

use std::{
    error::Error as StdError,
    fmt,
    future::ready,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tollgate::{AdapterError, Body, BodyError, Error, ErrorCode, ErrorKind, ServiceAdapter};
use tower::{BoxError, ServiceExt as _, load_shed::LoadShed, service_fn};

use crate::support::{Drive, Strict};

/// A layer's own error around another.
#[derive(Debug)]
struct Wrapped(BoxError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer gave up")
    }
}

impl StdError for Wrapped {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

fn failed<E: Drive>(make: impl Fn() -> BoxError + Clone + Send + 'static) -> Error {
    let service = service_fn(move |_: http::Request<Body>| {
        ready(Err::<http::Response<Body>, BoxError>(make()))
    });
    E::send(E::client(ServiceAdapter::new(service)).get("/a")).unwrap_err()
}

fn an_error_of_ours_keeps_its_kind_and_code<E: Drive>() {
    let dns = || AdapterError::new(ErrorKind::Dns, "no such host");
    let error = failed::<E>(move || dns().into());
    assert_eq!(error.kind(), ErrorKind::Dns);
    assert!(error.to_string().contains("could not be resolved"));
    let cause = StdError::source(&error).unwrap();
    assert_eq!(cause.to_string(), "no such host");

    let error = failed::<E>(move || Wrapped(dns().with_code(ErrorCode::TimedOut).into()).into());
    assert_eq!(error.kind(), ErrorKind::Dns);
    assert_eq!(error.code(), ErrorCode::TimedOut);

    let error = failed::<E>(|| Error::new(ErrorKind::Tls, "a bad certificate").into());
    assert_eq!(error.kind(), ErrorKind::Tls);
    let inner = StdError::source(&error).and_then(Error::find_in).unwrap();
    assert_eq!(inner.to_string(), "a bad certificate");

    let error = failed::<E>(|| {
        let inner = io::Error::from(Error::new(ErrorKind::SessionExpired, "over"));
        Wrapped(inner.into()).into()
    });
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
}

fn an_io_error_is_told_by_its_kind<E: Drive>() {
    use io::ErrorKind as Io;

    let rows = [
        (Io::TimedOut, ErrorKind::Timeout, "ETIMEDOUT"),
        (Io::ConnectionRefused, ErrorKind::Connect, "ECONNREFUSED"),
        (Io::HostUnreachable, ErrorKind::Connect, "ERR_NETWORK"),
        (Io::NetworkUnreachable, ErrorKind::Connect, "ERR_NETWORK"),
        (Io::AddrNotAvailable, ErrorKind::Connect, "ERR_NETWORK"),
        (Io::ConnectionReset, ErrorKind::Transport, "ECONNRESET"),
        (Io::BrokenPipe, ErrorKind::Transport, "ECONNRESET"),
        (Io::UnexpectedEof, ErrorKind::Transport, "ERR_NETWORK"),
    ];
    for (io_kind, kind, code) in rows {
        let plain = failed::<E>(move || io::Error::from(io_kind).into());
        let deep =
            failed::<E>(move || Wrapped(io::Error::other(io::Error::from(io_kind)).into()).into());
        for error in [plain, deep] {
            assert_eq!(error.kind(), kind, "{io_kind}");
            assert_eq!(error.code().as_str(), code, "{io_kind}");
            assert!(StdError::source(&error).is_some());
        }
    }
}

fn any_other_error_is_of_the_transport<E: Drive>() {
    let error = failed::<E>(|| "no reason".into());
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(
        error.to_string().ends_with(": the service failed"),
        "{error}"
    );
    assert_eq!(StdError::source(&error).unwrap().to_string(), "no reason");
}

fn an_error_of_a_layer_is_what_it_is_mapped_to<E: Drive>() {
    let overloaded = LoadShed::new(Strict::after(1));
    let error = E::send(E::client(ServiceAdapter::new(overloaded.clone())).get("/a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);

    let mapped = overloaded.map_err(|_: BoxError| AdapterError::timeout());
    let error = E::send(E::client(ServiceAdapter::new(mapped)).get("/a")).unwrap_err();
    assert!(error.is_timeout());
}

/// A body that fails at once.
struct Failing(Option<BodyError>);

impl http_body::Body for Failing {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
        Poll::Ready(self.0.take().map(Err))
    }
}

fn failed_body<E: Drive>(make: impl Fn() -> BodyError + Clone + Send + 'static) -> Error {
    let service = service_fn(move |_: http::Request<Body>| {
        ready(Ok::<_, BoxError>(http::Response::new(Failing(
            Some(make()),
        ))))
    });
    E::send(E::client(ServiceAdapter::new(service)).get("/a")).unwrap_err()
}

fn a_body_that_fails_is_told_by_the_same_table<E: Drive>() {
    let error = failed_body::<E>(|| Error::new(ErrorKind::Decode, "bad gzip").into());
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().ends_with(": bad gzip"), "{error}");

    let error = failed_body::<E>(|| {
        Wrapped(AdapterError::new(ErrorKind::Decode, "bad gzip").into()).into()
    });
    assert_eq!(error.kind(), ErrorKind::Decode);

    let reset = || Wrapped(io::Error::from(io::ErrorKind::ConnectionReset).into()).into();
    let error = failed_body::<E>(reset);
    assert_eq!(error.code(), ErrorCode::ConnectionReset);

    let corrupt = || Wrapped(io::Error::from(io::ErrorKind::InvalidData).into()).into();
    assert_eq!(failed_body::<E>(corrupt).kind(), ErrorKind::Decode);

    let error = failed_body::<E>(|| "no reason".into());
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(
        error.to_string().contains("stopped before its end"),
        "{error}"
    );
    assert!(error.is_status(200), "the head had come");
}

both!(
    an_error_of_ours_keeps_its_kind_and_code,
    an_io_error_is_told_by_its_kind,
    any_other_error_is_of_the_transport,
    an_error_of_a_layer_is_what_it_is_mapped_to,
    a_body_that_fails_is_told_by_the_same_table,
);
