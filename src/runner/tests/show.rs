//! A small show for the simulated world, and what people do to its manifest between runs.

use std::sync::Arc;

use crate::domain::diagnostic::{FileNo, Place};
use crate::domain::digest::Sha256;
use crate::domain::id::{Key, ShotId, Variant};
use crate::expand::numbers::{Known, Numbers, numbers_of};
use crate::expand::profile::KLING_IMAGE_O1;
use crate::expand::request::{AskedSize, Request, SentImage, SentReference};
use crate::expand::wanted::{FileName, KeyParts, NamePart, Wanted};
use crate::manifest::model::Status;
use crate::manifest::settings::{Delivery, Format, Output, ReferenceTransfer, Safety};
use crate::runner::order::Orders;
use crate::runner::tests::dice::Dice;

/// What the change is called after which a lost log tells of more than can be asked for.
pub(super) const REWRITTEN: &str = "a prompt is rewritten";

/// What shots are varied over.
const AXIS: &str = "look";

/// A manifest as people write it.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) shots: Vec<ShotText>,
    /// The number of the next shot that is added.
    next: u32,
}

/// One shot as it is written.
#[derive(Clone, Debug)]
pub(super) struct ShotText {
    number: u32,
    pub(super) sequence: Option<u64>,
    /// Which of its prompts stands there.
    pub(super) revision: u64,
    /// What it is varied over, in the order written; nothing for a shot without variants.
    pub(super) looks: Vec<u64>,
    pub(super) takes: u32,
    pub(super) per_task: u32,
    /// Which picture it refers to.
    pub(super) reference: Option<u64>,
    pub(super) status: Status,
    pub(super) delivery: Delivery,
    pub(super) inline: bool,
}

impl Script {
    /// Writes plain shots that are all alike.
    pub(super) fn plain(count: u32, takes: u32, per_task: u32) -> Self {
        let shot = |number| ShotText {
            takes,
            per_task,
            ..ShotText::new(number)
        };
        Self {
            shots: (0..count).map(shot).collect(),
            next: count,
        }
    }

    /// Gives the ids of the shots that have variants.
    pub(super) fn varied(&self) -> Vec<ShotId> {
        let varied = self.shots.iter().filter(|shot| !shot.looks.is_empty());
        varied.map(ShotText::id).collect()
    }

    pub(super) fn draw(dice: &mut Dice, inline: bool) -> Self {
        let mut script = Self {
            shots: Vec::new(),
            next: 0,
        };
        let (references, sync) = (dice.chance(400), dice.chance(200));
        for _ in 0..dice.within(1..4) {
            script.add(dice, references, sync, inline);
        }
        script
    }

    fn add(&mut self, dice: &mut Dice, references: bool, sync: bool, inline: bool) {
        let mut shot = ShotText::new(self.next);
        self.next += 1;
        shot.sequence = dice.chance(600).then(|| dice.below(2));
        if dice.chance(200) {
            shot.looks = vec![0, 1];
        }
        shot.takes = dice.pick(&[1, 1, 1, 2, 3, 4]);
        shot.per_task = dice.pick(&[1, 1, 2, 4]);
        shot.reference = references.then(|| dice.below(2));
        shot.inline = inline;
        if sync {
            shot.delivery = Delivery::Sync;
        }
        self.shots.push(shot);
    }

    /// Changes something, as people do between two runs, and says what.
    pub(super) fn edit(&mut self, dice: &mut Dice) -> &'static str {
        let change = dice.below(9);
        if self.shots.is_empty() || change == 0 {
            self.add(dice, false, false, false);
            return "a shot is added";
        }
        let at = dice.index(self.shots.len());
        let shot = &mut self.shots[at];
        match change {
            1 => {
                self.shots.remove(at);
                "a shot is removed"
            }
            2 => {
                dice.shuffle(&mut self.shots);
                "shots are moved"
            }
            3 => {
                shot.revision = dice.below(3);
                REWRITTEN
            }
            4 => {
                shot.takes = dice.pick(&[1, 2, 3]);
                "another number of takes is wanted"
            }
            5 => {
                shot.per_task = dice.pick(&[1, 2, 4]);
                "tasks buy more or fewer takes"
            }
            6 => {
                shot.status = dice.pick(&[
                    Status::Todo,
                    Status::Retake,
                    Status::Hold,
                    Status::Approved,
                    Status::Omit,
                ]);
                "a shot's status is changed"
            }
            7 => shot.vary(dice),
            _ => {
                shot.takes += 1;
                "one more take is wanted"
            }
        }
    }
}

impl ShotText {
    /// Changes the list it is varied over.
    fn vary(&mut self, dice: &mut Dice) -> &'static str {
        let look = dice.below(4);
        if self.looks.is_empty() {
            self.looks = vec![look];
            "a shot gets a matrix"
        } else if self.looks.contains(&look) {
            self.looks.retain(|known| *known != look);
            "a matrix shrinks"
        } else {
            let at = dice.index(self.looks.len() + 1);
            self.looks.insert(at, look);
            "a matrix grows"
        }
    }

    fn id(&self) -> ShotId {
        ShotId::new(&format!("s{:03}", self.number))
    }

    /// Gives its looks as they are spelled, each with its number; nothing for the only variant.
    fn variants(&self, known: &[Known]) -> Vec<(Variant, Option<u64>)> {
        let list: Vec<String> = self.looks.iter().map(ToString::to_string).collect();
        let key = |look: &str| Some(self.key(look.parse().ok()));
        let numbers = numbers_of(AXIS, &list, known, key);
        let looks = self.looks.iter().copied().map(Some);
        let looks = looks.chain(self.looks.is_empty().then_some(None));
        numbers.into_iter().zip(looks).collect()
    }

    fn prompt(&self, look: Option<u64>) -> String {
        // The first look is that of a shot without any.
        let look = look.unwrap_or(0);
        format!("shot {} in look {look} as of {}", self.id(), self.revision)
    }

    fn key(&self, look: Option<u64>) -> Key {
        let reference = self.reference.map(reference);
        Key(Sha256::of(
            format!("{} {reference:?}", self.prompt(look)).as_bytes(),
        ))
    }

    const fn new(number: u32) -> Self {
        Self {
            number,
            sequence: None,
            revision: 0,
            looks: Vec::new(),
            takes: 1,
            per_task: 1,
            reference: None,
            status: Status::Todo,
            delivery: Delivery::Async,
            inline: false,
        }
    }
}

/// Plain shots that are all alike, with nothing of a manifest about them.
pub(super) struct Shots {
    pub(super) count: usize,
    pub(super) takes: u32,
    pub(super) per_task: u32,
}

impl Orders for Shots {
    fn wanted(&self, shot_index: usize, _variant: Variant) -> Option<Wanted> {
        let count = u32::try_from(self.count).ok()?;
        let script = Script::plain(count, self.takes, self.per_task);
        let shot = script.shots.get(shot_index)?;
        Some(make(shot, Variant(0), None))
    }
}

/// What a script asks for, worked out.
pub(super) struct Edition(pub(super) Vec<(usize, Wanted)>);

impl Edition {
    /// Works out what a script asks for, with the numbers that its variants had before.
    pub(super) fn of(script: &Script, numbers: &Numbers) -> Self {
        let mut wanted = Vec::new();
        for (index, shot) in script.shots.iter().enumerate() {
            let variants = shot.variants(numbers.of(&shot.id())).into_iter();
            wanted.extend(variants.map(|(variant, look)| (index, make(shot, variant, look))));
        }
        Self(wanted)
    }

    /// Gives the variants of a shot.
    pub(super) fn of_shot(&self, index: usize) -> Vec<Wanted> {
        let all = self.0.iter().filter(|(at, _)| *at == index);
        all.map(|(_, wanted)| wanted.clone()).collect()
    }
}

impl Orders for Edition {
    fn wanted(&self, shot_index: usize, variant: Variant) -> Option<Wanted> {
        let mut all = self.0.iter();
        let found = all.find(|(index, wanted)| *index == shot_index && wanted.variant == variant);
        found.map(|(_, wanted)| wanted.clone())
    }
}

fn make(shot: &ShotText, variant: Variant, look: Option<u64>) -> Wanted {
    let id = shot.id();
    let prompt: Arc<str> = shot.prompt(look).into();
    let reference = shot.reference.map(reference);
    let key = shot.key(look);
    let parts = KeyParts {
        prompt: format!("{}", shot.revision),
        references: String::new(),
        settings: String::new(),
    };
    Wanted {
        shot: id.clone(),
        episode: None,
        sequence: shot.sequence.map(|number| format!("q{number}")),
        variant,
        values: look
            .map(|look| (AXIS.to_owned(), look.to_string()))
            .into_iter()
            .collect(),
        place: Place {
            file: FileNo(0),
            start: 0,
            end: 0,
            cell: None,
        },
        status: shot.status,
        takes: shot.takes,
        results_per_task: shot.per_task,
        preset: "board".to_owned(),
        characters: Vec::new(),
        template: Arc::clone(&prompt),
        request: Request {
            model: &KLING_IMAGE_O1,
            prompt,
            size: AskedSize::Exact(1024, 1024),
            format: Format::Jpg,
            quality: 95,
            safety: Safety::Off,
            references: reference.into_iter().collect(),
            transfer: ReferenceTransfer::Upload,
            delivery: shot.delivery,
            output: if shot.inline {
                Output::Base64
            } else {
                Output::Url
            },
            ttl: None,
            webhook_url: None,
            upload_endpoint: None,
        },
        key,
        parts,
        name: FileName::new(vec![
            NamePart::Text(format!("{id}_{variant}_v")),
            NamePart::Take(3),
            NamePart::Text(".".to_owned()),
            NamePart::Extension,
        ]),
        kept: Vec::new(),
    }
}

fn reference(number: u64) -> SentReference {
    let shown = format!("faces/{number}.png");
    SentReference {
        image: SentImage::File {
            path: shown.clone(),
            sha256: Sha256::of(shown.as_bytes()),
            shown,
            media_type: "image/png",
        },
        role: None,
        scope: None,
        entry: None,
        marker: "<<<image_1>>>".to_owned(),
    }
}
