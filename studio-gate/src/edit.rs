//! Judging edits: by where they write, and by what the text shows.

use crate::place::{self, Scopes};
use studio_core::gate::{EditJudgement, EditVerdict};
use studio_core::plan::Edit;
use studio_core::text::hostile;
use studio_core::ticket::Stage;

/// Ends of file names that nothing runs and no cluster reads.
const PROSE: &str = "*.md docs/*.txt docs/*.png docs/*.jpg docs/*.drawio docs/*.mmd docs/*.puml";

/// Names that some systems take for a device, with a number behind them or not.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt"];

/// Words after `kind` in which `Secret` may hide behind tags and anchors.
const KIND_WORDS: usize = 3;

/// Judges `edit`: the strictest verdict of its paths and of the text that stands there after it; `moved` is that of
/// a file that it renames.
pub(crate) fn judge(edit: &Edit, moved: Option<&[u8]>, stage: Stage, scopes: &Scopes) -> EditJudgement {
    let text = match edit {
        Edit::Write { path, text } => contents(path.as_str(), text),
        Edit::Rename { to, .. } => moved.and_then(|bytes| contents(to.as_str(), &readable(bytes))),
        Edit::Remove { .. } => None,
    };
    let paths = edit.paths().flat_map(|path| located(path.as_str(), stage, scopes));
    worst(paths.chain(text))
}

/// Returns what the path alone says about an edit there.
pub(crate) fn judge_path(path: &str, stage: Stage, scopes: &Scopes) -> EditJudgement {
    worst(located(path, stage, scopes).into_iter())
}

fn worst(found: impl Iterator<Item = EditJudgement>) -> EditJudgement {
    found
        .reduce(|worst, other| if other.verdict > worst.verdict { other } else { worst })
        .unwrap_or_else(|| judgement(EditVerdict::Block, "no-path", "it names no path; name the file it writes".into()))
}

/// What the path alone says; at least one judgement.
fn located(path: &str, stage: Stage, scopes: &Scopes) -> Vec<EditJudgement> {
    let mut found: Vec<EditJudgement> =
        place::places(path).map(|place| judgement(place.verdict, place.rule, format!("{path}: {}", place.why))).collect();
    if odd(path) {
        found.push(judgement(
            EditVerdict::Ask,
            "odd-name",
            format!("{path}: use letters, digits and . _ - + @ = , only; other systems read this name differently"),
        ));
    }
    if scopes.protect(path) {
        found.push(judgement(EditVerdict::Block, "protected", format!("{path} is protected by the repository's policy; only its owner edits it")));
    }
    if !scopes.hold(path, stage) {
        found.push(judgement(
            EditVerdict::Ask,
            "out-of-stage",
            format!("{path} is not what stage {} may write; choose a path of the stage", u8::from(stage)),
        ));
    }
    let folded = place::fold(path);
    found.push(if place::listed(PROSE, &folded) {
        judgement(EditVerdict::Pass, "prose", format!("{path} is only read by people"))
    } else {
        judgement(EditVerdict::Gate, "in-scope", format!("{path} takes effect when it is merged, so the merge asks"))
    });
    found
}

/// What the text says, if anything.
fn contents(path: &str, text: &str) -> Option<EditJudgement> {
    if text.contains("AGE-SECRET-KEY-") || text.lines().any(|line| line.contains("-----BEGIN") && line.contains("PRIVATE KEY")) {
        return Some(judgement(
            EditVerdict::Block,
            "plaintext-key",
            format!("{path} would hold a private key; encrypt it outside and commit only ciphertext"),
        ));
    }
    let unix = text.replace("\r\n", "\n");
    if let Some(c) = unix.chars().find(|c| hostile(*c)) {
        let why = format!("{path} would hold the character U+{:04X}, which a reader cannot see; write it as an escape or leave it out", c as u32);
        return Some(judgement(EditVerdict::Ask, "hidden-character", why));
    }
    (!place::like("*.md", &place::fold(path)) && holds_secret(text)).then(|| {
        judgement(EditVerdict::Ask, "secret-manifest", format!("{path} seems to hold a Secret; a human must see that it is encrypted or harmless"))
    })
}

/// Returns the text of a file; of one that is no text, what a reader would see of it.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => text.into(),
        Ok(_) | Err(_) => String::from_utf8_lossy(bytes).chars().filter(|c| !hostile(*c)).collect(),
    }
}

/// Says whether the text names the kind `Secret`, however it is spaced, quoted, tagged or anchored.
fn holds_secret(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let kind = |at: usize| words.iter().skip(at + 1).take(KIND_WORDS).any(|word| *word == "Secret" || *word == "SecretList");
    words.iter().enumerate().any(|(at, word)| *word == "stringData" || (*word == "kind" && kind(at)))
}

/// Says whether another system or a shell could read the name as something else.
fn odd(path: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | ' ' | '=' | ',');
    let device = |part: &str| {
        let stem = place::fold(part.split('.').next().unwrap_or(part));
        DEVICES.contains(&stem.trim_end_matches(|c: char| c.is_ascii_digit()))
    };
    !path.chars().all(plain) || path.ends_with('.') || path.split('/').any(device)
}

fn judgement(verdict: EditVerdict, rule: &str, why: String) -> EditJudgement {
    EditJudgement { verdict, rule: rule.into(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::gate::judge_edits;
    use studio_core::name::RelPath;
    use studio_core::tree::MemoryTree;

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    fn write(at: &str, text: &str) -> (EditVerdict, String) {
        let EditJudgement { verdict, rule, .. } = judge(&Edit::Write { path: path(at), text: text.into() }, None, Stage::Studio, &Scopes::default());
        (verdict, rule)
    }

    #[test]
    fn where_it_writes_decides() {
        for (at, verdict, rule) in [
            ("docs/runbook.md", EditVerdict::Pass, "prose"),
            ("README.md", EditVerdict::Pass, "prose"),
            ("kubernetes/apps/web/README.md", EditVerdict::Pass, "prose"),
            ("docs/cluster.drawio", EditVerdict::Pass, "prose"),
            ("docs/render.sh", EditVerdict::Gate, "in-scope"),
            ("kubernetes/apps/web/ks.yaml", EditVerdict::Gate, "in-scope"),
            ("kubernetes/apps/名前/ks.yaml", EditVerdict::Gate, "in-scope"),
            ("infrastructure/check.sh", EditVerdict::Gate, "in-scope"),
            ("infrastructure/wipe_disk.sh", EditVerdict::Ask, "dangerous-script"),
            ("docs/AGENTS.md", EditVerdict::Ask, "agent-files"),
            ("docs/Makefile", EditVerdict::Ask, "runs-code"),
            ("CHANGELOG.md", EditVerdict::Ask, "out-of-stage"),
            ("kubernetes/tenants/shop/ks.yaml", EditVerdict::Ask, "out-of-stage"),
            ("kubernetes/apps/$(id).yaml", EditVerdict::Ask, "odd-name"),
            ("kubernetes/apps/..%2fx.yaml", EditVerdict::Ask, "odd-name"),
            ("kubernetes/a\u{2215}b.yaml", EditVerdict::Ask, "odd-name"),
            ("kubernetes/com1.yaml", EditVerdict::Ask, "odd-name"),
            ("kubernetes/x.yaml.", EditVerdict::Ask, "odd-name"),
            ("ai/state/stage.json", EditVerdict::Block, "studio-files"),
            ("Config/Env/x.md", EditVerdict::Block, "secret-place"),
        ] {
            assert_eq!(write(at, "x: 1\n"), (verdict, rule.into()), "{at}");
        }
    }

    #[test]
    fn what_it_writes_can_only_raise() {
        let key = format!("-----BEGIN OPENSSH {} KEY-----\n", "PRIVATE");
        let age = format!("AGE-SECRET-{}-1X", "KEY");
        for text in [&key, &age] {
            assert_eq!(write("docs/x.md", text), (EditVerdict::Block, "plaintext-key".into()));
        }
        for text in [
            "kind: Secret\n",
            "{\"kind\":\"Secret\"}",
            "a: 1\n---\nkind:   'Secret'\n",
            "kind: !!str Secret",
            "kind: &a Secret",
            "kind: >-\n  Secret",
            "stringData: {}",
        ] {
            assert_eq!(write("kubernetes/x.yaml", text), (EditVerdict::Ask, "secret-manifest".into()), "{text}");
            assert_eq!(write("docs/x.md", text).0, EditVerdict::Pass, "{text}");
        }
        for text in ["kind: SecretStore\n", "kind: Deployment\nmetadata: { name: web }\n# Secret\n"] {
            assert_eq!(write("kubernetes/x.yaml", text).0, EditVerdict::Gate, "{text}");
        }
        for text in ["a: 1\u{1b}[2K\n", "a: \u{202e}1\n", "a: 1\rb: 2\n"] {
            assert_eq!(write("kubernetes/x.yaml", text), (EditVerdict::Ask, "hidden-character".into()), "{text:?}");
        }
        assert_eq!(write("kubernetes/x.yaml", "a: 1\r\nb: 2\r\n").0, EditVerdict::Gate);
        assert_eq!(write("config/env/x.yaml", "kind: Secret").0, EditVerdict::Block);
    }

    #[test]
    fn both_sides_of_a_rename_count() {
        let rename = |from: &str, to: &str| judge(&Edit::Rename { path: path(from), to: path(to) }, None, Stage::Infra, &Scopes::default()).verdict;
        assert_eq!(rename("docs/a.md", "docs/b.md"), EditVerdict::Pass);
        assert_eq!(rename("docs/a.md", "infrastructure/a.sh"), EditVerdict::Gate);
        assert_eq!(rename("infrastructure/a.sh", "docs/a.md"), EditVerdict::Gate);
        assert_eq!(rename("kubernetes/a.yaml", "ui/a.yaml"), EditVerdict::Ask);
        assert_eq!(rename(".env", "docs/a.md"), EditVerdict::Block);
        assert_eq!(rename("docs/a.md", ".gitmodules"), EditVerdict::Block);
    }

    #[test]
    fn what_a_renamed_file_holds_is_judged_at_its_new_name() {
        let gate = crate::ShortGate::new();
        let secret = "kind: Secret\nstringData: { a: b }\n";
        let wide: Vec<u8> = secret.bytes().flat_map(|byte| [byte, 0]).collect();
        let files = [("docs/old.md", secret.as_bytes().to_vec()), ("docs/plain.md", b"a: 1\n".to_vec()), ("docs/a.bin", b"\xff\0\x01".to_vec())];
        let files = files.into_iter().chain([("docs/wide.md", wide)]).map(|(name, bytes)| (path(name), bytes));
        let base = MemoryTree(files.collect());
        let rename = |from: &str, to: &str| Edit::Rename { path: path(from), to: path(to) };
        let write = Edit::Write { path: path("docs/x.md"), text: secret.into() };
        for (edits, verdict) in [
            (vec![write.clone(), rename("docs/x.md", "kubernetes/apps/x.yaml")], EditVerdict::Ask),
            (vec![write, rename("docs/x.md", "docs/y.md"), rename("docs/y.md", "kubernetes/apps/x.yaml")], EditVerdict::Ask),
            (vec![rename("docs/old.md", "kubernetes/apps/x.yaml")], EditVerdict::Ask),
            (vec![rename("docs/wide.md", "kubernetes/apps/x.yaml")], EditVerdict::Ask),
            (vec![rename("docs/a.bin", "docs/b.bin")], EditVerdict::Gate),
            (vec![rename("docs/old.md", "docs/new.md")], EditVerdict::Pass),
            (vec![rename("docs/plain.md", "kubernetes/apps/x.yaml")], EditVerdict::Gate),
        ] {
            let judged = judge_edits(&gate, &base, &edits, Stage::Infra).unwrap();
            assert_eq!(judged.last().unwrap().verdict, verdict, "{edits:?}");
        }
    }

    #[test]
    fn removing_is_judged_like_writing() {
        let remove = |at: &str| judge(&Edit::Remove { path: path(at) }, None, Stage::Infra, &Scopes::default()).verdict;
        assert_eq!(remove("docs/a.md"), EditVerdict::Pass);
        assert_eq!(remove("kubernetes/apps/web/ks.yaml"), EditVerdict::Gate);
        assert_eq!(remove("kubernetes/apps/web/secret.sops.yaml"), EditVerdict::Ask);
        assert_eq!(remove(".gitattributes"), EditVerdict::Block);
    }
}
