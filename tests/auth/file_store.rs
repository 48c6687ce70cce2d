//! Sessions over a token file: as many processes would have them.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use tollgate::{
    Error, ErrorKind,
    auth::{
        FileStore, RefreshClass, RefreshError, Stamp, Stored, Swap, Token, TokenRefresh, TokenStore,
    },
    runtime::block_on,
};

use crate::support::{Drive, World, pair_over, seconds, some};

/// A token file in a folder of its own, removed at the end.
struct Kept(PathBuf);

impl Kept {
    fn empty() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("tollgate-auth-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            // Not one that an earlier process with the same number has left.
            if !path.exists() {
                return Self(path);
            }
        }
    }

    /// Somebody is signed in with `a1` and `r1`.
    fn signed_in() -> Self {
        let kept = Self::empty();
        let record = Stored::live(Stamp::new(1, 1), Token::new("a1").refresh("r1"));
        let swap = block_on(kept.store().compare_and_swap(Stamp::default(), record));
        assert_eq!(swap.unwrap(), Swap::Done);
        kept
    }

    fn path(&self) -> PathBuf {
        self.0.join("token.json")
    }

    fn store(&self) -> FileStore {
        FileStore::new(self.path())
    }

    /// A session as another process has it.
    fn session(&self) -> TokenRefresh {
        pair_over(self.store()).jitter_seed(7).build().unwrap()
    }

    fn stored(&self) -> Stored {
        block_on(self.store().load()).unwrap()
    }

    fn access(&self) -> Option<String> {
        let stored = self.stored();
        let token = stored.token()?;
        Some(token.access_token().expose().to_owned())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn class_of(error: &Error) -> RefreshClass {
    RefreshError::find_in(error).unwrap().class()
}

fn a_sign_in_is_in_the_file_and_a_sign_out_takes_it_out<E: Drive>() {
    let (world, kept) = (World::new(), Kept::empty());
    let session = kept.session();
    let client = world.client::<E>(&session);
    E::send(client.get("/public")).unwrap_err();
    assert!(!kept.path().exists());
    block_on(session.sign_in(Token::new("a1").refresh("r1"))).unwrap();
    assert_eq!(kept.access().as_deref(), Some("a1"));
    E::send(client.get("/me")).unwrap();
    block_on(session.sign_out()).unwrap();
    assert_eq!(kept.access(), None);
    assert_eq!(kept.stored().stamp(), Stamp::new(2, 2));
    let text = fs::read_to_string(kept.path()).unwrap();
    assert!(!text.contains("a1") && !text.contains("r1"), "{text}");
}

fn a_rotated_token_is_in_the_file_before_the_call_returns<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    let client = world.client::<E>(&kept.session());
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(kept.access().as_deref(), Some("a2"));
    let token = kept.stored().token().cloned().unwrap();
    assert_eq!(token.refresh_token().unwrap().expose(), "r2");
    assert_eq!(token.lifetime(), Some(seconds(3600)));
    assert_eq!(token.expiry(), Some(world.now() + seconds(3600)));
}

fn a_newer_token_of_another_process_is_adopted_without_a_refresh<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    let (ours, theirs) = (kept.session(), kept.session());
    let (here, there) = (world.client::<E>(&ours), world.client::<E>(&theirs));
    E::send(here.get("/first")).unwrap();
    world.server.expire();
    E::send(there.get("/me")).unwrap();
    E::send(here.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(ours.counters().adopted, 1);
    let sent = some(&["a1", "a1", "a2", "a1", "a2"]);
    assert_eq!(world.sent_tokens(), sent);
}

fn processes_that_are_refused_together_refresh_once<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    let clients: Vec<_> = (0..4).map(|_| world.client::<E>(&kept.session())).collect();
    for client in &clients {
        E::send(client.get("/first")).unwrap();
    }
    world.server.expire();
    let calls = clients.iter().map(|client| client.get("/me")).collect();
    for result in E::send_all(calls) {
        result.unwrap();
    }
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(world.server.reused(), 0);
}

fn a_sign_out_of_another_process_is_heard_at_the_next_refresh<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    let client = world.client::<E>(&kept.session());
    E::send(client.get("/first")).unwrap();
    block_on(kept.session().sign_out()).unwrap();
    world.server.expire();
    E::send(client.get("/me")).unwrap_err();
    assert_eq!(world.server.refreshes(), 0);
    assert_eq!(kept.access(), None);
}

/// The lease is another process's; who signs in or out is not held up.
fn signing_in_does_not_wait_for_the_refresh_of_another_process<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    let lease = block_on(kept.store().acquire(seconds(60))).unwrap();
    let session = kept.session();
    block_on(session.sign_in(world.server.issue("b1", "s1"))).unwrap();
    assert_eq!(kept.access().as_deref(), Some("b1"));
    E::send(world.client::<E>(&session).get("/me")).unwrap();
    drop(lease);
    assert_eq!(world.sent_tokens(), some(&["b1"]));
}

fn content_that_is_no_record_is_reported_without_its_text<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    fs::write(kept.path(), r#"{"schema":1,"token":"CANARY"#).unwrap();
    let session = kept.session();
    let client = world.client::<E>(&session);
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(class_of(&error), RefreshClass::Store);
    let text = format!("{error} {error:?} {}", error.to_json());
    assert!(text.contains("token.json.corrupt"), "{text}");
    assert!(!text.contains("CANARY"), "{text}");
    assert_eq!(world.mock.count(), 0);
    block_on(session.sign_in(Token::new("a1").refresh("r1"))).unwrap();
    E::send(client.get("/me")).unwrap();
    assert_eq!(
        kept.stored().stamp(),
        Stamp::new(2, 2),
        "it goes on counting"
    );
}

/// What is in memory is good: the file gets it back with the next refresh.
fn a_file_that_was_lost_is_written_again<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    let client = world.client::<E>(&kept.session());
    E::send(client.get("/first")).unwrap();
    fs::remove_file(kept.path()).unwrap();
    world.server.expire();
    E::send(client.get("/me")).unwrap();
    assert_eq!(world.server.presented(), ["r1"]);
    assert_eq!(kept.access().as_deref(), Some("a2"));
    assert_eq!(kept.stored().stamp(), Stamp::new(1, 2));
}

/// A file in place of the folder.
fn a_store_that_cannot_be_locked_spends_no_refresh_token<E: Drive>() {
    let (world, kept) = (World::new(), Kept::signed_in());
    let client = world.client::<E>(&kept.session());
    E::send(client.get("/first")).unwrap();
    fs::remove_dir_all(&kept.0).unwrap();
    fs::write(&kept.0, "").unwrap();
    world.server.expire();
    let error = E::send(client.get("/me")).unwrap_err();
    assert_eq!(class_of(&error), RefreshClass::Store);
    assert_eq!(world.server.refreshes(), 0);
    fs::remove_file(&kept.0).unwrap();
}

both!(
    a_sign_in_is_in_the_file_and_a_sign_out_takes_it_out,
    a_rotated_token_is_in_the_file_before_the_call_returns,
    a_newer_token_of_another_process_is_adopted_without_a_refresh,
    processes_that_are_refused_together_refresh_once,
    a_sign_out_of_another_process_is_heard_at_the_next_refresh,
    signing_in_does_not_wait_for_the_refresh_of_another_process,
    content_that_is_no_record_is_reported_without_its_text,
    a_file_that_was_lost_is_written_again,
    a_store_that_cannot_be_locked_spends_no_refresh_token,
);
