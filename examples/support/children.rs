//! This program, started several times over, and a folder that goes with it.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// Processes that run this program, numbered from 1; dropped, they are killed.
///
/// They are told lines, and say lines. Their input ends when this process does.
#[derive(Debug)]
pub struct Children {
    all: Vec<Child>,
    said: Receiver<(usize, String)>,
}

impl Children {
    /// Starts so many with these arguments.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn start(count: usize, arguments: &[String]) -> io::Result<Self> {
        let (say, said) = mpsc::channel();
        // Grows one by one, so that a failure ends those that were started.
        let mut children = Self {
            all: Vec::new(),
            said,
        };
        for number in 1..=count {
            let mut child = Command::new(env::current_exe()?)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            let output = child.stdout.take();
            children.all.push(child);
            let say = say.clone();
            let lines = BufReader::new(output.ok_or(io::ErrorKind::BrokenPipe)?).lines();
            // It ends with the process.
            thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    // Perhaps nobody hears it any more.
                    let _ = say.send((number, line));
                }
            });
        }
        Ok(children)
    }

    fn child(&mut self, number: usize) -> io::Result<&mut Child> {
        let child = self.all.get_mut(number.wrapping_sub(1));
        child.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Tells a process a line.
    ///
    /// # Errors
    ///
    /// Where there is no such process, or it does not run.
    pub fn tell(&mut self, number: usize, line: &str) -> io::Result<()> {
        let input = self.child(number)?.stdin.as_mut();
        writeln!(input.ok_or(io::ErrorKind::BrokenPipe)?, "{line}")
    }

    /// Returns what a process has said next, and which one it was; `None` if
    /// none says anything in time.
    #[must_use]
    pub fn hear(&self, within: Duration) -> Option<(usize, String)> {
        self.said.recv_timeout(within).ok()
    }

    /// Kills a process, which can do nothing about it.
    ///
    /// # Errors
    ///
    /// Where there is no such process.
    pub fn kill(&mut self, number: usize) -> io::Result<()> {
        let child = self.child(number)?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.all {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A folder of this process; dropped, it is removed with all that is in it.
#[derive(Debug)]
pub struct TempFolder(PathBuf);

impl TempFolder {
    /// Names a folder, which is not made yet.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(env::temp_dir().join(format!("{name}-{}", std::process::id())))
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
