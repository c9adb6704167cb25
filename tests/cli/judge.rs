//! `studio judge` and `studio policy explain`, and that the loop runs what they say and nothing else.

use super::trusted::facts_and;
use super::{Lab, STUDIO};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Commands as a shell would be told, that run unasked; of programs that no machine of ours has.
const READS: &[&str] = &[
    "flux get kustomizations -A",
    "flux get helmreleases -A --status-selector 'ready=false'",
    "flux tree kustomization \"apps\"",
    "flux events --for Kustomization/apps -n flux-system",
    "flux logs --level=error --since=10m",
    "velero backup get",
    "velero backup describe nightly",
];

/// Commands that do not.
const OTHERS: &[&str] = &[
    "kubectl cordon w-1",
    "kubectl scale deploy/web --replicas=3",
    "kubectl delete pod web-0",
    "kubectl get secrets",
    "kubectl get pods --frobnicate",
    "kubectl frobnicate",
    "flux suspend kustomization apps",
    "talosctl reset",
    "rm -r docs",
    "frobnicate",
    "sudo kubectl get nodes",
];

fn answers(rows: &[Vec<String>]) -> String {
    let step = |(at, words): (usize, &Vec<String>)| {
        format!("{{ name = \"s{at}\", argv = {}, target = \"main\", why = \"It is asked.\", expect = {{ exit = 0 }} }}", json!(words))
    };
    let steps: Vec<String> = rows.iter().enumerate().map(step).collect();
    let head = super::ideas::ANSWERS.split("json = { summary").next().unwrap().split_once("backlog = [").unwrap();
    let (plan, rest) = (head.0, head.1.split_once("]\n[[answer]]").unwrap().1);
    let plan = plan.replace("kind = \"file\", path = \"docs/page.md\", matches = \"page\"", "kind = \"step\", step = \"s0\"");
    format!("{plan}[[answer]]{rest}json = {{ summary = \"Looks.\", edits = [], runbook = [{}] }}\n", steps.join(", "))
}

/// A lab where programs tell what they were told, and nothing else.
pub(super) fn lab() -> Lab {
    let queue = super::ideas::queue();
    let lab = Lab::trusted(&facts_and(&[("ai/backlog.yaml", &queue), (".gitignore", "/.talos/\n")]));
    lab.write(".talos/main/kubeconfig", "x\n");
    let bin = lab.operator().join("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["flux", "velero", "kubectl", "talosctl", "frobnicate", "sudo"] {
        fs::write(bin.join(name), "#!/bin/sh\nprintf '<%s>' \"${0##*/}\" \"$@\"\n").unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let settings = fs::read_to_string(lab.operator().join("studio.toml")).unwrap();
    lab.settle_in("studio.toml", &format!("bin_dirs = [{:?}]\n{settings}", bin.display().to_string()));
    lab
}

/// What `studio judge commands` says about each line.
fn judged(lab: &Lab, lines: &[&str]) -> Vec<Value> {
    let asked: String = lines.iter().map(|line| format!("{}\n", json!({ "id": line, "cmd": line }))).collect();
    fs::write(lab.operator().join("asked"), asked).unwrap();
    let said = lab.shell(0, &format!("{STUDIO} judge commands < {}", lab.operator().join("asked").display())).out;
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The words of a line, as a real bash passes them.
pub(super) fn words(lab: &Lab, line: &str) -> Vec<String> {
    let said = lab.shell(0, &format!("bash --noprofile --norc -c 'printf \"%s\\n\" {}'", line.replace('\'', "'\\''"))).out;
    said.lines().map(Into::into).collect()
}

pub(super) fn run(lab: &Lab, exit: i32, rows: &[Vec<String>], more: &str) -> Vec<Value> {
    lab.settle_in("answers.toml", &answers(rows));
    let model = lab.operator().join("answers.toml");
    lab.json(exit, &format!("run write-it --crew small --model scripted:{} {more}", model.display()))
}

pub(super) fn of<'a>(events: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["kind"] == kind).map(|event| &event["body"])
}

#[test]
fn the_loop_runs_what_the_judge_lets_pass_word_by_word() {
    let lab = lab();
    let rows: Vec<Vec<String>> = READS.iter().map(|line| words(&lab, line)).collect();
    for said in judged(&lab, READS) {
        assert_eq!((&said["verdict"], &said["class"], &said["step"]), (&json!("auto"), &json!("observe"), &json!(true)), "{said}");
    }
    let events = run(&lab, 0, &rows, "--mode live");
    let told: Vec<String> = of(&events, "step-ended").map(|body| body["outcome"]["stdout"].as_str().unwrap().into()).collect();
    let wanted: Vec<String> = rows.iter().map(|row| row.iter().map(|word| format!("<{word}>")).collect()).collect();
    assert_eq!(told, wanted);
}

#[test]
fn the_loop_judges_as_the_judge_says() {
    let lab = lab();
    for said in judged(&lab, OTHERS) {
        let line = said["id"].as_str().unwrap();
        assert_ne!(said["verdict"], "auto", "{said}");
        let events = run(&lab, 4, &[words(&lab, line)], "--approvals ask");
        let judgement = of(&events, "step-judged").next().unwrap()["judgement"].clone();
        for key in ["verdict", "class", "effect", "rule", "why"] {
            assert_eq!(judgement[key], said[key], "{line}: {key}");
        }
        assert_eq!(of(&events, "step-ended").count(), 0, "{line}");
    }
}

#[test]
fn the_judge_answers_line_by_line() {
    let lab = Lab::new(&[]);
    let ask = |exit: i32, what: &str, text: &str| {
        lab.write("asked", text);
        lab.shell(exit, &format!("{STUDIO} judge {what} < asked"))
    };
    let said =
        ask(0, "commands", "{\"id\":7,\"argv\":[\"kubectl\",\"get\",\"nodes\"],\"label\":\"x\"}\n\n{\"cmd\":\"kubectl get pods && rm x\"}").out;
    let rows: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&rows[0]["id"], &rows[0]["verdict"], &rows[0]["step"]), (&json!(7), &json!("auto"), &json!(true)));
    assert_eq!((&rows[1]["id"], &rows[1]["verdict"], &rows[1]["step"]), (&Value::Null, &json!("script-only"), &json!(false)));
    let said = ask(0, "scripts", "{\"id\":1,\"name\":\"infrastructure/x.sh\",\"text\":\"set -e\\nkubectl get nodes || true\\n\"}").out;
    let row: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&row["verdict"], &row["class"], &row["cannot_fail"]), (&json!("ask"), &json!("observe"), &json!(true)), "{row}");
    let places = "{\"id\":1,\"op\":\"write\",\"path\":\"./kubernetes//apps/x.yaml\"}\n{\"id\":2,\"op\":\"rename\",\"path\":\"docs/a.md -> .GIT/x\"}\n\
        {\"id\":3,\"op\":\"write\",\"path\":\"ui/x.ts\",\"stage\":1}\n{\"id\":4,\"op\":\"read\",\"path\":\"ai/mission.md\"}\n\
        {\"id\":5,\"op\":\"read\",\"path\":\"config/env/x\"}\n";
    let said: Vec<Value> = ask(0, "paths", places).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.iter().map(|row| row["verdict"].as_str().unwrap()).collect::<Vec<_>>(), ["allow", "deny", "deny", "allow", "deny"]);
    assert!(said[2]["why"].as_str().unwrap().contains("stage 1"), "{}", said[2]);
    let files = "{\"id\":1,\"filename\":\"s.yaml\",\"text\":\"kind: Secret\\nstringData:\\n  a: hunter\\n\"}\n\
        {\"id\":2,\"filename\":\"s.yaml\",\"text\":\"kind: Secret\\nstringData:\\n  a: ${A}\\n\"}\n";
    let said: Vec<Value> = ask(0, "secrets", files).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&said[0]["verdict"], &said[0]["findings"][0]["line"]), (&json!("secret"), &json!(3)), "{}", said[0]);
    assert!(said[0]["findings"][0]["rule"] == "kubernetes-secret" && !said[0].to_string().contains("hunter"), "{}", said[0]);
    assert_eq!(said[1], json!({ "id": 2, "verdict": "clean", "findings": [] }));
    let said = ask(0, "attacks", "{\"id\":1,\"attacker_action\":{\"actor\":\"engineer\",\"kind\":\"run_command\",\"cmd\":\"ls\"}}").out;
    assert_eq!(said, "{\"id\":1,\"reason\":\"capability-token\",\"verdict\":\"refused\"}\n");
    for (text, why) in [("{\"id\":1}\nx", ":1: it needs one of"), ("{\"cmd\":\"ls\"}\nx\n", ":2: it is no JSON object")] {
        assert!(ask(3, "commands", text).err.contains(why), "{why}");
    }
}

#[test]
fn a_rule_is_explained() {
    let lab = Lab::new(&[]);
    let said = lab.studio(0, "policy explain -- kubectl cordon w-1").out;
    for line in ["verdict     ask", "class       mutate", "rule        kubectl.toml: kubectl cordon", "looked for  by: kubectl get node w-1"] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let said = lab.studio(0, "policy explain --target other -- kubectl --context main get nodes").out;
    assert!(said.contains("verdict     refuse") && said.contains("better      leave the option out"), "{said}");
    assert_eq!(lab.json(0, "policy explain -- kubectl get nodes")[0]["verdict"], "auto");
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  template:\n    spec:\n      \
    containers:\n      - {name: web, image: 'ghcr.io/x/web:1.2.3'}\n";

#[test]
fn a_patch_is_judged_over_the_files_of_the_base() {
    let lab = Lab::tracked(&[("cluster/apps/web/x.yaml", DEPLOYMENT), ("docs/a.md", "a\n"), ("infrastructure/check.sh", "true\n")]);
    let judged = |script: &str| -> Value {
        let all = format!("{script}; git add -A -f . && git diff --cached -M HEAD | {STUDIO} judge diff --stage 1; git reset -q --hard");
        serde_json::from_str(lab.shell(0, &all).out.lines().last().unwrap()).unwrap()
    };
    let web = "cluster/apps/web/x.yaml";
    for (script, verdict, rule, file, line) in [
        (format!("sed -i s/1.2.3/1.2.4/ {web}"), "pass", "image-version", web, 9),
        (format!("sed -i s/1.2.3/latest/ {web}"), "gate", "not-listed", web, 9),
        (format!("echo more >> docs/a.md; sed -i 's/replicas: 1/replicas: 2/' {web}"), "pass", "replicas", web, 5),
        (format!("git mv {web} cluster/apps/web/y.yaml"), "gate", "moved", "cluster/apps/web/y.yaml", 1),
        (format!("git rm -q {web}"), "gate", "manifest", web, 1),
        ("git mv docs/a.md docs/b.md".into(), "pass", "prose", "docs/b.md", 1),
        (format!("printf -- '---\\nkind: Secret\\nstringData: {{a: hunter}}\\n' >> {web}"), "block", "kubernetes-secret", web, 12),
        ("ln -s /etc/passwd docs/l.md".into(), "ask", "symlink", "docs/l.md", 1),
        ("chmod +x infrastructure/check.sh".into(), "gate", "executable", "infrastructure/check.sh", 1),
        ("mkdir -p .github; echo x > .github/x.yaml".into(), "ask", "ci", ".github/x.yaml", 1),
        ("mkdir -p ai/state; echo x > ai/state/x.json".into(), "block", "studio-files", "ai/state/x.json", 1),
        (
            "git update-index --add --cacheinfo 160000,HEAD,cluster/sub; git rev-parse HEAD > /dev/null"
                .replace("HEAD,", &format!("{},", "1".repeat(40))),
            "block",
            "gitlink",
            "cluster/sub",
            1,
        ),
    ] {
        let script = if rule == "gitlink" { script.replace("git update-index", "mkdir -p cluster/sub; git update-index") } else { script };
        let said = judged(&script);
        let first = if verdict == "pass" {
            said["findings"].as_array().unwrap().iter().find(|found| found["rule"] == rule).cloned()
        } else {
            said["findings"].get(0).cloned()
        };
        let first = first.unwrap_or_else(|| panic!("{script}: {said}"));
        assert_eq!(
            (&said["verdict"], &first["rule"], &first["file"], &first["line"]),
            (&json!(verdict), &json!(rule), &json!(file), &json!(line)),
            "{script}: {said}"
        );
    }
    assert_eq!(judged("true"), json!({ "v": 1, "type": "diff", "verdict": "pass", "findings": [] }));
    let other = format!("printf 'diff --git a/docs/a.md b/docs/a.md\n--- a/docs/a.md\n+++ b/docs/a.md\n@@ -1 +1 @@\n-b\n+c\n' | {STUDIO} judge diff");
    assert!(lab.shell(3, &other).err.contains("docs/a.md: line 1 is not what the patch says"));
    assert!(lab.shell(3, &format!("printf '@@ x\n' | {STUDIO} judge diff")).err.contains("line 1 of the patch"));
}
