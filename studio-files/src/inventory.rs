//! The inventory: which nodes the cluster files of a repository name.

use crate::intake::Problems;
use crate::yaml::{self, Node, Value};
use std::collections::BTreeSet;
use studio_core::limits::{CLUSTERS_MAX, NODES_MAX};
use studio_core::name::{Label, RelPath};
use studio_core::tree::{Tree, TreeError};

/// Where the files stand, one a cluster.
const FOLDER: &str = "config/clusters";
/// Keys of lists and maps of nodes.
const LISTS: &[&str] =
    &["nodes", "controlplanes", "control_planes", "control-planes", "controlplane", "control_plane", "workers", "hosts", "machines"];
/// Keys of a node's name.
const NAMES: &[&str] = &["name", "hostname", "host"];

/// Returns the nodes that the cluster files of `tree` name; nothing if there is no such file. One that cannot be read
/// names none, so that what asks for a node of it is refused.
///
/// # Errors
/// The repository cannot be read.
pub fn nodes(tree: &dyn Tree) -> Result<Option<BTreeSet<Label>>, TreeError> {
    let Ok(folder) = RelPath::try_from(FOLDER) else { return Ok(None) };
    let mut files = tree.list_below(&folder, usize::from(u16::MAX))?;
    files.retain(|path| [".yaml", ".yml"].iter().any(|end| path.as_str().ends_with(end)));
    let mut found = BTreeSet::new();
    for path in files.iter().take(CLUSTERS_MAX) {
        let bytes = match tree.read(path) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(TreeError::Large(..)) => continue,
            Err(error @ TreeError::Read(..)) => return Err(error),
        };
        let mut problems = Problems::of(path.as_str());
        let root = yaml::text(&bytes, &mut problems).and_then(|text| yaml::parse(text, &mut problems));
        if let (Some(root), Ok(())) = (root, problems.none()) {
            look(&root, &mut found);
        }
    }
    Ok((!files.is_empty()).then(|| found.into_iter().take(NODES_MAX).collect()))
}

/// Takes the nodes of every list of nodes, however deep it stands.
fn look(node: &Node, found: &mut BTreeSet<Label>) {
    match &node.value {
        Value::Map(fields) => {
            for field in fields {
                if LISTS.contains(&field.key.to_ascii_lowercase().as_str()) {
                    named(&field.value, found);
                }
                look(&field.value, found);
            }
        }
        Value::List(items) => items.iter().for_each(|item| look(item, found)),
        Value::Empty | Value::Text(_) => {}
    }
}

/// Takes the nodes of one list: its words, the names of its entries, or the keys of a map.
fn named(list: &Node, found: &mut BTreeSet<Label>) {
    let mut take = |name: &str| found.extend(Label::try_from(name));
    match &list.value {
        Value::List(items) => {
            for item in items {
                match &item.value {
                    Value::Text(name) => take(name),
                    Value::Map(fields) => {
                        let name = fields.iter().find(|field| NAMES.contains(&field.key.as_str()));
                        if let Some(Value::Text(name)) = name.map(|field| &field.value.value) {
                            take(name);
                        }
                    }
                    Value::Empty | Value::List(_) => {}
                }
            }
        }
        Value::Map(fields) => fields.iter().for_each(|field| take(&field.key)),
        Value::Empty | Value::Text(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::tree::MemoryTree;

    fn found(files: &[(&str, &str)]) -> Option<Vec<String>> {
        let files = files.iter().map(|(path, text)| (RelPath::try_from(*path).unwrap(), text.as_bytes().to_vec()));
        let found = nodes(&MemoryTree(files.collect())).unwrap();
        found.map(|nodes| nodes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nodes_are_named_in_lists_and_maps() {
        assert_eq!(found(&[("cluster/x.yaml", "nodes: [cp-1]\n"), ("config/clusters/x.toml", "")]), None);
        for text in [
            "nodes: [cp-1, w-1]\n",
            "lab:\n  controlplanes:\n    - name: cp-1\n      ip: 192.0.2.1\n  workers:\n    - hostname: w-1\n",
            "hosts:\n  cp-1: {}\n  w-1: { roles: [nodes] }\n",
            "nodes:\n  - cp-1\n  - w-1\n  - a b\n  - {}\n",
        ] {
            assert_eq!(found(&[("config/clusters/lab.yaml", text)]), Some(vec!["cp-1".into(), "w-1".into()]), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_no_node() {
        for text in ["nodes: [cp-1\n", "nodes: &a [cp-1]\nx: *a\n", "name: cp-1\n", ""] {
            assert_eq!(found(&[("config/clusters/lab.yaml", text)]), Some(Vec::new()), "{text}");
        }
        let many: String = (0..NODES_MAX + 5).map(|n| format!("  - n-{n}\n")).collect();
        assert_eq!(found(&[("config/clusters/lab.yml", &format!("nodes:\n{many}"))]).unwrap().len(), NODES_MAX);
    }
}
