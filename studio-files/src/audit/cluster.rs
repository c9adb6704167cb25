//! Manifests of a cluster: Secrets in plaintext, and what Flux may prune unguarded.

use super::{Finding, Section, Severity};
use crate::intake::Problems;
use crate::scout::fields;
use crate::yaml::{self, Field, Node, Value};
use studio_core::limits::FINDINGS_MAX;
use studio_core::name::RelPath;

/// Marks of a value that is filled in elsewhere.
const FILLED: [&str; 9] = ["${", "{{", "op://", "<path:", "ref+", "$(", "<%", "vault:", "bws://"];

/// Keys of a Secret that need no secrecy.
const PLAIN: &str = "type url name server host hostname port project username user email insecure enableoci forcehttpbasicauth region endpoint bucket \
    namespace githubappid githubappinstallationid";

/// Adds the plaintext Secrets of a file to `found`, and its prunes without health checks to `prunes`.
pub(super) fn scan(path: &RelPath, text: &str, found: &mut Vec<Finding>, prunes: &mut Vec<String>) {
    if ![".yaml", ".yml", ".json"].iter().any(|end| path.as_str().ends_with(end)) {
        return;
    }
    for (first, document) in documents(text) {
        let secret = document.contains("Secret") && (document.contains("data") || document.contains("stringData"));
        if secret && let Some(root) = yaml::parse(document, &mut Problems::of(path.as_str())) {
            let sealed = fields(&root).iter().any(|field| field.key == "sops");
            secrets(path, first, sealed, &root, found);
        }
        let flux = document.contains("kustomize.toolkit.fluxcd.io") && document.contains("prune: true");
        let guarded = ["wait: true", "healthChecks:", "healthCheckExprs:"].iter().any(|guard| document.contains(guard));
        if flux && !guarded && prunes.len() < FINDINGS_MAX {
            let line = document.lines().position(|line| line.trim() == "prune: true").unwrap_or(0);
            prunes.push(format!("{path}:{}", first + u32::try_from(line).unwrap_or(0)));
        }
    }
}

/// Adds one remark about all prunes without health checks.
pub(super) fn note(prunes: &[String], found: &mut Vec<Finding>) {
    let Some((path, line)) = prunes.first().and_then(|first| first.rsplit_once(':')) else { return };
    let what = format!("{} Flux Kustomizations prune without `wait` or health checks; this is the first", prunes.len());
    let mend = "a merge that removes a file removes what runs; set `wait: true` where that must be seen";
    found.push(Finding::new(Section::Gitops, Severity::Note, path, line.parse().unwrap_or(1), "prune-unguarded", &what, mend));
}

/// Says whether `value` is filled in elsewhere, encrypted, or only a place for a value.
pub(super) fn filled(value: &str) -> bool {
    let value = value.trim();
    let hint = value.to_lowercase();
    let placeholder = ["changeme", "change-me", "change_me", "replace", "placeholder", "example", "your-", "your_", "xxxx", "redacted", "todo"];
    value.is_empty()
        || value.starts_with("ENC[")
        || value.starts_with('<') && value.ends_with('>')
        || value.starts_with('$') && value.chars().skip(1).all(|c| c.is_ascii_alphanumeric() || c == '_')
        || value.chars().all(|c| matches!(c, '*' | '.' | 'x' | 'X' | '-'))
        || FILLED.iter().any(|mark| value.contains(mark))
        || placeholder.iter().any(|word| hint.contains(word))
}

/// Returns the documents of a YAML file with their first lines.
fn documents(text: &str) -> Vec<(u32, &str)> {
    let (mut documents, mut start, mut first, mut at) = (Vec::new(), 0, 1, 0);
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push((first, text.get(start..at).unwrap_or_default()));
            (start, first) = (at + line.len(), number + 1);
        }
        at += line.len();
    }
    documents.push((first, text.get(start..).unwrap_or_default()));
    documents
}

fn secrets(path: &RelPath, first: u32, sealed: bool, node: &Node, found: &mut Vec<Finding>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| secrets(path, first, sealed, item, found)),
        Value::Map(entries) => {
            let kind = entries.iter().any(|field| field.key == "kind" && matches!(&field.value.value, Value::Text(kind) if kind == "Secret"));
            if !kind {
                entries.iter().for_each(|field| secrets(path, first, sealed, &field.value, found));
                return;
            }
            let parts = entries.iter().filter(|field| matches!(field.key.as_str(), "data" | "stringData"));
            let open: Vec<&Field> = parts.flat_map(|part| fields(&part.value)).filter(|field| open(field)).collect();
            let Some(worst) = open.iter().find(|field| !plain(field)).or(open.first()) else { return };
            let severity = if plain(worst) { Severity::Low } else { Severity::High };
            let how = if sealed { "SOPS encrypted it only in part: " } else { "" };
            let what = format!("{how}a Secret with {} plaintext values; base64 hides nothing", open.len());
            let mend = "change the credential, then encrypt it (SOPS, SealedSecret) or fetch it (ExternalSecret)";
            let line = first + worst.line.saturating_sub(1);
            found.push(Finding::new(Section::Secrets, severity, path.as_str(), line, "plaintext-secret", &what, mend));
        }
        Value::Empty | Value::Text(_) => {}
    }
}

fn open(field: &Field) -> bool {
    match &field.value.value {
        Value::Text(value) => !filled(value),
        Value::Empty | Value::List(_) | Value::Map(_) => false,
    }
}

fn plain(field: &Field) -> bool {
    PLAIN.split_whitespace().any(|key| key == field.key.to_lowercase())
}
