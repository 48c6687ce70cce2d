//! [`DpopProver`]: proofs that the token is held by its owner (RFC 9449).
//!
//! *In and out*: what a request is bound to in; its `DPoP` header out. Nonces
//! are taken from answers and put into the next proof for that origin.
//!
//! *Not here*: cryptography. Keys and signatures are the prover's.
//!
//! *Concurrency*: nonces are behind a mutex that is held for some
//! instructions, never while the prover works.

use std::{
    collections::VecDeque,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::Secret;
use crate::{Error, ErrorKind, Origin, Result};

/// The header that carries a proof.
pub(super) const PROOF: HeaderName = HeaderName::from_static("dpop");
/// The header that carries a nonce.
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// What a token's type is called.
pub(super) const SCHEME: &str = "DPoP";
/// Origins whose nonces are remembered.
const MAX_ORIGINS: usize = 32;
const MAX_NONCE_BYTES: usize = 1024;

/// Signs proofs with a key that the token is bound to.
///
/// The library brings no cryptography: build the JWT of RFC 9449 §4.2 with
/// your own, out of what [`DpopRequest`] gives. It is asked before every send,
/// so for replays too, and must not wait for anything.
///
/// ```
/// use tollgate::{
///     MockAdapter, Result,
///     auth::{
///         DpopProver, DpopRequest, MemoryStore, OAuth2Refresh, Secret, Token, TokenRefresh,
///     },
///     blocking::Client,
/// };
///
/// struct Key;
///
/// impl DpopProver for Key {
///     fn proof(&self, request: &DpopRequest<'_>) -> Result<Secret> {
///         // A real one: base64url(header).base64url(claims).base64url(signature)
///         Ok(Secret::new(format!("{}.{}", request.method(), request.target())))
///     }
/// }
///
/// let mock = MockAdapter::new();
/// let client = Client::builder(mock.clone())
///     .base_url("https://api.example.com")
///     .build()?;
/// let store = MemoryStore::new(Token::new("a1").token_type("DPoP"));
/// let refresher = OAuth2Refresh::new("https://id.example.com/token", "app").dpop(Key);
/// client
///     .interceptors
///     .use_pair(TokenRefresh::builder(store, refresher).dpop(Key).build()?);
/// client.get("/me?verbose=1").send()?;
///
/// let sent = &mock.requests()[0];
/// assert_eq!(sent.headers()["authorization"], "DPoP a1");
/// assert_eq!(sent.headers()["dpop"], "GET.https://api.example.com/me");
/// # Ok::<(), tollgate::Error>(())
/// ```
pub trait DpopProver: Send + Sync + 'static {
    /// Makes the proof of one request, a compact JWT.
    ///
    /// # Errors
    ///
    /// Why there is none; the request is not sent then.
    fn proof(&self, request: &DpopRequest<'_>) -> Result<Secret>;
}

impl<P: DpopProver + ?Sized> DpopProver for Arc<P> {
    fn proof(&self, request: &DpopRequest<'_>) -> Result<Secret> {
        (**self).proof(request)
    }
}

/// What a proof is about: the claims of RFC 9449 §4.2.
///
/// `Debug` shows neither the token nor the nonce.
pub struct DpopRequest<'a> {
    method: &'a Method,
    target: String,
    access_token: Option<&'a str>,
    nonce: Option<String>,
    issued_at: SystemTime,
    id: String,
}

impl DpopRequest<'_> {
    /// Returns the method: `htm`.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.method
    }

    /// Returns the address without query and fragment: `htu`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the access token whose SHA-256 is `ath`; `None` at the token
    /// endpoint.
    #[must_use]
    pub fn access_token(&self) -> Option<&str> {
        self.access_token
    }

    /// Returns the server's last nonce: `nonce`; leave the claim out where
    /// there is none.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// Returns the time by the client's wall clock: `iat`.
    #[must_use]
    pub fn issued_at(&self) -> SystemTime {
        self.issued_at
    }

    /// Returns a text of 128 random bits that is never given twice: `jti`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for DpopRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopRequest")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// A prover, and the nonces that servers have given.
pub(super) struct Dpop {
    prover: Box<dyn DpopProver>,
    /// The origin that spoke last is last.
    nonces: Mutex<VecDeque<(Origin, String)>>,
}

impl Dpop {
    pub(super) fn new(prover: impl DpopProver) -> Arc<Self> {
        Arc::new(Self {
            prover: Box::new(prover),
            nonces: Mutex::default(),
        })
    }

    /// Makes the header of a request; sensitive, so that it is neither printed
    /// nor carried to another origin.
    pub(super) fn header(
        &self,
        (method, uri): (&Method, &Uri),
        access_token: Option<&str>,
        issued_at: SystemTime,
    ) -> Result<HeaderValue> {
        let request = DpopRequest {
            method,
            target: target(uri),
            access_token,
            nonce: self.nonce(uri),
            issued_at,
            id: fresh_id(),
        };
        let failed = || Error::new(ErrorKind::Auth, "the DPoP proof could not be made");
        let proof = self.prover.proof(&request);
        let proof = proof.map_err(|source| failed().with_source(source))?;
        let mut value = HeaderValue::from_str(proof.expose())
            .map_err(|_| failed().with_hint("the prover has to return a compact JWT"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Takes the nonce of an answer; tells whether there was one.
    pub(super) fn learn(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let nonce = headers.get(NONCE).and_then(|value| value.to_str().ok());
        let fits = |nonce: &&str| {
            let printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
            !nonce.is_empty() && nonce.len() <= MAX_NONCE_BYTES && printable
        };
        let (Some(nonce), Some(origin)) = (nonce.filter(fits), Origin::of(uri)) else {
            return false;
        };
        let mut nonces = self.lock();
        nonces.retain(|(known, _)| *known != origin);
        if nonces.len() == MAX_ORIGINS {
            nonces.pop_front();
        }
        nonces.push_back((origin, nonce.to_owned()));
        true
    }

    fn nonce(&self, uri: &Uri) -> Option<String> {
        let nonces = self.lock();
        let known = nonces.iter().find(|(origin, _)| origin.contains(uri));
        known.map(|(_, nonce)| nonce.clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Origin, String)>> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nonces of {} origins", self.lock().len())
    }
}

/// Returns the token of a header's value, if it is of the scheme.
pub(super) fn bound_token(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (scheme == SCHEME).then_some(token)
}

/// Leaves out the query; an address on its way has no fragment.
fn target(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |it| it.as_str());
    format!("{scheme}://{authority}{}", uri.path())
}

/// SipHash under keys that the system has drawn, of a number that grows.
fn fresh_id() -> String {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let keys = KEYS.get_or_init(|| [RandomState::new(), RandomState::new()]);
    let [first, second] = keys;
    format!(
        "{:016x}{:016x}",
        first.hash_one(number),
        second.hash_one(number)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl DpopProver for Silent {
        fn proof(&self, _: &DpopRequest<'_>) -> Result<Secret> {
            Ok(Secret::new(""))
        }
    }

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    fn with_nonce(nonce: &str) -> HeaderMap {
        HeaderMap::from_iter([(NONCE, HeaderValue::from_str(nonce).unwrap())])
    }

    #[test]
    fn a_target_has_no_query() {
        for (address, expected) in [
            ("https://a.test/b?c=d", "https://a.test/b"),
            ("http://a.test:81", "http://a.test:81/"),
        ] {
            assert_eq!(target(&uri(address)), expected);
        }
    }

    #[test]
    fn an_origin_has_its_last_nonce_and_no_other() {
        let dpop = Dpop::new(Silent);
        assert!(!dpop.learn(&uri("https://a.test/"), &HeaderMap::new()));
        assert!(!dpop.learn(&uri("https://a.test/"), &with_nonce("a b")));
        assert!(!dpop.learn(&uri("https://a.test/"), &with_nonce(&"n".repeat(2000))));
        assert_eq!(dpop.nonce(&uri("https://a.test/")), None);
        assert!(dpop.learn(&uri("https://a.test/x"), &with_nonce("n1")));
        assert!(dpop.learn(&uri("https://a.test/y"), &with_nonce("n2")));
        assert_eq!(dpop.nonce(&uri("https://a.test/z")).as_deref(), Some("n2"));
        assert_eq!(dpop.nonce(&uri("https://b.test/z")), None);
        for number in 0..100 {
            dpop.learn(&uri(&format!("https://h{number}.test/")), &with_nonce("n"));
        }
        assert_eq!(dpop.lock().len(), MAX_ORIGINS);
        assert_eq!(dpop.nonce(&uri("https://a.test/")), None);
        assert!(dpop.nonce(&uri("https://h99.test/")).is_some());
    }

    #[test]
    fn an_identifier_is_given_once() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| fresh_id()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
