//! Reading, writing, clearing and marking.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use super::bench::{Bench, CANARY, Verdict, first, leaked, same, token};
use crate::auth::{Presented, Stamp, Stored, Swap, Token, TokenStore};

/// How many write at once, and how often.
const WRITERS: u64 = 8;
const ROUNDS: u64 = 10;

pub(super) async fn a_new_store_is_empty(it: Bench) -> Verdict {
    let empty = Stored::empty(Stamp::default());
    same("the record", &it.first.load().await?, &empty)?;
    same("the other's", &it.second.load().await?, &empty)
}

pub(super) async fn what_was_written_is_read(it: Bench) -> Verdict {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_900_000_000_123);
    let full = token("two")
        .token_type("bearer")
        .scope("read write")
        .expires_in(Duration::from_millis(3_600_001), time);
    let mut stamp = Stamp::default();
    let next = |stamp: Stamp| stamp.next_epoch();
    for record in [
        Stored::live(next(stamp), token("one")),
        Stored::live(Stamp::new(1, 2), full).with_fence(u64::MAX),
        Stored::live(Stamp::new(1, 3), Token::new(CANARY).expires_at(time)),
        Stored::dead(Stamp::new(1, 4)).with_fence(7),
        Stored::empty(Stamp::new(2, 5)),
    ] {
        it.first.write(stamp, &record).await?;
        same("the record", &it.second.load().await?, &record)?;
        same("once more", &it.first.load().await?, &record)?;
        stamp = record.stamp();
    }
    Ok(())
}

pub(super) async fn a_swap_over_another_stamp_writes_nothing(it: Bench) -> Verdict {
    let there = Stored::live(Stamp::new(3, 7), token("one")).with_fence(2);
    it.first.write(Stamp::default(), &there).await?;
    for (epoch, version) in [(0, 0), (3, 6), (3, 8), (2, 7), (4, 7), (4, 8)] {
        let new = Stored::live(Stamp::new(9, 9), token("two"));
        let swap = it.second.swap(Stamp::new(epoch, version), &new).await?;
        same("the swap", &swap, &Swap::Conflict(there.clone()))?;
    }
    same("the record", &it.first.load().await?, &there)
}

pub(super) async fn of_writers_at_once_one_wins(it: Bench) -> Verdict {
    let mut stamp = Stamp::default();
    for round in 0..ROUNDS {
        let records: Vec<Stored> = (0..WRITERS)
            .map(|writer| Stored::live(stamp.next(), token(&format!("{round}.{writer}"))))
            .collect();
        let writing = records.iter().enumerate().map(|(writer, record)| {
            let handle = if writer % 2 == 0 {
                &it.first
            } else {
                &it.second
            };
            async move { handle.swap(stamp, record).await }
        });
        let mut won = Vec::new();
        for (record, swap) in records.iter().zip(join_all(writing).await) {
            match swap? {
                Swap::Done => won.push(record.clone()),
                // It is the winner's, or an earlier look at nothing new.
                Swap::Conflict(other) if records.contains(&other) => {}
                Swap::Conflict(other) => {
                    return Err(format!("a writer met {other:?}, which nobody wrote"));
                }
            }
        }
        same("writers that succeeded", &won.len(), &1)?;
        let stored = it.second.load().await?;
        same("the winner's record", &won, &vec![stored.clone()])?;
        stamp = stored.stamp();
    }
    Ok(())
}

pub(super) async fn clear_ends_an_epoch_and_those_before(it: Bench) -> Verdict {
    let mut stamp = Stamp::default();
    // An empty store, the epoch itself, a later one.
    for ahead in [0, 0, 5] {
        let cleared = it.first.clear(stamp.epoch + ahead).await?;
        if cleared.epoch <= stamp.epoch || cleared.version <= stamp.version {
            return Err(format!("clear made {cleared:?} out of {stamp:?}"));
        }
        let empty = Stored::empty(cleared);
        same("the record", &it.second.load().await?, &empty)?;
        stamp = cleared.next_epoch();
        let record = Stored::live(stamp, token("one"));
        it.second.write(cleared, &record).await?;
    }
    let cleared = it.first.clear(u64::MAX).await?;
    same(
        "the record",
        &it.second.load().await?,
        &Stored::empty(cleared),
    )
}

pub(super) async fn clear_leaves_a_later_epoch_alone(it: Bench) -> Verdict {
    let there = Stored::live(Stamp::new(5, 9), token("one")).with_fence(3);
    it.first.write(Stamp::default(), &there).await?;
    for epoch in [0, 4] {
        let stamp = it.second.clear(epoch).await?;
        same("the stamp", &stamp, &there.stamp())?;
        same("the record", &it.first.load().await?, &there)?;
    }
    Ok(())
}

fn mark() -> Presented {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_900_000_000_456);
    Presented::new(4, at)
}

pub(super) async fn a_mark_leaves_the_record_as_it_is(it: Bench) -> Verdict {
    let there = first().with_fence(2);
    it.first.write(Stamp::default(), &there).await?;
    let swap = it.first.present(Stamp::new(1, 2), mark()).await?;
    same(
        "a mark on another stamp",
        &swap,
        &Swap::Conflict(there.clone()),
    )?;
    same("the record", &it.second.load().await?, &there)?;
    let swap = it.first.present(there.stamp(), mark()).await?;
    same("the mark", &swap, &Swap::Done)?;
    let marked = there.clone().with_presented(mark());
    same("the record", &it.second.load().await?, &marked)?;
    let swap = it.second.swap(Stamp::default(), &first()).await?;
    same("a conflict", &swap, &Swap::Conflict(marked))?;
    let swap = it.second.present(there.stamp(), None).await?;
    same("taking the mark back", &swap, &Swap::Done)?;
    same("the record", &it.first.load().await?, &there)
}

pub(super) async fn a_mark_is_gone_with_the_next_write(it: Bench) -> Verdict {
    it.first.write(Stamp::default(), &first()).await?;
    it.first.present(first().stamp(), mark()).await?;
    let next = Stored::live(Stamp::new(1, 2), token("two"));
    it.second.write(first().stamp(), &next).await?;
    same("after a write", &it.first.load().await?, &next)?;
    it.first.present(next.stamp(), mark()).await?;
    let cleared = it.second.clear(1).await?;
    same(
        "after a clear",
        &it.first.load().await?,
        &Stored::empty(cleared),
    )
}

pub(super) async fn large_tokens_fit(it: Bench) -> Verdict {
    let long = |name: char| {
        let rest = (16 * 1024) - CANARY.len();
        format!("{CANARY}{}", String::from(name).repeat(rest))
    };
    let large = Token::new(long('a')).refresh(long('r')).scope(long('s'));
    let record = Stored::live(Stamp::new(1, 1), large);
    it.first.write(Stamp::default(), &record).await?;
    same("the record", &it.second.load().await?, &record)
}

pub(super) async fn any_text_fits(it: Bench) -> Verdict {
    let odd = "\"\\/'{}[],:%$\u{0}\n\r\t\u{7f}é\u{2028}\u{1f512}\u{10ffff} ";
    let token = Token::new(format!("{CANARY}{odd}"))
        .refresh(format!("{odd}{CANARY}"))
        .scope(odd)
        .token_type(odd);
    let record = Stored::live(Stamp::new(1, 1), token);
    it.first.write(Stamp::default(), &record).await?;
    same("the record", &it.second.load().await?, &record)
}

/// Over a store that cannot work.
pub(super) async fn errors_hold_no_token(store: &dyn TokenStore) -> Verdict {
    let stamp = first().stamp();
    let errors = [
        store.load().await.err(),
        store.compare_and_swap(stamp, first()).await.err(),
        store
            .compare_and_swap(Stamp::default(), first())
            .await
            .err(),
        store.present(stamp, Some(mark())).await.err(),
        store.clear(1).await.err(),
        store.acquire(Duration::from_secs(60)).await.err(),
    ];
    if errors.iter().flatten().next().is_none() {
        return Err("the store that cannot work works".to_owned());
    }
    match errors.iter().flatten().find_map(leaked) {
        Some(leak) => Err(leak),
        None => Ok(()),
    }
}
