//! Forms: what is sent, that it can be sent again, and what is refused.

use std::{
    future::poll_fn,
    io::{self, Read},
    path::Path,
};

use http_body::Body as _;
use tollgate::{Body, ErrorKind, Multipart, Part, Recorded, Request, runtime::block_on};

use crate::{
    bad_input::refused,
    multipart_files::TempFile,
    support::{Do, Reply, Way, World, everywhere},
};

/// One of each kind.
pub(crate) fn mixed(file: &Path) -> Multipart {
    Multipart::new()
        .text("a", "1\n2")
        .bytes("b", vec![0, 255])
        .file("c", file)
        .part("d", Part::reader(|| Ok(&b"read"[..])).length(4))
        .part(
            "e",
            Part::body(Body::factory(|| "made".into()).with_length(4)),
        )
}

/// What `mixed` is on the wire.
fn expected(boundary: &str, file: &TempFile, content: &[u8]) -> Vec<u8> {
    let line = |name| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
    let mut out = format!("{}\r\n\r\n1\n2\r\n{}\r\n\r\n", line("a"), line("b")).into_bytes();
    out.extend([0, 255]);
    let kind = "Content-Type: application/octet-stream";
    let head = format!(
        "\r\n{}; filename=\"{}\"\r\n{kind}\r\n\r\n",
        line("c"),
        file.name()
    );
    out.extend(head.as_bytes());
    out.extend(content);
    let (d, e) = (line("d"), line("e"));
    out.extend(format!("\r\n{d}\r\n\r\nread\r\n{e}\r\n\r\nmade\r\n--{boundary}--\r\n").as_bytes());
    out
}

fn type_of(request: &Recorded) -> &str {
    let mut values = request.headers().get_all("content-type").iter();
    let value = values.next().unwrap().to_str().unwrap();
    assert!(values.next().is_none());
    value
}

fn text_of(request: &Recorded) -> &str {
    std::str::from_utf8(request.body()).unwrap()
}

pub(crate) fn read(body: Body) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    body.into_reader().read_to_end(&mut out)?;
    Ok(out)
}

#[test]
fn a_form_is_sent_to_the_byte_with_its_type() {
    fn law<W: Way>(world: &World<W>) {
        let file = TempFile::new("in a file");
        let form = mixed(&file.0);
        let boundary = form.boundary().to_owned();
        let call = world.client.post("/u").multipart(form);
        world.finish(call).unwrap();
        world.logged("T POST /u | => 200");
        let request = &world.mock.requests()[0];
        assert_eq!(
            request.body().as_ref(),
            expected(&boundary, &file, b"in a file")
        );
        assert_eq!(
            type_of(request),
            format!("multipart/form-data; boundary={boundary}")
        );
    }
    everywhere!(law);
}

#[test]
fn a_form_is_the_same_on_replay_and_on_redirect() {
    fn law<W: Way>(world: &World<W>) {
        let content = "0123456789".repeat(20_000);
        let file = TempFile::new(&content);
        world.script([Reply::Status(401), Reply::Redirect(307, "/v")]);
        world.response("again", Do::Pass, Do::Replay(2));
        let form = mixed(&file.0);
        let boundary = form.boundary().to_owned();
        let call = world.client.post("/u").multipart(form);
        world.finish(call).unwrap();
        world.logged("T POST /u | again.err | T POST /u | T POST /v | again.ok | => 200");
        let whole = expected(&boundary, &file, content.as_bytes());
        for request in world.mock.requests() {
            assert!(request.body().as_ref() == whole, "the body has changed");
            assert!(type_of(&request).ends_with(&boundary));
        }
    }
    everywhere!(law);
}

#[test]
fn a_form_knows_its_length_if_its_parts_do() {
    let file = TempFile::new("x".repeat(100_000));
    let body = mixed(&file.0).into_body().unwrap();
    assert!(body.is_replayable());
    let length = body.length().unwrap();
    assert_eq!(length, read(body).unwrap().len() as u64);

    let empty = Multipart::new();
    let end = format!("--{}--\r\n", empty.boundary());
    let body = empty.into_body().unwrap();
    assert_eq!(body.as_bytes().unwrap(), end.as_bytes());

    let open = mixed(&file.0).part("f", Part::reader(|| Ok(io::empty())));
    let body = open.into_body().unwrap();
    assert_eq!(body.length(), None);
    assert!(body.is_replayable());

    let once = mixed(&file.0).part("f", Part::body(Body::from_reader(&b"once"[..])).length(4));
    let body = once.into_body().unwrap();
    assert!(!body.is_replayable());
    let length = body.length().unwrap();
    assert_eq!(length, read(body).unwrap().len() as u64);
}

#[test]
fn large_bytes_are_shared_and_not_copied() {
    let large = bytes::Bytes::from(vec![7; 1 << 20]);
    let form = Multipart::new().bytes("a", large.clone()).text("b", "c");
    let mut body = std::pin::pin!(form.into_body().unwrap());
    let mut found = false;
    while let Some(frame) = block_on(poll_fn(|context| body.as_mut().poll_frame(context))) {
        found |= frame.unwrap().data_ref().unwrap().as_ptr() == large.as_ptr();
    }
    assert!(found);
}

#[test]
fn the_type_of_the_caller_is_kept_completed_or_refused() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| builder.header("content-type", "application/json"));
        let post = |content_type: Option<&str>| {
            let form = Multipart::new().text("a", "b");
            let boundary = form.boundary().to_owned();
            let mut call = world.client.post("/u");
            if let Some(content_type) = content_type {
                call = call.header("content-type", content_type);
            }
            let result = W::send(call.multipart(form));
            (result, boundary)
        };
        let (result, _) = post(Some("multipart/form-data; boundary=mine"));
        let parts = &["`content-type` names another boundary", "leave"];
        refused(
            &world,
            &result.unwrap_err(),
            ErrorKind::InvalidRequest,
            parts,
        );

        for (given, expected) in [
            (None, "multipart/form-data; boundary="),
            (
                Some("Multipart/Form-Data"),
                "Multipart/Form-Data; boundary=",
            ),
            (Some("multipart/mixed"), "multipart/mixed; boundary="),
        ] {
            let (result, boundary) = post(given);
            result.unwrap();
            let requests = world.mock.requests();
            let sent = type_of(requests.last().unwrap());
            assert_eq!(sent, format!("{expected}{boundary}"));
        }
        let (result, _) = post(Some("application/x-own"));
        result.unwrap();
        assert_eq!(type_of(&world.mock.requests()[3]), "application/x-own");
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn a_form_that_is_replaced_takes_its_type_along() {
    fn law<W: Way>(world: &World<W>) {
        let form = || Multipart::new().text("a", "b");
        W::send(world.client.post("/u").multipart(form()).body("text")).unwrap();
        let replaced = world
            .client
            .interceptors
            .request
            .use_sync(|mut request: Request| {
                request.set_body("text");
                Ok(request)
            });
        W::send(world.client.post("/u").multipart(form())).unwrap();
        world.client.interceptors.request.eject(replaced);
        for request in world.mock.requests() {
            assert_eq!(text_of(&request), "text");
            assert!(!request.headers().contains_key("content-type"));
        }

        world
            .client
            .interceptors
            .request
            .use_sync(|mut request: Request| {
                request.set_body(Multipart::new().text("c", "d").into_body()?);
                Ok(request)
            });
        W::send(world.client.post("/u").json(&[1])).unwrap();
        W::send(world.client.post("/u").multipart(form())).unwrap();
        for request in &world.mock.requests()[2..] {
            let (_, boundary) = type_of(request).split_once("boundary=").unwrap();
            assert!(text_of(request).ends_with(&format!("\r\nd\r\n--{boundary}--\r\n")));
        }
        W::send(world.client.post("/u").body(form().into_body().unwrap())).unwrap();
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn names_and_headers_cannot_forge_lines() {
    fn law<W: Way>(world: &World<W>) {
        let evil = "x\"\r\nX-Evil: 1\r\n\r\n";
        let form = Multipart::new().part(evil, Part::text("v").file_name(evil));
        W::send(world.client.post("/u").multipart(form)).unwrap();
        let request = &world.mock.requests()[0];
        let escaped = "x%22%0D%0AX-Evil: 1%0D%0A%0D%0A";
        let line = format!("form-data; name=\"{escaped}\"; filename=\"{escaped}\"\r\nContent-Type");
        assert!(text_of(request).contains(&line), "{}", text_of(request));
        world.log.take();
    }
    everywhere!(law);

    fn refuses<W: Way>(world: &World<W>) {
        let part = || Part::text("v");
        for (part, named) in [
            (part().content_type("a/b\r\nX-Evil: 1"), "`content-type`"),
            (part().content_type("a/b\0"), "`content-type`"),
            (part().header("x-a", "\n").header("x-b", "ok"), "`x-a`"),
            (part().header("x a", "1"), "the name of a part's header"),
            (
                part().header("Content-Disposition", "form-data"),
                "`content-disposition`",
            ),
        ] {
            let call = world
                .client
                .post("/u")
                .multipart(Multipart::new().part("a", part));
            let error = W::send(call).unwrap_err();
            refused(world, &error, ErrorKind::InvalidRequest, &[named]);
            assert!(error.hint().is_some());
            assert!(!error.to_string().contains("Evil"));
        }
        world.still_works();
    }
    everywhere!(refuses);
}

#[test]
fn a_one_shot_part_makes_the_form_one_shot() {
    fn law<W: Way>(world: &World<W>) {
        world.script([Reply::Status(503), Reply::Redirect(307, "/v")]);
        world.response("again", Do::Pass, Do::Replay(2));
        let post = || {
            let part = Part::body(Body::from_reader(&b"once"[..]));
            let form = Multipart::new().text("a", "b").part("c", part);
            world.finish(world.client.post("/u").multipart(form))
        };
        let error = post().unwrap_err();
        assert!(error.is_status(503));
        assert!(error.notes().any(|note| note.contains("not replayed")));
        assert_eq!(post().unwrap_err().kind(), ErrorKind::Redirect);
        world.log.take();
    }
    everywhere!(law);
}

#[test]
fn debug_shows_names_and_no_values() {
    let form = Multipart::new()
        .text("password", "s3cr3t")
        .file("c", "/tmp/x.bin");
    assert_eq!(
        format!("{form:?}"),
        "{\"password\": Part { content: Body(bytes, 6 bytes), file_name: None, .. }, \
         \"c\": Part { content: \"/tmp/x.bin\", file_name: Some(\"x.bin\"), .. }}"
    );
    let body = Multipart::new()
        .text("password", "s3cr3t")
        .into_body()
        .unwrap();
    assert!(format!("{body:?}").starts_with("Body(form, "), "{body:?}");
}
