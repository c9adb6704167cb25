//! Judging edits: by where they write, and by what the change of the text means.

mod patched;

pub(crate) use patched::patched;

use crate::manifest;
use crate::place::{self, Scopes};
use crate::secret::plaintext;
use serde::Serialize;
use studio_core::gate::{EditJudgement, EditVerdict};
use studio_core::plan::Edit;
use studio_core::text::hostile;
use studio_core::ticket::Stage;

/// Ends of file names that nothing runs and no cluster reads.
const PROSE: &str = "*.md docs/*.png docs/*.jpg docs/*.drawio docs/*.mmd docs/*.puml";

/// Names that some systems take for a device, with a number behind them or not.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt"];

/// Words after `kind` in which `Secret` may hide behind tags and anchors.
const KIND_WORDS: usize = 3;

/// One thing that was found about a change of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line of its new text, from 1; of its old one, if it is gone; 1 where the whole file is meant.
    pub line: usize,
    /// What it makes of the edit.
    pub verdict: EditVerdict,
    /// The rule that found it.
    pub rule: &'static str,
    /// Why, for a human.
    pub why: String,
    /// What would make it pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    pub(crate) fn of(verdict: EditVerdict, rule: &'static str, file: &str, line: usize, why: String) -> Finding {
        Finding { file: file.into(), line: line.max(1), verdict, rule, why, mend: None }
    }

    pub(crate) fn mend(self, mend: &str) -> Finding {
        Finding { mend: Some(mend.into()), ..self }
    }
}

/// Judges `edit`: the strictest of what is found; `before` is what stands at its path, under the old name of a file
/// that it renames.
pub(crate) fn judge(edit: &Edit, before: Option<&[u8]>, stage: Stage, scopes: &Scopes) -> EditJudgement {
    let worst = worst(findings(edit, before, stage, scopes));
    let place = if worst.line > 1 { format!("line {}: ", worst.line) } else { String::new() };
    let mend = worst.mend.map(|mend| format!("; {mend}")).unwrap_or_default();
    EditJudgement { verdict: worst.verdict, rule: worst.rule.into(), why: format!("{}: {place}{}{mend}", worst.file, worst.why) }
}

/// Returns everything that is found about `edit`, of its paths and of the text that stands there after it.
pub(crate) fn findings(edit: &Edit, before: Option<&[u8]>, stage: Stage, scopes: &Scopes) -> Vec<Finding> {
    let removes = matches!(edit, Edit::Remove { .. });
    let mut found: Vec<Finding> = edit.paths().flat_map(|path| located(path.as_str(), stage, scopes, removes)).collect();
    let was = before.map(readable);
    match edit {
        Edit::Write { path, text } => {
            found.extend(plain(path.as_str(), text));
            found.extend(plaintext(path.as_str(), was.as_deref(), text));
            found.extend(tenants(path.as_str(), text, stage));
            found.extend(contents(path.as_str(), was.as_deref(), Some(text)));
        }
        Edit::Remove { path } => found.extend(contents(path.as_str(), was.as_deref().or(Some("")), None)),
        Edit::Rename { path, to } => {
            found.push(moved(path.as_str(), to.as_str()));
            if !manifest::is_manifest(path.as_str()) || !manifest::is_manifest(to.as_str()) {
                found.extend(was.iter().flat_map(|text| plain(to.as_str(), text)));
                // What moves stands in the repository already: a human says whether it may stand there.
                let moves = was.iter().flat_map(|text| plaintext(to.as_str(), None, text));
                found.extend(moves.map(|found| Finding { verdict: EditVerdict::Ask, ..found }));
                found
                    .extend(was.filter(|_| manifest::is_manifest(to.as_str())).into_iter().flat_map(|text| contents(to.as_str(), None, Some(&text))));
            }
        }
    }
    found
}

/// Returns the strictest that the path alone says about an edit there, if it says anything.
pub(crate) fn judge_path(path: &str, stage: Stage, scopes: &Scopes) -> Option<Finding> {
    Some(located(path, stage, scopes, false)).filter(|found| !found.is_empty()).map(worst)
}

/// Returns the strictest.
pub(crate) fn worst(found: Vec<Finding>) -> Finding {
    found
        .into_iter()
        .reduce(|worst, other| if other.verdict > worst.verdict { other } else { worst })
        .unwrap_or_else(|| Finding::of(EditVerdict::Block, "no-path", "", 1, "it names no path; name the file it writes".into()))
}

/// What the path alone says, if anything.
fn located(path: &str, stage: Stage, scopes: &Scopes, removes: bool) -> Vec<Finding> {
    let mut found: Vec<Finding> = place::places(path)
        .map(|place| match place.rule {
            "encrypted" if removes => Finding::of(EditVerdict::Gate, place.rule, path, 1, "whatever uses the ciphertext would miss it".into()),
            rule => Finding::of(place.verdict, rule, path, 1, place.why.into()),
        })
        .collect();
    if odd(path) {
        let why = "other systems read this name differently".into();
        found.push(Finding::of(EditVerdict::Ask, "odd-name", path, 1, why).mend("use letters, digits and . _ - + @ = , only"));
    }
    if scopes.protect(path) {
        found.push(Finding::of(EditVerdict::Block, "protected", path, 1, "the repository's policy protects it; only its owner edits it".into()));
    }
    if !scopes.hold(path, stage) {
        let why = format!("it is not what stage {} may write", u8::from(stage));
        found.push(Finding::of(EditVerdict::Ask, "out-of-stage", path, 1, why).mend("choose a path of the stage"));
    }
    found
}

/// What it means that a file has another name.
fn moved(path: &str, to: &str) -> Finding {
    match [path, to].iter().all(|path| place::listed(PROSE, &place::fold(path))) {
        true => Finding::of(EditVerdict::Pass, "prose", to, 1, "it is only read by people".into()),
        false => Finding::of(EditVerdict::Gate, "moved", to, 1, format!("it was {path}, and takes effect under its name when it is merged")),
    }
}

/// What any new text says, if anything.
fn plain(path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let unix = text.replace("\r\n", "\n");
    if let Some((at, c)) = unix.char_indices().find(|(_, c)| hostile(*c)) {
        let line = unix.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        let why = format!("it would hold the character U+{:04X}, which a reader cannot see", c as u32);
        found.push(Finding::of(EditVerdict::Ask, "hidden-character", path, line, why).mend("write it as an escape or leave it out"));
    }
    found
}

/// Objects of tenants belong to their stage, wherever the file lies.
fn tenants(path: &str, text: &str, stage: Stage) -> Option<Finding> {
    let of = |rest: &str| {
        let word = rest.trim_start_matches([' ', '"', '\'']);
        word.starts_with("tenant-") || word.starts_with("tenants-") || word.split(['"', '\'', ' ', ',', '}']).next() == Some("tenants")
    };
    let names = |line: &str| line.split("amespace:").skip(1).any(of) || line.split("amespace\":").skip(1).any(of);
    let at = text.lines().position(names).filter(|_| stage < Stage::Tenants && !place::listed(PROSE, &place::fold(path)))?;
    let why = format!("it works on a namespace of tenants, which stage {} may not", u8::from(stage));
    Some(Finding::of(EditVerdict::Ask, "stage-content", path, at + 1, why).mend("open stage 3 first, or choose another namespace"))
}

/// What the change of a text means; at least one finding.
fn contents(path: &str, before: Option<&str>, after: Option<&str>) -> Vec<Finding> {
    let folded = place::fold(path);
    if place::listed(PROSE, &folded) {
        return vec![Finding::of(EditVerdict::Pass, "prose", path, 1, "it is only read by people".into())];
    }
    if manifest::is_manifest(path) && (before.is_some_and(|text| !text.is_empty()) || after.is_some()) {
        return manifest::judge(path, before, after);
    }
    let mut found = vec![Finding::of(EditVerdict::Gate, "in-scope", path, 1, "it takes effect when it is merged, so the merge asks".into())];
    if after.is_some_and(holds_secret) {
        let why = "it seems to hold a Secret; a human must see that it is encrypted or harmless".into();
        found.push(Finding::of(EditVerdict::Ask, "secret-manifest", path, 1, why));
    }
    found
}

/// Returns the text of a file; of one that is no text, what a reader would see of it.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => text.into(),
        Ok(_) | Err(_) => String::from_utf8_lossy(bytes).chars().filter(|c| !hostile(*c)).collect(),
    }
}

/// Says whether the text names the kind `Secret`, however it is spaced, quoted, tagged or anchored.
pub(crate) fn holds_secret(text: &str) -> bool {
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
            ("kubernetes/apps/web/ks.yaml", EditVerdict::Gate, "manifest"),
            ("kubernetes/apps/名前/ks.yaml", EditVerdict::Gate, "manifest"),
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
        let body = "q7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5Jf0Gp2Tq7Rt2Zx9Lm4Wv8Kb3Nc6Yd1Hs5J";
        let key = format!("-----BEGIN OPENSSH {} KEY-----\n{body}\n", "PRIVATE");
        let age = format!("AGE-SECRET-{}-1{}", "KEY", body.to_uppercase());
        for text in [&key, &age] {
            assert_eq!(write("docs/x.md", text), (EditVerdict::Block, "token".into()));
        }
        let secret = "kind: Secret\nstringData:\n  password: hunter\n";
        assert_eq!(write("kubernetes/x.yaml", secret), (EditVerdict::Block, "kubernetes-secret".into()));
        assert_eq!(write("kubernetes/x.yaml", "a:\n  password: '[secret]'\n"), (EditVerdict::Block, "secret-taken-out".into()));
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
    fn objects_of_tenants_belong_to_their_stage() {
        let judged =
            |text: &str, stage| judge(&Edit::Write { path: path("kubernetes/x.yaml"), text: text.into() }, None, stage, &Scopes::default()).rule;
        for text in [
            "a: 1\nnamespace: tenant-shop\n",
            "{metadata: {namespace: \"tenants\"}}",
            "targetNamespace: tenants-a\n",
            "{\"namespace\": \"tenant-x\"}",
        ] {
            assert_eq!((judged(text, Stage::Studio).as_str(), judged(text, Stage::Tenants).as_str()), ("stage-content", "manifest"), "{text}");
        }
        assert_eq!(judged("namespace: tenancy\n", Stage::Studio), "manifest");
        assert_eq!(write("docs/x.md", "namespace: tenant-shop\n").0, EditVerdict::Pass);
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
        assert_eq!(remove("kubernetes/apps/web/secret.sops.yaml"), EditVerdict::Gate);
        assert_eq!(remove(".gitattributes"), EditVerdict::Block);
    }
}
