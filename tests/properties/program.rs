//! A random program: hooks on both sides, what the wire answers, some calls.

use proptest::{collection::vec, option, prelude::*};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// When a hook takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    Holds,
    Never,
    FirstAttempt,
    LaterAttempts,
    Panics,
}

/// What one half of a hook does. What makes no sense on a half is a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Pass,
    Throw,
    Panic,
    /// A request's error half goes on with the original request.
    Recover,
    /// Answers: the call on the request side, the message on the other.
    Answer(u16),
    /// The response side replays until so many attempts were made.
    Replay(u32),
    /// The same, with a mark on the original request.
    ReplayWith(u32),
}

/// What a half changes before it acts. Numbers name hooks of a side by the
/// order of their registration, gone or not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    EjectSelf,
    Eject(Side, usize),
    Clear(Side),
    Use(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Half {
    pub(crate) edit: Option<Edit>,
    pub(crate) act: Act,
}

/// How a hook is registered, as far as its halves allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A type that answers by `try_sync`.
    TypeSync,
    /// A type whose futures are ready at once.
    TypeReady,
    /// A type whose futures are pending once.
    TypeLater,
    /// `use_`, `use_both`, `use_rejected`.
    Closure,
    /// `use_sync`, `use_flow`.
    OtherClosure,
}

#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) side: Side,
    pub(crate) form: Form,
    pub(crate) when: When,
    pub(crate) ok: Option<Half>,
    pub(crate) err: Option<Half>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    Status(u16),
    Fail,
}

#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) fifo: bool,
    /// One call turns the client's order around.
    pub(crate) odd_call: Option<usize>,
    pub(crate) max_attempts: u32,
    pub(crate) one_shot: bool,
    pub(crate) hooks: Vec<Hook>,
    /// Hooks that edits register.
    pub(crate) spares: Vec<Hook>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) calls: usize,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Request), Just(Side::Response)]
}

fn half() -> impl Strategy<Value = Half> {
    let edit = prop_oneof![
        Just(Edit::EjectSelf),
        (side(), 0_usize..8).prop_map(|(side, at)| Edit::Eject(side, at)),
        side().prop_map(Edit::Clear),
        (0_usize..3).prop_map(Edit::Use),
    ];
    let act = prop_oneof![
        6 => Just(Act::Pass),
        3 => Just(Act::Throw),
        1 => Just(Act::Panic),
        2 => Just(Act::Recover),
        2 => prop_oneof![Just(200), Just(204), Just(404), Just(503)].prop_map(Act::Answer),
        3 => (2_u32..5).prop_map(Act::Replay),
        1 => (2_u32..4).prop_map(Act::ReplayWith),
    ];
    (option::weighted(0.15, edit), act).prop_map(|(edit, act)| Half { edit, act })
}

fn hook() -> impl Strategy<Value = Hook> {
    let form = prop_oneof![
        Just(Form::TypeSync),
        Just(Form::TypeReady),
        Just(Form::TypeLater),
        Just(Form::Closure),
        Just(Form::OtherClosure),
    ];
    let when = prop_oneof![
        12 => Just(When::Always),
        2 => Just(When::Holds),
        2 => Just(When::Never),
        1 => Just(When::FirstAttempt),
        1 => Just(When::LaterAttempts),
        1 => Just(When::Panics),
    ];
    let halves = (option::weighted(0.9, half()), option::weighted(0.7, half()));
    (side(), form, when, halves).prop_map(|(side, form, when, (ok, err))| Hook {
        side,
        form,
        when,
        ok,
        err,
    })
}

pub(crate) fn program() -> impl Strategy<Value = Program> {
    let reply = prop_oneof![
        3 => Just(Reply::Status(200)),
        2 => Just(Reply::Status(503)),
        1 => Just(Reply::Status(404)),
        1 => Just(Reply::Fail),
    ];
    let shape = (
        any::<bool>(),
        option::of(0_usize..3),
        1_u32..5,
        prop::bool::weighted(0.1),
    );
    let parts = (
        vec(hook(), 0..8),
        vec(hook(), 3),
        vec(reply, 0..8),
        1_usize..4,
    );
    (shape, parts).prop_map(|(shape, parts)| {
        let (fifo, odd_call, max_attempts, one_shot) = shape;
        let (hooks, spares, replies, calls) = parts;
        Program {
            fifo,
            odd_call,
            max_attempts,
            one_shot,
            hooks,
            spares,
            replies,
            calls,
        }
    })
}
