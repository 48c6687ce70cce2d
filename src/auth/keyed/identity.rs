//! [`Identity`]: who a call is made for, and what fails where it is not clear.

use std::{error::Error as StdError, fmt, sync::Arc};

use crate::{Error, ErrorKind, error::find_in};

/// In a call's extensions: whose token it gets, with a
/// [`KeyedTokenRefresh`](crate::auth::KeyedTokenRefresh).
///
/// Any text that tells users or tenants apart; it is compared byte by byte. It
/// is no secret, `Debug` and `Display` show it, as errors and logs may: choose
/// a number rather than an e-mail address where that matters. It is not sent.
/// An empty one counts as none.
///
/// An interceptor may set it too, if it runs before the pair does: register it
/// after the pair, unless [`Order`](crate::Order) is another.
///
/// ```
/// use tollgate::{Client, MockAdapter, Request, auth::Identity};
///
/// let client = Client::new(MockAdapter::new());
/// let tenant = Identity::new("tenant-a");
/// let call = client.get("https://api.example.com/me").extension(tenant.clone());
/// # drop(call);
///
/// client.interceptors.request.use_sync(move |mut request: Request| {
///     request.extensions_mut().insert(tenant.clone());
///     Ok(request)
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Arc<str>);

impl Identity {
    /// Makes an identity of its name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of a call that names no [`Identity`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingIdentity {
    /// It fails with [`IdentityError::Missing`], and nothing is sent.
    #[default]
    Fail,
    /// It is sent without a token, and a refusal is passed on.
    Bare,
}

/// Why a call, or a look-up, has no session.
///
/// It is the source of an [`Error`] of kind [`ErrorKind::Auth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// The call names no identity.
    Missing,
    /// The call was refused, and names another identity now that it is
    /// replayed: what one user has sent is not sent again as another.
    Changed,
    /// There are as many sessions as there may be, and none is idle.
    #[non_exhaustive]
    TooMany {
        /// What [`max_identities`](crate::auth::KeyedTokenRefreshBuilder::max_identities)
        /// is.
        limit: usize,
    },
}

impl IdentityError {
    /// Finds one in a chain of sources.
    #[must_use]
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        find_in(error)
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Missing => {
                "put an `Identity` into its extensions, or `SkipAuth`; or allow it with \
                 `MissingIdentity::Bare`"
            }
            Self::Changed => "set the same `Identity` for every attempt of a call",
            Self::TooMany { .. } => {
                "raise `max_identities`, or drop handles that are not needed any more"
            }
        }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the call names no identity"),
            Self::Changed => f.write_str("the identity has changed since the call was first sent"),
            Self::TooMany { limit } => write!(
                f,
                "`{limit}` identities have a session, which is the limit, and all are in use"
            ),
        }
    }
}

impl StdError for IdentityError {}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        Self::new(ErrorKind::Auth, "there is no session to use")
            .with_source(error)
            .with_hint(error.remedy())
    }
}
