//! The table at the head of this crate is true: each law that it names exists
//! and runs, and no case is without one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The cases that were chosen; the other numbers are not in use.
const CASES: &[u32] = &[
    1, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 16, 18, 19, 20, 21, 22, 25, 26, 27, 28, 29, 30, 32,
    34, 35, 38, 39, 40, 41, 43, 44, 45, 47, 49, 50, 51, 53, 54, 55, 56, 60, 62, 63, 64, 65, 67, 68,
    70, 71, 72, 74,
];
const BUGS: u32 = 45;
const SEED_FAULTS: u32 = 10;

/// The kinds of cases, as the table and the comments of laws begin with them.
const KINDS: [&str; 3] = ["case", "bug", "seed fault"];

type Label = (&'static str, u32);

/// Which laws show a case.
type Table = BTreeMap<Label, Vec<String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn table() -> Table {
    parse(include_str!("main.rs")).unwrap()
}

/// Reads the table; an error names the line that is none of its.
fn parse(source: &str) -> Result<Table, String> {
    let mut table = Table::new();
    let mut current = None;
    let rows = source
        .lines()
        .map(|line| line.strip_prefix("//!").unwrap_or_default().trim_end())
        .skip_while(|line| *line != " ```text")
        .skip(1)
        .take_while(|line| *line != " ```");
    for row in rows.filter(|row| !row.is_empty()) {
        let mut words = row.trim_start();
        if let Some((label, rest)) = label(words) {
            if table.insert(label, Vec::new()).is_some() {
                return Err(format!("twice: {row}"));
            }
            (current, words) = (Some(label), rest.trim_start());
        }
        let laws = current.and_then(|label| table.get_mut(&label));
        match laws {
            Some(laws) if words.contains("::") && !words.contains(' ') => {
                laws.push(words.to_owned());
            }
            _ => return Err(format!("not read: {row}")),
        }
    }
    Ok(table)
}

/// Takes a label off the beginning of a row.
fn label(row: &str) -> Option<(Label, &str)> {
    KINDS.iter().find_map(|kind| {
        let rest = row.strip_prefix(kind)?.strip_prefix(' ')?;
        let (number, rest) = rest.split_once(' ')?;
        Some(((*kind, number.parse().ok()?), rest))
    })
}

/// Where a law is written, and its name.
fn place(law: &str) -> (PathBuf, &str) {
    let (file, name) = law.rsplit_once("::").unwrap();
    if file.ends_with(".rs") {
        return (root().join(file), name);
    }
    (root().join(format!("tests/auth/{file}.rs")), name)
}

/// Tells why a law does not run, if it does not.
fn fault(source: &str, name: &str) -> Option<&'static str> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let begins = |line: &&str| {
        let rest = line
            .strip_prefix("fn ")
            .and_then(|it| it.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['(', '<']))
    };
    let Some(at) = lines.iter().position(begins) else {
        return Some("it does not exist");
    };
    let attributes = lines[..at].iter().rev();
    let attributes: Vec<&&str> = attributes
        .take_while(|line| !line.is_empty() && **line != "}" && !line.starts_with("fn "))
        .collect();
    if attributes.iter().any(|line| line.starts_with("#[ignore")) {
        return Some("it is ignored");
    }
    let both = source.split("both!(").nth(1).unwrap_or_default();
    let on_both = both.lines().any(|line| line.trim() == format!("{name},"));
    let is_test = attributes.iter().any(|line| **line == "#[test]");
    (!on_both && !is_test).then_some("it is never run")
}

#[test]
fn every_law_that_is_named_runs() {
    let mut faults = Vec::new();
    for (label, laws) in table() {
        for law in laws {
            let (file, name) = place(&law);
            if let Some(fault) = fault(&read(&file), name) {
                faults.push(format!("{label:?} {law}: {fault}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_case_is_without_a_law() {
    let table = table();
    let bugs = (1..=BUGS).map(|number| ("bug", number));
    let seeds = (1..=SEED_FAULTS).map(|number| ("seed fault", number));
    let cases = CASES.iter().map(|number| ("case", *number));
    let wanted: BTreeSet<Label> = cases.chain(bugs).chain(seeds).collect();
    let shown: BTreeSet<Label> = table.keys().copied().collect();
    assert_eq!(shown, wanted);
    assert!(table.values().all(|laws| !laws.is_empty()));
}

/// A law whose comment begins with a case stands in its row.
#[test]
fn the_comments_of_laws_say_what_the_table_says() {
    let table = table();
    let mut faults = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("tests/auth")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for (label, name) in commented(&read(&path)) {
            seen += 1;
            let law = format!("{stem}::{name}");
            if !table.get(&label).is_some_and(|laws| laws.contains(&law)) {
                faults.push(format!("{label:?} {law}"));
            }
        }
    }
    assert!(seen >= 50, "{seen} were read");
    assert!(
        faults.is_empty(),
        "not in the table:\n{}",
        faults.join("\n")
    );
}

/// Finds the laws whose comment begins with cases: `Case 25, bug 37.`
fn commented(source: &str) -> Vec<(Label, String)> {
    let mut found = Vec::new();
    let mut labels: Vec<Label> = Vec::new();
    let mut before = "";
    for line in source.lines() {
        let comment = line.strip_prefix("/// ");
        if let Some(text) = comment.filter(|_| !before.starts_with("///")) {
            labels = named(text);
        } else if let Some(rest) = line.strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            found.extend(labels.drain(..).map(|label| (label, name.to_owned())));
        }
        before = line;
    }
    found
}

/// Reads the cases that a sentence names at its beginning.
fn named(text: &str) -> Vec<Label> {
    let sentence = text.split(['.', ':']).next().unwrap_or_default();
    let mut kind = None;
    let mut labels = Vec::new();
    for word in sentence.to_lowercase().replace(',', " ").split_whitespace() {
        match (word, word.parse(), kind) {
            ("case" | "cases", ..) => kind = Some("case"),
            ("bug" | "bugs", ..) => kind = Some("bug"),
            ("seed", ..) => kind = Some("seed fault"),
            ("fault" | "faults", _, Some("seed fault")) => {}
            (_, Ok(number), Some(kind)) => labels.push((kind, number)),
            // A sentence that only speaks of cases.
            _ => return Vec::new(),
        }
    }
    labels
}

#[test]
fn a_planted_fault_is_found() {
    let text = "//! ```text\n//! case 1   a::b\n//!          c::d\n//! bug 2    e::f\n//! ```\n";
    let read = parse(text).unwrap();
    assert_eq!(read[&("case", 1)], ["a::b", "c::d"]);
    assert_eq!(read[&("bug", 2)], ["e::f"]);
    assert!(parse("//! ```text\n//! case 1 a\n//! ```\n").is_err());
    assert!(parse("//! ```text\n//! case 1 a::b\n//! case 1 a::b\n//! ```\n").is_err());

    let source = "#[test]\nfn one() {}\nfn two<E>() {}\nfn three() {}\n\
                  #[test]\n#[ignore = \"slow\"]\nfn four() {}\nboth!(\n    two,\n);\n";
    assert_eq!(fault(source, "one"), None);
    assert_eq!(fault(source, "two"), None);
    assert_eq!(fault(source, "three"), Some("it is never run"));
    assert_eq!(fault(source, "four"), Some("it is ignored"));
    assert_eq!(fault(source, "tw"), Some("it does not exist"));

    let law = "/// Case 25, bug 37. A law.\n#[test]\nfn a() {}\n/// A case.\nfn b() {}\n";
    let found = commented(law);
    assert_eq!(
        found,
        [
            (("case", 25), "a".to_owned()),
            (("bug", 37), "a".to_owned())
        ]
    );
}
