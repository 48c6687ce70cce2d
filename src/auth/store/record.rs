//! A [`Stored`] as a text, for stores that keep it outside of the process.
//!
//! *In and out*: a record in, one line of JSON out, and back.
//!
//! ```text
//! {"schema":1,"epoch":2,"version":7,"fence":5,"presented":{"fence":6,"at":…},
//!  "state":"live","token":{"access":"…","refresh":"…","type":"Bearer",
//!  "scope":"…","expires_at":…,"lifetime":…}}
//! ```
//!
//! Times are whole milliseconds: `at` and `expires_at` since the Unix epoch.
//! Fields that it does not know are left out of account: an addition that may
//! be lost keeps the number of the schema, any other raises it.
//!
//! *Not here*: where the text is kept, and sealing it.

use std::{
    io::{self, Write},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::{Presented, Stamp, State, Stored};
use crate::{
    Error, ErrorKind, Result,
    auth::{Secret, Token},
};

/// The schema that is written, and the highest that is read.
const SCHEMA: u64 = 1;

#[derive(Deserialize)]
struct Versioned {
    schema: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Empty,
    Live,
    Dead,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    fence: u64,
    at: i64,
}

#[derive(Serialize, Deserialize)]
struct Record<T> {
    schema: u64,
    epoch: u64,
    version: u64,
    fence: u64,
    presented: Option<Mark>,
    state: Kind,
    token: Option<T>,
}

#[derive(Serialize)]
struct Written<'a> {
    access: &'a str,
    refresh: Option<&'a str>,
    #[serde(rename = "type")]
    token_type: &'a str,
    scope: Option<&'a str>,
    expires_at: Option<i64>,
    lifetime: Option<u64>,
}

#[derive(Deserialize)]
struct Read {
    access: Secret,
    refresh: Option<Secret>,
    #[serde(rename = "type")]
    token_type: String,
    scope: Option<String>,
    expires_at: Option<i64>,
    lifetime: Option<u64>,
}

impl Stored {
    /// Writes the record as a text, for a store to keep: one line of JSON with
    /// the tokens in it.
    ///
    /// Times lose what is below a millisecond.
    ///
    /// ```
    /// use tollgate::auth::{Stamp, Stored, Token};
    ///
    /// let stored = Stored::live(Stamp::new(1, 4), Token::new("a1").refresh("r1"));
    /// let record = stored.to_record();
    /// assert!(record.expose().starts_with(r#"{"schema":1,"epoch":1,"version":4,"#));
    /// assert_eq!(Stored::from_record(record.expose())?, stored);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    #[must_use]
    pub fn to_record(&self) -> Secret {
        Secret::new(written(&self.record()))
    }

    fn record(&self) -> Record<Written<'_>> {
        Record {
            schema: SCHEMA,
            epoch: self.stamp.epoch,
            version: self.stamp.version,
            fence: self.fence,
            presented: self.presented.map(|mark| Mark {
                fence: mark.fence,
                at: to_millis(mark.at),
            }),
            state: match self.state {
                State::Empty => Kind::Empty,
                State::Live(_) => Kind::Live,
                State::Dead => Kind::Dead,
            },
            token: self.token().map(|token| Written {
                access: token.access_token().expose(),
                refresh: token.refresh_token().map(Secret::expose),
                token_type: token.scheme(),
                scope: token.granted_scope(),
                expires_at: token.expiry().map(to_millis),
                lifetime: token
                    .lifetime()
                    .map(|lifetime| u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX)),
            }),
        }
    }

    /// Reads what [`to_record`](Self::to_record) wrote.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if a newer version of this crate wrote it, in
    /// a schema that this one does not know; [`ErrorKind::Decode`] if it is no
    /// record. Neither holds anything of the text.
    ///
    /// ```
    /// use tollgate::{ErrorKind, auth::Stored};
    ///
    /// let newer = Stored::from_record(r#"{"schema":2}"#).unwrap_err();
    /// assert_eq!(newer.kind(), ErrorKind::Unsupported);
    /// let broken = Stored::from_record(r#"{"schema":1,"ep"#).unwrap_err();
    /// assert_eq!(broken.kind(), ErrorKind::Decode);
    /// ```
    pub fn from_record(text: &str) -> Result<Self> {
        let Versioned { schema } = serde_json::from_str(text).map_err(|it| no_record(&it))?;
        if schema > SCHEMA {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the token record has the schema `{schema}`, and this version reads up to `{SCHEMA}`"
                ),
            )
            .with_hint("a newer version has written it: use that one here too"));
        }
        let record: Record<Read> = serde_json::from_str(text).map_err(|it| no_record(&it))?;
        let state = match (record.state, record.token) {
            (Kind::Empty, _) => State::Empty,
            (Kind::Dead, _) => State::Dead,
            (Kind::Live, Some(token)) => State::Live(token.into_token()?),
            (Kind::Live, None) => return Err(undecodable("its session is live and has no token")),
        };
        let mut stored = Self::of(Stamp::new(record.epoch, record.version), state);
        stored.fence = record.fence;
        stored.presented = match record.presented {
            Some(mark) => Some(Presented::new(mark.fence, from_millis(mark.at)?)),
            None => None,
        };
        Ok(stored)
    }
}

impl Read {
    fn into_token(self) -> Result<Token> {
        let expires_at = self.expires_at.map(from_millis).transpose()?;
        let lifetime = self.lifetime.map(Duration::from_millis);
        let mut token = Token::new(self.access).token_type(self.token_type);
        if let Some(refresh) = self.refresh {
            token = token.refresh(refresh);
        }
        if let Some(scope) = self.scope {
            token = token.scope(scope);
        }
        Ok(token.kept(expires_at, lifetime))
    }
}

#[expect(
    clippy::expect_used,
    reason = "texts and numbers become JSON in memory, which is UTF-8, whatever they hold"
)]
fn written(record: &Record<Written<'_>>) -> String {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, record).expect("counting does not fail");
    // At once as long as it gets: what grows leaves copies behind.
    let mut text = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut text, record).expect("memory can be written");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Rounds down; what is out of range becomes the nearest that is not.
fn to_millis(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => {
            let millis = before.duration().as_nanos().div_ceil(1_000_000);
            i64::try_from(millis).map_or(i64::MIN, |millis| -millis)
        }
    }
}

fn from_millis(millis: i64) -> Result<SystemTime> {
    let span = Duration::from_millis(millis.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let time = if millis < 0 {
        epoch.checked_sub(span)
    } else {
        epoch.checked_add(span)
    };
    time.ok_or_else(|| undecodable("no clock can express one of its times"))
}

/// Says where reading ended, and not at what: the JSON error may quote it.
fn no_record(error: &serde_json::Error) -> Error {
    let what = match error.classify() {
        Category::Data => "a field is missing, or not of its type",
        Category::Eof => "it ends too early",
        Category::Syntax | Category::Io => "it is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    undecodable(&format!("{what} (line {line}, column {column})"))
}

fn undecodable(what: &str) -> Error {
    Error::new(
        ErrorKind::Decode,
        format!("the token record cannot be read: {what}"),
    )
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    fn full() -> Stored {
        let token = Token::new("CANARY-a")
            .refresh("CANARY-r \"\\/é\u{1f512}\n")
            .token_type("bearer")
            .scope("read write")
            .expires_in(Duration::from_millis(3_600_001), at(1_900_000_000_123));
        Stored::live(Stamp::new(u64::MAX, 7), token)
            .with_fence(5)
            .with_presented(Presented::new(6, at(1_900_000_000_456)))
    }

    fn back(stored: &Stored) -> Stored {
        Stored::from_record(stored.to_record().expose()).unwrap()
    }

    #[test]
    fn a_record_survives_the_way_there_and_back() {
        let stamp = Stamp::new(1, 2);
        let bare = Token::new("a");
        let early = bare
            .clone()
            .expires_at(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
        for stored in [
            full(),
            Stored::empty(Stamp::default()),
            Stored::dead(stamp).with_fence(9),
            Stored::live(stamp, bare),
            Stored::live(stamp, early),
        ] {
            assert_eq!(back(&stored), stored);
        }
    }

    #[test]
    fn the_text_is_one_line_with_whole_milliseconds() {
        let record = full().to_record();
        let text = record.expose();
        assert!(!text.contains('\n'), "{text}");
        assert!(text.contains(r#""expires_at":1900003600124,"lifetime":3600001"#));
        assert!(text.contains(r#""presented":{"fence":6,"at":1900000000456}"#));
    }

    #[test]
    fn times_are_rounded_down() {
        let token = Token::new("a").expires_at(at(5) + Duration::from_nanos(999_999));
        let stored = back(&Stored::live(Stamp::default(), token));
        assert_eq!(stored.token().unwrap().expiry(), Some(at(5)));
        let before = SystemTime::UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(to_millis(before), -1);
    }

    #[test]
    fn a_newer_schema_is_named_and_an_unknown_field_is_not_minded() {
        let error = Stored::from_record(r#"{"schema":7,"what":"CANARY"}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains("`7`") && text.contains("`1`"), "{text}");
        let record = full().to_record();
        let more = record.expose().replacen('{', r#"{"more":[{"a":1}],"#, 1);
        assert_eq!(Stored::from_record(&more).unwrap(), full());
    }

    #[test]
    fn what_is_no_record_is_refused_without_being_shown() {
        let record = full().to_record();
        let whole = record.expose();
        let cut = (0..whole.len()).filter_map(|end| whole.get(..end));
        let wrong = [
            whole.replace("\"live\"", "\"CANARY\""),
            whole.replace("\"epoch\":", "\"CANARY\":"),
            whole.replace("\"version\":7", "\"version\":\"CANARY\""),
            whole.replace("\"version\":7", "\"version\":-7"),
            whole.replace("\"access\":\"CANARY-a\"", "\"access\":{\"CANARY\":1}"),
            format!("{whole}CANARY"),
            format!("[{whole}]"),
            "\"CANARY\"".to_owned(),
            r#"{"schema":"CANARY"}"#.to_owned(),
            r#"{"schema":1,"epoch":1,"version":1,"fence":0,"state":"live"}"#.to_owned(),
        ];
        for text in cut.map(str::to_owned).chain(wrong) {
            let error = Stored::from_record(&text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{text}");
            let shown = format!("{error} {error:?} {}", error.to_json());
            assert!(!shown.contains("CANARY"), "{shown}");
        }
    }

    #[test]
    fn a_damaged_record_is_read_or_refused_and_never_shown() {
        let record = full().to_record();
        let whole = record.expose().as_bytes();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let mut bytes = whole.to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                match random.u8(..3) {
                    0 => bytes[at] = random.u8(32..127),
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, random.u8(32..127)),
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Err(error) = Stored::from_record(&text) {
                let shown = format!("{error} {error:?} {}", error.to_json());
                assert!(!shown.contains("CANARY"), "{shown}");
            }
        }
    }
}
