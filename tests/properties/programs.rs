//! Random programs: both engines do what the model says, line by line.

use std::{
    panic,
    sync::{Arc, Once, OnceLock},
};

use proptest::{prelude::*, test_runner::Config};
use tollgate::{
    AdapterError, Body, ErrorKind, MockAdapter, NotReplayed, Order, Response, Result,
    client::{Async, Blocking, Call, Client, ClientBuilder, EngineKind},
    runtime::block_on,
};

use crate::{
    actor::Stage,
    amount, model,
    program::{Program, Reply, program},
};

/// Keeps the panics of programs out of the output.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let scripted = info
                .payload()
                .downcast_ref::<&str>()
                .is_some_and(|text| text.contains("scripted"));
            if !scripted {
                loud(info);
            }
        }));
    });
}

/// Runs a program on an engine; returns what it has logged.
fn play<E: EngineKind>(
    program: &Program,
    builder: fn(MockAdapter) -> ClientBuilder<E>,
    send: fn(Call<E>) -> Result<Response>,
) -> Vec<String> {
    let stage: Arc<OnceLock<Arc<Stage>>> = Arc::default();
    let of_mock = Arc::clone(&stage);
    let mock = MockAdapter::new()
        .without_recording()
        .handler(move |request| {
            let stage = of_mock.get().unwrap();
            let text = request
                .headers()
                .get("x-text")
                .map_or("", |it| it.to_str().unwrap());
            stage.tell(format!("T [{text}]"));
            let next = stage.replies.lock().unwrap().pop_front();
            match next.unwrap_or(Reply::Status(200)) {
                Reply::Fail => Err(AdapterError::new(ErrorKind::Transport, "cut")),
                Reply::Status(status) => {
                    let mut response = http::Response::new(Body::empty());
                    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
                    Ok(response)
                }
            }
        });
    let (order, other) = match program.fifo {
        true => (Order::Fifo, Order::Lifo),
        false => (Order::Lifo, Order::Fifo),
    };
    let builder = builder(mock)
        .order(order)
        .max_attempts(program.max_attempts);
    let client: Client<E> = builder.build().unwrap();
    let all = client.interceptors.clone();
    let stage = stage.get_or_init(|| Stage::new(all, &program.spares, &program.replies));
    for hook in &program.hooks {
        stage.register(hook);
    }
    for number in 0..program.calls {
        let mut call = client.post("http://h/");
        if program.odd_call == Some(number) {
            call = call.order(other);
        }
        if program.one_shot {
            call = call.body(Body::from_reader(&b"once"[..]));
        }
        stage.tell(end(send(call)));
    }
    // The hooks hold the registries that hold them.
    client.interceptors.request.clear();
    client.interceptors.response.clear();
    stage.log.lock().unwrap().drain(..).collect()
}

fn end(result: Result<Response>) -> String {
    match result {
        Ok(it) => format!(
            "=> {} [{}] noted {} {}",
            it.status().as_u16(),
            it.text().unwrap(),
            it.extensions().get::<NotReplayed>().is_some(),
            it.attempts()
        ),
        Err(it) => format!(
            "=> {:?} by {:?} with {:?} notes {} {}",
            it.kind(),
            it.interceptor(),
            it.response()
                .map(|it| (it.status().as_u16(), it.text().unwrap())),
            it.notes().count(),
            it.attempts()
        ),
    }
}

proptest! {
    #![proptest_config(Config { cases: amount("TOLLGATE_PROGRAMS", 256), ..Config::default() })]

    #[test]
    fn every_program_does_what_the_model_says_on_both_engines(program in program()) {
        hush();
        let expected = model::run(&program);
        let builder = |mock| Client::<Async>::builder(mock);
        let found = play::<Async>(&program, builder, |call| block_on(call.send()));
        prop_assert_eq!(&found, &expected, "the async engine");
        let builder = |mock| Client::<Blocking>::builder(mock);
        let found = play::<Blocking>(&program, builder, |call| call.send());
        prop_assert_eq!(&found, &expected, "the blocking engine");
    }
}
