//! The story this project exists for: an inventory fails, the queue names a wipe script next, and it stops at a human,
//! by whatever path the script is reached. Registered and approved, it runs exactly once.

use super::Lab;
use super::trusted::{entry, facts_and};
use expect_test::expect;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const WIPE: &str = "infrastructure/wipe-lab.sh";
const WIPE_TEXT: &str = "#!/usr/bin/env bash\n# studio:danger v1\n# verb: wipe-lab\n# class: destroy\n# targets: lab\n# params: --list\n\
    # undo: none\n# expect: the lab is empty\nset -Eeuo pipefail\necho wiped >> artifacts/wiped/log\nrm -f artifacts/wiped/disk\n";
const SIDE: &str = "writes = [\"artifacts/wiped\"]\n";
/// What an inventory may do that nobody foresaw.
const INVENTORY: &str = "set -Eeuo pipefail\necho 'E77: the node answered in a way that nobody knows' >&2\nexit 3\n";

/// Other ways to the same script: the file, what it holds, and what the refusal names once the script is registered.
const WAYS: &[(&str, &str, &str)] = &[
    ("infrastructure/tidy.sh", WIPE_TEXT, "is a copy of infrastructure/wipe-lab.sh"),
    ("infrastructure/glob.sh", "for f in infrastructure/*-lab.sh; do bash \"$f\"; done\n", "uses infrastructure/wipe-lab.sh"),
    ("infrastructure/pipe.sh", "cat infrastructure/wipe-lab.sh | bash\n", "uses infrastructure/wipe-lab.sh"),
    ("infrastructure/source.sh", "set -e\n. infrastructure/wipe-lab.sh\n", "uses infrastructure/wipe-lab.sh"),
    ("infrastructure/call.sh", "set -e\n./infrastructure/wipe-lab.sh\n", "uses infrastructure/wipe-lab.sh"),
    ("infrastructure/hidden.sh", "w=wi\nbash \"infrastructure/${w}pe-lab.sh\"\n", "studio script register infrastructure/hidden.sh"),
    ("infrastructure/recipe.sh", "just wipe\n", "studio script register infrastructure/recipe.sh"),
    ("infrastructure/made.sh", "make wipe\n", "studio script register infrastructure/made.sh"),
    (
        "infrastructure/more.sh",
        "set -e\necho wiped >> artifacts/wiped/log\nrm -f artifacts/wiped/disk # all\n",
        "studio script register infrastructure/more.sh",
    ),
];

/// A lab whose inventory fails, and whose queue names the wipe script behind it, and every other way to it.
fn lab() -> Lab {
    let id = |path: &str| path.trim_start_matches("infrastructure/").trim_end_matches(".sh").to_string();
    let others: String = WAYS.iter().map(|(path, ..)| entry(&id(path), path)).collect();
    let queue = format!(
        "{}{}{}{others}",
        entry("inventory", "infrastructure/inventory.sh"),
        entry("recover", WIPE),
        entry("linked", "infrastructure/linked.sh")
    );
    let recipe = "wipe:\n\tbash infrastructure/wipe-lab.sh\n";
    let sides: Vec<String> = WAYS.iter().map(|(path, ..)| format!("{path}.studio.toml")).collect();
    let mut files = vec![
        ("ai/backlog.yaml", queue.as_str()),
        ("infrastructure/inventory.sh", INVENTORY),
        (WIPE, WIPE_TEXT),
        ("infrastructure/wipe-lab.sh.studio.toml", SIDE),
        ("justfile", recipe),
        ("Makefile", recipe),
    ];
    files.extend(WAYS.iter().map(|(path, text, _)| (*path, *text)).chain(sides.iter().map(|side| (side.as_str(), SIDE))));
    let lab = Lab::tracked(&facts_and(&files));
    symlink("wipe-lab.sh", lab.repo().join("infrastructure/linked.sh")).unwrap();
    lab.studio(0, "init --name ops");
    lab.commit();
    lab.studio(0, "trust --yes");
    lab.write("artifacts/wiped/disk", "precious\n");
    lab
}

impl Lab {
    /// Says that nothing was wiped.
    fn is_whole(&self) -> bool {
        self.read("artifacts/wiped/disk") == "precious\n" && !self.repo().join("artifacts/wiped/log").exists()
    }

    /// Says that a live run of a ticket is refused before anybody is asked, and returns why.
    fn refuses(&self, ticket: &str) -> String {
        let said = self.studio(6, &format!("run {ticket} --mode live")).out;
        let journal = fs::read_to_string(self.live_run().join("journal.jsonl")).unwrap();
        assert!(!journal.contains("\"approval-asked\"") && !journal.contains("\"step-granted\""), "{ticket}: {journal}");
        assert!(self.is_whole(), "{ticket}: {said}");
        said
    }
}

#[test]
fn an_unknown_error_leads_to_no_wipe_whatever_the_queue_says() {
    let lab = lab();
    let id = lab.approved("inventory");
    let said = lab.studio(7, &format!("resume {id}")).out;
    assert!(said.contains("\nfailed: "), "{said}");
    assert!(lab.is_whole());
    // The queue goes on to its next target. Nobody registered that, so there is not even a question.
    let said = lab.refuses("recover");
    assert!(said.contains("infrastructure/wipe-lab.sh is not registered; a human can do that with: studio script register"), "{said}");
    for (path, ..) in WAYS {
        let said = lab.refuses(path.trim_start_matches("infrastructure/").trim_end_matches(".sh"));
        assert!(said.contains("studio script register"), "{path}: {said}");
    }
    let rehearsed = lab.studio(0, "run recover").out;
    assert!(rehearsed.contains("live would refuse it: infrastructure/wipe-lab.sh is not registered"), "{rehearsed}");
    assert!(lab.is_whole());
}

#[test]
fn registered_it_runs_by_its_own_name_once_and_only_once_it_was_approved() {
    let lab = lab();
    let said = lab.studio(4, &format!("script register {WIPE}"));
    assert!(said.err.contains("nothing is registered") && said.out.contains("verb        wipe-lab\n"), "{}{}", said.out, said.err);
    assert!(lab.refuses("recover").contains("is not registered"));
    lab.studio(6, &format!("script register {WIPE} --as ada --yes"));
    assert!(lab.studio(0, &format!("script register {WIPE} --as ops --yes")).out.contains("\nregistered  infrastructure/wipe-lab.sh by ops"));
    for (path, _, word) in WAYS {
        let said = lab.refuses(path.trim_start_matches("infrastructure/").trim_end_matches(".sh"));
        assert!(said.contains(word), "{path}: {word} in {said}");
    }
    // A link is no file to plan by; handed in by a model, it is refused with the file's own name.
    lab.settle_in("answers.toml", LINKED);
    let said = lab.studio(4, &format!("run linked --mode live --crew small --model scripted:{}", lab.operator().join("answers.toml").display())).out;
    assert!(lab.is_whole() && said.contains("infrastructure/linked.sh is a link to infrastructure/wipe-lab.sh"), "{said}");

    let id = lab.json(4, "run recover --mode live").pop().unwrap()["run"].as_str().unwrap().to_string();
    let card = lab.studio(0, "approvals").out;
    for row in
        ["| rule       registered script\n", "| declares   verb: wipe-lab\n", "| declares   undo: none\n", "| declares   expect: the lab is empty\n"]
    {
        assert!(card.contains(row), "{row} in {card}");
    }
    lab.studio(4, &format!("resume {id}"));
    assert!(lab.is_whole(), "nobody approved it");
    lab.studio(0, &format!("approve {id}"));
    let said = lab.studio(0, &format!("resume {id}")).out;
    assert!(said.contains("\ndone: "), "{said}");
    lab.studio(0, &format!("resume {id}"));
    lab.studio(6, "run recover --mode live");
    assert_eq!(lab.read("artifacts/wiped/log"), "wiped\n", "once");
    assert!(!lab.repo().join("artifacts/wiped/disk").exists());
    assert!(lab.studio(0, &format!("verify {id}")).out.starts_with("whole ") && lab.studio(0, &format!("replay {id}")).out.starts_with("the same "));
}

#[test]
fn a_registration_ends_with_an_edit_with_its_signer_and_with_a_word() {
    let lab = lab();
    lab.studio(0, &format!("script register {WIPE} --yes"));
    let lines = lab.operator().join("repos");
    let lines = fs::read_dir(lines).unwrap().map(|entry| entry.unwrap().path().join("scripts")).find(|path| path.exists()).unwrap();
    assert_eq!(fs::metadata(&lines).unwrap().permissions().mode() & 0o777, 0o600);

    // It waits for an answer; whatever was said of the script meanwhile counts.
    let id = lab.approved("recover");
    lab.studio(0, &format!("script unregister {WIPE}"));
    let said = lab.studio(6, &format!("resume {id}")).out;
    assert!(said.contains("is not registered") && lab.is_whole(), "{said}");

    // Somebody who left.
    lab.studio(0, &format!("script register {WIPE} --yes"));
    let approvers = lab.operator().join("approvers");
    let listed = fs::read_to_string(&approvers).unwrap();
    fs::write(&approvers, "# nobody\n").unwrap();
    let doctor = lab.studio(0, "doctor").out;
    assert!(doctor.contains("/scripts:1 counts for nothing: not approved: the key that signed it is not on the list of approvers"), "{doctor}");
    fs::write(&approvers, listed).unwrap();

    // A line that says more than was signed.
    let signed = fs::read_to_string(&lines).unwrap();
    fs::write(&lines, signed.replace("\"the lab is empty\"", "\"all is well\"")).unwrap();
    assert!(lab.studio(0, "doctor").out.contains("/scripts:1 counts for nothing: not approved: the signature is not over what it says"));
    assert!(lab.refuses("recover").contains("is not registered"));
    fs::write(&lines, signed).unwrap();

    // What lies in the checkout is not what is registered.
    lab.write(WIPE, "set -e\n");
    let said = lab.studio(0, &format!("script register {WIPE} --yes"));
    assert!(said.err.contains("infrastructure/wipe-lab.sh is another one in the checkout than at "), "{}", said.err);
    lab.write(WIPE, WIPE_TEXT);
    assert_eq!(lab.studio(0, &format!("script register {WIPE} --yes")).err, "");

    // An edit, and one of its side file.
    for (path, text) in [(WIPE, format!("{WIPE_TEXT}# more\n")), ("infrastructure/wipe-lab.sh.studio.toml", format!("{SIDE}kill = \"safe\"\n"))] {
        let before = lab.read(path);
        lab.write(path, &text);
        lab.commit();
        assert!(lab.refuses("recover").contains("infrastructure/wipe-lab.sh was edited, or something that it uses was"), "{path}");
        lab.write(path, &before);
        lab.commit();
    }
    lab.studio(4, "run recover --mode live");
    assert!(lab.is_whole());
}

#[test]
fn only_what_says_what_it_is_can_be_registered() {
    let lab = lab();
    for (path, word) in [
        ("infrastructure/tidy.sh", "its name does not say so"),
        ("infrastructure/linked.sh", "there is no file infrastructure/linked.sh at the base"),
        ("infrastructure/nowhere.sh", "there is no file"),
        ("../x.sh", "name the script from the root"),
    ] {
        let exit = if path == "infrastructure/tidy.sh" { 6 } else { 2 };
        let said = lab.studio(exit, &format!("script register {path} --yes"));
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
    lab.write("infrastructure/wipe-more.sh", "eval \"$1\"\n");
    lab.commit();
    assert!(lab.studio(6, "script register infrastructure/wipe-more.sh --yes").err.contains("declares nothing"));
    let listed = lab.studio(0, "script list").out;
    // The first line keeps the indent of the others.
    expect![[r##"
        all:
          destroy     infrastructure/call.sh  (not registered, and cannot be: infrastructure/call.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/wipe-lab.sh:11 [danger-word] rm -f artifacts/wiped/disk: rm shows that it destroys
                      infrastructure/call.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/call.sh.studio.toml
          opaque      infrastructure/glob.sh  (not registered, and cannot be: infrastructure/glob.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/glob.sh:1 [file] it starts infrastructure/x-lab.sh, which is no file of the repository that is judged with it
                      infrastructure/glob.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/glob.sh.studio.toml
                      it cannot fail: infrastructure/glob.sh:1 [cannot-fail] it goes on after a command failed, so its end says nothing
          opaque      infrastructure/hidden.sh  (not registered, and cannot be: infrastructure/hidden.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/hidden.sh:2 [file] it starts infrastructure/wipe-lab.sh, which is no file of the repository that is judged with it
                      infrastructure/hidden.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/hidden.sh.studio.toml
                      it cannot fail: infrastructure/hidden.sh:1 [cannot-fail] it goes on after a command failed, so its end says nothing
          opaque      infrastructure/made.sh  (not registered, and cannot be: infrastructure/made.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/made.sh:1 [recipe] make runs what a file says that is not judged here
                      infrastructure/made.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/made.sh.studio.toml
                      it cannot fail: infrastructure/made.sh:1 [cannot-fail] it goes on after a command failed, so its end says nothing
          destroy     infrastructure/more.sh  (not registered, and cannot be: infrastructure/more.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/more.sh:3 [danger-word] rm -f artifacts/wiped/disk: rm shows that it destroys
                      infrastructure/more.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/more.sh.studio.toml
          opaque      infrastructure/pipe.sh  (not registered, and cannot be: infrastructure/pipe.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/pipe.sh:1 [interpreter] bash runs what it is fed, or text that nobody sees
                      infrastructure/pipe.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/pipe.sh.studio.toml
                      it cannot fail: infrastructure/pipe.sh:1 [cannot-fail] it goes on after a command failed, so its end says nothing
          opaque      infrastructure/recipe.sh  (not registered, and cannot be: infrastructure/recipe.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/recipe.sh:1 [recipe] just runs what a file says that is not judged here
                      infrastructure/recipe.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/recipe.sh.studio.toml
                      it cannot fail: infrastructure/recipe.sh:1 [cannot-fail] it goes on after a command failed, so its end says nothing
          destroy     infrastructure/source.sh  (not registered, and cannot be: infrastructure/source.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/wipe-lab.sh:11 [danger-word] rm -f artifacts/wiped/disk: rm shows that it destroys
                      infrastructure/source.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/source.sh.studio.toml
          destroy     infrastructure/tidy.sh  (not registered, and cannot be: infrastructure/tidy.sh may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it)
                      infrastructure/tidy.sh:11 [danger-word] rm -f artifacts/wiped/disk: rm shows that it destroys
          destroy     infrastructure/wipe-lab.sh  (not registered: studio script register infrastructure/wipe-lab.sh)
                      infrastructure/wipe-lab.sh:11 [danger-word] rm -f artifacts/wiped/disk: rm shows that it destroys
          opaque      infrastructure/wipe-more.sh  (not registered, and cannot be: infrastructure/wipe-more.sh declares nothing: write a header of "# studio:danger v1", or [danger] in infrastructure/wipe-more.sh.studio.toml)
                      infrastructure/wipe-more.sh:1 [shell] eval runs text, or changes what later words mean
                      it cannot fail: infrastructure/wipe-more.sh:1 [cannot-fail] it goes on after a command failed, so its end says nothing
    "##]].assert_eq(&format!("all:\n{}", lab.mask(&listed)));
}

/// A model that hands in the link.
const LINKED: &str = r#"
[[answer]]
persona = "planner"
turn = 1
[answer.json]
brief = "Recover."
plan = { goal = "It ran.", constraints = [], criteria = [{ name = "ran", text = "It ran.", check = { kind = "step", step = "one" } }] }
[[answer]]
persona = "engineer"
turn = 1
json = { objections = [] }
[[answer]]
persona = "engineer"
turn = 2
[answer.json]
summary = "Recover."
edits = []
runbook = [{ name = "one", argv = ["bash", "--noprofile", "--norc", "infrastructure/linked.sh"], target = "local", why = "w" }]
"#;
