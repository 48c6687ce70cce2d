//! The kit does what it says: servers end and come back, networks fail as
//! told.
#![expect(
    clippy::unwrap_used,
    reason = "clippy exempts test functions, but not the helpers beside them"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use redis::{Connection, cmd};
use tollgate_redis_kit::{
    Cluster, Mode, Proxy, Sentinels, Server, connect, is_installed, until, until_within,
};

fn write(connection: &mut Connection, value: &str) {
    cmd("SET").arg("k").arg(value).exec(connection).unwrap();
}

fn read(connection: &mut Connection) -> Option<String> {
    cmd("GET").arg("k").query(connection).unwrap()
}

#[test]
fn a_server_ends_with_its_folder() {
    let Some(server) = Server::start() else {
        return;
    };
    let (folder, port) = (server.folder().path().to_owned(), server.port());
    write(&mut server.connection(), "v");
    assert!(folder.exists());
    drop(server);
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_restart_keeps_what_the_log_has_and_nothing_without_it() {
    let builder = || Server::builder().password("secret");
    let (with, without) = (builder().append_only(), builder());
    for (builder, kept) in [(with, Some("v".to_owned())), (without, None)] {
        let Some(server) = builder.start() else {
            return;
        };
        write(&mut server.connection(), "v");
        let pid = server.pid();
        server.restart();
        assert_ne!(server.pid(), pid);
        assert_eq!(read(&mut server.connection()), kept);
    }
}

#[test]
fn a_paused_server_says_nothing_until_it_goes_on() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut connection = server.connection();
    let limit = Some(Duration::from_millis(50));
    connection.set_read_timeout(limit).unwrap();
    server.pause();
    assert!(cmd("PING").exec(&mut connection).is_err());
    server.resume();
    assert_eq!(read(&mut server.connection()), None);
}

#[test]
fn a_replica_follows_and_takes_no_writes() {
    let Some(master) = Server::start() else {
        return;
    };
    let replica = Server::builder().replica_of(&master).start().unwrap();
    write(&mut master.connection(), "v");
    until("the replica to follow", || {
        read(&mut replica.connection()).as_deref() == Some("v")
    });
    let refused = cmd("SET").arg(&["k", "w"]).exec(&mut replica.connection());
    assert_eq!(refused.unwrap_err().code(), Some("READONLY"));
}

#[test]
fn an_answer_is_cut_after_so_many_bytes_once_or_on_every_connection() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    for (mode, again) in [(Mode::CutOnce(3), "+PONG\r\n"), (Mode::CutEach(3), "+PO")] {
        proxy.set(Mode::Pass);
        let mut open = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        assert_eq!(ping(&mut open, 7), "+PONG\r\n");
        let cuts = proxy.cuts();
        proxy.set(mode);
        assert_eq!(ping(&mut open, 7), "+PO");
        assert_eq!(proxy.cuts(), cuts + 1);
        let mut open = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        assert_eq!(ping(&mut open, 7), again);
    }
}

/// Up to `length` bytes of the answer; less where the connection ends.
fn ping(stream: &mut TcpStream, length: u64) -> String {
    ping_within(stream, length, Duration::from_secs(30))
}

/// Nothing, where nothing comes.
fn silence(stream: &mut TcpStream) -> String {
    ping_within(stream, 7, Duration::from_millis(500))
}

fn ping_within(stream: &mut TcpStream, length: u64, limit: Duration) -> String {
    stream.set_read_timeout(Some(limit)).unwrap();
    drop(stream.write_all(b"PING\r\n"));
    let mut answer = Vec::new();
    drop(Read::by_ref(stream).take(length).read_to_end(&mut answer));
    String::from_utf8(answer).unwrap()
}

#[test]
fn what_was_swallowed_stays_lost_and_what_is_closed_is_refused() {
    let Some(server) = Server::start() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let mut open = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    assert_eq!(ping(&mut open, 7), "+PONG\r\n");
    let asked = proxy.bytes_asked();
    proxy.set(Mode::BlackHole);
    assert_eq!(silence(&mut open), "");
    until("it to be swallowed", || proxy.bytes_asked() > asked);
    proxy.set(Mode::Pass);
    assert_eq!(silence(&mut open), "");
    write(&mut connect(&proxy.url()), "v");

    let connections = proxy.connections();
    proxy.set(Mode::Refuse);
    assert!(TcpStream::connect(("127.0.0.1", proxy.port())).is_err());
    assert_eq!(proxy.connections(), connections);
    proxy.set(Mode::HangUp);
    let mut taken = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    assert_eq!(ping(&mut taken, 7), "");
    assert_eq!(proxy.connections(), connections + 1);

    proxy.set(Mode::Delay(Duration::from_millis(60)));
    let mut slow = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let mut answer = String::new();
    let took = until_within(Duration::from_secs(5), || {
        answer = ping(&mut slow, 7);
        true
    });
    assert_eq!(answer, "+PONG\r\n");
    assert!(took >= Some(Duration::from_millis(60)));
}

#[test]
fn sentinels_make_the_replica_the_master() {
    let Some(master) = Server::start() else {
        return;
    };
    let replica = Server::builder().replica_of(&master).start().unwrap();
    let port = replica.port();
    let sentinels = Sentinels::start(&master, &[&replica], 3).unwrap();
    assert_eq!(sentinels.master_port(), Some(master.port()));
    master.kill();
    sentinels.hurry();
    let limit = Duration::from_secs(30);
    assert!(until_within(limit, || sentinels.master_port() == Some(port)).is_some());
}

#[test]
fn a_cluster_takes_every_key_at_one_of_its_nodes() {
    let Some(cluster) = Cluster::start(3) else {
        return;
    };
    for key in ["a", "b", "c", "d", "{tag}:t", "{tag}:l"] {
        let mut connection = cluster.node_of(key).unwrap().connection();
        cmd("SET").arg(&[key, "v"]).exec(&mut connection).unwrap();
    }
    assert_eq!(cluster.urls().len(), cluster.nodes().len());
}

const CHILD: &str = "TOLLGATE_REDIS_KIT_CHILD";

/// Starts a server and waits, where it was started for that.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_some() {
        let server = Server::start().unwrap();
        eprintln!(
            "\nserver: {} {}",
            server.port(),
            server.folder().path().display()
        );
        drop(std::io::stdin().read(&mut [0]));
    }
}

#[test]
fn servers_end_with_a_process_that_is_killed() {
    if !is_installed() {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = lines.find_map(|line| Some(line.unwrap().strip_prefix("server: ")?.to_owned()));
    child.kill().unwrap();
    child.wait().unwrap();
    let said = said.unwrap();
    let (port, folder) = said.split_once(' ').unwrap();
    let port: u16 = port.parse().unwrap();
    until("the server to end", || {
        TcpStream::connect(("127.0.0.1", port)).is_err() && !Path::new(folder).exists()
    });
}
