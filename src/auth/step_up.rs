//! [`StepUp`]: the server asks for more than any refresh can give.
//!
//! *In and out*: the challenges of an answer in; what becomes of the call, as
//! far as they say it, out.

use std::{collections::HashSet, error::Error as StdError, fmt, time::Duration};

use super::{Challenge, jwt::decode_base64url};
use crate::error::find_in;

/// Nobody reads longer texts in a message.
const MAX_SHOWN: usize = 256;

/// What the server asks for before it grants a call.
///
/// A refresh cannot give it: it never widens a scope (RFC 6749 §6), nor does
/// it sign anybody in anew. So none is made, and the call fails with
/// [`ErrorKind::Auth`](crate::ErrorKind::Auth), the answer attached and this as
/// its source. Send the user to sign in with it, then
/// [`sign_in`](super::TokenRefresh::sign_in).
///
/// Where the call accepts the status, the answer is returned, with this in its
/// extensions.
///
/// ```
/// use tollgate::{
///     MockAdapter, MockReply,
///     auth::{JsonRefresh, MemoryStore, StepUp, Token, TokenRefresh},
///     blocking::Client,
/// };
///
/// let refused = MockReply::status(403, "")
///     .header("www-authenticate", r#"Bearer error="insufficient_scope", scope="write""#);
/// let client = Client::builder(MockAdapter::new().then(refused))
///     .base_url("https://api.example.com")
///     .build()?;
/// let store = MemoryStore::new(Token::new("a1").scope("read"));
/// let refresh = TokenRefresh::builder(store, JsonRefresh::new("/refresh")).build()?;
/// client.interceptors.use_pair(refresh);
///
/// let error = client.post("/notes").send().unwrap_err();
/// assert!(error.is_status(403));
/// match StepUp::find_in(&error) {
///     Some(StepUp::Scope { scopes, .. }) => assert_eq!(scopes, &["read", "write"]),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepUp {
    /// `insufficient_scope` (RFC 6750 §3.1).
    #[non_exhaustive]
    Scope {
        /// What the server says is needed; empty where it does not say it.
        required: Vec<String>,
        /// What to ask for: the scope that was granted, and what is needed.
        scopes: Vec<String>,
    },
    /// `insufficient_claims` (continuous access evaluation).
    #[non_exhaustive]
    Claims {
        /// The JSON text to send as `claims`, decoded; `None` where there is
        /// none that can be decoded.
        claims: Option<String>,
    },
    /// `insufficient_user_authentication` (RFC 9470).
    #[non_exhaustive]
    Authentication {
        /// The ways of signing in that will do, the best first.
        acr_values: Vec<String>,
        /// How long ago the user may have signed in.
        max_age: Option<Duration>,
    },
}

impl StepUp {
    /// Finds one in a chain of sources.
    #[must_use]
    pub fn find_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        find_in(error)
    }

    fn scope(challenge: &Challenge) -> Self {
        let required = words(challenge.param("scope"));
        let scopes = required.clone();
        Self::Scope { required, scopes }
    }

    /// Adds what was granted before: to ask for less would lose it.
    #[must_use]
    pub(super) fn beside(mut self, granted: Option<&str>) -> Self {
        if let Self::Scope { required, scopes } = &mut self {
            *scopes = words(granted);
            scopes.extend(required.iter().cloned());
            distinct(scopes);
        }
        self
    }

    fn claims(challenge: &Challenge) -> Self {
        let bytes = challenge.param("claims").and_then(decode_base64url);
        Self::Claims {
            claims: bytes.and_then(|bytes| String::from_utf8(bytes).ok()),
        }
    }

    fn authentication(challenge: &Challenge) -> Self {
        let seconds = challenge.param("max_age").and_then(|it| it.parse().ok());
        Self::Authentication {
            acr_values: words(challenge.param("acr_values")),
            max_age: seconds.map(Duration::from_secs),
        }
    }
}

/// Splits a list at its spaces; each word once.
fn words(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split_ascii_whitespace();
    let mut words = words.map(str::to_owned).collect();
    distinct(&mut words);
    words
}

fn distinct(words: &mut Vec<String>) {
    let mut seen = HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
}

/// What the challenges of an answer say about the token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Demand {
    StepUp(StepUp),
    /// The same token with a nonce in its proof (RFC 9449 §9).
    Nonce,
    /// A proof that the server can take; no other token helps.
    Proof,
}

impl Demand {
    /// Reads them; `None` where nothing speaks against a refresh.
    ///
    /// The first challenge of ours with an error that is known counts.
    pub(super) fn of(challenges: &[Challenge]) -> Option<Self> {
        challenges
            .iter()
            .filter(|it| it.is_scheme("bearer") || it.is_scheme("dpop"))
            .find_map(|challenge| match challenge.param("error")? {
                "invalid_token" => Some(None),
                "insufficient_scope" => Some(Some(Self::StepUp(StepUp::scope(challenge)))),
                "insufficient_claims" => Some(Some(Self::StepUp(StepUp::claims(challenge)))),
                "insufficient_user_authentication" => {
                    Some(Some(Self::StepUp(StepUp::authentication(challenge))))
                }
                "use_dpop_nonce" if challenge.is_scheme("dpop") => Some(Some(Self::Nonce)),
                "invalid_dpop_proof" if challenge.is_scheme("dpop") => Some(Some(Self::Proof)),
                _ => None,
            })
            .flatten()
    }
}

impl fmt::Display for StepUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope { required, .. } if required.is_empty() => {
                f.write_str("the server asks for a wider scope")
            }
            Self::Scope { required, .. } => {
                let required = Shown(&required.join(" "));
                write!(f, "the server asks for the scope `{required}`")
            }
            Self::Claims { .. } => f.write_str("the server asks for a token with other claims"),
            Self::Authentication {
                acr_values,
                max_age,
            } => {
                f.write_str("the server asks the user to sign in again")?;
                if !acr_values.is_empty() {
                    write!(f, ", by `{}`", Shown(&acr_values.join(" ")))?;
                }
                match max_age {
                    Some(age) => write!(f, ", within {} s", age.as_secs()),
                    None => Ok(()),
                }
            }
        }
    }
}

impl StdError for StepUp {}

/// A server's text, as a message may hold it.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars().take(MAX_SHOWN) {
            if letter.is_control() {
                write!(f, "{}", letter.escape_default())?;
            } else {
                write!(f, "{letter}")?;
            }
        }
        if self.0.chars().nth(MAX_SHOWN).is_some() {
            f.write_str("…")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};

    use super::*;

    fn demand(header: &str) -> Option<Demand> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_str(header).unwrap());
        match Demand::of(&Challenge::parse_all(&headers))? {
            Demand::StepUp(step_up) => Some(Demand::StepUp(step_up.beside(Some("read list")))),
            demand => Some(demand),
        }
    }

    #[test]
    fn the_first_known_error_of_our_schemes_counts() {
        for header in [
            "Bearer",
            "Bearer error=invalid_token",
            "Bearer error=odd",
            "Basic error=insufficient_scope",
            "Bearer error=use_dpop_nonce",
            "Bearer error=invalid_token, DPoP error=insufficient_scope",
        ] {
            assert_eq!(demand(header), None, "{header}");
        }
        assert_eq!(demand("DPoP error=use_dpop_nonce"), Some(Demand::Nonce));
        assert_eq!(demand("DPoP error=invalid_dpop_proof"), Some(Demand::Proof));
        let later = demand("Bearer error=odd, DPoP error=insufficient_scope");
        assert!(matches!(later, Some(Demand::StepUp(StepUp::Scope { .. }))));
    }

    #[test]
    fn scopes_are_united() {
        let expected = StepUp::Scope {
            required: vec!["write".to_owned(), "list".to_owned()],
            scopes: ["read", "list", "write"].map(str::to_owned).to_vec(),
        };
        let header = "Bearer error=insufficient_scope, scope=\"write list  write\"";
        assert_eq!(demand(header), Some(Demand::StepUp(expected)));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for header in [
            "Bearer error=insufficient_claims",
            "Bearer error=insufficient_claims, claims=\"a b\"",
            "Bearer error=insufficient_claims, claims=\"_w\"",
        ] {
            let expected = Demand::StepUp(StepUp::Claims { claims: None });
            assert_eq!(demand(header), Some(expected), "{header}");
        }
        let expected = StepUp::Authentication {
            acr_values: Vec::new(),
            max_age: None,
        };
        let header = "Bearer error=insufficient_user_authentication, max_age=-5";
        assert_eq!(demand(header), Some(Demand::StepUp(expected)));
    }

    #[test]
    fn a_servers_text_is_escaped_and_cut() {
        let step_up = StepUp::Scope {
            required: vec![format!("a\u{1b}\u{85}{}", "é".repeat(1000))],
            scopes: Vec::new(),
        };
        let text = step_up.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.contains("a\\u{1b}\\u{85}é") && text.ends_with("…`"));
        assert!(text.chars().count() < 400);
    }
}
