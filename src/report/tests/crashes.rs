//! What was bought is told the same way after ten crashes or none.

use proptest::prelude::*;

use crate::domain::class::Class;
use crate::ledger::record::{Accepted, AcceptedBy, Record};
use crate::report::tests::fixture::{Deal, Log, PRICE, deal, trouble};
use crate::report::tests::formats::as_json;

const SHOTS: [&str; 4] = ["104/TCC/0010", "104/TCC/0020", "104/TDD/0010", "105/A/0010"];

/// How a purchase goes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Saved,
    Refused,
    FailedThenSaved,
    Failed,
    Unsure,
    Lost,
    Unfetched,
    Half,
}

const WAYS: [Way; 8] = [
    Way::Saved,
    Way::Refused,
    Way::FailedThenSaved,
    Way::Failed,
    Way::Unsure,
    Way::Lost,
    Way::Unfetched,
    Way::Half,
];

/// One thing that happens to a purchase.
#[derive(Clone, Debug)]
enum Step {
    Intend(Deal),
    Accept(Deal),
    Produce(Deal, u32),
    Save(Deal, u32),
    Lose(Deal, u32),
    Refuse(Deal),
    Fail(Deal),
    Doubt(Deal),
}

fn steps(bought: &Deal, way: Way) -> Vec<Step> {
    let image = |index| {
        [
            Step::Produce(bought.clone(), index),
            Step::Save(bought.clone(), index),
        ]
    };
    let mut steps = vec![Step::Intend(bought.clone())];
    if !matches!(way, Way::Refused | Way::Unsure) {
        steps.push(Step::Accept(bought.clone()));
    }
    match way {
        Way::Saved => (0..bought.count).for_each(|index| steps.extend(image(index))),
        Way::Refused => steps.push(Step::Refuse(bought.clone())),
        Way::Unsure => steps.push(Step::Doubt(bought.clone())),
        Way::Failed => steps.push(Step::Fail(bought.clone())),
        Way::FailedThenSaved => {
            steps.push(Step::Fail(bought.clone()));
            steps.extend(self::steps(&bought.clone().again(), Way::Saved));
        }
        Way::Lost => {
            (0..bought.count).for_each(|i| steps.push(Step::Produce(bought.clone(), i)));
            (0..bought.count).for_each(|i| steps.push(Step::Lose(bought.clone(), i)));
        }
        Way::Unfetched => {
            (0..bought.count).for_each(|i| steps.push(Step::Produce(bought.clone(), i)));
        }
        Way::Half => steps.extend(image(0)),
    }
    steps
}

fn play(log: &mut Log, step: &Step) {
    let timeout = || trouble(Class::Upstream, "timeoutProvider", "took too long");
    match step {
        Step::Intend(deal) => log.intend(deal),
        Step::Accept(deal) => log.accept(deal),
        Step::Produce(deal, index) => log.produce(deal, *index),
        Step::Save(deal, index) => log.save(deal, *index),
        Step::Lose(deal, index) => log.lose(deal, *index),
        Step::Refuse(deal) => log.refuse(
            deal,
            trouble(Class::Request, "invalidWidth", "no such size"),
        ),
        Step::Fail(deal) => log.fail(deal, timeout()),
        Step::Doubt(deal) => log.doubt(deal, trouble(Class::Unknown, "lost", "no reply")),
    };
}

/// The process is killed and begins again: it asks about what is open before it goes on.
fn crash(log: &mut Log, number: usize, last: Option<&Step>) {
    let run = format!("run-{}", number + 2);
    log.run(&run);
    match last {
        // Nobody knows the task: it is sent again under its id.
        Some(Step::Intend(deal)) => {
            let again = deal.intent(&run, 1);
            log.add(Record::Intent(Box::new(again)));
        }
        Some(Step::Accept(deal)) => {
            log.add(Record::Accepted(Accepted {
                task: deal.task(),
                by: AcceptedBy::Asked,
            }));
        }
        // The image is told of once more, at another address.
        Some(Step::Produce(deal, index)) => {
            let mut produced = deal.produced(*index, Some(PRICE));
            produced.url = Some("https://im.runware.ai/anew.jpg".to_owned());
            log.add(Record::Produced(produced));
        }
        _ => {}
    }
}

fn what_was_bought(log: &Log) -> Vec<serde_json::Value> {
    let report: serde_json::Value = serde_json::from_str(&as_json(&log.history())).expect("JSON");
    let sections = ["show_id", "takes", "problems", "money", "bill_check"];
    sections.map(|name| report[name].clone()).to_vec()
}

proptest! {
    #[test]
    fn the_report_does_not_depend_on_crashes(
        ways in prop::collection::vec((0..SHOTS.len(), 0..WAYS.len(), 1u32..4), 1..7),
        crashes in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut next = [1; SHOTS.len()];
        let mut all = Vec::new();
        for (shot, way, count) in ways {
            let bought = deal(SHOTS[shot], next[shot], count);
            next[shot] += count;
            all.extend(steps(&bought, WAYS[way]));
        }
        let (mut calm, mut rough) = (Log::open(), Log::open());
        for (number, step) in all.iter().enumerate() {
            play(&mut calm, step);
            play(&mut rough, step);
            if crashes.get(number) == Some(&true) {
                crash(&mut rough, number, Some(step));
            }
        }
        calm.end("done");
        crash(&mut rough, all.len(), None);
        prop_assert_eq!(what_was_bought(&calm), what_was_bought(&rough));
    }
}
