//! Files that SOPS should have encrypted: every value that it would encrypt must be.

use super::tree::{Node, Value};
use super::value::{placeholder, unset};
use super::{ENCRYPT, Found};
use studio_core::expect::Pattern;

/// Which values SOPS encrypts.
enum Rule {
    /// All but those below a name that ends so.
    AllBut(String),
    /// Those below a name that ends so.
    Suffix(String),
    /// Those below a name that fits.
    Fits(Pattern),
    /// All but those below a name that fits.
    AllButFits(Pattern),
}

/// Looks at a document.
pub(super) fn look(name: &str, root: &Node, found: &mut Found) {
    match root.field("sops").filter(|sops| matches!(sops.value, Value::Map(_))) {
        Some(sops) => {
            let rule = Rule::of(sops);
            for (key, value) in root.fields().filter(|(key, _)| *key != "sops") {
                below(value, rule.opens(key), &rule, found);
            }
        }
        None if meant(name) => {
            let all = Rule::AllBut("_unencrypted".into());
            for (key, value) in root.fields().filter(|(key, _)| !["apiVersion", "kind", "metadata", "type"].contains(key)) {
                below(value, all.opens(key), &all, found);
            }
        }
        None => {}
    }
}

/// Looks at a file of lines that SOPS wrote, or should have.
pub(super) fn lines(name: &str, text: &str, found: &mut Found) {
    let written = text.lines().any(|line| line.starts_with("sops_mac=") || line.trim() == "[sops]");
    let kind = [".env", ".ini"].iter().any(|end| name.ends_with(end));
    if !(written || kind && meant(name)) {
        return;
    }
    for (number, line) in (1_u32..).zip(text.lines()) {
        if line.trim() == "[sops]" {
            return;
        }
        let value = line.split_once('=').filter(|(key, _)| !key.starts_with("sops_") && !key.trim_start().starts_with(['#', ';']));
        if value.is_some_and(|(key, value)| !key.trim().ends_with("_unencrypted") && !placeholder(value)) {
            found.add(number, "sops-plaintext", "a value that SOPS would encrypt, in plaintext", ENCRYPT);
        }
    }
}

/// Says whether a file's name says that SOPS encrypted it.
fn meant(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    !file.starts_with(".sops.") && [".sops.yaml", ".sops.yml", ".sops.json", ".sops.env", ".sops.ini"].iter().any(|end| file.ends_with(end))
}

fn below(node: &Node, open: bool, rule: &Rule, found: &mut Found) {
    match &node.value {
        Value::Elsewhere => {}
        Value::Text(text, _) => {
            if open && !text.starts_with("ENC[") && !placeholder(text) && !unset(text) {
                found.add(node.line, "sops-plaintext", "a value that SOPS would encrypt, in plaintext", ENCRYPT);
            }
        }
        Value::List(items) => items.iter().for_each(|item| below(item, open, rule, found)),
        Value::Map(_) => node.fields().for_each(|(key, value)| below(value, rule.below(open, key), rule, found)),
    }
}

impl Rule {
    fn of(sops: &Node) -> Rule {
        let text = |name: &str| sops.field(name).and_then(Node::text).filter(|text| !text.is_empty()).map(ToString::to_string);
        let pattern = |name: &str| text(name).and_then(|text| Pattern::try_from(text).ok());
        let fits = pattern("encrypted_regex").map(Rule::Fits).or_else(|| pattern("unencrypted_regex").map(Rule::AllButFits));
        fits.or_else(|| text("encrypted_suffix").map(Rule::Suffix))
            .unwrap_or_else(|| Rule::AllBut(text("unencrypted_suffix").unwrap_or_else(|| "_unencrypted".into())))
    }

    /// Says whether what stands below a key of the root is encrypted.
    fn opens(&self, key: &str) -> bool {
        match self {
            Rule::AllBut(_) | Rule::AllButFits(_) => self.below(true, key),
            Rule::Suffix(_) | Rule::Fits(_) => self.below(false, key),
        }
    }

    /// Says whether what stands below `key` is encrypted, where what stands around it is `open` or not.
    fn below(&self, open: bool, key: &str) -> bool {
        match self {
            Rule::AllBut(end) => open && !key.ends_with(end.as_str()),
            Rule::AllButFits(pattern) => open && !pattern.matches(key),
            Rule::Suffix(end) => open || key.ends_with(end.as_str()),
            Rule::Fits(pattern) => open || pattern.matches(key),
        }
    }
}
