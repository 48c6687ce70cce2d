//! [`Source`]: where connections come from.

use std::fmt;

#[cfg(feature = "tokio")]
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
#[cfg(feature = "tokio")]
use redis::{AsyncConnectionConfig, Cmd, Value, aio::ConnectionLike};
use redis::{Client, RedisResult};

/// Where connections come from.
pub(crate) enum Source {
    /// One server.
    Server(Client),
    /// The user's own connection.
    #[cfg(feature = "tokio")]
    Yours(Box<dyn Wire>),
}

/// A connection of whatever kind; a twin shares it.
#[cfg(feature = "tokio")]
pub(crate) trait Wire: Send + Sync {
    fn send<'a>(&'a mut self, command: &'a Cmd) -> BoxFuture<'a, RedisResult<Value>>;

    fn twin(&self) -> Box<dyn Wire>;
}

#[cfg(feature = "tokio")]
impl<C: ConnectionLike + Clone + Send + Sync + 'static> Wire for C {
    fn send<'a>(&'a mut self, command: &'a Cmd) -> BoxFuture<'a, RedisResult<Value>> {
        let answer = self.req_packed_command(command);
        answer.map(|answer| answer?.extract_error()).boxed()
    }

    fn twin(&self) -> Box<dyn Wire> {
        Box::new(self.clone())
    }
}

#[cfg(feature = "tokio")]
impl Source {
    /// Makes a connection, without a limit of its own.
    pub(crate) async fn connect(&self) -> RedisResult<Box<dyn Wire>> {
        match self {
            Self::Server(client) => {
                let limits = limits();
                let wire = client
                    .get_multiplexed_async_connection_with_config(&limits)
                    .await?;
                Ok(Box::new(wire))
            }
            Self::Yours(wire) => Ok(wire.twin()),
        }
    }

    /// Subscribes to a channel over a connection of its own; `None` if there
    /// is none to be had.
    pub(crate) async fn messages(
        &self,
        channel: &str,
    ) -> RedisResult<Option<BoxStream<'static, ()>>> {
        let client = match self {
            Self::Server(client) => client.clone(),
            Self::Yours(_) => return Ok(None),
        };
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(channel).await?;
        Ok(Some(subscription.into_on_message().map(drop).boxed()))
    }
}

/// No limits of the crate's own: each job has one.
#[cfg(feature = "tokio")]
fn limits() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(client) => {
                // Without user and password.
                let address = client.get_connection_info().addr().to_string();
                f.debug_tuple("Server").field(&address).finish()
            }
            #[cfg(feature = "tokio")]
            Self::Yours(_) => f.write_str("Yours"),
        }
    }
}
