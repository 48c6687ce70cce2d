//! [`TokenRefreshBuilder`]: every option.

use std::{fmt, sync::Arc, time::Duration};

use http::{
    HeaderName,
    header::{AUTHORIZATION, COOKIE},
};

use super::IntoOrigins;
use crate::{
    Error, ErrorKind, Response,
    auth::{
        AuthEvent, DpopProver, LostAnswer, MissingToken, Refresher, TokenStore, dpop::Dpop,
        event::Handler, session::Options,
    },
};

/// The default of [`TokenRefreshBuilder::leeway`].
const LEEWAY: Duration = Duration::from_secs(60);
/// The default of [`TokenRefreshBuilder::early`].
const EARLY: Duration = Duration::from_secs(300);
/// The default of [`TokenRefreshBuilder::refresh_timeout`].
const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);
/// The default of [`TokenRefreshBuilder::refresh_attempts`].
const ATTEMPTS: u32 = 3;
/// The most that [`TokenRefreshBuilder::refresh_attempts`] may be.
const MAX_ATTEMPTS: u32 = 10;

/// Builds a [`TokenRefresh`](crate::auth::TokenRefresh).
///
/// | setting | default |
/// |---|---|
/// | `origins` | that of the client's `base_url` |
/// | `allow_plaintext` | no, except on loopback |
/// | trigger | 401 |
/// | `early` | 300 s, at most half of the lifetime |
/// | replayed after a refresh | any method after 401, else the idempotent ones |
/// | `leeway` | 60 s, at most a quarter of the lifetime |
/// | `refresh_timeout` | 10 s |
/// | `refresh_attempts` | 3 |
/// | `after_lost_answer` | [`LostAnswer::RetryOnce`] |
/// | `recheck_store` | never |
/// | `missing_token` | [`MissingToken::Bare`] |
/// | `header`, `cookie` | the header `authorization` |
///
/// ```
/// use std::time::Duration;
/// use tollgate::auth::{JsonRefresh, MemoryStore, Token, TokenRefresh};
///
/// let store = MemoryStore::new(Token::new("a1").refresh("r1"));
/// let refresher = JsonRefresh::new("https://api.example.com/auth/refresh-token");
/// let refresh = TokenRefresh::builder(store, refresher)
///     .origins(["https://api.example.com", "https://files.example.com"])
///     .also_on_forbidden()
///     .leeway(Duration::from_secs(30))
///     .build()?;
/// assert_eq!(refresh.counters().attempts, 0);
///
/// let error = TokenRefresh::builder(MemoryStore::empty(), JsonRefresh::new("/refresh"))
///     .origins(["http://api.example.com"])
///     .build()
///     .unwrap_err();
/// assert!(error.to_string().contains("without encryption"));
/// # Ok::<(), tollgate::Error>(())
/// ```
#[must_use = "a builder does nothing before `build`"]
pub struct TokenRefreshBuilder {
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) refresher: Arc<dyn Refresher>,
    pub(super) options: Options,
    pub(super) handlers: Vec<Arc<Handler>>,
    pub(super) error: Option<Error>,
}

impl TokenRefreshBuilder {
    pub(in crate::auth) fn new(store: impl TokenStore, refresher: impl Refresher) -> Self {
        Self {
            store: Arc::new(store),
            refresher: Arc::new(refresher),
            options: Options {
                origins: None,
                allow_plaintext: false,
                also_on_forbidden: false,
                refresh_when: None,
                replay_any_method: false,
                expiry_from_jwt: false,
                dpop: None,
                leeway: LEEWAY,
                early: EARLY,
                refresh_timeout: REFRESH_TIMEOUT,
                attempts: ATTEMPTS,
                lost_answer: LostAnswer::default(),
                recheck: None,
                missing: MissingToken::default(),
                header: AUTHORIZATION,
                cookie: None,
                jitter_seed: None,
            },
            handlers: Vec::new(),
            error: None,
        }
    }

    /// Sets where the token may go: nowhere else is it attached, and it is
    /// taken off on redirects that lead elsewhere.
    pub fn origins(mut self, origins: impl IntoOrigins) -> Self {
        match origins.into_origins() {
            Ok(origins) => self.options.origins = Some(origins),
            Err(error) => self.fail(error),
        }
        self
    }

    /// Lets tokens travel over plain http to other machines; default no.
    pub fn allow_plaintext(mut self, allow: bool) -> Self {
        self.options.allow_plaintext = allow;
        self
    }

    /// Takes 403 for a refused token too.
    ///
    /// By default it is a missing right, which no refresh gives. One that says
    /// so in a challenge is a [`StepUp`](crate::auth::StepUp) all the same. Only
    /// idempotent methods are replayed, unless
    /// [`replay_any_method`](Self::replay_any_method) is set.
    pub fn also_on_forbidden(mut self) -> Self {
        self.options.also_on_forbidden = true;
        self
    }

    /// Takes an answer for a refused token where the predicate says so: a
    /// GraphQL answer of 200 with an error inside, say.
    ///
    /// It sees every answer, refused ones too, beside 401 and those that are a
    /// [`StepUp`](crate::auth::StepUp): status, headers, and the body, which is in
    /// memory and at most `max_response_bytes` long. Look at its beginning with
    /// [`Response::peek`]. In stream mode an accepted answer has no body yet:
    /// [`Response::bytes`] is an error then, and `peek` gives nothing. A panic
    /// in it counts as no, and in [`Counters::panics`](crate::auth::Counters::panics).
    ///
    /// The call is replayed if its method is idempotent. GraphQL over POST
    /// needs [`replay_any_method`](Self::replay_any_method), or
    /// [`ReplayAfterRefusal::Always`](crate::auth::ReplayAfterRefusal::Always) on the
    /// call, where the server refuses before it does anything.
    ///
    /// ```
    /// use tollgate::{
    ///     MockAdapter,
    ///     auth::{JsonRefresh, MemoryStore, ReplayAfterRefusal, Token, TokenRefresh},
    ///     blocking::Client,
    /// };
    ///
    /// let refused = r#"{"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}"#;
    /// let mock = MockAdapter::new()
    ///     .reply(200, refused)
    ///     .reply(200, r#"{"token":"a2"}"#)
    ///     .reply(200, r#"{"data":{"me":"Ada"}}"#);
    /// let client = Client::builder(mock).base_url("https://api.example.com").build()?;
    /// let store = MemoryStore::new(Token::new("a1").refresh("r1"));
    /// let refresh = TokenRefresh::builder(store, JsonRefresh::new("/refresh"))
    ///     .refresh_when(|response| {
    ///         let beginning = String::from_utf8_lossy(response.peek(4096));
    ///         response.status() == 200 && beginning.contains("UNAUTHENTICATED")
    ///     })
    ///     .build()?;
    /// client.interceptors.use_pair(refresh);
    ///
    /// let query = serde_json::json!({"query": "{ me }"});
    /// let call = client.post("/graphql").json(&query);
    /// let response = call.extension(ReplayAfterRefusal::Always).send()?;
    /// assert!(response.text()?.contains("Ada"));
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn refresh_when(
        mut self,
        refused: impl Fn(&Response) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options.refresh_when = Some(Arc::new(refused));
        self
    }

    /// Replays calls of any method, also after a refusal that is no 401.
    ///
    /// A 401 says that the call was not carried out (RFC 9110 §15.5.2), so it
    /// is replayed whatever its method. A 403, or what
    /// [`refresh_when`](Self::refresh_when) finds, says nothing of the kind: a
    /// POST might be carried out twice. By default such a call refreshes the
    /// token, and the answer is returned with a note, or with
    /// [`NotReplayed`](crate::NotReplayed) in its extensions.
    pub fn replay_any_method(mut self) -> Self {
        self.options.replay_any_method = true;
        self
    }

    /// Sends tokens of the type `DPoP` with a proof of possession (RFC 9449).
    ///
    /// Each attempt gets a proof of its own, made after the request
    /// interceptors that ran before; those that run later must change neither
    /// method nor address. Nor must a redirect: the header goes along to the
    /// same origin, where a strict server refuses it, and to no other. A nonce
    /// that the server asks for is put in at once, without a refresh and beside
    /// the one replay after it.
    ///
    /// A token of the type `Bearer` is sent as such, without a proof.
    /// [`OAuth2Refresh::dpop`](crate::auth::OAuth2Refresh::dpop) does the same for the
    /// token endpoint.
    pub fn dpop(mut self, prover: impl DpopProver) -> Self {
        self.options.dpop = Some(Dpop::new(prover));
        self
    }

    /// Takes the expiry from the access token where the server names none and
    /// it is a JWT; default no.
    ///
    /// Its `exp` is read unverified, as a hint when to ask for the next token.
    /// Where there is an `iat`, the lifetime counts from the receipt, so that a
    /// wrong clock does no harm. What makes no sense is ignored.
    pub fn expiry_from_jwt(mut self, read: bool) -> Self {
        self.options.expiry_from_jwt = read;
        self
    }

    /// Sets how long before its expiry a token is not sent any more; default
    /// 60 s, but never more than a quarter of the token's lifetime. Up to a
    /// tenth is added at random.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.options.leeway = leeway;
        self
    }

    /// Sets how long before its expiry a token is replaced in the background;
    /// default 300 s, but never more than half of the token's lifetime.
    ///
    /// Calls go out with the old token meanwhile, and one of them starts the
    /// refresh; a failure concerns nobody before the `leeway`. When in the
    /// first three quarters of that time it begins is left to chance, so that
    /// many processes do not come at once. [`Duration::ZERO`], or a time within
    /// the `leeway`, switches it off.
    pub fn early(mut self, early: Duration) -> Self {
        self.options.early = early;
        self
    }

    /// Sets how long a refresh may take in all, with its tries; default 10 s.
    ///
    /// The time in which another process has the store's lease does not count:
    /// where it was cut off, that is 10 s more than its own timeout.
    ///
    /// A caller's own timeout or deadline ends its waiting earlier, but not
    /// the refresh.
    pub fn refresh_timeout(mut self, timeout: Duration) -> Self {
        self.options.refresh_timeout = timeout;
        self
    }

    /// Sets how often one refresh asks the server, 1–10; default 3.
    ///
    /// It asks again where the server has not processed it
    /// ([`RefreshClass::NotSent`](crate::auth::RefreshClass::NotSent)), and once where the answer was lost, after
    /// 0.1 s to 0.2 s, then 0.2 s to 0.4 s, or what `Retry-After` says.
    pub fn refresh_attempts(mut self, attempts: u32) -> Self {
        if attempts == 0 || attempts > MAX_ATTEMPTS {
            self.fail(Error::new(
                ErrorKind::Builder,
                format!("`refresh_attempts` is {attempts}, it has to be 1 to {MAX_ATTEMPTS}"),
            ));
        }
        self.options.attempts = attempts;
        self
    }

    /// Sets what is done about a refresh whose answer was lost.
    pub fn after_lost_answer(mut self, policy: LostAnswer) -> Self {
        self.options.lost_answer = policy;
        self
    }

    /// Sets what becomes of a call while nobody is signed in; by default it is
    /// sent without a token. A call with [`SkipAuth`](crate::auth::SkipAuth) is sent anyway.
    pub fn missing_token(mut self, missing: MissingToken) -> Self {
        self.options.missing = missing;
        self
    }

    /// Has the store looked at again when a call finds that the last look is
    /// this long ago; by default only a refresh looks.
    ///
    /// The look is made in the background, once: calls do not wait for it. So
    /// what another process has stored is used soon, and its sign-out ends the
    /// session here.
    pub fn recheck_store(mut self, every: Duration) -> Self {
        if every.is_zero() {
            self.fail(Error::new(
                ErrorKind::Builder,
                "`recheck_store` is 0, so every call would read the store",
            ));
        }
        self.options.recheck = Some(every);
        self
    }

    /// Sets the header; default `authorization`, with `Bearer `. A header of
    /// another name gets the bare token.
    pub fn header<N>(mut self, name: N) -> Self
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
    {
        match name.try_into() {
            Ok(name) => {
                self.options.header = name;
                self.options.cookie = None;
            }
            Err(source) => self.fail(
                Error::new(ErrorKind::Builder, "the header's name is not valid")
                    .with_source(source.into()),
            ),
        }
        self
    }

    /// Sends the token as a cookie of this name, instead of in a header.
    ///
    /// The other cookies of a request are kept. Where a cookie jar is
    /// registered too, register it before the pair, so that it finds this
    /// cookie set and leaves it.
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        let name: String = name.into();
        let fits = |byte: u8| byte.is_ascii_graphic() && !b";=,\"".contains(&byte);
        if name.is_empty() || !name.bytes().all(fits) {
            self.fail(Error::new(
                ErrorKind::Builder,
                "the cookie's name is not valid",
            ));
        }
        self.options.header = COOKIE;
        self.options.cookie = Some(name);
        self
    }

    /// Makes the jitter of leeway and back-off the same in every run.
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.options.jitter_seed = Some(seed);
        self
    }

    /// Calls `handler` on events; see [`TokenRefresh::on_event`](crate::auth::TokenRefresh::on_event).
    pub fn on_event(mut self, handler: impl Fn(&AuthEvent) + Send + Sync + 'static) -> Self {
        self.handlers.push(Arc::new(handler));
        self
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}

impl fmt::Debug for TokenRefreshBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRefreshBuilder")
            .field("origins", &self.options.origins)
            .field("leeway", &self.options.leeway)
            .field("refresh_timeout", &self.options.refresh_timeout)
            .finish_non_exhaustive()
    }
}
