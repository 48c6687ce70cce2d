//! No secret in anything that prints, for every public type that holds one.

use std::{
    error::Error as _,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use tollgate::{Body, Client, Error, Multipart, Part, Recorded, Request, Response};

use crate::support::{Do, Reply, Way, World, everywhere};

/// Every secret of these tests contains this.
const CANARY: &str = "CANARY";

/// Where prints are gathered, so that one look covers them all.
#[derive(Clone, Default)]
struct Prints(Arc<Mutex<Vec<(String, String)>>>);

impl Prints {
    fn debug(&self, what: &str, value: &impl Debug) {
        self.add(what, format!("{value:?}"));
        self.add(what, format!("{value:#?}"));
    }

    fn error(&self, what: &str, error: &Error) {
        self.debug(what, error);
        self.add(what, error.to_string());
        self.add(what, error.to_json());
        let mut next = error.source();
        while let Some(cause) = next {
            self.add(what, cause.to_string());
            self.add(what, format!("{cause:?}"));
            next = cause.source();
        }
        self.debug("a head", &error.request());
        self.debug("a response", &error.response());
    }

    fn add(&self, what: &str, text: String) {
        self.0.lock().unwrap().push((what.to_owned(), text));
    }

    #[track_caller]
    fn show_no_secret(&self, at_least: usize) {
        let prints = self.0.lock().unwrap();
        assert!(
            prints.len() >= at_least,
            "{} prints were made",
            prints.len()
        );
        for (what, text) in prints.iter() {
            assert!(!text.contains(CANARY), "{what} shows a secret: {text}");
        }
    }
}

fn answer(status: u16) -> http::Response<Body> {
    let mut response = http::Response::new(Body::from("CANARY-body"));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    let headers = response.headers_mut();
    headers.insert("set-cookie", "s=CANARY-set".parse().unwrap());
    headers.insert("location", "/next?code=CANARY-code".parse().unwrap());
    response
}

/// A client and calls whose every secret is a canary.
fn gather<W: Way>(world: &World<W>) -> Prints {
    let prints = Prints::default();
    let world = world.with(|builder| {
        let builder = builder
            .base_url("http://h/api?key=CANARY-base")
            .header("authorization", "Bearer CANARY-default")
            .header("cookie", "id=CANARY-cookie");
        prints.debug("a builder", &builder);
        builder
    });
    let all = &world.client.interceptors;
    let shown = prints.clone();
    all.request.use_sync(move |mut request: Request| {
        let mut key = http::HeaderValue::from_static("CANARY-sensitive");
        key.set_sensitive(true);
        request.headers_mut().insert("x-api-key", key);
        shown.debug("a request", &request);
        Ok(request)
    });
    let shown = prints.clone();
    all.response.use_sync(move |response: Response| {
        shown.debug("a response", &response);
        shown.debug(
            "a flow",
            &tollgate::ResponseFlow::from(response.try_clone().unwrap()),
        );
        Ok(response)
    });
    for status in [200, 401] {
        world
            .mock
            .push(tollgate::MockReply::response(answer(status)));
        let call = world
            .client
            .post("?token=CANARY-target#CANARY-fragment")
            .query(&[("access_token", "CANARY-query"), ("plain", "CANARY-plain")])
            .header("proxy-authorization", "Basic CANARY-proxy")
            .json(&["CANARY-json"])
            .basic_auth("CANARY-user", "CANARY-password");
        prints.debug("a call", &call);
        match world.finish(call) {
            Ok(response) => prints.debug("a response", &response),
            Err(error) => prints.error("a refused status", &error),
        }
    }
    prints.debug("a client", &world.client);
    prints.debug("a config", &world.client.config());
    for sent in world.mock.requests() {
        let sent: Recorded = sent;
        assert!(sent.uri().to_string().contains(CANARY), "they were sent");
        prints.debug("a record", &sent);
    }
    prints.debug("a mock", &world.mock);
    prints
}

#[test]
fn no_type_prints_a_secret_of_a_request_or_a_response() {
    fn law<W: Way>(world: &World<W>) {
        gather(world).show_no_secret(30);
    }
    everywhere!(law);
}

#[test]
fn errors_print_no_secret_whatever_has_failed() {
    fn law<W: Way>(world: &World<W>) {
        let prints = Prints::default();
        let bare = world.with(tollgate::client::ClientBuilder::without_base_url);
        for target in [
            "http://CANARY-user:CANARY-password@h/x?token=CANARY-q",
            "http://h/x?token=CANARY-q#CANARY-f",
            "//CANARY-user:CANARY-password@other/x",
            "user:CANARY-password@h/x",
            "user@h?CANARY",
            "http:CANARY-password@h",
            "http://u:CANARY-pass/word@h/",
            "http://u:CANARY-pass?word@h/",
            "http://u:CANARY-pass#word@h/",
            "http://u:CANARY-password@h:99999/",
            "http://u:CANARY-password@h/\u{1}",
            "http://u:CANARY-password@[::1/",
            "ftp://u:CANARY-password@h/",
            "http://u:CANARY-password@/",
        ] {
            for client in [&world.client, &bare.client] {
                for status in [200, 500] {
                    world.script([Reply::Status(status)]);
                    if let Err(error) = W::send(client.get(target)) {
                        prints.error(target, &error);
                    }
                }
            }
            match W::builder(world.mock.clone()).base_url(target).build() {
                Ok(client) => prints.debug("a client", &client),
                Err(error) => prints.error("a base address", &error),
            }
        }
        for call in [
            world.client.get("/").header("x-key", "CANARY\n"),
            world.client.get("/").header("CANARY\n", "x"),
            world.client.get("/").bearer_auth("CANARY\n"),
            world.client.get("/").bearer_auth("CANARY"),
            world.client.get("/").query("CANARY"),
            world
                .client
                .get("/")
                .json(&std::collections::HashMap::from([((1, "CANARY"), 1)])),
        ] {
            prints.debug("a call", &call);
            world.still_works();
            world.script([Reply::Status(500)]);
            prints.error("a bad option", &W::send(call).unwrap_err());
        }
        prints.show_no_secret(100);
    }
    everywhere!(law);
}

#[test]
fn redirects_and_interceptors_print_no_secret() {
    fn law<W: Way>(world: &World<W>) {
        let prints = Prints::default();
        for location in [
            "https://u:CANARY@h:99999/",
            "ftp://CANARY@h/",
            "u:CANARY@x",
            "http://u:CANARY-pass/word@h/",
            "http://u:CANARY@h/?CANARY",
        ] {
            world.script([Reply::Redirect(302, location), Reply::Status(500)]);
            prints.error(location, &world.get("/u").unwrap_err());
            world.still_works();
        }
        world.request("Q", Do::Pass, Do::Pass);
        world.client.interceptors.request.use_sync(|mut request| {
            *request.uri_mut() = "http://u:CANARY@h/x?y=CANARY".parse()?;
            Ok(request)
        });
        world.script([Reply::Status(500)]);
        prints.error("a changed address", &world.get("/u").unwrap_err());
        let inner = Client::new(tollgate::MockAdapter::new().reply(401, ""));
        world
            .client
            .interceptors
            .request
            .use_(async move |request: Request| {
                inner
                    .get("http://u:CANARY@other/?t=CANARY")
                    .bearer_auth("CANARY")
                    .await?;
                Ok(request)
            });
        prints.error("a sub-request", &world.get("/u").unwrap_err());
        prints.show_no_secret(50);
    }
    everywhere!(law);
}

#[test]
fn forms_print_no_value() {
    fn law<W: Way>(world: &World<W>) {
        let prints = Prints::default();
        let parts = || {
            let bytes = Part::bytes("CANARY-bytes").file_name("a.bin");
            let stream = Part::reader(|| Ok(std::io::Cursor::new(b"CANARY-stream")));
            [
                Part::text("CANARY-text"),
                bytes.header("x-secret", "CANARY-header"),
                stream.content_type("text/plain"),
            ]
        };
        let mut form = Multipart::new().text("plain", "CANARY-plain");
        for (index, part) in parts().into_iter().enumerate() {
            prints.debug("a part", &part);
            form = form.part(format!("part-{index}"), part);
        }
        prints.debug("a form", &form);
        let call = world.client.post("/").multipart(form);
        prints.debug("a call", &call);
        world.script([Reply::Status(500)]);
        prints.error("a refused form", &W::send(call).unwrap_err());
        for sent in world.mock.requests() {
            let body = String::from_utf8_lossy(sent.body()).into_owned();
            assert!(body.contains("CANARY-bytes"), "it was sent");
            prints.debug("a record", &sent);
        }
        for bad in [
            Part::text("CANARY-text").header("x-secret", "CANARY\n"),
            Part::text("CANARY-text").header("CANARY\n", "x"),
            Part::text("CANARY-text").content_type("CANARY\n"),
        ] {
            prints.debug("a bad part", &bad);
            let call = world
                .client
                .post("/")
                .multipart(Multipart::new().part("a", bad));
            prints.debug("a bad call", &call);
            prints.error("a bad form", &W::send(call).unwrap_err());
        }
        prints.show_no_secret(20);
    }
    everywhere!(law);
}

#[test]
fn names_stay_readable() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(500)]);
        let call = world
            .client
            .get("/users/7")
            .query(&[("page", "2")])
            .bearer_auth("secret");
        let error = world.finish(call).unwrap_err();
        let text = format!("{:?}", error.request().unwrap());
        for part in [
            "http://h/users/7?page=[REDACTED]",
            "authorization",
            "[REDACTED]",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
    everywhere!(law);
}
