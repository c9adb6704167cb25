//! What a dangerous script says about itself, in its first comment or in its side file: what it does, to what, and
//! which arguments it takes.

use serde::{Deserialize, Serialize};
use std::fmt;
use studio_core::gate::Class;
use studio_core::limits::{LIST_MAX, PROSE_BYTES_MAX};
use studio_core::name::{Label, RelPath};
use studio_core::text::{hostile, one_line};

/// The line that a header begins with.
const MARK: &str = "# studio:danger v1";
/// Values of one list of words.
const CHOICES_MAX: usize = 64;

/// What a dangerous script declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// What it does, in one word.
    pub verb: Label,
    /// The most that it may do: destroy, or opaque where the judge cannot follow it.
    pub class: Class,
    /// Kinds of what it works on.
    pub targets: Vec<Label>,
    /// Its arguments, in their order.
    pub params: Vec<Param>,
    /// Whether `--list`, alone, shows what it would do to what.
    #[serde(default)]
    pub list: bool,
    /// What takes it back, or `none`.
    pub undo: String,
    /// What shows that it worked.
    pub expect: String,
}

/// An argument of a script: `name:kind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Param {
    /// Its name, for people.
    pub name: Label,
    /// What it may be.
    pub kind: Kind,
}

/// What an argument may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `inventory.node`: a node that the inventory names.
    Node,
    /// `enum(a|b)`: one of these words.
    Choice(Vec<Label>),
    /// `integer`: one to nine digits.
    Integer,
    /// `name`: letters, digits and `. _ -`, first a letter or digit.
    Name,
}

/// The part of a side file that this reads; the rest is the Executor's.
#[derive(Deserialize)]
struct Side {
    danger: Option<Declared>,
}

/// Reads what the script at `path` declares, in its header or, where it has none, in its side file.
///
/// # Errors
/// Neither says it, both do, or what is said has another form.
pub fn declared(path: &RelPath, script: &[u8], side: Option<&[u8]>) -> Result<Declared, DeclaredError> {
    let header = header(path, script)?;
    let beside = side.map(|bytes| beside(path, bytes)).transpose()?.flatten();
    match (header, beside) {
        (Some(declared), None) | (None, Some(declared)) => checked(path, declared),
        (Some(_), Some(_)) => Err(DeclaredError::Twice(path.clone())),
        (None, None) => Err(DeclaredError::Nothing(path.clone())),
    }
}

impl Declared {
    /// Says why `args` are not what the script declares, if they are not. `node` knows the inventory.
    ///
    /// # Errors
    /// Too many or too few, or one of another kind.
    pub fn accepts(&self, args: &[&str], node: &dyn Fn(&str) -> bool) -> Result<(), BadArgument> {
        if self.list && args == ["--list"] {
            return Ok(());
        }
        if args.len() != self.params.len() {
            return Err(BadArgument::Count(args.len(), self.params.len()));
        }
        match self.params.iter().zip(args).find(|(param, arg)| !param.kind.holds(arg, node)) {
            Some((param, arg)) => Err(BadArgument::Kind(one_line(arg, 60), param.clone())),
            None => Ok(()),
        }
    }

    /// Returns the values that each argument may have, as far as a judge can tell.
    pub fn values(&self) -> Vec<Vec<String>> {
        let of = |param: &Param| match &param.kind {
            Kind::Node | Kind::Name => vec![param.name.to_string()],
            Kind::Integer => vec!["1".into()],
            Kind::Choice(words) => words.iter().map(Label::to_string).collect(),
        };
        self.params.iter().map(of).collect()
    }
}

impl Kind {
    fn holds(&self, arg: &str, node: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Kind::Node => Label::try_from(arg).is_ok() && node(arg),
            Kind::Choice(words) => words.iter().any(|word| word.as_str() == arg),
            Kind::Integer => (1..=9).contains(&arg.len()) && arg.chars().all(|c| c.is_ascii_digit()),
            Kind::Name => Label::try_from(arg).is_ok(),
        }
    }
}

impl TryFrom<String> for Param {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{:?} is no parameter: write name:inventory.node, name:enum(a|b), name:integer or name:name", one_line(&text, 80));
        let (name, kind) = text.split_once(':').ok_or_else(wrong)?;
        let name = Label::try_from(name).map_err(|_| wrong())?;
        let kind = match (kind, kind.strip_prefix("enum(").and_then(|rest| rest.strip_suffix(')'))) {
            ("inventory.node", _) => Kind::Node,
            ("integer", _) => Kind::Integer,
            ("name", _) => Kind::Name,
            (_, Some(words)) => {
                let words: Vec<Label> = words.split('|').map(Label::try_from).collect::<Result<_, _>>().map_err(|_| wrong())?;
                Some(words).filter(|words| words.len() <= CHOICES_MAX).map(Kind::Choice).ok_or_else(wrong)?
            }
            (_, None) => return Err(wrong()),
        };
        Ok(Param { name, kind })
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |words: &[Label]| words.iter().map(Label::to_string).collect::<Vec<_>>().join("|");
        match &self.kind {
            Kind::Node => write!(f, "{}:inventory.node", self.name),
            Kind::Choice(choices) => write!(f, "{}:enum({})", self.name, words(choices)),
            Kind::Integer => write!(f, "{}:integer", self.name),
            Kind::Name => write!(f, "{}:name", self.name),
        }
    }
}

impl From<Param> for String {
    fn from(param: Param) -> String {
        param.to_string()
    }
}

/// Reads the header: `# key: value` lines behind the mark, each key once.
fn header(path: &RelPath, script: &[u8]) -> Result<Option<Declared>, DeclaredError> {
    let text = String::from_utf8_lossy(script);
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| line.starts_with("#!") || *line == "#");
    if lines.next().is_none_or(|(_, line)| line != MARK) {
        return Ok(None);
    }
    let mut found = Fields::default();
    for (at, line) in lines {
        let wrong = |why: String| DeclaredError::Wrong(path.clone(), at + 1, why);
        let Some(rest) = line.strip_prefix("# ") else { break };
        let (key, value) = rest.split_once(':').ok_or_else(|| wrong(format!("{:?} is no line of the form # key: value", one_line(line, 60))))?;
        found.put(key.trim(), value.trim()).map_err(wrong)?;
    }
    let wrong = |why: String| DeclaredError::Wrong(path.clone(), 1, why);
    Ok(Some(found.declared().map_err(wrong)?))
}

/// What a header said so far.
#[derive(Default)]
struct Fields(std::collections::BTreeMap<&'static str, String>);

impl Fields {
    fn put(&mut self, key: &str, value: &str) -> Result<(), String> {
        const KEYS: &[&str] = &["verb", "class", "targets", "params", "env", "reads", "undo", "expect"];
        let key = KEYS
            .iter()
            .find(|known| **known == key)
            .ok_or_else(|| format!("a header knows no {:?}; it knows {}", one_line(key, 40), KEYS.join(", ")))?;
        match self.0.insert(key, value.to_string()) {
            Some(_) => Err(format!("{key} stands twice")),
            None => Ok(()),
        }
    }

    fn declared(self) -> Result<Declared, String> {
        let get = |key: &str| self.0.get(key).filter(|value| !value.is_empty()).cloned().ok_or(format!("the header has no {key}"));
        let words = |key: &str| -> Result<Vec<String>, String> {
            let all = get(key)?;
            Ok(if all == "none" { Vec::new() } else { all.split(',').map(|word| word.trim().to_string()).collect() })
        };
        let label = |text: String| Label::try_from(text).map_err(|error| error.to_string());
        let (list, params): (Vec<String>, Vec<String>) = words("params")?.into_iter().partition(|word| word == "--list");
        let class = match get("class")?.as_str() {
            "destroy" => Class::Destroy,
            "opaque" => Class::Opaque,
            other => return Err(format!("the class {:?} is neither destroy nor opaque", one_line(other, 40))),
        };
        Ok(Declared {
            verb: label(get("verb")?)?,
            class,
            targets: words("targets")?.into_iter().map(label).collect::<Result<_, _>>()?,
            params: params.into_iter().map(Param::try_from).collect::<Result<_, _>>()?,
            list: !list.is_empty(),
            undo: get("undo")?,
            expect: get("expect")?,
        })
    }
}

/// Reads what the side file says about danger, if it says anything.
fn beside(path: &RelPath, bytes: &[u8]) -> Result<Option<Declared>, DeclaredError> {
    let wrong = |line: usize, why: &str| DeclaredError::Beside(path.clone(), line, one_line(why, 300));
    let text = std::str::from_utf8(bytes).map_err(|_| wrong(1, "it is no UTF-8"))?;
    let side: Side = toml_edit::de::from_str(text).map_err(|error| {
        let line = error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        wrong(line, error.message())
    })?;
    Ok(side.danger)
}

/// Checks what both forms have in common.
fn checked(path: &RelPath, declared: Declared) -> Result<Declared, DeclaredError> {
    let wrong = |why: &str| Err(DeclaredError::Wrong(path.clone(), 1, why.into()));
    let plain = |text: &str| !text.is_empty() && text.len() <= PROSE_BYTES_MAX && !text.chars().any(|c| hostile(c) || c == '\n');
    if declared.class < Class::Destroy || declared.class > Class::Opaque {
        return wrong("its class is neither destroy nor opaque");
    }
    if declared.params.len() > LIST_MAX || declared.targets.len() > LIST_MAX {
        return wrong("it declares too many parameters or targets");
    }
    if declared.params.is_empty() && !declared.list {
        return wrong("it takes neither typed parameters nor --list, so nobody can tell what it works on");
    }
    if !plain(&declared.undo) || !plain(&declared.expect) {
        return wrong("undo and expect are one plain line each");
    }
    Ok(declared)
}

/// An argument that a script does not declare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadArgument {
    /// Another number of them.
    #[error("it was given {0} arguments and declares {1}")]
    Count(usize, usize),
    /// Of another kind.
    #[error("{0:?} is not what it declares: {1}")]
    Kind(String, Param),
}

/// Why nobody can tell what a script declares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclaredError {
    /// Neither header nor side file.
    #[error("{0} declares nothing: write a header of {MARK:?}, or [danger] in {0}.studio.toml")]
    Nothing(RelPath),
    /// Both.
    #[error("{0} declares itself in its header and in its side file: keep one of them")]
    Twice(RelPath),
    /// The header has another form.
    #[error("{0}:{1}: {2}")]
    Wrong(RelPath, usize, String),
    /// The side file has another form.
    #[error("{0}.studio.toml:{1}: {2}")]
    Beside(RelPath, usize, String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "#!/usr/bin/env -S bash --noprofile --norc\n# studio:danger v1\n# verb: reset-node\n# class: destroy\n# targets: talos-node\n\
        # params: node:inventory.node, wipe:enum(STATE|EPHEMERAL), --list\n# env: none\n# reads: none\n# undo: none\n# expect: the node is gone\n#\n# More.\nset -e\n";

    fn read(script: &str, side: Option<&str>) -> Result<Declared, String> {
        declared(&RelPath::try_from("a/danger-x.sh").unwrap(), script.as_bytes(), side.map(str::as_bytes)).map_err(|error| error.to_string())
    }

    #[test]
    fn header_and_side_file_say_the_same() {
        let header = read(HEADER, Some("env = [\"X\"]\n")).unwrap();
        assert_eq!((header.verb.as_str(), header.class, header.list), ("reset-node", Class::Destroy, true));
        let side = "kill = \"safe\"\n[danger]\nverb = \"reset-node\"\nclass = \"destroy\"\ntargets = [\"talos-node\"]\n\
            params = [\"node:inventory.node\", \"wipe:enum(STATE|EPHEMERAL)\"]\nlist = true\nundo = \"none\"\nexpect = \"the node is gone\"\n";
        assert_eq!(read("set -e\n", Some(side)), Ok(header.clone()));
        assert_eq!(header.values(), [vec!["node"], vec!["STATE", "EPHEMERAL"]]);
        assert!(read(HEADER, Some(side)).unwrap_err().contains("keep one"));
        assert!(read("set -e\n", Some("env = [\"X\"]")).unwrap_err().contains("declares nothing"));
        assert!(read("set -e\n", None).unwrap_err().contains("a/danger-x.sh.studio.toml"));
    }

    #[test]
    fn what_is_said_in_another_form_is_refused_with_its_line() {
        for (from, to, word) in [
            ("# class: destroy", "# class: mutate", "neither destroy nor opaque"),
            ("# verb: reset-node\n", "", "no verb"),
            ("# verb: reset-node\n", "# verb: reset-node\n# verb: x\n", "sh:4: verb stands twice"),
            ("# env: none", "# fun: none", "sh:7: a header knows no"),
            ("# undo: none", "# undo", "sh:9:"),
            ("# undo: none", "# undo:", "no undo"),
            ("node:inventory.node", "node:any", "is no parameter"),
            ("enum(STATE|EPHEMERAL)", "enum(A B)", "is no parameter"),
            ("enum(STATE|EPHEMERAL)", "enum()", "is no parameter"),
            ("node:inventory.node, wipe:enum(STATE|EPHEMERAL), --list", "none", "neither typed parameters nor --list"),
        ] {
            let error = read(&HEADER.replace(from, to), None).unwrap_err();
            assert!(error.starts_with("a/danger-x.sh:") && error.contains(word), "{from}: {error}");
        }
        for (side, word) in [("[danger]\nverb = 1\n", "toml:"), ("[danger]\nmore = 1\n", "toml:2:"), ("x", "toml:1:")] {
            let error = read("", Some(side)).unwrap_err();
            assert!(error.contains(word), "{side}: {error}");
        }
    }

    #[test]
    fn arguments_are_of_their_kind() {
        let declared = read(&HEADER.replace("wipe:enum", "count:integer, what:name, wipe:enum"), None).unwrap();
        let accepts = |args: &[&str]| declared.accepts(args, &|node| node == "cp-1").is_ok();
        assert!(accepts(&["cp-1", "3", "web.x", "STATE"]) && accepts(&["--list"]));
        for bad in [
            &["cp-1", "3", "web.x"][..],
            &["cp-2", "3", "web.x", "STATE"],
            &["cp-1", "-3", "web.x", "STATE"],
            &["cp-1", "3", "--x", "STATE"],
            &["cp-1", "3", "web.x", "state"],
            &["--list", "cp-1"],
            &[],
        ] {
            assert!(!accepts(bad), "{bad:?}");
        }
    }
}
