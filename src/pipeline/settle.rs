//! Turns a status outside `validate_status` into an error.
//!
//! *In and out*: [`Response`] in; the same, or an error that holds it.
//!
//! ```text
//! … ─▶ adapter ⟲ redirects ─▶ [settle] ─▶ response interceptors ─▶ caller
//! ```
//!
//! It is here and not in the adapters, so that all of them, and early answers
//! of interceptors too, obey the same policy; in axios they do not.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::StatusCode;

use super::panicked;
use crate::{
    config::StatusPolicy,
    error::{Error, ErrorKind, Result},
    response::Response,
};

pub(super) fn settle(policy: &StatusPolicy, response: Response) -> Result<Response> {
    let status = response.status();
    match accepts(policy, status) {
        Ok(true) => Ok(response),
        Ok(false) => Err(refuse(
            Error::new(
                ErrorKind::Status,
                format!("request failed with status code {}", status.as_u16()),
            ),
            response,
        )),
        Err(error) => Err(refuse(error, response)),
    }
}

/// Asks the policy; a panic in it is an error.
pub(super) fn accepts(policy: &StatusPolicy, status: StatusCode) -> Result<bool> {
    match policy {
        StatusPolicy::Success => Ok(status.is_success()),
        StatusPolicy::Any => Ok(true),
        StatusPolicy::Custom(accept) => catch_unwind(AssertUnwindSafe(|| accept(status)))
            .map_err(|payload| panicked("`validate_status`", &*payload)),
    }
}

/// Attaches the response to an error.
pub(super) fn refuse(mut error: Error, response: Response) -> Error {
    if let Some(head) = response.request() {
        error.set_head(head.clone());
    }
    if let Some(call) = response.context() {
        error.set_context(call.clone());
    }
    error.set_response(response);
    error
}
