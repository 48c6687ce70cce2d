//! Counts are exact under load.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
};

use tollgate::auth::conformance::{Rotation, StrictAuthServer};

use crate::wire::{SOON, refresh, sign_in};

#[test]
fn of_many_refreshes_at_once_one_is_granted() {
    const MANY: u64 = 32;
    let server = StrictAuthServer::start().unwrap();
    let (_, token) = sign_in(&server);
    let granted: u64 = thread::scope(|scope| {
        let all: Vec<_> = (0..MANY)
            .map(|_| scope.spawn(|| refresh(&server, &token).status == 200))
            .collect();
        all.into_iter()
            .map(|it| u64::from(it.join().unwrap()))
            .sum()
    });
    let report = server.report();
    assert_eq!((granted, report.refreshes()), (1, 1));
    assert_eq!((report.reuses(), report.families_revoked()), (MANY - 1, 1));
    assert_eq!(report.max_presentations(), MANY);
}

#[test]
fn sockets_are_kept_alive_and_every_call_is_counted() {
    const SOCKETS: u64 = 64;
    const CALLS: u64 = 40;
    let server = StrictAuthServer::builder()
        .rotation(Rotation::None)
        .start()
        .unwrap();
    let (access, _) = sign_in(&server);
    server.expire_at(&[SOCKETS * CALLS / 2]);
    thread::scope(|scope| {
        for _ in 0..SOCKETS {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(server.address()).unwrap();
                stream.set_read_timeout(Some(SOON)).unwrap();
                let request =
                    format!("GET /api/x HTTP/1.1\r\nauthorization: Bearer {access}\r\n\r\n");
                for _ in 0..CALLS {
                    stream.write_all(request.as_bytes()).unwrap();
                    read_one(&mut stream);
                }
            });
        }
    });
    let report = server.report();
    assert_eq!(report.api_calls(), SOCKETS * CALLS);
    assert_eq!(report.accepted(), SOCKETS * CALLS / 2);
    assert_eq!(report.unauthorized(), SOCKETS * CALLS / 2);
    assert_eq!(server.api_calls().len() as u64, SOCKETS * CALLS);
}

/// Reads one answer, which ends with its JSON.
fn read_one(stream: &mut TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).unwrap();
        assert_ne!(length, 0);
        answer.extend(&buffer[..length]);
    }
}
