//! A server that has answered, and reads nothing of the rest of the upload,
//! cannot hold on to the call for ever.
//!
//! ureq closes the connection. hyper has no way to give up what it has begun to
//! write: the task and what is in its buffer stay until the system ends the
//! connection, by `tcp_user_timeout` where it has that (30 s by reqwest's
//! default). What the caller streams is let go at once on all lanes.

use std::{sync::Arc, time::Duration};

use tollgate::adapter::conformance::Step;
#[cfg(target_os = "linux")]
use {crate::lane::lane_over, tollgate_reqwest::ReqwestAdapter, tollgate_ureq::UreqAdapter};

use crate::{
    alone::until,
    cell::{AMPLE, Stage, outcome_of},
    lane::{LANES, Lane, Upload, lane},
    mode::{Mode, Outcome, write},
};

const EARLY: &str = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 5\r\n\r\nlarge";

/// A server that answers when the upload has filled the buffers between them,
/// keeps the connection and reads nothing more.
fn deaf() -> Mode {
    let pause = |millis| Step::Pause(Duration::from_millis(millis));
    let steps = [Step::ReadHead, pause(200), write(EARLY), pause(600_000)];
    Mode::opening("early answer", steps)
}

/// Gets the early answer; then neither task nor connection is left.
fn answered_and_let_go(lane: Box<dyn Lane>, others: impl Fn() -> usize) {
    for mode in [deaf().post(32 << 20), deaf().post_endless()] {
        let stage = Stage::set(&mode);
        let mut ask = stage.ask(&mode);
        ask.timeout = Some(AMPLE);
        let outcome = outcome_of(lane.send(&ask));
        assert_eq!(outcome.unwrap(), Outcome::Refused(413));
        // The server is there until the tasks have ended.
        until("tasks end", || lane.tasks() + others() == 0);
        drop(stage);
    }
    lane.close();
}

#[test]
fn ureq_lets_go_of_a_server_that_answers_early_and_reads_nothing() {
    for name in LANES.iter().filter(|name| name.starts_with("ureq")) {
        answered_and_let_go(lane(name), || 0);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn reqwest_lets_go_of_a_server_that_answers_early_and_reads_nothing() {
    for name in LANES.iter().filter(|name| name.starts_with("reqwest")) {
        let home = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let reqwest = || {
            let limit = Duration::from_secs(1);
            let builder = ReqwestAdapter::builder().handle(home.handle().clone());
            let builder = builder.configure(move |client| client.tcp_user_timeout(limit));
            builder.build().unwrap()
        };
        let lane = lane_over(name, reqwest, UreqAdapter::new);
        let metrics = home.metrics();
        answered_and_let_go(lane, || metrics.num_alive_tasks());
    }
}

#[test]
fn what_is_left_of_an_upload_is_let_go_with_the_answer() {
    for name in LANES {
        let kept = Arc::new(());
        let mut mode = deaf().post_endless();
        mode.upload = Upload::Kept(Arc::clone(&kept));
        let stage = Stage::set(&mode);
        let mut ask = stage.ask(&mode);
        drop(mode);
        ask.timeout = Some(AMPLE);
        let lane = lane(name);
        let outcome = outcome_of(lane.send(&ask));
        assert_eq!(outcome.unwrap(), Outcome::Refused(413), "{name}");
        drop(ask);
        // Before the server, and before the connection.
        until("the reader is gone", || Arc::strong_count(&kept) == 1);
        drop(stage);
        lane.close();
    }
}
