use std::fs;
use std::io::Cursor;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use image::{ImageFormat, RgbImage};

use super::*;
use crate::expand::wanted::NamePart;

const ASKED: Asked = Asked {
    format: Format::Jpg,
    size: Some((40, 30)),
};

fn picture(format: ImageFormat, shade: u8) -> Vec<u8> {
    let picture = RgbImage::from_pixel(40, 30, image::Rgb([shade, 0, 255 - shade]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

fn jpeg(shade: u8) -> Vec<u8> {
    picture(ImageFormat::Jpeg, shade)
}

fn name(stem: &str) -> FileName {
    FileName::new(vec![
        NamePart::Text(format!("{stem}_v")),
        NamePart::Take(3),
        NamePart::Text(".".into()),
        NamePart::Extension,
    ])
}

struct Home {
    home: tempfile::TempDir,
    shelf: Shelf,
}

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::open(&home.path().join("out")).expect("opened");
        Self { home, shelf }
    }

    fn images(&self) -> PathBuf {
        self.home.path().join("out/images")
    }

    async fn begun(&self, stem: &str, bytes: &[u8]) -> Result<Draft, StoreError> {
        let mut draft = self.shelf.begin(&name(stem), TakeNo(1)).await?;
        for piece in bytes.chunks(100) {
            draft.write(piece).await?;
        }
        Ok(draft)
    }

    async fn save(&self, stem: &str, bytes: &[u8]) -> Result<Landed, StoreError> {
        self.begun(stem, bytes).await?.finish(ASKED).await
    }

    /// All files below the images folder, sorted.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.images()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("read") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let below = path.strip_prefix(self.images()).expect("below");
                    files.push(below.display().to_string());
                }
            }
        }
        files.sort();
        files
    }
}

fn disk(error: &StoreError) -> (&str, &str) {
    match error {
        StoreError::Disk { path, reason } => (path, reason),
        other => panic!("not told as the disk's: {other:?}"),
    }
}

#[tokio::test]
async fn an_image_lands_whole_under_its_name() {
    let home = Home::new();
    let bytes = jpeg(7);
    let draft = home.begun("104/TCC/0010", &bytes).await.expect("written");
    let unfinished = home.files();
    assert_eq!(unfinished.len(), 1);
    assert!(
        unfinished[0].starts_with("104/TCC/.0010_v001.jpg.") && unfinished[0].contains(".part")
    );
    let landed = draft.finish(ASKED).await.expect("landed");
    let expected = Landed {
        path: "images/104/TCC/0010_v001.jpg".into(),
        sha256: Sha256::of(&bytes),
        bytes: bytes.len() as u64,
        width: 40,
        height: 30,
        unlike_asked: None,
    };
    assert_eq!(landed, expected);
    assert_eq!(home.files(), ["104/TCC/0010_v001.jpg"]);
    let path = home.images().join("104/TCC/0010_v001.jpg");
    assert_eq!(fs::read(&path).expect("read"), bytes);
    let beside = home.home.path().join("by-umask");
    fs::write(&beside, "").expect("written");
    let mode = |path| fs::metadata(path).expect("stat").permissions().mode();
    assert_eq!(mode(&path), mode(&beside));
}

#[tokio::test]
async fn many_images_land_at_once() {
    let home = Home::new();
    let saves = (0..64u8).map(|n| {
        let home = &home;
        async move {
            let stem = format!("{}/{n}", n % 5);
            home.save(&stem, &jpeg(n)).await.expect("landed")
        }
    });
    let landed = futures::future::join_all(saves).await;
    let mut paths: Vec<String> = landed.into_iter().map(|l| l.path[7..].to_owned()).collect();
    paths.sort();
    assert_eq!(home.files(), paths);
}

#[tokio::test]
async fn the_extension_and_what_differs_come_from_the_bytes() {
    let home = Home::new();
    let landed = home
        .save("a", &picture(ImageFormat::Png, 1))
        .await
        .expect("landed");
    assert_eq!(landed.path, "images/a_v001.png");
    assert_eq!(
        landed.unlike_asked.as_deref(),
        Some("asked for jpg, got png")
    );
    let draft = home.begun("b", &jpeg(1)).await.expect("written");
    let asked = Asked {
        format: Format::Webp,
        size: Some((1, 2)),
    };
    let unlike = draft.finish(asked).await.expect("landed").unlike_asked;
    let told = "asked for webp, got jpg; asked for 1x2 pixels, got 40x30";
    assert_eq!(unlike.as_deref(), Some(told));
}

#[tokio::test]
async fn what_is_no_complete_picture_leaves_nothing() {
    let home = Home::new();
    let whole = jpeg(1);
    let trailing = [whole.as_slice(), b"trailing"].concat();
    for bytes in [
        &whole[..whole.len() / 2],
        &trailing,
        b"",
        b"\xff\xd8\xff",
        b"<html><body>not found</body></html>",
    ] {
        let error = home.save("a", bytes).await.expect_err("no picture");
        assert!(matches!(error, StoreError::BadPicture(_)), "{error:?}");
    }
    assert_eq!(home.files(), [""; 0]);
}

#[tokio::test]
async fn a_draft_that_failed_or_is_dropped_leaves_nothing() {
    let home = Home::new();
    let mut draft = home.begun("a", &jpeg(1)).await.expect("written");
    let told = draft.write(b"trailing").await.expect_err("trailing");
    assert_eq!(draft.write(b"more").await, Err(told.clone()));
    assert_eq!(home.files(), [""; 0]);
    assert_eq!(draft.finish(ASKED).await, Err(told));
    drop(home.begun("a", &jpeg(1)).await.expect("written"));
    assert_eq!(home.files(), [""; 0]);
}

#[tokio::test]
async fn a_file_in_the_way_is_left_alone_and_an_equal_one_counts() {
    let home = Home::new();
    let first = home.save("a", &jpeg(1)).await.expect("landed");
    let again = home.save("a", &jpeg(1)).await.expect("the same counts");
    assert_eq!(first, again);
    let other = home.save("a", &jpeg(2)).await.expect_err("in the way");
    assert!(matches!(&other, StoreError::InTheWay(path) if path.ends_with("images/a_v001.jpg")));
    assert_eq!(
        fs::read(home.images().join("a_v001.jpg")).expect("read"),
        jpeg(1)
    );
    assert_eq!(home.files(), ["a_v001.jpg"]);
    // Equal in size but not in bytes, a folder, a link to an equal picture.
    fs::write(home.images().join("b_v001.jpg"), vec![0; jpeg(1).len()]).expect("written");
    fs::create_dir(home.images().join("c_v001.jpg")).expect("made");
    symlink("a_v001.jpg", home.images().join("d_v001.jpg")).expect("a link");
    for stem in ["b", "c", "d"] {
        let error = home.save(stem, &jpeg(1)).await.expect_err("in the way");
        assert!(
            matches!(error, StoreError::InTheWay(_)),
            "{stem}: {error:?}"
        );
    }
}

#[tokio::test]
async fn no_link_leads_out() {
    let home = Home::new();
    let outside = home.home.path().join("outside");
    fs::create_dir(&outside).expect("made");
    symlink(&outside, home.images().join("104")).expect("a link");
    for stem in ["104/a", "104/TCC/a"] {
        let error = home.save(stem, &jpeg(1)).await.expect_err("a link");
        let (path, reason) = disk(&error);
        assert!(
            path.ends_with("images/104") && reason.contains("link"),
            "{error}"
        );
    }
    assert_eq!(fs::read_dir(&outside).expect("read").count(), 0);
    let out = home.home.path().join("linked");
    fs::create_dir(&out).expect("made");
    symlink(&outside, out.join("images")).expect("a link");
    assert!(Shelf::open(&out).is_err());
}

#[tokio::test]
async fn names_that_cannot_be_are_refused() {
    let home = Home::new();
    for stem in ["../a", "/a", "a//b", "./a"] {
        let error = home.save(stem, &jpeg(1)).await.expect_err("leads out");
        let _told = disk(&error);
    }
    for stem in [
        "x".repeat(248),
        "y".repeat(300),
        format!("{}/a", "z".repeat(300)),
    ] {
        let error = home.save(&stem, &jpeg(1)).await.expect_err("too long");
        assert!(disk(&error).1.contains("too long"), "{error}");
    }
    let longest = "x".repeat(245);
    assert!(home.save(&longest, &jpeg(1)).await.is_ok());
    assert_eq!(home.files(), [format!("{longest}_v001.jpg")]);
}

#[tokio::test]
async fn a_folder_removed_while_in_use_costs_no_later_image() {
    let home = Home::new();
    let draft = home.begun("104/a", &jpeg(1)).await.expect("written");
    fs::remove_dir_all(home.images().join("104")).expect("removed");
    let error = draft.finish(ASKED).await.expect_err("gone");
    assert!(disk(&error).1.contains("missing"), "{error}");
    assert!(home.save("104/b", &jpeg(1)).await.is_ok());
    assert_eq!(home.files(), ["104/b_v001.jpg"]);
}

#[tokio::test]
async fn every_name_on_the_way_is_synced_and_again_when_made_anew() {
    let home = Home::new();
    let durable = || {
        let mut names: Vec<String> = home.shelf.0.folders().durable.iter().cloned().collect();
        names.sort();
        names
    };
    assert!(home.save("104/TCC/a", &jpeg(1)).await.is_ok());
    assert_eq!(durable(), ["104", "104/TCC"]);
    fs::remove_dir_all(home.images().join("104")).expect("removed");
    let draft = home.begun("104/TCD/a", &jpeg(1)).await.expect("written");
    assert_eq!(durable(), ["104/TCC"], "`104` is another folder now");
    assert!(draft.finish(ASKED).await.is_ok());
    let draft = home.begun("104/TCC/a", &jpeg(1)).await.expect("written");
    assert_eq!(durable(), ["104", "104/TCD"]);
    assert!(draft.finish(ASKED).await.is_ok());
}

struct Mounted(PathBuf);

impl Mounted {
    /// Mounts a small file system, or tells loudly that it cannot.
    fn new(at: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&at).expect("made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&at)
            .output();
        let done = mounted.is_ok_and(|output| output.status.success());
        if !done {
            eprintln!("SKIPPED: needs the right to mount a tmpfs");
        }
        done.then(|| Self(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_keeps_what_was_saved() {
    let home = tempfile::tempdir().expect("a folder");
    let Some(mounted) = Mounted::new(home.path().join("out"), "size=64k") else {
        return;
    };
    let shelf = Shelf::open(&mounted.0).expect("opened");
    let home = Home { home, shelf };
    let large: Vec<u8> = {
        let mut text = b"\x89PNG\r\n\x1a\n".to_vec();
        let whole = picture(ImageFormat::Png, 1);
        text.extend(&whole[8..33]);
        text.extend([0, 1, 0, 0]);
        text.extend(b"tEXt");
        text.extend(vec![b'x'; 1 << 16]);
        text
    };
    home.save("a", &jpeg(1)).await.expect("room for one");
    let error = home.save("b", &large).await.expect_err("full");
    let (path, reason) = disk(&error);
    assert!(
        path.contains(".part") && reason.contains("disk is full"),
        "{error}"
    );
    assert_eq!(home.files(), ["a_v001.jpg"]);
    assert!(home.save("c", &jpeg(1)).await.is_ok());
}

#[tokio::test]
async fn no_inode_left_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let Some(mounted) = Mounted::new(home.path().join("out"), "nr_inodes=4") else {
        return;
    };
    let shelf = Shelf::open(&mounted.0).expect("opened");
    let home = Home { home, shelf };
    let mut failed = None;
    for stem in ["a", "b", "c"] {
        failed = home.save(stem, &jpeg(1)).await.err().or(failed);
    }
    let error = failed.expect("no inode left");
    assert!(disk(&error).1.contains("disk is full"), "{error}");
}

#[tokio::test]
async fn a_read_only_disk_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let Some(mounted) = Mounted::new(home.path().join("out"), "size=64k") else {
        return;
    };
    let shelf = Shelf::open(&mounted.0).expect("opened");
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&mounted.0)
        .status();
    assert!(remounted.expect("mount runs").success());
    let home = Home { home, shelf };
    let error = home.save("a", &jpeg(1)).await.expect_err("read-only");
    assert!(disk(&error).1.contains("read-only"), "{error}");
    assert!(Shelf::open(&mounted.0.join("deeper")).is_err());
}
