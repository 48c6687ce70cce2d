//! Every system call that touches a store's files is a place to be killed at,
//! and to fail at: `strace` does both.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
};

use tollgate::{
    auth::{Stamp, Stored, TokenStore},
    runtime::block_on,
};

use crate::{
    child,
    support::{CANARY, Folder, TTL, assert_whole, live, load, save},
};

/// The record that is there before, but for `first`.
const BEFORE: Stamp = Stamp {
    epoch: 1,
    version: 1,
};

/// How a traced child ended.
struct Run {
    /// What it said: `done …`, `failed …`, or nothing.
    said: Option<String>,
    /// Its system calls on the store's files, in order.
    calls: Vec<String>,
}

/// An operation, done by a child under `strace`, from the same start each time.
struct Traced {
    folder: Folder,
    what: &'static str,
}

impl Traced {
    fn new(what: &'static str) -> Self {
        Self {
            folder: Folder::new(),
            what,
        }
    }

    fn start(&self) -> Stamp {
        if self.what == "first" {
            Stamp::default()
        } else {
            BEFORE
        }
    }

    /// Prepares the folder and runs the child.
    fn run(&self, inject: Option<&str>) -> Run {
        fs::remove_dir_all(self.folder.path()).unwrap();
        fs::create_dir(self.folder.path()).unwrap();
        if self.what != "first" {
            let store = self.folder.store();
            save(&store, Stamp::default(), &live(BEFORE));
            block_on(store.acquire(TTL)).unwrap();
        }
        let log = Folder::new();
        let log = (log.path().join("log"), log);
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o"]).arg(&log.0);
        command.arg("-P").arg(self.folder.path());
        for ending in ["", ".lock", ".write-lock", ".new", ".corrupt"] {
            command.arg("-P").arg(self.folder.beside(ending));
        }
        if let Some(inject) = inject {
            command.arg("-e").arg(format!("inject={inject}"));
        }
        command.arg(std::env::current_exe().unwrap());
        child::child_of(&mut command, self.what, &self.folder.record(), "");
        let output = command.stdin(Stdio::null()).output().unwrap();
        Run {
            said: child::said(&output.stdout[..]).next(),
            calls: calls(&fs::read_to_string(log.0).unwrap_or_default()),
        }
    }

    /// The new record, if the operation makes one.
    fn after(&self) -> Stamp {
        match self.what {
            "save" => BEFORE.next(),
            "clear" => BEFORE.next_epoch(),
            "first" => BEFORE,
            _ => self.start(),
        }
    }

    /// At no moment can others read a file.
    fn assert_private(&self, context: &str) {
        for file in fs::read_dir(self.folder.path()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().mode() & 0o777;
            assert_eq!(mode, 0o600, "{context}: {:?}", file.file_name());
        }
    }

    /// Whatever has happened: the old record or the new one, and all goes on.
    fn check(&self, run: &Run, context: &str) {
        let store = self.folder.store();
        let stored = load(&store);
        let done = run.said.as_deref().is_some_and(|it| it.starts_with("done"));
        let found = stored.stamp();
        assert!(
            found == self.after() || (!done && found == self.start()),
            "{context}: found {stored:?} after {:?}",
            run.said
        );
        assert_whole(&stored);
        if self.what == "present" {
            assert!(!done || stored.presented().is_some(), "{context}");
        }
        self.folder.assert_tidy();
        let last = match (self.what, &run.said) {
            ("lock", Some(said)) if done => said.split(' ').nth(1).unwrap().parse().unwrap(),
            ("first", _) => 0,
            _ => 1,
        };
        let lease = block_on(store.acquire(TTL)).unwrap();
        assert!(lease.fence() > last, "{context}");
        let next = Stored::live(found.next(), crate::support::token(found.version + 1));
        save(&store, found, &next);
        assert_eq!(load(&store), next, "{context}");
    }
}

/// Reads the names of the calls out of a trace.
fn calls(log: &str) -> Vec<String> {
    let names = log.lines().filter_map(|line| {
        let (name, _) = line.split_once(' ')?.1.trim_start().split_once('(')?;
        let is_name = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
        (!name.is_empty() && name.bytes().all(is_name)).then(|| name.to_owned())
    });
    names.collect()
}

/// Returns each call of an undisturbed run; `None` where there is no strace.
fn points(traced: &Traced) -> Option<Vec<(String, usize)>> {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("!!! SKIPPED: `strace` is not installed, no system call was disturbed");
        return None;
    }
    let run = traced.run(None);
    let said = run.said.as_deref().unwrap_or("nothing");
    assert!(said.starts_with("done"), "strace cannot trace here: {said}");
    traced.check(&run, "undisturbed");
    // strace counts each name by itself.
    let mut counts = BTreeMap::<String, usize>::new();
    let counted = run.calls.into_iter().map(|name| {
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        (name, *count)
    });
    Some(counted.collect())
}

fn is_killed_at_each_call(what: &'static str) {
    let traced = Traced::new(what);
    let Some(points) = points(&traced) else {
        return;
    };
    let expected = if what == "load" { 5 } else { 8 };
    assert!(points.len() >= expected, "only {points:?} were seen");
    let mut killed = 0;
    for (name, number) in &points {
        let inject = format!("{name}:signal=KILL:when={number}");
        let run = traced.run(Some(&inject));
        killed += usize::from(run.said.is_none());
        let context = format!("{what} killed at {name} {number}");
        traced.assert_private(&context);
        traced.check(&run, &context);
    }
    println!(
        "{what}: {killed} of {} calls killed it before its word",
        points.len()
    );
    assert!(killed * 2 > points.len(), "strace did not kill it");
}

fn fails_at_each_call(what: &'static str) {
    let traced = Traced::new(what);
    let Some(points) = points(&traced) else {
        return;
    };
    let mut failed = 0;
    // Rust does not look at what `close` says.
    for (name, number) in points.iter().filter(|(name, _)| name != "close") {
        for errno in ["EIO", "ENOSPC"] {
            let inject = format!("{name}:error={errno}:when={number}");
            let run = traced.run(Some(&inject));
            let context = format!("{what}: {errno} at {name} {number}");
            let said = run.said.clone().unwrap_or_default();
            assert!(!said.contains(CANARY), "{context}: {said}");
            assert!(!said.is_empty(), "{context}: it did not end");
            failed += usize::from(said.starts_with("failed"));
            traced.check(&run, &context);
        }
    }
    println!("{what}: {failed} failures of {} calls told", points.len());
    assert!(failed > 0, "strace made nothing fail");
}

macro_rules! at_each_call {
    ($($what:ident),*; by_the_way: $($like_save:ident),*) => {
        $(mod $what {
            #[test]
            fn can_be_killed_at_each_call() {
                super::is_killed_at_each_call(stringify!($what));
            }

            #[test]
            fn can_fail_at_each_call() {
                super::fails_at_each_call(stringify!($what));
            }
        })*
        $(mod $like_save {
            #[test]
            fn can_be_killed_at_each_call() {
                super::is_killed_at_each_call(stringify!($like_save));
            }

            #[test]
            #[ignore = "it writes as `save` does; the release run has the time"]
            fn can_fail_at_each_call() {
                super::fails_at_each_call(stringify!($like_save));
            }
        })*
    };
}

at_each_call!(save, load, lock; by_the_way: first, clear, present);

/// Runs `save` with one call that fails in one way.
fn saved_despite(inject: &str) -> Option<Run> {
    let traced = Traced::new("save");
    points(&traced)?;
    let run = traced.run(Some(inject));
    traced.check(&run, inject);
    Some(run)
}

#[test]
fn a_record_is_flushed_then_renamed_and_then_the_folder_is_flushed() {
    for what in ["save", "clear", "present", "first"] {
        let Some(points) = points(&Traced::new(what)) else {
            return;
        };
        let order: Vec<&str> = points
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| ["fsync", "fdatasync", "rename", "write"].contains(name))
            .collect();
        // The last one is the stamp, in the lock file.
        assert_eq!(order, ["write", "fsync", "rename", "fsync", "write"]);
    }
    if let Some(points) = points(&Traced::new("lock")) {
        let flushed = points.iter().position(|(name, _)| name == "fdatasync");
        let written = points.iter().position(|(name, _)| name == "write");
        assert!(flushed > written, "the fence is on the disk: {points:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_flushed_is_accepted() {
    // The record is flushed first.
    if let Some(run) = saved_despite("fsync:error=EINVAL:when=2") {
        assert_eq!(run.said.as_deref(), Some("done 1 2"));
    }
}

#[test]
fn a_signal_does_not_end_the_wait_for_a_lock() {
    if let Some(run) = saved_despite("flock:error=EINTR:when=1") {
        assert_eq!(run.said.as_deref(), Some("done 1 2"));
    }
}

#[test]
fn a_full_disk_is_named_with_its_remedy() {
    if let Some(run) = saved_despite("write:error=ENOSPC:when=1") {
        let said = run.said.unwrap_or_default();
        assert!(said.starts_with("failed cannot write `"), "{said}");
        assert!(said.contains("make room on the disk"), "{said}");
    }
}
