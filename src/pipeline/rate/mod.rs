//! Holds bodies to `min_upload_rate` and `min_download_rate`, and slows them
//! down to `max_upload_rate` and `max_download_rate`.
//!
//! *In and out*: a body in, the same bytes out of a body that is timed; a call
//! without a limit gets its body back as it was.
//!
//! ```text
//! upload:    body ─▶ slowed ─▶ progress ─▶ timed ─▶ adapter
//! download:  adapter ─▶ timed ─▶ progress ─▶ limits ─▶ slowed ─▶ reader
//! ```

mod download;
mod throttle;
mod upload;
mod window;

pub(super) use download::download;
pub(super) use throttle::{slow_download, slow_upload};
pub(super) use upload::{Upload, upload};

/// How much of an upload is handed over at once.
const SLICE_BYTES: usize = 64 * 1024;
