//! A client whose every secret is a canary, and the servers that it calls.

use http::HeaderValue;
use tollgate::{
    Error, Multipart, Part, Redirect, Request, Response,
    adapter::conformance::{Reply, Script, Server},
    client::{Call, Client},
};
use tollgate_parity::{Lane, Limits};

use crate::{
    canaries::{
        ANSWER, BEARER, BODY, COOKIE, FILE, HISTORY, LOCATION, MARKED, NAMED, PARAMETER, PART,
        PART_HEADER, QUERY, SET_COOKIE, got,
    },
    prints::Prints,
};

pub(crate) struct World<L: Lane> {
    pub(crate) lane: L,
    pub(crate) client: Client<L::Engine>,
    pub(crate) prints: Prints,
    pub(crate) server: Server,
    /// Another origin.
    pub(crate) other: Server,
}

/// An answer with a secret in each place.
fn answer(status: u16) -> Reply {
    Reply::new(status)
        .header("set-cookie", format!("session={SET_COOKIE}; HttpOnly"))
        .header("content-type", "application/json")
        .body(format!("{{\"secret\":\"{ANSWER}\",\"count\":3"))
}

fn script(other: &Server) -> Script {
    let away = other.url(&format!(
        "/landing?access_token={LOCATION}#state={LOCATION}"
    ));
    let hop = |location: String| {
        Reply::new(302)
            .header("set-cookie", format!("session={SET_COOKIE}"))
            .header("location", location)
    };
    Script::new()
        .on("/ok", answer(200))
        .on("/refused", answer(403))
        .on("/stall", Reply::stall())
        .on("/cut", answer(200).fin_at(answer(200).head_len() + 5))
        .on("/gzip", answer(200).header("content-encoding", "gzip"))
        .on("/away", hop(format!("/next?code={HISTORY}")))
        .on("/next", hop(away))
        .on(
            "/nowhere",
            hop(format!("ftp://guest:{LOCATION}@h/?t={LOCATION}")),
        )
}

impl<L: Lane> World<L> {
    pub(crate) fn new(prints: &Prints) -> Self {
        let other = Server::start(answer(200)).unwrap();
        let server = Server::start(script(&other)).unwrap();
        let lane = L::start(Limits::default()).unwrap();
        let builder = lane
            .builder()
            .base_url(server.origin())
            .sensitive_headers(["x-api-key"])
            .header("x-api-key", NAMED)
            .query(&[("api_key", PARAMETER)])
            .before_redirect({
                let prints = prints.clone();
                move |redirect: &mut Redirect<'_>| {
                    prints.debug("a redirect", redirect);
                    Ok(())
                }
            });
        prints.debug("a builder", &builder);
        let client = builder.build().unwrap();
        let world = Self {
            lane,
            client,
            prints: prints.clone(),
            server,
            other,
        };
        world.print_in_hooks();
        world
    }

    /// Hooks of both sides print what they are given.
    fn print_in_hooks(&self) {
        let all = &self.client.interceptors;
        let prints = self.prints.clone();
        all.request.use_sync(move |mut request: Request| {
            let mut key = HeaderValue::from_static(MARKED);
            key.set_sensitive(true);
            request.headers_mut().insert("x-session", key);
            prints.debug("a request", &request);
            Ok(request)
        });
        let (prints, of_errors) = (self.prints.clone(), self.prints.clone());
        all.response.use_both(
            async move |response: Response| {
                prints.response("a response in a hook", &response);
                Ok(response)
            },
            async move |error: Error| {
                of_errors.error("an error in a hook", &error);
                Err(error)
            },
        );
    }

    /// A call with a secret wherever a call has one.
    pub(crate) fn call(&self, path: &str) -> Call<L::Engine> {
        let call = self
            .client
            .get(format!("{path}?access_token={QUERY}#{QUERY}"))
            .header("cookie", format!("id={COOKIE}"))
            .bearer_auth(BEARER);
        self.prints.debug("a call", &call);
        call
    }

    /// The same with a body.
    pub(crate) fn upload(&self, path: &str) -> Call<L::Engine> {
        let call = self.client.post(path).json(&[BODY]).bearer_auth(BEARER);
        self.prints.debug("a call", &call);
        call
    }

    /// The same with a form with a file.
    pub(crate) fn form(&self, path: &str) -> Call<L::Engine> {
        let file = Part::bytes(FILE)
            .file_name("photo.png")
            .header("x-key", PART_HEADER);
        self.prints.debug("a part", &file);
        let form = Multipart::new().text("password", PART).part("file", file);
        self.prints.debug("a form", &form);
        let call = self.client.post(path).multipart(form);
        self.prints.debug("a call", &call);
        call
    }

    /// Asserts that the server has got each of these.
    #[track_caller]
    pub(crate) fn got(&self, secrets: &[&str]) {
        got(&self.server, secrets);
    }

    /// Prints what is left when all calls are over.
    pub(crate) fn finish(&self) {
        self.prints.client(&self.client);
        self.prints.debug("a server", &self.server);
    }
}
