//! What calls have met, and when: numbers for a table, and a waterfall.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Band, Mark, Phase, Row, Sign, Span, Waterfall};

/// All calls of a run; times are milliseconds from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// The calls, in the order in which they were asked for.
    pub calls: Vec<CallRecord>,
    /// When the token expired, and in what manner, in a few words.
    pub expiries: Vec<(f64, String)>,
    /// When each refresh began, and when it ended if it was granted.
    pub refreshes: Vec<(f64, Option<f64>)>,
}

/// One call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CallRecord {
    /// What is asked for.
    pub path: String,
    /// Whether a thread waits for it.
    pub blocking: bool,
    /// When it was asked for.
    pub asked: f64,
    /// What was sent.
    pub attempts: Vec<Attempt>,
    /// When the caller had the outcome, and whether that is a good one.
    pub done: Option<(f64, bool)>,
}

/// One request of a call.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was sent.
    pub sent: f64,
    /// When its answer was there.
    pub answered: Option<f64>,
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
}

/// The numbers of some calls.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many there were.
    pub calls: usize,
    /// How many of them succeeded.
    pub ok: usize,
    /// How many answers were a 401.
    pub refused: usize,
    /// How many requests were sent after the first one of a call.
    pub replayed: usize,
    /// From asking to the outcome, the shortest first.
    latencies: Vec<f64>,
}

impl Tally {
    /// Counts calls.
    #[must_use]
    pub fn of<'a>(calls: impl Iterator<Item = &'a CallRecord>) -> Self {
        let mut tally = Self::default();
        for call in calls {
            tally.calls += 1;
            tally.refused += call.attempts.iter().filter(|it| it.is_refused()).count();
            tally.replayed += call.attempts.len().saturating_sub(1);
            if let Some((at, ok)) = call.done {
                tally.ok += usize::from(ok);
                tally.latencies.push(at - call.asked);
            }
        }
        tally.latencies.sort_by(f64::total_cmp);
        tally
    }

    /// Returns the latency that so many percent of the calls do not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> f64 {
        let at = self.latencies.len().saturating_sub(1) * percent / 100;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

impl Attempt {
    /// Begins one.
    #[must_use]
    pub fn new(sent: f64) -> Self {
        Self {
            sent,
            answered: None,
            status: None,
        }
    }

    fn is_refused(&self) -> bool {
        self.status == Some(401)
    }
}

const WAITING: usize = 0;
const ACCEPTED: usize = 1;
const REFUSED: usize = 2;
const REPLAYED: usize = 3;

/// The phases of a call, in a palette that colour-blind people can tell apart as well.
pub const CALL_PHASES: [Phase; 4] = [
    Phase::new("waits for a token", "#e0a000", "#f0b429"),
    Phase::new("sent, accepted", "#7fb2dc", "#4a86b8"),
    Phase::new("sent, refused with 401", "#cf4520", "#ff6b45"),
    Phase::new("replayed, accepted", "#00875a", "#2fd394"),
];

impl Timeline {
    /// Tells how many refreshes were granted.
    #[must_use]
    pub fn refreshed(&self) -> usize {
        self.refreshes.iter().filter(|it| it.1.is_some()).count()
    }

    fn rows(&self) -> Vec<Row> {
        let numbered = self.calls.iter().enumerate();
        numbered
            .map(|(number, call)| Row {
                label: (number % 50 == 0).then(|| format!("call {number}")),
                ..call.row()
            })
            .collect()
    }

    /// Draws the page, with these facts at its head.
    ///
    /// # Errors
    ///
    /// None in practice: text is formatted.
    pub fn page(
        &self,
        title: &str,
        about: &str,
        facts: Vec<(&'static str, String)>,
    ) -> Result<String, fmt::Error> {
        let bands = self.refreshes.iter().enumerate();
        let bands = bands.filter_map(|(number, (from, to))| {
            let to = (*to)?;
            let label = vec![
                format!("refresh {}", number + 1),
                format!("{:.0} ms", to - from),
            ];
            let from = *from;
            Some(Band { label, from, to })
        });
        let marks = self.expiries.iter().enumerate();
        let marks = marks.map(|(number, (at, how))| Mark {
            label: [format!("expiry {}", number + 1), how.clone()],
            at: *at,
        });
        Waterfall {
            title: title.to_owned(),
            about: about.to_owned(),
            facts,
            phases: CALL_PHASES.to_vec(),
            rows: self.rows(),
            bands: bands.collect(),
            marks: marks.collect(),
            row_height: 3.2,
            signs: vec![
                (Sign::Band, "a refresh is under way"),
                (Sign::Mark, "the token expires"),
                (Sign::Tick, "a blocking call"),
            ],
        }
        .to_html()
    }
}

impl CallRecord {
    /// Begins one.
    #[must_use]
    pub fn new(path: &str, blocking: bool, asked: f64) -> Self {
        Self {
            path: path.to_owned(),
            blocking,
            asked,
            ..Self::default()
        }
    }

    fn row(&self) -> Row {
        let engine = if self.blocking { "blocking" } else { "async" };
        let mut tooltip = format!("{}, {engine}: asked at {:.0} ms", self.path, self.asked);
        for (waited, attempt) in self.waits() {
            if waited > 0.0 {
                tooltip.push_str(&format!(", waited {waited:.0} ms"));
            }
            let Some(answered) = attempt.answered else {
                continue;
            };
            let status = attempt
                .status
                .map_or("no answer".to_owned(), |it| it.to_string());
            let took = answered - attempt.sent;
            tooltip.push_str(&format!(", {status} after {took:.0} ms"));
        }
        Row {
            tooltip,
            ticked: self.blocking,
            spans: self.spans(),
            ..Row::default()
        }
    }

    /// Returns its phases, of [`CALL_PHASES`].
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for (number, (waited, attempt)) in self.waits().enumerate() {
            let mut add = |phase, from, to| spans.push(Span { phase, from, to });
            if waited > 0.0 {
                add(WAITING, attempt.sent - waited, attempt.sent);
            }
            let Some(answered) = attempt.answered else {
                continue;
            };
            let phase = match (attempt.is_refused(), number) {
                (true, _) => REFUSED,
                (false, 0) => ACCEPTED,
                (false, _) => REPLAYED,
            };
            add(phase, attempt.sent, answered);
        }
        spans
    }

    /// Returns for how long it has waited for a token, all in all.
    #[must_use]
    pub fn waited(&self) -> f64 {
        self.waits().map(|(waited, _)| waited).sum()
    }

    /// Its attempts, and how long it has waited before each.
    fn waits(&self) -> impl Iterator<Item = (f64, &Attempt)> {
        let mut from = self.asked;
        self.attempts.iter().map(move |attempt| {
            let waited = attempt.sent - from;
            from = attempt.answered.unwrap_or(from);
            // What takes no time is no waiting.
            (if waited >= 1.0 { waited } else { 0.0 }, attempt)
        })
    }
}
