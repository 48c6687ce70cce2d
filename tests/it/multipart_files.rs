//! Forms of files and readers: they are opened for each attempt, and held to
//! their lengths.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tollgate::{
    AdapterError, Body, Error, ErrorKind, Multipart, Part, Response, Result, runtime::block_on,
};

use crate::{
    bad_input::refused,
    multipart::{mixed, read},
    support::{Do, Reply, Way, World, everywhere},
};

/// A file of the test's own, gone when it is dropped.
pub(crate) struct TempFile(pub(crate) PathBuf);

impl TempFile {
    pub(crate) fn new(content: impl AsRef<[u8]>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tollgate-form-{}-{count}.txt", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(crate) fn name(&self) -> &str {
        self.0.file_name().unwrap().to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // It may be gone already.
        drop(fs::remove_file(&self.0));
    }
}

/// Takes the whole body, as an adapter with a socket does.
struct Wire;

#[async_trait::async_trait]
impl tollgate::Adapter for Wire {
    async fn send(
        &self,
        request: http::Request<Body>,
    ) -> Result<http::Response<Body>, AdapterError> {
        tollgate::BlockingAdapter::send(self, request)
    }
}

impl tollgate::BlockingAdapter for Wire {
    fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, AdapterError> {
        match read(request.into_body()) {
            Ok(bytes) => Ok(http::Response::new(bytes.into())),
            Err(error) => {
                let text = "the body could not be sent";
                Err(AdapterError::new(ErrorKind::Transport, text).with_source(error))
            }
        }
    }
}

/// Sends the same form in both engines over [`Wire`].
fn on_a_wire(form: impl Fn() -> Multipart) -> [Result<Response>; 2] {
    let client = tollgate::Client::new(Wire);
    let call = client.post("http://h/").multipart(form());
    let first = block_on(call.send());
    let client = tollgate::blocking::Client::new(Wire);
    [first, client.post("http://h/").multipart(form()).send()]
}
#[test]
fn a_file_that_cannot_be_sent_is_refused_before_anything_is() {
    fn law<W: Way>(world: &World<W>) {
        let file = TempFile::new("12345");
        let gone = file.0.with_extension("gone");
        let form = Multipart::new().text("a", "b").file("c", &gone);
        let error = W::send(world.client.post("/u").multipart(form)).unwrap_err();
        let path = gone.to_str().unwrap();
        refused(
            world,
            &error,
            ErrorKind::InvalidRequest,
            &[path, "cannot be read"],
        );
        let source = std::error::Error::source(&error).unwrap();
        let source: &io::Error = source.downcast_ref().unwrap();
        assert_eq!(source.kind(), io::ErrorKind::NotFound);

        let form = Multipart::new().file("c", std::env::temp_dir());
        let error = W::send(world.client.post("/u").multipart(form)).unwrap_err();
        let parts = &["is not a regular file", "Part::reader"];
        refused(world, &error, ErrorKind::InvalidRequest, parts);

        let call = world
            .client
            .post("/u")
            .multipart(Multipart::new().file("c", &file.0));
        fs::write(&file.0, "123456").unwrap();
        let error = W::send(call).unwrap_err();
        let parts = &[file.name(), "has 6 bytes, and had 5", "send a copy"];
        refused(world, &error, ErrorKind::InvalidRequest, parts);

        let call = world
            .client
            .post("/u")
            .multipart(Multipart::new().file("c", &file.0));
        fs::remove_file(&file.0).unwrap();
        let error = W::send(call).unwrap_err();
        refused(
            world,
            &error,
            ErrorKind::InvalidRequest,
            &[file.name(), "cannot be read"],
        );
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_file_that_changes_between_attempts_stops_the_second() {
    fn law<W: Way>(world: &World<W>) {
        let file = Arc::new(TempFile::new("12345"));
        world.script([Reply::Status(503)]);
        let changed = Arc::clone(&file);
        world.client.interceptors.response.use_both(
            |response: Response| async { Ok(response) },
            move |error: Error| {
                if error.is_status(503) {
                    fs::write(&changed.0, "1234").unwrap();
                }
                async { Err(error) }
            },
        );
        world.response("again", Do::Pass, Do::Replay(2));
        let call = world
            .client
            .post("/u")
            .multipart(Multipart::new().file("c", &file.0));
        let error = world.finish(call).unwrap_err();
        world.logged("T POST /u | again.err | again.err | => InvalidRequest");
        assert!(
            error.to_string().contains("has 4 bytes, and had 5"),
            "{error}"
        );
    }
    everywhere!(law);
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_an_error() {
    for (length, expected) in [
        (100_001, "is longer than the declared 100000 bytes"),
        (99_999, "ended after 99999 of 100000 bytes"),
    ] {
        let file = TempFile::new("x".repeat(100_000));
        let body = Multipart::new().file("c", &file.0).into_body().unwrap();
        let declared = body.length().unwrap();
        let mut reader = body.into_reader();
        // The head, and the start of the file.
        let mut start = [0; 1000];
        reader.read_exact(&mut start).unwrap();
        let open = fs::OpenOptions::new().write(true).open(&file.0).unwrap();
        open.set_len(length).unwrap();
        let mut rest = Vec::new();
        let error = reader.read_to_end(&mut rest).unwrap_err();
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        let text = error.to_string();
        assert!(
            text.contains(expected) && text.contains(file.name()),
            "{text}"
        );
        assert!(start.len() as u64 + (rest.len() as u64) < declared);
    }
}

#[test]
fn a_part_that_fails_names_itself_and_keeps_its_cause() {
    type MakePart = fn() -> Part;

    let form = |part: MakePart| move || Multipart::new().part("up\n", part());
    let cases: [(MakePart, &str); 4] = [
        (
            || Part::reader(|| Err::<io::Empty, _>(io::Error::other("no disk"))),
            "the part `up\\n` cannot be read",
        ),
        (
            || Part::reader(|| Ok(&b"12345"[..])).length(6),
            "the part `up\\n` ended after 5 of 6 bytes",
        ),
        (
            || Part::reader(|| Ok(&b"12345"[..])).length(4),
            "the part `up\\n` is longer than the declared 4 bytes",
        ),
        (
            || Part::body(Body::factory(|| "12345".into()).with_length(4)),
            "is longer than the declared 4 bytes",
        ),
    ];
    for (part, expected) in cases {
        for result in on_a_wire(form(part)) {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
            assert!(error.to_string().contains(expected), "{error}");
            if expected.ends_with("cannot be read") {
                let source = std::error::Error::source(&error).unwrap();
                assert_eq!(source.to_string(), "no disk");
            }
        }
    }
    for result in on_a_wire(|| Multipart::new().part("a", Part::reader(|| Ok(&b"12345"[..])))) {
        assert!(
            result
                .unwrap()
                .text()
                .unwrap()
                .contains("\r\n\r\n12345\r\n--")
        );
    }
}

#[test]
fn the_limit_of_the_request_counts_the_whole_form() {
    fn law<W: Way>(world: &World<W>) {
        let file = TempFile::new("12345");
        let body = mixed(&file.0).into_body().unwrap();
        let length = body.length().unwrap();
        let call = world.client.post("/u").multipart(mixed(&file.0));
        let error = W::send(call.max_request_bytes(length - 1)).unwrap_err();
        let has = format!("has {length} bytes");
        refused(world, &error, ErrorKind::RequestTooLarge, &[&has]);
        let call = world.client.post("/u").multipart(mixed(&file.0));
        W::send(call.max_request_bytes(length)).unwrap();
        world.log.take();
    }
    everywhere!(law);

    let client = tollgate::blocking::Client::new(Wire);
    let form = Multipart::new().part("a", Part::reader(|| Ok(io::repeat(0))));
    let call = client.post("http://h/").multipart(form);
    let error = call.max_request_bytes(100_000).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTooLarge);
}

#[test]
fn lengths_beyond_64_bits_are_refused() {
    let part = || Part::reader(|| Ok(io::empty())).length(u64::MAX / 2 + 1);
    let form = Multipart::new().part("a", part()).part("b", part());
    let error = form.into_body().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("18446744073709551615"),
        "{error}"
    );
}

#[test]
fn a_body_that_breaks_its_length_is_an_error_on_any_adapter() {
    let once = || Body::from_reader(&b"12345"[..]);
    let client = tollgate::blocking::Client::new(Wire);
    for declared in [4, 6] {
        for body in [once(), Body::factory(once)] {
            let call = client.post("http://h/").body(body.with_length(declared));
            let error = call.send().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
            assert!(
                error.to_string().contains(&format!("{declared} bytes")),
                "{error}"
            );
        }
    }
    let call = client.post("http://h/").body(once().with_length(5));
    assert_eq!(call.send().unwrap().text().unwrap(), "12345");
}
