//! Journals on disk: damaged, cut, foreign, newer, written twice; and one stored per version of the format.

use crate::crew::{agree, by_step, change, draft, full, review, small, step};
use crate::transcripts::world;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use studio_core::approval::Word;
use studio_core::clock::FixedClock;
use studio_core::dossier::{Advice, Advise};
use studio_core::event::{Approvals, Parked};
use studio_core::journal::Journal;
use studio_core::journal::{JournalError, Log};
use studio_core::persona::{Answer, Desk, Persona};
use studio_core::redact::Redactor;
use studio_core::store::{Disk, FileStore};
use studio_core::supervisor::{Rest, RunError, adopt};
use studio_tests::life::World;

/// The state hash of the stored journal of version 1. A build that gets another one has changed what old journals mean.
const STORED_V1: &str = "a2ecaa04b6ed467387f331f8c99ac4bd1cf4e4125166f030f10bb8b03a129658";
const STORED_V1_EVENTS: usize = 57;

fn ticket() -> World {
    world(
        small(),
        Approvals::Ask,
        json!([{ "argv": ["kubectl", "get", "nodes"], "stdout": "3 Ready" }]),
        &[
            ("planner", draft(by_step("look"))),
            ("engineer", agree()),
            (
                "engineer",
                change(
                    json!([]),
                    &[step("look", &["kubectl", "get", "nodes"], json!({})), step("push", &["flux", "reconcile", "ks", "apps"], json!({}))],
                ),
            ),
        ],
    )
}

async fn bytes() -> Vec<u8> {
    let world = ticket();
    world.live().await.unwrap();
    let dir = world.begun().unwrap().unwrap();
    world.disk.read(&dir.join("journal.jsonl"), u64::MAX).unwrap()
}

#[actix::test]
async fn any_flipped_byte_is_found_with_its_line() {
    let whole = bytes().await;
    let events = Log::read(&whole).unwrap().entries.len();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x01;
        let line = whole[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        match Log::read(&damaged) {
            Err(JournalError::Damaged { line: found, .. }) => {
                assert!((line..=line + 1).contains(&found), "byte {at} of line {line}, found in line {found}")
            }
            Err(JournalError::Newer { .. }) => {}
            // The last line feed is gone: what was the last line is a write that never ended.
            Ok(log) => assert!(at == whole.len() - 1 && log.entries.len() == events - 1 && log.torn > 0, "byte {at} of line {line} was not found"),
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
}

#[actix::test]
async fn a_journal_cut_anywhere_is_read_up_to_its_last_whole_line() {
    let whole = bytes().await;
    for at in 0..whole.len() {
        let lines = whole[..at].iter().filter(|byte| **byte == b'\n').count();
        match Log::read(&whole[..at]) {
            Ok(log) => assert_eq!((log.entries.len(), log.bytes + log.torn), (lines, at as u64)),
            Err(JournalError::Empty) => assert_eq!(lines, 0),
            Err(error) => panic!("cut at {at}: {error}"),
        }
    }
}

#[actix::test]
async fn hostile_bytes_are_errors_and_never_panics() {
    let whole = bytes().await;
    let text = String::from_utf8(whole.clone()).unwrap();
    let first = text.lines().next().unwrap();
    let sum = first.rsplit_once(",\"sum\":\"").unwrap().1.trim_end_matches("\"}").to_string();
    let cases: Vec<Vec<u8>> = vec![
        b"\n".to_vec(),
        b"{}\n".to_vec(),
        b"\xff\xfe\n".to_vec(),
        b"\0\0\0\0\n".to_vec(),
        [b"\xef\xbb\xbf", &whole[..]].concat(),
        text.replace('\n', "\r\n").into_bytes(),
        text.replace('\n', "\n\n").into_bytes(),
        format!("{first}\n{first}\n").into_bytes(),
        format!("{}\n", first.replace("\"n\":1", "\"n\":18446744073709551616")).into_bytes(),
        format!("{}\n", first.replace("\"v\":1", "\"v\":1,\"v\":1")).into_bytes(),
        format!("{}\n", first.replace(&sum, &"0".repeat(64))).into_bytes(),
        format!("{}\n", "[".repeat(1_000_000)).into_bytes(),
        text.lines().skip(1).collect::<Vec<_>>().join("\n").into_bytes(),
    ];
    for (at, case) in cases.iter().enumerate() {
        assert!(
            matches!(Log::read(case), Err(JournalError::Damaged { .. } | JournalError::Empty)),
            "case {at}: {:?}",
            Log::read(case).map(|log| log.entries.len())
        );
    }
    let newer = format!("{}\n", first.replace("\"v\":1", "\"v\":2"));
    assert!(matches!(Log::read(newer.as_bytes()), Err(JournalError::Newer { line: 1, version: 2 })));
}

/// Lines of real journals, damaged in ways that know the form: cut, swapped, doubled, numbers changed, bytes replaced,
/// with sums made right again as often as not.
#[actix::test]
async fn thousands_of_damaged_journals_are_errors_prefixes_or_illegal_and_never_panics() {
    let (whole, mut seed) = (bytes().await, 0x9e37_79b9_7f4a_7c15_u64);
    let mut random = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % most.max(1) as u64).unwrap()
    };
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let intact = Log::read(&whole).unwrap();
    let (mut whole_ones, mut folded) = (0, 0);
    for _ in 0..20_000 {
        let mut made: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        for _ in 0..=random(2) {
            let (at, other) = (random(made.len()), random(made.len()));
            match random(7) {
                0 => drop(made.remove(at)),
                1 => made.insert(at, made[other].clone()),
                2 => made.swap(at, other),
                3 => {
                    let cut = random(made[at].len());
                    made[at].truncate(cut);
                }
                4 => {
                    let place = random(made[at].len());
                    if let Some(byte) = made[at].get_mut(place) {
                        *byte = u8::try_from(random(256)).unwrap();
                    }
                }
                5 => made[at].extend_from_slice(b"{}\n"),
                _ => made[at] = resummed(&made[at], random(10)),
            }
            if made.is_empty() {
                break;
            }
        }
        if let Ok(log) = Log::read(&made.concat()) {
            whole_ones += 1;
            assert!(log.entries.len() <= intact.entries.len() + 3);
            folded += u32::from(log.fold().is_ok());
        }
    }
    assert!(whole_ones > 100 && folded > 50, "{whole_ones} were whole, {folded} made sense: the damage is too dull");
}

/// Changes a digit of a line, and makes its sum right.
fn resummed(line: &[u8], digit: usize) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(line) else { return line.to_vec() };
    let Some((hashed, _)) = text.rsplit_once(",\"sum\":") else { return line.to_vec() };
    let hashed = hashed.replacen(char::is_numeric, &digit.to_string(), 1);
    format!("{hashed},\"sum\":\"{}\"}}\n", studio_core::name::Digest::blake3(hashed.as_bytes())).into_bytes()
}

#[actix::test]
async fn damage_inside_refuses_to_resume_and_leaves_the_file_alone() {
    let world = ticket();
    world.live().await.unwrap();
    let path = world.begun().unwrap().unwrap().join("journal.jsonl");
    world.disk.tamper(&path, |bytes| bytes[200] ^= 1);
    let before = world.disk.read(&path, u64::MAX).unwrap();
    let error = world.live().await.unwrap_err().to_string();
    assert!(error.contains("damaged at line 1"), "{error}");
    assert_eq!(world.disk.read(&path, u64::MAX).unwrap(), before);
}

#[actix::test]
async fn a_torn_end_is_cut_and_the_run_goes_on() {
    let world = ticket();
    world.live().await.unwrap();
    let path = world.begun().unwrap().unwrap().join("journal.jsonl");
    world.disk.tamper(&path, |bytes| bytes.extend_from_slice(b"{\"n\":99,\"v\":1,\"at\""));
    world.say(Word::Approve).await.unwrap();
    world.live().await.unwrap();
    assert!(world.run().closed().is_some(), "{}", world.transcript());
}

#[actix::test]
async fn under_other_rules_what_was_not_granted_is_judged_again() {
    let world = ticket();
    world.live().await.unwrap();
    let other = World { gate: std::sync::Arc::new(studio_gate::ShortGate::new()), ..world.clone() };
    // A word for what the old rules judged is worth nothing.
    world.say(Word::Approve).await.unwrap();
    assert!(matches!(other.live().await.unwrap(), Rest::Parked(Parked::NeedsHuman, _)));
    let kinds: Vec<&str> = world.log().entries.iter().map(|entry| entry.event.kind()).collect();
    assert!(kinds.ends_with(&["approval-asked", "run-resumed", "step-judged", "approval-asked"]), "{kinds:?}");
    assert_eq!(world.run().policy(), Some(&other.gate.policy()));
    other.say(Word::Approve).await.unwrap();
    other.live().await.unwrap();
    assert_eq!(world.host.ledger().ran.values().sum::<u32>(), 2);
}

#[actix::test]
async fn another_machine_resumes_only_what_was_adopted() {
    let world = ticket();
    world.live().await.unwrap();
    let resume = async |world: &World| world.live_on("other").await;
    assert!(matches!(resume(&world).await, Err(RunError::Elsewhere { .. })));
    let dir = world.begun().unwrap().unwrap();
    let (store, log) = FileStore::open(world.disk.clone(), &dir).await.unwrap();
    let journal = Journal::resume(store, &log, Redactor::default(), std::sync::Arc::new(FixedClock(world.now)));
    assert_eq!(adopt(journal, &log, "box".into(), "other".into(), "it was moved").await.unwrap(), []);
    assert!(matches!(world.live().await, Err(RunError::Elsewhere { machine }) if machine == "other"));
    assert!(matches!(resume(&world).await.unwrap(), Rest::Parked(Parked::NeedsHuman, _)));
    world.replayed().await;
}

/// A run in which nearly everything happens.
fn eventful() -> World {
    let crew = full().adviser("watch".parse().unwrap(), [studio_core::dossier::Checkpoint::AfterPlan], || Watch);
    let runbook = |name: &str| {
        change(
            json!([{ "action": "write", "path": "docs/a.md", "text": "a" }]),
            &[step("look", &["kubectl", "get", "nodes"], json!({ "stdout_matches": ["Ready"] })), step("push", &["flux", name, "apps"], json!({}))],
        )
    };
    let scenario = json!([{ "argv": ["kubectl", "get", "nodes"], "stdout": "3 Ready" }, { "argv": ["flux", "resume", "apps"], "lost": true }]);
    let file = json!([{ "name": "done", "text": "the page is there", "check": { "kind": "file", "path": "docs/a.md" } }]);
    world(
        crew,
        Approvals::Ask,
        scenario,
        &[
            ("planner", json!("no JSON")),
            ("planner", draft(file.clone())),
            ("engineer", json!({ "objections": ["not so"] })),
            ("planner", draft(file)),
            ("engineer", agree()),
            ("engineer", runbook("suspend")),
            ("reviewer", review("accept")),
            ("engineer", runbook("resume")),
            ("reviewer", review("accept")),
            ("reviewer", review("accept")),
        ],
    )
}

struct Watch;

#[async_trait::async_trait]
impl Persona<Advise> for Watch {
    async fn answer(&mut self, _: Advise, _: &Desk) -> Answer<Advice> {
        Ok(Advice::GoOn)
    }
}

#[actix::test]
async fn an_eventful_run_goes_through_every_kind_of_event_and_replays() {
    let world = eventful();
    world.live().await.unwrap();
    world.say(Word::Deny).await.unwrap();
    world.live().await.unwrap();
    world.say(Word::Approve).await.unwrap();
    world.live().await.unwrap();
    world.say(Word::Happened).await.unwrap();
    world.live().await.unwrap();
    world.replayed().await;
    let dir = world.begun().unwrap().unwrap();
    let bytes = world.disk.read(&dir.join("journal.jsonl"), u64::MAX).unwrap();
    let kinds: BTreeSet<&str> = world.log().entries.iter().map(|entry| entry.event.kind()).collect();
    assert!(kinds.len() >= 20, "{kinds:?}\n{}", world.transcript());
    if let Ok(path) = std::env::var("STORE_JOURNAL") {
        fs::write(path, bytes).unwrap(); // once a version of the format, by whoever makes a new one
        println!("state {}", world.run().hash());
    }
}

/// Every build must read every version's stored journal and come to the same state.
#[test]
fn stored_journals_replay_to_the_same_state() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("journals/v1.jsonl");
    let log = Log::read(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(log.fold().unwrap().hash().as_str(), STORED_V1);
    assert_eq!(log.entries.len(), STORED_V1_EVENTS);
}
