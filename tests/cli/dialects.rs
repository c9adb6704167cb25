//! A repository in each dialect: its tickets are listed with reasons, and a rehearsal of all of them changes nothing of the user's.

use super::homelabs::{Homelab, Known, Stands, all};
use super::{Lab, assert_only_ours};
use serde_json::Value;
use std::collections::BTreeMap;

/// Checks every dialect as it comes out of a seed.
fn check(seed: u64) {
    for (dialect, homelab) in all(seed) {
        let files: Vec<(&str, &str)> = homelab.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let lab = Lab::tracked(&files);
        assert_eq!(lab.changed(), Vec::<String>::new());
        let ids = listed(&lab, dialect, &homelab);
        rehearsed(&lab, dialect, &homelab.tickets, &ids);
    }
}

/// Expects that the queue is listed as the generator knows it; returns the ids.
fn listed(lab: &Lab, dialect: &str, homelab: &Homelab) -> Vec<String> {
    let before = lab.files();
    let rows = lab.json(0, "tickets --all");
    assert_eq!(lab.files(), before, "{dialect}: looking writes nothing");
    assert_eq!(rows.len(), homelab.tickets.len(), "{dialect}: {rows:#?}");
    let mut ids = Vec::new();
    for (row, Known { id, stage, stands }) in rows.iter().zip(&homelab.tickets) {
        let (found, why) = (row["id"].as_str().unwrap(), row["why"].as_str().unwrap());
        let made = found.strip_prefix(id.as_str()).is_some_and(|hash| hash.len() == 6 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(found == id || id.ends_with('-') && made, "{dialect}: {found} is not {id}");
        assert_eq!((row["stage"].as_u64(), row["stage_from"].as_str()), (Some(stage.0.into()), Some(stage.1)), "{dialect}: {row}");
        assert_eq!((row["ready"].as_bool(), &row["at_base"]), (Some(!matches!(stands, Stands::Not(_))), &Value::Bool(true)), "{dialect}: {row}");
        let words = match stands {
            Stands::Script | Stands::Thought => "it can be worked on",
            Stands::Not(why) => why,
        };
        assert!(why.contains(words), "{dialect}: {found}: {why}");
        assert_eq!(row["script"].is_string(), *stands == Stands::Script, "{dialect}: {row}");
        let (path, line) = row["source"].as_str().unwrap().rsplit_once(':').unwrap();
        let text = lab.read(path);
        assert!(line.parse::<usize>().unwrap() <= text.lines().count(), "{dialect}: {row}");
        ids.push(found.to_string());
    }
    ids
}

/// Rehearses everything that is ready, and expects the end of each ticket and a checkout that is as it was.
fn rehearsed(lab: &Lab, dialect: &str, tickets: &[Known], ids: &[String]) {
    let before = lab.files();
    let known = || tickets.iter().zip(ids);
    let wants_model = known().any(|(known, _)| known.stands == Stands::Thought);
    let rows = lab.json(if wants_model { 5 } else { 0 }, "run --all --mode simulate");
    let opened = rows.iter().filter(|row| row["kind"] == "run-opened");
    let tickets: BTreeMap<&str, &str> = opened.map(|row| (row["run"].as_str().unwrap(), row["body"]["ticket"]["id"].as_str().unwrap())).collect();
    let rests = rows.iter().filter(|row| row["type"] == "rest");
    let ends: Vec<(&str, &Value)> = rests.map(|row| (tickets[row["run"].as_str().unwrap()], row)).collect();
    let ready: Vec<&String> = known().filter(|(known, _)| !matches!(known.stands, Stands::Not(_))).map(|(_, id)| id).collect();
    assert_eq!(ends.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ready, "{dialect}");
    for (known, id) in known() {
        let Some((_, end)) = ends.iter().find(|(ended, _)| ended == id) else { continue };
        let why = end["why"].as_str().unwrap();
        if known.stands == Stands::Script {
            assert_eq!((&end["state"], &end["exit"]), (&"rehearsed".into(), &0.into()), "{dialect}: {end}");
            assert!(end["report"].as_str().unwrap().starts_with("ai/studio/reports/"), "{dialect}: {end}");
        } else {
            assert_eq!((&end["state"], &end["exit"], &end["report"]), (&"needs-setting".into(), &5.into(), &Value::Null), "{dialect}: {end}");
            assert!(why.contains("--model") && why.contains("studio.toml"), "{dialect}: {why}");
        }
    }
    assert_only_ours(&before, &lab.files());
    let reports = ends.iter().filter(|(_, end)| end["report"].is_string()).count();
    let changed = lab.changed();
    assert!(changed.iter().all(|line| line.starts_with("?? ai/studio/reports/")) && changed.len() == reports, "{dialect}: {changed:?}");
}

#[test]
fn every_dialect_is_read_and_rehearsed() {
    check(1);
}

#[test]
fn other_words_line_breaks_and_blanks_change_nothing() {
    check(20_261_122);
}

#[test]
fn a_seed_gives_both_kinds_of_line_breaks() {
    let texts = |seed| all(seed).into_iter().flat_map(|(_, lab)| lab.files).map(|(_, text)| text.contains("\r\n"));
    let kinds: Vec<bool> = texts(1).chain(texts(20_261_122)).collect();
    assert!(kinds.contains(&true) && kinds.contains(&false));
}

#[test]
fn what_is_changed_in_the_checkout_is_an_idea_in_every_dialect() {
    for (dialect, homelab) in all(7) {
        let Some((path, text)) = homelab.files.iter().find(|(path, _)| path.contains("backlog")) else { continue };
        let lab = Lab::tracked(&[("README.md", "# none of it is committed\n")]);
        lab.write(path, text);
        lab.write("infrastructure/checks/uptime.sh", "uptime\n");
        for row in lab.json(0, "tickets --all") {
            assert_eq!((&row["at_base"], &row["script"], &row["stage_from"]), (&false.into(), &Value::Null, &"assumed".into()), "{dialect}: {row}");
            assert!(row["why"].as_str().unwrap().contains("it is an idea"), "{dialect}: {row}");
        }
        let ready = lab.json(0, "tickets").iter().any(|row| row["ready"] == true);
        let said = lab.studio(if ready { 5 } else { 0 }, "run --all");
        assert!(!said.out.contains("bash --noprofile"), "{dialect}: {}", said.out);
    }
}
