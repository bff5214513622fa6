//! The house keeps its order: imports point up, floors are pure, nothing is left half done.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Gives the floor of every room, from the groups of `pub mod` in `lib.rs`.
fn floors() -> HashMap<String, usize> {
    let text = fs::read_to_string(root().join("src/lib.rs")).expect("lib.rs");
    let (mut floor, mut rooms, mut last_was_room) = (0, HashMap::new(), false);
    for line in text.lines() {
        if let Some(room) = line
            .strip_prefix("pub mod ")
            .and_then(|l| l.strip_suffix(';'))
        {
            rooms.insert(room.to_owned(), floor);
            last_was_room = true;
        } else if line.is_empty() && last_was_room {
            floor += 1;
            last_was_room = false;
        }
    }
    rooms
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn each_source(mut look: impl FnMut(&str, &Path, &str)) {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for file in files {
        let inside = file.strip_prefix(root().join("src")).expect("below src");
        let room = inside
            .iter()
            .next()
            .and_then(|part| part.to_str())
            .expect("a name");
        let room = room.strip_suffix(".rs").unwrap_or(room).to_owned();
        let text = fs::read_to_string(&file).expect("a source file");
        look(&room, inside, &text);
    }
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        part.as_os_str()
            .to_str()
            .is_some_and(|name| name == "tests" || name == "tests.rs")
    })
}

#[test]
fn a_room_imports_only_from_floors_above() {
    let floors = floors();
    assert!(floors.len() >= 12, "{floors:?}");
    let mut wrong = Vec::new();
    each_source(|room, path, text| {
        if room == "lib" || room == "main" || is_test(path) {
            return;
        }
        let here = floors
            .get(room)
            .unwrap_or_else(|| panic!("{room} is not in lib.rs"));
        for (number, line) in text.lines().enumerate() {
            for other in line.split("crate::").skip(1) {
                let other: String = other
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let sideways = floors.get(&other).is_some_and(|floor| floor >= here);
                if sideways && other != room {
                    wrong.push(format!(
                        "{}:{}: {room} imports {other}",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    });
    assert!(
        wrong.is_empty(),
        "imports that do not point up:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_first_floors_are_pure() {
    const PURE: [&str; 5] = ["domain", "manifest", "expand", "ledger", "plan"];
    const IMPURE: [&str; 7] = [
        "std::fs",
        "std::net",
        "std::env",
        "SystemTime",
        "Timestamp::now",
        "tokio::",
        "std::process",
    ];
    let mut wrong = Vec::new();
    each_source(|room, path, text| {
        if PURE.contains(&room) && !is_test(path) {
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if let Some(word) = IMPURE.iter().find(|word| code.contains(**word)) {
                    wrong.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    });
    assert!(
        wrong.is_empty(),
        "pure rooms reach out:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_runner_has_no_hidden_clock_randomness_or_files() {
    const HIDDEN: [&str; 6] = [
        "std::fs",
        "std::env",
        "SystemTime",
        "Timestamp::now",
        "std::time::Instant",
        "getrandom",
    ];
    each_source(|room, path, text| {
        if room == "runner" && !is_test(path) {
            for word in HIDDEN {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    });
}

#[test]
fn nothing_is_left_half_done() {
    // Spelled in halves, so that this file does not find itself.
    let marks = [
        ["to", "do!("],
        ["unimpl", "emented!("],
        ["#[ign", "ore"],
        ["FIX", "ME"],
    ];
    each_source(|_, path, text| {
        for mark in marks.map(|halves| halves.concat()) {
            assert!(!text.contains(&mark), "{}: {mark}", path.display());
        }
    });
}

#[test]
fn no_file_has_grown_too_long() {
    const LONGEST: usize = 600;
    each_source(|_, path, text| {
        let lines = if is_test(path) {
            0
        } else {
            text.lines().count()
        };
        assert!(lines <= LONGEST, "{}: {lines} lines", path.display());
    });
}

#[test]
fn every_test_file_is_part_of_the_one_binary() {
    let folder = root().join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).expect("main.rs");
    for entry in fs::read_dir(&folder).expect("tests/it").flatten() {
        let name = entry.file_name().into_string().expect("a plain name");
        let stem = name.strip_suffix(".rs").unwrap_or(&name);
        let listed = main.lines().any(|line| line == format!("mod {stem};"));
        assert!(
            stem == "main" || listed,
            "tests/it/{name} is not in main.rs"
        );
    }
}
