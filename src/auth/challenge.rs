//! [`Challenge`]: what a server asks for in `WWW-Authenticate`.
//!
//! *In and out*: headers in; the challenges that can be read, out. Several may
//! stand in one header and in several (RFC 9110 §11.6.1); what is not one is
//! skipped, up to the next comma.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// What is read of all headers of an answer; a header beyond it is ignored.
const MAX_BYTES: usize = 16 * 1024;
const MAX_CHALLENGES: usize = 16;
/// Per challenge.
const MAX_PARAMS: usize = 32;

/// One challenge of a `WWW-Authenticate` header.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
/// use tollgate::auth::Challenge;
///
/// let mut headers = HeaderMap::new();
/// let value = r#"Negotiate, Bearer realm="a, b", error=insufficient_scope, scope="read write""#;
/// headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(value));
///
/// let [negotiate, bearer] = &Challenge::parse_all(&headers)[..] else { panic!() };
/// assert!(negotiate.is_scheme("negotiate") && bearer.is_scheme("bearer"));
/// assert_eq!(bearer.param("realm"), Some("a, b"));
/// assert_eq!(bearer.param("scope"), Some("read write"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    token68: Option<String>,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// Reads all challenges, in the order in which they stand.
    ///
    /// At most 16 are read, with 32 parameters each, of at most 16 KiB.
    #[must_use]
    pub fn parse_all(headers: &HeaderMap) -> Vec<Self> {
        let mut found = Vec::new();
        let mut left = MAX_BYTES;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            // Half a header would give half a parameter.
            let Some(rest) = left.checked_sub(value.len()) else {
                continue;
            };
            left = rest;
            read(value.as_bytes(), &mut found);
        }
        found
    }

    /// Returns the scheme, as it was written.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Tells whether it is of this scheme, in any case.
    #[must_use]
    pub fn is_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// Returns the one value of a scheme without parameters (`Negotiate`).
    #[must_use]
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }

    /// Returns a parameter, its name in any case; the first, if a server sends
    /// it twice.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params();
        let (_, value) = params.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// Returns the parameters, their names in lower case.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn new(scheme: &[u8]) -> Self {
        Self {
            scheme: text(scheme),
            token68: None,
            params: Vec::new(),
        }
    }

    fn add(&mut self, name: &[u8], value: String) {
        let name = text(name).to_ascii_lowercase();
        if self.params.len() < MAX_PARAMS && self.param(&name).is_none() {
            self.params.push((name, value));
        }
    }
}

/// Adds the challenges of one header.
fn read(bytes: &[u8], found: &mut Vec<Challenge>) {
    let mut rest = Rest(bytes);
    // Parameters before any scheme, and of one that was too many, are nobody's.
    let mut owned = false;
    loop {
        rest.skip(|byte| is_space(byte) || byte == b',');
        if rest.0.is_empty() {
            return;
        }
        let word = rest.take(is_token);
        if word.is_empty() {
            rest.skip_item();
        } else if rest.param_follows() {
            match (rest.value(), found.last_mut().filter(|_| owned)) {
                (Some(value), Some(challenge)) => challenge.add(word, value),
                (Some(_), None) => {}
                (None, _) => rest.skip_item(),
            }
        } else if rest.word_ends() {
            owned = found.len() < MAX_CHALLENGES;
            let mut challenge = Challenge::new(word);
            challenge.token68 = rest.token68();
            if owned {
                found.push(challenge);
            }
        } else {
            rest.skip_item();
        }
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, part: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.0.iter().take_while(|byte| part(**byte)).count();
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, part: impl Fn(u8) -> bool) {
        self.take(part);
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Goes behind a `=` with spaces around it, if it is next.
    fn param_follows(&mut self) -> bool {
        let mut ahead = Rest(self.0);
        ahead.skip(is_space);
        if ahead.next() != Some(b'=') {
            return false;
        }
        ahead.skip(is_space);
        self.0 = ahead.0;
        true
    }

    fn word_ends(&self) -> bool {
        self.0
            .first()
            .is_none_or(|byte| is_space(*byte) || *byte == b',')
    }

    /// Reads a quoted string, or what servers send without quotes though it is
    /// no `token` (addresses).
    fn value(&mut self) -> Option<String> {
        if self.0.first() != Some(&b'"') {
            let bare = self.take(|byte| !is_space(byte) && byte != b',' && byte != b'"');
            return (!bare.is_empty() && self.word_ends()).then(|| text(bare));
        }
        self.next();
        let mut value = Vec::new();
        loop {
            match self.next()? {
                b'"' => return Some(text(&value)),
                b'\\' => value.push(self.next()?),
                byte => value.push(byte),
            }
        }
    }

    /// Reads the value of a scheme without parameters, if it is next.
    fn token68(&mut self) -> Option<String> {
        let mut ahead = Rest(self.0);
        ahead.skip(is_space);
        let body = ahead.take(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        let padding = ahead.take(|byte| byte == b'=');
        ahead.skip(is_space);
        let ends = ahead.0.first().is_none_or(|byte| *byte == b',');
        if body.is_empty() || !ends {
            return None;
        }
        self.0 = ahead.0;
        Some(text(body) + &text(padding))
    }

    /// Goes to the next comma that stands outside of quotes.
    fn skip_item(&mut self) {
        let mut quoted = false;
        while let Some(byte) = self.next() {
            match byte {
                b',' if !quoted => return,
                b'"' => quoted = !quoted,
                b'\\' if quoted => {
                    self.next();
                }
                _ => {}
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// `tchar` (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
