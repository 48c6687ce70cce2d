//! [`Source`]: where connections come from.

#[cfg(feature = "blocking")]
mod blocking;
#[cfg(feature = "tokio")]
mod over_tokio;
#[cfg(feature = "sentinel")]
mod sentinels;

use redis::{Client, ConnectionInfo, IntoConnectionInfo};
use tollgate::Result;

#[cfg(feature = "tokio")]
pub(crate) use over_tokio::Wire;
#[cfg(feature = "sentinel")]
pub(crate) use sentinels::{Login, Sentinels};

use crate::error::setting;

/// Where connections come from.
pub(crate) enum Source {
    /// One server.
    Server(Box<Client>),
    /// The master that Sentinels name.
    #[cfg(feature = "sentinel")]
    Sentinels(Sentinels),
    /// A cluster, and some of its nodes.
    #[cfg(feature = "cluster")]
    Cluster(Box<redis::cluster::ClusterClient>, Vec<Client>),
    /// The user's own connection.
    #[cfg(feature = "tokio")]
    Yours(Box<dyn Wire>),
}

impl Source {
    /// One server.
    pub(crate) fn server(url: &str) -> Result<Self> {
        Ok(Self::Server(Box::new(client(url)?)))
    }

    /// A cluster that these nodes belong to.
    #[cfg(feature = "cluster")]
    pub(crate) fn cluster<'a>(urls: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let urls: Vec<&str> = urls.into_iter().collect();
        if urls.is_empty() {
            return Err(setting(
                "a cluster without an address cannot be found",
                "give `cluster` the URL of one of its nodes, or of several",
            ));
        }
        let infos = urls.iter().map(|url| address(url));
        let infos = infos.collect::<Result<Vec<_>>>()?;
        let nodes = urls.iter().map(|url| client(url));
        let nodes = nodes.collect::<Result<Vec<_>>>()?;
        let cluster = redis::cluster::ClusterClient::new(infos).map_err(|_| {
            setting(
                "the addresses are not those of one cluster",
                "give all the same user, password and TLS, and no database",
            )
        })?;
        Ok(Self::Cluster(Box::new(cluster), nodes))
    }
}

/// Reads an address; the error does not show it.
pub(crate) fn address(url: &str) -> Result<ConnectionInfo> {
    let asks_for_tls = url.starts_with("rediss:") || url.starts_with("valkeys:");
    let info = url.into_connection_info().map_err(|_| {
        if asks_for_tls && !cfg!(any(feature = "tls", feature = "blocking-tls")) {
            return setting(
                "the address of redis asks for TLS, which is not compiled in",
                "switch on the feature `tls` of tollgate-redis, or `blocking-tls` without tokio",
            );
        }
        no_url()
    })?;
    #[cfg(any(feature = "tls", feature = "blocking-tls"))]
    if asks_for_tls && rustls::crypto::CryptoProvider::get_default().is_none() {
        // Without one `rustls` panics where it has several to choose from, or
        // none. Somebody else may be faster, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    if !info.addr().is_supported() {
        return Err(setting(
            "the address of redis is of a kind that this system does not have",
            "use `redis://host:port`",
        ));
    }
    Ok(info)
}

fn client(url: &str) -> Result<Client> {
    Client::open(address(url)?).map_err(|_| no_url())
}

fn no_url() -> tollgate::Error {
    setting(
        "the address of redis is no URL that can be used",
        "write `redis://user:password@host:port/database`, `rediss://…` or `redis+unix:///path`",
    )
}
