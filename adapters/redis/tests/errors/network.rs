//! Nobody is there, or somebody else.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tollgate::{
    ErrorKind,
    auth::TokenStore,
    runtime::{Runtime, ThreadRuntime, block_on},
};
use tollgate_redis_kit::{Mode, Proxy};

use crate::support::{ALL, SHORT, both, fails_over, failures, until_known};

#[test]
fn nobody_there_is_told_within_the_deadline() {
    // It has the port, and nobody listens there.
    let nobody = Proxy::start(1);
    nobody.set(Mode::Refuse);
    let url = format!("redis://:CANARY@127.0.0.1:{}/", nobody.port());
    let stores = both(&url, SHORT);
    for store in &stores {
        until_known(store, ErrorKind::Connect);
    }
    let began = ThreadRuntime.now();
    for store in stores {
        fails_over(
            &store,
            &ALL,
            ErrorKind::Connect,
            "nothing takes connections",
        );
    }
    let took = ThreadRuntime.now() - began;
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn silence_is_told_within_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("redis://:CANARY@127.0.0.1:{port}/");
    let began = ThreadRuntime.now();
    for store in both(&url, SHORT) {
        fails_over(&store, &ALL, ErrorKind::Timeout, "within 200");
    }
    let took = ThreadRuntime.now() - began;
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn somebody_else_at_the_address_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                drop(stream.read(&mut [0; 512]));
                drop(stream.write_all(b"HTTP/1.1 400 CANARY\r\n\r\n"));
            });
        }
    });
    let url = format!("redis://127.0.0.1:{port}/");
    let stores = both(&url, SHORT * 2);
    for store in &stores {
        until_known(store, ErrorKind::Transport);
    }
    for (name, error) in stores.iter().flat_map(failures) {
        let shown = format!("{error} {error:?} {}", error.to_json());
        assert_eq!(error.kind(), ErrorKind::Transport, "{name}: {shown}");
        assert!(!shown.contains("CANARY"), "{name}: {shown}");
    }
}

#[test]
fn many_that_fail_make_few_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            // Every second one is closed at once, the others at a command.
            if number % 2 == 0 {
                thread::spawn(move || {
                    drop(stream.read(&mut [0; 512]));
                    drop(stream.write_all(b"+OK\r\n+OK\r\n"));
                    drop(stream.read(&mut [0; 512]));
                });
            }
        }
    });
    let url = format!("redis://127.0.0.1:{port}/");
    for store in both(&url, SHORT) {
        made.store(0, Ordering::SeqCst);
        let began = ThreadRuntime.now();
        for _ in 0..5 {
            let all = (0..40).map(|_| store.load());
            let answers = block_on(futures::future::join_all(all));
            assert!(answers.iter().all(Result::is_err));
        }
        let (took, made) = (ThreadRuntime.now() - began, made.load(Ordering::SeqCst));
        // One in 25 ms, once there are pauses; and one for each listener.
        let most = took.as_millis() / 15 + 5;
        assert!((made as u128) < most, "{made} connections in {took:?}");
    }
}

#[cfg(not(any(feature = "tls", feature = "blocking-tls")))]
#[test]
fn an_address_with_tls_is_told_which_feature_it_needs() {
    for url in ["rediss://:CANARY@127.0.0.1/", "valkeys://127.0.0.1/"] {
        let error = tollgate_redis::RedisStore::open(url, "k").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Builder);
        assert!(error.hint().unwrap().contains("feature `tls`"));
        assert!(!format!("{error:?}").contains("CANARY"));
    }
}

/// `rustls` panics where nobody has said which cryptography it is to use.
#[cfg(any(feature = "tls", feature = "blocking-tls"))]
#[test]
fn a_server_without_tls_is_an_error_of_the_connection() {
    let Some(server) = tollgate_redis_kit::Server::start() else {
        return;
    };
    let url = server.url().replace("redis:", "rediss:");
    for store in both(&url, SHORT) {
        let error = block_on(store.load()).unwrap_err();
        let kinds = [ErrorKind::Tls, ErrorKind::Timeout, ErrorKind::Transport];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
}
