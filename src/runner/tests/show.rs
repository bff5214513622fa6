//! A small show for the simulated world.

use std::sync::Arc;

use crate::domain::diagnostic::{FileNo, Place};
use crate::domain::digest::Sha256;
use crate::domain::id::{Key, ShotId, Variant};
use crate::expand::profile::KLING_IMAGE_O1;
use crate::expand::request::{AskedSize, Request};
use crate::expand::wanted::{FileName, KeyParts, NamePart, Wanted};
use crate::manifest::model::Status;
use crate::manifest::settings::{Delivery, Format, Output, ReferenceTransfer, Safety};
use crate::runner::order::Orders;

/// Shots that each want the same number of takes.
pub(super) struct Shots {
    pub(super) count: usize,
    pub(super) takes: u32,
    pub(super) per_task: u32,
}

impl Orders for Shots {
    fn wanted(&self, shot_index: usize, variant: Variant) -> Option<Wanted> {
        (shot_index < self.count).then(|| self.make(shot_index, variant))
    }
}

impl Shots {
    fn make(&self, index: usize, variant: Variant) -> Wanted {
        let id = format!("s{index:03}");
        let prompt: Arc<str> = format!("shot {index}").into();
        let key = Key(Sha256::of(prompt.as_bytes()));
        let parts = KeyParts {
            prompt: key.0.short(),
            references: String::new(),
            settings: String::new(),
        };
        Wanted {
            shot: ShotId::new(&id),
            episode: None,
            sequence: None,
            variant,
            values: Vec::new(),
            place: Place {
                file: FileNo(0),
                start: 0,
                end: 0,
                cell: None,
            },
            status: Status::Todo,
            takes: self.takes,
            results_per_task: self.per_task,
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
                references: Vec::new(),
                transfer: ReferenceTransfer::Upload,
                delivery: Delivery::Async,
                output: Output::Url,
                ttl: None,
                webhook_url: None,
                upload_endpoint: None,
            },
            key,
            parts,
            name: FileName::new(vec![
                NamePart::Text(format!("{id}_v")),
                NamePart::Take(3),
                NamePart::Text(".".to_owned()),
                NamePart::Extension,
            ]),
            kept: Vec::new(),
        }
    }
}
