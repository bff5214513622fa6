use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;
use crate::domain::diagnostic::FileNo;
use crate::expand::tests::fixture::png;
use crate::manifest::read::{Options, Outcome, read};

struct Scene {
    _temp: tempfile::TempDir,
    show: PathBuf,
    aside: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a folder");
        let (show, aside) = (temp.path().join("show"), temp.path().join("aside"));
        fs::create_dir_all(show.join("bible")).expect("a folder");
        fs::create_dir_all(&aside).expect("a folder");
        Self {
            _temp: temp,
            show,
            aside,
        }
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.show.join(path), bytes).expect("written");
    }

    fn read(&self) -> (Outcome, Folder) {
        let path = self.show.join("show.toml");
        let path = path.to_str().expect("UTF-8");
        let mut folder = Folder::of(path).expect("the folder");
        let text = Folder::manifest(path).expect("the manifest");
        (read(text, &mut folder, &Options::default()), folder)
    }

    fn gather(&self) -> Vec<(u32, String, Result<String, Unusable>)> {
        let (outcome, folder) = self.read();
        let manifest = outcome.manifest.expect("a sound manifest");
        let facts = gather(&manifest, &folder).0.into_iter();
        let told = |facts: Facts| format!("{} {}x{}", facts.shown, facts.width, facts.height);
        let mut facts: Vec<_> = facts
            .map(|(named, facts)| (named.by.0, named.path, facts.map(told)))
            .collect();
        facts.sort_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        facts
    }
}

const SHOTS: &str = r#"
include = ["bible/cast.toml"]
[[shots]]
id = "0010"
prompt = "a door"
references = ["door.png", "bible/../door.png", "https://a.example/x.png"]
"#;

#[test]
fn every_file_is_looked_at_from_the_text_that_names_it() {
    let scene = Scene::new();
    scene.write("show.toml", SHOTS);
    scene.write(
        "bible/cast.toml",
        "[characters.mira]\nreferences = [\"face.png\", \"../door.png\"]\n\
         wardrobe.rain.references = [\"rain.png\"]\n",
    );
    scene.write("door.png", png(300, 400, 1));
    scene.write("bible/face.png", png(512, 512, 2));
    let facts = scene.gather();
    let sound = |shown: &str| Ok(shown.to_owned());
    let expected = [
        (0, "bible/../door.png", sound("door.png 300x400")),
        (0, "door.png", sound("door.png 300x400")),
        (1, "../door.png", sound("door.png 300x400")),
        (1, "face.png", sound("bible/face.png 512x512")),
        (1, "rain.png", Err(Unusable::Missing)),
    ];
    assert_eq!(
        facts,
        expected.map(|(by, path, told)| (by, path.to_owned(), told))
    );
}

#[test]
fn what_cannot_be_used_is_told_apart() {
    let scene = Scene::new();
    let names = [
        "text.png",
        "folder",
        "link.png",
        "out.png",
        "../aside/far.png",
        "pipe",
        "huge.png",
        "/dev/null",
    ];
    let list = names.map(|name| format!("{name:?}")).join(", ");
    scene.write(
        "show.toml",
        format!("[[shots]]\nprompt = \"a door\"\nreferences = [{list}]\n"),
    );
    scene.write("text.png", "hello");
    scene.write("real.png", png(300, 300, 1));
    fs::create_dir(scene.show.join("folder")).expect("a folder");
    symlink("real.png", scene.show.join("link.png")).expect("a link");
    fs::write(scene.aside.join("far.png"), png(300, 300, 1)).expect("written");
    symlink(scene.aside.join("far.png"), scene.show.join("out.png")).expect("a link");
    let made = std::process::Command::new("mkfifo")
        .arg(scene.show.join("pipe"))
        .status();
    assert!(made.expect("mkfifo").success());
    let huge = File::create(scene.show.join("huge.png")).expect("a file");
    huge.set_len(LARGEST + 1).expect("sparse");
    let facts: HashMap<String, Result<String, Unusable>> = scene
        .gather()
        .into_iter()
        .map(|(_, path, told)| (path, told))
        .collect();
    assert_eq!(
        facts["text.png"],
        Err(Unusable::NotAnImage("plain text".to_owned()))
    );
    assert_eq!(
        facts["folder"],
        Err(Unusable::Unreadable("it is a folder".to_owned()))
    );
    assert_eq!(facts["link.png"], Ok("link.png 300x300".to_owned()));
    assert_eq!(facts["out.png"], Err(Unusable::Outside));
    assert_eq!(facts["../aside/far.png"], Err(Unusable::Outside));
    assert_eq!(
        facts["pipe"],
        Err(Unusable::Unreadable("it is not a regular file".to_owned()))
    );
    assert_eq!(facts["huge.png"], Err(Unusable::Huge(LARGEST + 1)));
    assert_eq!(facts["/dev/null"], Err(Unusable::Outside));
}

#[test]
fn texts_are_read_below_the_folder_alone_and_shown_under_one_path() {
    let scene = Scene::new();
    scene.write("show.toml", "include = [\"bible/./cast.toml\", \"bible/cast.toml\", \"../aside/x.toml\"]\n[[shots]]\nprompt = \"a door\"\n");
    scene.write("bible/cast.toml", "");
    fs::write(scene.aside.join("x.toml"), "").expect("written");
    let (outcome, _) = scene.read();
    let codes: Vec<&str> = outcome
        .complaints
        .iter()
        .map(|complaint| complaint.code)
        .collect();
    assert!(codes.contains(&"included-twice"), "{codes:?}");
    let outside = outcome
        .complaints
        .iter()
        .any(|c| c.message.contains("outside"));
    assert!(outside, "{:?}", outcome.complaints);
    let cast = outcome.sources.get(FileNo(1)).expect("the bible");
    assert!(cast.path.ends_with("show/bible/cast.toml"), "{}", cast.path);
}
