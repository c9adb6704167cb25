//! What the small programs that people type may say.

use super::*;

#[test]
fn sed_only_prints() {
    for yes in [
        "5p",
        "1,20p",
        "$p",
        "$!d",
        "10q",
        "/kind:/p",
        "/a/,/b/p",
        "/a/,+3p",
        "5,$p",
        "1~2p",
        "/^#/d;/^$/d",
        "s/a/b/",
        "s/a/b/g",
        "s|/x/|/y/|p",
        "/x/s/a/b/2",
        "s/[^a-z]*$//",
        "=",
        "$=",
        "/a/!d",
        "1p; 3p",
        "s/[]x]/y/",
        "p",
        "G",
        "/foo/{p;q}",
        "/a/{/b/p;}",
        "y/abc/xyz/",
        "$!{h;d};x;G",
        "n;d",
        "{p}",
        "s/a\\/b/c/",
        "/a\\/b/p",
    ] {
        assert!(sed(yes), "{yes}");
    }
}

#[test]
fn sed_that_writes_reads_or_starts_is_none() {
    for no in [
        "1e id",
        "e",
        "s/x/id/e",
        "s/x/y/w f",
        "s/x/y/ge",
        "w /etc/x",
        "1w x",
        "r /etc/shadow",
        "1r x",
        "R x",
        "W x",
        "a x",
        "i x",
        "c x",
        "1,2!w x",
        "p;e id",
        "p;w x",
        "s/a/b/;e",
        "s/a/b",
        "s/a",
        "p p",
        "",
        ";",
        "s/[/]/e;s/]/b/",
        "s|a\\|b|c|",
        "s/a\\/x/e",
        "s/a\\/x/y/e",
        "/[/]/e",
        "1,p",
        "1~p",
        "p\ne id",
        "s\na\nb\ne",
        "-n",
        "sxaxbxe",
        "/a/I,/b/e",
        "v",
        "b;e",
        "F",
        "s/a/b/\ne",
        "/x/{e id}",
        "/x/{p;w f}",
        "{p",
        "p}",
        "p;}",
        "{p}e",
        "y/a/b/e",
        "y/a/b/w x",
        "{r x}",
        "G w x",
        "q5",
    ] {
        assert!(!sed(no), "{no}");
    }
}

#[test]
fn awk_only_prints() {
    for yes in [
        "{print $1}",
        "{print $NF}",
        "{ print $1, $2 }",
        "NR==1",
        "NR>1 {print $1}",
        "/Running/ {print $1}",
        "END {print NR}",
        "$3 > 80 {print $1}",
        "{s+=$1} END {print s}",
        "!seen[$0]++",
        "{print length($0)}",
        "NR%2==0",
        "BEGIN{FS=\":\"} {print $1}",
        "$1 == \"a\" || $2 == \"b\"",
        "{printf \"%s\\n\", $1}",
        "{a[$1]++} END {for (k in a) print k, a[k]}",
        "{ if ($3 > 100) print $1 }",
        "{print ($1 > \"(\")}",
    ] {
        assert!(awk(yes), "{yes}");
    }
    for no in [
        "BEGIN{system(\"id\")}",
        "{print > \"x\"}",
        "{print >> \"x\"}",
        "BEGIN{\"id\"|getline}",
        "{print | \"sh\"}",
        "BEGIN{while((getline l < \"x\")>0) print l}",
        "BEGIN{print ENVIRON[\"A\"]}",
        "@load \"x\"; {print}",
        "{f=\"system\"; @f(\"id\")}",
        "BEGIN{ARGV[1]=\"/etc/shadow\"}",
        "{print |& \"x\"}",
        "x",
        "{print}\n{system(1)}",
        "/a|b/",
        "-f x",
        "BEGIN{for(i in PROCINFO) print i}",
        "{print $1 / 2 > \"x\" / 1}",
        "",
        "/{/{print>\"x\"}",
        "BEGIN{for(;;)print 1}",
        "BEGIN{for(i=0; ; i++)print 1}",
        "{if ($1 > 2) print > \"x\"}",
        "{print \"(\" > \"x\"}",
        "{x = /(/; print > \"y\"}",
        "{print(1)>\"x\"}",
        "{print \"\\\"(\" > \"x\"}",
    ] {
        assert!(!awk(no), "{no}");
    }
}

#[test]
fn a_format_starts_no_program() {
    for yes in ["%h %s", "format:%H", "%(refname:short)", "tformat:%an <%ae>"] {
        assert!(pretty(yes), "{yes}");
    }
    for no in ["%G?", "%h %+GS", "format:%- GK", "%(signature)", "mine", "", "%h\n%GG"] {
        assert!(!pretty(no), "{no}");
    }
}

#[test]
fn a_filter_sees_its_input_only() {
    for yes in [
        ".",
        ".items[].metadata.name",
        "length",
        ".spec.containers[].env",
        ".a | keys",
        ".[] | select(.kind == \"Node\") | .metadata.name",
        "\"\\(.a) \\(.b)\"",
        ".a.import",
        "map(.x) | add",
        "{a: .b}",
        ".environment",
        "..",
        "to_entries[] | .key",
        "[.[] | .load]",
    ] {
        assert!(filter(yes), "{yes}");
    }
    for no in [
        "env",
        "$ENV",
        "$ENV.PATH",
        "env.HOME",
        "\"\\(env)\"",
        ".a | env",
        "import \"x\" as x; .",
        "include \"x\"; .",
        "load(\"x\")",
        "load_str(\"/etc/shadow\")",
        ".a = load_str(\"x\")",
        "strenv(HOME)",
        ".a |= envsubst",
        "..env",
        "modulemeta",
        "eval(\"1\")",
        "-n",
        "",
        "rm",
        ".\nenv",
        "(env)",
        "é.a|env",
        "$__prog_args",
        "repeat(1)",
        "while(true; .)",
        "def f: f; f",
    ] {
        assert!(!filter(no), "{no}");
    }
}

#[test]
fn a_view_of_a_container_shows_no_environment() {
    for yes in [
        "{{.State.Status}}",
        "{{json .Mounts}}",
        "{{.Config.Image}} {{.Config.Labels}}",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        "{{range $name, $net := .NetworkSettings.Networks}}{{$name}}={{$net.IPAddress}}{{end}}",
        "{{index .Config.Labels \"com.docker.compose.project\"}}",
        "{{if .State.Health}}{{.State.Health.Status}}{{end}}",
    ] {
        assert!(view(yes), "{yes}");
    }
    for no in [
        "json",
        "{{.}}",
        "{{ . }}",
        "{{json .}}",
        "{{. | json}}",
        "{{$}}",
        "{{$.Config.Env}}",
        "{{$x := .}}{{$x.Config.Env}}",
        "{{.Config}}",
        "{{json .Config }}",
        "{{(.Config).Env}}",
        "{{.Config.Env}}",
        "{{.Config.Image}}{{.Config}}",
        "{{index .Config \"Env\"}}",
        "{{with .Config}}{{.Env}}{{end}}",
        "{{range $key, $value := .Config}}{{$value}}{{end}}",
        "{{.Config.CreateCommand}}",
        "{{.Spec.TaskTemplate.ContainerSpec}}",
        "{{define \"x\"}}{{json .}}{{end}}",
        "{{.ContainerConfig}}",
        "-{{.Name}}",
    ] {
        assert!(!view(no), "{no}");
    }
}
