//! Each row of the table, side by side.

use tollgate::ErrorKind;
use tollgate_parity::failures::SECRET;

use crate::{
    Seen, galleries,
    table::{Row, table},
    texts,
};

#[test]
fn every_row_has_its_kind_and_its_code() {
    let table = table();
    for (lane, failures) in galleries() {
        assert_eq!(failures.len(), table.len(), "{lane}");
        for (failed, row) in failures.iter().zip(&table) {
            let error = &failed.error;
            let status = error.status().map(|status| status.as_u16().to_string());
            let found = Row {
                kind: &format!("{:?}", error.kind()),
                code: error.code().as_str(),
                status: status.as_deref().unwrap_or("-"),
                name: failed.name,
            };
            assert_eq!(found, *row, "{lane}: {}", texts(error).join(": "));
        }
    }
}

#[test]
fn every_row_is_the_same_on_all_lanes() {
    let [first, others @ ..] = galleries() else {
        panic!("there is no lane");
    };
    for (lane, failures) in others {
        for (failed, like) in failures.iter().zip(&first.1) {
            let (seen, expected) = (Seen::of(&failed.error), Seen::of(&like.error));
            assert_eq!(seen, expected, "{}: {lane} and {}", failed.name, first.0);
        }
    }
}

#[test]
fn the_adapters_own_words_are_in_the_causes_alone() {
    for (lane, failures) in galleries() {
        for failed in failures {
            let text = failed.error.to_string();
            for theirs in ["reqwest", "hyper", "ureq", "tcp", "os error", "Peer"] {
                assert!(!text.contains(theirs), "{lane}: {}: {text}", failed.name);
            }
        }
    }
}

#[test]
fn a_failure_of_the_wire_keeps_what_the_adapter_says() {
    for (lane, failures) in galleries() {
        for failed in failures {
            let wire = matches!(
                failed.error.kind(),
                ErrorKind::Dns | ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Transport
            );
            // Our own count of the head's bytes has no cause.
            if wire && failed.name != "a head above its limit" {
                let texts = texts(&failed.error);
                assert!(texts.len() > 1, "{lane}: {}: {texts:?}", failed.name);
            }
        }
    }
}

#[test]
fn causes_are_printed_once() {
    for (lane, failures) in galleries() {
        for failed in failures {
            let texts = texts(&failed.error);
            for (at, text) in texts.iter().enumerate() {
                let again = texts[..at].iter().any(|outer| outer.contains(text));
                assert!(!again, "{lane}: {}: {texts:?}", failed.name);
            }
        }
    }
}

#[test]
fn every_row_says_what_to_do() {
    for (lane, failures) in galleries() {
        for failed in failures {
            let hint = failed.error.hint().unwrap_or_default();
            assert!(!hint.is_empty(), "{lane}: {}", failed.name);
            assert!(!hint.ends_with('.'), "{lane}: {}: {hint}", failed.name);
        }
    }
}

#[test]
fn an_interceptor_that_failed_is_named_with_its_id() {
    for (lane, failures) in galleries() {
        let mut named = Vec::new();
        for failed in failures {
            let error = &failed.error;
            assert_eq!(
                error.interceptor().is_some(),
                error.interceptor_id().is_some()
            );
            named.extend(error.interceptor());
        }
        let all = [
            "tenant",
            "check",
            "lookup",
            "token refresh",
            "token refresh",
        ];
        assert_eq!(named, all, "{lane}");
    }
}

#[test]
fn no_error_prints_the_value_of_a_parameter() {
    for (lane, failures) in galleries() {
        for failed in failures {
            let error = &failed.error;
            let mut all = texts(error);
            all.extend([error.to_json(), format!("{error:?} {error:#?}")]);
            for text in all {
                assert!(!text.contains(SECRET), "{lane}: {}: {text}", failed.name);
            }
        }
    }
}
