//! What goes wrong in a history, and how often: drawn anew for each, so that most faults are off in
//! most histories and none drowns the others.

use crate::runner::tests::dice::Dice;

/// For ever, in milliseconds.
pub(super) const FOR_EVER: u64 = u64::MAX / 4;

/// How often things go wrong, in a thousand, and what kind of provider it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Weather {
    pub(super) sends: Sends,
    pub(super) ends: Ends,
    pub(super) questions: Questions,
    pub(super) images: Images,
    pub(super) disk: Disk,
    /// The wall clock jumps at a step.
    pub(super) clock_jumps: u64,
    pub(super) memory: Memory,
    pub(super) money: Money,
}

/// Faults of sending a task or a reference.
#[derive(Clone, Debug, Default)]
pub(super) struct Sends {
    /// The connection was never made.
    pub(super) never_sent: u64,
    pub(super) lose_request: u64,
    /// The client stops waiting, and the request arrives long after.
    pub(super) late_request: u64,
    pub(super) lose_reply: u64,
    /// 429 or 503.
    pub(super) busy: u64,
    /// 500 or 504: it may or may not have been taken.
    pub(super) gateway: u64,
    pub(super) refuse: u64,
    pub(super) moderate: u64,
    /// The account needs a person.
    pub(super) no_credit: u64,
    pub(super) fail_upload: u64,
    pub(super) forget_upload: u64,
}

/// How tasks end badly once they were accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// A result ends in an error.
    pub(super) fail: u64,
    /// A result is moderated.
    pub(super) moderate: u64,
    /// A reference turns out not to be readable.
    pub(super) reference: u64,
    /// A result never comes, and nothing is said of it.
    pub(super) short: u64,
    /// The task never ends.
    pub(super) stuck: u64,
    /// The task takes minutes.
    pub(super) slow: u64,
}

/// Faults of asking.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions {
    pub(super) fail: u64,
    /// The answer is how things stood a while ago.
    pub(super) stale: u64,
    /// The answer stands there twice.
    pub(super) twice: u64,
    /// Only one task is taken in a request.
    pub(super) one_only: bool,
    /// A running task looks like an unknown one.
    pub(super) running_unknown: bool,
}

/// Faults of fetching.
#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    pub(super) broken: u64,
    /// The image is cut short and nothing says so.
    pub(super) cut: u64,
    /// How long an address lives.
    pub(super) life: u64,
    /// Asking gives a new address.
    pub(super) fresh: bool,
    /// Images come inside the reply.
    pub(super) inline: bool,
}

/// Faults of this machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// A write of the log fails.
    pub(super) log: u64,
    /// A write of an image fails.
    pub(super) image: u64,
    /// A foreign file stands in the way.
    pub(super) in_the_way: u64,
    /// The log is kept as bytes and read back by the real journal.
    pub(super) bytes: bool,
}

/// How long the provider remembers what, in milliseconds.
///
/// One of the three remembers everything for ever: a provider that forgets a task altogether
/// cannot be bought from twice or once, only by luck.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// How long the queue knows a task after its end.
    pub(super) queue: u64,
    /// How long the archive knows a task after its end.
    pub(super) archive: u64,
    /// How long after its end a task is not yet in the archive.
    pub(super) archive_lag: u64,
    /// Whether the archive has a record without results of a running task.
    pub(super) archive_running: bool,
    /// How long after its end a task's id is refused; while it runs it always is.
    ///
    /// Never less than a few seconds: between asking about a task that nobody shows and sending
    /// it, the task may end, and only the refusal of its id then tells that it was bought.
    pub(super) conflict: u64,
    /// Whether an id that was refused is taken.
    pub(super) refused_takes_id: bool,
    /// Whether tasks that were waited for can be asked about.
    pub(super) knows_sync: bool,
}

/// How the provider bills.
#[derive(Clone, Debug, Default)]
pub(super) struct Money {
    /// The reply tells no cost.
    pub(super) missing: u64,
    /// The reply tells a cost of nought.
    pub(super) zero: u64,
    /// What an image costs, in micro-dollars.
    pub(super) price: u64,
    /// Whether results that failed are billed.
    pub(super) bill_failed: bool,
}

/// The price of the profile, in micro-dollars.
pub(super) const PRICE: u64 = 28_000;

impl Weather {
    /// Nothing goes wrong, and everything is remembered.
    pub(super) fn calm() -> Self {
        Self {
            images: Images {
                life: FOR_EVER,
                fresh: true,
                ..Images::default()
            },
            memory: Memory {
                queue: FOR_EVER,
                archive: FOR_EVER,
                conflict: FOR_EVER,
                knows_sync: true,
                ..Memory::default()
            },
            money: Money {
                price: PRICE,
                ..Money::default()
            },
            ..Self::default()
        }
    }

    pub(super) fn draw(dice: &mut Dice) -> Self {
        let mut weather = Self {
            sends: Sends::draw(dice),
            ends: Ends::draw(dice),
            questions: Questions {
                fail: strength(dice),
                stale: strength(dice),
                twice: strength(dice),
                one_only: dice.chance(200),
                running_unknown: dice.chance(200),
            },
            images: Images {
                broken: strength(dice),
                cut: strength(dice),
                life: dice.pick(&[FOR_EVER, FOR_EVER, FOR_EVER, 20_000, 120_000]),
                fresh: dice.chance(500),
                inline: dice.chance(150),
            },
            disk: Disk {
                log: strength(dice) / 20,
                image: strength(dice) / 20,
                in_the_way: strength(dice),
                bytes: dice.chance(60),
            },
            clock_jumps: strength(dice) / 10,
            memory: Memory::draw(dice),
            money: Money {
                missing: strength(dice),
                zero: strength(dice),
                price: dice.pick(&[PRICE, PRICE, PRICE, 35_000, 20_000]),
                bill_failed: dice.chance(300),
            },
        };
        if weather.memory.conflict < FOR_EVER {
            // A request that arrives later than anyone remembers the one sent after it is bought
            // twice, and no client can help it.
            weather.sends.late_request = 0;
        }
        weather
    }

    /// The sun comes out: what passes has passed, and what the provider is like stays.
    pub(super) fn clear_up(&mut self) {
        self.sends = Sends::default();
        self.ends = Ends::default();
        self.questions.fail = 0;
        self.questions.stale = 0;
        self.images.broken = 0;
        self.images.cut = 0;
        self.disk.log = 0;
        self.disk.image = 0;
        self.disk.in_the_way = 0;
        self.clock_jumps = 0;
    }
}

impl Sends {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            never_sent: strength(dice),
            lose_request: strength(dice),
            late_request: strength(dice),
            lose_reply: strength(dice),
            busy: strength(dice),
            gateway: strength(dice),
            refuse: strength(dice) / 2,
            moderate: strength(dice) / 2,
            no_credit: strength(dice) / 5,
            fail_upload: strength(dice),
            forget_upload: strength(dice),
        }
    }
}

impl Ends {
    fn draw(dice: &mut Dice) -> Self {
        Self {
            fail: strength(dice),
            moderate: strength(dice) / 2,
            reference: strength(dice) / 2,
            short: strength(dice) / 2,
            stuck: strength(dice) / 4,
            slow: strength(dice) / 2,
        }
    }
}

impl Memory {
    fn draw(dice: &mut Dice) -> Self {
        let mut span = |short: u64| dice.pick(&[FOR_EVER, short, 40_000, 4_000_000]);
        let (queue, archive, conflict) = (span(3_000), span(0), span(5_000));
        let mut memory = Self {
            queue,
            archive,
            conflict,
            archive_lag: dice.pick(&[0, 0, 2_000, 4_000]),
            archive_running: dice.chance(300),
            refused_takes_id: dice.chance(200),
            knows_sync: dice.chance(700),
        };
        match dice.below(4) {
            0 => {
                memory.queue = FOR_EVER;
                memory.knows_sync = true;
            }
            1 => {
                memory.archive = FOR_EVER;
                memory.archive_lag = 0;
            }
            _ => memory.conflict = FOR_EVER,
        }
        memory
    }
}

/// Draws whether a fault is on in a history, and how strong it is.
fn strength(dice: &mut Dice) -> u64 {
    dice.pick(&[0, 0, 0, 0, 0, 0, 20, 100, 350])
}
