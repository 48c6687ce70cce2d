//! [`Verdict`]: how one case ended, and the checks that it is made of.

use std::{error::Error as StdError, fmt, panic::Location};

/// `Ok` is a pass.
pub(crate) type Verdict<T = ()> = Result<T, Failure>;

/// Why a case failed, for people.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    #[track_caller]
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        let place = Location::caller();
        let file = place.file().rsplit(['/', '\\']).next().unwrap_or_default();
        Self(format!("{text} ({file}:{})", place.line()))
    }

    /// Says what it was about, where a case tries several things.
    pub(crate) fn about(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl<E: StdError + 'static> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(chain(&error))
    }
}

/// Prints an error with its causes.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// Fails unless `condition` holds.
#[track_caller]
pub(crate) fn ensure(condition: bool, text: impl fmt::Display) -> Verdict {
    if condition {
        return Ok(());
    }
    Err(Failure::new(text))
}

/// Fails unless both are equal.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "it reads better, and nobody needs the values afterwards"
)]
pub(crate) fn same<A, B>(what: impl fmt::Display, got: A, expected: B) -> Verdict
where
    A: PartialEq<B> + fmt::Debug,
    B: fmt::Debug,
{
    if got == expected {
        return Ok(());
    }
    Err(Failure::new(format_args!(
        "{what}: got {}, expected {}",
        shortened(&got),
        shortened(&expected)
    )))
}

fn shortened(value: &dyn fmt::Debug) -> String {
    const LIMIT: usize = 300;
    let text = format!("{value:?}");
    match text.char_indices().nth(LIMIT) {
        None => text,
        Some((at, _)) => format!(
            "{}… ({} bytes)",
            text.get(..at).unwrap_or_default(),
            text.len()
        ),
    }
}

/// Fails if a text holds one of the suite's secrets.
#[track_caller]
pub(crate) fn keeps_secrets(text: &str) -> Verdict {
    ensure(
        !text.contains("CANARY"),
        format_args!("a secret stands in: {text}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_line_and_both_values() {
        let line = line!() + 1;
        let text = same("status", 200, 404).unwrap_err().into_text();
        assert_eq!(
            text,
            format!("status: got 200, expected 404 (verdict.rs:{line})")
        );
        assert!(same("status", 200, 200).is_ok());
    }

    #[test]
    fn a_long_value_is_cut() {
        let text = same("body", "x".repeat(9000), "y").unwrap_err().into_text();
        assert!(text.len() < 500 && text.contains("(9002 bytes)"));
    }

    #[test]
    fn a_secret_is_found() {
        assert!(keeps_secrets("GET /?key=CANARY-query").is_err());
        assert!(keeps_secrets("GET /?key=[REDACTED]").is_ok());
    }
}
