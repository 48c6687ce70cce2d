//! How many instructions a GET over loopback takes, beside the bare clients.
//!
//! Unlike times, these counts hardly differ between runs and machines. Each
//! case runs alone under callgrind, once with 2 000 and once with 4 000 calls
//! over one connection; the difference is what the calls cost, without start
//! and end. The server is a process of its own, so that it is not counted.
//!
//! ```text
//! cargo bench -p tollgate-benches --bench instructions [-- WORD]
//! ```
//!
//! With `WORD`, only the cases whose name holds it are run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench: it prints, and stops at a failure"
)]

#[path = "instructions/clients.rs"]
mod clients;
#[path = "instructions/no_network.rs"]
mod no_network;
#[path = "instructions/server.rs"]
mod server;

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use clients::{CASES, Case};

const FEW: u64 = 2_000;
const MANY: u64 = 4_000;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve"] => server::serve(),
        ["client", case, calls, url] => clients::run(case, calls.parse().unwrap(), url),
        _ if words.contains(&"--test") => {}
        _ => count(words.iter().find(|word| !word.starts_with('-')).copied()),
    }
}

/// Counts every case and prints the table.
fn count(only: Option<&str>) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("!!! SKIPPED: instructions: `valgrind` is not installed");
        return;
    }
    let mut server = server();
    let url = address(&mut server);
    println!("instructions per call, {FEW} calls compared with {MANY}");
    println!(
        "{:<38} {:>10} {:>10} {:>8}",
        "", "per call", "- bare", "/ bare"
    );
    let each = |case: &Case| {
        let [few, many] = [FEW, MANY].map(|calls| instructions(case.name, calls, &url));
        (many - few) / (MANY - FEW)
    };
    let mut bare: Option<(&Case, Option<u64>)> = None;
    for case in CASES {
        if case.is_bare {
            bare = Some((case, None));
        }
        if only.is_some_and(|word| !case.name.contains(word)) {
            continue;
        }
        let (bare_case, known) = bare.as_mut().unwrap();
        let bare = *known.get_or_insert_with(|| each(bare_case));
        line(
            case.name,
            if case.is_bare { bare } else { each(case) },
            bare,
        );
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 instructions")]
fn line(name: &str, each: u64, bare: u64) {
    let more = i128::from(each) - i128::from(bare);
    let ratio = each as f64 / bare as f64;
    println!("{name:<38} {each:>10} {more:>10} {ratio:>8.3}");
}

/// Runs one case under callgrind and returns all instructions that it took.
fn instructions(case: &str, calls: u64, url: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args(["client", case, &calls.to_string(), url])
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{case} failed:\n{report}");
    report
        .lines()
        .find_map(|line| line.split("Collected :").nth(1))
        .and_then(|count| count.trim().parse().ok())
        .unwrap()
}

/// Starts the server.
fn server() -> Child {
    Command::new(env::current_exe().unwrap())
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads the address that the server printed.
fn address(server: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    format!("http://{}/things/7", line.trim())
}
