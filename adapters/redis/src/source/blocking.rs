//! Connections without tokio.

use std::time::Duration;

use redis::{Connection, RedisResult};
use tollgate::Result;

use super::Source;
#[cfg(feature = "tokio")]
use crate::error::setting;

impl Source {
    /// Makes a connection within a limit.
    pub(crate) fn connect_by(&self, limit: Duration) -> RedisResult<Connection> {
        match self {
            Self::Server(client) => client.get_connection_with_timeout(limit),
            #[cfg(feature = "sentinel")]
            Self::Sentinels(sentinels) => {
                let master = sentinels.client()?.get_client()?;
                master.get_connection_with_timeout(limit)
            }
            #[cfg(feature = "tokio")]
            _ => Err((redis::ErrorKind::InvalidClientConfig, "it needs tokio").into()),
        }
    }

    /// Refuses what only works over tokio.
    #[cfg_attr(
        not(feature = "tokio"),
        expect(
            clippy::unnecessary_wraps,
            reason = "there is more to refuse with tokio"
        )
    )]
    pub(crate) fn check_blocking(&self) -> Result<()> {
        match self {
            Self::Server(_) => Ok(()),
            #[cfg(feature = "sentinel")]
            Self::Sentinels(_) => Ok(()),
            #[cfg(feature = "tokio")]
            _ => Err(setting(
                "a store without tokio cannot use an async connection or a cluster",
                "use `build`, which works in the blocking engine too; or give a `url`",
            )),
        }
    }
}
