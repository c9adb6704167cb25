//! Scripts that source others in every way that people write, and what is found.

use super::*;
use crate::tree::{LinkedTree, MemoryTree};

const CHECK: &str = "infrastructure/checks/facts.sh";

fn path(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

fn tree(script: &str, files: &[(&str, &str)], links: &[(&str, &str)]) -> LinkedTree {
    let files = files.iter().copied().chain([(CHECK, script)]).map(|(name, text)| (path(name), text.as_bytes().to_vec()));
    LinkedTree(MemoryTree(files.collect()), links.iter().map(|(name, target)| (path(name), target.to_string())).collect())
}

fn found(tree: &LinkedTree, edits: &[Edit]) -> (Vec<String>, Vec<String>) {
    let found = closure(tree, edits, &Argv::of_script(&path(CHECK))).unwrap();
    assert_eq!(found.over, None);
    let mut used: Vec<String> = found.used.into_iter().map(|(path, _)| path.into()).collect();
    used.sort();
    (used, found.unfound)
}

#[test]
fn what_is_sourced_is_found_however_it_is_written() {
    for (script, file) in [
        (". infrastructure/lib/common.sh", "infrastructure/lib/common.sh"),
        (". \"$(dirname \"$0\")/../lib/common.sh\"", "infrastructure/lib/common.sh"),
        ("HERE=$(cd \"$(dirname \"$0\")\" && pwd); . \"$HERE/../lib/common.sh\"", "infrastructure/lib/common.sh"),
        ("source \"${BASH_SOURCE[0]%/*}/../lib/common.sh\"", "infrastructure/lib/common.sh"),
        (". \"$(dirname \"$(dirname \"$0\")\")/lib/common.sh\"", "infrastructure/lib/common.sh"),
        ("LIB=\"$ROOT/infrastructure/lib\"\n. \"$LIB/common.sh\"", "infrastructure/lib/common.sh"),
        (". infrastructure/lib/common", "infrastructure/lib/common"),
        (". infrastructure/lib/common.inc", "infrastructure/lib/common.inc"),
        ("F=infrastructure/lib/common; bash \"$F\"", "infrastructure/lib/common"),
        ("python3 infrastructure/lib/w.py", "infrastructure/lib/w.py"),
        ("bash -eu infrastructure/lib/w.txt", "infrastructure/lib/w.txt"),
        (". infrastructure/lib/common.SH", "infrastructure/lib/common.SH"),
        ("cd infrastructure/lib; . ./common.sh", "infrastructure/lib/common.sh"),
        ("cd \"$(dirname \"$0\")/../lib\" && ./common.run", "infrastructure/lib/common.run"),
        ("cd infrastructure\ncd lib\n. ./common.sh", "infrastructure/lib/common.sh"),
        ("make -f infrastructure/Makefile", "infrastructure/Makefile"),
    ] {
        let tree = tree(script, &[(file, "true\n"), ("infrastructure/lib/data.yaml", "a: 1\n")], &[]);
        assert_eq!(found(&tree, &[]), (vec![file.into()], vec![]), "{script}");
    }
    let every = tree("for f in infrastructure/lib/*.sh; do . \"$f\"; done", &[("infrastructure/lib/a.sh", ""), ("infrastructure/lib/b.sh", "")], &[]);
    let sourced = format!("{CHECK}:1 sources \"$f\", which cannot be found in the repository");
    assert_eq!(found(&every, &[]), (vec!["infrastructure/lib/a.sh".into(), "infrastructure/lib/b.sh".into()], vec![sourced]));
}

#[test]
fn committed_links_are_followed() {
    for (script, link, target) in [
        (". infrastructure/l/common.sh", "infrastructure/l", "real"),
        (". infrastructure/lib.sh", "infrastructure/lib.sh", "real/common.sh"),
        (". \"$(dirname \"$0\")/up/common.sh\"", "infrastructure/checks/up", "../real"),
    ] {
        let tree = tree(script, &[("infrastructure/real/common.sh", "true\n")], &[(link, target)]);
        assert_eq!(found(&tree, &[]), (vec!["infrastructure/real/common.sh".into()], vec![]), "{script}");
    }
}

#[test]
fn what_a_script_names_is_found_in_turn_as_edits_leave_it() {
    let files = [
        ("infrastructure/lib/common.sh", "source ./wipe-node.sh; bash nothing.sh\n"),
        ("infrastructure/lib/wipe-node.sh", "bash infrastructure/checks/facts.sh\n"),
        ("infrastructure/checks/more.sh", "\"${DIR}/lib/common.sh\""),
        ("other.sh", "true"),
        ("infrastructure/values.yaml", "delete: 1"),
    ];
    let tree = tree(". \"$HERE/../lib/common.sh\"\nbash \"$HERE/more.sh\" --x infrastructure/values.yaml\n", &files, &[]);
    let lib = "infrastructure/lib/common.sh";
    assert_eq!(found(&tree, &[]).0, ["infrastructure/checks/more.sh", lib, "infrastructure/lib/wipe-node.sh"]);
    let edit = Edit::Write { path: path(lib), text: "bash other.sh".into() };
    assert_eq!(found(&tree, &[edit]).0, ["infrastructure/checks/more.sh", lib, "other.sh"]);
}

#[test]
fn what_cannot_be_found_is_said_with_its_line() {
    let tree = tree(
        "set -eu\n. /etc/os-release\n. \"$LIB/$f\"\n. lib/absent.sh\n# . comment\n. <(kubectl completion bash)\n. \"$HERE/x.sh\"\n",
        &[("x.sh", "")],
        &[],
    );
    let (used, unfound) = found(&tree, &[]);
    assert_eq!((used.len(), unfound.len()), (1, 4), "{unfound:?}");
    for (line, word) in [(2, "/etc/os-release"), (3, "\"$LIB/$f\""), (4, "lib/absent.sh"), (6, "<(kubectl completion bash)")] {
        assert!(unfound.contains(&format!("{CHECK}:{line} sources {word}, which cannot be found in the repository")), "{unfound:?}");
    }
}

#[test]
fn nothing_is_dropped_in_silence() {
    let over = |script: &str, files: &[(&str, &str)]| closure(&tree(script, files, &[]), &[], &Argv::of_script(&path(CHECK))).unwrap().over;
    let many: Vec<(String, String)> = (0..=CLOSURE_FILES_MAX).map(|at| (format!("lib/a{at}.sh"), String::new())).collect();
    let files: Vec<(&str, &str)> = many.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let all = files.iter().map(|(name, _)| format!(". {name}\n")).collect::<String>();
    assert!(over(&all, &files).is_some_and(|why| why.contains("more than 64 scripts")));
    assert_eq!(over(&all, &files[..CLOSURE_FILES_MAX]), None);
    let long = "#".repeat(SCRIPT_BYTES_MAX + 1);
    assert!(over(". lib.sh", &[("lib.sh", &long)]).is_some_and(|why| why.starts_with("lib.sh has")));
    let folders = (0..=CLOSURE_FOLDERS_MAX).map(|at| format!("d{at}/x.yaml")).collect::<Vec<_>>();
    let script = (0..=CLOSURE_FOLDERS_MAX).map(|at| format!("cd d{at}\n")).collect::<String>();
    let files: Vec<(&str, &str)> = folders.iter().map(|name| (name.as_str(), "")).collect();
    assert!(over(&script, &files).is_some_and(|why| why.contains("too many")));
}

#[test]
fn words_that_lead_through_links_are_shown_with_their_end() {
    let tree = tree("true", &[("docs/a.md", "")], &[("docs/how-to", "../.talos/main/kubeconfig"), ("d", "docs"), ("out", "/etc")]);
    let links = |words: &[&str]| -> Vec<String> {
        let argv = Argv::try_from(words.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        closure(&tree, &[], &argv).unwrap().links.into_iter().map(|(word, end)| format!("{word} {end}")).collect()
    };
    assert_eq!(links(&["cat", "./docs/how-to", "docs/a.md", "./docs//a.md", "-n"]), ["./docs/how-to .talos/main/kubeconfig"]);
    assert_eq!(links(&["cat", "d/how-to", "d/a.md", "out/passwd"]), ["d/how-to .talos/main/kubeconfig", "d/a.md docs/a.md"]);
}
