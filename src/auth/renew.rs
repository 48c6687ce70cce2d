//! [`Renew`]: the response half, which gets a new token and replays.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use http::{Extensions, StatusCode};

use super::{
    RefreshClass, SkipAuth,
    replayed::{Awaited, Replayed},
    session::{Join, Landed, Refusal, Sent, Session, failure},
};
use crate::{
    Client, Error, ErrorKind, RequestHead, Response, ResponseFlow, ResponseInterceptor, Result,
};

/// Sees refused tokens, gets a new one and replays the call once; the second
/// half of a [`TokenRefresh`](super::TokenRefresh).
#[derive(Clone, Debug)]
pub struct Renew {
    pub(super) session: Arc<Session>,
}

/// What becomes of a call whose token was refused.
enum Verdict {
    /// It is not about our token, or was replayed before.
    Pass,
    /// As before, with a word on why.
    Note(&'static str),
    Replay(Landed),
    Fail(Error),
}

impl ResponseInterceptor for Renew {
    async fn on_fulfilled(&self, response: Response) -> Result<ResponseFlow> {
        let status = response.status();
        let client = response.client();
        let sent = self.sent(response.request(), response.extensions());
        match self.judge(sent, client, status).await {
            Verdict::Pass | Verdict::Note(_) => Ok(response.into()),
            Verdict::Fail(error) => Err(error),
            Verdict::Replay(landed) => Ok(match response.replay() {
                ResponseFlow::Replay(replay) => {
                    let session = self.session.id;
                    let replay = replay.with(move |it| Replayed::mark(it, session, landed));
                    replay.into()
                }
                flow @ ResponseFlow::Continue(_) => flow,
            }),
        }
    }

    async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
        let Some(status) = self.trigger(&error) else {
            return Err(error);
        };
        let client = error.client();
        let sent = self.sent(error.request(), error.extensions());
        match self.judge(sent, client, status).await {
            Verdict::Pass => Err(error),
            Verdict::Note(note) => Err(error.with_note(note)),
            Verdict::Fail(failure) => Err(failure),
            Verdict::Replay(landed) => {
                let session = self.session.id;
                error.replay_with(move |it| Replayed::mark(it, session, landed))
            }
        }
    }

    fn try_sync(&self, response: Response) -> Result<Result<ResponseFlow>, Response> {
        if self.refuses(&response) {
            Err(response)
        } else {
            Ok(Ok(response.into()))
        }
    }
}

impl Renew {
    /// Tells whether an answer refuses the token, by its status or by the
    /// user's predicate.
    fn refuses(&self, response: &Response) -> bool {
        let options = &self.session.options;
        match response.status() {
            StatusCode::UNAUTHORIZED => true,
            StatusCode::FORBIDDEN if options.also_on_forbidden => true,
            _ => options.refresh_when.as_ref().is_some_and(|refresh_when| {
                let asked = catch_unwind(AssertUnwindSafe(|| refresh_when(response)));
                asked.unwrap_or_else(|_| {
                    self.session.tally.add(&self.session.tally.panics);
                    false
                })
            }),
        }
    }

    /// Returns the status of an error that refuses the token.
    fn trigger(&self, error: &Error) -> Option<StatusCode> {
        let response = error.response()?;
        let refuses = error.kind() == ErrorKind::Status && self.refuses(response);
        refuses.then(|| response.status())
    }

    /// Returns the header that was really sent on the last hop, unless the
    /// call opted out or was replayed before.
    ///
    /// Where the guard took our header off, none was sent: the refusal is not
    /// about our token.
    fn sent(&self, head: Option<&RequestHead>, extensions: &Extensions) -> Option<Sent> {
        let replayed = extensions
            .get::<Replayed>()
            .and_then(|replayed| replayed.of(self.session.id));
        if replayed.is_some() || extensions.get::<SkipAuth>().is_some() {
            return None;
        }
        let awaited = extensions.get::<Awaited>();
        Some(Sent {
            header: head?.headers().get(&self.session.options.header)?.clone(),
            awaited: awaited.and_then(|awaited| awaited.of(self.session.id)),
        })
    }

    async fn judge(
        &self,
        sent: Option<Sent>,
        client: Option<Client>,
        status: StatusCode,
    ) -> Verdict {
        let (Some(sent), Some(client)) = (sent, client) else {
            return Verdict::Pass;
        };
        let landed = match self.session.refused(&sent, &client) {
            Refusal::PassOn => return Verdict::Pass,
            Refusal::Stale(landed) => landed,
            Refusal::Current(join) => {
                let outcome = match join {
                    Join::Wait(waiter) => waiter.await,
                    Join::Failed(error) => Err(error),
                    Join::Ready | Join::SignedOut | Join::Inside => return Verdict::Pass,
                };
                match outcome {
                    Ok(landed) => landed,
                    Err(error) => match error.class() {
                        RefreshClass::Superseded => return Verdict::Note(OTHER_SESSION),
                        RefreshClass::Unchanged => return Verdict::Note(SAME_TOKEN),
                        _ => {
                            let note = format!("the call was refused with {}", status.as_u16());
                            return Verdict::Fail(failure(&error).with_note(note));
                        }
                    },
                }
            }
        };
        self.session.tally.add(&self.session.tally.replays);
        Verdict::Replay(landed)
    }
}

const OTHER_SESSION: &str = "not replayed: somebody signed in or out meanwhile";
const SAME_TOKEN: &str = "not replayed: the refresh gave the refused token again";
