//! What the builder refuses.

use std::time::Duration;

use tollgate::{
    ErrorKind,
    auth::{JsonRefresh, MemoryStore, OAuth2Refresh, TokenRefresh, TokenRefreshBuilder},
};

fn builder() -> TokenRefreshBuilder {
    TokenRefresh::builder(MemoryStore::empty(), JsonRefresh::new("/refresh"))
}

#[test]
fn mistakes_surface_at_build() {
    for (builder, kind, word) in [
        (
            builder().origins(["api.test"]),
            ErrorKind::InvalidUrl,
            "scheme",
        ),
        (builder().origins([""; 0]), ErrorKind::Builder, "`origins`"),
        (
            builder().origins(["http://a.test"]),
            ErrorKind::Builder,
            "encryption",
        ),
        (builder().header("a b"), ErrorKind::Builder, "header"),
        (
            builder().refresh_timeout(Duration::ZERO),
            ErrorKind::Builder,
            "`refresh_timeout`",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(
        builder()
            .origins(["http://a.test"])
            .allow_plaintext(true)
            .build()
            .is_ok()
    );
}

#[test]
fn a_token_endpoint_without_encryption_is_refused() {
    let build = |url: &str| {
        let refresher = OAuth2Refresh::new(url, "app");
        TokenRefresh::builder(MemoryStore::empty(), refresher).build()
    };
    assert!(build("http://id.test/token").is_err());
    assert!(build("https://id.test/token").is_ok());
    assert!(build("http://127.0.0.1:9/token").is_ok());
    assert!(build("/token").is_ok(), "joined to the base");
    assert!(build("https://id test/").is_err());
    let revoking =
        OAuth2Refresh::new("https://id.test/token", "app").revocation_url("http://id.test/revoke");
    let built = TokenRefresh::builder(MemoryStore::empty(), revoking).build();
    assert!(built.is_err());
}
