//! Runs the transforms of client and call, next to the adapter.
//!
//! *In and out*: the last request, before its first hop, with its body
//! changed; the last answer, once it is in memory, with its body changed, also
//! where the status policy is about to refuse it.
//!
//! ```text
//! … request interceptors ─▶ [transforms] ─▶ adapter ⟲ redirects ─▶ [transforms] ─▶ settle ─▶ …
//! ```
//!
//! *Not here*: JSON and forms, which are bytes before the first interceptor.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Run, panicked};
use crate::{
    error::{Error, ErrorKind, Result},
    request::Request,
    response::Response,
};

/// Changes the body that an attempt starts with.
pub(super) fn request(run: &Run<'_>, request: &mut Request) -> Result<()> {
    let all = run.wire.map_or(&[][..], |wire| &wire.transform_request);
    for transform in all {
        let body = std::mem::take(request.body_mut());
        let headers = request.headers_mut();
        let changed = catch_unwind(AssertUnwindSafe(|| transform(body, headers)))
            .map_err(|payload| panicked("`transform_request`", &*payload))?;
        let body = changed.map_err(|source| {
            Error::new(ErrorKind::InvalidRequest, "`transform_request` failed")
                .with_hint("the cause is the transform's own; nothing was sent")
                .with_source(source)
        })?;
        request.set_body(body);
    }
    Ok(())
}

/// Changes the body of an answer that is in memory.
pub(super) fn response(run: &Run<'_>, mut response: Response) -> Result<Response> {
    let all = run.wire.map_or(&[][..], |wire| &wire.transform_response);
    for transform in all {
        let Some(bytes) = response.body().as_bytes().cloned() else {
            break;
        };
        let status = response.status();
        let headers = response.headers_mut();
        let changed = catch_unwind(AssertUnwindSafe(|| transform(bytes, headers, status)))
            .map_err(|payload| panicked("`transform_response`", &*payload))
            .and_then(|changed| {
                changed.map_err(|source| {
                    Error::new(ErrorKind::Decode, "`transform_response` failed")
                        .with_hint("the cause is the transform's own")
                        .with_source(source)
                })
            });
        match changed {
            Ok(bytes) => response.set_body(bytes),
            Err(mut error) => {
                if let Some(head) = response.request() {
                    error.set_head(head.clone());
                }
                error.set_response(response);
                return Err(error);
            }
        }
    }
    Ok(response)
}
