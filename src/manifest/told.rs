//! Complaints about whole files of a manifest.

use crate::domain::diagnostic::{Diagnostic, FileNo, Place};
use crate::manifest::read::TextError;
use crate::manifest::shown::shown;
use crate::manifest::table::Prompts;

/// Says what to do about a path that leads to no text.
pub(super) fn mend_path(path: &str, why: &TextError) -> String {
    let help = match why {
        TextError::Outside => "copy it into the show's folder, and write its path from there",
        TextError::Unreadable(why) if why.contains("folder") => "name the files in it one by one",
        _ if path.chars().any(char::is_control) => {
            "write `/` between folders: `\\` before a letter means something else"
        }
        _ => "mend the path: it is relative to the file that names it",
    };
    help.to_owned()
}

/// Tells about lists without ids; two of them would number their shots alike.
pub(super) fn numbering(lists: &[Place]) -> Option<Diagnostic> {
    let (first, rest) = lists.split_first()?;
    let Some(second) = rest.first() else {
        return Some(numbered(*first));
    };
    let complaint = Diagnostic::error("missing-ids", "two lists of shots have no ids");
    Some(
        complaint
            .at(*second)
            .help("add an `id` to the shots of one of them")
            .related(Some(*first), "the other one"),
    )
}

fn numbered(list: Place) -> Diagnostic {
    let message = "the shots have no ids, so they are numbered in order: `0010`, `0020`, …";
    let what = if list.cell.is_some() {
        "add a column `id`"
    } else {
        "give each shot an `id`"
    };
    Diagnostic::note("numbered-shots", message)
        .at(whole(list.file))
        .help(format!(
            "{what} before you insert or move shots: a shot is known by its id, not by its place"
        ))
}

/// Complains once about a list in which nothing can give a shot its prompt.
pub(super) fn no_prompts(file: FileNo, prompts: &Prompts) -> Option<Diagnostic> {
    let help = match prompts {
        Prompts::Column => return None,
        Prompts::Action => {
            "write `prompt = \"{action}\"` under `[defaults]` of the manifest, or of a `show.toml` \
             beside the list"
                .to_owned()
        }
        Prompts::Perhaps(header) => format!(
            "call the column that holds the prompts `prompt`, or map it under `[columns]` of the \
             manifest, or of a `show.toml` beside the list: `\"{header}\" = \"prompt\"`"
        ),
        Prompts::Nowhere => "add a column `prompt`".to_owned(),
    };
    let complaint = Diagnostic::error("no-prompts", "nothing gives these shots a prompt");
    let expected = "a column `prompt`, or a `prompt` under `[defaults]`";
    Some(complaint.at(whole(file)).expected(expected).help(help))
}

/// Complains of a file that is neither manifest nor list.
pub(super) fn unknown_kind(path: &str) -> Diagnostic {
    let complaint = Diagnostic::error(
        "unknown-file-kind",
        format!("{} is no manifest and no shot list", shown(path)),
    )
    .in_file(path)
    .expected("a file that ends in `.toml`, `.csv`, `.tsv` or `.xlsx`");
    let sheet = ["xls", "xlsb", "ods", "numbers"]
        .iter()
        .any(|end| path.to_ascii_lowercase().ends_with(end));
    complaint.help(if sheet {
        "save it as `.xlsx`, or export the sheet as CSV (UTF-8), and name that file"
    } else {
        "name the manifest or the shot list itself"
    })
}

/// The place of a text as a whole.
pub(super) const fn whole(file: FileNo) -> Place {
    Place {
        file,
        start: 0,
        end: 0,
        cell: None,
    }
}
