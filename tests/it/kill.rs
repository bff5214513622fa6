//! SIGKILL at any moment: each image is paid once, none is lost.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Rehearsal, Said, Show};

/// Kills a run at 30 moments, then lets it finish, and audits.
fn kill_thirty_times(settings: &str, latency: &str) {
    const IMAGES: usize = 200;
    let technical = format!("jobs = 16\n[defaults]\npreset = \"p\"\n[presets.p]\n{settings}\n");
    let show = Show::of(IMAGES, &technical);
    let server = Rehearsal::start(&["--latency", latency]);
    let args = ["run", "--yes", "--endpoint", &server.endpoint];
    let mut moment = 20_u64;
    for _ in 0..30 {
        let mut command = show.command(&args);
        let mut run = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a run");
        sleep(Duration::from_millis(moment));
        run.kill().expect("a kill");
        run.wait().expect("an end");
        moment = 20 + (moment * 7 + 13) % 300;
    }
    show.run(&server, &[]).exits(0);
    show.audit(&server, IMAGES);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, IMAGES);
}

#[test]
fn sync_survives_thirty_kills() {
    kill_thirty_times("delivery = \"sync\"", "150ms");
}

#[test]
fn async_survives_thirty_kills() {
    kill_thirty_times("delivery = \"async\"", "150ms");
}

#[test]
fn base64_survives_thirty_kills() {
    kill_thirty_times("output = \"base64\"", "150ms");
}

/// Tells whether a process can be traced here, and says so loudly where not.
pub(crate) fn can_trace() -> bool {
    let tried = std::process::Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        eprintln!(
            "SKIPPED: strace is missing or may not trace here; kills at system calls were not tried"
        );
    }
    can
}

/// Figure 1: killed at each of the first calls of every kind that leaves a trace.
#[test]
fn figure_1_a_kill_at_any_system_call_loses_and_repeats_nothing() {
    if !can_trace() {
        return;
    }
    let mut killed = 0;
    for call in [
        "write",
        "fdatasync",
        "fsync",
        "renameat2",
        "renameat",
        "mkdirat",
        "openat",
        "openat2",
        "sendto",
        "writev",
    ] {
        for nth in [1, 2, 3, 5, 8, 13, 21] {
            let show = Show::of(8, "jobs = 3");
            let server = Rehearsal::start(&["--latency", "30ms"]);
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
            let args = ["run", "--yes", "--endpoint", &server.endpoint];
            let first = Said::of(&mut show.wrapped(&wrapper, &args));
            killed += usize::from(first.code != Some(0));
            let mut restarts = 0;
            while show.run(&server, &[]).code != Some(0) {
                restarts += 1;
                assert!(
                    restarts < 2,
                    "{call} {nth}: not done after {restarts} restarts"
                );
            }
            show.audit(&server, 8);
        }
    }
    eprintln!("killed at {killed} system calls");
    assert!(killed >= 25, "only {killed} runs were killed");
}

/// Figure 3: a log that cannot be synced stops all buying, and the next run repairs.
#[test]
fn figure_3_a_failed_sync_of_the_log_stops_all_buying() {
    if !can_trace() {
        return;
    }
    for nth in [1, 2, 3, 4, 6, 9] {
        let show = Show::of(12, "jobs = 3");
        let server = Rehearsal::start(&["--latency", "30ms"]);
        let inject = format!("inject=fdatasync:error=EIO:when={nth}");
        let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        let args = ["run", "--yes", "--endpoint", &server.endpoint];
        let first = Said::of(&mut show.wrapped(&wrapper, &args));
        assert_ne!(first.code, Some(0), "{nth}: {first:?}");
        assert!(!first.err.contains("panicked"), "{first:?}");
        assert!(
            first.err.contains("run-log.jsonl") || first.out.contains("run-log.jsonl"),
            "{first:?}"
        );
        show.run(&server, &[]).exits(0);
        show.audit(&server, 12);
    }
}
