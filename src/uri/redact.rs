//! Addresses as they may be printed: names of the query, never its values.

use std::fmt;

use http::Uri;

/// Prints an address with each query value replaced by `[REDACTED]`.
pub(crate) fn redacted(uri: &Uri) -> impl fmt::Display + '_ {
    Redacted(uri)
}

struct Redacted<'a>(&'a Uri);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.0;
        if let Some(scheme) = uri.scheme_str() {
            write!(f, "{scheme}://")?;
        }
        if let Some(authority) = uri.authority() {
            let text = authority.as_str();
            // User-info was taken out before; an interceptor may have put it back.
            let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
            f.write_str(host)?;
        }
        f.write_str(uri.path())?;
        let Some(query) = uri.query() else {
            return Ok(());
        };
        let mut separator = '?';
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some((name, _)) => write!(f, "{separator}{name}=[REDACTED]")?,
                None => write!(f, "{separator}[REDACTED]")?,
            }
            separator = '&';
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_user_info_are_masked() {
        let uri: Uri = "http://u:p@h/x?token=abc&flag&b=".parse().unwrap();
        assert_eq!(
            redacted(&uri).to_string(),
            "http://h/x?token=[REDACTED]&[REDACTED]&b=[REDACTED]"
        );
    }
}
