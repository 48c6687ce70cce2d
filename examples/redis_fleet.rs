//! Eight processes on one Redis: five expiries, five refreshes, two murders.
//!
//! The program starts `redis-server` on a free port, an OAuth server with
//! rotation and reuse detection, and itself eight times over. Each process makes
//! calls on three threads, all the time. Then the token expires, five times:
//!
//! | expiry | what happens to the process that refreshes | refreshes |
//! |---|---|---|
//! | 1, 3, 5 | nothing | 1 |
//! | 2 | killed with SIGKILL before it sends the refresh token | 1 |
//! | 4 | killed when the server has answered, and the answer is under way | 2 |
//!
//! The others wait for its lease to end, and go on: none of their calls fails.
//! The server takes the last refresh token once more, as many do; a third
//! time would end the session for all.
//!
//! ```text
//! cargo run --release --example redis_fleet
//! cargo run --release --example redis_fleet -- --out FOLDER
//! cargo run --release --example redis_fleet -- --no-lock
//! ```
//!
//! It writes `redis_fleet.html`, a timeline to open in a browser, to the folder
//! or to cargo's target folder. It exits with 0 only if all is as in the table.
//!
//! With `--no-lock` the same processes share the same record, and the store
//! gives no leases: several present one refresh token, the server takes that
//! for a theft, and the session is over for all of them.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

#[path = "redis_fleet/fleet.rs"]
mod fleet;
#[path = "redis_fleet/page.rs"]
mod page;
#[path = "redis_fleet/said.rs"]
mod said;
#[path = "redis_fleet/worker.rs"]
mod worker;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use tollgate_redis_kit::Server;

use fleet::{Fleet, Kill};

type Anything = Box<dyn std::error::Error + Send + Sync>;

const PROCESSES: usize = 8;
/// What happens to the process that refreshes, expiry by expiry.
const EXPIRIES: [Option<Kill>; 5] = [
    None,
    Some(Kill::BeforeSend),
    None,
    Some(Kill::AfterAnswer),
    None,
];
/// There is no `redis-server`.
const NO_REDIS: u8 = 2;

fn main() -> Result<ExitCode, Anything> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--worker", settings] = arguments.as_slice() {
        return worker::work(settings);
    }
    let all = arguments.len();
    arguments.retain(|argument| *argument != "--no-lock");
    let leases = arguments.len() == all;
    let folder = match arguments.as_slice() {
        [] => PathBuf::from(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into())),
        ["--out", folder] => PathBuf::from(folder),
        _ => return Err("the arguments are `--out FOLDER` and `--no-lock`, or none".into()),
    };
    let Some(redis) = Server::start() else {
        println!("redis_fleet needs `redis-server` on PATH: install it, and run this again");
        return Ok(ExitCode::from(NO_REDIS));
    };
    let good = if leases {
        with_leases(&redis, &folder)?
    } else {
        without(&redis, &folder)?
    };
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn with_leases(redis: &Server, folder: &Path) -> Result<bool, Anything> {
    let mut fleet = Fleet::start(redis, true)?;
    for kill in EXPIRIES {
        fleet.expire(kill)?;
    }
    let story = fleet.end()?;
    story.print();
    story.write(folder)?;
    let mut good = story.failed() == 0 && story.families_revoked == 0;
    for (expiry, kill) in story.expiries.iter().zip(EXPIRIES) {
        let expected = if kill == Some(Kill::AfterAnswer) {
            2
        } else {
            1
        };
        good &= (1..=expected).contains(&expiry.refreshes);
    }
    Ok(good)
}

fn without(redis: &Server, folder: &Path) -> Result<bool, Anything> {
    let mut fleet = Fleet::start(redis, false)?;
    fleet.expire_for_the_last_time()?;
    let story = fleet.end()?;
    story.print();
    story.write(folder)?;
    let refreshes = story.expiries.iter().map(|it| it.refreshes).sum::<u64>();
    Ok(refreshes > 1 && story.families_revoked == 1 && story.failed() > 0)
}
