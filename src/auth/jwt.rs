//! Reads when a JWT says that it expires: a hint, never a proof.
//!
//! *In and out*: an access token in; its `exp` and `iat` out, where it looks
//! like a JWT (RFC 7519) that has them.
//!
//! *Not here*: signatures. What is read is unverified, and only decides when a
//! new token is asked for; it is the server that refuses a wrong one.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use zeroize::Zeroizing;

/// A lifetime beyond this is taken for a mistake.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 366 * 86_400);

/// What a JWT says of itself, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) exp: Duration,
    /// Always before `exp`.
    pub(super) iat: Option<Duration>,
}

#[derive(Deserialize)]
struct Claims {
    exp: f64,
    #[serde(default)]
    iat: Option<f64>,
}

/// Reads the claims of an access token; `None` where it is no JWT, or they
/// make no sense.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "where a token's expiry is decided will ask it")
)]
pub(super) fn expiry_hint(access: &str) -> Option<Hint> {
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
    let exp = instant(claims.exp)?;
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
    /// Returns when a token expires that came at `received`, and how long it
    /// lives in all.
    ///
    /// With `iat` the lifetime counts from the receipt: a clock that differs
    /// from the server's does no harm. Without it `exp` is taken at its word.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "where a token's expiry is decided will ask it")
    )]
    pub(super) fn of_new(self, received: SystemTime) -> Option<(SystemTime, Option<Duration>)> {
        let Some(iat) = self.iat else {
            let left = self.expiry()?.duration_since(received).unwrap_or_default();
            return (left <= MAX_LIFETIME).then_some((self.expiry()?, None));
        };
        let lifetime = self.exp.checked_sub(iat)?;
        Some((received.checked_add(lifetime)?, Some(lifetime)))
    }

    /// Returns when a token expires that was received nobody knows when, as
    /// one from a store: `exp`, by the wall clock.
    pub(super) fn expiry(self) -> Option<SystemTime> {
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

    #[test]
    fn a_lifetime_counts_from_the_receipt() {
        let received = SystemTime::UNIX_EPOCH + Duration::from_secs(9_000);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let hint = |exp, iat: Option<u64>| Hint {
            exp: Duration::from_secs(exp),
            iat: iat.map(Duration::from_secs),
        };
        // The server's clock is an hour behind.
        let skewed = hint(5700, Some(5400));
        let lifetime = Duration::from_secs(300);
        assert_eq!(skewed.of_new(received), Some((at(9300), Some(lifetime))));
        assert_eq!(skewed.expiry(), Some(at(5700)));
        assert_eq!(hint(9400, None).of_new(received), Some((at(9400), None)));
        let absurd = hint(9_000 + 20 * 366 * 86_400, None);
        assert_eq!(absurd.of_new(received), None);
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
