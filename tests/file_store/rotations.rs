//! Many processes rotate one token at a server that ends the session when a
//! refresh token comes twice.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use tollgate::auth::{Stamp, Stored, Token};

use crate::{
    child,
    support::{Folder, load, save, size},
};

#[derive(Default)]
struct Family {
    current: u64,
    /// The refresh token before the last one works too.
    grace: bool,
    revoked: bool,
    presented: BTreeMap<String, u32>,
}

/// A token endpoint of one family: the first refresh token is `r0`.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    family: Arc<Mutex<Family>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::of(Family::default())
    }

    pub(crate) fn with_grace() -> Self {
        Self::of(Family {
            grace: true,
            ..Family::default()
        })
    }

    /// How often a refresh token was presented.
    pub(crate) fn presented(&self, token: &str) -> u32 {
        let family = self.family.lock().unwrap();
        family.presented.get(token).copied().unwrap_or_default()
    }

    fn of(family: Family) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let family = Arc::new(Mutex::new(family));
        let shared = Arc::clone(&family);
        // It ends with the test process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut spent = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                // Who is killed while it asks resets the connection.
                if reader.read_line(&mut spent).is_ok_and(|length| length > 0) {
                    let answer = shared.lock().unwrap().rotate(spent.trim());
                    drop(writeln!(stream, "{answer}"));
                }
            }
        });
        Self { address, family }
    }
}

impl Family {
    fn rotate(&mut self, spent: &str) -> String {
        *self.presented.entry(spent.to_owned()).or_default() += 1;
        if self.grace && self.current > 0 && spent == format!("r{}", self.current - 1) {
            return format!("a{0} r{0}", self.current);
        }
        self.revoked |= spent != format!("r{}", self.current);
        if self.revoked {
            return "revoked".to_owned();
        }
        self.current += 1;
        format!("a{0} r{0}", self.current)
    }
}

fn rotate_in_many_processes(mode: &str) {
    let folder = Folder::new();
    let server = Server::start();
    let (processes, rotations) = (
        size("TOLLGATE_PROCESSES", 4),
        size("TOLLGATE_ROTATIONS", 10),
    );
    let signed_in = Stored::live(Stamp::new(1, 1), Token::new("a0").refresh("r0"));
    save(&folder.store(), Stamp::default(), &signed_in);
    let extra = format!("{} {rotations}", server.address);
    let children: Vec<_> = (0..processes)
        .map(|_| child::start(mode, &folder.record(), &extra))
        .collect();
    for (mut process, output) in children {
        let said = child::said(output).count();
        assert!(
            process.wait().unwrap().success(),
            "{mode}: a process failed"
        );
        assert_eq!(said, rotations);
    }
    let total = u64::try_from(processes * rotations).unwrap();
    let family = server.family.lock().unwrap();
    assert!(!family.revoked);
    assert_eq!(family.current, total);
    let spent: Vec<u32> = family.presented.values().copied().collect();
    assert_eq!(spent, vec![1; processes * rotations], "each once");
    let stored = load(&folder.store());
    assert_eq!(stored.stamp(), Stamp::new(1, 1 + total));
    let refresh = stored.token().unwrap().refresh_token().unwrap().expose();
    assert_eq!(refresh, format!("r{total}"));
    folder.assert_tidy();
    println!("{processes} processes, {total} rotations by `{mode}`");
}

#[test]
fn processes_that_rotate_by_hand_present_each_refresh_token_once() {
    rotate_in_many_processes("rotate");
}

#[test]
fn sessions_of_many_processes_present_each_refresh_token_once() {
    rotate_in_many_processes("refresh");
}
