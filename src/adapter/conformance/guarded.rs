//! Runs a case in a thread of its own, so that a hang is a failure too.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{Outcome, Verdict};

/// Runs a case to its end, or for `limit`; `given_up` ends what holds it.
pub(crate) fn guarded(
    name: &str,
    limit: Duration,
    run: impl FnOnce() -> Verdict + Send + 'static,
    given_up: impl FnOnce(),
) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let outcome = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(failure)) => Outcome::Failed(failure.into_text()),
            Err(panic) => Outcome::Failed(format!("panicked: {}", text_of(&*panic))),
        };
        // Nobody listens once the case has been given up.
        drop(sender.send(outcome));
    });
    if let Err(error) = thread {
        return Outcome::Failed(format!("no thread for the case: {error}"));
    }
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        given_up();
        Outcome::Failed(format!("did not end within {limit:?}"))
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
