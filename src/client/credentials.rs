//! The values of `Authorization` that clients and calls are given.

use http::HeaderValue;

use crate::{
    auth::check_bearer,
    error::{Error, ErrorKind, Result},
    uri::basic_header,
};

/// Makes a sensitive `Bearer` value, of what RFC 6750 allows.
pub(super) fn bearer(token: &str) -> Result<HeaderValue> {
    let refused = |fault: &str| {
        Error::new(
            ErrorKind::InvalidRequest,
            format!("the bearer token cannot stand in the header `authorization`: {fault}"),
        )
        .with_hint(
            "a token of RFC 6750 has letters, digits and `-._~+/=`, no spaces and no control \
             characters; send another form by `header`",
        )
    };
    check_bearer(token).map_err(refused)?;
    let text = zeroize::Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text).map_err(|_| refused("it is not valid"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Makes a sensitive `Basic` value (RFC 7617).
pub(super) fn basic(user: &str, password: &str) -> HeaderValue {
    basic_header(user.as_bytes(), password.as_bytes())
}
