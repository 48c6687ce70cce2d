//! [`Ask`]: one thing asked of Redis, as it goes over the wire.

use std::{fmt, time::Duration};

use redis::{Cmd, Value};
use tollgate::Result;

use crate::{answer::unexpected, error, scripts::Lua};

/// How many replicas have to have a write, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replicas {
    pub(crate) count: u32,
    pub(crate) limit: Duration,
}

impl Replicas {
    /// Takes the number of replicas off an answer, if it was asked for.
    pub(crate) fn counted(wanted: Option<Self>, answer: Value) -> Result<(Value, Option<i64>)> {
        match (wanted, answer) {
            (None, answer) => Ok((answer, None)),
            (Some(_), Value::Array(parts)) => match <[Value; 2]>::try_from(parts) {
                Ok([answer, Value::Int(have)]) => Ok((answer, Some(have))),
                _ => Err(unexpected()),
            },
            _ => Err(unexpected()),
        }
    }

    /// Refuses a write that too few have.
    pub(crate) fn enough(wanted: Option<Self>, have: Option<i64>, key: &str) -> Result<()> {
        match (wanted, have) {
            (Some(wanted), Some(have)) if have < i64::from(wanted.count) => {
                Err(error::not_replicated(key, have, wanted))
            }
            _ => Ok(()),
        }
    }
}

/// A command or a script. All may be asked twice: whoever does not hear the
/// answer asks again.
pub(crate) struct Ask {
    what: What,
    parts: Vec<Vec<u8>>,
    keys: usize,
    /// Waited for after it.
    pub(crate) replicas: Option<Replicas>,
}

enum What {
    Command(&'static str),
    Script(&'static Lua),
}

impl Ask {
    /// Reads fields of a hash.
    pub(crate) fn fields(key: &str, fields: &[&str]) -> Self {
        let mut ask = Self::of(What::Command("HMGET"), &[key]);
        for field in fields {
            ask = ask.arg(field.as_bytes());
        }
        ask
    }

    /// Reads a text.
    pub(crate) fn text(key: &str) -> Self {
        Self::of(What::Command("GET"), &[key])
    }

    /// Runs a script over keys.
    pub(crate) fn script(script: &'static Lua, keys: &[&str]) -> Self {
        Self::of(What::Script(script), keys)
    }

    fn of(what: What, keys: &[&str]) -> Self {
        Self {
            what,
            parts: keys.iter().map(|key| key.as_bytes().to_vec()).collect(),
            keys: keys.len(),
            replicas: None,
        }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.parts.push(arg.into());
        self
    }

    /// Waits for replicas after it, if it is to.
    pub(crate) fn waiting_for(mut self, replicas: Option<Replicas>) -> Self {
        self.replicas = replicas;
        self
    }

    /// Adds a number, as text.
    pub(crate) fn number(self, number: u64) -> Self {
        self.arg(number.to_string())
    }

    /// What is sent first: of a script, its hash alone.
    pub(crate) fn command(&self) -> Cmd {
        match self.what {
            What::Command(name) => {
                let mut command = redis::cmd(name);
                command.arg(&self.parts);
                command
            }
            What::Script(lua) => self.eval("EVALSHA", lua.hash()),
        }
    }

    /// What is sent where the server does not know the script.
    pub(crate) fn in_full(&self) -> Option<Cmd> {
        match self.what {
            What::Command(_) => None,
            What::Script(lua) => Some(self.eval("EVAL", lua.code)),
        }
    }

    fn eval(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys).arg(&self.parts);
        command
    }

    /// What is sent after a write for replicas.
    pub(crate) fn wait(&self) -> Option<Cmd> {
        let Replicas { count, limit } = self.replicas?;
        let mut command = redis::cmd("WAIT");
        let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        command.arg(count).arg(millis);
        Some(command)
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.what {
            What::Command(name) => name,
            What::Script(_) => "EVALSHA",
        };
        f.debug_struct("Ask")
            .field("name", &name)
            .finish_non_exhaustive()
    }
}
