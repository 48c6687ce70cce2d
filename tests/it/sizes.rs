//! What the types promise before anything runs.

use std::mem::size_of;

use tollgate::{
    Adapter, AdapterError, BlockingAdapter, Body, CancelHandle, Client, Error, MockAdapter,
    Request, RequestHead, Response, Runtime, blocking,
};

#[test]
fn messages_are_one_word() {
    assert_eq!(size_of::<Request>(), size_of::<usize>());
    assert_eq!(size_of::<Response>(), size_of::<usize>());
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Error>>(), size_of::<usize>());
    assert_eq!(
        size_of::<tollgate::Result<Response>>(),
        2 * size_of::<usize>()
    );
}

#[test]
fn everything_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    fn cloned<T: Clone>() {}
    shared::<Request>();
    shared::<Response>();
    shared::<Error>();
    shared::<Body>();
    shared::<RequestHead>();
    shared::<AdapterError>();
    shared::<CancelHandle>();
    shared::<Client>();
    shared::<blocking::Client>();
    shared::<MockAdapter>();
    cloned::<Client>();
    cloned::<blocking::Client>();
    cloned::<CancelHandle>();
}

#[test]
fn a_call_in_flight_can_move_to_another_thread() {
    fn movable<T: Send + 'static>(_: T) {}
    let client = Client::new(MockAdapter::new());
    movable(client.get("http://h/").send());
    movable(client.get("http://h/"));
}

#[test]
fn the_ports_are_object_safe() {
    fn boxed(_: Box<dyn Adapter>, _: Box<dyn BlockingAdapter>, _: Box<dyn Runtime>) {}
    let mock = MockAdapter::new();
    let runtime = tollgate::runtime::ManualRuntime::new();
    boxed(Box::new(mock.clone()), Box::new(mock), Box::new(runtime));
}
