//! `.sops.yaml`: files that its rules name and nobody encrypted.

use super::{Finding, Section, Severity};
use crate::intake::Problems;
use crate::scout::fields;
use crate::yaml::{self, Node, Value};
use studio_core::expect::Pattern;
use studio_core::limits::LIST_MAX;
use studio_core::name::RelPath;
use studio_core::tree::{Tree, TreeError};

/// Marks of a file that SOPS wrote.
const WRITTEN: [&str; 4] = ["\nsops:", "\"sops\":", "sops_version=", "ENC[AES256_GCM"];

/// The rules of the repository.
#[derive(Default)]
pub(super) struct Rules(Vec<Rule>);

struct Rule {
    paths: Pattern,
    fields: Option<Pattern>,
    line: u32,
}

impl Rules {
    /// Reads the rules at the base; a broken file is a finding.
    pub(super) fn read(tree: &dyn Tree, found: &mut Vec<Finding>) -> Result<Rules, TreeError> {
        let Some((path, bytes)) = ({
            let mut read = None;
            for name in [".sops.yaml", ".sops.yml"] {
                let Ok(path) = RelPath::try_from(name) else { continue };
                match tree.read(&path) {
                    Ok(Some(bytes)) => read = read.or(Some((path, bytes))),
                    Ok(None) | Err(TreeError::Large(..)) => {}
                    Err(error @ TreeError::Read(..)) => return Err(error),
                }
            }
            read
        }) else {
            return Ok(Rules::default());
        };
        let mut problems = Problems::of(path.as_str());
        let root = yaml::text(&bytes, &mut problems).and_then(|text| yaml::parse(text, &mut problems));
        let rules = root.as_ref().map(fields).and_then(|fields| fields.iter().find(|field| field.key == "creation_rules"));
        let Some(Value::List(items)) = rules.map(|field| &field.value.value) else {
            let what = "no list `creation_rules` can be read from it, so SOPS encrypts nothing by rule";
            found.push(Finding::new(Section::Secrets, Severity::Medium, path.as_str(), 1, "sops-rules", what, "mend the file"));
            return Ok(Rules::default());
        };
        Ok(Rules(items.iter().take(LIST_MAX).filter_map(rule).collect()))
    }

    /// Adds the file at `path` to `found` if a rule wants it encrypted and it is not. Only files
    /// whose name says that they are secret: rules are often wider than what is meant.
    pub(super) fn check(&self, path: &RelPath, text: &str, found: &mut Vec<Finding>) {
        let name = path.as_str().to_lowercase();
        let meant = ["sops", "secret", ".enc."].iter().any(|word| name.contains(word)) && !name.starts_with(".sops.y");
        let kind = [".yaml", ".yml", ".json", ".env", ".ini"].iter().any(|end| name.ends_with(end));
        let manifest = text.lines().any(|line| line.starts_with("kind:") || line.starts_with("apiVersion:"));
        if !meant || !kind || manifest || text.starts_with("sops:") || WRITTEN.iter().any(|mark| text.contains(mark)) {
            return;
        }
        let Some(rule) = self.0.iter().find(|rule| rule.paths.matches(path.as_str())) else { return };
        let key = |line: &str| line.split_once(':').map(|(key, _)| key.trim().trim_matches(['"', '\'', '-', ' ']).to_string());
        let wanted = |line: &str| match &rule.fields {
            Some(fields) => key(line).is_some_and(|key| fields.matches(&key)),
            None => !line.trim().is_empty() && !line.trim_start().starts_with('#') && line.trim() != "---",
        };
        if let Some(line) = text.lines().position(wanted) {
            let what = format!("the rule at line {} of .sops.yaml wants this file encrypted, and it is plaintext", rule.line);
            let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
            found.push(Finding::new(
                Section::Secrets,
                Severity::High,
                path.as_str(),
                line,
                "sops-plaintext",
                &what,
                "change what it holds, then encrypt it in place with sops",
            ));
        }
    }
}

fn rule(item: &Node) -> Option<Rule> {
    let text = |key: &str| {
        fields(item).iter().find(|field| field.key == key).and_then(|field| match &field.value.value {
            Value::Text(text) => Some(text.clone()),
            Value::Empty | Value::List(_) | Value::Map(_) => None,
        })
    };
    let paths = Pattern::try_from(text("path_regex")?).ok()?;
    Some(Rule { paths, fields: text("encrypted_regex").and_then(|fields| Pattern::try_from(fields).ok()), line: item.line })
}
