//! Lines, and what is no line of plain commands.

use super::*;

/// Returns the words of a line, `|` between commands, and whether it could be a step.
fn read(text: &str) -> Result<(String, bool), Why> {
    let line = list(text)?;
    let words = |command: &Command| command.words.iter().map(|word| format!("<{}>", word.text)).collect::<String>();
    Ok((line.commands.iter().map(words).collect::<Vec<_>>().join(" | "), line.step))
}

#[test]
fn words_are_what_bash_passes() {
    for (text, words, step) in [
        ("ls", "<ls>", true),
        ("  r''m \"-rf\" /s\\rv  # gone", "<rm><-rf></srv>", true),
        ("ku\"\"bectl 'del'ete ns ''", "<kubectl><delete><ns><>", true),
        ("a 'b c' \"d 'e' \\\"f\\\" \\$g \\h\"", "<a><b c><d 'e' \"f\" $g \\h>", true),
        ("grep 'x$' \"y$\" \"a$|b\"", "<grep><x$><y$><a$|b>", true),
        ("get a \\\n  --all", "<get><a><--all>", true),
        ("a; b && c || d | e\nf", "<a> | <b> | <c> | <d> | <e> | <f>", false),
        ("ls&&rm -rf /x", "<ls> | <rm><-rf></x>", false),
        ("a\n\n# nothing\nb;\n", "<a> | <b>", false),
        ("a 2>/dev/null >&2 2>&1 b &> /dev/null", "<a><b>", false),
        ("a < '/dev/null'", "<a>", false),
        ("wc -l talos/*.yaml", "<wc><-l><talos/x.yaml>", false),
        ("cat k/apps/a?c-*.yaml", "<cat><k/apps/axc-x.yaml>", false),
        ("git show HEAD~1 stash@{0} a=b --x=y%z", "<git><show><HEAD~1><stash@{0}><a=b><--x=y%z>", true),
        ("get --field-selector=phase!=Running \"a!\"", "<get><--field-selector=phase!=Running><a!>", true),
        ("[ -f x ]", "<[><-f><x><]>", true),
        ("time ls docs", "<ls><docs>", true),
        ("! grep -q x docs/a", "<grep><-q><x><docs/a>", true),
        ("LC_ALL=C sort docs/a", "<sort><docs/a>", false),
        ("GIT_PAGER=cat git log", "<git><log>", false),
        ("git log @{u}..", "<git><log><@{u}..>", true),
        ("echo *", "<echo><x>", false),
        ("find . ! -name x", "<find><.><!><-name><x>", true),
        ("ls * */ && cat *.md", "<ls><x><x/> | <cat><x.md>", false),
        ("wc -l < docs/a.md", "<wc><-l>", false),
        ("grep -r --include=*.py x docs", "<grep><-r><--include=x.py><x><docs>", false),
    ] {
        assert_eq!(read(text), Ok((words.to_string(), step)), "{text}");
    }
}

#[test]
fn what_a_shell_would_think_about_is_no_plain_word() {
    for (text, why) in [
        ("$'\\x72\\x6d' -rf x", Why::AnsiQuote),
        ("echo $X", Why::Expansion),
        ("echo \"${x}\"", Why::Expansion),
        ("rm${IFS}x", Why::Expansion),
        ("echo $\"x\"", Why::Expansion),
        ("$(echo rm) x", Why::Substitution),
        ("echo \"$(id)\"", Why::Substitution),
        ("echo `id`", Why::Substitution),
        ("cat <(id)", Why::Substitution),
        ("{rm,-rf,x}", Why::Brace),
        ("echo {1..9}", Why::Brace),
        ("cat ~/x", Why::Tilde),
        ("x --to=~root", Why::Tilde),
        ("!rm", Why::History),
        ("echo \"!rm\"", Why::History),
        ("/b?n/rm x", Why::Glob),
        ("sort *.md", Why::Glob),
        ("cat *", Why::Glob),
        ("cat */a.md", Why::Glob),
        ("find . -name *", Why::Glob),
        ("grep x *.txt", Why::SecretGlob("keys.txt")),
        ("ls .*", Why::Glob),
        ("ls [a-c]*", Why::Sign('[')),
        ("cat conf*/env/x", Why::Glob),
        ("cat config/env/*", Why::Glob),
        ("cat talos/*.yaml", Why::SecretGlob("talsecret.yaml")),
        ("cat x/*.key", Why::SecretGlob("*.key")),
        ("cat secret*.yaml", Why::SecretGlob("secret.y*ml")),
        ("head x/s*.yaml", Why::SecretGlob("secret.y*ml")),
        ("cat x/*", Why::SecretGlob("*.agekey")),
        ("cat a[b]", Why::Sign('[')),
        ("PAGER=./e git log", Why::Assignment),
        ("x=1", Why::Assignment),
        ("x=>&2 y", Why::Assignment),
        ("if>&2", Why::Control("if".into())),
        ("a > b", Why::Redirect),
        ("> b", Why::Redirect),
        ("a 3>/dev/null", Why::Redirect),
        ("a >&-", Why::Redirect),
        ("a >& b", Why::Redirect),
        ("a |& b", Why::Redirect),
        ("a << E\nE", Why::Heredoc),
        ("a <<< b", Why::Heredoc),
        ("a & b", Why::Background),
        ("(a)", Why::Control("(".into())),
        ("if a", Why::Control("if".into())),
        ("{ a; }", Why::Control("{".into())),
        ("a(){ b; }", Why::Control("(".into())),
        ("! ! a", Why::Control("!".into())),
        ("x | ! a", Why::Control("!".into())),
        ("</dev/null ! a", Why::Control("!".into())),
        ("x | time a", Why::Control("time".into())),
        ("x; !", Why::Missing("!".into())),
        ("LC_ALL=C", Why::Assignment),
        ("TZ=$x date", Why::Expansion),
        ("TZ=:/etc/x date", Why::Assignment),
        ("PAGER=less git log", Why::Assignment),
        ("KUBECONFIG=x kubectl get pods", Why::Assignment),
        ("a{b,c}", Why::Brace),
        ("a{1..3}b", Why::Brace),
        ("ls !x", Why::History),
        ("time -o x id", Why::Control("-o".into())),
        ("time time a", Why::Control("time".into())),
        ("time { a; }", Why::Control("{".into())),
        ("a && ", Why::Missing("&&".into())),
        ("a ; ; b", Why::Missing(";".into())),
        ("| a", Why::Missing("|".into())),
        ("", Why::Missing("nothing".into())),
        ("a 'b", Why::Unclosed),
        ("a \"b", Why::Unclosed),
        ("a \\", Why::Escape),
        ("a 'b\nc'", Why::Escape),
        ("a\u{a0}b", Why::Hidden(0xa0)),
        ("a\rb", Why::Hidden(0x0d)),
        ("a \u{202e}b", Why::Hidden(0x202e)),
        ("a\0b", Why::Hidden(0)),
    ] {
        assert_eq!(read(text), Err(why), "{text:?}");
    }
}

/// A parser of the whole language takes each of these for one harmless command; bash does not.
#[test]
fn a_word_never_swallows_a_command() {
    assert_eq!(read("echo \\$'\\' ; rm -rf /srv #'"), Ok(("<echo><$\\> | <rm><-rf></srv>".into(), false)));
    assert_eq!(read("echo \"${x:-'}\"; rm -rf /srv; echo \"'}\""), Err(Why::Expansion));
}

#[test]
fn caps_refuse() {
    assert_eq!(read(&vec!["true"; LINE_COMMANDS].join(" && ")).map(|(_, step)| step), Ok(false));
    assert_eq!(read(&vec!["true"; LINE_COMMANDS + 1].join(" && ")), Err(Why::Many));
    assert_eq!(read(&format!("echo {}", "x ".repeat(ARGV_WORDS_MAX))), Err(Why::Many));
    assert!(matches!(read(&"x".repeat(SHELL_LINE_BYTES_MAX + 1)), Err(Why::Bytes(_))));
}

const LINE_COMMANDS: usize = SHELL_LINE_COMMANDS_MAX;

#[test]
fn the_strictest_command_of_a_line_decides() {
    let judged = |text: &str| {
        let (found, step) = judge(text, &|words| crate::command::of_words(words, None));
        (found.verdict, found.class, step)
    };
    assert_eq!(judged("kubectl get nodes"), (Verdict::Auto, Class::Observe, true));
    assert_eq!(judged("kubectl get nodes && helm list -A"), (Verdict::Auto, Class::Observe, false));
    assert_eq!(judged("kubectl get nodes | grep -c web | wc -l"), (Verdict::Auto, Class::Observe, false));
    for auto in [
        "[ -f docs/a.md ] && echo yes",
        "wc -l < docs/a.md",
        "journalctl -u kubelet | tail -5",
        "systemctl list-units | grep failed",
        "find . -name '*.rs' | xargs grep -n todo",
        "timeout 5 ping -c 1 10.0.0.1",
        "k3s kubectl get nodes",
        "ETCDCTL_API=3 etcdctl member list",
    ] {
        assert_eq!(judged(auto).0, Verdict::Auto, "{auto}");
    }
    for not in [
        "kubectl get nodes | tee x",
        "wc -l < .env",
        "cat < /etc/shadow",
        "sh < docs/a.sh",
        "journalctl -u kubelet",
        "tail -5 | journalctl -u kubelet",
        "systemctl edit x | cat",
        "[ -v x ]",
        "[ -f x",
        "find . -name '*.rs' | xargs rm",
        "find . -name '*.rs' -exec ls {} ; -delete",
        "time rm -rf docs",
        "timeout 5 rm -rf docs",
    ] {
        assert_ne!(judged(not).0, Verdict::Auto, "{not}");
    }
    assert_eq!(judged("timeout 5 ls docs"), (Verdict::Auto, Class::Observe, false));
    assert_eq!(judged("kubectl get nodes; kubectl cordon cp-1"), (Verdict::Ask, Class::Mutate, false));
    assert_eq!(judged("true || kubectl delete ns web"), (Verdict::ScriptOnly, Class::Destroy, false));
    assert_eq!(judged("kubectl get cm x | sh"), (Verdict::Refuse, Class::Opaque, false));
    assert_eq!(judged("kubectl get nodes > x"), (Verdict::Refuse, Class::Opaque, false));
    assert_eq!(judged("kubectl get cm x | openssl s_client -connect pve1.lan:8006").0, Verdict::Refuse);
    assert_eq!(judged("openssl s_client -connect pve1.lan:8006 < docs/a.md").0, Verdict::Refuse);
    assert_eq!(judged("echo | openssl s_client -connect pve1.lan:8006").0, Verdict::Auto);
    assert_eq!(judged("echo Q | openssl s_client -connect pve1.lan:8006").0, Verdict::Auto);
    assert_eq!(judged("printf 'DELETE / HTTP/1.0' | openssl s_client -connect pve1.lan:8006").0, Verdict::Refuse);
    assert_eq!(judged("echo POST /x | openssl s_client -connect pve1.lan:8006").0, Verdict::Refuse);
}
