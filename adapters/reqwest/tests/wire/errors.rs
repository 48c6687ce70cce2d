//! No answer: which error it is.

use std::{net::TcpListener, time::Duration};

use tokio::net::TcpSocket;
use tollgate::{Adapter, AdapterError, ErrorKind};
use tollgate_reqwest::ReqwestAdapter;

use crate::{
    chain, code, get, read, send,
    server::{Reply, Server, keep},
};

#[tokio::test]
async fn a_refused_connection_says_so() {
    // A port that is taken and where nobody listens, so that nobody else will.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/?key=secret", taken.local_addr().unwrap());
    let error = send(get(&url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{}", chain(&error));
    assert_eq!(error.to_string(), "the connection was refused");
    let debug = format!("{error:?}");
    assert!(!debug.contains("secret"), "{debug}");
    assert_eq!(code(error).as_str(), "ECONNREFUSED");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_says_so() {
    let error = send(get("http://tollgate.invalid/?key=secret"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns, "{}", chain(&error));
    assert!(!format!("{error:?}").contains("secret"));
    assert_eq!(code(error).as_str(), "ENOTFOUND");
}

#[tokio::test]
async fn a_connection_that_is_cut_before_the_head_is_a_transport_error() {
    for (said, expected) in [
        (&b""[..], "ERR_NETWORK"),
        (b"HTTP/1.1 200 OK\r\nx-half", "ERR_NETWORK"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "ERR_BAD_RESPONSE"),
    ] {
        let server = Server::always(Reply::Close(said.to_vec()));
        let error = send(get(&server.url("/"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{}", chain(&error));
        assert_eq!(code(error).as_str(), expected);
    }
}

#[tokio::test]
async fn a_reset_before_the_head_says_so() {
    let server = Server::always(Reply::Reset(Vec::new()));
    let request = http::Request::post(server.url("/"));
    let error = send(request.body("unread".into()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{}", chain(&error));
    assert_eq!(code(error).as_str(), "ECONNRESET");
}

async fn over_tls(reply: &[u8]) -> AdapterError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/?key=secret", listener.local_addr().unwrap());
    let reply = reply.to_vec();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        if let Ok((mut stream, _)) = listener.accept() {
            let mut hello = [0; 4096];
            drop(stream.read(&mut hello));
            drop(stream.write_all(&reply));
        }
    });
    send(get(&url)).await.unwrap_err()
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_failed_handshake_is_a_tls_error() {
    for reply in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let error = over_tls(reply).await;
        assert_eq!(error.kind(), ErrorKind::Tls, "{}", chain(&error));
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[cfg(not(feature = "rustls"))]
#[tokio::test]
async fn without_the_feature_https_is_unsupported() {
    let error = over_tls(b"").await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", chain(&error));
    let error = tollgate::Error::from(error);
    assert!(error.hint().unwrap().contains("`rustls`"));
}

#[tokio::test]
async fn a_limit_of_the_clients_is_a_timeout() {
    let limited = |millis| {
        let limit = Duration::from_millis(millis);
        ReqwestAdapter::builder()
            .configure(move |client| client.timeout(limit))
            .build()
            .unwrap()
    };
    let server = Server::always(Reply::Hold(Vec::new()));
    let error = Adapter::send(&limited(100), get(&server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", chain(&error));

    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec();
    let server = Server::always(Reply::Hold(head));
    let mut answer = None;
    for millis in [100, 400, 1600] {
        // On a busy machine the head itself may be late.
        let sent = Adapter::send(&limited(millis), get(&server.url("/"))).await;
        answer = Some(sent);
        if matches!(answer, Some(Ok(_))) {
            break;
        }
    }
    let body = answer.unwrap().unwrap().into_body();
    let error = read(body).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", chain(&error));
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_connection_that_takes_too_long_is_a_timeout() {
    // It is accepted by the system, but nobody shakes hands.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let adapter = ReqwestAdapter::builder()
        .connect_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let call = Adapter::send(&adapter, get(&url));
    let ended = tokio::time::timeout(Duration::from_secs(4), call).await;
    let error = ended.expect("it goes on connecting").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", chain(&error));
    assert_eq!(error.to_string(), "the connection was not made in time");
}

#[tokio::test]
async fn a_redirect_loop_of_the_clients_is_a_redirect_error() {
    let server = Server::always(keep(
        "HTTP/1.1 302 Found\r\nlocation: /again?key=secret\r\ncontent-length: 0\r\n\r\n",
    ));
    let adapter = ReqwestAdapter::builder()
        .configure(|client| client.redirect(reqwest::redirect::Policy::limited(2)))
        .build()
        .unwrap();
    let error = Adapter::send(&adapter, get(&server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect, "{}", chain(&error));
    assert!(!format!("{error:?}").contains("secret"));
}
