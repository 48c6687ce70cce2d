//! [`Origin`]: scheme, host and port, which decide where a secret may go.

use std::{fmt, str::FromStr, sync::Arc};

use http::{Uri, uri::Authority};

use super::canonicalize;
use crate::error::{Error, ErrorKind};

/// Scheme, host and port of an address (RFC 6454).
///
/// ```
/// use tollgate::Origin;
///
/// let origin: Origin = "https://API.example.com:443/v1".parse()?;
/// assert_eq!(origin.to_string(), "https://api.example.com");
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: http::uri::Scheme,
    /// Canonical: lower case, no user-info, no default port.
    authority: Authority,
}

impl Origin {
    /// Returns the origin of a canonical address.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        Some(Self {
            scheme: uri.scheme()?.clone(),
            authority: uri.authority()?.clone(),
        })
    }

    /// Tells whether the canonical address `uri` has this origin.
    #[must_use]
    pub fn contains(&self, uri: &Uri) -> bool {
        // Both are canonical, so their bytes are compared: `Authority` would
        // fold the case of each one.
        uri.scheme() == Some(&self.scheme)
            && uri.authority().map(Authority::as_str) == Some(self.authority.as_str())
    }

    /// Tells whether the host is this machine: `localhost` or a loopback
    /// address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || bare
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Tells whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == http::uri::Scheme::HTTPS
    }
}

impl FromStr for Origin {
    type Err = Error;

    /// Takes the origin of an absolute address; path and query are ignored.
    fn from_str(text: &str) -> Result<Self, Error> {
        let canonical = canonicalize(text.to_owned())?;
        Self::of(&canonical.uri)
            .ok_or_else(|| Error::new(ErrorKind::InvalidUrl, "the address has no origin"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

/// A set of [`Origin`]s; a clone shares it.
///
/// ```
/// use tollgate::Origins;
///
/// let origins: Origins = ["https://api.example.com", "https://eu.example.com"]
///     .into_iter()
///     .map(str::parse)
///     .collect::<tollgate::Result<_>>()?;
/// assert_eq!(origins.len(), 2);
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Arc<[Origin]>);

impl Origins {
    /// Tells whether the canonical address `uri` has one of these origins.
    #[must_use]
    pub fn contains(&self, uri: &Uri) -> bool {
        self.0.iter().any(|origin| origin.contains(uri))
    }

    /// Returns the number of origins.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether no origin is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the origins.
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter()
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<I: IntoIterator<Item = Origin>>(origins: I) -> Self {
        Self(origins.into_iter().collect())
    }
}

impl From<Origin> for Origins {
    fn from(origin: Origin) -> Self {
        Self(Arc::from([origin]))
    }
}

/// Tells whether two addresses are one and the same, without reading them:
/// a clone shares its text. A no says nothing.
pub(crate) fn is_clone(a: &Uri, b: &Uri) -> bool {
    let place = |uri: &Uri| {
        let authority = uri.authority()?.as_str();
        let path = uri.path_and_query()?.as_str();
        Some((
            authority.as_ptr(),
            authority.len(),
            path.as_ptr(),
            path.len(),
        ))
    };
    a.scheme() == b.scheme() && place(a).is_some_and(|a| Some(a) == place(b))
}

/// Tells whether two canonical addresses have the same origin.
pub(crate) fn same_origin(a: &Uri, b: &Uri) -> bool {
    a.scheme() == b.scheme()
        && a.authority().map(Authority::as_str) == b.authority().map(Authority::as_str)
}
