//! The registries against a plain list: random operations, stale and foreign
//! ids among them.

use proptest::{collection::vec, prelude::*, test_runner::Config};
use tollgate::{
    Client, MockAdapter,
    interceptor::{InterceptorId, RequestSide, ResponseSide, Scoped},
};

use crate::{amount, program::Side};

/// The operations of one case.
const LENGTH: usize = 200;

#[derive(Clone, Debug)]
enum Operation {
    Use(Side, bool),
    UseScoped(Side),
    DropGuard(usize),
    KeepGuard(usize),
    /// Any id that was ever given out, by its age.
    Eject(Side, usize),
    /// An id that another client gave out.
    EjectForeign(Side, usize),
    ScopeForeign(Side, usize),
    Clear(Side),
    Look,
}

fn operation() -> impl Strategy<Value = Operation> {
    let side = || prop_oneof![Just(Side::Request), Just(Side::Response)];
    let at = || 0_usize..LENGTH;
    prop_oneof![
        8 => (side(), any::<bool>()).prop_map(|(side, when)| Operation::Use(side, when)),
        2 => side().prop_map(Operation::UseScoped),
        2 => at().prop_map(Operation::DropGuard),
        1 => at().prop_map(Operation::KeepGuard),
        6 => (side(), at()).prop_map(|(side, at)| Operation::Eject(side, at)),
        1 => (side(), at()).prop_map(|(side, at)| Operation::EjectForeign(side, at)),
        1 => (side(), at()).prop_map(|(side, at)| Operation::ScopeForeign(side, at)),
        1 => side().prop_map(Operation::Clear),
        3 => Just(Operation::Look),
    ]
}

/// A registration in the model.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry<I> {
    id: I,
    number: usize,
    conditional: bool,
}

/// One side of the model: what is registered, and every id there ever was.
struct Lists<I> {
    here: Vec<Entry<I>>,
    ever: Vec<I>,
}

impl<I: PartialEq + Copy + std::fmt::Debug> Lists<I> {
    fn add(&mut self, id: I, number: usize, conditional: bool) {
        assert!(!self.ever.contains(&id), "{id:?} was given out twice");
        self.ever.push(id);
        self.here.push(Entry {
            id,
            number,
            conditional,
        });
    }

    fn remove(&mut self, id: I) -> bool {
        let before = self.here.len();
        self.here.retain(|entry| entry.id != id);
        self.here.len() < before
    }
}

/// A guard, and which registration it watches over.
enum Watch {
    Request(Scoped, InterceptorId<RequestSide>),
    Response(Scoped, InterceptorId<ResponseSide>),
}

struct Pair {
    client: Client,
    foreign: Client,
    count: usize,
    request: Lists<InterceptorId<RequestSide>>,
    response: Lists<InterceptorId<ResponseSide>>,
    guards: Vec<Watch>,
}

/// Does the same to a side of the client and of the model.
macro_rules! on_side {
    ($pair:ident, $side:ident, |$registry:ident, $foreign:ident, $lists:ident| $body:expr) => {
        match $side {
            Side::Request => {
                let $registry = &$pair.client.interceptors.request;
                let $foreign = &$pair.foreign.interceptors.request;
                let $lists = &mut $pair.request;
                $body
            }
            Side::Response => {
                let $registry = &$pair.client.interceptors.response;
                let $foreign = &$pair.foreign.interceptors.response;
                let $lists = &mut $pair.response;
                $body
            }
        }
    };
}

impl Pair {
    fn new() -> Self {
        Self {
            client: Client::new(MockAdapter::new()),
            foreign: Client::new(MockAdapter::new()),
            count: 0,
            request: Lists {
                here: Vec::new(),
                ever: Vec::new(),
            },
            response: Lists {
                here: Vec::new(),
                ever: Vec::new(),
            },
            guards: Vec::new(),
        }
    }

    fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Use(side, conditional) => {
                let number = self.count;
                self.count += 1;
                on_side!(self, side, |registry, _foreign, lists| {
                    let mut next = registry.named(number.to_string());
                    if conditional {
                        next = next.run_when(|_| true);
                    }
                    lists.add(next.use_sync(Ok), number, conditional);
                });
            }
            Operation::UseScoped(side) => self.use_scoped(side),
            Operation::DropGuard(at) => {
                if let Some(watch) = self.take_guard(at) {
                    match watch {
                        Watch::Request(guard, id) => {
                            self.request.remove(id);
                            drop(guard);
                        }
                        Watch::Response(guard, id) => {
                            self.response.remove(id);
                            drop(guard);
                        }
                    }
                }
            }
            Operation::KeepGuard(at) => match self.take_guard(at) {
                Some(Watch::Request(guard, _) | Watch::Response(guard, _)) => guard.keep(),
                None => {}
            },
            Operation::Eject(side, at) => on_side!(self, side, |registry, _foreign, lists| {
                if let Some(id) = lists.ever.get(at).copied() {
                    assert_eq!(registry.eject(id), lists.remove(id), "of {id:?}");
                }
            }),
            Operation::EjectForeign(side, at) => self.with_foreign(side, at, false),
            Operation::ScopeForeign(side, at) => self.with_foreign(side, at, true),
            Operation::Clear(side) => on_side!(self, side, |registry, _foreign, lists| {
                registry.clear();
                lists.here.clear();
            }),
            Operation::Look => self.look(),
        }
    }

    fn use_scoped(&mut self, side: Side) {
        let number = self.count;
        self.count += 1;
        match side {
            Side::Request => {
                let registry = &self.client.interceptors.request;
                let id = registry.named(number.to_string()).use_sync(Ok);
                self.request.add(id, number, false);
                self.guards.push(Watch::Request(registry.scoped(id), id));
            }
            Side::Response => {
                let registry = &self.client.interceptors.response;
                let id = registry.named(number.to_string()).use_sync(Ok);
                self.response.add(id, number, false);
                self.guards.push(Watch::Response(registry.scoped(id), id));
            }
        }
    }

    fn take_guard(&mut self, at: usize) -> Option<Watch> {
        let count = self.guards.len();
        (count > 0).then(|| self.guards.swap_remove(at % count))
    }

    /// Another client's ids grow like ours, so that the serials meet.
    fn with_foreign(&mut self, side: Side, at: usize, scope: bool) {
        on_side!(self, side, |registry, foreign, _lists| {
            let mut id = foreign.use_sync(Ok);
            for _ in 0..at % 8 {
                id = foreign.use_sync(Ok);
            }
            if scope {
                drop(registry.scoped(id));
            } else {
                assert!(!registry.eject(id), "{id:?} is another client's");
            }
            foreign.clear();
        });
    }

    fn look(&mut self) {
        for side in [Side::Request, Side::Response] {
            on_side!(self, side, |registry, _foreign, lists| {
                let found: Vec<_> = registry
                    .iter()
                    .map(|entry| Entry {
                        id: entry.id(),
                        number: entry.name().parse().unwrap(),
                        conditional: entry.is_conditional(),
                    })
                    .collect();
                assert_eq!(found, lists.here);
                assert_eq!(registry.len(), lists.here.len());
                assert_eq!(registry.is_empty(), lists.here.is_empty());
            });
        }
        assert_eq!(self.client.explain(), self.explained());
    }

    fn explained(&self) -> String {
        fn lines<I: std::fmt::Display>(entries: impl Iterator<Item = Entry<I>>) -> String {
            let mut out = String::new();
            for (at, entry) in entries.enumerate() {
                let when = if entry.conditional {
                    ", when its condition holds"
                } else {
                    ""
                };
                let (place, number, id) = (at + 1, entry.number, entry.id);
                out += &format!("  {place}. {number} ({id}{when})\n");
            }
            if out.is_empty() {
                "  none\n".to_owned()
            } else {
                out
            }
        }
        format!(
            "request interceptors, last registered first:\n{}\
             adapter, redirects, status policy\n\
             response interceptors, first registered first:\n{}",
            lines(self.request.here.iter().copied().rev()),
            lines(self.response.here.iter().copied())
        )
    }
}

fn cases() -> u32 {
    let default = if cfg!(debug_assertions) {
        20_000
    } else {
        1_000_000
    };
    amount("TOLLGATE_OPERATIONS", default).div_ceil(u32::try_from(LENGTH).unwrap())
}

proptest! {
    #![proptest_config(Config { cases: cases(), ..Config::default() })]

    #[test]
    fn the_registries_are_lists_whose_ids_are_never_used_again(
        operations in vec(operation(), LENGTH)
    ) {
        let mut pair = Pair::new();
        for operation in &operations {
            pair.apply(operation);
        }
        pair.look();
    }
}
