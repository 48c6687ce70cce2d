//! Reads when a JWT says that it expires: a hint, never a proof.
//!
//! *In and out*: a token of unknown expiry in; the same out, with its `exp`
//! where it looks like a JWT (RFC 7519) that has one.
//!
//! *Not here*: signatures. What is read is unverified, and only decides when a
//! new token is asked for; it is the server that refuses a wrong one.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Token;

/// A lifetime beyond this is taken for a mistake.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 366 * 86_400);

/// An `exp` beyond the year 2255 is in milliseconds, or a mistake.
const MAX_EXP: Duration = Duration::from_secs(9_000_000_000);

/// What a JWT says of itself, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hint {
    exp: Duration,
    /// Always before `exp`.
    iat: Option<Duration>,
}

#[derive(Deserialize)]
struct Claims {
    exp: f64,
    #[serde(default)]
    iat: Option<f64>,
}

/// Gives a token of unknown expiry the one that it names itself.
///
/// `received` is when it came from a server; `None` for one from a store, whose
/// age nobody knows.
pub(super) fn hinted(token: Token, received: Option<SystemTime>) -> Token {
    if token.expiry().is_some() {
        return token;
    }
    let Some(hint) = expiry_hint(token.access_token().expose()) else {
        return token;
    };
    if let (Some(lifetime), Some(received)) = (hint.lifetime(), received) {
        return token.expires_in(lifetime, received);
    }
    let sensible = |at: &SystemTime| match received.map(|received| at.duration_since(received)) {
        // Over when it came: one of the clocks is wrong, and the server gave it
        // to be used.
        Some(left) => left.is_ok_and(|left| !left.is_zero() && left <= MAX_LIFETIME),
        None => true,
    };
    match hint.expiry().filter(sensible) {
        Some(at) => token.expires_at(at),
        None => token,
    }
}

/// Reads the claims of an access token; `None` where it is no JWT, or they
/// make no sense.
fn expiry_hint(access: &str) -> Option<Hint> {
    let mut parts = access.split('.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || header.is_empty() {
        return None;
    }
    let bytes = Zeroizing::new(decode_base64url(claims)?);
    if !signature.bytes().all(|byte| value_of(byte).is_some()) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&bytes).ok()?;
    let exp = instant(claims.exp).filter(|exp| *exp <= MAX_EXP)?;
    let iat = match claims.iat {
        Some(iat) => Some(instant(iat)?),
        None => None,
    };
    if let Some(iat) = iat {
        let lifetime = exp.checked_sub(iat)?;
        if lifetime.is_zero() || lifetime > MAX_LIFETIME {
            return None;
        }
    }
    Some(Hint { exp, iat })
}

impl Hint {
    /// Returns how long the token lives in all. Counted from the receipt, it
    /// does not matter how far our clock is from the server's.
    fn lifetime(self) -> Option<Duration> {
        self.exp.checked_sub(self.iat?)
    }

    /// Returns `exp`, by the wall clock.
    fn expiry(self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(self.exp)
    }
}

/// Reads a `NumericDate`, which may have a fraction.
fn instant(seconds: f64) -> Option<Duration> {
    let instant = Duration::try_from_secs_f64(seconds).ok()?;
    (!instant.is_zero()).then_some(instant)
}

/// Decodes base64url (RFC 4648 §5), padded or not; the other alphabet too, as
/// some servers use it.
pub(super) fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if body.is_empty() || body.len() % 4 == 1 || text.len() - body.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 2);
    for chunk in body.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for byte in chunk {
            bits = (bits << 6) | value_of(*byte)?;
        }
        // A last chunk of two or three digits stands for one or two bytes.
        bits <<= 6 * (4 - chunk.len());
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend(bytes.iter().take(chunk.len() - 1));
    }
    Some(out)
}

fn value_of(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'-' | b'+' => 62,
        b'_' | b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(bytes: &[u8]) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits: Vec<u8> = bytes
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1))
            .collect();
        bits.chunks(6)
            .map(|chunk| {
                let value = (0..6).fold(0, |sum, at| sum * 2 + chunk.get(at).copied().unwrap_or(0));
                char::from(DIGITS[usize::from(value)])
            })
            .collect()
    }

    fn hint(claims: &str) -> Option<(u64, Option<u64>)> {
        let token = format!("{}.{}.c2ln", encode(b"{}"), encode(claims.as_bytes()));
        let hint = expiry_hint(&token)?;
        Some((hint.exp.as_secs(), hint.iat.map(|iat| iat.as_secs())))
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        // RFC 7519 §3.1
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
             eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
             dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let hint = expiry_hint(token).unwrap();
        assert_eq!(hint.exp, Duration::from_secs(1_300_819_380));
        assert_eq!(hint.iat, None);
    }

    #[test]
    fn claims_are_read_as_far_as_they_make_sense() {
        for (claims, expected) in [
            (r#"{"exp":1000}"#, Some((1000, None))),
            (r#"{"exp":1000.9,"iat":400.5}"#, Some((1000, Some(400)))),
            (r#"{"exp":1000,"iat":null}"#, Some((1000, None))),
            (r#"{"exp":1000,"iat":1000}"#, None),
            (r#"{"exp":1000,"iat":1001}"#, None),
            (r#"{"exp":-1}"#, None),
            (r#"{"exp":0}"#, None),
            (r#"{"exp":1e300}"#, None),
            (r#"{"exp":1700000000000}"#, None),
            (r#"{"exp":"1000"}"#, None),
            (r#"{"exp":1000,"iat":-5}"#, None),
            (r#"{"exp":4000000000,"iat":1}"#, None),
            (r#"{"iat":1}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(hint(claims), expected, "{claims}");
        }
    }

    #[test]
    fn what_is_no_jwt_gives_no_hint() {
        let claims = encode(br#"{"exp":1000}"#);
        for token in [
            "opaque",
            "a.b",
            "a.b.c",
            &format!("a.{claims}"),
            &format!(".{claims}.c"),
            &format!("a.{claims}.c.d.e"),
            &format!("a.{claims}.c c"),
            "..",
        ] {
            assert_eq!(expiry_hint(token), None, "{token}");
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn jwt(claims: &str) -> Token {
        Token::new(format!(
            "{}.{}.c2ln",
            encode(b"{}"),
            encode(claims.as_bytes())
        ))
    }

    #[test]
    fn a_lifetime_counts_from_the_receipt() {
        // The server's clock is an hour behind.
        let skewed = || jwt(r#"{"exp":5700,"iat":5400}"#);
        let new = hinted(skewed(), Some(at(9000)));
        assert_eq!(
            (new.expiry(), new.lifetime()),
            (Some(at(9300)), Some(Duration::from_secs(300)))
        );
        let stored = hinted(skewed(), None);
        assert_eq!((stored.expiry(), stored.lifetime()), (Some(at(5700)), None));
        let absurd = hinted(jwt(r#"{"exp":1000000000}"#), Some(at(9000)));
        assert_eq!(absurd.expiry(), None);
        let over = |received| hinted(jwt(r#"{"exp":5700}"#), received).expiry();
        assert_eq!((over(Some(at(9000))), over(Some(at(5700)))), (None, None));
        assert_eq!(over(None), Some(at(5700)), "a store's may be old");
        for received in [Some(at(9000)), None] {
            let token = hinted(jwt(r#"{"exp":9400}"#), received);
            assert_eq!((token.expiry(), token.lifetime()), (Some(at(9400)), None));
        }
    }

    #[test]
    fn what_the_server_says_beside_the_token_counts_more() {
        let token = jwt(r#"{"exp":5700,"iat":5400}"#).expires_at(at(7));
        assert_eq!(hinted(token, Some(at(1))).expiry(), Some(at(7)));
        assert_eq!(hinted(Token::new("opaque"), Some(at(1))).expiry(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_encoded_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            prop_assert_eq!(decode_base64url(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_survived(text in "[A-Za-z0-9._=+/é-]{0,40}") {
            drop((decode_base64url(&text), expiry_hint(&text)));
        }
    }
}
