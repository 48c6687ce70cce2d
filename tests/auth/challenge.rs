//! What is read of `WWW-Authenticate`, and what is not.

use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use proptest::{collection::vec, option, prelude::*};
use tollgate::auth::Challenge;

fn parse(values: &[&str]) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(WWW_AUTHENTICATE, value);
    }
    Challenge::parse_all(&headers).iter().map(shown).collect()
}

/// `scheme/token68 name=value|…`
fn shown(challenge: &Challenge) -> String {
    let params: Vec<String> = challenge
        .params()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let token68 = challenge.token68().unwrap_or("-");
    format!("{}/{token68} {}", challenge.scheme(), params.join("|"))
}

#[test]
fn challenges_are_read() {
    for (header, expected) in [
        ("Bearer", &["Bearer/- "][..]),
        ("Bearer ", &["Bearer/- "]),
        ("Bearer realm=\"a\"", &["Bearer/- realm=a"]),
        ("bearer REALM=a", &["bearer/- realm=a"]),
        ("Bearer realm = \"a\" , x\t=\tb", &["Bearer/- realm=a|x=b"]),
        (
            "Bearer realm=\"a, \\\"b\\\" \\\\\"",
            &["Bearer/- realm=a, \"b\" \\"],
        ),
        ("Bearer realm=\"\"", &["Bearer/- realm="]),
        ("Negotiate", &["Negotiate/- "]),
        ("Negotiate YWJj/+==", &["Negotiate/YWJj/+== "]),
        ("NTLM abc=, Bearer", &["NTLM/abc= ", "Bearer/- "]),
        ("Negotiate, Bearer a=b", &["Negotiate/- ", "Bearer/- a=b"]),
        (
            "Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"",
            &[
                "Newauth/- realm=apps|type=1|title=Login to \"apps\"",
                "Basic/- realm=simple",
            ],
        ),
        (
            "DPoP algs=\"ES256 PS256\", error=use_dpop_nonce, Bearer",
            &["DPoP/- algs=ES256 PS256|error=use_dpop_nonce", "Bearer/- "],
        ),
        // Not by the book, but sent.
        ("Bearer a=b c=\"d\"", &["Bearer/- a=b|c=d"]),
        ("Bearer, error=x", &["Bearer/- error=x"]),
        (
            "Bearer authorization=https://id.test/a?b=c, x=y",
            &["Bearer/- authorization=https://id.test/a?b=c|x=y"],
        ),
        (",,, Bearer a=b,,,", &["Bearer/- a=b"]),
        ("Bearer a=b, A=c", &["Bearer/- a=b"]),
    ] {
        assert_eq!(parse(&[header]), expected, "{header}");
    }
    let both = parse(&["Bearer a=b", "", "Basic realm=\"x\""]);
    assert_eq!(both, ["Bearer/- a=b", "Basic/- realm=x"]);
}

#[test]
fn garbage_is_skipped_up_to_the_next_comma() {
    for header in [
        "@@@ \"a, Basic\", Bearer a=b",
        "error=orphan, Bearer a=b",
        "\"Basic realm=x\", Bearer a=b",
        "Bearer a=b, c=\"open",
        "Bearer a=b, c=",
        "Bearer c=d\"e\", a=b",
        "=, Bearer a=b",
        "Bas{ic, Bearer a=b",
        "Bearer a=b, é",
    ] {
        assert_eq!(parse(&[header]), ["Bearer/- a=b"], "{header}");
    }
    // A parameter belongs to the header that names its scheme.
    assert_eq!(parse(&["Bearer a=b", "c=d"]), ["Bearer/- a=b"]);
}

#[test]
fn what_is_read_is_bounded() {
    let many = vec!["Bearer a=b"; 1000].join(", ");
    assert_eq!(parse(&[&many]).len(), 16);
    let params: String = (0..1000).map(|it| format!(", a{it}=b")).collect();
    let params = parse(&[&format!("Bearer x=y{params}")]);
    assert_eq!(params[0].matches('=').count(), 32);
    let long = format!("Bearer a={}", "b".repeat(16 * 1024));
    assert_eq!(parse(&[&long, "Basic c=d"]), ["Basic/- c=d"]);
}

fn quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(values in vec(vec(any::<u8>(), 0..200), 0..4)) {
        let mut headers = HeaderMap::new();
        for value in &values {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(WWW_AUTHENTICATE, value);
            }
        }
        prop_assert!(Challenge::parse_all(&headers).len() <= 16);
    }

    #[test]
    fn any_punctuation_is_survived(value in "[Ba=\", \\\\\t;@é]{0,60}") {
        parse(&[&value]);
    }

    #[test]
    fn what_was_written_is_read(
        written in vec(
            ("[A-Za-z][A-Za-z0-9-]{0,8}", option::of("[A-Za-z0-9._~+/-]{1,12}={0,2}"),
             vec(("[a-z]{1,6}", "[ -~é]{0,12}"), 0..4)),
            0..5,
        )
    ) {
        let mut expected = Vec::new();
        let mut header = Vec::new();
        for (scheme, token68, params) in written {
            let mut known: Vec<(String, String)> = Vec::new();
            for (name, value) in params {
                if known.iter().all(|(it, _)| *it != name) {
                    known.push((name, value));
                }
            }
            let texts: Vec<String> =
                known.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
            let text = match (&token68, known.is_empty()) {
                (Some(token68), true) => format!("{scheme} {token68}"),
                _ => format!("{scheme} {}", texts.join(", ")),
            };
            header.push(text);
            let token68 = token68.filter(|_| known.is_empty());
            let params: Vec<String> =
                known.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let token68 = token68.unwrap_or_else(|| "-".to_owned());
            expected.push(format!("{scheme}/{token68} {}", params.join("|")));
        }
        prop_assert_eq!(parse(&[&header.join(", ")]), expected);
    }
}
