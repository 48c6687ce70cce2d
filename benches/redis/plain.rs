//! [`Plain`]: a JSON text under one key, as one writes it by hand.

use serde_json::{Value, json};
use tollgate::auth::Token;
use tollgate_redis_kit::Server;

/// The pair of one session, and a connection.
pub(crate) struct Plain {
    connection: redis::Connection,
}

const KEY: &str = "plain";
const LOCK: &str = "plain:lock";

impl Plain {
    pub(crate) fn new(redis: &Server, token: &Token) -> Self {
        let mut plain = Self {
            connection: redis.connection(),
        };
        plain.write(token);
        plain
    }

    pub(crate) fn read(&mut self) -> Value {
        let text: String = redis::cmd("GET")
            .arg(KEY)
            .query(&mut self.connection)
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn write(&mut self, token: &Token) {
        let pair = json!({
            "access_token": token.access_token().expose(),
            "refresh_token": token.refresh_token().unwrap().expose(),
        });
        let mut command = redis::cmd("SET");
        command.arg(KEY).arg(pair.to_string());
        command.exec(&mut self.connection).unwrap();
    }

    pub(crate) fn lock(&mut self) {
        let mut command = redis::cmd("SET");
        command.arg(LOCK).arg("me").arg(&["NX", "PX", "10000"]);
        command.exec(&mut self.connection).unwrap();
    }

    pub(crate) fn unlock(&mut self) {
        let mut command = redis::cmd("DEL");
        command.arg(LOCK).exec(&mut self.connection).unwrap();
    }
}
