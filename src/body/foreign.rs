//! Bodies of other crates, taken in.

use std::{
    any::Any,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Body, BodyError};

/// Returns a body that is one of ours as itself, unwrapped.
pub(crate) fn ours<B: 'static>(body: B) -> Result<Body, B> {
    let mut slot = Some(body);
    let found = (&mut slot as &mut dyn Any)
        .downcast_mut::<Option<Body>>()
        .and_then(Option::take);
    match (found, slot) {
        (Some(body), _) => Ok(body),
        (None, Some(foreign)) => Err(foreign),
        (None, None) => Ok(Body::empty()),
    }
}

/// Takes a body in, so that it can be sent again where its bytes are there.
///
/// A body that knows its length is polled once: `Full` and `String` give all
/// that they have, and stay replayable. The future is ready at its first poll.
pub(crate) async fn take<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    let mut body = match ours(body) {
        Ok(body) => return body,
        Err(foreign) => Box::pin(foreign),
    };
    if body.is_end_stream() {
        return Body::empty();
    }
    let hint = body.size_hint();
    let Some(length) = hint.exact() else {
        return Body::stream(body);
    };
    let look = poll_fn(|context| {
        let frame = body.as_mut().poll_frame(context);
        Poll::Ready(frame.map(|frame| frame.map(|it| it.map_err(Into::into))))
    });
    let first: Result<_, BodyError> = match look.await {
        Poll::Pending => return Body::stream(body),
        Poll::Ready(None) => return Body::empty(),
        Poll::Ready(Some(first)) => first,
    };
    if let Ok(frame) = &first
        && let Some(data) = frame.data_ref()
        && data.len() as u64 == length
        && body.is_end_stream()
    {
        return data.clone().into();
    }
    Body::stream(Peeked {
        first: Some(first),
        hint,
        rest: Body::stream(body),
    })
}

/// A body of which the first frame has been taken.
struct Peeked {
    first: Option<Result<Frame<Bytes>, BodyError>>,
    /// As it was before.
    hint: SizeHint,
    rest: Body,
}

impl HttpBody for Peeked {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.rest.poll(context),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::runtime::block_on;

    /// Gives its pieces one by one, with the length of the whole if it is told.
    struct Pieces(Vec<&'static str>, bool);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            let piece = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(piece.map(|piece| match piece {
                "fail" => Err("it broke".into()),
                piece => Ok(Frame::data(Bytes::from_static(piece.as_bytes()))),
            }))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            let length = self.0.iter().map(|piece| piece.len() as u64).sum();
            if self.1 {
                SizeHint::with_exact(length)
            } else {
                SizeHint::default()
            }
        }
    }

    fn taken(pieces: &[&'static str], exact: bool) -> Body {
        block_on(take(Pieces(pieces.to_vec(), exact)))
    }

    fn text(body: Body) -> String {
        let mut text = String::new();
        body.into_reader().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_body_of_ours_stays_what_it_is() {
        let body = block_on(take(Body::factory(|| Body::from("again"))));
        assert!(body.is_replayable());
        let streamed = block_on(take(Body::stream(String::from("once"))));
        assert!(!streamed.is_replayable());
        assert!(ours(String::new()).is_err());
    }

    #[test]
    fn bytes_at_hand_can_be_sent_again() {
        let body = block_on(take(String::from("all of it")));
        assert_eq!(body.as_bytes().unwrap(), "all of it");
        assert_eq!(taken(&["one"], true).as_bytes().unwrap(), "one");
        assert!(taken(&[], true).is_empty());
    }

    #[test]
    fn a_stream_loses_nothing_by_the_look() {
        let body = taken(&["one", "two"], true);
        assert!(!body.is_replayable());
        assert_eq!(body.length(), Some(6));
        assert_eq!(text(body), "onetwo");

        let body = taken(&["one", "two"], false);
        assert_eq!(body.length(), None);
        assert_eq!(text(body), "onetwo");
    }

    #[test]
    fn a_failure_at_the_first_look_is_kept() {
        let mut reader = taken(&["fail", "two"], true).into_reader();
        let error = reader.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.to_string(), "it broke");
    }
}
