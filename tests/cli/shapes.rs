//! What `--json` prints: one object a line, each type with the same keys wherever it is printed.

use super::Lab;
use super::trusted::{DANGER, facts_and};
use expect_test::expect;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The keys of each type.
pub(crate) type Shapes = BTreeMap<String, BTreeSet<String>>;

/// Returns every type that the studio printed in a day's work, with its keys.
pub(crate) fn seen() -> Shapes {
    let lab = Lab::ready();
    let mut shapes = Shapes::new();
    let mut note = |lab: &Lab, exit: i32, line: &str| lab.json(exit, line).iter().for_each(|object| add(&mut shapes, object));
    note(&Lab::new(&[]), 0, "init");
    note(&Lab::new(&[]), 0, "run");
    note(&Lab::new(&[]), 0, "demo --dir sample");
    note(&lab, 0, "tickets --all");
    note(&lab, 0, "policy explain -- kubectl cordon w-1");
    note(&lab, 6, "run old-news");
    note(&lab, 0, "run collect-facts");
    note(&lab, 0, "status");
    fs::remove_dir_all(lab.run()).unwrap();
    note(&lab, 4, "run wipe-scratch --approvals ask");
    for (exit, line) in
        [(0, "status"), (0, "approvals"), (0, "approve 2"), (0, "approvals"), (0, "resume 2"), (0, "log 2"), (0, "verify 2"), (0, "replay 2")]
    {
        note(&lab, exit, line);
    }
    fs::write(lab.journal().0, "nonsense\n").unwrap();
    note(&lab, 0, "status");
    note(&lab, 3, "verify 2");
    live(&mut note);
    shapes
}

/// A day's work in live mode.
fn live(note: &mut impl FnMut(&Lab, i32, &str)) {
    let lab =
        Lab::trusted(&facts_and(&[("ai/backlog.yaml", &super::ideas::queue()), ("infrastructure/wipe-disk.sh", "sgdisk --zap-all /dev/sda\n")]));
    lab.settle_in("answers.toml", super::ideas::ANSWERS);
    let model = format!("scripted:{}", lab.operator().join("answers.toml").display());
    for (exit, line) in [(0, "trust --yes"), (0, "doctor"), (0, "audit"), (0, "add lamps"), (0, "memory search lamps")] {
        note(&lab, exit, line);
    }
    note(&lab, 0, &format!("run write-it --mode live --crew small --model {model}"));
    for (exit, line) in [(0, "report 2"), (0, "diff 2"), (0, "trace 2"), (0, "status 2"), (0, "memory search page"), (0, "verify 2"), (0, "replay 2")]
    {
        note(&lab, exit, line);
    }
    for (exit, line) in [(0, "tickets --proposed"), (0, "tickets --accept 2"), (0, "tickets")] {
        note(&lab, exit, line);
    }
    let danger = Lab::dangerous("true\n", "", &[]);
    for line in ["script list", &format!("script register {DANGER} --yes"), &format!("script unregister {DANGER}")] {
        note(&danger, 0, line);
    }
    note(&lab, 0, "freeze --reason x");
    note(&lab, 0, "freeze --lift");
    note(&lab, 0, "stop --all");
    fs::write(lab.operator().join("install"), "another-install\n").unwrap();
    note(&lab, 4, "run facts --mode live");
    fs::write(lab.operator().join("install"), "one-more-install\n").unwrap();
    note(&lab, 0, "adopt --yes");
    for (exit, line) in [(0, "gc --days 0 --keep-mib 0"), (0, "init --undo")] {
        note(&lab, exit, line);
    }
}

fn add(shapes: &mut Shapes, object: &Value) {
    let fields = object.as_object().unwrap();
    assert_eq!(fields["v"], 1, "{object}");
    let kind = fields["type"].as_str().unwrap_or_else(|| panic!("no type: {object}"));
    let keys: BTreeSet<String> = fields.keys().filter(|key| !matches!(key.as_str(), "v" | "type")).cloned().collect();
    let known = shapes.entry(kind.into()).or_insert_with(|| keys.clone());
    assert_eq!(*known, keys, "{kind} has other keys here: {object}");
}

/// Writes one type a line.
pub(crate) fn words(shapes: &Shapes) -> String {
    shapes.iter().map(|(kind, keys)| format!("{kind}: {}\n", keys.iter().map(String::as_str).collect::<Vec<_>>().join(" "))).collect()
}

#[test]
fn each_type_has_its_keys() {
    expect![[r#"
        accepted: changes run
        added: line path
        adopted: run unknown
        answer: by expires run step word
        approval: answered argv attempt class effect run shown state step target
        audit: bytes files left_out
        diff: branch commit patch run
        error: exit why
        event: at body epoch kind n run
        explained: argv better class effect probe rule verdict why
        finding: line mend path rule section severity what
        freeze: at by frozen why
        gc: bytes removed run
        hit: line path score text
        init: base base_recorded made notes operator repo stages written
        look: found health what
        nothing: why
        proposal: change run
        registered: by class decided declared new path script sha256 uses
        replayed: answers decisions run state
        report: run state text why
        rest: exit next report run state why
        run: events last model_calls round run simulated state steps ticket tokens torn_bytes why
        script: cannot_fail class decided declared path registered script standing warns
        stopped: run running
        ticket: at_base depends_on id ready script source stage stage_from status title why
        traced: at body epoch kind n run took_ms
        trust: by digest files new stages
        undone: path removed
        unreadable: run state why
        unregistered: path was
        verified: anchored blobs events head run signatures state torn_bytes
    "#]]
    .assert_eq(&words(&seen()));
}

#[test]
fn json_says_what_the_words_say() {
    let lab = Lab::ready();
    let tickets = lab.json(0, "tickets");
    let ready: Vec<&str> = tickets.iter().filter(|ticket| ticket["ready"] == true).map(|ticket| ticket["id"].as_str().unwrap()).collect();
    assert_eq!(ready, ["collect-facts", "tidy-readme", "registry-answers", "wipe-scratch", "raise-notes", "describe-backup"]);
    let lines = lab.json(4, "run wipe-scratch --approvals ask");
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["run-opened", "plan-proposed", "plan-agreed", "edits-proposed", "step-judged", "approval-asked"]);
    let rest = lines.last().unwrap();
    assert_eq!((rest["type"].as_str(), rest["state"].as_str(), rest["exit"].as_i64()), (Some("rest"), Some("needs-human"), Some(4)));
    assert_eq!(rest["next"].as_array().unwrap().len(), 2);
    let waits = &lab.json(0, "approvals")[0];
    assert_eq!((waits["run"].as_str(), waits["answered"].as_str(), waits["step"].as_u64()), (rest["run"].as_str(), None, Some(1)));
    let answer = &lab.json(0, "deny 2 1 --reason later")[0];
    assert_eq!((answer["word"].as_str(), answer["by"].as_str()), (Some("deny"), Some("ops")));
    assert!(lab.json(0, "approvals")[0]["answered"].as_str().unwrap().starts_with("it may not run"));
    let error = &lab.json(2, "status nobody")[0];
    assert_eq!((error["exit"].as_i64(), error["why"].as_str().unwrap().contains("there is no run")), (Some(2), true));
}

#[test]
fn the_log_is_the_journal() {
    let lab = Lab::ready();
    lab.studio(0, "run collect-facts");
    let journal = String::from_utf8(lab.journal().1).unwrap();
    let journal: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let log = lab.json(0, "log 2");
    assert_eq!(log.len(), journal.len());
    for (shown, kept) in log.iter().zip(&journal) {
        for key in ["n", "at", "run", "epoch", "kind", "body"] {
            assert_eq!(shown[key], kept[key], "{key}");
        }
    }
}
