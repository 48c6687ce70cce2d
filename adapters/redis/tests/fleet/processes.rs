//! The processes of a fleet, as their parent has them.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use tollgate::{Runtime, runtime::ThreadRuntime};

use crate::child::{SETTINGS, Settings, TEST};

/// How long a process may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line that a process has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) number: usize,
    pub(crate) text: String,
    pub(crate) at: Instant,
}

impl Said {
    /// The numbers after the first word.
    pub(crate) fn numbers(&self) -> Vec<usize> {
        let words = self.text.split(' ').skip(1);
        words.map_while(|word| word.parse().ok()).collect()
    }

    fn begins(&self, number: usize, word: &str) -> bool {
        self.number == number && self.text.split(' ').next() == Some(word)
    }
}

/// Processes that run this program, numbered from 1; dropped, they are killed.
pub(crate) struct Processes {
    all: Vec<Option<Child>>,
    hear: Receiver<Said>,
    heard: Vec<Said>,
}

impl Processes {
    /// Starts so many, and waits until each has its session.
    pub(crate) fn start(count: usize, settings: &Settings) -> Self {
        let (say, hear) = mpsc::channel();
        let mut processes = Self {
            all: Vec::new(),
            hear,
            heard: Vec::new(),
        };
        for number in 1..=count {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", TEST, "--nocapture", "--test-threads=1"])
                .env(SETTINGS, settings.to_text(number))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let output = child.stdout.take().unwrap();
            processes.all.push(Some(child));
            listen(number, output, say.clone());
        }
        for number in 1..=count {
            processes.take(number, "ready");
        }
        processes
    }

    fn child(&mut self, number: usize) -> &mut Child {
        self.all.get_mut(number - 1).unwrap().as_mut().unwrap()
    }

    /// The numbers of those that were not killed.
    pub(crate) fn alive(&self) -> Vec<usize> {
        let numbered = (1..).zip(&self.all);
        numbered
            .filter_map(|(number, child)| child.is_some().then_some(number))
            .collect()
    }

    pub(crate) fn tell(&mut self, number: usize, line: &str) {
        writeln!(self.child(number).stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn tell_all(&mut self, line: &str) {
        for number in self.alive() {
            self.tell(number, line);
        }
    }

    /// Waits for the next line of a process that begins with this word.
    pub(crate) fn take(&mut self, number: usize, word: &str) -> Said {
        self.take_one_of(number, &[word])
    }

    /// The same for one of these words.
    pub(crate) fn take_one_of(&mut self, number: usize, words: &[&str]) -> Said {
        let until = ThreadRuntime.now() + PATIENCE;
        loop {
            if let Some(said) = words.iter().find_map(|word| self.find(number, word)) {
                return said;
            }
            let left = until.saturating_duration_since(ThreadRuntime.now());
            match self.hear.recv_timeout(left) {
                Ok(said) => self.heard.push(said),
                Err(_) => panic!("process {number} says none of {words:?}: {:?}", self.heard),
            }
        }
    }

    /// Tells a line to all that are alive, and waits for the answer of each,
    /// which begins with this word.
    pub(crate) fn ask_all(&mut self, line: &str, word: &str) -> Vec<Said> {
        self.tell_all(line);
        let alive = self.alive().into_iter();
        alive.map(|number| self.take(number, word)).collect()
    }

    /// Returns such a line if it was said already.
    pub(crate) fn find(&mut self, number: usize, word: &str) -> Option<Said> {
        self.heard.extend(self.hear.try_iter());
        let mut all = self.heard.iter();
        let place = all.position(|said| said.begins(number, word))?;
        Some(self.heard.remove(place))
    }

    /// Ends a process with SIGKILL.
    pub(crate) fn kill(&mut self, number: usize) {
        let mut child = self.all.get_mut(number - 1).unwrap().take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a process a signal, `-STOP` or `-CONT`.
    pub(crate) fn signal(&mut self, number: usize, signal: &str) {
        let pid = self.child(number).id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success(), "`kill {signal}` failed");
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in self.all.iter_mut().flatten() {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Passes on what a process says, until it ends.
fn listen(number: usize, output: impl std::io::Read + Send + 'static, say: Sender<Said>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The harness leaves its own line open.
            if let Some((_, text)) = line.split_once("said: ") {
                let (text, at) = (text.to_owned(), ThreadRuntime.now());
                drop(say.send(Said { number, text, at }));
            }
        }
    });
}
