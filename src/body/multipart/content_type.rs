//! [`Form`]: what the rest of the crate has to know of a form.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use super::file::FileSource;
use crate::error::{Error, ErrorKind, Result};

/// The content type of a body that is a form, and the files in it.
pub(crate) struct Form {
    content_type: HeaderValue,
    boundary: String,
    files: Vec<Arc<FileSource>>,
}

impl Form {
    pub(super) fn new(boundary: String, files: Vec<Arc<FileSource>>) -> Result<Self> {
        Ok(Self {
            content_type: value_of(&format!("multipart/form-data; boundary={boundary}"))?,
            boundary,
            files,
        })
    }

    /// Asks whether all files can still be sent as declared.
    ///
    /// It is asked before each attempt, so that nothing is sent in vain.
    pub(crate) fn check(&self) -> Result<()> {
        self.files.iter().try_for_each(|file| file.open().map(drop))
    }

    /// Makes the caller's `Content-Type` name this form's boundary; a type that
    /// has none is the caller's own affair.
    pub(crate) fn settle_type(&self, headers: &mut HeaderMap) -> Result<()> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            self.set_type(headers);
            return Ok(());
        };
        let Some(text) = value.to_str().ok().filter(|text| is_multipart(text)) else {
            return Ok(());
        };
        match boundary_of(text) {
            Some(boundary) if boundary == self.boundary => Ok(()),
            Some(_) => Err(Error::new(
                ErrorKind::InvalidRequest,
                "the header `content-type` names another boundary than the form has",
            )
            .with_hint("leave the header out, or leave out its `boundary`")),
            None => {
                let kind = text.trim_end_matches([';', ' ', '\t']);
                let whole = format!("{kind}; boundary={}", self.boundary);
                headers.insert(header::CONTENT_TYPE, value_of(&whole)?);
                Ok(())
            }
        }
    }

    pub(crate) fn set_type(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
    }

    /// Takes the type off, where it speaks of this form.
    pub(crate) fn clear_type(&self, headers: &mut HeaderMap) {
        let value = headers.get(header::CONTENT_TYPE);
        let text = value.and_then(|value| value.to_str().ok());
        let named = text.filter(|text| is_multipart(text)).and_then(boundary_of);
        if named.is_some_and(|boundary| boundary == self.boundary) {
            headers.remove(header::CONTENT_TYPE);
        }
    }
}

fn value_of(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|source| {
        Error::new(
            ErrorKind::InvalidRequest,
            "the header `content-type` cannot name the form's boundary",
        )
        .with_source(source)
    })
}

fn is_multipart(text: &str) -> bool {
    let kind = text.split('/').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart")
}

/// Returns the parameter `boundary` of a type, out of its quotes.
fn boundary_of(text: &str) -> Option<&str> {
    let mut rest = text.split_once(';')?.1;
    loop {
        let (name, value) = rest.split_once('=')?;
        // A parameter without a value is passed over.
        let name = name.rsplit(';').next().unwrap_or_default().trim();
        let value = value.trim_start();
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_once(';').unwrap_or((value, "")),
        };
        if name.eq_ignore_ascii_case("boundary") {
            return Some(value.trim());
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(value: &'static str) -> Result<String> {
        let form = Form::new("ours".to_owned(), Vec::new())?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        form.settle_type(&mut headers)?;
        let value = headers.get(header::CONTENT_TYPE).unwrap();
        Ok(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_boundary_is_found_in_any_spelling() {
        for (text, expected) in [
            ("multipart/form-data", None),
            ("multipart/form-data;", None),
            ("multipart/form-data; charset=utf-8", None),
            ("multipart/form-data; boundary=a", Some("a")),
            ("multipart/form-data;charset=\"x;boundary=b\"", None),
            ("m/f; charset=\"x;y\" ; BOUNDARY = \"a b\"; z", Some("a b")),
            ("m/f; flag; boundary=a;x=y", Some("a")),
            ("m/f; boundary=", Some("")),
        ] {
            assert_eq!(boundary_of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_type_without_a_boundary_is_completed() {
        for (given, expected) in [
            ("multipart/form-data", "multipart/form-data; boundary=ours"),
            ("Multipart/Mixed ; ", "Multipart/Mixed; boundary=ours"),
            (
                "multipart/related; type=\"a/b\"",
                "multipart/related; type=\"a/b\"; boundary=ours",
            ),
        ] {
            assert_eq!(settled(given).unwrap(), expected);
        }
    }

    #[test]
    fn a_type_that_needs_nothing_is_left_alone() {
        for given in [
            "application/octet-stream",
            "text/plain; boundary=theirs",
            "multipart/form-data;boundary=\"ours\"",
        ] {
            assert_eq!(settled(given).unwrap(), given);
        }
    }

    #[test]
    fn another_boundary_is_refused() {
        for given in [
            "multipart/form-data; boundary=theirs",
            "multipart/x; boundary=",
        ] {
            let error = settled(given).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{given}");
        }
    }
}
