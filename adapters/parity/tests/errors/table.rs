//! The table: which failure is which error.

/// Kind, code, the status of the answer if one came, and what was done.
const TABLE: &str = "
Dns              ENOTFOUND                   -   a name that does not exist
Connect          ECONNREFUSED                -   nobody listens
Timeout          ETIMEDOUT                   -   a handshake that is not answered in time
Tls              ERR_NETWORK                 -   TLS to a server that speaks none
Transport        ERR_NETWORK                 -   an end before the head
Transport        ERR_NETWORK                 -   an end in the head
Transport        ECONNRESET                  -   a reset before the head
Transport        ERR_BAD_RESPONSE            -   an answer that is not HTTP
Transport        ERR_BAD_RESPONSE            -   two lengths that differ
Transport        ERR_BAD_RESPONSE            -   a head above its limit
Transport        ERR_NETWORK                 200 a body by length that ends early
Transport        ERR_NETWORK                 200 a body in chunks that ends early
Transport        ECONNRESET                  200 a reset in the body
Transport        ERR_BAD_RESPONSE            200 a chunk that is none
Status           ERR_BAD_RESPONSE            304 status 304
Status           ERR_BAD_REQUEST             404 status 404
Status           ERR_BAD_RESPONSE            503 status 503
Timeout          ETIMEDOUT                   -   no head within `timeout`
Timeout          ETIMEDOUT                   200 no end of the body within `timeout`
Timeout          ETIMEDOUT                   200 no end of the body within `deadline`
Timeout          ETIMEDOUT                   200 no chunk of a stream within `read_timeout`
Timeout          ETIMEDOUT                   200 no end of a stream within `deadline`
Redirect         ERR_FR_TOO_MANY_REDIRECTS   -   a redirect in a circle
Redirect         ERR_FR_REDIRECTION_FAILURE  -   a redirect to another scheme
Redirect         ERR_FR_REDIRECTION_FAILURE  -   a redirect that asks for a stream again
Redirect         ERR_FR_REDIRECTION_FAILURE  -   a redirect that leads a body to another origin
Redirect         ERR_FR_REDIRECTION_FAILURE  -   a redirect that `before_redirect` refuses
Decode           ERR_BAD_RESPONSE            200 a body that is not gzip
Decode           ERR_BAD_RESPONSE            200 a gzip body that is damaged
Decode           ERR_BAD_RESPONSE            200 JSON of another shape
Decode           ERR_BAD_RESPONSE            200 no body where JSON was expected
ResponseTooLarge ERR_BAD_RESPONSE            200 a body above `max_response_bytes`, by its length
ResponseTooLarge ERR_BAD_RESPONSE            200 a body above `max_response_bytes`, as it comes
Decode           ERR_BAD_RESPONSE            200 a `transform_response` that fails
Unsupported      ERR_NOT_SUPPORT             -   bytes of what was left a stream
Builder          ERR_BAD_OPTION_VALUE        -   an update of the defaults inside another
InvalidUrl       ERR_INVALID_URL             -   an address without a host
InvalidUrl       ERR_BAD_REQUEST             -   an address of another scheme
InvalidUrl       ERR_INVALID_URL             -   an address off the base's origin
InvalidRequest   ERR_FORM_DATA_DEPTH_EXCEEDED -  parameters that are nested too deeply
InvalidRequest   ERR_BAD_REQUEST             -   a header with a line break
Unsupported      ERR_NOT_SUPPORT             -   a method that no adapter sends
InvalidRequest   ERR_BAD_REQUEST             -   a length that is not the body's
RequestTooLarge  ERR_BAD_REQUEST             -   a body above `max_request_bytes`, by its length
RequestTooLarge  ERR_BAD_REQUEST             -   a body above `max_request_bytes`, as it is sent
InvalidRequest   ERR_BAD_REQUEST             -   a body that cannot be read
InvalidRequest   ERR_BAD_REQUEST             -   a body that ends before its length
InvalidRequest   ERR_BAD_REQUEST             -   a `transform_request` that fails
Cancelled        ERR_CANCELED                -   a call that was cancelled before
Cancelled        ERR_CANCELED                -   a call that is cancelled while it waits
Cancelled        ERR_CANCELED                200 a stream that is cancelled
Interceptor      ERR_INTERCEPTOR             -   a request interceptor that fails
Interceptor      ERR_INTERCEPTOR             -   a response interceptor that fails
Interceptor      ERR_INTERCEPTOR             -   an interceptor that panics
Auth             ERR_AUTH_REFRESH            -   a token that cannot be refreshed
SessionExpired   ERR_AUTH_REVOKED            -   a session that is over
";

/// One line of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Row<'a> {
    pub(crate) kind: &'a str,
    pub(crate) code: &'a str,
    pub(crate) status: &'a str,
    pub(crate) name: &'a str,
}

pub(crate) fn table() -> Vec<Row<'static>> {
    let mut rows = Vec::new();
    for line in TABLE.trim().lines() {
        let mut rest = line;
        let mut word = || {
            let (word, after) = rest.split_once(' ').unwrap();
            rest = after.trim_start();
            word
        };
        let (kind, code, status) = (word(), word(), word());
        rows.push(Row {
            kind,
            code,
            status,
            name: rest,
        });
    }
    rows
}
