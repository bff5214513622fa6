//! Running the program while its memory is watched.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::Said;

/// Runs the program and watches its memory; gives the most it ever took, in KiB.
pub(crate) fn watched(command: &mut Command) -> (Said, u64) {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let ended = Arc::new(AtomicBool::new(false));
    let watching = std::thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let mut most = 0;
            while !ended.load(Ordering::SeqCst) {
                // Until it has begun, its place is taken by a copy of this very test.
                let text = fs::read_to_string(&status).unwrap_or_default();
                let text = if text.starts_with("Name:\treshoot\n") {
                    &text
                } else {
                    ""
                };
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
                most = most.max(kib.unwrap_or(0));
                sleep(Duration::from_millis(5));
            }
            most
        }
    });
    let output = child.wait_with_output().expect("an end");
    ended.store(true, Ordering::SeqCst);
    let said = Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    (said, watching.join().expect("it was watched"))
}
