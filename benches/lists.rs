//! What long lists cost: planning them, and running them again when everything is there.
//!
//! ```text
//! cargo bench --bench lists                       three rounds of every case, medians printed
//! cargo bench --bench lists -- --rounds 1         one round
//! cargo bench --bench lists -- plan               only the planning of lists
//! cargo bench --bench lists -- again              only the run that has nothing to do
//! cargo bench --bench lists -- again --outputs N  the same with another number of images
//! ```
//!
//! `plan`: `reshoot plan` of a CSV of 100 000 and of 1 000 000 rows, against the bare reading of the
//! same file row by row with the csv crate: wall time, processor time, and the most memory that was
//! resident, beside the size of the list.
//!
//! `again`: a folder of 100 000 images is bought once from a server in a process of its own, through
//! the whole client. Then `reshoot run`, which finds nothing to do, against `ninja` with as many
//! outputs, which it built before and finds up to date; they take turns. It needs `ninja` on the
//! path (Debian: ninja-build) and says so where there is none. The folder lies in memory where
//! `/dev/shm` is to be had: a run with nothing to do reads what is cached in either case, and the
//! buying is sooner over.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use support::measure::{Cost, measure};
use support::server::{SERVE, Server, serve};
use support::{Failure, number, say};

const ROUNDS: usize = 3;
const LISTS: [u32; 2] = [100_000, 1_000_000];
const READ: &str = "--read-for-the-benchmark";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        [SERVE, latency, picture] => serve(latency, picture),
        [READ, list] => read(list),
        _ if words.contains(&"--bench") => measure_all(&words),
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(std::io::stderr(), &format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure_all(words: &[&str]) -> Result<(), Failure> {
    let rounds = number(words, "--rounds", ROUNDS)?;
    let all = !words.contains(&"plan") && !words.contains(&"again");
    if all || words.contains(&"plan") {
        for rows in LISTS {
            plan(rows, rounds)?;
        }
    }
    if all || words.contains(&"again") {
        again(number(words, "--outputs", 100_000)?, rounds)?;
    }
    Ok(())
}

// Planning

fn plan(rows: u32, rounds: usize) -> Result<(), Failure> {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let list = root.path().join("shots.csv");
    let bytes = write_list(&list, rows)?;
    let (mut bare, mut reshoot) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut reader = Command::new(std::env::current_exe()?);
        reader.arg(READ).arg(&list);
        bare.push(quiet(&mut reader)?);
        let mut planner = Command::new(env!("CARGO_BIN_EXE_reshoot"));
        let out = root.path().join("out");
        planner.arg("plan").arg(&list).arg("--out").arg(out);
        reshoot.push(quiet(&mut planner)?);
    }
    let (bare, reshoot) = (Cost::median(&bare), Cost::median(&reshoot));
    let mib = f64::from(u32::try_from(bytes)?) / f64::from(1 << 20);
    say(
        std::io::stdout(),
        &format!("plan of {rows} rows, a list of {mib:.1} MiB, median of {rounds}"),
    );
    tell("bare read", &bare, None);
    tell("reshoot", &reshoot, Some(&bare));
    Ok(())
}

/// Writes a list as a studio's own: an id of three parts, a sentence or two, a note.
fn write_list(path: &Path, rows: u32) -> Result<u64, Failure> {
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    writeln!(file, "id,prompt,note")?;
    for n in 0..rows {
        let (episode, sequence, shot) = (n / 1000, n / 50 % 20, n % 1000 * 10);
        writeln!(
            file,
            "{episode:03}/S{sequence:02}/{shot:05},\"Wide shot, a harbour in fog, frame {n}: \
             cranes behind, wet planks, thin rain, gulls above a boat\",v{}",
            n % 7
        )?;
    }
    file.flush()?;
    Ok(fs::metadata(path)?.len())
}

/// The least that a reader of the list can do.
fn read(list: &str) -> Result<(), Failure> {
    let mut reader = csv::Reader::from_path(list)?;
    let (mut record, mut letters) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record)? {
        letters += record.get(1).map_or(0, <[u8]>::len);
    }
    std::hint::black_box(letters);
    Ok(())
}

// Running again

fn again(outputs: usize, rounds: usize) -> Result<(), Failure> {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() {
        tempfile::tempdir_in(memory)?
    } else {
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?
    };
    let list = root.path().join("shots.csv");
    let outputs = u32::try_from(outputs)?;
    write_list(&list, outputs)?;
    let server = Server::start(Duration::from_millis(1), 16 << 10)?;
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reshoot"));
        command
            .arg("run")
            .arg(&list)
            .arg("--out")
            .arg(root.path().join("out"))
            .args(["--yes", "-j", "64", "--set", "delivery=sync", "--endpoint"])
            .arg(&server.endpoint)
            .env("RUNWARE_API_KEY", "bench")
            .env_remove("RUNWARE_API_URL");
        command
    };
    let bought = quiet(&mut run())?;
    say(
        std::io::stdout(),
        &format!(
            "again: {outputs} images were bought in {:.0} s; now there is nothing to do, median of \
             {rounds}",
            bought.wall
        ),
    );
    let ninja = built(root.path(), outputs);
    if let Err(why) = &ninja {
        say(std::io::stderr(), &format!("SKIPPED the comparison: {why}"));
    }
    let (mut builds, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        if let Ok(folder) = &ninja {
            builds.push(quiet(Command::new("ninja").arg("-C").arg(folder))?);
        }
        runs.push(quiet(&mut run())?);
    }
    let builds = (!builds.is_empty()).then(|| Cost::median(&builds));
    if let Some(builds) = &builds {
        tell("ninja", builds, None);
    }
    tell("reshoot", &Cost::median(&runs), builds.as_ref());
    Ok(())
}

/// Has ninja build as many files, each from the list, so that it knows them.
fn built(root: &Path, outputs: u32) -> Result<PathBuf, Failure> {
    let folder = root.join("ninja");
    fs::create_dir(&folder)?;
    let mut rules = String::from("rule touch\n  command = touch $out\n");
    for n in 0..outputs {
        let (episode, sequence) = (n / 1000, n / 50 % 20);
        writeln!(
            rules,
            "build {episode:03}/S{sequence:02}/{n:06}.jpg: touch ../shots.csv"
        )?;
    }
    fs::write(folder.join("build.ninja"), rules)?;
    let mut build = Command::new("ninja");
    quiet(build.arg("-C").arg(&folder))
        .map_err(|error| format!("ninja (Debian: ninja-build) did not build: {error}"))?;
    Ok(folder)
}

fn quiet(command: &mut Command) -> Result<Cost, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    measure(command.stderr(Stdio::null()))
}

fn tell(name: &str, cost: &Cost, beside: Option<&Cost>) {
    let mut line = format!(
        "  {name:<9}  wall {:>7.3} s   cpu {:>7.3} s   peak {:>6.1} MiB",
        cost.wall, cost.cpu, cost.peak_mib
    );
    if let Some(other) = beside {
        let (wall, cpu) = (cost.wall / other.wall, cost.cpu / other.cpu);
        let _infallible = write!(line, "   over the other: wall {wall:.2}, cpu {cpu:.2}");
    }
    say(std::io::stdout(), &line);
}
