//! What a process takes: time, processor time, memory.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Failure;

/// What a process took.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) peak_mib: f64,
}

impl Cost {
    pub(crate) fn median(costs: &[Self]) -> Self {
        let of = |pick: fn(&Self) -> f64| {
            let mut values: Vec<f64> = costs.iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            wall: of(|cost| cost.wall),
            cpu: of(|cost| cost.cpu),
            peak_mib: of(|cost| cost.peak_mib),
        }
    }
}

/// Runs a process to its end, which has to be a good one.
pub(crate) fn measure(client: &mut Command) -> Result<Cost, Failure> {
    let before = cpu_of_ended_children()?;
    let start = Instant::now();
    let mut child = client.spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let (ended, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let (exit, wall) = std::thread::scope(|threads| {
        threads.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let now = peak_kib(&status).unwrap_or(0);
                peak.fetch_max(now, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let exit = child.wait();
        let wall = start.elapsed();
        ended.store(true, Ordering::Relaxed);
        (exit, wall)
    });
    let exit = exit?;
    if !exit.success() {
        return Err(format!("the client ended with {exit}").into());
    }
    let peak = u32::try_from(peak.into_inner())?;
    Ok(Cost {
        wall: wall.as_secs_f64(),
        cpu: cpu_of_ended_children()? - before,
        peak_mib: f64::from(peak) / 1024.0,
    })
}

/// Gives the most memory a process ever held, which the kernel forgets when the process ends.
fn peak_kib(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Gives the seconds of user and system time of all children that ended and were waited for.
fn cpu_of_ended_children() -> Result<f64, Failure> {
    /// Linux counts in hundredths of a second here, whatever its own clock.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name in brackets may hold spaces; the third field follows it.
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc/self/stat is odd")?;
    let mut fields = fields.split(' ').skip(13);
    let mut ticks = || -> Result<u32, Failure> {
        let field = fields.next().ok_or("/proc/self/stat is short")?;
        Ok(field.parse()?)
    };
    Ok(f64::from(ticks()? + ticks()?) / TICKS)
}
