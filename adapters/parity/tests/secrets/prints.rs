//! Everything that can be printed of a call, gathered for one look.

use std::{
    error::Error as StdError,
    fmt::{Debug, Display},
    iter,
    sync::{Arc, Mutex},
};

use tollgate::{Error, Response, Result, client::Client};

use crate::canaries::shown_in;

/// Texts, each with what it is of; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Prints(Arc<Mutex<Vec<(String, String)>>>);

impl Prints {
    pub(crate) fn add(&self, what: &str, text: String) {
        self.0.lock().unwrap().push((what.to_owned(), text));
    }

    pub(crate) fn debug(&self, what: &str, value: &impl Debug) {
        self.add(what, format!("{value:?} {value:#?}"));
    }

    pub(crate) fn display(&self, what: &str, value: &impl Display) {
        self.add(what, format!("{value} {value:#}"));
    }

    pub(crate) fn client<E: tollgate::client::EngineKind>(&self, client: &Client<E>) {
        self.debug("a client", client);
        self.debug("a config", &client.config());
        self.debug("interceptors", &client.interceptors);
        self.debug("a weak client", &client.downgrade());
        self.debug("a builder", &client.derive().with_interceptors());
        self.display("an explanation", &client.explain());
    }

    pub(crate) fn response(&self, what: &str, response: &Response) {
        self.debug(what, response);
        self.debug(what, &response.request());
        self.debug(what, &response.body());
    }

    /// The error, all its causes, and what is attached to it.
    pub(crate) fn error(&self, what: &str, error: &Error) {
        let first: &(dyn StdError + 'static) = error;
        let chain = iter::successors(Some(first), |cause| (*cause).source());
        for cause in chain {
            self.add(what, format!("{cause} {cause:#} {cause:?} {cause:#?}"));
        }
        self.add(what, error.to_json());
        self.debug(what, &error.request());
        self.debug(what, &error.hint());
        if let Some(response) = error.response() {
            self.response(what, response);
        }
    }

    /// Prints how a call has ended.
    pub(crate) fn end(&self, what: &str, end: Result<Response>) -> Result<Response> {
        match &end {
            Ok(response) => self.response(what, response),
            Err(error) => self.error(what, error),
        }
        end
    }

    #[track_caller]
    pub(crate) fn show_no_secret(&self) {
        let prints = self.0.lock().unwrap();
        assert!(!prints.is_empty(), "nothing was printed");
        for (what, text) in prints.iter() {
            let places = shown_in(text);
            assert!(places.is_empty(), "{what} shows {places:?}: {text}");
        }
    }
}
