//! The main job: a shot list becomes verified images.

use crate::support::{Rehearsal, Show};

#[test]
fn every_shipped_show_runs() {
    for (name, manifest, images) in [
        ("simple-csv", "shots.csv", 3),
        ("simple-toml", "show.toml", 2),
        ("harbour", "show.toml", 28),
        ("grey-morning", "show.toml", 36),
    ] {
        let show = Show::shipped(name);
        let server = Rehearsal::start(&["--latency", "20ms"]);
        show.reshoot(&["check", manifest]).exits(0);
        show.reshoot(&["plan", manifest]).exits(0);
        show.run(&server, &[manifest]).exits(0);
        show.audit(&server, images);
        show.reshoot(&["verify", manifest]).exits(0);
        show.reshoot(&["status", manifest]).exits(0);
        show.reshoot(&["report", manifest]).exits(0);
        show.run(&server, &[manifest])
            .exits(0)
            .says("Nothing to do");
        show.audit(&server, images);
    }
}

#[test]
fn a_rehearsal_needs_no_key_and_no_yes() {
    let show = Show::shipped("simple-csv");
    let said = crate::support::Said::of(
        show.command(&["run", "shots.csv", "--rehearse", "--latency", "10ms"])
            .env_remove("RUNWARE_API_KEY"),
    );
    said.exits(0);
    assert!(show.path().join("out-rehearsal/SHA256SUMS").exists());
    assert!(
        !show.path().join("out").exists(),
        "the real folder is untouched"
    );
}

#[test]
fn without_a_key_or_a_yes_nothing_is_sent() {
    let show = Show::shipped("simple-csv");
    let server = Rehearsal::start(&[]);
    let args = ["run", "shots.csv", "--endpoint", &server.endpoint];
    show.reshoot(&args).exits(2).says("--yes");
    let mut command = show.command(&["run", "shots.csv", "--yes", "--endpoint", &server.endpoint]);
    crate::support::Said::of(command.env_remove("RUNWARE_API_KEY"))
        .exits(4)
        .says("--rehearse");
    assert_eq!(server.requests(), 0);
}

#[test]
fn every_form_of_delivery_and_picture_works() {
    let cases = [
        "delivery = \"sync\"",
        "output = \"base64\"",
        "output = \"data-uri\"\nformat = \"png\"",
        "delivery = \"sync\"\noutput = \"base64\"\nformat = \"webp\"",
        "takes = 5\nresults_per_task = 3",
        "resolution = \"2k\"\naspect_ratio = \"21:9\"\nsafety = \"fast\"\nttl = 3600",
    ];
    for settings in cases {
        let technical = format!("[defaults]\npreset = \"p\"\n[presets.p]\n{settings}\n");
        let show = Show::of(3, &technical);
        let server = Rehearsal::start(&["--latency", "20ms"]);
        show.run(&server, &[]).exits(0);
        show.audit(&server, if settings.contains("takes") { 15 } else { 3 });
    }
}

#[test]
fn a_cap_stops_before_it_is_passed() {
    let show = Show::of(10, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &["--max-cost", "0.10"]).exits(6);
    assert_eq!(server.stats()["images_billed"], 3);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 10);
}

#[test]
fn more_takes_are_bought_and_the_first_ones_kept() {
    let show = Show::of(2, "");
    let server = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&server, &[]).exits(0);
    show.write("shots.csv", "id,takes,prompt\n0002,,a small boat number 2 at sea\n0001,2,a small boat number 1 at sea\n");
    show.reshoot(&["plan"]).exits(0).says("more-takes");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 3);
    show.write(
        "shots.csv",
        "id,takes,prompt\n0002,,a large boat\n0001,2,a small boat number 1 at sea\n",
    );
    show.reshoot(&["plan"]).exits(0).says("prompt-changed");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 4);
}

#[test]
fn every_broken_manifest_is_refused_before_anything_is_sent() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/invalid");
    let server = Rehearsal::start(&[]);
    let mut tried = 0;
    for entry in std::fs::read_dir(&folder).expect("fixtures").flatten() {
        let path = entry.path();
        let known = path.extension().and_then(|e| e.to_str());
        if !matches!(known, Some("toml" | "csv" | "tsv")) {
            continue;
        }
        let text = std::fs::read(&path).expect("a fixture");
        let show = Show::new();
        let output = show.path().join("out");
        let args = [
            "run",
            path.to_str().expect("utf-8"),
            "--yes",
            "--endpoint",
            &server.endpoint,
            "--out",
            output.to_str().expect("utf-8"),
        ];
        let said = show.reshoot(&args);
        let name = path.file_name();
        assert!(
            said.code == Some(3) || said.code == Some(0),
            "{name:?}: {said:?}"
        );
        if said.code == Some(3) {
            tried += 1;
            assert!(
                said.err.contains("Nothing was sent, nothing was spent."),
                "{name:?}: {said:?}"
            );
            assert!(!output.exists(), "{name:?} made an output folder");
        }
        assert!(!said.err.contains("panicked"), "{name:?}: {said:?}");
        assert_eq!(
            std::fs::read(&path).expect("a fixture"),
            text,
            "{name:?} was written to"
        );
    }
    assert!(tried >= 40, "only {tried} were refused");
}
