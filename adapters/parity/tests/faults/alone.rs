//! A process of its own for each lane: what is open and alive in it is the
//! lane's, and it can be killed if it hangs.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tollgate::runtime::{Runtime, ThreadRuntime, block_on};

use crate::lane::LANES;

/// Names the lane in the child's environment.
const LANE: &str = "FAULTS_LANE";

/// Asks for more rounds of cancels than usual; see `cancels.rs`.
pub(crate) const ROUNDS: &str = "FAULTS_CANCELS";

/// A child that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// The same, where many rounds are asked for.
const LONG_PATIENCE: Duration = Duration::from_secs(3600);

/// Leads the lines that a child has for its parent.
const MARK: &str = "@@";

pub(crate) fn now() -> Instant {
    ThreadRuntime.now()
}

pub(crate) fn sleep(duration: Duration) {
    block_on(ThreadRuntime.sleep(duration));
}

/// Waits for a condition, for half a minute at most.
#[track_caller]
pub(crate) fn until(what: &str, reached: impl Fn() -> bool) {
    let end = now() + Duration::from_secs(30);
    while !reached() {
        assert!(now() < end, "waited in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// Tells the parent something.
pub(crate) fn tell(line: &str) {
    println!("{MARK}{line}");
}

/// Runs `body` for each lane in a process of its own, all at the same time,
/// and returns what each told; `test` is the path of the test that calls.
///
/// Whatever `body` opens or starts has to be closed and ended when it returns.
pub(crate) fn on_each_lane(test: &str, body: impl FnOnce(&str)) -> Option<Vec<Vec<String>>> {
    if let Ok(lane) = std::env::var(LANE) {
        let before = Belongings::now();
        body(&lane);
        until("threads and descriptors are as before", || {
            Belongings::now().within(&before)
        });
        let after = Belongings::now();
        assert!(after.within(&before), "{before:?} became {after:?}");
        return None;
    }
    // Tests share the machine with their children only: one after the other.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let children: Vec<_> = LANES
        .iter()
        .map(|lane| Guarded::start(test, lane))
        .collect();
    Some(children.into_iter().map(Guarded::finish).collect())
}

/// A child that ends with its parent's test, whatever becomes of that.
struct Guarded {
    lane: &'static str,
    child: Child,
    output: Option<thread::JoinHandle<String>>,
}

impl Guarded {
    fn start(test: &str, lane: &'static str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--include-ignored"])
            .env(LANE, lane)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let output = thread::spawn(move || {
            let mut text = String::new();
            drop(stdout.read_to_string(&mut text));
            text
        });
        Self {
            lane,
            child,
            output: Some(output),
        }
    }

    fn finish(mut self) -> Vec<String> {
        let many = std::env::var_os(ROUNDS).is_some();
        let end = now() + if many { LONG_PATIENCE } else { PATIENCE };
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if now() > end {
                drop(self.child.kill());
                break None;
            }
            sleep(Duration::from_millis(20));
        };
        let text = self.output.take().unwrap().join().unwrap();
        let told = text.lines().filter_map(|line| line.split_once(MARK));
        let told: Vec<_> = told.map(|(_, line)| line.to_owned()).collect();
        match status {
            Some(status) if status.success() => told,
            Some(_) => panic!("{}:\n{text}", self.lane),
            None => panic!("{} hangs:\n{text}", self.lane),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // An error says that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a process holds.
#[derive(Debug)]
struct Belongings {
    descriptors: usize,
    threads: BTreeMap<String, usize>,
}

impl Belongings {
    fn now() -> Self {
        let mut threads = BTreeMap::new();
        for task in fs::read_dir("/proc/self/task")
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            *threads.entry(name.trim().to_owned()).or_default() += 1;
        }
        Self {
            // Nothing where there is no `/proc`.
            descriptors: fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            threads,
        }
    }

    fn within(&self, before: &Self) -> bool {
        let known = |name: &String| before.threads.get(name).copied().unwrap_or_default();
        self.descriptors <= before.descriptors
            && self
                .threads
                .iter()
                .all(|(name, count)| *count <= known(name))
    }
}
