//! [`Bound`]: which headers of a request may go where.

use http::{HeaderName, Uri, header::AUTHORIZATION};

use crate::uri::{Origin, Origins};

/// Headers that may travel only to certain origins.
///
/// The first one is kept inline: attaching a token does not allocate.
#[derive(Clone, Default)]
pub(crate) struct Bound {
    /// `Authorization` is bound to where it is, as it is with every token: a
    /// flag costs less than an entry, and there is none for it beside the flag.
    authorization: bool,
    first: Option<(HeaderName, Place)>,
    rest: Vec<(HeaderName, Place)>,
}

/// Where a header may go.
#[derive(Clone)]
pub(crate) enum Place {
    /// To the origin of the request's address, for as long as that stays: to
    /// count a reference would cost more than to name the origin when it is left.
    Here,
    Origins(Origins),
}

impl Place {
    /// Tells whether it may go to the request's address.
    pub(crate) fn allows(&self, uri: &Uri) -> bool {
        match self {
            Self::Here => true,
            Self::Origins(origins) => origins.contains(uri),
        }
    }
}

impl Bound {
    pub(super) fn add(&mut self, name: HeaderName, place: Place) {
        self.authorization &= name != AUTHORIZATION;
        // There is no rest without a first one.
        if self.first.is_none() {
            self.first = Some((name, place));
        } else if let Some(known) = self.find_mut(&name) {
            *known = place;
        } else {
            self.rest.push((name, place));
        }
    }

    fn find_mut(&mut self, name: &HeaderName) -> Option<&mut Place> {
        let mut all = self.first.iter_mut().chain(&mut self.rest);
        all.find(|(known, _)| known == name).map(|(_, place)| place)
    }

    #[inline]
    pub(super) fn add_here(&mut self, name: &HeaderName) {
        if *name == AUTHORIZATION && self.first.is_none() {
            self.authorization = true;
        } else {
            self.add(name.clone(), Place::Here);
        }
    }

    /// Tells whether a header is bound, wherever to.
    pub(crate) fn holds(&self, name: &HeaderName) -> bool {
        (self.authorization && *name == AUTHORIZATION)
            || self.entries().any(|(known, _)| known == name)
    }

    /// Names the origin of an address that is about to be another.
    pub(super) fn leave(&mut self, uri: &Uri) {
        if self.authorization {
            self.add(AUTHORIZATION, Place::Here);
        }
        for (_, place) in self.first.iter_mut().chain(&mut self.rest) {
            if matches!(place, Place::Here) {
                *place = Place::Origins(Origin::of(uri).into_iter().collect());
            }
        }
    }

    /// The headers that have to be looked at where the address is.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &(HeaderName, Place)> {
        self.first.iter().chain(&self.rest)
    }
}
