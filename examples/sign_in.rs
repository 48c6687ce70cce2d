//! Signs in with a browser: an authorization code with PKCE, run by the
//! `oauth2` crate over a tollgate client; then a session that looks after itself.
//!
//! ```text
//! cargo run --example sign_in
//! ```
//!
//! Expected output:
//!
//! ```text
//! the browser comes back with a code and our state
//! signed in for 3600 s
//! {"path":"/me","user":"ada"} after 1 attempt(s)
//! the access token expires
//! {"path":"/me","user":"ada"} after 2 attempt(s)
//! signed out, the server has revoked 1 token
//! 401 Unauthorized
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use http::header::LOCATION;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, TokenResponse,
    TokenUrl,
    basic::{BasicClient, BasicTokenResponse},
    url::Url,
};
use tollgate::{
    Client,
    auth::{MemoryStore, OAuth2Refresh, Token, TokenRefresh, conformance::StrictAuthServer},
};
use tollgate_reqwest::ReqwestAdapter;

type Anything = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Anything> {
    let server = StrictAuthServer::builder().client_id("my-app").start()?;

    // The application: a client, and a session in which nobody is signed in.
    let client = Client::builder(ReqwestAdapter::new()?)
        .base_url(server.api_url())
        .build()?;
    let refresher =
        OAuth2Refresh::new(server.token_url(), "my-app").revocation_url(server.revocation_url());
    let session = TokenRefresh::builder(MemoryStore::empty(), refresher).build()?;
    client.interceptors.use_pair(session.clone());

    // What goes into addresses and forms is the affair of the `oauth2` crate.
    let app = BasicClient::new(ClientId::new("my-app".to_owned()))
        .set_auth_uri(AuthUrl::new(server.authorize_url())?)
        .set_token_uri(TokenUrl::new(server.token_url())?)
        .set_redirect_uri(RedirectUrl::new("http://127.0.0.1/callback".to_owned())?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let begin = app.authorize_url(CsrfToken::new_random);
    let (address, state) = begin.set_pkce_challenge(challenge).url();

    let back = browse(&client.derive().build()?, &address).await?;
    if parameter(&back, "state")? != *state.secret() {
        return Err("this is the end of a sign-in that somebody else has begun".into());
    }
    println!("the browser comes back with a code and our state");

    // Its HTTP is ours: the same adapter, the same limits, no redirects.
    let code = AuthorizationCode::new(parameter(&back, "code")?);
    let exchange = app.exchange_code(code).set_pkce_verifier(verifier);
    let granted = exchange.request_async(&client.as_http_client()).await?;
    let lifetime = granted.expires_in().unwrap_or_default();
    session.sign_in(token(&granted, &client)).await?;
    println!("signed in for {} s", lifetime.as_secs());

    // From here on nobody thinks of tokens.
    me(&client).await?;
    server.expire_all();
    println!("the access token expires");
    me(&client).await?;

    session.sign_out().await?;
    let revoked = server.report().revocations();
    println!("signed out, the server has revoked {revoked} token");
    println!("{}", client.get("/me").accept_any_status().await?.status());
    Ok(())
}

/// Opens a page as a browser would, and returns where that sends the user.
async fn browse(browser: &Client, address: &Url) -> Result<Url, Anything> {
    let page = browser.get(address.as_str()).max_redirects(0);
    let answer = page.accept_any_status().await?;
    let location = answer.headers().get(LOCATION).ok_or("no redirect")?;
    Ok(Url::parse(location.to_str()?)?)
}

fn parameter(address: &Url, name: &str) -> Result<String, Anything> {
    let found = address.query_pairs().find(|(key, _)| key == name);
    let (_, value) = found.ok_or_else(|| format!("there is no `{name}` in the address"))?;
    Ok(value.into_owned())
}

/// Makes what the token endpoint has granted a token of the session's.
fn token(granted: &BasicTokenResponse, client: &Client) -> Token {
    let mut token = Token::new(granted.access_token().secret().as_str());
    if let Some(refresh) = granted.refresh_token() {
        token = token.refresh(refresh.secret().as_str());
    }
    if let Some(lifetime) = granted.expires_in() {
        token = token.expires_in(lifetime, client.runtime().wall());
    }
    token
}

async fn me(client: &Client) -> Result<(), Anything> {
    let response = client.get("/me").await?;
    let (text, attempts) = (response.text()?, response.attempts());
    println!("{text} after {attempts} attempt(s)");
    Ok(())
}
