use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::domain::class::{Class, Trouble};
use crate::domain::digest::Sha256;
use crate::domain::id::{
    Attempt, ImageId, Key, RunId, ShotId, ShowId, TakeNo, Takes, TaskId, Variant,
};
use crate::domain::money::Micros;
use crate::expand::wanted::KeyParts;
use crate::ledger::record::{
    Accepted, AcceptedBy, Ended, Gap, Intent, LogOpened, Lost, Made, MadeOf, Produced,
    ReferenceUploaded, RunEnded, RunStarted, Saved,
};

mod document;

const GOLDEN: &[u8] = include_bytes!("../../../tests/fixtures/logs/v1/every-kind.jsonl");

fn sha(seed: &str) -> Sha256 {
    Sha256::of(seed.as_bytes())
}

fn task(seed: u32) -> TaskId {
    TaskId::derive(
        &ShowId::new("show"),
        &ShotId::new("104/TCC/0010"),
        Variant(0),
        TakeNo(1),
        Key(sha("key")),
        Attempt(seed),
    )
}

fn trouble(class: Class, code: &str, message: &str) -> Trouble {
    Trouble {
        class,
        code: code.into(),
        message: message.into(),
    }
}

fn intent() -> Intent {
    Intent {
        run: RunId::new("run-1"),
        task: task(0),
        shot: ShotId::new("104/TCC/0010"),
        variant: Variant(2),
        takes: Takes {
            first: TakeNo(3),
            count: 2,
        },
        key: Key(sha("key")),
        parts: KeyParts {
            prompt: "0123456789abcdef".into(),
            references: "fedcba9876543210".into(),
            settings: "0011223344556677".into(),
        },
        attempt: Attempt(1),
        reserved: Micros::new(56_000),
        resend: 1,
        reason: None,
        made: Made {
            sequence: Some("104/TCC".into()),
            values: vec![("angle".into(), "low angle".into())],
            name: "104/TCC/0010/AGM_104_TCC_0010_board_v{take:3}.{ext}".into(),
            preset: "board".into(),
            model: "klingai:kling-image@o1".into(),
            template: "{mira} waves \"hello\"\nfrom the pier".into(),
            prompt: "References: <<<image_1>>> face of Mira. Mira\u{2019}s wave".into(),
            size: Some((1360, 768)),
            resolution: None,
            format: "jpg".into(),
            quality: 95,
            safety: "none".into(),
            delivery: "async".into(),
            output: "url".into(),
            ttl: None,
            webhook: false,
            upload: false,
            references: vec![MadeOf {
                source: Some("bible/mira/face.png".into()),
                sha256: sha("face"),
                role: Some("face".into()),
                scope: None,
                entry: Some("mira".into()),
                marker: "<<<image_1>>>".into(),
            }],
        },
    }
}

fn every_kind() -> Vec<Record> {
    let ended = |class, code: &str, may_be_billed| Ended {
        task: task(1),
        trouble: trouble(class, code, "told by the provider"),
        may_be_billed,
    };
    vec![
        Record::LogOpened(LogOpened {
            format: 1,
            show: ShowId::new("7f6c1c6e-0000-4000-8000-000000000000"),
            show_id_from_manifest: true,
            tool: "reshoot 0.1.0".into(),
        }),
        Record::RunStarted(Box::new(RunStarted {
            run: RunId::new("run-1"),
            manifest: sha("manifest"),
            selection: vec!["--shot".into(), "104/*".into()],
            caps: BTreeMap::from([
                ("run".into(), Micros::new(25_000_000)),
                ("max-cost".into(), Micros::new(1_500_000)),
            ]),
            plan: None,
            jobs: 4,
            endpoint: "https://api.runware.ai/v1".into(),
            tool: "reshoot 0.1.0".into(),
        })),
        Record::Reference(ReferenceUploaded {
            sha256: sha("face"),
            image: ImageId::new("f0000000-0000-4000-8000-000000000001"),
        }),
        Record::Intent(Box::new(intent())),
        Record::Accepted(Accepted {
            task: task(0),
            by: AcceptedBy::Conflict,
        }),
        Record::Produced(Produced {
            task: task(0),
            index: 0,
            image: ImageId::new("f0000000-0000-4000-8000-000000000002"),
            url: Some("https://im.runware.ai/image/x.jpg".into()),
            seed: Some(u64::MAX),
            nsfw: Some(false),
            cost: Micros::new(28_000),
            cost_assumed: false,
        }),
        Record::Saved(Saved {
            task: task(0),
            index: 0,
            take: TakeNo(3),
            path: "images/104/TCC/0010/a_v003.jpg".into(),
            sha256: sha("picture"),
            bytes: 262_144,
            width: 1360,
            height: 768,
        }),
        Record::Refused(ended(Class::Request, "invalidPrompt", false)),
        Record::Failed(ended(Class::Upstream, "taskFailed", true)),
        Record::Unsure(ended(Class::Unknown, "lostReply", true)),
        Record::Lost(Lost {
            task: task(1),
            index: 1,
            trouble: trouble(Class::Unknown, "gone", "the address is gone"),
        }),
        Record::RunEnded(RunEnded {
            run: RunId::new("run-1"),
            reason: "done".into(),
            counts: BTreeMap::from([("saved".into(), 1)]),
            spent: Micros::new(28_000),
            reserved: Micros::new(28_000),
        }),
        Record::Gap(Gap {
            line: 14,
            byte: 4711,
            bytes: 815,
        }),
    ]
}

fn head(seq: u64) -> Head {
    Head {
        seq,
        at: "2026-11-24T16:28:13.125Z".parse().expect("a time"),
        nth: u32::from(seq.is_multiple_of(3)),
    }
}

#[test]
fn every_kind_is_spelled_as_the_golden_log() {
    let mut log = Vec::new();
    let mut crc = 0;
    for (record, seq) in every_kind().iter().zip(1..) {
        crc = encode(head(seq), record, crc, &mut log);
    }
    assert_eq!(
        String::from_utf8_lossy(&log),
        String::from_utf8_lossy(GOLDEN)
    );
}

#[test]
fn the_golden_log_reads_as_every_kind() {
    let mut crc = 0;
    let mut records = Vec::new();
    for (line, seq) in GOLDEN.split_inclusive(|b| *b == b'\n').zip(1..) {
        let read = decode(line, crc).expect("a sound line");
        assert_eq!((read.stamped.seq, read.stamped.at), (seq, head(seq).at));
        assert_eq!(read.nth, head(seq).nth);
        crc = read.crc;
        records.push(read.stamped.record);
    }
    assert_eq!(records, every_kind());
}

fn sealed(body: &str, previous: u32) -> String {
    let crc = crc32c::crc32c_append(previous, body.as_bytes());
    format!("{body},\"crc\":\"{crc:08x}\"}}")
}

#[test]
fn later_kinds_and_fields_are_passed_over() {
    let at = "\"at\":\"2026-01-02T03:04:05Z\"";
    let later = sealed(
        &format!("{{\"seq\":7,{at},\"kind\":\"dream\",\"of\":[1,{{}}]"),
        5,
    );
    let read = decode(later.as_bytes(), 5).expect("a sound line");
    assert_eq!(read.stamped.record, Record::Other("dream".into()));
    // Fields in another order, spaces, an escaped kind and a field nobody knows.
    let task = task(0);
    let odd = format!(
        "{{ \"kind\": \"acce\\u0070ted\", \"by\":\"reply\", \"mood\":null, \"task\":\"{task}\", {at}, \"seq\": 8"
    );
    let read = decode(sealed(&odd, 9).as_bytes(), 9).expect("a sound line");
    let accepted = Accepted {
        task,
        by: AcceptedBy::Reply,
    };
    assert_eq!(read.stamped.record, Record::Accepted(accepted));
    assert_eq!(read.stamped.seq, 8);
}

#[test]
fn what_is_no_record_is_told_apart() {
    let line = GOLDEN
        .split_inclusive(|b| *b == b'\n')
        .next()
        .expect("a line");
    assert_eq!(decode(line, 1).expect_err("moved"), LineError::Checksum);
    assert_eq!(
        decode(b"{}\n", 0).expect_err("short"),
        LineError::NoChecksum
    );
    let at = "\"seq\":1,\"at\":\"2026-01-02T03:04:05Z\"";
    for body in [
        format!("{{{at},\"kind\":\"accepted\",\"task\":\"x\",\"by\":\"reply\""),
        format!("{{{at},\"kind\":\"accepted\""),
        format!("{{{at}"),
        "nonsense".to_owned(),
        "{\"seq\":-1,\"at\":\"today\",\"kind\":\"accepted\"".to_owned(),
    ] {
        let read = decode(sealed(&body, 0).as_bytes(), 0);
        assert!(matches!(read, Err(LineError::Form(_))), "{body}: {read:?}");
    }
}

#[test]
fn takes_that_do_not_follow_each_other_are_refused() {
    let mut line = Vec::new();
    let crc = encode(head(1), &Record::Intent(Box::new(intent())), 0, &mut line);
    assert_ne!(crc, 0);
    let line = String::from_utf8(line).expect("text");
    let body = &line[..line.len() - SEAL - 1];
    for takes in ["[]", "[3,5]", "[4294967295]", "[4,3]", "[0,1,1]"] {
        let changed = body.replace("\"takes\":[3,4]", &format!("\"takes\":{takes}"));
        assert_ne!(changed, body);
        let read = decode(sealed(&changed, 0).as_bytes(), 0);
        assert!(matches!(read, Err(LineError::Form(_))), "{takes}: {read:?}");
    }
}

#[test]
fn a_newer_format_is_seen_before_its_rules_are_judged() {
    assert_eq!(
        newer_format(b"{\"kind\":\"log_opened\",\"format\":2,\"sum\":\"md5\"}\n"),
        Some(2)
    );
    assert_eq!(newer_format(b"{\"format\":1}"), None);
    assert_eq!(newer_format(b"garbage"), None);
}

prop_compose! {
    fn any_sha()(bytes in any::<[u8; 32]>()) -> Sha256 { Sha256::of(&bytes) }
}

prop_compose! {
    fn any_task()(seed in any::<u32>()) -> TaskId { task(seed) }
}

fn any_trouble() -> impl Strategy<Value = Trouble> {
    let class = prop_oneof![
        Just(Class::Transient),
        Just(Class::Account),
        Just(Class::Request),
        Just(Class::Safety),
        Just(Class::Reference),
        Just(Class::Upstream),
        Just(Class::Unknown),
    ];
    (class, any::<String>(), vec(any::<char>(), 0..20)).prop_map(|(class, code, message)| Trouble {
        class,
        code,
        message: message.into_iter().collect(),
    })
}

prop_compose! {
    fn any_ended()(task in any_task(), trouble in any_trouble(), may_be_billed in any::<bool>())
        -> Ended {
        Ended { task, trouble, may_be_billed }
    }
}

prop_compose! {
    fn any_made_of()(
        source in any::<Option<String>>(), sha256 in any_sha(), role in any::<Option<String>>(),
        scope in any::<Option<String>>(), entry in any::<Option<String>>(), marker in any::<String>(),
    ) -> MadeOf {
        MadeOf { source, sha256, role, scope, entry, marker }
    }
}

prop_compose! {
    fn any_made()(
        words in any::<[String; 6]>(), sequence in any::<Option<String>>(),
        values in vec(any::<(String, String)>(), 0..3), size in any::<Option<(u32, u32)>>(),
        resolution in any::<Option<String>>(), format in any::<String>(), quality in any::<u32>(),
        prompt in any::<String>(), template in any::<String>(),
        references in vec(any_made_of(), 0..3), ttl in any::<Option<u32>>(),
        (webhook, upload) in any::<(bool, bool)>(),
    ) -> Made {
        let [name, preset, model, safety, delivery, output] = words;
        Made {
            sequence, values, name, preset, model, template, prompt, size, resolution, format, quality,
            safety, delivery, output, ttl, webhook, upload, references,
        }
    }
}

prop_compose! {
    fn any_intent()(
        run in any::<String>(), task in any_task(), shot in any::<String>(),
        variant in any::<u32>(), first in 0u32..5000, count in 1u32..21, key in any_sha(),
        words in any::<[String; 3]>(), attempt in any::<u32>(), reserved in any::<u64>(),
        resend in any::<u32>(), reason in any::<Option<String>>(), made in any_made(),
    ) -> Intent {
        let [prompt, references, settings] = words;
        Intent {
            run: RunId::new(&run), task, shot: ShotId::new(&shot), variant: Variant(variant),
            takes: Takes { first: TakeNo(first), count }, key: Key(key),
            parts: KeyParts { prompt, references, settings }, attempt: Attempt(attempt),
            reserved: Micros::new(reserved), resend, reason, made,
        }
    }
}

prop_compose! {
    fn any_run_started()(
        words in any::<[String; 3]>(), manifest in any_sha(), selection in any::<Vec<String>>(),
        caps in btree_map(any::<String>(), any::<u64>().prop_map(Micros::new), 0..3),
        plan in prop::option::of(any_sha()), jobs in any::<u32>(),
    ) -> RunStarted {
        let [run, endpoint, tool] = words;
        RunStarted { run: RunId::new(&run), manifest, selection, caps, plan, jobs, endpoint, tool }
    }
}

prop_compose! {
    fn any_produced()(
        task in any_task(), index in any::<u32>(), image in any::<String>(),
        url in any::<Option<String>>(), seed in any::<Option<u64>>(), nsfw in any::<Option<bool>>(),
        cost in any::<u64>(), cost_assumed in any::<bool>(),
    ) -> Produced {
        let image = ImageId::new(&image);
        Produced { task, index, image, url, seed, nsfw, cost: Micros::new(cost), cost_assumed }
    }
}

prop_compose! {
    fn any_saved()(
        task in any_task(), index in any::<u32>(), take in any::<u32>(), path in any::<String>(),
        sha256 in any_sha(), bytes in any::<u64>(), width in any::<u32>(), height in any::<u32>(),
    ) -> Saved {
        Saved { task, index, take: TakeNo(take), path, sha256, bytes, width, height }
    }
}

prop_compose! {
    fn any_run_ended()(
        run in any::<String>(), reason in any::<String>(),
        counts in btree_map(any::<String>(), any::<u64>(), 0..4),
        spent in any::<u64>(), reserved in any::<u64>(),
    ) -> RunEnded {
        let (spent, reserved) = (Micros::new(spent), Micros::new(reserved));
        RunEnded { run: RunId::new(&run), reason, counts, spent, reserved }
    }
}

fn any_record() -> impl Strategy<Value = Record> {
    let opened = (
        any::<u32>(),
        any::<String>(),
        any::<bool>(),
        any::<String>(),
    )
        .prop_map(|(format, show, show_id_from_manifest, tool)| LogOpened {
            format,
            show: ShowId::new(&show),
            show_id_from_manifest,
            tool,
        });
    let reference = (any_sha(), any::<String>()).prop_map(|(sha256, image)| ReferenceUploaded {
        sha256,
        image: ImageId::new(&image),
    });
    let by = prop_oneof![
        Just(AcceptedBy::Reply),
        Just(AcceptedBy::Conflict),
        Just(AcceptedBy::Asked)
    ];
    let accepted = (any_task(), by).prop_map(|(task, by)| Accepted { task, by });
    let lost = (any_task(), any::<u32>(), any_trouble()).prop_map(|(task, index, trouble)| Lost {
        task,
        index,
        trouble,
    });
    prop_oneof![
        opened.prop_map(Record::LogOpened),
        any_run_started().prop_map(|r| Record::RunStarted(Box::new(r))),
        reference.prop_map(Record::Reference),
        any_intent().prop_map(|r| Record::Intent(Box::new(r))),
        accepted.prop_map(Record::Accepted),
        any_produced().prop_map(Record::Produced),
        any_saved().prop_map(Record::Saved),
        any_ended().prop_map(Record::Refused),
        any_ended().prop_map(Record::Failed),
        any_ended().prop_map(Record::Unsure),
        lost.prop_map(Record::Lost),
        any_run_ended().prop_map(Record::RunEnded),
        any::<(u64, u64, u64)>().prop_map(|(line, byte, bytes)| Record::Gap(Gap {
            line,
            byte,
            bytes
        })),
        "[a-z]{3}_[a-z\"\\\\\n]{1,9}".prop_map(Record::Other),
    ]
}

prop_compose! {
    fn any_head()(seq in any::<u64>(), ns in 0i64..4_000_000_000_000_000_000, nth in any::<u32>())
        -> Head {
        let at = Timestamp::from_nanosecond(ns.into()).expect("in range");
        Head { seq, at, nth }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        head in any_head(), record in any_record(), previous in any::<u32>(),
    ) {
        let mut line = b"earlier\n".to_vec();
        let crc = encode(head, &record, previous, &mut line);
        let line = &line[8..];
        prop_assert_eq!(line.iter().filter(|b| matches!(b, b'\n' | 0)).count(), 1);
        prop_assert_eq!(peek(line), Some((head, crc)));
        let read = decode(line, previous).expect("a sound line");
        prop_assert_eq!((read.crc, read.nth), (crc, head.nth));
        prop_assert_eq!(read.stamped, Stamped { seq: head.seq, at: head.at, record });
    }

    #[test]
    fn any_changed_byte_is_seen(
        record in any_record(), place in any::<prop::sample::Index>(), change in 1u8..,
    ) {
        let mut line = Vec::new();
        let _crc = encode(head(1), &record, 0, &mut line);
        let place = place.index(line.len() - 1);
        line[place] ^= change;
        prop_assert!(decode(&line, 0).is_err());
    }

    #[test]
    fn any_bytes_are_answered(line in vec(any::<u8>(), 0..200), tail in option::of(0u32..9)) {
        let _read = decode(&line, 0);
        let _read = peek(&line);
        let _read = newer_format(&line);
        let _read = tail.map(|crc| decode(&line, crc));
    }
}
