//! A matrix may grow, shrink or change its lists: what was bought of it is never bought again.

use crate::support::{Rehearsal, Show};

fn write(show: &Show, prompt: &str, lists: &str) {
    let manifest = format!(
        "[show]\nid = \"8f14e45f-ceea-467f-a9b1-0d3c2b5a7e10\"\n[[shots]]\nid = \"0010\"\n\
         prompt = \"{prompt}\"\nvars = {{ light = \"grey\", angle = \"low\" }}\n{lists}\n"
    );
    show.write("show.toml", &manifest);
}

/// The numbers of the variants that the run log tells of.
fn bought(show: &Show) -> Vec<u64> {
    let intents = show.of_kind("intent");
    let number = |intent: &serde_json::Value| intent["variant"].as_u64().expect("a variant");
    intents.iter().map(number).collect()
}

#[test]
fn a_matrix_that_grows_keeps_its_numbers() {
    let show = Show::new();
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let prompt = "a pier in {light} light, {angle} angle";
    write(&show, prompt, "matrix = { light = [\"dawn\", \"dusk\"] }");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 2);
    // In front, in the middle and by a whole list: none of the two is bought again.
    write(
        &show,
        prompt,
        "matrix = { light = [\"night\", \"dawn\", \"noon\", \"dusk\"] }",
    );
    show.run(&server, &[]).exits(0);
    show.audit(&server, 4);
    let lists = "matrix = { angle = [\"high\", \"low\"], light = [\"dusk\", \"dawn\"] }";
    write(&show, prompt, lists);
    show.reshoot(&["explain", "0010"]).exits(0);
    show.run(&server, &[]).exits(0);
    show.audit(&server, 6);
    let mut numbers = bought(&show);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    // Fewer again, in another order: all of them are there.
    write(&show, prompt, "matrix = { light = [\"noon\", \"dusk\"] }");
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 6);
}

#[test]
fn a_shot_that_gets_or_loses_its_matrix_keeps_its_pictures() {
    let show = Show::new();
    let server = Rehearsal::start(&["--latency", "10ms"]);
    let prompt = "a pier in {light} light";
    write(&show, prompt, "");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 1);
    write(&show, prompt, "matrix = { light = [\"dusk\", \"grey\"] }");
    show.run(&server, &[]).exits(0);
    show.audit(&server, 2);
    write(&show, prompt, "");
    show.run(&server, &[]).exits(0).says("Nothing to do");
    show.audit(&server, 2);
}
