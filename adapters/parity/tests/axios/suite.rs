//! Plays all cases on all lanes, and lays the outcomes out as a table.

use std::{
    any::Any,
    collections::BTreeMap,
    env,
    fmt::Write,
    panic::{self, AssertUnwindSafe},
    thread,
};

use tollgate_parity::{Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

use crate::{
    address, cancel,
    case::Case,
    errors, flow,
    lanes::{MockAsync, MockBlocking, Stage},
    limits, message, order, refresh, registry, replay,
    scripted::Style,
    snapshot, status,
    support::World,
};

/// The case that is the comparison of all others.
const PARITY: u32 = 127;
const PARITY_NAME: &str = "what_a_case_logs_is_the_same_on_every_engine_and_lane";
const PARITY_NOTE: &str = "axios has one engine, and adapters that differ";

fn cases<L: Stage>() -> Vec<Case<L>> {
    let mut all = Vec::new();
    all.extend(registry::cases());
    all.extend(snapshot::cases());
    all.extend(order::cases());
    all.extend(flow::cases());
    all.extend(errors::cases());
    all.extend(status::cases());
    all.extend(replay::cases());
    all.extend(refresh::cases());
    all.extend(cancel::cases());
    all.extend(address::cases());
    all.extend(message::cases());
    all.extend(limits::cases());
    all.push(Case {
        number: PARITY,
        name: PARITY_NAME,
        deviates: Some(PARITY_NOTE),
        law: None,
    });
    all.sort_by_key(|case| case.number);
    all
}

/// Returns the numbers, each with its reason where there is one.
pub(crate) fn listed() -> Vec<(u32, Option<&'static str>)> {
    let all = cases::<MockBlocking>();
    all.iter()
        .map(|case| (case.number, case.deviates))
        .collect()
}

/// What a case logged with each style of hook, or how it failed.
type Told = Result<Vec<Vec<String>>, String>;

/// A case and its outcomes by lane.
pub(crate) struct Row {
    number: u32,
    name: &'static str,
    deviates: Option<&'static str>,
    told: BTreeMap<String, Told>,
}

impl Row {
    pub(crate) fn has_failed(&self) -> bool {
        self.told.is_empty() || self.told.values().any(Result::is_err)
    }
}

/// Plays every case; one thread for each lane.
pub(crate) fn run() -> Vec<Row> {
    let lanes = [
        play::<MockAsync>,
        play::<MockBlocking>,
        play::<ReqwestAsync>,
        play::<ReqwestBlocking>,
        play::<UreqBlocking>,
        play::<UreqOffload>,
    ];
    let only = only();
    let listed = cases::<MockBlocking>().into_iter();
    let mut rows: Vec<_> = listed
        .filter(|case| only.is_none_or(|only| [only, PARITY].contains(&case.number)))
        .map(|case| Row {
            number: case.number,
            name: case.name,
            deviates: case.deviates,
            told: BTreeMap::new(),
        })
        .collect();
    let threads = lanes.map(|lane| thread::spawn(move || lane(only)));
    for thread in threads {
        let (lane, outcomes) = thread.join().unwrap();
        for (name, told) in outcomes {
            let row = rows.iter_mut().find(|row| row.name == name).unwrap();
            row.told.insert(lane.clone(), told);
        }
    }
    compare(&mut rows);
    rows
}

fn only() -> Option<u32> {
    env::var("AXIOS_CASE").ok()?.parse().ok()
}

type Outcomes = Vec<(&'static str, Told)>;

fn play<L: Stage>(only: Option<u32>) -> (String, Outcomes) {
    let lane = L::start(Limits::default()).unwrap();
    let mut outcomes = Vec::new();
    for case in cases::<L>() {
        if let Some(law) = case.law
            && only.is_none_or(|only| only == case.number)
        {
            let styles = [Style::Sync, Style::Ready, Style::Later];
            let told = styles.map(|style| {
                panic::catch_unwind(AssertUnwindSafe(|| {
                    let world = World::new(&lane, style);
                    law(&world);
                    world.told()
                }))
                .map_err(|panic| format!("with {style:?} hooks: {}", text_of(&*panic)))
            });
            outcomes.push((case.name, told.into_iter().collect()));
        }
    }
    (L::name(), outcomes)
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default()
}

/// Fills in the case that is the comparison of all others: no lane, and no
/// style of hook, has logged anything else than the first one.
fn compare(rows: &mut [Row]) {
    let mut parity: BTreeMap<String, Told> = BTreeMap::new();
    for row in &*rows {
        let mut first: Option<&Vec<String>> = None;
        for (lane, told) in &row.told {
            let entry = parity.entry(lane.clone()).or_insert_with(|| Ok(Vec::new()));
            for log in told.iter().flatten() {
                let expected = *first.get_or_insert(log);
                if log != expected {
                    *entry = Err(format!("{}: {log:?} is not {expected:?}", row.name));
                }
            }
        }
    }
    if let Some(row) = rows.iter_mut().find(|row| row.number == PARITY) {
        row.told = parity;
    }
}

/// Lays the rows out: number, lanes passed, name, and why it deviates.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut out = String::from("| case | lanes | law | note |\n|---|---|---|---|\n");
    for row in rows {
        let passed = row.told.values().filter(|told| told.is_ok()).count();
        let note = row.deviates.map(|why| format!("deviates: {why}"));
        let note = note.unwrap_or_default();
        let (number, name, all) = (row.number, row.name, row.told.len());
        writeln!(out, "| {number} | {passed}/{all} | {name} | {note} |").unwrap();
        for (lane, told) in &row.told {
            if let Err(text) = told {
                writeln!(out, "|  |  | failed on {lane} | {text} |").unwrap();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32, name: &'static str, told: &[(&str, &str)]) -> Row {
        let lanes = told.iter().map(|(lane, line)| {
            let log = vec![(*line).to_owned()];
            ((*lane).to_owned(), Ok(vec![log]))
        });
        Row {
            number,
            name,
            deviates: None,
            told: lanes.collect(),
        }
    }

    #[test]
    fn a_lane_that_logs_something_else_fails_the_comparison() {
        let mut rows = [
            row(1, "one", &[("a", "x"), ("b", "x")]),
            row(2, "two", &[("a", "x"), ("b", "y")]),
            row(PARITY, PARITY_NAME, &[]),
        ];
        compare(&mut rows);
        let told = &rows[2].told;
        assert!(told["a"].is_ok());
        let text = told["b"].as_ref().unwrap_err();
        assert!(text.starts_with("two: "), "{text}");
        assert!(rows[2].has_failed());
        assert!(table(&rows).contains("| 127 | 1/2 |"));
    }

    #[test]
    fn a_case_that_nobody_has_played_has_failed() {
        assert!(row(1, "one", &[]).has_failed());
        assert!(!row(1, "one", &[("a", "x")]).has_failed());
    }
}
