//! A token that names its own expiry, where the server does not.

use tollgate::{
    auth::{SessionState, Token},
    runtime::{Runtime, block_on},
};

use crate::support::{Drive, World, seconds, some};

fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..=chunk.len() {
            text.push(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63] as char);
        }
    }
    text
}

pub(crate) fn jwt(claims: &str) -> String {
    let head = encode(br#"{"alg":"none"}"#);
    format!(
        "{head}.{}.{}",
        encode(claims.as_bytes()),
        encode(b"signature")
    )
}

fn unix(world: &World) -> u64 {
    let now = world.now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn a_token_says_itself_when_it_expires_if_it_is_asked<E: Drive>() {
    for (asked, expected) in [(true, 1), (false, 0)] {
        let world = World::new();
        let refresh = world.pair().expiry_from_jwt(asked).build().unwrap();
        let client = world.client::<E>(&refresh);
        E::send(client.get("/first")).unwrap();
        let now = unix(&world);
        let access = jwt(&format!(r#"{{"iat":{now},"exp":{}}}"#, now + 3600));
        let token = world.server.issue(&access, "r1");
        block_on(refresh.sign_in(token)).unwrap();
        E::send(client.get("/me")).unwrap();
        world.time.advance(seconds(3599));
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.server.refreshes(), expected, "asked: {asked}");
    }
}

/// Bug 38. What counts is the lifetime, not the clock of this machine.
fn a_clock_that_is_wrong_makes_no_loop<E: Drive>() {
    for skew in [-600_i64, 50] {
        let world = World::new();
        let refresh = world.pair().expiry_from_jwt(true).build().unwrap();
        let client = world.client::<E>(&refresh);
        E::send(client.get("/first")).unwrap();
        // The server's clock is ahead of ours, or behind.
        let issued = unix(&world).saturating_add_signed(-skew);
        let access = jwt(&format!(r#"{{"iat":{issued},"exp":{}}}"#, issued + 300));
        let token = world.server.issue(&access, "r1");
        block_on(refresh.sign_in(token)).unwrap();
        for _ in 0..10 {
            E::send(client.get("/me")).unwrap();
            world.time.advance(seconds(10));
        }
        assert_eq!(world.server.refreshes(), 0, "skew: {skew}");
        assert_eq!(refresh.status().state(), SessionState::Fresh);
    }
}

fn the_servers_word_comes_first<E: Drive>() {
    let world = World::new();
    let refresh = world.pair().expiry_from_jwt(true).build().unwrap();
    let client = world.client::<E>(&refresh);
    E::send(client.get("/first")).unwrap();
    let now = unix(&world);
    let access = jwt(&format!(r#"{{"exp":{}}}"#, now + 10));
    let token = world.server.issue(&access, "r1");
    let token = token.expires_in(seconds(3600), world.time.wall());
    block_on(refresh.sign_in(token)).unwrap();
    world.time.advance(seconds(1800));
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.refreshes(), 0);
}

fn what_is_no_jwt_has_no_expiry<E: Drive>() {
    for access in ["opaque", "a.b.c", &jwt("[]"), &jwt(r#"{"exp":"soon"}"#)] {
        let world = World::new();
        let refresh = world.pair().expiry_from_jwt(true).build().unwrap();
        let client = world.client::<E>(&refresh);
        let token: Token = world.server.issue(access, "r1");
        block_on(refresh.sign_in(token)).unwrap();
        world.time.advance(seconds(100_000));
        E::send(client.get("/me")).unwrap();
        assert_eq!(world.sent_tokens(), some(&[access]));
    }
}

both!(
    a_token_says_itself_when_it_expires_if_it_is_asked,
    a_clock_that_is_wrong_makes_no_loop,
    the_servers_word_comes_first,
    what_is_no_jwt_has_no_expiry,
);
