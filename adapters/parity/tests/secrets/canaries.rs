//! The secrets of these tests: one for each place where a secret can be.

use tollgate::adapter::conformance::Server;

/// What stands for a secret, and where it is planted.
pub(crate) struct Canary {
    pub(crate) place: &'static str,
    pub(crate) text: &'static str,
}

/// Gives each place a constant, and lists them.
macro_rules! canaries {
    ($($name:ident = $text:literal, $place:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*

        const ALL: &[Canary] = &[$(Canary { place: $place, text: $text },)*];
    };
}

canaries! {
    BEARER = "Kq9vTz3mWx81", "a bearer token";
    BASIC = "pR7nLd2sYh46", "a password of basic_auth";
    // `service:pR7nLd2sYh46` in base64.
    BASIC_ENCODED = "c2VydmljZTpwUjduTGQyc1loNDY", "a password of basic_auth in base64";
    USER_INFO = "Zt5gJb8cQe02", "a password in the address";
    // `guest:Zt5gJb8cQe02` in base64.
    USER_INFO_ENCODED = "Z3Vlc3Q6WnQ1Z0piOGNRZTAy", "a password in the address in base64";
    QUERY = "Vx2kHf7wMn93", "the query value `access_token`";
    PARAMETER = "Bw6rCy1pGj57", "the parameter `api_key`";
    COOKIE = "Ns4hDq8zKv60", "a cookie";
    NAMED = "Ll3mXe9tRa25", "a header that `sensitive_headers` names";
    MARKED = "Ug8cPs5yFo14", "a header that `set_sensitive` marks";
    BODY = "Ej1vBk6nWd79", "the body of a request";
    PART = "Hy7fTl2gZc38", "a field beside a file";
    PART_HEADER = "Oi9wQm4xSr02", "a header of a part";
    FILE = "Dk5pVu3jNb81", "the bytes of a file";
    SET_COOKIE = "Ga2sRh8vLt47", "`set-cookie` of an answer";
    LOCATION = "Xc6nYw1kEz90", "`location` of an answer";
    HISTORY = "Mf3tJp7bUq52", "an address that was left by a redirect";
    ANSWER = "Wr8yGd4hCx16", "the body of an answer";
    ACCESS = "Pz1lKn9mVs63", "an access token of a session";
    REFRESH = "Tb5qFe2wHj84", "a refresh token";
    CLIENT_SECRET = "Cu7xRo3yMg29", "a client secret";
    ASSERTION = "Qd4vZk8tBl05", "a parameter of the token request";
    ENDPOINT = "Sh6jWc1pXn71", "a query value of the token endpoint";
    NEW_ACCESS = "Ve9gLy5rDf38", "the access token of a token answer";
    NEW_REFRESH = "Jm2uTs7kOa96", "the refresh token of a token answer";
    SAID = "Rn8hEq4zPv13", "a text of a refusal of the token endpoint";
    PROXY = "Yf3bNw6xGc40", "a password of a proxy";
    // `hop:Yf3bNw6xGc40` in base64.
    PROXY_ENCODED = "aG9wOllmM2JOdzZ4R2M0MA", "a password of a proxy in base64";
    HELD = "Ao5dKr1sMt87", "a token that a hook holds which panics";
}

/// Lists the places of which a text shows the secret.
pub(crate) fn shown_in(text: &str) -> Vec<&'static str> {
    let shown = ALL.iter().filter(|canary| text.contains(canary.text));
    shown.map(|canary| canary.place).collect()
}

/// Asserts that a server has received each of these.
#[track_caller]
pub(crate) fn got(server: &Server, secrets: &[&str]) {
    let bytes = server.bytes().concat();
    let text = String::from_utf8_lossy(&bytes);
    for secret in secrets {
        assert!(text.contains(secret), "`{secret}` was not sent");
    }
}

#[test]
fn each_place_has_a_secret_of_its_own() {
    for (at, canary) in ALL.iter().enumerate() {
        assert!(canary.text.len() >= 12, "{}", canary.place);
        for other in &ALL[at + 1..] {
            let alike = other.text.contains(canary.text) || canary.text.contains(other.text);
            assert!(!alike, "{} and {}", canary.place, other.place);
        }
    }
}
