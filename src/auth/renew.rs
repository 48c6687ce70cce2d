//! [`Renew`]: the response half, which gets a new token and replays.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use http::{Extensions, HeaderMap, Method, StatusCode};

use super::{
    Challenge, RefreshClass, ReplayAfterRefusal, SkipAuth, StepUp, carrier,
    dpop::PROOF,
    replayed::{Awaited, Nonced, Replayed},
    session::{Join, Landed, Refusal, Sent, Session, Status, failure},
    sessions::{Found, Sessions},
    step_up::Demand,
    unread,
};
use crate::{
    Client, Error, ErrorCode, ErrorKind, NotReplayed, Request, Response, ResponseFlow,
    ResponseInterceptor, Result,
};

/// Sees refused tokens, gets a new one and replays the call once; the second
/// half of a [`TokenRefresh`](super::TokenRefresh) or a
/// [`KeyedTokenRefresh`](super::KeyedTokenRefresh).
///
/// | answer | what follows |
/// |---|---|
/// | 401 with `invalid_token`, another error, or no challenge | a refresh, then a replay |
/// | 401 or 403 that asks for more than a refresh gives | no refresh: a [`StepUp`] |
/// | 401 with `use_dpop_nonce` (RFC 9449 §9) | no refresh: a replay with the nonce |
/// | 401 with `invalid_dpop_proof` | nothing: no other token helps |
/// | 403, or what `refresh_when` finds, where asked for | a refresh; a replay if the method is idempotent |
///
/// The two rows about proofs hold where there is a prover.
#[derive(Clone, Debug)]
pub struct Renew {
    pub(super) sessions: Sessions,
}

/// Judges the answers to what one session has sent.
struct Renewing<'a> {
    session: &'a Arc<Session>,
}

/// What an answer has to do with the token.
enum Concern {
    /// It refuses the token. A 401 was not carried out, whatever its method.
    Refused {
        unprocessed: bool,
    },
    Demand(Demand),
}

/// One answer, without its body.
struct Case {
    concern: Concern,
    status: StatusCode,
    sent: Option<Sent>,
    client: Option<Client>,
    /// A session of ours has replayed the call before, with a new token.
    replayed: bool,
    /// The same, with a nonce.
    nonced: bool,
    /// The answer has brought a nonce.
    nonce: bool,
    /// Why the call must not be replayed, if it must not.
    hindrance: Option<&'static str>,
}

/// What becomes of a call whose token was refused.
enum Verdict {
    /// It is not about our token, or was replayed before.
    Pass,
    /// As before, with a word on why.
    Note(&'static str),
    Replay(Again),
    StepUp(StepUp),
    Fail(Error),
}

/// The mark of a replay.
struct Again {
    session: u64,
    landed: Landed,
    for_nonce: bool,
}

impl Again {
    fn mark(self, request: &mut Request) {
        if self.for_nonce {
            Nonced::mark(request, self.session, self.landed);
        } else {
            Replayed::mark(request, self.session, self.landed);
        }
    }
}

impl ResponseInterceptor for Renew {
    async fn on_fulfilled(&self, mut response: Response) -> Result<ResponseFlow> {
        let Some(found) = self.sessions.take(response.extensions()) else {
            return Ok(response.into());
        };
        let renewing = Renewing { session: &found };
        // `try_sync` has asked the predicate.
        let Some(concern) = renewing.concern(&response, || true) else {
            return Ok(response.into());
        };
        let case = renewing.case(concern, &response, response.extensions(), response.client());
        let verdict = unread::meanwhile(&mut response, renewing.judge(case)).await;
        match verdict {
            Verdict::Pass => Ok(response.into()),
            Verdict::Note(note) => {
                let note = NotReplayed::new(note.to_owned());
                response.extensions_mut().insert(note);
                Ok(response.into())
            }
            Verdict::StepUp(step_up) => {
                response.extensions_mut().insert(step_up);
                Ok(response.into())
            }
            Verdict::Fail(error) => Err(error),
            Verdict::Replay(again) => Ok(match response.replay() {
                ResponseFlow::Replay(replay) => replay.with(marking(again, found)).into(),
                flow @ ResponseFlow::Continue(_) => flow,
            }),
        }
    }

    async fn on_rejected(&self, error: Error) -> Result<ResponseFlow> {
        let Some(found) = self.sessions.take(error.extensions()) else {
            return Err(error);
        };
        let renewing = Renewing { session: &found };
        let answer = error
            .response()
            .filter(|_| error.kind() == ErrorKind::Status);
        let Some(response) = answer else {
            return Err(error);
        };
        renewing.take_nonce(response);
        let Some(concern) = renewing.concern(response, || renewing.finds_refusal(response)) else {
            return Err(error);
        };
        let case = renewing.case(concern, response, error.extensions(), error.client());
        match renewing.judge(case).await {
            Verdict::Pass => Err(error),
            Verdict::Note(note) => Err(error.with_note(note)),
            Verdict::StepUp(step_up) => Err(asks_for_more(error, step_up)),
            Verdict::Fail(failure) => Err(failure),
            Verdict::Replay(again) => error.replay_with(marking(again, found)),
        }
    }

    fn try_sync(&self, response: Response) -> Result<Result<ResponseFlow>, Response> {
        let concerns = self.sessions.find(response.extensions()).is_some_and(|it| {
            let renewing = Renewing { session: &it };
            renewing.take_nonce(&response);
            let concern = renewing.concern(&response, || renewing.finds_refusal(&response));
            concern.is_some()
        });
        if concerns {
            return Err(response);
        }
        self.sessions.release(response.extensions());
        Ok(Ok(response.into()))
    }
}

/// Marks the call's original request, and whose it is.
fn marking(again: Again, found: Found<'_>) -> impl FnOnce(&mut Request) + Send + 'static {
    let sending = found.into_sending();
    move |request| {
        again.mark(request);
        drop(sending.map(|it| it.mark(request)));
    }
}

impl Renewing<'_> {
    /// Tells what an answer has to do with the token, by its status, its
    /// challenges, or the user's predicate, in this order.
    fn concern(&self, response: &Response, predicate: impl FnOnce() -> bool) -> Option<Concern> {
        match response.status() {
            StatusCode::UNAUTHORIZED => Some(match self.demand(response.headers()) {
                Some(demand) => Concern::Demand(demand),
                None => Concern::Refused { unprocessed: true },
            }),
            StatusCode::FORBIDDEN => match self.demand(response.headers()) {
                Some(demand @ Demand::StepUp(_)) => Some(Concern::Demand(demand)),
                _ if self.session.options.also_on_forbidden || predicate() => {
                    Some(Concern::Refused { unprocessed: false })
                }
                _ => None,
            },
            _ => predicate().then_some(Concern::Refused { unprocessed: false }),
        }
    }

    fn demand(&self, headers: &HeaderMap) -> Option<Demand> {
        match Demand::of(&Challenge::parse_all(headers))? {
            Demand::Nonce | Demand::Proof if self.session.options.dpop.is_none() => None,
            demand => Some(demand),
        }
    }

    /// Asks the user's predicate.
    fn finds_refusal(&self, response: &Response) -> bool {
        let Some(refresh_when) = &self.session.options.refresh_when else {
            return false;
        };
        let asked = catch_unwind(AssertUnwindSafe(|| refresh_when(response)));
        asked.unwrap_or_else(|_| {
            self.session.tally.add(&self.session.tally.panics);
            false
        })
    }

    /// Remembers the nonce of an answer to a request with a proof; tells
    /// whether there was one.
    fn take_nonce(&self, response: &Response) -> bool {
        let Some(dpop) = &self.session.options.dpop else {
            return false;
        };
        let proven = response
            .request()
            .filter(|head| head.headers().contains_key(PROOF));
        proven.is_some_and(|head| dpop.learn(head.uri(), response.headers()))
    }

    fn case(
        &self,
        concern: Concern,
        response: &Response,
        extensions: &Extensions,
        client: Option<Client>,
    ) -> Case {
        let id = self.session.id;
        let replayed = extensions.get::<Replayed>().and_then(|it| it.of(id));
        let nonced = extensions.get::<Nonced>().and_then(|it| it.of(id));
        let unprocessed = matches!(concern, Concern::Refused { unprocessed: true });
        Case {
            concern,
            status: response.status(),
            sent: self.sent(response, extensions),
            client,
            replayed: replayed.is_some(),
            nonced: nonced.is_some(),
            nonce: self.take_nonce(response),
            hindrance: self.hindrance(response, extensions, unprocessed),
        }
    }

    /// Returns the header that was really sent on the last hop, unless the
    /// call opted out.
    ///
    /// Where the guard took our header off, none was sent: the refusal is not
    /// about our token.
    fn sent(&self, response: &Response, extensions: &Extensions) -> Option<Sent> {
        if extensions.get::<SkipAuth>().is_some() {
            return None;
        }
        let headers = response.request()?.headers();
        let awaited = extensions.get::<Awaited>();
        Some(Sent {
            header: carrier::token_of(&self.session.options, headers)?,
            awaited: awaited.and_then(|awaited| awaited.of(self.session.id)),
        })
    }

    fn hindrance(
        &self,
        response: &Response,
        extensions: &Extensions,
        unprocessed: bool,
    ) -> Option<&'static str> {
        match extensions.get() {
            Some(ReplayAfterRefusal::Always) => return None,
            Some(ReplayAfterRefusal::Never) => return Some(NOT_WANTED),
            None => {}
        }
        let free = unprocessed || self.session.options.replay_any_method;
        let safe = || {
            let method = response.original_method();
            method.is_some_and(Method::is_idempotent)
        };
        (!free && !safe()).then_some(NOT_IDEMPOTENT)
    }

    async fn judge(&self, case: Case) -> Verdict {
        let (Some(sent), Some(client)) = (&case.sent, &case.client) else {
            return Verdict::Pass;
        };
        match &case.concern {
            Concern::Refused { .. } if case.replayed => Verdict::Pass,
            Concern::Refused { .. } => self.refresh(&case, sent, client).await,
            Concern::Demand(Demand::Proof) => Verdict::Pass,
            Concern::Demand(Demand::StepUp(step_up)) => match self.owner(sent, client) {
                None => Verdict::Pass,
                Some(_) => {
                    let current = self.session.current();
                    let granted = match &current.status {
                        Status::Live(held) => held.token.granted_scope(),
                        Status::Unloaded | Status::Empty | Status::Dead(_) => None,
                    };
                    Verdict::StepUp(step_up.clone().beside(granted))
                }
            },
            Concern::Demand(Demand::Nonce) => match self.owner(sent, client) {
                None => Verdict::Pass,
                Some(_) if case.nonced => Verdict::Note(NONCE_AGAIN),
                Some(_) if !case.nonce => Verdict::Note(NO_NONCE),
                Some(landed) => Verdict::Replay(Again {
                    session: self.session.id,
                    landed,
                    for_nonce: true,
                }),
            },
        }
    }

    /// Returns the generation of the header that was sent, if it is ours.
    fn owner(&self, sent: &Sent, client: &Client) -> Option<Landed> {
        let snapshot = self.session.current();
        if matches!(&snapshot.status, Status::Live(held) if held.header == sent.header) {
            return Some(Landed {
                generation: snapshot.generation,
                version: 0,
                minted: false,
            });
        }
        // Not the current one, so that asking about it begins nothing.
        match self.session.refused(sent, client) {
            Refusal::Stale(landed) => Some(landed),
            Refusal::PassOn | Refusal::Current(_) => None,
        }
    }

    async fn refresh(&self, case: &Case, sent: &Sent, client: &Client) -> Verdict {
        let landed = match self.session.refused(sent, client) {
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
                            let status = case.status.as_u16();
                            let note = format!("the call was refused with {status}");
                            return Verdict::Fail(failure(&error).with_note(note));
                        }
                    },
                }
            }
        };
        if let Some(hindrance) = case.hindrance {
            return Verdict::Note(hindrance);
        }
        self.session.tally.add(&self.session.tally.replays);
        Verdict::Replay(Again {
            session: self.session.id,
            landed,
            for_nonce: false,
        })
    }
}

/// Makes the error of a call that needs another sign-in; it keeps the answer.
fn asks_for_more(error: Error, step_up: StepUp) -> Error {
    let text = "the server asks for more than a refresh can give";
    let mut asks = Error::new(ErrorKind::Auth, text)
        .with_code(ErrorCode::BadRequest)
        .with_source(step_up)
        .with_hint("sign in with what `StepUp` names");
    for note in error.notes() {
        asks = asks.with_note(note.to_owned());
    }
    match error.into_response() {
        Some(response) => asks.with_response(response),
        None => asks,
    }
}

const OTHER_SESSION: &str = "not replayed: somebody signed in or out meanwhile";
const SAME_TOKEN: &str = "not replayed: the refresh gave the refused token again";
const NOT_IDEMPOTENT: &str = "not replayed: the call is not idempotent, and may have been carried \
                              out; allow it with `ReplayAfterRefusal::Always`";
const NOT_WANTED: &str = "not replayed: `ReplayAfterRefusal::Never` is set";
const NONCE_AGAIN: &str = "not replayed: the server asks for a nonce again";
const NO_NONCE: &str = "not replayed: the server asks for a nonce and gives none";
