//! Any order of calls, expiries, sign-ins and evictions, against a model.

use proptest::{collection::vec, prelude::*, sample::select};
use tollgate::{
    auth::{Identity, KeyedTokenRefresh},
    client::Client,
    runtime::block_on,
};

use crate::support::{Drive, Tenants, call, seconds};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const LIMIT: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    Call(usize),
    Expire(usize),
    SignIn(usize),
    SignOut(usize),
    Remove(usize),
    /// The token endpoint refuses to work for a time.
    Outage(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let calls = (0..NAMES.len()).prop_map(Step::Call);
    let others = select(vec![
        Step::Expire as fn(usize) -> Step,
        Step::SignIn,
        Step::SignOut,
        Step::Remove,
        Step::Outage,
    ]);
    let others = (others, 0..NAMES.len()).prop_map(|(step, who)| step(who));
    prop_oneof![2 => calls, 3 => others]
}

/// What one tenant's token should be.
#[derive(Clone, Copy, Debug)]
struct Tenant {
    /// The last number that the server has given.
    number: u32,
    /// The one that the client has, where it is signed in.
    signed: Option<u32>,
    /// The one that the API takes.
    valid: Option<u32>,
    /// The session knows that it was refused: it is not sent again.
    refused: bool,
    refreshes: usize,
}

/// What the map should hold, the last used one last.
#[derive(Debug, Default)]
struct Model {
    tenants: Vec<Tenant>,
    kept: Vec<usize>,
    made: usize,
    sent: Vec<String>,
}

impl Tenant {
    fn renew(&mut self) {
        self.number += 1;
        self.signed = Some(self.number);
        self.valid = self.signed;
        self.refused = false;
    }
}

impl Model {
    fn new() -> Self {
        let tenant = Tenant {
            number: 1,
            signed: Some(1),
            valid: Some(1),
            refused: false,
            refreshes: 0,
        };
        Self {
            tenants: vec![tenant; NAMES.len()],
            ..Self::default()
        }
    }

    fn used(&mut self, who: usize) {
        if !self.kept.contains(&who) {
            self.made += 1;
            if self.kept.len() == LIMIT {
                let old = self.kept.remove(0);
                self.tenants[old].refused = false;
            }
        }
        self.kept.retain(|it| *it != who);
        self.kept.push(who);
    }

    /// Returns whether the call should succeed.
    fn call(&mut self, who: usize, works: bool) -> bool {
        self.used(who);
        let tenant = &mut self.tenants[who];
        let Some(number) = tenant.signed else {
            self.sent.push("none".to_owned());
            return false;
        };
        if !tenant.refused {
            self.sent.push(format!("{}-a{number}", NAMES[who]));
            if tenant.valid == Some(number) {
                return true;
            }
        }
        tenant.refused = true;
        tenant.refreshes += 1;
        if !works {
            return false;
        }
        tenant.renew();
        self.sent.push(format!("{}-a{}", NAMES[who], tenant.number));
        true
    }
}

struct Run<E: Drive> {
    world: Tenants,
    refresh: KeyedTokenRefresh,
    client: Client<E>,
    model: Model,
}

impl<E: Drive> Run<E> {
    fn new() -> Self {
        let world = Tenants::new(&NAMES);
        let refresh = world.builder().max_identities(LIMIT).build().unwrap();
        let client = world.client::<E>(&refresh);
        Self {
            world,
            refresh,
            client,
            model: Model::new(),
        }
    }

    fn call(&mut self, who: usize, works: bool) {
        let expected = self.model.call(who, works);
        let answer = E::send(call(&self.client, NAMES[who]));
        assert_eq!(answer.is_ok(), expected, "{answer:?}");
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Call(who) => self.call(who, true),
            Step::Expire(who) => {
                self.world.expire(NAMES[who]);
                self.model.tenants[who].valid = None;
            }
            Step::SignIn(who) => {
                let token = self.world.issue(NAMES[who]);
                self.model.used(who);
                let tenant = &mut self.model.tenants[who];
                tenant.renew();
                let handle = self.refresh.session(&Identity::new(NAMES[who]));
                block_on(handle.unwrap().sign_in(token)).unwrap();
            }
            Step::SignOut(who) => {
                self.model.used(who);
                self.model.tenants[who].signed = None;
                self.model.tenants[who].refused = false;
                let handle = self.refresh.session(&Identity::new(NAMES[who]));
                block_on(handle.unwrap().sign_out()).unwrap();
            }
            Step::Remove(who) => {
                let kept = self.model.kept.contains(&who);
                self.model.kept.retain(|it| *it != who);
                self.model.tenants[who].refused = false;
                assert_eq!(self.refresh.remove(&Identity::new(NAMES[who])), kept);
            }
            Step::Outage(who) => {
                self.world.down(NAMES[who], true);
                self.call(who, false);
                self.world.down(NAMES[who], false);
            }
        }
        self.world.settle();
    }

    fn check(&self) {
        self.world.check();
        assert_eq!(self.world.sent(), self.model.sent);
        assert_eq!(self.world.made.get(), self.model.made);
        assert_eq!(self.refresh.len(), self.model.kept.len());
        for (name, tenant) in NAMES.iter().zip(&self.model.tenants) {
            assert_eq!(self.world.refreshes(name), tenant.refreshes, "{name}");
        }
    }
}

fn holds_for<E: Drive>(steps: &[Step]) {
    let mut run = Run::<E>::new();
    for step in steps {
        run.step(step);
        run.check();
        // Past every pause: which session goes is a matter of order alone.
        run.world.time.advance(seconds(40));
    }
}

fn every_sequence_is_as_the_model_says<E: Drive>() {
    let config = ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in vec(step(), 1..40))| {
        holds_for::<E>(&steps);
    });
}

both!(every_sequence_is_as_the_model_says);
