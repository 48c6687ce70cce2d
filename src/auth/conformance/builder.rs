//! [`StrictAuthServerBuilder`]: the options of a server, before it starts.

use std::{fmt, io, sync::Arc, time::Duration};

use super::{
    ApiFault, ExpiresIn, Rotation, StrictAuthServer, credentials::Credentials, options::Options,
};
use crate::{Runtime, auth::Secret, runtime::ThreadRuntime};

/// The options of a [`StrictAuthServer`].
///
/// ```
/// use std::time::Duration;
/// use tollgate::auth::conformance::{ExpiresIn, StrictAuthServer};
///
/// let server = StrictAuthServer::builder()
///     .client_secret_basic("my-app", "s3cr3t")
///     .lifetime(Duration::from_secs(60))
///     .expires_in(ExpiresIn::Text)
///     .jwt()
///     .start()?;
/// assert_eq!(server.sign_in("ada").access_token().expose().split('.').count(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is started"]
pub struct StrictAuthServerBuilder {
    options: Options,
}

impl StrictAuthServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            options: Options {
                rotation: Rotation::default(),
                lifetime: Duration::from_secs(3600),
                expires_in: ExpiresIn::default(),
                jwt: false,
                credentials: Credentials::Public(None),
                user: "ada".to_owned(),
                refusal: ApiFault::Unauthorized,
                token_latency: Duration::ZERO,
                api_latency: Duration::ZERO,
                clock: Arc::new(ThreadRuntime),
            },
        }
    }

    /// Sets what becomes of a used refresh token; default [`Rotation::Strict`].
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.options.rotation = rotation;
        self
    }

    /// Sets how long an access token is good; default one hour.
    ///
    /// The server goes by [`clock`](Self::clock). One that is older is refused.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.options.lifetime = lifetime;
        self
    }

    /// Sets how answers tell the lifetime; default [`ExpiresIn::Seconds`].
    pub fn expires_in(mut self, expires_in: ExpiresIn) -> Self {
        self.options.expires_in = expires_in;
        self
    }

    /// Makes access tokens look like JWTs: `header.payload.signature`, with
    /// `sub`, `iat`, `exp` and `jti`. The signature is none. Default: opaque.
    pub fn jwt(mut self) -> Self {
        self.options.jwt = true;
        self
    }

    /// Demands this `client_id`, without a secret. Default: any or none.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.options.credentials = Credentials::Public(Some(id.into()));
        self
    }

    /// Demands a secret in the `Authorization` header (RFC 6749 §2.3.1).
    pub fn client_secret_basic(mut self, id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        self.options.credentials = Credentials::Basic(id.into(), secret.into());
        self
    }

    /// Demands a secret in the body.
    pub fn client_secret_post(mut self, id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        self.options.credentials = Credentials::Post(id.into(), secret.into());
        self
    }

    /// Sets who is signed in by the authorization endpoint; default `ada`.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.options.user = user.into();
        self
    }

    /// Sets how the API refuses a token that is not good; default
    /// [`ApiFault::Unauthorized`]. `Pass` lets every call through.
    pub fn refusal(mut self, refusal: ApiFault) -> Self {
        self.options.refusal = refusal;
        self
    }

    /// Waits so long, really, before each answer to a refresh; default zero.
    pub fn token_latency(mut self, latency: Duration) -> Self {
        self.options.token_latency = latency;
        self
    }

    /// Waits so long, really, before each answer of the API; default zero.
    pub fn api_latency(mut self, latency: Duration) -> Self {
        self.options.api_latency = latency;
        self
    }

    /// Sets the clock that lifetimes go by; default the system's.
    ///
    /// With a [`ManualRuntime`](crate::runtime::ManualRuntime) tokens expire
    /// when the test says so. Latency does not go by it.
    pub fn clock(mut self, clock: impl Runtime) -> Self {
        self.options.clock = Arc::new(clock);
        self
    }

    /// Starts the server on ports that the system chooses.
    ///
    /// # Errors
    ///
    /// Where the system gives no socket or no thread.
    pub fn start(self) -> io::Result<StrictAuthServer> {
        StrictAuthServer::with(self.options)
    }
}

impl fmt::Debug for StrictAuthServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictAuthServerBuilder")
            .field("rotation", &self.options.rotation)
            .field("lifetime", &self.options.lifetime)
            .field("expires_in", &self.options.expires_in)
            .field("jwt", &self.options.jwt)
            .field("refusal", &self.options.refusal)
            .finish_non_exhaustive()
    }
}
