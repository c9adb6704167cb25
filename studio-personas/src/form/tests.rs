//! Tests of the forms: each says exactly what the core's types read, and no more than servers compile.

use super::*;
use crate::render::tests::full;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::curation::Curation;
use studio_core::dossier::{Decision, Draft, Opinion, Review};
use studio_core::expect::JsonIs;
use studio_core::limits::{
    ARGV_WORDS_MAX, CRITERIA_MAX, EDITS_MAX, EXPECTATIONS_MAX, LIST_MAX, PATH_BYTES_MAX, PATTERN_BYTES_MAX, STEP_SECONDS_MAX, STEPS_MAX,
};
use studio_core::plan::{Change, Check, Criterion, Edit, Plan};
use studio_core::step::{Argv, Expect, Probe, Step};
use studio_core::text::Prose;

/// A longer bound makes some builds of llama.cpp refuse the whole grammar.
const LENGTH_MAX: u64 = 1999;

fn sheets() -> [&'static Sheet; 4] {
    [&DRAFT, &OPINION, &CHANGE, &REVIEW]
}

/// A step with every field set, written out so that a new field does not compile until it stands here.
fn step() -> Step {
    let argv = Argv::try_from(vec!["kubectl".to_string(), "version".to_string()]).unwrap();
    let expect = Expect {
        exit: 0,
        stdout_matches: vec!["a".try_into().unwrap()],
        stdout_lacks: vec!["b".try_into().unwrap()],
        json: vec![JsonIs { pointer: "/a".into(), is: json!(1) }],
    };
    Step {
        name: "look".try_into().unwrap(),
        argv: argv.clone(),
        target: "lab".try_into().unwrap(),
        why: Prose::tamed("why"),
        expect: expect.clone(),
        probe: Some(Probe { argv: argv.clone(), expect }),
        undo: Some(argv),
        timeout_seconds: 5.try_into().unwrap(),
    }
}

fn draft() -> Draft {
    let checks = [
        Check::Step { step: "look".try_into().unwrap() },
        Check::ReadBack { read: Box::new(step()) },
        Check::File { path: "a".try_into().unwrap(), matches: Some("a".try_into().unwrap()) },
    ];
    let criterion = |(at, check)| Criterion { name: format!("c{at}").try_into().unwrap(), text: Prose::tamed("text"), check: Some(check) };
    let criteria = checks.into_iter().enumerate().map(criterion).collect();
    let id = || "t".try_into().unwrap();
    let backlog = vec![
        Curation::Criteria { ticket: id(), criteria: vec![Prose::tamed("c")] },
        Curation::Split { ticket: id(), title: Prose::tamed("t"), body: Some(Prose::tamed("b")) },
        Curation::After { ticket: id(), on: id(), why: Prose::tamed("w") },
        Curation::Duplicate { ticket: id(), of: id() },
        Curation::Stale { ticket: id(), why: Prose::tamed("w") },
    ];
    Draft { brief: Prose::tamed("brief"), plan: Plan { goal: Prose::tamed("goal"), constraints: vec![Prose::tamed("c")], criteria }, backlog }
}

fn change() -> Change {
    let path = || "a".try_into().unwrap();
    let edits = vec![Edit::Write { path: path(), text: "t".into() }, Edit::Remove { path: path() }, Edit::Rename { path: path(), to: path() }];
    Change { summary: Prose::tamed("summary"), edits, runbook: vec![step()] }
}

/// Follows references.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(place) => resolved(root, root.pointer(place.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

/// Says whether `value` is what `schema` describes, and notes the keys seen at each object of it.
fn fits(root: &Value, schema: &Value, value: &Value, seen: &mut BTreeMap<String, BTreeSet<String>>) -> bool {
    let schema = resolved(root, schema);
    if let Some(branches) = schema["anyOf"].as_array() {
        return branches.iter().any(|branch| fits(root, branch, value, seen));
    }
    match (schema["type"].as_str().unwrap(), value) {
        ("object", Value::Object(fields)) => {
            let known: BTreeSet<String> = fields.keys().cloned().collect();
            let fit = known == keys(schema) && fields.iter().all(|(key, item)| fits(root, &schema["properties"][key], item, seen));
            if fit {
                seen.entry(schema.to_string()).or_default().extend(known);
            }
            fit
        }
        ("array", Value::Array(items)) => {
            items.len() as u64 <= schema["maxItems"].as_u64().unwrap() && items.iter().all(|item| fits(root, &schema["items"], item, seen))
        }
        ("string", Value::String(text)) => {
            schema["enum"].as_array().is_none_or(|words| words.contains(value))
                && text.len() as u64 <= schema["maxLength"].as_u64().unwrap_or(LENGTH_MAX)
        }
        ("integer" | "number", Value::Number(_)) | ("boolean", Value::Bool(_)) | ("null", Value::Null) => true,
        _ => false,
    }
}

fn keys(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

/// Calls `look` with every schema inside `schema` and the key it stands under.
fn each(schema: &Value, under: &str, look: &mut impl FnMut(&str, &Value)) {
    look(under, schema);
    for group in ["properties", "$defs"] {
        for (key, inner) in schema[group].as_object().into_iter().flatten() {
            each(inner, key, look);
        }
    }
    for inner in schema["anyOf"].as_array().into_iter().flatten().chain(schema.get("items")) {
        each(inner, under, look);
    }
}

fn holds<T: DeserializeOwned + Serialize>(sheet: &Sheet, full: &[T]) {
    let (root, mut seen) = (&sheet.form.schema, BTreeMap::new());
    assert!(sheet.examples.len() >= 2);
    for example in &sheet.examples {
        let read: Result<T, _> = serde_json::from_value(example.clone());
        assert!(read.is_ok(), "{}: {:?}", sheet.form.name, read.err());
        assert!(fits(root, root, example, &mut BTreeMap::new()), "an example does not fit {}", sheet.form.name);
    }
    for value in full {
        let value = serde_json::to_value(value).unwrap();
        assert!(fits(root, root, &value, &mut seen), "{value} does not fit {}", sheet.form.name);
    }
    each(root, "", &mut |under, schema| {
        if schema["type"] == "object" {
            assert_eq!(seen.get(&schema.to_string()), Some(&keys(schema)), "{under} of {} is not what the type writes", sheet.form.name);
        }
    });
}

#[test]
fn forms_and_types_say_the_same() {
    holds(&DRAFT, &[draft()]);
    holds(&CHANGE, &[change()]);
    holds(&OPINION, &[Opinion { objections: vec![Prose::tamed("no")] }]);
    let decided = [Decision::Accept, Decision::BackToEngineer, Decision::BackToPlanner];
    holds(&REVIEW, &decided.map(|decision| Review { decision, notes: Prose::tamed("notes") }));
}

#[test]
fn every_form_is_closed_and_bounded() {
    for sheet in sheets() {
        each(&sheet.form.schema, "", &mut |under, schema| {
            let place = format!("{under} of {}", sheet.form.name);
            let required: BTreeSet<String> = schema["required"].as_array().into_iter().flatten().map(|key| key.as_str().unwrap().into()).collect();
            match schema["type"].as_str() {
                Some("object") => assert!(schema["additionalProperties"] == false && required == keys(schema), "{place}"),
                Some("array") => assert!(schema["maxItems"].is_u64(), "{place}"),
                // The text of a file is the one string that no server's grammar can bound; the core does.
                Some("string") if under == "text" && sheet.form.name == "change" => {}
                Some("string") => {
                    assert!(schema["enum"].is_array() || schema["maxLength"].as_u64().is_some_and(|most| most <= LENGTH_MAX), "{place}")
                }
                Some(_) | None => {}
            }
            let anchored = schema["pattern"].as_str().is_none_or(|pattern| pattern.starts_with('^') && pattern.ends_with('$'));
            assert!(anchored, "{place}");
        });
    }
}

#[test]
fn bounds_are_those_of_the_core() {
    for (sheet, place, limit) in [
        (&*DRAFT, "/properties/plan/properties/criteria/maxItems", CRITERIA_MAX),
        (&*DRAFT, "/properties/plan/properties/constraints/maxItems", LIST_MAX),
        (&*DRAFT, "/$defs/file_check/properties/path/maxLength", PATH_BYTES_MAX),
        (&*OPINION, "/properties/objections/maxItems", LIST_MAX),
        (&*CHANGE, "/properties/edits/maxItems", EDITS_MAX),
        (&*CHANGE, "/properties/runbook/maxItems", STEPS_MAX),
        (&*CHANGE, "/$defs/path/maxLength", PATH_BYTES_MAX),
        (&*CHANGE, "/$defs/argv/maxItems", ARGV_WORDS_MAX),
        (&*CHANGE, "/$defs/pattern/maxLength", PATTERN_BYTES_MAX),
        (&*CHANGE, "/$defs/expect/properties/stdout_matches/maxItems", EXPECTATIONS_MAX),
        (&*CHANGE, "/$defs/expect/properties/json/maxItems", EXPECTATIONS_MAX),
        (&*CHANGE, "/$defs/step/properties/timeout_seconds/maximum", STEP_SECONDS_MAX as usize),
    ] {
        assert_eq!(sheet.form.schema.pointer(place), Some(&json!(limit)), "{place}");
    }
    for shared in ["step", "probe", "expect", "json_is", "argv", "pattern", "label"] {
        assert_eq!(DRAFT.form.schema["$defs"][shared], CHANGE.form.schema["$defs"][shared], "{shared}");
    }
}

#[test]
fn a_prompt_is_rules_role_example_then_data_then_the_task() {
    let asked = messages("You are somebody.\n", Some(&REVIEW), &full("Please."), "Say something.");
    let [system, user] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((system.role, user.role), (Role::System, Role::User));
    assert!(
        system.text.starts_with("You are one persona")
            && system.text.contains("\nYou are somebody.\n")
            && system.text.contains("\"decision\": \"back-to-engineer\"")
    );
    assert!(user.text.ends_with("\n## Your task\n\nSay something.\n") && user.text.contains("Please."));
    assert_eq!(asked, messages("You are somebody.\n", Some(&REVIEW), &full("Please."), "Say something."));
    assert!(!messages("", None, &full("Please."), "")[0].text.contains("JSON document"));
    for sheet in sheets() {
        assert!(!sheet.form.schema.to_string().contains("\"examples\""));
    }
}
