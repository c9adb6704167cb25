//! Digests: SHA-256 over canonical bytes, each field with its length before it.

use crate::command::Finding;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use studio_core::closure::Closure;
use studio_core::event::Mode;
use studio_core::gate::Case;
use studio_core::name::Digest;

/// The form of the bytes below and of the rules that are code, not tables. Raise it with either.
const FORM: &str = "studio-gate short 8";

/// The form of the bytes that a registration is bound to; other rules leave it as it is.
const SCRIPT_FORM: &str = "studio script 1";

/// Returns the SHA-256 of `bytes`, as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> Digest {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// Returns the digest of everything that decides what the step does: what an approval is bound to.
pub(crate) fn of_effect(case: &Case<'_>, policy: &Digest, finding: &Finding) -> Digest {
    let words: Vec<&str> = case.step.argv.words().collect();
    let mut fields = Fields::new("effect");
    fields.add(&words.len().to_be_bytes());
    words.iter().for_each(|word| fields.add(word.as_bytes()));
    fields.add(case.step.target.as_str().as_bytes());
    fields.add(&json(&case.step.expect));
    fields.add(&case.step.timeout_seconds.get().to_be_bytes());
    fields.maybe(case.cluster.map(|cluster| cluster.as_str().as_bytes()));
    fields.maybe(case.base.map(|base| base.as_str().as_bytes()));
    fields.add(&[u8::from(case.stage), u8::from(case.mode == Mode::Live)]);
    fields.add(policy.as_str().as_bytes());
    fields.add(finding.rule.as_bytes());
    fields.add(finding.class.to_string().as_bytes());
    fields.add(finding.verdict.to_string().as_bytes());
    fields.add(&json(&case.edits));
    fields.maybe(case.script.map(sha256).as_ref().map(|script| script.as_str().as_bytes()));
    fields.maybe(case.closure.side.as_deref());
    fields.add(&case.closure.used.len().to_be_bytes());
    for (path, bytes) in &case.closure.used {
        fields.add(path.as_str().as_bytes());
        fields.add(sha256(bytes).as_str().as_bytes());
    }
    fields.add(&json(&case.programs));
    hexadecimal(fields.0)
}

/// Returns the digest of a script with its side file and everything it uses: what a registration is bound to.
pub(crate) fn of_script(bytes: &[u8], closure: &Closure) -> Digest {
    let mut fields = Fields(Sha256::new());
    fields.add(SCRIPT_FORM.as_bytes());
    fields.add(bytes);
    fields.maybe(closure.side.as_deref());
    fields.add(&closure.used.len().to_be_bytes());
    for (path, bytes) in &closure.used {
        fields.add(path.as_str().as_bytes());
        fields.add(bytes);
    }
    hexadecimal(fields.0)
}

/// Returns the digest of the rules, so that it changes when a table does.
pub(crate) fn of_tables(tables: &impl Serialize) -> Digest {
    let mut fields = Fields::new("tables");
    fields.add(&json(tables));
    hexadecimal(fields.0)
}

/// Bytes in which no two lists of fields look alike.
struct Fields(Sha256);

impl Fields {
    fn new(what: &str) -> Self {
        let mut fields = Fields(Sha256::new());
        fields.add(FORM.as_bytes());
        fields.add(what.as_bytes());
        fields
    }

    fn add(&mut self, field: &[u8]) {
        self.0.update((field.len() as u64).to_be_bytes());
        self.0.update(field);
    }

    fn maybe(&mut self, field: Option<&[u8]>) {
        self.add(&[u8::from(field.is_some())]);
        self.add(field.unwrap_or_default());
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    match serde_json::to_vec(value) {
        Ok(bytes) => bytes,
        Err(error) => unreachable!("plain data is JSON: {error}"),
    }
}

fn hexadecimal(hash: Sha256) -> Digest {
    match Digest::try_from(format!("{:x}", hash.finalize())) {
        Ok(digest) => digest,
        Err(error) => unreachable!("a SHA-256 is a digest: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tests::{case, step};
    use crate::command::{Finding, judge};
    use studio_core::event::Mode;
    use studio_core::gate::{Class, Verdict};
    use studio_core::name::CommitId;
    use studio_core::program::Program;
    use studio_core::step::{Argv, Step};
    use studio_core::ticket::Stage;

    #[test]
    fn sha256_is_what_sha256sum_prints() {
        assert_eq!(sha256(b"").as_str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha256(b"abc").as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    /// Whatever a human was shown cannot be swapped afterwards.
    #[test]
    fn each_input_changes_the_digest() {
        let base = CommitId::try_from("a".repeat(40)).unwrap();
        let other = CommitId::try_from("b".repeat(40)).unwrap();
        let plain = step("kubectl get nodes");
        let argv = |words: &[&str]| Argv::try_from(words.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let expect = |json: &str| Step { expect: serde_json::from_str(json).unwrap(), ..plain.clone() };
        let steps = [
            plain.clone(),
            step("kubectl get pods"),
            Step { argv: argv(&["kubectl", "get nodes"]), ..plain.clone() },
            Step { argv: argv(&["kubectlget", "nodes"]), ..plain.clone() },
            Step { argv: argv(&["kubectl", "get", "nodes", ""]), ..plain.clone() },
            Step { target: "edge".try_into().unwrap(), ..plain.clone() },
            expect(r#"{ "exit": 1 }"#),
            expect(r#"{ "stdout_matches": ["Ready"] }"#),
            expect(r#"{ "stdout_lacks": ["Ready"] }"#),
            Step { timeout_seconds: 5.try_into().unwrap(), ..plain.clone() },
        ];
        let policy = sha256(b"rules");
        let finding = judge(&case(&plain));
        let mut digests: Vec<Digest> = steps.iter().map(|step| of_effect(&case(step), &policy, &finding)).collect();
        for (base, stage, script) in [
            (Some(&base), Stage::Infra, None),
            (Some(&other), Stage::Infra, None),
            (None, Stage::Studio, None),
            (None, Stage::Infra, Some(&b""[..])),
            (None, Stage::Infra, Some(&b"x"[..])),
        ] {
            digests.push(of_effect(
                &Case { mode: Mode::Simulate, step: &plain, stage, cluster: None, base, edits: &[], script, ..case(&plain) },
                &policy,
                &finding,
            ));
        }
        digests.push(of_effect(&case(&plain), &sha256(b"other rules"), &finding));
        for other in [
            Finding { rule: "other".into(), ..finding.clone() },
            Finding { class: Class::Mutate, ..finding.clone() },
            Finding { verdict: Verdict::Ask, ..finding.clone() },
        ] {
            digests.push(of_effect(&case(&plain), &policy, &other));
        }
        let program = |name: &str, path: &str, bytes: &[u8]| Program { name: name.into(), path: path.into(), sha256: sha256(bytes) };
        for programs in [[program("a", "/b", b"c")], [program("a", "/b", b"d")], [program("a", "/d", b"c")], [program("d", "/b", b"c")]] {
            digests.push(of_effect(&Case { programs: &programs, ..case(&plain) }, &policy, &finding));
        }
        let all = digests.len();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), all);
    }

    #[test]
    fn words_that_only_describe_do_not_change_it() {
        let (plain, policy) = (step("kubectl get nodes"), sha256(b"rules"));
        let renamed = Step { name: "other".try_into().unwrap(), why: "other".to_string().try_into().unwrap(), ..plain.clone() };
        let finding = judge(&case(&plain));
        assert_eq!(of_effect(&case(&plain), &policy, &finding), of_effect(&case(&renamed), &policy, &finding));
    }
}
