//! The two halves by which a client uses a jar.

use std::borrow::Cow;

use http::{
    HeaderMap, Uri,
    header::{COOKIE, SET_COOKIE},
};
use zeroize::Zeroizing;

use super::shared::{CookieJar, parse_url};
use crate::{
    Error, InterceptorPair, Origin, Request, RequestFlow, RequestInterceptor, Response,
    ResponseFlow, ResponseInterceptor, Result,
};

/// Puts a jar's cookies on requests; the first half of a [`CookieJar`].
#[derive(Clone, Debug)]
pub struct AttachCookies(CookieJar);

/// Takes in the cookies of answers, accepted or not; the second half of a
/// [`CookieJar`].
#[derive(Clone, Debug)]
pub struct KeepCookies(CookieJar);

impl InterceptorPair for CookieJar {
    type Request = AttachCookies;
    type Response = KeepCookies;

    fn into_pair(self) -> (AttachCookies, KeepCookies) {
        (AttachCookies(self.clone()), KeepCookies(self))
    }

    fn name(&self) -> Cow<'static, str> {
        "cookie jar".into()
    }
}

impl RequestInterceptor for AttachCookies {
    async fn on_fulfilled(&self, mut request: Request) -> Result<RequestFlow> {
        self.attach(&mut request);
        Ok(request.into())
    }

    fn try_sync(&self, mut request: Request) -> Result<Result<RequestFlow>, Request> {
        self.attach(&mut request);
        Ok(Ok(request.into()))
    }
}

impl AttachCookies {
    /// Does nothing to an address that cannot be read: the call fails later.
    fn attach(&self, request: &mut Request) {
        let text = request.uri().to_string();
        let (Some(url), Ok(origin)) = (parse_url(&text), text.parse::<Origin>()) else {
            return;
        };
        let Some(own) = own_cookies(request.headers()) else {
            return;
        };
        if let Some(value) = self.0.header(&url, &own) {
            request.headers_mut().insert(COOKIE, value);
            request.bind_header(COOKIE, origin.into());
        }
    }
}

/// Joins what the caller has set; `None` where it is not text, and is left
/// alone.
fn own_cookies(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let mut own = Zeroizing::new(String::new());
    for value in headers.get_all(COOKIE) {
        if !own.is_empty() {
            own.push_str("; ");
        }
        own.push_str(std::str::from_utf8(value.as_bytes()).ok()?);
    }
    Some(own)
}

impl ResponseInterceptor for KeepCookies {
    async fn on_fulfilled(&self, response: Response) -> Result<ResponseFlow> {
        self.keep(&response);
        Ok(response.into())
    }

    async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
        if let Some(response) = error.response() {
            self.keep(response);
        }
        Err(error)
    }

    fn try_sync(&self, response: Response) -> Result<Result<ResponseFlow>, Response> {
        self.keep(&response);
        Ok(Ok(response.into()))
    }
}

impl KeepCookies {
    /// An answer that an interceptor made up has no address, and no cookies.
    fn keep(&self, response: &Response) {
        if !response.headers().contains_key(SET_COOKIE) {
            return;
        }
        if let Some(url) = response.uri().map(Uri::to_string) {
            self.0.store_response(&url, response.headers());
        }
    }
}
