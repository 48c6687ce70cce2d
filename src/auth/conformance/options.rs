//! [`Rotation`], [`ExpiresIn`] and the other choices of a server.

use std::{sync::Arc, time::Duration};

use super::{ApiFault, credentials::Credentials};
use crate::Runtime;

/// What becomes of a refresh token that was used.
///
/// ```
/// use tollgate::auth::conformance::{Rotation, StrictAuthServer};
///
/// let server = StrictAuthServer::builder().rotation(Rotation::Grace(1)).start()?;
/// # drop(server);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// Each answer has a new one. One that comes again after it was spent
    /// revokes its family: all tokens of that sign-in (RFC 9700 §4.14).
    #[default]
    Strict,
    /// The one just superseded is taken that many times more, and answered
    /// with the current one. An older one is treated as by `Strict`.
    Grace(u32),
    /// It stays as it is, and each answer repeats it.
    None,
    /// It stays as it is, and no answer holds one (RFC 6749 §6).
    Omitted,
}

/// How an answer tells the lifetime of an access token.
///
/// The server itself goes by the lifetime that it was built with.
///
/// ```
/// use tollgate::auth::conformance::{ExpiresIn, StrictAuthServer};
///
/// let absurd = ExpiresIn::Raw("1e300".to_owned());
/// let server = StrictAuthServer::builder().expires_in(absurd).start()?;
/// # drop(server);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiresIn {
    /// As a number of seconds.
    #[default]
    Seconds,
    /// As a text of one.
    Text,
    /// Not at all.
    Omitted,
    /// As this JSON, whatever it is: `-1`, `1e300`, `"soon"`.
    Raw(String),
}

/// What a server is built with.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) rotation: Rotation,
    pub(super) lifetime: Duration,
    pub(super) expires_in: ExpiresIn,
    pub(super) jwt: bool,
    pub(super) credentials: Credentials,
    pub(super) user: String,
    pub(super) refusal: ApiFault,
    pub(super) token_latency: Duration,
    pub(super) api_latency: Duration,
    pub(super) clock: Arc<dyn Runtime>,
}
