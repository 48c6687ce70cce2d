//! Every way in which a call fails, over reqwest and over ureq, side by side.
//!
//! Provokes each failure on loopback, over reqwest in the async engine and
//! over ureq in the blocking one, and prints both errors: adapter, kind, code,
//! whether the same call may succeed later, message; below them what to do.
//! Exits with 1 if two rows differ. The page `docs/errors.md` holds the output.
//!
//! ```text
//! cargo run --example error_gallery
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{fmt::Write, process::ExitCode};

use tollgate::Error;
use tollgate_parity::{
    Adapts, ReqwestAsync, UreqBlocking,
    failures::{Failed, Trouble, provoke},
};
use tollgate_reqwest::ReqwestAdapter;
use tollgate_ureq::UreqAdapter;

fn main() -> Result<ExitCode, Trouble> {
    let gallery = Gallery::provoke()?;
    print!("{}", gallery.text);
    Ok(if gallery.differing == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Gallery {
    text: String,
    differing: usize,
}

impl Gallery {
    fn provoke() -> Result<Self, Trouble> {
        // One of the failures is a panic, which is caught.
        std::panic::set_hook(Box::new(|_| {}));
        let failures = (provoke::<ReqwestAsync>()?, provoke::<UreqBlocking>()?);
        drop(std::panic::take_hook());
        Ok(Self::of(&failures.0, &failures.1)?)
    }

    fn of(reqwest: &[Failed], ureq: &[Failed]) -> Result<Self, std::fmt::Error> {
        let mut text = String::new();
        let mut differing = 0;
        for (one, other) in reqwest.iter().zip(ureq) {
            writeln!(text, "{}", one.name)?;
            let rows = (row(&one.error), row(&other.error));
            writeln!(text, "  {:8}{}", ReqwestAdapter::NAME, rows.0)?;
            writeln!(text, "  {:8}{}", UreqAdapter::NAME, rows.1)?;
            let hints = (one.error.hint(), other.error.hint());
            writeln!(text, "  {:8}{}", "", hints.0.unwrap_or("no hint"))?;
            if rows.0 != rows.1 || hints.0 != hints.1 {
                differing += 1;
                writeln!(text, "  these two differ")?;
            }
        }
        let count = reqwest.len();
        writeln!(text, "{count} failures, {differing} of them differ")?;
        Ok(Self { text, differing })
    }
}

fn row(error: &Error) -> String {
    format!(
        "{:17}{:28}{:7}{}",
        format!("{:?}", error.kind()),
        error.code().as_str(),
        if error.is_retryable() { "again" } else { "" },
        message(error),
    )
}

/// Returns the error's text, without the request before it and the hint at
/// its end.
fn message(error: &Error) -> String {
    let text = error.to_string();
    let text = match error.request() {
        Some(_) => text.split_once(": ").map_or(&*text, |(_, rest)| rest),
        None => &text,
    };
    let hint = format!("; {}", error.hint().unwrap_or_default());
    text.strip_suffix(&hint).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_what_is_printed() {
        let page = include_str!("../docs/errors.md");
        let mut parts = page.split("```");
        let block = parts.find_map(|part| part.strip_prefix("text\na name that does not exist\n"));
        let block = block.expect("the page has no gallery");
        let gallery = Gallery::provoke().unwrap();
        assert_eq!(gallery.differing, 0, "{}", gallery.text);
        let printed: Vec<_> = gallery.text.lines().skip(1).collect();
        let held: Vec<_> = block.lines().collect();
        for (at, line) in printed.iter().enumerate() {
            assert_eq!(
                held.get(at),
                Some(line),
                "run `cargo run --example error_gallery` and paste what it prints"
            );
        }
        assert_eq!(held.len(), printed.len());
    }

    #[test]
    fn rows_that_differ_are_counted() {
        let failed = |message: &'static str| {
            [Failed {
                name: "a failure",
                error: Error::new(tollgate::ErrorKind::Connect, message),
            }]
        };
        let gallery = Gallery::of(&failed("one"), &failed("other")).unwrap();
        assert_eq!(gallery.differing, 1);
        assert!(gallery.text.contains("these two differ"));
        assert_eq!(
            Gallery::of(&failed("one"), &failed("one"))
                .unwrap()
                .differing,
            0
        );
    }
}
