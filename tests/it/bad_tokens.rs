//! B1, B2, B5: what cannot stand in a header is refused by the header's name,
//! and there is one `Authorization`.

use std::sync::Arc;

use http::HeaderValue;
use tollgate::{
    Error, ErrorKind, MockReply, Request,
    auth::{JsonRefresh, MemoryStore, OAuth2Refresh, RefreshError, Refresher, Token, TokenRefresh},
    runtime::block_on,
};

use crate::support::{Do, InBlocking, OnTokio, Style, Way, World, everywhere, play};

/// What is no `b64token` of RFC 6750, each with a part that no error shows.
fn no_tokens() -> Vec<String> {
    let mut all = [
        "s3cr3t\r\nX-I: 1",
        "s3cr3t\n",
        "s3cr3t\r",
        "\rs3cr3t",
        "s3cr3t\0",
        "s3cr3t\u{1b}[31m",
        "s3cr3t\u{7f}",
        "s3cr3t\u{80}",
        "s3cr3té",
        "s3cr3tÿ",
        "s3cr3t\u{fffd}",
        "s3cr3t\u{202e}",
        " s3cr3t",
        "s3cr3t ",
        "s3cr3t x",
        "s3cr3t\t",
        "s3cr3t,b",
        "s3cr3t;b",
        "\"s3cr3t\"",
        "s3cr3t=b",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("s3cr3t{}", "a".repeat(16 * 1024)));
    all.push("s3cr3t".repeat(8 << 17));
    all.extend([String::new(), "=".to_owned()]);
    all
}

/// The error names the header, and shows nothing of the value.
#[track_caller]
fn names_the_header_alone(error: &Error, kind: ErrorKind) {
    assert_eq!(error.kind(), kind, "{error:?}");
    let mut said = format!("{error} {error:?} {}", error.to_json());
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        said.push_str(&cause.to_string());
        next = cause.source();
    }
    assert!(said.contains("`authorization`"), "{said}");
    assert!(!said.contains("s3cr3t") && said.len() < 4_000, "{said}");
}

#[test]
fn a_bearer_token_that_is_none_is_refused_by_the_call_and_the_client() {
    fn law<W: Way>(world: &World<W>) {
        for token in no_tokens() {
            let call = world.client.get("/u").bearer_auth(&token);
            let error = W::send(call).unwrap_err();
            names_the_header_alone(&error, ErrorKind::InvalidRequest);
            let builder = W::builder(world.mock.clone()).bearer_auth(&token);
            let error = builder.build().unwrap_err();
            names_the_header_alone(&error, ErrorKind::InvalidRequest);
            let changed = world.client.update_defaults(|it| it.bearer_auth(&token));
            names_the_header_alone(&changed.unwrap_err(), ErrorKind::InvalidRequest);
        }
        assert_eq!(world.mock.count(), 0, "nothing was sent");
        let longest = "a".repeat(16 * 1024);
        W::send(world.client.get("/u").bearer_auth(longest)).unwrap();
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn a_token_answer_with_no_token_of_that_kind_is_refused() {
    fn law<W: Way>(world: &World<W>) {
        let refreshers: [fn() -> Arc<dyn Refresher>; 2] = [
            || Arc::new(OAuth2Refresh::new("http://h/token", "app")),
            || Arc::new(JsonRefresh::new("http://h/token")),
        ];
        for token in no_tokens() {
            // A limit of its own: the answer is too large to be read.
            if token.len() > 1 << 20 {
                continue;
            }
            for refresher in refreshers {
                let store = MemoryStore::new(Token::new("a1").refresh("r1"));
                let refresh = TokenRefresh::builder(store, refresher())
                    .allow_plaintext(true)
                    .refresh_attempts(1)
                    .build()
                    .unwrap();
                let world = world.with(|builder| builder);
                world.client.interceptors.use_pair(refresh.clone());
                world.mock.push(MockReply::status(401, ""));
                let body = serde_json::json!({ "access_token": token });
                world.mock.push(MockReply::status(200, body.to_string()));
                let before = world.mock.count();
                let error = W::send(world.client.get("/u")).unwrap_err();
                assert_eq!(world.mock.count() - before, 2, "no replay");
                assert!(RefreshError::find_in(&error).is_some(), "{error:?}");
                let said = format!("{error} {error:?} {}", error.to_json());
                assert!(!said.contains("s3cr3t"), "{said}");
                // An empty one is as none.
                let named = if token.is_empty() {
                    "no access token"
                } else {
                    "`authorization`"
                };
                assert!(said.contains(named), "{said}");
            }
        }
    }
    play::<OnTokio>(Style::Sync, law);
    play::<InBlocking>(Style::Sync, law);
}

#[test]
fn a_session_takes_no_token_that_cannot_be_sent() {
    for token in no_tokens() {
        let store = MemoryStore::new(Token::new("a1"));
        let refresher = JsonRefresh::new("https://h/token");
        let refresh = TokenRefresh::builder(store, refresher).build().unwrap();
        let error = block_on(refresh.sign_in(Token::new(token.as_str()))).unwrap_err();
        names_the_header_alone(&error, ErrorKind::InvalidRequest);
    }
}

const NO_VALUES: [&str; 8] = [
    "a\r\nx-i: 1",
    "a\n",
    "a\r",
    "\ra",
    "a\0",
    "a\u{1b}",
    "a\u{7f}",
    "\u{1}",
];
const NO_NAMES: [&str; 10] = [
    "", "x y", "x:", ":x", "x\r\ny", "x\n", "x\0", "x\u{1b}", "é", "x\u{7f}",
];

#[test]
fn what_cannot_stand_in_a_header_is_an_error_of_the_call() {
    fn law<W: Way>(world: &World<W>) {
        world.response("S", Do::Pass, Do::Pass);
        let refused = |call| {
            let error = world.finish(call).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error:?}");
            world.logged("S.err | => InvalidRequest");
        };
        for bad in NO_VALUES {
            refused(world.client.get("/u").header("x-ok", bad));
            refused(world.client.get("/u").header("x-ok", bad.to_owned()));
            refused(world.client.get("/u").header("x-ok", bad.as_bytes()));
        }
        for bad in NO_NAMES {
            refused(world.client.get("/u").header(bad, "a"));
            refused(world.client.get("/u").header(bad.to_owned(), "a"));
        }
        world.still_works();
    }
    everywhere!(law);
}

#[test]
fn what_cannot_stand_in_a_header_ends_the_chain_of_the_hook_that_sets_it() {
    fn law<W: Way>(world: &World<W>) {
        let cases = NO_VALUES.map(|bad| ("x-ok", bad)).into_iter();
        for (name, value) in cases.chain(NO_NAMES.map(|bad| (bad, "a"))) {
            world.request("after", Do::Pass, Do::Pass);
            world.client.interceptors.request.named("sets").use_sync(
                move |mut request: Request| {
                    let name: http::HeaderName = name.parse()?;
                    request.headers_mut().insert(name, value.parse()?);
                    Ok(request)
                },
            );
            world.response("S", Do::Pass, Do::Pass);
            let error = world.get("/u").unwrap_err();
            world.logged("after.err | S.err | => InvalidRequest");
            assert_eq!(error.interceptor(), Some("sets"));
            world.still_works();
        }
    }
    everywhere!(law);
}

fn authorizations<W: Way>(world: &World<W>) -> Vec<String> {
    let sent = world.mock.requests().pop().unwrap();
    let all = sent.headers().get_all("authorization").iter();
    all.map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

/// B5. Set, and not appended: `Bearer a, Bearer b` is nobody's token.
#[test]
fn there_is_one_authorization_whoever_sets_it() {
    fn law<W: Way>(world: &World<W>) {
        let world = world.with(|builder| {
            builder
                .allow_absolute_urls(true)
                .header("authorization", "Bearer of-the-client")
        });
        let sent = |call| {
            W::send(call).unwrap();
            let all = authorizations(&world);
            assert_eq!(all.len(), 1, "{all:?}");
            all.into_iter().next().unwrap()
        };
        let get = || world.client.get("/u");
        assert_eq!(sent(get()), "Bearer of-the-client");
        assert_eq!(sent(get().header("authorization", "Bearer b")), "Bearer b");
        let both = get().header("authorization", "Bearer b").bearer_auth("c");
        assert_eq!(sent(both), "Bearer c");
        let both = get().bearer_auth("c").header("authorization", "Bearer b");
        assert_eq!(sent(both), "Bearer c");
        let basic = "Basic dTpw";
        assert_eq!(sent(get().bearer_auth("c").basic_auth("u", "p")), basic);
        assert_eq!(
            sent(get().basic_auth("u", "p").bearer_auth("c")),
            "Bearer c"
        );
        assert_eq!(
            sent(world.client.get("http://u:p@h/u").bearer_auth("c")),
            "Bearer c"
        );
        world
            .client
            .interceptors
            .request
            .use_sync(|mut request: Request| {
                let value = HeaderValue::from_static("Bearer of-a-hook");
                request.headers_mut().insert("authorization", value);
                Ok(request)
            });
        assert_eq!(sent(get().bearer_auth("c")), "Bearer of-a-hook");
    }
    everywhere!(law);
}

/// B5, with a session: the caller's own value stands, and is the only one.
#[test]
fn a_session_adds_no_second_authorization() {
    fn law<W: Way>(world: &World<W>) {
        let store = MemoryStore::new(Token::new("of-the-session"));
        let refresh = TokenRefresh::builder(store, JsonRefresh::new("http://h/token"))
            .allow_plaintext(true)
            .build()
            .unwrap();
        world.client.interceptors.use_pair(refresh);
        W::send(world.client.get("/u")).unwrap();
        assert_eq!(authorizations(world), ["Bearer of-the-session"]);
        W::send(world.client.get("/u").bearer_auth("mine")).unwrap();
        assert_eq!(authorizations(world), ["Bearer mine"]);
    }
    everywhere!(law);
}
