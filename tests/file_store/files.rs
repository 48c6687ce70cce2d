//! Modes, links, and content that is not a record.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::Command,
    time::SystemTime,
};

use tollgate::{
    Error, ErrorKind,
    auth::{FileStore, Presented, Stamp, Swap, TokenStore},
    runtime::block_on,
};

use crate::{
    child,
    support::{CANARY, Folder, TTL, live, load, save},
};

const FIRST: Stamp = Stamp {
    epoch: 1,
    version: 1,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn signed_in() -> (Folder, FileStore) {
    let folder = Folder::new();
    let store = folder.store();
    save(&store, Stamp::default(), &live(FIRST));
    (folder, store)
}

/// The errors of all operations; all of them fail in the same way.
fn all_fail(store: &FileStore) -> Vec<Error> {
    let mark = Presented::new(1, SystemTime::UNIX_EPOCH);
    block_on(async {
        vec![
            store.load().await.unwrap_err(),
            store
                .compare_and_swap(FIRST, live(FIRST.next()))
                .await
                .unwrap_err(),
            store.present(FIRST, Some(mark)).await.unwrap_err(),
            store.clear(9).await.unwrap_err(),
        ]
    })
}

fn assert_named(error: &Error, texts: &[&str]) {
    let text = format!("{error} {error:?} {}", error.to_json());
    for wanted in texts {
        assert!(text.contains(wanted), "no `{wanted}` in {text}");
    }
    assert!(!text.contains(CANARY), "{text}");
}

#[test]
fn nothing_is_touched_before_the_first_use_and_nothing_made_by_a_load() {
    let folder = Folder::new();
    let path = folder.path().join("deep/er/token.json");
    let store = FileStore::new(&path);
    assert!(load(&store).token().is_none());
    assert!(!folder.path().join("deep").exists());
    save(&store, Stamp::default(), &live(FIRST));
    for missing in ["deep", "deep/er"] {
        assert_eq!(mode(&folder.path().join(missing)), 0o700);
    }
    assert_eq!(load(&FileStore::new(path)), live(FIRST));
}

#[test]
fn every_file_is_private_from_the_start_under_any_umask() {
    for umask in ["000", "022", "077", "177", "377"] {
        let folder = Folder::new();
        for what in ["first", "lock"] {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
            shell.arg(std::env::current_exe().unwrap());
            child::child_of(&mut shell, what, &folder.record(), "");
            let output = shell.output().unwrap();
            let said = child::said(&output.stdout[..]).next().unwrap();
            assert!(said.starts_with("done"), "{said}");
        }
        for ending in ["", ".lock", ".write-lock"] {
            assert_eq!(mode(&folder.beside(ending)), 0o600, "{umask} {ending}");
        }
    }
}

#[test]
fn a_file_that_others_can_use_is_refused() {
    let (folder, store) = signed_in();
    for (wide, shown) in [(0o644, "`0644`"), (0o640, "`0640`"), (0o602, "`0602`")] {
        set_mode(&folder.record(), wide);
        for error in all_fail(&store) {
            assert_eq!(error.kind(), ErrorKind::Auth);
            assert_named(&error, &[shown, "token.json`", "chmod 600"]);
        }
    }
    set_mode(&folder.record(), 0o600);
    assert_eq!(load(&store), live(FIRST));
    block_on(store.acquire(TTL)).unwrap();
    set_mode(&folder.beside(".lock"), 0o644);
    set_mode(&folder.beside(".write-lock"), 0o644);
    let error = block_on(store.clear(9)).unwrap_err();
    assert_named(&error, &["`0644`", "token.json.write-lock`"]);
    let error = block_on(store.acquire(TTL)).unwrap_err();
    assert_named(&error, &["`0644`", "token.json.lock`"]);
}

#[test]
fn a_link_in_place_of_a_file_is_not_followed() {
    let (folder, store) = signed_in();
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(folder.record(), &elsewhere).unwrap();
    symlink(&elsewhere, folder.record()).unwrap();
    for error in all_fail(&store) {
        assert_named(&error, &["symbolic link", "token.json`"]);
    }
    fs::remove_file(folder.record()).unwrap();
    for ending in [".lock", ".write-lock"] {
        let path = folder.beside(ending);
        drop(fs::remove_file(&path));
        symlink(folder.path().join("made"), path).unwrap();
    }
    let error = block_on(store.acquire(TTL)).unwrap_err();
    assert_named(&error, &["symbolic link", "token.json.lock`"]);
    block_on(store.clear(9)).unwrap_err();
    assert!(!folder.path().join("made").exists());
    // A link in place of the next record is removed, and not written through.
    fs::remove_file(folder.beside(".write-lock")).unwrap();
    symlink(folder.path().join("made"), folder.beside(".new")).unwrap();
    save(&store, Stamp::default(), &live(FIRST));
    assert!(!folder.path().join("made").exists());
    folder.assert_tidy();
}

#[test]
fn what_is_no_file_or_has_two_names_is_refused() {
    let (folder, store) = signed_in();
    fs::hard_link(folder.record(), folder.path().join("twin")).unwrap();
    for error in all_fail(&store) {
        assert_named(&error, &["`2` names"]);
    }
    fs::remove_file(folder.record()).unwrap();
    let made = Command::new("mkfifo")
        .arg(folder.record())
        .status()
        .unwrap();
    assert!(made.success());
    set_mode(&folder.record(), 0o600);
    for error in all_fail(&store) {
        assert_named(&error, &["not a file"]);
    }
    fs::remove_file(folder.record()).unwrap();
    fs::create_dir(folder.record()).unwrap();
    all_fail(&store);
    for path in ["/", "..", ""] {
        all_fail(&FileStore::new(path));
    }
}

#[test]
fn a_folder_in_which_all_may_replace_files_is_refused() {
    let (folder, store) = signed_in();
    set_mode(folder.path(), 0o777);
    for error in all_fail(&store) {
        assert_named(&error, &["`0777`", "chmod o-w"]);
    }
    set_mode(folder.path(), 0o1777);
    assert_eq!(load(&store), live(FIRST));
}

#[test]
fn content_that_is_no_record_is_kept_aside_and_reported_once() {
    let whole = live(FIRST).to_record().expose().to_owned();
    let half = &whole[..whole.len() / 2];
    let long = " ".repeat(300_000);
    for (number, content) in [half, "", CANARY, &long, "{\"schema\":0}"]
        .iter()
        .enumerate()
    {
        let (folder, store) = signed_in();
        let second = live(FIRST.next());
        save(&store, FIRST, &second);
        fs::write(folder.record(), content).unwrap();
        let error = match number % 3 {
            0 => block_on(store.load()).unwrap_err(),
            1 => block_on(store.clear(9)).unwrap_err(),
            _ => block_on(store.compare_and_swap(second.stamp(), live(FIRST))).unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_named(
            &error,
            &["token.json` holds no token record", "token.json.corrupt`"],
        );
        assert_eq!(
            fs::read_to_string(folder.beside(".corrupt")).unwrap(),
            *content
        );
        assert_eq!(mode(&folder.beside(".corrupt")), 0o600);
        // Nobody is signed in, and the stamps go on where they were.
        let stored = load(&folder.store());
        assert!(stored.token().is_none() && !stored.is_dead());
        assert_eq!(stored.stamp(), second.stamp());
        save(&store, stored.stamp(), &live(stored.stamp().next_epoch()));
        assert_eq!(load(&store).stamp(), Stamp::new(2, 3));
    }
}

#[test]
fn a_record_that_is_not_text_is_kept_aside() {
    let (folder, store) = signed_in();
    fs::write(folder.record(), [0xff, 0xfe]).unwrap();
    let error = block_on(store.load()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(fs::read(folder.beside(".corrupt")).unwrap(), [0xff, 0xfe]);
}

#[test]
fn a_newer_record_is_left_alone_and_reported_each_time() {
    let (folder, store) = signed_in();
    let newer = format!(r#"{{"schema":2,"token":"{CANARY}"}}"#);
    fs::write(folder.record(), &newer).unwrap();
    for error in all_fail(&store) {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_named(&error, &["`2`", "`1`"]);
    }
    assert_eq!(fs::read_to_string(folder.record()).unwrap(), newer);
    folder.assert_tidy();
}

#[test]
fn a_record_that_was_removed_is_nobody_signed_in_and_goes_on_counting() {
    let (folder, store) = signed_in();
    fs::remove_file(folder.record()).unwrap();
    assert_eq!(load(&store), tollgate::auth::Stored::empty(FIRST));
    let swap = block_on(store.compare_and_swap(Stamp::default(), live(FIRST))).unwrap();
    assert!(matches!(swap, Swap::Conflict(_)));
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(load(&store).stamp(), Stamp::default());
    save(&store, Stamp::default(), &live(FIRST));
    assert_eq!(mode(folder.path()), 0o700);
}

#[test]
fn a_store_that_cannot_be_written_says_so_before_the_token_is_spent() {
    let (folder, store) = signed_in();
    // Not even root can write where a folder is.
    fs::create_dir(folder.beside(".new")).unwrap();
    let mark = Presented::new(1, SystemTime::UNIX_EPOCH);
    let error = block_on(store.present(FIRST, Some(mark))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_named(&error, &["token.json.new`"]);
    assert_eq!(load(&store), live(FIRST), "reading goes on");
    fs::remove_dir(folder.beside(".new")).unwrap();
    set_mode(folder.path(), 0o500);
    match fs::write(folder.path().join("probe"), "") {
        Ok(()) => println!("!!! SKIPPED: this user may write in a folder of mode 0500"),
        Err(_) => {
            let error = block_on(store.present(FIRST, Some(mark))).unwrap_err();
            assert_named(&error, &["write in the folder"]);
        }
    }
    set_mode(folder.path(), 0o700);
}

#[test]
fn a_lock_file_that_holds_nonsense_counts_on_from_the_record() {
    let (folder, store) = signed_in();
    let mark = Presented::new(41, SystemTime::UNIX_EPOCH);
    block_on(store.present(FIRST, Some(mark))).unwrap();
    for nonsense in ["", "x", "1 2 3", "99999999999999999999999 0\n"] {
        fs::write(folder.beside(".lock"), nonsense).unwrap();
        set_mode(&folder.beside(".lock"), 0o600);
        let lease = block_on(store.acquire(TTL)).unwrap();
        assert_eq!(lease.fence(), 42, "{nonsense}");
    }
    assert_eq!(block_on(store.acquire(TTL)).unwrap().fence(), 43);
}

#[test]
fn a_lock_file_that_is_replaced_while_waited_for_is_taken_again() {
    let (folder, store) = signed_in();
    let held = block_on(store.acquire(TTL)).unwrap();
    let other = folder.store();
    let waiting = std::thread::spawn(move || block_on(other.acquire(TTL)).unwrap());
    // Whether it waits already or not: both have to end well.
    fs::remove_file(folder.beside(".lock")).unwrap();
    drop(held);
    let lease = waiting.join().unwrap();
    assert!(folder.beside(".lock").exists());
    drop(lease);
}

#[test]
fn a_record_that_is_too_large_is_not_written() {
    let (folder, store) = signed_in();
    let large = tollgate::auth::Token::new("a").scope("s".repeat(300_000));
    let record = tollgate::auth::Stored::live(FIRST.next(), large);
    let error = block_on(store.compare_and_swap(FIRST, record)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(load(&store), live(FIRST));
    folder.assert_tidy();
}
