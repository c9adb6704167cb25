//! What is proposed for repositories of several shapes.

use super::*;
use studio_core::tree::MemoryTree;

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    MemoryTree(files.iter().map(|(path, text)| (RelPath::try_from(*path).unwrap(), text.as_bytes().to_vec())).collect())
}

fn paths(proposal: &Proposal, stage: Stage) -> Vec<&str> {
    proposal.stages[&stage].iter().map(|found| found.path.as_str()).collect()
}

#[test]
fn folders_are_found_by_what_they_hold_and_by_their_names() {
    let proposal = look(&tree(&[
        (".github/workflows/x.yaml", ""),
        (".talos/main/talosconfig", ""),
        ("README.md", ""),
        ("apps/web/kustomization.yaml", ""),
        ("apps/web/helmrelease.yaml", ""),
        ("cluster/README.md", ""),
        ("clusters/main/apps.yaml", ""),
        ("config/clusters/lab.yaml", ""),
        ("config/env/prod.env", ""),
        ("kubernetes/tenants/shop/x.yaml", ""),
        ("machines/main.tf", ""),
        ("metal/site.yml", ""),
        ("src/main.rs", ""),
        ("biz2/x.yaml", ""),
        ("bizarre/x.yaml", ""),
        ("ui/index.html", ""),
    ]))
    .unwrap();
    assert_eq!(paths(&proposal, Stage::Infra), ["README.md", "apps", "cluster", "clusters", "config/clusters", "kubernetes", "machines", "metal"]);
    assert_eq!(paths(&proposal, Stage::Studio), ["ui"]);
    assert_eq!(paths(&proposal, Stage::Tenants), ["biz2", "kubernetes/tenants"]);
    let why = |path: &str| &proposal.stages[&Stage::Infra].iter().find(|found| found.path.as_str() == path).unwrap().why;
    assert!(why("machines").contains("*.tf") && why("cluster").contains("name"), "{} {}", why("machines"), why("cluster"));
    assert_eq!(proposal.clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>(), ["lab", "main"]);
    assert!(proposal.notes.iter().any(|note| note.starts_with("kubernetes/tenants lies inside")), "{:?}", proposal.notes);
}

#[test]
fn a_repository_that_shows_nothing_gets_the_default_and_is_told() {
    let proposal = look(&tree(&[("src/main.rs", ""), ("README.md", "")])).unwrap();
    assert!(paths(&proposal, Stage::Infra).contains(&"infrastructure") && paths(&proposal, Stage::Infra).contains(&"cluster"));
    assert!(proposal.notes[0].contains("default"));
    assert!(policy(&proposal).contains("the default"));
}

#[test]
fn older_settings_are_proposals_with_file_and_line() {
    let map = "stages:\n  vms: {description: x}\nprotected_files:\n  - ai/mission.md\n  - '*.key'\n";
    let config = "personas:\n  engineer:\n    allowed_paths: [cluster/, 'docs/**', gone/]\n    forbidden_paths:\n      - config/env/\n  executor:\n    allowed_paths: [scripts]\nallowed_paths:\n  - ai/studio/\n  - .github\n";
    let proposal = look(&tree(&[
        ("ai/context_map.yaml", map),
        ("ai/config/config.yaml", config),
        ("cluster/x", ""),
        ("docs/x.md", ""),
        ("scripts/x.sh", ""),
        ("ai/studio/x", ""),
    ]))
    .unwrap();
    assert_eq!(paths(&proposal, Stage::Infra), ["cluster", "docs"]);
    assert_eq!(paths(&proposal, Stage::Studio), ["ai/studio"]);
    let protected: Vec<(&str, &str)> = proposal.protected.iter().map(|found| (found.path.as_str(), found.why.as_str())).collect();
    assert_eq!(
        protected,
        [("ai/mission.md", "protected_files, ai/context_map.yaml:4"), ("config/env", "forbidden_paths of engineer, ai/config/config.yaml:5")]
    );
    for told in ["ai/context_map.yaml:5: an entry", "ai/config/config.yaml:3: allowed_paths of engineer names gone", "names .github"] {
        assert!(proposal.notes.iter().any(|note| note.contains(told)), "{told}: {:?}", proposal.notes);
    }
}

#[test]
fn broken_settings_are_notes_with_their_line() {
    let proposal = look(&tree(&[("ai/context_map.yaml", "a: 1\nb: hunter2: c\n"), ("ai/config/config.yaml", "a: {x: 1}\na: {x: 2}\n")])).unwrap();
    assert!(proposal.notes.iter().any(|note| note.starts_with("ai/context_map.yaml:2: ")), "{:?}", proposal.notes);
    assert!(proposal.notes.iter().any(|note| note.starts_with("ai/config/config.yaml:2: ")), "{:?}", proposal.notes);
    assert!(!format!("{proposal:?}").contains("hunter2"));
    assert_eq!(broken(b"a: 1\nb:\n  c: 1\n  c: 2\n"), Some(4));
    assert_eq!((broken(b"a: [1, {b: 2}]\n"), broken(b"a: \xff"), broken(b""), broken(b"# c\n")), (None, Some(1), None, None));
}

#[test]
fn the_policy_that_is_written_is_read_back() {
    let files = [("cluster/kustomization.yaml", ""), ("biz2/x", ""), ("ui/x", ""), ("ai/context_map.yaml", "protected_files: [ai/mission.md]\n")];
    let proposal = look(&tree(&files)).unwrap();
    let text = policy(&proposal);
    let read = read_policy("policy.toml", &text).unwrap();
    let proposed = |found: &Vec<Found>| found.iter().map(|found| found.path.clone()).collect::<Vec<_>>();
    assert_eq!(read.stages, proposal.stages.iter().map(|(stage, found)| (*stage, proposed(found))).collect());
    assert_eq!(read.protected, proposed(&proposal.protected));
    assert_eq!(read.branch, BRANCH);
    assert_eq!(policy(&proposal), text);
    assert_eq!(read_policy("policy.toml", &policy(&Proposal::default())).unwrap().stages, BTreeMap::new());
}

#[test]
fn a_wrong_policy_is_refused_with_its_line_and_never_quoted() {
    let refused = |text: &str| read_policy("p.toml", text).unwrap_err().to_string();
    assert!(refused("protected = []\n[stage.1]\npath = \"hunter2\"\n").starts_with("p.toml:3: a key that is not known"));
    assert!(refused("[stage.4]\npaths = []\n").starts_with("p.toml:1: a key that is not known here; known are the stages"));
    assert!(refused("[stage.1]\npaths = [\n  \"ok/\",\n  \"../hunter2\",\n]\n").starts_with("p.toml:4: no clean path"));
    assert!(refused("[stage.1]\npaths = [\"docs/**\"]\n").starts_with("p.toml:2: no clean path"));
    assert!(refused("[stage.1]\npaths = \"hunter2\"\n").starts_with("p.toml:2: a list"));
    assert!(refused("x = 1\n").starts_with("p.toml:1: "));
    assert!(refused("a = 1\nhunter2\n").starts_with("p.toml:2: no TOML"));
    assert!(refused("[engineer]\nbranch = \"hunter2\"\n").starts_with("p.toml:2: no template"));
    for text in ["[engineer]\nbranch = \"hunter2\"\n", "hunter2", "hunter2 = 1", "[stage.1]\npaths = [\"/hunter2\"]"] {
        assert!(!refused(text).contains("hunter2"), "{text}");
    }
    let many = format!("protected = [{}]", "\"a\",".repeat(POLICY_PATHS_MAX + 1));
    assert!(refused(&many).contains("at most"));
}

#[test]
fn the_first_files_of_a_large_tree_are_enough() {
    let files: BTreeMap<RelPath, Vec<u8>> =
        (0..FILES_MAX + 5).map(|n| (RelPath::try_from(format!("kubernetes/a{n:05}/kustomization.yaml")).unwrap(), Vec::new())).collect();
    let proposal = look(&MemoryTree(files)).unwrap();
    assert_eq!(paths(&proposal, Stage::Infra), ["kubernetes"]);
    assert!(proposal.notes[0].contains("only the first"));
}
