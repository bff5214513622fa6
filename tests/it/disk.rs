//! Disks that are full, read-only, failing or taken away: one sentence says what and where, nothing
//! is lost, and the same command goes on once it is mended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::kill::can_trace;
use crate::support::{Rehearsal, Said, Show};

/// Words of which a sentence about a disk has at least one: what to do.
const WAYS_OUT: [&str; 6] = [
    "run again",
    "before running again",
    "choose another folder",
    "make room",
    "raise its limit",
    "mend this",
];

/// A file system over a folder, gone after the test.
struct Mount(PathBuf);

impl Mount {
    /// Mounts over a folder, or says loudly that this cannot be done here.
    fn over(folder: &Path, args: &[&str]) -> Option<Self> {
        fs::create_dir_all(folder).expect("a folder");
        let mounted = mount(args, folder);
        if !mounted {
            eprintln!("SKIPPED: nothing may be mounted here; {args:?} was not tried");
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    fn again(&self, options: &str) {
        assert!(mount(&["-o", options], &self.0), "remount {options}");
    }
}

fn mount(args: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    let command = command.args(args).arg(folder).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Drop for Mount {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(gone.is_ok_and(|status| status.success()), "umount");
    }
}

/// Checks that a command that failed told what is wrong, where, and what to do.
#[track_caller]
fn tells_the_way_out(said: &Said, place: &str) {
    let all = format!("{}\n{}", said.err, said.out);
    assert!(!all.contains("panicked"), "{all}");
    assert_ne!(said.code, Some(0), "{all}");
    let told = all.lines().any(|line| {
        line.contains(place)
            && WAYS_OUT.iter().any(|way| line.contains(way))
            && (line.starts_with("error: ") || line.starts_with("Stopped: "))
    });
    assert!(told, "nothing about `{place}` and what to do in\n{all}");
}

/// Figure 4: images do not fit, at several sizes.
#[test]
fn figure_4_a_full_disk_stops_and_the_same_command_goes_on() {
    for size in ["8k", "40k", "200k", "500k"] {
        let show = Show::of(6, "jobs = 3");
        let out = show.path().join("out");
        let tmpfs = ["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"];
        let Some(disk) = Mount::over(&out, &tmpfs) else {
            return;
        };
        let server = Rehearsal::start(&["--latency", "20ms"]);
        let said = show.run(&server, &[]);
        said.exits(1).says("the disk is full");
        tells_the_way_out(&said, "out/");
        disk.again("remount,size=64m");
        show.run(&server, &[]).exits(0);
        show.audit(&server, 6);
        show.run(&server, &[]).exits(0).says("Nothing to do");
    }
}

/// Figures 3 and 4: the log itself does not fit.
#[test]
fn figure_3_a_log_that_does_not_fit_stops_all_buying() {
    const JOBS: u64 = 3;
    for room in [0, 1, 2] {
        let show = Show::of(12, &format!("jobs = {JOBS}"));
        let out = show.path().join("out");
        let tmpfs = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
        let Some(disk) = Mount::over(&out, &tmpfs) else {
            return;
        };
        // The lock takes a page, and the log what is left.
        fs::write(out.join(".lock"), "x").expect("a lock");
        let filler = vec![0; (1 << 20) - 4096 * (room + 1)];
        fs::write(out.join("filler"), filler).expect("a filler");
        let server = Rehearsal::start(&["--latency", "50ms"]);
        let said = show.run(&server, &[]);
        said.exits(1);
        // With more room the first image stands in the way before the log does.
        let place = if room == 0 { "run-log.jsonl" } else { "out/" };
        tells_the_way_out(&said, place);
        let log = fs::read_to_string(show.log()).expect("a log");
        let intents = log.matches("\"kind\":\"intent\"").count() as u64;
        let billed = server.stats()["images_billed"].as_u64().expect("a count");
        assert!(billed <= intents, "{billed} billed, {intents} intended");
        show.reshoot(&["doctor"]).exits(0);
        disk.again("remount,size=64m");
        show.run(&server, &[]).exits(0);
        show.audit(&server, 12);
    }
}

/// Figure 3: once a write fails, at most what is in flight is billed.
#[test]
fn figure_3_after_a_failed_write_of_the_log_no_more_is_billed_than_was_in_flight() {
    if !can_trace() {
        return;
    }
    for (error, nth) in [("ENOSPC", 2), ("EIO", 3), ("EDQUOT", 5), ("ENOSPC", 8)] {
        let show = Show::of(20, "jobs = 3");
        let server = Rehearsal::start(&["--latency", "50ms"]);
        let log = show.log();
        fs::create_dir_all(log.parent().expect("a folder")).expect("a folder");
        fs::write(&log, "").expect("a log");
        let inject = format!("inject=write:error={error}:when={nth}+");
        let log = log.to_str().expect("utf-8");
        let wrapper = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-P",
            log,
            "-e",
            &inject,
        ];
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        let said = Said::of(&mut show.wrapped(&wrapper, &args));
        tells_the_way_out(&said, "run-log.jsonl");
        let intents = show.records();
        let intents = intents.iter().filter(|r| r["kind"] == "intent").count() as u64;
        let billed = server.stats()["images_billed"].as_u64().expect("a count");
        assert!(billed <= intents, "{error} {nth}: {billed} of {intents}");
        show.run(&server, &[]).exits(0);
        show.audit(&server, 20);
    }
}

#[test]
fn figure_4_too_few_files_can_be_made() {
    for files in [4, 6, 8, 12] {
        let show = Show::of(4, "jobs = 2");
        let out = show.path().join("out");
        let options = format!("size=10m,nr_inodes={files}");
        let tmpfs = ["-t", "tmpfs", "-o", &options, "tmpfs"];
        let Some(disk) = Mount::over(&out, &tmpfs) else {
            return;
        };
        let server = Rehearsal::start(&["--latency", "20ms"]);
        let said = show.run(&server, &[]);
        said.exits(1).says("in number of files");
        tells_the_way_out(&said, "out/");
        disk.again("remount,nr_inodes=1000");
        show.run(&server, &[]).exits(0);
        show.audit(&server, 4);
    }
}

#[test]
fn figure_4_a_read_only_folder_can_be_looked_at_and_buys_nothing() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    let out = show.path().join("out");
    let Some(disk) = Mount::over(&out, &["--bind", out.to_str().expect("utf-8")]) else {
        return;
    };
    disk.again("remount,ro,bind");
    show.write(
        "shots.csv",
        "id,prompt\n0001,a small boat number 1 at sea\n0003,a new one\n",
    );
    let before = server.requests();
    let said = show.run(&server, &[]);
    said.exits(1).says("read-only");
    tells_the_way_out(&said, "out/");
    for command in ["plan", "status", "verify", "report", "doctor"] {
        show.reshoot(&[command]).exits(0);
    }
    show.reshoot(&["doctor", "-o", "out/good.jsonl"])
        .exits(1)
        .says("read-only");
    assert_eq!(server.requests(), before);
    drop(disk);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 3);
}

/// Figures 4 and 19.
#[test]
fn figure_19_with_few_open_files_it_refuses_or_works_and_loses_nothing() {
    for files in [4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 28, 32, 40] {
        let show = Show::of(4, "jobs = 3");
        let server = Rehearsal::start(&["--latency", "20ms"]);
        let limit = format!("--nofile={files}");
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        let said = Said::of(&mut show.wrapped(&["prlimit", &limit], &args));
        assert!(!said.err.contains("panicked"), "{files}: {said:?}");
        if said.code != Some(0) {
            said.exits(1).says("ulimit -n");
            let billed = server.stats()["images_billed"].clone();
            assert_eq!(billed, 0, "{files}: bought, then stopped");
        }
        show.run(&server, &[]).exits(0);
        show.audit(&server, 4);
    }
}

#[test]
fn the_soft_limit_of_a_shell_is_no_obstacle() {
    let show = Show::of(4, "jobs = 3");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    let args = ["run", "--yes", "-j", "200", "--endpoint", &server.endpoint];
    let said = Said::of(&mut show.wrapped(&["prlimit", "--nofile=16:1024"], &args));
    said.exits(0);
    show.audit(&server, 4);
}

/// Figure 4: every kind of call that touches the disk fails, once and for good, early and late.
#[test]
fn figure_4_whatever_call_fails_says_so_and_nothing_is_lost() {
    if !can_trace() {
        return;
    }
    let cases = [
        ("fdatasync", "EIO", "1"),
        ("fdatasync", "ENOSPC", "4"),
        ("fdatasync", "EDQUOT", "9+"),
        ("fsync", "EIO", "1"),
        ("fsync", "EDQUOT", "2"),
        ("fsync", "EIO", "3"),
        ("fsync", "ENOSPC", "5"),
        ("fsync", "EIO", "7+"),
        ("mkdirat", "EACCES", "1"),
        ("mkdirat", "EROFS", "2"),
        ("mkdirat", "EDQUOT", "3"),
        ("mkdirat", "ENOSPC", "3+"),
        ("openat", "EMFILE", "1"),
        ("openat", "EACCES", "2"),
        ("openat", "EIO", "3"),
        ("openat", "EROFS", "9+"),
        ("openat", "EMFILE", "12+"),
        ("openat", "EDQUOT", "15+"),
        ("openat", "EACCES", "18+"),
        ("renameat2", "EIO", "1"),
        ("renameat2", "EROFS", "1+"),
        ("renameat2", "EDQUOT", "2"),
        ("renameat", "EIO", "1"),
        ("renameat", "ENOSPC", "2"),
        ("renameat", "EACCES", "1+"),
        ("getdents64", "EIO", "1+"),
        ("flock", "EIO", "1"),
    ];
    let mut failed = 0;
    for (call, error, when) in cases {
        let show = Show::of(5, "jobs = 3");
        let server = Rehearsal::start(&["--latency", "20ms"]);
        let inject = format!("inject={call}:error={error}:when={when}");
        let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        let said = Said::of(&mut show.wrapped(&wrapper, &args));
        let what = format!("{call} {error} {when}: {said:?}");
        assert!(!said.err.contains("panicked"), "{what}");
        let loaded = !said.err.contains("shared libraries");
        if said.code != Some(0) && loaded && !said.err.contains("error[") {
            said.exits(1);
            // The folder above is synced too when the output folder is made.
            let place = if said.err.contains("error: .: ") {
                "."
            } else {
                "out"
            };
            tells_the_way_out(&said, place);
            failed += 1;
        }
        let again = show.run(&server, &[]);
        assert_eq!(again.code, Some(0), "{what}\nthen {again:?}");
        show.audit(&server, 5);
    }
    eprintln!("{failed} runs failed at a call");
    assert!(failed >= 18, "only {failed} runs failed");
}

#[test]
fn figure_4_a_folder_that_is_deleted_while_running_is_bought_once() {
    for what in ["out", "out/images", "out/run-log.jsonl", "out/.lock"] {
        let show = Show::of(8, "jobs = 2");
        let server = Rehearsal::start(&["--latency", "300ms"]);
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        let mut command = show.command(&args);
        let run = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = run.spawn().expect("a run");
        while server.stats()["images_billed"].as_u64().unwrap_or(0) < 3 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let gone = show.path().join(what);
        if gone.is_dir() {
            // What is made meanwhile may stand in the way of the first try.
            while fs::remove_dir_all(&gone).is_err() && gone.exists() {}
        } else {
            fs::remove_file(&gone).expect("deleted");
        }
        let output = run.wait_with_output().expect("an end");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!err.contains("panicked"), "{what}: {err}");
        let mut again = show.run(&server, &[]);
        if again.code == Some(5) {
            again = show.run(&server, &[]);
        }
        assert_eq!(again.code, Some(0), "{what}: {err}\nthen {again:?}");
        show.audit(&server, 8);
    }
}

#[test]
fn figure_4_something_in_the_way_is_named_and_left_alone() {
    let folders = ["out/run-log.jsonl", "out/.lock", "out/SHA256SUMS"];
    let files = ["out", "out/images", "out/images/0001"];
    let folders = folders.map(|path| (path, true));
    let files = files.map(|path| (path, false));
    for (path, is_folder) in folders.into_iter().chain(files) {
        let show = Show::of(2, "");
        let server = Rehearsal::start(&["--latency", "20ms"]);
        let place = show.path().join(path);
        if is_folder {
            fs::create_dir_all(&place).expect("a folder");
            fs::write(place.join("mine"), "mine").expect("a file");
        } else {
            show.write(path, "mine");
        }
        let said = show.run(&server, &[]);
        said.exits(1);
        tells_the_way_out(&said, path);
        let says_one_code = said.out.is_empty() || said.out.contains("Exit code 1");
        assert!(says_one_code, "{path}: {}", said.out);
        let mine = if is_folder {
            place.join("mine")
        } else {
            place.clone()
        };
        assert_eq!(fs::read_to_string(mine).expect("mine"), "mine", "{path}");
        if is_folder {
            fs::remove_dir_all(&place).expect("moved away");
        } else {
            fs::remove_file(&place).expect("moved away");
        }
        show.run(&server, &[]).exits(0);
        show.audit(&server, 2);
    }
}

#[test]
fn a_pipe_where_the_log_belongs_makes_nobody_wait() {
    let show = Show::of(1, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    fs::create_dir_all(show.path().join("out")).expect("a folder");
    let made = Command::new("mkfifo").arg(show.log()).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let said = show.run(&server, &[]);
    tells_the_way_out(&said, "run-log.jsonl");
    show.reshoot(&["doctor"]).exits(1).says("move it away");
    assert_eq!(server.requests(), 0);
}
