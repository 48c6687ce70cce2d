//! A process is killed at random: nothing that it was told is stored is lost,
//! nothing is half there, nothing is left over.

use std::time::Duration;

use tollgate::{
    auth::{Stamp, TokenStore},
    runtime::block_on,
};

use crate::{
    child,
    support::{Folder, TTL, assert_whole, live, load, save, size},
};

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a moment of the other process is hit by real time only"
)]
fn a_process_that_is_killed_at_random_loses_nothing() {
    let folder = Folder::new();
    let (mut stamp, mut fence) = (Stamp::default(), 0);
    let kills = size("TOLLGATE_KILLS", 40);
    let mut ahead = 0;
    for kill in 0..kills {
        let (mut process, output) = child::start("work", &folder.record(), "");
        let mut said = child::said(output);
        let mut told = Vec::new();
        // Sometimes before it has done anything.
        told.extend(said.by_ref().take(fastrand::usize(..12)));
        std::thread::sleep(Duration::from_micros(fastrand::u64(..4_000)));
        process.kill().unwrap();
        process.wait().unwrap();
        told.extend(said);
        if let Some(last) = told.last() {
            let mut numbers = last.split(' ').map(|number| number.parse().unwrap());
            let mut next = || numbers.next().unwrap();
            stamp = Stamp::new(next(), next());
            fence = fence.max(next());
        }
        let store = folder.store();
        let stored = load(&store);
        let found = stored.stamp();
        let context = format!("kill {kill}: told {stamp:?}, found {found:?}");
        assert!(
            found.version == stamp.version || found.version == stamp.version + 1,
            "{context}"
        );
        assert!(
            found.epoch == stamp.epoch || found.epoch == stamp.epoch + 1,
            "{context}"
        );
        assert_whole(&stored);
        folder.assert_tidy();
        let lease = block_on(store.acquire(TTL)).unwrap();
        assert!(lease.fence() > fence, "{context}");
        ahead += usize::from(found != stamp);
        (stamp, fence) = (found, lease.fence());
    }
    println!("{kills} kills, {ahead} between the write and the word of it, at {stamp:?}");
}

#[test]
fn the_lease_of_a_killed_process_is_free_and_a_higher_fence_comes_next() {
    let folder = Folder::new();
    let mut last = 0;
    for _ in 0..5 {
        let (mut process, output) = child::start("hold", &folder.record(), "");
        let fence = child::said(output).next().unwrap().parse().unwrap();
        assert!(fence > last);
        let store = folder.store();
        let waiting = std::thread::spawn(move || block_on(store.acquire(TTL)).unwrap().fence());
        // Others read and write meanwhile.
        let store = folder.store();
        let stored = load(&store);
        save(&store, stored.stamp(), &live(stored.stamp().next()));
        assert!(!waiting.is_finished());
        process.kill().unwrap();
        process.wait().unwrap();
        last = waiting.join().unwrap();
        assert!(last > fence);
    }
}
