//! Who runs scripts: recipes, pipelines, hooks, units, jobs and queues, and which lines of them count.

use super::verbs;
use studio_core::name::RelPath;

/// What runs commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// A human or an agent calls it by name.
    Recipe,
    /// A pipeline runs it on a push.
    Pipeline,
    /// Git runs it on a commit.
    Hook,
    /// A machine runs it at a time or at its start.
    Unit,
    /// The cluster runs it when it syncs.
    Job,
    /// The crew takes it from its queue or its map.
    Queue,
}

/// Keys whose text is only read by people.
const LABELS: &str = "name: desc: description: summary: detail: help: title: note: comment: label: id: task_id:";

impl Runner {
    /// Says whether it runs without anybody asking for it.
    pub(super) fn by_itself(self) -> bool {
        match self {
            Runner::Pipeline | Runner::Hook | Runner::Unit | Runner::Job | Runner::Queue => true,
            Runner::Recipe => false,
        }
    }

    /// Returns what it is, for a human.
    pub(super) fn name(self) -> &'static str {
        match self {
            Runner::Recipe => "recipe",
            Runner::Pipeline => "pipeline",
            Runner::Hook => "git hook",
            Runner::Unit => "unit or crontab",
            Runner::Job => "cluster job or hook",
            Runner::Queue => "queue of the crew",
        }
    }
}

/// Returns what the file at `path` is to a script, if it could run one.
pub(super) fn runner(path: &RelPath, text: &str) -> Option<Runner> {
    let (whole, name) = (path.as_str().to_lowercase(), path.file_name().to_lowercase());
    let any = |list: &str| list.split_whitespace().any(|part| whole.contains(part));
    let named = |list: &str| list.split_whitespace().any(|known| name == known);
    let starts = |list: &str| list.split_whitespace().any(|start| whole.starts_with(start));
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    if starts("ai/backlog.yaml ai/backlog.yml ai/tasks/ ai/context_map.yaml") && yaml {
        return Some(Runner::Queue).filter(|_| !whole.starts_with("ai/tasks/examples/"));
    }
    if starts(".github/workflows/ .github/actions/ .gitea/ .forgejo/ .gitlab-ci .gitlab/ .woodpecker .drone .circleci/ azure-pipelines .buildkite/")
        || named("jenkinsfile")
    {
        return Some(Runner::Pipeline);
    }
    if starts(".githooks/ .husky/") || named("lefthook.yml lefthook.yaml .pre-commit-config.yaml") {
        return Some(Runner::Hook);
    }
    if [".service", ".timer", ".path", ".cron"].iter().any(|end| name.ends_with(end)) || any("cron.d/ cron.daily/") || name.starts_with("crontab") {
        return Some(Runner::Unit);
    }
    let job = ["kind: Job", "kind: CronJob", "argocd.argoproj.io/hook", "helm.sh/hook"].iter().any(|word| text.contains(word));
    if yaml && job {
        return Some(Runner::Job);
    }
    let recipe =
        named("justfile .justfile makefile gnumakefile mise.toml .mise.toml package.json") || name.ends_with(".just") || name.ends_with(".mk");
    let task = yaml && (name.starts_with("taskfile") || any("taskfiles/ .taskfiles/ playbooks/ roles/ ansible/"));
    (recipe || task).then_some(Runner::Recipe)
}

/// Returns the commands of a file with their first lines, continuations joined, without comments
/// and without what is only said.
pub(super) fn commands(text: &str, runner: Option<Runner>) -> Vec<(u32, String)> {
    let mut commands: Vec<(u32, String)> = Vec::new();
    let mut goes_on = false;
    for (at, line) in text.lines().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let bare = line.trim();
        let (words, more) = bare.strip_suffix('\\').map_or((bare, false), |words| (words, true));
        match commands.last_mut().filter(|_| goes_on) {
            Some((_, command)) => {
                command.push(' ');
                command.push_str(words);
            }
            None if bare.starts_with('#') || bare.starts_with("//") => continue,
            None => commands.push((number, words.to_string())),
        }
        goes_on = more;
    }
    commands.retain(|(_, command)| runs(command, runner));
    commands
}

/// Says whether `word` means the file at `path`: its whole path or an end of it. Where an absolute
/// path leads is not known here, so its file name is enough.
pub(super) fn calls(word: &str, path: &RelPath) -> bool {
    let (mut said, mut parts) = (word.rsplit('/'), path.as_str().rsplit('/'));
    let unsure = |part: &str| part.is_empty() || part.starts_with('.') || part.contains('$');
    said.next() == parts.next() && (word.starts_with('/') || said.zip(&mut parts).all(|(said, part)| said == part || unsure(said)))
}

/// Returns the words of a command that could be the path of a file.
pub(super) fn words(command: &str) -> impl Iterator<Item = &str> {
    let apart = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ';' | '|' | '&' | '(' | ')' | '{' | '}' | '[' | ']' | '=' | ',' | ':');
    command.split(apart).filter(|word| !word.is_empty())
}

fn runs(command: &str, runner: Option<Runner>) -> bool {
    let bare = command.trim_start_matches(['-', '@', ' ']);
    let label = LABELS.split_whitespace().any(|label| bare.starts_with(label));
    let queued = ["target:", "command:", "run:"].iter().any(|key| bare.starts_with(key));
    !bare.is_empty() && !label && !verbs::says(bare) && (runner != Some(Runner::Queue) || queued)
}
