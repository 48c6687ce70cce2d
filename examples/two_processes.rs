//! Eight processes, one `FileStore`, and a process that is killed in the middle
//! of a refresh.
//!
//! ```text
//! cargo run --example two_processes
//! cargo run --example two_processes -- --strict
//! ```
//!
//! The program starts an OAuth server, and itself eight times over. Each process
//! makes blocking calls over ureq; the token is in a file that all of them
//! share. Whenever it expires, all eight are refused and one refreshes: the
//! others wait for the file's lease, and go on with what they find.
//!
//! By default the server takes a refresh token once more after it was replaced,
//! as many do: so that a process that dies between the server's answer and the
//! disk costs nothing. With `--strict` it does not: who dies before the refresh
//! token is sent costs nothing still, but who dies after that has lost the
//! session for all, and they are told so.
//!
//! The program exits with 0 only if that is what happens: every call of the
//! survivors succeeds, with one refresh for an expiry, and one more for the kill.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    env,
    fmt::Display,
    io::{self, BufRead},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tollgate::{
    ErrorKind, Runtime,
    auth::{
        AuthEvent, FileStore, OAuth2Refresh, TokenRefresh,
        conformance::{Hold, Report, Rotation, StrictAuthServer},
    },
    blocking::Client,
    runtime::{ThreadRuntime, block_on},
};
use tollgate_examples::{Children, TempFolder};
use tollgate_ureq::UreqAdapter;

const PROCESSES: usize = 8;
/// How many calls each makes in one round.
const CALLS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(20);
const AFTER: &str = "the server has answered, and the answer is under way";

type Anything = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<ExitCode, Anything> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let good = match arguments.as_slice() {
        ["--worker", file, api, token_url] => return work(file, api, token_url),
        ["--strict"] => strict()?,
        _ => lenient()?,
    };
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A server that takes the refresh token before the current one once more.
fn lenient() -> Result<bool, Anything> {
    let mut world = World::start(Rotation::Grace(1))?;

    world.expire("the token expires");
    let (held, _) = world.all_refused()?;
    drop(held);
    world.until(World::is_done)?;
    world.note("all have the new token");

    world.expire("it expires again");
    let (held, number) = world.all_refused()?;
    world.kill(number, AFTER)?;
    world.until(|_| held.waiting() == 2)?;
    world.until(|world| world.last_refreshing() != number)?;
    let next = world.last_refreshing();
    world.note(format!(
        "process {next} presents the same refresh token again"
    ));
    drop(held);
    world.until(World::is_done)?;
    world.note("all that are left have the new token");

    world.expire("it expires once more");
    let (held, _) = world.all_refused()?;
    drop(held);
    world.until(World::is_done)?;
    world.note("all that are left have the new token");

    world.print();
    let report = world.server.report();
    Ok(world.all_ok()
        && report.refresh_calls() <= report.expiries() + 1
        && report.max_presentations() <= 2
        && report.reuses() == 0)
}

/// A server for which a refresh token that comes twice is stolen.
fn strict() -> Result<bool, Anything> {
    let mut world = World::start(Rotation::Strict)?;

    world.expire("the token expires");
    world.tell(1, "halt")?;
    world.until(|world| world.last_refreshing() == 1)?;
    world.tell_all()?;
    world.until(World::is_refused)?;
    world.note("8 processes are refused, process 1 is about to refresh");
    world.kill(1, "nothing is sent yet")?;
    world.until(World::is_done)?;
    let next = world.last_refreshing();
    world.note(format!("process {next} has refreshed: nothing is lost"));
    let unharmed = world.all_ok() && world.server.report().refresh_calls() == 1;

    world.expire("it expires again");
    let (held, number) = world.all_refused()?;
    world.kill(number, AFTER)?;
    world.until(|_| held.waiting() == 2)?;
    world.until(|world| world.last_refreshing() != number)?;
    let next = world.last_refreshing();
    world.note(format!(
        "process {next} presents the same refresh token again"
    ));
    drop(held);
    // What was lost is told beside the calls, perhaps after them.
    world.until(|world| world.is_done() && world.alive().any(|it| it.found_loss))?;
    let ended = world.alive().filter(|it| it.over == CALLS).count();
    let found = world.alive().filter(|it| it.found_loss).count();
    world.note(format!(
        "the session is over for {ended} processes; {found} has found why, a lost rotation"
    ));

    world.print();
    let honest = ended == world.alive().count() && found == 1;
    Ok(unharmed && honest && world.server.report().reuses() == 1)
}

/// What a process does: so many calls for each line that it reads.
fn work(file: &str, api: &str, token_url: &str) -> Result<ExitCode, Anything> {
    let halts = Arc::new(AtomicBool::new(false));
    let refresher = OAuth2Refresh::new(token_url, "example-client");
    let pair = TokenRefresh::builder(FileStore::new(file), refresher)
        .on_event({
            let halts = Arc::clone(&halts);
            move |event| match event {
                AuthEvent::Refreshing { .. } => {
                    println!("refreshing");
                    if halts.load(Ordering::SeqCst) {
                        // The refresh waits for this handler.
                        block_on(ThreadRuntime.sleep(PATIENCE));
                    }
                }
                AuthEvent::SessionExpired { error, .. } if error.is_rotation_lost() => {
                    println!("lost");
                }
                _ => {}
            }
        })
        .build()?;
    let client = Client::builder(UreqAdapter::new()).base_url(api).build()?;
    client.interceptors.use_pair(pair.clone());
    // No more lines: the parent process has ended.
    for line in io::stdin().lock().lines() {
        halts.store(line? == "halt", Ordering::SeqCst);
        let (mut ok, mut over) = (0, 0);
        for number in 0..CALLS {
            match client.get(format!("/items/{number}")).send() {
                Ok(_) => ok += 1,
                Err(error) => over += usize::from(error.kind() == ErrorKind::SessionExpired),
            }
        }
        let counters = pair.counters();
        let (adopted, waits) = (counters.adopted, counters.lease_waits);
        println!("done {ok} {over} {adopted} {waits}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The processes, and what they share.
struct World {
    // In this order they are dropped.
    children: Children,
    _folder: TempFolder,
    server: StrictAuthServer,
    members: Vec<Member>,
    /// Who has begun to refresh, last one last.
    refreshing: Vec<usize>,
    /// Before the token expired.
    before: Report,
    started: Instant,
}

/// What is known of a process.
#[derive(Default)]
struct Member {
    number: usize,
    killed: bool,
    /// How many rounds it was told to do, and has done.
    told: usize,
    done: usize,
    ok: usize,
    /// How many calls of the last round failed because the session is over.
    over: usize,
    found_loss: bool,
    adopted: usize,
    waits: usize,
}

impl World {
    fn start(rotation: Rotation) -> Result<Self, Anything> {
        let server = StrictAuthServer::builder().rotation(rotation).start()?;
        let folder = TempFolder::named("tollgate-two-processes");
        let file = folder.path().join("token.json");
        let refresher = OAuth2Refresh::new(server.token_url(), "example-client");
        let session = TokenRefresh::builder(FileStore::new(&file), refresher).build()?;
        block_on(session.sign_in(server.sign_in("ada")))?;

        let file = file.to_str().ok_or("the path is no text")?.to_owned();
        let arguments = [
            "--worker".to_owned(),
            file,
            server.api_url(),
            server.token_url(),
        ];
        let member = |number| Member {
            number,
            ..Member::default()
        };
        let mut world = Self {
            children: Children::start(PROCESSES, &arguments)?,
            _folder: folder,
            before: server.report(),
            server,
            members: (1..=PROCESSES).map(member).collect(),
            refreshing: Vec::new(),
            started: ThreadRuntime.now(),
        };
        world.note("eight processes make calls with the token of one file");
        world.tell_all()?;
        world.until(Self::is_done)?;
        Ok(world)
    }

    fn note(&self, text: impl Display) {
        let after = ThreadRuntime.now() - self.started;
        println!("{:>5} ms  {text}", after.as_millis());
    }

    fn alive(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.killed)
    }

    fn expire(&mut self, text: &str) {
        self.before = self.server.report();
        self.server.expire_all();
        self.note(text);
    }

    fn tell(&mut self, number: usize, command: &str) -> Result<(), Anything> {
        let mut members = self.members.iter_mut();
        if let Some(member) = members.find(|member| member.number == number) {
            member.told += 1;
        }
        Ok(self.children.tell(number, command)?)
    }

    /// Has all make calls that have nothing to do.
    fn tell_all(&mut self) -> Result<(), Anything> {
        let idle = self.alive().filter(|member| member.told == member.done);
        let idle: Vec<usize> = idle.map(|member| member.number).collect();
        idle.into_iter()
            .try_for_each(|number| self.tell(number, "go"))
    }

    /// Has all make calls, until all are refused and one refreshes.
    fn all_refused(&mut self) -> Result<(Hold, usize), Anything> {
        let held = self.server.hold_refreshes();
        let begun = self.refreshing.len();
        self.tell_all()?;
        self.until(|world| {
            world.is_refused() && held.waiting() == 1 && world.refreshing.len() > begun
        })?;
        let (alive, number) = (self.alive().count(), self.last_refreshing());
        self.note(format!(
            "{alive} processes are refused, process {number} refreshes"
        ));
        Ok((held, number))
    }

    fn kill(&mut self, number: usize, when: &str) -> Result<(), Anything> {
        self.children.kill(number)?;
        self.note(format!("process {number} is killed: {when}"));
        let mut members = self.members.iter_mut();
        if let Some(member) = members.find(|member| member.number == number) {
            member.killed = true;
        }
        Ok(())
    }

    fn last_refreshing(&self) -> usize {
        self.refreshing.last().copied().unwrap_or_default()
    }

    fn is_refused(&self) -> bool {
        let refused = self.server.report().unauthorized() - self.before.unauthorized();
        refused >= self.alive().count() as u64
    }

    fn is_done(&self) -> bool {
        self.alive().all(|member| member.done == member.told)
    }

    fn all_ok(&self) -> bool {
        self.alive().all(|member| member.ok == member.done * CALLS)
    }

    /// Hears what the processes say, until something is so.
    fn until(&mut self, met: impl Fn(&Self) -> bool) -> Result<(), Anything> {
        let begun = ThreadRuntime.now();
        while !met(self) {
            if ThreadRuntime.now() - begun > PATIENCE {
                return Err("the processes do not get as far as that".into());
            }
            if let Some((number, text)) = self.children.hear(Duration::from_millis(2)) {
                if text == "refreshing" {
                    self.refreshing.push(number);
                }
                let mut members = self.members.iter_mut();
                if let Some(member) = members.find(|member| member.number == number) {
                    member.hear(&text);
                }
            }
        }
        Ok(())
    }

    fn print(&self) {
        println!("process  calls    ok  refreshes begun  tokens adopted  waits for the lease");
        for member in &self.members {
            let begun = self.refreshing.iter().filter(|it| **it == member.number);
            println!(
                "{:>7} {:>6} {:>5} {:>16} {:>15} {:>20}{}",
                member.number,
                member.done * CALLS,
                member.ok,
                begun.count(),
                member.adopted,
                member.waits,
                if member.killed { "  killed" } else { "" }
            );
        }
        let report = self.server.report();
        println!(
            "{} expiries, {} refreshes, at most {} with one refresh token, {} taken for stolen",
            report.expiries(),
            report.refresh_calls(),
            report.max_presentations(),
            report.reuses()
        );
    }
}

impl Member {
    fn hear(&mut self, text: &str) {
        let mut words = text.split(' ');
        let word = words.next();
        let numbers: Vec<usize> = words.map_while(|it| it.parse().ok()).collect();
        match (word, numbers.as_slice()) {
            (Some("done"), [ok, over, adopted, waits]) => {
                self.done += 1;
                self.ok += ok;
                (self.over, self.adopted, self.waits) = (*over, *adopted, *waits);
            }
            (Some("lost"), _) => self.found_loss = true,
            _ => {}
        }
    }
}
