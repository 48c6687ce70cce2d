//! A test in a process of its own, whose environment and memory are its own.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use tollgate::runtime::{Runtime, ThreadRuntime, block_on};

/// Names the test that the child is to run.
const CHILD: &str = "ORIGINS_CHILD";

/// A child that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Tells whether this is the child that runs `test`.
pub(crate) fn is_child(test: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|name| name == test)
}

/// Runs `test`, which is the path of the caller, once more in a child with
/// these variables besides, and waits for its success.
#[track_caller]
pub(crate) fn run_alone(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, test)
        .envs(variables.iter().copied())
        .stdout(Stdio::null());
    let mut child = Guarded(command.spawn().unwrap());
    let mut left = PATIENCE;
    let pause = Duration::from_millis(20);
    let status = loop {
        if let Some(status) = child.0.try_wait().unwrap() {
            break status;
        }
        assert!(left > pause, "the child of {test} hangs");
        left -= pause;
        block_on(ThreadRuntime.sleep(pause));
    };
    assert!(status.success(), "the child of {test} ended with {status}");
}

/// Ends with the test, whatever becomes of that.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // An error says that it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
