//! What humans registered, and what it means for a step that could destroy.

use crate::registration::{NotRegistered, Registration, reached, registered};
use serde::Serialize;
use std::collections::BTreeSet;
use studio_core::gate::{Case, Class};
use studio_core::name::Label;

/// The registrations that count, and the nodes that their arguments may name. The default registers nothing.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Registry {
    all: Vec<Registration>,
    nodes: Option<BTreeSet<Label>>,
}

impl Registry {
    /// Without `nodes` there is no inventory: any name of a node's form will do.
    pub(crate) fn new(all: Vec<Registration>, nodes: Option<BTreeSet<Label>>) -> Registry {
        Registry { all, nodes }
    }

    /// Returns the registration that the step of `case` needs, whose script comes to `class`; nothing if it needs none:
    /// what is milder needs one only where it reaches a script that has one.
    pub(crate) fn needed(&self, case: &Case<'_>, class: Class) -> Option<Result<&Registration, NotRegistered>> {
        case.step.argv.script()?;
        let needed = class >= Class::Destroy || reached(case, &self.all).is_some();
        needed.then(|| registered(case, &self.all, &|name| self.knows(name)))
    }

    fn knows(&self, name: &str) -> bool {
        self.nodes.as_ref().is_none_or(|nodes| nodes.iter().any(|node| node.as_str() == name))
    }
}
