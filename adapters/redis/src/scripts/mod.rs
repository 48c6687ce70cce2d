//! The scripts that Redis runs, each as a whole or not at all.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use redis::Script;

/// A script, and the hash that it has on the server.
pub(crate) struct Lua {
    script: Script,
    pub(crate) code: &'static str,
}

impl Lua {
    pub(crate) fn hash(&self) -> &str {
        self.script.get_hash()
    }
}

/// Puts a script behind what all begin with.
macro_rules! lua {
    ($name:literal) => {
        LazyLock::new(|| {
            let code = concat!(
                include_str!("prelude.lua"),
                include_str!(concat!($name, ".lua")),
            );
            Lua {
                script: Script::new(code),
                code,
            }
        })
    };
}

pub(crate) static ACQUIRE: LazyLock<Lua> = lua!("acquire");
pub(crate) static CAS: LazyLock<Lua> = lua!("cas");
pub(crate) static CLEAR: LazyLock<Lua> = lua!("clear");
pub(crate) static PLAIN_ACQUIRE: LazyLock<Lua> = lua!("plain_acquire");
pub(crate) static PLAIN_CAS: LazyLock<Lua> = lua!("plain_cas");
pub(crate) static PRESENT: LazyLock<Lua> = lua!("present");
pub(crate) static RELEASE: LazyLock<Lua> = lua!("release");
