//! A power cut at any step: what was not synced is gone, and each image is still paid once.
//!
//! The output folder is a file system of its own, in a file. A copy of that file, taken while the
//! file system is still mounted, holds what a disk would hold after a power cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::kill::{Moment, can_trace, eight_shots, moments, nothing_torn, traced};
use crate::support::{Show, side_by_side};

/// A file system and how it is made and mounted so that it writes nothing unasked.
struct Kind {
    name: &'static str,
    make: &'static [&'static str],
    megabytes: u64,
    options: &'static str,
}

const EXT4: Kind = Kind {
    name: "ext4",
    make: &["mkfs.ext4", "-q"],
    megabytes: 48,
    options: "loop,commit=600",
};

const XFS: Kind = Kind {
    name: "xfs",
    make: &["mkfs.xfs", "-q"],
    megabytes: 300,
    options: "loop,nouuid",
};

const BTRFS: Kind = Kind {
    name: "btrfs",
    make: &["mkfs.btrfs", "-q"],
    megabytes: 128,
    options: "loop,commit=600",
};

fn works(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Makes an empty disk. Each has an id of its own, for some kernels tell disks apart by that alone.
fn make(kind: &Kind, image: &Path) -> bool {
    let file = fs::File::create(image).expect("a file");
    file.set_len(kind.megabytes << 20).expect("room");
    works(Command::new(kind.make[0]).args(&kind.make[1..]).arg(image))
}

/// Tells whether a file system can be made and mounted here, and says so loudly where not.
fn can_mount(kind: &Kind) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let (image, place) = (folder.path().join("image"), folder.path().join("place"));
    fs::create_dir(&place).expect("a folder");
    let can = make(kind, &image) && Mounted::try_new(&image, &place, kind).is_some();
    if !can {
        eprintln!(
            "SKIPPED: {} cannot be made and mounted here (it takes root, loop devices and {}); power \
             cuts on it were not tried",
            kind.name, kind.make[0]
        );
    }
    can
}

fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    let copied = works(command.arg("--sparse=always").arg(from).arg(to));
    assert!(copied, "{} cannot be copied", from.display());
}

/// A file system that is mounted until dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn try_new(image: &Path, place: &Path, kind: &Kind) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", kind.name, "-o", kind.options]);
        works(command.arg(image).arg(place)).then(|| Self(place.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let gone = works(Command::new("umount").arg(&self.0));
        if !gone {
            works(Command::new("umount").arg("-l").arg(&self.0));
        }
    }
}

/// The disk below a show's output folder.
struct Disk<'a> {
    kind: &'a Kind,
    folder: TempDir,
    place: PathBuf,
    mounted: Option<Mounted>,
    cuts: usize,
}

impl<'a> Disk<'a> {
    fn below(show: &Show, kind: &'a Kind) -> Self {
        let mut disk = Self {
            kind,
            folder: tempfile::tempdir().expect("a folder"),
            place: show.path().join("out"),
            mounted: None,
            cuts: 0,
        };
        fs::create_dir(&disk.place).expect("a folder");
        assert!(make(kind, &disk.image()), "{} cannot be made", kind.name);
        disk.mount();
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join(self.cuts.to_string())
    }

    fn mount(&mut self) {
        let mounted = Mounted::try_new(&self.image(), &self.place, self.kind);
        assert!(mounted.is_some(), "{} cannot be mounted", self.kind.name);
        self.mounted = mounted;
    }

    /// Goes on with what the disk would hold if the power had been cut now.
    fn cut(&mut self) {
        let before = self.image();
        self.cuts += 1;
        copy(&before, &self.image());
        self.mounted = None;
        fs::remove_file(before).expect("a file");
        self.mount();
    }
}

/// Cuts the power at a moment of a run, and again in the recovery, and audits.
fn cut_twice(kind: &Kind, moments: [&Moment; 2]) -> usize {
    let (show, server) = eight_shots("sync");
    let mut disk = Disk::below(&show, kind);
    let mut cuts = 0;
    for moment in moments {
        let said = traced(&show, &server, moment, "KILL");
        if said.code != Some(0) {
            cuts += 1;
        }
        disk.cut();
        nothing_torn(&show);
    }
    let mut restarts = 0;
    while show.run(&server, &[]).code != Some(0) {
        restarts += 1;
        assert!(restarts < 2, "{moments:?}: not done after two restarts");
    }
    show.audit(&server, 8);
    show.run(&server, &[]).exits(0).says("Nothing to do");
    cuts
}

/// Cuts the power at every so many of the moments there are.
fn cut_everywhere(kind: &Kind, each: usize) {
    if !can_trace() || !can_mount(kind) {
        return;
    }
    let moments = moments("sync");
    let pairs: Vec<[&Moment; 2]> = (0..moments.len())
        .step_by(each)
        .map(|place| [&moments[place], &moments[(place * 7 + 3) % moments.len()]])
        .collect();
    let cuts = AtomicUsize::new(0);
    side_by_side(&pairs, |pair| {
        cuts.fetch_add(cut_twice(kind, *pair), Ordering::SeqCst);
    });
    let (tried, cuts) = (pairs.len(), cuts.into_inner());
    eprintln!(
        "{}: {tried} of {} moments tried, each with another one in the recovery; the power was cut \
         {cuts} times in the middle of a run",
        kind.name,
        moments.len()
    );
    assert!(cuts >= tried, "{tried} tried, {cuts} cuts");
}

/// Figure 2: on ext4, which keeps the new size of a file whose bytes are gone.
#[test]
fn figure_2_a_power_cut_on_ext4_loses_and_repeats_nothing() {
    cut_everywhere(&EXT4, 5);
}

/// Figure 2: on xfs.
#[test]
fn figure_2_a_power_cut_on_xfs_loses_and_repeats_nothing() {
    cut_everywhere(&XFS, 20);
}

/// Figure 2: on btrfs.
#[test]
fn figure_2_a_power_cut_on_btrfs_loses_and_repeats_nothing() {
    cut_everywhere(&BTRFS, 20);
}
