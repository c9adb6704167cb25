//! What a live script is handed and what not: its cluster, declared values, folders of its own; and a copy, never the checkout.

use super::Lab;
use super::trusted::{FACTS, FACTS_QUEUE, facts_and};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const SIDE: &str = "infrastructure/checks/facts.sh.studio.toml";
const IGNORED: &str = "/.talos/\n/config/env/\nartifacts/\n";
const SECRET: &str = "correct-horse/battery\\9";

/// A trusted lab with this script, its side file, and places that git does not know.
fn lab(script: &str, side: &str) -> Lab {
    filled(Lab::trusted(&facts_and(&[(FACTS, script), (SIDE, side), (".gitignore", IGNORED)])))
}

/// Puts files into the places of a checkout that git does not know.
fn filled(lab: Lab) -> Lab {
    for (path, text) in [
        (".talos/main/kubeconfig", "kind: Config\n"),
        (".talos/main/talosconfig", "context: main\n"),
        ("config/env/lab.env", "export API_TOKEN='correct-horse/battery\\9'\nOTHER=other\n"),
    ] {
        lab.write(path, text);
    }
    lab
}

/// Carries `facts` to its end, and returns the run's id and what was said.
fn done(lab: &Lab, exit: i32) -> (String, String) {
    let id = lab.approved("facts");
    let said = lab.studio(exit, &format!("resume {id}"));
    (id, said.out)
}

#[test]
fn a_script_gets_its_cluster_and_its_values_and_the_values_stay_secret() {
    let script = "set -eu\necho \"${KUBECONFIG#\"$PWD\"/} ${TALOSCONFIG#\"$PWD\"/} ${TALOS_KUBECONFIG#\"$PWD\"/}\"\ncat \"$KUBECONFIG\"\n\
        echo \"token $API_TOKEN\"\necho \"$API_TOKEN\" >&2\necho \"$API_TOKEN\" > \"$STUDIO_OUT/token\"\nenv | cut -d= -f1 | sort > \"$STUDIO_OUT/names\"\n";
    let side = "env = [\"API_TOKEN\"]\ncluster = \"main\"\n[[artifact]]\npath = \"token\"\nsecret = true\nrequired = true\n";
    let lab = filled(Lab::dangerous(script, side, &[(".gitignore", IGNORED)]));
    let (id, said) = done(&lab, 0);
    assert!(said.contains("\ndone: "), "{said}");
    let run = lab.live_run();
    let log = fs::read_to_string(run.join("steps/01-1.out")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[..2], [".talos/main/kubeconfig .talos/main/talosconfig .talos/main/kubeconfig", "kind: Config"]);
    assert!(lines[2].starts_with("token ") && !log.contains("battery"), "{log}");
    let names = fs::read_to_string(run.join("out/01-1/names")).unwrap();
    let names: BTreeSet<&str> = names.lines().filter(|name| !matches!(*name, "_" | "PWD" | "OLDPWD" | "SHLVL")).collect();
    let given = "API_TOKEN GIT_DIR HOME KUBECONFIG LANG PATH STUDIO_OUT STUDIO_RUN STUDIO_STEP TALOSCONFIG TALOS_KUBECONFIG TMPDIR";
    assert_eq!(names, given.split_whitespace().collect());
    let token = run.join("out/01-1/token");
    assert_eq!(fs::read_to_string(&token).unwrap(), format!("{SECRET}\n"));
    assert_eq!(fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
    for (path, bytes) in lab.files().iter().filter(|(path, _)| !path.ends_with("out/01-1/token") && !path.starts_with("config/env/")) {
        assert!(!String::from_utf8_lossy(bytes).contains("horse/battery"), "{path}");
    }
    for command in ["log", "report", "trace", "status", "diff", "approvals"] {
        let said = lab.studio(0, &if command == "approvals" { command.into() } else { format!("{command} {id}") });
        assert!(!said.out.contains("battery"), "{command}");
    }
}

#[test]
fn what_a_script_does_beside_its_folders_stays_in_its_copy() {
    let script = "echo x > README.md\necho x > new.txt\necho x > artifacts/other\nrm_not=1\necho \"$HOME\" > \"$STUDIO_OUT/home\"\n\
        echo x > \"$HOME/.profile\"\n[ ! -e .git ]\n[ ! -e config/env ]\n[ ! -e .talos ]\necho \"$PWD\"\n";
    let lab = filled(Lab::dangerous(script, "", &[(".gitignore", IGNORED)]));
    let readme = lab.read("README.md");
    let (_, said) = done(&lab, 0);
    assert!(said.contains("\ndone: "), "{said}");
    assert_eq!(lab.read("README.md"), readme);
    assert!(!lab.repo().join("new.txt").exists() && !lab.repo().join("artifacts").exists());
    let run = lab.live_run();
    let place = fs::read_to_string(run.join("steps/01-1.out")).unwrap();
    assert!(place.contains("/.git/studio/worktrees/"), "{place}");
    let home = fs::read_to_string(run.join("out/01-1/home")).unwrap();
    assert!(!std::path::Path::new(home.trim()).exists() && !home.starts_with(lab.repo().to_str().unwrap()), "its home goes with it: {home}");
}

#[test]
fn what_would_be_refused_where_it_runs_is_not_signed_for() {
    let mark = "echo ran > \"$STUDIO_OUT/ran\"\n";
    for (text, side, why) in [
        ("kubectl get nodes\n", "", "main, spare"),
        ("kubectl get nodes\n", "cluster = true\n", "main, spare"),
        ("true\n", "env = [\"NOWHERE\"]\n", "there is no value for NOWHERE"),
        ("true\n", "reads = [\"images/talos.iso\"]\n", "images/talos.iso"),
        ("true\n", "writes = [\"ai/state\"]\n", "no script writes"),
    ] {
        let lab = lab(&format!("{mark}{text}"), side);
        lab.write(".talos/spare/kubeconfig", "kind: Config\n");
        let id = lab.json(4, "run facts --mode live").pop().unwrap()["run"].as_str().unwrap().to_string();
        let said = lab.studio(6, &format!("approve {id}"));
        assert!(said.err.contains(why) && said.err.contains("nothing was signed"), "{why}: {}", said.err);
        lab.studio(4, &format!("resume {id}"));
        assert!(!lab.live_run().join("out/01-1/ran").exists() && lab.read("ai/backlog.yaml") == FACTS_QUEUE);
    }
}

#[test]
fn a_step_that_is_refused_where_it_should_run_did_not_run() {
    let lab = lab("kubectl version --client\necho ran > \"$STUDIO_OUT/ran\"\n", "cluster = \"main\"\n");
    let id = lab.approved("facts");
    lab.shell(0, "mv .talos/main .talos/production"); // the only one that is left, and not the one that was signed for
    let said = lab.studio(7, &format!("resume {id}")).out;
    assert!(said.contains(".talos/ has no main; it has production") && said.contains("\nfailed: ") && !said.contains("nobody knows"), "{said}");
    assert!(!lab.live_run().join("out/01-1/ran").exists() && lab.read("ai/backlog.yaml") == FACTS_QUEUE);
    assert!(lab.studio(0, &format!("report {id}")).out.contains("\noutcome: failed\n"));
}

#[test]
fn nobody_signs_for_a_cluster_that_nothing_names() {
    let lab = lab("kubectl get nodes\n", "");
    let id = lab.json(4, "run facts --mode live").pop().unwrap()["run"].as_str().unwrap().to_string();
    let said = lab.studio(6, &format!("approve {id}"));
    assert!(said.err.contains("nothing that is signed says which; there is main") && said.err.contains("nothing was signed"), "{}", said.err);
}

#[test]
fn a_sourced_script_is_on_the_card_and_what_cannot_be_found_is_said() {
    let script = "HERE=$(cd \"$(dirname \"$0\")\" && pwd)\n. \"$HERE/../lib/common\"\n. \"$NOWHERE\" || true\n";
    for (common, word) in [("true\n", "sources \"$NOWHERE\""), ("rm -rf \"$STUDIO_OUT/x\"\n", "infrastructure/lib/common, which destroys")] {
        let lab = Lab::trusted(&facts_and(&[(FACTS, script), ("infrastructure/lib/common", common)]));
        let said = lab.studio(6, "run facts --mode live");
        assert!(said.out.contains(word) && said.out.contains("nobody can tell everything that"), "{word}: {}", said.out);
        lab.studio(4, "run facts --approvals ask");
        let card = lab.studio(0, "approvals").out;
        assert!(card.contains(" infrastructure/lib/common\n") && card.contains(&format!("| not found  {FACTS}:3 sources \"$NOWHERE\"")), "{card}");
    }
}

#[test]
fn the_cluster_that_a_ticket_names_is_the_one() {
    let lab = lab("echo \"${KUBECONFIG#\"$PWD\"/}\"\n", "");
    lab.write(".talos/spare/kubeconfig", "kind: Config\n");
    lab.write("ai/backlog.yaml", &FACTS_QUEUE.replace("{ stage: stage_1,", "{ stage: stage_1, cluster: spare,"));
    lab.commit();
    done(&lab, 0);
    assert_eq!(fs::read_to_string(lab.live_run().join("steps/01-1.out")).unwrap(), ".talos/spare/kubeconfig\n");
}
