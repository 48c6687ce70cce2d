//! [`check_framing`]: whether it is certain where an answer's body ends.

use http::{
    Version,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    response::Parts,
};

use super::AdapterError;
use crate::error::{ErrorCode, ErrorKind};

/// Refuses the head of an answer by which the end of its body is a matter of
/// opinion (RFC 9112 §6.3), for adapters whose client reads on regardless.
///
/// An answer without a body (to `HEAD`, a 204, a 304) need not be asked.
///
/// # Errors
///
/// [`ErrorKind::Transport`] where there is a `transfer-encoding` that is not
/// `chunked` and nothing else, or one in HTTP/1.0, or one beside a
/// `content-length`.
///
/// ```
/// use tollgate::adapter::check_framing;
///
/// let answer = http::Response::builder().header("transfer-encoding", "chunked");
/// let (mut head, ()) = answer.body(()).unwrap().into_parts();
/// assert!(check_framing(&head).is_ok());
///
/// head.headers.insert("content-length", 4.into());
/// assert!(check_framing(&head).is_err());
/// ```
pub fn check_framing(head: &Parts) -> Result<(), AdapterError> {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(());
    };
    let chunked = coding
        .as_bytes()
        .trim_ascii()
        .eq_ignore_ascii_case(b"chunked");
    if !chunked || codings.next().is_some() || head.version == Version::HTTP_10 {
        return Err(AdapterError::new(
            ErrorKind::Transport,
            "the answer has a `transfer-encoding` that is not `chunked` of HTTP/1.1",
        )
        .with_code(ErrorCode::BadResponse));
    }
    if head.headers.contains_key(CONTENT_LENGTH) {
        return Err(AdapterError::new(
            ErrorKind::Transport,
            "the answer has both a `content-length` and a `transfer-encoding`",
        )
        .with_code(ErrorCode::BadResponse));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, headers: &[(&'static str, &'static str)]) -> bool {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.version = version;
        for (name, value) in headers {
            head.headers.append(*name, value.parse().unwrap());
        }
        check_framing(&head).is_ok()
    }

    #[test]
    fn one_measure_of_the_body_passes() {
        let chunked = ("transfer-encoding", "Chunked ");
        assert!(check(Version::HTTP_11, &[]));
        assert!(check(Version::HTTP_11, &[chunked]));
        assert!(check(Version::HTTP_10, &[("content-length", "4")]));
    }

    #[test]
    fn two_measures_or_an_unknown_one_are_refused() {
        let chunked = ("transfer-encoding", "chunked");
        assert!(!check(Version::HTTP_10, &[chunked]));
        assert!(!check(Version::HTTP_11, &[chunked, chunked]));
        assert!(!check(
            Version::HTTP_11,
            &[chunked, ("content-length", "4")]
        ));
        for coding in ["", "gzip", "gzip, chunked", "chunked, chunked", "identity"] {
            assert!(
                !check(Version::HTTP_11, &[("transfer-encoding", coding)]),
                "{coding}"
            );
        }
    }
}
