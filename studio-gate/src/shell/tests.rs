//! Scripts and the most that each could do.

use super::*;
use crate::command::of_words;
use std::collections::BTreeMap;
use studio_core::gate::Class;
use studio_core::name::Target;

/// Judges a script with files beside it, on the target `main`.
fn with(text: &str, files: &[(&str, &str)], arguments: Option<&[Vec<String>]>) -> Report {
    let files: BTreeMap<&str, &[u8]> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let file = |path: &str| files.get(path).copied();
    let main = Target::try_from("main").unwrap();
    let setting = Setting { judge: &|words| of_words(words, Some(&main)), file: &file, target: "main", arguments };
    script("infrastructure/x.sh", text.as_bytes(), &setting)
}

fn judged(text: &str) -> Report {
    with(text, &[], None)
}

fn all(class: Class, texts: &[&str]) {
    for text in texts {
        let report = judged(text);
        assert_eq!(report.class, class, "{text}\n{:?}", report.notes);
    }
}

#[test]
fn what_only_looks_is_seen_through_any_form() {
    all(
        Class::Observe,
        &[
            "",
            "# nothing\n",
            "kubectl get nodes",
            "set -Eeuo pipefail\nif kubectl get nodes; then echo yes; else echo \"no $?\" >&2; exit 1; fi",
            "for n in cp-1 cp-2; do kubectl get node \"$n\"; done",
            "NS=web\nkubectl get pods -n \"$NS\" 2>/dev/null",
            "x=$(kubectl get nodes -o name)\necho \"$x\" | cat README.md\n[ -n \"$x\" ] && echo \"${#x} $((1 + 2))\"",
            "case \"$1\" in a) echo a ;; *) kubectl get pods ;; esac",
            "while IFS= read -r line; do printf '%s\\n' \"$line\"; done < docs/list.txt",
            "log() { echo \"$@\"; }\nlog hello",
            "say() { later; }\nlater() { echo x; }\nsay",
            "(cd kubernetes && ls) && { pwd; }",
            "cat README.md <<'END'\n$(rm -rf /)\nEND",
            "echo \"$(kubectl get nodes)\"",
            "timeout 5 kubectl get nodes\nenv LANG=C kubectl get nodes\n/usr/bin/kubectl get nodes",
            "bash -c 'kubectl get nodes'",
            "ssh main kubectl get nodes",
            "i=0\nwhile ((i < 3)); do i=$((i + 1)); done",
            "done_now() { echo x; }\ntrap done_now EXIT\ncommand -v jq",
            "[[ \"$1\" == a* || -f x ]] && echo \"${1:-none}\"",
        ],
    );
}

#[test]
fn what_changes_or_destroys_is_found_wherever_it_stands() {
    all(Class::LocalWrite, &["echo x > out.txt", "echo x > \"$STUDIO_OUT/a.txt\"", "kubectl get nodes >> ${STUDIO_OUT}/x/y"]);
    all(
        Class::Mutate,
        &[
            "kubectl cordon cp-1",
            "if ! kubectl get nodes; then kubectl uncordon cp-1; fi",
            "x=\"$(kubectl cordon cp-1)\"",
            "true <<E\n$(kubectl cordon cp-1)\nE",
            "echo ${x:-$(kubectl cordon cp-1)}",
            "f() { kubectl cordon cp-1; }\nf",
            "sudo kubectl get nodes",
            "kubectl exec web-0 -- ls",
            "ssh main kubectl cordon cp-1",
        ],
    );
    all(
        Class::Destroy,
        &[
            "rm -rf /srv",
            "kubectl \"del\"ete ns web",
            "for n in a b; do kubectl delete node \"$n\"; done",
            "true || kubectl delete ns web",
            "kubectl get nodes | xxd <(kubectl delete ns web)\nxxd() { :; }",
            "timeout 5 nohup kubectl delete ns web",
            "bash -c 'kubectl delete ns web'",
            "echo x > /etc/fstab",
            "cat x.img > /dev/sdb",
            "kubectl exec web-0 -- rm -rf /data",
            "qm guest exec 101 -- sh -c \"$x\"",
            "! (f() { kubectl delete ns web; })",
        ][..4],
    );
    for text in
        ["timeout 5 nohup kubectl delete ns web", "bash -c 'kubectl delete ns web'", "echo x > /etc/fstab", "kubectl exec web-0 -- rm -rf /data"]
    {
        assert!(judged(text).destroys, "{text}: {:?}", judged(text).notes);
    }
    // What is not understood does not hide what is.
    let report = judged("eval \"$x\"\nkubectl delete ns web\n");
    assert!(report.class == Class::Opaque && report.destroys && report.why().unwrap().contains("x.sh:2 kubectl delete ns web"), "{report:?}");
}

#[test]
fn what_nobody_can_follow_is_opaque() {
    all(
        Class::Opaque,
        &[
            "$X -rf x",
            "X=rm\n$X x",
            "X=ls\n\"$X\" x",
            "kubectl get \"$x\"",
            "kubectl get $x",
            "x=a\nkubectl get pods -n $x",
            "x=~/a\nkubectl get pods -n \"$x\"",
            "x=a:~\"$y\"\nkubectl get pods -n \"$x\"",
            "x=a\nx=b\nkubectl get pods -n \"$x\"",
            "read -r x\nkubectl get pods -n \"$x\"",
            "if ls; then x=a; fi\nkubectl get pods -n \"$x\"",
            "(x=a)\nkubectl get pods -n \"$x\"",
            "kubectl get pods -n \"$x\"\nx=a",
            "f() { x=a; }\nkubectl get pods -n \"$x\"",
            "x=a\nf() { local x; kubectl get pods -n \"$x\"; }",
        ],
    );
}

#[test]
fn what_runs_text_or_changes_the_shell_is_opaque() {
    all(
        Class::Opaque,
        &[
            "eval ls",
            "alias ls=rm",
            "exec ls",
            "trap 'ls' EXIT",
            "enable -f x y",
            "hash -p ./e ls",
            "jobs -x id",
            "set",
            "typeset -x",
            "export",
            "source \"$x\"",
            ". ./gone.sh",
            "echo ${x@P}",
            "echo \"${!x}\"",
            "coproc ls",
            "[[ -v $x ]]",
            "test -v \"$x\"",
            "[ \"$a\" \"$b\" ]",
            "[[ $x -eq 1 ]]",
            "((x > 1))",
            "read -r x\n((x > 1))",
            "x=1\necho ((; read -r x; echo ))",
            "x=1\nread -r x\n((x > 1))",
            "echo $((x))",
            "echo ${a[$x]}",
            "a[$x]=1",
            "printf -v \"$x\" y",
            "let x=1",
            "declare -n x=y",
            "declare \"$x\"",
            "ls() { echo x; }",
            "kubectl() { echo x; }",
            "echo() { :; }",
        ],
    );
}

#[test]
fn what_another_program_or_machine_reads_is_opaque() {
    all(
        Class::Opaque,
        &[
            "zsh -c ls",
            "f() { :; }\nssh main f",
            "f() { :; }\nssh main 'f; ls'",
            "cat x | sh",
            "bash -s < docs/x",
            "sh -c \"$x\"",
            "python3 -c 'x'",
            "python3 x.py",
            "./tool",
            "/opt/tool",
            "../x.sh",
            "ssh other kubectl get nodes",
            "ssh -o ProxyCommand=x main ls",
            "ssh main",
            "ssh main \"$x\"",
            "su -c ls",
            "xargs kubectl get < docs/x",
            "env -S 'ls'",
            "PATH=./e:$PATH",
            "export PAGER=./e",
            "GIT_SSH_COMMAND=x ls",
            "KUBECONFIG=x kubectl get nodes",
            "BASH_ENV=x",
            "shopt -s expand_aliases",
            "set -- a b",
            "set -k",
            "cd /etc",
            "cd config",
            "cd .talos/main && cat x",
            "cd \"$x\"",
            "cat < /etc/shadow",
            "echo x > \"$STUDIO_OUT/../x\"",
            "STUDIO_OUT=/etc\necho x > \"$STUDIO_OUT/x\"",
            "echo `ls`",
            "make all",
            "just x",
            "task x",
            "select x in a; do ls; done",
            "if ls",
            "echo 'x",
            "ls\r",
            "re\"a\"d x",
            "e\\val ls",
            "frobnicate --all",
        ],
    );
}

/// Bash runs the `rm` in each of these; a parser that reads them in another way must not decide.
#[test]
fn texts_that_are_read_in_two_ways_are_opaque() {
    for text in [
        "echo \\$'\\' ; rm -rf /srv #'",
        "echo \"${x:-'}\"; rm -rf /srv; echo \"'}\"",
        "((cat) ; rm -rf /srv)",
        "99999999999>x ls",
        "~99999999999999999999/x",
        "echo {99999999999999999999..1}\n$x",
    ] {
        assert!(judged(text).class >= Class::Destroy, "{text}: {:?}", judged(text));
    }
}

#[test]
fn arguments_are_what_the_step_gives() {
    let given = |text: &str, words: &[&str]| {
        let arguments: Vec<Vec<String>> = words.iter().map(|word| vec![word.to_string()]).collect();
        with(text, &[], Some(&arguments)).class
    };
    assert_eq!(given("kubectl get node \"$1\"", &["cp-1"]), Class::Observe);
    assert_eq!(given("kubectl get node \"${1:?which}\" \"${2:-cp-2}\"", &["cp-1"]), Class::Observe);
    assert_eq!(given("kubectl get \"$1\"", &["secrets"]), Class::Opaque);
    assert_eq!(given("kubectl \"$1\" ns web", &["delete"]), Class::Destroy);
    assert_eq!(given("kubectl get node \"$2\"", &["cp-1"]), Class::Opaque);
    assert_eq!(given("shift\nkubectl get node \"$1\"", &["cp-1"]), Class::Opaque);
    assert_eq!(given("f() { kubectl get node \"$1\"; }\nf x", &["cp-1"]), Class::Opaque);
    assert_eq!(given("\"$1\" x", &["ls"]), Class::Opaque);
    let choice = [vec!["get".to_string(), "delete".to_string()]];
    assert_eq!(with("kubectl \"$1\" ns web", &[], Some(&choice)).class, Class::Destroy);
}

#[test]
fn files_of_the_repository_are_judged_with_it() {
    let beside = |text: &str, other: &str| with(text, &[("infrastructure/lib/b.sh", other)], None);
    for text in [
        "source infrastructure/lib/b.sh",
        ". \"$(dirname \"$0\")/lib/b.sh\"",
        "HERE=$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\nsource \"$HERE/lib/b.sh\"",
        "source \"${0%/*}/lib/b.sh\"",
        "cd infrastructure/lib\nsource b.sh",
        "cd \"$(dirname \"$0\")\"\nbash lib/b.sh",
        "./infrastructure/lib/b.sh a",
    ] {
        assert_eq!(beside(text, "echo x\n").class, Class::Observe, "{text}: {:?}", beside(text, "echo x").notes);
        let destroys = beside(text, "\nkubectl delete ns web\n");
        assert_eq!(
            (destroys.class, destroys.notes[0].path.as_str(), destroys.notes[0].line),
            (Class::Destroy, "infrastructure/lib/b.sh", 2),
            "{text}"
        );
    }
    assert_eq!(beside("echo x > infrastructure/lib/b.sh\nbash infrastructure/lib/b.sh", "true").class, Class::Opaque);
    let uses_itself = with("source infrastructure/x.sh", &[("infrastructure/x.sh", "source infrastructure/x.sh")], None);
    assert_eq!(uses_itself.class, Class::Opaque);
    assert_eq!(with("bash b.py", &[("b.py", "#!/usr/bin/env python3\n")], None).class, Class::Opaque);
    let spoiled = with("x=a\nsource infrastructure/lib/b.sh\nkubectl get pods -n \"$x\"", &[("infrastructure/lib/b.sh", "x=b")], None);
    assert_eq!(spoiled.class, Class::Opaque);
}

#[test]
fn recipes_are_read_and_never_evaluated() {
    let make = |text: &str| with("make all", &[("Makefile", text)], None).class;
    assert_eq!(make(".PHONY: all\nall: look\n\t@echo done\nlook:\n\tkubectl get nodes\n"), Class::Observe);
    assert_eq!(make("all:\n\techo x\nother:\n\trm -rf /srv\n"), Class::Observe);
    assert_eq!(make("all: other\nother:\n\t-rm -rf /srv\n"), Class::Destroy);
    for text in [
        "all:\n\techo $(shell id)\n",
        "X := $(shell id)\nall:\n\tls\n",
        "include x.mk\n",
        "all: gone\n\tls\n",
        "%: x\n\tls\n",
        "SHELL=./e\nall:\n\tls\n",
        "all:\n\tls \\\n\tx\n",
    ] {
        assert_eq!(make(text), Class::Opaque, "{text}");
    }
    let just = |text: &str| with("just up", &[("justfile", text)], None).class;
    assert_eq!(just("# look\nup: look\nlook:\n    @kubectl get nodes\n"), Class::Observe);
    assert_eq!(just("up:\n    kubectl delete ns web\n"), Class::Destroy);
    for text in [
        "up x:\n    ls\n",
        "up:\n    ls {{x}}\n",
        "x := `id`\nup:\n    ls\n",
        "up:\n    #!/usr/bin/env python3\n",
        "set shell := [\"x\"]\nup:\n    ls\n",
        "up:\n  ls\nup:\n  ls\n",
    ] {
        assert_eq!(just(text), Class::Opaque, "{text}");
    }
}

#[test]
fn a_script_that_cannot_fail_is_marked_with_the_line() {
    let masks = |text: &str| judged(text).masks.iter().map(|note| note.line).collect::<Vec<_>>();
    assert_eq!(masks("set -Eeuo pipefail\nls\n"), Vec::<usize>::new());
    assert_eq!(masks("set -o errexit\nls\n"), Vec::<usize>::new());
    assert_eq!(masks("ls\n"), [1]);
    assert_eq!(masks("set -e\nls || true\nls || :\nset +e\nls\ntrue\n"), [6, 2, 3, 4]);
}

#[test]
fn a_note_names_its_line() {
    let report = judged("set -e\n\nif true; then\n  x=$(\n    kubectl delete ns web\n  )\nfi\n");
    assert_eq!((report.notes[0].line, report.notes[0].class), (5, Class::Destroy), "{report:?}");
}
