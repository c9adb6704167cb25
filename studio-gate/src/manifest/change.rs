//! What differs between two values: the leaves that were added, taken away, or are others now.

use super::yaml::{Node, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A leaf that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The keys that lead to it; an item of a list is named by its `name`, else by its place.
    pub(crate) path: Vec<String>,
    /// The line of the new file where it stands, or where what it was taken from stands.
    pub(crate) line: usize,
    /// What it was.
    pub(crate) before: Option<String>,
    /// What it is.
    pub(crate) after: Option<String>,
}

/// Returns what differs, in the order of the keys.
pub(crate) fn changes(before: Option<&Node>, after: Option<&Node>, line: usize) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), before, after, line, &mut found);
    found
}

fn compare(path: &mut Vec<String>, before: Option<&Node>, after: Option<&Node>, line: usize, found: &mut Vec<Change>) {
    let line = after.map_or(line, |node| node.line);
    let (old, new) = (before.map(parts), after.map(parts));
    match (&old, &new) {
        (Some(Parts::Many(was, old)), Some(Parts::Many(is, new))) => {
            if was.is_list != is.is_list {
                found.push(Change { path: path.clone(), line, before: Some(was.said()), after: Some(is.said()) });
            }
            let kept = |all: &Shape| all.order.iter().filter(|key| old.contains_key(*key) && new.contains_key(*key)).cloned().collect::<Vec<_>>();
            let free = path.last().is_some_and(|key| UNORDERED.contains(&key.as_str()));
            if was.is_list && is.is_list && kept(was) != kept(is) && !free {
                found.push(Change { path: path.clone(), line, before: Some(kept(was).join(" ")), after: Some(kept(is).join(" ")) });
            }
            for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                path.push(key.clone());
                compare(path, old.get(key).copied(), new.get(key).copied(), line, found);
                path.pop();
            }
        }
        (Some(Parts::Many(_, all)), None) | (None, Some(Parts::Many(_, all))) if !all.is_empty() => {
            for (key, node) in all {
                path.push(key.clone());
                let (before, after) = if old.is_some() { (Some(*node), None) } else { (None, Some(*node)) };
                compare(path, before, after, line, found);
                path.pop();
            }
        }
        (Some(Parts::Many(..)), Some(Parts::One(_))) | (Some(Parts::One(_)), Some(Parts::Many(..))) => {
            compare(path, before, None, line, found);
            compare(path, None, after, line, found);
        }
        (_, _) => {
            let (before, after) = (old.map(Parts::text), new.map(Parts::text));
            if before != after {
                found.push(Change { path: path.clone(), line, before, after });
            }
        }
    }
}

/// A value as it is compared.
enum Parts<'n> {
    One(String),
    Many(Shape, BTreeMap<String, &'n Node>),
}

/// What tells a list from a map, and the order of a list's names.
#[derive(Default)]
struct Shape {
    is_list: bool,
    order: Vec<String>,
}

/// Lists whose order nothing obeys.
const UNORDERED: [&str; 4] = ["containers", "volumes", "ports", "volumeMounts"];

impl Shape {
    fn said(&self) -> String {
        if self.is_list { "a list".into() } else { "a map".into() }
    }
}

impl Parts<'_> {
    fn text(self) -> String {
        match self {
            Parts::One(text) => text,
            Parts::Many(..) => String::new(),
        }
    }
}

fn parts(node: &Node) -> Parts<'_> {
    match &node.value {
        Value::Empty => Parts::One(String::new()),
        Value::Text(text) if node.quoted => Parts::One(format!("\"{text}\"")),
        Value::Text(text) => Parts::One(text.clone()),
        Value::Map(fields) => Parts::Many(Shape::default(), fields.iter().map(|(key, node)| (key.clone(), node)).collect()),
        Value::List(items) => {
            let names: BTreeSet<&str> = items.iter().filter_map(|item| item.word("name")).collect();
            let named = names.len() == items.len();
            let key = |(at, item): (usize, &Node)| item.word("name").filter(|_| named).map_or_else(|| format!("{at:04}"), ToString::to_string);
            let order = items.iter().enumerate().map(&key).filter(|_| named).collect();
            Parts::Many(Shape { is_list: true, order }, items.iter().enumerate().map(|(at, item)| (key((at, item)), item)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::documents;
    use super::*;

    fn between(before: &str, after: &str) -> Vec<String> {
        let (before, after) = (documents(before).unwrap(), documents(after).unwrap());
        let shown = |change: Change| format!("{} {}: {:?} {:?}", change.line, change.path.join("."), change.before, change.after);
        changes(before.first(), after.first(), 1).into_iter().map(shown).collect()
    }

    #[test]
    fn leaves_are_compared_by_their_names() {
        assert_eq!(between("a: 1 # x\nb: [1, 2]\nc: 'x'\n", "b:\n- 1\n- 2\na: 1\nc: x\n"), [""; 0]);
        assert_eq!(between("a: false\n", "a: 'false'\n"), ["1 a: Some(\"false\") Some(\"\\\"false\\\"\")"]);
        assert_eq!(between("a: [{name: x}, {name: y}]\n", "a: [{name: y}, {name: x}]\n"), ["1 a: Some(\"x y\") Some(\"y x\")"]);
        assert_eq!(between("a: [{name: x}]\n", "a: {x: {name: x}}\n").len(), 1);
        assert_eq!(
            between("containers: [{name: x, image: a}, {name: y, image: b}]\n", "containers:\n- {name: y, image: b}\n- {name: x, image: z}\n"),
            ["3 containers.x.image: Some(\"a\") Some(\"z\")"]
        );
        assert_eq!(between("a: {b: 1}\n", "a: {b: 1}\nd: {e: {f: 2}}\n"), ["2 d.e.f: None Some(\"2\")"]);
        assert_eq!(between("a: {b: 1, c: 2}\n", "a: {c: 2}\n"), ["1 a.b: Some(\"1\") None"]);
        assert_eq!(between("a: {b: 1}\n", "a: x\n"), ["1 a.b: Some(\"1\") None", "1 a: None Some(\"x\")"]);
        assert_eq!(between("a: {}\n", "b: 1\n"), ["1 a: Some(\"\") None", "1 b: None Some(\"1\")"]);
    }
}
