//! The way in: texts are asked for, a manifest and every complaint are given back.

use crate::domain::diagnostic::{Diagnostic, FileNo, Place, Placed, SourceText, Sources};
use crate::manifest::draft::Draft;
use crate::manifest::model::{Faulty, LeftOut, Manifest, Show};
use crate::manifest::set;
use crate::manifest::settings::Layer;
use crate::manifest::sheet;
use crate::manifest::shots::Shots;
use crate::manifest::shown::shown;
use crate::manifest::table::mapping::Mapping;
use crate::manifest::table::survey::Survey;
use crate::manifest::table::{self, Listed};
use crate::manifest::text;
use crate::manifest::told;
use crate::manifest::toml;

/// Gives the texts that a manifest names.
pub trait Texts {
    /// Reads the text at `path`, which is relative to the folder of the text shown as `by`.
    ///
    /// # Errors
    /// Says why there is no such text.
    fn read(&mut self, by: &str, path: &str) -> Result<Text, TextError>;

    /// Finds the path that is meant by one that leads nowhere, where that can be told.
    fn nearly(&mut self, _by: &str, _path: &str) -> Option<String> {
        None
    }
}

/// A file's bytes, under the path it is shown by.
#[derive(Clone)]
pub struct Text {
    /// The path as it is shown, by which this process could open it too; one file has one.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a text cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It leads out of the folder of the manifest.
    #[error("it lies outside of the show's folder")]
    Outside,
    /// It cannot be read; the operating system's reason.
    #[error("{0}")]
    Unreadable(String),
}

/// What the command line says about reading.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--encoding`: how shot lists without a byte order mark are encoded.
    pub encoding: Option<String>,
    /// Every `--set`, in order.
    pub set: Vec<String>,
    /// `--columns`: whether the columns of shot lists are to be surveyed.
    pub survey: bool,
}

/// What came of reading a manifest.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The manifest with its sound shots; none if anything but single shots is wrong.
    ///
    /// Whether it may be used although shots were left out is for the caller to say
    /// (`--skip-invalid`).
    pub manifest: Option<Manifest>,
    /// What could be read of a manifest that is wrong, if no text or table of it is missing.
    ///
    /// Good for finding more complaints in the same go, never for buying.
    pub partial: Option<Manifest>,
    /// Every text that was read, to draw complaints with; the manifest itself is number 0.
    pub sources: Sources,
    /// Every complaint: errors, warnings and notes, in the order of files and places.
    pub complaints: Vec<Diagnostic>,
    /// The shots that were left out of the manifest, each with an error among the complaints.
    pub left_out: Vec<LeftOut>,
    /// What could be read of them.
    pub faulty: Vec<Faulty>,
    /// What became of the columns of each shot list, if that was asked for.
    pub surveys: Vec<Survey>,
}

/// The template of file names when `show.name` is left out.
pub const DEFAULT_NAME: &str = "{episode}/{sequence}/{shot}/\
    {show}_{episode}_{sequence}_{shot}_{preset}<_{variant:02}>_v{take:03}.{ext}";

/// The output folder when `show.output` is left out.
pub const DEFAULT_OUTPUT: &str = "out";

/// The flag whose values are texts of their own, as complaints name it.
pub const SET: &str = "--set";

/// The flag that names an encoding, as complaints name it.
pub const ENCODING: &str = "--encoding";

/// Reads a manifest and every text it names.
pub fn read(root: Text, texts: &mut dyn Texts, options: &Options) -> Outcome {
    let mut reading = Reading {
        texts,
        sources: Sources::default(),
        seen: Vec::new(),
        draft: Draft::default(),
        complaints: Vec::new(),
        encoding: None,
        is_surveyed: options.survey,
        surveys: Vec::new(),
    };
    if let Some(name) = &options.encoding {
        reading.encoding = text::encoding(name, &mut reading.complaints);
    }
    let stem = stem(sheet::split(&root.path).0).to_owned();
    let mut list = None;
    match kind(&root.path) {
        Kind::Toml => reading.toml(root, None),
        Kind::Table | Kind::Workbook => {
            let path = root.path.clone();
            list = reading.decode(root, None);
            reading.companion(sheet::split(&path).0);
        }
        Kind::Unknown => reading.complaints.push(told::unknown_kind(&root.path)),
    }
    let set = reading.set(&options.set);
    reading.lists(list, &set);
    reading.finish(&stem, set)
}

struct Reading<'t> {
    texts: &'t mut dyn Texts,
    sources: Sources,
    /// The shown path of every text, with who named it.
    seen: Vec<(String, Option<Place>)>,
    draft: Draft,
    complaints: Vec<Diagnostic>,
    encoding: Option<&'static encoding_rs::Encoding>,
    is_surveyed: bool,
    surveys: Vec<Survey>,
}

impl Reading<'_> {
    /// Reads a TOML text and whatever it includes.
    fn toml(&mut self, root: Text, named: Option<Place>) {
        self.seen.push((root.path.clone(), named));
        let (file, text) = text::decode(
            root.path,
            root.bytes,
            None,
            &mut self.sources,
            &mut self.complaints,
        );
        match text {
            Some(text) => toml::read(file, &text, &mut self.draft, &mut self.complaints),
            None => self.draft.has_gaps = true,
        }
        for include in std::mem::take(&mut self.draft.includes) {
            let Some(text) = self.fetch(&include) else {
                continue;
            };
            if kind(&include.value) == Kind::Toml {
                self.toml(text, include.place);
            } else {
                let message = format!("{} does not end in `.toml`", shown(&include.value));
                let complaint = Diagnostic::error("unknown-file-kind", message);
                let help = "name shot lists under `[show]`: `shots = [\"ep104.csv\"]`";
                self.complaints.push(complaint.at(include.place).help(help));
            }
        }
    }

    /// Asks for a text that another one names; each is read once.
    fn fetch(&mut self, path: &Placed<String>) -> Option<Text> {
        let by = path.place.and_then(|place| self.sources.get(place.file));
        let by = by.map(|source| source.path.clone()).unwrap_or_default();
        let (by, _) = sheet::split(&by);
        let (file, sheet) = sheet::split(&path.value);
        match self.texts.read(by, file) {
            Ok(mut text) => {
                if let Some(sheet) = sheet {
                    text.path = format!("{}#{sheet}", text.path);
                }
                let former = self.seen.iter().find(|(seen, _)| *seen == text.path);
                let Some((_, former)) = former else {
                    return Some(text);
                };
                let message = format!("{} is read already", shown(&path.value));
                let is_same_file =
                    |place: &Place| path.place.is_some_and(|at| at.file == place.file);
                let help = if text.path == by {
                    "take it out: a file does not include itself"
                } else if former.as_ref().is_some_and(is_same_file) {
                    "take one of the two out"
                } else {
                    "take it out here: a file is read once, whichever file names it"
                };
                self.complaints.push(
                    Diagnostic::error("included-twice", message)
                        .at(path.place)
                        .help(help)
                        .related(*former, "named here too"),
                );
                None
            }
            Err(why) => {
                self.draft.has_gaps = true;
                let message = format!("{} cannot be used: {why}", shown(&path.value));
                let near = match why {
                    TextError::Missing => self.texts.nearly(by, &path.value),
                    TextError::Outside | TextError::Unreadable(_) => None,
                };
                let help = near.map_or_else(
                    || told::mend_path(&path.value, &why),
                    |near| format!("write `{near}`"),
                );
                let complaint = Diagnostic::error("file-not-found", message).at(path.place);
                self.complaints.push(complaint.help(help));
                None
            }
        }
    }

    /// Reads the `presets.toml` or `show.toml` beside a shot list, if there is one.
    fn companion(&mut self, list: &str) {
        for name in ["presets.toml", "show.toml"] {
            match self.texts.read(list, name) {
                Ok(text) => {
                    let path = text.path.clone();
                    self.toml(text, None);
                    self.leave_shots(&path);
                    return;
                }
                Err(TextError::Missing) => {}
                Err(why) => {
                    self.draft.has_gaps = true;
                    let message = format!("`{name}` beside the shot list cannot be used: {why}");
                    let complaint = Diagnostic::error("file-not-found", message).in_file(list);
                    self.complaints
                        .push(complaint.help("mend it, or take it out of the folder"));
                    return;
                }
            }
        }
    }

    /// Drops the shots of a companion: the list given is the one that is meant.
    fn leave_shots(&mut self, path: &str) {
        let own = std::mem::take(&mut self.draft.shots);
        let lists = std::mem::take(&mut self.draft.show.shots);
        let some = !own.sound.is_empty() || !own.left_out.is_empty() || !lists.is_empty();
        let message = if some {
            format!("settings are taken from {path}, its own shots are not")
        } else {
            format!("settings are taken from {path}")
        };
        self.complaints
            .push(Diagnostic::note("settings-beside", message));
    }

    /// Reads every `--set`, each a text of its own so that complaints can point at it.
    fn set(&mut self, set: &[String]) -> Layer {
        let mut layer = Layer::default();
        for text in set {
            let file = self.sources.add(SET.to_owned(), text.as_str());
            let place = Place {
                file,
                start: 0,
                end: u32::try_from(text.len()).unwrap_or(u32::MAX),
                cell: None,
            };
            set::apply(text, place, &mut layer, &mut self.complaints);
        }
        layer
    }

    /// Reads the shot lists: the one that is the manifest, and those that it names.
    fn lists(&mut self, given: Option<(FileNo, SourceText)>, set: &Layer) {
        let columns = std::mem::take(&mut self.draft.columns);
        let statuses = std::mem::take(&mut self.draft.statuses);
        let mut mapping = Mapping::new(columns, statuses, &mut self.complaints);
        let mut any = given.is_some();
        if let Some((file, text)) = given {
            self.table(file, &text, &mut mapping, set);
        }
        for list in std::mem::take(&mut self.draft.show.shots) {
            if kind(&list.value) == Kind::Unknown {
                let complaint = told::unknown_kind(&list.value).at(list.place);
                self.complaints.push(complaint);
                continue;
            }
            let Some(text) = self.fetch(&list) else {
                continue;
            };
            if kind(&list.value) == Kind::Toml {
                self.toml(text, list.place);
                continue;
            }
            any = true;
            if let Some((file, text)) = self.decode(text, list.place) {
                self.table(file, &text, &mut mapping, set);
            }
        }
        if any {
            self.complaints.extend(mapping.unused());
        }
    }

    fn table(&mut self, file: FileNo, text: &SourceText, mapping: &mut Mapping, set: &Layer) {
        let (draft, complaints) = (&mut self.draft, &mut self.complaints);
        let from = complaints.len();
        let list = Listed {
            file,
            text,
            is_sheet: self.sources.get(file).is_some_and(|source| source.is_sheet),
            is_surveyed: self.is_surveyed,
        };
        let read = table::read(list, mapping, &mut draft.shots, complaints);
        self.sources.set_shape(file, read.shape);
        self.surveys.extend(read.survey);
        let is_read = !complaints[from..].iter().any(Diagnostic::is_error);
        if is_read && !draft.has_prompt() && set.prompt.is_none() {
            complaints.extend(told::no_prompts(file, &read.prompts));
        }
    }

    /// Decodes a shot list; complaints about its bytes name their cell.
    fn decode(&mut self, list: Text, named: Option<Place>) -> Option<(FileNo, SourceText)> {
        self.seen.push((list.path.clone(), named));
        if kind(&list.path) == Kind::Workbook {
            return self.sheet(&list, named);
        }
        let from = self.complaints.len();
        let (file, text) = text::decode(
            list.path,
            list.bytes,
            self.encoding,
            &mut self.sources,
            &mut self.complaints,
        );
        if text.is_none() {
            self.locate_cells(file, from);
        }
        Some((file, text?))
    }

    /// Reads a sheet of a workbook.
    fn sheet(&mut self, list: &Text, named: Option<Place>) -> Option<(FileNo, SourceText)> {
        let (path, name) = sheet::split(&list.path);
        match sheet::read(&list.bytes, name) {
            Ok(read) => {
                let shown = format!("{path}#{}", read.name);
                let former = self
                    .seen
                    .iter()
                    .find(|(seen, _)| *seen == shown && list.path != shown);
                if let Some((_, former)) = former {
                    let message = format!("{} is read already", self::shown(&shown));
                    self.complaints.push(
                        Diagnostic::error("included-twice", message)
                            .at(named)
                            .help("name every sheet once")
                            .related(*former, "named here too"),
                    );
                    return None;
                }
                self.seen.push((shown.clone(), named));
                let text = SourceText::from(read.text);
                let file = self.sources.add_sheet(shown, text.clone());
                for (code, message) in read.notes {
                    self.complaints
                        .push(Diagnostic::note(code, message).at(told::whole(file)));
                }
                Some((file, text))
            }
            Err(fault) => {
                let file = self.sources.add(list.path.clone(), "");
                let complaint = fault.complaint(name);
                let place = named.unwrap_or(told::whole(file));
                self.complaints.push(complaint.at(place));
                None
            }
        }
    }

    /// Adds the cell to complaints about the bytes of a table.
    fn locate_cells(&mut self, file: FileNo, from: usize) {
        let Some(source) = self.sources.get(file) else {
            return;
        };
        for complaint in &mut self.complaints[from..] {
            if let Some(place) = &mut complaint.place
                && let Ok(at) = usize::try_from(place.start)
            {
                place.cell = table::cell_at(&source.text, at);
            }
        }
    }

    fn finish(mut self, stem: &str, set: Layer) -> Outcome {
        let mut shots = std::mem::take(&mut self.draft.shots);
        self.complaints.extend(told::numbering(&shots.numbered));
        let broken = self.complaints.iter().any(Diagnostic::is_error);
        if !self.draft.has_gaps {
            self.complaints.extend(self.draft.unused_sequences(&shots));
        }
        if shots.is_empty() && !broken {
            let complaint = Diagnostic::warning("no-shots", "there are no shots");
            let complaint = complaint.at(told::whole(FileNo(0)));
            let help = "write shots below the header, or a `[[shots]]` for each into the manifest";
            self.complaints.push(complaint.help(help));
        }
        if shots.numbered.len() <= 1 {
            // Lists without ids number their shots alike; that is said once, not shot by shot.
            shots.take_out_clashes();
        }
        let mut complaints = self.complaints;
        complaints.append(&mut shots.complaints);
        complaints.sort_by_key(|complaint| complaint.place);
        let warnings = complaints.iter().filter(|c| !c.is_error()).cloned();
        let warnings = warnings.collect();
        let gaps = self.draft.has_gaps;
        let read = assemble(
            self.draft,
            self.sources.clone(),
            shots.sound,
            stem,
            set,
            warnings,
        );
        let (manifest, partial) = match (broken, gaps) {
            (false, _) => (Some(read), None),
            (true, false) => (None, Some(read)),
            (true, true) => (None, None),
        };
        Outcome {
            manifest,
            partial,
            sources: self.sources,
            complaints,
            left_out: shots.left_out,
            faulty: shots.faulty,
            surveys: self.surveys,
        }
    }
}

fn assemble(
    draft: Draft,
    sources: Sources,
    shots: Shots,
    stem: &str,
    set: Layer,
    warnings: Vec<Diagnostic>,
) -> Manifest {
    let built_in = |text: &str| Placed::built_in(text.to_owned());
    let show = draft.show;
    Manifest {
        sources,
        show: Show {
            id: show.id,
            code: show.code.unwrap_or_else(|| built_in(stem)),
            title: show.title,
            output: show.output.unwrap_or_else(|| built_in(DEFAULT_OUTPUT)),
            name: show.name.unwrap_or_else(|| built_in(DEFAULT_NAME)),
        },
        budget: draft.budget,
        run: draft.run,
        defaults: draft.defaults,
        presets: draft.presets,
        characters: draft.bible.characters,
        locations: draft.bible.locations,
        props: draft.bible.props,
        looks: draft.bible.looks,
        sequences: draft.sequences,
        set,
        shots,
        warnings,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Toml,
    Table,
    Workbook,
    Unknown,
}

fn kind(path: &str) -> Kind {
    let (file, _) = sheet::split(path);
    if sheet::is_workbook(file) {
        return Kind::Workbook;
    }
    match path
        .rsplit_once('.')
        .map(|(_, end)| end.to_ascii_lowercase())
    {
        Some(end) if end == "toml" => Kind::Toml,
        Some(end) if end == "csv" || end == "tsv" => Kind::Table,
        _ => Kind::Unknown,
    }
}

/// Gives the name of a file without folder and extension.
fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
