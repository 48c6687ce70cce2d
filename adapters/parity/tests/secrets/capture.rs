//! All that is logged, of `log` and of `tracing`, and all messages of panics.
//!
//! Both have one recipient in a process, so what is captured is captured for
//! one test at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    panic,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::canaries::shown_in;

/// Which targets print what goes over the wire, at `TRACE`.
pub(crate) const TALKATIVE: [&str; 2] = ["ureq", "ureq_proto"];

/// The panics' target, beside those of `log` and `tracing`.
const PANICS: &str = "panic";

/// What was written, by target.
static LINES: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());
/// Whether the filter that `docs/security.md` names is on.
static FILTERED: AtomicBool = AtomicBool::new(false);
static TURN: Mutex<()> = Mutex::new(());
static START: Once = Once::new();

fn add(target: &str, line: String) {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.entry(target.to_owned()).or_default().push(line);
}

/// `trace,ureq=debug,ureq_proto=debug`, or `trace` alone.
fn wanted(target: &str, is_trace: bool) -> bool {
    let root = target.split("::").next().unwrap_or_default();
    !(is_trace && FILTERED.load(Ordering::Relaxed) && TALKATIVE.contains(&root))
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        wanted(metadata.target(), metadata.level() == log::Level::Trace)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            add(record.target(), record.args().to_string());
        }
    }

    fn flush(&self) {}
}

struct Subscriber;

impl tracing::Subscriber for Subscriber {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut fields = Fields(span.metadata().name().to_owned());
        span.record(&mut fields);
        add(span.metadata().target(), fields.0);
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        let mut fields = Fields(String::new());
        values.record(&mut fields);
        add("a span", fields.0);
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        add(event.metadata().target(), fields.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// The fields of an event in one line.
struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

fn start() {
    START.call_once(|| {
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        tracing::subscriber::set_global_default(Subscriber).unwrap();
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            add(PANICS, info.to_string());
            tell(info);
        }));
    });
}

/// One test's turn: what is logged meanwhile is its own.
pub(crate) struct Captured(MutexGuard<'static, ()>);

/// Waits for the turn and captures from then on.
///
/// With `filtered`, the levels are those that `docs/security.md` advises.
pub(crate) fn capture(filtered: bool) -> Captured {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    start();
    FILTERED.store(filtered, Ordering::Relaxed);
    LINES.lock().unwrap_or_else(PoisonError::into_inner).clear();
    Captured(turn)
}

impl Captured {
    /// Returns how many lines the targets of a crate have written.
    pub(crate) fn lines_of(&self, root: &str) -> usize {
        let _turn = &self.0;
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let of = lines.iter().filter(|(target, _)| root_of(target) == root);
        of.map(|(_, lines)| lines.len()).sum()
    }

    /// Lists the places whose secrets were printed, by the crate that did it.
    pub(crate) fn shown(&self) -> BTreeMap<String, BTreeSet<&'static str>> {
        let _turn = &self.0;
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (target, lines) in lines.iter() {
            let dump = lines.iter().map(|line| tail(line)).collect::<String>();
            let found = lines.iter().flat_map(|line| shown_in(line));
            for place in found.chain(shown_in(&dump)) {
                let root = root_of(target).to_owned();
                shown.entry(root).or_default().insert(place);
            }
        }
        shown
    }
}

fn root_of(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

/// The right column of a dump, which prints 16 bytes in each line.
fn tail(line: &str) -> &str {
    let from = line.len().saturating_sub(16);
    line.get(from..).unwrap_or_default()
}
