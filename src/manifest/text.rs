//! Bytes of a file into text, never by a guess.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use crate::domain::diagnostic::{Diagnostic, FileNo, Place, SourceText, Sources};
use crate::manifest::read::ENCODING;

/// The largest text in bytes: places in it are counted in 32 bits.
const LARGEST: usize = u32::MAX as usize / 2;

/// What the bytes of a text ought to be.
const EXPECTED: &str = "UTF-8, with or without a byte order mark, or UTF-16 with one";

/// Decodes a text and adds it to the sources; whatever cannot be shown is replaced there.
///
/// A byte order mark decides, then the named encoding, then UTF-8. The second value is none where
/// the bytes are not what they ought to be, which is then complained about.
pub(super) fn decode(
    path: String,
    bytes: Vec<u8>,
    encoding: Option<&'static encoding_rs::Encoding>,
    sources: &mut Sources,
    complaints: &mut Vec<Diagnostic>,
) -> (FileNo, Option<SourceText>) {
    if bytes.starts_with(b"PK\x03\x04") {
        let message = "this is an Excel file or another archive, not text";
        let file = sources.add(path, "");
        complaints.push(
            Diagnostic::error("not-text", message)
                .at(line_one(file))
                .help("name it `.xlsx`, or export the sheet as CSV (UTF-8) and name that file"),
        );
        return (file, None);
    }
    if bytes.len() > LARGEST {
        let message = format!("{path} is larger than {} MiB", LARGEST >> 20);
        complaints
            .push(Diagnostic::error("too-large", message).help("split it into several lists"));
        return (sources.add(path, ""), None);
    }
    let other = encoding.is_some_and(|named| named != encoding_rs::UTF_8);
    let doubted = other && looks_like_utf8(&bytes);
    // `--encoding` is for lists alone.
    let is_manifest = path.to_ascii_lowercase().ends_with("toml");
    match decoded(bytes, encoding) {
        Ok(text) => {
            let text = SourceText::from(text);
            let file = sources.add(path, text.clone());
            if doubted {
                complaints.push(doubtful(encoding).at(line_one(file)));
            }
            (file, Some(text))
        }
        Err(bad) => {
            let end = bad.at + bad.width;
            let file = sources.add(path, bad.lossy);
            let place = Place {
                file,
                start: u32::try_from(bad.at).unwrap_or(u32::MAX),
                end: u32::try_from(end).unwrap_or(u32::MAX),
                cell: None,
            };
            let complaint = Diagnostic::error("not-utf-8", bad.message);
            let help = if is_manifest {
                "save it as UTF-8".to_owned()
            } else {
                bad.help
            };
            complaints.push(complaint.at(place).expected(bad.expected).help(help));
            (file, None)
        }
    }
}

/// Finds an encoding by the name people use for it.
pub(super) fn encoding(
    name: &str,
    complaints: &mut Vec<Diagnostic>,
) -> Option<&'static encoding_rs::Encoding> {
    let found = encoding_rs::Encoding::for_label(name.trim().as_bytes());
    if found.is_none() {
        let message = format!("no encoding is called `{name}`");
        complaints.push(
            Diagnostic::error("unknown-encoding", message)
                .in_file(ENCODING)
                .expected("a name such as `windows-1252`, `shift_jis`, `gbk` or `utf-16le`")
                .help("for a list from Excel on Windows, write `--encoding windows-1252`"),
        );
    }
    found
}

struct Bad {
    message: String,
    expected: &'static str,
    help: String,
    /// The text up to and after the trouble, for showing.
    lossy: String,
    at: usize,
    width: usize,
}

fn decoded(
    mut bytes: Vec<u8>,
    encoding: Option<&'static encoding_rs::Encoding>,
) -> Result<String, Bad> {
    if let Some((marked, mark)) = encoding_rs::Encoding::for_bom(&bytes) {
        bytes.drain(..mark);
        return if marked == encoding_rs::UTF_8 {
            utf8(bytes)
        } else {
            named(&bytes, marked)
        };
    }
    match encoding {
        Some(encoding) if encoding != encoding_rs::UTF_8 => named(&bytes, encoding),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Bad> {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return without_nul(text),
        Err(error) => error,
    };
    let (at, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
    if let Some(order) = unmarked_utf16(bytes) {
        let lossy = String::from_utf8_lossy(bytes).into_owned();
        let at = lossy.find('\0').unwrap_or_default();
        return Err(utf16(order, lossy, at));
    }
    let byte = bytes.get(at).copied().unwrap_or_default();
    Err(Bad {
        message: format!("a letter here is not UTF-8 (byte {byte:02X})"),
        expected: EXPECTED,
        help: advice(bytes, at),
        lossy: String::from_utf8_lossy(bytes).into_owned(),
        at,
        width: char::REPLACEMENT_CHARACTER.len_utf8(),
    })
}

/// Refuses NUL: as text it means nothing, and UTF-16 without its mark is full of it.
fn without_nul(text: String) -> Result<String, Bad> {
    let Some(at) = text.find('\0') else {
        return Ok(text);
    };
    if let Some(order) = unmarked_utf16(text.as_bytes()) {
        return Err(utf16(order, text, at));
    }
    Err(Bad {
        message: "a byte here is no letter (byte 00)".to_owned(),
        expected: EXPECTED,
        help: "save it as UTF-8 text".to_owned(),
        lossy: text,
        at,
        width: 1,
    })
}

/// Says what to do about UTF-16 that does not say so; `at` is its first NUL as it is shown.
fn utf16(order: &'static encoding_rs::Encoding, lossy: String, at: usize) -> Bad {
    let name = order.name();
    let told = if order == encoding_rs::UTF_16LE {
        "UTF-16 LE"
    } else {
        "UTF-16 BE"
    };
    Bad {
        message: format!("this looks like {told} without a byte order mark"),
        expected: EXPECTED,
        help: format!(
            "save it as UTF-8, or name its encoding with `--encoding {}`",
            name.to_ascii_lowercase()
        ),
        lossy,
        at,
        width: 1,
    }
}

/// Finds the byte order of UTF-16 without its mark: of ASCII letters, of which a shot list has many,
/// every other byte is NUL, and always the same one of two.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    const LOOKED_AT: usize = 4096;
    let looked_at = &bytes[..bytes.len().min(LOOKED_AT)];
    let nuls = |odd: usize| {
        let every_other = looked_at.iter().skip(odd).step_by(2);
        every_other.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (nuls(0), nuls(1));
    let (fewer, more) = (even.min(odd), even.max(odd));
    // A few letters beyond U+00FF, or one with a NUL below, are no reason to doubt it.
    if more < 2 || more * 8 < looked_at.len() || fewer * 10 > more {
        return None;
    }
    Some(if odd > even {
        encoding_rs::UTF_16LE
    } else {
        encoding_rs::UTF_16BE
    })
}

/// Says what to do about bytes that are not UTF-8, with what they would read as.
fn advice(bytes: &[u8], at: usize) -> String {
    /// How much of a word is shown to each side, in bytes.
    const SHOWN: usize = 24;
    let encoding = likely(bytes, at);
    // No encoding has these within a letter of several bytes.
    let ends = |byte: &u8| matches!(byte, b',' | b';' | b'\t' | b'\n' | b'\r' | b' ' | b'"');
    let before = bytes[..at].iter().rposition(ends);
    let start = before
        .map_or(0, |found| found + 1)
        .max(at.saturating_sub(SHOWN));
    let after = bytes[at..].iter().position(ends);
    let end = after
        .map_or(bytes.len(), |found| at + found)
        .min(at + SHOWN);
    if bytes
        .iter()
        .take(512)
        .any(|byte| matches!(byte, 0..=8 | 14..=31))
    {
        return "name a shot list: this file may be a picture or a document".to_owned();
    }
    let (word, _) = encoding.decode_without_bom_handling(&bytes[start..end]);
    let unseen = |c: &char| !c.is_control() && *c != char::REPLACEMENT_CHARACTER;
    let word: String = word.chars().filter(unseen).collect();
    let name = encoding.name().to_ascii_lowercase();
    format!("save it as UTF-8, or name its encoding: with `--encoding {name}` this reads `{word}`")
}

/// Guesses the encoding of bytes that are not UTF-8, for a suggestion and nothing else.
fn likely(bytes: &[u8], at: usize) -> &'static encoding_rs::Encoding {
    const LOOKED_AT: usize = 1 << 20;
    let sample = &bytes[at.saturating_sub(LOOKED_AT)..bytes.len().min(at + LOOKED_AT)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, false);
    let guess = detector.guess(None, Utf8Detection::Deny);
    let (_, broken) = guess.decode_without_bom_handling(bytes);
    if broken {
        encoding_rs::WINDOWS_1252
    } else {
        guess
    }
}

fn named(bytes: &[u8], encoding: &'static encoding_rs::Encoding) -> Result<String, Bad> {
    let (text, broken) = encoding.decode_without_bom_handling(bytes);
    if !broken {
        return Ok(text.into_owned());
    }
    let at = text.find(char::REPLACEMENT_CHARACTER).unwrap_or_default();
    Err(Bad {
        message: format!("this is not {}", encoding.name()),
        expected: "text in the encoding that its byte order mark or `--encoding` names",
        help: "save it as UTF-8, or name another encoding with `--encoding`".to_owned(),
        lossy: text.into_owned(),
        at,
        width: char::REPLACEMENT_CHARACTER.len_utf8(),
    })
}

/// Tells whether bytes are UTF-8 that is more than ASCII, which no other encoding is by chance.
fn looks_like_utf8(bytes: &[u8]) -> bool {
    encoding_rs::Encoding::for_bom(bytes).is_none()
        && !bytes.is_ascii()
        && std::str::from_utf8(bytes).is_ok()
}

fn doubtful(encoding: Option<&'static encoding_rs::Encoding>) -> Diagnostic {
    let name = encoding.map_or("UTF-8", encoding_rs::Encoding::name);
    let message = format!("this file looks like UTF-8 but is read as {name}, as asked");
    Diagnostic::warning("doubtful-encoding", message)
        .help("leave `--encoding` out if letters look wrong")
}

const fn line_one(file: FileNo) -> Place {
    Place {
        file,
        start: 0,
        end: 0,
        cell: None,
    }
}
