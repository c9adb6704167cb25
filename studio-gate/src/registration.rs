//! Registered scripts: what a human signed once, and whether a step still runs exactly that.
//!
//! A registration is bound to the bytes of the script, of its side file and of everything it uses. However a script is
//! reached, under its own name, as a copy or by a pattern, the bytes that would run are compared; edited means
//! unregistered.

use crate::danger;
use crate::declared::{BadArgument, Declared, DeclaredError, declared};
use crate::digest::{self, sha256};
use serde::{Deserialize, Serialize};
use studio_core::gate::{Case, Class};
use studio_core::name::{Digest, RelPath};

/// The form of a registration; a signature over another one is worth nothing.
const FORM: &str = "studio script register v1";

/// A dangerous script as a human registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Where it stands.
    pub path: RelPath,
    /// The SHA-256 of the script alone, as `sha256sum` prints it.
    pub script: Digest,
    /// SHA-256 over the script, its side file, and the paths and bytes of everything it uses.
    pub sha256: Digest,
    /// What it declares: its class, verb, arguments and targets.
    pub declared: Declared,
}

impl Registration {
    /// Returns the registration of the script of `case` as it stands now, if it may be registered: its name warns, it
    /// declares itself, and what it declares is no less than `computed`.
    ///
    /// # Errors
    /// Any of that is not so.
    pub fn propose(case: &Case<'_>, computed: Class) -> Result<Registration, NotRegistered> {
        let (path, bytes) = script(case)?;
        if !danger::in_name(path.file_name()) {
            return Err(NotRegistered::Name(path));
        }
        let declared = declared(&path, bytes, case.closure.side.as_deref())?;
        if declared.class < computed {
            return Err(NotRegistered::Class(path, declared.class, computed));
        }
        Ok(Registration { script: sha256(bytes), sha256: digest::of_script(bytes, case.closure), path, declared })
    }

    /// Returns the text that a signature covers.
    pub fn text(&self) -> String {
        let Declared { verb, class, targets, params, list, undo, expect } = &self.declared;
        let join = |words: Vec<String>| if words.is_empty() { "none".to_string() } else { words.join(", ") };
        let targets = join(targets.iter().map(ToString::to_string).collect());
        let list = list.then(|| "--list".to_string());
        let params = join(params.iter().map(ToString::to_string).chain(list).collect());
        format!(
            "{FORM}\npath {}\nscript {}\nsha256 {}\nverb {verb}\nclass {class}\ntargets {targets}\nparams {params}\nundo {undo}\nexpect {expect}\n",
            self.path, self.script, self.sha256
        )
    }
}

/// Returns the registration that the step of `case` runs under. `node` knows the inventory.
///
/// # Errors
/// The step runs no script, the bytes that would run are registered nowhere, or not under this path, or its arguments
/// are not what the registration says.
pub fn registered<'r>(case: &Case<'_>, all: &'r [Registration], node: &dyn Fn(&str) -> bool) -> Result<&'r Registration, NotRegistered> {
    let (path, bytes) = script(case)?;
    let (own, whole) = (sha256(bytes), digest::of_script(bytes, case.closure));
    let Some(found) = all.iter().find(|known| known.path == path && known.sha256 == whole) else {
        if all.iter().any(|known| known.path == path) {
            return Err(NotRegistered::Edited(path));
        }
        let other = |known: &&Registration| known.script == own || known.sha256 == whole;
        return Err(match (all.iter().find(other), reached(case, all)) {
            (Some(known), _) => NotRegistered::Copy(path, known.path.clone()),
            (None, Some(known)) => NotRegistered::Leads(path, known.path.clone()),
            (None, None) => NotRegistered::Unknown(path),
        });
    };
    let args: Vec<&str> = case.step.argv.args().skip(crate::script::WORDS_BEFORE - 1).collect();
    found.declared.accepts(&args, node).map_err(|why| NotRegistered::Argument(path, why))?;
    Ok(found)
}

/// Returns the registered script that the step of `case` reaches, under whatever name: as its own script, or as one
/// that its script uses.
pub(crate) fn reached<'r>(case: &Case<'_>, all: &'r [Registration]) -> Option<&'r Registration> {
    let path = case.step.argv.script()?;
    let own = case.script.map(|bytes| (&path, bytes)).into_iter();
    let mut reached = own.chain(case.closure.used.iter().map(|(path, bytes)| (path, bytes.as_slice())));
    reached.find_map(|(path, bytes)| {
        let sha256 = sha256(bytes);
        all.iter().find(|known| known.path == *path || known.script == sha256)
    })
}

/// Returns the script that a step runs, whole.
fn script<'c>(case: &Case<'c>) -> Result<(RelPath, &'c [u8]), NotRegistered> {
    let path = case.step.argv.script().ok_or(NotRegistered::NoScript)?;
    if let Some(why) = &case.closure.over {
        return Err(NotRegistered::Open(path, why.clone()));
    }
    if let Some(unfound) = case.closure.unfound.first() {
        return Err(NotRegistered::Open(path, unfound.clone()));
    }
    let bytes = case.script.ok_or_else(|| NotRegistered::Absent(path.clone()))?;
    Ok((path, bytes))
}

/// Why a step runs no registered script, or a script cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRegistered {
    /// Another command.
    #[error("the step runs no script by its path; run it as: bash --noprofile --norc PATH")]
    NoScript,
    /// No such file.
    #[error("there is no script {0} in the changed tree")]
    Absent(RelPath),
    /// What it uses cannot be told.
    #[error("nobody can tell everything that {0} uses ({1}), so it cannot be registered")]
    Open(RelPath, String),
    /// Nobody registered it.
    #[error("{0} is not registered; a human can do that with: studio script register {0}")]
    Unknown(RelPath),
    /// Other bytes stand under its name.
    #[error("{0} was edited, or something that it uses was, after it was registered; register it again")]
    Edited(RelPath),
    /// The bytes are registered under another name.
    #[error("{0} is a copy of {1}, and only that one is registered; run that one")]
    Copy(RelPath, RelPath),
    /// A name that does not warn.
    #[error("{0} may destroy, and its name does not say so: put danger, wipe, reset, destroy, format or purge into it")]
    Name(RelPath),
    /// Too mild a class.
    #[error("{0} declares the class {1}, and its text comes to {2}: declare that, or write it plainer")]
    Class(RelPath, Class, Class),
    /// Another script that uses it.
    #[error("{0} uses {1}, which is registered to be run by itself: make that a step of its own")]
    Leads(RelPath, RelPath),
    /// Arguments that it does not declare.
    #[error("{0}: {1}")]
    Argument(RelPath, BadArgument),
    /// It does not declare itself.
    #[error(transparent)]
    Declared(#[from] DeclaredError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tests::{case, step};
    use studio_core::closure::Closure;
    use studio_core::step::Step;

    const SCRIPT: &str = "# studio:danger v1\n# verb: reset-node\n# class: destroy\n# targets: talos-node\n# params: node:inventory.node\n# undo: none\n\
        # expect: it is gone\nset -e\n";

    fn run(path: &str, args: &str) -> Step {
        step(format!("bash --noprofile --norc {path} {args}").trim_end())
    }

    fn is_node(name: &str) -> bool {
        name == "cp-1"
    }

    #[test]
    fn what_a_human_registered_runs_and_nothing_else_does() {
        let (here, copy) = (run("a/danger-reset.sh", "cp-1"), run("a/copy.sh", "cp-1"));
        let of = |step| Case { script: Some(SCRIPT.as_bytes()), ..case(step) };
        let known = [Registration::propose(&of(&here), Class::Destroy).unwrap()];
        let look = |case: &Case<'_>| registered(case, &known, &is_node).cloned().map_err(|error| error.to_string());
        assert_eq!(look(&of(&here)), Ok(known[0].clone()));
        let edited = format!("{SCRIPT}#");
        let uses = |path: &str, text: &str| Closure { used: vec![(RelPath::try_from(path).unwrap(), text.into())], ..Closure::default() };
        let (used, own, copied) = (uses("lib.sh", "true"), uses("a/danger-reset.sh", &edited), uses("lib.sh", SCRIPT));
        let side = Closure { side: Some(b"kill = \"safe\"".to_vec()), ..Closure::default() };
        let unfound = Closure { unfound: vec!["a.sh:1 sources x".into()], ..Closure::default() };
        let (other, list, plain) = (run("a/danger-reset.sh", "cp-2"), run("a/danger-reset.sh", "--list"), step("kubectl get nodes"));
        let harmless = |closure| Case { script: Some(b"true"), closure, ..case(&copy) };
        for (case, word) in [
            (Case { script: Some(edited.as_bytes()), ..case(&here) }, "was edited"),
            (Case { closure: &side, ..of(&here) }, "was edited"),
            (Case { closure: &used, ..of(&here) }, "was edited"),
            (Case { closure: &unfound, ..of(&here) }, "a.sh:1 sources x"),
            (of(&copy), "is a copy of a/danger-reset.sh"),
            (Case { closure: &side, ..of(&copy) }, "is a copy of a/danger-reset.sh"),
            (harmless(&own), "a/copy.sh uses a/danger-reset.sh"),
            (harmless(&copied), "a/copy.sh uses a/danger-reset.sh"),
            (Case { script: Some(edited.as_bytes()), ..case(&copy) }, "not registered"),
            (of(&other), "\"cp-2\" is not what it declares"),
            (of(&list), "--list"),
            (case(&here), "no script"),
            (of(&plain), "runs no script"),
        ] {
            let error = look(&case).unwrap_err();
            assert!(error.contains(word), "{word}: {error}");
            let gone = case.script.is_none() || case.step.argv.script().is_none();
            assert_eq!(reached(&case, &known).is_none(), gone || word == "not registered", "{word}");
        }
    }

    #[test]
    fn a_script_is_registered_only_if_it_says_what_it_is() {
        let propose = |path: &str, text: &str, class| {
            let step = run(path, "");
            Registration::propose(&Case { script: Some(text.as_bytes()), ..case(&step) }, class).map_err(|error| error.to_string())
        };
        assert!(propose("a/check.sh", SCRIPT, Class::Destroy).unwrap_err().contains("its name does not say so"));
        assert!(propose("a/wipe.sh", "set -e\n", Class::Destroy).unwrap_err().contains("declares nothing"));
        assert!(propose("a/wipe.sh", SCRIPT, Class::Opaque).unwrap_err().contains("declares the class destroy, and its text comes to opaque"));
        let opaque = propose("a/wipe.sh", &SCRIPT.replace("destroy", "opaque"), Class::Opaque).unwrap();
        assert_eq!(opaque.declared.class, Class::Opaque);
    }

    #[test]
    fn a_signature_covers_each_part() {
        let step = run("a/danger-reset.sh", "cp-1");
        let one = Registration::propose(&Case { script: Some(SCRIPT.as_bytes()), ..case(&step) }, Class::Observe).unwrap();
        let text = one.text();
        assert!(text.starts_with("studio script register v1\npath a/danger-reset.sh\nscript ") && text.ends_with("\nexpect it is gone\n"), "{text}");
        for (from, to) in
            [("verb: reset-node", "verb: x"), ("talos-node", "x"), ("node:inventory", "n:inventory"), ("undo: none", "undo: x"), ("it is gone", "x")]
        {
            let script = SCRIPT.replace(from, to);
            let other = Registration::propose(&Case { script: Some(script.as_bytes()), ..case(&step) }, Class::Observe).unwrap();
            assert_ne!(Registration { sha256: one.sha256.clone(), script: one.script.clone(), ..other }.text(), text, "{from}");
        }
        let back: Registration = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(back, one);
    }
}
