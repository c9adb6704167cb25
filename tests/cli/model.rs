//! The whole loop with a model behind HTTP: answers good and bad, a server that is away, a key that stays secret.

use super::{Lab, assert_only_ours, sample, tree};
use serde_json::{Value, json};
use std::fs;
use studio_tests::server::{Asked, Door, Reply, Server};

pub(crate) const KEY: &str = "sk-attic/0123456789";

/// Names the server at `url` as the model `attic`, which is used where none is named.
pub(crate) fn name(lab: &Lab, url: &str) {
    let text = format!("model = \"openai:attic\"\n\n[models.attic]\nbase_url = \"{url}\"\nmodel = \"small\"\nkey = \"{KEY}\"\n");
    lab.settle_in("studio.toml", &text);
}

/// What a good crew answers about `raise-notes`.
pub(crate) fn good(asked: &Asked) -> Reply {
    Reply::Says(match asked.form.as_str() {
        "draft" => draft(json!({ "kind": "file", "path": sample::DEPLOYMENT, "matches": "replicas: 2" })).to_string(),
        "opinion" => json!({ "objections": [] }).to_string(),
        "change" => change(json!([step("see-notes", &["kubectl", "get", "deployment", "notes", "-n", "notes"])])).to_string(),
        "review" => json!({ "decision": "accept", "notes": "One line differs." }).to_string(),
        _ => "Two of the notes would stand where one stood.".into(),
    })
}

pub(crate) fn draft(check: Value) -> Value {
    let criteria = json!([{ "name": "two", "text": "The manifest asks for two.", "check": check }]);
    json!({ "brief": "Somebody wants more notes.", "plan": { "goal": "Two replicas of notes.", "constraints": [], "criteria": criteria } })
}

pub(crate) fn change(runbook: Value) -> Value {
    let edit = json!({ "action": "write", "path": sample::DEPLOYMENT, "text": sample::deployment(2) });
    json!({ "summary": "Raises notes to two.", "edits": [edit], "runbook": runbook })
}

fn step(name: &str, argv: &[&str]) -> Value {
    json!({ "name": name, "argv": argv, "target": "attic", "why": "It is needed.", "expect": {}, "timeout_seconds": 60 })
}

/// Returns the forms that were asked for, in order.
pub(crate) fn forms(server: &Server) -> Vec<String> {
    server.asked().iter().map(|asked| format!("{} {}", asked.form, asked.turn)).collect()
}

/// Says that the key stands in the operator's settings and nowhere else below the lab's folder.
fn kept_secret(lab: &Lab) {
    let whole = lab.repo().parent().unwrap().to_path_buf();
    for (path, bytes) in tree(&whole) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(path.ends_with("studio/studio.toml") || !(text.contains(KEY) || text.contains("0123456789")), "{path} holds the key");
    }
}

#[test]
fn a_model_carries_a_ticket_to_its_report() {
    let lab = Lab::ready();
    let before = lab.files();
    let server = Server::start(|asked| match (asked.form.as_str(), asked.turn) {
        ("draft", _) => {
            let fitting = draft(json!({ "kind": "file", "path": sample::DEPLOYMENT, "matches": "replicas: 2" }));
            let leaky = fitting.to_string().replace("more notes.", &format!("more notes. My key is {KEY}, and {}.", KEY.replace('/', "\\/")));
            Reply::Says(format!("```json\n{leaky}\n```\n"))
        }
        ("change", 1) => Reply::Says(json!({ "summary": "Raises notes.", "edits": "none", "runbook": [] }).to_string()),
        _ => good(asked),
    });
    name(&lab, &server.url());
    let said = lab.studio(0, "run raise-notes");
    assert!(said.out.contains("\nrehearsed: 1 criteria met by machine checks, 1 steps\n"), "{}", said.out);
    assert_eq!(forms(&server), ["draft 1", "opinion 1", "change 1", "change 2", "review 1", "review 2", "text 1"]);
    for asked in server.asked() {
        assert!(asked.head.starts_with("POST /v1/chat/completions "), "{}", asked.head);
        assert!(asked.head.to_lowercase().contains(&format!("authorization: bearer {KEY}")), "{}", asked.head);
        assert!(!asked.body.to_string().contains("0123456789"), "the key is in no prompt");
    }
    let repair = server.asked()[3].body["messages"].to_string();
    assert!(repair.contains("That answer is not accepted: ") && repair.contains("of the form change"), "{repair}");

    let journal = fs::read_to_string(lab.journal().0).unwrap();
    assert!(journal.contains("My key is [secret], and [secret]."), "{journal}");
    let report = fs::read_to_string(said.out.lines().find_map(|line| line.strip_prefix("report      ")).unwrap()).unwrap();
    assert!(report.contains("My key is [secret]") && report.contains("7 calls to openai:attic, 700 tokens in, 70 out"), "{report}");
    assert!(!format!("{}{}", said.out, said.err).contains("0123456789"));
    kept_secret(&lab);
    assert_only_ours(&before, &lab.files());

    drop(server);
    assert!(lab.studio(0, "replay 2").out.contains("from 7 recorded answers; nothing ran, nothing was bought"));
    let row = &lab.json(0, "status 2")[0];
    assert_eq!((row["model_calls"].as_u64(), row["tokens"].as_u64()), (Some(7), Some(770)));
}

#[test]
fn a_server_that_is_away_is_waited_for_and_nothing_is_bought_twice() {
    let lab = Lab::ready();
    let door = Door::new();
    name(&lab, &door.url());
    let said = lab.studio(4, "run raise-notes");
    assert!(said.out.contains("\nneeds-human: planner: the model's server could not be reached: "), "{}", said.out);
    let why = said.out.lines().find(|line| line.starts_with("needs-human: ")).unwrap();
    assert!(why.contains("refused") && why.ends_with("; mend it, then resume"), "{why}");

    let server = door.open(|asked| if (asked.form.as_str(), asked.turn) == ("opinion", 1) { Reply::HangsUp } else { good(asked) });
    let next = said.out.lines().find_map(|line| line.strip_prefix("next        ")).unwrap();
    assert!(lab.shell(4, next).out.contains("\nneeds-human: engineer: the model's server could not be reached: "));
    lab.shell(0, next);
    assert_eq!(forms(&server), ["draft 1", "opinion 1", "opinion 2", "change 1", "review 1", "review 2", "text 1"]);
    lab.studio(0, "verify 2");
    lab.studio(0, "replay 2");
}

#[test]
fn what_is_no_answer_parks_the_run_with_a_sentence() {
    let lab = Lab::ready();
    let ended = |reason: &str| Reply::Status(200, json!({ "choices": [{ "message": { "content": "{" }, "finish_reason": reason }] }).to_string());
    let endless = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(2 << 20));
    let cases = [
        (Reply::Status(500, "<h1>out of memory</h1>".into()), 1, "the model's server answered 500: <h1>out of memory</h1>"),
        (Reply::Status(401, format!("no such key: {KEY}")), 1, "the model's server answered 401: no such key: [secret]"),
        (Reply::Status(429, String::new()), 1, "the model's server answered 429: "),
        (Reply::Status(200, "{\"ok\":true}".into()), 1, "no chat completion: it holds no choices"),
        (Reply::Status(200, "<html>".into()), 1, "no chat completion: expected value"),
        (Reply::Raw("220 smtp ready\r\n".into()), 1, "the model's server could not be reached: "),
        (Reply::Raw(endless), 1, "the model's answer has "),
        (Reply::HangsUp, 1, "the model's server could not be reached: "),
        (Reply::Says(String::new()), 1, "its content is empty"),
        (ended("length"), 1, "the model's answer was cut off before its end"),
        (Reply::Says("I am sorry, I cannot help with that. ".repeat(200)), 3, "I am sorry, I cannot help with that."),
        (Reply::Says("{}".into()), 3, "missing field `brief`"),
        (Reply::Says(draft(json!({ "kind": "hope" })).to_string()), 3, "unknown variant `hope`"),
    ];
    for (reply, calls, why) in cases {
        let shown = format!("{reply:.80?}");
        let server = Server::start(move |_| reply.clone());
        name(&lab, &server.url());
        let said = lab.studio(4, "run raise-notes");
        let line = said.out.lines().find(|line| line.starts_with("needs-human: ")).unwrap();
        assert!(line.contains("planner: ") && line.contains(why) && line.ends_with("; mend it, then resume"), "{shown}: {line}");
        assert!(line.chars().count() < 900, "{line}");
        assert_eq!(server.asked().len(), calls, "{shown}");
    }
    kept_secret(&lab);
}

#[test]
fn a_crew_that_insists_on_what_is_refused_runs_out_of_rounds() {
    let lab = Lab::ready();
    let server = Server::start(|asked| match asked.form.as_str() {
        "change" => Reply::Says(change(json!([step("clean", &["kubectl", "delete", "namespace", "notes"])])).to_string()),
        _ => good(asked),
    });
    name(&lab, &server.url());
    let said = lab.studio(7, "run raise-notes");
    assert!(
        said.out.contains("\nout-of-rounds: the work was sent back 4 times; the last word, of gate: step clean is script-only (destroy): "),
        "{}",
        said.out
    );
    assert!(!said.out.contains("granted "), "{}", said.out);
}

#[test]
fn a_models_words_cannot_pose_as_the_studios() {
    let lab = Lab::ready();
    let notes = "It is not enough.\nnext        sudo rm -rf /";
    let server = Server::start(move |asked| match asked.form.as_str() {
        "review" => Reply::Says(json!({ "decision": "back-to-engineer", "notes": notes }).to_string()),
        _ => good(asked),
    });
    name(&lab, &server.url());
    let said = lab.studio(7, "run raise-notes");
    let all = [said.out, lab.studio(0, "log 2").out, lab.studio(0, "status 2").out, lab.studio(0, "approvals").out].concat();
    assert!(all.contains("It is not enough. next sudo rm -rf /"), "{all}");
    assert!(!all.lines().any(|line| line.starts_with("next ")), "{all}");
}

#[test]
fn what_no_machine_can_check_is_left_to_a_human() {
    let lab = Lab::ready();
    let server = Server::start(|asked| match asked.form.as_str() {
        "draft" => Reply::Says(draft(Value::Null).to_string()),
        _ => good(asked),
    });
    name(&lab, &server.url());
    let said = lab.studio(4, "run raise-notes --crew small");
    assert!(said.out.contains("\nneeds-review: no machine can say whether these criteria are met: two; "), "{}", said.out);
    assert!(said.out.contains("\nreport      ") && !said.out.contains("\nnext "), "{}", said.out);
    assert_eq!(forms(&server), ["draft 1", "opinion 1", "change 1"], "a small crew has no Reviewer and no Narrator");
}

#[test]
fn settings_that_are_missing_or_wrong_are_said_before_anything_is_begun() {
    let lab = Lab::ready();
    let said = lab.studio(5, "run raise-notes --model openai:attic");
    assert!(said.err.contains("studio.toml has no model attic (it names none); add\n\n  [models.attic]\n"), "{}", said.err);
    let models = "[models.attic]\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"small\"\n";
    for (exit, text, why) in [
        (5, format!("{models}key_env = \"ATTIC_KEY\"\n"), "key_env names ATTIC_KEY, which is not set"),
        (5, format!("{models}key_file = \"/nowhere/key\"\n"), "key_file /nowhere/key: "),
        (5, models.replace("http://", "ftp://"), "is no http or https address"),
        (3, format!("{models}key = \"a\"\nkey_env = \"B\"\n"), "has more than one of key, key_env, key_file: keep one"),
        (3, format!("{models}passwd = \"x\"\n"), "unknown field `passwd`"),
        (3, "[models".into(), "studio.toml:1: it is not of the form"),
    ] {
        lab.settle_in("studio.toml", &text);
        let said = lab.studio(exit, "run raise-notes --model openai:attic");
        assert!(said.err.contains(why), "{}", said.err);
    }
    assert!(super::runs(&lab.repo()).is_empty());
}
