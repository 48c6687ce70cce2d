//! Bodies are not held in memory on their way to a service and back.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body as AxumBody, to_bytes},
    routing::{get, post},
};
use tollgate::{Body, ServiceAdapter, client::Client};

use crate::support::{Alive, Counted, Drive};

const PIECES: usize = 1000;

/// A client of a service that answers with so many pieces, how many it was
/// asked for, and how many answers are left.
fn pieces<E: Drive>() -> (Client<E>, Arc<AtomicUsize>, Alive) {
    let (asked, alive) = (Arc::new(AtomicUsize::new(0)), Alive::default());
    let router = Router::new().route("/", {
        let (asked, alive) = (Arc::clone(&asked), alive.clone());
        get(async move || AxumBody::new(counted(&asked, &alive)))
    });
    (E::client(ServiceAdapter::new(router)), asked, alive)
}

fn counted(asked: &Arc<AtomicUsize>, alive: &Alive) -> Counted {
    Counted {
        left: PIECES,
        asked: Arc::clone(asked),
        _guard: alive.guard(),
    }
}

fn a_streamed_answer_is_made_as_it_is_read<E: Drive>() {
    let (client, asked, alive) = pieces::<E>();
    let mut reader = E::send(client.get("/").stream())
        .unwrap()
        .into_body()
        .into_reader();
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    for count in 1..=3 {
        let mut piece = [0; 6];
        reader.read_exact(&mut piece).unwrap();
        assert_eq!(&piece, b"piece ");
        assert_eq!(asked.load(Ordering::SeqCst), count);
    }
    assert_eq!(alive.count(), 1);
    drop(reader);
    assert_eq!(alive.count(), 0, "the service's body is left");
}

fn an_answer_is_read_whole_by_default<E: Drive>() {
    let (client, asked, alive) = pieces::<E>();
    let response = E::send(client.get("/")).unwrap();
    assert_eq!(response.bytes().unwrap().len(), 6 * PIECES);
    assert_eq!(alive.count(), 0);

    let error = E::send(client.get("/").max_response_bytes(100)).unwrap_err();
    assert_eq!(error.kind(), tollgate::ErrorKind::ResponseTooLarge);
    assert_eq!(alive.count(), 0, "the service's body is left");
    assert_eq!(asked.load(Ordering::SeqCst), PIECES + 17);
}

fn an_upload_is_made_as_the_service_reads_it<E: Drive>() {
    let router = Router::new()
        .route("/ignore", post(async || "ignored"))
        .route(
            "/read",
            post(async |body: AxumBody| {
                let bytes = to_bytes(body, usize::MAX).await.unwrap();
                bytes.len().to_string()
            }),
        );
    let client = E::client(ServiceAdapter::new(router));
    for (path, answer, pieces) in [("/ignore", "ignored", 0), ("/read", "6000", PIECES)] {
        let (asked, alive) = (Arc::new(AtomicUsize::new(0)), Alive::default());
        let body = Body::stream(counted(&asked, &alive));
        let response = E::send(client.post(path).body(body)).unwrap();
        assert_eq!(response.text().unwrap(), answer);
        assert_eq!(asked.load(Ordering::SeqCst), pieces);
        assert_eq!(alive.count(), 0, "the upload is left");
    }
}

both!(
    a_streamed_answer_is_made_as_it_is_read,
    an_answer_is_read_whole_by_default,
    an_upload_is_made_as_the_service_reads_it,
);
