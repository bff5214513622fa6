//! Long lists need little more memory than their text.

use std::fmt::Write as _;

use crate::support::Show;
use crate::support::watched::watched;

/// What the program needs beside the list, whose text is 5 MiB here, and 400 bytes for each row.
const MOST_KIB: u64 = 48 * 1024;

#[test]
fn a_long_list_is_planned_in_little_memory() {
    const ROWS: usize = 40_000;
    let show = Show::new();
    let mut rows = String::from("episode,sequence,name,prompt,note\n");
    for row in 0..ROWS {
        let (episode, sequence, name) = (row / 1000, row / 50 % 20, row % 1000 * 10);
        writeln!(
            rows,
            "{episode:03},S{sequence:02},{name:05},\"Wide shot, a harbour in fog, frame {row}: \
             cranes behind, wet planks, thin rain, gulls above a boat\",v{}",
            row % 7
        )
        .expect("memory");
    }
    show.write("shots.csv", &rows);
    let (said, kib) = watched(&mut show.command(&["plan", "shots.csv"]));
    said.exits(0).says(&format!("To buy: {ROWS} takes"));
    assert!(kib > 0 && kib <= MOST_KIB, "{kib} KiB");
}
