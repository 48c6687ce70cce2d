//! Every way in which a call ends.

use std::{collections::HashMap, time::Duration};

use tollgate_parity::{Lane, Limits, Nobody};

use crate::{
    canaries::{
        ANSWER, BASIC, BASIC_ENCODED, BEARER, BODY, COOKIE, FILE, HISTORY, LOCATION, MARKED, NAMED,
        PARAMETER, PART, PART_HEADER, QUERY, SET_COOKIE, USER_INFO, USER_INFO_ENCODED,
    },
    prints::Prints,
    scene::everywhere,
    world::World,
};

fn answers<L: Lane>(prints: &Prints) {
    let world = World::<L>::new(prints);
    let calls = [
        ("a success", world.call("/ok")),
        ("a refused status", world.call("/refused")),
        ("an upload", world.upload("/ok")),
        ("a refused upload", world.upload("/refused")),
        ("a form", world.form("/ok")),
        ("a refused form", world.form("/refused")),
    ];
    for (what, call) in calls {
        let end = prints.end(what, world.lane.send(call));
        assert_eq!(end.is_err(), what.contains("refused"), "{what}");
        let (Ok(response) | Err(response)) = end.map_err(|error| error.into_response().unwrap());
        assert!(response.text().unwrap().contains(ANSWER));
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains(SET_COOKIE));
    }
    world.got(&[BEARER, QUERY, PARAMETER, COOKIE, NAMED, MARKED]);
    world.got(&[BODY, PART, PART_HEADER, FILE]);
    world.finish();
}

fn credentials<L: Lane>(prints: &Prints) {
    let world = World::<L>::new(prints);
    let of_url = world
        .server
        .url("/ok")
        .replace("127.0.0.1", &format!("guest:{USER_INFO}@127.0.0.1"));
    for path in ["/ok", "/refused"] {
        let basic = world.client.get(path).basic_auth("service", BASIC);
        let in_address = world.client.get(of_url.replace("/ok", path));
        for call in [basic, in_address] {
            prints.debug("a call with credentials", &call);
            let end = prints.end("credentials", world.lane.send(call));
            assert_eq!(end.is_ok(), path == "/ok");
        }
    }
    world.got(&[BASIC_ENCODED, USER_INFO_ENCODED]);
    world.finish();
}

fn redirects<L: Lane>(prints: &Prints) {
    let world = World::<L>::new(prints);
    let end = prints.end("a redirect", world.lane.send(world.call("/away")));
    let response = end.unwrap();
    assert_eq!(response.redirects().len(), 2);
    assert!(response.redirects()[1].to_string().contains(HISTORY));
    assert!(response.uri().unwrap().to_string().contains(LOCATION));
    let elsewhere = world.other.bytes().concat();
    let elsewhere = String::from_utf8_lossy(&elsewhere);
    assert!(elsewhere.contains(LOCATION));
    assert!(
        ![BEARER, COOKIE, NAMED, MARKED]
            .iter()
            .any(|it| elsewhere.contains(it))
    );

    let end = prints.end(
        "a redirect to nowhere",
        world.lane.send(world.call("/nowhere")),
    );
    end.unwrap_err();
    let end = world.lane.send(world.call("/away").max_redirects(1));
    let error = prints.end("too many redirects", end).unwrap_err();
    assert!(!error.redirects().is_empty());
    world.finish();
}

fn failures<L: Lane>(prints: &Prints) {
    let world = World::<L>::new(prints);
    let short = Duration::from_millis(150);
    for (what, call) in [
        ("a timeout", world.call("/stall").timeout(short)),
        ("a deadline", world.upload("/stall").deadline(short)),
        ("a cut answer", world.call("/cut")),
        ("a broken encoding", world.call("/gzip")),
        ("a limit", world.call("/ok").max_response_bytes(3)),
        (
            "a bad header",
            world.call("/ok").header("x-key", format!("{NAMED}\n")),
        ),
        (
            "a bad token",
            world.call("/ok").bearer_auth(format!("{BEARER}\n")),
        ),
        (
            "a bad address",
            world
                .client
                .get(format!("http://guest:{USER_INFO}@127.1/?k={QUERY}")),
        ),
    ] {
        prints.debug(what, &call);
        prints.end(what, world.lane.send(call)).unwrap_err();
    }
    world.finish();
    drop(world);
    let nobody = Nobody::new().unwrap();
    let gone = format!("http://{}/?access_token={QUERY}", nobody.address());
    let lane = L::start(Limits::default()).unwrap();
    let client = lane.builder().build().unwrap();
    let call = client.get(gone).bearer_auth(BEARER);
    let error = prints
        .end("a refused connection", lane.send(call))
        .unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

/// serde quotes what it could not use; the cause of our error does not.
fn decoding<L: Lane>(prints: &Prints) {
    let world = World::<L>::new(prints);
    let response = world.lane.send(world.call("/ok")).unwrap();
    let error = response.json::<HashMap<String, u32>>().unwrap_err();
    assert!(error.is_decode());
    prints.error("a decode error", &error);
    world.finish();
}

everywhere! {
    an_answer_shows_no_secret: answers;
    credentials_show_in_no_outcome: credentials;
    a_redirect_shows_no_secret: redirects;
    a_failure_shows_no_secret: failures;
    a_decode_error_shows_no_secret: decoding;
}
