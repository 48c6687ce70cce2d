//! Listens to the channels of all stores over one connection.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures::{
    StreamExt,
    channel::{mpsc::UnboundedReceiver, oneshot},
    future::{Either, select},
};
use redis::{
    RedisResult,
    aio::{PubSub, PubSubSink},
};
use tokio::time;

use super::{backoff, link::Links};
use crate::watch::{Bell, Bells};

/// A channel, and what is to ring for it.
pub(super) type Wanted = (String, Weak<Bell>);

/// Rings bells for messages, for as long as the thread lives.
pub(super) async fn listen(links: Arc<Links>, mut wanted: UnboundedReceiver<Wanted>) {
    let mut bells = Bells::default();
    let mut failures = 0;
    let limit = links.source.limit(links.deadline);
    loop {
        while let Ok((channel, bell)) = wanted.try_recv() {
            bells.add(channel, bell);
        }
        // What has cut the one connection off may have cut off the other, and
        // nothing comes over that anyhow.
        let cut = links.cuts.listen();
        failures = match time::timeout(limit, links.source.subscription()).await {
            Ok(Ok(Some(connection))) => {
                match hear(connection, &mut bells, &mut wanted, cut).await {
                    Ok(()) => 0,
                    Err(_) => failures + 1,
                }
            }
            // It can only be polled.
            Ok(Ok(None)) => return,
            Ok(Err(_)) | Err(_) => failures + 1,
        };
        time::sleep(backoff(failures, Duration::from_secs(1))).await;
    }
}

/// Listens over one connection, until it breaks.
async fn hear(
    connection: PubSub,
    bells: &mut Bells,
    wanted: &mut UnboundedReceiver<Wanted>,
    mut cut: oneshot::Receiver<()>,
) -> RedisResult<()> {
    let (mut sink, mut messages) = connection.split();
    let channels = bells.channels();
    if !channels.is_empty() {
        sink.subscribe(&channels).await?;
    }
    // Something may have been told before.
    channels.iter().for_each(|channel| bells.ring(channel));
    loop {
        let next = select(messages.next(), wanted.next());
        match select(next, &mut cut).await {
            Either::Left((Either::Left((Some(message), _)), _)) => {
                bells.ring(message.get_channel_name());
            }
            Either::Left((Either::Right((Some(wanted), _)), _)) => {
                add(&mut sink, bells, wanted).await?;
            }
            // The connection has ended, is cut off, or nobody is left.
            Either::Left(_) | Either::Right(_) => return Ok(()),
        }
    }
}

async fn add(sink: &mut PubSubSink, bells: &mut Bells, wanted: Wanted) -> RedisResult<()> {
    let (channel, bell) = wanted;
    if bells.add(channel.clone(), bell) {
        sink.subscribe(&channel).await?;
        // Something may have been told before.
        bells.ring(&channel);
        let abandoned = bells.abandoned();
        if !abandoned.is_empty() {
            sink.unsubscribe(abandoned).await?;
        }
    }
    Ok(())
}
