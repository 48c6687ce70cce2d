//! The wire is the same on every lane: what a server reads does not tell which
//! client is below.
//!
//! What may differ stands in `differs.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

mod corpus;
mod differs;
mod left_out;
mod recorder;

use std::collections::BTreeMap;

use corpus::{Case, cases};
use recorder::{Framing, Recorded, Recorder};
use tollgate_parity::{Lane, Limits, ReqwestAsync, ReqwestBlocking, UreqBlocking, UreqOffload};

/// A request, without what may differ.
#[derive(Debug, PartialEq, Eq)]
struct Wire {
    line: String,
    /// By the name as it was written; the values of one in their order.
    headers: BTreeMap<String, Vec<String>>,
    framing: Framing,
    body: String,
}

/// What a call came to: the requests, and the status or the kind of error.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    requests: Vec<Wire>,
    end: String,
}

/// The boundary of a form, if it is one.
fn boundary(recorded: &Recorded) -> Option<String> {
    let (_, value) = recorded
        .headers
        .iter()
        .find(|(name, _)| name == "content-type")?;
    let value = std::str::from_utf8(value).ok()?;
    let (_, boundary) = value.split_once("multipart/form-data; boundary=")?;
    Some(boundary.to_owned())
}

fn wire(recorded: Recorded, port: u16) -> Wire {
    let boundary = boundary(&recorded).unwrap_or_else(|| "no boundary".to_owned());
    let text = |bytes: &[u8]| {
        let text = bytes.escape_ascii().to_string();
        text.replace(&boundary, "BOUNDARY")
    };
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in recorded.headers {
        let value = text(&value).replace(&port.to_string(), "PORT");
        headers.entry(name).or_default().push(value);
    }
    Wire {
        line: text(&recorded.line),
        headers,
        framing: recorded.framing,
        body: text(&recorded.body),
    }
}

/// Makes every call on one lane.
fn traces<L: Lane>(cases: &[Case]) -> Vec<Trace> {
    let recorder = Recorder::start().unwrap();
    let lane = L::start(Limits::default()).unwrap();
    let base = format!("http://127.0.0.1:{}", recorder.port());
    let client = lane.builder().base_url(base).build().unwrap();
    let trace = |case: &Case| {
        let end = match lane.send(case.call(&client)) {
            Ok(response) => format!("{} {:?}", response.status(), response.bytes().unwrap()),
            Err(error) => format!("{:?}", error.kind()),
        };
        let requests = recorder.take();
        Trace {
            requests: requests
                .into_iter()
                .map(|it| wire(it, recorder.port()))
                .collect(),
            end,
        }
    };
    cases.iter().map(trace).collect()
}

#[test]
fn every_call_is_the_same_bytes_on_every_lane() {
    let cases = cases();
    assert!(cases.len() >= 300, "{} calls", cases.len());
    let names: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name stands for one call");
    let first = traces::<ReqwestAsync>(&cases);
    let sent = first
        .iter()
        .map(|trace| trace.requests.len())
        .sum::<usize>();
    assert!(sent >= cases.len(), "{sent} requests came");
    let others = [
        (ReqwestBlocking::name(), traces::<ReqwestBlocking>(&cases)),
        (UreqBlocking::name(), traces::<UreqBlocking>(&cases)),
        (UreqOffload::name(), traces::<UreqOffload>(&cases)),
    ];
    let mut faults = String::new();
    for (lane, others) in &others {
        for ((case, one), other) in cases.iter().zip(&first).zip(others) {
            if one != other {
                faults += &format!("\n{} on {lane}:\n  {one:?}\n  {other:?}\n", case.name);
            }
        }
    }
    let shown: String = faults.chars().take(20_000).collect();
    assert!(faults.is_empty(), "{shown}");
}
