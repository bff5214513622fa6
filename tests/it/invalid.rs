//! Every complaint as a person reads it: broken inputs, what the whole program says of them, and
//! one style for all of it.
//!
//! A fixture is a file or a folder of `tests/fixtures/invalid`. A folder may hold besides its
//! manifest: `args`, the command line with an argument on each line; `exit`, the exit code if it is
//! not 3; `grow`, a file and the bytes it is made as large as. These are not copied. A name that
//! begins with `warning-` ends with 0.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Said, Show};

/// The columns that a message is laid out for.
const WIDTH: usize = 100;

/// The longest headline in characters, and the longest line that cannot be broken.
const LONGEST: usize = 160;

/// What a folder of a fixture holds for the test alone.
const OURS: [&str; 3] = ["args", "exit", "grow"];

/// Complaints that no fixture can show.
const UNSHOWN: [&str; 2] = [
    // A list of two thousand million bytes.
    "too-large",
    // A build that reads no workbooks.
    "not-built",
];

/// Words of the program's insides, which nobody who keeps a shot list knows.
const JARGON: [&str; 9] = [
    " table", " array", "inline", " string", " parse", " key ", "boolean", "recurs", "token",
];

struct Fixture {
    name: String,
    path: PathBuf,
    args: Vec<String>,
    exit: i32,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/invalid")
}

fn fixtures() -> Vec<Fixture> {
    let entries = fs::read_dir(folder()).expect("fixtures");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut fixtures: Vec<Fixture> = paths
        .filter(|path| !path.ends_with("snapshots"))
        .map(Fixture::of)
        .filter(|fixture| cfg!(feature = "xlsx") || !fixture.is_of_workbooks())
        .collect();
    fixtures.sort_by(|one, other| one.name.cmp(&other.name));
    fixtures
}

impl Fixture {
    fn of(path: PathBuf) -> Self {
        let name = path.file_name().expect("a name").to_string_lossy();
        let name = name.into_owned();
        let told = |what: &str| fs::read_to_string(path.join(what)).ok();
        let args = match told("args") {
            Some(args) => args.lines().map(str::to_owned).collect(),
            None => vec!["check".to_owned(), main_of(&path, &name)],
        };
        let exit = match told("exit") {
            Some(exit) => exit.trim().parse().expect("a number"),
            None if name.starts_with("warning-") => 0,
            None => 3,
        };
        Self {
            name,
            path,
            args,
            exit,
        }
    }

    /// Tells whether a build that reads no workbooks says nothing of it but that.
    fn is_of_workbooks(&self) -> bool {
        let words = ["workbook.", "workbook-", "sheet", "formula"];
        words.iter().any(|word| self.name.contains(word))
    }

    fn run(&self) -> Said {
        let show = Show::new();
        if self.path.is_dir() {
            copy(&self.path, show.path());
        } else {
            let content = fs::read(&self.path).expect("the fixture");
            fs::write(show.path().join(&self.name), content).expect("a copy");
        }
        if let Ok(grow) = fs::read_to_string(self.path.join("grow")) {
            let (file, bytes) = grow.trim().split_once(' ').expect("a file and its size");
            let file = fs::File::options()
                .append(true)
                .open(show.path().join(file));
            let bytes = bytes.parse().expect("a number");
            file.expect("the file").set_len(bytes).expect("room");
        }
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let mut command = show.command(&args);
        Said::of(command.env("COLUMNS", WIDTH.to_string()))
    }
}

/// Names the manifest of a fixture.
fn main_of(path: &Path, name: &str) -> String {
    if path.is_file() {
        return name.to_owned();
    }
    let lists = ["list.csv", "list.tsv", "show.toml"];
    let main = lists.into_iter().find(|main| path.join(main).exists());
    main.expect("a manifest, or a file `args`").to_owned()
}

/// Copies a folder with its links as links.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, name) = (entry.path(), entry.file_name());
        let target = to.join(&name);
        if path.is_symlink() {
            let leads = fs::read_link(&path).expect("a link");
            std::os::unix::fs::symlink(leads, target).expect("a link");
        } else if path.is_dir() {
            fs::create_dir(&target).expect("a folder");
            copy(&path, &target);
        } else if !OURS.iter().any(|ours| name == *ours) {
            fs::copy(&path, target).expect("a copy");
        }
    }
}

/// Runs every fixture, a few at a time, and answers in their order.
fn run_all(fixtures: &[Fixture]) -> Vec<Said> {
    let next = AtomicUsize::new(0);
    let all: Mutex<BTreeMap<usize, Said>> = Mutex::default();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(fixture) = fixtures.get(at) else {
                return;
            };
            let said = fixture.run();
            all.lock().expect("the list").insert(at, said);
        }
    };
    let at_a_time = std::thread::available_parallelism().map_or(2, |cores| cores.get() + 1);
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(work);
        }
    });
    all.into_inner().expect("the list").into_values().collect()
}

fn drawn(fixture: &Fixture, said: &Said) -> String {
    let code = said.code.map_or("none".to_owned(), |code| code.to_string());
    let out = if said.out.is_empty() {
        String::new()
    } else {
        format!("[standard output]\n{}", said.out)
    };
    let args = fixture.args.join(" ");
    format!("$ reshoot {args}\n{}{out}[exit code {code}]\n", said.err)
}

#[test]
fn every_broken_input_is_explained() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 300, "{} fixtures", fixtures.len());
    let said = run_all(&fixtures);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (fixture, said) in fixtures.iter().zip(&said) {
        let name = fixture.name.clone();
        settings.bind(|| insta::assert_snapshot!(name, drawn(fixture, said)));
    }
    let faults = fixtures.iter().zip(&said);
    let faults = faults.flat_map(|(fixture, said)| {
        let faults = faults_of(fixture, said).into_iter();
        faults.map(|fault| format!("{}: {fault}", fixture.name))
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Says what of a fixture's messages is not as messages ought to be.
fn faults_of(fixture: &Fixture, said: &Said) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    check(said.code == Some(fixture.exit), "another exit code");
    check(!said.err.contains("panicked"), "a panic");
    check(!said.err.contains("canary"), "a secret is shown");
    let steers = |c: char| c != '\n' && c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    check(!said.err.contains(steers), "the terminal is steered");
    let is_refused = said.err.contains("error");
    check(
        is_refused == (fixture.exit != 0),
        "refused without an error",
    );
    for complaint in said.err.split("\n\n") {
        let mut lines = complaint.lines();
        let head = lines.next().unwrap_or_default();
        let Some((level, message)) = head.split_once("]: ") else {
            continue;
        };
        let told = |what: &str| {
            lines
                .clone()
                .any(|line| line.trim_start().starts_with(what))
        };
        let is_error = level.starts_with("error[");
        // Words of the command line are named in the message itself.
        let is_placed = told("-->") || fixture.exit == 2;
        check(!is_error || is_placed, &format!("no place: {head}"));
        let helps = told("help: ") || level.starts_with("note[");
        check(helps, &format!("no help: {head}"));
        let first = message.chars().next().unwrap_or(' ');
        let is_lower = !first.is_uppercase() || message.starts_with("Kling");
        check(
            is_lower && !message.ends_with('.'),
            &format!("style: {head}"),
        );
        for line in complaint.lines() {
            let columns = line.chars().count();
            let most = if line == head { LONGEST } else { WIDTH };
            let breaks = line.trim_start().contains(' ') && !line.contains("-->");
            let fits = columns <= most || (!breaks && columns <= LONGEST);
            check(fits, &format!("{columns} columns: {line}"));
            let is_source = line.contains(" | ") || line.contains("-->");
            let outside = outside_quotes(line);
            let jargon = JARGON.iter().find(|word| outside.contains(*word));
            if let (Some(word), false) = (jargon, is_source) {
                check(false, &format!("jargon`{word}`: {line}"));
            }
            let is_help = line.starts_with("help: ");
            check(!is_help || !line.ends_with('.'), &format!("style: {line}"));
        }
    }
    faults
}

/// Gives a line without what stands between backticks: that is the reader's own.
fn outside_quotes(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Gives the code of every complaint in a text.
fn codes_in(text: &str) -> BTreeSet<String> {
    let heads = text.lines().filter_map(|line| {
        let (level, rest) = line.split_once('[')?;
        let (code, _) = rest.split_once("]: ")?;
        let is_head = matches!(level, "error" | "warning" | "note");
        is_head.then(|| code.to_owned())
    });
    heads.collect()
}

#[test]
fn json_tells_the_same() {
    let show = Show::new();
    let list = fs::read(folder().join("ragged-row.csv")).expect("the fixture");
    fs::write(show.path().join("ragged-row.csv"), list).expect("a copy");
    let said = show.reshoot(&["check", "ragged-row.csv", "--json"]);
    said.exits(3);
    insta::assert_snapshot!(said.out, @r#"
    {
      "complaints": [
        {
          "cell": "C2 (characters)",
          "code": "unknown-character",
          "column": 23,
          "expected": [
            "an entry of the bible; there are no characters"
          ],
          "facts": [],
          "file": "ragged-row.csv",
          "help": "add `[characters.mira]` to the bible; if the column holds free text, map it under `[columns]`: `\"Characters\" = \"var: character_text\"`",
          "line": 2,
          "message": "no character is called `mira`",
          "related": [],
          "severity": "error",
          "shot": "0010"
        },
        {
          "cell": "D2 (preset)",
          "code": "unknown-preset",
          "column": 28,
          "expected": [
            "one of `1k-16x9`, `1k-1x1`, `1k-21x9`, `1k-2x3`, `1k-3x2`, `1k-3x4`, `1k-4x3`, `1k-9x16`, 10 more"
          ],
          "facts": [],
          "file": "ragged-row.csv",
          "help": "name a preset there is, or add `[presets.board]` to the manifest",
          "line": 2,
          "message": "no preset is called `board`",
          "related": [],
          "severity": "error",
          "shot": "0010"
        },
        {
          "cell": "E3",
          "code": "ragged-row",
          "column": 37,
          "expected": [
            "4 cells"
          ],
          "facts": [],
          "file": "ragged-row.csv",
          "help": "put text that holds a `,` between double quotes: `\"…\"`",
          "line": 3,
          "message": "row 3 has 5 cells where the header has 4",
          "related": [],
          "severity": "error",
          "shot": null
        },
        {
          "cell": "B4 (prompt)",
          "code": "ragged-row",
          "column": 6,
          "expected": [
            "4 cells"
          ],
          "facts": [],
          "file": "ragged-row.csv",
          "help": "add the `,` that is missing; a cell may be empty",
          "line": 4,
          "message": "row 4 has 2 cells where the header has 4",
          "related": [],
          "severity": "error",
          "shot": null
        },
        {
          "cell": "D5 (preset)",
          "code": "unknown-preset",
          "column": 27,
          "expected": [
            "one of `1k-16x9`, `1k-1x1`, `1k-21x9`, `1k-2x3`, `1k-3x2`, `1k-3x4`, `1k-4x3`, `1k-9x16`, 10 more"
          ],
          "facts": [],
          "file": "ragged-row.csv",
          "help": "name a preset there is, or add `[presets.board]` to the manifest",
          "line": 5,
          "message": "no preset is called `board`",
          "related": [],
          "severity": "error",
          "shot": "0040"
        }
      ],
      "format": 1,
      "valid": false
    }
    "#);
}

#[test]
fn every_complaint_has_a_fixture() {
    let mut codes = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    codes_of(&sources, &mut codes);
    assert!(codes.len() > 80, "{} codes found", codes.len());
    let mut shown = BTreeSet::new();
    for entry in fs::read_dir(folder().join("snapshots")).expect("snapshots") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            folder().join(&name).exists(),
            "{name}.snap is of no fixture"
        );
        shown.extend(codes_in(&fs::read_to_string(path).expect("a snapshot")));
    }
    shown.extend(UNSHOWN.map(str::to_owned));
    let unshown: Vec<&String> = codes.difference(&shown).collect();
    assert!(unshown.is_empty(), "codes without a fixture: {unshown:?}");
    let unfound: Vec<&String> = shown.difference(&codes).collect();
    assert!(
        unfound.is_empty(),
        "codes not found in the sources: {unfound:?}"
    );
}

/// Gathers the code of every complaint that the program can make.
///
/// Where a code is not written at the complaint itself, every text of the file that could be one
/// counts as one.
fn codes_of(folder: &Path, codes: &mut BTreeSet<String>) {
    const BEGIN: [&str; 3] = [
        "Diagnostic::error(",
        "Diagnostic::warning(",
        "Diagnostic::note(",
    ];
    for entry in fs::read_dir(folder).expect("sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                codes_of(&path, codes);
            }
            continue;
        }
        if path.ends_with("tests.rs") || path.ends_with("diagnostic.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let mut is_elsewhere = code.contains("complain(code");
        for begin in BEGIN {
            for (at, _) in code.match_indices(begin) {
                match code[at + begin.len()..].trim_start().strip_prefix('"') {
                    Some(literal) => {
                        codes.extend(literal.split('"').next().map(str::to_owned));
                    }
                    None => is_elsewhere = true,
                }
            }
        }
        let could_be = |word: &&str| {
            word.contains('-')
                && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
                && !word.starts_with('-')
                && !word.ends_with('-')
                && !NO_CODES.contains(word)
        };
        if is_elsewhere {
            codes.extend(
                code.split('"')
                    .skip(1)
                    .step_by(2)
                    .filter(could_be)
                    .map(str::to_owned),
            );
        }
        let given = code.match_indices("complain(\"");
        let given = given.filter_map(|(at, word)| code[at + word.len()..].split('"').next());
        codes.extend(given.map(str::to_owned));
    }
}

/// Texts of files with codes that look like one.
const NO_CODES: [&str; 0] = [];

#[test]
fn the_page_of_messages_is_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/messages.md");
    let mut codes: BTreeMap<String, Told> = BTreeMap::new();
    let mut others: BTreeMap<String, Told> = BTreeMap::new();
    for fixture in fixtures() {
        let snapshot = folder().join(format!("snapshots/{}.snap", fixture.name));
        let text = fs::read_to_string(snapshot).expect("a snapshot");
        for complaint in text.split("\n\n") {
            let Some((code, told)) = example(complaint) else {
                continue;
            };
            // A fixture that is named after a code shows it best.
            if fixture.name.starts_with(&format!("{code}-")) && told.0 != "warning" {
                codes.entry(code).or_insert(told);
            } else {
                others.entry(code).or_insert(told);
            }
        }
    }
    for (code, told) in others {
        codes.entry(code).or_insert(told);
    }
    let rows = codes.iter().map(|(code, (level, message, help))| {
        let cell = |text: &str| text.replace('|', "\\|");
        format!(
            "| `{code}` | {level} | {} | {} |\n",
            cell(message),
            cell(help)
        )
    });
    let made = format!("{HEAD}{}", rows.collect::<String>());
    if std::env::var_os("RESHOOT_REFRESH").is_some() {
        fs::write(&page, &made).expect("the page");
    }
    let found = fs::read_to_string(&page).expect("docs/messages.md");
    assert!(
        found == made,
        "docs/messages.md is not current: run this test with RESHOOT_REFRESH=1"
    );
}

/// Level, message and help of a complaint.
type Told = (String, String, String);

/// Reads a complaint as it is drawn: its code, and what the page tells of it.
fn example(complaint: &str) -> Option<(String, Told)> {
    let mut lines = complaint.lines().skip_while(|line| !is_head(line));
    let (level, rest) = lines.next()?.split_once('[')?;
    let (code, message) = rest.split_once("]: ")?;
    let help = lines.skip_while(|line| !line.starts_with("help: "));
    let help = help.take_while(|line| line.starts_with("help: ") || line.starts_with("      "));
    let help: Vec<&str> = help
        .map(|line| line.trim_start_matches("help: ").trim())
        .collect();
    let told = (level.to_owned(), message.to_owned(), help.join(" "));
    Some((code.to_owned(), told))
}

/// What the page of messages begins with.
const HEAD: &str = "# Messages\n\n\
Everything `check`, `plan` and the other commands can find wrong, by the name in brackets that \
follows `error`, `warning` or `note`. An error stops every purchase, a warning is worth a look, a \
note tells what was decided on your behalf. Each is shown here with one example; the message itself \
names the file, line, column, cell and shot, shows the line, and says what was expected.\n\n\
This page is made from the snapshots in `tests/fixtures/invalid`, and a test keeps it current.\n\n\
| name | level | an example | what to do |\n|---|---|---|---|\n";

fn is_head(line: &str) -> bool {
    ["error[", "warning[", "note["]
        .iter()
        .any(|level| line.starts_with(level))
}
