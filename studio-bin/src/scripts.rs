//! What a script of the repository is, as it stands at the base: its class, what decided, what it declares, and whether
//! somebody registered exactly that.

use crate::exit::{Exit, Failure};
use crate::registry::{Known, Registry};
use crate::rules::Rules;
use serde_json::{Value, json};
use studio_core::closure::{Closure, closure};
use studio_core::event::Mode;
use studio_core::gate::{Case, Class, Gate};
use studio_core::name::{Digest, RelPath};
use studio_core::step::Step;
use studio_core::text::{Prose, one_line};
use studio_core::ticket::Stage;
use studio_core::tree::Tree;
use studio_gate::{Declared, Note, Registration, sha256};

/// A script that was looked at.
pub(crate) struct Look {
    /// Where it stands.
    pub(crate) path: RelPath,
    /// The SHA-256 of its bytes.
    pub(crate) script: Digest,
    /// The most that it could do.
    pub(crate) class: Class,
    /// What decided that, the strictest first.
    pub(crate) decided: Vec<Note>,
    /// Why it cannot fail, if it cannot.
    pub(crate) masks: Vec<Note>,
    /// Whether its name warns.
    pub(crate) warns: bool,
    /// What it declares, or why that cannot be told.
    pub(crate) declared: Result<Declared, String>,
    /// What a registration would say, or why there can be none.
    pub(crate) proposed: Result<Registration, String>,
    /// Its side file and the scripts that it uses, with the SHA-256 of each.
    pub(crate) uses: Vec<(RelPath, Digest)>,
}

impl Look {
    /// Looks at the script at `path` of `tree`; nothing if there is none.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub(crate) fn at(rules: &Rules, tree: &dyn Tree, path: &RelPath) -> Result<Option<Look>, Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::new(Exit::Error, error);
        let Some(bytes) = tree.read(path).map_err(|error| bad(&error))? else { return Ok(None) };
        let (name, target) = ("run".parse().map_err(|error| bad(&error))?, "local".parse().map_err(|error| bad(&error))?);
        let step = Step::of_script(name, path, target, Prose::tamed("it is looked at"));
        let closure: Closure = closure(tree, &[], &step.argv).map_err(|error| bad(&error))?;
        let base = tree.commit();
        let (mode, stage, base) = (Mode::Simulate, Stage::Infra, base.as_ref());
        let case = Case { step: &step, mode, stage, cluster: None, base, edits: &[], script: Some(&bytes), closure: &closure, programs: &[] };
        let report = rules.gate.reach(&case, path, &bytes);
        let class = rules.gate.judge(&case).class.max(report.class);
        let warns = studio_gate::danger(path, "").is_some();
        let decided = match (report.notes.is_empty(), class >= Class::Destroy) {
            (true, true) => {
                let shown = studio_gate::danger(path, &String::from_utf8_lossy(&bytes)).unwrap_or_else(|| "something that it uses".into());
                vec![Note {
                    path: path.to_string(),
                    line: 1,
                    class,
                    rule: "word".into(),
                    why: format!("{shown} says that it destroys"),
                    better: None,
                }]
            }
            (true, false) | (false, _) => report.notes,
        };
        let beside = path.beside().zip(closure.side.as_deref()).map(|(path, bytes)| (path, sha256(bytes)));
        Ok(Some(Look {
            script: sha256(&bytes),
            class,
            decided,
            masks: report.masks,
            warns,
            declared: studio_gate::declared(path, &bytes, closure.side.as_deref()).map_err(|error| error.to_string()),
            proposed: Registration::propose(&case, class).map_err(|error| error.to_string()),
            uses: beside.into_iter().chain(closure.used.iter().map(|(path, bytes)| (path.clone(), sha256(bytes)))).collect(),
            path: path.clone(),
        }))
    }

    /// Says whether it may only run once it is registered.
    pub(crate) fn dangerous(&self) -> bool {
        self.class >= Class::Destroy || self.warns
    }

    /// Returns who registered it as it stands.
    pub(crate) fn registered<'r>(&self, registry: &'r Registry) -> Option<&'r Known> {
        registry.of(&self.path).filter(|known| self.proposed.as_ref() == Ok(&known.registration))
    }

    /// Says how it stands, in a sentence.
    pub(crate) fn standing(&self, registry: &Registry) -> String {
        match (self.registered(registry), registry.of(&self.path), &self.proposed) {
            (Some(known), _, _) => format!("registered by {} at {}", known.by, known.at),
            (None, Some(known), _) => format!("edited since {} registered it: it does not run before it is registered again", known.by),
            (None, None, _) if !self.dangerous() => "needs no registration; a live step that runs it asks".into(),
            (None, None, Ok(_)) => format!("not registered: studio script register {}", self.path),
            (None, None, Err(why)) => format!("not registered, and cannot be: {}", one_line(why, 300)),
        }
    }

    /// Returns it as `--json` prints it.
    pub(crate) fn json(&self, registry: &Registry) -> Value {
        json!({
            "v": 1, "type": "script", "path": self.path, "script": self.script, "class": self.class, "decided": self.decided, "warns": self.warns,
            "declared": self.declared.as_ref().ok(), "registered": self.registered(registry).is_some(), "standing": self.standing(registry),
            "cannot_fail": self.masks,
        })
    }

    /// Returns it in lines for people: what it is, and what decided.
    pub(crate) fn lines(&self, registry: &Registry) -> String {
        let standing = self.standing(registry);
        let mut text = format!("  {:<11} {}  ({standing})\n", self.class.to_string(), self.path);
        for note in self.decided.iter().filter(|note| note.class == self.class || note.class >= Class::Destroy).take(3) {
            text.push_str(&format!("              {}\n", said(note)));
        }
        if let Some(why) = self.declared.as_ref().err().map(|why| one_line(why, 300)).filter(|why| self.dangerous() && !standing.contains(why)) {
            text.push_str(&format!("              {why}\n"));
        }
        if let Some(mask) = self.masks.first() {
            text.push_str(&format!("              it cannot fail: {}\n", said(mask)));
        }
        text
    }
}

/// Returns a note as one line: where, which rule, why.
pub(crate) fn said(note: &Note) -> String {
    format!("{}:{} [{}] {}", note.path, note.line, note.rule, one_line(&note.why, 200))
}
