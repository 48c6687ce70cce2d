//! Law 7: a request hook may answer the call itself.

use tollgate::{ErrorKind, Request, RequestFlow, Result};

use crate::support::{Do, Way, World, answer, everywhere};

#[test]
fn an_early_answer_skips_the_adapter_and_later_request_hooks() {
    fn law<W: Way>(world: &World<W>) {
        world.request("A", Do::Pass, Do::Pass);
        world.request("cache", Do::Answer(200), Do::Pass);
        world.request("C", Do::Pass, Do::Pass);
        world.response("S1", Do::Pass, Do::Pass);
        world.response("S2", Do::Pass, Do::Pass);
        let response = world.get("/u").unwrap();
        world.logged("C.ok | cache.ok | S1.ok | S2.ok | => 200");
        assert_eq!(response.text().unwrap(), "answer 200");
        assert_eq!(response.attempts(), 1);
        assert!(response.request().is_none(), "nothing was sent");
        assert_eq!(world.mock.count(), 0);
    }
    everywhere!(law);
}

#[test]
fn an_early_answer_obeys_the_status_policy() {
    fn law<W: Way>(world: &World<W>) {
        world.request("cache", Do::Answer(404), Do::Pass);
        world.response("S", Do::Pass, Do::Pass);
        let error = world.get("/u").unwrap_err();
        world.logged("cache.ok | S.err | => Status");
        assert!(error.is_status(404));
        assert_eq!(error.into_response().unwrap().text().unwrap(), "answer 404");
        world
            .finish(world.client.get("/u").accept_any_status())
            .unwrap();
        world.logged("cache.ok | S.ok | => 404");
    }
    everywhere!(law);
}

#[test]
fn an_early_answer_can_be_replayed() {
    fn law<W: Way>(world: &World<W>) {
        let log = world.log.clone();
        let flow = async move |request: Request| -> Result<RequestFlow> {
            log.add(format!("flow {}", request.attempt()));
            Ok(match request.attempt() {
                1 => answer(503).into(),
                _ => request.into(),
            })
        };
        world.client.interceptors.request.use_flow(flow);
        world.response("again", Do::Pass, Do::Replay(2));
        world.get("/u").unwrap();
        world.logged("flow 1 | again.err | flow 2 | T GET /u | again.ok | => 200");
    }
    everywhere!(law);
}

#[test]
fn the_body_of_an_early_answer_is_read_like_any_other() {
    fn law<W: Way>(world: &World<W>) {
        world
            .client
            .interceptors
            .request
            .use_flow(async |_: Request| {
                let body = crate::support::chunks([Ok("ab"), Ok("cd")]);
                Ok(tollgate::Response::new(http::StatusCode::OK, body).into())
            });
        let response = world.get("/u").unwrap();
        assert_eq!(response.text().unwrap(), "abcd", "as from the adapter");
        world.client.interceptors.request.clear();
        world
            .client
            .interceptors
            .request
            .use_flow(async |_: Request| {
                let body = crate::support::chunks([Ok("ab"), Ok("cdefg")]);
                Ok(tollgate::Response::new(http::StatusCode::OK, body).into())
            });
        let error = world
            .finish(world.client.get("/u").max_response_bytes(4))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
    }
    everywhere!(law);
}
