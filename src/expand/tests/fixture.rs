//! Manifests built by hand, for the tests of this room.

use std::collections::BTreeMap;

use crate::domain::diagnostic::{FileNo, Place, Placed, Sources};
use crate::domain::digest::Sha256;
use crate::domain::id::ShotId;
use crate::expand::facts::{Facts, Named, ReferenceFacts, Unusable};
use crate::expand::naming;
use crate::manifest::model::{
    Budget, Entry, Image, Manifest, Preset, Reference, RunSettings, Shot, Show, Status, Variants,
};
use crate::manifest::settings::Layer;
use crate::manifest::shots::Shots;

/// A picture of this size as far as its header and its end go.
pub(crate) fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0, seed]);
    bytes.extend(b"\0\0\0\0IEND\xaeB\x60\x82");
    bytes
}

/// Places count up, so that no two are equal.
pub(crate) struct Bench {
    pub(crate) manifest: Manifest,
    pub(crate) facts: ReferenceFacts,
    next: u32,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let mut sources = Sources::default();
        let file = sources.add("show.toml".to_owned(), "");
        assert_eq!(file, FileNo(0));
        let manifest = Manifest {
            sources,
            show: Show {
                id: None,
                code: Placed::built_in("AGM".to_owned()),
                title: None,
                output: Placed::built_in("out".to_owned()),
                name: Placed::built_in(naming::DEFAULT.to_owned()),
            },
            budget: Budget::default(),
            run: RunSettings::default(),
            defaults: Layer::default(),
            presets: BTreeMap::new(),
            characters: BTreeMap::new(),
            locations: BTreeMap::new(),
            props: BTreeMap::new(),
            looks: BTreeMap::new(),
            sequences: BTreeMap::new(),
            set: Layer::default(),
            shots: Shots::default(),
            warnings: Vec::new(),
        };
        Self {
            manifest,
            facts: ReferenceFacts::default(),
            next: 0,
        }
    }

    pub(crate) fn place(&mut self) -> Place {
        self.next += 1;
        Place {
            file: FileNo(0),
            start: self.next,
            end: self.next,
            cell: None,
        }
    }

    pub(crate) fn text(&mut self, text: &str) -> Placed<String> {
        let place = self.place();
        Placed::at(text.to_owned(), place)
    }

    pub(crate) fn texts(&mut self, texts: &[&str]) -> Vec<Placed<String>> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    /// A reference to a file whose bytes are `bytes`, 512 pixels a side.
    pub(crate) fn file(&mut self, path: &str, role: &str, bytes: &str) -> Reference {
        let facts = Facts {
            path: format!("/show/{path}"),
            shown: path.to_owned(),
            sha256: Sha256::of(bytes.as_bytes()),
            bytes: 1000,
            width: 512,
            height: 512,
            media_type: "image/png",
        };
        self.facts.0.insert(named(path), Ok(facts));
        self.reference(path, role)
    }

    pub(crate) fn reference(&mut self, path: &str, role: &str) -> Reference {
        let place = self.place();
        Reference {
            image: Placed::at(Image::File(path.to_owned()), place),
            role: (!role.is_empty()).then(|| Placed::at(role.to_owned(), place)),
            scope: None,
        }
    }

    pub(crate) fn measure(&mut self, path: &str, width: u32, height: u32, bytes: u64) {
        let facts = self
            .facts
            .0
            .get_mut(&named(path))
            .expect("a file")
            .as_mut()
            .expect("facts");
        (facts.width, facts.height, facts.bytes) = (width, height, bytes);
    }

    pub(crate) fn spoil(&mut self, path: &str, why: Unusable) {
        self.facts.0.insert(named(path), Err(why));
    }

    pub(crate) fn entry(&mut self, text: &str, references: Vec<Reference>) -> Entry {
        let place = self.place();
        Entry {
            place,
            name: None,
            text: (!text.is_empty()).then(|| Placed::at(text.to_owned(), place)),
            keep: None,
            references,
            wardrobe: BTreeMap::new(),
        }
    }

    /// Adds a shot whose id may hold an episode and a sequence, and gives its layer.
    pub(crate) fn shot(&mut self, id: &str, prompt: &str) -> &mut Layer {
        let id_place = self.place();
        let mut parts: Vec<&str> = id.split('/').collect();
        let name = parts.pop().unwrap_or_default().to_owned();
        let layer = Layer {
            prompt: (!prompt.is_empty()).then(|| self.text(prompt)),
            ..Layer::default()
        };
        let place = self.place();
        self.manifest.shots.push(Shot {
            id: Placed::at(ShotId::new(id), id_place),
            sequence: parts.pop().map(str::to_owned),
            episode: parts.pop().map(str::to_owned),
            name,
            place,
            status: Status::Todo,
            layer,
            variants: Variants::default(),
            kept: Vec::new(),
        });
        &mut self.manifest.shots.last_mut().expect("just pushed").layer
    }

    /// Gives a shot to be changed.
    pub(crate) fn written(&mut self, at: usize) -> &mut Shot {
        self.manifest.shots.get_mut(at).expect("a shot")
    }

    pub(crate) fn cast(&mut self, names: &[&str]) {
        let names = self.texts(names);
        self.manifest
            .shots
            .last_mut()
            .expect("a shot")
            .layer
            .characters = Some(names);
    }

    pub(crate) fn preset(&mut self, name: &str, layer: Layer) {
        let place = Some(self.place());
        let preset = Preset {
            place,
            extends: None,
            layer,
        };
        self.manifest.presets.insert(name.to_owned(), preset);
    }

    /// The cast of most tests: Mira with face, body and a raincoat, Otto with a face.
    pub(crate) fn with_cast() -> Self {
        let mut show = Self::new();
        let face = show.file("mira/face.png", "face", "mira face");
        let body = show.file("mira/body.png", "body", "mira body");
        let rain = show.file("mira/rain.png", "body", "mira rain");
        let mut mira = show.entry("woman of 30, black bob", vec![body, face]);
        mira.name = Some(show.text("Mira"));
        mira.keep = Some(show.text("silver hoop earrings"));
        mira.wardrobe
            .insert("rain".to_owned(), show.entry("yellow raincoat", vec![rain]));
        show.manifest.characters.insert("mira".to_owned(), mira);
        let face = show.file("otto.png", "face", "otto face");
        let mut otto = show.entry("", vec![face]);
        otto.name = Some(show.text("Otto"));
        show.manifest.characters.insert("otto".to_owned(), otto);
        let pier = show.file("pier.png", "place", "pier");
        let pier = show.entry("wooden fishing pier", vec![pier]);
        show.manifest.locations.insert("pier".to_owned(), pier);
        let dusk = show.entry("Blue hour, long shadows.", vec![]);
        show.manifest.looks.insert("dusk".to_owned(), dusk);
        show
    }
}

pub(crate) fn named(path: &str) -> Named {
    Named {
        by: FileNo(0),
        path: path.to_owned(),
    }
}
