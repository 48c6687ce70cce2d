//! Connections over tokio.

use std::time::Duration;

use futures::{FutureExt, future::BoxFuture};
use redis::{
    AsyncConnectionConfig, Client, Cmd, RedisResult, Value,
    aio::{ConnectionLike, PubSub},
};

use super::Source;

/// A connection of whatever kind; a twin shares it.
pub(crate) trait Wire: Send + Sync {
    fn send<'a>(&'a mut self, command: &'a Cmd) -> BoxFuture<'a, RedisResult<Value>>;

    fn twin(&self) -> Box<dyn Wire>;
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Wire for C {
    fn send<'a>(&'a mut self, command: &'a Cmd) -> BoxFuture<'a, RedisResult<Value>> {
        let answer = self.req_packed_command(command);
        answer.map(|answer| answer?.extract_error()).boxed()
    }

    fn twin(&self) -> Box<dyn Wire> {
        Box::new(self.clone())
    }
}

impl Source {
    /// How long making a connection may take where an operation may take
    /// `deadline`: operations give up before, and the next ones find it.
    pub(crate) fn limit(&self, deadline: Duration) -> Duration {
        let least = match self {
            // Several are asked.
            #[cfg(feature = "sentinel")]
            Self::Sentinels(_) => 3,
            #[cfg(feature = "cluster")]
            Self::Cluster(..) => 3,
            Self::Server(_) | Self::Yours(_) => 1,
        };
        deadline.max(Duration::from_secs(least))
    }

    /// Makes a connection, without a limit of its own.
    pub(crate) async fn connect(&self) -> RedisResult<Box<dyn Wire>> {
        match self {
            Self::Server(client) => over(client).await,
            #[cfg(feature = "sentinel")]
            Self::Sentinels(sentinels) => over(&sentinels.master().await?).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster, _) => Ok(Box::new(cluster.get_async_connection().await?)),
            Self::Yours(wire) => Ok(wire.twin()),
        }
    }

    /// Makes a connection to listen over; `None` if there is none to be had.
    pub(crate) async fn subscription(&self) -> RedisResult<Option<PubSub>> {
        match self {
            Self::Server(client) => client.get_async_pubsub().await.map(Some),
            #[cfg(feature = "sentinel")]
            Self::Sentinels(sentinels) => {
                let master = sentinels.master().await?;
                master.get_async_pubsub().await.map(Some)
            }
            // Each node tells what any is told.
            #[cfg(feature = "cluster")]
            Self::Cluster(_, nodes) => {
                let mut last = Ok(None);
                for node in nodes {
                    last = node.get_async_pubsub().await.map(Some);
                    if last.is_ok() {
                        break;
                    }
                }
                last
            }
            Self::Yours(_) => Ok(None),
        }
    }
}

async fn over(client: &Client) -> RedisResult<Box<dyn Wire>> {
    // No limits of the crate's own: each job has one.
    let limits = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let wire = client.get_multiplexed_async_connection_with_config(&limits);
    Ok(Box::new(wire.await?))
}
