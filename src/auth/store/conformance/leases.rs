//! Who may refresh, and when it is over.

use std::pin::pin;

use futures_util::{FutureExt, future::join_all};

use super::bench::{Bench, Handle, Verdict, first, same};
use crate::auth::{Stamp, Stored};

/// How many wait at once.
const WAITERS: usize = 6;

/// Gives another lease time to come that must not: each of these goes all the
/// way to the store.
async fn bide(handle: &Handle) -> Verdict {
    for _ in 0..10 {
        handle.load().await?;
    }
    Ok(())
}

pub(super) async fn a_lease_is_given_to_one_at_a_time(it: Bench) -> Verdict {
    let held = it.first.acquire().await?;
    for handle in [&it.first, &it.second] {
        let mut waiting = pin!(handle.acquire());
        for _ in 0..3 {
            if let Some(lease) = waiting.as_mut().now_or_never() {
                return Err(format!("there are two leases: {held:?} and {lease:?}"));
            }
            bide(&it.first).await?;
        }
    }
    it.first.release(held).await?;
    let lease = it.second.acquire().await?;
    it.second.release(lease).await
}

pub(super) async fn a_fence_is_higher_than_those_before(it: Bench) -> Verdict {
    let mut last = 0;
    for round in 0..6 {
        let handle = if round % 2 == 0 {
            &it.first
        } else {
            &it.second
        };
        let lease = handle.acquire().await?;
        if lease.fence() <= last {
            return Err(format!("after the fence {last} came {}", lease.fence()));
        }
        last = lease.fence();
        if round < 3 {
            handle.release(lease).await?;
        }
    }
    Ok(())
}

pub(super) async fn a_lease_that_is_dropped_is_given_back(it: Bench) -> Verdict {
    let held = it.first.acquire().await?;
    let mut waiting = pin!(it.second.acquire());
    if waiting.as_mut().now_or_never().is_some() {
        return Err("there are two leases".to_owned());
    }
    drop(held);
    drop(waiting.await?);
    drop(it.first.acquire().await?);
    Ok(())
}

pub(super) async fn all_who_wait_get_a_lease(it: Bench) -> Verdict {
    let mut fences = Vec::new();
    let waiting = (0..WAITERS).map(|number| {
        let handle = if number % 2 == 0 {
            &it.first
        } else {
            &it.second
        };
        async move {
            let lease = handle.acquire().await?;
            let fence = lease.fence();
            handle.release(lease).await?;
            Ok::<u64, String>(fence)
        }
    });
    for fence in join_all(waiting).await {
        fences.push(fence?);
    }
    fences.sort_unstable();
    fences.dedup();
    same("different fences", &fences.len(), &WAITERS)
}

pub(super) async fn who_stops_waiting_keeps_no_lease(it: Bench) -> Verdict {
    let held = it.first.acquire().await?;
    for handle in [&it.first, &it.second, &it.first] {
        // Polled once, so that it waits in the store; then dropped.
        if Box::pin(handle.acquire()).now_or_never().is_some() {
            return Err("there are two leases".to_owned());
        }
    }
    bide(&it.first).await?;
    it.first.release(held).await?;
    let lease = it.second.acquire().await?;
    it.second.release(lease).await?;
    let lease = it.first.acquire().await?;
    it.first.release(lease).await
}

pub(super) async fn signing_in_and_out_waits_for_no_lease(it: Bench) -> Verdict {
    let held = it.first.acquire().await?;
    it.second.write(Stamp::default(), &first()).await?;
    same("the record", &it.second.load().await?, &first())?;
    let cleared = it.second.clear(1).await?;
    let empty = Stored::empty(cleared);
    same("the record", &it.second.load().await?, &empty)?;
    it.first.release(held).await
}
