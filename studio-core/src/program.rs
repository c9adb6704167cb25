//! Programs: which file a name meant where it was judged, and what that file held.

use crate::name::Digest;
use serde::{Deserialize, Serialize};

/// A program's file, as a host found it. A name that nobody found has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The name that a step or its script starts it by.
    pub name: String,
    /// Where it stands, with no link on the way.
    pub path: String,
    /// The SHA-256 of its bytes, as `sha256sum` prints it.
    pub sha256: Digest,
}

/// Says how programs differ from those that were judged: a sentence, or nothing if they do not.
pub fn changed(then: &[Program], now: &[Program]) -> Option<String> {
    let other = |programs: &[Program], name: &str| programs.iter().find(|program| program.name == name).cloned();
    let names = then.iter().chain(now).map(|program| &program.name);
    names.into_iter().find_map(|name| match (other(then, name), other(now, name)) {
        (then, now) if then == now => None,
        (Some(then), None) => Some(format!("the program {name}, which was {}, is not there any more", then.path)),
        (None, Some(now)) => Some(format!("there was no program {name}, and now there is {} (sha256 {})", now.path, now.sha256)),
        (Some(then), Some(now)) if then.path != now.path => Some(format!("the program {name} was {}, and is {} now", then.path, now.path)),
        (then, now) => {
            let sum = |program: Option<Program>| program.map_or_else(String::new, |program| program.sha256.to_string());
            Some(format!("the program {name} was changed since: its sha256 was {}, and is {} now", sum(then), sum(now)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str, path: &str, bytes: &str) -> Program {
        Program { name: name.into(), path: path.into(), sha256: Digest::blake3(bytes.as_bytes()) }
    }

    #[test]
    fn every_difference_is_told() {
        let kubectl = program("kubectl", "/usr/bin/kubectl", "1");
        let flux = program("flux", "/usr/bin/flux", "1");
        let all = [kubectl.clone(), flux.clone()];
        assert_eq!(changed(&all, &all), None);
        assert_eq!(changed(&[], &[]), None);
        let now = [kubectl.clone(), program("flux", "/usr/bin/flux", "2")];
        for (then, now, said) in [
            (&all[..], &now[..], "the program flux was changed since: its sha256 was "),
            (&all, &all[..1], "the program flux, which was /usr/bin/flux, is not there any more"),
            (&all[..1], &all, "there was no program flux, and now there is /usr/bin/flux (sha256 "),
            (&all[..1], &[program("kubectl", "/opt/kubectl", "1")], "the program kubectl was /usr/bin/kubectl, and is /opt/kubectl now"),
        ] {
            assert!(changed(then, now).is_some_and(|why| why.starts_with(said)), "{said}");
        }
    }
}
