//! [`Place`]: scheme, host and port, by whoever reads them.

use std::net::Ipv6Addr;

use http::Uri;
use tollgate::Origin;
use url::Url;

/// Where a connection is made to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    fn new(scheme: &str, host: &str, port: Option<u16>) -> Self {
        let normal = if scheme == "https" { 443 } else { 80 };
        let inside = host.trim_start_matches('[').trim_end_matches(']');
        Self {
            scheme: scheme.to_owned(),
            host: match inside.parse::<Ipv6Addr>() {
                // One form for each address.
                Ok(address) => format!("{address:?}"),
                Err(_) => host.to_ascii_lowercase(),
            },
            port: port.unwrap_or(normal),
        }
    }

    /// As reqwest reads it; `None` for what is not called over HTTP.
    pub(crate) fn of_url(url: &Url) -> Option<Self> {
        let called = matches!(url.scheme(), "http" | "https");
        let host = url.host_str().filter(|_| called)?;
        Some(Self::new(url.scheme(), host, url.port()))
    }

    /// As ureq reads it, which takes a port that is none for no port.
    pub(crate) fn of_uri(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?;
        let called = matches!(scheme, "http" | "https");
        let host = uri.host().filter(|_| called)?;
        Some(Self::new(scheme, host, uri.port_u16()))
    }

    /// As the core reads it, and its guard judges.
    pub(crate) fn of_origin(origin: &Origin) -> Self {
        let uri: Uri = origin.to_string().parse().unwrap();
        Self::of_uri(&uri).unwrap()
    }

    /// Whether a label claims to be the ASCII form of another name. Who knows
    /// those names refuses some of them; nobody reads another name.
    pub(crate) fn claims_unicode(&self) -> bool {
        self.host.split('.').any(|label| label.starts_with("xn--"))
    }
}
