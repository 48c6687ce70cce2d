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
#[path = "instructions/server.rs"]
mod server;

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use clients::CASES;

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
    println!("instructions per GET, {FEW} calls compared with {MANY}");
    println!("{:<46} {:>12} {:>8}", "", "per GET", "/ bare");
    let mut bare = None;
    for case in CASES {
        if only.is_some_and(|word| !case.name.contains(word) && !case.is_bare) {
            continue;
        }
        let each = (instructions(case.name, MANY, &url) - instructions(case.name, FEW, &url))
            / (MANY - FEW);
        if case.is_bare {
            bare = Some(each);
        }
        println!("{:<46} {each:>12} {:>8.3}", case.name, ratio(each, bare));
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 instructions")]
fn ratio(each: u64, bare: Option<u64>) -> f64 {
    bare.map_or(f64::NAN, |bare| each as f64 / bare as f64)
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
