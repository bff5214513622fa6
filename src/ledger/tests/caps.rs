//! Caps hold at every moment of every history, across restarts and with unsure takes.

use proptest::prelude::*;

use crate::domain::digest::Sha256;
use crate::domain::id::{ShotId, Variant};
use crate::domain::money::Micros;
use crate::ledger::money::{Account, CapKind, Caps, PlanCap};
use crate::ledger::task::{End, Fate};
use crate::ledger::tests::fixture::{Book, Deal, PRICE};

/// Shots and the sequences they belong to; the last belongs to none.
const SHOTS: [(&str, Option<&str>); 4] = [
    ("104/TCC/0010", Some("104/TCC")),
    ("104/TCC/0020", Some("104/TCC")),
    ("104/TDD/0010", Some("104/TDD")),
    ("0010", None),
];

/// Something a run does, or the provider, or a crash; what cannot happen just now is passed over.
#[derive(Clone, Copy, Debug)]
enum Step {
    Buy {
        shot: usize,
        count: u32,
    },
    Accept,
    /// Told at so many tenths of the price that was reserved, or not at all.
    Produce(Option<u64>),
    Save,
    Lose,
    Refuse,
    Fail {
        billed: bool,
    },
    Doubt,
    SendAgain,
    /// The run ends, or is cut off, and another begins, with or without the signed plan.
    Restart {
        ended: bool,
        signed: bool,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SHOTS.len(), 1u32..4).prop_map(|(shot, count)| Step::Buy { shot, count }),
        3 => Just(Step::Accept),
        6 => prop::option::of(1u64..=10).prop_map(Step::Produce),
        3 => Just(Step::Save),
        1 => Just(Step::Lose),
        1 => Just(Step::Refuse),
        2 => any::<bool>().prop_map(|billed| Step::Fail { billed }),
        2 => Just(Step::Doubt),
        3 => Just(Step::SendAgain),
        2 => any::<(bool, bool)>().prop_map(|(ended, signed)| Step::Restart { ended, signed }),
    ]
}

prop_compose! {
    fn any_caps()(
        run in prop::option::of(0u64..300_000), show in prop::option::of(0u64..500_000),
        sequence in prop::option::of(0u64..200_000), shot in prop::option::of(0u64..120_000),
        plan in prop::option::of(0u64..200_000),
    ) -> Caps {
        Caps {
            run: run.map(Micros::new), show: show.map(Micros::new),
            sequence: sequence.map(Micros::new), shot: shot.map(Micros::new),
            plan: plan.map(|most| PlanCap { plan: signed_plan(), most: Micros::new(most) }),
        }
    }
}

fn signed_plan() -> Sha256 {
    Sha256::of(b"plan")
}

/// A history under caps, with the purchases made so far.
struct History {
    book: Book,
    caps: Caps,
    deals: Vec<Deal>,
    /// Which runs an account of the run holds the purchases of: those since the last that ended.
    in_run: Vec<bool>,
    /// Which were sent in a run that obeyed the signed plan.
    in_plan: Vec<bool>,
}

impl History {
    fn play(&mut self, step: Step, which: usize) {
        match step {
            Step::Buy { shot, count } => return self.buy(shot, count),
            Step::Restart { ended, signed } => return self.restart(ended, signed),
            _ if self.deals.is_empty() => return,
            _ => {}
        }
        let which = which % self.deals.len();
        let deal = self.deals[which].clone();
        let task = self.book.ledger.task(deal.task()).expect("a task").clone();
        let next = u32::try_from(task.images.len()).expect("few");
        let made = task.images.last();
        let unfetched = made.is_some_and(|image| matches!(image.fate, Fate::Produced(_)));
        let definite = matches!(task.end, Some(End::Refused(_) | End::Failed(_, false)));
        match step {
            Step::Accept if !definite => drop(self.book.accept(&deal)),
            Step::Produce(tenths) if !definite && task.missing() > 0 => {
                let cost = tenths.map(|tenths| Micros::new(deal.price.get() * tenths / 10));
                self.book.produce(&deal, next, cost);
            }
            Step::Save if unfetched => drop(self.book.save(&deal, next - 1)),
            Step::Lose if unfetched => drop(self.book.lose(&deal, next - 1)),
            Step::Refuse if task.is_open() && !task.accepted => drop(self.book.refuse(&deal)),
            Step::Fail { billed } if task.is_open() => drop(self.book.fail(&deal, billed)),
            Step::Doubt if task.is_open() => drop(self.book.doubt(&deal)),
            Step::SendAgain if task.is_open() && !task.accepted => {
                let allowed = self.book.ledger.allow_again(&self.caps(), deal.task());
                if allowed.is_ok() {
                    self.book.resend(&deal, task.resends + 1);
                    self.in_run[which] = true;
                    self.in_plan[which] |= self.book.plan.is_some();
                }
            }
            _ => {}
        }
    }

    fn buy(&mut self, shot: usize, count: u32) {
        let (shot, sequence) = SHOTS[shot];
        let ledger = &self.book.ledger;
        let dearest = ledger.dearest("klingai:kling-image@o1", "1360x768");
        let price = dearest.unwrap_or_default().max(PRICE);
        let deal = Deal {
            shot: shot.to_owned(),
            sequence: sequence.map(str::to_owned),
            first: ledger.next_take(&ShotId::new(shot), Variant(0)).0,
            count,
            price,
        };
        // An id of a purchase that was refused is not used again.
        if ledger.task(deal.task()).is_some() {
            return;
        }
        let worst = price.times(u64::from(count));
        let accounts = &ledger.accounts;
        let allowed = accounts.allow(&self.caps(), &ShotId::new(shot), sequence, worst);
        if allowed.is_ok() {
            self.book.intend(&deal);
            self.deals.push(deal);
            self.in_run.push(true);
            self.in_plan.push(self.book.plan.is_some());
        }
    }

    /// Gives the caps of the run under way: that of the plan only where it obeys one.
    fn caps(&self) -> Caps {
        let plan = self.caps.plan.filter(|_| self.book.plan.is_some());
        Caps { plan, ..self.caps }
    }

    fn restart(&mut self, ended: bool, signed: bool) {
        if ended {
            self.book.end();
            self.in_run.fill(false);
        }
        self.book.ledger = self.book.refold();
        self.book.plan = signed.then(signed_plan);
        self.book.start();
    }

    /// Adds up what tasks weigh, the slow way.
    fn sum(&self, counts: impl Fn(usize, &Deal) -> bool) -> Account {
        let mut sum = Account::default();
        for (place, deal) in self.deals.iter().enumerate() {
            if counts(place, deal) {
                let weight = self.book.ledger.task(deal.task()).expect("a task").weight();
                sum.spent = sum.spent.plus(weight.spent);
                sum.reserved = sum.reserved.plus(weight.reserved);
            }
        }
        sum
    }

    /// Gives every account there is, with the kind of cap it is under.
    fn accounts(&self) -> Vec<(CapKind, Account, Account)> {
        let accounts = &self.book.ledger.accounts;
        let mut all = vec![
            (CapKind::Show, accounts.show, self.sum(|_, _| true)),
            (CapKind::Run, accounts.run, self.sum(|n, _| self.in_run[n])),
            (
                CapKind::Plan,
                accounts.under_plan(signed_plan()),
                self.sum(|n, _| self.in_plan[n]),
            ),
        ];
        for (name, account) in &accounts.sequences {
            let sum = self.sum(|_, deal| deal.sequence.as_deref() == Some(&**name));
            all.push((CapKind::Sequence, *account, sum));
        }
        for (shot, account) in &accounts.shots {
            let sum = self.sum(|_, deal| deal.shot == shot.as_str());
            all.push((CapKind::Shot, *account, sum));
        }
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn caps_hold_at_every_moment_and_a_restart_changes_nothing(
        caps in any_caps(), steps in prop::collection::vec((any_step(), any::<usize>()), 1..60),
    ) {
        let mut history = History {
            book: Book::open(), caps, deals: Vec::new(), in_run: Vec::new(),
            in_plan: Vec::new(),
        };
        for (step, which) in steps {
            history.play(step, which);
            for (kind, account, sum) in history.accounts() {
                prop_assert_eq!(account, sum, "{:?} is not the sum of its tasks", kind);
                let cap = caps.of(kind).unwrap_or(Micros::new(u64::MAX));
                prop_assert!(account.counted() <= cap, "{:?}: {:?} is over {}", kind, account, cap);
            }
            prop_assert_eq!(&history.book.refold(), &history.book.ledger);
        }
    }
}

#[test]
fn a_dearer_price_raises_what_is_reserved_next() {
    let caps = Caps {
        show: Some(Micros::new(120_000)),
        ..Caps::default()
    };
    let mut history = History {
        book: Book::open(),
        caps,
        deals: Vec::new(),
        in_run: Vec::new(),
        in_plan: Vec::new(),
    };
    history.buy(0, 1);
    let first = history.deals[0].clone();
    history.book.produce(&first, 0, Some(Micros::new(50_000)));
    history.buy(1, 1);
    assert_eq!(history.deals[1].price, Micros::new(50_000));
    // At the listed price two more would fit; at the one that was told, none does.
    history.buy(2, 1);
    assert_eq!(history.deals.len(), 2);
    let counted = history.book.ledger.accounts.show.counted();
    assert_eq!(counted, Micros::new(100_000));
}

#[test]
fn an_unsure_take_keeps_its_place_under_the_cap_over_restarts() {
    let caps = Caps {
        show: Some(PRICE.times(2)),
        ..Caps::default()
    };
    let mut history = History {
        book: Book::open(),
        caps,
        deals: Vec::new(),
        in_run: Vec::new(),
        in_plan: Vec::new(),
    };
    history.buy(0, 1);
    history.play(Step::Doubt, 0);
    for ended in [true, false, true] {
        history.restart(ended, false);
    }
    history.buy(1, 1);
    history.buy(2, 1);
    assert_eq!(
        history.deals.len(),
        2,
        "the doubt counts as if it were paid"
    );
}

#[test]
fn a_task_of_an_ended_run_is_not_sent_again_over_the_cap_of_this_one() {
    let caps = Caps {
        run: Some(PRICE),
        ..Caps::default()
    };
    let mut history = History {
        book: Book::open(),
        caps,
        deals: Vec::new(),
        in_run: Vec::new(),
        in_plan: Vec::new(),
    };
    history.buy(0, 1);
    let left = history.deals[0].task();
    assert!(
        history.book.ledger.allow_again(&caps, left).is_ok(),
        "it counts already"
    );
    history.restart(true, false);
    assert!(
        history.book.ledger.allow_again(&caps, left).is_ok(),
        "there is room"
    );
    history.buy(1, 1);
    let over = history.book.ledger.allow_again(&caps, left);
    assert_eq!(over.expect_err("no room").cap, CapKind::Run);
}

#[test]
fn what_was_signed_is_spent_once_over_all_runs_that_obey_the_plan() {
    let most = PRICE.times(2);
    let plan = signed_plan();
    let caps = Caps {
        plan: Some(PlanCap { plan, most }),
        ..Caps::default()
    };
    let mut history = History {
        book: Book::open(),
        caps,
        deals: Vec::new(),
        in_run: Vec::new(),
        in_plan: Vec::new(),
    };
    history.buy(0, 1);
    assert_eq!(
        history.book.ledger.accounts.under_plan(plan),
        Account::default(),
        "a run without the plan spends nothing of it"
    );
    for (shot, ended) in [(1, true), (2, false), (3, true)] {
        history.restart(ended, true);
        history.buy(shot, 1);
    }
    assert_eq!(history.deals.len(), 3, "the last was not signed");
    let first = history.deals[0].task();
    let over = history.book.ledger.allow_again(&caps, first);
    assert_eq!(over.expect_err("no room").cap, CapKind::Plan);
    history.restart(true, false);
    history.buy(3, 1);
    assert_eq!(
        history.deals.len(),
        4,
        "without the plan there is no such cap"
    );
}
