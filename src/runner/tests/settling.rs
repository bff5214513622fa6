//! Doubts and how they are settled, told answer by answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tokio::sync::{mpsc, watch};

use crate::domain::class::Class;
use crate::domain::digest::Sha256;
use crate::domain::id::{ImageId, RunId, ShowId, Variant};
use crate::domain::money::Micros;
use crate::expand::request::{SentImage, SentReference};
use crate::expand::wanted::Wanted;
use crate::ledger::decision::Decisions;
use crate::ledger::fold::Ledger;
use crate::ledger::money::{Account, Caps};
use crate::ledger::port::RunLog as _;
use crate::ledger::record::{Record, RunEnded, RunStarted};
use crate::plan::build::{Builder, FileState, Terms};
use crate::plan::select::Selection;
use crate::provider::{FetchError, Known};
use crate::runner::event::{Event, ProblemKind};
use crate::runner::order::Orders;
use crate::runner::outcome::Outcome;
use crate::runner::settings::{AskFirst, Settings};
use crate::runner::shutdown::Stop;
use crate::runner::tests::show::Shots;
use crate::runner::tests::teller::{Reply, Teller, time, told};
use crate::runner::{Doors, run};

const PRICE: Micros = Micros::new(28_000);

/// A show of shots with one reference file, which every one of them sends.
struct Show {
    shots: Shots,
    caps: Caps,
    rebuy: bool,
}

fn shots(count: usize, takes: u32) -> Show {
    Show {
        shots: Shots {
            count,
            takes,
            per_task: takes,
        },
        caps: Caps::default(),
        rebuy: false,
    }
}

/// The shots, each with the reference.
struct Desk(Shots);

impl Orders for Desk {
    fn wanted(&self, shot_index: usize, variant: Variant) -> Option<Wanted> {
        let mut wanted = self.0.wanted(shot_index, variant)?;
        wanted.request.references.push(SentReference {
            image: SentImage::File {
                path: "face.png".to_owned(),
                shown: "face.png".to_owned(),
                sha256: Sha256::of(b"face"),
                media_type: "image/png",
            },
            role: None,
            scope: None,
            entry: None,
            marker: "<<<image_1>>>".to_owned(),
        });
        Some(wanted)
    }
}

fn fold(teller: &Teller) -> Ledger {
    let mut ledger = Ledger::default();
    for stamped in &teller.world().log {
        ledger.apply(stamped).expect("a sound record");
    }
    ledger
}

/// Runs once, as the command does.
fn live(teller: &Teller, show: &Show) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(go(teller, show))
}

async fn go(teller: &Teller, show: &Show) -> Outcome {
    let id = RunId::new(&format!("run-{}", fold(teller).runs.len()));
    let started = RunStarted {
        run: id.clone(),
        manifest: Sha256::of(b""),
        selection: Vec::new(),
        caps: BTreeMap::new(),
        plan: None,
        jobs: 4,
        endpoint: String::new(),
        tool: String::new(),
    };
    let appended = teller.append(Record::RunStarted(Box::new(started))).await;
    appended.expect("a log");
    let ledger = fold(teller);
    let desk = Arc::new(Desk(Shots { ..show.shots }));
    let selection = Selection::default();
    let terms = Terms {
        show: &ShowId::new("show"),
        selection: &selection,
        decisions: &Decisions::default(),
        caps: show.caps,
        rebuy_missing: show.rebuy,
        retry_refused: false,
        file_state: &|_| FileState::Present,
    };
    let mut builder = Builder::new(&ledger, terms);
    for index in 0..show.shots.count {
        builder.add(index, &desk.wanted(index, Variant(0)).expect("a shot"));
    }
    let plan = builder.finish();
    let settings = Settings {
        run: id.clone(),
        show: ShowId::new("show"),
        began: time(ledger.last_seq + 1),
        jobs: 4,
        rate_per_minute: 0,
        retries: 4,
        quiet: Duration::from_secs(60),
        poll_batch: 3,
        patience: Duration::from_secs(1200),
        downloads: 2,
        caps: show.caps,
        ask_first: AskFirst::Nothing,
        seed: 1,
    };
    let doors = Doors {
        log: Arc::new(teller.clone()),
        provider: Arc::new(teller.clone()),
        store: Arc::new(teller.clone()),
        orders: desk,
    };
    let (_stop, stopped) = watch::channel(Stop::No);
    let (events, mut watcher) = mpsc::unbounded_channel();
    let outcome = run(doors, ledger, plan, settings, stopped, events).await;
    while let Ok(event) = watcher.try_recv() {
        teller.world().heard.push(event);
    }
    let ended = RunEnded {
        run: id,
        reason: outcome.end.word().to_owned(),
        counts: BTreeMap::new(),
        spent: outcome.spent(),
        reserved: outcome.reserved(),
    };
    teller.append(Record::RunEnded(ended)).await.expect("a log");
    assert_eq!(fold(teller).accounts, outcome.ledger.accounts);
    outcome
}

fn submits(teller: &Teller) -> usize {
    teller.world().script.submits.len()
}

fn ids(teller: &Teller) -> usize {
    let world = teller.world();
    let ids: std::collections::HashSet<_> = world.script.submits.iter().map(|s| s.0).collect();
    ids.len()
}

fn files(teller: &Teller) -> usize {
    teller.world().files.len()
}

fn account(images: u64, open: u64) -> Account {
    Account {
        spent: PRICE.times(images),
        reserved: PRICE.times(open),
    }
}

#[test]
fn a_lost_reply_is_settled_by_the_archive_where_the_queue_knows_nothing() {
    let teller = Teller::default();
    teller.world().script.replies = VecDeque::from([Reply::Lose]);
    teller.world().script.archive = VecDeque::from([Known::Nothing, told(&[1], false)]);
    let outcome = live(&teller, &shots(1, 1));
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    assert_eq!((submits(&teller), files(&teller)), (1, 1));
}

#[test]
fn what_is_told_twice_and_in_another_order_is_booked_and_kept_once() {
    let teller = Teller::default();
    teller.world().script.queue = VecDeque::from([
        told(&[], true),
        told(&[2], true),
        told(&[2, 2, 1], true),
        told(&[1, 2], true),
        told(&[3, 1, 2, 4, 3], false),
    ]);
    let outcome = live(&teller, &shots(1, 4));
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    assert_eq!(outcome.ledger.accounts.show, account(4, 0));
    assert_eq!(files(&teller), 4);
    let produced = teller.kinds(|record| matches!(record, Record::Produced(_)));
    assert_eq!(produced, 4);
}

#[test]
fn three_of_four_are_kept_and_the_fourth_is_unsure_when_nothing_more_is_told() {
    let teller = Teller::default();
    teller.world().script.queue = VecDeque::from([told(&[1, 2, 3], true)]);
    let show = shots(1, 4);
    let outcome = live(&teller, &show);
    assert_eq!(files(&teller), 3);
    assert_eq!(outcome.ledger.accounts.show, account(3, 1));
    assert_eq!(outcome.problems[0].kind, ProblemKind::Unsure);
    // Nothing is bought in its place, and when it comes after all it is kept.
    let outcome = live(&teller, &show);
    assert_eq!((submits(&teller), files(&teller)), (1, 3));
    assert_eq!(outcome.ledger.accounts.show, account(3, 1));
    teller.world().script.queue = VecDeque::from([told(&[4, 1, 2, 3], false)]);
    let outcome = live(&teller, &show);
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    assert_eq!((submits(&teller), files(&teller)), (1, 4));
    assert_eq!(outcome.ledger.accounts.show, account(4, 0));
}

#[test]
fn a_task_that_is_worked_on_for_ever_is_unsure_and_not_waited_for_for_ever() {
    let teller = Teller::default();
    teller.world().script.queue = VecDeque::from([told(&[], true)]);
    let outcome = live(&teller, &shots(2, 1));
    assert_eq!(outcome.problems.len(), 2);
    assert_eq!(outcome.ledger.accounts.show, account(0, 2));
    assert_eq!(
        teller.kinds(|record| matches!(record, Record::Unsure(_))),
        2
    );
}

#[test]
fn a_task_that_is_never_sent_again_is_not_told_as_one_that_is() {
    let teller = Teller::default();
    teller.world().script.queue = VecDeque::from([Known::Nothing]);
    live(&teller, &shots(1, 1));
    assert_eq!(submits(&teller), 1);
    let heard = std::mem::take(&mut teller.world().heard);
    let sent_again = |event: &&Event| matches!(event, Event::Waiting { .. });
    assert_eq!(heard.iter().find(sent_again).map(|_| ()), None);
    let mut asking = heard.iter().filter_map(|event| match event {
        Event::Asking { most, trouble, .. } => Some((*most, &trouble.code)),
        _ => None,
    });
    let (most, code) = asking.next().expect("it is told what is waited for");
    assert_eq!(code, "not-known");
    assert!(most < Duration::from_secs(1200) && most > Duration::from_secs(1100));
}

#[test]
fn an_unsure_take_is_bought_again_only_when_asked_and_only_once() {
    let teller = Teller::default();
    teller.world().script.queue = VecDeque::from([told(&[], true)]);
    let mut show = shots(1, 1);
    live(&teller, &show);
    live(&teller, &show);
    assert_eq!(submits(&teller), 1);
    teller.world().script.queue = VecDeque::from([told(&[], true), told(&[7], false)]);
    show.rebuy = true;
    live(&teller, &show);
    assert_eq!((submits(&teller), ids(&teller)), (2, 2));
    teller.world().script.queue = VecDeque::from([Known::Nothing]);
    let outcome = live(&teller, &show);
    assert_eq!(submits(&teller), 2);
    assert_eq!(files(&teller), 1);
    assert_eq!(outcome.ledger.accounts.show, account(1, 1));
}

#[test]
fn an_address_that_is_gone_is_asked_for_again_before_an_image_is_lost() {
    for (gone, saved) in [(1, 1), (4, 1), (5, 0)] {
        let teller = Teller::default();
        teller.world().script.queue = VecDeque::from([told(&[1], false)]);
        teller.world().script.fetches = vec![FetchError::Gone; gone].into();
        let outcome = live(&teller, &shots(1, 1));
        assert_eq!(files(&teller), saved, "gone {gone} times");
        assert_eq!(outcome.problems.len(), 1 - saved);
        let lost = teller.kinds(|record| matches!(record, Record::Lost(_)));
        assert_eq!(lost, 1 - saved);
        assert!(
            teller.world().script.asked > 1,
            "the task was not asked about again"
        );
        assert_eq!(
            outcome.ledger.accounts.show,
            account(1, 0),
            "it was paid for"
        );
        assert_eq!(submits(&teller), 1);
    }
}

/// An upload that the provider does not know any more, for tasks that were never sent before.
#[test]
fn an_upload_the_provider_forgot_goes_up_again_once_for_every_task_that_needs_it() {
    let teller = Teller::default();
    teller.world().script.queue = VecDeque::from([told(&[1], false)]);
    live(&teller, &shots(1, 1));
    assert_eq!(teller.world().script.uploads, 1);
    teller.world().script.forgotten = Some(ImageId::new("upload-1"));
    teller.world().script.queue = VecDeque::from([told(&[2], false)]);
    let outcome = live(&teller, &shots(4, 1));
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    let world = teller.world();
    assert_eq!(world.script.uploads, 2);
    let second = Some(ImageId::new("upload-2"));
    let sent_with_it = world.script.submits.iter().filter(|s| s.1[0] == second);
    assert_eq!(sent_with_it.count(), 3);
}

#[test]
fn an_upload_that_is_refused_again_ends_the_take_unpaid() {
    let teller = Teller::default();
    teller.world().script.replies = VecDeque::from([Reply::Refuse(Class::Reference)]);
    let outcome = live(&teller, &shots(1, 1));
    assert_eq!(teller.world().script.uploads, 2, "once, and once again");
    assert_eq!(submits(&teller), 2);
    assert_eq!(outcome.problems[0].kind, ProblemKind::Refused);
    assert_eq!(outcome.ledger.accounts.show, account(0, 0));
}

/// A task whose first send is in doubt, and whose upload the provider forgets before the second.
#[test]
fn a_task_sent_again_gets_a_new_upload_under_its_old_id() {
    let teller = Teller::default();
    teller.world().script.replies = VecDeque::from([Reply::Lose]);
    teller.world().script.unreachable = true;
    let show = shots(1, 1);
    let outcome = live(&teller, &show);
    // No record says that it is unsure: the next run asks, and `status` says the same.
    assert_eq!(outcome.problems[0].kind, ProblemKind::UnderWay);
    assert_eq!(submits(&teller), 1);
    teller.world().script.unreachable = false;
    teller.world().script.replies =
        VecDeque::from([Reply::Refuse(Class::Reference), Reply::Accept]);
    teller.world().script.queue = VecDeque::from([Known::Nothing]);
    // What is accepted is found in the archive, which is asked four times before that.
    let unknown = vec![Known::Nothing; 8];
    teller.world().script.archive = unknown.into_iter().chain([told(&[1], false)]).collect();
    let outcome = live(&teller, &show);
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    assert_eq!(ids(&teller), 1, "a second id was made");
    assert_eq!((submits(&teller), teller.world().script.uploads), (3, 2));
    assert_eq!(files(&teller), 1);
    assert_eq!(outcome.ledger.accounts.show, account(1, 0));
}

#[test]
fn a_task_is_not_sent_again_over_the_cap_of_the_run() {
    let teller = Teller::default();
    teller.world().script.replies = VecDeque::from([Reply::Lose]);
    teller.world().script.unreachable = true;
    live(&teller, &shots(1, 1));
    teller.world().script.unreachable = false;
    let mut show = shots(1, 1);
    show.caps.run = Some(Micros::new(27_999));
    let outcome = live(&teller, &show);
    assert_eq!(submits(&teller), 1);
    assert_eq!(outcome.problems[0].trouble.code, "cap");
    assert_eq!(outcome.ledger.accounts.run, account(0, 0));
    assert_eq!(outcome.ledger.accounts.show, account(0, 1));
    show.caps.run = Some(PRICE);
    teller.world().script.replies = VecDeque::from([Reply::Accept]);
    // It is asked about before it is sent again: twice to settle it, and once more at the door.
    let unknown = vec![Known::Nothing; 3];
    teller.world().script.archive = unknown.into_iter().chain([told(&[1], false)]).collect();
    let outcome = live(&teller, &show);
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    assert_eq!((submits(&teller), ids(&teller)), (2, 1));
    assert_eq!(outcome.ledger.accounts.run, account(1, 0));
}

#[test]
fn a_task_sent_again_and_refused_for_the_account_stays_in_doubt() {
    let teller = Teller::default();
    teller.world().script.replies = VecDeque::from([Reply::Lose]);
    teller.world().script.unreachable = true;
    let show = shots(1, 1);
    live(&teller, &show);
    teller.world().script.unreachable = false;
    teller.world().script.replies = VecDeque::from([Reply::Refuse(Class::Account)]);
    let outcome = live(&teller, &show);
    assert_eq!(outcome.problems[0].kind, ProblemKind::Unsure);
    let (_, task) = outcome.ledger.tasks().next().expect("a task");
    assert!(task.is_in_doubt(), "the log says so too: {task:?}");
    assert_eq!(outcome.ledger.accounts.show, account(0, 1));
}

/// Holds every cap against the log, record by record.
fn hold_caps(teller: &Teller, caps: &Caps) -> Result<(), TestCaseError> {
    let most = Micros::new(u64::MAX);
    let mut ledger = Ledger::default();
    for stamped in &teller.world().log {
        ledger.apply(stamped).expect("a sound record");
        let accounts = &ledger.accounts;
        prop_assert!(
            accounts.run.counted() <= caps.run.unwrap_or(most),
            "{stamped:?}"
        );
        prop_assert!(
            accounts.show.counted() <= caps.show.unwrap_or(most),
            "{stamped:?}"
        );
        for account in accounts.shots.values() {
            prop_assert!(
                account.counted() <= caps.shot.unwrap_or(most),
                "{stamped:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn caps_hold_after_every_record_of_every_run(
        replies in prop::collection::vec(0u8..4, 1..12), unreachable in any::<[bool; 3]>(),
        caps in prop::collection::vec(prop::option::of(0u64..200_000), 3), takes in 1u32..3,
    ) {
        let teller = Teller::default();
        let mut show = shots(5, takes);
        let cap = |place: usize| caps[place].map(Micros::new);
        show.caps = Caps { run: cap(0), show: cap(1), shot: cap(2), ..Caps::default() };
        for life in unreachable {
            let replies = replies.iter().map(|reply| match reply {
                0 => Reply::Lose,
                1 => Reply::Refuse(Class::Request),
                _ => Reply::Accept,
            });
            teller.world().script.replies = replies.collect();
            let nothing_sent = submits(&teller) == 0;
            teller.world().script.unreachable = life && nothing_sent;
            let made: Vec<u32> = (0..takes).collect();
            teller.world().script.queue = VecDeque::from([Known::Nothing, told(&made, false)]);
            live(&teller, &show);
            hold_caps(&teller, &show.caps)?;
        }
    }
}

#[test]
fn a_task_that_cannot_be_asked_about_is_left_to_the_next_run_in_the_end() {
    let teller = Teller::default();
    teller.world().script.unreachable = true;
    let show = shots(1, 1);
    let outcome = live(&teller, &show);
    assert_eq!(outcome.problems[0].kind, ProblemKind::UnderWay);
    let (_, task) = outcome.ledger.tasks().next().expect("a task");
    assert!(task.is_open() && !task.is_in_doubt(), "as the log has it");
    assert_eq!(outcome.ledger.accounts.show, account(0, 1));
    teller.world().script.unreachable = false;
    teller.world().script.queue = VecDeque::from([told(&[1], false)]);
    let outcome = live(&teller, &show);
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    assert_eq!((submits(&teller), files(&teller)), (1, 1));
}
