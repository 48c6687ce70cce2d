//! Bodies that a blocking call reads while it sends them.

use std::{
    io::{self, Read},
    sync::mpsc,
    thread,
    time::Duration,
};

use tollgate::{Body, Error, ErrorKind};

use crate::{
    blocking::{SOON, client, ended, now},
    server::{Reply, Server, ok, pause},
};

/// Says which thread reads it.
struct Reader {
    left: usize,
    threads: mpsc::Sender<thread::ThreadId>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.threads.send(thread::current().id()).unwrap();
        let length = self.left.min(buffer.len());
        buffer[..length].fill(b'x');
        self.left -= length;
        Ok(length)
    }
}

#[test]
fn a_reader_is_read_on_the_calling_thread() {
    let server = Server::always(ok("done"));
    let (threads, seen) = mpsc::channel();
    let body = Body::from_reader(Reader {
        left: 100_000,
        threads,
    });
    let response = client().post(server.url("/")).body(body).send().unwrap();
    assert_eq!(response.text().unwrap(), "done");
    let raw = server.only().body;
    assert_eq!(raw.iter().filter(|byte| **byte == b'x').count(), 100_000);
    let here = thread::current().id();
    let mut reads = 0;
    assert!(seen.try_iter().inspect(|_| reads += 1).all(|id| id == here));
    assert!(reads > 1);
}

#[test]
fn a_reader_that_blocks_holds_up_nobody_else() {
    struct Blocked(mpsc::Receiver<()>);
    impl Read for Blocked {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0.recv().unwrap();
            Ok(0)
        }
    }
    let server = Server::always(ok("done"));
    let client = client();
    let (release, blocked) = mpsc::channel();
    let call = client
        .post(server.url("/slow"))
        .body(Body::from_reader(Blocked(blocked)));
    let slow = thread::spawn(move || call.send().unwrap().status());
    pause(Duration::from_millis(100));
    let quick = client.get(server.url("/quick")).timeout(SOON).send();
    assert_eq!(quick.unwrap().text().unwrap(), "done");
    release.send(()).unwrap();
    assert_eq!(slow.join().unwrap(), 200);
}

#[test]
fn an_upload_that_fails_keeps_the_kind_of_its_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Error::new(ErrorKind::Auth, "no token")))
        }
    }
    let server = Server::always(ok("done"));
    let call = client().post(server.url("/"));
    let error = ended(call.body(Body::from_reader(Failing)));
    assert_eq!(error.kind(), ErrorKind::Auth);
}

#[test]
fn an_upload_goes_on_while_the_answer_is_read() {
    // The server writes the rest of its answer when it has read the upload.
    let server = Server::start(|_| {
        Reply::Early(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n".to_vec(),
            b"4\r\nlate\r\n0\r\n\r\n".to_vec(),
        )
    });
    let (threads, _seen) = mpsc::channel();
    let body = Body::from_reader(Reader {
        left: 5 << 20,
        threads,
    });
    let response = client().post(server.url("/")).body(body).send().unwrap();
    assert_eq!(response.text().unwrap(), "earlylate");
    let raw = server.only().body;
    assert_eq!(raw.iter().filter(|byte| **byte == b'x').count(), 5 << 20);
}

#[test]
fn an_upload_that_is_given_up_does_not_look_complete() {
    let server = Server::start(|_| {
        Reply::Early(
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly".to_vec(),
            Vec::new(),
        )
    });
    let (threads, _seen) = mpsc::channel();
    let body = Body::from_reader(Reader {
        left: usize::MAX,
        threads,
    });
    let response = client().post(server.url("/")).body(body).send().unwrap();
    assert_eq!(response.text().unwrap(), "early");
    let started = now();
    while server.seen().is_empty() {
        assert!(now() - started < SOON, "the upload goes on");
        pause(Duration::from_millis(5));
    }
    assert!(
        !server.only().body.ends_with(b"\r\n0\r\n\r\n"),
        "it looks complete"
    );
}
