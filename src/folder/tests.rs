use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;

use super::*;

fn fresh() -> (tempfile::TempDir, Folder) {
    let home = tempfile::tempdir().expect("a folder");
    let folder = Folder::make(&home.path().join("a/b/out")).expect("made");
    (home, folder)
}

#[test]
fn makes_what_is_missing_and_opens_what_is_there() {
    let (home, folder) = fresh();
    assert!(folder.path().ends_with("a/b/out"));
    let again = Folder::make(&home.path().join("a/b/out")).expect("there");
    let deep = again.make_below("x/y").expect("made");
    assert!(deep.path().ends_with("out/x/y"));
    assert!(again.below("x/y").is_ok());
    assert!(again.below("").is_ok());
    assert!(again.below("x/z").expect_err("missing").is_missing());
}

#[test]
fn follows_no_link_below_and_no_path_that_leads_out() {
    let (home, folder) = fresh();
    let outside = home.path().join("outside");
    fs::create_dir(&outside).expect("made");
    symlink(&outside, home.path().join("a/b/out/images")).expect("a link");
    symlink(outside.join("f"), home.path().join("a/b/out/log")).expect("a link");
    for path in [
        "images",
        "images/x",
        "../outside",
        "/etc",
        "a//b",
        "./a",
        "a/",
    ] {
        assert!(folder.make_below(path).is_err(), "{path}");
        assert!(folder.make_anew(path).is_err(), "{path}");
        assert!(folder.below(path).is_err(), "{path}");
        assert!(folder.walk(path, |_, _| Ok(())).is_err(), "{path}");
    }
    for name in ["log", "..", "", "a/b", "a\0b"] {
        assert!(folder.append(name, Readers::Owner).is_err(), "{name:?}");
        assert!(folder.create(name, Readers::Owner).is_err(), "{name:?}");
        assert!(folder.read(name).is_err(), "{name:?}");
    }
    assert_eq!(folder.size("log"), Ok(None));
    assert_eq!(fs::read_dir(&outside).expect("read").count(), 0);
}

#[test]
fn the_root_itself_may_be_reached_by_a_link() {
    let (home, folder) = fresh();
    let link = home.path().join("link");
    symlink(home.path().join("a/b/out"), &link).expect("a link");
    let linked = Folder::make(&link).expect("opened");
    drop(linked.create("f", Readers::ByUmask).expect("created"));
    assert_eq!(folder.size("f"), Ok(Some(0)));
}

#[test]
fn gives_a_free_name_only() {
    let (_home, folder) = fresh();
    for name in ["from", "taken"] {
        let mut file = folder.create(name, Readers::Owner).expect("created");
        file.write_all(name.as_bytes()).expect("written");
    }
    assert!(
        folder
            .create("from", Readers::Owner)
            .expect_err("taken")
            .is_taken()
    );
    let taken = folder.rename_to_free("from", "taken").expect_err("taken");
    assert!(taken.is_taken());
    assert_eq!(folder.relink("from", "taken"), Err(Errno::EXIST));
    assert_eq!(folder.relink("from", "linked"), Ok(()));
    assert_eq!(folder.rename_to_free("linked", "free"), Ok(()));
    drop(folder.make_below("sub").expect("made"));
    let mut names = folder.names().expect("listed");
    names.others.sort();
    assert_eq!(names.others, ["free", "taken"]);
    assert_eq!(names.folders, ["sub"]);
}

#[test]
fn state_files_are_their_owners_alone() {
    let (_home, folder) = fresh();
    let file = folder.append("log", Readers::Owner).expect("made");
    let mode = file.metadata().expect("stat").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_pipe_is_refused_without_waiting() {
    let (home, folder) = fresh();
    let made = std::process::Command::new("mkfifo")
        .arg(home.path().join("a/b/out/pipe"))
        .status()
        .expect("mkfifo runs");
    assert!(made.success());
    let error = folder.read("pipe").expect_err("a pipe");
    assert_eq!(error.why, Why::NotRegular);
    assert!(folder.append("pipe", Readers::Owner).is_err());
}

#[test]
fn replaces_a_text_whole_or_not_at_all() {
    let (_home, folder) = fresh();
    folder.replace("t", ".t.part", b"one", false).expect("put");
    folder.replace("t", ".t.part", b"three", true).expect("put");
    assert_eq!(folder.size("t"), Ok(Some(5)));
    drop(
        folder
            .create(".t.part", Readers::Owner)
            .expect("in the way"),
    );
    assert!(folder.replace("t", ".t.part", b"", true).is_err());
    assert_eq!(folder.size("t"), Ok(Some(5)));
}

#[test]
fn every_reason_names_file_and_way_out() {
    for errno in [
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::MFILE,
        Errno::NFILE,
        Errno::ACCESS,
        Errno::PERM,
        Errno::ROFS,
        Errno::IO,
        Errno::BUSY,
    ] {
        let told = FileError::new("out/run-log.jsonl".into(), errno).to_string();
        assert!(told.starts_with("out/run-log.jsonl: "), "{told}");
        assert!(told.contains("run") && !told.contains('\n'), "{told}");
    }
}

proptest! {
    #[test]
    fn a_path_that_has_parts_stays_below(path in "[a./]{0,12}") {
        if let Some(parts) = path::parts(&path) {
            let depth = parts.inspect(|part| assert_ne!(*part, "..")).count();
            prop_assert_eq!(depth == 0, path.is_empty());
            prop_assert!(!path.starts_with('/'));
        }
    }
}
