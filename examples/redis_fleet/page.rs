//! What has happened: a table, and a page with a timeline.

use std::{fs, iter, ops::Range, path::Path};

use tollgate_examples::{
    Band, CALL_PHASES, CallRecord, Mark, Phase, Row, Sign, Span, Tally, Waterfall,
};

use crate::{Anything, fleet::Kill, said::Step, worker::THREADS};

/// What is a wait for a token, and no hiccup of the machine.
const WAIT: f64 = 10.0;

/// All that is known when the processes have stopped; times are milliseconds.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) processes: Vec<Process>,
    pub(crate) expiries: Vec<Expiry>,
    pub(crate) families_revoked: u64,
    pub(crate) leases: bool,
}

/// A process.
#[derive(Default)]
pub(crate) struct Process {
    /// The calls of each of its threads.
    pub(crate) threads: [Vec<CallRecord>; THREADS],
    /// The steps of its session.
    pub(crate) steps: Vec<(Step, f64)>,
    pub(crate) killed: Option<f64>,
    /// How many pairs of others it has adopted, said when it stops.
    pub(crate) adopted: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Expiry {
    pub(crate) at: f64,
    /// How many came to the server.
    pub(crate) refreshes: u64,
    pub(crate) killed: Option<(usize, Kill)>,
}

impl Process {
    fn calls(&self) -> impl Iterator<Item = &CallRecord> {
        self.threads.iter().flatten()
    }

    pub(crate) fn has(&self, step: Step) -> bool {
        self.steps.iter().any(|it| it.0 == step)
    }

    /// From each step of the one kind to the next step of the others.
    fn between(&self, from: Step, to: &[Step]) -> Vec<(f64, Option<f64>)> {
        let begun = self.steps.iter().enumerate().filter(|(_, it)| it.0 == from);
        let ended = |place: usize| {
            let mut later = self.steps.iter().skip(place + 1);
            later.find(|it| to.contains(&it.0)).map(|it| it.1)
        };
        let spans = begun.map(|(place, it)| (it.1, ended(place).or(self.killed)));
        spans.collect()
    }
}

impl Story {
    /// Calls that were made and did not succeed.
    pub(crate) fn failed(&self) -> usize {
        let tally = Tally::of(self.processes.iter().flat_map(Process::calls));
        tally.calls - tally.ok
    }

    /// The time of an expiry: until the next one.
    fn time_of(&self, number: usize) -> Range<f64> {
        let begins = self.expiries.get(number).map_or(0.0, |it| it.at);
        let ends = self.expiries.get(number + 1).map_or(f64::MAX, |it| it.at);
        begins..ends
    }

    /// The calls that ended in the time of an expiry.
    fn calls_of(&self, number: usize) -> impl Iterator<Item = &CallRecord> {
        let time = self.time_of(number);
        let all = self.processes.iter().flat_map(Process::calls);
        all.filter(move |call| call.done.is_some_and(|it| time.contains(&it.0)))
    }

    /// The processes that refreshed, and what became of them.
    fn refreshed_by(&self, number: usize) -> String {
        let time = self.time_of(number);
        let killed = self.expiries.get(number).and_then(|it| it.killed);
        let mut all = Vec::new();
        for (process, it) in (1..).zip(&self.processes) {
            let mut steps = it.steps.iter();
            if !steps.any(|(step, at)| *step == Step::Refreshing && time.contains(at)) {
                continue;
            }
            let fate = match killed.filter(|it| it.0 == process) {
                None => "",
                Some((_, Kill::BeforeSend)) => " (killed before it sent)",
                Some((_, Kill::AfterAnswer)) => " (killed before it had the answer)",
            };
            all.push(format!("{process}{fate}"));
        }
        all.join(", ")
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        println!("expiry  refreshes   calls      ok  waited  longest wait  refreshed by");
        for (number, expiry) in self.expiries.iter().enumerate() {
            let tally = Tally::of(self.calls_of(number));
            let waits = self.calls_of(number).map(CallRecord::waited);
            let waits: Vec<f64> = waits.filter(|waited| *waited >= WAIT).collect();
            println!(
                "{:>6} {:>10} {:>7} {:>7} {:>7} {:>10.0} ms  {}",
                number + 1,
                expiry.refreshes,
                tally.calls,
                tally.ok,
                waits.len(),
                waits.iter().copied().fold(0.0, f64::max),
                self.refreshed_by(number),
            );
        }
        let adopted = self.processes.iter().filter_map(|it| it.adopted);
        println!(
            "pairs adopted from others {}, calls failed {}, families revoked {}",
            adopted.sum::<u64>(),
            self.failed(),
            self.families_revoked
        );
    }

    /// Writes the page to a folder.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Anything> {
        fs::create_dir_all(folder)?;
        let path = folder.join("redis_fleet.html");
        fs::write(&path, self.page()?)?;
        println!("the timeline is in {}", path.display());
        Ok(())
    }

    fn page(&self) -> Result<String, Anything> {
        let page = Waterfall {
            title: "Eight processes on one Redis".to_owned(),
            about: if self.leases { ABOUT } else { ABOUT_NO_LOCK }.to_owned(),
            facts: self.facts(),
            phases: CALL_PHASES.into_iter().chain(STEPS).collect(),
            rows: (1..)
                .zip(&self.processes)
                .flat_map(|(number, process)| process.rows(number))
                .collect(),
            bands: self.bands(),
            marks: self.marks(),
            row_height: 8.0,
            signs: vec![
                (Sign::Mark, "the token expires"),
                (Sign::Band, "until all have the new one"),
                (Sign::Cross, "killed"),
            ],
        };
        Ok(page.to_html()?)
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let all = Tally::of(self.processes.iter().flat_map(Process::calls));
        let refreshes = self.expiries.iter().map(|it| it.refreshes).sum::<u64>();
        let killed = self.expiries.iter().filter(|it| it.killed.is_some());
        vec![
            ("processes", self.processes.len().to_string()),
            ("calls", all.calls.to_string()),
            ("succeeded", all.ok.to_string()),
            ("expiries", self.expiries.len().to_string()),
            ("refreshes", refreshes.to_string()),
            ("processes killed", killed.count().to_string()),
            ("families revoked", self.families_revoked.to_string()),
        ]
    }

    /// From each expiry until the last call that waited has its token.
    fn bands(&self) -> Vec<Band> {
        let numbered = self.expiries.iter().enumerate();
        let band = |(number, expiry): (usize, &Expiry)| {
            let waited = self.calls_of(number).filter(|call| call.waited() >= WAIT);
            let sent = waited.filter_map(|call| call.attempts.last());
            let to = sent.map(|attempt| attempt.sent).fold(expiry.at, f64::max);
            let took = to - expiry.at;
            let s = if expiry.refreshes == 1 { "" } else { "es" };
            let refreshes = format!("{} refresh{s}", expiry.refreshes);
            // Below the label of the next expiry, which may be near.
            let label = vec![String::new(), refreshes, format!("{took:.0} ms")];
            let from = expiry.at;
            Band { label, from, to }
        };
        numbered.map(band).collect()
    }

    fn marks(&self) -> Vec<Mark> {
        let numbered = (1..).zip(&self.expiries);
        let mark = |(number, expiry): (usize, &Expiry)| Mark {
            label: [format!("expiry {number}"), String::new()],
            at: expiry.at,
        };
        numbered.map(mark).collect()
    }
}

const ASKS: usize = CALL_PHASES.len();
const REFRESHES: usize = ASKS + 1;
const ADOPTS: usize = ASKS + 2;
const FAILS: usize = ASKS + 3;

/// The phases of a session, and of a call that is not sent.
const STEPS: [Phase; 4] = [
    Phase::new("waits for the lease", "#b9b3a5", "#6d675a"),
    Phase::new("refreshes", "#c2189b", "#ff6bd6"),
    Phase::new("adopts what another has stored", "#1d2433", "#f4f6fb"),
    Phase::new("fails: the session is over", "#7a1020", "#ff9aa8"),
];

impl Process {
    /// A row for each of its threads, and one for its session.
    fn rows(&self, number: usize) -> impl Iterator<Item = Row> {
        let label = Some(format!("process {number}"));
        let calls = Tally::of(self.calls());
        let session = Row {
            label,
            tooltip: format!(
                "process {number}: {} calls, {} succeeded, {} refused and replayed",
                calls.calls, calls.ok, calls.replayed
            ),
            gap: 7.0,
            cut: self.killed,
            spans: self.session(),
            ..Row::default()
        };
        let threads = (1..).zip(&self.threads).map(move |(thread, calls)| {
            let tally = Tally::of(calls.iter());
            Row {
                tooltip: format!(
                    "process {number}, thread {thread}: {} calls, {} succeeded, longest {:.0} ms",
                    tally.calls,
                    tally.ok,
                    tally.percentile(100)
                ),
                spans: calls.iter().flat_map(spans_of).collect(),
                ..Row::default()
            }
        });
        iter::once(session).chain(threads)
    }

    fn session(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut add = |phase, all: Vec<(f64, Option<f64>)>| {
            let whole = all.into_iter().filter_map(|(from, to)| Some((from, to?)));
            spans.extend(whole.map(|(from, to)| Span { phase, from, to }));
        };
        let given = [Step::Leased, Step::Withheld];
        add(ASKS, self.between(Step::Asks, &given));
        // Without leases it begins with the refresh itself.
        let begins = if self.has(Step::Asks) {
            Step::Leased
        } else {
            Step::Refreshing
        };
        let ends = [Step::Stored, Step::Freed, Step::Over];
        add(REFRESHES, self.between(begins, &ends));
        let moments = |wanted: &[Step]| {
            let met = self.steps.iter().filter(|it| wanted.contains(&it.0));
            met.map(|it| (it.1, Some(it.1 + 6.0))).collect()
        };
        add(ADOPTS, moments(&[Step::Withheld, Step::Told]));
        spans
    }
}

/// The phases of a call; one that is never sent has but one.
fn spans_of(call: &CallRecord) -> Vec<Span> {
    let mut spans = call.spans();
    if let Some((to, false)) = call.done
        && call.attempts.is_empty()
    {
        let (phase, from) = (FAILS, call.asked);
        spans.push(Span { phase, from, to });
    }
    spans
}

const ABOUT: &str = "Each process has a row for its session, and one for each of three threads that \
    make calls. When the token expires, all are refused; one gets the lease from Redis and \
    refreshes, the others wait and adopt what it stored. Where that one is killed, its lease ends \
    by itself, 3 s after it was given, and another goes on: with the same refresh token, as \
    nobody knows whether the server has seen it. Point at a row to read what it met.";

const ABOUT_NO_LOCK: &str = "The same processes on the same record, with a store that gives no \
    leases: whoever is refused refreshes. The server gets one refresh token several times, takes it \
    for stolen, and revokes all that came from that sign-in. Calls fail from then on.";
