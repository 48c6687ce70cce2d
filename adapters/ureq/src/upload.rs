//! [`Upload`]: a body that is read while it is sent.

use std::io::{self, Read};

use tollgate::{AdapterError, Body, BodyReader, ErrorKind};

use crate::watch;

/// A body that is held to the length that was declared for it.
///
/// ureq would wait for ever for the rest of a body that is too short. It reads
/// this on the calling thread; what goes wrong is noted in
/// [`Seen::upload`](watch::Seen::upload), past ureq's own errors.
pub(crate) struct Upload {
    reader: BodyReader,
    declared: Option<u64>,
    sent: u64,
}

impl Upload {
    pub(crate) fn new(body: Body, declared: Option<u64>) -> Self {
        Self {
            reader: body.into_reader(),
            declared,
            sent: 0,
        }
    }

    fn left(&self) -> Option<u64> {
        self.declared
            .map(|declared| declared.saturating_sub(self.sent))
    }

    fn check(&self, length: usize) -> Result<(), AdapterError> {
        match (self.declared, self.left()) {
            (Some(declared), Some(left)) if length as u64 > left => Err(AdapterError::new(
                ErrorKind::InvalidRequest,
                format!("the body is longer than the declared {declared} bytes"),
            )),
            (Some(declared), Some(left)) if length == 0 && left > 0 => Err(AdapterError::new(
                ErrorKind::InvalidRequest,
                format!("the body ended after {} of {declared} bytes", self.sent),
            )),
            _ => Ok(()),
        }
    }

    /// Ends the body without asking the caller for the rest: nothing of it
    /// reaches the server any more.
    fn skip(&mut self, room: usize) -> usize {
        let left = self.left().unwrap_or_default();
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(room);
        self.sent = self.sent.saturating_add(length as u64);
        length
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if watch::is_deaf() {
            return Ok(self.skip(buffer.len()));
        }
        watch::pause(None).map_err(ureq::Error::into_io)?;
        let read = loop {
            match self.reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let checked = read.and_then(|length| match self.check(length) {
            Ok(()) => Ok(length),
            Err(error) => Err(error.into()),
        });
        match checked {
            Ok(length) => {
                self.sent = self.sent.saturating_add(length as u64);
                Ok(length)
            }
            Err(error) => {
                watch::note(|seen| seen.upload = Some(error));
                Err(io::Error::other("the request's body could not be read"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate::Attempt;

    use super::*;
    use crate::watch::{Seen, Watch};

    fn read_all(upload: Upload) -> (Seen, io::Result<String>) {
        let attempt = Attempt::of(&http::Request::new(Body::empty()));
        Watch::head(attempt).run(|| io::read_to_string(upload))
    }

    fn reader(text: &'static str) -> Body {
        Body::from_reader(text.as_bytes())
    }

    #[test]
    fn a_body_of_the_declared_length_passes() {
        for declared in [None, Some(5)] {
            let (seen, text) = read_all(Upload::new(reader("hello"), declared));
            assert_eq!(text.unwrap(), "hello");
            assert!(seen.upload.is_none());
        }
    }

    #[test]
    fn a_body_of_another_length_is_an_error() {
        for (declared, expected) in [(4, "longer than the declared 4"), (6, "after 5 of 6")] {
            let (seen, text) = read_all(Upload::new(reader("hello"), Some(declared)));
            assert!(text.is_err(), "{declared}");
            let error = seen.upload.unwrap().downcast::<AdapterError>().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn nobody_is_asked_for_what_the_server_does_not_want() {
        struct Untouched;
        impl Read for Untouched {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("nobody wants this");
            }
        }
        for (declared, expected) in [(None, 0), (Some(100_000), 100_000)] {
            let attempt = Attempt::of(&http::Request::new(Body::empty()));
            let mut upload = Upload::new(Body::from_reader(Untouched), declared);
            let (_, length) = Watch::head(attempt).run(|| {
                watch::note(|seen| seen.deaf = true);
                let mut total = 0;
                let mut buffer = [0; 4096];
                while declared.is_some_and(|declared| total < declared) {
                    total += upload.read(&mut buffer).unwrap() as u64;
                }
                total
            });
            assert_eq!(length, expected);
        }
    }
}
