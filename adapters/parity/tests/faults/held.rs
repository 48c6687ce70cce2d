//! A server that has answered cannot hold on to the call.

use std::time::Duration;

use tollgate::adapter::conformance::Step;

use crate::{
    cell::{AMPLE, Stage, outcome_of},
    lane::{LANES, lane},
    mode::{Mode, Outcome, write},
};

const EARLY: &str = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 5\r\n\r\nlarge";

/// Gets an early answer of a server that keeps the connection and reads
/// nothing more; then neither task nor connection is left.
fn answered_and_let_go(name: &str) {
    let deaf = Step::Pause(Duration::from_secs(600));
    let steps = [Step::ReadHead, write(EARLY), deaf];
    let mode = Mode::opening("early answer", steps).post(32 << 20);
    let stage = Stage::set(&mode);
    let mut ask = stage.ask(&mode);
    ask.timeout = Some(AMPLE);
    let lane = lane(name);
    let outcome = outcome_of(lane.send(&ask));
    assert_eq!(outcome.unwrap(), Outcome::Refused(413));
    // Panics if it takes too long, while the server is there.
    lane.close();
    drop(stage);
}

#[test]
fn ureq_lets_go_of_a_server_that_answers_early_and_reads_nothing() {
    for name in LANES.iter().filter(|name| name.starts_with("ureq")) {
        answered_and_let_go(name);
    }
}

#[test]
#[ignore = "hyper keeps the task and the body of an upload until the server reads it or is gone"]
fn reqwest_lets_go_of_a_server_that_answers_early_and_reads_nothing() {
    for name in LANES.iter().filter(|name| name.starts_with("reqwest")) {
        answered_and_let_go(name);
    }
}
