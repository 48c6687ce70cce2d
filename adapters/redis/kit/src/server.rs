//! One `redis-server`.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::{Folder, folder::Port, until, until_within};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(10);

/// Tells whether `redis-server` is found. Where it is not, says `SKIPPED` with
/// the name of the test, past the capture of test output.
///
/// # Panics
///
/// It is not found, and the variable `TOLLGATE_REDIS_REQUIRED` is set.
#[must_use]
pub fn is_installed() -> bool {
    let found = Command::new("redis-server")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if found {
        return true;
    }
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let said = format!("SKIPPED: `{test}` needs redis-server, which is not on PATH");
    assert!(
        std::env::var_os("TOLLGATE_REDIS_REQUIRED").is_none(),
        "{said}"
    );
    drop(writeln!(io::stderr(), "{said}"));
    false
}

/// Connects to a server; answers come within 5 seconds, or are errors.
#[must_use]
pub fn connect(url: &str) -> redis::Connection {
    try_connect(url).unwrap()
}

fn try_connect(url: &str) -> redis::RedisResult<redis::Connection> {
    let limit = Duration::from_secs(5);
    let connection = redis::Client::open(url)?.get_connection_with_timeout(limit)?;
    connection.set_read_timeout(Some(limit))?;
    connection.set_write_timeout(Some(limit))?;
    Ok(connection)
}

/// How a [`Server`] is started.
///
/// By default it keeps nothing beyond its life: no snapshots, no log.
#[derive(Clone, Debug, Default)]
pub struct ServerBuilder {
    settings: Vec<(String, String)>,
    password: Option<String>,
    master: Option<u16>,
    is_sentinel: bool,
}

impl ServerBuilder {
    /// Sets a line of the configuration file, as in `set("appendonly", "yes")`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Keeps a log of every write, on the disk before the write is answered,
    /// which a restart reads.
    ///
    /// With `appendfsync everysec`, the default of Redis, the log is behind by
    /// up to two seconds where the disk is slow, and a kill loses that.
    #[must_use]
    pub fn append_only(self) -> Self {
        self.set("appendonly", "yes").set("appendfsync", "always")
    }

    /// Sets the password of the default user.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.set("requirepass", password)
            .set("masterauth", password)
    }

    /// Makes it a replica, which has caught up when it is started.
    #[must_use]
    pub fn replica_of(mut self, master: &Server) -> Self {
        self.master = Some(master.port());
        self
    }

    pub(crate) fn sentinel(mut self) -> Self {
        self.is_sentinel = true;
        self
    }

    /// Starts it, and waits until it answers; `None` where it is not
    /// installed (see [`is_installed`]).
    ///
    /// # Panics
    ///
    /// It does not start within 10 seconds, or not on any of ten ports.
    #[must_use]
    pub fn start(self) -> Option<Server> {
        if !is_installed() {
            return None;
        }
        let server = (0..10).find_map(|_| self.start_on(Port::free()));
        let server = server.unwrap_or_else(|| panic!("redis-server ended ten times at its start"));
        if self.master.is_some() {
            until("the replica to catch up", || {
                server.info("master_link_status").as_deref() == Some("up")
            });
        }
        Some(server)
    }

    /// `None`: it ended, as where somebody else has taken the port.
    fn start_on(&self, port: Port) -> Option<Server> {
        let number = port.number();
        let server = Server {
            folder: Folder::new(),
            port,
            password: self.password.clone(),
            is_sentinel: self.is_sentinel,
            child: Mutex::new(None),
        };
        let path = server.folder.path();
        let mut lines = format!("bind 127.0.0.1\nport {number}\ndir {}\n", path.display());
        if !self.is_sentinel {
            lines.push_str("save \"\"\nrepl-diskless-sync-delay 0\n");
        }
        if let Some(master) = self.master {
            writeln!(lines, "replicaof 127.0.0.1 {master}").unwrap();
        }
        for (name, value) in &self.settings {
            writeln!(lines, "{name} {value}").unwrap();
        }
        fs::write(path.join("redis.conf"), lines).unwrap();
        server.spawn().then_some(server)
    }
}

/// A `redis-server` on loopback, killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Mutex<Option<Guarded>>,
    folder: Folder,
    port: Port,
    password: Option<String>,
    is_sentinel: bool,
}

impl Server {
    /// Starts one that keeps nothing beyond its life; `None` where it is not
    /// installed (see [`is_installed`]).
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::builder().start()
    }

    /// Begins with what is to be set.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Returns its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Returns its URL, with the password if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.port())
    }

    /// Returns the URL of a proxy in front of it, with the password if it has
    /// one.
    #[must_use]
    pub fn url_at(&self, port: u16) -> String {
        let password = self.password.as_ref();
        let user = password.map_or(String::new(), |password| format!(":{password}@"));
        format!("redis://{user}127.0.0.1:{port}/")
    }

    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Returns the folder that it writes to.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Connects to it.
    #[must_use]
    pub fn connection(&self) -> redis::Connection {
        connect(&self.url())
    }

    /// Returns a field of `INFO`.
    #[must_use]
    pub fn info(&self, field: &str) -> Option<String> {
        let mut connection = try_connect(&self.url()).ok()?;
        let text: String = redis::cmd("INFO").query(&mut connection).ok()?;
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.to_owned()))
    }

    /// Returns the id of its process; `None` after [`kill`](Self::kill).
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.with_child(|child| child.as_ref().map(|it| it.child.id()))
    }

    /// Ends it with SIGKILL.
    pub fn kill(&self) {
        self.with_child(|child| {
            if let Some(mut it) = child.take() {
                drop(it.child.kill());
                drop(it.child.wait());
                // It reads a line, and has nothing to do any more.
                drop(it.guard.stdin.take().map(|mut line| line.write_all(b"\n")));
                drop(it.guard.wait());
            }
        });
    }

    /// Starts it again, on the same port and folder; kills it first if it
    /// runs.
    ///
    /// # Panics
    ///
    /// It does not start, as where somebody else has taken the port.
    pub fn restart(&self) {
        self.kill();
        assert!(self.spawn(), "redis-server ended at its restart");
    }

    /// Stops it with SIGSTOP: connections are taken and say nothing.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.pid().unwrap().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.unwrap().success(), "`kill {signal}` failed");
    }

    fn with_child<T>(&self, apply: impl FnOnce(&mut Option<Guarded>) -> T) -> T {
        apply(&mut self.child.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts the process; false: it ended before it answered.
    fn spawn(&self) -> bool {
        let path = self.folder.path();
        let mut command = Command::new("redis-server");
        command.arg(path.join("redis.conf"));
        if self.is_sentinel {
            command.arg("--sentinel");
        }
        let log = fs::File::create(path.join("redis.log")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap());
        let child = command.stderr(log).spawn().unwrap();
        let pid = child.id();
        let guard = guard(pid, path);
        self.with_child(|kept| *kept = Some(Guarded { child, guard }));
        let mut ended = false;
        let ready = until_within(START, || {
            ended = self.with_child(|child| {
                child
                    .as_mut()
                    .is_none_or(|it| !matches!(it.child.try_wait(), Ok(None)))
            });
            ended || self.answers(pid)
        });
        if ended {
            self.kill();
            return false;
        }
        let log = || fs::read_to_string(path.join("redis.log"));
        assert!(ready.is_some(), "redis-server does not answer: {:?}", log());
        true
    }

    /// Tells whether the process `pid`, and no other, answers at the port.
    fn answers(&self, pid: u32) -> bool {
        let loading = self.info("loading").is_none_or(|loading| loading != "0");
        self.info("process_id") == Some(pid.to_string()) && (self.is_sentinel || !loading)
    }
}

/// A process, and another one that ends it if this one is killed.
#[derive(Debug)]
struct Guarded {
    child: Child,
    guard: Child,
}

/// Waits for a line of ours; where the input ends without one, this process
/// could not clean up behind itself.
fn guard(pid: u32, folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "read line || { kill -9 \"$0\"; rm -rf \"$1\"; }"])
        .arg(pid.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
