//! What the core reads is what `url::Url` and `http::Uri` read, or it is
//! refused.

use http::Uri;
use proptest::prelude::*;
use tollgate::{Client, ErrorKind, MockAdapter, Origin};
use url::Url;

use crate::{
    place::Place,
    support::{amount, runner},
    written::{BASE, VECTORS, address},
};

/// Compares the three readings of an absolute address; returns the core's.
pub(crate) fn agreed(text: &str) -> Result<Option<Place>, TestCaseError> {
    let core = match text.parse::<Origin>() {
        Ok(origin) => Place::of_origin(&origin),
        Err(error) => {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{:?}", text);
            return Ok(None);
        }
    };
    match Url::parse(text) {
        Ok(url) => prop_assert_eq!(Place::of_url(&url), Some(core.clone()), "{:?}", text),
        // The adapter refuses it, see `dialled.rs`.
        Err(_) if core.claims_unicode() => {}
        Err(error) => prop_assert!(false, "{text:?} is {core:?}, and {error} for `url`"),
    }
    // Where it cannot be one as it stands, ureq is given the canonical form.
    if let Some(uri) = text.parse::<Uri>().ok().as_ref().and_then(Place::of_uri) {
        prop_assert_eq!(&core, &uri, "{:?}", text);
    }
    Ok(Some(core))
}

#[test]
fn a_generated_address_has_one_reading_or_is_refused() {
    let read = std::cell::Cell::new(0_u32);
    let outcome = runner(amount(1)).run(&address(), |text| {
        read.set(read.get() + u32::from(agreed(&text)?.is_some()));
        Ok(())
    });
    outcome.unwrap();
    let (read, all) = (read.get(), amount(1));
    assert!(read > all / 20, "{read} of {all} could be called");
}

#[test]
fn the_vectors_go_where_the_table_says() {
    let client = Client::builder(MockAdapter::new())
        .base_url(BASE)
        .allow_absolute_urls(true)
        .build()
        .unwrap();
    for (target, origin) in VECTORS {
        let uri = client.uri_for(&client.get(target));
        let Some(origin) = origin else {
            let error = uri.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{target:?}");
            continue;
        };
        let uri = uri.unwrap().to_string();
        let place = agreed(origin).unwrap();
        assert!(place.is_some(), "{origin}");
        assert_eq!(agreed(&uri).unwrap(), place, "{target:?} is {uri}");
    }
}
