//! Nobody who keeps a message keeps the client.

use std::sync::{Arc, Mutex};

use tollgate::{Client, MockAdapter, Response};

#[test]
fn an_interceptor_that_keeps_responses_does_not_keep_its_client() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let alive = Arc::new(());
    let client = Client::new(MockAdapter::new());
    let (shelf, guard) = (Arc::clone(&kept), Arc::clone(&alive));
    client
        .interceptors
        .response
        .use_sync(move |response: Response| {
            let _ = &guard;
            shelf.lock().unwrap().extend(response.try_clone());
            Ok(response)
        });
    let answer = tollgate::runtime::block_on(client.get("http://h/").send()).unwrap();
    assert!(answer.client().is_some());
    drop(client);
    assert_eq!(Arc::strong_count(&alive), 1, "the interceptor is gone");
    assert!(answer.client().is_none());
    assert_eq!(kept.lock().unwrap().len(), 1);
}
