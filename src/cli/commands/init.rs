//! What `reshoot init` writes: a show that can be checked, planned and rehearsed as it stands.

use std::path::Path;

use serde_json::json;

use crate::cli::args::Init;
use crate::cli::commands::print;
use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;
use crate::domain::id::ShowId;
use crate::guide::json::{FILE, schema};

/// The most letters and digits of a show's code, which opens every file name.
const CODE_LENGTH: usize = 8;

/// Makes a new show; a file that is there already stops it before anything is written.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn init(args: &Init, streams: &Streams) -> Result<Exit, Stopped> {
    let folder = &args.folder;
    let named = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
    let name = named
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let id = ShowId::new(&uuid::Uuid::new_v4().to_string());
    let files = files(&id, &name);
    if let Some((path, _)) = files.iter().find(|(path, _)| folder.join(path).exists()) {
        let there = folder.join(path);
        streams.insist(&format!(
            "error: {} is there already; name another folder\n",
            there.display()
        ));
        return Err(Exit::Usage);
    }
    for (path, content) in &files {
        write_new(&folder.join(path), content).map_err(|error| {
            streams.insist(&format!(
                "error: {}: {error}\n",
                folder.join(path).display()
            ));
            Exit::Unexpected
        })?;
        streams.say(&format!("made {}\n", folder.join(path).display()));
    }
    let manifest = folder.join("show.toml");
    streams.say(&format!(
        "Try it with play money: reshoot run {} --rehearse\n",
        manifest.display()
    ));
    if streams.json {
        let made: Vec<_> = files.iter().map(|(path, _)| folder.join(path)).collect();
        let shown =
            json!({ "format": 1, "manifest": manifest, "show_id": id.as_str(), "made": made });
        return print(streams, &format!("{shown:#}\n"));
    }
    Ok(Exit::Done)
}

fn write_new(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?;
    file.write_all(content)
}

/// Gives the files of a new show, each by its path below the show's folder.
///
/// `folder` is the folder's name; the show's title and code are made of it.
#[must_use]
pub fn files(show: &ShowId, folder: &str) -> Vec<(&'static str, Vec<u8>)> {
    let folder: String = folder.chars().filter(|c| !c.is_control()).collect();
    let title = if folder.trim().is_empty() {
        "Untitled"
    } else {
        folder.trim()
    };
    let manifest = include_str!("init/show.toml")
        .replace("@ID@", &quoted(show.as_str()))
        .replace("@CODE@", &quoted(&code(title)))
        .replace("@TITLE@", &quoted(title));
    vec![
        ("show.toml", manifest.into_bytes()),
        ("bible/cast.toml", include_bytes!("init/cast.toml").to_vec()),
        (
            "bible/robin/face.png",
            include_bytes!("init/face.png").to_vec(),
        ),
        ("shots/shots.csv", include_bytes!("init/shots.csv").to_vec()),
        (FILE, schema().into_bytes()),
        (".gitignore", b"/out/\n/out-rehearsal/\n".to_vec()),
    ]
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Makes a code of a title, such as `AGREYMOR` of `A Grey Morning`.
fn code(title: &str) -> String {
    let fit = title
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(CODE_LENGTH);
    let code: String = fit.map(|c| c.to_ascii_uppercase()).collect();
    if code.is_empty() {
        "SHOW".to_owned()
    } else {
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_show_is_sound_whatever_its_folder_is_called() {
        for folder in ["a grey morning", "", "\"x\\\n'", "灰色の朝", "@ID@"] {
            let temp = tempfile::tempdir().expect("a folder");
            for (path, bytes) in files(&ShowId::new("7f6c1c6e"), folder) {
                let path = temp.path().join(path);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                std::fs::write(path, bytes).expect("written");
            }
            let wanted = crate::intake::shows::wanted(&temp.path().join("show.toml"));
            assert_eq!(wanted.len(), 3);
            let prompt = &wanted[2].request.prompt;
            assert!(prompt.contains("Robin <<<image_1>>> laughs"), "{prompt}");
        }
    }

    #[test]
    fn codes_are_short_and_safe() {
        assert_eq!(code("A Grey Morning"), "AGREYMOR");
        assert_eq!(code("灰色"), "SHOW");
    }
}
