//! How fast: a provider that is full, that asks for time, and that is down.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Rehearsal, Show};

#[test]
fn a_hidden_cap_of_half_the_jobs_costs_no_take_and_little_time() {
    let show = Show::of(24, "");
    let server = Rehearsal::start(&["--latency", "1s", "--faults", "queue-depth=4"]);
    let began = Instant::now();
    let said = show.run(&server, &["-j", "8", "--json"]);
    let took = began.elapsed();
    said.exits(0);
    show.audit(&server, 24);
    let stats = server.stats();
    assert_eq!(stats["concurrent_peak"], 4, "{stats}");
    let turned_away = stats["requests"]["imageInference"]
        .as_u64()
        .expect("a count")
        - 24;
    assert!((4..24).contains(&turned_away), "{stats}");
    let told: Value = serde_json::from_str(&said.out).expect("json");
    let pace = &told["concurrency"];
    assert_eq!((&pace["most"], &pace["pauses"]), (&8.into(), &0.into()));
    assert_eq!(pace["busy"], turned_away, "{pace}");
    assert!(pace["lowest"].as_u64() <= Some(4), "{pace}");
    // Six waves of a second each.
    assert!(took <= Duration::from_millis(7500), "{took:?}");
}

#[test]
fn figure_10_a_time_asked_for_is_waited_and_is_no_attempt() {
    for (asked, least) in [("1", 5), ("date 2", 5)] {
        let show = Show::of(1, "retries = 1");
        let script = format!(
            "[switches]\nretry-after = \"{asked}\"\n[[at]]\ntask = 1\nfault = \"rate-limit\"\n\
             times = 5\n"
        );
        show.write("faults.toml", &script);
        let faults = show.path().join("faults.toml");
        let faults = faults.to_str().expect("a path");
        let server = Rehearsal::start(&["--latency", "20ms", "--faults", faults]);
        let began = Instant::now();
        let said = show.run(&server, &[]);
        let took = began.elapsed();
        said.exits(0)
            .says("Concurrency: between 1 and 4 (429 seen 5 times)");
        show.audit(&server, 1);
        assert!(took >= Duration::from_secs(least), "{asked}: {took:?}");
        assert_eq!(server.stats()["distinct_task_uuids"], 1);
    }
}

#[test]
fn a_provider_that_is_down_fails_no_take() {
    let show = Show::of(12, "retries = 0");
    let faults = "server-error=1,server-error-status=503";
    let down = Rehearsal::start(&["--latency", "20ms", "--faults", faults]);
    let said = show.run(&down, &[]);
    said.exits(5)
        .says("pausing: 5 sends in a row failed (serviceUnavailable")
        .says("12 takes not begun")
        .says("sending paused 1 time because the provider seemed to be down");
    let stats = down.stats();
    assert_eq!(stats["images_billed"], 0);
    let sent = stats["requests"]["imageInference"].as_u64();
    assert!(sent <= Some(12), "{stats}");
    let failed = |show: &Show| {
        let records = show.records();
        records.iter().filter(|r| r["kind"] == "failed").count()
    };
    assert_eq!(failed(&show), 0);
    show.reshoot(&["status"]).exits(0).says("0 failed");
    // The same command goes on when it is back.
    let up = Rehearsal::start(&["--latency", "20ms"]);
    show.run(&up, &[]).exits(0);
    show.audit(&up, 12);
    assert_eq!(failed(&show), 0);
}

#[test]
fn an_address_where_nobody_listens_is_named_and_fails_no_take() {
    let show = Show::of(3, "retries = 0");
    let args = ["run", "--yes", "--endpoint", "http://127.0.0.1:9/v1"];
    let said = show.reshoot(&args);
    said.exits(5)
        .says("refuses connections")
        .says("Stopped: the provider cannot be reached")
        .says("3 takes not begun");
}
