//! Law: bytes are told of three times a second at most, and once at the end.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::Frame;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use tollgate::{
    Body, BodyError, MockAdapter, Progress,
    client::Call,
    runtime::{ManualRuntime, Runtime},
};

use crate::support::{InBlocking, Log, OnThread, OnTokio, Reply, Way, World, chunks, everywhere};

/// A body that moves the time before each of its chunks.
struct Paced {
    time: ManualRuntime,
    chunks: std::vec::IntoIter<(Duration, usize)>,
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some((pause, length)) = self.chunks.next() else {
            return Poll::Ready(None);
        };
        self.time.advance(pause);
        Poll::Ready(Some(Ok(Frame::data(vec![b'x'; length].into()))))
    }
}

pub(crate) fn paced(time: &ManualRuntime, chunks: &[(u64, usize)]) -> Body {
    let chunks = chunks
        .iter()
        .map(|(pause, length)| (Duration::from_millis(*pause), *length));
    Body::stream(Paced {
        time: time.clone(),
        chunks: chunks.collect::<Vec<_>>().into_iter(),
    })
}

pub(crate) fn stopped_clock<W: Way>(world: &World<W>) -> (World<W>, ManualRuntime) {
    let time = ManualRuntime::new();
    let world = world.with(|builder| builder.runtime(time.clone()).without_timeout());
    (world, time)
}

/// Logs each event as `name#attempt loaded/total +bytes`, then the rate, what
/// is left, and whether it is the last.
pub(crate) fn told(log: &Log, name: &'static str) -> impl Fn(Progress) + Send + Sync + 'static {
    let log = log.clone();
    move |progress| {
        let total = progress.total().map_or("?".to_owned(), |it| it.to_string());
        let mut line = format!(
            "{name}#{} {}/{total} +{}",
            progress.attempt(),
            progress.loaded(),
            progress.bytes()
        );
        if let Some(rate) = progress.rate() {
            line += &format!(" {rate:.0}/s");
        }
        if let Some(left) = progress.estimated() {
            line += &format!(" {}ms", left.as_millis());
        }
        log.add(line + if progress.is_done() { " done" } else { "" });
    }
}

/// A call with both handlers.
pub(crate) fn watched<W: Way>(world: &World<W>, call: Call<W::Engine>) -> Call<W::Engine> {
    call.on_upload_progress(told(&world.log, "up"))
        .on_download_progress(told(&world.log, "down"))
}

#[test]
fn a_download_is_told_three_times_a_second_and_at_its_end() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let body = || paced(&time, &[(100, 100); 10]);
        world.script([Reply::Body(200, body().with_length(1000))]);
        let call = world.client.get("/u");
        let call = call.on_download_progress(told(&world.log, "down"));
        assert_eq!(world.finish(call).unwrap().bytes().unwrap().len(), 1000);
        world.logged(
            "T GET /u | down#1 100/1000 +100 | down#1 500/1000 +400 1000/s 500ms | \
             down#1 900/1000 +400 1000/s 100ms | down#1 1000/1000 +100 1000/s 0ms done | => 200",
        );
        world.script([Reply::Body(200, body())]);
        let call = world.client.get("/u");
        let call = call.on_download_progress(told(&world.log, "down"));
        world.finish(call).unwrap();
        world.logged(
            "T GET /u | down#1 100/? +100 | down#1 500/? +400 1000/s | \
             down#1 900/? +400 1000/s | down#1 1000/? +100 1000/s done | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn an_upload_is_told_three_times_a_second_and_at_its_end() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let call = world.client.post("/u").body(paced(&time, &[(200, 50); 4]));
        let call = call.on_upload_progress(told(&world.log, "up"));
        world.finish(call).unwrap();
        world.logged(
            "up#1 50/? +50 | up#1 150/? +100 250/s | up#1 200/? +50 250/s done | \
             T POST /u | => 200",
        );
        let body = paced(&time, &[(200, 50); 4]);
        let call = world.client.post("/u").header("content-length", "200");
        let call = call.on_upload_progress(told(&world.log, "up"));
        world.finish(call.body(body)).unwrap();
        world.logged(
            "up#1 50/200 +50 | up#1 150/200 +100 250/s 200ms | \
             up#1 200/200 +50 250/s 0ms done | T POST /u | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn bytes_in_memory_are_sent_in_slices_that_are_told_of() {
    fn law<W: Way>(world: &World<W>) {
        let (world, _) = stopped_clock(world);
        let body: Vec<u8> = (0..=u8::MAX).cycle().take(200_000).collect();
        let call = world.client.post("/u").body(body.clone());
        world.finish(watched(&world, call)).unwrap();
        world.logged(
            "up#1 65536/200000 +65536 | up#1 200000/200000 +134464 done | T POST /u | \
             down#1 3/3 +3 done | => 200",
        );
        let requests = world.mock.requests();
        assert_eq!(requests.last().unwrap().body(), &body);
    }
    everywhere!(law);
}

#[test]
fn a_body_that_is_watched_keeps_its_length() {
    struct Length;

    #[async_trait::async_trait]
    impl tollgate::Adapter for Length {
        async fn send(
            &self,
            request: http::Request<Body>,
        ) -> Result<http::Response<Body>, tollgate::AdapterError> {
            let length = format!("{:?}", request.body().length());
            Ok(http::Response::new(length.into()))
        }
    }

    let client = tollgate::Client::new(Length);
    for (body, length) in [
        (Body::from(vec![0; 200_000]), "Some(200000)"),
        (chunks([Ok("abc")]).with_length(3), "Some(3)"),
        (chunks([Ok("abc")]), "None"),
        (Body::empty(), "Some(0)"),
    ] {
        let call = client.post("http://h/").body(body).on_upload_progress(drop);
        let response = tollgate::runtime::block_on(call.send()).unwrap();
        assert_eq!(response.text().unwrap(), length);
    }
}

#[test]
fn an_adapter_that_stops_at_the_length_has_heard_the_end() {
    /// Asks for no byte behind the last one, as hyper does.
    struct Exact;

    impl tollgate::BlockingAdapter for Exact {
        fn send(
            &self,
            request: http::Request<Body>,
        ) -> Result<http::Response<Body>, tollgate::AdapterError> {
            let mut bytes = vec![0; 6];
            let mut reader = request.into_body().into_reader();
            std::io::Read::read_exact(&mut reader, &mut bytes).unwrap();
            Ok(http::Response::new(bytes.into()))
        }
    }

    let log = Log::default();
    let client = tollgate::blocking::Client::new(Exact);
    let body = chunks([Ok("abc"), Ok("def")]).with_length(6);
    let call = client.post("http://h/").body(body);
    call.on_upload_progress(told(&log, "up")).send().unwrap();
    assert_eq!(log.take(), ["up#1 3/6 +3", "up#1 6/6 +3 done"]);
}

#[test]
fn an_event_is_due_a_third_of_a_second_after_the_one_before() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let nanos = Duration::from_nanos;
        let pace = [(nanos(0), 1), (nanos(333_333_333), 1), (nanos(1), 1)];
        world.script([Reply::Body(
            200,
            Body::stream(Paced {
                time: time.clone(),
                chunks: Vec::from(pace).into_iter(),
            }),
        )]);
        let call = world.client.get("/u");
        let call = call.on_download_progress(told(&world.log, "down"));
        world.finish(call).unwrap();
        world.logged(
            "T GET /u | down#1 1/? +1 | down#1 3/? +2 9/s | down#1 3/? +0 9/s done | => 200",
        );
    }
    everywhere!(law);
}

#[test]
fn the_rate_forgets_what_was_fifty_events_ago() {
    fn law<W: Way>(world: &World<W>) {
        let (world, time) = stopped_clock(world);
        let mut pace = vec![(1000, 1000); 10];
        pace.extend([(1000, 100); 50]);
        world.script([Reply::Body(200, paced(&time, &pace))]);
        let rates: Arc<Mutex<Vec<f64>>> = Arc::default();
        let kept = Arc::clone(&rates);
        let call = world.client.get("/u").on_download_progress(move |event| {
            kept.lock().unwrap().extend(event.rate());
        });
        world.finish(call).unwrap();
        let rates = rates.lock().unwrap();
        assert_eq!(rates[..10], [1000.0; 10]);
        // 9 of the 10 fast seconds are forgotten, then all of them.
        assert_eq!(rates[58..60], [118.0, 100.0]);
    }
    everywhere!(law);
}

type Kept = Arc<Mutex<Vec<(Instant, Progress)>>>;

/// Sends a body both ways; returns the events and when each came.
fn events<W: Way>(pace: &[(u64, usize)], known: bool) -> [Vec<(Instant, Progress)>; 2] {
    let time = ManualRuntime::new();
    let length = pace.iter().map(|(_, length)| *length as u64).sum();
    let body = |time: &ManualRuntime| {
        let body = paced(time, pace);
        if known {
            body.with_length(length)
        } else {
            body
        }
    };
    let mock = MockAdapter::new();
    mock.push(tollgate::MockReply::status(200, body(&time)));
    let builder = W::builder(mock).runtime(time.clone());
    let client = W::build(builder.without_timeout());
    let kept: [Kept; 2] = Default::default();
    let [up, down] = &kept;
    let keep = |kept: &Kept| {
        let (kept, time) = (Arc::clone(kept), time.clone());
        move |progress| kept.lock().unwrap().push((time.now(), progress))
    };
    let call = client.post("http://h/").body(body(&time));
    let call = call
        .on_upload_progress(keep(up))
        .on_download_progress(keep(down));
    W::send(call).unwrap();
    kept.map(|kept| std::mem::take(&mut *kept.lock().unwrap()))
}

fn paces() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((0_u64..500, 1_usize..100_000), 1..40)
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]

    #[test]
    fn events_are_never_too_many_and_add_up(pace in paces(), known in any::<bool>()) {
        let length: u64 = pace.iter().map(|(_, length)| *length as u64).sum();
        let all = [
            events::<OnTokio>(&pace, known),
            events::<OnThread>(&pace, known),
            events::<InBlocking>(&pace, known),
        ];
        for [up, down] in &all {
            for events in [up, down] {
                let (last, before) = events.split_last().unwrap();
                prop_assert!(last.1.is_done() && last.1.loaded() == length);
                prop_assert_eq!(last.1.total(), known.then_some(length));
                prop_assert!(!before.iter().any(|(_, event)| event.is_done()));
                for pair in before.windows(2) {
                    let apart = pair[1].0 - pair[0].0;
                    prop_assert!(apart * 3 >= Duration::from_secs(1), "{apart:?}");
                }
                let mut sum = 0;
                for (_, event) in events {
                    sum += event.bytes();
                    prop_assert_eq!(event.loaded(), sum);
                    prop_assert_eq!(event.progress().is_some(), known);
                    prop_assert!(event.progress().is_none_or(|part| (0.0..=1.0).contains(&part)));
                }
            }
        }
        let numbers = all.map(|sides| sides.map(|events| {
            events.into_iter().map(|(_, event)| event).collect::<Vec<_>>()
        }));
        prop_assert_eq!(&numbers[0], &numbers[1]);
        prop_assert_eq!(&numbers[0], &numbers[2]);
    }
}
