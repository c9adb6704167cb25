//! `docs/cli.md` says what the command does: its commands, options, exit codes and shapes.

use super::Lab;
use super::shapes::{Shapes, seen, words};
use std::collections::BTreeSet;
use studio_bin::exit::Exit;

const PAGE: &str = include_str!("../../docs/cli.md");

/// Returns the part of the page under the heading that is this line.
fn part(heading: &str) -> &'static str {
    let (_, after) = PAGE.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("docs/cli.md has no {heading}"));
    let depth = heading.split(' ').next().unwrap();
    let end = [format!("\n{depth} "), "\n## ".into()].iter().filter_map(|next| after.find(next.as_str())).min();
    &after[..end.unwrap_or(after.len())]
}

/// Returns the long options that `text` names, each once.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 2 && !word.starts_with("---")).map(String::from).collect()
}

/// Returns the first cells of the rows of the tables in `text`, without the header.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells.filter(|cell| cell.starts_with('`') || cell.starts_with(|c: char| c.is_ascii_digit())).map(|cell| cell.trim_matches('`'))
}

#[test]
fn the_page_has_every_command_and_option() {
    let lab = Lab::new(&[]);
    let help = lab.studio(0, "--help").out;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let commands: Vec<&str> = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 10 && commands.ends_with(&["help"]), "{commands:?}");
    let everywhere = options(part("## Everywhere"));
    for command in commands.into_iter().filter(|command| *command != "help") {
        let whole = [("memory", "memory search"), ("policy", "policy explain"), ("script", "script register")]
            .into_iter()
            .find(|(name, _)| *name == command)
            .map_or(command, |(_, whole)| whole);
        let help = lab.studio(0, &format!("{whole} --help")).out;
        let (_, listed) = help.split_once("Options:\n").unwrap();
        let named = listed.lines().filter_map(|line| line.trim_start().trim_start_matches("-h, ").split(' ').next());
        let real: BTreeSet<String> = named.filter(|word| word.starts_with("--")).map(String::from).collect();
        assert!(everywhere.is_subset(&real.iter().cloned().chain(["--version".to_string()]).collect()), "{command}");
        let own: BTreeSet<String> = real.difference(&everywhere).cloned().collect();
        assert_eq!(options(part(&format!("### `studio {command}`"))), own, "docs/cli.md, studio {command}");
    }
    assert_eq!(
        PAGE.matches("\n### `studio ").count(),
        help.lines().filter(|line| line.starts_with("  ") && !line.trim_start().starts_with('-')).count() - 1
    );
}

#[test]
fn the_page_has_every_exit_code() {
    let over = [Exit::Refused, Exit::Failed, Exit::Lost, Exit::Held];
    let others = [Exit::Done, Exit::Error, Exit::Usage, Exit::BadInput, Exit::NeedsHuman, Exit::NeedsSetting];
    let codes: Vec<String> = others.iter().chain(&over).map(|code| (*code as u8).to_string()).collect();
    assert_eq!(rows(part("## Exit codes")).collect::<Vec<_>>(), codes);
}

#[test]
fn the_page_has_every_shape() {
    let json = part("## JSON");
    let kinds = json.lines().filter_map(|line| line.strip_prefix("### type `")?.strip_suffix('`'));
    let page: Shapes = kinds.map(|kind| (kind.into(), rows(part(&format!("### type `{kind}`"))).map(String::from).collect())).collect();
    assert_eq!(words(&page), words(&seen()), "left: docs/cli.md, right: what the studio prints");
}
