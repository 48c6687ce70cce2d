//! [`Sentinels`]: who know the master.

use redis::{
    ConnectionAddr, ConnectionInfo, RedisConnectionInfo, RedisResult, TlsMode,
    sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType},
};
use tollgate::{Result, auth::Secret};

use super::address;
use crate::error::setting;

/// User and password of the servers that Sentinels name.
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Secret,
}

/// Where the Sentinels are, and what they are asked for.
pub(crate) struct Sentinels {
    addresses: Vec<ConnectionInfo>,
    master: String,
    login: Option<Login>,
}

impl Sentinels {
    pub(crate) fn new(urls: &[String], master: String, login: Option<Login>) -> Result<Self> {
        if urls.is_empty() || master.is_empty() {
            return Err(setting(
                "the Sentinels have no address, or the master has no name",
                "give `sentinel` the URLs of all Sentinels, and the name that they have for the master",
            ));
        }
        let addresses = urls.iter().map(|url| address(url));
        Ok(Self {
            addresses: addresses.collect::<Result<_>>()?,
            master,
            login,
        })
    }

    /// A client that knows nothing yet: what one has found out may be over.
    pub(crate) fn client(&self) -> RedisResult<SentinelClient> {
        let mut node = SentinelNodeConnectionInfo::default();
        if let Some(Login { user, password }) = &self.login {
            let mut info = RedisConnectionInfo::default().set_password(password.expose());
            if let Some(user) = user {
                info = info.set_username(user);
            }
            node = node.set_redis_connection_info(info);
        }
        let tls = |it: &ConnectionInfo| matches!(it.addr(), ConnectionAddr::TcpTls { .. });
        if self.addresses.iter().any(tls) {
            node = node.set_tls_mode(TlsMode::Secure);
        }
        SentinelClient::build(
            self.addresses.clone(),
            self.master.clone(),
            Some(node),
            SentinelServerType::Master,
        )
    }

    /// Asks for the master.
    #[cfg(feature = "tokio")]
    pub(crate) async fn master(&self) -> RedisResult<redis::Client> {
        self.client()?.async_get_client().await
    }
}
