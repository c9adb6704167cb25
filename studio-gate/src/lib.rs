//! The rules: a short, closed list of what may run or be edited, and who may approve the rest.
//!
//! Everything here is pure: the same case gets the same judgement, and nothing touches a disk,
//! a network or a clock. The rules are tables of data; each row carries examples that a test checks:
//!
//! - [`ShortGate`] judges steps and edits.
//! - [`SshApprovers`] says whose signature an approval carries.
//! - [`sha256`] is the hash that operators can check with `sha256sum`.

mod approvers;
mod binding;
mod command;
mod danger;
mod declared;
mod digest;
mod edit;
mod grammar;
mod hours;
mod live;
mod manifest;
mod patch;
mod place;
mod registration;
mod registry;
mod script;
mod secret;
mod shell;

pub use approvers::{ApproversError, SshApprovers};
pub use declared::{BadArgument, Declared, DeclaredError, Kind, Param, declared};
pub use digest::sha256;
pub use edit::Finding;
pub use hours::{BadHours, Hours};
pub use patch::{BadPatch, FilePatch, patch};
pub use registration::{NotRegistered, Registration, registered};
pub use script::plain;
pub use secret::{SecretFinding, secrets};
pub use shell::{Command, Line, Note, Report, Why, Word, list};

use std::collections::{BTreeMap, BTreeSet};
use studio_core::gate::{Case, Class, EditJudgement, EditVerdict, Effect, Gate, Judgement, Verdict};
use studio_core::name::{Digest, Label, RelPath, Target};
use studio_core::plan::Edit;
use studio_core::step::Probe;
use studio_core::ticket::Stage;

/// The built-in rules: reads run unasked, changes ask, destruction needs a script, the rest is refused.
#[derive(Clone, Debug)]
pub struct ShortGate {
    scopes: place::Scopes,
    registry: registry::Registry,
    policy: Digest,
}

impl ShortGate {
    /// Returns the built-in rules.
    pub fn new() -> Self {
        ShortGate::over(place::Scopes::default(), registry::Registry::default())
    }

    /// Returns the built-in rules with folders of the repository's own: what each stage may write
    /// beside what the stages before it may, and what nobody may. Places with a rule of their own keep it.
    pub fn with_policy(stages: BTreeMap<Stage, Vec<RelPath>>, protected: Vec<RelPath>) -> Self {
        ShortGate::over(place::Scopes { stages: Some(stages), protected }, registry::Registry::default())
    }

    /// Returns these rules where humans registered `all`, and arguments may name the nodes of an inventory; without
    /// one, any name of a node's form.
    pub fn with_registrations(self, all: Vec<Registration>, nodes: Option<BTreeSet<Label>>) -> Self {
        ShortGate::over(self.scopes, registry::Registry::new(all, nodes))
    }

    /// Returns the registration that the step of `case` runs under; nothing if it needs none, or has none.
    pub fn registration(&self, case: &Case<'_>) -> Option<&Registration> {
        self.registry.needed(case, Class::Observe)?.ok()
    }

    /// Judges a line of shell text as the commands that it consists of, of which the strictest counts. Each works on
    /// `target` or, without one, on whatever it names itself.
    pub fn judge_line(&self, text: &str, target: Option<&Target>) -> LineJudgement {
        let (found, step) = shell::judge(text, &|words| command::of_words(words, target));
        LineJudgement::of(found, step)
    }

    /// Judges one command by its words, on `target` or, without one, on whatever it names itself.
    pub fn judge_words(&self, words: &[&str], target: Option<&Target>) -> LineJudgement {
        LineJudgement::of(command::of_words(words, target), true)
    }

    /// Returns the most that the script of `case` could do, on its target and with the files of its closure.
    pub fn report(&self, case: &Case<'_>, path: &RelPath, text: &[u8]) -> Report {
        script::report(case, path.as_str(), text)
    }

    /// Returns the most that the script of `case` could do on any target, with whatever arguments it declares.
    pub fn reach(&self, case: &Case<'_>, path: &RelPath, text: &[u8]) -> Report {
        script::reach(case, path, text)
    }

    /// Returns the most that a script could do that nothing but its name and text is known of.
    pub fn judge_script(&self, name: &str, text: &[u8]) -> Report {
        script::alone(name, text)
    }

    /// Says why a persona may not read, write or rename there in `stage`, whatever is written; nothing if it may. A
    /// rename is written `a -> b`. What only a human may agree to, it may not.
    pub fn path_refused(&self, op: PathOp, path: &str, stage: Stage) -> Option<String> {
        let named = match op {
            PathOp::Rename => path.split(" -> ").collect(),
            PathOp::Read | PathOp::Write => vec![path],
        };
        if op == PathOp::Rename && named.len() != 2 {
            return Some("a rename is written: a -> b".into());
        }
        named.into_iter().find_map(|path| match RelPath::plainly(path) {
            Err(error) => Some(error.to_string()),
            Ok(path) if op == PathOp::Read => place::hidden(path.as_str()).map(|why| format!("{path}: {why}")),
            Ok(path) => {
                let judged = edit::judge_path(path.as_str(), stage, &self.scopes)?;
                (judged.verdict > EditVerdict::Gate).then(|| format!("{path}: {}", judged.why))
            }
        })
    }

    /// Judges what a patch does to one file, of which `before` is what it held.
    ///
    /// # Errors
    /// It held something else than the patch says.
    pub fn judge_patch(&self, file: &FilePatch, before: Option<&[u8]>, stage: Stage) -> Result<Vec<Finding>, String> {
        edit::patched(file, before, stage, &self.scopes)
    }

    fn over(scopes: place::Scopes, registry: registry::Registry) -> Self {
        let tables = (grammar::digest(), danger::tables(), place::tables(), manifest::tables(), &scopes, &registry);
        ShortGate { policy: digest::of_tables(&tables), scopes, registry }
    }
}

/// What is done at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathOp {
    /// It is shown.
    Read,
    /// It is written, made or removed.
    Write,
    /// It is called otherwise.
    Rename,
}

/// What the rules say about a line of shell text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineJudgement {
    /// What may happen to it.
    pub verdict: Verdict,
    /// How much it could do.
    pub class: Class,
    /// What a second run would mean.
    pub effect: Effect,
    /// Which rule decided.
    pub rule: String,
    /// Why, for a human.
    pub why: String,
    /// What would be better.
    pub better: Option<String>,
    /// How to look whether it happened.
    pub probe: Option<Probe>,
    /// Whether it could be one step, as a list of words.
    pub step: bool,
}

impl LineJudgement {
    fn of(found: command::Finding, step: bool) -> LineJudgement {
        let command::Finding { verdict, class, effect, rule, why, better, probe } = found;
        LineJudgement { verdict, class, effect, rule, why, better, probe, step }
    }
}

/// Says what shows that a script destroys: a word of its name or of its text.
pub fn danger(path: &RelPath, text: &str) -> Option<String> {
    if danger::in_name(path.file_name()) { Some("its name".into()) } else { danger::shown_in(text) }
}

impl Default for ShortGate {
    fn default() -> Self {
        ShortGate::new()
    }
}

impl Gate for ShortGate {
    fn judge(&self, case: &Case<'_>) -> Judgement {
        let finding = live::narrow(case, command::judge(case), &self.registry);
        let digest = digest::of_effect(case, &self.policy, &finding);
        let script = case.script.filter(|_| case.step.argv.script().is_some()).map(sha256);
        let command::Finding { verdict, class, effect, rule, why, better, probe } = finding;
        Judgement { verdict, class, effect, rule, why, better, probe, digest, script, programs: case.programs.to_vec() }
    }

    fn programs(&self, case: &Case<'_>) -> BTreeSet<String> {
        let named = case.step.argv.script().zip(case.script).map(|(path, text)| script::report(case, path.as_str(), text).programs);
        named.unwrap_or_default().into_iter().chain([case.step.argv.program().to_string()]).collect()
    }

    fn judge_edit(&self, edit: &Edit, before: Option<&[u8]>, stage: Stage) -> EditJudgement {
        edit::judge(edit, before, stage, &self.scopes)
    }

    fn policy(&self) -> Digest {
        self.policy.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::tests::{case, step};
    use studio_core::step::Step;

    #[test]
    fn what_a_second_run_means_comes_with_the_form() {
        let gate = ShortGate::new();
        for (line, verdict, effect) in [
            ("kubectl get nodes", Verdict::Auto, Effect::Read),
            ("kubectl -n web rollout restart deploy/web", Verdict::Ask, Effect::OneShot),
            ("kubectl uncordon cp-1", Verdict::Ask, Effect::Idempotent),
            ("kubectl cordon cp-1", Verdict::Ask, Effect::Probed),
            ("kubectl cordon cp-1 cp-2", Verdict::ScriptOnly, Effect::OneShot),
            ("kubectl delete ns web", Verdict::ScriptOnly, Effect::OneShot),
            ("sh x.sh", Verdict::Refuse, Effect::OneShot),
        ] {
            let judged = gate.judge(&case(&step(line)));
            assert_eq!((judged.verdict, judged.effect, judged.script), (verdict, effect, None), "{line}");
            assert_eq!(judged.probe.is_some(), effect == Effect::Probed, "{line}");
        }
    }

    /// What a script names counts, through wrappers and functions; words of the shell and of other hosts do not stand for files here.
    #[test]
    fn the_programs_of_a_step_are_named() {
        let gate = ShortGate::new();
        let text = b"set -e\nf() { kubectl get nodes | grep -c Ready; }\nf\ntimeout 5 flux get ks -A\nif [ -f x ]; then echo x; fi\n";
        let names = |step: &Step, script| gate.programs(&Case { script, ..case(step) }).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&step("kubectl get nodes"), None), "kubectl");
        assert_eq!(names(&step("bash --noprofile --norc a.sh"), Some(text)), "bash flux grep kubectl timeout");
        assert_eq!(names(&step("bash --noprofile --norc a.sh"), None), "bash");
        let many: String = (0..300).map(|no| format!("p{no} x\n")).collect();
        let step = step("bash --noprofile --norc a.sh");
        let judged = gate.judge(&Case { script: Some(many.as_bytes()), ..case(&step) });
        assert_eq!(judged.class, Class::Opaque, "{}", judged.why);
    }

    /// The rules' own look asks the same cluster and namespace, and is a read by the same rules.
    #[test]
    fn a_probe_looks_where_the_command_worked() {
        let gate = ShortGate::new();
        for (line, look, shows) in [
            ("kubectl --context main cordon cp-1", "kubectl get node cp-1 -o jsonpath={.spec.unschedulable} --context=main", "true"),
            ("kubectl scale deploy/web --replicas=3 -n web", "kubectl get deploy/web -o jsonpath={.spec.replicas} --namespace=web", "3"),
        ] {
            let probe = gate.judge(&case(&step(line))).probe.unwrap();
            assert_eq!(probe.argv.words().collect::<Vec<_>>().join(" "), look);
            assert!(probe.expect.misses(Some(0), shows).is_empty() && !probe.expect.misses(Some(0), "30").is_empty());
            assert_eq!(gate.judge(&case(&step(look))).verdict, Verdict::Auto, "{look}");
        }
    }

    #[test]
    fn a_script_is_named_by_its_hash() {
        let (gate, step) = (ShortGate::new(), step("bash --noprofile --norc infrastructure/check.sh"));
        let judge = |script| gate.judge(&Case { script, ..case(&step) });
        let (one, other) = (judge(Some(&b"true\n"[..])), judge(Some(&b"false\n"[..])));
        assert_eq!((one.verdict, one.class, one.effect), (Verdict::Ask, Class::Observe, Effect::OneShot));
        assert_eq!(one.script, Some(sha256(b"true\n")));
        assert_ne!(one.digest, other.digest);
        assert_eq!(judge(None).script, None);
    }

    #[test]
    fn the_rules_have_one_digest() {
        assert_eq!(ShortGate::new().policy(), ShortGate::default().policy());
        assert_ne!(digest::of_tables(&(danger::tables(),)), digest::of_tables(&(place::tables(),)));
        let gate = ShortGate::new();
        let step = step("kubectl get nodes");
        assert_eq!(gate.judge(&case(&step)), gate.judge(&case(&step)));
    }
}
